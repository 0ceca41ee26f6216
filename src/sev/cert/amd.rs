//! AMD's certificates of SEV: ARK and ASK.

use core::fmt;

use super::chain::{Product, Trust};
use super::rules::SignerKey;
use super::{CertificateError, KeyError, RsaKey, Usage};
use crate::Hex;
use crate::wire::{field, field_mut, get_u32};
use crate::x509::RsaPublicKey;

/// Where things stand in the header (AMD 55766, appendix C, AMD certificate, version 1).
mod at {
    pub(super) const VERSION: usize = 0x00;
    pub(super) const KEY_ID: usize = 0x04;
    pub(super) const CERTIFYING_ID: usize = 0x14;
    pub(super) const USAGE: usize = 0x24;
    pub(super) const RESERVED: usize = 0x28;
    pub(super) const EXPONENT_SIZE: usize = 0x38;
    pub(super) const MODULUS_SIZE: usize = 0x3c;
}

/// The length of all before the exponent.
const HEADER: usize = 0x40;
/// The only VERSION.
const VERSION: u32 = 1;

/// An AMD certificate, version 1: an RSA key of 2048 or 4096 bits with its signature, 832 or 1600 bytes (AMD 55766,
/// appendix C). A view of the bytes.
///
/// The hash of its signature goes with the size: SHA-256 with 2048 bits (Naples), SHA-384 with 4096. (The published
/// firmware is Genoa's, and has SHA-384 only.)
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AmdCertificate<'a> {
    header: &'a [u8; HEADER],
    exponent: &'a [u8],
    modulus: &'a [u8],
    signed: &'a [u8],
    /// Empty in one certificate: see [`parse`](Self::parse).
    signature: &'a [u8],
    all: &'a [u8],
}

impl<'a> AmdCertificate<'a> {
    /// Reads a certificate from the begin of some bytes; gives the rest. Its length is in its header: 64 bytes, the
    /// exponent, the modulus, and a signature as long as its own modulus, whatever the signer's is.
    ///
    /// The ARK of Naples was first published without its signature: 576 bytes. If there is nothing behind them, and
    /// they are what AMD's 832 bytes begin with, they are taken. [`verify`](super::verify) does with them; the firmware
    /// does not, nor [`validate_root`](Self::validate_root).
    ///
    /// # Errors
    /// [`CertificateError::Truncated`], [`Size`](CertificateError::Size),
    /// [`NoSignature`](CertificateError::NoSignature).
    pub fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), CertificateError> {
        let found = bytes.len();
        let Some((header, body)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(CertificateError::Truncated { found, expected: HEADER });
        };
        let exponent_len = size(get_u32::<{ at::EXPONENT_SIZE }, _>(header), at::EXPONENT_SIZE)?;
        let modulus_len = size(get_u32::<{ at::MODULUS_SIZE }, _>(header), at::MODULUS_SIZE)?;
        let signed_len = HEADER + exponent_len + modulus_len;
        let expected = signed_len + modulus_len;
        let truncated = CertificateError::Truncated { found, expected };
        let (exponent, body) = body.split_at_checked(exponent_len).ok_or(truncated)?;
        let (modulus, rest) = body.split_at_checked(modulus_len).ok_or(truncated)?;
        let (signed, _) = bytes.split_at_checked(signed_len).ok_or(truncated)?;
        if let Some((signature, rest)) = rest.split_at_checked(modulus_len) {
            let (all, _) = bytes.split_at_checked(expected).ok_or(truncated)?;
            return Ok((Self { header, exponent, modulus, signed, signature, all }, rest));
        }
        if !rest.is_empty() {
            return Err(truncated);
        }
        let unsigned = Self { header, exponent, modulus, signed, signature: &[], all: signed };
        match Product::of_root(&unsigned) {
            Some(Product::Naples) => Ok((unsigned, rest)),
            _ => Err(CertificateError::NoSignature),
        }
    }

    /// Reads ASK and ARK, in this order, from a blob of one of the lengths that the firmware takes: 1664, 2176, 2688
    /// and 3200 (AMD's published firmware, SEND_START). Both certificates must have the same size to be read: the
    /// firmware cuts each by its own. MODEL: nothing may follow the ARK. (What the firmware does with a rest, as of two
    /// small certificates in 2176 bytes, is UNKNOWN.)
    ///
    /// # Errors
    /// [`CertificateError::ChainLength`], those of [`parse`](Self::parse), [`CertificateError::Rest`].
    pub fn parse_chain(bytes: &'a [u8]) -> Result<[Self; 2], CertificateError> {
        if !matches!(bytes.len(), 1664 | 2176 | 2688 | 3200) {
            return Err(CertificateError::ChainLength { found: bytes.len() });
        }
        let (ask, rest) = Self::parse(bytes)?;
        let (ark, rest) = Self::parse(rest)?;
        if !rest.is_empty() {
            return Err(CertificateError::Rest { offset: bytes.len() - rest.len() });
        }
        match ark.signature() {
            Some(_) => Ok([ask, ark]),
            None => Err(CertificateError::NoSignature),
        }
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.all
    }

    /// The part that is signed: all before the signature.
    #[must_use]
    pub const fn signed_bytes(&self) -> &'a [u8] {
        self.signed
    }

    /// The signature, little-endian; `None` in the ARK of Naples as it was first published.
    #[must_use]
    pub const fn signature(&self) -> Option<&'a [u8]> {
        if self.signature.is_empty() { None } else { Some(self.signature) }
    }

    /// VERSION.
    #[must_use]
    pub fn version(&self) -> u32 {
        get_u32::<{ at::VERSION }, _>(self.header)
    }

    /// KEY_ID.
    #[must_use]
    pub fn key_id(&self) -> &'a [u8; 16] {
        field::<{ at::KEY_ID }, 16, _>(self.header)
    }

    /// CERTIFYING_ID: the KEY_ID of the signer.
    #[must_use]
    pub fn certifying_id(&self) -> &'a [u8; 16] {
        field::<{ at::CERTIFYING_ID }, 16, _>(self.header)
    }

    /// KEY_USAGE.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage(get_u32::<{ at::USAGE }, _>(self.header))
    }

    /// The key. MODEL: its exponent is 65537, and its modulus odd with the top bit set, as all of AMD's.
    ///
    /// # Errors
    /// [`KeyError::Rsa`]
    pub fn key(&self) -> Result<RsaKey, KeyError> {
        let bits = get_u32::<{ at::MODULUS_SIZE }, _>(self.header);
        RsaKey::from_little_endian(bits, self.exponent, self.modulus)
    }

    /// Whether the reserved bytes are zero, which the firmware does not look at.
    ///
    /// # Errors
    /// [`CertificateError::Reserved`]: the first that is not.
    pub fn check_form(&self) -> Result<(), CertificateError> {
        let reserved = field::<{ at::RESERVED }, 16, _>(self.header);
        match reserved.iter().position(|byte| *byte != 0) {
            Some(offset) => Err(CertificateError::Reserved { offset: at::RESERVED + offset }),
            None => Ok(()),
        }
    }

    /// The firmware's check of an ASK under an ARK, in its order: the signature, VERSION, KEY_USAGE, CERTIFYING_ID
    /// (AMD's published firmware, `amd_cert.c`). The ARK itself is not checked; [`validate_root`](Self::validate_root)
    /// does that. MODEL: both have keys of the same size, as all of AMD's, because the place of the signature is as long
    /// as the certificate's own modulus.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn validate(&self, ark: &AmdCertificate<'_>) -> Result<(), CertificateError> {
        self.validate_under(
            Usage::ASK,
            ark.key_id(),
            &ark.key().map_err(CertificateError::SignerKey)?,
        )
    }

    /// The firmware's check of an ARK, in its order: its signature by itself, VERSION, KEY_USAGE, CERTIFYING_ID, and
    /// whether it is a root that is trusted, by KEY_ID and everything else that is signed. The firmware knows the root
    /// of its own product only: [`Trust::with_product`]. Answers with the product whose root it is; `None` for a root
    /// of the caller's.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn validate_root(&self, trust: &Trust<'_>) -> Result<Option<Product>, CertificateError> {
        self.validate_self()?;
        trust.root(self)
    }

    /// The same without the question whether it is trusted.
    pub(super) fn validate_self(&self) -> Result<(), CertificateError> {
        let key = self.key().map_err(CertificateError::SignerKey)?;
        self.validate_under(Usage::ARK, self.key_id(), &key)
    }

    pub(super) fn validate_under(
        &self,
        usage: Usage,
        signer_id: &[u8; 16],
        signer: &RsaKey,
    ) -> Result<(), CertificateError> {
        let signature = self.signature().ok_or(CertificateError::NoSignature)?;
        let (found, expected) = (signer.bits(), self.modulus.len() * 8);
        if found != expected {
            return Err(CertificateError::SignerSize { found, expected });
        }
        if !signer.verifies(signer.algorithm(), self.signed, signature) {
            return Err(CertificateError::AmdSignature);
        }
        self.check_header(usage, signer_id)
    }

    /// VERSION, KEY_USAGE, CERTIFYING_ID.
    pub(super) fn check_header(
        &self,
        expected: Usage,
        signer_id: &[u8; 16],
    ) -> Result<(), CertificateError> {
        if self.version() != VERSION {
            return Err(CertificateError::Version { found: self.version() });
        }
        if self.usage() != expected {
            return Err(CertificateError::Usage { found: self.usage(), expected });
        }
        if self.certifying_id() != signer_id {
            let (found, expected) = (*self.certifying_id(), *signer_id);
            return Err(CertificateError::CertifyingId { found, expected });
        }
        Ok(())
    }

    /// Whether it is an ARK's with this KEY_ID and key, and every other signed byte is what AMD's certificates have
    /// there.
    pub(super) fn is_root(&self, key_id: &[u8; 16], key: &RsaKey) -> bool {
        self.exponent.len() == self.modulus.len()
            && self.key_id() == key_id
            && self.check_header(Usage::ARK, key_id).is_ok()
            && self.check_form().is_ok()
            && self.key().is_ok_and(|own| own == *key)
    }

    pub(super) fn signer(&self) -> Result<SignerKey, CertificateError> {
        SignerKey::of_amd(self)
    }
}

/// A size in bytes from a field that has it in bits.
fn size(bits: u32, offset: usize) -> Result<usize, CertificateError> {
    match bits {
        2048 => Ok(256),
        4096 => Ok(512),
        _ => Err(CertificateError::Size { offset, bits }),
    }
}

impl fmt::Debug for AmdCertificate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmdCertificate")
            .field("version", &self.version())
            .field("key_id", &Hex(self.key_id()))
            .field("certifying_id", &Hex(self.certifying_id()))
            .field("usage", &format_args!("{}", self.usage()))
            .field("key", &self.key())
            .field("signature", &self.signature().map(Hex))
            .finish()
    }
}

/// What it is, and who says so, in one line.
impl fmt::Display for AmdCertificate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, RSA-{}, key ", self.usage(), self.modulus.len() * 8)?;
        write!(f, "{}, certified by ", Hex(self.key_id()))?;
        match self.certifying_id() == self.key_id() {
            true => f.write_str("itself"),
            false => Hex(self.certifying_id()).fmt(f),
        }
    }
}

/// An AMD certificate to be written: for the roots of a test platform.
#[derive(Clone, Copy, Debug)]
pub struct AmdDraft<'a> {
    /// KEY_ID.
    pub key_id: [u8; 16],
    /// CERTIFYING_ID: the KEY_ID of the signer, an ARK's own.
    pub certifying_id: [u8; 16],
    /// KEY_USAGE.
    pub usage: Usage,
    /// The key.
    pub key: RsaPublicKey<'a>,
}

impl AmdDraft<'_> {
    /// The length of the certificate: 832 or 1600 bytes.
    #[must_use]
    pub fn written_len(&self) -> usize {
        HEADER + 3 * self.key.modulus().len()
    }

    /// Writes the certificate to the begin of `out`. `sign` gets the bytes that are signed, and the place of the
    /// signature, as long as the certificate's modulus, which it fills **big-endian**, as RSA libraries give it:
    /// RSASSA-PSS with SHA-256 for a signer of 2048 bits, with SHA-384 for one of 4096, and a salt as long as the hash.
    ///
    /// # Errors
    /// [`AmdWriteError`]: too few bytes, and nothing was written; or the signer's own.
    ///
    /// ```
    /// use sevcrypt::sev::cert::{AmdDraft, Usage};
    /// use sevcrypt::x509::RsaPublicKey;
    ///
    /// let modulus = [0xc1; 512];
    /// let key = RsaPublicKey::new(&modulus, 65537)?;
    /// let draft = AmdDraft { key_id: [7; 16], certifying_id: [7; 16], usage: Usage::ARK, key };
    /// let mut out = [0; 1600];
    /// let ark = draft.write(&mut out, |signed, signature| {
    ///     assert_eq!((signed.len(), signature.len()), (1088, 512));
    ///     signature.fill(0x11); // no real one
    ///     Ok::<(), std::convert::Infallible>(())
    /// })?;
    /// assert_eq!(ark.key_id(), &[7; 16]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write<'o, E>(
        &self,
        out: &'o mut [u8],
        sign: impl FnOnce(&[u8], &mut [u8]) -> Result<(), E>,
    ) -> Result<AmdCertificate<'o>, AmdWriteError<E>> {
        let (needed, found) = (self.written_len(), out.len());
        let modulus = self.key.modulus();
        let signed_len = needed - modulus.len();
        let Some((signed, signature)) = out
            .split_at_mut_checked(needed)
            .and_then(|(all, _)| all.split_at_mut_checked(signed_len))
        else {
            return Err(AmdWriteError::BufferTooSmall { needed, found });
        };
        // 4096 at most.
        let bits = (modulus.len() as u32 * 8).to_le_bytes();
        let mut header = [0; HEADER];
        *field_mut::<{ at::VERSION }, 4, _>(&mut header) = VERSION.to_le_bytes();
        *field_mut::<{ at::KEY_ID }, 16, _>(&mut header) = self.key_id;
        *field_mut::<{ at::CERTIFYING_ID }, 16, _>(&mut header) = self.certifying_id;
        *field_mut::<{ at::USAGE }, 4, _>(&mut header) = self.usage.0.to_le_bytes();
        *field_mut::<{ at::EXPONENT_SIZE }, 4, _>(&mut header) = bits;
        *field_mut::<{ at::MODULUS_SIZE }, 4, _>(&mut header) = bits;
        let exponent = self.key.exponent().to_le_bytes();
        let zeros = core::iter::repeat_n(&0, modulus.len() - exponent.len());
        let fields = header.iter().chain(&exponent).chain(zeros).chain(modulus.iter().rev());
        signed.iter_mut().zip(fields).for_each(|(to, from)| *to = *from);
        signature.fill(0);
        sign(signed, signature).map_err(AmdWriteError::Signer)?;
        signature.reverse();
        let (certificate, _) = AmdCertificate::parse(out).expect("its sizes are those above");
        Ok(certificate)
    }
}

/// Why no certificate was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AmdWriteError<E> {
    /// The buffer is shorter than the certificate.
    BufferTooSmall {
        /// The bytes of the certificate.
        needed: usize,
        /// Those of the buffer.
        found: usize,
    },
    /// The signer's.
    Signer(E),
}

impl<E: fmt::Display> fmt::Display for AmdWriteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed, found } => {
                write!(f, "a buffer of {found} bytes for a certificate of {needed}")
            }
            Self::Signer(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for AmdWriteError<E> {}
