//! Guests: from GCTX_CREATE to DECOMMISSION.

use super::Secret;
use super::platform::check_within_page;
use super::state::AsidOwner;
use super::{Commands, GuestContext, LookedUp, check_page_address};
use crate::addr::{Asid, PAGE, PageSize};
use crate::platform::GuestState;
use crate::platform::GuestStatus;
use crate::platform::command::{
    SnpActivate, SnpActivateEx, SnpDecommission, SnpGctxCreate, SnpGuestStatus,
};
use crate::platform::memory::Dram;
use crate::rmp::PageState;
use crate::status::Status;

/// The most APIC IDs of SNP_ACTIVATE_EX: a page of them.
const MAX_IDS: u32 = (PAGE / 4) as u32;

impl<D: Dram> Commands<'_, D> {
    /// SNP_GCTX_CREATE. In this order:
    /// * the address is no page's: `INVALID_PARAM`
    /// * SNP is not initialised: `INVALID_PLATFORM_STATE`
    /// * memory does not have the page: `INVALID_ADDRESS`; so for the page at 0 and those from 2^48 on (MODEL): METADATA pages could not
    ///   name such a context, and would be lost
    /// * it is not FIRMWARE: `INVALID_PAGE_STATE`; not one of 4 KiB: `INVALID_PAGE_SIZE`
    ///
    /// MODEL: the context is the firmware's own, and its page holds zeroes.
    pub(super) fn snp_gctx_create(&mut self, command: &mut SnpGctxCreate) -> Result<(), Status> {
        check_page_address(command.gctx_paddr)?;
        self.check_init()?;
        let page = self.bus.look_up(command.gctx_paddr)?;
        if page.entry.into_metadata(page.page).metadata_context() != Some(page.page) {
            return Err(Status::INVALID_ADDRESS);
        }
        if page.state != PageState::Firmware {
            return Err(Status::INVALID_PAGE_STATE);
        }
        if !page.has_size(PageSize::Size4K) {
            return Err(Status::INVALID_PAGE_SIZE);
        }
        let seed = self.state.draw_secret();
        let guest = GuestContext::new(seed, self.state.versions.committed_tcb);
        self.bus.change(&page, page.entry.into_context())?;
        self.bus.write(command.gctx_paddr, &[0; PAGE])?;
        self.state.snp.guests.insert(page.page.get(), guest);
        Ok(())
    }

    /// SNP_ACTIVATE. In this order:
    /// * the address is no page's: `INVALID_PARAM`
    /// * SNP is not initialised: `INVALID_PLATFORM_STATE`
    /// * memory does not have the page: `INVALID_ADDRESS`; it is no context: `INVALID_GUEST`
    /// * the guest is neither in LAUNCH nor in RUNNING: `INVALID_GUEST_STATE`
    /// * the RMP has a page of the ASID: `INVALID_CONFIG`; another processor is changing an entry: `IN_USE` (MODEL)
    /// * the guest wants one socket, and there are more: `POLICY_FAILURE`
    /// * there is no such ASID for SNP: `INVALID_ASID`; another guest has it: `ASID_OWNED`; the guest has one: `ACTIVE`; somebody had it: `WBINVD_REQUIRED`,
    ///   `DFFLUSH_REQUIRED`
    pub(super) fn snp_activate(&mut self, command: &mut SnpActivate) -> Result<(), Status> {
        check_page_address(command.gctx_paddr)?;
        self.check_init()?;
        self.activate(command.gctx_paddr, command.asid, false)
    }

    /// SNP_ACTIVATE_EX: as SNP_ACTIVATE, and it may come again with the same ASID, for other core complexes; with another one:
    /// `ACTIVE`.
    ///
    /// MODEL: another length, no APIC ID or more than a page of them: `INVALID_PARAM`, with the reserved bits; memory does not have the
    /// IDs: `INVALID_ADDRESS`, with the look-ups. Which cores they are the model does not look at: a guest that wants one
    /// socket is refused where there are more.
    pub(super) fn snp_activate_ex(&mut self, command: &mut SnpActivateEx) -> Result<(), Status> {
        check_page_address(command.gctx_paddr)?;
        if command.len != 0x20 || !(1..=MAX_IDS).contains(&command.numids) {
            return Err(Status::INVALID_PARAM);
        }
        self.check_init()?;
        self.bus.check_range(command.ids_paddr, 4 * command.numids as usize)?;
        self.activate(command.gctx_paddr, command.asid, true)
    }

    fn activate(&mut self, gctx_paddr: u64, asid: u32, may_repeat: bool) -> Result<(), Status> {
        let page = self.bus.look_up(gctx_paddr)?;
        let guest = self.context(&page)?;
        if guest.state == GuestState::Init {
            return Err(Status::INVALID_GUEST_STATE);
        }
        let (policy, present) = (guest.policy, guest.asid);
        let asid = Asid::new(asid);
        let repeats = may_repeat && present == Some(asid);
        // ASID 0 is no guest's, and has pages: those of the firmware. A guest that has the ASID has pages of its own.
        if asid != Asid::HOST && !repeats && self.bus.has_pages_of(asid)? {
            return Err(Status::INVALID_CONFIG);
        }
        if policy.single_socket() && self.state.facts.sockets > 1 {
            return Err(Status::POLICY_FAILURE);
        }
        if asid.get() > self.state.snp.max_snp_asid {
            return Err(Status::INVALID_ASID);
        }
        let owner = AsidOwner::Snp(page.page.get());
        self.state.asids.check_owner(asid, owner)?;
        match present {
            Some(_) if repeats => return Ok(()),
            Some(_) => return Err(Status::ACTIVE),
            None => self.state.asids.check_clean(asid)?,
        }
        let seed = Secret::new(*self.context(&page)?.vek_seed);
        self.bus.install_key(asid, &seed)?;
        self.state.asids.activate(asid, owner)?;
        self.context(&page)?.asid = Some(asid);
        Ok(())
    }

    /// SNP_DECOMMISSION, in any state of the guest. In this order:
    /// * the address is no page's: `INVALID_PARAM`
    /// * SNP is not initialised: `INVALID_PLATFORM_STATE`
    /// * memory does not have the page: `INVALID_ADDRESS`; it is no context: `INVALID_GUEST`
    ///
    /// The guest's keys are gone, and its ASID waits for WBINVD and DF_FLUSH; the key stays in its slot, as in hardware. MODEL: guests
    /// whose migration agent it was have one that nobody can be from then on.
    pub(super) fn snp_decommission(&mut self, command: &mut SnpDecommission) -> Result<(), Status> {
        check_page_address(command.gctx_paddr)?;
        self.check_init()?;
        let page = self.bus.look_up(command.gctx_paddr)?;
        self.context(&page)?;
        self.decommission(&page)
    }

    /// Ends the guest whose context a page is.
    ///
    /// # Errors
    /// The entry of the page cannot be changed; nothing was.
    pub(super) fn decommission(&mut self, page: &LookedUp) -> Result<(), Status> {
        self.bus.change(page, page.entry.into_firmware())?;
        let gctx_paddr = page.page.get();
        if let Some(guest) = self.state.snp.guests.remove(&gctx_paddr)
            && let Some(asid) = guest.asid
        {
            self.state.asids.deactivate(asid);
        }
        Ok(())
    }

    /// SNP_GUEST_STATUS. In this order:
    /// * the context's address is no page's, or the status crosses a page: `INVALID_PARAM`
    /// * SNP is not initialised: `INVALID_PLATFORM_STATE`
    /// * memory does not have the context's page or the status: `INVALID_ADDRESS`
    /// * the status's page is neither FIRMWARE nor DEFAULT: `INVALID_PAGE_STATE`
    /// * the page is no context: `INVALID_GUEST`
    pub(super) fn snp_guest_status(&mut self, command: &mut SnpGuestStatus) -> Result<(), Status> {
        check_page_address(command.gctx_paddr)?;
        check_within_page(command.status_paddr, GuestStatus::LEN)?;
        self.check_init()?;
        let page = self.bus.look_up(command.gctx_paddr)?;
        self.bus.check_range(command.status_paddr, GuestStatus::LEN)?;
        if !self.bus.look_up(command.status_paddr)?.is_firmware_or_default() {
            return Err(Status::INVALID_PAGE_STATE);
        }
        let guest = self.context(&page)?;
        let status = GuestStatus {
            policy: guest.policy,
            asid: guest.asid,
            state: guest.state,
            vcek_dis: guest.vcek_dis,
        };
        self.bus.write(command.status_paddr, &status.to_bytes())
    }
}
