//! The program's `/dev/sev-guest`: a call whose argument, addresses and memory are a stranger's.

use sevcrypt::Status;
use sevcrypt::snp::message::linux::{
    GuestRequestIoctl, SNP_GET_DERIVED_KEY, SNP_GET_EXT_REPORT, SNP_GET_REPORT,
};
use sevcrypt_cli::platform::device::{
    DeviceError, DeviceRequest, Errno, Fault, GuestDevice, Memory, ioctl, may_name_device,
    names_device,
};

/// Where the caller's memory begins.
const BASE: u64 = 0x1000;

/// Memory, and the ranges of it that were written.
struct Caller {
    bytes: Vec<u8>,
    written: Vec<(usize, usize)>,
}

impl Caller {
    fn range(&self, address: u64, len: usize) -> Result<(usize, usize), Fault> {
        let start = address.checked_sub(BASE).and_then(|at| usize::try_from(at).ok());
        let start = start.ok_or(Fault)?;
        let end = start.checked_add(len).filter(|end| *end <= self.bytes.len()).ok_or(Fault)?;
        Ok((start, end))
    }
}

impl Memory for Caller {
    fn read(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        let (start, end) = self.range(address, bytes.len())?;
        bytes.copy_from_slice(&self.bytes[start..end]);
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Fault> {
        let (start, end) = self.range(address, bytes.len())?;
        // The guest's answer and its certificates, each filled up with zeroes; or an argument or a request, which are short.
        let is_answer = |bytes: &[u8]| bytes.iter().all(|byte| [0, 0xaa, 0xcc].contains(byte));
        assert!(bytes.len() <= 112 || is_answer(bytes));
        self.bytes[start..end].copy_from_slice(bytes);
        self.written.push((start, end));
        Ok(())
    }
}

/// A guest that answers as it was told to.
struct Guest {
    answer: u8,
    len: usize,
    table: usize,
    asked: u32,
}

impl GuestDevice for Guest {
    fn request(&mut self, request: DeviceRequest<'_>) -> Result<Vec<u8>, DeviceError> {
        let (DeviceRequest::Report { version, .. } | DeviceRequest::Key { version, .. }) = request;
        assert_ne!(version, 0);
        self.asked += 1;
        match self.answer % 8 {
            0 => Err(DeviceError::Firmware(Status::INVALID_PARAM)),
            1 => Err(DeviceError::Host(2)),
            2 => Err(DeviceError::Stopped),
            _ => Ok(vec![0xaa; self.len]),
        }
    }

    fn certificates(&mut self) -> Result<Vec<u8>, DeviceError> {
        if self.answer & 0x80 != 0 {
            return Err(DeviceError::Stopped);
        }
        Ok(vec![0xcc; self.table])
    }
}

/// What is called, how the guest answers, with how many bytes (16 each), with how long a table (128 bytes each), where the
/// argument stands (two bytes), then the memory: seven pages, filled up with zeroes. The bytes are tried for a path, too.
pub fn device(data: &[u8]) {
    let is_there = data.windows(9).any(|part| part == b"sev-guest");
    assert!(is_there || !names_device(data) && !may_name_device(data));
    let Some(([call, answer, len, table, low, high], memory)) = data.split_first_chunk() else {
        return;
    };
    let call = match call % 4 {
        0 => SNP_GET_REPORT,
        1 => SNP_GET_DERIVED_KEY,
        2 => SNP_GET_EXT_REPORT,
        _ => u32::from(*call),
    };
    let mut bytes = memory[..memory.len().min(7 * 4096)].to_vec();
    bytes.resize(7 * 4096, 0);
    let mut caller = Caller { bytes: bytes.clone(), written: Vec::new() };
    let len = usize::from(*len) * 16;
    let mut guest = Guest { answer: *answer, len, table: usize::from(*table) * 128, asked: 0 };
    let address = BASE - 0x20 + u64::from(u16::from_le_bytes([*low, *high]));
    let done = ioctl(&mut guest, &mut caller, call, address);

    let argument = address.checked_sub(BASE).and_then(|at| bytes.get(at as usize..)?.first_chunk());
    let Some(argument): Option<&[u8; 32]> = argument else {
        assert_eq!((done, guest.asked), (Err(Errno::Fault), 0));
        return assert!(caller.written.is_empty());
    };
    match done {
        Ok(()) => assert!(argument[0] != 0 && guest.asked == 1 && !caller.written.is_empty()),
        Err(Errno::Invalid) if argument[0] == 0 => {
            assert!(guest.asked == 0 && caller.written.is_empty());
        }
        Err(Errno::BadMessage) => assert!(len > 64 && guest.asked == 1),
        Err(_) => assert!(guest.asked <= 1),
    }
    // Only what the caller has named is written: the place for the response, that for certificates or the request that is told their
    // length, and the argument with its `exitinfo2`.
    let named = GuestRequestIoctl::from_bytes(argument);
    let mut places = vec![address, named.response];
    if call == SNP_GET_EXT_REPORT {
        let certificates = (named.request.checked_add(96))
            .and_then(|at| at.checked_sub(BASE))
            .and_then(|at| bytes.get(at as usize..)?.first_chunk())
            .map(|bytes| u64::from_le_bytes(*bytes));
        places.extend(certificates);
        places.push(named.request);
    }
    assert!(caller.written.len() <= places.len(), "{:?}", caller.written);
    for &(start, _) in &caller.written {
        assert!(places.contains(&(BASE + start as u64)), "{start:#x}");
    }
}
