use base16ct::lower::{decode_vec, encode_string};
use sha2::{Digest, Sha256};
use std::vec::Vec;

use super::super::tests::lab::*;
use super::*;
use crate::addr::Vmpl;
use crate::ecdsa::VerifyingKey;
use crate::gcm::MessageKey;
use crate::platform::command::{Command, SnpConfig, SnpLaunchFinish, SnpVlekLoad};
use crate::rmp::PageAssignment;
use crate::snp::GuestPolicy;
use crate::snp::id_block::{IdBlock, LaunchIdentity};
use crate::snp::keys::{ChipSecret, GuestFieldSelect, HashSticks, RootKeySelect, VlekSticks};
use crate::snp::launch::LaunchDigest;
use crate::snp::message::{OpenError, TscInfoRequest};
use crate::snp::report::{Report, ReportKey};
use crate::{Backend, PageSize as Size};

const REQUEST: u64 = 0x20_0000;
const RESPONSE: u64 = 0x20_1000;

fn hex(text: &str) -> Vec<u8> {
    decode_vec(text).unwrap()
}

/// A message with a header, sealed by a key.
fn sealed(key: &[u8; 32], mut header: Header, payload: &[u8]) -> Vec<u8> {
    let key = MessageKey::new(key, Backend::best());
    let mut payload = payload.to_vec();
    let tag = key.seal_in_place(&header.nonce(), header.aad(), &mut payload).unwrap();
    header.set_tag(&tag);
    [header.bytes(), &payload[..]].concat()
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.guest(GCTX, ASID);
    lab.give(&[RESPONSE]);
    lab
}

fn command() -> SnpGuestRequest {
    SnpGuestRequest { gctx_paddr: GCTX, request_paddr: REQUEST, response_paddr: RESPONSE }
}

fn counts(lab: &Lab) -> [u64; 4] {
    lab.machine.lock().snp.guests[&GCTX].message_counts
}

const REPORT_REQ: &str = "0f354f26b13f7433d3674d8eebcaf8470000000000000000000000000000000001000000000000000000000000000000010160000501600000000000000000000000000000000000000000000000000000000000000000000000000000000000e22d803ca0aaea00420d0fc830cc86c4dc70dd3d68bd7d05560647e5013b996fccddd2ea048788e8f0f437f862242ea7c0e4fcb7d1456ca0bbb1da492b891678bcafa49213c0f2445044cd48be94fd5eb5f3e8b761e80896f353185b4abd740d";
const KEY_REQ: &str = "2e8b0dc80523aad237d4fab19cd28c430000000000000000000000000000000003000000000000000000000000000000010160000301200000000000000000000000000000000000000000000000000000000000000000000000000000000000908c5899595132d8c7388fa492d606c92ed3c064df9bd2e0c897494f1e4bd861";
const KEY_RSP: &str = "8719f1bd99fc100b89961af364660a4600000000000000000000000000000000040000000000000000000000000000000101600004014000000000000000000000000000000000000000000000000000000000000000000000000000000000002095b56185c0e8235b57649e24165159714474f409fe954459fad365e8b42771018dd3bbaf8d262ede9c169d5ada0f3b045dd14378984bd4c59d8f97183a571a";
const KEY_RSP_REFUSED: &str = "2f060b189900ce6464114ec2c2c9b53a000000000000000000000000000000000600000000000000000000000000000001016000040140000000000000000000000000000000000000000000000000000000000000000000000000000000000050cb8cec58ff2d5b7518c8008f14d46414d7964564276aed2ea9c2a7baa2af8577cbc876f2a9e9e5fd3f9b2945589c1e52843e414071a1da0c0296af2d4d9cc0";
const TSC_INFO_REQ: &str = "70e7a5fe9717ab68ffbe1c3d6733b98d0000000000000000000000000000000001000000000000000000000000000000010160001101800000000000010000000000000000000000000000000000000000000000000000000000000000000000db1cb7273e9de658015e7851b1d442bdacdee0cac252c6299be1406803838227cb072478b0bc4a10abc10b5446799e55bdf9254c5cc86420652abeb5c98deb61b487b10ef43d92e8a8a85b5d331dd7d97139f024bec2ff5763114dac89accdfb1f49bb0ca2320259b7f3ea01e681f077172ba84f36894f716c4518db76b34c18";

/// The guest of the derived keys of snp-keys.md, section 9.
fn key_guest(lab: &Lab, identity: LaunchIdentity) {
    let mut state = lab.machine.lock();
    let guest = state.snp.guests.get_mut(&GCTX).unwrap();
    guest.policy = GuestPolicy(POLICY);
    guest.digest = LaunchDigest::resume(count(0x20));
    guest.host_data = count(0xa0);
    *guest.vmrk = count(0);
    guest.identity = identity;
}

fn id_block() -> IdBlock {
    IdBlock {
        family_id: count(1),
        image_id: count(0x31),
        guest_svn: 5,
        policy: GuestPolicy(POLICY),
        ..IdBlock::new(count(0x20))
    }
}

fn identity() -> LaunchIdentity {
    LaunchIdentity {
        id_block: Some(id_block()),
        id_key_digest: count(0x60),
        id_block_en: true,
        ..LaunchIdentity::default()
    }
}

fn every_field() -> KeyRequest {
    KeyRequest::new(KeySelect::VlekOrVcek)
        .with_vmpl(Vmpl::VMPL1)
        .with_fields(GuestFieldSelect(0x3f))
        .with_guest_svn(5)
        .with_tcb_version(TCB)
}

/// The worked example byte for byte: a report, a key, a refusal, and the other channel.
#[test]
fn worked_example() {
    let lab = lab();
    key_guest(&lab, identity());
    let send = |message: &[u8]| {
        lab.bus().write(REQUEST, message).unwrap();
        lab.issue(command()).unwrap();
    };
    send(&hex(REPORT_REQ));
    assert_eq!(counts(&lab), [2, 0, 0, 0]);
    let header = Header::from_bytes(lab.raw(RESPONSE, 0x60).first_chunk().unwrap());
    assert_eq!((header.sequence(), header.message_type()), (2, MessageType::REPORT_RSP));
    assert_eq!(header.payload_len(), 0x4c0);

    send(&hex(KEY_REQ));
    assert_eq!(lab.raw(RESPONSE, hex(KEY_RSP).len()), hex(KEY_RSP));
    assert_eq!(counts(&lab), [4, 0, 0, 0]);

    let (_, [key, ..]) = keys();
    let mut payload = [0; KeyRequest::MAX_LEN];
    let request = every_field().with_guest_svn(6);
    let payload = request.encode(&mut payload);
    let header = Header::new(MessageType::KEY_REQ, 1, 0x20, Vmpck::VMPCK0, 5);
    send(&sealed(&key, header, payload));
    assert_eq!(lab.raw(RESPONSE, hex(KEY_RSP_REFUSED).len()), hex(KEY_RSP_REFUSED));
    assert_eq!(counts(&lab), [6, 0, 0, 0]);

    send(&hex(TSC_INFO_REQ));
    assert_eq!(counts(&lab), [6, 2, 0, 0]);
    // Each of them again is none any more.
    for message in [REPORT_REQ, KEY_REQ, TSC_INFO_REQ] {
        lab.bus().write(REQUEST, &hex(message)).unwrap();
        lab.refused(command(), Status::AEAD_OFLOW);
    }
}

/// snp-keys.md, section 9: A to D.
#[test]
fn derived_keys() {
    let none = LaunchIdentity::default();
    let author =
        LaunchIdentity { author_key_en: true, author_key_digest: count(0x60), ..identity() };
    let old = crate::snp::tcb::TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x44]);
    let vmrk = KeyRequest { root_key_select: RootKeySelect::VMRK, ..every_field() };
    for (identity, request, expected) in [
        (
            none,
            KeyRequest::new(KeySelect::Vcek),
            "8b3362618040f524d7fcd20c9e6a8258947eda40b4b704f3a55ecefe10aea316",
        ),
        (
            identity(),
            every_field(),
            "d1566a2174e88bbc2607165c95d058a9a9aaa2c2c27daaed0b483cde9aad4ca0",
        ),
        (author, vmrk, "7831f1d5fdd02f83d25eb3c0cb32f4ba37226ae9282e425f3ffd5e4d06df7a3d"),
        (
            none,
            KeyRequest::new(KeySelect::Vcek).with_tcb_version(old),
            "880c1703d348a5c6b84380925ce5be0e14710a154fb90052d1ab3612582a54dc",
        ),
    ] {
        let lab = lab();
        key_guest(&lab, identity);
        let key = Talk::new(&lab, GCTX, RESPONSE).ask(&request, |key| key.unwrap());
        assert_eq!(encode_string(key.as_bytes()), expected);
    }
}

/// MSG_KEY_REQ's refusals that the platform decides about. (The others are `derive_guest_key`'s.)
#[test]
fn refused_keys() {
    let lab = lab();
    let mut talk = Talk::new(&lab, GCTX, RESPONSE);
    let mut ask = |request: KeyRequest| talk.ask(&request, |key| key.map(drop));
    let refused = |status| Err(OpenError::Status(status));
    assert_eq!(ask(KeyRequest::new(KeySelect::Vlek)), refused(Status::INVALID_KEY));
    lab.issue(SnpConfig { flags: 2, ..Default::default() }).unwrap();
    assert_eq!(ask(KeyRequest::new(KeySelect::Vcek)), refused(Status::INVALID_KEY));
    assert_eq!(ask(KeyRequest::new(RootKeySelect::VMRK)), Ok(()));
    lab.issue(SnpConfig::default()).unwrap();
    assert_eq!(ask(KeyRequest::new(KeySelect::Vcek)), Ok(()));
    let above = crate::snp::tcb::TcbVersion::new([3, 0, 0, 0, 0, 0, 9, 0x73]);
    let request = KeyRequest::new(KeySelect::Vcek).with_tcb_version(above);
    assert_eq!(ask(request), refused(Status::INVALID_PARAM));
    assert_eq!(
        ask(KeyRequest::new(KeySelect::Vcek).with_guest_svn(1)),
        refused(Status::INVALID_PARAM)
    );
    assert_eq!(counts(&lab), [12, 0, 0, 0]);
}

/// Version 2 of MSG_KEY_REQ comes with reports of version 5.
#[test]
fn newer_key_requests() {
    let request = KeyRequest::new(KeySelect::Vcek).with_launch_mit_vector(7);
    let (oek, vmpcks) = keys();
    for (build, is_known) in [(42, false), (43, true)] {
        let lab = Lab::with(Product::Genoa, build, &launch_script(oek, vmpcks));
        lab.guest(GCTX, ASID);
        lab.give(&[RESPONSE]);
        let mut buffer = MessageBuffer::new();
        let mut talk = Talk::new(&lab, GCTX, RESPONSE);
        let sealed = talk.channel.seal(&request, &mut buffer).unwrap();
        lab.bus().write(REQUEST, sealed.bytes()).unwrap();
        match is_known {
            true => lab.issue(command()).unwrap(),
            false => lab.refused(command(), Status::INVALID_PARAM),
        }
    }
}

/// The mailbox, in order: each wrong alone, and every two of unlike fields.
#[test]
fn mailbox_in_order() {
    let lab = lab();
    let (_, [key, other, ..]) = keys();
    lab.create(0x10_2000);
    lab.start(OTHER, OTHER_ASID, POLICY);
    lab.assign(0x40_0000, PageAssignment { page_size: Size::Size2M, ..PageAssignment::FIRMWARE });
    let good = |sequence| Header::new(MessageType::TSC_INFO_REQ, 1, 0x80, Vmpck::VMPCK0, sequence);
    let with = |at: usize, to: u8| {
        let mut bytes = *good(1).bytes();
        bytes[at] = to;
        sealed(&key, Header::from_bytes(&bytes), &[0; 0x80])
    };
    lab.bus().write(REQUEST, &sealed(&key, good(1), &[0; 0x80])).unwrap();
    let mut changed = sealed(&key, good(1), &[0; 0x80]);
    *changed.last_mut().unwrap() ^= 1;
    // A page for each.
    let pages = [
        (0, with(0x31, 2)),
        (0, with(0x32, 0x61)),
        (0, with(0x30, 2)),
        (0, with(0x36, 0)),
        (0, with(0x36, 8)),
        (0, with(0x3c, 4)),
        (0xf40, sealed(&key, good(1), &[0; 0x60])), // 0x80 bytes are announced; 0x60 are left
        (0, changed),
        (0, sealed(&other, good(1), &[0; 0x80])),
        (0, sealed(&key, good(3), &[0; 0x80])),
        (0, sealed(&key, good(0), &[0; 0x80])),
        (0, with(0x35, 0)),
        (0, with(0x35, 2)),
        (0, with(0x34, 0)),
        (0, with(0x34, 0x13)),
    ];
    for (number, (offset, message)) in (0..).zip(&pages) {
        lab.bus().write(0x30_0000 + number * 0x1000 + offset, message).unwrap();
    }
    type Wrong = (&'static str, fn(&mut SnpGuestRequest), Status);
    let wrongs: &[Wrong] = &[
        ("gctx", |c| c.gctx_paddr |= 1, Status::INVALID_PARAM),
        ("gctx", |c| c.gctx_paddr = MEMORY, Status::INVALID_ADDRESS),
        ("request", |c| c.request_paddr = MEMORY, Status::INVALID_ADDRESS),
        ("response", |c| c.response_paddr = !0, Status::INVALID_ADDRESS),
        ("gctx", |c| c.gctx_paddr = RESPONSE, Status::INVALID_GUEST),
        ("response", |c| c.response_paddr = REQUEST, Status::INVALID_PAGE_STATE),
        ("response", |c| c.response_paddr = GCTX, Status::INVALID_PAGE_STATE),
        ("request", |c| c.request_paddr = 0x40_0000, Status::INVALID_PAGE_SIZE),
        ("response", |c| c.response_paddr = 0x40_0000, Status::INVALID_PAGE_SIZE),
        ("gctx", |c| c.gctx_paddr = 0x10_2000, Status::INVALID_GUEST_STATE),
        ("gctx", |c| c.gctx_paddr = OTHER, Status::INVALID_GUEST_STATE),
        ("request", |c| c.request_paddr += 0xfa1, Status::INVALID_PARAM),
        ("request", |c| c.request_paddr = 0x30_0000, Status::INVALID_PARAM),
        ("request", |c| c.request_paddr = 0x30_1000, Status::INVALID_PARAM),
        ("request", |c| c.request_paddr = 0x30_2000, Status::INVALID_PARAM),
        ("request", |c| c.request_paddr = 0x30_3000, Status::INVALID_PARAM),
        ("request", |c| c.request_paddr = 0x30_4000, Status::INVALID_PARAM),
        ("request", |c| c.request_paddr = 0x30_5000, Status::INVALID_PARAM),
        ("request", |c| c.request_paddr = 0x30_6f40, Status::INVALID_PARAM),
        ("request", |c| c.request_paddr = 0x30_7000, Status::BAD_MEASUREMENT),
        ("request", |c| c.request_paddr = 0x30_8000, Status::BAD_MEASUREMENT),
        ("request", |c| c.request_paddr = 0x30_9000, Status::AEAD_OFLOW),
        ("request", |c| c.request_paddr = 0x30_a000, Status::AEAD_OFLOW),
        ("request", |c| c.request_paddr = 0x30_b000, Status::INVALID_PARAM),
        ("request", |c| c.request_paddr = 0x30_c000, Status::INVALID_PARAM),
        ("request", |c| c.request_paddr = 0x30_d000, Status::INVALID_PARAM),
        ("request", |c| c.request_paddr = 0x30_e000, Status::INVALID_PARAM),
    ];
    for (number, (field, spoil, status)) in wrongs.iter().enumerate() {
        let mut spoilt = command();
        spoil(&mut spoilt);
        lab.refused(spoilt, *status);
        for (other, spoil_more, _) in wrongs.iter().skip(number + 1) {
            if field != other {
                let mut both = spoilt;
                spoil_more(&mut both);
                let mut buffer = [0; SnpGuestRequest::LEN];
                both.write(&mut buffer);
                let found = lab.machine.command(SnpGuestRequest::ID, &mut buffer);
                assert_eq!(found, *status, "{field} before {other}");
            }
        }
    }
    lab.machine.lock().snp.is_init = false;
    lab.refused(command(), Status::INVALID_PLATFORM_STATE);
    lab.refused(SnpGuestRequest { gctx_paddr: 1, ..command() }, Status::INVALID_PARAM);
    lab.machine.lock().snp.is_init = true;

    // The response has no room: the count has moved all the same.
    let late = SnpGuestRequest { response_paddr: RESPONSE + 0xf80, ..command() };
    let before = lab.raw(RESPONSE, PAGE);
    let mut buffer = [0; SnpGuestRequest::LEN];
    late.write(&mut buffer);
    assert_eq!(lab.machine.command(SnpGuestRequest::ID, &mut buffer), Status::INVALID_PARAM);
    assert_eq!((counts(&lab), lab.raw(RESPONSE, PAGE)), ([2, 0, 0, 0], before));

    // Anywhere in its page, where there is room.
    let message = sealed(&key, good(3), &[0; 0x80]);
    lab.bus().write(0x30_0000 + PAGE as u64 - message.len() as u64, &message).unwrap();
    let request_paddr = 0x30_0000 + PAGE as u64 - message.len() as u64;
    lab.issue(SnpGuestRequest { request_paddr, response_paddr: RESPONSE + 0xf20, ..command() })
        .unwrap();
    assert_eq!(counts(&lab), [4, 0, 0, 0]);
}

/// The last number of a channel, and payloads that are not their type's.
#[test]
fn the_end_of_a_channel_and_wrong_payloads() {
    let lab = lab();
    let (_, [key, ..]) = keys();
    let send = |message_type, sequence, payload: &[u8]| {
        let len = payload.len().try_into().unwrap();
        let header = Header::new(message_type, 1, len, Vmpck::VMPCK0, sequence);
        lab.bus().write(REQUEST, &sealed(&key, header, payload)).unwrap();
    };
    for (number, (message_type, payload)) in (0..).zip([
        (MessageType::REPORT_REQ, &[0; 0x50][..]),
        (MessageType::REPORT_REQ, &[&[0; 0x48][..], &[1; 0x18]].concat()),
        (MessageType::REPORT_REQ, &[&[0; 0x44][..], &[4], &[0; 0x1b]].concat()),
        (MessageType::REPORT_REQ, &[&[0; 0x40][..], &[4], &[0; 0x1f]].concat()),
        (MessageType::KEY_REQ, &[8; 0x20]),
        (MessageType::CPUID_REQ, &[1; 0x10]),
        (MessageType::TSC_INFO_REQ, &[1; 0x80]),
        (MessageType::EXPORT_REQ, &[1; 0x10]),
        (MessageType::IMPORT_REQ, &[1; 0x320]),
        (MessageType::VMRK_REQ, &[1; 0x40]),
    ]) {
        send(message_type, 2 * number + 1, payload);
        lab.issue(command()).unwrap();
        let answer = lab.raw(RESPONSE, PAGE);
        let header = Header::from_bytes(answer.first_chunk().unwrap());
        assert_eq!(header.message_type(), message_type.response());
        let mut text = answer[0x60..0x60 + usize::from(header.payload_len())].to_vec();
        MessageKey::new(&key, Backend::best())
            .open_in_place(&header.nonce(), header.aad(), &mut text, header.tag())
            .unwrap();
        assert_eq!(text[..4], Status::INVALID_PARAM.0.to_le_bytes(), "{message_type}");
    }
    lab.machine.lock().snp.guests.get_mut(&GCTX).unwrap().message_counts[0] = u64::MAX - 1;
    send(MessageType::TSC_INFO_REQ, u64::MAX, &[0; 0x80]);
    lab.refused(command(), Status::AEAD_OFLOW);
    lab.machine.lock().snp.guests.get_mut(&GCTX).unwrap().message_counts[0] = u64::MAX - 3;
    send(MessageType::TSC_INFO_REQ, u64::MAX - 2, &[0; 0x80]);
    lab.issue(command()).unwrap();
    assert_eq!(counts(&lab)[0], u64::MAX - 1);
}

fn vcek() -> VerifyingKey {
    let point = "04bf774a3012be2dad27daa898548c1a27ab169d6d2c54812e37ea2233ec0eea2d0c8e1a36ccfd9d17d8cc0654b6c6842f\
                 fdda670881b012cea092747f057e03a6c5f5615b156ae6ad1c712740cbe6e3bcd4523a6c7d62ca457f3b47beed1a27f8";
    VerifyingKey::from_sec1(&hex(point).try_into().unwrap()).unwrap()
}

/// snp-report.md, section 12: whole reports of versions 2 and 3, through the commands.
#[test]
fn whole_reports() {
    let digest = |text| -> [u8; 48] { hex(text).try_into().unwrap() };
    let (oek, vmpcks) = keys();
    for (product, version, tsme, expected) in [
        (
            Product::Milan,
            FirmwareVersion { major: 1, minor: 52, build: 4 },
            false,
            "dc7013e8ccefe6d165390708e15e5d365835ce123545bbf124735919d8696a40",
        ),
        (
            Product::Genoa,
            FirmwareVersion { major: 1, minor: 55, build: 40 },
            true,
            "f11762c5f2bce2f4b38619d0b5feb8e5a2203c83d619ac17dc127bf191020cc3",
        ),
    ] {
        let lab = Lab::with(product, FIRST, &launch_script(oek, vmpcks));
        lab.guest(GCTX, ASID);
        key_guest(
            &lab,
            LaunchIdentity {
                id_block: Some(id_block()),
                id_key_digest: digest(
                    "e6daf694fc53178244dbe1e38a89d1745109f311b3562c4c6788048c2db409d6540649973031eb2d9230f88113f397ed",
                ),
                author_key_digest: digest(
                    "603725508e4cda0503ff8cb2f44f5ea65e1cedf857b26202795c865ceb06daf859959fcc38179f104b7ccf996e21442a",
                ),
                id_block_en: true,
                author_key_en: true,
            },
        );
        {
            let mut state = lab.machine.lock();
            (state.versions.current, state.versions.committed) = (version, version);
            state.facts.tsme = tsme;
            let guest = state.snp.guests.get_mut(&GCTX).unwrap();
            guest.digest = LaunchDigest::resume(digest(
                "34c94b940900393b2c55936d5bb2099e37ce99bba725b186bf564314491c69dfdf1e5a3e564e024e4afaea3b8a912a3d",
            ));
        }
        let request = ReportRequest::new(&count(0)).with_vmpl(Vmpl::VMPL1);
        Talk::new(&lab, GCTX, RESPONSE).ask(&request, |report| {
            let report = report.unwrap();
            assert_eq!(encode_string(&Sha256::digest(report)), expected);
            let report = Report::from_bytes(report).unwrap();
            let signature = report.signature().unwrap();
            assert!(vcek().verify_vartime(report.signed_bytes(), &signature));
        });
    }
}

#[test]
fn versions_of_reports() {
    let of =
        |product, build| report_version(product, FirmwareVersion { major: 1, minor: 55, build });
    for (product, build, version) in [
        (Product::Milan, 21, 2),
        (Product::Milan, 22, 3),
        (Product::Milan, 34, 3),
        (Product::Milan, 35, 5),
        (Product::Genoa, 25, 2),
        (Product::Genoa, 38, 3),
        (Product::Genoa, 43, 5),
        (Product::Turin, 61, 5),
    ] {
        assert_eq!(of(product, build), version, "{product} {build}");
    }
    let newer = FirmwareVersion { major: 1, minor: 56, build: 0 };
    assert_eq!(report_version(Product::Genoa, newer), 5);
}

/// KEY_SEL, the masks, and what the report says of them.
#[test]
fn keys_that_sign() {
    let lab = Lab::new();
    lab.start(GCTX, ASID, POLICY);
    lab.issue(SnpLaunchFinish { gctx_paddr: GCTX, ..Default::default() }).unwrap();
    let mut talk = Talk::new(&lab, GCTX, RESPONSE);
    let mut ask = |select: Option<KeySelect>| {
        let mut request = ReportRequest::new(&[0x5a; 64]);
        request.key_select = select;
        talk.ask(&request, |report| report.copied())
    };
    let invalid = Err(OpenError::Status(Status::INVALID_KEY));
    let signed_by = |report: Result<[u8; REPORT_LEN], OpenError>| {
        let bytes = report.unwrap();
        let report = Report::from_bytes(&bytes).unwrap();
        assert_eq!(report.check_reserved(), Ok(()));
        assert_eq!(report.report_data(), &[0x5a; 64]);
        (
            report.key_info().signing_key(),
            report.key_info().mask_chip_key(),
            report.chip_id_is_masked(),
        )
    };
    assert_eq!(signed_by(ask(Some(KeySelect::VlekOrVcek))), (ReportKey::Vcek, false, false));
    assert_eq!(signed_by(ask(Some(KeySelect::Vcek))), (ReportKey::Vcek, false, false));
    assert_eq!(ask(Some(KeySelect::Vlek)), invalid);
    assert_eq!(ask(None), invalid);

    lab.issue(SnpConfig { flags: 3, ..Default::default() }).unwrap();
    let masked = ask(Some(KeySelect::Vcek));
    assert_eq!(signed_by(masked), (ReportKey::None, true, true));
    assert!(masked.unwrap()[0x2a0..].iter().all(|byte| *byte == 0));

    // A VLEK.
    let provider = ChipSecret::new(&[8; 48]);
    let sticks = VlekSticks::from(&HashSticks::new(&provider, TCB));
    let blob = {
        let state = lab.machine.lock();
        let stick_7 = state.versions.reported_sticks.stick_7();
        sticks.wrap(stick_7, TCB, &[1; 12], Backend::best())
    };
    lab.bus().write(0x30_0000, &blob).unwrap();
    let load = SnpVlekLoad { len: 0x10, vlek_wrapped_paddr: 0x30_0000, ..Default::default() };
    lab.issue(load).unwrap();
    let report = ask(Some(KeySelect::VlekOrVcek));
    assert_eq!(signed_by(report), (ReportKey::Vlek, true, true));
    let bytes = report.unwrap();
    let report = Report::from_bytes(&bytes).unwrap();
    let key = crate::snp::keys::PrivateKey::vlek(sticks.stick_7()).signing_key().verifying_key();
    assert!(key.verify_vartime(report.signed_bytes(), &report.signature().unwrap()));
    assert_eq!(signed_by(ask(Some(KeySelect::Vlek))), (ReportKey::Vlek, true, true));
    assert_eq!(signed_by(ask(Some(KeySelect::Vcek))), (ReportKey::None, true, true));
    lab.issue(SnpConfig::default()).unwrap();
    assert_eq!(signed_by(ask(Some(KeySelect::Vcek))), (ReportKey::Vcek, false, false));

    // A guest that may not have the VCEK.
    let _ = &mut ask;
    lab.start(OTHER, OTHER_ASID, POLICY);
    lab.issue(SnpLaunchFinish { gctx_paddr: OTHER, flags: 4, ..Default::default() }).unwrap();
    let key = lab.machine.lock().snp.guests[&OTHER].vmpcks[0];
    let mut talk = Talk::with_key(&lab, OTHER, RESPONSE, &key, Vmpck::VMPCK0, 0);
    let mut ask = |select: KeySelect| {
        let request = ReportRequest::new(&[0x5a; 64]).with_key_select(select);
        talk.ask(&request, |report| report.copied())
    };
    assert_eq!(ask(KeySelect::Vcek), invalid);
    assert_eq!(signed_by(ask(KeySelect::VlekOrVcek)), (ReportKey::Vlek, false, false));
    lab.machine.lock().snp.vlek = None;
    assert_eq!(ask(KeySelect::VlekOrVcek), invalid);
    // VMPL comes after the key.
    let key = lab.machine.lock().snp.guests[&OTHER].vmpcks[2];
    let mut talk = Talk::with_key(&lab, OTHER, RESPONSE, &key, Vmpck::VMPCK2, 0);
    let request = ReportRequest::new(&[0; 64]).with_vmpl(Vmpl::VMPL1);
    assert_eq!(talk.ask(&request, |report| report.copied()), invalid);
    lab.machine.lock().snp.guests.get_mut(&OTHER).unwrap().vcek_dis = false;
    let refused = Err(OpenError::Status(Status::INVALID_PARAM));
    assert_eq!(talk.ask(&request, |report| report.copied()), refused);
    let request = request.with_vmpl(Vmpl::VMPL2);
    assert!(talk.ask(&request, |report| report.is_ok()));
}

/// TSC_INFO, and CPUID with entries that are accepted, corrected and refused.
#[test]
fn tsc_and_cpuid() {
    let lab = lab();
    lab.machine.lock().snp.guests.get_mut(&GCTX).unwrap().desired_tsc_freq = 2_000_000;
    let mut talk = Talk::new(&lab, GCTX, RESPONSE);
    let info = talk.ask(&TscInfoRequest, |info| info.unwrap());
    let scale = (2_000_000u64 << 32).div_ceil(99_800);
    assert_eq!((info.guest_tsc_scale, info.guest_tsc_offset, info.tsc_factor), (scale, 0, 200));

    let good = CpuidEntry { eax_in: 0, eax: 0x10, ..CpuidEntry::default() };
    let high = CpuidEntry { eax: 0x20, ..good };
    let reserved = CpuidEntry { reserved: 1, ..good };
    for (entries, status, expected) in [
        (&[good][..], Status::SUCCESS, &[good][..]),
        (&[good, high], Status::INVALID_PARAM, &[good, good]),
        (&[reserved], Status::INVALID_PARAM, &[reserved]),
        (&[], Status::SUCCESS, &[]),
        (&[good; 64], Status::SUCCESS, &[good; 64]),
    ] {
        let bytes: Vec<_> = entries.iter().map(CpuidEntry::to_bytes).collect();
        let request = CpuidRequest { entries: CpuidEntries::new(&bytes).unwrap() };
        talk.ask(&request, |response| {
            let response = response.unwrap();
            assert_eq!(response.status, status);
            assert!(response.entries.iter().eq(expected.iter().copied()));
        });
    }
}
