//! The machine: memory, RMP and firmware together.

use std::boxed::Box;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::command::{Command, CommandId};
use super::firmware::{Bus, Commands, State};
use super::memory::{Dram, HeapDram, MemoryController};
use crate::rmp::{AtomicEntry, Rmp};
use crate::status::Status;

/// A machine.
pub struct Machine<D: Dram = HeapDram> {
    memory: MemoryController<D>,
    rmp: Box<[AtomicEntry]>,
    max_asid: u32,
    state: Mutex<State>,
}

impl<D: Dram> Machine<D> {
    /// Its memory controller.
    #[must_use]
    pub fn memory(&self) -> &MemoryController<D> {
        &self.memory
    }

    /// Its reverse map table.
    #[must_use]
    pub fn rmp(&self) -> Rmp<'_, [AtomicEntry]> {
        Rmp::new(&self.rmp[..], self.max_asid)
    }

    /// Runs a command of the firmware on its buffer, which is changed as the firmware changes it. Any number and any bytes are
    /// taken: what the firmware does not know is `INVALID_COMMAND`.
    pub fn command(&self, id: CommandId, buffer: &mut [u8]) -> Status {
        let mut state = self.lock();
        let mut commands = Commands { bus: Bus(self), state: &mut state };
        commands.run(id, buffer).err().unwrap_or(Status::SUCCESS)
    }

    /// Runs a command.
    ///
    /// # Errors
    /// The status that the firmware answers with, if that is not `SUCCESS`.
    pub fn issue<C: Command>(&self, command: &mut C) -> Result<(), Status> {
        let mut buffer = [0; 0x40];
        let buffer = &mut buffer[..C::LEN];
        command.write(buffer);
        self.command(C::ID, buffer).ok()?;
        *command = C::read(buffer)?;
        Ok(())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A command that panicked has changed nothing by halves that a later one would trust.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
