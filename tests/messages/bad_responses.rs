//! Every bad response to a guest, one by one, with the channel's state afterwards.

use sevcrypt::snp::keys::{DerivedKey, KeyRequest, KeySelect};
use sevcrypt::snp::message::{
    ChannelError, CountWidth, Exit, FirmwareChannels, GuestChannel, Header, HeaderError,
    HeaderField, MessageBuffer, MessageType, Next, OpenError, ReportRequest, Request,
    TscInfoRequest, Vmpck,
};
use sevcrypt::{Backend, Status};

use crate::dropped::{dropped, longest_stretch};
use crate::{guest, key_of, sealed};

const VMPCK: Vmpck = Vmpck::VMPCK2;

/// What a response is like, and what the guest makes of it; then the channel.
fn respond<R: Request>(
    request: &R,
    message: &[u8],
    check: impl FnOnce(Result<R::Response<'_>, OpenError>),
) -> GuestChannel {
    let mut channel = guest(VMPCK, 6);
    let mut buffer = MessageBuffer::new();
    let request = channel.seal(request, &mut buffer).unwrap();
    check(request.open(|copy| {
        let len = copy.len().min(message.len());
        copy[..len].copy_from_slice(&message[..len]);
    }));
    channel
}

fn stopped(channel: &mut GuestChannel) {
    assert!(channel.is_stopped());
    assert_eq!(channel.count(), 6);
    let error = channel.seal(&TscInfoRequest, &mut MessageBuffer::new()).unwrap_err();
    assert_eq!(error, ChannelError::Stopped);
}

fn goes_on(channel: &mut GuestChannel) {
    assert!(!channel.is_stopped());
    assert_eq!(channel.count(), 8);
    let mut buffer = MessageBuffer::new();
    assert_eq!(channel.seal(&TscInfoRequest, &mut buffer).unwrap().header().sequence(), 9);
}

/// What to do next, which names itself.
fn named<'c, 'b>(name: &str, next: Next<'c, 'b, KeyRequest>) -> Next<'c, 'b, KeyRequest> {
    assert!(format!("{next:?}").starts_with(&format!("{name}(InFlight")), "{next:?}");
    next
}

fn key_request() -> KeyRequest {
    KeyRequest::new(KeySelect::VlekOrVcek)
}

/// The header of the right response to a key request.
fn header() -> Header {
    Header::new(MessageType::KEY_RSP, 1, 0x40, VMPCK, 8)
}

fn key_payload(status: Status) -> [u8; 0x40] {
    let mut payload = [0; 0x40];
    payload[..4].copy_from_slice(&status.0.to_le_bytes());
    payload[0x20..].fill(0xab);
    payload
}

fn key_response(header: Header) -> Vec<u8> {
    sealed(&key_of(VMPCK), header, &key_payload(Status::SUCCESS))
}

#[test]
fn the_right_one() {
    let message = key_response(header());
    let mut channel = respond(&key_request(), &message, |key| {
        assert_eq!(key.unwrap().as_bytes(), &[0xab; 32]);
    });
    goes_on(&mut channel);
}

/// A header that the key's owner has sealed, so that only this one thing is wrong.
#[test]
fn header_fields() {
    let changed = |at: usize, to: u8| {
        let mut bytes = *header().bytes();
        bytes[at] = to;
        Header::from_bytes(&bytes)
    };
    let cases = [
        (changed(0x31, 2), HeaderField::HdrVersion, 2, 1),
        (changed(0x31, 0), HeaderField::HdrVersion, 0, 1),
        (changed(0x32, 0x70), HeaderField::HdrSize, 0x70, 0x60),
        (changed(0x33, 1), HeaderField::HdrSize, 0x160, 0x60),
        (changed(0x30, 0), HeaderField::Algo, 0, 1),
        (changed(0x30, 2), HeaderField::Algo, 2, 1),
        (changed(0x20, 6), HeaderField::MsgSeqno, 6, 8), // behind
        (changed(0x20, 7), HeaderField::MsgSeqno, 7, 8), // the request's own
        (changed(0x20, 10), HeaderField::MsgSeqno, 10, 8), // ahead
        (changed(0x27, 1), HeaderField::MsgSeqno, 1 << 56 | 8, 8),
        (changed(0x34, 3), HeaderField::MsgType, 3, 4), // the request's own
        (changed(0x34, 6), HeaderField::MsgType, 6, 4), // of another request
        (changed(0x35, 0), HeaderField::MsgVersion, 0, 1),
        (changed(0x35, 2), HeaderField::MsgVersion, 2, 1),
        (changed(0x3c, 0), HeaderField::MsgVmpck, 0, 2),
        (changed(0x3c, 4), HeaderField::MsgVmpck, 4, 2),
        (changed(0x36, 0x30), HeaderField::MsgSize, 0x30, 0x40), // short
        (changed(0x36, 0x50), HeaderField::MsgSize, 0x50, 0x40), // long
        (changed(0x36, 0), HeaderField::MsgSize, 0, 0x40),
        (changed(0x37, 0xff), HeaderField::MsgSize, 0xff40, 0x40),
    ];
    for (header, field, found, expected) in cases {
        let mut channel = respond(&key_request(), &key_response(header), |key| {
            let error = OpenError::Header(HeaderError { field, found, expected });
            assert_eq!(key.unwrap_err(), error);
        });
        stopped(&mut channel);
    }
}

/// Where several things are wrong, the first of them is told.
#[test]
fn the_order_of_header_checks() {
    let mut bytes = *header().bytes();
    bytes[0x20..].fill(0xee);
    let fields = [
        (HeaderField::HdrVersion, 0x31..0x32),
        (HeaderField::HdrSize, 0x32..0x34),
        (HeaderField::Algo, 0x30..0x31),
        (HeaderField::MsgSeqno, 0x20..0x28),
        (HeaderField::MsgType, 0x34..0x35),
        (HeaderField::MsgVersion, 0x35..0x36),
        (HeaderField::MsgVmpck, 0x3c..0x3d),
        (HeaderField::MsgSize, 0x36..0x38),
    ];
    let request = Header::new(MessageType::KEY_REQ, 1, 0x20, VMPCK, 7);
    for (field, place) in fields {
        let error = Header::from_bytes(&bytes).check_response(&request, 0x40).unwrap_err();
        assert_eq!(error.field, field);
        assert!(error.to_string().starts_with(&format!("{} of", name(field))));
        bytes[place.clone()].copy_from_slice(&header().bytes()[place]);
    }
    assert_eq!(Header::from_bytes(&bytes).check_response(&request, 0x40), Ok(()));
}

fn name(field: HeaderField) -> &'static str {
    match field {
        HeaderField::HdrVersion => "HDR_VERSION",
        HeaderField::HdrSize => "HDR_SIZE",
        HeaderField::Algo => "ALGO",
        HeaderField::MsgSeqno => "MSG_SEQNO",
        HeaderField::MsgType => "MSG_TYPE",
        HeaderField::MsgVersion => "MSG_VERSION",
        HeaderField::MsgVmpck => "MSG_VMPCK",
        HeaderField::MsgSize => "MSG_SIZE",
        other => panic!("{other:?} is new"),
    }
}

/// Reserved bytes are authenticated as they are received, and otherwise not looked at.
#[test]
fn reserved_header_bytes_as_received() {
    let mut bytes = *header().bytes();
    bytes[0x38..0x3c].fill(0x5a);
    bytes[0x3d..].fill(0xa5);
    let message = key_response(Header::from_bytes(&bytes));
    goes_on(&mut respond(&key_request(), &message, |key| assert!(key.is_ok())));
}

/// Every bit of a response: what is not authenticated does not matter, everything else stops the channel.
#[test]
fn every_bit() {
    let good = key_response(header());
    for bit in 0..good.len() * 8 {
        let mut message = good.clone();
        message[bit / 8] ^= 1 << (bit % 8);
        let is_free = matches!(bit / 8, 0x10..0x20 | 0x28..0x30);
        let mut channel = respond(&key_request(), &message, |key| match key {
            Ok(_) => assert!(is_free, "bit {bit}"),
            Err(OpenError::NotAuthentic | OpenError::Header(_)) => assert!(!is_free, "bit {bit}"),
            Err(other) => panic!("bit {bit}: {other}"),
        });
        if is_free { goes_on(&mut channel) } else { stopped(&mut channel) }
    }
}

#[test]
fn not_authentic() {
    let good = key_response(header());
    let mut tag = good.clone();
    tag[0] ^= 1;
    let other_key = sealed(&[1; 32], header(), &key_payload(Status::SUCCESS));
    let truncated = good[..good.len() - 1].to_vec();
    let only_a_header = good[..0x60].to_vec();
    for message in [tag, other_key, truncated, only_a_header] {
        let mut channel = respond(&key_request(), &message, |key| {
            assert_eq!(key.unwrap_err(), OpenError::NotAuthentic);
        });
        stopped(&mut channel);
    }
}

/// Nothing arrived: the page has what the guest wrote, or zeros.
#[test]
fn nothing_arrived() {
    let zeros = HeaderError { field: HeaderField::HdrVersion, found: 0, expected: 1 };
    stopped(&mut respond(&key_request(), &[0; 0xa0], |key| {
        assert_eq!(key.unwrap_err(), OpenError::Header(zeros));
    }));
    let echo = HeaderError { field: HeaderField::MsgSeqno, found: 7, expected: 8 };
    stopped(&mut respond(&key_request(), &[], |key| {
        assert_eq!(key.unwrap_err(), OpenError::Header(echo));
    }));
}

/// A status with a key inside gives no key, and the channel goes on.
#[test]
fn a_status_with_a_key_inside() {
    for status in [Status::INVALID_KEY, Status::INVALID_PARAM, Status(0x8000_0000)] {
        let message = sealed(&key_of(VMPCK), header(), &key_payload(status));
        let mut channel = respond(&key_request(), &message, |key: Result<DerivedKey, _>| {
            assert_eq!(key.unwrap_err(), OpenError::Status(status));
        });
        goes_on(&mut channel);
    }
}

/// An authentic report whose size is another.
#[test]
fn a_report_of_another_size() {
    let request = ReportRequest::new(&[7; 64]);
    let header = Header::new(MessageType::REPORT_RSP, 1, 0x4c0, VMPCK, 8);
    let mut payload = [0x11; 0x4c0];
    payload[..8].copy_from_slice(&[0, 0, 0, 0, 0xa1, 4, 0, 0]);
    let message = sealed(&key_of(VMPCK), header, &payload);
    goes_on(&mut respond(&request, &message, |report| {
        assert_eq!(report.unwrap_err(), OpenError::Payload { offset: 4 });
    }));
    payload[4] = 0xa0;
    let message = sealed(&key_of(VMPCK), header, &payload);
    goes_on(&mut respond(&request, &message, |report| assert_eq!(report.unwrap(), &[0x11; 1184])));
}

/// What the exit to the hypervisor gives.
#[test]
fn exits() {
    let stops = [
        (Exit::Plain, 1 << 32), // INVALID_LEN to a request without pages
        (Exit::Extended, 1 << 32 | 1),
        (Exit::Extended, 2 << 32 | 1),
        (Exit::Plain, 3 << 32),
        (Exit::Plain, 0x0b),
        (Exit::Plain, 0x1d),
        (Exit::Extended, u64::MAX),
    ];
    for (exit, exit_info_2) in stops {
        let (mut channel, mut buffer) = (guest(VMPCK, 6), MessageBuffer::new());
        let request = channel.seal(&key_request(), &mut buffer).unwrap();
        let error = request.returned(exit, exit_info_2).unwrap_err();
        assert_eq!(error.vmm_error(), (exit_info_2 >> 32) as u32);
        assert_eq!(error.status(), Status(exit_info_2 as u32));
        assert!(error.to_string().contains(&format!("said {:#x}", exit_info_2 >> 32)));
        stopped(&mut channel);
    }

    // Busy, then too few pages, then a response: three times the same bytes.
    let (mut channel, mut buffer) = (guest(VMPCK, 6), MessageBuffer::new());
    let request = channel.seal(&key_request(), &mut buffer).unwrap();
    let first = request.bytes().to_vec();
    let Next::SendAgain(request) =
        named("SendAgain", request.returned(Exit::Extended, 2 << 32).unwrap())
    else {
        panic!("busy")
    };
    assert_eq!(request.bytes(), first);
    let Next::SendAsPlain(request) =
        named("SendAsPlain", request.returned(Exit::Extended, 1 << 32).unwrap())
    else {
        panic!("too few pages")
    };
    assert_eq!(request.bytes(), first);
    let Next::Open(request) = named("Open", request.returned(Exit::Plain, 0).unwrap()) else {
        panic!("success")
    };
    assert_eq!((request.bytes(), request.response_len()), (&first[..], 0xa0));
    request.open(|copy| copy.copy_from_slice(&key_response(header()))).unwrap();
    goes_on(&mut channel);
    assert_eq!((Exit::Plain.code(), Exit::Extended.code()), (0x8000_0011, 0x8000_0012));
}

/// A request that is given up, and one that is leaked.
#[test]
fn given_up() {
    let (mut channel, mut buffer) = (guest(VMPCK, 6), MessageBuffer::new());
    drop(channel.seal(&key_request(), &mut buffer).unwrap());
    stopped(&mut channel);

    let mut channel = guest(VMPCK, 6);
    std::mem::forget(channel.seal(&key_request(), &mut buffer).unwrap());
    assert!(!channel.is_stopped());
    let error = channel.seal(&key_request(), &mut buffer).unwrap_err();
    assert_eq!(error, ChannelError::Abandoned);
    stopped(&mut channel);
}

/// A panic of the caller's on the way is a request that is given up.
#[test]
fn a_panic_on_the_way() {
    let mut channel = guest(VMPCK, 6);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut buffer = MessageBuffer::new();
        let request = channel.seal(&key_request(), &mut buffer).unwrap();
        request.open(|_| panic!("on purpose")).map(drop)
    }));
    assert!(result.is_err());
    stopped(&mut channel);
}

#[test]
fn keys_and_counts_that_make_no_channel() {
    let new = |key: &[u8; 32], count, width| {
        GuestChannel::new(key, VMPCK, count, width, Backend::best()).map(|channel| channel.count())
    };
    use CountWidth::{Bits32, Bits64};
    assert_eq!(new(&[0; 32], 0, Bits64), Err(ChannelError::EmptyKey));
    let mut key = [0; 32];
    key[31] = 1;
    assert_eq!(new(&key, 0, Bits64), Ok(0));
    assert_eq!(new(&key, 7, Bits64), Err(ChannelError::OddCount { count: 7 }));

    let last = u64::MAX - 3;
    assert_eq!(new(&key, last, Bits64), Ok(last));
    assert_eq!(new(&key, last + 2, Bits64), Err(ChannelError::CountLimit { count: last + 2 }));
    // The number, count + 1, must be below 2^32 - 1.
    let last = u64::from(u32::MAX) - 3;
    assert_eq!(new(&key, last, Bits32), Ok(last));
    assert_eq!(new(&key, last + 2, Bits32), Err(ChannelError::CountLimit { count: last + 2 }));
}

/// The last number is used; then the channel stops.
#[test]
fn the_last_number() {
    for (width, last) in
        [(CountWidth::Bits32, u64::from(u32::MAX) - 3), (CountWidth::Bits64, u64::MAX - 3)]
    {
        let mut channel =
            GuestChannel::new(&key_of(VMPCK), VMPCK, last, width, Backend::best()).unwrap();
        let mut buffer = MessageBuffer::new();
        let request = channel.seal(&key_request(), &mut buffer).unwrap();
        let header = Header::new(MessageType::KEY_RSP, 1, 0x40, VMPCK, last + 2);
        request.open(|copy| copy.copy_from_slice(&key_response(header))).unwrap();
        assert_eq!((channel.count(), channel.is_stopped()), (last + 2, false));
        let error = channel.seal(&key_request(), &mut buffer).unwrap_err();
        assert_eq!(error, ChannelError::CountLimit { count: last + 2 });
        assert!(channel.is_stopped());
        let error = channel.seal(&key_request(), &mut buffer).unwrap_err();
        assert_eq!(error, ChannelError::Stopped);
    }
}

/// A request of the caller's own that breaks the rules of lengths: nothing is sealed, and the channel goes on.
#[test]
fn payloads_that_do_not_fit() {
    struct Odd(Option<usize>, usize);
    impl Request for Odd {
        const TYPE: MessageType = MessageType(0x13);
        type Response<'b> = ();
        fn response_len(&self) -> usize {
            self.1
        }
        fn encode(&self, _: &mut [u8]) -> Option<usize> {
            self.0
        }
        fn parse_response(_: &mut [u8]) -> Result<(), OpenError> {
            Ok(())
        }
    }
    let mut buffer = MessageBuffer::new();
    let mut channel = guest(VMPCK, 6);
    for (len, response_len) in [
        (None, 16),
        (Some(0), 16),
        (Some(17), 16),
        (Some(4016), 16),
        (Some(usize::MAX), 16),
        (Some(16), 0),
        (Some(16), 24),
        (Some(16), 4016),
        (Some(16), 1 << 16),
    ] {
        let error = channel.seal(&Odd(len, response_len), &mut buffer).unwrap_err();
        assert_eq!(error, ChannelError::PayloadLen, "{len:?} {response_len}");
        assert!(!channel.is_stopped());
    }
    let longest = channel.seal(&Odd(Some(4000), 4000), &mut buffer).unwrap();
    assert_eq!((longest.bytes().len(), longest.header().sequence()), (4096, 7));
}

/// Requests of the caller's own that panic: before the seal no number is used, after the opening it is.
#[test]
fn requests_that_panic() {
    struct Panics {
        before: bool,
    }
    impl Request for Panics {
        const TYPE: MessageType = MessageType::KEY_REQ;
        type Response<'b> = ();
        fn response_len(&self) -> usize {
            0x40
        }
        fn encode(&self, _: &mut [u8]) -> Option<usize> {
            assert!(!self.before, "on purpose");
            Some(0x20)
        }
        fn parse_response(_: &mut [u8]) -> Result<(), OpenError> {
            panic!("on purpose")
        }
    }
    for before in [true, false] {
        let mut channel = guest(VMPCK, 6);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut buffer = MessageBuffer::new();
            let request = channel.seal(&Panics { before }, &mut buffer).unwrap();
            request.open(|copy| copy.copy_from_slice(&key_response(header())))
        }));
        assert!(result.is_err());
        if before {
            let mut buffer = MessageBuffer::new();
            let request = channel.seal(&key_request(), &mut buffer).unwrap();
            assert_eq!(request.header().sequence(), 7);
        } else {
            goes_on(&mut channel);
        }
    }
}

/// Where several things are wrong with a channel, the first is told.
#[test]
fn pairs_of_mistakes() {
    let new = |key: &[u8; 32], count| {
        GuestChannel::new(key, VMPCK, count, CountWidth::Bits32, Backend::best()).map(drop)
    };
    assert_eq!(new(&[0; 32], u64::MAX), Err(ChannelError::EmptyKey));
    assert_eq!(new(&[1; 32], u64::MAX), Err(ChannelError::OddCount { count: u64::MAX }));

    let mut buffer = MessageBuffer::new();
    let last = u64::from(u32::MAX) - 3;
    let at_the_end = || {
        GuestChannel::new(&key_of(VMPCK), VMPCK, last, CountWidth::Bits32, Backend::best()).unwrap()
    };
    let mut channel = at_the_end();
    std::mem::forget(channel.seal(&key_request(), &mut buffer).unwrap());
    let error = channel.seal(&key_request(), &mut buffer).unwrap_err();
    assert_eq!(error, ChannelError::Abandoned);
    let mut channel = at_the_end();
    std::mem::forget(channel.seal(&key_request(), &mut buffer).unwrap());
    channel.stop();
    let error = channel.seal(&key_request(), &mut buffer).unwrap_err();
    assert_eq!(error, ChannelError::Stopped);

    // A tag that is wrong, too, or a status that nobody vouches for.
    let mut header_and_tag = key_response(header());
    header_and_tag[0] ^= 1;
    header_and_tag[0x3c] ^= 1;
    let wrong = HeaderError { field: HeaderField::MsgVmpck, found: 3, expected: 2 };
    stopped(&mut respond(&key_request(), &header_and_tag, |key| {
        assert_eq!(key.unwrap_err(), OpenError::Header(wrong));
    }));
    let refused = sealed(&[1; 32], header(), &key_payload(Status::INVALID_KEY));
    stopped(&mut respond(&key_request(), &refused, |key| {
        assert_eq!(key.unwrap_err(), OpenError::NotAuthentic);
    }));
}

/// A channel that has stopped holds its key no more, also where it still exists; a dropped one holds nothing of it.
#[test]
fn keys_leave_nothing() {
    let key: [u8; 32] = std::array::from_fn(|i| (0x9d * (i + 3)) as u8 ^ 0x51);
    for backend in Backend::available() {
        let new = || GuestChannel::new(&key, VMPCK, 0, CountWidth::Bits64, backend).unwrap();
        let (before, after) = dropped(new());
        assert_eq!(longest_stretch(&before, &key), 32, "{backend}: there was a key");
        assert!(longest_stretch(&after, &key) < 3, "{backend}");

        let mut channel = new();
        let mut buffer = MessageBuffer::new();
        drop(channel.seal(&key_request(), &mut buffer).unwrap());
        let (stopped, _) = dropped(channel);
        assert!(longest_stretch(&stopped, &key) < 3, "{backend}");
        let written = stopped.iter().filter(|byte| **byte != 0).count();
        assert!(written < 64, "{backend}: {written} bytes are not zero, as round keys would be");
        let (before, after) = dropped(buffer);
        assert!(before.iter().filter(|byte| **byte != 0).count() > 32, "there was a message");
        assert!(after.iter().all(|byte| *byte == 0), "{backend}: a buffer keeps its message");

        let channels = FirmwareChannels::new(&[key; 4], [0; 4], backend);
        let (before, after) = dropped(channels);
        assert_eq!(longest_stretch(&before, &key), 32);
        assert!(longest_stretch(&after, &key) < 3, "{backend}");
    }
}

#[test]
fn errors_have_texts() {
    let errors: [&dyn std::error::Error; 9] = [
        &ChannelError::EmptyKey,
        &ChannelError::OddCount { count: 7 },
        &ChannelError::CountLimit { count: 8 },
        &ChannelError::Stopped,
        &ChannelError::Abandoned,
        &ChannelError::PayloadLen,
        &ChannelError::HighWord { count: 1 << 32 },
        &OpenError::NotAuthentic,
        &OpenError::Payload { offset: 4 },
    ];
    let texts: std::collections::BTreeSet<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), errors.len());
    assert!(texts.iter().all(|text| text.len() > 20));
    let refused = OpenError::Status(Status::INVALID_KEY).to_string();
    assert_eq!(refused, "the firmware refused the request: status 0x27 (INVALID_KEY)");
}

/// Nothing prints a key.
#[test]
fn debug() {
    let (mut channel, mut buffer) = (guest(VMPCK, 6), MessageBuffer::new());
    let expected = "GuestChannel { vmpck: Vmpck(2), count: 6, is_stopped: false, .. }";
    assert_eq!(format!("{channel:?}"), expected);
    assert_eq!(format!("{buffer:?}"), "MessageBuffer(..)");
    let request = channel.seal(&key_request(), &mut buffer).unwrap();
    assert!(format!("{request:?}").starts_with("InFlight { header: Header { sequence: 7"));
}
