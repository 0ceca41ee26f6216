//! Guest messages: what anybody sends is not accepted, what the key's owner sends is parsed, and what is parsed writes
//! the same bytes again.

use sevcrypt::gcm::MessageKey;
use sevcrypt::snp::keys::{KeyRequest, KeySelect};
use sevcrypt::snp::message::{
    AbsorbNomaRequest, AbsorbRequest, ChannelError, CountWidth, CpuidEntries, CpuidRequest,
    ExportRequest, ExportedContext, FirmwareChannels, GuestChannel, GuestRequest, Header,
    ImportRequest, IncomingContext, MessageBuffer, MessageType, OpenError, ReportRequest, Request,
    TscInfoRequest, Vmpck, VmrkRequest,
};
use sevcrypt::snp::secrets::SecretsPage;
use sevcrypt::{Backend, Page, PhysAddr, Status};

use crate::check_error;

const VMPCKS: [[u8; 32]; 4] = [[1; 32], [2; 32], [3; 32], [4; 32]];
const COUNTS: [u64; 4] = [0, 2, 1 << 40, u64::MAX - 3];

fn channel(vmpck: Vmpck) -> GuestChannel {
    let index = usize::from(vmpck.get());
    let (key, count) = (&VMPCKS[index], COUNTS[index]);
    GuestChannel::new(key, vmpck, count, CountWidth::Bits64, Backend::best()).expect("a key")
}

fn firmware() -> FirmwareChannels {
    FirmwareChannels::new(&VMPCKS, COUNTS, Backend::best())
        .with_max_version(MessageType::KEY_REQ, 2)
}

/// The bytes, cut or filled up to a page.
fn page(data: &[u8]) -> Box<Page> {
    let mut page = Box::new([0; 4096]);
    let len = data.len().min(page.len());
    page[..len].copy_from_slice(&data[..len]);
    page
}

/// The bytes as a payload: filled up to a multiple of 16, and cut.
fn payload(data: &[u8]) -> Vec<u8> {
    let mut payload = data[..data.len().min(Header::MAX_PAYLOAD)].to_vec();
    payload.resize(payload.len().next_multiple_of(16).max(16), 0);
    payload
}

fn seal(vmpck: Vmpck, mut header: Header, payload: &[u8]) -> Vec<u8> {
    let mut text = payload.to_vec();
    let key = MessageKey::new(&VMPCKS[usize::from(vmpck.get())], Backend::best());
    let tag = key.seal_in_place(&header.nonce(), header.aad(), &mut text);
    header.set_tag(&tag.expect("a short text"));
    [header.bytes(), &text[..]].concat()
}

/// `FirmwareChannels::open`: the bytes as a page, then as VMPCK, MSG_TYPE, MSG_VERSION and payload of a message that is
/// authentic.
pub fn message_request(data: &[u8]) {
    let (mut channels, mut buffer) = (firmware(), MessageBuffer::new());
    let status = channels.open(&mut buffer, |copy| *copy = *page(data)).map(drop);
    let status = status.expect_err("nobody knows the keys");
    assert!([Status::INVALID_PARAM, Status::BAD_MEASUREMENT].contains(&status));
    assert_eq!(Vmpck::ALL.map(|vmpck| channels.count(vmpck)), COUNTS);

    let Some((&[vmpck, message_type, version], data)) = data.split_first_chunk() else { return };
    let vmpck = Vmpck::ALL[usize::from(vmpck % 4)];
    let message_type = MessageType(message_type);
    let payload = payload(data);
    let sequence = channels.count(vmpck) + 1;
    let header = Header::new(message_type, version, payload.len() as u16, vmpck, sequence);
    let message = seal(vmpck, header, &payload);

    let is_known = message_type.is_known_request();
    let max_version = if message_type == MessageType::KEY_REQ { 2 } else { 1 };
    let opened = match channels.open(&mut buffer, |copy| *copy = *page(&message)) {
        Ok(opened) => opened,
        Err(status) => {
            assert_eq!(status, Status::INVALID_PARAM);
            return assert!(!is_known || !(1..=max_version).contains(&version));
        }
    };
    assert!(is_known && (1..=max_version).contains(&version));
    assert_eq!((opened.payload(), opened.vmpck()), (&payload[..], vmpck));
    let status = match opened.request() {
        Ok(request) => {
            check_same(vmpck, request, &message);
            Status::UNSUPPORTED
        }
        Err(status) => {
            assert!([Status::INVALID_PARAM, Status::INVALID_ADDRESS].contains(&status));
            status
        }
    };
    let response = opened.respond(Err(status)).expect("a refusal");
    let header = Header::from_bytes(response.first_chunk().expect("a header"));
    assert_eq!(header.sequence(), sequence + 1);
    assert_eq!(channels.count(vmpck), sequence + 1);
}

/// A guest that sends this request sends these bytes.
fn check_same(vmpck: Vmpck, request: GuestRequest<'_>, message: &[u8]) {
    fn check(vmpck: Vmpck, request: &impl Request, message: &[u8]) {
        let (mut channel, mut buffer) = (channel(vmpck), MessageBuffer::new());
        assert_eq!(channel.seal(request, &mut buffer).expect("a request").bytes(), message);
    }
    match request {
        GuestRequest::Cpuid(request) => check(vmpck, &request, message),
        // Version 2 has a short form, too, which is not written.
        GuestRequest::Key(request) if request.version() == 2 && message.len() == 0x80 => {
            assert_eq!(request.launch_mit_vector, Some(0));
        }
        GuestRequest::Key(request) => check(vmpck, &request, message),
        GuestRequest::Report(request) => check(vmpck, &request, message),
        GuestRequest::Export(request) => check(vmpck, &request, message),
        GuestRequest::Import(request) => check(vmpck, &request, message),
        GuestRequest::Absorb(request) => check(vmpck, &request, message),
        GuestRequest::Vmrk(request) => check(vmpck, &request, message),
        GuestRequest::AbsorbNoma(request) => check(vmpck, &request, message),
        GuestRequest::TscInfo(request) => check(vmpck, &request, message),
        other => panic!("{other:?}"),
    }
}

/// `InFlight::open`: after a byte that chooses the request, the bytes as a page, then as payload of the right response.
pub fn message_response(data: &[u8]) {
    let Some((&which, data)) = data.split_first() else { return };
    let entries = [[0; 48]; 64];
    let entries = CpuidEntries::new(&entries[..usize::from(which / 9)]).expect("few");
    let gctx_paddr = PhysAddr::new(0x1000).expect("an address");
    let incoming = IncomingContext::new(ExportedContext::from_bytes(&[5; 0x300]));
    match which % 9 {
        0 => respond(&CpuidRequest { entries }, data),
        1 => respond(&KeyRequest::new(KeySelect::Vcek), data),
        2 => respond(&ReportRequest::new(&[7; 64]), data),
        3 => respond(&ExportRequest { gctx_paddr, imi_en: false }, data),
        4 => respond(&ImportRequest { gctx_paddr, incoming }, data),
        5 => respond(&AbsorbRequest { gctx_paddr, incoming }, data),
        6 => respond(&VmrkRequest { gctx_paddr, vmrk: &[8; 32] }, data),
        7 => respond(&AbsorbNomaRequest { incoming }, data),
        _ => respond(&TscInfoRequest, data),
    }
}

fn respond<R: Request>(request: &R, data: &[u8]) {
    let vmpck = Vmpck::VMPCK1;
    let (mut channel, mut buffer) = (channel(vmpck), MessageBuffer::new());
    let in_flight = channel.seal(request, &mut buffer).expect("a request");
    let page = page(data);
    let error = match in_flight.open(|copy| copy.copy_from_slice(&page[..copy.len()])) {
        Ok(_) => panic!("nobody knows the key"),
        Err(error) => error,
    };
    assert!(matches!(error, OpenError::Header(_) | OpenError::NotAuthentic));
    check_error(&error);
    assert!(channel.is_stopped());
    assert_eq!(channel.seal(request, &mut buffer).map(drop), Err(ChannelError::Stopped));

    let mut channel = self::channel(vmpck);
    let mut payload = data.to_vec();
    payload.resize(request.response_len(), 0);
    let count = channel.count();
    let in_flight = channel.seal(request, &mut buffer).expect("a request");
    assert_eq!(in_flight.response_len(), Header::LEN + payload.len());
    let header = Header::new(
        R::TYPE.response(),
        request.message_version(),
        payload.len() as u16,
        vmpck,
        count + 2,
    );
    let message = seal(vmpck, header, &payload);
    let status = Status(u32::from_le_bytes(*payload.first_chunk().expect("a status")));
    match in_flight.open(|copy| copy.copy_from_slice(&message)) {
        Ok(_) => assert!(status.is_success() || R::TYPE == MessageType::CPUID_REQ),
        Err(OpenError::Status(found)) => assert!(found == status && !status.is_success()),
        Err(error @ OpenError::Payload { offset }) => {
            assert!(offset < payload.len());
            check_error(&error);
        }
        Err(other) => panic!("{other}"),
    }
    // It was authentic, whatever stands in it.
    assert_eq!((channel.count(), channel.is_stopped()), (count + 2, false));
}

/// `SecretsPage`: what it reads is what it writes, and a channel that is taken and handed over leaves the page as it was.
pub fn secrets_page(data: &[u8]) {
    let mut memory = page(data);
    let before = memory.clone();
    let mut page = match SecretsPage::open(&mut memory) {
        Ok(page) => page,
        Err(error) => return check_error(&error),
    };
    assert!(page.version() >= 2);
    page.set_fms(page.fms());
    page.set_gosvw(&page.gosvw().clone());
    page.set_ap_jump_table(page.ap_jump_table());
    page.set_area_version(page.area_version());
    page.set_vmsa_tweak_bitmap(&page.vmsa_tweak_bitmap().clone());
    page.set_tsc_factor(page.tsc_factor());
    page.set_launch_mit_vector(page.launch_mit_vector());
    if let Some(svsm) = page.svsm().filter(|svsm| svsm.guest_vmpl.is_some()) {
        page.set_svsm(&svsm);
    }
    let _ = (page.cpu(), page.imi_en());
    for vmpck in Vmpck::ALL {
        let (has_key, count) = (page.has_vmpck(vmpck), page.message_count(vmpck));
        assert!(page.has_high_words() || count <= u32::MAX.into());
        match GuestChannel::take(&mut page, vmpck, Backend::best()) {
            Ok(channel) => {
                assert!(has_key && !page.has_vmpck(vmpck) && count % 2 == 0);
                assert_eq!((channel.count(), channel.vmpck()), (count, vmpck));
                channel.hand_over(&mut page).expect("as it was taken");
            }
            Err(error) => {
                assert_eq!(error == ChannelError::EmptyKey, !has_key);
                check_error(&error);
            }
        }
    }
    assert!(memory == before);
}
