//! Paths with wildcards for `include`, expanded like glob(3).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Whether a path is a pattern.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The files that match `pattern`, in the order of their bytes. Directories that cannot be read count as empty. A
/// wildcard matches neither a slash nor a dot at the beginning of a name.
pub(super) fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str().as_bytes();
        found = found.iter().flat_map(|base| matching(base, part)).collect();
    }
    found.retain(|path| path.exists());
    found.sort();
    found
}

/// The entries of the directory `base` that match one part of a pattern.
fn matching(base: &Path, part: &[u8]) -> Vec<PathBuf> {
    if !part.iter().any(|byte| b"*?[\\".contains(byte)) {
        return vec![base.join(OsStr::from_bytes(part))];
    }
    let directory = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let names = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let is_named = |name: &[u8]| (name[0] != b'.' || part[0] == b'.') && matches(part, name);
    names.filter(|name| is_named(name.as_bytes())).map(|name| base.join(name)).collect()
}

/// Whether `pattern` matches all of `name`, by fnmatch(3)'s rules. O(pattern x name) at worst.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    // The last star: the pattern after it, and the end of the name that it has matched.
    let mut star: Option<(usize, usize)> = None;
    while read < name.len() || at < pattern.len() {
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            star = Some((at, read));
            continue;
        }
        let step = name.get(read).and_then(|byte| match_one(&pattern[at..], *byte));
        if let Some(taken) = step {
            at += taken;
            read += 1;
        } else {
            let Some((resume, taken)) = star.filter(|(_, taken)| *taken < name.len()) else { return false };
            star = Some((resume, taken + 1));
            (at, read) = (resume, taken + 1);
        }
    }
    true
}

/// The length of the first element of `pattern` (not a star), if it matches `byte`.
fn match_one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', set @ ..] => match match_set(set, byte) {
            Some((is_in, length)) => is_in.then_some(1 + length),
            // A bracket that is never closed is a literal bracket.
            None => (byte == b'[').then_some(1),
        },
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        [literal, ..] => (*literal == byte).then_some(1),
    }
}

/// Whether `byte` is in the set at the beginning of `set`, and the length of the set with its closing bracket. `None` if
/// it is not closed. A closing bracket in the first position belongs to the set.
fn match_set(set: &[u8], byte: u8) -> Option<(bool, usize)> {
    let negated = matches!(set.first(), Some(b'!' | b'^'));
    let first = usize::from(negated);
    let (mut at, mut found) = (first, false);
    loop {
        match &set[at..] {
            [] => return None,
            [b']', ..] if at > first => return Some((found != negated, at + 1)),
            [b'[', b':', rest @ ..] if rest.windows(2).any(|end| end == b":]") => {
                let length = rest.windows(2).position(|end| end == b":]")?;
                found |= is_of_class(&rest[..length], byte);
                at += length + 4;
            }
            rest => {
                let (low, low_bytes) = set_byte(rest)?;
                at += low_bytes;
                let mut high = low;
                if let [b'-', end, ..] = &set[at..]
                    && *end != b']'
                {
                    let (end, end_bytes) = set_byte(&set[at + 1..])?;
                    high = end;
                    at += 1 + end_bytes;
                }
                found |= (low..=high).contains(&byte);
            }
        }
    }
}

/// The first byte of `set`, and how many bytes of text it takes (an escaped byte takes two).
fn set_byte(set: &[u8]) -> Option<(u8, usize)> {
    match set {
        [b'\\', escaped, ..] => Some((*escaped, 2)),
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    }
}

fn is_of_class(class: &[u8], byte: u8) -> bool {
    match class {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => byte.is_ascii_graphic(),
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => matches!(byte, b' '..=b'~'),
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => matches!(byte, b' ' | b'\t'..=b'\r'),
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_by_fnmatch() {
        let yes = [
            ("*.conf", "a.conf"),
            ("[ab].conf", "b.conf"),
            ("?.conf", "a.conf"),
            ("[!a].conf", "b.conf"),
            ("[^a].conf", "b.conf"),
            ("[]a]x", "]x"),
            ("[a-c]x", "bx"),
            ("[a-]x", "-x"),
            ("[a", "[a"),
            ("\\*x", "*x"),
            ("[\\]]x", "]x"),
            ("[[:digit:]_]x", "7x"),
            ("a*b*c", "aXbYbZc"),
            ("**", "abc"),
        ];
        for (pattern, name) in yes {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        let no = [
            ("*.conf", "a.con"),
            ("[ab].conf", "c.conf"),
            ("?.conf", ".conf"),
            ("[!a]x", "ax"),
            ("[c-a]x", "bx"),
            ("a", ""),
            ("", "a"),
            ("\\*x", "ax"),
        ];
        for (pattern, name) in no {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        assert!(!matches(&b"*a".repeat(5_000), &b"a".repeat(4_999)), "a hostile pattern ends soon");
    }

    #[test]
    fn files_are_found_in_order_and_points_are_hidden() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.conf", "a.conf", ".c.conf", "d.txt", "sub/e.conf", "sub2/f.conf"] {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let expand = |pattern: &str| -> Vec<String> {
            let found = expand(&directory.path().join(pattern));
            let names = found.iter().map(|path| path.strip_prefix(directory.path()).unwrap());
            names.map(|name| name.display().to_string()).collect()
        };
        assert_eq!(expand("*.conf"), ["a.conf", "b.conf"]);
        assert_eq!(expand(".*.conf"), [".c.conf"]);
        assert_eq!(expand("sub*/*.conf"), ["sub/e.conf", "sub2/f.conf"]);
        assert_eq!(expand("[s]ub/e.conf"), ["sub/e.conf"]);
        assert_eq!(expand("sub*/e.conf"), ["sub/e.conf"]);
        assert!(expand("none/*.conf").is_empty() && expand("*.none").is_empty());
    }
}
