//! Users and what they may do: access control lists, as in Redis 8.2.3.
//!
//! | file | its subject |
//! |---|---|
//! | `password` | passwords as their SHA-256 |
//! | `command_set` | the commands that a selector allows, and the rules that it was made of |
//! | `patterns` | the patterns of keys and channels that a selector allows |
//! | `selector` | commands, keys and channels that are allowed together |
//! | `user` | a user: state, passwords, selectors; how ACL LIST prints it |
//! | `rules`, `selector_rules` | the rules of ACL SETUSER, one by one and all or none |
//! | `definition` | how files, rules and `requirepass` define users |
//! | `permission` | whether a user may run a request |
//! | `users` | all users |
//! | `log` | what was denied: ACL LOG |
//! | `identity` | who a connection is |
//! | `enforcement` | what a change does to the connections there are |
//! | `command`, `dry_run` | the ACL command |
//!
//! A user is immutable and shared. A change makes a new one and raises the version of all users; a connection that sees
//! another version than its own looks its user up again. So a user who may do everything costs a request one comparison.

pub(super) mod command;
mod command_set;
mod definition;
mod dry_run;
pub(super) mod enforcement;
pub(super) mod identity;
pub(super) mod log;
mod password;
mod patterns;
pub(super) mod permission;
mod rules;
mod selector;
mod selector_rules;
mod user;
pub(super) mod users;

pub use definition::UsersError;
pub use users::Users;
