//! The cases `message-seal-report` and `message-open-report` of the group `gcm`: a guest's end of one request for a report.
//!
//! A [`GuestChannel`] seals its next request only when the response to the one before was opened, so that one call cannot be
//! made many times in a row. Instead, [`BATCH`] channels with keys of their own seal a request each: that is timed. Then,
//! outside of the measurement, the firmware's end opens each request and seals its response. Then each channel copies and opens
//! its response, to the report's bytes: that is timed, too. So nothing is left out of either, and all go on with the next
//! number. Few channels, so that they stay in the L1 cache; what reading the clock takes is measured and taken off; each
//! call waits for a byte of what the one before has made.
//!
//! The baseline does what a guest cannot do without: AWS-LC seals the same 96 bytes of payload, and opens the same response,
//! copied likewise, with the header's 48 bytes of additional data, by contexts that are set up. It makes no header and
//! checks none, keeps no count and wipes nothing.

use std::hint::black_box;
use std::time::{Duration, Instant};

use sevcrypt::Backend;
use sevcrypt::gcm::Tag;
use sevcrypt::snp::message::{
    CountWidth, FirmwareChannels, GuestChannel, Header, MessageBuffer, MessageType, ReportRequest,
    Request, Response, Vmpck, nonce,
};
use sevcrypt_cli::measure::{self, Measured, Row};

use crate::evp::AwsLcGcm;

/// Channels that are used in turn.
const BATCH: usize = 8;
/// So many batches are one sample.
const BATCHES: u32 = 50;
const ROUNDS: usize = 14;
const REPORT_DATA: [u8; 64] = [0x5a; 64];
const REPORT: [u8; 1184] = [0xa5; 1184];
const REQUEST: usize = ReportRequest::LEN;
const RESPONSE: usize = 0x20 + REPORT.len();

fn key(lane: usize) -> [u8; 32] {
    [lane as u8 + 1; 32]
}

/// How long the calls of a batch took: the seals, and the opens.
type Times = [Duration; 2];

/// The last request of a batch: its tag and its ciphertext.
type Sealed = (Tag, [u8; REQUEST]);

/// A number of guests.
trait Guests {
    fn batch(&mut self) -> (Times, Sealed);
}

struct Channel {
    guest: GuestChannel,
    firmware: FirmwareChannels,
    buffer: MessageBuffer,
    response: [u8; Header::LEN + RESPONSE],
}

impl Channel {
    fn new(lane: usize, backend: Backend) -> Self {
        let (key, vmpck) = (key(lane), Vmpck::VMPCK0);
        let guest = GuestChannel::new(&key, vmpck, 0, CountWidth::Bits64, backend);
        Self {
            guest: guest.expect("a key"),
            firmware: FirmwareChannels::new(&[key; 4], [0; 4], backend),
            buffer: MessageBuffer::new(),
            response: [0; Header::LEN + RESPONSE],
        }
    }
}

impl Guests for Vec<Channel> {
    fn batch(&mut self) -> (Times, Sealed) {
        let (zero, mut last) = (black_box(0), 0);
        let mut on_their_way = Vec::with_capacity(BATCH);
        let start = Instant::now();
        for Channel { guest, firmware, buffer, response } in self {
            let mut report_data = REPORT_DATA;
            report_data[0] ^= last & zero;
            let request = ReportRequest::new(black_box(&report_data));
            let request = guest.seal(&request, buffer).expect("the channel goes on");
            last = request.bytes()[Header::LEN];
            on_their_way.push((request, firmware, response));
        }
        let seals = start.elapsed();

        let mut sealed = ([0; 16], [0; REQUEST]);
        let mut page = MessageBuffer::new();
        for (request, firmware, response) in &mut on_their_way {
            let bytes = request.bytes();
            sealed.0 = *request.header().tag();
            sealed.1.copy_from_slice(&bytes[Header::LEN..]);
            let opened =
                firmware.open(&mut page, |page| page[..bytes.len()].copy_from_slice(bytes));
            let answer = opened.expect("it is right").respond(Ok(Response::Report(&REPORT)));
            response.copy_from_slice(answer.expect("it is the answer"));
        }

        let start = Instant::now();
        for (request, _, response) in on_their_way {
            let at = usize::from(last & zero);
            let report = request.open(|bytes| bytes.copy_from_slice(black_box(&response[at..])));
            last = report.expect("it is right")[0];
        }
        ([seals, start.elapsed()], sealed)
    }
}

struct AwsLc {
    key: AwsLcGcm,
    sequence: u64,
    message: [u8; Header::LEN + RESPONSE],
    response: [u8; RESPONSE],
    tag: Tag,
}

impl AwsLc {
    fn new(lane: usize) -> Self {
        Self {
            key: AwsLcGcm::new(&key(lane)),
            sequence: 1,
            message: [0; Header::LEN + RESPONSE],
            response: [0; RESPONSE],
            tag: [0; 16],
        }
    }
}

/// The additional data of a header.
fn aad(message_type: MessageType, len: usize) -> [u8; 48] {
    *Header::new(message_type, 1, len as u16, Vmpck::VMPCK0, 1).aad()
}

impl Guests for Vec<AwsLc> {
    fn batch(&mut self) -> (Times, Sealed) {
        let (zero, mut last) = (black_box(0), 0);
        let aads = [(MessageType::REPORT_REQ, REQUEST), (MessageType::REPORT_RSP, RESPONSE)]
            .map(|(message_type, len)| aad(message_type, len));
        let mut payload = [0; REQUEST];
        ReportRequest::new(&REPORT_DATA).encode(&mut payload).expect("it fits");
        let start = Instant::now();
        for AwsLc { key, sequence, message, .. } in &mut *self {
            let (header, text) = message.split_at_mut(Header::LEN);
            let text = &mut text[..REQUEST];
            text.copy_from_slice(black_box(&payload));
            text[0] ^= last & zero;
            let tag = key.seal(&nonce(*sequence), black_box(&aads[0]), text);
            header[..16].copy_from_slice(&tag);
            last = text[0];
        }
        let seals = start.elapsed();

        let mut sealed = ([0; 16], [0; REQUEST]);
        for AwsLc { key, sequence, message, response, tag } in &mut *self {
            sealed.0.copy_from_slice(&message[..16]);
            sealed.1.copy_from_slice(&message[Header::LEN..][..REQUEST]);
            response.fill(0);
            response[0x20..].copy_from_slice(&REPORT);
            *tag = key.seal(&nonce(*sequence + 1), &aads[1], response);
        }

        let start = Instant::now();
        for AwsLc { key, sequence, message, response, tag } in &mut *self {
            let text = &mut message[Header::LEN..];
            text.copy_from_slice(black_box(&response[usize::from(last & zero)..]));
            let opened = key.open(&nonce(*sequence + 1), black_box(&aads[1]), text, tag);
            assert!(opened, "the tag is right");
            *sequence += 2;
            last = text[0x20];
        }
        let opens = start.elapsed();
        black_box(last);
        ([seals, opens], sealed)
    }
}

/// Who takes part: the name, the bound and the guests.
type Contestant = (String, f64, Box<dyn Guests>);

fn contestants() -> Vec<Contestant> {
    let mut all: Vec<Contestant> = Vec::new();
    for backend in Backend::available() {
        let guests: Vec<_> = (0..BATCH).map(|lane| Channel::new(lane, backend)).collect();
        let bound = measure::backend_bound(ROUNDS, backend);
        all.push((format!("sevcrypt-{backend}"), bound, Box::new(guests)));
    }
    let guests: Vec<_> = (0..BATCH).map(AwsLc::new).collect();
    let bound = measure::aes_bound(ROUNDS, measure::aes_unit_bits());
    all.push(("aws-lc".to_owned(), bound, Box::new(guests)));
    all
}

/// Checks that all seal the same, also with the second number.
fn same_messages(contestants: &mut [Contestant]) -> Result<(), String> {
    for _ in 0..2 {
        let mut first = None;
        for (name, _, guests) in &mut *contestants {
            let (_, sealed) = guests.batch();
            if *first.get_or_insert(sealed) != sealed {
                return Err(format!("message-seal-report: {name} makes another message"));
            }
        }
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measures all in turn, on one thread: the rows of each case.
///
/// # Errors
/// Two do not seal the same message.
pub(crate) fn rows(budget: Duration) -> Result<[Vec<Row>; 2], String> {
    let mut contestants = contestants();
    same_messages(&mut contestants)?;
    let clock = (0..1001).map(|_| Instant::now().elapsed().as_nanos() as f64).collect();
    let reading_the_clock = median(clock);

    let mut samples = vec![[const { Vec::new() }; 2]; contestants.len()];
    let start = Instant::now();
    for round in 0.. {
        if round >= 5 && start.elapsed() >= budget {
            break;
        }
        let count = contestants.len();
        for index in (0..count).map(|index| (index + round) % count) {
            let guests = &mut contestants[index].2;
            let mut sum = [Duration::ZERO; 2];
            for _ in 0..BATCHES {
                let (times, _) = guests.batch();
                sum.iter_mut().zip(times).for_each(|(sum, time)| *sum += time);
            }
            for (samples, sum) in samples[index].iter_mut().zip(sum) {
                let batch = sum.as_nanos() as f64 / f64::from(BATCHES) - reading_the_clock;
                samples.push(batch / BATCH as f64);
            }
        }
    }
    let ghz = measure::clock_ghz();
    let case = |part: usize, name: &str, bytes: usize| {
        contestants
            .iter()
            .zip(&samples)
            .map(|((implementation, bound, _), samples)| {
                let ns = median(samples[part].clone());
                let measured = Measured { ns, c64: ns * ghz * 64.0 / bytes as f64 };
                Row {
                    group: "gcm",
                    case: name.to_owned(),
                    implementation: implementation.clone(),
                    bytes,
                    measured,
                    bound: Some(*bound),
                }
            })
            .collect()
    };
    Ok([case(0, NAMES[0], REQUEST), case(1, NAMES[1], RESPONSE)])
}

/// The names of the cases.
pub(crate) const NAMES: [&str; 2] = ["message-seal-report", "message-open-report"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_seal_the_same_messages() {
        for rows in rows(Duration::ZERO).unwrap() {
            assert_eq!(rows.len(), Backend::available().count() + 1);
            assert!(rows.iter().all(|row| row.measured.ns > 0.0));
        }
    }

    #[test]
    fn another_message_is_an_error() {
        let mut contestants = contestants();
        contestants[1].2.batch();
        let error = same_messages(&mut contestants).unwrap_err();
        assert!(error.ends_with(" makes another message"), "{error}");
    }
}
