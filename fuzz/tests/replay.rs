//! Every target over its corpus, with any toolchain.

#![allow(missing_docs, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sevcrypt_fuzz::TARGETS;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{folder:?}: {why}"));
    entries.map(|entry| entry.expect("a file").path()).collect()
}

fn stems(folder: &str) -> BTreeSet<String> {
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    files(folder).into_iter().filter_map(stem).collect()
}

#[test]
fn every_target_has_a_program_and_a_corpus() {
    let names: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names, stems("fuzz_targets"));
    assert_eq!(names, stems("corpus"));
}

/// What is fuzzed can be looked up: a row of the table for each target, and none for another.
#[test]
fn every_target_has_a_row() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(path).expect("a file");
    let last = |line: &str| Some(line.strip_suffix("` |")?.rsplit_once("| `")?.1.to_owned());
    let mut rows: Vec<_> = text.lines().filter_map(last).collect();
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    rows.sort_unstable();
    assert_eq!(rows, names);
}

#[test]
fn corpora() {
    for (name, target) in TARGETS {
        let seeds = files(&format!("corpus/{name}"));
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in &seeds {
            println!("{}", seed.display());
            target(&fs::read(seed).expect("a file"));
        }
    }
}
