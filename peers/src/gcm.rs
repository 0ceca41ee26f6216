//! The group `gcm`: texts of a message's and of a page's length, sealed and opened in place by AES-256-GCM; and whole
//! guest messages ([`messages`]).

use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write};
use std::time::Duration;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use clap::Args;
use sevcrypt::Backend;
use sevcrypt::gcm::{GcmKey, MessageKey, Nonce, PageKey, Tag};
use sevcrypt_cli::measure::{self, Row};

use crate::contest::{Contest, Contestant, Worker, pattern};
use crate::evp::{AwsLcGcm, Direction, OpenSslGcm};
use crate::{messages, table};

#[derive(Args)]
pub(crate) struct Options {
    /// One JSON document instead of tables
    #[arg(long)]
    json: bool,
    /// How many threads work at once, each on memory of its own
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Only the cases whose names contain this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// How long each case is measured, in milliseconds
    #[arg(long, value_name = "MS", default_value = "300")]
    budget: u64,
}

const KEY: [u8; 32] = *b"a key of GCM that nobody uses...";
const NONCE: Nonce = *b"just a nonce";
const AAD: [u8; 16] = *b"additional data.";
const ROUNDS: usize = 14;
const LENGTHS: [usize; 7] = [64, 96, 256, 1024, 4096, 65536, 1 << 20];
/// The longest text for which a message's key is measured too.
const MESSAGE: usize = 1024;

/// AES-256-GCM with [`KEY`] and [`AAD`], in place.
trait Aead: Send + 'static {
    fn seal(&mut self, nonce: &Nonce, text: &mut [u8]) -> Tag;
    /// Whether the tag is right.
    fn open(&mut self, nonce: &Nonce, text: &mut [u8], tag: &Tag) -> bool;
}

impl<const POWERS: usize> Aead for GcmKey<POWERS> {
    fn seal(&mut self, nonce: &Nonce, text: &mut [u8]) -> Tag {
        self.seal_in_place(nonce, &AAD, text).expect("not too long")
    }

    fn open(&mut self, nonce: &Nonce, text: &mut [u8], tag: &Tag) -> bool {
        self.open_in_place(nonce, &AAD, text, tag).is_ok()
    }
}

impl Aead for AwsLcGcm {
    fn seal(&mut self, nonce: &Nonce, text: &mut [u8]) -> Tag {
        Self::seal(self, nonce, &AAD, text)
    }

    fn open(&mut self, nonce: &Nonce, text: &mut [u8], tag: &Tag) -> bool {
        Self::open(self, nonce, &AAD, text, tag)
    }
}

/// A context for each direction: to turn one around would cost more than a short text.
struct OpenSsl {
    seals: OpenSslGcm,
    opens: OpenSslGcm,
}

impl Aead for OpenSsl {
    fn seal(&mut self, nonce: &Nonce, text: &mut [u8]) -> Tag {
        self.seals.seal(nonce, &AAD, text)
    }

    fn open(&mut self, nonce: &Nonce, text: &mut [u8], tag: &Tag) -> bool {
        self.opens.open(nonce, &AAD, text, tag)
    }
}

impl Aead for Aes256Gcm {
    fn seal(&mut self, nonce: &Nonce, text: &mut [u8]) -> Tag {
        let sealed = self.encrypt_inout_detached(nonce.into(), &AAD, text.into());
        sealed.expect("not too long").into()
    }

    fn open(&mut self, nonce: &Nonce, text: &mut [u8], tag: &Tag) -> bool {
        self.decrypt_inout_detached(nonce.into(), &AAD, text.into(), tag.into()).is_ok()
    }
}

/// The right tags of the two texts that turn into each other under one nonce: the pattern, and what it is sealed to.
#[derive(Clone, Copy)]
struct Tags {
    of_pattern: Tag,
    of_other: Tag,
}

#[derive(Clone, Copy)]
struct Task {
    direction: Direction,
    len: usize,
}

fn tasks() -> impl Iterator<Item = Task> {
    let directions = [Direction::Encrypt, Direction::Decrypt];
    directions.into_iter().flat_map(|direction| LENGTHS.map(|len| Task { direction, len }))
}

impl Task {
    fn name(self) -> String {
        let direction = match self.direction {
            Direction::Encrypt => "seal",
            Direction::Decrypt => "open",
        };
        format!("gcm256-{direction}-{}", self.len)
    }

    /// Everyone, the definition first.
    fn contestants(self, threads: usize) -> Result<Vec<Contestant>, String> {
        let mut contestants = Vec::new();
        let tags = self.tags();
        for backend in Backend::available() {
            let bound = measure::backend_bound(ROUNDS, backend);
            let name = format!("sevcrypt-{backend}");
            if self.len <= MESSAGE {
                let key = || MessageKey::new(&KEY, backend);
                contestants.push(self.contestant(
                    &format!("{name}-message"),
                    bound,
                    threads,
                    tags,
                    key,
                )?);
            }
            let key = || PageKey::new(&KEY, backend);
            contestants.push(self.contestant(&name, bound, threads, tags, key)?);
        }
        let bound = bound();
        contestants.push(self.contestant("aws-lc", bound, threads, tags, || AwsLcGcm::new(&KEY))?);
        let openssl = || {
            let context = |direction| OpenSslGcm::new(&KEY, direction);
            OpenSsl { seals: context(Direction::Encrypt), opens: context(Direction::Decrypt) }
        };
        contestants.push(self.contestant("openssl", bound, threads, tags, openssl)?);
        let rustcrypto = || Aes256Gcm::new(&KEY.into());
        contestants.push(self.contestant("rustcrypto", bound, threads, tags, rustcrypto)?);
        Ok(contestants)
    }

    /// The tags by the definition.
    fn tags(self) -> Tags {
        let mut key = PageKey::new(&KEY, Backend::portable());
        let mut text = pattern(self.len);
        let mut seal = || Aead::seal(&mut key, &NONCE, &mut text);
        let of_other = seal();
        Tags { of_other, of_pattern: seal() }
    }

    /// A contestant that makes the right tags, takes them, and takes no other.
    fn contestant<A: Aead>(
        self,
        name: &str,
        bound: f64,
        threads: usize,
        tags: Tags,
        aead: impl Fn() -> A,
    ) -> Result<Contestant, String> {
        let mut first = aead();
        let mut text = pattern(self.len);
        if first.seal(&NONCE, &mut text) != tags.of_other {
            return Err(format!("{}: {name} makes another tag", self.name()));
        }
        let sealed = text.clone();
        if !first.open(&NONCE, &mut text, &tags.of_other) || text != pattern(self.len) {
            return Err(format!("{}: {name} does not open what is sealed", self.name()));
        }
        for bit in 0..128 {
            let mut wrong = tags.of_other;
            wrong[bit / 8] ^= 1 << (bit % 8);
            text.copy_from_slice(&sealed);
            if first.open(&NONCE, &mut text, &wrong) {
                return Err(format!("{}: {name} takes a wrong tag, bit {bit}", self.name()));
            }
        }
        let worker = || {
            Some(match self.direction {
                Direction::Encrypt => seals(aead()),
                Direction::Decrypt => opens(aead(), tags),
            })
        };
        Ok(Contestant::new(name, bound, threads, worker).expect("all have GCM"))
    }
}

/// The least cycles for 64 bytes on this CPU, for whoever finds the widest instructions.
fn bound() -> f64 {
    measure::aes_bound(ROUNDS, measure::aes_unit_bits())
}

/// Seals in place. The next nonce waits for text and tag of the call before, so that the time of one call is the time that a
/// caller waits for both.
fn seals(mut aead: impl Aead) -> Worker {
    Box::new(move |calls, memory| {
        let (zero, mut tag) = (black_box(0), [0; 16]);
        for _ in 0..calls {
            let mut nonce = NONCE;
            nonce[0] ^= (tag[15] ^ memory[0]) & zero;
            tag = aead.seal(black_box(&nonce), black_box(&mut *memory));
        }
        black_box(tag);
    })
}

/// Opens in place. Under one nonce each of two texts is opened to the other one, so that no call needs a fresh ciphertext; the
/// first byte tells which of them is there. The next call waits for the text of the one before.
fn opens(mut aead: impl Aead, tags: Tags) -> Worker {
    let first = pattern(1)[0];
    Box::new(move |calls, memory| {
        let zero = black_box(0);
        for _ in 0..calls {
            let mut nonce = NONCE;
            nonce[0] ^= memory[0] & zero;
            let tag = if memory[0] == first { &tags.of_pattern } else { &tags.of_other };
            let opened = aead.open(black_box(&nonce), black_box(&mut *memory), tag);
            assert!(opened, "the tag is right");
        }
    })
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let threads = usize::from(options.threads);
    let budget = Duration::from_millis(options.budget);
    let asked = |name: &str| options.only.as_ref().is_none_or(|text| name.contains(text));
    let mut out = io::stdout().lock();
    let mut rows: Vec<Row> = Vec::new();
    for task in tasks().filter(|task| asked(&task.name())) {
        let contest = Contest { group: "gcm", name: task.name(), bytes: task.len, threads, budget };
        let more = contest.of_texts(&task.contestants(threads)?, bound())?;
        if !options.json {
            table::print(&mut out, &more, threads)?;
        }
        rows.extend(more);
    }
    // They are measured on one thread.
    if threads == 1 && messages::NAMES.into_iter().any(asked) {
        for more in messages::rows(budget)?.into_iter().filter(|rows| asked(&rows[0].case)) {
            if !options.json {
                table::print(&mut out, &more, threads)?;
            }
            rows.extend(more);
        }
    }
    if rows.is_empty() {
        return Err("no case has such a name".into());
    }
    if options.json {
        writeln!(out, "{:#}", measure::document(&rows, threads))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_make_the_same_bytes_and_tags() {
        for task in tasks().filter(|task| task.len <= 4096) {
            let name = task.name();
            let budget = Duration::ZERO;
            let contest = Contest { group: "gcm", name, bytes: task.len, threads: 1, budget };
            contest.of_texts(&task.contestants(1).unwrap(), bound()).unwrap();
        }
    }

    #[test]
    fn a_tag_that_is_not_looked_at_is_an_error() {
        struct Careless(PageKey);

        impl Aead for Careless {
            fn seal(&mut self, nonce: &Nonce, text: &mut [u8]) -> Tag {
                Aead::seal(&mut self.0, nonce, text)
            }

            fn open(&mut self, nonce: &Nonce, text: &mut [u8], _: &Tag) -> bool {
                let _ = Aead::seal(&mut self.0, nonce, text);
                true
            }
        }

        let task = Task { direction: Direction::Decrypt, len: 64 };
        let careless = || Careless(PageKey::new(&KEY, Backend::best()));
        let error = task.contestant("careless", 1.0, 1, task.tags(), careless).err();
        let expected = "gcm256-open-64: careless takes a wrong tag, bit 0";
        assert_eq!(error.as_deref(), Some(expected));
    }

    /// The first byte has to tell the two texts apart.
    #[test]
    fn the_first_byte_changes() {
        let mut text = pattern(64);
        let first = text[0];
        Aead::seal(&mut PageKey::new(&KEY, Backend::best()), &NONCE, &mut text);
        assert_ne!(text[0], first);
    }
}
