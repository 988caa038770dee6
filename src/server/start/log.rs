//! The log: its destination, and its level, which CONFIG SET can change.

use crate::config::{Config, LogLevel};
use std::fs::OpenOptions;
use std::io::IsTerminal;
use std::sync::Mutex;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

/// The handle that changes the level.
#[derive(Clone, Debug)]
pub(in crate::server) struct Log {
    level: reload::Handle<LevelFilter, Registry>,
}

impl Log {
    /// Starts the log that `config` describes.
    pub(in crate::server) fn start(config: &Config) -> Result<Self, String> {
        let (filter, level) = reload::Layer::new(filter(config.loglevel));
        let layer = tracing_subscriber::fmt::layer().with_target(false);
        let registry = tracing_subscriber::registry();
        let started = if config.logfile.is_empty() {
            let ansi = std::io::stderr().is_terminal();
            registry.with(layer.with_writer(std::io::stderr).with_ansi(ansi).with_filter(filter)).try_init()
        } else {
            let file = OpenOptions::new().create(true).append(true).open(&config.logfile);
            let file = file.map_err(|error| format!("logfile {}: {error}", config.logfile))?;
            registry.with(layer.with_writer(Mutex::new(file)).with_ansi(false).with_filter(filter)).try_init()
        };
        started.map_err(|error| error.to_string())?;
        Ok(Self { level })
    }

    /// Changes the level of the log.
    pub(in crate::server) fn set_level(&self, level: LogLevel) {
        // Fails only when the subscriber is gone, and then nothing is logged anyway.
        let _ = self.level.reload(filter(level));
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Nothing => LevelFilter::OFF,
    }
}
