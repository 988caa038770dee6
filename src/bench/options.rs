//! The command line of `rankd bench`.

use super::schedule::Pace;
use super::template::Populations;
use super::workload::{WORKLOADS, Workload};
use crate::machine::chance::Chance;
use crate::net::address::{ServerAddress, ServerPlace};
use crate::net::tls;
use crate::net::tls::client::TlsOptions;
use clap::builder::{PossibleValue, PossibleValuesParser, RangedU64ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

/// The default workloads: each runs for `DEFAULT_SECONDS`, all together about half a minute.
const DEFAULT_WORKLOADS: &str = "ping,zadd,zrevrank,zscore,top100,mixed";
const DEFAULT_SECONDS: &str = "3";

/// The number of members that their digits can distinguish.
const MOST_MEMBERS: u64 = 1_000_000_000_000;

/// Highest accepted numbers; anything above is a typing error.
const MOST_CONNECTIONS: u64 = 60_000;
const MOST_THREADS: u64 = 256;
const MOST_PIPELINE: u64 = 10_000;
const MOST_PER_SECOND: u64 = 100_000_000;
const MOST_SECONDS: f64 = 1e6;

/// Loaders send at least this many requests at once, so that they finish soon.
const LOADER_PIPELINE: u64 = 16;

/// What ends a workload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum RunLength {
    Requests(u64),
    Seconds(f64),
}

/// The options of the command line.
#[derive(Debug)]
pub(super) struct BenchOptions {
    pub(super) target: ServerAddress,
    pub(super) tls: TlsOptions,
    pub(super) workloads: Vec<&'static Workload>,
    pub(super) populations: Populations,
    pub(super) connections: u64,
    pub(super) threads: usize,
    pub(super) pipeline: u64,
    pub(super) length: RunLength,
    /// Requests a second of an open loop; `None` for a closed loop.
    pub(super) rate: Option<u64>,
    pub(super) seed: u64,
    pub(super) resp3: bool,
    pub(super) keep: bool,
    pub(super) force: bool,
    pub(super) json: bool,
}

/// The clap definition of the subcommand `bench`.
#[must_use]
pub fn command() -> Command {
    let number = |name: &'static str, least: u64, most: u64| {
        Arg::new(name).long(name).value_parser(RangedU64ValueParser::<u64>::new().range(least..=most))
    };
    let text = |name: &'static str| Arg::new(name).long(name);
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let names = WORKLOADS.iter().map(|workload| PossibleValue::new(workload.name).help(workload.help()));
    Command::new("bench")
        .about("Sends load to a server that speaks RESP, and measures how fast it answers")
        .after_help(
            "Without --rate a connection sends its next request when the last one has been answered (closed loop). \
             This measures\nthe maximum throughput. With --rate requests are due at fixed times, even if the server \
             does not keep up (open loop),\nand latency counts from those times. This measures what users would see.",
        )
        .arg(
            text("url")
                .value_name("URL")
                .help("redis://[[user:]password@]host[:port][/database], rediss:// for TLS, or unix:///path")
                .conflicts_with_all(["host", "port", "socket", "user", "database"])
                .value_parser(value_parser!(ServerAddress)),
        )
        .arg(text("host").value_name("HOST").default_value("127.0.0.1").help("Name or address of the server"))
        .arg(text("port").value_name("PORT").default_value("6379").value_parser(value_parser!(u16)))
        .arg(
            text("socket")
                .short('s')
                .value_name("PATH")
                .help("Unix socket of the server, instead of host and port")
                .conflicts_with_all(["host", "port"]),
        )
        .args(tls::options::arguments())
        .arg(text("user").value_name("NAME").help("User to authenticate as").requires("password"))
        .arg(
            text("password")
                .value_name("PASSWORD")
                .help("Password; safer in the environment, because `ps` shows the command line")
                .env("REDISCLI_AUTH")
                .hide_env_values(true),
        )
        .arg(text("database").value_name("NUMBER").default_value("0").value_parser(value_parser!(u32)))
        .arg(
            text("workload")
                .short('w')
                .value_name("NAME")
                .value_delimiter(',')
                .default_value(DEFAULT_WORKLOADS)
                .value_parser(PossibleValuesParser::new(names))
                .help("Workloads, run in this order; the data that a workload needs are loaded first"),
        )
        .arg(
            number("members", 1, MOST_MEMBERS)
                .value_name("N")
                .default_value("1000000")
                .help("Number of members of the board, and of keys for get, set, incr and sadd"),
        )
        .arg(number("connections", 1, MOST_CONNECTIONS).short('c').value_name("N").default_value("50"))
        .arg(
            number("threads", 1, MOST_THREADS)
                .value_name("N")
                .default_value("2")
                .help("Number of threads of the load generator"),
        )
        .arg(
            number("pipeline", 1, MOST_PIPELINE)
                .short('P')
                .value_name("N")
                .default_value("1")
                .help("Requests that a connection sends together before it waits for their replies"),
        )
        .arg(
            number("requests", 1, u64::MAX)
                .short('n')
                .value_name("N")
                .conflicts_with("seconds")
                .help("Ends each workload after N requests"),
        )
        .arg(
            text("seconds")
                .value_name("S")
                .default_value(DEFAULT_SECONDS)
                .value_parser(read_seconds)
                .help("Ends each workload after S seconds"),
        )
        .arg(
            number("rate", 1, MOST_PER_SECOND)
                .value_name("R")
                .help("Open loop with R requests a second over all connections"),
        )
        .arg(number("seed", 0, u64::MAX).value_name("N").help("Seed of the random members and scores; repeats a run"))
        .arg(
            text("prefix")
                .value_name("TEXT")
                .default_value("bench:")
                .value_parser(clap::builder::NonEmptyStringValueParser::new())
                .help("Prefix of all keys that are written"),
        )
        .arg(flag("force").help("Uses the prefix, and removes its keys at the end, even if other programs have keys there"))
        .arg(flag("keep").help("Keeps the keys; the next run does not load them again"))
        .arg(flag("resp3").help("Uses RESP3"))
        .arg(flag("json").help("Prints one JSON object a line for each workload"))
}

impl BenchOptions {
    /// The options that clap has parsed.
    pub(super) fn read(matches: &ArgMatches) -> Self {
        let number = |name: &str| matches.get_one::<u64>(name).copied();
        let some = |name: &str| number(name).expect("it has a default");
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        let mut target = matches.get_one::<ServerAddress>("url").cloned().unwrap_or_else(|| ServerAddress {
            place: text("socket").map_or_else(
                || ServerPlace::Tcp {
                    host: text("host").expect("it has a default"),
                    port: *matches.get_one::<u16>("port").expect("it has a default"),
                },
                |path| ServerPlace::Unix(path.into()),
            ),
            user: text("user"),
            password: None,
            database: matches.get_one::<u32>("database").copied(),
        });
        // A password in the address comes first: the one in the environment may be for another server.
        target.password = target.password.or_else(|| text("password"));
        let names = matches.get_many::<String>("workload").expect("it has a default");
        let seconds = *matches.get_one::<f64>("seconds").expect("it has a default");
        let prefix = text("prefix").expect("it has a default");
        Self {
            target,
            tls: tls::options::read(matches),
            workloads: names.map(|name| Workload::named(name).expect("clap knows the names")).collect(),
            populations: Populations { prefix, members: some("members") },
            connections: some("connections"),
            threads: some("threads") as usize,
            pipeline: some("pipeline"),
            length: number("requests").map_or(RunLength::Seconds(seconds), RunLength::Requests),
            rate: number("rate"),
            seed: number("seed").unwrap_or_else(|| Chance::from_system().next_u64()),
            resp3: matches.get_flag("resp3"),
            keep: matches.get_flag("keep"),
            force: matches.get_flag("force"),
            json: matches.get_flag("json"),
        }
    }

    /// Returns how many requests a workload sends together on each connection, when, and how many in all. A loader has
    /// `load_requests` requests and sends them as fast as possible.
    pub(super) fn pace(&self, load_requests: Option<u64>) -> (u64, Pace, u64) {
        if let Some(total) = load_requests {
            return (self.pipeline.max(LOADER_PIPELINE), Pace::Closed { end_ns: u64::MAX }, total);
        }
        let (pace, total) = match (self.rate, self.length) {
            (None, RunLength::Requests(total)) => (Pace::Closed { end_ns: u64::MAX }, total),
            (None, RunLength::Seconds(seconds)) => {
                (Pace::Closed { end_ns: (seconds * 1e9) as u64 }, u64::MAX)
            }
            (Some(rate), RunLength::Requests(total)) => (Pace::Open { per_second: rate as f64 }, total),
            (Some(rate), RunLength::Seconds(seconds)) => {
                (Pace::Open { per_second: rate as f64 }, (rate as f64 * seconds).ceil() as u64)
            }
        };
        (self.pipeline, pace, total)
    }
}

fn read_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds <= MOST_SECONDS);
    seconds.ok_or_else(|| format!("must be a number of seconds above 0 and up to {MOST_SECONDS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<BenchOptions, String> {
        let words = std::iter::once(&"bench").chain(words);
        let matches = command().try_get_matches_from(words).map_err(|error| error.to_string())?;
        Ok(BenchOptions::read(&matches))
    }

    #[test]
    fn options_are_read() {
        let options =
            read(&["-w", "zadd,get", "--members", "10", "--rate", "100", "--seconds", "0.5"]).unwrap();
        assert_eq!(options.workloads.iter().map(|one| one.name).collect::<Vec<_>>(), ["zadd", "get"]);
        assert_eq!(options.pace(None), (1, Pace::Open { per_second: 100.0 }, 50));
        assert_eq!(options.pace(Some(7)), (16, Pace::Closed { end_ns: u64::MAX }, 7));
        let options = read(&["-n", "9", "-P", "4"]).unwrap();
        assert_eq!(options.pace(None), (4, Pace::Closed { end_ns: u64::MAX }, 9));
        let options = read(&[]).unwrap();
        assert_eq!(options.pace(None), (1, Pace::Closed { end_ns: 3_000_000_000 }, u64::MAX));
    }

    #[test]
    fn invalid_options_are_refused() {
        let wrong: [(&[&str], &str); 13] = [
            (&["-w", "zad"], "zadd"),
            (&["-w", "zadd,,"], "possible values"),
            (&["--members", "0"], "--members"),
            (&["--members", "1000000000001"], "--members"),
            (&["--connections", "x"], "--connections"),
            (&["--pipeline", "10001"], "--pipeline"),
            (&["--seconds", "0"], "--seconds"),
            (&["--seconds", "inf"], "--seconds"),
            (&["--seconds", "1", "--requests", "1"], "--requests"),
            (&["--url", "redis://a", "--port", "1"], "--port"),
            (&["-s", "/run/rankd.sock", "--port", "1"], "--port"),
            (&["--user", "ann"], "--password"),
            (&["--prefix", ""], "--prefix"),
        ];
        for (words, part) in wrong {
            let error = read(words).err().unwrap_or_else(|| panic!("{words:?} is taken"));
            assert!(error.contains(part), "{words:?}: {error}");
        }
    }
}
