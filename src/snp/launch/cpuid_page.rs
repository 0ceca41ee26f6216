//! The CPUID page: what a guest is told of its processor, and what the firmware finds acceptable of it.

use core::fmt;

use crate::addr::Page;
use crate::image::CpuSignature;
use crate::snp::message::{CpuidEntries, CpuidEntry};
use crate::status::Status;
use crate::wire::{field, field_mut, get_u32};

/// Bytes of the entries, used or not.
const ENTRIES_LEN: usize = CpuidEntries::MAX * CpuidEntry::LEN;

/// The functions that the firmware looks at; others are the hypervisor's.
const CHECKED: [core::ops::RangeInclusive<u32>; 2] = [0..=0xffff, 0x8000_0000..=0x8000_ffff];

/// A CPUID page (AMD 56860, "CPUID Page").
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 4 | COUNT, at most 64 |
/// | 4 | 12 | zero |
/// | 10h | 64 times 48 | entries: [`CpuidEntry`] |
///
/// Only type and address of the page are measured. The firmware checks each entry instead, and
/// SNP_LAUNCH_UPDATE fails with `INVALID_PARAM` if one is not acceptable; the page then holds what would be.
/// Guests ask the same of their firmware by MSG_CPUID_REQ.
///
/// ```
/// use sevcrypt::image::CpuSignature;
/// use sevcrypt::snp::launch::{CpuidPage, CpuidTable};
/// use sevcrypt::snp::message::{CpuidEntries, CpuidEntry};
/// use sevcrypt::Status;
///
/// // A hypervisor that offers more than 0x10 standard functions.
/// let highest = CpuidEntry { eax_in: 0, eax: 0x20, ..CpuidEntry::default() };
/// let entries = [highest.to_bytes()];
/// let mut memory = [0; 4096];
/// let mut page = CpuidPage::create(&mut memory, CpuidEntries::new(&entries).ok_or("too many")?);
///
/// let genoa = CpuSignature(0x00a1_0f10);
/// let mut words = String::new();
/// let status = page.check(&CpuidTable::GENOA, genoa, &mut |failure| words = failure.to_string());
/// assert_eq!(status, Status::INVALID_PARAM);
/// assert_eq!(words, "entry 0, CPUID 0x0 subleaf 0x0: EAX is 0x20, expected at most 0x10; corrected to 0x10");
/// assert_eq!(page.check(&CpuidTable::GENOA, genoa, &mut |_| {}), Status::SUCCESS);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CpuidPage<'a> {
    bytes: &'a mut Page,
    count: usize,
}

impl<'a> CpuidPage<'a> {
    /// A page that holds these entries.
    #[must_use]
    pub fn create(bytes: &'a mut Page, entries: CpuidEntries<'_>) -> Self {
        *bytes = [0; 4096];
        *field_mut::<0, 4, _>(bytes) = (entries.len() as u32).to_le_bytes();
        let mut page = Self { bytes, count: entries.len() };
        for (to, from) in page.entries_mut().iter_mut().zip(entries.iter()) {
            *to = from.to_bytes();
        }
        page
    }

    /// A page that a hypervisor made. MODEL: what stands behind its entries, and in the twelve bytes behind
    /// COUNT, is not looked at.
    ///
    /// # Errors
    /// COUNT is more than 64.
    pub fn open(bytes: &'a mut Page) -> Result<Self, CpuidCountError> {
        let found = get_u32::<0, _>(bytes);
        let count = usize::try_from(found).unwrap_or(usize::MAX);
        match count <= CpuidEntries::MAX {
            true => Ok(Self { bytes, count }),
            false => Err(CpuidCountError { found }),
        }
    }

    /// The entries.
    #[must_use]
    pub fn entries(&self) -> CpuidEntries<'_> {
        let entries = field::<0x10, ENTRIES_LEN, _>(self.bytes).as_chunks().0;
        entries.get(..self.count).and_then(CpuidEntries::new).unwrap_or(CpuidEntries::empty())
    }

    fn entries_mut(&mut self) -> &mut [[u8; CpuidEntry::LEN]] {
        let entries = field_mut::<0x10, ENTRIES_LEN, _>(self.bytes).as_chunks_mut().0;
        entries.get_mut(..self.count).unwrap_or_default()
    }

    /// Checks every entry as the firmware of a processor does: shows each field that fails, and corrects it in
    /// the page. The status is `INVALID_PARAM` if one failed; the firmware then leaves the launch digest as it
    /// was.
    ///
    /// `processor` is what the processor itself says in CPUID Fn0000_0001 EAX.
    pub fn check(
        &mut self,
        table: &CpuidTable<'_>,
        processor: CpuSignature,
        visit: &mut dyn FnMut(&CpuidFailure),
    ) -> Status {
        let mut status = Status::SUCCESS;
        for (number, bytes) in self.entries_mut().iter_mut().enumerate() {
            let mut entry = CpuidEntry::from_bytes(bytes);
            table.check(&mut entry, processor, &mut |failure| {
                status = Status::INVALID_PARAM;
                visit(&CpuidFailure { entry: number, ..*failure });
            });
            *bytes = entry.to_bytes();
        }
        status
    }
}

impl fmt::Debug for CpuidPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries().iter()).finish()
    }
}

/// A page whose COUNT is more than the 64 entries that it has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuidCountError {
    /// COUNT.
    pub found: u32,
}

impl fmt::Display for CpuidCountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CPUID page, offset 0x0: {} entries, expected at most 64", self.found)
    }
}

impl core::error::Error for CpuidCountError {}

/// What the firmware of a product accepts of each function: data, which a caller can have of their own.
///
/// Only that of Genoa is published ([`CpuidTable::GENOA`]); those of other products are unknown.
#[derive(Clone, Copy, Debug)]
pub struct CpuidTable<'a> {
    /// A row for each function and subleaf. A function that has none, in the ranges 0 to FFFFh and 8000_0000h
    /// to 8000_FFFFh, must be all zero; functions outside are not checked.
    pub rows: &'a [CpuidRow],
}

/// The rules of a function and subleaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuidRow {
    /// EAX_IN.
    pub function: u32,
    /// ECX_IN.
    pub subleaf: u32,
    /// Of EAX, EBX, ECX and EDX.
    pub rules: [Rule; 4],
}

/// The rule of a register: its bound, then bits that must be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What the register may be.
    pub bound: Bound,
    /// Bits that must be zero. They are cleared where they are not, after the bound's correction.
    pub reserved: u32,
}

impl Rule {
    /// A rule without reserved bits.
    #[must_use]
    pub const fn new(bound: Bound) -> Self {
        Self { bound, reserved: 0 }
    }

    /// The same rule with these reserved bits.
    #[must_use]
    pub const fn reserved(self, reserved: u32) -> Self {
        Self { reserved, ..self }
    }
}

/// What a register of a function may be, and what it is corrected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// Anything.
    Unchecked,
    /// This value.
    Exact(u32),
    /// At most this, as one number.
    AtMost(u32),
    /// No bits but these. Others are cleared.
    Mask(u32),
    /// No bits but these; where there are others, *these* are cleared. The published firmware does so for EDX
    /// of Fn0000_0007.
    InvertedMask(u32),
    /// The bits of `ones`, and beside them no bits but those of `mask`.
    MaskWith {
        /// Bits that may be set.
        mask: u32,
        /// Bits that must be.
        ones: u32,
    },
    /// Parts of the register, each with a bound of its own.
    Fields(&'static [BitField]),
    /// A processor not newer than the real one: family, then model, then stepping. The published firmware takes
    /// the sum of extended and base model, not both as digits of one number. Corrected to the real one's.
    Signature,
    /// The size of the XSAVE area that the entry's XCR0_IN asks for.
    XsaveSize,
    /// The size of the compacted XSAVE area that the entry's XCR0_IN and XSS_IN ask for.
    CompactedXsaveSize,
}

/// A part of a register: its bits, and what its value may be.
///
/// ```
/// use sevcrypt::snp::launch::{BitField, Bound, CpuidRow, CpuidTable, Rule};
///
/// // Fn8000_0008 EAX of a table of one's own: at most 48 bits of physical and 57 of linear addresses.
/// const SIZES: &[BitField] = &[BitField::new(7, 0, 0..=48), BitField::new(15, 8, 0..=57)];
/// const ANY: Rule = Rule::new(Bound::Unchecked);
/// const ROWS: &[CpuidRow] = &[CpuidRow {
///     function: 0x8000_0008,
///     subleaf: 0,
///     rules: [Rule::new(Bound::Fields(SIZES)), ANY, ANY, ANY],
/// }];
/// let table = CpuidTable { rows: ROWS };
/// # let _ = table;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitField {
    low: u32,
    high: u32,
    min: u32,
    max: u32,
}

impl BitField {
    /// Bits `high` to `low` of a register, whose value must be one of `values`. Another is corrected to the last of
    /// them.
    ///
    /// # Panics
    /// There are no such bits or no such values: `high` is below `low` or above 31, or `values` are none, or more than
    /// the bits can hold. (In a constant that is an error of the compiler's.)
    #[must_use]
    pub const fn new(high: u32, low: u32, values: core::ops::RangeInclusive<u32>) -> Self {
        let (min, max) = (*values.start(), *values.end());
        assert!(low <= high && high < u32::BITS, "bits of a register");
        assert!(min <= max && max <= u32::MAX >> (31 - (high - low)), "values of these bits");
        Self { low, high, min, max }
    }

    const fn mask(self) -> u32 {
        (u32::MAX >> (31 - (self.high - self.low))) << self.low
    }

    fn correct(self, register: u32) -> u32 {
        let value = (register & self.mask()) >> self.low;
        match (self.min..=self.max).contains(&value) {
            true => register,
            false => register & !self.mask() | self.max << self.low,
        }
    }
}

/// A field of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CpuidField {
    /// EAX.
    Eax,
    /// EBX.
    Ebx,
    /// ECX.
    Ecx,
    /// EDX.
    Edx,
    /// The reserved quadword. It stays as it is.
    Reserved,
}

/// What was expected of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// Zero: the table has no row for the function and subleaf, or the field is the reserved one.
    Zero,
    /// The register's rule.
    Rule(Rule),
}

/// A field of a CPUID page that the firmware does not accept.
///
/// ```
/// use sevcrypt::image::CpuSignature;
/// use sevcrypt::snp::launch::{Bound, CpuidCountError, CpuidField, CpuidPage, CpuidRow, CpuidTable, Expected, Rule};
///
/// // A page of a hypervisor's, with one entry: function 1.
/// let mut memory = [0; 4096];
/// (memory[0], memory[16]) = (1, 1);
/// let mut page = CpuidPage::open(&mut memory)?;
/// let zero = Rule::new(Bound::Exact(0));
/// let rules = [Rule::new(Bound::AtMost(7)).reserved(1 << 31), zero, zero, Rule::new(Bound::Exact(3))];
/// let rows = [CpuidRow { function: 1, subleaf: 0, rules }];
/// let mut failures = vec![];
/// page.check(&CpuidTable { rows: &rows }, CpuSignature(0xa10f10), &mut |failure| failures.push(*failure));
/// assert_eq!((failures[0].field, failures[0].found, failures[0].corrected), (CpuidField::Edx, 0, 3));
/// assert!(matches!(failures[0].expected, Expected::Rule(_)));
///
/// memory[0] = 65;
/// assert_eq!(CpuidPage::open(&mut memory).err(), Some(CpuidCountError { found: 65 }));
/// # Ok::<(), CpuidCountError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CpuidFailure {
    /// The entry's number, from 0.
    pub entry: usize,
    /// EAX_IN of the entry.
    pub function: u32,
    /// ECX_IN of the entry.
    pub subleaf: u32,
    /// The field.
    pub field: CpuidField,
    /// What it was.
    pub found: u64,
    /// What it should have been.
    pub expected: Expected,
    /// What the firmware made of it.
    pub corrected: u64,
}

impl CpuidTable<'_> {
    /// Checks one entry, shows each field that fails (as entry 0), and corrects it.
    pub fn check(
        &self,
        entry: &mut CpuidEntry,
        processor: CpuSignature,
        visit: &mut dyn FnMut(&CpuidFailure),
    ) {
        let (function, subleaf) = (entry.eax_in, entry.ecx_in);
        if !CHECKED.iter().any(|range| range.contains(&function)) {
            return;
        }
        let mut fail = |field, found, expected, corrected| {
            let entry = 0;
            visit(&CpuidFailure { entry, function, subleaf, field, found, expected, corrected });
        };
        if entry.reserved != 0 {
            fail(CpuidField::Reserved, entry.reserved, Expected::Zero, entry.reserved);
        }
        let row = self.rows.iter().find(|row| (row.function, row.subleaf) == (function, subleaf));
        let (xcr0, xss) = (entry.xcr0_in, entry.xss_in);
        let registers = [
            (CpuidField::Eax, &mut entry.eax),
            (CpuidField::Ebx, &mut entry.ebx),
            (CpuidField::Ecx, &mut entry.ecx),
            (CpuidField::Edx, &mut entry.edx),
        ];
        for (number, (field, register)) in registers.into_iter().enumerate() {
            let (expected, corrected) = match row.and_then(|row| row.rules.get(number)) {
                None => (Expected::Zero, 0),
                Some(rule) => {
                    let bounded = rule.bound.correct(*register, processor, xcr0, xss);
                    (Expected::Rule(*rule), bounded & !rule.reserved)
                }
            };
            if *register != corrected {
                fail(field, (*register).into(), expected, corrected.into());
                *register = corrected;
            }
        }
    }
}

impl Bound {
    /// The value itself if it is acceptable, else what the firmware writes in its place.
    fn correct(self, value: u32, processor: CpuSignature, xcr0: u64, xss: u64) -> u32 {
        match self {
            Self::Unchecked => value,
            Self::Exact(exact) => exact,
            Self::AtMost(max) => value.min(max),
            Self::Mask(mask) => value & mask,
            Self::InvertedMask(mask) if value & !mask == 0 => value,
            Self::InvertedMask(mask) => value & !mask,
            Self::MaskWith { mask, ones } => (value | ones) & mask,
            Self::Fields(fields) => fields.iter().fold(value, |value, field| field.correct(value)),
            Self::Signature if age(value) <= age(processor.0) => value,
            Self::Signature => processor.0,
            Self::XsaveSize => xsave_size(xcr0),
            Self::CompactedXsaveSize => compacted_xsave_size(xcr0, xss),
        }
    }
}

/// Family, model and stepping in the order in which the firmware compares them, with its sum of the model's digits.
const fn age(signature: u32) -> [u32; 3] {
    let family = (signature >> 8 & 0xf) + (signature >> 20 & 0xff);
    let model = (signature >> 4 & 0xf) + (signature >> 16 & 0xf);
    [family, model, signature & 0xf]
}

/// Bits of XCR0 and XSS (AMD 24593, "XCR0" and "XSS").
mod bit {
    pub(super) const AVX: u32 = 2;
    pub(super) const KREGS: u32 = 5;
    pub(super) const ZMM_HIGH: u32 = 6;
    pub(super) const HIGH_ZMM: u32 = 7;
    pub(super) const MPK: u32 = 9;
    pub(super) const CET_USER: u32 = 11;
    pub(super) const CET_SUPERVISOR: u32 = 12;
}

/// The area ends behind the highest component that is enabled.
fn xsave_size(xcr0: u64) -> u32 {
    let ends = [
        (bit::MPK, 0x988),
        (bit::HIGH_ZMM, 0x980),
        (bit::ZMM_HIGH, 0x580),
        (bit::KREGS, 0x380),
        (bit::AVX, 0x340),
    ];
    ends.iter().find(|(bit, _)| xcr0 >> bit & 1 == 1).map_or(0x240, |(_, end)| *end)
}

/// The enabled components stand one behind the other.
fn compacted_xsave_size(xcr0: u64, xss: u64) -> u32 {
    let sizes = [
        (xcr0, bit::MPK, 0x8),
        (xcr0, bit::HIGH_ZMM, 0x400),
        (xcr0, bit::ZMM_HIGH, 0x200),
        (xcr0, bit::KREGS, 0x40),
        (xcr0, bit::AVX, 0x100),
        (xss, bit::CET_USER, 0x10),
        (xss, bit::CET_SUPERVISOR, 0x18),
    ];
    let enabled = sizes.iter().filter(|(word, bit, _)| word >> bit & 1 == 1);
    enabled.fold(0x240, |sum, (_, _, size)| sum + size)
}

impl fmt::Display for CpuidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eax => "EAX",
            Self::Ebx => "EBX",
            Self::Ecx => "ECX",
            Self::Edx => "EDX",
            Self::Reserved => "the reserved quadword",
        })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unchecked => f.write_str("anything"),
            Self::Exact(exact) => write!(f, "{exact:#x}"),
            Self::AtMost(max) => write!(f, "at most {max:#x}"),
            Self::Mask(mask) | Self::InvertedMask(mask) => write!(f, "no bits but {mask:#x}"),
            Self::MaskWith { mask, ones } => {
                write!(f, "the bits {ones:#x} and no bits but {mask:#x}")
            }
            Self::Fields(fields) => {
                for (n, BitField { low, high, max, min }) in fields.iter().enumerate() {
                    f.write_str(if n == 0 { "" } else { ", " })?;
                    match min == max {
                        true => write!(f, "{max:#x} in bits {high}:{low}")?,
                        false if *min > 0 => {
                            write!(f, "{min:#x} to {max:#x} in bits {high}:{low}")?
                        }
                        false => write!(f, "at most {max:#x} in bits {high}:{low}")?,
                    }
                }
                Ok(())
            }
            Self::Signature => f.write_str("a processor that is not newer than the real one"),
            Self::XsaveSize => f.write_str("the size of the XSAVE area of XCR0_IN"),
            Self::CompactedXsaveSize => {
                f.write_str("the size of the compacted XSAVE area of XCR0_IN and XSS_IN")
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.bound, self.reserved) {
            (bound, 0) => write!(f, "{bound}"),
            (Bound::Unchecked, reserved) => write!(f, "none of the bits {reserved:#x}"),
            (bound, reserved) => write!(f, "{bound} and none of the bits {reserved:#x}"),
        }
    }
}

impl fmt::Display for CpuidFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, function, subleaf, field, found, expected, corrected } = self;
        write!(f, "entry {entry}, CPUID {function:#x} subleaf {subleaf:#x}: ")?;
        write!(f, "{field} is {found:#x}, expected ")?;
        match (expected, field) {
            (Expected::Zero, CpuidField::Reserved) => return f.write_str("zero"),
            (Expected::Zero, _) => {
                f.write_str("zero, as the firmware does not know the function")?
            }
            (Expected::Rule(rule), _) => write!(f, "{rule}")?,
        }
        write!(f, "; corrected to {corrected:#x}")
    }
}

#[cfg(test)]
mod tests;
