//! The users at the start: from the configuration file, or from the file of users.

use crate::commands::{Users, table};
use crate::config::{ChannelDefault, Config};

/// The users that the configuration defines.
///
/// # Errors
/// Every line that is not valid, with the file and the line's number; or why the file of users cannot be read.
pub(super) fn defined_by(config: &Config) -> Result<Users, String> {
    // Rules name commands, so the table must be there.
    let _ = table();
    let users = Users::default();
    users.set_default_password(&config.requirepass);
    let all_channels = config.acl_pubsub_default == ChannelDefault::All;
    if config.aclfile.is_empty() {
        for words in &config.users {
            users.define(words, all_channels).map_err(|why| format!("user {}: {why}", words[0]))?;
        }
        return Ok(users);
    }
    let path = config.path_of_users();
    let shown = path.display();
    if !config.users.is_empty() {
        return Err(format!(
            "users are defined both in the configuration file and in aclfile {shown}: choose one"
        ));
    }
    let text = std::fs::read(&path).map_err(|error| format!("aclfile {shown}: {error}"))?;
    let lines = |errors: Vec<_>| {
        let lines = errors.iter().map(|error| format!("aclfile {shown}:{error}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    users.replace(&text, all_channels).map_err(lines)?;
    Ok(users)
}
