//! A machine that is put by, and goes on later.

mod codec;
mod machine;
mod store;

pub(in crate::platform) use codec::{Reader, Writer};
pub use machine::Saved;
pub use store::{Store, look};

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::hash::sha384;

/// The head of a saved machine: what it is, and which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// One more with each machine that is saved.
    pub generation: u64,
}

impl Header {
    /// The first bytes of the file, for whoever finds it.
    pub const MARK: &[u8; 64] =
        b"sevcrypt machine: SECRET, holds every key of a platform. v1    \n";
    /// Bytes of the head: mark, SHA-384 of what follows, generation.
    pub const LEN: usize = 64 + 48 + 8;

    /// Reads the head of a saved machine, and checks that what follows it is whole.
    ///
    /// # Errors
    /// [`RestoreError`]
    pub fn parse(saved: &[u8]) -> Result<Self, RestoreError> {
        Self::split(saved).map(|(header, _)| header)
    }

    /// The head, and what follows.
    pub(super) fn split(saved: &[u8]) -> Result<(Self, &[u8]), RestoreError> {
        let (mark, rest) = saved.split_first_chunk::<64>().ok_or(RestoreError::NoMachine)?;
        if mark != Self::MARK {
            return Err(RestoreError::NoMachine);
        }
        let (digest, rest) = rest.split_first_chunk::<48>().ok_or(RestoreError::Damaged)?;
        if sha384(rest) != *digest {
            return Err(RestoreError::Damaged);
        }
        let (generation, body) = rest.split_first_chunk::<8>().ok_or(RestoreError::Damaged)?;
        Ok((Self { generation: u64::from_le_bytes(*generation) }, body))
    }
}

/// Why no machine can be made of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// They are none, or one of another version of this library.
    NoMachine,
    /// They are cut short, or changed: their digest is another.
    Damaged,
    /// Their digest is right, and they say what cannot be.
    Malformed,
    /// The memory that is to hold it has another size.
    Memory {
        /// The bytes that it has.
        found: u64,
        /// The bytes of the saved machine's.
        expected: u64,
    },
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMachine => f.write_str(
                "no saved machine of this version of sevcrypt: its first 64 bytes say what it is",
            ),
            Self::Damaged => f.write_str(
                "the saved machine is damaged: its SHA-384 digest is not that of its head",
            ),
            Self::Malformed => {
                f.write_str("the saved machine is whole, but holds what no machine can be")
            }
            Self::Memory { found, expected } => {
                write!(f, "the memory has {found} bytes, and that of the saved machine {expected}")
            }
        }
    }
}

impl core::error::Error for RestoreError {}

/// Why a [`Store`] does not do what it was asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// There is a machine already.
    Exists(PathBuf),
    /// There is none.
    None(PathBuf),
    /// Another program has the folder open.
    InUse(PathBuf),
    /// The machine is older than the folder has seen one: it has been taken before.
    Older {
        /// The file.
        path: PathBuf,
        /// Its generation.
        found: u64,
        /// The least one.
        expected: u64,
    },
    /// The file of the generation has no number.
    Counter(PathBuf),
    /// No generation is left.
    Exhausted,
    /// No machine can be made of the file.
    NotRestored(PathBuf, RestoreError),
    /// The file system's.
    Io(PathBuf, io::Error),
}

impl StoreError {
    pub(super) fn at(path: &Path, error: io::Error) -> Self {
        Self::Io(path.into(), error)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(path) => write!(f, "{}: there is a machine already", path.display()),
            Self::None(path) => write!(f, "{}: no machine is there", path.display()),
            Self::InUse(path) => write!(f, "{}: another program runs this machine", path.display()),
            Self::Older { path, found, expected } => write!(
                f,
                "{}: a copy of an older machine, of generation {found} where {expected} is the least: it has run on since, \
                 and the keys of its guests must not be used twice",
                path.display()
            ),
            Self::Counter(path) => write!(f, "{}: expected a number", path.display()),
            Self::Exhausted => f.write_str("no further generation of this machine can be counted"),
            Self::NotRestored(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl core::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::NotRestored(_, error) => Some(error),
            Self::Io(_, error) => Some(error),
            _ => None,
        }
    }
}
