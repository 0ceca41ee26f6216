//! The program as a user runs it.

mod support;

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::{Backend, PhysAddr};
use tempfile::TempDir;

use support::{Folder, sevcrypt};

const KEY128: &str = "000102030405060708090a0b0c0d0e0f";
const KEY256: &str = "0x000102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f";
const TWEAK128: &str = "808182838485868788898a8b8c8d8e8f";
const TWEAK256: &str = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f";

/// Each mode with the options that it needs.
const MODES: &[(&str, &[&str])] = &[
    ("xe-aes128", &["--key", KEY128, "--tweak", "zen1"]),
    ("xex-aes128", &["--key", KEY128, "--tweak", "seed:6578616d706c65"]),
    ("xex-aes256", &["--key", KEY256, "--tweak", "seed:0x6578616d706c65"]),
    ("xts-aes128", &["--key", KEY128, "--tweak-key", TWEAK128]),
    ("xts-aes256", &["--key", KEY256, "--tweak-key", TWEAK256]),
    ("xts-aes128-line", &["--key", KEY128, "--tweak-key", TWEAK128]),
    ("xts-aes256-line", &["--key", KEY256, "--tweak-key", TWEAK256]),
];

/// The same by the library's definition.
fn definition(mode: &str) -> MemoryCipher {
    let portable = Backend::portable();
    let short: [u8; 16] = std::array::from_fn(|i| i as u8);
    let long: [u8; 32] = std::array::from_fn(|i| i as u8);
    let short_tweak: [u8; 16] = std::array::from_fn(|i| 0x80 + i as u8);
    let long_tweak: [u8; 32] = std::array::from_fn(|i| 0x80 + i as u8);
    let seed = || Tweak::from_seed(b"example");
    match mode {
        "xe-aes128" => MemoryCipher::xe(&short, Tweak::zen1(), portable),
        "xex-aes128" => MemoryCipher::xex(&short, seed(), portable),
        "xex-aes256" => MemoryCipher::xex(&long, seed(), portable),
        "xts-aes128" => {
            MemoryCipher::xts(&short, Tweak::xts(&short_tweak, XtsUnit::Page, portable), portable)
        }
        "xts-aes256" => {
            MemoryCipher::xts(&long, Tweak::xts(&long_tweak, XtsUnit::Page, portable), portable)
        }
        "xts-aes128-line" => {
            MemoryCipher::xts(&short, Tweak::xts(&short_tweak, XtsUnit::Line, portable), portable)
        }
        "xts-aes256-line" => {
            MemoryCipher::xts(&long, Tweak::xts(&long_tweak, XtsUnit::Line, portable), portable)
        }
        other => panic!("no mode {other}"),
    }
    .unwrap()
}

/// A folder with a file to encrypt.
fn folder_with(input: &[u8]) -> Folder {
    let folder = Folder::new();
    folder.write("in", input);
    folder
}

/// `memory encrypt|decrypt` with these options, from and to files of the folder.
fn memory(folder: &Folder, what: &str, options: &[&str], input: &str, output: &str) -> Output {
    let mut command = sevcrypt();
    command.args(["memory", what]).args(options).arg("--quiet");
    command.arg(folder.path(input)).arg(folder.path(output));
    command.output().unwrap()
}

fn painted(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// Checks an exit code and that the sentence names these words; no key in it.
fn refused(output: &Output, code: i32, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.starts_with("error: "), "{text}");
    for word in words {
        assert!(text.contains(word), "no '{word}' in: {text}");
    }
    for secret in [&KEY128[2..], &TWEAK128[2..]] {
        assert!(!text.contains(&secret[..12]), "{text}");
    }
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn every_mode_there_and_back() {
    // More than one piece for each thread, from inside a page to inside a page.
    let plain = painted((5 << 20) + 48);
    let folder = folder_with(&plain);
    for (mode, options) in MODES {
        let mut wanted = plain.clone();
        definition(mode).encrypt(PhysAddr::new(0xfff0).unwrap(), &mut wanted[..]).unwrap();
        for threads in ["1", "2", "5"] {
            let options =
                [&["--mode", mode, "--address", "0xfff0", "--threads", threads], *options].concat();
            succeeded(&memory(&folder, "encrypt", &options, "in", "cipher"));
            assert!(folder.read("cipher") == wanted, "{mode}, {threads} threads");
            succeeded(&memory(&folder, "decrypt", &options, "cipher", "back"));
            assert!(folder.read("back") == plain, "{mode}, {threads} threads");
        }
    }
    assert_eq!(folder.names(""), ["back", "cipher", "in"]);
}

#[test]
fn every_backend_writes_the_same() {
    let folder = folder_with(&painted(3 * 4096 + 16));
    for (mode, options) in MODES {
        for backend in Backend::available() {
            let name = backend.to_string();
            let options =
                [&["--mode", mode, "--address", "64", "--backend", &name], *options].concat();
            succeeded(&memory(&folder, "encrypt", &options, "in", &name));
            assert_eq!(folder.read(&name), folder.read("portable"), "{mode} {name}");
        }
    }
}

#[test]
fn standard_input_to_standard_output() {
    let (mode, options) = MODES[4];
    let plain = painted((2 << 20) + 4096);
    let mut wanted = plain.clone();
    definition(mode).encrypt(PhysAddr::new(0x1_0000_0000).unwrap(), &mut wanted[..]).unwrap();
    let mut command = sevcrypt();
    command.args(["memory", "encrypt", "--mode", mode, "--address", "0x100000000"]).args(options);
    command.args(["-", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&plain));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    succeeded(&output);
    assert!(output.stdout == wanted);
}

#[test]
fn keys_and_seeds_from_files() {
    let folder = folder_with(&painted(4096));
    fs::write(folder.path("key"), (0..16).collect::<Vec<u8>>()).unwrap();
    fs::write(folder.path("seed"), b"example").unwrap();
    let at = |prefix: &str, name: &str| format!("{prefix}@{}", folder.path(name));
    let (key, seed) = (at("", "key"), at("seed:", "seed"));
    let options = ["--mode", "xex-aes128", "--address", "0", "--key", &key, "--tweak", &seed];
    succeeded(&memory(&folder, "encrypt", &options, "in", "out"));
    let mut wanted = painted(4096);
    definition("xex-aes128").encrypt(PhysAddr::new(0).unwrap(), &mut wanted[..]).unwrap();
    assert_eq!(folder.read("out"), wanted);
    // A key that is too short is a malformed file here, and a wrong option where it stands in one.
    folder.write("key", [0; 15]);
    let output = memory(&folder, "encrypt", &options, "in", "out");
    refused(&output, 2, &["--key: ", "key: 15 bytes, but xex-aes128 takes a key of"]);
}

#[test]
fn in_place_and_through_links() {
    let (mode, options) = MODES[3];
    let options = [&["--mode", mode, "--address", "0"], options].concat();
    let folder = folder_with(&painted(3 << 20));
    succeeded(&memory(&folder, "encrypt", &options, "in", "in"));
    assert_ne!(folder.read("in"), painted(3 << 20));
    succeeded(&memory(&folder, "decrypt", &options, "in", "in"));
    assert!(folder.read("in") == painted(3 << 20));

    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        fs::write(folder.path("real"), b"old").unwrap();
        fs::set_permissions(folder.path("real"), PermissionsExt::from_mode(0o600)).unwrap();
        symlink("real", folder.path("link")).unwrap();
        succeeded(&memory(&folder, "encrypt", &options, "in", "link"));
        assert!(fs::symlink_metadata(folder.path("link")).unwrap().is_symlink());
        assert_eq!(folder.read("real").len(), 3 << 20);
        assert_eq!(fs::metadata(folder.path("real")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn options_that_do_not_fit() {
    let folder = folder_with(&painted(64));
    fs::write(folder.path("out"), b"old").unwrap();
    let xts = |rest: &[&'static str]| {
        [&["--mode", "xts-aes128", "--key", KEY128, "--tweak-key", TWEAK128], rest].concat()
    };
    let xex = |rest: &[&'static str]| [&["--mode", "xex-aes128", "--key", KEY128], rest].concat();
    let cases: &[(Vec<&str>, &[&str])] = &[
        (xts(&["--address", "0x8"]), &["0x8", "not a multiple of 16"]),
        (xts(&["--address", "0x10000000000000"]), &["0x10000000000000", "below 2^52"]),
        (xts(&["--address", "0x10000000000000000"]), &["at most 64 bits"]),
        (xts(&["--address", "here"]), &["here", "decimal"]),
        (xts(&["--address", "-16"]), &["-1"]),
        (
            xts(&["--address", "0xfffffffffffe0"]),
            &["64 bytes at 0xfffffffffffe0", "0x10000000000000"],
        ),
        (xts(&["--address", "0", "--threads", "0"]), &["1 to 256"]),
        (xts(&["--address", "0", "--backend", "sse9"]), &["sse9", "portable"]),
        (xts(&["--address", "0", "--tweak", "zen1"]), &["xts-aes128", "no --tweak"]),
        (xts(&[]), &["--address"]),
        (xex(&["--address", "0"]), &["xex-aes128 needs --tweak zen1"]),
        (xex(&["--address", "0", "--tweak", "zen9"]), &["zen9", "expected zen1 or seed:HEX"]),
        (xex(&["--address", "0", "--tweak", "seed:0"]), &["--tweak seed", "hexadecimal"]),
        (xex(&["--address", "0", "--tweak", "zen1", "--tweak-key", TWEAK128]), &["no --tweak-key"]),
        (
            xex(&["--address", "0xffffffe0", "--tweak", "zen1"]),
            &["64 bytes at 0xffffffe0", "32 address bits"],
        ),
        (
            vec!["--mode", "xex-aes256", "--key", KEY128, "--tweak", "zen1", "--address", "0"],
            &["--key: 16 bytes", "32 bytes (AES-256)"],
        ),
        (
            vec!["--mode", "xts-aes128", "--key", KEY128, "--address", "0"],
            &["xts-aes128 needs --tweak-key"],
        ),
        (
            vec!["--mode", "xts-aes128", "--key", KEY128, "--tweak-key", KEY128, "--address", "0"],
            &["differs from the data key"],
        ),
        (
            vec![
                "--mode",
                "xts-aes128",
                "--key",
                KEY128,
                "--tweak-key",
                TWEAK256,
                "--address",
                "0",
            ],
            &["--tweak-key: 32 bytes", "16 bytes (AES-128)"],
        ),
        (
            vec!["--mode", "xts-aes128", "--key", "zz", "--tweak-key", TWEAK128, "--address", "0"],
            &["--key: 2 characters", "hexadecimal"],
        ),
        (
            vec![
                "--mode",
                "xts-aes128",
                "--key",
                "@/does/not/exist",
                "--tweak-key",
                TWEAK128,
                "--address",
                "0",
            ],
            &["/does/not/exist"],
        ),
        (vec!["--mode", "cbc", "--key", KEY128, "--address", "0"], &["cbc", "xts-aes256-line"]),
    ];
    for (options, words) in cases {
        for what in ["encrypt", "decrypt"] {
            refused(&memory(&folder, what, options, "in", "out"), 1, words);
        }
    }
    assert_eq!(folder.read("out"), b"old", "no failed run touched the old output");
    assert_eq!(folder.names(""), ["in", "out"]);
}

#[test]
fn files_that_do_not_fit() {
    let (mode, options) = MODES[4];
    let options = [&["--mode", mode, "--address", "0"], options].concat();
    let folder = folder_with(&painted(4095));
    refused(
        &memory(&folder, "encrypt", &options, "in", "out"),
        2,
        &["in: a length of 4095 bytes", "multiple of 16"],
    );
    fs::write(folder.path("in"), b"").unwrap();
    refused(&memory(&folder, "encrypt", &options, "in", "out"), 2, &["in: has no bytes"]);
    refused(&memory(&folder, "encrypt", &options, "none", "out"), 1, &["none"]);
    refused(&memory(&folder, "encrypt", &options, ".", "out"), 1, &["is a directory"]);
    fs::write(folder.path("in"), painted(64)).unwrap();
    refused(&memory(&folder, "encrypt", &options, "in", "."), 1, &["is a directory"]);
    refused(&memory(&folder, "encrypt", &options, "in", "no/such/folder"), 1, &["no/such/folder"]);
    assert_eq!(folder.names(""), ["in"]);

    // From a pipe the length shows at the end: the file must not appear all the same.
    let mut command = sevcrypt();
    command.args(["memory", "encrypt", "--quiet"]).args(&options).arg("-").arg(folder.path("out"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&painted((3 << 20) + 1)).unwrap();
    let output = child.wait_with_output().unwrap();
    refused(&output, 2, &["standard input: a length of 3145729 bytes"]);
    assert_eq!(folder.names(""), ["in"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk() {
    let (mode, options) = MODES[4];
    let folder = folder_with(&painted(8 << 20));
    let run = |input: &str, output: &str, to: Stdio| {
        let mut command = sevcrypt();
        command
            .args(["memory", "encrypt", "--mode", mode, "--address", "0", "--quiet"])
            .args(options);
        command.arg(input).arg(output).stdout(to).stderr(Stdio::piped());
        command.output().unwrap()
    };
    refused(
        &run(&folder.path("in"), "/dev/full", Stdio::piped()),
        1,
        &["/dev/full: cannot write", "No space"],
    );
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    refused(
        &run(&folder.path("in"), "-", full.into()),
        1,
        &["standard output: cannot write", "No space"],
    );
}

/// Standard input stays open, and whoever writes to it waits for the program: which must not wait for more.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_while_input_goes_on() {
    let (mode, options) = MODES[4];
    let mut command = sevcrypt();
    command.args(["memory", "encrypt", "--mode", mode, "--address", "0", "--quiet"]).args(options);
    command.args(["-", "/dev/full"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(&painted(1 << 20));
    assert_eq!(child.wait().unwrap().code(), Some(1));
    drop(stdin);
}

#[test]
fn backends_are_told() {
    let output = sevcrypt().args(["memory", "backends"]).output().unwrap();
    succeeded(&output);
    let text = String::from_utf8(output.stdout).unwrap();
    for kind in sevcrypt::BackendKind::ALL {
        let line =
            text.lines().find(|line| line.starts_with(kind.name())).expect("a line for each");
        assert_eq!(line.contains(" yes "), Backend::new(*kind).is_ok(), "{line}");
    }
}

#[test]
fn the_bench_measures_what_is_asked() {
    let arguments = ["memory", "bench", "--mode", "xex-aes128", "--backend", "portable", "--json"];
    let output = sevcrypt().args(arguments).output().unwrap();
    succeeded(&output);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = document["rows"].as_array().unwrap();
    let named: Vec<_> = rows
        .iter()
        .map(|row| (row["case"].as_str().unwrap(), row["impl"].as_str().unwrap()))
        .collect();
    assert_eq!(
        named[..3],
        ["memory-in-place", "sevcrypt-portable", "aes-bound"]
            .map(|who| ("xex128-encrypt-page", who))
    );
    assert_eq!(named.len(), 8 * 3, "eight working sets");
    assert!(
        rows.iter()
            .all(|row| row["ns"].as_f64().unwrap() > 0.0 && row["c64"].as_f64().unwrap() > 0.0)
    );
    assert!(document["machine"]["clock_ghz"].as_f64().unwrap() > 0.1);
}

/// The commands that the demo ends with, run by a shell as a reader would.
#[test]
#[cfg(unix)]
fn the_demo_and_what_it_recommends() {
    let plain = sevcrypt().output().unwrap();
    succeeded(&plain);
    let folder = TempDir::new().unwrap();
    let files = folder.path().join("it's a demo");
    let written = sevcrypt().args(["demo", "--write"]).arg(&files).output().unwrap();
    succeeded(&written);
    for text in [plain.stdout, written.stdout] {
        let text = String::from_utf8(text).unwrap();
        let commands: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("  sevcrypt ")).collect();
        assert_eq!(commands.len(), 3, "{text}");
        let here = TempDir::new().unwrap();
        for command in commands {
            let program = env!("CARGO_BIN_EXE_sevcrypt");
            let line = format!("'{program}' {command}");
            let output =
                Command::new("sh").arg("-c").arg(line).current_dir(&here).output().unwrap();
            assert!(output.status.success(), "{command}: {output:?}");
        }
    }
    let read = |name: &str| fs::read(files.join(name)).unwrap();
    assert_eq!(read("dram.img").len(), read("firmware.fd").len());
    assert_ne!(read("dram.img"), read("firmware.fd"));
    // What the recommended command allows is refused otherwise.
    for (report, code) in [("wrong-report.bin", 3), ("report.bin", 4)] {
        let mut verify = sevcrypt();
        verify
            .current_dir(&files)
            .args(["verify", report, "--cert", "vcek.der", "--cert", "ask.der"]);
        let output = verify.args(["--root", "ark.der"]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{report}: {output:?}");
    }
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away() {
    let program = env!("CARGO_BIN_EXE_sevcrypt");
    let output =
        Command::new("sh").arg("-c").arg(format!("'{program}' demo | head -1")).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn help_is_no_error() {
    for arguments in [&["--help"][..], &["--version"], &["memory", "encrypt", "--help"]] {
        let output = sevcrypt().args(arguments).output().unwrap();
        succeeded(&output);
        assert!(!output.stdout.is_empty());
    }
    let nonsense = sevcrypt().arg("nonsense").output().unwrap();
    refused(&nonsense, 1, &["nonsense"]);
}
