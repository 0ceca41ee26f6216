//! Guest messages: what a guest and the firmware say to each other past the hypervisor (AMD 56860, "Guest Messages").
//!
//! | you are | begin with |
//! |---|---|
//! | guest code that wants a report, a derived key, its TSC | [`GuestChannel`] |
//! | a platform model that answers | [`FirmwareChannels`] |
//! | the owner of another AES-GCM | [`Header`], [`nonce`] |
//! | a program that uses Linux's `/dev/sev-guest` or configfs-tsm | [`linux`] |
//!
//! A message is a header of 96 bytes and a payload under AES-256-GCM, in one page that the hypervisor sees. Four keys,
//! one for each [`Vmpck`], each with a count of messages: a request has the count plus one, its response the count
//! plus two. The number is the nonce, so that one number must never seal two different messages. What a channel
//! promises:
//!
//! * No number seals two different messages, whatever the hypervisor does and whichever errors occur: while a request is on
//!   its way, an [`InFlight`] borrows the channel; a retry sends its bytes again; and a request that was given up
//!   (its `InFlight` dropped, or leaked with [`core::mem::forget`]) stops the channel.
//! * A response is looked at in a private copy, opened only with the number, type and key that belong to the request, and only
//!   then may the channel go on.
//! * A channel that has stopped has wiped its key. It does not start again.
//! * No allocation, and no copy of a page on the stack: a [`MessageBuffer`] is the caller's.
//!
//! It does not promise that a message arrives, nor that the hypervisor learns nothing: types, lengths and times are seen.
//!
//! Messages of SEV-TIO are drafts whose numbers still change: they are not here, and [`Request`] is open to them.
//!
//! ```
//! use sevcrypt::Backend;
//! use sevcrypt::snp::message::{
//!     CountWidth, FirmwareChannels, GuestChannel, GuestRequest, MessageBuffer, ReportRequest, Response, Vmpck,
//! };
//!
//! # let backend = Backend::best();
//! let mut firmware = FirmwareChannels::new(&[[1; 32], [2; 32], [3; 32], [4; 32]], [0; 4], backend);
//! # let mut firmware_buffer = MessageBuffer::new();
//! // The guest. A real one takes the key from its secrets page: `GuestChannel::take`.
//! let mut channel = GuestChannel::new(&[1; 32], Vmpck::VMPCK0, 0, CountWidth::Bits64, backend)?;
//! let mut buffer = MessageBuffer::new();
//! let request = channel.seal(&ReportRequest::new(&[0x5a; 64]), &mut buffer)?;
//! let mut shared = [0; 4096]; // stands for memory that the hypervisor may read and write
//! shared[..request.bytes().len()].copy_from_slice(request.bytes());
//!
//! // The firmware.
//! let opened = firmware.open(&mut firmware_buffer, |copy| copy.copy_from_slice(&shared))?;
//! let GuestRequest::Report(asked) = opened.request()? else { panic!("a report was asked for") };
//! assert_eq!(asked.report_data, [0x5a; 64]);
//! let answer = opened.respond(Ok(Response::Report(&[7; 1184])))?;
//! shared[..answer.len()].copy_from_slice(answer);
//!
//! // The guest again.
//! let report = request.open(|copy| copy.copy_from_slice(&shared[..copy.len()]))?;
//! assert_eq!(report, &[7; 1184]);
//! assert_eq!(channel.count(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! While a request is on its way, there is no other:
//! ```compile_fail,E0499
//! # use sevcrypt::snp::message::{GuestChannel, MessageBuffer, TscInfoRequest};
//! fn two(channel: &mut GuestChannel, buffers: &mut [MessageBuffer; 2]) {
//!     let [one, two] = buffers;
//!     let first = channel.seal(&TscInfoRequest, one);
//!     let second = channel.seal(&TscInfoRequest, two);
//!     drop(first);
//! }
//! ```

mod context;
mod firmware;
mod guest;
mod header;
pub mod linux;
mod payload;

use core::fmt;

use zeroize::Zeroize;

use crate::addr::PAGE;
use crate::status::Status;

pub use crate::addr::Vmpck;
pub use context::{ContextDraft, ExportedContext};
pub use firmware::{FirmwareChannels, GuestRequest, Opened, Response, WrongResponse};
pub use guest::{
    BUSY_LIMIT, BUSY_PAUSE, ChannelError, CountWidth, Exit, ExitError, GuestChannel, InFlight,
    Next, OpenError,
};
pub use header::{Header, HeaderError, HeaderField, MessageType, nonce};
pub use payload::{
    AbsorbNomaRequest, AbsorbRequest, CpuidEntries, CpuidEntry, CpuidRequest, CpuidResponse,
    ExportRequest, ImportRequest, IncomingContext, ReportRequest, TscInfo, TscInfoRequest,
    VmrkRequest,
};

/// A request that a guest can send, and what it gets back.
///
/// The types of this module have it. Newer messages can be added by their users: nothing that an implementation does
/// makes a channel use a number twice.
///
/// ```
/// use sevcrypt::snp::message::{ExportRequest, ImportRequest, MessageType, Request, TscInfo, TscInfoRequest};
///
/// let mut payload = [0; 128];
/// assert_eq!(TscInfoRequest.encode(&mut payload), Some(128));
/// assert_eq!((TscInfoRequest::TYPE, TscInfoRequest.message_version()), (MessageType::TSC_INFO_REQ, 1));
/// TscInfoRequest::parse(&payload)?;
///
/// let mut answer = vec![0; TscInfoRequest.response_len()];
/// answer[8] = 2; // GUEST_TSC_SCALE
/// let info: TscInfo = TscInfoRequest::parse_response(&mut answer)?;
/// assert_eq!(info.guest_tsc_scale, 2);
/// let refused = <TscInfoRequest as Request>::parse_refusal(sevcrypt::Status::INVALID_GUEST, &mut answer);
/// println!("{}", refused.unwrap_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Request {
    /// MSG_TYPE of the request; the response's is one more.
    const TYPE: MessageType;
    /// The answer; it may borrow from the buffer.
    type Response<'b>;

    /// MSG_VERSION: 1 but for a few newer messages.
    fn message_version(&self) -> u8 {
        1
    }

    /// Bytes of the response's payload: a multiple of 16.
    fn response_len(&self) -> usize;

    /// Writes the payload, and says how long it is: a multiple of 16. `None` if it does not fit.
    fn encode(&self, out: &mut [u8]) -> Option<usize>;

    /// Reads the payload of a response whose status is `SUCCESS`.
    ///
    /// # Errors
    /// [`OpenError::Payload`].
    fn parse_response(payload: &mut [u8]) -> Result<Self::Response<'_>, OpenError>;

    /// Reads the payload of a response with another status. Unless a message has something to say then, as
    /// [`CpuidRequest`] has, the payload is wiped unread.
    ///
    /// # Errors
    /// [`OpenError::Status`].
    fn parse_refusal(status: Status, payload: &mut [u8]) -> Result<Self::Response<'_>, OpenError> {
        payload.zeroize();
        Err(OpenError::Status(status))
    }
}

/// Private memory for one message: a page of the caller's, never shared with the hypervisor. It is used for a request
/// and then for the response. Wiped on drop.
///
/// It is 4 KiB long: best a `static`, or on a stack that has room.
pub struct MessageBuffer {
    bytes: [u8; PAGE],
}

impl MessageBuffer {
    /// A buffer of zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; PAGE] }
    }

    /// The place of the header, and that of the payload.
    fn parts(&mut self) -> (&mut [u8; Header::LEN], &mut [u8; Header::MAX_PAYLOAD]) {
        let (header, payload) = self.bytes.split_at_mut(Header::LEN);
        let parts = header.first_chunk_mut().zip(payload.first_chunk_mut());
        parts.expect("a page is a header and the longest payload")
    }
}

impl Default for MessageBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for MessageBuffer {
    fn drop(&mut self) {
        self.bytes[..].zeroize();
    }
}

impl fmt::Debug for MessageBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageBuffer(..)")
    }
}

/// The length of a payload that a message can have.
fn payload_len(len: usize) -> Option<u16> {
    if len == 0 || !len.is_multiple_of(16) || len > Header::MAX_PAYLOAD {
        None
    } else {
        len.try_into().ok()
    }
}

#[cfg(test)]
mod tests;
