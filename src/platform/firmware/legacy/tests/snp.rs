//! Together with SEV-SNP: pages that the firmware writes are its own, and ASIDs are shared.

use super::*;
use crate::addr::PageSize;
use crate::rmp::PageAssignment;

/// Pages become the firmware's to write.
fn give(rig: &Rig, addr: u64, page_size: PageSize) {
    let page = PageAssignment { page_size, ..PageAssignment::FIRMWARE };
    rig.machine.rmp().rmpupdate(Asid::HOST, addr, &page.to_bytes()).unwrap();
}

#[test]
fn pages_that_are_written() {
    let rig = Rig::with(chip(), 0x100_0000);
    rig.run(SnpInit {}).unwrap();
    let init = SevInit { flags: 1, tmr_paddr: 0x20_0000, tmr_len: 0x20_0000 };
    assert_eq!(rig.run(init), Err(Status::INVALID_PAGE_STATE));
    give(&rig, 0x20_0000, PageSize::Size2M);
    let small = SevInit { tmr_len: 0x10_0000, ..init };
    assert_eq!(rig.run(small), Err(Status::INVALID_LENGTH));
    rig.run(init).unwrap();
    let id = SevGetId { id_paddr: OUT, id_len: 64 };
    assert_eq!(rig.run(id), Err(Status::INVALID_PAGE_STATE));
    // Behind the length.
    assert_eq!(rig.run(SevGetId { id_len: 63, ..id }), Err(Status::INVALID_LENGTH));
    give(&rig, OUT, PageSize::Size4K);
    rig.run(id).unwrap();
    // Each page of the place that the command names.
    assert_eq!(rig.run(SevGetId { id_len: 0x1001, ..id }), Err(Status::INVALID_PAGE_STATE));
    let across = SevGetId { id_paddr: OUT + 0xff0, ..id };
    assert_eq!(rig.run(across), Err(Status::INVALID_PAGE_STATE));
    rig.run(SevPekCsr { csr_paddr: OUT, csr_len: 2084 }).unwrap();

    let handle = rig.launch(0, Some(100));
    let paddr = 0x40_0000;
    let update = SevLaunchUpdateData { handle, paddr, len: 0x2000 };
    assert_eq!(rig.run(update), Err(Status::INVALID_PAGE_STATE));
    give(&rig, paddr, PageSize::Size4K);
    assert_eq!(rig.run(update), Err(Status::INVALID_PAGE_STATE));
    give(&rig, paddr + 0x1000, PageSize::Size4K);
    rig.run(update).unwrap();
    let measure = SevLaunchMeasure { handle, paddr: HOST, len: 48 };
    assert_eq!(rig.run(measure), Err(Status::INVALID_PAGE_STATE));
    rig.measure(handle);
    rig.run(SevLaunchFinish { handle }).unwrap();
    let report = SevAttestation { handle, paddr: HOST, mnonce: [0; 16], len: 208 };
    assert_eq!(rig.run(report), Err(Status::INVALID_PAGE_STATE));

    // Of a page that is read only the firmware asks nothing.
    let (src_paddr, dst_paddr) = (HOST, paddr);
    rig.run(SevDbgEncrypt { handle, src_paddr, dst_paddr, len: 16 }).unwrap();
    let decrypt = SevDbgDecrypt { handle, src_paddr: paddr, dst_paddr: HOST, len: 16 };
    assert_eq!(rig.run(decrypt), Err(Status::INVALID_PAGE_STATE));
    // Before INACTIVE.
    rig.run(SevDeactivate { handle }).unwrap();
    assert_eq!(rig.run(decrypt), Err(Status::INVALID_PAGE_STATE));
    assert_eq!(rig.run(SevDbgDecrypt { dst_paddr: OUT, ..decrypt }), Err(Status::INACTIVE));
    let copy = SevCopy { handle, len: 4096, src_paddr: paddr, dst_paddr: HOST };
    assert_eq!(rig.run(copy), Err(Status::INACTIVE));
}

#[test]
fn guests_that_come_and_go() {
    let rig = Rig::with(chip(), 0x100_0000);
    rig.run(SnpInit {}).unwrap();
    rig.run(SevInit::default()).unwrap();
    give(&rig, OUT, PageSize::Size4K);
    let handle = rig.running(0, 100);
    let session = SevSendStart {
        handle,
        pdh_paddr: CERTIFICATE,
        pdh_len: 2084,
        session_paddr: HOST,
        session_len: 128,
        ..Default::default()
    };
    // The page before the certificate, without SEV in the policy.
    assert_eq!(rig.run(SevSendStart { pdh_len: 1, ..session }), Err(Status::INVALID_PAGE_STATE));
    rig.send(handle);
    let update = SevSendUpdateData {
        handle,
        hdr_paddr: HOST,
        hdr_len: 52,
        guest_paddr: 0x40_0000,
        guest_len: 4096,
        trans_paddr: 0x41_0000,
        trans_len: 4096,
    };
    assert_eq!(rig.run(update), Err(Status::INVALID_PAGE_STATE));
    give(&rig, HOST, PageSize::Size4K);
    assert_eq!(rig.run(update), Err(Status::INVALID_PAGE_STATE));
    give(&rig, 0x41_0000, PageSize::Size4K);
    rig.run(update).unwrap();
    let (flags, software_data) = (0, 0);
    let out = SevSwapOut {
        handle,
        flags,
        src_paddr: 0x40_0000,
        dst_paddr: 0x42_0000,
        mdata_paddr: 0x43_0000,
        software_data,
    };
    assert_eq!(rig.run(out), Err(Status::INVALID_PAGE_STATE));
    give(&rig, 0x42_0000, PageSize::Size4K);
    assert_eq!(rig.run(out), Err(Status::INVALID_PAGE_STATE));
    give(&rig, 0x43_0000, PageSize::Size4K);
    rig.run(out).unwrap();
    let back = SevSwapIn {
        handle,
        flags,
        src_paddr: 0x42_0000,
        dst_paddr: 0x44_0000,
        mdata_paddr: 0x43_0000,
    };
    assert_eq!(rig.run(back), Err(Status::INVALID_PAGE_STATE));
    give(&rig, 0x44_0000, PageSize::Size4K);
    rig.run(back).unwrap();
}

/// Neither generation takes the other's ASID; SEV's SHUTDOWN leaves SNP's guests alone.
#[test]
fn asids_are_shared() {
    let rig = Rig::with(chip(), 0x100_0000);
    rig.run(SnpInit {}).unwrap();
    give(&rig, 0x20_0000, PageSize::Size2M);
    let init = SevInit { flags: 1, tmr_paddr: 0x20_0000, tmr_len: 0x20_0000 };
    rig.run(init).unwrap();
    give(&rig, 0x40_0000, PageSize::Size4K);
    let gctx_paddr = 0x40_0000;
    rig.run(SnpGctxCreate { gctx_paddr }).unwrap();
    let policy = 0x3_0000;
    rig.run(SnpLaunchStart { gctx_paddr, policy, ..Default::default() }).unwrap();
    let activate = SnpActivate { gctx_paddr, asid: 7 };
    let handle = rig.launch(4, Some(7));
    assert_eq!(rig.run(activate), Err(Status::ASID_OWNED));
    rig.run(SnpActivate { asid: 8, ..activate }).unwrap();
    let second = rig.launch(4, None);
    let taken = SevActivate { handle: second, asid: 8 };
    assert_eq!(rig.run(taken), Err(Status::ASID_OWNED));
    rig.run(SevShutdown {}).unwrap();
    let state = rig.machine.lock();
    assert_eq!(state.asids.owner(Asid::new(7)), None);
    assert!(state.asids.owner(Asid::new(8)).is_some());
    drop(state);
    assert_eq!(rig.platform_status().state, 0);
    let _ = handle;
}

/// The host gives a page of the kept keys to somebody else: no command writes there, and the keys stay what they were.
#[test]
fn the_keys_place_is_given_away() {
    let rig = Rig::with(chip(), 0x100_0000);
    rig.run(SnpInit {}).unwrap();
    let nv_paddr = 0x50_0000;
    let pages: Vec<u64> = (0..8).map(|n| nv_paddr + n * 0x1000).collect();
    rig.put(nv_paddr, &[0xff; 0x8000]);
    pages.iter().for_each(|page| give(&rig, *page, PageSize::Size4K));
    rig.run(SevInitEx { len: 0x24, nv_paddr, nv_len: 0x8000, ..Default::default() }).unwrap();
    let import =
        SevPekCertImport { pek_paddr: CERTIFICATE, pek_len: 2084, oca_paddr: CHAIN, oca_len: 2084 };
    for page in [pages[0], pages[7]] {
        rig.run(SnpPageReclaim { page_paddr: page }).unwrap();
        let to = PageAssignment::HYPERVISOR.to_bytes();
        rig.machine.rmp().rmpupdate(Asid::HOST, page, &to).unwrap();
        let before = rig.take(nv_paddr, 0x8000);
        rig.refuses(SevPdhGen {}, Status::INVALID_PAGE_STATE);
        rig.refuses(SevPekGen {}, Status::INVALID_PAGE_STATE);
        rig.refuses(import, Status::INVALID_PAGE_STATE);
        assert!(rig.take(nv_paddr, 0x8000) == before);
        give(&rig, page, PageSize::Size4K);
        rig.run(SevPdhGen {}).unwrap();
        assert!(rig.take(nv_paddr, 0x8000) != before);
    }
}
