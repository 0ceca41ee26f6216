//! Tables of entries that many threads read while one changes them.

use core::sync::atomic::{AtomicU64, Ordering};

use super::Entry;
use super::registers::RmpConfig;

/// The pages of a 2 MiB region.
pub(super) const REGION: u64 = 512;

/// The first page of a page's 2 MiB region.
pub(super) const fn region(page: u64) -> u64 {
    page & !(REGION - 1)
}

/// What a table has of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// Its entry.
    Entry(Entry),
    /// Its entry is being changed by another thread.
    Busy,
    /// No entry: the table does not cover the page, which is the hypervisor's.
    NotCovered,
}

/// Where the entries of an RMP are. Pages are known by their number: the system physical address over 4096.
///
/// Nothing here waits: whoever meets an entry that another thread is changing is told so.
///
/// ```
/// use sevcrypt::rmp::{AtomicEntry, Entry, Loaded, Table};
///
/// let table: &[AtomicEntry] = &[AtomicEntry::new(Entry::default()), AtomicEntry::default()];
/// assert_eq!(table.next_covered(0), Some(0));
/// assert_eq!(table.next_covered(2), None);
///
/// // A whole region is changed by one processor: others wait.
/// assert!(table.acquire(0, Entry::default()));
/// assert_eq!(table.load(0), Loaded::Busy);
/// table.release(0, Entry::from_words([4, 0]));
/// assert_eq!(table.load(0), Loaded::Entry(Entry::from_words([4, 0])));
/// ```
pub trait Table {
    /// The entry of a page, as it was at one moment.
    fn load(&self, page: u64) -> Loaded;

    /// The first page from `page` on that the table covers; `None` if there is none.
    fn next_covered(&self, page: u64) -> Option<u64>;

    /// Replaces the entry of a page, if it still is `current`. `false`: it is not, and nothing was changed.
    fn compare_exchange(&self, page: u64, current: Entry, new: Entry) -> bool;

    /// Takes an entry for a longer change, if it still is `current`: it is [`Loaded::Busy`] for everybody else until
    /// [`release`](Self::release). `false`: it is not, or another thread has it.
    fn acquire(&self, page: u64, current: Entry) -> bool;

    /// Ends what [`acquire`](Self::acquire) began, with a new entry. Only for the thread that has the entry.
    fn release(&self, page: u64, new: Entry);
}

/// An entry that threads share. Zero is a page of the hypervisor.
///
/// No safe type of Rust reads 16 bytes at once. So a third word counts changes, and is odd during one: a reader that finds the
/// same even count before and after has read one entry, and one that finds an odd one goes away. 64 bits do not come round.
///
/// ```
/// use sevcrypt::rmp::{AtomicEntry, Entry, Loaded, Table};
///
/// let table = [AtomicEntry::default()];
/// let (old, new) = (Entry::default(), Entry::from_words([4, 0]));
/// assert!(table.compare_exchange(0, old, new));
/// assert!(!table.compare_exchange(0, old, new), "it is another one by now");
/// assert_eq!(table.load(0), Loaded::Entry(new));
/// assert_eq!(table.load(1), Loaded::NotCovered);
/// ```
#[derive(Debug, Default)]
#[repr(align(32))]
pub struct AtomicEntry {
    changes: AtomicU64,
    words: [AtomicU64; 2],
}

/// How often an entry that changes under a reader's eyes is read anew.
const READS: usize = 4;

impl AtomicEntry {
    /// An entry at its beginning.
    ///
    /// A table must begin as one that operations have left: with zeros, or with the entries of a table that was kept.
    #[must_use]
    pub const fn new(entry: Entry) -> Self {
        let [first, second] = entry.to_words();
        Self { changes: AtomicU64::new(0), words: [AtomicU64::new(first), AtomicU64::new(second)] }
    }

    /// The entry and the count of changes before it; `None` while another thread changes it.
    #[inline]
    fn load(&self) -> Option<(Entry, u64)> {
        for _ in 0..READS {
            // Whoever reads a word that a change has written also sees, further down, that the change has begun.
            let changes = self.changes.load(Ordering::Acquire);
            let words = self.words.each_ref().map(|word| word.load(Ordering::Acquire));
            if changes % 2 == 1 {
                return None;
            }
            if self.changes.load(Ordering::Relaxed) == changes {
                return Some((Entry::from_words(words), changes));
            }
        }
        None
    }

    fn acquire(&self, current: Entry) -> bool {
        self.load().is_some_and(|(found, changes)| {
            let (order, failed) = (Ordering::AcqRel, Ordering::Relaxed);
            found == current
                && self.changes.compare_exchange(changes, changes + 1, order, failed).is_ok()
        })
    }

    /// For whoever has taken the entry.
    fn release(&self, new: Entry) {
        for (word, new) in self.words.iter().zip(new.to_words()) {
            word.store(new, Ordering::Release);
        }
        let changes = self.changes.load(Ordering::Relaxed);
        self.changes.store(changes.wrapping_add(1), Ordering::Release);
    }
}

/// The entries of the pages from address 0 on.
impl Table for [AtomicEntry] {
    #[inline]
    fn load(&self, page: u64) -> Loaded {
        match entry(self, page) {
            None => Loaded::NotCovered,
            Some(entry) => entry.load().map_or(Loaded::Busy, |(entry, _)| Loaded::Entry(entry)),
        }
    }

    fn next_covered(&self, page: u64) -> Option<u64> {
        entry(self, page).map(|_| page)
    }

    fn compare_exchange(&self, page: u64, current: Entry, new: Entry) -> bool {
        let Some(entry) = entry(self, page) else { return false };
        if !entry.acquire(current) {
            return false;
        }
        entry.release(new);
        true
    }

    fn acquire(&self, page: u64, current: Entry) -> bool {
        entry(self, page).is_some_and(|entry| entry.acquire(current))
    }

    fn release(&self, page: u64, new: Entry) {
        if let Some(entry) = entry(self, page) {
            entry.release(new);
        }
    }
}

#[inline]
fn entry(table: &[AtomicEntry], page: u64) -> Option<&AtomicEntry> {
    table.get(usize::try_from(page).ok()?)
}

/// A segmented RMP: a table for each segment of the address space (AMD APM volume 2, section 15.36).
///
/// A segment's table covers it from its begin on; what lies behind is not covered.
///
/// ```
/// use sevcrypt::rmp::{AtomicEntry, Entry, Loaded, RmpConfig, SegmentLimits, Segmented, Table};
///
/// // Segments of 128 GiB, of which the first and the third have a page of memory.
/// let config = RmpConfig::from_msr(37 << 8 | 1, SegmentLimits::from_eax(36 | 40 << 6))?;
/// let (first, third) = ([AtomicEntry::default()], [AtomicEntry::default()]);
/// let tables: [&[AtomicEntry]; 3] = [&first, &[], &third];
/// let table = Segmented::new(config, &tables).expect("the RMP is segmented");
/// assert_eq!(table.load((2 << 37) >> 12), Loaded::Entry(Entry::default()));
/// assert_eq!(table.load((1 << 37) >> 12), Loaded::NotCovered);
/// # Ok::<(), sevcrypt::rmp::RegisterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Segmented<'a> {
    /// log2 of a segment's pages.
    shift: u32,
    tables: &'a [&'a [AtomicEntry]],
}

impl<'a> Segmented<'a> {
    /// Tables in the order of their segments: empty where nothing is covered, none behind the last one. `None` unless the
    /// register makes segments, of at least 2 MiB.
    #[must_use]
    pub const fn new(config: RmpConfig, tables: &'a [&'a [AtomicEntry]]) -> Option<Self> {
        match config.segment_shift() {
            Some(shift @ 21..) => Some(Self { shift: shift - 12, tables }),
            _ => None,
        }
    }

    /// The table of a page and its number there.
    #[inline]
    fn find(&self, page: u64) -> (&'a [AtomicEntry], u64) {
        let segment = usize::try_from(page >> self.shift).ok();
        let table = segment.and_then(|segment| self.tables.get(segment)).copied();
        (table.unwrap_or_default(), page & ((1 << self.shift) - 1))
    }
}

impl Table for Segmented<'_> {
    #[inline]
    fn load(&self, page: u64) -> Loaded {
        let (table, page) = self.find(page);
        table.load(page)
    }

    fn next_covered(&self, page: u64) -> Option<u64> {
        let (_, offset) = self.find(page);
        let segment = page >> self.shift;
        let tables = self.tables.iter().zip(0..).skip(usize::try_from(segment).ok()?);
        tables.into_iter().find_map(|(table, number)| {
            let begin = if number == segment { offset } else { 0 };
            table.next_covered(begin).map(|page| (number << self.shift) + page)
        })
    }

    fn compare_exchange(&self, page: u64, current: Entry, new: Entry) -> bool {
        let (table, page) = self.find(page);
        table.compare_exchange(page, current, new)
    }

    fn acquire(&self, page: u64, current: Entry) -> bool {
        let (table, page) = self.find(page);
        table.acquire(page, current)
    }

    fn release(&self, page: u64, new: Entry) {
        let (table, page) = self.find(page);
        table.release(page, new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A count that came back to where it was would let a reader take words of two entries for one.
    #[test]
    fn every_change_is_counted() {
        let shared = AtomicEntry::default();
        for n in 0..3 {
            let [old, new] = [n, n + 1].map(|n| Entry::from_words([n, n]));
            assert_eq!(shared.load(), Some((old, 2 * n)));
            assert!(shared.acquire(old));
            assert_eq!(shared.load(), None);
            assert_eq!(shared.changes.load(Ordering::Relaxed), 2 * n + 1);
            shared.release(new);
        }
    }
}
