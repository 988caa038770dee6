//! A user: state, passwords, selectors.

use super::password::PasswordHash;
use super::selector::Selector;

/// A user. It does not change; a change of the user makes another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct User {
    pub(super) name: Box<[u8]>,
    /// Whether it can authenticate.
    pub(super) is_on: bool,
    /// Whether it authenticates with any password.
    pub(super) needs_no_password: bool,
    pub(super) passwords: Vec<PasswordHash>,
    /// Whether what it RESTOREs is checked (`sanitize-payload`). rankd checks every payload; Redis's tools print and set it.
    pub(super) payloads_are_checked: bool,
    pub(super) root: Selector,
    /// Further selectors, each of which may allow a request that the root does not.
    pub(super) selectors: Vec<Selector>,
    /// What is known of the root for the sake of speed: it allows everything.
    pub(super) may_do_everything: bool,
}

impl User {
    /// A new user, who is off and may do nothing.
    pub(super) fn new(name: &[u8], all_channels: bool) -> Self {
        Self {
            name: name.into(),
            is_on: false,
            needs_no_password: false,
            passwords: Vec::new(),
            payloads_are_checked: true,
            root: Selector::empty(all_channels),
            selectors: Vec::new(),
            may_do_everything: false,
        }
    }

    /// The user `default` before any rule: no password, everything allowed.
    pub(super) fn open_default() -> Self {
        let open = Self { is_on: true, needs_no_password: true, ..Self::new(DEFAULT, true) };
        Self { root: Selector::everything(), may_do_everything: true, ..open }
    }

    /// Its name as text, for logs and error replies.
    pub(in crate::commands) fn name_text(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// Whether it authenticates with this password. All passwords are compared, whether one fits or not.
    pub(super) fn accepts(&self, password: &[u8]) -> bool {
        let hash = PasswordHash::of(password);
        let fits = self.passwords.iter().fold(false, |fits, own| fits | (*own == hash));
        self.is_on && (self.needs_no_password || fits)
    }

    /// Whether a connection may be this user without a password.
    pub(super) fn is_open(&self) -> bool {
        self.is_on && self.needs_no_password
    }

    /// The selectors, the root first.
    pub(super) fn all_selectors(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.selectors)
    }

    /// The names of its states, as ACL GETUSER returns them.
    pub(super) fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec![if self.is_on { "on" } else { "off" }];
        flags.extend(self.needs_no_password.then_some("nopass"));
        flags.push(if self.payloads_are_checked { "sanitize-payload" } else { "skip-sanitize-payload" });
        flags
    }

    /// The line that defines it, as ACL LIST and the file have it.
    pub(super) fn describe(&self) -> Vec<u8> {
        let mut words = vec![b"user".to_vec(), self.name.to_vec()];
        words.extend(self.flags().iter().map(|flag| flag.as_bytes().to_vec()));
        words.extend(self.passwords.iter().map(|password| format!("#{}", password.hex()).into_bytes()));
        words.push(self.root.describe());
        words.extend(self.selectors.iter().map(|selector| [b"(", &*selector.describe(), b")"].concat()));
        words.join(&b' ')
    }
}

/// The user that a connection is before it authenticates.
pub(super) const DEFAULT: &[u8] = b"default";
