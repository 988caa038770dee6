//! The server's command line as lines of a configuration file, by Redis's rules:
//! `rankd [CONFIG-FILE] [DIRECTIVE VALUE] [--DIRECTIVE VALUE ...] ... [-]`.

use crate::text::quoting::{quoted, split_words};
use std::ffi::{OsStr, OsString};

/// What the command line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ServerWords {
    /// The configuration file.
    pub(super) file: Option<OsString>,
    /// Whether standard input is read as a configuration file, after the other one.
    pub(super) reads_standard_input: bool,
    /// Whether the configuration is only checked.
    pub(super) only_checks: bool,
    /// The directives, in the syntax of a configuration file, one option a line.
    pub(super) lines: Vec<u8>,
}

/// Names standard input in the place of a configuration file.
pub(super) const STANDARD_INPUT: &str = "-";

/// Checks the configuration, where an option may stand.
pub(super) const CHECK: &str = "--check-config";

impl ServerWords {
    /// Reads the words behind the program's name.
    ///
    /// A word with two dashes in front begins an option. Such a word may have the values in it (`--save "60 1"` and
    /// `"--save 60 1"` are the same); if it has none, the next word is a value, whatever it begins with. The words up to the
    /// next option are further values.
    pub(super) fn read(words: impl IntoIterator<Item = OsString>) -> Self {
        let mut words = words.into_iter().peekable();
        let mut read = Self::default();
        let mut is_first = true;
        // The option has no value yet.
        let mut lacks_value = false;
        while let Some(word) = words.next() {
            let bytes = word.as_encoded_bytes();
            let is_check = word == CHECK && !lacks_value;
            if is_check {
                read.only_checks = true;
                continue;
            }
            let may_be_file = std::mem::replace(&mut is_first, false);
            if word == STANDARD_INPUT && (may_be_file || words.peek().is_none()) {
                read.reads_standard_input = true;
                continue;
            }
            if may_be_file && !bytes.starts_with(b"-") {
                read.file = Some(word);
                continue;
            }
            let Some(option) = bytes.strip_prefix(b"--").filter(|_| !lacks_value) else {
                read.lines.extend_from_slice(quoted(bytes).as_bytes());
                read.lines.push(b' ');
                lacks_value = false;
                continue;
            };
            if !read.lines.is_empty() {
                read.lines.push(b'\n');
            }
            read.lines.extend_from_slice(option);
            read.lines.push(b' ');
            let is_bare_save = bytes.eq_ignore_ascii_case(b"--save")
                && words.peek().is_none_or(|next: &OsString| is_option(next));
            if is_bare_save {
                read.lines.extend_from_slice(b"\"\"");
            }
            lacks_value = !is_bare_save && is_one_word(bytes);
        }
        read
    }
}

fn is_option(word: &OsStr) -> bool {
    word.as_encoded_bytes().starts_with(b"--")
}

fn is_one_word(bytes: &[u8]) -> bool {
    let mut words = 0;
    split_words(&mut bytes.to_vec(), |_| words += 1).is_ok() && words == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(words: &[&str]) -> String {
        let read = ServerWords::read(words.iter().map(OsString::from));
        assert!(!read.reads_standard_input && !read.only_checks, "{words:?}");
        let file = read.file.map(|file| format!("{}: ", file.display()));
        file.unwrap_or_default() + std::str::from_utf8(&read.lines).unwrap()
    }

    #[test]
    fn a_word_may_have_an_option_and_its_values() {
        assert_eq!(lines(&["--save", "60 1", "--hz", "2"]), "save \"60 1\" \nhz \"2\" ");
        assert_eq!(lines(&["--save 60 1", "2", "--hz 2"]), "save 60 1 \"2\" \nhz 2 ");
        assert_eq!(lines(&["--hz ", "--3", "--x"]), "hz  \"--3\" \nx ");
        assert_eq!(lines(&["--a \"b", "--c"]), "a \"b \nc ");
        assert_eq!(lines(&["-x", "a\nb"]), "\"-x\" \"a\\nb\" ");
        assert_eq!(lines(&[]), "");
    }

    #[test]
    fn options_without_dashes_follow_the_file() {
        assert_eq!(lines(&["a.conf", "hz", "2", "--hz", "3"]), "a.conf: \"hz\" \"2\" \nhz \"3\" ");
        assert_eq!(lines(&["a.conf", "hz 2"]), "a.conf: \"hz 2\" ");
    }

    #[test]
    fn save_without_a_value_is_an_empty_one() {
        assert_eq!(lines(&["--SAVE", "--hz", "2"]), "SAVE \"\"\nhz \"2\" ");
        assert_eq!(lines(&["--hz", "2", "--save"]), "hz \"2\" \nsave \"\"");
        assert_eq!(lines(&["--save", "", "--hz", "2"]), "save \"\" \nhz \"2\" ");
    }

    #[test]
    fn standard_input_comes_first_or_last() {
        let read = |words: &[&str]| ServerWords::read(words.iter().map(OsString::from));
        for words in [&["-", "--hz", "2"][..], &["--hz", "2", "-"]] {
            let read = read(words);
            assert!(read.reads_standard_input && read.lines == b"hz \"2\" ", "{words:?}");
        }
        let between = read(&["--hz", "-", "--x", "3"]);
        assert!(!between.reads_standard_input && between.lines == b"hz \"-\" \nx \"3\" ");
        let checks = read(&[CHECK, "a.conf", "-"]);
        assert!(checks.only_checks && checks.reads_standard_input && checks.file.is_some());
        assert!(!read(&["--requirepass", CHECK]).only_checks);
    }
}
