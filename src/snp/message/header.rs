//! The header of a message, and what names its parts.

use core::fmt;

use crate::addr::Vmpck;
use crate::gcm::{Nonce, Tag};
use crate::status::Status;
use crate::wire::{field, field_mut, get_u64};

/// Declares the message types.
macro_rules! message_types {
    ($($code:literal $name:ident $long:literal)*) => {
        impl MessageType {
            $(
                #[doc = concat!("`MSG_", $long, "`, ", stringify!($code), ".")]
                pub const $name: Self = Self($code);
            )*

            /// The name in AMD's documents, without `MSG_`.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($long),)*
                    _ => None,
                }
            }
        }
    };
}

/// MSG_TYPE: what a message is (AMD 56860, "Message Types"). Requests are odd, and a response has its request's number
/// plus one.
///
/// ```
/// use sevcrypt::snp::message::MessageType;
///
/// assert_eq!(MessageType::REPORT_REQ.response(), MessageType::REPORT_RSP);
/// assert_eq!(MessageType::KEY_REQ.to_string(), "0x3 (KEY_REQ)");
/// assert_eq!(MessageType(0x81).to_string(), "0x81");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageType(pub u8);

message_types! {
    0x01 CPUID_REQ "CPUID_REQ"
    0x02 CPUID_RSP "CPUID_RSP"
    0x03 KEY_REQ "KEY_REQ"
    0x04 KEY_RSP "KEY_RSP"
    0x05 REPORT_REQ "REPORT_REQ"
    0x06 REPORT_RSP "REPORT_RSP"
    0x07 EXPORT_REQ "EXPORT_REQ"
    0x08 EXPORT_RSP "EXPORT_RSP"
    0x09 IMPORT_REQ "IMPORT_REQ"
    0x0a IMPORT_RSP "IMPORT_RSP"
    0x0b ABSORB_REQ "ABSORB_REQ"
    0x0c ABSORB_RSP "ABSORB_RSP"
    0x0d VMRK_REQ "VMRK_REQ"
    0x0e VMRK_RSP "VMRK_RSP"
    0x0f ABSORB_NOMA_REQ "ABSORB_NOMA_REQ"
    0x10 ABSORB_NOMA_RSP "ABSORB_NOMA_RSP"
    0x11 TSC_INFO_REQ "TSC_INFO_REQ"
    0x12 TSC_INFO_RSP "TSC_INFO_RSP"
}

impl MessageType {
    /// The type of the answer to a request of this type.
    #[must_use]
    pub const fn response(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Whether it is a request that has a name here.
    #[must_use]
    pub const fn is_known_request(self) -> bool {
        self.0 % 2 == 1 && self.name().is_some()
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)?;
        self.name().map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

impl fmt::Debug for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageType({self})")
    }
}

/// The nonce of the message with this MSG_SEQNO: the number in little-endian order, then four zero bytes (AMD 56860,
/// "Guest Messages").
///
/// MSG_SEQNO is not among the authenticated bytes: it is bound to the message as the nonce only.
///
/// ```
/// use sevcrypt::snp::message::nonce;
///
/// assert_eq!(nonce(0x0102), [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
/// ```
#[must_use]
pub fn nonce(sequence: u64) -> Nonce {
    let [a, b, c, d, e, f, g, h] = sequence.to_le_bytes();
    [a, b, c, d, e, f, g, h, 0, 0, 0, 0]
}

/// Where the fields stand (AMD 56860, "Message Header Format").
mod at {
    pub(super) const AUTHTAG: usize = 0x00;
    pub(super) const MSG_SEQNO: usize = 0x20;
    pub(super) const ALGO: usize = 0x30;
    pub(super) const HDR_VERSION: usize = 0x31;
    pub(super) const HDR_SIZE: usize = 0x32;
    pub(super) const MSG_TYPE: usize = 0x34;
    pub(super) const MSG_VERSION: usize = 0x35;
    pub(super) const MSG_SIZE: usize = 0x36;
    pub(super) const MSG_VMPCK: usize = 0x3c;
}

/// AES-256-GCM, the only one.
const ALGO: u8 = 1;
const HDR_VERSION: u8 = 1;
const HDR_SIZE: u16 = Header::LEN as u16;

/// The header of a message: 96 bytes before the payload (AMD 56860, "Message Header Format").
///
/// Channels ([`GuestChannel`](super::GuestChannel), [`FirmwareChannels`](super::FirmwareChannels)) write and check
/// headers on their own. This is for callers who must use another AES-GCM, and for those who look at messages:
/// [`Header::aad`] is what is authenticated, [`nonce`] the nonce. Whoever seals on his own must never seal two texts
/// with one number and key.
///
/// ```
/// use sevcrypt::snp::message::{Header, MessageType, Vmpck};
///
/// let request = Header::new(MessageType::REPORT_REQ, 1, 0x60, Vmpck::VMPCK0, 1);
/// assert_eq!(request.bytes()[0x20], 1);
/// assert_eq!(request.aad()[..6], [1, 1, 0x60, 0, 5, 1]);
/// assert_eq!(request.check_request(), Ok(Vmpck::VMPCK0));
///
/// let response = Header::new(MessageType::REPORT_RSP, 1, 0x4c0, Vmpck::VMPCK0, 3);
/// let error = response.check_response(&request, 0x4c0).unwrap_err();
/// assert_eq!(error.to_string(), "MSG_SEQNO of the response is 0x3, expected 0x2");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header {
    bytes: [u8; Self::LEN],
}

impl Header {
    /// Bytes of a header.
    pub const LEN: usize = 0x60;
    /// Bytes of the longest payload: a message is inside one page.
    pub const MAX_PAYLOAD: usize = 4096 - Self::LEN;

    /// A header whose tag is not known yet.
    #[must_use]
    pub fn new(
        message_type: MessageType,
        message_version: u8,
        payload_len: u16,
        vmpck: Vmpck,
        sequence: u64,
    ) -> Self {
        let mut bytes = [0; Self::LEN];
        *field_mut::<{ at::MSG_SEQNO }, 8, _>(&mut bytes) = sequence.to_le_bytes();
        *field_mut::<{ at::ALGO }, 1, _>(&mut bytes) = [ALGO];
        *field_mut::<{ at::HDR_VERSION }, 1, _>(&mut bytes) = [HDR_VERSION];
        *field_mut::<{ at::HDR_SIZE }, 2, _>(&mut bytes) = HDR_SIZE.to_le_bytes();
        *field_mut::<{ at::MSG_TYPE }, 1, _>(&mut bytes) = [message_type.0];
        *field_mut::<{ at::MSG_VERSION }, 1, _>(&mut bytes) = [message_version];
        *field_mut::<{ at::MSG_SIZE }, 2, _>(&mut bytes) = payload_len.to_le_bytes();
        *field_mut::<{ at::MSG_VMPCK }, 1, _>(&mut bytes) = [vmpck.get()];
        Self { bytes }
    }

    /// A header as it was received.
    ///
    /// ```
    /// use sevcrypt::snp::message::{Header, MessageType, Vmpck};
    ///
    /// let sent = Header::new(MessageType::REPORT_REQ, 1, 96, Vmpck::VMPCK2, 7);
    /// let received = Header::from_bytes(sent.bytes());
    /// assert_eq!((received.sequence(), received.vmpck()), (7, Some(Vmpck::VMPCK2)));
    /// assert_eq!(received.check_request(), Ok(Vmpck::VMPCK2));
    /// ```
    #[must_use]
    pub const fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self { bytes: *bytes }
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; Self::LEN] {
        &self.bytes
    }

    /// The additional data of the message: bytes 30h to 5Fh as they are, reserved ones included.
    #[must_use]
    pub fn aad(&self) -> &[u8; 48] {
        field::<{ at::ALGO }, 48, _>(&self.bytes)
    }

    /// The nonce: that of MSG_SEQNO.
    #[must_use]
    pub fn nonce(&self) -> Nonce {
        nonce(self.sequence())
    }

    /// AUTHTAG: the 16 bytes of it that AES-GCM uses.
    #[must_use]
    pub fn tag(&self) -> &Tag {
        field::<{ at::AUTHTAG }, 16, _>(&self.bytes)
    }

    /// Sets AUTHTAG.
    pub fn set_tag(&mut self, tag: &Tag) {
        *field_mut::<{ at::AUTHTAG }, 16, _>(&mut self.bytes) = *tag;
    }

    /// MSG_SEQNO.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        get_u64::<{ at::MSG_SEQNO }, _>(&self.bytes)
    }

    /// MSG_TYPE.
    #[must_use]
    pub fn message_type(&self) -> MessageType {
        MessageType(self.byte::<{ at::MSG_TYPE }>())
    }

    /// MSG_VERSION.
    #[must_use]
    pub fn message_version(&self) -> u8 {
        self.byte::<{ at::MSG_VERSION }>()
    }

    /// MSG_SIZE: bytes of the payload.
    #[must_use]
    pub fn payload_len(&self) -> u16 {
        self.word::<{ at::MSG_SIZE }>()
    }

    /// MSG_VMPCK; `None` above 3.
    #[must_use]
    pub fn vmpck(&self) -> Option<Vmpck> {
        Vmpck::new(self.byte::<{ at::MSG_VMPCK }>().into())
    }

    fn byte<const AT: usize>(&self) -> u8 {
        let [byte] = *field::<AT, 1, _>(&self.bytes);
        byte
    }

    fn word<const AT: usize>(&self) -> u16 {
        u16::from_le_bytes(*field::<AT, 2, _>(&self.bytes))
    }

    /// What the firmware checks of a request's header before it looks at the tag: HDR_VERSION, HDR_SIZE, ALGO,
    /// MSG_SIZE (not zero, a multiple of 16, inside the page), MSG_VMPCK. Reserved bytes are not among it.
    ///
    /// # Errors
    /// [`Status::INVALID_PARAM`].
    pub fn check_request(&self) -> Result<Vmpck, Status> {
        let len = self.payload_len();
        let is_good = self.byte::<{ at::HDR_VERSION }>() == HDR_VERSION
            && self.word::<{ at::HDR_SIZE }>() == HDR_SIZE
            && self.byte::<{ at::ALGO }>() == ALGO
            && len != 0
            && len.is_multiple_of(16)
            && usize::from(len) <= Self::MAX_PAYLOAD;
        if is_good { self.vmpck().ok_or(Status::INVALID_PARAM) } else { Err(Status::INVALID_PARAM) }
    }

    /// What a guest checks of a response's header before it looks at the tag: that it belongs to `request`, and that
    /// its payload has the expected length.
    ///
    /// # Errors
    /// The first field that differs, in the order of [`HeaderField`].
    pub fn check_response(&self, request: &Self, payload_len: u16) -> Result<(), HeaderError> {
        let vmpck = |header: &Self| u64::from(header.byte::<{ at::MSG_VMPCK }>());
        let checks = [
            (
                HeaderField::HdrVersion,
                self.byte::<{ at::HDR_VERSION }>().into(),
                HDR_VERSION.into(),
            ),
            (HeaderField::HdrSize, self.word::<{ at::HDR_SIZE }>().into(), HDR_SIZE.into()),
            (HeaderField::Algo, self.byte::<{ at::ALGO }>().into(), ALGO.into()),
            (HeaderField::MsgSeqno, self.sequence(), request.sequence().wrapping_add(1)),
            (
                HeaderField::MsgType,
                self.message_type().0.into(),
                request.message_type().response().0.into(),
            ),
            (
                HeaderField::MsgVersion,
                self.message_version().into(),
                request.message_version().into(),
            ),
            (HeaderField::MsgVmpck, vmpck(self), vmpck(request)),
            (HeaderField::MsgSize, self.payload_len().into(), payload_len.into()),
        ];
        match checks.into_iter().find(|(_, found, expected)| found != expected) {
            Some((field, found, expected)) => Err(HeaderError { field, found, expected }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("sequence", &self.sequence())
            .field("message_type", &self.message_type())
            .field("message_version", &self.message_version())
            .field("payload_len", &self.payload_len())
            .field("vmpck", &self.vmpck())
            .finish_non_exhaustive()
    }
}

/// A field of a response's header, in the order in which a guest checks them.
///
/// ```
/// use sevcrypt::snp::message::{Header, HeaderField, MessageType, Vmpck};
///
/// let request = Header::new(MessageType::REPORT_REQ, 1, 96, Vmpck::VMPCK0, 1);
/// let other = Header::new(MessageType::KEY_RSP, 1, 1216, Vmpck::VMPCK0, 2);
/// let error = other.check_response(&request, 1216).unwrap_err();
/// assert_eq!(error.field, HeaderField::MsgType);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderField {
    /// HDR_VERSION: 1.
    HdrVersion,
    /// HDR_SIZE: 60h.
    HdrSize,
    /// ALGO: 1, AES-256-GCM.
    Algo,
    /// MSG_SEQNO: the request's plus one.
    MsgSeqno,
    /// MSG_TYPE: the request's plus one.
    MsgType,
    /// MSG_VERSION: the request's.
    MsgVersion,
    /// MSG_VMPCK: the request's.
    MsgVmpck,
    /// MSG_SIZE: the length of such a response.
    MsgSize,
}

impl HeaderField {
    const fn name(self) -> &'static str {
        match self {
            Self::HdrVersion => "HDR_VERSION",
            Self::HdrSize => "HDR_SIZE",
            Self::Algo => "ALGO",
            Self::MsgSeqno => "MSG_SEQNO",
            Self::MsgType => "MSG_TYPE",
            Self::MsgVersion => "MSG_VERSION",
            Self::MsgVmpck => "MSG_VMPCK",
            Self::MsgSize => "MSG_SIZE",
        }
    }
}

/// A response whose header is not that of the answer to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderError {
    /// Which field.
    pub field: HeaderField,
    /// What stands there.
    pub found: u64,
    /// What should.
    pub expected: u64,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, found, expected } = self;
        write!(f, "{} of the response is {found:#x}, expected {expected:#x}", field.name())
    }
}

impl core::error::Error for HeaderError {}
