//! DBG_DECRYPT, DBG_ENCRYPT and COPY: the host's ways into and within a guest's memory (AMD 55766; AMD's published
//! firmware 1.55.25, `sev_mcmd.c`).
//!
//! The guest's memory is what a [`MemoryCipher`] of its key makes, at its physical address. The states of platform and
//! guest, and whether it has an ASID, are for who knows the platform: the firmware looks at them before the address
//! (INVALID_PLATFORM_STATE), before the policy (INVALID_GUEST) and last (INACTIVE); COPY before everything.
//!
//! ```
//! use sevcrypt::{Backend, PhysAddr, Status};
//! use sevcrypt::mem::{MemoryCipher, Tweak};
//! use sevcrypt::sev::{GuestPolicy, debug};
//!
//! let platform = Tweak::from_seed(b"boot");
//! let guest = MemoryCipher::xex(&[7; 16], &platform, Backend::best())?;
//! let (address, buffer) = (PhysAddr::new(0x1234_5000)?, PhysAddr::new(0x8000)?);
//! let mut dram = *b"sixteen letters.";
//! guest.encrypt(address, &mut dram)?;
//!
//! let mut seen = [0; 16];
//! debug::decrypt(GuestPolicy(0), &guest, (address, &dram), (buffer, &mut seen))?;
//! assert_eq!(&seen, b"sixteen letters.");
//!
//! let nodbg = GuestPolicy(1);
//! let refused = debug::decrypt(nodbg, &guest, (address, &dram), (buffer, &mut seen));
//! assert_eq!(refused.unwrap_err().status(), Status::POLICY_FAILURE);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::borrow::Borrow;
use core::fmt;

use super::GuestPolicy;
use crate::addr::{BLOCK, PAGE, PhysAddr};
use crate::error::MemoryError;
use crate::mem::{self, GuestBytes, GuestSource, MemoryCipher, Tweak};
use crate::status::Status;

/// DBG_DECRYPT: reads `source`, memory of the guest at its physical address, and writes its plaintext to `destination`,
/// which is the host's. Nothing tells whether the plaintext is what the guest wrote.
///
/// A length of 0 succeeds.
///
/// # Errors
/// [`DebugError`], in the firmware's order; nothing was written.
pub fn decrypt<'a, T: Borrow<Tweak>>(
    policy: GuestPolicy,
    guest: &MemoryCipher<T>,
    source: (PhysAddr, impl Into<GuestSource<'a>>),
    destination: (PhysAddr, impl Into<GuestBytes<'a>>),
) -> Result<(), DebugError> {
    let source = (source.0, source.1.into());
    check(policy, (source.0, source.1.len()), destination.0)?;
    guest.decrypt_to(source.0, source.1, destination.1).map_err(DebugError::Memory)
}

/// DBG_ENCRYPT: reads `source`, which is the host's, and writes it to `destination`, memory of the guest at its physical
/// address.
///
/// # Errors
/// As [`decrypt`].
pub fn encrypt<'a, T: Borrow<Tweak>>(
    policy: GuestPolicy,
    guest: &MemoryCipher<T>,
    source: (PhysAddr, impl Into<GuestSource<'a>>),
    destination: (PhysAddr, impl Into<GuestBytes<'a>>),
) -> Result<(), DebugError> {
    let source = (source.0, source.1.into());
    check(policy, (source.0, source.1.len()), destination.0)?;
    guest.encrypt_to(destination.0, source.1, destination.1).map_err(DebugError::Memory)
}

/// The checks of both, in the firmware's order.
fn check(
    policy: GuestPolicy,
    (source, len): (PhysAddr, usize),
    destination: PhysAddr,
) -> Result<(), DebugError> {
    check_alignment(source, destination, BLOCK)?;
    if !len.is_multiple_of(BLOCK) {
        return Err(DebugError::Length { found: len, unit: BLOCK });
    }
    if policy.nodbg() { Err(DebugError::Policy) } else { Ok(()) }
}

fn check_alignment(source: PhysAddr, destination: PhysAddr, unit: usize) -> Result<(), DebugError> {
    let address = [source, destination]
        .into_iter()
        .find(|address| !address.get().is_multiple_of(unit as u64));
    address.map_or(Ok(()), |address| Err(DebugError::Alignment { address, unit }))
}

/// COPY: pages of the guest go to another place, and are enciphered for it. No policy forbids that.
///
/// Where the first pages of source and destination are the same one, nothing is done, and the firmware answers SUCCESS.
/// MODEL: other ranges that overlap are copied as the bytes that are given here, in order of their addresses.
///
/// ```
/// use sevcrypt::{Backend, PhysAddr};
/// use sevcrypt::mem::{MemoryCipher, Tweak};
/// use sevcrypt::sev::debug;
///
/// let guest = MemoryCipher::xex(&[7; 16], Tweak::from_seed(b"boot"), Backend::best())?;
/// let (old, new) = (PhysAddr::new(0x1000)?, PhysAddr::new(0x9000)?);
/// let (mut page, mut copy) = ([1; 4096], [0; 4096]);
/// guest.encrypt(old, &mut page)?;
/// debug::copy(&guest, (old, &page), (new, &mut copy))?;
/// guest.decrypt(new, &mut copy)?;
/// assert_eq!(copy, [1; 4096]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`DebugError::Length`], [`DebugError::Alignment`], [`DebugError::Memory`], in this order; nothing was written.
pub fn copy<'a, T: Borrow<Tweak>>(
    guest: &MemoryCipher<T>,
    source: (PhysAddr, impl Into<GuestSource<'a>>),
    destination: (PhysAddr, impl Into<GuestBytes<'a>>),
) -> Result<(), DebugError> {
    let source = (source.0, source.1.into());
    let len = source.1.len();
    if len == 0 || !len.is_multiple_of(PAGE) {
        return Err(DebugError::Length { found: len, unit: PAGE });
    }
    check_alignment(source.0, destination.0, PAGE)?;
    if source.0 == destination.0 {
        return Ok(());
    }
    mem::move_page((guest, source.0), (guest, destination.0), source.1, destination.1)
        .map_err(DebugError::Memory)
}

/// Why memory of a guest is not read, written or copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DebugError {
    /// An address is no multiple of the unit, in bytes. Of two, the source's.
    Alignment {
        /// The address.
        address: PhysAddr,
        /// The unit.
        unit: usize,
    },
    /// The length is no multiple of the unit, in bytes, or 0 where there must be a page.
    Length {
        /// The length.
        found: usize,
        /// The unit.
        unit: usize,
    },
    /// NODBG.
    Policy,
    /// What the guest's cipher does not take: addresses beyond its tweak, two lengths. (The commands have one length; the
    /// status is a MODEL.)
    Memory(MemoryError),
}

impl DebugError {
    /// What the firmware answers.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Alignment { .. } => Status::INVALID_ADDRESS,
            Self::Length { .. } | Self::Memory(MemoryError::Lengths { .. }) => {
                Status::INVALID_LENGTH
            }
            Self::Policy => Status::POLICY_FAILURE,
            Self::Memory(_) => Status::INVALID_ADDRESS,
        }
    }
}

impl fmt::Display for DebugError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alignment { address, unit } => {
                write!(f, "address {:#x} is not a multiple of {unit}", address.get())
            }
            Self::Length { found: 0, unit } => {
                write!(f, "nothing is copied: expected a multiple of {unit} bytes")
            }
            Self::Length { found, unit } => {
                write!(f, "a length of {found} bytes: expected a multiple of {unit}")
            }
            Self::Policy => f.write_str("the guest's policy forbids debugging (NODBG)"),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for DebugError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Memory(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec;
    use std::vec::Vec;

    use super::*;
    use crate::cpu::Backend;

    const NODBG: GuestPolicy = GuestPolicy(1);
    const ANY: GuestPolicy = GuestPolicy(!1);

    fn guest() -> MemoryCipher {
        MemoryCipher::xex(&[7; 16], Tweak::from_seed(b"boot"), Backend::best()).unwrap()
    }

    fn at(address: u64) -> PhysAddr {
        PhysAddr::new(address).unwrap()
    }

    fn painted(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i % 251) as u8).collect()
    }

    #[test]
    fn there_and_back() {
        let guest = guest();
        for len in [0, 16, 4096, 3 * 4096 + 48] {
            let text = painted(len);
            let (mut dram, mut seen) = (vec![0xee; len], vec![0xee; len]);
            encrypt(ANY, &guest, (at(0x10), text.as_slice()), (at(0x5ff0), dram.as_mut_slice()))
                .unwrap();
            let mut expected = text.clone();
            guest.encrypt(at(0x5ff0), expected.as_mut_slice()).unwrap();
            assert_eq!(dram, expected, "the guest's address counts");
            decrypt(ANY, &guest, (at(0x5ff0), dram.as_slice()), (at(0x7000), seen.as_mut_slice()))
                .unwrap();
            assert_eq!(seen, text);
        }
    }

    /// Each error alone, then each pair in the firmware's order.
    #[test]
    fn refusals() {
        let guest = guest();
        let alignment = |address| DebugError::Alignment { address: at(address), unit: 16 };
        let length = |found| DebugError::Length { found, unit: 16 };
        for (policy, source, destination, len, error) in [
            (ANY, 0x1008, 0x2000, 32, alignment(0x1008)),
            (ANY, 0x1000, 0x2001, 32, alignment(0x2001)),
            (ANY, 0x1000, 0x2000, 33, length(33)),
            (ANY, 0x1000, 0x2000, 8, length(8)),
            (NODBG, 0x1000, 0x2000, 32, DebugError::Policy),
            (NODBG, 0x1000, 0x2000, 0, DebugError::Policy),
            (NODBG, 0x1001, 0x2001, 31, alignment(0x1001)),
            (NODBG, 0x1000, 0x2001, 31, alignment(0x2001)),
            (NODBG, 0x1000, 0x2000, 31, length(31)),
        ] {
            let (text, mut out) = (painted(len), vec![0xee; len]);
            let (source, destination) = (at(source), at(destination));
            let source = (source, text.as_slice());
            let refused = decrypt(policy, &guest, source, (destination, out.as_mut_slice()));
            assert_eq!(refused, Err(error));
            let refused = encrypt(policy, &guest, source, (destination, out.as_mut_slice()));
            assert_eq!(refused, Err(error));
            assert!(out.iter().all(|byte| *byte == 0xee));
        }
    }

    #[test]
    fn what_the_cipher_refuses() {
        let guest = guest();
        let (text, mut out) = (painted(32), [0xee; 48]);
        let refused =
            decrypt(ANY, &guest, (at(0), text.as_slice()), (at(0x1000), out.as_mut_slice()));
        let lengths = DebugError::Memory(MemoryError::Lengths { src: 32, dst: 48 });
        assert_eq!(refused, Err(lengths));
        assert_eq!(lengths.status(), Status::INVALID_LENGTH);

        let last = at((1 << 52) - 16);
        let beyond = MemoryError::BeyondTweak { addr: last.get(), len: 32, bits: 52 };
        let refused = encrypt(ANY, &guest, (at(0), text.as_slice()), (last, &mut out[..32]));
        assert_eq!(refused, Err(DebugError::Memory(beyond)));
        assert_eq!(DebugError::Memory(beyond).status(), Status::INVALID_ADDRESS);
        assert_eq!(out, [0xee; 48]);
    }

    #[test]
    fn copies() {
        let guest = guest();
        for len in [4096, 3 * 4096] {
            let (mut dram, mut out) = (painted(len), vec![0xee; len]);
            guest.encrypt(at(0x1000), dram.as_mut_slice()).unwrap();
            copy(&guest, (at(0x1000), dram.as_slice()), (at(0x9000), out.as_mut_slice())).unwrap();
            assert_ne!(out, dram);
            guest.decrypt(at(0x9000), out.as_mut_slice()).unwrap();
            assert_eq!(out, painted(len));
        }
        // Onto itself.
        let (dram, mut out) = (painted(4096), vec![0xee; 4096]);
        copy(&guest, (at(0x1000), dram.as_slice()), (at(0x1000), out.as_mut_slice())).unwrap();
        assert!(out.iter().all(|byte| *byte == 0xee));
    }

    #[test]
    fn copies_that_are_refused() {
        let guest = guest();
        let alignment = |address| DebugError::Alignment { address: at(address), unit: 4096 };
        let length = |found| DebugError::Length { found, unit: 4096 };
        for (source, destination, len, error) in [
            (0x1000, 0x2000, 0, length(0)),
            (0x1000, 0x2000, 4080, length(4080)),
            (0x1010, 0x2000, 4096, alignment(0x1010)),
            (0x1000, 0x2010, 4096, alignment(0x2010)),
            (0x1010, 0x1010, 16, length(16)),
            (0x1010, 0x1010, 4096, alignment(0x1010)),
        ] {
            let (text, mut out) = (painted(len), vec![0xee; len]);
            let refused =
                copy(&guest, (at(source), text.as_slice()), (at(destination), out.as_mut_slice()));
            assert_eq!(refused, Err(error));
            assert!(out.iter().all(|byte| *byte == 0xee));
        }
        let refused = copy(&guest, (at(0), &[0; 4096]), (at(0x1000), &mut [0; 8192]));
        let lengths = MemoryError::Lengths { src: 4096, dst: 8192 };
        assert_eq!(refused, Err(DebugError::Memory(lengths)));
    }

    #[test]
    fn statuses_and_texts() {
        for (error, status, text) in [
            (
                DebugError::Alignment { address: at(0x11), unit: 16 },
                Status::INVALID_ADDRESS,
                "address 0x11 is not a multiple of 16",
            ),
            (
                DebugError::Length { found: 17, unit: 16 },
                Status::INVALID_LENGTH,
                "a length of 17 bytes: expected a multiple of 16",
            ),
            (
                DebugError::Length { found: 0, unit: 4096 },
                Status::INVALID_LENGTH,
                "nothing is copied: expected a multiple of 4096 bytes",
            ),
            (
                DebugError::Policy,
                Status::POLICY_FAILURE,
                "the guest's policy forbids debugging (NODBG)",
            ),
        ] {
            assert_eq!((error.status(), error.to_string().as_str()), (status, text));
        }
    }
}
