//! The platform: its states, its keys, and where they are kept.

use super::*;
use crate::ecdsa::SigningKey;
use crate::sev::keys::Oca;

const NV: u64 = 0x5_0000;

fn init_ex() -> SevInitEx {
    SevInitEx {
        len: 0x24,
        flags: 1,
        tmr_paddr: TMR,
        tmr_len: 0x10_0000,
        nv_paddr: NV,
        nv_len: 0x8000,
    }
}

#[test]
fn states() {
    let rig = Rig::new();
    let status = SevPlatformStatus {
        api_major: 1,
        api_minor: 55,
        build: 25,
        ..SevPlatformStatus::default()
    };
    assert_eq!(rig.platform_status(), status);
    rig.run(SevShutdown {}).unwrap();
    rig.run(SevInit::default()).unwrap();
    assert_eq!(rig.platform_status(), SevPlatformStatus { state: 1, ..status });
    rig.refuses(SevInit::default(), Status::INVALID_PLATFORM_STATE);
    rig.refuses(init_ex(), Status::INVALID_PLATFORM_STATE);
    rig.refuses(SevPlatformReset {}, Status::INVALID_PLATFORM_STATE);
    let handle = rig.launch(0, None);
    let working = SevPlatformStatus { state: 2, guest_count: 1, ..status };
    assert_eq!(rig.platform_status(), working);
    rig.refuses(SevPekGen {}, Status::INVALID_PLATFORM_STATE);
    rig.run(SevPdhGen {}).unwrap();
    rig.run(SevDecommission { handle }).unwrap();
    assert_eq!(rig.platform_status().state, 1);
    rig.launch(0, None);
    rig.run(SevShutdown {}).unwrap();
    assert_eq!(rig.platform_status(), status);
    // PLATFORM_STATUS reads nothing of its buffer and writes all of it.
    let mut buffer = [0xff; SevPlatformStatus::LEN];
    assert_eq!(rig.machine.command(SevPlatformStatus::ID, &mut buffer), Status::SUCCESS);
    assert_eq!(buffer, [1, 55, 0, 0, 0, 0, 0, 25, 0, 0, 0, 0]);
}

#[test]
fn es_is_said() {
    let rig = Rig::new();
    rig.init_es();
    assert_eq!(rig.platform_status().config, 1);
}

#[test]
fn commands_that_are_none() {
    let rig = Rig::init();
    rig.run(SevNop {}).unwrap();
    rig.refuses(SevRingBuffer::default(), Status::UNSUPPORTED);
    for id in [0, 0x10, 0x1f, 0x26, 0x37, 0x45, 0x54, 0x62, 0x72, 0x80, u32::MAX] {
        rig.refuses_bytes(CommandId(id), &[0; 0x40], Status::INVALID_COMMAND);
    }
    // A buffer that ends before the command does.
    rig.refuses_bytes(SevInit::ID, &[0; SevInit::LEN - 1], Status::INVALID_LENGTH);
    rig.refuses_bytes(SevPlatformStatus::ID, &[0; 11], Status::INVALID_LENGTH);
}

/// What the firmware does not look at does no harm, and stays.
#[test]
fn reserved_bytes() {
    let rig = Rig::init();
    let mut buffer = [0; SevLaunchStart::LEN];
    buffer[0x14..0x18].fill(0xee);
    assert_eq!(rig.machine.command(SevLaunchStart::ID, &mut buffer), Status::SUCCESS);
    assert_eq!((buffer[0], &buffer[0x14..0x18]), (1, &[0xee; 4][..]));
    // But of INIT.
    let rig = Rig::new();
    for at in 2..8 {
        let mut buffer = [0; SevInit::LEN];
        buffer[at] = 1;
        rig.refuses_bytes(SevInit::ID, &buffer, Status::INVALID_CONFIG);
    }
    for at in [6, 7, 0x14, 0x17] {
        let mut buffer = [0; SevInitEx::LEN];
        init_ex().write(&mut buffer);
        buffer[at] = 1;
        rig.refuses_bytes(SevInitEx::ID, &buffer, Status::INVALID_CONFIG);
    }
}

#[test]
fn init_refusals() {
    let rig = Rig::new();
    let good = SevInit { flags: 1, tmr_paddr: TMR, tmr_len: 0x10_0000 };
    rig.in_order(
        &good,
        &[
            (|c| c.flags = 3, Status::INVALID_CONFIG),
            (|c| c.tmr_paddr = TMR + 0x1000, Status::INVALID_ADDRESS),
            (|c| c.tmr_len = 0x20_0000, Status::INVALID_LENGTH),
            (|c| c.tmr_len = 0x10_0001, Status::INVALID_LENGTH),
            (|c| c.tmr_paddr = NOWHERE, Status::INVALID_ADDRESS),
        ],
    );
    let rig = Rig::new();
    rig.put(NV, &[0xff; 0x8000]);
    rig.in_order(
        &init_ex(),
        &[
            (|c| c.flags = 2, Status::INVALID_CONFIG),
            (|c| c.len = 0x20, Status::INVALID_LENGTH),
            (|c| c.nv_paddr = NV + 16, Status::INVALID_ADDRESS),
            (|c| c.nv_paddr = MEMORY, Status::INVALID_ADDRESS),
            (|c| c.nv_len = 0x7fff, Status::INVALID_LENGTH),
            (|c| c.tmr_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.tmr_paddr = 0, Status::INVALID_ADDRESS),
            (|c| c.tmr_paddr = TMR + 0x1000, Status::INVALID_ADDRESS),
            (|c| c.tmr_len = 0x8_0000, Status::INVALID_LENGTH),
        ],
    );
}

/// The same platform again: from its flash memory, and from the host's.
#[test]
fn keys_are_kept() {
    let rig = Rig::init();
    let first = rig.certificates();
    rig.run(SevShutdown {}).unwrap();
    rig.run(SevInit::default()).unwrap();
    assert!(rig.certificates() == first);
    rig.run(SevPdhGen {}).unwrap();
    let second = rig.certificates();
    assert!(second.pdh != first.pdh && second.pek == first.pek);
    rig.run(SevShutdown {}).unwrap();
    rig.run(SevInit::default()).unwrap();
    assert!(rig.certificates() == second);
    rig.run(SevPekGen {}).unwrap();
    let third = rig.certificates();
    assert!(third.oca != second.oca && third.pek != second.pek && third.cek == second.cek);
    rig.run(SevShutdown {}).unwrap();

    // Other keys for memory that holds nothing.
    rig.put(NV, &[0xff; 0x8000]);
    rig.run(init_ex()).unwrap();
    let fourth = rig.certificates();
    assert!(fourth.pek != third.pek);
    rig.run(SevPekGen {}).unwrap();
    let fifth = rig.certificates();
    assert!(fifth.pek != fourth.pek);
    rig.run(SevShutdown {}).unwrap();
    let kept = rig.take(NV, 0x8000);
    rig.run(init_ex()).unwrap();
    assert!(rig.certificates() == fifth);
    assert_eq!(rig.take(NV, 0x8000), kept, "nothing new, nothing written");
    rig.run(SevShutdown {}).unwrap();

    // The flash memory has its own.
    rig.run(SevInitEx { nv_paddr: 0, nv_len: 0, ..init_ex() }).unwrap();
    assert!(rig.certificates() == third);
    rig.run(SevShutdown {}).unwrap();
    rig.run(SevPlatformReset {}).unwrap();
    rig.run(SevInit::default()).unwrap();
    assert!(rig.certificates().pek != third.pek);
}

/// Each byte that the firmware has written, and another chip.
#[test]
fn keys_that_were_changed() {
    let rig = Rig::new();
    rig.put(NV, &[0xff; 0x8000]);
    rig.run(init_ex()).unwrap();
    rig.run(SevShutdown {}).unwrap();
    let kept = rig.take(NV, 0x8000);
    for at in (0..store::LEN).step_by(97).chain([store::LEN - 48, store::LEN - 1]) {
        rig.put(NV, &kept);
        rig.put(NV + at as u64, &[kept[at] ^ 1]);
        assert_eq!(rig.run(init_ex()), Err(Status::SECURE_DATA_INVALID), "{at}");
        assert_eq!(rig.take(NV, 0x8000), [0xff; 0x8000], "erased");
        assert_eq!(rig.platform_status().state, 0);
    }
    rig.put(NV, &[0; 0x8000]);
    assert_eq!(rig.run(init_ex()), Err(Status::SECURE_DATA_INVALID));
    let other = Rig::with(Chip::new(Product::Genoa, &[1; 48], &[1; 32]), MEMORY);
    other.put(NV, &kept);
    assert_eq!(other.run(init_ex()), Err(Status::SECURE_DATA_INVALID));
    rig.put(NV, &kept);
    rig.run(init_ex()).unwrap();
    assert!(!kept.windows(48).any(|bytes| {
        let state = rig.machine.lock();
        let keys = &state.legacy.platform.as_ref().unwrap().keys;
        bytes == &keys.to_parts().pek[..]
    }));
}

#[test]
fn owners() {
    let rig = Rig::init();
    let before = rig.certificates();
    let oca = Oca::new(SigningKey::from_random(&[9; 56])).unwrap();
    let pek = oca.sign_csr(&before.pek.unsigned()).unwrap();
    let import =
        SevPekCertImport { pek_paddr: CERTIFICATE, pek_len: 2084, oca_paddr: CHAIN, oca_len: 2084 };
    rig.put(CERTIFICATE, pek.as_bytes());
    rig.put(CHAIN, oca.certificate().as_bytes());
    // A PEK that is another one's, and certificates that are none.
    let stranger = Rig::with(Chip::new(Product::Genoa, &[1; 48], &[1; 32]), MEMORY);
    stranger.script.push(&[0x99; 168]);
    stranger.init_es();
    let foreign = oca.sign_csr(&stranger.certificates().pek.unsigned()).unwrap();
    rig.put(HOST, foreign.as_bytes());
    let mut forged = *pek.as_bytes();
    forged[0x41c] ^= 1;
    rig.put(HOST + 0x1000, &forged);
    rig.in_order(
        &import,
        &[
            (|c| c.pek_len = 2083, Status::INVALID_LENGTH),
            (|c| c.oca_len = 0, Status::INVALID_LENGTH),
            (|c| c.pek_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.oca_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.oca_paddr = CERTIFICATE, Status::INVALID_CERTIFICATE),
            (|c| c.pek_paddr = HOST + 0x1000, Status::BAD_SIGNATURE),
            (|c| c.pek_paddr = HOST, Status::INVALID_CERTIFICATE),
        ],
    );
    assert_eq!(rig.platform_status().flags, 1);
    let after = rig.certificates();
    assert!(after.oca == *oca.certificate() && after.pdh != before.pdh);
    rig.refuses(import, Status::ALREADY_OWNED);
    rig.refuses(SevPekCertImport { pek_len: 0, ..import }, Status::ALREADY_OWNED);
    rig.run(SevShutdown {}).unwrap();
    rig.run(SevInit::default()).unwrap();
    assert_eq!((rig.platform_status().flags, rig.certificates() == after), (1, true));
    rig.run(SevPekGen {}).unwrap();
    assert_eq!(rig.platform_status().flags, 0);
}

/// Lengths that are too short are written back.
#[test]
fn lengths_are_written_back() {
    #[track_caller]
    fn too_short<C: Command + core::fmt::Debug + PartialEq>(rig: &Rig, short: C, expected: C) {
        let mut buffer = vec![0; C::LEN];
        short.write(&mut buffer);
        let before = rig.snapshot();
        assert_eq!(rig.machine.command(C::ID, &mut buffer), Status::INVALID_LENGTH);
        assert_eq!(C::get(&buffer), expected);
        assert!(rig.snapshot() == before);
    }
    let rig = Rig::init();
    let csr = SevPekCsr { csr_paddr: OUT, csr_len: 2084 };
    too_short(&rig, SevPekCsr { csr_len: 2083, ..csr }, csr);
    let export = SevPdhCertExport {
        pdh_paddr: CERTIFICATE,
        pdh_len: 2084,
        chain_paddr: CHAIN,
        chain_len: 6252,
    };
    too_short(&rig, SevPdhCertExport { pdh_len: 2083, chain_len: 9999, ..export }, export);
    too_short(&rig, SevPdhCertExport { pdh_len: 9999, chain_len: 6251, ..export }, export);
    let id = SevGetId { id_paddr: OUT, id_len: 64 };
    too_short(&rig, SevGetId { id_len: 63, ..id }, id);
    let handle = rig.launch(0, Some(100));
    let measure = SevLaunchMeasure { handle, paddr: OUT, len: 48 };
    too_short(&rig, SevLaunchMeasure { len: 47, ..measure }, measure);
    rig.measure(handle);
    let attestation = SevAttestation { handle, paddr: OUT, mnonce: [1; 16], len: 208 };
    too_short(&rig, SevAttestation { len: 207, ..attestation }, attestation);
    // Before the handle is looked at.
    let update = SevSendUpdateData { handle: 9, hdr_len: 52, ..SevSendUpdateData::default() };
    too_short(&rig, SevSendUpdateData { hdr_len: 51, ..update }, update);

    rig.refuses(SevPekCsr { csr_paddr: NOWHERE, ..csr }, Status::INVALID_ADDRESS);
    rig.refuses(SevPdhCertExport { pdh_paddr: NOWHERE, ..export }, Status::INVALID_ADDRESS);
    rig.refuses(SevPdhCertExport { chain_paddr: TMR, ..export }, Status::INVALID_ADDRESS);
    rig.refuses(SevGetId { id_paddr: MEMORY - 63, ..id }, Status::INVALID_ADDRESS);
    rig.refuses(SevAttestation { paddr: NOWHERE, ..attestation }, Status::INVALID_ADDRESS);
}

#[test]
fn firmware_updates() {
    let rig = Rig::init();
    let update = SevDownloadFirmware { fw_paddr: HOST, fw_len: 64 };
    rig.refuses(update, Status::INVALID_PLATFORM_STATE);
    rig.run(SevShutdown {}).unwrap();
    rig.refuses(SevDownloadFirmware { fw_paddr: HOST + 16, ..update }, Status::INVALID_ADDRESS);
    rig.refuses(SevDownloadFirmware { fw_paddr: NOWHERE, ..update }, Status::INVALID_ADDRESS);
}

/// INIT leaves no ASID clean: WBINVD and DF_FLUSH come before the first guest has one.
#[test]
fn asids_go_round() {
    let rig = Rig::new();
    rig.run(SevInit::default()).unwrap();
    let handle = rig.launch(0, None);
    let activate = SevActivate { handle, asid: 100 };
    rig.refuses(activate, Status::DFFLUSH_REQUIRED);
    rig.refuses(SevDfFlush {}, Status::WBINVD_REQUIRED);
    rig.flush();
    rig.run(activate).unwrap();
    // An ASID that nobody has run with is clean.
    rig.run(SevDeactivate { handle }).unwrap();
    rig.refuses(SevDeactivate { handle }, Status::INACTIVE);
    rig.run(activate).unwrap();
    rig.measure(handle);
    rig.run(SevLaunchFinish { handle }).unwrap();
    rig.run(SevDeactivate { handle }).unwrap();
    rig.refuses(activate, Status::DFFLUSH_REQUIRED);
    rig.refuses(SevDfFlush {}, Status::WBINVD_REQUIRED);
    rig.machine.wbinvd();
    rig.refuses(activate, Status::DFFLUSH_REQUIRED);
    rig.run(SevDfFlush {}).unwrap();
    rig.run(activate).unwrap();
    // SHUTDOWN gives them all back.
    rig.run(SevShutdown {}).unwrap();
    assert!(rig.machine.lock().asids.states.iter().all(|state| state.owner.is_none()));
}

#[test]
fn activation_refusals() {
    let rig = Rig::init();
    let (es, sev) = (rig.launch(4, None), rig.launch(0, None));
    let owner = rig.launch(0, Some(101));
    let sent = rig.running(0, 102);
    rig.send(sent);
    rig.run(SevSendFinish { handle: sent }).unwrap();
    rig.run(SevDeactivate { handle: sent }).unwrap();
    let active = rig.launch(0, Some(103));
    assert_eq!((es, sev, owner, sent, active), (1, 2, 3, 4, 5));
    let max = rig.machine.lock().facts.max_asid;
    rig.refuses(SevActivate { handle: sev, asid: max + 1 }, Status::INVALID_ASID);
    rig.in_order(
        &SevActivate { handle: sev, asid: 104 },
        &[
            (|c| c.handle = 0, Status::INVALID_GUEST),
            (|c| c.handle = 6, Status::INVALID_GUEST),
            (|c| c.asid = 0, Status::INVALID_ASID),
            (|c| c.asid = u32::MAX, Status::INVALID_ASID),
            (|c| c.asid = 101, Status::ASID_OWNED),
            (|c| c.handle = 5, Status::ACTIVE),
            (|c| c.handle = 4, Status::INVALID_GUEST_STATE),
            (|c| c.asid = 102, Status::DFFLUSH_REQUIRED),
            (|c| c.asid = 99, Status::INVALID_ASID),
        ],
    );
    rig.refuses(SevActivate { handle: es, asid: 100 }, Status::INVALID_ASID);
    rig.refuses(SevActivate { handle: es, asid: max }, Status::INVALID_ASID);
    rig.run(SevActivate { handle: es, asid: 99 }).unwrap();

    let third = rig.launch(0, None);
    assert_eq!(third, 6);
    let ex = SevActivateEx { len: 0x18, handle: third, asid: 105, numids: 1, ids_paddr: HOST };
    rig.in_order(
        &ex,
        &[
            (|c| c.len = 0x17, Status::INVALID_PARAM),
            (|c| c.handle = 7, Status::INVALID_GUEST),
            (|c| c.asid = 0, Status::INVALID_ASID),
            (|c| c.numids = 0, Status::INVALID_PARAM),
            (|c| c.numids = 1025, Status::INVALID_PARAM),
            (|c| c.ids_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.handle = 4, Status::INVALID_GUEST_STATE),
            (|c| c.handle = 5, Status::ACTIVE),
            (|c| c.asid = 102, Status::DFFLUSH_REQUIRED),
            (|c| c.asid = 101, Status::ASID_OWNED),
            (|c| c.asid = 98, Status::INVALID_ASID),
        ],
    );
    // For other core complexes, with the same ASID.
    rig.run(ex).unwrap();
    rig.refuses(SevActivateEx { asid: 106, ..ex }, Status::ACTIVE);
}

/// 1024 handles, and the first that is free is the next one.
#[test]
fn handles() {
    let rig = Rig::new();
    rig.run(SevInit::default()).unwrap();
    for handle in 1..=1024 {
        assert_eq!(rig.launch(0, None), handle);
    }
    rig.refuses(SevLaunchStart::default(), Status::RESOURCE_LIMIT);
    rig.run(SevDecommission { handle: 17 }).unwrap();
    // RESOURCE_LIMIT would come before UNSUPPORTED.
    let es = SevLaunchStart { policy: 4, ..SevLaunchStart::default() };
    rig.refuses(es, Status::UNSUPPORTED);
    assert_eq!(rig.launch(0, None), 17);
    rig.refuses(es, Status::RESOURCE_LIMIT);
    assert_eq!(rig.status(1025).state, 0);
    assert_eq!(rig.platform_status().guest_count, 1024);
}
