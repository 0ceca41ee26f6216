//! The RMP: instructions of the host, of guests and of the firmware in any order, over a table of two regions and a bit.

use std::slice::from_ref;

use sevcrypt::rmp::{
    Access, AtomicEntry, Entry, Guest, Kind, Loaded, PageReclaim, PageState, Permissions, Rmp,
    RmpAdjust, Table,
};
use sevcrypt::{Asid, GuestPhysAddr, PageSize, Vmpl};

/// Pages of the table; two of them are its own.
const PAGES: u64 = 1100;
const MAX_ASID: u32 = 3;

/// Eight bytes for each step: what, a page (2), ASID and VMPL, sizes and flags, a place, permissions, a target.
pub fn rmp(data: &[u8]) {
    let table: Vec<AtomicEntry> = (0..PAGES).map(|_| AtomicEntry::default()).collect();
    let own = 0x5000..0x7000;
    let rmp = Rmp::new(&table[..], MAX_ASID).placed(from_ref(&own));
    rmp.initialise(from_ref(&(0..1 << 30)), &[]).expect("nobody else is there");
    let mut before = entries(&table);
    let (steps, _) = data.as_chunks::<8>();
    for step in steps.iter().take(256) {
        let is_done = do_step(&rmp, step);
        let after = entries(&table);
        assert!(is_done || before == after, "{step:x?}: what fails changes nothing");
        check_table(&rmp, &after);
        before = after;
    }
}

/// Whether something can have changed.
fn do_step(rmp: &Rmp<'_, [AtomicEntry]>, step: &[u8; 8]) -> bool {
    let [what, low, high, who, flags, place, mask, target] = *step;
    let page = u64::from(u16::from_le_bytes([low, high])) % (PAGES + 100);
    let spa = page << 12;
    let size = |bit: u8| if flags >> bit & 1 == 1 { PageSize::Size2M } else { PageSize::Size4K };
    let (size, mapping, flag) = (size(0), size(1), flags & 4 != 0);
    let vmpl = |number: u8| Vmpl::new(u32::from(number) % 4).expect("below 4");
    let guest = Guest { asid: Asid::new(u32::from(who) % 8), vmpl: vmpl(who >> 6) };
    let gpa = GuestPhysAddr::new((page + u64::from(place)) << 12).expect("a small address");
    let access = Access { spa, gpa, mapping };
    match what % 10 {
        0 | 1 => {
            let running = if flags & 8 == 0 { Asid::HOST } else { guest.asid };
            let mut operand = [0; 16];
            operand[..8]
                .copy_from_slice(&if flags & 16 == 0 { gpa.get() } else { 0 }.to_le_bytes());
            operand[8..12].copy_from_slice(&[mask & 3, flags & 1, flags >> 5 & 1, mask & 4]);
            operand[12..].copy_from_slice(&guest.asid.get().to_le_bytes());
            rmp.rmpupdate(running, spa, &operand).is_ok()
        }
        2 => rmp.psmash(Asid::HOST, spa & if flag { !0x1f_ffff } else { !0 }).is_ok(),
        3 => rmp.pvalidate(guest, access, size, flag).is_ok(),
        4 => {
            let rdx = u64::from_le_bytes([target % 5, mask, flags >> 2 & 1, 0, 0, 0, 0, 0]);
            RmpAdjust::from_rdx(rdx).is_ok_and(|adjust| {
                assert_eq!(adjust.to_rdx(), rdx);
                rmp.rmpadjust(guest, access, size, adjust).is_ok()
            })
        }
        5 => {
            let told = rmp.rmpquery(guest, access, vmpl(target));
            let entry = rmp.page(spa).expect("nobody else is there").entry;
            if let (Ok(told), PageSize::Size4K) = (told, mapping) {
                assert_eq!(told.permissions, entry.permissions(vmpl(target)));
            }
            false
        }
        6 => rmp.page_reclaim(PageReclaim { spa, size }).is_ok(),
        7 => rmp.page_unsmash(spa & !0x1f_ffff).is_ok(),
        8 => if flag { rmp.use_page(spa) } else { rmp.release_page(spa) }.is_ok(),
        // Each page of a region alike, so that they can be one again.
        _ => {
            let first = page & !511;
            let mut is_done = false;
            for n in 0..512 {
                let mut operand = [0; 16];
                operand[..8].copy_from_slice(&((first + n) << 12).to_le_bytes());
                operand[8..11].copy_from_slice(&[1, 0, flags >> 5 & 1]);
                operand[12..].copy_from_slice(&guest.asid.get().to_le_bytes());
                is_done |= rmp.rmpupdate(Asid::HOST, (first + n) << 12, &operand).is_ok();
            }
            is_done
        }
    }
}

fn entries(table: &[AtomicEntry]) -> Vec<Entry> {
    let load = |page| match table.load(page) {
        Loaded::Entry(entry) => entry,
        other => panic!("page {page}: {other:?}"),
    };
    (0..PAGES).map(load).collect()
}

/// What holds of every table.
fn check_table(rmp: &Rmp<'_, [AtomicEntry]>, entries: &[Entry]) {
    for (region, pages) in (0..).step_by(512).zip(entries.chunks(512)) {
        let (head, others) = pages.split_first().expect("a chunk has a page");
        let is_large = head.assigned() && head.page_size() == PageSize::Size2M;
        let assigned = others.iter().filter(|entry| entry.assigned()).count();
        let count = usize::from(head.subpage_count());
        assert_eq!(count, if is_large { 0 } else { assigned }, "region {region}");
        for (number, entry) in (region + 1..).zip(others) {
            assert_eq!(entry.page_size(), PageSize::Size4K, "page {number}");
            let is_nobodys = entry.assigned() && entry.asid() == Asid::HOST && !entry.immutable();
            assert!(!is_large || is_nobodys, "page {number}: {entry:?} in a large page");
        }
        // Some of its pages: at its ends, and where the RMP stands.
        for page in [0, 1, 5, 6, 7, 510, 511] {
            check_page(rmp, pages.get(page).map(|own| (region + page as u64, *own, *head)));
        }
    }
    for own in [5, 6] {
        assert_eq!(entries[own].state(), PageState::Firmware, "the RMP's own pages stay");
    }
}

/// A page is its owner's alone.
fn check_page(rmp: &Rmp<'_, [AtomicEntry]>, page: Option<(u64, Entry, Entry)>) {
    let Some((number, own, head)) = page else { return };
    let is_large = head.assigned() && head.page_size() == PageSize::Size2M;
    let entry = if is_large { head } else { own };
    let spa = number << 12;
    let offset = if is_large { (number % 512) << 12 } else { 0 };
    let gpa = GuestPhysAddr::new(entry.gpa().get() + offset).expect("a small address");
    let mapping = entry.page_size();
    let can_host_write = rmp.check_host_write(spa, PageSize::Size4K).is_ok();
    assert_eq!(can_host_write, !entry.assigned(), "page {number}: {entry:?}");
    for asid in 0..=MAX_ASID + 1 {
        let guest = Guest { asid: Asid::new(asid), vmpl: Vmpl::VMPL0 };
        let owns = asid > 0 && entry.asid().get() == asid && entry.state() == PageState::GuestValid;
        for size in [PageSize::Size4K, PageSize::Size2M] {
            let access = Access { spa, gpa, mapping: size };
            let can_read = rmp.check(guest, Kind::Read, access).is_ok();
            assert_eq!(can_read, owns && size == mapping, "page {number}, ASID {asid}: {entry:?}");
            assert!(!can_read || entry.permissions(Vmpl::VMPL0).contains(Permissions::READ));
        }
    }
}
