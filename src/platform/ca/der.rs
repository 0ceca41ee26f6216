//! A writer of DER (X.690), as far as AMD's certificates and revocation lists need one.

use std::string::ToString;
use std::vec::Vec;

use crate::x509::UtcTime;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const IA5_STRING: u8 = 0x16;

/// An element of these parts, one behind the other.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(len + 10);
    out.push(tag);
    let digits = len.to_be_bytes();
    let digits = strip_zeros(&digits);
    match (len, u8::try_from(digits.len())) {
        (0..=0x7f, _) => out.push(digits.first().copied().unwrap_or_default()),
        (_, Ok(count)) => {
            out.push(0x80 | count);
            out.extend_from_slice(digits);
        }
        (_, Err(_)) => unreachable!("a length has eight bytes at the most"),
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

pub(super) fn set(parts: &[&[u8]]) -> Vec<u8> {
    element(SET, parts)
}

/// An integer that is not negative, from its big-endian bytes.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    match strip_zeros(bytes) {
        digits @ ([] | [0x80..=0xff, ..]) => element(INTEGER, &[&[0], digits]),
        digits => element(INTEGER, &[digits]),
    }
}

pub(super) fn number(value: impl Into<u64>) -> Vec<u8> {
    integer(&value.into().to_be_bytes())
}

pub(super) fn octet_string(bytes: &[u8]) -> Vec<u8> {
    element(OCTET_STRING, &[bytes])
}

pub(super) fn bit_string(unused_bits: u8, bytes: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[unused_bits], bytes])
}

/// An object identifier from its content.
pub(super) fn object_identifier(content: &[u8]) -> Vec<u8> {
    element(OBJECT_IDENTIFIER, &[content])
}

pub(super) fn truth() -> Vec<u8> {
    element(BOOLEAN, &[&[0xff]])
}

pub(super) fn null() -> Vec<u8> {
    element(NULL, &[])
}

/// Number `number` of those tags whose meaning the context gives, with an element inside.
pub(super) fn explicit(number: u8, inside: &[u8]) -> Vec<u8> {
    element(0xa0 | number, &[inside])
}

/// The same with bare bytes inside.
pub(super) fn implicit(number: u8, bytes: &[u8]) -> Vec<u8> {
    element(0x80 | number, &[bytes])
}

fn strip_zeros(mut bytes: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// A date that a certificate can have (RFC 5280, 4.1.2.5).
#[derive(Clone, Copy)]
pub(super) struct Date {
    year: u16,
    /// Digits of month, day, hour, minute, second.
    rest: [u8; 10],
}

impl Date {
    /// From Unix seconds; `None` before 1950 and after 9999.
    pub(super) fn of(time: i64) -> Option<Self> {
        let text = UtcTime(time).to_string();
        // That is how a time is printed which has no four digits for its year.
        if !text.ends_with('Z') {
            return None;
        }
        let (year, rest) = text.split_at_checked(4)?;
        let mut digits = rest.bytes().filter(u8::is_ascii_digit);
        let mut date = Self { year: year.parse().ok()?, rest: [0; 10] };
        for place in &mut date.rest {
            *place = digits.next()?;
        }
        (date.year >= 1950).then_some(date)
    }

    /// So many years later. The 29th of February becomes the 28th where there is none. `None` after 9999.
    pub(super) fn years_later(mut self, years: u16) -> Option<Self> {
        self.year = self.year.checked_add(years).filter(|year| *year <= 9999)?;
        let is_leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        if let (false, [b'0', b'2', b'2', day @ b'9', ..]) = (is_leap, &mut self.rest) {
            *day = b'8';
        }
        Some(self)
    }

    /// `Time`: UTCTime until 2049, then GeneralizedTime.
    pub(super) fn element(self) -> Vec<u8> {
        let year = std::format!("{:04}", self.year);
        let (tag, year) = match year.as_bytes() {
            [_, _, short @ ..] if self.year < 2050 => (UTC_TIME, short),
            year => (GENERALIZED_TIME, year),
        };
        element(tag, &[year, &self.rest, b"Z"])
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    #[test]
    fn lengths() {
        for (len, head) in [
            (0, &[4, 0][..]),
            (0x7f, &[4, 0x7f]),
            (0x80, &[4, 0x81, 0x80]),
            (0xff, &[4, 0x81, 0xff]),
            (0x100, &[4, 0x82, 1, 0]),
            (0x1_0000, &[4, 0x83, 1, 0, 0]),
        ] {
            let written = octet_string(&vec![7; len]);
            assert_eq!((&written[..head.len()], written.len()), (head, head.len() + len));
        }
    }

    #[test]
    fn integers() {
        for (value, wanted) in [
            (0u64, &[2, 1, 0][..]),
            (1, &[2, 1, 1]),
            (0x7f, &[2, 1, 0x7f]),
            (0x80, &[2, 2, 0, 0x80]),
            (0xd9, &[2, 2, 0, 0xd9]),
            (0x100, &[2, 2, 1, 0]),
            (0x1_0001, &[2, 3, 1, 0, 1]),
        ] {
            assert_eq!(number(value), wanted, "{value}");
        }
    }

    fn text(date: Option<Date>) -> std::string::String {
        let element = date.unwrap().element();
        assert_eq!(usize::from(element[1]), element.len() - 2);
        std::format!("{} {}", element[0], str::from_utf8(&element[2..]).unwrap())
    }

    #[test]
    fn dates() {
        // `date -u -d @...`
        assert_eq!(text(Date::of(1_603_387_385)), "23 201022172305Z");
        assert_eq!(text(Date::of(2_524_607_999)), "23 491231235959Z");
        assert_eq!(text(Date::of(2_524_608_000)), "24 20500101000000Z");
        assert_eq!(text(Date::of(-631_152_000)), "23 500101000000Z");
        assert_eq!(text(Date::of(253_402_300_799)), "24 99991231235959Z");
        for time in [-631_152_001, 253_402_300_800, i64::MIN, i64::MAX] {
            assert!(Date::of(time).is_none(), "{time}");
        }
    }

    #[test]
    fn years_later() {
        let later = |time, years| Date::of(time).unwrap().years_later(years);
        assert_eq!(text(later(1_603_387_385, 25)), "23 451022172305Z");
        // 2024-02-29 12:00:00, one, four and 76 years later; 2096-02-29, four years later.
        assert_eq!(text(later(1_709_208_000, 1)), "23 250228120000Z");
        assert_eq!(text(later(1_709_208_000, 4)), "23 280229120000Z");
        assert_eq!(text(later(1_709_208_000, 76)), "24 21000228120000Z");
        assert_eq!(text(later(1_709_208_000, 376)), "24 24000229120000Z");
        assert!(later(253_402_300_799, 1).is_none());
        assert!(later(0, u16::MAX).is_none());
    }
}
