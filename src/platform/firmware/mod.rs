//! The firmware of the Secure Processor: what it keeps, and what each command does.
//!
//! Every command checks everything before it changes anything, in the firmware's order; where it fails, nothing has changed but what the
//! command's documentation names.

mod bus;
mod debug;
mod guest;
mod image;
mod launch;
mod legacy;
mod migration;
mod pages;
mod platform;
mod request;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use bus::{Bus, LookedUp};
pub use image::{FirmwareImage, NoFirmwareImage};
pub use launch::LaunchPagesError;
pub(crate) use legacy::{Around, Legacy};
pub(crate) use state::{
    AsidOwner, AsidState, Asids, Facts, GuestContext, Snp, State, Versions, Vlek,
};
pub use state::{GuestState, PlatformVersions};

use super::command::*;
use super::memory::Dram;
use crate::addr::PAGE;
use crate::rmp::PageState;
use crate::status::Status;
use crate::wipe::Wiped;

/// A secret of 32 bytes.
pub(crate) type Secret = Wiped<[u8; 32]>;

/// The commands of the firmware: its state, and its way to memory.
pub(crate) struct Commands<'m, D: Dram> {
    pub(crate) bus: Bus<'m, D>,
    pub(crate) state: &'m mut State,
}

impl<D: Dram> Commands<'_, D> {
    /// Runs a command. The buffer is as the firmware leaves it: changed by commands of SEV and SEV-ES, on success and by
    /// `INVALID_LENGTH`.
    pub(crate) fn run(&mut self, id: CommandId, buffer: &mut [u8]) -> Result<(), Status> {
        match id {
            SnpInit::ID => self.call(buffer, Self::snp_init),
            SnpShutdown::ID => self.call(buffer, Self::snp_shutdown),
            SnpPlatformStatus::ID => self.call(buffer, Self::snp_platform_status),
            SnpDfFlush::ID => self.call(buffer, Self::snp_df_flush),
            SnpInitEx::ID => self.call(buffer, Self::snp_init_ex),
            SnpShutdownEx::ID => self.call(buffer, Self::snp_shutdown_ex),
            SnpDecommission::ID => self.call(buffer, Self::snp_decommission),
            SnpActivate::ID => self.call(buffer, Self::snp_activate),
            SnpGuestStatus::ID => self.call(buffer, Self::snp_guest_status),
            SnpGctxCreate::ID => self.call(buffer, Self::snp_gctx_create),
            SnpGuestRequest::ID => self.call(buffer, Self::snp_guest_request),
            SnpActivateEx::ID => self.call(buffer, Self::snp_activate_ex),
            SnpLaunchStart::ID => self.call(buffer, Self::snp_launch_start),
            SnpLaunchUpdate::ID => self.call(buffer, Self::snp_launch_update),
            SnpLaunchFinish::ID => self.call(buffer, Self::snp_launch_finish),
            SnpDbgDecrypt::ID => self.call(buffer, Self::snp_dbg_decrypt),
            SnpDbgEncrypt::ID => self.call(buffer, Self::snp_dbg_encrypt),
            SnpPageSwapOut::ID => self.call(buffer, Self::snp_page_swap_out),
            SnpPageSwapIn::ID => self.call(buffer, Self::snp_page_swap_in),
            SnpPageMove::ID => self.call(buffer, Self::snp_page_move),
            SnpPageMdInit::ID => self.call(buffer, Self::snp_page_md_init),
            SnpPageSetState::ID => self.call(buffer, Self::snp_page_set_state),
            SnpPageReclaim::ID => self.call(buffer, Self::snp_page_reclaim),
            SnpPageUnsmash::ID => self.call(buffer, Self::snp_page_unsmash),
            SnpConfig::ID => self.call(buffer, Self::snp_config),
            // SEV's state is looked at before reserved bytes are.
            SnpDownloadFirmwareEx::ID => self
                .check_legacy_uninit()
                .and_then(|()| self.call(buffer, Self::snp_download_firmware_ex)),
            SnpCommit::ID => self.call(buffer, Self::snp_commit),
            SnpVlekLoad::ID => self.call(buffer, Self::snp_vlek_load),
            SnpFeatureInfo::ID => self.call(buffer, Self::snp_feature_info),
            _ => self.run_legacy(id, buffer),
        }
    }

    /// Runs a command whose buffer lies in memory.
    ///
    /// While the RMP is filled, the buffer of a command of SEV or SEV-ES, the only ones that write to theirs, is checked as everything
    /// that is written. It is taken away from the firmware afterwards. MODEL: where another processor is changing the region just
    /// then, it stays FIRMWARE for SNP_PAGE_RECLAIM, for the command is done.
    pub(crate) fn mailbox(&mut self, id: CommandId, paddr: u64) -> Result<(), Status> {
        // The firmware's own status is told from that of the command.
        let unusable = |status: Status| Status(status.0 + 0x40);
        let mut reclaimed = None;
        if self.state.snp.is_rmp_init && id.is_legacy() {
            let page = self.bus.look_up(paddr).map_err(unusable)?;
            if !page.is_firmware_or_default() {
                return Err(unusable(Status::INVALID_PAGE_STATE));
            }
            reclaimed = page.entry.reclaimed().map(|entry| (page, entry));
        }
        let room = PAGE - paddr as usize % PAGE;
        let mut buffer = Wiped::new([0; PAGE]);
        let buffer = &mut buffer[..room];
        self.bus.read(paddr, buffer).map_err(unusable)?;
        let mut before = Wiped::new([0; PAGE]);
        let before = &mut before[..room];
        before.copy_from_slice(buffer);
        let result = self.run(id, buffer);
        if buffer != before {
            self.bus.write(paddr, buffer).map_err(unusable)?;
        }
        if let Some((page, entry)) = reclaimed {
            let _ = self.bus.change(&page, entry);
        }
        result
    }

    /// Reads a command, whose reserved bytes come first in every command's order of checks, and runs it. None of SNP's writes to its
    /// buffer, which may lie in anybody's page.
    fn call<C: Command>(
        &mut self,
        buffer: &mut [u8],
        command: impl FnOnce(&mut Self, &mut C) -> Result<(), Status>,
    ) -> Result<(), Status> {
        // MODEL: the firmware always sees a page.
        let buffer = buffer.get_mut(..C::LEN).ok_or(Status::INVALID_LENGTH)?;
        let mut fields = C::read(buffer)?;
        command(self, &mut fields)
    }

    /// While the RMP is filled, checks that every page of a range is the firmware's to write, as [`Bus::check_written`] does: also behind
    /// SNP_SHUTDOWN, for pages of entries keep their state until the RMP ends (MODEL).
    ///
    /// # Errors
    /// As [`Bus::check_written`].
    fn check_written(&self, paddr: u64, len: u64) -> Result<(), Status> {
        if self.state.snp.is_rmp_init { self.bus.check_written(paddr, len) } else { Ok(()) }
    }

    /// While ciphertext is hidden from the host, checks that what the host names to be read is no guest's: it would see, or see something
    /// that depends on, the ciphertext (MODEL).
    ///
    /// # Errors
    /// As [`Bus::check_no_guests`].
    fn check_read(&self, paddr: u64, len: u64) -> Result<(), Status> {
        if self.state.snp.ciphertext_hiding { self.bus.check_no_guests(paddr, len) } else { Ok(()) }
    }

    /// SNP is initialised.
    ///
    /// # Errors
    /// `INVALID_PLATFORM_STATE`
    fn check_init(&self) -> Result<(), Status> {
        if self.state.snp.is_init { Ok(()) } else { Err(Status::INVALID_PLATFORM_STATE) }
    }

    /// The guest whose context a page is.
    ///
    /// # Errors
    /// `INVALID_GUEST`: the page is no context.
    fn context(&mut self, page: &LookedUp) -> Result<&mut GuestContext, Status> {
        if page.state != PageState::Context {
            return Err(Status::INVALID_GUEST);
        }
        self.state.snp.guests.get_mut(&page.page.get()).ok_or(Status::INVALID_GUEST)
    }
}

/// An address whose bits below the page are reserved.
///
/// # Errors
/// `INVALID_PARAM`
fn check_page_address(paddr: u64) -> Result<(), Status> {
    if paddr.is_multiple_of(PAGE as u64) { Ok(()) } else { Err(Status::INVALID_PARAM) }
}
