//! Commands of SEV-SNP (AMD 56860; AMD's published firmware, `sev_mcmd.h`).

use super::{Command, CommandId, Field, commands};
use crate::status::Status;

commands! {
    /// SNP_INIT: as SNP_INIT_EX with INIT_RMP and nothing else. It has no buffer; MODEL: eight bytes that are zero.
    SnpInit = 0x81, 0x8 {
    }
    /// SNP_SHUTDOWN: ends SNP on a platform without guests. It has no buffer; MODEL: eight bytes that are zero.
    SnpShutdown = 0x82, 0x8 {
    }
    /// SNP_PLATFORM_STATUS: writes [`PlatformStatus`](super::super::PlatformStatus).
    SnpPlatformStatus = 0x83, 0x8 {
        /// Where its 32 bytes go.
        status_paddr: u64 = 0x0,
    }
    /// SNP_DF_FLUSH: flushes the data fabric, so that ASIDs can be used again. It has no buffer; MODEL: eight bytes that are zero.
    SnpDfFlush = 0x84, 0x8 {
    }
    /// SNP_INIT_EX: begins SNP.
    SnpInitEx = 0x85, 0x40 {
        /// Bit 0: INIT_RMP, 1: LIST_PADDR_EN, 2: RAPL_DIS, 3: CIPHERTEXT_HIDING_EN, 4: TIO_EN.
        flags: u32 = 0x0,
        /// The list of ranges that become HV_FIXED: as that of [`SnpPageSetState`].
        list_paddr: u64 = 0x8,
        /// The last ASID of SNP guests, with CIPHERTEXT_HIDING_EN.
        max_snp_asid: u16 = 0x10,
    }
    /// SNP_SHUTDOWN_EX.
    SnpShutdownEx = 0x86, 0x8 {
        /// Bytes of the buffer: 8.
        len: u32 = 0x0,
        /// Bit 0: IOMMU_SNP_SHUTDOWN, 1: X86_SNP_SHUTDOWN.
        flags: u32 = 0x4,
    }
    /// SNP_DECOMMISSION: ends a guest; its context becomes a page of the firmware.
    SnpDecommission = 0x90, 0x8 {
        /// The guest's context.
        gctx_paddr: u64 = 0x0,
    }
    /// SNP_ACTIVATE: gives a guest an ASID, and loads its key.
    SnpActivate = 0x91, 0x10 {
        /// The guest's context.
        gctx_paddr: u64 = 0x0,
        /// The ASID.
        asid: u32 = 0x8,
    }
    /// SNP_GUEST_STATUS: writes [`GuestStatus`](super::super::GuestStatus).
    SnpGuestStatus = 0x92, 0x10 {
        /// The guest's context.
        gctx_paddr: u64 = 0x0,
        /// Where its 32 bytes go.
        status_paddr: u64 = 0x8,
    }
    /// SNP_GCTX_CREATE: makes a page of the firmware the context of a new guest.
    SnpGctxCreate = 0x93, 0x8 {
        /// The page, which is in the state FIRMWARE.
        gctx_paddr: u64 = 0x0,
    }
    /// SNP_GUEST_REQUEST: answers a guest's message.
    SnpGuestRequest = 0x94, 0x18 {
        /// The guest's context.
        gctx_paddr: u64 = 0x0,
        /// The page with the request.
        request_paddr: u64 = 0x8,
        /// The page for the response.
        response_paddr: u64 = 0x10,
    }
    /// SNP_ACTIVATE_EX: as SNP_ACTIVATE, on some core complexes.
    SnpActivateEx = 0x95, 0x20 {
        /// Bytes of the buffer: 0x20.
        len: u32 = 0x0,
        /// The guest's context.
        gctx_paddr: u64 = 0x8,
        /// The ASID.
        asid: u32 = 0x10,
        /// How many APIC IDs.
        numids: u32 = 0x14,
        /// Where they stand, four bytes each.
        ids_paddr: u64 = 0x18,
    }
    /// SNP_LAUNCH_START: gives a guest its policy and its keys.
    SnpLaunchStart = 0xa0, 0x30 {
        /// The guest's context.
        gctx_paddr: u64 = 0x0,
        /// Its policy: [`GuestPolicy`](crate::snp::GuestPolicy).
        policy: u64 = 0x8,
        /// The context of its migration agent.
        ma_gctx_paddr: u64 = 0x10,
        /// Bit 0: MA_EN. Bit 1: IMI_EN.
        flags: u32 = 0x18,
        /// DESIRED_TSC_FREQ, kHz.
        desired_tsc_freq: u32 = 0x1c,
        /// GOSVW.
        gosvw: [u8; 16] = 0x20,
    }
    /// SNP_LAUNCH_UPDATE: measures a page, enciphers it and gives it to the guest.
    SnpLaunchUpdate = 0xa1, 0x20 {
        /// The guest's context.
        gctx_paddr: u64 = 0x0,
        /// Bit 0: PAGE_SIZE, bits 3:1: PAGE_TYPE ([`PageType`](crate::image::PageType)), bit 4: IMI_PAGE.
        page_info: u32 = 0x8,
        /// The page, which is in the state PRE_GUEST.
        page_paddr: u64 = 0x10,
        /// 0, then what VMPL1, VMPL2 and VMPL3 may do with it.
        vmpl_perms: [u8; 4] = 0x18,
    }
    /// SNP_LAUNCH_FINISH: ends a launch.
    SnpLaunchFinish = 0xa2, 0x40 {
        /// The guest's context.
        gctx_paddr: u64 = 0x0,
        /// The ID block, 96 bytes.
        id_block_paddr: u64 = 0x8,
        /// Its authentication, 4096 bytes.
        id_auth_paddr: u64 = 0x10,
        /// Bit 0: ID_BLOCK_EN, 1: AUTH_KEY_EN, 2: VCEK_DIS.
        flags: u64 = 0x18,
        /// HOST_DATA.
        host_data: [u8; 32] = 0x20,
    }
    /// SNP_DBG_DECRYPT: reads a page of a guest whose policy allows debugging.
    SnpDbgDecrypt = 0xb0, 0x18 {
        /// The guest's context.
        gctx_paddr: u64 = 0x0,
        /// The page of the guest.
        src_paddr: u64 = 0x8,
        /// The page for its text.
        dst_paddr: u64 = 0x10,
    }
    /// SNP_DBG_ENCRYPT: writes a page of a guest whose policy allows debugging.
    SnpDbgEncrypt = 0xb1, 0x18 {
        /// The guest's context.
        gctx_paddr: u64 = 0x0,
        /// The page with the text.
        src_paddr: u64 = 0x8,
        /// The page of the guest.
        dst_paddr: u64 = 0x10,
    }
    /// SNP_PAGE_SWAP_OUT: enciphers a page, so that the host may keep it.
    SnpPageSwapOut = 0xc0, 0x30 {
        /// The guest's context.
        gctx_paddr: u64 = 0x0,
        /// The page.
        src_paddr: u64 = 0x8,
        /// Where its ciphertext goes.
        dst_paddr: u64 = 0x10,
        /// Where its entry goes, 64 bytes.
        mdata_paddr: u64 = 0x18,
        /// SOFTWARE_DATA of the entry.
        software_data: u64 = 0x20,
        /// Bit 0: PAGE_SIZE, bits 2:1: PAGE_TYPE ([`PageType`](crate::snp::swap::PageType)), bit 4: ROOT_MDATA_EN.
        flags: u64 = 0x28,
    }
    /// SNP_PAGE_SWAP_IN: takes a page back.
    SnpPageSwapIn = 0xc1, 0x30 {
        /// The guest's context.
        gctx_paddr: u64 = 0x0,
        /// The ciphertext.
        src_paddr: u64 = 0x8,
        /// Where the page goes.
        dst_paddr: u64 = 0x10,
        /// Its entry.
        mdata_paddr: u64 = 0x18,
        /// As of [`SnpPageSwapOut`], and bit 3: SWAP_IN_PLACE.
        flags: u64 = 0x28,
    }
    /// SNP_PAGE_MOVE: moves a page within memory.
    SnpPageMove = 0xc2, 0x20 {
        /// The guest's context.
        gctx_paddr: u64 = 0x0,
        /// Bit 0: PAGE_SIZE.
        page_info: u32 = 0x8,
        /// The page.
        src_paddr: u64 = 0x10,
        /// Where it goes.
        dst_paddr: u64 = 0x18,
    }
    /// SNP_PAGE_MD_INIT: makes a page of the firmware one of entries.
    SnpPageMdInit = 0xc3, 0x10 {
        /// The guest's context.
        gctx_paddr: u64 = 0x0,
        /// The page.
        page_paddr: u64 = 0x8,
    }
    /// SNP_PAGE_SET_STATE: makes pages of the firmware HV_FIXED.
    SnpPageSetState = 0xc6, 0x10 {
        /// Bytes of the buffer: 0x10.
        len: u32 = 0x0,
        /// A list: the number of ranges (four bytes), four bytes of zero, then for each its address (eight bytes), its pages (four) and four of zero.
        list_paddr: u64 = 0x8,
    }
    /// SNP_PAGE_RECLAIM: takes a page out of the firmware's hands.
    SnpPageReclaim = 0xc7, 0x8 {
        /// The page; bit 0: PAGE_SIZE.
        page_paddr: u64 = 0x0,
    }
    /// SNP_PAGE_UNSMASH: makes 512 pages of 4 KiB one of 2 MiB.
    SnpPageUnsmash = 0xc8, 0x8 {
        /// The first one.
        page_paddr: u64 = 0x0,
    }
    /// SNP_CONFIG: what the platform tells of itself.
    SnpConfig = 0xc9, 0x40 {
        /// REPORTED_TCB; zero: COMMITTED_TCB.
        reported_tcb: [u8; 8] = 0x0,
        /// Bit 0: MASK_CHIP_ID, 1: MASK_CHIP_KEY.
        flags: u32 = 0x8,
    }
    /// SNP_DOWNLOAD_FIRMWARE_EX: begins to run other firmware.
    SnpDownloadFirmwareEx = 0xca, 0x20 {
        /// Bytes of the buffer: 0x20.
        len: u32 = 0x0,
        /// The image.
        fw_paddr: u64 = 0x8,
        /// Its bytes.
        fw_len: u32 = 0x10,
        /// Bit 0: COMMIT.
        flags: u32 = 0x14,
    }
    /// SNP_COMMIT: no way back to older firmware.
    SnpCommit = 0xcb, 0x4 {
        /// Bytes of the buffer: 4.
        len: u32 = 0x0,
    }
    /// SNP_VLEK_LOAD: loads a provider's attestation key.
    SnpVlekLoad = 0xcd, 0x10 {
        /// Bytes of the buffer: 0x10.
        len: u32 = 0x0,
        /// 0.
        vlek_wrapped_version: u8 = 0x4,
        /// The wrapped sticks, 432 bytes.
        vlek_wrapped_paddr: u64 = 0x8,
    }
    /// SNP_FEATURE_INFO: what the firmware can do.
    SnpFeatureInfo = 0xce, 0x10 {
        /// Bytes of the buffer: 0x10.
        len: u32 = 0x0,
        /// Sub-function.
        ecx_in: u32 = 0x4,
        /// Where EAX, EBX, ECX and EDX go.
        feature_info_paddr: u64 = 0x8,
    }
}
