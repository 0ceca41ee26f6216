//! The memory controllers of a machine in software: ciphertext in DRAM, keys by ASID.
//!
//! [`MemoryController`] stands between accesses and [`Dram`]. An access names its key: none (C-bit 0), or the slot of an ASID
//! (C-bit 1). Guests, the host and the firmware's commands all come this way, so DRAM holds ciphertext at rest, always. The
//! controller asks nobody whether an access is allowed: that is the [RMP](crate::rmp)'s matter, which is asked first.
//!
//! ```
//! use sevcrypt::platform::memory::{ControllerConfig, DramKey, Generation, HeapDram, MemoryController};
//! use sevcrypt::{Asid, PhysAddr};
//!
//! let config = ControllerConfig::new(Generation::Milan, &[1; 32], &[2; 32]);
//! let memory = MemoryController::new(HeapDram::new(1 << 20)?, config)?;
//! let guest = Asid::new(5);
//! memory.install_key(guest, &[3; 32])?;
//!
//! let addr = PhysAddr::new(0x4567)?; // any address, any length
//! memory.write(DramKey::Slot(guest), addr, b"a guest's secret")?;
//!
//! let mut seen = [0; 16];
//! memory.read(DramKey::Slot(guest), addr, &mut seen)?;
//! assert_eq!(&seen, b"a guest's secret");
//! memory.read(DramKey::None, addr, &mut seen)?; // the host sees what DRAM holds
//! assert_ne!(&seen, b"a guest's secret");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Accesses at the same time
//! Everything takes `&self`, and any number of threads may access the same bytes. Between accesses of the controller:
//! * A write changes the bytes it names and no others: two writers of neighbouring bytes lose none, though a block of 16
//!   bytes is deciphered, changed and enciphered as a whole. Writers of one sector of 256 bytes (four lines) take turns.
//! * What an access has in one page of 4 KiB (under several channels: in one granule of a page) happens at once for everybody
//!   else: a reader sees all of a write or nothing of it, in no block or line a part. A longer access is done page by page.
//! * Readers of the same bytes do not disturb each other: they write nothing that others see. A reader that meets writers
//!   reads again, and after some tries waits its turn.
//!
//! # What it does not do
//! As the hardware's, its memory is not authenticated: whoever writes DRAM changes what a guest reads, and old ciphertext at
//! its old address is taken for new.

mod cursor;
mod dram;
mod generation;
mod interleave;
mod locks;
mod slots;
#[cfg(feature = "vm-memory-018")]
pub mod vm_memory;

#[cfg(test)]
mod tests;

pub use cursor::PageCursor;
pub use dram::{Dram, HeapDram, HeapDramError};
pub use generation::{Encryption, Generation, GuestAccess, SystemAddress, is_private};
pub use interleave::{Interleave, OneChannel, RoundRobin};

use core::fmt;
use std::boxed::Box;
use std::sync::Arc;

use zeroize::Zeroize;

use self::locks::Locks;
use self::slots::{KeySlots, Maker, SlotKeys};
use crate::addr::{Asid, BLOCK, LINE, PAGE, PhysAddr};
use crate::cpu::Backend;
use crate::error::KeyError;
use crate::mem::{self, GuestBytes, GuestSource, MemoryCipher, PageTweak, Tweak, XtsUnit};
use crate::wipe::Wiped;

/// Which key an access goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DramKey {
    /// None, C-bit 0: the bytes as DRAM holds them.
    None,
    /// C-bit 1: the key in the slot of this ASID; [`Asid::HOST`] is (T)SME's.
    Slot(Asid),
}

/// What a controller is made of besides its DRAM.
///
/// ```
/// use sevcrypt::platform::memory::{
///     ControllerConfig, Encryption, Generation, HeapDram, MemoryController, RoundRobin,
/// };
///
/// let mut config = ControllerConfig::new(Generation::Genoa, &[1; 32], &[2; 32]);
/// config.encryption = Encryption::Aes256Xts;
/// config.interleave = Box::new(RoundRobin { channels: 12, granule: 4096 });
/// let memory = MemoryController::new(HeapDram::new(1 << 20)?, config)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[non_exhaustive]
pub struct ControllerConfig<'a> {
    /// The generation: cipher, number of keys, place of the C-bit.
    pub generation: Generation,
    /// What firmware settings choose.
    pub encryption: Encryption,
    /// Random bytes of this boot. MODEL: constants of a linear tweak are made from them ([`Tweak::from_seed`]), and they are the
    /// tweak key of XTS; all channels have the same. Naples has the measured constants ([`Tweak::zen1`]) instead, which go as
    /// far as 4 GiB.
    pub tweak_seed: &'a [u8; 32],
    /// Random bytes of this boot for key slot 0, the host's.
    pub host_seed: &'a [u8; 32],
    /// How addresses are spread over channels.
    pub interleave: Box<dyn Interleave>,
    /// The kernels to use.
    pub backend: Backend,
}

impl<'a> ControllerConfig<'a> {
    /// AES-128, one channel, the best kernels.
    #[must_use]
    pub fn new(generation: Generation, tweak_seed: &'a [u8; 32], host_seed: &'a [u8; 32]) -> Self {
        Self {
            generation,
            encryption: Encryption::Aes128,
            tweak_seed,
            host_seed,
            interleave: Box::new(OneChannel),
            backend: Backend::best(),
        }
    }
}

impl fmt::Debug for ControllerConfig<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ControllerConfig({:?}, {:?}, ..)", self.generation, self.encryption)
    }
}

/// The memory controllers of a machine, their keys, and the DRAM behind them: see [the module](self).
///
/// Keys and seeds are wiped when they are replaced or dropped, as far as no [`PageCursor`] has them.
pub struct MemoryController<D = HeapDram> {
    dram: D,
    slots: KeySlots,
    tweak_seed: Wiped<[u8; 32]>,
    interleave: Box<dyn Interleave>,
    /// Accesses are cut at its multiples: a page, or the granule of several channels if that is less.
    unit: usize,
    /// The tweak's.
    address_bits: u32,
    locks: Locks,
}

/// The most channels that a controller is made for; today's parts have up to 16.
pub const MAX_CHANNELS: u32 = 256;

impl<D> MemoryController<D> {
    /// A controller whose guests' slots all hold the key of a seed of zeroes.
    ///
    /// # Errors
    /// [`ControllerError`].
    pub fn new(dram: D, config: ControllerConfig<'_>) -> Result<Self, ControllerError> {
        let ControllerConfig { generation, encryption, tweak_seed, .. } = config;
        let (channels, granule) = (config.interleave.channels(), config.interleave.granule());
        if !(1..=MAX_CHANNELS).contains(&channels) {
            return Err(ControllerError::Channels { channels });
        }
        if !granule.is_power_of_two() || granule < LINE as u64 {
            return Err(ControllerError::Granule { granule });
        }
        let tweak = match (encryption, generation) {
            (Encryption::Aes256Xts, _) if !generation.has_xts() => {
                return Err(ControllerError::NoXts { generation });
            }
            (Encryption::Aes256Xts, _) => Tweak::xts(tweak_seed, XtsUnit::Page, config.backend),
            (Encryption::Aes128, Generation::NaplesXe | Generation::Naples) => Tweak::zen1(),
            (Encryption::Aes128, _) => Tweak::from_seed(tweak_seed),
        };
        let (backend, address_bits) = (config.backend, tweak.address_bits());
        let maker = Maker { generation, encryption, tweak: Arc::new(tweak), channels, backend };
        Ok(Self {
            dram,
            slots: KeySlots::new(maker, config.host_seed).map_err(ControllerError::Key)?,
            tweak_seed: Wiped::new(*tweak_seed),
            unit: if channels == 1 { PAGE } else { granule.min(PAGE as u64) as usize },
            interleave: config.interleave,
            address_bits,
            locks: Locks::new(),
        })
    }

    /// The generation.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.slots.maker().generation
    }

    /// What firmware settings chose.
    #[must_use]
    pub fn encryption(&self) -> Encryption {
        self.slots.maker().encryption
    }

    /// How addresses are spread over channels.
    #[must_use]
    pub fn interleave(&self) -> &dyn Interleave {
        &*self.interleave
    }

    /// The memory as a probe on its bus sees it.
    #[must_use]
    pub const fn dram(&self) -> &D {
        &self.dram
    }

    /// Puts a guest's key into the slot of its ASID: what the firmware does at ACTIVATE.
    ///
    /// From the guest's seed, which the firmware draws at its launch, each channel gets a key of its own: KDF(seed,
    /// "sev-vm-encryption-key-0" and a zero, the channel's number), 32 bytes (AMD's published firmware). MODEL: AES-128 uses the
    /// first 16. Accesses that have begun go on with the old key.
    ///
    /// # Errors
    /// [`AccessError::NoSlot`]; [`AccessError::Key`] if a key is the same as the tweak key of XTS, which cannot happen by chance.
    pub fn install_key(&self, asid: Asid, seed: &[u8; 32]) -> Result<(), AccessError> {
        self.slots.install(asid, seed)
    }

    /// Puts the key of a seed of zeroes into every slot but the host's: what the firmware does at SNP_SHUTDOWN. A slot always
    /// holds some key.
    pub fn reset_keys(&self) {
        self.slots.reset();
    }

    /// The seeds that [`install_key`](Self::install_key) and the configuration brought, and no reset took: for a machine that
    /// is saved.
    pub(crate) fn seeds(&self) -> impl Iterator<Item = (Asid, Wiped<[u8; 32]>)> {
        self.slots.seeds()
    }

    /// The seed of the tweak.
    pub(crate) fn tweak_seed(&self) -> &[u8; 32] {
        &self.tweak_seed
    }

    /// The cipher for an address.
    #[inline]
    fn cipher<'k>(&self, keys: &'k SlotKeys, addr: PhysAddr) -> &'k MemoryCipher<Arc<Tweak>> {
        match keys.only() {
            Some(only) => only,
            None => keys.channel(self.interleave.channel(addr)),
        }
    }
}

/// Data that was enciphered or deciphered in one page under its kept tweak.
const IN_PAGE: &str = "whole blocks inside a page of the tweak";

impl<D: Dram> MemoryController<D> {
    /// Reads.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn read(&self, key: DramKey, addr: PhysAddr, out: &mut [u8]) -> Result<(), AccessError> {
        self.read_with(&mut PageCursor::<1>::new(), key, addr, out)
    }

    /// Writes.
    ///
    /// # Errors
    /// [`AccessError`]; nothing was written.
    pub fn write(&self, key: DramKey, addr: PhysAddr, bytes: &[u8]) -> Result<(), AccessError> {
        self.write_with(&mut PageCursor::<1>::new(), key, addr, bytes)
    }

    /// Reads, as a vCPU that reads often.
    ///
    /// # Errors
    /// [`AccessError`].
    #[inline]
    pub fn read_with<const PAGES: usize>(
        &self,
        cursor: &mut PageCursor<PAGES>,
        key: DramKey,
        addr: PhysAddr,
        out: &mut [u8],
    ) -> Result<(), AccessError> {
        self.check_range(key, addr, out.len())?;
        let mut done = 0;
        while let Some(piece) = self.piece(addr, out.len(), done) {
            let out = &mut out[done..done + piece.len];
            match key {
                DramKey::None => self.read_plain(piece, out)?,
                DramKey::Slot(asid) => {
                    let (keys, page) = cursor.at(&self.slots, asid, piece.addr)?;
                    self.read_piece(self.cipher(keys, piece.addr), page, piece, out)?;
                }
            }
            done += piece.len;
        }
        Ok(())
    }

    /// Writes, as a vCPU that writes often.
    ///
    /// # Errors
    /// [`AccessError`]; nothing was written.
    #[inline]
    pub fn write_with<const PAGES: usize>(
        &self,
        cursor: &mut PageCursor<PAGES>,
        key: DramKey,
        addr: PhysAddr,
        bytes: &[u8],
    ) -> Result<(), AccessError> {
        self.check_range(key, addr, bytes.len())?;
        let mut done = 0;
        while let Some(piece) = self.piece(addr, bytes.len(), done) {
            let bytes = &bytes[done..done + piece.len];
            match key {
                DramKey::None => self.write_plain(piece, bytes)?,
                DramKey::Slot(asid) => {
                    let (keys, page) = cursor.at(&self.slots, asid, piece.addr)?;
                    self.write_piece(self.cipher(keys, piece.addr), page, piece, bytes)?;
                }
            }
            done += piece.len;
        }
        Ok(())
    }

    /// Writes whole pages: those of `pages`, in their order, from `bytes`. Pages that follow one another, in `pages` and in memory,
    /// are enciphered together, which is quicker.
    ///
    /// # Errors
    /// [`AccessError`] for the first page that is none, or where `bytes` has another length; nothing was written.
    pub fn write_pages(
        &self,
        key: DramKey,
        pages: &[PhysAddr],
        bytes: &[u8],
    ) -> Result<(), AccessError> {
        if bytes.len() != pages.len() * PAGE {
            let addr = pages.first().copied().unwrap_or_default();
            return Err(AccessError::NotPages { addr, len: bytes.len() as u64 });
        }
        for page in pages {
            self.check_page(key, *page)?;
        }
        let keys = match key {
            DramKey::Slot(asid) => Some(self.slots.get(asid)?.0),
            DramKey::None => None,
        };
        let only = keys.as_ref().and_then(|keys| keys.only());
        let (mut pages, mut bytes) = (pages, bytes);
        while let [first, ..] = pages {
            let run = run_of_pages(pages);
            let (text, behind) = bytes.split_at(run * PAGE);
            let together = only.filter(|_| run > 1).and_then(|cipher| {
                let _held = self.locks.write_run(*first, run);
                self.dram.with_pages(*first, run, |dram| {
                    cipher.encrypt_to(*first, text, dram).expect("whole pages that were checked");
                })
            });
            if together.is_none() {
                let mut cursor = PageCursor::<1>::new();
                for (page, text) in pages.iter().zip(text.chunks(PAGE)) {
                    self.write_with(&mut cursor, key, *page, text)?;
                }
            }
            (pages, bytes) = (&pages[run..], behind);
        }
        Ok(())
    }

    /// Reads as the host where ciphertext hiding is on: of pages for which `is_assigned` says that they are a guest's, all bits
    /// are ones (policy bit 24, CIPHERTEXT_HIDING_DRAM). It is asked with each page's first address. DRAM itself is unchanged.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn read_hiding(
        &self,
        key: DramKey,
        addr: PhysAddr,
        out: &mut [u8],
        is_assigned: impl Fn(PhysAddr) -> bool,
    ) -> Result<(), AccessError> {
        self.check(key, addr, out.len())?;
        let mut cursor = PageCursor::<1>::new();
        let mut done = 0;
        while let Some(piece) = self.piece(addr, out.len(), done) {
            let out = &mut out[done..done + piece.len];
            if is_assigned(piece.addr.page()) {
                out.fill(0xff);
            } else {
                self.read_with(&mut cursor, key, piece.addr, out)?;
            }
            done += piece.len;
        }
        Ok(())
    }

    /// Changes the key of `len` bytes of whole pages, in place: with no key before, they are enciphered; with none after,
    /// deciphered; with two keys, both.
    ///
    /// ```
    /// use sevcrypt::platform::memory::{ControllerConfig, DramKey, Generation, HeapDram, MemoryController, OneChannel, PageCursor};
    /// use sevcrypt::{Asid, PhysAddr};
    ///
    /// let mut config = ControllerConfig::new(Generation::Milan, &[1; 32], &[2; 32]);
    /// config.interleave = Box::new(OneChannel);
    /// let memory = MemoryController::new(HeapDram::new(1 << 20)?, config)?;
    /// memory.install_key(Asid::new(5), &[3; 32])?;
    /// let (none, guest) = (DramKey::None, DramKey::Slot(Asid::new(5)));
    /// let [a, b, c] = [0x1000, 0x2000, 0x9000].map(PhysAddr::new);
    /// let (a, b, c) = (a?, b?, c?);
    ///
    /// // What the firmware does at a launch: the host's page becomes the guest's, where it stands.
    /// memory.write_pages(none, &[a, b], &[0xcc; 2 * 4096])?;
    /// memory.rekey(none, guest, a, 4096)?;
    /// memory.rekey_pages(none, guest, &[b])?;
    /// memory.move_page((guest, b), (guest, c))?;
    /// let mut seen = [0; 4096];
    /// memory.read(guest, c, &mut seen)?;
    /// assert_eq!(seen, [0xcc; 4096]);
    ///
    /// // With a cursor, accesses to the same pages are quicker.
    /// let mut cursor: PageCursor = PageCursor::new();
    /// memory.write_with(&mut cursor, guest, a, b"text")?;
    /// memory.read_with(&mut cursor, guest, a, &mut seen[..4])?;
    /// assert_eq!(&seen[..4], b"text");
    ///
    /// // A host from which ciphertext is hidden reads ones.
    /// memory.read_hiding(none, a, &mut seen, |page| page == a)?;
    /// assert_eq!(seen, [0xff; 4096]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`AccessError`]; nothing was written.
    pub fn rekey(
        &self,
        from: DramKey,
        to: DramKey,
        addr: PhysAddr,
        len: u64,
    ) -> Result<(), AccessError> {
        let beyond = AccessError::NoDram { addr, len };
        let pages = usize::try_from(len).map_err(|_| beyond)?;
        if !len.is_multiple_of(PAGE as u64) || addr.page() != addr {
            return Err(AccessError::NotPages { addr, len });
        }
        self.check(from, addr, pages)?;
        self.check(to, addr, pages)?;
        (0..pages).step_by(PAGE).try_for_each(|page| {
            let addr = addr.offset(page);
            self.move_checked((from, addr), (to, addr))
        })
    }

    /// Changes the key of scattered pages, in place: see [`rekey`](Self::rekey).
    ///
    /// # Errors
    /// [`AccessError`] for the first page that is none; nothing was written.
    pub fn rekey_pages(
        &self,
        from: DramKey,
        to: DramKey,
        pages: &[PhysAddr],
    ) -> Result<(), AccessError> {
        for page in pages {
            self.check_page(from, *page)?;
            self.check_page(to, *page)?;
        }
        pages.iter().try_for_each(|page| self.move_checked((from, *page), (to, *page)))
    }

    /// Moves a page: deciphers it under one key at one address, and enciphers it under another at another. Both pages stand
    /// still meanwhile; the source stays.
    ///
    /// # Errors
    /// [`AccessError`]; nothing was written.
    pub fn move_page(
        &self,
        from: (DramKey, PhysAddr),
        to: (DramKey, PhysAddr),
    ) -> Result<(), AccessError> {
        self.check_page(from.0, from.1)?;
        self.check_page(to.0, to.1)?;
        self.move_checked(from, to)
    }

    fn move_checked(
        &self,
        (from, source): (DramKey, PhysAddr),
        (to, target): (DramKey, PhysAddr),
    ) -> Result<(), AccessError> {
        let keys = |key| match key {
            DramKey::None => Ok(None),
            DramKey::Slot(asid) => self.slots.get(asid).map(|(keys, _)| Some(keys)),
        };
        let (from, to) = (keys(from)?, keys(to)?);
        let _held = self.locks.write_both(source, target);
        for offset in (0..PAGE).step_by(self.unit) {
            let (source, target) = (source.offset(offset), target.offset(offset));
            let from = from.as_deref().map(|keys| (self.cipher(keys, source), source));
            let to = to.as_deref().map(|keys| (self.cipher(keys, target), target));
            if source == target {
                let changed = self.dram.with(target, self.unit, |dram| change_key(from, to, dram));
                changed.ok_or(no_dram(target, self.unit))?;
                continue;
            }
            // One after the other: DRAM may have a lock of its own.
            let mut plain = Wiped::new([0; PAGE]);
            let plain = &mut plain[..self.unit];
            let taken = self.dram.with(source, self.unit, |src| take(from, src.into(), plain));
            taken.ok_or(no_dram(source, self.unit))?;
            let put = self.dram.with(target, self.unit, |dst| put(to, plain, dst));
            put.ok_or(no_dram(target, self.unit))?;
        }
        Ok(())
    }

    /// Whether the access can be done as a whole.
    fn check(&self, key: DramKey, addr: PhysAddr, len: usize) -> Result<(), AccessError> {
        self.check_range(key, addr, len)?;
        match key {
            DramKey::None => Ok(()),
            DramKey::Slot(asid) => self.slots.version(asid).map(|_| ()),
        }
    }

    /// The same but for the slot, which a cursor finds missing at the first piece.
    #[inline]
    fn check_range(&self, key: DramKey, addr: PhysAddr, len: usize) -> Result<(), AccessError> {
        if !self.dram.holds(addr, len as u64) {
            return Err(no_dram(addr, len));
        }
        let DramKey::Slot(asid) = key else { return Ok(()) };
        if len == 0 {
            // No piece will ask for the slot.
            return self.slots.version(asid).map(|_| ());
        }
        let bits = self.address_bits;
        // The sum is an address in DRAM, or behind its last.
        if (addr.get() + (len as u64 - 1)) >> bits != 0 {
            return Err(AccessError::BeyondTweak { addr, len: len as u64, bits });
        }
        Ok(())
    }

    fn check_page(&self, key: DramKey, addr: PhysAddr) -> Result<(), AccessError> {
        if addr.page() != addr {
            return Err(AccessError::NotPages { addr, len: PAGE as u64 });
        }
        self.check(key, addr, PAGE)
    }

    /// The next piece of an access of which so much is done.
    #[inline]
    fn piece(&self, addr: PhysAddr, len: usize, done: usize) -> Option<Piece> {
        let left = len - done;
        if left == 0 {
            return None;
        }
        let addr = addr.offset(done);
        // The unit is a power of two.
        Some(Piece { addr, len: left.min(self.unit - (addr.page_offset() & (self.unit - 1))) })
    }

    fn read_plain(&self, piece: Piece, out: &mut [u8]) -> Result<(), AccessError> {
        let Piece { addr, len } = piece;
        let read = self.locks.read(addr, len, || {
            self.dram.with(addr, len, |dram| GuestSource::from(dram).load(0, out))
        });
        read.ok_or(no_dram(addr, len))
    }

    fn write_plain(&self, piece: Piece, bytes: &[u8]) -> Result<(), AccessError> {
        let Piece { addr, len } = piece;
        let _held = self.locks.write(addr, len);
        let written = self.dram.with(addr, len, |dram| {
            dram.store(0, bytes);
            dram.mark_written();
        });
        written.ok_or(no_dram(addr, len))
    }

    #[inline]
    fn read_piece(
        &self,
        cipher: &MemoryCipher<Arc<Tweak>>,
        page: &PageTweak,
        piece: Piece,
        out: &mut [u8],
    ) -> Result<(), AccessError> {
        let blocks = piece.blocks();
        let read = self.locks.read(blocks.start, blocks.len, || {
            self.dram.with(blocks.start, blocks.len, |dram| {
                if blocks.len == out.len() {
                    cipher.decrypt_in_page_to(page, blocks.start, dram, &mut *out).expect(IN_PAGE);
                } else {
                    read_parts(cipher, page, blocks, dram, out);
                }
            })
        });
        read.ok_or(no_dram(piece.addr, piece.len))
    }

    #[inline]
    fn write_piece(
        &self,
        cipher: &MemoryCipher<Arc<Tweak>>,
        page: &PageTweak,
        piece: Piece,
        bytes: &[u8],
    ) -> Result<(), AccessError> {
        let blocks = piece.blocks();
        let _held = self.locks.write(blocks.start, blocks.len);
        let written = self.dram.with(blocks.start, blocks.len, |dram| {
            if blocks.len == bytes.len() {
                cipher.encrypt_in_page_to(page, blocks.start, bytes, dram).expect(IN_PAGE);
            } else {
                write_parts(cipher, page, blocks, dram, bytes);
            }
        });
        written.ok_or(no_dram(piece.addr, piece.len))
    }
}

/// How many pages, of a list that is not empty, follow one another in memory from the first on; not more than are written at a time.
fn run_of_pages(pages: &[PhysAddr]) -> usize {
    let follows = |pair: &&[PhysAddr]| matches!(pair, [one, next] if one.get().checked_add(PAGE as u64) == Some(next.get()));
    (1 + pages.windows(2).take_while(follows).count()).min(locks::RUN)
}

fn no_dram(addr: PhysAddr, len: usize) -> AccessError {
    AccessError::NoDram { addr, len: len as u64 }
}

/// A part of an access: in one page and one channel.
#[derive(Clone, Copy)]
struct Piece {
    addr: PhysAddr,
    len: usize,
}

/// The whole blocks around a piece.
#[derive(Clone, Copy)]
struct Blocks {
    start: PhysAddr,
    len: usize,
    /// Bytes of the first block ahead of the piece.
    head: usize,
}

impl Piece {
    #[inline]
    fn blocks(self) -> Blocks {
        let head = self.addr.page_offset() % BLOCK;
        let start = self.addr.page().offset(self.addr.page_offset() - head);
        Blocks { start, len: (head + self.len).next_multiple_of(BLOCK), head }
    }
}

/// So many blocks are deciphered in one go if not all of their bytes are wanted: a line that is not aligned.
const SHORT: usize = LINE + BLOCK;

/// Reads a part of blocks.
fn read_parts(
    cipher: &MemoryCipher<Arc<Tweak>>,
    page: &PageTweak,
    Blocks { start, len, head }: Blocks,
    dram: GuestBytes<'_>,
    out: &mut [u8],
) {
    let mut buffer = [0; SHORT];
    let part = |offset, len| dram.subrange(offset, len).expect("inside the blocks");
    if len <= SHORT {
        let buffer = &mut buffer[..len];
        cipher.decrypt_in_page_to(page, start, dram, &mut *buffer).expect(IN_PAGE);
        out.copy_from_slice(&buffer[head..head + out.len()]);
        buffer.zeroize();
        return;
    }
    let mut block = |offset, from: usize, out: &mut [u8]| {
        let buffer = &mut buffer[..BLOCK];
        let addr = start.offset(offset);
        cipher.decrypt_in_page_to(page, addr, part(offset, BLOCK), &mut *buffer).expect(IN_PAGE);
        out.copy_from_slice(&buffer[from..from + out.len()]);
        buffer.zeroize();
    };
    let (first, middle, last) = split(head, out.len());
    let (ahead, rest) = out.split_at_mut(first);
    let (whole, behind) = rest.split_at_mut(middle);
    if first > 0 {
        block(0, head, ahead);
    }
    let offset = (head + first) / BLOCK * BLOCK;
    let addr = start.offset(offset);
    cipher.decrypt_in_page_to(page, addr, part(offset, middle), whole).expect(IN_PAGE);
    if last > 0 {
        block(offset + middle, 0, behind);
    }
}

/// Writes a part of blocks.
fn write_parts(
    cipher: &MemoryCipher<Arc<Tweak>>,
    page: &PageTweak,
    Blocks { start, len, head }: Blocks,
    dram: GuestBytes<'_>,
    bytes: &[u8],
) {
    let mut buffer = [0; SHORT];
    let part = |offset, len| dram.subrange(offset, len).expect("inside the blocks");
    let mut change = |offset, len, from: usize, bytes: &[u8]| {
        let (buffer, dram) = (&mut buffer[..len], part(offset, len));
        let addr = start.offset(offset);
        cipher.decrypt_in_page_to(page, addr, dram, &mut *buffer).expect(IN_PAGE);
        buffer[from..from + bytes.len()].copy_from_slice(bytes);
        cipher.encrypt_in_page_to(page, addr, &*buffer, dram).expect(IN_PAGE);
        buffer.zeroize();
    };
    if len <= SHORT {
        change(0, len, head, bytes);
        return;
    }
    let (first, middle, last) = split(head, bytes.len());
    let (ahead, rest) = bytes.split_at(first);
    let (whole, behind) = rest.split_at(middle);
    if first > 0 {
        change(0, BLOCK, head, ahead);
    }
    let offset = (head + first) / BLOCK * BLOCK;
    let addr = start.offset(offset);
    cipher.encrypt_in_page_to(page, addr, whole, part(offset, middle)).expect(IN_PAGE);
    if last > 0 {
        change(offset + middle, BLOCK, 0, behind);
    }
}

/// The bytes of a long access in its first block, unless that is whole; in whole blocks; in its last block.
fn split(head: usize, len: usize) -> (usize, usize, usize) {
    let first = (BLOCK - head) % BLOCK;
    let last = (len - first) % BLOCK;
    (first, len - first - last, last)
}

/// A key, and the address under which it is used.
type KeyAt<'k> = Option<(&'k MemoryCipher<Arc<Tweak>>, PhysAddr)>;

/// One piece from one key to another, where it stands.
fn change_key(from: KeyAt<'_>, to: KeyAt<'_>, dram: GuestBytes<'_>) {
    match (from, to) {
        (None, None) => Ok(()),
        (None, Some((to, addr))) => to.encrypt(addr, dram),
        (Some((from, addr)), None) => from.decrypt(addr, dram),
        (Some(from), Some(to)) => mem::move_page(from, to, dram, dram),
    }
    .expect(IN_PAGE);
}

/// The first half of a move.
fn take(from: KeyAt<'_>, src: GuestSource<'_>, plain: &mut [u8]) {
    match from {
        None => src.load(0, plain),
        Some((from, addr)) => from.decrypt_to(addr, src, plain).expect(IN_PAGE),
    }
}

/// The second half.
fn put(to: KeyAt<'_>, plain: &[u8], dst: GuestBytes<'_>) {
    match to {
        None => {
            dst.store(0, plain);
            dst.mark_written();
        }
        Some((to, addr)) => to.encrypt_to(addr, plain, dst).expect(IN_PAGE),
    }
}

impl<D> fmt::Debug for MemoryController<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryController({:?}, {:?}, ..)", self.generation(), self.encryption())
    }
}

/// Why an access is not done. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessError {
    /// There is no DRAM at some of the addresses.
    NoDram {
        /// The first address.
        addr: PhysAddr,
        /// The length in bytes.
        len: u64,
    },
    /// The generation has no key slot for the ASID.
    NoSlot {
        /// The ASID.
        asid: Asid,
        /// The number of slots, the host's included.
        slots: u32,
    },
    /// The address goes beyond what the tweak is defined for; see [`Tweak::address_bits`].
    BeyondTweak {
        /// The first address.
        addr: PhysAddr,
        /// The length in bytes.
        len: u64,
        /// The number of address bits that the tweak has.
        bits: u32,
    },
    /// An operation on whole pages was given something else.
    NotPages {
        /// The first address.
        addr: PhysAddr,
        /// The length in bytes.
        len: u64,
    },
    /// A key that the cipher does not take.
    Key(KeyError),
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDram { addr, len } => {
                write!(f, "{len} bytes at {addr}: not all of them are DRAM")
            }
            Self::NoSlot { asid, slots } => {
                write!(f, "ASID {asid} has no key slot: there are {slots}")
            }
            Self::BeyondTweak { addr, len, bits } => {
                write!(f, "{len} bytes at {addr} go beyond the tweak: it has {bits} address bits")
            }
            Self::NotPages { addr, len } => {
                write!(f, "{len} bytes at {addr} are no whole pages of 4096 bytes")
            }
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AccessError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Key(error) => Some(error),
            _ => None,
        }
    }
}

/// A configuration of which no controller is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControllerError {
    /// AES-256-XTS on a generation that has it not.
    NoXts {
        /// The generation.
        generation: Generation,
    },
    /// No channel, or more than [`MAX_CHANNELS`].
    Channels {
        /// Their number.
        channels: u32,
    },
    /// A granule that is no power of two, or less than a line.
    Granule {
        /// Its bytes.
        granule: u64,
    },
    /// A key that the cipher does not take.
    Key(KeyError),
}

impl fmt::Display for ControllerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoXts { generation } => {
                write!(f, "{generation:?} has no AES-256-XTS: it came with Genoa")
            }
            Self::Channels { channels } => {
                write!(f, "{channels} memory channels: there must be 1 to {MAX_CHANNELS}")
            }
            Self::Granule { granule } => write!(
                f,
                "a granule of {granule} bytes: it must be a power of two, and at least 64"
            ),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ControllerError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Key(error) => Some(error),
            _ => None,
        }
    }
}
