//! DEBUG POPULATE: strings to test with.

use super::subcommand::{arguments, ok, refuse_in_transaction};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::AllKeys;
use crate::resp::reply::Reply;
use crate::store::change::ChangeBuffer;
use crate::store::{Access, Hold};

/// Keys that exist stay as they are. A value is `value:` and the number, cut or filled with zero bytes to `size` bytes.
pub(super) fn populate(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    refuse_in_transaction(keys, "POPULATE")?;
    if keys.host.is_loading() {
        return Err(CommandError::LOADING.into());
    }
    let mut words = arguments(call);
    let count = words.next().map_or(Ok(0), crate::commands::call::parse_count)?;
    let prefix = words.next().unwrap_or(b"key");
    let size = words.next().map(crate::commands::call::parse_count).transpose()?;
    if size.is_some_and(|size| size > call.config.proto_max_bulk_len_bytes) {
        return Err(CommandError::text("ERR string exceeds maximum allowed size (proto-max-bulk-len)").into());
    }
    call.announce(count)?;
    let (store, database) = (&keys.host.store, keys.session.database);
    for number in 0..count {
        let key = [prefix, format!(":{number}").as_bytes()].concat();
        let mut value = format!("value:{number}").into_bytes();
        if let Some(size) = size {
            value.resize(size, 0);
        }
        let mut hold = Hold::on(store, &[store.shard_of(&key)], Access::Write, ChangeBuffer::default());
        let mut writer = hold.writer(database);
        if writer.reader().peek(&key).is_none() {
            writer.set_string(&key, &value, None);
            hold.end_record();
        }
        let (seq, _) = hold.release();
        keys.shards.rest_on(seq);
    }
    ok(reply)
}
