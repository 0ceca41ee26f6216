//! One small error type per concern. None holds a secret; each says what was wrong, where, and what was
//! expected.

use core::fmt;

use crate::key::KeySize;

/// A number that is no physical address: it has a bit at or above bit 52.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressError {
    /// The number that was given.
    pub addr: u64,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x} is not a physical address: it must be below 2^52", self.addr)
    }
}

impl core::error::Error for AddressError {}

/// Keys, tweak and mode that do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// XTS with the same data key and tweak key (forbidden by FIPS 140; it voids XTS's proof).
    EqualKeys,
    /// XTS whose data key and tweak key differ in size.
    KeySizes {
        /// Size of the data key.
        data: KeySize,
        /// Size of the tweak key.
        tweak: KeySize,
    },
    /// XE or XEX with an XTS tweak.
    LinearTweakNeeded,
    /// XTS with a linear tweak.
    XtsTweakNeeded,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EqualKeys => f.write_str("XTS needs a tweak key that differs from the data key"),
            Self::KeySizes { data, tweak } => write!(
                f,
                "XTS needs two keys of one size, but the data key is {data} and the tweak key {tweak}"
            ),
            Self::LinearTweakNeeded => f.write_str(
                "XE and XEX need a linear tweak (constants per address bit), not an XTS one",
            ),
            Self::XtsTweakNeeded => {
                f.write_str("XTS needs a tweak with a key and a unit, not a linear one")
            }
        }
    }
}

impl core::error::Error for KeyError {}

/// A table of tweak constants that is too long: there is one per physical address bit from 4 to 51.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TweakTableError {
    /// The number of constants that were given.
    pub constants: usize,
}

impl fmt::Display for TweakTableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} tweak constants: at most 48 are used, one per address bit from 4 to 51",
            self.constants
        )
    }
}

impl core::error::Error for TweakTableError {}

/// A range of memory that an operation does not take. Nothing has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryError {
    /// The first address is not a multiple of 16.
    UnalignedAddress {
        /// The first address.
        addr: u64,
    },
    /// The length is not a multiple of 16.
    UnalignedLength {
        /// The length in bytes.
        len: usize,
    },
    /// The range goes beyond what the tweak is defined for: the table of constants, or 52 bits.
    BeyondTweak {
        /// The first address.
        addr: u64,
        /// The length in bytes.
        len: usize,
        /// The number of address bits that the tweak has: addresses must be below 2^bits.
        bits: u32,
    },
    /// Source and destination have different lengths.
    Lengths {
        /// Length of the source in bytes.
        src: usize,
        /// Length of the destination in bytes.
        dst: usize,
    },
    /// Source and destination overlap without being the same.
    Overlap {
        /// How many bytes the destination begins after the source (negative: before it).
        distance: isize,
        /// The length in bytes of both.
        len: usize,
    },
    /// The range leaves the page that the kept [`PageTweak`](crate::mem::PageTweak) belongs to.
    OtherPage {
        /// First address of the page.
        page: u64,
        /// The first address of the range.
        addr: u64,
        /// The length in bytes of the range.
        len: usize,
    },
    /// A [`PageTweak`](crate::mem::PageTweak) of one kind of tweak, and a cipher with another.
    OtherTweak,
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnalignedAddress { addr } => {
                write!(f, "address {addr:#x} is not a multiple of 16")
            }
            Self::UnalignedLength { len } => {
                write!(f, "a length of {len} bytes is not a multiple of 16")
            }
            Self::BeyondTweak { addr, len, bits } => write!(
                f,
                "{len} bytes at {addr:#x} go beyond the tweak: it has {bits} address bits, so addresses must be below {:#x}",
                1u64 << bits
            ),
            Self::Lengths { src, dst } => {
                write!(
                    f,
                    "the source has {src} bytes and the destination {dst}: they must be equal"
                )
            }
            Self::Overlap { distance, len } => write!(
                f,
                "source and destination of {len} bytes overlap, {distance} bytes apart: they must be the same or disjoint"
            ),
            Self::OtherPage { page, addr, len } => {
                write!(f, "{len} bytes at {addr:#x} are not inside the page at {page:#x}")
            }
            Self::OtherTweak => f.write_str(
                "the kept page tweak was made by another kind of tweak than the cipher's",
            ),
        }
    }
}

impl core::error::Error for MemoryError {}

/// One entry of a list that an operation does not take. Nothing has been written, for no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunError {
    /// Which entry, counted from 0.
    pub index: usize,
    /// What is wrong with it.
    pub error: MemoryError,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.index, self.error)
    }
}

impl core::error::Error for RunError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}
