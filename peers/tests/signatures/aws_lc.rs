//! Signatures of AWS-LC, by its C interface (EVP).

#![allow(unsafe_code, reason = "C functions")]

use std::ffi::{c_int, c_long};
use std::ptr::{self, NonNull};

use aws_lc_sys::{EVP_MD, EVP_PKEY, EVP_PKEY_CTX};

use crate::Hash;

/// A key: of P-384 a public one, of RSA one that also signs.
pub(crate) struct Key(NonNull<EVP_PKEY>);

impl Key {
    /// From the DER of a `SubjectPublicKeyInfo`; `None` if the library does not take it.
    pub(crate) fn from_spki(der: &[u8]) -> Option<Self> {
        let len = c_long::try_from(der.len()).ok()?;
        let mut start = der.as_ptr();
        // SAFETY: reads `len` bytes from `start` on, which are those of `der`; the pointer that it returns is owned by the
        // value made here.
        let key = unsafe { aws_lc_sys::d2i_PUBKEY(ptr::null_mut(), &raw mut start, len) };
        NonNull::new(key).map(Self)
    }

    /// A new RSA key with the exponent 65537, by the library's random numbers.
    pub(crate) fn rsa(bits: c_int) -> Self {
        let mut key = ptr::null_mut();
        // SAFETY: the context is made here and freed once; the key that it makes is owned by the value made here.
        unsafe {
            let context =
                aws_lc_sys::EVP_PKEY_CTX_new_id(aws_lc_sys::EVP_PKEY_RSA, ptr::null_mut());
            assert!(!context.is_null(), "memory for a context");
            let done = aws_lc_sys::EVP_PKEY_keygen_init(context) == 1
                && aws_lc_sys::EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits) == 1
                && aws_lc_sys::EVP_PKEY_keygen(context, &raw mut key) == 1;
            aws_lc_sys::EVP_PKEY_CTX_free(context);
            assert!(done, "the library makes a key");
        }
        Self(NonNull::new(key).expect("a key"))
    }

    /// The DER of its `SubjectPublicKeyInfo`.
    pub(crate) fn spki(&self) -> Vec<u8> {
        // SAFETY: the key is live; without a place to write to, the length is returned.
        let len = unsafe { aws_lc_sys::i2d_PUBKEY(self.0.as_ptr(), ptr::null_mut()) };
        let mut der = vec![0; usize::try_from(len).expect("a length")];
        let mut place = der.as_mut_ptr();
        // SAFETY: the key is live; as many bytes are written as were announced.
        let written = unsafe { aws_lc_sys::i2d_PUBKEY(self.0.as_ptr(), &raw mut place) };
        assert_eq!(written, len);
        der
    }

    /// Whether a signature of a digest, in DER, is this key's by ECDSA.
    pub(crate) fn verify_digest(&self, digest: &[u8; 48], signature: &[u8]) -> bool {
        // SAFETY: the key is live, and the context made here and freed once. Digest and signature are read only, as many
        // bytes as they have.
        unsafe {
            let context = aws_lc_sys::EVP_PKEY_CTX_new(self.0.as_ptr(), ptr::null_mut());
            assert!(!context.is_null(), "memory for a context");
            assert_eq!(aws_lc_sys::EVP_PKEY_verify_init(context), 1, "the library is ready");
            let (start, len) = (signature.as_ptr(), signature.len());
            let found =
                aws_lc_sys::EVP_PKEY_verify(context, start, len, digest.as_ptr(), digest.len());
            aws_lc_sys::EVP_PKEY_CTX_free(context);
            found == 1
        }
    }

    /// The signature of a message by RSASSA-PSS, with one hash function and so many random bytes of salt.
    pub(crate) fn sign_pss(&self, hash: Hash, salt_len: c_int, message: &[u8]) -> Vec<u8> {
        let (mut signature, mut len) = (vec![0; 512], 512);
        let mut parameters = ptr::null_mut();
        // SAFETY: the key is live, the context made here and freed once, and `parameters` belongs to it between. The message
        // is read only, as many bytes as it has; the signature's place has as many as are said.
        let done = unsafe {
            let context = aws_lc_sys::EVP_MD_CTX_new();
            assert!(!context.is_null(), "memory for a context");
            let (function, engine, key) = (evp(hash), ptr::null_mut(), self.0.as_ptr());
            let set = &raw mut parameters;
            let (message, message_len) = (message.as_ptr(), message.len());
            let place = signature.as_mut_ptr();
            let done = aws_lc_sys::EVP_DigestSignInit(context, set, function, engine, key) == 1
                && set_pss(parameters, hash, salt_len)
                && aws_lc_sys::EVP_DigestSign(context, place, &raw mut len, message, message_len)
                    == 1;
            aws_lc_sys::EVP_MD_CTX_free(context);
            done
        };
        assert!(done, "the library signs");
        signature.truncate(len);
        signature
    }

    /// Whether a signature of a message is this key's by RSASSA-PSS, with one hash function and as many bytes of salt as it gives.
    pub(crate) fn verify_pss(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let mut parameters = ptr::null_mut();
        // SAFETY: as in `sign_pss`; the signature is read only, as many bytes as it has.
        unsafe {
            let context = aws_lc_sys::EVP_MD_CTX_new();
            assert!(!context.is_null(), "memory for a context");
            let (function, engine, key) = (evp(hash), ptr::null_mut(), self.0.as_ptr());
            let set = &raw mut parameters;
            let ready = aws_lc_sys::EVP_DigestVerifyInit(context, set, function, engine, key) == 1
                && set_pss(parameters, hash, c_int::from(hash.len()));
            assert!(ready, "the library is ready");
            let found = aws_lc_sys::EVP_DigestVerify(
                context,
                signature.as_ptr(),
                signature.len(),
                message.as_ptr(),
                message.len(),
            );
            aws_lc_sys::EVP_MD_CTX_free(context);
            found == 1
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the library, and is given back once.
        unsafe { aws_lc_sys::EVP_PKEY_free(self.0.as_ptr()) }
    }
}

fn evp(hash: Hash) -> *const EVP_MD {
    // SAFETY: they take nothing and return constants.
    unsafe {
        match hash {
            Hash::Sha256 => aws_lc_sys::EVP_sha256(),
            Hash::Sha384 => aws_lc_sys::EVP_sha384(),
        }
    }
}

/// # Safety
/// The parameters are those of a live context.
unsafe fn set_pss(parameters: *mut EVP_PKEY_CTX, hash: Hash, salt_len: c_int) -> bool {
    let padding = aws_lc_sys::RSA_PKCS1_PSS_PADDING;
    // SAFETY: the context is live, as the caller promises.
    unsafe {
        aws_lc_sys::EVP_PKEY_CTX_set_rsa_padding(parameters, padding) == 1
            && aws_lc_sys::EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt_len) == 1
            && aws_lc_sys::EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, evp(hash)) == 1
    }
}
