//! The machine: memory, RMP and firmware together.

use core::fmt;
use core::hint;
use core::ops::{Deref, DerefMut, Range};
use core::sync::atomic::{AtomicBool, Ordering};
use std::boxed::Box;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use rand_core::CryptoRng;

use super::command::{Command, CommandId};
use super::firmware::{Bus, Commands, Facts, State};
use super::memory::{
    AccessError, ControllerConfig, ControllerError, Dram, DramKey, Encryption, Generation,
    HeapDram, Interleave, MemoryController, OneChannel,
};
use super::{Chip, PlatformVersions};
use crate::addr::{PAGE, PageSize, PhysAddr};
use crate::cpu::Backend;
use crate::rmp::{AtomicEntry, Entry, Fault, Loaded, Rmp, Table};
use crate::status::Status;
use crate::wipe::Wiped;

/// What a machine is, beside its chip and its memory.
#[non_exhaustive]
pub struct MachineConfig {
    /// Versions of its firmware, and its TCB.
    pub versions: PlatformVersions,
    /// How memory is enciphered. Milan has AES-128 only.
    pub encryption: Encryption,
    /// How addresses are spread over memory channels.
    pub interleave: Box<dyn Interleave>,
    /// Whether two threads share a core (SMT).
    pub smt: bool,
    /// Whether the host's memory is enciphered, too (TSME).
    pub tsme: bool,
    /// Whether memory has ECC.
    pub ecc: bool,
    /// Sockets.
    pub sockets: u32,
    /// The first ASID of SEV guests without ES; those before it are for SEV-ES and SEV-SNP.
    pub min_sev_asid: u32,
    /// Where the host has placed the RMP: pages of the firmware when SNP is initialised. MODEL: the entries themselves are kept
    /// beside memory.
    pub rmp: Option<Range<u64>>,
    /// The kernels for the cryptography.
    pub backend: Backend,
}

impl MachineConfig {
    /// A machine of one socket with SMT and ECC, AES-256-XTS where the product has it, and firmware that makes reports of version 5.
    #[must_use]
    pub fn new(chip: &Chip) -> Self {
        let generation = Generation::from(chip.product());
        let encryption =
            if generation.has_xts() { Encryption::Aes256Xts } else { Encryption::Aes128 };
        Self {
            versions: PlatformVersions::first(chip.product()),
            encryption,
            interleave: Box::new(OneChannel),
            smt: true,
            tsme: false,
            ecc: true,
            sockets: 1,
            min_sev_asid: 100,
            rmp: None,
            backend: Backend::best(),
        }
    }
}

impl fmt::Debug for MachineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineConfig")
            .field("versions", &self.versions)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

/// A machine: memory that is ciphertext at rest, the RMP, and the firmware with its keys.
///
/// Everything takes `&self`: threads of vCPUs read and write while another one issues commands, of which the firmware does one at a time, as
/// the Secure Processor does.
///
/// An access that has been checked is done, whatever the RMP says a moment later. MODEL: as on a processor whose translations
/// have not been flushed yet.
pub struct Machine<D: Dram = HeapDram> {
    memory: MemoryController<D>,
    rmp: Box<[AtomicEntry]>,
    rmp_place: Vec<Range<u64>>,
    max_asid: u32,
    state: Mutex<State>,
    /// CIPHERTEXT_HIDING_EN of `state`, for the host's reads: they do not wait for a command.
    is_hiding: AtomicBool,
}

impl Machine {
    /// A machine with so much memory on the heap, from address 0 on.
    ///
    /// # Errors
    /// [`MachineError`]
    pub fn new(
        chip: Chip,
        config: MachineConfig,
        memory: u64,
        random: impl CryptoRng + Send + 'static,
    ) -> Result<Self, MachineError> {
        let dram = HeapDram::new(memory).map_err(|_| MachineError::Memory)?;
        Self::with_dram(chip, config, dram, random)
    }
}

impl<D: Dram> Machine<D> {
    /// A machine with memory of the caller's.
    ///
    /// The RMP covers everything from address 0 to the last byte of memory, holes too, and takes 32 bytes for each 4 KiB of that.
    ///
    /// Whatever hardware draws from its random number generator, this machine draws from `random`.
    ///
    /// # Errors
    /// [`MachineError`]
    pub fn with_dram(
        chip: Chip,
        config: MachineConfig,
        dram: D,
        random: impl CryptoRng + Send + 'static,
    ) -> Result<Self, MachineError> {
        Self::with_tweak(chip, config, dram, random, None)
    }

    /// The same with the random bytes of a boot that goes on.
    pub(super) fn with_tweak(
        chip: Chip,
        config: MachineConfig,
        dram: D,
        mut random: impl CryptoRng + Send + 'static,
        tweak_seed: Option<&[u8; 32]>,
    ) -> Result<Self, MachineError> {
        let mut seeds = Wiped::new([[0; 32]; 2]);
        seeds.iter_mut().for_each(|seed| random.fill_bytes(seed));
        let [drawn, host_seed] = &*seeds;
        let tweak_seed = tweak_seed.unwrap_or(drawn);
        let generation = Generation::from(chip.product());
        let end = dram.ranges().iter().map(|range| range.end).max().unwrap_or(0);
        let pages = usize::try_from(end / PAGE as u64).map_err(|_| MachineError::Memory)?;
        let memory = MemoryController::new(
            dram,
            ControllerConfig {
                generation,
                encryption: config.encryption,
                tweak_seed,
                host_seed,
                interleave: config.interleave,
                backend: config.backend,
            },
        )
        .map_err(MachineError::Controller)?;
        let mut rmp = Vec::new();
        rmp.try_reserve_exact(pages).map_err(|_| MachineError::Memory)?;
        rmp.resize_with(pages, AtomicEntry::default);
        let max_asid = generation.guest_keys();
        let facts = Facts {
            smt: config.smt,
            tsme: config.tsme,
            ecc: config.ecc,
            xts_256: config.encryption == Encryption::Aes256Xts,
            max_asid,
            min_sev_asid: config.min_sev_asid.clamp(1, max_asid + 1),
            sockets: config.sockets,
        };
        let state = State::new(chip, Box::new(random), config.backend, facts, config.versions)?;
        Ok(Self {
            memory,
            rmp: rmp.into_boxed_slice(),
            rmp_place: config.rmp.into_iter().collect(),
            max_asid,
            state: Mutex::new(state),
            is_hiding: AtomicBool::new(false),
        })
    }

    /// Its memory controller: past every check.
    #[must_use]
    pub const fn memory(&self) -> &MemoryController<D> {
        &self.memory
    }

    /// Its reverse map table.
    #[must_use]
    pub fn rmp(&self) -> Rmp<'_, [AtomicEntry]> {
        Rmp::new(&self.rmp[..], self.max_asid).placed(&self.rmp_place)
    }

    /// Runs a command of the firmware on its buffer, which is changed as the firmware changes it. Any number and any bytes are
    /// taken: what the firmware does not know is `INVALID_COMMAND`.
    ///
    /// MODEL: the buffer is given by value; [`mailbox`](Self::mailbox) takes it from memory.
    pub fn command(&self, id: CommandId, buffer: &mut [u8]) -> Status {
        let mut state = self.lock();
        let mut commands = Commands { bus: Bus(self), state: &mut state };
        commands.run(id, buffer).err().unwrap_or(Status::SUCCESS)
    }

    /// Runs a command whose buffer lies in memory, as the CPU's mailbox registers hand it over.
    ///
    /// While the RMP is filled, the buffer of a command of SEV or SEV-ES has to be FIRMWARE, or where the RMP does not cover, and is RECLAIM
    /// afterwards; where the firmware cannot use the page, its status has 40h added (AMD's published firmware). Commands of SNP do not
    /// write to their buffers (MODEL), which so may be anybody's.
    pub fn mailbox(&self, id: CommandId, paddr: PhysAddr) -> Status {
        let mut state = self.lock();
        let mut commands = Commands { bus: Bus(self), state: &mut state };
        commands.mailbox(id, paddr.get()).err().unwrap_or(Status::SUCCESS)
    }

    /// Runs a command.
    ///
    /// # Errors
    /// The status that the firmware answers with, if that is not `SUCCESS`.
    pub fn issue<C: Command>(&self, command: &mut C) -> Result<(), Status> {
        let mut buffer = [0; PAGE];
        let buffer = &mut buffer[..C::LEN];
        command.write(buffer);
        self.command(C::ID, buffer).ok()?;
        *command = C::read(buffer)?;
        Ok(())
    }

    /// The host reads memory without the C-bit: guests' pages are ciphertext, or ones where the platform hides that
    /// (CIPHERTEXT_HIDING_EN of SNP_INIT_EX). Pages of the firmware are read as they are.
    ///
    /// # Errors
    /// [`HostFault::Memory`]
    pub fn host_read(&self, addr: PhysAddr, bytes: &mut [u8]) -> Result<(), HostFault> {
        let read = if self.is_hiding.load(Ordering::Acquire) {
            self.memory.read_hiding(DramKey::None, addr, bytes, |page| self.is_guests(page))
        } else {
            self.memory.read(DramKey::None, addr, bytes)
        };
        read.map_err(HostFault::Memory)
    }

    /// The host writes memory without the C-bit, by mappings of 4 KiB.
    ///
    /// # Errors
    /// [`HostFault::Rmp`]: a page is not the hypervisor's, and nothing was written; [`HostFault::Memory`].
    pub fn host_write(&self, addr: PhysAddr, bytes: &[u8]) -> Result<(), HostFault> {
        let end = addr.get().saturating_add(bytes.len() as u64);
        for page in (addr.page().get()..end).step_by(PAGE) {
            self.rmp().check_host_write(page, PageSize::Size4K).map_err(HostFault::Rmp)?;
        }
        self.memory.write(DramKey::None, addr, bytes).map_err(HostFault::Memory)
    }

    /// Every core runs WBINVD: what DF_FLUSH asks for, before an ASID can be used again.
    pub fn wbinvd(&self) {
        self.lock().asids.wbinvd();
    }

    /// Its versions.
    #[must_use]
    pub fn versions(&self) -> PlatformVersions {
        let state = self.lock();
        let versions = &state.versions;
        PlatformVersions {
            current: versions.current,
            committed: versions.committed,
            current_tcb: versions.current_tcb,
            committed_tcb: versions.committed_tcb,
            reported_tcb: versions.reported_tcb(),
        }
    }

    /// The entry of a page, if the RMP covers it and nobody changes it now.
    pub(super) fn entry(&self, page: u64) -> Option<Entry> {
        match self.rmp[..].load(page) {
            Loaded::Entry(entry) => Some(entry),
            _ => None,
        }
    }

    /// Whether a page is assigned to a guest.
    fn is_guests(&self, page: PhysAddr) -> bool {
        let first = page.get() & !(PageSize::Size2M.bytes() as u64 - 1);
        // Whoever changes an entry is done at once.
        let settled = |page: u64| loop {
            match self.rmp[..].load(page / PAGE as u64) {
                Loaded::Entry(entry) => break entry,
                Loaded::NotCovered => break Entry::default(),
                Loaded::Busy => hint::spin_loop(),
            }
        };
        let entry = settled(page.get());
        if !entry.may_be_part() {
            return entry.is_guests();
        }
        let first = settled(first);
        first.page_size() == PageSize::Size2M && first.is_guests()
    }

    pub(super) fn rmp_place(&self) -> &[Range<u64>] {
        &self.rmp_place
    }

    pub(super) fn entries(&self) -> &[AtomicEntry] {
        &self.rmp
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        // Only a caller's generator or memory can panic here. MODEL: the next command finds what there is, as after a reset of the
        // firmware.
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Locked { state, is_hiding: &self.is_hiding }
    }
}

/// The firmware's state, for one command at a time.
pub(super) struct Locked<'m> {
    state: MutexGuard<'m, State>,
    is_hiding: &'m AtomicBool,
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.is_hiding.store(self.state.snp.ciphertext_hiding, Ordering::Release);
    }
}

impl<D: Dram> fmt::Debug for Machine<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Machine({:?}, ..)", self.memory.generation())
    }
}

/// Why there is no machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MachineError {
    /// There is not so much memory, or it is no whole number of pages, or there is no room for an RMP that covers its last one.
    Memory,
    /// The memory controller's.
    Controller(ControllerError),
    /// A version of the TCB is above what the product's chips have: no key can be derived for it.
    Tcb,
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => {
                f.write_str("no such memory: expected whole pages of 4096 bytes, and room for them and their RMP")
            }
            Self::Controller(error) => error.fmt(f),
            Self::Tcb => {
                f.write_str("the committed or the reported TCB version is above the current one")
            }
        }
    }
}

impl core::error::Error for MachineError {}

/// Why an access of the host is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostFault {
    /// #PF with bit 31 of the error code: the page is not the hypervisor's.
    Rmp(Fault),
    /// There is no such memory.
    Memory(AccessError),
}

impl fmt::Display for HostFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rmp(_) => f.write_str("#PF, RMP: the page is not the hypervisor's"),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for HostFault {}
