//! AES-GCM through its public interface: every backend that this CPU has, both kinds of key, both sizes of AES.

#![allow(missing_docs, reason = "tests")]

mod differential;
#[path = "../support/dropped.rs"]
mod dropped;
mod known_answers;
mod refusals;
mod secrets;

use sevcrypt::gcm::{GcmError, GcmKey, MessageKey, Nonce, PageKey, Tag};
use sevcrypt::{Backend, Key};

/// The functions of a key, for whatever number of powers.
trait Gcm {
    fn seal_in_place(&self, nonce: &Nonce, aad: &[u8], text: &mut [u8]) -> Result<Tag, GcmError>;
    fn seal(&self, nonce: &Nonce, aad: &[u8], text: &[u8], to: &mut [u8]) -> Result<Tag, GcmError>;
    fn open_in_place(
        &self,
        nonce: &Nonce,
        aad: &[u8],
        text: &mut [u8],
        tag: &Tag,
    ) -> Result<(), GcmError>;
    fn open(
        &self,
        nonce: &Nonce,
        aad: &[u8],
        ciphertext: &[u8],
        to: &mut [u8],
        tag: &Tag,
    ) -> Result<(), GcmError>;
}

impl<const POWERS: usize> Gcm for GcmKey<POWERS> {
    fn seal_in_place(&self, nonce: &Nonce, aad: &[u8], text: &mut [u8]) -> Result<Tag, GcmError> {
        self.seal_in_place(nonce, aad, text)
    }

    fn seal(&self, nonce: &Nonce, aad: &[u8], text: &[u8], to: &mut [u8]) -> Result<Tag, GcmError> {
        self.seal(nonce, aad, text, to)
    }

    fn open_in_place(
        &self,
        nonce: &Nonce,
        aad: &[u8],
        text: &mut [u8],
        tag: &Tag,
    ) -> Result<(), GcmError> {
        self.open_in_place(nonce, aad, text, tag)
    }

    fn open(
        &self,
        nonce: &Nonce,
        aad: &[u8],
        ciphertext: &[u8],
        to: &mut [u8],
        tag: &Tag,
    ) -> Result<(), GcmError> {
        self.open(nonce, aad, ciphertext, to, tag)
    }
}

/// A key of each kind on each backend, with what to call it where it fails.
fn every_key(key: &[u8]) -> Vec<(String, Box<dyn Gcm>)> {
    let key = match key.len() {
        16 => Key::Aes128(key.try_into().unwrap()),
        _ => Key::Aes256(key.try_into().expect("16 or 32 bytes")),
    };
    let mut keys: Vec<(String, Box<dyn Gcm>)> = Vec::new();
    for backend in Backend::available() {
        let name = |kind| format!("{kind}, {:?}, {backend}", key.size());
        keys.push((name("MessageKey"), Box::new(MessageKey::new(key, backend))));
        keys.push((name("PageKey"), Box::new(PageKey::new(key, backend))));
    }
    keys
}

/// Bytes that show swapped blocks; those of another seed are others.
fn painted(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|i| ((i + 7 * seed) % 251) as u8).collect()
}

#[test]
fn keys_tell_what_they_are() {
    use sevcrypt::KeySize;
    for backend in Backend::available() {
        let message = MessageKey::new(&[1; 16], backend);
        assert_eq!((message.size(), message.backend()), (KeySize::Aes128, backend));
        let page = PageKey::new(&[1; 32], backend);
        assert_eq!((page.size(), page.backend()), (KeySize::Aes256, backend));
    }
}
