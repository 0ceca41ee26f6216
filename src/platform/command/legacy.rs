//! Commands of SEV and SEV-ES (AMD 55766; AMD's published firmware 1.55.25, `sev_mcmd.h`).
//!
//! The firmware does not look at reserved bytes of these buffers, but for INIT and INIT_EX, and leaves them where it writes back.

use super::{Command, CommandId, Field, commands};
use crate::status::Status;

commands! {
    /// INIT: begins SEV with the keys that are kept in the platform's flash memory.
    SevInit = 0x01, 0x14 {
        /// Bit 0: guests with SEV-ES.
        flags: u16 = 0x0,
        /// With SEV-ES: the trusted memory region, which is aligned to its size.
        tmr_paddr: u64 = 0x8,
        /// Its bytes: 1 MiB, or 2 MiB where the RMP is initialised.
        tmr_len: u32 = 0x10,
    }
    /// SHUTDOWN: ends SEV and all its guests. It has no buffer.
    SevShutdown = 0x02, 0x0 {
    }
    /// PLATFORM_RESET: deletes the keys in the flash memory. It has no buffer.
    SevPlatformReset = 0x03, 0x0 {
    }
    /// PLATFORM_STATUS: writes the buffer; nothing of it is read.
    SevPlatformStatus = 0x04, 0xc {
        /// API_MAJOR.
        api_major: u8 = 0x0,
        /// API_MINOR.
        api_minor: u8 = 0x1,
        /// 0: UNINIT, 1: INIT, 2: WORKING.
        state: u8 = 0x2,
        /// Bit 0: an owner has taken the platform over.
        flags: u8 = 0x3,
        /// Bit 0: guests with SEV-ES.
        config: u16 = 0x4,
        /// BUILD_ID.
        build: u8 = 0x7,
        /// The guests of SEV and SEV-ES.
        guest_count: u32 = 0x8,
    }
    /// PEK_GEN: makes OCA, PEK and PDH anew. It has no buffer.
    SevPekGen = 0x05, 0x0 {
    }
    /// PEK_CSR: writes the PEK's certificate without signatures, 2084 bytes.
    SevPekCsr = 0x06, 0xc {
        /// Where it goes.
        csr_paddr: u64 = 0x0,
        /// The bytes there; written back.
        csr_len: u32 = 0x8,
    }
    /// PEK_CERT_IMPORT: an owner takes the platform over.
    SevPekCertImport = 0x07, 0x1c {
        /// The PEK's certificate by the OCA.
        pek_paddr: u64 = 0x0,
        /// Its bytes: 2084.
        pek_len: u32 = 0x8,
        /// The OCA's certificate.
        oca_paddr: u64 = 0x10,
        /// Its bytes: 2084.
        oca_len: u32 = 0x18,
    }
    /// PDH_CERT_EXPORT: writes the certificates of the PDH, 2084 bytes, and of PEK, OCA and CEK, 6252 bytes.
    SevPdhCertExport = 0x08, 0x1c {
        /// Where the PDH's goes.
        pdh_paddr: u64 = 0x0,
        /// The bytes there; written back.
        pdh_len: u32 = 0x8,
        /// Where the others go.
        chain_paddr: u64 = 0x10,
        /// The bytes there; written back.
        chain_len: u32 = 0x18,
    }
    /// PDH_GEN: makes the PDH anew. It has no buffer.
    SevPdhGen = 0x09, 0x0 {
    }
    /// DF_FLUSH: flushes the data fabric, so that ASIDs can be used again. It has no buffer.
    SevDfFlush = 0x0a, 0x0 {
    }
    /// DOWNLOAD_FIRMWARE: begins to run other firmware, and commits it.
    SevDownloadFirmware = 0x0b, 0xc {
        /// The image.
        fw_paddr: u64 = 0x0,
        /// Its bytes.
        fw_len: u32 = 0x8,
    }
    /// GET_ID: writes the chip's ID, 64 bytes.
    SevGetId = 0x0c, 0xc {
        /// Where it goes.
        id_paddr: u64 = 0x0,
        /// The bytes there; written back.
        id_len: u32 = 0x8,
    }
    /// INIT_EX: as INIT, with the keys in memory of the host's, which it keeps.
    SevInitEx = 0x0d, 0x24 {
        /// Bytes of the buffer: 0x24.
        len: u32 = 0x0,
        /// Bit 0: guests with SEV-ES.
        flags: u16 = 0x4,
        /// As of [`SevInit`].
        tmr_paddr: u64 = 0x8,
        /// As of [`SevInit`].
        tmr_len: u32 = 0x10,
        /// The memory for the keys; 0: as INIT.
        nv_paddr: u64 = 0x18,
        /// Its bytes: 32 KiB.
        nv_len: u32 = 0x20,
    }
    /// NOP: does nothing. It has no buffer.
    SevNop = 0x0e, 0x0 {
    }
    /// RING_BUFFER: the mailbox takes lists of commands from here on.
    SevRingBuffer = 0x0f, 0x28 {
        /// The commands of low priority.
        low_cmd_paddr: u64 = 0x0,
        /// Their statuses.
        low_status_paddr: u64 = 0x8,
        /// The commands of high priority.
        high_cmd_paddr: u64 = 0x10,
        /// Their statuses.
        high_status_paddr: u64 = 0x18,
        /// The pages of each list of low priority.
        low_size: u8 = 0x20,
        /// The pages of each list of high priority.
        high_size: u8 = 0x21,
        /// How many commands of low priority are left when the host is told.
        low_threshold: u16 = 0x22,
        /// How many commands of high priority are left when the host is told.
        high_threshold: u16 = 0x24,
        /// Bit 0: the host is told when a list is empty.
        flags: u16 = 0x26,
    }
    /// DECOMMISSION: ends a guest that has no ASID.
    SevDecommission = 0x20, 0x4 {
        /// The guest's handle.
        handle: u32 = 0x0,
    }
    /// ACTIVATE: gives a guest an ASID, and loads its key.
    SevActivate = 0x21, 0x8 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// The ASID.
        asid: u32 = 0x4,
    }
    /// DEACTIVATE: takes the ASID from a guest.
    SevDeactivate = 0x22, 0x4 {
        /// The guest's handle.
        handle: u32 = 0x0,
    }
    /// GUEST_STATUS: writes what is known of a guest.
    SevGuestStatus = 0x23, 0xd {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// Its policy ([`GuestPolicy`](crate::sev::GuestPolicy)).
        policy: u32 = 0x4,
        /// Its ASID, or 0.
        asid: u32 = 0x8,
        /// 0: no guest, 1: LUPDATE, 2: LSECRET, 3: RUNNING, 4: SUPDATE, 5: RUPDATE, 6: SENT.
        state: u8 = 0xc,
    }
    /// COPY: moves pages of a guest.
    SevCopy = 0x24, 0x18 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// Their bytes.
        len: u32 = 0x4,
        /// The first one.
        src_paddr: u64 = 0x8,
        /// Where it goes.
        dst_paddr: u64 = 0x10,
    }
    /// ACTIVATE_EX: as ACTIVATE, on some core complexes.
    SevActivateEx = 0x25, 0x18 {
        /// Bytes of the buffer: 0x18.
        len: u32 = 0x0,
        /// The guest's handle.
        handle: u32 = 0x4,
        /// The ASID.
        asid: u32 = 0x8,
        /// How many APIC IDs.
        numids: u32 = 0xc,
        /// Where they stand, four bytes each.
        ids_paddr: u64 = 0x10,
    }
    /// LAUNCH_START: makes a guest.
    SevLaunchStart = 0x30, 0x24 {
        /// 0, or the handle of a guest whose key is shared. Written back: the new guest's.
        handle: u32 = 0x0,
        /// Its policy ([`GuestPolicy`](crate::sev::GuestPolicy)).
        policy: u32 = 0x4,
        /// The Diffie-Hellman certificate of its owner; 0: no session.
        dh_cert_paddr: u64 = 0x8,
        /// Its bytes: 2084.
        dh_cert_len: u32 = 0x10,
        /// The session ([`SessionBuffer`](crate::sev::session::SessionBuffer)).
        session_paddr: u64 = 0x18,
        /// Its bytes: 128.
        session_len: u32 = 0x20,
    }
    /// LAUNCH_UPDATE_DATA: measures memory of the host, and makes it the guest's.
    SevLaunchUpdateData = 0x31, 0x14 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// The memory.
        paddr: u64 = 0x8,
        /// Its bytes, a multiple of 16.
        len: u32 = 0x10,
    }
    /// LAUNCH_UPDATE_VMSA: the same for the save area of a vCPU (SEV-ES).
    SevLaunchUpdateVmsa = 0x32, 0x14 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// The save area.
        paddr: u64 = 0x8,
        /// Its bytes: 4096.
        len: u32 = 0x10,
    }
    /// LAUNCH_MEASURE: writes the measurement ([`Measurement`](crate::sev::launch::Measurement)), 48 bytes.
    SevLaunchMeasure = 0x33, 0x14 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// Where it goes.
        paddr: u64 = 0x8,
        /// The bytes there; written back where they are too few.
        len: u32 = 0x10,
    }
    /// LAUNCH_SECRET: puts a secret into the guest's memory.
    SevLaunchSecret = 0x34, 0x34 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// The packet's header ([`PacketHeader`](crate::sev::packet::PacketHeader)).
        hdr_paddr: u64 = 0x8,
        /// Its bytes: 52.
        hdr_len: u32 = 0x10,
        /// Where the secret goes.
        guest_paddr: u64 = 0x18,
        /// Their number.
        guest_len: u32 = 0x20,
        /// The packet.
        trans_paddr: u64 = 0x28,
        /// Their number.
        trans_len: u32 = 0x30,
    }
    /// LAUNCH_FINISH: the guest may run.
    SevLaunchFinish = 0x35, 0x4 {
        /// The guest's handle.
        handle: u32 = 0x0,
    }
    /// ATTESTATION: writes a report ([`AttestationReport`](crate::sev::report::AttestationReport)), 208 bytes.
    SevAttestation = 0x36, 0x24 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// Where it goes.
        paddr: u64 = 0x8,
        /// MNONCE.
        mnonce: [u8; 16] = 0x10,
        /// The bytes there; written back.
        len: u32 = 0x20,
    }
    /// SEND_START: begins to send a guest to another platform.
    SevSendStart = 0x40, 0x44 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// Written back: its policy.
        policy: u32 = 0x4,
        /// The certificate of the other platform's PDH.
        pdh_paddr: u64 = 0x8,
        /// Its bytes: 2084.
        pdh_len: u32 = 0x10,
        /// Its PEK, OCA and CEK, the last one with AMD's signature.
        plat_certs_paddr: u64 = 0x18,
        /// Their bytes: 6252.
        plat_certs_len: u32 = 0x20,
        /// ASK and ARK.
        amd_certs_paddr: u64 = 0x28,
        /// Their bytes.
        amd_certs_len: u32 = 0x30,
        /// Where the session ([`SessionBuffer`](crate::sev::session::SessionBuffer)) goes.
        session_paddr: u64 = 0x38,
        /// The bytes there: 128; written back where they are not.
        session_len: u32 = 0x40,
    }
    /// SEND_UPDATE_DATA: makes a packet of memory of the guest.
    SevSendUpdateData = 0x41, 0x34 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// Where the header goes ([`PacketHeader`](crate::sev::packet::PacketHeader)).
        hdr_paddr: u64 = 0x8,
        /// The bytes there, at least 52; written back.
        hdr_len: u32 = 0x10,
        /// The bytes of the guest.
        guest_paddr: u64 = 0x18,
        /// Their number.
        guest_len: u32 = 0x20,
        /// Where the packet goes.
        trans_paddr: u64 = 0x28,
        /// Their number.
        trans_len: u32 = 0x30,
    }
    /// SEND_UPDATE_VMSA: makes a packet of a save area (SEV-ES).
    SevSendUpdateVmsa = 0x42, 0x34 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// Where the header goes ([`PacketHeader`](crate::sev::packet::PacketHeader)).
        hdr_paddr: u64 = 0x8,
        /// The bytes there, at least 52; written back.
        hdr_len: u32 = 0x10,
        /// The save area.
        guest_paddr: u64 = 0x18,
        /// Their number.
        guest_len: u32 = 0x20,
        /// Where the packet goes.
        trans_paddr: u64 = 0x28,
        /// Their number.
        trans_len: u32 = 0x30,
    }
    /// SEND_FINISH: the guest is sent.
    SevSendFinish = 0x43, 0x4 {
        /// The guest's handle.
        handle: u32 = 0x0,
    }
    /// SEND_CANCEL: the guest is not sent after all.
    SevSendCancel = 0x44, 0x4 {
        /// The guest's handle.
        handle: u32 = 0x0,
    }
    /// RECEIVE_START: makes a guest that comes from another platform.
    SevReceiveStart = 0x50, 0x24 {
        /// 0, or the handle of a guest whose key is shared. Written back: the new guest's.
        handle: u32 = 0x0,
        /// Its policy ([`GuestPolicy`](crate::sev::GuestPolicy)).
        policy: u32 = 0x4,
        /// The certificate of the other platform's PDH.
        pdh_paddr: u64 = 0x8,
        /// Its bytes: 2084.
        pdh_len: u32 = 0x10,
        /// The session ([`SessionBuffer`](crate::sev::session::SessionBuffer)).
        session_paddr: u64 = 0x18,
        /// Its bytes: 128.
        session_len: u32 = 0x20,
    }
    /// RECEIVE_UPDATE_DATA: puts a packet into the guest's memory.
    SevReceiveUpdateData = 0x51, 0x34 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// The packet's header ([`PacketHeader`](crate::sev::packet::PacketHeader)).
        hdr_paddr: u64 = 0x8,
        /// Its bytes, at least 52.
        hdr_len: u32 = 0x10,
        /// Where its bytes go.
        guest_paddr: u64 = 0x18,
        /// Their number.
        guest_len: u32 = 0x20,
        /// The packet.
        trans_paddr: u64 = 0x28,
        /// Their number.
        trans_len: u32 = 0x30,
    }
    /// RECEIVE_UPDATE_VMSA: the same for a save area (SEV-ES).
    SevReceiveUpdateVmsa = 0x52, 0x34 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// The packet's header ([`PacketHeader`](crate::sev::packet::PacketHeader)).
        hdr_paddr: u64 = 0x8,
        /// Its bytes, at least 52.
        hdr_len: u32 = 0x10,
        /// Where the save area goes.
        guest_paddr: u64 = 0x18,
        /// Their number.
        guest_len: u32 = 0x20,
        /// The packet.
        trans_paddr: u64 = 0x28,
        /// Their number.
        trans_len: u32 = 0x30,
    }
    /// RECEIVE_FINISH: the guest may run.
    SevReceiveFinish = 0x53, 0x4 {
        /// The guest's handle.
        handle: u32 = 0x0,
    }
    /// DBG_DECRYPT: reads memory of a guest whose policy allows debugging.
    SevDbgDecrypt = 0x60, 0x1c {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// The memory of the guest.
        src_paddr: u64 = 0x8,
        /// Where its text goes.
        dst_paddr: u64 = 0x10,
        /// The bytes, a multiple of 16.
        len: u32 = 0x18,
    }
    /// DBG_ENCRYPT: writes memory of a guest whose policy allows debugging.
    SevDbgEncrypt = 0x61, 0x1c {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// The text.
        src_paddr: u64 = 0x8,
        /// The memory of the guest.
        dst_paddr: u64 = 0x10,
        /// The bytes, a multiple of 16.
        len: u32 = 0x18,
    }
    /// SWAP_OUT: enciphers a page, so that the host may keep it.
    SevSwapOut = 0x70, 0x28 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// Bit 0: PAGE_SIZE, bits 2:1: PAGE_TYPE ([`PageType`](crate::sev::swap::PageType)).
        flags: u32 = 0x4,
        /// The page.
        src_paddr: u64 = 0x8,
        /// Where its ciphertext goes.
        dst_paddr: u64 = 0x10,
        /// Where its entry goes, 64 bytes ([`MdataEntry`](crate::sev::swap::MdataEntry)).
        mdata_paddr: u64 = 0x18,
        /// SOFTWARE_DATA of the entry.
        software_data: u64 = 0x20,
    }
    /// SWAP_IN: takes a page back.
    SevSwapIn = 0x71, 0x20 {
        /// The guest's handle.
        handle: u32 = 0x0,
        /// As of [`SevSwapOut`], and bit 3: SWAP_IN_PLACE.
        flags: u32 = 0x4,
        /// The ciphertext.
        src_paddr: u64 = 0x8,
        /// Where the page goes.
        dst_paddr: u64 = 0x10,
        /// Its entry.
        mdata_paddr: u64 = 0x18,
    }
}
