//! `sevcrypt memory`: files as DRAM.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use sevcrypt::mem::Tweak;
use sevcrypt::{Backend, BackendKind, PhysAddr};

use crate::bench;
use crate::failure::Failure;
use crate::input::{self, Given, Input};
use crate::mode::{self, Mode};
use crate::output::Output;
use crate::stream::{self, Direction, Work};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Encrypt a file: plaintext in, what DRAM would hold out
    Encrypt(Options),
    /// Decrypt a file: what DRAM holds in, plaintext out
    Decrypt(Options),
    /// Throughput against the AES units and the memory, by working set
    Bench(bench::Options),
    /// Which backends this CPU has, and what it lacks for the others
    Backends,
}

#[derive(Args)]
pub(crate) struct Options {
    /// How memory is encrypted
    #[arg(long, value_name = "MODE")]
    mode: Mode,
    /// The data key: hexadecimal digits, or @FILE for a file's bytes
    #[arg(long, value_name = "KEY")]
    key: String,
    /// XTS: the tweak key, of the same size and different
    #[arg(long, value_name = "KEY")]
    tweak_key: Option<String>,
    /// XE and XEX: zen1 (constants measured on Zen 1), or seed:HEX or seed:@FILE (model constants)
    #[arg(long, value_name = "zen1|seed:HEX")]
    tweak: Option<String>,
    /// System physical address of the first byte, a multiple of 16
    #[arg(long, value_name = "ADDR", value_parser = input::address)]
    address: PhysAddr,
    /// How many threads encrypt [default: all CPUs]
    #[arg(long, value_name = "N", value_parser = mode::threads)]
    threads: Option<usize>,
    /// Which implementation to use [default: the fastest here]
    #[arg(long, value_name = "NAME", value_parser = mode::backend)]
    backend: Option<Backend>,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
    /// File of a multiple of 16 bytes; - is standard input
    input: PathBuf,
    /// File to write, complete or not at all; - is standard output, which is written as it comes
    output: PathBuf,
}

impl Options {
    fn tweak(&self, backend: Backend) -> Result<Tweak, Failure> {
        let mode = self.mode.name();
        match (self.mode.xts_unit(), &self.tweak_key, self.tweak.as_deref()) {
            (Some(unit), Some(key), None) => {
                let key = Given::read("--tweak-key", key)?;
                Ok(Tweak::xts(self.mode.key(&key)?, unit, backend))
            }
            (Some(_), None, _) => Err(Failure::usage(format_args!("{mode} needs --tweak-key"))),
            (Some(_), _, Some(_)) => Err(Failure::usage(format_args!(
                "{mode} takes no --tweak: its tweaks come from --tweak-key"
            ))),
            (None, None, Some("zen1")) => Ok(Tweak::zen1()),
            (None, None, Some(tweak)) => match tweak.strip_prefix("seed:") {
                Some(seed) => Ok(Tweak::from_seed(&Given::read("--tweak seed", seed)?.bytes)),
                None => {
                    Err(Failure::usage(format_args!("--tweak {tweak}: expected zen1 or seed:HEX")))
                }
            },
            (None, None, None) => {
                Err(Failure::usage(format_args!("{mode} needs --tweak zen1 or --tweak seed:HEX")))
            }
            (None, Some(_), _) => Err(Failure::usage(format_args!(
                "{mode} takes no --tweak-key: its tweaks come from --tweak"
            ))),
        }
    }

    fn run(&self, direction: Direction) -> Result<(), Failure> {
        let backend = self.backend.unwrap_or_else(Backend::best);
        let tweak = self.tweak(backend)?;
        let key = Given::read("--key", &self.key)?;
        let cipher = self.mode.cipher(self.mode.key(&key)?, tweak, backend)?;
        let threads = self.threads.unwrap_or_else(mode::all_cpus);
        let work = Work { cipher, direction, addr: self.address, threads, progress: !self.quiet };
        let input = Input::open(&self.input)?;
        work.check(&input)?;
        let mut output = Output::create(&self.output)?;
        stream::run(work, input, &mut output)?;
        output.finish()
    }
}

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Encrypt(options) => options.run(Direction::Encrypt),
        Command::Decrypt(options) => options.run(Direction::Decrypt),
        Command::Bench(options) => bench::run(&options),
        Command::Backends => backends(),
    }
}

fn backends() -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for &kind in BackendKind::ALL {
        let needs: Vec<_> = kind.needs().iter().map(|feature| feature.name()).collect();
        let needs = match needs[..] {
            [] => "needs nothing, runs everywhere".to_owned(),
            _ => format!("needs {}", needs.join(", ")),
        };
        let (has, remark) = match Backend::new(kind) {
            Ok(backend) if backend == Backend::best() => ("yes", "; the default here".to_owned()),
            Ok(_) => ("yes", String::new()),
            Err(error) => ("no", format!("; {error}")),
        };
        writeln!(out, "{:<10}{has:<5}{needs}{remark}", kind.name())?;
    }
    Ok(())
}
