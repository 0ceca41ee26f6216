//! Memory that others may read or write meanwhile: the second room in which `unsafe` may stand.
//!
//! The memory of a running guest is never behind `&mut [u8]`: its vCPUs, devices and the host write to
//! it at any time. [`GuestBytes`] is a pointer, a length and a lifetime. No Rust reference to its bytes is
//! ever made here: kernels get the pointers, and Rust code copies up to 64 bytes out and back.
//!
//! # What a race does
//! Bytes that another thread writes while an operation runs come out as the encryption of either value,
//! byte by byte of the input; a block whose input was torn decrypts to the torn input. It is never
//! undefined behaviour in the library. Accesses from Rust are relaxed atomic ones of single bytes; the
//! accesses of the assembly are single loads and stores outside of the compiler's sight, each byte read
//! once and written once.

#![allow(unsafe_code, reason = "src/mem/guest.rs is a listed unsafe file")]

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU8, Ordering};

use crate::addr::PhysAddr;
use crate::kernel::Segment;

/// Gets told which bytes have been written, after they have been: a VMM's dirty page log.
///
/// ```
/// use std::cell::Cell;
/// use sevcrypt::mem::{DirtyLog, GuestBytes};
///
/// #[derive(Default)]
/// struct Pages(Cell<u64>); // one bit per page of a small guest
///
/// impl DirtyLog for Pages {
///     fn mark_dirty(&self, offset: usize, len: usize) {
///         for page in offset / 4096..(offset + len).div_ceil(4096) {
///             self.0.set(self.0.get() | 1 << page);
///         }
///     }
/// }
///
/// let (log, mut memory) = (Pages::default(), vec![0u8; 3 * 4096]);
/// let bytes = GuestBytes::from(&mut memory[..]).with_dirty_log(&log, 0);
/// # use sevcrypt::{Backend, mem::{MemoryCipher, Tweak}, PhysAddr};
/// # let cipher = MemoryCipher::xex(&[1; 16], Tweak::zen1(), Backend::best())?;
/// cipher.encrypt(PhysAddr::new(0x1000)?, bytes.subrange(4096, 64).expect("in range"))?;
/// assert_eq!(log.0.get(), 0b010);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait DirtyLog {
    /// Notes that `len` bytes from `offset` (in the log's own counting) have been written.
    fn mark_dirty(&self, offset: usize, len: usize);
}

/// Who else may access the memory during an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    /// Nobody on another thread.
    Thread,
    /// Anybody.
    World,
}

/// Memory to read and write, which others may read or write meanwhile.
///
/// Made from `&mut [u8]` and arrays (exclusive memory), `&[AtomicU8]`, `&[Cell<u8>]`, a `vm-memory` slice
/// (feature `vm-memory-018`, through `vm_memory::Mapping`), or with [`from_raw`](Self::from_raw) from a
/// pointer.
///
/// ```
/// use std::sync::atomic::AtomicU8;
/// use sevcrypt::mem::GuestBytes;
///
/// let ram: Vec<AtomicU8> = (0..4096).map(|_| AtomicU8::new(0)).collect();
/// let bytes = GuestBytes::from(&ram[..]);
/// assert_eq!(bytes.len(), 4096);
/// ```
///
/// It is not `Send`: it may stem from thread-bound memory. Make one on each thread.
///
/// ```compile_fail,E0277
/// fn needs_send<T: Send>(_: T) {}
/// needs_send(sevcrypt::mem::GuestBytes::from(&mut [0u8; 16]));
/// ```
#[derive(Clone, Copy)]
pub struct GuestBytes<'a> {
    ptr: *mut u8,
    len: usize,
    sharing: Sharing,
    dirty: Option<Dirty<'a>>,
    memory: PhantomData<&'a [Cell<u8>]>,
}

#[derive(Clone, Copy)]
struct Dirty<'a> {
    log: &'a dyn DirtyLog,
    offset: usize,
}

/// Memory to read only: `&[u8]`, an array, or any [`GuestBytes`].
///
/// ```
/// use sevcrypt::mem::GuestSource;
///
/// assert_eq!(GuestSource::from(&[0u8; 64]).len(), 64);
/// ```
#[derive(Clone, Copy)]
pub struct GuestSource<'a> {
    ptr: *const u8,
    len: usize,
    sharing: Sharing,
    memory: PhantomData<&'a [Cell<u8>]>,
}

impl<'a> GuestBytes<'a> {
    /// Memory at a pointer, which any thread, device or guest may access meanwhile.
    ///
    /// # Safety
    /// For the lifetime `'a`, `ptr` is valid for reads and writes of `len` bytes, and no Rust reference to
    /// any of them is used, except to types with interior mutability. Other Rust code that runs at
    /// the same time accesses them by atomic or volatile operations only.
    ///
    /// ```
    /// use sevcrypt::mem::GuestBytes;
    ///
    /// let mut page = Box::new([0u8; 4096]);
    /// // SAFETY: the page outlives `bytes`, and nothing else uses it meanwhile.
    /// let bytes = unsafe { GuestBytes::from_raw(page.as_mut_ptr(), 4096) };
    /// assert_eq!(bytes.len(), 4096);
    /// ```
    #[must_use]
    pub const unsafe fn from_raw(ptr: *mut u8, len: usize) -> Self {
        Self { ptr, len, sharing: Sharing::World, dirty: None, memory: PhantomData }
    }

    /// The length in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the length is zero.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `len` bytes from `offset`, or `None` where that leaves the memory. A dirty log goes along.
    #[must_use]
    pub fn subrange(&self, offset: usize, len: usize) -> Option<Self> {
        if len > self.len.checked_sub(offset)? {
            return None;
        }
        Some(Self {
            ptr: self.ptr.wrapping_add(offset),
            len,
            dirty: self
                .dirty
                .map(|dirty| Dirty { offset: dirty.offset.wrapping_add(offset), ..dirty }),
            ..*self
        })
    }

    /// The same memory; `log` is told of every write, the first byte being `offset` there.
    #[must_use]
    pub fn with_dirty_log(self, log: &'a dyn DirtyLog, offset: usize) -> Self {
        Self { dirty: Some(Dirty { log, offset }), ..self }
    }

    #[inline]
    pub(crate) fn mark_written(&self) {
        if let Some(Dirty { log, offset }) = self.dirty {
            log.mark_dirty(offset, self.len);
        }
    }

    /// Writes `bytes` from `offset` on, inside the memory.
    pub(crate) fn store(&self, offset: usize, bytes: &[u8]) {
        assert!(offset <= self.len && bytes.len() <= self.len - offset, "inside the memory");
        let to = self.ptr.wrapping_add(offset);
        match self.sharing {
            // SAFETY: `to` is valid for writes of `bytes.len()` bytes (asserted above, and the promise of
            // every constructor). No other thread accesses the memory, and `bytes` is not part of it: the
            // callers pass a local buffer.
            Sharing::Thread => unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) },
            // SAFETY: as above for validity; whoever else accesses a byte does so atomically or outside of Rust.
            Sharing::World if is_long(bytes.len()) => unsafe {
                move_bytes(bytes.as_ptr(), to, bytes.len());
            },
            Sharing::World => {
                for (i, byte) in bytes.iter().enumerate() {
                    // SAFETY: as above for validity; `AtomicU8` has the size and alignment of `u8`, and
                    // whoever else accesses the byte does so atomically or outside of Rust.
                    let to = unsafe { AtomicU8::from_ptr(to.wrapping_add(i)) };
                    to.store(*byte, Ordering::Relaxed);
                }
            }
        }
    }
}

/// Whether memory that others access meanwhile is copied by an instruction of the CPU: byte by byte takes longer than to encipher it.
const fn is_long(len: usize) -> bool {
    cfg!(all(feature = "kernels", target_arch = "x86_64")) && len >= 128
}

/// Copies bytes of which one side is shared with others: each is read once and written once. Which of theirs is seen, and when ours is, is
/// up to the CPU, as with the kernels.
///
/// # Safety
/// `from` is valid for reads of `len` bytes and `to` for writes, and they do not overlap. The side that is not shared is the caller's.
#[cfg(all(feature = "kernels", target_arch = "x86_64"))]
unsafe fn move_bytes(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: the instruction reads `len` bytes from `from` on and writes as many from `to` on, for which both are valid. The ABI
    // has the direction flag clear. It is assembly: a race with another thread is the machine's, and not one of Rust's memory model.
    unsafe {
        core::arch::asm!(
            "rep movsb",
            inout("rcx") len => _,
            inout("rsi") from => _,
            inout("rdi") to => _,
            options(nostack, preserves_flags)
        );
    }
}

/// Never called: nothing is [long](is_long).
///
/// # Safety
/// None is needed.
#[cfg(not(all(feature = "kernels", target_arch = "x86_64")))]
unsafe fn move_bytes(_: *const u8, _: *mut u8, _: usize) {}

impl<'a> GuestSource<'a> {
    /// The length in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the length is zero.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `len` bytes from `offset`, or `None` where that leaves the memory.
    #[must_use]
    pub fn subrange(&self, offset: usize, len: usize) -> Option<Self> {
        if len > self.len.checked_sub(offset)? {
            return None;
        }
        Some(Self { ptr: self.ptr.wrapping_add(offset), len, ..*self })
    }

    /// Reads bytes from `offset` on, inside the memory; each byte once.
    pub(crate) fn load(&self, offset: usize, bytes: &mut [u8]) {
        assert!(offset <= self.len && bytes.len() <= self.len - offset, "inside the memory");
        let from = self.ptr.wrapping_add(offset);
        match self.sharing {
            // SAFETY: `from` is valid for reads of `bytes.len()` bytes (asserted above, and the promise of
            // every constructor). No other thread writes the memory, and `bytes` is not part of it: the
            // callers pass a local buffer.
            Sharing::Thread => unsafe {
                from.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len());
            },
            // SAFETY: as above for validity; whoever else accesses a byte does so atomically or outside of Rust.
            Sharing::World if is_long(bytes.len()) => unsafe {
                move_bytes(from, bytes.as_mut_ptr(), bytes.len());
            },
            Sharing::World => {
                for (i, byte) in bytes.iter_mut().enumerate() {
                    // SAFETY: as above for validity. The pointer stems from a `GuestBytes` of shared
                    // memory, so it may be written through, and whoever else accesses the byte does so
                    // atomically or outside of Rust. The atomic is only read.
                    let from = unsafe { AtomicU8::from_ptr(from.wrapping_add(i).cast_mut()) };
                    *byte = from.load(Ordering::Relaxed);
                }
            }
        }
    }

    /// How far `dst` begins behind this memory if the two overlap without being the same.
    pub(super) fn overlap(&self, dst: &GuestBytes<'_>) -> Option<isize> {
        let distance = (dst.ptr as usize).wrapping_sub(self.ptr as usize) as isize;
        let overlaps = distance.unsigned_abs() < if distance < 0 { dst.len } else { self.len };
        (distance != 0 && overlaps && !dst.is_empty()).then_some(distance)
    }
}

/// A segment for the kernels: `blocks` blocks from `offset` of both memories (which do not overlap or
/// are the same), the first at block `place` of its page.
#[inline(always)]
pub(super) fn segment<'a>(
    src: &GuestSource<'a>,
    dst: &GuestBytes<'a>,
    offset: usize,
    blocks: usize,
    place: usize,
) -> Segment<'a> {
    let len = blocks * 16;
    assert!(offset <= src.len && len <= src.len - offset, "inside the source");
    assert!(offset <= dst.len && len <= dst.len - offset, "inside the destination");
    assert!(src.overlap(dst).is_none(), "disjoint or the same");
    // SAFETY: both pointers are valid for `len` bytes at `offset` for 'a (asserted above, and the promise
    // of every constructor), and the two ranges are the same or disjoint. The assembly's accesses count as
    // those of memory outside of Rust: exclusive memory is accessed by nobody else, and whoever shares
    // shared memory does so by atomic or volatile accesses.
    unsafe {
        Segment::new(src.ptr.wrapping_add(offset), dst.ptr.wrapping_add(offset), blocks, place)
    }
}

/// The memory of a run from `addr` on, cut as [`Run::pieces`](super::run::Run::pieces) does: segments with their addresses. Source and destination have one length, and do not overlap or are the same.
#[inline(always)]
pub(super) fn segments<'a>(
    mut addr: PhysAddr,
    src: &GuestSource<'a>,
    dst: &GuestBytes<'a>,
    unit: usize,
) -> impl Iterator<Item = (PhysAddr, Segment<'a>)> {
    let (mut from, mut to, mut left) = (src.ptr, dst.ptr, src.len);
    assert!(left == dst.len && left % 16 == 0, "blocks, from one to the other");
    assert!(src.overlap(dst).is_none(), "disjoint or the same");
    core::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let place = addr.offset_in(unit);
        let len = left.min(unit - place);
        // SAFETY: as in `segment`: `left` bytes, of which `len` are taken, are valid from both pointers on, which move
        // together, and so stay the same or in disjoint memories.
        let segment = unsafe { Segment::new(from, to, len / 16, place / 16) };
        let piece = (addr, segment);
        (from, to) = (from.wrapping_add(len), to.wrapping_add(len));
        (addr, left) = (addr.offset(len), left - len);
        Some(piece)
    })
}

impl<'a> From<&'a mut [u8]> for GuestBytes<'a> {
    fn from(memory: &'a mut [u8]) -> Self {
        Self::from(Cell::from_mut(memory).as_slice_of_cells())
    }
}

impl<'a, const N: usize> From<&'a mut [u8; N]> for GuestBytes<'a> {
    fn from(memory: &'a mut [u8; N]) -> Self {
        Self::from(&mut memory[..])
    }
}

impl<'a> From<&'a [Cell<u8>]> for GuestBytes<'a> {
    fn from(memory: &'a [Cell<u8>]) -> Self {
        Self {
            ptr: memory.as_ptr().cast::<u8>().cast_mut(),
            len: memory.len(),
            sharing: Sharing::Thread,
            dirty: None,
            memory: PhantomData,
        }
    }
}

impl<'a> From<&'a [AtomicU8]> for GuestBytes<'a> {
    fn from(memory: &'a [AtomicU8]) -> Self {
        Self {
            ptr: memory.as_ptr().cast::<u8>().cast_mut(),
            len: memory.len(),
            sharing: Sharing::World,
            dirty: None,
            memory: PhantomData,
        }
    }
}

impl<'a> From<&'a [u8]> for GuestSource<'a> {
    fn from(memory: &'a [u8]) -> Self {
        Self {
            ptr: memory.as_ptr(),
            len: memory.len(),
            sharing: Sharing::Thread,
            memory: PhantomData,
        }
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for GuestSource<'a> {
    fn from(memory: &'a [u8; N]) -> Self {
        Self::from(&memory[..])
    }
}

impl<'a> From<GuestBytes<'a>> for GuestSource<'a> {
    fn from(memory: GuestBytes<'a>) -> Self {
        Self { ptr: memory.ptr, len: memory.len, sharing: memory.sharing, memory: PhantomData }
    }
}

impl<'a> From<&'a [AtomicU8]> for GuestSource<'a> {
    fn from(memory: &'a [AtomicU8]) -> Self {
        GuestBytes::from(memory).into()
    }
}

impl<'a> From<&'a [Cell<u8>]> for GuestSource<'a> {
    fn from(memory: &'a [Cell<u8>]) -> Self {
        GuestBytes::from(memory).into()
    }
}

impl fmt::Debug for GuestBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuestBytes({} bytes at {:?})", self.len, self.ptr)
    }
}

impl fmt::Debug for GuestSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuestSource({} bytes at {:?})", self.len, self.ptr)
    }
}

/// A `vm-memory` slice while it is mapped; [`bytes`](Self::bytes) is its memory, and the slice's dirty bitmap
/// is marked after each write.
#[cfg(feature = "vm-memory-018")]
#[derive(Debug)]
pub struct Mapping<'s, B> {
    slice: &'s vm_memory::VolatileSlice<'s, B>,
    guard: vm_memory::volatile_memory::PtrGuardMut,
}

#[cfg(feature = "vm-memory-018")]
impl<'s, B: vm_memory::bitmap::BitmapSlice> Mapping<'s, B> {
    /// Maps the slice (which costs nothing but on Xen, where pages are mapped on demand).
    ///
    /// ```
    /// use sevcrypt::{Backend, PhysAddr, mem::{MemoryCipher, Tweak, vm_memory::Mapping}};
    /// use vm_memory::VolatileSlice;
    ///
    /// let cipher = MemoryCipher::xex(&[7; 16], Tweak::from_seed(b"boot"), Backend::best())?;
    /// let mut memory = [0u8; 4096];
    /// let slice = VolatileSlice::from(&mut memory[..]);
    /// cipher.encrypt(PhysAddr::new(0x1000)?, Mapping::new(&slice).bytes())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(slice: &'s vm_memory::VolatileSlice<'s, B>) -> Self {
        Self { slice, guard: slice.ptr_guard_mut() }
    }

    /// The memory.
    #[must_use]
    pub fn bytes(&self) -> GuestBytes<'_> {
        // SAFETY: the slice promises memory of its length for its lifetime, valid for reads and writes as
        // long as the guard lives; `self` holds both. `VolatileSlice::new` made its caller promise that
        // all other users of the memory use volatile accesses.
        let bytes = unsafe { GuestBytes::from_raw(self.guard.as_ptr(), self.slice.len()) };
        bytes.with_dirty_log(self, 0)
    }
}

#[cfg(feature = "vm-memory-018")]
impl<B: vm_memory::bitmap::BitmapSlice> DirtyLog for Mapping<'_, B> {
    fn mark_dirty(&self, offset: usize, len: usize) {
        self.slice.bitmap().mark_dirty(offset, len);
    }
}
