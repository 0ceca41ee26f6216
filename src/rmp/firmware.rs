//! What the firmware does to entries, past RMPUPDATE (AMD's published firmware, `sev_rmp.c` and `sev_mcmd.c`).
//!
//! A command looks pages up ([`Rmp::page`]), checks all of them, and then replaces their entries, all or none
//! ([`Rmp::replace_pages`]).

use core::ops::Range;

use super::host::{Held, recount};
use super::table::{REGION, region};
use super::{Entry, Loaded, PageState, Permissions, Rmp, RmpFailure, Table};
use crate::addr::{Asid, GuestPhysAddr, PAGE, PageSize, PhysAddr, Vmpl};
use crate::status::Status;

/// A page as the firmware finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirmwarePage {
    /// Its state: [`PageState::Default`] where the table does not cover it.
    pub state: PageState,
    /// PAGE_SIZE of its entry: 4 KiB where there is none.
    pub size: PageSize,
    /// Its own entry, also inside of a 2 MiB page: zero where there is none.
    pub entry: Entry,
}

/// A change of a page's entry, for [`Rmp::replace_pages`].
#[derive(Clone, Copy, Debug)]
pub struct PageChange {
    page: u64,
    old: Entry,
    new: Entry,
    /// The first entry of the page's region, if it was taken for this page and the next ones of the region.
    head: Option<Entry>,
    /// The page's own entry, if it was taken.
    own: Option<Entry>,
}

impl PageChange {
    /// The page at a system physical address shall have the entry `new`, if it still has `old`. SUBPAGE_COUNT of either is not
    /// looked at: the table keeps it itself, also where ASSIGNED changes. PAGE_SIZE of both must be the same.
    #[must_use]
    pub const fn new(spa: u64, old: Entry, new: Entry) -> Self {
        Self { page: spa / PAGE as u64, old, new, head: None, own: None }
    }
}

/// The operand of PAGE_RECLAIM (AMD 56860, SNP_PAGE_RECLAIM): an address whose bit 0 tells the page's size.
///
/// ```
/// use sevcrypt::rmp::PageReclaim;
/// use sevcrypt::{PageSize, Status};
///
/// let page = PageReclaim::parse(0x20_0001)?;
/// assert_eq!((page.spa, page.size), (0x20_0000, PageSize::Size2M));
/// assert_eq!(PageReclaim::parse(0x20_0002), Err(Status::INVALID_PARAM));
/// # Ok::<(), Status>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageReclaim {
    /// The page's system physical address.
    pub spa: u64,
    /// Its size.
    pub size: PageSize,
}

impl PageReclaim {
    /// From the operand: the first check of the command, before that of the platform's state.
    ///
    /// # Errors
    /// [`Status::INVALID_PARAM`] if one of the bits 11 to 1 is set.
    pub const fn parse(operand: u64) -> Result<Self, Status> {
        if operand & 0xffe != 0 {
            return Err(Status::INVALID_PARAM);
        }
        let size = if operand & 1 == 1 { PageSize::Size2M } else { PageSize::Size4K };
        Ok(Self { spa: operand & !1, size })
    }
}

/// What commands make of entries. SUBPAGE_COUNT, PAGE_SIZE and the permissions stay where nothing else is said.
impl Entry {
    /// FIRMWARE: of METADATA, CONTEXT and of a page whose guest is gone.
    #[must_use]
    pub const fn into_firmware(self) -> Self {
        self.with_assigned(true)
            .with_immutable(true)
            .with_lock(true)
            .with_validated(false)
            .with_vmsa(false)
            .with_asid(Asid::HOST)
            .with_gpa(GuestPhysAddr::ZERO)
    }

    /// CONTEXT, of FIRMWARE (GCTX_CREATE).
    #[must_use]
    pub const fn into_context(self) -> Self {
        self.into_firmware().with_vmsa(true)
    }

    /// METADATA, of FIRMWARE (PAGE_MD_INIT, PAGE_SWAP_IN, PAGE_MOVE): the GPA field has the context's page number, of which 36
    /// bits are kept, and the firmware's mark 1 above it.
    ///
    /// ```
    /// use sevcrypt::PhysAddr;
    /// use sevcrypt::rmp::{Entry, PageState};
    ///
    /// let context = PhysAddr::new(0x10_0000)?;
    /// let entry = Entry::default().into_metadata(context);
    /// assert_eq!(entry.state(), PageState::Metadata);
    /// assert_eq!(entry.metadata_context(), Some(context));
    /// # Ok::<(), sevcrypt::AddressError>(())
    /// ```
    #[must_use]
    pub fn into_metadata(self, context: PhysAddr) -> Self {
        let number = (context.get() / PAGE as u64) & 0xf_ffff_ffff;
        let gpa = (number | 1 << 36) * PAGE as u64;
        self.into_firmware().with_gpa(GuestPhysAddr::new(gpa).unwrap_or_default())
    }

    /// The context that a METADATA page belongs to; `None` for any other page.
    #[must_use]
    pub fn metadata_context(self) -> Option<PhysAddr> {
        let spa = self.gpa().get() & 0xffff_ffff_f000;
        PhysAddr::new(spa).ok().filter(|_| self.state() == PageState::Metadata)
    }

    /// HV_FIXED, of FIRMWARE (PAGE_SET_STATE).
    #[must_use]
    pub const fn into_hv_fixed(self) -> Self {
        self.into_firmware().with_assigned(false).with_lock(false)
    }

    /// GUEST_VALID, of PRE_GUEST (LAUNCH_UPDATE): VMPL0 keeps its permissions; the others get those of the command.
    #[must_use]
    pub fn into_launched(self, [vmpl1, vmpl2, vmpl3]: [Permissions; 3], vmsa: bool) -> Self {
        self.with_immutable(false)
            .with_lock(false)
            .with_validated(true)
            .with_vmsa(vmsa)
            .with_permissions(Vmpl::VMPL1, vmpl1)
            .with_permissions(Vmpl::VMPL2, vmpl2)
            .with_permissions(Vmpl::VMPL3, vmpl3)
    }

    /// Out of the firmware's hands (PAGE_RECLAIM, and buffers at the end of a command): METADATA and FIRMWARE to RECLAIM, PRE_GUEST to
    /// GUEST_INVALID, PRE_SWAP to GUEST_VALID. `None` for another state.
    #[must_use]
    pub fn reclaimed(self) -> Option<Self> {
        let mutable = self.with_immutable(false).with_lock(false);
        match self.state() {
            PageState::Firmware | PageState::PreGuest | PageState::PreSwap => Some(mutable),
            PageState::Metadata => {
                let untagged = self.gpa().get() & 0xffff_ffff_f000;
                Some(mutable.with_gpa(GuestPhysAddr::new(untagged).unwrap_or_default()))
            }
            _ => None,
        }
    }
}

impl<T: Table + ?Sized> Rmp<'_, T> {
    /// The firmware's look-up of a page.
    ///
    /// # Errors
    /// [`Status::IN_USE`] (MODEL): another processor is changing the entry. Do the command again.
    pub fn page(&self, spa: u64) -> Result<FirmwarePage, Status> {
        match self.table.load(spa / PAGE as u64) {
            Loaded::Entry(entry) => {
                Ok(FirmwarePage { state: entry.state(), size: entry.page_size(), entry })
            }
            Loaded::NotCovered => Ok(FirmwarePage {
                state: PageState::Default,
                size: PageSize::Size4K,
                entry: Entry::default(),
            }),
            Loaded::Busy => Err(Status::IN_USE),
        }
    }

    /// Replaces a page's entry: [`replace_pages`](Self::replace_pages) with one [`PageChange`].
    ///
    /// # Errors
    /// As `replace_pages`; nothing was changed.
    pub fn replace_page(&self, spa: u64, old: Entry, new: Entry) -> Result<(), Status> {
        self.replace_pages(&mut [PageChange::new(spa, old, new)], || Ok(()))
    }

    /// Replaces the entries of several pages: all of them, or none. Nobody sees some of them replaced and others not: from before
    /// the first one until it is replaced, each is [`Loaded::Busy`]. `meanwhile` runs when all are, and can write to the pages: where
    /// it fails, none is replaced. The changes are sorted by address.
    ///
    /// ```
    /// use sevcrypt::rmp::{AtomicEntry, PageAssignment, PageChange, PageState, Rmp};
    /// use sevcrypt::{Asid, Status};
    ///
    /// let entries: Vec<AtomicEntry> = (0..512).map(|_| AtomicEntry::default()).collect();
    /// let rmp = Rmp::new(&entries[..], 99);
    /// rmp.rmpupdate(Asid::HOST, 0x5000, &PageAssignment::FIRMWARE.to_bytes())?;
    /// let [firmware, free] = [0x5000, 0x6000].map(|spa| rmp.page(spa).map(|page| page.entry));
    /// let (firmware, free) = (firmware?, free?);
    /// let fixed = |spa, old| PageChange::new(spa, old, firmware.into_hv_fixed());
    ///
    /// let late = rmp.replace_pages(&mut [fixed(0x5000, firmware), fixed(0x6000, firmware)], || Ok(()));
    /// assert_eq!(late, Err(Status::INVALID_PAGE_STATE), "the second one is free");
    /// assert_eq!(rmp.page(0x5000)?.state, PageState::Firmware);
    /// rmp.replace_pages(&mut [fixed(0x5000, firmware), fixed(0x6000, free)], || Ok(()))?;
    /// assert_eq!(rmp.page(0x5000)?.state, PageState::HvFixed);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Nothing was changed: [`Status::INVALID_PAGE_STATE`] if an entry is another one by now, or a page is named twice;
    /// [`Status::INVALID_ADDRESS`] if there is none; [`Status::INVALID_PAGE_SIZE`] if the sizes differ, or the page is inside of a 2 MiB one;
    /// [`Status::IN_USE`] (MODEL) if another processor is changing one of the regions; what `meanwhile`
    /// says.
    pub fn replace_pages(
        &self,
        changes: &mut [PageChange],
        meanwhile: impl FnOnce() -> Result<(), Status>,
    ) -> Result<(), Status> {
        changes.sort_unstable_by_key(|change| change.page);
        if changes.iter().any(|change| change.old.page_size() != change.new.page_size()) {
            return Err(Status::INVALID_PAGE_SIZE);
        }
        if changes.windows(2).any(|two| matches!(two, [a, b] if a.page == b.page)) {
            return Err(Status::INVALID_PAGE_STATE);
        }
        let is_same_region = |a: &PageChange, b: &PageChange| region(a.page) == region(b.page);
        let mut regions = changes.chunk_by_mut(is_same_region);
        let result =
            regions.try_for_each(|changes| self.take_pages(changes)).and_then(|()| meanwhile());
        for changes in changes.chunk_by_mut(is_same_region) {
            self.give_back(changes, result.is_ok());
        }
        result
    }

    /// Takes a region, and the pages of it that are to be changed. Where it fails, some of them are taken.
    fn take_pages(&self, changes: &mut [PageChange]) -> Result<(), Status> {
        let Some(first) = changes.first_mut() else { return Ok(()) };
        let head_page = region(first.page);
        let head = self.hold(head_page).map_err(status)?.keep();
        first.head = Some(head);
        for change in changes {
            let found = if change.page == head_page {
                head
            } else {
                match self.table.load(change.page) {
                    Loaded::Entry(_) if head.is_large() => return Err(Status::INVALID_PAGE_SIZE),
                    Loaded::Entry(found) => found,
                    Loaded::Busy => return Err(Status::IN_USE),
                    Loaded::NotCovered => return Err(Status::INVALID_ADDRESS),
                }
            };
            if found.with_subpage_count(0) != change.old.with_subpage_count(0) {
                return Err(Status::INVALID_PAGE_STATE);
            }
            // A guest can change an entry of its own without taking the region.
            if change.page != head_page && !self.table.acquire(change.page, found) {
                return Err(Status::IN_USE);
            }
            change.own = Some(found);
        }
        Ok(())
    }

    /// Gives back what [`take_pages`](Self::take_pages) has taken: changed, or as it was.
    fn give_back(&self, changes: &mut [PageChange], is_changed: bool) {
        let Some((first, head)) =
            changes.first().and_then(|change| Some((change.page, change.head?)))
        else {
            return;
        };
        let mut head = Held::new(self.table, region(first), head);
        for change in changes {
            let Some(old) = change.own.take() else { continue };
            let new = if is_changed { change.new } else { old };
            let new = new.with_subpage_count(old.subpage_count());
            if change.page != region(first) {
                head.entry = recount(head.entry, old, new);
                self.table.release(change.page, new);
            } else if old.is_large() && !new.assigned() {
                // Nobody's pages have no size.
                let small = new.with_page_size(PageSize::Size4K).with_subpage_count(0);
                head.each_other(|_, _| small);
                head.entry = small;
            } else {
                head.entry = new.with_subpage_count(head.entry.subpage_count());
            }
        }
    }

    /// PAGE_RECLAIM's checks and its effect, behind [`PageReclaim::parse`] and the check that SNP is initialised.
    ///
    /// ```
    /// use sevcrypt::rmp::{AtomicEntry, PageAssignment, PageReclaim, PageState, Rmp};
    /// use sevcrypt::{Asid, Status};
    ///
    /// let entries: Vec<AtomicEntry> = (0..1024).map(|_| AtomicEntry::default()).collect();
    /// let rmp = Rmp::new(&entries[..], 99).placed(&[]); // the table itself lies elsewhere
    /// rmp.rmpupdate(Asid::HOST, 0x5000, &PageAssignment::FIRMWARE.to_bytes())?;
    ///
    /// rmp.page_reclaim(PageReclaim::parse(0x5000)?)?;
    /// assert_eq!(rmp.page(0x5000)?.state, PageState::Reclaim);
    ///
    /// // The firmware does not give back what it has made a guest's context of.
    /// rmp.rmpupdate(Asid::HOST, 0x6000, &PageAssignment::FIRMWARE.to_bytes())?;
    /// let firmware = rmp.page(0x6000)?.entry;
    /// rmp.replace_page(0x6000, firmware, firmware.into_context())?;
    /// assert_eq!(rmp.page(0x6000)?.state, PageState::Context);
    /// assert_eq!(rmp.page_reclaim(PageReclaim::parse(0x6000)?), Err(Status::INVALID_PAGE_STATE));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Nothing was changed. In this order: [`Status::INVALID_ADDRESS`] above 2^52; [`Status::INVALID_PARAM`] in the RMP itself
    /// ([`Rmp::placed`]) or where nothing is covered (MODEL: the code for the latter); [`Status::INVALID_PAGE_SIZE`]; [`Status::INVALID_ADDRESS`]
    /// for a 2 MiB page that is not aligned; [`Status::INVALID_PAGE_STATE`]. [`Status::IN_USE`] (MODEL): another processor is
    /// changing the entry.
    pub fn page_reclaim(&self, page: PageReclaim) -> Result<(), Status> {
        let PageReclaim { spa, size } = page;
        let bytes = size.bytes() as u64;
        if spa.checked_add(bytes).is_none_or(|end| end > 1 << PhysAddr::BITS) {
            return Err(Status::INVALID_ADDRESS);
        }
        let found = self.page(spa)?;
        if self.is_own(spa..spa + bytes) || found.state == PageState::Default {
            return Err(Status::INVALID_PARAM);
        }
        if found.size != size {
            return Err(Status::INVALID_PAGE_SIZE);
        }
        if !spa.is_multiple_of(bytes) {
            return Err(Status::INVALID_ADDRESS);
        }
        if !found.entry.immutable() {
            return Ok(());
        }
        let new = found.entry.reclaimed().ok_or(Status::INVALID_PAGE_STATE)?;
        self.replace_page(spa, found.entry, new)
    }

    /// PAGE_UNSMASH's first check, before that of the platform's state: a 2 MiB page begins there. The address.
    ///
    /// # Errors
    /// [`Status::INVALID_PARAM`]
    pub const fn unsmash_address(operand: u64) -> Result<u64, Status> {
        if operand.is_multiple_of(2 << 20) { Ok(operand) } else { Err(Status::INVALID_PARAM) }
    }

    /// PAGE_UNSMASH's further checks and its effect: 512 pages of 4 KiB, all of one guest, immutable, in the same state, with the
    /// same permissions and consecutive GPAs, become one of 2 MiB.
    ///
    /// # Errors
    /// Nothing was changed. In this order: [`Status::INVALID_ADDRESS`] for a region that the RMP itself stands in, or that is not
    /// covered (MODEL: the latter); [`Status::INVALID_PAGE_STATE`]. [`Status::IN_USE`] (MODEL): another processor is changing the region.
    pub fn page_unsmash(&self, spa: u64) -> Result<(), Status> {
        Self::unsmash_address(spa)?;
        let bytes = PageSize::Size2M.bytes() as u64;
        if spa.checked_add(bytes).is_none_or(|end| self.is_own(spa..end)) {
            return Err(Status::INVALID_ADDRESS);
        }
        let first = spa / PAGE as u64;
        let covered = |failure| match failure {
            RmpFailure::Input => Status::INVALID_ADDRESS,
            failure => status(failure),
        };
        let mut head = self.hold(first).map_err(covered)?;
        // Whether a page is in use is no matter here.
        let entry = head.entry.with_subpage_count(0).with_in_use(false);
        let is_guest = matches!(entry.state(), PageState::PreGuest | PageState::PreSwap);
        let is_large = entry.page_size() == PageSize::Size2M;
        let is_aligned = entry.gpa().get().is_multiple_of(bytes);
        let mut is_whole = is_guest && !is_large && !entry.vmsa() && is_aligned;
        for n in 1..REGION {
            let gpa = entry.gpa().get() + n * PAGE as u64;
            let expected = entry.with_gpa(GuestPhysAddr::new(gpa).unwrap_or_default());
            let found = head.of(first + n).map_err(covered)?;
            is_whole &= found.with_in_use(false) == expected;
        }
        if !is_whole {
            return Err(Status::INVALID_PAGE_STATE);
        }
        head.each_other(|_, other| {
            other.with_asid(Asid::HOST).with_immutable(false).with_lock(false)
        });
        head.entry = head.entry.with_subpage_count(0).with_page_size(PageSize::Size2M);
        Ok(())
    }

    /// SNP_INIT's filling of the table: `dram` becomes HYPERVISOR, whatever is no memory or in `fixed` HV_FIXED, also the
    /// ASEG (A_0000h to B_FFFFh) and FD_0000_0000h to FD_FFFF_FFFFh; the RMP itself ([`Rmp::placed`]) FIRMWARE. Ranges are of system
    /// physical addresses; a page that is in a range with one byte is in it, but is memory with all its bytes only.
    ///
    /// ```
    /// use sevcrypt::Status;
    /// use sevcrypt::rmp::{AtomicEntry, PageState, Rmp};
    ///
    /// let entries: Vec<AtomicEntry> = (0..1024).map(|_| AtomicEntry::default()).collect();
    /// let rmp = Rmp::new(&entries[..], 99);
    /// rmp.initialise(&[0..0x40_0000], &[0x1000..0x2000])?;
    /// assert_eq!(rmp.page(0x1000)?.state, PageState::HvFixed);
    /// assert_eq!(rmp.page(0x2000)?.state, PageState::Hypervisor);
    ///
    /// let region = Rmp::<[AtomicEntry]>::unsmash_address(0x20_0000)?;
    /// assert_eq!(rmp.page_unsmash(region), Err(Status::INVALID_PAGE_STATE), "no guest's pages");
    /// # Ok::<(), Status>(())
    /// ```
    ///
    /// # Errors
    /// [`Status::IN_USE`] (MODEL): another processor changes entries meanwhile; the table is partly filled.
    pub fn initialise(&self, dram: &[Range<u64>], fixed: &[Range<u64>]) -> Result<(), Status> {
        let all_fixed = fixed.iter().chain(&FIXED);
        let state = |page: u64| {
            let bytes = page * PAGE as u64..(page + 1) * PAGE as u64;
            let is_memory = dram.iter().any(|range| contains(range, &bytes));
            if self.is_own(bytes.clone()) {
                Entry::default().into_firmware()
            } else if !is_memory || all_fixed.clone().any(|range| overlap(range, &bytes)) {
                Entry::default().with_immutable(true)
            } else {
                Entry::default()
            }
        };
        let mut next = self.table.next_covered(0);
        while let Some(first) = next.map(region) {
            let mut head = self.hold(first).map_err(status)?;
            let mut count = 0;
            for page in first + 1..first + REGION {
                let old = match self.table.load(page) {
                    Loaded::Entry(old) => old,
                    Loaded::NotCovered => break,
                    Loaded::Busy => return Err(Status::IN_USE),
                };
                let new = state(page).with_in_use(old.in_use());
                if !self.table.compare_exchange(page, old, new) {
                    return Err(Status::IN_USE);
                }
                count += u16::from(new.assigned());
            }
            let in_use = head.entry.in_use();
            head.entry = state(first).with_subpage_count(count).with_in_use(in_use);
            next = self.table.next_covered(first + REGION);
        }
        Ok(())
    }

    fn is_own(&self, bytes: Range<u64>) -> bool {
        self.own.iter().any(|own| overlap(own, &bytes))
    }
}

/// What is never a guest's: the ASEG, and what firmware keeps apart at FD_0000_0000h.
const FIXED: [Range<u64>; 2] = [0xa_0000..0xc_0000, 0xfd_0000_0000..0xfe_0000_0000];

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

fn contains(range: &Range<u64>, bytes: &Range<u64>) -> bool {
    range.start <= bytes.start && bytes.end <= range.end
}

/// What the firmware says where RMPUPDATE gives a code.
const fn status(failure: RmpFailure) -> Status {
    match failure {
        RmpFailure::Input => Status::INVALID_ADDRESS,
        _ => Status::IN_USE,
    }
}
