//! What is shown, in which order, by generation and VMM.

use sevcrypt::Page;
use sevcrypt::image::ovmf::SectionKind;
use sevcrypt::image::{
    Contents, CpuSignature, Generation, KernelHashes, Launch, Origin, Ovmf, PageType, Profile, Svsm,
};
use sevcrypt::vmsa::SevFeatures;

use crate::builder::{Image, RESET_BLOCK, SVSM_INFO, words};

pub(crate) const CPU: CpuSignature = CpuSignature(0x00a0_0f11);

/// What an update holds.
#[derive(Clone, Debug, PartialEq)]
enum Held {
    Bytes(Vec<u8>),
    Pages(u64),
    Measured([u8; 48]),
}

type Shown = (u64, PageType, Held, Origin);

fn shown(launch: &Launch<'_>, generation: Generation) -> Vec<Shown> {
    let mut all = Vec::new();
    let result = launch.updates(generation, &mut |update| {
        let held = match update.contents {
            Contents::Bytes(bytes) => Held::Bytes(bytes.to_vec()),
            Contents::Pages(pages) => Held::Pages(pages),
            Contents::Measured(digest) => Held::Measured(digest),
            other => panic!("{other:?}"),
        };
        all.push((update.gpa.get(), update.page_type, held, update.origin));
    });
    result.unwrap();
    all
}

fn hashes() -> KernelHashes {
    KernelHashes::new(b"kernel", b"initrd", b"quiet")
}

fn firmware(bytes: &[u8]) -> Shown {
    let gpa = (1 << 32) - bytes.len() as u64;
    (gpa, PageType::Normal, Held::Bytes(bytes.to_vec()), Origin::Firmware { offset: 0 })
}

fn section(gpa: u64, page_type: PageType, pages: u64, number: u32, kind: SectionKind) -> Shown {
    (gpa, page_type, Held::Pages(pages), Origin::Section { number, kind })
}

/// The sections of [`Image::ovmf`], SEC_MEM as this type.
fn ovmf_sections(memory: PageType) -> [Shown; 6] {
    [
        section(0x80_0000, memory, 9, 0, SectionKind::SecMem),
        section(0x80_d000, PageType::Secrets, 1, 1, SectionKind::Secrets),
        section(0x80_e000, PageType::Cpuid, 1, 2, SectionKind::Cpuid),
        section(0x80_f000, PageType::Zero, 1, 3, SectionKind::SvsmCaa),
        section(0x81_0000, PageType::Zero, 1, 4, SectionKind::KernelHashes),
        section(0x81_1000, memory, 2, 5, SectionKind::SecMem),
    ]
}

fn vmsa(profile: &Profile, number: u32, features: SevFeatures) -> Shown {
    let eip = if number == 0 { 0xffff_fff0 } else { 0x80_b004 };
    let area = profile.vmsa(eip, number == 0, CPU, features);
    let bytes = Held::Bytes(area.as_bytes().to_vec());
    (0xffff_ffff_f000, PageType::Vmsa, bytes, Origin::Vcpu(number))
}

#[test]
fn snp_under_each_vmm() {
    let bytes = Image::ovmf(0x3000).build();
    for profile in Profile::ALL {
        let mut launch = Launch::new(Ovmf::parse(&bytes).unwrap(), CPU, profile);
        launch.vcpus = 3;
        launch.features = SevFeatures(0x21);
        let memory = if profile.name == "gce" { PageType::Unmeasured } else { PageType::Zero };
        let mut sections = ovmf_sections(memory);
        if profile.name.starts_with("ec2") {
            sections[2..].rotate_left(1);
        }
        let mut expected = vec![firmware(&bytes)];
        expected.extend(sections);
        expected.extend((0..3).map(|number| vmsa(profile, number, SevFeatures(0x21))));
        assert_eq!(shown(&launch, Generation::Snp), expected, "{}", profile.name);
    }
}

#[test]
fn snp_with_a_kernel() {
    let bytes = Image::ovmf(0x2000).build();
    let mut launch = Launch::new(Ovmf::parse(&bytes).unwrap(), CPU, &Profile::QEMU);
    launch.kernel = Some(hashes());
    let mut page: Page = [0; 4096];
    page[0xc00..][..176].copy_from_slice(&hashes().table());
    let mut expected = vec![firmware(&bytes)];
    expected.extend(ovmf_sections(PageType::Zero));
    expected[5] = (0x81_0000, PageType::Normal, Held::Bytes(page.to_vec()), Origin::KernelHashes);
    expected.push(vmsa(&Profile::QEMU, 0, SevFeatures(1)));
    assert_eq!(shown(&launch, Generation::Snp), expected);

    // Its place in the page is that of the firmware's table.
    let table = words(&[0x1000 + 4096 - 176, 176]);
    let bytes = Image::new(0x1000)
        .entry(crate::builder::HASH_TABLE, &table)
        .sections(&[[0x1000, 0x1000, 0x10]])
        .build();
    launch.firmware = Ovmf::parse(&bytes).unwrap();
    let Held::Bytes(page) = &shown(&launch, Generation::Snp)[1].2 else { panic!() };
    assert_eq!(
        (page[..4096 - 176].to_vec(), &page[4096 - 176..]),
        (vec![0; 4096 - 176], &hashes().table()[..])
    );
}

#[test]
fn a_digest_in_place_of_the_firmware() {
    let bytes = Image::ovmf(0x4000).build();
    // The last page is enough.
    let mut launch = Launch::new(Ovmf::parse(&bytes[0x3000..]).unwrap(), CPU, &Profile::QEMU);
    launch.firmware_digest = Some([7; 48]);
    let all = shown(&launch, Generation::Snp);
    let gpa = 0xffff_f000;
    let expected = (gpa, PageType::Normal, Held::Measured([7; 48]), Origin::Firmware { offset: 0 });
    assert_eq!(all[0], expected);
    assert_eq!(all[1..7], ovmf_sections(PageType::Zero));
    assert_eq!(all.len(), 8);
}

#[test]
fn snp_without_metadata() {
    let bytes = Image::new(0x1000).entry(RESET_BLOCK, &words(&[0x80_b004])).build();
    let mut launch = Launch::new(Ovmf::parse(&bytes).unwrap(), CPU, &Profile::QEMU);
    launch.vcpus = 2;
    let areas = [0, 1].map(|number| vmsa(&Profile::QEMU, number, SevFeatures(1)));
    assert_eq!(shown(&launch, Generation::Snp), [&[firmware(&bytes)], &areas[..]].concat());
}

#[test]
fn an_svsm() {
    let svsm = Image::new(0x5000)
        .entry(SVSM_INFO, &words(&[0x1234]))
        .sections(&[[0, 0x9_e000, 1], [0x9_e000, 0x1000, 2], [0x9_f000, 0x1000, 3]])
        .build();
    // It needs neither a reset block nor metadata: the SVSM has its own.
    let bytes = Image::new(0x3000).build();
    let mut launch = Launch::new(Ovmf::parse(&bytes).unwrap(), CPU, &Profile::QEMU);
    launch.svsm = Some(Svsm { image: Ovmf::parse(&svsm).unwrap(), vars_size: 0x8_4000 });
    launch.vcpus = 2;
    launch.features = SevFeatures(0x21);
    let base = 0xffff_ffff - 0x3000 - 0x8_4000 - 0x5000 + 1;
    let area = Profile::QEMU.svsm_vmsa(base + 0x1234, CPU).unwrap();
    let vmsa = |number| {
        let bytes = Held::Bytes(area.as_bytes().to_vec());
        (0xffff_ffff_f000, PageType::Vmsa, bytes, Origin::Vcpu(number))
    };
    let expected = [
        firmware(&bytes),
        (base.into(), PageType::Normal, Held::Bytes(svsm.clone()), Origin::Svsm { offset: 0 }),
        section(0, PageType::Zero, 0x9e, 0, SectionKind::SecMem),
        section(0x9_e000, PageType::Secrets, 1, 1, SectionKind::Secrets),
        section(0x9_f000, PageType::Cpuid, 1, 2, SectionKind::Cpuid),
        vmsa(0),
        vmsa(1),
    ];
    assert_eq!(shown(&launch, Generation::Snp), expected);
}

#[test]
fn sev_and_sev_es() {
    let bytes = Image::ovmf(0x2000).build();
    let mut launch = Launch::new(Ovmf::parse(&bytes).unwrap(), CPU, &Profile::QEMU);
    launch.vcpus = 2;
    launch.features = SevFeatures(0x21);
    let areas = [0, 1].map(|number| vmsa(&Profile::QEMU, number, SevFeatures(0)));
    assert_eq!(shown(&launch, Generation::Sev), [firmware(&bytes)]);
    assert_eq!(shown(&launch, Generation::SevEs), [&[firmware(&bytes)], &areas[..]].concat());

    launch.kernel = Some(hashes());
    let table = Held::Bytes(hashes().table().to_vec());
    let table = (0x81_0c00, PageType::Normal, table, Origin::KernelHashes);
    let expected = [firmware(&bytes), table];
    assert_eq!(shown(&launch, Generation::Sev), expected);
    assert_eq!(shown(&launch, Generation::SevEs), [&expected, &areas[..]].concat());
}
