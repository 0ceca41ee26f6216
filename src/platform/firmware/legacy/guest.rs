//! Guests and their ASIDs.

use super::{Guest, GuestAsid, Stage};
use crate::addr::Asid;
use crate::platform::command::{
    SevActivate, SevActivateEx, SevDeactivate, SevDecommission, SevGuestStatus,
};
use crate::platform::firmware::Commands;
use crate::platform::firmware::state::AsidOwner;
use crate::platform::memory::Dram;
use crate::status::Status;

/// The most APIC IDs of ACTIVATE_EX (MODEL: as many as fit into a page).
const MAX_APIC_IDS: u32 = 1024;

impl<D: Dram> Commands<'_, D> {
    /// MODEL: one core complex has all cores, so that an ASID is clean everywhere or nowhere.
    pub(super) fn sev_activate(&mut self, command: &mut SevActivate) -> Result<(), Status> {
        let guest = self.state.legacy.working()?.guest(command.handle)?;
        let is_inactive = guest.asid.is_none();
        let asid = self.check_asid(command.asid)?;
        if self.state.asids.owner(asid).is_some() {
            return Err(Status::ASID_OWNED);
        }
        if !is_inactive {
            return Err(Status::ACTIVE);
        }
        self.activate_legacy(command.handle, asid)
    }

    /// MODEL: the APIC IDs are read and any number is taken: see [`sev_activate`](Self::sev_activate).
    pub(super) fn sev_activate_ex(&mut self, command: &mut SevActivateEx) -> Result<(), Status> {
        self.state.legacy.working()?;
        if command.len != 0x18 {
            return Err(Status::INVALID_PARAM);
        }
        self.state.legacy.working()?.guest(command.handle)?;
        let asid = self.check_asid(command.asid)?;
        if command.numids == 0 || command.numids > MAX_APIC_IDS {
            return Err(Status::INVALID_PARAM);
        }
        self.read_memory(command.ids_paddr, command.numids as usize * 4)?;
        self.activate_legacy(command.handle, asid)
    }

    /// # Errors
    /// `INVALID_ASID`: there is no such ASID.
    fn check_asid(&self, asid: u32) -> Result<Asid, Status> {
        match asid {
            1.. if asid <= self.state.facts.max_asid => Ok(Asid::new(asid)),
            _ => Err(Status::INVALID_ASID),
        }
    }

    /// What ACTIVATE and ACTIVATE_EX have in common.
    ///
    /// MODEL: while ciphertext is hidden from the host, SNP has ASIDs 1 to MAX_SNP_ASID, and SEV-ES those behind.
    fn activate_legacy(&mut self, handle: u32, asid: Asid) -> Result<(), Status> {
        let (facts, snp) = (&self.state.facts, &self.state.snp);
        let first_es_asid = if snp.ciphertext_hiding { snp.max_snp_asid + 1 } else { 1 };
        let es_asids = first_es_asid..facts.min_sev_asid;
        let asids = &mut self.state.asids;
        let guest = self.state.legacy.working()?.guest(handle)?;
        if matches!(guest.stage, Stage::Sent(_)) {
            return Err(Status::INVALID_GUEST_STATE);
        }
        match guest.asid {
            Some(GuestAsid { asid: own, .. }) if own != asid => return Err(Status::ACTIVE),
            Some(_) => {}
            None if asids.is_dirty(asid) => return Err(Status::DFFLUSH_REQUIRED),
            None if asids.owner(asid).is_some() => return Err(Status::ASID_OWNED),
            None => {}
        }
        let is_of_class = match guest.policy().es() {
            true => es_asids.contains(&asid.get()),
            false => asid.get() >= facts.min_sev_asid,
        };
        if !is_of_class {
            return Err(Status::INVALID_ASID);
        }
        if guest.asid.is_none() {
            self.bus.install_key(asid, &guest.vek_seed)?;
            asids.activate(asid, AsidOwner::Legacy(handle))?;
        }
        let runs = matches!(guest.stage, Stage::Running(_) | Stage::SendUpdate(_));
        guest.asid = Some(GuestAsid { asid, is_pending: !runs });
        Ok(())
    }

    /// An ASID that was in use is dirty until DF_FLUSH; one that no guest ran with stays clean. The key stays in its slot.
    pub(super) fn sev_deactivate(&mut self, command: &mut SevDeactivate) -> Result<(), Status> {
        let guest = self.state.legacy.working()?.guest(command.handle)?;
        let asid = guest.asid.take().ok_or(Status::INACTIVE)?;
        self.release(asid);
        Ok(())
    }

    /// Gives an ASID back.
    pub(super) fn release(&mut self, GuestAsid { asid, is_pending }: GuestAsid) {
        if is_pending {
            self.state.asids.give_back_unused(asid);
        } else {
            self.state.asids.deactivate(asid);
        }
    }

    pub(super) fn sev_decommission(&mut self, command: &mut SevDecommission) -> Result<(), Status> {
        let platform = self.state.legacy.working()?;
        if platform.guest(command.handle)?.asid.is_some() {
            return Err(Status::ACTIVE);
        }
        let guest = platform.guests.remove(&command.handle);
        if let (Some(Guest { blocks, .. }), Some(tmr)) = (guest, &mut platform.tmr) {
            for (number, _) in blocks {
                tmr.taken.remove(&number);
            }
        }
        Ok(())
    }

    /// A handle that no guest has is no error: only the state is written, as 0.
    pub(super) fn sev_guest_status(&mut self, command: &mut SevGuestStatus) -> Result<(), Status> {
        match self.state.legacy.init()?.guests.get(&command.handle) {
            None => command.state = 0,
            Some(guest) => {
                command.policy = guest.policy().0;
                command.asid = guest.asid.map_or(0, |asid| asid.asid.get());
                command.state = guest.stage.number();
            }
        }
        Ok(())
    }
}
