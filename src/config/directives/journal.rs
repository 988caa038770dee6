//! Directives about the journal and the dump file.

use crate::config::directive::{Directive, DirectiveSection};
use crate::config::value;

pub(super) const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "dir",
        section: DirectiveSection::Journal,
        default: "./data",
        live: false,
        help: "Directory of the journal and of the dump file. It is created if it does not exist.",
        get: |config| config.dir.display().to_string(),
        set: |config, text| {
            config.dir = text.into();
            if text.is_empty() { Err("argument must be a directory".into()) } else { Ok(()) }
        },
    },
    Directive {
        name: "dbfilename",
        section: DirectiveSection::Journal,
        default: "dump.rdb",
        live: false,
        help: "File name in that directory for SAVE and BGSAVE, which write Redis's RDB format.",
        get: |config| config.dbfilename.clone(),
        set: |config, text| {
            config.dbfilename = text.to_owned();
            if text.is_empty() || text.contains('/') || matches!(text, "." | "..") {
                Err("dbfilename can't be a path, just a filename".into())
            } else {
                Ok(())
            }
        },
    },
    Directive {
        name: "save",
        section: DirectiveSection::Journal,
        default: "",
        live: true,
        help: "Pairs of seconds and changes. The server writes the dump file, like BGSAVE, when at least that many \
               seconds have passed and that many changes were made since the last save. It also writes it when it \
               stops. Several `save` lines of a file add up. Empty: no automatic saves.",
        get: |config| value::print_save_points(&config.save),
        set: |config, text| value::save_points(text).map(|points| config.save = points),
    },
    Directive {
        name: "appendonly",
        section: DirectiveSection::Journal,
        default: "yes",
        live: true,
        help: "Write every change to the journal. With `no` data are only in memory, and the server starts from the \
               dump file if it exists. CONFIG SET turns the journal on and off.",
        get: |config| value::print_yes_no(config.appendonly),
        set: |config, text| value::yes_no(text).map(|on| config.appendonly = on),
    },
    Directive {
        name: "appendfsync",
        section: DirectiveSection::Journal,
        default: "everysec",
        live: true,
        help: "When the journal is synced to disk: `always` before each reply, `everysec` once a second, `no` when \
               the operating system chooses. With each of them a change is written to the operating system before \
               its reply is sent.",
        get: |config| value::print_fsync(config.appendfsync),
        set: |config, text| value::fsync(text).map(|policy| config.appendfsync = policy),
    },
    Directive {
        name: "auto-aof-rewrite-percentage",
        section: DirectiveSection::Journal,
        default: "100",
        live: true,
        help: "Write a checkpoint when the journal has grown by this percentage since the last one. 0: never.",
        get: |config| config.auto_aof_rewrite_percentage.to_string(),
        set: |config, text| {
            value::number(text, 0, i32::MAX as u32)
                .map(|percent| config.auto_aof_rewrite_percentage = percent)
        },
    },
    Directive {
        name: "auto-aof-rewrite-min-size",
        section: DirectiveSection::Journal,
        default: "64mb",
        live: true,
        help: "Minimum size of the journal for such a checkpoint.",
        get: |config| config.auto_aof_rewrite_min_size_bytes.to_string(),
        set: |config, text| value::bytes(text).map(|bytes| config.auto_aof_rewrite_min_size_bytes = bytes),
    },
];
