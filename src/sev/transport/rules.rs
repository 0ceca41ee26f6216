//! To whom a guest may be sent: the rules of SEND_START.

use core::fmt;

use crate::ecdh;
use crate::sev::cert::{
    AmdCertificate, Certificate, CertificateError, PdhKey, PlatformCertificates, Trust,
};
use crate::sev::{ApiVersion, GuestPolicy};
use crate::status::Status;

/// The platform that sends.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The private part of its PDH.
    pub pdh: &'a ecdh::PrivateKey,
    /// Its OCA, which says who owns it.
    pub oca: &'a Certificate,
    /// Which ARK its fuses name: [`Trust::with_product`], or a root of the caller's.
    pub trust: Trust<'a>,
}

/// The platform that shall get a guest, as SEND_START is told of it: bytes, nothing of which is checked yet.
///
/// | POLICY | what is needed | what is checked |
/// |---|---|---|
/// | NOSEND | | the guest is not sent |
/// | | PDH | that it is such a key; **no signature** |
/// | SEV | all | AMD's chain down to the PDH, the firmware's version in the PEK |
/// | DOMAIN | PDH, PEK, OCA | the chain from the OCA down to the PDH; the OCA is the sender's own |
/// | SEV and DOMAIN | all | both |
///
/// UNKNOWN: how AMD 55766 words this; it is what AMD's published firmware does.
#[derive(Clone, Copy, Debug)]
pub struct Receiver<'a> {
    /// PDH_CERT: the certificate of its PDH.
    pub pdh: &'a [u8],
    /// PLAT_CERTS: PEK, OCA and CEK, this with AMD's signature.
    pub platform: &'a [u8],
    /// AMD_CERTS: ASK and ARK.
    pub amd: &'a [u8],
}

impl Receiver<'_> {
    /// Whether a guest of this policy may go to this platform, from one of this owner; answers with the key that a session
    /// is made with.
    ///
    /// The PEK is looked at under the CEK, under the OCA, or both, as the policy asks. A platform that is not shown to be
    /// AMD's makes any certificate it likes: for a policy without SEV and DOMAIN **the host can be the receiver**.
    ///
    /// # Errors
    /// [`SendStartError`]: the first check that fails, in the firmware's order.
    ///
    /// ```
    /// use sevcrypt::ecdh::PrivateKey;
    /// use sevcrypt::sev::cert::{Certificate, Trust};
    /// use sevcrypt::sev::transport::{Receiver, SendStartError};
    /// use sevcrypt::sev::{ApiVersion, GuestPolicy};
    ///
    /// let anybody = PrivateKey::from_random(&[7; 56]).public_key();
    /// let pdh = Certificate::of_ecdh_key(&anybody, ApiVersion::default());
    /// let receiver = Receiver { pdh: pdh.as_bytes(), platform: &[], amd: &[] };
    /// let check = |policy| receiver.check(GuestPolicy(policy), &pdh, &Trust::amd());
    /// assert!(check(0).is_ok());
    /// assert_eq!(check(1 << 3), Err(SendStartError::Nosend));
    /// assert_eq!(check(1 << 5), Err(SendStartError::PlatformLength { found: 0 }));
    /// ```
    pub fn check(
        &self,
        policy: GuestPolicy,
        own_oca: &Certificate,
        trust: &Trust<'_>,
    ) -> Result<PdhKey, SendStartError> {
        if policy.nosend() {
            return Err(SendStartError::Nosend);
        }
        if policy.sev() {
            self.check_amd_chain(policy, trust)?;
        }
        if policy.domain() {
            self.check_owner(own_oca)?;
        }
        let pdh = self.pdh()?;
        PdhKey::unauthenticated(&pdh).map_err(Link::Pdh.failed())
    }

    /// The rules of POLICY.SEV.
    fn check_amd_chain(
        &self,
        policy: GuestPolicy,
        trust: &Trust<'_>,
    ) -> Result<(), SendStartError> {
        let PlatformCertificates { pdh, pek, cek, .. } = self.certificates()?;
        let [ask, ark] = AmdCertificate::parse_chain(self.amd).map_err(Link::Amd.failed())?;
        ark.validate_root(trust).map_err(Link::Ark.failed())?;
        ask.validate(&ark).map_err(Link::AskByArk.failed())?;
        cek.validate_by_ask(&ask).map_err(Link::CekByAsk.failed())?;
        pek.validate(&cek).map_err(Link::PekByCek.failed())?;
        pdh.validate(&pek).map_err(Link::PdhByPek.failed())?;
        match (pek.api(), policy.api()) {
            (found, expected) if found < expected => Err(SendStartError::Api { found, expected }),
            _ => Ok(()),
        }
    }

    /// The rules of POLICY.DOMAIN.
    fn check_owner(&self, own_oca: &Certificate) -> Result<(), SendStartError> {
        let PlatformCertificates { pdh, pek, oca, .. } = self.certificates()?;
        oca.validate(&oca).map_err(Link::OcaByItself.failed())?;
        pek.validate(&oca).map_err(Link::PekByOca.failed())?;
        pdh.validate(&pek).map_err(Link::PdhByPek.failed())?;
        if oca == *own_oca { Ok(()) } else { Err(SendStartError::OtherOwner) }
    }

    fn certificates(&self) -> Result<PlatformCertificates, SendStartError> {
        let found = self.platform.len();
        if found != PlatformCertificates::CHAIN_LEN {
            return Err(SendStartError::PlatformLength { found });
        }
        PlatformCertificates::from_export(self.pdh, self.platform).map_err(Link::Pdh.failed())
    }

    fn pdh(&self) -> Result<Certificate, SendStartError> {
        Certificate::parse(self.pdh).map_err(Link::Pdh.failed())
    }
}

/// A certificate of the receiver's, with whose key it was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Link {
    /// AMD_CERTS, before any key was looked at.
    Amd,
    /// The ARK, under itself, and whether it is the one that is trusted.
    Ark,
    /// The ASK under the ARK.
    AskByArk,
    /// The CEK under the ASK.
    CekByAsk,
    /// The PEK under the CEK.
    PekByCek,
    /// The OCA under itself.
    OcaByItself,
    /// The PEK under the OCA.
    PekByOca,
    /// The PDH under the PEK.
    PdhByPek,
    /// The PDH by itself: its length, and what every session asks of it.
    Pdh,
}

impl Link {
    fn failed(self) -> impl FnOnce(CertificateError) -> SendStartError {
        move |error| SendStartError::Certificate { link: self, error }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amd => "ASK and ARK",
            Self::Ark => "ARK",
            Self::AskByArk => "ASK under the ARK",
            Self::CekByAsk => "CEK under the ASK",
            Self::PekByCek => "PEK under the CEK",
            Self::OcaByItself => "OCA under itself",
            Self::PekByOca => "PEK under the OCA",
            Self::PdhByPek => "PDH under the PEK",
            Self::Pdh => "PDH",
        })
    }
}

/// Why a guest may not be sent to a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendStartError {
    /// POLICY.NOSEND: it is sent nowhere.
    Nosend,
    /// PLAT_CERTS are not three certificates.
    PlatformLength {
        /// The bytes that were given.
        found: usize,
    },
    /// A certificate is not valid.
    Certificate {
        /// Which one.
        link: Link,
        /// Why.
        error: CertificateError,
    },
    /// The receiver's firmware, as its PEK says, is older than the policy asks for.
    Api {
        /// Its version.
        found: ApiVersion,
        /// The least that the policy allows.
        expected: ApiVersion,
    },
    /// POLICY.DOMAIN: the receiver has another owner, or another certificate of the same.
    OtherOwner,
}

impl SendStartError {
    /// What the firmware answers.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Nosend | Self::Api { .. } | Self::OtherOwner => Status::POLICY_FAILURE,
            Self::PlatformLength { .. } => Status::INVALID_LENGTH,
            Self::Certificate { error, .. } => error.status(),
        }
    }
}

impl fmt::Display for SendStartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nosend => f.write_str("the guest's policy forbids sending (NOSEND)"),
            Self::PlatformLength { found } => write!(
                f,
                "{found} bytes for PEK, OCA and CEK: expected {}",
                PlatformCertificates::CHAIN_LEN
            ),
            Self::Certificate { link, error } => write!(f, "{link}: {error}"),
            Self::Api { found, expected } => write!(
                f,
                "the receiver's firmware has API {found}: the policy expects {expected} or newer"
            ),
            Self::OtherOwner => f.write_str(
                "the receiver's OCA is not the sender's: the policy expects the same owner (DOMAIN)",
            ),
        }
    }
}

impl core::error::Error for SendStartError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Certificate { error, .. } => Some(error),
            _ => None,
        }
    }
}
