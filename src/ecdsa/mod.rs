//! ECDSA over P-384 with SHA-384, in the form that AMD's firmware gives keys and signatures: little-endian numbers
//! in fields of 72 bytes (AMD 56860, section 10, "ECDSA P-384 signature").
//!
//! Verification works on public data and takes variable time, which its name says. Signing is RFC 6979's, in constant
//! time, by the crate `p384`.

mod scalar;

use core::fmt;

use ::ecdsa::hazmat::sign_prehashed_rfc6979;
use p384::NistP384;
use p384::ecdsa::signature::hazmat::PrehashSigner;
use sha2::{Digest, Sha256, Sha384};
use zeroize::Zeroizing;

pub(crate) use scalar::scalar_from_random;

use crate::Hex;
use crate::cpu::Arithmetic;
use crate::vartime::p384 as vartime;
pub(crate) use crate::vartime::p384::to_sec1;
use crate::wipe::Wiped;

/// The length of r and of s, in bytes.
const NUMBER: usize = vartime::NUMBER;
/// The length of the field that holds one of them.
const FIELD: usize = 72;

/// The two numbers of a signature, 1 to n - 1 each, big-endian.
///
/// ```
/// use sevcrypt::ecdsa::Signature;
///
/// let mut field = [0; Signature::LEN];
/// assert!(Signature::from_amd(&field).is_err()); // r is zero
/// (field[0], field[72]) = (1, 2);
/// let signature = Signature::from_amd(&field)?;
/// assert_eq!(signature.to_amd(), field);
/// # Ok::<(), sevcrypt::ecdsa::SignatureFormError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    r: [u8; NUMBER],
    s: [u8; NUMBER],
}

impl Signature {
    /// The length of AMD's signature field: r, s, and bytes that are zero.
    pub const LEN: usize = 512;

    /// From r and s as big-endian numbers.
    ///
    /// ```
    /// use sevcrypt::ecdsa::{Signature, SignatureFormError};
    ///
    /// let (mut r, mut s) = ([0; 48], [0; 48]);
    /// assert_eq!(Signature::new(&r, &s), Err(SignatureFormError::Range { number: 'r' }));
    /// (r[47], s[47]) = (1, 2);
    /// let signature = Signature::new(&r, &s)?;
    /// let [r, s] = signature.to_amd_fields();
    /// assert_eq!((r[0], s[0]), (1, 2), "AMD's fields are little-endian");
    /// assert_eq!(Signature::from_amd_fields(&r, &s)?, signature);
    /// # Ok::<(), SignatureFormError>(())
    /// ```
    ///
    /// # Errors
    /// [`SignatureFormError::Range`] unless both are from 1 to n - 1.
    pub fn new(r: &[u8; NUMBER], s: &[u8; NUMBER]) -> Result<Self, SignatureFormError> {
        for (number, name) in [(r, 'r'), (s, 's')] {
            if !vartime::is_scalar(number) {
                return Err(SignatureFormError::Range { number: name });
            }
        }
        Ok(Self { r: *r, s: *s })
    }

    /// From r and s little-endian in fields of 72 bytes each, the bytes behind a number zero.
    ///
    /// # Errors
    /// [`SignatureFormError`], with offsets in the 144 bytes of both.
    pub fn from_amd_fields(r: &[u8; FIELD], s: &[u8; FIELD]) -> Result<Self, SignatureFormError> {
        let mut numbers = [[0; NUMBER]; 2];
        for ((at, field), number) in [(0, r), (FIELD, s)].into_iter().zip(&mut numbers) {
            let (low, high) = field.split_at(NUMBER);
            if let Some(above) = high.iter().position(|byte| *byte != 0) {
                return Err(SignatureFormError::Padding { offset: at + NUMBER + above });
            }
            number.iter_mut().zip(low.iter().rev()).for_each(|(to, from)| *to = *from);
        }
        Self::new(&numbers[0], &numbers[1])
    }

    /// r and s little-endian in fields of 72 bytes each.
    #[must_use]
    pub fn to_amd_fields(&self) -> [[u8; FIELD]; 2] {
        [&self.r, &self.s].map(|number| {
            let mut field = [0; FIELD];
            field.iter_mut().zip(number.iter().rev()).for_each(|(to, from)| *to = *from);
            field
        })
    }

    /// From the 512 bytes at the end of a report: r and s little-endian in 72 bytes each, the rest zero.
    ///
    /// Each signature has one form only: bytes that do not count must be zero. (They are not signed, so whoever passes
    /// a report on could change them.)
    ///
    /// # Errors
    /// [`SignatureFormError`]: a byte that is not zero where it must be, or a number out of its range.
    pub fn from_amd(field: &[u8; Self::LEN]) -> Result<Self, SignatureFormError> {
        let number = |at: usize| core::array::from_fn(|i| field[at + NUMBER - 1 - i]);
        for zeroes in [NUMBER..FIELD, FIELD + NUMBER..Self::LEN] {
            let start = zeroes.start;
            if let Some(at) = field[zeroes].iter().position(|byte| *byte != 0) {
                return Err(SignatureFormError::Padding { offset: start + at });
            }
        }
        Self::new(&number(0), &number(FIELD))
    }

    /// The 512 bytes of AMD's signature field.
    #[must_use]
    pub fn to_amd(&self) -> [u8; Self::LEN] {
        let mut field = [0; Self::LEN];
        for (at, number) in [(0, &self.r), (FIELD, &self.s)] {
            field[at..at + NUMBER].copy_from_slice(number);
            field[at..at + NUMBER].reverse();
        }
        field
    }

    fn claim<'a>(&'a self, digest: &'a [u8; NUMBER]) -> vartime::Claim<'a> {
        vartime::Claim { digest, r: &self.r, s: &self.s }
    }

    /// r, big-endian.
    #[must_use]
    pub fn r(&self) -> &[u8; NUMBER] {
        &self.r
    }

    /// s, big-endian.
    #[must_use]
    pub fn s(&self) -> &[u8; NUMBER] {
        &self.s
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature(r = {}, s = {})", Hex(&self.r), Hex(&self.s))
    }
}

/// Bytes that are no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureFormError {
    /// A byte that must be zero is not.
    Padding {
        /// Where in the signature field, 0 to 511.
        offset: usize,
    },
    /// A number that is not from 1 to n - 1.
    Range {
        /// `r` or `s`.
        number: char,
    },
}

impl fmt::Display for SignatureFormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Padding { offset } => {
                write!(f, "byte {offset:#x} of the signature field is not zero")
            }
            Self::Range { number } => {
                write!(f, "{number} of the signature is not from 1 to the order of P-384 less one")
            }
        }
    }
}

impl core::error::Error for SignatureFormError {}

/// A public key: a point of P-384.
///
/// ```
/// use sevcrypt::Arithmetic;
/// use sevcrypt::ecdsa::{Signer, SignerSha256, SigningKey, VerifyingKey};
///
/// let key = SigningKey::from_random(&[7; 56]); // 56 fresh random bytes
/// let signature = key.sign_sha384(b"a report")?;
/// let public = VerifyingKey::from_sec1(&key.verifying_key().to_sec1()).expect("it is on the curve");
/// assert!(public.verify_vartime(b"a report", &signature));
/// assert!(!public.verify_vartime(b"another report", &signature));
///
/// // The same with an arithmetic of the caller's choice, and with a digest that is there already.
/// assert!(public.verify_vartime_by(Arithmetic::portable(), b"a report", &signature));
/// let digest = sevcrypt::hash::sha384(b"a report");
/// assert!(public.verify_digest_vartime(Arithmetic::best(), &digest, &signature));
///
/// // SEV and SEV-ES sign with SHA-256.
/// let signature = key.sign_sha256(b"a certificate")?;
/// assert!(public.verify_sha256_vartime(b"a certificate", &signature));
/// # Ok::<(), sevcrypt::ecdsa::SigningError>(())
/// ```
#[derive(Clone, Copy, PartialEq)]
pub struct VerifyingKey(vartime::Key);

impl VerifyingKey {
    /// From an uncompressed point: 4, x, y, big-endian (SEC 1, section 2.3.4). `None` if it is not on the curve.
    #[must_use]
    pub fn from_sec1(point: &[u8; 97]) -> Option<Self> {
        vartime::Key::from_sec1(point).map(Self)
    }

    /// The uncompressed point.
    #[must_use]
    pub fn to_sec1(&self) -> [u8; 97] {
        self.0.to_sec1()
    }

    /// Whether a signature of a message is this key's, in variable time.
    #[must_use = "the answer is all that it does"]
    pub fn verify_vartime(&self, message: &[u8], signature: &Signature) -> bool {
        self.verify_vartime_by(Arithmetic::best(), message, signature)
    }

    /// The same by an arithmetic of the caller's choice.
    #[must_use = "the answer is all that it does"]
    pub fn verify_vartime_by(
        &self,
        arithmetic: Arithmetic,
        message: &[u8],
        signature: &Signature,
    ) -> bool {
        self.verify_digest_vartime(arithmetic, &Sha384::digest(message).into(), signature)
    }

    /// The same for a message whose SHA-384 the caller has computed.
    #[must_use = "the answer is all that it does"]
    pub fn verify_digest_vartime(
        &self,
        arithmetic: Arithmetic,
        digest: &[u8; 48],
        signature: &Signature,
    ) -> bool {
        vartime::verify(arithmetic, &self.0, &signature.claim(digest))
    }

    /// The same for ECDSA with SHA-256, as the certificates of SEV and SEV-ES have it: the hash is shorter than the curve's
    /// order and used as it is.
    #[must_use = "the answer is all that it does"]
    pub fn verify_sha256_vartime(&self, message: &[u8], signature: &Signature) -> bool {
        let mut digest = [0; NUMBER];
        digest[NUMBER - 32..].copy_from_slice(&Sha256::digest(message));
        vartime::verify(Arithmetic::best(), &self.0, &signature.claim(&digest))
    }

    /// The key with a table of its multiples, on the heap. A verification with it takes a fraction of the time; making it takes
    /// about as long as a verification without.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn with_table(&self) -> std::boxed::Box<KeyTable> {
        let mut table = std::boxed::Box::new(KeyTable::EMPTY);
        table.fill(Arithmetic::best(), self);
        table
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", Hex(&self.to_sec1()))
    }
}

/// Room for a public key and a table of its multiples: about 16 KiB. Where there is no heap, the caller lends it.
///
/// ```
/// use sevcrypt::Arithmetic;
/// use sevcrypt::ecdsa::{KeyTable, Signer, SigningKey};
///
/// let key = SigningKey::from_scalar(&[7; 48]).ok_or("out of range")?;
/// let signature = key.sign_sha384(b"message")?;
/// let mut table = KeyTable::EMPTY;
/// assert!(!table.verify_vartime(b"message", &signature)); // no key's
/// table.fill(Arithmetic::best(), &key.verifying_key());
/// assert!(table.verify_vartime(b"message", &signature));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KeyTable(vartime::KeyTable);

impl KeyTable {
    /// A table of no key, with which nothing is verified.
    pub const EMPTY: Self = Self(vartime::KeyTable::EMPTY);

    /// Makes it the table of a key, for an arithmetic. On the way it takes stack: tens of KiB with `ifma`, less with the others.
    pub fn fill(&mut self, arithmetic: Arithmetic, key: &VerifyingKey) {
        self.0.fill(arithmetic, &key.0);
    }

    /// Whose it is; `None` of an empty one.
    #[must_use]
    pub fn key(&self) -> Option<VerifyingKey> {
        self.0.key().copied().map(VerifyingKey)
    }

    /// Whether a signature of a message is the key's, in variable time: the same answer as
    /// [`VerifyingKey::verify_vartime`], sooner. With an empty table nothing is.
    #[must_use = "the answer is all that it does"]
    pub fn verify_vartime(&self, message: &[u8], signature: &Signature) -> bool {
        self.verify_digest_vartime(&Sha384::digest(message).into(), signature)
    }

    /// The same for a message whose SHA-384 the caller has computed.
    #[must_use = "the answer is all that it does"]
    pub fn verify_digest_vartime(&self, digest: &[u8; 48], signature: &Signature) -> bool {
        self.0.verify(&signature.claim(digest))
    }
}

/// Tables of several keys, on the heap: sooner than one after the other.
#[cfg(feature = "std")]
pub(crate) fn tables_of<'k>(
    arithmetic: Arithmetic,
    keys: impl ExactSizeIterator<Item = &'k VerifyingKey>,
) -> std::vec::Vec<std::sync::Arc<KeyTable>> {
    vartime::KeyTable::of_each(arithmetic, keys.map(|key| &key.0))
        .into_iter()
        .map(|table| std::sync::Arc::new(KeyTable(table)))
        .collect()
}

impl fmt::Debug for KeyTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyTable").field(&self.key()).finish()
    }
}

/// A public key that signs all the time, with a large table of its multiples on the heap: 256 KiB with `ifma`, 192 KiB with `mulx`, about 26 KiB
/// with `portable`, and as much once for the generator. Making it takes as long as some verifications without.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use sevcrypt::Arithmetic;
/// use sevcrypt::ecdsa::{HotKey, Signer, SigningKey};
///
/// let key = SigningKey::from_scalar(&[7; 48]).ok_or("out of range")?;
/// let signature = key.sign_sha384(b"message")?;
/// let hot = HotKey::new(Arithmetic::best(), &key.verifying_key());
/// assert!(hot.verify_vartime(b"message", &signature));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "std")]
pub struct HotKey(vartime::HotKey);

#[cfg(feature = "std")]
impl HotKey {
    /// Makes the table.
    #[must_use]
    pub fn new(arithmetic: Arithmetic, key: &VerifyingKey) -> Self {
        Self(vartime::HotKey::new(arithmetic, &key.0))
    }

    /// Whether a signature of a message is the key's, in variable time: the same answer as
    /// [`VerifyingKey::verify_vartime`], sooner.
    #[must_use = "the answer is all that it does"]
    pub fn verify_vartime(&self, message: &[u8], signature: &Signature) -> bool {
        self.verify_digest_vartime(&Sha384::digest(message).into(), signature)
    }

    /// The same for a message whose SHA-384 the caller has computed.
    #[must_use = "the answer is all that it does"]
    pub fn verify_digest_vartime(&self, digest: &[u8; 48], signature: &Signature) -> bool {
        self.0.verify(&signature.claim(digest))
    }
}

#[cfg(feature = "std")]
impl fmt::Debug for HotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HotKey(..)")
    }
}

/// One of several signatures that are verified together ([`verify_each_vartime`]).
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    key: &'a VerifyingKey,
    signed: Signed<'a>,
    signature: &'a Signature,
    holds: bool,
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
enum Signed<'a> {
    Message(&'a [u8]),
    Digest(&'a [u8; 48]),
}

impl<'a> Claim<'a> {
    /// That a key has signed a message. It does not hold until it was verified.
    #[must_use]
    pub const fn new(key: &'a VerifyingKey, message: &'a [u8], signature: &'a Signature) -> Self {
        Self { key, signed: Signed::Message(message), signature, holds: false }
    }

    /// The same for a message whose SHA-384 the caller has computed.
    ///
    /// ```
    /// use sevcrypt::Arithmetic;
    /// use sevcrypt::ecdsa::{Claim, HotKey, KeyTable, Signer, SigningKey, verify_each_vartime};
    ///
    /// let key = SigningKey::from_random(&[7; 56]);
    /// let (public, signature) = (key.verifying_key(), key.sign_sha384(b"a report")?);
    /// let [digest, another] = [&b"a report"[..], b"another"].map(sevcrypt::hash::sha384);
    /// let mut claims = [&digest, &another].map(|digest| Claim::of_digest(&public, digest, &signature));
    /// verify_each_vartime(Arithmetic::best(), &mut claims, &mut { KeyTable::EMPTY });
    /// assert_eq!(claims.map(|claim| claim.holds()), [true, false]);
    ///
    /// // With tables of the key that stay.
    /// assert!(HotKey::new(Arithmetic::best(), &public).verify_digest_vartime(&digest, &signature));
    /// assert!(public.with_table().verify_digest_vartime(&digest, &signature));
    /// # Ok::<(), sevcrypt::ecdsa::SigningError>(())
    /// ```
    #[must_use]
    pub const fn of_digest(
        key: &'a VerifyingKey,
        digest: &'a [u8; 48],
        signature: &'a Signature,
    ) -> Self {
        Self { key, signed: Signed::Digest(digest), signature, holds: false }
    }

    /// Whether it was verified, and is so.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.holds
    }
}

/// Verifies signatures of any keys, in variable time: the same answers as [`VerifyingKey::verify_vartime`], in less time for
/// each, where vectors do eight at a time. They need a table's room for it, which the caller lends: what was in it is gone, and it is the table
/// of no key.
///
/// ```
/// use sevcrypt::Arithmetic;
/// use sevcrypt::ecdsa::{Claim, KeyTable, Signer, SigningKey, verify_each_vartime};
///
/// let key = SigningKey::from_scalar(&[7; 48]).ok_or("out of range")?;
/// let (public, signature) = (key.verifying_key(), key.sign_sha384(b"message")?);
/// let mut claims = [b"message".as_slice(), b"another"].map(|it| Claim::new(&public, it, &signature));
/// let mut scratch = KeyTable::EMPTY; // 16 KiB: in a static where the stack is small
/// verify_each_vartime(Arithmetic::best(), &mut claims, &mut scratch);
/// assert_eq!(claims.map(|claim| claim.holds()), [true, false]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify_each_vartime(
    arithmetic: Arithmetic,
    claims: &mut [Claim<'_>],
    scratch: &mut KeyTable,
) {
    for group in claims.chunks_mut(vartime::TOGETHER) {
        let mut digests = [[0; NUMBER]; vartime::TOGETHER];
        for (claim, digest) in group.iter().zip(&mut digests) {
            *digest = match claim.signed {
                Signed::Message(message) => Sha384::digest(message).into(),
                Signed::Digest(digest) => *digest,
            };
        }
        let claims = group
            .iter_mut()
            .zip(&digests)
            .map(|(claim, digest)| (&claim.key.0, claim.signature.claim(digest), &mut claim.holds));
        vartime::verify_each(arithmetic, claims, &mut scratch.0);
    }
}

/// Who signs: a key in memory ([`SigningKey`]) or one that is kept elsewhere.
pub trait Signer {
    /// Why no signature was made.
    type Error;

    /// The ECDSA signature of a message with P-384 and SHA-384.
    ///
    /// # Errors
    /// The signer's own.
    fn sign_sha384(&self, message: &[u8]) -> Result<Signature, Self::Error>;
}

/// A private key in memory. It is wiped on drop, not printed, and cannot be cloned:
///
/// ```compile_fail,E0599
/// # let key = sevcrypt::ecdsa::SigningKey::from_scalar(&[7; 48]).unwrap();
/// let copy = key.clone();
/// ```
pub struct SigningKey(Wiped<p384::ecdsa::SigningKey>);

impl SigningKey {
    /// From a private scalar, big-endian; `None` unless it is from 1 to n - 1.
    #[must_use]
    pub fn from_scalar(scalar: &[u8; NUMBER]) -> Option<Self> {
        p384::ecdsa::SigningKey::from_slice(scalar).ok().map(|key| Self(Wiped::new(key)))
    }

    /// From 56 random bytes, all of which must be fresh: FIPS 186-5's method with extra random bits (A.2.1).
    #[must_use]
    pub fn from_random(random: &[u8; 56]) -> Self {
        Self::from_scalar(&scalar_from_random(random)).expect("it is from 1 to n - 1")
    }

    /// The private scalar, big-endian: to be kept, and read again by [`from_scalar`](Self::from_scalar).
    #[must_use]
    pub fn to_scalar(&self) -> Zeroizing<[u8; NUMBER]> {
        let bytes = Wiped::new(self.0.to_bytes());
        let mut scalar = Zeroizing::new([0; NUMBER]);
        scalar.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = *from);
        scalar
    }

    /// The public key.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(vartime::Key::from(*self.0.verifying_key()))
    }
}

impl Signer for SigningKey {
    type Error = SigningError;

    /// With RFC 6979's nonce: the same message gets the same signature.
    fn sign_sha384(&self, message: &[u8]) -> Result<Signature, SigningError> {
        let signature: p384::ecdsa::Signature =
            self.0.sign_prehash(&Sha384::digest(message)).map_err(|_| SigningError)?;
        let (r, s) = signature.split_bytes();
        Signature::new(&r.into(), &s.into()).map_err(|_| SigningError)
    }
}

/// Who signs what SEV and SEV-ES sign: a key in memory ([`SigningKey`]) or one that is kept elsewhere.
pub trait SignerSha256 {
    /// Why no signature was made.
    type Error;

    /// The ECDSA signature of a message with P-384 and SHA-256.
    ///
    /// # Errors
    /// The signer's own.
    fn sign_sha256(&self, message: &[u8]) -> Result<Signature, Self::Error>;
}

impl SignerSha256 for SigningKey {
    type Error = SigningError;

    /// With RFC 6979's nonce by HMAC-SHA-256: the same message gets the same signature.
    fn sign_sha256(&self, message: &[u8]) -> Result<Signature, SigningError> {
        let signature = sign_prehashed_rfc6979::<NistP384, Sha256>(
            self.0.as_nonzero_scalar(),
            &Sha256::digest(message),
            &[],
        )
        .0;
        let (r, s) = signature.split_bytes();
        Signature::new(&r.into(), &s.into()).map_err(|_| SigningError)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// No signature came out; it does not happen but by chance of 2^-380.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningError;

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no signature was made")
    }
}

impl core::error::Error for SigningError {}

#[cfg(test)]
mod tests;
