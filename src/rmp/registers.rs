//! Where an RMP stands in memory: its registers, and the addresses of entries (AMD APM volume 2, section 15.36).

use core::fmt;
use core::ops::Range;

use crate::addr::PAGE;

/// Bytes in front of the first entry, which hardware and firmware keep for themselves.
const BOOKKEEPING: u64 = 16 << 10;
/// Bytes of an entry.
const ENTRY: u64 = super::Entry::LEN as u64;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Why a register's value is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegisterError {
    /// RMP_BASE or RMP_END is not at the border of 8 KiB, or above 2^52.
    Alignment,
    /// The range has no room for an entry.
    Length,
    /// A reserved bit is set.
    Reserved,
    /// RMP_SEGMENT_SIZE is outside of the CPU's limits: #GP(0).
    SegmentSize,
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alignment => "RMP_BASE and RMP_END + 1 must be multiples of 8 KiB below 2^52",
            Self::Length => "from RMP_BASE to RMP_END there is no room for an entry behind 16 KiB",
            Self::Reserved => "a reserved bit is set",
            Self::SegmentSize => "RMP_SEGMENT_SIZE must be within the limits of CPUID 8000_0025h",
        })
    }
}

impl core::error::Error for RegisterError {}

/// Where an unsegmented RMP stands: RMP_BASE (MSR C001_0132h) and RMP_END (C001_0133h).
///
/// ```
/// use sevcrypt::rmp::RmpRange;
///
/// // A table for 4 GiB.
/// let rmp = RmpRange::new(0x10_0000, 0x0110_3fff)?;
/// assert_eq!(rmp.pages(), 1 << 20);
/// assert_eq!(rmp.entry_address(0x1234_5000), Some(0x0022_7450));
/// assert_eq!(rmp.entry_address(1 << 32), None, "not covered");
/// # Ok::<(), sevcrypt::rmp::RegisterError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RmpRange {
    base: u64,
    end: u64,
}

impl RmpRange {
    /// From both registers; `end` is the address of the last byte.
    ///
    /// # Errors
    /// [`RegisterError::Alignment`], [`RegisterError::Length`]
    pub const fn new(base: u64, end: u64) -> Result<Self, RegisterError> {
        const ALIGN: u64 = 8 << 10;
        let Some(behind) = end.checked_add(1) else { return Err(RegisterError::Alignment) };
        if behind > 1 << 52 || !base.is_multiple_of(ALIGN) || !behind.is_multiple_of(ALIGN) {
            return Err(RegisterError::Alignment);
        }
        match behind.checked_sub(base) {
            Some(bytes) if bytes > BOOKKEEPING => Ok(Self { base, end }),
            _ => Err(RegisterError::Length),
        }
    }

    /// RMP_BASE.
    #[must_use]
    pub const fn base(self) -> u64 {
        self.base
    }

    /// RMP_END.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.end
    }

    /// Its bytes, for [`Rmp::placed`](super::Rmp::placed).
    #[must_use]
    pub const fn bytes(self) -> Range<u64> {
        self.base..self.end + 1
    }

    /// Whether the firmware takes it: its begin and its length are multiples of 1 MiB (AMD's published firmware, `sev_rmp.c`).
    #[must_use]
    pub const fn is_whole_mib(self) -> bool {
        self.base.is_multiple_of(MIB) && (self.end + 1).is_multiple_of(MIB)
    }

    /// How many pages of 4 KiB it covers, from address 0 on.
    #[must_use]
    pub const fn pages(self) -> u64 {
        (self.end + 1 - self.base - BOOKKEEPING) / ENTRY
    }

    /// The address of a page's entry; `None` where nothing is covered.
    #[must_use]
    pub const fn entry_address(self, spa: u64) -> Option<u64> {
        let page = spa / PAGE as u64;
        if page < self.pages() { Some(self.base + BOOKKEEPING + page * ENTRY) } else { None }
    }
}

/// Which sizes of segments a CPU has: CPUID 8000_0025h EAX, both as log2 of bytes. (The APM says MiB; what Linux does with
/// it on AMD's hardware says bytes.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SegmentLimits {
    /// The smallest.
    pub min: u32,
    /// The largest.
    pub max: u32,
}

impl SegmentLimits {
    /// From EAX: bits 5:0 and 11:6.
    #[must_use]
    pub const fn from_eax(eax: u32) -> Self {
        Self { min: eax & 0x3f, max: eax >> 6 & 0x3f }
    }
}

/// RMP_CFG (MSR C001_0136h): whether the RMP is segmented, and how large segments are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RmpConfig {
    shift: Option<u32>,
}

impl RmpConfig {
    /// What a write of the register makes: bit 0 SEGMENTED_RMP_EN, bits 13:8 RMP_SEGMENT_SIZE, log2 of bytes.
    ///
    /// # Errors
    /// #GP(0): [`RegisterError::Reserved`] if another bit is set; [`RegisterError::SegmentSize`] for segments outside of the limits, or too
    /// large for addresses of 52 bits.
    pub const fn from_msr(value: u64, limits: SegmentLimits) -> Result<Self, RegisterError> {
        let shift = (value >> 8 & 0x3f) as u32;
        if value & !0x3f01 != 0 {
            return Err(RegisterError::Reserved);
        }
        if value & 1 == 0 {
            return Ok(Self { shift: None });
        }
        if shift < limits.min || shift > limits.max || shift > 52 {
            return Err(RegisterError::SegmentSize);
        }
        Ok(Self { shift: Some(shift) })
    }

    /// log2 of a segment's bytes; `None` if the RMP is not segmented.
    #[must_use]
    pub const fn segment_shift(self) -> Option<u32> {
        self.shift
    }

    /// Which segment an address is in, and where there; `None` if the RMP is not segmented, or has no such segment.
    ///
    /// ```
    /// use sevcrypt::rmp::{RmpConfig, Segment, SegmentLimits};
    ///
    /// let config = RmpConfig::from_msr(37 << 8 | 1, SegmentLimits { min: 36, max: 40 })?;
    /// assert_eq!(config.segment(0x100_1234_5000), Some((8, 0x1234_5000)));
    ///
    /// let segment = Segment::from_entry(0x55b0_0000 | 128)?;
    /// assert_eq!(segment.entry_address(config, 0x100_1234_5000), Some(0x55c2_3450));
    /// # Ok::<(), sevcrypt::rmp::RegisterError>(())
    /// ```
    #[must_use]
    pub const fn segment(self, spa: u64) -> Option<(usize, u64)> {
        match self.shift {
            Some(shift) if spa >> shift < Segment::COUNT as u64 => {
                Some(((spa >> shift) as usize, spa & ((1 << shift) - 1)))
            }
            _ => None,
        }
    }
}

/// An entry of the segment table (RST), which stands behind the 16 KiB at RMP_BASE.
///
/// | bits | field |
/// |---|---|
/// | 19:0 | how many GiB of the segment are covered; 0: the segment is not used |
/// | 51:20 | the address of the segment's table, in MiB |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Segment {
    /// The address of its table.
    pub base: u64,
    /// The bytes that are covered, as they are written: also more than the segment has.
    pub covered: u64,
}

impl Segment {
    /// Entries of the segment table.
    pub const COUNT: usize = 512;

    /// The address of a segment's entry in the segment table; `None` for a segment that there cannot be.
    ///
    /// ```
    /// use sevcrypt::rmp::Segment;
    ///
    /// // The entry of segment 3 in the table of segments, which begins 16 KiB behind the base that the register names.
    /// println!("{:#x?}", Segment::address(0x1_0000_0000, 3));
    /// assert_eq!(Segment::address(0x1_0000_0000, Segment::COUNT), None);
    /// ```
    #[must_use]
    pub const fn address(rmp_base: u64, segment: usize) -> Option<u64> {
        if segment >= Self::COUNT {
            return None;
        }
        rmp_base.checked_add(BOOKKEEPING + 8 * segment as u64)
    }

    /// From its entry.
    ///
    /// # Errors
    /// [`RegisterError::Reserved`] if a segment that is used has one of the bits 63:52.
    pub const fn from_entry(entry: u64) -> Result<Self, RegisterError> {
        let covered = (entry & 0xf_ffff) * GIB;
        if covered == 0 {
            return Ok(Self { base: 0, covered: 0 });
        }
        if entry >> 52 != 0 {
            return Err(RegisterError::Reserved);
        }
        Ok(Self { base: entry & !0xf_ffff, covered })
    }

    /// The address of a page's entry, if the page is in this segment; `None` where nothing is covered.
    #[must_use]
    pub const fn entry_address(self, config: RmpConfig, spa: u64) -> Option<u64> {
        match config.segment(spa) {
            Some((_, offset)) if offset < self.covered => {
                Some(self.base + offset / PAGE as u64 * ENTRY)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let rmp = RmpRange::new(0x10_0000, 0x0110_3fff).unwrap();
        assert_eq!(rmp.pages(), 1 << 20);
        assert_eq!(rmp.entry_address(0), Some(0x10_4000));
        assert_eq!(rmp.entry_address(0xffff_ffff), Some(0x0110_3ff0));
        assert_eq!(rmp.entry_address(0x1_0000_0000), None);
        assert_eq!(
            (rmp.base(), rmp.end(), rmp.bytes()),
            (0x10_0000, 0x0110_3fff, 0x10_0000..0x0110_4000)
        );
        assert!(!rmp.is_whole_mib());
        assert!(RmpRange::new(0x10_0000, 0x1f_ffff).unwrap().is_whole_mib());
        for (base, end, error) in [
            (0x10_1000, 0x0110_3fff, RegisterError::Alignment),
            (0x10_0000, 0x0110_3ffe, RegisterError::Alignment),
            (0x10_0000, 0x0110_2fff, RegisterError::Alignment),
            (0x10_0000, u64::MAX, RegisterError::Alignment),
            (0x10_0000, (1 << 52) + 0x1fff, RegisterError::Alignment),
            (0x10_0000, 0x10_3fff, RegisterError::Length),
            (0x10_0000, 0x0f_ffff, RegisterError::Length),
            (0x10_0000, 0x01_ffff, RegisterError::Length),
        ] {
            assert_eq!(RmpRange::new(base, end), Err(error), "{base:#x} {end:#x}");
        }
        assert_eq!(RmpRange::new(0, 0x5fff).unwrap().pages(), 512);
    }

    #[test]
    fn configs() {
        let limits = SegmentLimits::from_eax(36 | 40 << 6);
        assert_eq!(limits, SegmentLimits { min: 36, max: 40 });
        let shift = |value| RmpConfig::from_msr(value, limits).map(RmpConfig::segment_shift);
        assert_eq!(shift(0), Ok(None));
        assert_eq!(shift(0x3f00), Ok(None), "a size without segments says nothing");
        assert_eq!(shift(0x2401), Ok(Some(36)));
        assert_eq!(shift(0x2801), Ok(Some(40)));
        for value in [0x2301, 0x2901, 0x3f01, 0x0001] {
            assert_eq!(shift(value), Err(RegisterError::SegmentSize), "{value:#x}");
        }
        for bit in (1..8).chain(14..64) {
            assert_eq!(shift(0x2501 | 1 << bit), Err(RegisterError::Reserved), "bit {bit}");
        }
        let wide = SegmentLimits { min: 0, max: 63 };
        assert_eq!(RmpConfig::from_msr(53 << 8 | 1, wide), Err(RegisterError::SegmentSize));
        let largest = RmpConfig::from_msr(52 << 8 | 1, wide).map(RmpConfig::segment_shift);
        assert_eq!(largest, Ok(Some(52)));
    }

    /// The segments of a published log: 34 GiB in the first, all of the eighth.
    #[test]
    fn segments() {
        let config = RmpConfig::from_msr(0x2501, SegmentLimits { min: 36, max: 40 }).unwrap();
        let first = Segment::from_entry(0x4000_0000 | 34).unwrap();
        assert_eq!(first, Segment { base: 0x4000_0000, covered: 0x8_8000_0000 });
        assert_eq!(
            first.entry_address(config, 0x8_7fff_ffff),
            Some(0x4000_0000 + (136 << 20) - 16)
        );
        assert_eq!(first.entry_address(config, 0x8_8000_0000), None);
        // As many as there are: a covered size beyond the segment's end is the whole segment.
        for covered in [128, 0xf_ffff] {
            let eighth = Segment::from_entry(0x55b0_0000 | covered).unwrap();
            assert_eq!(eighth.entry_address(config, 0x100_1234_5000), Some(0x55c2_3450));
            assert_eq!(
                eighth.entry_address(config, 0x11f_ffff_ffff),
                Some(0x55b0_0000 + (512 << 20) - 16)
            );
        }
        assert_eq!(config.segment(0x11f_ffff_ffff), Some((8, 0x1f_ffff_ffff)));
        assert_eq!(config.segment((512 << 37) - 1), Some((511, 0x1f_ffff_ffff)));
        assert_eq!(config.segment(512 << 37), None);
        assert_eq!(RmpConfig::default().segment(0), None);
        assert_eq!(Segment::address(0x10_0000, 8), Some(0x10_4040));
        assert_eq!(Segment::address(0x10_0000, 512), None);
        assert_eq!(Segment::from_entry(1 << 52 | 1), Err(RegisterError::Reserved));
        assert_eq!(Segment::from_entry(0xfff0_0000_4000_0000), Ok(Segment::default()));
        assert_eq!(Segment::default().entry_address(config, 0), None);
    }
}
