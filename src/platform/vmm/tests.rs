//! The host's accounts: no page is given out twice, none is lost, whatever fails.

use core::convert::Infallible;
use core::ops::Range;
use std::vec::Vec;
//! A host on a machine that hides ciphertext from it.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

use super::*;
use crate::mem::GuestBytes;
use crate::platform::command::SnpInitEx;
use crate::platform::{Chip, MachineConfig, MachineError, Vcpu};
use crate::rmp::{Guest, PageState};
use crate::snp::tcb::Product;
use crate::{Status, Vmpl};

use crate::addr::{Vmpck, Vmpl};
use crate::cpu::Backend;
use crate::platform::command::SnpInitEx;
use crate::platform::{Chip, MachineConfig, Vcpu};
use crate::rmp::{Access, Guest};
use crate::snp::message::{CountWidth, GuestChannel, MessageBuffer, TscInfoRequest};
use crate::snp::tcb::Product;

const MEMORY: u64 = 8 << 20;
const GPA: u64 = 0x9000;
const TEXT: &[u8; 32] = b"what the guest keeps to itself..";

/// Random numbers that are not.
struct Counting(u64);

impl TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 += 1;
        Ok(self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = (self.try_next_u64()? >> 56) as u8;
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.try_next_u64()?.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counting {}

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
fn machine() -> Machine {
    let chip = Chip::new(Product::Turin, &[7; 48], &[8; 32]);
    let config = MachineConfig::new(&chip);
    let machine = Machine::new(chip, config, MEMORY, Counting(0)).unwrap();
    // INIT_RMP, CIPHERTEXT_HIDING_EN
    let init = SnpInitEx { flags: 1 | 1 << 3, max_snp_asid: 50, ..SnpInitEx::default() };
    machine.issue(&mut { init }).unwrap();
    machine
}

/// A guest that runs, with one page that it has accepted and written to.
fn guest(machine: &Machine, vmm: &Vmm<'_>) -> GuestHandle {
    let (gctx, asid) = (vmm.firmware_page().unwrap(), Asid::new(5));
    let gctx_paddr = gctx.get();
    machine.issue(&mut SnpGctxCreate { gctx_paddr }).unwrap();
    let policy = IdBlock::DEFAULT_POLICY.0;
    let mut start = SnpLaunchStart { gctx_paddr, policy, ..SnpLaunchStart::default() };
    machine.issue(&mut start).unwrap();
    machine.issue(&mut SnpActivate { gctx_paddr, asid: asid.get() }).unwrap();
    let mut finish = SnpLaunchFinish { gctx_paddr, ..SnpLaunchFinish::default() };
    machine.issue(&mut finish).unwrap();
    let mut guest = GuestHandle { gctx, asid, nested: NestedTable::default(), pages: Vec::new() };
    let gpa = GuestPhysAddr::new(GPA).unwrap();
    let page = vmm.add_page(&mut guest, gpa).unwrap();
    let access = Access { spa: page.get(), gpa, mapping: PageSize::Size4K };
    machine.rmp().pvalidate(vmpl0(&guest), access, PageSize::Size4K, true).unwrap();
    vcpu(machine, &guest).write(gpa, TEXT).unwrap();
    guest
}

fn vmpl0(guest: &GuestHandle) -> Guest {
    Guest { asid: guest.asid, vmpl: Vmpl::VMPL0 }
}

fn vcpu<'m>(machine: &'m Machine, guest: &'m GuestHandle) -> Vcpu<'m, NestedTable> {
    Vcpu::new(machine, vmpl0(guest), &guest.nested)
}

fn vmm(machine: &Machine) -> Vmm<'_> {
    let addr = |addr| PhysAddr::new(addr).unwrap();
    Vmm::new(machine, addr(1 << 20)..addr(MEMORY))
}

#[test]
fn pages_go_and_come_back() {
    let machine = machine();
    let vmm = vmm(&machine);
    let mut guest = guest(&machine, &vmm);
    let gpa = GuestPhysAddr::new(GPA).unwrap();
    let (_, page, _) = guest.pages[0];
    let mut seen = [0; PAGE];
    machine.host_read(page, &mut seen).unwrap();
    assert_eq!(seen, [0xff; PAGE]);
    // A shared mapping of another guest's, or of its own, shows no more.
    vcpu(&machine, &guest).read_shared(gpa, &mut seen).unwrap();
    assert_eq!(seen, [0xff; PAGE]);

    let entry = vmm.metadata_page(&guest).unwrap();
    let swapped = vmm.swap_out(&mut guest, gpa, entry).unwrap();
    assert_ne!(*swapped.ciphertext, [0xff; PAGE]);
    vmm.swap_in(&mut guest, &swapped, entry).unwrap();
    let mut text = [0; 32];
    vcpu(&machine, &guest).read(gpa, &mut text).unwrap();
    assert_eq!(text, *TEXT);
}

#[test]
fn a_guest_gets_its_answer() {
    let machine = machine();
    let vmm = vmm(&machine);
    let guest = guest(&machine, &vmm);
    let key = machine.lock().snp.guests[&guest.gctx.get()].vmpcks[0];
    let mut channel =
        GuestChannel::new(&key, Vmpck::VMPCK0, 0, CountWidth::Bits64, Backend::best()).unwrap();
    let mut buffer = MessageBuffer::new();
    let sealed = channel.seal(&TscInfoRequest, &mut buffer).unwrap();
    let mut request = [0; PAGE];
    request[..sealed.bytes().len()].copy_from_slice(sealed.bytes());
    let response = vmm.guest_request(&guest, &request).unwrap();
    let info = sealed.open(|copy| copy.copy_from_slice(&response[..copy.len()])).unwrap();
    assert_eq!(info.guest_tsc_scale, 1 << 32);
}
