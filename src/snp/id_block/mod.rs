//! ID blocks: what a guest's owner signs about a launch, and what the firmware makes of it.
//!
//! An [`IdBlock`] says which launch digest and which policy the owner expects. The ID key signs it; an author
//! key may sign the ID key in turn. Signatures and keys are in a page of their own, [`IdAuth`]. The host hands
//! both to the firmware when the launch ends, and [`LaunchFinish`] makes the checks that the firmware makes. A
//! report then tells the digests of the keys ([`PublicKey::digest`]).
//!
//! ```
//! use sevcrypt::ecdsa::SigningKey;
//! use sevcrypt::snp::GuestPolicy;
//! use sevcrypt::snp::id_block::{IdAuth, IdBlock, LaunchFinish, LaunchFinishError};
//!
//! # let (id_key, author_key) = (SigningKey::from_scalar(&[1; 48]).unwrap(), SigningKey::from_scalar(&[2; 48]).unwrap());
//! let id_block = IdBlock { guest_svn: 5, ..IdBlock::new([0xab; 48]) };
//! let id = id_block.sign(&id_key.verifying_key(), &id_key)?;
//! let author = id.key.sign(&author_key.verifying_key(), &author_key)?;
//! let mut page = [0; 4096];
//! let id_auth = IdAuth::write(&mut page, &id, Some(&author));
//!
//! let launch = LaunchFinish {
//!     launch_digest: &[0xab; 48],
//!     policy: GuestPolicy(0x3_0000),
//!     id_block: Some((id_block, id_auth)),
//!     auth_key_en: true,
//! };
//! assert_eq!(launch.check()?.author_key_digest, author.key.digest());
//!
//! let other = LaunchFinish { launch_digest: &[0xac; 48], ..launch };
//! assert_eq!(other.check(), Err(LaunchFinishError::LaunchDigest));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod id_auth;
mod launch_finish;
mod public_key;

use core::fmt;

pub use id_auth::{IdAuth, ReservedByte};
pub use launch_finish::{LaunchFinish, LaunchFinishError, LaunchIdentity};
pub use public_key::{PublicKey, PublicKeyError};

use super::GuestPolicy;
use crate::ecdsa::{Signature, Signer, VerifyingKey};
use crate::hash::Sha384Digest;
use crate::wire::{field, field_mut, get_u32, get_u64};

/// Where things stand (AMD 56860, "ID Block").
mod at {
    pub(super) const LD: usize = 0x00;
    pub(super) const FAMILY_ID: usize = 0x30;
    pub(super) const IMAGE_ID: usize = 0x40;
    pub(super) const VERSION: usize = 0x50;
    pub(super) const GUEST_SVN: usize = 0x54;
    pub(super) const POLICY: usize = 0x58;
}

/// What the owner of a guest expects of its launch (AMD 56860, "ID Block").
///
/// Any 96 bytes are one: what the values have to be is for the firmware to say ([`LaunchFinish`]).
///
/// ```
/// use sevcrypt::snp::id_block::IdBlock;
///
/// let id_block = IdBlock { image_id: *b"an image of mine", ..IdBlock::new([0xab; 48]) };
/// let bytes = id_block.to_bytes();
/// assert_eq!(bytes[0x40..0x50], *b"an image of mine");
/// assert_eq!(IdBlock::from_bytes(&bytes), id_block);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdBlock {
    /// LD: the launch digest that is expected.
    pub launch_digest: Sha384Digest,
    /// FAMILY_ID, of the owner's choice. Reports tell it.
    pub family_id: [u8; 16],
    /// IMAGE_ID, of the owner's choice. Reports tell it.
    pub image_id: [u8; 16],
    /// VERSION of the ID block, [`IdBlock::VERSION`]. The firmware does not look at it.
    pub version: u32,
    /// GUEST_SVN: the security version of the guest. Reports tell it, and guests derive keys from it.
    pub guest_svn: u32,
    /// POLICY: the guest policy that is expected, exactly.
    pub policy: GuestPolicy,
}

impl IdBlock {
    /// The length in bytes.
    pub const LEN: usize = 0x60;
    /// The version whose layout this is.
    pub const VERSION: u32 = 1;
    /// What [`IdBlock::new`] expects, as the tools of the field do: simultaneous multithreading is allowed,
    /// nothing else is.
    pub const DEFAULT_POLICY: GuestPolicy = GuestPolicy(0x3_0000);

    /// The ID block of a launch digest, with the default policy and zeros elsewhere.
    #[must_use]
    pub const fn new(launch_digest: Sha384Digest) -> Self {
        Self {
            launch_digest,
            family_id: [0; 16],
            image_id: [0; 16],
            version: Self::VERSION,
            guest_svn: 0,
            policy: Self::DEFAULT_POLICY,
        }
    }

    /// From the bytes that the firmware reads.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self {
            launch_digest: *field::<{ at::LD }, 48, _>(bytes),
            family_id: *field::<{ at::FAMILY_ID }, 16, _>(bytes),
            image_id: *field::<{ at::IMAGE_ID }, 16, _>(bytes),
            version: get_u32::<{ at::VERSION }, _>(bytes),
            guest_svn: get_u32::<{ at::GUEST_SVN }, _>(bytes),
            policy: GuestPolicy(get_u64::<{ at::POLICY }, _>(bytes)),
        }
    }

    /// The bytes that the firmware reads, and the ID key signs.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        *field_mut::<{ at::LD }, 48, _>(&mut bytes) = self.launch_digest;
        *field_mut::<{ at::FAMILY_ID }, 16, _>(&mut bytes) = self.family_id;
        *field_mut::<{ at::IMAGE_ID }, 16, _>(&mut bytes) = self.image_id;
        *field_mut::<{ at::VERSION }, 4, _>(&mut bytes) = self.version.to_le_bytes();
        *field_mut::<{ at::GUEST_SVN }, 4, _>(&mut bytes) = self.guest_svn.to_le_bytes();
        *field_mut::<{ at::POLICY }, 8, _>(&mut bytes) = self.policy.0.to_le_bytes();
        bytes
    }

    /// Signs the ID block with the ID key: `signer` holds the private part of `key`.
    ///
    /// # Errors
    /// [`SignError`]: the signer's own, or its signature is not `key`'s.
    pub fn sign<S: Signer>(
        &self,
        key: &VerifyingKey,
        signer: &S,
    ) -> Result<SignedBy, SignError<S::Error>> {
        SignedBy::sign(&self.to_bytes(), key, signer)
    }
}

/// A key and its signature: the ID key's of an ID block, or the author key's of an ID key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// The key in the firmware's form.
    pub key: PublicKey,
    /// Its signature.
    pub signature: Signature,
}

impl SignedBy {
    fn sign<S: Signer>(
        message: &[u8],
        key: &VerifyingKey,
        signer: &S,
    ) -> Result<Self, SignError<S::Error>> {
        let signature = signer.sign_sha384(message).map_err(SignError::Signer)?;
        if !key.verify_vartime(message, &signature) {
            return Err(SignError::OtherKey);
        }
        Ok(Self { key: PublicKey::from(key), signature })
    }
}

/// Nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError<E> {
    /// The signer made no signature.
    Signer(E),
    /// The signer made a signature that is not of the public key that was given with it.
    OtherKey,
}

impl<E: fmt::Display> fmt::Display for SignError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signer(why) => write!(f, "the signer made no signature: {why}"),
            Self::OtherKey => f.write_str("the signer has another key than the public key given"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for SignError<E> {}
