//! Every bad request to the firmware, one by one, with its status and the counts afterwards.

use sevcrypt::Status;
use sevcrypt::snp::message::{
    FirmwareChannels, Header, MessageBuffer, MessageType, Response, TscInfo, Vmpck, WrongResponse,
};

use crate::{firmware, key_of, open, sealed};

const VMPCK: Vmpck = Vmpck::VMPCK1;
const COUNTS: [u64; 4] = [0, 6, 2, 4];

fn header() -> Header {
    Header::new(MessageType::TSC_INFO_REQ, 1, 0x80, VMPCK, 7)
}

fn message(header: Header) -> Vec<u8> {
    sealed(&key_of(VMPCK), header, &[0; 0x80])
}

fn with(at: usize, to: u8) -> Header {
    let mut bytes = *header().bytes();
    bytes[at] = to;
    Header::from_bytes(&bytes)
}

fn counts(channels: &FirmwareChannels) -> [u64; 4] {
    Vmpck::ALL.map(|vmpck| channels.count(vmpck))
}

fn check(message: &[u8], expected: Result<(), Status>) {
    let mut channels = firmware(COUNTS);
    let mut buffer = MessageBuffer::new();
    let result = open(&mut channels, &mut buffer, message).map(drop);
    assert_eq!(result, expected);
    assert_eq!(counts(&channels), COUNTS, "opening moves nothing");
}

#[test]
fn statuses() {
    check(&message(header()), Ok(()));
    let invalid = Err(Status::INVALID_PARAM);
    for header in [
        with(0x30, 0), // ALGO
        with(0x30, 2),
        with(0x31, 0), // HDR_VERSION
        with(0x31, 2),
        with(0x32, 0x50), // HDR_SIZE
        with(0x33, 1),
        with(0x36, 0), // MSG_SIZE
        with(0x36, 0x81),
        with(0x37, 0x10), // beyond the page
        with(0x3c, 4),    // MSG_VMPCK
        with(0x3c, 0xff),
        with(0x35, 0), // MSG_VERSION
        with(0x35, 2),
        with(0x34, 0),    // MSG_TYPE
        with(0x34, 0x12), // a response
        with(0x34, 0x13),
        with(0x34, 0xff),
    ] {
        check(&message(header), invalid);
    }
    for sequence in [0, 5, 6, 8, 9, 7 + (1 << 32), u64::MAX] {
        let header = Header::new(MessageType::TSC_INFO_REQ, 1, 0x80, VMPCK, sequence);
        check(&message(header), Err(Status::AEAD_OFLOW));
    }
    // Another key than the one that the header names.
    let other = Header::new(MessageType::TSC_INFO_REQ, 1, 0x80, Vmpck::VMPCK2, 3);
    check(&message(other), Err(Status::BAD_MEASUREMENT));
    check(&sealed(&key_of(Vmpck::VMPCK2), other, &[0; 0x80]), Ok(()));
}

/// The longest payload is one that the page has room for.
#[test]
fn the_longest_payload() {
    for (len, expected) in [(0xfa0, Ok(())), (0xfb0, Err(Status::INVALID_PARAM))] {
        let header = Header::new(MessageType::TSC_INFO_REQ, 1, len, VMPCK, 7);
        let mut message = sealed(&key_of(VMPCK), header, &vec![0; len.into()]);
        message.truncate(4096);
        check(&message, expected);
        assert_eq!(header.check_request().map(drop), expected);
    }
}

/// What is checked first wins.
#[test]
fn the_order_of_checks() {
    // Header, then tag.
    let mut bytes = message(with(0x31, 2));
    bytes[0] ^= 1;
    check(&bytes, Err(Status::INVALID_PARAM));
    // Tag, then number: what is corrupted is not told that its number is wrong.
    let old = Header::new(MessageType::TSC_INFO_REQ, 1, 0x80, VMPCK, 5);
    let mut bytes = message(old);
    bytes[0x60] ^= 1;
    check(&bytes, Err(Status::BAD_MEASUREMENT));
    // Number, then version and type.
    check(&message(Header::new(MessageType(0xff), 0, 0x80, VMPCK, 5)), Err(Status::AEAD_OFLOW));
}

/// Each two of the firmware's checks: what is checked first says the status.
#[test]
fn pairs_of_mistakes() {
    const INVALID: Status = Status::INVALID_PARAM;
    // In the firmware's order: a place in the header, what stands there, the status. `None` is the tag.
    let mistakes: [(Option<(usize, u8)>, Status); 11] = [
        (Some((0x31, 2)), INVALID),            // HDR_VERSION
        (Some((0x32, 0x50)), INVALID),         // HDR_SIZE
        (Some((0x30, 2)), INVALID),            // ALGO
        (Some((0x36, 0)), INVALID),            // MSG_SIZE
        (Some((0x37, 0x10)), INVALID),         // beyond the page
        (Some((0x3c, 4)), INVALID),            // MSG_VMPCK
        (None, Status::BAD_MEASUREMENT),       // AUTHTAG
        (Some((0x20, 5)), Status::AEAD_OFLOW), // MSG_SEQNO
        (Some((0x27, 1)), Status::AEAD_OFLOW),
        (Some((0x35, 0)), INVALID),    // MSG_VERSION
        (Some((0x34, 0x13)), INVALID), // MSG_TYPE
    ];
    for (first, (_, expected)) in mistakes.iter().enumerate() {
        for second in first..mistakes.len() {
            let mut bytes = *header().bytes();
            let both = [mistakes[first].0, mistakes[second].0];
            for (at, to) in both.into_iter().flatten() {
                bytes[at] = to;
            }
            let mut message = message(Header::from_bytes(&bytes));
            if both.contains(&None) {
                message[0x0f] ^= 0x80;
            }
            check(&message, Err(*expected));
        }
    }
}

/// A count without a next one is told before what the message is, and after its tag.
#[test]
fn a_used_up_count_among_other_mistakes() {
    let last = u64::MAX - 1;
    let status = |message: &[u8]| {
        open(&mut firmware([last; 4]), &mut MessageBuffer::new(), message).map(drop).unwrap_err()
    };
    let header = Header::new(MessageType(0x13), 9, 0x80, VMPCK, last + 1);
    let mut message = message(header);
    assert_eq!(status(&message), Status::AEAD_OFLOW);
    message[0x60] ^= 1;
    assert_eq!(status(&message), Status::BAD_MEASUREMENT);
}

/// An opened request that is not answered, or not rightly, moves nothing: the same bytes are opened again.
#[test]
fn not_answered() {
    let (mut channels, mut buffer) = (firmware(COUNTS), MessageBuffer::new());
    let message = message(header());
    assert!(open(&mut channels, &mut buffer, &message).is_ok());
    let wrong = open(&mut channels, &mut buffer, &message).unwrap().respond(Ok(Response::Done));
    assert_eq!(wrong, Err(WrongResponse));
    assert_eq!(counts(&channels), COUNTS);
    assert!(open(&mut channels, &mut buffer, &message).is_ok());
}

/// Every bit: what the firmware does not look at does not matter.
#[test]
fn every_bit() {
    let good = message(header());
    for bit in 0..good.len() * 8 {
        let mut message = good.clone();
        message[bit / 8] ^= 1 << (bit % 8);
        let result = open(&mut firmware(COUNTS), &mut MessageBuffer::new(), &message).map(drop);
        let expected = match bit / 8 {
            0x10..0x20 | 0x28..0x30 => Ok(()),
            0x30..0x34 => Err(Status::INVALID_PARAM),
            // A length or an index that may be.
            0x36 if bit % 8 > 3 => Err(Status::BAD_MEASUREMENT),
            0x37 if bit % 8 < 4 => Err(Status::BAD_MEASUREMENT),
            0x3c if bit % 8 < 2 => Err(Status::BAD_MEASUREMENT),
            0x36 | 0x37 | 0x3c => Err(Status::INVALID_PARAM),
            _ => Err(Status::BAD_MEASUREMENT),
        };
        // Bit 7 of MSG_SIZE's low byte is its only one: without it, the length is zero.
        let expected = if bit == 0x36 * 8 + 7 { Err(Status::INVALID_PARAM) } else { expected };
        assert_eq!(result, expected, "bit {bit}");
    }
}

/// The same request again, after its answer.
#[test]
fn replay() {
    let (mut channels, mut buffer) = (firmware(COUNTS), MessageBuffer::new());
    let message = message(header());
    let opened = open(&mut channels, &mut buffer, &message).unwrap();
    opened.respond(Ok(Response::TscInfo(TscInfo::default()))).unwrap();
    assert_eq!(counts(&channels), [0, 8, 2, 4]);
    let status = open(&mut channels, &mut buffer, &message).unwrap_err();
    assert_eq!(status, Status::AEAD_OFLOW);
    assert_eq!(counts(&channels), [0, 8, 2, 4]);
}

#[test]
fn the_last_number() {
    let last = u64::MAX - 1;
    let mut channels = firmware([0, last - 2, last, 0]);
    let mut buffer = MessageBuffer::new();
    let header = Header::new(MessageType::TSC_INFO_REQ, 1, 0x80, VMPCK, last - 1);
    let opened = open(&mut channels, &mut buffer, &message(header)).unwrap();
    let answer = opened.respond(Err(Status::INVALID_PARAM)).unwrap();
    assert_eq!(Header::from_bytes(answer.first_chunk().unwrap()).sequence(), last);
    assert_eq!(channels.count(VMPCK), last);
    for sequence in [last - 1, last, u64::MAX, 0, 1] {
        let header = Header::new(MessageType::TSC_INFO_REQ, 1, 0x80, VMPCK, sequence);
        let status = open(&mut channels, &mut buffer, &message(header)).unwrap_err();
        assert_eq!(status, Status::AEAD_OFLOW);
    }
}

#[test]
fn versions() {
    let result = |channels: FirmwareChannels, message_type, version| {
        let header = Header::new(message_type, version, 0x80, VMPCK, 7);
        let mut channels = channels;
        open(&mut channels, &mut MessageBuffer::new(), &message(header)).map(drop)
    };
    let invalid = Err(Status::INVALID_PARAM);
    let channels = || firmware(COUNTS).with_max_version(MessageType::KEY_REQ, 2);
    for (message_type, version, expected) in [
        (MessageType::KEY_REQ, 0, invalid),
        (MessageType::KEY_REQ, 1, Ok(())),
        (MessageType::KEY_REQ, 2, Ok(())),
        (MessageType::KEY_REQ, 3, invalid),
        (MessageType::CPUID_REQ, 2, invalid),
        (MessageType::REPORT_REQ, 2, invalid),
        (MessageType::TSC_INFO_REQ, 2, invalid),
        (MessageType::TSC_INFO_REQ, 1, Ok(())),
    ] {
        assert_eq!(result(channels(), message_type, version), expected, "{message_type} {version}");
    }
    // One type's version is no other's.
    for other in [MessageType::CPUID_REQ, MessageType::REPORT_REQ, MessageType::TSC_INFO_REQ] {
        let channels = || firmware(COUNTS).with_max_version(other, 2);
        assert_eq!(result(channels(), other, 2), Ok(()), "{other}");
        assert_eq!(result(channels(), MessageType::KEY_REQ, 2), invalid, "{other}");
    }
    // A response's number, or one without a name, means no type of request.
    for message_type in [MessageType::KEY_RSP, MessageType(0x13), MessageType(0xff)] {
        let channels = firmware(COUNTS).with_max_version(message_type, 9);
        assert_eq!(result(channels, MessageType::KEY_REQ, 2), invalid);
    }
}

/// A response to something else is the platform's mistake, and nothing is sealed.
#[test]
fn wrong_responses() {
    let wrong = [Err(Status::SUCCESS), Ok(Response::Done), Ok(Response::Report(&[0; 1184]))];
    for response in wrong {
        let (mut channels, mut buffer) = (firmware(COUNTS), MessageBuffer::new());
        let opened = open(&mut channels, &mut buffer, &message(header())).unwrap();
        assert_eq!(opened.respond(response), Err(WrongResponse));
        assert_eq!(counts(&channels), COUNTS);
    }
    let (mut channels, mut buffer) = (firmware(COUNTS), MessageBuffer::new());
    let opened = open(&mut channels, &mut buffer, &message(header())).unwrap();
    assert_eq!(opened.absorb(), Err(WrongResponse));
    assert_eq!(counts(&channels), COUNTS);
    assert!(WrongResponse.to_string().contains("type"));
}

#[test]
fn debug() {
    let (mut channels, mut buffer) = (firmware(COUNTS), MessageBuffer::new());
    assert_eq!(format!("{channels:?}"), "FirmwareChannels { counts: [0, 6, 2, 4], .. }");
    let opened = open(&mut channels, &mut buffer, &message(header())).unwrap();
    assert!(format!("{opened:?}").starts_with("Opened { header: Header {"));
}
