//! Guest messages.

use super::Commands;
use crate::platform::command::SnpGuestRequest;
use crate::platform::memory::Dram;
use crate::status::Status;

impl<D: Dram> Commands<'_, D> {
    pub(super) fn snp_guest_request(
        &mut self,
        command: &mut SnpGuestRequest,
    ) -> Result<(), Status> {
        let _ = command;
        todo!()
    }
}
