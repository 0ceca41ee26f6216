//! What Genoa's firmware accepts of a CPUID page (AMD's published firmware 1.55.25).

use super::cpuid_page::{BitField, Bound, CpuidRow, CpuidTable, Rule};

const U: Rule = Rule::new(Bound::Unchecked);

const fn exact(value: u32) -> Rule {
    Rule::new(Bound::Exact(value))
}

const fn at_most(max: u32) -> Rule {
    Rule::new(Bound::AtMost(max))
}

const fn mask(mask: u32) -> Rule {
    Rule::new(Bound::Mask(mask))
}

const fn fields(fields: &'static [BitField]) -> Rule {
    Rule::new(Bound::Fields(fields))
}

const fn field_is(low: u32, bits: u32, value: u32) -> BitField {
    BitField::new(low + bits - 1, low, value..=value)
}

const fn field_at_most(low: u32, bits: u32, max: u32) -> BitField {
    BitField::new(low + bits - 1, low, 0..=max)
}

const fn row(function: u32, subleaf: u32, rules: [Rule; 4]) -> CpuidRow {
    CpuidRow { function, subleaf, rules }
}

/// Fn0000_0001 EBX: quadwords that CLFLUSH flushes.
const CLFLUSH: &[BitField] = &[field_is(8, 8, 8)];

/// Fn8000_0008 EAX: bits of physical, linear and guest physical addresses.
const ADDRESS_SIZES: &[BitField] =
    &[field_at_most(0, 8, 0x34), field_at_most(8, 8, 0x39), field_at_most(16, 8, 0xff)];

/// Fn8000_0008 EDX: the most pages of INVLPGB, the highest ECX of RDPRU.
const INVLPGB: &[BitField] = &[field_at_most(0, 16, 7), field_at_most(16, 8, 1)];

/// Fn8000_001F EBX: the C-bit's place and the number of VMPLs. Bits 11:6, by which addresses become shorter, are free.
const ENCRYPTION: &[BitField] =
    &[field_is(0, 6, 0x33), field_at_most(12, 4, 4), field_is(16, 16, 0)];

/// Fn8000_0022 EBX: core performance counters, branch records.
const PERFORMANCE_COUNTERS: &[BitField] = &[field_at_most(0, 4, 6), field_at_most(4, 6, 0x10)];

impl CpuidTable<'static> {
    /// Genoa's. The two bits that an operating system sees change at run time, OSXSAVE and OSPKE, and the
    /// hypervisor's bit of Fn0000_0001 ECX are free.
    pub const GENOA: Self = Self { rows: GENOA };
}

const GENOA: &[CpuidRow] = &[
    row(0, 0x0, [at_most(0x10), U, U, U]),
    row(
        1,
        0x0,
        [
            Rule::new(Bound::Signature).reserved(0xf000_f000),
            fields(CLFLUSH).reserved(0xff),
            mask(0xfefa_320b).reserved(0x0105_cdf4),
            mask(0x178b_fbff).reserved(0xe874_0400),
        ],
    ),
    row(2, 0x0, [U, U, U, U]),
    row(4, 0x0, [U, U, U, U]),
    row(
        5,
        0x0,
        [
            U.reserved(0xffff_0000),
            U.reserved(0xffff_0000),
            U.reserved(0xffff_fffc),
            U.reserved(0xffff_ff00),
        ],
    ),
    row(
        6,
        0x0,
        [
            mask(4).reserved(0xffff_fffb),
            exact(0).reserved(0xffff_ffff),
            mask(1).reserved(0xffff_fffe),
            exact(0).reserved(0xffff_ffff),
        ],
    ),
    row(
        7,
        0x0,
        [
            at_most(1),
            mask(0xf1bf_97a9).reserved(0x0e00_6846),
            mask(0x0041_5fde).reserved(0xffbe_a021),
            Rule::new(Bound::InvertedMask(0x1000_0010)).reserved(0xefff_ffef),
        ],
    ),
    row(
        7,
        0x1,
        [
            mask(0x20).reserved(0xffff_ffdf),
            exact(0).reserved(0xffff_ffff),
            exact(0).reserved(0xffff_ffff),
            exact(0).reserved(0xffff_ffff),
        ],
    ),
    row(0xb, 0x0, [U.reserved(0xffff_ffe0), U.reserved(0xffff_0000), U.reserved(0xffff_0000), U]),
    row(0xb, 0x1, [U.reserved(0xffff_ffe0), U.reserved(0xffff_0000), U.reserved(0xffff_0000), U]),
    row(0xb, 0x2, [U.reserved(0xffff_ffe0), U.reserved(0xffff_0000), U.reserved(0xffff_0000), U]),
    row(
        0xd,
        0x0,
        [
            Rule::new(Bound::MaskWith { mask: 0x2e7, ones: 3 }).reserved(0xffff_fd18),
            Rule::new(Bound::XsaveSize),
            U,
            exact(0),
        ],
    ),
    row(
        0xd,
        0x1,
        [
            mask(0xf).reserved(0xffff_fff0),
            Rule::new(Bound::CompactedXsaveSize),
            mask(0x1800),
            mask(0),
        ],
    ),
    row(
        0xd,
        0x2,
        [
            exact(0x100),
            exact(0x240),
            exact(0).reserved(0xffff_fffc),
            exact(0).reserved(0xffff_ffff),
        ],
    ),
    row(
        0xd,
        0x5,
        [exact(0x40), exact(0x340), mask(3).reserved(0xffff_fffc), exact(0).reserved(0xffff_ffff)],
    ),
    row(
        0xd,
        0x6,
        [exact(0x200), exact(0x380), mask(3).reserved(0xffff_fffc), exact(0).reserved(0xffff_ffff)],
    ),
    row(
        0xd,
        0x7,
        [exact(0x400), exact(0x580), mask(3).reserved(0xffff_fffc), exact(0).reserved(0xffff_ffff)],
    ),
    row(
        0xd,
        0x9,
        [exact(8), exact(0x980), exact(0).reserved(0xffff_fffc), exact(0).reserved(0xffff_ffff)],
    ),
    row(
        0xd,
        0xb,
        [exact(0x10), exact(0), exact(1).reserved(0xffff_fffc), exact(0).reserved(0xffff_ffff)],
    ),
    row(
        0xd,
        0xc,
        [exact(0x18), exact(0), exact(1).reserved(0xffff_fffc), exact(0).reserved(0xffff_ffff)],
    ),
    row(
        0xf,
        0x0,
        [
            exact(0).reserved(0xffff_ffff),
            U,
            exact(0).reserved(0xffff_ffff),
            U.reserved(0xffff_fffd),
        ],
    ),
    row(0xf, 0x1, [U.reserved(0xffff_fe00), U, U, U.reserved(0xffff_fff8)]),
    row(
        0x10,
        0x0,
        [
            exact(0).reserved(0xffff_ffff),
            U.reserved(0xffff_fff9),
            exact(0).reserved(0xffff_ffff),
            exact(0).reserved(0xffff_ffff),
        ],
    ),
    row(0x10, 0x1, [U.reserved(0xffff_ffe0), U, U.reserved(0xffff_fffb), U.reserved(0xffff_0000)]),
    row(0x8000_0000, 0x0, [at_most(0x8000_0028), U, U, U]),
    row(
        0x8000_0001,
        0x0,
        [
            Rule::new(Bound::Signature).reserved(0xf000_f000),
            U.reserved(0x0fff_ffff),
            mask(0x75c2_37ff).reserved(0x803c_4000),
            mask(0x2fd3_fbff).reserved(0x102c_0400),
        ],
    ),
    row(0x8000_0002, 0x0, [U, U, U, U]),
    row(0x8000_0003, 0x0, [U, U, U, U]),
    row(0x8000_0004, 0x0, [U, U, U, U]),
    row(0x8000_0005, 0x0, [U, U, U, U]),
    row(0x8000_0006, 0x0, [U, U, U, U.reserved(0x0003_0000)]),
    row(
        0x8000_0007,
        0x0,
        [
            exact(0).reserved(0xffff_ffff),
            mask(0x3b).reserved(0xffff_ffc0),
            U,
            mask(0x6799).reserved(0xffff_8026),
        ],
    ),
    row(
        0x8000_0008,
        0x0,
        [
            fields(ADDRESS_SIZES).reserved(0xff00_0000),
            mask(0x79be_f35f).reserved(0x0600_08a0),
            U.reserved(0xfffc_0f00),
            fields(INVLPGB).reserved(0xff00_0000),
        ],
    ),
    row(
        0x8000_000a,
        0x0,
        [
            U.reserved(0xffff_ff00),
            U,
            exact(0).reserved(0xffff_ffff),
            mask(0x1fbf_bcff).reserved(0xe040_4300),
        ],
    ),
    row(0x8000_0019, 0x0, [U, U, exact(0).reserved(0xffff_ffff), exact(0).reserved(0xffff_ffff)]),
    row(
        0x8000_001a,
        0x0,
        [
            U.reserved(0xffff_fff8),
            exact(0).reserved(0xffff_ffff),
            exact(0).reserved(0xffff_ffff),
            exact(0).reserved(0xffff_ffff),
        ],
    ),
    row(
        0x8000_001b,
        0x0,
        [
            mask(0xbff).reserved(0xffff_f000),
            exact(0).reserved(0xffff_ffff),
            exact(0).reserved(0xffff_ffff),
            exact(0).reserved(0xffff_ffff),
        ],
    ),
    row(0x8000_001d, 0x0, [U.reserved(0xfc00_3c00), U, U, U.reserved(0xffff_fffc)]),
    row(0x8000_001d, 0x1, [U.reserved(0xfc00_3c00), U, U, U.reserved(0xffff_fffc)]),
    row(0x8000_001d, 0x2, [U.reserved(0xfc00_3c00), U, U, U.reserved(0xffff_fffc)]),
    row(0x8000_001d, 0x3, [U.reserved(0xfc00_3c00), U, U, U.reserved(0xffff_fffc)]),
    row(
        0x8000_001d,
        0x4,
        [
            U.reserved(0xffff_fff0),
            exact(0).reserved(0xffff_ffff),
            U,
            exact(0).reserved(0xffff_ffff),
        ],
    ),
    row(
        0x8000_001e,
        0x0,
        [U, U.reserved(0xffff_0000), U.reserved(0xffff_f800), U.reserved(0xffff_ffff)],
    ),
    row(
        0x8000_001f,
        0x0,
        [mask(0x030f_ffff).reserved(0xfcf0_0000), fields(ENCRYPTION).reserved(0xffff_0000), U, U],
    ),
    row(
        0x8000_0020,
        0x0,
        [
            exact(0).reserved(0xffff_ffff),
            U.reserved(0xffff_ffe1),
            exact(0).reserved(0xffff_ffff),
            exact(0).reserved(0xffff_ffff),
        ],
    ),
    row(0x8000_0020, 0x1, [U, exact(0).reserved(0xffff_ffff), exact(0).reserved(0xffff_ffff), U]),
    row(0x8000_0020, 0x2, [U, exact(0).reserved(0xffff_ffff), exact(0).reserved(0xffff_ffff), U]),
    row(0x8000_0020, 0x3, [exact(0), U, mask(0x7f).reserved(0xffff_ff80), exact(0)]),
    row(
        0x8000_0021,
        0x0,
        [
            mask(0x1806_2fcf).reserved(0xe7f9_d020),
            U.reserved(0xffff_f000),
            exact(0).reserved(0xffff_ffff),
            exact(0).reserved(0xffff_ffff),
        ],
    ),
    row(
        0x8000_0022,
        0x0,
        [mask(7).reserved(0xffff_fff8), fields(PERFORMANCE_COUNTERS), U, exact(0)],
    ),
    row(
        0x8000_0023,
        0x0,
        [
            mask(1).reserved(0xffff_fffe),
            U,
            exact(0).reserved(0xffff_ffff),
            exact(0).reserved(0xffff_ffff),
        ],
    ),
    row(
        0x8000_0024,
        0x0,
        [
            at_most(1),
            mask(1).reserved(0xffff_fffe),
            mask(3).reserved(0xffff_fffc),
            exact(0).reserved(0xffff_ffff),
        ],
    ),
    row(
        0x8000_0024,
        0x1,
        [
            mask(0x1ff).reserved(0xffff_fe00),
            exact(0).reserved(0xffff_ffff),
            exact(0).reserved(0xffff_ffff),
            exact(0).reserved(0xffff_ffff),
        ],
    ),
    row(0x8000_0026, 0x0, [U, U, U, U]),
    row(0x8000_0026, 0x1, [U, U, U, U]),
    row(0x8000_0026, 0x2, [U, U, U, U]),
    row(0x8000_0026, 0x3, [U, U, U, U]),
];
