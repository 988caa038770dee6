//! The binary: everything is in the library, see [`rankd::server::command_line`].

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: rankd::usage::CountingAllocator = rankd::usage::CountingAllocator;

fn main() -> ExitCode {
    rankd::server::command_line::main()
}
