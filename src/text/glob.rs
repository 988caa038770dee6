//! Glob patterns as in Redis (SCAN MATCH, CONFIG GET): `*`, `?`, `[a-z]`, `[^a]`, `\x`. Only the empty pattern matches the
//! empty text: in Redis a star does not match it.
//!
//! The matcher is iterative and backtracks only to the last star, so a hostile pattern costs at most pattern times text
//! (CVE-2022-36021, CVE-2024-31228).

/// Whether the case of letters matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// For keys and members.
    Sensitive,
    /// For names of directives.
    Insensitive,
}

/// Whether `pattern` matches all of `text`. O(pattern x text) at worst.
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut at, mut read) = (0, 0);
    // The last star: the pattern after it, and the end of the text that it has matched.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if at < pattern.len() && pattern[at] == b'*' {
            at += 1;
            star = Some((at, read));
            continue;
        }
        let step = match text.get(read) {
            Some(&byte) if at < pattern.len() => match_one(&pattern[at..], byte, case),
            Some(_) => None,
            None if at == pattern.len() => return true,
            // The text has ended: a longer match of the star would leave even less for the rest of the pattern.
            None => return false,
        };
        match (step, star) {
            (Some(taken), _) => {
                at += taken;
                read += 1;
            }
            (None, Some((resume, taken))) => {
                star = Some((resume, taken + 1));
                at = resume;
                read = taken + 1;
            }
            (None, None) => return false,
        }
    }
}

/// The length of the first element of `pattern` (not a star), if it matches `byte`.
fn match_one(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    let fold = |byte: u8| if case == Case::Insensitive { byte.to_ascii_lowercase() } else { byte };
    match pattern[0] {
        b'?' => Some(1),
        b'[' => match_class(pattern, byte, fold),
        b'\\' if pattern.len() > 1 => (fold(pattern[1]) == fold(byte)).then_some(2),
        literal => (fold(literal) == fold(byte)).then_some(1),
    }
}

/// Matches a class as Redis does: a leading `^` negates, a range may be reversed, a missing `]` is at the end of the pattern.
fn match_class(pattern: &[u8], byte: u8, fold: impl Fn(u8) -> u8) -> Option<usize> {
    let negated = pattern.get(1) == Some(&b'^');
    let mut at = if negated { 2 } else { 1 };
    let mut found = false;
    loop {
        match pattern.get(at..) {
            None | Some([]) => break,
            Some([b']', ..]) => {
                at += 1;
                break;
            }
            Some([b'\\', escaped, ..]) => {
                found |= fold(*escaped) == fold(byte);
                at += 2;
            }
            Some([start, b'-', end, ..]) => {
                let (low, high) = (fold(*start).min(fold(*end)), fold(*start).max(fold(*end)));
                found |= (low..=high).contains(&fold(byte));
                at += 3;
            }
            Some([literal, ..]) => {
                found |= fold(*literal) == fold(byte);
                at += 1;
            }
        }
    }
    (found != negated).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_redis() {
        let yes = [
            ("", ""),
            ("**", "a"),
            ("a**", "a"),
            ("a*c", "abbbc"),
            ("h?llo", "hello"),
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hallo"),
            ("h[a-b]llo", "hbllo"),
            ("h[b-a]llo", "hallo"),
            ("\\*", "*"),
            ("[\\]]", "]"),
            ("*a*b*", "xxaxxbxx"),
            ("a[bc", "ac"),
            ("a\\", "a\\"),
        ];
        for (pattern, text) in yes {
            assert!(matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive), "{pattern} {text}");
        }
        let no = [
            ("", "a"),
            ("a", ""),
            ("*", ""),
            ("**", ""),
            ("h[^e]llo", "hello"),
            ("a*c", "ab"),
            ("A", "a"),
            ("?", ""),
            ("[]", "]"),
        ];
        for (pattern, text) in no {
            assert!(!matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive), "{pattern} {text}");
        }
        assert!(matches(b"MAX[A-C]*", b"maxclients", Case::Insensitive));
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        let pattern = b"*a".repeat(10_000);
        assert!(!matches(&pattern, &b"a".repeat(9_999), Case::Sensitive));
    }
}
