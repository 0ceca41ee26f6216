//! Numbers of 384 bits in six words, the lowest first, and their products modulo an odd number (Montgomery, "Modular
//! Multiplication Without Trial Division", 1985, word by word). All of it can be computed while the crate is compiled.

use super::NUMBER;

/// A number below 2^384.
pub(crate) type Words = [u64; 6];

/// From a big-endian number.
pub(crate) const fn from_be(bytes: &[u8; NUMBER]) -> Words {
    let mut words = [0; 6];
    let mut at = 0;
    while at < NUMBER {
        words[5 - at / 8] = words[5 - at / 8] << 8 | bytes[at] as u64;
        at += 1;
    }
    words
}

/// As a big-endian number.
pub(crate) fn to_be(words: &Words) -> [u8; NUMBER] {
    core::array::from_fn(|at| (words[5 - at / 8] >> (56 - at % 8 * 8)) as u8)
}

/// Whether `a < b`.
pub(crate) const fn is_less(a: &Words, b: &Words) -> bool {
    subtract(a, b).1
}

/// Whether a number is zero.
pub(crate) fn is_zero(a: &Words) -> bool {
    *a == [0; 6]
}

/// `a - b` modulo 2^384, and whether it is below zero.
pub(crate) const fn subtract(a: &Words, b: &Words) -> (Words, bool) {
    let mut difference = [0; 6];
    let mut borrow = false;
    let mut i = 0;
    while i < 6 {
        let (word, first) = a[i].overflowing_sub(b[i]);
        let (word, second) = word.overflowing_sub(borrow as u64);
        difference[i] = word;
        borrow = first | second;
        i += 1;
    }
    (difference, borrow)
}

/// `a + b` modulo 2^384, and whether it is more than that.
pub(crate) const fn add(a: &Words, b: &Words) -> (Words, bool) {
    let mut sum = [0; 6];
    let mut carry = false;
    let mut i = 0;
    while i < 6 {
        let (word, first) = a[i].overflowing_add(b[i]);
        let (word, second) = word.overflowing_add(carry as u64);
        sum[i] = word;
        carry = first | second;
        i += 1;
    }
    (sum, carry)
}

/// An odd number above 2^383, modulo which products are made. Their factors are below it, and so are they.
pub(crate) struct Modulus {
    number: Words,
    /// `-1 / number` modulo 2^64.
    negated_inverse: u64,
}

impl Modulus {
    pub(crate) const fn new(number: Words) -> Self {
        assert!(number[0] & 1 == 1 && number[5] >> 63 == 1);
        // Each step doubles the number of bits that are right; of an odd number, its own three lowest are.
        let mut inverse = number[0];
        let mut bits = 3;
        while bits < 64 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(number[0].wrapping_mul(inverse)));
            bits *= 2;
        }
        Self { number, negated_inverse: inverse.wrapping_neg() }
    }

    pub(crate) const fn number(&self) -> &Words {
        &self.number
    }

    /// A number of 384 bits reduced: the modulus is more than half of them all.
    pub(crate) const fn reduce(&self, number: &Words) -> Words {
        let (difference, is_below) = subtract(number, &self.number);
        if is_below { *number } else { difference }
    }

    /// `2^exponent`.
    pub(crate) const fn power_of_two(&self, exponent: usize) -> Words {
        let mut power = [1, 0, 0, 0, 0, 0];
        let mut i = 0;
        while i < exponent {
            let (sum, carry) = add(&power, &power);
            power = if carry { subtract(&sum, &self.number).0 } else { self.reduce(&sum) };
            i += 1;
        }
        power
    }

    /// `a * b / 2^384`.
    pub(crate) const fn product(&self, a: &Words, b: &Words) -> Words {
        // The sum stays below twice the modulus after each row.
        let mut sum = [0; 7];
        let mut row = 0;
        while row < 6 {
            let top = add_product(&mut sum, a, b[row]);
            let quotient = sum[0].wrapping_mul(self.negated_inverse);
            let over = add_product(&mut sum, &self.number, quotient);
            let mut i = 0;
            while i < 6 {
                sum[i] = sum[i + 1];
                i += 1;
            }
            sum[6] = top as u64 + over as u64;
            row += 1;
        }
        let low = [sum[0], sum[1], sum[2], sum[3], sum[4], sum[5]];
        if sum[6] == 0 { self.reduce(&low) } else { subtract(&low, &self.number).0 }
    }
}

/// `sum + a * b` in seven words, and whether it is more than they hold.
const fn add_product(sum: &mut [u64; 7], a: &Words, b: u64) -> bool {
    let mut carry = 0;
    let mut i = 0;
    while i < 6 {
        let wide = a[i] as u128 * b as u128 + sum[i] as u128 + carry;
        sum[i] = wide as u64;
        carry = wide >> 64;
        i += 1;
    }
    let over;
    (sum[6], over) = sum[6].overflowing_add(carry as u64);
    over
}

// The words of `crypto-bigint`, which they are compared with, have 64 bits there.
#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
    use crypto_bigint::{Odd, U384};
    use proptest::prelude::*;

    use super::super::{field, order};
    use super::*;

    proptest! {
        #[test]
        fn products_are_what_another_library_computes(a: [u64; 6], b: [u64; 6], extreme in 0_u16..4096) {
            let extend = |words: Words, from: u16| -> Words {
                core::array::from_fn(|i| if from >> i & 1 == 1 { u64::MAX } else { words[i] })
            };
            for modulus in [&field::MODULUS, &order::MODULUS] {
                let params = FixedMontyParams::new(Odd::new(U384::from_words(modulus.number)).unwrap());
                for from in [0, extreme] {
                    let (a, b) = (extend(a, from), extend(b, from >> 6));
                    let (a, b) = (modulus.reduce(&a), modulus.reduce(&b));
                    let [left, right] = [a, b].map(|words| {
                        FixedMontyForm::<{ U384::LIMBS }>::from_montgomery(U384::from_words(words), &params)
                    });
                    prop_assert_eq!(modulus.product(&a, &b), left.mul(&right).as_montgomery().to_words());
                }
            }
        }

        #[test]
        fn sums_and_order(a: [u64; 6], b: [u64; 6]) {
            let [left, right] = [a, b].map(U384::from_words);
            let difference = left.borrowing_sub(&right, crypto_bigint::Limb::ZERO);
            prop_assert_eq!(subtract(&a, &b), (left.wrapping_sub(&right).to_words(), left < right));
            prop_assert_eq!(is_less(&a, &b), difference.1 != crypto_bigint::Limb::ZERO);
            prop_assert_eq!(add(&a, &b).0, left.wrapping_add(&right).to_words());
            prop_assert_eq!(add(&a, &b).1, left.wrapping_add(&right) < left);
        }
    }

    #[test]
    fn powers_of_two() {
        for modulus in [&field::MODULUS, &order::MODULUS] {
            let mut expected = [0; 6];
            expected[5] = 1 << 63;
            assert_eq!(modulus.power_of_two(383), expected);
            let (negated, _) = subtract(&[0; 6], &modulus.number);
            assert_eq!(modulus.power_of_two(384), negated);
            // 2^768 / 2^384 by a product.
            assert_eq!(modulus.product(&modulus.power_of_two(768), &[1, 0, 0, 0, 0, 0]), negated);
        }
    }

    #[test]
    fn bytes() {
        let bytes = core::array::from_fn(|i| i as u8);
        let words = from_be(&bytes);
        assert_eq!(words[5], 0x0001_0203_0405_0607);
        assert_eq!(words[0], 0x2829_2a2b_2c2d_2e2f);
        assert_eq!(to_be(&words), bytes);
    }
}
