//! The server of the script that runs on this thread.
//!
//! The functions of the table `redis` live as long as the interpreter, and a server only as long as one script. So they find the
//! server here, where it stands while the script runs.
#![expect(
    unsafe_code,
    reason = "a reference is kept in a thread-local for as long as the call it was given to"
)]

use super::server::ScriptServer;
use std::cell::Cell;
use std::ptr::NonNull;

thread_local! {
    static CURRENT: Cell<Option<NonNull<dyn ScriptServer>>> = const { Cell::new(None) };
}

/// Puts back what stood there before, also after a panic.
struct Restore(Option<NonNull<dyn ScriptServer>>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// Calls `run`, during which [`with_server`] finds `server`.
pub(super) fn serving<R>(server: &mut dyn ScriptServer, run: impl FnOnce() -> R) -> R {
    let pointer = NonNull::from(server);
    // SAFETY: only the lifetime changes. The pointer is taken away again before this function returns, also by a panic, and
    // `server` is borrowed until then.
    let pointer = unsafe {
        std::mem::transmute::<NonNull<dyn ScriptServer + '_>, NonNull<dyn ScriptServer + 'static>>(pointer)
    };
    let _restore = Restore(CURRENT.replace(Some(pointer)));
    run()
}

/// Calls `ask` with the server of the running script. `None` if no script runs, or if it is called by `ask` itself.
pub(super) fn with_server<R>(ask: impl FnOnce(&mut dyn ScriptServer) -> R) -> Option<R> {
    let mut pointer = CURRENT.take()?;
    let _restore = Restore(Some(pointer));
    // SAFETY: `serving`, further up on this stack, has borrowed the server mutably and does not touch it meanwhile. The pointer
    // has been taken out of the cell, so that nobody else gets it while `ask` has it.
    Some(ask(unsafe { pointer.as_mut() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Protocol;
    use crate::resp::request::Arguments;
    use crate::scripts::server::{Called, ScriptLogLevel};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    struct Counting(usize);

    impl ScriptServer for Counting {
        fn call(&mut self, _: Arguments<'_>, _: Protocol, _: &mut Vec<u8>) -> Called {
            Called::MustEnd
        }

        fn may_call(&mut self, _: Arguments<'_>) -> Option<bool> {
            None
        }

        fn log(&mut self, _: ScriptLogLevel, _: &[u8]) {}

        fn must_end(&mut self) -> bool {
            self.0 += 1;
            false
        }
    }

    #[test]
    fn the_server_is_there_while_its_script_runs_and_for_one_at_a_time() {
        let ask = || with_server(|server| server.must_end());
        assert_eq!(ask(), None);
        let mut server = Counting(0);
        let nested = serving(&mut server, || (ask(), with_server(|_| ask()), ask()));
        assert_eq!(nested, (Some(false), Some(None), Some(false)));
        let panicked = catch_unwind(AssertUnwindSafe(|| serving(&mut server, || panic!("in a script"))));
        assert!(panicked.is_err());
        assert_eq!((ask(), server.0), (None, 2));
    }
}
