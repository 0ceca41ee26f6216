//! Logs: how they print, and where two of them part.

use sevcrypt::GuestPhysAddr;
use sevcrypt::image::ovmf::SectionKind;
use sevcrypt::image::{
    Digest, Generation, KernelHashes, Launch, Log, Origin, Ovmf, PageType, Part, Profile, Step,
};
use sevcrypt::sev::launch::measure;

use crate::builder::Image;
use crate::order::CPU;

fn digest(byte: u8) -> Digest {
    Digest::Sha384([byte; 48])
}

fn step(number: u8, origin: Origin) -> Step {
    let gpa = GuestPhysAddr::new(0x1000 * u64::from(number)).unwrap();
    Step::new(gpa, 4096, PageType::Normal, digest(number), digest(0x80 | number), origin)
}

fn log(steps: &[Step]) -> Log {
    let mut log = Log::default();
    steps.iter().for_each(|step| log.push(*step));
    log
}

#[track_caller]
fn differs(first: &Log, second: &Log, number: usize, part: Part, text: &str) {
    let difference = first.compare(second).expect("they differ");
    assert_eq!((difference.number, difference.part), (number, part));
    assert_eq!(difference.first.as_ref(), first.steps.get(number));
    assert_eq!(difference.second.as_ref(), second.steps.get(number));
    assert_eq!(difference.to_string(), text);
}

#[test]
fn steps_are_small() {
    assert!(size_of::<Step>() <= 136, "{}", size_of::<Step>());
}

#[test]
fn in_columns() {
    let origin = Origin::Section { number: 3, kind: SectionKind::Cpuid };
    let mut cpuid = step(2, origin);
    cpuid.page_type = PageType::Cpuid;
    cpuid.contents = digest(0);
    let mut area = step(3, Origin::Vcpu(2));
    area.gpa = GuestPhysAddr::new(0xffff_ffff_f000).unwrap();
    area.page_type = PageType::Vmsa;
    let steps = [step(1, Origin::Firmware { offset: 0x1000 }), cpuid, area];
    assert_eq!(
        log(&steps).to_string(),
        [
            "     0           0x1000     0x1000  NORMAL      0101010101010101  8181818181818181  firmware, offset 0x1000\n",
            "     1           0x2000     0x1000  CPUID       -                 8282828282828282  section 3 (CPUID)\n",
            "     2   0xfffffffff000     0x1000  VMSA        0303030303030303  8383838383838383  vCPU 2\n",
        ]
        .concat()
    );
    let whole = format!("{:#}", log(&steps));
    let digests = format!("{}  {}  firmware", "01".repeat(48), "81".repeat(48));
    assert!(whole.lines().next().unwrap().contains(&digests), "{whole}");
    let none = format!("CPUID       -{}  {}  section", " ".repeat(95), "82".repeat(48));
    assert!(whole.lines().nth(1).unwrap().contains(&none), "{whole}");
}

#[test]
fn digests_with_a_precision() {
    let digest = digest(0xab);
    let digits = ["", "ab", "ab", "abab", "abab"];
    for (precision, digits) in digits.iter().enumerate() {
        assert_eq!(format!("{digest:.precision$}"), *digits);
    }
    assert_eq!(format!("{digest:.96}"), digest.to_string());
    assert_eq!(format!("{digest:.200}"), digest.to_string());
}

/// Firmware of which only the digest behind its pages is known.
#[test]
fn known_by_digest() {
    let firmware = |page: u8| step(page, Origin::Firmware { offset: u64::from(page - 1) * 0x1000 });
    let mut whole = firmware(1);
    (whole.length, whole.contents, whole.after) = (0x3000, digest(0), firmware(3).after);
    assert!(whole.is_known_by_digest() && !whole.has_contents());
    assert!(firmware(1).has_contents() && !firmware(1).is_known_by_digest());
    assert_eq!(
        whole.to_string(),
        "         0x1000     0x3000  NORMAL      -                 8383838383838383  firmware, offset 0x0"
    );
    let mut zeroes = whole;
    zeroes.page_type = PageType::Zero;
    assert!(!zeroes.is_known_by_digest() && !zeroes.has_contents());

    let pages = log(&[firmware(1), firmware(2), firmware(3), step(4, Origin::Vcpu(0))]);
    let known = log(&[whole, step(4, Origin::Vcpu(0))]);
    assert_eq!((pages.compare(&known), known.compare(&pages)), (None, None));
    let found = |first: &Log, second: &Log| {
        let found = first.compare(second).unwrap();
        (found.number, found.part, found.to_string())
    };
    let mut other = known.clone();
    other.steps[0].after = digest(9);
    let text = "step 0 (firmware, offset 0x0): the launch digest is 8383838383838383... in the first, 0909090909090909... in the second";
    assert_eq!(found(&known, &other), (0, Part::After, text.to_owned()));
    let text = "step 2 (firmware, offset 0x2000 in the first, firmware, offset 0x0 in the second): the launch digest is 8383838383838383... in the first, 0909090909090909... in the second";
    assert_eq!(found(&pages, &other), (2, Part::After, text.to_owned()));
    let mut other = known.clone();
    other.steps[1].contents = digest(9);
    assert_eq!(found(&pages, &other).0, 3);
    assert_eq!(found(&other, &pages).0, 1);
    other.steps.truncate(1);
    let text = "step 3 (vCPU 0): the first has a NORMAL page at 0x4000, the second has ended";
    assert_eq!(found(&pages, &other), (3, Part::Step, text.to_owned()));
    let text = "step 0 (firmware, offset 0x0): the first has a NORMAL page at 0x1000, the second has ended";
    assert_eq!(found(&known, &Log::default()), (0, Part::Step, text.to_owned()));
}

#[test]
fn origins_in_words() {
    for (origin, words) in [
        (Origin::Firmware { offset: 0 }, "firmware, offset 0x0"),
        (Origin::Svsm { offset: 0x2000 }, "SVSM, offset 0x2000"),
        (Origin::KernelHashes, "kernel hashes"),
        (Origin::Vcpu(0), "vCPU 0"),
        (Origin::Directive(17), "directive 17"),
    ] {
        assert_eq!(origin.to_string(), words);
    }
}

#[test]
fn equal() {
    let one = log(&[step(1, Origin::Vcpu(0)), step(2, Origin::Vcpu(1))]);
    assert_eq!(one.compare(&one.clone()), None);
    assert_eq!(Log::default().compare(&Log::default()), None);
}

#[test]
fn each_part() {
    let steps = [1, 2, 3].map(|number| step(number, Origin::Directive(number.into())));
    let first = log(&steps);
    let changed = |change: fn(&mut Step)| {
        let mut second = first.clone();
        // What follows has other digests, too.
        second.steps[2].after = digest(0xee);
        change(&mut second.steps[1]);
        second
    };
    let gpa = |step: &mut Step| step.gpa = step.gpa.checked_add(0x1000).unwrap();
    let text = "step 1 (directive 2): the address is 0x2000 in the first, 0x3000 in the second";
    differs(&first, &changed(gpa), 1, Part::Gpa, text);
    let text = "step 1 (directive 2): the length is 0x1000 in the first, 0x40 in the second";
    differs(&first, &changed(|step| step.length = 64), 1, Part::Length, text);
    let text = "step 1 (directive 2): the page type is NORMAL in the first, ZERO in the second";
    differs(&first, &changed(|step| step.page_type = PageType::Zero), 1, Part::PageType, text);
    let text = "step 1 (directive 2): the contents have the digest 0202020202020202... in the first, 0909090909090909... in the second";
    differs(&first, &changed(|step| step.contents = digest(9)), 1, Part::Contents, text);
    let text = "step 1 (directive 2): the launch digest is 8282828282828282... in the first, 0909090909090909... in the second, though the steps are the same";
    differs(&first, &changed(|step| step.after = digest(9)), 1, Part::After, text);
    // Of several, the one that says most.
    let all = |step: &mut Step| {
        *step = Step::new(
            GuestPhysAddr::default(),
            1,
            PageType::Vmsa,
            digest(1),
            digest(1),
            Origin::Vcpu(4),
        );
    };
    let text = "step 1 (directive 2 in the first, vCPU 4 in the second): the page type is NORMAL in the first, VMSA in the second";
    differs(&first, &changed(all), 1, Part::PageType, text);
}

#[test]
fn origins_come_last() {
    let steps = [1, 2, 3].map(|number| step(number, Origin::Vcpu(number.into())));
    let first = log(&steps);
    let mut second = first.clone();
    second.steps[0].origin = Origin::KernelHashes;
    let text = "step 0 (vCPU 1): it is kernel hashes in the second";
    differs(&first, &second, 0, Part::Origin, text);
    second.steps[2].contents = digest(9);
    assert_eq!(
        first.compare(&second).map(|found| (found.number, found.part)),
        Some((2, Part::Contents))
    );
    second.steps.truncate(2);
    assert_eq!(
        first.compare(&second).map(|found| (found.number, found.part)),
        Some((2, Part::Step))
    );
}

#[test]
fn one_is_longer() {
    let steps = [1, 2].map(|number| step(number, Origin::Vcpu(number.into())));
    let (long, short) = (log(&steps), log(&steps[..1]));
    let text = "step 1 (vCPU 2): the first has a NORMAL page at 0x2000, the second has ended";
    differs(&long, &short, 1, Part::Step, text);
    let text = "step 1 (vCPU 2): the second has a NORMAL page at 0x2000, the first has ended";
    differs(&short, &long, 1, Part::Step, text);
    let text = "step 0 (vCPU 1): the second has a NORMAL page at 0x1000, the first has ended";
    differs(&Log::default(), &long, 0, Part::Step, text);
}

/// Of real launches: another command line, and another vCPU.
#[test]
fn of_launches() {
    let bytes = Image::ovmf(0x2000).build();
    let logged = |command_line: &[u8], vcpus| {
        let mut launch = Launch::new(Ovmf::parse(&bytes).unwrap(), CPU, &Profile::QEMU);
        launch.kernel = Some(KernelHashes::new(b"k", b"i", command_line));
        launch.vcpus = vcpus;
        let mut log = Log::default();
        measure(&launch, Generation::SevEs, &mut |step| log.push(*step)).unwrap();
        log
    };
    let first = logged(b"quiet", 2);
    assert_eq!(first.compare(&logged(b"quiet", 2)), None);
    let difference = first.compare(&logged(b"quiet\n", 2)).unwrap();
    assert_eq!((difference.number, difference.part), (1, Part::Contents));
    assert!(difference.to_string().starts_with("step 1 (kernel hashes): the contents have"));
    assert_eq!(
        first.compare(&logged(b"quiet", 3)).unwrap().to_string(),
        "step 4 (vCPU 2): the second has a VMSA page at 0xfffffffff000, the first has ended"
    );
}
