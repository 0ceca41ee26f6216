//! Each part that does not fit to the others, on its own. Nothing is shown then.

use sevcrypt::image::ovmf::{Area, Section, SectionKind};
use sevcrypt::image::{
    Generation, KernelHashes, Launch, LaunchError, Ovmf, PageType, Profile, Svsm,
};
use sevcrypt::{GuestPhysAddr, sev};

use crate::builder::{HASH_TABLE, Image, RESET_BLOCK, SVSM_INFO, words};
use crate::order::CPU;

use Generation::{Sev, SevEs, Snp};

const ALL: [Generation; 3] = [Sev, SevEs, Snp];

/// These generations refuse it, the other ones do not.
#[track_caller]
fn refused_by(generations: &[Generation], launch: &Launch<'_>, expected: LaunchError, text: &str) {
    assert_eq!(expected.to_string(), text);
    for generation in ALL {
        let mut count = 0;
        let result = launch.updates(generation, &mut |_| count += 1);
        if generations.contains(&generation) {
            assert_eq!((result, count), (Err(expected), 0), "{generation}");
        } else {
            assert!(result.is_ok() && count > 0, "{generation}: {result:?}");
        }
        if generation != Snp {
            let measured = sev::launch::measure(launch, generation, &mut |_| count -= 1);
            assert_eq!((measured.map(drop), count), (result, 0), "{generation}");
        }
    }
}

fn launch(image: &[u8]) -> Launch<'_> {
    Launch::new(Ovmf::parse(image).unwrap(), CPU, &Profile::QEMU)
}

fn with_kernel(image: &[u8]) -> Launch<'_> {
    let mut launch = launch(image);
    launch.kernel = Some(KernelHashes::new(b"k", b"", b""));
    launch
}

#[test]
fn vcpus() {
    let bytes = Image::ovmf(0x1000).build();
    let with = |vcpus| {
        let mut launch = launch(&bytes);
        launch.vcpus = vcpus;
        launch
    };
    let text = "a guest has one vCPU at least: found 0";
    refused_by(&ALL, &with(0), LaunchError::NoVcpus, text);
    for found in [4097, u32::MAX] {
        let text = format!("{found} vCPUs: expected at most 4096");
        refused_by(&ALL, &with(found), LaunchError::TooManyVcpus { found }, &text);
    }
    let mut count = 0;
    with(4096).updates(Snp, &mut |_| count += 1).unwrap();
    assert_eq!(count, 7 + 4096);
}

#[test]
fn no_reset_block() {
    let bytes = Image::new(0x1000).sections(&[]).build();
    let mut bad = launch(&bytes);
    bad.vcpus = 2;
    let text = "2 vCPUs: the firmware has no SEV-ES reset block, which says where those after the first begin";
    refused_by(&[SevEs, Snp], &bad, LaunchError::NoResetBlock { vcpus: 2 }, text);
    refused_by(&[], &launch(&bytes), LaunchError::NoVcpus, &LaunchError::NoVcpus.to_string());
}

#[test]
fn what_only_snp_has() {
    let bytes = Image::ovmf(0x1000).build();
    let mut bad = launch(&bytes);
    bad.firmware_digest = Some([1; 48]);
    for (found, name) in [(Sev, "SEV"), (SevEs, "SEV-ES")] {
        let error = bad.updates(found, &mut |_| panic!("shown")).unwrap_err();
        assert_eq!(error, LaunchError::FirmwareDigest { found });
        assert_eq!(
            error.to_string(),
            format!(
                "{name}: a digest in place of the firmware's pages is of use under SEV-SNP only"
            )
        );
    }
    bad.updates(Snp, &mut |_| ()).unwrap();
    let digests = [sevcrypt::hash::sha384(&bytes)];
    let mut bad = launch(&bytes);
    bad.firmware = Ovmf::parse_tail(&bytes, &digests).unwrap();
    let error = bad.updates(Sev, &mut |_| panic!("shown")).unwrap_err();
    assert_eq!(error, LaunchError::FirmwareDigest { found: Sev });
    bad.updates(Snp, &mut |_| ()).unwrap();

    let svsm = svsm_image().build();
    let bad = with_svsm(&bytes, &svsm);
    for (found, name) in [(Sev, "SEV"), (SevEs, "SEV-ES")] {
        let error = bad.updates(found, &mut |_| panic!("shown")).unwrap_err();
        assert_eq!(error, LaunchError::Svsm { found });
        assert_eq!(error.to_string(), format!("{name}: an SVSM runs under SEV-SNP only"));
    }
    bad.updates(Snp, &mut |_| ()).unwrap();
}

#[test]
fn the_other_digest() {
    let bytes = Image::ovmf(0x1000).build();
    let error = sev::launch::measure(&launch(&bytes), Snp, &mut |_| panic!("shown")).unwrap_err();
    assert_eq!(error, LaunchError::OtherGeneration { found: Snp });
    assert_eq!(error.to_string(), "SEV-SNP has a launch digest of another kind");
}

#[test]
fn no_place_for_a_kernel() {
    let section = [[0x81_0000, 0x1000, 0x10]];
    let bytes = Image::new(0x1000).sections(&section).build();
    let text = "the firmware has no place for a kernel's hashes: its table has no entry \"SEV hash table\"";
    refused_by(&ALL, &with_kernel(&bytes), LaunchError::NoHashTable, text);
    refused_by(&[], &launch(&bytes), LaunchError::NoHashTable, text);

    let bytes =
        Image::new(0x1000).entry(HASH_TABLE, &words(&[0, 0x400])).sections(&section).build();
    let text = "the firmware has no place for a kernel's hashes: the entry \"SEV hash table\" is 0";
    refused_by(&ALL, &with_kernel(&bytes), LaunchError::HashTableUnset, text);

    let firmware = GuestPhysAddr::new(0xffff_f000).unwrap();
    for (base, size) in
        [(0x81_0c00, 175), (0x81_0c00, 0), (0xffff_f000 - 175, 0x400), (u32::MAX, u32::MAX)]
    {
        let entry = words(&[base, size]);
        let bytes = Image::new(0x1000).entry(HASH_TABLE, &entry).sections(&section).build();
        let error = LaunchError::HashTableArea { area: Area { base, size }, firmware };
        let text = format!(
            "the firmware's place for a kernel's hashes is {size:#x} bytes from {base:#x}: expected 0xb0 at least, below 0xfffff000"
        );
        refused_by(&ALL, &with_kernel(&bytes), error, &text);
    }
    let entry = words(&[0xffff_f000 - 176, 176]);
    let bytes = Image::new(0x1000).entry(HASH_TABLE, &entry);
    let bytes = bytes.sections(&[[0xffff_e000, 0x1000, 0x10]]).build();
    refused_by(
        &[],
        &with_kernel(&bytes),
        LaunchError::NoHashTable,
        &LaunchError::NoHashTable.to_string(),
    );
}

#[test]
fn no_section_for_a_kernel() {
    let text = "the firmware cannot take a kernel under SEV-SNP: its metadata have no section SNP_KERNEL_HASHES";
    let image = Image::new(0x1000).entry(HASH_TABLE, &words(&[0x81_0c00, 0x400]));
    let without = image.clone().sections(&[[0x81_0000, 0x1000, 1]]);
    for image in [image, without] {
        refused_by(&[Snp], &with_kernel(&image.build()), LaunchError::NoHashSection, text);
    }
}

#[test]
fn hash_table_outside_its_section() {
    let gpa = GuestPhysAddr::new(0x81_0000).unwrap();
    let section = Section { gpa, size: 0x1000, kind: SectionKind::KernelHashes };
    for base in [0x80_ffff, 0x81_0000 + 4096 - 175, 0x81_1000, 0x1000, 0x82_0000] {
        let image = Image::new(0x1000).entry(HASH_TABLE, &words(&[base, 0x400]));
        let bytes = image.sections(&[[0x81_0000, 0x1000, 0x10]]).build();
        let error = LaunchError::HashTableOutside { base, section };
        let text = format!(
            "a kernel's hashes, 0xb0 bytes from {base:#x}, are outside of their section, 0x1000 bytes from 0x810000"
        );
        refused_by(&[Snp], &with_kernel(&bytes), error, &text);
    }
    // The table can be in one section only.
    let image = Image::new(0x1000).entry(HASH_TABLE, &words(&[0x81_0c00, 0x400]));
    let bytes = image.sections(&[[0x81_0000, 0x1000, 0x10], [0x82_0000, 0x1000, 0x10]]).build();
    let gpa = GuestPhysAddr::new(0x82_0000).unwrap();
    let error =
        LaunchError::HashTableOutside { base: 0x81_0c00, section: Section { gpa, ..section } };
    refused_by(&[Snp], &with_kernel(&bytes), error, &error.to_string());
}

fn svsm_image() -> Image {
    Image::new(0x2000).entry(SVSM_INFO, &words(&[0x1fff])).sections(&[[0, 0x1000, 1]])
}

fn with_svsm<'a>(image: &'a [u8], svsm: &'a [u8]) -> Launch<'a> {
    let image_of_svsm = Ovmf::parse(svsm).unwrap();
    let mut launch = launch(image);
    launch.svsm = Some(Svsm { image: image_of_svsm, vars_size: 0x1000 });
    launch
}

#[track_caller]
fn svsm_refused(launch: &Launch<'_>, expected: LaunchError, text: &str) {
    let error = launch.updates(Snp, &mut |_| panic!("shown")).unwrap_err();
    assert_eq!(error, expected);
    assert_eq!(error.to_string(), text);
}

#[test]
fn svsm() {
    let bytes = Image::ovmf(0x1000).build();
    let svsm = svsm_image().build();
    let good = with_svsm(&bytes, &svsm);
    good.updates(Snp, &mut |_| ()).unwrap();

    let mut bad = good.clone();
    bad.kernel = with_kernel(&bytes).kernel;
    let text = "a kernel cannot be measured beside an SVSM";
    svsm_refused(&bad, LaunchError::KernelWithSvsm, text);

    for found in [1, 0xfff, 0x1800, u64::MAX] {
        let mut bad = good.clone();
        bad.svsm.as_mut().unwrap().vars_size = found;
        let text = format!("OVMF's variables have {found} bytes: expected a multiple of 4096");
        svsm_refused(&bad, LaunchError::VarsSize { found }, &text);
    }
    for vars in [(1 << 32) - 0x2000, 1 << 32, u64::MAX - 4095] {
        let mut bad = good.clone();
        bad.svsm.as_mut().unwrap().vars_size = vars;
        let error = LaunchError::NoRoom { firmware: 0x1000, vars, svsm: 0x2000 };
        let text = format!(
            "firmware (4096 bytes), variables ({vars}) and SVSM (8192) do not fit below 4 GiB"
        );
        svsm_refused(&bad, error, &text);
    }

    let no_info = Image::new(0x1000).sections(&[]).build();
    let text =
        "the SVSM's image does not say where it begins: its table has no entry \"SVSM info\"";
    svsm_refused(&with_svsm(&bytes, &no_info), LaunchError::NoSvsmInfo, text);
    for offset in [0x1000, u32::MAX] {
        let outside = Image::new(0x1000).entry(SVSM_INFO, &words(&[offset])).sections(&[]).build();
        let text = format!("the SVSM begins at offset {offset:#x}: its image has 0x1000 bytes");
        let error = LaunchError::SvsmEntry { offset, len: 0x1000 };
        svsm_refused(&with_svsm(&bytes, &outside), error, &text);
    }
    let no_metadata = Image::new(0x1000).entry(SVSM_INFO, &words(&[0])).build();
    let text = "the SVSM's image has no SEV metadata";
    svsm_refused(&with_svsm(&bytes, &no_metadata), LaunchError::NoSvsmMetadata, text);
}

#[test]
fn sections_over_the_svsm() {
    let bytes = Image::ovmf(0x1000).build();
    // 0x1000 of firmware, 0x1000 of variables, 0x2000 of SVSM: from 0xffffc000 on.
    for (gpa, size) in [(0xffff_c000, 0x1000), (0xffff_b000, 0x2000), (0xfff0_0000, 0xf_d000)] {
        let image = Image::new(0x2000).entry(SVSM_INFO, &words(&[0]));
        let svsm = image.sections(&[[0, 0x1000, 2], [gpa, size, 1]]).build();
        let error = LaunchError::SvsmSection {
            number: 1,
            section: Section {
                gpa: GuestPhysAddr::new(gpa.into()).unwrap(),
                size,
                kind: SectionKind::SecMem,
            },
            svsm: GuestPhysAddr::new(0xffff_c000).unwrap(),
        };
        let text = format!(
            "section 1 of the SVSM, {size:#x} bytes from {gpa:#x}, reaches over 0xffffc000, where its image begins"
        );
        svsm_refused(&with_svsm(&bytes, &svsm), error, &text);
    }
    let image = Image::new(0x2000).entry(SVSM_INFO, &words(&[0]));
    let svsm = image.sections(&[[0xffff_b000, 0x1000, 1]]).build();
    with_svsm(&bytes, &svsm).updates(Snp, &mut |_| ()).unwrap();
}

#[test]
fn profiles() {
    let bytes = Image::ovmf(0x1000).entry(RESET_BLOCK + 1, &[]).build();
    for found in [PageType::Normal, PageType::Vmsa, PageType::Secrets, PageType::Cpuid] {
        let mut profile = Profile::QEMU;
        profile.section_memory = found;
        let mut bad = launch(&bytes);
        bad.profile = &profile;
        let text = format!(
            "the profile makes {found} pages of memory sections: expected ZERO or UNMEASURED"
        );
        refused_by(&[Snp], &bad, LaunchError::SectionMemory { found }, &text);
    }
    for found in [1, 0xfff, 0xffff_ffff_f800] {
        let mut profile = Profile::QEMU;
        profile.vmsa_gpa = GuestPhysAddr::new(found).unwrap();
        let mut bad = launch(&bytes);
        bad.profile = &profile;
        let text =
            format!("the profile has save areas at {found:#x}: expected a multiple of 0x1000");
        refused_by(&[Snp], &bad, LaunchError::VmsaGpa { found: profile.vmsa_gpa }, &text);
    }
    let svsm = svsm_image().build();
    let mut bad = with_svsm(&bytes, &svsm);
    bad.profile = &Profile::EC2;
    let text = "it is not known how an SVSM begins with the VMM ec2";
    svsm_refused(&bad, LaunchError::SvsmProfile { profile: "ec2" }, text);
}
