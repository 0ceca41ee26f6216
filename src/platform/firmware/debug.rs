//! Pages of guests that allow debugging.

use super::Commands;
use crate::platform::command::{SnpDbgDecrypt, SnpDbgEncrypt};
use crate::platform::memory::Dram;
use crate::status::Status;

impl<D: Dram> Commands<'_, D> {
    pub(super) fn snp_dbg_decrypt(&mut self, command: &mut SnpDbgDecrypt) -> Result<(), Status> {
        let _ = command;
        todo!()
    }

    pub(super) fn snp_dbg_encrypt(&mut self, command: &mut SnpDbgEncrypt) -> Result<(), Status> {
        let _ = command;
        todo!()
    }
}
