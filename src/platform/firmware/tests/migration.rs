use std::boxed::Box;
use std::vec::Vec;

use super::super::tests::lab::*;
use super::*;
use crate::addr::{Asid, PAGE, PageSize};
use crate::platform::command::{
    SnpDecommission, SnpLaunchUpdate, SnpPageReclaim, SnpPageSwapIn, SnpPageSwapOut,
};
use crate::rmp::PageState;
use crate::snp::message::{IncomingContext, OpenError, ReportRequest, Request, TscInfoRequest};
use crate::snp::report::Report;

/// The contexts of a migration agent, and of its guest.
const AGENT: u64 = GCTX;
const GUEST: u64 = OTHER;
const AGENT_ASID: Asid = ASID;
const GUEST_ASID: Asid = OTHER_ASID;
const RESPONSE: u64 = 0x20_1000;
const DATA: u64 = 0x30_0000;
const GPA: u64 = 0x1234_5000;
const MD: u64 = 0x31_0000;
/// Ciphertexts of page and entries.
const PAGE_OUT: u64 = 0x32_0000;
const MD_OUT: u64 = 0x32_1000;

const METADATA: u64 = 1 << 1;
const ROOT: u64 = 1 << 4;

fn gctx(addr: u64) -> PhysAddr {
    PhysAddr::new(addr).unwrap()
}

/// A machine with a guest that runs and may be an agent.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.guest(AGENT, AGENT_ASID);
    lab.give(&[RESPONSE]);
    lab
}

/// The keys and counts of a guest, which it would have from its secrets page.
fn channel<'l>(lab: &'l Lab, gctx: u64, vmpck: Vmpck) -> Talk<'l> {
    let (key, count) = {
        let state = lab.machine.lock();
        let guest = &state.snp.guests[&gctx];
        (*vmpck.of(&guest.vmpcks), *vmpck.of(&guest.message_counts))
    };
    Talk::with_key(lab, gctx, RESPONSE, &key, vmpck, count)
}

fn agent(lab: &Lab) -> Talk<'_> {
    channel(lab, AGENT, Vmpck::VMPCK0)
}

/// Asks for something that answers with no more than a status.
fn ask<R: for<'b> Request<Response<'b> = ()>>(
    talk: &mut Talk<'_>,
    request: &R,
) -> Result<(), Status> {
    talk.ask(request, |result| {
        result.map_err(|error| match error {
            OpenError::Status(status) => status,
            other => panic!("{other}"),
        })
    })
}

/// A context of another machine, on its way.
fn export(talk: &mut Talk<'_>, guest: u64, imi_en: bool) -> Result<Box<[u8; 0x300]>, Status> {
    let request = ExportRequest { gctx_paddr: gctx(guest), imi_en };
    talk.ask(&request, |result| match result {
        Ok(context) => Ok(Box::new(*context.bytes())),
        Err(OpenError::Status(status)) => Err(status),
        Err(other) => panic!("{other}"),
    })
}

fn import_request(guest: u64, context: &[u8; 0x300]) -> ImportRequest<'_> {
    let incoming = IncomingContext::new(ExportedContext::from_bytes(context));
    ImportRequest { gctx_paddr: gctx(guest), incoming }
}

/// Everything but the sender's counts is as it was.
fn refused<R: for<'b> Request<Response<'b> = ()>>(
    lab: &Lab,
    talk: &mut Talk<'_>,
    request: &R,
    status: Status,
) {
    let before = guests(lab);
    assert_eq!(ask(talk, request), Err(status));
    assert!(guests(lab) == before, "{status}: something was changed");
}

/// All guests, without their counts.
fn guests(lab: &Lab) -> Vec<(u64, Vec<u8>)> {
    let state = lab.machine.lock();
    let bytes = |guest: &GuestContext| {
        let mut bytes = guest.bytes();
        bytes[0x1c0..0x1e0].fill(0);
        bytes
    };
    state.snp.guests.iter().map(|(gctx, guest)| (*gctx, bytes(guest))).collect()
}

/// A guest leaves one machine for another: its pages, its entries, its keys; there it goes on with its own counts.
#[test]
fn a_guest_moves() {
    let from = lab();
    from.start_with(GUEST, GUEST_ASID, POLICY | MIGRATE_MA, Some(AGENT), false);
    from.launch_page(GUEST, GUEST_ASID, DATA, GPA, &page_a());
    from.finish(GUEST);
    let report_of =
        |talk: &mut Talk<'_>| talk.ask(&ReportRequest::new(&[1; 64]), |report| *report.unwrap());
    let before = report_of(&mut channel(&from, GUEST, Vmpck::VMPCK0));
    let (key, vmrk) = {
        let state = from.machine.lock();
        let guest = &state.snp.guests[&GUEST];
        (guest.vmpcks[0], *guest.vmrk)
    };

    // The host swaps the page out, then its entry.
    from.lock(DATA);
    from.metadata(GUEST, MD);
    from.give(&[PAGE_OUT, MD_OUT]);
    let swap_out = SnpPageSwapOut {
        gctx_paddr: GUEST,
        src_paddr: DATA,
        dst_paddr: PAGE_OUT,
        mdata_paddr: MD,
        ..Default::default()
    };
    from.issue(swap_out).unwrap();
    let swap_md =
        SnpPageSwapOut { src_paddr: MD, dst_paddr: MD_OUT, flags: METADATA | ROOT, ..swap_out };
    from.issue(swap_md).unwrap();
    let context = export(&mut agent(&from), GUEST, false).unwrap();
    assert_eq!((from.state(GUEST), from.guest_state(GUEST)), (PageState::Firmware, None));

    // Another machine, whose guests have other keys.
    let to = Lab::with_script(&[0x77; 1024]);
    to.guest(AGENT, AGENT_ASID);
    to.give(&[RESPONSE]);
    to.create(GUEST);
    ask(&mut agent(&to), &import_request(GUEST, &context)).unwrap();
    assert_eq!(to.guest_state(GUEST), Some(GuestState::Running));
    to.activate(GUEST, GUEST_ASID).unwrap();
    for page in [PAGE_OUT, MD_OUT] {
        to.bus().write(page, &from.raw(page, PAGE)).unwrap();
    }
    to.give(&[MD]);
    to.pre_guest(DATA, GUEST_ASID, 0, PageSize::Size4K);
    let swap_md = SnpPageSwapIn {
        gctx_paddr: GUEST,
        src_paddr: MD_OUT,
        dst_paddr: MD,
        mdata_paddr: 0,
        flags: METADATA | ROOT,
    };
    to.issue(swap_md).unwrap();
    let swap_in = SnpPageSwapIn {
        src_paddr: PAGE_OUT,
        dst_paddr: DATA,
        mdata_paddr: MD,
        flags: 0,
        ..swap_md
    };
    to.issue(swap_in).unwrap();
    to.issue(SnpPageReclaim { page_paddr: DATA }).unwrap();
    assert_eq!((to.state(DATA), to.entry(DATA).gpa().get()), (PageState::GuestValid, GPA));
    assert!(to.can_read(GUEST_ASID, DATA) && !to.can_read(AGENT_ASID, DATA));
    assert_eq!(to.private(GUEST_ASID, DATA, PAGE), page_a());
    // Under another key than before.
    assert_ne!(to.raw(DATA, PAGE), from.raw(DATA, PAGE));

    // The guest knows nothing of all this: its channel goes on.
    let mut talk = Talk::with_key(&to, GUEST, RESPONSE, &key, Vmpck::VMPCK0, 2);
    let after = report_of(&mut talk);
    assert_eq!(talk.channel.count(), 4);
    let [before, after] = [&before, &after].map(|report| Report::from_bytes(report).unwrap());
    assert_eq!(before.measurement(), after.measurement());
    assert_eq!(before.policy(), after.policy());
    assert_eq!(before.launch_tcb(), after.launch_tcb());
    assert_ne!(before.report_id(), after.report_id());
    let state = to.machine.lock();
    assert_eq!(after.report_id_ma(), &state.snp.guests[&AGENT].report_id);
    assert_eq!(*state.snp.guests[&GUEST].vmrk, vmrk);
    assert_eq!(state.snp.guests[&GUEST].oek_iv_count, 2);
}

/// Who may have a context.
#[test]
fn exports() {
    let lab = lab();
    lab.start_with(GUEST, GUEST_ASID, POLICY | MIGRATE_MA, Some(AGENT), false);
    lab.create(0x10_2000);
    let mut agent = agent(&lab);
    assert_eq!(export(&mut agent, MD, true).err(), Some(Status::INVALID_GUEST));
    assert_eq!(export(&mut agent, MEMORY, true).err(), Some(Status::INVALID_ADDRESS));
    assert_eq!(export(&mut agent, 0x10_2000, true).err(), Some(Status::INVALID_GUEST_STATE));
    assert_eq!(export(&mut agent, GUEST, true).err(), Some(Status::INVALID_GUEST_STATE));
    lab.finish(GUEST);
    // The guest runs on; its root entry does not go along.
    lab.machine.lock().snp.guests.get_mut(&GUEST).unwrap().root_mdata = [7; 64];
    let context = export(&mut agent, GUEST, true).unwrap();
    let exported = ExportedContext::from_bytes(&context);
    assert_eq!((exported.root_md_entry(), exported.state()), (&[0; 64], 2));
    assert_eq!(lab.guest_state(GUEST), Some(GuestState::Running));
    assert_eq!(lab.machine.lock().snp.guests[&GUEST].root_mdata, [7; 64]);

    // A guest with an agent does not speak for itself, nor another guest for it.
    let mut guest = channel(&lab, GUEST, Vmpck::VMPCK0);
    assert_eq!(export(&mut guest, GUEST, true).err(), Some(Status::INVALID_GUEST));
    assert_eq!(export(&mut guest, AGENT, true).err(), Some(Status::INVALID_GUEST));

    // Nor does another guest in the agent's place, or the guest itself when its agent is gone.
    lab.issue(SnpDecommission { gctx_paddr: AGENT }).unwrap();
    assert_eq!(export(&mut guest, GUEST, true).err(), Some(Status::INVALID_GUEST));
    lab.take_back(AGENT);
    lab.guest(AGENT, Asid::new(7));
    let mut next = channel(&lab, AGENT, Vmpck::VMPCK0);
    assert_eq!(export(&mut next, GUEST, true).err(), Some(Status::INVALID_GUEST));

    // A guest without one speaks for itself, by VMPCK0.
    for vmpck in [Vmpck::VMPCK1, Vmpck::VMPCK2, Vmpck::VMPCK3] {
        let mut talk = channel(&lab, AGENT, vmpck);
        assert_eq!(export(&mut talk, AGENT, false).err(), Some(Status::INVALID_GUEST));
    }
    let mut talk = channel(&lab, AGENT, Vmpck::VMPCK0);
    let context = export(&mut talk, AGENT, false).unwrap();
    // Its counts are those before the message.
    assert_eq!(ExportedContext::from_bytes(&context).message_count(Vmpck::VMPCK0), 2);
    assert_eq!((lab.state(AGENT), lab.guest_state(AGENT)), (PageState::Firmware, None));
}

/// Every field comes through, but those that must not.
#[test]
fn imports() {
    let lab = lab();
    let mut context = [0u8; 0x300];
    (0..).zip(&mut context).for_each(|(n, byte)| *byte = (n as u8).wrapping_mul(7) ^ 0x35);
    context[0x200] |= 1; // VALID of the root entry
    context[0x220..0x228].copy_from_slice(&7u64.to_le_bytes());
    let mut agent = agent(&lab);
    lab.create(GUEST);

    let good = import_request(GUEST, &context);
    let mut wrong = good;
    wrong.incoming.size = 0x2ff;
    refused(&lab, &mut agent, &wrong, Status::INVALID_PARAM);
    wrong.incoming = good.incoming;
    wrong.incoming.version = 2;
    // Size and version come first.
    wrong.gctx_paddr = gctx(MD);
    refused(&lab, &mut agent, &wrong, Status::INVALID_PARAM);
    wrong.incoming = good.incoming;
    refused(&lab, &mut agent, &wrong, Status::INVALID_GUEST);
    refused(&lab, &mut agent, &import_request(AGENT, &context), Status::INVALID_GUEST_STATE);
    let mut no_root = context;
    no_root[0x200] &= !1;
    refused(&lab, &mut agent, &import_request(GUEST, &no_root), Status::INVALID_MDATA_ENTRY);
    refused(&lab, &mut agent, &import_request(AGENT, &no_root), Status::INVALID_GUEST_STATE);

    ask(&mut agent, &good).unwrap();
    let state = lab.machine.lock();
    let (guest, agent) = (&state.snp.guests[&GUEST], &state.snp.guests[&AGENT]);
    let mut draft = ContextDraft::new();
    guest.export(&mut draft);
    let came = draft.context();
    assert_ne!(came.report_id(), ExportedContext::from_bytes(&context).report_id());
    let mut expected = context;
    expected[0x170..0x190].copy_from_slice(came.report_id());
    expected[0x220..0x230].copy_from_slice(&came.bytes()[0x220..0x230]);
    expected[0x228..0x230].copy_from_slice(&context[0x228..0x230]);
    expected[0x230..0x238].copy_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0]);
    expected[0x2b4..0x2b8].fill(0);
    expected[0x2c8..].fill(0);
    assert!(came.bytes() == &expected);
    assert_eq!(came.flags(), AUTHOR_KEY_EN | ID_BLOCK_EN);
    assert_eq!((guest.report_id_ma, guest.migration_agent), (agent.report_id, Some(AGENT)));
    assert!(!guest.imi_en && !guest.vcek_dis);
}

/// LAUNCH_UPDATE of a page of the migration image.
fn image_page(lab: &Lab, gctx_paddr: u64, asid: Asid, spa: u64) {
    lab.bus().write(spa, &[0x3c; PAGE]).unwrap();
    lab.pre_guest(spa, asid, GPA, PageSize::Size4K);
    let page_info = 1 << 1 | 1 << 4;
    let update = SnpLaunchUpdate { gctx_paddr, page_info, page_paddr: spa, ..Default::default() };
    lab.issue(update).unwrap();
}

/// The context of a guest with a migration image and one page more.
fn of_an_image() -> Box<[u8; 0x300]> {
    let lab = lab();
    lab.start_with(GUEST, GUEST_ASID, POLICY | MIGRATE_MA, Some(AGENT), false);
    image_page(&lab, GUEST, GUEST_ASID, DATA);
    lab.launch_page(GUEST, GUEST_ASID, DATA + 0x1000, GPA + 0x1000, &page_a());
    lab.finish(GUEST);
    export(&mut agent(&lab), GUEST, true).unwrap()
}

#[test]
fn absorbs() {
    let context = of_an_image();
    let lab = Lab::with_script(&[0x77; 1024]);
    lab.guest(AGENT, AGENT_ASID);
    lab.start_with(GUEST, GUEST_ASID, POLICY | MIGRATE_MA, Some(AGENT), true);
    lab.start(0x10_2000, Asid::new(7), POLICY);
    let mut agent = agent(&lab);
    let request = |guest, context| {
        let ImportRequest { gctx_paddr, incoming } = import_request(guest, context);
        AbsorbRequest { gctx_paddr, incoming }
    };
    // Before its image is there, the guest is another one.
    refused(&lab, &mut agent, &request(GUEST, &context), Status::BAD_MEASUREMENT);
    image_page(&lab, GUEST, GUEST_ASID, DATA);
    refused(&lab, &mut agent, &request(MD, &context), Status::INVALID_GUEST);
    refused(&lab, &mut agent, &request(AGENT, &context), Status::INVALID_GUEST_STATE);
    refused(&lab, &mut agent, &request(0x10_2000, &context), Status::INVALID_GUEST_STATE);
    let mut other = context.clone();
    other[0x190] ^= 1;
    refused(&lab, &mut agent, &request(GUEST, &other), Status::BAD_MEASUREMENT);
    let mut wrong = request(GUEST, &context);
    wrong.incoming.version = 4;
    refused(&lab, &mut agent, &wrong, Status::INVALID_PARAM);
    wrong.incoming.size = 0;
    refused(&lab, &mut agent, &wrong, Status::INVALID_PARAM);
    // Size and version come last, the root entry before the digests.
    let mut wrong = request(GUEST, &other);
    wrong.incoming.version = 4;
    refused(&lab, &mut agent, &wrong, Status::BAD_MEASUREMENT);
    let set_root = |valid| {
        let mut state = lab.machine.lock();
        state.snp.guests.get_mut(&GUEST).unwrap().root_mdata[0x20] = valid;
    };
    set_root(1);
    refused(&lab, &mut agent, &request(GUEST, &other), Status::INVALID_MDATA_ENTRY);
    set_root(0);

    let report_id = lab.machine.lock().snp.guests[&GUEST].report_id;
    ask(&mut agent, &request(GUEST, &context)).unwrap();
    let state = lab.machine.lock();
    let guest = &state.snp.guests[&GUEST];
    let came = ExportedContext::from_bytes(&context);
    assert_eq!(guest.state, GuestState::Running);
    assert_eq!(guest.report_id, report_id);
    assert_eq!(guest.report_id_ma, state.snp.guests[&AGENT].report_id);
    assert_eq!(
        (guest.digest.digest(), guest.digest.imi_digest()),
        (came.measurement(), came.imd())
    );
    assert_eq!((&*guest.oek, &guest.vmpcks[3]), (came.oek(), came.vmpck(Vmpck::VMPCK3)));
    assert_eq!((guest.asid, guest.imi_en), (Some(GUEST_ASID), false));
}

#[test]
fn absorbs_without_agent() {
    let context = of_an_image();
    let lab = Lab::with_script(&[0x77; 1024]);
    lab.guest(AGENT, AGENT_ASID);
    // Its image is all that the guest was launched with.
    lab.start(GUEST, GUEST_ASID, POLICY);
    image_page(&lab, GUEST, GUEST_ASID, DATA);
    lab.finish(GUEST);
    let request = |context| {
        let incoming = IncomingContext::new(ExportedContext::from_bytes(context));
        AbsorbNomaRequest { incoming }
    };
    let mut guest = channel(&lab, GUEST, Vmpck::VMPCK1);
    let mut other = context.clone();
    other[0x190] ^= 1;
    refused(&lab, &mut guest, &request(&other), Status::BAD_MEASUREMENT);
    let mut wrong = request(&context);
    wrong.incoming.size = 0x301;
    refused(&lab, &mut guest, &wrong, Status::INVALID_PARAM);
    // A guest with another digest: LD and IMD both count.
    let mut agent = agent(&lab);
    refused(&lab, &mut agent, &request(&context), Status::BAD_MEASUREMENT);
    let set_agent = |agent| {
        lab.machine.lock().snp.guests.get_mut(&GUEST).unwrap().migration_agent = agent;
    };
    set_agent(Some(AGENT));
    refused(&lab, &mut guest, &request(&other), Status::INVALID_GUEST);
    set_agent(None);

    let (report_id, identity) = {
        let mut state = lab.machine.lock();
        let guest = state.snp.guests.get_mut(&GUEST).unwrap();
        guest.identity.id_key_digest = [9; 48];
        (guest.report_id, guest.identity)
    };
    ask(&mut guest, &request(&context)).unwrap();
    let came = ExportedContext::from_bytes(&context);
    {
        let state = lab.machine.lock();
        let guest = &state.snp.guests[&GUEST];
        assert_eq!((guest.report_id, guest.identity), (report_id, identity));
        assert_eq!((guest.digest.digest(), &*guest.oek), (came.measurement(), came.oek()));
        let counts = Vmpck::ALL.map(|vmpck| came.message_count(vmpck));
        let [a, b, c, d] = counts;
        assert_eq!(guest.message_counts, [a, b + 2, c, d]);
        assert_eq!((guest.state, guest.migration_agent), (GuestState::Running, None));
    }
    // The old key is of no more use; the new ones are.
    let mut buffer = crate::snp::message::MessageBuffer::new();
    let sealed = guest.channel.seal(&TscInfoRequest, &mut buffer).unwrap();
    lab.bus().write(0x20_0000, sealed.bytes()).unwrap();
    let command = crate::platform::command::SnpGuestRequest {
        gctx_paddr: GUEST,
        request_paddr: 0x20_0000,
        response_paddr: RESPONSE,
    };
    lab.refused(command, Status::BAD_MEASUREMENT);
    let key = came.vmpck(Vmpck::VMPCK0);
    let mut talk = Talk::with_key(&lab, GUEST, RESPONSE, key, Vmpck::VMPCK0, 0);
    talk.ask(&TscInfoRequest, |info| info.unwrap());
}

#[test]
fn root_keys() {
    let lab = lab();
    lab.start_with(GUEST, GUEST_ASID, POLICY | MIGRATE_MA, Some(AGENT), false);
    lab.start_with(0x10_2000, Asid::new(7), POLICY | MIGRATE_MA, Some(AGENT), true);
    lab.guest(0x10_3000, Asid::new(8));
    let request = |guest| VmrkRequest { gctx_paddr: gctx(guest), vmrk: &[0x42; 32] };
    let mut agent = agent(&lab);
    refused(&lab, &mut agent, &request(MD), Status::INVALID_GUEST);
    refused(&lab, &mut agent, &request(0x10_3000), Status::INVALID_GUEST_STATE);
    refused(&lab, &mut agent, &request(0x10_2000), Status::INVALID_GUEST_STATE);
    for vmpck in [Vmpck::VMPCK1, Vmpck::VMPCK2, Vmpck::VMPCK3] {
        let mut talk = channel(&lab, AGENT, vmpck);
        refused(&lab, &mut talk, &request(GUEST), Status::INVALID_PARAM);
        refused(&lab, &mut talk, &request(MD), Status::INVALID_PARAM);
    }
    let mut other = channel(&lab, 0x10_3000, Vmpck::VMPCK0);
    refused(&lab, &mut other, &request(GUEST), Status::INVALID_GUEST);
    let before = lab.machine.lock().snp.guests[&AGENT].report_id;
    lab.machine.lock().snp.guests.get_mut(&AGENT).unwrap().report_id = [1; 32];
    refused(&lab, &mut agent, &request(GUEST), Status::INVALID_GUEST);
    lab.machine.lock().snp.guests.get_mut(&AGENT).unwrap().report_id = before;

    ask(&mut agent, &request(GUEST)).unwrap();
    assert_eq!(*lab.machine.lock().snp.guests[&GUEST].vmrk, [0x42; 32]);
    lab.finish(GUEST);
    refused(&lab, &mut agent, &request(GUEST), Status::INVALID_GUEST_STATE);
}
