//! A guest's accesses to memory: through the RMP's check and the cipher.

use core::fmt;
use core::ops::Range;

use super::memory::{AccessError, Dram, DramKey, PageCursor};
use super::nested::Nested;
use super::{HeapDram, HostFault, Machine};
use crate::addr::{GuestPhysAddr, PAGE, PhysAddr};
use crate::rmp::{Access, Fault, Guest, Kind};

/// A vCPU of an SEV-SNP guest, as far as memory sees it: its ASID and VMPL, its nested page table, and the tweaks of the pages that it
/// used last.
///
/// A private access (C = 1) is checked against the RMP and deciphered with the guest's key; a shared one (C = 0) reads and
/// writes memory as it is, and is checked as one of the host's.
///
/// The table belongs to the host. It is asked at every access, so that nothing has to be flushed when the host changes it.
///
/// ```
/// # use sevcrypt::platform::rand_core::{TryCryptoRng, TryRng};
/// # struct Random(u8);
/// # impl TryRng for Random {
/// #     type Error = core::convert::Infallible;
/// #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(4) }
/// #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(4) }
/// #     fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
/// #         bytes.iter_mut().for_each(|byte| { self.0 = self.0.wrapping_mul(5).wrapping_add(3); *byte = self.0 });
/// #         Ok(())
/// #     }
/// # }
/// # impl TryCryptoRng for Random {}
/// use sevcrypt::platform::command::{SnpActivate, SnpGctxCreate, SnpInitEx, SnpLaunchFinish, SnpLaunchStart};
/// use sevcrypt::platform::{Chip, GuestFault, Machine, MachineConfig, NestedTable, Vcpu, Vmm};
/// use sevcrypt::rmp::{Guest, Kind, PageAssignment};
/// use sevcrypt::snp::tcb::Product;
/// use sevcrypt::{Asid, GuestPhysAddr, PageSize, PhysAddr, Vmpl};
///
/// let chip = Chip::new(Product::Genoa, &[1; 48], &[2; 32]);
/// let config = MachineConfig::new(&chip);
/// let machine = Machine::new(chip, config, 4 << 20, Random(1))?;
/// machine.issue(&mut SnpInitEx { flags: 1, ..SnpInitEx::default() })?;
///
/// // A guest without an image.
/// let host = Vmm::new(&machine, PhysAddr::new(1 << 20)?..PhysAddr::new(4 << 20)?);
/// let gctx_paddr = host.firmware_page()?.get();
/// machine.issue(&mut SnpGctxCreate { gctx_paddr })?;
/// machine.issue(&mut SnpLaunchStart { gctx_paddr, policy: 0x3_0000, ..SnpLaunchStart::default() })?;
/// machine.issue(&mut SnpActivate { gctx_paddr, asid: 1 })?;
/// machine.issue(&mut SnpLaunchFinish { gctx_paddr, ..SnpLaunchFinish::default() })?;
///
/// // It gets a page, accepts it, and uses it.
/// let (guest, gpa) = (Guest { asid: Asid::new(1), vmpl: Vmpl::VMPL0 }, GuestPhysAddr::new(0x5000)?);
/// let (page, table) = (host.page()?, NestedTable::default());
/// let operand = PageAssignment::guest(guest.asid, gpa, PageSize::Size4K);
/// machine.rmp().rmpupdate(Asid::HOST, page.get(), &operand.to_bytes())?;
/// table.map(gpa, page, PageSize::Size4K);
/// let mut vcpu = Vcpu::new(&machine, guest, &table);
/// assert_eq!(vcpu.guest(), guest);
/// let access = vcpu.access(gpa)?;
/// machine.rmp().pvalidate(guest, access, PageSize::Size4K, true)?;
/// vcpu.write(gpa, b"a guest's secret")?;
/// let mut seen = [0; 16];
/// vcpu.read(gpa, &mut seen)?;
/// assert_eq!(&seen, b"a guest's secret");
/// vcpu.load(Kind::ExecuteUser, gpa, &mut seen)?;
///
/// // An access that was translated already: no table is asked.
/// vcpu.store_at(Kind::Write, access, b"another")?;
/// vcpu.load_at(Kind::Read, access, &mut seen)?;
/// assert_eq!(&seen, b"another's secret");
///
/// // The host sees ciphertext, and cannot write; a page that is not mapped is a fault of the guest.
/// machine.host_read(page, &mut seen)?;
/// assert_ne!(&seen, b"another's secret");
/// println!("{}", machine.host_write(page, b"mine").unwrap_err());
/// let shared = host.page()?;
/// table.map(GuestPhysAddr::new(0x6000)?, shared, PageSize::Size4K);
/// vcpu.write_shared(GuestPhysAddr::new(0x6000)?, b"for everybody")?;
/// vcpu.read_shared(GuestPhysAddr::new(0x6000)?, &mut seen)?;
/// table.unmap(gpa, PageSize::Size4K);
/// assert_eq!(vcpu.read(gpa, &mut seen), Err(GuestFault::NotMapped(gpa)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Vcpu<'m, N: Nested + ?Sized, D: Dram = HeapDram> {
    machine: &'m Machine<D>,
    guest: Guest,
    nested: &'m N,
    cursor: PageCursor,
}

impl<N: Nested + ?Sized, D: Dram> fmt::Debug for Vcpu<'_, N, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vcpu").field("guest", &self.guest).finish_non_exhaustive()
    }
}

impl<'m, N: Nested + ?Sized, D: Dram> Vcpu<'m, N, D> {
    /// A vCPU of a guest that was given an ASID (ACTIVATE).
    #[must_use]
    pub fn new(machine: &'m Machine<D>, guest: Guest, nested: &'m N) -> Self {
        Self { machine, guest, nested, cursor: PageCursor::new() }
    }

    /// ASID and VMPL.
    #[must_use]
    pub const fn guest(&self) -> Guest {
        self.guest
    }

    /// Reads private memory.
    ///
    /// # Errors
    /// [`GuestFault`]: at the first page where it fails; `bytes` may have been filled up to there.
    pub fn read(&mut self, gpa: GuestPhysAddr, bytes: &mut [u8]) -> Result<(), GuestFault> {
        self.load(Kind::Read, gpa, bytes)
    }

    /// Reads private memory for another kind of access: an instruction, or the guest's page tables.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn load(
        &mut self,
        kind: Kind,
        gpa: GuestPhysAddr,
        bytes: &mut [u8],
    ) -> Result<(), GuestFault> {
        pieces(gpa, bytes.len(), |at, range| {
            let access = self.access(at)?;
            self.load_at(kind, access, &mut bytes[range])
        })
    }

    /// Writes private memory.
    ///
    /// # Errors
    /// [`GuestFault`]: at the first page where it fails; what lies before has been written.
    pub fn write(&mut self, gpa: GuestPhysAddr, bytes: &[u8]) -> Result<(), GuestFault> {
        pieces(gpa, bytes.len(), |at, range| {
            let access = self.access(at)?;
            self.store_at(Kind::Write, access, &bytes[range])
        })
    }

    /// Reads shared memory. What is another guest's, or this one's own private page, is what the host sees of it: ciphertext, or
    /// ones where the platform hides that (see [`Machine::host_read`]).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_shared(&self, gpa: GuestPhysAddr, bytes: &mut [u8]) -> Result<(), GuestFault> {
        pieces(gpa, bytes.len(), |at, range| {
            let bytes = &mut bytes[range];
            let spa = place(self.access(at)?, bytes.len())?;
            self.machine.host_read(spa, bytes).map_err(|fault| match fault {
                HostFault::Rmp(fault) => GuestFault::Rmp(fault),
                HostFault::Memory(error) => GuestFault::Memory(error),
            })
        })
    }

    /// Writes shared memory.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_shared(&self, gpa: GuestPhysAddr, bytes: &[u8]) -> Result<(), GuestFault> {
        pieces(gpa, bytes.len(), |at, range| {
            let (bytes, access) = (&bytes[range], self.access(at)?);
            let (rmp, spa) = (self.machine.rmp(), place(access, bytes.len())?);
            rmp.check_host_write(access.spa, access.mapping).map_err(GuestFault::Rmp)?;
            self.machine.memory().write(DramKey::None, spa, bytes).map_err(GuestFault::Memory)
        })
    }

    /// Reads private memory that lies where the caller says, within one 4 KiB page: for whoever keeps translations himself.
    ///
    /// # Errors
    /// As [`read`](Self::read), and [`GuestFault::CrossesPage`]; the bytes are untouched.
    #[inline]
    pub fn load_at(
        &mut self,
        kind: Kind,
        access: Access,
        bytes: &mut [u8],
    ) -> Result<(), GuestFault> {
        self.machine.rmp().check(self.guest, kind, access).map_err(GuestFault::Rmp)?;
        let key = DramKey::Slot(self.guest.asid);
        let (memory, spa) = (self.machine.memory(), place(access, bytes.len())?);
        memory.read_with(&mut self.cursor, key, spa, bytes).map_err(GuestFault::Memory)
    }

    /// Writes private memory that lies where the caller says, within one 4 KiB page.
    ///
    /// # Errors
    /// As [`write`](Self::write), and [`GuestFault::CrossesPage`]; nothing was written.
    #[inline]
    pub fn store_at(&mut self, kind: Kind, access: Access, bytes: &[u8]) -> Result<(), GuestFault> {
        self.machine.rmp().check(self.guest, kind, access).map_err(GuestFault::Rmp)?;
        let key = DramKey::Slot(self.guest.asid);
        let (memory, spa) = (self.machine.memory(), place(access, bytes.len())?);
        memory.write_with(&mut self.cursor, key, spa, bytes).map_err(GuestFault::Memory)
    }

    /// Where an address of the guest lies now.
    ///
    /// # Errors
    /// [`GuestFault::NotMapped`]
    pub fn access(&self, gpa: GuestPhysAddr) -> Result<Access, GuestFault> {
        let mapping = self.nested.translate(gpa).ok_or(GuestFault::NotMapped(gpa))?;
        Ok(Access { spa: mapping.spa.get(), gpa, mapping: mapping.size })
    }
}

/// Where an access begins, if it ends in the same page, the only one that is checked.
#[inline]
fn place(access: Access, len: usize) -> Result<PhysAddr, GuestFault> {
    let spa = PhysAddr::new(access.spa).map_err(|_| GuestFault::NotMapped(access.gpa))?;
    if len > PAGE - spa.page_offset() {
        return Err(GuestFault::CrossesPage { spa, len });
    }
    Ok(spa)
}

/// Runs `piece` for each part of an access that lies in one page: where it begins, and which bytes of the access it has.
fn pieces(
    gpa: GuestPhysAddr,
    len: usize,
    mut piece: impl FnMut(GuestPhysAddr, Range<usize>) -> Result<(), GuestFault>,
) -> Result<(), GuestFault> {
    let mut done = 0;
    while done < len {
        let at = gpa.checked_add(done as u64).ok_or(GuestFault::NotMapped(gpa))?;
        let room = PAGE - at.get() as usize % PAGE;
        let end = len.min(done + room);
        piece(at, done..end)?;
        done = end;
    }
    Ok(())
}

/// Why an access of a guest is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuestFault {
    /// A nested page fault: the host maps nothing there.
    NotMapped(GuestPhysAddr),
    /// What the RMP says: a nested page fault, or #VC.
    Rmp(Fault),
    /// The host maps what is no memory.
    Memory(AccessError),
    /// The access, which is checked as one of the 4 KiB page in which it begins, goes on behind the end of that page.
    CrossesPage {
        /// Where it begins.
        spa: PhysAddr,
        /// Its length in bytes.
        len: usize,
    },
}

impl fmt::Display for GuestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMapped(gpa) => write!(f, "nested page fault: nothing is mapped at {gpa}"),
            Self::Rmp(fault) => fault.fmt(f),
            Self::Memory(error) => error.fmt(f),
            Self::CrossesPage { spa, len } => write!(
                f,
                "an access of {len} bytes at {spa}: it must not go beyond the end of a page of 4096 bytes"
            ),
        }
    }
}

impl core::error::Error for GuestFault {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::vec::Vec;

    use super::super::command::SnpInitEx;
    use super::super::vmm::tests::{gpa, guest, machine, spa};
    use super::super::{Mapping, NestedTable};
    use super::*;
    use crate::addr::{Asid, PageSize, Vmpl};
    use crate::snp::tcb::Product;

    /// Two pages side by side, of two guests.
    const FIRST: u64 = 0x10_0000;
    const SECOND: u64 = FIRST + PAGE as u64;
    const GPA: u64 = 0x1000;

    fn two_guests(product: Product, init: SnpInitEx) -> Machine {
        let machine = machine(product, init);
        guest(&machine, 1, 0x20_0000, &[(GPA, FIRST)]);
        guest(&machine, 2, 0x20_1000, &[(GPA, SECOND)]);
        machine
    }

    fn table(maps: &[(u64, u64)]) -> NestedTable {
        let table = NestedTable::default();
        maps.iter().for_each(|(at, to)| table.map(gpa(*at), spa(*to), PageSize::Size4K));
        table
    }

    fn vcpu<'m, N: Nested>(machine: &'m Machine, asid: u32, nested: &'m N) -> Vcpu<'m, N> {
        Vcpu::new(machine, Guest { asid: Asid::new(asid), vmpl: Vmpl::VMPL0 }, nested)
    }

    /// All of memory as the bus has it.
    fn dram(machine: &Machine) -> Vec<u8> {
        let bytes = machine.memory().dram().bytes().iter();
        bytes.map(|byte| byte.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn no_access_leaves_the_page_that_was_checked() {
        let machine = two_guests(Product::Genoa, SnpInitEx { flags: 1, ..SnpInitEx::default() });
        let table = table(&[(GPA, FIRST)]);
        let mut vcpu = vcpu(&machine, 1, &table);
        let before = dram(&machine);
        for (offset, len) in [(4095, 2), (4088, 64), (1, PAGE), (0, PAGE + 1)] {
            let access = vcpu.access(gpa(GPA + offset)).unwrap();
            let fault = Err(GuestFault::CrossesPage { spa: spa(FIRST + offset), len });
            let mut bytes = std::vec![0x5a; len];
            assert_eq!(vcpu.store_at(Kind::Write, access, &bytes), fault);
            assert_eq!(vcpu.load_at(Kind::Read, access, &mut bytes), fault);
            assert!(bytes.iter().all(|byte| *byte == 0x5a), "{offset} {len}");
        }
        assert!(dram(&machine) == before, "nothing was written");
        for (offset, len) in [(4095, 1), (4032, 64), (0, PAGE), (4095, 0)] {
            let access = vcpu.access(gpa(GPA + offset)).unwrap();
            let mut bytes = std::vec![0x5a; len];
            assert_eq!(vcpu.store_at(Kind::Write, access, &bytes), Ok(()));
            assert_eq!(vcpu.load_at(Kind::Read, access, &mut bytes), Ok(()));
        }
    }

    /// A table of the host's that shifts bytes inside of a page.
    struct Shifted;

    impl Nested for Shifted {
        fn translate(&self, at: GuestPhysAddr) -> Option<Mapping> {
            let spa = spa(at.get() + (FIRST - GPA) + 8);
            Some(Mapping { spa, size: PageSize::Size4K })
        }
    }

    #[test]
    fn a_table_that_shifts_bytes_gives_no_other_page() {
        let machine = two_guests(Product::Genoa, SnpInitEx { flags: 1, ..SnpInitEx::default() });
        let mut vcpu = vcpu(&machine, 1, &Shifted);
        let fault = Err(GuestFault::CrossesPage { spa: spa(SECOND - 8), len: 16 });
        let (at, mut bytes) = (gpa(GPA + 4080), [0; 16]);
        assert_eq!(vcpu.read(at, &mut bytes), fault);
        assert_eq!(vcpu.write(at, &bytes), fault);
        assert_eq!(vcpu.read_shared(at, &mut bytes), fault);
        assert_eq!(vcpu.write_shared(at, &bytes), fault);
    }

    #[test]
    fn accesses_at_the_end_of_addresses() {
        let machine = two_guests(Product::Genoa, SnpInitEx { flags: 1, ..SnpInitEx::default() });
        let last = (1 << PhysAddr::BITS) - 8;
        let table = table(&[(last, FIRST)]);
        let mut vcpu = vcpu(&machine, 1, &table);
        let mut bytes = [0; 16];
        // The first eight bytes have an address, which is not the one that the page is for; no byte follows them.
        assert!(matches!(vcpu.read(gpa(last), &mut bytes), Err(GuestFault::Rmp(_))));
        let beyond = Err(GuestFault::NotMapped(gpa(last)));
        assert_eq!(vcpu.read_shared(gpa(last), &mut bytes), beyond);
        for spa in [last, u64::MAX] {
            let access = Access { spa, gpa: gpa(GPA), mapping: PageSize::Size4K };
            assert!(vcpu.load_at(Kind::Read, access, &mut bytes).is_err());
            assert!(vcpu.store_at(Kind::Write, access, &bytes).is_err());
        }
    }

    /// Without the C-bit, a guest sees no more of another one than the host does.
    #[test]
    fn shared_reads_see_what_the_host_sees() {
        for (flags, max_snp_asid, is_hiding) in [(1, 0, false), (9, 10, true)] {
            let init = SnpInitEx { flags, max_snp_asid, ..SnpInitEx::default() };
            let machine = two_guests(Product::Turin, init);
            machine.host_write(spa(0x18_0000), &[7; 16]).unwrap();
            let table = table(&[(0x9000, FIRST), (0xa000, 0x18_0000)]);
            let vcpu = vcpu(&machine, 2, &table);
            let [mut host, mut seen] = [[0; 16]; 2];
            machine.host_read(spa(FIRST), &mut host).unwrap();
            vcpu.read_shared(gpa(0x9000), &mut seen).unwrap();
            assert_eq!(seen, host);
            assert_eq!(seen == [0xff; 16], is_hiding);
            vcpu.read_shared(gpa(0xa000), &mut seen).unwrap();
            assert_eq!(seen, [7; 16], "the host's own pages are shared");
        }
    }
}
