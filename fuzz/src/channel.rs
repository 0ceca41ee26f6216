//! Guest messages between both ends, over a host that does what the input says: it loses, repeats, exchanges and changes them.

use std::collections::HashMap;

use sevcrypt::snp::message::{
    ChannelError, Exit, FirmwareChannels, GuestChannel, GuestRequest, Header, InFlight,
    MessageBuffer, Next, OpenError, ReportRequest, Request, Response, TscInfo, TscInfoRequest,
    Vmpck,
};
use sevcrypt::snp::secrets::SecretsPage;
use sevcrypt::{Backend, Page, Status};

use crate::check_error;

const TAKEN: [Vmpck; 2] = [Vmpck::VMPCK0, Vmpck::VMPCK3];
const KEYS: [[u8; 32]; 4] = [[1; 32], [2; 32], [3; 32], [4; 32]];
const STEP: usize = 10;

/// What the host hands on: the message that is due, or an older one, with a byte changed.
#[derive(Clone, Copy)]
struct Delivery {
    which: u8,
    at: usize,
    change: u8,
}

impl Delivery {
    fn new([which, low, high, change]: [u8; 4]) -> Self {
        Self { which, at: u16::from_le_bytes([low, high]).into(), change }
    }

    fn page(self, due: &[u8], older: &[Vec<u8>]) -> Box<Page> {
        let older = older.get(usize::from(self.which.wrapping_sub(1)));
        let message = older.map_or(due, Vec::as_slice);
        let mut page = Box::new([0; 4096]);
        page[..message.len()].copy_from_slice(message);
        page[self.at % message.len().max(Header::LEN)] ^= self.change;
        page
    }
}

/// Who has sealed what.
#[derive(Default)]
struct Sealed {
    messages: HashMap<(Vmpck, u64), Vec<u8>>,
    requests: Vec<Vec<u8>>,
    responses: Vec<Vec<u8>>,
}

impl Sealed {
    /// No key seals two messages with one number.
    fn note(&mut self, message: &[u8]) {
        let header = Header::from_bytes(message.first_chunk().expect("a header"));
        let place = (header.vmpck().expect("one of four"), header.sequence());
        assert!(self.messages.insert(place, message.to_vec()).is_none(), "{place:?} twice");
    }

    /// Whether a page holds the message of this key and number, but for bytes that nothing authenticates.
    fn is(&self, vmpck: Vmpck, sequence: u64, page: &Page) -> bool {
        let authenticated = |message: &[u8]| {
            let mut message = message.to_vec();
            message[0x10..0x20].fill(0);
            message[0x28..0x30].fill(0);
            message
        };
        let due = self.messages.get(&(vmpck, sequence));
        due.is_some_and(|due| authenticated(due) == authenticated(&page[..due.len()]))
    }
}

struct World {
    firmware: FirmwareChannels,
    sealed: Sealed,
    leaked: [bool; 2],
}

impl World {
    fn deliver(&mut self, page: &Page, refuse: bool) {
        let counts = Vmpck::ALL.map(|vmpck| self.firmware.count(vmpck));
        let mut expected = counts;
        let due = Vmpck::ALL
            .into_iter()
            .zip(&mut expected)
            .find(|(vmpck, count)| self.sealed.is(*vmpck, **count + 1, page));
        let mut buffer = MessageBuffer::new();
        match self.firmware.open(&mut buffer, |copy| *copy = *page) {
            Ok(opened) => {
                let (vmpck, count) = due.expect("only what is due is opened");
                assert_eq!(opened.vmpck(), vmpck);
                *count += 2;
                let report;
                let answer = match opened.request().expect("what a guest has sealed") {
                    GuestRequest::Report(asked) => {
                        report = [asked.report_data[0]; 1184];
                        Response::Report(&report)
                    }
                    GuestRequest::TscInfo(_) => Response::TscInfo(TscInfo::default()),
                    other => panic!("{other:?}"),
                };
                let answer = if refuse { Err(Status::INVALID_KEY) } else { Ok(answer) };
                let response = opened.respond(answer).expect("an answer to it");
                self.sealed.note(response);
                self.sealed.responses.push(response.to_vec());
            }
            Err(status) => assert!(due.is_none(), "what is due is opened, not {status}"),
        }
        assert_eq!(Vmpck::ALL.map(|vmpck| self.firmware.count(vmpck)), expected);
    }

    fn exchange<R: Request>(
        &mut self,
        channel: &mut GuestChannel,
        request: &R,
        step: &[u8; STEP],
        is_right: impl FnOnce(R::Response<'_>) -> bool,
    ) {
        let [what, _, from_guest @ .., _, _, _, _] = *step;
        let [.., a, b, c, d] = *step;
        let (vmpck, count) = (channel.vmpck(), channel.count());
        let leaked = TAKEN.iter().position(|taken| *taken == vmpck).expect("it was taken");
        let mut buffer = MessageBuffer::new();
        let refusal = match (channel.is_stopped(), self.leaked[leaked]) {
            (true, _) => Some(ChannelError::Stopped),
            (false, true) => Some(ChannelError::Abandoned),
            (false, false) => None,
        };
        let sealed = channel.seal(request, &mut buffer);
        if let Some(refusal) = refusal {
            check_error(&refusal);
            assert_eq!(sealed.map(drop), Err(refusal));
            return assert!(channel.is_stopped());
        }
        let mut in_flight = sealed.expect("a request");
        assert_eq!(in_flight.header().sequence(), count + 1);
        let sent = in_flight.bytes().to_vec();
        self.sealed.note(&sent);
        self.sealed.requests.push(sent.clone());

        for _ in 0..what >> 1 & 3 {
            self.deliver(
                &Delivery::new(from_guest).page(&sent, &self.sealed.requests),
                what & 8 != 0,
            );
            in_flight = again(in_flight, what);
            assert_eq!(in_flight.bytes(), sent, "a retry has the same bytes");
        }
        match what >> 4 & 7 {
            0 => drop(in_flight),
            1 => {
                std::mem::forget(in_flight);
                self.leaked[leaked] = true;
                return;
            }
            2 => {
                // No rule makes an odd one harmless.
                let error = in_flight.returned(Exit::Plain, u64::from(a) << 32 | 1);
                check_error(&error.expect_err("an error"));
            }
            _ => {
                let due = self.sealed.messages.get(&(vmpck, count + 2)).cloned();
                let page = Delivery::new([a, b, c, d])
                    .page(due.as_deref().unwrap_or_default(), &self.sealed.responses);
                let is_due = self.sealed.is(vmpck, count + 2, &page);
                let opened = in_flight.open(|copy| copy.copy_from_slice(&page[..copy.len()]));
                match opened {
                    Ok(answer) => assert!(is_due && is_right(answer)),
                    Err(error) => {
                        check_error(&error);
                        assert_eq!(is_due, error == OpenError::Status(Status::INVALID_KEY));
                    }
                }
                assert_eq!((channel.is_stopped(), channel.count() > count), (!is_due, is_due));
                if is_due {
                    assert_eq!(channel.count(), self.firmware.count(vmpck), "both ends agree");
                }
                return;
            }
        }
        assert!(channel.is_stopped());
    }
}

/// As if the host had had no time, or too few pages.
fn again<'c, 'b, R: Request>(in_flight: InFlight<'c, 'b, R>, what: u8) -> InFlight<'c, 'b, R> {
    let exit_info_2 = if what & 8 == 0 { 1 << 32 } else { 2 << 32 };
    match in_flight.returned(Exit::Extended, exit_info_2).expect("to be sent again") {
        Next::SendAgain(in_flight) | Next::SendAsPlain(in_flight) => in_flight,
        Next::Open(_) => panic!("an error was given"),
    }
}

/// Puts the channel into the page and takes it out, as the next stage of a boot does.
fn handed_over(memory: &mut Page, channel: GuestChannel, was_leaked: bool) -> Option<GuestChannel> {
    let mut page = SecretsPage::open(memory).expect("as it was made");
    let (vmpck, count, stopped) = (channel.vmpck(), channel.count(), channel.is_stopped());
    match channel.hand_over(&mut page) {
        Ok(()) => {
            assert!(!stopped && !was_leaked);
            assert_eq!(page.vmpck(vmpck), &KEYS[usize::from(vmpck.get())]);
            let next = GuestChannel::take(&mut page, vmpck, Backend::best()).expect("a key");
            assert_eq!((next.count(), page.has_vmpck(vmpck)), (count, false));
            Some(next)
        }
        Err(error) => {
            check_error(&error);
            assert!(stopped || was_leaked);
            assert!(!page.has_vmpck(vmpck));
            None
        }
    }
}

/// Ten bytes for each step: what is done, what is asked for, then which request comes to the firmware and which response to the
/// guest, each with a place (two bytes) and a change.
///
/// Bits of the first: 0, which of two keys; 1 and 2, how often the request comes; 3, it is refused; 4 to 6, how it ends: given
/// up, forgotten, with the hypervisor's error, else with a response; 7, before it, the key's next owner takes over.
pub fn channel(data: &[u8]) {
    let mut memory = Box::new([0; 4096]);
    let mut page = SecretsPage::create(&mut memory);
    let mut guest = TAKEN.map(|vmpck| {
        page.set_vmpck(vmpck, &KEYS[usize::from(vmpck.get())]);
        Some(GuestChannel::take(&mut page, vmpck, Backend::best()).expect("a key"))
    });
    let firmware = FirmwareChannels::new(&KEYS, [0; 4], Backend::best());
    let mut world = World { firmware, sealed: Sealed::default(), leaked: [false; 2] };
    let (steps, _) = data.as_chunks::<STEP>();
    for step in steps.iter().take(64) {
        let [what, ask, ..] = *step;
        let index = usize::from(what & 1);
        if what & 0x80 != 0 {
            let leaked = world.leaked[index];
            guest[index] =
                guest[index].take().and_then(|channel| handed_over(&mut memory, channel, leaked));
        }
        let Some(channel) = &mut guest[index] else { continue };
        match ask {
            0 => world.exchange(channel, &TscInfoRequest, step, |info| info == TscInfo::default()),
            byte => {
                let request = ReportRequest::new(&[byte; 64]);
                world.exchange(channel, &request, step, |report| *report == [byte; 1184]);
            }
        }
    }
}
