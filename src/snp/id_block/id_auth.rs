//! The ID authentication page: signatures and keys.

use core::fmt;

use super::{PublicKey, SignedBy};
use crate::Page;
use crate::ecdsa::{Signature, SignatureFormError};
use crate::wire::{field, field_mut, get_u32, is_zero};

/// Where things stand (AMD 56860, "ID Authentication Information Structure").
mod at {
    pub(super) const ID_KEY_ALGO: usize = 0x000;
    pub(super) const AUTH_KEY_ALGO: usize = 0x004;
    pub(super) const ID_BLOCK_SIG: usize = 0x040;
    pub(super) const ID_KEY: usize = 0x240;
    pub(super) const ID_KEY_SIG: usize = 0x680;
    pub(super) const AUTHOR_KEY: usize = 0x880;
}

/// What no key and no signature takes, from the first byte to before the last; keys and signatures have more.
const RESERVED: [(usize, usize); 3] = [(0x008, 0x040), (0x644, 0x680), (0xc84, 0x1000)];

/// Two numbers of 72 bytes each; the rest of a signature's field is reserved.
const NUMBER: usize = 72;

/// A page with the signatures of an ID block and their keys, as it was received: a view of 4096 bytes (AMD
/// 56860, "ID Authentication Information Structure"). Any page is one; [`LaunchFinish`](super::LaunchFinish)
/// says whether the firmware takes it.
///
/// ```
/// use sevcrypt::ecdsa::SigningKey;
/// use sevcrypt::snp::id_block::{IdAuth, IdBlock};
///
/// let id_key = SigningKey::from_scalar(&[7; 48]).ok_or("out of range")?;
/// let id = IdBlock::new([0xab; 48]).sign(&id_key.verifying_key(), &id_key)?;
/// let mut page = [0xee; 4096];
/// let id_auth = IdAuth::write(&mut page, &id, None);
/// assert_eq!(id_auth.id_key().verifying_key()?, id_key.verifying_key());
/// assert!(!id_auth.has_author() && id_auth.check_reserved().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IdAuth<'a>(&'a Page);

impl<'a> IdAuth<'a> {
    /// The number of ECDSA with P-384 and SHA-384, the only algorithm that the firmware takes.
    pub const P384_SHA384: u32 = 1;

    /// A page that was received.
    #[must_use]
    pub const fn from_bytes(page: &'a Page) -> Self {
        Self(page)
    }

    /// Writes a page: the ID key and what it signed, and the author key and what it signed. Without an author
    /// key its fields stay zero, its algorithm too.
    pub fn write(page: &'a mut Page, id: &SignedBy, author: Option<&SignedBy>) -> Self {
        page.fill(0);
        *field_mut::<{ at::ID_KEY_ALGO }, 4, _>(page) = Self::P384_SHA384.to_le_bytes();
        *field_mut::<{ at::ID_BLOCK_SIG }, { Signature::LEN }, _>(page) = id.signature.to_amd();
        *field_mut::<{ at::ID_KEY }, { PublicKey::LEN }, _>(page) = *id.key.as_bytes();
        if let Some(author) = author {
            *field_mut::<{ at::AUTH_KEY_ALGO }, 4, _>(page) = Self::P384_SHA384.to_le_bytes();
            *field_mut::<{ at::ID_KEY_SIG }, { Signature::LEN }, _>(page) =
                author.signature.to_amd();
            *field_mut::<{ at::AUTHOR_KEY }, { PublicKey::LEN }, _>(page) = *author.key.as_bytes();
        }
        Self(page)
    }

    /// Writes a page of parts that somebody else made, of both keys the algorithm, the signature and the key.
    pub(in crate::snp) fn write_parts(
        page: &'a mut Page,
        (id_key_algo, id_block_signature, id_key): (u32, &[u8; 2 * NUMBER], PublicKey),
        (auth_key_algo, id_key_signature, author_key): (u32, &[u8; 2 * NUMBER], PublicKey),
    ) -> Self {
        page.fill(0);
        *field_mut::<{ at::ID_KEY_ALGO }, 4, _>(page) = id_key_algo.to_le_bytes();
        *field_mut::<{ at::AUTH_KEY_ALGO }, 4, _>(page) = auth_key_algo.to_le_bytes();
        *field_mut::<{ at::ID_BLOCK_SIG }, { 2 * NUMBER }, _>(page) = *id_block_signature;
        *field_mut::<{ at::ID_KEY }, { PublicKey::LEN }, _>(page) = *id_key.as_bytes();
        *field_mut::<{ at::ID_KEY_SIG }, { 2 * NUMBER }, _>(page) = *id_key_signature;
        *field_mut::<{ at::AUTHOR_KEY }, { PublicKey::LEN }, _>(page) = *author_key.as_bytes();
        Self(page)
    }

    /// The page.
    #[must_use]
    pub const fn bytes(&self) -> &'a Page {
        self.0
    }

    /// ID_KEY_ALGO.
    #[must_use]
    pub fn id_key_algo(&self) -> u32 {
        get_u32::<{ at::ID_KEY_ALGO }, _>(self.0)
    }

    /// AUTH_KEY_ALGO.
    #[must_use]
    pub fn auth_key_algo(&self) -> u32 {
        get_u32::<{ at::AUTH_KEY_ALGO }, _>(self.0)
    }

    /// ID_BLOCK_SIG: the ID key's signature of the ID block.
    ///
    /// MODEL: r and s are taken for numbers of 72 bytes, and the bytes behind them are not looked at.
    ///
    /// # Errors
    /// [`SignatureFormError::Range`]: a number that is not from 1 to n - 1.
    pub fn id_block_signature(&self) -> Result<Signature, SignatureFormError> {
        signature(field::<{ at::ID_BLOCK_SIG }, { Signature::LEN }, _>(self.0))
    }

    /// ID_KEY: who signed the ID block.
    #[must_use]
    pub fn id_key(&self) -> PublicKey {
        PublicKey::from_bytes(*field::<{ at::ID_KEY }, { PublicKey::LEN }, _>(self.0))
    }

    /// ID_KEY_SIG: the author key's signature of the ID key.
    ///
    /// MODEL: as for [`id_block_signature`](Self::id_block_signature).
    ///
    /// # Errors
    /// [`SignatureFormError::Range`]: a number that is not from 1 to n - 1.
    pub fn id_key_signature(&self) -> Result<Signature, SignatureFormError> {
        signature(field::<{ at::ID_KEY_SIG }, { Signature::LEN }, _>(self.0))
    }

    /// AUTHOR_KEY: who signed the ID key.
    #[must_use]
    pub fn author_key(&self) -> PublicKey {
        PublicKey::from_bytes(*field::<{ at::AUTHOR_KEY }, { PublicKey::LEN }, _>(self.0))
    }

    /// Whether there is an author key: anything in its place. The page does not say whether the firmware shall
    /// look at it; that is the host's flag AUTH_KEY_EN.
    #[must_use]
    pub fn has_author(&self) -> bool {
        !is_zero::<{ at::AUTHOR_KEY }, { PublicKey::LEN }, _>(self.0)
    }

    /// The first reserved byte that is not zero, those behind keys and signatures included. The firmware does
    /// not look at them. Those of keys are hashed with them: a key with other reserved bytes has another
    /// digest.
    ///
    /// # Errors
    /// [`ReservedByte`], if there is one.
    pub fn check_reserved(&self) -> Result<(), ReservedByte> {
        let pages = RESERVED.iter().filter_map(|&(start, end)| {
            let range = self.0.get(start..end)?;
            range.iter().position(|byte| *byte != 0).map(|offset| start + offset)
        });
        let signatures = [
            (at::ID_BLOCK_SIG, field::<{ at::ID_BLOCK_SIG }, { Signature::LEN }, _>(self.0)),
            (at::ID_KEY_SIG, field::<{ at::ID_KEY_SIG }, { Signature::LEN }, _>(self.0)),
        ];
        let signatures = signatures.into_iter().filter_map(|(start, signature)| {
            let reserved = signature.iter().skip(2 * NUMBER);
            let offset = reserved.copied().position(|byte| byte != 0)?;
            Some(start + 2 * NUMBER + offset)
        });
        let keys = [(at::ID_KEY, self.id_key()), (at::AUTHOR_KEY, self.author_key())];
        let keys =
            keys.iter().filter_map(|(start, key)| key.nonzero_reserved().map(|at| start + at));
        match pages.chain(signatures).chain(keys).min() {
            Some(offset) => Err(ReservedByte { offset }),
            None => Ok(()),
        }
    }
}

/// The numbers of a signature, whatever stands behind them.
fn signature(bytes: &[u8; Signature::LEN]) -> Result<Signature, SignatureFormError> {
    let mut numbers = [0; Signature::LEN];
    *field_mut::<0, { 2 * NUMBER }, _>(&mut numbers) = *field::<0, { 2 * NUMBER }, _>(bytes);
    Signature::from_amd(&numbers).map_err(|why| match why {
        SignatureFormError::Padding { offset } => {
            SignatureFormError::Range { number: if offset < NUMBER { 'r' } else { 's' } }
        }
        range => range,
    })
}

impl fmt::Debug for IdAuth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdAuth")
            .field("id_key_algo", &self.id_key_algo())
            .field("auth_key_algo", &self.auth_key_algo())
            .field("id_block_signature", &self.id_block_signature())
            .field("id_key", &self.id_key())
            .field("id_key_signature", &self.id_key_signature())
            .field("author_key", &self.author_key())
            .field("check_reserved", &self.check_reserved())
            .finish()
    }
}

/// Reserved bytes that are not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedByte {
    /// The offset of the first one in the page.
    pub offset: usize,
}

impl fmt::Display for ReservedByte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {:#x} of the ID authentication page is reserved and not zero", self.offset)
    }
}

impl core::error::Error for ReservedByte {}
