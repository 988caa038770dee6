//! Random scripts and calls of functions: each runs one or two commands of the streams, and shows their replies or raises an error
//! between them.

use super::{lists, sorted_sets, strings};
use crate::support::chance::Chance;

/// The library of the functions, which is loaded at the beginning of a stream. `ARGV[1]` is how many words the first command has.
pub(in crate::differential) const LIBRARY: &str = "#!lua name=streams
redis.register_function('one', function(keys, args) return redis.call(unpack(args)) end)
redis.register_function('both', function(keys, args)
    local count = tonumber(args[1])
    local first = redis.pcall(unpack(args, 2, count + 1))
    return {first, redis.pcall(unpack(args, count + 2))}
end)
redis.register_function{function_name='looks', flags={'no-writes'}, callback=function(keys, args)
    return redis.pcall(unpack(args))
end}
";

/// As the functions. The last one changes something and fails.
const SCRIPTS: [&str; 4] = [
    "return redis.call(unpack(ARGV))",
    "local count = tonumber(ARGV[1])
local first = redis.pcall(unpack(ARGV, 2, count + 1))
return {first, redis.pcall(unpack(ARGV, count + 2))}",
    "#!lua flags=no-writes\nreturn redis.pcall(unpack(ARGV))",
    "local count = tonumber(ARGV[1])
redis.call(unpack(ARGV, 2, count + 1))
redis.call(unpack(ARGV, count + 2))
error({err = 'MINE on purpose'})",
];

/// EVAL, EVAL_RO, FCALL or FCALL_RO of one of them, with the keys of its commands declared or not.
pub(super) fn script_command(chance: &mut Chance) -> Vec<String> {
    let (first, second) = (called(chance), called(chance));
    let which = chance.below(7);
    let head = match which {
        0..4 => ["EVAL", SCRIPTS[which]],
        4 => ["FCALL", "one"],
        5 => ["FCALL", "both"],
        _ => ["FCALL_RO", "looks"],
    };
    let mut words = head.map(str::to_owned).to_vec();
    let is_declared = chance.percent(60);
    words.push(if is_declared { "1" } else { "0" }.to_owned());
    if is_declared {
        words.push(first.get(1).cloned().unwrap_or_default());
    }
    let takes_both = matches!(which, 1 | 3 | 5);
    if takes_both {
        words.push(first.len().to_string());
    }
    words.extend(first);
    if takes_both {
        words.extend(second);
    }
    words
}

/// A command whose reply has an order and no clock.
fn called(chance: &mut Chance) -> Vec<String> {
    loop {
        let words = match chance.below(3) {
            0 => sorted_sets::ranking_command(chance),
            1 => strings::string_command(chance),
            _ => lists::list_command(chance),
        };
        let is_random = matches!(words[0].as_str(), "ZRANDMEMBER" | "ZSCAN");
        if !is_random
            && !super::ends_soon(&words)
            && !super::negative_offset(&words)
            && !super::is_cut_place(&words)
        {
            return words;
        }
    }
}
