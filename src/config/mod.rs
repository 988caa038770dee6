//! The configuration, in the syntax of redis.conf, derived from one table of directives.
//!
//! A directive is one entry of [`directives()`]: its name, its default, its help, and the functions that read
//! it into [`Config`] and print it. The configuration file, the command line, the environment, CONFIG GET/SET, `--help`
//! and the test that `config/rankd.conf` equals the defaults all use the table.

mod channel_default;
mod choices;
mod directive;
mod directives;
mod error;
mod event_classes;
mod fields;
mod file;
mod followed;
mod ignored;
mod memory;
mod metrics;
mod named;
mod output_limits;
mod replica;
mod replication;
mod rewrite;
mod sentinel;
mod set_bounds;
mod settings;
mod slowness;
mod stream_bounds;
mod tls;
mod value;
mod value_syntax;
mod wildcard;

pub use crate::config::channel_default::ChannelDefault;
pub use crate::config::choices::{DebugPolicy, FsyncPolicy, LogLevel, SavePoint, Supervised};
pub use crate::config::directive::{Directive, DirectiveSection};
pub use crate::config::directives::{OTHER_NAMES, directives, is_secret};
pub use crate::config::error::{DirectiveError, NoEffect};
pub use crate::config::event_classes::EventClasses;
pub use crate::config::fields::Config;
pub use crate::config::file::FileError;
pub use crate::config::followed::Followed;
pub use crate::config::ignored::{IGNORED, Ignored};
pub use crate::config::memory::{ClientsBound, EvictionPolicy, MemoryBounds};
pub use crate::config::metrics::MetricsPort;
pub use crate::config::output_limits::{OutputLimit, OutputLimits};
pub use crate::config::replica::{ReplicaSettings, read_master};
pub use crate::config::replication::ReplicationSettings;
pub use crate::config::sentinel::SentinelSettings;
pub use crate::config::set_bounds::SetBounds;
pub use crate::config::settings::Settings;
pub use crate::config::stream_bounds::{ProducerBounds, StreamBounds};
pub use crate::config::tls::{CertificateFiles, ClientCertificates, TlsSettings};
pub use crate::config::value_syntax::ValueSyntax;
