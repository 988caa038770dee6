//! Random changes of streams: short ones whose keys change their type, and a long one that a checkpoint writes in many steps.

use rankd::config::StreamBounds;
use rankd::machine::chance::Chance;
use rankd::store::change::ChangeBuffer;
use rankd::store::change::sink::Seq;
use rankd::store::{
    Access, Delivery, Edit, GroupPosition, Hold, Missing, Store, Stream, StreamId, Trim, TrimTarget,
};

/// Changes a stream and returns the record that the reply depends on.
pub(super) fn change_stream(store: &Store, chance: &mut Chance, changes: &mut ChangeBuffer) -> Seq {
    let key = match chance.below(2) {
        0 => "long stream".to_owned(),
        _ => format!("key{}", chance.below(12)),
    };
    let key = key.as_bytes();
    let mut hold = Hold::on(store, &[store.shard_of(key)], Access::Write, std::mem::take(changes));
    let mut writer = hold.writer(chance.below(2) as u32);
    let edited = writer.edit::<Stream, _>(key, Missing::Create, "edit", |stream| {
        if stream.head().added == 0 && stream.groups().len() == 0 {
            stream.make();
        }
        (0..1 + chance.below(6)).for_each(|_| change(stream, chance));
    });
    if edited.is_err() && chance.below(3) == 0 {
        writer.remove(key);
    }
    hold.end_record();
    let (seq, emptied) = hold.release();
    *changes = emptied;
    seq
}

fn change(stream: &mut Edit<'_, '_, Stream>, chance: &mut Chance) {
    let group = format!("group{}", chance.below(3)).into_bytes();
    let consumer = format!("consumer{}", chance.below(3)).into_bytes();
    let has_group = stream.group(&group).is_some();
    let any = StreamId::new(1 + chance.below(stream.head().last.ms + 1), chance.below(3));
    match chance.below(30) {
        0..16 => {
            let last = stream.head().last;
            let id = StreamId::new(last.ms + chance.below(2), last.seq + 1);
            let names: &[&str] = [&["user", "steps"][..], &["other"]][chance.below(2) as usize];
            let value = chance.below(1000).to_string();
            let fields = names.iter().map(|name| (name.as_bytes(), value.as_bytes()));
            stream.append(id, fields, StreamBounds::DEFAULT);
        }
        // What is pending of an entry goes with it, because no command can tell it to a following server.
        16..19 => {
            let id = stream.range(any, StreamId::MAX).next().map_or(any, |entry| entry.id);
            stream.forget_pending(&[id]);
            stream.remove(id);
        }
        19 => {
            let len = stream.len() as u64;
            let left = if chance.below(20) == 0 {
                chance.below(len + 1)
            } else {
                len.saturating_sub(chance.below(4))
            };
            stream.trim_with_pending(TrimTarget::Len(left as usize));
        }
        20 if stream.groups().all(|(_, group)| group.pending_len() == 0) => {
            let target = TrimTarget::Len(stream.len() * 3 / 4);
            stream.trim(Trim { target, is_approximate: true, limit: 200 });
        }
        21 if !has_group => {
            let entries_read = (chance.below(2) == 0).then_some(stream.head().added / 2);
            stream.make_group(&group, GroupPosition { last: any, entries_read });
        }
        22 if chance.below(10) == 0 => drop(stream.drop_group(&group)),
        23..27 if has_group => {
            let last = stream.group(&group).map_or(any, |group| group.position().last);
            let from = last.next().unwrap_or(any);
            let ids: Vec<StreamId> =
                stream.range(from, StreamId::MAX).take(9).map(|entry| entry.id).collect();
            let delivery = Delivery { at_ms: 1_000 + chance.below(1_000), count: 1 + chance.below(3) };
            let delivered: Vec<_> = ids.iter().map(|id| (*id, delivery)).collect();
            stream.see_consumer(&group, &consumer, 1_000);
            stream.read_on(&group, &ids);
            stream.note_active(&group, &consumer, 2_000);
            stream.deliver(&group, &consumer, &delivered);
        }
        27..29 if has_group => {
            let pending = stream
                .group(&group)
                .into_iter()
                .flat_map(|group| group.pending(None, any, StreamId::MAX).map(|(id, ..)| id).take(5));
            let ids: Vec<StreamId> = pending.collect();
            stream.acknowledge(&group, ids.into_iter());
        }
        29 if has_group && chance.below(4) == 0 => drop(stream.drop_consumer(&group, &consumer)),
        _ => {}
    }
}
