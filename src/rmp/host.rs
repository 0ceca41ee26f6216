//! The host's instructions: RMPUPDATE, PSMASH, RMPREAD.

use core::fmt;

use super::table::{REGION, region};
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

/// An entry that this thread has taken. It stands at the beginning of a region: whoever has it, and nobody else, changes owners in
/// the region. Dropped, it is given back as it is by then.
pub(super) struct Held<'t, T: Table + ?Sized> {
    table: &'t T,
    page: u64,
    pub(super) entry: Entry,
}

impl<T: Table + ?Sized> Drop for Held<'_, T> {
    fn drop(&mut self) {
        self.table.release(self.page, self.entry);
    }
}

impl<'t, T: Table + ?Sized> Held<'t, T> {
    /// An entry that [`keep`](Self::keep) has kept.
    pub(super) const fn new(table: &'t T, page: u64, entry: Entry) -> Self {
        Self { table, page, entry }
    }

    /// Keeps the entry beyond this: it has to come back to [`new`](Self::new).
    pub(super) fn keep(self) -> Entry {
        let entry = self.entry;
        core::mem::forget(self);
        entry
    }

    /// The entry of a page of the region.
    pub(super) fn of(&self, page: u64) -> Result<Entry, RmpFailure> {
        if page == self.page {
            return Ok(self.entry);
        }
        match self.table.load(page) {
            Loaded::Entry(entry) => Ok(entry),
            Loaded::Busy => Err(RmpFailure::InUse),
            Loaded::NotCovered => Err(RmpFailure::Input),
        }
    }

    /// Replaces the entry of a page of the region, and counts it.
    pub(super) fn replace(&mut self, page: u64, old: Entry, new: Entry) -> Result<(), RmpFailure> {
        if page == self.page {
            self.entry = new.with_subpage_count(old.subpage_count());
            return Ok(());
        }
        if !self.table.compare_exchange(page, old, new) {
            return Err(RmpFailure::InUse);
        }
        self.entry = recount(self.entry, old, new);
        Ok(())
    }

    /// Changes all other entries of the region, which guests cannot do meanwhile: none of these entries has an ASID, or all are
    /// immutable.
    pub(super) fn each_other(&self, new: impl Fn(u64, Entry) -> Entry) {
        for n in 1..REGION {
            if let Loaded::Entry(old) = self.table.load(self.page + n) {
                let is_done = self.table.compare_exchange(self.page + n, old, new(n, old));
                debug_assert!(is_done, "nobody else changes owners here");
            }
        }
    }
}

/// The first entry of a region, with the count behind a change of another one.
pub(super) fn recount(head: Entry, old: Entry, new: Entry) -> Entry {
    let count = head.subpage_count();
    head.with_subpage_count(match (old.assigned(), new.assigned()) {
        (false, true) => count.saturating_add(1),
        (true, false) => count.saturating_sub(1),
        _ => count,
    })
}

impl<T: Table + ?Sized> Rmp<'_, T> {
    /// RMPUPDATE: gives a page to the hypervisor, the firmware or a guest. `running` is the ASID of who executes it, which
    /// must be the host's; `spa` is the page's system physical address.
    ///
    /// The order of checks is MODEL: who executes it, the operands, whether the table covers the page, whether it is in use, whether it is
    /// immutable, overlaps. So is the strictness of the operands: a page of nobody has no ASID, one of the firmware has the GPA 0
    /// (its own states stand there), and ASSIGNED without ASID and IMMUTABLE is refused. So is FAIL_PERMISSION for a 2 MiB page that would
    /// cover a page of HV_FIXED.
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
        // A GPA is the same as before if what is stored of it is.
        let gpa = Entry::default().with_gpa(gpa).gpa();
        let page = spa / PAGE as u64;
        let mut head = self.hold(region(page))?;
        match new.page_size {
            PageSize::Size4K => {
                let old = head.of(page)?;
                if old.in_use() {
                    return Err(RmpFailure::InUse);
                }
                if old.immutable() {
                    return Err(RmpFailure::Permission);
                }
                if head.entry.is_large() {
                    return Err(RmpFailure::Overlap);
                }
                head.replace(page, old, assign(old, &new, gpa))
            }
            PageSize::Size2M => {
                may_assign(&head)?;
                let old = head.entry;
                head.entry = assign(old, &new, gpa).with_subpage_count(0);
                // A page of 2 MiB has all entries of its region: the others are assigned, to nobody.
                match (old.is_large(), new.assigned) {
                    (false, true) => head.each_other(|_, other| other.with_assigned(true)),
                    (true, false) => head.each_other(|_, other| assign(other, &new, gpa)),
                    _ => {}
                }
                Ok(())
            }
        }
    }

    /// Takes a region, to change owners in it.
    pub(super) fn hold(&self, first: u64) -> Result<Held<'_, T>, RmpFailure> {
        let entry = match self.table.load(first) {
            Loaded::Entry(entry) => entry,
            Loaded::Busy => return Err(RmpFailure::InUse),
            Loaded::NotCovered => return Err(RmpFailure::Input),
        };
        if self.table.acquire(first, entry) {
            Ok(Held { table: self.table, page: first, entry })
        } else {
            Err(RmpFailure::InUse)
        }
    }

    /// PSMASH: takes a 2 MiB page apart into 512 of 4 KiB, with the same owner, validity and permissions.
    ///
    /// MODEL: the order of checks, and that an immutable page is refused with FAIL_BADADDR.
    ///
    /// ```
    /// use sevcrypt::rmp::{AtomicEntry, PageAssignment, Rmp, RmpFailure};
    /// use sevcrypt::{Asid, GuestPhysAddr, PageSize};
    ///
    /// let entries: Vec<AtomicEntry> = (0..1024).map(|_| AtomicEntry::default()).collect();
    /// let rmp = Rmp::new(&entries[..], 99);
    /// // A page of 2 MiB becomes 512 of 4 KiB.
    /// let gpa = GuestPhysAddr::new(0x20_0000)?;
    /// let large = PageAssignment::guest(Asid::new(5), gpa, PageSize::Size2M);
    /// rmp.rmpupdate(Asid::HOST, 0x20_0000, &large.to_bytes())?;
    /// rmp.psmash(Asid::HOST, 0x20_0000)?;
    /// let second = rmp.rmpread(Asid::HOST, 0x20_1000)?;
    /// assert_eq!((second.gpa, second.page_size), (0x20_1000, PageSize::Size4K));
    /// assert_eq!(PageAssignment::from_bytes(&second.to_bytes()), Some(second));
    /// assert_eq!(rmp.psmash(Asid::new(5), 0x20_0000), Err(RmpFailure::Permission), "a guest may not");
    ///
    /// // Pages that the processor itself uses stay where they are.
    /// rmp.use_page(0x20_1000)?;
    /// let free = PageAssignment::HYPERVISOR.to_bytes();
    /// assert_eq!(rmp.rmpupdate(Asid::HOST, 0x20_1000, &free), Err(RmpFailure::InUse));
    /// rmp.release_page(0x20_1000)?;
    /// rmp.rmpupdate(Asid::HOST, 0x20_1000, &free)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
        let mut head = self.hold(spa / PAGE as u64)?;
        if !head.entry.is_large() || head.entry.immutable() {
            return Err(RmpFailure::BadAddress);
        }
        let small = head.entry.with_page_size(PageSize::Size4K);
        head.each_other(|n, old| {
            let gpa = small.gpa().get() + n * PAGE as u64;
            let gpa = GuestPhysAddr::new(gpa).unwrap_or_default();
            small.with_gpa(gpa).with_in_use(old.in_use())
        });
        head.entry = small.with_subpage_count(REGION as u16 - 1);
        Ok(())
    }

    /// RMPREAD: what the table has of a page, in the documented form. Inside of a 2 MiB page that is the page's own entry: assigned, to nobody
    /// (MODEL).
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

    fn entry(&self, page: u64) -> Result<Entry, RmpFailure> {
        match self.table.load(page) {
            Loaded::Entry(entry) => Ok(entry),
            Loaded::Busy => Err(RmpFailure::InUse),
            Loaded::NotCovered => Err(RmpFailure::Input),
        }
    }

    /// VMRUN takes a page into use, a VMCB, a save area or the backing page of an AVIC: RMPUPDATE leaves it alone until
    /// [`release_page`](Self::release_page).
    ///
    /// # Errors
    /// [`RmpFailure::InUse`]: it is in use, or another processor is changing owners in its region; [`RmpFailure::Input`]: the table does not
    /// cover it.
    pub fn use_page(&self, spa: u64) -> Result<(), RmpFailure> {
        self.set_in_use(spa / PAGE as u64, true)
    }

    /// The exit behind [`use_page`](Self::use_page).
    ///
    /// # Errors
    /// [`RmpFailure::InUse`]: another processor is changing the region; do it again. [`RmpFailure::Input`]: it was not in use.
    pub fn release_page(&self, spa: u64) -> Result<(), RmpFailure> {
        self.set_in_use(spa / PAGE as u64, false)
    }

    fn set_in_use(&self, page: u64, in_use: bool) -> Result<(), RmpFailure> {
        let mut head = self.hold(region(page))?;
        let old = head.of(page)?;
        if old.in_use() == in_use {
            return Err(if in_use { RmpFailure::InUse } else { RmpFailure::Input });
        }
        head.replace(page, old, old.with_in_use(in_use))
    }
}

/// Whether a region can have another owner as one page of 2 MiB.
fn may_assign<T: Table + ?Sized>(head: &Held<'_, T>) -> Result<(), RmpFailure> {
    let (mut in_use, mut fixed) = (head.entry.in_use(), head.entry.immutable());
    for n in 1..REGION {
        let other = head.of(head.page + n)?;
        in_use |= other.in_use();
        fixed |= !other.assigned() && other.immutable();
    }
    if in_use {
        return Err(RmpFailure::InUse);
    }
    if fixed {
        return Err(RmpFailure::Permission);
    }
    let has_small =
        !head.entry.is_large() && (head.entry.assigned() || head.entry.subpage_count() > 0);
    if has_small { Err(RmpFailure::Overlap) } else { Ok(()) }
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
