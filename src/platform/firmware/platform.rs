//! The platform: SNP_INIT to SNP_SHUTDOWN, configuration, versions.

use std::ops::Range;
use std::vec::Vec;

use super::image::FirmwareImage;
use super::state::Vlek;
use super::{Commands, Snp};
use crate::addr::PAGE;
use crate::platform::PlatformStatus;
use crate::platform::command::{
    SnpCommit, SnpConfig, SnpDfFlush, SnpDownloadFirmwareEx, SnpFeatureInfo, SnpInit, SnpInitEx,
    SnpPlatformStatus, SnpShutdown, SnpShutdownEx, SnpVlekLoad,
};
use crate::platform::memory::Dram;
use crate::snp::keys::VlekSticks;
use crate::snp::tcb::{Product, TcbVersion};
use crate::status::Status;
use crate::wire::{field, get_u32, get_u64};

/// Bits of SNP_INIT_EX.
const INIT_RMP: u32 = 1 << 0;
const LIST_PADDR_EN: u32 = 1 << 1;
const RAPL_DIS: u32 = 1 << 2;
const CIPHERTEXT_HIDING_EN: u32 = 1 << 3;
const TIO_EN: u32 = 1 << 4;

/// Bits of SNP_SHUTDOWN_EX.
const IOMMU_SNP_SHUTDOWN: u32 = 1 << 0;
const X86_SNP_SHUTDOWN: u32 = 1 << 1;

/// Bits of SNP_CONFIG.
const MASK_CHIP_ID: u32 = 1 << 0;
const MASK_CHIP_KEY: u32 = 1 << 1;

/// The bit of DOWNLOAD_FIRMWARE_EX.
const COMMIT: u32 = 1 << 0;

/// The alignment of DOWNLOAD_FIRMWARE_EX's image.
const IMAGE_ALIGNMENT: u64 = 32;

impl<D: Dram> Commands<'_, D> {
    /// SNP_INIT: SNP_INIT_EX with INIT_RMP and no list.
    pub(super) fn snp_init(&mut self, _: &mut SnpInit) -> Result<(), Status> {
        self.initialise(&SnpInitEx { flags: INIT_RMP, ..SnpInitEx::default() })
    }

    /// SNP_INIT_EX.
    ///
    /// AMD has published the flags, and not the order of checks. MODEL, in this order:
    /// * reserved bits, MAX_SNP_ASID without CIPHERTEXT_HIDING_EN: `INVALID_PARAM`
    /// * SNP is initialised, or SEV is: `INVALID_PLATFORM_STATE`
    /// * what this platform does not have (TIO_EN; CIPHERTEXT_HIDING_EN before Turin): `UNSUPPORTED`
    /// * MAX_SNP_ASID is no ASID of SEV-ES: `INVALID_PARAM`
    /// * the list: `INVALID_PARAM`, `INVALID_ADDRESS`
    /// * no INIT_RMP, and the RMP was not filled before: `RMP_INIT_REQUIRED`
    /// * the RMP cannot be filled: `RMP_INIT_FAILED`
    ///
    /// Without CIPHERTEXT_HIDING_EN SNP guests can have every ASID below MIN_SEV_ASID. What SNP_CONFIG has set before does not survive
    /// (the published firmware keeps it, and derives another VCEK than that of REPORTED_TCB).
    pub(super) fn snp_init_ex(&mut self, command: &mut SnpInitEx) -> Result<(), Status> {
        self.initialise(command)
    }

    fn initialise(&mut self, command: &SnpInitEx) -> Result<(), Status> {
        let flags = command.flags;
        let known = INIT_RMP | LIST_PADDR_EN | RAPL_DIS | CIPHERTEXT_HIDING_EN | TIO_EN;
        let has = |bit: u32| flags & bit != 0;
        if flags & !known != 0 || (!has(CIPHERTEXT_HIDING_EN) && command.max_snp_asid != 0) {
            return Err(Status::INVALID_PARAM);
        }
        if self.state.snp.is_init {
            return Err(Status::INVALID_PLATFORM_STATE);
        }
        self.check_legacy_uninit()?;
        let can_hide = can_hide_ciphertext(self.state.chip.product());
        if has(TIO_EN) || (has(CIPHERTEXT_HIDING_EN) && !can_hide) {
            return Err(Status::UNSUPPORTED);
        }
        let last_es_asid = self.state.facts.min_sev_asid.saturating_sub(1);
        let last_es_asid = last_es_asid.min(self.state.facts.max_asid);
        let max_snp_asid = match u32::from(command.max_snp_asid) {
            _ if !has(CIPHERTEXT_HIDING_EN) => last_es_asid,
            asid if (1..=last_es_asid).contains(&asid) => asid,
            _ => return Err(Status::INVALID_PARAM),
        };
        let fixed =
            if has(LIST_PADDR_EN) { self.read_list(command.list_paddr)? } else { Vec::new() };
        match has(INIT_RMP) {
            true => self.bus.fill_rmp(&fixed).map_err(|_| Status::RMP_INIT_FAILED)?,
            false if !self.state.snp.is_rmp_init => return Err(Status::RMP_INIT_REQUIRED),
            false => {}
        }
        // COMMITTED_TCB is not above what runs, so that its sticks follow.
        self.state.versions.configure(None).map_err(|_| Status::HWERROR_PLATFORM)?;
        self.state.snp = Snp {
            is_init: true,
            is_rmp_init: true,
            rapl_dis: has(RAPL_DIS),
            ciphertext_hiding: has(CIPHERTEXT_HIDING_EN),
            max_snp_asid,
            ..Snp::new()
        };
        Ok(())
    }

    /// Reads a list of ranges: how many, four bytes of zero, then for each its address (eight bytes), its pages (four) and four of zero.
    ///
    /// MODEL: a list lies in one page; a range begins at a page.
    ///
    /// # Errors
    /// `INVALID_PARAM`: it crosses a page, or holds what it must not. `INVALID_ADDRESS`: memory does not have it, or a range ends
    /// behind the last address.
    pub(super) fn read_list(&self, paddr: u64) -> Result<Vec<Range<u64>>, Status> {
        check_within_page(paddr, 8)?;
        let mut head = [0; 8];
        self.bus.read(paddr, &mut head)?;
        let count = get_u32::<0, _>(&head) as usize;
        let bytes = count.checked_mul(16).filter(|bytes| *bytes <= PAGE - 8);
        let bytes = bytes.ok_or(Status::INVALID_PARAM)?;
        if get_u32::<4, _>(&head) != 0 {
            return Err(Status::INVALID_PARAM);
        }
        check_within_page(paddr, 8 + bytes)?;
        let mut list = [0; PAGE];
        let list = &mut list[..bytes];
        self.bus.read(paddr + 8, list)?;
        let mut ranges = Vec::new();
        for range in list.as_chunks::<16>().0 {
            let (base, pages) = (get_u64::<0, _>(range), get_u32::<8, _>(range));
            if !base.is_multiple_of(PAGE as u64) || *field::<12, 4, _>(range) != [0; 4] {
                return Err(Status::INVALID_PARAM);
            }
            let end = base.checked_add(u64::from(pages) * PAGE as u64);
            ranges.push(base..end.ok_or(Status::INVALID_ADDRESS)?);
        }
        Ok(ranges)
    }

    /// SNP_SHUTDOWN: SNP_SHUTDOWN_EX without flags.
    pub(super) fn snp_shutdown(&mut self, _: &mut SnpShutdown) -> Result<(), Status> {
        self.shut_down(0)
    }

    /// SNP_SHUTDOWN_EX: the VLEK is gone, and every key slot holds what the derivation makes of a seed of zeroes, which is no secret.
    ///
    /// AMD has published the effects, and not the order of checks. MODEL, in this order:
    /// * another length, reserved bits: `INVALID_PARAM`
    /// * SEV is initialised: `INVALID_PLATFORM_STATE`
    /// * a guest's context is still there: `ACTIVE`
    /// * an ASID waits for DF_FLUSH: `DFFLUSH_REQUIRED`
    /// * the RMP is to end, and another processor is changing it: `IN_USE`; it may have ended in part
    ///
    /// Where SNP is not initialised, nothing happens. Without X86_SNP_SHUTDOWN every page keeps its state, and what the firmware writes is
    /// checked as before. X86_SNP_SHUTDOWN ends the RMP, too: all memory is the hypervisor's (MODEL: its entries say so; hardware does
    /// not look at them any more), and the next SNP_INIT_EX needs INIT_RMP. IOMMU_SNP_SHUTDOWN has nothing to do: the model has no pages of an IOMMU.
    pub(super) fn snp_shutdown_ex(&mut self, command: &mut SnpShutdownEx) -> Result<(), Status> {
        let known = IOMMU_SNP_SHUTDOWN | X86_SNP_SHUTDOWN;
        if command.len != 8 || command.flags & !known != 0 {
            return Err(Status::INVALID_PARAM);
        }
        self.shut_down(command.flags)
    }

    fn shut_down(&mut self, flags: u32) -> Result<(), Status> {
        self.check_legacy_uninit()?;
        if !self.state.snp.is_init {
            return Ok(());
        }
        if !self.state.snp.guests.is_empty() {
            return Err(Status::ACTIVE);
        }
        if self.state.asids.is_any_dirty() {
            return Err(Status::DFFLUSH_REQUIRED);
        }
        let ends_rmp = flags & X86_SNP_SHUTDOWN != 0;
        if ends_rmp {
            self.bus.end_rmp()?;
        }
        self.bus.reset_keys();
        self.state.snp = Snp { is_rmp_init: !ends_rmp, ..Snp::new() };
        Ok(())
    }

    /// SNP_PLATFORM_STATUS, in any state. In this order:
    /// * the status crosses a page: `INVALID_PARAM`
    /// * memory does not have it: `INVALID_ADDRESS`
    /// * the RMP is filled, and the page is neither FIRMWARE nor DEFAULT: `INVALID_PAGE_STATE`
    pub(super) fn snp_platform_status(
        &mut self,
        command: &mut SnpPlatformStatus,
    ) -> Result<(), Status> {
        self.check_output(command.status_paddr, PlatformStatus::LEN)?;
        let (versions, snp) = (&self.state.versions, &self.state.snp);
        let status = PlatformStatus {
            version: versions.current,
            is_init: snp.is_init,
            is_rmp_init: snp.is_rmp_init,
            alias_check: self.state.platform_info().alias_check_complete(),
            mask_chip_id: snp.mask_chip_id,
            mask_chip_key: snp.mask_chip_key,
            vlek_en: snp.vlek.is_some(),
            feature_info: true,
            rapl_dis: snp.rapl_dis,
            ciphertext_hiding_cap: can_hide_ciphertext(self.state.chip.product()),
            ciphertext_hiding_en: snp.ciphertext_hiding,
            guest_count: snp.guests.len().try_into().unwrap_or(u32::MAX),
            current_tcb: versions.current_tcb,
            reported_tcb: versions.reported_tcb(),
        };
        self.bus.write(command.status_paddr, &status.to_bytes())
    }

    /// Checks that the firmware may write so many bytes to an address, which do not cross a page.
    ///
    /// # Errors
    /// `INVALID_PARAM`: they do. `INVALID_ADDRESS`: memory does not have them. Those of
    /// [`check_written`](Self::check_written).
    fn check_output(&self, paddr: u64, len: usize) -> Result<(), Status> {
        check_within_page(paddr, len)?;
        self.bus.check_range(paddr, len)?;
        self.check_written(paddr, len as u64)
    }

    /// SNP_DF_FLUSH. Not initialised: `INVALID_PLATFORM_STATE` (MODEL). No WBINVD since an ASID was given back:
    /// `WBINVD_REQUIRED`.
    pub(super) fn snp_df_flush(&mut self, _: &mut SnpDfFlush) -> Result<(), Status> {
        self.check_init()?;
        self.state.asids.df_flush()
    }

    /// SNP_CONFIG, in any state. `INVALID_PARAM` for a reserved bit, and for a REPORTED_TCB above COMMITTED_TCB.
    ///
    /// Versions are compared component by component in the order of boot: the first one that differs decides. MODEL: bytes of REPORTED_TCB
    /// without a meaning for the product must be zero, where the published firmware takes some that are not; on products
    /// later than Genoa the order is that of their components. The VLEK stays as it was loaded.
    pub(super) fn snp_config(&mut self, command: &mut SnpConfig) -> Result<(), Status> {
        if command.flags & !(MASK_CHIP_ID | MASK_CHIP_KEY) != 0 {
            return Err(Status::INVALID_PARAM);
        }
        let product = self.state.chip.product();
        let committed = self.state.versions.committed_tcb;
        let tcb = match TcbVersion::new(command.reported_tcb) {
            zero if zero == TcbVersion::default() => committed,
            tcb => tcb,
        };
        let in_order = |tcb: TcbVersion| tcb.parts(product).iter().map(|(_, version)| version);
        if !tcb.reserved_is_zero(product) || in_order(tcb).gt(in_order(committed)) {
            return Err(Status::INVALID_PARAM);
        }
        self.state.versions.configure(Some(tcb)).map_err(|_| Status::INVALID_PARAM)?;
        self.state.snp.mask_chip_id = command.flags & MASK_CHIP_ID != 0;
        self.state.snp.mask_chip_key = command.flags & MASK_CHIP_KEY != 0;
        Ok(())
    }

    /// SNP_COMMIT, in any state. Another length: `INVALID_PARAM`.
    pub(super) fn snp_commit(&mut self, command: &mut SnpCommit) -> Result<(), Status> {
        if command.len != 4 {
            return Err(Status::INVALID_PARAM);
        }
        self.commit()
    }

    fn commit(&mut self) -> Result<(), Status> {
        self.state.versions.commit().map_err(|_| Status::HWERROR_PLATFORM)
    }

    /// DOWNLOAD_FIRMWARE_EX with a [`FirmwareImage`]. SNP may be initialised and guests may run. Its first check, SEV's state, stands
    /// before that of reserved bytes. Then in this order:
    /// * another length of the buffer, reserved bits: `INVALID_PARAM`
    /// * the image is not aligned to 32 bytes, or memory does not have it: `INVALID_ADDRESS`
    /// * MODEL: another length of the image: `INVALID_LENGTH`; no image: `BAD_SIGNATURE`
    /// * MODEL: a component of its TCB is below COMMITTED_TCB, or a byte of it has no meaning: `BAD_SVN`; its version is below the committed
    ///   one: `BAD_VERSION`
    ///
    /// Without COMMIT the firmware is provisional: CURRENT moves, COMMITTED and REPORTED stay.
    pub(super) fn snp_download_firmware_ex(
        &mut self,
        command: &mut SnpDownloadFirmwareEx,
    ) -> Result<(), Status> {
        if command.len != 0x20 || command.flags & !COMMIT != 0 {
            return Err(Status::INVALID_PARAM);
        }
        if !command.fw_paddr.is_multiple_of(IMAGE_ALIGNMENT) {
            return Err(Status::INVALID_ADDRESS);
        }
        self.bus.check_range(command.fw_paddr, command.fw_len as usize)?;
        if command.fw_len as usize != FirmwareImage::LEN {
            return Err(Status::INVALID_LENGTH);
        }
        let mut image = [0; FirmwareImage::LEN];
        self.bus.read(command.fw_paddr, &mut image)?;
        let image = FirmwareImage::from_bytes(&image).map_err(|_| Status::BAD_SIGNATURE)?;

        let product = self.state.chip.product();
        let versions = &self.state.versions;
        let is_newer = versions.committed_tcb <= image.tcb;
        if !is_newer || !image.tcb.reserved_is_zero(product) {
            return Err(Status::BAD_SVN);
        }
        let number = |version: crate::snp::report::FirmwareVersion| {
            (version.major, version.minor, version.build)
        };
        if number(image.version) < number(versions.committed) {
            return Err(Status::BAD_VERSION);
        }
        self.state.run_firmware(image.version, image.tcb);
        if command.flags & COMMIT != 0 { self.commit() } else { Ok(()) }
    }

    /// SNP_VLEK_LOAD. In this order:
    /// * another length or version of the wrapped form, a reserved byte: `INVALID_PARAM`
    /// * MODEL: SNP is not initialised: `INVALID_PLATFORM_STATE`
    /// * MODEL: the wrapped sticks cross a page: `INVALID_PARAM`; memory does not have them: `INVALID_ADDRESS`
    /// * they are for another TCB than REPORTED_TCB: `BAD_SVN`
    /// * they are not authentic: `BAD_MEASUREMENT`
    ///
    /// Sticks that are all zero take the VLEK away.
    pub(super) fn snp_vlek_load(&mut self, command: &mut SnpVlekLoad) -> Result<(), Status> {
        if command.len != 0x10 || command.vlek_wrapped_version != 0 {
            return Err(Status::INVALID_PARAM);
        }
        self.check_init()?;
        check_within_page(command.vlek_wrapped_paddr, VlekSticks::WRAPPED_LEN)?;
        let mut blob = [0; VlekSticks::WRAPPED_LEN];
        self.bus.read(command.vlek_wrapped_paddr, &mut blob)?;
        let versions = &self.state.versions;
        let stick_7 = versions.reported_sticks.stick_7();
        let reported = versions.reported_tcb();
        let sticks = VlekSticks::unwrap(&blob, stick_7, reported, self.state.backend)?;
        self.state.snp.vlek = Some(sticks).filter(VlekSticks::is_installed).map(Vlek::new);
        Ok(())
    }

    /// SNP_FEATURE_INFO, in any state. In this order, all MODEL:
    /// * another length, a sub-function above 1, a place of the answer that crosses a page: `INVALID_PARAM`
    /// * memory does not have it: `INVALID_ADDRESS`
    /// * SNP is initialised, and the page is neither FIRMWARE nor DEFAULT: `INVALID_PAGE_STATE`
    pub(super) fn snp_feature_info(&mut self, command: &mut SnpFeatureInfo) -> Result<(), Status> {
        if command.len != 0x10 || command.ecx_in > 1 {
            return Err(Status::INVALID_PARAM);
        }
        self.check_output(command.feature_info_paddr, 16)?;
        let can_hide = u32::from(can_hide_ciphertext(self.state.chip.product()));
        let registers = match command.ecx_in {
            // The last sub-function; legacy commands; VLEK, X86_SNP_SHUTDOWN, RAPL_DIS, ciphertext hiding, the policy bits for
            // AES-256-XTS and CXL.
            0 => [1, 1, 0b11_0111 | can_hide << 3, 0],
            // The guest messages.
            _ => [0x1ff, 0, 0, 0],
        };
        self.bus.write(command.feature_info_paddr, registers.map(u32::to_le_bytes).as_flattened())
    }

    /// SEV and SEV-ES are not initialised.
    ///
    /// # Errors
    /// `INVALID_PLATFORM_STATE`
    pub(super) fn check_legacy_uninit(&self) -> Result<(), Status> {
        if self.state.legacy.is_uninit() { Ok(()) } else { Err(Status::INVALID_PLATFORM_STATE) }
    }
}

/// Whether ciphertext can be hidden from the host: since Turin.
fn can_hide_ciphertext(product: Product) -> bool {
    !matches!(product, Product::Milan | Product::Genoa)
}

/// Checks that so many bytes lie in one page.
///
/// # Errors
/// `INVALID_PARAM`
pub(super) fn check_within_page(paddr: u64, len: usize) -> Result<(), Status> {
    let offset = paddr as usize % PAGE;
    if len <= PAGE - offset { Ok(()) } else { Err(Status::INVALID_PARAM) }
}
