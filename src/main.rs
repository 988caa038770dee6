//! The binary. All code is in the library; see [`rankd::server::command_line`].

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: rankd::machine::usage::CountingAllocator = rankd::machine::usage::CountingAllocator;

fn main() -> ExitCode {
    rankd::server::start::command_line::main()
}
