//! A strict DER reader (ITU-T X.690): definite, minimal lengths, no recursion, no copy.
//!
//! [`Reader`] walks over one sequence of elements. What is inside of one is read by another `Reader`, so the
//! depth is that of the grammar in the code, never of the input. Offsets count from the begin of the input.

use super::error::{CertificateError, CertificateErrorKind as Kind, Field};

/// Tags of one byte (X.690, 8.1.2): those that certificates use.
pub(super) mod tag {
    pub(in crate::x509) const BOOLEAN: u8 = 0x01;
    pub(in crate::x509) const INTEGER: u8 = 0x02;
    pub(in crate::x509) const BIT_STRING: u8 = 0x03;
    pub(in crate::x509) const OCTET_STRING: u8 = 0x04;
    pub(in crate::x509) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(in crate::x509) const ENUMERATED: u8 = 0x0A;
    pub(in crate::x509) const UTF8_STRING: u8 = 0x0C;
    pub(in crate::x509) const PRINTABLE_STRING: u8 = 0x13;
    pub(in crate::x509) const IA5_STRING: u8 = 0x16;
    pub(in crate::x509) const UTC_TIME: u8 = 0x17;
    pub(in crate::x509) const GENERALIZED_TIME: u8 = 0x18;
    pub(in crate::x509) const SEQUENCE: u8 = 0x30;
    pub(in crate::x509) const SET: u8 = 0x31;
    /// `[0]` and `[3]`, constructed: the optional parts of certificates and CRLs.
    pub(in crate::x509) const CONTEXT_0: u8 = 0xA0;
    pub(in crate::x509) const CONTEXT_3: u8 = 0xA3;
}

/// One element: tag, length and content.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    /// With tag and length.
    pub(super) raw: &'a [u8],
    pub(super) content: &'a [u8],
    /// Where `raw` begins.
    pub(super) offset: usize,
}

impl<'a> Element<'a> {
    /// Where the content begins.
    fn content_offset(&self) -> usize {
        self.offset + (self.raw.len() - self.content.len())
    }

    /// The elements inside.
    pub(super) fn reader(&self) -> Reader<'a> {
        Reader { rest: self.content, offset: self.content_offset() }
    }

    pub(super) fn error(&self, field: Field, kind: Kind) -> CertificateError {
        CertificateError { field, offset: self.offset, kind }
    }

    /// The magnitude of an INTEGER that is not negative, without leading zeros: zero has no bytes.
    pub(super) fn unsigned(&self, field: Field) -> Result<&'a [u8], CertificateError> {
        match *self.content {
            [] | [0x80..=0xFF, ..] | [0, 0..=0x7F, ..] => Err(self.error(field, Kind::Integer)),
            [0, ref magnitude @ ..] => Ok(magnitude),
            _ => Ok(self.content),
        }
    }

    /// An INTEGER from 0 to `max`.
    pub(super) fn small(&self, field: Field, max: u32) -> Result<u32, CertificateError> {
        let magnitude = self.unsigned(field)?;
        let mut number = 0u32;
        for &byte in magnitude {
            number = number
                .checked_mul(0x100)
                .map(|high| high | u32::from(byte))
                .filter(|&number| number <= max)
                .ok_or(self.error(field, Kind::TooLarge { max }))?;
        }
        Ok(number)
    }

    /// A BOOLEAN.
    pub(super) fn boolean(&self, field: Field) -> Result<bool, CertificateError> {
        match *self.content {
            [0x00] => Ok(false),
            [0xFF] => Ok(true),
            _ => Err(self.error(field, Kind::Boolean)),
        }
    }

    /// The inside of a BIT STRING that is made of bytes.
    pub(super) fn bit_string_reader(&self, field: Field) -> Result<Reader<'a>, CertificateError> {
        match self.content {
            [0, rest @ ..] => Ok(Reader { rest, offset: self.content_offset() + 1 }),
            _ => Err(self.error(field, Kind::BitString)),
        }
    }

    /// The bits of a BIT STRING of at most 16 named bits; bit 0 of X.509 is the most significant.
    pub(super) fn named_bits(&self, field: Field) -> Result<u16, CertificateError> {
        let (unused, bits, last) = match *self.content {
            [unused @ 0..=7, high] => (unused, [high, 0], high),
            [unused @ 0..=7, high, low] => (unused, [high, low], low),
            _ => return Err(self.error(field, Kind::BitString)),
        };
        // The unused bits are zero. X.690, 11.2.2, also wants the last used one to be set, but AMD's ASKs
        // have 03 02 01 04.
        if last.trailing_zeros() < u32::from(unused) {
            return Err(self.error(field, Kind::BitString));
        }
        Ok(u16::from_be_bytes(bits))
    }

    /// The text of an IA5String, PrintableString or UTF8String; `None` for other types.
    pub(super) fn text(&self, field: Field) -> Result<Option<&'a str>, CertificateError> {
        let text = core::str::from_utf8(self.content).ok();
        let text = match self.tag {
            tag::UTF8_STRING => text,
            tag::IA5_STRING => text.filter(|text| text.is_ascii()),
            tag::PRINTABLE_STRING => text.filter(|text| text.bytes().all(is_printable)),
            _ => return Ok(None),
        };
        text.map(Some).ok_or(self.error(field, Kind::Text))
    }
}

/// The characters of a PrintableString (X.680, 41.4).
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

/// Reads elements one after the other.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// From the begin of an input.
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self { rest: input, offset: 0 }
    }

    /// All bytes that are left.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn error(&self, field: Field, kind: Kind) -> CertificateError {
        CertificateError { field, offset: self.offset, kind }
    }

    /// The tag of the next element, where there is one.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever it is.
    pub(super) fn any(&mut self, field: Field) -> Result<Element<'a>, CertificateError> {
        let [tag, first, after @ ..] = self.rest else {
            return Err(self.error(field, Kind::Truncated));
        };
        if *tag == 0 || tag & 0x1F == 0x1F {
            return Err(self.error(field, Kind::UnknownTag { found: *tag }));
        }
        let (len, content) = match *first {
            len @ 0..=0x7F => (usize::from(len), after),
            long @ 0x81..=0x84 => {
                let Some((bytes, content)) = after.split_at_checked(usize::from(long & 0x7F))
                else {
                    return Err(self.error(field, Kind::Truncated));
                };
                let len = bytes.iter().fold(0u32, |len, &byte| len << 8 | u32::from(byte));
                // Minimal: no leading zero byte, and nothing that the short form holds (X.690, 10.1).
                if bytes.first() == Some(&0) || len < 0x80 {
                    return Err(self.error(field, Kind::Length));
                }
                (usize::try_from(len).map_err(|_| self.error(field, Kind::Length))?, content)
            }
            _ => return Err(self.error(field, Kind::Length)),
        };
        let Some((content, rest)) = content.split_at_checked(len) else {
            return Err(self.error(field, Kind::Truncated));
        };
        let raw = &self.rest[..self.rest.len() - rest.len()];
        let element = Element { tag: *tag, raw, content, offset: self.offset };
        self.rest = rest;
        self.offset += raw.len();
        Ok(element)
    }

    /// The next element, which must be there and have this tag.
    pub(super) fn read(
        &mut self,
        expected: u8,
        field: Field,
    ) -> Result<Element<'a>, CertificateError> {
        match self.peek() {
            Some(found) if found != expected => {
                Err(self.error(field, Kind::Tag { found, expected }))
            }
            _ => self.any(field),
        }
    }

    /// The next element if it has this tag.
    pub(super) fn optional(
        &mut self,
        expected: u8,
        field: Field,
    ) -> Result<Option<Element<'a>>, CertificateError> {
        match self.peek() {
            Some(found) if found == expected => self.any(field).map(Some),
            _ => Ok(None),
        }
    }

    /// An OBJECT IDENTIFIER: its content.
    pub(super) fn object_identifier(&mut self, field: Field) -> Result<&'a [u8], CertificateError> {
        let element = self.read(tag::OBJECT_IDENTIFIER, field)?;
        // Every number is minimal: none begins with 80h; and the last one ends (X.690, 8.19.2).
        let mut begins = true;
        for &byte in element.content {
            if begins && byte == 0x80 {
                return Err(element.error(field, Kind::ObjectIdentifier));
            }
            begins = byte & 0x80 == 0;
        }
        if element.content.is_empty() || !begins {
            return Err(element.error(field, Kind::ObjectIdentifier));
        }
        Ok(element.content)
    }

    /// Nothing may follow.
    pub(super) fn finish(self, field: Field) -> Result<(), CertificateError> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(self.error(field, Kind::TrailingData { bytes })),
        }
    }
}

/// The one element that an input of at most `max` bytes is.
pub(super) fn whole(
    input: &[u8],
    max: usize,
    field: Field,
) -> Result<Element<'_>, CertificateError> {
    let mut reader = Reader::new(input);
    if input.len() > max {
        return Err(reader.error(field, Kind::TooLong { len: input.len(), max }));
    }
    let element = reader.read(tag::SEQUENCE, field)?;
    reader.finish(field)?;
    Ok(element)
}
