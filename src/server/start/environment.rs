//! Environment variables that set directives.

use crate::config::directives;

/// A warning for each environment variable that looks like a directive and is none.
pub(in crate::server) fn unknown_variables() -> Vec<String> {
    let is_known = |name: &str| directives().any(|directive| variable(directive.name) == name);
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let ours = names.filter(|name| name.starts_with("RANKD_") && !is_known(name));
    ours.map(|name| format!("environment variable {name} names no directive")).collect()
}

/// The environment variable that sets a directive.
pub(in crate::server) fn variable(directive: &str) -> String {
    format!("RANKD_{}", directive.to_uppercase().replace('-', "_"))
}
