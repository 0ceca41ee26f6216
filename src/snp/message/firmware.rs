//! The firmware's end.

use core::fmt;

use zeroize::Zeroize;

use super::context::ExportedContext;
use super::guest::CountWidth;
use super::header::{Header, MessageType};
use super::payload::{
    self, AbsorbNomaRequest, AbsorbRequest, CpuidEntries, CpuidRequest, CpuidResponse,
    ExportRequest, ImportRequest, ReportRequest, TscInfo, TscInfoRequest, VmrkRequest,
};
use super::{MessageBuffer, payload_len};
use crate::addr::Vmpck;
use crate::cpu::Backend;
use crate::gcm::MessageKey;
use crate::snp::keys::{DerivedKey, KeyRequest};
use crate::snp::report::REPORT_LEN;
use crate::status::Status;
use crate::wipe::Wiped;

/// The firmware's end of a guest's four channels: the VMPCKs and their counts, as a guest's context has them.
///
/// For software platforms. It opens requests as the firmware does, with its order of checks and its status codes (AMD
/// 56860, SNP_GUEST_REQUEST; AMD's published firmware); what a request does is the platform's. A key is set up for each
/// message, so that a guest's channels are no larger than its keys.
///
/// A count moves when a response is sealed, and at no other time. MODEL: it has moved even if the response then cannot
/// be written into the guest's page, so that the same request again gets `AEAD_OFLOW`, and the guest's channel stops.
pub struct FirmwareChannels {
    vmpcks: Wiped<[[u8; 32]; 4]>,
    counts: [u64; 4],
    /// For each type of request.
    max_versions: [u8; TYPES],
    backend: Backend,
}

/// How many types of requests there are.
const TYPES: usize = 9;

impl FirmwareChannels {
    /// Channels for four keys, with their counts: zero for a guest that is launched, and even. (An odd one is taken as it is,
    /// as the firmware takes an imported one; requests and responses then have each other's numbers.)
    #[must_use]
    pub const fn new(vmpcks: &[[u8; 32]; 4], counts: [u64; 4], backend: Backend) -> Self {
        Self { vmpcks: Wiped::new(*vmpcks), counts, max_versions: [1; TYPES], backend }
    }

    /// The channels of a guest that is imported or absorbed.
    #[must_use]
    pub fn from_context(context: ExportedContext<'_>, backend: Backend) -> Self {
        let mut channels = Self::new(&[[0; 32]; 4], [0; 4], backend);
        channels.replace(context);
        channels
    }

    /// The same with another highest MSG_VERSION for a type of request: 1 if nothing is said. Other types than
    /// requests that have a name are left as they are.
    #[must_use]
    pub fn with_max_version(mut self, message_type: MessageType, version: u8) -> Self {
        if message_type.is_known_request()
            && let Some(max) = self.max_versions.get_mut(usize::from(message_type.0 / 2))
        {
            *max = version;
        }
        self
    }

    /// The message count of a key, as a guest's context has it.
    #[must_use]
    pub const fn count(&self, vmpck: Vmpck) -> u64 {
        *vmpck.of(&self.counts)
    }

    /// Opens a request. `copy` fills its argument with the request's page, each byte read once; `buffer` is private
    /// memory.
    ///
    /// Not checked, as in the published firmware: reserved bytes of the header, and the second half of AUTHTAG.
    ///
    /// # Errors
    /// The command's status, in the firmware's order; there is no response, and no count has moved.
    /// [`Status::INVALID_PARAM`]: the header ([`Header::check_request`]). [`Status::BAD_MEASUREMENT`]: the tag.
    /// [`Status::AEAD_OFLOW`]: the number is not the next one, or there is none left. [`Status::INVALID_PARAM`]: MSG_VERSION
    /// is 0 or too high, or MSG_TYPE is not known.
    pub fn open<'c, 'b>(
        &'c mut self,
        buffer: &'b mut MessageBuffer,
        copy: impl FnOnce(&mut [u8; 4096]),
    ) -> Result<Opened<'c, 'b>, Status> {
        copy(&mut buffer.bytes);
        let (place, payload) = buffer.parts();
        let header = Header::from_bytes(place);
        let vmpck = header.check_request()?;
        let text = payload.get_mut(..header.payload_len().into()).ok_or(Status::INVALID_PARAM)?;
        self.key(vmpck)
            .open_in_place(&header.nonce(), header.aad(), text, header.tag())
            .map_err(|_| Status::BAD_MEASUREMENT)?;
        let result = self.check_opened(&header, vmpck);
        if let Err(status) = result {
            text.zeroize();
            return Err(status);
        }
        Ok(Opened { channels: self, buffer, header, vmpck })
    }

    /// A key, set up.
    fn key(&self, vmpck: Vmpck) -> MessageKey {
        MessageKey::new(vmpck.of(&self.vmpcks), self.backend)
    }

    /// Takes over the keys and counts of a context.
    fn replace(&mut self, context: ExportedContext<'_>) {
        for vmpck in Vmpck::ALL {
            *vmpck.of_mut(&mut self.vmpcks) = *context.vmpck(vmpck);
            *vmpck.of_mut(&mut self.counts) = context.message_count(vmpck);
        }
    }

    /// What is checked after the tag.
    fn check_opened(&self, header: &Header, vmpck: Vmpck) -> Result<(), Status> {
        let count = self.count(vmpck);
        if CountWidth::Bits64.is_used_up(count) || header.sequence() != count + 1 {
            return Err(Status::AEAD_OFLOW);
        }
        let message_type = header.message_type();
        let max = self.max_versions.get(usize::from(message_type.0 / 2)).copied().unwrap_or(1);
        if !(1..=max).contains(&header.message_version()) || !message_type.is_known_request() {
            return Err(Status::INVALID_PARAM);
        }
        Ok(())
    }
}

impl fmt::Debug for FirmwareChannels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirmwareChannels").field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// A request by its type.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum GuestRequest<'a> {
    /// MSG_CPUID_REQ.
    Cpuid(CpuidRequest<'a>),
    /// MSG_KEY_REQ.
    Key(KeyRequest),
    /// MSG_REPORT_REQ.
    Report(ReportRequest),
    /// MSG_EXPORT_REQ.
    Export(ExportRequest),
    /// MSG_IMPORT_REQ.
    Import(ImportRequest<'a>),
    /// MSG_ABSORB_REQ.
    Absorb(AbsorbRequest<'a>),
    /// MSG_VMRK_REQ.
    Vmrk(VmrkRequest<'a>),
    /// MSG_ABSORB_NOMA_REQ.
    AbsorbNoma(AbsorbNomaRequest<'a>),
    /// MSG_TSC_INFO_REQ.
    TscInfo(TscInfoRequest),
}

/// What a platform answers where it does not refuse.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Response<'a> {
    /// To MSG_CPUID_REQ, also where it refuses.
    Cpuid(CpuidResponse<'a>),
    /// To MSG_KEY_REQ.
    Key(&'a DerivedKey),
    /// To MSG_REPORT_REQ.
    Report(&'a [u8; REPORT_LEN]),
    /// To MSG_EXPORT_REQ.
    Export(ExportedContext<'a>),
    /// To MSG_IMPORT_REQ, MSG_ABSORB_REQ and MSG_VMRK_REQ: success. ([`Opened::absorb`] answers MSG_ABSORB_NOMA_REQ.)
    Done,
    /// To MSG_TSC_INFO_REQ.
    TscInfo(TscInfo),
}

/// A request that is authentic and the next one. Dropped, it leaves everything as it was.
pub struct Opened<'c, 'b> {
    channels: &'c mut FirmwareChannels,
    buffer: &'b mut MessageBuffer,
    header: Header,
    vmpck: Vmpck,
}

impl<'b> Opened<'_, 'b> {
    /// The header as it was received.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The key that the request came with.
    #[must_use]
    pub const fn vmpck(&self) -> Vmpck {
        self.vmpck
    }

    /// The request's payload as it was sent.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        let end = Header::LEN + usize::from(self.header.payload_len());
        self.buffer.bytes.get(Header::LEN..end).unwrap_or_default()
    }

    /// The request.
    ///
    /// MODEL: a payload that does not have the length of its type is refused. (The published firmware reads zeros, or
    /// what was there before.)
    ///
    /// # Errors
    /// The status that the platform has to [`respond`](Self::respond) with, mostly [`Status::INVALID_PARAM`]: see the
    /// `parse` of each type.
    pub fn request(&self) -> Result<GuestRequest<'_>, Status> {
        let payload = self.payload();
        Ok(match self.header.message_type() {
            MessageType::CPUID_REQ => GuestRequest::Cpuid(CpuidRequest::parse(payload)?),
            MessageType::KEY_REQ => {
                GuestRequest::Key(KeyRequest::parse(self.header.message_version(), payload)?)
            }
            MessageType::REPORT_REQ => GuestRequest::Report(ReportRequest::parse(payload)?),
            MessageType::EXPORT_REQ => GuestRequest::Export(ExportRequest::parse(payload)?),
            MessageType::IMPORT_REQ => GuestRequest::Import(ImportRequest::parse(payload)?),
            MessageType::ABSORB_REQ => GuestRequest::Absorb(AbsorbRequest::parse(payload)?),
            MessageType::VMRK_REQ => GuestRequest::Vmrk(VmrkRequest::parse(self.vmpck, payload)?),
            MessageType::ABSORB_NOMA_REQ => {
                GuestRequest::AbsorbNoma(AbsorbNomaRequest::parse(payload)?)
            }
            MessageType::TSC_INFO_REQ => GuestRequest::TscInfo(TscInfoRequest::parse(payload)?),
            _ => return Err(Status::INVALID_PARAM),
        })
    }

    /// Seals the response, and the count moves. The bytes go into the response's page.
    ///
    /// A refusal has the length of its type, its status, and zeros; that of MSG_REPORT_REQ has REPORT_SIZE too.
    ///
    /// # Errors
    /// [`WrongResponse`]: it is none to this request, or a refusal with `SUCCESS`. Nothing was sealed.
    pub fn respond(
        self,
        response: Result<Response<'_>, Status>,
    ) -> Result<&'b [u8], WrongResponse> {
        let message_type = self.header.message_type();
        let request_len = usize::from(self.header.payload_len());
        let (_, payload) = self.buffer.parts();
        // What the guest sent may hold a key.
        payload.get_mut(..request_len).unwrap_or_default().zeroize();
        let len = match (message_type, response) {
            (_, Err(Status::SUCCESS)) => None,
            (MessageType::CPUID_REQ, Ok(Response::Cpuid(response))) => {
                response.encode(payload).filter(|len| *len == request_len)
            }
            (MessageType::KEY_REQ, Ok(Response::Key(key))) => payload::encode_key(key, payload),
            (MessageType::REPORT_REQ, Ok(Response::Report(report))) => {
                payload::encode_report(Status::SUCCESS, Some(report), payload)
            }
            (MessageType::EXPORT_REQ, Ok(Response::Export(context))) => {
                payload::encode_export(context, payload)
            }
            (
                MessageType::IMPORT_REQ | MessageType::ABSORB_REQ | MessageType::VMRK_REQ,
                Ok(Response::Done),
            ) => encode_status(Status::SUCCESS, payload::STATUS_RSP_LEN, payload),
            (MessageType::TSC_INFO_REQ, Ok(Response::TscInfo(info))) => info.encode(payload),
            (MessageType::CPUID_REQ, Err(status)) => {
                // With the request's length, as each response to it.
                let none = CpuidResponse { status, entries: CpuidEntries::empty() };
                none.encode(payload).map(|len| len.max(request_len))
            }
            (MessageType::REPORT_REQ, Err(status)) => payload::encode_report(status, None, payload),
            (_, Err(status)) => encode_status(status, refusal_len(message_type), payload),
            _ => None,
        };
        let key = self.channels.key(self.vmpck);
        self.seal(&key, len)
    }

    /// Answers MSG_ABSORB_NOMA_REQ with success: the response still has the old key and number, then the absorbed
    /// context's VMPCKs and counts are the channels', and the count of this VMPCK moves on from there. As in the firmware, the
    /// counts may be lower than those of the same keys before.
    ///
    /// MODEL: from a count that has no next one, it does not move.
    ///
    /// # Errors
    /// [`WrongResponse`]: it is another request, one that [`request`](Self::request) refuses, or its context's size or version
    /// is another ([`IncomingContext::check_version`](super::IncomingContext::check_version)). Nothing was sealed.
    pub fn absorb(self) -> Result<&'b [u8], WrongResponse> {
        let Self { channels, buffer, header, vmpck } = self;
        let (_, payload) = buffer.parts();
        let text = payload.get_mut(..header.payload_len().into()).unwrap_or_default();
        let request = match header.message_type() {
            MessageType::ABSORB_NOMA_REQ => AbsorbNomaRequest::parse(text),
            _ => return Err(WrongResponse),
        };
        let incoming = request.map_err(|_| WrongResponse)?.incoming;
        incoming.check_version().map_err(|_| WrongResponse)?;
        let key = channels.key(vmpck);
        channels.replace(incoming.context);
        text.zeroize();
        let len = encode_status(Status::SUCCESS, payload::STATUS_RSP_LEN, payload);
        Opened { channels, buffer, header, vmpck }.seal(&key, len)
    }

    /// Seals what stands in the buffer.
    fn seal(self, key: &MessageKey, len: Option<usize>) -> Result<&'b [u8], WrongResponse> {
        let Self { channels, buffer, header, vmpck } = self;
        let len = len.and_then(payload_len).ok_or(WrongResponse)?;
        let (place, payload) = buffer.parts();
        let text = payload.get_mut(..len.into()).ok_or(WrongResponse)?;
        let mut answer = Header::new(
            header.message_type().response(),
            header.message_version(),
            len,
            vmpck,
            // The request's number is below 2^64 - 2.
            header.sequence() + 1,
        );
        let tag = key.seal_in_place(&answer.nonce(), answer.aad(), text);
        answer.set_tag(&tag.map_err(|_| WrongResponse)?);
        *place = *answer.bytes();
        let count = vmpck.of_mut(&mut channels.counts);
        *count = count.checked_add(2).unwrap_or(*count);
        buffer.bytes.get(..Header::LEN + usize::from(len)).ok_or(WrongResponse)
    }
}

impl fmt::Debug for Opened<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Bytes of a refusal's payload.
fn refusal_len(message_type: MessageType) -> usize {
    match message_type {
        MessageType::KEY_REQ => payload::KEY_RSP_LEN,
        MessageType::EXPORT_REQ => payload::EXPORT_RSP_LEN,
        MessageType::TSC_INFO_REQ => payload::TSC_INFO_LEN,
        _ => payload::STATUS_RSP_LEN,
    }
}

/// A status and zeros.
fn encode_status(status: Status, len: usize, payload: &mut [u8]) -> Option<usize> {
    let payload = payload.get_mut(..len)?;
    payload.fill(0);
    *payload.first_chunk_mut()? = status.0.to_le_bytes();
    Some(len)
}

/// A response that is none to its request: a mistake of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongResponse;

impl fmt::Display for WrongResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the response does not belong to the request's type, or refuses it with SUCCESS",
        )
    }
}

impl core::error::Error for WrongResponse {}
