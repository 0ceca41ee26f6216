//! `sevcrypt idblock` as a user runs it: the worked example of the library's tests, and other people's files.

#[path = "../../tests/support/real.rs"]
mod real;
mod support;

use std::fs;
use std::process::Output;

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};
use sevcrypt::ecdsa::SigningKey;
use sha2::{Digest, Sha256};

use support::{Folder, fed, hex, run, stderr, stdout};

const LD: &str = "34c94b940900393b2c55936d5bb2099e37ce99bba725b186bf564314491c69df\
    df1e5a3e564e024e4afaea3b8a912a3d";
const ID_KEY: &str = "666b8b8e7ce8dd758a26294b568260ce78ac1aaeac2a58548b580c4ddc3351d2\
    d48c47aff47ac2071d51aa5754e65877";
const AUTHOR_KEY: &str = "63d6261f607b8d84d843c8343782018767f2431925b941dea00438801d44823c\
    07e2c51b5cd7ee2866835d38c4c1b9fe";
const ID_BLOCK: &str = "34c94b940900393b2c55936d5bb2099e37ce99bba725b186bf564314491c69df\
    df1e5a3e564e024e4afaea3b8a912a3d0102030405060708090a0b0c0d0e0f10\
    3132333435363738393a3b3c3d3e3f4001000000050000000000030000000000";
const ID_KEY_DIGEST: &str = "e6daf694fc53178244dbe1e38a89d1745109f311b3562c4c6788048c2db409d6\
    540649973031eb2d9230f88113f397ed";
const AUTHOR_KEY_DIGEST: &str = "603725508e4cda0503ff8cb2f44f5ea65e1cedf857b26202795c865ceb06daf8\
    59959fcc38179f104b7ccf996e21442a";
/// SHA-256 of the page.
const PAGE: &str = "abb71be9c7862b28a20625373d07f55703ef7faee0dd7d13218fffba1e64784a";
const IDENTITY: &[&str] = &[
    "--family-id",
    "0102030405060708090a0b0c0d0e0f10",
    "--image-id",
    "0x3132333435363738393a3b3c3d3e3f40",
    "--guest-svn",
    "5",
];

fn idblock(arguments: &[&[&str]]) -> Output {
    run(&[&["idblock"], &arguments.concat()[..]].concat())
}

/// The exit code, and words of the one sentence on standard error, which has nothing of a key.
#[track_caller]
fn ended(output: &Output, code: i32, words: &[&str]) {
    support::ended(output, code, words);
    let text = stderr(output);
    for secret in [ID_KEY, AUTHOR_KEY] {
        assert!(!text.contains(&secret[..12]), "{text}");
    }
}

/// `id-ecPublicKey` with `secp384r1`.
const ALGORITHM: &str = "301006072a8648ce3d020106052b81040022";

/// A private key as RFC 5915 has it, with the curve's name.
fn sec1(scalar: &str) -> Vec<u8> {
    hex(&format!("303e0201010430{scalar}a00706052b81040022"))
}

/// A private key as RFC 5958 has it.
fn pkcs8(scalar: &str) -> Vec<u8> {
    hex(&format!("304e020100{ALGORITHM}043730350201010430{scalar}"))
}

/// The public key as RFC 5480 has it.
fn spki(scalar: &str) -> Vec<u8> {
    let key = SigningKey::from_scalar(&hex(scalar).try_into().unwrap()).unwrap();
    let head = hex(&format!("3076{ALGORITHM}036200"));
    [&head[..], &key.verifying_key().to_sec1()].concat()
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = Base64::encode_string(der);
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A private key in every form.
fn private_forms(scalar: &str) -> [(&'static str, Vec<u8>); 6] {
    let parameters = pem("EC PARAMETERS", &hex("06052b81040022"));
    let sec1_pem = pem("EC PRIVATE KEY", &sec1(scalar));
    [
        ("pkcs8.der", pkcs8(scalar)),
        ("pkcs8.pem", pem("PRIVATE KEY", &pkcs8(scalar)).into_bytes()),
        ("sec1.der", sec1(scalar)),
        ("sec1.pem", sec1_pem.clone().into_bytes()),
        ("sec1-crlf.pem", sec1_pem.replace('\n', "\r\n").into_bytes()),
        ("openssl.pem", format!("{parameters}{sec1_pem}").into_bytes()),
    ]
}

/// A folder with `block` and `auth` of the worked example.
fn example() -> Folder {
    let folder = Folder::new();
    let id_key = folder.write("id.pem", pem("PRIVATE KEY", &pkcs8(ID_KEY)));
    let author_key = folder.write("author.pem", pem("EC PRIVATE KEY", &sec1(AUTHOR_KEY)));
    let keys = ["--id-key", &id_key, "--author-key", &author_key];
    let (block, auth) = (folder.path("block"), folder.path("auth"));
    let files = ["--id-block", &block, "--id-auth", &auth];
    let output = idblock(&[&["create", "--digest", LD], IDENTITY, &keys, &files]);
    ended(&output, 0, &[]);
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    folder
}

#[test]
fn the_worked_example() {
    let folder = example();
    assert_eq!(folder.read("block"), hex(ID_BLOCK));
    assert_eq!(Sha256::digest(folder.read("auth"))[..], hex(PAGE));
    assert_eq!(folder.names(""), ["auth", "author.pem", "block", "id.pem"]);
}

#[test]
fn every_form_of_a_key() {
    let folder = Folder::new();
    let public =
        [("spki.der", spki(ID_KEY)), ("spki.pem", pem("PUBLIC KEY", &spki(ID_KEY)).into_bytes())];
    for (name, content) in private_forms(ID_KEY).iter().chain(&public) {
        let path = folder.write(name, content);
        for output in
            [idblock(&[&["key-digest", &path]]), fed(&["idblock", "key-digest", "-"], content)]
        {
            ended(&output, 0, &[]);
            assert_eq!(stdout(&output), format!("{ID_KEY_DIGEST}\n"), "{name}");
        }
    }
    let author = folder.write("author", sec1(AUTHOR_KEY));
    let output = idblock(&[&["key-digest", &author]]);
    assert_eq!(stdout(&output), format!("{AUTHOR_KEY_DIGEST}\n"));

    for (name, _) in private_forms(ID_KEY) {
        let id_key = folder.path(name);
        let (block, auth) = (folder.path("block"), folder.path("auth"));
        let arguments = ["create", "--digest", LD, "--id-key", &id_key, "--author-key", &author];
        let files = ["--id-block", &block, "--id-auth", &auth];
        ended(&idblock(&[&arguments, IDENTITY, &files]), 0, &[]);
        assert_eq!(Sha256::digest(folder.read("auth"))[..], hex(PAGE), "{name}");
    }
}

#[test]
fn files_that_are_no_key() {
    let folder = Folder::new();
    let p256 = hex(&format!("30310201010420{}a00a06082a8648ce3d030107", &ID_KEY[..64]));
    let mut off_curve = spki(ID_KEY);
    *off_curve.last_mut().unwrap() ^= 1;
    let order = "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf\
        581a0db248b0a77aecec196accc52973";
    let encrypted = pem("EC PRIVATE KEY", &sec1(ID_KEY)).replacen(
        "-----\n",
        "-----\nProc-Type: 4,ENCRYPTED\n\n",
        1,
    );
    let cut = pem("PRIVATE KEY", &pkcs8(ID_KEY)).replace("-----END PRIVATE KEY-----", "");
    let expected = "expected a key on P-384";
    let locked = pem("ENCRYPTED PRIVATE KEY", &pkcs8(ID_KEY));
    let certificate = pem("CERTIFICATE", &spki(ID_KEY));
    let cases: [(&[u8], &str); 13] = [
        (b"", expected),
        (b"-----BEGIN ", expected),
        (ID_KEY.as_bytes(), expected),
        (&p256, expected),
        (&sec1(order), expected),
        (&sec1(&"0".repeat(96)), expected),
        (&off_curve, expected),
        (&sec1(ID_KEY)[1..], expected),
        (locked.as_bytes(), "ENCRYPTED PRIVATE KEY"),
        (certificate.as_bytes(), "CERTIFICATE"),
        (encrypted.as_bytes(), "EC PRIVATE KEY"),
        (cut.as_bytes(), "PRIVATE KEY"),
        (&[b'7'; 1 << 17], "longer than 65536 bytes"),
    ];
    for (content, words) in cases {
        let path = folder.write("key", content);
        let output = idblock(&[&["key-digest", &path]]);
        ended(&output, 2, &[&path, words]);
        assert!(output.stdout.is_empty());
    }
    ended(&idblock(&[&["key-digest", &folder.path("none")]]), 1, &["none"]);
}

/// Options, exit code, words of the sentence.
type Refusal<'a> = (&'a [&'a [&'a str]], i32, &'a [&'a str]);

#[test]
fn nothing_is_written_of_a_failure() {
    let folder = Folder::new();
    let id_key = folder.write("id", sec1(ID_KEY));
    let public = folder.write("public", spki(ID_KEY));
    let (block, auth) = (folder.path("block"), folder.path("auth"));
    let nowhere = folder.path("no-folder/auth");
    let files: &[&str] = &["--id-block", &block, "--id-auth", &auth];
    let key: &[&str] = &["--id-key", &id_key];
    let short = &LD[2..];
    let cases: [Refusal<'_>; 9] = [
        (&[&["--digest", short], key, files], 1, &["--digest", "47", "48"]),
        (&[&["--digest", "xy"], key, files], 1, &["--digest"]),
        (&[&["--digest", LD], key, files, &["--family-id", "00"]], 1, &["--family-id", "16"]),
        (&[&["--digest", LD], key, files, &["--image-id", "00"]], 1, &["--image-id", "16"]),
        (&[&["--digest", LD], key, files, &["--policy", "3x"]], 1, &["--policy"]),
        (&[&["--digest", LD, "--id-key", &public], files], 2, &["public", "a private one"]),
        (&[&["--digest", LD], key, files, &["--author-key", &public]], 2, &["public"]),
        (
            &[&["--digest", LD], key, &["--id-block", &block, "--id-auth", &block]],
            1,
            &["the same file"],
        ),
        (
            &[&["--digest", LD], key, &["--id-block", &block, "--id-auth", &nowhere]],
            1,
            &["no-folder"],
        ),
    ];
    for (arguments, code, words) in cases {
        let arguments: Vec<&[&str]> = [&[&["create"][..]], arguments].concat();
        let output = idblock(&arguments);
        let text = String::from_utf8(output.stderr.clone()).unwrap();
        assert!(words.iter().all(|word| text.contains(word)), "{words:?}: {text}");
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert_eq!(folder.names(""), ["id", "public"]);
    }
}

#[test]
fn base64_and_other_forms() {
    let folder = example();
    let (id, author) = (folder.path("id.pem"), folder.path("author.pem"));
    let keys = ["--id-key", &id, "--author-key", &author, "--base64"];
    let both = ["--id-block", "-", "--id-auth", "-"];
    let output = idblock(&[&["create", "--digest", LD], IDENTITY, &keys, &both]);
    ended(&output, 0, &[]);
    let text = stdout(&output);
    let lines: Vec<_> = text.lines().collect();
    let [block, auth] = [folder.read("block"), folder.read("auth")];
    assert_eq!(lines, [Base64::encode_string(&block), Base64::encode_string(&auth)]);

    let shown = |name: &str| stdout(&idblock(&[&["show", &folder.path(name)]]));
    for (name, content, line) in [("block", block, lines[0]), ("auth", auth, lines[1])] {
        let digits = base16ct::lower::encode_string(&content);
        folder.write("base64", format!("{line}\n"));
        folder.write("hex", &digits);
        for text in [line, &digits] {
            let output = idblock(&[&["show", text]]);
            ended(&output, 0, &[]);
            assert_eq!(stdout(&output), shown(name));
        }
        assert_eq!(shown("base64"), shown(name));
        assert_eq!(shown("hex"), shown(name));
        assert_eq!(stdout(&fed(&["idblock", "show", "-"], &content)), shown(name));
    }
    let (block, auth) = (folder.write("b", lines[0]), folder.write("a", lines[1]));
    ended(&idblock(&[&["verify", "--id-block", &block, "--id-auth", &auth]]), 0, &[]);
}

#[test]
fn show() {
    let folder = example();
    let json = |name: &str| -> Value {
        let output = idblock(&[&["show", "--json", &folder.path(name)]]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {output:?}"))
    };
    let block = json!({
        "launch_digest": LD,
        "family_id": IDENTITY[1],
        "image_id": &IDENTITY[3][2..],
        "version": 1,
        "guest_svn": 5,
        "policy": { "value": 0x3_0000, "set": ["SMT", "RESERVED_ONE"], "unknown": 0 },
    });
    assert_eq!(json("block"), block);

    let auth = json("auth");
    let [id_key, author_key] = [ID_KEY, AUTHOR_KEY].map(|scalar| {
        let key = SigningKey::from_scalar(&hex(scalar).try_into().unwrap()).unwrap();
        base16ct::lower::encode_string(&key.verifying_key().to_sec1())
    });
    assert_eq!((&auth["id_key_algo"], &auth["auth_key_algo"]), (&json!(1), &json!(1)));
    assert_eq!((&auth["id_key"], &auth["author_key"]), (&json!(id_key), &json!(author_key)));
    assert_eq!(auth["id_key_digest"], ID_KEY_DIGEST);
    assert_eq!(auth["author_key_digest"], AUTHOR_KEY_DIGEST);
    // r and s begin with what ends their little-endian fields.
    assert!(auth["id_block_sig"].as_str().unwrap().starts_with("1502551e"));
    assert!(auth["id_key_sig"].as_str().unwrap().starts_with("82292e20"));
    assert_eq!(auth["faults"], json!([]));

    let mut page = folder.read("auth");
    page[0x40..0x70].fill(0);
    (page[0x240], page[0xfff]) = (1, 7);
    page[0x680..0xc84].fill(0);
    folder.write("faulty", &page);
    let faulty = json("faulty");
    for field in ["id_key", "id_block_sig", "author_key", "author_key_digest", "id_key_sig"] {
        assert_eq!(faulty[field], Value::Null, "{field}");
    }
    let faults = faulty["faults"].as_array().unwrap();
    let words = ["ID_KEY: curve 1", "ID_BLOCK_SIG: r ", "byte 0xfff"];
    assert_eq!(faults.len(), words.len());
    for (fault, words) in faults.iter().zip(words) {
        assert!(fault.as_str().unwrap().starts_with(words), "{fault}");
    }

    let text = stdout(&idblock(&[&["show", &folder.path("block")]]));
    assert!(text.contains("policy             0x30000: ABI 0.0 or later, SMT RESERVED_ONE\n"));
    folder.write("short", &page[1..]);
    let sizes = ["4095 bytes", "96", "4096"];
    ended(&idblock(&[&["show", &folder.path("short")]]), 2, &sizes);
    ended(&idblock(&[&["show", "abcd"]]), 2, &["no file", "2 bytes", "96", "4096"]);
    ended(&idblock(&[&["show", "a file?"]]), 2, &["no file", "base64"]);
}

/// Each verdict, its exit code, and what the firmware answers.
#[test]
fn verdicts() {
    let folder = example();
    let good = folder.read("auth");
    let verify = |page: &[u8], more: &[&str], code, verdict: &str, status: &str| -> Value {
        let (block, auth) = (folder.path("block"), folder.write("changed", page));
        let files = ["verify", "--id-block", &block, "--id-auth", &auth];
        let output = idblock(&[&files, more, &["--json"]]);
        ended(&output, code, &[]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["verdict"], verdict);
        assert!(document["status"].as_str().unwrap().contains(status), "{document}");
        let plain = idblock(&[&files, more]);
        ended(&plain, code, &[document["why"].as_str().unwrap_or_default()]);
        assert!(stdout(&plain).contains(verdict));
        document
    };
    let changed = |at: usize| {
        let mut page = good.clone();
        page[at] ^= 0x10;
        page
    };
    let other = &LD.replace("34c9", "34c8");

    let accepted = verify(&good, &[], 0, "accepted", "SUCCESS");
    assert_eq!(accepted["id_key_digest"], ID_KEY_DIGEST);
    assert_eq!(accepted["author_key_digest"], AUTHOR_KEY_DIGEST);
    assert_eq!((&accepted["why"], &accepted["reserved"]), (&Value::Null, &Value::Null));
    let asked = ["--digest", LD, "--policy", "0x30000"];
    verify(&good, &asked, 0, "accepted", "SUCCESS");
    verify(&good, &["--digest", other], 4, "refused", "BAD_MEASUREMENT");
    verify(&good, &["--policy", "b0000"], 4, "refused", "POLICY_FAILURE");
    verify(&changed(0), &[], 2, "malformed", "INVALID_PARAM");
    verify(&changed(4), &[], 2, "malformed", "INVALID_PARAM");
    for at in [0x41, 0x244, 0x681, 0x884] {
        verify(&changed(at), &[], 3, "not-authentic", "BAD_SIGNATURE");
    }
    // The firmware finds the other digest first; nobody has signed it all the same.
    let neither = ["--digest", other];
    verify(&changed(0x41), &neither, 3, "not-authentic", "BAD_MEASUREMENT");
    let reserved = verify(&changed(0xfff), &[], 0, "accepted", "SUCCESS");
    assert!(reserved["reserved"].as_str().unwrap().contains("0xfff"));

    let mut without_author = good.clone();
    without_author[0x680..0xc84].fill(0);
    let alone = verify(&without_author, &[], 0, "accepted", "SUCCESS");
    assert_eq!(alone["author_key_digest"], Value::Null);
}

#[test]
fn files_that_are_neither() {
    let folder = example();
    let (block, auth) = (folder.path("block"), folder.path("auth"));
    let short = folder.write("short", &folder.read("auth")[..4095]);
    let cases = [
        (&auth, &auth, [&auth[..], "expected an ID block"]),
        (&block, &block, [&block[..], "expected its page"]),
        (&block, &short, [&short[..], "4095 bytes"]),
    ];
    for (block, auth, words) in cases {
        let output = idblock(&[&["verify", "--id-block", block, "--id-auth", auth, "--json"]]);
        ended(&output, 2, &words);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["verdict"], "malformed");
    }
    let none = folder.path("none");
    ended(&idblock(&[&["verify", "--id-block", &none, "--id-auth", &auth]]), 1, &["none"]);
    let digest = ["verify", "--id-block", &block, "--id-auth", &auth, "--digest", "00"];
    ended(&idblock(&[&digest]), 1, &["--digest", "48"]);
}

/// What `vectors/idblock` expects of its keys.
#[test]
fn keys_of_other_people() {
    let Some(folder) = real::folder("keys_of_other_people") else { return };
    let folder = folder.join("idblock");
    let real = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let expected: Value =
        serde_json::from_slice(&fs::read(real("expected.json")).unwrap()).unwrap();
    let text = |name: &str| expected[name].as_str().unwrap();
    let number = |name: &str| expected[name].to_string();
    let (id_key, author_key) = (real("test_id_key.pem"), real("test_auth_key.pem"));
    for (key, digest) in [(&id_key, "id_key_digest_b64"), (&author_key, "author_key_digest_b64")] {
        let digits = stdout(&idblock(&[&["key-digest", key]]));
        assert_eq!(Base64::encode_string(&hex(digits.trim_end())), text(digest));
    }

    let made = Folder::new();
    let (block, auth) = (made.path("block"), made.path("auth"));
    let (version, guest_svn) = (number("version"), number("guest_svn"));
    let arguments: [&[&str]; 5] = [
        &["create", "--base64", "--digest", text("launch_digest"), "--policy", text("policy")],
        &["--family-id", text("family_id"), "--image-id", text("image_id")],
        &["--version", &version, "--guest-svn", &guest_svn],
        &["--id-key", &id_key, "--author-key", &author_key],
        &["--id-block", &block, "--id-auth", &auth],
    ];
    ended(&idblock(&arguments), 0, &[]);
    assert_eq!(made.read("block"), format!("{}\n", text("id_block_b64")).as_bytes());

    // Their page, our block; and our page is theirs but for the signatures, which have other nonces.
    let theirs = fs::read(real("test_auth_block.bin")).unwrap();
    for page in [&auth, &real("test_auth_block.bin")] {
        ended(&idblock(&[&["verify", "--id-block", &block, "--id-auth", page]]), 0, &[]);
    }
    let ours = Base64::decode_vec(str::from_utf8(&made.read("auth")).unwrap().trim_end()).unwrap();
    for (start, end) in [(0, 0x40), (0x240, 0x680), (0x880, 0x1000)] {
        assert_eq!(ours[start..end], theirs[start..end]);
    }
}
