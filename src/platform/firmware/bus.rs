//! The firmware's way to memory and to the RMP.

use core::ops::Range;

use crate::addr::{Asid, PageSize, PhysAddr};
use crate::platform::machine::Machine;
use crate::platform::memory::Dram;
use crate::rmp::{AtomicEntry, Entry, PageState, Rmp};
use crate::status::Status;

/// Memory and the RMP, as the firmware reaches them: past every check that the CPU makes of the host.
pub(crate) struct Bus<'m, D: Dram>(pub(crate) &'m Machine<D>);

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
        let _ = (paddr, len);
        todo!()
    }

    /// Looks a page up: the page in which `paddr` lies.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`: memory does not have it.
    pub(crate) fn look_up(&self, paddr: u64) -> Result<LookedUp, Status> {
        let _ = paddr;
        todo!()
    }

    /// Changes the entry of a page that has not changed since it was looked up.
    ///
    /// # Errors
    /// `INVALID_PAGE_STATE`: it has (MODEL).
    pub(crate) fn change(&self, page: &LookedUp, to: Entry) -> Result<(), Status> {
        let _ = (page, to);
        todo!()
    }

    /// Reads memory of the host, unencrypted: each byte once.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`
    pub(crate) fn read(&self, paddr: u64, to: &mut [u8]) -> Result<(), Status> {
        let _ = (paddr, to);
        todo!()
    }

    /// Writes memory of the host, unencrypted.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`: nothing was written.
    pub(crate) fn write(&self, paddr: u64, bytes: &[u8]) -> Result<(), Status> {
        let _ = (paddr, bytes);
        todo!()
    }

    /// Reads bytes of a guest, deciphered with the key in its ASID's slot.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`
    pub(crate) fn read_guest(&self, asid: Asid, paddr: u64, to: &mut [u8]) -> Result<(), Status> {
        let _ = (asid, paddr, to);
        todo!()
    }

    /// Writes bytes of a guest, enciphered with the key in its ASID's slot.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`: nothing was written.
    pub(crate) fn write_guest(&self, asid: Asid, paddr: u64, bytes: &[u8]) -> Result<(), Status> {
        let _ = (asid, paddr, bytes);
        todo!()
    }

    /// Enciphers bytes where they stand: LAUNCH_UPDATE of pages that the host has filled. Any whole number of pages.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`
    pub(crate) fn encrypt_in_place(
        &self,
        asid: Asid,
        paddr: u64,
        len: usize,
    ) -> Result<(), Status> {
        let _ = (asid, paddr, len);
        todo!()
    }

    /// Whether the RMP has a page of an ASID.
    pub(crate) fn has_pages_of(&self, asid: Asid) -> bool {
        let _ = asid;
        todo!()
    }

    /// Loads the key that follows from a seed into the slot of an ASID.
    pub(crate) fn install_key(&self, asid: Asid, seed: &[u8; 32]) {
        let _ = (asid, seed);
        todo!()
    }

    /// Whether host reads of assigned pages see nothing of them from now on.
    pub(crate) fn hide_ciphertext(&self, is_hidden: bool) {
        let _ = is_hidden;
        todo!()
    }

    /// Fills the RMP: memory is the hypervisor's, what is none or in `fixed` is HV_FIXED.
    ///
    /// # Errors
    /// As [`Rmp::initialise`].
    pub(crate) fn fill_rmp(&self, fixed: &[Range<u64>]) -> Result<(), Status> {
        let _ = fixed;
        todo!()
    }
}
