//! Replies are written as values and compared as bytes. These tests show that different replies are never equal, and that no
//! value is lost between a server, a script and the comparison.

use super::step::{Compared, Expected};
use crate::support::chance::Chance;
use crate::support::notation::{values_of_lines, values_of_row};
use crate::support::reply::{Reply, read_reply};

/// True if the reply `raw` of a server passes as `expected` of a script.
fn passes(expected: &str, raw: &[u8]) -> bool {
    let mut values = values_of_lines(expected).expect("a value");
    let expected = Expected::Reply(values.pop().expect("one value"));
    let (mut rest, mut read) = (raw, Vec::new());
    let reply = read_reply(&mut rest, &mut read).expect("a reply");
    assert!(rest.is_empty(), "one reply");
    expected.passes(&reply, &read, Compared::Bytes)
}

/// One reply of each kind, as a script writes it and as a server sends it.
const EXAMPLES: [(&str, &[u8]); 28] = [
    ("+OK", b"+OK\r\n"),
    ("+", b"+\r\n"),
    ("-OK", b"-OK\r\n"),
    ("!\"OK\"", b"!2\r\nOK\r\n"),
    ("\"OK\"", b"$2\r\nOK\r\n"),
    ("=\"OK\"", b"=2\r\nOK\r\n"),
    ("\"1\"", b"$1\r\n1\r\n"),
    (":1", b":1\r\n"),
    (",1", b",1\r\n"),
    ("(1", b"(1\r\n"),
    ("#t", b"#t\r\n"),
    ("#f", b"#f\r\n"),
    ("nil", b"$-1\r\n"),
    ("*nil", b"*-1\r\n"),
    ("_", b"_\r\n"),
    ("\"\"", b"$0\r\n\r\n"),
    ("\"nil\"", b"$3\r\nnil\r\n"),
    ("*[]", b"*0\r\n"),
    ("~[]", b"~0\r\n"),
    (">[]", b">0\r\n"),
    ("%{}", b"%0\r\n"),
    ("*[ \"a\" :1 ]", b"*2\r\n$1\r\na\r\n:1\r\n"),
    ("~[ \"a\" :1 ]", b"~2\r\n$1\r\na\r\n:1\r\n"),
    (">[ \"a\" :1 ]", b">2\r\n$1\r\na\r\n:1\r\n"),
    ("%{ \"a\" :1 }", b"%1\r\n$1\r\na\r\n:1\r\n"),
    ("*[ *[ \"a\" ] :1 ]", b"*2\r\n*1\r\n$1\r\na\r\n:1\r\n"),
    ("*[ *[ \"a\" :1 ] ]", b"*1\r\n*2\r\n$1\r\na\r\n:1\r\n"),
    ("*[ +a -\"ERR b \" nil _ ]", b"*4\r\n+a\r\n-ERR b \r\n$-1\r\n_\r\n"),
];

#[test]
fn a_reply_of_one_kind_does_not_pass_for_another() {
    for (expected, raw) in EXAMPLES {
        assert!(passes(expected, raw), "{expected} is {raw:?}");
        for (other, said) in EXAMPLES.iter().filter(|(other, _)| *other != expected) {
            assert!(!passes(expected, said), "{other} passed for {expected}");
        }
    }
    let exact = Expected::Kind("integer".to_owned());
    assert!(exact.passes(&Reply::Integer(7), b":7\r\n", Compared::Kind));
    assert!(!exact.passes(&Reply::Bulk(b"7".to_vec()), b"$1\r\n7\r\n", Compared::Kind));
}

/// A reply with one changed byte is either invalid or not the expected one.
#[test]
fn a_flipped_byte_fails() {
    let mut seen = 0;
    for (expected, raw) in EXAMPLES {
        for at in 0..raw.len() {
            for flip in 1..=255 {
                let mut flipped = raw.to_vec();
                flipped[at] ^= flip;
                let (mut rest, mut read) = (flipped.as_slice(), Vec::new());
                if read_reply(&mut rest, &mut read).is_ok() && rest.is_empty() {
                    assert!(!passes(expected, &flipped), "{flipped:?} passed for {expected}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 1_000, "only {seen} of these were replies");
}

/// The same number in another spelling is a different reply.
#[test]
fn another_spelling_of_a_number_fails() {
    let spellings: [(&str, &[u8]); 5] = [
        (":1", b":+1\r\n"),
        (":1", b":01\r\n"),
        (",1", b",1.0\r\n"),
        ("\"a\"", b"$01\r\na\r\n"),
        ("*[]", b"*00\r\n"),
    ];
    for (expected, raw) in spellings {
        assert!(!passes(expected, raw), "{raw:?} passed for {expected}");
    }
}

#[test]
fn invalid_notation_is_refused() {
    let wrong =
        ["OK", "*[ \"a\"", "*[ \"a\" }", "%{ \"a\" }", "\"a", "\"a\" \"b\"", ":x", "5", "]", "*2", "$1"];
    for text in wrong {
        assert!(values_of_lines(text).is_err(), "{text}");
    }
}

/// A reply comes back from its notation, laid out or on one line, and from its bytes.
#[test]
fn a_reply_is_read_back_from_its_notation_and_from_its_bytes() {
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed);
    for _ in 0..5_000 {
        let reply = some_reply(&mut chance, 4);
        let lines = reply.lines();
        assert!(lines.iter().all(|line| !line.ends_with(' ')), "{lines:?}");
        assert_eq!(values_of_lines(&lines.join("\n")), Ok(vec![reply.clone()]), "{lines:?}");
        assert_eq!(values_of_row(&reply.inline()), Ok(vec![reply.clone()]), "{}", reply.inline());
        let bytes = reply.to_bytes();
        let mut read = Vec::new();
        assert_eq!(read_reply(&mut bytes.as_slice(), &mut read).expect("a reply"), reply);
        assert_eq!(read, bytes);
    }
}

/// A random reply with at most `levels` levels.
fn some_reply(chance: &mut Chance, levels: usize) -> Reply {
    let any_bytes = |chance: &mut Chance| -> Vec<u8> {
        let alphabet = b"ab01 \"\\[]{}*$+-:|_#\r\n\t\x00\xff";
        (0..chance.below(30)).map(|_| alphabet[chance.below(alphabet.len())]).collect()
    };
    let line = |chance: &mut Chance| -> Vec<u8> {
        any_bytes(chance).into_iter().filter(|byte| !b"\r\n".contains(byte)).collect()
    };
    let number = |chance: &mut Chance| chance.next().to_string().into_bytes();
    let items = |chance: &mut Chance, even: usize| {
        (0..chance.below(6) * even).map(|_| some_reply(chance, levels - 1)).collect()
    };
    match chance.below(if levels > 1 { 16 } else { 12 }) {
        0 => Reply::Simple(line(chance)),
        1 => Reply::Error(line(chance)),
        2 => Reply::BulkError(any_bytes(chance)),
        3 => Reply::Integer(chance.next() as i64),
        4 => Reply::Bulk(any_bytes(chance)),
        5 => Reply::NullBulk,
        6 => Reply::NullArray,
        7 => Reply::Null,
        8 => Reply::Double(number(chance)),
        9 => Reply::Boolean(chance.percent(50)),
        10 => Reply::Verbatim(any_bytes(chance)),
        11 => Reply::BigNumber(number(chance)),
        12 => Reply::Array(items(chance, 1)),
        13 => Reply::Map(items(chance, 2)),
        14 => Reply::Set(items(chance, 1)),
        _ => Reply::Push(items(chance, 1)),
    }
}
