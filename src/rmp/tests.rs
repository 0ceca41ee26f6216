//! Instructions and checks, each rule by itself; and many at random against a table of what should be.

use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::addr::{Asid, GuestPhysAddr, PAGE, PageSize, Vmpl};

const GUEST: Guest = Guest { asid: Asid::new(5), vmpl: Vmpl::VMPL0 };

fn entries(pages: usize) -> Vec<AtomicEntry> {
    (0..pages).map(|_| AtomicEntry::default()).collect()
}

fn gpa(gpa: u64) -> GuestPhysAddr {
    GuestPhysAddr::new(gpa).unwrap()
}

fn access(page: u64, at: u64, mapping: PageSize) -> Access {
    Access { spa: page * PAGE as u64, gpa: gpa(at), mapping }
}

type Table = [AtomicEntry];

fn assign(rmp: &Rmp<'_, Table>, page: u64, to: PageAssignment) -> Result<(), RmpFailure> {
    rmp.rmpupdate(Asid::HOST, page * PAGE as u64, &to.to_bytes())
}

fn small(at: u64) -> PageAssignment {
    PageAssignment::guest(GUEST.asid, gpa(at), PageSize::Size4K)
}

fn large(at: u64) -> PageAssignment {
    PageAssignment::guest(GUEST.asid, gpa(at), PageSize::Size2M)
}

fn entry(rmp: &Rmp<'_, Table>, page: u64) -> Entry {
    match super::Table::load(rmp.table, page) {
        Loaded::Entry(entry) => entry,
        other => panic!("page {page}: {other:?}"),
    }
}

#[test]
fn rmpupdate_refuses() {
    let table = entries(1024);
    let rmp = Rmp::new(&table[..], 99);
    let update = |running: u32, spa: u64, to: PageAssignment| {
        rmp.rmpupdate(Asid::new(running), spa, &to.to_bytes())
    };
    let input = Err(RmpFailure::Input);
    assert_eq!(update(1, 0x1000, small(0x9000)), Err(RmpFailure::Permission));
    for (spa, to) in [
        (0x1001, small(0x9000)),
        (0x1000, large(0x20_0000)),
        (0x20_0000, large(0x20_1000)),
        (0x1000, small(0x9001)),
        (0x40_0000, small(0x9000)),
        (0x40_0000, large(0x20_0000)),
        (u64::MAX & !0xfff, small(0x9000)),
        (0x1000, PageAssignment { asid: Asid::new(100), ..small(0x9000) }),
        (0x1000, PageAssignment { assigned: false, ..small(0x9000) }),
        (0x1000, PageAssignment { immutable: true, ..PageAssignment::HYPERVISOR }),
        (0x1000, PageAssignment { assigned: true, ..PageAssignment::HYPERVISOR }),
        (0x1000, PageAssignment { gpa: 0x1000, ..PageAssignment::FIRMWARE }),
        (0x1000, PageAssignment { gpa: 1 << 52, ..small(0x9000) }),
    ] {
        assert_eq!(update(0, spa, to), input, "{spa:#x} {to:?}");
    }
    for reserved in [8, 9, 10, 11] {
        let mut bytes = small(0x9000).to_bytes();
        bytes[reserved] |= 0x80;
        assert_eq!(rmp.rmpupdate(Asid::HOST, 0x1000, &bytes), input);
    }
    assert!(table.iter().enumerate().all(|(n, _)| entry(&rmp, n as u64) == Entry::default()));
}

#[test]
fn sizes_overlap() {
    let table = entries(1024);
    let rmp = Rmp::new(&table[..], 99);
    assign(&rmp, 513, small(0x9000)).unwrap();
    assert_eq!(entry(&rmp, 512).subpage_count(), 1);
    assert_eq!(assign(&rmp, 512, large(0x20_0000)), Err(RmpFailure::Overlap));
    assign(&rmp, 513, small(0xa000)).unwrap();
    assert_eq!(entry(&rmp, 512).subpage_count(), 1, "it was counted already");
    assign(&rmp, 512, small(0xb000)).unwrap();
    assert_eq!(entry(&rmp, 512).subpage_count(), 1, "the first page is not counted");
    assign(&rmp, 513, PageAssignment::HYPERVISOR).unwrap();
    assert_eq!(entry(&rmp, 512).subpage_count(), 0);
    assign(&rmp, 512, PageAssignment::HYPERVISOR).unwrap();

    assign(&rmp, 512, large(0x20_0000)).unwrap();
    for page in [512, 513, 1023] {
        assert_eq!(assign(&rmp, page, small(0x9000)), Err(RmpFailure::Overlap));
    }
    assign(&rmp, 512, large(0x40_0000)).unwrap();
    // As Linux gives a large page back.
    let back = PageAssignment { page_size: PageSize::Size2M, ..PageAssignment::HYPERVISOR };
    assign(&rmp, 512, back).unwrap();
    assert_eq!(entry(&rmp, 512).state(), PageState::Hypervisor);
    assign(&rmp, 513, small(0x9000)).unwrap();
}

#[test]
fn psmash_keeps_what_there_is() {
    let table = entries(1024);
    let rmp = Rmp::new(&table[..], 99);
    let smash = |page: u64| rmp.psmash(Asid::HOST, page * PAGE as u64);
    assert_eq!(rmp.psmash(GUEST.asid, 0), Err(RmpFailure::Permission));
    assert_eq!(smash(1), Err(RmpFailure::Input));
    assert_eq!(smash(1024), Err(RmpFailure::Input));
    assert_eq!(smash(512), Err(RmpFailure::BadAddress));
    assign(&rmp, 512, large(0x20_0000)).unwrap();
    let page = access(512, 0x20_0000, PageSize::Size2M);
    assert_eq!(rmp.pvalidate(GUEST, page, PageSize::Size2M, true), Ok(Validation::Changed));
    smash(512).unwrap();
    assert_eq!(smash(512), Err(RmpFailure::BadAddress));
    assert_eq!(entry(&rmp, 512).subpage_count(), 511);
    for n in 0..512 {
        let there = access(512 + n, 0x20_0000 + n * 0x1000, PageSize::Size4K);
        assert_eq!(rmp.check(GUEST, Kind::Write, there), Ok(()), "page {n}");
    }
    assign(&rmp, 700, PageAssignment::HYPERVISOR).unwrap();
    assert_eq!(entry(&rmp, 512).subpage_count(), 510);
    let read = rmp.rmpread(Asid::HOST, 701 * 0x1000).unwrap();
    assert_eq!((read.assigned, read.gpa), (true, 0x20_0000 + 189 * 0x1000));
}

/// What the firmware asks of the host: IMMUTABLE alone keeps the rest; everything else begins anew.
#[test]
fn what_rmpupdate_keeps() {
    let table = entries(512);
    let rmp = Rmp::new(&table[..], 99);
    let page = access(7, 0x9000, PageSize::Size4K);
    let adjust = RmpAdjust { target: Vmpl::VMPL1, permissions: Permissions::READ, vmsa: true };
    let prepare = || {
        assign(&rmp, 7, PageAssignment::HYPERVISOR).unwrap();
        assign(&rmp, 7, small(0x9000)).unwrap();
        rmp.pvalidate(GUEST, page, PageSize::Size4K, true).unwrap();
        rmp.rmpadjust(GUEST, page, PageSize::Size4K, adjust).unwrap();
    };
    prepare();
    let before = entry(&rmp, 7);
    assert!(before.vmsa() && before.permissions(Vmpl::VMPL1) == Permissions::READ);
    for other in [
        PageAssignment { asid: Asid::new(6), ..small(0x9000) },
        small(0xa000),
        PageAssignment::HYPERVISOR,
    ] {
        prepare();
        assign(&rmp, 7, other).unwrap();
        let after = entry(&rmp, 7);
        assert!(!after.validated() && !after.vmsa(), "{other:?}");
        assert_eq!(after.to_words()[1], 0xf, "{other:?}");
    }
    prepare();
    assign(&rmp, 7, small(0x9000).locked()).unwrap();
    assert_eq!(entry(&rmp, 7), before.with_immutable(true).with_lock(true));
    assert_eq!(entry(&rmp, 7).state(), PageState::PreSwap);
    assert_eq!(assign(&rmp, 7, PageAssignment::HYPERVISOR), Err(RmpFailure::Permission));
    assert_eq!(rmp.check(GUEST, Kind::Read, page), Err(Fault::Owner { size_mismatch: false }));
}

#[test]
fn pages_in_use() {
    let table = entries(512);
    let rmp = Rmp::new(&table[..], 99);
    assign(&rmp, 7, small(0x9000)).unwrap();
    rmp.use_page(0x7000).unwrap();
    assert_eq!(rmp.use_page(0x7000), Err(RmpFailure::InUse));
    assert_eq!(assign(&rmp, 7, PageAssignment::HYPERVISOR), Err(RmpFailure::InUse));
    rmp.release_page(0x7000).unwrap();
    assert_eq!(rmp.release_page(0x7000), Err(RmpFailure::Input));
    assign(&rmp, 7, PageAssignment::HYPERVISOR).unwrap();
}

/// The table of accesses, one rule broken at a time, in the order in which they count.
#[test]
fn checks() {
    let table = entries(1024);
    let rmp = Rmp::new(&table[..], 99);
    let owner = Err(Fault::Owner { size_mismatch: false });
    let page = access(7, 0x9000, PageSize::Size4K);
    assert_eq!(rmp.check(GUEST, Kind::Read, page), owner, "the hypervisor's");
    assign(&rmp, 7, small(0x9000)).unwrap();
    assert_eq!(rmp.check(GUEST, Kind::Read, page), Err(Fault::NotValidated));
    let other = Access { mapping: PageSize::Size2M, ..page };
    assert_eq!(rmp.check(GUEST, Kind::Read, other), owner, "the size comes before Validated");
    rmp.pvalidate(GUEST, page, PageSize::Size4K, true).unwrap();
    for kind in
        [Kind::Read, Kind::Write, Kind::ExecuteUser, Kind::ExecuteSupervisor, Kind::PageTable]
    {
        assert_eq!(rmp.check(GUEST, kind, page), Ok(()));
        let vmpl = Guest { vmpl: Vmpl::VMPL2, ..GUEST };
        assert_eq!(rmp.check(vmpl, kind, page), Err(Fault::Vmpl { shadow_stack: false }));
        for stranger in [Asid::new(6), Asid::HOST] {
            assert_eq!(rmp.check(Guest { asid: stranger, ..GUEST }, kind, page), owner);
        }
        for (spa, at) in
            [(0x7000, 0xa000), (0x8000, 0x9000), (0x40_0000, 0x9000), (u64::MAX, 0x9000)]
        {
            let elsewhere = Access { spa, gpa: gpa(at), ..page };
            assert_eq!(rmp.check(GUEST, kind, elsewhere), owner);
        }
    }
    assert!(rmp.check_host_write(0x7000, PageSize::Size4K).is_err());
    assert!(rmp.check_host_write(0x8000, PageSize::Size2M).is_err(), "a page of the region");
    assert_eq!(rmp.check_host_write(0x8000, PageSize::Size4K), Ok(()));
    assert_eq!(rmp.check_host_write(0x20_0000, PageSize::Size2M), Ok(()));
    assert_eq!(rmp.check_host_write(1 << 40, PageSize::Size2M), Ok(()), "not covered");
}

#[test]
fn permissions_of_levels() {
    let table = entries(512);
    let rmp = Rmp::new(&table[..], 99);
    assign(&rmp, 7, small(0x9000)).unwrap();
    let page = access(7, 0x9000, PageSize::Size4K);
    let at = |vmpl| Guest { vmpl, ..GUEST };
    let adjust = |vmpl, target, permissions| {
        let adjust = RmpAdjust { target, permissions, vmsa: false };
        rmp.rmpadjust(at(vmpl), page, PageSize::Size4K, adjust)
    };
    let (zero, one, two) = (Vmpl::VMPL0, Vmpl::VMPL1, Vmpl::VMPL2);
    let permission = Err(RmpFailure::Permission.into());
    assert_eq!(adjust(zero, one, Permissions::READ), Err(Fault::NotValidated.into()));
    rmp.pvalidate(GUEST, page, PageSize::Size4K, true).unwrap();
    assert_eq!(adjust(zero, zero, Permissions::READ), permission);
    assert_eq!(adjust(one, one, Permissions::NONE), permission);
    assert_eq!(adjust(one, zero, Permissions::NONE), permission);
    assert_eq!(adjust(zero, one, Permissions::FULL | Permissions::SHADOW_STACK), permission);
    adjust(zero, one, Permissions::READ | Permissions::WRITE).unwrap();
    adjust(one, two, Permissions::READ).unwrap();
    assert_eq!(adjust(one, two, Permissions::EXECUTE_USER), permission);
    assert_eq!(rmp.check(at(two), Kind::Read, page), Ok(()));
    assert!(rmp.check(at(two), Kind::Write, page).is_err());
    let seen = rmp.rmpquery(at(one), page, two).unwrap();
    assert_eq!((seen.permissions, seen.vmsa), (Permissions::READ, false));
    assert_eq!(rmp.rmpquery(at(two), page, one), Err(RmpFailure::Permission.into()));
    // Writes without reads are no permission for data.
    adjust(zero, one, Permissions::WRITE).unwrap();
    assert!(rmp.check(at(one), Kind::Write, page).is_err());
    assert_eq!(
        rmp.pvalidate(at(one), page, PageSize::Size4K, false),
        Err(GuestFailure::GeneralProtection)
    );
}

#[test]
fn sizes_of_requests() {
    let table = entries(1024);
    let rmp = Rmp::new(&table[..], 99);
    assign(&rmp, 512, large(0x20_0000)).unwrap();
    assign(&rmp, 0, small(0)).unwrap();
    let (size4, size2) = (PageSize::Size4K, PageSize::Size2M);
    let validate =
        |page, at, mapping, size| rmp.pvalidate(GUEST, access(page, at, mapping), size, true);
    let mismatch = Err(Fault::Owner { size_mismatch: true }.into());
    assert_eq!(validate(512, 0x20_0000, size4, size4), mismatch);
    assert_eq!(validate(513, 0x20_1000, size2, size4), mismatch);
    assert_eq!(validate(0, 0, size2, size2), Err(RmpFailure::SizeMismatch.into()));
    assert_eq!(validate(513, 0x20_1000, size2, size2), Err(RmpFailure::Input.into()));
    assert_eq!(validate(0, 0, size2, size4), Err(Fault::Owner { size_mismatch: false }.into()));
    assert_eq!(validate(512, 0x20_0000, size2, size2), Ok(Validation::Changed));
    assert_eq!(validate(512, 0x20_0000, size2, size2), Ok(Validation::Unchanged));
    let inside = access(700, 0x20_0000 + 188 * 0x1000, size2);
    assert_eq!(rmp.check(GUEST, Kind::Write, inside), Ok(()));
}

#[test]
fn segments() {
    let (low, high) = (entries(512), entries(512));
    let mut tables: [&[AtomicEntry]; 10] = [&[]; 10];
    (tables[0], tables[8]) = (&low, &high);
    let limits = SegmentLimits { min: 20, max: 40 };
    let config = |value| RmpConfig::from_msr(value, limits).unwrap();
    let table = Segmented::new(config(37 << 8 | 1), &tables).unwrap();
    let rmp = Rmp::new(&table, 99);
    let spa = 8 << 37 | 0x7000;
    rmp.rmpupdate(Asid::HOST, spa, &small(0x9000).to_bytes()).unwrap();
    assert!(rmp.check_host_write(spa, PageSize::Size4K).is_err());
    assert_eq!(rmp.check_host_write(0x7000, PageSize::Size4K), Ok(()));
    assert_eq!(rmp.check_host_write(9 << 37, PageSize::Size4K), Ok(()));
    let none = rmp.rmpupdate(Asid::HOST, 9 << 37, &small(0x9000).to_bytes());
    assert_eq!(none, Err(RmpFailure::Input));
    assert_eq!(rmp.check_host_write(10 << 37, PageSize::Size4K), Ok(()));
    assert!(Segmented::new(config(20 << 8 | 1), &tables).is_none());
    assert!(Segmented::new(config(0), &tables).is_none());
    let covered = |page| super::Table::next_covered(&table, page);
    let eighth = 8 << (37 - 12);
    assert_eq!((covered(0), covered(511)), (Some(0), Some(511)));
    assert_eq!((covered(512), covered(1 << 25)), (Some(eighth), Some(eighth)));
    assert_eq!((covered(eighth + 511), covered(eighth + 512)), (Some(eighth + 511), None));
    assert_eq!(covered(u64::MAX), None);
}

/// Two threads hand one page to and fro, and a third one reads: it never sees a page that belongs to both, or to one with the other's
/// permissions.
#[test]
fn threads() {
    let table = entries(512);
    let rmp = &Rmp::new(&table[..], 99);
    let page =
        |asid: u32| Access { gpa: gpa(u64::from(asid) << 12), ..access(7, 0, PageSize::Size4K) };
    let level = |asid| Vmpl::new(asid % 2 + 1).unwrap();
    std::thread::scope(|scope| {
        for asid in [2, 3] {
            scope.spawn(move || {
                let guest = Guest { asid: Asid::new(asid), vmpl: Vmpl::VMPL0 };
                for _ in 0..2000 {
                    let at = page(asid);
                    let to = PageAssignment::guest(guest.asid, at.gpa, PageSize::Size4K);
                    let _ = rmp.rmpupdate(Asid::HOST, at.spa, &to.to_bytes());
                    let _ = rmp.pvalidate(guest, at, PageSize::Size4K, true);
                    let adjust = RmpAdjust {
                        target: level(asid),
                        permissions: Permissions::READ,
                        vmsa: false,
                    };
                    let _ = rmp.rmpadjust(guest, at, PageSize::Size4K, adjust);
                }
            });
        }
        scope.spawn(move || {
            for _ in 0..10_000 {
                for asid in [2, 3] {
                    let guest = Guest { asid: Asid::new(asid), vmpl: level(asid ^ 1) };
                    assert!(rmp.check(guest, Kind::Read, page(asid)).is_err());
                }
            }
        });
    });
    assert!(matches!(super::Table::load(&table[..], 7), Loaded::Entry(_)));
}

proptest! {
    /// Whatever is done in whatever order: the first entry of a region counts its pages, no 4 KiB page lies under a large one,
    /// and the host never writes to a page that is not its own.
    #[test]
    fn any_order(steps in prop::collection::vec((0u8..6, 0u64..24, 0u32..4, any::<bool>()), 1..200)) {
        let table = entries(1536);
        let rmp = Rmp::new(&table[..], 3);
        // Pages at both ends of three regions.
        let page = |n: u64| n / 8 * 512 + [0, 1, 2, 3, 508, 509, 510, 511][(n % 8) as usize];
        for (what, n, asid, flag) in steps {
            let page = page(n);
            let spa = page * PAGE as u64;
            let size = if flag { PageSize::Size2M } else { PageSize::Size4K };
            let guest = Guest { asid: Asid::new(asid), vmpl: Vmpl::VMPL0 };
            let at = Access { spa, gpa: gpa(spa), mapping: size };
            let before: Vec<Entry> = (0..1536).map(|page| entry(&rmp, page)).collect();
            let changed = match what {
                0 | 1 => {
                    let to = match asid {
                        0 => PageAssignment { page_size: size, ..PageAssignment::HYPERVISOR },
                        _ => PageAssignment::guest(Asid::new(asid), gpa(spa), size),
                    };
                    assign(&rmp, page, to).is_ok()
                }
                2 => rmp.psmash(Asid::HOST, spa).is_ok(),
                3 => rmp.pvalidate(guest, at, size, true).is_ok(),
                4 => rmp.pvalidate(guest, at, size, false).is_ok(),
                _ => {
                    let adjust = RmpAdjust { target: Vmpl::VMPL1, permissions: Permissions::READ, vmsa: flag };
                    rmp.rmpadjust(guest, at, size, adjust).is_ok()
                }
            };
            let after: Vec<Entry> = (0..1536).map(|page| entry(&rmp, page)).collect();
            prop_assert!(changed || before == after, "what fails changes nothing");
            for region in after.chunks(512) {
                let is_large = region[0].assigned() && region[0].page_size() == PageSize::Size2M;
                let others = region[1..].iter().filter(|entry| entry.assigned()).count();
                if !is_large {
                    prop_assert_eq!(usize::from(region[0].subpage_count()), others);
                }
                prop_assert!(region[1..].iter().all(|entry| entry.page_size() == PageSize::Size4K));
                prop_assert!(!is_large || region[0].subpage_count() == 0);
            }
            for n in 0..24 {
                let page = (n / 8 * 512 + [0, 1, 2, 3, 508, 509, 510, 511][n as usize % 8]) as usize;
                let head = after[page / 512 * 512];
                let is_large = head.assigned() && head.page_size() == PageSize::Size2M;
                let is_free = !is_large && !after[page].assigned();
                let spa = page as u64 * PAGE as u64;
                prop_assert_eq!(rmp.check_host_write(spa, PageSize::Size4K).is_ok(), is_free);
            }
        }
    }
}
