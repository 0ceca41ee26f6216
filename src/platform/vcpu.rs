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
pub struct Vcpu<'m, N: Nested + ?Sized, D: Dram = HeapDram> {
    machine: &'m Machine<D>,
    guest: Guest,
    nested: &'m N,
    cursor: PageCursor,
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

    /// Reads shared memory, as [`Machine::host_read`] does.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_shared(&self, gpa: GuestPhysAddr, bytes: &mut [u8]) -> Result<(), GuestFault> {
        pieces(gpa, bytes.len(), |at, range| {
            let spa = place(self.access(at)?)?;
            self.machine.host_read(spa, &mut bytes[range]).map_err(|fault| match fault {
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
            let access = self.access(at)?;
            let (rmp, spa) = (self.machine.rmp(), place(access)?);
            rmp.check_host_write(access.spa, access.mapping).map_err(GuestFault::Rmp)?;
            self.machine
                .memory()
                .write(DramKey::None, spa, &bytes[range])
                .map_err(GuestFault::Memory)
        })
    }

    /// Reads private memory that lies where the caller says, within one 4 KiB page: for whoever keeps translations himself.
    ///
    /// # Errors
    /// As [`read`](Self::read); the bytes are untouched.
    #[inline]
    pub fn load_at(
        &mut self,
        kind: Kind,
        access: Access,
        bytes: &mut [u8],
    ) -> Result<(), GuestFault> {
        self.machine.rmp().check(self.guest, kind, access).map_err(GuestFault::Rmp)?;
        let key = DramKey::Slot(self.guest.asid);
        let memory = self.machine.memory();
        memory.read_with(&mut self.cursor, key, place(access)?, bytes).map_err(GuestFault::Memory)
    }

    /// Writes private memory that lies where the caller says, within one 4 KiB page.
    ///
    /// # Errors
    /// As [`write`](Self::write); nothing was written.
    #[inline]
    pub fn store_at(&mut self, kind: Kind, access: Access, bytes: &[u8]) -> Result<(), GuestFault> {
        self.machine.rmp().check(self.guest, kind, access).map_err(GuestFault::Rmp)?;
        let key = DramKey::Slot(self.guest.asid);
        let memory = self.machine.memory();
        memory.write_with(&mut self.cursor, key, place(access)?, bytes).map_err(GuestFault::Memory)
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

#[inline]
fn place(access: Access) -> Result<PhysAddr, GuestFault> {
    PhysAddr::new(access.spa).map_err(|_| GuestFault::NotMapped(access.gpa))
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
}

impl fmt::Display for GuestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMapped(gpa) => write!(f, "nested page fault: nothing is mapped at {gpa}"),
            Self::Rmp(fault) => fault.fmt(f),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for GuestFault {}
