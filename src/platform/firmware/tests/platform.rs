//! SNP_INIT to SNP_SHUTDOWN, configuration, versions, features.

use super::support::{DRAM, Lab, MIN_SEV_ASID, OUTSIDE, page, update};
use crate::Backend;
use crate::addr::PAGE;
use crate::platform::command::*;
use crate::platform::{FirmwareImage, PlatformStatus};
use crate::rmp::{PageAssignment, PageState};
use crate::snp::keys::{ChipSecret, HashSticks, PrivateKey, VlekSticks};
use crate::snp::report::FirmwareVersion;
use crate::snp::tcb::{Product, TcbVersion};
use crate::status::Status;

fn status(lab: &Lab) -> PlatformStatus {
    lab.issue(SnpPlatformStatus { status_paddr: page::OUT }).unwrap();
    PlatformStatus::from_bytes(&lab.read(page::OUT))
}

fn tcb(bytes: [u8; 8]) -> TcbVersion {
    TcbVersion::new(bytes)
}

/// The TCB version of the machine at its start.
const FIRST: [u8; 8] = [3, 0, 0, 0, 0, 0, 8, 115];

#[test]
fn from_init_to_shutdown() {
    let lab = Lab::uninit(Product::Genoa);
    let first = status(&lab);
    let expected = PlatformStatus {
        version: lab.machine.versions().current,
        is_init: false,
        is_rmp_init: false,
        alias_check: false,
        mask_chip_id: false,
        mask_chip_key: false,
        vlek_en: false,
        feature_info: true,
        rapl_dis: false,
        ciphertext_hiding_cap: false,
        ciphertext_hiding_en: false,
        guest_count: 0,
        current_tcb: tcb(FIRST),
        reported_tcb: tcb(FIRST),
    };
    assert_eq!(first, expected);

    lab.issue(SnpInit {}).unwrap();
    lab.firmware(page::OUT);
    let init = PlatformStatus { is_init: true, is_rmp_init: true, alias_check: true, ..expected };
    assert_eq!(status(&lab), init);
    lab.create(page::GUEST);
    assert_eq!(status(&lab), PlatformStatus { guest_count: 1, ..init });
    lab.refuse(SnpInit {}, Status::INVALID_PLATFORM_STATE);

    // A guest is in the way of a shutdown, and so is its ASID until it is flushed.
    lab.refuse(SnpShutdown {}, Status::ACTIVE);
    lab.issue(SnpLaunchStart {
        gctx_paddr: page::GUEST,
        policy: 0x3_0000,
        ..SnpLaunchStart::default()
    })
    .unwrap();
    lab.issue(SnpActivate { gctx_paddr: page::GUEST, asid: 5 }).unwrap();
    let text = lab.read_guest(5, page::SPARE);
    lab.issue(SnpDecommission { gctx_paddr: page::GUEST }).unwrap();
    lab.refuse(SnpShutdown {}, Status::DFFLUSH_REQUIRED);
    lab.machine.wbinvd();
    lab.refuse(SnpShutdownEx { len: 8, flags: 0 }, Status::DFFLUSH_REQUIRED);
    lab.issue(SnpDfFlush {}).unwrap();
    lab.issue(SnpShutdown {}).unwrap();

    // Every slot has the key of a seed of zeroes.
    assert_ne!(lab.read_guest(5, page::SPARE), text);
    let zeroes = lab.read_guest(5, page::SPARE);
    assert!((1..9).all(|asid| lab.read_guest(asid, page::SPARE) == zeroes));
    lab.machine.memory().install_key(crate::Asid::new(5), &[0; 32]).unwrap();
    assert_eq!(lab.read_guest(5, page::SPARE), zeroes);

    assert_eq!(status(&lab), PlatformStatus { is_rmp_init: true, ..expected });
    // The RMP is still there, and X86_SNP_SHUTDOWN ends it, too. In UNINIT a shutdown does nothing.
    let before = lab.snapshot();
    lab.issue(SnpShutdownEx { len: 8, flags: 3 }).unwrap();
    assert!(lab.snapshot() == before);
    lab.issue(SnpInitEx::default()).unwrap();
    lab.issue(SnpShutdownEx { len: 8, flags: 3 }).unwrap();
    lab.refuse(SnpInitEx::default(), Status::RMP_INIT_REQUIRED);
    assert_eq!(status(&lab), expected);
    lab.issue(SnpInitEx { flags: 1, ..SnpInitEx::default() }).unwrap();
    assert_eq!(lab.entry(page::OUT).state(), PageState::Hypervisor);
}

#[test]
fn init_fills_the_rmp() {
    let lab = Lab::uninit(Product::Genoa);
    let list = |ranges: &[(u64, u32, u32)], reserved: u32| {
        let mut bytes = std::vec::Vec::from((ranges.len() as u32).to_le_bytes());
        bytes.extend(reserved.to_le_bytes());
        for (base, pages, reserved) in ranges {
            bytes.extend(base.to_le_bytes());
            bytes.extend(pages.to_le_bytes());
            bytes.extend(reserved.to_le_bytes());
        }
        lab.write(page::HOST, &bytes);
    };
    let init = SnpInitEx { flags: 3, list_paddr: page::HOST, max_snp_asid: 0 };
    // Lists that are none.
    for (ranges, reserved, status) in [
        (&[(0x20_0000, 1, 0)][..], 1, Status::INVALID_PARAM),
        (&[(0x20_0000, 1, 1)], 0, Status::INVALID_PARAM),
        (&[(0x20_0800, 1, 0)], 0, Status::INVALID_PARAM),
        (&[(0xffff_ffff_ffff_f000, 2, 0)], 0, Status::INVALID_ADDRESS),
    ] {
        list(ranges, reserved);
        lab.refuse(init, status);
    }
    for (list_paddr, status) in
        [(page::HOST + 0xffc, Status::INVALID_PARAM), (OUTSIDE, Status::INVALID_ADDRESS)]
    {
        lab.refuse(SnpInitEx { list_paddr, ..init }, status);
    }
    // More ranges than fit behind the head.
    list(&[(0x20_0000, 1, 0)], 0);
    lab.write(page::HOST, &256_u32.to_le_bytes());
    lab.refuse(init, Status::INVALID_PARAM);
    lab.write(page::HOST, &u32::MAX.to_le_bytes());
    lab.refuse(init, Status::INVALID_PARAM);

    list(&[(0x20_0000, 3, 0), (0x40_1000, 1, 0)], 0);
    lab.issue(init).unwrap();
    for (spa, state) in [
        (0x1f_f000, PageState::Hypervisor),
        (0x20_0000, PageState::HvFixed),
        (0x20_2000, PageState::HvFixed),
        (0x20_3000, PageState::Hypervisor),
        (0x40_1000, PageState::HvFixed),
        (0x40_2000, PageState::Hypervisor),
        (0xa_0000, PageState::HvFixed),
        (DRAM - 0x1000, PageState::Hypervisor),
    ] {
        assert_eq!(lab.entry(spa).state(), state, "{spa:#x}");
    }
    assert_eq!(lab.machine.lock().snp.max_snp_asid, MIN_SEV_ASID - 1);
}

#[test]
fn init_refusals() {
    let lab = Lab::uninit(Product::Genoa);
    lab.refuse_reserved(&SnpInitEx::default());
    let init = SnpInitEx::default();
    for (flags, max_snp_asid, status) in [
        (1 << 5, 0, Status::INVALID_PARAM),
        (1 << 31, 0, Status::INVALID_PARAM),
        (1, 1, Status::INVALID_PARAM),
        (1 | 1 << 4, 0, Status::UNSUPPORTED),
        (1 | 1 << 3, 1, Status::UNSUPPORTED),
        (1 | 1 << 4 | 1 << 5, 0, Status::INVALID_PARAM),
        (0, 0, Status::RMP_INIT_REQUIRED),
    ] {
        lab.refuse(SnpInitEx { flags, max_snp_asid, ..init }, status);
    }
    lab.issue(SnpInit {}).unwrap();
    // Reserved bits before the state, the state before the rest.
    lab.refuse(SnpInitEx { flags: 1 << 5, ..init }, Status::INVALID_PARAM);
    lab.refuse(SnpInitEx { flags: 1 << 4, ..init }, Status::INVALID_PLATFORM_STATE);
    for (len, flags) in [(0, 0), (4, 0), (16, 0), (8, 4), (8, 1 << 31)] {
        lab.refuse(SnpShutdownEx { len, flags }, Status::INVALID_PARAM);
    }
}

/// Turin can hide ciphertext, and has fewer ASIDs for SNP then.
#[test]
fn ciphertext_hiding() {
    let lab = Lab::uninit(Product::Turin);
    let init = SnpInitEx { flags: 1 | 1 << 2 | 1 << 3, list_paddr: 0, max_snp_asid: 3 };
    for max_snp_asid in [0, MIN_SEV_ASID as u16, u16::MAX] {
        lab.refuse(SnpInitEx { max_snp_asid, ..init }, Status::INVALID_PARAM);
    }
    lab.issue(init).unwrap();
    lab.firmware(page::OUT);
    let found = status(&lab);
    assert!(found.ciphertext_hiding_cap && found.ciphertext_hiding_en && found.rapl_dis);
    // Policies that want it.
    lab.launch(page::GUEST, 0x183_0000, 0, None);
    lab.refuse(SnpActivate { gctx_paddr: page::GUEST, asid: 4 }, Status::INVALID_ASID);
    lab.issue(SnpActivate { gctx_paddr: page::GUEST, asid: 3 }).unwrap();
    lab.load(page::GUEST, 3, page::SPARE, 0x1000, 1 << 1, &[5; PAGE]);
    let mut seen = [0; PAGE];
    lab.machine.host_read(crate::PhysAddr::new(page::SPARE).unwrap(), &mut seen).unwrap();
    assert_eq!(seen, [0xff; PAGE]);
    assert_eq!(lab.machine.lock().platform_info().0 & 0x3f, 0b11_1101);
}

/// Before SNP_INIT, every command on guests is refused, after its reserved bits.
#[test]
fn nothing_before_init() {
    let lab = Lab::uninit(Product::Genoa);
    let (ok, bad) = (page::GUEST, page::GUEST + 1);
    #[allow(clippy::needless_update, reason = "some commands have no more fields")]
    {
        macro_rules! refused {
        ($($command:ident { $($field:ident: $value:expr),* }, $address:ident;)+) => {$(
            let command = $command { $($field: $value,)* ..Default::default() };
            lab.refuse(command, Status::INVALID_PLATFORM_STATE);
            lab.refuse($command { $address: bad, ..command }, Status::INVALID_PARAM);
            lab.refuse_reserved(&command);
        )+};
    }
        refused! {
            SnpGctxCreate { gctx_paddr: ok }, gctx_paddr;
            SnpActivate { gctx_paddr: OUTSIDE }, gctx_paddr;
            SnpActivateEx { len: 0x20, numids: 1, gctx_paddr: OUTSIDE }, gctx_paddr;
            SnpDecommission { gctx_paddr: OUTSIDE }, gctx_paddr;
            SnpGuestStatus { gctx_paddr: OUTSIDE }, gctx_paddr;
            SnpLaunchStart { gctx_paddr: OUTSIDE }, ma_gctx_paddr;
            SnpLaunchUpdate { gctx_paddr: OUTSIDE }, page_paddr;
            SnpLaunchFinish { gctx_paddr: OUTSIDE }, gctx_paddr;
            SnpDbgDecrypt { gctx_paddr: OUTSIDE }, dst_paddr;
            SnpDbgEncrypt { gctx_paddr: OUTSIDE }, src_paddr;
        }
    }
    lab.refuse(SnpDfFlush {}, Status::INVALID_PLATFORM_STATE);
    let vlek = SnpVlekLoad { len: 0x10, vlek_wrapped_paddr: OUTSIDE, ..SnpVlekLoad::default() };
    lab.refuse(vlek, Status::INVALID_PLATFORM_STATE);
    let normal = crate::image::PageType::Normal;
    let pages = [(ok, crate::PageSize::Size4K)];
    let error = lab.machine.launch_update_pages(ok, &pages, normal, Backend::best()).unwrap_err();
    assert_eq!((error.index, error.status), (0, Status::INVALID_PLATFORM_STATE));
    lab.refuse(update(OUTSIDE, 0), Status::INVALID_PLATFORM_STATE);
}

#[test]
fn places_of_answers() {
    let lab = Lab::full();
    for (paddr, status) in [
        (page::OUT + 0xff1, Status::INVALID_PARAM),
        (OUTSIDE + 0xff1, Status::INVALID_PARAM),
        (OUTSIDE, Status::INVALID_ADDRESS),
        (u64::MAX - 0x1f, Status::INVALID_ADDRESS),
        (page::HOST, Status::INVALID_PAGE_STATE),
        (page::INIT, Status::INVALID_PAGE_STATE),
        (page::PRE_GUEST, Status::INVALID_PAGE_STATE),
        (page::GUEST_VALID, Status::INVALID_PAGE_STATE),
    ] {
        lab.refuse(SnpPlatformStatus { status_paddr: paddr }, status);
        lab.refuse(SnpFeatureInfo { len: 16, ecx_in: 0, feature_info_paddr: paddr }, status);
    }
    // Before SNP_INIT nobody asks the RMP.
    let lab = Lab::uninit(Product::Genoa);
    lab.issue(SnpPlatformStatus { status_paddr: page::HOST }).unwrap();
    lab.refuse(SnpPlatformStatus { status_paddr: OUTSIDE }, Status::INVALID_ADDRESS);
}

#[test]
fn features() {
    let lab = Lab::full();
    for (ecx_in, registers) in [(0, [1, 1, 0b11_0111, 0]), (1, [0x1ff, 0, 0, 0_u32])] {
        lab.issue(SnpFeatureInfo { len: 16, ecx_in, feature_info_paddr: page::OUT + 0xff0 })
            .unwrap();
        assert_eq!(
            lab.read::<16>(page::OUT + 0xff0),
            registers.map(u32::to_le_bytes).as_flattened()
        );
    }
    for (len, ecx_in) in [(8, 0), (16, 2), (16, u32::MAX)] {
        lab.refuse(
            SnpFeatureInfo { len, ecx_in, feature_info_paddr: OUTSIDE },
            Status::INVALID_PARAM,
        );
    }
    let turin = Lab::uninit(Product::Turin);
    turin.issue(SnpFeatureInfo { len: 16, ecx_in: 0, feature_info_paddr: page::OUT }).unwrap();
    assert_eq!(turin.read::<12>(page::OUT)[8..], [0b11_1111, 0, 0, 0]);
}

fn config(reported_tcb: [u8; 8], flags: u32) -> SnpConfig {
    SnpConfig { reported_tcb, flags }
}

#[test]
fn configuration() {
    let lab = Lab::full();
    lab.refuse_reserved(&SnpConfig::default());
    for (tcb, flags) in [
        (FIRST, 4),
        (FIRST, 1 << 31),
        ([3, 0, 0, 0, 0, 0, 8, 116], 0),
        ([3, 0, 0, 0, 0, 0, 9, 0], 0),
        ([3, 1, 0, 0, 0, 0, 0, 0], 0),
        ([4, 0, 0, 0, 0, 0, 0, 0], 0),
        ([3, 0, 1, 0, 0, 0, 8, 115], 0),
        ([2, 0, 0, 0, 0, 1, 8, 115], 0),
    ] {
        lab.refuse(config(tcb, flags), Status::INVALID_PARAM);
    }
    // The first component that differs decides: what comes behind it may be newer.
    let secret = ChipSecret::new(&[7; 48]);
    for (bytes, flags) in [
        (FIRST, 0),
        ([3, 0, 0, 0, 0, 0, 8, 0x44], 1),
        ([2, 9, 0, 0, 0, 0, 200, 200], 2),
        ([0, 0, 0, 0, 0, 0, 0, 1], 3),
    ] {
        lab.issue(config(bytes, flags)).unwrap();
        let found = status(&lab);
        assert_eq!(found.reported_tcb, tcb(bytes));
        assert_eq!((found.mask_chip_id, found.mask_chip_key), (flags & 1 != 0, flags & 2 != 0));
        let sticks = HashSticks::new(&secret, tcb(bytes));
        let vcek = PrivateKey::vcek(sticks.stick_7()).signing_key().verifying_key();
        assert_eq!(lab.machine.lock().versions.vcek.verifying_key(), vcek);
    }
    lab.issue(config([0; 8], 0)).unwrap();
    assert_eq!(status(&lab).reported_tcb, tcb(FIRST));
}

/// Turin's components stand in other places.
#[test]
fn configuration_of_turin() {
    let lab = Lab::uninit(Product::Turin);
    assert_eq!(status(&lab).current_tcb, tcb([1, 3, 0, 8, 0, 0, 0, 115]));
    for refused in [[1, 3, 0, 9, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0, 0, 0], [1, 3, 0, 8, 1, 0, 0, 0]] {
        lab.refuse(config(refused, 0), Status::INVALID_PARAM);
    }
    lab.issue(config([1, 2, 7, 9, 0, 0, 0, 0], 0)).unwrap();
}

fn download(lab: &Lab, image: &[u8], commit: bool) -> SnpDownloadFirmwareEx {
    lab.write(page::SPARE, image);
    SnpDownloadFirmwareEx {
        len: 0x20,
        fw_paddr: page::SPARE,
        fw_len: image.len() as u32,
        flags: commit.into(),
    }
}

#[test]
fn other_firmware() {
    let lab = Lab::full();
    let version = FirmwareVersion { major: 1, minor: 56, build: 0 };
    let newer = [3, 0, 0, 0, 0, 0, 9, 116];
    let image = FirmwareImage { version, tcb: tcb(newer) };
    let vcek = lab.machine.lock().versions.vcek.verifying_key();

    // Provisional: CURRENT moves, nothing else does. Guests go on.
    lab.issue(download(&lab, &image.to_bytes(), false)).unwrap();
    let found = lab.machine.versions();
    assert_eq!((found.current, found.current_tcb), (version, tcb(newer)));
    assert_eq!((found.committed_tcb, found.reported_tcb), (tcb(FIRST), tcb(FIRST)));
    assert_eq!(lab.machine.lock().versions.vcek.verifying_key(), vcek);
    lab.refuse(config(newer, 0), Status::INVALID_PARAM);
    // Back again, and forward; the committed version may be reported.
    let first = FirmwareImage { version: found.committed, tcb: tcb(FIRST) };
    lab.issue(download(&lab, &first.to_bytes(), false)).unwrap();
    assert_eq!(lab.machine.versions().current_tcb, tcb(FIRST));
    lab.issue(download(&lab, &image.to_bytes(), false)).unwrap();
    lab.issue(config([3, 0, 0, 0, 0, 0, 7, 0], 0)).unwrap();

    // SNP_COMMIT: no way back, and the new TCB is reported.
    for len in [0, 3, 5, 8] {
        lab.refuse(SnpCommit { len }, Status::INVALID_PARAM);
    }
    lab.issue(SnpCommit { len: 4 }).unwrap();
    let found = lab.machine.versions();
    assert_eq!((found.committed, found.committed_tcb), (version, tcb(newer)));
    assert_eq!(found.reported_tcb, tcb(newer));
    let sticks = HashSticks::new(&ChipSecret::new(&[7; 48]), tcb(newer));
    let expected = PrivateKey::vcek(sticks.stick_7()).signing_key().verifying_key();
    assert_eq!(lab.machine.lock().versions.vcek.verifying_key(), expected);
    lab.refuse(download(&lab, &first.to_bytes(), false), Status::BAD_SVN);

    // Both in one.
    let both = FirmwareImage { version, tcb: tcb([4, 0, 0, 0, 0, 0, 9, 116]) };
    lab.issue(download(&lab, &both.to_bytes(), true)).unwrap();
    assert_eq!(lab.machine.versions().reported_tcb, both.tcb);
}

#[test]
fn images_that_are_refused() {
    let lab = Lab::full();
    lab.refuse_reserved(&SnpDownloadFirmwareEx::default());
    let version = lab.machine.versions().current;
    let image = FirmwareImage { version, tcb: tcb(FIRST) };
    let older = FirmwareVersion { build: 24, ..version };
    let good = download(&lab, &image.to_bytes(), false);
    for (command, status) in [
        (SnpDownloadFirmwareEx { len: 0x18, fw_paddr: 1, ..good }, Status::INVALID_PARAM),
        (SnpDownloadFirmwareEx { flags: 2, fw_paddr: 1, ..good }, Status::INVALID_PARAM),
        (
            SnpDownloadFirmwareEx { fw_paddr: good.fw_paddr + 16, fw_len: 0, ..good },
            Status::INVALID_ADDRESS,
        ),
        (SnpDownloadFirmwareEx { fw_paddr: OUTSIDE, fw_len: 1, ..good }, Status::INVALID_ADDRESS),
        (SnpDownloadFirmwareEx { fw_len: u32::MAX, ..good }, Status::INVALID_ADDRESS),
        (SnpDownloadFirmwareEx { fw_len: 0x4f, ..good }, Status::INVALID_LENGTH),
        (SnpDownloadFirmwareEx { fw_len: 0x51, ..good }, Status::INVALID_LENGTH),
        (SnpDownloadFirmwareEx { fw_paddr: good.fw_paddr + 32, ..good }, Status::BAD_SIGNATURE),
    ] {
        lab.refuse(command, status);
    }
    let mut below = FIRST;
    below[6] -= 1;
    let reserved = [3, 0, 1, 0, 0, 0, 8, 115];
    for (image, status) in [
        (FirmwareImage { version: older, tcb: tcb(below) }, Status::BAD_SVN),
        (FirmwareImage { version, tcb: tcb(below) }, Status::BAD_SVN),
        (FirmwareImage { version, tcb: tcb([9, 0, 0, 0, 0, 0, 7, 200]) }, Status::BAD_SVN),
        (FirmwareImage { version, tcb: tcb(reserved) }, Status::BAD_SVN),
        (FirmwareImage { version: older, tcb: tcb(FIRST) }, Status::BAD_VERSION),
    ] {
        lab.refuse(download(&lab, &image.to_bytes(), true), status);
    }
    let mut changed = image.to_bytes();
    changed[0x4f] ^= 1;
    lab.refuse(download(&lab, &changed, true), Status::BAD_SIGNATURE);
    lab.issue(download(&lab, &image.to_bytes(), false)).unwrap();
}

#[test]
fn loaded_keys() {
    let lab = Lab::full();
    let provider = VlekSticks::from(&HashSticks::new(&ChipSecret::new(&[9; 48]), tcb(FIRST)));
    let chip = HashSticks::new(&ChipSecret::new(&[7; 48]), tcb(FIRST));
    let wrap = |sticks: &VlekSticks, version: [u8; 8]| {
        sticks.wrap(chip.stick_7(), tcb(version), &[1; 12], Backend::portable())
    };
    let load = SnpVlekLoad { len: 0x10, vlek_wrapped_version: 0, vlek_wrapped_paddr: page::SPARE };
    lab.refuse_reserved(&load);
    let mut other = FIRST;
    other[7] = 114;
    let mut changed = wrap(&provider, other);
    changed[20] ^= 1;
    lab.write(page::SPARE, &changed);
    for (command, status) in [
        (SnpVlekLoad { len: 0x18, vlek_wrapped_paddr: OUTSIDE, ..load }, Status::INVALID_PARAM),
        (
            SnpVlekLoad { vlek_wrapped_version: 1, vlek_wrapped_paddr: OUTSIDE, ..load },
            Status::INVALID_PARAM,
        ),
        (SnpVlekLoad { vlek_wrapped_paddr: OUTSIDE - 1, ..load }, Status::INVALID_PARAM),
        (SnpVlekLoad { vlek_wrapped_paddr: OUTSIDE, ..load }, Status::INVALID_ADDRESS),
        // Another TCB and not authentic: the TCB comes first.
        (load, Status::BAD_SVN),
    ] {
        lab.refuse(command, status);
    }
    let mut changed = wrap(&provider, FIRST);
    changed[20] ^= 1;
    lab.write(page::SPARE, &changed);
    lab.refuse(load, Status::BAD_MEASUREMENT);

    lab.write(page::SPARE, &wrap(&provider, FIRST));
    lab.issue(load).unwrap();
    assert!(status(&lab).vlek_en);
    {
        let state = lab.machine.lock();
        let vlek = state.snp.vlek.as_ref().unwrap();
        assert_eq!(vlek.sticks.stick_7().as_bytes(), provider.stick_7().as_bytes());
    }
    // It stays where another TCB is reported; new sticks have to be for that.
    lab.issue(config([3, 0, 0, 0, 0, 0, 8, 114], 0)).unwrap();
    assert!(status(&lab).vlek_en);
    lab.refuse(load, Status::BAD_SVN);
    lab.issue(config([0; 8], 0)).unwrap();

    // Sticks of zeroes take it away.
    let none =
        VlekSticks::new(core::array::from_fn(|_| crate::snp::keys::HashStick::new(&[0; 48])));
    lab.write(page::SPARE, &wrap(&none, FIRST));
    lab.issue(load).unwrap();
    assert!(!status(&lab).vlek_en);
}

/// A shutdown forgets the VLEK, and SNP_INIT what SNP_CONFIG has set.
#[test]
fn what_is_forgotten() {
    let lab = Lab::new();
    lab.firmware(page::OUT);
    let provider = VlekSticks::from(&HashSticks::new(&ChipSecret::new(&[9; 48]), tcb(FIRST)));
    let chip = HashSticks::new(&ChipSecret::new(&[7; 48]), tcb(FIRST));
    let blob = provider.wrap(chip.stick_7(), tcb(FIRST), &[1; 12], Backend::portable());
    lab.write(page::SPARE, &blob);
    lab.issue(SnpVlekLoad { len: 0x10, vlek_wrapped_version: 0, vlek_wrapped_paddr: page::SPARE })
        .unwrap();
    lab.issue(SnpShutdown {}).unwrap();
    assert!(!status(&lab).vlek_en);
    lab.issue(config([3, 0, 0, 0, 0, 0, 7, 0], 3)).unwrap();
    lab.issue(SnpInit {}).unwrap();
    lab.assign(page::OUT, PageAssignment::FIRMWARE);
    let found = status(&lab);
    assert_eq!(found.reported_tcb, tcb(FIRST));
    assert!(!found.mask_chip_id && !found.mask_chip_key);
    let vcek = PrivateKey::vcek(chip.stick_7()).signing_key().verifying_key();
    assert_eq!(lab.machine.lock().versions.vcek.verifying_key(), vcek);
}

/// Every reserved bit of a field that a command looks at, one by one.
#[test]
fn reserved_bits() {
    let lab = Lab::full();
    let before = lab.snapshot();
    let check = |id: CommandId, good: &[u8], at: usize, reserved: u64| {
        for bit in (0..64).filter(|bit| reserved >> bit & 1 == 1) {
            let mut buffer = good.to_vec();
            buffer[at + bit / 8] ^= 1 << (bit % 8);
            let status = lab.machine.command(id, &mut buffer);
            assert_eq!(status, Status::INVALID_PARAM, "{id:?}: bit {bit} at {at:#x}");
        }
    };
    let with_len = |len: u8, size: usize| {
        let mut buffer = std::vec![0; size];
        buffer[0] = len;
        buffer
    };
    const PAGE_BITS: u64 = 0xfff;
    check(SnpInitEx::ID, &[0; SnpInitEx::LEN], 0, 0xffff_ffe0);
    check(SnpShutdownEx::ID, &with_len(8, SnpShutdownEx::LEN), 4, 0xffff_fffc);
    check(SnpDecommission::ID, &[0; SnpDecommission::LEN], 0, PAGE_BITS);
    check(SnpActivate::ID, &[0; SnpActivate::LEN], 0, PAGE_BITS);
    check(SnpGctxCreate::ID, &[0; SnpGctxCreate::LEN], 0, PAGE_BITS);
    check(SnpLaunchStart::ID, &[0; SnpLaunchStart::LEN], 0, PAGE_BITS);
    check(SnpLaunchStart::ID, &[0; SnpLaunchStart::LEN], 0x18, 0xffff_fffc);
    check(SnpLaunchUpdate::ID, &[0; SnpLaunchUpdate::LEN], 8, 0xffff_ffe0);
    check(SnpLaunchUpdate::ID, &[0; SnpLaunchUpdate::LEN], 0x18, 0xff);
    check(SnpLaunchFinish::ID, &[0; SnpLaunchFinish::LEN], 0x18, !7);
    check(SnpPageSwapOut::ID, &[0; SnpPageSwapOut::LEN], 0x28, !0x17);
    check(SnpPageSwapIn::ID, &[0; SnpPageSwapIn::LEN], 0x28, !0x1f);
    check(SnpPageMove::ID, &[0; SnpPageMove::LEN], 8, 0xffff_fffe);
    check(SnpPageReclaim::ID, &[0; SnpPageReclaim::LEN], 0, 0xffe);
    check(SnpPageUnsmash::ID, &[0; SnpPageUnsmash::LEN], 0, 0x1f_ffff);
    check(SnpConfig::ID, &[0; SnpConfig::LEN], 8, 0xffff_fffc);
    let download = with_len(0x20, SnpDownloadFirmwareEx::LEN);
    check(SnpDownloadFirmwareEx::ID, &download, 0x14, 0xffff_fffe);
    assert!(lab.snapshot() == before);
}
