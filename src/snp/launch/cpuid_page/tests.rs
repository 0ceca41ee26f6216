use std::string::ToString;
use std::vec::Vec;

use super::*;

/// Genoa B1.
const PROCESSOR: CpuSignature = CpuSignature(0x00a1_0f11);

fn check(entry: CpuidEntry) -> (CpuidEntry, Vec<CpuidFailure>) {
    let mut checked = entry;
    let mut failures = Vec::new();
    CpuidTable::GENOA.check(&mut checked, PROCESSOR, &mut |failure| failures.push(*failure));
    (checked, failures)
}

/// The registers, and what becomes of them.
fn registers(function: u32, subleaf: u32, registers: [u32; 4]) -> [u32; 4] {
    registers_with(function, subleaf, 0, 0, registers)
}

fn registers_with(
    eax_in: u32,
    ecx_in: u32,
    xcr0_in: u64,
    xss_in: u64,
    [eax, ebx, ecx, edx]: [u32; 4],
) -> [u32; 4] {
    let reserved = 0;
    let entry = CpuidEntry { eax_in, ecx_in, xcr0_in, xss_in, eax, ebx, ecx, edx, reserved };
    let (checked, failures) = check(entry);
    let now = [checked.eax, checked.ebx, checked.ecx, checked.edx];
    let changed = now.iter().zip([eax, ebx, ecx, edx]).filter(|(now, then)| **now != *then);
    assert_eq!(failures.len(), changed.count(), "what fails is corrected, and nothing else");
    let (again, none) = check(checked);
    // What was corrected is acceptable.
    assert!(none.is_empty() && again == checked, "{eax_in:#x}");
    now
}

#[test]
fn the_table_has_no_row_twice_and_no_rule_that_contradicts_itself() {
    let rows = CpuidTable::GENOA.rows;
    assert_eq!(rows.len(), 57);
    for (n, row) in rows.iter().enumerate() {
        let key = (row.function, row.subleaf);
        assert!(rows[..n].iter().all(|other| (other.function, other.subleaf) < key), "{key:x?}");
        for Rule { bound, reserved } in row.rules {
            let allowed = match bound {
                Bound::Exact(bits) | Bound::Mask(bits) | Bound::InvertedMask(bits) => bits,
                Bound::MaskWith { mask, ones } => {
                    assert_eq!(mask & ones, ones);
                    mask
                }
                _ => 0,
            };
            assert_eq!(allowed & reserved, 0, "{key:x?}");
        }
    }
}

/// Each register of each row: nothing but its own rule decides, bit by bit.
#[test]
fn every_row_bit_by_bit() {
    for row in CpuidTable::GENOA.rows {
        let base = registers(row.function, row.subleaf, [0; 4]);
        for (number, rule) in row.rules.iter().enumerate() {
            for bit in 0..32 {
                let mut set = base;
                set[number] ^= 1 << bit;
                let now = registers(row.function, row.subleaf, set);
                let is_reserved = rule.reserved >> bit & 1 == 1;
                let is_kept = match rule.bound {
                    Bound::Unchecked => !is_reserved,
                    Bound::Exact(_) | Bound::XsaveSize | Bound::CompactedXsaveSize => false,
                    Bound::Mask(mask) | Bound::InvertedMask(mask) => mask >> bit & 1 == 1,
                    Bound::MaskWith { mask, ones } => (mask & !ones) >> bit & 1 == 1,
                    Bound::AtMost(max) => 1 << bit <= max,
                    Bound::Fields(_) | Bound::Signature => continue,
                };
                let at = (row.function, row.subleaf, number, bit);
                assert_eq!(now[number] == set[number], is_kept, "{at:x?}");
                let mut rest = now;
                rest[number] = base[number];
                assert_eq!(rest, base, "{at:x?}: other registers stay");
            }
        }
    }
}

#[test]
fn generic_rules() {
    assert_eq!(registers(0, 0, [0x11, 7, 8, 9]), [0x10, 7, 8, 9]);
    assert_eq!(registers(0, 0, [0x10, !0, !0, !0]), [0x10, !0, !0, !0]);
    assert_eq!(registers(5, 0, [!0; 4]), [0xffff, 0xffff, 3, 0xff]);
    assert_eq!(registers(6, 0, [!0; 4]), [4, 0, 1, 0]);
    assert_eq!(registers(0xd, 2, [0; 4]), [0x100, 0x240, 0, 0]);
    assert_eq!(registers(0xd, 0xb, [!0; 4]), [0x10, 0, 1, 0]);
    assert_eq!(registers(0x8000_0000, 0, [0x8000_0029, 0, 0, 0])[0], 0x8000_0028);
    assert_eq!(registers(0x8000_000a, 0, [!0; 4]), [0xff, !0, 0, 0x1fbf_bcff]);
    assert_eq!(registers(0x8000_0024, 0, [2, 2, 4, 1]), [1, 0, 0, 0]);
}

#[test]
fn processor() {
    let eax = |eax| registers(1, 0, [eax, 0x0800, 0, 0])[0];
    // Family, model and stepping of older processors, and of this one.
    for signature in [0x0080_0f12, 0x00a0_0f11, 0x00a1_0f10, 0x00a1_0f11, 0] {
        assert_eq!(eax(signature), signature);
    }
    // A later stepping, model and family.
    for signature in [0x00a1_0f12, 0x00a1_0f20, 0x00b0_0f00] {
        assert_eq!(eax(signature), PROCESSOR.0);
        assert_eq!(registers(0x8000_0001, 0, [signature, 0, 0, 0])[0], PROCESSOR.0);
    }
    // Models are compared by the sum of their digits: 1 and 1 are no less than 0 and 2, stepping 2 is later.
    assert_eq!(eax(0x00a0_0f21), 0x00a0_0f21);
    assert_eq!(eax(0x00a0_0f22), PROCESSOR.0);
    assert_eq!(eax(0xf0a1_0f11), 0x00a1_0f11, "reserved bits");

    assert_eq!(registers(1, 0, [0, 0x1234_40ff, 0, 0])[1], 0x1234_0800);
    assert_eq!(registers(1, 0, [0, 0x0800, !0, !0])[2..], [0xfefa_320b, 0x178b_fbff]);
}

#[test]
fn extended_features() {
    assert_eq!(registers(7, 0, [2, !0, !0, 0]), [1, 0xf1bf_97a9, 0x0041_5fde, 0]);
    assert_eq!(registers(7, 0, [0, 0, 0, 0x1000_0010])[3], 0x1000_0010);
    // The correction takes the bits that are allowed, and the reserved bits are the others.
    assert_eq!(registers(7, 0, [0, 0, 0, 0x1000_0011])[3], 0);
}

#[test]
fn xsave_areas() {
    let full = |xcr0| registers_with(0xd, 0, xcr0, 0, [0, 0, 0xabc, 1]);
    for (xcr0, size) in [
        (0x3, 0x240),
        (0x7, 0x340),
        (0x27, 0x380),
        (0x67, 0x580),
        (0xe7, 0x980),
        (0x2e7, 0x988),
        (0x207, 0x988),
    ] {
        assert_eq!(full(xcr0), [3, size, 0xabc, 0], "{xcr0:#x}");
        let entry = [0xe7 | 3, size, 0, 0];
        assert_eq!(registers_with(0xd, 0, xcr0, 0, entry), entry);
    }
    assert_eq!(registers_with(0xd, 0, 3, 0, [!0, 0x240, 0, 0])[0], 0x2e7);
    let compacted = |xcr0, xss| registers_with(0xd, 1, xcr0, xss, [0xff, 0, !0, !0]);
    for (xcr0, xss, size) in [
        (3, 0, 0x240),
        (7, 0, 0x340),
        (0x27, 0, 0x380),
        (0x67, 0, 0x580),
        (0xe7, 0, 0x980),
        (0x2e7, 0, 0x988),
        (3, 0x800, 0x250),
        (3, 0x1000, 0x258),
        (0x2e7, 0x1800, 0x9b0),
    ] {
        assert_eq!(compacted(xcr0, xss), [0xf, size, 0x1800, 0], "{xcr0:#x} {xss:#x}");
    }
}

#[test]
fn parts_of_registers() {
    let sizes = |eax, edx| registers(0x8000_0008, 0, [eax, 0, 0, edx]);
    assert_eq!(sizes(0x0030_3934, 0x0001_0007), [0x0030_3934, 0, 0, 0x0001_0007]);
    assert_eq!(sizes(0xff30_3a35, 0xff02_0008), [0x0030_3934, 0, 0, 0x0001_0007]);
    let encryption = |ebx| registers(0x8000_001f, 0, [0, ebx, 0, 0])[1];
    for (ebx, corrected) in [
        (0x4173, 0x4173),
        (0x0fff, 0x0ff3),
        (0x5173, 0x4173),
        (0x0032, 0x0033),
        (0x0001_0033, 0x33),
    ] {
        assert_eq!(encryption(ebx), corrected, "{ebx:#x}");
    }
    let counters = |ebx| registers(0x8000_0022, 0, [0, ebx, 5, 0]);
    assert_eq!(counters(0x106), [0, 0x106, 5, 0]);
    assert_eq!(counters(0x117), [0, 0x106, 5, 0]);
}

#[test]
fn functions_that_are_not_listed() {
    // Subleaf 1 of function 1, a function of the ranges, their last ones.
    for (function, subleaf) in [(1, 1), (3, 0), (0xffff, 0), (0x8000_ffff, 0)] {
        assert_eq!(registers(function, subleaf, [1, 2, 3, 4]), [0; 4]);
        assert_eq!(registers(function, subleaf, [0; 4]), [0; 4]);
    }
    // The hypervisor's own.
    for function in [0x4000_0000, 0x1_0000, 0x8001_0000, u32::MAX] {
        let entry = CpuidEntry { eax_in: function, eax: 1, reserved: 1, ..CpuidEntry::default() };
        assert_eq!(check(entry), (entry, Vec::new()));
    }
}

#[test]
fn the_reserved_quadword_stays() {
    let entry = CpuidEntry { eax_in: 2, reserved: 1 << 40, ..CpuidEntry::default() };
    let (checked, failures) = check(entry);
    assert_eq!(checked, entry);
    let [failure] = failures[..] else { panic!("{failures:?}") };
    assert_eq!(
        failure.to_string(),
        "entry 0, CPUID 0x2 subleaf 0x0: the reserved quadword is 0x10000000000, expected zero"
    );
}

#[test]
fn a_page() {
    let entry = |eax_in, eax| CpuidEntry { eax_in, eax, ..CpuidEntry::default() };
    let entries =
        [entry(2, 5), entry(0, 0x11), entry(0x4000_0000, 9), entry(3, 1)].map(|e| e.to_bytes());
    let mut memory = [0xee; 4096];
    let mut page = CpuidPage::create(&mut memory, CpuidEntries::new(&entries).unwrap());
    let mut failures = Vec::new();
    let mut visit = |failure: &CpuidFailure| failures.push(failure.to_string());
    assert_eq!(page.check(&CpuidTable::GENOA, PROCESSOR, &mut visit), Status::INVALID_PARAM);
    assert_eq!(
        failures,
        [
            "entry 1, CPUID 0x0 subleaf 0x0: EAX is 0x11, expected at most 0x10; corrected to 0x10",
            "entry 3, CPUID 0x3 subleaf 0x0: EAX is 0x1, expected zero, as the firmware does not know the function; corrected to 0x0",
        ]
    );
    let none = &mut |failure: &CpuidFailure| panic!("{failure}");
    assert_eq!(page.check(&CpuidTable::GENOA, PROCESSOR, none), Status::SUCCESS);
    assert_eq!(page.entries().iter().map(|entry| entry.eax).collect::<Vec<_>>(), [5, 0x10, 9, 0]);
    assert!(std::format!("{page:?}").contains("eax_in: 1073741824"));

    assert_eq!(memory[..0x14], [4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
    assert!(memory[0x10 + 4 * 48..].iter().all(|byte| *byte == 0));
    assert_eq!(CpuidPage::open(&mut memory).unwrap().entries().len(), 4);
}

#[test]
fn counts() {
    let mut memory = [0; 4096];
    let full = std::vec![[0; CpuidEntry::LEN]; 64];
    assert_eq!(
        CpuidPage::create(&mut memory, CpuidEntries::new(&full).unwrap()).entries().len(),
        64
    );
    for found in [65, u32::MAX] {
        memory[..4].copy_from_slice(&found.to_le_bytes());
        let error = CpuidPage::open(&mut memory).unwrap_err();
        assert_eq!(error, CpuidCountError { found });
        let text = std::format!("CPUID page, offset 0x0: {found} entries, expected at most 64");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn what_is_expected_in_words() {
    let words = |function, subleaf, register: usize| {
        let rows = CpuidTable::GENOA.rows;
        let row = rows.iter().find(|row| (row.function, row.subleaf) == (function, subleaf));
        row.unwrap().rules[register].to_string()
    };
    assert_eq!(words(2, 0, 0), "anything");
    assert_eq!(words(5, 0, 2), "none of the bits 0xfffffffc");
    assert_eq!(words(1, 0, 1), "0x8 in bits 15:8 and none of the bits 0xff");
    assert_eq!(words(0x8000_0022, 0, 1), "at most 0x6 in bits 3:0, at most 0x10 in bits 9:4");
    assert_eq!(
        words(0xd, 0, 0),
        "the bits 0x3 and no bits but 0x2e7 and none of the bits 0xfffffd18"
    );
    assert_eq!(words(0xd, 0, 1), "the size of the XSAVE area of XCR0_IN");
    assert!(words(1, 0, 0).starts_with("a processor that is not newer than the real one"));
}

/// Fields of a table of one's own: every bit, and values that do not fit.
#[test]
fn fields_of_ones_own() {
    static FIELDS: [BitField; 2] = [BitField::new(31, 8, 3..=5), BitField::new(7, 7, 1..=1)];
    let bound = Bound::Fields(&FIELDS);
    assert_eq!(bound.to_string(), "0x3 to 0x5 in bits 31:8, 0x1 in bits 7:7");
    let correct = |value| bound.correct(value, PROCESSOR, 0, 0);
    assert_eq!(correct(0x2ff), 0x5ff);
    assert_eq!(correct(0x07f), 0x5ff);
    assert_eq!(correct(0x3aa), 0x3aa);
    assert_eq!(correct(u32::MAX), 0x5ff);

    let whole = BitField::new(31, 0, 7..=u32::MAX);
    assert_eq!((whole.correct(6), whole.correct(7)), (u32::MAX, 7));
    let top = BitField::new(31, 31, 0..=0);
    assert_eq!(top.correct(u32::MAX), u32::MAX >> 1);
    for (high, low, min, max) in [
        (32, 0, 0, 0),
        (0, 1, 0, 0),
        (u32::MAX, 40, 0, 0),
        (7, 0, 0, 0x100),
        (7, 4, 16, 16),
        (31, 0, 2, 1),
    ] {
        let made = std::panic::catch_unwind(|| BitField::new(high, low, min..=max));
        assert!(made.is_err(), "{high}:{low}, {min} to {max}");
    }
}
