//! Directives about friend ranking.

use crate::config::directive::{Directive, DirectiveSection};
use crate::config::value;

pub(super) const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "friend-key-prefix",
        section: DirectiveSection::Friends,
        default: "friends:",
        live: true,
        help: "The friends of a user are the members of the set whose key is this prefix and the user's name.",
        get: |config| config.friend_key_prefix.clone(),
        set: |config, text| {
            config.friend_key_prefix = text.to_owned();
            Ok(())
        },
    },
    Directive {
        name: "friendrank-keep-bytes",
        section: DirectiveSection::Friends,
        default: "64mb",
        live: true,
        help: "Bytes of memory for the friend rankings that FRIENDRANK keeps for MAXAGE. 0: keep none.",
        get: |config| config.friendrank_keep_bytes.to_string(),
        set: |config, text| value::bytes(text).map(|bytes| config.friendrank_keep_bytes = bytes as usize),
    },
];
