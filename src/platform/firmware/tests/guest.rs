//! GCTX_CREATE, ACTIVATE, DECOMMISSION, GUEST_STATUS.

use super::support::{Lab, MIN_SEV_ASID, OUTSIDE, Way, earliest, page};
use crate::Asid;
use crate::addr::{PAGE, PageSize};
use crate::platform::command::*;
use crate::platform::memory::Encryption;
use crate::platform::{Chip, GuestState, GuestStatus, MachineConfig};
use crate::rmp::PageState;
use crate::snp::GuestPolicy;
use crate::snp::tcb::Product;
use crate::status::Status;

#[test]
fn contexts() {
    let lab = Lab::full();
    lab.write(page::FREE, &[0x11; PAGE]);
    let committed = lab.machine.versions().committed_tcb;
    lab.issue(SnpGctxCreate { gctx_paddr: page::FREE }).unwrap();
    assert_eq!(lab.entry(page::FREE).state(), PageState::Context);
    assert_eq!(lab.read::<PAGE>(page::FREE), [0; PAGE]);
    lab.guest(page::FREE, |guest| {
        assert_eq!((guest.state, guest.asid), (GuestState::Init, None));
        assert_eq!((guest.digest.digest(), guest.digest.imi_digest()), (&[0; 48], &[0; 48]));
        assert_eq!(guest.launch_tcb, committed);
        assert_ne!(*guest.vek_seed, [0; 32]);
    });

    // The host cannot reach the page.
    assert!(lab.machine.host_write(crate::PhysAddr::new(page::FREE).unwrap(), &[1]).is_err());

    lab.issue(SnpDecommission { gctx_paddr: page::FREE }).unwrap();
    assert_eq!(lab.entry(page::FREE).state(), PageState::Firmware);
    lab.refuse(SnpDecommission { gctx_paddr: page::FREE }, Status::INVALID_GUEST);
}

#[test]
fn contexts_in_order() {
    let lab = Lab::full();
    lab.assign(
        0x40_0000,
        crate::rmp::PageAssignment {
            page_size: PageSize::Size2M,
            ..crate::rmp::PageAssignment::FIRMWARE
        },
    );
    for (gctx_paddr, status) in [
        (page::FREE + 1, Status::INVALID_PARAM),
        (OUTSIDE + 0x800, Status::INVALID_PARAM),
        (OUTSIDE, Status::INVALID_ADDRESS),
        (page::HOST, Status::INVALID_PAGE_STATE),
        (page::INIT, Status::INVALID_PAGE_STATE),
        (page::PRE_GUEST, Status::INVALID_PAGE_STATE),
        (page::GUEST_VALID, Status::INVALID_PAGE_STATE),
        (page::LARGE, Status::INVALID_PAGE_STATE),
        (0x40_0000, Status::INVALID_PAGE_SIZE),
    ] {
        lab.refuse(SnpGctxCreate { gctx_paddr }, status);
    }
    for (gctx_paddr, status) in [
        (page::GUEST + 8, Status::INVALID_PARAM),
        (OUTSIDE, Status::INVALID_ADDRESS),
        (page::HOST, Status::INVALID_GUEST),
        (page::OUT, Status::INVALID_GUEST),
        (page::GUEST_VALID, Status::INVALID_GUEST),
    ] {
        lab.refuse(SnpDecommission { gctx_paddr }, status);
    }
}

/// A guest's ASID is dirty behind it, and its pages are in nobody's way but the next guest's with it.
#[test]
fn an_asid_goes_from_guest_to_guest() {
    let lab = Lab::full();
    lab.issue(SnpDecommission { gctx_paddr: page::OTHER }).unwrap();
    let activate = SnpActivate { gctx_paddr: page::NO_ASID, asid: 2 };
    lab.refuse(activate, Status::WBINVD_REQUIRED);
    lab.refuse(SnpDfFlush {}, Status::WBINVD_REQUIRED);
    lab.machine.wbinvd();
    lab.refuse(activate, Status::DFFLUSH_REQUIRED);
    lab.issue(SnpDfFlush {}).unwrap();
    lab.issue(activate).unwrap();
    lab.guest(page::NO_ASID, |guest| assert_eq!(guest.asid, Some(Asid::new(2))));

    // One that has pages.
    lab.issue(SnpDecommission { gctx_paddr: page::GUEST }).unwrap();
    lab.machine.wbinvd();
    lab.issue(SnpDfFlush {}).unwrap();
    lab.launch(0x3_0000, 0x3_0000, 0, None);
    lab.refuse(SnpActivate { gctx_paddr: 0x3_0000, asid: 1 }, Status::INVALID_CONFIG);
}

/// Each guest's key is its own, and stays in its slot behind it.
#[test]
fn keys() {
    let lab = Lab::full();
    lab.issue(SnpDbgEncrypt {
        gctx_paddr: page::RUNNING,
        src_paddr: page::SPARE,
        dst_paddr: page::RUNNING_VALID,
    })
    .unwrap();
    let seen = lab.read_guest(3, page::RUNNING_VALID);
    assert_eq!(seen, lab.read::<PAGE>(page::SPARE));
    for other in [1, 2, 4, 5] {
        assert_ne!(lab.read_guest(other, page::RUNNING_VALID), seen);
    }
    lab.issue(SnpDecommission { gctx_paddr: page::RUNNING }).unwrap();
    assert_eq!(lab.read_guest(3, page::RUNNING_VALID), seen);
}

#[test]
fn activate_in_order() {
    let lab = Lab::full();
    lab.refuse_reserved(&SnpActivate::default());
    lab.refuse_reserved(&SnpActivateEx::default());
    let gctxs: [Way<u64>; 7] = [
        (page::NO_ASID, None),
        (page::NO_ASID + 1, Some((0, Status::INVALID_PARAM))),
        (OUTSIDE, Some((2, Status::INVALID_ADDRESS))),
        (page::FREE, Some((3, Status::INVALID_GUEST))),
        (page::INIT, Some((4, Status::INVALID_GUEST_STATE))),
        (page::OTHER, Some((9, Status::ACTIVE))),
        (page::RUNNING, Some((9, Status::ACTIVE))),
    ];
    let asids: [Way<u32>; 8] = [
        (5, None),
        (1, Some((5, Status::INVALID_CONFIG))), // it has pages
        (3, Some((5, Status::INVALID_CONFIG))),
        (0, Some((7, Status::INVALID_ASID))),
        (MIN_SEV_ASID, Some((7, Status::INVALID_ASID))),
        (1 << 20, Some((7, Status::INVALID_ASID))),
        (u32::MAX, Some((7, Status::INVALID_ASID))),
        (2, Some((8, Status::ASID_OWNED))),
    ];
    // For SNP_ACTIVATE_EX.
    let ids: [Way<(u32, u32, u64)>; 5] = [
        ((0x20, 1, page::HOST), None),
        ((0x10, 1, page::HOST), Some((0, Status::INVALID_PARAM))),
        ((0x20, 0, page::HOST), Some((0, Status::INVALID_PARAM))),
        ((0x20, 1025, page::HOST), Some((0, Status::INVALID_PARAM))),
        ((0x20, 2, super::support::DRAM - 4), Some((2, Status::INVALID_ADDRESS))),
    ];
    lab.unchanged(|| {
        for (gctx_paddr, gctx) in gctxs {
            for (asid, fault) in asids {
                let own = gctx_paddr == page::OTHER && asid == 2;
                let own_with_pages = gctx_paddr == page::RUNNING && asid == 3;
                let owned = fault.filter(|_| !own);
                if let Err(status) = earliest([gctx, owned]) {
                    lab.answer(SnpActivate { gctx_paddr, asid }, status);
                }
                let ex = fault.filter(|_| !own && !own_with_pages);
                let active = gctx.filter(|_| !own && !own_with_pages);
                for ((len, numids, ids_paddr), ids) in ids {
                    let command = SnpActivateEx { len, gctx_paddr, asid, numids, ids_paddr };
                    match earliest([active, ex, ids]) {
                        Err(status) => lab.answer(command, status),
                        // The same again: nothing changes.
                        Ok(()) if own || own_with_pages => lab.issue(command).unwrap(),
                        Ok(()) => {}
                    }
                }
            }
        }
    });
    let command = SnpActivateEx {
        len: 0x20,
        gctx_paddr: page::NO_ASID,
        asid: 5,
        numids: 1,
        ids_paddr: page::HOST,
    };
    lab.issue(command).unwrap();
    lab.guest(page::NO_ASID, |guest| assert_eq!(guest.asid, Some(Asid::new(5))));
    lab.refuse(SnpActivateEx { asid: 2, ..command }, Status::ASID_OWNED);
}

/// A guest that wants one socket, on a machine with two.
#[test]
fn single_socket() {
    for sockets in [1, 2] {
        let chip = Chip::new(Product::Milan, &[7; 48], &[8; 32]);
        let config =
            MachineConfig { sockets, encryption: Encryption::Aes128, ..MachineConfig::new(&chip) };
        let lab = Lab::with(chip, config);
        lab.issue(SnpInit {}).unwrap();
        lab.launch(page::GUEST, 0x13_0000, 0, None);
        for asid in [0, 1] {
            let command = SnpActivate { gctx_paddr: page::GUEST, asid };
            match (sockets, asid) {
                (2, _) => lab.refuse(command, Status::POLICY_FAILURE),
                (_, 0) => lab.refuse(command, Status::INVALID_ASID),
                _ => lab.issue(command).unwrap(),
            }
        }
    }
}

#[test]
fn guest_status() {
    let lab = Lab::full();
    let status = |gctx_paddr| {
        let status_paddr = page::OUT + 0xfe0;
        lab.issue(SnpGuestStatus { gctx_paddr, status_paddr }).unwrap();
        GuestStatus::from_bytes(&lab.read(status_paddr)).unwrap()
    };
    let expected = GuestStatus {
        policy: GuestPolicy(0),
        asid: None,
        state: GuestState::Init,
        vcek_dis: false,
    };
    assert_eq!(status(page::INIT), expected);
    let policy = GuestPolicy(0x3_0000);
    let expected = GuestStatus { policy, state: GuestState::Launch, ..expected };
    assert_eq!(status(page::NO_ASID), expected);
    assert_eq!(status(page::GUEST), GuestStatus { asid: Some(Asid::new(1)), ..expected });
    let expected = GuestStatus {
        policy: GuestPolicy(0xb_0000),
        asid: Some(Asid::new(3)),
        state: GuestState::Running,
        vcek_dis: false,
    };
    assert_eq!(status(page::RUNNING), expected);
    lab.issue(SnpLaunchFinish { gctx_paddr: page::GUEST, flags: 4, ..SnpLaunchFinish::default() })
        .unwrap();
    assert!(status(page::GUEST).vcek_dis);
}

#[test]
fn guest_status_in_order() {
    let lab = Lab::full();
    let gctxs: [Way<u64>; 4] = [
        (page::INIT, None),
        (page::INIT + 8, Some((0, Status::INVALID_PARAM))),
        (OUTSIDE, Some((2, Status::INVALID_ADDRESS))),
        (page::HOST, Some((4, Status::INVALID_GUEST))),
    ];
    let state = Some((3, Status::INVALID_PAGE_STATE));
    let outs: [Way<u64>; 7] = [
        (page::OUT + 8, None),
        (page::OUT + 0xfe1, Some((0, Status::INVALID_PARAM))),
        (OUTSIDE, Some((2, Status::INVALID_ADDRESS))),
        (page::HOST, state),
        (page::INIT, state),
        (page::PRE_GUEST, state),
        (page::GUEST_VALID, state),
    ];
    lab.unchanged(|| {
        for (gctx_paddr, gctx) in gctxs {
            for (status_paddr, out) in outs {
                if let Err(status) = earliest([gctx, out]) {
                    lab.answer(SnpGuestStatus { gctx_paddr, status_paddr }, status);
                }
            }
        }
    });
}

/// METADATA pages could not name a context at address 0: there is none.
#[test]
fn no_context_at_zero() {
    let lab = Lab::full();
    lab.firmware(0);
    lab.refuse(SnpGctxCreate { gctx_paddr: 0 }, Status::INVALID_ADDRESS);
}

/// An entry that is being changed may be one of the ASID's.
#[test]
fn activate_beside_a_change() {
    use crate::rmp::Table;
    let lab = Lab::new();
    lab.launch(page::GUEST, 0x3_0000, 0, Some(1));
    lab.pre_guest(page::LARGE, 1, 0x1000, PageSize::Size4K);
    lab.issue(SnpDecommission { gctx_paddr: page::GUEST }).unwrap();
    lab.machine.wbinvd();
    lab.issue(SnpDfFlush {}).unwrap();
    lab.launch(page::OTHER, 0x3_0000, 0, None);
    let command = SnpActivate { gctx_paddr: page::OTHER, asid: 1 };
    lab.refuse(command, Status::INVALID_CONFIG);
    let (entries, entry) = (lab.machine.entries(), lab.entry(page::LARGE));
    let before = lab.snapshot();
    assert!(entries.acquire(page::LARGE / PAGE as u64, entry));
    lab.answer(command, Status::IN_USE);
    entries.release(page::LARGE / PAGE as u64, entry);
    assert!(lab.snapshot() == before);
}
