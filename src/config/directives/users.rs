//! Directives about users and what they may do.

use crate::config::channel_default::ChannelDefault;
use crate::config::directive::{Directive, DirectiveSection};
use crate::config::value;

pub(super) const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "aclfile",
        section: DirectiveSection::Users,
        default: "",
        live: false,
        help: "The file of users that ACL LOAD reads and ACL SAVE writes: `user name rule ...` in each line. It is read at \
               the start. With it the configuration file must not define users, and `requirepass` is not used.",
        get: |config| config.aclfile.clone(),
        set: |config, text| {
            config.aclfile = text.to_owned();
            Ok(())
        },
    },
    Directive {
        name: "acl-pubsub-default",
        section: DirectiveSection::Users,
        default: "resetchannels",
        live: true,
        help: "The channels that a new user may use: `resetchannels` is none, `allchannels` is all.",
        get: |config| match config.acl_pubsub_default {
            ChannelDefault::None => "resetchannels".into(),
            ChannelDefault::All => "allchannels".into(),
        },
        set: |config, text| {
            config.acl_pubsub_default = match text.to_ascii_lowercase().as_str() {
                "resetchannels" => ChannelDefault::None,
                "allchannels" => ChannelDefault::All,
                _ => {
                    return Err("argument(s) must be one of the following: allchannels, resetchannels".into());
                }
            };
            Ok(())
        },
    },
    Directive {
        name: "acllog-max-len",
        section: DirectiveSection::Users,
        default: "128",
        live: true,
        help: "Most entries of ACL LOG.",
        get: |config| config.acllog_max_len.to_string(),
        set: |config, text| {
            value::number(text, 0, i64::MAX as u64).map(|most| config.acllog_max_len = most as usize)
        },
    },
];
