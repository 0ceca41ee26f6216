//! LAUNCH_START, LAUNCH_UPDATE, LAUNCH_FINISH, and debugging.

use std::borrow::ToOwned;
use std::string::{String, ToString};
use std::vec::Vec;

use sha2::{Digest, Sha256};

use super::support::{Counting, Lab, OUTSIDE, Way, earliest, page, update};
use crate::addr::{PAGE, PageSize, Vmpl};
use crate::ecdsa::SigningKey;
use crate::hash::Workers;
use crate::hex::Hex;
use crate::image::PageType;
use crate::platform::command::*;
use crate::platform::{GuestState, LaunchPagesError};
use crate::rmp::{PageState, Permissions};
use crate::snp::GuestPolicy;
use crate::snp::id_block::{IdAuth, IdBlock, LaunchIdentity};
use crate::snp::launch::{LaunchDigest, PageAttributes, VmplPermissions};
use crate::snp::message::{CpuidEntry, Vmpck};
use crate::snp::secrets::SecretsPage;
use crate::status::Status;
use crate::vmsa::{RegisterProtection, SevFeatures, Vmsa};

const NORMAL: u32 = 1 << 1;
const VMSA: u32 = 2 << 1;
const ZERO: u32 = 3 << 1;
const UNMEASURED: u32 = 4 << 1;
const SECRETS: u32 = 5 << 1;
const CPUID: u32 = 6 << 1;

/// An ASID that the pages of [`Lab::full`] leave alone, and a context for it.
const GCTX: u64 = 0x2_0000;
const ASID: u32 = 5;

fn page_a() -> [u8; PAGE] {
    let mut page = [0; PAGE];
    page[..18].copy_from_slice(b"AMD SEV-SNP page A");
    page
}

fn ld(lab: &Lab, gctx: u64) -> String {
    lab.guest(gctx, |guest| std::format!("{}", Hex(guest.digest.digest())))
}

/// The worked example of AMD's launch digest, every page type.
fn worked_example(lab: &Lab) {
    lab.launch(GCTX, 0x3_0000, 0, Some(ASID));
    let steps = [
        (
            NORMAL,
            0xffff_f000,
            page_a(),
            "dffd6bd2032e73d8ba48f1f9b067a87ab71cfcbad526096251cf23ea67929cea852b83a5b84de5aef0a9b5cd3e6911fa",
        ),
        (
            NORMAL,
            0x1000,
            [0xcc; PAGE],
            "4279da3e170f1a891daeb3c2d1a145e6fc3fe26d19011aae7e4a577fe5bc86a50f67af5f13374043176949b74cd29607",
        ),
        (
            ZERO,
            0x80_0000,
            [7; PAGE],
            "69b4211e66e12900f92049ce6e5df7c5ffa77efbcde5a05a78f0e0fa6f5f8b11796e589b4fcbf02b329ae5d88f96c3db",
        ),
        (
            UNMEASURED,
            0x80_1000,
            [8; PAGE],
            "784d49370536e5a6e2b7788a00f6b5aaad330b342d91753bfa15ed240acb493f9fe8be9ca2b2c233f774ea847db9f949",
        ),
        (
            SECRETS,
            0x80_d000,
            [9; PAGE],
            "1dfba9f2146d3e768d47d077ef1892ce21189ce93a7e20cbc372a5fc5c6ebaeadb3a323c25efd636adbce3b43abb534b",
        ),
        (
            CPUID,
            0x80_e000,
            [0; PAGE],
            "af0241810461a2ff71f4d897742824dad0f358fa843a322648e0b7c7fb6e7d7ffc2f0c8c23978295511bf2f475805f23",
        ),
        (
            VMSA,
            0xffff_ffff_f000,
            [0; PAGE],
            "34c94b940900393b2c55936d5bb2099e37ce99bba725b186bf564314491c69dfdf1e5a3e564e024e4afaea3b8a912a3d",
        ),
    ];
    for (n, (page_info, gpa, text, expected)) in (0..).zip(steps) {
        let spa = page::SPARE + n * PAGE as u64;
        lab.load(GCTX, ASID, spa, gpa, page_info, &text);
        assert_eq!(ld(lab, GCTX), expected, "step {}", n + 1);

        let entry = lab.entry(spa);
        assert_eq!(entry.state(), PageState::GuestValid);
        assert_eq!(entry.vmsa(), page_info == VMSA);
        assert_eq!(entry.permissions(Vmpl::VMPL0), Permissions::FULL);
        assert_eq!(entry.permissions(Vmpl::VMPL1), Permissions::NONE);

        // What the guest sees, and that the host does not.
        let seen = lab.read_guest(ASID, spa);
        assert_ne!(seen, lab.read::<PAGE>(spa));
        match page_info {
            ZERO => assert_eq!(seen, [0; PAGE]),
            SECRETS => check_secrets(lab, seen),
            VMSA => {
                let mut vmsa = Vmsa::ZERO;
                vmsa.prepare_snp();
                assert_eq!(&seen, vmsa.as_bytes());
            }
            _ => assert_eq!(seen, text),
        }
    }
}

fn check_secrets(lab: &Lab, mut seen: [u8; PAGE]) {
    let page = SecretsPage::open(&mut seen).unwrap();
    assert_eq!((page.version(), page.imi_en(), page.tsc_factor()), (3, false, 200));
    assert_eq!(page.cpu(), lab.machine.lock().chip.cpu());
    assert_eq!(page.vmsa_tweak_bitmap(), RegisterProtection::GENOA.bitmap());
    lab.guest(GCTX, |guest| {
        for number in 0..4 {
            let vmpck = Vmpck::new(number).unwrap();
            assert_eq!(page.vmpck(vmpck), &guest.vmpcks[number as usize]);
            assert!(page.has_vmpck(vmpck));
        }
    });
}

#[test]
fn digests_of_the_worked_example() {
    worked_example(&Lab::full());
}

/// LAUNCH_FINISH with the ID block of the worked example.
#[test]
fn id_block_of_the_worked_example() {
    let lab = Lab::full();
    worked_example(&lab);
    let (id_block, auth) = id_block(&lab);
    assert_eq!(
        std::format!("{}", Hex(&Sha256::digest(auth))),
        "abb71be9c7862b28a20625373d07f55703ef7faee0dd7d13218fffba1e64784a"
    );
    let finish = finish(&lab, &id_block, &auth);
    lab.issue(finish).unwrap();
    lab.guest(GCTX, |guest| {
        assert_eq!(guest.state, GuestState::Running);
        assert!(guest.vcek_dis);
        assert_eq!(guest.host_data, [0xa5; 32]);
        let LaunchIdentity { id_key_digest, author_key_digest, .. } = guest.identity;
        assert_eq!(std::format!("{}", Hex(&id_key_digest)), "e6daf694fc53178244dbe1e38a89d1745109f311b3562c4c6788048c2db409d6540649973031eb2d9230f88113f397ed");
        assert_eq!(std::format!("{}", Hex(&author_key_digest)), "603725508e4cda0503ff8cb2f44f5ea65e1cedf857b26202795c865ceb06daf859959fcc38179f104b7ccf996e21442a");
        assert_eq!(guest.identity.id_block, Some(id_block));
        assert!(guest.identity.id_block_en && guest.identity.author_key_en);
    });
    lab.refuse(finish, Status::INVALID_GUEST_STATE);
    lab.refuse(update(GCTX, page::PRE_GUEST), Status::INVALID_PARAM); // no type
}

/// The ID block of the worked example, for the guest's launch digest, and its page.
fn id_block(lab: &Lab) -> (IdBlock, [u8; PAGE]) {
    let key = |hex: &str| {
        let d: [u8; 48] = base16ct::lower::decode_vec(hex).unwrap().try_into().unwrap();
        SigningKey::from_scalar(&d).unwrap()
    };
    let id_key = key(
        "666b8b8e7ce8dd758a26294b568260ce78ac1aaeac2a58548b580c4ddc3351d2d48c47aff47ac2071d51aa5754e65877",
    );
    let author_key = key(
        "63d6261f607b8d84d843c8343782018767f2431925b941dea00438801d44823c07e2c51b5cd7ee2866835d38c4c1b9fe",
    );
    let id_block = IdBlock {
        family_id: core::array::from_fn(|i| 1 + i as u8),
        image_id: core::array::from_fn(|i| 0x31 + i as u8),
        guest_svn: 5,
        policy: GuestPolicy(0x3_0000),
        ..IdBlock::new(lab.guest(GCTX, |guest| *guest.digest.digest()))
    };
    let id = id_block.sign(&id_key.verifying_key(), &id_key).unwrap();
    let author = id.key.sign(&author_key.verifying_key(), &author_key).unwrap();
    let mut page = [0; PAGE];
    let auth = *IdAuth::write(&mut page, &id, Some(&author)).bytes();
    (id_block, auth)
}

/// Where the tests put an ID block and its page: not aligned, which is allowed.
const ID_BLOCK: u64 = 0x18_0010;
const ID_AUTH: u64 = 0x19_0020;

fn finish(lab: &Lab, id_block: &IdBlock, auth: &[u8; PAGE]) -> SnpLaunchFinish {
    lab.write(ID_BLOCK, &id_block.to_bytes());
    lab.write(ID_AUTH, auth);
    SnpLaunchFinish {
        gctx_paddr: GCTX,
        id_block_paddr: ID_BLOCK,
        id_auth_paddr: ID_AUTH,
        flags: 7,
        host_data: [0xa5; 32],
    }
}

/// Each part of an ID block wrong: the status, and a context that has not changed but for the published quirk.
#[test]
fn id_blocks_that_are_refused() {
    let lab = Lab::full();
    lab.launch(GCTX, 0x3_0000, 0, Some(ASID));
    let (good, auth) = id_block(&lab);
    let with = |at: usize, value: u8| {
        let mut auth = auth;
        auth[at] ^= value;
        auth
    };
    let policy = IdBlock { policy: GuestPolicy(0x3_0001), ..good };
    let digest = IdBlock { launch_digest: [1; 48], ..good };
    let both = IdBlock { launch_digest: [1; 48], ..policy };
    for (id_block, auth, status) in [
        (both, with(0, 2), Status::BAD_MEASUREMENT),
        (digest, auth, Status::BAD_MEASUREMENT),
        (policy, with(0, 2), Status::POLICY_FAILURE),
        (good, with(0, 2), Status::INVALID_PARAM),
        (good, with(4, 2), Status::INVALID_PARAM),
        (good, with(0x240, 1), Status::BAD_SIGNATURE), // the ID key's curve
        (good, with(0x244, 1), Status::BAD_SIGNATURE), // its point
        (good, with(0x40, 1), Status::BAD_SIGNATURE),  // the ID block's signature
    ] {
        let finish = finish(&lab, &id_block, &auth);
        lab.refuse(finish, status);
    }
    for (at, value) in [(0x880, 1), (0x884, 1), (0x680, 1)] {
        let finish = finish(&lab, &good, &with(at, value));
        assert_eq!(lab.issue(finish), Err(Status::BAD_SIGNATURE), "author, byte {at:#x}");
        lab.guest(GCTX, |guest| {
            assert_eq!(guest.state, GuestState::Launch);
            assert_eq!(guest.identity.id_block, Some(good));
            assert_eq!(guest.identity.author_key_digest, [0; 48]);
            assert!(!guest.identity.id_block_en && !guest.vcek_dis && guest.host_data == [0; 32]);
        });
    }
    // Reserved bytes, VERSION and GUEST_SVN are nobody's business; without its flag an author key is not looked at.
    let finish = finish(&lab, &good, &with(0x680, 1));
    lab.issue(SnpLaunchFinish { flags: 1, ..finish }).unwrap();
}

#[test]
fn launch_finish_in_order() {
    let lab = Lab::full();
    lab.refuse_reserved(&SnpLaunchFinish::default());
    let gctxs: [Way<u64>; 9] = [
        (page::GUEST, None),
        (page::GUEST + 1, Some((0, Status::INVALID_PARAM))),
        (page::GUEST + 0x800, Some((0, Status::INVALID_PARAM))),
        (OUTSIDE, Some((2, Status::INVALID_ADDRESS))),
        (page::HOST, Some((3, Status::INVALID_GUEST))),
        (page::INIT, Some((4, Status::INVALID_GUEST_STATE))),
        (page::RUNNING, Some((4, Status::INVALID_GUEST_STATE))),
        (page::IMI, Some((4, Status::INVALID_GUEST_STATE))),
        (page::NO_ASID, Some((5, Status::INACTIVE))),
    ];
    let flags: [Way<u64>; 4] = [
        (1, Some((6, Status::BAD_MEASUREMENT))),
        (8, Some((0, Status::INVALID_PARAM))),
        (1 << 63 | 1, Some((0, Status::INVALID_PARAM))),
        (1 << 32, Some((0, Status::INVALID_PARAM))),
    ];
    let id_blocks: [Way<u64>; 2] =
        [(page::HOST, None), (OUTSIDE, Some((2, Status::INVALID_ADDRESS)))];
    lab.unchanged(|| {
        for (gctx_paddr, gctx) in gctxs {
            for (flags, flag) in flags {
                for (id_block_paddr, id_block) in id_blocks {
                    for (id_auth_paddr, id_auth) in id_blocks {
                        let host_data = [1; 32];
                        let finish = SnpLaunchFinish {
                            gctx_paddr,
                            id_block_paddr,
                            id_auth_paddr,
                            flags,
                            host_data,
                        };
                        let status = earliest([gctx, flag, id_block, id_auth]).unwrap_err();
                        lab.answer(finish, status);
                    }
                }
            }
        }
    });
    // Without ID_BLOCK_EN nobody looks at its address.
    let finish = SnpLaunchFinish {
        gctx_paddr: page::GUEST,
        id_block_paddr: OUTSIDE,
        id_auth_paddr: OUTSIDE,
        flags: 2,
        ..SnpLaunchFinish::default()
    };
    lab.issue(finish).unwrap();
    // AUTH_KEY_EN alone is told as it was given.
    lab.guest(page::GUEST, |guest| {
        assert!(guest.identity.author_key_en && !guest.identity.id_block_en)
    });
}

/// The other worked examples: permissions, and the digest of the migration image.
#[test]
fn permissions_and_migration_image() {
    let lab = Lab::full();
    lab.launch(GCTX, 0x3_0000, 0, Some(ASID));
    lab.write(page::SPARE, &page_a());
    lab.pre_guest(page::SPARE, ASID, 0x2000, PageSize::Size4K);
    let command = SnpLaunchUpdate {
        page_info: NORMAL,
        vmpl_perms: [0, 0xf, 3, 1],
        ..update(GCTX, page::SPARE)
    };
    lab.issue(command).unwrap();
    assert_eq!(
        ld(&lab, GCTX),
        "75e8bafb393461351719de8a8309c3f5ff9592274ccb61adbdc05aef43990a8550720a7254ff315cf24688e376e97a66"
    );
    let entry = lab.entry(page::SPARE);
    let permissions = [1, 2, 3].map(|vmpl| entry.permissions(Vmpl::new(vmpl).unwrap()).0);
    assert_eq!(permissions, [0xf, 3, 1]);

    // The guest with IMI_EN has a page at 3000h. The host fills it before it gives it away.
    for (imi, digest) in [
        (
            16,
            "dcc9cb2967c50d56309300853c44ef366e6a3021bc3aa12b8b41d10ba3a1639a660cede88cc982c36965bd02b9971b98",
        ),
        (
            0,
            "3fdf33490e0df6ac331ec3b69cbea674be14500144f303b00edccab96e868fc3936cb04a410db65892467623931366ba",
        ),
    ] {
        let lab = Lab::full();
        let flags = if imi == 16 { 2 } else { 0 };
        lab.launch(GCTX, 0x3_0000, flags, Some(ASID));
        lab.load(GCTX, ASID, page::SPARE, 0x3000, NORMAL | imi, &page_a());
        assert_eq!(ld(&lab, GCTX), digest);
        let imd = lab.guest(GCTX, |guest| *guest.digest.imi_digest());
        let imd = std::format!("{}", Hex(&imd));
        assert_eq!(imd, if imi == 16 { digest.to_owned() } else { "00".repeat(48) });
    }
}

/// A page of 2 MiB is 512 steps.
#[test]
fn large_pages() {
    let lab = Lab::full();
    lab.launch(GCTX, 0x3_0000, 0, Some(ASID));
    let text: Vec<u8> = (0..2 << 20).map(|n: usize| (n % 251) as u8).collect();
    lab.write(0x40_0000, &text);
    lab.pre_guest(0x40_0000, ASID, 0x8000_0000, PageSize::Size2M);
    lab.refuse(
        SnpLaunchUpdate { page_info: NORMAL, ..update(GCTX, 0x40_0000) },
        Status::INVALID_PAGE_SIZE,
    );
    for page_info in [VMSA | 1, SECRETS | 1, CPUID | 1] {
        lab.refuse(
            SnpLaunchUpdate { page_info, ..update(GCTX, 0x40_0000) },
            Status::INVALID_PAGE_SIZE,
        );
    }
    lab.issue(SnpLaunchUpdate { page_info: NORMAL | 1, ..update(GCTX, 0x40_0000) }).unwrap();
    let mut expected = LaunchDigest::new();
    let gpa = crate::GuestPhysAddr::new(0x8000_0000).unwrap();
    expected
        .update_bytes(crate::Backend::portable(), PageType::Normal, gpa, &text, &mut |_| {})
        .unwrap();
    assert_eq!(lab.guest(GCTX, |guest| guest.digest.clone()), expected);
    assert_eq!(lab.read_guest(ASID, 0x40_0000 + 0x5000)[..], text[0x5000..0x6000]);
    assert_eq!(lab.entry(0x40_0000).state(), PageState::GuestValid);
}

/// What the firmware adds to a save area behind its measurement.
#[test]
fn save_areas() {
    let lab = Lab::full();
    lab.create(GCTX);
    let start = SnpLaunchStart {
        gctx_paddr: GCTX,
        policy: 0x3_0000,
        desired_tsc_freq: 49_900,
        ..SnpLaunchStart::default()
    };
    lab.issue(start).unwrap();
    lab.issue(SnpActivate { gctx_paddr: GCTX, asid: ASID }).unwrap();
    // VmsaRegProt and SecureTSC, and a page with neither.
    for (spa, features) in [(page::SPARE, 1 | 1 << 9 | 1 << 14), (page::SPARE + 0x1000, 1)] {
        let mut vmsa = Vmsa::ZERO;
        vmsa.set_sev_features(SevFeatures(features));
        vmsa.set_rip(0xfff0);
        vmsa.set_guest_tsc_scale(77);
        vmsa.set_guest_tsc_offset(78);
        let before = lab.guest(GCTX, |guest| guest.digest.clone());
        lab.load(GCTX, ASID, spa, 0xffff_ffff_f000, VMSA, vmsa.as_bytes());
        let mut expected = before;
        let gpa = crate::GuestPhysAddr::new(0xffff_ffff_f000).unwrap();
        expected
            .update_bytes(
                crate::Backend::portable(),
                PageType::Vmsa,
                gpa,
                vmsa.as_bytes(),
                &mut |_| {},
            )
            .unwrap();
        assert_eq!(lab.guest(GCTX, |guest| guest.digest.clone()), expected);

        let mut seen = Vmsa::from_bytes(&lab.read_guest(ASID, spa));
        if features == 1 {
            assert_eq!((seen.reg_prot_nonce(), seen.rip()), (0, 0xfff0));
            assert_eq!((seen.guest_tsc_scale(), seen.guest_tsc_offset()), (77, 78));
        } else {
            // Half of the platform's frequency.
            assert_eq!((seen.guest_tsc_scale(), seen.guest_tsc_offset()), (1 << 31, 0));
            assert_ne!(seen.reg_prot_nonce(), 0);
            assert_eq!(seen.rip(), 0xfff0 ^ seen.reg_prot_nonce());
            RegisterProtection::GENOA.apply(&mut seen);
            seen.set_reg_prot_nonce(0);
            seen.set_guest_tsc_scale(77);
            seen.set_guest_tsc_offset(78);
        }
        vmsa.prepare_snp();
        assert_eq!(seen.as_bytes(), vmsa.as_bytes());
    }
}

/// A CPUID page with a value that is not acceptable comes back corrected and in clear, and nothing else changes.
#[test]
fn cpuid_pages() {
    let lab = Lab::full();
    let mut text = [0; PAGE];
    text[0] = 1;
    text[0x10..0x40].copy_from_slice(&CpuidEntry { eax: 0x20, ..CpuidEntry::default() }.to_bytes());
    lab.launch(GCTX, 0x3_0000, 0, Some(ASID));
    lab.write(page::SPARE, &text);
    lab.pre_guest(page::SPARE, ASID, 0x80_e000, PageSize::Size4K);
    let (entry, digest) = (lab.entry(page::SPARE), ld(&lab, GCTX));
    let command = SnpLaunchUpdate { page_info: CPUID, ..update(GCTX, page::SPARE) };
    assert_eq!(lab.issue(command), Err(Status::INVALID_PARAM));
    let mut corrected = text;
    corrected[0x28] = 0x10;
    assert_eq!(lab.read::<PAGE>(page::SPARE), corrected);
    assert_eq!((lab.entry(page::SPARE), ld(&lab, GCTX)), (entry, digest));

    // As it stands now it is taken, and measured by type and address.
    lab.issue(command).unwrap();
    assert_eq!(lab.read_guest(ASID, page::SPARE), corrected);

    text[0] = 65;
    lab.write(page::SPARE + 0x1000, &text);
    lab.pre_guest(page::SPARE + 0x1000, ASID, 0x80_f000, PageSize::Size4K);
    lab.refuse(
        SnpLaunchUpdate { page_info: CPUID, ..update(GCTX, page::SPARE + 0x1000) },
        Status::INVALID_PARAM,
    );
}

/// Every combination of a context, a page and a type: the earliest check decides.
#[test]
fn launch_update_in_order() {
    let lab = Lab::full();
    lab.refuse_reserved(&SnpLaunchUpdate::default());
    // With the ASID whose page it has to be.
    let gctxs: [Way<u64>; 9] = [
        (page::GUEST, None),
        (page::GUEST + 8, Some((0, Status::INVALID_PARAM))),
        (OUTSIDE, Some((2, Status::INVALID_ADDRESS))),
        (page::HOST, Some((3, Status::INVALID_GUEST))),
        (page::FREE, Some((3, Status::INVALID_GUEST))),
        (page::INIT, Some((9, Status::INVALID_GUEST_STATE))),
        (page::RUNNING, Some((9, Status::INVALID_GUEST_STATE))),
        (page::NO_ASID, Some((10, Status::INACTIVE))),
        (page::OTHER, Some((11, Status::INVALID_PAGE_OWNER))),
    ];
    let pages: [Way<u64>; 8] = [
        (page::PRE_GUEST, None),
        (page::LARGE, None),
        (page::PRE_GUEST + 0x10, Some((0, Status::INVALID_PARAM))),
        (OUTSIDE, Some((2, Status::INVALID_ADDRESS))),
        (page::HOST, Some((4, Status::INVALID_PAGE_STATE))),
        (page::OUT, Some((4, Status::INVALID_PAGE_STATE))),
        (page::GUEST_VALID, Some((4, Status::INVALID_PAGE_STATE))),
        (page::LARGE + 0x1000, Some((4, Status::INVALID_PAGE_STATE))),
    ];
    let reserved: [Way<u32>; 3] = [
        (0, None),
        (1 << 5, Some((0, Status::INVALID_PARAM))),
        (1 << 31, Some((0, Status::INVALID_PARAM))),
    ];
    lab.unchanged(|| {
        for (gctx_paddr, gctx) in gctxs {
            for (page_paddr, page) in pages {
                for (more, reserved) in reserved {
                    for page_info in 0..16 {
                        let (is_large, number) = (page_info & 1 == 1, page_info >> 1);
                        let size = (is_large != (page_paddr == page::LARGE))
                            .then_some((5, Status::INVALID_PAGE_SIZE));
                        let small = (is_large && [2, 5, 6].contains(&number))
                            .then_some((7, Status::INVALID_PAGE_SIZE));
                        let none = [0, 7].contains(&number).then_some((8, Status::INVALID_PARAM));
                        let expected = earliest([gctx, page, reserved, size, small, none]);
                        // What succeeds changes the machine: other tests do it.
                        if let Err(status) = expected {
                            let command = SnpLaunchUpdate {
                                page_info: page_info | more,
                                ..update(gctx_paddr, page_paddr)
                            };
                            lab.answer(command, status);
                        }
                    }
                }
            }
        }
    });
    // Permissions of VMPL0 are reserved.
    let command = SnpLaunchUpdate {
        page_info: NORMAL,
        vmpl_perms: [1, 0, 0, 0],
        ..update(page::GUEST, page::PRE_GUEST)
    };
    lab.refuse(command, Status::INVALID_PARAM);
    // A guest of a migration image has pages of it only; the owner comes first.
    let imi = SnpLaunchUpdate { page_info: NORMAL, ..update(page::IMI, page::PRE_GUEST_IMI) };
    lab.refuse(imi, Status::INVALID_PARAM);
    lab.refuse(SnpLaunchUpdate { page_paddr: page::PRE_GUEST, ..imi }, Status::INVALID_PAGE_OWNER);
    lab.issue(SnpLaunchUpdate { page_info: NORMAL | 16, ..imi }).unwrap();
    let again = SnpLaunchUpdate { page_info: NORMAL, ..update(page::GUEST, page::PRE_GUEST) };
    lab.issue(again).unwrap();
    lab.refuse(again, Status::INVALID_PAGE_STATE);
}

/// A list of pages is what its commands are one by one.
#[test]
fn many_pages_at_once() {
    let paint = |n: u64| [(n % 251) as u8; PAGE];
    let prepare = |lab: &Lab| {
        lab.launch(GCTX, 0x3_0000, 0, Some(ASID));
        for n in 0..200 {
            let spa = 0x40_0000 + n * PAGE as u64;
            lab.write(spa, &paint(n));
            // Out of order in the guest.
            lab.pre_guest(spa, ASID, 0x100_0000 + (n ^ 5) * PAGE as u64, PageSize::Size4K);
        }
        lab.write(0x60_0000, &[3; 2 << 20]);
        lab.pre_guest(0x60_0000, ASID, 0x8000_0000, PageSize::Size2M);
    };
    let mut pages: Vec<(u64, PageSize)> =
        (0..200).map(|n| (0x40_0000 + n * PAGE as u64, PageSize::Size4K)).collect();
    pages.insert(150, (0x60_0000, PageSize::Size2M));
    let permissions = VmplPermissions { vmpl1: 3, vmpl2: 2, vmpl3: 1 };

    for (page_type, number) in
        [(PageType::Normal, NORMAL), (PageType::Unmeasured, UNMEASURED), (PageType::Zero, ZERO)]
    {
        let attributes = PageAttributes { page_type, imi: true, permissions };
        let one_by_one = Lab::full();
        prepare(&one_by_one);
        for (page_paddr, size) in &pages {
            let page_info = number | 16 | u32::from(*size == PageSize::Size2M);
            one_by_one
                .issue(SnpLaunchUpdate {
                    page_info,
                    vmpl_perms: [0, 3, 2, 1],
                    ..update(GCTX, *page_paddr)
                })
                .unwrap();
        }
        for threads in [1, 3] {
            let together = Lab::full();
            prepare(&together);
            let workers = Workers::new(crate::Backend::best(), threads);
            together.machine.launch_update_pages(GCTX, &pages, attributes, workers).unwrap();
            assert!(together.snapshot() == one_by_one.snapshot(), "{page_type}, {threads} threads");
        }
    }

    // A page that fails ends it, with those before it launched: one of the hypervisor, the same page again, none.
    for (bad, status) in [
        (page::HOST, Status::INVALID_PAGE_STATE),
        (0x40_0000 + 3 * PAGE as u64, Status::INVALID_PAGE_STATE),
        (OUTSIDE, Status::INVALID_ADDRESS),
        (0x40_0001, Status::INVALID_PARAM),
        (page::PRE_GUEST, Status::INVALID_PAGE_OWNER),
    ] {
        for index in [0, 7, 130, 155] {
            let mut pages = pages.clone();
            pages.insert(index, (bad, PageSize::Size4K));
            // A page that comes later is launched before its twin only if it stands before it.
            if index < 4 && bad == 0x40_0000 + 3 * PAGE as u64 {
                continue;
            }
            let (together, one_by_one) = (Lab::full(), Lab::full());
            prepare(&together);
            prepare(&one_by_one);
            let attributes =
                PageAttributes { page_type: PageType::Normal, imi: false, permissions };
            let error = LaunchPagesError { index, status };
            let result = together.machine.launch_update_pages(
                GCTX,
                &pages,
                attributes,
                crate::Backend::best(),
            );
            assert_eq!(result, Err(error));
            for (page_paddr, size) in &pages[..index] {
                let page_info = NORMAL | u32::from(*size == PageSize::Size2M);
                one_by_one
                    .issue(SnpLaunchUpdate {
                        page_info,
                        vmpl_perms: [0, 3, 2, 1],
                        ..update(GCTX, *page_paddr)
                    })
                    .unwrap();
            }
            assert!(together.snapshot() == one_by_one.snapshot(), "{index}, {status}");
        }
    }
    let error = LaunchPagesError { index: 0, status: Status::INVALID_PARAM };
    let lab = Lab::full();
    let normal = PageType::Normal;
    assert_eq!(
        lab.machine.launch_update_pages(GCTX + 1, &pages, normal, crate::Backend::best()),
        Err(error)
    );
    assert_eq!(
        error.to_string(),
        "page 0 of the list: SNP_LAUNCH_UPDATE says 0x16 (INVALID_PARAM)"
    );
    assert_eq!(
        lab.machine.launch_update_pages(OUTSIDE, &[], normal, crate::Backend::best()),
        Ok(())
    );
}

/// What LAUNCH_START stores, and the order of what it draws.
#[test]
fn launch_start_draws_in_order() {
    let lab = Lab::full();
    lab.create(GCTX);
    let seed = lab.guest(GCTX, |guest| *guest.vek_seed);
    let start = SnpLaunchStart {
        gctx_paddr: GCTX,
        policy: 0x3_0000,
        desired_tsc_freq: 7,
        gosvw: [9; 16],
        ..SnpLaunchStart::default()
    };
    lab.issue(start).unwrap();
    let at = |place: u32| core::array::from_fn::<u8, 32, _>(|i| Counting::byte(place + i as u32));
    let place = (0..1 << 16).find(|place| at(*place) == seed).unwrap();
    let drawn = |n: u32| at(place + 32 * n);
    lab.guest(GCTX, |guest| {
        assert_eq!(guest.state, GuestState::Launch);
        assert_eq!(*guest.vek_seed, drawn(0));
        assert_eq!(*guest.oek, drawn(1));
        assert_eq!(*guest.vmpcks, [2, 3, 4, 5].map(drawn));
        assert_eq!(*guest.vmrk, drawn(6));
        assert_eq!(guest.report_id, drawn(7));
        assert_eq!(guest.report_id_ma, [0xff; 32]);
        assert_eq!(guest.migration_agent, None);
        assert_eq!((guest.desired_tsc_freq, guest.gosvw), (7, [9; 16]));
    });
    lab.refuse(start, Status::INVALID_GUEST_STATE);
}

/// A guest with a migration agent.
#[test]
fn migration_agents() {
    let lab = Lab::full();
    lab.create(GCTX);
    let start = SnpLaunchStart {
        gctx_paddr: GCTX,
        policy: 0x7_0000,
        ma_gctx_paddr: page::RUNNING,
        flags: 1,
        ..SnpLaunchStart::default()
    };
    // The guest itself; its agent's policy must have SINGLE_SOCKET if its own has.
    lab.refuse(SnpLaunchStart { ma_gctx_paddr: GCTX, ..start }, Status::INVALID_GUEST);
    lab.refuse(SnpLaunchStart { policy: 0x17_0000, ..start }, Status::POLICY_FAILURE);
    lab.issue(start).unwrap();
    let report_id = lab.guest(page::RUNNING, |agent| agent.report_id);
    lab.guest(GCTX, |guest| {
        assert_eq!(guest.report_id_ma, report_id);
        assert_eq!(guest.migration_agent, Some(page::RUNNING));
    });
    // An agent has none itself.
    let start = SnpLaunchStart { gctx_paddr: page::INIT, ma_gctx_paddr: GCTX, ..start };
    lab.refuse(start, Status::POLICY_FAILURE);
    lab.launch(0x3_0000, 0x13_0000, 0, None);
    lab.issue(SnpLaunchStart { policy: 0x17_0000, ma_gctx_paddr: 0x3_0000, ..start }).unwrap();

    // An agent that has ended stays its guests' agent: nobody else speaks for them, not even they themselves.
    lab.issue(SnpDecommission { gctx_paddr: page::RUNNING }).unwrap();
    lab.guest(GCTX, |guest| {
        assert_eq!(guest.report_id_ma, report_id);
        assert_eq!(guest.migration_agent, Some(page::RUNNING));
    });
    lab.guest(page::INIT, |guest| assert_eq!(guest.migration_agent, Some(0x3_0000)));
}

#[test]
fn launch_start_in_order() {
    let lab = Lab::full();
    lab.refuse_reserved(&SnpLaunchStart::default());
    let gctxs: [Way<u64>; 7] = [
        (page::INIT, None),
        (page::INIT + 0x20, Some((0, Status::INVALID_PARAM))),
        (OUTSIDE, Some((2, Status::INVALID_ADDRESS))),
        (page::OUT, Some((3, Status::INVALID_GUEST))),
        (page::GUEST_VALID, Some((3, Status::INVALID_GUEST))),
        (page::NO_ASID, Some((4, Status::INVALID_GUEST_STATE))),
        (page::RUNNING, Some((4, Status::INVALID_GUEST_STATE))),
    ];
    // The agent counts with MA_EN only; its alignment always.
    let agents: [Way<u64>; 4] = [
        (page::RUNNING, None),
        (page::RUNNING + 1, Some((0, Status::INVALID_PARAM))),
        (OUTSIDE, Some((2, Status::INVALID_ADDRESS))),
        (page::HOST, Some((5, Status::INVALID_GUEST))),
    ];
    let policy_failure = Some((6, Status::POLICY_FAILURE));
    let policies: [Way<u64>; 12] = [
        (0x3_0000, None),
        (0x7_0000, None),
        (0x1_0000, policy_failure),   // bit 17
        (0x2_0000, policy_failure),   // no SMT
        (0x3_0038, None),             // ABI 0.56 is not above 1.55
        (0x3_0138, policy_failure),   // ABI 1.56
        (0x3_0200, policy_failure),   // ABI 2.0
        (0x403_0000, policy_failure), // bit 26
        (1 << 63 | 0x3_0000, policy_failure),
        (0x43_0000, policy_failure),  // MEM_AES_256_XTS
        (0x83_0000, policy_failure),  // RAPL_DIS
        (0x103_0000, policy_failure), // CIPHERTEXT_HIDING_DRAM
    ];
    let flags: [Way<u32>; 4] = [
        (0, None),
        (1, None),
        (4, Some((0, Status::INVALID_PARAM))),
        (1 << 31, Some((0, Status::INVALID_PARAM))),
    ];
    lab.unchanged(|| {
        for (gctx_paddr, gctx) in gctxs {
            for (ma_gctx_paddr, agent) in agents {
                for (policy, policy_fault) in policies {
                    for (flags, flag) in flags {
                        let ma_en = flags & 1 == 1;
                        let agent = agent.filter(|(order, _)| ma_en || *order == 0);
                        let migrate =
                            (ma_en && policy >> 18 & 1 == 0).then_some((6, Status::POLICY_FAILURE));
                        let start = SnpLaunchStart {
                            gctx_paddr,
                            policy,
                            ma_gctx_paddr,
                            flags,
                            ..SnpLaunchStart::default()
                        };
                        if let Err(status) = earliest([gctx, agent, policy_fault, flag, migrate]) {
                            lab.answer(start, status);
                        }
                    }
                }
            }
        }
    });
    // Newer bits that the platform can serve.
    for (n, policy) in [(0, 0x3_0137), (1, 0x3_00ff), (2, 0x23_0000), (3, 0x203_0000)] {
        lab.launch(0x3_0000 + n * 0x1000, policy, 0, None);
    }
}

/// DBG_DECRYPT and DBG_ENCRYPT.
#[test]
fn debugging() {
    let lab = Lab::full();
    let decrypt = SnpDbgDecrypt {
        gctx_paddr: page::RUNNING,
        src_paddr: page::RUNNING_VALID,
        dst_paddr: page::OUT,
    };
    lab.issue(decrypt).unwrap();
    assert_eq!(lab.read::<PAGE>(page::OUT), [0x5a; PAGE]);
    lab.write(page::HOST, &[0x77; PAGE]);
    let encrypt = SnpDbgEncrypt {
        gctx_paddr: page::RUNNING,
        src_paddr: page::HOST,
        dst_paddr: page::RUNNING_VALID,
    };
    lab.issue(encrypt).unwrap();
    assert_eq!(lab.read_guest(3, page::RUNNING_VALID), [0x77; PAGE]);

    // A page inside of one of 2 MiB.
    lab.write(0x40_0000, &[0x5a; 2 << 20]);
    lab.pre_guest(0x40_0000, 3, 0x8000_0000, PageSize::Size2M);
    lab.issue(SnpDbgEncrypt { dst_paddr: 0x40_3000, ..encrypt }).unwrap();
    assert_eq!(lab.read_guest(3, 0x40_3000), [0x77; PAGE]);
    assert_eq!(lab.read::<PAGE>(0x40_2000), [0x5a; PAGE]);
    lab.issue(SnpDbgDecrypt { src_paddr: 0x40_3000, ..decrypt }).unwrap();
    assert_eq!(lab.read::<PAGE>(page::OUT), [0x77; PAGE]);
}

#[test]
fn debugging_in_order() {
    let lab = Lab::full();
    lab.launch(0x3_0000, 0xb_0000, 0, None);
    let reserved = Some((0, Status::INVALID_PARAM));
    let outside = Some((2, Status::INVALID_ADDRESS));
    let state = |order| Some((order, Status::INVALID_PAGE_STATE));
    let gctxs: [Way<u64>; 8] = [
        (page::RUNNING, None),
        (page::RUNNING + 4, reserved),
        (OUTSIDE, outside),
        (page::HOST, Some((3, Status::INVALID_GUEST))),
        (page::INIT, Some((4, Status::INVALID_GUEST_STATE))),
        (page::GUEST, Some((5, Status::POLICY_FAILURE))),
        (page::NO_ASID, Some((5, Status::POLICY_FAILURE))),
        (0x3_0000, Some((6, Status::INACTIVE))),
    ];
    let guest_pages: [Way<u64>; 7] = [
        (page::RUNNING_VALID, None),
        (page::RUNNING_VALID + 0x10, reserved),
        (OUTSIDE, outside),
        (page::HOST, state(7)),
        (page::OUT, state(7)),
        (page::GUEST_VALID, Some((8, Status::INVALID_PAGE_OWNER))),
        (page::LARGE + 0x1000, Some((8, Status::INVALID_PAGE_OWNER))),
    ];
    let outs: [Way<u64>; 6] = [
        (page::OUT, None),
        (page::OUT + 1, reserved),
        (OUTSIDE, outside),
        (page::HOST, state(7)),
        (page::RUNNING_VALID, state(7)),
        (page::INIT, state(7)),
    ];
    lab.unchanged(|| {
        for (gctx_paddr, gctx) in gctxs {
            for (guest_page, fault) in guest_pages {
                for (out, out_fault) in outs {
                    if let Err(status) = earliest([gctx, fault, out_fault]) {
                        let command =
                            SnpDbgDecrypt { gctx_paddr, src_paddr: guest_page, dst_paddr: out };
                        lab.answer(command, status);
                    }
                    // Any page may be the text's.
                    let out_fault = out_fault.filter(|(order, _)| *order < 7);
                    if let Err(status) = earliest([gctx, fault, out_fault]) {
                        let command =
                            SnpDbgEncrypt { gctx_paddr, src_paddr: out, dst_paddr: guest_page };
                        lab.answer(command, status);
                    }
                }
            }
        }
    });
}
