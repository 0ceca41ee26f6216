//! Launches of SEV-SNP guests from outside: digests of real images, why a digest is another one than expected, IGVM files.

#![cfg(feature = "alloc")]
#![allow(missing_docs, reason = "tests")]

#[path = "../launch/builder.rs"]
#[allow(dead_code, reason = "shared with the tests of images")]
mod builder;
#[path = "../support/real.rs"]
mod folder;
#[cfg(feature = "igvm-05")]
mod igvm_05;
mod real;
mod suspects;

use std::fs;

/// A real image, which is not part of this repository.
fn real_image(test: &str, file: &str) -> Option<Vec<u8>> {
    let folder = folder::folder(test)?;
    let path = folder.join("measurement").join(file);
    Some(fs::read(&path).unwrap_or_else(|why| panic!("{file}: {why}")))
}
