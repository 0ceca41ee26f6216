//! Guest memory of the `vm-memory` crate, version 0.18 (feature `vm-memory-018`).
//!
//! Rust VMMs share this crate for the memory of their guests. A region is a `VolatileSlice`;
//! [`Mapping`] makes [`GuestBytes`](crate::mem::GuestBytes) of one, and
//! [`MemoryCipher::encrypt_guest_memory`] works on an address range, over as many regions as it has.
//! There is never a `&mut [u8]` to guest memory, and dirty bitmaps are marked.
//!
//! ```
//! use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
//! use sevcrypt::{Backend, PhysAddr};
//! use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};
//!
//! let dram: GuestMemoryMmap = GuestMemoryMmap::from_ranges(&[
//!     (GuestAddress(0), 0x3000),
//!     (GuestAddress(0x3000), 0x5000),
//! ])?;
//! dram.write_obj(0x1122_3344_u32, GuestAddress(0x2ffc))?;
//!
//! let tweak = Tweak::xts(&[2; 32], XtsUnit::Page, Backend::best());
//! let cipher = MemoryCipher::xts(&[1; 32], tweak, Backend::best())?;
//! // Two pages of DRAM, over the border of the two regions; their guest and system addresses are the same here.
//! let addr = PhysAddr::new(0x2000)?;
//! cipher.encrypt_guest_memory(&dram, GuestAddress(0x2000), 0x2000, addr)?;
//! cipher.decrypt_guest_memory(&dram, GuestAddress(0x2000), 0x2000, addr)?;
//! assert_eq!(dram.read_obj::<u32>(GuestAddress(0x2ffc))?, 0x1122_3344);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::borrow::Borrow;
use core::fmt;
use std::vec::Vec;

use vm_memory::{GuestAddress, GuestMemory, Permissions};

use crate::addr::{BLOCK, PhysAddr};
use crate::error::MemoryError;
pub use crate::mem::guest::Mapping;
use crate::mem::{MemoryCipher, Run, Tweak};

/// A range of guest memory that an operation does not take. Nothing has been written.
#[derive(Debug)]
#[non_exhaustive]
pub enum GuestMemoryError {
    /// A part of the range is not mapped, or not accessible.
    Unmapped {
        /// The first guest address without memory.
        at: GuestAddress,
        /// What `vm-memory` says.
        source: vm_memory::GuestMemoryError,
    },
    /// A 16-byte block lies in two regions.
    SplitBlock {
        /// Guest address at which one region ends and the next begins.
        at: GuestAddress,
    },
    /// The physical address or the length.
    Range(MemoryError),
}

impl fmt::Display for GuestMemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmapped { at, source } => {
                write!(f, "no guest memory to read and write at {:#x}: {source}", at.0)
            }
            Self::SplitBlock { at } => write!(
                f,
                "a region of guest memory ends at {:#x}, inside a 16-byte block of the range",
                at.0
            ),
            Self::Range(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for GuestMemoryError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Unmapped { source, .. } => Some(source),
            Self::SplitBlock { .. } => None,
            Self::Range(error) => Some(error),
        }
    }
}

impl<T: Borrow<Tweak>> MemoryCipher<T> {
    /// Encrypts `len` bytes of guest memory from guest address `at` on, whose physically contiguous system
    /// addresses begin at `addr`. The range may cross regions; vCPUs and devices may go on meanwhile.
    ///
    /// # Errors
    /// [`GuestMemoryError`], before anything is written.
    pub fn encrypt_guest_memory<M: GuestMemory + ?Sized>(
        &self,
        memory: &M,
        at: GuestAddress,
        len: usize,
        addr: PhysAddr,
    ) -> Result<(), GuestMemoryError> {
        guest_memory(memory, at, len, addr, |runs| self.encrypt_runs(runs).map_err(|e| e.error))
    }

    /// Decrypts guest memory; otherwise as [`encrypt_guest_memory`](Self::encrypt_guest_memory).
    ///
    /// # Errors
    /// [`GuestMemoryError`], before anything is written.
    pub fn decrypt_guest_memory<M: GuestMemory + ?Sized>(
        &self,
        memory: &M,
        at: GuestAddress,
        len: usize,
        addr: PhysAddr,
    ) -> Result<(), GuestMemoryError> {
        guest_memory(memory, at, len, addr, |runs| self.decrypt_runs(runs).map_err(|e| e.error))
    }
}

/// Maps the range, makes one run of each region's part of it, and hands them to `work`.
fn guest_memory<M: GuestMemory + ?Sized>(
    memory: &M,
    at: GuestAddress,
    len: usize,
    addr: PhysAddr,
    work: impl FnOnce(&[Run<'_>]) -> Result<(), MemoryError>,
) -> Result<(), GuestMemoryError> {
    let unmapped = |offset: usize| {
        let at = GuestAddress(at.0.wrapping_add(offset as u64));
        move |source| GuestMemoryError::Unmapped { at, source }
    };
    let mut slices = Vec::new();
    let mut mapped = 0;
    for slice in memory.get_slices(at, len, Permissions::ReadWrite).map_err(unmapped(0))? {
        let slice = slice.map_err(unmapped(mapped))?;
        if mapped % BLOCK != 0 {
            return Err(GuestMemoryError::SplitBlock { at: GuestAddress(at.0 + mapped as u64) });
        }
        mapped += slice.len();
        slices.push(slice);
    }
    if mapped != len {
        return Err(unmapped(mapped)(vm_memory::GuestMemoryError::PartialBuffer {
            expected: len,
            completed: mapped,
        }));
    }
    let mappings: Vec<_> = slices.iter().map(Mapping::new).collect();
    let mut runs = Vec::with_capacity(mappings.len());
    let mut offset = 0;
    for bytes in mappings.iter().map(Mapping::bytes) {
        let start =
            addr.checked_add(offset).ok_or(GuestMemoryError::Range(MemoryError::BeyondTweak {
                addr: addr.get(),
                len,
                bits: PhysAddr::BITS,
            }))?;
        offset += bytes.len() as u64;
        runs.push(Run::in_place(start, bytes));
    }
    work(&runs).map_err(GuestMemoryError::Range)
}
