//! The reverse map table (RMP) of SEV-SNP: to whom each page of memory belongs (AMD APM volume 2, section 15.36; volume 3 for the
//! instructions).
//!
//! Every 4 KiB page of system memory has an [`Entry`]. The host changes owners by RMPUPDATE; a guest accepts pages by PVALIDATE and
//! shares them out among its privilege levels by RMPADJUST; every access of a guest, and every write of the host, is
//! checked ([`Rmp::check`]).
//!
//! A table is anything that reads an entry at one moment and replaces one that has not changed meanwhile ([`Table`]): a slice of
//! [`AtomicEntry`], or several of them ([`Segmented`]). All operations take `&self`; nothing locks and nothing waits.
//!
//! AMD's documents leave the order of some checks open; where a rule here is the model's own, it says MODEL.
//!
//! ```
//! use sevcrypt::rmp::{Access, AtomicEntry, Fault, Guest, Kind, PageAssignment, Rmp};
//! use sevcrypt::{Asid, GuestPhysAddr, PageSize, Vmpl};
//!
//! let entries: Vec<AtomicEntry> = (0..1024).map(|_| AtomicEntry::default()).collect();
//! let rmp = Rmp::new(&entries[..], 99);
//!
//! // The host gives a page to guest 5, which accepts it.
//! let gpa = GuestPhysAddr::new(0x9000)?;
//! let operand = PageAssignment::guest(Asid::new(5), gpa, PageSize::Size4K);
//! rmp.rmpupdate(Asid::HOST, 0x10_0000, &operand.to_bytes())?;
//! let guest = Guest { asid: Asid::new(5), vmpl: Vmpl::VMPL0 };
//! let access = Access { spa: 0x10_0000, gpa, mapping: PageSize::Size4K };
//! assert_eq!(rmp.check(guest, Kind::Read, access), Err(Fault::NotValidated));
//! rmp.pvalidate(guest, access, PageSize::Size4K, true)?;
//! assert_eq!(rmp.check(guest, Kind::Read, access), Ok(()));
//!
//! // The host cannot write to it, and cannot put it elsewhere without the guest's noticing.
//! assert!(rmp.check_host_write(0x10_0000, PageSize::Size4K).is_err());
//! let elsewhere = Access { gpa: GuestPhysAddr::new(0xa000)?, ..access };
//! assert!(rmp.check(guest, Kind::Read, elsewhere).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::ops::Range;

mod check;
mod entry;
mod firmware;
mod guest;
mod host;
#[cfg(test)]
mod model;
mod registers;
mod table;
#[cfg(test)]
mod tests;

pub use check::{Access, Fault, FaultContext, Guest, HostPage, Kind, VmFailure};
pub use entry::{Entry, PageAssignment, PageState, Permissions};
pub use firmware::{FirmwarePage, PageChange, PageReclaim};
pub use guest::{GuestFailure, PageAttributes, RmpAdjust, Validation};
pub use host::RmpFailure;
pub use registers::{RegisterError, RmpConfig, RmpRange, Segment, SegmentLimits};
pub use table::{AtomicEntry, Loaded, Segmented, Table};

/// The RMP of a machine: its table, and what the machine allows.
#[derive(Debug)]
pub struct Rmp<'t, T: Table + ?Sized> {
    table: &'t T,
    max_asid: u32,
    own: &'t [Range<u64>],
}

impl<'t, T: Table + ?Sized> Rmp<'t, T> {
    /// An RMP over a table. `max_asid` is the largest ASID that a guest may have: at most 1022 (1023 is what AMD's firmware marks
    /// entries with).
    #[must_use]
    pub fn new(table: &'t T, max_asid: u32) -> Self {
        Self { table, max_asid: max_asid.min(1022), own: &[] }
    }

    /// The same, with the system physical addresses at which the table itself stands: the firmware gives none of these pages away.
    #[must_use]
    pub fn placed(self, own: &'t [Range<u64>]) -> Self {
        Self { own, ..self }
    }
}
