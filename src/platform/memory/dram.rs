//! The memory behind the controllers: [`Dram`].

use core::fmt;
use core::ops::Range;
use std::boxed::Box;
use std::sync::atomic::AtomicU8;
use std::vec::Vec;

use zerocopy::FromZeros;

use crate::addr::{PAGE, PhysAddr};
use crate::mem::GuestBytes;

/// Bytes at physical addresses, as they are on the bus: guests' pages are ciphertext here.
///
/// It consists of whole pages of 4 KiB; there may be holes between them. Whoever accesses it past the controller, sees and
/// writes ciphertext, and is in nobody's order: what [`MemoryController`](super::MemoryController) says of concurrent accesses
/// holds between its own.
///
/// ```
/// use sevcrypt::PhysAddr;
/// use sevcrypt::platform::memory::{Dram, HeapDram};
///
/// let dram = HeapDram::new(1 << 20)?;
/// assert_eq!(dram.ranges(), [0..1 << 20]);
/// assert!(dram.holds(PhysAddr::new(0xf_f000)?, 4096) && !dram.holds(PhysAddr::new(0xf_f001)?, 4096));
/// let lengths = (
///     dram.with(PhysAddr::new(0x1040)?, 64, |bytes| bytes.len()),
///     dram.with_pages(PhysAddr::new(0x1000)?, 2, |bytes| bytes.len()),
/// );
/// assert_eq!(lengths, (Some(64), Some(8192)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Dram: Send + Sync {
    /// Where there is memory.
    fn ranges(&self) -> Vec<Range<u64>>;

    /// Whether there is memory at all of these addresses.
    fn holds(&self, addr: PhysAddr, len: u64) -> bool;

    /// Gives bytes that lie in one page of 4 KiB to `work`; `None` if [`holds`](Self::holds) is false for them.
    ///
    /// An implementation may lock what it likes around `work`, also something that is there once for all of memory: the
    /// controller takes its own locks before it calls this, takes none in `work`, and never calls this in `work`. In turn an
    /// implementation must not access memory through the controller.
    fn with<R>(
        &self,
        addr: PhysAddr,
        len: usize,
        work: impl FnOnce(GuestBytes<'_>) -> R,
    ) -> Option<R>;

    /// Gives several whole pages in one piece to `work`, under the same rules. `None` if they do not stand in one piece, which is
    /// what an implementation without this method says; they are then given page by page.
    fn with_pages<R>(
        &self,
        _addr: PhysAddr,
        _pages: usize,
        _work: impl FnOnce(GuestBytes<'_>) -> R,
    ) -> Option<R> {
        None
    }
}

/// Memory on the heap, from address 0 on.
///
/// The allocator is asked for zeroed memory: systems with virtual memory give it page by page when it is first touched.
///
/// ```
/// use sevcrypt::platform::memory::HeapDram;
///
/// let dram = HeapDram::new(1 << 30)?;
/// assert_eq!(dram.size(), 1 << 30);
/// assert!(HeapDram::new(1000).is_err()); // no whole page
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct HeapDram {
    heap: Box<[AtomicU8]>,
    /// Where in it the first page begins, so that lines here are lines of the host, too.
    start: usize,
    size: usize,
}

impl HeapDram {
    /// So many bytes of zeroes.
    ///
    /// # Errors
    /// [`HeapDramError`].
    pub fn new(size: u64) -> Result<Self, HeapDramError> {
        if !size.is_multiple_of(PAGE as u64) {
            return Err(HeapDramError::NotPages { size });
        }
        let no_memory = HeapDramError::NoMemory { size };
        let size = usize::try_from(size).map_err(|_| no_memory)?;
        let len = size.checked_add(PAGE - 1).ok_or(no_memory)?;
        let heap = <[AtomicU8]>::new_box_zeroed_with_elems(len).map_err(|_| no_memory)?;
        // Where the alignment cannot be told, none is taken: it is for speed only.
        let start = heap.as_ptr().align_offset(PAGE).min(PAGE - 1);
        Ok(Self { heap, start, size })
    }

    /// The number of bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size as u64
    }

    /// The bytes themselves: what a probe on the memory bus sees.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &[AtomicU8] {
        &self.heap[self.start..self.start + self.size]
    }
}

impl Dram for HeapDram {
    fn ranges(&self) -> Vec<Range<u64>> {
        std::vec![0..self.size()]
    }

    fn holds(&self, addr: PhysAddr, len: u64) -> bool {
        len <= self.size() && addr.get() <= self.size() - len
    }

    #[inline]
    fn with<R>(
        &self,
        addr: PhysAddr,
        len: usize,
        work: impl FnOnce(GuestBytes<'_>) -> R,
    ) -> Option<R> {
        let bytes = self.bytes().get(usize::try_from(addr.get()).ok()?..)?.get(..len)?;
        Some(work(GuestBytes::from(bytes)))
    }

    fn with_pages<R>(
        &self,
        addr: PhysAddr,
        pages: usize,
        work: impl FnOnce(GuestBytes<'_>) -> R,
    ) -> Option<R> {
        self.with(addr, pages.checked_mul(PAGE)?, work)
    }
}

impl fmt::Debug for HeapDram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeapDram({} bytes)", self.size())
    }
}

/// Why there is no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeapDramError {
    /// The size is no multiple of 4096.
    NotPages {
        /// What was asked for, in bytes.
        size: u64,
    },
    /// The allocator has not so much.
    NoMemory {
        /// What was asked for, in bytes.
        size: u64,
    },
}

impl fmt::Display for HeapDramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPages { size } => {
                write!(f, "{size} bytes of DRAM: it must be a multiple of 4096")
            }
            Self::NoMemory { size } => write!(f, "{size} bytes of DRAM could not be allocated"),
        }
    }
}

impl core::error::Error for HeapDramError {}
