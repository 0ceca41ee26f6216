//! Pages of guests that allow debugging.

use super::{Commands, LookedUp, check_page_address};
use crate::addr::{Asid, PAGE};
use crate::platform::GuestState;
use crate::platform::command::{SnpDbgDecrypt, SnpDbgEncrypt};
use crate::platform::memory::Dram;
use crate::rmp::PageState;
use crate::status::Status;
use crate::wipe::Wiped;

/// AMD has not published the order of checks of these commands. MODEL, in this order:
/// * an address is no page's: `INVALID_PARAM`
/// * SNP is not initialised: `INVALID_PLATFORM_STATE`
/// * memory does not have a page: `INVALID_ADDRESS`
/// * the context's page is none: `INVALID_GUEST`
/// * the guest is neither in LAUNCH nor in RUNNING: `INVALID_GUEST_STATE`; its policy has no DEBUG: `POLICY_FAILURE`; it has no ASID: `INACTIVE`
/// * the page of the guest is no guest's page, or the page that DBG_DECRYPT writes is neither FIRMWARE nor DEFAULT: `INVALID_PAGE_STATE`
/// * ciphertext is hidden from the host, and the page with DBG_ENCRYPT's text is a guest's: `INVALID_PAGE_STATE`
/// * the page of the guest has another ASID: `INVALID_PAGE_OWNER`
///
/// Both work on 4096 bytes, which may lie in a page of 2 MiB.
impl<D: Dram> Commands<'_, D> {
    /// SNP_DBG_DECRYPT.
    pub(super) fn snp_dbg_decrypt(&mut self, command: &mut SnpDbgDecrypt) -> Result<(), Status> {
        let &mut SnpDbgDecrypt { gctx_paddr, src_paddr, dst_paddr } = command;
        let [context, source, destination] = self.pages([gctx_paddr, src_paddr, dst_paddr])?;
        let asid = self.debuggable(&context)?;
        if !destination.is_firmware_or_default() {
            return Err(Status::INVALID_PAGE_STATE);
        }
        self.check_guest_page(&source, asid)?;
        let mut text = Wiped::new([0; PAGE]);
        self.bus.read_guest(asid, src_paddr, &mut text[..])?;
        self.bus.write(dst_paddr, &text[..])
    }

    /// SNP_DBG_ENCRYPT. The page with the text is read as it is, and may be anybody's; but a guest's only where the host could read it
    /// itself.
    pub(super) fn snp_dbg_encrypt(&mut self, command: &mut SnpDbgEncrypt) -> Result<(), Status> {
        let &mut SnpDbgEncrypt { gctx_paddr, src_paddr, dst_paddr } = command;
        let [context, _, destination] = self.pages([gctx_paddr, src_paddr, dst_paddr])?;
        let asid = self.debuggable(&context)?;
        self.check_guest_page(&destination, asid)?;
        self.check_read(src_paddr, PAGE as u64)?;
        let mut text = Wiped::new([0; PAGE]);
        self.bus.read(src_paddr, &mut text[..])?;
        self.bus.write_guest(asid, dst_paddr, &text[..])
    }

    /// The pages of a command, when SNP is initialised.
    fn pages<const N: usize>(&self, paddrs: [u64; N]) -> Result<[LookedUp; N], Status> {
        for paddr in paddrs {
            check_page_address(paddr)?;
        }
        self.check_init()?;
        let mut pages = [None; N];
        for (page, paddr) in pages.iter_mut().zip(paddrs) {
            *page = Some(self.bus.look_up(paddr)?);
        }
        Ok(pages.map(|page| page.expect("each was looked up")))
    }

    /// The ASID of a guest that allows debugging.
    fn debuggable(&mut self, context: &LookedUp) -> Result<Asid, Status> {
        let guest = self.context(context)?;
        if guest.state == GuestState::Init {
            return Err(Status::INVALID_GUEST_STATE);
        }
        if !guest.policy.debug() {
            return Err(Status::POLICY_FAILURE);
        }
        guest.asid.ok_or(Status::INACTIVE)
    }

    /// A page, or the page of 2 MiB that it lies in, is a guest's.
    fn check_guest_page(&self, page: &LookedUp, asid: Asid) -> Result<(), Status> {
        use PageState::{GuestInvalid, GuestValid, PreGuest, PreSwap};
        let owner = self.bus.owner(page.page.get())?;
        match owner.state {
            PreGuest | PreSwap | GuestInvalid | GuestValid if owner.entry.asid() == asid => Ok(()),
            PreGuest | PreSwap | GuestInvalid | GuestValid => Err(Status::INVALID_PAGE_OWNER),
            _ => Err(Status::INVALID_PAGE_STATE),
        }
    }
}
