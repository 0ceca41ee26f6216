//! What the RMP says of an access (AMD APM volume 2, section 15.36.10).

use core::fmt;

use super::host::region;
use super::{Entry, Loaded, Permissions, Rmp, Table};
use crate::addr::{Asid, GuestPhysAddr, PAGE, PageSize, Vmpl};

/// A vCPU of an SEV-SNP guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Its ASID.
    pub asid: Asid,
    /// Its privilege level.
    pub vmpl: Vmpl,
}

/// Where an access goes, behind both page tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The system physical address, without the C-bit.
    pub spa: u64,
    /// The guest physical address, without the C-bit.
    pub gpa: GuestPhysAddr,
    /// The size of the nested mapping; 1 GiB counts as 2 MiB.
    pub mapping: PageSize,
}

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A read of data.
    Read,
    /// A write of data.
    Write,
    /// An instruction at CPL 3.
    ExecuteUser,
    /// An instruction at CPL 0 to 2.
    ExecuteSupervisor,
    /// A read of the guest's page tables.
    PageTable,
    /// A write to them: accessed and dirty bits.
    PageTableWrite,
}

impl Kind {
    /// What a VMPL needs for it.
    const fn needs(self) -> Permissions {
        match self {
            Self::Read | Self::PageTable => Permissions::READ,
            Self::Write | Self::PageTableWrite => Permissions::WRITE,
            Self::ExecuteUser => Permissions::EXECUTE_USER,
            Self::ExecuteSupervisor => Permissions::EXECUTE_SUPERVISOR,
        }
    }
}

/// Why an access is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The page belongs to somebody else, stands elsewhere in the guest, is immutable, or has another size than its mapping: the
    /// host gets a nested page fault.
    Owner {
        /// PVALIDATE or RMPADJUST asked for 4 KiB of a 2 MiB page: SIZEM.
        size_mismatch: bool,
    },
    /// The guest has not accepted the page: it gets #VC with the error code 404h.
    NotValidated,
    /// Its privilege level may not do that: the host gets a nested page fault.
    Vmpl {
        /// Bit 4 of the level's permissions, for SSS.
        shadow_stack: bool,
    },
    /// Another processor is changing the entry: a fault that goes away by itself.
    Busy,
}

impl Fault {
    /// The error code of #VC for a page that is not validated.
    pub const VC_NOT_VALIDATED: u64 = 0x404;

    /// The bits that a nested page fault's EXITINFO1 has beside the ordinary ones; `None` if it is no nested page fault.
    #[must_use]
    pub const fn exitinfo1(self) -> Option<u64> {
        const RMP: u64 = 1 << 31;
        const ENC: u64 = 1 << 34;
        match self {
            Self::Owner { size_mismatch: true } => Some(RMP | ENC | 1 << 35),
            Self::Owner { size_mismatch: false } | Self::Busy => Some(RMP | ENC),
            Self::Vmpl { shadow_stack: true } => Some(RMP | ENC | 1 << 36 | 1 << 37),
            Self::Vmpl { shadow_stack: false } => Some(RMP | ENC | 1 << 36),
            Self::NotValidated => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owner { size_mismatch: false } => {
                "nested page fault: the page is not the guest's there"
            }
            Self::Owner { size_mismatch: true } => "nested page fault: 4 KiB of a page of 2 MiB",
            Self::NotValidated => "#VC: the page is not validated",
            Self::Vmpl { .. } => "nested page fault: the privilege level may not do that",
            Self::Busy => "nested page fault: the entry is being changed",
        })
    }
}

impl core::error::Error for Fault {}

impl<T: Table + ?Sized> Rmp<'_, T> {
    /// The entry that speaks for a page: its region's first, if that is a page of 2 MiB.
    pub(super) fn consulted(&self, page: u64) -> Result<Option<(u64, Entry)>, Fault> {
        let first = region(page);
        for number in [first, page] {
            match self.table.load(number) {
                Loaded::Busy => return Err(Fault::Busy),
                Loaded::NotCovered => return Ok(None),
                Loaded::Entry(entry) => {
                    let is_large = entry.assigned() && entry.page_size() == PageSize::Size2M;
                    if number == page || is_large {
                        return Ok(Some((number, entry)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Guest-Owned, Reverse-Map, Mutable: the checks before that of the size.
    pub(super) fn owned(&self, guest: Guest, access: Access) -> Result<(u64, Entry), Fault> {
        let denied = Fault::Owner { size_mismatch: false };
        let page = access.spa / PAGE as u64;
        let (number, entry) = self.consulted(page)?.ok_or(denied)?;
        let offset = (page - number) * PAGE as u64;
        let gpa = access.gpa.get() & !(PAGE as u64 - 1);
        let is_here = entry.gpa().get() + offset == gpa;
        let is_owner = entry.assigned() && entry.asid() == guest.asid && guest.asid != Asid::HOST;
        if is_owner && is_here && !entry.immutable() { Ok((number, entry)) } else { Err(denied) }
    }

    /// Whether a private access (C = 1) of an SEV-SNP guest is done. Shared reads are never checked; shared writes are as the
    /// host's: [`check_host_write`](Self::check_host_write).
    ///
    /// # Errors
    /// [`Fault`]: the first check that fails, in the order Covered, Guest-Owned, Reverse-Map, Mutable, Page-Size, Validated, VMPL.
    #[inline]
    pub fn check(&self, guest: Guest, kind: Kind, access: Access) -> Result<(), Fault> {
        let (_, entry) = self.owned(guest, access)?;
        if entry.page_size() != access.mapping {
            return Err(Fault::Owner { size_mismatch: false });
        }
        if !entry.validated() {
            return Err(Fault::NotValidated);
        }
        let allowed = entry.permissions(guest.vmpl);
        // A mask that allows writes and no reads is none: data accesses under it fail.
        let is_illegal =
            allowed.contains(Permissions::WRITE) && !allowed.contains(Permissions::READ);
        if is_illegal || !allowed.contains(kind.needs()) {
            return Err(Fault::Vmpl { shadow_stack: allowed.contains(Permissions::SHADOW_STACK) });
        }
        Ok(())
    }

    /// Whether a write of the host, of a device, of a guest without SEV-SNP, or a shared one of a guest with it, is done: whether the page, or
    /// each of a mapping of 2 MiB, is the hypervisor's.
    ///
    /// # Errors
    /// [`Fault`]: #PF for the host, a nested page fault for a guest, with bit 31 of the error code.
    pub fn check_host_write(&self, spa: u64, mapping: PageSize) -> Result<(), Fault> {
        let denied = Fault::Owner { size_mismatch: false };
        let page = spa / PAGE as u64;
        let hypervisor = |entry: Option<(u64, Entry)>| match entry {
            Some((_, entry)) if entry.assigned() => Err(denied),
            _ => Ok(()),
        };
        hypervisor(self.consulted(page)?)?;
        if mapping == PageSize::Size2M {
            // The first entry counts the others.
            match self.table.load(region(page)) {
                Loaded::Busy => return Err(Fault::Busy),
                Loaded::Entry(first) if first.assigned() || first.subpage_count() > 0 => {
                    return Err(denied);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// VMRUN's check of the save area of an SEV-SNP guest: its own page, mutable, and a save area.
    ///
    /// # Errors
    /// [`Fault`]: VMRUN ends with VMEXIT_INVALID.
    pub fn check_vmsa(&self, asid: Asid, spa: u64, gpa: GuestPhysAddr) -> Result<(), Fault> {
        let guest = Guest { asid, vmpl: Vmpl::VMPL0 };
        let access = Access { spa, gpa, mapping: PageSize::Size4K };
        let (_, entry) = self.owned(guest, access)?;
        if entry.vmsa() { Ok(()) } else { Err(Fault::Owner { size_mismatch: false }) }
    }
}
