//! Distinguished names (RFC 5280, 4.1.2.4 and appendix A.1).

use core::fmt;

use super::der::{Element, Reader, tag};
use super::error::{CertificateError, CertificateErrorKind as Kind, Field};

/// Attribute types `id-at-*`: 2.5.4.x.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 3];
const COUNTRY: &[u8] = &[0x55, 0x04, 6];
const LOCALITY: &[u8] = &[0x55, 0x04, 7];
const STATE_OR_PROVINCE: &[u8] = &[0x55, 0x04, 8];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 10];
const ORGANIZATIONAL_UNIT: &[u8] = &[0x55, 0x04, 11];

/// The name of an issuer or subject. Equal are names with equal bytes.
///
/// ```
/// # fn show(certificate: &sevcrypt::x509::Certificate<'_>) {
/// let issuer = certificate.issuer();
/// println!("{issuer}"); // OU=Engineering, C=US, ..., CN=SEV-Milan
/// assert_eq!(issuer.common_name(), Some("SEV-Milan"));
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Name<'a> {
    element: Element<'a>,
    common_name: Only<'a>,
    organization: Only<'a>,
}

impl<'a> Name<'a> {
    /// The DER of the name, with its tag and length.
    #[must_use]
    pub const fn der(&self) -> &'a [u8] {
        self.element.raw
    }

    /// The relative names, without the tag and length around them.
    pub(crate) const fn rdns(&self) -> &'a [u8] {
        self.element.content
    }

    /// The common name (CN), wherever it stands. `None` where there is none, more than one, or no text.
    #[must_use]
    pub const fn common_name(&self) -> Option<&'a str> {
        self.common_name.get()
    }

    /// The organization (O), wherever it stands. `None` where there is none, more than one, or no text.
    #[must_use]
    pub const fn organization(&self) -> Option<&'a str> {
        self.organization.get()
    }

    pub(super) fn read(reader: &mut Reader<'a>, field: Field) -> Result<Self, CertificateError> {
        let element = reader.read(tag::SEQUENCE, field)?;
        let mut name = Self { element, common_name: Only::None, organization: Only::None };
        walk(&element, field, |kind, _, text| match kind {
            COMMON_NAME => name.common_name.add(text),
            ORGANIZATION => name.organization.add(text),
            _ => {}
        })?;
        Ok(name)
    }
}

/// Calls `see` with type, value and text of every attribute.
fn walk<'a>(
    name: &Element<'a>,
    field: Field,
    mut see: impl FnMut(&'a [u8], &Element<'a>, Option<&'a str>),
) -> Result<(), CertificateError> {
    let mut sets = name.reader();
    while !sets.is_empty() {
        let set = sets.read(tag::SET, field)?;
        let mut attributes = set.reader();
        if attributes.is_empty() {
            return Err(set.error(field, Kind::Empty));
        }
        let mut before: &[u8] = &[];
        while !attributes.is_empty() {
            let attribute = attributes.read(tag::SEQUENCE, field)?;
            if attribute.raw < before {
                return Err(attribute.error(field, Kind::SetOrder));
            }
            before = attribute.raw;
            let mut parts = attribute.reader();
            let kind = parts.object_identifier(field)?;
            let value = parts.any(field)?;
            parts.finish(field)?;
            see(kind, &value, value.text(field)?);
        }
    }
    Ok(())
}

/// An attribute that has a meaning only if it occurs once, as text.
#[derive(Clone, Copy)]
enum Only<'a> {
    None,
    One(&'a str),
    Unclear,
}

impl<'a> Only<'a> {
    fn add(&mut self, text: Option<&'a str>) {
        *self = match (*self, text) {
            (Self::None, Some(text)) => Self::One(text),
            _ => Self::Unclear,
        };
    }

    const fn get(self) -> Option<&'a str> {
        match self {
            Self::One(text) => Some(text),
            Self::None | Self::Unclear => None,
        }
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Name<'_> {}

/// In the order of the certificate; types without a short name and values that are no text in hex. What is no
/// letter, digit or common sign is escaped, so that the line is safe to print.
impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut result = Ok(());
        let walked = walk(&self.element, Field::Subject, |kind, value, text| {
            if result.is_ok() {
                result = write_attribute(f, separator, kind, value, text);
            }
            separator = ", ";
        });
        debug_assert!(walked.is_ok(), "a name is checked when it is read");
        result
    }
}

fn write_attribute(
    f: &mut fmt::Formatter<'_>,
    separator: &str,
    kind: &[u8],
    value: &Element<'_>,
    text: Option<&str>,
) -> fmt::Result {
    f.write_str(separator)?;
    match kind {
        COMMON_NAME => f.write_str("CN")?,
        COUNTRY => f.write_str("C")?,
        LOCALITY => f.write_str("L")?,
        STATE_OR_PROVINCE => f.write_str("ST")?,
        ORGANIZATION => f.write_str("O")?,
        ORGANIZATIONAL_UNIT => f.write_str("OU")?,
        other => write_hex(f, other)?,
    }
    f.write_str("=")?;
    let Some(text) = text else { return write_hex(f, value.raw) };
    for char in text.chars() {
        match char {
            ' ' | '.' | '-' | '_' | '/' | ':' | '\'' | '(' | ')' | '@' => write!(f, "{char}")?,
            char if char.is_alphanumeric() => write!(f, "{char}")?,
            char => write!(f, "{}", char.escape_unicode())?,
        }
    }
    Ok(())
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("#")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}
