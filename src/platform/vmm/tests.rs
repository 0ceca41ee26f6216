//! The host's accounts: no page is given out twice, none is lost, whatever fails.

mod hiding;

use core::ops::Range;
use std::vec::Vec;

use super::*;
use crate::mem::GuestBytes;
use crate::platform::command::SnpInitEx;
use crate::platform::counting::Counting;
use crate::platform::{Chip, MachineConfig, MachineError, Vcpu};
use crate::rmp::{Guest, PageState};
use crate::snp::tcb::Product;
use crate::{Status, Vmpl};

pub(in crate::platform) fn spa(addr: u64) -> PhysAddr {
    PhysAddr::new(addr).unwrap()
}

pub(in crate::platform) fn gpa(addr: u64) -> GuestPhysAddr {
    GuestPhysAddr::new(addr).unwrap()
}

/// A machine of 4 MiB on which SNP is initialised.
pub(in crate::platform) fn machine(product: Product, mut init: SnpInitEx) -> Machine {
    let chip = Chip::new(product, &[1; 48], &[2; 32]);
    let config = MachineConfig::new(&chip);
    let machine = Machine::new(chip, config, 4 << 20, Counting(0)).unwrap();
    machine.issue(&mut init).unwrap();
    machine
}

fn assign<D: Dram>(machine: &Machine<D>, page: u64, to: PageAssignment) {
    machine.rmp().rmpupdate(Asid::HOST, page, &to.to_bytes()).unwrap();
}

/// A guest that runs, with pages that hold the byte of its ASID.
pub(in crate::platform) fn guest(
    machine: &Machine,
    asid: u32,
    gctx_paddr: u64,
    pages: &[(u64, u64)],
) -> GuestHandle {
    assign(machine, gctx_paddr, PageAssignment::FIRMWARE);
    machine.issue(&mut SnpGctxCreate { gctx_paddr }).unwrap();
    // SMT is allowed; bit 17 is always one.
    let start = SnpLaunchStart { gctx_paddr, policy: 0x3_0000, ..SnpLaunchStart::default() };
    machine.issue(&mut { start }).unwrap();
    machine.issue(&mut SnpActivate { gctx_paddr, asid }).unwrap();
    let nested = NestedTable::default();
    for (at, page) in pages {
        machine.host_write(spa(*page), &[asid as u8; PAGE]).unwrap();
        let to = PageAssignment::guest(Asid::new(asid), gpa(*at), PageSize::Size4K);
        assign(machine, *page, to.locked());
        let update = SnpLaunchUpdate {
            gctx_paddr,
            page_info: (PageType::Normal as u32) << 1,
            page_paddr: *page,
            vmpl_perms: [0; 4],
        };
        machine.issue(&mut { update }).unwrap();
        nested.map(gpa(*at), spa(*page), PageSize::Size4K);
    }
    let finish = SnpLaunchFinish { gctx_paddr, ..SnpLaunchFinish::default() };
    machine.issue(&mut { finish }).unwrap();
    let pages = pages.iter().map(|(at, page)| (gpa(*at), spa(*page), PageType::Normal));
    GuestHandle { gctx: spa(gctx_paddr), asid: Asid::new(asid), nested, pages: pages.collect() }
}

const GCTX: u64 = 0x20_0000;
/// What the host has: no page of these is a guest's at first.
const FREE: Range<u64> = 0x30_0000..0x30_8000;
const PAGES: [(u64, u64); 3] = [(0x1000, 0x10_0000), (0x2000, 0x10_1000), (0x3000, 0x10_2000)];

fn genoa() -> Machine {
    machine(Product::Genoa, SnpInitEx { flags: 1, ..SnpInitEx::default() })
}

fn host(machine: &Machine, memory: Range<u64>) -> Vmm<'_> {
    Vmm::new(machine, spa(memory.start)..spa(memory.end))
}

/// All pages that a host still has, in order; each of them is the hypervisor's.
fn left(vmm: &Vmm<'_>) -> Vec<u64> {
    let mut pages: Vec<_> = core::iter::from_fn(|| vmm.page().ok()).map(PhysAddr::get).collect();
    pages.sort_unstable();
    for page in &pages {
        assert_eq!(state(vmm.machine, *page), PageState::Hypervisor, "{page:#x}");
    }
    pages
}

fn pages(memory: Range<u64>) -> Vec<u64> {
    memory.step_by(PAGE).collect()
}

fn state(machine: &Machine, page: u64) -> PageState {
    machine.rmp().page(page).unwrap().state
}

fn sees(machine: &Machine, guest: &GuestHandle, at: u64) -> [u8; 8] {
    let who = Guest { asid: guest.asid, vmpl: Vmpl::VMPL0 };
    let mut bytes = [0; 8];
    Vcpu::new(machine, who, &guest.nested).read(gpa(at), &mut bytes).unwrap();
    bytes
}

#[test]
fn a_free_page_is_not_taken_back() {
    let machine = genoa();
    let vmm = host(&machine, FREE);
    let first = vmm.firmware_page().unwrap();
    assert_eq!(first.get(), FREE.start);
    let never_given = spa(FREE.end - PAGE as u64);
    assert_eq!(vmm.take_back(never_given), Err(VmmError::Free { page: never_given }));
    assert_eq!(vmm.take_back(first), Ok(()));
    assert_eq!(vmm.take_back(first), Err(VmmError::Free { page: first }));
    assert_eq!(left(&vmm), pages(FREE), "each page once");
}

/// Each command that can fail, fails; the pages that were for it come back.
#[test]
fn what_fails_loses_no_page() {
    let machine = genoa();
    let vmm = host(&machine, FREE);
    let mut handle = guest(&machine, 1, GCTX, &PAGES);
    let gctx = core::mem::replace(&mut handle.gctx, spa(0x18_0000));
    let entry = spa(0x18_1000);
    let options = LaunchOptions {
        id_block: Some((IdBlock::from_bytes(&[0; IdBlock::LEN]), &[0; PAGE], false)),
        ..LaunchOptions::default()
    };
    let failed = |result: Result<(), VmmError>| {
        assert!(matches!(result, Err(VmmError::Firmware { .. })), "{result:?}");
    };
    failed(vmm.finish(&options, &handle));
    failed(vmm.guest_request(&handle, &[0; PAGE]).map(drop));
    failed(vmm.metadata_page(&handle).map(drop));
    failed(vmm.swap_out(&mut handle, gpa(0x1000), entry).map(drop));
    let swapped = SwappedPage {
        gpa: gpa(0x9000),
        page_type: crate::snp::swap::PageType::Data,
        origin: PageType::Normal,
        ciphertext: std::boxed::Box::new([0; PAGE]),
    };
    failed(vmm.swap_in(&mut handle, &swapped, entry));
    assert_eq!(handle.pages.len(), PAGES.len());
    // RMPUPDATE fails: no guest has such an ASID.
    let asid = core::mem::replace(&mut handle.asid, Asid::new(2000));
    assert_eq!(vmm.add_page(&mut handle, gpa(0x9000)), Err(VmmError::Rmp(RmpFailure::Input)));
    (handle.gctx, handle.asid) = (gctx, asid);
    assert_eq!(sees(&machine, &handle, 0x1000), [1; 8], "the guest has its page");
    assert_eq!(left(&vmm), pages(FREE));
}

/// SNP_PAGE_SWAP_OUT is refused: the page is not kept for the firmware.
#[test]
fn a_page_that_is_not_swapped_out_is_the_guests() {
    let machine = genoa();
    let vmm = host(&machine, FREE);
    let mut handle = guest(&machine, 1, GCTX, &PAGES);
    let no_metadata = spa(0x18_0000);
    let refused = vmm.swap_out(&mut handle, gpa(0x2000), no_metadata).map(drop);
    assert!(matches!(refused, Err(VmmError::Firmware { command: "SNP_PAGE_SWAP_OUT", .. })));
    assert_eq!(state(&machine, PAGES[1].1), PageState::GuestValid);
    assert_eq!(sees(&machine, &handle, 0x2000), [1; 8]);
}

/// In the middle of it, a page cannot be swapped out.
#[test]
fn swapping_all_out_keeps_accounts_when_it_fails() {
    for stuck in 0..=PAGES.len() {
        let machine = genoa();
        let vmm = host(&machine, FREE);
        let mut handle = guest(&machine, 1, GCTX, &PAGES);
        // Another guest's context is no page of this one's.
        handle.pages.insert(stuck, (gpa(0x7000), spa(0x18_0000), PageType::Normal));
        assign(&machine, 0x18_0000, PageAssignment::FIRMWARE);
        machine.issue(&mut SnpGctxCreate { gctx_paddr: 0x18_0000 }).unwrap();
        assert!(vmm.swap_out_all(&mut handle).is_err());
        let listed: Vec<_> = handle.pages.iter().map(|page| page.1.get()).collect();
        let mut wanted: Vec<_> = PAGES.iter().map(|page| page.1).collect();
        wanted.insert(stuck, 0x18_0000);
        assert_eq!(listed, wanted[stuck..], "in order");

        let context =
            VmmError::Firmware { command: "SNP_PAGE_RECLAIM", status: Status::INVALID_PAGE_STATE };
        assert_eq!(vmm.decommission(handle), Err(context), "and goes on");
        let guests = PAGES.iter().map(|page| page.1).chain([GCTX]);
        assert_eq!(left(&vmm), guests.chain(pages(FREE)).collect::<Vec<_>>());
    }
}

/// With too little memory for each step in turn, and with enough.
#[test]
fn no_memory_at_every_step() {
    let mut outcomes = Vec::new();
    for count in 0..8 {
        let machine = genoa();
        let memory = FREE.start..FREE.start + count * PAGE as u64;
        let vmm = host(&machine, memory.clone());
        let mut handle = guest(&machine, 1, GCTX, &PAGES);
        let swapped = vmm.swap_out_all(&mut handle);
        outcomes.push(swapped.is_ok());
        let guests = PAGES.iter().map(|page| page.1).chain([GCTX]);
        let Ok(swapped) = swapped else {
            vmm.decommission(handle).unwrap();
            assert_eq!(left(&vmm), guests.chain(pages(memory)).collect::<Vec<_>>());
            continue;
        };
        assert!(handle.pages.is_empty());
        assert_eq!(vmm.all_in(&mut handle, &swapped), Ok(()));
        for (at, _) in PAGES {
            assert_eq!(sees(&machine, &handle, at), [1; 8]);
        }
        vmm.decommission(handle).unwrap();
        assert_eq!(left(&vmm), guests.chain(pages(memory)).collect::<Vec<_>>());
    }
    assert!(outcomes.contains(&true) && outcomes.contains(&false), "{outcomes:?}");
}

/// Ciphertext that was changed is refused at any level, and the pages that came before are taken back.
#[test]
fn swapping_all_in_keeps_accounts_when_it_fails() {
    for (level, page) in [(0, 0), (0, 2), (1, 0)] {
        let machine = genoa();
        let vmm = host(&machine, FREE);
        let mut handle = guest(&machine, 1, GCTX, &PAGES);
        let mut swapped = vmm.swap_out_all(&mut handle).unwrap();
        swapped.levels[level][page].ciphertext[9] ^= 1;
        let bad =
            VmmError::Firmware { command: "SNP_PAGE_SWAP_IN", status: Status::BAD_MEASUREMENT };
        assert_eq!(vmm.all_in(&mut handle, &swapped), Err(bad), "{level} {page}");
        assert_eq!(handle.pages, []);
        vmm.decommission(handle).unwrap();
        let guests = PAGES.iter().map(|page| page.1).chain([GCTX]);
        assert_eq!(left(&vmm), guests.chain(pages(FREE)).collect::<Vec<_>>());
    }
}

/// Memory whose last byte no RMP can cover.
struct Far(HeapDram);

impl Dram for Far {
    fn ranges(&self) -> Vec<Range<u64>> {
        let end = u64::MAX / PAGE as u64 * PAGE as u64;
        std::vec![end - self.0.size()..end]
    }

    fn holds(&self, _: PhysAddr, _: u64) -> bool {
        false
    }

    fn with<R>(&self, _: PhysAddr, _: usize, _: impl FnOnce(GuestBytes<'_>) -> R) -> Option<R> {
        None
    }
}

#[test]
fn no_room_for_the_rmp() {
    let chip = Chip::new(Product::Genoa, &[1; 48], &[2; 32]);
    let config = MachineConfig::new(&chip);
    let dram = Far(HeapDram::new(1 << 20).unwrap());
    let made = Machine::with_dram(chip, config, dram, Counting(0));
    assert_eq!(made.map(drop).err(), Some(MachineError::Memory));
}
