//! Reads and prints the values of directives, with Redis's error texts.

use super::choices::{DebugPolicy, FsyncPolicy, LogLevel, SavePoint, Supervised};
use super::event_classes::EventClasses;

pub(super) fn yes_no(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("argument must be 'yes' or 'no'".into()),
    }
}

pub(super) fn print_yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.into()
}

fn integer(value: &str) -> Option<i128> {
    let number: i64 = value.parse().ok()?;
    (number.to_string() == value).then_some(number.into())
}

/// A whole number between `least` and `most`.
pub(super) fn number<T>(value: &str, least: T, most: T) -> Result<T, String>
where
    T: TryFrom<i128> + Into<i128> + Copy + std::fmt::Display,
{
    // 64 bits, no sign but a minus, no leading zero, as Redis reads them.
    let number = integer(value).ok_or("argument couldn't be parsed into an integer")?;
    if number < least.into() || number > most.into() {
        return Err(format!("argument must be between {least} and {most} inclusive"));
    }
    T::try_from(number).map_err(|_| "argument couldn't be parsed into an integer".to_owned())
}

/// Redis's error for a negative number where its own type is unsigned.
pub(super) const NEGATIVE: &str = "argument must be greater or equal to 0";

/// As [`number`], with Redis's error for a negative number where its own type is unsigned.
pub(super) fn unsigned(value: &str, least: i64, most: i64) -> Result<i64, String> {
    match number(value, i64::MIN, i64::MAX)? {
        ..0 => Err(NEGATIVE.into()),
        _ => number(value, least, most),
    }
}

/// An octal number up to `most`.
pub(super) fn octal(value: &str, most: u32) -> Result<u32, String> {
    let is_octal = !value.is_empty() && value.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let number = u64::from_str_radix(value, 8).ok().filter(|_| is_octal);
    let number = number.ok_or("argument couldn't be parsed as an octal number")?;
    let within = u32::try_from(number).ok().filter(|number| *number <= most);
    within.ok_or_else(|| format!("argument must be between 0 and {most:o} inclusive"))
}

/// Any number of things that 63 bits hold.
pub(super) fn count(value: &str) -> Result<usize, String> {
    unsigned(value, 0, i64::MAX).map(|count| count as usize)
}

/// A number of bytes between `least` and `most`.
pub(super) fn bytes_within(value: &str, least: usize, most: usize) -> Result<usize, String> {
    let bytes = bytes(value)?;
    let found = usize::try_from(bytes).ok().filter(|bytes| (least..=most).contains(bytes));
    found.ok_or_else(|| format!("argument must be between {least} and {most} inclusive"))
}

/// Any number of bytes that 63 bits hold.
pub(super) fn unsigned_bytes(value: &str) -> Result<usize, String> {
    bytes_within(value, 0, i64::MAX as usize).map_err(|why| {
        // An unknown unit has an error of its own.
        if bytes(value).is_ok() { NEGATIVE.into() } else { why }
    })
}

/// A number of bytes: digits and a unit, `k` being 1000 and `kb` 1024 as in redis.conf.
pub(super) fn bytes(value: &str) -> Result<u64, String> {
    let lower = value.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &lower[digits.len()..] {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return Err("argument must be a memory value".into()),
    };
    // As in Redis: no digits mean 0, and too many digits mean the highest number.
    let number: u64 = match digits {
        "" => 0,
        digits if digits.bytes().all(|digit| digit.is_ascii_digit()) => digits.parse().unwrap_or(u64::MAX),
        _ => return Err("argument must be a memory value".into()),
    };
    number.checked_mul(unit).ok_or_else(|| "argument must be a memory value".into())
}

pub(super) fn fsync(value: &str) -> Result<FsyncPolicy, String> {
    match value.to_ascii_lowercase().as_str() {
        "always" => Ok(FsyncPolicy::Always),
        "everysec" => Ok(FsyncPolicy::EverySecond),
        "no" => Ok(FsyncPolicy::Never),
        _ => Err("argument(s) must be one of the following: everysec, always, no".into()),
    }
}

pub(super) fn print_fsync(value: FsyncPolicy) -> String {
    match value {
        FsyncPolicy::Always => "always",
        FsyncPolicy::EverySecond => "everysec",
        FsyncPolicy::Never => "no",
    }
    .into()
}

pub(super) fn event_classes(value: &str) -> Result<EventClasses, String> {
    EventClasses::parse(value).ok_or_else(|| "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into())
}

pub(super) fn save_points(value: &str) -> Result<Vec<SavePoint>, String> {
    let wrong = || "Invalid save parameters".to_owned();
    let numbers = value.split_ascii_whitespace().map(|word| word.parse().map_err(|_| wrong()));
    let numbers = numbers.collect::<Result<Vec<u64>, _>>()?;
    let (pairs, []) = numbers.as_chunks() else { return Err(wrong()) };
    let points = pairs.iter().map(|&[seconds, changes]| SavePoint { seconds, changes });
    points.map(|point| if point.seconds > 0 { Ok(point) } else { Err(wrong()) }).collect()
}

pub(super) fn print_save_points(points: &[SavePoint]) -> String {
    let pairs: Vec<_> =
        points.iter().map(|SavePoint { seconds, changes }| format!("{seconds} {changes}")).collect();
    pairs.join(" ")
}

pub(super) fn percentiles(value: &str) -> Result<Vec<f64>, String> {
    let percentile = |word: &str| {
        let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
        match number.ok_or("Invalid latency-tracking-info-percentiles parameters")? {
            number if (0.0..=100.0).contains(&number) => Ok(number),
            _ => {
                Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".to_owned())
            }
        }
    };
    value.split_ascii_whitespace().map(percentile).collect()
}

pub(super) fn print_percentiles(percentiles: &[f64]) -> String {
    percentiles.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
}

pub(super) fn debug_policy(value: &str) -> Result<DebugPolicy, String> {
    match value.to_ascii_lowercase().as_str() {
        "no" => Ok(DebugPolicy::No),
        "local" => Ok(DebugPolicy::Local),
        "yes" => Ok(DebugPolicy::Yes),
        _ => Err("argument(s) must be one of the following: no, yes, local".into()),
    }
}

pub(super) fn print_debug_policy(value: DebugPolicy) -> String {
    match value {
        DebugPolicy::No => "no",
        DebugPolicy::Local => "local",
        DebugPolicy::Yes => "yes",
    }
    .into()
}

/// The words of `supervised`, in Redis's order.
const SUPERVISED: [(&str, Supervised); 4] = [
    ("upstart", Supervised::Upstart),
    ("systemd", Supervised::Systemd),
    ("auto", Supervised::Auto),
    ("no", Supervised::No),
];

pub(super) fn supervised(value: &str) -> Result<Supervised, String> {
    let named = SUPERVISED.iter().find(|(name, _)| name.eq_ignore_ascii_case(value));
    let none = || "argument(s) must be one of the following: upstart, systemd, auto, no".to_owned();
    named.map(|(_, supervised)| *supervised).ok_or_else(none)
}

pub(super) fn print_supervised(value: Supervised) -> String {
    let named = SUPERVISED.iter().find(|(_, supervised)| *supervised == value);
    named.map(|(name, _)| (*name).to_owned()).unwrap_or_default()
}

pub(super) fn log_level(value: &str) -> Result<LogLevel, String> {
    match value.to_ascii_lowercase().as_str() {
        "debug" => Ok(LogLevel::Debug),
        "verbose" => Ok(LogLevel::Verbose),
        "notice" => Ok(LogLevel::Notice),
        "warning" => Ok(LogLevel::Warning),
        "nothing" => Ok(LogLevel::Nothing),
        _ => Err("argument(s) must be one of the following: debug, verbose, notice, warning, nothing".into()),
    }
}

pub(super) fn print_log_level(value: LogLevel) -> String {
    match value {
        LogLevel::Debug => "debug",
        LogLevel::Verbose => "verbose",
        LogLevel::Notice => "notice",
        LogLevel::Warning => "warning",
        LogLevel::Nothing => "nothing",
    }
    .into()
}
