//! RSA public keys.

use core::fmt;

use sha2::{Sha256, Sha384};

use super::error::{RsaKeyError, SignatureError};
use super::pss::{self, MaskHash};
use crate::cpu::Arithmetic;
use crate::vartime;

/// The public exponent of all AMD keys, F4 = 2^16 + 1.
const EXPONENT: u32 = 0x1_0001;

/// An RSA public key of 2048 or 4096 bits with the exponent 65537, borrowed from a certificate or the caller.
///
/// ```
/// use sevcrypt::x509::{RsaKeyError, RsaPublicKey, SignatureError};
///
/// let key = RsaPublicKey::new(&[0xC1; 512], 65537)?;
/// assert_eq!(key.modulus().len() * 8, 4096);
/// assert_eq!(key.verify_pss_sha384(b"message", &[0; 512]), Err(SignatureError::NotAuthentic));
/// # Ok::<(), RsaKeyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RsaPublicKey<'a> {
    modulus: &'a [u8],
}

impl<'a> RsaPublicKey<'a> {
    /// A key from its big-endian modulus, without leading zeros, and its exponent.
    ///
    /// # Errors
    /// [`RsaKeyError`] if the modulus is not odd, of 2048 or 4096 bits, or the exponent not 65537.
    pub fn new(modulus: &'a [u8], exponent: u32) -> Result<Self, RsaKeyError> {
        let (Some(&first), Some(&last)) = (modulus.first(), modulus.last()) else {
            return Err(RsaKeyError::Size { bits: 0 });
        };
        if first < 0x80 || !matches!(modulus.len(), 256 | 512) {
            return Err(RsaKeyError::Size { bits: bits(modulus) });
        }
        if last & 1 == 0 {
            return Err(RsaKeyError::EvenModulus);
        }
        if exponent != EXPONENT {
            return Err(RsaKeyError::Exponent);
        }
        Ok(Self { modulus })
    }

    /// The modulus, big-endian, 256 or 512 bytes.
    #[must_use]
    pub const fn modulus(&self) -> &'a [u8] {
        self.modulus
    }

    /// The public exponent: 65537.
    #[must_use]
    pub const fn exponent(&self) -> u32 {
        EXPONENT
    }

    /// Verifies an RSASSA-PSS signature (RFC 8017, 8.1.2) with SHA-384, MGF1 with SHA-384 and 48 bytes of salt.
    ///
    /// # Errors
    /// [`SignatureError`] if the signature has another length than the modulus, or is not of this message by
    /// this key.
    pub fn verify_pss_sha384(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.verify_pss::<Sha384>(message, signature)
    }

    /// The same with SHA-256 and 32 bytes of salt: the signatures of SEV's first generation.
    ///
    /// ```
    /// use sevcrypt::x509::{RsaKeyError, RsaPublicKey, SignatureError};
    ///
    /// let key = RsaPublicKey::new(&[0xC1; 256], 65537)?;
    /// let error = SignatureError::Length { found: 512, expected: 256 };
    /// assert_eq!(key.verify_pss_sha256(b"message", &[0; 512]), Err(error));
    /// assert_eq!(key.prepare().verify_pss_sha256(b"message", &[0; 512]), Err(error));
    /// # Ok::<(), RsaKeyError>(())
    /// ```
    ///
    /// # Errors
    /// As [`verify_pss_sha384`](Self::verify_pss_sha384).
    pub fn verify_pss_sha256(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.verify_pss::<Sha256>(message, signature)
    }

    fn verify_pss<D: MaskHash>(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        check_length(signature, self.modulus.len())?;
        let power = vartime::rsa::raise(Arithmetic::best(), self.modulus, signature);
        check_pss::<D>(message, power, self.modulus.len())
    }

    /// Works out what depends on the key alone: for a key that verifies several signatures.
    #[must_use]
    pub fn prepare(&self) -> PreparedRsaKey {
        self.prepare_with(Arithmetic::best())
    }

    /// The same for an arithmetic of the caller's choice. The verdicts do not depend on it.
    #[must_use]
    pub fn prepare_with(&self, arithmetic: Arithmetic) -> PreparedRsaKey {
        let key = vartime::rsa::Prepared::new(arithmetic, self.modulus);
        PreparedRsaKey(key.expect("the modulus was looked at when the key was made"))
    }
}

/// An [`RsaPublicKey`] with what is worked out once for it. It owns what it holds, about 2 KiB, without a heap.
///
/// The second signature by a key is verified faster with it; the verdicts are the same.
///
/// ```
/// use sevcrypt::x509::{RsaKeyError, RsaPublicKey, SignatureError};
///
/// let key = RsaPublicKey::new(&[0xC1; 512], 65537)?.prepare();
/// for signature in [[0; 512], [0xFF; 512]] {
///     assert_eq!(key.verify_pss_sha384(b"message", &signature), Err(SignatureError::NotAuthentic));
/// }
/// # Ok::<(), RsaKeyError>(())
/// ```
#[derive(Clone)]
pub struct PreparedRsaKey(vartime::rsa::Prepared);

impl PreparedRsaKey {
    /// As [`RsaPublicKey::verify_pss_sha384`].
    ///
    /// # Errors
    /// [`SignatureError`] if the signature has another length than the modulus, or is not of this message by
    /// this key.
    pub fn verify_pss_sha384(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.verify_pss::<Sha384>(message, signature)
    }

    /// As [`RsaPublicKey::verify_pss_sha256`].
    ///
    /// # Errors
    /// As [`verify_pss_sha384`](Self::verify_pss_sha384).
    pub fn verify_pss_sha256(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.verify_pss::<Sha256>(message, signature)
    }

    fn verify_pss<D: MaskHash>(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        check_length(signature, self.0.len())?;
        check_pss::<D>(message, self.0.raise(signature), self.0.len())
    }
}

impl fmt::Debug for PreparedRsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreparedRsaKey({} bits)", 8 * self.0.len())
    }
}

fn check_length(signature: &[u8], expected: usize) -> Result<(), SignatureError> {
    match signature.len() {
        found if found != expected => Err(SignatureError::Length { found, expected }),
        _ => Ok(()),
    }
}

/// Whether what came of a signature is the message's encoding, as long as the modulus.
fn check_pss<D: MaskHash>(
    message: &[u8],
    power: Option<[u8; vartime::rsa::LONGEST]>,
    len: usize,
) -> Result<(), SignatureError> {
    let authentic = power.is_some_and(|mut power| {
        power.get_mut(..len).is_some_and(|encoded| pss::verify::<D>(message, encoded))
    });
    if authentic { Ok(()) } else { Err(SignatureError::NotAuthentic) }
}

impl fmt::Debug for RsaPublicKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPublicKey({} bits)", bits(self.modulus))
    }
}

/// The number of bits of a big-endian number.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    match number[zeros..] {
        [first, ref below @ ..] => {
            below.len() * 8 + (0..8).filter(|&bit| first >> bit != 0).count()
        }
        [] => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    #[test]
    fn keys_that_are_not_taken() {
        let new = |modulus: &[u8], exponent| RsaPublicKey::new(modulus, exponent).map(|_| ());
        let mut modulus = vec![0xFF; 512];
        assert_eq!(new(&modulus, 65537), Ok(()));
        assert_eq!(new(&modulus[..256], 65537), Ok(()));
        let printed = |modulus| std::format!("{:?}", RsaPublicKey::new(modulus, 65537).unwrap());
        assert_eq!(printed(&modulus), "RsaPublicKey(4096 bits)");
        for exponent in [0, 1, 3, 65535, 65539, u32::MAX] {
            assert_eq!(new(&modulus, exponent), Err(RsaKeyError::Exponent));
        }
        for bytes in [0, 1, 128, 255, 257, 384, 511] {
            assert_eq!(new(&modulus[..bytes], 65537), Err(RsaKeyError::Size { bits: bytes * 8 }));
        }
        assert_eq!(new(&[0xFF; 513], 65537), Err(RsaKeyError::Size { bits: 513 * 8 }));
        modulus[511] = 0xFE;
        assert_eq!(new(&modulus, 65537), Err(RsaKeyError::EvenModulus));
        modulus[0] = 0x7F;
        assert_eq!(new(&modulus, 65537), Err(RsaKeyError::Size { bits: 4095 }));
        modulus.fill(0);
        assert_eq!(new(&modulus, 65537), Err(RsaKeyError::Size { bits: 0 }));
    }
}
