//! Launch digests from end to end: those that measuring tools publish or compute for real images, and a large made one.

#![cfg(feature = "std")]
#![allow(missing_docs, reason = "tests")]

#[path = "../launch/builder.rs"]
#[allow(dead_code, reason = "shared with the tests of images")]
mod builder;
#[allow(dead_code, reason = "shared with the tests of the program")]
mod cases;
#[path = "../support/real.rs"]
mod folder;
mod large;

use sevcrypt::image::{
    CpuSignature, Generation, KernelHashes, Launch, LaunchError, Log, Origin, Ovmf, Profile, Svsm,
};
use sevcrypt::snp::launch::measure;
use sevcrypt::vmsa::SevFeatures;
use sevcrypt::{Backend, Hex, sev};

use cases::{Case, Cases, Mode};

const AMD_SEV: &str = "ovmf_AmdSev_suffix.bin";

fn number(digits: &str) -> u64 {
    u64::from_str_radix(digits.strip_prefix("0x").unwrap_or(digits), 16).unwrap()
}

fn bytes<const N: usize>(digits: &str) -> [u8; N] {
    base16ct::lower::decode_vec(digits).unwrap().try_into().unwrap()
}

/// The digest by the library, and its log.
fn digest_of(launch: &Launch<'_>, mode: Mode) -> Result<(String, Log), LaunchError> {
    let mut log = Log::default();
    let visit = &mut |step: &_| log.push(*step);
    let digest = match mode {
        Mode::Sev => Hex(&sev::launch::measure(launch, Generation::Sev, visit)?).to_string(),
        Mode::SevEs => Hex(&sev::launch::measure(launch, Generation::SevEs, visit)?).to_string(),
        Mode::SevSnp | Mode::SevSnpSvsm => {
            let digest = measure(launch, Backend::best(), visit)?;
            for backend in Backend::available() {
                assert_eq!(measure(launch, backend, &mut |_| {})?, digest, "{backend}");
            }
            check_pages(&log, launch);
            Hex(&digest).to_string()
        }
    };
    Ok((digest, log))
}

/// Every page of an image has its step, and every vCPU.
fn check_pages(log: &Log, launch: &Launch<'_>) {
    let has_pages = launch.firmware_digest.is_none();
    let pages = if has_pages { launch.firmware.image().len() / 4096 } else { 0 };
    let firmware = log.steps.iter().filter(|step| matches!(step.origin, Origin::Firmware { .. }));
    for (number, step) in (0u64..).zip(firmware.take(pages)) {
        assert_eq!(step.origin, Origin::Firmware { offset: number * 4096 });
        assert_eq!(step.gpa.get(), launch.firmware.gpa().get() + number * 4096);
        assert_eq!(step.length, 4096);
    }
    let svsm = log.steps.iter().filter(|step| matches!(step.origin, Origin::Svsm { .. }));
    let offsets: Vec<_> = svsm.map(|step| step.origin).collect();
    let pages = launch.svsm.map_or(0, |svsm| svsm.image.image().len() / 4096) as u64;
    let expected: Vec<_> = (0..pages).map(|n| Origin::Svsm { offset: n * 4096 }).collect();
    assert_eq!(offsets, expected);
}

fn check(cases: &Cases, case: &Case) {
    let firmware = cases.image(&case.firmware);
    let svsm = case.svsm.as_ref().map(|svsm| cases.image(svsm));
    // Some VMMs do not show the vCPU type.
    let cpu = case.vcpu_sig.as_deref().map_or(0, number);
    let cpu = CpuSignature(cpu.try_into().unwrap());
    let profile = Profile::by_name(&case.vmm).unwrap();
    let mut launch = Launch::new(Ovmf::parse(&firmware).unwrap(), cpu, profile);
    launch.firmware_digest = case.precomputed_ovmf_hash.as_deref().map(bytes);
    launch.svsm = svsm
        .as_deref()
        .map(|svsm| Svsm { image: Ovmf::parse(svsm).unwrap(), vars_size: case.vars_size.unwrap() });
    launch.kernel = case.kernel.as_deref().map(|kernel| {
        let initrd = case.initrd.as_deref().map(|initrd| cases.content(initrd));
        let command_line = case.cmdline.as_deref().unwrap_or_default();
        KernelHashes::new(
            &cases.content(kernel),
            &initrd.unwrap_or_default(),
            command_line.as_bytes(),
        )
    });
    launch.vcpus = case.vcpus;
    launch.features = SevFeatures(number(&case.guest_features));

    let name = case.name.as_deref().unwrap_or("computed");
    match (&case.expected, &case.expected_error, digest_of(&launch, case.mode)) {
        (Some(expected), None, Ok((digest, log))) => {
            assert_eq!(digest, *expected, "{name}");
            let last = log.steps.last().unwrap();
            assert_eq!(last.after.to_string(), digest, "{name}");
            let vcpus = log.steps.iter().filter(|step| matches!(step.origin, Origin::Vcpu(_)));
            let expected = if case.mode == Mode::Sev { 0 } else { case.vcpus as usize };
            assert_eq!(vcpus.count(), expected, "{name}");
        }
        (None, Some(_), Err(_)) => {}
        (expected, error, result) => panic!("{name}: {expected:?} {error:?} {result:?}"),
    }
}

#[test]
fn published_and_computed() {
    let Some(cases) = cases::cases("published_and_computed") else { return };
    let mut checked = 0;
    for case in cases.all() {
        check(&cases, case);
        checked += 1;
    }
    assert_eq!(checked, 25);
}

#[test]
fn firmware_alone() {
    let Some(cases) = cases::cases("firmware_alone") else { return };
    for (name, firmware) in &cases.firmware {
        let image = cases.image(name);
        let launch = Launch::new(Ovmf::parse(&image).unwrap(), CpuSignature(0), &Profile::QEMU);
        let (_, log) = digest_of(&launch, Mode::SevSnp).unwrap();
        let last = &log.steps[image.len() / 4096 - 1];
        assert_eq!(last.after.to_string(), firmware.launch_digest_of_firmware_only_snp, "{name}");
        assert_eq!(last.origin, Origin::Firmware { offset: image.len() as u64 - 4096 });
    }
    assert_eq!(cases.firmware.len(), 3);
}

/// More launches of OVMF's AmdSev image with vCPUs of signature 0080_0F12h, features 1: kernel and initrd are empty files, the
/// command line too, or there is none of them.
#[test]
fn more_of_amd_sev() {
    let Some(cases) = cases::cases("more_of_amd_sev") else { return };
    let image = cases.image(AMD_SEV);
    let firmware = Ovmf::parse(&image).unwrap();
    let empty = KernelHashes::new(b"", b"", b"");
    let with_text = KernelHashes::new(b"", b"", b"console=ttyS0 loglevel=7");
    for (mode, profile, vcpus, features, kernel, expected) in [
        (
            Mode::SevSnp,
            Profile::QEMU,
            1,
            0x21,
            Some(empty),
            "329c8ce0972ae52343b64d34a434a86f245dfd74f5ed7aae15d22efc78fb9683632b9b50e4e1d7fa41179ef98a7ef198",
        ),
        (
            Mode::SevSnp,
            Profile::QEMU,
            1,
            1,
            Some(with_text),
            "6d287813eb5222d770f75005c664e34c204f385ce832cc2ce7d0d6f354454362f390ef83a92046c042e706363b4b08fa",
        ),
        (
            Mode::SevSnp,
            Profile::QEMU,
            1,
            1,
            None,
            "19358ba9a7615534a9a1e2f0dfc29384dcd4dcb7062ff9c6013b26869a5fc6ecabe033c48dd6f6db5d6d76e7c5df632d",
        ),
        (
            Mode::SevSnp,
            Profile::QEMU,
            4,
            1,
            Some(empty),
            "5061fffb019493a903613d56d54b94912a1a2f9e4502385f5c194616753720a92441310ba6c4933de877c36e23046ad5",
        ),
        (
            Mode::SevSnp,
            Profile::EC2,
            1,
            1,
            Some(empty),
            "0883bd0eeb716e65b7b977a321c278d1e51b33b5c655fab985443bbcc65c086b9c15e8a0bd8811050dec7e24964e5056",
        ),
        (
            Mode::SevSnp,
            Profile::GCE,
            1,
            1,
            Some(empty),
            "5da7106cf14cf46b1725ebab123eb9e53bd46a1e9f400cd0c08e7827b04b688ea8b4e403c8404efed4397ea5d5d0722e",
        ),
        (
            Mode::SevSnp,
            Profile::GCE,
            4,
            1,
            Some(empty),
            "5c5debf100fc339f90276e761ee1f1658d08922c3b20e2a2e6c7a6c3370b2452a15a00eae11886a93d6fd1e7ab81e29d",
        ),
        (
            Mode::Sev,
            Profile::QEMU,
            1,
            1,
            Some(with_text),
            "82a3ee5d537c3620628270c292ae30cb40c3c878666a7890ee7ef2a08fb535ff",
        ),
        (
            Mode::Sev,
            Profile::QEMU,
            1,
            1,
            Some(empty),
            "77f613d7bbcdf12a73782ea9e88b0172aeda50d1a54201cb903594ff52846898",
        ),
        (
            Mode::SevEs,
            Profile::QEMU,
            1,
            1,
            Some(empty),
            "13810ae661ea11e2bb205621f582fee268f0367c8f97bc297b7fadef3e12002c",
        ),
        (
            Mode::SevEs,
            Profile::QEMU,
            4,
            1,
            Some(empty),
            "0dccbcaba8e90b261bd0d2e1863a2f9da714768b7b2a19363cd6ae35aa90de91",
        ),
    ] {
        let mut launch = Launch::new(firmware, CpuSignature(0x0080_0f12), &profile);
        launch.vcpus = vcpus;
        launch.features = SevFeatures(features);
        launch.kernel = kernel;
        let (digest, _) = digest_of(&launch, mode).unwrap();
        assert_eq!(digest, expected, "{} {vcpus}", profile.name);
    }
}
