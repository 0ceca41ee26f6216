//! What the RMP says of an access (AMD APM volume 2, section 15.36.10).

use core::fmt;

use super::table::region;
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
    /// What a VMPL needs for it. A mask that allows writes and no reads is none: data accesses under it fail.
    const fn needs(self) -> Permissions {
        match self {
            Self::Read | Self::PageTable => Permissions::READ,
            Self::Write | Self::PageTableWrite => Permissions(0b11),
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
    /// The guest has not accepted the page: it gets #VC with the error code 404h, and CR2 has the virtual address.
    NotValidated,
    /// Its privilege level may not do that: the host gets a nested page fault.
    Vmpl {
        /// Bit 4 of the level's permissions.
        shadow_stack: bool,
    },
    /// The page is not the hypervisor's: #PF for the host, a nested page fault for a guest.
    NotHypervisor,
    /// Another processor is changing the entry: a fault that goes away by itself.
    Busy,
}

/// What EXITINFO1 tells beside the fault itself: how the access was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FaultContext {
    /// The access was private, C = 1: ENC.
    pub private: bool,
    /// It was to the guest's page tables, and not to the page that they lead to.
    pub table_walk: bool,
    /// VmplSSS is on for the vCPU (SEV_FEATURES).
    pub vmpl_sss: bool,
}

impl Fault {
    /// The error code of #VC for a page that is not validated.
    pub const VC_NOT_VALIDATED: u64 = 0x404;

    /// The bit of the host's #PF error code, and of EXITINFO1, that tells of the RMP.
    pub const RMP: u64 = 1 << 31;

    /// The bits from 31 up that a nested page fault has in EXITINFO1; `None` if it is no nested page fault.
    ///
    /// ```
    /// use sevcrypt::rmp::{Fault, FaultContext};
    ///
    /// let private = FaultContext { private: true, ..FaultContext::default() };
    /// let smash = Fault::Owner { size_mismatch: true };
    /// assert_eq!(smash.exitinfo1(private), Some(1 << 31 | 1 << 32 | 1 << 34 | 1 << 35));
    /// let shared = FaultContext::default();
    /// assert_eq!(Fault::NotHypervisor.exitinfo1(shared), Some(1 << 31 | 1 << 32));
    /// ```
    #[must_use]
    pub const fn exitinfo1(self, context: FaultContext) -> Option<u64> {
        let more = match self {
            Self::Owner { size_mismatch: true } => 1 << 35,
            Self::Owner { size_mismatch: false } | Self::NotHypervisor | Self::Busy => 0,
            Self::Vmpl { shadow_stack } if shadow_stack && context.vmpl_sss => 1 << 36 | 1 << 37,
            Self::Vmpl { .. } => 1 << 36,
            Self::NotValidated => return None,
        };
        let place = if context.table_walk { 1 << 33 } else { 1 << 32 };
        Some(Self::RMP | place | (context.private as u64) << 34 | more)
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
            Self::NotHypervisor => "page fault: the page is not the hypervisor's",
            Self::Busy => "page fault: the entry is being changed",
        })
    }
}

impl core::error::Error for Fault {}

/// A page that VMRUN or VMSAVE takes, or that the register VM_HSAVE_PA names (AMD APM volume 2, section 15.36).
///
/// The tables of AVIC, the permission maps and the nested page tables' root are not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostPage {
    /// The VMCB.
    Vmcb,
    /// What is written to VM_HSAVE_PA.
    HostSave,
    /// Where the host's VMSAVE stores.
    Vmsave,
    /// Where the VMSAVE of a plain guest stores, when it is virtualised. (In a guest with SEV-ES it just exits.)
    GuestVmsave,
    /// The backing page of an AVIC.
    AvicBacking,
    /// The save area of a guest with SEV-ES that has no SEV-SNP.
    EsVmsa,
}

/// How an instruction of virtualisation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VmFailure {
    /// #GP(0).
    GeneralProtection,
    /// VMRUN ends with VMEXIT_INVALID.
    VmexitInvalid,
    /// The guest exits with a nested page fault, bit 31 of EXITINFO1.
    NestedPageFault,
}

impl fmt::Display for VmFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GeneralProtection => "#GP(0): the page is not the hypervisor's",
            Self::VmexitInvalid => "VMEXIT_INVALID: the page cannot be used so",
            Self::NestedPageFault => "nested page fault: the page is not the hypervisor's",
        })
    }
}

impl core::error::Error for VmFailure {}

const DENIED: Fault = Fault::Owner { size_mismatch: false };

impl<T: Table + ?Sized> Rmp<'_, T> {
    /// The entry that speaks for a page, and its number: that of its region, if it is a page of 2 MiB.
    ///
    /// The other entries of such a region have no ASID: an entry with one speaks for itself.
    fn consulted(&self, page: u64) -> Result<Option<(u64, Entry)>, Fault> {
        let own = match self.table.load(page) {
            Loaded::Busy => return Err(Fault::Busy),
            Loaded::NotCovered => return Ok(None),
            Loaded::Entry(own) => own,
        };
        let first = region(page);
        if page == first || own.asid() != Asid::HOST {
            return Ok(Some((page, own)));
        }
        match self.table.load(first) {
            Loaded::Busy => Err(Fault::Busy),
            Loaded::Entry(head) if head.is_large() => Ok(Some((first, head))),
            _ => Ok(Some((page, own))),
        }
    }

    /// Covered, Guest-Owned, Reverse-Map, Mutable: the checks before that of the size.
    pub(super) fn owned(&self, guest: Guest, access: Access) -> Result<(u64, Entry), Fault> {
        let page = access.spa / PAGE as u64;
        match self.consulted(page)? {
            Some((number, entry)) if is_owned(entry, guest.asid, access.gpa, page - number) => {
                Ok((number, entry))
            }
            _ => Err(DENIED),
        }
    }

    /// Whether a private access (C = 1) of an SEV-SNP guest is done. Shared reads are never checked; shared writes are as the
    /// host's: [`check_host_write`](Self::check_host_write). Fetches and accesses to the guest's page tables are always private.
    ///
    /// # Errors
    /// [`Fault`]: the first check that fails, in the order Covered, Guest-Owned, Reverse-Map, Mutable, Page-Size, Validated, VMPL.
    #[inline]
    pub fn check(&self, guest: Guest, kind: Kind, access: Access) -> Result<(), Fault> {
        let page = access.spa / PAGE as u64;
        // One entry is enough. Under a mapping of 4 KiB it is the page's own: if a page of 2 MiB speaks for it, the sizes
        // differ, and the own entry has no ASID. Under one of 2 MiB it is the region's: if that is no page of 2 MiB, the sizes
        // differ.
        let number = match access.mapping {
            PageSize::Size4K => page,
            PageSize::Size2M => region(page),
        };
        let entry = match self.table.load(number) {
            Loaded::Entry(entry) => entry,
            Loaded::NotCovered => return Err(DENIED),
            Loaded::Busy => return Err(Fault::Busy),
        };
        let is_owned = is_owned(entry, guest.asid, access.gpa, page - number);
        if !is_owned || entry.page_size() != access.mapping {
            return Err(DENIED);
        }
        if !entry.validated() {
            return Err(Fault::NotValidated);
        }
        let allowed = entry.permissions(guest.vmpl);
        if !allowed.contains(kind.needs()) {
            return Err(Fault::Vmpl { shadow_stack: allowed.contains(Permissions::SHADOW_STACK) });
        }
        Ok(())
    }

    /// Hypervisor-Owned: whether a write is done of the host or a device, of a guest without SEV-SNP, or a shared one (C = 0) of a
    /// guest with it. So are accesses to the page tables of all of these, and to nested ones, with 4 KiB (for the nested tables of an SEV-SNP
    /// guest, MODEL). What the table does not cover is the hypervisor's; a mapping of 2 MiB must be so as a whole.
    ///
    /// # Errors
    /// [`Fault::NotHypervisor`], [`Fault::Busy`]
    #[inline]
    pub fn check_host_write(&self, spa: u64, mapping: PageSize) -> Result<(), Fault> {
        let page = spa / PAGE as u64;
        let number = match mapping {
            PageSize::Size4K => page,
            PageSize::Size2M => region(page),
        };
        match self.table.load(number) {
            Loaded::NotCovered => Ok(()),
            Loaded::Busy => Err(Fault::Busy),
            // Each entry of a 2 MiB page is assigned; the first one of other regions counts those of the others.
            Loaded::Entry(entry) => {
                let is_mixed = mapping == PageSize::Size2M && entry.subpage_count() > 0;
                if entry.assigned() || is_mixed { Err(Fault::NotHypervisor) } else { Ok(()) }
            }
        }
    }

    /// The check of a page of the host's that VMRUN, VMSAVE or VM_HSAVE_PA takes.
    ///
    /// ```
    /// use sevcrypt::rmp::{AtomicEntry, HostPage, PageAssignment, Rmp, VmFailure};
    /// use sevcrypt::{Asid, GuestPhysAddr, PageSize};
    ///
    /// let entries: Vec<AtomicEntry> = (0..1024).map(|_| AtomicEntry::default()).collect();
    /// let rmp = Rmp::new(&entries[..], 99);
    /// let gpa = GuestPhysAddr::new(0x9000)?;
    /// let guest = PageAssignment::guest(Asid::new(5), gpa, PageSize::Size4K);
    /// rmp.rmpupdate(Asid::HOST, 0x5000, &guest.to_bytes())?;
    ///
    /// // VMRUN takes a control block (VMCB) of the host's, no guest's page; the save area has to be the guest's own.
    /// assert_eq!(rmp.check_host_page(HostPage::Vmcb, 0x6000), Ok(()));
    /// assert!(rmp.check_host_page(HostPage::Vmcb, 0x5000).is_err());
    /// assert!(rmp.check_vmsa(Asid::new(5), 0x5000, gpa).is_err(), "it is no save area");
    /// Rmp::<[AtomicEntry]>::check_host_save(0x7000)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`VmFailure`]: how each of them fails if the page is not the hypervisor's (or its entry is being changed).
    pub fn check_host_page(&self, page: HostPage, spa: u64) -> Result<(), VmFailure> {
        self.check_host_write(spa, PageSize::Size4K).map_err(|_| match page {
            HostPage::Vmcb | HostPage::HostSave | HostPage::Vmsave => VmFailure::GeneralProtection,
            HostPage::AvicBacking | HostPage::EsVmsa => VmFailure::VmexitInvalid,
            HostPage::GuestVmsave => VmFailure::NestedPageFault,
        })
    }

    /// VMRUN's check of the register VM_HSAVE_PA: it was written.
    ///
    /// # Errors
    /// [`VmFailure::GeneralProtection`]
    pub const fn check_host_save(vm_hsave_pa: u64) -> Result<(), VmFailure> {
        if vm_hsave_pa == 0 { Err(VmFailure::GeneralProtection) } else { Ok(()) }
    }

    /// VMRUN's check of the save area of an SEV-SNP guest: its own page there, mutable, and a save area.
    ///
    /// # Errors
    /// [`VmFailure::VmexitInvalid`]
    pub fn check_vmsa(&self, asid: Asid, spa: u64, gpa: GuestPhysAddr) -> Result<(), VmFailure> {
        let guest = Guest { asid, vmpl: Vmpl::VMPL0 };
        let access = Access { spa, gpa, mapping: PageSize::Size4K };
        match self.owned(guest, access) {
            Ok((_, entry)) if entry.vmsa() => Ok(()),
            _ => Err(VmFailure::VmexitInvalid),
        }
    }
}

/// Guest-Owned, Reverse-Map, Mutable. `offset`: how many pages behind the entry's begin the access is.
#[inline]
fn is_owned(entry: Entry, asid: Asid, gpa: GuestPhysAddr, offset: u64) -> bool {
    // Of either, the bits that an entry stores.
    let stored = Entry::default().with_gpa(gpa).gpa();
    let is_here = entry.gpa().get() + offset * PAGE as u64 == stored.get();
    entry.assigned() && entry.asid() == asid && asid != Asid::HOST && is_here && !entry.immutable()
}
