//! [`Run`]: a range of memory with its address, and the pieces that a tweak's unit cuts it into.

use crate::addr::{BLOCK, PhysAddr};
use crate::error::MemoryError;
use crate::mem::guest::{GuestBytes, GuestSource};

/// A range of memory with its address: one entry of
/// [`MemoryCipher::encrypt_runs`](crate::mem::MemoryCipher::encrypt_runs).
///
/// The address is the physical one of the first byte; the bytes behind it are physically contiguous.
///
/// ```
/// use sevcrypt::{PhysAddr, mem::Run};
///
/// let (plain, mut cipher) = ([0u8; 4096], [0u8; 4096]);
/// let run = Run::new(PhysAddr::new(0x4000)?, &plain, &mut cipher);
/// # Ok::<(), sevcrypt::AddressError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    pub(super) addr: PhysAddr,
    pub(super) src: GuestSource<'a>,
    pub(super) dst: GuestBytes<'a>,
}

impl<'a> Run<'a> {
    /// Memory that is changed in place.
    pub fn in_place(addr: PhysAddr, memory: impl Into<GuestBytes<'a>>) -> Self {
        let dst = memory.into();
        Self { addr, src: dst.into(), dst }
    }

    /// Memory that is read from `src`; the result goes to `dst`. The two have one length, and are the same
    /// or do not overlap.
    pub fn new(
        addr: PhysAddr,
        src: impl Into<GuestSource<'a>>,
        dst: impl Into<GuestBytes<'a>>,
    ) -> Self {
        Self { addr, src: src.into(), dst: dst.into() }
    }

    /// Whether the operation can be done, for a tweak of so many address bits.
    #[inline]
    pub(super) fn check(&self, bits: u32) -> Result<(), MemoryError> {
        let Self { addr, src, dst } = self;
        if src.len() != dst.len() {
            return Err(MemoryError::Lengths { src: src.len(), dst: dst.len() });
        }
        if !addr.get().is_multiple_of(BLOCK as u64) {
            return Err(MemoryError::UnalignedAddress { addr: addr.get() });
        }
        if !src.len().is_multiple_of(BLOCK) {
            return Err(MemoryError::UnalignedLength { len: src.len() });
        }
        let end = addr.get().checked_add(src.len() as u64);
        if end.is_none_or(|end| end > 1 << bits) {
            return Err(MemoryError::BeyondTweak { addr: addr.get(), len: src.len(), bits });
        }
        match src.overlap(dst) {
            Some(distance) => Err(MemoryError::Overlap { distance, len: src.len() }),
            None => Ok(()),
        }
    }

    /// Whether it is not empty and lies inside one unit of so many bytes.
    #[inline]
    pub(super) fn is_inside(&self, unit: usize) -> bool {
        !self.src.is_empty() && self.src.len() <= unit - self.addr.offset_in(unit)
    }

    /// `len` bytes of the run, from `offset` on. Both are inside it.
    pub(super) fn part(&self, offset: usize, len: usize) -> Self {
        let (Some(src), Some(dst)) =
            (self.src.subrange(offset, len), self.dst.subrange(offset, len))
        else {
            unreachable!("{offset} + {len} is at most the run's length")
        };
        Self { addr: self.addr.offset(offset), src, dst }
    }

    /// The run cut at the multiples of `unit` bytes of its address.
    pub(super) fn pieces(&self, unit: usize) -> impl Iterator<Item = Piece> {
        let (addr, len) = (self.addr, self.src.len());
        let mut offset = 0;
        core::iter::from_fn(move || {
            if offset == len {
                return None;
            }
            let addr = addr.offset(offset);
            let room = unit - addr.offset_in(unit);
            let piece = Piece { addr, offset, len: room.min(len - offset) };
            offset += piece.len;
            Some(piece)
        })
    }
}

/// A part of a run inside one unit of the tweak.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub(super) addr: PhysAddr,
    /// Where in the run it begins.
    pub(super) offset: usize,
    pub(super) len: usize,
}
