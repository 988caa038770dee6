//! DEBUG PROTOCOL: a reply of each type.

use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::AllKeys;
use crate::resp::Protocol;
use crate::resp::reply::Reply;

/// Redis's example, which is close to pi and not meant as it.
const THREE_DIGITS: f64 = 3141.0 / 1000.0;

const LARGE_NUMBER: &[u8] = b"1234567999999999999999999999999999999";

pub(super) fn protocol(_: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let is_resp3 = reply.protocol() == Protocol::Resp3;
    let numbers = |reply: &mut Reply<'_>| (0..3).for_each(|number| reply.integer(number));
    match call.argument(2).to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12_345),
        b"double" => reply.double(THREE_DIGITS),
        b"bignum" if is_resp3 => reply.out().extend([b"(", LARGE_NUMBER, b"\r\n"].concat()),
        b"bignum" => reply.bulk(LARGE_NUMBER),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            numbers(reply);
        }
        b"set" => {
            reply.set(3);
            numbers(reply);
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                boolean(number == 1, reply);
            }
        }
        b"attrib" => {
            if is_resp3 {
                reply.out().extend(b"|1\r\n");
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if !is_resp3 => {
            return Err(CommandError::text("ERR RESP2 is not supported by this command").into());
        }
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
            reply.bulk(b"Some real reply following the push reply");
        }
        b"verbatim" => reply.verbatim("This is a verbatim\nstring"),
        b"true" => boolean(true, reply),
        b"false" => boolean(false, reply),
        _ => {
            return Err(CommandError::text(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            )
            .into());
        }
    }
    Ok(())
}

fn boolean(value: bool, reply: &mut Reply<'_>) {
    match reply.protocol() {
        Protocol::Resp2 => reply.integer(i64::from(value)),
        Protocol::Resp3 => reply.out().extend(if value { b"#t\r\n" } else { b"#f\r\n" }),
    }
}
