//! P-384 keys in the form that the firmware reads and hashes.

use core::fmt;

use super::{SignError, SignedBy};
use crate::Hex;
use crate::ecdsa::{Signer, VerifyingKey};
use crate::hash::{self, Sha384Digest};
use crate::wire::{field, field_mut, get_u32, is_zero};

/// Where things stand (AMD 56860, "ECDSA P-384 public key").
mod at {
    pub(super) const CURVE: usize = 0x00;
    pub(super) const QX: usize = 0x04;
    pub(super) const QY: usize = 0x4c;
    pub(super) const RESERVED: usize = 0x94;
}

/// The length of a coordinate, in bytes.
const COORDINATE: usize = 48;
/// The length of the field of a coordinate.
const FIELD: usize = 72;

/// A public key as it stands in the ID authentication page: the curve, and the coordinates as little-endian
/// numbers in 72 bytes each (AMD 56860, "ECDSA P-384 public key").
///
/// All of its bytes count, because the firmware hashes and signs them all: any 0x404 bytes are one of these, and
/// [`verifying_key`](Self::verifying_key) says whether they are a key.
///
/// ```
/// use sevcrypt::ecdsa::SigningKey;
/// use sevcrypt::snp::id_block::{PublicKey, PublicKeyError};
///
/// let key = SigningKey::from_scalar(&[7; 48]).ok_or("out of range")?.verifying_key();
/// let public_key = PublicKey::from(&key);
/// assert_eq!(public_key.verifying_key()?, key);
///
/// let mut bytes = *public_key.as_bytes();
/// bytes[0] = 1;
/// let other = PublicKey::from_bytes(bytes);
/// assert_eq!(other.verifying_key(), Err(PublicKeyError::Curve { found: 1 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; Self::LEN]);

impl PublicKey {
    /// The length in bytes.
    pub const LEN: usize = 0x404;
    /// The curve's number: P-384.
    pub const P384: u32 = 2;
    /// The length of a key in an IGVM file.
    pub const IGVM_LEN: usize = 0x98;

    /// From the bytes in an ID authentication page.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// From the key in an SNP ID block directive of an IGVM file. There a reserved word stands behind the
    /// curve, which the firmware never sees, and nothing stands behind the coordinates.
    ///
    /// ```
    /// use sevcrypt::snp::id_block::PublicKey;
    ///
    /// let key = PublicKey::from_igvm(&[0; 152]);
    /// assert!(key.verifying_key().is_err(), "no point has these coordinates");
    /// ```
    #[must_use]
    pub fn from_igvm(bytes: &[u8; Self::IGVM_LEN]) -> Self {
        let mut key = [0; Self::LEN];
        *field_mut::<{ at::CURVE }, 4, _>(&mut key) = *field::<0, 4, _>(bytes);
        *field_mut::<{ at::QX }, { 2 * FIELD }, _>(&mut key) = *field::<8, { 2 * FIELD }, _>(bytes);
        Self(key)
    }

    /// The bytes in an ID authentication page: what the author key signs.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The curve's number; [`PublicKey::P384`] is the only one that the firmware takes.
    #[must_use]
    pub fn curve(&self) -> u32 {
        get_u32::<{ at::CURVE }, _>(&self.0)
    }

    /// ID_KEY_DIGEST or AUTHOR_KEY_DIGEST of reports: SHA-384 of all 0x404 bytes.
    #[must_use]
    pub fn digest(&self) -> Sha384Digest {
        hash::sha384(&self.0)
    }

    /// The key. The bytes behind the coordinates are not looked at;
    /// [`IdAuth::check_reserved`](super::IdAuth::check_reserved) does that.
    ///
    /// MODEL: a coordinate is taken for a number of 72 bytes, so that one with more than 48 is on no curve.
    ///
    /// # Errors
    /// [`PublicKeyError`]: another curve, or no point of it.
    pub fn verifying_key(&self) -> Result<VerifyingKey, PublicKeyError> {
        match self.curve() {
            Self::P384 => {}
            found => return Err(PublicKeyError::Curve { found }),
        }
        let [x, y] =
            [field::<{ at::QX }, FIELD, _>(&self.0), field::<{ at::QY }, FIELD, _>(&self.0)];
        if [x, y].iter().any(|number| !is_zero::<COORDINATE, { FIELD - COORDINATE }, _>(number)) {
            return Err(PublicKeyError::Point);
        }
        let mut point = [0; 1 + 2 * COORDINATE];
        point[0] = 4; // uncompressed
        *field_mut::<1, COORDINATE, _>(&mut point) = reversed(field::<0, COORDINATE, _>(x));
        *field_mut::<{ 1 + COORDINATE }, COORDINATE, _>(&mut point) =
            reversed(field::<0, COORDINATE, _>(y));
        VerifyingKey::from_sec1(&point).ok_or(PublicKeyError::Point)
    }

    /// Signs the key, an ID key, with the author key: `signer` holds the private part of `author_key`.
    ///
    /// # Errors
    /// [`SignError`]: the signer's own, or its signature is not `author_key`'s.
    pub fn sign<S: Signer>(
        &self,
        author_key: &VerifyingKey,
        signer: &S,
    ) -> Result<SignedBy, SignError<S::Error>> {
        SignedBy::sign(&self.0, author_key, signer)
    }

    /// The offset of the first byte behind the coordinates that is not zero.
    pub(super) fn nonzero_reserved(&self) -> Option<usize> {
        let reserved = field::<{ at::RESERVED }, { Self::LEN - at::RESERVED }, _>(&self.0);
        reserved.iter().position(|byte| *byte != 0).map(|offset| at::RESERVED + offset)
    }
}

impl From<&VerifyingKey> for PublicKey {
    fn from(key: &VerifyingKey) -> Self {
        let point = key.to_sec1();
        let mut bytes = [0; Self::LEN];
        *field_mut::<{ at::CURVE }, 4, _>(&mut bytes) = Self::P384.to_le_bytes();
        *field_mut::<{ at::QX }, COORDINATE, _>(&mut bytes) =
            reversed(field::<1, COORDINATE, _>(&point));
        *field_mut::<{ at::QY }, COORDINATE, _>(&mut bytes) =
            reversed(field::<{ 1 + COORDINATE }, COORDINATE, _>(&point));
        Self(bytes)
    }
}

/// Little-endian from big-endian, and back.
fn reversed(number: &[u8; COORDINATE]) -> [u8; COORDINATE] {
    let mut reversed = *number;
    reversed.reverse();
    reversed
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y] =
            [field::<{ at::QX }, FIELD, _>(&self.0), field::<{ at::QY }, FIELD, _>(&self.0)];
        write!(f, "PublicKey(curve = {}, qx = {}, qy = {}", self.curve(), Hex(x), Hex(y))?;
        match self.nonzero_reserved() {
            Some(offset) => write!(f, ", byte {offset:#x} is not zero)"),
            None => f.write_str(")"),
        }
    }
}

/// Bytes that are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// A curve that is not P-384.
    Curve {
        /// Its number.
        found: u32,
    },
    /// The coordinates are not those of a point of the curve.
    Point,
}

impl fmt::Display for PublicKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Curve { found } => {
                write!(f, "curve {found}, expected {} (P-384)", PublicKey::P384)
            }
            Self::Point => f.write_str("the point is not on P-384"),
        }
    }
}

impl core::error::Error for PublicKeyError {}
