//! The rules of ACL SETUSER and of the lines in files: one rule changes a copy of the user, and the copy counts only if
//! all of them are valid.

use super::password::PasswordHash;
use super::selector::Selector;
use super::selector_rules::RuleError;
use super::user::User;

/// Why the rules for a user are not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InvalidRules {
    /// This rule is not.
    Rule(Vec<u8>, RuleError),
    /// A selector that begins with this word does not end.
    Unmatched(Vec<u8>),
}

impl User {
    /// The user that `rules` make of this one.
    ///
    /// # Errors
    /// The first rule that is not valid.
    pub(super) fn changed_by<'r>(
        &self,
        rules: impl Iterator<Item = &'r [u8]>,
        all_channels: bool,
    ) -> Result<Self, InvalidRules> {
        let mut changed = self.clone();
        for rule in joined(rules)? {
            let refused = |why| InvalidRules::Rule(rule.clone(), why);
            changed.apply(&rule, all_channels).map_err(refused)?;
        }
        changed.may_do_everything = changed.root.is_everything();
        Ok(changed)
    }

    fn apply(&mut self, rule: &[u8], all_channels: bool) -> Result<(), RuleError> {
        match rule {
            [b'(', inner @ .., b')'] => {
                let mut selector = Selector::empty(all_channels);
                let words = inner.split(u8::is_ascii_whitespace);
                words.filter(|word| !word.is_empty()).try_for_each(|word| selector.apply(word))?;
                self.selectors.push(selector);
            }
            [b'>', password @ ..] => self.add_password(PasswordHash::of(password)),
            [b'#', hash @ ..] => self.add_password(PasswordHash::from_hex(hash).ok_or(RuleError::BadHash)?),
            [b'<', password @ ..] => self.remove_password(PasswordHash::of(password))?,
            [b'!', hash @ ..] => {
                self.remove_password(PasswordHash::from_hex(hash).ok_or(RuleError::BadHash)?)?;
            }
            word => return self.apply_word(word, all_channels),
        }
        Ok(())
    }

    fn apply_word(&mut self, word: &[u8], all_channels: bool) -> Result<(), RuleError> {
        match word.to_ascii_lowercase().as_slice() {
            b"on" => self.is_on = true,
            b"off" => self.is_on = false,
            b"nopass" => {
                self.needs_no_password = true;
                self.passwords.clear();
            }
            b"resetpass" => {
                self.needs_no_password = false;
                self.passwords.clear();
            }
            b"sanitize-payload" => self.payloads_are_checked = true,
            b"skip-sanitize-payload" => self.payloads_are_checked = false,
            b"clearselectors" => self.selectors.clear(),
            b"reset" => *self = Self::new(&self.name, all_channels),
            _ => return self.root.apply(word),
        }
        Ok(())
    }

    fn add_password(&mut self, password: PasswordHash) {
        if !self.passwords.contains(&password) {
            self.passwords.push(password);
        }
        self.needs_no_password = false;
    }

    fn remove_password(&mut self, password: PasswordHash) -> Result<(), RuleError> {
        let place =
            self.passwords.iter().position(|own| *own == password).ok_or(RuleError::UnknownPassword)?;
        self.passwords.remove(place);
        Ok(())
    }
}

/// Joins the words of a selector, from the one that begins with `(` to the one that ends with `)`.
fn joined<'r>(rules: impl Iterator<Item = &'r [u8]>) -> Result<Vec<Vec<u8>>, InvalidRules> {
    let mut whole: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<Vec<u8>> = None;
    let mut begin = Vec::new();
    for rule in rules {
        let mut selector = match open.take() {
            Some(selector) => [&*selector, b" ", rule].concat(),
            None if rule.starts_with(b"(") => {
                begin = rule.to_vec();
                rule.to_vec()
            }
            None => {
                whole.push(rule.to_vec());
                continue;
            }
        };
        if rule.ends_with(b")") {
            whole.push(std::mem::take(&mut selector));
        } else {
            open = Some(selector);
        }
    }
    if open.is_some() { Err(InvalidRules::Unmatched(begin)) } else { Ok(whole) }
}
