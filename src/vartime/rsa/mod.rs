//! RSAVP1 (RFC 8017, 5.2.2) with the exponent 65537, moduli of 2048 and 4096 bits.

mod mulx;
mod portable;
pub(super) mod words;

use crate::cpu::{Arithmetic, ArithmeticToken};
use crate::vartime::ifma::RsaKey;

/// The length of the longest modulus, in bytes.
pub(crate) const LONGEST: usize = 512;

/// A modulus with all that is worked out once for it, by one arithmetic.
#[derive(Clone)]
pub(crate) struct Prepared(Inside);

#[allow(
    clippy::large_enum_variant,
    reason = "keys of both sizes are kept in one place, without a heap"
)]
#[derive(Clone)]
enum Inside {
    Portable2048(portable::Key<{ portable::LIMBS_2048 }>),
    Portable4096(portable::Key<{ portable::LIMBS_4096 }>),
    Mulx2048(mulx::Key<4>),
    Mulx4096(mulx::Key<8>),
    Ifma2048(RsaKey<6>),
    Ifma4096(RsaKey<11>),
}

impl Prepared {
    /// A modulus, big-endian. `None`: it is even, or has not 2048 or 4096 bits.
    pub(crate) fn new(arithmetic: Arithmetic, modulus: &[u8]) -> Option<Self> {
        let (&[first, ..], &[.., last]) = (modulus, modulus) else { return None };
        if first < 0x80 || last & 1 == 0 {
            return None;
        }
        Some(Self(match (arithmetic.0, modulus.len()) {
            (ArithmeticToken::Portable, 256) => Inside::Portable2048(portable::Key::new(modulus)?),
            (ArithmeticToken::Portable, 512) => Inside::Portable4096(portable::Key::new(modulus)?),
            (ArithmeticToken::Mulx(mulx), 256) => Inside::Mulx2048(mulx::Key::new(mulx, modulus)),
            (ArithmeticToken::Mulx(mulx), 512) => Inside::Mulx4096(mulx::Key::new(mulx, modulus)),
            (ArithmeticToken::Ifma(ifma), 256) => Inside::Ifma2048(RsaKey::new(ifma, modulus)),
            (ArithmeticToken::Ifma(ifma), 512) => Inside::Ifma4096(RsaKey::new(ifma, modulus)),
            _ => return None,
        }))
    }

    /// The length of the modulus, in bytes: 256 or 512.
    pub(crate) const fn len(&self) -> usize {
        match &self.0 {
            Inside::Portable2048(_) | Inside::Mulx2048(_) | Inside::Ifma2048(_) => 256,
            Inside::Portable4096(_) | Inside::Mulx4096(_) | Inside::Ifma4096(_) => 512,
        }
    }

    /// `signature^65537 mod modulus`, big-endian, in the first bytes of the result, as many as the modulus has. `None`: the
    /// signature has another length than the modulus, or is not below it.
    pub(crate) fn raise(&self, signature: &[u8]) -> Option<[u8; LONGEST]> {
        if signature.len() != self.len() {
            return None;
        }
        let mut power = [0; LONGEST];
        let place = power.get_mut(..self.len())?;
        let is_below = match &self.0 {
            Inside::Portable2048(key) => key.raise(signature, place),
            Inside::Portable4096(key) => key.raise(signature, place),
            Inside::Mulx2048(key) => key.raise(signature, place),
            Inside::Mulx4096(key) => key.raise(signature, place),
            Inside::Ifma2048(key) => key.raise(signature, place),
            Inside::Ifma4096(key) => key.raise(signature, place),
        };
        is_below.then_some(power)
    }
}

/// The same for a modulus that is used once.
pub(crate) fn raise(
    arithmetic: Arithmetic,
    modulus: &[u8],
    signature: &[u8],
) -> Option<[u8; LONGEST]> {
    Prepared::new(arithmetic, modulus)?.raise(signature)
}

#[cfg(test)]
pub(crate) mod tests;
