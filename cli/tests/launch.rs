//! `sevcrypt measure` as a user runs it.

#[path = "../../tests/launch/builder.rs"]
#[allow(dead_code, reason = "shared with the tests of images")]
mod builder;
#[path = "../../tests/launch_real/cases.rs"]
#[allow(dead_code, reason = "shared with the tests of the library")]
mod cases;
#[path = "../../tests/support/real.rs"]
mod folder;
mod support;

use std::fs;
use std::iter;
use std::process::Output;

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use sevcrypt::image::{CpuSignature, Generation, KernelHashes, Launch, Ovmf, Profile};
use sevcrypt::vmsa::SevFeatures;
use sevcrypt::{Backend, Hex, sev, snp};

use builder::{HASH_TABLE, Image, RESET_BLOCK, SVSM_INFO, words};
use cases::{Case, Cases, Mode};
use support::{Folder, ended, fed, json, printed, run, stdout};

const MILAN: CpuSignature = CpuSignature(0x00a0_0f11);

fn measure<S: AsRef<str>>(arguments: &[S]) -> Output {
    let arguments = arguments.iter().map(AsRef::as_ref);
    run(&iter::once("measure").chain(arguments).collect::<Vec<_>>())
}

/// With more options than those.
fn with(arguments: &[String], options: &[&str]) -> Output {
    measure(&[arguments, &options.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()].concat())
}

/// A made guest: firmware, a kernel with an initrd and a command line, two vCPUs of Milan.
struct Made {
    folder: Folder,
    image: Vec<u8>,
}

impl Made {
    fn new() -> Self {
        let (folder, image) = (Folder::new(), Image::ovmf(0x4000).build());
        folder.write("ovmf.fd", &image);
        folder.write("vmlinuz", b"kernel");
        folder.write("initrd.img", b"initrd");
        Self { folder, image }
    }

    fn launch(&self) -> Launch<'_> {
        let mut launch = Launch::new(Ovmf::parse(&self.image).unwrap(), MILAN, &Profile::QEMU);
        launch.kernel = Some(KernelHashes::new(b"kernel", b"initrd", b"console=ttyS0"));
        launch.vcpus = 2;
        launch
    }

    /// The options of that launch.
    fn options(&self, generation: &str) -> Vec<String> {
        let mut options = vec![generation.to_owned()];
        for (option, file) in
            [("--ovmf", "ovmf.fd"), ("--kernel", "vmlinuz"), ("--initrd", "initrd.img")]
        {
            options.extend([option.to_owned(), self.folder.path(file)]);
        }
        let others = ["--append", "console=ttyS0", "--vcpus", "2", "--vcpu-type", "EPYC-Milan"];
        options.extend(others.map(str::to_owned));
        options
    }

    /// The same with one of them replaced.
    fn options_but(&self, option: &str, value: &str) -> Vec<String> {
        let mut options = self.options("snp");
        let at = options.iter().position(|it| it == option).unwrap();
        options[at + 1] = value.to_owned();
        options
    }
}

fn digest_of(launch: &Launch<'_>) -> String {
    Hex(&snp::launch::measure(launch, Backend::best(), &mut |_| {}).unwrap()).to_string()
}

/// Large images are hashed as they are read; what they measure is the same, and so are the errors.
#[test]
fn large_images() {
    let folder = Folder::new();
    for len in [8 << 20, (12 << 20) + 4096, 17 << 20] {
        let mut image = Image::ovmf(len).build();
        image[5_000_000..5_000_100].fill(0);
        let path = folder.write("large.fd", &image);
        let launch = Launch::new(Ovmf::parse(&image).unwrap(), MILAN, &Profile::QEMU);
        let options = ["snp", "--vcpus", "1", "--vcpu-type", "EPYC-Milan", "--ovmf", &path];
        for threads in ["1", "2"] {
            let output = measure(&[&options[..], &["--threads", threads]].concat());
            assert_eq!(printed(&output), digest_of(&launch), "{len} {threads}");
        }
        let output = measure(&[&options[..], &["--json"]].concat());
        assert_eq!(json(&output)["steps"].as_array().unwrap().len(), len / 4096 + 15 + 1);
        let alone = printed(&measure(&["ovmf-hash", "--ovmf", &path]));
        assert_eq!(json(&output)["steps"][len / 4096 - 1]["digest_after"], Value::from(alone));
    }
    let image = Image::new(9 << 20).metadata(&[1, 28, 1, 1], &[[0, 0, 0]]).build();
    let path = folder.write("bad.fd", &image);
    ended(&measure(&["ovmf-hash", "--ovmf", &path]), 2, &["bad.fd", "offset 0x8ff800"]);
    let path = folder.write("odd.fd", &image[1..]);
    ended(&measure(&["ovmf-hash", "--ovmf", &path]), 2, &["9437183 bytes"]);
}

// Real images.

/// The options of a case.
fn options_of(cases: &Cases, case: &Case, files: &Folder) -> Vec<String> {
    let mode = match case.mode {
        Mode::Sev => "sev",
        Mode::SevEs => "sev-es",
        Mode::SevSnp => "snp",
        Mode::SevSnpSvsm => "svsm",
    };
    let real = |name: &String| cases.path(name).to_str().unwrap().to_owned();
    let file = |name: &String| files.write(name, cases.content(name));
    let vcpus = Some(case.vcpus.to_string());
    let options = [
        ("--ovmf", Some(real(&case.firmware))),
        ("--vcpus", vcpus),
        ("--vcpu-sig", case.vcpu_sig.clone()),
        ("--kernel", case.kernel.as_ref().map(file)),
        ("--initrd", case.initrd.as_ref().map(file)),
        ("--append", case.cmdline.clone()),
        ("--guest-features", Some(case.guest_features.clone())),
        ("--vmm", Some(case.vmm.clone())),
        ("--ovmf-hash", case.precomputed_ovmf_hash.clone()),
        ("--svsm", case.svsm.as_ref().map(real)),
        ("--vars-size", case.vars_size.map(|size| size.to_string())),
    ];
    let given = options.into_iter().filter_map(|(option, value)| Some([option.to_owned(), value?]));
    [mode.to_owned()].into_iter().chain(given.flatten()).collect()
}

#[test]
fn published_and_computed() {
    let Some(cases) = cases::cases("published_and_computed") else { return };
    let mut checked = 0;
    for case in cases.all() {
        let files = Folder::new();
        let options = options_of(&cases, case, &files);
        let Some(expected) = &case.expected else {
            assert_ne!(with(&options, &[]).status.code(), Some(0), "{options:?}");
            continue;
        };
        let bytes = base16ct::lower::decode_vec(expected).unwrap();
        let base64 = Base64::encode_string(&bytes);
        assert_eq!(printed(&with(&options, &["--threads", "1"])), *expected, "{options:?}");
        assert_eq!(printed(&with(&options, &["--output", "base64", "--expect", expected])), base64);
        assert_eq!(printed(&with(&options, &["--expect", &base64])), *expected);

        let other = Hex(&bytes.iter().map(|byte| !byte).collect::<Vec<_>>()).to_string();
        let refused = with(&options, &["--expect", &other]);
        ended(&refused, 4, &[expected, &other]);
        assert_eq!(stdout(&refused).trim_end(), expected);

        let document = json(&with(&options, &["--json"]));
        assert_eq!(document["digest"], **expected);
        let last = document["steps"].as_array().unwrap().last().unwrap();
        assert_eq!(last["digest_after"], **expected);
        checked += 1;
    }
    assert_eq!(checked, 25);
}

#[test]
fn firmware_alone() {
    let Some(cases) = cases::cases("firmware_alone") else { return };
    for (name, firmware) in &cases.firmware {
        let path = cases.path(name).to_str().unwrap().to_owned();
        let digest = printed(&measure(&["ovmf-hash", "--ovmf", &path]));
        assert_eq!(digest, firmware.launch_digest_of_firmware_only_snp, "{name}");
    }
}

/// The save area of a real SEV-ES launch is what the older VMM type makes.
#[test]
fn real_save_area() {
    let Some(cases) = cases::cases("real_save_area") else { return };
    let path = |name: &str| cases.path(name).to_str().unwrap().to_owned();
    let (ovmf, vmsa) = (path("ovmf_AmdSev_suffix.bin"), path("vmsa0_es_milan_qemu.bin"));
    let ours = ["sev-es", "--ovmf", &ovmf, "--vcpus", "1"];
    let dumped = printed(&measure(&[&ours[..], &["--vmsa-cpu0", &vmsa]].concat()));
    let made = ["--vcpu-type", "EPYC-Milan", "--vmm", "qemu-legacy-vm-type"];
    assert_eq!(printed(&measure(&[&ours[..], &made].concat())), dumped);
    let newer = ["--vcpu-type", "EPYC-Milan"];
    assert_ne!(printed(&measure(&[&ours[..], &newer].concat())), dumped);
}

// A made guest.

#[test]
fn as_the_library() {
    let made = Made::new();
    assert_eq!(printed(&measure(&made.options("snp"))), digest_of(&made.launch()));
    for (generation, name) in [(Generation::Sev, "sev"), (Generation::SevEs, "sev-es")] {
        let digest = sev::launch::measure(&made.launch(), generation, &mut |_| {}).unwrap();
        assert_eq!(printed(&measure(&made.options(name))), Hex(&digest).to_string());
    }
    // Every way to say what the vCPUs are.
    let options = made.options("snp");
    let (rest, _) = options.split_at(options.len() - 2);
    for cpu in [
        &["--vcpu-sig", "0xa00f11"][..],
        &["--vcpu-sig", "10489617"],
        &["--vcpu-type", "epyc-milan-v2"],
        &["--vcpu-family", "25", "--vcpu-model", "1", "--vcpu-stepping", "1"],
    ] {
        assert_eq!(printed(&with(rest, cpu)), digest_of(&made.launch()), "{cpu:?}");
    }
    // A VMM that does not show it needs none; SEV measures no vCPUs at all.
    let mut launch = made.launch();
    launch.profile = &Profile::EC2;
    assert_eq!(printed(&with(rest, &["--vmm", "ec2"])), digest_of(&launch));
    let ovmf = made.folder.path("ovmf.fd");
    launch.kernel = None;
    let digest = sev::launch::measure(&launch, Generation::Sev, &mut |_| {}).unwrap();
    assert_eq!(printed(&measure(&["sev", "--ovmf", &ovmf])), Hex(&digest).to_string());
}

#[test]
fn values() {
    let made = Made::new();
    let mut launch = made.launch();
    launch.features = SevFeatures(0x21);
    for features in ["21", "0x21", "0X21", "0000000000000021"] {
        let output = with(&made.options("snp"), &["--guest-features", features]);
        assert_eq!(printed(&output), digest_of(&launch));
    }
    // A command line from a file keeps its line end.
    launch = made.launch();
    launch.kernel = Some(KernelHashes::new(b"kernel", b"initrd", b"-quiet\n"));
    let file = format!("@{}", made.folder.write("cmdline", "-quiet\n"));
    for text in ["-quiet\n", &file] {
        let output = measure(&made.options_but("--append", text));
        assert_eq!(printed(&output), digest_of(&launch));
    }
    // The firmware's digest in place of its pages, of which the last is enough.
    let known = printed(&measure(&["ovmf-hash", "--ovmf", &made.folder.path("ovmf.fd")]));
    let end = made.folder.write("end.fd", &made.image[0x3000..]);
    let output = with(&made.options_but("--ovmf", &end), &["--ovmf-hash", &known]);
    assert_eq!(printed(&output), digest_of(&made.launch()));
    // Firmware from standard input.
    let arguments = [&["measure".to_owned()], &made.options_but("--ovmf", "-")[..]].concat();
    assert_eq!(printed(&fed(&arguments, &made.image)), digest_of(&made.launch()));
    // Which there is once.
    let kernel = arguments.iter().position(|it| it == "--kernel").unwrap();
    let mut twice = arguments;
    twice[kernel + 1] = "-".to_owned();
    ended(&fed(&twice, &made.image), 1, &["standard input can be read once only"]);
    // What is expected, from a file.
    let digest = digest_of(&made.launch());
    let bytes = base16ct::lower::decode_vec(&digest).unwrap();
    for content in [&bytes[..], digest.as_bytes(), format!("{digest}\n").as_bytes()] {
        let file = format!("@{}", made.folder.write("expected", content));
        assert_eq!(printed(&with(&made.options("snp"), &["--expect", &file])), digest);
    }
}

#[test]
fn usage() {
    let made = Made::new();
    let path = |name: &str| made.folder.path(name);
    let (ovmf, vmlinuz) = (path("ovmf.fd"), path("vmlinuz"));
    let snp = |options: &[&str]| measure(&[&["snp", "--ovmf", &ovmf], options].concat());
    let one = |options: &[&str]| snp(&[&["--vcpus", "1", "--vcpu-type", "EPYC"], options].concat());
    ended(&one(&[]), 0, &[]);

    ended(&snp(&["--vcpus", "1"]), 1, &["--vcpu-type, --vcpu-sig, or --vcpu-family"]);
    ended(&snp(&["--vcpu-type", "EPYC"]), 1, &["expected --vcpus"]);
    ended(&snp(&["--vcpus", "0", "--vcpu-type", "EPYC"]), 1, &["--vcpus: ", "found 0"]);
    ended(&snp(&["--vcpus", "4097", "--vcpu-type", "EPYC"]), 1, &["--vcpus: ", "at most 4096"]);
    let unknown = snp(&["--vcpus", "1", "--vcpu-type", "EPYC-Venice"]);
    ended(&unknown, 1, &["'EPYC-Venice'", "known are EPYC, EPYC-v1, ", "EPYC-Turin-v2"]);
    ended(&one(&["--vmm", "xen"]), 1, &["'xen'", "known are qemu, ", "gce, krun"]);
    ended(&one(&["--vcpu-sig", "1"]), 1, &["cannot be used with"]);
    ended(&snp(&["--vcpus", "1", "--vcpu-sig", "0x100000000"]), 1, &["at most 32 bits"]);
    ended(&snp(&["--vcpus", "1", "--vcpu-family", "25"]), 1, &["--vcpu-model", "--vcpu-stepping"]);
    let parts = ["--vcpu-family", "271", "--vcpu-model", "1", "--vcpu-stepping", "1"];
    ended(
        &snp(&[&["--vcpus", "1"], &parts[..]].concat()),
        1,
        &["expected at most 270, 255 and 15"],
    );
    ended(&one(&["--guest-features", "xyz"]), 1, &["at most 16 hexadecimal digits"]);
    ended(&one(&["--initrd", &vmlinuz]), 1, &["--kernel <FILE>"]);
    ended(&one(&["--append", "quiet"]), 1, &["--kernel <FILE>"]);
    ended(&one(&["--try-append", "quiet"]), 1, &["--expect <HEX>"]);
    ended(&one(&["--explain=some"]), 1, &["runs", "all"]);
    ended(&one(&["--threads", "0"]), 1, &["1 to 256"]);
    ended(&one(&["--ovmf-hash", "00"]), 1, &["--ovmf-hash: 1 bytes, expected 48"]);
    ended(&one(&["--expect", &"00".repeat(32)]), 1, &["--expect: 32 bytes, expected 48"]);
    ended(&one(&["--expect", "&"]), 1, &["--expect: text that is neither"]);
    ended(&one(&["--expect", &format!("@{}", path("none"))]), 1, &["none: "]);
    ended(&one(&["--kernel", &path("none")]), 1, &["none: "]);
    ended(&measure(&["snp", "--vcpus", "1", "--vcpu-sig", "1"]), 1, &["--ovmf <FILE>"]);
    ended(&measure(&["ovmf-hash", "--ovmf", &path("")]), 1, &["is a directory"]);

    let sev = measure(&["sev", "--ovmf", &ovmf, "--ovmf-hash", &"00".repeat(48)]);
    ended(&sev, 1, &["--ovmf-hash: SEV: ", "SEV-SNP only"]);
    let dump = path("dump");
    let sev = measure(&["sev", "--ovmf", &ovmf, "--dump-vmsa", &dump]);
    ended(&sev, 1, &["--dump-vmsa: SEV guests have no save areas"]);
    assert!(!fs::exists(dump).unwrap());

    let page = made.folder.write("page", [0; 4096]);
    let es = |options: &[&str]| measure(&[&["sev-es", "--ovmf", &ovmf], options].concat());
    ended(&es(&["--vcpus", "2", "--vmsa-cpu0", &page]), 1, &["--vcpus 2: expected --vmsa-cpu1"]);
    ended(&es(&["--vcpus", "2", "--vmsa-cpu1", &page]), 1, &["--vmsa-cpu0 <FILE>"]);
    let both = ["--vcpus", "1", "--vmsa-cpu0", &page, "--vcpu-type", "EPYC"];
    ended(&es(&both), 1, &["cannot be used with"]);
}

#[test]
fn malformed() {
    let made = Made::new();
    let write = |name, image: &Image| made.folder.write(name, image.build());
    let kernel = made.folder.path("vmlinuz");
    let on = |path: &str, options: &[&str]| {
        let snp = ["snp", "--ovmf", path, "--vcpus", "1", "--vcpu-type", "EPYC"];
        measure(&[&snp[..], options].concat())
    };
    let empty = made.folder.write("empty", []);
    ended(&on(&empty, &[]), 2, &["empty: the image is empty"]);
    let cut = made.folder.write("cut", &made.image[1..]);
    ended(&on(&cut, &[]), 2, &["cut: the image has 16383 bytes: expected a multiple of 4096"]);
    let zeroes = made.folder.write("zeroes", [0; 8192]);
    ended(&on(&zeroes, &[]), 2, &["zeroes: at offset 0x1fd0: no table for SEV"]);
    ended(&measure(&["ovmf-hash", "--ovmf", &zeroes]), 2, &["zeroes: at offset 0x1fd0"]);

    let bare = write("bare", &Image::new(4096));
    ended(&on(&bare, &[]), 0, &[]);
    ended(&on(&bare, &["--kernel", &kernel]), 2, &["bare: the firmware has no place"]);
    ended(&on(&bare, &["--vcpus", "2"]), 1, &["cannot be used multiple times"]);
    let two = measure(&["snp", "--ovmf", &bare, "--vcpus", "2", "--vcpu-type", "EPYC"]);
    ended(&two, 2, &["bare: 2 vCPUs: the firmware has no SEV-ES reset block"]);
    let unset = write("unset", &Image::new(4096).entry(HASH_TABLE, &words(&[0, 0])));
    ended(&on(&unset, &["--kernel", &kernel]), 2, &["unset: ", "\"SEV hash table\" is 0"]);
    let huge = [[0x1000, 0xffff_f000, 1]];
    let huge = write("huge", &Image::new(4096).sections(&huge));
    ended(&on(&huge, &[]), 2, &["huge: at offset 0x810: section 0: "]);

    let short = made.folder.write("short", [0; 4095]);
    let es = ["sev-es", "--ovmf", &bare, "--vcpus", "1", "--vmsa-cpu0", &short];
    ended(&measure(&es), 2, &["short: 4095 bytes, expected a save area of 4096"]);

    ended(&measure(&["igvm", &bare]), 2, &["bare: "]);
    let digest = made.folder.write("digest", "00 1");
    let expect = on(&bare, &["--expect", &format!("@{digest}")]);
    ended(&expect, 2, &["digest: an odd number of hexadecimal digits"]);
}

#[test]
fn svsm() {
    let made = Made::new();
    let image = Image::new(0x2000).entry(SVSM_INFO, &words(&[0x100]));
    let image = image.entry(RESET_BLOCK, &words(&[0])).sections(&[[0, 0x2000, 1]]);
    let (svsm, vars) = (made.folder.path("svsm.bin"), made.folder.write("vars.fd", [0; 0x3000]));
    made.folder.write("svsm.bin", image.build());
    let ovmf = made.folder.path("ovmf.fd");
    let run = |options: &[&str]| {
        let svsm =
            ["svsm", "--svsm", &svsm, "--ovmf", &ovmf, "--vcpus", "2", "--vcpu-type", "EPYC"];
        measure(&[&svsm[..], options].concat())
    };
    let digest = printed(&run(&["--vars-size", "12288"]));
    assert_eq!(printed(&run(&["--vars-size", "0x3000"])), digest);
    assert_eq!(printed(&run(&["--vars", &vars])), digest);
    assert_ne!(printed(&run(&["--vars-size", "0"])), digest);
    let steps = json(&run(&["--vars", &vars, "--json"]));
    let from = |number: usize| steps["steps"][number]["from"].to_string();
    assert_eq!(from(5), r#"{"offset":4096,"what":"svsm"}"#);
    assert_eq!(steps["steps"][4]["gpa"], "0xffff7000");

    ended(&run(&[]), 1, &["--vars-size <N>"]);
    ended(&run(&["--vars-size", "1"]), 1, &["--vars-size: OVMF's variables have 1 bytes"]);
    let odd = made.folder.write("odd", [0]);
    ended(&run(&["--vars", &odd]), 2, &["odd: OVMF's variables have 1 bytes"]);
    ended(&run(&["--vars-size", "0", "--vmm", "gce"]), 1, &["--vmm: ", "VMM gce"]);
    let kernel = made.folder.path("vmlinuz");
    ended(&run(&["--vars-size", "0", "--kernel", &kernel]), 1, &["--kernel: ", "beside an SVSM"]);
    ended(&run(&["--vars-size", "0xfffff000"]), 2, &["do not fit below 4 GiB"]);
    made.folder.write("svsm.bin", Image::new(0x2000).build());
    ended(&run(&["--vars-size", "0"]), 2, &["svsm.bin: ", "does not say where it begins"]);
}

/// A file with a page of data and a save area.
fn igvm_file(ld: Option<[u8; 48]>) -> Vec<u8> {
    let mut headers = Vec::new();
    let mut header = |kind: u32, parts: &[&[u8]]| {
        let structure = parts.concat();
        headers.extend(words(&[kind, u32::try_from(structure.len()).unwrap()]));
        headers.extend(structure);
        headers.resize(headers.len().next_multiple_of(8), 0);
    };
    let data = 0x1000_u32;
    header(1, &[&words(&[1]), &[0, 2, 1, 0], &[0; 8]]);
    header(0x302, &[&words(&[0x10_0000, 0, 1, data, 0, 0])]);
    header(0x304, &[&words(&[0x20_0000, 0, 1, data + 4096, 0])]);
    if let Some(ld) = ld {
        header(0x30b, &[&words(&[1, 0]), &ld, &[0; 640]]);
    }
    let fixed = words(&[1, 24, u32::try_from(headers.len()).unwrap(), 0x3000, 0]);
    let mut file = [&b"IGVM"[..], &fixed, &headers].concat();
    // CRC-32, the checksum's own field being zero.
    let crc = !file.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    });
    file[20..24].copy_from_slice(&crc.to_le_bytes());
    file.resize(0x1000, 0);
    file.resize(0x2000, 0xcc);
    file.resize(0x3000, 0);
    file
}

#[test]
fn igvm() {
    let folder = Folder::new();
    let file = folder.write("guest.igvm", igvm_file(None));
    let mut digest = snp::launch::LaunchDigest::new();
    for (page_type, gpa, byte) in [
        (snp::launch::PageType::Normal, 0x10_0000, 0xcc),
        (snp::launch::PageType::Vmsa, 0x20_0000, 0),
    ] {
        let gpa = sevcrypt::GuestPhysAddr::new(gpa).unwrap();
        digest.update_bytes(Backend::best(), page_type, gpa, &[byte; 4096], &mut |_| {}).unwrap();
    }
    let expected = Hex(digest.digest()).to_string();
    assert_eq!(printed(&measure(&["igvm", &file, "--expect", &expected])), expected);
    let document = json(&measure(&["igvm", &file, "--json"]));
    assert_eq!(document["steps"][1]["from"]["what"], "directive");
    // With KVM the save area stands elsewhere, and CR0 has a bit more.
    let kvm = json(&measure(&["igvm", &file, "--kvm", "--json"]));
    assert_eq!(kvm["steps"][1]["gpa"], "0xfffffffff000");
    assert_ne!(kvm["steps"][1]["contents"], document["steps"][1]["contents"]);

    // An ID block that expects it, and one that does not.
    let right = folder.write("right.igvm", igvm_file(Some(*digest.digest())));
    assert_eq!(printed(&measure(&["igvm", &right])), expected);
    let wrong = measure(&["igvm", &folder.write("wrong.igvm", igvm_file(Some([1; 48])))]);
    let note = String::from_utf8(wrong.stderr.clone()).unwrap();
    assert!(note.starts_with("note: ") && note.contains(&"01".repeat(48)), "{note}");
    assert_eq!((wrong.status.code(), stdout(&wrong)), (Some(0), format!("{expected}\n")));
}

#[test]
fn dumped_save_areas() {
    let made = Made::new();
    let launch = made.launch();
    for (name, generation, features) in
        [("snp", Generation::Snp, 1), ("sev-es", Generation::SevEs, 0)]
    {
        let options = made.options(name);
        let digest = printed(&measure(&options));
        let folder = made.folder.path(name);
        assert_eq!(printed(&with(&options, &["--dump-vmsa", &folder])), digest);
        assert_eq!(made.folder.names(name), ["vmsa0.bin", "vmsa1.bin"]);
        let page = |number| fs::read(format!("{folder}/vmsa{number}.bin")).unwrap();
        let features = SevFeatures(features);
        for (number, eip) in [(0, Profile::RESET_VECTOR), (1, 0x80_b004)] {
            let vmsa = launch.profile.vmsa(eip, number == 0, launch.cpu, features);
            assert_eq!(page(number), vmsa.as_bytes(), "{generation} {number}");
        }
        // Into a folder that has them already.
        fs::write(format!("{folder}/vmsa0.bin"), "old").unwrap();
        ended(&with(&options, &["--dump-vmsa", &folder]), 0, &[]);
        assert_eq!(page(0).len(), 4096);
    }
    // They can be measured in place of made ones.
    let (ovmf, kernel) = (made.folder.path("ovmf.fd"), made.folder.path("vmlinuz"));
    let page = |number| made.folder.path(&format!("sev-es/vmsa{number}.bin"));
    let options = ["sev-es", "--ovmf", &ovmf, "--kernel", &kernel, "--vcpus", "3"];
    let pages = ["--vmsa-cpu0", &page(0), "--vmsa-cpu1", &page(1)];
    let given = measure(&[&options[..], &pages, &["--json"]].concat());
    let made_ones = measure(&[&options[..], &["--vcpu-type", "EPYC-Milan", "--json"]].concat());
    assert_eq!(json(&given)["steps"], json(&made_ones)["steps"]);
    assert_eq!(json(&given)["digest"], json(&made_ones)["digest"]);
}

/// What cannot be written leaves nothing half-written behind.
#[test]
fn save_areas_that_cannot_be_written() {
    let made = Made::new();
    let folder = made.folder.path("dump");
    fs::create_dir_all(format!("{folder}/vmsa1.bin")).unwrap();
    let output = with(&made.options("snp"), &["--dump-vmsa", &folder]);
    ended(&output, 1, &["vmsa1.bin: is a directory"]);
    assert_eq!(made.folder.names("dump"), ["vmsa0.bin", "vmsa1.bin"]);
    assert_eq!(fs::read(format!("{folder}/vmsa0.bin")).unwrap().len(), 4096);
    assert_eq!(stdout(&output), "");

    let file = made.folder.path("vmlinuz");
    ended(&with(&made.options("snp"), &["--dump-vmsa", &file]), 1, &["vmlinuz: "]);
    assert_eq!(fs::read(file).unwrap(), b"kernel");
    // Nothing at all if the launch is none.
    let none = made.folder.path("none");
    let options = made.options_but("--vcpus", "0");
    ended(&with(&options, &["--dump-vmsa", &none]), 1, &["--vcpus"]);
    assert!(!fs::exists(none).unwrap());
}

#[test]
fn explained() {
    let made = Made::new();
    let mut options = made.options_but("--vcpus", "3");
    let digest = printed(&measure(&options));
    let text = stdout(&with(&options, &["--explain"]));
    let lines: Vec<_> = text.lines().collect();
    for expected in [
        "vmm                qemu (KVM_SEV_INIT2)",
        "vcpu signature     0x00a00f11",
        "guest features     0x1",
    ] {
        assert!(lines.contains(&expected), "{text}");
    }
    let step = |from: &str| {
        let line = lines.iter().find(|line| line.ends_with(from));
        line.unwrap_or_else(|| panic!("no {from} in {text}")).split_whitespace().collect::<Vec<_>>()
    };
    let firmware = step("firmware, offset 0x0");
    assert_eq!(firmware[..8], ["0", "to", "3", "0xffffc000", "0x4000", "NORMAL", "4", "digests"]);
    assert_eq!(step("SNP_SEC_MEM)")[..7], ["4", "to", "12", "0x800000", "0x9000", "ZERO", "-"]);
    assert_eq!(step("kernel hashes")[..4], ["16", "0x810000", "0x1000", "NORMAL"]);
    // Two vCPUs with one save area.
    assert_eq!(
        step("vCPU 1 to 2")[..5],
        ["20", "to", "21", "0xfffffffff000", "0x2000", "VMSA"][..5]
    );
    assert_eq!(lines.last().copied(), Some(&digest[..]));
    assert_eq!(step("vCPU 1 to 2")[7], &digest[..16]);

    // Every page, with whole digests.
    options.push("--explain=all".to_owned());
    let text = stdout(&measure(&options));
    let vcpus = text.lines().filter(|line| line.contains("  VMSA  ")).count();
    let pages = text.lines().filter(|line| line.contains("  firmware, offset 0x")).count();
    assert_eq!((vcpus, pages), (3, 4), "{text}");
    assert_eq!(text.matches(&digest).count(), 2, "{text}");
    assert_eq!(text.lines().last(), Some(&digest[..]));
}

/// Options that give the digest of the made guest with other ones in their place, and the words for these.
fn culprits(made: &Made) -> Vec<(Vec<String>, &'static str)> {
    vec![
        (
            [made.options("snp"), ["--guest-features", "21"].map(str::to_owned).to_vec()].concat(),
            "with guest features 0x21 instead of 0x1 the digest is the expected one",
        ),
        (
            made.options_but("--vcpu-type", "EPYC-Genoa"),
            "with the vCPU type EPYC-Genoa or EPYC-Genoa-v1 (0x00a10f10) instead of 0x00a00f11 the digest is the expected one",
        ),
        (
            made.options_but("--append", "console=ttyS0\n"),
            "with the command line \"console=ttyS0\" with a line feed at its end the digest is the expected one",
        ),
        (
            made.options_but("--vcpus", "8"),
            "with 8 vCPUs instead of 2 the digest is the expected one",
        ),
        (
            [made.options("snp"), ["--vmm", "ec2-2025"].map(str::to_owned).to_vec()].concat(),
            "with the VMM ec2-2025 (until 2025, sev-snp-measure 0.0.12) instead of qemu the digest is the expected one",
        ),
    ]
}

/// Each of the parameters is wrong once, and named.
#[test]
fn wrong_parameters() {
    let made = Made::new();
    for (options, words) in culprits(&made) {
        let expected = printed(&measure(&options));
        let believed = made.options("snp");
        let output = with(&believed, &["--explain", "--expect", &expected]);
        ended(&output, 4, &[words, &expected]);
        let document = json(&with(&believed, &["--explain", "--expect", &expected, "--json"]));
        assert_eq!(document["explanation"]["words"], words);
        assert_eq!(document["explanation"]["changes"].as_array().unwrap().len(), 1);
        assert_eq!(document["explanation"]["alternatives"], json!([]));
        assert_eq!(document["is_expected"], false);
        assert_eq!(document["expected"], *expected);
        // Only if it is asked for.
        let output = with(&believed, &["--expect", &expected, "--json"]);
        ended(&output, 4, &["--explain says what else would give it"]);
        assert_eq!(json(&output).get("explanation"), None);
    }
    // Two at once.
    let mut options = made.options_but("--vcpu-type", "EPYC-Genoa");
    options.extend(["--guest-features", "21"].map(str::to_owned));
    let expected = printed(&measure(&options));
    let output = with(&made.options("snp"), &["--explain", "--expect", &expected]);
    ended(&output, 4, &["vCPU type EPYC-Genoa", " and guest features 0x21"]);
    // And what nobody has.
    let output = with(&made.options("snp"), &["--explain", "--expect", &"00".repeat(48)]);
    ended(&output, 4, &["not found: ", " digests, none of them the expected one"]);
    let unlike = ["--explain", "--json", "--expect", &"00".repeat(48)];
    assert_eq!(json(&with(&made.options("snp"), &unlike))["explanation"]["changes"], Value::Null);
    // SEV and SEV-ES have no suspects, and say only that it differs.
    let output = with(&made.options("sev-es"), &["--explain", "--expect", &"00".repeat(32)]);
    ended(&output, 4, &["expected 0000"]);
}

/// Files and command lines that may be the right ones.
#[test]
fn other_files() {
    let made = Made::new();
    let other = Image::ovmf(0x8000).build();
    let ovmf = made.folder.write("other.fd", other);
    let kernel = made.folder.write("vmlinuz-2", b"kernel 2");
    let initrd = made.folder.write("initrd-2", b"initrd 2");
    let decoys = ["--try-kernel", &made.folder.write("decoy", b"decoy"), "--try-append", "decoy"];
    for (option, value, other, words) in [
        ("--ovmf", &ovmf, "--try-ovmf", format!("with the firmware {ovmf} the")),
        ("--kernel", &kernel, "--try-kernel", format!("with the kernel {kernel} the")),
        ("--initrd", &initrd, "--try-initrd", format!("with the initrd {initrd} the")),
        ("--append", &"quiet".to_owned(), "--try-append", "line \"quiet\" the".to_owned()),
    ] {
        let expected = printed(&measure(&made.options_but(option, value)));
        let options = ["--explain", "--expect", &expected, other, value];
        let output = with(&made.options("snp"), &[&decoys[..], &options].concat());
        ended(&output, 4, &[&words]);
    }
    // A kernel that was thought not to be measured.
    let expected = digest_of(&made.launch());
    let file = |name| made.folder.path(name);
    let believed = ["snp", "--ovmf", &file("ovmf.fd"), "--vcpus", "2", "--vcpu-type", "EPYC-Milan"];
    let options = ["--explain", "--expect", &expected, "--try-kernel", &file("vmlinuz")];
    let others = ["--try-initrd", &file("initrd.img"), "--try-append", "console=ttyS0"];
    let output = measure(&[&believed[..], &options, &others].concat());
    ended(&output, 4, &["with hashes of the kernel, ", " and the command line \"console=ttyS0\""]);
    // Firmware of which there is only the digest; and the file as well.
    let expected = printed(&measure(&made.options_but("--ovmf", &ovmf)));
    let known = printed(&measure(&["ovmf-hash", "--ovmf", &ovmf]));
    let mut options = vec!["--explain", "--expect", &expected, "--try-ovmf-hash", &known];
    let words = format!("with the firmware {known} the digest is the expected one");
    ended(&with(&made.options("snp"), &options), 4, &[&words]);
    options.extend(["--try-ovmf", &ovmf]);
    let words =
        format!("with the firmware {ovmf} the digest is the expected one; so it is {words}");
    let words = words.trim_end_matches(" the digest is the expected one");
    ended(&with(&made.options("snp"), &options), 4, &[words]);
    options.push("--json");
    let document = json(&with(&made.options("snp"), &options));
    assert_eq!(document["explanation"]["alternatives"], json!([[format!("the firmware {known}")]]));
    let options = ["--explain", "--expect", &expected, "--try-ovmf-hash", "00"];
    ended(&with(&made.options("snp"), &options), 1, &["--try-ovmf-hash: 1 bytes, expected 48"]);
    // A file that is no firmware.
    let options = ["--explain", "--expect", &"00".repeat(48), "--try-ovmf", &kernel];
    ended(&with(&made.options("snp"), &options), 2, &["vmlinuz-2: the image has 8 bytes"]);
}

#[test]
fn compared_logs() {
    let made = Made::new();
    let log =
        |name: &str, options: &[String]| made.folder.write(name, with(options, &["--json"]).stdout);
    let compare = |first: &str, second: &str| measure(&["compare", first, second]);
    let first = log("first.json", &made.options("snp"));
    let digest = digest_of(&made.launch());
    let same = compare(&first, &log("same.json", &made.options("snp")));
    assert_eq!(printed(&same), format!("equal: 21 steps, digest {digest}"));

    let genoa = log("genoa.json", &made.options_but("--vcpu-type", "EPYC-Genoa"));
    let words = ["genoa.json differ: step 19 (vCPU 0): the contents have the digest "];
    ended(&compare(&first, &genoa), 4, &words);
    let document = json(&measure(&["compare", "--json", &first, &genoa]));
    assert_eq!((&document["is_equal"], &document["step"]), (&false.into(), &19.into()));
    let more = log("more.json", &made.options_but("--vcpus", "3"));
    ended(&compare(&first, &more), 4, &["step 21 (vCPU 2): the second has a VMSA page"]);
    let line = log("line.json", &made.options_but("--append", "quiet"));
    ended(&compare(&first, &line), 4, &["step 16 (kernel hashes): "]);
    let gce = [made.options("snp"), ["--vmm", "gce"].map(str::to_owned).to_vec()].concat();
    let words =
        ["step 4 (section 0 (SNP_SEC_MEM)): the page type is ZERO in the first, UNMEASURED"];
    ended(&compare(&first, &log("gce.json", &gce)), 4, &words);
    let sev = log("sev.json", &made.options("sev"));
    ended(&compare(&first, &sev), 4, &["step 0 "]);

    // The firmware's digest in place of its pages: the same launch, and another one.
    let end = made.folder.write("end.fd", &made.image[0x3000..]);
    let known = printed(&measure(&["ovmf-hash", "--ovmf", &made.folder.path("ovmf.fd")]));
    let mut options = made.options_but("--ovmf", &end);
    options.extend(["--ovmf-hash", &known].map(str::to_owned));
    let by_digest = log("by-digest.json", &options);
    let same = compare(&first, &by_digest);
    assert_eq!(printed(&same), format!("equal: 21 steps, digest {digest}"));
    assert!(printed(&compare(&by_digest, &first)).starts_with("equal: 18 steps"));
    let words = ["step 19 (vCPU 0): the contents have the digest "];
    options.extend(["--guest-features", "21"].map(str::to_owned));
    ended(&compare(&first, &log("by-digest-21.json", &options)), 4, &words);
    options.push("--explain".to_owned());
    let text = stdout(&measure(&options));
    let line = text.lines().find(|line| line.ends_with("  firmware, offset 0x0")).unwrap();
    let columns: Vec<_> = line.split_whitespace().take(6).collect();
    assert_eq!(columns, ["0", "0xfffff000", "0x1000", "NORMAL", "-", &known[..16]]);

    // Every kind of origin comes back.
    let svsm = r#"{"gpa":"0x1000","length":4096,"page_type":"NORMAL","contents":null,"digest_after":"D","from":F}"#;
    let svsm = svsm.replace('D', &"00".repeat(48));
    for from in [
        r#"{"what":"svsm","offset":0}"#,
        r#"{"what":"directive","number":1}"#,
        r#"{"what":"section","number":1,"kind":"SNP_SECRETS"}"#,
    ] {
        let file = format!("{{\"steps\":[{}]}}", svsm.replace('F', from));
        let file = made.folder.write("one.json", file);
        assert!(printed(&compare(&file, &file)).starts_with("equal: 1 steps"), "{from}");
    }

    // What is no log.
    ended(&compare(&first, &made.folder.path("none")), 1, &["none: "]);
    ended(&compare(&first, &made.folder.path("vmlinuz")), 2, &["vmlinuz: ", "measure ... --json"]);
    let text = fs::read_to_string(&first).unwrap();
    for (right, wrong, field) in [
        (r#""0xffffc000""#, r#""0xffffffffffffffff""#, "step 0: gpa"),
        (r#""0xffffc000""#, r#""ffffc000""#, "step 0: gpa"),
        (r#""NORMAL""#, r#""normal""#, "step 0: page_type"),
        (r#""SNP_SEC_MEM""#, r#""SEC_MEM""#, "step 4: from.kind"),
        (&digest, "00", "step 20: digest_after"),
        (r#""contents": ""#, r#""contents": "0"#, "step 0: contents"),
        (r#""what": "vcpu""#, r#""what": "gpu""#, "gpu"),
        (r#""steps""#, r#""step""#, "missing field `steps`"),
    ] {
        assert!(text.contains(right), "{right}");
        let changed = match field {
            "step 20: digest_after" => text.replace(right, wrong),
            _ => text.replacen(right, wrong, 1),
        };
        let file = made.folder.write("changed.json", changed);
        ended(&compare(&first, &file), 2, &["changed.json: ", field]);
    }
}
