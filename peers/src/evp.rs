//! XTS, counter mode, AES-GCM, SHA-384 and signatures of AWS-LC and of OpenSSL, by the C interface that both have (EVP).
//!
//! Used as their callers would at best. XTS: the key schedule is made once; each data unit sets a new tweak value in the
//! same context and passes the unit's bytes. Counter mode the same, with a unit's first counter block. GCM: the key is set up once.
//! AWS-LC has a call for a whole text
//! (`EVP_AEAD_CTX_seal_scatter`, `EVP_AEAD_CTX_open_gather`); in OpenSSL's context each text sets a nonce, passes additional
//! data and text, and asks for the tag or sets it. SHA-384: AWS-LC has a call for a whole message; OpenSSL's would look up
//! the algorithm each time, so that a context keeps it. Signatures: the key is made once; each one is an `EVP_DigestVerify` in a
//! new context.

#![allow(unsafe_code, reason = "C functions")]

use std::ffi::{c_int, c_long};
use std::ptr::{self, NonNull};

/// Which way a cipher runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

/// Declares a type for the ciphers of one library that take a number for each data unit, by the length of their keys: XTS with
/// both keys, AES-128 in counter mode with its one.
macro_rules! units {
    ($(#[$doc:meta])* $name:ident, $library:ident, $($len:literal => $cipher:ident),+) => {
        $(#[$doc])*
        pub(crate) struct $name {
            context: NonNull<$library::EVP_CIPHER_CTX>,
            /// The length of the keys.
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
                // those of the cipher.
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
                // SAFETY: the context is live and has its keys; each cipher reads an iv of 16 bytes and writes as many bytes as
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

units! {
    /// AWS-LC, which has XTS with AES-256 only.
    AwsLc, aws_lc_sys, 16 => EVP_aes_128_ctr, 64 => EVP_aes_256_xts
}

units! {
    /// OpenSSL.
    OpenSsl, openssl_sys, 16 => EVP_aes_128_ctr, 32 => EVP_aes_128_xts, 64 => EVP_aes_256_xts
}

/// AES-256-GCM of AWS-LC.
pub(crate) struct AwsLcGcm(NonNull<aws_lc_sys::EVP_AEAD_CTX>);

// SAFETY: a context belongs to no thread: any one thread at a time may use it.
unsafe impl Send for AwsLcGcm {}

impl AwsLcGcm {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // SAFETY: takes nothing and returns a constant; the key is read only and has as many bytes as are said; the
        // pointer that comes back is owned by the value made here.
        let context = unsafe {
            let aead = aws_lc_sys::EVP_aead_aes_256_gcm();
            aws_lc_sys::EVP_AEAD_CTX_new(aead, key.as_ptr(), key.len(), 16)
        };
        Self(NonNull::new(context).expect("the library takes the key"))
    }

    pub(crate) fn seal(&self, nonce: &[u8; 12], aad: &[u8], text: &mut [u8]) -> [u8; 16] {
        let (mut tag, mut tag_len) = ([0; 16], 0);
        let (memory, len) = (text.as_mut_ptr(), text.len());
        // SAFETY: the context is live; the text is read and written in the same place, as many bytes as it has; the tag's
        // place has the bytes that are said; nonce and additional data are read only; there is no extra input.
        let done = unsafe {
            aws_lc_sys::EVP_AEAD_CTX_seal_scatter(
                self.0.as_ptr(),
                memory,
                tag.as_mut_ptr(),
                &raw mut tag_len,
                tag.len(),
                nonce.as_ptr(),
                nonce.len(),
                memory,
                len,
                ptr::null(),
                0,
                aad.as_ptr(),
                aad.len(),
            )
        };
        assert_eq!((done, tag_len), (1, 16), "the library seals");
        tag
    }

    /// Whether the tag is right.
    pub(crate) fn open(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8; 16],
    ) -> bool {
        let (memory, len) = (text.as_mut_ptr(), text.len());
        // SAFETY: the context is live; the text is read and written in the same place, as many bytes as it has; the rest
        // is read only, as many bytes as are said.
        let done = unsafe {
            aws_lc_sys::EVP_AEAD_CTX_open_gather(
                self.0.as_ptr(),
                memory,
                nonce.as_ptr(),
                nonce.len(),
                memory,
                len,
                tag.as_ptr(),
                tag.len(),
                aad.as_ptr(),
                aad.len(),
            )
        };
        done == 1
    }
}

impl Drop for AwsLcGcm {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `EVP_AEAD_CTX_new` and is given back once.
        unsafe { aws_lc_sys::EVP_AEAD_CTX_free(self.0.as_ptr()) }
    }
}

/// AES-256-GCM of OpenSSL, for one direction.
pub(crate) struct OpenSslGcm {
    context: NonNull<openssl_sys::EVP_CIPHER_CTX>,
    direction: Direction,
}

// SAFETY: a context belongs to no thread: any one thread at a time may use it.
unsafe impl Send for OpenSslGcm {}

impl OpenSslGcm {
    pub(crate) fn new(key: &[u8; 32], direction: Direction) -> Self {
        // SAFETY: takes nothing; the pointer is owned by the value made here.
        let context = unsafe { openssl_sys::EVP_CIPHER_CTX_new() };
        let owned = NonNull::new(context).expect("memory for a context");
        let made = Self { context: owned, direction };
        let encrypt = c_int::from(direction == Direction::Encrypt);
        // SAFETY: the context is live, the cipher is the library's, and it reads 32 bytes of `key`. There is no nonce yet.
        let done = unsafe {
            let (cipher, no_engine) = (openssl_sys::EVP_aes_256_gcm(), ptr::null_mut());
            openssl_sys::EVP_CipherInit_ex(
                context,
                cipher,
                no_engine,
                key.as_ptr(),
                ptr::null(),
                encrypt,
            )
        };
        assert_eq!(done, 1, "the library takes the key");
        made
    }

    pub(crate) fn seal(&mut self, nonce: &[u8; 12], aad: &[u8], text: &mut [u8]) -> [u8; 16] {
        assert!(self.direction == Direction::Encrypt);
        let mut tag = [0; 16];
        assert!(self.pass(nonce, aad, text), "the library seals");
        // SAFETY: the context is live, and has a tag of 16 bytes behind a text.
        let done = unsafe {
            let (context, command) = (self.context.as_ptr(), openssl_sys::EVP_CTRL_GCM_GET_TAG);
            openssl_sys::EVP_CIPHER_CTX_ctrl(context, command, 16, tag.as_mut_ptr().cast())
        };
        assert_eq!(done, 1, "the library has a tag");
        tag
    }

    /// Whether the tag is right.
    pub(crate) fn open(
        &mut self,
        nonce: &[u8; 12],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8; 16],
    ) -> bool {
        assert!(self.direction == Direction::Decrypt);
        let mut tag = *tag;
        // SAFETY: the context is live, and copies the 16 bytes.
        let done = unsafe {
            let (context, command) = (self.context.as_ptr(), openssl_sys::EVP_CTRL_GCM_SET_TAG);
            openssl_sys::EVP_CIPHER_CTX_ctrl(context, command, 16, tag.as_mut_ptr().cast())
        };
        assert_eq!(done, 1, "the library takes a tag");
        self.pass(nonce, aad, text)
    }

    /// Nonce, additional data and text, to the end.
    fn pass(&mut self, nonce: &[u8; 12], aad: &[u8], text: &mut [u8]) -> bool {
        let context = self.context.as_ptr();
        let [aad_len, len] =
            [aad.len(), text.len()].map(|len| c_int::try_from(len).expect("a short text"));
        let (memory, mut written, mut rest) = (text.as_mut_ptr(), 0, 0);
        let mut nothing = [0; 16];
        // SAFETY: the context is live and has its key; it reads a nonce of 12 bytes, the additional data, and reads and
        // writes the text in the same place, as many bytes as are said. The end of GCM writes no byte.
        unsafe {
            openssl_sys::EVP_CipherInit_ex(
                context,
                ptr::null(),
                ptr::null_mut(),
                ptr::null(),
                nonce.as_ptr(),
                -1,
            ) == 1
                && openssl_sys::EVP_CipherUpdate(
                    context,
                    ptr::null_mut(),
                    &raw mut rest,
                    aad.as_ptr(),
                    aad_len,
                ) == 1
                && openssl_sys::EVP_CipherUpdate(context, memory, &raw mut written, memory, len)
                    == 1
                && written == len
                && openssl_sys::EVP_CipherFinal(context, nothing.as_mut_ptr(), &raw mut rest) == 1
        }
    }
}

impl Drop for OpenSslGcm {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `EVP_CIPHER_CTX_new` and is given back once.
        unsafe { openssl_sys::EVP_CIPHER_CTX_free(self.context.as_ptr()) }
    }
}

/// SHA-384 of AWS-LC.
pub(crate) fn aws_lc_sha384(message: &[u8]) -> [u8; 48] {
    let mut digest = [0; 48];
    // SAFETY: reads as many bytes as the message has, and writes the 48 bytes of a digest.
    let done = unsafe { aws_lc_sys::SHA384(message.as_ptr(), message.len(), digest.as_mut_ptr()) };
    assert!(!done.is_null(), "the library hashes");
    digest
}

/// SHA-384 of OpenSSL.
pub(crate) struct OpenSslSha384(NonNull<openssl_sys::EVP_MD_CTX>);

// SAFETY: a context belongs to no thread: any one thread at a time may use it.
unsafe impl Send for OpenSslSha384 {}

impl OpenSslSha384 {
    pub(crate) fn new() -> Self {
        // SAFETY: takes nothing; the pointer is owned by the value made here.
        let context = unsafe { openssl_sys::EVP_MD_CTX_new() };
        let made = Self(NonNull::new(context).expect("memory for a context"));
        // SAFETY: the context is live and the algorithm is the library's.
        let done = unsafe {
            openssl_sys::EVP_DigestInit_ex(context, openssl_sys::EVP_sha384(), ptr::null_mut())
        };
        assert_eq!(done, 1, "the library has SHA-384");
        made
    }

    pub(crate) fn digest(&mut self, message: &[u8]) -> [u8; 48] {
        let (context, mut digest, mut len) = (self.0.as_ptr(), [0; 48], 0);
        // SAFETY: the context is live and has its algorithm, which a null pointer keeps; it reads as many bytes as the
        // message has, and writes the 48 bytes of a digest and their number.
        let done = unsafe {
            openssl_sys::EVP_DigestInit_ex(context, ptr::null(), ptr::null_mut())
                & openssl_sys::EVP_DigestUpdate(context, message.as_ptr().cast(), message.len())
                & openssl_sys::EVP_DigestFinal_ex(context, digest.as_mut_ptr(), &raw mut len)
        };
        assert_eq!((done, len), (1, 48), "the library hashes");
        digest
    }
}

impl Drop for OpenSslSha384 {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `EVP_MD_CTX_new` and is given back once.
        unsafe { openssl_sys::EVP_MD_CTX_free(self.0.as_ptr()) }
    }
}

/// Declares a type for the public keys of one library.
macro_rules! public_key {
    ($(#[$doc:meta])* $name:ident, $library:ident) => {
        $(#[$doc])*
        pub(crate) struct $name(NonNull<$library::EVP_PKEY>);

        // SAFETY: a key belongs to no thread: any one thread at a time may use it.
        unsafe impl Send for $name {}

        impl $name {
            /// A key from the DER of its `SubjectPublicKeyInfo`; `None` if the library does not take it.
            pub(crate) fn from_spki(der: &[u8]) -> Option<Self> {
                let len = c_long::try_from(der.len()).ok()?;
                let mut start = der.as_ptr();
                // SAFETY: reads `len` bytes from `start` on, which are those of `der`; the pointer that it returns is
                // owned by the value made here.
                let key = unsafe { $library::d2i_PUBKEY(ptr::null_mut(), &raw mut start, len) };
                NonNull::new(key).map(Self)
            }

            /// Whether a signature of a message, in DER, is this key's by ECDSA with SHA-384.
            pub(crate) fn verify_ecdsa(&self, message: &[u8], signature: &[u8]) -> bool {
                self.verify(false, message, signature)
            }

            /// Whether a signature of a message is this key's by RSASSA-PSS with SHA-384 and 48 bytes of salt.
            pub(crate) fn verify_pss(&self, message: &[u8], signature: &[u8]) -> bool {
                self.verify(true, message, signature)
            }

            fn verify(&self, pss: bool, message: &[u8], signature: &[u8]) -> bool {
                let mut parameters = ptr::null_mut();
                // SAFETY: the key is live, the context is made here and freed once, and `parameters` belongs to it
                // between. Message and signature are read only, as many bytes as they have.
                unsafe {
                    let context = $library::EVP_MD_CTX_new();
                    assert!(!context.is_null(), "memory for a context");
                    let (sha384, engine) = ($library::EVP_sha384(), ptr::null_mut());
                    let (key, set) = (self.0.as_ptr(), &raw mut parameters);
                    let ready = $library::EVP_DigestVerifyInit(context, set, sha384, engine, key) == 1
                        && (!pss
                            || $library::EVP_PKEY_CTX_set_rsa_padding(
                                parameters,
                                $library::RSA_PKCS1_PSS_PADDING,
                            ) == 1
                                && $library::EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, 48) == 1
                                && $library::EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, sha384) == 1);
                    let authentic = ready
                        && $library::EVP_DigestVerify(
                            context,
                            signature.as_ptr(),
                            signature.len(),
                            message.as_ptr(),
                            message.len(),
                        ) == 1;
                    $library::EVP_MD_CTX_free(context);
                    authentic
                }
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: the pointer came from `d2i_PUBKEY` and is given back once.
                unsafe { $library::EVP_PKEY_free(self.0.as_ptr()) }
            }
        }
    };
}

public_key! {
    /// A public key of AWS-LC.
    AwsLcKey, aws_lc_sys
}

public_key! {
    /// A public key of OpenSSL.
    OpenSslKey, openssl_sys
}
