//! AES-CTR as AMD's legacy packets use it: session keys, secrets and pages of SEV and SEV-ES (AMD 55766).

use core::fmt;

use crate::addr::Block;
use crate::aes::AesKey;
use crate::cpu::Backend;
use crate::kernel::Source;
use crate::key::{Key, KeySize};

/// An AES key for counter mode (NIST SP 800-38A, section 6.5), set up for one backend. Wiped on drop; cannot be printed or
/// copied.
///
/// A packet's IV is the whole first counter block. The next one is one more, as a big-endian number of 128 bits: past its
/// end comes zero. A counter block must never be used twice with one key, and counter mode by itself finds no change:
/// AMD's packets carry an HMAC.
///
/// ```
/// use sevcrypt::Backend;
/// use sevcrypt::ctr::CtrKey;
///
/// let key = CtrKey::new(&[7; 16], Backend::best());
/// let mut secret = *b"the disk's password";
/// key.apply(&[1; 16], &mut secret);
/// assert_ne!(&secret, b"the disk's password");
/// key.apply(&[1; 16], &mut secret); // there and back are the same
/// assert_eq!(&secret, b"the disk's password");
/// ```
pub struct CtrKey(AesKey);

impl CtrKey {
    /// Sets up a key: AES-128 for the legacy formats.
    #[must_use]
    pub fn new<'k>(key: impl Into<Key<'k>>, backend: Backend) -> Self {
        Self(AesKey::new(key.into(), backend))
    }

    /// Which AES the key is for.
    #[must_use]
    pub fn size(&self) -> KeySize {
        self.0.size()
    }

    /// The backend that the key was set up for.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.0.backend()
    }

    /// Enciphers or deciphers data of any length in its place, from a first counter block on.
    pub fn apply(&self, first: &Block, data: &mut [u8]) {
        self.0.ctr(first, Source::Same, data);
    }

    /// The same from one buffer to another of the same length, in which no byte of the text stands before.
    ///
    /// # Panics
    /// If they have not the same length: callers check that.
    pub(crate) fn apply_to(&self, first: &Block, text: &[u8], out: &mut [u8]) {
        assert!(text.len() == out.len(), "two buffers of one length");
        self.0.ctr(first, Source::Other(text), out);
    }
}

impl fmt::Debug for CtrKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CtrKey({:?}, {:?}, ..)", self.size(), self.backend())
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn hex(digits: &str) -> Vec<u8> {
        base16ct::lower::decode_vec(digits).expect("hexadecimal digits")
    }

    fn key(bytes: &[u8], backend: Backend) -> CtrKey {
        match (bytes.try_into(), bytes.try_into()) {
            (Ok(short), _) => CtrKey::new(Key::Aes128(short), backend),
            (_, Ok(long)) => CtrKey::new(Key::Aes256(long), backend),
            _ => panic!("{} bytes", bytes.len()),
        }
    }

    /// NIST SP 800-38A, F.5.1 and F.5.5, in every length.
    #[test]
    fn sp_800_38a() {
        let plain = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
             30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
        let first = core::array::from_fn(|i| 0xf0 + i as u8);
        for (bytes, cipher) in [
            (
                "2b7e151628aed2a6abf7158809cf4f3c",
                "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff\
                 5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
            ),
            (
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
                 2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
            ),
        ] {
            for backend in Backend::available() {
                let key = key(&hex(bytes), backend);
                for len in 0..=plain.len() {
                    let mut text = plain.clone();
                    key.apply(&first, &mut text[..len]);
                    assert_eq!(text[..len], hex(cipher)[..len], "{backend}, {len} bytes");
                    assert_eq!(text[len..], plain[len..], "what is not named stays");
                }
            }
        }
    }

    /// Computed by another implementation, in Python.
    #[test]
    fn the_counter_wraps_around() {
        let cipher = hex("65f8d84b128160f406a2545e27373811e8ada5b51bee169132d263250cac3a86");
        for backend in Backend::available() {
            let key = key(&hex("2a2abbf56865b3a2c890b53bda11609a"), backend);
            let mut text = [0; 32];
            key.apply(&[0xff; 16], &mut text);
            assert_eq!(text, cipher[..], "{backend}");
        }
    }

    /// Lengths on both sides of blocks, lines, groups, pages and lists of pages; counters that carry out of their low 32
    /// and 64 bits and wrap around; data at every offset from a line.
    #[test]
    fn every_backend_is_the_definition() {
        let bytes: Vec<u8> = (0..40_000_usize).map(|i| (i % 251) as u8).collect();
        let ends = [0, u128::from(u32::MAX), u128::from(u64::MAX), u128::MAX, 1 << 100];
        let firsts =
            ends.iter().flat_map(|end| [*end, end.wrapping_sub(20), end.wrapping_sub(300)]);
        let lens = (0..=300).step_by(7).chain([1023, 1024, 1040, 4096, 4097, 8192, 33_000, 36_864]);
        for (n, (first, len)) in
            firsts.flat_map(|first| lens.clone().map(move |len| (first, len))).enumerate()
        {
            for raw in [&[0x3c; 16][..], &[0x3c; 32]] {
                let crypted = |backend| {
                    let mut text = bytes.clone();
                    let at = n % 64;
                    key(raw, backend).apply(&first.to_be_bytes(), &mut text[at..at + len]);
                    text
                };
                let at = n % 64;
                let to = |backend| {
                    let mut out = bytes.clone();
                    out[at..at + len].fill(0xee);
                    let text = &bytes[at..at + len];
                    key(raw, backend).apply_to(&first.to_be_bytes(), text, &mut out[at..at + len]);
                    out
                };
                let wanted = crypted(Backend::portable());
                assert_eq!(wanted[at + len..], bytes[at + len..], "what is not named stays");
                for backend in Backend::available() {
                    assert!(crypted(backend) == wanted, "{backend}, from {first:#x}, {len} bytes");
                    assert!(
                        to(backend) == wanted,
                        "{backend}, from {first:#x}, {len} bytes, elsewhere"
                    );
                }
            }
        }
    }

    /// The definition is AES of each counter block alone.
    #[test]
    fn block_by_block() {
        let first = u128::MAX - 20;
        let plain = [0x5a; 1000];
        let mut whole = plain;
        let key = key(&[0x3c; 32], Backend::portable());
        key.apply(&first.to_be_bytes(), &mut whole);
        let mut by_blocks = plain;
        for (i, block) in by_blocks.chunks_mut(16).enumerate() {
            key.apply(&first.wrapping_add(i as u128).to_be_bytes(), block);
        }
        assert_eq!(whole, by_blocks);
    }
}
