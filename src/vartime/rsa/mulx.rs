//! The public operation by products of 64-bit words: blocks of 512 bits, multiplied by `asm/rsa_mulx.S`.
//!
//! Montgomery's form with R = 2^(512 B), column by column of blocks. Numbers between the products are below R, which may be above
//! the modulus.

use super::words;
use crate::cpu::Mulx;
use crate::kernel::{self, RsaSum};

type Block = [u64; 8];

/// A modulus of B blocks with what it takes to multiply modulo it.
#[derive(Clone)]
pub(super) struct Key<const B: usize> {
    mulx: Mulx,
    modulus: [Block; B],
    /// R^2 modulo the modulus.
    square: [Block; B],
    /// -1 / modulus, modulo 2^512.
    inverse: Block,
}

impl<const B: usize> Key<B> {
    /// The modulus is odd, has 64 B bytes and begins with a set bit.
    pub(super) fn new(mulx: Mulx, bytes: &[u8]) -> Self {
        let (mut modulus, mut square) = ([[0; 8]; B], [[0; 8]; B]);
        words::from_be(bytes, modulus.as_flattened_mut());
        words::power_of_two(1024 * B, modulus.as_flattened(), square.as_flattened_mut());
        let inverse = words::negative_inverse(modulus.as_flattened());
        Self { mulx, modulus, square, inverse }
    }

    /// As [`Prepared::raise`](super::Prepared::raise), for a signature as long as the modulus.
    pub(super) fn raise(&self, signature: &[u8], power: &mut [u8]) -> bool {
        let mut number = [[0; 8]; B];
        words::from_be(signature, number.as_flattened_mut());
        if !words::is_less(number.as_flattened(), self.modulus.as_flattened()) {
            return false;
        }
        let mut x = self.multiply(&number, &self.square);
        for _ in 0..16 {
            x = self.square(&x);
        }
        // Below (R * modulus + R * modulus) / R: at most one modulus too much.
        let mut x = self.multiply(&x, &number);
        if !words::is_less(x.as_flattened(), self.modulus.as_flattened()) {
            words::subtract(x.as_flattened_mut(), self.modulus.as_flattened());
        }
        words::to_be(x.as_flattened(), power);
        true
    }

    fn add_product(&self, sum: &mut RsaSum, a: &Block, b: &Block) {
        kernel::rsa_add_product(self.mulx, sum, a, b);
    }

    /// `a * b / R` modulo the modulus.
    fn multiply(&self, a: &[Block; B], b: &[Block; B]) -> [Block; B] {
        self.reduced(|column, sum| {
            let first = (column + 1).saturating_sub(B);
            for (a, b) in a.iter().skip(first).zip(b.iter().take(column + 1 - first).rev()) {
                self.add_product(sum, a, b);
            }
        })
    }

    /// `a * a / R` modulo the modulus.
    fn square(&self, a: &[Block; B]) -> [Block; B] {
        self.reduced(|column, sum| {
            let first = (column + 1).saturating_sub(B);
            let mut twice = [0; 17];
            for low in first..column.div_ceil(2) {
                if let (Some(low), Some(high)) = (a.get(low), a.get(column - low)) {
                    self.add_product(&mut twice, low, high);
                }
            }
            let (mut bit, mut carry) = (0, 0);
            for (sum, word) in sum.iter_mut().zip(twice) {
                let term = u128::from(*sum) + u128::from(word << 1 | bit) + carry;
                bit = word >> 63;
                *sum = term as u64;
                carry = term >> 64;
            }
            if let Some(middle) = a.get(column / 2).filter(|_| column % 2 == 0) {
                self.add_product(sum, middle, middle);
            }
        })
    }

    /// A product of two numbers below R, which `column` adds up block by block, divided by R modulo the modulus: below R.
    ///
    /// A column is at most 2 B products and what is carried: fewer than 1088 bits.
    #[inline(always)]
    fn reduced(&self, column: impl Fn(usize, &mut RsaSum)) -> [Block; B] {
        let (mut quotients, mut result) = ([[0; 8]; B], [[0; 8]; B]);
        let mut sum = [0; 17];
        for n in 0..2 * B {
            column(n, &mut sum);
            let first = (n + 1).saturating_sub(B);
            let digits = self.modulus.iter().take(n + 1 - first).rev();
            // The digit that this column chooses is zero still.
            for (quotient, digit) in quotients.iter().take(n).skip(first).zip(digits) {
                self.add_product(&mut sum, quotient, digit);
            }
            let [low, high, top] = split(&sum);
            if let Some(quotient) = quotients.get_mut(n) {
                // The multiple of the modulus that makes the column's low block zero.
                let mut product = [0; 17];
                self.add_product(&mut product, &low, &self.inverse);
                [*quotient, ..] = split(&product);
                self.add_product(&mut sum, quotient, &self.modulus[0]);
                let [_, high, top] = split(&sum);
                sum = joined(&high, top[0]);
            } else {
                result[n - B] = low;
                sum = joined(&high, top[0]);
            }
        }
        // Below R + modulus.
        if sum[0] != 0 {
            words::subtract(result.as_flattened_mut(), self.modulus.as_flattened());
        }
        result
    }
}

/// The two blocks of a sum, and its last word.
fn split(sum: &RsaSum) -> [Block; 3] {
    let mut blocks = [[0; 8]; 3];
    blocks.as_flattened_mut().iter_mut().zip(sum).for_each(|(to, word)| *to = *word);
    blocks
}

/// A block and the word above it.
fn joined(block: &Block, top: u64) -> RsaSum {
    let mut sum = [0; 17];
    sum.iter_mut().zip(block).for_each(|(to, word)| *to = *word);
    sum[8] = top;
    sum
}
