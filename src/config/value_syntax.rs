//! The valid values of a directive that has no effect. They are those of Redis 8.2, with its error texts, so rankd finds
//! the same mistakes in a file as Redis.

use super::value;
use std::collections::BTreeSet;

pub(super) const INT: i64 = i32::MAX as i64;
pub(super) const UINT: i64 = u32::MAX as i64;
pub(super) const LONG: i64 = i64::MAX;

/// The valid values of a directive.
#[derive(Clone, Copy, Debug)]
pub enum ValueSyntax {
    /// `yes` or `no`.
    YesNo,
    /// An integer from one number to another.
    Integer(i64, i64),
    /// The same, with Redis's other error text for negative numbers.
    Unsigned(i64, i64),
    /// A number of bytes, at least this many.
    Bytes(i64),
    /// The same, with Redis's other error text for a number above 63 bits.
    UnsignedBytes(i64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One of these words, or one of those that only other versions have.
    OneOfAlso(&'static [&'static str], &'static [&'static str]),
    /// Any text.
    Text,
    /// The function gets the present value and the new text, and returns the new value.
    Checked(fn(&str, &str) -> Result<String, String>),
    /// Any text, but only in a file: Redis removed the directive long ago.
    Obsolete,
}

impl ValueSyntax {
    /// The value as CONFIG GET prints it, if `text` is valid; `before` is the present value.
    ///
    /// # Errors
    /// Which values are valid, in Redis's words.
    pub fn read(self, before: &str, text: &str) -> Result<String, String> {
        match self {
            Self::YesNo => value::yes_no(text).map(value::print_yes_no),
            Self::Integer(least, most) => value::number(text, least, most).map(|number| number.to_string()),
            Self::Unsigned(least, most) => {
                value::unsigned(text, least, most).map(|number| number.to_string())
            }
            Self::Bytes(least) => bytes(text, least),
            Self::UnsignedBytes(least) => {
                if value::bytes(text)? > i64::MAX as u64 {
                    return Err(value::NEGATIVE.into());
                }
                bytes(text, least)
            }
            Self::OneOf(words) => one_of(text, words, &[]),
            Self::OneOfAlso(words, others) => one_of(text, words, others),
            Self::Text | Self::Obsolete => Ok(text.to_owned()),
            Self::Checked(read) => read(before, text),
        }
    }
}

fn bytes(text: &str, least: i64) -> Result<String, String> {
    match i64::try_from(value::bytes(text)?) {
        Ok(bytes) if bytes >= least => Ok(bytes.to_string()),
        _ => Err(format!("argument must be between {least} and {LONG} inclusive")),
    }
}

fn one_of(text: &str, words: &[&str], others: &[&str]) -> Result<String, String> {
    let found = words.iter().chain(others).find(|word| word.eq_ignore_ascii_case(text));
    found.map(|word| (*word).to_owned()).ok_or_else(|| not_one_of(words))
}

fn not_one_of(words: &[&str]) -> String {
    format!("argument(s) must be one of the following: {}", words.join(", "))
}

pub(super) fn oom_scores(_: &str, text: &str) -> Result<String, String> {
    let words: Vec<&str> = text.split(' ').collect();
    if words.len() != 3 {
        return Err("wrong number of arguments".into());
    }
    let is_score = |word: &&str| value::number(word, -2000, 2000).is_ok();
    if words.iter().all(is_score) {
        Ok(text.to_owned())
    } else {
        Err("Invalid oom-score-adj-values, elements must be between -2000 and 2000.".into())
    }
}

/// Text with variables in braces.
pub(super) fn process_title(_: &str, text: &str) -> Result<String, String> {
    const VARIABLES: [&str; 7] =
        ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"];
    let wrong = || "template format is invalid or contains unknown variables".to_owned();
    let mut parts = text.split('{');
    let text_before = parts.next().unwrap_or_default();
    let is_variable = |part: &str| part.split_once('}').is_some_and(|(name, _)| VARIABLES.contains(&name));
    if text.is_empty() || text_before.contains('}') || !parts.all(is_variable) {
        return Err(wrong());
    }
    Ok(text.to_owned())
}

pub(super) fn file_name(_: &str, text: &str) -> Result<String, String> {
    plain_name(text, "appendfilename", "filename")
}

pub(super) fn directory_name(_: &str, text: &str) -> Result<String, String> {
    plain_name(text, "appenddirname", "dirname")
}

fn plain_name(text: &str, directive: &str, what: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err(format!("{directive} can't be empty"));
    }
    if text.contains('/') {
        return Err(format!("{directive} can't be a path, just a {what}"));
    }
    Ok(text.to_owned())
}

pub(super) fn host_name(_: &str, text: &str) -> Result<String, String> {
    if text.len() > 255 {
        return Err("Hostnames must be less than 256 characters".into());
    }
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
        return Ok(text.to_owned());
    }
    Err("Hostnames may only contain alphanumeric characters, hyphens or dots".into())
}

/// Any text without the characters that the cluster's nodes file could not represent.
pub(super) fn node_name(_: &str, text: &str) -> Result<String, String> {
    if text.contains(|byte: char| "!#$%&()*+.:;<>?@[]^{|}~".contains(byte)) {
        return Err("Announced human node name contained invalid character".into());
    }
    Ok(text.to_owned())
}

/// A list of words. They print in Redis's order, and `default` only alone.
pub(super) fn shutdown_options(_: &str, text: &str) -> Result<String, String> {
    const OPTIONS: [&str; 5] = ["default", "save", "nosave", "now", "force"];
    let position = |word: &str| OPTIONS.iter().position(|option| option.eq_ignore_ascii_case(word));
    let chosen: Option<BTreeSet<usize>> = text.split(' ').map(position).collect();
    let chosen = chosen.ok_or_else(|| not_one_of(&OPTIONS))?;
    if chosen.contains(&1) && chosen.contains(&2) {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    let beside_default: Vec<&str> =
        chosen.iter().map(|&option| OPTIONS[option]).filter(|option| *option != "default").collect();
    Ok(if beside_default.is_empty() { "default".into() } else { beside_default.join(" ") })
}
