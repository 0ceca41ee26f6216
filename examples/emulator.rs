//! An emulator whose guest's memory is ciphertext: every fetch, load and store of a tiny CPU goes through the RMP's check and the memory
//! controller. The guest computes; the host sees ciphertext; what the host maps elsewhere faults.
//!
//! ```sh
//! cargo run --release --features platform --example emulator
//! ```

use std::convert::Infallible;
use std::error::Error;

use sevcrypt::platform::command::{SnpActivate, SnpGctxCreate, SnpInitEx, SnpLaunchFinish};
use sevcrypt::platform::command::{SnpLaunchStart, SnpLaunchUpdate};
use sevcrypt::platform::rand_core::{TryCryptoRng, TryRng, utils};
use sevcrypt::platform::{Chip, GuestFault, Machine, MachineConfig, Nested, NestedTable, Vcpu};
use sevcrypt::rmp::{Guest, Kind, PageAssignment};
use sevcrypt::snp::tcb::Product;
use sevcrypt::{Asid, GuestPhysAddr, Hex, PageSize, PhysAddr, Vmpl};

// ---- The CPU: four registers of 64 bits, instructions of eight bytes (opcode, two registers, a zero, a 32-bit number). ----

#[derive(Clone, Copy)]
#[repr(u8)]
enum Op {
    Halt,
    /// a = number.
    Set,
    /// a += b.
    Add,
    /// a = the word at address b + number.
    Load,
    /// The word at address b + number = a.
    Store,
    /// Go to the number if a is not b.
    JumpUnless,
}

const fn code(op: Op, a: u8, b: u8, number: u32) -> [u8; 8] {
    let [n0, n1, n2, n3] = number.to_le_bytes();
    [op as u8, a, b, 0, n0, n1, n2, n3]
}

#[derive(Debug)]
enum Stop {
    Halted,
    Fault(GuestFault),
    /// No instruction, no register, or no address: where.
    Undefined(#[allow(dead_code, reason = "for who prints it")] u64),
}

impl From<GuestFault> for Stop {
    fn from(fault: GuestFault) -> Self {
        Self::Fault(fault)
    }
}

struct Cpu<'m, N: Nested> {
    memory: Vcpu<'m, N>,
    registers: [u64; 4],
    rip: u64,
}

impl<N: Nested> Cpu<'_, N> {
    fn register(&mut self, number: u8) -> Result<&mut u64, Stop> {
        let rip = self.rip;
        self.registers.get_mut(usize::from(number)).ok_or(Stop::Undefined(rip))
    }

    /// Runs one instruction.
    fn step(&mut self) -> Result<(), Stop> {
        let at = |addr| GuestPhysAddr::new(addr).map_err(|_| Stop::Undefined(addr));
        let mut bytes = [0; 8];
        self.memory.load(Kind::ExecuteSupervisor, at(self.rip)?, &mut bytes)?;
        let [op, a, b, _, number @ ..] = bytes;
        let number = u64::from(u32::from_le_bytes(number));
        let next = self.rip + 8;
        match op {
            op if op == Op::Halt as u8 => return Err(Stop::Halted),
            op if op == Op::Set as u8 => *self.register(a)? = number,
            op if op == Op::Add as u8 => {
                let b = *self.register(b)?;
                let a = self.register(a)?;
                *a = a.wrapping_add(b);
            }
            op if op == Op::Load as u8 => {
                let from = at(self.register(b)?.wrapping_add(number))?;
                let mut word = [0; 8];
                self.memory.read(from, &mut word)?;
                *self.register(a)? = u64::from_le_bytes(word);
            }
            op if op == Op::Store as u8 => {
                let to = at(self.register(b)?.wrapping_add(number))?;
                let word = self.register(a)?.to_le_bytes();
                self.memory.write(to, &word)?;
            }
            op if op == Op::JumpUnless as u8 => {
                if *self.register(a)? != *self.register(b)? {
                    self.rip = number;
                    return Ok(());
                }
            }
            _ => return Err(Stop::Undefined(self.rip)),
        }
        self.rip = next;
        Ok(())
    }

    fn run(&mut self) -> Stop {
        loop {
            if let Err(stop) = self.step() {
                return stop;
            }
        }
    }
}

// ---- The host: two pages of memory for the guest, one for code and one for data. ----

const GCTX: u64 = 0x10_0000;
const CODE: (u64, u64) = (0x1000, 0x20_1000);
const DATA: (u64, u64) = (0x2000, 0x20_2000);
const ASID: Asid = Asid::new(1);

/// The sum of 1 to 100, and where it goes.
fn program() -> [u8; 4096] {
    let instructions = [
        code(Op::Set, 0, 0, 0),
        code(Op::Set, 1, 0, 0),
        code(Op::Set, 2, 0, 1),
        code(Op::Set, 3, 0, 100),
        code(Op::Add, 0, 2, 0),
        code(Op::Add, 1, 0, 0),
        code(Op::JumpUnless, 0, 3, CODE.0 as u32 + 4 * 8),
        code(Op::Set, 2, 0, 0),
        code(Op::Store, 1, 2, DATA.0 as u32),
        code(Op::Load, 0, 2, DATA.0 as u32),
        code(Op::Halt, 0, 0, 0),
    ];
    let mut page = [0; 4096];
    page[..8 * instructions.len()].copy_from_slice(instructions.as_flattened());
    page
}

/// Any generator will do: nothing here is a secret.
struct Counter(u8);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(5).wrapping_add(3);
            *byte = self.0;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

fn main() -> Result<(), Box<dyn Error>> {
    let chip = Chip::new(Product::Genoa, &[1; 48], &[2; 32]);
    let config = MachineConfig::new(&chip);
    let machine = Machine::new(chip, config, 4 << 20, Counter(1))?;
    let rmp = machine.rmp();

    // A guest of two pages, launched.
    machine.issue(&mut SnpInitEx { flags: 1, ..SnpInitEx::default() })?;
    rmp.rmpupdate(Asid::HOST, GCTX, &PageAssignment::FIRMWARE.to_bytes())?;
    machine.issue(&mut SnpGctxCreate { gctx_paddr: GCTX })?;
    let policy = 0x3_0000;
    machine.issue(&mut SnpLaunchStart { gctx_paddr: GCTX, policy, ..SnpLaunchStart::default() })?;
    machine.issue(&mut SnpActivate { gctx_paddr: GCTX, asid: ASID.get() })?;
    let table = NestedTable::default();
    for ((gpa, spa), bytes) in [(CODE, program()), (DATA, [0; 4096])] {
        let (gpa, page) = (GuestPhysAddr::new(gpa)?, PhysAddr::new(spa)?);
        machine.host_write(page, &bytes)?;
        let operand = PageAssignment::guest(ASID, gpa, PageSize::Size4K).locked();
        rmp.rmpupdate(Asid::HOST, spa, &operand.to_bytes())?;
        let normal = 1 << 1;
        machine.issue(&mut SnpLaunchUpdate {
            gctx_paddr: GCTX,
            page_info: normal,
            page_paddr: spa,
            vmpl_perms: [0; 4],
        })?;
        table.map(gpa, page, PageSize::Size4K);
    }
    machine.issue(&mut SnpLaunchFinish { gctx_paddr: GCTX, ..SnpLaunchFinish::default() })?;

    let guest = Guest { asid: ASID, vmpl: Vmpl::VMPL0 };
    let new_cpu =
        || Cpu { memory: Vcpu::new(&machine, guest, &table), registers: [0; 4], rip: CODE.0 };
    let mut cpu = new_cpu();
    let stop = cpu.run();
    println!("the guest stops: {stop:?}; it computed {}", cpu.registers[0]);
    assert!(matches!(stop, Stop::Halted) && cpu.registers[0] == 5050);

    let mut seen = [0; 8];
    machine.host_read(PhysAddr::new(DATA.1)?, &mut seen)?;
    println!("the host sees: {}", Hex(&seen));
    assert_ne!(u64::from_le_bytes(seen), 5050);

    // The host maps the page of data where the code should be.
    table.map(GuestPhysAddr::new(CODE.0)?, PhysAddr::new(DATA.1)?, PageSize::Size4K);
    let stop = new_cpu().run();
    let Stop::Fault(fault) = stop else { panic!("expected a fault, and not {stop:?}") };
    println!("the host maps another page: {fault}");
    Ok(())
}
