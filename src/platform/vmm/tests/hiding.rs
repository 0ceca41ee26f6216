//! A host on a machine that hides ciphertext from it.

use super::super::*;
use crate::addr::{Vmpck, Vmpl};
use crate::cpu::Backend;
use crate::platform::command::SnpInitEx;
use crate::platform::counting::Counting;
use crate::platform::{Chip, MachineConfig, Vcpu};
use crate::rmp::{Access, Guest};
use crate::snp::message::{CountWidth, GuestChannel, MessageBuffer, TscInfoRequest};
use crate::snp::tcb::Product;

const MEMORY: u64 = 8 << 20;
const GPA: u64 = 0x9000;
const TEXT: &[u8; 32] = b"what the guest keeps to itself..";

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
