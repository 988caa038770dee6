//! Reading a configuration file in redis.conf's syntax.

use super::Config;
use super::value::print_save_points;
use crate::quoting::split_words;
use std::fmt;
use std::path::{Path, PathBuf};

/// How deep `include` may nest: enough for any sane set-up, and an end for files that include themselves.
const INCLUDES: usize = 16;

/// A configuration file that cannot be used, and where.
#[derive(Debug)]
pub struct FileError {
    path: PathBuf,
    /// 1-based; `None` where the file as a whole is the trouble.
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

/// Reads the file at `path` on top of `config`.
pub(super) fn read(config: &mut Config, path: &Path, depth: usize) -> Result<(), FileError> {
    let error = |line, what| FileError { path: path.to_owned(), line, what };
    let text = std::fs::read(path).map_err(|why| error(None, format!("cannot be read: {why}")))?;
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let number = Some(index + 1);
        let mut line = line.trim_ascii().to_vec();
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
        let (name, values) = words.split_first().expect("a line that is not empty has a word");
        if values.is_empty() {
            return Err(error(number, format!("directive '{name}' has no value")));
        }
        let mut value = values.join(" ");
        if name.eq_ignore_ascii_case("include") {
            if depth == INCLUDES {
                return Err(error(number, format!("includes nest deeper than {INCLUDES}")));
            }
            let included = path.parent().unwrap_or(Path::new("")).join(&value);
            read(config, &included, depth + 1).map_err(|why| error(number, format!("included: {why}")))?;
            continue;
        }
        if name.eq_ignore_ascii_case("save") && !value.is_empty() {
            // As in Redis, each line adds to those before it, and an empty one takes them back.
            value = format!("{} {value}", print_save_points(&config.save));
        }
        config.set(name, &value).map_err(|why| error(number, format!("'{name} {value}': {why}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DIRECTIVES, FsyncPolicy};

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
        for directive in DIRECTIVES {
            let line = format!("\n{} ", directive.name);
            assert!(text.contains(&line), "config/rankd.conf sets no '{}'", directive.name);
        }
    }

    #[test]
    fn a_redis_conf_is_understood() {
        let config = read_text(
            "# comment\n\nPORT 7000\nrequirepass \"a b\\x21\"\nappendfsync always\nmaxmemory 1gb\n",
        );
        let config = config.unwrap();
        assert_eq!((config.port, config.requirepass.as_str()), (7000, "a b!"));
        assert_eq!(config.appendfsync, FsyncPolicy::Always);
        assert_eq!(
            config.warnings(),
            ["directive 'maxmemory' is accepted for compatibility and has no effect"]
        );
    }

    #[test]
    fn save_points_add_up() {
        let points = |text| read_text(text).map(|config| print_save_points(&config.save));
        assert_eq!(points("save 900 1\nsave 60 100 10 0\n").unwrap(), "900 1 60 100 10 0");
        assert_eq!(points("save 900 1\nsave \"\"\nsave 60 2\n").unwrap(), "60 2");
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
        assert_eq!(read_text("port").unwrap_err(), "/test.conf:1: directive 'port' has no value");
        assert_eq!(read_text("dir \"x").unwrap_err(), "/test.conf:1: unbalanced quotes");
        assert!(read_text("include test.conf").unwrap_err().contains("includes nest deeper than 16"));
        assert!(read_text("include none.conf").unwrap_err().contains("none.conf: cannot be read"));
    }
}
