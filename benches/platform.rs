//! The software platform: what the RMP's check of one access takes, alone and while another thread changes owners.
//!
//! ```sh
//! cargo bench --features platform --bench platform -- rmp
//! ```
//!
//! The pages are taken in an order that no prefetcher knows, from a table that caches hold and from one of 4 GiB of memory.

#![allow(missing_docs, reason = "criterion's macros write items without docs")]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sevcrypt::rmp::{Access, AtomicEntry, Guest, Kind, PageAssignment, Rmp};
use sevcrypt::{Asid, GuestPhysAddr, PageSize, Vmpl};

const GUEST: Guest = Guest { asid: Asid::new(5), vmpl: Vmpl::VMPL0 };

/// Half of the table is a guest's, in pages of one size; the other half is the hypervisor's.
fn table(pages: u64, size: PageSize) -> Vec<AtomicEntry> {
    let table: Vec<AtomicEntry> = (0..pages).map(|_| AtomicEntry::default()).collect();
    let rmp = Rmp::new(&table[..], 99);
    for spa in (0..pages / 2 * 4096).step_by(size.bytes()) {
        let access = access(spa, size);
        let operand = PageAssignment::guest(GUEST.asid, access.gpa, size).to_bytes();
        rmp.rmpupdate(Asid::HOST, spa, &operand).expect("a free page");
        rmp.pvalidate(GUEST, access, size, true).expect("the guest's page");
    }
    table
}

fn access(spa: u64, mapping: PageSize) -> Access {
    Access { spa, gpa: GuestPhysAddr::new(spa).expect("below 2^52"), mapping }
}

fn rmp(c: &mut Criterion) {
    let mut group = c.benchmark_group("rmp");
    for (name, pages) in [("16MiB", 1 << 12), ("4GiB", 1 << 20)] {
        let half = pages / 2 * 4096;
        for (size, label) in [(PageSize::Size4K, "4K"), (PageSize::Size2M, "2M")] {
            let table = table(pages, size);
            let rmp = Rmp::new(&table[..], 99);
            let mut spa = 0_u64;
            let mut next = || {
                spa = (spa * 5 + 0x1_2345_6040) & (half - 1);
                spa
            };
            group.bench_function(BenchmarkId::new(format!("guest-read-{label}"), name), |b| {
                b.iter(|| rmp.check(GUEST, Kind::Read, black_box(access(next(), size))));
            });
            group.bench_function(BenchmarkId::new(format!("host-write-{label}"), name), |b| {
                b.iter(|| rmp.check_host_write(black_box(half + next()), size));
            });
            let done = AtomicBool::new(false);
            thread::scope(|scope| {
                // Another thread gives a page of the hypervisor's half to a guest, and takes it back, all the time.
                scope.spawn(|| {
                    let at = access(half + 0x20_3000, PageSize::Size4K);
                    let to = PageAssignment::guest(GUEST.asid, at.gpa, PageSize::Size4K);
                    while !done.load(Ordering::Relaxed) {
                        for operand in [to, PageAssignment::HYPERVISOR] {
                            let _ = rmp.rmpupdate(Asid::HOST, at.spa, &operand.to_bytes());
                        }
                    }
                });
                let id = format!("guest-read-{label}-while-updated");
                group.bench_function(BenchmarkId::new(id, name), |b| {
                    b.iter(|| rmp.check(GUEST, Kind::Read, black_box(access(next(), size))));
                });
                done.store(true, Ordering::Relaxed);
            });
        }
    }
    let table = table(1 << 12, PageSize::Size4K);
    let rmp = Rmp::new(&table[..], 99);
    let at = access(3 << 22, PageSize::Size4K);
    let to = PageAssignment::guest(GUEST.asid, at.gpa, PageSize::Size4K).to_bytes();
    group.bench_function("assign-and-take-back-4K", |b| {
        b.iter(|| {
            let given = rmp.rmpupdate(Asid::HOST, at.spa, black_box(&to));
            let back = PageAssignment::HYPERVISOR.to_bytes();
            given.and(rmp.rmpupdate(Asid::HOST, at.spa, &back))
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(600));
    targets = rmp
}
criterion_main!(benches);
