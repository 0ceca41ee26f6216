//! Debugging, copies and swapping.

use super::*;

const ANY: u32 = 0;

fn guest_page(rig: &Rig, asid: u32, addr: u64) -> Vec<u8> {
    let page = painted(0x5a);
    Bus(&rig.machine).write_guest(Asid::new(asid), addr, &page).unwrap();
    page
}

#[test]
fn debugging() {
    let rig = Rig::init();
    let handle = rig.running(ANY, 100);
    let page = guest_page(&rig, 100, GUEST);
    let decrypt = SevDbgDecrypt { handle, src_paddr: GUEST, dst_paddr: HOST, len: 4096 };
    rig.run(decrypt).unwrap();
    assert_eq!(rig.take(HOST, 4096), page);
    rig.put(HOST, b"sixteen letters.");
    let encrypt = SevDbgEncrypt { handle, src_paddr: HOST, dst_paddr: GUEST + 0x20, len: 16 };
    rig.run(encrypt).unwrap();
    assert_eq!(rig.text(100, GUEST + 0x20, 16), b"sixteen letters.");
    assert_eq!(rig.text(100, GUEST + 0x30, 16), page[0x30..0x40]);
    // More than the firmware takes at a time.
    let long = SevDbgDecrypt { len: 0x1_2340, ..decrypt };
    rig.run(long).unwrap();
    assert_eq!(rig.take(HOST, 0x1_2340), rig.text(100, GUEST, 0x1_2340));
    // Nothing is no error.
    let before = rig.snapshot();
    rig.run(SevDbgDecrypt { len: 0, ..decrypt }).unwrap();
    rig.run(SevDbgEncrypt { len: 0, ..encrypt }).unwrap();
    assert!(rig.snapshot() == before);

    let (nodbg, inactive) = (rig.running(1, 101), rig.launch(ANY, None));
    assert_eq!((nodbg, inactive), (2, 3));
    rig.in_order(
        &decrypt,
        &[
            (|c| c.src_paddr += 8, Status::INVALID_ADDRESS),
            (|c| c.dst_paddr += 1, Status::INVALID_ADDRESS),
            (|c| c.len = 4095, Status::INVALID_LENGTH),
            (|c| c.handle = 0, Status::INVALID_GUEST),
            (|c| c.handle = 1025, Status::INVALID_GUEST),
            (|c| c.handle = 2, Status::POLICY_FAILURE),
            (|c| c.handle = 3, Status::INACTIVE),
            (|c| c.src_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.dst_paddr = u64::MAX - 15, Status::INVALID_ADDRESS),
            (|c| c.dst_paddr = MEMORY - 4080, Status::INVALID_ADDRESS),
            (|c| c.dst_paddr = TMR - 4080, Status::INVALID_ADDRESS),
        ],
    );
    rig.in_order(
        &encrypt,
        &[
            (|c| c.src_paddr += 8, Status::INVALID_ADDRESS),
            (|c| c.dst_paddr += 1, Status::INVALID_ADDRESS),
            (|c| c.len = 15, Status::INVALID_LENGTH),
            (|c| c.handle = 4, Status::INVALID_GUEST),
            (|c| c.handle = 2, Status::POLICY_FAILURE),
            (|c| c.handle = 3, Status::INACTIVE),
            (|c| c.src_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.dst_paddr = NOWHERE, Status::INVALID_ADDRESS),
        ],
    );
}

#[test]
fn copies() {
    let rig = Rig::init();
    let handle = rig.running(1, 100);
    let page = guest_page(&rig, 100, GUEST);
    let copy = SevCopy { handle, len: 0x2000, src_paddr: GUEST, dst_paddr: GUEST + 0x1_0000 };
    rig.run(copy).unwrap();
    assert_eq!(rig.text(100, GUEST + 0x1_0000, 4096), page);
    assert_ne!(rig.take(GUEST, 4096), rig.take(GUEST + 0x1_0000, 4096));
    // Onto itself.
    let before = rig.snapshot();
    rig.run(SevCopy { dst_paddr: GUEST, ..copy }).unwrap();
    assert!(rig.snapshot() == before);

    assert_eq!(rig.launch(ANY, None), 2);
    rig.in_order(
        &copy,
        &[
            (|c| c.handle = 3, Status::INVALID_GUEST),
            (|c| c.handle = 2, Status::INACTIVE),
            (|c| c.len = 0, Status::INVALID_LENGTH),
            (|c| c.len = 4080, Status::INVALID_LENGTH),
            (|c| c.src_paddr += 16, Status::INVALID_ADDRESS),
            (|c| c.dst_paddr += 16, Status::INVALID_ADDRESS),
            (|c| c.src_paddr = MEMORY - 0x1000, Status::INVALID_ADDRESS),
            (|c| c.dst_paddr = NOWHERE, Status::INVALID_ADDRESS),
        ],
    );
}

fn swap_out(handle: u32, flags: u32) -> SevSwapOut {
    SevSwapOut {
        handle,
        flags,
        src_paddr: GUEST,
        dst_paddr: PACKET,
        mdata_paddr: MDATA,
        software_data: 7,
    }
}

fn swap_in(handle: u32, flags: u32) -> SevSwapIn {
    SevSwapIn { handle, flags, src_paddr: PACKET, dst_paddr: GUEST + 0x4000, mdata_paddr: MDATA }
}

#[test]
fn swapped_out_and_in() {
    let rig = Rig::init();
    let handle = rig.running(1, 100);
    let page = guest_page(&rig, 100, GUEST);
    rig.run(swap_out(handle, 0)).unwrap();
    assert_ne!(rig.take(PACKET, 4096), page);
    rig.run(swap_in(handle, 0)).unwrap();
    assert_eq!(rig.text(100, GUEST + 0x4000, 4096), page);
    // In place, and an old page again: nothing forbids it.
    let ciphertext = rig.take(PACKET, 4096);
    rig.put(GUEST, &ciphertext);
    let in_place = SevSwapIn { src_paddr: GUEST, dst_paddr: GUEST, ..swap_in(handle, 8) };
    rig.run(in_place).unwrap();
    assert_eq!(rig.text(100, GUEST, 4096), page);
    // Changed, or another guest's.
    let other = rig.running(1, 101);
    rig.refuses(swap_in(other, 0), Status::BAD_MEASUREMENT);
    for at in [PACKET, PACKET + 4095, MDATA, MDATA + 8, MDATA + 16, MDATA + 0x30] {
        let byte = rig.take(at, 1)[0];
        rig.put(at, &[byte ^ 1]);
        rig.refuses(swap_in(handle, 0), Status::BAD_MEASUREMENT);
        rig.put(at, &[byte]);
    }
    rig.run(swap_in(handle, 0)).unwrap();
}

#[test]
fn large_pages() {
    let rig = Rig::with(chip(), 0x100_0000);
    rig.init_es();
    let handle = rig.running(1, 100);
    let text: Vec<u8> = (0..0x20_0000u32).map(|i| (i % 65_521) as u8).collect();
    Bus(&rig.machine).write_guest(Asid::new(100), 0x20_0000, &text).unwrap();
    let out = SevSwapOut { src_paddr: 0x20_0000, dst_paddr: 0x40_0000, ..swap_out(handle, 1) };
    rig.run(out).unwrap();
    // The firmware asks a destination of 2 MiB for 4 KiB only.
    let back = SevSwapIn { src_paddr: 0x40_0000, dst_paddr: 0x60_1000, ..swap_in(handle, 1) };
    rig.run(back).unwrap();
    assert_eq!(rig.text(100, 0x60_1000, 0x20_0000), text);
    assert_eq!(rig.run(SevSwapIn { flags: 0, ..back }), Err(Status::INVALID_PARAM));
    let odd = SevSwapIn { src_paddr: 0x40_1000, ..back };
    assert_eq!(rig.run(odd), Err(Status::INVALID_ADDRESS));
    assert_eq!(rig.run(SevSwapOut { flags: 5, ..out }), Err(Status::INVALID_PARAM));
    let odd = SevSwapOut { dst_paddr: 0x40_1000, ..out };
    assert_eq!(rig.run(odd), Err(Status::INVALID_ADDRESS));
}

/// A save area goes as one, and nothing else does.
#[test]
fn save_areas() {
    let rig = Rig::init();
    let handle = rig.launch(4, Some(1));
    rig.put(GUEST, &painted(3));
    rig.run(SevLaunchUpdateVmsa { handle, paddr: GUEST, len: 4096 }).unwrap();
    rig.measure(handle);
    rig.run(SevLaunchFinish { handle }).unwrap();
    let text = rig.text(1, GUEST, 4096);
    rig.refuses(swap_out(handle, 0), Status::INVALID_PARAM);
    rig.refuses(
        SevSwapOut { src_paddr: GUEST + 0x1000, ..swap_out(handle, 4) },
        Status::INVALID_PARAM,
    );
    rig.run(swap_out(handle, 4)).unwrap();
    let in_place = SevSwapIn { src_paddr: PACKET, dst_paddr: PACKET, ..swap_in(handle, 4 | 8) };
    rig.refuses(in_place, Status::INVALID_PARAM);
    rig.run(swap_in(handle, 4)).unwrap();
    assert_eq!(rig.text(1, GUEST + 0x4000, 4096), text, "its check block is still its own");
    let again = SevSwapOut { src_paddr: GUEST + 0x4000, ..swap_out(handle, 4) };
    rig.run(again).unwrap();
    // The host's changes are found.
    Bus(&rig.machine).write_guest(Asid::new(1), GUEST, &[0xff]).unwrap();
    rig.refuses(swap_out(handle, 4), Status::INVALID_PARAM);
}

#[test]
fn swap_refusals() {
    let rig = Rig::init();
    let handle = rig.running(1, 100);
    guest_page(&rig, 100, GUEST);
    assert_eq!(rig.launch(1, None), 2);
    rig.in_order(
        &swap_out(handle, 0),
        &[
            (|c| c.src_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.dst_paddr = TMR + 0x1000, Status::INVALID_ADDRESS),
            (|c| c.mdata_paddr = MEMORY - 32, Status::INVALID_ADDRESS),
            (|c| c.src_paddr += 16, Status::INVALID_ADDRESS),
            (|c| c.dst_paddr += 0x800, Status::INVALID_ADDRESS),
            (|c| c.mdata_paddr += 16, Status::INVALID_ADDRESS),
            (|c| c.mdata_paddr = GUEST + 4032, Status::INVALID_PARAM),
            (|c| c.mdata_paddr = PACKET, Status::INVALID_PARAM),
            (|c| c.flags = 6, Status::INVALID_PARAM),
            (|c| c.handle = 3, Status::INVALID_GUEST),
            (|c| c.handle = 2, Status::INACTIVE),
            (|c| c.flags = 4, Status::INVALID_PARAM),
        ],
    );
    rig.in_order(
        &swap_in(handle, 0),
        &[
            (|c| c.src_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.dst_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.mdata_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.src_paddr += 16, Status::INVALID_ADDRESS),
            (|c| c.dst_paddr += 16, Status::INVALID_ADDRESS),
            (|c| c.mdata_paddr += 1, Status::INVALID_ADDRESS),
            (|c| c.mdata_paddr = c.src_paddr + 64, Status::INVALID_PARAM),
            (|c| c.mdata_paddr = c.dst_paddr + 64, Status::INVALID_PARAM),
            (|c| c.flags = 2, Status::INVALID_PARAM),
            (|c| c.flags = 4, Status::INVALID_PARAM),
            (|c| c.flags = 6, Status::INVALID_PARAM),
            (|c| c.flags = 8, Status::INVALID_PARAM),
            (|c| c.handle = 3, Status::INVALID_GUEST),
            (|c| c.handle = 2, Status::INACTIVE),
        ],
    );
}

/// The last number of a guest's key.
#[test]
fn the_count_ends() {
    let rig = Rig::init();
    let handle = rig.running(1, 100);
    let set = |count| {
        let mut state = rig.machine.lock();
        state.legacy.working().unwrap().guest(handle).unwrap().oek_count = count;
    };
    set(u64::MAX - 2);
    rig.run(swap_out(handle, 0)).unwrap();
    rig.refuses(swap_out(handle, 0), Status::AEAD_OFLOW);
    // It comes before what the page is.
    rig.refuses(swap_out(handle, 4), Status::AEAD_OFLOW);
    rig.run(swap_in(handle, 0)).unwrap();
}
