//! PFSELFTEST: tests that registers keep their values, and that estimates are within the expected error.

use super::sketch::{Sketch, SketchEdit};
use super::{BASE, REGISTERS, dense};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Handler};
use crate::commands::state::host::Host;
use crate::limits;
use crate::machine::chance::Chance;
use crate::resp::reply::Reply;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "pfselftest",
    syntax: "",
    summary: "Tests HyperLogLogs",
    complexity: "some hundredths of a second",
    arity: 1,
    flags: &[Flag::Admin],
    run: Handler::Admin(pfselftest),
    ..BASE
}];

/// The number of times that all registers are filled with random values.
const FILLS: usize = 10;

/// The number of elements that are added, one after the other.
const ELEMENTS: u64 = 200_000;

/// The standard error of an estimate is this, divided by the square root of the number of registers.
const ERROR: f64 = 1.04;

/// The largest accepted error, in standard errors. A larger one is very unlikely by chance.
const MOST_ERRORS: f64 = 4.0;

fn pfselftest(_: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    call.announce(limits::ELEMENTS_ON_THREAD + 1)?;
    test_registers()?;
    test_estimates()?;
    reply.ok();
    Ok(())
}

fn test_registers() -> Outcome {
    let mut chance = Chance::drawn();
    for _ in 0..FILLS {
        let mut bytes = vec![0; dense::BYTES];
        let values: Vec<u8> = (0..REGISTERS).map(|_| chance.next_u64() as u8 & dense::HIGHEST).collect();
        values.iter().enumerate().for_each(|(register, value)| {
            dense::raise(&mut bytes, register, *value);
        });
        for (register, (wanted, found)) in values.iter().zip(dense::all(&bytes)).enumerate() {
            if *wanted != found || dense::get(register, |place| bytes[place]) != found {
                let text = format!("TESTFAILED Register {register} should be {wanted} but is {found}");
                return Err(CommandError::new(text).into());
            }
        }
    }
    Ok(())
}

/// At every power of two, a sketch that begins sparse must have the same estimate as one that is dense from the start.
fn test_estimates() -> Outcome {
    let seed = Chance::drawn().next_u64();
    let mut sketches =
        [SketchEdit::empty(limits::HLL_SPARSE_BYTES), SketchEdit::empty(limits::HLL_SPARSE_BYTES)];
    sketches[1].make_dense()?;
    for number in 1..=ELEMENTS {
        for sketch in &mut sketches {
            sketch.add(&(seed ^ number).to_le_bytes())?;
        }
        if !number.is_power_of_two() {
            continue;
        }
        let strings = sketches.clone().map(|sketch| sketch.into_stale().0);
        let estimate = |string| -> Result<u64, CommandError> { Ok(Sketch::of(string)?.estimate()?) };
        let (changing, dense) = (estimate(&strings[0])?, estimate(&strings[1])?);
        if changing != dense {
            return Err(CommandError::text("TESTFAILED dense/sparse disagree").into());
        }
        let most = (MOST_ERRORS * ERROR / (REGISTERS as f64).sqrt() * number as f64).ceil();
        // With few elements a single collision exceeds the limit.
        if dense.abs_diff(number) as f64 > most.max(2.0) {
            let text = format!("TESTFAILED Too big error. card:{number} abserr:{}", dense.abs_diff(number));
            return Err(CommandError::new(text).into());
        }
    }
    Ok(())
}
