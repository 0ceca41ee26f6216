//! The platform: INIT to SHUTDOWN, its keys and certificates.

use std::collections::{BTreeMap, BTreeSet};

use super::{Platform, TrustedRegion, check_len, overlap, store};
use crate::addr::PAGE;
use crate::platform::command::{
    SevDfFlush, SevDownloadFirmware, SevGetId, SevInit, SevInitEx, SevPdhCertExport, SevPdhGen,
    SevPekCertImport, SevPekCsr, SevPekGen, SevPlatformReset, SevPlatformStatus, SevShutdown,
    SnpDownloadFirmwareEx,
};
use crate::platform::firmware::Commands;
use crate::platform::memory::Dram;
use crate::sev::cert::{Certificate, PlatformCertificates};
use crate::sev::keys::{PlatformKeys, PlatformParts, PlatformRandom, get_id};
use crate::status::Status;

/// The size of the trusted region, and with an RMP.
pub(super) const TMR_LEN: u32 = 0x10_0000;
pub(super) const TMR_LEN_WITH_RMP: u32 = 0x20_0000;

impl<D: Dram> Commands<'_, D> {
    pub(super) fn sev_init(
        &mut self,
        command: &mut SevInit,
        is_reserved_zero: bool,
    ) -> Result<(), Status> {
        self.check_legacy_uninit()?;
        let is_es = has_es(command.flags, is_reserved_zero)?;
        self.begin(None, is_es.then_some((command.tmr_paddr, command.tmr_len)))
    }

    /// MODEL: where the keys in the host's memory were changed, the firmware erases them, and so does this: the one change that this
    /// command's failure leaves behind.
    pub(super) fn sev_init_ex(
        &mut self,
        command: &mut SevInitEx,
        is_reserved_zero: bool,
    ) -> Result<(), Status> {
        self.check_legacy_uninit()?;
        let is_es = has_es(command.flags, is_reserved_zero)?;
        check_len(command.len, 0x24)?;
        let nv = (command.nv_paddr != 0).then_some(command.nv_paddr);
        if let Some(nv) = nv {
            if !nv.is_multiple_of(PAGE as u64) {
                return Err(Status::INVALID_ADDRESS);
            }
            self.bus.check_range(nv, command.nv_len as usize)?;
            check_len(command.nv_len, store::NV_LEN)?;
            self.check_sev_output(nv, command.nv_len)?;
        }
        self.begin(nv, is_es.then_some((command.tmr_paddr, command.tmr_len)))
    }

    /// The rest of INIT and INIT_EX: the keys that were kept, then the trusted region. (The firmware keeps new keys before it looks at
    /// the region. MODEL: after it, so that a command that fails keeps none.)
    fn begin(&mut self, nv: Option<u64>, tmr: Option<(u64, u32)>) -> Result<(), Status> {
        let kept = match nv {
            None => self.state.legacy.flash.take(),
            Some(nv) => self.nv_keys(nv)?,
        };
        let keys = self.keys_of(kept.as_ref());
        let is_new = kept.is_none();
        if nv.is_none() {
            self.state.legacy.flash = kept;
        }
        let (keys, tmr) = (keys?, self.trusted_region(nv, tmr)?);
        if is_new {
            self.keep(nv, &keys)?;
        }
        if !self.state.snp.is_init {
            self.state.asids.begin();
        }
        let platform = Platform { keys, nv_paddr: nv, tmr, guests: BTreeMap::new() };
        self.state.legacy.platform = Some(platform);
        Ok(())
    }

    /// The keys in the host's memory.
    fn nv_keys(&self, nv: u64) -> Result<Option<PlatformParts>, Status> {
        let mut bytes = [0; store::LEN];
        self.bus.read(nv, &mut bytes)?;
        let keys = store::open(self.state.chip.unique_key(), &bytes);
        if keys.is_err() {
            self.bus.write(nv, &[0xff; store::NV_LEN])?;
        }
        keys
    }

    /// The keys that were kept, or new ones.
    fn keys_of(&mut self, kept: Option<&PlatformParts>) -> Result<PlatformKeys, Status> {
        let api = self.sev_version().api;
        match kept {
            Some(parts) => PlatformKeys::from_parts(self.state.chip.unique_key(), api, parts)
                .map_err(|_| Status::SECURE_DATA_INVALID),
            None => {
                let random = PlatformRandom::new(&self.random());
                PlatformKeys::generate(self.state.chip.unique_key(), api, &random)
                    .map_err(|_| Status::HWERROR_PLATFORM)
            }
        }
    }

    /// The trusted region of SEV-ES. Its order: its place beside the keys in the host's memory, its pages, its alignment, its length.
    fn trusted_region(
        &self,
        nv: Option<u64>,
        tmr: Option<(u64, u32)>,
    ) -> Result<Option<TrustedRegion>, Status> {
        let Some((first, found)) = tmr else { return Ok(None) };
        let len = if self.state.snp.is_rmp_init { TMR_LEN_WITH_RMP } else { TMR_LEN };
        if let Some(nv) = nv {
            self.bus.check_range(first, found as usize)?;
            if overlap((first, len.into()), (nv, store::NV_LEN as u64)) {
                return Err(Status::INVALID_ADDRESS);
            }
        }
        self.check_sev_output(first, found)?;
        if !first.is_multiple_of(len.into()) {
            return Err(Status::INVALID_ADDRESS);
        }
        check_len(found, len as usize)?;
        self.bus.check_range(first, len as usize)?;
        Ok(Some(TrustedRegion { first, len, taken: BTreeSet::new() }))
    }

    /// Keeps the platform's keys: in the flash memory, or in the host's.
    fn keep(&mut self, nv: Option<u64>, keys: &PlatformKeys) -> Result<(), Status> {
        let parts = keys.to_parts();
        match nv {
            None => self.state.legacy.flash = Some(parts),
            Some(nv) => {
                let iv = self.random();
                let bytes = store::seal(self.state.chip.unique_key(), &parts, &iv);
                self.bus.write(nv, &bytes)?;
            }
        }
        Ok(())
    }

    /// Checks the place of the keys, as INIT_EX has, before a command changes them: the host may have given it away since.
    ///
    /// # Errors
    /// As [`check_written`](Self::check_written).
    fn check_kept(&self) -> Result<(), Status> {
        let platform = self.state.legacy.platform.as_ref();
        match platform.and_then(|platform| platform.nv_paddr) {
            Some(nv) => self.check_written(nv, store::NV_LEN as u64),
            None => Ok(()),
        }
    }

    /// Keeps the keys after a command has changed them, behind [`check_kept`](Self::check_kept).
    fn keep_keys(&mut self) -> Result<(), Status> {
        let Some(platform) = self.state.legacy.platform.take() else {
            return Err(Status::INVALID_PLATFORM_STATE);
        };
        let result = self.keep(platform.nv_paddr, &platform.keys);
        self.state.legacy.platform = Some(platform);
        result
    }

    /// From any state. The guests are gone; their ASIDs are given back as DEACTIVATE does.
    pub(super) fn sev_shutdown(&mut self, _: &mut SevShutdown) -> Result<(), Status> {
        let Some(platform) = self.state.legacy.platform.take() else { return Ok(()) };
        for asid in platform.guests.values().filter_map(|guest| guest.asid) {
            self.release(asid);
        }
        Ok(())
    }

    pub(super) fn sev_platform_reset(&mut self, _: &mut SevPlatformReset) -> Result<(), Status> {
        self.check_legacy_uninit()?;
        self.state.legacy.flash = None;
        Ok(())
    }

    pub(super) fn sev_platform_status(&self) -> SevPlatformStatus {
        let version = self.sev_version();
        let status = SevPlatformStatus {
            api_major: version.api.major,
            api_minor: version.api.minor,
            build: version.build,
            ..SevPlatformStatus::default()
        };
        let Some(platform) = &self.state.legacy.platform else { return status };
        SevPlatformStatus {
            state: if platform.guests.is_empty() { 1 } else { 2 },
            flags: platform.keys.is_externally_owned().into(),
            config: platform.tmr.is_some().into(),
            // There are 1024 handles.
            guest_count: platform.guests.len() as u32,
            ..status
        }
    }

    pub(super) fn sev_pek_gen(&mut self, _: &mut SevPekGen) -> Result<(), Status> {
        self.check_no_guest()?;
        self.check_kept()?;
        let random = PlatformRandom::new(&self.random());
        let keys = &mut self.state.legacy.init()?.keys;
        keys.pek_gen(&random).map_err(|_| Status::HWERROR_PLATFORM)?;
        self.keep_keys()
    }

    pub(super) fn sev_pdh_gen(&mut self, _: &mut SevPdhGen) -> Result<(), Status> {
        self.state.legacy.init()?;
        self.check_kept()?;
        let random = self.random();
        let keys = &mut self.state.legacy.init()?.keys;
        keys.pdh_gen(&random).map_err(|_| Status::HWERROR_PLATFORM)?;
        self.keep_keys()
    }

    /// # Errors
    /// `INVALID_PLATFORM_STATE`: SEV is not in the state INIT.
    fn check_no_guest(&mut self) -> Result<(), Status> {
        if self.state.legacy.init()?.guests.is_empty() {
            Ok(())
        } else {
            Err(Status::INVALID_PLATFORM_STATE)
        }
    }

    pub(super) fn sev_pek_csr(&mut self, command: &mut SevPekCsr) -> Result<(), Status> {
        let csr = self.state.legacy.init()?.keys.pek_csr();
        if (command.csr_len as usize) < Certificate::LEN {
            command.csr_len = Certificate::LEN as u32;
            return Err(Status::INVALID_LENGTH);
        }
        self.check_sev_output(command.csr_paddr, command.csr_len)?;
        self.check_memory(command.csr_paddr, Certificate::LEN)?;
        self.bus.write(command.csr_paddr, csr.as_bytes())?;
        command.csr_len = Certificate::LEN as u32;
        Ok(())
    }

    pub(super) fn sev_pek_cert_import(
        &mut self,
        command: &mut SevPekCertImport,
    ) -> Result<(), Status> {
        self.check_no_guest()?;
        if self.state.legacy.init()?.keys.is_externally_owned() {
            return Err(Status::ALREADY_OWNED);
        }
        check_len(command.pek_len, Certificate::LEN)?;
        check_len(command.oca_len, Certificate::LEN)?;
        let pek = self.read_memory(command.pek_paddr, Certificate::LEN)?;
        let oca = self.read_memory(command.oca_paddr, Certificate::LEN)?;
        self.check_kept()?;
        let random = self.random();
        let keys = &mut self.state.legacy.init()?.keys;
        keys.pek_cert_import(&pek, &oca, &random).map_err(|error| error.status())?;
        self.keep_keys()
    }

    pub(super) fn sev_pdh_cert_export(
        &mut self,
        command: &mut SevPdhCertExport,
    ) -> Result<(), Status> {
        let certificates = self.state.legacy.init()?.keys.certificates();
        let (pdh, chain) = (certificates.pdh.clone(), certificates.chain());
        let (pdh_found, chain_found) = (command.pdh_len, command.chain_len);
        command.pdh_len = Certificate::LEN as u32;
        command.chain_len = PlatformCertificates::CHAIN_LEN as u32;
        if pdh_found < command.pdh_len || chain_found < command.chain_len {
            return Err(Status::INVALID_LENGTH);
        }
        self.check_sev_output(command.pdh_paddr, pdh_found)?;
        self.check_sev_output(command.chain_paddr, chain_found)?;
        self.check_memory(command.pdh_paddr, Certificate::LEN)?;
        self.check_memory(command.chain_paddr, PlatformCertificates::CHAIN_LEN)?;
        self.bus.write(command.pdh_paddr, pdh.as_bytes())?;
        self.bus.write(command.chain_paddr, &chain)
    }

    /// The same as SNP_DF_FLUSH; the firmware asks for no state of the platform.
    pub(super) fn sev_df_flush(&mut self, _: &mut SevDfFlush) -> Result<(), Status> {
        self.state.asids.df_flush()
    }

    /// MODEL: the image's format is that of SNP_DOWNLOAD_FIRMWARE_EX here.
    pub(super) fn sev_download_firmware(
        &mut self,
        command: &mut SevDownloadFirmware,
    ) -> Result<(), Status> {
        self.check_legacy_uninit()?;
        if self.state.snp.is_init {
            return Err(Status::INVALID_PLATFORM_STATE);
        }
        self.snp_download_firmware_ex(&mut SnpDownloadFirmwareEx {
            len: 0x20,
            fw_paddr: command.fw_paddr,
            fw_len: command.fw_len,
            flags: 1,
        })
    }

    /// MODEL: one socket. In any state of the platform.
    pub(super) fn sev_get_id(&mut self, command: &mut SevGetId) -> Result<(), Status> {
        let mut id = [0; 64];
        let found = command.id_len;
        if (found as usize) < id.len() {
            command.id_len = id.len() as u32;
            return Err(Status::INVALID_LENGTH);
        }
        self.check_sev_output(command.id_paddr, found)?;
        let written = get_id(self.state.chip.unique_key(), None, &mut id);
        written.map_err(|error| error.status())?;
        self.check_memory(command.id_paddr, id.len())?;
        self.bus.write(command.id_paddr, &id)?;
        command.id_len = id.len() as u32;
        Ok(())
    }
}

/// Whether INIT asks for SEV-ES.
///
/// # Errors
/// `INVALID_CONFIG`: another flag, or a reserved byte.
fn has_es(flags: u16, is_reserved_zero: bool) -> Result<bool, Status> {
    match flags {
        0 | 1 if is_reserved_zero => Ok(flags == 1),
        _ => Err(Status::INVALID_CONFIG),
    }
}
