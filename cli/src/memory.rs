//! `sevcrypt memory`: files as DRAM.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use clap::{Args, Subcommand, ValueEnum};
use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::{Backend, BackendKind, Key, KeySize, PhysAddr};

use crate::bench;
use crate::failure::Failure;
use crate::input::{self, Input};
use crate::output::Output;
use crate::stream::{self, Direction, MOST_THREADS, Work};

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

/// One line per mode of the engine: what is known by a name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    XeAes128,
    XexAes128,
    XexAes256,
    XtsAes128,
    XtsAes256,
    XtsAes128Line,
    XtsAes256Line,
}

impl Mode {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::XeAes128 => "xe-aes128",
            Self::XexAes128 => "xex-aes128",
            Self::XexAes256 => "xex-aes256",
            Self::XtsAes128 => "xts-aes128",
            Self::XtsAes256 => "xts-aes256",
            Self::XtsAes128Line => "xts-aes128-line",
            Self::XtsAes256Line => "xts-aes256-line",
        }
    }

    pub(crate) const fn key_size(self) -> KeySize {
        match self {
            Self::XeAes128 | Self::XexAes128 | Self::XtsAes128 | Self::XtsAes128Line => {
                KeySize::Aes128
            }
            Self::XexAes256 | Self::XtsAes256 | Self::XtsAes256Line => KeySize::Aes256,
        }
    }

    /// The data unit of XTS; `None` for XE and XEX.
    pub(crate) const fn xts_unit(self) -> Option<XtsUnit> {
        match self {
            Self::XeAes128 | Self::XexAes128 | Self::XexAes256 => None,
            Self::XtsAes128 | Self::XtsAes256 => Some(XtsUnit::Page),
            Self::XtsAes128Line | Self::XtsAes256Line => Some(XtsUnit::Line),
        }
    }

    /// A cipher of this mode.
    pub(crate) fn cipher(
        self,
        key: &[u8],
        tweak: Tweak,
        backend: Backend,
    ) -> Result<MemoryCipher, Failure> {
        let key = self.key("--key", key)?;
        let cipher = match self {
            Self::XeAes128 => MemoryCipher::xe(key, tweak, backend),
            Self::XexAes128 | Self::XexAes256 => MemoryCipher::xex(key, tweak, backend),
            _ => MemoryCipher::xts(key, tweak, backend),
        };
        cipher.map_err(Failure::usage)
    }

    fn key<'k>(self, option: &str, bytes: &'k [u8]) -> Result<Key<'k>, Failure> {
        let key = match self.key_size() {
            KeySize::Aes128 => bytes.try_into().map(Key::Aes128),
            _ => bytes.try_into().map(Key::Aes256),
        };
        key.map_err(|_| {
            Failure::usage(format_args!(
                "{option}: {} bytes, but {} takes a key of {}",
                bytes.len(),
                self.name(),
                self.key_size()
            ))
        })
    }
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
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<usize>,
    /// Which implementation to use [default: the fastest here]
    #[arg(long, value_name = "NAME", value_parser = backend)]
    backend: Option<Backend>,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
    /// File of a multiple of 16 bytes; - is standard input
    input: PathBuf,
    /// File to write, complete or not at all; - is standard output, which is written as it comes
    output: PathBuf,
}

pub(crate) fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if (1..=MOST_THREADS).contains(&threads) => Ok(threads),
        _ => Err(format!("expected 1 to {MOST_THREADS} threads")),
    }
}

pub(crate) fn backend(name: &str) -> Result<Backend, String> {
    let kind: BackendKind =
        name.parse().map_err(|error: sevcrypt::UnknownBackend| error.to_string())?;
    Backend::new(kind).map_err(|error| error.to_string())
}

/// The number of CPUs that the process may use.
pub(crate) fn all_cpus() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_THREADS)
}

impl Options {
    fn tweak(&self, backend: Backend) -> Result<Tweak, Failure> {
        let mode = self.mode.name();
        match (self.mode.xts_unit(), &self.tweak_key, self.tweak.as_deref()) {
            (Some(unit), Some(key), None) => {
                let bytes = input::bytes("--tweak-key", key)?;
                Ok(Tweak::xts(self.mode.key("--tweak-key", &bytes)?, unit, backend))
            }
            (Some(_), None, _) => Err(Failure::usage(format_args!("{mode} needs --tweak-key"))),
            (Some(_), _, Some(_)) => Err(Failure::usage(format_args!(
                "{mode} takes no --tweak: its tweaks come from --tweak-key"
            ))),
            (None, None, Some("zen1")) => Ok(Tweak::zen1()),
            (None, None, Some(tweak)) => match tweak.strip_prefix("seed:") {
                Some(seed) => Ok(Tweak::from_seed(&input::bytes("--tweak seed", seed)?)),
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
        let cipher = self.mode.cipher(&input::bytes("--key", &self.key)?, tweak, backend)?;
        let threads = self.threads.unwrap_or_else(all_cpus);
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
