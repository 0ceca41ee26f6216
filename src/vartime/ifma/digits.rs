//! Scalars as odd digits, of which none is zero: an odd number below 2^384 is the sum of each power of two from 1 to 2^383 either
//! added or subtracted, so whatever bits are cut out of it are an odd number of either sign.

use crate::vartime::p384::order;
use crate::vartime::p384::words::{self, Words};

/// A scalar modulo n: its powers of two that are added, and whether all of it is to be negated.
#[derive(Clone, Copy)]
pub(crate) struct Signs {
    added: Words,
    is_negated: bool,
}

impl Signs {
    /// Of a number less than n. If it is even, n less it is odd.
    ///
    /// Of the powers, x is the sum of those that are added less the others, which are 2^384 - 1 without them: twice them, less that.
    /// They are (x + 2^384 - 1) / 2.
    pub(crate) fn of(scalar: &Words) -> Self {
        let is_negated = scalar[0] & 1 == 0;
        let odd = match is_negated {
            true => words::subtract(order::MODULUS.number(), scalar).0,
            false => *scalar,
        };
        let mut added: Words =
            core::array::from_fn(|n| odd[n] >> 1 | odd.get(n + 1).map_or(0, |higher| higher << 63));
        added[5] |= 1 << 63;
        Self { added, is_negated }
    }

    /// The digit that so many bits are, 7 or less: its place among the odd numbers 1, 3, 5 and so on, and whether it is negative.
    fn digit(&self, from: usize, bits: usize) -> (usize, bool) {
        let word = |n: usize| self.added.get(n).map_or(0, |word| u128::from(*word));
        let at = from / 64;
        let bits_there =
            ((word(at) | word(at + 1) << 64) >> (from % 64)) as usize & ((1 << bits) - 1);
        // The digit is twice the bits less 2^bits - 1.
        let half = 1 << (bits - 1);
        let is_negative = bits_there < half;
        let place = if is_negative { half - 1 - bits_there } else { bits_there - half };
        (place, is_negative != self.is_negated)
    }
}

/// A digit for each lane.
pub(in crate::vartime::ifma) struct Digits {
    pub(in crate::vartime::ifma) places: [usize; 8],
    pub(in crate::vartime::ifma) negative: u8,
}

impl Digits {
    pub(in crate::vartime::ifma) fn new(mut digit: impl FnMut(usize) -> (usize, bool)) -> Self {
        let mut digits = Self { places: [0; 8], negative: 0 };
        for (lane, place) in digits.places.iter_mut().enumerate() {
            let is_negative;
            (*place, is_negative) = digit(lane);
            digits.negative |= u8::from(is_negative) << lane;
        }
        digits
    }

    /// One scalar, lane n with its bits from 48 n + `from` on.
    pub(in crate::vartime::ifma) fn of_chunks(scalar: &Signs, from: usize, bits: usize) -> Self {
        Self::new(|lane| scalar.digit(48 * lane + from, bits))
    }

    /// Scalars, each in its lane.
    pub(in crate::vartime::ifma) fn of_each(
        scalars: &[Signs; 8],
        from: usize,
        bits: usize,
    ) -> Self {
        Self::new(|lane| scalars[lane].digit(from, bits))
    }
}
