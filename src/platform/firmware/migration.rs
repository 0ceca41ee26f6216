//! Guests that leave for another machine, and come: MSG_EXPORT_REQ to MSG_VMRK_REQ (AMD 56860; AMD's published firmware,
//! `sev_guest.c`).
//!
//! What fails here fails inside of the response, and has changed nothing.

use rand_core::Rng;

use super::request::Sender;
use super::{Commands, GuestContext, GuestState, LookedUp};
use crate::addr::{PhysAddr, Vmpck};
use crate::platform::memory::Dram;
use crate::snp::id_block::{IdBlock, LaunchIdentity};
use crate::snp::launch::LaunchDigest;
use crate::snp::message::{
    AbsorbNomaRequest, AbsorbRequest, ContextDraft, ExportRequest, ExportedContext, ImportRequest,
    VmrkRequest,
};
use crate::snp::swap::MdataEntry;
use crate::status::Status;

/// Bits of an exported context's flags.
const AUTHOR_KEY_EN: u64 = 1 << 0;
const ID_BLOCK_EN: u64 = 1 << 1;
const VCEK_DIS: u64 = 1 << 2;

impl<D: Dram> Commands<'_, D> {
    /// MSG_EXPORT_REQ: a migration agent gets its guest's context, or a guest without one its own.
    ///
    /// As in the published firmware, a guest that exports itself gets its counts as they were before this message: whoever goes on with
    /// them must not use the number of this response again.
    pub(super) fn export(
        &mut self,
        sender: Sender,
        request: &ExportRequest,
        draft: &mut ContextDraft,
    ) -> Result<(), Status> {
        let page = self.target(request.gctx_paddr)?;
        let guest = self.context(&page)?;
        if guest.state != GuestState::Running {
            return Err(Status::INVALID_GUEST_STATE);
        }
        let is_self = page.page == sender.gctx && guest.migration_agent.is_none();
        if !is_self && !self.is_agent(sender, &page)? {
            return Err(Status::INVALID_GUEST);
        }
        if is_self && sender.vmpck != Vmpck::VMPCK0 {
            return Err(Status::INVALID_GUEST);
        }
        self.context(&page)?.export(draft);
        if request.imi_en {
            draft.set_root_md_entry(&[0; MdataEntry::LEN]);
            Ok(())
        } else {
            self.decommission(&page)
        }
    }

    /// MSG_IMPORT_REQ: a new guest gets a context, and the sender for its migration agent.
    ///
    /// As in the published firmware, VCEK_DIS is not taken over.
    pub(super) fn import(
        &mut self,
        sender: Sender,
        request: &ImportRequest<'_>,
    ) -> Result<(), Status> {
        let incoming = request.incoming.context;
        request.incoming.check_version()?;
        let page = self.target(request.gctx_paddr)?;
        if self.context(&page)?.state != GuestState::Init {
            return Err(Status::INVALID_GUEST_STATE);
        }
        if !is_valid(incoming.root_md_entry()) {
            return Err(Status::INVALID_MDATA_ENTRY);
        }
        let report_id_ma = self.sender(sender)?.report_id;
        let mut report_id = [0; 32];
        self.state.random.fill_bytes(&mut report_id);
        let guest = self.context(&page)?;
        guest.take_over(incoming);
        guest.take_identity(incoming);
        guest.report_id = report_id;
        guest.run_under(sender.gctx, report_id_ma);
        Ok(())
    }

    /// MSG_ABSORB_REQ: a guest that is being launched from a migration image gets a context, and the sender for its migration agent.
    ///
    /// As in the published firmware, whoever sends it: that the sender was the guest's migration agent before is not checked. VCEK_DIS is
    /// not taken over.
    pub(super) fn absorb(
        &mut self,
        sender: Sender,
        request: &AbsorbRequest<'_>,
    ) -> Result<(), Status> {
        let incoming = request.incoming.context;
        let page = self.target(request.gctx_paddr)?;
        let guest = self.context(&page)?;
        if guest.state != GuestState::Launch || !guest.imi_en {
            return Err(Status::INVALID_GUEST_STATE);
        }
        if is_valid(&guest.root_mdata) {
            return Err(Status::INVALID_MDATA_ENTRY);
        }
        if incoming.imd() != guest.digest.digest() {
            return Err(Status::BAD_MEASUREMENT);
        }
        request.incoming.check_version()?;
        let report_id_ma = self.sender(sender)?.report_id;
        let guest = self.context(&page)?;
        guest.take_over(incoming);
        guest.take_identity(incoming);
        guest.run_under(sender.gctx, report_id_ma);
        Ok(())
    }

    /// MSG_ABSORB_NOMA_REQ: a guest without migration agent puts a context into itself. Its message counts are the channels'.
    pub(super) fn absorb_noma(
        &mut self,
        sender: Sender,
        request: &AbsorbNomaRequest<'_>,
    ) -> Result<(), Status> {
        let incoming = request.incoming.context;
        let guest = self.sender(sender)?;
        if guest.migration_agent.is_some() {
            return Err(Status::INVALID_GUEST);
        }
        let own = [guest.digest.digest(), guest.digest.imi_digest()];
        if own.iter().any(|digest| *digest != incoming.imd()) {
            return Err(Status::BAD_MEASUREMENT);
        }
        request.incoming.check_version()?;
        let guest = self.state.snp.guests.get_mut(&sender.gctx.get());
        guest.ok_or(Status::INVALID_GUEST)?.take_over(incoming);
        Ok(())
    }

    /// MSG_VMRK_REQ: a migration agent gives its guest the VMRK, before the guest runs.
    pub(super) fn set_vmrk(
        &mut self,
        sender: Sender,
        request: &VmrkRequest<'_>,
    ) -> Result<(), Status> {
        let page = self.target(request.gctx_paddr)?;
        let guest = self.context(&page)?;
        if guest.state != GuestState::Launch || guest.imi_en {
            return Err(Status::INVALID_GUEST_STATE);
        }
        if !self.is_agent(sender, &page)? {
            return Err(Status::INVALID_GUEST);
        }
        *self.context(&page)?.vmrk = *request.vmrk;
        Ok(())
    }

    /// The page of the guest that a message is about.
    fn target(&mut self, gctx: PhysAddr) -> Result<LookedUp, Status> {
        let page = self.bus.look_up(gctx.get())?;
        self.context(&page).map(|_| page)
    }

    /// Whether the sender is a guest's migration agent: the same context, with the same guest in it. A guest whose agent has ended has
    /// none that could speak for it, and does not become one without.
    fn is_agent(&mut self, sender: Sender, target: &LookedUp) -> Result<bool, Status> {
        let report_id = self.sender(sender)?.report_id;
        let target = self.context(target)?;
        Ok(target.migration_agent == Some(sender.gctx.get()) && target.report_id_ma == report_id)
    }
}

impl GuestContext {
    /// The context as it leaves.
    pub(super) fn export(&self, draft: &mut ContextDraft) {
        let LaunchIdentity { id_block, id_key_digest, author_key_digest, .. } = &self.identity;
        let flags = [
            (self.identity.author_key_en, AUTHOR_KEY_EN),
            (self.identity.id_block_en, ID_BLOCK_EN),
            (self.vcek_dis, VCEK_DIS),
        ];
        let flags =
            flags.iter().fold(0, |word, (is_set, bit)| word | if *is_set { *bit } else { 0 });
        for (vmpck, count) in Vmpck::ALL.into_iter().zip(self.message_counts) {
            draft.set_vmpck(vmpck, vmpck.of(&self.vmpcks)).set_message_count(vmpck, count);
        }
        draft
            .set_measurement(self.digest.digest())
            .set_oek(&self.oek)
            .set_vmrk(&self.vmrk)
            .set_host_data(&self.host_data)
            .set_id_key_digest(id_key_digest)
            .set_author_key_digest(author_key_digest)
            .set_report_id(&self.report_id)
            .set_imd(self.digest.imi_digest())
            .set_root_md_entry(&self.root_mdata)
            .set_flags(flags)
            .set_policy(self.policy)
            .set_state(self.state as u8)
            .set_oek_iv_count(self.oek_iv_count)
            .set_id_block(&id_block.map_or([0; IdBlock::LEN], |block| block.to_bytes()))
            .set_gosvw(&self.gosvw)
            .set_desired_tsc_freq(self.desired_tsc_freq)
            .set_psp_tsc_offset(self.tsc_offset)
            .set_launch_tcb(self.launch_tcb);
    }

    /// Takes what every way in takes: all but the identity that the guest's owner signed, REPORT_ID and the state.
    fn take_over(&mut self, context: ExportedContext<'_>) {
        self.digest = LaunchDigest::resume_with_imi(*context.measurement(), *context.imd());
        *self.oek = *context.oek();
        *self.vmrk = *context.vmrk();
        for vmpck in Vmpck::ALL {
            *vmpck.of_mut(&mut self.vmpcks) = *context.vmpck(vmpck);
            *vmpck.of_mut(&mut self.message_counts) = context.message_count(vmpck);
        }
        self.host_data = *context.host_data();
        self.root_mdata = *context.root_md_entry();
        self.policy = context.policy();
        self.oek_iv_count = context.oek_iv_count();
        self.gosvw = *context.gosvw();
        self.desired_tsc_freq = context.desired_tsc_freq();
        self.tsc_offset = context.psp_tsc_offset();
        self.launch_tcb = context.launch_tcb();
    }

    /// Takes the ID block, and whose keys have signed it.
    fn take_identity(&mut self, context: ExportedContext<'_>) {
        let id_block = context.id_block();
        self.identity = LaunchIdentity {
            // A block of zeros is none: it tells the same in reports and keys.
            id_block: (*id_block != [0; IdBlock::LEN]).then(|| IdBlock::from_bytes(id_block)),
            id_key_digest: *context.id_key_digest(),
            author_key_digest: *context.author_key_digest(),
            id_block_en: context.flags() & ID_BLOCK_EN != 0,
            author_key_en: context.flags() & AUTHOR_KEY_EN != 0,
        };
    }

    /// The guest runs, under a migration agent.
    fn run_under(&mut self, agent: PhysAddr, report_id_ma: [u8; 32]) {
        self.state = GuestState::Running;
        self.migration_agent = Some(agent.get());
        self.report_id_ma = report_id_ma;
        self.imi_en = false;
    }
}

/// VALID of an entry, whatever else stands in it.
fn is_valid(entry: &[u8; MdataEntry::LEN]) -> bool {
    crate::wire::get_u64::<0x20, _>(entry) & 1 == 1
}

#[cfg(test)]
#[path = "tests/migration.rs"]
mod tests;
