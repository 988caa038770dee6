//! The first line of a script: `#!lua flags=no-writes,allow-stale`.

use super::compile::ScriptError;

/// What a script says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptFlags {
    /// It has a first line with flags. One without is treated as Redis always did: its commands are checked one by one.
    pub is_declared: bool,
    /// It changes nothing (`no-writes`).
    pub no_writes: bool,
    /// It may run while memory is short (`allow-oom`).
    pub allow_oom: bool,
    /// It may run on a replica that is out of date (`allow-stale`).
    pub allow_stale: bool,
    /// It does not run in a cluster (`no-cluster`).
    pub no_cluster: bool,
    /// Its keys may be in different slots (`allow-cross-slot-keys`).
    pub allow_cross_slot_keys: bool,
}

impl ScriptFlags {
    /// Reads one flag. Returns false if there is none of this name.
    pub fn set(&mut self, name: &[u8]) -> bool {
        let flag = match name {
            b"no-writes" => &mut self.no_writes,
            b"allow-oom" => &mut self.allow_oom,
            b"allow-stale" => &mut self.allow_stale,
            b"no-cluster" => &mut self.no_cluster,
            b"allow-cross-slot-keys" => &mut self.allow_cross_slot_keys,
            _ => return false,
        };
        *flag = true;
        true
    }
}

/// Reads the flags of a script, and returns them with what is to be compiled: the text from the end of the first line on, so that
/// line numbers stay as they are.
pub(super) fn read(source: &[u8]) -> Result<(ScriptFlags, &[u8]), ScriptError> {
    let mut flags = ScriptFlags::default();
    if !source.starts_with(b"#!") {
        return Ok((flags, source));
    }
    flags.is_declared = true;
    let end = source.iter().position(|byte| *byte == b'\n').ok_or(ScriptError::Shebang)?;
    let mut words = source[..end].split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let engine = words.next().unwrap_or_default();
    if engine != b"#!lua" {
        return Err(ScriptError::Engine(lossy(engine)));
    }
    for word in words {
        let Some(names) = word.strip_prefix(b"flags=") else {
            return Err(ScriptError::Option(lossy(word)));
        };
        for name in names.split(|byte| *byte == b',').filter(|name| !name.is_empty()) {
            if !flags.set(name) {
                return Err(ScriptError::Flag(lossy(name)));
            }
        }
    }
    Ok((flags, &source[end..]))
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_has_the_flags() {
        let (flags, rest) = read(b"#!lua flags=no-writes,allow-stale  \nreturn 1").unwrap();
        let expected =
            ScriptFlags { is_declared: true, no_writes: true, allow_stale: true, ..Default::default() };
        assert_eq!((flags, rest), (expected, b"\nreturn 1".as_slice()));
        assert_eq!(read(b"return 1").unwrap(), (ScriptFlags::default(), b"return 1".as_slice()));
        assert_eq!(read(b"#!lua").unwrap_err(), ScriptError::Shebang);
        assert_eq!(read(b"#!python\n").unwrap_err(), ScriptError::Engine("#!python".into()));
        assert_eq!(read(b"#!lua name=x\n").unwrap_err(), ScriptError::Option("name=x".into()));
        assert_eq!(read(b"#!lua flags=no-writes,x\n").unwrap_err(), ScriptError::Flag("x".into()));
    }
}
