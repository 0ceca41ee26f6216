//! Dates of certificates and CRLs (RFC 5280, 4.1.2.5), as Unix seconds.

use core::fmt;

use super::der::{Element, Reader, tag};
use super::error::{CertificateError, CertificateErrorKind as Kind, Field};

/// When a certificate is valid, both ends included: seconds since 1970-01-01 00:00:00 UTC.
///
/// ```
/// use sevcrypt::x509::Validity;
///
/// let day = Validity { not_before: 0, not_after: 86_399 };
/// assert!(day.contains(0) && day.contains(86_399) && !day.contains(86_400));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// First second.
    pub not_before: i64,
    /// Last second.
    pub not_after: i64,
}

impl Validity {
    /// Whether a time, in Unix seconds, lies within.
    #[must_use]
    pub const fn contains(&self, time: i64) -> bool {
        self.not_before <= time && time <= self.not_after
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, CertificateError> {
        let mut times = reader.read(tag::SEQUENCE, Field::Validity)?.reader();
        let not_before = read_time(&mut times, Field::NotBefore)?;
        let not_after = read_time(&mut times, Field::NotAfter)?;
        times.finish(Field::Validity)?;
        Ok(Self { not_before, not_after })
    }
}

/// A time in Unix seconds that prints as RFC 3339 writes it.
///
/// ```
/// use sevcrypt::x509::UtcTime;
///
/// assert_eq!(UtcTime(951_782_400).to_string(), "2000-02-29T00:00:00Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UtcTime(pub i64);

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, second) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        // Beyond the years that a certificate can write.
        let first = days_before_year(0) - days_before_year(1970);
        let last = days_before_year(10_000) - days_before_year(1970);
        if !(first..last).contains(&day) {
            return write!(f, "{} s after 1970", self.0);
        }
        // The year that the mean length gives is too late by one at the most, or right.
        let mut year = 1970 + (day * 400).div_euclid(146_097) + 1;
        while days_before_year(year) - days_before_year(1970) > day {
            year -= 1;
        }
        let mut rest = day - (days_before_year(year) - days_before_year(1970));
        let mut month = 1;
        while rest >= days_in_month(year, month) {
            rest -= days_in_month(year, month);
            month += 1;
        }
        let (hour, minute) = (second / 3600, second / 60 % 60);
        write!(f, "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{:02}Z", rest + 1, second % 60)
    }
}

/// Whether the next element is a time.
pub(super) fn time_follows(reader: &Reader<'_>) -> bool {
    matches!(reader.peek(), Some(tag::UTC_TIME | tag::GENERALIZED_TIME))
}

/// A `Time`, in Unix seconds.
pub(super) fn read_time(reader: &mut Reader<'_>, field: Field) -> Result<i64, CertificateError> {
    let element = match reader.peek() {
        Some(tag::GENERALIZED_TIME) => reader.any(field)?,
        _ => reader.read(tag::UTC_TIME, field)?,
    };
    unix_seconds(&element).ok_or(element.error(field, Kind::Time))
}

/// `YYMMDDhhmmssZ` (UTCTime: 50 to 99 are 19xx, 00 to 49 are 20xx) or `YYYYMMDDhhmmssZ`.
fn unix_seconds(element: &Element<'_>) -> Option<i64> {
    let digits = element.content.strip_suffix(b"Z")?;
    let mut pairs = digits.chunks_exact(2).map(|pair| match *pair {
        [high @ b'0'..=b'9', low @ b'0'..=b'9'] => {
            Some(i64::from(high - b'0') * 10 + i64::from(low - b'0'))
        }
        _ => None,
    });
    let mut next = || pairs.next().flatten();
    let year = match (element.tag, digits.len()) {
        (tag::UTC_TIME, 12) => match next()? {
            year @ 50.. => 1900 + year,
            year => 2000 + year,
        },
        (tag::GENERALIZED_TIME, 14) => next()? * 100 + next()?,
        _ => return None,
    };
    let (month, day) = (next()?, next()?);
    let (hour, minute, second) = (next()?, next()?, next()?);
    let exists = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    exists.then(|| {
        let days = days_before_year(year) + days_before_month(year, month) + day - 1;
        (days - days_before_year(1970)) * 86_400 + hour * 3600 + minute * 60 + second
    })
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of a year before the first of a month.
fn days_before_month(year: i64, month: i64) -> i64 {
    (1..month).map(|month| days_in_month(year, month)).sum()
}

/// Days from the first of January of year 1 to that of a year from 0 to 9999 (Gregorian throughout).
fn days_before_year(year: i64) -> i64 {
    let past = year - 1;
    past * 365 + past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400)
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::{String, ToString};

    use proptest::prelude::*;

    use super::*;

    fn seconds(tag: u8, text: &str) -> Option<i64> {
        let raw = text.as_bytes();
        unix_seconds(&Element { tag, raw, content: raw, offset: 0 })
    }

    fn utc(text: &str) -> Option<i64> {
        seconds(tag::UTC_TIME, text)
    }

    fn generalized(text: &str) -> Option<i64> {
        seconds(tag::GENERALIZED_TIME, text)
    }

    #[test]
    fn printed_times() {
        for text in [
            "19700101000000Z",
            "19691231235959Z",
            "19710101000000Z",
            "20000229120000Z",
            "20240301000102Z",
            "00010101000000Z",
            "99991231235959Z",
        ] {
            let digits = |range: core::ops::Range<usize>| &text[range];
            let wanted = format!(
                "{}-{}-{}T{}:{}:{}Z",
                digits(0..4),
                digits(4..6),
                digits(6..8),
                digits(8..10),
                digits(10..12),
                digits(12..14)
            );
            assert_eq!(UtcTime(generalized(text).unwrap()).to_string(), wanted);
        }
        for year in ["00000101000000Z", "99991231235959Z"] {
            assert!(UtcTime(generalized(year).unwrap()).to_string().ends_with('Z'));
        }
        for beyond in [i64::MIN, -62_167_219_201, 253_402_300_800, i64::MAX] {
            assert_eq!(UtcTime(beyond).to_string(), format!("{beyond} s after 1970"));
        }
    }

    /// The numbers are those of `date -u -d "1970-01-01" +%s` and so on.
    #[test]
    fn known_times() {
        for (text, wanted) in [
            ("19700101000000Z", 0),
            ("19691231235959Z", -1),
            ("20000229000000Z", 951_782_400),
            ("20000301000000Z", 951_868_800),
            ("20240229235959Z", 1_709_251_199),
            ("20240301000000Z", 1_709_251_200),
            ("20380119031408Z", 2_147_483_648),
            ("20491231235959Z", 2_524_607_999),
            ("20500101000000Z", 2_524_608_000),
            ("21000301000000Z", 4_107_542_400),
            ("19000101000000Z", -2_208_988_800),
            ("00010101000000Z", -62_135_596_800),
            ("00000101000000Z", -62_167_219_200),
            ("99991231235959Z", 253_402_300_799),
        ] {
            assert_eq!(generalized(text), Some(wanted), "{text}");
        }
        assert_eq!(utc("700101000000Z"), Some(0));
        assert_eq!(utc("201022172305Z"), Some(1_603_387_385), "ARK-Milan, notBefore");
        assert_eq!(utc("491231235959Z"), generalized("20491231235959Z"));
        assert_eq!(utc("500101000000Z"), generalized("19500101000000Z"));
        assert_eq!(utc("991231235959Z"), generalized("19991231235959Z"));
        assert_eq!(utc("000229000000Z"), generalized("20000229000000Z"));
    }

    #[test]
    fn times_that_do_not_exist() {
        for text in [
            "230229000000Z",
            "230001000000Z",
            "231301000000Z",
            "230100000000Z",
            "230132000000Z",
            "230431000000Z",
            "230101240000Z",
            "230101006000Z",
            "230101000060Z",
            "2301010000Z",
            "230101000000",
            "230101000000z",
            "230101000000+0000",
            "230101000000ZZ",
            "2301010000 0Z",
            "-30101000000Z",
            "20230101000000Z",
            "",
            "Z",
        ] {
            assert_eq!(utc(text), None, "{text}");
        }
        for text in [
            "19000229000000Z",
            "21000229000000Z",
            "20230101000000.0Z",
            "230101000000Z",
            "20230101Z",
        ] {
            assert_eq!(generalized(text), None, "{text}");
        }
    }

    /// The day after each day is one day later, over the 400 years in which the calendar repeats.
    #[test]
    fn days_follow_each_other() {
        let mut wanted = generalized("18000101000000Z").unwrap();
        for year in 1800..2201 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    let text: String = format!("{year:04}{month:02}{day:02}000000Z");
                    assert_eq!(generalized(&text), Some(wanted), "{text}");
                    wanted += 86_400;
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_text(text in "[0-9Z.+-]{0,20}") {
            let _ = (utc(&text), generalized(&text));
        }
    }
}
