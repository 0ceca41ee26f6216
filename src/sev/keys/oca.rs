//! An owner's certificate authority.

use core::fmt;

use crate::ecdsa::{SigningError, SigningKey};
use crate::sev::ApiVersion;
use crate::sev::cert::{
    Algorithm, Certificate, CertificateError, PublicKey, SignError, Slot, Usage,
};

/// An owner's certificate authority (OCA): the key with which an owner takes platforms over, and its certificate. A key
/// that is kept elsewhere signs by [`Certificate::sign`].
///
/// [`keys`](super) has an example.
pub struct Oca {
    key: SigningKey,
    certificate: Certificate,
}

impl Oca {
    /// From a key; the certificate is signed by itself, and its API version is zero, as no firmware made it.
    ///
    /// # Errors
    /// [`SigningError`]: by chance of 2^-380.
    pub fn new(key: SigningKey) -> Result<Self, SigningError> {
        let public = key.verifying_key();
        let unsigned = Certificate::of_verifying_key(Usage::OCA, &public, ApiVersion::default());
        let certificate = signed(unsigned, Usage::OCA, &key)?;
        Ok(Self { key, certificate })
    }

    /// From a key and the certificate that was made for it before.
    ///
    /// ```
    /// use sevcrypt::ecdsa::SigningKey;
    /// use sevcrypt::sev::keys::Oca;
    ///
    /// let oca = Oca::new(SigningKey::from_random(&[3; 56]))?;
    /// // Later: the key and the certificate were kept.
    /// let again = Oca::from_certificate(SigningKey::from_random(&[3; 56]), oca.certificate())?;
    /// assert_eq!(again.certificate(), oca.certificate());
    /// assert!(Oca::from_certificate(SigningKey::from_random(&[4; 56]), oca.certificate()).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`CertificateError`]: it is no valid certificate of an OCA, or of another key.
    pub fn from_certificate(
        key: SigningKey,
        certificate: &Certificate,
    ) -> Result<Self, CertificateError> {
        let own =
            Certificate::of_verifying_key(Usage::OCA, &key.verifying_key(), certificate.api());
        certificate.validate(&own)?;
        certificate.validate(certificate)?;
        match certificate.usage() {
            Usage::OCA => Ok(Self { key, certificate: certificate.clone() }),
            found => Err(CertificateError::Usage { found, expected: Usage::OCA }),
        }
    }

    /// The certificate, for PEK_CERT_IMPORT.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The certificate of a PEK, from its CSR (PEK_CSR): the same with this OCA's signature in the first slot.
    ///
    /// A CSR proves nothing: that it is a genuine platform's, its chain says ([`verify`](crate::sev::cert::verify)),
    /// whose PEK has the same body.
    ///
    /// # Errors
    /// [`CsrError`]: it is no CSR of a PEK.
    pub fn sign_csr(&self, csr: &Certificate) -> Result<Certificate, CsrError> {
        if csr.version() != Certificate::VERSION {
            return Err(CertificateError::Version { found: csr.version() }.into());
        }
        if csr.usage() != Usage::PEK {
            let (found, expected) = (csr.usage(), Usage::PEK);
            return Err(CertificateError::Usage { found, expected }.into());
        }
        match (csr.key().map_err(CertificateError::Key)?, csr.algorithm()) {
            (PublicKey::Ecdsa(_), Algorithm::ECDSA_SHA256) => {}
            (_, found) => {
                let expected = Algorithm::ECDSA_SHA256;
                return Err(CertificateError::Algorithm { found, expected }.into());
            }
        }
        if let Some(slot) = csr.slots().iter().position(|slot| !slot.is_empty()) {
            let slot = if slot == 0 { 1 } else { 2 };
            return Err(CsrError::Signed { slot });
        }
        csr.check_form()?;
        signed(csr.clone(), Usage::OCA, &self.key).map_err(|_| CsrError::Signing)
    }
}

impl fmt::Debug for Oca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Oca(..)")
    }
}

/// A certificate without signatures, signed.
pub(super) fn signed(
    mut certificate: Certificate,
    usage: Usage,
    key: &SigningKey,
) -> Result<Certificate, SigningError> {
    certificate.set_slots([Slot::EMPTY; 2]);
    match certificate.sign(usage, key) {
        Ok(()) => Ok(certificate),
        Err(SignError::Signer(error)) => Err(error),
        Err(SignError::NoEmptySlot) => Err(SigningError),
    }
}

/// Why a CSR was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CsrError {
    /// It is no certificate of a PEK.
    Certificate(CertificateError),
    /// It has a signature, or a slot that is half empty.
    Signed {
        /// 1 or 2.
        slot: u8,
    },
    /// No signature came out; it does not happen but by chance of 2^-380.
    Signing,
}

impl From<CertificateError> for CsrError {
    fn from(error: CertificateError) -> Self {
        Self::Certificate(error)
    }
}

impl fmt::Display for CsrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(error) => error.fmt(f),
            Self::Signed { slot } => write!(f, "slot {slot} of the CSR is not empty"),
            Self::Signing => SigningError.fmt(f),
        }
    }
}

impl core::error::Error for CsrError {}
