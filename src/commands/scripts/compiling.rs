//! What FUNCTION LOAD and RESTORE share: the libraries that are there, and the time that compiling takes.

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, text};
use crate::commands::state::functions::FunctionTable;
use crate::commands::state::host::Host;
use crate::limits;
use crate::store::FunctionLibraries;
use std::sync::Arc;

/// The functions as they are now.
pub(in crate::commands) fn table_of(host: &Host, libraries: &FunctionLibraries) -> Arc<FunctionTable> {
    host.functions.current(libraries, &host.clock)
}

/// Compiling runs the library's code, which takes its time.
pub(super) fn announce_compiling(call: &Call<'_>) -> Outcome {
    call.announce(limits::ELEMENTS_ON_THREAD + 1)?;
    Ok(())
}

/// The error for a function that another library has.
pub(super) fn already_exists(function: &[u8]) -> CommandError {
    CommandError::new(format!("ERR Function {} already exists", text(function)))
}
