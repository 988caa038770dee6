//! Environment variables that set directives.

use crate::config::{Config, directives};
use crate::limits;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;

/// The directives that a file can set: `RANKD_REQUIREPASS_FILE` and so on name it, so that the password is in no environment.
const PASSWORDS: [&str; 3] = ["requirepass", "masterauth", "sentinel-pass"];

/// A warning for each environment variable that looks like a directive and is none.
pub(in crate::server) fn unknown_variables() -> Vec<String> {
    let is_known = |name: &str| {
        PASSWORDS.iter().any(|directive| file_variable(directive) == name)
            || directives().any(|directive| variable(directive.name) == name)
    };
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let ours = names.filter(|name| name.starts_with("RANKD_") && !is_known(name));
    ours.map(|name| format!("environment variable {name} names no directive")).collect()
}

/// Sets what the environment says.
///
/// # Errors
/// The variable, its value and what is wrong with it.
pub(in crate::server) fn set(config: &mut Config) -> Result<(), String> {
    for directive in PASSWORDS {
        if let Some(path) = std::env::var_os(file_variable(directive)) {
            let wrong = |why: &str| format!("{} '{}': {why}", file_variable(directive), path.display());
            if std::env::var_os(variable(directive)).is_some() {
                return Err(wrong(&format!("{} is set as well", variable(directive))));
            }
            let password = read_password(&path).map_err(|why| wrong(&why))?;
            config.set(directive, &password).map_err(|error| wrong(&error.to_string()))?;
        }
    }
    for name in directives().map(|directive| directive.name) {
        let name_there = variable(name);
        let Some(value) = std::env::var_os(&name_there) else { continue };
        let wrong = |why: &str| format!("{name_there} '{}': {why}", value.display());
        let value = value.to_str().ok_or_else(|| wrong("not UTF-8"))?;
        config.set(name, value).map_err(|error| wrong(&error.to_string()))?;
    }
    Ok(())
}

/// The password in the file at `path`, without the line's end.
fn read_password(path: &OsString) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let read = file.take(limits::PASSWORD_FILE_BYTES as u64 + 1).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    if text.len() > limits::PASSWORD_FILE_BYTES {
        return Err(format!("it has more than {} bytes", limits::PASSWORD_FILE_BYTES));
    }
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() || password.contains('\n') {
        return Err("it must have one line, the password".to_owned());
    }
    Ok(password.to_owned())
}

/// The environment variable that names a file with the value of a directive.
fn file_variable(directive: &str) -> String {
    variable(directive) + "_FILE"
}

/// The environment variable that sets a directive.
fn variable(directive: &str) -> String {
    format!("RANKD_{}", directive.to_uppercase().replace('-', "_"))
}
