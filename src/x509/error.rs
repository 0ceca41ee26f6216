//! What is wrong with a certificate, a CRL, a key or a signature, and where.

use core::fmt;

/// A certificate or CRL that does not parse: which field, where, and why.
///
/// ```
/// use sevcrypt::x509::{Certificate, CertificateErrorKind, Field};
///
/// let error = Certificate::from_der(&[0x30, 0x80]).unwrap_err();
/// assert_eq!((error.field, error.offset), (Field::Certificate, 0));
/// assert_eq!(error.kind, CertificateErrorKind::Length);
/// assert_eq!(
///     error.to_string(),
///     "certificate, at offset 0x0: the length is not definite, minimal and below 2^32"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateError {
    /// The field that was read.
    pub field: Field,
    /// Offset in bytes from the begin of the input.
    pub offset: usize,
    /// What is wrong there.
    pub kind: CertificateErrorKind,
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, at offset {:#x}: {}", self.field, self.offset, self.kind)
    }
}

impl core::error::Error for CertificateError {}

/// What is wrong with a field of a certificate or CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateErrorKind {
    /// The input, or the structure around the field, ends inside of it or before it.
    Truncated,
    /// Another DER tag than the one that stands here in the standard.
    Tag {
        /// The tag that was found.
        found: u8,
        /// The tag that was expected.
        expected: u8,
    },
    /// A tag of several bytes, or 0: neither occurs in a certificate.
    UnknownTag {
        /// The first byte of the tag.
        found: u8,
    },
    /// A length that is indefinite, longer than necessary, or of more than four bytes.
    Length,
    /// Bytes after the last field of a structure.
    TrailingData {
        /// How many.
        bytes: usize,
    },
    /// More bytes than are read at all.
    TooLong {
        /// How many bytes there are.
        len: usize,
        /// How many are taken at most.
        max: usize,
    },
    /// Fewer elements than the one that must be there.
    Empty,
    /// The elements of a SET do not stand in ascending order.
    SetOrder,
    /// An INTEGER without bytes, longer than necessary, or negative.
    Integer,
    /// A number above what the field may hold.
    TooLarge {
        /// The largest number that it may hold.
        max: u32,
    },
    /// A BOOLEAN other than 00 and FF.
    Boolean,
    /// A BIT STRING whose unused bits are not zero, or not as many as it must have.
    BitString,
    /// An OBJECT IDENTIFIER that is empty, longer than necessary, or not finished.
    ObjectIdentifier,
    /// Not the form `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`, or a date or time that does not exist.
    Time,
    /// Bytes that are no text of the string type.
    Text,
    /// Not X.509 v3 (a certificate) or v2 (a CRL).
    Version,
    /// Not RSASSA-PSS with SHA-384, MGF1 with SHA-384, 48 bytes of salt and trailer 1.
    SignatureAlgorithm,
    /// The algorithm beside the signature is not, byte for byte, the one that was signed.
    SignatureAlgorithms,
    /// A public key that is neither RSA nor an uncompressed point of P-384.
    PublicKey,
    /// An RSA public key that is not taken.
    RsaKey(RsaKeyError),
    /// A critical extension that this library does not know.
    UnknownCriticalExtension,
    /// An extension that stands there twice.
    DuplicateExtension,
    /// More PEM blocks than are read from one input.
    TooManyBlocks {
        /// How many are read.
        max: usize,
    },
    /// More extensions than are taken.
    TooManyExtensions {
        /// How many are taken at most.
        max: usize,
    },
    /// hwID of a length that no product has: 64 and 8 bytes exist, or these in an OCTET STRING.
    HardwareId {
        /// Its length in bytes.
        len: usize,
    },
    /// Neither DER of a certificate or CRL, nor text with a PEM block.
    Unrecognized,
    /// A PEM block of another kind.
    PemLabel(PemLabel),
    /// A PEM block whose END line is missing, or not the one of its BEGIN line.
    PemBoundary,
    /// A PEM block whose text is not base64 in lines of one length.
    Base64,
}

impl fmt::Display for CertificateErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            Self::Truncated => "it is cut short",
            Self::Tag { found, expected } => {
                return write!(f, "the tag is {found:#04x}, not {expected:#04x}");
            }
            Self::UnknownTag { found } => {
                return write!(f, "the tag {found:#04x} does not occur in certificates");
            }
            Self::Length => "the length is not definite, minimal and below 2^32",
            Self::TrailingData { bytes } => {
                return write!(f, "{bytes} bytes follow after its end");
            }
            Self::TooLong { len, max } => {
                return write!(f, "{len} bytes are more than the {max} that are taken");
            }
            Self::Empty => "it is empty",
            Self::SetOrder => "the elements of the SET are not in ascending order",
            Self::Integer => "the INTEGER is empty, negative or not minimal",
            Self::TooLarge { max } => return write!(f, "the number is above {max}"),
            Self::Boolean => "the BOOLEAN is neither 00 nor FF",
            Self::BitString => "the unused bits of the BIT STRING are not zero, or too many",
            Self::ObjectIdentifier => "the OBJECT IDENTIFIER is empty or not minimal",
            Self::Time => "no date and time of the form YYMMDDhhmmssZ or YYYYMMDDhhmmssZ",
            Self::Text => "the bytes are no text of the string type",
            Self::Version => "neither a certificate of version 3 nor a CRL of version 2",
            Self::SignatureAlgorithm => "not RSASSA-PSS with SHA-384 and 48 bytes of salt",
            Self::SignatureAlgorithms => "not the algorithm that was signed",
            Self::PublicKey => "neither an RSA key nor an uncompressed point of P-384",
            Self::RsaKey(error) => return error.fmt(f),
            Self::UnknownCriticalExtension => "the extension is critical, and unknown",
            Self::DuplicateExtension => "the extension stands there twice",
            Self::TooManyExtensions { max } => return write!(f, "more than {max} extensions"),
            Self::TooManyBlocks { max } => return write!(f, "more than {max} PEM blocks"),
            Self::HardwareId { len } => {
                return write!(f, "a hwID of {len} bytes: 64 and 8 are known");
            }
            Self::Unrecognized => "neither DER of a certificate or CRL, nor text with a PEM block",
            Self::PemLabel(label) => {
                return write!(f, "a PEM block of kind \"{label}\", not CERTIFICATE or X509 CRL");
            }
            Self::PemBoundary => "the PEM block has no END line, or that of another kind",
            Self::Base64 => "the PEM block is not base64 in lines of one length",
        };
        f.write_str(text)
    }
}

/// The label of a PEM block, cut after 24 bytes.
///
/// ```
/// use sevcrypt::x509::{CertificateErrorKind, PemLabel, split};
///
/// let key = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
/// let error = split(key).unwrap_err();
/// assert!(matches!(error.kind, CertificateErrorKind::PemLabel(label) if label.to_string() == "PUBLIC KEY"));
/// # let _: Option<PemLabel> = None;
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PemLabel {
    bytes: [u8; 24],
    len: usize,
}

impl PemLabel {
    #[cfg(feature = "alloc")]
    pub(super) fn new(label: &[u8]) -> Self {
        let mut bytes = [0; 24];
        let len = label.len().min(bytes.len());
        bytes[..len].copy_from_slice(&label[..len]);
        Self { bytes, len }
    }
}

impl fmt::Display for PemLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bytes[..self.len].escape_ascii())
    }
}

impl fmt::Debug for PemLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PemLabel(\"{self}\")")
    }
}

/// A field of a certificate or CRL (names of RFC 5280, sections 4.1 and 5.1; AMD 57230 for its extensions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// `Certificate`, the whole.
    Certificate,
    /// `CertificateList`, the whole.
    Crl,
    /// `tbsCertificate` or `tbsCertList`: what is signed.
    Tbs,
    /// `version`.
    Version,
    /// `serialNumber`.
    Serial,
    /// `signature` of what is signed: the inner algorithm.
    InnerAlgorithm,
    /// `issuer`.
    Issuer,
    /// `validity`.
    Validity,
    /// `notBefore`.
    NotBefore,
    /// `notAfter`.
    NotAfter,
    /// `subject`.
    Subject,
    /// `subjectPublicKeyInfo`.
    PublicKey,
    /// `extensions`, `crlExtensions` or `crlEntryExtensions`.
    Extensions,
    /// `basicConstraints`.
    BasicConstraints,
    /// `keyUsage`.
    KeyUsage,
    /// `structVersion`, 1.3.6.1.4.1.3704.1.1.
    StructVersion,
    /// `productName1`, 1.3.6.1.4.1.3704.1.2.
    ProductName,
    /// `blSPL`, 1.3.6.1.4.1.3704.1.3.1.
    BlSpl,
    /// `teeSPL`, 1.3.6.1.4.1.3704.1.3.2.
    TeeSpl,
    /// `snpSPL`, 1.3.6.1.4.1.3704.1.3.3.
    SnpSpl,
    /// `spl4`, 1.3.6.1.4.1.3704.1.3.4.
    Spl4,
    /// `spl5`, 1.3.6.1.4.1.3704.1.3.5.
    Spl5,
    /// `spl6`, 1.3.6.1.4.1.3704.1.3.6.
    Spl6,
    /// `spl7`, 1.3.6.1.4.1.3704.1.3.7.
    Spl7,
    /// `ucodeSPL`, 1.3.6.1.4.1.3704.1.3.8.
    UcodeSpl,
    /// `fmcSPL`, 1.3.6.1.4.1.3704.1.3.9.
    FmcSpl,
    /// `hwID`, 1.3.6.1.4.1.3704.1.4.
    HwId,
    /// `cspID`, 1.3.6.1.4.1.3704.1.5.
    CspId,
    /// `signatureAlgorithm`: the outer algorithm.
    OuterAlgorithm,
    /// `signatureValue`.
    Signature,
    /// `thisUpdate`.
    ThisUpdate,
    /// `nextUpdate`.
    NextUpdate,
    /// `revokedCertificates`.
    RevokedCertificates,
    /// `revocationDate` of an entry.
    RevocationDate,
    /// `reasonCode` of an entry.
    ReasonCode,
    /// `cRLNumber`.
    CrlNumber,
    /// The text around the DER.
    Pem,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::Crl => "CRL",
            Self::Tbs => "signed part",
            Self::Version => "version",
            Self::Serial => "serialNumber",
            Self::InnerAlgorithm => "signature (the signed algorithm)",
            Self::Issuer => "issuer",
            Self::Validity => "validity",
            Self::NotBefore => "notBefore",
            Self::NotAfter => "notAfter",
            Self::Subject => "subject",
            Self::PublicKey => "subjectPublicKeyInfo",
            Self::Extensions => "extensions",
            Self::BasicConstraints => "basicConstraints",
            Self::KeyUsage => "keyUsage",
            Self::StructVersion => "structVersion",
            Self::ProductName => "productName1",
            Self::BlSpl => "blSPL",
            Self::TeeSpl => "teeSPL",
            Self::SnpSpl => "snpSPL",
            Self::Spl4 => "spl4",
            Self::Spl5 => "spl5",
            Self::Spl6 => "spl6",
            Self::Spl7 => "spl7",
            Self::UcodeSpl => "ucodeSPL",
            Self::FmcSpl => "fmcSPL",
            Self::HwId => "hwID",
            Self::CspId => "cspID",
            Self::OuterAlgorithm => "signatureAlgorithm",
            Self::Signature => "signatureValue",
            Self::ThisUpdate => "thisUpdate",
            Self::NextUpdate => "nextUpdate",
            Self::RevokedCertificates => "revokedCertificates",
            Self::RevocationDate => "revocationDate",
            Self::ReasonCode => "reasonCode",
            Self::CrlNumber => "cRLNumber",
            Self::Pem => "PEM",
        })
    }
}

/// An RSA public key that no AMD certificate has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RsaKeyError {
    /// The modulus has another size than exactly 2048 or 4096 bits.
    Size {
        /// Its size in bits, without leading zeros.
        bits: usize,
    },
    /// The modulus is even.
    EvenModulus,
    /// The public exponent is not 65537.
    Exponent,
}

impl fmt::Display for RsaKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { bits } => {
                write!(f, "an RSA modulus of {bits} bits: 2048 and 4096 are taken")
            }
            Self::EvenModulus => f.write_str("an even RSA modulus"),
            Self::Exponent => f.write_str("an RSA public exponent other than 65537"),
        }
    }
}

impl core::error::Error for RsaKeyError {}

/// A signature that is not authentic. All values are public, so the length may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The signature is not as long as the modulus.
    Length {
        /// Its length in bytes.
        found: usize,
        /// The length of the modulus in bytes.
        expected: usize,
    },
    /// The signature is not of this message by this key.
    NotAuthentic,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { found, expected } => {
                write!(f, "a signature of {found} bytes under an RSA key of {expected}")
            }
            Self::NotAuthentic => f.write_str("the signature is not of this message by this key"),
        }
    }
}

impl core::error::Error for SignatureError {}
