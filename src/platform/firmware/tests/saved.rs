//! A machine that was saved is the one that is restored, and goes on as it would have.

use super::lab;
use super::support::*;
use crate::addr::{Asid, PageSize};
use crate::platform::command::*;
use crate::platform::firmware::{AsidOwner, AsidState, GuestContext, Vlek};
use crate::platform::memory::RoundRobin;
use crate::platform::save::{RestoreError, Saved};
use crate::platform::{Chip, FirmwareImage, GuestState, Machine, MachineConfig};
use crate::rmp::{Entry, Loaded, Table};
use crate::snp::GuestPolicy;
use crate::snp::id_block::{IdBlock, LaunchIdentity};
use crate::snp::keys::{ChipSecret, HashSticks, VlekSticks};
use crate::snp::launch::LaunchDigest;
use crate::snp::message::ReportRequest;
use crate::snp::report::FirmwareVersion;
use crate::snp::tcb::{Product, TcbVersion};
use crate::wipe::Wiped;

/// The machine of a saved one, which draws other random bytes. What it says of itself is the same byte for byte.
fn restored(machine: &Machine) -> Machine {
    let bytes = machine.save(None, 3);
    let again = Saved::parse(&bytes).unwrap().restore(Counting(1 << 20)).unwrap();
    assert!(*again.save(None, 3) == *bytes);
    again
}

#[track_caller]
fn assert_same(lab: &Lab, other: &Lab) {
    assert!(lab.snapshot() == other.snapshot());
    // Key slot 0 has no command that shows it.
    let mut host = [[0; 64]; 2];
    for (lab, text) in [lab, other].into_iter().zip(&mut host) {
        lab.bus().read_guest(Asid::HOST, page::SPARE, text).unwrap();
    }
    assert_eq!(host[0], host[1]);
}

#[test]
fn guests_in_every_state() {
    let lab = Lab::full();
    let other = Lab { machine: restored(&lab.machine) };
    assert_same(&lab, &other);
    assert_eq!(other.read_guest(3, page::RUNNING_VALID), [0x5a; 4096]);

    // A launch in the middle goes on to the same digest; ASIDs are given back and flushed.
    for lab in [&lab, &other] {
        let page_info = 1 << 1;
        lab.issue(SnpLaunchUpdate { page_info, ..update(page::GUEST, page::PRE_GUEST) }).unwrap();
        lab.load(page::OTHER, 2, 0x11_0000, 0x7000, 1 << 1, &[7; 4096]);
        for gctx_paddr in [page::GUEST, page::OTHER] {
            lab.issue(SnpLaunchFinish { gctx_paddr, ..Default::default() }).unwrap();
        }
        lab.issue(SnpDecommission { gctx_paddr: page::RUNNING }).unwrap();
    }
    assert_same(&lab, &other);
    let again = Lab { machine: restored(&other.machine) };
    for lab in [&lab, &again] {
        lab.machine.wbinvd();
        lab.issue(SnpDfFlush {}).unwrap();
    }
    assert_same(&lab, &again);
}

/// Channels with a key each, a cipher whose tweak has a key, and large pages.
#[test]
fn memory_of_several_channels() {
    let chip = Chip::new(Product::Turin, &[7; 48], &[8; 32]);
    let config = MachineConfig {
        interleave: std::boxed::Box::new(RoundRobin { channels: 3, granule: 256 }),
        rmp: Some(0x50_0000..0x52_0000),
        sockets: 2,
        smt: false,
        tsme: true,
        ecc: false,
        min_sev_asid: MIN_SEV_ASID,
        ..MachineConfig::new(&chip)
    };
    let lab = Lab::with(chip, config);
    let init = SnpInitEx { flags: 0xd, max_snp_asid: 4, ..SnpInitEx::default() };
    lab.issue(init).unwrap();
    lab.launch(page::GUEST, 0x3_0000, 0, Some(1));
    lab.pre_guest(page::LARGE, 1, 0x4000_0000, PageSize::Size2M);
    let other = Lab { machine: restored(&lab.machine) };
    assert_same(&lab, &other);
    assert!(lab.machine.lock().facts == other.machine.lock().facts);
    assert_eq!(lab.machine.rmp_place(), other.machine.rmp_place());
    let host = |lab: &Lab| {
        let mut bytes = [0; 64];
        let large = crate::PhysAddr::new(page::LARGE).unwrap();
        lab.machine.host_read(large, &mut bytes).unwrap();
        bytes
    };
    assert_eq!((host(&lab), host(&other)), ([0xff; 64], [0xff; 64]));
    for lab in [&lab, &other] {
        lab.issue(SnpLaunchUpdate { page_info: 1 | 1 << 1, ..update(page::GUEST, page::LARGE) })
            .unwrap();
    }
    assert_same(&lab, &other);
}

/// Every field of the platform and of a context has a value that is in no other one's place.
#[test]
fn every_field() {
    let lab = Lab::full();
    let reported_tcb = [2, 0, 0, 0, 0, 0, 7, 1];
    let config = SnpConfig { reported_tcb, ..SnpConfig::default() };
    lab.issue(config).unwrap();
    let sticks = HashSticks::new(&ChipSecret::new(&[0x55; 48]), TcbVersion::new([1; 8]));
    {
        let mut state = lab.machine.lock();
        let state = &mut *state;
        let (versions, snp) = (&mut state.versions, &mut state.snp);
        versions.current = FirmwareVersion { major: 1, minor: 56, build: 3 };
        snp.rapl_dis = true;
        (snp.mask_chip_id, snp.mask_chip_key) = (true, false);
        snp.vlek = Some(Vlek::new(VlekSticks::from(&sticks)));
        state.asids.states[70] = AsidState { owner: None, is_dirty: true };
        state.asids.is_written_back = false;
        let secret = |byte| Wiped::new([byte; 32]);
        let guest = state.snp.guests.get_mut(&page::RUNNING).unwrap();
        *guest = GuestContext {
            state: GuestState::Running,
            asid: guest.asid,
            policy: GuestPolicy(0x1234_5678_9abc),
            vek_seed: secret(1),
            oek: secret(2),
            oek_iv_count: 3,
            vmpcks: Wiped::new([[4; 32], [5; 32], [6; 32], [7; 32]]),
            message_counts: [8, 9, 10, u64::MAX],
            vmrk: secret(11),
            digest: LaunchDigest::resume_with_imi([12; 48], [13; 48]),
            imi_en: true,
            migration_agent: Some(page::OTHER),
            report_id: [14; 32],
            report_id_ma: [15; 32],
            host_data: [16; 32],
            identity: LaunchIdentity {
                id_block: Some(IdBlock { guest_svn: 17, ..IdBlock::new([18; 48]) }),
                id_key_digest: [19; 48],
                author_key_digest: [20; 48],
                id_block_en: true,
                author_key_en: false,
            },
            vcek_dis: true,
            root_mdata: [21; 64],
            gosvw: [22; 16],
            desired_tsc_freq: 23,
            tsc_offset: 24,
            launch_tcb: TcbVersion::new([25; 8]),
        };
    }
    // A vCPU that ran when the machine stood still.
    let old = lab.entry(page::GUEST_VALID);
    let number = page::GUEST_VALID / 4096;
    assert!(lab.machine.entries().compare_exchange(number, old, old.with_in_use(true)));

    let other = Lab { machine: restored(&lab.machine) };
    assert_same(&lab, &other);
    assert_eq!(lab.machine.versions(), other.machine.versions());
    assert_eq!(other.machine.versions().reported_tcb.bytes(), reported_tcb);
    assert!(other.entry(page::GUEST_VALID).in_use());
    assert_eq!(
        *lab.machine.lock().chip.secret().as_bytes(),
        *other.machine.lock().chip.secret().as_bytes()
    );
}

/// What is reported can be above what runs: firmware was loaded that is older, and not below what is committed.
#[test]
fn firmware_behind_what_is_reported() {
    let chip = Chip::new(Product::Genoa, &[7; 48], &[8; 32]);
    let mut config = MachineConfig::new(&chip);
    config.versions.committed_tcb = TcbVersion::new([3, 0, 0, 0, 0, 0, 6, 115]);
    let lab = Lab::with(chip, config);
    let FirmwareVersion { major, minor, build } = lab.machine.versions().current;
    let image = FirmwareImage {
        version: FirmwareVersion { major, minor, build: build + 1 },
        tcb: TcbVersion::new([3, 0, 0, 0, 0, 0, 7, 115]),
    };
    lab.write(page::SPARE, &image.to_bytes());
    lab.issue(SnpDownloadFirmwareEx {
        len: 0x20,
        fw_paddr: page::SPARE,
        fw_len: image.to_bytes().len() as u32,
        flags: 0,
    })
    .unwrap();
    let versions = lab.machine.versions();
    assert_eq!((versions.current_tcb, versions.reported_tcb.bytes()[6]), (image.tcb, 8));
    let other = Lab { machine: restored(&lab.machine) };
    assert_same(&lab, &other);
    // Without power, too.
    let bytes = lab.machine.save(None, 1);
    let bytes = Saved::parse(&bytes).unwrap().without_power(2);
    let saved = Saved::parse(&bytes).unwrap();
    assert_eq!(
        (saved.is_running(), saved.header().generation, saved.versions()),
        (false, 2, versions)
    );
    let off = saved.restore(Counting(5)).unwrap();
    assert_eq!(off.versions(), versions);
    assert_eq!(
        off.lock().versions.vcek.verifying_key(),
        lab.machine.lock().versions.vcek.verifying_key()
    );
}

/// Both ends of a channel count on, and a request that was answered before is none.
#[test]
fn messages() {
    let first = lab::Lab::new();
    first.guest(lab::GCTX, lab::ASID);
    let mut talk = lab::Talk::new(&first, lab::GCTX, 0x20_1000);
    let before = talk.ask(&ReportRequest::new(&[1; 64]), |report| *report.unwrap());
    let other = lab::Lab { machine: restored(&first.machine) };
    let counts = |lab: &lab::Lab| lab.machine.lock().snp.guests[&lab::GCTX].message_counts;
    assert_eq!(counts(&other), [2, 0, 0, 0]);
    let asked = SnpGuestRequest {
        gctx_paddr: lab::GCTX,
        request_paddr: talk.request,
        response_paddr: talk.response,
    };
    assert!(other.issue(asked).is_err());
    let mut talk = lab::Talk { lab: &other, ..talk };
    let after = talk.ask(&ReportRequest::new(&[1; 64]), |report| *report.unwrap());
    assert_eq!(counts(&other), [4, 0, 0, 0]);
    assert!(before == after, "the same guest on the same platform");
}

/// A machine whose digest is right, and which cannot be.
#[test]
fn impossible_machines() {
    let refused = |change: &dyn Fn(&Lab)| {
        let lab = Lab::full();
        change(&lab);
        let bytes = lab.machine.save(None, 0);
        let error = Saved::parse(&bytes).unwrap().restore(Counting(0)).unwrap_err();
        assert_eq!(error, RestoreError::Malformed);
    };
    let entry = |spa: u64, to: &dyn Fn(Entry) -> Entry| {
        refused(&|lab| {
            let entries = lab.machine.entries();
            let Loaded::Entry(old) = entries.load(spa / 4096) else { panic!() };
            assert!(entries.compare_exchange(spa / 4096, old, to(old)));
        });
    };
    // No context, a large one; an ASID that is none; pages that nobody counts; bits that are none.
    entry(page::INIT, &|old| old.into_firmware());
    entry(page::INIT, &|old| old.with_page_size(PageSize::Size2M));
    entry(page::PRE_GUEST, &|old| old.with_asid(Asid::new(1007)));
    entry(0, &|old| old.with_subpage_count(old.subpage_count() + 1));
    entry(page::LARGE, &|old| old.with_subpage_count(1));
    entry(page::LARGE + 4096, &|old| old.with_assigned(false));
    entry(page::HOST, &|old| old.with_assigned(true));
    entry(page::HOST, &|old| Entry::from_words([old.to_words()[0], 1 << 32]));

    let state = |change: &dyn Fn(&mut crate::platform::firmware::State)| {
        refused(&|lab| change(&mut lab.machine.lock()));
    };
    let guest = |gctx: u64, change: &dyn Fn(&mut GuestContext)| {
        state(&|state| change(state.snp.guests.get_mut(&gctx).unwrap()));
    };
    guest(page::GUEST, &|guest| guest.asid = None);
    guest(page::NO_ASID, &|guest| guest.asid = Some(Asid::new(1)));
    guest(page::GUEST, &|guest| guest.asid = Some(Asid::new(2)));
    guest(page::GUEST, &|guest| guest.asid = Some(Asid::HOST));
    guest(page::GUEST, &|guest| guest.asid = Some(Asid::new(u32::MAX)));
    guest(page::GUEST, &|guest| guest.state = GuestState::Init);
    state(&|state| state.asids.states[9].owner = Some(AsidOwner::Snp(page::NO_ASID)));
    state(&|state| state.asids.states[9].owner = Some(AsidOwner::Snp(page::HOST)));
    state(&|state| state.asids.states[9].owner = Some(AsidOwner::Legacy(1)));
    state(&|state| state.asids.states.truncate(500));
    state(&|state| state.snp.is_init = false);
    state(&|state| state.snp.is_rmp_init = false);
    state(&|state| state.snp.max_snp_asid = 3);
    state(&|state| state.snp.max_snp_asid = u32::MAX);
    state(&|state| {
        let guest = state.snp.guests.remove(&page::INIT).unwrap();
        state.snp.guests.insert(page::INIT + 8, guest);
    });
    state(&|state| {
        let guest = state.snp.guests.remove(&page::INIT).unwrap();
        state.snp.guests.insert(OUTSIDE, guest);
    });
}
