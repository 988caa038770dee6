//! A script: a file of conversations, read and written. `mod.rs` explains its lines.

use std::path::{Path, PathBuf};

use super::request::{find_outside_quotes, with_row, words_of};
use super::step::{Compared, Expected, Party, Said, Step};
use crate::support::escape::escape;
use crate::support::notation::{values_of_lines, values_of_row};

/// One file.
pub(super) struct Script {
    path: PathBuf,
    pub(super) server_arguments: Vec<String>,
    items: Vec<Item>,
}

enum Item {
    /// Comments, titles, directives and empty lines, unchanged.
    Text(String),
    Step(Step),
    Table(Table),
}

/// Requests that are repeated for each row, with the words of the row in their placeholders.
struct Table {
    requests: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    words: String,
    /// One for each request.
    steps: Vec<Step>,
}

/// The lines of a file that are not read yet.
struct Lines<'a> {
    path: &'a Path,
    lines: std::iter::Peekable<std::iter::Enumerate<std::str::Lines<'a>>>,
}

impl<'a> Lines<'a> {
    /// The next line, numbered from 1.
    fn next(&mut self) -> Option<(usize, &'a str)> {
        self.lines.next().map(|(index, line)| (index + 1, line))
    }

    /// The next lines that begin with `mark`, numbered, without it.
    fn marked(&mut self, mark: &str) -> Vec<(usize, &'a str)> {
        let mut found = Vec::new();
        while let Some((index, line)) = self.lines.next_if(|(_, line)| line.starts_with(mark)) {
            found.push((index + 1, &line[mark.len()..]));
        }
        found
    }

    fn take(&mut self, wanted: &str) -> bool {
        self.lines.next_if(|(_, line)| *line == wanted).is_some()
    }

    fn panic(&self, number: usize, what: &str) -> ! {
        panic!("{}:{number}: {what}", self.path.display())
    }
}

impl Script {
    /// The script in `tests/scripts` of this name.
    pub(super) fn named(name: &str) -> Script {
        let path = directory().join(name).with_extension("resp");
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let lines = Lines { path: &path, lines: text.lines().enumerate().peekable() };
        let (server_arguments, items) = read(lines);
        Script { path, server_arguments, items }
    }

    pub(super) fn name(&self) -> String {
        self.path.file_name().expect("a file name").to_string_lossy().into_owned()
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.items.iter().flat_map(|item| -> Vec<&Step> {
            match item {
                Item::Text(_) => Vec::new(),
                Item::Step(step) => vec![step],
                Item::Table(table) => table.rows.iter().flat_map(|row| &row.steps).collect(),
            }
        })
    }

    pub(super) fn steps_mut(&mut self) -> impl Iterator<Item = &mut Step> {
        self.items.iter_mut().flat_map(|item| -> Vec<&mut Step> {
            match item {
                Item::Text(_) => Vec::new(),
                Item::Step(step) => vec![step],
                Item::Table(table) => table.rows.iter_mut().flat_map(|row| &mut row.steps).collect(),
            }
        })
    }

    /// Removes the steps that waited for a reply which did not come during the recording.
    pub(super) fn drop_empty_waits(&mut self) {
        self.items
            .retain(|item| !matches!(item, Item::Step(step) if step.awaits() && step.expected.is_empty()));
    }

    /// All requests.
    pub(super) fn requests(&self) -> impl Iterator<Item = Vec<Vec<u8>>> {
        self.steps().filter_map(|step| match &step.said {
            Said::Request(request) => Some(words_of(request)),
            _ => None,
        })
    }

    /// The first words of all requests, in upper case.
    pub(super) fn commands(&self) -> impl Iterator<Item = String> {
        self.requests().filter_map(|words| words.first().map(|word| escape(word).to_uppercase()))
    }

    /// The titles of the conversations, each with the number of its requests; a table's count once.
    pub(super) fn conversations(&self) -> Vec<(&str, usize)> {
        let mut found = Vec::new();
        for item in &self.items {
            let requests = match item {
                Item::Text(line) => {
                    found.extend(line.strip_prefix("---").map(|title| (title.trim(), 0)));
                    continue;
                }
                Item::Step(step) => usize::from(!step.awaits()),
                Item::Table(table) => table.requests.len(),
            };
            found.last_mut().unwrap_or_else(|| panic!("{}: a request before any title", self.name())).1 +=
                requests;
        }
        found
    }

    /// The file's text, laid out.
    pub(super) fn text(&self) -> String {
        self.items.iter().flat_map(Item::lines).map(|line| line + "\n").collect()
    }

    /// The file's text as it is.
    pub(super) fn text_on_disk(&self) -> String {
        std::fs::read_to_string(&self.path).expect("a readable script")
    }

    /// Replaces the file. The replacement is atomic, because other tests read it.
    pub(super) fn write(&self) {
        let unfinished = self.path.with_extension("resp.new");
        std::fs::write(&unfinished, self.text()).expect("a writable script");
        std::fs::rename(unfinished, &self.path).expect("a writable directory");
    }
}

/// The directory of the scripts.
pub(super) fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts"))
}

fn read(mut lines: Lines) -> (Vec<String>, Vec<Item>) {
    let mut server_arguments = Vec::new();
    let mut items = Vec::new();
    let mut next = Step::default();
    while let Some((number, line)) = lines.next() {
        let said = if let Some(request) = line.strip_prefix("> ") {
            Some(Said::Request(request.to_owned()))
        } else if let Some(bytes) = line.strip_prefix(">> ") {
            Some(Said::Bytes(bytes.to_owned()))
        } else {
            (line == "...").then_some(Said::Nothing)
        };
        if let Some(said) = said {
            let step = Step { line: number, said, ..std::mem::take(&mut next) };
            items.push(Item::Step(with_expected(step, &mut lines)));
            continue;
        }
        items.push(Item::Text(line.to_owned()));
        match line.split_once(' ').map_or(line, |(first, _)| first) {
            "" | "#" => {}
            "---" => next.starts_conversation = true,
            "@server" => server_arguments.extend(line.split(' ').skip(1).map(str::to_owned)),
            "@new" => next.new_connection = true,
            "@on" => next.on = Some(line["@on".len()..].trim().to_owned()),
            "@later" => next.later = true,
            "@rankd" => next.only = Some(&[Party::Rankd]),
            "@redis" => next.only = Some(&[Party::Redis]),
            "@valkey" => next.only = Some(&[Party::Rankd, Party::Valkey]),
            "@unordered" => next.compared = Compared::Unordered,
            "@any" => next.compared = Compared::Kind,
            "@table" => items.push(Item::Table(read_table(std::mem::take(&mut next), &mut lines))),
            other => lines.panic(number, &format!("what is `{other}`?")),
        }
    }
    (server_arguments, items)
}

/// `step` with the replies that follow its request in the file.
fn with_expected(mut step: Step, lines: &mut Lines) -> Step {
    let expected: Vec<&str> = lines.marked("< ").into_iter().map(|(_, line)| line).collect();
    step.expected = if step.compared == Compared::Kind {
        expected.into_iter().map(|kind| Expected::Kind(kind.to_owned())).collect()
    } else {
        let values = values_of_lines(&expected.join("\n"));
        let values = values.unwrap_or_else(|what| lines.panic(step.line, &format!("its reply: {what}")));
        values.into_iter().map(Expected::Reply).collect()
    };
    step.closed = lines.take("closed");
    step
}

/// A table whose steps have the directives of `first`, which stand before the table.
fn read_table(mut first: Step, lines: &mut Lines) -> Table {
    let requests: Vec<String> = lines.marked("> ").into_iter().map(|(_, line)| line.to_owned()).collect();
    let mut rows = Vec::new();
    if first.compared == Compared::Kind {
        panic!("{}: `@any` and a table do not go together: a row's replies are values", lines.path.display());
    }
    for (number, row) in lines.marked("| ") {
        let (words, values) = match find_outside_quotes(row, "| ") {
            Some(end) => (row[..end].trim(), &row[end + 2..]),
            None => (row.trim(), ""),
        };
        let values = values_of_row(values).unwrap_or_else(|what| lines.panic(number, &what));
        if !values.is_empty() && values.len() != requests.len() {
            lines.panic(number, &format!("{} requests and {} replies", requests.len(), values.len()));
        }
        let mut values = values.into_iter();
        let mut steps = Vec::new();
        for request in &requests {
            let said = Said::Request(with_row(request, words));
            let expected = values.next().map(Expected::Reply).into_iter().collect();
            steps.push(Step { line: number, said, expected, ..first.clone() });
            // Only the first step has the directives that change the connection.
            first = Step { only: first.only, compared: first.compared, ..Step::default() };
        }
        rows.push(Row { words: words.to_owned(), steps });
    }
    Table { requests, rows }
}

impl Item {
    fn lines(&self) -> Vec<String> {
        match self {
            Item::Text(line) => vec![line.clone()],
            Item::Step(step) => {
                let mut lines = vec![match &step.said {
                    Said::Nothing => "...".to_owned(),
                    Said::Request(request) => format!("> {request}"),
                    Said::Bytes(bytes) => format!(">> {bytes}"),
                }];
                lines.extend(step.expected.iter().flat_map(Expected::lines).map(|line| format!("< {line}")));
                lines.extend(step.closed.then(|| "closed".to_owned()));
                lines
            }
            Item::Table(table) => {
                let width = table.rows.iter().map(|row| row.words.len()).max().unwrap_or(0);
                let requests = table.requests.iter().map(|request| format!("> {request}"));
                let rows = table.rows.iter().map(|row| {
                    let values = row.steps.iter().flat_map(|step| &step.expected).map(Expected::inline);
                    format!("| {:width$} | {}", row.words, values.collect::<Vec<_>>().join(" "))
                });
                requests.chain(rows).collect()
            }
        }
    }
}
