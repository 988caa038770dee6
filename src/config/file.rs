//! Reading a configuration file in redis.conf's syntax.

use super::fields::Config;
use super::ignored::Ignored;
use super::named::takes_several;
use super::value::print_save_points;
use super::wildcard;
use crate::text::quoting::split_words;
use std::fmt;
use std::path::{Path, PathBuf};

/// How deep `include` may nest. The limit ends the reading of a file that includes itself.
const INCLUDES: usize = 16;

/// How many files may be included in all. The limit ends the reading of files that include each other by wildcards.
const INCLUDED_FILES: usize = 1024;

/// Redis's error for a line with too few or too many values.
const WRONG_NUMBER: &str = "wrong number of arguments";

/// Redis's error for a line that is only a name, which names no directive.
const BAD_DIRECTIVE: &str = "Bad directive or wrong number of arguments";

/// Why a configuration file cannot be used, with the file and the line.
#[derive(Debug)]
pub struct FileError {
    path: PathBuf,
    /// 1-based; `None` if the error concerns the whole file.
    line: Option<usize>,
    what: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.what)
    }
}

impl std::error::Error for FileError {}

impl Config {
    /// Reads a configuration file; its lines override the current values.
    ///
    /// # Errors
    /// The first invalid line, with file and number, or a file that cannot be read.
    pub fn read_file(&mut self, path: &Path) -> Result<(), FileError> {
        Reading { config: self, included: 0 }.read(path, 0)
    }

    /// As [`Config::read_file`], from `text`, which errors call `name`, and from whose place its includes are found.
    ///
    /// # Errors
    /// The first invalid line.
    pub fn read_text(&mut self, name: &str, text: &[u8]) -> Result<(), FileError> {
        Reading { config: self, included: 0 }.read_text(Path::new(name), text, 0)
    }
}

/// The reading of one file and of the files that it includes.
struct Reading<'c> {
    config: &'c mut Config,
    /// Files included so far.
    included: usize,
}

impl Reading<'_> {
    fn read(&mut self, path: &Path, depth: usize) -> Result<(), FileError> {
        let text = std::fs::read(path).map_err(|why| FileError {
            path: path.to_owned(),
            line: None,
            what: format!("cannot be read: {why}"),
        })?;
        self.read_text(path, &text, depth)
    }

    fn read_text(&mut self, path: &Path, text: &[u8], depth: usize) -> Result<(), FileError> {
        let error = |line, what| FileError { path: path.to_owned(), line, what };
        for (index, written) in text.split(|byte| *byte == b'\n').enumerate() {
            let number = Some(index + 1);
            let written = written.trim_ascii();
            let mut line = written.to_vec();
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let mut words = Vec::new();
            split_words(&mut line, |word| words.push(word))
                .map_err(|_| error(number, "unbalanced quotes".into()))?;
            let word = |range: &std::ops::Range<usize>| {
                String::from_utf8(line[range.clone()].to_vec()).map_err(|_| error(number, "not UTF-8".into()))
            };
            let words = words.iter().map(word).collect::<Result<Vec<_>, _>>()?;
            let Some((name, values)) = words.split_first() else { continue };
            self.read_line(path, name, values, depth)
                .map_err(|why| error(number, format!("'{}': {why}", String::from_utf8_lossy(written))))?;
        }
        Ok(())
    }

    fn read_line(&mut self, path: &Path, name: &str, values: &[String], depth: usize) -> Result<(), String> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        // As in Redis, `save` alone is `save ""`.
        if values.is_empty() && !is("save") {
            let own = Config::own_name(name).ok_or(BAD_DIRECTIVE)?;
            // One that takes several values says itself which are valid.
            let says_so = Ignored::find(own).is_some_and(Ignored::is_known_to_config) && takes_several(own);
            if !says_so {
                return Err(WRONG_NUMBER.into());
            }
        }
        if is("user") {
            self.config.users.push(values.to_vec());
            return Ok(());
        }
        if values.len() > 1 {
            // Only a value that is alone may have several words in it.
            let are_words = || values.iter().all(|value| !value.is_empty() && !value.contains(' '));
            let is_wrong = Config::own_name(name).is_some_and(|own| !takes_several(own) || !are_words());
            if is("include") || is_wrong {
                return Err(if is("save") { "Invalid save parameters" } else { WRONG_NUMBER }.into());
            }
        }
        let mut value = values.join(" ");
        if is("include") {
            let named = path.parent().unwrap_or(Path::new("")).join(&value);
            return self.include(&named, wildcard::is_pattern(&value), depth);
        }
        if is("save") && !value.is_empty() {
            // As in Redis, each line adds to those before it, and an empty value removes them.
            value = format!("{} {value}", print_save_points(&self.config.save));
        }
        self.config.set(name, &value).map_err(|why| why.to_string())
    }

    /// Reads the file at `named`, or all files that match it. A pattern may match no file, and skips directories.
    fn include(&mut self, named: &Path, is_pattern: bool, depth: usize) -> Result<(), String> {
        if depth == INCLUDES {
            return Err(format!("includes nest deeper than {INCLUDES}"));
        }
        let files = if is_pattern { wildcard::expand(named) } else { vec![named.to_owned()] };
        for file in files.iter().filter(|file| !is_pattern || !file.is_dir()) {
            if self.included == INCLUDED_FILES {
                return Err(format!("includes more than {INCLUDED_FILES} files"));
            }
            self.included += 1;
            self.read(file, depth + 1).map_err(|why| format!("included: {why}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FsyncPolicy, directives};

    fn read_text(text: &str) -> Result<Config, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.conf");
        std::fs::write(&path, text).unwrap();
        let mut config = Config::default();
        match config.read_file(&path) {
            Ok(()) => Ok(config),
            Err(error) => Err(error.to_string().replace(&*directory.path().to_string_lossy(), "")),
        }
    }

    #[test]
    fn the_shipped_file_equals_the_defaults_and_names_every_directive() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rankd.conf");
        let mut config = Config::default();
        config.read_file(&path).unwrap();
        assert_eq!(config, Config::default());
        let text = std::fs::read_to_string(path).unwrap();
        for directive in directives() {
            let line = format!("\n{} ", directive.name);
            assert!(text.contains(&line), "config/rankd.conf sets no '{}'", directive.name);
        }
    }

    #[test]
    fn a_redis_conf_is_understood() {
        let config = read_text(
            "# comment\n\nPORT 7000\nrequirepass \"a b\\x21\"\nappendfsync always\ndaemonize yes\n",
        );
        let config = config.unwrap();
        assert_eq!((config.port, config.requirepass.as_str()), (7000, "a b!"));
        assert_eq!(config.appendfsync, FsyncPolicy::Always);
        assert_eq!(
            config.warnings(),
            ["directive 'daemonize' is accepted for compatibility and has no effect"]
        );
    }

    /// redis#6351, redis#8980: Redis took a wildcard for a file name, and the start failed.
    #[test]
    fn include_takes_wildcards() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        let read = |text: &str| {
            write("main", text);
            let mut config = Config::default();
            config.read_file(&directory.path().join("main")).map(|()| config).map_err(|why| why.to_string())
        };
        std::fs::create_dir_all(directory.path().join("conf.d/z.conf")).unwrap();
        write("conf.d/b.conf", "timeout 8\n");
        write("conf.d/a.conf", "timeout 7\nport 7\n");
        write("conf.d/.c.conf", "timeout 9\n");
        let config = read("timeout 1\ninclude conf.d/*.conf\n").unwrap();
        assert_eq!((config.timeout_s, config.port), (8, 7), "in the order of their names, hidden ones not");
        assert_eq!(read("include conf.d/[ab].conf\ntimeout 1").unwrap().timeout_s, 1);
        assert_eq!(read("include conf.d/?.conf").unwrap().timeout_s, 8);
        assert_eq!(read("include none/*.conf\ninclude conf.d/*.none").unwrap(), Config::default());
        assert!(read("include conf.d/none.conf").unwrap_err().contains("cannot be read"));
        write("conf.d/b.conf", "timeout x\n");
        assert!(read("include conf.d/*").unwrap_err().contains("b.conf:1: 'timeout x'"));
    }

    /// Two files that include each other by a wildcard would be read 2^16 times down to the sixteenth level.
    #[test]
    fn wildcards_that_include_each_other_come_to_an_end() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a.conf", "b.conf"] {
            std::fs::write(directory.path().join(name), "include *.conf\n").unwrap();
        }
        let error = Config::default().read_file(&directory.path().join("a.conf")).unwrap_err().to_string();
        assert!(error.contains("includes nest deeper than 16"), "{error}");
        // Many files, none of them nested deeply.
        std::fs::write(directory.path().join("a.conf"), "include [b]*.conf\n".repeat(1025)).unwrap();
        std::fs::write(directory.path().join("b.conf"), "").unwrap();
        let error = Config::default().read_file(&directory.path().join("a.conf")).unwrap_err().to_string();
        assert!(error.contains("includes more than 1024 files"), "{error}");
    }

    #[test]
    fn save_points_add_up() {
        let points = |text| read_text(text).map(|config| print_save_points(&config.save));
        assert_eq!(points("save 900 1\nsave 60 100 10 0\n").unwrap(), "900 1 60 100 10 0");
        assert_eq!(points("save 900 1\nsave \"\"\nsave 60 2\n").unwrap(), "60 2");
        // Redis's own tests write such a file.
        assert_eq!(points("save 900 1\nsave\nsave 60 2\nSAVE \n").unwrap(), "");
        for wrong in ["save 900", "save 0 1", "save x 1", "save 1 -1"] {
            assert!(points(wrong).unwrap_err().contains("Invalid save parameters"), "{wrong}");
        }
    }

    #[test]
    fn an_error_names_file_and_line() {
        let unknown = read_text("port 1\nprot 7000\n").unwrap_err();
        assert_eq!(unknown, "/test.conf:2: 'prot 7000': unknown directive (did you mean 'port'?)");
        let range = read_text("port 70000").unwrap_err();
        assert_eq!(range, "/test.conf:1: 'port 70000': argument must be between 0 and 65535 inclusive");
        assert_eq!(read_text("port").unwrap_err(), "/test.conf:1: 'port': wrong number of arguments");
        assert_eq!(read_text("prot").unwrap_err(), format!("/test.conf:1: 'prot': {BAD_DIRECTIVE}"));
        let none = read_text("  shutdown-on-sigint\t\n").unwrap_err();
        assert!(none.starts_with("/test.conf:1: 'shutdown-on-sigint': argument(s) must be one of"), "{none}");
        let two = read_text("requirepass a b").unwrap_err();
        assert_eq!(two, "/test.conf:1: 'requirepass a b': wrong number of arguments");
        assert_eq!(read_text("dir \"x").unwrap_err(), "/test.conf:1: unbalanced quotes");
        assert!(read_text("include test.conf").unwrap_err().contains("includes nest deeper than 16"));
        assert!(read_text("include none.conf").unwrap_err().contains("none.conf: cannot be read"));
    }
}
