//! Reads a command's syntax line (`key [NX | XX] score member [score member ...]`) into the tree of arguments that COMMAND
//! DOCS shows. redis-cli makes its hints from that tree.
//!
//! Words in upper case and a few marks are tokens, others are arguments; `[ ]` may be left out, `< >` may not, `|` separates choices,
//! and `[x y ...]` says that the arguments before it may be repeated.

/// Tokens that are no words, with Redis's names for them.
const MARKS: [(&str, &str); 4] = [("*", "auto-id"), ("$", "new-id"), ("=", "equal"), ("~", "approximately")];

/// One argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Argument {
    /// Its name.
    pub(in crate::commands) name: String,
    /// What it is.
    pub(in crate::commands) kind: ArgumentKind,
    /// The word before it, or the word that it consists of.
    pub(in crate::commands) token: Option<String>,
    /// Whether it may be left out.
    pub(in crate::commands) optional: bool,
    /// Whether it may be repeated.
    pub(in crate::commands) multiple: bool,
}

/// What an argument is, in COMMAND DOCS's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) enum ArgumentKind {
    /// A value of this type.
    Value(&'static str),
    /// Just its token.
    PureToken,
    /// One of these.
    OneOf(Vec<Argument>),
    /// All of these.
    Block(Vec<Argument>),
}

impl ArgumentKind {
    /// The name in COMMAND DOCS.
    pub(in crate::commands) fn name(&self) -> &'static str {
        match self {
            Self::Value(name) => name,
            Self::PureToken => "pure-token",
            Self::OneOf(_) => "oneof",
            Self::Block(_) => "block",
        }
    }
}

/// The arguments of a syntax line.
pub(in crate::commands) fn parse(syntax: &str) -> Vec<Argument> {
    let spaced = ["[", "]", "<", ">", "|"]
        .iter()
        .fold(syntax.to_owned(), |text, mark| text.replace(mark, &format!(" {mark} ")));
    let mut words = spaced.split_ascii_whitespace();
    sequence_until(&mut words, None).pop().unwrap_or_default()
}

/// Reads choices up to the closing mark, each a list of arguments.
fn sequence_until<'w>(words: &mut impl Iterator<Item = &'w str>, close: Option<&str>) -> Vec<Vec<Argument>> {
    let mut choices = vec![Vec::new()];
    while let Some(word) = words.next() {
        let current: &mut Vec<Argument> = choices.last_mut().expect("never empty");
        match word {
            _ if Some(word) == close => break,
            "|" => choices.push(Vec::new()),
            "[" => {
                let inner = sequence_until(words, Some("]"));
                let is_repetition = inner[0].last().is_some_and(|last| last.name == "...");
                if is_repetition {
                    repeat_last(current, inner[0].len() - 1);
                } else {
                    current.push(Argument { optional: true, ..choice(inner) });
                }
            }
            "<" => {
                let inner = sequence_until(words, Some(">"));
                current.push(choice(inner));
            }
            word => current.push(single(word)),
        }
    }
    choices.into_iter().map(join_tokens).collect()
}

fn single(word: &str) -> Argument {
    let mark = MARKS.iter().find(|(mark, _)| *mark == word);
    let is_token = mark.is_some()
        || word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-');
    let name = mark.map_or_else(|| word.to_ascii_lowercase(), |(_, name)| (*name).to_owned());
    let kind = if is_token { ArgumentKind::PureToken } else { ArgumentKind::Value(value_type(word)) };
    Argument { name, kind, token: is_token.then(|| word.to_owned()), optional: false, multiple: false }
}

/// The type of an argument by its name.
fn value_type(name: &str) -> &'static str {
    match name {
        "key" | "key1" | "key2" | "newkey" | "board" | "source" | "sourcekey" | "destination" | "destkey"
        | "dst" | "src" | "storekey" | "storedistkey" => "key",
        "score" | "longitude" | "latitude" | "radius" | "width" | "height" | "timeout" => "double",
        "pattern" | "by-pattern" | "get-pattern" => "pattern",
        "count" | "start" | "stop" | "end" | "offset" | "bit" | "decrement" | "min-match-len"
        | "increment" | "seconds" | "milliseconds" | "index" | "protover" | "cursor" | "client-id" | "n"
        | "ms" | "numkeys" | "weight" | "limit" | "db" | "destination-db" | "index1" | "index2"
        | "frequency" | "ttl" | "len" | "rank" | "num-matches" | "numfields" | "duration" | "maxsize" => {
            "integer"
        }
        "unix-time-seconds" | "unix-time-milliseconds" => "unix-time",
        _ => "string",
    }
}

/// A token takes the arguments that follow it in its list, up to the next token.
fn join_tokens(list: Vec<Argument>) -> Vec<Argument> {
    let mut joined: Vec<Argument> = Vec::new();
    let mut rest = list.into_iter().peekable();
    while let Some(mut argument) = rest.next() {
        if argument.kind == ArgumentKind::PureToken && !argument.optional {
            let mut taken = Vec::new();
            while rest.peek().is_some_and(|next| next.token.is_none() && !next.optional) {
                taken.extend(rest.next());
            }
            match taken.len() {
                0 => {}
                1 => {
                    let value = taken.remove(0);
                    argument = Argument { token: argument.token, ..value };
                }
                _ => argument.kind = ArgumentKind::Block(taken),
            }
        }
        joined.push(argument);
    }
    joined
}

/// One argument out of choices.
fn choice(mut choices: Vec<Vec<Argument>>) -> Argument {
    if choices.len() == 1 {
        return block(choices.remove(0));
    }
    let options: Vec<Argument> = choices.into_iter().map(block).collect();
    let name = options.iter().map(|option| option.name.as_str()).collect::<Vec<_>>().join("-or-");
    Argument { name, kind: ArgumentKind::OneOf(options), token: None, optional: false, multiple: false }
}

/// One argument out of a list.
fn block(mut list: Vec<Argument>) -> Argument {
    if list.len() == 1 {
        return list.remove(0);
    }
    let name = list.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join("-");
    Argument { name, kind: ArgumentKind::Block(list), token: None, optional: false, multiple: false }
}

/// Marks the last `count` arguments as repeatable.
fn repeat_last(list: &mut Vec<Argument>, count: usize) {
    let tail = list.split_off(list.len().saturating_sub(count));
    list.push(Argument { multiple: true, ..block(tail) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::table;

    /// The tree in one line: `?` optional, `+` repeatable, `TOKEN:` in front.
    fn print(arguments: &[Argument]) -> String {
        let one = |argument: &Argument| {
            let inner = match &argument.kind {
                ArgumentKind::OneOf(options) => format!("oneof({})", print(options)),
                ArgumentKind::Block(parts) => format!("block({})", print(parts)),
                ArgumentKind::PureToken => "token".into(),
                ArgumentKind::Value(kind) => format!("{}/{kind}", argument.name),
            };
            let token = argument.token.as_ref().map(|token| format!("{token}:")).unwrap_or_default();
            let marks = (if argument.optional { "?" } else { "" }, if argument.multiple { "+" } else { "" });
            format!("{token}{inner}{}{}", marks.0, marks.1)
        };
        arguments.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn reads_what_the_table_writes() {
        assert_eq!(
            print(&parse("key [NX | XX] [CH] score member [score member ...]")),
            "key/key oneof(NX:token XX:token)? CH:token? block(score/double member/string)+"
        );
        assert_eq!(
            print(&parse("key [LIMIT offset count]")),
            "key/key LIMIT:block(offset/integer count/integer)?"
        );
        assert_eq!(
            print(&parse("user [FRIENDS key | MEMBERS count member [member ...]] [TOP n | SELF]")),
            "user/string oneof(FRIENDS:key/key MEMBERS:block(count/integer member/string+))? \
             oneof(TOP:n/integer SELF:token)?"
        );
        assert_eq!(
            print(&parse("[<MAXLEN | MINID> [= | ~] threshold] <* | id>")),
            "block(oneof(MAXLEN:token MINID:token) oneof(=:token ~:token)? threshold/string)? \
             oneof(*:token id/string)"
        );
        assert_eq!(
            print(&parse("<LIB-NAME libname | LIB-VER libver>")),
            "oneof(LIB-NAME:libname/string LIB-VER:libver/string)"
        );
    }

    #[test]
    fn every_key_is_told_as_a_key() {
        let count = |arguments: &[Argument]| print(arguments).matches("/key").count();
        for name in
            ["rename", "copy", "lmove", "blmove", "rpoplpush", "brpoplpush", "smove", "geosearchstore"]
        {
            let entry = table().entries().iter().find(|entry| entry.full_name == name).expect("in the table");
            assert_eq!(count(&parse(entry.spec.syntax)), 2, "{name}");
        }
    }

    #[test]
    fn every_syntax_line_gives_as_many_arguments_as_the_arity_needs() {
        for entry in table().entries() {
            let required = parse(entry.spec.syntax).iter().filter(|argument| !argument.optional).count();
            let names = if entry.is_subcommand { 2 } else { 1 };
            let least = entry.spec.arity.unsigned_abs() as usize;
            if entry.spec.subcommands.is_empty() {
                assert!(required + names <= least, "{}: {}", entry.full_name, entry.spec.syntax);
            }
        }
    }
}
