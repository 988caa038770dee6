//! LATENCY LATEST, HISTORY and RESET: the events and their samples.

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, text};
use crate::commands::state::host::Host;
use crate::commands::state::latency_events::LatencyEvent;
use crate::resp::reply::Reply;

pub(super) fn latest(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let all = host.latency_events.all();
    reply.array(all.len());
    for (event, series) in all {
        let last = series.samples.back().expect("an event has samples");
        reply.array(4);
        reply.bulk(event.name().as_bytes());
        reply.integer(last.at_s.cast_signed());
        reply.integer(last.elapsed_ms.cast_signed());
        reply.integer(series.longest_ms.cast_signed());
    }
    Ok(())
}

pub(super) fn history(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let event = LatencyEvent::named(call.argument(1));
    let samples = event.and_then(|event| host.latency_events.of(event)).unwrap_or_default().samples;
    reply.array(samples.len());
    for sample in samples {
        reply.array(2);
        reply.integer(sample.at_s.cast_signed());
        reply.integer(sample.elapsed_ms.cast_signed());
    }
    Ok(())
}

pub(super) fn reset(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let named = call.cursor(1).filter_map(LatencyEvent::named);
    let events = if call.arguments.len() == 1 { LatencyEvent::ALL.to_vec() } else { named.collect() };
    reply.count(events.into_iter().filter(|event| host.latency_events.forget(*event)).count());
    Ok(())
}

/// The error for an event that has no samples, or a name of no event.
pub(super) fn no_samples(event: &[u8]) -> CommandError {
    CommandError::new(format!("ERR No samples available for event '{}'", text(event)))
}
