//! Tables of entries that many threads read while one changes them.

use core::sync::atomic::{AtomicU64, Ordering};

use super::Entry;

/// The pages of a 2 MiB region.
pub(super) const REGION: u64 = 512;

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
pub trait Table {
    /// The entry of a page, as it was at one moment.
    fn load(&self, page: u64) -> Loaded;

    /// Replaces the entry of a page, if it still is `current`. `false`: it is not, and nothing was changed.
    fn compare_exchange(&self, page: u64, current: Entry, new: Entry) -> bool;

    /// Takes an entry for a longer change, if it still is `current`: it is [`Loaded::Busy`] for everybody else until
    /// [`release`](Self::release). `false`: it is not, or another thread has it.
    fn acquire(&self, page: u64, current: Entry) -> bool;

    /// Ends what [`acquire`](Self::acquire) began, with a new entry.
    fn release(&self, page: u64, new: Entry);
}

/// An entry that threads share. Zero is a page of the hypervisor.
///
/// Two words cannot be read at once. So the first says that a change is under way, by ASSIGNED without an owner and a size (which
/// no entry has otherwise), and bits 47 to 33 of the second count changes: a reader that finds one count before and after has
/// read one entry. (It would be fooled by 2^15 changes in between.)
#[derive(Debug, Default)]
pub struct AtomicEntry([AtomicU64; 2]);

/// The first word of an entry that is being changed.
const BUSY: u64 = 1 << 1 | 1 << 62;
/// The count of changes in the second word.
const COUNT: u64 = 0x7fff << 33;
const ONE: u64 = 1 << 33;

impl AtomicEntry {
    /// An entry at its beginning.
    #[must_use]
    pub const fn new(entry: Entry) -> Self {
        let [first, second] = entry.to_words();
        Self([AtomicU64::new(first), AtomicU64::new(second & !COUNT)])
    }

    fn load(&self) -> Option<(Entry, u64)> {
        let [first, second] = &self.0;
        loop {
            let before = second.load(Ordering::Acquire);
            let owner = first.load(Ordering::Acquire);
            if owner == BUSY {
                return None;
            }
            let after = second.load(Ordering::Acquire);
            if before == after {
                return Some((Entry::from_words([owner, after & !COUNT]), after & COUNT));
            }
            // Each round anew means that another thread has got on.
        }
    }

    /// The count of changes, if the entry was `current` and is taken now.
    fn acquire(&self, current: Entry) -> Option<u64> {
        let (found, count) = self.load()?;
        let [first, second] = &self.0;
        let [owner, masks] = current.to_words();
        if found != current {
            return None;
        }
        first.compare_exchange(owner, BUSY, Ordering::AcqRel, Ordering::Relaxed).ok()?;
        // Only who has taken the entry changes the second word.
        if second.load(Ordering::Acquire) == masks & !COUNT | count {
            return Some(count);
        }
        first.store(owner, Ordering::Release);
        None
    }

    fn release(&self, new: Entry, count: u64) {
        let [first, second] = &self.0;
        let [owner, masks] = new.to_words();
        second.store(masks & !COUNT | count.wrapping_add(ONE) & COUNT, Ordering::Release);
        first.store(owner, Ordering::Release);
    }

    fn count(&self) -> u64 {
        self.0[1].load(Ordering::Acquire) & COUNT
    }
}

/// The entries of the pages from address 0 on.
impl Table for [AtomicEntry] {
    fn load(&self, page: u64) -> Loaded {
        match entry(self, page) {
            None => Loaded::NotCovered,
            Some(entry) => entry.load().map_or(Loaded::Busy, |(entry, _)| Loaded::Entry(entry)),
        }
    }

    fn compare_exchange(&self, page: u64, current: Entry, new: Entry) -> bool {
        let Some(entry) = entry(self, page) else { return false };
        let Some(count) = entry.acquire(current) else { return false };
        entry.release(new, count);
        true
    }

    fn acquire(&self, page: u64, current: Entry) -> bool {
        entry(self, page).is_some_and(|entry| entry.acquire(current).is_some())
    }

    fn release(&self, page: u64, new: Entry) {
        if let Some(entry) = entry(self, page) {
            entry.release(new, entry.count());
        }
    }
}

fn entry(table: &[AtomicEntry], page: u64) -> Option<&AtomicEntry> {
    table.get(usize::try_from(page).ok()?)
}

/// A segmented RMP: tables of their own for segments of the address space (AMD APM volume 2, section 15.36.4; RMP_CFG).
///
/// A segment's table covers it from its begin on; what lies behind is not covered.
#[derive(Clone, Copy, Debug)]
pub struct Segmented<'a> {
    /// log2 of a segment's bytes: RMP_SEGMENT_SIZE.
    shift: u32,
    tables: &'a [(u64, &'a [AtomicEntry])],
}

impl<'a> Segmented<'a> {
    /// Tables by the numbers of their segments, of 2^`shift` bytes each. `None` unless a segment has from 2 MiB to 2^52 bytes.
    #[must_use]
    pub const fn new(shift: u32, tables: &'a [(u64, &'a [AtomicEntry])]) -> Option<Self> {
        if shift < 21 || shift > 52 { None } else { Some(Self { shift, tables }) }
    }

    /// The table of a page and its number there.
    fn find(&self, page: u64) -> Option<(&'a [AtomicEntry], u64)> {
        let pages = 1 << (self.shift - 12);
        let (_, table) = self.tables.iter().find(|(number, _)| *number == page / pages)?;
        Some((table, page % pages))
    }
}

impl Table for Segmented<'_> {
    fn load(&self, page: u64) -> Loaded {
        self.find(page).map_or(Loaded::NotCovered, |(table, page)| table.load(page))
    }

    fn compare_exchange(&self, page: u64, current: Entry, new: Entry) -> bool {
        self.find(page).is_some_and(|(table, page)| table.compare_exchange(page, current, new))
    }

    fn acquire(&self, page: u64, current: Entry) -> bool {
        self.find(page).is_some_and(|(table, page)| table.acquire(page, current))
    }

    fn release(&self, page: u64, new: Entry) {
        if let Some((table, page)) = self.find(page) {
            table.release(page, new);
        }
    }
}
