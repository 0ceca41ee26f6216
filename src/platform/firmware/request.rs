//! Guest messages (AMD 56860, SNP_GUEST_REQUEST; AMD's published firmware, `sev_mcmd.c` and `sev_guest.c`).

use super::state::TSC_FACTOR;
use super::{Commands, GuestContext, GuestState, Snp, Versions, check_page_address};
use crate::addr::{PAGE, PageSize, PhysAddr, Vmpck};
use crate::ecdsa::SigningKey;
use crate::platform::command::SnpGuestRequest;
use crate::platform::memory::Dram;
use crate::rmp::PageState;
use crate::snp::keys::{
    DerivedKey, GuestFacts, GuestIdentity, KeyRequest, KeySelect, PlatformFacts, Vmrk,
    derive_guest_key,
};
use crate::snp::launch::CpuidTable;
use crate::snp::message::{
    ContextDraft, CpuidEntries, CpuidEntry, CpuidRequest, CpuidResponse, FirmwareChannels,
    GuestRequest, Header, MessageBuffer, MessageType, Opened, ReportRequest, Response, TscInfo,
    WrongResponse,
};
use crate::snp::report::{Draft, FirmwareVersion, KeyInfo, PlatformInfo, REPORT_LEN};
use crate::snp::tcb::Product;
use crate::status::Status;

/// Who sent a request.
#[derive(Clone, Copy)]
pub(super) struct Sender {
    /// The page of the sender's context.
    pub(super) gctx: PhysAddr,
    /// The key that the message came with.
    pub(super) vmpck: Vmpck,
}

impl<D: Dram> Commands<'_, D> {
    /// SNP_GUEST_REQUEST. What a request asks for is answered inside of the response, refusals too; the command fails where there is no
    /// response, and then nothing has changed. But where the response does not fit into its page, all has been done that was asked
    /// for, and the count has moved (AMD's published firmware does so).
    ///
    /// MODEL: MSG_KEY_REQ of version 2 is known where reports are of version 5 or later.
    pub(super) fn snp_guest_request(
        &mut self,
        command: &mut SnpGuestRequest,
    ) -> Result<(), Status> {
        check_page_address(command.gctx_paddr)?;
        self.check_init()?;
        let gctx = self.bus.look_up(command.gctx_paddr)?;
        let request = self.bus.look_up(command.request_paddr)?;
        let response = self.bus.look_up(command.response_paddr)?;
        self.context(&gctx)?;
        if response.state != PageState::Firmware {
            return Err(Status::INVALID_PAGE_STATE);
        }
        if [request, response].iter().any(|page| page.has_size(PageSize::Size2M)) {
            return Err(Status::INVALID_PAGE_SIZE);
        }
        let backend = self.state.backend;
        let max_key_version = if self.report_version() >= 5 { 2 } else { 1 };
        let guest = self.context(&gctx)?;
        if guest.state != GuestState::Running {
            return Err(Status::INVALID_GUEST_STATE);
        }
        let mut channels = FirmwareChannels::new(&guest.vmpcks, guest.message_counts, backend)
            .with_max_version(MessageType::KEY_REQ, max_key_version);

        // Each byte is read once, and to the end of its page.
        let mut page = [0; PAGE];
        let len = PAGE - (command.request_paddr % PAGE as u64) as usize;
        let bytes = page.get_mut(..len).ok_or(Status::INVALID_PARAM)?;
        self.bus.read(command.request_paddr, bytes)?;
        let header = bytes.first_chunk().map(Header::from_bytes).ok_or(Status::INVALID_PARAM)?;
        if Header::LEN + usize::from(header.payload_len()) > len {
            return Err(Status::INVALID_PARAM);
        }
        let mut buffer = MessageBuffer::new();
        let opened = channels.open(&mut buffer, |copy| *copy = page)?;
        let sender = Sender { gctx: gctx.page, vmpck: opened.vmpck() };
        // The platform's own mistake cannot be told from a defect of the hardware.
        let answer = self.answer(sender, opened).map_err(|_| Status::HWERROR_PLATFORM)?;

        // A guest that has exported itself is no more.
        if let Some(guest) = self.state.snp.guests.get_mut(&gctx.page.get()) {
            guest.message_counts = Vmpck::ALL.map(|vmpck| channels.count(vmpck));
        }
        if self.bus.look_up(command.response_paddr)?.state != PageState::Firmware {
            return Err(Status::INVALID_PAGE_STATE);
        }
        let room = PAGE - (command.response_paddr % PAGE as u64) as usize;
        if answer.len() > room {
            return Err(Status::INVALID_PARAM);
        }
        self.bus.write(command.response_paddr, answer)
    }

    /// Does what a request asks for, and seals the response.
    fn answer<'b>(
        &mut self,
        sender: Sender,
        opened: Opened<'_, 'b>,
    ) -> Result<&'b [u8], WrongResponse> {
        let request = match opened.request() {
            Ok(request) => request,
            Err(status) => return opened.respond(Err(status)),
        };
        let done = |()| Response::Done;
        match request {
            GuestRequest::Cpuid(request) => {
                let mut entries = [[0; CpuidEntry::LEN]; CpuidEntries::MAX];
                let response = self.cpuid(&request, &mut entries);
                opened.respond(Ok(Response::Cpuid(response)))
            }
            GuestRequest::Key(request) => {
                let key = self.key(sender, &request);
                opened.respond(key.as_ref().map(Response::Key).map_err(|status| *status))
            }
            GuestRequest::Report(request) => {
                let report = self.report(sender, &request);
                opened.respond(report.as_ref().map(Response::Report).map_err(|status| *status))
            }
            GuestRequest::Export(request) => {
                let mut draft = ContextDraft::new();
                let result = self.export(sender, &request, &mut draft);
                opened.respond(result.map(|()| Response::Export(draft.context())))
            }
            GuestRequest::Import(request) => {
                let result = self.import(sender, &request);
                opened.respond(result.map(done))
            }
            GuestRequest::Absorb(request) => {
                let result = self.absorb(sender, &request);
                opened.respond(result.map(done))
            }
            GuestRequest::Vmrk(request) => {
                let result = self.set_vmrk(sender, &request);
                opened.respond(result.map(done))
            }
            GuestRequest::AbsorbNoma(request) => match self.absorb_noma(sender, &request) {
                Ok(()) => opened.absorb(),
                Err(status) => opened.respond(Err(status)),
            },
            GuestRequest::TscInfo(_) => {
                let info = self.tsc_info(sender);
                opened.respond(info.map(Response::TscInfo))
            }
        }
    }

    /// The sender, which is still there: nothing has happened since its message was opened.
    pub(super) fn sender(&self, sender: Sender) -> Result<&GuestContext, Status> {
        self.state.snp.guests.get(&sender.gctx.get()).ok_or(Status::INVALID_GUEST)
    }

    /// MSG_CPUID_REQ: the rules are those of SNP_LAUNCH_UPDATE's CPUID page.
    fn cpuid<'e>(
        &self,
        request: &CpuidRequest<'_>,
        entries: &'e mut [[u8; CpuidEntry::LEN]; CpuidEntries::MAX],
    ) -> CpuidResponse<'e> {
        let processor = self.state.signature();
        let mut status = Status::SUCCESS;
        let count = request.entries.len();
        for (place, mut entry) in entries.iter_mut().zip(request.entries.iter()) {
            CpuidTable::GENOA.check(&mut entry, processor, &mut |_| status = Status::INVALID_PARAM);
            *place = entry.to_bytes();
        }
        let entries = entries.get(..count).and_then(CpuidEntries::new);
        CpuidResponse { status, entries: entries.unwrap_or(CpuidEntries::empty()) }
    }

    /// MSG_KEY_REQ.
    fn key(&self, sender: Sender, request: &KeyRequest) -> Result<DerivedKey, Status> {
        let guest = self.sender(sender)?;
        let Snp { vlek, mask_chip_key, .. } = &self.state.snp;
        let Versions { committed_tcb, sticks, reported_sticks, .. } = &self.state.versions;
        let id_block = guest.identity.id_block;
        let identity = GuestIdentity {
            policy: guest.policy,
            image_id: id_block.map(|block| block.image_id).unwrap_or_default(),
            family_id: id_block.map(|block| block.family_id).unwrap_or_default(),
            measurement: *guest.digest.digest(),
            host_data: guest.host_data,
            id_block_key: guest.identity.id_block_key(),
        };
        let vmrk = Vmrk::new(&guest.vmrk);
        let guest = GuestFacts {
            identity,
            guest_svn: id_block.map(|block| block.guest_svn).unwrap_or_default(),
            vcek_dis: guest.vcek_dis,
            vmrk: Some(&vmrk),
        };
        let platform = PlatformFacts {
            product: self.state.chip.product(),
            mask_chip_key: *mask_chip_key,
            committed_tcb: *committed_tcb,
            sticks,
            vcek: Some(reported_sticks.stick_7()),
            vlek: vlek.as_ref().map(|vlek| &vlek.sticks),
        };
        derive_guest_key(request, sender.vmpck.get(), &guest, &platform)
    }

    /// MSG_REPORT_REQ, behind the checks of its reserved bytes.
    ///
    /// MODEL: the nonce of the signature is RFC 6979's, so that the same report has the same signature; mitigation vectors are zero.
    fn report(&self, sender: Sender, request: &ReportRequest) -> Result<[u8; REPORT_LEN], Status> {
        let guest = self.sender(sender)?;
        let key = self.choose(guest, request.key_select)?;
        request.check_vmpl(sender.vmpck)?;

        let Snp { mask_chip_id, mask_chip_key, .. } = self.state.snp;
        let versions = &self.state.versions;
        let chip = &self.state.chip;
        let (number, signer) = match key {
            Chosen::Vlek(key) => (1, Some(key)),
            Chosen::Vcek if mask_chip_key => (7, None),
            Chosen::Vcek => (0, Some(&versions.vcek)),
        };
        let author_key_en = u32::from(guest.identity.author_key_en);
        let version = self.report_version();
        let mut draft = Draft::new(version)
            .policy(guest.policy)
            .vmpl(request.vmpl)
            .current_tcb(versions.current_tcb)
            .platform_info(self.platform_info(version))
            .key_info(KeyInfo(author_key_en | u32::from(mask_chip_key) << 1 | number << 2))
            .report_data(&request.report_data)
            .measurement(guest.digest.digest())
            .host_data(&guest.host_data)
            .id_key_digest(&guest.identity.id_key_digest)
            .author_key_digest(&guest.identity.author_key_digest)
            .report_id(&guest.report_id)
            .report_id_ma(&guest.report_id_ma)
            .reported_tcb(versions.reported_tcb())
            .committed_tcb(versions.committed_tcb)
            .current_version(versions.current)
            .committed_version(versions.committed)
            .launch_tcb(guest.launch_tcb);
        if let Some(block) = &guest.identity.id_block {
            draft = draft
                .guest_svn(block.guest_svn)
                .family_id(&block.family_id)
                .image_id(&block.image_id);
        }
        if version >= 3 {
            draft = draft.cpu(chip.cpu());
        }
        if !mask_chip_id {
            draft = draft.chip_id(chip.chip_id());
        }
        match signer {
            Some(signer) => draft.sign(signer).map_err(|_| Status::HWERROR_PLATFORM),
            None => Ok(draft.unsigned()),
        }
    }

    /// Which key KEY_SEL means.
    fn choose(
        &self,
        guest: &GuestContext,
        select: Option<KeySelect>,
    ) -> Result<Chosen<'_>, Status> {
        let vlek = self.state.snp.vlek.as_ref().filter(|vlek| vlek.sticks.is_installed());
        match (select, vlek) {
            (Some(KeySelect::VlekOrVcek | KeySelect::Vlek), Some(vlek)) => {
                Ok(Chosen::Vlek(&vlek.key))
            }
            (Some(KeySelect::VlekOrVcek | KeySelect::Vcek), _) if !guest.vcek_dis => {
                Ok(Chosen::Vcek)
            }
            _ => Err(Status::INVALID_KEY),
        }
    }

    /// VERSION of reports.
    fn report_version(&self) -> u32 {
        report_version(self.state.chip.product(), self.state.versions.current)
    }

    /// PLATFORM_INFO of a report: firmware that makes version 2 knows two bits of it.
    fn platform_info(&self, version: u32) -> PlatformInfo {
        let info = self.state.platform_info();
        if version < 3 { PlatformInfo(info.0 & 0b11) } else { info }
    }

    /// MSG_TSC_INFO_REQ.
    fn tsc_info(&self, sender: Sender) -> Result<TscInfo, Status> {
        let guest = self.sender(sender)?;
        Ok(TscInfo {
            guest_tsc_scale: guest.tsc_scale(),
            guest_tsc_offset: guest.tsc_offset,
            tsc_factor: TSC_FACTOR,
        })
    }
}

/// The key that signs a report.
enum Chosen<'a> {
    Vcek,
    Vlek(&'a SigningKey),
}

/// VERSION of the reports that the firmware of a product makes. The builds are those from which each version was first seen; of Turin
/// and Venice that is MODEL: none of their firmware is known to make older ones, and version 6 is not known well enough.
fn report_version(product: Product, firmware: FirmwareVersion) -> u32 {
    let since = |build| (firmware.major, firmware.minor, firmware.build) >= (1, 55, build);
    match product {
        Product::Milan if since(35) => 5,
        Product::Milan if since(22) => 3,
        Product::Genoa if since(43) => 5,
        Product::Genoa if since(38) => 3,
        Product::Milan | Product::Genoa => 2,
        _ => 5,
    }
}

#[cfg(test)]
#[path = "tests/request.rs"]
mod tests;
