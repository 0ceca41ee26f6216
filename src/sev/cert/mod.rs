//! Certificates of SEV platforms: the binary formats of PDH, PEK, OCA and CEK, and of AMD's ARK and ASK (AMD 55766,
//! appendix C; AMD's published firmware, `sev_cert.c` and `amd_cert.c`).
//!
//! ```text
//! ARK -> ARK -> ASK -> CEK -> PEK -> PDH        A -> B: A has signed B
//!               OCA -> OCA -> PEK
//! ```
//!
//! | you want to know | ask |
//! |---|---|
//! | is it a genuine platform, and whose? | [`verify`]: everything, strictly, down to AMD's keys, which are built in |
//! | what would the firmware say? | [`Certificate::validate`], [`AmdCertificate::validate_root`] and their like: its checks in its order, with its status |
//! | which certificates are in these files? | [`Bundle`] |
//!
//! A guest's owner, with the files of a host and the CEK from AMD:
//! ```no_run
//! use sevcrypt::sev::cert::{Bundle, Trust, verify};
//!
//! # fn files() -> std::io::Result<(Vec<u8>, Vec<u8>)> { Ok((std::fs::read("platform.chain")?, std::fs::read("cek.cert")?)) }
//! let (chain, cek) = files()?;
//! let mut bundle = Bundle::default();
//! bundle.add(&chain)?; // PDH, PEK, OCA, CEK as the platform exports them
//! bundle.add(&cek)?; // the CEK with AMD's signature, which takes the place of the other
//! let platform = verify(&bundle.platform()?, bundle.amd(), &Trust::amd())?;
//! println!("{:?}, firmware API {}", platform.product(), platform.api().major);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! On a platform in software (feature `platform`), link by link:
//! ```
//! # #[cfg(feature = "platform")] {
//! use sevcrypt::platform::Chip;
//! use sevcrypt::platform::ca::TestCa;
//! use sevcrypt::sev::ApiVersion;
//! use sevcrypt::sev::cert::{AmdCertificate, Bundle, CertificateError, Product, RsaKey, Trust, Usage, verify, verify_pek};
//! use sevcrypt::sev::keys::{PlatformKeys, PlatformRandom};
//! use sevcrypt::snp::tcb;
//!
//! // A platform whose root is not AMD's, with what its CA and its firmware give out.
//! let (ca, chip) = (TestCa::published(tcb::Product::Milan)?, Chip::new(tcb::Product::Milan, &[7; 48], &[8; 32]));
//! let api = ApiVersion { major: 1, minor: 55 };
//! let keys = PlatformKeys::generate(chip.unique_key(), api, &PlatformRandom::new(&[9; 168]))?;
//! let (cek, amd) = (ca.sev_cek(&chip)?, ca.sev_chain()?);
//!
//! let mut bundle = Bundle::default();
//! let platform = keys.certificates().to_bytes();
//! for file in [&platform[..], cek.as_bytes(), &amd[..]] {
//!     bundle.add(file)?;
//! }
//! let [ask, ark] = AmdCertificate::parse_chain(&amd)?;
//! let roots = [ark];
//! let trust = Trust::only(&roots);
//! let verified = verify(&bundle.platform()?, bundle.amd(), &trust)?;
//! assert_eq!((verified.api(), verified.product()), (api, None));
//! assert_eq!(verified.pek(), &keys.pek().verifying_key());
//! assert!(verify(&bundle.platform()?, bundle.amd(), &Trust::amd()).is_err(), "it is none of AMD's");
//! assert!(verify(&bundle.platform()?, bundle.amd(), &Trust::amd().with_roots(&roots)).is_ok());
//! let pek = verify_pek(&verified.certificates().pek, bundle.oca().unwrap(), &cek, bundle.amd(), &trust)?;
//! assert_eq!(pek.key, *verified.pek());
//!
//! // What the firmware would say of each link.
//! let (root, rest) = AmdCertificate::parse(ark.as_bytes())?;
//! assert!(rest.is_empty() && root.validate_root(&trust)?.is_none());
//! ask.validate(&root)?;
//! cek.validate_by_ask(&ask)?;
//! let key: RsaKey = ask.key()?;
//! println!("{} of {} bits, {:?}", ask.usage(), key.bits(), key.algorithm());
//! let swapped = root.validate(&ask).unwrap_err();
//! println!("{swapped}, status {}", CertificateError::status(swapped));
//! assert!(trust.with_product(Product::Rome).product_of_cek(&cek).is_err());
//! assert!(trust.product_of_ask(&ask)?.is_none() && trust.product_of_cek(&cek).is_err());
//! assert_eq!((Product::Rome.name(), Usage::CEK.to_string()), ("Rome", "0x1004 (CEK)".into()));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod amd;
mod bundle;
mod chain;
mod key;
mod rules;

pub use amd::{AmdCertificate, AmdDraft, AmdWriteError};
pub use bundle::{Bundle, BundleError};
pub use chain::{
    AmdCertificates, CekUrl, ChainError, PlatformCertificates, Product, Trust, VerifiedPek,
    VerifiedPlatform, verify, verify_pek,
};
pub use key::{KeyError, PublicKey, RsaKey};
pub use rules::CertificateError;

use core::fmt;

use super::ApiVersion;
use crate::Hex;
use crate::ecdh;
use crate::ecdsa::{SignerSha256, VerifyingKey};
use crate::wire::{field, field_mut, get_u32};

/// Where things stand (AMD 55766, appendix C, SEV certificate, version 1).
mod at {
    pub(super) const VERSION: usize = 0x000;
    pub(super) const API_MAJOR: usize = 0x004;
    pub(super) const API_MINOR: usize = 0x005;
    pub(super) const RESERVED: usize = 0x006;
    pub(super) const USAGE: usize = 0x008;
    pub(super) const ALGORITHM: usize = 0x00c;
    pub(super) const KEY: usize = 0x010;
    pub(super) const KEY_LEN: usize = 0x404;
    pub(super) const QX: usize = 0x014;
    pub(super) const QY: usize = 0x05c;
    pub(super) const RSA_EXPONENT: usize = 0x014;
    pub(super) const RSA_MODULUS: usize = 0x214;
    pub(super) const SLOTS: [usize; 2] = [0x414, 0x61c];
}

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

/// The number, and AMD's name for it.
impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::ARK => "ARK",
            Self::ASK => "ASK",
            Self::EMPTY => "none",
            Self::OCA => "OCA",
            Self::PEK => "PEK",
            Self::PDH => "PDH",
            Self::CEK => "CEK",
            Self(other) => return write!(f, "{other:#x}"),
        };
        write!(f, "{:#x} ({name})", self.0)
    }
}

/// PUBKEY_ALGO and SIG_ALGO. Bit 8 says which hash: SHA-256 or SHA-384.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Algorithm(pub u32);

impl Algorithm {
    /// None: an empty slot.
    pub const NONE: Self = Self(0);
    /// RSA with SHA-256: the ASK of Naples.
    pub const RSA_SHA256: Self = Self(1);
    /// ECDSA with SHA-256: OCA, PEK, CEK.
    pub const ECDSA_SHA256: Self = Self(2);
    /// ECDH with SHA-256: PDH.
    pub const ECDH_SHA256: Self = Self(3);
    /// RSA with SHA-384: the ASK of Rome and later.
    pub const RSA_SHA384: Self = Self(0x101);
    /// ECDSA with SHA-384. UNKNOWN: whether a platform has ever used it.
    pub const ECDSA_SHA384: Self = Self(0x102);
    /// ECDH with SHA-384. UNKNOWN: whether a platform has ever used it.
    pub const ECDH_SHA384: Self = Self(0x103);

    /// Bit 8.
    const fn has_sha384(self) -> bool {
        self.0 & 0x100 != 0
    }
}

/// The number, and its name.
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::NONE => "none",
            Self::RSA_SHA256 => "RSA, SHA-256",
            Self::ECDSA_SHA256 => "ECDSA, SHA-256",
            Self::ECDH_SHA256 => "ECDH, SHA-256",
            Self::RSA_SHA384 => "RSA, SHA-384",
            Self::ECDSA_SHA384 => "ECDSA, SHA-384",
            Self::ECDH_SHA384 => "ECDH, SHA-384",
            Self(other) => return write!(f, "{other:#x}"),
        };
        write!(f, "{:#x} ({name})", self.0)
    }
}

/// A SEV certificate, version 1: a public key with up to two signatures, 2084 bytes (AMD 55766, appendix C). Any 2084
/// bytes are one; what is right about them, the methods say.
///
/// ```
/// use sevcrypt::ecdsa::SigningKey;
/// use sevcrypt::sev::ApiVersion;
/// use sevcrypt::sev::cert::{Algorithm, Certificate, Usage};
///
/// let key = SigningKey::from_scalar(&[7; 48]).ok_or("out of range")?;
/// let mut oca = Certificate::of_verifying_key(Usage::OCA, &key.verifying_key(), ApiVersion::default());
/// oca.sign(Usage::OCA, &key)?;
/// assert_eq!(oca.slots()[0].usage, Usage::OCA);
/// assert!(oca.slots()[1].is_empty());
/// oca.validate(&oca)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate([u8; Self::LEN]);

/// A place for a signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Slot<'a> {
    /// SIG_USAGE: the usage of the key that signed.
    pub usage: Usage,
    /// SIG_ALGO: its algorithm.
    pub algorithm: Algorithm,
    /// The signature: r and s in 72 bytes each, or an RSA signature; little-endian, and zeros.
    pub signature: &'a [u8; Slot::SIGNATURE_LEN],
}

impl Slot<'_> {
    /// The length of the place of a signature.
    pub const SIGNATURE_LEN: usize = 512;

    /// Without a signature.
    pub const EMPTY: Slot<'static> = Slot {
        usage: Usage::EMPTY,
        algorithm: Algorithm::NONE,
        signature: &[0; Slot::SIGNATURE_LEN],
    };

    /// Whether both words say that there is no signature. If one of them does and the other does not, the slot is
    /// malformed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.usage == Usage::EMPTY && self.algorithm == Algorithm::NONE
    }
}

impl fmt::Debug for Slot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({}, {}, {})", self.usage, self.algorithm, Hex(self.signature))
    }
}

impl Certificate {
    /// The length in bytes.
    pub const LEN: usize = 2084;
    /// The length of the part that is signed.
    pub const BODY_LEN: usize = 1044;
    /// The only VERSION.
    pub const VERSION: u32 = 1;

    /// From its bytes; nothing but the length is checked.
    ///
    /// # Errors
    /// [`CertificateError::Length`]
    pub fn parse(bytes: &[u8]) -> Result<Self, CertificateError> {
        match bytes.try_into() {
            Ok(bytes) => Ok(Self(bytes)),
            Err(_) => Err(CertificateError::Length { found: bytes.len(), expected: Self::LEN }),
        }
    }

    /// From its bytes; nothing is checked.
    #[must_use]
    pub const fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self(*bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The part that is signed: all before the first slot.
    #[must_use]
    pub fn body(&self) -> &[u8; Self::BODY_LEN] {
        field::<0, { Self::BODY_LEN }, _>(&self.0)
    }

    /// A certificate without signatures of a key to verify with: OCA, PEK, CEK.
    #[must_use]
    pub fn of_verifying_key(usage: Usage, key: &VerifyingKey, api: ApiVersion) -> Self {
        Self::new(usage, Algorithm::ECDSA_SHA256, &PublicKey::Ecdsa(*key), api)
    }

    /// A certificate without signatures of a Diffie-Hellman key: a PDH, or a guest owner's.
    #[must_use]
    pub fn of_ecdh_key(key: &ecdh::PublicKey, api: ApiVersion) -> Self {
        Self::new(Usage::PDH, Algorithm::ECDH_SHA256, &PublicKey::Ecdh(*key), api)
    }

    /// A certificate without signatures of any key.
    ///
    /// ```
    /// use sevcrypt::ecdsa::SigningKey;
    /// use sevcrypt::sev::ApiVersion;
    /// use sevcrypt::sev::cert::{Algorithm, Certificate, PublicKey, Slot, Usage};
    ///
    /// let key = PublicKey::Ecdsa(SigningKey::from_random(&[7; 56]).verifying_key());
    /// let mut pek = Certificate::new(Usage::PEK, Algorithm::ECDSA_SHA256, &key, ApiVersion { major: 1, minor: 55 });
    /// let oca = Slot { usage: Usage::OCA, algorithm: Algorithm::ECDSA_SHA256, signature: &[0x11; 512] };
    /// assert!(pek.add_signature(oca) && pek.add_signature(Slot { usage: Usage::CEK, ..oca }));
    /// assert!(!pek.add_signature(oca), "both places are taken");
    /// assert_eq!(pek.slots()[0], oca);
    /// ```
    #[must_use]
    pub fn new(usage: Usage, algorithm: Algorithm, key: &PublicKey, api: ApiVersion) -> Self {
        let mut certificate = Self([0; Self::LEN]);
        certificate.set_version(Self::VERSION);
        certificate.set_api(api);
        certificate.set_usage(usage);
        certificate.set_key(algorithm, key);
        certificate.set_slots([Slot::EMPTY; 2]);
        certificate
    }

    /// VERSION.
    #[must_use]
    pub fn version(&self) -> u32 {
        get_u32::<{ at::VERSION }, _>(&self.0)
    }

    /// Writes VERSION.
    pub fn set_version(&mut self, version: u32) {
        *field_mut::<{ at::VERSION }, 4, _>(&mut self.0) = version.to_le_bytes();
    }

    /// API_MAJOR and API_MINOR of the firmware that made it; zero if an owner did.
    #[must_use]
    pub fn api(&self) -> ApiVersion {
        ApiVersion { major: self.0[at::API_MAJOR], minor: self.0[at::API_MINOR] }
    }

    /// Writes API_MAJOR and API_MINOR.
    pub fn set_api(&mut self, api: ApiVersion) {
        (self.0[at::API_MAJOR], self.0[at::API_MINOR]) = (api.major, api.minor);
    }

    /// PUBKEY_USAGE.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage(get_u32::<{ at::USAGE }, _>(&self.0))
    }

    /// Writes PUBKEY_USAGE.
    pub fn set_usage(&mut self, usage: Usage) {
        *field_mut::<{ at::USAGE }, 4, _>(&mut self.0) = usage.0.to_le_bytes();
    }

    /// PUBKEY_ALGO.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        Algorithm(get_u32::<{ at::ALGORITHM }, _>(&self.0))
    }

    /// Writes PUBKEY_ALGO and leaves PUBKEY as it is; [`set_key`](Self::set_key) writes both.
    pub fn set_algorithm(&mut self, algorithm: Algorithm) {
        *field_mut::<{ at::ALGORITHM }, 4, _>(&mut self.0) = algorithm.0.to_le_bytes();
    }

    /// Both slots.
    #[must_use]
    pub fn slots(&self) -> [Slot<'_>; 2] {
        [
            slot(field::<{ at::SLOTS[0] }, SLOT, _>(&self.0)),
            slot(field::<{ at::SLOTS[1] }, SLOT, _>(&self.0)),
        ]
    }

    /// Writes both slots.
    pub fn set_slots(&mut self, slots: [Slot<'_>; 2]) {
        let [first, second] = slots;
        write_slot(field_mut::<{ at::SLOTS[0] }, SLOT, _>(&mut self.0), first);
        write_slot(field_mut::<{ at::SLOTS[1] }, SLOT, _>(&mut self.0), second);
    }

    /// Writes the first slot whose usage says that it is empty, as the firmware does. `false`: there is none.
    #[must_use = "there may be no empty slot"]
    pub fn add_signature(&mut self, signature: Slot<'_>) -> bool {
        let Some(empty) = self.slots().iter().position(|slot| slot.usage == Usage::EMPTY) else {
            return false;
        };
        match empty {
            0 => write_slot(field_mut::<{ at::SLOTS[0] }, SLOT, _>(&mut self.0), signature),
            _ => write_slot(field_mut::<{ at::SLOTS[1] }, SLOT, _>(&mut self.0), signature),
        }
        true
    }

    /// Whether both slots are empty.
    pub(super) fn is_unsigned(&self) -> bool {
        self.slots().iter().all(Slot::is_empty)
    }

    /// Whether it has the same usage, algorithm and key; VERSION and API may differ. Not inlined: the key may have been made of
    /// a secret a moment ago, and what is told of it has a place that `.ci/constant-time` knows.
    #[inline(never)]
    pub(in crate::sev) fn has_key_of(&self, other: &Self) -> bool {
        let key = |of| field::<{ at::USAGE }, { Self::BODY_LEN - at::USAGE }, _>(of);
        key(&self.0) == key(&other.0)
    }

    /// The same without signatures: a CSR.
    #[must_use]
    pub fn unsigned(&self) -> Self {
        let mut unsigned = self.clone();
        unsigned.set_slots([Slot::EMPTY; 2]);
        unsigned
    }

    /// Signs it, in the first empty slot, by a key of this usage.
    ///
    /// # Errors
    /// [`SignError`]: no slot is empty, or the signer's own; nothing was changed.
    pub fn sign<S: SignerSha256>(
        &mut self,
        usage: Usage,
        signer: &S,
    ) -> Result<(), SignError<S::Error>> {
        let signature = signer.sign_sha256(self.body()).map_err(SignError::Signer)?.to_amd();
        let algorithm = Algorithm::ECDSA_SHA256;
        match self.add_signature(Slot { usage, algorithm, signature: &signature }) {
            true => Ok(()),
            false => Err(SignError::NoEmptySlot),
        }
    }
}

/// The length of a slot: usage, algorithm, signature.
const SLOT: usize = 8 + Slot::SIGNATURE_LEN;

fn slot(bytes: &[u8; SLOT]) -> Slot<'_> {
    Slot {
        usage: Usage(get_u32::<0, _>(bytes)),
        algorithm: Algorithm(get_u32::<4, _>(bytes)),
        signature: field::<8, { Slot::SIGNATURE_LEN }, _>(bytes),
    }
}

fn write_slot(bytes: &mut [u8; SLOT], slot: Slot<'_>) {
    *field_mut::<0, 4, _>(bytes) = slot.usage.0.to_le_bytes();
    *field_mut::<4, 4, _>(bytes) = slot.algorithm.0.to_le_bytes();
    *field_mut::<8, { Slot::SIGNATURE_LEN }, _>(bytes) = *slot.signature;
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.slots();
        f.debug_struct("Certificate")
            .field("version", &self.version())
            .field("api", &self.api())
            .field("usage", &format_args!("{}", self.usage()))
            .field("algorithm", &format_args!("{}", self.algorithm()))
            .field("key", &self.key())
            .field("slot 1", &first)
            .field("slot 2", &second)
            .finish()
    }
}

/// What it is, and who says so, in one line.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ApiVersion { major, minor } = self.api();
        write!(f, "{}, {}, API {major}.{minor}", self.usage(), self.algorithm())?;
        let mut before = ", signed by";
        for slot in self.slots().iter().filter(|slot| !slot.is_empty()) {
            write!(f, "{before} {} with {}", slot.usage, slot.algorithm)?;
            before = " and";
        }
        Ok(())
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

impl<E: fmt::Display> fmt::Display for SignError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEmptySlot => f.write_str("both slots of the certificate hold a signature"),
            Self::Signer(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for SignError<E> {}

/// The Diffie-Hellman key of a certificate of the right kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PdhKey(ecdh::PublicKey);

impl PdhKey {
    /// The key of a certificate whose **signatures are not checked**: what the firmware does with the certificate of
    /// the other end (version, key, usage, algorithm, in this order; AMD's published firmware, `sev_cert.c`). Of a
    /// platform that was verified: [`VerifiedPlatform::pdh`].
    ///
    /// # Errors
    /// [`CertificateError`], whose status is `INVALID_CERTIFICATE`.
    ///
    /// ```
    /// use sevcrypt::ecdh::PrivateKey;
    /// use sevcrypt::sev::ApiVersion;
    /// use sevcrypt::sev::cert::{Certificate, PdhKey};
    ///
    /// let key = PrivateKey::from_scalar(&[7; 48]).ok_or("out of range")?.public_key();
    /// let owner = Certificate::of_ecdh_key(&key, ApiVersion::default());
    /// assert_eq!(PdhKey::unauthenticated(&owner)?.key(), &key);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unauthenticated(certificate: &Certificate) -> Result<Self, CertificateError> {
        let key = certificate.check_body()?;
        certificate.check_usage(Usage::PDH)?;
        match (certificate.algorithm(), key) {
            (Algorithm::ECDH_SHA256, PublicKey::Ecdh(key)) => Ok(Self(key)),
            (found, _) => {
                Err(CertificateError::Algorithm { found, expected: Algorithm::ECDH_SHA256 })
            }
        }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &ecdh::PublicKey {
        &self.0
    }
}
