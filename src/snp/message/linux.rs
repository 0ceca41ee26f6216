//! What Linux's programs see of guest messages: the structures of `/dev/sev-guest` and the attributes of configfs-tsm,
//! as bytes and strings. No system call is made here.
//!
//! `/dev/sev-guest` (`include/uapi/linux/sev-guest.h`): [`GuestRequestIoctl`] is the argument of the call; it points to a
//! request and to the place of a response.
//!
//! | call | request | response |
//! |---|---|---|
//! | [`SNP_GET_REPORT`] | [`report_request`] | 4000 bytes: [`response::find`](crate::snp::response::find) |
//! | [`SNP_GET_DERIVED_KEY`] | [`derived_key_request`] | 64 bytes: [`derived_key`] |
//! | [`SNP_GET_EXT_REPORT`] | [`ExtendedReportRequest`] | 4000 bytes as above, and a [`CertTable`](crate::snp::cert_table::CertTable) at `certs_address` |
//!
//! configfs-tsm (`Documentation/ABI/testing/configfs-tsm`): a folder made in [`TSM_REPORT_FOLDER`] is a request; the
//! attributes in it are [`TsmAttribute`].
//!
//! ```
//! use sevcrypt::Vmpl;
//! use sevcrypt::snp::keys::{KeyRequest, KeySelect};
//! use sevcrypt::snp::message::ReportRequest;
//! use sevcrypt::snp::message::linux::{self, ExtendedReportRequest, TsmAttribute};
//!
//! // /dev/sev-guest: what the structures hold.
//! let report = ReportRequest::new(&[0x5a; 64]).with_vmpl(Vmpl::VMPL1).with_key_select(KeySelect::Vcek);
//! assert_eq!(linux::report_request(&report)[..64], [0x5a; 64]);
//! let extended = ExtendedReportRequest { report, certs_address: 0x7f00_0000_0000, certs_len: 0x4000 };
//! assert_eq!(ExtendedReportRequest::from_bytes(&extended.to_bytes())?, extended);
//! let request = linux::derived_key_request(&KeyRequest::new(KeySelect::Vcek)).expect("it is of version 1");
//! assert_eq!(request.len(), 32);
//! let mut answer = [0; 64];
//! answer[32..].fill(0xee);
//! assert_eq!(linux::derived_key(&answer)?.as_bytes(), &[0xee; 32]);
//!
//! // configfs-tsm: what the files hold.
//! assert_eq!(TsmAttribute::Provider.name(), "provider");
//! assert!(linux::is_sev_guest(b"sev_guest\n"));
//! assert_eq!(linux::generation(b"3\n"), Some(3));
//! assert_eq!(linux::privlevel(Vmpl::VMPL2), "2");
//! assert_eq!(linux::privlevel_floor(b"1\n"), Some(Vmpl::VMPL1));
//! assert!(linux::outblob(&[0; 100]).is_none(), "too short for a report");
//! # Ok::<(), sevcrypt::Status>(())
//! ```

use core::fmt;
use core::str;

use super::Request;
use super::payload::{KEY_RSP_LEN, ReportRequest};
use crate::addr::Vmpl;
use crate::snp::keys::{DerivedKey, KeyRequest};
use crate::snp::report::REPORT_LEN;
use crate::status::Status;
use crate::wire::{field, field_mut, get_u32, get_u64};

/// The number of the call for a report: `_IOWR('S', 0, struct snp_guest_request_ioctl)`.
pub const SNP_GET_REPORT: u32 = call(0);
/// The number of the call for a derived key.
pub const SNP_GET_DERIVED_KEY: u32 = call(1);
/// The number of the call for a report and certificates.
pub const SNP_GET_EXT_REPORT: u32 = call(2);

/// Read and write, the argument's size, the type 'S', the number.
const fn call(number: u32) -> u32 {
    3 << 30 | (GuestRequestIoctl::LEN as u32) << 16 | (b'S' as u32) << 8 | number
}

/// Bytes of `snp_report_resp`: the place of a report's response.
pub const REPORT_RESPONSE_LEN: usize = 4000;
/// Bytes of `snp_derived_key_resp`: the place of a derived key's response.
pub const DERIVED_KEY_RESPONSE_LEN: usize = KEY_RSP_LEN;

/// `snp_guest_request_ioctl`: the argument of each call.
///
/// ```
/// use sevcrypt::Status;
/// use sevcrypt::snp::message::linux::{GuestRequestIoctl, SNP_GET_REPORT};
///
/// let argument = GuestRequestIoctl::new(1, 0x7f00_0000_1000, 0x7f00_0000_2000);
/// let mut bytes = argument.to_bytes(); // its address goes into ioctl(fd, SNP_GET_REPORT, ..)
/// assert_eq!((SNP_GET_REPORT, bytes.len()), (0xc020_5300, 32));
///
/// bytes[24..32].copy_from_slice(&0x27u64.to_le_bytes()); // the kernel's answer
/// let answer = GuestRequestIoctl::from_bytes(&bytes);
/// assert_eq!((answer.vmm_error(), answer.firmware_error()), (0, Status::INVALID_KEY));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuestRequestIoctl {
    /// `msg_version`: MSG_VERSION of the message; not zero.
    pub message_version: u8,
    /// `req_data`: the address of the request.
    pub request: u64,
    /// `resp_data`: the address of the place for the response.
    pub response: u64,
    /// `exitinfo2`: the hypervisor's error in the upper half (`vmm_error`), the firmware's in the lower (`fw_error`); all ones
    /// in a new argument, so that one that the kernel has not answered does not look like success.
    pub exit_info_2: u64,
}

impl GuestRequestIoctl {
    /// Bytes of the structure.
    pub const LEN: usize = 32;

    /// An argument for a message of a version.
    #[must_use]
    pub const fn new(message_version: u8, request: u64, response: u64) -> Self {
        Self { message_version, request, response, exit_info_2: u64::MAX }
    }

    /// Its bytes: as the kernel takes them on the little-endian machines that have SEV.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        *field_mut::<0, 1, _>(&mut bytes) = [self.message_version];
        *field_mut::<8, 8, _>(&mut bytes) = self.request.to_le_bytes();
        *field_mut::<16, 8, _>(&mut bytes) = self.response.to_le_bytes();
        *field_mut::<24, 8, _>(&mut bytes) = self.exit_info_2.to_le_bytes();
        bytes
    }

    /// From its bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let [message_version] = *field::<0, 1, _>(bytes);
        Self {
            message_version,
            request: get_u64::<8, _>(bytes),
            response: get_u64::<16, _>(bytes),
            exit_info_2: get_u64::<24, _>(bytes),
        }
    }

    /// The hypervisor's error: 1 `INVALID_LEN`, 2 `BUSY`.
    #[must_use]
    pub const fn vmm_error(&self) -> u32 {
        (self.exit_info_2 >> 32) as u32
    }

    /// The firmware's error.
    #[must_use]
    pub const fn firmware_error(&self) -> Status {
        Status(self.exit_info_2 as u32)
    }
}

/// `snp_report_req`: the bytes of MSG_REPORT_REQ. KEY_SEL stands in what Linux calls reserved and passes on.
#[must_use]
pub fn report_request(request: &ReportRequest) -> [u8; ReportRequest::LEN] {
    let mut bytes = [0; ReportRequest::LEN];
    request.encode(&mut bytes);
    bytes
}

/// `snp_derived_key_req`: MSG_KEY_REQ of version 1, byte for byte.
///
/// `None` for a request with a mitigation vector: the structure has no place for it.
#[must_use]
pub fn derived_key_request(request: &KeyRequest) -> Option<[u8; KeyRequest::LEN]> {
    let mut bytes = [0; KeyRequest::MAX_LEN];
    request.encode(&mut bytes).try_into().ok()
}

/// The key in `snp_derived_key_resp`, which is MSG_KEY_RSP. The caller wipes the bytes.
///
/// # Errors
/// The firmware's status.
pub fn derived_key(response: &[u8; DERIVED_KEY_RESPONSE_LEN]) -> Result<DerivedKey, Status> {
    Status(get_u32::<0, _>(response)).ok()?;
    Ok(DerivedKey::new(field::<0x20, 32, _>(response)))
}

/// `snp_ext_report_req`: a request for a report, and a place for the hypervisor's certificates.
///
/// Where the place is too small, the call fails with `EIO`, the hypervisor's error is 1, and `certs_len` is what is
/// needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedReportRequest {
    /// `data`: the request.
    pub report: ReportRequest,
    /// `certs_address`: the address of the place; 0 for none.
    pub certs_address: u64,
    /// `certs_len`: its length in bytes, a multiple of 4096.
    pub certs_len: u32,
}

impl ExtendedReportRequest {
    /// Bytes of the structure.
    pub const LEN: usize = 112;

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        *field_mut::<0, { ReportRequest::LEN }, _>(&mut bytes) = report_request(&self.report);
        *field_mut::<96, 8, _>(&mut bytes) = self.certs_address.to_le_bytes();
        *field_mut::<104, 4, _>(&mut bytes) = self.certs_len.to_le_bytes();
        bytes
    }

    /// From its bytes, as the kernel changes them.
    ///
    /// # Errors
    /// As [`ReportRequest::parse`].
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Result<Self, Status> {
        Ok(Self {
            report: ReportRequest::parse(field::<0, { ReportRequest::LEN }, _>(bytes))?,
            certs_address: get_u64::<96, _>(bytes),
            certs_len: get_u32::<104, _>(bytes),
        })
    }
}

/// Where configfs-tsm has its requests, each in a folder of its own that is made for it.
pub const TSM_REPORT_FOLDER: &str = "/sys/kernel/config/tsm/report";
/// `provider`, without the newline, where the kernel speaks to the firmware.
pub const TSM_PROVIDER: &str = "sev_guest";
/// What [`TsmAttribute::ServiceProvider`] takes for an SVSM's services.
pub const TSM_SERVICE_PROVIDER_SVSM: &str = "svsm";

/// An attribute of a request of configfs-tsm: a file in its folder.
///
/// Read [`Generation`](Self::Generation). Write [`InBlob`](Self::InBlob) (REPORT_DATA: this provider takes 64 bytes and
/// no fewer), and if wanted [`PrivLevel`](Self::PrivLevel) ([`privlevel`]). Read [`OutBlob`](Self::OutBlob) and
/// [`AuxBlob`](Self::AuxBlob), then [`Generation`](Self::Generation) again: if it has not gone up by as many as there were
/// writes, somebody else has written, too, and the blobs may answer another's question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TsmAttribute {
    /// `inblob`: bytes to write, REPORT_DATA.
    InBlob,
    /// `outblob`: bytes to read, the report: [`outblob`].
    OutBlob,
    /// `auxblob`: bytes to read, the hypervisor's certificates: [`CertTable`](crate::snp::cert_table::CertTable); empty if it has none.
    AuxBlob,
    /// `manifestblob`: bytes to read, an SVSM's manifest of services.
    ManifestBlob,
    /// `provider`: text to read, [`TSM_PROVIDER`].
    Provider,
    /// `generation`: text to read, how many writes there have been: [`generation`].
    Generation,
    /// `privlevel`: text to write, the VMPL.
    PrivLevel,
    /// `privlevel_floor`: text to read, the lowest VMPL that may be asked for.
    PrivLevelFloor,
    /// `service_provider`: text to write, [`TSM_SERVICE_PROVIDER_SVSM`].
    ServiceProvider,
    /// `service_guid`: text to write, the one service that is asked for.
    ServiceGuid,
    /// `service_manifest_version`: text to write, the version of the manifest.
    ServiceManifestVersion,
}

impl TsmAttribute {
    /// The name of its file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InBlob => "inblob",
            Self::OutBlob => "outblob",
            Self::AuxBlob => "auxblob",
            Self::ManifestBlob => "manifestblob",
            Self::Provider => "provider",
            Self::Generation => "generation",
            Self::PrivLevel => "privlevel",
            Self::PrivLevelFloor => "privlevel_floor",
            Self::ServiceProvider => "service_provider",
            Self::ServiceGuid => "service_guid",
            Self::ServiceManifestVersion => "service_manifest_version",
        }
    }
}

impl fmt::Display for TsmAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What to write into `privlevel` for a level.
#[must_use]
pub const fn privlevel(vmpl: Vmpl) -> &'static str {
    match vmpl.get() {
        0 => "0",
        1 => "1",
        2 => "2",
        _ => "3",
    }
}

/// The level in `privlevel_floor`; `None` if the text is none.
///
/// ```
/// use sevcrypt::Vmpl;
/// use sevcrypt::snp::message::linux;
///
/// assert_eq!(linux::privlevel_floor(b"2\n"), Some(Vmpl::VMPL2));
/// assert_eq!(linux::privlevel(Vmpl::VMPL2), "2");
/// ```
#[must_use]
pub fn privlevel_floor(text: &[u8]) -> Option<Vmpl> {
    number(text).and_then(|level| u32::try_from(level).ok()).and_then(Vmpl::new)
}

/// The number in `generation`; `None` if the text is none.
#[must_use]
pub fn generation(text: &[u8]) -> Option<u64> {
    number(text)
}

/// Decimal digits, and the newline that Linux adds.
fn number(text: &[u8]) -> Option<u64> {
    let digits = text.strip_suffix(b"\n").unwrap_or(text);
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether the text of `provider` is [`TSM_PROVIDER`].
#[must_use]
pub fn is_sev_guest(provider: &[u8]) -> bool {
    provider.strip_suffix(b"\n").unwrap_or(provider) == TSM_PROVIDER.as_bytes()
}

/// The report in `outblob`, which is the report and nothing else; `None` if the length is another.
#[must_use]
pub fn outblob(bytes: &[u8]) -> Option<&[u8; REPORT_LEN]> {
    bytes.try_into().ok()
}
