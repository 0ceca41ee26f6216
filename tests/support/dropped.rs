//! What stays of a value where it was dropped.

#![allow(unsafe_code, reason = "tests/support/dropped.rs is a listed unsafe file")]

use std::mem::{ManuallyDrop, MaybeUninit};

/// Drops a value in place and returns the bytes that its place held before and holds after.
pub(crate) fn dropped<T>(value: T) -> (Vec<u8>, Vec<u8>) {
    let mut place = ManuallyDrop::new(value);
    let bytes = |place: &ManuallyDrop<T>| -> Vec<u8> {
        let start = (&raw const *place).cast::<MaybeUninit<u8>>();
        // SAFETY: the place is valid for reads of its size; `MaybeUninit<u8>` may be padding. Reading the
        // bytes as numbers is what a debugger does: the volatile read keeps the compiler from knowing them.
        (0..size_of::<T>()).map(|i| unsafe { start.add(i).cast::<u8>().read_volatile() }).collect()
    };
    let before = bytes(&place);
    // SAFETY: dropped once, and not used as a `T` afterwards.
    unsafe { ManuallyDrop::drop(&mut place) };
    (before, bytes(&place))
}

/// The longest stretch of `part` that stands in `memory`.
pub(crate) fn longest_stretch(memory: &[u8], part: &[u8]) -> usize {
    (0..=part.len())
        .rev()
        .find(|&len| {
            part.windows(len.max(1)).any(|w| len > 0 && memory.windows(len).any(|m| m == w))
        })
        .unwrap_or(0)
}
