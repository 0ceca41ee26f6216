//! Elliptic-curve Diffie-Hellman on P-384: how the two ends of a legacy session find a secret that the host between them
//! does not have (AMD 55766; NIST SP 800-56A, section 5.7.1.2).

use core::fmt;

use p384::ecdh::diffie_hellman;
use zeroize::Zeroizing;

use crate::Hex;
use crate::ecdsa::{scalar_from_random, to_sec1};
use crate::secret::secret;
use crate::wipe::Wiped;

secret! {
    /// Z: what both ends compute, the x coordinate, big-endian.
    SharedSecret, 48
}

/// A public key: a point of P-384, not the one at infinity.
///
/// ```
/// use sevcrypt::ecdh::{PrivateKey, PublicKey, SharedSecret};
///
/// let [one, other] = [[7; 56], [8; 56]].map(|random| PrivateKey::from_random(&random));
/// let received = PublicKey::from_sec1(&other.public_key().to_sec1()).expect("it is on the curve");
/// let z = one.agree(&received);
/// assert_eq!(z.as_bytes(), other.agree(&one.public_key()).as_bytes());
///
/// // A secret that came from elsewhere.
/// assert_eq!(SharedSecret::new(z.as_bytes()).as_bytes(), z.as_bytes());
/// assert!(PublicKey::from_sec1(&[4; 97]).is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(p384::PublicKey);

impl PublicKey {
    /// From an uncompressed point: 4, x, y, big-endian (SEC 1, section 2.3.4). `None` if it is not on the curve.
    #[must_use]
    pub fn from_sec1(point: &[u8; 97]) -> Option<Self> {
        p384::PublicKey::from_sec1_bytes(point).ok().map(Self)
    }

    /// The uncompressed point.
    #[must_use]
    pub fn to_sec1(&self) -> [u8; 97] {
        to_sec1(self.0.as_affine())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", Hex(&self.to_sec1()))
    }
}

/// A private key in memory. It is wiped on drop, not printed, and cannot be cloned.
///
/// ```
/// use sevcrypt::ecdh::PrivateKey;
///
/// let platform = PrivateKey::from_scalar(&[7; 48]).ok_or("out of range")?;
/// let owner = PrivateKey::from_random(&[9; 56]); // 56 fresh random bytes
/// let z = owner.agree(&platform.public_key());
/// assert_eq!(z.as_bytes(), platform.agree(&owner.public_key()).as_bytes());
/// # Ok::<(), &str>(())
/// ```
pub struct PrivateKey(Wiped<p384::SecretKey>);

impl PrivateKey {
    /// From a private scalar, big-endian; `None` unless it is from 1 to n - 1.
    #[must_use]
    pub fn from_scalar(scalar: &[u8; 48]) -> Option<Self> {
        p384::SecretKey::from_slice(scalar).ok().map(|key| Self(Wiped::new(key)))
    }

    /// From 56 random bytes, all of which must be fresh: FIPS 186-5's method with extra random bits (A.2.1), which has no
    /// bias that counts.
    #[must_use]
    pub fn from_random(random: &[u8; 56]) -> Self {
        Self::from_scalar(&scalar_from_random(random)).expect("it is from 1 to n - 1")
    }

    /// The private scalar, big-endian.
    #[must_use]
    pub fn to_scalar(&self) -> Zeroizing<[u8; 48]> {
        let bytes = Wiped::new(self.0.to_bytes());
        let mut scalar = Zeroizing::new([0; 48]);
        scalar.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = *from);
        scalar
    }

    fn scalar(&self) -> Wiped<p384::NonZeroScalar> {
        Wiped::new(self.0.to_nonzero_scalar())
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(p384::PublicKey::from_secret_scalar(&self.scalar()))
    }

    /// The secret shared with the owner of a public key, in constant time.
    #[must_use]
    pub fn agree(&self, peer: &PublicKey) -> SharedSecret {
        let shared = diffie_hellman(&*self.scalar(), peer.0.as_affine());
        let mut z = Zeroizing::new([0; 48]);
        z.iter_mut().zip(shared.raw_secret_bytes()).for_each(|(to, from)| *to = *from);
        SharedSecret::new(&z)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn hex<const N: usize>(digits: &str) -> [u8; N] {
        let bytes: Vec<u8> = base16ct::lower::decode_vec(digits).unwrap();
        bytes.try_into().unwrap()
    }

    /// Computed by another implementation, in Python.
    #[test]
    fn known_answer() {
        let platform = PrivateKey::from_scalar(&hex(
            "5b53a12149a75d8873dc96e933242c64bd13a1dd6e3573db0fa3229cfb11594387d988b35dee9aedd5d6335b200301d6",
        ))
        .unwrap();
        let owner = PrivateKey::from_scalar(&hex(
            "76d72e53c906c087d2cdca11eed35235efbdd28c1f453c4a74f4357d067ef9217cde8c19fa78605bffecdc78b7ea8718",
        ))
        .unwrap();
        let z = hex(
            "938fff5e263b3819f21f47d96ab775fbc5943b7432a41f8500e3b7a03451fea9fd66216674bc3e175016ffb5610cab1a",
        );
        assert_eq!(owner.agree(&platform.public_key()).as_bytes(), &z);
        assert_eq!(platform.agree(&owner.public_key()).as_bytes(), &z);
    }

    #[test]
    fn what_is_no_key() {
        assert!(PrivateKey::from_scalar(&[0; 48]).is_none());
        assert!(PrivateKey::from_scalar(&[0xff; 48]).is_none());
        let mut point = PrivateKey::from_scalar(&[7; 48]).unwrap().public_key().to_sec1();
        assert!(PublicKey::from_sec1(&point).is_some());
        point[96] ^= 1;
        assert!(PublicKey::from_sec1(&point).is_none(), "not on the curve");
        point = [0; 97];
        assert!(PublicKey::from_sec1(&point).is_none(), "infinity");
        point[0] = 4;
        assert!(PublicKey::from_sec1(&point).is_none(), "(0, 0)");
    }
}
