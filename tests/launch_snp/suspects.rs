//! Why is the digest another one?

use sevcrypt::image::{
    CpuSignature, KernelHashes, Launch, LaunchError, Ovmf, PageType, Part, Profile, Svsm, VcpuType,
};
use sevcrypt::snp::launch::{
    Change, Explanation, LaunchDigest, Suspects, explain, first_difference, measure,
};
use sevcrypt::vmsa::SevFeatures;
use sevcrypt::{Backend, GuestPhysAddr};

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

/// QEMU, with save areas where Google's verifier has them on Genoa.
const AT_THE_END: Profile = {
    let mut profile = Profile::QEMU;
    profile.vmsa_gpa = match GuestPhysAddr::new(0xf_ffff_ffff_f000) {
        Ok(gpa) => gpa,
        Err(_) => panic!(),
    };
    profile
};

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
        let signature = known.signature();
        let names = match signature.to_string().as_str() {
            "0x00800f12" => "EPYC, EPYC-v1, EPYC-v2, EPYC-IBPB, EPYC-v3 or EPYC-v4",
            "0x00830f10" => "EPYC-Rome, EPYC-Rome-v1, EPYC-Rome-v2 or EPYC-Rome-v3",
            "0x00a10f10" => "EPYC-Genoa or EPYC-Genoa-v1",
            "0x00b00f00" => "EPYC-Turin, EPYC-Turin-v1 or EPYC-Turin-v2",
            other => panic!("{other}"),
        };
        check(
            &|launch| launch.cpu = signature,
            &format!("the vCPU type {names} ({signature}) instead of 0x00a00f11"),
        );
    }
    // None, and one and two of the features with a name.
    let bits = || SevFeatures::NAMED.iter().map(|(bit, _)| bit).filter(|bit| **bit != 0);
    let pairs = bits().flat_map(|bit| bits().map(move |other| 1 | 1 << bit | 1 << other));
    for features in pairs.chain([0]) {
        check(
            &|launch| launch.features = SevFeatures(features),
            &format!("guest features {features:#x} instead of 0x1"),
        );
    }
    check(
        &|launch| launch.profile = &AT_THE_END,
        "save areas at 0xffffffffff000 instead of 0xfffffffff000",
    );
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
        "with the vCPU type EPYC-Genoa or EPYC-Genoa-v1 (0x00a10f10) instead of 0x00a00f11 and 16 vCPUs instead of 2 the digest is the expected one"
    );
    real.features = SevFeatures(0x21);
    assert_eq!(find(&believed, &real, &suspects).changes.unwrap().len(), 3);
    // Features that no host is known to set are tried beside one other change.
    real.features = SevFeatures(1 | 1 << 7 | 1 << 8);
    assert_eq!(find(&believed, &real, &suspects).changes, None);
    real.vcpus = 2;
    assert_eq!(find(&believed, &real, &suspects).changes.unwrap().len(), 2);

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
}

/// What measures `image`, with the digest behind its pages in place of them.
fn digest_behind(image: &[u8]) -> [u8; 48] {
    let mut digest = LaunchDigest::new();
    let gpa = Ovmf::parse(image).unwrap().gpa();
    digest.update_bytes(Backend::best(), PageType::Normal, gpa, image, &mut |_| {}).unwrap();
    *digest.digest()
}

/// Two VMMs may have the same save areas: neither is said to be the one.
#[test]
fn all_that_give_the_digest() {
    // One vCPU, and nothing behind the CPUID page, which EC2 has last.
    let image = Image::new(0x1000).sections(&[[0x80_0000, 0x1000, 1], [0x80_1000, 0x1000, 3]]);
    let image = image.build();
    let mut believed = Launch::new(Ovmf::parse(&image).unwrap(), MILAN, &Profile::QEMU);
    let mut suspects = Suspects::usual();
    suspects.profiles.retain(|profile| profile.name != "ec2");
    for profile in [&Profile::EC2_2025, &Profile::KRUN] {
        let mut real = believed.clone();
        real.profile = profile;
        let found = find(&believed, &real, &suspects);
        assert!(!found.is_given_up);
        let words = found.to_string();
        let names = |changes: &[Change]| match changes {
            [Change::Profile { name, instead_of: "qemu", .. }] => *name,
            other => panic!("{other:?}"),
        };
        assert_eq!(names(found.changes.as_ref().unwrap()), "ec2-2025");
        let others: Vec<_> = found.alternatives.iter().map(|changes| names(changes)).collect();
        assert_eq!(others, ["krun"]);
        let also = "the digest is the expected one; so it is with the VMM krun (";
        assert!(words.contains(also), "{words}");
    }
    // Two changes, of which one is another one's, too.
    believed.cpu = GENOA;
    let mut real = believed.clone();
    (real.profile, real.features) = (&Profile::KRUN, SevFeatures(0x21));
    let found = find(&believed, &real, &suspects);
    assert_eq!((found.changes.unwrap().len(), found.alternatives.len()), (2, 1));
    // What is as it should be has no alternatives.
    let found = find(&believed, &believed, &suspects);
    assert_eq!((found.changes, found.alternatives), (Some(vec![]), vec![]));
}

#[test]
fn firmware_known_by_its_digest() {
    let (own, other) = (image(0x3000), image(0x5000));
    let believed = launch(&own);
    let mut real = believed.clone();
    real.firmware_digest = Some(digest_behind(&other));
    let mut suspects = Suspects::usual();
    suspects.firmware_digests = vec![("of edk2", [7; 48]), ("of edk3", digest_behind(&other))];
    suspects.vcpus = 1..=2;
    assert_eq!(
        words(&believed, &real, &suspects),
        "with the firmware of edk3 the digest is the expected one"
    );
    real.features = SevFeatures(0x21);
    // The image itself gives it as well.
    suspects.firmware = vec![("other.fd", Ovmf::parse(&other).unwrap())];
    let found = find(&believed, &real, &suspects);
    let ways = found.changes.iter().chain(&found.alternatives);
    let names: Vec<_> = ways
        .map(|changes| match &changes[0] {
            Change::Firmware { name: Some(name) } => name.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names, ["other.fd", "of edk3"]);
    // A launch that begins at a digest.
    let mut known = believed.clone();
    known.firmware_digest = Some(digest_behind(&own));
    suspects.firmware.clear();
    assert_eq!(
        words(&known, &real, &suspects),
        "with the firmware of edk3 and guest features 0x21 instead of 0x1 the digest is the expected one"
    );
}

/// The search does exactly as much as it may, and says that it was given up only if something is left.
#[test]
fn limits() {
    let image = image(0x3000);
    let believed = launch(&image);
    let mut suspects = Suspects::none();
    suspects.vcpus = 1..=8;
    suspects.cpus = vec![("EPYC-Genoa", GENOA)];
    suspects.features = vec![SevFeatures(0x21)];
    let try_with =
        |suspects: &Suspects<'_>| explain(&believed, &[7; 48], suspects, Backend::best()).unwrap();
    let all = try_with(&suspects);
    assert!(!all.is_given_up);
    suspects.limit = all.pages;
    assert_eq!(try_with(&suspects), all);
    for limit in (0..all.pages).rev() {
        suspects.limit = limit;
        let some = try_with(&suspects);
        assert!(some.is_given_up && some.pages <= limit && some.tried < all.tried, "{limit}");
        // Every step counts once, but for pieces of many.
        assert!(some.pages + 16 > limit || some.tried == 0, "{limit}: {some:?}");
    }
    suspects.limit = all.pages / 2;
    let some = try_with(&suspects);
    let text =
        format!("not found: given up after {} digests, none of them the expected one", some.tried);
    assert_eq!(some.to_string(), text);

    // Nothing else to try: one digest.
    let mut nothing = Suspects::none();
    let mut bare = believed.clone();
    bare.kernel = None;
    let one = explain(&bare, &[7; 48], &nothing, Backend::best()).unwrap();
    assert_eq!((one.tried, one.is_given_up), (1, false));
    nothing.limit = one.pages;
    assert_eq!(explain(&bare, &[7; 48], &nothing, Backend::best()), Ok(one));
}

/// What costs much counts as much.
#[test]
fn limits_of_large_launches() {
    let as_many_as_allowed = Image::new(0x1000).sections(&[[0, 0x1000_0000, 1]]).build();
    let large = Launch::new(Ovmf::parse(&as_many_as_allowed).unwrap(), MILAN, &Profile::QEMU);
    let mut suspects = Suspects::usual();
    suspects.limit = 10_000;
    let found = explain(&large, &[7; 48], &suspects, Backend::best()).unwrap();
    assert!(found.is_given_up && found.pages <= 2 && found.tried == 0, "{found:?}");

    let image = image(0x1000);
    let mut many = launch(&image);
    many.vcpus = Launch::MAX_VCPUS;
    let found = explain(&many, &[7; 48], &suspects, Backend::best()).unwrap();
    assert!(found.is_given_up && found.pages == 10_000 && found.tried == 2, "{found:?}");
}

/// The many numbers of vCPUs do not use up what may be tried.
#[test]
fn vcpus_come_last() {
    let image = image(0x1000);
    let believed = launch(&image);
    let mut real = believed.clone();
    real.kernel = Some(KernelHashes::new(b"kernel", b"", b"console=ttyS0"));
    let mut suspects = Suspects::usual();
    suspects.vcpus = 1..=Launch::MAX_VCPUS;
    suspects.limit = 8000;
    let found = find(&believed, &real, &suspects);
    assert_eq!(found.changes.as_ref().map(Vec::len), Some(1), "{found}");
    assert!(found.is_given_up);
    let text = found.to_string();
    let end = format!("; given up after {} digests, there may be other ways", found.tried);
    assert!(
        text.starts_with("with the initrd (none) the digest") && text.ends_with(&end),
        "{text}"
    );
}

/// Kernels take no time where the firmware takes none.
#[test]
fn no_place_for_kernels() {
    let bare = Image::new(0x1000).build();
    let bare = Launch::new(Ovmf::parse(&bare).unwrap(), MILAN, &Profile::QEMU);
    let hash = |number: u8| KernelHashes::new(&[number], b"", b"").kernel;
    let mut suspects = Suspects::none();
    suspects.kernel_hashes = Some(KernelHashes::new(b"kernel", b"initrd", b""));
    suspects.kernels = (0..50).map(|number| ("kernel", hash(number))).collect();
    suspects.initrds = (50..100).map(|number| ("initrd", hash(number))).collect();
    suspects.command_lines = (100..150).map(|number| (String::new(), hash(number))).collect();
    let found = explain(&bare, &[7; 48], &suspects, Backend::best()).unwrap();
    // A combination, one page, and a save area.
    assert_eq!((found.tried, found.pages, found.is_given_up), (1, 1 + 1 + 17, false));
    // Firmware that takes kernels, and changes only there.
    let own = image(0x1000);
    suspects.firmware = vec![("ovmf.fd", Ovmf::parse(&own).unwrap())];
    let found = explain(&bare, &[7; 48], &suspects, Backend::best()).unwrap();
    // Bare; other firmware; with hashes; with one of 150 other parts of these.
    assert_eq!(found.tried, 1 + 1 + 1 + 150);
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
    // The other way round: firmware without a reset block has one vCPU.
    let mut real = bare.clone();
    suspects.vcpus = 1..=256;
    suspects.firmware = vec![("bare.fd", bare.firmware)];
    let mut believed = launch(&own);
    believed.kernel = None;
    assert_eq!(
        words(&believed, &real, &suspects),
        "with the firmware bare.fd and 1 vCPU instead of 2 the digest is the expected one"
    );
    suspects.vcpus = 2..=256;
    assert_eq!(find(&believed, &real, &suspects).changes, None);
    (believed.vcpus, real.features) = (1, SevFeatures(0x21));
    assert_eq!(
        words(&believed, &real, &suspects),
        "with the firmware bare.fd and guest features 0x21 instead of 0x1 the digest is the expected one"
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

    // The variables move it; its pages are hashed once.
    let of_size = |vars_size| Svsm { image: Ovmf::parse(&svsm).unwrap(), vars_size };
    for vars_size in [0, 0x2_0000, 0x8_4000] {
        let mut real = believed.clone();
        real.svsm = Some(of_size(vars_size));
        assert_eq!(
            words(&believed, &real, &Suspects::usual()),
            format!(
                "with {vars_size:#x} bytes of OVMF's variables instead of 0x1000 the digest is the expected one"
            )
        );
        (real.cpu, real.vcpus) = (GENOA, 3);
        assert_eq!(find(&believed, &real, &Suspects::usual()).changes.unwrap().len(), 3);
    }
    let mut real = believed.clone();
    real.svsm = Some(of_size(0x3000));
    let mut suspects = Suspects::none();
    assert_eq!(find(&believed, &real, &suspects).changes, None);
    suspects.vars_sizes = vec![0x3000, 0x123];
    assert_eq!(find(&believed, &real, &suspects).changes.unwrap().len(), 1);

    // What is no launch counts, too.
    let pages = |vars_sizes: &[u64]| {
        let mut suspects = Suspects::none();
        suspects.vars_sizes = vars_sizes.to_vec();
        explain(&believed, &[7; 48], &suspects, Backend::best()).unwrap().pages
    };
    assert_eq!(pages(&[0x123, 0x456]), pages(&[]) + 2);

    // None at all; only then the features count.
    let mut suspects = Suspects::none();
    suspects.features = vec![SevFeatures(0x21)];
    let found = explain(&believed, &[7; 48], &suspects, Backend::best()).unwrap();
    // As it is; without an SVSM; without one and with other features.
    assert_eq!(found.tried, 3);
    real.svsm = None;
    assert_eq!(
        words(&believed, &real, &Suspects::usual()),
        "with no SVSM the digest is the expected one"
    );
    real.features = SevFeatures(0x21);
    assert_eq!(
        words(&believed, &real, &Suspects::usual()),
        "with no SVSM and guest features 0x21 instead of 0x1 the digest is the expected one"
    );
}

#[test]
fn the_first_step_that_differs() {
    let image = image(0x4000);
    let believed = launch(&image);
    let mut real = believed.clone();
    assert_eq!(first_difference(&believed, &real, Backend::best()), Ok(None));
    real.features = SevFeatures(0x21);
    let difference = first_difference(&believed, &real, Backend::best()).unwrap().unwrap();
    assert_eq!(difference.fields, ["SEV_FEATURES (0x3b0): 0x1 and 0x21"]);
    let text = difference.to_string();
    let end = " in the second; SEV_FEATURES (0x3b0): 0x1 and 0x21";
    assert!(text.contains(" (vCPU 0): the contents have") && text.ends_with(end), "{text}");
    // No save area's.
    real.kernel = Some(KernelHashes::new(b"kernel", b"", b""));
    let difference = first_difference(&believed, &real, Backend::best()).unwrap().unwrap();
    assert!(difference.to_string().contains(" (kernel hashes): "), "{difference}");
    assert_eq!((difference.step.part, difference.fields.len()), (Part::Contents, 0));
    // Several fields.
    let mut real = believed.clone();
    real.profile = &Profile::QEMU_LEGACY_VM_TYPE;
    let difference = first_difference(&believed, &real, Backend::best()).unwrap().unwrap();
    let end = "; MXCSR (0x408): 0x1f80 and 0x0, X87_FCW (0x410): 0x37f and 0x0";
    assert!(difference.to_string().ends_with(end), "{difference}");
    real.vcpus = 0;
    let error = first_difference(&believed, &real, Backend::best());
    assert_eq!(error, Err(LaunchError::NoVcpus));
}

/// A digest in place of the firmware's pages is the same launch.
#[test]
fn differences_from_a_digest() {
    let image = image(0x4000);
    let pages = launch(&image);
    let mut known = pages.clone();
    known.firmware_digest = Some(digest_behind(&image));
    // Its last page says all that is measured beside it.
    let mut end = known.clone();
    end.firmware = Ovmf::parse(&image[0x3000..]).unwrap();
    for (one, other) in [(&pages, &known), (&known, &pages), (&known, &end), (&end, &pages)] {
        assert_eq!(digest_of(one), digest_of(other));
        assert_eq!(first_difference(one, other, Backend::best()), Ok(None));
    }
    let mut other = known.clone();
    other.firmware_digest = Some([7; 48]);
    for (one, number) in [(&known, 0), (&pages, 3)] {
        let found = first_difference(one, &other, Backend::best()).unwrap().unwrap();
        assert_eq!((found.step.number, found.step.part), (number, Part::After));
        assert!(
            found
                .to_string()
                .ends_with("..., 0707070707070707... in the second".trim_start_matches("...,")),
            "{found}"
        );
    }
    // Numbers are those of the first launch's log.
    let mut other = end.clone();
    other.features = SevFeatures(0x21);
    let number = |first: &Launch<'_>| {
        let found = first_difference(first, &other, Backend::best()).unwrap().unwrap();
        assert_eq!(found.fields.len(), 1, "{found}");
        found.step.number
    };
    assert_eq!(number(&pages), number(&known) + 3);
    other.vcpus = 1;
    other.features = SevFeatures(1);
    let found = first_difference(&pages, &other, Backend::best()).unwrap().unwrap();
    assert_eq!(found.step.part, Part::Step);
    assert!(found.to_string().contains("vCPU 1"), "{found}");
}
