//! The attestation report of SEV and SEV-ES, signed by the PEK (AMD 55766, ATTESTATION).

use crate::ecdsa::{SignerSha256, VerifyingKey};
use crate::hash::Sha256Digest;
use crate::sev::GuestPolicy;

/// An attestation report, 208 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AttestationReport([u8; Self::LEN]);

impl AttestationReport {
    /// The length in bytes.
    pub const LEN: usize = 208;

    /// From its bytes.
    #[must_use]
    pub fn from_bytes(_bytes: &[u8; Self::LEN]) -> Self {
        todo!()
    }

    /// Makes and signs a report.
    ///
    /// # Errors
    /// The signer's.
    pub fn sign<S: SignerSha256>(
        _mnonce: &[u8; 16],
        _digest: &Sha256Digest,
        _policy: GuestPolicy,
        _pek: &S,
    ) -> Result<Self, S::Error> {
        todo!()
    }

    /// Whether its signature is that of a PEK.
    ///
    /// # Errors
    /// [`ReportError`]
    pub fn verify_vartime(&self, _pek: &VerifyingKey) -> Result<(), ReportError> {
        todo!()
    }
}

/// Why a report is not authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportError {}
