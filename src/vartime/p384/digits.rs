//! Scalars as digits, by which multiples of a point are looked up: a digit below zero takes the same entry, negated, so
//! that tables are half as long.
//!
//! A recoding looks at bits from the lowest on; a digit that is more than half of its window becomes what it is less than
//! the next power of two, and carries one into the next window.

use super::words::Words;

/// How many chunks a scalar has, and each lane takes one.
pub(crate) const CHUNKS: usize = 8;
/// The bits of a chunk.
pub(crate) const CHUNK: usize = 384 / CHUNKS;
/// The bits of a window of a chunk.
pub(crate) const WIDTH: usize = 5;
/// How many windows a chunk has. The last one has three bits: a carry stays inside.
pub(crate) const WINDOWS: usize = CHUNK.div_ceil(WIDTH);
/// The largest digit of a window of a chunk, and how many multiples of a point its table has.
pub(crate) const MULTIPLES: usize = 1 << (WIDTH - 1);

/// A scalar of 384 bits in signed windows of chunks: the sum of `rows[window][chunk] * 2^(48 chunk + 5 window)`, each digit
/// from -15 to 16. A sum of points begins with the last window and takes five doublings from one to the next.
pub(crate) struct Digits {
    /// By window, 0 the lowest, and then by chunk.
    pub(crate) rows: [[i8; CHUNKS]; WINDOWS],
}

impl Digits {
    pub(crate) fn of(scalar: &Words) -> Self {
        let mut rows = [[0; CHUNKS]; WINDOWS];
        for chunk in 0..CHUNKS {
            let mut carry = 0;
            for (window, row) in rows.iter_mut().enumerate() {
                let from = WIDTH * window;
                let bits = bits(scalar, CHUNK * chunk + from, WIDTH.min(CHUNK - from));
                (row[chunk], carry) = signed(bits + carry, WIDTH);
            }
        }
        Self { rows }
    }
}

/// The bits of a window of a comb.
#[cfg(feature = "std")]
pub(crate) const COMB_WIDTH: usize = 6;
/// How many windows a comb has.
#[cfg(feature = "std")]
pub(crate) const COMB_WINDOWS: usize = 384 / COMB_WIDTH;
/// The largest digit of a comb, and how many multiples of a point each of its windows has.
#[cfg(feature = "std")]
pub(crate) const COMB_MULTIPLES: usize = 1 << (COMB_WIDTH - 1);

/// A scalar modulo n in signed windows: the sum of `digit * 2^(6 window)`, modulo n, each digit from -32 to 32.
///
/// So many windows hold 383 bits. A scalar with more is n less another.
#[cfg(feature = "std")]
pub(crate) fn comb_digits(scalar: &Words) -> [i8; COMB_WINDOWS] {
    let is_negated = scalar[5] >> 63 == 1;
    let scalar = if is_negated { super::order::negate(scalar) } else { *scalar };
    let mut carry = 0;
    core::array::from_fn(|window| {
        let digit;
        (digit, carry) = signed(bits(&scalar, COMB_WIDTH * window, COMB_WIDTH) + carry, COMB_WIDTH);
        if is_negated { -digit } else { digit }
    })
}

/// A scalar in its non-adjacent form of a width of `W` bits, 2 to 8: the sum of `digits[i] * 2^i`, each digit zero or odd and
/// less than `2^(W - 1)`, either sign, and between two that are not zero at least `W - 1` that are.
pub(crate) struct NonAdjacent<const W: usize> {
    pub(crate) digits: [i8; 385],
}

impl<const W: usize> NonAdjacent<W> {
    pub(crate) fn of(scalar: &Words) -> Self {
        const { assert!(W >= 2 && W <= 8) };
        let mut digits = [0; 385];
        let mut carry = 0;
        // What is left of the scalar is its bits from `at` on, plus the carry.
        let mut at = 0;
        while let Some(digit) = digits.get_mut(at) {
            let bits = bits(scalar, at, W) + carry;
            if bits & 1 == 0 {
                // A zero and no carry, or a one and a carry, which goes on.
                at += 1;
            } else {
                (*digit, carry) = signed(bits, W);
                at += W;
            }
        }
        Self { digits }
    }
}

/// So many bits, at most 8, of a scalar; above it are zeroes.
fn bits(scalar: &Words, from: usize, count: usize) -> u32 {
    let word = |at: usize| scalar.get(at).map_or(0, |word| u128::from(*word));
    let wide = word(from / 64) | word(from / 64 + 1) << 64;
    (wide >> (from % 64)) as u32 & ((1 << count) - 1)
}

/// What is at most 2^width as a digit of at most half of that, either sign, and what it carries.
fn signed(bits: u32, width: usize) -> (i8, u32) {
    let carry = u32::from(bits > 1 << (width - 1));
    ((bits as i32 - ((carry as i32) << width)) as i8, carry)
}

// The words of `crypto-bigint`, which they are compared with, have 64 bits there.
#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use crypto_bigint::U512;
    use proptest::prelude::*;

    use super::super::order;
    use super::super::tests::scalars;
    use super::*;

    /// The number that digits at these bits make, modulo 2^512.
    fn number(digits: impl Iterator<Item = (i8, usize)>) -> U512 {
        digits.fold(U512::ZERO, |sum, (digit, bit)| {
            let part = U512::from(u64::from(digit.unsigned_abs())).shl(bit as u32);
            if digit < 0 { sum.wrapping_sub(&part) } else { sum.wrapping_add(&part) }
        })
    }

    fn wide(words: &Words) -> U512 {
        let mut wide = [0; 8];
        wide[..6].copy_from_slice(words);
        U512::from_words(wide)
    }

    fn check_naf<const W: usize>(scalar: &Words) {
        let NonAdjacent { digits } = NonAdjacent::<W>::of(scalar);
        assert_eq!(number(digits.into_iter().zip(0..)), wide(scalar));
        let mut last = None;
        for (at, digit) in digits.iter().enumerate().filter(|(_, digit)| **digit != 0) {
            assert!(digit & 1 == 1 && digit.unsigned_abs() < 1 << (W - 1), "{digit}");
            assert!(last.is_none_or(|last| at >= last + W));
            last = Some(at);
        }
    }

    fn check(scalar: &Words) {
        let Digits { rows } = Digits::of(scalar);
        let places = rows.iter().enumerate().flat_map(|(window, row)| {
            let bit = move |chunk| CHUNK * chunk + WIDTH * window;
            row.iter().enumerate().map(move |(chunk, digit)| (*digit, bit(chunk)))
        });
        assert_eq!(number(places.clone()), wide(scalar));
        assert!(places.clone().all(|(digit, _)| (-15..=16).contains(&digit)));
        assert!(rows[WINDOWS - 1].iter().all(|digit| (0..=8).contains(digit)));
        // No chunk carries into the next.
        for chunk in 0..CHUNKS {
            let sum =
                number(rows.iter().zip(0..).map(|(row, window)| (row[chunk], WIDTH * window)));
            assert_eq!(
                sum,
                wide(scalar).shr((CHUNK * chunk) as u32).bitand(&U512::from((1_u64 << CHUNK) - 1))
            );
        }
        check_naf::<5>(scalar);
        check_naf::<8>(scalar);
        #[cfg(feature = "std")]
        {
            let digits = comb_digits(&order::MODULUS.reduce(scalar));
            assert!(digits.iter().all(|digit| (-32..=32).contains(digit)));
            let sum =
                number(digits.iter().enumerate().map(|(at, digit)| (*digit, COMB_WIDTH * at)));
            let reduced = wide(&order::MODULUS.reduce(scalar));
            let less = reduced.wrapping_sub(&wide(order::MODULUS.number()));
            assert!(sum == reduced || sum == less);
        }
    }

    /// Every window of every width where it carries and where it just does not, with and without a carry from below.
    #[test]
    fn every_carry() {
        for width in [5, 6, 8] {
            for at in 0..384 {
                for value in [
                    (1 << (width - 1)) - 1,
                    1 << (width - 1),
                    (1 << (width - 1)) + 1,
                    (1 << width) - 1,
                ] {
                    for below in [0_u64, 1] {
                        let one = wide(&[value, 0, 0, 0, 0, 0]).shl(at);
                        // All ones below: each carries into the next.
                        let ones = U512::from(below).shl(at).saturating_sub(&U512::from(below));
                        let words = one.wrapping_add(&ones).to_words();
                        check(words.first_chunk().unwrap());
                    }
                }
            }
        }
        scalars().iter().for_each(check);
    }

    proptest! {
        #[test]
        fn digits_are_the_scalar(scalar: [u64; 6], mask: u8) {
            check(&scalar);
            check(&core::array::from_fn(|i| if mask >> i & 1 == 1 { u64::MAX } else { scalar[i] }));
            check(&core::array::from_fn(|i| if mask >> i & 1 == 1 { 0 } else { scalar[i] }));
        }
    }
}
