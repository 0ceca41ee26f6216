//! Guests: from GCTX_CREATE to DECOMMISSION.

use super::Commands;
use crate::platform::command::{
    SnpActivate, SnpActivateEx, SnpDecommission, SnpGctxCreate, SnpGuestStatus,
};
use crate::platform::memory::Dram;
use crate::status::Status;

impl<D: Dram> Commands<'_, D> {
    pub(super) fn snp_gctx_create(&mut self, command: &mut SnpGctxCreate) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_activate(&mut self, command: &mut SnpActivate) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_activate_ex(&mut self, command: &mut SnpActivateEx) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_decommission(&mut self, command: &mut SnpDecommission) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_guest_status(&mut self, command: &mut SnpGuestStatus) -> Result<(), Status> {
        let _ = command;
        todo!()
    }
}
