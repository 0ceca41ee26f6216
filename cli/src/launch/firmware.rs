//! Firmware images, read as a whole or hashed as they are read.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::thread;

use sevcrypt::hash::{self, Sha384Digest, Workers};
use sevcrypt::image::Ovmf;
use sevcrypt::image::ovmf::OvmfError;

use super::image;
use crate::failure::Failure;
use crate::input::Content;

const PAGE: usize = 4096;
/// How many pages are read at a time: they are hashed while they are in the cache.
const CHUNK: usize = 64;
/// How many bytes are kept of the end of an image that is hashed as it is read.
const TAIL: usize = 1 << 20;
/// From how many bytes on an image is not held in memory: to find the memory for it would take longer than to hash it.
const LARGE: u64 = 8 << 20;

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
        // Only a file that can be opened again is: opening a pipe and closing it would stop its writer.
        let metadata = fs::metadata(path).ok().filter(|it| it.is_file() && path != Path::new("-"));
        let is_large = |len: &u64| (LARGE..=super::LONGEST).contains(len);
        let Some(len) = metadata.map(|it| it.len()).filter(is_large) else { return Ok(None) };
        let len = usize::try_from(len).map_err(Failure::usage)?;
        if !len.is_multiple_of(PAGE) {
            return Ok(None);
        }
        let name = path.display().to_string();
        let failed = |error| Failure::usage(format_args!("{name}: {error}"));
        let page_digests = digests(path, len / PAGE, workers).map_err(failed)?;
        let mut bytes = vec![0; TAIL];
        let mut file = File::open(path).map_err(failed)?;
        file.seek(SeekFrom::Start((len - TAIL) as u64)).map_err(failed)?;
        file.read_exact(&mut bytes).map_err(failed)?;
        let mut digests = [[0; 48]; TAIL / PAGE];
        hash::sha384_each(workers.backend(), PAGE, &bytes, &mut digests);
        if !page_digests.ends_with(&digests) || file.read(&mut [0]).map_err(failed)? != 0 {
            return Err(Failure::usage(format_args!("{name}: changed while it was read")));
        }
        Ok(Some(Self { content: Content { name, bytes }, page_digests: Some(page_digests) }))
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

/// The digest of each of so many pages of a file. Each thread reads a part of it.
fn digests(path: &Path, pages: usize, workers: Workers) -> io::Result<Vec<Sha384Digest>> {
    let mut digests = vec![[0; 48]; pages];
    let part = pages.div_ceil(workers.threads());
    let read = |number: usize, digests: &mut [Sha384Digest]| {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start((number * part * PAGE) as u64))?;
        let mut buffer = vec![0; CHUNK * PAGE];
        for digests in digests.chunks_mut(CHUNK) {
            let chunk = &mut buffer[..digests.len() * PAGE];
            file.read_exact(chunk)?;
            hash::sha384_each(workers.backend(), PAGE, chunk, digests);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let parts = digests.chunks_mut(part).enumerate();
        let threads: Vec<_> =
            parts.map(|(number, digests)| scope.spawn(move || read(number, digests))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
    })
    .map(|()| digests)
}
