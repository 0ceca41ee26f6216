//! The group `memory`: pages and lines, encrypted and decrypted, by the engine and by its peers; and in counter mode, as pages
//! travel from platform to platform.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use aes::cipher::consts::U16;
use aes::cipher::{
    Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, InnerIvInit, KeyInit,
    StreamCipher, StreamCipherCoreWrapper,
};
use aes::{Aes128, Aes256};
use clap::Args;
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use sevcrypt::ctr::CtrKey;
use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::{Backend, Key, PhysAddr};
use sevcrypt_cli::measure::{self, Row, WORKING_SETS};
use xts_mode::Xts128;

use crate::contest::{ADDR, Contest, Contestant, Worker, repeat};
use crate::curves::Chart;
use crate::evp::{AwsLc, Direction, OpenSsl};
use crate::{aes_units, curves, table};

#[derive(Args)]
pub(crate) struct Options {
    /// One JSON document instead of tables
    #[arg(long)]
    json: bool,
    /// Also draw the throughput by working set into this file
    #[arg(long, value_name = "FILE", conflicts_with = "only")]
    svg: Option<PathBuf>,
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

/// A data key and a tweak key of 32 bytes; those of AES-128 are their first halves.
const DATA_KEY: [u8; 32] = *b"a data key that nobody ever uses";
const TWEAK_KEY: [u8; 32] = *b"and a tweak key beside that key.";
const PAGE: usize = 4096;
const LINE: usize = 64;

#[derive(Clone, Copy)]
struct Mode {
    name: &'static str,
    kind: Kind,
    key_bytes: usize,
    rounds: usize,
}

/// What becomes of a block's address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Xts,
    Xex,
    /// Counter mode: the number of a page stands for the IV of its packet.
    Ctr,
}

const MODES: &[Mode] = &[
    Mode { name: "xts256", kind: Kind::Xts, key_bytes: 32, rounds: 14 },
    Mode { name: "xts128", kind: Kind::Xts, key_bytes: 16, rounds: 10 },
    Mode { name: "xex128", kind: Kind::Xex, key_bytes: 16, rounds: 10 },
    Mode { name: "xex256", kind: Kind::Xex, key_bytes: 32, rounds: 14 },
    Mode { name: "ctr128", kind: Kind::Ctr, key_bytes: 16, rounds: 10 },
];

const CHARTS: &[Chart] = &[
    Chart { title: "xts256, encryption in place", prefix: "xts256-encrypt-" },
    Chart { title: "xex128, encryption in place", prefix: "xex128-encrypt-" },
];

impl Mode {
    fn key(self, bytes: &[u8; 32]) -> Key<'_> {
        match bytes.first_chunk() {
            Some(half) if self.key_bytes == 16 => Key::Aes128(half),
            _ => Key::Aes256(bytes),
        }
    }

    /// All keys in a row, as other libraries take them.
    fn keys(self) -> Vec<u8> {
        let tweak_key = &TWEAK_KEY[..if self.kind == Kind::Xts { self.key_bytes } else { 0 }];
        [&DATA_KEY[..self.key_bytes], tweak_key].concat()
    }

    /// The least cycles for 64 bytes on this CPU, for whoever finds the widest instructions.
    fn bound(self) -> f64 {
        measure::aes_bound(self.rounds, measure::aes_unit_bits())
    }
}

/// What is done in a case.
#[derive(Clone, Copy)]
struct Task {
    mode: Mode,
    direction: Direction,
    set: &'static str,
    bytes: usize,
    /// The size of the data unit of XTS; with lines, XEX has the tweak of its page at hand.
    unit: usize,
}

/// All cases; with `curves` also those that only a drawing needs.
fn tasks(curves: bool) -> Vec<Task> {
    let mut tasks = Vec::new();
    for &mode in MODES {
        for direction in [Direction::Encrypt, Direction::Decrypt] {
            let prefix = format!("{}-encrypt-", mode.name);
            let drawn = direction == Direction::Encrypt
                && CHARTS.iter().any(|chart| chart.prefix == prefix);
            for set in WORKING_SETS {
                let named = ["page", "pages-l2", "pages-l3", "pages-dram"].contains(&set.name);
                if named || curves && drawn {
                    tasks.push(Task {
                        mode,
                        direction,
                        set: set.name,
                        bytes: set.bytes,
                        unit: PAGE,
                    });
                }
            }
            if mode.kind == Kind::Ctr {
                continue;
            }
            tasks.push(Task { mode, direction, set: "line", bytes: LINE, unit: LINE });
            tasks.push(Task { mode, direction, set: "lines64", bytes: 64 * LINE, unit: LINE });
        }
    }
    tasks
}

impl Task {
    fn name(self) -> String {
        let direction = match self.direction {
            Direction::Encrypt => "encrypt",
            Direction::Decrypt => "decrypt",
        };
        format!("{}-{direction}-{}", self.mode.name, self.set)
    }

    /// Everyone who can do it, the definition first.
    fn contestants(self, threads: usize) -> Vec<Contestant> {
        let own = Backend::available().map(|backend| {
            let bound = measure::backend_bound(self.mode.rounds, backend);
            Contestant::new(format!("sevcrypt-{backend}"), bound, threads, || {
                Some(self.sevcrypt(backend))
            })
        });
        let peer = |name, worker: &dyn Fn() -> Option<Worker>| {
            Contestant::new(name, self.mode.bound(), threads, worker)
        };
        let peers = [
            peer("aws-lc", &|| self.aws_lc()),
            peer("openssl", &|| self.openssl()),
            peer("rustcrypto", &|| Some(self.rustcrypto())),
        ];
        own.chain(peers).flatten().collect()
    }

    /// What the AES units give in the same rounds.
    fn aes_units(self, threads: usize) -> Option<Contestant> {
        aes_units::contestant(self.mode.rounds, self.mode.bound(), threads)
    }

    fn sevcrypt(self, backend: Backend) -> Worker {
        let Self { mode, direction, .. } = self;
        let lines = self.unit == LINE;
        let key = mode.key(&DATA_KEY);
        if mode.kind == Kind::Ctr {
            let key = CtrKey::new(key, backend);
            return self.units(move |number, unit| key.apply(&number.to_le_bytes(), unit));
        }
        let cipher = if mode.kind == Kind::Xts {
            let unit = if lines { XtsUnit::Line } else { XtsUnit::Page };
            MemoryCipher::xts(key, Tweak::xts(mode.key(&TWEAK_KEY), unit, backend), backend)
        } else {
            MemoryCipher::xex(key, linear_tweak(), backend)
        };
        let cipher = cipher.expect("keys and tweak fit");
        if lines && mode.kind == Kind::Xex {
            let kept = cipher.tweak().page_tweak(at(ADDR)).expect("an address of the tweak");
            return repeat(move |addr, memory| {
                let done = match direction {
                    Direction::Encrypt => cipher.encrypt_in_page(&kept, at(addr), memory),
                    Direction::Decrypt => cipher.decrypt_in_page(&kept, at(addr), memory),
                };
                done.expect("lines of the page");
            });
        }
        repeat(move |addr, memory| {
            let done = match direction {
                Direction::Encrypt => cipher.encrypt(at(addr), memory),
                Direction::Decrypt => cipher.decrypt(at(addr), memory),
            };
            done.expect("an aligned run");
        })
    }

    /// Calls `work` with the number and the bytes of each data unit.
    fn units(self, mut work: impl FnMut(u128, &mut [u8]) + Send + 'static) -> Worker {
        let unit = self.unit;
        repeat(move |addr, memory| {
            let first = u128::from(addr) / unit as u128;
            for (number, unit) in (first..).zip(memory.chunks_exact_mut(unit)) {
                work(number, unit);
            }
        })
    }

    fn aws_lc(self) -> Option<Worker> {
        let mut xts = AwsLc::new(&self.peer_keys()?, self.direction)?;
        Some(self.units(move |number, unit| xts.unit(number, unit)))
    }

    fn openssl(self) -> Option<Worker> {
        let mut xts = OpenSsl::new(&self.peer_keys()?, self.direction)?;
        Some(self.units(move |number, unit| xts.unit(number, unit)))
    }

    /// The keys for a library that has XTS; none has XEX with a linear tweak.
    fn peer_keys(self) -> Option<Vec<u8>> {
        (self.mode.kind != Kind::Xex).then(|| self.mode.keys())
    }

    fn rustcrypto(self) -> Worker {
        match (self.mode.kind, self.mode.key_bytes) {
            (Kind::Xts, 16) => self.rustcrypto_xts::<Aes128>(),
            (Kind::Xts, _) => self.rustcrypto_xts::<Aes256>(),
            (Kind::Xex, 16) => self.rustcrypto_xex::<Aes128>(),
            (Kind::Xex, _) => self.rustcrypto_xex::<Aes256>(),
            (Kind::Ctr, _) => self.rustcrypto_ctr(),
        }
    }

    fn rustcrypto_xts<C: Cipher>(self) -> Worker {
        let xts = rustcrypto_keys::<C>(self.mode);
        let direction = self.direction;
        self.units(move |number, unit| match direction {
            Direction::Encrypt => xts.encrypt_sector(unit, Array(number.to_le_bytes())),
            Direction::Decrypt => xts.decrypt_sector(unit, Array(number.to_le_bytes())),
        })
    }

    fn rustcrypto_ctr(self) -> Worker {
        let cipher = cipher::<Aes128>(&DATA_KEY[..16]);
        self.units(move |number, unit| {
            let first = Array(number.to_le_bytes());
            let stream = CtrCore::<_, Ctr128BE>::inner_iv_init(&cipher, &first);
            StreamCipherCoreWrapper::from_core(stream).apply_keystream(unit);
        })
    }

    /// What a user of the `aes` crate would write: a table of the tweak inside a page, a base per page, and all
    /// blocks of a page in one call.
    fn rustcrypto_xex<C: Cipher>(self) -> Worker {
        let cipher = cipher::<C>(&DATA_KEY[..self.mode.key_bytes]);
        let tweak = linear_tweak();
        let value = move |addr| {
            u128::from_ne_bytes(tweak.value(at(addr)).expect("an address of the tweak"))
        };
        let in_page: Vec<u128> = (0..PAGE as u64).step_by(16).map(&value).collect();
        let kept = (self.unit == LINE).then(|| value(ADDR));
        let direction = self.direction;
        repeat(move |addr, memory| {
            for (addr, page) in (addr..).step_by(PAGE).zip(memory.chunks_mut(PAGE)) {
                let base = kept.unwrap_or_else(|| value(addr));
                let blocks = Array::slice_as_chunks_mut(page).0;
                whiten(blocks, base, &in_page);
                match direction {
                    Direction::Encrypt => cipher.encrypt_blocks(blocks),
                    Direction::Decrypt => cipher.decrypt_blocks(blocks),
                }
                whiten(blocks, base, &in_page);
            }
        })
    }
}

/// A block cipher of the `aes` crate.
trait Cipher:
    KeyInit + BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt + Send + 'static
{
}

impl Cipher for Aes128 {}
impl Cipher for Aes256 {}

fn cipher<C: Cipher>(key: &[u8]) -> C {
    C::new_from_slice(key).expect("a key of the cipher's size")
}

fn rustcrypto_keys<C: Cipher>(mode: Mode) -> Xts128<C> {
    let [data, tweak] = [&DATA_KEY, &TWEAK_KEY].map(|key| cipher(&key[..mode.key_bytes]));
    Xts128::new(data, tweak)
}

fn whiten(blocks: &mut [Array<u8, U16>], base: u128, in_page: &[u128]) {
    for (block, tweak) in blocks.iter_mut().zip(in_page) {
        *block = Array((u128::from_ne_bytes(block.0) ^ base ^ tweak).to_ne_bytes());
    }
}

fn linear_tweak() -> Tweak {
    Tweak::from_seed(b"peers")
}

fn at(addr: u64) -> PhysAddr {
    PhysAddr::new(addr).expect("below 2^52")
}

/// Key schedules: what a caller pays for a new guest. The linear tweak's tables are the platform's and not part of it.
fn key_setup(mode: Mode, threads: usize) -> Vec<Contestant> {
    let own = Backend::available().map(|backend| {
        Contestant::new(format!("sevcrypt-{backend}"), 0.0, threads, || {
            let tweak = linear_tweak();
            let key = move |bytes| mode.key(black_box(bytes));
            Some(if mode.kind == Kind::Xts {
                repeat(move |_, _| {
                    let tweak = Tweak::xts(key(&TWEAK_KEY), XtsUnit::Page, backend);
                    black_box(MemoryCipher::xts(key(&DATA_KEY), tweak, backend).expect("keys fit"));
                })
            } else {
                repeat(move |_, _| {
                    black_box(MemoryCipher::xex(key(&DATA_KEY), &tweak, backend).expect("it fits"));
                })
            })
        })
    });
    let keys = mode.keys();
    let aws_lc = Contestant::new("aws-lc", 0.0, threads, || {
        let keys = (mode.kind == Kind::Xts).then(|| keys.clone())?;
        let mut xts = AwsLc::new(&keys, Direction::Encrypt)?;
        Some(repeat(move |_, _| xts.rekey(black_box(&keys))))
    });
    let openssl = Contestant::new("openssl", 0.0, threads, || {
        let keys = (mode.kind == Kind::Xts).then(|| keys.clone())?;
        let mut xts = OpenSsl::new(&keys, Direction::Encrypt)?;
        Some(repeat(move |_, _| xts.rekey(black_box(&keys))))
    });
    let rustcrypto = Contestant::new("rustcrypto", 0.0, threads, || {
        Some(if mode.kind == Kind::Xts {
            repeat(move |_, _| {
                black_box(rustcrypto_keys::<Aes256>(black_box(mode)));
            })
        } else {
            repeat(move |_, _| {
                black_box(cipher::<Aes128>(black_box(&DATA_KEY[..mode.key_bytes])));
            })
        })
    });
    own.chain([aws_lc, openssl, rustcrypto]).flatten().collect()
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let threads = usize::from(options.threads);
    let budget = Duration::from_millis(options.budget);
    let contest = |name, bytes| Contest { group: "memory", name, bytes, threads, budget };
    let asked = |name: &str| options.only.as_ref().is_none_or(|text| name.contains(text));
    let mut out = io::stdout().lock();
    let mut rows: Vec<Row> = Vec::new();
    let mut report = |more: Vec<Row>| -> io::Result<()> {
        if !options.json {
            table::print(&mut out, &more, threads)?;
        }
        rows.extend(more);
        Ok(())
    };
    for task in tasks(options.svg.is_some()) {
        let name = task.name();
        if asked(&name) {
            let contest = contest(name, task.bytes);
            let (contestants, units) = (task.contestants(threads), task.aes_units(threads));
            report(contest.of_bytes(&contestants, units.as_ref(), task.mode.bound())?)?;
        }
    }
    for &mode in MODES {
        let name = format!("{}-key-setup", mode.name);
        if ["xts256-key-setup", "xex128-key-setup"].contains(&&*name) && asked(&name) {
            report(contest(name, LINE).of_calls(&key_setup(mode, threads)))?;
        }
    }
    if rows.is_empty() {
        return Err("no case has such a name".into());
    }
    if options.json {
        writeln!(out, "{:#}", measure::document(&rows, threads))?;
    }
    if let Some(path) = &options.svg {
        curves::draw(path, CHARTS, &rows, threads)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_make_the_same_bytes_in_every_short_case() {
        for task in tasks(false).into_iter().filter(|task| task.bytes <= PAGE) {
            let contest = Contest {
                group: "memory",
                name: task.name(),
                bytes: task.bytes,
                threads: 1,
                budget: Duration::ZERO,
            };
            let (contestants, units) = (task.contestants(1), task.aes_units(1));
            contest.of_bytes(&contestants, units.as_ref(), task.mode.bound()).unwrap();
        }
    }

    #[test]
    fn every_case_has_a_name_of_its_own() {
        let mut names: Vec<_> = tasks(true).into_iter().map(Task::name).collect();
        assert!(names.contains(&"xts256-encrypt-page".to_owned()));
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
