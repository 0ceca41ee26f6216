//! SNP_LAUNCH_FINISH, as far as it is about the ID block.

use core::fmt;

use super::{IdAuth, IdBlock, PublicKeyError};
use crate::Status;
use crate::ecdsa::{Signature, SignatureFormError, VerifyingKey};
use crate::hash::Sha384Digest;
use crate::snp::GuestPolicy;
use crate::snp::keys::IdBlockKey;

/// What SNP_LAUNCH_FINISH compares: the guest as it was launched, and what its owner signed (AMD 56860,
/// "SNP_LAUNCH_FINISH").
///
/// The checks are those of AMD's published firmware (1.55.25), in its order. It does not look at VERSION and
/// GUEST_SVN of the ID block, nor at reserved bytes. An [example](super) stands with the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaunchFinish<'a> {
    /// LD: the launch digest of the guest.
    pub launch_digest: &'a Sha384Digest,
    /// POLICY of the guest's SNP_LAUNCH_START.
    pub policy: GuestPolicy,
    /// The ID block and its page, where ID_BLOCK_EN is set.
    pub id_block: Option<(IdBlock, IdAuth<'a>)>,
    /// AUTH_KEY_EN: the author key shall be looked at.
    pub auth_key_en: bool,
}

impl LaunchFinish<'_> {
    /// What a guest becomes that has had no such command before.
    ///
    /// # Errors
    /// [`LaunchFinishError`]: the first check that fails.
    pub fn check(&self) -> Result<LaunchIdentity, LaunchFinishError> {
        let mut identity = LaunchIdentity::default();
        identity.finish(self)?;
        Ok(identity)
    }
}

/// What a guest's context keeps of its ID block.
///
/// ```
/// use sevcrypt::ecdsa::SigningKey;
/// use sevcrypt::snp::id_block::{IdAuth, IdBlock, LaunchFinish, LaunchFinishError, LaunchIdentity};
/// use sevcrypt::snp::keys::IdBlockKey;
///
/// // The owner signs what the guest has to be.
/// let key = SigningKey::from_random(&[7; 56]);
/// let block = IdBlock::new([0xab; 48]);
/// let (mut page, signed) = ([0; 4096], block.sign(&key.verifying_key(), &key)?);
/// IdAuth::write(&mut page, &signed, None);
///
/// // The firmware, when the launch is finished.
/// let id_auth = IdAuth::from_bytes(&page);
/// let finish = LaunchFinish {
///     policy: block.policy,
///     launch_digest: &[0xab; 48],
///     id_block: Some((block, id_auth)),
///     auth_key_en: false,
/// };
/// let mut identity = LaunchIdentity::default();
/// identity.finish(&finish)?;
/// assert!(matches!(identity.id_block_key(), IdBlockKey::Id(_)));
///
/// let another = LaunchFinish { launch_digest: &[0xcd; 48], ..finish };
/// assert_eq!(identity.finish(&another), Err(LaunchFinishError::LaunchDigest));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaunchIdentity {
    /// The ID block; reports tell its FAMILY_ID, IMAGE_ID and GUEST_SVN.
    pub id_block: Option<IdBlock>,
    /// ID_KEY_DIGEST of reports: zero without an ID block.
    pub id_key_digest: Sha384Digest,
    /// AUTHOR_KEY_DIGEST of reports: zero without an author key.
    pub author_key_digest: Sha384Digest,
    /// ID_BLOCK_EN, as the host gave it.
    pub id_block_en: bool,
    /// AUTHOR_KEY_EN of reports, as the host gave it: also where there is no ID block and so no author key.
    pub author_key_en: bool,
}

impl Default for LaunchIdentity {
    /// Nothing yet.
    fn default() -> Self {
        Self {
            id_block: None,
            id_key_digest: [0; 48],
            author_key_digest: [0; 48],
            id_block_en: false,
            author_key_en: false,
        }
    }
}

impl LaunchIdentity {
    /// Does what the firmware does with the command.
    ///
    /// As with the firmware, an author key that fails leaves the ID block and ID_KEY_DIGEST in the context: the
    /// guest is not launched, and the host may try again. MODEL: the flags are kept when the command succeeds,
    /// and what an earlier try left is not taken back by a later one without an ID block.
    ///
    /// # Errors
    /// [`LaunchFinishError`]: the first check that fails.
    pub fn finish(&mut self, command: &LaunchFinish<'_>) -> Result<(), LaunchFinishError> {
        if let Some((id_block, id_auth)) = &command.id_block {
            self.check(command, id_block, id_auth)?;
        }
        self.id_block_en = command.id_block.is_some();
        self.author_key_en = command.auth_key_en;
        Ok(())
    }

    fn check(
        &mut self,
        command: &LaunchFinish<'_>,
        id_block: &IdBlock,
        id_auth: &IdAuth<'_>,
    ) -> Result<(), LaunchFinishError> {
        use LaunchFinishError as Error;
        if id_block.launch_digest != *command.launch_digest {
            return Err(Error::LaunchDigest);
        }
        if id_block.policy != command.policy {
            let (guest, expected) = (command.policy, id_block.policy);
            return Err(Error::Policy { guest, expected });
        }
        match id_auth.id_key_algo() {
            IdAuth::P384_SHA384 => {}
            found => return Err(Error::IdKeyAlgo { found }),
        }
        match id_auth.auth_key_algo() {
            found if command.auth_key_en && found != IdAuth::P384_SHA384 => {
                return Err(Error::AuthKeyAlgo { found });
            }
            _ => {}
        }

        let id_key = id_auth.id_key();
        let key = id_key.verifying_key().map_err(Error::IdKey)?;
        verify(&key, &id_block.to_bytes(), id_auth.id_block_signature())
            .map_err(Error::IdBlockSignature)?;
        self.id_block = Some(*id_block);
        self.id_key_digest = id_key.digest();

        if command.auth_key_en {
            let author_key = id_auth.author_key();
            let key = author_key.verifying_key().map_err(Error::AuthorKey)?;
            verify(&key, id_key.as_bytes(), id_auth.id_key_signature())
                .map_err(Error::IdKeySignature)?;
            self.author_key_digest = author_key.digest();
        }
        Ok(())
    }

    /// Whose digest goes into the guest's keys: the author key's where AUTHOR_KEY_EN is set, else the ID key's
    /// where there is an ID block.
    #[must_use]
    pub fn id_block_key(&self) -> IdBlockKey {
        match (self.author_key_en, self.id_block_en) {
            (true, _) => IdBlockKey::Author(self.author_key_digest),
            (false, true) => IdBlockKey::Id(self.id_key_digest),
            (false, false) => IdBlockKey::None,
        }
    }
}

fn verify(
    key: &VerifyingKey,
    message: &[u8],
    signature: Result<Signature, SignatureFormError>,
) -> Result<(), Option<SignatureFormError>> {
    match signature {
        Ok(signature) if key.verify_vartime(message, &signature) => Ok(()),
        Ok(_) => Err(None),
        Err(why) => Err(Some(why)),
    }
}

/// The check that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LaunchFinishError {
    /// LD of the ID block is not the guest's launch digest: BAD_MEASUREMENT.
    LaunchDigest,
    /// POLICY of the ID block is not the guest's: POLICY_FAILURE.
    Policy {
        /// The guest's.
        guest: GuestPolicy,
        /// The ID block's.
        expected: GuestPolicy,
    },
    /// ID_KEY_ALGO is unknown: INVALID_PARAM.
    IdKeyAlgo {
        /// Its number.
        found: u32,
    },
    /// AUTH_KEY_ALGO is unknown: INVALID_PARAM.
    AuthKeyAlgo {
        /// Its number.
        found: u32,
    },
    /// ID_KEY is no key: BAD_SIGNATURE.
    IdKey(PublicKeyError),
    /// ID_BLOCK_SIG is not the ID key's signature of the ID block, or no signature at all: BAD_SIGNATURE.
    IdBlockSignature(Option<SignatureFormError>),
    /// AUTHOR_KEY is no key: BAD_SIGNATURE.
    AuthorKey(PublicKeyError),
    /// ID_KEY_SIG is not the author key's signature of the ID key, or no signature at all: BAD_SIGNATURE.
    IdKeySignature(Option<SignatureFormError>),
}

impl LaunchFinishError {
    /// What the firmware answers.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::LaunchDigest => Status::BAD_MEASUREMENT,
            Self::Policy { .. } => Status::POLICY_FAILURE,
            Self::IdKeyAlgo { .. } | Self::AuthKeyAlgo { .. } => Status::INVALID_PARAM,
            Self::IdKey(_)
            | Self::IdBlockSignature(_)
            | Self::AuthorKey(_)
            | Self::IdKeySignature(_) => Status::BAD_SIGNATURE,
        }
    }
}

impl fmt::Display for LaunchFinishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algo = IdAuth::P384_SHA384;
        match self {
            Self::LaunchDigest => {
                f.write_str("the launch digest is not the one that the ID block expects")
            }
            Self::Policy { guest, expected } => {
                write!(
                    f,
                    "the guest policy is {:#x}, the ID block expects {:#x}",
                    guest.0, expected.0
                )
            }
            Self::IdKeyAlgo { found } => write!(f, "ID_KEY_ALGO is {found}, expected {algo}"),
            Self::AuthKeyAlgo { found } => write!(f, "AUTH_KEY_ALGO is {found}, expected {algo}"),
            Self::IdKey(why) => write!(f, "ID_KEY: {why}"),
            Self::AuthorKey(why) => write!(f, "AUTHOR_KEY: {why}"),
            Self::IdBlockSignature(Some(why)) => write!(f, "ID_BLOCK_SIG: {why}"),
            Self::IdBlockSignature(None) => {
                f.write_str("ID_BLOCK_SIG is not the ID key's signature of the ID block")
            }
            Self::IdKeySignature(Some(why)) => write!(f, "ID_KEY_SIG: {why}"),
            Self::IdKeySignature(None) => {
                f.write_str("ID_KEY_SIG is not the author key's signature of the ID key")
            }
        }
    }
}

impl core::error::Error for LaunchFinishError {}
