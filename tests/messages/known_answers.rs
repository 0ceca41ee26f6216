//! The worked example: each message byte for byte, from both ends.

use sevcrypt::Status;
use sevcrypt::Vmpl;
use sevcrypt::snp::keys::{DerivedKey, GuestFieldSelect, KeyRequest, KeySelect};
use sevcrypt::snp::message::{
    GuestRequest, Header, MessageBuffer, MessageType, OpenError, ReportRequest, Response,
    TscInfoRequest, Vmpck,
};
use sevcrypt::snp::tcb::TcbVersion;

use crate::{firmware, guest, hex, key_of, open, opened, sealed};

const REPORT_REQ: &str = "0f354f26b13f7433d3674d8eebcaf8470000000000000000000000000000000001000000000000000000000000000000010160000501600000000000000000000000000000000000000000000000000000000000000000000000000000000000e22d803ca0aaea00420d0fc830cc86c4dc70dd3d68bd7d05560647e5013b996fccddd2ea048788e8f0f437f862242ea7c0e4fcb7d1456ca0bbb1da492b891678bcafa49213c0f2445044cd48be94fd5eb5f3e8b761e80896f353185b4abd740d";
const KEY_REQ: &str = "2e8b0dc80523aad237d4fab19cd28c430000000000000000000000000000000003000000000000000000000000000000010160000301200000000000000000000000000000000000000000000000000000000000000000000000000000000000908c5899595132d8c7388fa492d606c92ed3c064df9bd2e0c897494f1e4bd861";
const KEY_RSP: &str = "8719f1bd99fc100b89961af364660a4600000000000000000000000000000000040000000000000000000000000000000101600004014000000000000000000000000000000000000000000000000000000000000000000000000000000000002095b56185c0e8235b57649e24165159714474f409fe954459fad365e8b42771018dd3bbaf8d262ede9c169d5ada0f3b045dd14378984bd4c59d8f97183a571a";
const KEY_RSP_REFUSED: &str = "2f060b189900ce6464114ec2c2c9b53a000000000000000000000000000000000600000000000000000000000000000001016000040140000000000000000000000000000000000000000000000000000000000000000000000000000000000050cb8cec58ff2d5b7518c8008f14d46414d7964564276aed2ea9c2a7baa2af8577cbc876f2a9e9e5fd3f9b2945589c1e52843e414071a1da0c0296af2d4d9cc0";
const TSC_INFO_REQ: &str = "70e7a5fe9717ab68ffbe1c3d6733b98d0000000000000000000000000000000001000000000000000000000000000000010160001101800000000000010000000000000000000000000000000000000000000000000000000000000000000000db1cb7273e9de658015e7851b1d442bdacdee0cac252c6299be1406803838227cb072478b0bc4a10abc10b5446799e55bdf9254c5cc86420652abeb5c98deb61b487b10ef43d92e8a8a85b5d331dd7d97139f024bec2ff5763114dac89accdfb1f49bb0ca2320259b7f3ea01e681f077172ba84f36894f716c4518db76b34c18";
const DERIVED_KEY: &str = "d1566a2174e88bbc2607165c95d058a9a9aaa2c2c27daaed0b483cde9aad4ca0";

fn report_request() -> ReportRequest {
    ReportRequest::new(&std::array::from_fn(|i| i as u8))
}

fn key_request() -> KeyRequest {
    KeyRequest::new(KeySelect::VlekOrVcek)
        .with_vmpl(Vmpl::VMPL1)
        .with_fields(GuestFieldSelect(0x3f))
        .with_guest_svn(5)
        .with_tcb_version(TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]))
}

#[test]
fn the_header() {
    let message = hex(REPORT_REQ);
    let header = Header::from_bytes(message.first_chunk().unwrap());
    let mut made = Header::new(MessageType::REPORT_REQ, 1, 0x60, Vmpck::VMPCK0, 1);
    made.set_tag(header.tag());
    assert_eq!(made, header);
    let aad = "010160000501600000000000000000000000000000000000000000000000000000000000000000000000000000000000";
    assert_eq!(header.aad()[..], hex(aad));
    assert_eq!(header.nonce(), [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn requests_of_the_guest() {
    let mut buffer = MessageBuffer::new();
    let mut channel = guest(Vmpck::VMPCK0, 0);
    assert_eq!(channel.seal(&report_request(), &mut buffer).unwrap().bytes(), hex(REPORT_REQ));
    let mut channel = guest(Vmpck::VMPCK0, 2);
    assert_eq!(channel.seal(&key_request(), &mut buffer).unwrap().bytes(), hex(KEY_REQ));
    let mut channel = guest(Vmpck::VMPCK1, 0);
    assert_eq!(channel.seal(&TscInfoRequest, &mut buffer).unwrap().bytes(), hex(TSC_INFO_REQ));
}

#[test]
fn requests_at_the_firmware() {
    let mut buffer = MessageBuffer::new();
    let mut channels = firmware([0; 4]);
    let request = open(&mut channels, &mut buffer, &hex(REPORT_REQ)).unwrap();
    let GuestRequest::Report(report) = request.request().unwrap() else { panic!("{request:?}") };
    assert_eq!((report, request.vmpck()), (report_request(), Vmpck::VMPCK0));
    let GuestRequest::TscInfo(TscInfoRequest) =
        open(&mut channels, &mut buffer, &hex(TSC_INFO_REQ)).unwrap().request().unwrap()
    else {
        panic!("another type")
    };
    // Nothing was answered.
    assert_eq!(Vmpck::ALL.map(|vmpck| channels.count(vmpck)), [0; 4]);
}

/// A derived key, then a refusal, with the counts that they leave.
#[test]
fn answers() {
    let (mut buffer, mut firmware_buffer) = (MessageBuffer::new(), MessageBuffer::new());
    let (mut channel, mut channels) = (guest(Vmpck::VMPCK0, 2), firmware([2, 0, 0, 0]));

    let request = channel.seal(&key_request(), &mut buffer).unwrap();
    let opened = open(&mut channels, &mut firmware_buffer, request.bytes()).unwrap();
    let GuestRequest::Key(asked) = opened.request().unwrap() else { panic!("{opened:?}") };
    assert_eq!(asked, key_request());
    let key = DerivedKey::new(hex(DERIVED_KEY)[..].try_into().unwrap());
    let answer = opened.respond(Ok(Response::Key(&key))).unwrap();
    assert_eq!(answer, hex(KEY_RSP));
    let key = request.open(|copy| copy.copy_from_slice(answer)).unwrap();
    assert_eq!(key.as_bytes()[..], hex(DERIVED_KEY));
    assert_eq!((channel.count(), channels.count(Vmpck::VMPCK0)), (4, 4));

    let request = channel.seal(&key_request(), &mut buffer).unwrap();
    let opened = open(&mut channels, &mut firmware_buffer, request.bytes()).unwrap();
    let answer = opened.respond(Err(Status::INVALID_PARAM)).unwrap();
    assert_eq!(answer, hex(KEY_RSP_REFUSED));
    let error = request.open(|copy| copy.copy_from_slice(answer)).unwrap_err();
    assert_eq!(error, OpenError::Status(Status::INVALID_PARAM));
    assert_eq!((channel.count(), channels.count(Vmpck::VMPCK0)), (6, 6));
    assert!(!channel.is_stopped());
}

/// What the tests seal and open on their own is the same.
#[test]
fn the_tests_own_seals() {
    for message in [REPORT_REQ, KEY_REQ, KEY_RSP, KEY_RSP_REFUSED] {
        let message = hex(message);
        let mut header = Header::from_bytes(message.first_chunk().unwrap());
        header.set_tag(&[0; 16]);
        let key = key_of(Vmpck::VMPCK0);
        let payload = opened(&key, &message);
        assert_eq!(sealed(&key, header, &payload), message);
    }
}
