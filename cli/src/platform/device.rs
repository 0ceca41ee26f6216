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

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory from address 0x10000 on.
    struct Flat(Vec<u8>);

    const BASE: u64 = 0x1_0000;
    /// Where tests have the argument, the request, the response and the certificates.
    const ARGUMENT: u64 = BASE + 0x100;
    const REQUEST: u64 = BASE + 0x200;
    const RESPONSE: u64 = BASE + 0x1000;
    const CERTIFICATES: u64 = BASE + 0x3000;

    impl Flat {
        fn new() -> Self {
            Self(vec![0xee; 0x8000])
        }

        fn place(&mut self, address: u64, len: usize) -> Result<&mut [u8], Fault> {
            let start = address.checked_sub(BASE).ok_or(Fault)?;
            let start = usize::try_from(start).map_err(|_| Fault)?;
            let end = start.checked_add(len).ok_or(Fault)?;
            self.0.get_mut(start..end).ok_or(Fault)
        }

        fn at(&mut self, address: u64, len: usize) -> Vec<u8> {
            self.place(address, len).unwrap().to_vec()
        }

        fn exit_info_2(&mut self) -> u64 {
            u64::from_le_bytes(self.at(ARGUMENT + 24, 8).try_into().unwrap())
        }

        /// An argument and an extended request, which begins as a request for a report does.
        fn with(version: u8, certs_address: u64, certs_len: u32) -> Self {
            let mut memory = Self::new();
            let mut argument = GuestRequestIoctl::new(version, REQUEST, RESPONSE).to_bytes();
            argument[1..8].fill(0xcc);
            memory.write(ARGUMENT, &argument).unwrap();
            let report = core::array::from_fn(|i| i as u8);
            let request = ExtendedRequest { report, certs_address, certs_len, rest: [7; 4] };
            memory.write(REQUEST, &request.to_bytes()).unwrap();
            memory
        }
    }

    impl Memory for Flat {
        fn read(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), Fault> {
            bytes.copy_from_slice(self.place(address, bytes.len())?);
            Ok(())
        }

        fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Fault> {
            self.place(address, bytes.len())?.copy_from_slice(bytes);
            Ok(())
        }
    }

    /// What it answers, and what it was asked.
    struct Fixed {
        answer: Result<Vec<u8>, DeviceError>,
        certificates: Vec<u8>,
        asked: Vec<(u8, Vec<u8>)>,
    }

    impl Fixed {
        fn new(answer: Result<Vec<u8>, DeviceError>) -> Self {
            Self { answer, certificates: vec![0xab; 4097], asked: Vec::new() }
        }
    }

    impl GuestDevice for Fixed {
        fn request(&mut self, request: DeviceRequest<'_>) -> Result<Vec<u8>, DeviceError> {
            self.asked.push(match request {
                DeviceRequest::Report { version, payload } => (version, payload.to_vec()),
                DeviceRequest::Key { version, payload } => (version, payload.to_vec()),
            });
            self.answer.clone()
        }

        fn certificates(&mut self) -> Result<Vec<u8>, DeviceError> {
            Ok(self.certificates.clone())
        }
    }

    #[test]
    fn what_is_asked_and_answered_goes_through_unchanged() {
        for (call, request_len, response_len) in
            [(SNP_GET_REPORT, 96, 4000), (SNP_GET_DERIVED_KEY, 32, 64)]
        {
            let (mut device, mut memory) = (Fixed::new(Ok(vec![1; 48])), Flat::with(3, 0, 0));
            assert_eq!(ioctl(&mut device, &mut memory, call, ARGUMENT), Ok(()));
            assert_eq!(device.asked, [(3, memory.at(REQUEST, request_len))]);
            // Zeroes to the structure's end, and nothing after it.
            let mut response = vec![1; 48];
            response.resize(response_len, 0);
            response.push(0xee);
            assert_eq!(memory.at(RESPONSE, response_len + 1), response);
            assert_eq!(memory.exit_info_2(), u64::MAX);
        }
    }

    #[test]
    fn errors_are_those_of_linux() {
        for (error, errno, exit_info_2) in [
            (DeviceError::Firmware(Status::INVALID_KEY), Errno::Io, 0x27),
            (DeviceError::Host(2), Errno::Io, 2 << 32),
            (DeviceError::Stopped, Errno::NotTty, 0xff),
        ] {
            for call in [SNP_GET_REPORT, SNP_GET_DERIVED_KEY] {
                let (mut device, mut memory) = (Fixed::new(Err(error)), Flat::with(1, 0, 0));
                assert_eq!(ioctl(&mut device, &mut memory, call, ARGUMENT), Err(errno));
                assert_eq!(memory.exit_info_2(), exit_info_2);
                // Nothing else was written.
                assert_eq!(memory.at(ARGUMENT, 8), [1, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc]);
                assert_eq!(memory.at(RESPONSE, 4000), [0xee; 4000]);
            }
        }
    }

    #[test]
    fn a_response_that_does_not_fit_is_refused() {
        for (call, len) in [(SNP_GET_REPORT, 4000), (SNP_GET_DERIVED_KEY, 64)] {
            let mut memory = Flat::with(1, 0, 0);
            let mut device = Fixed::new(Ok(vec![1; len]));
            assert_eq!(ioctl(&mut device, &mut memory, call, ARGUMENT), Ok(()));
            let mut device = Fixed::new(Ok(vec![1; len + 1]));
            let refused = ioctl(&mut device, &mut memory, call, ARGUMENT);
            assert_eq!(refused, Err(Errno::BadMessage));
        }
    }

    #[test]
    fn arguments_are_refused_before_the_guest_is_asked() {
        let calls = [SNP_GET_REPORT, SNP_GET_DERIVED_KEY, SNP_GET_EXT_REPORT];
        let refused = |memory: &mut Flat, call, address| {
            let mut device = Fixed::new(Ok(vec![]));
            let refused = ioctl(&mut device, memory, call, address).unwrap_err();
            assert_eq!(device.asked, []);
            refused
        };
        for call in calls {
            for address in [0, BASE - 1, BASE + 0x8000 - 31, u64::MAX - 5] {
                assert_eq!(refused(&mut Flat::with(1, 0, 0), call, address), Errno::Fault);
            }
            let mut memory = Flat::with(0, 0, 0);
            assert_eq!(refused(&mut memory, call, ARGUMENT), Errno::Invalid);
            assert_eq!(memory.exit_info_2(), u64::MAX, "not looked at further");
            for (request, response, errno) in [
                (0, RESPONSE, Errno::Invalid),
                (REQUEST, 0, Errno::Invalid),
                (BASE - 1, RESPONSE, Errno::Fault),
                (BASE + 0x8000 - 31, RESPONSE, Errno::Fault),
            ] {
                let argument = GuestRequestIoctl::new(1, request, response).to_bytes();
                memory.write(ARGUMENT, &argument).unwrap();
                assert_eq!(refused(&mut memory, call, ARGUMENT), errno);
                assert_eq!(memory.exit_info_2(), 0xff);
            }
        }
        for call in [SNP_GET_EXT_REPORT + 1, SNP_GET_REPORT | 1 << 16, 0x5300] {
            assert_eq!(refused(&mut Flat::with(1, 0, 0), call, ARGUMENT), Errno::NotTty);
        }
        for (address, len, errno) in [
            (CERTIFICATES, 1, Errno::Invalid),
            (CERTIFICATES, 4097, Errno::Invalid),
            (CERTIFICATES, 0x5000, Errno::Invalid),
            (u64::MAX, 4096, Errno::Fault),
            (1 << 63, 4096, Errno::Fault),
        ] {
            let mut memory = Flat::with(1, address, len);
            assert_eq!(refused(&mut memory, SNP_GET_EXT_REPORT, ARGUMENT), errno);
            assert_eq!(memory.exit_info_2(), 0xff);
        }
    }

    #[test]
    fn places_that_are_not_there_fail_late() {
        let argument = GuestRequestIoctl::new(1, REQUEST, BASE + 0x8000 - 63).to_bytes();
        for call in [SNP_GET_REPORT, SNP_GET_DERIVED_KEY, SNP_GET_EXT_REPORT] {
            let (mut device, mut memory) =
                (Fixed::new(Ok(vec![])), Flat::with(1, CERTIFICATES, 0x2000));
            memory.write(ARGUMENT, &argument).unwrap();
            assert_eq!(ioctl(&mut device, &mut memory, call, ARGUMENT), Err(Errno::Fault));
            assert_eq!(device.asked.len(), 1);
        }
    }

    #[test]
    fn certificates_need_their_pages() {
        // 4097 bytes: two pages.
        for (address, len) in [(CERTIFICATES, 0x1000), (CERTIFICATES, 0), (0, 0x2000), (0, 0)] {
            let (mut device, mut memory) =
                (Fixed::new(Ok(vec![1; 48])), Flat::with(1, address, len));
            let refused = ioctl(&mut device, &mut memory, SNP_GET_EXT_REPORT, ARGUMENT);
            assert_eq!(refused, Err(Errno::Io));
            assert_eq!(memory.exit_info_2(), 1 << 32);
            assert_eq!(memory.at(REQUEST + 104, 8), [0, 0x20, 0, 0, 7, 7, 7, 7]);
            assert_eq!(memory.at(RESPONSE, 48), [0xee; 48]);
            assert_eq!(device.asked.len(), 1, "its number has been used");
        }
        for len in [0x2000, 0x3000] {
            let (mut device, mut memory) =
                (Fixed::new(Ok(vec![1; 48])), Flat::with(1, CERTIFICATES, len));
            assert_eq!(ioctl(&mut device, &mut memory, SNP_GET_EXT_REPORT, ARGUMENT), Ok(()));
            assert_eq!(memory.exit_info_2(), u64::MAX);
            let mut table = vec![0xab; 4097];
            table.resize(len as usize, 0);
            table.push(0xee);
            assert_eq!(memory.at(CERTIFICATES, len as usize + 1), table);
            assert_eq!(memory.at(RESPONSE, 48), [1; 48]);
            assert_eq!(device.asked, [(1, memory.at(REQUEST, 96))]);
        }
    }

    #[test]
    fn without_certificates_none_need_a_place() {
        for (address, len) in [(0, 0), (CERTIFICATES, 0x1000)] {
            let (mut device, mut memory) = (Fixed::new(Ok(vec![1])), Flat::with(1, address, len));
            device.certificates.clear();
            assert_eq!(ioctl(&mut device, &mut memory, SNP_GET_EXT_REPORT, ARGUMENT), Ok(()));
            let first = if len == 0 { 0xee } else { 0 };
            assert_eq!(memory.at(CERTIFICATES, 0x1000), vec![first; 0x1000]);
        }
    }

    #[test]
    fn a_stopped_guest_needs_no_certificates() {
        let (mut device, mut memory) = (Fixed::new(Err(DeviceError::Stopped)), Flat::with(1, 0, 0));
        let refused = ioctl(&mut device, &mut memory, SNP_GET_EXT_REPORT, ARGUMENT);
        assert_eq!((refused, memory.exit_info_2()), (Err(Errno::NotTty), 0xff));
    }

    #[test]
    fn paths_are_the_device_s_by_their_text() {
        let paths: [&[u8]; 6] = [
            b"/dev/sev-guest",
            b"//dev//sev-guest",
            b"/dev/./sev-guest",
            b"/x/../dev/sev-guest",
            b"/../dev/shm/../sev-guest",
            b"/proc/self/../../dev/sev-guest",
        ];
        for path in paths {
            assert!(may_name_device(path) && names_device(path), "{}", path.escape_ascii());
        }
        let others: [&[u8]; 9] = [
            b"",
            b"/",
            b"sev-guest",
            b"dev/sev-guest",
            b"/sev-guest",
            b"/dev/sev-guest2",
            b"/dev/x/sev-guest",
            b"/dev/sev-guest/..",
            b"/dev/../sev-guest",
        ];
        for path in others {
            assert!(!names_device(path), "{}", path.escape_ascii());
        }
        assert!(!may_name_device(b"/dev/sev-guest/") && !may_name_device(b"/dev/sev"));
    }
}
