//! The memory controller.

use crate::mem::GuestBytes;

/// Memory.
pub trait Dram: Send + Sync {
    /// All of it.
    fn bytes(&self) -> GuestBytes<'_>;
}

/// Memory on the heap.
pub struct HeapDram;

impl Dram for HeapDram {
    fn bytes(&self) -> GuestBytes<'_> {
        todo!()
    }
}

/// The memory controller.
pub struct MemoryController<D: Dram = HeapDram>(#[allow(dead_code, reason = "a sketch")] D);
