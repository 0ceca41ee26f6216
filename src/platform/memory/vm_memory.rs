//! Guest memory of the `vm-memory` crate, version 0.18, as DRAM (feature `vm-memory-018`): [`VmMemory`].

use core::fmt;
use core::ops::Range;
use std::vec::Vec;

use vm_memory::{
    Address, GuestAddress, GuestMemoryBackend, GuestMemoryRegion, MemoryRegionAddress,
};

use super::Dram;
use crate::addr::{PAGE, PhysAddr};
use crate::mem::GuestBytes;
use crate::mem::vm_memory::Mapping;

/// The memory of an existing VMM as DRAM: its guest addresses are the system addresses. Dirty bitmaps are marked.
///
/// ```
/// use sevcrypt::platform::memory::vm_memory::VmMemory;
/// use sevcrypt::platform::memory::{ControllerConfig, DramKey, Generation, MemoryController};
/// use sevcrypt::{Asid, PhysAddr};
/// use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};
///
/// let ram: GuestMemoryMmap = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 1 << 20)])?;
/// let config = ControllerConfig::new(Generation::Milan, &[1; 32], &[2; 32]);
/// let memory = MemoryController::new(VmMemory::new(ram.clone())?, config)?;
/// memory.write(DramKey::Slot(Asid::new(1)), PhysAddr::new(0x1000)?, &[0; 8])?;
/// assert_ne!(ram.read_obj::<u64>(GuestAddress(0x1000))?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct VmMemory<M>(M);

impl<M: GuestMemoryBackend> VmMemory<M> {
    /// Takes the memory.
    ///
    /// # Errors
    /// [`RegionError`] if a region does not begin or end with a page.
    pub fn new(memory: M) -> Result<Self, RegionError> {
        for region in memory.iter() {
            let (start, len) = (region.start_addr().0, region.len());
            if !(start | len).is_multiple_of(PAGE as u64) {
                return Err(RegionError { start, len });
            }
        }
        Ok(Self(memory))
    }

    /// The memory.
    pub fn get(&self) -> &M {
        &self.0
    }
}

impl<M: GuestMemoryBackend + Send + Sync> Dram for VmMemory<M> {
    fn ranges(&self) -> Vec<Range<u64>> {
        let ranges = self.0.iter().map(|region| {
            let start = region.start_addr().0;
            start..start.saturating_add(region.len())
        });
        ranges.collect()
    }

    fn holds(&self, addr: PhysAddr, len: u64) -> bool {
        usize::try_from(len).is_ok_and(|len| self.0.check_range(GuestAddress(addr.get()), len))
    }

    fn with<R>(
        &self,
        addr: PhysAddr,
        len: usize,
        work: impl FnOnce(GuestBytes<'_>) -> R,
    ) -> Option<R> {
        let (region, at) = self.0.to_region_addr(GuestAddress(addr.get()))?;
        let slice = region.get_slice(MemoryRegionAddress(at.raw_value()), len).ok()?;
        Some(work(Mapping::new(&slice).bytes()))
    }

    fn with_pages<R>(
        &self,
        addr: PhysAddr,
        pages: usize,
        work: impl FnOnce(GuestBytes<'_>) -> R,
    ) -> Option<R> {
        // Pages of two regions are no slice of one.
        self.with(addr, pages.checked_mul(PAGE)?, work)
    }
}

/// A region of memory that is not whole pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionError {
    /// The first address.
    pub start: u64,
    /// The length in bytes.
    pub len: u64,
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a region of {:#x} bytes at {:#x}: both must be multiples of 4096",
            self.len, self.start
        )
    }
}

impl core::error::Error for RegionError {}
