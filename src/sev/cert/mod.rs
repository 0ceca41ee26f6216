//! Certificates of SEV platforms: the binary formats of PDH, PEK, OCA and CEK, and of AMD's ARK and ASK (AMD 55766,
//! appendix C).

mod amd;
mod chain;
mod rules;

pub use amd::AmdCertificate;
pub use chain::{ChainError, PlatformCertificates, Product, Trust, VerifiedPlatform, verify};
pub use rules::CertificateError;

use super::ApiVersion;
use crate::ecdh;
use crate::ecdsa::{SignerSha256, VerifyingKey};

/// PUBKEY_USAGE: what a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Usage(pub u32);

impl Usage {
    /// AMD root key.
    pub const ARK: Self = Self(0);
    /// AMD SEV key.
    pub const ASK: Self = Self(0x13);
    /// A slot without a signature.
    pub const EMPTY: Self = Self(0x1000);
    /// Owner's certificate authority.
    pub const OCA: Self = Self(0x1001);
    /// Platform endorsement key.
    pub const PEK: Self = Self(0x1002);
    /// Platform Diffie-Hellman key; the guest owner's, too.
    pub const PDH: Self = Self(0x1003);
    /// Chip endorsement key.
    pub const CEK: Self = Self(0x1004);
}

/// PUBKEY_ALGO and SIG_ALGO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Algorithm(pub u32);

impl Algorithm {
    /// None: an empty slot.
    pub const NONE: Self = Self(0);
    /// RSA with SHA-256.
    pub const RSA_SHA256: Self = Self(1);
    /// ECDSA with SHA-256.
    pub const ECDSA_SHA256: Self = Self(2);
    /// ECDH, SHA-256.
    pub const ECDH_SHA256: Self = Self(3);
    /// RSA with SHA-384.
    pub const RSA_SHA384: Self = Self(0x101);
    /// ECDSA with SHA-384.
    pub const ECDSA_SHA384: Self = Self(0x102);
    /// ECDH, SHA-384.
    pub const ECDH_SHA384: Self = Self(0x103);
}

/// A SEV certificate, version 1: a public key with up to two signatures, 2084 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate([u8; Self::LEN]);

/// A place for a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot<'a> {
    /// SIG_USAGE: the usage of the key that signed.
    pub usage: Usage,
    /// SIG_ALGO: its algorithm.
    pub algorithm: Algorithm,
    /// The signature.
    pub signature: &'a [u8; 512],
}

impl Certificate {
    /// The length in bytes.
    pub const LEN: usize = 2084;
    /// The length of the part that is signed.
    pub const BODY_LEN: usize = 1044;

    /// From its bytes; nothing but the length is checked.
    ///
    /// # Errors
    /// [`CertificateError::Length`]
    pub fn parse(_bytes: &[u8]) -> Result<Self, CertificateError> {
        todo!()
    }

    /// From its bytes; nothing is checked.
    #[must_use]
    pub fn from_bytes(_bytes: &[u8; Self::LEN]) -> Self {
        todo!()
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The part that is signed.
    #[must_use]
    pub fn body(&self) -> &[u8; Self::BODY_LEN] {
        todo!()
    }

    /// A certificate without signatures of a key to verify with: OCA, PEK, CEK.
    #[must_use]
    pub fn of_verifying_key(_usage: Usage, _key: &VerifyingKey, _api: ApiVersion) -> Self {
        todo!()
    }

    /// A certificate without signatures of a Diffie-Hellman key: a PDH, or a guest owner's.
    #[must_use]
    pub fn of_ecdh_key(_key: &ecdh::PublicKey, _api: ApiVersion) -> Self {
        todo!()
    }

    /// VERSION.
    #[must_use]
    pub fn version(&self) -> u32 {
        todo!()
    }

    /// API_MAJOR and API_MINOR of the firmware that made it.
    #[must_use]
    pub fn api(&self) -> ApiVersion {
        todo!()
    }

    /// PUBKEY_USAGE.
    #[must_use]
    pub fn usage(&self) -> Usage {
        todo!()
    }

    /// PUBKEY_ALGO.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        todo!()
    }

    /// Both slots.
    #[must_use]
    pub fn slots(&self) -> [Slot<'_>; 2] {
        todo!()
    }

    /// The same without signatures: a CSR.
    #[must_use]
    pub fn unsigned(&self) -> Self {
        todo!()
    }

    /// Signs it, in the first empty slot, by a key of this usage.
    ///
    /// # Errors
    /// No slot is empty, or the signer's own.
    pub fn sign<S: SignerSha256>(
        &mut self,
        _usage: Usage,
        _signer: &S,
    ) -> Result<(), SignError<S::Error>> {
        todo!()
    }

    /// The firmware's check of a certificate under the key of another one, in its order.
    ///
    /// # Errors
    /// [`CertificateError`]
    pub fn validate(&self, _signer: &Self) -> Result<(), CertificateError> {
        todo!()
    }
}

/// Why a certificate was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError<E> {
    /// Both slots hold a signature.
    NoEmptySlot,
    /// The signer's.
    Signer(E),
}

/// The Diffie-Hellman key of a certificate of the right kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PdhKey(ecdh::PublicKey);

impl PdhKey {
    /// The key of a certificate whose **signatures are not checked**: what the firmware does with the certificate of the
    /// other end (version, usage, algorithm, curve, point). Of a platform that was verified:
    /// [`VerifiedPlatform::pdh`].
    ///
    /// # Errors
    /// [`CertificateError`]
    pub fn unauthenticated(_certificate: &Certificate) -> Result<Self, CertificateError> {
        todo!()
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &ecdh::PublicKey {
        &self.0
    }
}
