//! The memory controller per access: what it adds to the cipher.
//!
//! ```sh
//! cargo bench --features platform --bench platform_memory
//! ```
//!
//! Baselines in each group: `copy`, which moves the same bytes, and `cipher`, the engine alone with the page's tweak kept.
//! `cached` is an access of a vCPU to a page whose tweak its cursor has, `next-page` one to a page whose tweak it has not,
//! `alone` one without a cursor.

#![allow(missing_docs, reason = "criterion's macros write items without docs")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::platform::memory::{
    ControllerConfig, DramKey, Encryption, Generation, HeapDram, MemoryController,
};
use sevcrypt::{Asid, Backend, PhysAddr};

const GUEST: DramKey = DramKey::Slot(Asid::new(1));
/// Two pages that have one place in a cursor.
const PAGES: [u64; 2] = [0x4_0000, 0x5_0000];

fn at(addr: u64) -> PhysAddr {
    PhysAddr::new(addr).expect("below 2^52")
}

fn controller(encryption: Encryption) -> MemoryController {
    let dram = HeapDram::new(1 << 20).expect("a megabyte");
    let mut config = ControllerConfig::new(Generation::Genoa, &[1; 32], &[2; 32]);
    config.encryption = encryption;
    let memory = MemoryController::new(dram, config).expect("Genoa has both");
    memory.install_key(Asid::new(1), &[3; 32]).expect("a slot");
    memory
}

fn cipher(encryption: Encryption) -> MemoryCipher {
    let backend = Backend::best();
    match encryption {
        Encryption::Aes128 => MemoryCipher::xex(&[1; 16], Tweak::from_seed(b"bench"), backend),
        Encryption::Aes256Xts => {
            MemoryCipher::xts(&[1; 32], Tweak::xts(&[2; 32], XtsUnit::Page, backend), backend)
        }
        other => panic!("no bench has {other:?}"),
    }
    .expect("keys and tweak fit")
}

fn accesses(c: &mut Criterion, name: &str, encryption: Encryption, offset: u64, len: usize) {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(len as u64));
    let (memory, engine) = (controller(encryption), cipher(encryption));
    let mut bytes = vec![0x5a; len];
    let mut vcpu = memory.cursor();

    let mut copy = vec![0; len + 1024];
    let copy = &mut copy[1024..];
    group.bench_function("copy", |b| b.iter(|| black_box(&mut *copy).copy_from_slice(&bytes)));
    if offset.is_multiple_of(16) && len.is_multiple_of(16) {
        let kept = engine.tweak().page_tweak(at(PAGES[0])).expect("in the tweak");
        let addr = at(PAGES[0] + offset);
        let dram = vec![0x77; len];
        group.bench_function("cipher", |b| {
            b.iter(|| engine.decrypt_in_page_to(&kept, black_box(addr), &dram[..], &mut bytes[..]));
        });
    }
    group.bench_function("read/cached", |b| {
        let addr = at(PAGES[0] + offset);
        b.iter(|| memory.read_with(&mut vcpu, GUEST, black_box(addr), &mut bytes));
    });
    group.bench_function("read/next-page", |b| {
        let mut pages = PAGES.map(|page| at(page + offset));
        b.iter(|| {
            pages.swap(0, 1);
            memory.read_with(&mut vcpu, GUEST, black_box(pages[0]), &mut bytes)
        });
    });
    group.bench_function("read/alone", |b| {
        let addr = at(PAGES[0] + offset);
        b.iter(|| memory.read(GUEST, black_box(addr), &mut bytes));
    });
    group.bench_function("read/plain", |b| {
        let addr = at(PAGES[0] + offset);
        b.iter(|| memory.read(DramKey::None, black_box(addr), &mut bytes));
    });
    group.bench_function("write/cached", |b| {
        let addr = at(PAGES[0] + offset);
        b.iter(|| memory.write_with(&mut vcpu, GUEST, black_box(addr), &bytes));
    });
    group.finish();
}

fn memory(c: &mut Criterion) {
    for (name, encryption) in
        [("xex-aes128", Encryption::Aes128), ("xts-aes256", Encryption::Aes256Xts)]
    {
        accesses(c, &format!("line/{name}"), encryption, 0x440, 64);
        accesses(c, &format!("word/{name}"), encryption, 0x448, 8);
        accesses(c, &format!("page/{name}"), encryption, 0, 4096);
        let memory = controller(encryption);
        c.bench_function(&format!("in-place/{name}"), |b| {
            b.iter(|| memory.rekey(DramKey::None, GUEST, black_box(at(PAGES[0])), 4096));
        });
    }
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
