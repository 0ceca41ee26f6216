//! Random numbers that are none, for tests and benches of machines. Whoever includes this file has `rand_core` beside it.

use core::convert::Infallible;

use super::rand_core::{TryCryptoRng, TryRng, utils};

/// Bytes that are known by their place: that of the next one.
pub(crate) struct Counting(pub(crate) u32);

impl Counting {
    /// The byte at a place.
    pub(crate) fn byte(at: u32) -> u8 {
        (at.wrapping_mul(0x9e37_79b1) >> 24) as u8
    }
}

impl TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = Self::byte(self.0);
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counting {}
