//! The firmware of SEV and SEV-ES.

use super::Commands;
use crate::platform::command::CommandId;
use crate::platform::memory::Dram;
use crate::status::Status;

/// What the firmware keeps for SEV and SEV-ES.
#[derive(Default)]
pub(crate) struct Legacy {}

impl Legacy {
    /// Whether SEV is not initialised.
    pub(crate) fn is_uninit(&self) -> bool {
        true
    }
}

impl<D: Dram> Commands<'_, D> {
    /// Runs a command of SEV or SEV-ES.
    pub(super) fn run_legacy(&mut self, id: CommandId, buffer: &mut [u8]) -> Result<(), Status> {
        let _ = (id, buffer);
        Err(Status::INVALID_COMMAND)
    }
}
