//! Instructions and checks, each rule by itself; `model.rs` has many of them at random.

use std::collections::BTreeSet;
use std::slice::from_ref;
use std::string::ToString;
use std::vec::Vec;

use super::*;
use crate::addr::{Asid, GuestPhysAddr, PAGE, PageSize, PhysAddr, Vmpl};
use crate::status::Status;

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
        (!0xfff, small(0x9000)),
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

/// HPAGE_REGION_STATUS: the first page of the region is nobody's, another one is assigned.
#[test]
fn rmpread_of_a_region() {
    let table = entries(1024);
    let rmp = Rmp::new(&table[..], 99);
    let status = |page: u64| {
        let read = rmp.rmpread(Asid::HOST, page * PAGE as u64).unwrap();
        assert_eq!(read.to_bytes()[9], u8::from(read.hpage_region_status) << 1);
        read.hpage_region_status
    };
    assert!(!status(512) && !status(700));
    assign(&rmp, 513, small(0x9000)).unwrap();
    assert!(status(512) && status(513) && status(700) && !status(0));
    assign(&rmp, 512, small(0xa000)).unwrap();
    assert!(!status(512) && !status(513));
}

#[test]
fn codes_and_registers() {
    use RmpFailure::*;
    let codes = [Input, Permission, InUse, Overlap, SizeMismatch, BadAddress].map(RmpFailure::code);
    assert_eq!(codes, [1, 2, 3, 4, 6, 7]);
    for rdx in [0, 0x1_0302, 0x1f03, 0x1_ff01] {
        assert_eq!(RmpAdjust::from_rdx(rdx).map(RmpAdjust::to_rdx), Ok(rdx));
    }
    for bit in (2..8).chain(17..64) {
        assert_eq!(RmpAdjust::from_rdx(1 << bit), Err(Input), "bit {bit}");
    }
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

/// All threads replace one entry by one with both words larger by one: no count is lost, and no reader sees words of two entries.
#[test]
fn entries_are_whole() {
    const EACH: u64 = 3000;
    let table = &entries(1)[..];
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(move || {
                for _ in 0..EACH {
                    loop {
                        let Loaded::Entry(old) = super::Table::load(table, 0) else { continue };
                        let new = Entry::from_words(old.to_words().map(|word| word + 1));
                        if super::Table::compare_exchange(table, 0, old, new) {
                            break;
                        }
                    }
                }
            });
        }
        scope.spawn(move || {
            for _ in 0..50_000 {
                if let Loaded::Entry(entry) = super::Table::load(table, 0) {
                    let [first, second] = entry.to_words();
                    assert_eq!(first, second);
                }
            }
        });
    });
    assert_eq!(super::Table::load(table, 0), Loaded::Entry(Entry::from_words([3 * EACH; 2])));
}

/// A thread that has taken a region and does not go on stops nobody: all others are told.
#[test]
fn stalled_writer() {
    let table = entries(1024);
    let rmp = Rmp::new(&table[..], 99);
    assign(&rmp, 513, small(0x9000)).unwrap();
    let page = access(513, 0x9000, PageSize::Size4K);
    rmp.pvalidate(GUEST, page, PageSize::Size4K, true).unwrap();
    let held = rmp.hold(512).unwrap();
    let in_use = Err(RmpFailure::InUse);
    assert_eq!(rmp.check(GUEST, Kind::Read, page), Ok(()), "its own entry is not touched");
    assert!(rmp.rmpquery(GUEST, page, Vmpl::VMPL1).is_ok(), "nor looked for in the region's first");
    let whole = access(512, 0x8000, PageSize::Size2M);
    assert_eq!(rmp.check(GUEST, Kind::Read, whole), Err(Fault::Busy));
    assert_eq!(rmp.check_host_write(0x20_0000, PageSize::Size4K), Err(Fault::Busy));
    assert_eq!(rmp.check_host_write(0x20_3000, PageSize::Size2M), Err(Fault::Busy));
    let free = access(514, 0x9000, PageSize::Size4K);
    let validated = rmp.pvalidate(GUEST, free, PageSize::Size4K, true);
    assert_eq!(validated, Err(Fault::Busy.into()));
    assert_eq!(assign(&rmp, 513, PageAssignment::HYPERVISOR), in_use);
    assert_eq!(assign(&rmp, 512, large(0)), in_use);
    assert_eq!(rmp.psmash(Asid::HOST, 0x20_0000), in_use);
    assert_eq!(rmp.rmpread(Asid::HOST, 0x20_1000).map(|_| ()), in_use);
    assert_eq!((rmp.use_page(0x20_1000), rmp.release_page(0x20_1000)), (in_use, in_use));
    let busy = Err(Status::IN_USE);
    let entry = entry(&rmp, 513);
    assert_eq!(rmp.page(0x20_0000).map(|_| ()), busy);
    assert_eq!(rmp.replace_page(0x20_1000, entry, entry), busy);
    assert_eq!(rmp.page_unsmash(0x20_0000), busy);
    assert_eq!(rmp.initialise(&[], &[]), busy);
    drop(held);
    assert_eq!(assign(&rmp, 513, PageAssignment::HYPERVISOR), Ok(()));
}

#[test]
fn fault_bits() {
    let private = FaultContext { private: true, ..FaultContext::default() };
    let shared = FaultContext::default();
    let walk = FaultContext { table_walk: true, ..private };
    let shadow = FaultContext { vmpl_sss: true, ..private };
    let bits = |bits: &[u32]| Some(bits.iter().fold(0, |all, bit| all | 1 << bit));
    let owner = |size_mismatch| Fault::Owner { size_mismatch };
    let vmpl = |shadow_stack| Fault::Vmpl { shadow_stack };
    for (fault, context, expected) in [
        (owner(false), private, bits(&[31, 32, 34])),
        (owner(false), walk, bits(&[31, 33, 34])),
        (owner(true), private, bits(&[31, 32, 34, 35])),
        (Fault::NotHypervisor, shared, bits(&[31, 32])),
        (Fault::Busy, shared, bits(&[31, 32])),
        (Fault::Busy, private, bits(&[31, 32, 34])),
        (vmpl(true), private, bits(&[31, 32, 34, 36])),
        (vmpl(true), shadow, bits(&[31, 32, 34, 36, 37])),
        (vmpl(false), shadow, bits(&[31, 32, 34, 36])),
        (Fault::NotValidated, private, None),
    ] {
        assert_eq!(fault.exitinfo1(context), expected, "{fault:?} {context:?}");
    }
    assert_eq!((Fault::RMP, Fault::VC_NOT_VALIDATED), (1 << 31, 0x404));
}

#[test]
fn pages_of_vmrun() {
    let table = entries(512);
    let rmp = Rmp::new(&table[..], 99);
    assign(&rmp, 7, small(0x9000)).unwrap();
    for (page, failure) in [
        (HostPage::Vmcb, VmFailure::GeneralProtection),
        (HostPage::HostSave, VmFailure::GeneralProtection),
        (HostPage::Vmsave, VmFailure::GeneralProtection),
        (HostPage::GuestVmsave, VmFailure::NestedPageFault),
        (HostPage::AvicBacking, VmFailure::VmexitInvalid),
        (HostPage::EsVmsa, VmFailure::VmexitInvalid),
    ] {
        assert_eq!(rmp.check_host_page(page, 0x7000), Err(failure), "{page:?}");
        assert_eq!(rmp.check_host_page(page, 0x8000), Ok(()));
        assert_eq!(rmp.check_host_page(page, 1 << 40), Ok(()), "not covered");
    }
    type Rmps<'a> = Rmp<'a, Table>;
    assert_eq!(Rmps::check_host_save(0), Err(VmFailure::GeneralProtection));
    assert_eq!(Rmps::check_host_save(0x8000), Ok(()));

    let invalid = Err(VmFailure::VmexitInvalid);
    let vmsa = |asid, spa, at| rmp.check_vmsa(asid, spa, gpa(at));
    assert_eq!(vmsa(GUEST.asid, 0x7000, 0x9000), invalid, "no save area");
    let page = access(7, 0x9000, PageSize::Size4K);
    rmp.pvalidate(GUEST, page, PageSize::Size4K, true).unwrap();
    let adjust = RmpAdjust { target: Vmpl::VMPL1, permissions: Permissions::NONE, vmsa: true };
    rmp.rmpadjust(GUEST, page, PageSize::Size4K, adjust).unwrap();
    assert_eq!(vmsa(GUEST.asid, 0x7000, 0x9000), Ok(()));
    assert_eq!(vmsa(Asid::new(6), 0x7000, 0x9000), invalid);
    assert_eq!(vmsa(GUEST.asid, 0x7000, 0xa000), invalid);
    assert_eq!(vmsa(GUEST.asid, 1 << 40, 0x9000), invalid, "not covered");
    assign(&rmp, 7, small(0x9000).locked()).unwrap();
    assert_eq!(vmsa(GUEST.asid, 0x7000, 0x9000), invalid, "immutable");
}

/// Pages that the machine keeps, and pages in use, inside of what shall be one of 2 MiB.
#[test]
fn large_pages_over_others() {
    let table = entries(1024);
    let rmp = Rmp::new(&table[..], 99);
    rmp.use_page(513 * 0x1000).unwrap();
    assert_eq!(assign(&rmp, 512, large(0)), Err(RmpFailure::InUse));
    rmp.release_page(513 * 0x1000).unwrap();
    let fixed = Entry::from_words([4, 0]);
    assert!(super::Table::compare_exchange(&table[..], 514, entry(&rmp, 514), fixed));
    assert_eq!(assign(&rmp, 512, large(0)), Err(RmpFailure::Permission));
    assert_eq!(assign(&rmp, 514, small(0)), Err(RmpFailure::Permission), "HV_FIXED");
    assert_eq!(rmp.check_host_write(514 * 0x1000, PageSize::Size4K), Ok(()));
    assign(&rmp, 513, PageAssignment::FIRMWARE).unwrap();
    assert_eq!(entry(&rmp, 513).to_words(), [0x8000_0000_0000_0005, 0xf]);
    let freed = assign(&rmp, 513, PageAssignment::HYPERVISOR);
    assert_eq!(freed, Err(RmpFailure::Permission));
    let short = entries(700);
    let rmp = Rmp::new(&short[..], 99);
    assert_eq!(assign(&rmp, 512, large(0)), Err(RmpFailure::Input), "half of it is not covered");
    assert_eq!(entry(&rmp, 512), Entry::default());
}

#[test]
fn transitions_of_firmware() {
    let context = PhysAddr::new(0x1234_5000).unwrap();
    let firmware = Entry::from_words([0x8000_0000_0000_0005, 0xf]);
    let metadata = firmware.into_metadata(context);
    assert_eq!(metadata.to_words(), [0x8001_0000_1234_5005, 0xf]);
    assert_eq!(metadata.metadata_context(), Some(context));
    assert_eq!(firmware.metadata_context(), None);
    assert_eq!(metadata.into_firmware(), firmware);
    let made = firmware.into_context();
    assert_eq!(made.to_words(), [0xa000_0000_0000_0005, 0xf]);
    assert_eq!((made.state(), made.into_firmware()), (PageState::Context, firmware));
    let fixed = firmware.into_hv_fixed();
    assert_eq!((fixed.state(), fixed.to_words()[0]), (PageState::HvFixed, 4));
    let ready = Entry::from_words([0x8028_0000_0800_0005, 0xf]);
    let masks = [Permissions::READ, Permissions::NONE, Permissions::FULL];
    let launched = ready.into_launched(masks, true);
    assert_eq!(launched.to_words(), [0x6028_0000_0800_0001, 0x0f00_010f]);
    assert_eq!(launched.state(), PageState::GuestValid);
    for (entry, words) in [
        (firmware, Some([1, 0xf])),
        (metadata, Some([0x1234_5001, 0xf])),
        (ready, Some([0x0028_0000_0800_0001, 0xf])),
        (ready.with_validated(true), Some([0x4028_0000_0800_0001, 0xf])),
        (made, None),
        (fixed, None),
        (launched, None),
    ] {
        assert_eq!(entry.reclaimed().map(Entry::to_words), words, "{entry:?}");
    }
}

#[test]
fn replaced_by_firmware() {
    let table = entries(1024);
    let rmp = Rmp::new(&table[..], 99);
    let at = |page: u64| page * PAGE as u64;
    for page in [512, 513, 514] {
        assign(&rmp, page, PageAssignment::FIRMWARE).unwrap();
    }
    let old = rmp.page(at(513)).unwrap();
    assert_eq!((old.state, old.size), (PageState::Firmware, PageSize::Size4K));
    rmp.replace_page(at(513), old.entry, old.entry.into_context()).unwrap();
    assert_eq!(rmp.page(at(513)).unwrap().state, PageState::Context);
    let late = rmp.replace_page(at(513), old.entry, old.entry.into_hv_fixed());
    assert_eq!(late, Err(Status::INVALID_PAGE_STATE));
    // The count of a region's first page goes its own way.
    let head = rmp.page(at(512)).unwrap().entry;
    assert_eq!(head.subpage_count(), 2);
    assign(&rmp, 515, small(0x9000)).unwrap();
    rmp.replace_page(at(512), head, head.into_hv_fixed()).unwrap();
    assert_eq!(entry(&rmp, 512), Entry::from_words([4 | 3 << 3, 0xf]));
    let last = entry(&rmp, 514);
    rmp.replace_page(at(514), last, last.into_hv_fixed()).unwrap();
    assert_eq!(entry(&rmp, 512).subpage_count(), 2);
    let none = Entry::default();
    assert_eq!(rmp.page(at(1024)).unwrap().state, PageState::Default);
    assert_eq!(rmp.replace_page(at(1024), none, none), Err(Status::INVALID_ADDRESS));
    let two = none.with_page_size(PageSize::Size2M);
    assert_eq!(rmp.replace_page(at(9), none, two), Err(Status::INVALID_PAGE_SIZE));

    let firmware = PageAssignment { page_size: PageSize::Size2M, ..PageAssignment::FIRMWARE };
    assign(&rmp, 0, firmware).unwrap();
    let inside = entry(&rmp, 9);
    assert_eq!(rmp.replace_page(at(9), inside, inside), Err(Status::INVALID_PAGE_SIZE));
    let head = entry(&rmp, 0);
    rmp.replace_page(0, head, head.into_hv_fixed()).unwrap();
    assert!((0..512).all(|page| entry(&rmp, page).state() == PageState::HvFixed));
}

#[test]
fn reclaiming() {
    let table = entries(1024);
    let own = 0x1000..0x2000;
    let rmp = Rmp::new(&table[..], 99).placed(from_ref(&own));
    let reclaim = |operand| PageReclaim::parse(operand).and_then(|page| rmp.page_reclaim(page));
    for bit in 1..12 {
        assert_eq!(reclaim(0x20_0000 | 1 << bit), Err(Status::INVALID_PARAM), "bit {bit}");
    }
    assert_eq!(reclaim(1 << 52), Err(Status::INVALID_ADDRESS));
    assert_eq!(reclaim(!0xfff), Err(Status::INVALID_ADDRESS));
    assert_eq!(
        reclaim((1 << 52) - 0x1000),
        Err(Status::INVALID_PARAM),
        "the last page: not covered"
    );
    assert_eq!(reclaim(0x1000), Err(Status::INVALID_PARAM), "the RMP itself");
    assert_eq!(reclaim(1), Err(Status::INVALID_PARAM), "and around it");
    assert_eq!(reclaim(1024 << 12), Err(Status::INVALID_PARAM), "not covered");
    assert_eq!(reclaim(0x20_0001), Err(Status::INVALID_PAGE_SIZE));
    assert_eq!(reclaim(0x3000), Ok(()), "nothing to do");
    assign(&rmp, 3, PageAssignment::FIRMWARE).unwrap();
    reclaim(0x3000).unwrap();
    assert_eq!(entry(&rmp, 3).state(), PageState::Reclaim);
    assign(&rmp, 3, small(0x9000).locked()).unwrap();
    reclaim(0x3000).unwrap();
    assert_eq!(entry(&rmp, 3).state(), PageState::GuestInvalid);
    rmp.pvalidate(GUEST, access(3, 0x9000, PageSize::Size4K), PageSize::Size4K, true).unwrap();
    assign(&rmp, 3, small(0x9000).locked()).unwrap();
    reclaim(0x3000).unwrap();
    assert_eq!(entry(&rmp, 3).state(), PageState::GuestValid);
    assign(&rmp, 4, PageAssignment::FIRMWARE).unwrap();
    let firmware = entry(&rmp, 4);
    rmp.replace_page(0x4000, firmware, firmware.into_context()).unwrap();
    assert_eq!(reclaim(0x4000), Err(Status::INVALID_PAGE_STATE));
    assign(&rmp, 512, large(0x20_0000).locked()).unwrap();
    assert_eq!(reclaim(0x20_0000), Err(Status::INVALID_PAGE_SIZE));
    reclaim(0x20_0001).unwrap();
    assert_eq!(entry(&rmp, 512).state(), PageState::GuestInvalid);
}

#[test]
fn unsmashing() {
    let table = entries(1536);
    let own = 0x1000..0x2000;
    let rmp = Rmp::new(&table[..], 99).placed(from_ref(&own));
    assert_eq!(rmp.page_unsmash(0x20_1000), Err(Status::INVALID_PARAM));
    assert_eq!(rmp.page_unsmash(0), Err(Status::INVALID_ADDRESS), "the RMP itself");
    assert_eq!(rmp.page_unsmash(0x60_0000), Err(Status::INVALID_ADDRESS), "not covered");
    assert_eq!(rmp.page_unsmash(0x20_0000), Err(Status::INVALID_PAGE_STATE));
    // A large page, smashed; its pages made immutable one by one.
    assign(&rmp, 512, large(0x80_0000)).unwrap();
    let whole = access(512, 0x80_0000, PageSize::Size2M);
    rmp.pvalidate(GUEST, whole, PageSize::Size2M, true).unwrap();
    assert_eq!(rmp.page_unsmash(0x20_0000), Err(Status::INVALID_PAGE_STATE), "it is large");
    rmp.psmash(Asid::HOST, 0x20_0000).unwrap();
    let page = |n: u64| small(0x80_0000 + n * PAGE as u64);
    for n in 0..512 {
        assert_eq!(rmp.page_unsmash(0x20_0000), Err(Status::INVALID_PAGE_STATE), "{n}");
        assign(&rmp, 512 + n, page(n).locked()).unwrap();
    }
    // One rule broken at a time.
    for n in [0, 1, 511] {
        let spa = (512 + n) * PAGE as u64;
        let good = entry(&rmp, 512 + n).with_subpage_count(0);
        for bad in [
            good.with_validated(false),
            good.with_vmsa(true),
            good.with_asid(Asid::new(6)),
            good.with_asid(Asid::HOST).with_validated(false),
            good.with_gpa(gpa(0x90_0000 + (n + 1) * 0x1000)),
            good.with_permissions(Vmpl::VMPL2, Permissions::READ),
            good.with_immutable(false).with_lock(false),
        ] {
            rmp.replace_page(spa, good, bad).unwrap();
            let found = rmp.page_unsmash(0x20_0000);
            assert_eq!(found, Err(Status::INVALID_PAGE_STATE), "{n} {bad:?}");
            rmp.replace_page(spa, bad, good).unwrap();
        }
    }
    rmp.page_unsmash(0x20_0000).unwrap();
    assert_eq!(entry(&rmp, 512).to_words(), [0xc028_0000_0080_0007, 0xf]);
    assert_eq!(entry(&rmp, 513).to_words(), [0x4000_0000_0080_1001, 0xf]);
    rmp.page_reclaim(PageReclaim::parse(0x20_0001).unwrap()).unwrap();
    assert_eq!(rmp.check(GUEST, Kind::Write, whole), Ok(()));
    assert!((512..1024).all(|n| rmp.check_host_write(n << 12, PageSize::Size4K).is_err()));
    let back = PageAssignment { page_size: PageSize::Size2M, ..PageAssignment::HYPERVISOR };
    assign(&rmp, 512, back).unwrap();
    assert!((512..1024).all(|n| entry(&rmp, n).state() == PageState::Hypervisor));
}

/// As a published log of a host has it: the first MiB of a region is the RMP.
#[test]
fn initialising() {
    let table = entries(1500);
    let own = 0x20_0000..0x30_0000;
    let rmp = Rmp::new(&table[..], 99).placed(from_ref(&own));
    assign(&rmp, 1024, large(0)).unwrap_err();
    assign(&rmp, 3, small(0x9000)).unwrap();
    let dram = [0..0x48_0800, 0x50_0000..0x1000_0000];
    rmp.initialise(&dram, from_ref(&(0x5fff..0x6001))).unwrap();
    assert_eq!(entry(&rmp, 512).to_words(), [0x8000_0000_0000_07fd, 0]);
    for page in 0..1500 {
        let expected = match page {
            512..768 => PageState::Firmware,
            5 | 6 | 0xa0..0xc0 | 0x480..0x500 => PageState::HvFixed,
            _ => PageState::Hypervisor,
        };
        assert_eq!(entry(&rmp, page).state(), expected, "{page:#x}");
        let count = if page == 512 { 255 } else { 0 };
        assert_eq!(entry(&rmp, page).subpage_count(), count, "{page:#x}");
    }
    // Each segment, and the addresses that no guest ever has.
    let (low, high) = (entries(600), entries(512));
    let mut tables: [&[AtomicEntry]; 0xfd1] = [&[]; 0xfd1];
    (tables[0], tables[0xfd0]) = (&low, &high);
    let config = RmpConfig::from_msr(28 << 8 | 1, SegmentLimits { min: 20, max: 40 }).unwrap();
    let table = Segmented::new(config, &tables).unwrap();
    let rmp = Rmp::new(&table, 99);
    rmp.initialise(from_ref(&(0..1 << 52)), &[]).unwrap();
    assert_eq!(rmp.page(599 << 12).unwrap().state, PageState::Hypervisor);
    assert_eq!(rmp.page(0xfd_0000_0000).unwrap().state, PageState::HvFixed);
}

/// All or none, in whatever order they are named.
#[test]
fn replaced_together() {
    let table = entries(1536);
    let rmp = Rmp::new(&table[..], 99);
    for page in [3, 512, 513, 1025] {
        assign(&rmp, page, PageAssignment::FIRMWARE).unwrap();
    }
    let words = || (0..1536).map(|page| entry(&rmp, page)).collect::<Vec<_>>();
    let fixed = |page| {
        let old = entry(&rmp, page);
        PageChange::new(page * PAGE as u64, old, old.into_hv_fixed())
    };
    let all = || [1025, 3, 513, 512].map(fixed);
    let refused = |changes: &mut [PageChange], status| {
        let before = words();
        assert_eq!(rmp.replace_pages(changes, || Ok(())), Err(status));
        assert!(words() == before);
    };
    let mut twice = [fixed(3), fixed(513), fixed(3)];
    refused(&mut twice, Status::INVALID_PAGE_STATE);
    let gone = PageChange::new(0x40_1000, Entry::default(), entry(&rmp, 3));
    let mut late = [fixed(3), fixed(513), gone];
    refused(&mut late, Status::INVALID_PAGE_STATE);
    let none = PageChange::new(1536 * PAGE as u64, Entry::default(), Entry::default());
    refused(&mut [fixed(3), none], Status::INVALID_ADDRESS);
    let before = words();
    let failed = rmp.replace_pages(&mut all(), || Err(Status::BAD_MEASUREMENT));
    assert_eq!(failed, Err(Status::BAD_MEASUREMENT));
    // The last region, or one entry, is another processor's.
    for page in [1024, 513] {
        let mut changes = all();
        let old = entry(&rmp, page);
        assert!(super::Table::acquire(rmp.table, page, old));
        let result = rmp.replace_pages(&mut changes, || panic!("not all were taken"));
        assert_eq!(result, Err(Status::IN_USE));
        super::Table::release(rmp.table, page, old);
    }
    assert!(words() == before);

    let mut changes = all();
    let meanwhile = || {
        for page in [3, 513, 512, 1025] {
            assert_eq!(rmp.page(page * PAGE as u64), Err(Status::IN_USE));
        }
        Ok(())
    };
    rmp.replace_pages(&mut changes, meanwhile).unwrap();
    for page in 0..1536 {
        let is_fixed = [3, 512, 513, 1025].contains(&page);
        let state = if is_fixed { PageState::HvFixed } else { PageState::Hypervisor };
        assert_eq!((entry(&rmp, page).state(), entry(&rmp, page).subpage_count()), (state, 0));
    }
}

/// Others change owners in both regions: what moves to and fro is always in one place.
#[test]
fn moved_beside_others() {
    let table = entries(1024);
    let rmp = Rmp::new(&table[..], 99);
    let stop = std::sync::atomic::AtomicBool::new(false);
    for page in [3, 513] {
        assign(&rmp, page, PageAssignment::FIRMWARE).unwrap();
    }
    let free = entry(&rmp, 3);
    let (mut from, mut to) = (3, 513);
    rmp.replace_page(from * PAGE as u64, free, free.into_context()).unwrap();
    std::thread::scope(|scope| {
        for page in [9, 521] {
            let (rmp, stop) = (&rmp, &stop);
            scope.spawn(move || {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let _ = assign(rmp, page, small(0x9000));
                    let _ = assign(rmp, page, PageAssignment::HYPERVISOR);
                }
            });
        }
        for _ in 0..100_000 {
            let change = |page: u64, old, new| PageChange::new(page * PAGE as u64, old, new);
            let mut changes =
                [change(to, free, free.into_context()), change(from, free.into_context(), free)];
            match rmp.replace_pages(&mut changes, || Ok(())) {
                Ok(()) => (from, to) = (to, from),
                Err(status) => assert_eq!(status, Status::IN_USE),
            }
            let states = [from, to].map(|page| entry(&rmp, page).state());
            assert_eq!(states, [PageState::Context, PageState::Firmware]);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// Bit 51 of a GPA is not stored: neither a repeated RMPUPDATE nor the guest's own accesses miss it.
#[test]
fn the_last_page_of_a_guest() {
    let table = entries(512);
    let rmp = Rmp::new(&table[..], 99);
    let top = 0xf_ffff_ffff_f000;
    assign(&rmp, 7, small(top)).unwrap();
    assert_eq!(entry(&rmp, 7).gpa(), gpa(0x7_ffff_ffff_f000));
    let at = access(7, top, PageSize::Size4K);
    rmp.pvalidate(GUEST, at, PageSize::Size4K, true).unwrap();
    assert_eq!(rmp.check(GUEST, Kind::Read, at), Ok(()));
    let adjust = RmpAdjust { target: Vmpl::VMPL1, permissions: Permissions::NONE, vmsa: true };
    rmp.rmpadjust(GUEST, at, PageSize::Size4K, adjust).unwrap();
    assert_eq!(rmp.check_vmsa(GUEST.asid, at.spa, at.gpa), Ok(()));
    let below = gpa(0x7_ffff_ffff_e000);
    assert!(rmp.check_vmsa(GUEST.asid, at.spa, below).is_err());
    // The same page, locked.
    assign(&rmp, 7, small(top).locked()).unwrap();
    assert_eq!(entry(&rmp, 7).state(), PageState::PreSwap);
    assert!(entry(&rmp, 7).vmsa());
}

/// Which contexts a METADATA page can name.
#[test]
fn contexts_of_metadata() {
    let names = |spa: u64| {
        let spa = PhysAddr::new(spa).unwrap();
        Entry::default().into_metadata(spa).metadata_context() == Some(spa)
    };
    assert!(names(0x1000) && names(0xffff_ffff_f000));
    assert!(!names(0) && !names(1 << 48) && !names(1 << 48 | 0x1000));
}

/// Each failure says something, and no other says the same.
#[test]
fn failures_are_told() {
    let failures: [&dyn core::error::Error; 20] = [
        &Fault::Owner { size_mismatch: false },
        &Fault::Owner { size_mismatch: true },
        &Fault::NotValidated,
        &Fault::Vmpl { shadow_stack: false },
        &Fault::NotHypervisor,
        &Fault::Busy,
        &VmFailure::GeneralProtection,
        &VmFailure::VmexitInvalid,
        &VmFailure::NestedPageFault,
        &RmpFailure::Input,
        &RmpFailure::Permission,
        &RmpFailure::InUse,
        &RmpFailure::Overlap,
        &RmpFailure::SizeMismatch,
        &RmpFailure::BadAddress,
        &RegisterError::Alignment,
        &RegisterError::Length,
        &RegisterError::Reserved,
        &RegisterError::SegmentSize,
        &GuestFailure::GeneralProtection,
    ];
    let texts: BTreeSet<_> = failures.iter().map(|failure| failure.to_string()).collect();
    assert!(texts.len() == failures.len() && !texts.contains(""), "{texts:#?}");
    let [code, fault] =
        [RmpFailure::Input.into(), Fault::Busy.into()].map(|of: GuestFailure| of.to_string());
    assert_eq!([code, fault], [RmpFailure::Input.to_string(), Fault::Busy.to_string()]);
}
