//! XTS of AWS-LC and of OpenSSL, by the C interface that both have (EVP).
//!
//! Used as their callers would at best: the key schedule is made once; each data unit sets a new tweak value in the same
//! context and passes the unit's bytes.

#![allow(unsafe_code, reason = "C functions")]

use std::ffi::c_int;
use std::ptr::{self, NonNull};

/// Which way a cipher runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

/// Declares a type for the XTS of one library, with its cipher for each length of the two keys together.
macro_rules! xts {
    ($(#[$doc:meta])* $name:ident, $library:ident, $($len:literal => $cipher:ident),+) => {
        $(#[$doc])*
        pub(crate) struct $name {
            context: NonNull<$library::EVP_CIPHER_CTX>,
            /// The length of the two keys.
            len: usize,
        }

        // SAFETY: a context belongs to no thread: any one thread at a time may use it.
        unsafe impl Send for $name {}

        impl $name {
            /// A context with its keys, data key first; `None` if the library lacks the size.
            pub(crate) fn new(keys: &[u8], direction: Direction) -> Option<Self> {
                let len = keys.len();
                let cipher = match len {
                    $(
                        // SAFETY: takes nothing and returns a constant.
                        $len => unsafe { $library::$cipher() },
                    )+
                    _ => return None,
                };
                // SAFETY: takes nothing; the pointer is owned by the value made here.
                let context = unsafe { $library::EVP_CIPHER_CTX_new() };
                let owned = NonNull::new(context).expect("memory for a context");
                let made = Self { context: owned, len };
                let encrypt = c_int::from(direction == Direction::Encrypt);
                let no_iv = ptr::null();
                // SAFETY: the context is live, the cipher is the library's, and `keys` has as many bytes as it reads:
                // two keys of the cipher's size.
                let done = unsafe {
                    $library::EVP_CipherInit_ex(context, cipher, ptr::null_mut(), keys.as_ptr(), no_iv, encrypt)
                };
                assert_eq!(done, 1, "the library takes the keys");
                Some(made)
            }

            /// Replaces the keys by others of the same size.
            pub(crate) fn rekey(&mut self, keys: &[u8]) {
                assert_eq!(keys.len(), self.len);
                // SAFETY: the context is live and has its cipher; `keys` has as many bytes as it reads. -1 keeps the
                // direction.
                let done = unsafe {
                    let (context, no_iv) = (self.context.as_ptr(), ptr::null());
                    $library::EVP_CipherInit_ex(context, ptr::null(), ptr::null_mut(), keys.as_ptr(), no_iv, -1)
                };
                assert_eq!(done, 1, "the library takes the keys");
            }

            /// Encrypts or decrypts one data unit in place.
            pub(crate) fn unit(&mut self, number: u128, unit: &mut [u8]) {
                let (context, iv) = (self.context.as_ptr(), number.to_le_bytes());
                let len = c_int::try_from(unit.len()).expect("a unit is short");
                let (memory, mut written) = (unit.as_mut_ptr(), 0);
                // SAFETY: the context is live and has its keys; XTS reads an iv of 16 bytes and writes as many bytes as
                // it reads, here to the same place.
                let done = unsafe {
                    $library::EVP_CipherInit_ex(
                        context, ptr::null(), ptr::null_mut(), ptr::null(), iv.as_ptr(), -1,
                    ) & $library::EVP_CipherUpdate(context, memory, &raw mut written, memory, len)
                };
                assert_eq!((done, written), (1, len), "the library does the unit");
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: the pointer came from `EVP_CIPHER_CTX_new` and is given back once.
                unsafe { $library::EVP_CIPHER_CTX_free(self.context.as_ptr()) }
            }
        }
    };
}

xts! {
    /// AWS-LC, which has XTS with AES-256 only.
    AwsLc, aws_lc_sys, 64 => EVP_aes_256_xts
}

xts! {
    /// OpenSSL.
    OpenSsl, openssl_sys, 32 => EVP_aes_128_xts, 64 => EVP_aes_256_xts
}
