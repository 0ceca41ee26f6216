//! Segment registers of a save area.

use core::fmt;

use crate::wire::{field, get_u32, get_u64};

/// A segment register, or a descriptor table register, as a save area has it (AMD APM volume 2, Table B-4).
///
/// ```
/// use sevcrypt::vmsa::{Segment, Vmsa};
///
/// let mut vmsa = Vmsa::ZERO;
/// vmsa.set_cs(Segment { selector: 0xf000, attributes: 0x9b, limit: 0xffff, base: 0xffff_0000 });
/// assert_eq!(
///     vmsa.cs().to_string(),
///     "selector 0xf000 attributes 0x9b limit 0xffff base 0xffff0000",
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Segment {
    /// The visible part.
    pub selector: u16,
    /// Twelve bits of the descriptor, without its limit between them: type 3:0, S 4, DPL 6:5, P 7, AVL 8, L 9, D/B 10,
    /// G 11.
    pub attributes: u16,
    /// In bytes, the granularity already applied.
    pub limit: u32,
    /// Linear address.
    pub base: u64,
}

impl Segment {
    /// As it stands in a save area.
    pub(super) fn from_bytes(bytes: &[u8; 16]) -> Self {
        Self {
            selector: u16::from_le_bytes(*field::<0, 2, _>(bytes)),
            attributes: u16::from_le_bytes(*field::<2, 2, _>(bytes)),
            limit: get_u32::<4, _>(bytes),
            base: get_u64::<8, _>(bytes),
        }
    }

    pub(super) const fn to_bytes(self) -> [u8; 16] {
        let value = self.selector as u128
            | (self.attributes as u128) << 16
            | (self.limit as u128) << 32
            | (self.base as u128) << 64;
        value.to_le_bytes()
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { selector, attributes, limit, base } = self;
        write!(
            f,
            "selector {selector:#x} attributes {attributes:#x} limit {limit:#x} base {base:#x}"
        )
    }
}
