//! Firmware images, read as a whole or hashed as they are read.

use std::io::Read;
use std::path::Path;

use sevcrypt::hash::{Sha384Digest, Workers};
use sevcrypt::image::Ovmf;
use sevcrypt::image::ovmf::OvmfError;

use super::image;
use crate::failure::Failure;
use crate::input::{Content, Input};

const PAGE: usize = 4096;
/// How many bytes are read at a time, and how many are kept of an image that is hashed as it is read.
const CHUNK: usize = 4 << 20;
/// From how many bytes on an image is not held in memory: to find the memory for it would take longer than to hash it.
const LARGE: u64 = 2 * CHUNK as u64;

/// A firmware image, or the end of a large one with the digests of all its pages.
pub(super) struct Firmware {
    pub(super) content: Content,
    page_digests: Option<Vec<Sha384Digest>>,
}

impl Firmware {
    /// Reads the whole image.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        Ok(Self { content: image(path)?, page_digests: None })
    }

    /// Reads an image of which nobody wants more than the digests of its pages, and its table.
    pub(super) fn hash(path: &Path, workers: Workers) -> Result<Self, Failure> {
        match Self::hash_large(path, workers)? {
            Some(firmware) if firmware.parse().is_ok() => Ok(firmware),
            // What is wrong, and where, the whole image says best.
            _ => Self::read(path),
        }
    }

    /// `None` if the image is not large, or no image.
    fn hash_large(path: &Path, workers: Workers) -> Result<Option<Self>, Failure> {
        let Input { name, mut reader, len } = Input::open(path)?;
        let is_large = |len: &u64| (LARGE..=super::LONGEST).contains(len);
        let Some(len) = len.filter(is_large).and_then(|len| usize::try_from(len).ok()) else {
            return Ok(None);
        };
        if !len.is_multiple_of(PAGE) {
            return Ok(None);
        }
        let failed = |error| Failure::usage(format_args!("{name}: {error}"));
        let mut buffer = vec![0; CHUNK];
        let mut digests = vec![[0; 48]; len / PAGE];
        // The first chunk is the one that is short, so that the last is what is kept.
        let (first, rest) = digests.split_at_mut(len % CHUNK / PAGE);
        for digests in std::iter::once(first).chain(rest.chunks_mut(CHUNK / PAGE)) {
            let chunk = &mut buffer[..digests.len() * PAGE];
            reader.read_exact(chunk).map_err(failed)?;
            workers.digests(chunk, digests);
        }
        if reader.read(&mut [0]).map_err(failed)? != 0 {
            return Err(Failure::usage(format_args!("{name}: grew while it was read")));
        }
        Ok(Some(Self { content: Content { name, bytes: buffer }, page_digests: Some(digests) }))
    }

    fn parse(&self) -> Result<Ovmf<'_>, OvmfError> {
        match &self.page_digests {
            Some(digests) => Ovmf::parse_tail(&self.content.bytes, digests),
            None => Ovmf::parse(&self.content.bytes),
        }
    }

    /// The image's table.
    pub(super) fn ovmf(&self) -> Result<Ovmf<'_>, Failure> {
        self.parse().map_err(|why| self.content.malformed(why))
    }
}
