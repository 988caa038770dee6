//! What the metrics port serves, and where.

/// The settings of the metrics port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricsPort {
    /// Its TCP port; 0: there is none. `metrics-port`.
    pub port: u16,
    /// The addresses that it listens on, in the words of `bind`. `metrics-bind`.
    pub bind: Vec<String>,
    /// Patterns of the keys of boards whose members and scores are shown. `metrics-boards`.
    pub boards: Vec<String>,
}
