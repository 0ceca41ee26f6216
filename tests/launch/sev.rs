//! Launch digests of SEV and SEV-ES.

use proptest::prelude::*;
use sevcrypt::image::{
    CpuSignature, Digest, Generation, KernelHashes, Launch, Origin, Ovmf, PageType, Profile, Step,
};
use sevcrypt::sev::launch::{DataLengthError, LaunchDigest, measure};
use sevcrypt::vmsa::SevFeatures;
use sevcrypt::{Backend, Hex, Page, Status};
use sha2::{Digest as _, Sha256};

use crate::builder::Image;
use crate::order::CPU;
use crate::real_image;

/// QEMU's EPYC-v4, and EPYC-Milan.
const NAPLES: CpuSignature = CpuSignature(0x0080_0f12);
const MILAN: CpuSignature = CpuSignature(0x00a0_0f11);

/// Bytes that SHA-256 makes of a seed.
fn made(seed: &str, size: usize) -> Vec<u8> {
    let blocks =
        (0..).flat_map(|number| <[u8; 32]>::from(Sha256::digest(format!("{seed}{number}"))));
    blocks.take(size).collect()
}

/// The worked example.
#[test]
fn known_answer() {
    let page: Page = std::array::from_fn(|at| at as u8);
    let mut digest = LaunchDigest::new();
    digest.update_data(&page).unwrap();
    digest.update_data(&page[..64]).unwrap();
    let expected = "d35340b57032d6b88d70e03567857ab00024d096b39b20c392dd1c6a67669b52";
    assert_eq!(Hex(&digest.digest()).to_string(), expected);
    // Whether it is data or a save area does not count.
    let mut digest = LaunchDigest::default();
    digest.update_vmsa(&page);
    digest.update_data(&page[..48]).unwrap();
    digest.update_data(&page[48..64]).unwrap();
    assert_eq!(Hex(&digest.digest()).to_string(), expected);
}

#[test]
fn lengths() {
    let data = [5; 4097];
    for len in 0..=data.len() {
        let mut digest = LaunchDigest::new();
        let before = digest.digest();
        let result = digest.update_data(&data[..len]);
        let is_good = len != 0 && len % 16 == 0;
        assert_eq!(result, if is_good { Ok(()) } else { Err(DataLengthError { len }) });
        assert_eq!(digest.digest() == before, !is_good);
    }
    let error = DataLengthError { len: 0 };
    assert_eq!(error.to_string(), "0 bytes of data: expected a multiple of 16 above 0");
    assert_eq!(error.status(), Status::INVALID_LENGTH);
}

/// Only the features that are SEV-ES's own count, and only for save areas.
#[test]
fn features() {
    let bytes = Image::ovmf(0x1000).build();
    let debug_swap = SevFeatures(0x20);
    let mut plain = Launch::new(Ovmf::parse(&bytes).unwrap(), MILAN, &Profile::QEMU);
    plain.vcpus = 2;
    let mut swapped = plain.clone();
    swapped.sev_es_features = debug_swap;
    let digest = |launch, generation| measure(launch, generation, &mut |_| ()).unwrap();

    let mut expected = LaunchDigest::new();
    expected.update_data(&bytes).unwrap();
    for (eip, is_bsp) in [(Profile::RESET_VECTOR, true), (0x80_b004, false)] {
        expected.update_vmsa(Profile::QEMU.vmsa(eip, is_bsp, MILAN, debug_swap).as_bytes());
    }
    assert_eq!(digest(&swapped, Generation::SevEs), expected.digest());
    assert_ne!(digest(&swapped, Generation::SevEs), digest(&plain, Generation::SevEs));
    assert_eq!(digest(&swapped, Generation::Sev), digest(&plain, Generation::Sev));

    let snp = |launch| sevcrypt::snp::launch::measure(launch, Backend::best(), &mut |_| ());
    assert_eq!(snp(&swapped), snp(&plain));
    let mut other = plain.clone();
    other.features = debug_swap;
    assert_eq!(digest(&other, Generation::SevEs), digest(&plain, Generation::SevEs));
    assert_ne!(other, plain);
    assert_ne!(swapped, plain);
}

/// Digests that tools published, and some that sev-snp-measure 0.0.13 computed.
#[test]
fn real_firmware() {
    let Some(bytes) = real_image("real_firmware", "ovmf_AmdSev_suffix.bin") else { return };
    let firmware = Ovmf::parse(&bytes).unwrap();
    let empty = |command_line: &str| KernelHashes::new(b"", b"", command_line.as_bytes());
    let (kernel_a, initrd_a) = (made("kernel a ", 5000), made("initrd a ", 12345));
    let a = |initrd: &[u8]| KernelHashes::new(&kernel_a, initrd, b"x");
    use Generation::{Sev, SevEs};
    for (generation, vcpus, cpu, kernel, expected) in [
        (
            Sev,
            1,
            NAPLES,
            empty("console=ttyS0 loglevel=7"),
            "82a3ee5d537c3620628270c292ae30cb40c3c878666a7890ee7ef2a08fb535ff",
        ),
        (
            Sev,
            1,
            NAPLES,
            empty(""),
            "77f613d7bbcdf12a73782ea9e88b0172aeda50d1a54201cb903594ff52846898",
        ),
        // Neither the number of vCPUs nor what they are counts.
        (
            Sev,
            9,
            MILAN,
            empty(""),
            "77f613d7bbcdf12a73782ea9e88b0172aeda50d1a54201cb903594ff52846898",
        ),
        (Sev, 1, MILAN, a(b""), "5223e9fe1a58431faec3280066cabec90c38fdee5084ca5143a97c6e544ca90d"),
        (
            SevEs,
            1,
            NAPLES,
            empty(""),
            "13810ae661ea11e2bb205621f582fee268f0367c8f97bc297b7fadef3e12002c",
        ),
        (
            SevEs,
            4,
            NAPLES,
            empty(""),
            "0dccbcaba8e90b261bd0d2e1863a2f9da714768b7b2a19363cd6ae35aa90de91",
        ),
        (
            SevEs,
            2,
            MILAN,
            a(&initrd_a),
            "99da3ca4436e1644b45a7681b3fef341715ae90c80753d3cd349096b5ea45bff",
        ),
    ] {
        let mut launch = Launch::new(firmware, cpu, &Profile::QEMU);
        launch.kernel = Some(kernel);
        launch.vcpus = vcpus;
        // Measured under SEV-SNP only.
        launch.features = SevFeatures(0x21);
        let digest = measure(&launch, generation, &mut |_| ()).unwrap();
        assert_eq!(Hex(&digest).to_string(), expected);
    }
}

/// The same of an older build, computed with sev-snp-measure 0.0.13.
#[test]
fn real_firmware_before_snp() {
    let file = "ovmf_amdsev_el9_20220126_suffix.bin";
    let Some(bytes) = real_image("real_firmware_before_snp", file) else { return };
    let firmware = Ovmf::parse(&bytes).unwrap();
    let mut launch = Launch::new(firmware, MILAN, &Profile::QEMU);
    launch.vcpus = 3;
    let mut with_kernel = launch.clone();
    with_kernel.kernel = Some(KernelHashes::new(b"", b"", b""));
    use Generation::{Sev, SevEs};
    for (launch, generation, expected) in [
        // Nothing but the image.
        (&launch, Sev, "2f6fc6065f4abc131eb4fb2b5090a542636eae84a94c0db0fdd5f405cb372ff5"),
        (&launch, SevEs, "8d81c6f9fbeb9f178a0820c9dc9087886de559af32d1d0c6becfe9555b9b5376"),
        (&with_kernel, SevEs, "8bf0f2ff77713d18a87da1ae7adab4a023afcf90988c15d12f3f808a13cf1392"),
    ] {
        let digest = measure(launch, generation, &mut |_| ()).unwrap();
        assert_eq!(Hex(&digest).to_string(), expected);
    }
}

#[test]
fn steps() {
    let bytes = Image::ovmf(0x3000).build();
    let hashes = KernelHashes::new(b"k", b"i", b"c");
    let mut launch = Launch::new(Ovmf::parse(&bytes).unwrap(), CPU, &Profile::QEMU);
    launch.kernel = Some(hashes);
    launch.vcpus = 2;
    let areas = [(0xffff_fff0, true), (0x80_b004, false)]
        .map(|(eip, is_bsp)| Profile::QEMU.vmsa(eip, is_bsp, CPU, SevFeatures(0)));
    let pieces: [(&[u8], _, _, _); 4] = [
        (&bytes, 0xffff_d000, PageType::Normal, Origin::Firmware { offset: 0 }),
        (&hashes.table(), 0x81_0c00, PageType::Normal, Origin::KernelHashes),
        (areas[0].as_bytes(), 0xffff_ffff_f000, PageType::Vmsa, Origin::Vcpu(0)),
        (areas[1].as_bytes(), 0xffff_ffff_f000, PageType::Vmsa, Origin::Vcpu(1)),
    ];
    let sha256 = |bytes: &[u8]| Digest::Sha256(Sha256::digest(bytes).into());
    let mut so_far = Vec::new();
    let expected = pieces.map(|(piece, gpa, page_type, origin)| {
        so_far.extend_from_slice(piece);
        let (length, gpa) = (piece.len() as u64, gpa.try_into().unwrap());
        Step::new(gpa, length, page_type, sha256(piece), sha256(&so_far), origin)
    });
    let mut found = Vec::new();
    let digest = measure(&launch, Generation::SevEs, &mut |step| found.push(*step)).unwrap();
    assert_eq!(found, expected);
    assert_eq!(Digest::Sha256(digest), expected[3].after);
}

proptest! {
    /// How the bytes are cut into updates does not count.
    #[test]
    fn cuts(data in proptest::collection::vec(any::<[u8; 16]>(), 1..40), cut in 1..39_usize) {
        let data = data.as_flattened();
        let mut digest = LaunchDigest::new();
        for piece in data.chunks(16 * cut) {
            digest.update_data(piece).unwrap();
        }
        prop_assert_eq!(digest.digest(), <[u8; 32]>::from(Sha256::digest(data)));
    }
}
