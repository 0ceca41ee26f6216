//! The traits of the `aead` crate, version 0.6 (feature `aead-06`), for code that takes any AEAD.

use ::aead::consts::{U12, U16, U32};
use ::aead::inout::InOutBuf;
use ::aead::{AeadCore, AeadInOut, Error, KeyInit, KeySizeUser, Nonce, Tag, TagPosition};

use super::GcmKey;
use crate::cpu::Backend;

/// The key of the traits is AES-256's: one type has one size there.
impl<const POWERS: usize> KeySizeUser for GcmKey<POWERS> {
    type KeySize = U32;
}

/// AES-256, on [`Backend::best`].
impl<const POWERS: usize> KeyInit for GcmKey<POWERS> {
    fn new(key: &::aead::Key<Self>) -> Self {
        Self::new(&key.0, Backend::best())
    }
}

impl<const POWERS: usize> AeadCore for GcmKey<POWERS> {
    type NonceSize = U12;
    type TagSize = U16;
    const TAG_POSITION: TagPosition = TagPosition::Postfix;
}

/// A text that is not authentic, or too long, is the trait's one error; where it is not authentic, the output is all zero.
///
/// ```
/// use aead::{AeadInOut, KeyInit};
/// use sevcrypt::gcm::MessageKey;
///
/// fn seal<A: AeadInOut>(aead: &A, nonce: &aead::Nonce<A>, text: &mut [u8]) -> aead::Result<aead::Tag<A>> {
///     aead.encrypt_inout_detached(nonce, b"header", text.into())
/// }
///
/// // AES-256 on the best backend; `MessageKey::new` with its two arguments gives the choice.
/// let key = <MessageKey as KeyInit>::new(&[7; 32].into());
/// let mut text = *b"the page's metadata";
/// let tag = seal(&key, &[1; 12].into(), &mut text)?;
///
/// key.open_in_place(&[1; 12], b"header", &mut text, &tag.into()).map_err(|_| aead::Error)?;
/// assert_eq!(&text, b"the page's metadata");
/// # Ok::<(), aead::Error>(())
/// ```
impl<const POWERS: usize> AeadInOut for GcmKey<POWERS> {
    fn encrypt_inout_detached(
        &self,
        nonce: &Nonce<Self>,
        associated_data: &[u8],
        buffer: InOutBuf<'_, '_, u8>,
    ) -> ::aead::Result<Tag<Self>> {
        let text = buffer.into_out_with_copied_in();
        let tag = self.seal_in_place(&nonce.0, associated_data, text).map_err(|_| Error)?;
        Ok(tag.into())
    }

    fn decrypt_inout_detached(
        &self,
        nonce: &Nonce<Self>,
        associated_data: &[u8],
        buffer: InOutBuf<'_, '_, u8>,
        tag: &Tag<Self>,
    ) -> ::aead::Result<()> {
        let text = buffer.into_out_with_copied_in();
        self.open_in_place(&nonce.0, associated_data, text, &tag.0).map_err(|_| Error)
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use ::aes_gcm::Aes256Gcm;

    use super::*;
    use crate::gcm::{MessageKey, PageKey};

    /// Seals, opens and refuses by the traits alone, as any other AEAD.
    fn works_as_the_other_crate<A>()
    where
        A: AeadInOut<NonceSize = U12, TagSize = U16> + KeySizeUser<KeySize = U32> + KeyInit,
    {
        let ours = A::new_from_slice(&[9; 32]).unwrap();
        let theirs = Aes256Gcm::new_from_slice(&[9; 32]).unwrap();
        let (nonce, text) = ([3; 12].into(), [5; 77]);

        let (mut sealed, mut expected) = (text, text);
        let tag = ours.encrypt_inout_detached(&nonce, b"aad", (&mut sealed[..]).into()).unwrap();
        let expected_tag =
            theirs.encrypt_inout_detached(&nonce, b"aad", (&mut expected[..]).into()).unwrap();
        assert_eq!((sealed, tag), (expected, expected_tag));

        // From one place to another.
        let mut opened = [0xee; 77];
        let buffer = InOutBuf::new(&sealed, &mut opened).unwrap();
        ours.decrypt_inout_detached(&nonce, b"aad", buffer, &tag).unwrap();
        assert_eq!(opened, text);
        let buffer = InOutBuf::new(&sealed, &mut opened).unwrap();
        assert_eq!(ours.decrypt_inout_detached(&nonce, b"aae", buffer, &tag), Err(Error));
        assert_eq!(opened, [0; 77]);

        assert!(A::new_from_slice(&[9; 16]).is_err(), "the traits' key is AES-256's");
    }

    #[test]
    fn traits() {
        works_as_the_other_crate::<MessageKey>();
        works_as_the_other_crate::<PageKey>();
    }

    /// The tag stands behind the text.
    #[test]
    fn attached_tags() {
        let key = <MessageKey as KeyInit>::new(&[9; 32].into());
        let mut expected = *b"text";
        let tag = key.seal_in_place(&[3; 12], b"", &mut expected).unwrap();
        let mut buffer = Attached(vec![]);
        ::aead::Buffer::extend_from_slice(&mut buffer, b"text").unwrap();
        key.encrypt_in_place(&[3; 12].into(), b"", &mut buffer).unwrap();
        assert_eq!(buffer.0, [&expected[..], &tag].concat());
        key.decrypt_in_place(&[3; 12].into(), b"", &mut buffer).unwrap();
        assert_eq!(buffer.0, b"text");
    }

    /// A buffer that grows, as the crate `aead` has one with its feature `alloc`.
    struct Attached(vec::Vec<u8>);

    impl AsRef<[u8]> for Attached {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    impl AsMut<[u8]> for Attached {
        fn as_mut(&mut self) -> &mut [u8] {
            &mut self.0
        }
    }

    impl ::aead::Buffer for Attached {
        fn extend_from_slice(&mut self, other: &[u8]) -> ::aead::Result<()> {
            self.0.extend_from_slice(other);
            Ok(())
        }

        fn truncate(&mut self, len: usize) {
            self.0.truncate(len);
        }
    }
}
