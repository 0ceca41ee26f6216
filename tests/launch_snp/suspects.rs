//! Why is the digest another one?

use sevcrypt::Backend;
use sevcrypt::image::{
    CpuSignature, KernelHashes, Launch, LaunchError, Ovmf, Profile, Svsm, VcpuType,
};
use sevcrypt::snp::launch::{Change, Explanation, Suspects, explain, first_difference, measure};
use sevcrypt::vmsa::SevFeatures;

use crate::builder::{self, Image};

const MILAN: CpuSignature = CpuSignature(0x00a0_0f11);
const GENOA: CpuSignature = CpuSignature(0x00a1_0f10);

fn image(len: usize) -> Vec<u8> {
    Image::ovmf(len).build()
}

fn digest_of(launch: &Launch<'_>) -> [u8; 48] {
    measure(launch, Backend::best(), &mut |_| {}).unwrap()
}

/// What explains the digest of `other` to who believes in `launch`.
fn find(launch: &Launch<'_>, other: &Launch<'_>, suspects: &Suspects<'_>) -> Explanation {
    explain(launch, &digest_of(other), suspects, Backend::best()).unwrap()
}

fn words(launch: &Launch<'_>, other: &Launch<'_>, suspects: &Suspects<'_>) -> String {
    find(launch, other, suspects).to_string()
}

fn launch(image: &[u8]) -> Launch<'_> {
    let mut launch = Launch::new(Ovmf::parse(image).unwrap(), MILAN, &Profile::QEMU);
    launch.kernel = Some(KernelHashes::new(b"kernel", b"initrd", b"console=ttyS0"));
    launch.vcpus = 2;
    launch
}

/// Three suspects, one culprit: the made example.
#[test]
fn one_of_three_is_the_culprit() {
    let image = image(0x4000);
    let believed = launch(&image);
    let mut suspects = Suspects::none();
    suspects.vcpus = 1..=8;
    suspects.cpus = vec![("EPYC-Genoa", GENOA)];
    suspects.features = vec![SevFeatures(0x21)];

    let mut real = believed.clone();
    real.features = SevFeatures(0x21);
    let found = find(&believed, &real, &suspects);
    let expected = Change::Features { features: SevFeatures(0x21), instead_of: SevFeatures(0x1) };
    assert_eq!(found.changes, Some(vec![expected]));
    assert_eq!(
        found.to_string(),
        "with guest features 0x21 instead of 0x1 the digest is the expected one"
    );

    let mut real = believed.clone();
    real.cpu = GENOA;
    assert_eq!(
        words(&believed, &real, &suspects),
        "with the vCPU type EPYC-Genoa (0x00a10f10) instead of 0x00a00f11 the digest is the expected one"
    );
    let mut real = believed.clone();
    real.vcpus = 7;
    assert_eq!(
        words(&believed, &real, &suspects),
        "with 7 vCPUs instead of 2 the digest is the expected one"
    );
    real.vcpus = 1;
    assert_eq!(
        words(&believed, &real, &suspects),
        "with 1 vCPU instead of 2 the digest is the expected one"
    );
    real.vcpus = 9;
    let found = find(&believed, &real, &suspects);
    // 8 numbers of vCPUs, 2 processors, 2 words of features, with and without hashes; but for 7 launches with four changes.
    assert_eq!((&found.changes, found.tried, found.is_given_up), (&None, 57, false));
    assert_eq!(found.to_string(), "not found: 57 digests, none of them the expected one");
}

#[test]
fn nothing_has_to_change() {
    let image = image(0x1000);
    let believed = launch(&image);
    let found = find(&believed, &believed, &Suspects::usual());
    assert_eq!((found.changes.as_deref(), found.tried), (Some(&[][..]), 1));
    assert_eq!(
        find(&believed, &believed, &Suspects::none()).to_string(),
        "the digest is the expected one"
    );
}

/// Every usual suspect alone, and what a caller adds.
#[test]
fn every_suspect_alone() {
    let (own, other) = (image(0x4000), image(0x5000));
    let believed = launch(&own);
    let mut suspects = Suspects::usual();
    suspects.firmware =
        vec![("mine.fd", Ovmf::parse(&own).unwrap()), ("other.fd", Ovmf::parse(&other).unwrap())];
    let hashes = |kernel: &[u8], initrd: &[u8], line: &str| {
        KernelHashes::new(kernel, initrd, line.as_bytes())
    };
    suspects.kernels = vec![("vmlinuz-6.10", hashes(b"kernel 6.10", b"", "").kernel)];
    suspects.initrds.push(("initrd-6.10", hashes(b"", b"initrd 6.10", "").initrd));
    suspects.add_command_line("console=ttyS0");
    suspects.add_command_line("quiet ");

    let check = |change: &dyn Fn(&mut Launch<'_>), expected: &str| {
        // The image's lifetime is the launch's.
        let mut real = believed.clone();
        change(&mut real);
        let found = find(&believed, &real, &suspects);
        assert_eq!(found.changes.as_ref().map(Vec::len), Some(1), "{expected}");
        assert_eq!(found.to_string(), format!("with {expected} the digest is the expected one"));
    };
    let kernel = |kernel: &'static [u8], initrd: &'static [u8], line: &'static str| {
        move |launch: &mut Launch<'_>| {
            launch.kernel = Some(KernelHashes::new(kernel, initrd, line.as_bytes()));
        }
    };
    let line = "console=ttyS0";
    check(&kernel(b"kernel 6.10", b"initrd", line), "the kernel vmlinuz-6.10");
    check(&kernel(b"kernel", b"initrd 6.10", line), "the initrd initrd-6.10");
    check(&kernel(b"kernel", b"", line), "the initrd (none)");
    check(&kernel(b"kernel", b"initrd", ""), "the command line that is empty");
    check(
        &kernel(b"kernel", b"initrd", "console=ttyS0\n"),
        "the command line \"console=ttyS0\" with a line feed at its end",
    );
    check(&kernel(b"kernel", b"initrd", "quiet "), "the command line \"quiet \"");
    check(
        &kernel(b"kernel", b"initrd", "quiet"),
        "the command line \"quiet\" without blanks at its end",
    );
    check(&|launch| launch.kernel = None, "no hashes of the kernel");
    for known in VcpuType::ALL.iter().filter(|known| known.signature() != MILAN) {
        let first = VcpuType::ALL.iter().find(|other| other.signature() == known.signature());
        let (name, signature) = (first.unwrap().name(), known.signature());
        check(
            &|launch| launch.cpu = signature,
            &format!("the vCPU type {name} ({signature}) instead of 0x00a00f11"),
        );
    }
    for features in [0, 0x21, 0x201, 0x8001] {
        check(
            &|launch| launch.features = SevFeatures(features),
            &format!("guest features {features:#x} instead of 0x1"),
        );
    }
    for vcpus in [1, 3, 256] {
        let noun = if vcpus == 1 { "vCPU" } else { "vCPUs" };
        check(&|launch| launch.vcpus = vcpus, &format!("{vcpus} {noun} instead of 2"));
    }
    for profile in &Profile::ALL[1..] {
        let mut real = believed.clone();
        real.profile = profile;
        let found = find(&believed, &real, &suspects).changes.unwrap();
        let Profile { name, version, .. } = *profile;
        assert_eq!(found, [Change::Profile { name, version, instead_of: "qemu" }]);
    }
    let mut real = believed.clone();
    real.firmware = Ovmf::parse(&other).unwrap();
    assert_eq!(
        words(&believed, &real, &suspects),
        "with the firmware other.fd the digest is the expected one"
    );
    // A digest that was kept of another image than the one at hand.
    let mut stale = believed.clone();
    stale.firmware_digest = Some([7; 48]);
    assert_eq!(
        words(&stale, &believed, &suspects),
        "with the firmware image itself instead of its digest the digest is the expected one"
    );
    assert_eq!(
        words(&stale, &real, &suspects),
        "with the firmware other.fd the digest is the expected one"
    );
}

/// Two and three at once, among all the usual suspects.
#[test]
fn several_at_once() {
    let (own, other) = (image(0x4000), image(0x5000));
    let mut believed = launch(&own);
    let hashes = believed.kernel.take();
    let mut suspects = Suspects::usual();
    suspects.vcpus = 1..=16;
    suspects.firmware = vec![("other.fd", Ovmf::parse(&other).unwrap())];
    suspects.kernel_hashes = hashes;
    suspects.add_command_line("console=ttyS0");

    let mut real = believed.clone();
    (real.cpu, real.vcpus) = (GENOA, 16);
    assert_eq!(
        words(&believed, &real, &suspects),
        "with the vCPU type EPYC-Genoa (0x00a10f10) instead of 0x00a00f11 and 16 vCPUs instead of 2 the digest is the expected one"
    );
    real.features = SevFeatures(0x21);
    assert_eq!(find(&believed, &real, &suspects).changes.unwrap().len(), 3);

    let mut real = believed.clone();
    real.firmware = Ovmf::parse(&other).unwrap();
    real.kernel = Some(KernelHashes::new(b"kernel", b"initrd", b"console=ttyS0\n"));
    assert_eq!(
        words(&believed, &real, &suspects),
        "with the firmware other.fd, hashes of the kernel and the command line \"console=ttyS0\" with a line feed at its end the digest is the expected one"
    );
    // Four are too many.
    real.features = SevFeatures(0x21);
    let found = find(&believed, &real, &suspects);
    assert!(found.changes.is_none() && !found.is_given_up && found.tried > 1000, "{found}");
    suspects.limit = 100;
    let found = find(&believed, &real, &suspects);
    assert!(found.is_given_up && found.tried >= 100);
    assert!(found.to_string().starts_with("not found: given up after 1"));
}

/// Every digest that is tried is one of the launches that are meant: no kept part is used for another launch.
#[test]
fn kept_parts_belong_together() {
    let (own, other) = (image(0x3000), image(0x5000));
    let believed = launch(&own);
    let mut suspects = Suspects::none();
    suspects.firmware = vec![("other.fd", Ovmf::parse(&other).unwrap())];
    suspects.initrds = vec![("(none)", KernelHashes::new(b"", b"", b"").initrd)];
    suspects.cpus = vec![("EPYC-Genoa", GENOA)];
    suspects.features = vec![SevFeatures(0x21)];
    suspects.profiles = vec![&Profile::EC2, &Profile::GCE];
    suspects.vcpus = 1..=3;
    for bits in 0..64u32 {
        let has = |bit: u32| bits >> bit & 1 == 1;
        let mut real = believed.clone();
        if has(0) {
            real.firmware = Ovmf::parse(&other).unwrap();
        }
        if has(1) {
            real.kernel = Some(KernelHashes::new(b"kernel", b"", b"console=ttyS0"));
        }
        if has(2) {
            real.cpu = GENOA;
        }
        if has(3) {
            real.features = SevFeatures(0x21);
        }
        if has(4) {
            real.profile = &Profile::GCE;
        }
        if has(5) {
            real.vcpus = 3;
        }
        // Google's profile does not put the processor into the save area.
        let counted = if has(4) { bits & !4 } else { bits };
        let found = find(&believed, &real, &suspects).changes.map(|changes| changes.len() as u32);
        let expected = counted.count_ones();
        assert_eq!(found, (expected <= 3).then_some(expected), "{bits:#b}");
    }
}

#[test]
fn launches_that_are_none() {
    let (own, without_hashes) = (image(0x3000), Image::new(0x3000).build());
    let mut believed = launch(&own);
    believed.vcpus = 0;
    let error = explain(&believed, &[0; 48], &Suspects::usual(), Backend::best());
    assert_eq!(error, Err(LaunchError::NoVcpus));

    // Firmware without a place for hashes, and without a reset block: the suspects that need them are passed over.
    let bare = Launch::new(Ovmf::parse(&without_hashes).unwrap(), MILAN, &Profile::QEMU);
    let mut suspects = Suspects::usual();
    suspects.kernel_hashes = Some(KernelHashes::new(b"kernel", b"", b""));
    let mut real = bare.clone();
    real.features = SevFeatures(0x21);
    assert_eq!(find(&bare, &real, &suspects).changes.unwrap().len(), 1);
    let mut real = launch(&own);
    real.kernel = None;
    suspects.firmware = vec![("ovmf.fd", Ovmf::parse(&own).unwrap())];
    suspects.vcpus = 1..=u32::MAX;
    assert_eq!(
        words(&bare, &real, &suspects),
        "with the firmware ovmf.fd and 2 vCPUs instead of 1 the digest is the expected one"
    );
}

#[test]
fn an_svsm() {
    let svsm = Image::new(0x3000)
        .entry(builder::SVSM_INFO, &builder::words(&[0x100]))
        .sections(&[[0x80_0000, 0x1000, 2], [0x80_1000, 0x1000, 3]])
        .build();
    let own = image(0x4000);
    let mut believed = Launch::new(Ovmf::parse(&own).unwrap(), MILAN, &Profile::QEMU);
    believed.svsm = Some(Svsm { image: Ovmf::parse(&svsm).unwrap(), vars_size: 0x1000 });
    let mut real = believed.clone();
    (real.cpu, real.vcpus) = (GENOA, 5);
    assert_eq!(find(&believed, &real, &Suspects::usual()).changes.unwrap().len(), 2);
    // Its features are always 1.
    real.features = SevFeatures(0x21);
    assert_eq!(find(&believed, &real, &Suspects::usual()).changes.unwrap().len(), 2);
}

#[test]
fn the_first_step_that_differs() {
    let image = image(0x4000);
    let believed = launch(&image);
    let mut real = believed.clone();
    assert_eq!(first_difference(&believed, &real, Backend::best()), Ok(None));
    real.features = SevFeatures(0x21);
    let difference = first_difference(&believed, &real, Backend::best()).unwrap().unwrap();
    assert!(difference.to_string().contains("vCPU 0"), "{difference}");
    real.vcpus = 0;
    let error = first_difference(&believed, &real, Backend::best());
    assert_eq!(error, Err(LaunchError::NoVcpus));
}
