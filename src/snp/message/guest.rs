//! The guest's end.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::header::{Header, HeaderError};
use super::{MessageBuffer, Request, payload_len};
use crate::addr::Vmpck;
use crate::cpu::Backend;
use crate::gcm::MessageKey;
use crate::secret::tell;
use crate::snp::secrets::SecretsPage;
use crate::status::Status;
use crate::wipe::Wiped;

/// How long Linux waits before it sends a message again that the hypervisor was too busy for.
pub const BUSY_PAUSE: Duration = Duration::from_secs(2);
/// How long Linux tries.
pub const BUSY_LIMIT: Duration = Duration::from_secs(60);

/// How many bits of the count the stages of a guest hand on, and so where the numbers end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CountWidth {
    /// 32, as secrets pages before GHCB 2.01 have: Linux's rule, which refuses a number of 2^32 - 1 or above.
    Bits32,
    /// 64: the firmware's rule, which ends at a count of 2^64 - 2.
    Bits64,
}

impl CountWidth {
    /// Whether no further request may be numbered.
    pub(crate) const fn is_used_up(self, count: u64) -> bool {
        match self {
            Self::Bits32 => count >= u32::MAX as u64 - 1,
            Self::Bits64 => count >= u64::MAX - 1,
        }
    }
}

/// The guest's end of a channel: a VMPCK and its count. See the [module](super) for what it promises.
///
/// Its key is wiped when it is dropped, when it stops and when it is handed over. Two channels for one key must not
/// exist at a time: [`take`](Self::take) sees to it as far as the secrets page is the only other place of the key. It
/// cannot be cloned:
///
/// ```compile_fail,E0599
/// # use sevcrypt::snp::message::GuestChannel;
/// fn two(channel: GuestChannel) -> (GuestChannel, GuestChannel) {
///     (channel.clone(), channel)
/// }
/// ```
pub struct GuestChannel {
    /// The key, for the next stage.
    raw: Wiped<[u8; 32]>,
    /// `None`: it has stopped.
    gcm: Option<MessageKey>,
    vmpck: Vmpck,
    count: u64,
    width: CountWidth,
    /// A message with the number `count + 1` may be known to the hypervisor.
    in_flight: bool,
}

impl GuestChannel {
    /// A channel for a key, of which `count` messages have been sent and received: zero at launch, always even.
    ///
    /// # Errors
    /// [`ChannelError::EmptyKey`], [`ChannelError::OddCount`], [`ChannelError::CountLimit`].
    pub fn new(
        key: &[u8; 32],
        vmpck: Vmpck,
        count: u64,
        width: CountWidth,
        backend: Backend,
    ) -> Result<Self, ChannelError> {
        Self::check(key, count, width)?;
        let mut channel = Self::STOPPED;
        channel.fill(key, vmpck, count, width, backend);
        Ok(channel)
    }

    /// The same in a place, in which no channel was, or an older one, which is gone then. A channel is 1.8 KiB long: who has
    /// little of a stack takes this, with a place that is not on it.
    ///
    /// ```
    /// use sevcrypt::Backend;
    /// use sevcrypt::snp::message::{ChannelError, CountWidth, GuestChannel, Vmpck};
    /// use sevcrypt::snp::secrets::SecretsPage;
    ///
    /// let mut place = None; // a static, in firmware
    /// let channel = GuestChannel::set_up(&mut place, &[7; 32], Vmpck::VMPCK0, 4, CountWidth::Bits64, Backend::best())?;
    /// assert_eq!(channel.count(), 4);
    ///
    /// let mut memory = [0; 4096];
    /// let mut page = SecretsPage::create(&mut memory);
    /// page.set_vmpck(Vmpck::VMPCK1, &[8; 32]);
    /// let channel = GuestChannel::take_to(&mut place, &mut page, Vmpck::VMPCK1, Backend::best())?;
    /// assert_eq!((channel.vmpck(), channel.count()), (Vmpck::VMPCK1, 0));
    /// # Ok::<(), ChannelError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new); the place is as it was.
    pub fn set_up<'p>(
        place: &'p mut Option<Self>,
        key: &[u8; 32],
        vmpck: Vmpck,
        count: u64,
        width: CountWidth,
        backend: Backend,
    ) -> Result<&'p mut Self, ChannelError> {
        Self::check(key, count, width)?;
        *place = const { Some(Self::STOPPED) };
        // It is there.
        let channel = place.get_or_insert_with(|| Self::STOPPED);
        channel.fill(key, vmpck, count, width, backend);
        Ok(channel)
    }

    const STOPPED: Self = Self {
        raw: Wiped::new([0; 32]),
        gcm: None,
        vmpck: Vmpck::VMPCK0,
        count: 0,
        width: CountWidth::Bits32,
        in_flight: false,
    };

    /// Starts a channel that has stopped.
    #[inline(never)]
    fn fill(
        &mut self,
        key: &[u8; 32],
        vmpck: Vmpck,
        count: u64,
        width: CountWidth,
        backend: Backend,
    ) {
        (self.vmpck, self.count, self.width, self.in_flight) = (vmpck, count, width, false);
        self.raw.copy_from_slice(key);
        MessageKey::set_up(&mut self.gcm, key, backend);
    }

    fn check(key: &[u8; 32], count: u64, width: CountWidth) -> Result<(), ChannelError> {
        if tell(key.ct_eq(&[0; 32])) {
            return Err(ChannelError::EmptyKey);
        }
        if !count.is_multiple_of(2) {
            return Err(ChannelError::OddCount { count });
        }
        if width.is_used_up(count) {
            return Err(ChannelError::CountLimit { count });
        }
        Ok(())
    }

    /// Takes a key and its count out of the secrets page; the key's place is wiped. The count has 64 bits if the page's
    /// guest area has them ([`SecretsPage::has_high_words`]), else 32.
    ///
    /// ```
    /// use sevcrypt::Backend;
    /// use sevcrypt::snp::message::{ChannelError, GuestChannel, Vmpck};
    /// use sevcrypt::snp::secrets::SecretsPage;
    ///
    /// let mut memory = [0; 4096];
    /// let mut page = SecretsPage::create(&mut memory);
    /// page.set_vmpck(Vmpck::VMPCK1, &[7; 32]);
    ///
    /// let channel = GuestChannel::take(&mut page, Vmpck::VMPCK1, Backend::best())?;
    /// assert_eq!(page.vmpck(Vmpck::VMPCK1), &[0; 32]);
    /// let again = GuestChannel::take(&mut page, Vmpck::VMPCK1, Backend::best());
    /// assert_eq!(again.unwrap_err(), ChannelError::EmptyKey);
    ///
    /// channel.hand_over(&mut page)?;
    /// assert_eq!(page.vmpck(Vmpck::VMPCK1), &[7; 32]);
    /// # Ok::<(), ChannelError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new); the page is as it was.
    pub fn take(
        page: &mut SecretsPage<'_>,
        vmpck: Vmpck,
        backend: Backend,
    ) -> Result<Self, ChannelError> {
        let (count, width) = Self::count_in(page, vmpck);
        let channel = Self::new(page.vmpck(vmpck), vmpck, count, width, backend)?;
        page.wipe_vmpck(vmpck);
        Ok(channel)
    }

    /// [`take`](Self::take) to a place, as [`set_up`](Self::set_up) has it.
    ///
    /// # Errors
    /// As [`new`](Self::new); page and place are as they were.
    pub fn take_to<'p>(
        place: &'p mut Option<Self>,
        page: &mut SecretsPage<'_>,
        vmpck: Vmpck,
        backend: Backend,
    ) -> Result<&'p mut Self, ChannelError> {
        let (count, width) = Self::count_in(page, vmpck);
        let channel = Self::set_up(place, page.vmpck(vmpck), vmpck, count, width, backend)?;
        page.wipe_vmpck(vmpck);
        Ok(channel)
    }

    fn count_in(page: &SecretsPage<'_>, vmpck: Vmpck) -> (u64, CountWidth) {
        let width = if page.has_high_words() { CountWidth::Bits64 } else { CountWidth::Bits32 };
        (page.message_count(vmpck), width)
    }

    /// Hands key and count over to the guest's next stage, through the secrets page, and wipes the key here.
    ///
    /// The next stage has to read all of the count: one that reads the lower half only, as Linux does, would use numbers
    /// again after 2^32 of them. Leave it a page without upper halves, and the channel ends in time.
    ///
    /// # Errors
    /// [`ChannelError::Stopped`], [`ChannelError::Abandoned`]; [`ChannelError::HighWord`] if the count needs more bits
    /// than the page has. The page is as it was, and the channel is gone.
    pub fn hand_over(self, page: &mut SecretsPage<'_>) -> Result<(), ChannelError> {
        if self.is_stopped() {
            return Err(ChannelError::Stopped);
        }
        if self.in_flight {
            return Err(ChannelError::Abandoned);
        }
        if !page.has_high_words() && self.count > u32::MAX.into() {
            return Err(ChannelError::HighWord { count: self.count });
        }
        page.set_message_count(self.vmpck, self.count);
        page.set_vmpck(self.vmpck, &self.raw);
        Ok(())
    }

    /// Seals a request into `buffer`, from where its bytes go into the shared page.
    ///
    /// # Errors
    /// [`ChannelError::Stopped`]; [`ChannelError::Abandoned`] and [`ChannelError::CountLimit`], with which it stops;
    /// [`ChannelError::PayloadLen`], which does not occur with this module's requests. Nothing was sealed.
    pub fn seal<'c, 'b, R: Request>(
        &'c mut self,
        request: &R,
        buffer: &'b mut MessageBuffer,
    ) -> Result<InFlight<'c, 'b, R>, ChannelError> {
        let count = self.count;
        if !self.is_stopped() && (self.in_flight || self.width.is_used_up(count)) {
            self.stop();
            let abandoned = self.in_flight;
            return Err(if abandoned {
                ChannelError::Abandoned
            } else {
                ChannelError::CountLimit { count }
            });
        }
        let key = self.gcm.as_ref().ok_or(ChannelError::Stopped)?;

        let (place, payload) = buffer.parts();
        let wrong = ChannelError::PayloadLen;
        let len = request.encode(payload).and_then(payload_len).ok_or(wrong)?;
        let response_len = payload_len(request.response_len()).ok_or(wrong)?;
        let text = payload.get_mut(..len.into()).ok_or(wrong)?;
        let mut header =
            Header::new(R::TYPE, request.message_version(), len, self.vmpck, count + 1);
        // From here on the number is used, also if nothing comes of it.
        self.in_flight = true;
        let tag = key.seal_in_place(&header.nonce(), header.aad(), text);
        header.set_tag(&tag.map_err(|_| wrong)?);
        *place = *header.bytes();
        Ok(InFlight { pending: Pending(self), buffer, header, response_len, request: PhantomData })
    }

    /// Stops the channel: its key is wiped, and nothing can be sealed any more.
    pub fn stop(&mut self) {
        self.gcm = None;
        self.raw[..].zeroize();
    }

    /// Whether the channel has stopped.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.gcm.is_none()
    }

    /// How many messages have been sent and received: an even number.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Which key it is.
    #[must_use]
    pub const fn vmpck(&self) -> Vmpck {
        self.vmpck
    }
}

impl fmt::Debug for GuestChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestChannel")
            .field("vmpck", &self.vmpck)
            .field("count", &self.count)
            .field("is_stopped", &self.is_stopped())
            .finish_non_exhaustive()
    }
}

/// A channel whose number is used: it stops, unless the response is opened.
struct Pending<'c>(&'c mut GuestChannel);

impl Pending<'_> {
    /// The response is authentic.
    fn complete(self) {
        self.0.count += 2;
        self.0.in_flight = false;
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.0.in_flight {
            self.0.stop();
        }
    }
}

/// A request on its way. Until its response is opened, the channel seals nothing else; dropped or leaked, it stops the
/// channel.
///
/// 1. [`bytes`](Self::bytes) into the shared page, then the exit to the hypervisor ([`Exit`]).
/// 2. [`returned`](Self::returned) with what the exit gave: go on, or send the same bytes again.
/// 3. [`open`](Self::open) the response.
#[must_use = "dropping it stops the channel"]
pub struct InFlight<'c, 'b, R> {
    pending: Pending<'c>,
    buffer: &'b mut MessageBuffer,
    header: Header,
    response_len: u16,
    request: PhantomData<fn(&R)>,
}

impl<'c, 'b, R: Request> InFlight<'c, 'b, R> {
    /// The sealed message, header and payload: what goes into the shared page, and what a retry sends again.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let len = Header::LEN + usize::from(self.header.payload_len());
        self.buffer.bytes.get(..len).unwrap_or_default()
    }

    /// The header of the request.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Decides what to do after the exit to the hypervisor: `exit_info_2` is SW_EXITINFO2 as it came back, the
    /// hypervisor's error in its upper half and the firmware's in its lower one (AMD 56421, "SNP Guest Request").
    ///
    /// ```
    /// # use sevcrypt::Backend;
    /// # use sevcrypt::snp::message::*;
    /// # let mut channel = GuestChannel::new(&[1; 32], Vmpck::VMPCK0, 0, CountWidth::Bits64, Backend::best())?;
    /// # let mut buffer = MessageBuffer::new();
    /// let request = channel.seal(&TscInfoRequest, &mut buffer)?;
    /// let request = match request.returned(Exit::Plain, 2 << 32)? {
    ///     Next::SendAgain(request) => request, // after BUSY_PAUSE, the same bytes
    ///     other => panic!("{other:?}"),
    /// };
    /// // BAD_MEASUREMENT: the hypervisor changed something. The channel stops.
    /// let error = request.returned(Exit::Plain, 0x0b).unwrap_err();
    /// assert_eq!(error.to_string(), "the hypervisor said 0x0, the firmware 0xb (BAD_MEASUREMENT): the channel has stopped");
    /// assert!(channel.is_stopped());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ExitError`]: any error that is not known to leave the request as it was. The channel has stopped.
    pub fn returned(self, exit: Exit, exit_info_2: u64) -> Result<Next<'c, 'b, R>, ExitError> {
        match (exit_info_2, exit) {
            (0, _) => Ok(Next::Open(self)),
            (ExitError::INVALID_LEN, Exit::Extended) => Ok(Next::SendAsPlain(self)),
            (ExitError::BUSY, _) => Ok(Next::SendAgain(self)),
            _ => Err(ExitError { exit_info_2 }),
        }
    }

    /// How many bytes the response has, header and payload: what [`open`](Self::open) copies.
    #[must_use]
    pub fn response_len(&self) -> usize {
        Header::LEN + usize::from(self.response_len)
    }

    /// Opens the response. `copy` fills its argument with the first bytes of the shared page, each read once: what is
    /// checked and what is used are the same private copy, in the buffer that held the request.
    ///
    /// # Errors
    /// [`OpenError::Header`], [`OpenError::NotAuthentic`]: the channel has stopped. [`OpenError::Status`],
    /// [`OpenError::Payload`]: the firmware has answered, so that the channel goes on with the next number.
    pub fn open(self, copy: impl FnOnce(&mut [u8])) -> Result<R::Response<'b>, OpenError> {
        let Self { pending, buffer, header, response_len, .. } = self;
        let len = Header::LEN + usize::from(response_len);
        let received = buffer.bytes.get_mut(..len).unwrap_or_default();
        copy(received);
        let wrong = OpenError::Payload { offset: 0 };
        let (response, payload) =
            received.split_first_chunk_mut::<{ Header::LEN }>().ok_or(wrong)?;
        let response = Header::from_bytes(response);
        response.check_response(&header, response_len).map_err(OpenError::Header)?;
        let key = pending.0.gcm.as_ref().ok_or(OpenError::NotAuthentic)?;
        key.open_in_place(&response.nonce(), response.aad(), payload, response.tag())
            .map_err(|_| OpenError::NotAuthentic)?;
        pending.complete();

        match Status(u32::from_le_bytes(*payload.first_chunk().ok_or(wrong)?)) {
            Status::SUCCESS => R::parse_response(payload),
            status => R::parse_refusal(status, payload),
        }
    }
}

impl<R> fmt::Debug for InFlight<'_, '_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("header", &self.header).finish_non_exhaustive()
    }
}

/// How a message was given to the hypervisor (AMD 56421, "SNP Guest Request").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// SNP guest request.
    Plain,
    /// SNP extended guest request: with pages for the hypervisor's certificates.
    Extended,
}

impl Exit {
    /// SW_EXITCODE of it. SW_EXITINFO1 and SW_EXITINFO2 are the addresses of the request's and the response's page:
    /// both aligned, shared, and not the same.
    #[must_use]
    pub const fn code(self) -> u64 {
        match self {
            Self::Plain => 0x8000_0011,
            Self::Extended => 0x8000_0012,
        }
    }
}

/// What to do after the exit.
pub enum Next<'c, 'b, R> {
    /// There is a response: open it.
    Open(InFlight<'c, 'b, R>),
    /// The hypervisor was busy: send the same bytes again after [`BUSY_PAUSE`], until [`BUSY_LIMIT`]; then drop this.
    SendAgain(InFlight<'c, 'b, R>),
    /// There were too few pages for the certificates (RBX has how many are needed): send the same bytes again as
    /// [`Exit::Plain`], because their number must be used up, and open the response.
    SendAsPlain(InFlight<'c, 'b, R>),
}

impl<R> fmt::Debug for Next<'_, '_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, request) = match self {
            Self::Open(request) => ("Open", request),
            Self::SendAgain(request) => ("SendAgain", request),
            Self::SendAsPlain(request) => ("SendAsPlain", request),
        };
        f.debug_tuple(name).field(request).finish()
    }
}

/// What a channel does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelError {
    /// The key is all zero: it was taken, or wiped.
    EmptyKey,
    /// A count that is odd: between a request and its response nothing is handed over.
    OddCount {
        /// The count.
        count: u64,
    },
    /// There is no number left for another request.
    CountLimit {
        /// The count.
        count: u64,
    },
    /// The channel has stopped.
    Stopped,
    /// A request was given up before its response was opened: the channel has stopped.
    Abandoned,
    /// A request whose payload, or whose response's, is empty, no multiple of 16 bytes or longer than fits.
    PayloadLen,
    /// The count needs more than 32 bits, and the secrets page has no place for more.
    HighWord {
        /// The count.
        count: u64,
    },
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyKey => f.write_str("the VMPCK is all zero: it has been taken or wiped"),
            Self::OddCount { count } => write!(f, "a message count of {count:#x}: expected an even one"),
            Self::CountLimit { count } => {
                write!(f, "a message count of {count:#x}: no number is left for another request")
            }
            Self::Stopped => f.write_str("the channel has stopped, its key is wiped"),
            Self::Abandoned => f.write_str(
                "a request was given up before its response was opened: the channel stops, its key is wiped",
            ),
            Self::PayloadLen => write!(
                f,
                "a payload that is empty, no multiple of 16 bytes or longer than {} bytes",
                Header::MAX_PAYLOAD
            ),
            Self::HighWord { count } => write!(
                f,
                "a message count of {count:#x}: the secrets page has 32 bits for it (its guest area has version 0)"
            ),
        }
    }
}

impl core::error::Error for ChannelError {}

/// An exit that came back with an error after which a channel must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitError {
    /// SW_EXITINFO2 as it came back.
    pub exit_info_2: u64,
}

impl ExitError {
    /// There are too few pages for the certificates.
    const INVALID_LEN: u64 = 1 << 32;
    /// The hypervisor is busy.
    const BUSY: u64 = 2 << 32;

    /// The hypervisor's error.
    #[must_use]
    pub const fn vmm_error(self) -> u32 {
        (self.exit_info_2 >> 32) as u32
    }

    /// The firmware's.
    #[must_use]
    pub const fn status(self) -> Status {
        Status(self.exit_info_2 as u32)
    }
}

impl fmt::Display for ExitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (vmm, status) = (self.vmm_error(), self.status());
        write!(f, "the hypervisor said {vmm:#x}, the firmware {status}: the channel has stopped")
    }
}

impl core::error::Error for ExitError {}

/// A response that gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// Its header is not that of the answer to the request. The channel has stopped.
    Header(HeaderError),
    /// Its tag is not that of header and payload under the channel's key. The channel has stopped.
    NotAuthentic,
    /// The firmware refused the request. The channel goes on.
    Status(Status),
    /// The firmware's payload breaks a rule of its type. The channel goes on.
    Payload {
        /// Where in the payload.
        offset: usize,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(error) => write!(f, "{error}: the channel has stopped"),
            Self::NotAuthentic => {
                f.write_str("the response's tag is wrong: the channel has stopped")
            }
            Self::Status(status) => write!(f, "the firmware refused the request: status {status}"),
            Self::Payload { offset } => {
                write!(f, "the response's payload is not that of its type at offset {offset:#x}")
            }
        }
    }
}

impl core::error::Error for OpenError {}
