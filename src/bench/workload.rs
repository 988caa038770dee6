//! The workloads: the requests of each, and the data that must be loaded before.
//!
//! Texts of requests have placeholders in angle brackets, which [`super::template`] explains.

use super::template::{Populations, Template};

const ZADD: &str = "ZADD <board> <score> <member>";
const HMGET_4: &str = "HMGET <hash> likes views shares comments";
const LPUSH: &str = "LPUSH <queue> xxxxxxxxxxxxxxxx";
const TOP_100: &str = "ZRANGE <board> 0 99 REV WITHSCORES";

/// A report of steps, as `docs/streams-and-boards.md` has it.
const XADD: &str = "XADD <stream> * user <member> steps <score> at 1795992000000";
const XADD_MAXLEN: &str = "XADD <stream> MAXLEN ~ 1000000 * user <member> steps <score> at 1795992000000";

/// A million places have about 400 in such a circle.
const NEAREST_100: &str = "GEOSEARCH <places> FROMLONLAT <longitude> <latitude> BYRADIUS 1 km ASC COUNT 100";

/// A named mix of requests.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Workload {
    /// Its name on the command line.
    pub(super) name: &'static str,
    /// Its requests, each with its share in percent.
    pub(super) requests: &'static [(u64, &'static str)],
    /// The names of the workloads that load the data for this one.
    pub(super) needs: &'static [&'static str],
}

/// The loader of the board; it replaces an existing board.
pub(super) const LOAD: &str = "load";

/// The loader of the library of functions.
pub(super) const LOAD_LIBRARY: &str = "load-library";

/// The loader of the lists that RPOP takes from.
const LOAD_BACKLOGS: &str = "load-backlogs";

/// The elements of each of these lists.
const BACKLOG: u64 = 4000;

/// All workloads, in the order in which help lists them.
pub(super) const WORKLOADS: &[Workload] = &[
    Workload { name: "ping", requests: &[(100, "PING")], needs: &[] },
    Workload { name: "zadd", requests: &[(100, ZADD)], needs: &[LOAD] },
    Workload { name: "zincrby", requests: &[(100, "ZINCRBY <board> 3 <member>")], needs: &[LOAD] },
    Workload { name: "zrank", requests: &[(100, "ZRANK <board> <member>")], needs: &[LOAD] },
    Workload { name: "zrevrank", requests: &[(100, "ZREVRANK <board> <member>")], needs: &[LOAD] },
    Workload { name: "zscore", requests: &[(100, "ZSCORE <board> <member>")], needs: &[LOAD] },
    Workload { name: "zmscore200", requests: &[(100, "ZMSCORE <board> <member>*200")], needs: &[LOAD] },
    Workload { name: "zcount", requests: &[(100, "ZCOUNT <board> 20000 80000")], needs: &[LOAD] },
    Workload { name: "top100", requests: &[(100, TOP_100)], needs: &[LOAD] },
    Workload { name: "mixed", requests: &[(60, ZADD), (40, TOP_100)], needs: &[LOAD] },
    Workload {
        name: "friendrank",
        requests: &[(100, "FRIENDRANK <board> <member> FRIENDS <friends> TOP 10")],
        needs: &[LOAD, "load-friends"],
    },
    Workload {
        name: "rank100",
        requests: &[(100, "LB.RANK <board> MEMBERS 100 <member>*100")],
        needs: &[LOAD],
    },
    Workload { name: "around10", requests: &[(100, "LB.AROUND <board> <member> 10")], needs: &[LOAD] },
    Workload {
        name: "submit",
        requests: &[(100, "LB.SUBMIT <board> RETURN <score> <member>")],
        needs: &[LOAD],
    },
    Workload { name: "get", requests: &[(100, "GET <key>")], needs: &["load-keys"] },
    Workload { name: "mget10", requests: &[(100, "MGET <key>*10")], needs: &["load-keys"] },
    Workload { name: "set", requests: &[(100, "SET <key> xxxxxxxxxxxxxxxx")], needs: &[] },
    Workload { name: "incr", requests: &[(100, "INCR <counter>")], needs: &[] },
    Workload { name: "append", requests: &[(100, "APPEND <text> xxxxxxxxxxxxxxxx")], needs: &[] },
    Workload { name: "setbit", requests: &[(100, "SETBIT <bitmap> <offset> 1")], needs: &[] },
    Workload { name: "pfadd", requests: &[(100, "PFADD <visitors> <member>")], needs: &[] },
    Workload { name: "expire", requests: &[(100, "EXPIRE <key> <seconds>")], needs: &["load-keys"] },
    Workload { name: "hset", requests: &[(100, "HSET <hash> likes <score>")], needs: &["load-hashes"] },
    Workload { name: "hincrby", requests: &[(100, "HINCRBY <hash> likes 1")], needs: &["load-hashes"] },
    Workload { name: "hmget4", requests: &[(100, HMGET_4)], needs: &["load-hashes"] },
    Workload { name: "hgetall4", requests: &[(100, "HGETALL <hash>")], needs: &["load-hashes"] },
    // The like counts of a feed, of 100 messages with four counters each: with a pipeline of 400 and of 100.
    Workload { name: "feed-keys", requests: &[(100, "GET <counter>")], needs: &["load-counters"] },
    Workload { name: "feed-hashes", requests: &[(100, HMGET_4)], needs: &["load-hashes"] },
    Workload { name: "lpush", requests: &[(100, LPUSH)], needs: &[] },
    Workload { name: "rpop", requests: &[(100, "RPOP <backlog>")], needs: &[LOAD_BACKLOGS] },
    Workload { name: "queue", requests: &[(50, LPUSH), (50, "RPOP <queue>")], needs: &[] },
    Workload { name: "lrange100", requests: &[(100, "LRANGE <list> 0 99")], needs: &["load-lists"] },
    Workload { name: "sadd", requests: &[(100, "SADD <set> member")], needs: &[] },
    Workload {
        name: "sismember",
        requests: &[(100, "SISMEMBER <friends> <member>")],
        needs: &["load-friends"],
    },
    Workload {
        name: "geoadd",
        requests: &[(100, "GEOADD <places> <longitude> <latitude> <member>")],
        needs: &["load-places"],
    },
    Workload { name: "geosearch", requests: &[(100, NEAREST_100)], needs: &["load-places"] },
    Workload { name: "xadd", requests: &[(100, XADD)], needs: &[] },
    Workload { name: "xadd-maxlen", requests: &[(100, XADD_MAXLEN)], needs: &[] },
    Workload {
        name: "xrange100",
        requests: &[(100, "XRANGE <read-stream> - + COUNT 100")],
        needs: &["load-stream"],
    },
    Workload { name: "xlen", requests: &[(100, "XLEN <read-stream>")], needs: &["load-stream"] },
    Workload {
        name: "script-add",
        requests: &[(100, "EVALSHA <digest:add> 1 <board> <score> <member>")],
        needs: &[LOAD, "load-script-add"],
    },
    Workload {
        name: "script-count-once",
        requests: &[(100, "EVALSHA <digest:count-once> 2 <board> <seen> 3 <member> <event>")],
        needs: &[LOAD, "load-script-count-once"],
    },
    Workload {
        name: "script-sum1000",
        requests: &[(100, "EVALSHA <digest:sum1000> 1 <board>")],
        needs: &[LOAD, "load-script-sum1000"],
    },
    // As script-add, with a thousand boards: scripts with different keys run beside each other.
    Workload {
        name: "script-boards",
        requests: &[(100, "EVALSHA <digest:add> 1 <small-board> <score> <member>")],
        needs: &["load-script-add"],
    },
    Workload {
        name: "function-add",
        requests: &[(100, "FCALL <function:add> 1 <board> <score> <member>")],
        needs: &[LOAD, LOAD_LIBRARY],
    },
    Workload {
        name: "function-count-once",
        requests: &[(100, "FCALL <function:count-once> 2 <board> <seen> 3 <member> <event>")],
        needs: &[LOAD, LOAD_LIBRARY],
    },
    Workload {
        name: "function-sum1000",
        requests: &[(100, "FCALL <function:sum1000> 1 <board>")],
        needs: &[LOAD, LOAD_LIBRARY],
    },
    Workload { name: LOAD, requests: &[(100, "ZADD <board> <score,next-member>*100")], needs: &[] },
    Workload { name: "load-keys", requests: &[(100, "SET <next-key> xxxxxxxxxxxxxxxx")], needs: &[] },
    Workload { name: "load-counters", requests: &[(100, "SET <next-counter> 12345")], needs: &[] },
    Workload {
        name: "load-hashes",
        requests: &[(100, "HSET <next-hash> likes 12345 views 12345 shares 12345 comments 12345")],
        needs: &[],
    },
    Workload { name: "load-lists", requests: &[(100, "RPUSH <next-list> <member>*100")], needs: &[] },
    Workload { name: LOAD_BACKLOGS, requests: &[(100, "RPUSH <next-backlog> <member>*4000")], needs: &[] },
    Workload {
        name: "load-places",
        requests: &[(100, "GEOADD <places> <longitude,latitude,next-member>*100")],
        needs: &[],
    },
    // A stream that is loaded twice is longer, which makes no difference to those who read it.
    Workload {
        name: "load-stream",
        requests: &[(100, "XADD <read-stream> * user <next-member> steps <score> at 1795992000000")],
        needs: &[],
    },
    Workload { name: "load-script-add", requests: &[(100, "SCRIPT LOAD <next-script:add>")], needs: &[] },
    Workload {
        name: "load-script-count-once",
        requests: &[(100, "SCRIPT LOAD <next-script:count-once>")],
        needs: &[],
    },
    Workload {
        name: "load-script-sum1000",
        requests: &[(100, "SCRIPT LOAD <next-script:sum1000>")],
        needs: &[],
    },
    Workload { name: LOAD_LIBRARY, requests: &[(100, "FUNCTION LOAD REPLACE <next-library>")], needs: &[] },
    Workload { name: "load-friends", requests: &[(100, "SADD <next-friends> <member>*200")], needs: &[] },
];

impl Workload {
    /// The workload called `name`.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        WORKLOADS.iter().find(|workload| workload.name == name)
    }

    /// Whether what it loads are no keys: a server may have lost them while the keys are there.
    pub(super) fn loads_scripts(&self) -> bool {
        self.requests.iter().any(|(_, text)| text.starts_with("SCRIPT LOAD ")) || self.name == LOAD_LIBRARY
    }

    /// Whether what it loads is used up, so that it loads anew for each run.
    pub(super) fn is_used_up(&self) -> bool {
        self.name == LOAD_BACKLOGS
    }

    /// The most requests of a run, where a workload uses up what was loaded for it. Keys are drawn at random, so this is less than
    /// there is: none of them runs out.
    pub(super) fn most_requests(&self, populations: &Populations) -> Option<u64> {
        self.needs.contains(&LOAD_BACKLOGS).then(|| populations.large() * BACKLOG * 9 / 10)
    }

    /// Its requests in one line, for the help.
    pub(super) fn help(&self) -> String {
        let requests = self.requests.iter().map(|(share, text)| match share {
            100 => (*text).to_owned(),
            share => format!("{share} % {text}"),
        });
        requests.collect::<Vec<_>>().join(", ")
    }

    /// The templates of its requests, each with its share in percent.
    pub(super) fn templates(&self, populations: &Populations) -> Vec<(u64, Template)> {
        let templates = self.requests.iter().map(|(share, text)| (*share, Template::new(text, populations)));
        templates.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;
    use std::collections::HashSet;

    #[test]
    fn every_workload_makes_requests_and_needs_what_there_is() {
        let populations = Populations { prefix: "p:".to_owned(), members: 1234 };
        let mut names = HashSet::new();
        for workload in WORKLOADS {
            assert!(names.insert(workload.name), "{} is there twice", workload.name);
            assert_eq!(workload.requests.iter().map(|(share, _)| share).sum::<u64>(), 100);
            for (_, template) in workload.templates(&populations) {
                let mut out = Vec::new();
                template.write(0, &mut Chance::seeded(1), &mut out);
                assert!(out.starts_with(b"*"), "{}", workload.name);
            }
            for need in workload.needs {
                let loader = Workload::named(need).expect("a loader");
                assert!(
                    loader.templates(&populations)[0].1.load_requests().is_some(),
                    "{need} loads nothing"
                );
            }
        }
    }
}
