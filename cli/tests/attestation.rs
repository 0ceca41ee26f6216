//! `report`, `verify`, `certs` and `kds` as a user runs them.

#[path = "../../tests/support/real.rs"]
mod real;
mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use serde_json::Value;
use sevcrypt::snp::policy::Rule;
use sevcrypt::snp::verify::Check;
use toml::Table;

use support::{Folder, ended, fed, json, run, sevcrypt, stderr, stdout};

/// 2026-01-01, when the made certificates are valid.
const MADE: &str = "1767225600";
/// When every real VCEK is valid.
const REAL: &str = "2026-06-01T00:00:00Z";

fn made(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/attestation");
    folder.join(name).to_str().unwrap().to_owned()
}

/// A good report and its chain under the made root.
fn good() -> Vec<String> {
    let mut arguments = vec!["verify".to_owned(), made("reports/vcek-milan-v3.bin")];
    for name in ["vcek", "ask", "ark"] {
        arguments.extend(["--cert".to_owned(), made(&format!("certs/milan-{name}.der"))]);
    }
    arguments.extend(["--root".to_owned(), made("certs/milan-ark.der")]);
    arguments.extend(["--at".to_owned(), MADE.to_owned()]);
    arguments
}

/// `verify` of the good report with more options.
fn good_with(options: &[&str]) -> Output {
    sevcrypt().args(good()).args(options).output().unwrap()
}

#[derive(Deserialize)]
struct Cases {
    case: Vec<Table>,
}

fn cases() -> Vec<Table> {
    let text = fs::read_to_string(made("cases.toml")).unwrap();
    toml::from_str::<Cases>(&text).unwrap().case
}

fn texts(case: &Table, key: &str) -> Vec<String> {
    let values = case.get(key).and_then(toml::Value::as_array);
    values.into_iter().flatten().map(|value| value.as_str().unwrap().to_owned()).collect()
}

/// Demands of a case that are options. A key of the others in a policy file is that of the case, spelled with hyphens.
const OPTIONS: &[&str] = &[
    "measurement",
    "report_data",
    "host_data",
    "vmpl",
    "csp_id",
    "chip_id",
    "guest_svn",
    "min_build",
];
/// Keys of a case that are no demands.
const FIXED: &[&str] =
    &["name", "what", "report", "certs", "crls", "root", "at", "allow", "verdict", "check"];

/// `verify` of a case: what has an option as that, the rest in a policy file.
fn of_case(case: &Table, folder: &Folder) -> Command {
    let mut command = sevcrypt();
    command.args(["verify", &made(case["report"].as_str().unwrap())]);
    let mut files = |option: &str, names: Vec<String>| {
        for name in names {
            command.args([option, &made(&name)]);
        }
    };
    files("--cert", texts(case, "certs"));
    files("--crl", texts(case, "crls"));
    files(
        "--root",
        case.get("root").map(|root| root.as_str().unwrap().to_owned()).into_iter().collect(),
    );
    command.arg("--at").arg(case["at"].to_string());
    let mut policy = Table::new();
    for (key, value) in case.iter().filter(|(key, _)| !FIXED.contains(&key.as_str())) {
        let hyphens = key.replace('_', "-");
        let values = match value {
            toml::Value::Array(values) => values.clone(),
            other => vec![other.clone()],
        };
        for value in &values {
            if OPTIONS.contains(&key.as_str()) {
                let text = value.as_str().map_or(value.to_string(), str::to_owned);
                command.args([format!("--{hyphens}"), text]);
            }
        }
        if key == "min_tcb" {
            let parts = value.as_table().unwrap().iter();
            let parts: Vec<_> = parts.map(|(name, number)| format!("{name}={number}")).collect();
            command.args(["--min-tcb", &parts.join(",")]);
        } else if !OPTIONS.contains(&key.as_str()) {
            let key = match hyphens.as_str() {
                "mitigations-current" => "mitigations",
                "mitigations-launch" => "launch-mitigations",
                other => other,
            };
            policy.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(allow) = case.get("allow").filter(|_| !texts(case, "allow").is_empty()) {
        match policy.is_empty() {
            true => drop(command.args(["--allow", &texts(case, "allow").join(",")])),
            false => drop(policy.insert("allow".to_owned(), allow.clone())),
        }
    }
    if !policy.is_empty() {
        let text: String = policy.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        command.args(["--policy", &folder.write("policy.toml", text)]);
    }
    command
}

fn code(verdict: &str) -> i32 {
    match verdict {
        "accepted" => 0,
        "malformed" => 2,
        "not-authentic" => 3,
        "refused" => 4,
        "incomplete" => 5,
        other => panic!("{other}"),
    }
}

/// The names of the failed checks.
fn failed(document: &Value) -> Vec<&str> {
    let checks = document["checks"].as_array().unwrap();
    let failed = checks.iter().filter(|check| check["result"] == "failed");
    failed.map(|check| check["name"].as_str().unwrap()).collect()
}

#[test]
fn every_case_has_its_verdict() {
    let folder = Folder::new();
    let mut wrong = Vec::new();
    for case in cases() {
        let verdict = match case["name"].as_str() {
            // A list that somebody names must count.
            Some("crl-other-product-alone") => "incomplete",
            _ => case["verdict"].as_str().unwrap(),
        };
        let output = of_case(&case, &folder).arg("--json").output().unwrap();
        let text = stderr(&output);
        let right = match (verdict, case.get("check").and_then(toml::Value::as_str)) {
            ("not-authentic", Some(check)) => {
                text.starts_with(&format!("error: not authentic: {check}: "))
            }
            ("refused", Some(check)) => {
                text.starts_with("error: refused: ")
                    && failed(&json(&output)).first() == Some(&check)
            }
            ("accepted", _) => text.is_empty() && failed(&json(&output)).is_empty(),
            _ => text.starts_with(&format!("error: {verdict}: ")),
        };
        let shape =
            json(&output)["verdict"] == verdict && output.status.code() == Some(code(verdict));
        if !right || !shape {
            wrong.push(format!(
                "{}, expected {verdict} {:?}: {text}",
                case["name"],
                case.get("check")
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Each rule refuses a report, says so with the option that relaxes it, and does not refuse with that.
#[test]
fn every_rule_is_relaxed_by_its_name() {
    let folder = Folder::new();
    let cases = cases();
    for rule in Rule::ALL {
        let alone = cases.iter().find(|case| {
            let check = case.get("check").and_then(toml::Value::as_str);
            case["verdict"].as_str() == Some("refused")
                && check == Some(rule.check().name())
                && !case.contains_key("vmpl")
                && failed(&json(&of_case(case, &folder).arg("--json").output().unwrap())).len() == 1
        });
        let case = alone.unwrap_or_else(|| panic!("no case fails by {rule} alone"));
        let refused = of_case(case, &folder).output().unwrap();
        ended(&refused, 4, &[&format!("; to accept it: --allow {rule}\n")]);
        let both = [rule.name().to_owned()].into_iter().chain(texts(case, "allow"));
        let mut without = case.clone();
        without.remove("allow");
        let allow = both.collect::<Vec<_>>().join(",");
        let output = of_case(&without, &folder).args(["--allow", &allow]).output().unwrap();
        ended(&output, 0, &[]);
    }
}

#[test]
fn accepted_in_words() {
    let output = good_with(&[]);
    ended(&output, 0, &[]);
    let text = stdout(&output);
    let first = text.lines().next().unwrap();
    assert!(
        first.starts_with("accepted: a report of Milan, signed by the VCEK of chip "),
        "{text}"
    );
    assert!(first.ends_with(" at bootloader=3 tee=0 snp=8 microcode=115"), "{text}");
    assert!(text.contains("  not-asked  measurement          146f"), "{text}");
    assert!(text.contains("report-signature"), "{text}");
    assert!(text.lines().count() < 12, "{text}");
}

#[test]
fn refused_in_words() {
    let wanted = "ab".repeat(48);
    let output =
        good_with(&["--measurement", &wanted, "--measurement", &format!("0x{}", "CD".repeat(48))]);
    let sentence = format!("expected {wanted} or {}", "cd".repeat(48));
    ended(&output, 4, &["error: refused: MEASUREMENT is 146f", &sentence]);
    let text = stdout(&output);
    assert!(text.starts_with("refused: MEASUREMENT is 146f"), "{text}");
    assert!(text.contains("  failed     measurement"), "{text}");

    let output = good_with(&["--vmpl", "2"]);
    ended(&output, 4, &["refused: the report was asked for by VMPL0, expected VMPL2\n"]);
    let output = good_with(&["--csp-id", "CN=somebody"]);
    ended(&output, 4, &["refused: the certificate's cspID is not there, expected CN=somebody\n"]);
    let output = good_with(&["--min-tcb", "bootloader=3,snp=9"]);
    ended(&output, 4, &["refused: snp of ", " is 8, expected at least 9"]);
    let output = good_with(&["--min-build", "200"]);
    ended(&output, 4, &["1.55.29", "build 200"]);
}

#[test]
fn expired_certificates() {
    let mut arguments = good();
    let time = arguments.last_mut().unwrap();
    *time = "2090-01-01T00:00:00Z".to_owned();
    let output = sevcrypt().args(&arguments).output().unwrap();
    ended(&output, 3, &["error: not authentic: ", "-dates: ", "2090-01-01T00:00:00Z"]);
    arguments.truncate(arguments.len() - 2);
    arguments.push("--no-clock".to_owned());
    ended(&sevcrypt().args(&arguments).output().unwrap(), 0, &[]);
    arguments.extend(["--at".to_owned(), "5".to_owned()]);
    ended(&sevcrypt().args(&arguments).output().unwrap(), 1, &["--no-clock"]);
    for wrong in ["yesterday", "2026-01-01", "2026-13-01T00:00:00Z", ""] {
        ended(&good_with(&["--at", wrong]), 1, &[]);
        let last = arguments.len() - 1;
        arguments[last] = wrong.to_owned();
        arguments.retain(|argument| argument != "--no-clock");
        ended(&sevcrypt().args(&arguments).output().unwrap(), 1, &["--at"]);
    }
    for same in ["2026-01-01T00:00:00Z", "2026-01-01T02:00:00+02:00", MADE] {
        let last = arguments.len() - 1;
        arguments[last] = same.to_owned();
        ended(&sevcrypt().args(&arguments).output().unwrap(), 0, &[]);
    }
}

#[test]
fn a_missing_leaf() {
    let report = made("reports/vcek-milan-v3.bin");
    let output = run(&["verify", &report, "--json"]);
    let url = "https://kdsintf.amd.com/vcek/v1/Milan/";
    ended(&output, 5, &["error: incomplete: the VCEK that signed the report is missing: ", url]);
    let document = json(&output);
    assert_eq!(document["needed"][0]["what"], "VCEK of Milan");
    assert!(document["needed"][0]["url"].as_str().unwrap().starts_with(url));
    assert_eq!(document["checks"].as_array().unwrap().len(), 0);
    assert_eq!(document["report"]["version"], 3);
    let text = stdout(&run(&["verify", &report]));
    assert!(text.contains(&format!("  needed     VCEK of Milan: {url}")), "{text}");
}

#[test]
fn a_required_revocation_list() {
    let folder = Folder::new();
    let policy = folder.write("policy.toml", "require-crl = true");
    let output = good_with(&["--policy", &policy, "--json"]);
    ended(&output, 5, &["https://kdsintf.amd.com/vcek/v1/Milan/crl"]);
    assert_eq!(json(&output)["needed"][0]["what"], "revocation list of Milan");
    let crl = made("crls/milan-empty.der");
    ended(&good_with(&["--policy", &policy, "--crl", &crl]), 0, &[]);
    let revoked = good_with(&["--policy", &policy, "--crl", &made("crls/milan-revokes-ask.der")]);
    ended(&revoked, 3, &["crl-revocation"]);
}

#[test]
fn the_document() {
    let document = json(&good_with(&["--json"]));
    let keys: Vec<_> = document.as_object().unwrap().keys().collect();
    let mut wanted = ["verdict", "product", "checks", "needed", "report", "claims"];
    wanted.sort_unstable();
    assert_eq!(keys, wanted);
    assert_eq!((&document["verdict"], &document["product"]), (&"accepted".into(), &"Milan".into()));
    let checks = document["checks"].as_array().unwrap();
    let names: Vec<_> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, Check::ALL.iter().map(|check| check.name()).collect::<Vec<_>>());
    for check in checks {
        assert_eq!(check.as_object().unwrap().len(), 3, "{check}");
        assert!(matches!(check["result"].as_str().unwrap(), "passed" | "failed" | "not-asked"));
        assert!(check["detail"].is_string() || check["detail"].is_null(), "{check}");
    }
    assert_eq!(document["report"]["reported_tcb"]["snp"], 8);
    assert_eq!(document["claims"]["reported_tcb_snp"], 8);

    let folder = Folder::new();
    let output = run(&["verify", &folder.write("short", [2; 100]), "--json"]);
    ended(&output, 2, &["error: malformed: ", "short: 100 bytes: expected a report"]);
    let document = json(&output);
    assert_eq!(document["verdict"], "malformed");
    assert_eq!((&document["product"], &document["report"]), (&Value::Null, &Value::Null));
    assert_eq!(document["checks"].as_array().unwrap().len(), 0);
}

#[test]
fn usage_errors_print_no_document() {
    let folder = Folder::new();
    let report = made("reports/vcek-milan-v3.bin");
    let wrong: &[&[&str]] = &[
        &["verify", "--json"],
        &["verify", &folder.path("none"), "--json"],
        &["verify", &report, "--cert", &folder.path("none"), "--json"],
        &["verify", &report, "--measurement", "00", "--json"],
        &["verify", &report, "--measurement", "0g", "--json"],
        &["verify", &report, "--report-data", &"00".repeat(65), "--json"],
        &["verify", &report, "--report-data", "", "--json"],
        &["verify", &report, "--chip-id", &"00".repeat(9), "--json"],
        &["verify", &report, "--min-tcb", "boot=1", "--json"],
        &["verify", &report, "--min-tcb", "snp=256", "--json"],
        &["verify", &report, "--vmpl", "4", "--json"],
        &["verify", &report, "--allow", "everything", "--json"],
        &["verify", "-", "--cert", "-", "--json"],
    ];
    for arguments in wrong {
        let output = run(arguments);
        ended(&output, 1, &[]);
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

/// The exit code is that of the verdict, whoever reads the text.
#[cfg(target_os = "linux")]
#[test]
fn nobody_reads() {
    let mut command = sevcrypt();
    command.args(good()).args(["--vmpl", "3"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(4));
    for json in [&[][..], &["--json"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = sevcrypt().args(good()).args(json).stdout(full).output().unwrap();
        ended(&output, 1, &["standard output"]);
    }
}

#[test]
fn reports_in_every_form() {
    let folder = Folder::new();
    let report = fs::read(made("reports/vcek-milan-v3.bin")).unwrap();
    let mut response = vec![0; 32];
    response[4..8].copy_from_slice(&0x4a0u32.to_le_bytes());
    response.extend(&report);
    let mut buffer = response.clone();
    buffer.resize(4000, 0);
    let digits = base16ct::lower::encode_string(&report);
    let upper = format!("0x{}\n", digits.to_uppercase());
    let lines = digits.as_bytes().chunks(64).map(|line| [line, b"\r\n"].concat());
    let lines: Vec<u8> = lines.flatten().collect();
    let forms = [
        report.clone(),
        response,
        buffer.clone(),
        upper.into_bytes(),
        lines.clone(),
        Base64::encode_string(&report).into_bytes(),
        Base64::encode_string(&buffer).into_bytes(),
        Base64UrlUnpadded::encode_string(&report).into_bytes(),
    ];
    let mut arguments = good();
    for form in &forms {
        arguments[1] = folder.write("report", form);
        ended(&sevcrypt().args(&arguments).output().unwrap(), 0, &[]);
        arguments[1] = "-".to_owned();
        let references: Vec<_> = arguments.iter().map(String::as_str).collect();
        ended(&fed(&references, form), 0, &[]);
    }
    for (form, words) in [
        (&b"no report at all!"[..], "neither hexadecimal digits nor base64"),
        (b"0x123", "odd number of hexadecimal digits"),
        (b"", "0 bytes: expected a report"),
        (&lines[..640], "expected a report"),
    ] {
        arguments[1] = folder.write("report", form);
        ended(&sevcrypt().args(&arguments).output().unwrap(), 2, &["report: ", words]);
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = Base64::encode_string(der);
    let lines = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap());
    let lines: Vec<_> = lines.collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[test]
fn certificates_in_every_form() {
    let folder = Folder::new();
    let der = |name: &str| fs::read(made(&format!("certs/milan-{name}.der"))).unwrap();
    let pems = ["vcek", "ask", "ark"].map(|name| pem("CERTIFICATE", &der(name)));
    let [vcek, ask, ark] = pems.clone();
    let thim = serde_json::json!({
        "vcekCert": &vcek, "tcbm": "DB18000000000004", "certificateChain": format!("{ask}{ark}"),
        "cacheControl": "86400",
    });
    for name in ["vcek", "ask", "ark"] {
        fs::create_dir_all(folder.path("dir")).unwrap();
        folder.write(&format!("dir/{name}.der"), der(name));
    }
    let table = folder.path("table");
    ended(&run(&["certs", "import", &folder.path("dir"), &table]), 0, &[]);
    let bytes = fs::read(&table).unwrap();
    let forms = [
        pems.concat().into_bytes(),
        [&ark, &ask, &vcek].map(String::as_str).concat().replace('\n', "\r\n").into_bytes(),
        thim.to_string().into_bytes(),
        bytes.clone(),
        Base64::encode_string(&bytes).into_bytes(),
    ];
    let report = made("reports/vcek-milan-v3.bin");
    let root = folder.write("root.pem", &ark);
    for form in forms {
        let certs = folder.write("certs", form);
        let output = run(&["verify", &report, "--cert", &certs, "--root", &root, "--at", MADE]);
        ended(&output, 0, &[]);
    }
    let crl = fs::read(made("crls/milan-revokes-ask.der")).unwrap();
    let crl = folder.write("crl.pem", pem("X509 CRL", &crl));
    ended(&good_with(&["--crl", &crl]), 3, &["crl-revocation"]);
    ended(&good_with(&["--cert", &crl]), 3, &["crl-revocation"]);
    for (form, words) in [
        (&b"{\"vcek\": 1}"[..], "THIM"),
        (b"{", "THIM"),
        (&der("ask")[..900], "certs: "),
        (b"-----BEGIN CERTIFICATE-----\n", "certs: "),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "PRIVATE KEY"),
    ] {
        let certs = folder.write("certs", form);
        ended(&run(&["verify", &report, "--cert", &certs]), 2, &["error: malformed: ", words]);
        ended(&run(&["verify", &report, "--root", &certs]), 2, &["error: malformed: ", words]);
    }
    let output = good_with(&["--crl", &made("certs/milan-ask.der")]);
    ended(&output, 2, &["milan-ask.der: no revocation list in it"]);
    let output = good_with(&["--root", &made("crls/milan-empty.der")]);
    ended(&output, 2, &["milan-empty.der: no certificate in it"]);
    // The host has none to give.
    let empty = folder.write("certs", b"");
    ended(&run(&["verify", &report, "--cert", &empty]), 5, &[]);
}

#[test]
fn policy_files() {
    let folder = Folder::new();
    for (text, words) in [
        ("vmpl = 0\nmeasurment = []", &["line 2, column 1: unknown field `measurment`"][..]),
        ("measurement = ['00']", &["line 1, column 16: ", "1 bytes, expected 48"]),
        ("id-key-digest = ['zz']", &["line 1, column 18: ", "hexadecimal digits"]),
        ("measurement = []", &["line 1, column 15: ", "expected a value at least"]),
        ("csp-id = []", &["expected a value at least"]),
        ("chip-id = ['0011']", &["2 bytes, expected 64, or 8 of a Turin"]),
        ("vmpl = 4", &["line 1, column 8: ", "0 to 3"]),
        ("vmpl = 0\nallow = ['debug', 'all']", &["line 2, column 19: ", "no rule has this name"]),
        ("min-tcb = { boot = 1 }", &["line 1, column 13: ", "unknown field `boot`"]),
        ("min-tcb = { snp = 256 }", &["line 1, column 19: ", "256"]),
        ("min-abi = '1'", &["line 1, column 11: ", "1.55"]),
        ("policy-required = -1", &["line 1, column 19: ", "not negative"]),
        ("policy-required = '20000'", &["line 1, column 19: ", "0x20000"]),
        ("policy-required = '0x10000000000000000'", &["line 1, column 19: "]),
        ("id-block = 1", &["line 1, column 12: "]),
        ("report_data = '00'", &["unknown field `report_data`"]),
        ("vmpl = 0\nvmpl = 0", &["line 2, column 1: duplicate key"]),
        ("vmpl", &["line 1, column 5: "]),
    ] {
        let file = folder.write("policy.toml", text);
        let output = good_with(&["--policy", &file, "--json"]);
        ended(&output, 1, words);
        ended(&output, 1, &["policy.toml: "]);
        assert!(output.stdout.is_empty() && stderr(&output).lines().count() == 1, "{output:?}");
    }
    let file = folder.write("policy.toml", [0xff, 0xfe]);
    ended(&good_with(&["--policy", &file]), 1, &["offset 0: no UTF-8"]);
}

/// An option replaces the file's value; rules and components of the least TCB add up.
#[test]
fn options_and_policy_file() {
    let folder = Folder::new();
    let other = "ab".repeat(48);
    let found = json(&good_with(&["--json"]))["report"]["measurement"].as_str().unwrap().to_owned();
    let policy = |text: &str| folder.write("policy.toml", text);
    let file = policy(&format!("measurement = ['{other}']"));
    ended(&good_with(&["--policy", &file]), 4, &["MEASUREMENT"]);
    ended(&good_with(&["--policy", &file, "--measurement", &found]), 0, &[]);
    let file = policy(&format!("measurement = ['{other}', '{found}']"));
    ended(&good_with(&["--policy", &file]), 0, &[]);
    ended(&good_with(&["--policy", &file, "--measurement", &other]), 4, &["MEASUREMENT"]);
    let file = policy("min-tcb = { snp = 9, bootloader = 3 }");
    ended(&good_with(&["--policy", &file]), 4, &["refused: snp of "]);
    ended(&good_with(&["--policy", &file, "--min-tcb", "snp=8"]), 0, &[]);
    ended(&good_with(&["--policy", &file, "--min-tcb", "snp=8,tee=1"]), 4, &["tee"]);
    let bits = policy("policy-required = 0x20000\nplatform-forbidden = '0x8000000000000000'");
    ended(&good_with(&["--policy", &bits]), 0, &[]);
    let bits = policy("policy-required = 0x100000");
    ended(
        &good_with(&["--policy", &bits]),
        4,
        &["POLICY is 0x", "bits 0x100000 are not set, and must be\n"],
    );
    let data = json(&good_with(&["--json"]))["report"]["report_data"].as_str().unwrap().to_owned();
    let raw = folder.write("nonce", base16ct::lower::decode_vec(&data).unwrap());
    ended(&good_with(&["--report-data", &format!("@{raw}")]), 0, &[]);
    ended(&good_with(&["--report-data", &data[..126]]), 4, &["REPORT_DATA is "]);
}

#[test]
fn tables_there_and_back() {
    let folder = Folder::new();
    let dir = folder.path("in");
    fs::create_dir(&dir).unwrap();
    let files = [
        ("vcek.der", "certs/milan-vcek.der"),
        ("ask.der", "certs/milan-ask.der"),
        ("ark.der", "certs/milan-ark.der"),
        ("crl.der", "crls/milan-empty.der"),
    ];
    for (name, from) in files {
        fs::copy(made(from), Path::new(&dir).join(name)).unwrap();
    }
    let (table, out) = (folder.path("table"), folder.path("out"));
    ended(&run(&["certs", "import", &dir, &table]), 0, &[]);
    ended(&run(&["certs", "export", &table, &out]), 0, &[]);
    for (name, from) in files {
        let read = fs::read(Path::new(&out).join(name)).unwrap();
        assert_eq!(read, fs::read(made(from)).unwrap(), "{name}");
    }
    assert_eq!(fs::read_dir(&out).unwrap().count(), files.len());
    assert_eq!(folder.names(""), ["in", "out", "table"]);

    // PEM becomes DER: the same table.
    let vcek = fs::read(made("certs/milan-vcek.der")).unwrap();
    folder.write("in/vcek.der", pem("CERTIFICATE", &vcek));
    ended(&run(&["certs", "import", &dir, &folder.path("again")]), 0, &[]);
    assert_eq!(fs::read(folder.path("again")).unwrap(), fs::read(&table).unwrap());

    let shown = json(&run(&["certs", "show", &table, "--json"]));
    let roles: Vec<_> =
        shown.as_array().unwrap().iter().map(|shown| shown["role"].as_str()).collect();
    assert_eq!(roles, [Some("VCEK"), Some("ASK"), Some("ARK"), None]);
    assert_eq!(shown[3]["type"], "revocation list");
}

#[test]
fn failed_runs_leave_nothing() {
    let folder = Folder::new();
    let (dir, table) = (folder.path("in"), folder.path("table"));
    fs::create_dir(&dir).unwrap();
    ended(&run(&["certs", "import", &dir, &table]), 1, &["none of vcek.der"]);
    ended(&run(&["certs", "import", &folder.path("none"), &table]), 1, &["none of vcek.der"]);
    fs::copy(made("certs/milan-vcek.der"), folder.path("in/vcek.der")).unwrap();
    fs::copy(made("certs/ask-truncated.der"), folder.path("in/ask.der")).unwrap();
    ended(&run(&["certs", "import", &dir, &table]), 2, &["ask.der: "]);
    fs::copy(made("certs/milan-ark.der"), folder.path("in/ask.der")).unwrap();
    ended(&run(&["certs", "import", &dir, &table]), 2, &["ask.der: holds ARK"]);
    assert_eq!(folder.names(""), ["in"]);
    folder.write("table", "before");
    ended(&run(&["certs", "import", &dir, &table]), 2, &[]);
    assert_eq!(fs::read(&table).unwrap(), b"before");

    let out = folder.path("out");
    ended(&run(&["certs", "export", &table, &out]), 2, &["table: "]);
    folder.write("table", [0; 24]);
    ended(&run(&["certs", "export", &table, &out]), 1, &["no certificates"]);
    assert_eq!(folder.names(""), ["in", "table"]);

    // One name is taken by a folder: no file is written.
    fs::remove_file(folder.path("in/ask.der")).unwrap();
    fs::copy(made("certs/milan-ark.der"), folder.path("in/ark.der")).unwrap();
    ended(&run(&["certs", "import", &dir, &table]), 0, &[]);
    fs::create_dir_all(folder.path("out/ark.der")).unwrap();
    ended(&run(&["certs", "export", &table, &out]), 1, &["is a directory"]);
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
}

#[test]
fn certificates_in_words() {
    let text = stdout(&run(&["certs", "show", &made("certs/turin-vcek.der")]));
    for line in [
        "role               VCEK",
        "product            Turin",
        "key                P-384",
        "fmcSPL=",
        "hwID=",
    ] {
        assert!(text.contains(line), "no '{line}' in {text}");
    }
    let der = fs::read(made("certs/turin-vcek.der")).unwrap();
    assert!(stdout(&run(&["certs", "show", &made("certs/milan-vlek.der")])).contains("cspID="));
    let output = fed(&["certs", "show", "-", "--json"], pem("CERTIFICATE", &der).as_bytes());
    let shown = json(&output);
    use sha2::{Digest, Sha256};
    assert_eq!(shown[0]["sha256"], base16ct::lower::encode_string(&Sha256::digest(&der)));
    let crl = json(&run(&["certs", "show", &made("crls/milan-revokes-ask.der"), "--json"]));
    assert_eq!(crl[0]["revoked"].as_array().unwrap().len(), 1);
    ended(
        &run(&["certs", "show", &made("certs/leaf-truncated.der")]),
        2,
        &["leaf-truncated.der: "],
    );
    ended(&run(&["certs", "show", &made("cases.toml")]), 2, &[]);
}

#[test]
fn reports_in_words() {
    let report = made("reports/vcek-milan-v2.bin");
    let text = stdout(&run(&["report", "show", &report]));
    assert!(text.contains("reported_tcb         0300000000000873\n"), "{text}");
    let text = stdout(&run(&["report", "show", &report, "--product", "milan"]));
    assert!(
        text.contains(
            "reported_tcb         0300000000000873: bootloader=3 tee=0 snp=8 microcode=115\n"
        ),
        "{text}"
    );
    let shown = json(&run(&["report", "show", &report, "--product", "Milan", "--json"]));
    assert_eq!((&shown["version"], &shown["launch_tcb"]["microcode"]), (&2.into(), &115.into()));
    assert_eq!((&shown["product"], &shown["wrapper"]), (&"Milan".into(), &"none".into()));
    let output = run(&["report", "show", &made("reports/vcek-milan-v3.bin"), "--product", "genoa"]);
    ended(&output, 1, &["Milan"]);
    ended(&run(&["report", "show", &made("cases.toml")]), 2, &["cases.toml: "]);
    // A version that is not known is shown, and not taken for a report.
    let folder = Folder::new();
    let mut bytes = fs::read(&report).unwrap();
    bytes[0] = 9;
    let output = run(&["report", "show", &folder.write("report", &bytes)]);
    ended(&output, 2, &["report version 9"]);
    assert!(stdout(&output).starts_with("version              9\n"), "{output:?}");
}

#[test]
fn addresses() {
    let urls = |arguments: &[&str]| {
        let output = run(&[&["kds", "url"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let lines = stdout(&output).lines().map(str::to_owned).collect::<Vec<_>>();
        (lines, stderr(&output))
    };
    let base = "https://kdsintf.amd.com";
    let (lines, notes) = urls(&[&made("reports/vcek-genoa-v3.bin")]);
    assert!(lines[0].starts_with(&format!("{base}/vcek/v1/Genoa/")), "{lines:?}");
    assert_eq!(
        lines[1..],
        [format!("{base}/vcek/v1/Genoa/cert_chain"), format!("{base}/vcek/v1/Genoa/crl")]
    );
    assert_eq!(notes, "");
    let (lines, notes) = urls(&[&made("reports/vcek-milan-v2.bin")]);
    assert!(
        lines[0].contains("/Milan/") && lines[1].contains("/Genoa/") && lines.len() == 6,
        "{lines:?}"
    );
    assert!(notes.starts_with("note: ") && notes.contains("--product"), "{notes}");
    let (lines, notes) = urls(&[&made("reports/vcek-milan-v2.bin"), "--product", "milan"]);
    assert!(lines.len() == 3 && notes.is_empty(), "{lines:?} {notes}");
    let (lines, _) = urls(&[&made("reports/vcek-turin-v2.bin")]);
    assert!(
        lines[0].starts_with(&format!("{base}/vcek/v1/Turin/")) && lines.len() == 3,
        "{lines:?}"
    );
    let (vlek, notes) = urls(&[&made("reports/vlek-milan-v3.bin")]);
    assert!(vlek[0].starts_with(&format!("{base}/vlek/v1/Milan/cert?")), "{vlek:?}");
    assert!(notes.contains("cloud provider"), "{notes}");

    let folder = Folder::new();
    let mut masked = fs::read(made("reports/vcek-milan-v3.bin")).unwrap();
    masked[0x1a0..0x1e0].fill(0);
    let masked = folder.write("masked", masked);
    ended(&run(&["kds", "url", &masked]), 5, &["CHIP_ID is all zero"]);

    let document = json(&run(&["kds", "url", &made("reports/vcek-turin-v3.bin"), "--json"]));
    let request = &document["requests"][0];
    assert_eq!((&request["what"], &request["product"]), (&"VCEK of Turin".into(), &"Turin".into()));
    let parsed = json(&run(&["kds", "parse", &lines[0], "--json"]));
    assert_eq!(parsed["product"], "Turin");
    assert_eq!(parsed["hw_id"].as_str().unwrap().len(), 16);
    assert!(parsed["tcb"]["fmc"].is_number(), "{parsed}");
    assert_eq!(parsed["url"], lines[0].as_str());
    let text = stdout(&run(&["kds", "parse", &vlek[0]]));
    assert!(text.contains("what               VLEK of Milan\n"), "{text}");
    ended(&run(&["kds", "parse", "/vcek/v1/Paris/crl"]), 2, &["at offset 9: ", "Milan, Genoa"]);
}

/// Report, certificates, more options, exit code and words.
type Real = (&'static str, &'static [&'static str], &'static [&'static str], i32, &'static str);

const REAL_FILES: &[Real] = &[
    ("reports/milan_v2_linux_kvm.bin", &["certs/milan_v2_linux_kvm.vcek.der"], &[], 0, ""),
    ("reports/milan_v2_coco.bin", &["certs/milan_v2_coco.vcek.der"], &[], 0, ""),
    ("reports/milan_v2_azure_cvm.bin", &["certs/milan_v2_azure_cvm.vcek.der"], &[], 0, ""),
    ("reports/milan_v2_aci_uvm.bin", &["certs/milan_v2_aci_uvm.vcek.der"], &[], 0, ""),
    ("reports/milan_v2_aci_uvm.bin", &["azure/thim_uvm_host_amd_certificate.json"], &[], 0, ""),
    ("reports/milan_v3_azure.bin", &["certs/milan_v3_azure.vcek.der"], &[], 0, ""),
    ("reports/genoa_v3_azure.bin", &["certs/genoa_v3_azure.vcek.der"], &[], 0, ""),
    (
        "reports/genoa_v5.bin",
        &["certs/genoa_v5.vcek.der", "ca/kds_cert_chain_genoa_vcek.pem"],
        &[],
        0,
        "",
    ),
    (
        "reports/turin_v5_oak.bin",
        &["certs/turin_v5_oak.vcek.der"],
        &["--chip-id", "3b42092f69c656d3"],
        0,
        "",
    ),
    (
        "reports/turin_v5_oak.bin",
        &["certs/turin_v5_oak.vcek.der"],
        &["--chip-id", "3b42092f69c656d4"],
        4,
        "CHIP_ID is 3b42092f69c656d3",
    ),
    (
        "reports/milan_v5_gcp_vtpm_vmpl0.bin",
        &["certs/milan_v5_gcp_vtpm_vmpl0.vcek.der"],
        &[],
        0,
        "",
    ),
    ("reports/milan_v2_cmc.bin", &["certs/milan_v2_cmc.vcek.der"], &[], 0, ""),
    ("azure/hcl_report_v1_milan.bin", &["azure/hcl_v1_milan.vcek.der"], &[], 0, ""),
    ("azure/hcl_v1_milan_c.bin", &["azure/hcl_v1_milan_c.vcek.der"], &[], 0, ""),
    (
        "reports/milan_v2_debug_policy.bin",
        &["certs/milan_v2_debug_policy.vcek.der"],
        &[],
        4,
        "refused: the guest policy allows debugging (bit 19); to accept it: --allow debug\n",
    ),
    (
        "reports/milan_v2_debug_policy.bin",
        &["certs/milan_v2_debug_policy.vcek.der"],
        &["--allow", "debug"],
        0,
        "",
    ),
    (
        "reports/milan_v2_cmc_tampered_a.bin",
        &["certs/milan_v2_cmc_tampered_a.vcek.der"],
        &[],
        3,
        "report-signature",
    ),
    ("azure/hcl_report_v1_milan_b.bin", &["azure/hcl_b_wrong_chip.vcek.der"], &[], 3, ""),
    ("reports/milan_v2_linux_kvm.bin", &["certs/milan_v3_azure.vcek.der"], &[], 3, ""),
    (
        "reports/milan_v2_linux_kvm.bin",
        &["certs/milan_v2_linux_kvm.vcek.der", "crl/kds_crl_milan.der"],
        &[],
        4,
        "--allow stale-crl",
    ),
    (
        "reports/milan_v2_linux_kvm.bin",
        &["certs/milan_v2_linux_kvm.vcek.der", "crl/kds_crl_milan.der"],
        &["--allow", "stale-crl"],
        0,
        "",
    ),
    ("reports/milan_v2_lit.bin", &[], &[], 5, "https://kdsintf.amd.com/vcek/v1/Milan/"),
    ("reports/milan_v2_lit_corrupt_793_bytes.bin", &[], &[], 2, "793 bytes"),
    ("reports/v2_vmpl2_cocos.bin", &[], &[], 5, "https://kdsintf.amd.com/vcek/v1/Milan/"),
    ("reports/v1_fake_aci.bin", &[], &[], 2, "report version 1"),
    ("messages/snp_get_report_ioctl_resp.bin", &[], &[], 5, "https://kdsintf.amd.com/vcek/v1/"),
    (
        "made/milan/report_vcek_v3.bin",
        &["made/milan/ark.der", "made/milan/ask.der", "made/milan/vcek.der"],
        &[],
        3,
        "ark-trusted",
    ),
];

#[test]
fn real_files() {
    let Some(folder) = real::folder("real_files") else { return };
    for (report, certs, options, code, words) in REAL_FILES {
        let mut command = sevcrypt();
        command.arg("verify").arg(folder.join(report)).args(["--at", REAL]).args(*options);
        for cert in *certs {
            command.arg("--cert").arg(folder.join(cert));
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(*code), "{report}: {output:?}");
        assert!(stderr(&output).contains(words), "{report}: {output:?}");
    }
}

/// The VLEK has expired, and says of which cloud it is.
#[test]
fn a_real_vlek() {
    let Some(folder) = real::folder("a_real_vlek") else { return };
    let verify = |options: &[&str]| {
        let mut command = sevcrypt();
        command.arg("verify").arg(folder.join("reports/milan_v3_vlek_aws_us_east_2.bin"));
        command.arg("--cert").arg(folder.join("certs/milan_v3_vlek_aws_us_east_2.vlek.der"));
        command.args(options).output().unwrap()
    };
    ended(&verify(&["--at", "2030-01-01T00:00:00Z"]), 3, &["leaf-dates", "2030-01-01"]);
    let output = verify(&["--no-clock", "--csp-id", "CN=cc-us-east-2.amazonaws.com"]);
    ended(&output, 0, &[]);
    assert!(stdout(&output).contains("the VLEK of CN=cc-us-east-2.amazonaws.com"), "{output:?}");
    let output = verify(&["--no-clock", "--csp-id", "CN=other"]);
    ended(&output, 4, &["cspID is CN=cc-us-east-2.amazonaws.com, expected CN=other"]);
}

/// Every real certificate, revocation list and table is shown.
#[test]
fn real_certificates_are_shown() {
    let Some(folder) = real::folder("real_certificates_are_shown") else { return };
    for name in ["ca", "certs", "crl", "ghcb"] {
        for entry in fs::read_dir(folder.join(name)).unwrap() {
            let path = entry.unwrap().path();
            let output = run(&["certs", "show", path.to_str().unwrap()]);
            assert!(output.status.success(), "{path:?}: {output:?}");
        }
    }
    let blob = folder.join("azure/hcl_v1_milan_c.bin");
    let shown = json(&run(&["report", "show", blob.to_str().unwrap(), "--json"]));
    assert_eq!(
        (&shown["wrapper"], &shown["runtime_claims"]["bound"]),
        (&"hcl".into(), &true.into())
    );
    assert!(shown["runtime_claims"]["claims"]["keys"].is_array(), "{shown}");
}
