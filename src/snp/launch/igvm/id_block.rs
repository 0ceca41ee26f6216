//! The ID block of an IGVM file.

use crate::addr::Page;
use crate::hash::Sha384Digest;
use crate::snp::GuestPolicy;
use crate::snp::id_block::{IdAuth, IdBlock, PublicKey};

/// What IGVM_VHT_SNP_ID_BLOCK has for SNP_LAUNCH_FINISH: an ID block but for its policy, its signatures and their keys.
///
/// The file has the policy in a header of its own: [`IgvmFile::policy`](super::IgvmFile::policy). An
/// [example](super::IgvmFile::id_block) of what the firmware says stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnpIdBlock<'a> {
    /// LD: the launch digest that is expected.
    pub launch_digest: Sha384Digest,
    /// FAMILY_ID.
    pub family_id: [u8; 16],
    /// IMAGE_ID.
    pub image_id: [u8; 16],
    /// VERSION of the ID block.
    pub version: u32,
    /// GUEST_SVN.
    pub guest_svn: u32,
    /// AUTH_KEY_EN of SNP_LAUNCH_FINISH.
    pub author_key_enabled: bool,
    /// ID_KEY_ALGO.
    pub id_key_algo: u32,
    /// AUTH_KEY_ALGO.
    pub auth_key_algo: u32,
    /// ID_BLOCK_SIG without its reserved bytes: the ID key's signature of the ID block. (The format calls it by
    /// the key, `id_key_signature`.)
    pub id_block_signature: &'a [u8; SnpIdBlock::SIGNATURE_LEN],
    /// ID_KEY as [`PublicKey::from_igvm`] takes it.
    pub id_key: &'a [u8; PublicKey::IGVM_LEN],
    /// ID_KEY_SIG without its reserved bytes: the author key's signature of the ID key. (In the format
    /// `author_key_signature`.)
    pub id_key_signature: &'a [u8; SnpIdBlock::SIGNATURE_LEN],
    /// AUTHOR_KEY as [`PublicKey::from_igvm`] takes it; zero without one.
    pub author_key: &'a [u8; PublicKey::IGVM_LEN],
}

impl SnpIdBlock<'_> {
    /// The length of a signature: two numbers of 72 bytes each.
    pub const SIGNATURE_LEN: usize = 144;

    /// The ID block as a VMM hands it to the firmware of a guest with this policy.
    #[must_use]
    pub const fn id_block(&self, policy: GuestPolicy) -> IdBlock {
        IdBlock {
            launch_digest: self.launch_digest,
            family_id: self.family_id,
            image_id: self.image_id,
            version: self.version,
            guest_svn: self.guest_svn,
            policy,
        }
    }

    /// Writes the ID authentication page that goes with it: everything that the file has, whether right or not.
    pub fn write_id_auth<'p>(&self, page: &'p mut Page) -> IdAuth<'p> {
        let id = (self.id_key_algo, self.id_block_signature, PublicKey::from_igvm(self.id_key));
        let author =
            (self.auth_key_algo, self.id_key_signature, PublicKey::from_igvm(self.author_key));
        IdAuth::write_parts(page, id, author)
    }
}
