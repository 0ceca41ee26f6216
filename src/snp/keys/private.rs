//! P-384 private keys from secrets.

use core::fmt;

use super::HashStick;
use crate::ecdsa::{SigningKey, scalar_from_random};
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
pub struct PrivateKey(Wiped<[u8; 48]>);

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
        let mut random = Wiped::new([0; 56]);
        kdf::derive_array(key, label, b"", &mut random);
        Self(scalar_from_random(&random))
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
