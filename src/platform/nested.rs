//! The host's nested page table: where a guest's memory lies.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use crate::addr::{GuestPhysAddr, PAGE, PageSize, PhysAddr};

/// Where a guest physical address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The system physical address of the byte that was asked for.
    pub spa: PhysAddr,
    /// The size of the mapping; 1 GiB counts as 2 MiB.
    pub size: PageSize,
}

/// What translates guest physical addresses: the nested page table of a VMM.
///
/// The host may change it at any time, and is not trusted with it: what it maps is checked against the RMP at every access.
pub trait Nested: Send + Sync {
    /// Where a byte of the guest lies, at the same place in its 4 KiB page as in the guest's; `None`: nowhere, a nested page
    /// fault.
    fn translate(&self, gpa: GuestPhysAddr) -> Option<Mapping>;
}

/// A nested page table of 4 KiB and 2 MiB pages.
///
/// ```
/// use sevcrypt::platform::{Nested, NestedTable};
/// use sevcrypt::{GuestPhysAddr, PageSize, PhysAddr};
///
/// let table = NestedTable::default();
/// table.map(GuestPhysAddr::new(0x9000)?, PhysAddr::new(0x10_0000)?, PageSize::Size4K);
/// let byte = table.translate(GuestPhysAddr::new(0x9123)?).ok_or("mapped")?;
/// assert_eq!(byte.spa.get(), 0x10_0123);
/// assert_eq!(table.translate(GuestPhysAddr::new(0xa000)?), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct NestedTable(RwLock<BTreeMap<u64, (u64, PageSize)>>);

impl NestedTable {
    /// Maps the page of the guest in which `gpa` lies to the page of memory in which `spa` lies. What was there before is
    /// forgotten, also parts of a larger page, and all smaller pages under a larger one.
    pub fn map(&self, gpa: GuestPhysAddr, spa: PhysAddr, size: PageSize) {
        let mask = !(size.bytes() as u64 - 1);
        let first = gpa.get() & mask;
        let mut pages = self.0.write().unwrap_or_else(PoisonError::into_inner);
        remove(&mut pages, first, size);
        pages.insert(first, (spa.get() & mask, size));
    }

    /// Forgets the page in which `gpa` lies.
    pub fn unmap(&self, gpa: GuestPhysAddr, size: PageSize) {
        let first = gpa.get() & !(size.bytes() as u64 - 1);
        let mut pages = self.0.write().unwrap_or_else(PoisonError::into_inner);
        remove(&mut pages, first, size);
    }
}

/// Forgets what a page from `first` on overlaps.
fn remove(pages: &mut BTreeMap<u64, (u64, PageSize)>, first: u64, size: PageSize) {
    let large = first & !(PageSize::Size2M.bytes() as u64 - 1);
    if matches!(pages.get(&large), Some((_, PageSize::Size2M))) {
        pages.remove(&large);
    }
    for page in (first..first + size.bytes() as u64).step_by(PAGE) {
        pages.remove(&page);
    }
}

impl Nested for NestedTable {
    fn translate(&self, gpa: GuestPhysAddr) -> Option<Mapping> {
        let pages = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (first, (spa, size)) = pages.range(..=gpa.get()).next_back()?;
        let offset = gpa.get() - first;
        let spa = PhysAddr::new(spa + offset).ok()?;
        (offset < size.bytes() as u64).then_some(Mapping { spa, size: *size })
    }
}
