//! What the architecture forbids, read from the source: arrows that run up, and `unsafe` outside its rooms.

#![allow(missing_docs, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The floors of the house: a module names its own floor and those above it in this list.
const FLOORS: &[&[&str]] = &[
    // `real` is tests/support/real.rs, for unit tests.
    &[
        "addr", "cpu", "error", "flags", "guid", "hex", "kernel", "key", "real", "secret",
        "status", "vartime", "wipe", "wire",
    ],
    &["aes", "ctr", "ecdh", "ecdsa", "gcm", "hash", "kdf", "x509"],
    &["anchors"],
    &["image", "mem", "rmp", "vmsa"],
    &["sev", "snp"],
    &["platform"],
];

fn floor(module: &str) -> usize {
    FLOORS.iter().position(|floor| floor.contains(&module)).unwrap_or_else(|| {
        panic!("module {module} has no floor: give it one in FLOORS and in ARCHITECTURE.md")
    })
}

/// The modules that some source text names, by `crate::module` or by an item that the root re-exports.
fn named<'a>(text: &'a str, items: &BTreeMap<String, String>) -> BTreeSet<String> {
    let identifiers = |rest: &'a str| -> Vec<&'a str> {
        let end = rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
        vec![&rest[..end]]
    };
    code(text)
        .flat_map(|line| line.match_indices("crate::").map(move |(at, _)| &line[at + 7..]))
        .flat_map(identifiers)
        .filter_map(|name| match items.get(name) {
            Some(module) => Some(module.clone()),
            None => name.starts_with(char::is_lowercase).then(|| name.to_owned()),
        })
        .collect()
}

/// The lines without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or_default())
}

fn names_unsafe(text: &str) -> bool {
    let word = |line: &str| {
        line.split(|c: char| c != '_' && !c.is_alphanumeric()).any(|word| word == "unsafe")
    };
    code(text).any(word)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of a folder, with its path in the project.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "{folder} has Rust files");
    files
}

/// Which module each item comes from that `src/lib.rs` re-exports.
fn reexports() -> BTreeMap<String, String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let text: String = code(&lib).collect::<Vec<_>>().join(" ");
    let mut items = BTreeMap::new();
    for part in text.split("pub use ").skip(1) {
        let (module, list) = part.split(';').next().unwrap().split_once("::").unwrap();
        for item in list.split(|c: char| !c.is_alphanumeric()).filter(|item| !item.is_empty()) {
            items.insert(item.to_owned(), module.to_owned());
        }
    }
    items
}

#[test]
fn no_arrow_runs_up() {
    let items = reexports();
    for (path, text) in sources("src").into_iter().filter(|(path, _)| path != "src/lib.rs") {
        let module = path["src/".len()..].split(['/', '.']).next().unwrap();
        for other in named(&text, &items) {
            assert!(
                floor(&other) <= floor(module),
                "{path} names `{other}`, which stands above it"
            );
            let generations = ["sev", "snp"];
            let is_other = other != module && generations.contains(&&*other);
            assert!(
                !generations.contains(&module) || !is_other,
                "{path} names `{other}`: the generations do not know each other"
            );
        }
    }
}

#[test]
fn an_arrow_that_runs_up_is_found() {
    let items = reexports();
    assert_eq!(items["PhysAddr"], "addr");
    let text = "use crate::PhysAddr;\nfn f() { crate::mem::g() } // crate::aes";
    assert_eq!(named(text, &items).into_iter().collect::<Vec<_>>(), ["addr", "mem"]);
    assert!(floor("mem") > floor("kernel"));
}

/// `[package.metadata.sevcrypt.unsafe-files]` of the manifest.
fn unsafe_files() -> BTreeSet<String> {
    let manifest: toml::Table =
        fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let list = &manifest["package"]["metadata"]["sevcrypt"]["unsafe-files"];
    list.as_table().unwrap().keys().cloned().collect()
}

#[test]
fn unsafe_stands_in_its_rooms_only() {
    let listed = unsafe_files();
    let folders = [
        "src",
        "cli/src",
        "cli/tests",
        "peers/src",
        "peers/tests",
        "tests",
        "benches",
        "examples",
        "asm/proof/src",
        "asm/proof/tests",
    ];
    let found: BTreeSet<_> = folders
        .into_iter()
        .flat_map(sources)
        // The freestanding image is a program of its own, with an entry point and a stack to align; this
        // file has the word in its own text.
        .filter(|(path, _)| !path.starts_with("tests/image/") && path != "tests/architecture.rs")
        .filter(|(_, text)| names_unsafe(text))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(found, listed);
}

#[test]
fn an_unsafe_block_is_found() {
    assert!(names_unsafe("let x = unsafe { f() };"));
    assert!(!names_unsafe("// unsafe\n#![deny(unsafe_code)]"));
}

#[test]
fn every_kernel_is_declared() {
    let kernel = fs::read_to_string(root().join("src/kernel.rs")).unwrap();
    let files: Vec<PathBuf> =
        fs::read_dir(root().join("asm")).unwrap().map(|entry| entry.unwrap().path()).collect();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "S")) {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(
            kernel.contains(&format!("\"{name}\"")),
            "asm/{name} is not declared in src/kernel.rs"
        );
        let text = fs::read_to_string(file).unwrap();
        assert!(text.lines().count() <= 320, "asm/{name} is longer than a reader can hold");
        for macro_line in text.lines().filter_map(|line| line.strip_prefix(".macro")) {
            let name = macro_line.split_whitespace().next().unwrap();
            assert!(
                text.lines().any(|l| l.starts_with(".purgem") && l.ends_with(name)),
                "{name} is purged"
            );
        }
    }
}

/// The arithmetic of verification takes variable time: only these call it, and give it public numbers.
#[test]
fn variable_time_has_few_callers() {
    let names = |text: &str| code(text).any(|line| line.contains("crate::vartime"));
    let is_caller = |path: &str| !path.starts_with("src/vartime/") && !path.ends_with("tests.rs");
    let callers =
        sources("src").into_iter().filter(|(path, text)| is_caller(path.as_ref()) && names(text));
    let callers: Vec<_> = callers.map(|(path, _)| path).collect();
    assert_eq!(callers, ["src/ecdsa/mod.rs", "src/x509/rsa.rs"]);
}

/// The files of the library that have such a line of code. Tests may: no caller runs them.
fn rooms_with(is_such: impl Fn(&str) -> bool) -> Vec<String> {
    let is_test = |path: &str| path.ends_with("tests.rs") || path.contains("/tests/");
    let has = |text: &str| code(text.split("#[cfg(test)]\nmod ").next().unwrap()).any(&is_such);
    let rooms = sources("src").into_iter().filter(|(path, text)| !is_test(path) && has(text));
    rooms.map(|(path, _)| path).collect()
}

fn names_one(line: &str, words: &[&str]) -> bool {
    words.iter().any(|word| line.contains(word))
}

/// The library starts no thread unasked: only `hash::Workers` does, which has their number from its caller.
#[test]
fn threads_have_one_room() {
    assert_eq!(rooms_with(|line| line.contains("spawn")), ["src/hash/workers.rs"]);
    // In a scope, so that none outlives the call.
    assert_eq!(
        rooms_with(|line| line.contains("thread::spawn") || line.contains(".spawn(")),
        [""; 0]
    );
}

/// It talks to nobody and prints nothing; its files are those of a saved machine.
#[test]
fn nothing_is_reached_unasked() {
    let reaching = ["std::net", "std::process", "std::env", "env::var", "print!", "println!"];
    assert_eq!(rooms_with(|line| names_one(line, &reaching)), [""; 0]);
    let rooms = rooms_with(|line| names_one(line, &["std::fs", "File::"]));
    assert_eq!(rooms, ["src/platform/save/store.rs"]);
}

/// What outlives a call is made once, of constants: AMD's keys prepared, and multiples of the generator. (The CPU's features are
/// kept by the crate `cpufeatures`.)
#[test]
fn state_has_few_rooms() {
    let cells = ["Once", "Lazy", "Mutex", "RwLock", "Atomic", "Cell"];
    let is_state = |line: &str| line.contains("static ") && names_one(line, &cells);
    let rooms =
        rooms_with(|line| is_state(line) || names_one(line, &["static mut", "thread_local!"]));
    let p384 =
        ["lanes.rs", "mulx.rs", "portable.rs"].map(|file| format!("src/vartime/p384/{file}"));
    assert_eq!(rooms[0], "src/anchors.rs");
    assert_eq!(rooms[1..], p384);
}
