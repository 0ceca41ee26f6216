//! The inside of the program `sevcrypt`: it parses arguments, calls the crate, prints. What other packages of this
//! repository may use of it is [`measure`], the clock of the benchmarks, and [`policy`], the reader of policy files.

mod attest;
mod bench;
mod certs;
mod demo;
mod failure;
mod idblock;
mod input;
mod kds;
mod keys;
mod launch;
pub mod measure;
mod memory;
mod mode;
mod output;
pub mod platform;
pub mod policy;
mod report;
mod secret;
mod session;
mod stream;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

const EXIT_CODES: &str = "Exit codes: 0 done, accepted; 1 usage or file error; 2 malformed input; \
    3 not authentic; 4 refused by the policy, or not what is expected; 5 collateral missing.";

/// The cryptography of AMD SEV, SEV-ES and SEV-SNP in software.
#[derive(Parser)]
#[command(name = "sevcrypt", version, max_term_width = 100)]
#[command(after_help = EXIT_CODES)]
struct Arguments {
    /// Without a command: demo.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// The life of a confidential guest on two machines in software, each step with what it proves
    Demo(demo::Options),
    /// Encrypt and decrypt files as a memory controller does with DRAM
    #[command(subcommand)]
    Memory(memory::Command),
    /// Attestation reports
    #[command(subcommand)]
    Report(report::Command),
    /// Whether a report is authentic, and what the policy asks for
    #[command(after_help = EXIT_CODES)]
    Verify(Box<verify::Options>),
    /// Certificates, revocation lists and GHCB certificate tables
    #[command(subcommand)]
    Certs(certs::Command),
    /// Addresses of AMD's Key Distribution Service
    #[command(subcommand)]
    Kds(kds::Command),
    /// Keys of a platform and its guests, from secrets that you have
    #[command(subcommand)]
    Keys(keys::Command),
    /// ID blocks: what a guest's owner signs about its launch
    #[command(subcommand, name = "idblock", after_help = EXIT_CODES)]
    IdBlock(idblock::Command),
    /// Launch digests: what is measured of a guest before it starts, step by step
    #[command(subcommand, after_help = EXIT_CODES)]
    Measure(launch::Command),
    /// Sessions of SEV and SEV-ES: the keys that a guest's owner shares with a platform
    #[command(subcommand, after_help = EXIT_CODES)]
    Session(session::Command),
    /// Secrets that the owner of an SEV or SEV-ES guest gives it
    #[command(subcommand, after_help = EXIT_CODES)]
    Secret(secret::Command),
    /// Machines in software: guests, reports and certificates without the hardware
    #[command(subcommand, after_help = EXIT_CODES)]
    Platform(platform::Command),
    /// Attestation reports of SEV and SEV-ES
    #[command(subcommand, after_help = EXIT_CODES)]
    Attest(attest::Command),
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
        Command::Report(command) => report::run(&command),
        Command::Verify(options) => verify::run(&options),
        Command::Certs(command) => certs::run(&command),
        Command::Kds(command) => kds::run(&command),
        Command::Keys(command) => keys::run(&command),
        Command::IdBlock(command) => idblock::run(&command),
        Command::Measure(command) => launch::run(&command),
        Command::Session(command) => session::run(&command),
        Command::Secret(command) => secret::run(&command),
        Command::Attest(command) => attest::run(&command),
        // The program that ran in it says how it ended.
        Command::Platform(command) => match platform::run_command(&command) {
            Ok(code) => return code,
            Err(failure) => Err(failure),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
