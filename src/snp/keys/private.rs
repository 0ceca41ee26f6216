//! P-384 private keys from secrets.

use core::fmt;

use p384::NistP384;
use p384::elliptic_curve::Curve;
use p384::elliptic_curve::bigint::{NonZero, U384, U448};
use zeroize::Zeroizing;

use super::HashStick;
use crate::ecdsa::SigningKey;
use crate::kdf;
use crate::wipe::Wiped;

/// The private key of a VCEK or VLEK, as a number. Wiped on drop, not printed, not to be cloned.
///
/// It is FIPS 186-5's method with extra random bits (A.2.1) on bytes that are derived: c is 56 bytes of the
/// [`kdf`], read as a *little-endian* number, and d = c mod (n - 1) + 1, in constant time
/// (AMD's published firmware, `secure_ops.c`).
///
/// ```
/// use sevcrypt::ecdsa::Signer;
/// use sevcrypt::snp::keys::{HashStick, PrivateKey};
///
/// # let stick_7 = HashStick::new(&[7; 48]);
/// let vcek = PrivateKey::vcek(&stick_7).signing_key();
/// let signature = vcek.sign_sha384(b"a report")?;
/// assert!(vcek.verifying_key().verify_vartime(b"a report", &signature));
/// # Ok::<(), sevcrypt::ecdsa::SigningError>(())
/// ```
pub struct PrivateKey(Zeroizing<[u8; 48]>);

impl PrivateKey {
    /// The VCEK that belongs to stick_7 of a chip at a TCB version.
    #[must_use]
    pub fn vcek(stick_7: &HashStick) -> Self {
        Self::derive(stick_7.as_bytes(), b"sev-versioned-chip-endorsement-key")
    }

    /// The VLEK that belongs to stick_7 of loaded sticks:
    /// [`VlekSticks::stick_7`](super::VlekSticks::stick_7).
    #[must_use]
    pub fn vlek(stick_7: &HashStick) -> Self {
        Self::derive(stick_7.as_bytes(), b"sev-versioned-loaded-attestation-key")
    }

    fn derive(key: &[u8], label: &[u8]) -> Self {
        let mut random = Zeroizing::new([0; 56]);
        kdf::derive_array(key, label, b"", &mut random);
        Self::from_random(&random)
    }

    /// d of c.
    fn from_random(random: &[u8; 56]) -> Self {
        const MODULUS: NonZero<U384> =
            NonZero::<U384>::new_unwrap(NistP384::ORDER.as_ref().wrapping_sub(&U384::ONE));
        let number = Wiped::new(U448::from_le_slice(random));
        let scalar = Wiped::new(number.rem(&MODULUS).wrapping_add(&U384::ONE));
        let bytes = Wiped::new(scalar.to_be_bytes());
        let mut key = Self(Zeroizing::new([0; 48]));
        key.0.iter_mut().zip(bytes.as_ref()).for_each(|(to, from)| *to = *from);
        key
    }

    /// d, big-endian.
    #[must_use]
    pub fn scalar(&self) -> &[u8; 48] {
        &self.0
    }

    /// The key to sign with.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_scalar(&self.0).expect("d is from 1 to n - 1")
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;
    use crate::Hex;
    use crate::ecdsa::Signer;

    /// The ends of the range, where a modulus of n or a missing one would show. Computed in Python.
    #[test]
    fn from_1_to_n_less_one() {
        let n = "ffffffffffffffffffffffffffffffffffffffffffffffff\
                 c7634d81f4372ddf581a0db248b0a77aecec196accc52973";
        let one = [&"0".repeat(95), "1"].concat();
        let two = [&"0".repeat(95), "2"].concat();
        let less = |digit: &str| n.strip_suffix('3').map(|rest| [rest, digit].concat()).unwrap();
        let all_ones = "00000000000000000000000000000000389cb27e0bc8d220a7e5f24db74f58851313e695333ad68e0000000000000000";
        for (number, scalar) in [
            ("0".repeat(96), one.clone()),
            (one.clone(), two.clone()),
            (less("1"), less("2")),   // n - 2
            (less("2"), one.clone()), // n - 1
            (less("3"), two),         // n
            ("f".repeat(112), all_ones.to_string()),
        ] {
            let mut random: Vec<u8> = base16ct::lower::decode_vec(&number).unwrap();
            random.reverse();
            random.resize(56, 0);
            let key = PrivateKey::from_random(random.first_chunk().unwrap());
            assert_eq!(Hex(key.scalar()).to_string(), scalar, "{number}");
            assert!(key.signing_key().sign_sha384(b"a report").is_ok());
        }
    }
}
