//! The attestation report of SEV and SEV-ES, signed by the PEK (AMD 55766, ATTESTATION).

use core::fmt;

use crate::Hex;
use crate::ecdsa::{Signature, SignatureFormError, SignerSha256, VerifyingKey};
use crate::hash::Sha256Digest;
use crate::sev::GuestPolicy;
use crate::sev::cert::{Algorithm, Usage};
use crate::wire::{field, field_mut, get_u32};

/// Where things stand (AMD 55766, ATTESTATION).
mod at {
    pub(super) const MNONCE: usize = 0x00;
    pub(super) const LAUNCH_DIGEST: usize = 0x10;
    pub(super) const POLICY: usize = 0x30;
    pub(super) const SIG_USAGE: usize = 0x34;
    pub(super) const SIG_ALGO: usize = 0x38;
    pub(super) const RESERVED: usize = 0x3c;
    pub(super) const R: usize = 0x40;
    pub(super) const S: usize = 0x88;
}

/// The bytes that are signed: all before SIG_USAGE.
const SIGNED: usize = at::SIG_USAGE;

/// An attestation report, 208 bytes.
///
/// Unlike a measurement it needs no session: whoever has the platform's PEK, from
/// [`cert::verify`](super::cert::verify), can ask the host for it with a nonce of his own. It has the launch digest itself, and
/// says nothing of the firmware's version.
///
/// ```
/// use sevcrypt::ecdsa::SigningKey;
/// use sevcrypt::sev::GuestPolicy;
/// use sevcrypt::sev::report::{AttestationReport, Expected, ReportError};
///
/// let pek = SigningKey::from_random(&[7; 56]);
/// let policy = GuestPolicy(0x3701_0005);
/// let report = AttestationReport::sign(b"a verifier's own", &[0xab; 32], policy, &pek)?;
///
/// let expected = Expected { mnonce: b"a verifier's own", digest: &[0xab; 32], policy };
/// report.judge_vartime(&pek.verifying_key(), &expected)?;
/// let another = Expected { mnonce: b"a newer question", ..expected };
/// assert_eq!(report.judge_vartime(&pek.verifying_key(), &another), Err(ReportError::Mnonce));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AttestationReport([u8; Self::LEN]);

impl AttestationReport {
    /// The length in bytes.
    pub const LEN: usize = 208;

    /// From its bytes; nothing is checked.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self(*bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Makes and signs a report. [`Measured::attest`](super::launch::Measured::attest) and
    /// [`Running::attest`](super::launch::Running::attest) do so for a guest.
    ///
    /// # Errors
    /// The signer's.
    pub fn sign<S: SignerSha256>(
        mnonce: &[u8; 16],
        digest: &Sha256Digest,
        policy: GuestPolicy,
        pek: &S,
    ) -> Result<Self, S::Error> {
        let mut bytes = [0; Self::LEN];
        *field_mut::<{ at::MNONCE }, 16, _>(&mut bytes) = *mnonce;
        *field_mut::<{ at::LAUNCH_DIGEST }, 32, _>(&mut bytes) = *digest;
        *field_mut::<{ at::POLICY }, 4, _>(&mut bytes) = policy.0.to_le_bytes();
        *field_mut::<{ at::SIG_USAGE }, 4, _>(&mut bytes) = Usage::PEK.0.to_le_bytes();
        *field_mut::<{ at::SIG_ALGO }, 4, _>(&mut bytes) = Algorithm::ECDSA_SHA256.0.to_le_bytes();
        let signature = pek.sign_sha256(field::<0, SIGNED, _>(&bytes))?;
        let [r, s] = signature.to_amd_fields();
        *field_mut::<{ at::R }, 72, _>(&mut bytes) = r;
        *field_mut::<{ at::S }, 72, _>(&mut bytes) = s;
        Ok(Self(bytes))
    }

    /// MNONCE: who asked for the report has chosen it.
    #[must_use]
    pub fn mnonce(&self) -> &[u8; 16] {
        field::<{ at::MNONCE }, 16, _>(&self.0)
    }

    /// LD, the launch digest. All zero for a guest that came from another platform.
    #[must_use]
    pub fn digest(&self) -> &Sha256Digest {
        field::<{ at::LAUNCH_DIGEST }, 32, _>(&self.0)
    }

    /// POLICY.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        GuestPolicy(get_u32::<{ at::POLICY }, _>(&self.0))
    }

    /// SIG_USAGE: the usage of the key that signed. Not signed itself.
    #[must_use]
    pub fn signature_usage(&self) -> Usage {
        Usage(get_u32::<{ at::SIG_USAGE }, _>(&self.0))
    }

    /// SIG_ALGO: its algorithm. Not signed itself.
    #[must_use]
    pub fn signature_algorithm(&self) -> Algorithm {
        Algorithm(get_u32::<{ at::SIG_ALGO }, _>(&self.0))
    }

    /// Checks that the report has no stray bytes and that its signature is a PEK's, in variable time. Not what it says:
    /// [`judge_vartime`](Self::judge_vartime).
    ///
    /// # Errors
    /// In this order: [`ReportError::Usage`], [`ReportError::Algorithm`], [`ReportError::Reserved`],
    /// [`ReportError::SignatureForm`], [`ReportError::Signature`]. The first three are words that are not signed.
    /// A signature does not make the bytes unique: where (r, s) verifies, (r, n - s) does too.
    pub fn verify_vartime(&self, pek: &VerifyingKey) -> Result<(), ReportError> {
        let usage = self.signature_usage();
        if usage != Usage::PEK {
            return Err(ReportError::Usage { found: usage });
        }
        let algorithm = self.signature_algorithm();
        if algorithm != Algorithm::ECDSA_SHA256 {
            return Err(ReportError::Algorithm { found: algorithm });
        }
        match get_u32::<{ at::RESERVED }, _>(&self.0) {
            0 => {}
            found => return Err(ReportError::Reserved { found }),
        }
        let (r, s) = (field::<{ at::R }, 72, _>(&self.0), field::<{ at::S }, 72, _>(&self.0));
        let signature = Signature::from_amd_fields(r, s).map_err(ReportError::SignatureForm)?;
        match pek.verify_sha256_vartime(field::<0, SIGNED, _>(&self.0), &signature) {
            true => Ok(()),
            false => Err(ReportError::Signature),
        }
    }

    /// [`verify_vartime`](Self::verify_vartime), and that the report says what it should, in variable time: nothing of it is
    /// secret.
    ///
    /// # Errors
    /// In this order: what that says, then [`ReportError::Mnonce`], [`ReportError::Digest`], [`ReportError::Policy`].
    pub fn judge_vartime(
        &self,
        pek: &VerifyingKey,
        expected: &Expected<'_>,
    ) -> Result<(), ReportError> {
        self.verify_vartime(pek)?;
        if self.mnonce() != expected.mnonce {
            return Err(ReportError::Mnonce);
        }
        if self.digest() != expected.digest {
            return Err(ReportError::Digest { found: *self.digest() });
        }
        if self.policy() != expected.policy {
            return Err(ReportError::Policy { found: self.policy(), expected: expected.policy });
        }
        Ok(())
    }
}

impl fmt::Debug for AttestationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttestationReport")
            .field("mnonce", &Hex(self.mnonce()))
            .field("digest", &Hex(self.digest()))
            .field("policy", &self.policy())
            .finish_non_exhaustive()
    }
}

/// What a report has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected<'a> {
    /// The nonce that the report was asked for with; a fresh one each time, or an old report passes.
    pub mnonce: &'a [u8; 16],
    /// The guest's launch digest.
    pub digest: &'a Sha256Digest,
    /// The guest's policy, in all its bits.
    pub policy: GuestPolicy,
}

/// Why a report is not authentic, or not the one that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportError {
    /// SIG_USAGE is not the PEK's.
    Usage {
        /// The usage that was found.
        found: Usage,
    },
    /// SIG_ALGO is not ECDSA with SHA-256.
    Algorithm {
        /// The algorithm that was found.
        found: Algorithm,
    },
    /// The reserved word is not zero.
    Reserved {
        /// The word.
        found: u32,
    },
    /// The signature has no valid form; offsets are in its 144 bytes.
    SignatureForm(SignatureFormError),
    /// The signature is not this PEK's.
    Signature,
    /// MNONCE is another one.
    Mnonce,
    /// LD is another one.
    Digest {
        /// The digest that was found.
        found: Sha256Digest,
    },
    /// POLICY is another one.
    Policy {
        /// The policy that was found.
        found: GuestPolicy,
        /// The one that was expected.
        expected: GuestPolicy,
    },
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { found } => {
                write!(
                    f,
                    "SIG_USAGE is {:#x}, expected that of a PEK, {:#x}",
                    found.0,
                    Usage::PEK.0
                )
            }
            Self::Algorithm { found } => write!(
                f,
                "SIG_ALGO is {:#x}, expected ECDSA with SHA-256, {:#x}",
                found.0,
                Algorithm::ECDSA_SHA256.0
            ),
            Self::Reserved { found } => {
                write!(f, "the reserved word at {:#x} is {found:#x}, expected 0", at::RESERVED)
            }
            Self::SignatureForm(error) => fmt::Display::fmt(error, f),
            Self::Signature => f.write_str("the signature is not this PEK's"),
            Self::Mnonce => f.write_str("MNONCE is not the one that was asked with"),
            Self::Digest { found } => write!(f, "the launch digest is {}", Hex(found)),
            Self::Policy { found, expected } => {
                write!(f, "the policy is {:#x}, expected {:#x}", found.0, expected.0)
            }
        }
    }
}

impl core::error::Error for ReportError {}

#[cfg(test)]
mod tests;
