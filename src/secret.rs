//! Secrets as types, and what is told of them.

use core::hint::black_box;

use subtle::Choice;

/// Declares a secret of a fixed length: wiped on drop, not printed, not cloned.
macro_rules! secret {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        pub struct $name($crate::wipe::Wiped<[u8; $len]>);

        impl $name {
            /// A copy of these bytes.
            #[must_use]
            pub fn new(bytes: &[u8; $len]) -> Self {
                Self($crate::wipe::Wiped::new(*bytes))
            }

            /// Its bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

pub(crate) use secret;

/// Whether two values are equal, where everyone is told. Not inlined, and nothing else is in here: the one branch on what was
/// compared has a place that `.ci/constant-time` knows. Black boxes, as compilers would make no branch of it, but leave it to
/// callers.
#[inline(never)]
pub(crate) fn tell(are_equal: Choice) -> bool {
    if are_equal.into() { black_box(true) } else { black_box(false) }
}
