use base16ct::lower::encode_string;
use sha2::{Digest, Sha256};
use std::vec::Vec;

use super::super::tests::lab::*;
use super::*;
use crate::PhysAddr;
use crate::addr::GuestPhysAddr;
use crate::rmp::PageAssignment;
use crate::snp::GuestPolicy;

/// A page of the guest, GUEST_VALID when it is launched.
const DATA: u64 = 0x30_0000;
const GPA: u64 = 0x1234_5000;
/// One of the other guest.
const OTHER_DATA: u64 = 0x30_1000;
/// A page that the guest has not accepted, PRE_GUEST.
const PRE: u64 = 0x30_2000;
const OTHER_PRE: u64 = 0x30_3000;
/// Metadata pages of both.
const MD: u64 = 0x2f_0000;
const OTHER_MD: u64 = 0x2f_1000;
/// FIRMWARE.
const DST: u64 = 0x32_0000;
/// HYPERVISOR.
const HOST: u64 = 0x33_0000;
/// HYPERVISOR, below all that a page of 2 MiB at one of the others would cover.
const LOW: u64 = 0x2e_0000;
/// Regions for pages of 2 MiB.
const LARGE: u64 = 0x40_0000;
const LARGE_DST: u64 = 0x60_0000;

const SIZE: u64 = 1;
const METADATA: u64 = 1 << 1;
const VMSA: u64 = 2 << 1;
const IN_PLACE: u64 = 1 << 3;
const ROOT: u64 = 1 << 4;

/// Two guests that run, with a page each that is locked for the firmware.
fn lab() -> Lab {
    let lab = Lab::new();
    for (gctx, asid, data, pre, md) in
        [(GCTX, ASID, DATA, PRE, MD), (OTHER, OTHER_ASID, OTHER_DATA, OTHER_PRE, OTHER_MD)]
    {
        lab.start(gctx, asid, POLICY);
        lab.launch_page(gctx, asid, data, GPA, &page_a());
        lab.finish(gctx);
        lab.lock(data);
        lab.pre_guest(pre, asid, GPA + 0x1000, PageSize::Size4K);
        lab.metadata(gctx, md);
    }
    lab.give(&[DST]);
    lab
}

fn out() -> SnpPageSwapOut {
    SnpPageSwapOut {
        gctx_paddr: GCTX,
        src_paddr: DATA,
        dst_paddr: DST,
        mdata_paddr: MD + 64,
        software_data: 0xdead_beef,
        flags: 0,
    }
}

fn back() -> SnpPageSwapIn {
    SnpPageSwapIn {
        gctx_paddr: GCTX,
        src_paddr: DST,
        dst_paddr: PRE,
        mdata_paddr: MD + 64,
        flags: 0,
    }
}

/// Gives the entry of a page another second word.
fn set_permissions(lab: &Lab, spa: u64, word: u64) {
    let old = lab.entry(spa);
    let [first, _] = old.to_words();
    lab.machine.rmp().replace_page(spa, old, Entry::from_words([first, word])).unwrap();
}

/// snp-pages.md, section 14, first two rows and the entry.
#[test]
fn worked_example() {
    let lab = lab();
    set_permissions(&lab, DATA, 0x0103_0f1f);
    lab.issue(out()).unwrap();
    let ciphertext = lab.raw(DST, PAGE);
    assert_eq!(encode_string(&ciphertext[..16]), "3608b2c1156ea27a786f271a01fe528b");
    assert_eq!(
        encode_string(&Sha256::digest(&ciphertext)),
        "8b27bc544b631b11d2a6028fb164ac6317a356cbae43084f704f95433f78e05e"
    );
    assert_eq!(
        encode_string(&lab.raw(MD + 64, 64)),
        "efbeadde00000000000000000000000029f12222d866b198be4c1a7194c6303e\
         03503412000000001f0f03010000000000000000000000000000000000000000"
    );
    assert_eq!(lab.state(DATA), PageState::PreGuest);
    assert_eq!(lab.entry(DATA).gpa().get(), GPA);

    // The second row is a page of the guest's that holds CC.
    lab.bus().write_guest(ASID, PRE, &[0xcc; PAGE]).unwrap();
    lab.issue(SnpPageSwapOut { src_paddr: PRE, mdata_paddr: MD, ..out() }).unwrap();
    let ciphertext = lab.raw(DST, PAGE);
    assert_eq!(encode_string(&ciphertext[..16]), "6cdc1e9d701cb3a87547faaf76a03655");
    let entry = lab.mdata(MD);
    assert_eq!(encode_string(entry.auth_tag()), "69d0f1133a437d4d00b764416986b495");
    assert_eq!((entry.iv(), entry.valid(), entry.state().page_validated), (1, true, false));
}

/// The third row: a guest that moved in with its count.
#[test]
fn worked_example_of_a_high_count() {
    let lab = Lab::new();
    lab.guest(OTHER, OTHER_ASID);
    let mut draft = draft();
    draft.set_oek_iv_count(0x0102_0304_0506_0708);
    import(&lab, &mut Talk::new(&lab, OTHER, 0x20_1000), GCTX, &draft);
    lab.activate(GCTX, ASID).unwrap();
    lab.pre_guest(PRE, ASID, GPA, PageSize::Size4K);
    lab.bus().write_guest(ASID, PRE, &[0; PAGE]).unwrap();
    lab.metadata(GCTX, MD);
    lab.give(&[DST]);
    lab.issue(SnpPageSwapOut { src_paddr: PRE, ..out() }).unwrap();
    let ciphertext = lab.raw(DST, PAGE);
    assert_eq!(
        encode_string(&Sha256::digest(&ciphertext)),
        "5871a40aadf7faca81ea613a9071f860c77977c49b626f101ef3246c31ae75b5"
    );
    let entry = lab.mdata(MD + 64);
    assert_eq!(encode_string(entry.auth_tag()), "605a3f03fa9a0b792818e60e570d63cb");
    assert_eq!(entry.iv(), 0x0102_0304_0506_0708);
}

/// No number is used twice: the last one is refused, and nothing but encryption moves the count.
#[test]
fn the_count_ends() {
    let lab = Lab::new();
    lab.guest(OTHER, OTHER_ASID);
    let mut draft = draft();
    draft.set_oek_iv_count(u64::MAX - 2);
    import(&lab, &mut Talk::new(&lab, OTHER, 0x20_1000), GCTX, &draft);
    lab.activate(GCTX, ASID).unwrap();
    lab.pre_guest(PRE, ASID, GPA, PageSize::Size4K);
    lab.metadata(GCTX, MD);
    lab.give(&[DST]);
    let command = SnpPageSwapOut { src_paddr: PRE, ..out() };
    lab.issue(command).unwrap();
    assert_eq!(lab.mdata(MD + 64).iv(), u64::MAX - 2);
    lab.refused(command, Status::AEAD_OFLOW);
    // It comes after everything else.
    lab.refused(SnpPageSwapOut { dst_paddr: HOST, ..command }, Status::INVALID_PAGE_STATE);
}

#[test]
fn out_and_in() {
    let lab = lab();
    set_permissions(&lab, DATA, 0x0103_0f0f);
    lab.issue(out()).unwrap();
    let before = lab.entry(PRE);
    lab.issue(back()).unwrap();
    let entry = lab.entry(PRE);
    assert_eq!(lab.private(ASID, PRE, PAGE), page_a());
    assert_eq!(entry.state(), PageState::PreSwap);
    assert_eq!((entry.gpa().get(), entry.to_words()[1]), (GPA, 0x0103_0f0f));
    assert_eq!((entry.asid(), entry.vmsa()), (before.asid(), false));
    assert!(!lab.mdata(MD + 64).valid());
    lab.issue(SnpPageReclaim { page_paddr: PRE }).unwrap();
    assert_eq!(lab.state(PRE), PageState::GuestValid);
    assert!(lab.can_read(ASID, PRE) && !lab.can_read(OTHER_ASID, PRE));
    // Entries serve once, and so does the place that the page left.
    lab.lock(PRE);
    lab.refused(SnpPageSwapIn { dst_paddr: DATA, ..back() }, Status::INVALID_MDATA_ENTRY);
    // What left is no more the guest's to read.
    lab.issue(SnpPageReclaim { page_paddr: DATA }).unwrap();
    assert_eq!(lab.state(DATA), PageState::GuestInvalid);
    assert!(!lab.can_read(ASID, DATA));
}

/// The page came back to another place of memory: its ciphertext is another one, and no plaintext is there.
#[test]
fn in_place() {
    let lab = lab();
    lab.issue(out()).unwrap();
    // The host puts the ciphertext into a page that it gives to the guest.
    let ciphertext = lab.raw(DST, PAGE);
    lab.bus().write(HOST, &ciphertext).unwrap();
    lab.pre_guest(HOST, ASID, 0, PageSize::Size4K);
    let command = SnpPageSwapIn { src_paddr: HOST, dst_paddr: HOST, flags: IN_PLACE, ..back() };
    lab.refused(SnpPageSwapIn { src_paddr: DST, ..command }, Status::INVALID_ADDRESS);
    lab.issue(command).unwrap();
    assert_eq!(lab.private(ASID, HOST, PAGE), page_a());
    assert_ne!(lab.raw(HOST, PAGE), page_a());
    assert_eq!(lab.entry(HOST).gpa().get(), GPA);
    assert_eq!(lab.state(HOST), PageState::PreSwap);
}

/// Every byte counts, and a refusal leaves the entry valid.
#[test]
fn a_changed_page() {
    let lab = lab();
    lab.issue(out()).unwrap();
    let ciphertext = lab.raw(DST, PAGE);
    for at in [0, 1, 2047, PAGE - 1] {
        let mut changed = ciphertext.clone();
        changed[at] ^= 1;
        lab.bus().write(HOST, &changed).unwrap();
        lab.refused(SnpPageSwapIn { src_paddr: HOST, ..back() }, Status::BAD_MEASUREMENT);
    }
    lab.bus().write(HOST, &ciphertext).unwrap();
    lab.issue(SnpPageSwapIn { src_paddr: HOST, ..back() }).unwrap();
    assert_eq!(lab.private(ASID, PRE, PAGE), page_a());
}

/// A page of entries goes out under the root entry, and an older one does not come back.
#[test]
fn metadata_under_the_root() {
    let lab = lab();
    lab.issue(out()).unwrap();
    lab.give(&[HOST, HOST + 0x1000, HOST + 0x2000]);
    let md_out = SnpPageSwapOut {
        src_paddr: MD,
        dst_paddr: HOST,
        mdata_paddr: 1, // means nothing
        flags: METADATA | ROOT,
        ..out()
    };
    let entries = lab.raw(MD, PAGE);
    lab.issue(md_out).unwrap();
    assert_eq!(lab.state(MD), PageState::Firmware);
    assert_ne!(lab.raw(HOST, PAGE), entries);
    let root = lab.machine.lock().snp.guests[&GCTX].root_mdata;
    assert_eq!(encode_string(&root[0x20..0x28]), "09f0ffffffffffff");
    assert_eq!(root[0x28..], [0; 0x18]);

    let md_in = SnpPageSwapIn {
        src_paddr: HOST,
        dst_paddr: HOST + 0x1000,
        mdata_paddr: 1,
        flags: METADATA | ROOT,
        ..back()
    };
    lab.refused(
        SnpPageSwapIn { flags: METADATA | ROOT | IN_PLACE, ..md_in },
        Status::INVALID_PARAM,
    );
    lab.refused(SnpPageSwapIn { flags: ROOT, ..md_in }, Status::INVALID_MDATA_ENTRY);
    lab.refused(SnpPageSwapIn { dst_paddr: PRE, ..md_in }, Status::INVALID_PAGE_STATE);
    lab.issue(md_in).unwrap();
    assert_eq!(lab.state(HOST + 0x1000), PageState::Metadata);
    assert_eq!(lab.entry(HOST + 0x1000).metadata_context(), PhysAddr::new(GCTX).ok());
    assert_eq!(lab.raw(HOST + 0x1000, PAGE), entries);
    lab.refused(SnpPageSwapIn { dst_paddr: HOST + 0x2000, ..md_in }, Status::INVALID_MDATA_ENTRY);

    // The page comes back by the entry in its new place.
    lab.issue(SnpPageSwapIn { mdata_paddr: HOST + 0x1000 + 64, ..back() }).unwrap();
    assert_eq!(lab.private(ASID, PRE, PAGE), page_a());

    // The next time that it goes out, the root entry is another: the older page does not come back with it.
    lab.issue(SnpPageSwapOut { src_paddr: HOST + 0x1000, dst_paddr: HOST + 0x2000, ..md_out })
        .unwrap();
    lab.refused(SnpPageSwapIn { dst_paddr: MD, ..md_in }, Status::BAD_MEASUREMENT);
    lab.issue(SnpPageSwapIn { src_paddr: HOST + 0x2000, dst_paddr: MD, ..md_in }).unwrap();
    assert!(!lab.mdata(MD + 64).valid());
}

/// The host cannot write to entries, nor make a page of its own one of them.
#[test]
fn entries_are_out_of_the_hosts_reach() {
    let lab = lab();
    lab.issue(out()).unwrap();
    assert!(lab.machine.rmp().check_host_write(MD, PageSize::Size4K).is_err());
    let hypervisor = PageAssignment::HYPERVISOR.to_bytes();
    assert!(lab.machine.rmp().rmpupdate(Asid::HOST, MD, &hypervisor).is_err());
    // Reclaimed, it is no page of entries any more, and MD_INIT makes an empty one.
    lab.take_back(MD);
    lab.metadata(GCTX, MD);
    lab.refused(back(), Status::INVALID_MDATA_ENTRY);
}

/// A page of 2 MiB; it comes back into one.
#[test]
fn large_pages() {
    let lab = Lab::new();
    lab.start(GCTX, ASID, POLICY);
    let page: Vec<u8> = (0..0x20_0000u32).map(|n| (n >> 12) as u8 ^ n as u8).collect();
    lab.launch_page(GCTX, ASID, LARGE, 0x20_0000, &page);
    lab.finish(GCTX);
    lab.lock(LARGE);
    lab.metadata(GCTX, MD);
    lab.assign(
        LARGE_DST,
        PageAssignment { page_size: PageSize::Size2M, ..PageAssignment::FIRMWARE },
    );
    let command = SnpPageSwapOut { src_paddr: LARGE, dst_paddr: LARGE_DST, flags: SIZE, ..out() };
    lab.refused(SnpPageSwapOut { flags: 0, ..command }, Status::INVALID_PAGE_SIZE);
    lab.refused(
        SnpPageSwapOut { dst_paddr: LARGE_DST - 0x1000, ..command },
        Status::INVALID_PAGE_SIZE,
    );
    lab.refused(
        SnpPageSwapOut { mdata_paddr: LARGE + 0x1f_ffc0, ..command },
        Status::INVALID_PARAM,
    );
    lab.refused(SnpPageSwapOut { mdata_paddr: LARGE_DST, ..command }, Status::INVALID_PARAM);
    lab.issue(command).unwrap();
    assert!(lab.mdata(MD + 64).page_size() == PageSize::Size2M);
    let command = SnpPageSwapIn { src_paddr: LARGE_DST, dst_paddr: LARGE, flags: SIZE, ..back() };
    lab.refused(SnpPageSwapIn { flags: 0, ..command }, Status::INVALID_PAGE_SIZE);
    lab.issue(command).unwrap();
    assert!(lab.private(ASID, LARGE, page.len()) == page);
    assert_eq!(lab.state(LARGE), PageState::PreSwap);

    // Moved within the firmware's reach: the destination is one of 2 MiB.
    lab.issue(SnpPageReclaim { page_paddr: LARGE_DST | 1 }).unwrap();
    lab.assign(
        LARGE_DST,
        PageAssignment { page_size: PageSize::Size2M, ..PageAssignment::HYPERVISOR },
    );
    lab.pre_guest(LARGE_DST, ASID, 0, PageSize::Size2M);
    let command =
        SnpPageMove { gctx_paddr: GCTX, page_info: 1, src_paddr: LARGE, dst_paddr: LARGE_DST };
    lab.refused(SnpPageMove { page_info: 0, ..command }, Status::INVALID_PAGE_SIZE);
    lab.issue(command).unwrap();
    assert!(lab.private(ASID, LARGE_DST, page.len()) == page);
    assert_eq!(lab.state(LARGE_DST), PageState::GuestValid);
    assert_eq!(lab.entry(LARGE_DST).gpa().get(), 0x20_0000);
    assert_eq!(lab.state(LARGE), PageState::GuestInvalid);
}

/// A save area with SecureTSC gets this platform's scale and the guest's offset; another stays as it is.
#[test]
fn save_areas() {
    for is_secure_tsc in [false, true] {
        let lab = lab();
        let mut vmsa = Vmsa::ZERO;
        vmsa.set_sev_features(crate::vmsa::SevFeatures(1 | u64::from(is_secure_tsc) << 9));
        vmsa.set_guest_tsc_scale(7);
        vmsa.set_guest_tsc_offset(8);
        vmsa.set_rip(0xfff0);
        // PRE becomes a save area.
        lab.bus().write_guest(ASID, PRE, vmsa.as_bytes()).unwrap();
        let old = lab.entry(PRE);
        lab.machine.rmp().replace_page(PRE, old, old.with_vmsa(true)).unwrap();
        lab.pre_guest(HOST, ASID, 0, PageSize::Size4K);

        let command = SnpPageSwapOut { src_paddr: PRE, flags: VMSA, ..out() };
        lab.refused(SnpPageSwapOut { flags: 0, ..command }, Status::INVALID_PAGE_STATE);
        lab.issue(command).unwrap();
        let command = SnpPageSwapIn { dst_paddr: HOST, flags: VMSA, ..back() };
        lab.refused(SnpPageSwapIn { flags: VMSA | IN_PLACE, ..command }, Status::INVALID_PARAM);
        lab.issue(command).unwrap();
        assert!(lab.entry(HOST).vmsa());
        assert_eq!(lab.state(HOST), PageState::PreGuest);
        let came = Vmsa::from_bytes(lab.private(ASID, HOST, PAGE).first_chunk().unwrap());
        assert_eq!(came.rip(), 0xfff0);
        let expected = match is_secure_tsc {
            true => {
                let guests = lab.machine.lock();
                let guest = &guests.snp.guests[&GCTX];
                (guest.tsc_scale(), guest.tsc_offset)
            }
            false => (7, 8),
        };
        assert_eq!((came.guest_tsc_scale(), came.guest_tsc_offset()), expected);
    }
}

/// What can be wrong with a command, in the firmware's order: the fields that matter, what makes it wrong, and the status.
type Wrongs<C> = [(&'static str, fn(&mut C), Status)];

/// Each alone, and every two of unlike fields: the earlier one is told.
fn check_order<C: crate::platform::command::Command + Copy>(
    lab: &Lab,
    command: C,
    wrongs: &Wrongs<C>,
) {
    for (number, (field, spoil, status)) in wrongs.iter().enumerate() {
        let mut spoilt = command;
        spoil(&mut spoilt);
        lab.refused(spoilt, *status);
        for (other, spoil_more, later) in wrongs.iter().skip(number + 1) {
            let shares = |field: &str| other.split(' ').any(|word| word == field);
            if !field.split(' ').any(shares) && status != later {
                let mut both = spoilt;
                spoil_more(&mut both);
                let mut buffer = [0; 0x40];
                both.write(&mut buffer[..C::LEN]);
                let found = lab.machine.command(C::ID, &mut buffer[..C::LEN]);
                assert_eq!(found, *status, "{field} before {other}");
            }
        }
    }
    lab.issue(command).unwrap();
}

#[test]
fn swap_out_in_order() {
    let lab = lab();
    lab.create(0x10_2000); // INIT
    lab.create(0x10_3000);
    let start = crate::platform::command::SnpLaunchStart {
        gctx_paddr: 0x10_3000,
        policy: POLICY,
        ..Default::default()
    };
    lab.issue(start).unwrap(); // LAUNCH, with no ASID
    lab.assign(
        LARGE_DST,
        PageAssignment { page_size: PageSize::Size2M, ..PageAssignment::FIRMWARE },
    );
    lab.give(&[HOST + 0x1000, LOW + 0x1000]);
    let wrongs: &Wrongs<SnpPageSwapOut> = &[
        ("flags", |c| c.flags |= 1 << 3, Status::INVALID_PARAM),
        ("flags", |c| c.flags |= 1 << 5, Status::INVALID_PARAM),
        ("flags", |c| c.flags |= 1 << 63, Status::INVALID_PARAM),
        ("gctx", |c| c.gctx_paddr |= 0x800, Status::INVALID_PARAM),
        ("src", |c| c.src_paddr |= 1, Status::INVALID_PARAM),
        ("dst", |c| c.dst_paddr |= 0xff0, Status::INVALID_PARAM),
        ("gctx", |c| c.gctx_paddr = MEMORY, Status::INVALID_ADDRESS),
        ("src", |c| c.src_paddr = MEMORY, Status::INVALID_ADDRESS),
        ("src", |c| c.src_paddr = !0xfff, Status::INVALID_ADDRESS),
        ("dst", |c| c.dst_paddr = 1 << 52, Status::INVALID_ADDRESS),
        ("gctx", |c| c.gctx_paddr = HOST, Status::INVALID_GUEST),
        ("gctx", |c| c.gctx_paddr = DST, Status::INVALID_GUEST),
        ("mdata", |c| c.mdata_paddr += 32, Status::INVALID_PARAM),
        ("mdata src", |c| c.mdata_paddr = DATA, Status::INVALID_PARAM),
        ("mdata dst", |c| c.mdata_paddr = DST + 0xfc0, Status::INVALID_PARAM),
        ("mdata", |c| c.mdata_paddr = MEMORY, Status::INVALID_ADDRESS),
        ("mdata", |c| c.mdata_paddr = LOW + 0x1000, Status::INVALID_PAGE_STATE),
        ("mdata", |c| c.mdata_paddr = LOW, Status::INVALID_PAGE_STATE),
        ("mdata", |c| c.mdata_paddr = OTHER_MD, Status::INVALID_PAGE_OWNER),
        ("flags", |c| c.flags |= SIZE, Status::INVALID_PAGE_SIZE),
        ("dst", |c| c.dst_paddr = LARGE_DST, Status::INVALID_PAGE_SIZE),
        (
            "gctx mdata flags",
            |c| (c.gctx_paddr, c.flags) = (0x10_2000, c.flags | ROOT),
            Status::INVALID_GUEST_STATE,
        ),
        (
            "gctx mdata flags",
            |c| (c.gctx_paddr, c.flags) = (0x10_3000, c.flags | ROOT),
            Status::INACTIVE,
        ),
        ("flags", |c| c.flags |= 3 << 1, Status::INVALID_PAGE_STATE),
        ("flags", |c| c.flags |= VMSA, Status::INVALID_PAGE_STATE),
        ("flags", |c| c.flags |= METADATA, Status::INVALID_PAGE_STATE),
        ("src", |c| c.src_paddr = HOST, Status::INVALID_PAGE_STATE),
        ("src", |c| c.src_paddr = HOST + 0x1000, Status::INVALID_PAGE_STATE),
        ("dst", |c| c.dst_paddr = HOST, Status::INVALID_PAGE_STATE),
        ("dst", |c| c.dst_paddr = PRE, Status::INVALID_PAGE_STATE),
        ("src", |c| c.src_paddr = OTHER_DATA, Status::INVALID_PAGE_OWNER),
    ];
    check_order(&lab, out(), wrongs);
    let of_other = SnpPageSwapOut { src_paddr: OTHER_MD, flags: METADATA, ..out() };
    lab.refused(of_other, Status::INVALID_PAGE_OWNER);
    // A page that its guest uses.
    lab.issue(SnpPageReclaim { page_paddr: OTHER_DATA }).unwrap();
    let of_other =
        SnpPageSwapOut { gctx_paddr: OTHER, src_paddr: OTHER_DATA, mdata_paddr: OTHER_MD, ..out() };
    lab.refused(of_other, Status::INVALID_PAGE_STATE);
}

#[test]
fn swap_in_in_order() {
    let lab = lab();
    lab.create(0x10_2000);
    lab.issue(out()).unwrap();
    lab.assign(LARGE, PageAssignment { page_size: PageSize::Size2M, ..PageAssignment::FIRMWARE });
    let wrongs: &Wrongs<SnpPageSwapIn> = &[
        ("flags", |c| c.flags |= 1 << 5, Status::INVALID_PARAM),
        ("flags", |c| c.flags |= 1 << 63, Status::INVALID_PARAM),
        ("gctx", |c| c.gctx_paddr |= 1, Status::INVALID_PARAM),
        ("src", |c| c.src_paddr |= 0x10, Status::INVALID_PARAM),
        ("dst", |c| c.dst_paddr |= 0x800, Status::INVALID_PARAM),
        ("gctx", |c| c.gctx_paddr = MEMORY, Status::INVALID_ADDRESS),
        ("src", |c| c.src_paddr = MEMORY, Status::INVALID_ADDRESS),
        ("dst", |c| c.dst_paddr = MEMORY, Status::INVALID_ADDRESS),
        ("gctx", |c| c.gctx_paddr = DST, Status::INVALID_GUEST),
        ("mdata", |c| c.mdata_paddr += 8, Status::INVALID_PARAM),
        ("mdata dst", |c| c.mdata_paddr = PRE, Status::INVALID_PARAM),
        ("mdata src", |c| c.mdata_paddr = DST, Status::INVALID_PARAM),
        ("mdata", |c| c.mdata_paddr = LOW, Status::INVALID_PAGE_STATE),
        ("mdata", |c| c.mdata_paddr = OTHER_MD, Status::INVALID_PAGE_OWNER),
        (
            "gctx mdata flags",
            |c| (c.gctx_paddr, c.flags) = (0x10_2000, c.flags | ROOT),
            Status::INVALID_GUEST_STATE,
        ),
        ("mdata", |c| c.mdata_paddr = MD, Status::INVALID_MDATA_ENTRY),
        ("flags", |c| c.flags |= METADATA, Status::INVALID_MDATA_ENTRY),
        ("flags", |c| c.flags |= VMSA, Status::INVALID_MDATA_ENTRY),
        ("flags", |c| c.flags |= 3 << 1, Status::INVALID_MDATA_ENTRY),
        ("flags mdata", |c| c.flags |= ROOT, Status::INVALID_MDATA_ENTRY),
        ("flags", |c| c.flags |= SIZE, Status::INVALID_PAGE_SIZE),
        ("src", |c| c.src_paddr = LARGE, Status::INVALID_PAGE_SIZE),
        ("dst", |c| c.dst_paddr = LARGE, Status::INVALID_PAGE_SIZE),
        ("flags", |c| c.flags |= IN_PLACE, Status::INVALID_ADDRESS),
        ("dst", |c| c.dst_paddr = HOST, Status::INVALID_PAGE_STATE),
        ("dst flags", |c| c.dst_paddr = DST, Status::INVALID_PAGE_STATE),
        ("dst", |c| c.dst_paddr = OTHER_PRE, Status::INVALID_PAGE_OWNER),
        ("src", |c| c.src_paddr = HOST, Status::BAD_MEASUREMENT),
    ];
    check_order(&lab, back(), wrongs);
}

#[test]
fn without_swapping() {
    let lab = Lab::new();
    lab.guest(OTHER, OTHER_ASID);
    let mut draft = draft();
    draft.set_policy(GuestPolicy(POLICY | 1 << 25));
    import(&lab, &mut Talk::new(&lab, OTHER, 0x20_1000), GCTX, &draft);
    lab.metadata(GCTX, MD);
    lab.give(&[DST]);
    lab.refused(out(), Status::INACTIVE);
    lab.activate(GCTX, ASID).unwrap();
    lab.pre_guest(PRE, ASID, GPA, PageSize::Size4K);
    lab.pre_guest(DATA, ASID, GPA, PageSize::Size4K);
    let moved = SnpPageMove { gctx_paddr: GCTX, page_info: 0, src_paddr: PRE, dst_paddr: DATA };
    lab.refused(out(), Status::POLICY_FAILURE);
    lab.refused(back(), Status::POLICY_FAILURE);
    lab.refused(moved, Status::POLICY_FAILURE);
}

#[test]
fn move_in_order() {
    let lab = lab();
    lab.create(0x10_2000);
    lab.assign(LARGE, PageAssignment { page_size: PageSize::Size2M, ..PageAssignment::FIRMWARE });
    let command = SnpPageMove { gctx_paddr: GCTX, page_info: 0, src_paddr: DATA, dst_paddr: PRE };
    let wrongs: &Wrongs<SnpPageMove> = &[
        ("info", |c| c.page_info |= 2, Status::INVALID_PARAM),
        ("info", |c| c.page_info |= 1 << 31, Status::INVALID_PARAM),
        ("gctx", |c| c.gctx_paddr |= 1, Status::INVALID_PARAM),
        ("src", |c| c.src_paddr |= 1, Status::INVALID_PARAM),
        ("dst", |c| c.dst_paddr |= 1, Status::INVALID_PARAM),
        ("gctx", |c| c.gctx_paddr = MEMORY, Status::INVALID_ADDRESS),
        ("src", |c| c.src_paddr = MEMORY, Status::INVALID_ADDRESS),
        ("dst", |c| c.dst_paddr = MEMORY, Status::INVALID_ADDRESS),
        ("gctx", |c| c.gctx_paddr = HOST, Status::INVALID_GUEST),
        ("info", |c| c.page_info |= 1, Status::INVALID_PAGE_SIZE),
        ("src", |c| c.src_paddr = LARGE, Status::INVALID_PAGE_SIZE),
        ("dst", |c| c.dst_paddr = LARGE, Status::INVALID_PAGE_SIZE),
        ("gctx", |c| c.gctx_paddr = 0x10_2000, Status::INVALID_GUEST_STATE),
        ("src", |c| c.src_paddr = HOST, Status::INVALID_PAGE_STATE),
        ("dst", |c| c.dst_paddr = HOST, Status::INVALID_PAGE_STATE),
        ("dst", |c| c.dst_paddr = DST, Status::INVALID_PAGE_STATE),
        ("dst", |c| c.dst_paddr = DATA, Status::INVALID_PAGE_STATE),
        ("src", |c| c.src_paddr = OTHER_DATA, Status::INVALID_PAGE_OWNER),
        ("dst", |c| c.dst_paddr = OTHER_PRE, Status::INVALID_PAGE_OWNER),
    ];
    set_permissions(&lab, DATA, 0x0103_0f0f);
    check_order(&lab, command, wrongs);
    assert_eq!(lab.state(PRE), PageState::GuestValid);
    assert_eq!(lab.private(ASID, PRE, PAGE), page_a());
    let entry = lab.entry(PRE);
    assert_eq!((entry.gpa().get(), entry.to_words()[1]), (GPA, 0x0103_0f0f));
    assert_eq!(lab.state(DATA), PageState::GuestInvalid);
    assert!(lab.can_read(ASID, PRE) && !lab.can_read(ASID, DATA));

    // A page that was not accepted, and one that stays where it is.
    let (src_paddr, dst_paddr) = (OTHER_PRE, HOST);
    lab.pre_guest(HOST, OTHER_ASID, 0, PageSize::Size4K);
    let command = SnpPageMove { gctx_paddr: OTHER, src_paddr, dst_paddr, ..command };
    lab.issue(command).unwrap();
    assert_eq!(lab.state(HOST), PageState::GuestInvalid);
    lab.pre_guest(HOST + 0x1000, OTHER_ASID, 0, PageSize::Size4K);
    let there = HOST + 0x1000;
    lab.issue(SnpPageMove { src_paddr: there, dst_paddr: there, ..command }).unwrap();
    assert_eq!(lab.state(there), PageState::GuestInvalid);
}

#[test]
fn move_of_entries() {
    let lab = lab();
    lab.issue(out()).unwrap();
    lab.give(&[HOST]);
    let command = SnpPageMove { gctx_paddr: GCTX, page_info: 0, src_paddr: MD, dst_paddr: HOST };
    lab.refused(SnpPageMove { gctx_paddr: OTHER, ..command }, Status::INVALID_PAGE_OWNER);
    lab.refused(SnpPageMove { dst_paddr: OTHER_MD, ..command }, Status::INVALID_PAGE_STATE);
    lab.issue(command).unwrap();
    assert_eq!((lab.state(MD), lab.state(HOST)), (PageState::Firmware, PageState::Metadata));
    lab.refused(back(), Status::INVALID_PAGE_STATE);
    lab.issue(SnpPageSwapIn { mdata_paddr: HOST + 64, ..back() }).unwrap();
}

#[test]
fn md_init_in_order() {
    let lab = lab();
    lab.create(0x10_2000);
    lab.bus().write(DST, &[0xff; PAGE]).unwrap();
    lab.assign(LARGE, PageAssignment { page_size: PageSize::Size2M, ..PageAssignment::FIRMWARE });
    let command = SnpPageMdInit { gctx_paddr: GCTX, page_paddr: DST };
    let wrongs: &Wrongs<SnpPageMdInit> = &[
        ("gctx", |c| c.gctx_paddr |= 1, Status::INVALID_PARAM),
        ("page", |c| c.page_paddr |= 1, Status::INVALID_PARAM),
        ("gctx", |c| c.gctx_paddr = MEMORY, Status::INVALID_ADDRESS),
        ("page", |c| c.page_paddr = MEMORY, Status::INVALID_ADDRESS),
        ("gctx", |c| c.gctx_paddr = HOST, Status::INVALID_GUEST),
        ("page", |c| c.page_paddr = HOST, Status::INVALID_PAGE_STATE),
        ("page", |c| c.page_paddr = MD, Status::INVALID_PAGE_STATE),
        ("page", |c| c.page_paddr = GCTX, Status::INVALID_PAGE_STATE),
        ("page", |c| c.page_paddr = LARGE, Status::INVALID_PAGE_SIZE),
        ("gctx", |c| c.gctx_paddr = 0x10_2000, Status::INVALID_GUEST_STATE),
    ];
    check_order(&lab, command, wrongs);
    assert_eq!(lab.raw(DST, PAGE), [0; PAGE]);
    assert_eq!(lab.entry(DST).metadata_context(), PhysAddr::new(GCTX).ok());
}

#[test]
fn set_state() {
    let lab = lab();
    let list = |ranges: &[(u64, u32)]| {
        let mut bytes = (ranges.len() as u64).to_le_bytes().to_vec();
        for (base, pages) in ranges {
            bytes.extend(base.to_le_bytes());
            bytes.extend(u64::from(*pages).to_le_bytes());
        }
        bytes
    };
    lab.give(&[LARGE, LARGE + 0x1000, LARGE + 0x2000, LARGE_DST]);
    let command = SnpPageSetState { len: 0x10, list_paddr: HOST };
    let refused = |bytes: &[u8], status| {
        lab.bus().write(HOST, bytes).unwrap();
        lab.refused(command, status);
    };
    refused(&list(&[(LARGE + 0x1000, 1)]), Status::INVALID_ADDRESS);
    refused(&list(&[(MEMORY, 1)]), Status::INVALID_ADDRESS);
    refused(&list(&[(!0x1f_ffff, u32::MAX)]), Status::INVALID_ADDRESS);
    refused(&list(&[(LARGE, 4)]), Status::INVALID_PAGE_STATE);
    refused(&list(&[(LARGE, 3), (LARGE_DST, 2)]), Status::INVALID_PAGE_STATE);
    refused(&list(&[(LARGE, 3), (LARGE, 1)]), Status::INVALID_PAGE_STATE);
    // Before any page is looked at: the first range is none.
    refused(
        &list(&[(MEMORY, 513), (LARGE, 3), (MEMORY + 0x20_0000, 1)]),
        Status::INVALID_PAGE_STATE,
    );
    refused(&list(&[(MEMORY, 512), (LARGE, 3), (MEMORY + 0x20_0000, 1)]), Status::INVALID_ADDRESS);
    refused(&[0, 0, 0, 0, 1, 0, 0, 0], Status::INVALID_PARAM);
    refused(&[0, 1, 0, 0, 0, 0, 0, 0], Status::INVALID_PARAM);
    let mut reserved = list(&[(LARGE, 1)]);
    reserved[20] = 1;
    refused(&reserved, Status::INVALID_PARAM);
    lab.refused(SnpPageSetState { list_paddr: HOST + 4, ..command }, Status::INVALID_PARAM);
    lab.refused(SnpPageSetState { list_paddr: MEMORY, ..command }, Status::INVALID_ADDRESS);
    let mut buffer = [0; 0x10];
    crate::platform::command::Command::write(&SnpPageSetState { len: 0xf, ..command }, &mut buffer);
    let id = crate::platform::command::CommandId(0xc6);
    lab.refused_bytes(id, &mut buffer, Status::INVALID_LENGTH);
    assert_eq!(buffer[..4], [0xf, 0, 0, 0]);

    lab.bus().write(HOST, &list(&[(LARGE, 3), (LARGE_DST, 1)])).unwrap();
    lab.issue(command).unwrap();
    for page in [LARGE, LARGE + 0x1000, LARGE + 0x2000, LARGE_DST] {
        assert_eq!(lab.state(page), PageState::HvFixed);
    }
    assert_eq!(lab.entry(LARGE).subpage_count(), 0);
    // No way leads back.
    lab.refused(SnpPageReclaim { page_paddr: LARGE }, Status::INVALID_PAGE_STATE);
    let free = PageAssignment::HYPERVISOR.to_bytes();
    assert!(lab.machine.rmp().rmpupdate(Asid::HOST, LARGE, &free).is_err());
}

#[test]
fn reclaim() {
    let lab = lab();
    lab.assign(LARGE, PageAssignment { page_size: PageSize::Size2M, ..PageAssignment::FIRMWARE });
    let refused = |page_paddr, status| lab.refused(SnpPageReclaim { page_paddr }, status);
    refused(DST | 2, Status::INVALID_PARAM);
    refused(DST | 0x800, Status::INVALID_PARAM);
    refused(MEMORY, Status::INVALID_ADDRESS);
    refused(DST | 1, Status::INVALID_PAGE_SIZE);
    refused(LARGE, Status::INVALID_PAGE_SIZE);
    refused(GCTX, Status::INVALID_PAGE_STATE);
    // A page that the firmware does not hold stays as it is.
    let before = lab.snapshot();
    lab.issue(SnpPageReclaim { page_paddr: HOST }).unwrap();
    assert!(lab.snapshot() == before);
    for (page, state) in [
        (DST, PageState::Reclaim),
        (MD, PageState::Reclaim),
        (PRE, PageState::GuestInvalid),
        (DATA, PageState::GuestValid),
        (LARGE | 1, PageState::Reclaim),
    ] {
        lab.issue(SnpPageReclaim { page_paddr: page }).unwrap();
        assert_eq!(lab.state(page & !1), state);
    }
}

#[test]
fn unsmash() {
    let lab = lab();
    let gpa = |page: u64| GuestPhysAddr::new(0x20_0000 + page * 0x1000).unwrap();
    let command = SnpPageUnsmash { page_paddr: LARGE };
    lab.refused(SnpPageUnsmash { page_paddr: LARGE + 0x1000 }, Status::INVALID_PARAM);
    lab.refused(SnpPageUnsmash { page_paddr: LARGE | 1 }, Status::INVALID_PARAM);
    lab.refused(SnpPageUnsmash { page_paddr: MEMORY }, Status::INVALID_ADDRESS);
    lab.refused(command, Status::INVALID_PAGE_STATE);
    for page in 0..512 {
        lab.pre_guest(LARGE + page * 0x1000, ASID, gpa(page).get(), PageSize::Size4K);
    }
    let last = LARGE + 511 * 0x1000;
    lab.issue(SnpPageReclaim { page_paddr: last }).unwrap();
    lab.refused(command, Status::INVALID_PAGE_STATE);
    lab.lock(last);
    lab.issue(command).unwrap();
    assert_eq!(lab.entry(LARGE).page_size(), PageSize::Size2M);
    assert_eq!(lab.state(LARGE), PageState::PreGuest);
    lab.issue(SnpPageReclaim { page_paddr: LARGE | 1 }).unwrap();
    assert!(lab.machine.rmp().psmash(Asid::HOST, LARGE).is_ok());
    assert_eq!(lab.entry(last).gpa(), gpa(511));
}

/// Without SNP there is none of these commands; wrong addresses come first.
#[test]
fn before_init() {
    let lab = lab();
    lab.machine.lock().snp.is_init = false;
    let state = Status::INVALID_PLATFORM_STATE;
    lab.refused(out(), state);
    lab.refused(back(), state);
    lab.refused(SnpPageMove { gctx_paddr: GCTX, ..Default::default() }, state);
    lab.refused(SnpPageMdInit { gctx_paddr: GCTX, page_paddr: DST }, state);
    lab.refused(SnpPageSetState { len: 0x10, list_paddr: HOST }, state);
    lab.refused(SnpPageReclaim { page_paddr: DST }, state);
    lab.refused(SnpPageUnsmash { page_paddr: LARGE }, state);
    lab.refused(SnpPageSwapOut { gctx_paddr: 1, ..out() }, Status::INVALID_PARAM);
    lab.refused(SnpPageReclaim { page_paddr: 2 }, Status::INVALID_PARAM);
    lab.refused(SnpPageUnsmash { page_paddr: 2 }, Status::INVALID_PARAM);
}

/// Where another processor changes the region of one page, no page has changed, and nothing was written.
#[test]
fn beside_a_change() {
    use crate::rmp::Table;
    let lab = lab();
    lab.pre_guest(LARGE_DST + 0x1000, ASID, GPA, PageSize::Size4K);
    lab.give(&[LARGE_DST + 0x2000]);
    let entries = lab.machine.entries();
    let base = SnpPageMove {
        gctx_paddr: GCTX,
        page_info: 0,
        src_paddr: DATA,
        dst_paddr: LARGE_DST + 0x1000,
    };
    let metadata = SnpPageMove { src_paddr: MD, dst_paddr: LARGE_DST + 0x2000, ..base };
    for held in [DATA & !0x1f_ffff, LARGE_DST] {
        for command in [base, metadata] {
            let before = lab.snapshot();
            let entry = lab.entry(held);
            assert!(entries.acquire(held / PAGE as u64, entry));
            assert_eq!(lab.issue(command), Err(Status::IN_USE));
            entries.release(held / PAGE as u64, entry);
            assert!(lab.snapshot() == before);
        }
    }
    lab.issue(base).unwrap();
    lab.issue(metadata).unwrap();
}

/// A save area at the last address of a guest with 52 bits: launched, locked and swapped.
#[test]
fn a_save_area_at_the_top() {
    let lab = Lab::new();
    lab.start(GCTX, ASID, POLICY);
    let top = 0xf_ffff_ffff_f000;
    let mut vmsa = Vmsa::ZERO;
    vmsa.set_sev_features(crate::vmsa::SevFeatures(1));
    lab.bus().write(DATA, vmsa.as_bytes()).unwrap();
    lab.pre_guest(DATA, ASID, top, PageSize::Size4K);
    let update = crate::platform::command::SnpLaunchUpdate {
        gctx_paddr: GCTX,
        page_info: 2 << 1,
        page_paddr: DATA,
        ..Default::default()
    };
    lab.issue(update).unwrap();
    lab.finish(GCTX);
    let gpa = GuestPhysAddr::new(top).unwrap();
    assert_eq!(lab.machine.rmp().check_vmsa(ASID, DATA, gpa), Ok(()));
    lab.assign(DATA, PageAssignment::guest(ASID, gpa, PageSize::Size4K).locked());
    assert_eq!(lab.state(DATA), PageState::PreSwap);
    lab.metadata(GCTX, MD);
    lab.give(&[DST]);
    lab.pre_guest(PRE, ASID, 0, PageSize::Size4K);
    lab.issue(SnpPageSwapOut { flags: VMSA, ..out() }).unwrap();
    lab.issue(SnpPageSwapIn { flags: VMSA, ..back() }).unwrap();
    lab.issue(SnpPageReclaim { page_paddr: PRE }).unwrap();
    assert_eq!(lab.machine.rmp().check_vmsa(ASID, PRE, gpa), Ok(()));
}

/// RMPADJUST makes save areas of 2 MiB, too: none of them leaves.
#[test]
fn no_large_save_area() {
    let lab = lab();
    lab.pre_guest(LARGE, ASID, 0, PageSize::Size2M);
    let old = lab.entry(LARGE);
    lab.machine.rmp().replace_page(LARGE, old, old.with_vmsa(true)).unwrap();
    let large = PageAssignment { page_size: PageSize::Size2M, ..PageAssignment::FIRMWARE };
    lab.assign(LARGE_DST, large);
    let command =
        SnpPageSwapOut { src_paddr: LARGE, dst_paddr: LARGE_DST, flags: VMSA | SIZE, ..out() };
    lab.refused(command, Status::INVALID_PAGE_SIZE);
}

/// A root entry that was imported names a place that no guest has.
#[test]
fn an_entry_above_all_addresses() {
    let lab = lab();
    lab.issue(SnpPageSwapOut { flags: ROOT, ..out() }).unwrap();
    let set = |byte| lab.machine.lock().snp.guests.get_mut(&GCTX).unwrap().root_mdata[0x26] = byte;
    set(0x10);
    let command = SnpPageSwapIn { flags: ROOT, ..back() };
    lab.refused(command, Status::INVALID_MDATA_ENTRY);
    set(0);
    lab.issue(command).unwrap();
}
