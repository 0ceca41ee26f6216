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

use crate::aes::Portable;
use crate::cpu::{Backend, Isa, Token, if_kernels};
use crate::kernel::{EncryptKeys, Powers, Source, Turn};
use crate::key::{Key, KeySize};
use crate::wipe::Wiped;

/// The number that must not be used twice with one key.
pub type Nonce = [u8; 12];
/// What proves that a text and its additional data are authentic.
pub type Tag = [u8; 16];

/// The longest text in bytes: 2^32 - 2 blocks (SP 800-38D, section 5.2.1.1).
pub const MAX_TEXT: u64 = (1 << 36) - 32;

/// The fewest powers that a key can have.
const MESSAGE_POWERS: usize = 40;

/// A key for messages: 40 powers.
pub type MessageKey = GcmKey<MESSAGE_POWERS>;
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
/// [`snp::message::GuestChannel`](crate::snp::message::GuestChannel).
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
pub struct GcmKey<const POWERS: usize>(Wiped<Parts<POWERS>>);

/// What a backend keeps of a key: round keys, and what it needs of the hash key H = AES(0) (SP 800-38D, section 7.1,
/// step 1).
#[allow(clippy::large_enum_variant, reason = "which one is the larger depends on the target")]
enum Parts<const POWERS: usize> {
    Portable(Portable, ::ghash::GHash),
    Kernels(Isa, EncryptKeys, Powers<POWERS>),
}

impl<const POWERS: usize> fmt::Debug for GcmKey<POWERS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GcmKey({:?}, {:?}, ..)", self.size(), self.backend())
    }
}

impl<const POWERS: usize> GcmKey<POWERS> {
    /// The number is one that every backend can take.
    const CHECKED: () = assert!(
        POWERS >= MESSAGE_POWERS && POWERS.is_multiple_of(8),
        "a number of powers that is a multiple of 8 and at least 40"
    );

    /// Sets up a key. AES-256 for guest messages and pages; AES-128 for callers of older formats.
    #[must_use]
    #[inline]
    pub fn new<'k>(key: impl Into<Key<'k>>, backend: Backend) -> Self {
        const { Self::CHECKED };
        let key = key.into();
        match backend.0 {
            Token::Portable => Self::portable(key),
            Token::Kernels(isa) => {
                let mut whole = Self::blank(isa);
                whole.fill(isa, key);
                whole
            }
        }
    }

    /// Sets up a key in its place, in which no key was, or an older one, which is wiped. A key is 1.7 KiB or 10 KiB long: who
    /// has little of a stack takes this instead of [`new`](Self::new), with a place that is not on it.
    ///
    /// ```
    /// use sevcrypt::Backend;
    /// use sevcrypt::gcm::MessageKey;
    ///
    /// let mut place: Option<MessageKey> = None; // in a `static`, say
    /// let key = MessageKey::set_up(&mut place, &[7; 32], Backend::best());
    /// let tag = key.seal_in_place(&[1; 12], b"", &mut [0; 5])?;
    /// # Ok::<(), sevcrypt::gcm::GcmError>(())
    /// ```
    pub fn set_up<'p, 'k>(
        place: &'p mut Option<Self>,
        key: impl Into<Key<'k>>,
        backend: Backend,
    ) -> &'p mut Self {
        const { Self::CHECKED };
        let key = key.into();
        match backend.0 {
            Token::Portable => Self::set_up_portable(place, key),
            Token::Kernels(isa) => {
                Self::make_blank(place, isa);
                // It is there.
                let key_in_place = place.get_or_insert_with(|| Self::blank(isa));
                key_in_place.fill(isa, key);
                key_in_place
            }
        }
    }

    #[inline(never)]
    fn set_up_portable<'p>(place: &'p mut Option<Self>, key: Key<'_>) -> &'p mut Self {
        place.insert(Self::portable(key))
    }

    #[inline(never)]
    fn portable(key: Key<'_>) -> Self {
        let cipher = Portable::new(key);
        let hash = portable::hash_key(&cipher);
        Self(Wiped::new(Parts::Portable(cipher, hash)))
    }

    /// Which AES the key is for.
    #[must_use]
    pub fn size(&self) -> KeySize {
        match &*self.0 {
            Parts::Portable(cipher, _) => cipher.size(),
            Parts::Kernels(_, keys, _) => keys.size(),
        }
    }

    /// The backend that the key was set up for.
    #[must_use]
    pub fn backend(&self) -> Backend {
        match &*self.0 {
            Parts::Portable(..) => Backend::portable(),
            Parts::Kernels(isa, ..) => Backend(Token::Kernels(*isa)),
        }
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
    /// ```
    /// use sevcrypt::Backend;
    /// use sevcrypt::gcm::{GcmError, PageKey};
    ///
    /// let key = PageKey::new(&[7; 32], Backend::best());
    /// let (mut ciphertext, mut page) = ([0; 4096], [0; 4096]);
    /// let tag = key.seal(&[1; 12], b"", &[0xcc; 4096], &mut ciphertext)?;
    /// key.open(&[1; 12], b"", &ciphertext, &mut page, &tag)?;
    /// assert_eq!(page, [0xcc; 4096]);
    /// let shorter = key.open(&[1; 12], b"", &ciphertext[1..], &mut page, &tag);
    /// assert_eq!(shorter, Err(GcmError::Lengths { source: 4095, destination: 4096 }));
    /// # Ok::<(), GcmError>(())
    /// ```
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
        match &*self.0 {
            Parts::Portable(cipher, hash) => {
                // Few powers, little of the stack: the block cipher takes more of it for many blocks.
                let at_once = if POWERS > MESSAGE_POWERS { usize::MAX } else { 1 };
                portable::turn(at_once, cipher, hash, turn, nonce, aad, source, text)
            }
            Parts::Kernels(isa, keys, powers) => {
                kernels::turn(*isa, keys, powers, turn, nonce, aad, source, text)
            }
        }
    }
}

if_kernels! {
    {
        impl<const POWERS: usize> GcmKey<POWERS> {
            const BLANK: Self = Self(Wiped::new(Parts::Kernels(
                Isa::BLANK,
                EncryptKeys::empty(KeySize::Aes256),
                Powers::EMPTY,
            )));

            /// A place to fill.
            #[inline]
            fn blank(_: Isa) -> Self {
                Self::BLANK
            }

            /// Computes everything in its place: keys are large, and stacks can be small.
            #[inline(never)]
            fn fill(&mut self, isa: Isa, key: Key<'_>) {
                if let Parts::Kernels(token, keys, powers) = &mut *self.0 {
                    *token = isa;
                    keys.fill(isa, key);
                    let mut h = [[0; 16]];
                    crate::kernel::encrypt_blocks(isa, keys, &mut h);
                    powers.fill(isa, &h[0]);
                    h.as_flattened_mut().zeroize();
                }
            }

            /// Makes a place to fill of a place.
            #[inline]
            fn make_blank(place: &mut Option<Self>, _: Isa) {
                *place = const { Some(Self::BLANK) };
            }
        }
    } else {
        impl<const POWERS: usize> GcmKey<POWERS> {
            fn blank(isa: Isa) -> Self {
                Self(Wiped::new(Parts::Kernels(isa, isa.never(), isa.never())))
            }

            fn fill(&mut self, isa: Isa, _: Key<'_>) {
                isa.never()
            }

            fn make_blank(_: &mut Option<Self>, isa: Isa) {
                isa.never()
            }
        }
    }
}

/// Lets go of a text that was deciphered if its tag is right.
///
/// Tags are compared as one number each, without a branch; the right tag of a wrong text is a forgery's half. Not inlined: the
/// one branch on what was compared has a place that `.ci/constant-time` knows.
#[inline(never)]
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
