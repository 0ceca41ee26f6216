//! Modes, backends and threads by their names on the command line.

use std::num::NonZeroUsize;
use std::thread;

use clap::ValueEnum;
use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::{Backend, BackendKind, Key, KeySize};

use crate::failure::Failure;
use crate::input::Given;
use crate::stream::MOST_THREADS;

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
        key: Key<'_>,
        tweak: Tweak,
        backend: Backend,
    ) -> Result<MemoryCipher, Failure> {
        let cipher = match self {
            Self::XeAes128 => MemoryCipher::xe(key, tweak, backend),
            Self::XexAes128 | Self::XexAes256 => MemoryCipher::xex(key, tweak, backend),
            _ => MemoryCipher::xts(key, tweak, backend),
        };
        cipher.map_err(Failure::usage)
    }

    pub(crate) fn key(self, given: &Given) -> Result<Key<'_>, Failure> {
        let bytes = &given.bytes[..];
        let key = match self.key_size() {
            KeySize::Aes128 => bytes.try_into().map(Key::Aes128),
            _ => bytes.try_into().map(Key::Aes256),
        };
        key.map_err(|_| {
            given.wrong(format_args!(
                "{} bytes, but {} takes a key of {}",
                bytes.len(),
                self.name(),
                self.key_size()
            ))
        })
    }
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
