//! Chains of certificates, down to AMD's keys.

use core::fmt;

use super::rules::SignerKey;
use super::{
    Algorithm, AmdCertificate, Certificate, CertificateError, PdhKey, PublicKey, RsaKey, Usage,
};
use crate::Hex;
use crate::anchors::{LEGACY, LegacyAnchor, Role};
use crate::ecdsa::VerifyingKey;
use crate::sev::ApiVersion;
use crate::status::Status;
use crate::wire::{field, field_mut};

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

impl Product {
    /// Every product, in the order of their years.
    pub const ALL: &[Self] = &[Self::Naples, Self::Rome, Self::Milan, Self::Genoa, Self::Turin];

    /// AMD's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Naples => "Naples",
            Self::Rome => "Rome",
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::Turin => "Turin",
        }
    }

    fn anchor(self, role: Role) -> &'static LegacyAnchor {
        LEGACY
            .iter()
            .find(|anchor| anchor.product == self.name() && anchor.role == role)
            .expect("each product has an ARK and an ASK: a test looks at each")
    }

    /// The key of the product's ASK, as a signer of CEKs.
    fn ask(self) -> SignerKey {
        let key = RsaKey::from(self.anchor(Role::Ask).key());
        SignerKey { usage: Usage::ASK, algorithm: key.algorithm(), key: PublicKey::Rsa(key) }
    }

    /// Whose ARK a certificate is, by everything that is signed of it.
    pub(super) fn of_root(certificate: &AmdCertificate<'_>) -> Option<Self> {
        Self::ALL.iter().copied().find(|product| {
            let anchor = product.anchor(Role::Ark);
            certificate.is_root(&anchor.key_id, &RsaKey::from(anchor.key()))
        })
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The certificates of a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformCertificates {
    /// Platform Diffie-Hellman key.
    pub pdh: Certificate,
    /// Platform endorsement key.
    pub pek: Certificate,
    /// Owner's certificate authority.
    pub oca: Certificate,
    /// Chip endorsement key, with AMD's signature if [`verify`] shall take it.
    pub cek: Certificate,
}

impl PlatformCertificates {
    /// The length of the common file: PDH, PEK, OCA, CEK.
    pub const LEN: usize = 4 * Certificate::LEN;
    /// The length of the chain that PDH_CERT_EXPORT gives beside the PDH: PEK, OCA, CEK.
    pub const CHAIN_LEN: usize = 3 * Certificate::LEN;

    /// From PDH, PEK, OCA and CEK, one behind the other; nothing is checked.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        const LEN: usize = Certificate::LEN;
        Self {
            pdh: Certificate::from_bytes(field::<0, LEN, _>(bytes)),
            pek: Certificate::from_bytes(field::<LEN, LEN, _>(bytes)),
            oca: Certificate::from_bytes(field::<{ 2 * LEN }, LEN, _>(bytes)),
            cek: Certificate::from_bytes(field::<{ 3 * LEN }, LEN, _>(bytes)),
        }
    }

    /// From the two blobs of PDH_CERT_EXPORT; nothing but their lengths is checked.
    ///
    /// # Errors
    /// [`CertificateError::Length`] of the PDH or of the chain.
    pub fn from_export(pdh: &[u8], chain: &[u8]) -> Result<Self, CertificateError> {
        let pdh = Certificate::parse(pdh)?;
        let length = CertificateError::Length { found: chain.len(), expected: Self::CHAIN_LEN };
        let chain: &[u8; Self::CHAIN_LEN] = chain.try_into().map_err(|_| length)?;
        let mut bytes = [0; Self::LEN];
        *field_mut::<0, { Certificate::LEN }, _>(&mut bytes) = *pdh.as_bytes();
        *field_mut::<{ Certificate::LEN }, { Self::CHAIN_LEN }, _>(&mut bytes) = *chain;
        Ok(Self::from_bytes(&bytes))
    }

    /// PDH, PEK, OCA and CEK, one behind the other.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        const LEN: usize = Certificate::LEN;
        let mut bytes = [0; Self::LEN];
        *field_mut::<0, LEN, _>(&mut bytes) = *self.pdh.as_bytes();
        *field_mut::<LEN, { Self::CHAIN_LEN }, _>(&mut bytes) = self.chain();
        bytes
    }

    /// PEK, OCA and CEK, one behind the other: the chain of PDH_CERT_EXPORT.
    #[must_use]
    pub fn chain(&self) -> [u8; Self::CHAIN_LEN] {
        const LEN: usize = Certificate::LEN;
        let mut bytes = [0; Self::CHAIN_LEN];
        *field_mut::<0, LEN, _>(&mut bytes) = *self.pek.as_bytes();
        *field_mut::<LEN, LEN, _>(&mut bytes) = *self.oca.as_bytes();
        *field_mut::<{ 2 * LEN }, LEN, _>(&mut bytes) = *self.cek.as_bytes();
        bytes
    }
}

/// AMD's certificates above a CEK, where they were given. The keys of those that were not are built in; one that was
/// given is checked itself, and never replaced because it is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AmdCertificates<'a> {
    /// AMD SEV key.
    pub ask: Option<AmdCertificate<'a>>,
    /// AMD root key.
    pub ark: Option<AmdCertificate<'a>>,
}

/// Whom to trust in the end.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    roots: &'a [AmdCertificate<'a>],
    amd: AmdRoots,
}

/// Which of AMD's root keys are trusted.
#[derive(Clone, Copy, Debug)]
enum AmdRoots {
    All,
    Of(Product),
    None,
}

impl<'a> Trust<'a> {
    /// AMD's root keys of every generation, which are built in.
    #[must_use]
    pub const fn amd() -> Self {
        Self { roots: &[], amd: AmdRoots::All }
    }

    /// These ARKs, and none of AMD's: what a test platform trusts whose fuses name a root of its own.
    #[must_use]
    pub const fn only(roots: &'a [AmdCertificate<'a>]) -> Self {
        Self { roots, amd: AmdRoots::None }
    }

    /// These ARKs as well: those of a test platform. They are trusted as AMD's are.
    #[must_use]
    pub const fn with_roots(self, roots: &'a [AmdCertificate<'a>]) -> Self {
        Self { roots, ..self }
    }

    /// Of AMD's root keys only that of this product: what firmware of the product trusts.
    #[must_use]
    pub const fn with_product(self, product: Product) -> Self {
        Self { amd: AmdRoots::Of(product), ..self }
    }

    fn products(&self) -> impl Iterator<Item = Product> {
        let amd = self.amd;
        let trusted = move |product: &Product| match amd {
            AmdRoots::All => true,
            AmdRoots::Of(wanted) => wanted == *product,
            AmdRoots::None => false,
        };
        Product::ALL.iter().copied().filter(trusted)
    }

    /// Which trusted root a certificate is.
    pub(super) fn root(
        &self,
        ark: &AmdCertificate<'_>,
    ) -> Result<Option<Product>, CertificateError> {
        if self.roots.iter().any(|root| root.signed_bytes() == ark.signed_bytes()) {
            return Ok(None);
        }
        let of = Product::of_root(ark);
        match self.products().find(|product| of == Some(*product)) {
            None => Err(CertificateError::Root { key_id: *ark.key_id() }),
            product => Ok(product),
        }
    }

    /// The product whose ASK, which is built in, has signed a CEK.
    ///
    /// # Errors
    /// [`ChainError::Cek`]; [`ChainError::CekByNone`], or [`ChainError::AskMissing`] where a root of the caller's is
    /// trusted, whose ASK may have signed it.
    pub fn product_of_cek(&self, cek: &Certificate) -> Result<Product, ChainError> {
        signer_of_cek(cek, self).map(|(product, _)| product)
    }

    /// The product whose ARK has signed an ASK; `None` if a root of the caller's has.
    ///
    /// # Errors
    /// [`ChainError::Ask`]
    pub fn product_of_ask(&self, ask: &AmdCertificate<'_>) -> Result<Option<Product>, ChainError> {
        let amd = AmdCertificates { ask: Some(*ask), ark: None };
        amd_keys(amd, self).map(|(product, _)| product)
    }

    /// Which trusted root has signed an ASK, by its CERTIFYING_ID: whose it is, and its key.
    fn signer_of(&self, ask: &AmdCertificate<'_>) -> Result<(Option<Product>, RsaKey), ChainError> {
        let id = ask.certifying_id();
        if let Some(root) = self.roots.iter().find(|root| root.key_id() == id) {
            let key = root.key().map_err(|e| ChainError::Ark(CertificateError::Key(e)))?;
            return Ok((None, key));
        }
        self.products()
            .map(|product| (product, product.anchor(Role::Ark)))
            .find(|(_, anchor)| anchor.key_id == *id)
            .map(|(product, anchor)| (Some(product), RsaKey::from(anchor.key())))
            .ok_or(ChainError::Ask(CertificateError::Root { key_id: *id }))
    }
}

/// A platform whose chain was verified.
#[derive(Clone, Debug)]
pub struct VerifiedPlatform {
    product: Option<Product>,
    pdh: PdhKey,
    pek: VerifyingKey,
    certificates: PlatformCertificates,
}

impl VerifiedPlatform {
    /// The product whose root key vouches for it; `None` if a root of the caller's does ([`Trust::with_roots`]).
    #[must_use]
    pub const fn product(&self) -> Option<Product> {
        self.product
    }

    /// Its Diffie-Hellman key.
    #[must_use]
    pub const fn pdh(&self) -> &PdhKey {
        &self.pdh
    }

    /// The key that signs its attestation reports.
    #[must_use]
    pub const fn pek(&self) -> &VerifyingKey {
        &self.pek
    }

    /// The firmware's API when the PEK was made, as its certificate says.
    #[must_use]
    pub fn api(&self) -> ApiVersion {
        self.certificates.pek.api()
    }

    /// Its certificates. The OCA says who owns it: anybody can make one, so compare it with the one that is expected.
    #[must_use]
    pub const fn certificates(&self) -> &PlatformCertificates {
        &self.certificates
    }
}

/// Verifies a platform's certificates down to AMD's keys: the ARK by itself, the ASK by the ARK, the CEK by the ASK,
/// the OCA by itself, the PEK by the CEK (a genuine chip) *and* by the OCA (its owner), the PDH by the PEK.
///
/// It is stricter than the firmware: bytes without meaning are zero, each slot is empty or holds a signature that is
/// needed, CEK, OCA and PEK have ECDSA with SHA-256, ARK and ASK have keys of one size. The hash of the signatures by AMD's keys is fixed by the generation:
/// SHA-256 for Naples, SHA-384 for the later ones. Without certificates of AMD, the product is the one whose ASK has
/// signed the CEK.
///
/// MODEL: the PEK may be signed in either order (the firmware makes both), and AMD's signature of the CEK may be in
/// either slot.
///
/// # Errors
/// [`ChainError`]: the first link that does not hold, from AMD's end on. A CEK as the platform exports it has no
/// signature: [`ChainError::CekUnsigned`].
///
/// ```
/// use sevcrypt::ecdsa::SigningKey;
/// use sevcrypt::sev::ApiVersion;
/// use sevcrypt::sev::cert::{AmdCertificates, ChainError, Trust, verify};
/// use sevcrypt::sev::keys::{ChipUniqueKey, PlatformKeys, PlatformRandom};
///
/// let chip = ChipUniqueKey::new(&[7; 32]);
/// let api = ApiVersion { major: 1, minor: 55 };
/// let platform = PlatformKeys::generate(&chip, api, &PlatformRandom::new(&[9; 168]))?;
/// let verdict = verify(platform.certificates(), AmdCertificates::default(), &Trust::amd());
/// assert_eq!(verdict.unwrap_err(), ChainError::CekUnsigned); // AMD has not signed it
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify(
    platform: &PlatformCertificates,
    amd: AmdCertificates<'_>,
    trust: &Trust<'_>,
) -> Result<VerifiedPlatform, ChainError> {
    let PlatformCertificates { pdh, pek, oca, cek } = platform;
    let (product, pek) = verify_pek_key(pek, oca, cek, amd, trust)?;
    let pek_key = ecdsa_signer(Usage::PEK, pek);
    pdh.check_usage(Usage::PDH)
        .and_then(|()| pdh.check_slots(&[&pek_key]))
        .and_then(|()| pdh.validate_under(&pek_key))
        .map_err(ChainError::Pdh)?;
    let pdh = PdhKey::unauthenticated(pdh).map_err(ChainError::Pdh)?;
    Ok(VerifiedPlatform { product, pdh, pek, certificates: platform.clone() })
}

/// A PEK whose chain was verified: the key of attestation reports.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct VerifiedPek {
    /// The product whose root key vouches for it; `None` if a root of the caller's does ([`Trust::with_roots`]).
    pub product: Option<Product>,
    /// The key.
    pub key: VerifyingKey,
}

/// Verifies a platform's PEK as [`verify`] does, where there is no PDH: attestation reports need none.
///
/// # Errors
/// [`ChainError`], as [`verify`] says.
///
/// ```
/// use sevcrypt::sev::ApiVersion;
/// use sevcrypt::sev::cert::{AmdCertificates, ChainError, PlatformCertificates, Trust, verify_pek};
/// use sevcrypt::sev::keys::{ChipUniqueKey, PlatformKeys, PlatformRandom};
///
/// let chip = ChipUniqueKey::new(&[7; 32]);
/// let api = ApiVersion { major: 1, minor: 55 };
/// let platform = PlatformKeys::generate(&chip, api, &PlatformRandom::new(&[9; 168]))?;
/// let PlatformCertificates { pek, oca, cek, .. } = platform.certificates();
/// let verdict = verify_pek(pek, oca, cek, AmdCertificates::default(), &Trust::amd());
/// assert_eq!(verdict.unwrap_err(), ChainError::CekUnsigned); // AMD has not signed it
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify_pek(
    pek: &Certificate,
    oca: &Certificate,
    cek: &Certificate,
    amd: AmdCertificates<'_>,
    trust: &Trust<'_>,
) -> Result<VerifiedPek, ChainError> {
    let (product, key) = verify_pek_key(pek, oca, cek, amd, trust)?;
    Ok(VerifiedPek { product, key })
}

/// The key of a PEK, and the product whose root vouches for it.
fn verify_pek_key(
    pek: &Certificate,
    oca: &Certificate,
    cek: &Certificate,
    amd: AmdCertificates<'_>,
    trust: &Trust<'_>,
) -> Result<(Option<Product>, VerifyingKey), ChainError> {
    let (product, ask) = amd_keys(amd, trust)?;
    cek.check_usage(Usage::CEK).map_err(ChainError::Cek)?;
    if cek.is_unsigned() {
        return Err(ChainError::CekUnsigned);
    }
    let (product, ask) = match ask {
        Some(ask) => (product, ask),
        None => signer_of_cek(cek, trust).map(|(product, ask)| (Some(product), ask))?,
    };
    cek.check_slots(&[&ask]).and_then(|()| cek.validate_under(&ask)).map_err(ChainError::Cek)?;
    let cek = ecdsa_sha256(cek).map_err(ChainError::Cek)?;
    let cek = ecdsa_signer(Usage::CEK, cek);

    let own = oca.check_usage(Usage::OCA).and_then(|()| ecdsa_sha256(oca));
    let oca_key = ecdsa_signer(Usage::OCA, own.map_err(ChainError::Oca)?);
    oca.check_slots(&[&oca_key])
        .and_then(|()| oca.validate_under(&oca_key))
        .map_err(ChainError::Oca)?;

    let form = pek.check_usage(Usage::PEK).and_then(|()| pek.check_slots(&[&cek, &oca_key]));
    form.map_err(ChainError::Pek)?;
    pek.validate_under(&cek).map_err(ChainError::PekByCek)?;
    pek.validate_under(&oca_key).map_err(ChainError::PekByOca)?;
    let pek = ecdsa_sha256(pek).map_err(ChainError::Pek)?;
    Ok((product, pek))
}

/// What the certificates that were given say of the ASK; no key if it is to be found by the CEK's signature.
fn amd_keys(
    amd: AmdCertificates<'_>,
    trust: &Trust<'_>,
) -> Result<(Option<Product>, Option<SignerKey>), ChainError> {
    let root = match amd.ark {
        None => None,
        Some(ark) => {
            let own = match ark.signature() {
                Some(_) => ark.validate_self(),
                None => Ok(()), // The ARK of Naples in 576 bytes, each of which is compared.
            };
            let product = own.and_then(|()| ark.check_form()).and_then(|()| trust.root(&ark));
            let product = product.map_err(ChainError::Ark)?;
            let key = ark.key().map_err(|error| ChainError::Ark(CertificateError::Key(error)))?;
            Some((product, *ark.key_id(), key))
        }
    };
    match (amd.ask, root) {
        (None, None) => Ok((None, None)),
        (None, Some((Some(product), ..))) => Ok((Some(product), Some(product.ask()))),
        (None, Some((None, ..))) => Err(ChainError::AskMissing),
        (Some(ask), root) => {
            let (product, id, key) = match root {
                Some(root) => root,
                None => {
                    let (product, key) = trust.signer_of(&ask)?;
                    (product, *ask.certifying_id(), key)
                }
            };
            ask.validate_under(Usage::ASK, &id, &key)
                .and_then(|()| ask.check_form())
                .and_then(|()| ask.signer())
                .map(|ask| (product, Some(ask)))
                .map_err(ChainError::Ask)
        }
    }
}

/// The product whose ASK has signed a CEK, and that ASK.
fn signer_of_cek(cek: &Certificate, trust: &Trust<'_>) -> Result<(Product, SignerKey), ChainError> {
    for product in trust.products() {
        let ask = product.ask();
        match cek.validate_under(&ask) {
            Ok(()) => return Ok((product, ask)),
            Err(CertificateError::NotSigned { .. } | CertificateError::Signature { .. }) => {}
            Err(error) => return Err(ChainError::Cek(error)),
        }
    }
    Err(if trust.roots.is_empty() { ChainError::CekByNone } else { ChainError::AskMissing })
}

/// The key of a CEK, an OCA or a PEK.
fn ecdsa_sha256(certificate: &Certificate) -> Result<VerifyingKey, CertificateError> {
    match (certificate.algorithm(), certificate.key().map_err(CertificateError::SignerKey)?) {
        (Algorithm::ECDSA_SHA256, PublicKey::Ecdsa(key)) => Ok(key),
        (found, _) => Err(CertificateError::Algorithm { found, expected: Algorithm::ECDSA_SHA256 }),
    }
}

/// The same as a signer.
fn ecdsa_signer(usage: Usage, key: VerifyingKey) -> SignerKey {
    SignerKey { usage, algorithm: Algorithm::ECDSA_SHA256, key: PublicKey::Ecdsa(key) }
}

/// The address of a CEK's certificate at AMD's Key Distribution Service, for what GET_ID says of a chip. The library
/// opens no connection.
///
/// ```
/// use sevcrypt::sev::cert::CekUrl;
///
/// let url = CekUrl([0xab; 64]).to_string();
/// assert_eq!(url, format!("https://kdsintf.amd.com/cek/id/{}", "ab".repeat(64)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CekUrl(pub [u8; 64]);

impl fmt::Display for CekUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://kdsintf.amd.com/cek/id/{}", Hex(&self.0))
    }
}

/// Why a chain is not authentic: the link that does not hold, from AMD's end on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainError {
    /// The ARK, by itself, or that it is not trusted.
    Ark(CertificateError),
    /// The ASK, by the ARK.
    Ask(CertificateError),
    /// A root of the caller's, which vouches for the CEK or may do so, without its ASK: only AMD's ASKs are built in, and
    /// none of them that is trusted has signed the CEK.
    AskMissing,
    /// The CEK, by the ASK.
    Cek(CertificateError),
    /// Both slots of the CEK are empty, as the platform exports it: AMD has the signed one, at [`CekUrl`].
    CekUnsigned,
    /// None of AMD's ASKs that are trusted has signed the CEK, and no other root is trusted.
    CekByNone,
    /// The OCA, by itself.
    Oca(CertificateError),
    /// The PEK's own form, or a slot that is neither the CEK's nor the OCA's.
    Pek(CertificateError),
    /// The PEK, by the CEK.
    PekByCek(CertificateError),
    /// The PEK, by the OCA.
    PekByOca(CertificateError),
    /// The PDH, by the PEK.
    Pdh(CertificateError),
}

impl ChainError {
    /// What the firmware answers where it makes the same check.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Ark(error)
            | Self::Ask(error)
            | Self::Cek(error)
            | Self::Oca(error)
            | Self::Pek(error)
            | Self::PekByCek(error)
            | Self::PekByOca(error)
            | Self::Pdh(error) => error.status(),
            Self::AskMissing | Self::CekUnsigned => Status::INVALID_CERTIFICATE,
            Self::CekByNone => Status::BAD_SIGNATURE,
        }
    }
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ark(error) => write!(f, "ARK: {error}"),
            Self::Ask(error) => write!(f, "ASK, by the ARK: {error}"),
            Self::AskMissing => f.write_str(
                "ASK: none was given, and that of a root which is not AMD's is not built in",
            ),
            Self::Cek(error) => write!(f, "CEK, by the ASK: {error}"),
            Self::CekUnsigned => f.write_str(
                "CEK: AMD's signature is missing; the signed certificate is at \
                 https://kdsintf.amd.com/cek/id/ and the chip's ID in hexadecimal digits",
            ),
            Self::CekByNone => f.write_str("CEK: no ASK of AMD's that is trusted has signed it"),
            Self::Oca(error) => write!(f, "OCA, by itself: {error}"),
            Self::Pek(error) => write!(f, "PEK: {error}"),
            Self::PekByCek(error) => write!(f, "PEK, by the CEK: {error}"),
            Self::PekByOca(error) => write!(f, "PEK, by the OCA: {error}"),
            Self::Pdh(error) => write!(f, "PDH, by the PEK: {error}"),
        }
    }
}

impl core::error::Error for ChainError {}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::sev::cert::{AmdDraft, Bundle};

    /// What AMD's certificate says before its signature.
    fn signed_part(product: Product, role: Role) -> Vec<u8> {
        let anchor = product.anchor(role);
        let draft = AmdDraft {
            key_id: anchor.key_id,
            certifying_id: product.anchor(Role::Ark).key_id,
            usage: if role == Role::Ark { Usage::ARK } else { Usage::ASK },
            key: anchor.key(),
        };
        let mut bytes = std::vec![0; draft.written_len()];
        let written = draft.write(&mut bytes, |_, _| Ok::<(), ()>(())).unwrap();
        written.signed_bytes().to_vec()
    }

    #[test]
    fn each_product_has_its_keys() {
        for product in Product::ALL {
            let bits = if *product == Product::Naples { 2048 } else { 4096 };
            for role in [Role::Ark, Role::Ask] {
                assert_eq!(RsaKey::from(product.anchor(role).key()).bits(), bits);
            }
            let expected = match product {
                Product::Naples => Algorithm::RSA_SHA256,
                _ => Algorithm::RSA_SHA384,
            };
            assert_eq!(product.ask().algorithm, expected);
        }
    }

    /// The ARK of Naples as it was first published, by the hash of that file; and nothing else without a signature.
    #[test]
    fn the_ark_of_576_bytes() {
        let ark = signed_part(Product::Naples, Role::Ark);
        assert_eq!(
            Hex(&Sha256::digest(&ark)).to_string(),
            "8efddcaaf84990cf6354d93637be270220cf15797332b3d918c3b8cc77349f31"
        );
        let (parsed, rest) = AmdCertificate::parse(&ark).unwrap();
        assert_eq!((parsed.signature(), rest.len(), parsed.as_bytes()), (None, 0, &ark[..]));
        // In a bundle it gives way to the same with a signature, whichever comes first.
        let signed = [&ark[..], &[7; 256]].concat();
        for files in [[&ark, &signed], [&signed, &ark]] {
            let mut bundle = Bundle::default();
            files.into_iter().for_each(|file| bundle.add(file).unwrap());
            assert_eq!(bundle.amd().ark.unwrap().as_bytes(), signed);
        }
        let refused = parsed.validate_root(&Trust::amd());
        assert_eq!(refused, Err(CertificateError::NoSignature));
        assert_eq!(parsed.validate(&parsed), Err(CertificateError::NoSignature));

        let with = |trust: Trust<'_>| {
            let amd = AmdCertificates { ark: Some(parsed), ask: None };
            amd_keys(amd, &trust).map(|(product, ask)| (product, ask.is_some()))
        };
        assert_eq!(with(Trust::amd()), Ok((Some(Product::Naples), true)));
        assert_eq!(
            with(Trust::amd().with_product(Product::Rome)),
            Err(ChainError::Ark(CertificateError::Root { key_id: *parsed.key_id() }))
        );

        for at in 0..ark.len() {
            let mut changed = ark.clone();
            changed[at] ^= 1;
            let refused = match at {
                // A size of 2049 bits.
                0x38 | 0x3c => CertificateError::Size { offset: at, bits: 2049 },
                0x39..0x3c => {
                    let bits = 2048 ^ 1 << (8 * (at - 0x38));
                    CertificateError::Size { offset: 0x38, bits }
                }
                0x3d..0x40 => {
                    let bits = 2048 ^ 1 << (8 * (at - 0x3c));
                    CertificateError::Size { offset: 0x3c, bits }
                }
                _ => CertificateError::NoSignature,
            };
            assert_eq!(AmdCertificate::parse(&changed).unwrap_err(), refused, "byte {at:#x}");
        }
        for (product, role, len) in
            [(Product::Naples, Role::Ask, 576), (Product::Rome, Role::Ark, 1088)]
        {
            let bytes = signed_part(product, role);
            assert_eq!(bytes.len(), len);
            let refused = AmdCertificate::parse(&bytes).unwrap_err();
            assert_eq!(refused, CertificateError::NoSignature);
            assert_eq!(refused.status(), Status::INVALID_CERTIFICATE);
        }
        for more in 1..256 {
            let mut longer = ark.clone();
            longer.resize(576 + more, 0);
            let refused = CertificateError::Truncated { found: 576 + more, expected: 832 };
            assert_eq!(AmdCertificate::parse(&longer).unwrap_err(), refused);
        }
    }
}
