//! Launches, and reports.

use std::vec;

use zeroize::Zeroizing;

use super::{Guest, Stage, check_block_address, check_len, chunks};
use crate::addr::PAGE;
use crate::platform::command::{
    SevAttestation, SevLaunchFinish, SevLaunchMeasure, SevLaunchSecret, SevLaunchStart,
    SevLaunchUpdateData, SevLaunchUpdateVmsa,
};
use crate::platform::firmware::Commands;
use crate::platform::firmware::Secret;
use crate::platform::memory::Dram;
use crate::sev::GuestPolicy;
use crate::sev::cert::Certificate;
use crate::sev::launch::{Loading, Measurement};
use crate::sev::packet::{MAX_LEN, PacketHeader};
use crate::sev::report::AttestationReport;
use crate::sev::session::{Channel, SessionBuffer};
use crate::status::Status;
use crate::vmsa::Vmsa;

impl<D: Dram> Commands<'_, D> {
    /// Random bytes are drawn in this order: the seed of the memory key, if it is not shared, then the offline encryption key.
    pub(super) fn sev_launch_start(&mut self, command: &mut SevLaunchStart) -> Result<(), Status> {
        self.state.legacy.init()?;
        let policy = GuestPolicy(command.policy);
        let loading = if command.dh_cert_paddr == 0 {
            Loading::start_without_session(policy)
        } else {
            let session = (command.session_paddr, command.session_len);
            let peer = (command.dh_cert_paddr, command.dh_cert_len);
            Loading::start(self.open_session(session, peer, policy)?)
        };
        command.handle = self.add_guest(command.handle, Stage::LaunchUpdate(loading))?;
        Ok(())
    }

    /// Opens a session: its buffer's length and bytes, then those of the peer's certificate.
    pub(super) fn open_session(
        &mut self,
        (session_paddr, session_len): (u64, u32),
        (peer_paddr, peer_len): (u64, u32),
        policy: GuestPolicy,
    ) -> Result<Channel, Status> {
        check_len(session_len, SessionBuffer::LEN)?;
        let session = self.read_memory(session_paddr, SessionBuffer::LEN)?;
        check_len(peer_len, Certificate::LEN)?;
        let peer = self.read_memory(peer_paddr, Certificate::LEN)?;
        let api = self.sev_version().api;
        let pdh = self.state.legacy.init()?.keys.pdh();
        Channel::open(pdh, &peer, &session, policy, api).map_err(|error| error.status())
    }

    /// The end of LAUNCH_START and RECEIVE_START: a key of the guest's own or a shared one, a handle, SEV-ES.
    pub(super) fn add_guest(&mut self, shared: u32, stage: Stage) -> Result<u32, Status> {
        let mut guest = Guest {
            stage,
            vek_seed: Secret::new([0; 32]),
            oek: Secret::new([0; 32]),
            oek_count: 0,
            asid: None,
            blocks: vec![],
        };
        let policy = guest.policy();
        let platform = self.state.legacy.init()?;
        if shared != 0 {
            let other = platform.guest(shared)?;
            policy.check_sharing(other.policy()).map_err(|error| error.status())?;
            *guest.vek_seed = *other.vek_seed;
        }
        let handle = platform.free_handle()?;
        if policy.es() && platform.tmr.is_none() {
            return Err(Status::UNSUPPORTED);
        }
        if shared == 0 {
            guest.vek_seed = self.state.draw_secret();
        }
        guest.oek = self.state.draw_secret();
        self.state.legacy.init()?.guests.insert(handle, guest);
        Ok(handle)
    }

    pub(super) fn sev_launch_update_data(
        &mut self,
        command: &mut SevLaunchUpdateData,
    ) -> Result<(), Status> {
        let &mut SevLaunchUpdateData { handle, paddr, len } = command;
        let guest = self.state.legacy.working()?.guest(handle)?;
        if !matches!(guest.stage, Stage::LaunchUpdate(_)) {
            return Err(Status::INVALID_GUEST_STATE);
        }
        let asid = guest.asid()?;
        self.check_launch_range(paddr, len)?;
        let mut bytes = Zeroizing::new(vec![0; super::CHUNK]);
        for (at, len) in chunks(len) {
            let bytes = &mut bytes[..len];
            self.bus.read(paddr + at, bytes)?;
            let guest = self.state.legacy.working()?.guest(handle)?;
            if let Stage::LaunchUpdate(loading) = &mut guest.stage {
                loading.update_data(bytes).map_err(|error| error.status())?;
            }
            self.bus.write_guest(asid, paddr + at, bytes)?;
        }
        Ok(())
    }

    /// The range of LAUNCH_UPDATE, which the firmware reads and writes.
    fn check_launch_range(&self, paddr: u64, len: u32) -> Result<(), Status> {
        check_block_address(paddr)?;
        if len == 0 || !len.is_multiple_of(16) {
            return Err(Status::INVALID_LENGTH);
        }
        self.check_sev_output(paddr, len)?;
        self.check_memory(paddr, len as usize)
    }

    pub(super) fn sev_launch_update_vmsa(
        &mut self,
        command: &mut SevLaunchUpdateVmsa,
    ) -> Result<(), Status> {
        let &mut SevLaunchUpdateVmsa { handle, paddr, len } = command;
        check_len(len, PAGE)?;
        let guest = self.state.legacy.working()?.guest(handle)?;
        if !matches!(guest.stage, Stage::LaunchUpdate(_)) {
            return Err(Status::INVALID_GUEST_STATE);
        }
        if !guest.policy().es() {
            return Err(Status::UNSUPPORTED);
        }
        let asid = guest.asid()?;
        self.check_launch_range(paddr, len)?;
        let mut vmsa = Vmsa::from_bytes(&[0; PAGE]);
        self.bus.read(paddr, vmsa.as_bytes_mut())?;
        let platform = self.state.legacy.working()?;
        let tmr = platform.tmr.as_mut().ok_or(Status::UNSUPPORTED)?;
        let (number, address) = tmr.free_block()?;
        let guest = platform.guests.get_mut(&handle).ok_or(Status::INVALID_GUEST)?;
        if let Stage::LaunchUpdate(loading) = &mut guest.stage {
            loading.update_vmsa(vmsa.as_bytes()).map_err(|error| error.status())?;
        }
        guest.blocks.push((number, vmsa.prepare(address)));
        tmr.taken.insert(number);
        self.bus.write_guest(asid, paddr, vmsa.as_bytes())
    }

    /// Random bytes: MNONCE.
    pub(super) fn sev_launch_measure(
        &mut self,
        command: &mut SevLaunchMeasure,
    ) -> Result<(), Status> {
        let guest = self.state.legacy.working()?.guest(command.handle)?;
        if !matches!(guest.stage, Stage::LaunchUpdate(_)) {
            return Err(Status::INVALID_GUEST_STATE);
        }
        if (command.len as usize) < Measurement::LEN {
            command.len = Measurement::LEN as u32;
            return Err(Status::INVALID_LENGTH);
        }
        self.check_sev_output(command.paddr, command.len)?;
        self.check_memory(command.paddr, Measurement::LEN)?;
        let (version, backend) = (self.sev_version(), self.state.backend);
        let mnonce = self.random();
        let mut measured = None;
        let platform = self.state.legacy.working()?;
        platform.advance(command.handle, |stage| match stage {
            Stage::LaunchUpdate(loading) => {
                let (measurement, next) = loading.measure(version, &mnonce, backend);
                measured = Some(measurement);
                (Stage::LaunchSecret(next), Ok(()))
            }
            other => (other, Err(Status::INVALID_GUEST_STATE)),
        })?;
        measured.map_or(Ok(()), |measured| self.bus.write(command.paddr, &measured.to_bytes()))
    }

    pub(super) fn sev_launch_secret(
        &mut self,
        command: &mut SevLaunchSecret,
    ) -> Result<(), Status> {
        let guest = self.state.legacy.working()?.guest(command.handle)?;
        let (is_measured, asid) = (matches!(guest.stage, Stage::LaunchSecret(_)), guest.asid());
        check_block_address(command.guest_paddr)?;
        let len = command.guest_len as usize;
        if command.hdr_len as usize != PacketHeader::LEN
            || len == 0
            || !len.is_multiple_of(16)
            || len > MAX_LEN
            || command.guest_len != command.trans_len
        {
            return Err(Status::INVALID_LENGTH);
        }
        if !is_measured {
            return Err(Status::INVALID_GUEST_STATE);
        }
        let asid = asid?;
        self.check_sev_output(command.guest_paddr, command.guest_len)?;
        let header = self.read_memory(command.hdr_paddr, PacketHeader::LEN)?;
        self.check_memory(command.guest_paddr, len)?;
        let mut secret = Zeroizing::new(self.read_memory(command.trans_paddr, len)?);
        let guest = self.state.legacy.working()?.guest(command.handle)?;
        if let Stage::LaunchSecret(measured) = &guest.stage {
            let opened = measured.open_secret_command(&header, command.guest_len, &mut secret);
            opened.map_err(|error| error.status())?;
        }
        self.bus.write_guest(asid, command.guest_paddr, &secret)
    }

    pub(super) fn sev_launch_finish(
        &mut self,
        command: &mut SevLaunchFinish,
    ) -> Result<(), Status> {
        let platform = self.state.legacy.working()?;
        platform.advance(command.handle, |stage| match stage {
            Stage::LaunchSecret(measured) => (Stage::Running(measured.finish()), Ok(())),
            other => (other, Err(Status::INVALID_GUEST_STATE)),
        })?;
        platform.guest(command.handle)?.finish_activation();
        Ok(())
    }

    pub(super) fn sev_attestation(&mut self, command: &mut SevAttestation) -> Result<(), Status> {
        let guest = self.state.legacy.working()?.guest(command.handle)?;
        let policy = guest.policy();
        let digest = guest.reported_digest().ok_or(Status::INVALID_GUEST_STATE)?;
        let found = command.len;
        command.len = AttestationReport::LEN as u32;
        if found < command.len {
            return Err(Status::INVALID_LENGTH);
        }
        self.check_sev_output(command.paddr, found)?;
        self.check_memory(command.paddr, AttestationReport::LEN)?;
        let pek = self.state.legacy.init()?.keys.pek();
        let report = AttestationReport::sign(&command.mnonce, &digest, policy, pek);
        let report = report.map_err(|_| Status::HWERROR_PLATFORM)?;
        self.bus.write(command.paddr, report.as_bytes())
    }
}
