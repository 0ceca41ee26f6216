//! The software platform: what the RMP's check of one access takes, alone and while another thread changes owners; and what a guest's
//! access of 64 bytes takes, through the check and the cipher.
//!
//! ```sh
//! cargo bench --features platform --bench platform -- rmp
//! cargo bench --features platform --bench platform -- guest
//! ```
//!
//! The pages are taken in an order that no prefetcher knows, from a table that caches hold and from one of 4 GiB of memory.

#![allow(missing_docs, reason = "criterion's macros write items without docs")]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sevcrypt::platform::memory::DramKey;
use sevcrypt::platform::rand_core;
use sevcrypt::platform::{Chip, Machine, MachineConfig, NestedTable, Vcpu};
use sevcrypt::rmp::{Access, AtomicEntry, Guest, Kind, PageAssignment, Rmp};
use sevcrypt::snp::tcb::Product;
use sevcrypt::{Asid, GuestPhysAddr, PageSize, PhysAddr, Vmpl};

#[path = "../tests/support/counting.rs"]
mod counting;

use counting::Counting;

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

/// Two pages that have one place in a cursor.
const PAGES: [u64; 2] = [0x4_0000, 0x5_0000];

/// Reads and writes of 64 bytes by a guest. `cached`: the page's tweak is kept; `next-page`: it is not; `translated`: the nested table
/// is asked, too. The baseline is `cipher`: the controller without the check.
fn guest(c: &mut Criterion) {
    let mut group = c.benchmark_group("guest");
    for (name, product) in [("xex-aes128", Product::Milan), ("xts-aes256", Product::Genoa)] {
        let chip = Chip::new(product, &[1; 48], &[2; 32]);
        let config = MachineConfig::new(&chip);
        let machine = Machine::new(chip, config, 1 << 20, Counting(1)).expect("a machine");
        machine.memory().install_key(GUEST.asid, &[3; 32]).expect("a slot");
        let (rmp, table) = (machine.rmp(), NestedTable::default());
        for page in PAGES {
            let access = access(page, PageSize::Size4K);
            let operand = PageAssignment::guest(GUEST.asid, access.gpa, PageSize::Size4K);
            rmp.rmpupdate(Asid::HOST, page, &operand.to_bytes()).expect("a free page");
            rmp.pvalidate(GUEST, access, PageSize::Size4K, true).expect("the guest's page");
            table.map(access.gpa, PhysAddr::new(page).expect("an address"), PageSize::Size4K);
        }
        let mut vcpu = Vcpu::new(&machine, GUEST, &table);
        let mut line = [0x5a; 64];
        let at = access(PAGES[0] + 64, PageSize::Size4K);
        group.bench_function(BenchmarkId::new("read-64-cipher", name), |b| {
            let (memory, mut cursor) = (machine.memory(), machine.memory().cursor());
            let (key, addr) = (DramKey::Slot(GUEST.asid), PhysAddr::new(at.spa).expect("one"));
            b.iter(|| memory.read_with(&mut cursor, key, black_box(addr), &mut line));
        });
        group.bench_function(BenchmarkId::new("read-64-cached", name), |b| {
            b.iter(|| vcpu.load_at(Kind::Read, black_box(at), &mut line));
        });
        group.bench_function(BenchmarkId::new("read-64-next-page", name), |b| {
            let mut pages = PAGES.map(|page| access(page + 64, PageSize::Size4K));
            b.iter(|| {
                pages.swap(0, 1);
                vcpu.load_at(Kind::Read, black_box(pages[0]), &mut line)
            });
        });
        group.bench_function(BenchmarkId::new("write-64-cached", name), |b| {
            b.iter(|| vcpu.store_at(Kind::Write, black_box(at), &line));
        });
        group.bench_function(BenchmarkId::new("read-64-translated", name), |b| {
            b.iter(|| vcpu.read(black_box(at.gpa), &mut line));
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
    targets = rmp, guest
}
criterion_main!(benches);
