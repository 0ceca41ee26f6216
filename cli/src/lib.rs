//! The inside of the program `sevcrypt`: it parses arguments, calls the crate, prints. What other packages of this
//! repository may use of it is [`measure`], the clock of the benchmarks.

mod bench;
mod demo;
mod failure;
mod input;
pub mod measure;
mod memory;
mod mode;
mod output;
mod stream;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The cryptography of AMD SEV, SEV-ES and SEV-SNP in software.
#[derive(Parser)]
#[command(name = "sevcrypt", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 usage or file error, 2 malformed input.")]
struct Arguments {
    /// Without a command: demo.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// What memory encryption does and does not do, on a guest image that the program carries
    Demo(demo::Options),
    /// Encrypt and decrypt files as a memory controller does with DRAM
    #[command(subcommand)]
    Memory(memory::Command),
}

/// Runs the program with the arguments of the process.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and version are answers, not errors.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    let done = match arguments.command.unwrap_or(Command::Demo(demo::Options::default())) {
        Command::Demo(options) => demo::run(&options),
        Command::Memory(command) => memory::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
