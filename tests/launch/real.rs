//! Real images: `vectors/real.toml` says where they come from.

use sevcrypt::image::Ovmf;
use sevcrypt::image::ovmf::{Area, SectionKind};

use crate::{real_image, sections};

const SEC_MEM: SectionKind = SectionKind::SecMem;

#[test]
fn amd_sev() {
    let Some(bytes) = real_image("amd_sev", "ovmf_AmdSev_suffix.bin") else { return };
    let image = Ovmf::parse(&bytes).unwrap();
    assert_eq!(image.gpa().get(), 0xffff_f000);
    assert_eq!(image.reset_eip(), Some(0x80_b004));
    assert_eq!(image.hash_table(), Some(Area { base: 0x81_0c00, size: 0x400 }));
    assert_eq!(image.secret_area(), Some(Area { base: 0x81_0000, size: 0xc00 }));
    assert_eq!(image.svsm_launch_offset(), None);
    let expected = [
        (0x80_0000, 0x9000, SEC_MEM),
        (0x80_a000, 0x3000, SEC_MEM),
        (0x80_d000, 0x1000, SectionKind::Secrets),
        (0x80_e000, 0x1000, SectionKind::Cpuid),
        (0x80_f000, 0x1000, SectionKind::SvsmCaa),
        (0x81_0000, 0x1000, SectionKind::KernelHashes),
        (0x81_1000, 0xf000, SEC_MEM),
    ];
    assert_eq!(sections(&image), Some(expected.to_vec()));
}

#[test]
fn before_snp() {
    let Some(bytes) = real_image("before_snp", "ovmf_amdsev_el9_20220126_suffix.bin") else {
        return;
    };
    let image = Ovmf::parse(&bytes).unwrap();
    assert_eq!((image.gpa().get(), image.reset_eip()), (0xffff_f000, Some(0x80_b004)));
    assert_eq!(image.hash_table(), Some(Area { base: 0x80_cc00, size: 0x400 }));
    assert_eq!(image.secret_area(), Some(Area { base: 0x80_c000, size: 0xc00 }));
    assert_eq!(sections(&image), None);
}

#[test]
fn for_an_svsm() {
    let Some(bytes) = real_image("for_an_svsm", "svsm_ovmf.fd") else { return };
    let image = Ovmf::parse(&bytes).unwrap();
    assert_eq!((image.gpa().get(), image.reset_eip()), (0xffc8_4000, Some(0x80_b004)));
    assert_eq!(image.hash_table(), Some(Area { base: 0, size: 0 }));
    assert_eq!(image.secret_area(), Some(Area { base: 0, size: 0 }));
    let expected = [
        (0x80_0000, 0x9000, SEC_MEM),
        (0x80_a000, 0x3000, SEC_MEM),
        (0x80_d000, 0x1000, SectionKind::Secrets),
        (0x80_e000, 0x1000, SectionKind::Cpuid),
        (0x80_f000, 0x1000, SectionKind::SvsmCaa),
        (0x81_0000, 0x10000, SEC_MEM),
    ];
    assert_eq!(sections(&image), Some(expected.to_vec()));
}

#[test]
fn an_svsm() {
    let Some(bytes) = real_image("an_svsm", "svsm.bin") else { return };
    let image = Ovmf::parse(&bytes).unwrap();
    assert_eq!((image.reset_eip(), image.svsm_launch_offset()), (Some(0xffff_fff0), Some(0)));
    assert_eq!(image.hash_table(), None);
    let expected = [
        (0, 0x9e000, SEC_MEM),
        (0x9e000, 0x1000, SectionKind::Secrets),
        (0x9f000, 0x1000, SectionKind::Cpuid),
    ];
    assert_eq!(sections(&image), Some(expected.to_vec()));
}
