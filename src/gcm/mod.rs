//! AES-GCM (NIST SP 800-38D) with nonces of 96 bits and tags of 128, as guest messages, page swaps and VLEK wrapping
//! use it.
//!
//! A [`GcmKey`] keeps powers of the hash key, and how many is its type: [`MessageKey`] is small, for messages of up to a few
//! hundred bytes; [`PageKey`] is 10 KiB, for pages and longer texts. Both take any length, and make the same bytes.
//!
//! Opening checks the tag before it lets go of the text: where the tag is wrong, the place of the text is all zero.

#[cfg(feature = "aead-06")]
mod aead;
mod kernels;
mod portable;

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::addr::BLOCK;
use crate::aes::{Portable, Schedule};
use crate::cpu::{Backend, Isa};
use crate::kernel::{self, Direction, Powers, RoundKeys, Source, Turn};
use crate::key::{Key, KeySize};
use crate::wipe::Wiped;

/// The number that must not be used twice with one key.
pub type Nonce = [u8; 12];
/// What proves that a text and its additional data are authentic.
pub type Tag = [u8; 16];

/// The longest text in bytes: 2^32 - 2 blocks (SP 800-38D, section 5.2.1.1).
pub const MAX_TEXT: u64 = (1 << 36) - 32;

/// A key for messages: 40 powers.
pub type MessageKey = GcmKey<40>;
/// A key for pages: 272 powers, enough for a page with one reduction.
pub type PageKey = GcmKey<272>;

/// An AES-GCM key set up for one backend, with `POWERS` powers of its hash key: a multiple of 8, at least 40. Another
/// number does not compile:
///
/// ```compile_fail,E0080
/// let key = sevcrypt::gcm::GcmKey::<36>::new(&[7; 32], sevcrypt::Backend::best());
/// ```
///
/// Wiped on drop; cannot be printed or copied. A nonce must never be used twice to seal: who needs to be kept from it uses
/// `snp::message::GuestChannel`.
///
/// ```
/// use sevcrypt::Backend;
/// use sevcrypt::gcm::{GcmError, MessageKey};
///
/// let key = MessageKey::new(&[7; 32], Backend::best());
/// let mut text = *b"the page's metadata";
/// let tag = key.seal_in_place(&[1; 12], b"header", &mut text)?;
/// assert_ne!(&text, b"the page's metadata");
///
/// let mut wrong = text;
/// assert_eq!(key.open_in_place(&[1; 12], b"another", &mut wrong, &tag), Err(GcmError::Tag));
/// assert_eq!(wrong, [0; 19]);
///
/// key.open_in_place(&[1; 12], b"header", &mut text, &tag)?;
/// assert_eq!(&text, b"the page's metadata");
/// # Ok::<(), GcmError>(())
/// ```
pub struct GcmKey<const POWERS: usize>(Wiped<Whole<POWERS>>);

/// All of a key, so that padding is wiped, too.
struct Whole<const POWERS: usize> {
    parts: Parts<POWERS>,
    size: KeySize,
    backend: Backend,
}

/// What a backend keeps of a key: round keys, and what it needs of the hash key H = AES(0) (SP 800-38D, section 7.1,
/// step 1).
enum Parts<const POWERS: usize> {
    Portable(Portable, ::ghash::GHash),
    Kernels(Isa, RoundKeys, Powers<POWERS>),
}

impl<const POWERS: usize> GcmKey<POWERS> {
    /// Sets up a key. AES-256 for guest messages and pages; AES-128 for callers of older formats.
    #[must_use]
    pub fn new<'k>(key: impl Into<Key<'k>>, backend: Backend) -> Self {
        let key = key.into();
        let mut h = [[0; BLOCK]];
        let parts = match Schedule::new(key, backend) {
            Schedule::Portable(cipher) => {
                cipher.crypt_blocks(Direction::Encrypt, &mut h);
                Parts::Portable(cipher, ::ghash::GHash::new(&h[0].into()))
            }
            Schedule::Kernels(isa, keys) => {
                kernel::encrypt_blocks(isa, &keys, &mut h);
                Parts::Kernels(isa, keys, Powers::EMPTY)
            }
        };
        let mut whole = Wiped::new(Whole { parts, size: key.size(), backend });
        // In their place, for they are many.
        if let Parts::Kernels(isa, _, powers) = &mut whole.parts {
            powers.fill(*isa, &h[0]);
        }
        h.zeroize();
        Self(whole)
    }

    /// Which AES the key is for.
    #[must_use]
    pub fn size(&self) -> KeySize {
        self.0.size
    }

    /// The backend that the key was set up for.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.0.backend
    }

    /// Enciphers `text` in its place; the tag covers it and `aad`.
    ///
    /// # Errors
    /// [`GcmError::TooLong`]; nothing was written.
    pub fn seal_in_place(
        &self,
        nonce: &Nonce,
        aad: &[u8],
        text: &mut [u8],
    ) -> Result<Tag, GcmError> {
        check_length(text.len())?;
        Ok(self.turn(Turn::Seal, nonce, aad, Source::Same, text))
    }

    /// Enciphers `text` into `ciphertext`, which has its length; the tag covers it and `aad`.
    ///
    /// # Errors
    /// [`GcmError::Lengths`], [`GcmError::TooLong`]; nothing was written.
    pub fn seal(
        &self,
        nonce: &Nonce,
        aad: &[u8],
        text: &[u8],
        ciphertext: &mut [u8],
    ) -> Result<Tag, GcmError> {
        check_lengths(text.len(), ciphertext.len())?;
        Ok(self.turn(Turn::Seal, nonce, aad, Source::Other(text), ciphertext))
    }

    /// Deciphers `text` in its place if the tag is that of it and `aad`.
    ///
    /// # Errors
    /// [`GcmError::Tag`]: `text` is all zero. [`GcmError::TooLong`]: nothing was written.
    pub fn open_in_place(
        &self,
        nonce: &Nonce,
        aad: &[u8],
        text: &mut [u8],
        tag: &Tag,
    ) -> Result<(), GcmError> {
        check_length(text.len())?;
        let computed = self.turn(Turn::Open, nonce, aad, Source::Same, text);
        release(u128::from_ne_bytes(computed), tag, text)
    }

    /// Deciphers `ciphertext` into `text`, which has its length, if the tag is that of it and `aad`.
    ///
    /// # Errors
    /// [`GcmError::Tag`]: `text` is all zero. [`GcmError::Lengths`], [`GcmError::TooLong`]: nothing was written.
    pub fn open(
        &self,
        nonce: &Nonce,
        aad: &[u8],
        ciphertext: &[u8],
        text: &mut [u8],
        tag: &Tag,
    ) -> Result<(), GcmError> {
        check_lengths(ciphertext.len(), text.len())?;
        let computed = self.turn(Turn::Open, nonce, aad, Source::Other(ciphertext), text);
        release(u128::from_ne_bytes(computed), tag, text)
    }

    /// Enciphers or deciphers all of a message; the tag that belongs to it.
    fn turn(
        &self,
        turn: Turn,
        nonce: &Nonce,
        aad: &[u8],
        source: Source<'_>,
        text: &mut [u8],
    ) -> Tag {
        match &self.0.parts {
            Parts::Portable(cipher, hash) => {
                portable::turn(cipher, hash, turn, nonce, aad, source, text)
            }
            Parts::Kernels(isa, keys, powers) => {
                kernels::turn(*isa, keys, powers, turn, nonce, aad, source, text)
            }
        }
    }
}

/// Lets go of a text that was deciphered if its tag is right.
///
/// Tags are compared as one number each, without a branch; the right tag of a wrong text is a forgery's half.
fn release(mut computed: u128, tag: &Tag, text: &mut [u8]) -> Result<(), GcmError> {
    let is_right = bool::from(computed.ct_eq(&u128::from_ne_bytes(*tag)));
    computed.zeroize();
    if is_right {
        Ok(())
    } else {
        text.zeroize();
        Err(GcmError::Tag)
    }
}

fn check_length(len: usize) -> Result<(), GcmError> {
    if len as u64 > MAX_TEXT { Err(GcmError::TooLong { len: len as u64 }) } else { Ok(()) }
}

fn check_lengths(source: usize, destination: usize) -> Result<(), GcmError> {
    if source == destination {
        check_length(source)
    } else {
        Err(GcmError::Lengths { source, destination })
    }
}

/// Why AES-GCM did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GcmError {
    /// The tag is not that of the text and the additional data under this key and nonce.
    Tag,
    /// Source and destination differ in length.
    Lengths {
        /// Bytes of the source.
        source: usize,
        /// Bytes of the destination.
        destination: usize,
    },
    /// The text is longer than [`MAX_TEXT`].
    TooLong {
        /// Its bytes.
        len: u64,
    },
}

impl fmt::Display for GcmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag => {
                f.write_str("the tag is not that of the text, additional data, nonce and key")
            }
            Self::Lengths { source, destination } => {
                write!(f, "{source} bytes into {destination}: expected the same length")
            }
            Self::TooLong { len } => {
                write!(f, "a text of {len} bytes, at most {MAX_TEXT} are allowed")
            }
        }
    }
}

impl core::error::Error for GcmError {}

#[cfg(test)]
mod tests;
