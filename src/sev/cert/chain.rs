//! Chains of certificates, down to AMD's keys.

use super::{AmdCertificate, Certificate, PdhKey};
use crate::ecdsa::VerifyingKey;
use crate::sev::ApiVersion;

/// A generation of EPYC processors with a root key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Product {
    /// Zen 1, 7001.
    Naples,
    /// Zen 2, 7002.
    Rome,
    /// Zen 3, 7003.
    Milan,
    /// Zen 4, 9004 and 8004.
    Genoa,
    /// Zen 5, 9005.
    Turin,
}

/// The certificates of a platform.
#[derive(Clone, PartialEq, Eq)]
pub struct PlatformCertificates {
    /// Platform Diffie-Hellman key.
    pub pdh: Certificate,
    /// Platform endorsement key.
    pub pek: Certificate,
    /// Owner's certificate authority.
    pub oca: Certificate,
    /// Chip endorsement key, with AMD's signature.
    pub cek: Certificate,
}

/// Whom to trust in the end.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Trust {}

impl Trust {
    /// AMD's root keys of every generation, which are built in.
    #[must_use]
    pub const fn amd() -> Self {
        Self {}
    }
}

/// A platform whose chain was verified.
#[derive(Clone, Debug)]
pub struct VerifiedPlatform {
    product: Product,
    pdh: PdhKey,
    pek: VerifyingKey,
    api: ApiVersion,
}

impl VerifiedPlatform {
    /// The product whose root key vouches for it.
    #[must_use]
    pub fn product(&self) -> Product {
        self.product
    }

    /// Its Diffie-Hellman key.
    #[must_use]
    pub fn pdh(&self) -> &PdhKey {
        &self.pdh
    }

    /// The key that signs its attestation reports.
    #[must_use]
    pub fn pek(&self) -> &VerifyingKey {
        &self.pek
    }

    /// The firmware's API when the PEK was made.
    #[must_use]
    pub fn api(&self) -> ApiVersion {
        self.api
    }
}

/// Verifies a platform's certificates: CEK by ASK by ARK, PEK by CEK and by OCA, OCA by itself, PDH by PEK.
///
/// # Errors
/// [`ChainError`]
pub fn verify(
    _platform: &PlatformCertificates,
    _amd: Option<(&AmdCertificate<'_>, &AmdCertificate<'_>)>,
    _trust: &Trust,
) -> Result<VerifiedPlatform, ChainError> {
    todo!()
}

/// Why a chain is not authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainError {}
