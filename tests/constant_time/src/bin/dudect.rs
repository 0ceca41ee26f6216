//! A report of measured times, after dudect (Reparaz, Balasch, Verbauwhede, "Dude, is my code constant time?", 2017): each operation
//! is timed with secrets that are always the same and with random ones, in random order, and Welch's t-test says whether the two
//! distributions of times have one mean. It proves nothing. A large |t| that comes back in other runs is a reason to look.
//!
//! ```sh
//! cargo run --release --manifest-path tests/constant_time/Cargo.toml --bin dudect [factor]
//! ```
//!
//! It does not judge, and fails only if it is blind: a comparison that ends at the first difference must have a large |t|.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use sevcrypt::ctr::CtrKey;
use sevcrypt::ecdh::PrivateKey;
use sevcrypt::ecdsa::{Signer, SigningKey};
use sevcrypt::gcm::{GcmError, PageKey, Tag};
use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::{Backend, Key, PhysAddr, kdf};
use subtle::ConstantTimeEq;

/// From here on a difference is beyond doubt. (Other authors look closer from 5 or 10 on; the largest of many values is looked at
/// here, of which a few are above 3 by chance.)
const CERTAIN: f64 = 50.0;
/// Inputs that are made before any of them is used, so that the making is not near the timing.
const BATCH: usize = 32;

/// Whose secrets an input has.
#[derive(Clone, Copy)]
enum Class {
    Fixed,
    Random,
}

/// SplitMix64: classes and inputs need no secrecy.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Bytes of a class. Both take the same way to them.
    fn bytes<const N: usize>(&mut self, class: Class) -> [u8; N] {
        let mut random = [0; N];
        random.chunks_mut(8).for_each(|part| {
            part.copy_from_slice(&self.next().to_le_bytes()[..part.len()]);
        });
        [[0x5a; N], random][class as usize]
    }
}

/// Times in nanoseconds, of both classes.
type Times = [Vec<f64>; 2];

/// What is measured, and how often.
struct Report {
    factor: usize,
}

impl Report {
    /// Measures an operation; prints and returns its largest t.
    fn line<I, R>(
        &self,
        (name, backend): (&str, &str),
        samples: usize,
        mut input: impl FnMut(&mut Random, Class) -> I,
        mut operation: impl FnMut(&mut I) -> R,
    ) -> f64 {
        let samples = samples * self.factor;
        let mut random = Random(samples as u64);
        let mut times = Times::default();
        for batch in 0..=samples.div_ceil(BATCH) {
            let mut inputs: Vec<_> = (0..BATCH)
                .map(|_| {
                    let class = [Class::Fixed, Class::Random][(random.next() >> 63) as usize];
                    (class, input(&mut random, class))
                })
                .collect();
            for (class, input) in &mut inputs {
                let start = Instant::now();
                let result = black_box(operation(black_box(input)));
                let time = start.elapsed();
                drop(result);
                if batch > 0 {
                    times[*class as usize].push(time.as_nanos() as f64);
                }
            }
        }
        let t = largest_t(&times);
        let samples = times[0].len() + times[1].len();
        println!("{name:<30} {backend:<9} {samples:>8} samples  max t {t:>+9.2}");
        t
    }
}

/// Welch's t of two samples; zero if they are too few or do not vary.
fn welch([a, b]: [&[f64]; 2]) -> f64 {
    let moments = |x: &[f64]| {
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
        (mean, variance / n)
    };
    let ((a, of_a), (b, of_b)) = (moments(a), moments(b));
    let t = (a - b) / (of_a + of_b).sqrt();
    if t.is_finite() { t } else { 0.0 }
}

/// The t with the largest magnitude: of all times, and of those below each of a hundred percentiles of both classes together, which
/// lie closer to each other towards the upper end, where interrupts are.
fn largest_t(times: &Times) -> f64 {
    let mut all = times.concat();
    all.sort_unstable_by(f64::total_cmp);
    let percentile = |i: i32| 1.0 - 0.5_f64.powf(f64::from(10 * i) / 100.0);
    let ends = (1..=100).map(|i| all[(percentile(i) * (all.len() - 1) as f64) as usize]);
    let below = |end: f64, class: &[f64]| -> Vec<f64> {
        class.iter().copied().filter(|time| *time <= end).collect()
    };
    ends.chain([f64::INFINITY])
        .map(|end| welch([&below(end, &times[0]), &below(end, &times[1])]))
        .max_by(|a, b| a.abs().total_cmp(&b.abs()))
        .unwrap_or_default()
}

/// What must be seen, and what must not; returns the t of the first.
fn controls(report: &Report) -> f64 {
    let kept = [0x5a; 512];
    let pair = |random: &mut Random, class| random.bytes::<512>(class);
    let leak = report.line(("control: ends early", "-"), 100_000, pair, |found| {
        found.iter().zip(black_box(&kept)).position(|(a, b)| a != b)
    });
    report.line(("control: constant time", "-"), 100_000, pair, |found| {
        bool::from(found.ct_eq(black_box(&kept)))
    });
    leak
}

/// A cipher of its own for each input, and what it works on.
struct Memory<const LEN: usize> {
    cipher: MemoryCipher,
    memory: [u8; LEN],
}

fn xex<const LEN: usize>(random: &mut Random, class: Class, backend: Backend) -> Memory<LEN> {
    let key = random.bytes::<16>(class);
    let cipher = MemoryCipher::xex(&key, Tweak::zen1(), backend).expect("a linear tweak");
    Memory { cipher, memory: random.bytes(class) }
}

fn xts<const LEN: usize>(random: &mut Random, class: Class, backend: Backend) -> Memory<LEN> {
    let [key, other] = keys(random, class);
    let tweak = Tweak::xts(&other, XtsUnit::Page, backend);
    let cipher = MemoryCipher::xts(&key, tweak, backend).expect("another key");
    Memory { cipher, memory: random.bytes(class) }
}

/// Two keys that are not equal.
fn keys(random: &mut Random, class: Class) -> [[u8; 32]; 2] {
    let [key, mut other] = [random.bytes(class), random.bytes(class)];
    other[0] = !key[0];
    [key, other]
}

fn memory<const LEN: usize>(report: &Report, what: &str, samples: usize, backend: Backend) {
    type Make<const LEN: usize> = fn(&mut Random, Class, Backend) -> Memory<LEN>;
    let addr = PhysAddr::new(0x1234_5000).expect("an address");
    for (mode, make) in [("XEX-128", xex as Make<LEN>), ("XTS-256", xts)] {
        let input = |random: &mut Random, class| make(random, class, backend);
        let name = |way| format!("{mode} {what}, {way}");
        let backend = backend.kind().name();
        report.line((&name("encrypt"), backend), samples, input, |input| {
            input.cipher.encrypt(addr, &mut input.memory)
        });
        report.line((&name("decrypt"), backend), samples, input, |input| {
            input.cipher.decrypt(addr, &mut input.memory)
        });
    }
}

fn key_set_up(report: &Report, backend: Backend) {
    let name = backend.kind().name();
    report.line(
        ("XEX-128 key", name),
        40_000,
        |random, class| (random.bytes::<16>(class), Some(Tweak::zen1())),
        |(key, tweak)| MemoryCipher::xex(&*key, tweak.take().expect("one each"), backend),
    );
    report.line(("XTS-256 keys", name), 40_000, keys, |[key, other]| {
        MemoryCipher::xts(&*key, Tweak::xts(&*other, XtsUnit::Page, backend), backend)
    });
    report.line(("GCM key", name), 10_000, Random::bytes::<32>, |key| {
        Box::new(PageKey::new(&*key, backend))
    });
}

/// A sealed text with its key. The tag of one that is wrong differs in its last byte.
struct Sealed {
    key: Box<PageKey>,
    text: [u8; 1024],
    tag: Tag,
}

const NONCE: &[u8; 12] = &[1; 12];

impl Sealed {
    fn new(random: &mut Random, class: Class, backend: Backend) -> Self {
        let key = Box::new(PageKey::new(&random.bytes::<32>(class), backend));
        Self { key, text: random.bytes(class), tag: [0; 16] }
    }

    fn sealed(mut self, is_right: bool) -> Self {
        self.tag = self.key.seal_in_place(NONCE, b"", &mut self.text).expect("a short text");
        self.tag[15] ^= u8::from(!is_right);
        self
    }

    fn open(&mut self) -> Result<(), GcmError> {
        self.key.open_in_place(NONCE, b"", &mut self.text, &self.tag)
    }
}

fn streams(report: &Report, backend: Backend) {
    let name = backend.kind().name();
    report.line(
        ("CTR-128, 1 KiB", name),
        20_000,
        |random, class| {
            let key = random.bytes::<16>(class);
            (CtrKey::new(Key::Aes128(&key), backend), random.bytes::<1024>(class))
        },
        |(key, text)| key.apply(&[1; 16], text),
    );
    let new = |random: &mut Random, class| Sealed::new(random, class, backend);
    report.line(("GCM-256 seal, 1 KiB", name), 10_000, new, |it| {
        it.key.seal_in_place(NONCE, b"", &mut it.text)
    });
    for (what, is_right) in [("right", true), ("wrong", false)] {
        report.line(
            (&format!("GCM-256 open, 1 KiB, {what} tag"), name),
            10_000,
            |random, class| Sealed::new(random, class, backend).sealed(is_right),
            Sealed::open,
        );
    }
    // Additional data alone: all but two blocks of AES is GHASH.
    report.line(("GHASH, 1 KiB", name), 10_000, new, |it| {
        it.key.seal_in_place(NONCE, &it.text, &mut [])
    });
}

fn whole_numbers(report: &Report) {
    let scalar = |random: &mut Random, class| random.bytes::<56>(class);
    report.line(
        ("P-384 sign", "-"),
        4_000,
        |random, class| SigningKey::from_random(&scalar(random, class)),
        |key| key.sign_sha384(b"what is signed is public"),
    );
    let peer = PrivateKey::from_random(&[9; 56]).public_key();
    report.line(
        ("P-384 Diffie-Hellman", "-"),
        4_000,
        |random, class| PrivateKey::from_random(&scalar(random, class)),
        |key| key.agree(&peer),
    );
    report.line(("P-384 key from random bytes", "-"), 4_000, scalar, |random| {
        SigningKey::from_random(random)
    });
    report.line(("key derivation", "-"), 40_000, Random::bytes::<48>, |key| {
        let mut out = [0; 32];
        kdf::derive(key, b"label", b"context", &mut out).map(|()| out)
    });
}

fn main() -> ExitCode {
    let factor = std::env::args().nth(1).map_or(1, |factor| factor.parse().expect("a number"));
    let report = Report { factor };
    let leak = controls(&report);
    for backend in Backend::available() {
        memory::<64>(&report, "line", 40_000, backend);
        memory::<4096>(&report, "page", 10_000, backend);
        key_set_up(&report, backend);
        streams(&report, backend);
    }
    whole_numbers(&report);
    if leak.abs() < CERTAIN {
        println!(
            "the control that ends early is not seen (|t| below {CERTAIN}): this report says nothing"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
