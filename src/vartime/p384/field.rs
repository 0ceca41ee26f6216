//! Numbers modulo p, the prime of the curve's field, by the kernels of `asm/p384_mulx.S`.

use super::inverse::Inverter;
use super::words::{Modulus, Words, is_zero};
use crate::cpu::Mulx;
use crate::kernel;

/// p = 2^384 - 2^128 - 2^96 + 2^32 - 1.
pub(crate) const MODULUS: Modulus = Modulus::new(NUMBER);

const NUMBER: Words = [
    0x0000_0000_ffff_ffff,
    0xffff_ffff_0000_0000,
    0xffff_ffff_ffff_fffe,
    u64::MAX,
    u64::MAX,
    u64::MAX,
];

static INVERTER: Inverter = Inverter::new(&NUMBER);

/// What makes a Montgomery form of a number, by a product.
const TO_FORM: Fe = Fe(MODULUS.power_of_two(768));
/// What makes a Montgomery form of the inverse of one.
const TO_INVERSE: Fe = Fe(MODULUS.power_of_two(1152));
/// What makes the lanes' form of a number, its product with 2^416, by a product.
const TO_LANES: Words = MODULUS.power_of_two(800);

/// A number below p in Montgomery's form: times 2^384.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fe(pub(crate) Words);

impl Fe {
    pub(crate) const ZERO: Self = Self([0; 6]);
    pub(crate) const ONE: Self = Self(MODULUS.power_of_two(384));

    /// Of a number below p, while the crate is compiled.
    pub(crate) const fn constant(number: &Words) -> Self {
        Self(MODULUS.product(number, &TO_FORM.0))
    }

    pub(crate) fn is_zero(&self) -> bool {
        is_zero(&self.0)
    }
}

/// What computes with them, on a CPU that has the instructions.
#[derive(Clone, Copy)]
pub(crate) struct Field(pub(crate) Mulx);

impl Field {
    pub(crate) fn mul(self, a: &Fe, b: &Fe) -> Fe {
        Fe(kernel::p384_mul(self.0, &a.0, &b.0))
    }

    pub(crate) fn square(self, a: &Fe) -> Fe {
        Fe(kernel::p384_sqr(self.0, &a.0))
    }

    pub(crate) fn add(self, a: &Fe, b: &Fe) -> Fe {
        Fe(kernel::p384_add(self.0, &a.0, &b.0))
    }

    pub(crate) fn sub(self, a: &Fe, b: &Fe) -> Fe {
        Fe(kernel::p384_sub(self.0, &a.0, &b.0))
    }

    pub(crate) fn half(self, a: &Fe) -> Fe {
        Fe(kernel::p384_half(self.0, &a.0))
    }

    pub(crate) fn negate(self, a: &Fe) -> Fe {
        self.sub(&Fe::ZERO, a)
    }

    /// Of a number below p.
    pub(crate) fn form(self, number: &Words) -> Fe {
        self.mul(&Fe(*number), &TO_FORM)
    }

    /// `None` of zero.
    pub(crate) fn inverse(self, a: &Fe) -> Option<Fe> {
        let inverse = self.mul(&Fe(INVERTER.inverse(&a.0)?), &TO_INVERSE);
        (self.mul(a, &inverse) == Fe::ONE).then_some(inverse)
    }

    /// Puts the inverses of numbers in their places, by one inversion; `None`, and all as they were, if one is zero.
    pub(crate) fn inverses<const N: usize>(self, numbers: &mut [Fe; N]) -> Option<()> {
        let mut before = [Fe::ONE; N];
        let mut product = Fe::ONE;
        for (number, before) in numbers.iter().zip(&mut before) {
            *before = product;
            product = self.mul(&product, number);
        }
        let mut left = self.inverse(&product)?;
        for (number, before) in numbers.iter_mut().zip(&before).rev() {
            let inverse = self.mul(&left, before);
            left = self.mul(&left, number);
            *number = inverse;
        }
        Some(())
    }
}

/// A number below p in the lanes' form, while the crate is compiled.
pub(crate) const fn in_lanes(number: &Words) -> Words {
    MODULUS.product(number, &TO_LANES)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::super::words::{add, is_less, subtract};
    use super::*;
    use crate::cpu::{Arithmetic, ArithmeticKind, ArithmeticToken};

    /// Zero, single bits, p less these, words of all bits, and their neighbours.
    fn numbers() -> Vec<Words> {
        let mut numbers = Vec::from([[0; 6]]);
        for bit in 0..384 {
            let power = core::array::from_fn(|i| u64::from(i == bit / 64) << (bit % 64));
            numbers.extend([
                power,
                subtract(&NUMBER, &power).0,
                subtract(&power, &[1, 0, 0, 0, 0, 0]).0,
            ]);
        }
        for set in 0..64 {
            let words = core::array::from_fn(|i| if set >> i & 1 == 1 { u64::MAX } else { 0 });
            numbers.extend([words, MODULUS.product(&words, &words)]);
        }
        numbers.retain(|number| is_less(number, &NUMBER));
        numbers
    }

    fn field() -> Option<Field> {
        match Arithmetic::new(ArithmeticKind::Mulx)?.0 {
            ArithmeticToken::Mulx(mulx) => Some(Field(mulx)),
            _ => None,
        }
    }

    #[test]
    fn kernels_are_the_model() {
        let Some(field) = field() else { return };
        let numbers = numbers();
        for a in &numbers {
            assert_eq!(field.square(&Fe(*a)).0, MODULUS.product(a, a));
            let half = field.half(&Fe(*a));
            assert_eq!(field.add(&half, &half).0, *a);
            assert_eq!(field.add(&field.negate(&Fe(*a)), &Fe(*a)), Fe::ZERO);
            assert_eq!(field.form(a), Fe::constant(a));
            for b in numbers.iter().step_by(5) {
                assert_eq!(field.mul(&Fe(*a), &Fe(*b)).0, MODULUS.product(a, b));
                let (sum, carry) = add(a, b);
                let sum = if carry { subtract(&sum, &NUMBER).0 } else { MODULUS.reduce(&sum) };
                assert_eq!(field.add(&Fe(*a), &Fe(*b)).0, sum);
                assert_eq!(field.sub(&Fe(sum), &Fe(*b)).0, *a);
            }
        }
    }

    #[test]
    fn inverses() {
        assert_eq!(INVERTER.inverse(&[0; 6]), None);
        let Some(field) = field() else { return };
        assert_eq!(field.inverse(&Fe::ZERO), None);
        for a in numbers().into_iter().map(Fe).filter(|a| !a.is_zero()) {
            let inverse = field.inverse(&a).expect("it is not zero");
            assert_eq!(field.mul(&a, &inverse), Fe::ONE);
        }
    }

    #[test]
    fn lanes_form() {
        for number in numbers() {
            let power = MODULUS.product(&number, &MODULUS.power_of_two(384 + 416));
            assert_eq!(in_lanes(&number), power);
            // Montgomery's form, times 2^32.
            let by_steps = (0..32).fold(Fe::constant(&number).0, |form, _| {
                let (sum, carry) = super::super::words::add(&form, &form);
                if carry {
                    super::super::words::subtract(&sum, &NUMBER).0
                } else {
                    MODULUS.reduce(&sum)
                }
            });
            assert_eq!(power, by_steps);
        }
    }
}
