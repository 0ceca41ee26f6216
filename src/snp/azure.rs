//! Azure's wrapping of a report: the HCL report in a confidential VM's vTPM, NV index 0x01400001.
//!
//! On Azure a paravisor (HCL) at VMPL 0 asks for the report and leaves it in the vTPM. Its REPORT_DATA is the hash of
//! the runtime claims that follow it, JSON with the vTPM's public keys: that hash alone binds the claims, nothing else
//! around the report is signed.
//!
//! ```text
//! 0x000  "HCLA", version u32, report size u32, request type u32, status u32, 12 zero bytes   header
//! 0x020  ATTESTATION_REPORT, 0x4a0 bytes
//! 0x4c0  data size u32, version u32, report type u32, hash type u32, claims size u32         request data
//! 0x4d4  claims; then zeros up to the size of the NV index
//! ```
//!
//! Sources: Microsoft, "Guest attestation for confidential VMs", attestation report format, and OpenHCL
//! (`IgvmAttestRequestBase`). Version 1 is in real blobs. MODEL: version 2, which OpenHCL's source has, with a word of
//! capabilities between request data and claims; no real blob of it was at hand. UNKNOWN: whether anybody uses another
//! hash than SHA-256, and what a status other than 0 means.

use core::fmt;

use sha2::{Digest, Sha256, Sha384, Sha512};

use super::report::REPORT_LEN;

/// Bytes of the header.
const HEADER_LEN: usize = 0x20;
/// Offset of the request data.
const DATA_AT: usize = HEADER_LEN + REPORT_LEN;
/// Bytes of the request data.
const DATA_LEN: usize = 20;
/// Where the claims begin, or the capabilities of version 2, four bytes.
const CLAIMS_AT: usize = DATA_AT + DATA_LEN;

/// "HCLA": what the blob begins with. No report does (its first word is a version), and no status is this number.
pub(super) const SIGNATURE: u32 = u32::from_le_bytes(*b"HCLA");

/// A report from a vTPM, with the claims that it is about.
///
/// ```
/// use sevcrypt::snp::azure::{HashType, HclReport};
/// use sha2::{Digest, Sha256};
///
/// let claims = br#"{"keys":[]}"#;
/// let size = u32::try_from(claims.len())?;
/// let (report_data, mut report) = (Sha256::digest(claims), [0; 0x4a0]);
/// report[0x50..0x70].copy_from_slice(&report_data);
///
/// let header = [u32::from_le_bytes(*b"HCLA"), 1, 0x4d4 + size, 2, 0, 0, 0, 0];
/// let data = [20 + size, 1, 2, 1, size];
/// let mut blob = header.map(u32::to_le_bytes).concat();
/// blob.extend_from_slice(&report);
/// blob.extend_from_slice(&data.map(u32::to_le_bytes).concat());
/// blob.extend_from_slice(claims);
///
/// let hcl = HclReport::parse(&blob)?;
/// assert_eq!((hcl.hash_type(), hcl.runtime_claims()), (HashType::Sha256, &claims[..]));
/// assert!(hcl.is_bound_to(report[0x50..0x90].try_into()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HclReport<'a> {
    report: &'a [u8; REPORT_LEN],
    hash_type: HashType,
    claims: &'a [u8],
}

impl<'a> HclReport<'a> {
    /// Reads a blob. Behind the claims there may be zeros and nothing else.
    ///
    /// # Errors
    /// The blob is too short, or a field has another number than the report of a SEV-SNP guest has there.
    pub fn parse(blob: &'a [u8]) -> Result<Self, HclError> {
        let len = blob.len();
        let truncated = HclError::Truncated { len, needed: CLAIMS_AT };
        let (header, rest) = blob.split_first_chunk::<HEADER_LEN>().ok_or(truncated)?;
        let (report, rest) = rest.split_first_chunk::<REPORT_LEN>().ok_or(truncated)?;
        let data = rest.first_chunk::<DATA_LEN>().ok_or(truncated)?;

        let [signature, version, report_size, request_type, status, reserved @ ..] =
            words::<8>(header);
        check(HclField::Signature, signature, signature == SIGNATURE)?;
        check(HclField::Version, version, matches!(version, 1 | 2))?;
        check(HclField::RequestType, request_type, request_type == 2)?;
        check(HclField::Status, status, status == 0)?;
        for word in reserved {
            check(HclField::Reserved, word, word == 0)?;
        }

        let [data_size, data_version, report_type, hash_type, claims_size] = words::<5>(data);
        check(HclField::DataVersion, data_version, matches!(data_version, 1 | 2))?;
        check(HclField::ReportType, report_type, report_type == 2)?;
        let hash_type = match hash_type {
            1 => HashType::Sha256,
            2 => HashType::Sha384,
            3 => HashType::Sha512,
            found => return Err(HclError::Field { field: HclField::HashType, found }),
        };

        // Three sizes that have to agree. The data's size tells whether there are capabilities before the claims.
        let between = data_size.checked_sub(claims_size);
        let capabilities = data_version == 2 && between == Some(0x18);
        check(HclField::DataSize, data_size, capabilities || between == Some(0x14))?;
        let is_sum = report_size.checked_sub(data_size) == Some(0x4c0);
        check(HclField::ReportSize, report_size, is_sum)?;

        let needed = usize::try_from(report_size).unwrap_or(usize::MAX);
        let (content, padding) =
            blob.split_at_checked(needed).ok_or(HclError::Truncated { len, needed })?;
        if let Some(index) = padding.iter().position(|byte| *byte != 0) {
            return Err(HclError::TrailingData { offset: needed + index });
        }
        let claims_at = if capabilities { CLAIMS_AT + 4 } else { CLAIMS_AT };
        let claims =
            content.get(claims_at..).ok_or(HclError::Truncated { len, needed: claims_at })?;
        Ok(Self { report, hash_type, claims })
    }

    /// The report: what [`Report::from_bytes`](super::report::Report::from_bytes) takes.
    #[must_use]
    pub const fn report_bytes(&self) -> &'a [u8; REPORT_LEN] {
        self.report
    }

    /// Which hash of the claims is in REPORT_DATA.
    #[must_use]
    pub const fn hash_type(&self) -> HashType {
        self.hash_type
    }

    /// The runtime claims: JSON, as it was hashed. To be trusted only if the report is, and
    /// [`is_bound_to`](Self::is_bound_to) its REPORT_DATA.
    #[must_use]
    pub const fn runtime_claims(&self) -> &'a [u8] {
        self.claims
    }

    /// Whether this REPORT_DATA is the hash of the claims, then zeros.
    #[must_use]
    pub fn is_bound_to(&self, report_data: &[u8; 64]) -> bool {
        match self.hash_type {
            HashType::Sha256 => is_padded(&Sha256::digest(self.claims), report_data),
            HashType::Sha384 => is_padded(&Sha384::digest(self.claims), report_data),
            HashType::Sha512 => is_padded(&Sha512::digest(self.claims), report_data),
        }
    }
}

/// Whether the field is the digest, then zeros.
fn is_padded(digest: &[u8], field: &[u8; 64]) -> bool {
    field.strip_prefix(digest).is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
}

/// Little-endian words.
fn words<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let (words, _) = bytes.as_chunks();
    core::array::from_fn(|index| u32::from_le_bytes(words[index]))
}

fn check(field: HclField, found: u32, is_right: bool) -> Result<(), HclError> {
    if is_right { Ok(()) } else { Err(HclError::Field { field, found }) }
}

/// Which hash of the claims is in REPORT_DATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashType {
    /// 1: SHA-256, 32 bytes and 32 zeros. All that Azure uses today.
    Sha256,
    /// 2: SHA-384, 48 bytes and 16 zeros.
    Sha384,
    /// 3: SHA-512, 64 bytes.
    Sha512,
}

/// A number in the blob.
///
/// ```
/// use sevcrypt::snp::azure::{HclError, HclField, HclReport};
///
/// println!("{} at {:#x}", HclField::ReportType, HclField::ReportType.offset());
/// let Err(HclError::Field { field, .. }) = HclReport::parse(&[0; 2600]) else { panic!("it has no signature") };
/// assert_eq!((field, field.offset()), (HclField::Signature, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HclField {
    /// Header, 0x0: "HCLA".
    Signature,
    /// Header, 0x4: 1, or 2 from OpenHCL.
    Version,
    /// Header, 0x8: the bytes of header, report, request data and claims.
    ReportSize,
    /// Header, 0xc: 2, the request for the attestation key's certificate.
    RequestType,
    /// Header, 0x10: 0.
    Status,
    /// Header, 0x14 to 0x1f: 0.
    Reserved,
    /// Request data, 0x4c0: its bytes, the claims included.
    DataSize,
    /// Request data, 0x4c4: 1 or 2.
    DataVersion,
    /// Request data, 0x4c8: 2, SEV-SNP. Others: 1 VBS, 3 Trusted Launch, 4 TDX, 5 CCA.
    ReportType,
    /// Request data, 0x4cc: 1 to 3.
    HashType,
}

impl HclField {
    /// Where it stands in the blob.
    #[must_use]
    pub const fn offset(self) -> usize {
        match self {
            Self::Signature => 0x0,
            Self::Version => 0x4,
            Self::ReportSize => 0x8,
            Self::RequestType => 0xc,
            Self::Status => 0x10,
            Self::Reserved => 0x14,
            Self::DataSize => DATA_AT,
            Self::DataVersion => DATA_AT + 4,
            Self::ReportType => DATA_AT + 8,
            Self::HashType => DATA_AT + 12,
        }
    }

    /// Its name, and what is expected.
    const fn expected(self) -> (&'static str, &'static str) {
        match self {
            Self::Signature => ("signature", "0x414c4348 (HCLA)"),
            Self::Version => ("version", "1 or 2"),
            Self::ReportSize => ("report size", "the request data's size plus 0x4c0"),
            Self::RequestType => ("request type", "2 (attestation key certificate)"),
            Self::Status => ("status", "0"),
            Self::Reserved => ("reserved word", "0"),
            Self::DataSize => {
                ("request data's size", "the claims' size plus 0x14, or plus 0x18 in version 2")
            }
            Self::DataVersion => ("request data's version", "1 or 2"),
            Self::ReportType => ("report type", "2 (SEV-SNP)"),
            Self::HashType => ("hash type", "1, 2 or 3 (SHA-256, SHA-384, SHA-512)"),
        }
    }
}

impl fmt::Display for HclField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected().0)
    }
}

/// A blob that is no HCL report of a SEV-SNP guest.
///
/// ```
/// use sevcrypt::snp::azure::HclReport;
///
/// let error = HclReport::parse(&[0; 2600]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "HCL report, at offset 0x0: the signature is 0x0, expected 0x414c4348 (HCLA)"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HclError {
    /// The blob ends too early.
    Truncated {
        /// Its bytes.
        len: usize,
        /// The bytes that it has to have at least.
        needed: usize,
    },
    /// A field has a number that it cannot have.
    Field {
        /// Which one.
        field: HclField,
        /// Its number.
        found: u32,
    },
    /// A byte that is not zero after the claims.
    TrailingData {
        /// Where.
        offset: usize,
    },
}

impl fmt::Display for HclError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HCL report, ")?;
        match *self {
            Self::Truncated { len, needed } => {
                write!(f, "it ends after {len} bytes: expected {needed} at least")
            }
            Self::Field { field, found } => write!(
                f,
                "at offset {:#x}: the {field} is {found:#x}, expected {}",
                field.offset(),
                field.expected().1
            ),
            Self::TrailingData { offset } => {
                write!(f, "at offset {offset:#x}: only zeros may follow the claims")
            }
        }
    }
}

impl core::error::Error for HclError {}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const CLAIMS: &[u8] = b"{}";

    /// A blob with these words; those of the request data come last.
    fn blob(words: [u32; 13], rest: &[u8]) -> Vec<u8> {
        let bytes = words.map(u32::to_le_bytes).concat();
        [&bytes[..32], &[0x77; REPORT_LEN], &bytes[32..], rest].concat()
    }

    const GOOD: [u32; 13] = [SIGNATURE, 1, 0x4d6, 2, 0, 0, 0, 0, 0x16, 1, 2, 1, 2];

    #[test]
    fn every_number() {
        let good = blob(GOOD, CLAIMS);
        let parsed = HclReport::parse(&good).unwrap();
        assert_eq!(parsed.report_bytes(), &[0x77; REPORT_LEN]);
        assert_eq!((parsed.hash_type(), parsed.runtime_claims()), (HashType::Sha256, CLAIMS));

        use HclField::{
            DataSize, DataVersion, ReportSize, ReportType, RequestType, Reserved, Signature,
            Status, Version,
        };
        let fields = [
            (Signature, 0..0),
            (Version, 1..3),
            (ReportSize, 0x4d6..0x4d7),
            (RequestType, 2..3),
            (Status, 0..1),
            (Reserved, 0..1),
            (Reserved, 0..1),
            (Reserved, 0..1),
            (DataSize, 0x16..0x17),
            (DataVersion, 1..3),
            (ReportType, 2..3),
            (HclField::HashType, 1..4),
            (DataSize, 2..3), // the claims' size: then the data's is wrong
        ];
        for (index, (field, right)) in fields.into_iter().enumerate() {
            let at = if index < 8 { 4 * index } else { 0x4c0 + 4 * (index - 8) };
            // RESERVED has three words; the last word is checked by DATA_SIZE.
            assert!(field.offset() == at || matches!(index, 6 | 7 | 12), "{field:?}");
            for found in (0..8).chain([0x4d5, 0x4d7, 0x15, 0x17, u32::MAX]) {
                let mut words = GOOD;
                words[index] = found;
                let bytes = blob(words, CLAIMS);
                match HclReport::parse(&bytes) {
                    Ok(_) => assert!(right.contains(&found), "{field}: {found}"),
                    Err(HclError::Field { field: wrong, found: number }) => {
                        assert_eq!(wrong, field);
                        assert!(!right.contains(&found) && (number == found || index == 12));
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        }
        for (index, name) in ["signature", "version", "report size"].into_iter().enumerate() {
            let mut words = GOOD;
            words[index] = 9;
            let error = HclReport::parse(&blob(words, CLAIMS)).unwrap_err().to_string();
            let begin = std::format!("HCL report, at offset {:#x}: the {name} is 0x9, ", 4 * index);
            assert!(error.starts_with(&begin), "{error}");
        }
    }

    #[test]
    fn version_2_has_capabilities() {
        let mut words = GOOD;
        (words[1], words[2], words[8], words[9]) = (2, 0x4da, 0x1a, 2);
        let bytes = blob(words, b"\x07\0\0\0{}");
        assert_eq!(HclReport::parse(&bytes).unwrap().runtime_claims(), CLAIMS);
        words[9] = 1;
        let error = HclReport::parse(&blob(words, b"\x07\0\0\0{}")).unwrap_err();
        assert_eq!(error, HclError::Field { field: HclField::DataSize, found: 0x1a });
    }

    #[test]
    fn binding() {
        for (number, digest) in [
            (1, Sha256::digest(CLAIMS).to_vec()),
            (2, Sha384::digest(CLAIMS).to_vec()),
            (3, Sha512::digest(CLAIMS).to_vec()),
        ] {
            let mut words = GOOD;
            words[11] = number;
            let bytes = blob(words, CLAIMS);
            let parsed = HclReport::parse(&bytes).unwrap();
            let mut report_data = [0; 64];
            report_data[..digest.len()].copy_from_slice(&digest);
            assert!(parsed.is_bound_to(&report_data));
            for index in 0..64 {
                report_data[index] ^= 1;
                assert!(!parsed.is_bound_to(&report_data), "{index}");
                report_data[index] ^= 1;
            }
        }
    }

    #[test]
    fn cut_and_padded() {
        let mut bytes = blob(GOOD, CLAIMS);
        for len in 0..bytes.len() {
            let needed = if len < CLAIMS_AT { CLAIMS_AT } else { 0x4d6 };
            assert_eq!(HclReport::parse(&bytes[..len]), Err(HclError::Truncated { len, needed }));
        }
        bytes.resize(2600, 0);
        assert_eq!(HclReport::parse(&bytes).unwrap().runtime_claims(), CLAIMS);
        bytes[2599] = 1;
        assert_eq!(HclReport::parse(&bytes), Err(HclError::TrailingData { offset: 2599 }));
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
            let _ = HclReport::parse(&bytes);
        }

        #[test]
        fn any_sizes(sizes in proptest::array::uniform3(prop_oneof![0..2000u32, any::<u32>()]), len in 0..1500usize) {
            let mut words = GOOD;
            [words[2], words[8], words[12]] = sizes;
            if let Ok(parsed) = HclReport::parse(&blob(words, &vec![0; len])) {
                prop_assert!(parsed.runtime_claims().len() <= len);
            }
        }
    }
}
