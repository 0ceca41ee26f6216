//! AES-GCM per call: sealing and opening in place, and setting up a key, each kind of key on each backend of this CPU.
//!
//! ```sh
//! cargo bench --bench gcm               # everything
//! cargo bench --bench gcm -- seal/4096  # one group
//! ```
//!
//! Baseline in every group: the crate `aes-gcm`. For other libraries, and the ratio to the AES units' limit, see
//! `cargo run --release -p sevcrypt-peers -- gcm`.

#![allow(missing_docs, reason = "criterion's macros write items without docs")]

use std::hint::black_box;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sevcrypt::Backend;
use sevcrypt::gcm::{GcmKey, MessageKey, PageKey};

const KEY: [u8; 32] = [1; 32];
const NONCE: [u8; 12] = [2; 12];
const AAD: [u8; 16] = [3; 16];
/// A line, a message's header, a report's request and answer, a page, a large run.
const LENGTHS: [usize; 6] = [64, 96, 256, 1216, 4096, 65536];

fn seal(c: &mut Criterion) {
    for len in LENGTHS {
        let mut group = c.benchmark_group(format!("seal/{len}"));
        group.throughput(Throughput::Bytes(len as u64));
        let mut text = vec![0x5a; len];
        let baseline = Aes256Gcm::new(&KEY.into());
        group.bench_function("aes-gcm", |b| {
            let nonce = NONCE.into();
            b.iter(|| {
                baseline.encrypt_inout_detached(&nonce, &AAD, black_box(&mut text[..]).into())
            });
        });
        for backend in Backend::available() {
            let (message, page) = (MessageKey::new(&KEY, backend), PageKey::new(&KEY, backend));
            group.bench_function(BenchmarkId::new("message", backend), |b| {
                b.iter(|| message.seal_in_place(&NONCE, &AAD, black_box(&mut text)));
            });
            group.bench_function(BenchmarkId::new("page", backend), |b| {
                b.iter(|| page.seal_in_place(&NONCE, &AAD, black_box(&mut text)));
            });
        }
        group.finish();
    }
}

/// A text under one nonce is opened to another one: each is the other's ciphertext, and both have a tag that is right.
struct Turns {
    text: Vec<u8>,
    tags: [[u8; 16]; 2],
    turn: usize,
}

impl Turns {
    fn new(len: usize) -> Self {
        let key = PageKey::new(&KEY, Backend::best());
        let mut text = vec![0x5a; len];
        let mut seal = || key.seal_in_place(&NONCE, &AAD, &mut text).expect("not too long");
        let of_ciphertext = seal();
        let tags = [seal(), of_ciphertext];
        Self { text, tags, turn: 0 }
    }

    /// The text that stands there now, and its tag.
    fn next(&mut self) -> (&mut [u8], &[u8; 16]) {
        let tag = &self.tags[self.turn];
        self.turn ^= 1;
        (black_box(&mut self.text), tag)
    }
}

fn open(c: &mut Criterion) {
    fn ours<const POWERS: usize>(key: &GcmKey<POWERS>, turns: &mut Turns) {
        let (text, tag) = turns.next();
        key.open_in_place(&NONCE, &AAD, text, tag).expect("the tag is right");
    }
    for len in LENGTHS {
        let mut group = c.benchmark_group(format!("open/{len}"));
        group.throughput(Throughput::Bytes(len as u64));
        let mut turns = Turns::new(len);
        let baseline = Aes256Gcm::new(&KEY.into());
        group.bench_function("aes-gcm", |b| {
            let nonce = NONCE.into();
            b.iter(|| {
                let (text, tag) = turns.next();
                let opened = baseline.decrypt_inout_detached(&nonce, &AAD, text.into(), tag.into());
                opened.expect("the tag is right");
            });
        });
        for backend in Backend::available() {
            let (message, page) = (MessageKey::new(&KEY, backend), PageKey::new(&KEY, backend));
            group.bench_function(BenchmarkId::new("message", backend), |b| {
                b.iter(|| ours(&message, &mut turns));
            });
            group.bench_function(BenchmarkId::new("page", backend), |b| {
                b.iter(|| ours(&page, &mut turns));
            });
        }
        group.finish();
    }
}

fn key_setup(c: &mut Criterion) {
    let mut group = c.benchmark_group("key-setup");
    group.bench_function("aes-gcm", |b| b.iter(|| Aes256Gcm::new(black_box(&KEY).into())));
    for backend in Backend::available() {
        group.bench_function(BenchmarkId::new("message", backend), |b| {
            b.iter(|| MessageKey::new(black_box(&KEY), backend));
        });
        group.bench_function(BenchmarkId::new("page", backend), |b| {
            b.iter(|| PageKey::new(black_box(&KEY), backend));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(600));
    targets = seal, open, key_setup
}
criterion_main!(benches);
