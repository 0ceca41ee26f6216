//! AES keys and block operations, for every backend.

use core::fmt;

use ::aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use ::aes::{Aes128, Aes256};

use crate::addr::Block;
use crate::cpu::{AesNi, Backend, Token};
use crate::kernel::{self, Direction, RoundKeys};
use crate::wipe::Wiped;

/// The raw bytes of an AES key, borrowed from the caller.
///
/// ```
/// use sevcrypt::{Key, KeySize};
///
/// let key = Key::from(&[0x42; 32]);
/// assert_eq!(key.size(), KeySize::Aes256);
/// assert_eq!(format!("{key:?}"), "Key(Aes256, ..)"); // never its bytes
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Key<'a> {
    /// 16 bytes.
    Aes128(&'a [u8; 16]),
    /// 32 bytes.
    Aes256(&'a [u8; 32]),
}

impl<'a> Key<'a> {
    /// Which AES the key is for.
    #[must_use]
    pub const fn size(&self) -> KeySize {
        match self {
            Self::Aes128(_) => KeySize::Aes128,
            Self::Aes256(_) => KeySize::Aes256,
        }
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Aes128(key) => *key,
            Self::Aes256(key) => *key,
        }
    }
}

impl<'a> From<&'a [u8; 16]> for Key<'a> {
    fn from(key: &'a [u8; 16]) -> Self {
        Self::Aes128(key)
    }
}

impl<'a> From<&'a [u8; 32]> for Key<'a> {
    fn from(key: &'a [u8; 32]) -> Self {
        Self::Aes256(key)
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, ..)", self.size())
    }
}

/// The size of an AES key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeySize {
    /// 16 bytes, 10 rounds.
    Aes128,
    /// 32 bytes, 14 rounds.
    Aes256,
}

impl KeySize {
    /// The number of AES rounds of a block: 10 or 14.
    #[must_use]
    pub const fn rounds(self) -> usize {
        match self {
            Self::Aes128 => 10,
            Self::Aes256 => 14,
        }
    }
}

impl fmt::Display for KeySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes128 => "16 bytes (AES-128)",
            Self::Aes256 => "32 bytes (AES-256)",
        })
    }
}

/// An AES key set up for one backend. Wiped on drop, padding included; cannot be printed or copied.
pub(crate) struct AesKey {
    schedule: Wiped<Schedule>,
    size: KeySize,
    backend: Backend,
}

/// What a backend keeps of a key.
pub(crate) enum Schedule {
    Portable(Portable),
    AesNi(AesNi, RoundKeys),
}

/// The block cipher of the `aes` crate: fixsliced, table-free code, or the CPU's AES instructions.
pub(crate) enum Portable {
    Aes128(Aes128),
    Aes256(Aes256),
}

impl AesKey {
    pub(crate) fn new(key: Key<'_>, backend: Backend) -> Self {
        let schedule = match (backend.0, key) {
            (Token::Portable, Key::Aes128(key)) => {
                Schedule::Portable(Portable::Aes128(Aes128::new(key.into())))
            }
            (Token::Portable, Key::Aes256(key)) => {
                Schedule::Portable(Portable::Aes256(Aes256::new(key.into())))
            }
            (Token::AesNi(token), Key::Aes128(key)) => {
                Schedule::AesNi(token, RoundKeys::aes128(token, key))
            }
            (Token::AesNi(token), Key::Aes256(key)) => {
                Schedule::AesNi(token, RoundKeys::aes256(token, key))
            }
        };
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
    pub(crate) fn encrypt_blocks(&self, data: &mut [Block]) {
        match &*self.schedule {
            Schedule::Portable(cipher) => cipher.crypt_blocks(Direction::Encrypt, data),
            Schedule::AesNi(token, keys) => kernel::encrypt_blocks(*token, keys, data),
        }
    }
}

impl Portable {
    /// Enciphers or deciphers each block alone.
    pub(crate) fn crypt_blocks(&self, direction: Direction, data: &mut [Block]) {
        let data = Array::cast_slice_from_core_mut(data);
        match (self, direction) {
            (Self::Aes128(cipher), Direction::Encrypt) => cipher.encrypt_blocks(data),
            (Self::Aes128(cipher), Direction::Decrypt) => cipher.decrypt_blocks(data),
            (Self::Aes256(cipher), Direction::Encrypt) => cipher.encrypt_blocks(data),
            (Self::Aes256(cipher), Direction::Decrypt) => cipher.decrypt_blocks(data),
        }
    }
}
