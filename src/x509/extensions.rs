//! Certificate extensions: the two of RFC 5280 that a chain needs, and AMD's own.

use core::fmt;

use super::der::{Element, Reader, tag};
use super::error::{CertificateError, CertificateErrorKind as Kind, Field};

/// `id-ce-keyUsage`, 2.5.29.15 (RFC 5280, 4.2.1.3).
const KEY_USAGE: &[u8] = &[0x55, 0x1D, 15];
/// `id-ce-basicConstraints`, 2.5.29.19 (RFC 5280, 4.2.1.9).
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 19];
/// 1.3.6.1.4.1.3704.1: AMD's extensions (AMD 57230, VCEK certificate; AMD 58369 for the VLEK's).
const AMD: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x9C, 0x78, 0x01];
/// The largest SPL of a component other than microcode.
const SPL_MAX: u32 = 127;
/// The most extensions of one certificate, CRL or entry. AMD's certificates have at most 12.
pub(super) const MAX_EXTENSIONS: usize = 32;

/// BasicConstraints (RFC 5280, 4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// `cA`: the key may sign certificates.
    pub ca: bool,
    /// `pathLenConstraint`: how many intermediate certificates may follow.
    pub path_len: Option<u32>,
    /// Whether the extension is critical.
    pub critical: bool,
}

/// KeyUsage (RFC 5280, 4.2.1.3).
///
/// ```
/// # #[cfg(feature = "platform")] {
/// use sevcrypt::Arithmetic;
/// use sevcrypt::platform::ca::TestCa;
/// use sevcrypt::snp::tcb::Product;
/// use sevcrypt::x509::{BasicConstraints, Certificate, Crl, CrlEntry, PublicKey, RsaPublicKey};
///
/// let ca = TestCa::published(Product::Milan)?;
/// let (ark, ask) = (Certificate::from_der(ca.ark())?, Certificate::from_der(ca.ask())?);
/// let usage = ark.key_usage().expect("a CA's certificate has it");
/// assert!(usage.key_cert_sign() && usage.crl_sign() && usage.bits() != 0);
/// assert!(matches!(ask.basic_constraints(), Some(BasicConstraints { ca: true, .. })));
///
/// // A key that verifies many signatures is prepared once.
/// let PublicKey::Rsa(key) = ark.public_key() else { panic!("an RSA key") };
/// let key: RsaPublicKey<'_> = key;
/// let prepared = key.prepare_with(Arithmetic::best());
/// ask.verify_signature_prepared(&prepared)?;
///
/// let crl = ca.crl(&[0x1234], 1_767_225_600)?;
/// let crl = Crl::from_der(&crl)?;
/// crl.verify_signature(&key)?;
/// crl.verify_signature_prepared(&prepared)?;
/// for CrlEntry { serial, .. } in crl.entries() {
///     assert!(crl.revokes(serial));
/// }
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// The bits in the order of RFC 5280: bit 0 (`digitalSignature`) is 8000h.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// `keyCertSign`, bit 5.
    #[must_use]
    pub const fn key_cert_sign(self) -> bool {
        self.0 & (0x8000 >> 5) != 0
    }

    /// `cRLSign`, bit 6.
    #[must_use]
    pub const fn crl_sign(self) -> bool {
        self.0 & (0x8000 >> 6) != 0
    }
}

impl fmt::Debug for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyUsage({:#06x})", self.0)
    }
}

/// AMD's extensions of a VCEK or VLEK (AMD 57230, 58369), each found by its identifier. `None`: not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AmdExtensions<'a> {
    /// `structVersion`: 0 on Milan and Genoa, 1 on Turin.
    pub struct_version: Option<u8>,
    /// `productName1`: a product, or a product, `-` and a stepping that is not reliable.
    pub product_name: Option<&'a str>,
    /// `blSPL`: boot loader.
    pub bl_spl: Option<u8>,
    /// `teeSPL`.
    pub tee_spl: Option<u8>,
    /// `snpSPL`: SNP firmware.
    pub snp_spl: Option<u8>,
    /// `spl4`: reserved; not on Turin.
    pub spl4: Option<u8>,
    /// `spl5`: reserved.
    pub spl5: Option<u8>,
    /// `spl6`: reserved.
    pub spl6: Option<u8>,
    /// `spl7`: reserved.
    pub spl7: Option<u8>,
    /// `ucodeSPL`: microcode.
    pub ucode_spl: Option<u8>,
    /// `fmcSPL`: from Turin on.
    pub fmc_spl: Option<u8>,
    /// `hwID`: 64 bytes, from Turin on 8. Not in a VLEK.
    pub hw_id: Option<&'a [u8]>,
    /// `cspID`: the cloud provider. Only in a VLEK.
    pub csp_id: Option<&'a str>,
}

impl<'a> AmdExtensions<'a> {
    /// Reads one of them. What AMD adds later is not known: `false`.
    fn read(&mut self, suffix: &[u8], extension: &Extension<'a>) -> Result<bool, CertificateError> {
        match *suffix {
            [1] => self.struct_version = Some(extension.level(Field::StructVersion, 255)?),
            [2] => self.product_name = Some(extension.ia5_string(Field::ProductName)?),
            [3, 1] => self.bl_spl = Some(extension.level(Field::BlSpl, SPL_MAX)?),
            [3, 2] => self.tee_spl = Some(extension.level(Field::TeeSpl, SPL_MAX)?),
            [3, 3] => self.snp_spl = Some(extension.level(Field::SnpSpl, SPL_MAX)?),
            [3, 4] => self.spl4 = Some(extension.level(Field::Spl4, SPL_MAX)?),
            [3, 5] => self.spl5 = Some(extension.level(Field::Spl5, SPL_MAX)?),
            [3, 6] => self.spl6 = Some(extension.level(Field::Spl6, SPL_MAX)?),
            [3, 7] => self.spl7 = Some(extension.level(Field::Spl7, SPL_MAX)?),
            [3, 8] => self.ucode_spl = Some(extension.level(Field::UcodeSpl, 255)?),
            [3, 9] => self.fmc_spl = Some(extension.level(Field::FmcSpl, SPL_MAX)?),
            [4] => self.hw_id = Some(extension.hardware_id()?),
            [5] => self.csp_id = Some(extension.ia5_string(Field::CspId)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// What a certificate's extensions say.
#[derive(Clone, Copy, Default)]
pub(super) struct CertificateExtensions<'a> {
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) amd: AmdExtensions<'a>,
}

impl<'a> CertificateExtensions<'a> {
    /// From the `Extensions` sequence.
    pub(super) fn read(sequence: &Element<'a>) -> Result<Self, CertificateError> {
        let mut all = Self::default();
        for_each(sequence, |extension| {
            match extension.identifier {
                KEY_USAGE => all.key_usage = Some(extension.key_usage()?),
                BASIC_CONSTRAINTS => all.basic_constraints = Some(extension.basic_constraints()?),
                identifier => match identifier.strip_prefix(AMD) {
                    Some(suffix) => return all.amd.read(suffix, extension),
                    None => return Ok(false),
                },
            }
            Ok(true)
        })?;
        Ok(all)
    }
}

/// One `Extension` (RFC 5280, 4.1).
pub(super) struct Extension<'a> {
    pub(super) identifier: &'a [u8],
    critical: bool,
    /// `extnValue`, an OCTET STRING.
    value: Element<'a>,
}

impl<'a> Extension<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, CertificateError> {
        let mut parts = reader.read(tag::SEQUENCE, Field::Extensions)?.reader();
        let identifier = parts.object_identifier(Field::Extensions)?;
        // An explicit FALSE is taken: X.690, 11.5, wants a default left out, but it says the same.
        let critical = match parts.optional(tag::BOOLEAN, Field::Extensions)? {
            Some(critical) => critical.boolean(Field::Extensions)?,
            None => false,
        };
        let value = parts.read(tag::OCTET_STRING, Field::Extensions)?;
        parts.finish(Field::Extensions)?;
        Ok(Self { identifier, critical, value })
    }

    /// The one DER element that the value is.
    pub(super) fn element(
        &self,
        expected: u8,
        field: Field,
    ) -> Result<Element<'a>, CertificateError> {
        let mut reader = self.value.reader();
        let element = reader.read(expected, field)?;
        reader.finish(field)?;
        Ok(element)
    }

    fn level(&self, field: Field, max: u32) -> Result<u8, CertificateError> {
        let element = self.element(tag::INTEGER, field)?;
        let level = element.small(field, max)?;
        u8::try_from(level).map_err(|_| element.error(field, Kind::TooLarge { max }))
    }

    fn ia5_string(&self, field: Field) -> Result<&'a str, CertificateError> {
        let element = self.element(tag::IA5_STRING, field)?;
        element.text(field)?.ok_or(element.error(field, Kind::Text))
    }

    /// Bare bytes, or an OCTET STRING of them. The length decides, since bare bytes may look like a tag.
    fn hardware_id(&self) -> Result<&'a [u8], CertificateError> {
        match *self.value.content {
            [0x04, 0x40, ref id @ ..] if id.len() == 64 => Ok(id),
            [0x04, 0x08, ref id @ ..] if id.len() == 8 => Ok(id),
            ref id if id.len() == 64 || id.len() == 8 => Ok(id),
            ref id => Err(self.value.error(Field::HwId, Kind::HardwareId { len: id.len() })),
        }
    }

    fn basic_constraints(&self) -> Result<BasicConstraints, CertificateError> {
        const FIELD: Field = Field::BasicConstraints;
        let mut parts = self.element(tag::SEQUENCE, FIELD)?.reader();
        let ca = match parts.optional(tag::BOOLEAN, FIELD)? {
            Some(ca) => ca.boolean(FIELD)?,
            None => false,
        };
        let path_len = match parts.optional(tag::INTEGER, FIELD)? {
            Some(path_len) => Some(path_len.small(FIELD, u32::MAX)?),
            None => None,
        };
        parts.finish(FIELD)?;
        Ok(BasicConstraints { ca, path_len, critical: self.critical })
    }

    fn key_usage(&self) -> Result<KeyUsage, CertificateError> {
        let bits = self.element(tag::BIT_STRING, Field::KeyUsage)?;
        Ok(KeyUsage(bits.named_bits(Field::KeyUsage)?))
    }
}

/// Calls `read` with every extension; it returns whether it knows it. At least one, at most
/// [`MAX_EXTENSIONS`], none twice, none unknown and critical.
pub(super) fn for_each<'a>(
    sequence: &Element<'a>,
    mut read: impl FnMut(&Extension<'a>) -> Result<bool, CertificateError>,
) -> Result<(), CertificateError> {
    const FIELD: Field = Field::Extensions;
    let mut reader = sequence.reader();
    if reader.is_empty() {
        return Err(sequence.error(FIELD, Kind::Empty));
    }
    let mut seen: [&[u8]; MAX_EXTENSIONS] = [&[]; MAX_EXTENSIONS];
    let mut count = 0;
    while !reader.is_empty() {
        let begin = reader;
        let extension = Extension::read(&mut reader)?;
        if seen[..count].contains(&extension.identifier) {
            return Err(begin.error(FIELD, Kind::DuplicateExtension));
        }
        let slot = seen
            .get_mut(count)
            .ok_or(begin.error(FIELD, Kind::TooManyExtensions { max: MAX_EXTENSIONS }))?;
        *slot = extension.identifier;
        count += 1;
        if !read(&extension)? && extension.critical {
            return Err(begin.error(FIELD, Kind::UnknownCriticalExtension));
        }
    }
    Ok(())
}
