//! Machines in folders: made, shown, used by a program, and their certificates served.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use sevcrypt::platform::save::Saved;
use support::{ended, json, run, sevcrypt, stdout};
use tempfile::TempDir;

/// A platform that several tests use: its keys take seconds.
fn platform() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let made = sevcrypt()
            .args(["platform", "create", "--quiet"])
            .arg(folder.path().join("genoa"))
            .output()
            .unwrap();
        ended(&made, 0, &[]);
        folder
    });
    Box::leak(folder.path().join("genoa").into_boxed_path())
}

#[test]
fn made_and_shown() {
    let folder = platform();
    let shown = sevcrypt().args(["platform", "show", "--json"]).arg(folder).output().unwrap();
    let shown = json(&shown);
    assert_eq!(shown["product"], "Genoa");
    assert_eq!(shown["organisation"], "sevcrypt test platform");
    assert_eq!(shown["generation"], 0);
    assert_eq!(shown["chip_id"].as_str().unwrap().len(), 128);
    for certificate in ["ark.der", "ask.der", "asvk.der", "vcek.der"] {
        let path = folder.join(certificate);
        let shown = sevcrypt().args(["certs", "show"]).arg(&path).output().unwrap();
        ended(&shown, 0, &[]);
        assert!(!stdout(&shown).contains("Advanced Micro Devices"), "{certificate}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let secret = fs::metadata(folder.join("machine.sev")).unwrap();
        assert_eq!(secret.permissions().mode() & 0o777, 0o600);
    }
    let head = fs::read(folder.join("machine.sev")).unwrap();
    assert!(head.starts_with(b"sevcrypt machine: SECRET"));
    // The chip's fuses name the CA for SEV and SEV-ES, too.
    let ca = Saved::parse(&head).unwrap().ca().unwrap().unwrap();
    let ark = ca.sev_ark().unwrap();
    assert!(head.windows(ark.len()).any(|bytes| bytes == ark));
}

#[test]
fn what_is_refused() {
    let folder = platform().to_str().unwrap();
    let before = fs::read(platform().join("machine.sev")).unwrap();
    ended(&run(&["platform", "create", folder]), 1, &["there is a machine already"]);
    ended(&run(&["platform", "create", folder, "--product", "naples"]), 1, &[]);
    assert!(fs::read(platform().join("machine.sev")).unwrap() == before);

    let empty = TempDir::new().unwrap();
    let nothing = empty.path().to_str().unwrap();
    ended(&run(&["platform", "show", nothing]), 1, &["machine.sev"]);
    ended(&run(&["platform", "run", "--dir", nothing, "--", "true"]), 1, &["machine.sev"]);
    ended(&run(&["platform", "create", nothing, "--product", "venice", "--quiet"]), 1, &["Venice"]);
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);

    // A byte changed, cut short, something else.
    let broken = empty.path().join("machine.sev");
    for change in 0..3 {
        let mut bytes = before.clone();
        match change {
            0 => *bytes.last_mut().unwrap() ^= 1,
            1 => bytes.truncate(100),
            _ => bytes = b"not a machine".to_vec(),
        }
        fs::write(&broken, bytes).unwrap();
        ended(&run(&["platform", "show", nothing]), 2, &["machine.sev", "machine"]);
    }
    // An older copy.
    fs::write(&broken, &before).unwrap();
    fs::write(empty.path().join("generation"), "1\n").unwrap();
    ended(&run(&["platform", "show", nothing]), 1, &["older", "generation 0"]);
}

/// The guest's end of Linux's driver, in C: reports, keys, certificates, everything wrong too; its last report is verified.
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn an_unmodified_program_in_a_guest() {
    let folder = TempDir::new().unwrap();
    let client = folder.path().join("client");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guest_programs/report.c");
    let built = Command::new("cc")
        .args(["-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&client, &source])
        .output();
    match built {
        Ok(built) => assert!(built.status.success(), "{built:?}"),
        Err(why) => return skipped(&format!("no C compiler: {why}")),
    }
    let report = folder.path().join("report.bin");
    let table = folder.path().join("table.bin");
    let output = sevcrypt()
        .args(["platform", "run", "--dir"])
        .arg(platform())
        .arg("--")
        .args([&client, &report, &table])
        .output()
        .unwrap();
    let text = support::stderr(&output);
    if text.contains("no /dev/sev-guest can be given") {
        return skipped(&text);
    }
    ended(&output, 0, &[]);

    let verify = |extra: &[&str]| {
        let mut verify = sevcrypt();
        verify.arg("verify").arg(&report).arg("--cert").arg(&table);
        verify.args(["--report-data", &"a5".repeat(64)]);
        verify.args(extra).output().unwrap()
    };
    let root = platform().join("ark.der");
    let root = root.to_str().unwrap();
    ended(&verify(&["--root", root]), 0, &[]);
    // Without its root it is nobody's.
    ended(&verify(&[]), 3, &["ark-trusted"]);
    ended(&verify(&["--root", root, "--measurement", &"00".repeat(48)]), 4, &["MEASUREMENT"]);
    // What the program returns, `platform run` does.
    let code = sevcrypt()
        .args(["platform", "run", "--dir"])
        .arg(platform())
        .args(["--", "sh", "-c", "exit 7"])
        .output()
        .unwrap();
    assert_eq!(code.status.code(), Some(7));
}

/// Says, past the capture of a test's output, that a test is left out.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn skipped(why: &str) {
    std::io::stderr().write_all(format!("platform run: SKIPPED, {why}\n").as_bytes()).unwrap();
}

/// A service that ends with the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn certificates_are_served() {
    let folder = platform();
    let mut service = Service(
        sevcrypt()
            .args([
                "platform",
                "kds",
                "--listen",
                "127.0.0.1:0",
                "--quiet",
                "--limit",
                "4",
                "--dir",
            ])
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(service.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        (head, answer[end + 4..].to_vec())
    };
    let shown =
        json(&sevcrypt().args(["platform", "show", "--json"]).arg(folder).output().unwrap());
    let url = shown["vcek_url"].as_str().unwrap();
    let path = url.strip_prefix("https://kdsintf.amd.com").unwrap();
    let (head, vcek) = get(path);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let served = TempDir::new().unwrap();
    let path = served.path().join("vcek.der");
    fs::write(&path, vcek).unwrap();
    let text = sevcrypt().args(["certs", "show", "--json"]).arg(&path).output().unwrap();
    assert!(stdout(&text).contains(shown["chip_id"].as_str().unwrap()), "{text:?}");
    let (head, chain) = get("/vcek/v1/Genoa/cert_chain");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(chain == fs::read(folder.join("cert_chain.pem")).unwrap());
    assert!(get("/vcek/v1/Milan/cert_chain").0.starts_with("HTTP/1.1 404 "));
    assert!(get("/").0.starts_with("HTTP/1.1 404 "));
    let (head, _) = get("/vcek/v1/Genoa/crl");
    assert!(head.starts_with("HTTP/1.1 429 ") && head.contains("Retry-After"), "{head}");
}
