//! RSAVP1 (RFC 8017, 5.2.2) with the exponent 65537, moduli of 2048 and 4096 bits.

mod portable;

use crate::cpu::Arithmetic;

/// The length of the longest modulus, in bytes.
pub(crate) const LONGEST: usize = 512;

/// `signature^65537 mod modulus`, big-endian, in the first bytes of the result, as many as the modulus has: 256 or 512. The modulus
/// is odd and has no leading zero byte. `None`: another length, or the signature is not below the modulus.
pub(crate) fn raise(
    _arithmetic: Arithmetic,
    modulus: &[u8],
    signature: &[u8],
) -> Option<[u8; LONGEST]> {
    portable::raise(modulus, signature)
}
