//! `sevcrypt-peers`: the library measured beside others that do the same work, in one process, in turn.

mod aes_units;
mod contest;
mod curves;
mod evp;
mod gcm;
mod hash;
mod memory;
mod messages;
mod report;
mod table;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "sevcrypt-peers", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    group: Group,
}

#[derive(Subcommand)]
enum Group {
    /// Memory encryption and counter mode: XTS and XEX on pages and lines, packets of a page
    ///
    /// `of bound` is against the computed limit of the AES units at the clock found beside; `of units` against
    /// `aes-units`, a loop of AES instructions on registers that is measured in the same rounds.
    Memory(memory::Options),
    /// AES-256-GCM: messages and pages, sealed and opened
    Gcm(gcm::Options),
    /// SHA-384 of pages, and launch measurements
    Hash(hash::Options),
    /// Attestation reports: signatures, chains and reports
    Report(report::Options),
}

fn main() -> ExitCode {
    let done: Result<(), Box<dyn Error>> = match Arguments::parse().group {
        Group::Memory(options) => memory::run(&options),
        Group::Gcm(options) => gcm::run(&options),
        Group::Hash(options) => hash::run(&options),
        Group::Report(options) => report::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
