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
/// What makes the vectors' form of a form, by a product.
const TO_LIMBS: Fe = Fe(MODULUS.power_of_two(416));

/// What makes the vectors' form of a number, by a product.
const TO_VECTORS: Words = MODULUS.power_of_two(800);

/// A number below p in Montgomery's form: times 2^384.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fe(pub(crate) Words);

/// How many limbs of 52 bits the vectors' form of a number has: its product with 2^416.
pub(crate) const LIMBS: usize = 8;

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
}

impl Field {
    /// In the vectors' form.
    #[allow(dead_code, reason = "for the vectors' tables")]
    pub(crate) fn to_limbs(self, a: &Fe) -> [u64; LIMBS] {
        limbs(&self.mul(a, &TO_LIMBS).0)
    }
}

/// A number below p in the vectors' form, while the crate is compiled.
pub(crate) const fn constant_limbs(number: &Words) -> [u64; LIMBS] {
    limbs(&MODULUS.product(number, &TO_VECTORS))
}

/// A number in limbs of 52 bits.
const fn limbs(number: &Words) -> [u64; LIMBS] {
    let mut limbs = [0; LIMBS];
    let mut i = 0;
    while i < LIMBS {
        let bit = 52 * i;
        let low = number[bit / 64] as u128;
        let high = if bit / 64 < 5 { number[bit / 64 + 1] as u128 } else { 0 };
        limbs[i] = ((low | high << 64) >> (bit % 64)) as u64 & ((1 << 52) - 1);
        i += 1;
    }
    limbs
}
