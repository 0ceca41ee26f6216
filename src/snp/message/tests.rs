//! What is left in buffers.

use std::vec::Vec;

use super::*;
use crate::PhysAddr;
use crate::cpu::Backend;
use crate::snp::keys::{DerivedKey, KeyRequest, KeySelect};

const SECRET: [u8; 32] = [0xa5; 32];

fn holds_secret(buffer: &MessageBuffer) -> bool {
    buffer.bytes.windows(8).any(|window| window == &SECRET[..8])
}

fn ends() -> (GuestChannel, FirmwareChannels, MessageBuffer, MessageBuffer) {
    let (key, vmpck, backend) = ([7; 32], Vmpck::VMPCK0, Backend::best());
    let guest = GuestChannel::new(&key, vmpck, 0, CountWidth::Bits64, backend).unwrap();
    let firmware = FirmwareChannels::new(&[key; 4], [0; 4], backend);
    (guest, firmware, MessageBuffer::new(), MessageBuffer::new())
}

/// A derived key is in the buffers while it is asked for, and not afterwards.
#[test]
fn a_key_is_taken_out_of_the_buffer() {
    let (mut guest, mut firmware, mut buffer, mut firmware_buffer) = ends();
    // With SUCCESS, then with a status and a key inside, as no firmware answers.
    for status in [Status::SUCCESS, Status::INVALID_KEY] {
        let request = guest.seal(&KeyRequest::new(KeySelect::Vcek), &mut buffer).unwrap();
        let message = page_of(request.bytes());
        let opened = firmware.open(&mut firmware_buffer, |copy| *copy = message).unwrap();
        let response = if status.is_success() {
            opened.respond(Ok(Response::Key(&DerivedKey::new(&SECRET)))).unwrap().to_vec()
        } else {
            opened.respond(Err(status)).unwrap();
            let mut header = Header::new(MessageType::KEY_RSP, 1, 0x40, Vmpck::VMPCK0, 4);
            let mut text = [0xa5; 0x40];
            text[..4].copy_from_slice(&status.0.to_le_bytes());
            let key = crate::gcm::MessageKey::new(&[7; 32], Backend::best());
            let tag = key.seal_in_place(&header.nonce(), header.aad(), &mut text).unwrap();
            header.set_tag(&tag);
            [&header.bytes()[..], &text].concat()
        };
        let key = request.open(|copy| copy.copy_from_slice(&response));
        assert_eq!(key.is_ok(), status.is_success());
        assert!(!holds_secret(&buffer) && !holds_secret(&firmware_buffer));
    }
}

/// What the guest sent is not left behind a shorter response.
#[test]
fn a_request_is_wiped_by_its_response() {
    let (mut guest, mut firmware, mut buffer, mut firmware_buffer) = ends();
    let vmrk = VmrkRequest { gctx_paddr: PhysAddr::new(0x1000).unwrap(), vmrk: &SECRET };
    let request = guest.seal(&vmrk, &mut buffer).unwrap();
    let message = page_of(request.bytes());
    let opened = firmware.open(&mut firmware_buffer, |copy| *copy = message).unwrap();
    let GuestRequest::Vmrk(asked) = opened.request().unwrap() else { panic!("{opened:?}") };
    assert_eq!(asked.vmrk, &SECRET);
    opened.respond(Ok(Response::Done)).unwrap();
    assert!(!holds_secret(&firmware_buffer));
    drop(request);
    assert!(!holds_secret(&buffer));

    let (mut guest, ..) = ends();
    let mut draft = ContextDraft::new();
    draft.set_oek(&SECRET).set_vmpck(Vmpck::VMPCK0, &SECRET);
    let absorb = AbsorbNomaRequest { incoming: IncomingContext::new(draft.context()) };
    let (_, mut firmware, ..) = ends();
    let request = guest.seal(&absorb, &mut buffer).unwrap();
    let message = page_of(request.bytes());
    firmware.open(&mut firmware_buffer, |copy| *copy = message).unwrap().absorb().unwrap();
    assert!(!holds_secret(&firmware_buffer));
}

/// An authentic message that is not the next one leaves no plaintext.
#[test]
fn a_replayed_request_is_wiped() {
    let (mut guest, _, mut buffer, mut firmware_buffer) = ends();
    let vmrk = VmrkRequest { gctx_paddr: PhysAddr::new(0x1000).unwrap(), vmrk: &SECRET };
    let message = page_of(guest.seal(&vmrk, &mut buffer).unwrap().bytes());
    let mut firmware = FirmwareChannels::new(&[[7; 32]; 4], [2; 4], Backend::best());
    let status = firmware.open(&mut firmware_buffer, |copy| *copy = message).unwrap_err();
    assert_eq!(status, Status::AEAD_OFLOW);
    assert!(!holds_secret(&firmware_buffer));
}

fn page_of(message: &[u8]) -> [u8; PAGE] {
    let mut page: Vec<u8> = message.to_vec();
    page.resize(PAGE, 0);
    page.try_into().unwrap()
}
