//! The command line: that of the server (`flags.rs`), `rankd ping`, `rankd bench`, `rankd import SOURCE`,
//! `rankd journal check|dump|repair DIR`.
//!
//! Flags, environment variables and help are made from the directive table. Flags win over the environment, the
//! environment over the file.

use super::flags::{CHECK, STANDARD_INPUT, ServerWords};
use super::{environment, probe, signals, startup, users};
use crate::bench;
use crate::config;
use crate::config::{Config, IGNORED, Ignored, NoEffect};
use crate::journal;
use crate::journal::{DumpError, JournalReport, RepairMode};
use crate::machine::print::{complain, print_line};
use crate::machine::progress::ReadProgress;
use crate::net::tls::options;
use crate::server::import::{self, BoardOption};
use crate::server::listening::addresses::addresses;
use crate::server::threads::tls::TlsTerms;
use crate::text::quoting::quoted;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::OsString;
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Runs the program and returns its exit code: 0 for a clean end, 1 for a failure, 2 for a wrong command line of `ping`,
/// `bench`, `import` and `journal`.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let result = match words.get(1).and_then(|word| word.to_str()) {
        Some(
            "ping" | "bench" | "import" | "journal" | "help" | "--help" | "-h" | "--version" | "-V" | "-v",
        ) => run_client(&command().get_matches_from(join_values(words.into_iter()))),
        _ => run_server(words.into_iter().skip(1)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            complain(format_args!("rankd: {message}"));
            ExitCode::FAILURE
        }
    }
}

fn run_server(words: impl Iterator<Item = OsString>) -> Result<(), String> {
    let words = ServerWords::read(words);
    let (config, file) = configuration(&words)?;
    if !words.only_checks {
        return startup::run(config, file);
    }
    addresses(&config.bind).and(addresses(&config.metrics.bind))?;
    users::defined_by(&config)?;
    let read = TlsTerms::default().read(&config);
    read.map_err(|NoEffect { directive, why }| format!("{directive}: {why}"))?;
    print_line("configuration ok")?;
    let mut warnings = config.warnings().into_iter().chain(environment::unknown_variables());
    warnings.try_for_each(|warning| print_line(format_args!("warning: {warning}")))
}

fn run_client(matches: &ArgMatches) -> Result<(), String> {
    match matches.subcommand() {
        Some(("ping", matches)) => {
            let (config, _) = configuration(&words_of(matches))?;
            probe::ping(&config, &options::read(matches))
        }
        Some(("journal", matches)) => run_journal(matches),
        Some(("bench", matches)) => {
            signals::interrupted().and_then(|interrupted| bench::run(matches, &interrupted))
        }
        Some(("import", matches)) => {
            let (config, _) = configuration(&words_of(matches))?;
            let source = matches.get_one::<String>("source").expect("clap requires it");
            let boards = matches.get_many::<BoardOption>("board").into_iter().flatten().cloned();
            import::run(&config, source, &options::read(matches), &boards.collect::<Vec<_>>())
        }
        _ => unreachable!("clap prints help and version"),
    }
}

fn command() -> Command {
    Command::new("rankd")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A server for ranking work that speaks the Redis protocol.")
        .after_help(
            "Each option is also a line of the configuration file (port 7000), an environment variable \
             (RANKD_PORT=7000)\nand a name for CONFIG GET. Options win over the environment, the environment over \
             the file.\nRANKD_REQUIREPASS_FILE, RANKD_MASTERAUTH_FILE and RANKD_SENTINEL_PASS_FILE name files with the passwords.",
        )
        .args_conflicts_with_subcommands(true)
        .args_override_self(true)
        .disable_version_flag(true)
        .arg(
            Arg::new("version")
                .short('V')
                .short_alias('v')
                .long("version")
                .action(ArgAction::Version)
                .help("Prints the version"),
        )
        .term_width(110)
        .arg(config_file())
        .arg(
            Arg::new("check-config")
                .long(CHECK.trim_start_matches('-'))
                .action(ArgAction::SetTrue)
                .help("Checks the configuration, reports what is wrong with it, and exits"),
        )
        .args(directives())
        .subcommand(
            Command::new("ping")
                .about("Checks the server on this machine: exit code 0 if it answers PONG")
                .arg(config_file())
                .args(directives())
                .args(options::arguments())
                // As redis-cli calls it.
                .mut_arg("unixsocket", |socket| socket.short('s')),
        )
        .subcommand(
            Command::new("import")
                .about("Reads the data of a Redis or Valkey into a directory that holds none yet (--dir)")
                .arg(Arg::new("source").value_name("FILE | DIR | redis://HOST:PORT | rediss://HOST:PORT | unix:///PATH").required(true).help(
                    "An RDB file, an append-only file or its directory, or a running server \
                     (redis://[[user:]password@]host[:port][/database], rediss:// for TLS, unix:///path)",
                ))
                .arg(
                    Arg::new("board")
                        .long("board")
                        .value_name("PATTERN=POLICY")
                        .action(ArgAction::Append)
                        .value_parser(BoardOption::parse)
                        .help(
                            "Makes boards with a policy of the sorted sets whose keys match, such as \
                             'lb:*=INTEGER,TIES FIRST,COMPOSITE 1e11' of scores that are score x 10^11 + 10^11 - time",
                        ),
                )
                .arg(config_file().long("config").value_name("CONFIG-FILE"))
                .args(options::arguments())
                .args(directives()),
        )
        .subcommand(
            Command::new("journal")
                .about("Reads a journal without a server")
                .subcommand_required(true)
                .subcommand(
                    Command::new("check")
                        .about("Checks every record; exit code 1 and the place if one is damaged")
                        .arg(journal_directory()),
                )
                .subcommand(
                    Command::new("dump")
                        .about("Prints one line for each change")
                        .arg(journal_directory())
                        .arg(switch("resp").help(
                            "Prints the final contents as commands instead, for redis-cli --pipe and any Redis",
                        )),
                )
                .subcommand(
                    Command::new("repair")
                        .about("Reports what must be cut off for a server to start on a damaged journal, and cuts it off")
                        .arg(journal_directory())
                        .arg(switch("cut").help("Cuts it off, and keeps it in files beside the journal's")),
                ),
        )
        .subcommand(bench::command())
}

fn switch(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn config_file() -> Arg {
    Arg::new("config-file")
        .value_name("CONFIG-FILE")
        .help("Configuration file, in redis.conf's syntax; `-`: standard input")
}

fn journal_directory() -> Arg {
    Arg::new("directory")
        .value_name("DIR")
        .required(true)
        .help("The server's directory, or the journal in it")
}

/// Joins a directive's flag of `ping` and `import` with its values: `--bind 127.0.0.1 -::1` becomes `--bind=127.0.0.1 -::1`.
/// Every word but one with two dashes in front is a value; a directive with one value takes one, so that a file may follow.
fn join_values(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words = words.peekable();
    let mut joined = Vec::new();
    while let Some(mut word) = words.next() {
        let most = word.to_str().and_then(|word| word.strip_prefix("--")).map_or(0, values_of);
        let is_value =
            |next: &OsString| !next.as_encoded_bytes().starts_with(b"--") && next != STANDARD_INPUT;
        let is_save = word == "--save";
        for taken in 0..most {
            let Some(value) = words.next_if(is_value) else {
                // As in Redis, a bare `--save` is `--save ""`.
                if taken == 0 && is_save {
                    word.push("=");
                }
                break;
            };
            word.push(if taken == 0 { "=" } else { " " });
            word.push(value);
        }
        joined.push(word);
    }
    joined
}

/// How many values the directive `name` takes on the command line, 0 if there is no such directive.
fn values_of(name: &str) -> usize {
    if matches!(name, "bind" | "save") || Ignored::find(name).is_some() {
        usize::MAX
    } else {
        usize::from(config::directives().any(|directive| directive.name == name))
    }
}

/// A flag for each directive. Redis's directives without effect are accepted as well, and hidden.
fn directives() -> impl Iterator<Item = Arg> {
    let ours = config::directives().map(|directive| {
        let default = if directive.default.is_empty() { "none" } else { directive.default };
        flag(directive.name)
            .help(format!("{} [default: {default}]", directive.help))
            .help_heading(directive.section.title())
            .value_name("VALUE")
    });
    ours.chain(hidden_names().map(|name| flag(name).hide(true)))
}

/// The names that `--help` does not show.
fn hidden_names() -> impl Iterator<Item = &'static str> {
    let ignored = IGNORED.iter().flat_map(|ignored| ignored.names.iter().copied());
    ignored.chain(config::OTHER_NAMES.iter().map(|(other, _)| *other))
}

fn flag(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::Set)
}

/// What the flags of `ping` and `import` say about the configuration.
fn words_of(matches: &ArgMatches) -> ServerWords {
    let (mut words, mut lines) = (ServerWords::default(), String::new());
    match matches.get_one::<String>("config-file") {
        Some(file) if file == STANDARD_INPUT => words.reads_standard_input = true,
        file => words.file = file.map(OsString::from),
    }
    for name in config::directives().map(|directive| directive.name).chain(hidden_names()) {
        if let Some(value) = matches.get_one::<String>(name) {
            lines += &format!("{name} {}\n", quoted(value.as_bytes()));
        }
    }
    words.lines = lines.into_bytes();
    words
}

/// The configuration from file, environment and flags, and the file's name.
fn configuration(words: &ServerWords) -> Result<(Config, Option<PathBuf>), String> {
    let mut config = Config::default();
    let file = words.file.as_ref().map(PathBuf::from);
    if let Some(path) = &file {
        config.read_file(path).map_err(|error| error.to_string())?;
    }
    if words.reads_standard_input {
        let mut text = Vec::new();
        std::io::stdin()
            .read_to_end(&mut text)
            .map_err(|error| format!("standard input cannot be read: {error}"))?;
        config.read_text("standard input", &text).map_err(|error| error.to_string())?;
    }
    environment::set(&mut config)?;
    config.read_text("command line", &words.lines).map_err(|error| error.to_string())?;
    Ok((config, file))
}

fn run_journal(matches: &ArgMatches) -> Result<(), String> {
    let (name, matches) = matches.subcommand().expect("clap requires one");
    let directory = matches.get_one::<String>("directory").map(Path::new).expect("clap requires it");
    // Either the server's `dir` or the journal in it may be named.
    let nested = directory.join(journal::DIRECTORY_NAME);
    let directory = if nested.is_dir() { nested } else { directory.to_owned() };
    if !directory.is_dir() {
        return Err(format!("{}: no such directory", directory.display()));
    }
    let progress = Arc::new(ReadProgress::default());
    report_progress(&progress);
    match name {
        "check" => {
            let report = journal::check(&directory, &progress).map_err(|error| error.to_string())?;
            print_line(not_empty(report, &directory)?)
        }
        "repair" => {
            let mode = if matches.get_flag("cut") { RepairMode::Cut } else { RepairMode::Tell };
            match (journal::repair(&directory, mode, &progress).map_err(|error| error.to_string())?, mode) {
                (None, _) => print_line("nothing to repair"),
                (Some(cut), RepairMode::Cut) => {
                    print_line(format_args!("{cut}\ncut off, and kept in files beside"))
                }
                (Some(cut), RepairMode::Tell) => {
                    Err(format!("{cut}\nnothing has been changed; --cut cuts it off"))
                }
            }
        }
        _ => {
            let mut out = BufWriter::new(std::io::stdout().lock());
            let dumped = if matches.get_flag("resp") {
                journal::dump_resp(&directory, &mut out, &progress)
            } else {
                journal::dump(&directory, &mut out, &progress)
            };
            match dumped {
                Ok(report) => not_empty(report, &directory).map(|_| ()),
                // A reader that closes the pipe (`| head`) is not a failure.
                Err(DumpError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        }
    }
}

fn not_empty(report: JournalReport, directory: &Path) -> Result<JournalReport, String> {
    if report.files.is_empty() {
        Err(format!("{}: no journal here", directory.display()))
    } else {
        Ok(report)
    }
}

/// Reports the progress of a long reading on standard error, once a second. The thread ends with the process.
fn report_progress(progress: &Arc<ReadProgress>) {
    let progress = Arc::clone(progress);
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            let (read, total) = (progress.read_bytes(), progress.total_bytes());
            if read < total {
                complain(format_args!("rankd: {} of {} MiB read", read >> 20, total >> 20));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(words: &[&str]) -> Result<Config, String> {
        let words = ServerWords::read(words.iter().map(OsString::from));
        configuration(&words).map(|(config, _)| config)
    }

    #[test]
    fn clap_accepts_the_definition() {
        command().debug_assert();
    }

    #[test]
    fn flags_set_directives() {
        let read = config(&["--port", "7000", "--bind", "127.0.0.1", "::1", "--save", ""]).unwrap();
        assert_eq!((read.port, read.bind), (7000, vec!["127.0.0.1".to_owned(), "::1".to_owned()]));
        let read = config(&["--bind", "127.0.0.1 -::1", "--requirepass", "--x", "--port 1"]).unwrap();
        assert_eq!((read.bind.len(), read.requirepass.as_str(), read.port), (2, "--x", 1));
        let read = config(&["--user", "ann", "on", ">p", "--user bob off"]).unwrap();
        assert_eq!(read.users, [vec!["ann", "on", ">p"], vec!["bob", "off"]]);
        for (words, error) in [
            (&["--threads", "-1"][..], "'threads \"-1\"': argument must be between 0 and 256 inclusive"),
            (&["--port", "7000", "x.conf"], "'port \"7000\" \"x.conf\"': wrong number of arguments"),
            (&["--port", "x"], "'port \"x\"': argument couldn't be parsed into an integer"),
            (&["--prot", "1"], "'prot \"1\"': unknown directive (did you mean 'port'?)"),
            (&["--port"], "'port': wrong number of arguments"),
            (&["--port", "--hz", "2"], "'port \"--hz\" \"2\"': wrong number of arguments"),
            (&["--save", "60 1", "2 3"], "'save \"60 1\" \"2 3\"': Invalid save parameters"),
            (&["--save 60"], "'save 60': Invalid save parameters"),
            (&["--dir \"x"], "unbalanced quotes"),
            (&["--user"], "'user': Bad directive or wrong number of arguments"),
        ] {
            assert_eq!(config(words).unwrap_err(), format!("command line:1: {error}"));
        }
        let error = config(&["missing.conf", "--port", "7000"]).unwrap_err();
        assert!(error.starts_with("missing.conf: cannot be read"), "{error}");
        for words in [&["--save", "--port", "7000"][..], &["--port", "7000", "--save"]] {
            let read = config(words).unwrap();
            assert_eq!((read.port, read.save.len()), (7000, 0), "{words:?}");
        }
    }
}
