//! `sevcrypt session`, `secret`, `attest`, the measurements of SEV and SEV-ES in a session, and `certs` on their
//! certificates, as a user runs them.

#[path = "../../tests/launch/builder.rs"]
#[allow(dead_code, reason = "shared with the tests of images")]
mod builder;
#[path = "../../tests/support/real.rs"]
mod real;
mod support;

use std::fs;
use std::path::Path;
use std::process::Output;

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use sevcrypt::ecdh::PrivateKey;
use sevcrypt::image::{CpuSignature, Generation, Launch, Ovmf, Profile};
use sevcrypt::sev::cert::Certificate;
use sevcrypt::sev::launch::{MeasurementInput, measure as launch_digest};
use sevcrypt::sev::session::{SessionBuffer, Tik, Unwrapped};
use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
use sevcrypt::{Hex, Page};

use builder::Image;
use support::{Folder, fed, hex, json, printed, run, stderr, stdout};

/// The private key of the PDH in vectors/sev.
const PDH: &str = "5b53a12149a75d8873dc96e933242c64bd13a1dd6e3573db0fa3229cfb115943\
    87d988b35dee9aedd5d6335b200301d6";
const TIK: &str = "303132333435363738393a3b3c3d3e3f";
const TEK: &str = "202122232425262728292a2b2c2d2e2f";
const NONCE: &str = "505152535455565758595a5b5c5d5e5f";
/// A launch digest, and what a firmware of API 1.55, build 25, measures under TIK and NONCE for policy 0x37010005.
const DIGEST: &str = "d35340b57032d6b88d70e03567857ab00024d096b39b20c392dd1c6a67669b52";
const MEASURE: &str = "1dfc044414d5145df3ec98db2041fce70b310496db49ebfbf74fc49e48a7faa1";
const API_1_55: FirmwareVersion =
    FirmwareVersion { api: ApiVersion { major: 1, minor: 55 }, build: 25 };

fn array<const N: usize>(digits: &str) -> [u8; N] {
    hex(digits).try_into().unwrap()
}

/// The exit code, and words on standard error, which has nothing of a key.
#[track_caller]
fn ended(output: &Output, code: i32, words: &[&str]) {
    support::ended(output, code, words);
    let text = stderr(output);
    for secret in [TIK, TEK] {
        assert!(!text.contains(&secret[..12]), "{text}");
    }
}

fn made_path(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/sev");
    folder.join(name).to_str().unwrap().to_owned()
}

/// A file of vectors/sev.
fn made(name: &str) -> Vec<u8> {
    fs::read(made_path(name)).unwrap()
}

/// Certificates of the test platform, one behind the other.
fn chain(names: &[&str]) -> Vec<u8> {
    names.iter().flat_map(|name| made(&format!("{name}.cert"))).collect()
}

const SIGNED: [&str; 4] = ["pdh", "pek", "oca", "cek"];
const EXPORTED: [&str; 4] = ["pdh", "pek", "oca", "cek-unsigned"];
const WHOLE: [&str; 6] = ["pdh", "pek", "oca", "cek", "ask", "ark"];

/// `session create` into a folder of this name with a chain, and more options.
fn create(folder: &Folder, out: &str, chain: &[u8], options: &[&str]) -> Output {
    let chain = folder.write("chain.cert", chain);
    let out = folder.path(out);
    let fixed = ["session", "create", "--pdh-chain", &chain, "--policy", "0x5", "--out", &out];
    run(&[&fixed, options].concat())
}

/// The keys of the session in a folder, as the platform's firmware finds them.
#[track_caller]
fn opened(folder: &Folder, out: &str, policy: u32) -> [Vec<u8>; 2] {
    let file = |name: &str| folder.read(&format!("{out}/{name}"));
    let pdh = PrivateKey::from_scalar(&array(PDH)).unwrap();
    let peer = Certificate::parse(&file("godh.cert")).unwrap();
    let buffer = SessionBuffer::from_bytes(&file("session.bin").try_into().unwrap());
    let unwrapped = Unwrapped::open(&pdh, &peer, &buffer).unwrap();
    let channel = unwrapped.check_policy(GuestPolicy(policy), API_1_55.api).unwrap();
    let keys = channel.keys();
    let found = [keys.tik.as_bytes().to_vec(), keys.tek.as_bytes().to_vec()];
    assert_eq!(found, [file("tik.bin"), file("tek.bin")]);
    found
}

#[test]
fn a_session_with_a_verified_platform() {
    let folder = Folder::new();
    let root = made_path("ark.cert");
    let output = create(&folder, "out", &chain(&WHOLE), &["--root", &root, "--json"]);
    ended(&output, 0, &[]);
    let files = ["godh.cert", "session.bin", "tek.bin", "tik.bin"];
    assert_eq!(folder.names("out"), files);
    let document = json(&output);
    assert_eq!(document["verdict"], "created");
    assert_eq!(document["verified"], true);
    assert_eq!(document["policy"]["set"], json!(["NODBG", "ES"]));
    assert_eq!(document["files"]["tik"], folder.path("out/tik.bin"));
    let first = opened(&folder, "out", 5);
    let lengths = files.map(|name| folder.read(&format!("out/{name}")).len());
    assert_eq!(lengths, [2084, 128, 16, 16]);

    // Another run, another session.
    let output = create(&folder, "second", &chain(&WHOLE), &["--root", &root]);
    ended(&output, 0, &[]);
    assert!(stdout(&output).contains(&folder.path("second/godh.cert")), "{output:?}");
    assert_eq!(folder.names("second"), files);
    let second = opened(&folder, "second", 5);
    assert!(first.iter().all(|key| !second.contains(key)));

    // In any order, and in several files.
    let rest = folder.write("rest.cert", chain(&["ark", "cek", "oca", "ask", "pek"]));
    let options = ["--cert", &rest, "--root", &root];
    ended(&create(&folder, "third", &made("pdh.cert"), &options), 0, &[]);
    // The CEK as the platform exports it, and with AMD's signature.
    folder.write("rest.cert", chain(&["cek", "ask", "ark"]));
    ended(&create(&folder, "fourth", &chain(&EXPORTED), &options), 0, &[]);
    // A firmware makes the CEK that it exports with its own API version, which AMD's has not; and a host can put any
    // signature onto it. What the owner brings counts.
    let mut exported = chain(&EXPORTED);
    let cek = 3 * Certificate::LEN;
    exported[cek + 4] ^= 0x10;
    exported[cek + 5] ^= 0x01;
    ended(&create(&folder, "other-api", &exported, &options), 0, &[]);
    opened(&folder, "other-api", 5);
    let mut forged = chain(&SIGNED);
    forged[cek + 0x41c + 0x10] ^= 1;
    ended(&create(&folder, "forged", &forged, &options), 0, &[]);
    opened(&folder, "forged", 5);
    // As text.
    let text = Base64::encode_string(&chain(&WHOLE));
    ended(&create(&folder, "fifth", text.as_bytes(), &["--root", &root]), 0, &[]);
}

/// The keys of a session are nowhere else.
#[test]
fn a_session_never_replaces_keys() {
    let folder = Folder::new();
    let root = made_path("ark.cert");
    for name in ["tik.bin", "tek.bin"] {
        fs::create_dir(folder.path(name)).unwrap();
        for file in [name, "session.bin"] {
            folder.write(&format!("{name}/{file}"), "old");
        }
        let output = create(&folder, name, &chain(&WHOLE), &["--root", &root]);
        ended(&output, 1, &[name, "is there already", "choose another directory"]);
        let [key, session] = [name, "session.bin"].map(|it| folder.read(&format!("{name}/{it}")));
        assert_eq!([&key[..], &session], [b"old", b"old"]);
        assert_eq!(folder.names(name).len(), 2);
    }
    // What the host gets anyway may be old.
    fs::remove_file(folder.path("tik.bin/tik.bin")).unwrap();
    ended(&create(&folder, "tik.bin", &chain(&WHOLE), &["--root", &root]), 0, &[]);
    opened(&folder, "tik.bin", 5);
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_keys() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let mode = |name: &str| fs::metadata(folder.path(name)).unwrap().permissions().mode() & 0o777;
    let root = made_path("ark.cert");
    ended(&create(&folder, "out", &chain(&WHOLE), &["--root", &root]), 0, &[]);
    assert_eq!([mode("out/tik.bin"), mode("out/tek.bin")], [0o600, 0o600]);
    assert_eq!(mode("out/godh.cert") & 0o444, mode("chain.cert") & 0o444);
}

#[test]
fn a_session_with_a_pdh_alone() {
    let folder = Folder::new();
    let (pdh, out) = (made_path("pdh.cert"), folder.path("out"));
    let arguments =
        ["session", "create", "--pdh", &pdh, "--policy", "37010005", "--out", &out, "--json"];
    let output = run(&arguments);
    ended(&output, 0, &["note: ", "pdh.cert: not verified"]);
    assert_eq!(json(&output)["verified"], false);
    assert_eq!(json(&output)["product"], Value::Null);
    opened(&folder, "out", 0x3701_0005);
    let second = folder.path("second");
    let from_stdin = arguments.map(|it| match it {
        it if it == pdh => "-",
        it if it == out => &second,
        it => it,
    });
    ended(&fed(&from_stdin, &made("pdh.cert")), 0, &[]);
}

/// Nothing of the platform's is taken on faith, and nothing is left behind.
#[test]
fn platforms_that_are_refused() {
    let folder = Folder::new();
    let root = made_path("ark.cert");
    let trusted = ["--root", &*root];
    let refused = |bytes: &[u8], options: &[&str], code, words: &[&str]| {
        let output = create(&folder, "out", bytes, options);
        ended(&output, code, words);
        assert_eq!(stdout(&output), "");
        assert!(!fs::exists(folder.path("out")).unwrap());
        let document = json(&create(&folder, "out", bytes, &[options, &["--json"]].concat()));
        let verdict = match code {
            2 => "malformed",
            3 => "not-authentic",
            _ => "incomplete",
        };
        assert_eq!(document["verdict"], verdict);
        assert!(!document["why"].as_str().unwrap().is_empty());
    };

    // AMD's keys only.
    refused(&chain(&WHOLE), &[], 3, &["ARK"]);
    refused(&chain(&SIGNED), &[], 3, &["CEK"]);
    // The keys of somebody who has the names of the root.
    refused(
        &chain(&["pdh", "pek", "oca", "attacker-cek", "attacker-ask", "attacker-ark"]),
        &trusted,
        3,
        &["ARK"],
    );
    refused(
        &chain(&["pdh", "pek", "oca", "attacker-cek", "attacker-ask", "ark"]),
        &trusted,
        3,
        &["ASK"],
    );
    refused(&chain(&["pdh", "pek", "oca", "attacker-cek", "ask", "ark"]), &trusted, 3, &["CEK"]);
    // What the KDS has.
    refused(&chain(&EXPORTED), &trusted, 5, &["CEK", "https://kdsintf.amd.com/cek/id/"]);
    for missing in ["pdh", "pek", "oca", "cek"] {
        let others: Vec<_> = WHOLE.into_iter().filter(|name| *name != missing).collect();
        refused(&chain(&others), &trusted, 5, &[&missing.to_uppercase()]);
    }
    refused(&chain(&SIGNED), &trusted, 5, &["ASK"]);
    // A bit of what is signed, in each certificate.
    for (index, name) in WHOLE.into_iter().enumerate() {
        let mut bytes = chain(&WHOLE);
        let offset = chain(&WHOLE[..index]).len();
        bytes[offset + 0x4c] ^= 1; // of a public key
        refused(&bytes, &trusted, 3, &[&name.to_uppercase()]);
        let mut bytes = chain(&WHOLE);
        let signature = if index < 4 { 0x41c } else { 0x440 };
        bytes[offset + signature + 0x10] ^= 1;
        refused(&bytes, &trusted, 3, &[&name.to_uppercase()]);
    }
    // No certificates.
    let whole = chain(&WHOLE);
    refused(&[], &trusted, 2, &["chain.cert", "no certificate"]);
    refused(&whole[..8335], &trusted, 2, &["chain.cert: the certificate at offset 0x186c"]);
    refused(
        &whole[..8337],
        &trusted,
        2,
        &["chain.cert: no SEV or AMD certificate begins at offset 0x2090"],
    );
    refused(b"certificates", &trusted, 2, &["chain.cert"]);
    // Of two platforms, or of one at two times: both files are named.
    let mut other = made("pek.cert");
    other[0x20] ^= 1;
    let words = ["chain.cert: ", "PEK", "not of one platform"];
    refused(&[&whole[..], &other].concat(), &trusted, 3, &words);
    let other = folder.write("other.cert", other);
    refused(
        &whole,
        &["--cert", &other, "--root", &root],
        3,
        &["other.cert, behind ", "chain.cert: ", "PEK", "not of one platform"],
    );
    // The PDH of somebody else.
    let mut own = made("pdh.cert");
    let key = PrivateKey::from_random(&[7; 56]).public_key();
    let of_own = Certificate::of_ecdh_key(&key, API_1_55.api);
    own[..1044].copy_from_slice(&of_own.as_bytes()[..1044]);
    refused(&[own, chain(&WHOLE[1..])].concat(), &trusted, 3, &["PDH"]);
}

#[test]
fn sessions_with_wrong_options() {
    let folder = Folder::new();
    let (pdh, root) = (made_path("pdh.cert"), made_path("ark.cert"));
    let whole = folder.write("whole.cert", chain(&WHOLE));
    let out = folder.path("out");
    let file = folder.write("file", "no folder");
    let run = |arguments: &[&str], code, words: &[&str]| {
        let output = run(&[&["session", "create"], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        words.iter().for_each(|word| assert!(text.contains(word), "no '{word}' in: {text}"));
        assert!(!fs::exists(&out).unwrap());
    };
    run(&["--policy", "1", "--out", &out], 1, &["--pdh-chain <FILE>|--pdh <FILE>"]);
    run(&["--pdh", &pdh, "--out", &out], 1, &["--policy"]);
    run(&["--pdh", &pdh, "--policy", "1"], 1, &["--out"]);
    run(&["--pdh", &pdh, "--pdh-chain", &whole, "--policy", "1", "--out", &out], 1, &["--pdh"]);
    run(&["--pdh", &pdh, "--root", &root, "--policy", "1", "--out", &out], 1, &["--root"]);
    for policy in ["", "0x", "+1", "-1", "policy", "100000000"] {
        run(&["--pdh", &pdh, "--policy", policy, "--out", &out], 1, &["--policy"]);
    }
    run(&["--pdh-chain", "-", "--cert", "-", "--policy", "1", "--out", &out], 1, &["once"]);
    run(&["--pdh", &pdh, "--policy", "0x41", "--out", &out], 1, &["reserved bits 0x40"]);
    run(&["--pdh", &folder.path("none"), "--policy", "1", "--out", &out], 1, &["none: "]);
    run(&["--pdh", &made_path("pek.cert"), "--policy", "1", "--out", &out], 2, &["no PDH"]);
    run(&["--pdh", &made_path("report.bin"), "--policy", "1", "--out", &out], 2, &["report.bin"]);
    let mut off_the_curve = made("pdh.cert");
    off_the_curve[0x14] ^= 1;
    let off_the_curve = folder.write("off.cert", off_the_curve);
    run(&["--pdh", &off_the_curve, "--policy", "1", "--out", &out], 2, &["off.cert"]);
    run(&["--pdh", &pdh, "--policy", "1", "--out", &file], 1, &["file: "]);
    // A name that is taken by something else: none of the files changes.
    fs::create_dir_all(folder.path("taken/tek.bin")).unwrap();
    run(
        &["--pdh", &pdh, "--policy", "1", "--out", &folder.path("taken")],
        1,
        &["tek.bin: is there already"],
    );
    assert_eq!(folder.names("taken"), ["tek.bin"]);
    fs::create_dir_all(folder.path("host/godh.cert")).unwrap();
    run(
        &["--pdh", &pdh, "--policy", "1", "--out", &folder.path("host")],
        1,
        &["godh.cert: is a directory"],
    );
    assert_eq!(folder.names("host"), ["godh.cert"]);
}

/// `measure sev --launch-digest` of the known launch, with one option replaced or left out.
fn known_launch(change: Option<(&str, Option<&str>)>) -> Vec<String> {
    let mut arguments = vec!["measure".to_owned(), "sev".to_owned()];
    for (option, value) in [
        ("--launch-digest", DIGEST),
        ("--tik", TIK),
        ("--nonce", NONCE),
        ("--api-major", "1"),
        ("--api-minor", "55"),
        ("--build-id", "25"),
        ("--policy", "0x37010005"),
    ] {
        let value = match change {
            Some((name, value)) if name == option => value,
            _ => Some(value),
        };
        arguments.extend(value.iter().flat_map(|value| [option, value]).map(str::to_owned));
    }
    arguments
}

fn known_measurement() -> Vec<u8> {
    hex(&[MEASURE, NONCE].concat())
}

#[test]
fn measurements_of_a_known_launch() {
    let folder = Folder::new();
    let known = Base64::encode_string(&known_measurement());
    let with = |options: &[&str]| {
        let mut arguments = known_launch(None);
        arguments.extend(options.iter().map(|it| (*it).to_owned()));
        run(&arguments)
    };
    assert_eq!(printed(&with(&[])), known);
    assert_eq!(printed(&with(&["--output", "hex"])), [MEASURE, NONCE].concat());
    let tik = format!("@{}", folder.write("tik.bin", hex(TIK)));
    assert_eq!(printed(&run(&known_launch(Some(("--tik", Some(&tik)))))), known);
    let document = json(&with(&["--json"]));
    assert_eq!(document["measurement"], known);
    assert_eq!(document["digest"], DIGEST);
    assert_eq!(document["steps"], json!([]));
    let text = stdout(&with(&["--explain"]));
    for line in ["1.55 build 25", "0x37010005", NONCE, DIGEST, &known] {
        assert!(text.contains(line), "no '{line}' in: {text}");
    }

    // In either form, and in a file.
    let file = format!("@{}", folder.write("measure", format!("{known}\n")));
    let raw = format!("@{}", folder.write("raw", known_measurement()));
    for expected in [&known, &[MEASURE, NONCE].concat(), &file, &raw] {
        let output = with(&["--expect", expected, "--json"]);
        ended(&output, 0, &[]);
        assert_eq!(json(&output)["is_expected"], true);
    }
    for byte in [0, 31, 47] {
        let mut other = known_measurement();
        other[byte] ^= 1;
        let words: &[&str] = match byte {
            47 => &["the launch measurement is", "another nonce"],
            _ => &["the launch measurement is", &known],
        };
        let output = with(&["--expect", &Base64::encode_string(&other)]);
        ended(&output, 4, words);
        assert_eq!(printed_anyway(&output), known);
    }
    ended(&with(&["--expect", DIGEST]), 1, &["--expect: 32 bytes, expected 48"]);
    ended(&with(&["--expect", "measurement!"]), 1, &["--expect"]);
    // What is in a file is malformed, however it is.
    for content in ["measurement!", DIGEST, ""] {
        let file = format!("@{}", folder.write("expected", content));
        ended(&with(&["--expect", &file]), 2, &["--expect: ", "expected: "]);
    }
    for (option, words) in [("--tik", "tik: 15 bytes, expected 16"), ("--nonce", "tik: 15 bytes")] {
        let file = format!("@{}", folder.write("tik", [0; 15]));
        ended(&run(&known_launch(Some((option, Some(&file))))), 2, &[option, words]);
    }
    ended(&run(&known_launch(Some(("--tik", Some("@/dev/zero"))))), 2, &["longer than"]);
    assert_eq!(printed(&fed(&known_launch(Some(("--tik", Some("@-")))), &hex(TIK))), known);
}

fn printed_anyway(output: &Output) -> String {
    stdout(output).trim_end().to_owned()
}

/// Everything that is measured changes the measurement, and nothing is measured that was not given.
#[test]
fn measurements_of_other_launches() {
    let known = printed(&run(&known_launch(None)));
    let other = "0".repeat(64);
    for (option, value) in [
        ("--launch-digest", &*other),
        ("--tik", TEK),
        ("--nonce", TEK),
        ("--api-major", "2"),
        ("--api-minor", "54"),
        ("--build-id", "26"),
        ("--policy", "0x37010004"),
    ] {
        let changed = printed(&run(&known_launch(Some((option, Some(value))))));
        assert_ne!(changed, known, "{option}");
        let output = run(&known_launch(Some((option, None))));
        assert_eq!(output.status.code(), Some(1), "{option}: {output:?}");
    }
    for (option, value) in [
        ("--launch-digest", NONCE),
        ("--tik", "30313233"),
        ("--tik", "@/no/such/file"),
        ("--nonce", "50"),
        ("--api-major", "256"),
        ("--api-minor", "0x10"),
        ("--build-id", "x"),
        ("--policy", "100000000"),
    ] {
        let output = run(&known_launch(Some((option, Some(value)))));
        assert_eq!(output.status.code(), Some(1), "{option}: {output:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains(option), "{option}");
    }
    // What is not measured then is refused, and not passed over.
    let both = |generation: &str, options: &[&str]| {
        let mut arguments = known_launch(None);
        arguments[1] = generation.to_owned();
        arguments.extend(options.iter().map(|it| (*it).to_owned()));
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(1), "{options:?}: {output:?}");
        let text = stderr(&output);
        assert!(text.contains(options[0]) && text.contains("cannot be used with"), "{text}");
    };
    for generation in ["sev", "sev-es"] {
        for (option, value) in [
            ("--ovmf", "file"),
            ("--kernel", "file"),
            ("--initrd", "file"),
            ("--append", "text"),
            ("--guest-features", "1"),
            ("--vmm", "qemu"),
            ("--ovmf-hash", DIGEST),
            ("--dump-vmsa", "folder"),
            ("--vcpus", "1"),
            ("--vcpu-type", "EPYC"),
            ("--vcpu-sig", "1"),
            ("--vcpu-family", "1"),
            ("--vcpu-model", "1"),
            ("--vcpu-stepping", "1"),
        ] {
            both(generation, &[option, value]);
        }
    }
    both("sev-es", &["--vmsa-cpu0", "file"]);
    both("sev-es", &["--vmsa-cpu1", "file"]);
    let output = run(&["measure", "snp", "--launch-digest", DIGEST]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

/// Up to API 0.16 neither version nor build is measured.
#[test]
fn measurements_of_old_firmware() {
    let old = |minor| {
        let mut arguments = known_launch(Some(("--api-minor", Some(minor))));
        let major = arguments.iter().position(|it| it == "--api-major").unwrap();
        arguments[major + 1] = "0".to_owned();
        arguments.extend(["--output", "hex"].map(str::to_owned));
        printed(&run(&arguments))
    };
    let known = "1746e0f547020130f61b27a0ed2284be2e38c0cad357fca46c9c84cc2cd299f4";
    assert_eq!(old("16"), [known, NONCE].concat());
    assert_eq!(old("1"), [known, NONCE].concat());
    assert_ne!(old("17"), [known, NONCE].concat());
}

/// The digest of a made firmware, and of save areas, under a session.
#[test]
fn measurements_of_images() {
    let folder = Folder::new();
    let image = Image::ovmf(0x4000).build();
    let ovmf = folder.write("ovmf.fd", &image);
    let [first, others] = [0x11, 0x22].map(|byte| -> Page { [byte; 4096] });
    let (first_path, others_path) =
        (folder.write("vmsa0.bin", first), folder.write("vmsa1.bin", others));
    let milan = CpuSignature(0x00a0_0f11);
    let mut launch = Launch::new(Ovmf::parse(&image).unwrap(), milan, &Profile::QEMU);
    launch.vcpus = 3;
    let of = |digest: [u8; 32]| {
        let (policy, mnonce) = (GuestPolicy(0x3701_0005), array(NONCE));
        let input = MeasurementInput { firmware: API_1_55, policy, digest, mnonce };
        Base64::encode_string(&input.measure(&Tik::new(&array(TIK))).to_bytes())
    };
    let session = known_launch(Some(("--launch-digest", None)));
    let measured = |generation: &str, options: &[&str]| {
        let mut arguments = session.clone();
        arguments[1] = generation.to_owned();
        arguments.extend(["--ovmf", &ovmf].map(str::to_owned));
        arguments.extend(options.iter().map(|it| (*it).to_owned()));
        run(&arguments)
    };

    let sev = launch_digest(&launch, Generation::Sev, &mut |_| {}).unwrap();
    assert_eq!(printed(&measured("sev", &[])), of(sev));
    let document = json(&measured("sev", &["--json"]));
    assert_eq!(document["digest"], Hex(&sev).to_string());
    assert_eq!(document["measurement"], of(sev));
    let sev_es = launch_digest(&launch, Generation::SevEs, &mut |_| {}).unwrap();
    let vcpus = ["--vcpus", "3", "--vcpu-type", "EPYC-Milan"];
    assert_eq!(printed(&measured("sev-es", &vcpus)), of(sev_es));

    let mut dumped = sevcrypt::sev::launch::LaunchDigest::new();
    dumped.update_data(&image).unwrap();
    for page in [&first, &others, &others] {
        dumped.update_vmsa(page);
    }
    let pages = ["--vcpus", "3", "--vmsa-cpu0", &first_path, "--vmsa-cpu1", &others_path];
    assert_eq!(printed(&measured("sev-es", &pages)), of(dumped.digest()));
    ended(&measured("sev-es", &pages[..4]), 1, &["--vmsa-cpu1"]);
    ended(&measured("sev-es", &["--vcpus", "3"]), 1, &["--vcpu-type"]);
    // Without a session it is the digest, as ever.
    let plain = run(&["measure", "sev", "--ovmf", &ovmf]);
    assert_eq!(printed(&plain), Hex(&sev).to_string());
}

/// Two secrets for the known launch: made by a few lines of Python.
struct Packet {
    folder: Folder,
    secrets: [String; 2],
}

impl Packet {
    const HEADER: &str = "00000000606162636465666768696a6b6c6d6e6f\
        d07b64e3b0ab4c5cc1e17f5d59df8e5c9208726aa21612ca249e233694de5a61";
    const PAYLOAD: &str = "64f786ee78fd9d9c5b24f98d5e74f9092c81d798ec00a8f53dea148aa53fa93d\
        c2b37b5245d60478aa43ea5277c4139cab0d9768d3de8a4275fe28d17e1895ec\
        b705f59d0320dce332eb62d6086f88a6602485ba651ce6d0c202f1588d21679b";

    fn new() -> Self {
        let folder = Folder::new();
        let disk = folder.write("disk", "the passphrase of the disk");
        let other = folder.write("other", [0, 1, 2, 3, 4, 5, 6]);
        let secrets = [
            format!("736869e5-84f0-4973-92ec-06879ce3da0b:{disk}"),
            format!("01234567-89AB-cdef-0123-456789abcdef:{other}"),
        ];
        Self { folder, secrets }
    }

    /// `secret build`, with one option replaced or left out.
    fn arguments(&self, change: Option<(&str, Option<&str>)>) -> Vec<String> {
        let measure = Base64::encode_string(&known_measurement());
        let [header, payload] = ["header", "payload"].map(|name| self.folder.path(name));
        let mut arguments = vec!["secret".to_owned(), "build".to_owned()];
        for (option, value) in [
            ("--tik", TIK),
            ("--tek", TEK),
            ("--measure", &measure),
            ("--secret", &self.secrets[0]),
            ("--secret", &self.secrets[1]),
            ("--iv", "606162636465666768696a6b6c6d6e6f"),
            ("--header", &header),
            ("--payload", &payload),
        ] {
            let value = match change {
                Some((name, value)) if name == option => value,
                _ => Some(value),
            };
            arguments.extend(value.iter().flat_map(|value| [option, value]).map(str::to_owned));
        }
        arguments
    }

    fn build(&self, change: Option<(&str, Option<&str>)>) -> Output {
        run(&self.arguments(change))
    }

    /// The two files, which go away.
    fn take(&self) -> [Vec<u8>; 2] {
        let files = ["header", "payload"].map(|name| self.folder.read(name));
        ["header", "payload"]
            .iter()
            .for_each(|name| fs::remove_file(self.folder.path(name)).unwrap());
        files
    }
}

#[test]
fn a_packet_of_secrets() {
    let packet = Packet::new();
    let known = [Packet::HEADER, Packet::PAYLOAD].map(hex);
    let output = packet.build(None);
    ended(&output, 0, &[]);
    assert_eq!(stdout(&output), "");
    assert_eq!(packet.take(), known);

    let measure = format!("@{}", packet.folder.write("measure", known_measurement()));
    ended(&packet.build(Some(("--measure", Some(&measure)))), 0, &[]);
    assert_eq!(packet.take(), known);
    let measure = [MEASURE, NONCE].concat();
    ended(&packet.build(Some(("--measure", Some(&measure)))), 0, &[]);
    assert_eq!(packet.take(), known);
    let tek = format!("@{}", packet.folder.write("tek.bin", hex(TEK)));
    ended(&packet.build(Some(("--tek", Some(&tek)))), 0, &[]);
    assert_eq!(packet.take(), known);
    // To standard output, from standard input.
    let mut arguments = packet.arguments(Some(("--payload", Some("-"))));
    let first = arguments.iter().position(|it| *it == packet.secrets[0]).unwrap();
    arguments[first] = "736869e5-84f0-4973-92ec-06879ce3da0b:-".to_owned();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = fed(&arguments, b"the passphrase of the disk");
    ended(&output, 0, &[]);
    assert_eq!(output.stdout, known[1]);

    for (option, bytes) in [("--measure", known_measurement()), ("--tek", hex(TEK))] {
        ended(&fed(&packet.arguments(Some((option, Some("@-")))), &bytes), 0, &[]);
        assert_eq!(packet.take(), known);
    }

    // Random first counter blocks.
    ended(&packet.build(Some(("--iv", None))), 0, &[]);
    let first = packet.take();
    ended(&packet.build(Some(("--iv", None))), 0, &[]);
    let second = packet.take();
    assert!(first[0][4..20] != second[0][4..20] && first[1] != second[1]);
    assert_eq!([first[0].len(), first[1].len()], [52, 96]);
}

#[test]
fn packets_with_wrong_options() {
    let packet = Packet::new();
    let long = packet.folder.write("long", [0; 0x5000]);
    let very_long = packet.folder.write("very-long", [0; 0x2_0000]);
    let guid = "736869e5-84f0-4973-92ec-06879ce3da0b";
    let of = |file: &str| format!("{guid}:{file}");
    let names = packet.folder.names("");
    let (long, very_long, none) = (of(&long), of(&very_long), of(&packet.folder.path("none")));
    let twice = packet.secrets[0].clone();
    let [header, roundabout] = ["header", "./header"].map(|name| packet.folder.path(name));
    for (option, value, words) in [
        ("--tik", None, "--tik"),
        ("--tek", None, "--tek"),
        ("--measure", None, "--measure"),
        ("--secret", None, "--secret"),
        ("--header", None, "--header"),
        ("--payload", None, "--payload"),
        ("--tik", Some("3031"), "--tik: 2 bytes, expected 16"),
        ("--tek", Some("tek"), "--tek"),
        ("--measure", Some(MEASURE), "--measure: 32 bytes, expected 48"),
        ("--measure", Some("no measurement"), "--measure"),
        ("--iv", Some("60"), "--iv: 1 bytes, expected 16"),
        ("--secret", Some(guid), "colon"),
        ("--secret", Some("736869e5-84f0-4973-92ec-06879ce3da0b:"), "behind the colon"),
        ("--secret", Some("736869e584f0497392ec06879ce3da0b:file"), "no GUID"),
        ("--secret", Some("736869e5-84f0-4973-92ec-06879ce3da0:file"), "no GUID"),
        ("--secret", Some("736869e5-84f0-4973-92ec-06879ce3dagb:file"), "no GUID"),
        ("--secret", Some(&none), "none: "),
        ("--secret", Some("736869e5-84f0-4973-92ec-06879ce3da0b:-"), "once"),
        // Two of them.
        (
            "--secret",
            Some(&long),
            "--secret: a table of 41020 bytes, but a packet has room for 20480",
        ),
        ("--secret", Some(&very_long), "very-long: longer than 20480 bytes"),
        ("--secret", Some(&twice), "--secret: 736869e5-84f0-4973-92ec-06879ce3da0b is given twice"),
        ("--payload", Some(&header), "same file"),
        ("--payload", Some(&roundabout), "same file"),
        ("--payload", Some("/no/such/folder/payload"), "/no/such/folder/payload"),
    ] {
        let output = packet.build(Some((option, value)));
        assert_eq!(output.status.code(), Some(1), "{option} {value:?}: {output:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(words), "no '{words}' in: {text}");
        assert!(!text.contains(&TIK[..12]) && !text.contains(&TEK[..12]), "{text}");
        assert_eq!(packet.folder.names(""), names, "{option} {value:?}");
    }

    // What is in a file is malformed.
    for option in ["--tik", "--tek", "--measure", "--iv"] {
        let file = format!("@{}", packet.folder.write("short", "some bytes"));
        ended(&packet.build(Some((option, Some(&file)))), 2, &[option, "short: "]);
    }
    fs::remove_file(packet.folder.path("short")).unwrap();
    // Standard input twice, and standard output.
    let from_stdin = format!("{guid}:-");
    for option in ["--tik", "--tek", "--measure", "--iv"] {
        let mut arguments = packet.arguments(Some((option, Some("@-"))));
        let first = arguments.iter().position(|it| *it == packet.secrets[0]).unwrap();
        arguments[first].clone_from(&from_stdin);
        let bytes = if option == "--measure" { known_measurement() } else { hex(TIK) };
        ended(&fed(&arguments, &bytes), 1, &["standard input can be read once only"]);
    }
    let mut arguments = packet.arguments(Some(("--payload", Some("-"))));
    let at = arguments.iter().position(|it| *it == header).unwrap();
    arguments[at] = "-".to_owned();
    let output = run(&arguments);
    ended(&output, 1, &["- and - are the same file"]);
    assert_eq!(stdout(&output), "");
    assert_eq!(packet.folder.names(""), names);
    let text = stdout(&run(&["secret", "--help"]));
    assert!(text.contains("Exit codes: 0 done"), "{text}");
}

/// What another tool has made.
#[test]
fn known_packets_and_measurements() {
    let Some(folder) = real::folder("known_packets_and_measurements") else { return };
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let document = |name: &str| -> Value { serde_json::from_slice(&read(name)).unwrap() };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let decoded = |value: &Value| Base64::decode_vec(value.as_str().unwrap()).unwrap();

    let known = document("legacy/sevctl_secret_packet.json");
    let out = Folder::new();
    let mut arguments = ["secret", "build", "--tik"].map(str::to_owned).to_vec();
    arguments.extend([text(&known["tik_hex"]), "--tek".to_owned(), text(&known["tek_hex"])]);
    arguments.extend(["--measure".to_owned(), text(&known["launch_measure_blob_b64"])]);
    arguments.extend(["--iv".to_owned(), Hex(&decoded(&known["iv_b64"])).to_string()]);
    for (index, secret) in known["secrets"].as_array().unwrap().iter().enumerate() {
        let file = out.write(&format!("secret{index}"), hex(secret["data_hex"].as_str().unwrap()));
        arguments.extend(["--secret".to_owned(), format!("{}:{file}", text(&secret["guid"]))]);
    }
    arguments.extend(["--header".to_owned(), out.path("header")]);
    arguments.extend(["--payload".to_owned(), out.path("payload")]);
    ended(&run(&arguments), 0, &[]);
    assert_eq!(out.read("header"), decoded(&known["expected_header_b64"]));
    assert_eq!(out.read("payload"), decoded(&known["expected_payload_b64"]));

    let known = document("legacy/sevctl_launch_measure.json");
    let std = &known["std"];
    let mut session = Vec::new();
    for (option, value) in [
        ("--tik", text(&std["tik_hex"])),
        ("--nonce", Hex(&decoded(&std["nonce_b64"])).to_string()),
        ("--api-major", std["api_major"].to_string()),
        ("--api-minor", std["api_minor"].to_string()),
        ("--build-id", std["build_id"].to_string()),
        ("--policy", std["policy"].to_string()),
    ] {
        session.extend([option.to_owned(), value]);
    }
    let cases = known["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let mut arguments = ["measure", "sev"].map(str::to_owned).to_vec();
        arguments.extend(session.clone());
        match case["firmware"].as_str() {
            Some(name) => {
                let path = folder.join("measurement").join(name);
                arguments.extend(["--ovmf".to_owned(), path.to_str().unwrap().to_owned()]);
            }
            None => {
                let digest = Hex(&decoded(&case["launch_digest_b64"])).to_string();
                arguments.extend(["--launch-digest".to_owned(), digest]);
            }
        }
        assert_eq!(printed(&run(&arguments)), text(&case["expected_b64"]));
    }
}

/// The launch digest in the report of vectors/sev.
const REPORTED: &str = "8bbb57bf0261ee4b1c5983f2f6f2b16b26cdc934291176c33328f70b74fc6fb8";

#[test]
fn reports() {
    let (report, pek, root) =
        (made_path("report.bin"), made_path("pek.cert"), made_path("ark.cert"));
    let verify =
        |options: &[&str]| run(&[&["attest", "verify", &report, "--pek", &pek], options].concat());
    let others = ["oca", "cek", "ask", "ark"].map(|name| made_path(&format!("{name}.cert")));
    let chain: Vec<&str> = others.iter().flat_map(|path| ["--chain", path]).collect();
    let verified = [&chain[..], &["--root", &root]].concat();

    let output = verify(&["--json"]);
    ended(&output, 0, &["note: ", "pek.cert: not verified"]);
    assert_eq!(
        json(&output),
        json!({
            "verdict": "signed-by-pek",
            "verified": false,
            "root": null,
            "product": null,
            "nonce": NONCE,
            "launch_digest": REPORTED,
            "policy": { "value": 0x3701_0005, "set": ["NODBG", "ES"], "unknown": 0 },
        })
    );
    let text = stdout(&verify(&[]));
    assert!(text.contains("signed-by-pek") && !text.contains("accepted"), "{text}");
    let output = verify(&[&verified[..], &["--json"]].concat());
    ended(&output, 0, &[]);
    assert_eq!(json(&output)["verdict"], "accepted");
    assert_eq!(String::from_utf8(output.stderr.clone()).unwrap(), "");
    assert_eq!(json(&output)["root"], "given");
    let output = verify(&verified);
    ended(&output, 0, &[]);
    for words in ["accepted", NONCE, REPORTED, "API 1.55 or later, NODBG ES"] {
        assert!(stdout(&output).contains(words), "no '{words}' in {output:?}");
    }
    // One file has them all, the PEK too; the report as text.
    let folder = Folder::new();
    let whole = folder.write("whole.cert", self::chain(&WHOLE));
    let text = folder.write("report.txt", Base64::encode_string(&made("report.bin")));
    let all = ["attest", "verify", &text, "--pek", &whole, "--chain", &whole, "--root", &root];
    ended(&run(&all), 0, &[]);

    // What is asked for of the guest.
    let asked = ["--nonce", NONCE, "--digest", REPORTED, "--policy", "0x37010005"];
    ended(&verify(&[&verified[..], &asked].concat()), 0, &[]);
    for (option, value, words) in [
        ("--nonce", &DIGEST[..32], "the nonce is 50515253"),
        ("--digest", DIGEST, "the launch digest is 8bbb57bf"),
        ("--policy", "37010004", "the policy is 0x37010005, expected 0x37010004"),
    ] {
        let output = verify(&[&verified[..], &[option, value, "--json"]].concat());
        ended(&output, 4, &[words]);
        assert_eq!(json(&output)["verdict"], "refused");
        assert_eq!(json(&output)["nonce"], NONCE);
        // Who did not sign has nothing to say about nonces.
        ended(&verify(&[&chain[..], &[option, value]].concat()), 3, &["ARK"]);
    }
    for (option, value) in [("--nonce", "50"), ("--digest", NONCE), ("--policy", "x")] {
        let output = verify(&[option, value]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        // Options first, whatever the report is.
        let output = run(&["attest", "verify", &pek, "--pek", &pek, option, value, "--json"]);
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""), "{output:?}");
    }
    ended(&verify(&["--chain", "/no/such/file"]), 1, &["/no/such/file"]);
    assert_eq!(verify(&["--root", &root]).status.code(), Some(1));
    ended(&run(&["attest", "verify", "-", "--pek", "-"]), 1, &["once"]);
}

#[test]
fn reports_that_are_refused() {
    let folder = Folder::new();
    let (pek, root) = (made_path("pek.cert"), made_path("ark.cert"));
    let whole = folder.write("whole.cert", chain(&WHOLE));
    let verify = |report: &[u8], options: &[&str]| {
        let report = folder.write("report.bin", report);
        run(&[&["attest", "verify", &report], options].concat())
    };
    let report = made("report.bin");
    let verified = ["--pek", &*pek, "--chain", &whole, "--root", &root];
    ended(&verify(&report, &verified), 0, &[]);

    // Every byte counts.
    for byte in 0..report.len() {
        let mut changed = report.clone();
        changed[byte] ^= 1;
        ended(&verify(&changed, &verified), 3, &["report.bin: "]);
    }
    let mut changed = report.clone();
    changed[0x30] ^= 1;
    let output = verify(&changed, &[&verified[..], &["--json"]].concat());
    assert_eq!(json(&output)["verdict"], "not-authentic");
    // No report.
    for bytes in [&report[1..], &[&report[..], &[0]].concat(), b"", b"report"] {
        let output = verify(bytes, &[&verified[..], &["--json"]].concat());
        ended(&output, 2, &["report.bin: "]);
        assert_eq!(json(&output)["verdict"], "malformed");
        assert_eq!(json(&output)["nonce"], Value::Null);
    }
    // Another key's report, and a PEK of nobody's.
    ended(&verify(&report, &["--pek", &made_path("oca.cert")]), 2, &["no PEK"]);
    let mut other = Certificate::parse(&made("oca.cert")).unwrap();
    other.set_usage(sevcrypt::sev::cert::Usage::PEK);
    let other = folder.write("other.cert", other.as_bytes());
    ended(&verify(&report, &["--pek", &other]), 3, &["not this PEK's"]);
    let rest = folder.write("rest.cert", chain(&["oca", "cek", "ask", "ark"]));
    ended(&verify(&report, &["--pek", &other, "--chain", &rest, "--root", &root]), 3, &["PEK"]);
    ended(
        &verify(&report, &["--pek", &other, "--chain", &whole, "--root", &root]),
        3,
        &["whole.cert, behind ", "other.cert: ", "not of one platform"],
    );
    // The chain's end.
    let unsigned = folder.write("unsigned.cert", chain(&["oca", "cek-unsigned"]));
    let output = verify(&report, &["--pek", &pek, "--chain", &unsigned]);
    ended(&output, 5, &["https://kdsintf.amd.com/cek/id/"]);
    let without = folder.write("without.cert", chain(&["oca", "ask", "ark"]));
    ended(&verify(&report, &["--pek", &pek, "--chain", &without]), 5, &["CEK"]);
    let without = folder.write("without.cert", chain(&["cek", "ask", "ark"]));
    ended(&verify(&report, &["--pek", &pek, "--chain", &without]), 5, &["OCA"]);
    let attacker = folder
        .write("attacker.cert", chain(&["oca", "attacker-cek", "attacker-ask", "attacker-ark"]));
    ended(&verify(&report, &["--pek", &pek, "--chain", &attacker, "--root", &root]), 3, &["ARK"]);
    ended(&verify(&report, &["--pek", &pek, "--chain", &whole, "--root", &pek]), 2, &["no ARK"]);
}

#[test]
fn certificates_are_shown() {
    let folder = Folder::new();
    let show = |bytes: &[u8], options: &[&str]| {
        let file = folder.write("file.cert", bytes);
        run(&[&["certs", "show", &file], options].concat())
    };
    let documents = |bytes: &[u8]| {
        let output = show(bytes, &["--json"]);
        ended(&output, 0, &[]);
        json(&output).as_array().unwrap().clone()
    };
    let pdh = PrivateKey::from_scalar(&array(PDH)).unwrap().public_key().to_sec1();
    let shown = documents(&made("pdh.cert"));
    assert_eq!(
        shown[0],
        json!({
            "type": "SEV certificate",
            "usage": "0x1003 (PDH)",
            "version": 1,
            "api": "1.55",
            "algorithm": "0x3 (ECDH, SHA-256)",
            "key": "P-384",
            "public_x": Hex(&pdh[1..49]).to_string(),
            "public_y": Hex(&pdh[49..]).to_string(),
            "signatures": [
                {
                    "slot": 1,
                    "usage": "0x1002 (PEK)",
                    "algorithm": "0x2 (ECDSA, SHA-256)",
                    "state": "not checked: no PEK in this file",
                },
                { "slot": 2, "state": "empty" },
            ],
            "faults": [],
            "sha256": "e515ee9ab7b3bdc12b06e3f38b1ab1e9f7b1058838ba042ecaf170ae04bae941",
        })
    );

    let whole = documents(&chain(&WHOLE));
    let usages: Vec<_> = whole.iter().map(|it| it["usage"].as_str().unwrap()).collect();
    let names = ["(PDH)", "(PEK)", "(OCA)", "(CEK)", "(ASK)", "(ARK)"];
    assert!(
        usages.len() == 6 && usages.iter().zip(names).all(|(usage, name)| usage.contains(name))
    );
    let states = |document: &Value| -> Vec<String> {
        let signatures = document["signatures"].as_array().unwrap();
        signatures.iter().map(|it| it["state"].as_str().unwrap().to_owned()).collect()
    };
    let valid = |usage: &str| format!("valid under the {usage} of this file");
    assert_eq!(states(&whole[0]), [valid("PEK"), "empty".to_owned()]);
    assert_eq!(states(&whole[1]), [valid("OCA"), valid("CEK")]);
    assert_eq!(states(&whole[2]), [valid("OCA"), "empty".to_owned()]);
    assert_eq!(states(&whole[3]), [valid("ASK"), "empty".to_owned()]);
    assert_eq!(whole[4]["signature"], valid("ARK"));
    assert_eq!(whole[5]["signature"], "valid under itself, and none of AMD's");
    assert_eq!(whole[5]["key"], "RSA 4096");
    assert_eq!(whole[5]["key_id"], Hex(b"sevcrypt's ARK..").to_string());

    // What is wrong is shown, too.
    let mut changed = chain(&WHOLE);
    changed[0x20] ^= 1; // a coordinate of the PDH
    changed[0x82a] ^= 1; // a reserved byte of the PEK
    let shown = documents(&changed);
    assert_eq!(shown[0]["key"], Value::Null);
    assert!(!shown[0]["faults"].as_array().unwrap().is_empty());
    assert_eq!(shown[1]["faults"], json!(["byte 0x6 is reserved and not zero"]));
    assert!(states(&shown[1])[0].starts_with("not valid under the OCA"), "{shown:?}");
    let cek = documents(&made("cek.cert"));
    assert!(states(&cek[0])[0].starts_with("not valid: CEK: no ASK"), "{cek:?}");
    let exported = documents(&chain(&EXPORTED));
    assert_eq!(states(&exported[3]), ["empty", "empty"]);
    let mut attacked = chain(&["attacker-ask", "ark"]);
    let shown = documents(&attacked);
    assert!(shown[0]["signature"].as_str().unwrap().starts_with("not valid under the ARK"));
    *attacked.last_mut().unwrap() ^= 1;
    let shown = documents(&attacked);
    assert!(shown[1]["signature"].as_str().unwrap().starts_with("not valid under itself"));

    let text = show(Base64::encode_string(&chain(&WHOLE)).as_bytes(), &[]);
    ended(&text, 0, &[]);
    assert!(stdout(&text).contains("usage              0x1002 (PEK)"), "{text:?}");
    let signatures = "signatures         slot 1: 0x1002 (PEK), 0x2 (ECDSA, SHA-256), valid under the PEK of this file; slot 2: empty\n";
    assert!(stdout(&text).contains(signatures), "{}", stdout(&text));
    // Of another version it is one all the same.
    for (name, kind) in [("pek.cert", "SEV certificate"), ("ask.cert", "AMD certificate")] {
        let mut other = made(name);
        other[0] = 2;
        let shown = documents(&other);
        assert_eq!((&shown[0]["type"], &shown[0]["version"]), (&json!(kind), &json!(2)));
        assert_eq!(shown[0]["faults"], json!(["version 2, expected 1"]));
    }
    ended(
        &show(&made("pek.cert")[..2083], &[]),
        2,
        &["file.cert: the certificate at offset 0x0: "],
    );
    // No certificates.
    ended(&show(&chain(&WHOLE)[..8335], &[]), 2, &["file.cert: "]);
    ended(&show(&[1, 0, 0, 0], &[]), 2, &["file.cert: "]);
    ended(&show(&[chain(&WHOLE), vec![0]].concat(), &[]), 2, &["file.cert: "]);
}

#[test]
fn chains_become_files() {
    let folder = Folder::new();
    let file = folder.write("whole.cert", chain(&WHOLE));
    ended(&run(&["certs", "export", &file, &folder.path("out")]), 0, &[]);
    assert_eq!(folder.names("out").len(), 6);
    for name in WHOLE {
        let name = format!("{name}.cert");
        assert_eq!(folder.read(&format!("out/{name}")), made(&name));
    }
    let file = folder.write("broken.cert", &chain(&WHOLE)[..8335]);
    ended(&run(&["certs", "export", &file, &folder.path("none")]), 2, &["broken.cert: "]);
    assert!(!fs::exists(folder.path("none")).unwrap());
}

/// Those of a platform of Naples, and AMD's own.
#[test]
fn real_certificates() {
    let Some(vectors) = real::folder("real_certificates") else { return };
    let read = |name: &str| fs::read(vectors.join(format!("legacy/{name}.cert"))).unwrap();
    let folder = Folder::new();
    let platform: Vec<u8> = ["pdh_naples", "pek_naples", "oca_naples", "cek_naples"]
        .iter()
        .flat_map(|name| read(name))
        .collect();
    let output = create(&folder, "out", &platform, &["--json"]);
    ended(&output, 0, &[]);
    assert_eq!(json(&output)["product"], "Naples");
    assert_eq!(json(&output)["root"], "amd");
    assert_eq!(folder.names("out").len(), 4);
    let with_ca = [platform.clone(), read("ask_naples"), read("ark_naples")].concat();
    ended(&create(&folder, "second", &with_ca, &[]), 0, &[]);
    let with_another = [platform.clone(), read("ask_rome"), read("ark_rome")].concat();
    ended(&create(&folder, "none", &with_another, &[]), 3, &["CEK"]);
    let mut unsigned =
        Certificate::parse(&read("cek_naples")).unwrap().unsigned().as_bytes().to_vec();
    unsigned = [&platform[..3 * 2084], &unsigned].concat();
    ended(&create(&folder, "none", &unsigned, &[]), 5, &["https://kdsintf.amd.com/cek/id/"]);

    let show = |bytes: &[u8]| {
        let file = folder.write("file.cert", bytes);
        let output = run(&["certs", "show", &file, "--json"]);
        ended(&output, 0, &[]);
        json(&output)
    };
    let cek = show(&read("cek_naples"));
    assert_eq!(cek[0]["signatures"][0]["state"], "valid under AMD's ASK of Naples");
    for (name, product) in [("naples", "Naples"), ("rome", "Rome"), ("milan", "Milan")] {
        let ask = show(&read(&format!("ask_{name}")));
        assert_eq!(ask[0]["signature"], format!("valid under AMD's ARK of {product}"));
        let ark = show(&read(&format!("ark_{name}")));
        assert_eq!(ark[0]["signature"], format!("valid under itself, and AMD's ARK of {product}"));
    }
    let bad = show(&read("ark_naples_bad_format"));
    assert_eq!(bad[0]["signature"], "none, and AMD's ARK of Naples");
}
