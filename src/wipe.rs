//! Erasing keys: the third room in which `unsafe` may stand.

use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

/// A value that holds a secret. When it is dropped, its destructor runs and then every byte of its
/// place is overwritten, padding and unused enum variants included.
///
/// A value that is *moved* leaves its bytes behind in its old place, as every Rust value does; the old
/// place is not erased.
///
/// Arrays of this crate's own are wrapped in it, and erased as slices (`bytes[..].zeroize()`): `Zeroize` of an array, which is what
/// `Zeroizing` calls, writes byte after byte.
pub(crate) struct Wiped<T>(ManuallyDrop<T>);

impl<T> Wiped<T> {
    pub(crate) const fn new(secret: T) -> Self {
        Self(ManuallyDrop::new(secret))
    }
}

impl<T> Deref for Wiped<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Wiped<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> Drop for Wiped<T> {
    #[allow(unsafe_code, reason = "src/wipe.rs is a listed unsafe file")]
    fn drop(&mut self) {
        // SAFETY: `drop` runs at most once and nothing reads `self.0` afterwards: `Wiped` hands out
        // references only, whose borrows have ended, and its own fields have no destructor left to run.
        unsafe { ManuallyDrop::drop(&mut self.0) };
        // SAFETY: `&mut self.0` is valid for writes of `size_of::<ManuallyDrop<T>>()` bytes. The value in
        // it has been dropped and is never used as a `T` again, so zeroes need not be a valid `T`.
        unsafe { zeroize::zeroize_flat_type(&raw mut self.0) };
    }
}
