//! How users are defined: by lines of files, by rules, by `requirepass`.

use super::rules::InvalidRules;
use super::user::{DEFAULT, User};
use super::users::Users;
use std::fmt;

/// Why lines that define users are not valid: one text a mistake, without the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsersError {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for UsersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.why)
    }
}

impl Users {
    /// Makes `password` the only password of the user `default`; with an empty one it needs none (`requirepass`).
    pub fn set_default_password(&self, password: &str) {
        let rule = if password.is_empty() { b"nopass".to_vec() } else { format!(">{password}").into_bytes() };
        let rules = [b"resetpass".to_vec(), rule];
        self.change(DEFAULT, rules.iter().map(Vec::as_slice), false).expect("the rules are valid");
    }

    /// Replaces all users by those that the lines of `text` define (`user name rule …`, empty lines and comments aside).
    /// The user `default` is the open one unless a line defines it. `all_channels` is `acl-pubsub-default`. Returns the names
    /// of users who are gone or have changed.
    ///
    /// # Errors
    /// Every line that is not valid. Nothing has changed then.
    pub fn replace(&self, text: &[u8], all_channels: bool) -> Result<Vec<Box<[u8]>>, Vec<UsersError>> {
        let (mut users, mut errors) = (Vec::<User>::new(), Vec::new());
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let words: Vec<&[u8]> = words.collect();
            if words.first().is_none_or(|word| word.starts_with(b"#")) {
                continue;
            }
            let known = |name: &[u8]| users.iter().any(|user| *user.name == *name);
            match defined_by(&words, all_channels, known) {
                Ok(user) => users.push(user),
                Err(why) => errors.push(UsersError { line: index + 1, why }),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(self.put_all(users))
    }

    /// Defines a user by the words of a line of the configuration file, `name rule …`, once.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn define(&self, words: &[String], all_channels: bool) -> Result<(), String> {
        let mut line: Vec<&[u8]> = vec![b"user"];
        line.extend(words.iter().map(|word| word.as_bytes()));
        let user = defined_by(&line, all_channels, |name| name != DEFAULT && self.has(name))?;
        let name = user.name.clone();
        self.put(&name, |_| Ok(user))
    }

    /// The words of the lines `user …` that define all users, for a configuration file. There are none while `requirepass`
    /// says it all: the user `default` is the only one and has its password.
    #[must_use]
    pub fn lines(&self, requirepass: &str) -> Vec<Vec<String>> {
        let plain = Self::default();
        plain.set_default_password(requirepass);
        let users = self.all();
        if users == plain.all() {
            return Vec::new();
        }
        let words = |line: Vec<u8>| -> Vec<String> {
            String::from_utf8_lossy(&line).split(' ').skip(1).map(str::to_owned).collect()
        };
        users.iter().map(|user| words(user.describe())).collect()
    }

    /// Makes a user, or changes the one there is.
    ///
    /// # Errors
    /// The first rule that is not valid. Nothing has changed then.
    pub(super) fn change<'r>(
        &self,
        name: &[u8],
        rules: impl Iterator<Item = &'r [u8]>,
        all_channels: bool,
    ) -> Result<(), InvalidRules> {
        let new = || User::new(name, all_channels);
        self.put(name, |user| user.cloned().unwrap_or_else(new).changed_by(rules, all_channels))
    }
}

/// Whether `name` can be a user's.
pub(super) fn is_user_name(name: &[u8]) -> bool {
    !name.iter().any(|byte| byte.is_ascii_whitespace() || *byte == 0)
}

/// The user that the words of a line define.
fn defined_by(words: &[&[u8]], all_channels: bool, is_known: impl Fn(&[u8]) -> bool) -> Result<User, String> {
    let [keyword, name, rules @ ..] = words else {
        return Err("should start with user keyword followed by the username".into());
    };
    if *keyword != b"user" {
        return Err("should start with user keyword followed by the username".into());
    }
    let shown = String::from_utf8_lossy(name);
    if !is_user_name(name) {
        return Err(format!("username '{shown}' contains invalid characters"));
    }
    if is_known(name) {
        return Err(format!("Duplicate user '{shown}' found"));
    }
    let new = User::new(name, all_channels);
    let defined = new.changed_by(rules.iter().copied(), all_channels).map_err(|why| match why {
        InvalidRules::Rule(rule, why) => format!("{}: {why}", String::from_utf8_lossy(&rule)),
        InvalidRules::Unmatched(begin) => format!(
            "Unmatched parenthesis in selector definition starting at '{}'",
            String::from_utf8_lossy(&begin)
        ),
    })?;
    Ok(defined)
}
