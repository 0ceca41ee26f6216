//! `sevcrypt keys` as a user runs it, on the answers of the library's tests.

mod support;

use std::process::Output;

use support::{Folder, run};

/// A chip of nobody, at the TCB version 0300000000000873.
const CHIP_SECRET: &str = "fe00722d9c9ce7b5db240906b693b6995341ed17c34d60e844d2be4e730b498e\
     dcb3d074831504b9d99c5dad33958175";
const STICK: &str = "78d89647b7695188a787414282d5f8b2b8c0c66cffcc4a47cdcda22858083eef\
     a2f88d472911f2a34c67df1083536b53";
/// stick 7 at the TCB version 0300000000000844.
const OLDER_STICK: &str = "736b5cef213497dc93245536b15b67219f4f932ff5c0695b2d4dfc6816d137a2\
     c3e9fe0247b5634f7039cf6ee4ff2f4d";
const VCEK: [&str; 3] = [
    "1f809082038e474c8130823e07c4fb305b28fc285c835f4918a930b27f3dac2d\
     56a36a87117c99922f011025997b1c73",
    "bf774a3012be2dad27daa898548c1a27ab169d6d2c54812e37ea2233ec0eea2d\
     0c8e1a36ccfd9d17d8cc0654b6c6842f",
    "fdda670881b012cea092747f057e03a6c5f5615b156ae6ad1c712740cbe6e3bc\
     d4523a6c7d62ca457f3b47beed1a27f8",
];
const VLEK_SCALAR: &str = "b15b57ace8f5620a5dbe7c60fe7c6a769c15bea4735f30c620ebef8f468ebfe6\
     14263ff08eef2885a58045116375ed8b";
const VMRK: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const HOST_DATA: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf";
/// Digest of the ID or author key.
const DIGEST: &str = "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f\
     808182838485868788898a8b8c8d8e8f";
/// Every field, with VMPL 1.
const EVERY_FIELD: &[&str] = &[
    "--fields",
    "policy,image-id,family-id,measurement,guest-svn,tcb",
    "--policy",
    "0x30000",
    "--image-id",
    "3132333435363738393a3b3c3d3e3f40",
    "--family-id",
    "0102030405060708090a0b0c0d0e0f10",
    "--measurement",
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
    "--guest-svn",
    "5",
    "--tcb",
    "0300000000000873",
    "--vmpl",
    "1",
];

fn keys(arguments: &[&[&str]]) -> Output {
    run(&[&["keys"], &arguments.concat()[..]].concat())
}

#[track_caller]
fn prints(arguments: &[&[&str]], text: &str) {
    let output = keys(arguments);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{text}\n"));
}

/// Checks that the sentence names these words, and no secret.
#[track_caller]
fn refused(arguments: &[&[&str]], words: &[&str]) {
    let output = keys(arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(output.stdout.is_empty(), "nothing is printed");
    for word in words {
        assert!(text.contains(word), "no '{word}' in: {text}");
    }
    for secret in [CHIP_SECRET, STICK, VMRK] {
        assert!(!text.contains(&secret[..12]), "{text}");
    }
}

#[test]
fn kdf() {
    let base = ["kdf", "--key", VMRK, "--label"];
    let context = ["--context", "0x808182838485868788898a8b8c8d8e8f"];
    prints(
        &[&base, &["gmsg-keyreq", "--length", "32"], &context],
        "5d58d9dfc7686e71dfed81bf9b02750e2ebae97c676deb5789f4f503eb6a061f",
    );
    prints(
        &[&base, &["sev-versioned-chip-endorsement-key", "--length", "56"]],
        "95f99d6ad51f930387eaf0165133635bb026942a14cf54d236b2d6b4d42b55e4\
         c55b38f94a49b4fe6ebc774ed36be58981c549d7afb058e6",
    );
    // From files: the only way to a label with a zero at its end.
    let folder = Folder::new();
    let file = |name: &str, bytes: &[u8]| format!("@{}", folder.write(name, bytes));
    let label = file("label", b"label");
    let context = file("context", b"ctx");
    prints(
        &[&base, &[&label, "--context", &context, "--length", "20"]],
        "717f22b46e717ddf6bb72ff83191978221d23264",
    );
    let with_zero = file("label0", b"label\0");
    let output = keys(&[&base, &[&with_zero, "--context", &context, "--length", "20"]]);
    assert!(output.status.success() && !output.stdout.starts_with(b"717f"), "{output:?}");

    refused(&[&base, &["label", "--length", "0"]], &["--length", "1..=65536"]);
    refused(&[&base, &["label", "--length", "65537"]], &["--length", "1..=65536"]);
    refused(&[&base, &["label"]], &["--length"]);
    refused(&[&base, &["@/no/file", "--length", "1"]], &["--label: /no/file"]);
    refused(&[&["kdf", "--key", "", "--label", "l", "--length", "1"]], &["--key: no bytes"]);
    refused(&[&base, &["l", "--length", "1", "--context", "0"]], &["--context: 1 characters"]);
}

#[test]
fn vcek_and_vlek() {
    let options = ["--chip-secret", CHIP_SECRET, "--tcb", "0300000000000873"];
    let text = |scalar: &str| {
        let output = keys(&[&[if scalar == VCEK[0] { "vcek" } else { "vlek" }], &options]);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let [scalar, x, y] = VCEK;
    assert_eq!(
        text(scalar),
        format!(
            "stick              {STICK}\nscalar             {scalar}\n\
             public x           {x}\npublic y           {y}\n"
        )
    );
    assert!(text(VLEK_SCALAR).contains(&format!("scalar             {VLEK_SCALAR}\n")));

    let output = keys(&[&["vcek", "--json"], &options]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        document,
        serde_json::json!({ "stick": STICK, "scalar": scalar, "public_x": x, "public_y": y })
    );
    let older = ["vcek", "--chip-secret", CHIP_SECRET, "--tcb", "0x0300000000000844"];
    let output = String::from_utf8(keys(&[&older]).stdout).unwrap();
    assert!(output.contains(OLDER_STICK), "{output}");
}

#[test]
fn tcb_versions_of_products() {
    let options = |tcb| ["vcek", "--chip-secret", CHIP_SECRET, "--tcb", tcb];
    let turin = options("0101010400000051");
    assert!(keys(&[&turin, &["--product", "turin"]]).status.success());
    assert!(keys(&[&turin]).status.success());
    refused(&[&turin, &["--product", "milan"]], &["--tcb: 0101010400000051", "Milan"]);
    refused(&[&turin, &["--product", "nome"]], &["nome", "Genoa"]);
    refused(&[&options("03000000000008")], &["--tcb: 7 bytes, expected 8"]);
}

#[test]
fn secrets_of_a_wrong_length() {
    for name in ["vcek", "vlek"] {
        let options = [name, "--tcb", "0300000000000873", "--chip-secret"];
        refused(&[&options, &[VMRK]], &["--chip-secret: 32 bytes, expected 48"]);
        refused(&[&options, &[&CHIP_SECRET[1..]]], &["--chip-secret: 95 characters"]);
    }
    let options = |root| ["guest", "--root", root, "--root-key"];
    refused(&[&options("vcek"), &[VMRK]], &["--root-key: 32 bytes, expected 48"]);
    refused(&[&options("vmrk"), &[STICK]], &["--root-key: 48 bytes, expected 32"]);
    refused(&[&["guest", "--root-key", STICK]], &["--root"]);
}

#[test]
fn keys_of_guests() {
    let with_vcek = ["guest", "--root", "vcek", "--root-key", STICK, "--host-data", HOST_DATA];
    prints(&[&with_vcek], "8b3362618040f524d7fcd20c9e6a8258947eda40b4b704f3a55ecefe10aea316");
    let id_key = ["--id-key-digest", DIGEST];
    let key_b = "d1566a2174e88bbc2607165c95d058a9a9aaa2c2c27daaed0b483cde9aad4ca0";
    prints(&[&with_vcek, EVERY_FIELD, &id_key], key_b);
    // Which of the two sticks it is does not matter.
    let with_vlek = ["guest", "--root", "vlek", "--root-key", STICK, "--host-data", HOST_DATA];
    prints(&[&with_vlek, EVERY_FIELD, &id_key], key_b);

    let with_vmrk = ["guest", "--root", "vmrk", "--root-key", VMRK, "--host-data", HOST_DATA];
    let author_key = ["--author-key-digest", DIGEST];
    let key_c = "7831f1d5fdd02f83d25eb3c0cb32f4ba37226ae9282e425f3ffd5e4d06df7a3d";
    prints(&[&with_vmrk, EVERY_FIELD, &author_key], key_c);

    let older = ["guest", "--root", "vcek", "--root-key", OLDER_STICK, "--host-data", HOST_DATA];
    let key_d = "880c1703d348a5c6b84380925ce5be0e14710a154fb90052d1ab3612582a54dc";
    prints(&[&older, &["--fields", "tcb", "--tcb", "0300000000000844"]], key_d);
}

/// A field that is selected without a value, or has one and is not selected, is a mistake.
#[test]
fn fields_and_values() {
    let base = ["guest", "--root", "vcek", "--root-key", STICK];
    let sixteen = &VMRK[..32];
    for (name, value) in [
        ("policy", "30000"),
        ("image-id", sixteen),
        ("family-id", sixteen),
        ("measurement", DIGEST),
        ("guest-svn", "5"),
        ("tcb", "0300000000000873"),
    ] {
        let option = format!("--{name}");
        let (with_value, selected) = ([option.as_str(), value], ["--fields", name]);
        refused(&[&base, &with_value], &[&format!("{option} has no effect")]);
        refused(&[&base, &selected], &[&format!("--fields {name} needs {option}")]);
        assert!(keys(&[&base, &with_value, &selected]).status.success());
    }
    refused(&[&base, &["--fields", "svn"]], &["svn", "guest-svn"]);
    refused(&[&base, &["--vmpl", "4"]], &["--vmpl", "0 to 3"]);
    refused(&[&base, &["--fields", "policy", "--policy", "+1"]], &["--policy", "16 hexadecimal"]);
    refused(&[&base, &["--host-data", sixteen]], &["--host-data: 16 bytes, expected 32"]);
    refused(&[&base, &["--id-key-digest", VMRK]], &["--id-key-digest: 32 bytes, expected 48"]);
    let both = ["--id-key-digest", DIGEST, "--author-key-digest", DIGEST];
    refused(&[&base, &both], &["--author-key-digest"]);
}
