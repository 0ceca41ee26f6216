//! Where the real vectors are.

use std::io::Write;
use std::path::PathBuf;
use std::{env, format};

/// The folder with the real vectors. Where there is none, says so, past the capture of a test's output.
pub(crate) fn folder(test: &str) -> Option<PathBuf> {
    let folder = env::var_os("SEVCRYPT_REAL_VECTORS").filter(|folder| !folder.is_empty());
    if folder.is_none() {
        let line =
            format!("{test}: SKIPPED, SEVCRYPT_REAL_VECTORS names no folder with real vectors\n");
        std::io::stderr().write_all(line.as_bytes()).expect("standard error");
    }
    folder.map(PathBuf::from)
}
