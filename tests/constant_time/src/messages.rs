//! Guest messages: keys, payloads and exported contexts are secrets. What a payload says besides, on which its receiver acts, is
//! told: here the receiver in the firmware marks it, and leaves keys and report data as secrets.

use std::hint::black_box;
use std::ops::Range;

use sevcrypt::gcm::{GcmError, MessageKey};
use sevcrypt::snp::keys::{KeyRequest, KeySelect};
use sevcrypt::snp::message::{
    AbsorbNomaRequest, AbsorbRequest, ChannelError, ContextDraft, CountWidth, ExportRequest,
    FirmwareChannels, GuestChannel, Header, ImportRequest, IncomingContext, MessageBuffer,
    MessageType, OpenError, ReportRequest, Request, Response, Vmpck, VmrkRequest, linux,
};
use sevcrypt::snp::secrets::SecretsPage;
use sevcrypt::{Backend, PhysAddr, Status};

use crate::{public, secret};

const VMPCK: Vmpck = Vmpck::VMPCK0;
const KEY_REQUEST: Range<usize> = 0..KeyRequest::LEN;
const BEHIND_REPORT_DATA: Range<usize> = 64..ReportRequest::LEN;
const EXPORT_REQUEST: Range<usize> = 0..ExportRequest::LEN;
/// Where the address of a context, and its size and version, stand before it or before a VMRK.
const FORM: Range<usize> = 0..0x20;
/// Where the counts of a context stand, behind these.
const COUNTS: Range<usize> = 0x20 + 0x1c0..0x20 + 0x1e0;

/// Both ends of a channel.
struct Ends {
    guest: GuestChannel,
    firmware: FirmwareChannels,
}

impl Ends {
    fn new(key: &[u8; 32], backend: Backend) -> Self {
        let guest = GuestChannel::new(key, VMPCK, 0, CountWidth::Bits64, backend);
        let firmware = FirmwareChannels::new(&[*key; 4], [0; 4], backend);
        Self { guest: guest.expect("a key that is not zero"), firmware }
    }

    /// A request and its answer. `told` are those bytes of the request's payload that the firmware acts on.
    fn exchange<R: Request>(
        &mut self,
        request: &R,
        told: &[Range<usize>],
        response: Option<Response<'_>>,
    ) {
        let mut buffers = [MessageBuffer::new(), MessageBuffer::new()];
        let [ours, theirs] = &mut buffers;
        let in_flight = self.guest.seal(request, ours).expect("its length");
        let mut shared = [0; 4096];
        let bytes = in_flight.bytes();
        public(bytes);
        shared[..bytes.len()].copy_from_slice(bytes);

        let mut wrong = shared;
        wrong[0] ^= 1;
        let refused = self.firmware.open(theirs, |copy| *copy = wrong).err();
        assert_eq!(refused, Some(Status::BAD_MEASUREMENT));
        let opened = self.firmware.open(theirs, |copy| *copy = shared).expect("its tag");
        told.iter().for_each(|range| public(&opened.payload()[range.clone()]));
        opened.request().expect("its form");
        let answer = match response {
            Some(response) => opened.respond(Ok(response)),
            None => opened.absorb(),
        };
        let answer = answer.expect("the request's response");
        public(answer);
        shared[..answer.len()].copy_from_slice(answer);
        let opened = in_flight.open(|copy| copy.copy_from_slice(&shared[..copy.len()]));
        assert!(opened.is_ok());
    }
}

/// Sealing and opening at both ends: a key and a report for a guest.
pub(crate) fn requests(backend: Backend) {
    let mut ends = Ends::new(&secret([0x61; 32]), backend);
    let derived = crate::keys::derived_key();
    let request = KeyRequest::new(KeySelect::Vcek);
    ends.exchange(&request, &[KEY_REQUEST], Some(Response::Key(&derived)));
    let request = ReportRequest::new(&secret([0x62; 64]));
    let report = secret([0x63; 1184]);
    ends.exchange(&request, &[BEHIND_REPORT_DATA], Some(Response::Report(&report)));

    let mut buffer = MessageBuffer::new();
    let in_flight = ends.guest.seal(&request, &mut buffer).expect("its length");
    let answer = Header::new(MessageType::REPORT_RSP, 1, 0x4c0, VMPCK, 6);
    let opened = in_flight.open(|copy| copy[..Header::LEN].copy_from_slice(answer.bytes()));
    assert_eq!(opened.err(), Some(OpenError::NotAuthentic));
    assert!(ends.guest.is_stopped());
}

/// A migration agent's messages: contexts and VMRKs.
pub(crate) fn contexts(backend: Backend) {
    let key = secret([0x64; 32]);
    let mut draft = ContextDraft::new();
    for vmpck in [Vmpck::VMPCK0, Vmpck::VMPCK1, Vmpck::VMPCK2, Vmpck::VMPCK3] {
        draft.set_vmpck(vmpck, &key);
    }
    draft.set_oek(&secret([0x65; 32])).set_vmrk(&secret([0x66; 32]));
    let context = draft.context();
    black_box((context.oek(), context.vmrk(), context.vmpck(VMPCK)));

    let mut ends = Ends::new(&key, backend);
    ends.firmware = FirmwareChannels::from_context(context, backend);
    let page = PhysAddr::new(0x5000).expect("an address");
    let request = ExportRequest { gctx_paddr: page, imi_en: true };
    ends.exchange(&request, &[EXPORT_REQUEST], Some(Response::Export(context)));
    let incoming = IncomingContext::new(context);
    let request = ImportRequest { gctx_paddr: page, incoming };
    ends.exchange(&request, &[FORM], Some(Response::Done));
    let request = AbsorbRequest { gctx_paddr: page, incoming };
    ends.exchange(&request, &[FORM], Some(Response::Done));
    let request = VmrkRequest { gctx_paddr: page, vmrk: &secret([0x67; 32]) };
    ends.exchange(&request, &[FORM], Some(Response::Done));
    ends.exchange(&AbsorbNomaRequest { incoming }, &[FORM, COUNTS], None);
}

/// A key goes from the secrets page into a channel and back.
pub(crate) fn secrets_page(backend: Backend) {
    let mut memory = [0; 4096];
    let mut page = SecretsPage::create(&mut memory);
    page.set_vmpck(VMPCK, &secret([0x68; 32]));
    assert!(page.has_vmpck(VMPCK) && !page.has_vmpck(Vmpck::VMPCK1));
    let none = GuestChannel::take(&mut page, Vmpck::VMPCK1, backend).err();
    assert_eq!(none, Some(ChannelError::EmptyKey));
    page.set_vmpck(Vmpck::VMPCK1, &secret([0; 32]));
    let none = GuestChannel::take(&mut page, Vmpck::VMPCK1, backend).err();
    assert_eq!(none, Some(ChannelError::EmptyKey));

    let channel = GuestChannel::take(&mut page, VMPCK, backend).expect("its key");
    channel.hand_over(&mut page).expect("a count that fits");
    let mut place = None;
    GuestChannel::take_to(&mut place, &mut page, VMPCK, backend).expect("its key").stop();
    assert!(!page.has_vmpck(VMPCK));
    page.wipe_vmpck(Vmpck::VMPCK1);
    GuestChannel::set_up(&mut place, &secret([1; 32]), VMPCK, 0, CountWidth::Bits32, backend)
        .expect("a key that is not zero");
}

/// A message by the caller's own AES-GCM, and what Linux gives a program.
pub(crate) fn own_messages(backend: Backend) {
    let key = MessageKey::new(&secret([0x69; 32]), backend);
    let mut header = Header::new(MessageType::REPORT_REQ, 1, 96, VMPCK, 1);
    let mut payload = secret([0x6a; 96]);
    let tag = key.seal_in_place(&header.nonce(), header.aad(), &mut payload);
    let tag = tag.expect("a short text");
    public(&tag);
    public(&payload);
    header.set_tag(&tag);
    let header = Header::from_bytes(header.bytes());
    let mut text = [0; 96];
    key.open(&header.nonce(), header.aad(), &payload, &mut text, header.tag()).expect("its tag");
    black_box(text);
    payload[0] ^= 1;
    let opened = key.open(&header.nonce(), header.aad(), &payload, &mut text, header.tag());
    assert_eq!(opened, Err(GcmError::Tag));

    let mut response = secret([0; linux::DERIVED_KEY_RESPONSE_LEN]);
    public(&response[..4]);
    response[0x20..0x40].copy_from_slice(&secret([0x6b; 32]));
    black_box(linux::derived_key(&response).expect("its status"));
}
