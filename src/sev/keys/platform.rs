//! The keys of a platform, as its firmware has them.

use core::fmt;

use zeroize::Zeroizing;

use super::ChipUniqueKey;
use super::oca::signed;
use crate::ecdh;
use crate::ecdsa::{SigningError, SigningKey};
use crate::secret::secret;
use crate::sev::ApiVersion;
use crate::sev::cert::{Certificate, CertificateError, ChainError, PlatformCertificates, Usage};
use crate::status::Status;
use crate::wire::field;

secret! {
    /// The random bytes of PEK_GEN, all of which must be fresh: 56 for each of OCA, PEK and PDH. Wiped on drop, not
    /// printed, not to be cloned.
    PlatformRandom, 168
}

/// The keys and certificates of a platform: what its firmware makes, and signs with. (Firmware's end, AMD 55766,
/// PEK_GEN to PDH_CERT_EXPORT; AMD's published firmware, `sev_plat.c` and `sev_mcmd.c`.) The states of a platform,
/// UNINIT, INIT and WORKING, are the caller's, and so is keeping the keys: [`to_parts`](Self::to_parts).
///
/// MODEL: private keys are made of 56 random bytes each (FIPS 186-5, A.2.1); the published firmware draws 48 until they
/// are in range.
///
/// [`keys`](super) has an example.
pub struct PlatformKeys {
    api: ApiVersion,
    cek: SigningKey,
    pek: SigningKey,
    pdh: ecdh::PrivateKey,
    certificates: PlatformCertificates,
    externally_owned: bool,
}

impl PlatformKeys {
    /// The keys of a platform that has none, for firmware of some API version: those of PEK_GEN.
    ///
    /// # Errors
    /// [`SigningError`]: by chance of 2^-380.
    pub fn generate(
        chip: &ChipUniqueKey,
        api: ApiVersion,
        random: &PlatformRandom,
    ) -> Result<Self, SigningError> {
        let cek = chip.cek();
        let (pek, pdh, certificates) = own_keys(&cek, api, random)?;
        Ok(Self { api, cek, pek, pdh, certificates, externally_owned: false })
    }

    /// The keys of a platform that was here before, from what was kept of it ([`to_parts`](Self::to_parts)), for firmware
    /// of some API version, which may be another one than before. The CEK and its certificate are made anew, as the
    /// firmware does at every start; PEK, OCA and PDH and their certificates stay.
    ///
    /// Checks, in this order: the private keys; the PEK's certificate, the PDH's, and the chip's key, that they are of
    /// the same keys; the OCA under itself, the PEK under the CEK and under the OCA, and the PDH under the PEK, by the
    /// firmware's rules. MODEL: the firmware has a MAC over what it keeps; here the caller has to see that nobody changed
    /// it.
    ///
    /// # Errors
    /// [`PartsError`]: the first check that fails.
    ///
    /// ```
    /// use sevcrypt::sev::ApiVersion;
    /// use sevcrypt::sev::keys::{ChipUniqueKey, PlatformKeys, PlatformRandom};
    ///
    /// let chip = ChipUniqueKey::new(&[7; 32]);
    /// let api = ApiVersion { major: 1, minor: 54 };
    /// let platform = PlatformKeys::generate(&chip, api, &PlatformRandom::new(&[9; 168]))?;
    /// let kept = platform.to_parts();
    ///
    /// let later = ApiVersion { major: 1, minor: 55 };
    /// let same = PlatformKeys::from_parts(&chip, later, &kept)?;
    /// assert_eq!(same.certificates().pek, platform.certificates().pek);
    /// assert_eq!(same.certificates().cek.api(), later);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_parts(
        chip: &ChipUniqueKey,
        api: ApiVersion,
        parts: &PlatformParts,
    ) -> Result<Self, PartsError> {
        let no_scalar = |usage| PartsError::Scalar { usage };
        let pek = SigningKey::from_scalar(&parts.pek).ok_or(no_scalar(Usage::PEK))?;
        let pdh = ecdh::PrivateKey::from_scalar(&parts.pdh).ok_or(no_scalar(Usage::PDH))?;
        let cek = chip.cek();
        let own = [
            Certificate::of_verifying_key(Usage::PEK, &pek.verifying_key(), api),
            Certificate::of_ecdh_key(&pdh.public_key(), api),
            Certificate::of_verifying_key(Usage::CEK, &cek.verifying_key(), api),
        ];
        let mut certificates = parts.certificates.clone();
        let kept = [&certificates.pek, &certificates.pdh, &certificates.cek];
        if let Some((own, _)) = own.iter().zip(kept).find(|(own, kept)| !own.has_key_of(kept)) {
            return Err(PartsError::OtherKey { usage: own.usage() });
        }
        let [.., new_cek] = own;
        certificates.cek = new_cek;
        let PlatformCertificates { pdh: pdh_certificate, pek: pek_certificate, oca, cek: new_cek } =
            &certificates;
        oca.validate(oca).map_err(ChainError::Oca)?;
        pek_certificate.validate(new_cek).map_err(ChainError::PekByCek)?;
        pek_certificate.validate(oca).map_err(ChainError::PekByOca)?;
        pdh_certificate.validate(pek_certificate).map_err(ChainError::Pdh)?;
        let externally_owned = parts.externally_owned;
        Ok(Self { api, cek, pek, pdh, certificates, externally_owned })
    }

    /// What has to be kept of the platform beside the chip's secret, to have it again by
    /// [`from_parts`](Self::from_parts). UNKNOWN: the format in which the firmware stores it.
    #[must_use]
    pub fn to_parts(&self) -> PlatformParts {
        PlatformParts {
            pek: self.pek.to_scalar(),
            pdh: self.pdh.to_scalar(),
            certificates: self.certificates.clone(),
            externally_owned: self.externally_owned,
        }
    }

    /// A firmware update: the CEK's certificate is made anew with the API version, and so will be what is made from here
    /// on. The PEK, the OCA and the PDH stay as they are, with the API version of the firmware that made them.
    pub fn update_firmware(&mut self, api: ApiVersion) {
        self.api = api;
        self.certificates.cek.set_api(api);
    }

    /// PEK_GEN: a new OCA of the platform's own, a new PEK by it and the CEK, a new PDH by that. The platform owns
    /// itself. The private key of the OCA is not kept, because nothing else is ever signed by it.
    ///
    /// # Errors
    /// [`SigningError`], by chance of 2^-380; nothing was changed.
    pub fn pek_gen(&mut self, random: &PlatformRandom) -> Result<(), SigningError> {
        (self.pek, self.pdh, self.certificates) = own_keys(&self.cek, self.api, random)?;
        self.externally_owned = false;
        Ok(())
    }

    /// PDH_GEN: a new PDH, from 56 fresh random bytes.
    ///
    /// # Errors
    /// [`SigningError`], by chance of 2^-380; nothing was changed.
    pub fn pdh_gen(&mut self, random: &[u8; 56]) -> Result<(), SigningError> {
        let (key, certificate) = new_pdh(&self.pek, self.api, random)?;
        self.pdh = key;
        self.certificates.pdh = certificate;
        Ok(())
    }

    /// PEK_CSR: the PEK's certificate without signatures, for an owner to sign.
    #[must_use]
    pub fn pek_csr(&self) -> Certificate {
        self.certificates.pek.unsigned()
    }

    /// PEK_CERT_IMPORT: an owner takes the platform over, with the PEK's certificate by its OCA. The CEK's signature is
    /// added to it in the first empty slot, and a PDH is made anew from 56 fresh random bytes.
    ///
    /// Checks, in this order: the platform has no owner yet; the lengths, the PEK's first; the OCA under itself; the
    /// PEK under the OCA; the PEK's body, byte by byte; an empty slot.
    ///
    /// # Errors
    /// [`ImportError`]: the first check that fails; nothing was changed.
    pub fn pek_cert_import(
        &mut self,
        pek: &[u8],
        oca: &[u8],
        random: &[u8; 56],
    ) -> Result<(), ImportError> {
        if self.externally_owned {
            return Err(ImportError::AlreadyOwned);
        }
        let mut pek = Certificate::parse(pek).map_err(ImportError::Pek)?;
        let oca = Certificate::parse(oca).map_err(ImportError::Oca)?;
        oca.validate(&oca).map_err(ImportError::Oca)?;
        pek.validate(&oca).map_err(ImportError::Pek)?;
        if pek.body() != self.certificates.pek.body() {
            return Err(ImportError::OtherPek);
        }
        let slots = self.certificates.pek.slots();
        let by_cek = slots.into_iter().find(|slot| slot.usage == Usage::CEK);
        if !by_cek.is_some_and(|slot| pek.add_signature(slot)) {
            return Err(ImportError::NoEmptySlot);
        }
        let (pdh_key, pdh) =
            new_pdh(&self.pek, self.api, random).map_err(|_| ImportError::Signing)?;
        self.pdh = pdh_key;
        self.certificates.pdh = pdh;
        self.certificates.pek = pek;
        self.certificates.oca = oca;
        self.externally_owned = true;
        Ok(())
    }

    /// The certificates, as PDH_CERT_EXPORT gives them: the CEK without signatures.
    #[must_use]
    pub const fn certificates(&self) -> &PlatformCertificates {
        &self.certificates
    }

    /// PDH_CERT_EXPORT: writes the PDH to the begin of one buffer, and PEK, OCA and CEK to that of the other.
    ///
    /// ```
    /// use sevcrypt::Status;
    /// use sevcrypt::sev::ApiVersion;
    /// use sevcrypt::sev::cert::{Certificate, PlatformCertificates, Usage};
    /// use sevcrypt::sev::keys::{ChipUniqueKey, ExportError, PlatformKeys, PlatformRandom};
    ///
    /// let (chip, random) = (ChipUniqueKey::new(&[7; 32]), PlatformRandom::new(&[9; 168]));
    /// let mut platform = PlatformKeys::generate(&chip, ApiVersion { major: 1, minor: 55 }, &random)?;
    /// let (mut pdh, mut chain) = ([0; Certificate::LEN], [0; PlatformCertificates::CHAIN_LEN]);
    /// platform.pdh_cert_export(&mut pdh, &mut chain)?;
    ///
    /// // What an owner gets.
    /// let certificates = PlatformCertificates::from_export(&pdh, &chain)?;
    /// assert_eq!(&certificates, platform.certificates());
    /// assert_eq!(PlatformCertificates::from_bytes(&certificates.to_bytes()), certificates);
    /// assert_eq!(Certificate::parse(&pdh)?.usage(), Usage::PDH);
    /// let short: Result<(), ExportError> = platform.pdh_cert_export(&mut [], &mut chain);
    /// assert_eq!(short.map_err(ExportError::status), Err(Status::INVALID_LENGTH));
    ///
    /// // New keys: of sessions only, or all that are the platform's own.
    /// platform.pdh_gen(&[10; 56])?;
    /// platform.pek_gen(&PlatformRandom::new(&[11; 168]))?;
    /// assert_ne!(&certificates.pek, &platform.certificates().pek);
    /// platform.update_firmware(ApiVersion { major: 1, minor: 56 });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ExportError`]: a buffer is too short; nothing was written.
    pub fn pdh_cert_export(&self, pdh: &mut [u8], chain: &mut [u8]) -> Result<(), ExportError> {
        let error = ExportError { pdh: pdh.len(), chain: chain.len() };
        match (pdh.first_chunk_mut(), chain.first_chunk_mut()) {
            (Some(pdh), Some(chain)) => {
                *pdh = *self.certificates.pdh.as_bytes();
                *chain = self.certificates.chain();
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// Whether an owner has taken the platform over.
    #[must_use]
    pub const fn is_externally_owned(&self) -> bool {
        self.externally_owned
    }

    /// The key that signs attestation reports.
    #[must_use]
    pub const fn pek(&self) -> &SigningKey {
        &self.pek
    }

    /// The key of sessions.
    #[must_use]
    pub const fn pdh(&self) -> &ecdh::PrivateKey {
        &self.pdh
    }

    /// The chip's key.
    #[must_use]
    pub const fn cek(&self) -> &SigningKey {
        &self.cek
    }
}

/// What has to be kept of a platform: see [`PlatformKeys::to_parts`]. Private keys are wiped on drop, not printed, and the
/// whole is not to be cloned.
pub struct PlatformParts {
    /// The PEK's private scalar, big-endian.
    pub pek: Zeroizing<[u8; 48]>,
    /// The PDH's private scalar, big-endian.
    pub pdh: Zeroizing<[u8; 48]>,
    /// The certificates, the CEK's without signatures.
    pub certificates: PlatformCertificates,
    /// Whether an owner has taken the platform over.
    pub externally_owned: bool,
}

impl fmt::Debug for PlatformParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlatformParts(..)")
    }
}

/// Why what was kept of a platform is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartsError {
    /// A private scalar is zero, or not below the order of P-384.
    Scalar {
        /// Whose.
        usage: Usage,
    },
    /// A certificate is not of the private key, or the CEK's not of the chip.
    OtherKey {
        /// Its usage.
        usage: Usage,
    },
    /// The certificates do not vouch for each other.
    Chain(ChainError),
}

impl From<ChainError> for PartsError {
    fn from(error: ChainError) -> Self {
        Self::Chain(error)
    }
}

impl fmt::Display for PartsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar { usage } => {
                write!(f, "the private key of usage {usage} is not from 1 to n - 1")
            }
            Self::OtherKey { usage: Usage::CEK } => f.write_str("the CEK is another chip's"),
            Self::OtherKey { usage } => {
                write!(f, "the certificate of usage {usage} is not of the private key")
            }
            Self::Chain(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PartsError {}

/// The PEK, the PDH and all certificates of a platform that owns itself.
fn own_keys(
    cek: &SigningKey,
    api: ApiVersion,
    random: &PlatformRandom,
) -> Result<(SigningKey, ecdh::PrivateKey, PlatformCertificates), SigningError> {
    let random = random.as_bytes();
    let oca_key = SigningKey::from_random(field::<0, 56, _>(random));
    let pek_key = SigningKey::from_random(field::<56, 56, _>(random));
    let new =
        |usage, key: &SigningKey| Certificate::of_verifying_key(usage, &key.verifying_key(), api);
    let oca = signed(new(Usage::OCA, &oca_key), Usage::OCA, &oca_key)?;
    let mut pek = signed(new(Usage::PEK, &pek_key), Usage::OCA, &oca_key)?;
    pek.sign(Usage::CEK, cek).map_err(|_| SigningError)?;
    let (pdh_key, pdh) = new_pdh(&pek_key, api, field::<112, 56, _>(random))?;
    let cek = new(Usage::CEK, cek);
    Ok((pek_key, pdh_key, PlatformCertificates { pdh, pek, oca, cek }))
}

fn new_pdh(
    pek: &SigningKey,
    api: ApiVersion,
    random: &[u8; 56],
) -> Result<(ecdh::PrivateKey, Certificate), SigningError> {
    let key = ecdh::PrivateKey::from_random(random);
    let certificate = Certificate::of_ecdh_key(&key.public_key(), api);
    Ok((key, signed(certificate, Usage::PEK, pek)?))
}

impl fmt::Debug for PlatformKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlatformKeys(..)")
    }
}

/// Why an owner's certificates were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportError {
    /// Another owner has taken the platform over before.
    AlreadyOwned,
    /// The OCA, by itself.
    Oca(CertificateError),
    /// The PEK, by the OCA.
    Pek(CertificateError),
    /// The certificate is not of the platform's PEK, byte by byte of what is signed.
    OtherPek,
    /// Both slots of the PEK's certificate hold a signature, and the CEK's has no place.
    NoEmptySlot,
    /// No signature came out; it does not happen but by chance of 2^-380.
    Signing,
}

impl ImportError {
    /// What the firmware answers.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::AlreadyOwned => Status::ALREADY_OWNED,
            Self::Oca(error) | Self::Pek(error) => error.status(),
            Self::OtherPek | Self::NoEmptySlot => Status::INVALID_CERTIFICATE,
            Self::Signing => Status::HWERROR_PLATFORM,
        }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyOwned => f.write_str("the platform has an owner"),
            Self::Oca(error) => write!(f, "OCA, by itself: {error}"),
            Self::Pek(error) => write!(f, "PEK, by the OCA: {error}"),
            Self::OtherPek => f.write_str("PEK: another body than that of the platform's PEK"),
            Self::NoEmptySlot => f.write_str("PEK: no slot is empty for the CEK's signature"),
            Self::Signing => SigningError.fmt(f),
        }
    }
}

impl core::error::Error for ImportError {}

/// Buffers of PDH_CERT_EXPORT that are too short. The firmware writes both lengths back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportError {
    /// The bytes for the PDH; 2084 are needed.
    pub pdh: usize,
    /// The bytes for the chain; 6252 are needed.
    pub chain: usize,
}

impl ExportError {
    /// What the firmware answers: `INVALID_LENGTH`.
    #[must_use]
    pub const fn status(self) -> Status {
        Status::INVALID_LENGTH
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pdh, chain) = (Certificate::LEN, PlatformCertificates::CHAIN_LEN);
        write!(f, "buffers of {} and {} bytes, ", self.pdh, self.chain)?;
        write!(f, "the PDH has {pdh} and the chain {chain}")
    }
}

impl core::error::Error for ExportError {}
