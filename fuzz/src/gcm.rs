//! AES-GCM against the crate `aes-gcm`: sealed alike, opened again, and refused with a changed bit.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use sevcrypt::gcm::{GcmError, GcmKey, MessageKey, Nonce, PageKey, Tag};
use sevcrypt::{Backend, Key};

/// A nonce of twelve bytes, a key of 32, the length of additional data, a bit to change, a word of flags; then additional
/// data and text, which is repeated up to the length that the flags tell.
pub fn gcm(data: &[u8]) {
    let Some((nonce, rest)) = data.split_first_chunk::<12>() else { return };
    let Some((key, rest)) = rest.split_first_chunk::<32>() else { return };
    let Some(([aad_len, low, high, flags], rest)) = rest.split_first_chunk::<4>() else { return };
    let (aad, text) = rest.split_at(rest.len().min(usize::from(*aad_len)));
    let bit = usize::from(u16::from_le_bytes([*low, *high]));
    // Long texts without long inputs.
    let text = text.repeat(1 + usize::from(flags >> 2));
    let case = Case { nonce, aad, text: &text, bit };
    if flags & 1 == 0 {
        let reference = Aes256Gcm::new(key.into());
        case.check(Key::Aes256(key), flags & 2 != 0, &case.seal(&reference));
    } else {
        let key = key.first_chunk::<16>().expect("a key is longer");
        case.check(Key::Aes128(key), flags & 2 != 0, &case.seal(&Aes128Gcm::new(key.into())));
    }
}

struct Case<'a> {
    nonce: &'a Nonce,
    aad: &'a [u8],
    text: &'a [u8],
    bit: usize,
}

impl Case<'_> {
    /// What the other crate makes.
    fn seal<A>(&self, aead: &A) -> (Vec<u8>, Tag)
    where
        A: AeadInOut<NonceSize = aes_gcm::aead::consts::U12, TagSize = aes_gcm::aead::consts::U16>,
    {
        let mut text = self.text.to_vec();
        let buffer = text.as_mut_slice().into();
        let tag = aead.encrypt_inout_detached(self.nonce.into(), self.aad, buffer);
        (text, tag.expect("a short text").into())
    }

    fn check(&self, key: Key<'_>, page: bool, expected: &(Vec<u8>, Tag)) {
        for backend in Backend::available() {
            if page {
                self.check_key(&PageKey::new(key, backend), expected);
            } else {
                self.check_key(&MessageKey::new(key, backend), expected);
            }
        }
    }

    fn check_key<const POWERS: usize>(
        &self,
        key: &GcmKey<POWERS>,
        (ciphertext, tag): &(Vec<u8>, Tag),
    ) {
        let Self { nonce, aad, text, .. } = *self;
        let backend = key.backend();
        let mut bytes = vec![0xee; text.len()];
        assert_eq!(key.seal(nonce, aad, text, &mut bytes).as_ref(), Ok(tag), "{backend}");
        assert!(&bytes == ciphertext, "{backend}: ciphertext");
        assert_eq!(key.open_in_place(nonce, aad, &mut bytes, tag), Ok(()), "{backend}");
        assert!(bytes == text, "{backend}: text");

        // One bit of tag, nonce, additional data or ciphertext.
        let mut parts = [tag, &nonce[..], aad, ciphertext].concat();
        let bit = self.bit % (8 * parts.len());
        parts[bit / 8] ^= 1 << (bit % 8);
        let (tag, rest) = parts.split_first_chunk().expect("a tag stands there");
        let (nonce, rest) = rest.split_first_chunk().expect("a nonce stands there");
        let (aad, ciphertext) = rest.split_at(aad.len());
        let opened = key.open(nonce, aad, ciphertext, &mut bytes, tag);
        assert_eq!(opened, Err(GcmError::Tag), "{backend}: bit {bit}");
        assert!(bytes.iter().all(|byte| *byte == 0), "{backend}: something was let go");
    }
}
