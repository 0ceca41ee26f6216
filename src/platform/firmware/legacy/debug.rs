//! The host's ways into and within a guest's memory.

use std::vec;

use zeroize::Zeroizing;

use super::{check_block_address, chunks};
use crate::addr::{Asid, PAGE};
use crate::platform::command::{SevCopy, SevDbgDecrypt, SevDbgEncrypt};
use crate::platform::firmware::Commands;
use crate::platform::memory::Dram;
use crate::status::Status;
use crate::wipe::Wiped;

impl<D: Dram> Commands<'_, D> {
    /// MODEL: while ciphertext is hidden from the host, a range with a page of an SNP guest's is not read: `INVALID_PAGE_STATE`, here and
    /// wherever a command reads a guest's memory. Ranges that overlap are read and written piece by piece, in order of their addresses.
    pub(super) fn sev_dbg_decrypt(&mut self, command: &mut SevDbgDecrypt) -> Result<(), Status> {
        let &mut SevDbgDecrypt { handle, src_paddr, dst_paddr, len } = command;
        let asid = self.check_debug(handle, src_paddr, dst_paddr, len)?;
        let mut text = Zeroizing::new(vec![0; super::CHUNK]);
        for (at, len) in chunks(len) {
            self.bus.read_guest(asid, src_paddr + at, &mut text[..len])?;
            self.bus.write(dst_paddr + at, &text[..len])?;
        }
        Ok(())
    }

    pub(super) fn sev_dbg_encrypt(&mut self, command: &mut SevDbgEncrypt) -> Result<(), Status> {
        let &mut SevDbgEncrypt { handle, src_paddr, dst_paddr, len } = command;
        let asid = self.check_debug(handle, src_paddr, dst_paddr, len)?;
        let mut text = Zeroizing::new(vec![0; super::CHUNK]);
        for (at, len) in chunks(len) {
            self.bus.read(src_paddr + at, &mut text[..len])?;
            self.bus.write_guest(asid, dst_paddr + at, &text[..len])?;
        }
        Ok(())
    }

    fn check_debug(&mut self, handle: u32, src: u64, dst: u64, len: u32) -> Result<Asid, Status> {
        let platform = self.state.legacy.working()?;
        check_block_address(src)?;
        check_block_address(dst)?;
        if !len.is_multiple_of(16) {
            return Err(Status::INVALID_LENGTH);
        }
        let guest = platform.guest(handle)?;
        if guest.policy().nodbg() {
            return Err(Status::POLICY_FAILURE);
        }
        let asid = guest.asid();
        self.check_sev_output(dst, len)?;
        let asid = asid?;
        self.check_memory(src, len as usize)?;
        self.check_memory(dst, len as usize)?;
        self.check_read(src, len.into())?;
        Ok(asid)
    }

    /// Where the first pages of source and destination are the same one, nothing is done.
    pub(super) fn sev_copy(&mut self, command: &mut SevCopy) -> Result<(), Status> {
        let &mut SevCopy { handle, len, src_paddr, dst_paddr } = command;
        let asid = self.state.legacy.working()?.guest(handle)?.asid()?;
        if len == 0 || !(len as usize).is_multiple_of(PAGE) {
            return Err(Status::INVALID_LENGTH);
        }
        if !(src_paddr | dst_paddr).is_multiple_of(PAGE as u64) {
            return Err(Status::INVALID_ADDRESS);
        }
        self.check_sev_output(dst_paddr, len)?;
        if src_paddr == dst_paddr {
            return Ok(());
        }
        self.check_memory(src_paddr, len as usize)?;
        self.check_memory(dst_paddr, len as usize)?;
        self.check_read(src_paddr, len.into())?;
        let mut text = Wiped::new([0; PAGE]);
        for at in (0..u64::from(len)).step_by(PAGE) {
            self.bus.read_guest(asid, src_paddr + at, &mut text[..])?;
            self.bus.write_guest(asid, dst_paddr + at, &text[..])?;
        }
        Ok(())
    }
}
