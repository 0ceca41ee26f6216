//! The engine per call: block, line, page and run, each mode on each backend of this CPU.
//!
//! ```sh
//! cargo bench --bench memory            # everything
//! cargo bench --bench memory -- page    # one group
//! ```
//!
//! Baselines in every group: `copy`, which moves the same bytes, and `aes-ecb`, the block cipher of the
//! `aes` crate without tweaks. For the ratio to the AES units' limit see `sevcrypt memory bench`.

#![allow(missing_docs, reason = "criterion's macros write items without docs")]

use std::hint::black_box;

use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::{Backend, PhysAddr};

const SHORT: [u8; 16] = [1; 16];
const LONG: [u8; 32] = [1; 32];

fn modes(backend: Backend) -> Vec<(&'static str, MemoryCipher)> {
    let linear = || Tweak::from_seed(b"bench");
    let short = |unit| Tweak::xts(&[2; 16], unit, backend);
    let long = |unit| Tweak::xts(&[2; 32], unit, backend);
    [
        ("xe-aes128", MemoryCipher::xe(&SHORT, linear(), backend)),
        ("xex-aes128", MemoryCipher::xex(&SHORT, linear(), backend)),
        ("xex-aes256", MemoryCipher::xex(&LONG, linear(), backend)),
        ("xts-aes128", MemoryCipher::xts(&SHORT, short(XtsUnit::Page), backend)),
        ("xts-aes256", MemoryCipher::xts(&LONG, long(XtsUnit::Page), backend)),
        ("xts-aes128-line", MemoryCipher::xts(&SHORT, short(XtsUnit::Line), backend)),
        ("xts-aes256-line", MemoryCipher::xts(&LONG, long(XtsUnit::Line), backend)),
    ]
    .map(|(name, cipher)| (name, cipher.expect("keys and tweak fit")))
    .into()
}

/// One group: `len` bytes from `addr` on.
fn group(c: &mut Criterion, name: &str, addr: u64, len: usize) {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(len as u64));
    let addr = PhysAddr::new(addr).expect("below 2^52");
    let mut memory = vec![0x5a; len];

    // A destination at another offset in its page than the source: some CPUs copy between equal ones slowly.
    let mut copy = vec![0; len + 1024];
    let copy = &mut copy[1024..];
    group.bench_function("copy", |b| b.iter(|| black_box(&mut *copy).copy_from_slice(&memory)));
    let (short, long) = (Aes128::new(&SHORT.into()), Aes256::new(&LONG.into()));
    group.bench_function("aes-ecb/aes128", |b| {
        b.iter(|| short.encrypt_blocks(Array::slice_as_chunks_mut(black_box(&mut memory)).0));
    });
    group.bench_function("aes-ecb/aes256", |b| {
        b.iter(|| long.encrypt_blocks(Array::slice_as_chunks_mut(black_box(&mut memory)).0));
    });
    for backend in Backend::available() {
        for (mode, cipher) in modes(backend) {
            group.bench_function(BenchmarkId::new(mode, backend), |b| {
                b.iter(|| cipher.encrypt(black_box(addr), black_box(&mut memory[..])));
            });
        }
    }
    group.finish();
}

fn memory(c: &mut Criterion) {
    group(c, "block", 0x1_0000_0450, 16);
    group(c, "line", 0x1_0000_0440, 64);
    group(c, "page", 0x1_0000_0000, 4096);
    group(c, "run", 0x1_0000_0f40, 1 << 20);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(600));
    targets = memory
}
criterion_main!(benches);
