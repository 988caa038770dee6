//! DEBUG OBJECT: how Redis would keep a value.

use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::keys::object::encoding_name;
use crate::commands::spec::AllKeys;
use crate::rdb::payload;
use crate::resp::reply::Reply;
use crate::store::Use;

/// What a DUMP payload has beside the value: its type, the version, the checksum.
const AROUND_VALUE_BYTES: usize = 1 + 2 + 8;

/// The address is that of the entry. The length is that of the value in a dump file.
pub(super) fn object(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = call.argument(2);
    let looking = keys.shards.look(&[keys.host.store.shard_of(key)]);
    let reader = looking.reader(keys.session.database);
    let Some(value) = reader.peek(key) else { return Err(CommandError::text("ERR no such key").into()) };
    call.announce(value.elements())?;
    let encoding = encoding_name(reader, key, call.config).unwrap_or_default();
    let bytes = payload::write(value).len().saturating_sub(AROUND_VALUE_BYTES);
    // By its frequency of use, when that is what is kept, a key has been used just now.
    let idle_ms = match reader.last_use(key) {
        Some(Use::Idle { ms }) => ms,
        Some(Use::Frequency(_)) | None => 0,
    };
    let lru = keys.host.clock.now_ms().saturating_sub(idle_ms) / 1000 % (1 << 24);
    let idle_s = idle_ms / 1000;
    reply.simple(&format!(
        "Value at:{value:p} refcount:1 encoding:{encoding} serializedlength:{bytes} lru:{lru} lru_seconds_idle:{idle_s}"
    ));
    Ok(())
}
