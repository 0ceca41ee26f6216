//! Certificate revocation lists (RFC 5280, section 5): AMD's list the revoked intermediates of one product.

use core::fmt;

use super::der::{Element, Reader, tag, whole};
use super::error::{CertificateError, CertificateErrorKind as Kind, Field, SignatureError};
use super::extensions::for_each;
use super::time::{read_time, time_follows};
use super::{Name, PreparedRsaKey, RsaPublicKey, Serial, Signed};

/// The longest CRL that is read.
const MAX_LEN: usize = 16 << 20;
/// `v2` (RFC 5280, 5.1.2.1).
const VERSION_2: u32 = 1;
/// `id-ce-cRLNumber`, 2.5.29.20 (RFC 5280, 5.2.3).
const CRL_NUMBER: &[u8] = &[0x55, 0x1D, 20];
/// `id-ce-cRLReasons`, 2.5.29.21 (RFC 5280, 5.3.1).
const REASON_CODE: &[u8] = &[0x55, 0x1D, 21];
/// `removeFromCRL`: such an entry takes a certificate off hold.
const REMOVE_FROM_CRL: u8 = 8;

/// An X.509 v2 CRL, borrowed from its DER. Every entry has been checked; nothing is copied.
///
/// ```
/// use sevcrypt::x509::{Certificate, CertificateError, Crl};
///
/// fn is_revoked(crl: &[u8], intermediate: &[u8]) -> Result<bool, CertificateError> {
///     let crl = Crl::from_der(crl)?; // the caller also verifies its signature, by the ARK's key
///     Ok(crl.revokes(Certificate::from_der(intermediate)?.serial()))
/// }
/// # assert!(is_revoked(b"", b"").is_err());
/// ```
#[derive(Clone, Copy)]
pub struct Crl<'a> {
    signed: Signed<'a>,
    issuer: Name<'a>,
    this_update: i64,
    next_update: Option<i64>,
    number: Option<Serial<'a>>,
    entries: Entries<'a>,
}

impl<'a> Crl<'a> {
    /// Reads a CRL: the whole slice, at most 16 MiB.
    ///
    /// # Errors
    /// [`CertificateError`] says which field is wrong, where, and why. An extension that is critical is always
    /// unknown: this library reads complete, direct lists only.
    pub fn from_der(der: &'a [u8]) -> Result<Self, CertificateError> {
        let (signed, mut fields) = Signed::read(whole(der, MAX_LEN, Field::Crl)?)?;
        let version = fields.read(tag::INTEGER, Field::Version)?;
        if version.small(Field::Version, u32::MAX)? != VERSION_2 {
            return Err(version.error(Field::Version, Kind::Version));
        }
        signed.check_inner_algorithm(&mut fields)?;
        let issuer = Name::read(&mut fields, Field::Issuer)?;
        let this_update = read_time(&mut fields, Field::ThisUpdate)?;
        let next_update = match time_follows(&fields) {
            true => Some(read_time(&mut fields, Field::NextUpdate)?),
            false => None,
        };
        let entries = match fields.optional(tag::SEQUENCE, Field::RevokedCertificates)? {
            Some(entries) => Entries(entries.reader()),
            None => Entries(Reader::new(&[])),
        };
        let number = match fields.optional(tag::CONTEXT_0, Field::Extensions)? {
            Some(extensions) => read_extensions(&extensions)?,
            None => None,
        };
        fields.finish(Field::Tbs)?;
        let mut unread = entries.0;
        while !unread.is_empty() {
            CrlEntry::read(&mut unread)?;
        }
        Ok(Self { signed, issuer, this_update, next_update, number, entries })
    }

    /// The DER that the CRL was read from.
    #[must_use]
    pub const fn der(&self) -> &'a [u8] {
        self.signed.der
    }

    /// The DER that is signed, `tbsCertList`.
    #[must_use]
    pub const fn tbs(&self) -> &'a [u8] {
        self.signed.tbs
    }

    /// Who issued the CRL: the subject of an ARK.
    #[must_use]
    pub const fn issuer(&self) -> Name<'a> {
        self.issuer
    }

    /// When the CRL was issued, in Unix seconds.
    #[must_use]
    pub const fn this_update(&self) -> i64 {
        self.this_update
    }

    /// Until when a newer CRL will have been issued, in Unix seconds.
    #[must_use]
    pub const fn next_update(&self) -> Option<i64> {
        self.next_update
    }

    /// `cRLNumber`: a higher number is a newer CRL.
    #[must_use]
    pub const fn number(&self) -> Option<Serial<'a>> {
        self.number
    }

    /// Verifies that this key signed the CRL. Whose key it is, the caller must know.
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

    /// Whether a certificate of this issuer is revoked: an entry has its serial number, whatever its date and
    /// reason (except `removeFromCRL`). Takes time in proportion to the number of entries.
    #[must_use]
    pub fn revokes(&self, serial: Serial<'_>) -> bool {
        self.entries().any(|entry| entry.serial == serial && entry.reason != Some(REMOVE_FROM_CRL))
    }

    /// The entries, in the order of the CRL.
    #[must_use]
    pub const fn entries(&self) -> Entries<'a> {
        self.entries
    }
}

impl fmt::Debug for Crl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crl")
            .field("issuer", &self.issuer)
            .field("this_update", &self.this_update)
            .field("next_update", &self.next_update)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// The CRL's extensions: its number.
fn read_extensions<'a>(outer: &Element<'a>) -> Result<Option<Serial<'a>>, CertificateError> {
    let mut reader = outer.reader();
    let sequence = reader.read(tag::SEQUENCE, Field::Extensions)?;
    reader.finish(Field::Extensions)?;
    let mut number = None;
    for_each(&sequence, |extension| {
        if extension.identifier != CRL_NUMBER {
            return Ok(false);
        }
        let element = extension.element(tag::INTEGER, Field::CrlNumber)?;
        number = Some(Serial::from_element(&element, Field::CrlNumber)?);
        Ok(true)
    })?;
    Ok(number)
}

/// One revoked certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrlEntry<'a> {
    /// Its serial number.
    pub serial: Serial<'a>,
    /// When it was revoked, in Unix seconds.
    pub revocation_date: i64,
    /// `reasonCode`, RFC 5280, 5.3.1. 8 (`removeFromCRL`) means that it is not revoked any more.
    pub reason: Option<u8>,
}

impl<'a> CrlEntry<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, CertificateError> {
        const FIELD: Field = Field::RevokedCertificates;
        let mut parts = reader.read(tag::SEQUENCE, FIELD)?.reader();
        let serial = parts.read(tag::INTEGER, Field::Serial)?;
        let serial = Serial::from_element(&serial, Field::Serial)?;
        let revocation_date = read_time(&mut parts, Field::RevocationDate)?;
        let mut reason = None;
        if let Some(extensions) = parts.optional(tag::SEQUENCE, Field::Extensions)? {
            for_each(&extensions, |extension| {
                if extension.identifier != REASON_CODE {
                    return Ok(false);
                }
                let code = extension.element(tag::ENUMERATED, Field::ReasonCode)?;
                let [code] = *code.content else {
                    return Err(code.error(Field::ReasonCode, Kind::Integer));
                };
                reason = Some(code);
                Ok(true)
            })?;
        }
        parts.finish(FIELD)?;
        Ok(Self { serial, revocation_date, reason })
    }
}

/// Iterator over the entries of a [`Crl`].
#[derive(Clone, Copy)]
pub struct Entries<'a>(Reader<'a>);

impl<'a> Iterator for Entries<'a> {
    type Item = CrlEntry<'a>;

    fn next(&mut self) -> Option<CrlEntry<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let entry = CrlEntry::read(&mut self.0);
        debug_assert!(entry.is_ok(), "the entries are checked when the CRL is read");
        entry.ok()
    }
}

impl fmt::Debug for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entries(..)")
    }
}
