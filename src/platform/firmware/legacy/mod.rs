//! The firmware of SEV and SEV-ES (AMD 55766; AMD's published firmware 1.55.25, `sev_mcmd.c`).
//!
//! What stands under keys is the work of [`crate::sev`]; here is what a platform adds: its state, handles, ASIDs, addresses and lengths.
//!
//! MODEL: the C-bit of an address is no part of it, the firmware's private memory is not in the machine's memory, and of the trusted
//! memory region only the addresses are used: check blocks are kept with their guests, and the host can reach the region.

mod debug;
mod guest;
mod launch;
mod migration;
mod platform;
mod saved;
mod store;
mod swap;

pub(crate) use saved::Around;

#[cfg(test)]
mod tests;

use std::boxed::Box;
use std::collections::{BTreeMap, BTreeSet};
use std::vec;
use std::vec::Vec;

use super::{Commands, Secret};
use crate::addr::{Asid, PhysAddr};
use crate::hash::Sha256Digest;
use crate::platform::Machine;
use crate::platform::command::*;
use crate::platform::memory::Dram;
use crate::sev::cert::{AmdCertificate, CertificateError, Trust};
use crate::sev::keys::{PlatformKeys, PlatformParts};
use crate::sev::launch::{Loading, Measured, Running};
use crate::sev::transport::{Receiving, Sending, Sent};
use crate::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
use crate::status::Status;
use crate::vmsa::CheckBlock;
use crate::wipe::Wiped;

/// The last handle; the first one is 1 (AMD's published firmware, `sev_guest.c`).
const LAST_HANDLE: u32 = 1024;

/// The bytes that go through the firmware's own memory at a time.
const CHUNK: usize = 0x5000;

/// What the firmware keeps for SEV and SEV-ES.
#[derive(Default)]
pub(crate) struct Legacy {
    /// What INIT makes; `None`: UNINIT.
    platform: Option<Platform>,
    /// The keys in the flash memory, which INIT takes.
    flash: Option<PlatformParts>,
    /// The ARK that the fuses name, in AMD's form for SEV.
    root: Option<Box<[u8]>>,
}

impl Legacy {
    /// Whether SEV is in the state UNINIT.
    pub(crate) fn is_uninit(&self) -> bool {
        self.platform.is_none()
    }

    /// What INIT has made.
    fn init(&mut self) -> Result<&mut Platform, Status> {
        self.platform.as_mut().ok_or(Status::INVALID_PLATFORM_STATE)
    }

    /// The same in the state WORKING.
    fn working(&mut self) -> Result<&mut Platform, Status> {
        let platform = self.init()?;
        if platform.guests.is_empty() { Err(Status::INVALID_PLATFORM_STATE) } else { Ok(platform) }
    }
}

impl<D: Dram> Machine<D> {
    /// Puts the ARK of SEV and SEV-ES into the chip's fuses, by its certificate in AMD's form
    /// ([`TestCa::sev_ark`](crate::platform::ca::TestCa::sev_ark)): for a guest whose policy has SEV, SEND_START takes receivers below it
    /// only. A machine that was told of none trusts AMD's of its product.
    ///
    /// # Errors
    /// [`CertificateError`]: it is no certificate of an ARK by itself.
    ///
    /// ```
    /// # use core::convert::Infallible;
    /// # struct Random;
    /// # impl rand_core::TryRng for Random {
    /// #     type Error = Infallible;
    /// #     fn try_next_u32(&mut self) -> Result<u32, Infallible> { Ok(4) }
    /// #     fn try_next_u64(&mut self) -> Result<u64, Infallible> { Ok(4) }
    /// #     fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> { bytes.fill(4); Ok(()) }
    /// # }
    /// # impl rand_core::TryCryptoRng for Random {}
    /// use sevcrypt::Status;
    /// use sevcrypt::platform::ca::TestCa;
    /// use sevcrypt::platform::command::{SevInit, SevLaunchStart};
    /// use sevcrypt::platform::{Chip, Machine, MachineConfig};
    /// use sevcrypt::snp::tcb::Product;
    ///
    /// let chip = Chip::new(Product::Milan, &[7; 48], &[8; 32]);
    /// let config = MachineConfig::new(&chip);
    /// let machine = Machine::new(chip, config, 0x10_0000, Random)?;
    /// machine.fuse_sev_root(&TestCa::published(Product::Milan)?.sev_ark()?)?;
    ///
    /// let mut start = SevLaunchStart::default();
    /// assert_eq!(machine.issue(&mut start), Err(Status::INVALID_PLATFORM_STATE));
    /// machine.issue(&mut SevInit::default())?;
    /// machine.issue(&mut start)?;
    /// assert_eq!(start.handle, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fuse_sev_root(&self, ark: &[u8]) -> Result<(), CertificateError> {
        let (certificate, rest) = AmdCertificate::parse(ark)?;
        if !rest.is_empty() {
            return Err(CertificateError::Rest { offset: ark.len() - rest.len() });
        }
        certificate.validate_root(&Trust::only(&[certificate]))?;
        self.lock().legacy.root = Some(ark.into());
        Ok(())
    }
}

/// A platform in the state INIT, or WORKING: that it has a guest.
struct Platform {
    keys: PlatformKeys,
    /// Where the host keeps the keys; `None`: the flash memory has them.
    nv_paddr: Option<u64>,
    /// With SEV-ES.
    tmr: Option<TrustedRegion>,
    guests: BTreeMap<u32, Guest>,
}

impl Platform {
    fn guest(&mut self, handle: u32) -> Result<&mut Guest, Status> {
        self.guests.get_mut(&handle).ok_or(Status::INVALID_GUEST)
    }

    /// The first handle that is free.
    fn free_handle(&self) -> Result<u32, Status> {
        let mut handles = 1..=LAST_HANDLE;
        handles.find(|handle| !self.guests.contains_key(handle)).ok_or(Status::RESOURCE_LIMIT)
    }

    /// A guest goes on to another state, or stays in its own.
    fn advance(
        &mut self,
        handle: u32,
        next: impl FnOnce(Stage) -> (Stage, Result<(), Status>),
    ) -> Result<(), Status> {
        let guest = self.guests.remove(&handle).ok_or(Status::INVALID_GUEST)?;
        let (stage, result) = next(guest.stage);
        self.guests.insert(handle, Guest { stage, ..guest });
        result
    }
}

/// The trusted memory region of SEV-ES. Its second half is check blocks (AMD's published firmware, `sev_es.c`).
struct TrustedRegion {
    first: u64,
    len: u32,
    /// The blocks that are taken, by number: those of all guests.
    taken: BTreeSet<u32>,
}

impl TrustedRegion {
    /// The number and the address of the first block that is free.
    ///
    /// # Errors
    /// `RESOURCE_LIMIT`
    fn free_block(&self) -> Result<(u32, PhysAddr), Status> {
        let half = self.len / 2;
        let mut numbers = 0..half / 8;
        let number = numbers.find(|number| !self.taken.contains(number));
        let number = number.ok_or(Status::RESOURCE_LIMIT)?;
        let address = PhysAddr::new(self.first + u64::from(half) + u64::from(number) * 8);
        Ok((number, address.map_err(|_| Status::INVALID_ADDRESS)?))
    }

    fn overlaps(&self, first: u64, len: u64) -> bool {
        overlap((self.first, self.len.into()), (first, len))
    }
}

/// Whether two ranges, each by its first address and its length, have a byte in common.
fn overlap((first, len): (u64, u64), (other, other_len): (u64, u64)) -> bool {
    first < other.saturating_add(other_len) && other < first.saturating_add(len)
}

/// A guest of SEV or SEV-ES.
struct Guest {
    stage: Stage,
    /// What its memory encryption key follows from; guests that share a key have the same.
    vek_seed: Secret,
    /// The offline encryption key, and how many pages it has enciphered.
    oek: Secret,
    oek_count: u64,
    asid: Option<GuestAsid>,
    /// The check blocks of its save areas, by their numbers.
    blocks: Vec<(u32, CheckBlock)>,
}

/// The ASID of a guest.
#[derive(Clone, Copy)]
struct GuestAsid {
    asid: Asid,
    /// The guest did not run with it yet: it was given before LAUNCH_FINISH or RECEIVE_FINISH. Its key is loaded.
    is_pending: bool,
}

impl Guest {
    /// # Errors
    /// `INACTIVE`
    fn asid(&self) -> Result<Asid, Status> {
        self.asid.map(|asid| asid.asid).ok_or(Status::INACTIVE)
    }

    fn policy(&self) -> GuestPolicy {
        match &self.stage {
            Stage::LaunchUpdate(guest) => guest.policy(),
            Stage::LaunchSecret(guest) => guest.policy(),
            Stage::Running(guest) => guest.policy(),
            Stage::SendUpdate(guest) => guest.policy(),
            Stage::ReceiveUpdate(guest) => guest.policy(),
            Stage::Sent(guest) => guest.policy(),
        }
    }

    /// What ATTESTATION reports: the launch digest. `None` in states without reports.
    fn reported_digest(&self) -> Option<Sha256Digest> {
        match &self.stage {
            Stage::LaunchSecret(guest) => Some(*guest.digest()),
            Stage::Running(guest) => Some(*guest.digest()),
            Stage::SendUpdate(guest) => Some(*guest.digest()),
            Stage::Sent(guest) => Some(*guest.digest()),
            Stage::LaunchUpdate(_) | Stage::ReceiveUpdate(_) => None,
        }
    }

    fn check_blocks(&self) -> Vec<CheckBlock> {
        self.blocks.iter().map(|(_, block)| *block).collect()
    }

    /// The ASID that waited for the guest to run is in use from here on.
    fn finish_activation(&mut self) {
        if let Some(asid) = &mut self.asid {
            asid.is_pending = false;
        }
    }
}

/// The state of a guest (AMD 55766, "Guest State").
enum Stage {
    /// LUPDATE
    LaunchUpdate(Loading),
    /// LSECRET
    LaunchSecret(Measured),
    /// RUNNING
    Running(Running),
    /// SUPDATE
    SendUpdate(Sending),
    /// RUPDATE
    ReceiveUpdate(Receiving),
    /// SENT
    Sent(Sent),
}

impl Stage {
    /// Its number, as GUEST_STATUS has it.
    const fn number(&self) -> u8 {
        match self {
            Self::LaunchUpdate(_) => 1,
            Self::LaunchSecret(_) => 2,
            Self::Running(_) => 3,
            Self::SendUpdate(_) => 4,
            Self::ReceiveUpdate(_) => 5,
            Self::Sent(_) => 6,
        }
    }
}

impl<D: Dram> Commands<'_, D> {
    /// Runs a command of SEV or SEV-ES.
    pub(super) fn run_legacy(&mut self, id: CommandId, buffer: &mut [u8]) -> Result<(), Status> {
        match id {
            SevInit::ID => {
                let is_reserved_zero = is_reserved_zero::<SevInit>(buffer);
                self.call_legacy(buffer, |firmware, command| {
                    firmware.sev_init(command, is_reserved_zero)
                })
            }
            SevInitEx::ID => {
                let is_reserved_zero = is_reserved_zero::<SevInitEx>(buffer);
                self.call_legacy(buffer, |firmware, command| {
                    firmware.sev_init_ex(command, is_reserved_zero)
                })
            }
            SevShutdown::ID => self.call_legacy(buffer, Self::sev_shutdown),
            SevPlatformReset::ID => self.call_legacy(buffer, Self::sev_platform_reset),
            SevPlatformStatus::ID => {
                // Nothing of the buffer is read, and all of it is written.
                let status = buffer.get_mut(..SevPlatformStatus::LEN);
                self.sev_platform_status().write(status.ok_or(Status::INVALID_LENGTH)?);
                Ok(())
            }
            SevPekGen::ID => self.call_legacy(buffer, Self::sev_pek_gen),
            SevPekCsr::ID => self.call_legacy(buffer, Self::sev_pek_csr),
            SevPekCertImport::ID => self.call_legacy(buffer, Self::sev_pek_cert_import),
            SevPdhCertExport::ID => self.call_legacy(buffer, Self::sev_pdh_cert_export),
            SevPdhGen::ID => self.call_legacy(buffer, Self::sev_pdh_gen),
            SevDfFlush::ID => self.call_legacy(buffer, Self::sev_df_flush),
            SevDownloadFirmware::ID => self.call_legacy(buffer, Self::sev_download_firmware),
            SevGetId::ID => self.call_legacy(buffer, Self::sev_get_id),
            SevNop::ID => Ok(()),
            // MODEL: one command at a time.
            SevRingBuffer::ID => Err(Status::UNSUPPORTED),
            SevDecommission::ID => self.call_legacy(buffer, Self::sev_decommission),
            SevActivate::ID => self.call_legacy(buffer, Self::sev_activate),
            SevDeactivate::ID => self.call_legacy(buffer, Self::sev_deactivate),
            SevGuestStatus::ID => self.call_legacy(buffer, Self::sev_guest_status),
            SevCopy::ID => self.call_legacy(buffer, Self::sev_copy),
            SevActivateEx::ID => self.call_legacy(buffer, Self::sev_activate_ex),
            SevLaunchStart::ID => self.call_legacy(buffer, Self::sev_launch_start),
            SevLaunchUpdateData::ID => self.call_legacy(buffer, Self::sev_launch_update_data),
            SevLaunchUpdateVmsa::ID => self.call_legacy(buffer, Self::sev_launch_update_vmsa),
            SevLaunchMeasure::ID => self.call_legacy(buffer, Self::sev_launch_measure),
            SevLaunchSecret::ID => self.call_legacy(buffer, Self::sev_launch_secret),
            SevLaunchFinish::ID => self.call_legacy(buffer, Self::sev_launch_finish),
            SevAttestation::ID => self.call_legacy(buffer, Self::sev_attestation),
            SevSendStart::ID => self.call_legacy(buffer, Self::sev_send_start),
            SevSendUpdateData::ID => self.call_legacy(buffer, Self::sev_send_update_data),
            SevSendUpdateVmsa::ID => self.call_legacy(buffer, Self::sev_send_update_vmsa),
            SevSendFinish::ID => self.call_legacy(buffer, Self::sev_send_finish),
            SevSendCancel::ID => self.call_legacy(buffer, Self::sev_send_cancel),
            SevReceiveStart::ID => self.call_legacy(buffer, Self::sev_receive_start),
            SevReceiveUpdateData::ID => self.call_legacy(buffer, Self::sev_receive_update_data),
            SevReceiveUpdateVmsa::ID => self.call_legacy(buffer, Self::sev_receive_update_vmsa),
            SevReceiveFinish::ID => self.call_legacy(buffer, Self::sev_receive_finish),
            SevDbgDecrypt::ID => self.call_legacy(buffer, Self::sev_dbg_decrypt),
            SevDbgEncrypt::ID => self.call_legacy(buffer, Self::sev_dbg_encrypt),
            SevSwapOut::ID => self.call_legacy(buffer, Self::sev_swap_out),
            SevSwapIn::ID => self.call_legacy(buffer, Self::sev_swap_in),
            _ => Err(Status::INVALID_COMMAND),
        }
    }

    /// Reads a command, runs it, and writes back what it has changed, on success and with `INVALID_LENGTH`. Reserved bytes are neither
    /// looked at nor changed.
    fn call_legacy<C: Command>(
        &mut self,
        buffer: &mut [u8],
        command: impl FnOnce(&mut Self, &mut C) -> Result<(), Status>,
    ) -> Result<(), Status> {
        // MODEL: the firmware always sees a page.
        let buffer = buffer.get_mut(..C::LEN).ok_or(Status::INVALID_LENGTH)?;
        let mut fields = C::get(buffer);
        let result = command(self, &mut fields);
        if matches!(result, Ok(()) | Err(Status::INVALID_LENGTH)) {
            fields.put(buffer);
        }
        result
    }

    /// Version and BUILD_ID of the firmware that runs.
    fn sev_version(&self) -> FirmwareVersion {
        let current = self.state.versions.current;
        let api = ApiVersion { major: current.major, minor: current.minor };
        FirmwareVersion { api, build: current.build }
    }

    /// Checks that memory has so many bytes from an address on, none of which is the trusted region's.
    ///
    /// # Errors
    /// `INVALID_ADDRESS`
    fn check_memory(&self, paddr: u64, len: usize) -> Result<(), Status> {
        self.bus.check_range(paddr, len)?;
        let tmr = self.state.legacy.platform.as_ref().and_then(|platform| platform.tmr.as_ref());
        match tmr {
            Some(tmr) if tmr.overlaps(paddr, len as u64) => Err(Status::INVALID_ADDRESS),
            _ => Ok(()),
        }
    }

    /// Checks a place that a command names to be written. (MODEL: every page of it; the firmware goes on by the size of each from the
    /// first address, and does not see the last one of a range that begins within a page. One page at least: it looks at one where the
    /// length is 0, too.)
    ///
    /// # Errors
    /// As [`check_written`](Self::check_written).
    fn check_sev_output(&self, paddr: u64, len: u32) -> Result<(), Status> {
        self.check_written(paddr, len.into())
    }

    /// Reads memory of the host.
    fn read_memory(&self, paddr: u64, len: usize) -> Result<Vec<u8>, Status> {
        self.check_memory(paddr, len)?;
        let mut bytes = vec![0; len];
        self.bus.read(paddr, &mut bytes)?;
        Ok(bytes)
    }

    /// Random bytes.
    fn random<const N: usize>(&mut self) -> Wiped<[u8; N]> {
        let mut bytes = Wiped::new([0; N]);
        self.state.random.fill_bytes(&mut bytes[..]);
        bytes
    }
}

/// Whether a command's bytes without meaning are zero. A buffer that is too short is for who reads it.
fn is_reserved_zero<C: Command>(buffer: &[u8]) -> bool {
    buffer.get(..C::LEN).is_none_or(|buffer| C::read(buffer).is_ok())
}

/// # Errors
/// `INVALID_ADDRESS`: an address is no multiple of 16.
fn check_block_address(paddr: u64) -> Result<(), Status> {
    if paddr.is_multiple_of(16) { Ok(()) } else { Err(Status::INVALID_ADDRESS) }
}

/// # Errors
/// `INVALID_LENGTH`: it has another length.
fn check_len(found: u32, expected: usize) -> Result<(), Status> {
    if found as usize == expected { Ok(()) } else { Err(Status::INVALID_LENGTH) }
}

/// A range in pieces of at most [`CHUNK`] bytes: offset and length.
fn chunks(len: u32) -> impl Iterator<Item = (u64, usize)> {
    let len = len as usize;
    (0..len).step_by(CHUNK).map(move |at| (at as u64, CHUNK.min(len - at)))
}
