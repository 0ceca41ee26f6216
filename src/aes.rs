//! AES keys and block operations, for every backend.

use ::aes::cipher::consts::U16;
use ::aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use ::aes::{Aes128, Aes256};

use crate::addr::Block;
use crate::cpu::{Backend, Isa, Token};
use crate::kernel::{self, Direction, RoundKeys, Source};
use crate::key::{Key, KeySize};
use crate::wipe::Wiped;

/// An AES key set up for one backend. Wiped on drop, padding included; cannot be printed or copied.
pub(crate) struct AesKey {
    schedule: Wiped<Schedule>,
    size: KeySize,
    backend: Backend,
}

/// What a backend keeps of a key.
#[allow(clippy::large_enum_variant, reason = "without kernels there is only one")]
pub(crate) enum Schedule {
    Portable(Portable),
    Kernels(Isa, RoundKeys),
}

/// The block cipher of the `aes` crate: fixsliced, table-free code, or the CPU's AES instructions.
pub(crate) enum Portable {
    Aes128(Aes128),
    Aes256(Aes256),
}

impl AesKey {
    // To be inlined: each move of a key costs time and leaves a copy.
    #[inline]
    pub(crate) fn new(key: Key<'_>, backend: Backend) -> Self {
        let schedule = Schedule::new(key, backend);
        Self { schedule: Wiped::new(schedule), size: key.size(), backend }
    }

    pub(crate) fn size(&self) -> KeySize {
        self.size
    }

    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    pub(crate) fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Enciphers each block alone.
    #[inline]
    pub(crate) fn encrypt_blocks(&self, data: &mut [Block]) {
        match &*self.schedule {
            Schedule::Portable(cipher) => cipher.crypt_blocks(Direction::Encrypt, data),
            Schedule::Kernels(isa, keys) => kernel::encrypt_blocks(*isa, keys.to_encrypt(), data),
        }
    }

    /// Enciphers or deciphers in counter mode (NIST SP 800-38A, section 6.5), from `source` to `data`, which have the same
    /// length. `first` is the first counter block, and the next one is one more as a big-endian number of 128 bits that wraps
    /// around.
    pub(crate) fn ctr(&self, first: &Block, source: Source<'_>, data: &mut [u8]) {
        let counter = u128::from_be_bytes(*first);
        let (blocks, rest) = data.as_chunks_mut();
        let (whole, part) = source.split_at(blocks.as_flattened().len());
        match &*self.schedule {
            Schedule::Portable(cipher) => cipher.ctr(counter, whole, blocks),
            Schedule::Kernels(isa, keys) => {
                kernel::ctr(*isa, keys.to_encrypt(), counter, whole, blocks);
            }
        }
        if !rest.is_empty() {
            let mut last = Wiped::new([(counter.wrapping_add(blocks.len() as u128)).to_be_bytes()]);
            self.encrypt_blocks(&mut *last);
            part.add(last.as_flattened(), rest);
        }
    }
}

impl Schedule {
    /// Holds a secret: wrap it in [`Wiped`].
    #[inline]
    pub(crate) fn new(key: Key<'_>, backend: Backend) -> Self {
        match backend.0 {
            Token::Portable => Self::Portable(Portable::new(key)),
            Token::Kernels(isa) => Self::Kernels(isa, RoundKeys::new(isa, key)),
        }
    }
}

impl Portable {
    /// Holds a secret: wrap it in [`Wiped`].
    pub(crate) fn new(key: Key<'_>) -> Self {
        match key {
            Key::Aes128(key) => Self::Aes128(Aes128::new(key.into())),
            Key::Aes256(key) => Self::Aes256(Aes256::new(key.into())),
        }
    }

    pub(crate) fn size(&self) -> KeySize {
        match self {
            Self::Aes128(_) => KeySize::Aes128,
            Self::Aes256(_) => KeySize::Aes256,
        }
    }

    /// The definition of counter mode.
    fn ctr(&self, mut counter: u128, source: Source<'_>, data: &mut [Block]) {
        /// So many keep the cipher's widest code busy.
        const BLOCKS: usize = 16;
        let mut stream = Wiped::new([[0; 16]; BLOCKS]);
        for (n, part) in data.chunks_mut(BLOCKS).enumerate() {
            let stream = &mut stream[..part.len()];
            for block in &mut *stream {
                *block = counter.to_be_bytes();
                counter = counter.wrapping_add(1);
            }
            self.crypt_blocks(Direction::Encrypt, stream);
            let (_, source) = source.split_at(n * BLOCKS * 16);
            source
                .split_at(part.as_flattened().len())
                .0
                .add(stream.as_flattened(), part.as_flattened_mut());
        }
    }

    /// Enciphers or deciphers each block alone.
    pub(crate) fn crypt_blocks(&self, direction: Direction, data: &mut [Block]) {
        let data = Array::cast_slice_from_core_mut(data);
        match (self, direction) {
            (Self::Aes128(cipher), Direction::Encrypt) => encrypt(cipher, data),
            (Self::Aes128(cipher), Direction::Decrypt) => decrypt(cipher, data),
            (Self::Aes256(cipher), Direction::Encrypt) => encrypt(cipher, data),
            (Self::Aes256(cipher), Direction::Decrypt) => decrypt(cipher, data),
        }
    }
}

// Not inlined: each cipher's own loop takes much of the stack, and all together more than a guest's firmware has.

#[inline(never)]
fn encrypt(cipher: &impl BlockCipherEncrypt<BlockSize = U16>, data: &mut [Array<u8, U16>]) {
    match data {
        // Many blocks at a time take broadcast copies of all round keys.
        [block] => encrypt_one(cipher, block),
        data => encrypt_many(cipher, data),
    }
}

#[inline(never)]
fn encrypt_one(cipher: &impl BlockCipherEncrypt<BlockSize = U16>, block: &mut Array<u8, U16>) {
    cipher.encrypt_block(block);
}

#[inline(never)]
fn encrypt_many(cipher: &impl BlockCipherEncrypt<BlockSize = U16>, data: &mut [Array<u8, U16>]) {
    cipher.encrypt_blocks(data);
}

#[inline(never)]
fn decrypt(cipher: &impl BlockCipherDecrypt<BlockSize = U16>, data: &mut [Array<u8, U16>]) {
    cipher.decrypt_blocks(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 197, appendix C.1 and C.3: 128 and 256 bits.
    #[test]
    fn fips_197() {
        let key: [u8; 32] = core::array::from_fn(|i| i as u8);
        let plain: Block = core::array::from_fn(|i| (0x11 * i) as u8);
        let answers = [
            (Key::Aes128(key.first_chunk().unwrap()), 0x69c4e0d86a7b0430d8cdb78070b4c55a_u128),
            (Key::Aes256(&key), 0x8ea2b7ca516745bfeafc49904b496089),
        ];
        for backend in Backend::available() {
            for (key, answer) in answers {
                let mut block = [plain];
                AesKey::new(key, backend).encrypt_blocks(&mut block);
                assert_eq!(block, [answer.to_be_bytes()], "{backend}, {key:?}");
            }
        }
    }

    /// Keys whose schedules carry through every byte, and counts on both sides of the kernels' groups.
    #[test]
    fn every_backend_enciphers_alike() {
        for seed in 0..64u8 {
            let key: [u8; 32] =
                core::array::from_fn(|i| seed.wrapping_mul(37).wrapping_add((29 * i) as u8));
            let blocks: [Block; 19] =
                core::array::from_fn(|n| core::array::from_fn(|i| (n * 16 + i) as u8 ^ seed));
            for key in [Key::Aes128(key.first_chunk().unwrap()), Key::Aes256(&key)] {
                for count in 0..blocks.len() {
                    let enciphered = |backend| {
                        let mut data = blocks;
                        AesKey::new(key, backend).encrypt_blocks(&mut data[..count]);
                        data
                    };
                    let portable = enciphered(Backend::portable());
                    assert_eq!(portable[count..], blocks[count..], "what is not named stays");
                    for backend in Backend::available() {
                        assert_eq!(enciphered(backend), portable, "{backend}, {count} blocks");
                    }
                }
            }
        }
    }
}
