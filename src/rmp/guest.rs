//! A guest's instructions: PVALIDATE, RMPADJUST, RMPQUERY.

use core::fmt;

use super::check::{Access, Fault, Guest};
use super::host::RmpFailure;
use super::{Entry, Permissions, Rmp, Table};
use crate::addr::{PageSize, Vmpl};

/// Why an instruction of a guest changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GuestFailure {
    /// It gave this code.
    Code(RmpFailure),
    /// It was not done at all.
    Fault(Fault),
    /// #GP(0): PVALIDATE outside VMPL0 (MODEL: the exception).
    GeneralProtection,
}

impl From<RmpFailure> for GuestFailure {
    fn from(code: RmpFailure) -> Self {
        Self::Code(code)
    }
}

impl From<Fault> for GuestFailure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl fmt::Display for GuestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => code.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
            Self::GeneralProtection => f.write_str("#GP(0): PVALIDATE is for VMPL0"),
        }
    }
}

impl core::error::Error for GuestFailure {}

/// What PVALIDATE did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Validation {
    /// The page is in the other state now: CF is 0.
    Changed,
    /// It was so before: CF is 1, with the code 0. A guest must know of each page whether it has accepted it: this is how it notices that
    /// the host has put another page there.
    Unchanged,
}

/// What RMPADJUST is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RmpAdjust {
    /// Whose permissions.
    pub target: Vmpl,
    /// The new ones.
    pub permissions: Permissions,
    /// Whether the page is a save area. Looked at for VMPL0 only.
    pub vmsa: bool,
}

impl RmpAdjust {
    /// From RDX: bits 7:0 the level, 15:8 the permissions, 16 VMSA.
    ///
    /// ```
    /// use sevcrypt::Vmpl;
    /// use sevcrypt::rmp::{Permissions, RmpAdjust, RmpFailure};
    ///
    /// let adjust = RmpAdjust::from_rdx(0x1_0302)?;
    /// let read_write = Permissions::READ | Permissions::WRITE;
    /// assert_eq!(adjust, RmpAdjust { target: Vmpl::VMPL2, permissions: read_write, vmsa: true });
    /// assert_eq!(RmpAdjust::from_rdx(4), Err(RmpFailure::Input), "there is no VMPL4");
    /// # Ok::<(), RmpFailure>(())
    /// ```
    ///
    /// # Errors
    /// [`RmpFailure::Input`] for another bit, or a level that there is not.
    pub const fn from_rdx(rdx: u64) -> Result<Self, RmpFailure> {
        let [target, permissions, vmsa @ 0..=1, 0, 0, 0, 0, 0] = rdx.to_le_bytes() else {
            return Err(RmpFailure::Input);
        };
        match Vmpl::new(target as u32) {
            Some(target) => {
                Ok(Self { target, permissions: Permissions(permissions), vmsa: vmsa == 1 })
            }
            None => Err(RmpFailure::Input),
        }
    }

    /// RDX.
    #[must_use]
    pub const fn to_rdx(self) -> u64 {
        let Self { target, permissions, vmsa } = self;
        u64::from_le_bytes([target.get(), permissions.0, vmsa as u8, 0, 0, 0, 0, 0])
    }
}

/// What RMPQUERY tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageAttributes {
    /// What the level may do with the page.
    pub permissions: Permissions,
    /// Whether it is a save area.
    pub vmsa: bool,
    /// The size of its entry.
    pub size: PageSize,
}

/// How often an instruction is begun anew while others change the entry.
const TRIES: usize = 16;

impl<T: Table + ?Sized> Rmp<'_, T> {
    /// What PVALIDATE and RMPADJUST look at first: the owner, and that no 4 KiB of a 2 MiB page are asked for.
    fn asked(
        &self,
        guest: Guest,
        access: Access,
        size: PageSize,
    ) -> Result<(u64, Entry), GuestFailure> {
        if !access.gpa.get().is_multiple_of(size.bytes() as u64) {
            return Err(RmpFailure::Input.into());
        }
        let (number, entry) = self.owned(guest, access)?;
        if entry.page_size() == PageSize::Size2M && size == PageSize::Size4K {
            return Err(Fault::Owner { size_mismatch: true }.into());
        }
        Ok((number, entry))
    }

    /// A request for another size than the entry's, then a nested mapping of another size (MODEL: AMD leaves that open).
    fn check_sizes(entry: Entry, access: Access, size: PageSize) -> Result<(), GuestFailure> {
        if entry.page_size() != size {
            return Err(RmpFailure::SizeMismatch.into());
        }
        if entry.page_size() != access.mapping {
            return Err(Fault::Owner { size_mismatch: false }.into());
        }
        Ok(())
    }

    /// PVALIDATE: the guest accepts a page, or gives it up. Only VMPL0 may.
    ///
    /// # Errors
    /// [`GuestFailure`]; nothing was changed. The order is MODEL: VMPL, owner, place and mutability, a 2 MiB entry for a request of 4 KiB, a
    /// 4 KiB entry for one of 2 MiB.
    pub fn pvalidate(
        &self,
        guest: Guest,
        access: Access,
        size: PageSize,
        validate: bool,
    ) -> Result<Validation, GuestFailure> {
        if guest.vmpl != Vmpl::VMPL0 {
            return Err(GuestFailure::GeneralProtection);
        }
        for _ in 0..TRIES {
            let (number, entry) = self.asked(guest, access, size)?;
            Self::check_sizes(entry, access, size)?;
            if entry.validated() == validate {
                return Ok(Validation::Unchanged);
            }
            if self.table.compare_exchange(number, entry, entry.with_validated(validate)) {
                return Ok(Validation::Changed);
            }
        }
        Err(Fault::Busy.into())
    }

    /// RMPADJUST: gives a less privileged level permissions to a page, none that the guest's own level lacks; at VMPL0 also makes the
    /// page a save area, or no more one.
    ///
    /// ```
    /// use sevcrypt::rmp::{Access, AtomicEntry, Guest, PageAssignment, PageAttributes, Permissions, Rmp, RmpAdjust};
    /// use sevcrypt::{Asid, GuestPhysAddr, PageSize, Vmpl};
    ///
    /// let entries: Vec<AtomicEntry> = (0..1024).map(|_| AtomicEntry::default()).collect();
    /// let rmp = Rmp::new(&entries[..], 99);
    /// let gpa = GuestPhysAddr::new(0x9000)?;
    /// let page = PageAssignment::guest(Asid::new(5), gpa, PageSize::Size4K);
    /// rmp.rmpupdate(Asid::HOST, 0x10_0000, &page.to_bytes())?;
    /// let guest = Guest { asid: Asid::new(5), vmpl: Vmpl::VMPL0 };
    /// let access = Access { spa: 0x10_0000, gpa, mapping: PageSize::Size4K };
    /// rmp.pvalidate(guest, access, PageSize::Size4K, true)?;
    ///
    /// // VMPL0 lets VMPL1 read the page.
    /// let operand = RmpAdjust { target: Vmpl::VMPL1, permissions: Permissions::READ, vmsa: false };
    /// rmp.rmpadjust(guest, access, PageSize::Size4K, operand)?;
    /// let attributes: PageAttributes = rmp.rmpquery(guest, access, Vmpl::VMPL1)?;
    /// assert!(attributes.permissions.contains(Permissions::READ) && !attributes.vmsa);
    /// assert_eq!(rmp.page(0x10_0000)?.entry.permissions(Vmpl::VMPL2), Permissions::NONE);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`GuestFailure`]; nothing was changed. The order is MODEL: the target's level, owner, place and mutability, a 2 MiB entry for
    /// a request of 4 KiB, Validated, a 4 KiB entry for one of 2 MiB, the permissions.
    pub fn rmpadjust(
        &self,
        guest: Guest,
        access: Access,
        size: PageSize,
        adjust: RmpAdjust,
    ) -> Result<(), GuestFailure> {
        if !guest.vmpl.is_more_privileged_than(adjust.target) {
            return Err(RmpFailure::Permission.into());
        }
        for _ in 0..TRIES {
            let (number, entry) = self.asked(guest, access, size)?;
            if !entry.validated() {
                return Err(Fault::NotValidated.into());
            }
            Self::check_sizes(entry, access, size)?;
            if !entry.permissions(guest.vmpl).contains(adjust.permissions) {
                return Err(RmpFailure::Permission.into());
            }
            let new = entry.with_permissions(adjust.target, adjust.permissions);
            let new = if guest.vmpl == Vmpl::VMPL0 { new.with_vmsa(adjust.vmsa) } else { new };
            if self.table.compare_exchange(number, entry, new) {
                return Ok(());
            }
        }
        Err(Fault::Busy.into())
    }

    /// RMPQUERY: what a level may do with a page.
    ///
    /// # Errors
    /// [`GuestFailure`]. MODEL: FAIL_PERMISSION for a level that is more privileged than the guest's own; a nested mapping of another
    /// size counts as for a data access.
    pub fn rmpquery(
        &self,
        guest: Guest,
        access: Access,
        target: Vmpl,
    ) -> Result<PageAttributes, GuestFailure> {
        if target.is_more_privileged_than(guest.vmpl) {
            return Err(RmpFailure::Permission.into());
        }
        let (_, entry) = self.owned(guest, access)?;
        if entry.page_size() != access.mapping {
            return Err(Fault::Owner { size_mismatch: false }.into());
        }
        if !entry.validated() {
            return Err(Fault::NotValidated.into());
        }
        Ok(PageAttributes {
            permissions: entry.permissions(target),
            vmsa: entry.vmsa(),
            size: entry.page_size(),
        })
    }
}
