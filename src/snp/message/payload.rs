//! Payloads, request and response by type (AMD 56860, the chapters of the messages).

use core::fmt;

use zeroize::Zeroize;

use super::context::ExportedContext;
use super::header::MessageType;
use super::{OpenError, Request};
use crate::addr::{PhysAddr, Vmpck, Vmpl};
use crate::snp::keys::{DerivedKey, KeyRequest, KeySelect};
use crate::snp::report::REPORT_LEN;
use crate::status::Status;
use crate::wire::{field, field_mut, get_u32, get_u64, is_zero};

/// A payload of the one length that its type has. (The published firmware does not compare: it reads zeros or what an
/// earlier message left.)
pub(super) fn exactly<const N: usize>(payload: &[u8]) -> Result<&[u8; N], Status> {
    payload.try_into().map_err(|_| Status::INVALID_PARAM)
}

/// `INVALID_PARAM` unless reserved bits and bytes are zero.
fn reserved(is_zero: bool) -> Result<(), Status> {
    if is_zero { Ok(()) } else { Err(Status::INVALID_PARAM) }
}

/// A response of the length that the header's check has demanded.
fn response<const N: usize>(payload: &[u8]) -> Result<&[u8; N], OpenError> {
    payload.try_into().map_err(|_| OpenError::Payload { offset: 0 })
}

// ---- CPUID ----

/// One function of CPUID with the values that a guest was given for it, or that the firmware finds acceptable.
///
/// ```
/// use sevcrypt::snp::message::{CpuidEntries, CpuidEntry};
///
/// let entry = CpuidEntry { eax_in: 0x8000_001f, eax: 0x1_001b, ebx: 0x4173, ..CpuidEntry::default() };
/// let bytes = [entry.to_bytes()];
/// assert_eq!(CpuidEntry::from_bytes(&bytes[0]), entry);
///
/// let entries = CpuidEntries::new(&bytes).expect("at most 64");
/// assert_eq!(entries.iter().next(), Some(entry));
/// assert!(CpuidEntries::empty().is_empty());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CpuidEntry {
    /// EAX_IN: the function.
    pub eax_in: u32,
    /// ECX_IN: the sub-function.
    pub ecx_in: u32,
    /// XCR0_IN.
    pub xcr0_in: u64,
    /// XSS_IN.
    pub xss_in: u64,
    /// EAX.
    pub eax: u32,
    /// EBX.
    pub ebx: u32,
    /// ECX.
    pub ecx: u32,
    /// EDX.
    pub edx: u32,
    /// Reserved: zero, or the firmware refuses the entry.
    pub reserved: u64,
}

impl CpuidEntry {
    /// Bytes of an entry.
    pub const LEN: usize = 48;

    /// An entry from its bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self {
            eax_in: get_u32::<0x00, _>(bytes),
            ecx_in: get_u32::<0x04, _>(bytes),
            xcr0_in: get_u64::<0x08, _>(bytes),
            xss_in: get_u64::<0x10, _>(bytes),
            eax: get_u32::<0x18, _>(bytes),
            ebx: get_u32::<0x1c, _>(bytes),
            ecx: get_u32::<0x20, _>(bytes),
            edx: get_u32::<0x24, _>(bytes),
            reserved: get_u64::<0x28, _>(bytes),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        *field_mut::<0x00, 4, _>(&mut bytes) = self.eax_in.to_le_bytes();
        *field_mut::<0x04, 4, _>(&mut bytes) = self.ecx_in.to_le_bytes();
        *field_mut::<0x08, 8, _>(&mut bytes) = self.xcr0_in.to_le_bytes();
        *field_mut::<0x10, 8, _>(&mut bytes) = self.xss_in.to_le_bytes();
        *field_mut::<0x18, 4, _>(&mut bytes) = self.eax.to_le_bytes();
        *field_mut::<0x1c, 4, _>(&mut bytes) = self.ebx.to_le_bytes();
        *field_mut::<0x20, 4, _>(&mut bytes) = self.ecx.to_le_bytes();
        *field_mut::<0x24, 4, _>(&mut bytes) = self.edx.to_le_bytes();
        *field_mut::<0x28, 8, _>(&mut bytes) = self.reserved.to_le_bytes();
        bytes
    }
}

/// Bytes before the entries.
const CPUID_PREFIX: usize = 16;

/// Up to 64 entries, as they stand in a message: the caller's [`CpuidEntry::to_bytes`], or a part of a received
/// payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuidEntries<'a> {
    entries: &'a [[u8; CpuidEntry::LEN]],
}

impl<'a> CpuidEntries<'a> {
    /// The most entries of a message.
    pub const MAX: usize = 64;

    /// Entries; `None` if they are more than 64.
    #[must_use]
    pub const fn new(entries: &'a [[u8; CpuidEntry::LEN]]) -> Option<Self> {
        if entries.len() <= Self::MAX { Some(Self { entries }) } else { None }
    }

    /// No entries.
    #[must_use]
    pub const fn empty() -> Self {
        Self { entries: &[] }
    }

    /// How many they are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = CpuidEntry> + use<'a> {
        self.entries.iter().map(CpuidEntry::from_bytes)
    }

    /// Bytes of the payload with these entries: at most 3088.
    pub(super) const fn payload_len(&self) -> usize {
        CPUID_PREFIX + self.entries.len() * CpuidEntry::LEN
    }

    /// Writes the payload, which begins with `words`: the count, after the status in a response.
    fn encode(&self, words: [u32; 2], out: &mut [u8]) -> Option<usize> {
        let out = out.get_mut(..self.payload_len())?;
        let (prefix, entries) = out.split_first_chunk_mut::<CPUID_PREFIX>()?;
        *prefix = [0; CPUID_PREFIX];
        let [first, second] = words.map(u32::to_le_bytes);
        *field_mut::<0x00, 4, _>(prefix) = first;
        *field_mut::<0x04, 4, _>(prefix) = second;
        for (to, from) in entries.as_chunks_mut().0.iter_mut().zip(self.entries) {
            *to = *from;
        }
        Some(self.payload_len())
    }

    fn count(&self) -> u32 {
        self.entries.len() as u32
    }
}

/// MSG_CPUID_REQ: is what the hypervisor says of CPUID acceptable?
///
/// ```
/// use sevcrypt::snp::message::{CpuidEntries, CpuidEntry, CpuidRequest};
///
/// let leaf = CpuidEntry { eax_in: 0x8000_001f, eax: 0x1a, ..CpuidEntry::default() };
/// let table = [leaf.to_bytes()];
/// let request = CpuidRequest { entries: CpuidEntries::new(&table).ok_or("too many")? };
/// assert_eq!(request.entries.iter().next(), Some(leaf));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuidRequest<'a> {
    /// What to check.
    pub entries: CpuidEntries<'a>,
}

impl<'a> CpuidRequest<'a> {
    /// Reads the payload of a request.
    ///
    /// # Errors
    /// [`Status::INVALID_PARAM`]: a reserved byte before the entries is not zero, there are more than 64 entries, or the
    /// payload does not have the length that so many need.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Status> {
        let invalid = Status::INVALID_PARAM;
        let (prefix, rest) = payload.split_first_chunk::<CPUID_PREFIX>().ok_or(invalid)?;
        reserved(is_zero::<0x04, 12, _>(prefix))?;
        let (entries, []) = rest.as_chunks() else { return Err(invalid) };
        let entries = CpuidEntries::new(entries).ok_or(invalid)?;
        if get_u32::<0x00, _>(prefix) == entries.count() {
            Ok(Self { entries })
        } else {
            Err(invalid)
        }
    }
}

/// MSG_CPUID_RSP. It is an answer also where its status is `INVALID_PARAM`: the entries then are what the firmware would
/// accept, or none where the request itself was wrong. Look at the status.
///
/// ```
/// use sevcrypt::Status;
/// use sevcrypt::snp::message::{CpuidEntries, CpuidEntry, CpuidResponse, Response};
///
/// // The firmware does not find an entry acceptable, and says what it would.
/// let corrected = [CpuidEntry { eax: 0x10, ..CpuidEntry::default() }.to_bytes()];
/// let entries = CpuidEntries::new(&corrected).expect("at most 64");
/// let response = Response::Cpuid(CpuidResponse { status: Status::INVALID_PARAM, entries });
/// # println!("{response:?}");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuidResponse<'a> {
    /// `SUCCESS`, or `INVALID_PARAM` where something was not acceptable.
    pub status: Status,
    /// The entries, with failing registers replaced.
    pub entries: CpuidEntries<'a>,
}

impl<'a> CpuidResponse<'a> {
    pub(super) fn encode(&self, out: &mut [u8]) -> Option<usize> {
        self.entries.encode([self.status.0, self.entries.count()], out)
    }

    fn parse(payload: &'a [u8]) -> Result<Self, OpenError> {
        let wrong = OpenError::Payload { offset: 4 };
        let (prefix, rest) = payload.split_first_chunk::<CPUID_PREFIX>().ok_or(wrong)?;
        let status = Status(get_u32::<0x00, _>(prefix));
        // All that were sent, or none: the firmware refused to look at them.
        let entries = match get_u32::<0x04, _>(prefix) {
            0 if !status.is_success() => CpuidEntries::empty(),
            _ => CpuidEntries::new(rest.as_chunks().0).ok_or(wrong)?,
        };
        if get_u32::<0x04, _>(prefix) == entries.count() {
            Ok(Self { status, entries })
        } else {
            Err(wrong)
        }
    }
}

impl Request for CpuidRequest<'_> {
    const TYPE: MessageType = MessageType::CPUID_REQ;
    type Response<'b> = CpuidResponse<'b>;

    fn response_len(&self) -> usize {
        self.entries.payload_len()
    }

    fn encode(&self, out: &mut [u8]) -> Option<usize> {
        self.entries.encode([self.entries.count(), 0], out)
    }

    fn parse_response(payload: &mut [u8]) -> Result<CpuidResponse<'_>, OpenError> {
        CpuidResponse::parse(payload)
    }

    /// Only `INVALID_PARAM` says something of the entries.
    fn parse_refusal(status: Status, payload: &mut [u8]) -> Result<CpuidResponse<'_>, OpenError> {
        match status {
            Status::INVALID_PARAM => CpuidResponse::parse(payload),
            _ => Err(OpenError::Status(status)),
        }
    }
}

// ---- KEY ----

/// MSG_KEY_RSP's length.
pub(super) const KEY_RSP_LEN: usize = 0x40;

pub(super) fn encode_key(key: &DerivedKey, out: &mut [u8]) -> Option<usize> {
    let out: &mut [u8; KEY_RSP_LEN] = out.first_chunk_mut()?;
    *out = [0; KEY_RSP_LEN];
    *field_mut::<0x20, 32, _>(out) = *key.as_bytes();
    Some(KEY_RSP_LEN)
}

impl Request for KeyRequest {
    const TYPE: MessageType = MessageType::KEY_REQ;
    type Response<'b> = DerivedKey;

    fn message_version(&self) -> u8 {
        self.version()
    }

    fn response_len(&self) -> usize {
        KEY_RSP_LEN
    }

    fn encode(&self, out: &mut [u8]) -> Option<usize> {
        Some(Self::encode(self, out.first_chunk_mut()?).len())
    }

    /// Takes the key out of the buffer: it is wiped there.
    fn parse_response(payload: &mut [u8]) -> Result<DerivedKey, OpenError> {
        let key = DerivedKey::new(field::<0x20, 32, _>(response::<KEY_RSP_LEN>(payload)?));
        payload.zeroize();
        Ok(key)
    }
}

// ---- REPORT ----

/// MSG_REPORT_REQ: a guest asks for an attestation report.
///
/// ```
/// use sevcrypt::Vmpl;
/// use sevcrypt::snp::message::ReportRequest;
///
/// let request = ReportRequest::new(&[0x5a; 64]).with_vmpl(Vmpl::VMPL2);
/// assert_eq!((request.report_data, request.vmpl), ([0x5a; 64], Vmpl::VMPL2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportRequest {
    /// REPORT_DATA: the guest's, mostly a relying party's nonce and a digest of a key.
    pub report_data: [u8; 64],
    /// The level that stands in the report: not below the number of the VMPCK that the message is sent with.
    pub vmpl: Vmpl,
    /// KEY_SEL: which key signs; `None` is the reserved value 3, which the firmware refuses.
    pub key_select: Option<KeySelect>,
}

impl ReportRequest {
    /// Bytes of the payload.
    pub const LEN: usize = 0x60;

    /// A request for VMPL0, signed by the VLEK if there is one, else by the VCEK.
    #[must_use]
    pub const fn new(report_data: &[u8; 64]) -> Self {
        Self {
            report_data: *report_data,
            vmpl: Vmpl::VMPL0,
            key_select: Some(KeySelect::VlekOrVcek),
        }
    }

    /// The same for a level.
    #[must_use]
    pub const fn with_vmpl(mut self, vmpl: Vmpl) -> Self {
        self.vmpl = vmpl;
        self
    }

    /// The same with a choice of the key that signs.
    #[must_use]
    pub const fn with_key_select(mut self, select: KeySelect) -> Self {
        self.key_select = Some(select);
        self
    }

    /// Reads the payload of a request. What depends on the platform comes after: whether the key is there
    /// ([`Status::INVALID_KEY`]), then [`check_vmpl`](Self::check_vmpl).
    ///
    /// MODEL: a level above 3 is refused here. The published firmware puts it into the report.
    ///
    /// # Errors
    /// [`Status::INVALID_PARAM`]: another length than 60h, a reserved bit or byte that is not zero, a level above 3.
    pub fn parse(payload: &[u8]) -> Result<Self, Status> {
        let bytes = exactly::<{ Self::LEN }>(payload)?;
        let select = get_u32::<0x44, _>(bytes);
        reserved(select <= 3 && is_zero::<0x48, 24, _>(bytes))?;
        Ok(Self {
            report_data: *field::<0x00, 64, _>(bytes),
            vmpl: Vmpl::new(get_u32::<0x40, _>(bytes)).ok_or(Status::INVALID_PARAM)?,
            key_select: KeySelect::from_bits(select),
        })
    }

    /// Whether a message with this VMPCK may ask for this level.
    ///
    /// # Errors
    /// [`Status::INVALID_PARAM`]: the level is more privileged than the key.
    pub const fn check_vmpl(&self, vmpck: Vmpck) -> Result<(), Status> {
        if self.vmpl.get() < vmpck.get() { Err(Status::INVALID_PARAM) } else { Ok(()) }
    }
}

/// MSG_REPORT_RSP's length.
pub(super) const REPORT_RSP_LEN: usize = 0x20 + REPORT_LEN;

/// A response with a status and REPORT_SIZE, which is there also when there is no report.
pub(super) fn encode_report(
    status: Status,
    report: Option<&[u8; REPORT_LEN]>,
    out: &mut [u8],
) -> Option<usize> {
    let out: &mut [u8; REPORT_RSP_LEN] = out.first_chunk_mut()?;
    *out = [0; REPORT_RSP_LEN];
    *field_mut::<0x00, 4, _>(out) = status.0.to_le_bytes();
    *field_mut::<0x04, 4, _>(out) = (REPORT_LEN as u32).to_le_bytes();
    if let Some(report) = report {
        *field_mut::<0x20, REPORT_LEN, _>(out) = *report;
    }
    Some(REPORT_RSP_LEN)
}

impl Request for ReportRequest {
    const TYPE: MessageType = MessageType::REPORT_REQ;
    /// The report's bytes, as [`Report::from_bytes`](crate::snp::report::Report::from_bytes) and a verifier take them.
    type Response<'b> = &'b [u8; REPORT_LEN];

    fn response_len(&self) -> usize {
        REPORT_RSP_LEN
    }

    fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let out: &mut [u8; Self::LEN] = out.first_chunk_mut()?;
        *out = [0; Self::LEN];
        *field_mut::<0x00, 64, _>(out) = self.report_data;
        *field_mut::<0x40, 4, _>(out) = u32::from(self.vmpl.get()).to_le_bytes();
        let select = self.key_select.map_or(3, KeySelect::bits);
        *field_mut::<0x44, 4, _>(out) = select.to_le_bytes();
        Some(Self::LEN)
    }

    fn parse_response(payload: &mut [u8]) -> Result<&[u8; REPORT_LEN], OpenError> {
        let bytes = response::<REPORT_RSP_LEN>(payload)?;
        if get_u32::<0x04, _>(bytes) != REPORT_LEN as u32 {
            return Err(OpenError::Payload { offset: 4 });
        }
        Ok(field::<0x20, REPORT_LEN, _>(bytes))
    }
}

// ---- EXPORT ----

/// MSG_EXPORT_REQ: a migration agent asks for its guest's context, or a guest without one for its own.
///
/// ```
/// use sevcrypt::Status;
/// use sevcrypt::snp::message::{AbsorbNomaRequest, AbsorbRequest, CpuidRequest, ExportRequest, ImportRequest, VmrkRequest, Vmpck};
/// use sevcrypt::snp::message::{ReportRequest, Request};
///
/// let mut payload = [0; 16];
/// (payload[1], payload[8]) = (0x50, 1); // the page at 5000h, IMI_EN
/// let request = ExportRequest::parse(&payload)?;
/// assert_eq!((request.gctx_paddr.get(), request.imi_en), (0x5000, true));
///
/// // Every request says what is wrong with its bytes.
/// assert_eq!(ExportRequest::parse(&payload[1..]), Err(Status::INVALID_PARAM));
/// assert!(ImportRequest::parse(&payload).is_err() && AbsorbRequest::parse(&payload).is_err());
/// assert!(AbsorbNomaRequest::parse(&payload).is_err() && VmrkRequest::parse(Vmpck::VMPCK0, &payload).is_err());
/// assert!(CpuidRequest::parse(&payload).is_err() && CpuidRequest::parse(&[0; 16])?.entries.is_empty());
///
/// let mut payload = [0; ReportRequest::LEN];
/// ReportRequest::new(&[0x5a; 64]).encode(&mut payload);
/// let report = ReportRequest::parse(&payload)?;
/// report.check_vmpl(Vmpck::VMPCK0)?;
/// assert_eq!(report.check_vmpl(Vmpck::VMPCK1), Err(Status::INVALID_PARAM), "VMPL0 is not its to ask for");
/// # Ok::<(), Status>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportRequest {
    /// GCTX_PADDR: the page of the guest's context; a multiple of 4096.
    pub gctx_paddr: PhysAddr,
    /// IMI_EN: the guest runs on, and ROOT_MD_ENTRY is exported as zero. Otherwise it is decommissioned.
    pub imi_en: bool,
}

/// A context's page. MODEL: an address that no memory has is refused as the firmware refuses addresses.
fn context_page(addr: u64) -> Result<PhysAddr, Status> {
    reserved(addr.is_multiple_of(4096))?;
    PhysAddr::new(addr).map_err(|_| Status::INVALID_ADDRESS)
}

impl ExportRequest {
    /// Bytes of the payload.
    pub const LEN: usize = 0x10;

    /// Reads the payload of a request.
    ///
    /// # Errors
    /// [`Status::INVALID_PARAM`]: another length than 10h, a reserved bit that is not zero, an address inside a page.
    /// [`Status::INVALID_ADDRESS`]: an address of 2^52 or above (MODEL).
    pub fn parse(payload: &[u8]) -> Result<Self, Status> {
        let bytes = exactly::<{ Self::LEN }>(payload)?;
        let flags = get_u32::<0x08, _>(bytes);
        reserved(flags <= 1 && is_zero::<0x0c, 4, _>(bytes))?;
        let gctx_paddr = context_page(get_u64::<0x00, _>(bytes))?;
        Ok(Self { gctx_paddr, imi_en: flags == 1 })
    }
}

/// MSG_EXPORT_RSP's length: it fills the page.
pub(super) const EXPORT_RSP_LEN: usize = 0xfa0;

pub(super) fn encode_export(context: ExportedContext<'_>, out: &mut [u8]) -> Option<usize> {
    let out: &mut [u8; EXPORT_RSP_LEN] = out.first_chunk_mut()?;
    out.fill(0);
    *field_mut::<0x04, 4, _>(out) = (ExportedContext::LEN as u32).to_le_bytes();
    *field_mut::<0x08, 4, _>(out) = ExportedContext::VERSION.to_le_bytes();
    *field_mut::<0x20, { ExportedContext::LEN }, _>(out) = *context.bytes();
    Some(EXPORT_RSP_LEN)
}

impl Request for ExportRequest {
    const TYPE: MessageType = MessageType::EXPORT_REQ;
    /// A view of the buffer, which holds the guest's keys until it is used again or dropped.
    type Response<'b> = ExportedContext<'b>;

    fn response_len(&self) -> usize {
        EXPORT_RSP_LEN
    }

    fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let out: &mut [u8; Self::LEN] = out.first_chunk_mut()?;
        *out = [0; Self::LEN];
        *field_mut::<0x00, 8, _>(out) = self.gctx_paddr.get().to_le_bytes();
        *field_mut::<0x08, 4, _>(out) = u32::from(self.imi_en).to_le_bytes();
        Some(Self::LEN)
    }

    fn parse_response(payload: &mut [u8]) -> Result<ExportedContext<'_>, OpenError> {
        let bytes = response::<EXPORT_RSP_LEN>(payload)?;
        if get_u32::<0x04, _>(bytes) != ExportedContext::LEN as u32 {
            return Err(OpenError::Payload { offset: 4 });
        }
        if get_u32::<0x08, _>(bytes) != ExportedContext::VERSION {
            return Err(OpenError::Payload { offset: 8 });
        }
        Ok(ExportedContext::from_bytes(field::<0x20, { ExportedContext::LEN }, _>(bytes)))
    }
}

// ---- IMPORT, ABSORB, ABSORB_NOMA ----

/// The length of the three requests with a context in them.
const INCOMING_LEN: usize = 0x320;
/// The length of the responses that are a status and nothing else.
pub(super) const STATUS_RSP_LEN: usize = 0x10;

/// A context on its way into a guest: what MSG_IMPORT_REQ, MSG_ABSORB_REQ and MSG_ABSORB_NOMA_REQ have in common.
#[derive(Clone, Copy, Debug)]
pub struct IncomingContext<'a> {
    /// IN_GCTX_SIZE. [`ExportedContext::LEN`], or the firmware refuses it.
    pub size: u32,
    /// IN_GCTX_VERSION. [`ExportedContext::VERSION`], or the firmware refuses it.
    pub version: u32,
    /// The context.
    pub context: ExportedContext<'a>,
}

impl<'a> IncomingContext<'a> {
    /// A context with its size and version.
    #[must_use]
    pub const fn new(context: ExportedContext<'a>) -> Self {
        Self { size: ExportedContext::LEN as u32, version: ExportedContext::VERSION, context }
    }

    /// The firmware's check of size and version: of MSG_IMPORT_REQ after the reserved bytes, of the other two last.
    ///
    /// # Errors
    /// [`Status::INVALID_PARAM`].
    pub const fn check_version(&self) -> Result<(), Status> {
        if self.size == ExportedContext::LEN as u32 && self.version == ExportedContext::VERSION {
            Ok(())
        } else {
            Err(Status::INVALID_PARAM)
        }
    }

    /// The first eight bytes, and the rest.
    fn parse(payload: &'a [u8]) -> Result<(u64, Self), Status> {
        let bytes = exactly::<INCOMING_LEN>(payload)?;
        reserved(is_zero::<0x10, 16, _>(bytes))?;
        let context =
            ExportedContext::from_bytes(field::<0x20, { ExportedContext::LEN }, _>(bytes));
        let (size, version) = (get_u32::<0x08, _>(bytes), get_u32::<0x0c, _>(bytes));
        Ok((get_u64::<0x00, _>(bytes), Self { size, version, context }))
    }

    fn encode(&self, first: u64, out: &mut [u8]) -> Option<usize> {
        let out: &mut [u8; INCOMING_LEN] = out.first_chunk_mut()?;
        *field_mut::<0x00, 8, _>(out) = first.to_le_bytes();
        *field_mut::<0x08, 4, _>(out) = self.size.to_le_bytes();
        *field_mut::<0x0c, 4, _>(out) = self.version.to_le_bytes();
        *field_mut::<0x10, 16, _>(out) = [0; 16];
        *field_mut::<0x20, { ExportedContext::LEN }, _>(out) = *self.context.bytes();
        Some(INCOMING_LEN)
    }
}

/// Declares a request for another guest's context.
macro_rules! incoming {
    ($($(#[$doc:meta])* $name:ident $type:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a> {
            /// GCTX_PADDR: the page of the guest's context; a multiple of 4096.
            pub gctx_paddr: PhysAddr,
            /// What comes in.
            pub incoming: IncomingContext<'a>,
        }

        impl<'a> $name<'a> {
            /// Reads the payload of a request.
            ///
            /// # Errors
            /// [`Status::INVALID_PARAM`]: another length than 320h, a reserved byte that is not zero, an address inside a
            /// page. [`Status::INVALID_ADDRESS`]: an address of 2^52 or above (MODEL).
            pub fn parse(payload: &'a [u8]) -> Result<Self, Status> {
                let (addr, incoming) = IncomingContext::parse(payload)?;
                Ok(Self { gctx_paddr: context_page(addr)?, incoming })
            }
        }

        impl Request for $name<'_> {
            const TYPE: MessageType = MessageType::$type;
            type Response<'b> = ();

            fn response_len(&self) -> usize {
                STATUS_RSP_LEN
            }

            fn encode(&self, out: &mut [u8]) -> Option<usize> {
                self.incoming.encode(self.gctx_paddr.get(), out)
            }

            fn parse_response(_: &mut [u8]) -> Result<(), OpenError> {
                Ok(())
            }
        }
    )+};
}

incoming! {
    /// MSG_IMPORT_REQ: a guest puts a context into a new one, and becomes its migration agent.
    ImportRequest IMPORT_REQ;
    /// MSG_ABSORB_REQ: a migration agent puts a context into a guest that is being launched as a migration image.
    AbsorbRequest ABSORB_REQ;
}

/// MSG_ABSORB_NOMA_REQ: a guest without migration agent puts a context into itself.
///
/// After success the firmware has the VMPCKs and counts of that context, and the count of the VMPCK that this was sent
/// with is two more. The channel's own key is of no more use: stop it, and make channels of the context's keys. A context
/// that was exported earlier from the same guest brings its numbers back: its keys must not be used again.
#[derive(Clone, Copy, Debug)]
pub struct AbsorbNomaRequest<'a> {
    /// What comes in.
    pub incoming: IncomingContext<'a>,
}

impl<'a> AbsorbNomaRequest<'a> {
    /// Reads the payload of a request.
    ///
    /// # Errors
    /// [`Status::INVALID_PARAM`]: another length than 320h, a reserved byte that is not zero.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Status> {
        let (first, incoming) = IncomingContext::parse(payload)?;
        reserved(first == 0)?;
        Ok(Self { incoming })
    }
}

impl Request for AbsorbNomaRequest<'_> {
    const TYPE: MessageType = MessageType::ABSORB_NOMA_REQ;
    type Response<'b> = ();

    fn response_len(&self) -> usize {
        STATUS_RSP_LEN
    }

    fn encode(&self, out: &mut [u8]) -> Option<usize> {
        self.incoming.encode(0, out)
    }

    fn parse_response(_: &mut [u8]) -> Result<(), OpenError> {
        Ok(())
    }
}

// ---- VMRK ----

/// The length of the request.
const VMRK_LEN: usize = 0x40;

/// MSG_VMRK_REQ: a migration agent gives its guest a VMRK. Cannot be printed: it holds the key's place.
#[derive(Clone, Copy)]
pub struct VmrkRequest<'a> {
    /// GCTX_PADDR: the page of the guest's context; a multiple of 4096.
    pub gctx_paddr: PhysAddr,
    /// The key.
    pub vmrk: &'a [u8; 32],
}

impl<'a> VmrkRequest<'a> {
    /// Reads the payload of a request with a VMPCK.
    ///
    /// # Errors
    /// [`Status::INVALID_PARAM`]: another VMPCK than 0, another length than 40h, a reserved byte that is not zero, an address
    /// inside a page. [`Status::INVALID_ADDRESS`]: an address of 2^52 or above (MODEL).
    pub fn parse(vmpck: Vmpck, payload: &'a [u8]) -> Result<Self, Status> {
        let bytes = exactly::<VMRK_LEN>(payload)?;
        reserved(vmpck == Vmpck::VMPCK0 && is_zero::<0x08, 24, _>(bytes))?;
        let gctx_paddr = context_page(get_u64::<0x00, _>(bytes))?;
        Ok(Self { gctx_paddr, vmrk: field::<0x20, 32, _>(bytes) })
    }
}

impl fmt::Debug for VmrkRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VmrkRequest").field("gctx_paddr", &self.gctx_paddr).finish_non_exhaustive()
    }
}

impl Request for VmrkRequest<'_> {
    const TYPE: MessageType = MessageType::VMRK_REQ;
    type Response<'b> = ();

    fn response_len(&self) -> usize {
        STATUS_RSP_LEN
    }

    fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let out: &mut [u8; VMRK_LEN] = out.first_chunk_mut()?;
        *out = [0; VMRK_LEN];
        *field_mut::<0x00, 8, _>(out) = self.gctx_paddr.get().to_le_bytes();
        *field_mut::<0x20, 32, _>(out) = *self.vmrk;
        Some(VMRK_LEN)
    }

    fn parse_response(_: &mut [u8]) -> Result<(), OpenError> {
        Ok(())
    }
}

// ---- TSC_INFO ----

/// The length of request and response.
pub(super) const TSC_INFO_LEN: usize = 0x80;

/// MSG_TSC_INFO_REQ: a guest with Secure TSC asks for its scale and offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TscInfoRequest;

impl TscInfoRequest {
    /// Reads the payload of a request: 128 zero bytes.
    ///
    /// # Errors
    /// [`Status::INVALID_PARAM`].
    pub fn parse(payload: &[u8]) -> Result<Self, Status> {
        let bytes = exactly::<TSC_INFO_LEN>(payload)?;
        reserved(is_zero::<0x00, TSC_INFO_LEN, _>(bytes))?;
        Ok(Self)
    }
}

/// MSG_TSC_INFO_RSP.
///
/// The guest's frequency is the nominal one (MSR GUEST_TSC_FREQ, in MHz) times (1 - `tsc_factor` * 0.00001).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TscInfo {
    /// GUEST_TSC_SCALE: 8.32 fixed point.
    pub guest_tsc_scale: u64,
    /// GUEST_TSC_OFFSET.
    pub guest_tsc_offset: u64,
    /// TSC_FACTOR in units of 0.00001; 200 in the published firmware.
    pub tsc_factor: u32,
}

impl TscInfo {
    pub(super) fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let out: &mut [u8; TSC_INFO_LEN] = out.first_chunk_mut()?;
        *out = [0; TSC_INFO_LEN];
        *field_mut::<0x08, 8, _>(out) = self.guest_tsc_scale.to_le_bytes();
        *field_mut::<0x10, 8, _>(out) = self.guest_tsc_offset.to_le_bytes();
        *field_mut::<0x18, 4, _>(out) = self.tsc_factor.to_le_bytes();
        Some(TSC_INFO_LEN)
    }
}

impl Request for TscInfoRequest {
    const TYPE: MessageType = MessageType::TSC_INFO_REQ;
    type Response<'b> = TscInfo;

    fn response_len(&self) -> usize {
        TSC_INFO_LEN
    }

    fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let out: &mut [u8; TSC_INFO_LEN] = out.first_chunk_mut()?;
        *out = [0; TSC_INFO_LEN];
        Some(TSC_INFO_LEN)
    }

    fn parse_response(payload: &mut [u8]) -> Result<TscInfo, OpenError> {
        let bytes = response::<TSC_INFO_LEN>(payload)?;
        Ok(TscInfo {
            guest_tsc_scale: get_u64::<0x08, _>(bytes),
            guest_tsc_offset: get_u64::<0x10, _>(bytes),
            tsc_factor: get_u32::<0x18, _>(bytes),
        })
    }
}
