//! Launches from outside: firmware images good and bad, the order of what is loaded, digests of SEV and SEV-ES, and logs.

#![allow(missing_docs, reason = "tests")]

mod bad_images;
mod bad_launches;
mod builder;
#[path = "../support/real.rs"]
mod folder;
#[cfg(feature = "alloc")]
mod log;
mod order;
mod real;
mod sev;

use std::fs;

use sevcrypt::image::Ovmf;
use sevcrypt::image::ovmf::{Section, SectionKind};

/// A real image, which is not part of this repository.
fn real_image(test: &str, file: &str) -> Option<Vec<u8>> {
    let folder = folder::folder(test)?;
    let path = folder.join("measurement").join(file);
    Some(fs::read(&path).unwrap_or_else(|why| panic!("{file}: {why}")))
}

/// Address, size and type of each section.
fn sections(image: &Ovmf<'_>) -> Option<Vec<(u64, u32, SectionKind)>> {
    let parts = |Section { gpa, size, kind }| (gpa.get(), size, kind);
    Some(image.sections()?.map(parts).collect())
}
