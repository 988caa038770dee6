//! The scripts that workloads run. Each is there as a script and as a function of one library, with the same text.

use crate::text::sha1::sha1;

/// The library of the functions, and the beginning of their names.
pub(super) const LIBRARY: &str = "rankd_bench";

/// One command.
const ADD: &str = "return redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])";

/// An event that may be reported twice counts once.
const COUNT_ONCE: &str = "if redis.call('SADD', KEYS[2], ARGV[3]) == 0 then return false end \
                          return redis.call('ZINCRBY', KEYS[1], ARGV[1], ARGV[2])";

/// A thousand calls, and a reply of a thousand elements as a table.
const SUM_1000: &str = "local sum = 0 \
                        for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, 999)) do \
                        sum = sum + redis.call('ZSCORE', KEYS[1], member) end \
                        return sum";

const TEXTS: [(&str, &str); 3] = [("add", ADD), ("count-once", COUNT_ONCE), ("sum1000", SUM_1000)];

/// The text of the script called `name`.
pub(super) fn text(name: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The digest of a script, as EVALSHA takes it.
pub(super) fn digest(text: &str) -> String {
    sha1(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of the function with the text of the script called `name`.
pub(super) fn function(name: &str) -> String {
    format!("{LIBRARY}_{}", name.replace('-', "_"))
}

/// The text of the library.
pub(super) fn library() -> String {
    let registered = TEXTS.iter().map(|(name, text)| {
        format!("redis.register_function('{}', function(KEYS, ARGV) {text} end)\n", function(name))
    });
    format!("#!lua name={LIBRARY}\n{}", registered.collect::<String>())
}
