//! Each type of message from end to end, and each reserved bit of the requests.

use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::keys::{DerivedKey, KeyRequest, KeySelect};
use sevcrypt::snp::message::{
    AbsorbNomaRequest, AbsorbRequest, ContextDraft, CpuidEntries, CpuidEntry, CpuidRequest,
    CpuidResponse, ExportRequest, ExportedContext, FirmwareChannels, GuestRequest, Header,
    ImportRequest, IncomingContext, MessageBuffer, MessageType, OpenError, ReportRequest, Request,
    Response, TscInfo, TscInfoRequest, Vmpck, VmrkRequest, WrongResponse,
};
use sevcrypt::snp::tcb::TcbVersion;
use sevcrypt::{Backend, PhysAddr, Status, Vmpl};

use crate::{firmware, guest, key_of, open, opened, sealed};

/// Sends a request with VMPCK0; the firmware answers what `answer` says, which sees the request.
fn exchange<R: Request>(
    request: &R,
    answer: impl for<'a> Fn(GuestRequest<'a>) -> Result<Response<'static>, Status>,
    check: impl FnOnce(Result<R::Response<'_>, OpenError>),
) {
    let (mut buffer, mut firmware_buffer) = (MessageBuffer::new(), MessageBuffer::new());
    let (mut channel, mut channels) = (guest(Vmpck::VMPCK0, 0), firmware([0; 4]));
    let request = channel.seal(request, &mut buffer).unwrap();
    let opened = open(&mut channels, &mut firmware_buffer, request.bytes()).unwrap();
    assert_eq!(opened.header(), request.header());
    assert_eq!(opened.payload().len(), usize::from(request.header().payload_len()));
    let response = opened.request().and_then(answer);
    let answer = opened.respond(response).unwrap();
    check(request.open(|copy| {
        assert_eq!(copy.len(), answer.len());
        copy.copy_from_slice(answer);
    }));
    assert_eq!((channel.count(), channels.count(Vmpck::VMPCK0)), (2, 2));
    assert!(!channel.is_stopped());
}

/// The plaintext of a request.
fn payload(request: &impl Request) -> Vec<u8> {
    let (mut channel, mut buffer) = (guest(Vmpck::VMPCK0, 0), MessageBuffer::new());
    opened(&key_of(Vmpck::VMPCK0), channel.seal(request, &mut buffer).unwrap().bytes())
}

/// Sets each bit outside of `fields` of a good payload, and says what `parse` then has to: the status. Other lengths
/// are `INVALID_PARAM`.
fn reserved_bits(
    good: &[u8],
    fields: &[std::ops::Range<usize>],
    parse: impl Fn(&[u8]) -> Option<Status>,
) {
    assert_eq!(parse(good), None);
    for bit in 0..good.len() * 8 {
        if !fields.iter().any(|field| field.contains(&bit)) {
            let mut payload = good.to_vec();
            payload[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&payload), Some(Status::INVALID_PARAM), "bit {bit}");
        }
    }
    for len in 0..good.len() {
        assert_eq!(parse(&good[..len]), Some(Status::INVALID_PARAM), "{len} bytes");
    }
    assert_eq!(parse(&[good, &[0; 16]].concat()), Some(Status::INVALID_PARAM));
}

fn entry(eax_in: u32) -> CpuidEntry {
    CpuidEntry {
        eax_in,
        ecx_in: 1,
        xcr0_in: 2,
        xss_in: 3,
        eax: 4,
        ebx: 5,
        ecx: 6,
        edx: 7,
        reserved: 8,
    }
}

#[test]
fn cpuid() {
    let table: Vec<_> = (0..64).map(|eax_in| entry(eax_in).to_bytes()).collect();
    assert_eq!(table[9][..8], [9, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(table[9][0x18..0x1c], [4, 0, 0, 0]);
    assert_eq!(CpuidEntry::from_bytes(&table[9]), entry(9));
    assert_eq!(CpuidEntries::new(&[table[0]; 65]), None);
    static CORRECTED: [[u8; 48]; 64] = [[0x77; 48]; 64];
    for count in [0, 1, 2, 63, 64] {
        let request = CpuidRequest { entries: CpuidEntries::new(&table[..count]).unwrap() };
        assert_eq!(payload(&request).len(), 16 + 48 * count);
        for status in [Status::SUCCESS, Status::INVALID_PARAM] {
            let entries = CpuidEntries::new(&CORRECTED[..count]).unwrap();
            let response = CpuidResponse { status, entries };
            exchange(
                &request,
                |asked| {
                    let GuestRequest::Cpuid(asked) = asked else { panic!("{asked:?}") };
                    assert_eq!(asked.entries.len(), count);
                    assert!(asked.entries.iter().eq((0..count as u32).map(entry)));
                    Ok(Response::Cpuid(response))
                },
                |answer| assert_eq!(answer, Ok(response)),
            );
        }
        // The firmware did not look at the entries.
        exchange(
            &request,
            |_| Err(Status::INVALID_PARAM),
            |answer| {
                let answer = answer.unwrap();
                assert_eq!((answer.status, answer.entries.len()), (Status::INVALID_PARAM, 0));
            },
        );
    }
    assert!(CpuidEntries::empty().is_empty());
    assert!(!CpuidEntries::new(&table[..1]).unwrap().is_empty());

    let request = CpuidRequest { entries: CpuidEntries::new(&table[..2]).unwrap() };
    let good = payload(&request);
    let entries = 16 * 8..good.len() * 8;
    reserved_bits(&good, &[entries], |payload| CpuidRequest::parse(payload).err());
    let mut many = vec![0; 16 + 48 * 65];
    many[0] = 65;
    assert_eq!(CpuidRequest::parse(&many), Err(Status::INVALID_PARAM));
}

/// Another status than `INVALID_PARAM` says nothing of the entries; none of them must be missing after success.
#[test]
fn cpuid_that_is_no_answer() {
    let table = [entry(0).to_bytes(); 2];
    let request = CpuidRequest { entries: CpuidEntries::new(&table).unwrap() };
    exchange(
        &request,
        |_| {
            let entries = CpuidEntries::new(&[[0; 48]; 2]).unwrap();
            Ok(Response::Cpuid(CpuidResponse { status: Status::HWERROR_PLATFORM, entries }))
        },
        |answer| assert_eq!(answer, Err(OpenError::Status(Status::HWERROR_PLATFORM))),
    );
    for (status, count) in [(0, 0), (0, 1), (0, 3), (0x16, 1), (0x16, 3)] {
        let mut payload = [0; 16 + 48 * 2];
        (payload[0], payload[4]) = (status, count);
        let header = Header::new(MessageType::CPUID_RSP, 1, 16 + 48 * 2, Vmpck::VMPCK0, 2);
        let message = sealed(&key_of(Vmpck::VMPCK0), header, &payload);
        let (mut channel, mut buffer) = (guest(Vmpck::VMPCK0, 0), MessageBuffer::new());
        let request = channel.seal(&request, &mut buffer).unwrap();
        let error = request.open(|copy| copy.copy_from_slice(&message)).unwrap_err();
        assert_eq!(error, OpenError::Payload { offset: 4 }, "{status:#x}, {count} entries");
    }
}

/// A response with another number of entries than the request does not fit.
#[test]
fn cpuid_of_another_length() {
    let table = [entry(0).to_bytes(); 2];
    let request = CpuidRequest { entries: CpuidEntries::new(&table).unwrap() };
    let (mut buffer, mut firmware_buffer) = (MessageBuffer::new(), MessageBuffer::new());
    let mut channel = guest(Vmpck::VMPCK0, 0);
    let request = channel.seal(&request, &mut buffer).unwrap();
    let mut channels = firmware([0; 4]);
    let opened = open(&mut channels, &mut firmware_buffer, request.bytes()).unwrap();
    let entries = CpuidEntries::new(&table[..1]).unwrap();
    let response = CpuidResponse { status: Status::SUCCESS, entries };
    assert_eq!(opened.respond(Ok(Response::Cpuid(response))), Err(WrongResponse));

    // A count beyond the payload, from a firmware with a mistake.
    let mut payload = [0; 16 + 48 * 2];
    payload[4] = 3;
    let header = Header::new(MessageType::CPUID_RSP, 1, 16 + 48 * 2, Vmpck::VMPCK0, 2);
    let message = sealed(&key_of(Vmpck::VMPCK0), header, &payload);
    let error = request.open(|copy| copy.copy_from_slice(&message)).unwrap_err();
    assert_eq!(error, OpenError::Payload { offset: 4 });
}

#[test]
fn key() {
    static KEY: std::sync::LazyLock<DerivedKey> =
        std::sync::LazyLock::new(|| DerivedKey::new(&[7; 32]));
    let request = KeyRequest::new(KeySelect::Vcek).with_vmpl(Vmpl::VMPL3);
    exchange(
        &request,
        |asked| {
            assert!(matches!(asked, GuestRequest::Key(asked) if asked == request));
            Ok(Response::Key(&KEY))
        },
        |key| assert_eq!(key.unwrap().as_bytes(), &[7; 32]),
    );
    exchange(
        &request,
        |_| Err(Status::INVALID_KEY),
        |key| {
            assert_eq!(key.unwrap_err(), OpenError::Status(Status::INVALID_KEY));
        },
    );
}

/// Version 2 (MODEL) goes only where the firmware knows it.
#[test]
fn key_of_version_2() {
    let request = KeyRequest::new(KeySelect::Vcek).with_launch_mit_vector(0xb);
    let (mut buffer, mut firmware_buffer) = (MessageBuffer::new(), MessageBuffer::new());
    let mut channel = guest(Vmpck::VMPCK0, 0);
    let message = channel.seal(&request, &mut buffer).unwrap();
    assert_eq!((message.header().message_version(), message.bytes().len()), (2, 0x90));
    let result = open(&mut firmware([0; 4]), &mut firmware_buffer, message.bytes()).map(drop);
    assert_eq!(result, Err(Status::INVALID_PARAM));
    let mut channels = firmware([0; 4]).with_max_version(MessageType::KEY_REQ, 2);
    let opened = open(&mut channels, &mut firmware_buffer, message.bytes()).unwrap();
    assert!(matches!(opened.request(), Ok(GuestRequest::Key(asked)) if asked == request));
    let key = DerivedKey::new(&[9; 32]);
    let answer = opened.respond(Ok(Response::Key(&key))).unwrap();
    let key = message.open(|copy| copy.copy_from_slice(answer)).unwrap();
    assert_eq!(key.as_bytes(), &[9; 32]);
}

#[test]
fn report() {
    static REPORT: [u8; 1184] = [0x33; 1184];
    let request =
        ReportRequest::new(&[5; 64]).with_vmpl(Vmpl::VMPL3).with_key_select(KeySelect::Vlek);
    exchange(
        &request,
        |asked| {
            assert!(matches!(asked, GuestRequest::Report(asked) if asked == request));
            Ok(Response::Report(&REPORT))
        },
        |report| assert_eq!(report, Ok(&REPORT)),
    );
    exchange(
        &request,
        |_| Err(Status::INVALID_KEY),
        |report| {
            assert_eq!(report, Err(OpenError::Status(Status::INVALID_KEY)));
        },
    );

    let good = payload(&request);
    assert_eq!(good[0x40..0x48], [3, 0, 0, 0, 2, 0, 0, 0]);
    // VMPL's bits above 3 are refused, though the published firmware does not look at them.
    let fields = [0..64 * 8, 0x40 * 8..0x40 * 8 + 2, 0x44 * 8..0x44 * 8 + 2];
    reserved_bits(&good, &fields, |payload| ReportRequest::parse(payload).err());
    // The reserved value of KEY_SEL is left to the platform.
    let mut bytes = good.clone();
    bytes[0x44] = 3;
    let asked = ReportRequest::parse(&bytes).unwrap();
    assert_eq!(asked.key_select, None);
    assert_eq!(payload(&asked), bytes);

    for vmpck in Vmpck::ALL {
        for level in 0..4 {
            let request = ReportRequest::new(&[0; 64]).with_vmpl(Vmpl::new(level).unwrap());
            let may = level >= vmpck.get().into();
            let expected = if may { Ok(()) } else { Err(Status::INVALID_PARAM) };
            assert_eq!(request.check_vmpl(vmpck), expected);
        }
    }
}

fn context() -> ContextDraft {
    let mut draft = ContextDraft::new();
    draft
        .set_measurement(&[1; 48])
        .set_oek(&[2; 32])
        .set_vmrk(&[7; 32])
        .set_host_data(&[8; 32])
        .set_id_key_digest(&[9; 48])
        .set_author_key_digest(&[10; 48])
        .set_report_id(&[11; 32])
        .set_imd(&[12; 48])
        .set_root_md_entry(&[17; 64])
        .set_flags(0x1212_1212_1212_1212)
        .set_policy(GuestPolicy(0x1313_1313_1313_1313))
        .set_state(0x14)
        .set_oek_iv_count(0x1515_1515_1515_1515)
        .set_id_block(&[0x16; 96])
        .set_gosvw(&[0x17; 16])
        .set_desired_tsc_freq(0x1818_1818)
        .set_psp_tsc_offset(0x1919_1919_1919_1919)
        .set_launch_tcb(TcbVersion::new([0x1a; 8]));
    for vmpck in Vmpck::ALL {
        draft.set_vmpck(vmpck, &[3 + vmpck.get(); 32]);
        draft.set_message_count(vmpck, 0x0d0d_0d0d_0d0d_0d0d + u64::from(vmpck.get()));
    }
    draft
}

/// The layout of the exported context, field by field.
#[test]
fn the_exported_context() {
    let draft = context();
    let context = draft.context();
    let mut expected = Vec::new();
    let mut fill = |len: usize, byte: u8| expected.extend(vec![byte; len]);
    fill(48, 1);
    for byte in 2..=8 {
        fill(32, byte);
    }
    fill(48, 9);
    fill(48, 10);
    fill(32, 11);
    fill(48, 12);
    for low in 0xd..=0x10 {
        fill(1, low);
        fill(7, 0xd);
    }
    fill(64, 17);
    fill(8, 0x12);
    fill(8, 0x13);
    fill(1, 0x14);
    fill(7, 0);
    fill(8, 0x15);
    fill(96, 0x16);
    fill(16, 0x17);
    fill(4, 0x18);
    fill(4, 0);
    fill(8, 0x19);
    fill(8, 0x1a);
    fill(56, 0);
    assert_eq!(context.bytes()[..], expected);

    assert_eq!(context.measurement(), &[1; 48]);
    assert_eq!(context.oek(), &[2; 32]);
    assert_eq!(context.vmrk(), &[7; 32]);
    assert_eq!(context.host_data(), &[8; 32]);
    assert_eq!(context.id_key_digest(), &[9; 48]);
    assert_eq!(context.author_key_digest(), &[10; 48]);
    assert_eq!(context.report_id(), &[11; 32]);
    assert_eq!(context.imd(), &[12; 48]);
    assert_eq!(context.root_md_entry(), &[17; 64]);
    assert_eq!(context.flags(), 0x1212_1212_1212_1212);
    assert_eq!(context.policy(), GuestPolicy(0x1313_1313_1313_1313));
    assert_eq!(context.state(), 0x14);
    assert_eq!(context.oek_iv_count(), 0x1515_1515_1515_1515);
    assert_eq!(context.id_block(), &[0x16; 96]);
    assert_eq!(context.gosvw(), &[0x17; 16]);
    assert_eq!(context.desired_tsc_freq(), 0x1818_1818);
    assert_eq!(context.psp_tsc_offset(), 0x1919_1919_1919_1919);
    assert_eq!(context.launch_tcb(), TcbVersion::new([0x1a; 8]));
    for vmpck in Vmpck::ALL {
        assert_eq!(context.vmpck(vmpck), &[3 + vmpck.get(); 32]);
        assert_eq!(context.message_count(vmpck), 0x0d0d_0d0d_0d0d_0d0d + u64::from(vmpck.get()));
    }
    assert_eq!(format!("{draft:?} {context:?}"), "ContextDraft(..) ExportedContext(..)");
}

fn addr() -> PhysAddr {
    PhysAddr::new(0xf_edcb_a987_6000).unwrap()
}

#[test]
fn export() {
    static CONTEXT: [u8; 0x300] = [0x44; 0x300];
    let request = ExportRequest { gctx_paddr: addr(), imi_en: true };
    exchange(
        &request,
        |asked| {
            assert!(matches!(asked, GuestRequest::Export(asked) if asked == request));
            Ok(Response::Export(ExportedContext::from_bytes(&CONTEXT)))
        },
        |context| assert_eq!(context.unwrap().bytes(), &CONTEXT),
    );
    exchange(
        &request,
        |_| Err(Status::INVALID_GUEST),
        |context| {
            assert_eq!(context.unwrap_err(), OpenError::Status(Status::INVALID_GUEST));
        },
    );
    let good = payload(&request);
    assert_eq!(good, [0, 0x60, 0x87, 0xa9, 0xcb, 0xed, 0xf, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    reserved_bits(&good, &[12..64, 64..65], |payload| ExportRequest::parse(payload).err());
    let mut beyond = good;
    beyond[7] = 1;
    assert_eq!(ExportRequest::parse(&beyond), Err(Status::INVALID_ADDRESS));
}

/// A size or version of the context that this library does not know, from a firmware of another time.
#[test]
fn an_export_of_another_form() {
    let request = ExportRequest { gctx_paddr: addr(), imi_en: false };
    for (at, offset) in [(4, 4), (5, 4), (8, 8)] {
        let mut payload = vec![0; 0xfa0];
        payload[4..9].copy_from_slice(&[0, 3, 0, 0, 3]);
        payload[at] ^= 1;
        let header = Header::new(MessageType::EXPORT_RSP, 1, 0xfa0, Vmpck::VMPCK0, 2);
        let message = sealed(&key_of(Vmpck::VMPCK0), header, &payload);
        let (mut channel, mut buffer) = (guest(Vmpck::VMPCK0, 0), MessageBuffer::new());
        let request = channel.seal(&request, &mut buffer).unwrap();
        let error = request.open(|copy| copy.copy_from_slice(&message)).unwrap_err();
        assert_eq!(error, OpenError::Payload { offset });
    }
}

#[test]
fn import_and_absorb() {
    let draft = context();
    let incoming = IncomingContext::new(draft.context());
    let import = ImportRequest { gctx_paddr: addr(), incoming };
    exchange(
        &import,
        |asked| {
            let GuestRequest::Import(asked) = asked else { panic!("{asked:?}") };
            assert_eq!(asked.gctx_paddr, addr());
            assert_eq!(asked.incoming.check_version(), Ok(()));
            assert_eq!(asked.incoming.context.bytes(), draft.context().bytes());
            Ok(Response::Done)
        },
        |done| assert_eq!(done, Ok(())),
    );
    exchange(
        &import,
        |_| Err(Status::INVALID_MDATA_ENTRY),
        |done| {
            assert_eq!(done, Err(OpenError::Status(Status::INVALID_MDATA_ENTRY)));
        },
    );
    let absorb = AbsorbRequest { gctx_paddr: addr(), incoming };
    exchange(
        &absorb,
        |asked| {
            let GuestRequest::Absorb(asked) = asked else { panic!("{asked:?}") };
            assert_eq!(asked.incoming.context.bytes(), draft.context().bytes());
            Ok(Response::Done)
        },
        |done| assert_eq!(done, Ok(())),
    );

    let good = payload(&import);
    assert_eq!(good, payload(&absorb));
    assert_eq!(good[8..16], [0, 3, 0, 0, 3, 0, 0, 0]);
    let fields = [12..128, 0x20 * 8..good.len() * 8];
    reserved_bits(&good, &fields, |payload| ImportRequest::parse(payload).err());
    reserved_bits(&good, &fields, |payload| AbsorbRequest::parse(payload).err());
    for at in 8..16 {
        let mut other = good.clone();
        other[at] ^= 1;
        let incoming = ImportRequest::parse(&other).unwrap().incoming;
        assert_eq!(incoming.check_version(), Err(Status::INVALID_PARAM));
    }
}

/// The guest absorbs a context: the answer has the old key and number, what comes then the new ones.
#[test]
fn absorb_noma() {
    let mut draft = ContextDraft::new();
    for vmpck in Vmpck::ALL {
        draft.set_vmpck(vmpck, &[0x90 + vmpck.get(); 32]);
        draft.set_message_count(vmpck, 20 + 2 * u64::from(vmpck.get()));
    }
    let request = AbsorbNomaRequest { incoming: IncomingContext::new(draft.context()) };
    let (mut buffer, mut firmware_buffer) = (MessageBuffer::new(), MessageBuffer::new());
    let (mut channel, mut channels) = (guest(Vmpck::VMPCK0, 0), firmware([0; 4]));
    let message = channel.seal(&request, &mut buffer).unwrap();
    let opened = open(&mut channels, &mut firmware_buffer, message.bytes()).unwrap();
    assert!(matches!(opened.request(), Ok(GuestRequest::AbsorbNoma(_))));
    let answer = opened.absorb().unwrap();
    message.open(|copy| copy.copy_from_slice(answer)).unwrap();
    assert_eq!((channel.count(), channel.is_stopped()), (2, false));
    assert_eq!(Vmpck::ALL.map(|vmpck| channels.count(vmpck)), [22, 22, 24, 26]);

    // The old key is no key any more.
    let message = channel.seal(&TscInfoRequest, &mut buffer).unwrap();
    let status = open(&mut channels, &mut firmware_buffer, message.bytes()).unwrap_err();
    assert_eq!(status, Status::BAD_MEASUREMENT);
    let header = Header::new(MessageType::TSC_INFO_REQ, 1, 0x80, Vmpck::VMPCK3, 27);
    let message = sealed(&[0x93; 32], header, &[0; 0x80]);
    assert!(open(&mut channels, &mut firmware_buffer, &message).is_ok());

    // What the firmware knows stays.
    let mut channels = firmware([0; 4]).with_max_version(MessageType::KEY_REQ, 2);
    let mut channel = guest(Vmpck::VMPCK0, 0);
    let message = channel.seal(&request, &mut buffer).unwrap();
    open(&mut channels, &mut firmware_buffer, message.bytes()).unwrap().absorb().unwrap();
    let header = Header::new(MessageType::KEY_REQ, 2, 0x20, Vmpck::VMPCK1, 23);
    let message = sealed(&[0x91; 32], header, &[0; 0x20]);
    assert!(open(&mut channels, &mut firmware_buffer, &message).is_ok());

    // A refusal changes nothing but the count.
    let (mut channel, mut channels) = (guest(Vmpck::VMPCK0, 0), firmware([0; 4]));
    let message = channel.seal(&request, &mut buffer).unwrap();
    let opened = open(&mut channels, &mut firmware_buffer, message.bytes()).unwrap();
    let answer = opened.respond(Err(Status::BAD_MEASUREMENT)).unwrap();
    let error = message.open(|copy| copy.copy_from_slice(answer)).unwrap_err();
    assert_eq!(error, OpenError::Status(Status::BAD_MEASUREMENT));
    assert_eq!(Vmpck::ALL.map(|vmpck| channels.count(vmpck)), [2, 0, 0, 0]);
    // A context that may have another layout replaces no key.
    for incoming in [
        IncomingContext { size: 0x310, ..request.incoming },
        IncomingContext { version: 4, ..request.incoming },
    ] {
        let (mut channel, mut channels) = (guest(Vmpck::VMPCK0, 0), firmware([0; 4]));
        let message = channel.seal(&AbsorbNomaRequest { incoming }, &mut buffer).unwrap();
        let opened = open(&mut channels, &mut firmware_buffer, message.bytes()).unwrap();
        assert_eq!(opened.absorb(), Err(WrongResponse));
        assert_eq!(Vmpck::ALL.map(|vmpck| channels.count(vmpck)), [0; 4]);
        let opened = open(&mut channels, &mut firmware_buffer, message.bytes()).unwrap();
        assert!(opened.respond(Err(Status::INVALID_PARAM)).is_ok());
    }
    // `Done` would leave the old keys.
    let message = channel.seal(&request, &mut buffer).unwrap();
    let opened = open(&mut channels, &mut firmware_buffer, message.bytes()).unwrap();
    assert_eq!(opened.respond(Ok(Response::Done)), Err(WrongResponse));

    let good = payload(&request);
    let fields = [64..128, 0x20 * 8..good.len() * 8];
    reserved_bits(&good, &fields, |payload| AbsorbNomaRequest::parse(payload).err());
}

/// MODEL: from a count without a next one, the count does not move, least of all to zero.
#[test]
fn absorb_noma_at_the_last_count() {
    for last in [u64::MAX, u64::MAX - 1] {
        let mut draft = ContextDraft::new();
        draft.set_message_count(Vmpck::VMPCK0, last);
        let request = AbsorbNomaRequest { incoming: IncomingContext::new(draft.context()) };
        let (mut buffer, mut firmware_buffer) = (MessageBuffer::new(), MessageBuffer::new());
        let (mut channel, mut channels) = (guest(Vmpck::VMPCK0, 0), firmware([0; 4]));
        let message = channel.seal(&request, &mut buffer).unwrap();
        open(&mut channels, &mut firmware_buffer, message.bytes()).unwrap().absorb().unwrap();
        assert_eq!(channels.count(Vmpck::VMPCK0), last);
    }
}

#[test]
fn vmrk() {
    let request = VmrkRequest { gctx_paddr: addr(), vmrk: &[0x66; 32] };
    exchange(
        &request,
        |asked| {
            let GuestRequest::Vmrk(asked) = asked else { panic!("{asked:?}") };
            assert_eq!((asked.gctx_paddr, asked.vmrk), (addr(), &[0x66; 32]));
            Ok(Response::Done)
        },
        |done| assert_eq!(done, Ok(())),
    );
    exchange(
        &request,
        |_| Err(Status::INVALID_GUEST),
        |done| {
            assert_eq!(done, Err(OpenError::Status(Status::INVALID_GUEST)));
        },
    );
    let good = payload(&request);
    let fields = [12..64, 0x20 * 8..0x40 * 8];
    reserved_bits(&good, &fields, |payload| VmrkRequest::parse(Vmpck::VMPCK0, payload).err());
    for vmpck in [Vmpck::VMPCK1, Vmpck::VMPCK2, Vmpck::VMPCK3] {
        assert_eq!(VmrkRequest::parse(vmpck, &good).err(), Some(Status::INVALID_PARAM));
    }
    let printed = format!("VmrkRequest {{ gctx_paddr: {:?}, .. }}", addr());
    assert_eq!(format!("{request:?}"), printed, "without the key");
}

#[test]
fn tsc_info() {
    let info =
        TscInfo { guest_tsc_scale: 1 << 32, guest_tsc_offset: u64::MAX - 5, tsc_factor: 200 };
    exchange(
        &TscInfoRequest,
        |asked| {
            assert!(matches!(asked, GuestRequest::TscInfo(_)));
            Ok(Response::TscInfo(info))
        },
        |answer| assert_eq!(answer, Ok(info)),
    );
    exchange(
        &TscInfoRequest,
        |_| Err(Status::INVALID_PARAM),
        |answer| {
            assert_eq!(answer, Err(OpenError::Status(Status::INVALID_PARAM)));
        },
    );
    reserved_bits(&[0; 0x80], &[], |payload| TscInfoRequest::parse(payload).err());
}

/// Every refusal, as bytes: the status, and nothing that a guest could take for an answer.
#[test]
fn refusals() {
    let lengths = [
        (MessageType::CPUID_REQ, 0x40, 0x40),
        (MessageType::KEY_REQ, 0x20, 0x40),
        (MessageType::REPORT_REQ, 0x60, 0x4c0),
        (MessageType::EXPORT_REQ, 0x10, 0xfa0),
        (MessageType::IMPORT_REQ, 0x320, 0x10),
        (MessageType::ABSORB_REQ, 0x320, 0x10),
        (MessageType::VMRK_REQ, 0x40, 0x10),
        (MessageType::ABSORB_NOMA_REQ, 0x320, 0x10),
        (MessageType::TSC_INFO_REQ, 0x80, 0x80),
    ];
    let key = key_of(Vmpck::VMPCK3);
    for (message_type, len, response_len) in lengths {
        // Longer than its type has: `request` refuses it.
        for longer in [0, 16] {
            let header = Header::new(message_type, 1, len + longer, Vmpck::VMPCK3, 1);
            let message = sealed(&key, header, &vec![0xff; (len + longer).into()]);
            let (mut channels, mut buffer) = (firmware([0; 4]), MessageBuffer::new());
            let request = open(&mut channels, &mut buffer, &message).unwrap();
            assert_eq!(request.request().map(drop), Err(Status::INVALID_PARAM));
            let answer = request.respond(Err(Status(0x0102_0304))).unwrap();

            let header = Header::from_bytes(answer.first_chunk().unwrap());
            let is_cpuid = message_type == MessageType::CPUID_REQ;
            let expected_len = response_len + if is_cpuid { longer } else { 0 };
            assert_eq!(header.payload_len(), expected_len, "{message_type}");
            assert_eq!(header.message_type(), message_type.response());
            let mut expected = vec![0; expected_len.into()];
            expected[..4].copy_from_slice(&[4, 3, 2, 1]);
            if message_type == MessageType::REPORT_REQ {
                expected[4..6].copy_from_slice(&[0xa0, 4]);
            }
            assert_eq!(opened(&key, answer), expected, "{message_type}");
        }
    }
}

/// Channels of an imported guest.
#[test]
fn channels_of_a_context() {
    let draft = context();
    let channels = FirmwareChannels::from_context(draft.context(), Backend::best());
    assert_eq!(channels.count(Vmpck::VMPCK2), 0x0d0d_0d0d_0d0d_0d0f);
}

#[test]
fn names() {
    let known = (0..=255).filter(|number| MessageType(*number).name().is_some()).count();
    assert_eq!(known, 18);
    for number in 0..=255 {
        let message_type = MessageType(number);
        assert_eq!(message_type.is_known_request(), number < 0x12 && number % 2 == 1);
    }
    assert_eq!(MessageType::ABSORB_NOMA_RSP.to_string(), "0x10 (ABSORB_NOMA_RSP)");
    assert_eq!(format!("{:?}", MessageType(0x13)), "MessageType(0x13)");
    assert_eq!(Vmpck::VMPCK3.to_string(), "VMPCK3");
}
