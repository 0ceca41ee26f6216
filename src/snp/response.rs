//! The report in what a guest hands over: as it is, in the firmware's answer, or in Azure's vTPM blob.
//!
//! [`find`] tells them apart by the first word and the length:
//!
//! | first four bytes | bytes in all | what it is |
//! |---|---|---|
//! | "HCLA" | any | Azure's vTPM blob: [`HclReport`] |
//! | another word | 1184 | the report: raw, or `outblob` of Linux's configfs-tsm |
//! | another word | 1216, 4000 | MSG_REPORT_RSP, alone or in `/dev/sev-guest`'s answer to `SNP_GET_REPORT` |
//!
//! No two lines fit the same bytes: a report begins with its version, MSG_REPORT_RSP with the firmware's status, and
//! "HCLA" as a number is neither. Any other length is an error, and so is a byte that is not zero where nothing
//! belongs.
//! Certificates travel beside the report: `auxblob` of configfs-tsm, and the data of `SNP_GET_EXT_REPORT`, are a
//! [`CertTable`](super::cert_table::CertTable).

use core::fmt;

use super::azure::{self, HclError, HclReport};
use super::report::REPORT_LEN;
use crate::status::Status;

/// Bytes before the report in MSG_REPORT_RSP (AMD 56860, MSG_REPORT_RSP): status, size, 24 reserved.
const PREFIX_LEN: usize = 0x20;
/// MSG_REPORT_RSP.
const RESPONSE_LEN: usize = PREFIX_LEN + REPORT_LEN;
/// `snp_report_resp.data` of Linux's `include/uapi/linux/sev-guest.h`: MSG_REPORT_RSP, then zeros.
const IOCTL_LEN: usize = 4000;

/// A report, and what it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found<'a> {
    /// What [`Report::from_bytes`](super::report::Report::from_bytes) takes. It has not been looked at.
    pub report: &'a [u8; REPORT_LEN],
    /// What it came in.
    pub wrapper: Wrapper<'a>,
}

/// What a report came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrapper<'a> {
    /// Nothing.
    Raw,
    /// The firmware's answer, with or without the rest of Linux's buffer.
    MsgReportRsp,
    /// Azure's vTPM blob.
    Hcl(HclReport<'a>),
}

/// Finds the report: see the [module's table](self).
///
/// # Errors
/// The length fits nothing, the firmware answered with an error, or what is around the report breaks a rule.
///
/// ```
/// use sevcrypt::Status;
/// use sevcrypt::snp::response::{self, ResponseError, Wrapper};
///
/// let mut answer = [0; 4000];
/// answer[4..8].copy_from_slice(&0x4a0u32.to_le_bytes());
/// let found = response::find(&answer)?;
/// assert_eq!((found.report.as_slice(), found.wrapper), (&answer[0x20..0x4c0], Wrapper::MsgReportRsp));
///
/// answer[0] = 0x27;
/// let error = response::find(&answer).unwrap_err();
/// assert_eq!(error, ResponseError::Status(Status::INVALID_KEY));
/// assert_eq!(error.to_string(), "the firmware gave no report: status 0x27 (INVALID_KEY)");
/// # Ok::<(), ResponseError>(())
/// ```
pub fn find(input: &[u8]) -> Result<Found<'_>, ResponseError> {
    if input.starts_with(&azure::SIGNATURE.to_le_bytes()) {
        let hcl = HclReport::parse(input).map_err(ResponseError::Hcl)?;
        return Ok(Found { report: hcl.report_bytes(), wrapper: Wrapper::Hcl(hcl) });
    }
    if let Ok(report) = input.try_into() {
        return Ok(Found { report, wrapper: Wrapper::Raw });
    }
    let len = input.len();
    let wrong_length = ResponseError::Length { len };
    if !matches!(len, RESPONSE_LEN | IOCTL_LEN) {
        return Err(wrong_length);
    }
    let (prefix, rest) = input.split_first_chunk::<PREFIX_LEN>().ok_or(wrong_length)?;
    let (report, padding) = rest.split_first_chunk::<REPORT_LEN>().ok_or(wrong_length)?;
    let [s0, s1, s2, s3, l0, l1, l2, l3, reserved @ ..] = prefix;
    let status = Status(u32::from_le_bytes([*s0, *s1, *s2, *s3]));
    if !status.is_success() {
        return Err(ResponseError::Status(status));
    }
    let size = u32::from_le_bytes([*l0, *l1, *l2, *l3]);
    if usize::try_from(size) != Ok(REPORT_LEN) {
        return Err(ResponseError::ReportSize { found: size });
    }
    for (bytes, begin) in [(&reserved[..], 8), (padding, RESPONSE_LEN)] {
        if let Some(index) = bytes.iter().position(|byte| *byte != 0) {
            return Err(ResponseError::NotZero { offset: begin + index });
        }
    }
    Ok(Found { report, wrapper: Wrapper::MsgReportRsp })
}

/// Bytes in which there is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseError {
    /// A length that nothing known has.
    Length {
        /// The bytes that were given.
        len: usize,
    },
    /// The firmware's status in MSG_REPORT_RSP is not success: what follows is no report.
    Status(Status),
    /// The report's size in MSG_REPORT_RSP.
    ReportSize {
        /// The stated size.
        found: u32,
    },
    /// A byte that is not zero among the reserved ones of MSG_REPORT_RSP, or after it.
    NotZero {
        /// Where.
        offset: usize,
    },
    /// It begins as Azure's vTPM blob, and is none.
    Hcl(HclError),
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Length { len } => write!(
                f,
                "{len} bytes: expected a report (1184 bytes), MSG_REPORT_RSP (1216, or 4000 from /dev/sev-guest) or an HCL report, which begins with HCLA"
            ),
            Self::Status(status) => write!(f, "the firmware gave no report: status {status}"),
            Self::ReportSize { found } => {
                write!(f, "at offset 0x4: a report of {found:#x} bytes, expected {REPORT_LEN:#x}")
            }
            Self::NotZero { offset } => {
                write!(f, "at offset {offset:#x}: expected zero, here belongs nothing")
            }
            Self::Hcl(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ResponseError {}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;
    use std::{fs, vec};

    use proptest::prelude::*;

    use super::*;
    use crate::snp::cert_table::{CertTable, EntryKind};

    /// MSG_REPORT_RSP of a report of 0x77, then zeros.
    fn response(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        bytes[4..6].copy_from_slice(&[0xa0, 0x04]);
        bytes[PREFIX_LEN..RESPONSE_LEN].fill(0x77);
        bytes
    }

    #[test]
    fn every_length() {
        let bytes = response(5000);
        for len in 0..bytes.len() {
            let found = find(&bytes[..len]);
            match len {
                REPORT_LEN => assert_eq!(found.unwrap().wrapper, Wrapper::Raw),
                RESPONSE_LEN | IOCTL_LEN => {
                    let found = found.unwrap();
                    assert_eq!(found.wrapper, Wrapper::MsgReportRsp);
                    assert_eq!(found.report, &[0x77; REPORT_LEN]);
                }
                _ => assert_eq!(found, Err(ResponseError::Length { len })),
            }
        }
        let text = ResponseError::Length { len: 7 }.to_string();
        assert!(text.starts_with("7 bytes: expected a report"), "{text}");
    }

    #[test]
    fn around_the_report() {
        for len in [RESPONSE_LEN, IOCTL_LEN] {
            for index in 0..len {
                let mut bytes = response(len);
                bytes[index] ^= 1;
                let expected = match index {
                    0..4 => Err(ResponseError::Status(Status(1 << (8 * index)))),
                    4..8 => {
                        Err(ResponseError::ReportSize { found: 0x4a0 ^ (1 << (8 * (index - 4))) })
                    }
                    PREFIX_LEN..RESPONSE_LEN => Ok(Wrapper::MsgReportRsp),
                    offset => Err(ResponseError::NotZero { offset }),
                };
                assert_eq!(find(&bytes).map(|found| found.wrapper), expected, "{index}");
            }
        }
        // A buffer that nothing was written to.
        assert_eq!(find(&[0; IOCTL_LEN]), Err(ResponseError::ReportSize { found: 0 }));
    }

    #[test]
    fn a_broken_blob_is_nothing_else() {
        for len in [4, REPORT_LEN, RESPONSE_LEN, IOCTL_LEN] {
            let mut bytes = response(len.max(RESPONSE_LEN));
            bytes.truncate(len);
            bytes[..4].copy_from_slice(b"HCLA");
            assert!(matches!(find(&bytes), Err(ResponseError::Hcl(_))), "{len}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes(
            bytes in proptest::collection::vec(any::<u8>(), IOCTL_LEN),
            len in prop_oneof![Just(REPORT_LEN), Just(RESPONSE_LEN), 0..=IOCTL_LEN],
            hcl in any::<bool>(),
        ) {
            let mut bytes = bytes;
            if hcl {
                bytes[..4].copy_from_slice(b"HCLA");
            }
            prop_assert_eq!(find(&bytes[..len]).is_ok(), len == REPORT_LEN && !hcl);
        }
    }

    /// A real file, which is not part of this repository.
    fn real(test: &str, file: &str) -> Option<Vec<u8>> {
        let folder = crate::real::folder(test)?;
        Some(fs::read(folder.join(file)).unwrap_or_else(|why| panic!("{file}: {why}")))
    }

    #[test]
    fn a_real_answer_of_linux() {
        let Some(bytes) = real("a_real_answer_of_linux", "messages/snp_get_report_ioctl_resp.bin")
        else {
            return;
        };
        let found = find(&bytes).unwrap();
        assert_eq!(found.wrapper, Wrapper::MsgReportRsp);
        assert_eq!(found.report, &bytes[PREFIX_LEN..RESPONSE_LEN]);
        assert_eq!(found.report[..4], [2, 0, 0, 0]);
        assert_eq!(find(&bytes[..RESPONSE_LEN]), Ok(found));
    }

    #[test]
    fn real_blobs_of_azure() {
        for (file, version, claims_len) in [
            ("azure/hcl_report_v1_milan.bin", 2, 1110),
            ("azure/hcl_report_v1_milan_b.bin", 2, 583),
            ("azure/hcl_v1_milan_c.bin", 3, 1110),
        ] {
            let Some(bytes) = real("real_blobs_of_azure", file) else { return };
            let found = find(&bytes).unwrap();
            let Wrapper::Hcl(hcl) = found.wrapper else { panic!("{file}: {:?}", found.wrapper) };
            assert_eq!(found.report[..4], [version, 0, 0, 0], "{file}");
            let claims = hcl.runtime_claims();
            assert!(claims.starts_with(b"{\"keys\":[") && claims.ends_with(b"}"), "{file}");
            assert_eq!((claims.len(), hcl.hash_type()), (claims_len, azure::HashType::Sha256));
            assert!(hcl.is_bound_to(found.report[0x50..0x90].try_into().unwrap()), "{file}");

            let end = 0x4d4 + claims_len;
            for len in 0..bytes.len() {
                assert_eq!(find(&bytes[..len]).is_ok(), len >= end, "{file}: {len}");
            }
            for index in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[index] ^= 0x10;
                let is_kept = (0x20..0x4c0).contains(&index) || (0x4d4..end).contains(&index);
                assert_eq!(find(&changed).is_ok(), is_kept, "{file}: {index}");
            }
        }
    }

    #[test]
    fn a_real_certificate_table() {
        let Some(bytes) = real("a_real_certificate_table", "ghcb/cert_table_milan_made.bin") else {
            return;
        };
        let table = CertTable::parse(&bytes).unwrap();
        let entries = table.entries().map(|entry| (entry.kind, entry.data.len()));
        let kinds = [(EntryKind::Vcek, 0x550), (EntryKind::Ask, 0x68d), (EntryKind::Ark, 0x667)];
        assert!(entries.eq(kinds));
        for len in 1..bytes.len() {
            assert_eq!(CertTable::parse(&bytes[..len]).is_ok(), len >= 0xc3d + 0x667, "{len}");
        }
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 0xff;
            if let Ok(table) = CertTable::parse(&changed) {
                assert_eq!(table.entries().count(), 3, "{index}");
            }
        }
    }
}
