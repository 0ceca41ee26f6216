//! `/dev/sev-guest` as Linux's driver has it (`drivers/virt/coco/sev-guest`): a call whose argument lies in the caller's
//! memory, and a guest that answers. No system call is made here.
//!
//! A call may also be for a file's name: which names are the device's is decided here, too.

use sevcrypt::Status;
use sevcrypt::snp::message::linux::{
    DERIVED_KEY_RESPONSE_LEN, ExtendedReportRequest, GuestRequestIoctl, REPORT_RESPONSE_LEN,
    SNP_GET_DERIVED_KEY, SNP_GET_EXT_REPORT, SNP_GET_REPORT,
};
use zeroize::Zeroize;

/// The path of the device.
pub const PATH: &str = "/dev/sev-guest";

/// Bytes of `snp_report_req`.
const REPORT_REQUEST_LEN: usize = 96;
/// Bytes of `snp_derived_key_req`.
const KEY_REQUEST_LEN: usize = 32;
/// What Linux has in `exitinfo2` before the firmware was asked.
const NOT_ASKED: u64 = 0xff;
/// The hypervisor's error `INVALID_LEN`: the place for certificates is too small.
const INVALID_LEN: u32 = 1;
/// Most bytes of certificates that Linux takes from a hypervisor: `SEV_FW_BLOB_MAX_SIZE`.
const CERTIFICATES_MAX: u32 = 0x4000;
const PAGE: u32 = 4096;

/// A guest message that a program asks for: the bytes of its ioctl's request, not looked at, and MSG_VERSION.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceRequest<'a> {
    /// MSG_REPORT_REQ: `snp_report_req`.
    Report {
        /// MSG_VERSION, not zero.
        version: u8,
        /// The payload.
        payload: &'a [u8; REPORT_REQUEST_LEN],
    },
    /// MSG_KEY_REQ: `snp_derived_key_req`.
    Key {
        /// MSG_VERSION, not zero.
        version: u8,
        /// The payload.
        payload: &'a [u8; KEY_REQUEST_LEN],
    },
}

/// Why there is no response. (A request that the firmware refuses has one, with the status in it.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceError {
    /// The firmware's command failed: the caller has `EIO` and `fw_error`.
    Firmware(Status),
    /// The hypervisor's error: the caller has `EIO` and `vmm_error`.
    Host(u32),
    /// The guest no longer uses its VMPCK, after an earlier error: the caller has `ENOTTY`.
    Stopped,
}

/// What answers a program's requests: a guest of the platform.
pub trait GuestDevice {
    /// A guest message: the payload of the response to a request.
    ///
    /// # Errors
    /// [`DeviceError`].
    fn request(&mut self, request: DeviceRequest<'_>) -> Result<Vec<u8>, DeviceError>;

    /// The certificate table for extended reports, as the hypervisor would copy it; empty if there is none.
    ///
    /// # Errors
    /// [`DeviceError`].
    fn certificates(&mut self) -> Result<Vec<u8>, DeviceError>;
}

/// Memory of a caller that is not there, or not to be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault;

/// The memory of the program that made a call. A part may have been written when a write ends with [`Fault`].
pub trait Memory {
    /// Fills `bytes` from an address.
    ///
    /// # Errors
    /// [`Fault`].
    fn read(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), Fault>;

    /// Writes `bytes` at an address.
    ///
    /// # Errors
    /// [`Fault`].
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Fault>;
}

/// The errors of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// `EFAULT`.
    Fault,
    /// `EINVAL`.
    Invalid,
    /// `EIO`: `exitinfo2` says more.
    Io,
    /// `ENOTTY`: no such call, or the VMPCK is not used any more.
    NotTty,
    /// `EBADMSG`: a response that does not fit its structure.
    BadMessage,
}

impl From<Fault> for Errno {
    fn from(Fault: Fault) -> Self {
        Self::Fault
    }
}

/// Answers a call of the type 'S': its number, and the address of its argument.
///
/// As in Linux, `exitinfo2` is left alone by a call that has succeeded.
///
/// # Errors
/// What the caller finds in `errno`.
pub fn ioctl(
    device: &mut dyn GuestDevice,
    memory: &mut dyn Memory,
    call: u32,
    address: u64,
) -> Result<(), Errno> {
    let mut bytes = [0; GuestRequestIoctl::LEN];
    memory.read(address, &mut bytes)?;
    let argument = GuestRequestIoctl::from_bytes(&bytes);
    if argument.message_version == 0 {
        return Err(Errno::Invalid);
    }
    let mut exchange = Exchange { device, memory, argument, exit_info_2: NOT_ASKED };
    let done = match call {
        SNP_GET_REPORT => exchange.report(),
        SNP_GET_DERIVED_KEY => exchange.derived_key(),
        SNP_GET_EXT_REPORT => exchange.extended_report(),
        _ => Err(Errno::NotTty),
    };
    let exit_info_2 = exchange.exit_info_2;
    if exit_info_2 != 0 {
        if let Some(field) = bytes.last_chunk_mut() {
            *field = exit_info_2.to_le_bytes();
        }
        memory.write(address, &bytes)?;
    }
    done
}

/// A call on its way.
struct Exchange<'c> {
    device: &'c mut dyn GuestDevice,
    memory: &'c mut dyn Memory,
    argument: GuestRequestIoctl,
    exit_info_2: u64,
}

impl Exchange<'_> {
    /// The request's bytes; neither it nor the response may be at address 0.
    fn payload<const N: usize>(&mut self) -> Result<[u8; N], Errno> {
        if self.argument.request == 0 || self.argument.response == 0 {
            return Err(Errno::Invalid);
        }
        let mut bytes = [0; N];
        self.memory.read(self.argument.request, &mut bytes)?;
        Ok(bytes)
    }

    fn note<T>(&mut self, answer: Result<T, DeviceError>) -> Result<T, Errno> {
        let (exit_info_2, error) = match answer {
            Ok(answer) => {
                self.exit_info_2 = 0;
                return Ok(answer);
            }
            Err(DeviceError::Firmware(status)) => (u64::from(status.0), Errno::Io),
            Err(DeviceError::Host(error)) => (u64::from(error) << 32, Errno::Io),
            Err(DeviceError::Stopped) => (NOT_ASKED, Errno::NotTty),
        };
        self.exit_info_2 = exit_info_2;
        Err(error)
    }

    /// The response, followed by zeroes as Linux's structure is.
    fn ask<const N: usize>(&mut self, request: DeviceRequest<'_>) -> Result<[u8; N], Errno> {
        let answer = self.device.request(request);
        let mut response = self.note(answer)?;
        let mut bytes = [0; N];
        let place = bytes.get_mut(..response.len());
        let fits = place.map(|place| place.copy_from_slice(&response));
        response.zeroize();
        fits.map(|()| bytes).ok_or(Errno::BadMessage)
    }

    fn report(&mut self) -> Result<(), Errno> {
        let (payload, version) = (self.payload()?, self.argument.message_version);
        let response: [u8; REPORT_RESPONSE_LEN] =
            self.ask(DeviceRequest::Report { version, payload: &payload })?;
        Ok(self.memory.write(self.argument.response, &response)?)
    }

    fn derived_key(&mut self) -> Result<(), Errno> {
        let (payload, version) = (self.payload()?, self.argument.message_version);
        let mut response: [u8; DERIVED_KEY_RESPONSE_LEN] =
            self.ask(DeviceRequest::Key { version, payload: &payload })?;
        let written = self.memory.write(self.argument.response, &response);
        response.zeroize();
        Ok(written?)
    }

    fn extended_report(&mut self) -> Result<(), Errno> {
        let mut request = ExtendedRequest::from_bytes(&self.payload()?);
        let wanted = request.certs_len != 0 && request.certs_address != 0;
        if wanted {
            let length = request.certs_len;
            if length > CERTIFICATES_MAX || !length.is_multiple_of(PAGE) {
                return Err(Errno::Invalid);
            }
            // The upper half of the addresses is the kernel's.
            let end = request.certs_address.checked_add(length.into());
            if end.is_none_or(|end| end > i64::MAX as u64) {
                return Err(Errno::Fault);
            }
        }
        let room = if wanted { request.certs_len } else { 0 };
        let certificates = self.device.certificates();
        let table = self.note(certificates)?;
        // A hypervisor counts in pages.
        let needed = table.len().div_ceil(PAGE as usize) * PAGE as usize;

        // The message goes to the firmware even where the place is too small: its number has been used.
        let version = self.argument.message_version;
        let answer: Result<[u8; REPORT_RESPONSE_LEN], Errno> =
            self.ask(DeviceRequest::Report { version, payload: &request.report });
        if needed > room as usize && !matches!(answer, Err(Errno::NotTty)) {
            self.exit_info_2 = u64::from(INVALID_LEN) << 32;
            request.certs_len = u32::try_from(needed).unwrap_or(u32::MAX);
            self.memory.write(self.argument.request, &request.to_bytes())?;
            return Err(Errno::Io);
        }
        let response = answer?;
        if wanted {
            let mut certificates = table;
            certificates.resize(room as usize, 0);
            self.memory.write(request.certs_address, &certificates)?;
        }
        Ok(self.memory.write(self.argument.response, &response)?)
    }
}

/// `snp_ext_report_req`, with a request that has not been looked at.
struct ExtendedRequest {
    report: [u8; REPORT_REQUEST_LEN],
    certs_address: u64,
    certs_len: u32,
    /// What follows in the structure: nothing that has a meaning.
    rest: [u8; 4],
}

impl ExtendedRequest {
    fn from_bytes(bytes: &[u8; ExtendedReportRequest::LEN]) -> Self {
        let [report @ .., a0, a1, a2, a3, a4, a5, a6, a7, l0, l1, l2, l3, r0, r1, r2, r3] = *bytes;
        Self {
            report,
            certs_address: u64::from_le_bytes([a0, a1, a2, a3, a4, a5, a6, a7]),
            certs_len: u32::from_le_bytes([l0, l1, l2, l3]),
            rest: [r0, r1, r2, r3],
        }
    }

    fn to_bytes(&self) -> [u8; ExtendedReportRequest::LEN] {
        let mut bytes = [0; ExtendedReportRequest::LEN];
        let fields = [
            &self.report[..],
            &self.certs_address.to_le_bytes(),
            &self.certs_len.to_le_bytes(),
            &self.rest,
        ];
        for (place, byte) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *place = *byte;
        }
        bytes
    }
}

/// Whether a path may be the device's: its last part is. Everything else need not be looked at further.
#[must_use]
pub fn may_name_device(path: &[u8]) -> bool {
    path.rsplit(|byte| *byte == b'/').next() == Some(b"sev-guest")
}

/// Whether an absolute path is the device's, by its text: `.`, `..` and doubled slashes are understood, symbolic links are not.
#[must_use]
pub fn names_device(path: &[u8]) -> bool {
    let mut parts: Vec<&[u8]> = Vec::new();
    let Some(path) = path.strip_prefix(b"/") else {
        return false;
    };
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts == [&b"dev"[..], b"sev-guest"]
}
