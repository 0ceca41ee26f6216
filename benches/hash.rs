//! SHA-384 of pages side by side, and the launch digest over them, on each backend of this CPU.
//!
//! ```sh
//! cargo bench --bench hash              # everything
//! cargo bench --bench hash -- pages/16  # one group
//! ```
//!
//! Baseline: one page after the other by the crate `sha2`. For other libraries, and whole images, see
//! `cargo run --release -p sevcrypt-peers -- hash`.

#![allow(missing_docs, reason = "criterion's macros write items without docs")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sevcrypt::snp::launch::{LaunchDigest, PageType};
use sevcrypt::{Backend, GuestPhysAddr, hash};
use sha2::{Digest, Sha384};

const PAGE: usize = 4096;

fn pages(c: &mut Criterion) {
    for count in [1, 3, 4, 8, 16, 64] {
        let mut group = c.benchmark_group(format!("pages/{count}"));
        group.throughput(Throughput::Bytes((PAGE * count) as u64));
        let pages = vec![0x5a; PAGE * count];
        let mut digests = vec![[0; 48]; count];
        group.bench_function("sha2", |b| {
            b.iter(|| {
                for (digest, page) in digests.iter_mut().zip(black_box(&pages).chunks(PAGE)) {
                    *digest = Sha384::digest(page).into();
                }
            });
        });
        for backend in Backend::available() {
            group.bench_function(BenchmarkId::from_parameter(backend), |b| {
                b.iter(|| hash::sha384_each(backend, PAGE, black_box(&pages), &mut digests));
            });
        }
        group.finish();
    }
}

/// A step that hashes PAGE_INFO only, and steps with their pages.
fn launch(c: &mut Criterion) {
    let mut group = c.benchmark_group("launch");
    let gpa = GuestPhysAddr::new(0x80_0000).expect("below 2^52");
    group.bench_function("page-info/sha2", |b| {
        let mut info = [0; 0x70];
        b.iter(|| {
            let digest = Sha384::digest(black_box(&info));
            info[..48].copy_from_slice(&digest);
        });
    });
    group.bench_function("page-info", |b| {
        let mut digest = LaunchDigest::new();
        b.iter(|| digest.update_pages(PageType::Zero, black_box(gpa), 1, &mut |_| {}));
    });
    let pages = vec![0x5a; 64 * PAGE];
    group.throughput(Throughput::Bytes(pages.len() as u64));
    for backend in Backend::available() {
        group.bench_function(BenchmarkId::new("pages", backend), |b| {
            let mut digest = LaunchDigest::new();
            let normal = PageType::Normal;
            b.iter(|| digest.update_bytes(backend, normal, gpa, black_box(&pages), &mut |_| {}));
        });
    }
    group.finish();
}

criterion_group!(benches, pages, launch);
criterion_main!(benches);
