//! The raw bytes of an AES key and their size.

use core::fmt;

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
