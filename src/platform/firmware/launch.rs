//! Launches.

use super::Commands;
use crate::platform::command::{SnpLaunchFinish, SnpLaunchStart, SnpLaunchUpdate};
use crate::platform::memory::Dram;
use crate::status::Status;

impl<D: Dram> Commands<'_, D> {
    pub(super) fn snp_launch_start(&mut self, command: &mut SnpLaunchStart) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_launch_update(
        &mut self,
        command: &mut SnpLaunchUpdate,
    ) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_launch_finish(
        &mut self,
        command: &mut SnpLaunchFinish,
    ) -> Result<(), Status> {
        let _ = command;
        todo!()
    }
}
