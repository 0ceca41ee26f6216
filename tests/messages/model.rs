//! Both ends against each other, over a host that loses, repeats, reorders and corrupts, through stages that hand on
//! two keys.
//!
//! The model knows every message that either end has sealed. It demands: no key and number seal two messages; an end
//! accepts a message only if it is byte for byte the one that is due (in its authenticated bytes); whoever must stop
//! has stopped; where nobody has, both ends agree on the count.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use sevcrypt::snp::keys::{DerivedKey, KeyRequest, KeySelect};
use sevcrypt::snp::message::{
    ChannelError, Exit, FirmwareChannels, GuestChannel, GuestRequest, Header, InFlight,
    MessageBuffer, Next, OpenError, ReportRequest, Request, Response, TscInfo, TscInfoRequest,
    Vmpck,
};
use sevcrypt::snp::secrets::SecretsPage;
use sevcrypt::{Backend, Page, Status};

use crate::{firmware, key_of, open};

/// The two keys that the guest has taken.
const TAKEN: [Vmpck; 2] = [Vmpck::VMPCK0, Vmpck::VMPCK2];

#[derive(Clone, Copy, Debug)]
enum Ask {
    Report(u8),
    Key(u32),
    Tsc,
}

/// What the host does with a message on its way: the one that is due, or any earlier one; as it is, or with a byte
/// changed.
#[derive(Clone, Debug)]
struct Delivery {
    which: Option<Index>,
    change: Option<(Index, u8)>,
}

#[derive(Clone, Debug)]
enum HostStep {
    /// A request reaches the firmware, which answers or refuses.
    Deliver {
        delivery: Delivery,
        refuse: bool,
    },
    Busy,
    TooFewPages,
}

#[derive(Clone, Debug)]
enum End {
    Response(Delivery),
    HostError(u64),
    Drop,
    Leak,
}

#[derive(Clone, Debug)]
enum Step {
    Exchange {
        taken: usize,
        ask: Ask,
        host: Vec<HostStep>,
        end: End,
    },
    /// The next stage takes over both keys.
    NextStage,
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let which = prop_oneof![20 => Just(None), 1 => any::<Index>().prop_map(Some)];
    let change = prop_oneof![
        20 => Just(None),
        1 => (any::<Index>(), 1..=255u8).prop_map(Some),
    ];
    (which, change).prop_map(|(which, change)| Delivery { which, change })
}

fn step() -> impl Strategy<Value = Step> {
    let ask = prop_oneof![
        any::<u8>().prop_map(Ask::Report),
        any::<u32>().prop_map(Ask::Key),
        Just(Ask::Tsc),
    ];
    let host = prop_oneof![
        16 => (delivery(), any::<bool>())
            .prop_map(|(delivery, refuse)| HostStep::Deliver { delivery, refuse }),
        1 => Just(HostStep::Busy),
        1 => Just(HostStep::TooFewPages),
    ];
    let end = prop_oneof![
        60 => delivery().prop_map(End::Response),
        1 => any::<u64>().prop_map(End::HostError),
        1 => Just(End::Drop),
        1 => Just(End::Leak),
    ];
    prop_oneof![
        8 => (0..TAKEN.len(), ask, vec(host, 1..4), end)
            .prop_map(|(taken, ask, host, end)| Step::Exchange { taken, ask, host, end }),
        1 => Just(Step::NextStage),
    ]
}

/// A message without the bytes that nothing authenticates.
fn authenticated(message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    message[0x10..0x20].fill(0);
    message[0x28..0x30].fill(0);
    message
}

fn header(message: &[u8]) -> Header {
    Header::from_bytes(message.first_chunk().unwrap())
}

/// What a key and a number have sealed.
#[derive(Default)]
struct Sealed(HashMap<(Vmpck, u64), Vec<u8>>);

impl Sealed {
    fn note(&mut self, message: &[u8]) {
        let header = header(message);
        let place = (header.vmpck().unwrap(), header.sequence());
        assert_eq!(self.0.insert(place, message.to_vec()), None, "{place:?} has sealed twice");
    }

    /// The message with a key and number, if this one is it.
    fn is(&self, vmpck: Vmpck, sequence: u64, message: &[u8]) -> bool {
        let due = self.0.get(&(vmpck, sequence));
        due.is_some_and(|due| {
            message.len() >= due.len() && authenticated(due) == authenticated(&message[..due.len()])
        })
    }
}

#[derive(Default)]
struct World {
    sealed: Sealed,
    requests: Vec<Vec<u8>>,
    responses: Vec<Vec<u8>>,
    /// Channels whose request was leaked.
    leaked: Vec<Vmpck>,
}

/// What arrives, in a whole page.
fn arrives(delivery: &Delivery, due: Option<&Vec<u8>>, all: &[Vec<u8>]) -> Vec<u8> {
    let message = match &delivery.which {
        Some(index) if !all.is_empty() => index.get(all).clone(),
        _ => due.cloned().unwrap_or_default(),
    };
    let len = message.len();
    let mut page = message;
    page.resize(4096, 0);
    if let Some((index, change)) = delivery.change {
        page[index.index(len.max(0x60))] ^= change;
    }
    page
}

impl World {
    /// The firmware gets what the host delivers.
    fn deliver(&mut self, channels: &mut FirmwareChannels, message: &[u8], refuse: bool) {
        let before = Vmpck::ALL.map(|vmpck| channels.count(vmpck));
        let mut buffer = MessageBuffer::new();
        let is_due = |vmpck: Vmpck| {
            let next = before[usize::from(vmpck.get())] + 1;
            self.sealed.is(vmpck, next, message).then_some(vmpck)
        };
        let due = Vmpck::ALL.into_iter().find_map(is_due);
        match open(channels, &mut buffer, message) {
            Ok(opened) => {
                let vmpck = due.expect("only what is due is opened");
                assert_eq!(opened.vmpck(), vmpck);
                let key;
                let report;
                let answer = match opened.request().unwrap() {
                    GuestRequest::Report(asked) => {
                        report = [asked.report_data[0]; 1184];
                        Response::Report(&report)
                    }
                    GuestRequest::Key(asked) => {
                        key = DerivedKey::new(&[asked.guest_svn as u8; 32]);
                        Response::Key(&key)
                    }
                    GuestRequest::TscInfo(_) => Response::TscInfo(TscInfo::default()),
                    other => panic!("{other:?}"),
                };
                let answer = if refuse { Err(Status::INVALID_KEY) } else { Ok(answer) };
                let response = opened.respond(answer).unwrap();
                self.sealed.note(response);
                self.responses.push(response.to_vec());
                let mut after = before;
                after[usize::from(vmpck.get())] += 2;
                assert_eq!(Vmpck::ALL.map(|vmpck| channels.count(vmpck)), after);
            }
            Err(status) => {
                assert_eq!(due, None, "what is due is opened, not {status}");
                assert_eq!(Vmpck::ALL.map(|vmpck| channels.count(vmpck)), before);
            }
        }
    }

    /// One request, from its seal to its end. `check` looks at an answer.
    fn exchange<R: Request>(
        &mut self,
        channel: &mut GuestChannel,
        channels: &mut FirmwareChannels,
        request: &R,
        host: &[HostStep],
        end: &End,
        check: impl FnOnce(R::Response<'_>),
    ) {
        let (count, vmpck) = (channel.count(), channel.vmpck());
        let was_stopped = channel.is_stopped();
        let mut buffer = MessageBuffer::new();
        let was_leaked = self.leaked.contains(&vmpck);
        let result = channel.seal(request, &mut buffer);
        if was_stopped || was_leaked {
            let expected =
                if was_stopped { ChannelError::Stopped } else { ChannelError::Abandoned };
            assert_eq!(result.map(drop).unwrap_err(), expected);
            return assert!(channel.is_stopped());
        }
        let mut in_flight = result.unwrap();
        assert_eq!(in_flight.header().sequence(), count + 1);
        let first = in_flight.bytes().to_vec();
        self.sealed.note(&first);
        self.requests.push(first.clone());

        for step in host {
            match step {
                HostStep::Deliver { delivery, refuse } => {
                    let message = arrives(delivery, Some(&first), &self.requests);
                    self.deliver(channels, &message, *refuse);
                }
                HostStep::Busy => in_flight = again(in_flight, 2 << 32),
                HostStep::TooFewPages => in_flight = again(in_flight, 1 << 32),
            }
            assert_eq!(in_flight.bytes(), first, "a retry has the same bytes");
        }
        match end {
            End::Response(delivery) => {
                let due = self.sealed.0.get(&(vmpck, count + 2));
                let response = arrives(delivery, due, &self.responses);
                let is_due = self.sealed.is(vmpck, count + 2, &response);
                match in_flight.open(|copy| copy.copy_from_slice(&response[..copy.len()])) {
                    Ok(answer) => {
                        assert!(is_due);
                        check(answer);
                    }
                    Err(OpenError::Status(status)) => {
                        assert!(is_due);
                        assert_eq!(status, Status::INVALID_KEY);
                    }
                    Err(OpenError::Header(_) | OpenError::NotAuthentic) => assert!(!is_due),
                    Err(other) => panic!("{other}"),
                }
                assert_eq!(channel.is_stopped(), !is_due);
                assert_eq!(channel.count(), count + if is_due { 2 } else { 0 });
            }
            // One that no rule makes harmless.
            End::HostError(error) => {
                in_flight.returned(Exit::Plain, error | 1).unwrap_err();
                assert!(channel.is_stopped());
            }
            End::Drop => {
                drop(in_flight);
                assert!(channel.is_stopped());
            }
            End::Leak => {
                std::mem::forget(in_flight);
                self.leaked.push(vmpck);
            }
        }
        if !channel.is_stopped() && !matches!(end, End::Leak) {
            assert_eq!(channel.count(), channels.count(vmpck), "both ends agree");
        }
    }
}

fn again<'c, 'b, R: Request>(
    in_flight: InFlight<'c, 'b, R>,
    exit_info_2: u64,
) -> InFlight<'c, 'b, R> {
    match in_flight.returned(Exit::Extended, exit_info_2).unwrap() {
        Next::SendAgain(in_flight) | Next::SendAsPlain(in_flight) => in_flight,
        Next::Open(_) => panic!("an error was given"),
    }
}

/// Hands over what can be, and takes it again as the next stage does. What cannot be handed over is gone for good.
fn next_stage(
    memory: &mut Page,
    stage: [Option<GuestChannel>; 2],
    channels: &FirmwareChannels,
) -> [Option<GuestChannel>; 2] {
    let mut page = SecretsPage::open(memory).unwrap();
    let mut index = 0;
    stage.map(|channel| {
        let vmpck = TAKEN[index];
        index += 1;
        let channel = channel?;
        let (stopped, count) = (channel.is_stopped(), channel.count());
        match channel.hand_over(&mut page) {
            Ok(()) => {
                assert!(!stopped);
                assert_eq!(page.vmpck(vmpck), &key_of(vmpck));
                assert_eq!(page.message_count(vmpck), count);
                assert_eq!(count, channels.count(vmpck));
                let taken = GuestChannel::take(&mut page, vmpck, Backend::best()).unwrap();
                assert!(!page.has_vmpck(vmpck));
                Some(taken)
            }
            Err(error) => {
                let expected =
                    if stopped { ChannelError::Stopped } else { ChannelError::Abandoned };
                assert_eq!(error, expected);
                assert!(!page.has_vmpck(vmpck));
                None
            }
        }
    })
}

fn run(steps: Vec<Step>, area_version: u16) {
    let mut memory = Box::new([0; 4096]);
    let mut page = SecretsPage::create(&mut memory);
    page.set_area_version(area_version);
    let mut guest = TAKEN.map(|vmpck| {
        page.set_vmpck(vmpck, &key_of(vmpck));
        Some(GuestChannel::take(&mut page, vmpck, Backend::best()).unwrap())
    });
    let mut channels = firmware([0; 4]);
    let mut world = World::default();
    for step in steps {
        match step {
            Step::NextStage => guest = next_stage(&mut memory, guest, &channels),
            Step::Exchange { taken, ask, host, end } => {
                let Some(channel) = &mut guest[taken] else { continue };
                let channels = &mut channels;
                match ask {
                    Ask::Report(byte) => {
                        let request = ReportRequest::new(&[byte; 64]);
                        world.exchange(channel, channels, &request, &host, &end, |report| {
                            assert_eq!(report, &[byte; 1184]);
                        });
                    }
                    Ask::Key(svn) => {
                        let request = KeyRequest::new(KeySelect::Vcek).with_guest_svn(svn);
                        world.exchange(channel, channels, &request, &host, &end, |key| {
                            assert_eq!(key.as_bytes(), &[svn as u8; 32]);
                        });
                    }
                    Ask::Tsc => {
                        world.exchange(channel, channels, &TscInfoRequest, &host, &end, |info| {
                            assert_eq!(info, TscInfo::default());
                        });
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn any_host(steps in vec(step(), 1..40), area_version in 0..=1u16) {
        run(steps, area_version);
    }
}

/// The model itself: a number that seals twice, and a message that is not the one that is due, are found.
#[test]
fn the_model_sees() {
    let mut sealed = Sealed::default();
    let message = crate::sealed(
        &key_of(Vmpck::VMPCK0),
        Header::new(sevcrypt::snp::message::MessageType::KEY_REQ, 1, 0x20, Vmpck::VMPCK0, 1),
        &[0; 0x20],
    );
    sealed.note(&message);
    assert!(sealed.is(Vmpck::VMPCK0, 1, &message));
    assert!(!sealed.is(Vmpck::VMPCK0, 3, &message));
    let mut changed = message.clone();
    changed[0x60] ^= 1;
    assert!(!sealed.is(Vmpck::VMPCK0, 1, &changed));
    changed[0x60] ^= 1;
    changed[0x10] ^= 1;
    assert!(sealed.is(Vmpck::VMPCK0, 1, &changed));
    let twice = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sealed.note(&message)));
    assert!(twice.is_err());
}
