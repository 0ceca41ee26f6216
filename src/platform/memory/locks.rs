//! Who may write a line: locks, and versions by which readers notice writers.

use std::boxed::Box;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::thread::yield_now;

use crate::addr::{PAGE, PhysAddr};

/// How many words there are; pages share them.
const WORDS: usize = 1 << 12;
/// The most pages that are written at a time.
pub(super) const RUN: usize = 16;
/// What one bit of a word locks: four lines.
const SECTOR: usize = PAGE / SECTORS as usize;
/// The bits for locks; above them the version is counted.
const SECTORS: u32 = 16;
const LOCKS: u64 = VERSION - 1;
const VERSION: u64 = 1 << SECTORS;
/// How often a reader tries to read between writers before it waits in line with them.
const TRIES: usize = 16;

/// For each page a word: which of its sectors are being written, and how many writes have ended.
///
/// A writer sets the bits of its sectors, all at once, or waits. A reader sets nothing: it reads between two looks at the
/// word, and reads again if a writer was there meanwhile (a sequence lock). The version is counted in 48 bits, which cannot come
/// round during a read.
pub(super) struct Locks(Box<[AtomicU64]>);

impl Locks {
    pub(super) fn new() -> Self {
        Self((0..WORDS).map(|_| AtomicU64::new(0)).collect())
    }

    /// The number of a page's word. Neighbours are far apart, as they are often written at the same time.
    fn index(addr: PhysAddr) -> usize {
        let page = addr.get() / PAGE as u64;
        (page.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - WORDS.trailing_zeros())) as usize
    }

    /// The bits of `len` bytes, at least one, inside a page.
    fn sectors(addr: PhysAddr, len: usize) -> u64 {
        let first = addr.page_offset() / SECTOR;
        let last = (addr.page_offset() + len - 1) / SECTOR;
        (LOCKS >> (SECTORS as usize - 1 - (last - first))) << first & LOCKS
    }

    /// Runs `read` until no writer has been at the bytes meanwhile. They lie in one page, and are at least one.
    #[inline]
    pub(super) fn read<R>(&self, addr: PhysAddr, len: usize, mut read: impl FnMut() -> R) -> R {
        let (word, sectors) = (&self.0[Self::index(addr)], Self::sectors(addr, len));
        for _ in 0..TRIES {
            let before = word.load(Ordering::Acquire);
            if before & sectors == 0 {
                let result = read();
                // What was read came before the second look.
                fence(Ordering::Acquire);
                let after = word.load(Ordering::Relaxed);
                if after & sectors == 0 && after / VERSION == before / VERSION {
                    return result;
                }
            }
            spin_loop();
        }
        let _held = Held::new(word, sectors);
        read()
    }

    /// Waits until nobody else writes the bytes. They lie in one page, and are at least one.
    #[inline]
    pub(super) fn write(&self, addr: PhysAddr, len: usize) -> Held<'_> {
        Held::new(&self.0[Self::index(addr)], Self::sectors(addr, len))
    }

    /// The same for a run of pages as a whole; in one order, so that no two wait for each other.
    pub(super) fn write_run(&self, first: PhysAddr, pages: usize) -> [Option<Held<'_>>; RUN] {
        debug_assert!(pages <= RUN);
        let mut words = [usize::MAX; RUN];
        for (number, word) in words.iter_mut().enumerate().take(pages) {
            *word = Self::index(first.offset(number * PAGE));
        }
        words.sort_unstable();
        let mut last = usize::MAX;
        words.map(|word| {
            let is_new = word != last;
            last = word;
            (is_new && word < WORDS).then(|| Held::new(&self.0[word], LOCKS))
        })
    }

    /// The same for two pages as a whole; in one order, so that no two wait for each other.
    pub(super) fn write_both(
        &self,
        one: PhysAddr,
        other: PhysAddr,
    ) -> (Held<'_>, Option<Held<'_>>) {
        let (one, other) = (Self::index(one), Self::index(other));
        let (low, high) = (one.min(other), one.max(other));
        let first = Held::new(&self.0[low], LOCKS);
        (first, (low != high).then(|| Held::new(&self.0[high], LOCKS)))
    }
}

/// Sectors that are being written; free again when it is dropped.
pub(super) struct Held<'l> {
    word: &'l AtomicU64,
    sectors: u64,
}

impl<'l> Held<'l> {
    #[inline]
    fn new(word: &'l AtomicU64, sectors: u64) -> Self {
        let mut waits = 0;
        loop {
            let now = word.load(Ordering::Relaxed);
            if now & sectors == 0
                && word
                    .compare_exchange_weak(now, now | sectors, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                // A reader that sees what is written from here on sees the locks, too.
                fence(Ordering::Release);
                return Self { word, sectors };
            }
            waits += 1;
            // Its holder may have been put aside by the scheduler.
            if waits % 64 == 0 { yield_now() } else { spin_loop() }
        }
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // The bits are set: the difference takes them away, and counts.
        self.word.fetch_add(VERSION - self.sectors, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn sectors_of_a_range() {
        for offset in 0..PAGE {
            for len in [1, 2, 16, 63, 64, 255, 256, 257, 4096] {
                let len = len.min(PAGE - offset);
                let mut wanted = 0;
                for byte in [offset, offset + len - 1] {
                    wanted |= 1 << (byte / 256);
                }
                for sector in offset / 256..(offset + len) / 256 {
                    wanted |= 1 << sector;
                }
                let addr = PhysAddr::new(0x5000 + offset as u64).unwrap();
                assert_eq!(Locks::sectors(addr, len), wanted, "{offset} {len}");
            }
        }
    }

    /// A run holds the words of its pages, each once, and gives them back.
    #[test]
    fn runs() {
        let locks = Locks::new();
        let page = |number: u64| PhysAddr::new(number * PAGE as u64).unwrap();
        for first in (0..5000).step_by(7) {
            for pages in [1, 2, RUN] {
                let held = locks.write_run(page(first), pages);
                let mut words: Vec<_> =
                    (first..).take(pages).map(|number| Locks::index(page(number))).collect();
                words.sort_unstable();
                words.dedup();
                assert_eq!(held.iter().flatten().count(), words.len());
                assert!(
                    words.iter().all(|word| locks.0[*word].load(Ordering::Relaxed) & LOCKS != 0)
                );
                drop(held);
                assert!(
                    words.iter().all(|word| locks.0[*word].load(Ordering::Relaxed) & LOCKS == 0)
                );
            }
        }
    }

    /// Held sectors come back, versions count, and what is not held does not stop anyone.
    #[test]
    fn words() {
        let locks = Locks::new();
        let addr = PhysAddr::new(0x5000).unwrap();
        let word = || locks.0[Locks::index(addr)].load(Ordering::Relaxed);
        let first = locks.write(addr, 64);
        let third = locks.write(PhysAddr::new(0x5200).unwrap(), 64);
        assert_eq!(word(), 0b101);
        locks.read(PhysAddr::new(0x5100).unwrap(), 64, || ());
        drop(first);
        assert_eq!(word(), 0b100 | VERSION);
        drop(third);
        assert_eq!(word(), 2 * VERSION);
        let (_both, other) = locks.write_both(addr, addr);
        assert!(other.is_none() && word() & LOCKS == LOCKS);
    }

    /// A write that begins and ends during a read is noticed.
    #[test]
    fn a_write_in_between_is_noticed() {
        let locks = Locks::new();
        let addr = PhysAddr::new(0x5000).unwrap();
        let mut reads = 0;
        locks.read(addr, 64, || {
            reads += 1;
            if reads <= 3 {
                drop(locks.write(addr, 64));
            }
        });
        assert_eq!(reads, 4);
    }
}
