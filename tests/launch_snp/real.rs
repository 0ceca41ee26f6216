//! Launch digests of real images: those that measuring tools publish in their tests, and some that sev-snp-measure 0.0.13 computed.

use sevcrypt::image::{
    CpuSignature, Digest, KernelHashes, Launch, Log, Origin, Ovmf, PageType, Profile, Svsm,
};
use sevcrypt::snp::launch::measure;
use sevcrypt::vmsa::SevFeatures;
use sevcrypt::{Backend, Hex};
use sha2::{Digest as _, Sha256};

use crate::real_image;

struct Case {
    name: &'static str,
    firmware: &'static str,
    /// From the digest of the firmware's pages, not from the pages.
    from_digest: bool,
    with_svsm: bool,
    /// Seeds of kernel and initrd, and the command line.
    kernel: Option<(&'static str, &'static str, &'static str)>,
    vcpus: u32,
    cpu: u32,
    features: u64,
    profile: &'static Profile,
    expected: &'static str,
}

/// Digest of the pages of AmdSev's image alone.
const AMD_SEV_PAGES: &str = "086e2e9149ebf45abdc3445fba5b2da8270bdbb04094d7a2c37faaa4b24af3aa16aff8c374c2a55c467a50da6d466b74";

/// Bytes that SHA-256 makes of a seed; none of no seed.
fn made(seed: &str) -> Vec<u8> {
    let size = match seed {
        "kernel_a" => 5000,
        "initrd_a" => 12345,
        _ => return Vec::new(),
    };
    let seed = seed.replace('_', " ");
    let block = |number| <[u8; 32]>::from(Sha256::digest(format!("{seed} {number}")));
    (0..).flat_map(block).take(size).collect()
}

fn bytes_of<const N: usize>(hex: &str) -> [u8; N] {
    base16ct::lower::decode_vec(hex).unwrap().try_into().unwrap()
}

#[test]
fn digests_of_real_images() {
    for case in CASES {
        let Some(image) = real_image("digests_of_real_images", case.firmware) else { return };
        let Some(svsm) = real_image("digests_of_real_images", "svsm.bin") else { return };
        let cpu = CpuSignature(case.cpu);
        let mut launch = Launch::new(Ovmf::parse(&image).unwrap(), cpu, case.profile);
        if case.from_digest {
            launch.firmware_digest = Some(bytes_of(AMD_SEV_PAGES));
        }
        if case.with_svsm {
            launch.svsm = Some(Svsm { image: Ovmf::parse(&svsm).unwrap(), vars_size: 540_672 });
        }
        launch.kernel = case.kernel.map(|(kernel, initrd, command_line)| {
            KernelHashes::new(&made(kernel), &made(initrd), command_line.as_bytes())
        });
        launch.vcpus = case.vcpus;
        launch.features = SevFeatures(case.features);

        for backend in Backend::available() {
            let mut log = Log::default();
            let digest = measure(&launch, backend, &mut |step| log.push(*step)).unwrap();
            assert_eq!(Hex(&digest).to_string(), case.expected, "{} on {backend}", case.name);
            check_log(&log, &launch, &digest);
        }
    }
}

/// The log has a step for each page of the images, one after the other, and ends with the digest.
fn check_log(log: &Log, launch: &Launch<'_>, digest: &[u8; 48]) {
    let steps = &log.steps;
    let pages = match launch.firmware_digest {
        Some(_) => 1,
        None => launch.firmware.image().len() / 4096,
    };
    for (number, step) in (0u64..).zip(&steps[..pages]) {
        assert_eq!(step.origin, Origin::Firmware { offset: number * 4096 });
        assert_eq!(step.gpa.get(), launch.firmware.gpa().get() + number * 4096);
    }
    let svsm = launch.svsm.map_or(0, |svsm| svsm.image.image().len() / 4096);
    for (number, step) in (0u64..).zip(&steps[pages..pages + svsm]) {
        assert_eq!(step.origin, Origin::Svsm { offset: number * 4096 });
    }
    let vcpus = usize::try_from(launch.vcpus).unwrap();
    for (number, step) in (0u32..).zip(&steps[steps.len() - vcpus..]) {
        assert_eq!((step.origin, step.page_type), (Origin::Vcpu(number), PageType::Vmsa));
    }
    assert!(steps.iter().all(|step| step.length == 4096));
    assert_eq!(steps.last().unwrap().after, Digest::Sha384(*digest));
}

/// The digest behind the firmware's pages, which tools take in place of an image.
#[test]
fn digests_of_firmware_alone() {
    for (file, expected) in [
        ("ovmf_AmdSev_suffix.bin", AMD_SEV_PAGES),
        (
            "svsm_ovmf.fd",
            "d6e9418b28aaf60734ea40a3bc0d422450010b288679a6a9ce8cef868476cb57252ae843f4220d7f7b2cbe91fc0ee131",
        ),
        (
            "ovmf_amdsev_el9_20220126_suffix.bin",
            "b4e43aec2cc3948c2a84456b958de77728c2af127cd1b54b166a93ef2745b58ebf1296b283e42acf2bc2bec66a2705ca",
        ),
    ] {
        let Some(image) = real_image("digests_of_firmware_alone", file) else { return };
        let launch =
            Launch::new(Ovmf::parse(&image).unwrap(), CpuSignature(0x00a0_0f11), &Profile::QEMU);
        let mut last = None;
        measure(&launch, Backend::best(), &mut |step| {
            if let Origin::Firmware { .. } = step.origin {
                last = Some(step.after);
            }
        })
        .unwrap();
        assert_eq!(last.unwrap().to_string(), expected, "{file}");
    }
}

const CASES: &[Case] = &[
    Case {
        name: "snp_default",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: Some(("", "", "console=ttyS0 loglevel=7")),
        vcpus: 1,
        cpu: 0x0080_0f12,
        features: 0x21,
        profile: &Profile::QEMU,
        expected: "803f691094946e42068aaa3a8f9e26a5c89f36f7b73ecfb28c653360fe4b3aba7e534442e7e1e17895dfe778d0228977",
    },
    Case {
        name: "snp_ec2_default",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: Some(("", "", "")),
        vcpus: 1,
        cpu: 0x0080_0f12,
        features: 0x21,
        profile: &Profile::EC2,
        expected: "0ce9ccc06bab55eebe8abc234f3df6514883977a68a591b71052498ab52b2f1aa415db338033946ef93aa8278c0d67fb",
    },
    Case {
        name: "snp_ec2_feature_snp_only",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: Some(("", "", "")),
        vcpus: 1,
        cpu: 0x0080_0f12,
        features: 0x1,
        profile: &Profile::EC2,
        expected: "0883bd0eeb716e65b7b977a321c278d1e51b33b5c655fab985443bbcc65c086b9c15e8a0bd8811050dec7e24964e5056",
    },
    Case {
        name: "snp_gce_default",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: Some(("", "", "")),
        vcpus: 1,
        cpu: 0x00a0_0f11,
        features: 0x1,
        profile: &Profile::GCE,
        expected: "5da7106cf14cf46b1725ebab123eb9e53bd46a1e9f400cd0c08e7827b04b688ea8b4e403c8404efed4397ea5d5d0722e",
    },
    Case {
        name: "snp_guest_feature_snp_only",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: Some(("", "", "console=ttyS0 loglevel=7")),
        vcpus: 1,
        cpu: 0x0080_0f12,
        features: 0x1,
        profile: &Profile::QEMU,
        expected: "6d287813eb5222d770f75005c664e34c204f385ce832cc2ce7d0d6f354454362f390ef83a92046c042e706363b4b08fa",
    },
    Case {
        name: "snp_ovmf_hash_full_default",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: true,
        with_svsm: false,
        kernel: Some(("", "", "console=ttyS0 loglevel=7")),
        vcpus: 1,
        cpu: 0x0080_0f12,
        features: 0x21,
        profile: &Profile::QEMU,
        expected: "803f691094946e42068aaa3a8f9e26a5c89f36f7b73ecfb28c653360fe4b3aba7e534442e7e1e17895dfe778d0228977",
    },
    Case {
        name: "snp_ovmf_hash_full_feature_snp_only",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: true,
        with_svsm: false,
        kernel: Some(("", "", "console=ttyS0 loglevel=7")),
        vcpus: 1,
        cpu: 0x0080_0f12,
        features: 0x1,
        profile: &Profile::QEMU,
        expected: "6d287813eb5222d770f75005c664e34c204f385ce832cc2ce7d0d6f354454362f390ef83a92046c042e706363b4b08fa",
    },
    Case {
        name: "snp_ovmf_hash_gen_default",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: true,
        with_svsm: false,
        kernel: Some(("", "", "")),
        vcpus: 1,
        cpu: 0x0080_0f12,
        features: 0x21,
        profile: &Profile::QEMU,
        expected: "329c8ce0972ae52343b64d34a434a86f245dfd74f5ed7aae15d22efc78fb9683632b9b50e4e1d7fa41179ef98a7ef198",
    },
    Case {
        name: "snp_ovmf_hash_gen_feature_snp_only",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: true,
        with_svsm: false,
        kernel: Some(("", "", "")),
        vcpus: 1,
        cpu: 0x0080_0f12,
        features: 0x1,
        profile: &Profile::QEMU,
        expected: "ddc5224521617a536ee7ce9dd6224d1b58a8d4fda1c741f3ac99fc4bfa04ba6e9fc98646d4a07a9079397fa3852819b5",
    },
    Case {
        name: "snp_svsm_4_vcpus",
        firmware: "svsm_ovmf.fd",
        from_digest: false,
        with_svsm: true,
        kernel: None,
        vcpus: 4,
        cpu: 0x0080_0f12,
        features: 0x21,
        profile: &Profile::QEMU,
        expected: "27d154c27b7b359c935e250ec6fee72aa0ae8c1225e3b0e1cf46a9567e938066d7d6f94bbdc4a857818bdb79277a44b2",
    },
    Case {
        name: "snp_with_multiple_vcpus_feature_snp_only",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: Some(("", "", "")),
        vcpus: 4,
        cpu: 0x0080_0f12,
        features: 0x1,
        profile: &Profile::QEMU,
        expected: "5061fffb019493a903613d56d54b94912a1a2f9e4502385f5c194616753720a92441310ba6c4933de877c36e23046ad5",
    },
    Case {
        name: "snp_without_kernel_default",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: None,
        vcpus: 1,
        cpu: 0x0080_0f12,
        features: 0x21,
        profile: &Profile::QEMU,
        expected: "e1e1ca029dd7973ab9513295be68198472dcd4fc834bd9af9b63f6e8a1674dbf281a9278a4a2ebe0eed9f22adbcd0e2b",
    },
    Case {
        name: "snp_without_kernel_feature_snp_only",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: None,
        vcpus: 1,
        cpu: 0x0080_0f12,
        features: 0x1,
        profile: &Profile::QEMU,
        expected: "19358ba9a7615534a9a1e2f0dfc29384dcd4dcb7062ff9c6013b26869a5fc6ecabe033c48dd6f6db5d6d76e7c5df632d",
    },
    Case {
        name: "computed: 2 vCPUs, EPYC-v4, QEMU, ovmf_AmdSev_suffix.bin",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: Some(("kernel_a", "initrd_a", "console=ttyS0")),
        vcpus: 2,
        cpu: 0x0080_0f12,
        features: 0x1,
        profile: &Profile::QEMU,
        expected: "e01bf3328413c583f029b2f47105ced2b5113b826d9985f28a5e6d7d89f0c5134855a7612262b38362e5ce9d9397c27b",
    },
    Case {
        name: "computed: 2 vCPUs, EPYC-Rome, QEMU, ovmf_AmdSev_suffix.bin",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: Some(("kernel_a", "initrd_a", "console=ttyS0")),
        vcpus: 2,
        cpu: 0x0083_0f10,
        features: 0x1,
        profile: &Profile::QEMU,
        expected: "1dc6d6dc1c9993ad969561a580dab6379216c2dcaeda5d8ecfc7da46b605c3de4b54bb5d666ed7dc8ecf3f25cf7376ae",
    },
    Case {
        name: "computed: 2 vCPUs, EPYC-Milan, QEMU, ovmf_AmdSev_suffix.bin",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: Some(("kernel_a", "initrd_a", "console=ttyS0")),
        vcpus: 2,
        cpu: 0x00a0_0f11,
        features: 0x1,
        profile: &Profile::QEMU,
        expected: "701db3b8515a6394c4a56b4649465cd6f78cdb059ff8ef813b536606427f6158a4df5385cc9d6bcfae01c184a8dd1044",
    },
    Case {
        name: "computed: 2 vCPUs, EPYC-Genoa, QEMU, ovmf_AmdSev_suffix.bin",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: Some(("kernel_a", "initrd_a", "console=ttyS0")),
        vcpus: 2,
        cpu: 0x00a1_0f10,
        features: 0x1,
        profile: &Profile::QEMU,
        expected: "02c853f710d1c405e3f41b85b2bcc3b9374569437f7cf50f6e4eb82ec2d63527de12b61f0aa45eefb0b8948e2f01eb29",
    },
    Case {
        name: "computed: 1 vCPUs, EPYC-Milan, QEMU, svsm_ovmf.fd",
        firmware: "svsm_ovmf.fd",
        from_digest: false,
        with_svsm: false,
        kernel: None,
        vcpus: 1,
        cpu: 0x00a0_0f11,
        features: 0x1,
        profile: &Profile::QEMU,
        expected: "003d0005ec38afe544b2d5285172ce4168b1e694ef8e442aa76ca2df2d9a80e4e13a15906fb299454c942f4053b83420",
    },
    Case {
        name: "computed: 1 vCPUs, EPYC-Milan, QEMU, svsm_ovmf.fd, svsm",
        firmware: "svsm_ovmf.fd",
        from_digest: false,
        with_svsm: true,
        kernel: None,
        vcpus: 1,
        cpu: 0x00a0_0f11,
        features: 0x21,
        profile: &Profile::QEMU,
        expected: "55a5e752f0ffb30c0ba1d001b1067dda75f92272ff0c1cc8d8a8db6fbd8977592a66063902bbffdd3090bae1db4c439c",
    },
    Case {
        name: "computed: 3 vCPUs, EPYC-Milan, ec2, ovmf_AmdSev_suffix.bin",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: Some(("kernel_a", "initrd_a", "q")),
        vcpus: 3,
        cpu: 0x00a0_0f11,
        features: 0x1,
        profile: &Profile::EC2,
        expected: "0ddcf407de287792d2b3d8005f35fdb8b3d5090ae304c0e0eea6e73341e9233421d55aced70abcbbc2c3d10c59ff06dc",
    },
    Case {
        name: "AmdSev under GCE, 4 vCPUs",
        firmware: "ovmf_AmdSev_suffix.bin",
        from_digest: false,
        with_svsm: false,
        kernel: Some(("", "", "")),
        vcpus: 4,
        cpu: 0x0080_0f12,
        features: 0x1,
        profile: &Profile::GCE,
        expected: "5c5debf100fc339f90276e761ee1f1658d08922c3b20e2a2e6c7a6c3370b2452a15a00eae11886a93d6fd1e7ab81e29d",
    },
];
