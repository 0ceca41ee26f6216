//! The firmware's way to memory and to the RMP.

use core::ops::Range;
use std::vec::Vec;

use crate::addr::{Asid, PAGE, PageSize, PhysAddr};
use crate::platform::machine::Machine;
use crate::platform::memory::{AccessError, Dram, DramKey};
use crate::rmp::{AtomicEntry, Entry, FirmwarePage, PageChange, PageState, Rmp};
use crate::status::Status;

/// Memory and the RMP, as the firmware reaches them: past every check that the CPU makes of the host.
pub(crate) struct Bus<'m, D: Dram>(pub(crate) &'m Machine<D>);

/// Whose an entry is, for more than the page itself.
impl Entry {
    /// Whether the page may be a part of one of 2 MiB, whose entry speaks for it then: all but the first one of these are assigned to
    /// nobody, and mutable.
    pub(crate) const fn may_be_part(self) -> bool {
        self.assigned() && !self.immutable() && !self.is_guests()
    }

    /// Whether it is assigned to a guest.
    pub(crate) const fn is_guests(self) -> bool {
        self.assigned() && self.asid().get() > 0
    }
}

/// What a look at the RMP has shown of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LookedUp {
    /// The page.
    pub(crate) page: PhysAddr,
    /// Its state.
    pub(crate) state: PageState,
    /// Its entry as it was found.
    pub(crate) entry: Entry,
}

impl LookedUp {
    /// Whether the page is the firmware's to write: FIRMWARE, or no page of the RMP.
    pub(crate) fn is_firmware_or_default(&self) -> bool {
        matches!(self.state, PageState::Firmware | PageState::Default)
    }

    /// Whether the RMP has it with that size; a page that it does not cover has none.
    pub(crate) fn has_size(&self, size: PageSize) -> bool {
        self.state != PageState::Default && self.entry.page_size() == size
    }
}

impl<'m, D: Dram> Bus<'m, D> {
    /// The RMP.
    pub(crate) fn rmp(&self) -> Rmp<'m, [AtomicEntry]> {
        self.0.rmp()
    }

    /// Checks that memory has the bytes from an address on.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`.
    pub(crate) fn check_range(&self, paddr: u64, len: usize) -> Result<PhysAddr, Status> {
        let addr = PhysAddr::new(paddr).map_err(|_| Status::INVALID_ADDRESS)?;
        let has = self.0.memory().dram().holds(addr, len as u64);
        if has { Ok(addr) } else { Err(Status::INVALID_ADDRESS) }
    }

    /// Looks a page up: the page in which `paddr` lies. The RMP's own pages are FIRMWARE there, and yet no command's to write, to give
    /// away or to use in any way: here is the one place that refuses them. (SNP_PAGE_RECLAIM and SNP_PAGE_UNSMASH, which look for
    /// themselves, have codes of their own.)
    ///
    /// # Errors
    /// `INVALID_ADDRESS`: memory does not have it, or the RMP stands there (MODEL: the code for the latter). `IN_USE` (MODEL): another
    /// processor is changing the entry.
    pub(crate) fn look_up(&self, paddr: u64) -> Result<LookedUp, Status> {
        let page = self.check_range(paddr & !(PAGE as u64 - 1), PAGE)?;
        let end = page.get() + PAGE as u64;
        if self.0.rmp_place().iter().any(|own| own.start < end && page.get() < own.end) {
            return Err(Status::INVALID_ADDRESS);
        }
        let FirmwarePage { state, entry, .. } = self.rmp().page(page.get())?;
        Ok(LookedUp { page, state, entry })
    }

    /// Looks up what speaks for the page in which `paddr` lies: its own entry, or that of the page of 2 MiB that it is a part of.
    ///
    /// # Errors
    /// As [`look_up`](Self::look_up).
    pub(crate) fn owner(&self, paddr: u64) -> Result<LookedUp, Status> {
        let page = self.look_up(paddr)?;
        if !page.entry.may_be_part() {
            return Ok(page);
        }
        let first = paddr & !(PageSize::Size2M.bytes() as u64 - 1);
        let FirmwarePage { state, size, entry } = self.rmp().page(first)?;
        if !entry.assigned() || size != PageSize::Size2M {
            return Ok(page);
        }
        let page = PhysAddr::new(first).map_err(|_| Status::INVALID_ADDRESS)?;
        Ok(LookedUp { page, state, entry })
    }

    /// Checks that the firmware may write to every page of a range, one page at least: in the state FIRMWARE, or none of the RMP's.
    ///
    /// # Errors
    /// `INVALID_PAGE_STATE`; those of [`look_up`](Self::look_up).
    pub(crate) fn check_written(&self, paddr: u64, len: u64) -> Result<(), Status> {
        self.each_page(paddr, len, LookedUp::is_firmware_or_default)
    }

    /// Checks that no page of a range, one page at least, is a guest's.
    ///
    /// # Errors
    /// `INVALID_PAGE_STATE`; those of [`look_up`](Self::look_up).
    pub(crate) fn check_no_guests(&self, paddr: u64, len: u64) -> Result<(), Status> {
        self.each_page(paddr, len, |page| !page.entry.is_guests())
    }

    fn each_page(
        &self,
        paddr: u64,
        len: u64,
        is_good: impl Fn(&LookedUp) -> bool,
    ) -> Result<(), Status> {
        let end = paddr.checked_add(len.max(1)).ok_or(Status::INVALID_ADDRESS)?;
        let first = paddr & !(PAGE as u64 - 1);
        for page in (first..end).step_by(PAGE) {
            if !is_good(&self.owner(page)?) {
                return Err(Status::INVALID_PAGE_STATE);
            }
        }
        Ok(())
    }

    /// Changes the entry of a page that has not changed since it was looked up.
    ///
    /// # Errors
    /// Nothing was changed: `INVALID_PAGE_STATE`: it has (MODEL). `IN_USE` (MODEL): another processor is changing it.
    pub(crate) fn change(&self, page: &LookedUp, to: Entry) -> Result<(), Status> {
        self.rmp().replace_page(page.page.get(), page.entry, to)
    }

    /// Changes the entries of several pages: all, or none. What `meanwhile` does to them nobody sees before.
    ///
    /// # Errors
    /// As [`change`](Self::change), or what `meanwhile` says; no entry was changed.
    pub(crate) fn change_all<'p>(
        &self,
        changes: impl IntoIterator<Item = (&'p LookedUp, Entry)>,
        meanwhile: impl FnOnce() -> Result<(), Status>,
    ) -> Result<(), Status> {
        let change =
            |(page, to): (&LookedUp, Entry)| PageChange::new(page.page.get(), page.entry, to);
        let mut changes: Vec<_> = changes.into_iter().map(change).collect();
        self.rmp().replace_pages(&mut changes, meanwhile)
    }

    /// Reads memory of the host, unencrypted: each byte once.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`
    pub(crate) fn read(&self, paddr: u64, to: &mut [u8]) -> Result<(), Status> {
        let addr = self.check_range(paddr, to.len())?;
        self.0.memory().read(DramKey::None, addr, to).map_err(status)
    }

    /// Writes memory of the host, unencrypted.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`: nothing was written.
    pub(crate) fn write(&self, paddr: u64, bytes: &[u8]) -> Result<(), Status> {
        let addr = self.check_range(paddr, bytes.len())?;
        self.0.memory().write(DramKey::None, addr, bytes).map_err(status)
    }

    /// Reads bytes of a guest, deciphered with the key in its ASID's slot.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`
    pub(crate) fn read_guest(&self, asid: Asid, paddr: u64, to: &mut [u8]) -> Result<(), Status> {
        let addr = self.check_range(paddr, to.len())?;
        self.0.memory().read(DramKey::Slot(asid), addr, to).map_err(status)
    }

    /// Writes bytes of a guest, enciphered with the key in its ASID's slot.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`: nothing was written.
    pub(crate) fn write_guest(&self, asid: Asid, paddr: u64, bytes: &[u8]) -> Result<(), Status> {
        let addr = self.check_range(paddr, bytes.len())?;
        self.0.memory().write(DramKey::Slot(asid), addr, bytes).map_err(status)
    }

    /// Writes whole pages with a guest's key.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`: nothing was written.
    pub(crate) fn write_guest_pages(
        &self,
        asid: Asid,
        pages: &[PhysAddr],
        bytes: &[u8],
    ) -> Result<(), Status> {
        self.0.memory().write_pages(DramKey::Slot(asid), pages, bytes).map_err(status)
    }

    /// Enciphers whole pages where they stand: LAUNCH_UPDATE of pages that the host has filled.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`
    pub(crate) fn encrypt_in_place(
        &self,
        asid: Asid,
        paddr: u64,
        len: usize,
    ) -> Result<(), Status> {
        let addr = self.check_range(paddr, len)?;
        let memory = self.0.memory();
        memory.rekey(DramKey::None, DramKey::Slot(asid), addr, len as u64).map_err(status)
    }

    /// Whether the RMP has a page of an ASID.
    ///
    /// # Errors
    /// `IN_USE` (MODEL): another processor is changing an entry, which may be one of these.
    pub(crate) fn has_pages_of(&self, asid: Asid) -> Result<bool, Status> {
        for page in 0..self.0.entries().len() as u64 {
            let entry = self.0.entry(page).ok_or(Status::IN_USE)?;
            if entry.assigned() && entry.asid() == asid {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Loads the key that follows from a seed into the slot of an ASID.
    ///
    /// # Errors
    /// `HWERROR_PLATFORM`: the key is not usable, which does not happen by chance.
    pub(crate) fn install_key(&self, asid: Asid, seed: &[u8; 32]) -> Result<(), Status> {
        self.0.memory().install_key(asid, seed).map_err(|_| Status::HWERROR_PLATFORM)
    }

    /// Puts the key of a seed of zeroes into the slot of every ASID.
    pub(crate) fn reset_keys(&self) {
        self.0.memory().reset_keys();
    }

    /// Fills the RMP: memory is the hypervisor's, what is none or in `fixed` is HV_FIXED.
    ///
    /// # Errors
    /// As [`Rmp::initialise`].
    pub(crate) fn fill_rmp(&self, fixed: &[Range<u64>]) -> Result<(), Status> {
        self.rmp().initialise(&self.0.memory().dram().ranges(), fixed)
    }

    /// Ends the RMP: every page is the hypervisor's. (The ASEG stays HV_FIXED, which the host can write.)
    ///
    /// # Errors
    /// As [`Rmp::initialise`].
    pub(crate) fn end_rmp(&self) -> Result<(), Status> {
        let all = 0..u64::MAX;
        Rmp::new(self.0.entries(), 0).initialise(core::slice::from_ref(&all), &[])
    }
}

/// MODEL: whatever memory refuses is an address that it does not have.
fn status(_: AccessError) -> Status {
    Status::INVALID_ADDRESS
}
