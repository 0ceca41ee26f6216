//! Guests that are sent to another platform, or come from one.

use std::vec;
use std::vec::Vec;

use zeroize::Zeroizing;

use super::{Platform, Stage, check_block_address, check_len};
use crate::addr::{Asid, PAGE};
use crate::platform::command::{
    Command, SevReceiveFinish, SevReceiveStart, SevReceiveUpdateData, SevReceiveUpdateVmsa,
    SevSendCancel, SevSendFinish, SevSendStart, SevSendUpdateData, SevSendUpdateVmsa,
};
use crate::platform::firmware::Commands;
use crate::platform::memory::Dram;
use crate::sev::GuestPolicy;
use crate::sev::cert::{AmdCertificate, Certificate, PlatformCertificates, Product, Trust};
use crate::sev::packet::{MAX_LEN, PacketHeader, PacketIv};
use crate::sev::session::{SessionBuffer, SessionRandom};
use crate::sev::transport::{Receiver, Receiving, Sender};
use crate::snp::tcb;
use crate::status::Status;
use crate::vmsa::Vmsa;

/// The bit of POLICY that asks for the same owner.
const DOMAIN: u32 = 1 << 4;

/// What SEND_START is told of the receiver.
#[derive(Default)]
struct Certificates {
    pdh: Vec<u8>,
    platform: Vec<u8>,
    amd: Vec<u8>,
}

impl Certificates {
    fn receiver(&self) -> Receiver<'_> {
        Receiver { pdh: &self.pdh, platform: &self.platform, amd: &self.amd }
    }
}

impl<D: Dram> Commands<'_, D> {
    /// Random bytes: those of the session, NONCE, TEK, TIK and WRAP_IV.
    pub(super) fn sev_send_start(&mut self, command: &mut SevSendStart) -> Result<(), Status> {
        let guest = self.state.legacy.working()?.guest(command.handle)?;
        let (is_running, policy) = (matches!(guest.stage, Stage::Running(_)), guest.policy());
        if command.session_len as usize != SessionBuffer::LEN {
            command.session_len = SessionBuffer::LEN as u32;
            return Err(Status::INVALID_LENGTH);
        }
        if !is_running {
            return Err(Status::INVALID_GUEST_STATE);
        }
        if policy.nosend() {
            return Err(Status::POLICY_FAILURE);
        }
        let mut certificates = Certificates::default();
        if policy.sev() {
            certificates = self.read_receiver(command, true, true)?;
            let platform_rules = GuestPolicy(policy.0 & !DOMAIN);
            self.check_receiver(&certificates, platform_rules)?;
        }
        self.check_sev_output(command.session_paddr, command.session_len)?;
        if !policy.sev() {
            certificates = self.read_receiver(command, policy.domain(), false)?;
        }
        self.check_receiver(&certificates, policy)?;
        self.check_memory(command.session_paddr, SessionBuffer::LEN)?;

        let random = SessionRandom::new(&self.random());
        let (backend, product) = (self.state.backend, self.state.chip.product());
        let root = root(self.state.legacy.root.as_deref());
        let trust = trust(&root, product);
        let platform = self.state.legacy.platform.as_mut();
        let platform = platform.ok_or(Status::INVALID_PLATFORM_STATE)?;
        let guest = platform.guests.remove(&command.handle).ok_or(Status::INVALID_GUEST)?;
        let sender =
            Sender { pdh: platform.keys.pdh(), oca: &platform.keys.certificates().oca, trust };
        let (stage, result) = match guest.stage {
            Stage::Running(running) => {
                match running.send_start(&certificates.receiver(), &sender, &random, backend) {
                    Ok((sending, session)) => (Stage::SendUpdate(sending), Ok(session)),
                    Err(refused) => (Stage::Running(refused.guest), Err(refused.error.status())),
                }
            }
            other => (other, Err(Status::INVALID_GUEST_STATE)),
        };
        platform.guests.insert(command.handle, super::Guest { stage, ..guest });
        command.policy = policy.0;
        self.bus.write(command.session_paddr, &result?.to_bytes())
    }

    /// The receiver's certificates: all lengths before the first byte.
    fn read_receiver(
        &self,
        command: &SevSendStart,
        has_platform: bool,
        has_amd: bool,
    ) -> Result<Certificates, Status> {
        if has_platform {
            check_len(command.plat_certs_len, PlatformCertificates::CHAIN_LEN)?;
        }
        check_len(command.pdh_len, Certificate::LEN)?;
        if has_amd && !matches!(command.amd_certs_len, 1664 | 2176 | 2688 | 3200) {
            return Err(Status::INVALID_LENGTH);
        }
        let mut certificates = Certificates::default();
        if has_platform {
            let len = PlatformCertificates::CHAIN_LEN;
            certificates.platform = self.read_memory(command.plat_certs_paddr, len)?;
        }
        certificates.pdh = self.read_memory(command.pdh_paddr, Certificate::LEN)?;
        if has_amd {
            let len = command.amd_certs_len as usize;
            certificates.amd = self.read_memory(command.amd_certs_paddr, len)?;
        }
        Ok(certificates)
    }

    fn check_receiver(
        &self,
        certificates: &Certificates,
        policy: GuestPolicy,
    ) -> Result<(), Status> {
        let platform = self.state.legacy.platform.as_ref();
        let platform = platform.ok_or(Status::INVALID_PLATFORM_STATE)?;
        let root = root(self.state.legacy.root.as_deref());
        let trust = trust(&root, self.state.chip.product());
        let oca = &platform.keys.certificates().oca;
        let checked = certificates.receiver().check(policy, oca, &trust);
        checked.map(drop).map_err(|error| error.status())
    }

    pub(super) fn sev_send_update_data(
        &mut self,
        command: &mut SevSendUpdateData,
    ) -> Result<(), Status> {
        self.send_update(command, false)
    }

    pub(super) fn sev_send_update_vmsa(
        &mut self,
        command: &mut SevSendUpdateVmsa,
    ) -> Result<(), Status> {
        let mut common = as_data(command);
        let result = self.send_update(&mut common, true);
        command.hdr_len = common.hdr_len;
        result
    }

    /// Random bytes: the packet's IV.
    fn send_update(
        &mut self,
        command: &mut SevSendUpdateData,
        is_vmsa: bool,
    ) -> Result<(), Status> {
        let platform = self.state.legacy.working()?;
        let header_found = command.hdr_len;
        if (header_found as usize) < PacketHeader::LEN {
            command.hdr_len = PacketHeader::LEN as u32;
            return Err(Status::INVALID_LENGTH);
        }
        let guest = platform.guest(command.handle)?;
        if !matches!(guest.stage, Stage::SendUpdate(_)) {
            return Err(Status::INVALID_GUEST_STATE);
        }
        if is_vmsa && !guest.policy().es() {
            return Err(Status::UNSUPPORTED);
        }
        let (asid, blocks) = (guest.asid()?, guest.check_blocks());
        let len = command.guest_len as usize;
        if !is_packet_len(len) || command.trans_len < command.guest_len {
            return Err(Status::INVALID_LENGTH);
        }
        check_block_address(command.guest_paddr)?;
        self.check_sev_output(command.hdr_paddr, header_found)?;
        self.check_sev_output(command.trans_paddr, command.trans_len)?;
        let mut text = self.read_guest_memory(asid, command.guest_paddr, len)?;
        // What is sent is of any length, but a save area of a page.
        let vmsa = text.first_chunk().filter(|_| is_vmsa && len == PAGE).map(Vmsa::from_bytes);
        let is_intact = vmsa.as_ref().is_some_and(|vmsa| vmsa.check_integrity(&blocks).is_ok());
        if is_vmsa && !is_intact {
            return Err(Status::INVALID_PARAM);
        }
        self.check_memory(command.trans_paddr, len)?;
        self.check_memory(command.hdr_paddr, PacketHeader::LEN)?;
        let iv = PacketIv::from_random(*self.random());
        let Stage::SendUpdate(sending) = &self.state.legacy.working()?.guest(command.handle)?.stage
        else {
            return Err(Status::INVALID_GUEST_STATE);
        };
        let header = match (&vmsa, text.first_chunk_mut()) {
            (Some(vmsa), Some(packet)) => sending.vmsa(iv, vmsa, &blocks, packet),
            _ => sending.data(iv, &mut text),
        };
        let header = header.map_err(|error| error.status())?;
        self.bus.write(command.trans_paddr, &text)?;
        self.bus.write(command.hdr_paddr, &header.to_bytes())?;
        command.hdr_len = PacketHeader::LEN as u32;
        Ok(())
    }

    /// Reads memory of a guest.
    pub(super) fn read_guest_memory(
        &self,
        asid: Asid,
        paddr: u64,
        len: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Status> {
        self.check_memory(paddr, len)?;
        self.check_read(paddr, len as u64)?;
        let mut text = Zeroizing::new(vec![0; len]);
        self.bus.read_guest(asid, paddr, &mut text)?;
        Ok(text)
    }

    pub(super) fn sev_send_finish(&mut self, command: &mut SevSendFinish) -> Result<(), Status> {
        self.state.legacy.working()?.advance(command.handle, |stage| match stage {
            Stage::SendUpdate(sending) => (Stage::Sent(sending.finish()), Ok(())),
            other => (other, Err(Status::INVALID_GUEST_STATE)),
        })
    }

    pub(super) fn sev_send_cancel(&mut self, command: &mut SevSendCancel) -> Result<(), Status> {
        self.state.legacy.working()?.advance(command.handle, |stage| match stage {
            Stage::SendUpdate(sending) => (Stage::Running(sending.cancel()), Ok(())),
            other => (other, Err(Status::INVALID_GUEST_STATE)),
        })
    }

    /// Random bytes as LAUNCH_START draws them.
    pub(super) fn sev_receive_start(
        &mut self,
        command: &mut SevReceiveStart,
    ) -> Result<(), Status> {
        self.state.legacy.init()?;
        let session = (command.session_paddr, command.session_len);
        let peer = (command.pdh_paddr, command.pdh_len);
        let channel = self.open_session(session, peer, GuestPolicy(command.policy))?;
        let receiving = Receiving::start(channel, self.state.backend);
        command.handle = self.add_guest(command.handle, Stage::ReceiveUpdate(receiving))?;
        Ok(())
    }

    pub(super) fn sev_receive_update_data(
        &mut self,
        command: &mut SevReceiveUpdateData,
    ) -> Result<(), Status> {
        self.receive_update(command, false)
    }

    pub(super) fn sev_receive_update_vmsa(
        &mut self,
        command: &mut SevReceiveUpdateVmsa,
    ) -> Result<(), Status> {
        self.receive_update(&as_data(command), true)
    }

    fn receive_update(
        &mut self,
        command: &SevReceiveUpdateData,
        is_vmsa: bool,
    ) -> Result<(), Status> {
        let guest = self.state.legacy.working()?.guest(command.handle)?;
        if !matches!(guest.stage, Stage::ReceiveUpdate(_)) {
            return Err(Status::INVALID_GUEST_STATE);
        }
        if is_vmsa && !guest.policy().es() {
            return Err(Status::UNSUPPORTED);
        }
        let asid = guest.asid()?;
        let len = command.guest_len as usize;
        if command.guest_len != command.trans_len
            || !is_packet_len(len)
            || (command.hdr_len as usize) < PacketHeader::LEN
        {
            return Err(Status::INVALID_LENGTH);
        }
        check_block_address(command.guest_paddr)?;
        self.check_sev_output(command.guest_paddr, command.guest_len)?;
        self.check_memory(command.hdr_paddr, PacketHeader::LEN)?;
        let mut header = [0; PacketHeader::LEN];
        self.bus.read(command.hdr_paddr, &mut header)?;
        let header = PacketHeader::from_bytes(&header);
        if header.is_compressed() {
            return Err(Status::UNSUPPORTED);
        }
        self.check_memory(command.guest_paddr, len)?;
        let mut text = Zeroizing::new(self.read_memory(command.trans_paddr, len)?);

        let Platform { tmr, guests, .. } = self.state.legacy.working()?;
        let guest = guests.get_mut(&command.handle).ok_or(Status::INVALID_GUEST)?;
        let Stage::ReceiveUpdate(receiving) = &guest.stage else {
            return Err(Status::INVALID_GUEST_STATE);
        };
        if !is_vmsa {
            receiving.data(&header, &mut text).map_err(|error| error.status())?;
        } else if let Some(page) = text.first_chunk().filter(|_| len == PAGE) {
            let tmr = tmr.as_mut().ok_or(Status::UNSUPPORTED)?;
            // That no block is free comes after the MAC.
            let (block, is_free) = match tmr.free_block() {
                Ok((number, address)) => ((number, address), Ok(())),
                Err(status) => (Default::default(), Err(status)),
            };
            let mut vmsa = Vmsa::from_bytes(&[0; PAGE]);
            let check = receiving.vmsa(&header, page, block.1, &mut vmsa);
            let check = check.map_err(|error| error.status())?;
            is_free?;
            guest.blocks.push((block.0, check));
            tmr.taken.insert(block.0);
            text.copy_from_slice(vmsa.as_bytes());
        } else {
            // MODEL: the packet of a save area is a page.
            receiving.data(&header, &mut text).map_err(|error| error.status())?;
            return Err(Status::INVALID_LENGTH);
        }
        self.bus.write_guest(asid, command.guest_paddr, &text)
    }

    pub(super) fn sev_receive_finish(
        &mut self,
        command: &mut SevReceiveFinish,
    ) -> Result<(), Status> {
        let platform = self.state.legacy.working()?;
        platform.advance(command.handle, |stage| match stage {
            Stage::ReceiveUpdate(receiving) => (Stage::Running(receiving.finish()), Ok(())),
            other => (other, Err(Status::INVALID_GUEST_STATE)),
        })?;
        platform.guest(command.handle)?.finish_activation();
        Ok(())
    }
}

/// A command of save areas as the one of data, which has the same buffer.
fn as_data<V: Command, C: Command>(command: &V) -> C {
    const { assert!(V::LEN == C::LEN && V::LEN <= 0x34) };
    let mut buffer = [0; 0x34];
    command.write(&mut buffer[..V::LEN]);
    C::get(&buffer[..C::LEN])
}

/// Whether a packet may have so many bytes.
fn is_packet_len(len: usize) -> bool {
    len != 0 && len <= MAX_LEN && len.is_multiple_of(16)
}

/// The ARK that the fuses name.
fn root(bytes: Option<&[u8]>) -> Option<AmdCertificate<'_>> {
    Some(AmdCertificate::parse(bytes?).ok()?.0)
}

/// What the firmware of a product trusts. MODEL: AMD has published no ARK of SEV for products behind Turin.
fn trust<'a>(root: &'a Option<AmdCertificate<'a>>, product: tcb::Product) -> Trust<'a> {
    let own = match product {
        _ if root.is_some() => None,
        tcb::Product::Milan => Some(Product::Milan),
        tcb::Product::Genoa => Some(Product::Genoa),
        tcb::Product::Turin => Some(Product::Turin),
        tcb::Product::Venice => None,
    };
    let only = Trust::only(root.as_slice());
    own.map_or(only, |product| only.with_product(product))
}
