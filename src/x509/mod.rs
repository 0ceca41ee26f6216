//! Certificates, CRLs and their RSA signatures, as far as AMD's chains of trust use X.509.
//!
//! [`Certificate`] and [`Crl`] borrow from their DER, allocate nothing and take time in proportion to its length.
//! What they accept is AMD's profile (AMD 57230, VCEK certificate; AMD 58369 for the VLEK; RFC 5280): version 3,
//! RSASSA-PSS with SHA-384, keys of RSA or P-384. They say what stands in a certificate; whether a chain is to be
//! trusted is not decided here: no dates are compared, and a signature is checked only by
//! [`Certificate::verify_signature`].
//!
//! ```
//! use sevcrypt::x509::{Certificate, PublicKey};
//!
//! fn signs(issuer: &[u8], certificate: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//!     let issuer = Certificate::from_der(issuer)?;
//!     let PublicKey::Rsa(key) = issuer.public_key() else { return Err("no RSA key".into()) };
//!     Ok(Certificate::from_der(certificate)?.verify_signature(&key)?)
//! }
//! # assert!(signs(b"", b"").is_err());
//! ```
//!
//! # Strictness
//! Lengths are definite and minimal, nothing follows after the end of a structure, and no extension is unknown
//! and critical or stands there twice. Where AMD's certificates leave RFC 5280 or DER, they are taken: the
//! serial number 0, a `trailerField` that spells out its default, and a zero at the end of `keyUsage`.

mod crl;
mod der;
mod error;
mod extensions;
mod name;
#[cfg(feature = "alloc")]
mod pem;
mod pss;
mod rsa;
#[cfg(all(test, feature = "alloc"))]
mod tests;
mod time;

use core::cmp::Ordering;
use core::fmt;

pub use crl::{Crl, CrlEntry, Entries};
pub use error::{
    CertificateError, CertificateErrorKind, Field, PemLabel, RsaKeyError, SignatureError,
};
pub use extensions::{AmdExtensions, BasicConstraints, KeyUsage};
pub use name::Name;
#[cfg(feature = "alloc")]
pub use pem::{Blob, split};
pub use rsa::{PreparedRsaKey, RsaPublicKey};
pub use time::{UtcTime, Validity};

use CertificateErrorKind as Kind;
use der::{Element, Reader, tag, whole};
use extensions::CertificateExtensions;

/// The longest certificate that is read.
const MAX_LEN: usize = 64 << 10;
/// `v3` (RFC 5280, 4.1.2.1).
const VERSION_3: u32 = 2;
/// The longest serial number in bytes (RFC 5280, 4.1.2.2).
const MAX_SERIAL: usize = 20;
/// `AlgorithmIdentifier` of an RSA key: `rsaEncryption` and NULL (RFC 3279, 2.3.1), its content.
const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
/// `AlgorithmIdentifier` of a P-384 key: `id-ecPublicKey` and `secp384r1` (RFC 5480, 2.1.1), its content.
const EC_P384: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";

/// An X.509 v3 certificate, borrowed from its DER.
///
/// ```
/// use sevcrypt::x509::{Certificate, CertificateError};
///
/// fn show(der: &[u8]) -> Result<(), CertificateError> {
///     let vcek = Certificate::from_der(der)?;
///     println!("{} by {}, serial {}", vcek.subject(), vcek.issuer(), vcek.serial());
///     println!("boot loader {:?}, microcode {:?}", vcek.amd().bl_spl, vcek.amd().ucode_spl);
///     Ok(())
/// }
/// # assert!(show(b"").is_err());
/// ```
#[derive(Clone, Copy)]
pub struct Certificate<'a> {
    signed: Signed<'a>,
    serial: Serial<'a>,
    issuer: Name<'a>,
    validity: Validity,
    subject: Name<'a>,
    spki: &'a [u8],
    public_key: PublicKey<'a>,
    extensions: CertificateExtensions<'a>,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate: the whole slice, at most 64 KiB.
    ///
    /// # Errors
    /// [`CertificateError`] says which field is wrong, where, and why.
    pub fn from_der(der: &'a [u8]) -> Result<Self, CertificateError> {
        let (signed, mut fields) = Signed::read(whole(der, MAX_LEN, Field::Certificate)?)?;
        read_version(&mut fields)?;
        let serial = fields.read(tag::INTEGER, Field::Serial)?;
        let serial = Serial::from_element(&serial, Field::Serial)?;
        signed.check_inner_algorithm(&mut fields)?;
        let issuer = Name::read(&mut fields, Field::Issuer)?;
        let validity = Validity::read(&mut fields)?;
        let subject = Name::read(&mut fields, Field::Subject)?;
        let spki = fields.read(tag::SEQUENCE, Field::PublicKey)?;
        let public_key = PublicKey::read(&spki)?;
        let extensions = match fields.is_empty() {
            true => CertificateExtensions::default(),
            false => {
                let mut inner = fields.read(tag::CONTEXT_3, Field::Extensions)?.reader();
                let sequence = inner.read(tag::SEQUENCE, Field::Extensions)?;
                inner.finish(Field::Extensions)?;
                CertificateExtensions::read(&sequence)?
            }
        };
        fields.finish(Field::Tbs)?;
        let spki = spki.raw;
        Ok(Self { signed, serial, issuer, validity, subject, spki, public_key, extensions })
    }

    /// The DER that the certificate was read from.
    #[must_use]
    pub const fn der(&self) -> &'a [u8] {
        self.signed.der
    }

    /// The DER that is signed, `tbsCertificate`.
    #[must_use]
    pub const fn tbs(&self) -> &'a [u8] {
        self.signed.tbs
    }

    /// The signature, big-endian.
    #[must_use]
    pub const fn signature(&self) -> &'a [u8] {
        self.signed.signature
    }

    /// The serial number. It is 0 in a VCEK or VLEK of AMD.
    #[must_use]
    pub const fn serial(&self) -> Serial<'a> {
        self.serial
    }

    /// Whose key signed the certificate, by its own word.
    #[must_use]
    pub const fn issuer(&self) -> Name<'a> {
        self.issuer
    }

    /// Whose key the certificate is about.
    #[must_use]
    pub const fn subject(&self) -> Name<'a> {
        self.subject
    }

    /// When the certificate is valid.
    #[must_use]
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// The key that the certificate is about.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey<'a> {
        self.public_key
    }

    /// The DER of `SubjectPublicKeyInfo`, with its tag and length: what a pin of a key is a hash of.
    #[must_use]
    pub const fn spki(&self) -> &'a [u8] {
        self.spki
    }

    /// BasicConstraints, where the certificate has it.
    #[must_use]
    pub const fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.extensions.basic_constraints
    }

    /// KeyUsage, where the certificate has it.
    #[must_use]
    pub const fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage
    }

    /// AMD's extensions.
    #[must_use]
    pub const fn amd(&self) -> AmdExtensions<'a> {
        self.extensions.amd
    }

    /// Verifies that this key signed the certificate. Whose key it is, the caller must know.
    ///
    /// # Errors
    /// [`SignatureError`] if it did not.
    pub fn verify_signature(&self, key: &RsaPublicKey<'_>) -> Result<(), SignatureError> {
        self.signed.verify(key)
    }

    /// The same with a key that is kept prepared.
    ///
    /// # Errors
    /// [`SignatureError`] if it did not.
    pub fn verify_signature_prepared(&self, key: &PreparedRsaKey) -> Result<(), SignatureError> {
        self.signed.verify_prepared(key)
    }
}

impl fmt::Debug for Certificate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject)
            .field("issuer", &self.issuer)
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

/// `version`: `[0]` around an INTEGER.
fn read_version(fields: &mut Reader<'_>) -> Result<(), CertificateError> {
    let mut inner = match fields.peek() {
        // A certificate of version 1 begins with its serial number.
        Some(tag::INTEGER) => return Err(fields.error(Field::Version, Kind::Version)),
        _ => fields.read(tag::CONTEXT_0, Field::Version)?.reader(),
    };
    let version = inner.read(tag::INTEGER, Field::Version)?;
    inner.finish(Field::Version)?;
    match version.small(Field::Version, u32::MAX)? {
        VERSION_3 => Ok(()),
        _ => Err(version.error(Field::Version, Kind::Version)),
    }
}

/// What certificates and CRLs have in common: a signed part, an algorithm and a signature.
#[derive(Clone, Copy)]
struct Signed<'a> {
    der: &'a [u8],
    tbs: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Also gives the fields of the signed part.
    fn read(whole: Element<'a>) -> Result<(Self, Reader<'a>), CertificateError> {
        let mut parts = whole.reader();
        let tbs = parts.read(tag::SEQUENCE, Field::Tbs)?;
        let algorithm = parts.read(tag::SEQUENCE, Field::OuterAlgorithm)?;
        if !pss::is_algorithm(algorithm.raw) {
            return Err(algorithm.error(Field::OuterAlgorithm, Kind::SignatureAlgorithm));
        }
        let signature = parts.read(tag::BIT_STRING, Field::Signature)?;
        let signature = signature.bit_string_reader(Field::Signature)?.bytes();
        parts.finish(Field::Signature)?;
        let signed = Self { der: whole.raw, tbs: tbs.raw, algorithm: algorithm.raw, signature };
        Ok((signed, tbs.reader()))
    }

    fn check_inner_algorithm(&self, fields: &mut Reader<'a>) -> Result<(), CertificateError> {
        let inner = fields.read(tag::SEQUENCE, Field::InnerAlgorithm)?;
        if !pss::is_algorithm(inner.raw) {
            return Err(inner.error(Field::InnerAlgorithm, Kind::SignatureAlgorithm));
        }
        if inner.raw != self.algorithm {
            return Err(inner.error(Field::InnerAlgorithm, Kind::SignatureAlgorithms));
        }
        Ok(())
    }

    fn verify(&self, key: &RsaPublicKey<'_>) -> Result<(), SignatureError> {
        key.verify_pss_sha384(self.tbs, self.signature)
    }

    fn verify_prepared(&self, key: &PreparedRsaKey) -> Result<(), SignatureError> {
        key.verify_pss_sha384(self.tbs, self.signature)
    }
}

/// The public key of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKey<'a> {
    /// RSA: an ARK, ASK or ASVK.
    Rsa(RsaPublicKey<'a>),
    /// P-384: a VCEK or VLEK. 04h, then x and y, big-endian. Whether the point lies on the curve is not checked.
    P384(&'a [u8; 97]),
}

impl<'a> PublicKey<'a> {
    /// From `SubjectPublicKeyInfo` (RFC 5280, 4.1.2.7).
    fn read(spki: &Element<'a>) -> Result<Self, CertificateError> {
        const FIELD: Field = Field::PublicKey;
        let mut parts = spki.reader();
        let algorithm = parts.read(tag::SEQUENCE, FIELD)?;
        let key = parts.read(tag::BIT_STRING, FIELD)?;
        parts.finish(FIELD)?;
        let mut inner = key.bit_string_reader(FIELD)?;
        match algorithm.content {
            EC_P384 => match <&[u8; 97]>::try_from(inner.bytes()) {
                Ok(point @ [0x04, ..]) => Ok(Self::P384(point)),
                _ => Err(key.error(FIELD, Kind::PublicKey)),
            },
            RSA_ENCRYPTION => {
                // RSAPublicKey (RFC 8017, A.1.1).
                let mut numbers = inner.read(tag::SEQUENCE, FIELD)?.reader();
                inner.finish(FIELD)?;
                let modulus = numbers.read(tag::INTEGER, FIELD)?;
                let exponent = numbers.read(tag::INTEGER, FIELD)?;
                numbers.finish(FIELD)?;
                RsaPublicKey::new(modulus.unsigned(FIELD)?, exponent.small(FIELD, u32::MAX)?)
                    .map(Self::Rsa)
                    .map_err(|why| key.error(FIELD, Kind::RsaKey(why)))
            }
            _ => Err(algorithm.error(FIELD, Kind::PublicKey)),
        }
    }
}

/// A serial number: an integer that is not negative.
///
/// ```
/// use sevcrypt::x509::Serial;
///
/// let number = 0x10001u64.to_be_bytes();
/// let serial = Serial::from_be_bytes(&number);
/// assert_eq!(serial, Serial::from_be_bytes(&[1, 0, 1]));
/// assert_eq!(serial.to_string(), "0x10001");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Serial<'a>(&'a [u8]);

impl<'a> Serial<'a> {
    /// A serial number from big-endian bytes; leading zeros are left away.
    #[must_use]
    pub const fn from_be_bytes(mut bytes: &'a [u8]) -> Self {
        while let [0, rest @ ..] = bytes {
            bytes = rest;
        }
        Self(bytes)
    }

    /// The big-endian bytes without leading zeros: zero has none.
    #[must_use]
    pub const fn be_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// At most 20 bytes; zero, which RFC 5280 forbids, is taken.
    fn from_element(element: &Element<'a>, field: Field) -> Result<Self, CertificateError> {
        let bytes = element.unsigned(field)?;
        if bytes.len() > MAX_SERIAL {
            return Err(element.error(field, Kind::TooLong { len: bytes.len(), max: MAX_SERIAL }));
        }
        Ok(Self(bytes))
    }
}

impl Ord for Serial<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(other.0))
    }
}

impl PartialOrd for Serial<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Serial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.0.split_first() else { return f.write_str("0x0") };
        write!(f, "{first:#x}")?;
        rest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}
