//! Public keys as certificates have them.

use core::fmt;

use super::{Algorithm, Certificate, Usage, at};
use crate::ecdh;
use crate::ecdsa::VerifyingKey;
use crate::wire::{field, field_mut, get_u32, is_zero};
use crate::x509::{RsaKeyError, RsaPublicKey};

/// The number of P-384, the only curve that the firmware takes. Curve 1 is called P-256 in documents and in the tools
/// of hosts, and in the published firmware it is secp256k1: no certificate has it.
pub(super) const P384: u32 = 2;

/// The length of a coordinate, in bytes.
const COORDINATE: usize = 48;
/// The length of the field of a coordinate.
const FIELD: usize = 72;
/// The length of the fields of an RSA key, in bytes.
const RSA: usize = 512;

/// p, the prime of P-384's field, big-endian (FIPS 186-4, D.1.2.4).
const PRIME: [u8; COORDINATE] = {
    let mut prime = [0xff; COORDINATE];
    prime[31] = 0xfe;
    let mut zero = 36;
    while zero < 44 {
        prime[zero] = 0;
        zero += 1;
    }
    prime
};

/// A public key by what it does.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put the larger one on")]
pub enum PublicKey {
    /// It verifies ECDSA signatures: OCA, PEK, CEK.
    Ecdsa(VerifyingKey),
    /// It agrees on secrets: PDH.
    Ecdh(ecdh::PublicKey),
    /// It verifies RSASSA-PSS signatures: ASK, ARK.
    Rsa(RsaKey),
}

/// An RSA key of 2048 or 4096 bits, with the exponent 65537.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RsaKey {
    /// Big-endian, in the last bytes.
    modulus: [u8; RSA],
    len: usize,
}

impl RsaKey {
    /// From a certificate's little-endian numbers: the modulus has `bits`, the bytes behind it do not count.
    pub(super) fn from_little_endian(
        bits: u32,
        exponent: &[u8],
        modulus: &[u8],
    ) -> Result<Self, KeyError> {
        let bits = usize::try_from(bits).unwrap_or(usize::MAX);
        let size = KeyError::Rsa(RsaKeyError::Size { bits });
        if !matches!(bits, 2048 | 4096) {
            return Err(size);
        }
        let len = bits / 8;
        let Some(modulus) = modulus.get(..len) else { return Err(size) };
        let mut key = Self { modulus: [0; RSA], len };
        key.modulus.iter_mut().rev().zip(modulus).for_each(|(to, from)| *to = *from);
        let exponent = match exponent.split_first_chunk() {
            Some((low, high)) if high.iter().all(|byte| *byte == 0) => u32::from_le_bytes(*low),
            _ => return Err(KeyError::Rsa(RsaKeyError::Exponent)),
        };
        match RsaPublicKey::new(key.modulus(), exponent) {
            Ok(_) => Ok(key),
            Err(error) => Err(KeyError::Rsa(error)),
        }
    }

    /// The modulus, big-endian, 256 or 512 bytes.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        self.modulus.get(RSA - self.len..).unwrap_or_default()
    }

    /// Its size in bits: 2048 or 4096.
    #[must_use]
    pub const fn bits(&self) -> usize {
        self.len * 8
    }

    /// The algorithm that goes with keys of this size: SHA-256 with 2048 bits (Naples), SHA-384 with 4096 (Rome and
    /// later).
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        if self.len == 256 { Algorithm::RSA_SHA256 } else { Algorithm::RSA_SHA384 }
    }

    /// Whether this is a signature of a message: `signature` is little-endian, bytes behind the key's length do not
    /// count.
    pub(super) fn verifies(&self, with: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let Some(little) = signature.get(..self.len) else { return false };
        let mut big = [0; RSA];
        big.iter_mut().rev().zip(little).for_each(|(to, from)| *to = *from);
        let signature = big.get(RSA - self.len..).unwrap_or_default();
        RsaPublicKey::new(self.modulus(), 65537).is_ok_and(|key| {
            let verify = match with.has_sha384() {
                true => RsaPublicKey::verify_pss_sha384,
                false => RsaPublicKey::verify_pss_sha256,
            };
            verify(&key, message, signature).is_ok()
        })
    }
}

impl From<RsaPublicKey<'_>> for RsaKey {
    fn from(key: RsaPublicKey<'_>) -> Self {
        let (mut modulus, from) = ([0; RSA], key.modulus());
        modulus.iter_mut().rev().zip(from.iter().rev()).for_each(|(to, from)| *to = *from);
        Self { modulus, len: from.len() }
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaKey({} bits)", self.bits())
    }
}

/// Keys.
impl Certificate {
    /// The public key, if the firmware takes it: a usage and an algorithm that exist, and a point of P-384 or an RSA
    /// key. What is not part of the key is not looked at; [`check_form`](Self::check_form) does that.
    ///
    /// MODEL: a coordinate that is not below p is refused. (The published firmware reduces it.) RSA keys have 2048 or
    /// 4096 bits and the exponent 65537, as all of AMD's.
    ///
    /// # Errors
    /// [`KeyError`]: the first of usage, algorithm, curve, coordinates and point, or RSA key that is wrong.
    ///
    /// ```
    /// use sevcrypt::ecdsa::SigningKey;
    /// use sevcrypt::sev::ApiVersion;
    /// use sevcrypt::sev::cert::{Certificate, KeyError, PublicKey, Usage};
    ///
    /// let key = SigningKey::from_scalar(&[7; 48]).ok_or("out of range")?.verifying_key();
    /// let oca = Certificate::of_verifying_key(Usage::OCA, &key, ApiVersion::default());
    /// assert_eq!(oca.key()?, PublicKey::Ecdsa(key));
    ///
    /// let mut bytes = *oca.as_bytes();
    /// bytes[0x10] = 1; // the curve
    /// assert_eq!(Certificate::from_bytes(&bytes).key(), Err(KeyError::Curve { found: 1 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key(&self) -> Result<PublicKey, KeyError> {
        match self.usage() {
            Usage::ARK | Usage::ASK | Usage::OCA | Usage::PEK | Usage::PDH | Usage::CEK => {}
            found => return Err(KeyError::Usage { found }),
        }
        match self.algorithm() {
            Algorithm::RSA_SHA256 | Algorithm::RSA_SHA384 => {
                let bits = get_u32::<{ at::KEY }, _>(&self.0);
                let exponent = field::<{ at::RSA_EXPONENT }, RSA, _>(&self.0);
                let modulus = field::<{ at::RSA_MODULUS }, RSA, _>(&self.0);
                RsaKey::from_little_endian(bits, exponent, modulus).map(PublicKey::Rsa)
            }
            Algorithm::ECDSA_SHA256 | Algorithm::ECDSA_SHA384 => {
                let point = self.point()?;
                VerifyingKey::from_sec1(&point).map(PublicKey::Ecdsa).ok_or(KeyError::Point)
            }
            Algorithm::ECDH_SHA256 | Algorithm::ECDH_SHA384 => {
                let point = self.point()?;
                ecdh::PublicKey::from_sec1(&point).map(PublicKey::Ecdh).ok_or(KeyError::Point)
            }
            found => Err(KeyError::Algorithm { found }),
        }
    }

    /// The coordinates as an uncompressed point, which need not be on the curve.
    fn point(&self) -> Result<[u8; 97], KeyError> {
        match get_u32::<{ at::KEY }, _>(&self.0) {
            P384 => {}
            found => return Err(KeyError::Curve { found }),
        }
        let x = field::<{ at::QX }, FIELD, _>(&self.0);
        let y = field::<{ at::QY }, FIELD, _>(&self.0);
        let mut point = [0; 97];
        point[0] = 4; // uncompressed
        *field_mut::<1, COORDINATE, _>(&mut point) = coordinate('x', x)?;
        *field_mut::<{ 1 + COORDINATE }, COORDINATE, _>(&mut point) = coordinate('y', y)?;
        Ok(point)
    }

    /// Writes PUBKEY_ALGO and PUBKEY; nothing is left of the key before.
    pub fn set_key(&mut self, algorithm: Algorithm, key: &PublicKey) {
        self.set_algorithm(algorithm);
        *field_mut::<{ at::KEY }, { at::KEY_LEN }, _>(&mut self.0) = [0; at::KEY_LEN];
        let point = match key {
            PublicKey::Ecdsa(key) => key.to_sec1(),
            PublicKey::Ecdh(key) => key.to_sec1(),
            PublicKey::Rsa(key) => {
                // 4096 at most.
                let bits = (key.bits() as u32).to_le_bytes();
                *field_mut::<{ at::KEY }, 4, _>(&mut self.0) = bits;
                *field_mut::<{ at::RSA_EXPONENT }, 4, _>(&mut self.0) = 65537u32.to_le_bytes();
                let mut modulus = key.modulus;
                modulus.reverse();
                *field_mut::<{ at::RSA_MODULUS }, RSA, _>(&mut self.0) = modulus;
                return;
            }
        };
        *field_mut::<{ at::KEY }, 4, _>(&mut self.0) = P384.to_le_bytes();
        *field_mut::<{ at::QX }, COORDINATE, _>(&mut self.0) =
            reversed(field::<1, COORDINATE, _>(&point));
        *field_mut::<{ at::QY }, COORDINATE, _>(&mut self.0) =
            reversed(field::<{ 1 + COORDINATE }, COORDINATE, _>(&point));
    }

    /// The first byte of PUBKEY that is no part of the key and not zero. Keys of unknown algorithms have none.
    pub(super) fn stray_key_byte(&self) -> Option<usize> {
        let bytes = &self.0;
        let stray = |start: usize, end: usize| {
            let range = bytes.get(start..end).unwrap_or_default();
            range.iter().position(|byte| *byte != 0).map(|at| start + at)
        };
        match self.algorithm() {
            Algorithm::RSA_SHA256 | Algorithm::RSA_SHA384 => {
                let len = get_u32::<{ at::KEY }, _>(bytes) / 8;
                let len = usize::try_from(len).unwrap_or(RSA).min(RSA);
                stray(at::RSA_EXPONENT + len, at::RSA_MODULUS)
                    .or_else(|| stray(at::RSA_MODULUS + len, at::SLOTS[0]))
            }
            Algorithm::ECDSA_SHA256
            | Algorithm::ECDSA_SHA384
            | Algorithm::ECDH_SHA256
            | Algorithm::ECDH_SHA384 => stray(at::QX + COORDINATE, at::QY)
                .or_else(|| stray(at::QY + COORDINATE, at::SLOTS[0])),
            _ => None,
        }
    }
}

/// A coordinate below p, big-endian.
fn coordinate(number: char, field: &[u8; FIELD]) -> Result<[u8; COORDINATE], KeyError> {
    let coordinate = reversed(field.first_chunk().expect("72 are more than 48"));
    let below = is_zero::<COORDINATE, { FIELD - COORDINATE }, _>(field) && coordinate < PRIME;
    if below { Ok(coordinate) } else { Err(KeyError::Coordinate { number }) }
}

/// Little-endian from big-endian, and back.
fn reversed(number: &[u8; COORDINATE]) -> [u8; COORDINATE] {
    let mut reversed = *number;
    reversed.reverse();
    reversed
}

/// Why a certificate's key is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// PUBKEY_USAGE is not that of a key.
    Usage {
        /// What it is.
        found: Usage,
    },
    /// PUBKEY_ALGO is not that of a key.
    Algorithm {
        /// What it is.
        found: Algorithm,
    },
    /// A curve that is not P-384.
    Curve {
        /// Its number.
        found: u32,
    },
    /// A coordinate that is no element of P-384's field.
    Coordinate {
        /// `x` or `y`.
        number: char,
    },
    /// The coordinates are not those of a point of the curve.
    Point,
    /// The RSA key.
    Rsa(RsaKeyError),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { found } => write!(f, "the usage is {found}, which no key has"),
            Self::Algorithm { found } => write!(f, "the algorithm is {found}, which no key has"),
            Self::Curve { found } => write!(f, "curve {found}, expected {P384} (P-384)"),
            Self::Coordinate { number } => write!(f, "{number} is not below the prime of P-384"),
            Self::Point => f.write_str("the point is not on P-384"),
            Self::Rsa(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for KeyError {}
