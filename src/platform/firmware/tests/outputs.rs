//! What the firmware may write and give away, and what it reads for the host.

use core::ops::Range;
use std::vec::Vec;

use super::lab::*;
use crate::PhysAddr;
use crate::addr::{Asid, PAGE, PageSize};
use crate::platform::command::*;
use crate::platform::{Machine, MachineConfig};
use crate::rmp::{PageAssignment, PageState, Table};
use crate::snp::tcb::Product;
use crate::status::Status;

const DATA: u64 = 0x30_0000;
const DST: u64 = 0x30_1000;
const PRE: u64 = 0x30_2000;
const MD: u64 = 0x30_3000;
const HOST: u64 = 0x30_4000;
const LARGE: u64 = 0x60_0000;
const GPA: u64 = 0x1234_5000;
/// DEBUG of a guest's policy.
const DEBUG: u64 = 1 << 19;
/// Where the RMP stands, within a region.
const OWN: Range<u64> = 0x40_0000..0x50_0000;

/// A machine before SNP_INIT.
fn uninit(product: Product, rmp: Option<Range<u64>>) -> Lab {
    let chip = chip(product);
    let config = MachineConfig { rmp, ..MachineConfig::new(&chip) };
    Lab { machine: Machine::new(chip, config, MEMORY, Scripted::new(&[])).unwrap() }
}

/// A machine that hides ciphertext, with a guest whose page is at DATA, and which has one of 2 MiB.
fn hiding() -> Lab {
    let lab = uninit(Product::Turin, None);
    let init = SnpInitEx { flags: 1 | 1 << 3, max_snp_asid: 50, ..Default::default() };
    lab.issue(init).unwrap();
    lab.start(GCTX, ASID, POLICY);
    lab.launch_page(GCTX, ASID, DATA, GPA, &page_a());
    lab.finish(GCTX);
    lab.pre_guest(LARGE, ASID, 0x4000_0000, PageSize::Size2M);
    lab
}

impl Lab {
    fn mailbox(&self, id: CommandId, paddr: u64) -> Status {
        self.machine.mailbox(id, PhysAddr::new(paddr).unwrap())
    }

    /// What the host sees of a page's first bytes.
    fn seen(&self, spa: u64) -> [u8; 64] {
        let mut seen = [0; 64];
        self.machine.host_read(PhysAddr::new(spa).unwrap(), &mut seen).unwrap();
        seen
    }

    fn try_assign(&self, spa: u64, to: PageAssignment) -> bool {
        self.machine.rmp().rmpupdate(Asid::HOST, spa, &to.to_bytes()).is_ok()
    }
}

/// A buffer in the middle of a page of entries makes no other entry of what stands there.
#[test]
fn a_command_of_snp_does_not_write_to_its_buffer() {
    let lab = Lab::new();
    lab.start(GCTX, ASID, POLICY);
    lab.launch_page(GCTX, ASID, DATA, GPA, &page_a());
    lab.finish(GCTX);
    lab.lock(DATA);
    lab.metadata(GCTX, MD);
    lab.give(&[DST]);
    lab.issue(SnpPageSwapOut {
        gctx_paddr: GCTX,
        src_paddr: DATA,
        dst_paddr: DST,
        mdata_paddr: MD + 64,
        ..Default::default()
    })
    .unwrap();
    let before = lab.snapshot();
    let mut statuses = Vec::new();
    for at in 0x18..0x30 {
        statuses.push(lab.mailbox(SnpPageSetState::ID, MD + 64 + at));
    }
    assert!(statuses.contains(&Status::INVALID_LENGTH), "one of them got as far: {statuses:?}");
    assert!(lab.snapshot() == before);
}

/// Everything that could write to a page of the RMP, or make something else of it.
#[test]
fn pages_of_the_rmp_itself() {
    let lab = uninit(Product::Genoa, Some(OWN));
    let own = OWN.start + 0x2000;
    // It is not there yet.
    assert_eq!(lab.mailbox(SevPlatformStatus::ID, own), Status::SUCCESS);
    lab.issue(SnpInit {}).unwrap();
    lab.start(GCTX, ASID, POLICY | DEBUG);
    lab.launch_page(GCTX, ASID, DATA, GPA, &page_a());
    lab.launch_page(GCTX, ASID, PRE, GPA + 0x1000, &page_a());
    lab.finish(GCTX);
    lab.lock(PRE);
    lab.metadata(GCTX, MD);
    let mut list = [0; 24];
    (list[0], list[16]) = (1, 1);
    list[8..16].copy_from_slice(&OWN.start.to_le_bytes());
    lab.bus().write(HOST, &list).unwrap();

    let refused = Status::INVALID_ADDRESS;
    let gctx_paddr = GCTX;
    lab.refused(SnpGctxCreate { gctx_paddr: own }, refused);
    lab.refused(SnpPageMdInit { gctx_paddr, page_paddr: own }, refused);
    lab.refused(SnpPageSetState { len: 0x10, list_paddr: HOST }, refused);
    let out = SnpPageSwapOut {
        gctx_paddr,
        src_paddr: PRE,
        dst_paddr: own,
        mdata_paddr: MD,
        ..Default::default()
    };
    lab.refused(out, refused);
    // What comes back would be a page of entries.
    let (src_paddr, dst_paddr) = (HOST, own);
    let back = SnpPageSwapIn { gctx_paddr, src_paddr, dst_paddr, mdata_paddr: MD, flags: 1 << 1 };
    lab.refused(back, refused);
    lab.refused(SnpPageMove { gctx_paddr, page_info: 0, src_paddr: MD, dst_paddr }, refused);
    lab.refused(SnpDbgDecrypt { gctx_paddr, src_paddr: DATA, dst_paddr }, refused);
    let request = SnpGuestRequest { gctx_paddr, request_paddr: HOST, response_paddr: own };
    lab.refused(request, refused);
    lab.refused(SnpGuestStatus { gctx_paddr, status_paddr: own }, refused);
    lab.refused(SnpPlatformStatus { status_paddr: own }, refused);
    lab.refused(SnpFeatureInfo { len: 16, ecx_in: 0, feature_info_paddr: own }, refused);
    lab.refused(SevGetId { id_paddr: own, id_len: 64 }, refused);
    let before = lab.snapshot();
    assert_eq!(lab.mailbox(SevPlatformStatus::ID, own), Status(refused.0 + 0x40));
    assert!(lab.snapshot() == before);
    // These two have codes of their own.
    lab.refused(SnpPageReclaim { page_paddr: own }, Status::INVALID_PARAM);
    lab.refused(SnpPageUnsmash { page_paddr: OWN.start }, refused);

    // The rest of the region is memory as any other.
    lab.give(&[OWN.end]);
    lab.issue(SnpPlatformStatus { status_paddr: OWN.end }).unwrap();
    lab.issue(SnpGctxCreate { gctx_paddr: OWN.end }).unwrap();
}

/// The command is done, whatever another processor does to the region of its buffer.
#[test]
fn a_buffer_that_cannot_be_taken_away() {
    let lab = Lab::new();
    let (head, buffer) = (0x40_0000, 0x40_1000);
    lab.give(&[buffer]);
    let table = lab.machine.entries();
    let entry = lab.entry(head);
    assert!(table.acquire(head / PAGE as u64, entry));
    let status = lab.mailbox(SevPlatformStatus::ID, buffer);
    table.release(head / PAGE as u64, entry);
    assert_eq!(status, Status::SUCCESS);
    assert_eq!(lab.raw(buffer, 2), [1, 55]);
    assert_eq!(lab.state(buffer), PageState::Firmware);
    assert_eq!(lab.mailbox(SevPlatformStatus::ID, buffer), Status::SUCCESS);
    assert_eq!(lab.state(buffer), PageState::Reclaim);
}

/// A page of 2 MiB is the firmware's to write as a whole, also from within.
#[test]
fn an_output_within_2_mib() {
    let lab = Lab::new();
    let page_size = PageSize::Size2M;
    lab.assign(LARGE, PageAssignment { page_size, ..PageAssignment::FIRMWARE });
    lab.issue(SnpPlatformStatus { status_paddr: LARGE + 0x5000 }).unwrap();
    assert_eq!(lab.raw(LARGE + 0x5000, 2), [1, 55]);
    lab.pre_guest(0x40_0000, ASID, 0x4000_0000, page_size);
    let within = SnpPlatformStatus { status_paddr: 0x40_5000 };
    lab.refused(within, Status::INVALID_PAGE_STATE);
}

/// Pages of entries are left behind a shutdown, and nothing writes to them before the RMP ends.
#[test]
fn behind_a_shutdown() {
    let lab = Lab::new();
    lab.guest(GCTX, ASID);
    lab.metadata(GCTX, MD);
    lab.issue(SnpDecommission { gctx_paddr: GCTX }).unwrap();
    lab.machine.wbinvd();
    lab.issue(SnpDfFlush {}).unwrap();
    lab.issue(SnpShutdown {}).unwrap();
    assert_eq!(lab.state(MD), PageState::Metadata);
    for paddr in [MD, HOST] {
        let refused = Status::INVALID_PAGE_STATE;
        lab.refused(SnpPlatformStatus { status_paddr: paddr }, refused);
        lab.refused(SevGetId { id_paddr: paddr, id_len: 64 }, refused);
        let before = lab.snapshot();
        assert_eq!(lab.mailbox(SevPlatformStatus::ID, paddr), Status(refused.0 + 0x40));
        assert!(lab.snapshot() == before);
    }
    let md = PhysAddr::new(MD).unwrap();
    assert!(lab.machine.host_write(md, &[1]).is_err());
    assert!(!lab.try_assign(MD, PageAssignment::HYPERVISOR));
    lab.give(&[DST]);
    lab.issue(SnpPlatformStatus { status_paddr: DST }).unwrap();

    lab.issue(SnpInitEx::default()).unwrap();
    assert_eq!(lab.state(MD), PageState::Metadata);
    lab.issue(SnpShutdownEx { len: 8, flags: 0b10 }).unwrap();
    for page in [MD, DST, GCTX] {
        assert_eq!(lab.state(page), PageState::Hypervisor);
    }
    lab.machine.host_write(md, &[1]).unwrap();
    assert!(lab.try_assign(MD, PageAssignment::HYPERVISOR));
    lab.issue(SnpPlatformStatus { status_paddr: HOST }).unwrap();
    assert_eq!(lab.mailbox(SevPlatformStatus::ID, HOST), Status::SUCCESS);
}

/// Guests' pages are hidden, parts of large ones too; those of the firmware are not.
#[test]
fn the_host_reads_what_is_no_guests() {
    let lab = hiding();
    lab.metadata(GCTX, MD);
    lab.give(&[DST]);
    for page in [MD, DST, GCTX, HOST] {
        lab.bus().write(page, &[0x5a; 64]).unwrap();
        assert_eq!(lab.seen(page), [0x5a; 64], "{page:#x}");
    }
    for page in [DATA, LARGE, LARGE + 0x1000, LARGE + 0x1f_f000] {
        assert_ne!(lab.raw(page, 64), [0xff; 64]);
        assert_eq!(lab.seen(page), [0xff; 64], "{page:#x}");
    }
    // While a command runs, too.
    let state = lab.machine.lock();
    assert_eq!(lab.seen(DATA), [0xff; 64]);
    drop(state);
    // Without hiding it sees ciphertext.
    lab.machine.lock().snp.ciphertext_hiding = false;
    assert_eq!(lab.seen(DATA)[..], lab.raw(DATA, 64));
}

/// No command shows the host what hiding keeps from it.
#[test]
fn hidden_from_every_command() {
    let lab = hiding();
    let (mine, gctx_paddr) = (0x30_8000, OTHER);
    lab.start(OTHER, OTHER_ASID, POLICY | DEBUG);
    lab.launch_page(OTHER, OTHER_ASID, mine, GPA, &page_a());
    let refused = Status::INVALID_PAGE_STATE;
    for src_paddr in [DATA, LARGE, LARGE + 0x1000] {
        lab.refused(SnpDbgEncrypt { gctx_paddr, src_paddr, dst_paddr: mine }, refused);
    }
    lab.issue(SnpDbgEncrypt { gctx_paddr, src_paddr: HOST, dst_paddr: mine }).unwrap();

    // Nor with a key of SEV: what comes out changes with the ciphertext.
    lab.issue(SevInit::default()).unwrap();
    lab.issue(SevLaunchStart::default()).unwrap();
    let handle = 1;
    lab.issue(SevActivate { handle, asid: 100 }).unwrap();
    lab.give(&[DST, MD]);
    let dst_paddr = DST;
    for src_paddr in [DATA, LARGE, LARGE + 0x1000] {
        let len = PAGE as u32;
        lab.refused(SevDbgEncrypt { handle, src_paddr, dst_paddr, len }, refused);
        lab.refused(SevDbgDecrypt { handle, src_paddr, dst_paddr, len }, refused);
        lab.refused(SevCopy { handle, len, src_paddr, dst_paddr }, refused);
        let out =
            SevSwapOut { handle, src_paddr, dst_paddr, mdata_paddr: MD, ..Default::default() };
        lab.refused(out, refused);
    }
    let (src_paddr, len) = (HOST, PAGE as u32);
    lab.issue(SevDbgEncrypt { handle, src_paddr, dst_paddr, len }).unwrap();
    lab.issue(SevDbgDecrypt { handle, src_paddr, dst_paddr, len }).unwrap();
    // Without hiding the host reads the same anyway.
    lab.machine.lock().snp.ciphertext_hiding = false;
    lab.issue(SnpDbgEncrypt { gctx_paddr, src_paddr: DATA, dst_paddr: mine }).unwrap();
    lab.issue(SevDbgEncrypt { handle, src_paddr: DATA, dst_paddr, len }).unwrap();
}
