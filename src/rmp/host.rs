//! The host's instructions: RMPUPDATE, PSMASH, RMPREAD.

use core::fmt;

use super::table::REGION;
use super::{Entry, Loaded, PageAssignment, Permissions, Rmp, Table};
use crate::addr::{Asid, GuestPhysAddr, PAGE, PageSize, Vmpl};

/// The code of an instruction that changed nothing, in EAX (AMD APM volume 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum RmpFailure {
    /// FAIL_INPUT: an operand is not valid.
    Input = 1,
    /// FAIL_PERMISSION: whoever asks may not do it.
    Permission = 2,
    /// FAIL_INUSE: a vCPU that runs uses the page, or another processor is changing its entry.
    InUse = 3,
    /// FAIL_OVERLAP: a 2 MiB page over assigned 4 KiB pages, or the other way round.
    Overlap = 4,
    /// FAIL_SIZEMISMATCH: the entry has another size.
    SizeMismatch = 6,
    /// FAIL_BADADDR: no 2 MiB page that PSMASH could take apart. (AMD's first Linux patches had 4 for it.)
    BadAddress = 7,
}

impl RmpFailure {
    /// The code.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for RmpFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Input => "FAIL_INPUT",
            Self::Permission => "FAIL_PERMISSION",
            Self::InUse => "FAIL_INUSE",
            Self::Overlap => "FAIL_OVERLAP",
            Self::SizeMismatch => "FAIL_SIZEMISMATCH",
            Self::BadAddress => "FAIL_BADADDR",
        };
        write!(f, "{} ({name})", self.code())
    }
}

impl core::error::Error for RmpFailure {}

/// The first page of a page's 2 MiB region.
pub(super) const fn region(page: u64) -> u64 {
    page & !(REGION - 1)
}

impl<T: Table + ?Sized> Rmp<'_, T> {
    /// RMPUPDATE: gives a page to the hypervisor, the firmware or a guest. `running` is the ASID of who executes it, which
    /// must be the host's; `spa` is the page's system physical address.
    ///
    /// The order of checks is MODEL: who executes it, the operands, whether the table covers the page, whether it is in use, whether the
    /// firmware holds it, overlaps. So is the strictness of the operands: a page of nobody has no ASID, one of the firmware has the GPA 0
    /// (its own states stand there), and ASSIGNED without ASID and IMMUTABLE is refused.
    ///
    /// # Errors
    /// [`RmpFailure`]; nothing was changed.
    pub fn rmpupdate(
        &self,
        running: Asid,
        spa: u64,
        operand: &[u8; PageAssignment::LEN],
    ) -> Result<(), RmpFailure> {
        if running != Asid::HOST {
            return Err(RmpFailure::Permission);
        }
        let new = PageAssignment::from_bytes(operand).ok_or(RmpFailure::Input)?;
        let bytes = new.page_size.bytes() as u64;
        let is_owner = match (new.assigned, new.asid == Asid::HOST, new.immutable) {
            (false, true, false) => true,
            (true, true, true) => new.gpa == 0,
            (true, false, _) => new.asid.get() <= self.max_asid,
            _ => false,
        };
        let is_aligned = spa.is_multiple_of(bytes) && new.gpa.is_multiple_of(bytes);
        if !is_owner || !is_aligned {
            return Err(RmpFailure::Input);
        }
        let gpa = GuestPhysAddr::new(new.gpa).map_err(|_| RmpFailure::Input)?;
        let page = spa / PAGE as u64;
        match new.page_size {
            PageSize::Size4K => self.assign_4k(page, &new, gpa),
            PageSize::Size2M => self.assign_2m(page, &new, gpa),
        }
    }

    /// An entry that is covered and that nobody is changing.
    fn entry(&self, page: u64) -> Result<Entry, RmpFailure> {
        match self.table.load(page) {
            Loaded::Entry(entry) => Ok(entry),
            Loaded::Busy => Err(RmpFailure::InUse),
            Loaded::NotCovered => Err(RmpFailure::Input),
        }
    }

    /// What may change its owner.
    fn changeable(&self, page: u64) -> Result<Entry, RmpFailure> {
        let entry = self.entry(page)?;
        if entry.in_use() {
            return Err(RmpFailure::InUse);
        }
        if entry.immutable() { Err(RmpFailure::Permission) } else { Ok(entry) }
    }

    fn assign_4k(
        &self,
        page: u64,
        new: &PageAssignment,
        gpa: GuestPhysAddr,
    ) -> Result<(), RmpFailure> {
        let first = region(page);
        let old = self.changeable(page)?;
        if first == page {
            if old.assigned() && old.page_size() == PageSize::Size2M {
                return Err(RmpFailure::Overlap);
            }
            let assigned = assign(old, new, gpa).with_subpage_count(old.subpage_count());
            return self.replace(page, old, assigned);
        }
        let head = self.entry(first)?;
        if head.assigned() && head.page_size() == PageSize::Size2M {
            return Err(RmpFailure::Overlap);
        }
        let count = match (old.assigned(), new.assigned) {
            (false, true) => head.subpage_count().saturating_add(1),
            (true, false) => head.subpage_count().saturating_sub(1),
            _ => return self.replace(page, old, assign(old, new, gpa)),
        };
        // Whoever has the region's first entry may change the count, and nobody else can make one page of the region.
        if !self.table.acquire(first, head) {
            return Err(RmpFailure::InUse);
        }
        let done = self.replace(page, old, assign(old, new, gpa));
        let head = if done.is_ok() { head.with_subpage_count(count) } else { head };
        self.table.release(first, head);
        done
    }

    fn assign_2m(
        &self,
        page: u64,
        new: &PageAssignment,
        gpa: GuestPhysAddr,
    ) -> Result<(), RmpFailure> {
        let old = self.changeable(page)?;
        self.entry(page + REGION - 1)?;
        if !self.table.acquire(page, old) {
            return Err(RmpFailure::InUse);
        }
        let is_large = old.assigned() && old.page_size() == PageSize::Size2M;
        let is_free = || {
            let first = !old.assigned();
            let others = (1..REGION).map(|n| self.entry(page + n));
            others.fold(Ok(first), |free, entry| Ok(free? && !entry?.assigned()))
        };
        let verdict = match is_large || new.assigned {
            _ if is_large => Ok(true),
            _ => is_free(),
        };
        match verdict {
            Ok(true) => {
                let entry = assign(old, new, gpa).with_subpage_count(0);
                self.table.release(page, entry);
                Ok(())
            }
            Ok(false) => {
                self.table.release(page, old);
                Err(RmpFailure::Overlap)
            }
            Err(error) => {
                self.table.release(page, old);
                Err(error)
            }
        }
    }

    fn replace(&self, page: u64, old: Entry, new: Entry) -> Result<(), RmpFailure> {
        if self.table.compare_exchange(page, old, new) { Ok(()) } else { Err(RmpFailure::InUse) }
    }

    /// PSMASH: takes a 2 MiB page apart into 512 of 4 KiB, with the same owner, validity and permissions.
    ///
    /// MODEL: the order of checks, and that an immutable page is refused with FAIL_BADADDR.
    ///
    /// # Errors
    /// [`RmpFailure`]; nothing was changed.
    pub fn psmash(&self, running: Asid, spa: u64) -> Result<(), RmpFailure> {
        if running != Asid::HOST {
            return Err(RmpFailure::Permission);
        }
        if !spa.is_multiple_of(PageSize::Size2M.bytes() as u64) {
            return Err(RmpFailure::Input);
        }
        let page = spa / PAGE as u64;
        let old = self.entry(page)?;
        if old.in_use() {
            return Err(RmpFailure::InUse);
        }
        if !old.assigned() || old.page_size() != PageSize::Size2M || old.immutable() {
            return Err(RmpFailure::BadAddress);
        }
        if !self.table.acquire(page, old) {
            return Err(RmpFailure::InUse);
        }
        let small = old.with_page_size(PageSize::Size4K);
        for n in 1..REGION {
            // Nobody looks at these entries while the first one speaks for all.
            if let Loaded::Entry(stale) = self.table.load(page + n) {
                let gpa = old.gpa().get() + n * PAGE as u64;
                let gpa = GuestPhysAddr::new(gpa).unwrap_or_default();
                let _ = self.table.compare_exchange(page + n, stale, small.with_gpa(gpa));
            }
        }
        self.table.release(page, small.with_subpage_count(REGION as u16 - 1));
        Ok(())
    }

    /// RMPREAD: what the table has of a page, in the documented form.
    ///
    /// # Errors
    /// [`RmpFailure`]
    pub fn rmpread(&self, running: Asid, spa: u64) -> Result<PageAssignment, RmpFailure> {
        if running != Asid::HOST {
            return Err(RmpFailure::Permission);
        }
        if !spa.is_multiple_of(PAGE as u64) {
            return Err(RmpFailure::Input);
        }
        let page = spa / PAGE as u64;
        let entry = self.entry(page)?;
        let head = self.entry(region(page))?;
        Ok(PageAssignment {
            gpa: entry.gpa().get(),
            assigned: entry.assigned(),
            page_size: entry.page_size(),
            hpage_region_status: !head.assigned() && head.subpage_count() > 0,
            immutable: entry.immutable(),
            asid: entry.asid(),
        })
    }

    /// VMRUN takes a page into use: RMPUPDATE and PSMASH leave it alone until [`release_page`](Self::release_page).
    ///
    /// # Errors
    /// [`RmpFailure::InUse`]: it is in use, or being changed; [`RmpFailure::Input`]: the table does not cover it.
    pub fn use_page(&self, spa: u64) -> Result<(), RmpFailure> {
        let page = spa / PAGE as u64;
        let entry = self.entry(page)?;
        if entry.in_use() {
            return Err(RmpFailure::InUse);
        }
        self.replace(page, entry, entry.with_in_use(true))
    }

    /// The exit behind [`use_page`](Self::use_page).
    ///
    /// # Errors
    /// [`RmpFailure::InUse`]: another processor is changing the entry; do it again. [`RmpFailure::Input`]: it was not in use.
    pub fn release_page(&self, spa: u64) -> Result<(), RmpFailure> {
        let page = spa / PAGE as u64;
        match self.entry(page)? {
            entry if entry.in_use() => self.replace(page, entry, entry.with_in_use(false)),
            _ => Err(RmpFailure::Input),
        }
    }
}

/// What RMPUPDATE makes of an entry: a page whose owner, place or size changes is not validated and no save area, and VMPL0
/// alone may use it.
fn assign(old: Entry, new: &PageAssignment, gpa: GuestPhysAddr) -> Entry {
    let is_same = old.assigned() == new.assigned
        && old.asid() == new.asid
        && old.gpa() == gpa
        && old.page_size() == new.page_size
        && new.asid != Asid::HOST;
    let kept = if is_same {
        old
    } else {
        Entry::default().with_permissions(Vmpl::VMPL0, Permissions::FULL)
    };
    // A page that is given back has no size.
    let size = if new.assigned { new.page_size } else { PageSize::Size4K };
    kept.with_assigned(new.assigned)
        .with_page_size(size)
        .with_immutable(new.immutable)
        .with_lock(new.immutable)
        .with_gpa(gpa)
        .with_asid(new.asid)
}
