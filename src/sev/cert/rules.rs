//! The firmware's rules for certificates, and stricter ones.

use core::fmt;

use super::{Algorithm, AmdCertificate, Certificate, KeyError, PublicKey, Slot, Usage, at};
use crate::Hex;
use crate::ecdsa::{Signature, SignatureFormError};
use crate::status::Status;
use crate::wire::field;

/// A key that may have signed a certificate.
#[derive(Clone, Copy)]
pub(super) struct SignerKey {
    pub(super) usage: Usage,
    pub(super) algorithm: Algorithm,
    pub(super) key: PublicKey,
}

impl SignerKey {
    pub(super) fn of(certificate: &Certificate) -> Result<Self, CertificateError> {
        let key = certificate.key().map_err(CertificateError::SignerKey)?;
        Ok(Self { usage: certificate.usage(), algorithm: certificate.algorithm(), key })
    }

    /// The key of an AMD certificate, as the firmware puts it into a SEV certificate's form.
    pub(super) fn of_amd(certificate: &AmdCertificate<'_>) -> Result<Self, CertificateError> {
        let key = certificate.key().map_err(CertificateError::SignerKey)?;
        Ok(Self {
            usage: certificate.usage(),
            algorithm: key.algorithm(),
            key: PublicKey::Rsa(key),
        })
    }

    /// Whether it has signed a body; `None` if such keys do not sign.
    fn verifies(&self, body: &[u8], signature: &[u8; Slot::SIGNATURE_LEN]) -> Option<bool> {
        match &self.key {
            PublicKey::Ecdh(_) => None,
            PublicKey::Rsa(key) => Some(key.verifies(self.algorithm, body, signature)),
            PublicKey::Ecdsa(key) => {
                Some(ecdsa(signature).is_ok_and(|signature| match self.algorithm.has_sha384() {
                    true => key.verify_vartime(body, &signature),
                    false => key.verify_sha256_vartime(body, &signature),
                }))
            }
        }
    }
}

/// r and s. Both are numbers of 72 bytes, so that a byte behind the 48 that count makes them too large; what is behind
/// both is not looked at.
fn ecdsa(signature: &[u8; Slot::SIGNATURE_LEN]) -> Result<Signature, SignatureFormError> {
    Signature::from_amd_fields(field::<0, 72, _>(signature), field::<72, 72, _>(signature))
}

impl Certificate {
    /// The firmware's check of a certificate under the key of another one, in its order (AMD's published firmware,
    /// `sev_cert.c`): the signer's key, the slots, VERSION and the certificate's own key, and whether a key of the
    /// signer's usage signs one of this usage.
    ///
    /// All slots by a key of the signer's usage and algorithm count, and **the last one decides**. A slot that is half
    /// empty is an error, whoever filled the other one. The firmware does not look at API_MAJOR and API_MINOR, at
    /// reserved bytes and at padding; [`check_form`](Self::check_form) and [`verify`](super::verify) do.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn validate(&self, signer: &Self) -> Result<(), CertificateError> {
        self.validate_under(&SignerKey::of(signer)?)
    }

    /// The firmware's check of a CEK's certificate under an ASK: as [`validate`](Self::validate), by the ASK's key with
    /// the hash of its size. The ASK itself is not checked; [`AmdCertificate::validate`] does that.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn validate_by_ask(&self, ask: &AmdCertificate<'_>) -> Result<(), CertificateError> {
        self.validate_under(&SignerKey::of_amd(ask)?)
    }

    pub(super) fn validate_under(&self, signer: &SignerKey) -> Result<(), CertificateError> {
        let mut verdict = Err(CertificateError::NotSigned { by: signer.usage });
        for (number, slot) in (1..).zip(self.slots()) {
            if (slot.algorithm == Algorithm::NONE) != (slot.usage == Usage::EMPTY) {
                return Err(CertificateError::MalformedSlot { slot: number });
            }
            if slot.algorithm != signer.algorithm || slot.usage != signer.usage {
                continue;
            }
            verdict = match signer.verifies(self.body(), slot.signature) {
                Some(true) => Ok(()),
                Some(false) => Err(CertificateError::Signature { slot: number }),
                None => {
                    return Err(CertificateError::Unsupported { algorithm: signer.algorithm });
                }
            };
        }
        verdict?;
        self.check_body()?;
        let (usage, by) = (self.usage(), signer.usage);
        match (usage, by) {
            (Usage::PDH, Usage::PEK)
            | (Usage::PEK, Usage::OCA | Usage::CEK)
            | (Usage::OCA, Usage::OCA)
            | (Usage::CEK, Usage::ASK) => Ok(()),
            _ => Err(CertificateError::Signer { usage, by }),
        }
    }

    /// VERSION and the key.
    pub(super) fn check_body(&self) -> Result<PublicKey, CertificateError> {
        match self.version() {
            Self::VERSION => self.key().map_err(CertificateError::Key),
            found => Err(CertificateError::Version { found }),
        }
    }

    pub(super) fn check_usage(&self, expected: Usage) -> Result<(), CertificateError> {
        match self.usage() {
            found if found == expected => Ok(()),
            found => Err(CertificateError::Usage { found, expected }),
        }
    }

    /// Whether every byte that has no meaning is zero: the reserved ones, those behind the numbers of a key and of a
    /// signature, and an empty slot's. The firmware does not look at them. (A signature has other valid forms still: of
    /// ECDSA, (r, n - s) verifies where (r, s) does.)
    ///
    /// A slot does not say how long its RSA signature is: with SHA-256 256 bytes count, with SHA-384 all 512, as with
    /// AMD's keys.
    ///
    /// # Errors
    /// [`CertificateError::Reserved`]: the first such byte.
    pub fn check_form(&self) -> Result<(), CertificateError> {
        let reserved = || self.0.iter().enumerate().skip(at::RESERVED).take(2);
        let stray = reserved().find(|(_, byte)| **byte != 0).map(|(offset, _)| offset);
        let stray = stray.or_else(|| self.stray_key_byte()).or_else(|| {
            at::SLOTS.into_iter().zip(self.slots()).find_map(|(offset, slot)| {
                let stray = stray_signature_byte(&slot)?;
                Some(offset + 8 + stray)
            })
        });
        stray.map_or(Ok(()), |offset| Err(CertificateError::Reserved { offset }))
    }

    /// The form, and that each slot is empty or of one of these signers, none of which has both.
    pub(super) fn check_slots(&self, signers: &[&SignerKey]) -> Result<(), CertificateError> {
        self.check_form()?;
        let slots = self.slots();
        for (number, slot) in (1..).zip(&slots) {
            if slot.is_empty() {
                continue;
            }
            if slot.algorithm == Algorithm::NONE || slot.usage == Usage::EMPTY {
                return Err(CertificateError::MalformedSlot { slot: number });
            }
            let twice = number == 2 && slots[0].usage == slot.usage;
            match signers.iter().find(|signer| signer.usage == slot.usage) {
                Some(signer) if signer.algorithm != slot.algorithm => {
                    let (found, expected) = (slot.algorithm, signer.algorithm);
                    return Err(CertificateError::SlotAlgorithm { slot: number, found, expected });
                }
                Some(_) if !twice => {}
                _ => return Err(CertificateError::SlotUsage { slot: number, found: slot.usage }),
            }
        }
        Ok(())
    }
}

/// The first byte of a signature's place that is no part of the signature and not zero. The size of RSA goes with the
/// hash ([`RsaKey::algorithm`](super::RsaKey::algorithm)).
fn stray_signature_byte(slot: &Slot<'_>) -> Option<usize> {
    let used = |at: usize| match slot.algorithm {
        Algorithm::NONE => false,
        Algorithm::RSA_SHA256 => at < 256,
        Algorithm::ECDSA_SHA256 | Algorithm::ECDSA_SHA384 => at < 48 || (72..120).contains(&at),
        _ => true,
    };
    let mut bytes = slot.signature.iter().enumerate();
    bytes.find(|(at, byte)| **byte != 0 && !used(*at)).map(|(at, _)| at)
}

/// Why a certificate is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// The bytes have another length.
    Length {
        /// The bytes that were given.
        found: usize,
        /// Those of the format.
        expected: usize,
    },
    /// ASK and ARK together have none of the lengths 1664, 2176, 2688 and 3200.
    ChainLength {
        /// The bytes that were given.
        found: usize,
    },
    /// An AMD certificate ends before its last field does.
    Truncated {
        /// The bytes that there are.
        found: usize,
        /// Those that its header speaks of.
        expected: usize,
    },
    /// PUBEXP_SIZE or MODULUS_SIZE is neither 2048 nor 4096.
    Size {
        /// The field's offset: 0x38 or 0x3c.
        offset: usize,
        /// What it says, in bits.
        bits: u32,
    },
    /// An AMD certificate ends before its signature, as the ARK of Naples did when it was first published.
    NoSignature,
    /// VERSION is not 1.
    Version {
        /// What it is.
        found: u32,
    },
    /// The key of the certificate.
    Key(KeyError),
    /// The key of the signer's certificate.
    SignerKey(KeyError),
    /// One of the words of a slot says that it is empty, and the other does not.
    MalformedSlot {
        /// 1 or 2.
        slot: u8,
    },
    /// No slot is by a key of the signer's usage and algorithm.
    NotSigned {
        /// The signer's usage.
        by: Usage,
    },
    /// The signature in a slot is not the signer's.
    Signature {
        /// 1 or 2.
        slot: u8,
    },
    /// Bytes behind the ARK in the blob of ASK and ARK.
    Rest {
        /// Where they begin.
        offset: usize,
    },
    /// The key of an AMD certificate and its signer's have not the same size.
    SignerSize {
        /// The bits of the signer's modulus.
        found: usize,
        /// Those of the certificate's.
        expected: usize,
    },
    /// The signature of an AMD certificate is not the signer's.
    AmdSignature,
    /// A signer whose keys do not sign.
    Unsupported {
        /// The signer's algorithm.
        algorithm: Algorithm,
    },
    /// A key of the signer's usage does not sign keys of this usage.
    Signer {
        /// The certificate's usage.
        usage: Usage,
        /// The signer's.
        by: Usage,
    },
    /// PUBKEY_USAGE or KEY_USAGE is another one.
    Usage {
        /// What it is.
        found: Usage,
        /// What it should be.
        expected: Usage,
    },
    /// PUBKEY_ALGO is another one.
    Algorithm {
        /// What it is.
        found: Algorithm,
        /// What it should be.
        expected: Algorithm,
    },
    /// CERTIFYING_ID is not the signer's KEY_ID.
    CertifyingId {
        /// CERTIFYING_ID.
        found: [u8; 16],
        /// The signer's KEY_ID.
        expected: [u8; 16],
    },
    /// An ARK that is not trusted.
    Root {
        /// Its KEY_ID.
        key_id: [u8; 16],
    },
    /// A byte without meaning is not zero.
    Reserved {
        /// Where in the certificate.
        offset: usize,
    },
    /// A slot by a key that has nothing to sign here, or by one that has signed already.
    SlotUsage {
        /// 1 or 2.
        slot: u8,
        /// SIG_USAGE.
        found: Usage,
    },
    /// A slot by a key of the signer's usage, with another algorithm than the signer's.
    SlotAlgorithm {
        /// 1 or 2.
        slot: u8,
        /// SIG_ALGO.
        found: Algorithm,
        /// The signer's.
        expected: Algorithm,
    },
}

impl CertificateError {
    /// What the firmware answers. (Of [`Reserved`](Self::Reserved), [`SlotUsage`](Self::SlotUsage) and
    /// [`SlotAlgorithm`](Self::SlotAlgorithm), which are no errors to it, and of [`Rest`](Self::Rest) and
    /// [`SignerSize`](Self::SignerSize): MODEL, `INVALID_CERTIFICATE`.)
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Length { .. } | Self::ChainLength { .. } => Status::INVALID_LENGTH,
            Self::MalformedSlot { .. } | Self::Signature { .. } | Self::AmdSignature => {
                Status::BAD_SIGNATURE
            }
            Self::Unsupported { .. } => Status::UNSUPPORTED,
            _ => Status::INVALID_CERTIFICATE,
        }
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { found, expected } => {
                write!(f, "{found} bytes, a certificate has {expected}")
            }
            Self::ChainLength { found } => {
                write!(f, "{found} bytes, ASK and ARK have 1664, 2176, 2688 or 3200")
            }
            Self::Truncated { found, expected } => {
                write!(f, "{found} bytes, {expected} are needed for the AMD certificate")
            }
            Self::Size { offset, bits } => {
                write!(f, "a size of {bits} bits at offset {offset:#x}: 2048 and 4096 are taken")
            }
            Self::NoSignature => f.write_str("the AMD certificate ends before its signature"),
            Self::Version { found } => write!(f, "version {found}, expected 1"),
            Self::Key(error) => write!(f, "the key: {error}"),
            Self::SignerKey(error) => write!(f, "the signer's key: {error}"),
            Self::MalformedSlot { slot } => {
                write!(f, "slot {slot} is half empty: its usage and its algorithm do not agree")
            }
            Self::NotSigned { by } => {
                write!(f, "no slot is by a key of usage {by} with the signer's algorithm")
            }
            Self::Signature { slot } => {
                write!(f, "the signature in slot {slot} is not the signer's")
            }
            Self::Rest { offset } => write!(f, "bytes behind the ARK, from offset {offset:#x} on"),
            Self::SignerSize { found, expected } => {
                write!(f, "a signer of {found} bits, the certificate's own key has {expected}")
            }
            Self::AmdSignature => f.write_str("the signature is not the signer's"),
            Self::Unsupported { algorithm } => {
                write!(f, "the signer's algorithm is {algorithm}, which signs nothing")
            }
            Self::Signer { usage, by } => {
                write!(f, "a key of usage {usage}, signed by one of usage {by}")
            }
            Self::Usage { found, expected } => write!(f, "usage {found}, expected {expected}"),
            Self::Algorithm { found, expected } => {
                write!(f, "algorithm {found}, expected {expected}")
            }
            Self::CertifyingId { found, expected } => {
                write!(f, "certified by key {}, expected {}", Hex(found), Hex(expected))
            }
            Self::Root { key_id } => write!(f, "the root key {} is not trusted", Hex(key_id)),
            Self::Reserved { offset } => write!(f, "byte {offset:#x} is reserved and not zero"),
            Self::SlotUsage { slot, found } => {
                write!(f, "slot {slot} is by a key of usage {found}, which has no signature to add")
            }
            Self::SlotAlgorithm { slot, found, expected } => {
                write!(f, "slot {slot} has algorithm {found}, the signer's is {expected}")
            }
        }
    }
}

impl core::error::Error for CertificateError {}
