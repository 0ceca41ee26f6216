//! A machine that is put by, and goes on later.
//!
//! [`Machine::save`](super::Machine::save) writes all of it: the chip's secrets, the CA's keys, versions, the RMP, memory as it
//! stands in DRAM, every key slot, every guest of SEV-SNP, SEV-ES and SEV in the state it is in, also in the middle of a launch
//! or on its way to another platform. [`Saved`] reads it, and makes the machine. Nobody inside can tell that time went by: guests go on
//! with their keys, and with the counts of their messages.
//!
//! **The file is secret**: whoever has it is the platform, and reads every guest. It says so in its first line. It is not
//! enciphered; [`Store`] keeps it for its owner alone.
//!
//! **It is to be used once.** Two machines of one file would answer with the same counts, under the same keys: what AES-GCM
//! must never be asked for. So each file has a generation, and [`Store`] leaves no machine with guests behind when one is
//! taken out, and takes none that is older than what it has seen.
//!
//! ```
//! use sevcrypt::platform::command::SnpInitEx;
//! use sevcrypt::platform::save::{Saved, Store, StoreError};
//! use sevcrypt::platform::{Chip, Machine, MachineConfig};
//! use sevcrypt::snp::tcb::Product;
//!
//! # use sevcrypt::platform::rand_core::{TryCryptoRng, TryRng};
//! # struct Random(u8);
//! # impl TryRng for Random {
//! #     type Error = core::convert::Infallible;
//! #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(4) }
//! #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(4) }
//! #     fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
//! #         bytes.iter_mut().for_each(|byte| { self.0 = self.0.wrapping_mul(5).wrapping_add(3); *byte = self.0 });
//! #         Ok(())
//! #     }
//! # }
//! # impl TryCryptoRng for Random {}
//! # let folder = &std::env::temp_dir().join(format!("sevcrypt-doc-{}", std::process::id()));
//! # let (first, second) = (Random(1), Random(2)); // random number generators
//! let chip = Chip::new(Product::Genoa, &[1; 48], &[2; 32]);
//! let config = MachineConfig::new(&chip);
//! let machine = Machine::new(chip, config, 4 << 20, first)?;
//! machine.issue(&mut SnpInitEx { flags: 1, ..SnpInitEx::default() })?;
//! Store::create(folder)?.replace(&machine.save(None, 0), 0)?;
//!
//! // Later, or in another program: the machine is taken out. What stays is the same one without power.
//! let store = Store::open(folder)?;
//! let bytes = store.take(|bytes, generation| {
//!     let saved = Saved::parse(bytes);
//!     let saved = saved.map_err(|error| StoreError::NotRestored(folder.into(), error))?;
//!     Ok(saved.without_power(generation))
//! })?;
//! let machine = Saved::parse(&bytes)?.restore(second)?;
//! assert!(!Saved::parse(&store.look()?)?.is_running());
//!
//! // At its end it is put in again.
//! let generation = store.next_generation()?;
//! store.replace(&machine.save(None, generation), generation)?;
//! assert_eq!((generation, Saved::parse(&store.look()?)?.is_running()), (2, true));
//! # std::fs::remove_dir_all(folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # MODEL
//! AMD's processors cannot be saved. Here:
//! * Without power a machine has its chip, its firmware's versions, SEV's keys in the flash memory, and its CA. What
//!   SNP_CONFIG has set to be reported is kept, too.
//! * A machine that goes on has the tweak and the keys of its boot, key slot 0 included. Its random numbers are the new caller's.
//! * An interleave is kept as its channels and granule; restored, it is [`RoundRobin`](super::memory::RoundRobin). A machine
//!   with another one is not to be saved: its guests would not find their memory.
//! * What a host program keeps for its guests ([`NestedTable`](super::NestedTable), handles of [`Vmm`](super::Vmm)) is that
//!   program's own. vCPUs stand still while a machine is saved; IN_USE of their pages is kept.
//!
//! # Files from elsewhere
//! A file that is cut short or changed is refused by its digest. One that was made with a right digest makes a machine that
//! could have come about by commands, or none; nothing is allocated for more than it has, but for memory itself:
//! [`Saved::memory`] tells how much that is, before any is made.

mod codec;
mod machine;
mod store;
#[cfg(test)]
mod tests;

pub(in crate::platform) use codec::{Reader, Writer};
pub use machine::Saved;
pub use store::{Store, look};

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::hash::sha384;

/// The head of a saved machine: what it is, and which one.
///
/// ```
/// # use sevcrypt::platform::rand_core::{TryCryptoRng, TryRng};
/// # struct Random(u8);
/// # impl TryRng for Random {
/// #     type Error = core::convert::Infallible;
/// #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(4) }
/// #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(4) }
/// #     fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
/// #         bytes.iter_mut().for_each(|byte| { self.0 = self.0.wrapping_mul(5).wrapping_add(3); *byte = self.0 });
/// #         Ok(())
/// #     }
/// # }
/// # impl TryCryptoRng for Random {}
/// use sevcrypt::platform::save::{Header, RestoreError, Saved};
/// use sevcrypt::platform::{Chip, HeapDram, Machine, MachineConfig};
/// use sevcrypt::snp::tcb::Product;
///
/// let chip = Chip::new(Product::Genoa, &[1; 48], &[2; 32]);
/// let config = MachineConfig::new(&chip);
/// let machine = Machine::new(chip, config, 1 << 20, Random(1))?;
/// let bytes = machine.save(None, 7);
/// assert_eq!(Header::parse(&bytes)?.generation, 7);
/// assert_eq!(Header::parse(b"something else"), Err(RestoreError::NoMachine));
///
/// // The machine again, in memory of the caller's.
/// let saved = Saved::parse(&bytes)?;
/// let machine = saved.restore_with(HeapDram::new(saved.memory())?, Random(2))?;
/// println!("firmware {}", machine.versions().current);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// The file of the generation has no number, or is not there where machines have been taken out.
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
