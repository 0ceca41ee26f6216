//! A certificate authority in AMD's profile, for platforms that are not AMD's.
//!
//! [`TestCa`] has what AMD has for a product: a root (ARK), the key that signs VCEKs (ASK) and the key that signs VLEKs (ASVK).
//! Its certificates and revocation lists are AMD's byte for byte in names, serial numbers, periods, extensions, their order
//! and the signature's algorithm (AMD 57230, chapter 3; 58369), but for the organisation, which never is AMD's. A verifier
//! that is to accept its chips must be told to trust its root
//! ([`Trust::with_roots`](crate::snp::verify::Trust::with_roots)); with AMD's roots alone it refuses them.
//!
//! As in AMD's certificates, the address of the revocation list is that of AMD's Key Distribution Service, which does not
//! have it: [`kds`](super::kds) answers in its place.
//!
//! ```
//! use sevcrypt::ecdsa::SigningKey;
//! use sevcrypt::platform::Chip;
//! use sevcrypt::platform::ca::{CaRole, TestCa};
//! use sevcrypt::snp::tcb::{Product, TcbVersion};
//! use sevcrypt::x509::Certificate;
//!
//! let ca = TestCa::published(Product::Turin)?;
//! let chip = Chip::new(Product::Turin, &[7; 48], &[8; 32]);
//! # let key = SigningKey::from_scalar(&[9; 48]).unwrap().verifying_key();
//! let tcb = TcbVersion::new([1, 1, 1, 4, 0, 0, 0, 81]);
//! let vcek = ca.vcek(&chip.hw_id()?, tcb, &key, 1_767_225_600)?;
//!
//! let vcek = Certificate::from_der(&vcek)?;
//! assert_eq!(vcek.issuer().common_name(), Some("SEV-Turin"));
//! assert_eq!(vcek.issuer().organization(), Some(ca.organisation()));
//! assert_eq!(vcek.amd().ucode_spl, Some(81));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod der;
mod key;
mod legacy;
mod profile;
mod published;
#[cfg(test)]
mod tests;

use core::fmt;
use std::string::String;
use std::vec::Vec;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::ecdsa::VerifyingKey;
use crate::snp::kds::{Endorser, HwId, KdsError, Request};
use crate::snp::tcb::{Product, TcbVersion};
use crate::x509::{Certificate, CertificateError, PublicKey};
use der::Date;
use key::{CaKey, PRIME_LEN};
use profile::{Algorithm, Ca, Holder, Leaf, Revocations};

/// The organisation in certificates of keys that somebody made for a platform.
const ORGANISATION: &str = "sevcrypt test platform";
/// The organisation in certificates of the published keys.
const PUBLISHED_ORGANISATION: &str = "sevcrypt published test keys";
/// How long before it is made a certificate begins to be valid, in seconds: clocks differ.
const BACK_DATED: i64 = 86_400;
/// When the published CA's certificates begin: 2024-01-01 00:00:00 UTC.
const PUBLISHED_AT: i64 = 1_704_067_200;
/// The longest cspID that the library's verifier keeps.
const MAX_CSP_ID: usize = 128;

/// The keys of a certificate authority.
///
/// ```
/// assert_eq!(sevcrypt::platform::ca::CaRole::Asvk.to_string(), "ASVK");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CaRole {
    /// AMD root key: signs the other two and the revocation lists.
    Ark,
    /// AMD SEV key: signs VCEKs.
    Ask,
    /// AMD SEV VLEK key: signs VLEKs.
    Asvk,
}

impl CaRole {
    /// All three, in the order in which they are made.
    pub const ALL: [Self; 3] = [Self::Ark, Self::Ask, Self::Asvk];
}

impl fmt::Display for CaRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ark => "ARK",
            Self::Ask => "ASK",
            Self::Asvk => "ASVK",
        })
    }
}

/// A key with its certificate.
struct Member {
    key: CaKey,
    certificate: Vec<u8>,
}

/// The certificate authority of a product, with its private keys: they are wiped on drop, not printed, not to be cloned.
///
/// The same call gives the same bytes: salts of signatures follow from the key and what is signed. Times are in seconds since
/// 1970-01-01 00:00:00 UTC.
///
/// [`ca`](self) has an example.
pub struct TestCa {
    product: Product,
    not_before: i64,
    ark: Member,
    ask: Member,
    asvk: Member,
}

impl TestCa {
    /// Makes the keys of a product's CA, three of RSA-4096, with certificates of 25 years. This takes seconds for each key:
    /// `progress` is called before each.
    ///
    /// This is how the CA of a platform that somebody creates comes about; it never is the published one.
    ///
    /// # Errors
    /// [`CaError::UnknownProfile`] for Venice, [`CaError::Time`].
    ///
    /// ```no_run
    /// # fn make(rng: &mut dyn rand_core::CryptoRng) -> Result<(), sevcrypt::platform::ca::CaError> {
    /// use sevcrypt::platform::ca::TestCa;
    /// use sevcrypt::snp::tcb::Product;
    ///
    /// let now = 1_767_225_600;
    /// let ca = TestCa::generate(Product::Genoa, now, rng, &mut |role| println!("{role} ..."))?;
    /// assert!(!ca.is_published());
    /// # Ok(())
    /// # }
    /// ```
    pub fn generate<R: CryptoRng + ?Sized>(
        product: Product,
        now: i64,
        rng: &mut R,
        progress: &mut dyn FnMut(CaRole),
    ) -> Result<Self, CaError> {
        profile::serial(CaRole::Ark, product).ok_or(CaError::UnknownProfile { product })?;
        let not_before = now.checked_sub(BACK_DATED).ok_or(CaError::Time { time: now })?;
        date(not_before)?;
        let mut make = |role| {
            progress(role);
            CaKey::generate(rng).ok_or(CaError::Key { role })
        };
        let keys = [make(CaRole::Ark)?, make(CaRole::Ask)?, make(CaRole::Asvk)?];
        Self::issue(product, not_before, keys, ORGANISATION)
    }

    /// The CA whose private keys everybody has, since they are part of this library: for tests and demonstrations. They are
    /// the same for every product; the certificates begin with the year 2024 and have an organisation of their own.
    ///
    /// # Errors
    /// [`CaError::UnknownProfile`] for Venice.
    pub fn published(product: Product) -> Result<Self, CaError> {
        profile::serial(CaRole::Ark, product).ok_or(CaError::UnknownProfile { product })?;
        let key = |role, primes| CaKey::from_primes(primes).ok_or(CaError::Key { role });
        let keys = [
            key(CaRole::Ark, &published::ARK)?,
            key(CaRole::Ask, &published::ASK)?,
            key(CaRole::Asvk, &published::ASVK)?,
        ];
        Self::issue(product, PUBLISHED_AT, keys, PUBLISHED_ORGANISATION)
    }

    /// Makes the certificates of keys.
    fn issue(
        product: Product,
        not_before: i64,
        [ark, ask, asvk]: [CaKey; 3],
        organisation: &str,
    ) -> Result<Self, CaError> {
        let begin = date(not_before)?;
        let certify = |role, key: &CaKey| {
            let (modulus, ark_modulus) = (key.modulus(), ark.modulus());
            let ca = Ca { role, product, organisation, not_before: begin, modulus, ark_modulus };
            let tbs = ca.tbs().ok_or(CaError::Time { time: not_before })?;
            sign(&ark, CaRole::Ark, &tbs, Algorithm::Trailer)
        };
        let certificates = [
            certify(CaRole::Ark, &ark)?,
            certify(CaRole::Ask, &ask)?,
            certify(CaRole::Asvk, &asvk)?,
        ];
        let [ark_der, ask_der, asvk_der] = certificates;
        Ok(Self {
            product,
            not_before,
            ark: Member { key: ark, certificate: ark_der },
            ask: Member { key: ask, certificate: ask_der },
            asvk: Member { key: asvk, certificate: asvk_der },
        })
    }

    const fn member(&self, role: CaRole) -> &Member {
        match role {
            CaRole::Ark => &self.ark,
            CaRole::Ask => &self.ask,
            CaRole::Asvk => &self.asvk,
        }
    }

    /// The product.
    #[must_use]
    pub const fn product(&self) -> Product {
        self.product
    }

    /// Whether one of its keys is among the published ones, wherever it came from: nothing that matters may rest on it.
    #[must_use]
    pub fn is_published(&self) -> bool {
        let published = [&published::ARK, &published::ASK, &published::ASVK];
        CaRole::ALL.into_iter().any(|role| {
            let primes = self.member(role).key.primes();
            let is_it = |prime: &[u8; PRIME_LEN], other: &[u8; PRIME_LEN]| {
                bool::from(prime[..].ct_eq(&other[..]))
            };
            published
                .iter()
                .copied()
                .flatten()
                .any(|other| primes.iter().any(|own| is_it(own, other)))
        })
    }

    /// The organisation in its names.
    #[must_use]
    pub fn organisation(&self) -> &'static str {
        if self.is_published() { PUBLISHED_ORGANISATION } else { ORGANISATION }
    }

    /// The certificate of one of its keys, DER.
    #[must_use]
    pub fn certificate(&self, role: CaRole) -> &[u8] {
        &self.member(role).certificate
    }

    /// The root's certificate, DER: what a verifier has to trust.
    #[must_use]
    pub fn ark(&self) -> &[u8] {
        self.certificate(CaRole::Ark)
    }

    /// The certificate of the key that signs VCEKs, DER.
    #[must_use]
    pub fn ask(&self) -> &[u8] {
        self.certificate(CaRole::Ask)
    }

    /// The certificate of the key that signs VLEKs, DER.
    #[must_use]
    pub fn asvk(&self) -> &[u8] {
        self.certificate(CaRole::Asvk)
    }

    /// The serial number of a certificate, for [`crl`](Self::crl): that of AMD's.
    #[must_use]
    pub fn serial(&self, role: CaRole) -> u32 {
        profile::serial(role, self.product).expect("a CA has a product with a profile")
    }

    /// The certificates above a leaf as the Key Distribution Service sends them: PEM, ASK or ASVK, then ARK.
    #[must_use]
    pub fn cert_chain(&self, endorser: Endorser) -> String {
        let issuer = match endorser {
            Endorser::Vcek => self.ask(),
            Endorser::Vlek => self.asvk(),
        };
        [issuer, self.ark()].map(pem).concat()
    }

    /// The certificate of a chip's VCEK at a TCB version, DER, for 7 years.
    ///
    /// It begins at midnight a day before `now`, or with the CA: one day's certificates of a key are the same.
    ///
    /// # Errors
    /// [`CaError::Request`]: the hwID is another product's, or the Key Distribution Service has no certificate for such a
    /// TCB version. [`CaError::Time`].
    pub fn vcek(
        &self,
        hw_id: &HwId,
        tcb: TcbVersion,
        key: &VerifyingKey,
        now: i64,
    ) -> Result<Vec<u8>, CaError> {
        Request::vcek(self.product, *hw_id, tcb).map_err(CaError::Request)?;
        self.leaf(Holder::Chip(hw_id.as_bytes()), tcb, key, now)
    }

    /// The certificate of a provider's VLEK at a TCB version, DER, for one year; it begins as a VCEK's does.
    ///
    /// AMD's cspID reads `CN=cc-us-east-2.amazonaws.com` or so.
    ///
    /// # Errors
    /// [`CaError::CspId`], and as [`vcek`](Self::vcek).
    pub fn vlek(
        &self,
        csp_id: &str,
        tcb: TcbVersion,
        key: &VerifyingKey,
        now: i64,
    ) -> Result<Vec<u8>, CaError> {
        Request::vlek(self.product, tcb).map_err(CaError::Request)?;
        if !(csp_id.is_ascii() && (1..=MAX_CSP_ID).contains(&csp_id.len())) {
            return Err(CaError::CspId { len: csp_id.len() });
        }
        self.leaf(Holder::Provider(csp_id), tcb, key, now)
    }

    fn leaf(
        &self,
        holder: Holder<'_>,
        tcb: TcbVersion,
        key: &VerifyingKey,
        now: i64,
    ) -> Result<Vec<u8>, CaError> {
        let midnight = now.div_euclid(86_400).saturating_mul(86_400);
        let not_before = midnight.saturating_sub(BACK_DATED).max(self.not_before);
        let issuer = match holder {
            Holder::Chip(_) => CaRole::Ask,
            Holder::Provider(_) => CaRole::Asvk,
        };
        let algorithm = Algorithm::NoTrailer;
        let leaf = Leaf {
            holder,
            product: self.product,
            organisation: self.organisation(),
            not_before: date(not_before)?,
            tcb,
            key: &key.to_sec1(),
            algorithm,
        };
        let tbs = leaf.tbs().ok_or(CaError::Time { time: now })?;
        sign(&self.member(issuer).key, issuer, &tbs, algorithm)
    }

    /// A revocation list of the ARK with these serial numbers, DER, for one year from `this_update` on.
    ///
    /// AMD's lists have serial numbers of ASKs and ASVKs only, without reasons; the paths of both branches have a list of the
    /// same issuer. MODEL: the list's number is its time, so that a later one has a higher number, and all entries have that
    /// time as their date.
    ///
    /// # Errors
    /// [`CaError::Time`].
    pub fn crl(&self, revoked: &[u32], this_update: i64) -> Result<Vec<u8>, CaError> {
        let time = CaError::Time { time: this_update };
        let list = Revocations {
            product: self.product,
            organisation: self.organisation(),
            ark_modulus: self.ark.key.modulus(),
            this_update: date(this_update)?,
            number: u64::try_from(this_update).map_err(|_| time)?,
            revoked,
        };
        sign(&self.ark.key, CaRole::Ark, &list.tbs().ok_or(time)?, Algorithm::NoTrailer)
    }
}

impl fmt::Debug for TestCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestCa({}, ..)", self.product)
    }
}

fn date(time: i64) -> Result<Date, CaError> {
    Date::of(time).ok_or(CaError::Time { time })
}

fn sign(key: &CaKey, role: CaRole, tbs: &[u8], algorithm: Algorithm) -> Result<Vec<u8>, CaError> {
    let signature = key.sign(tbs).ok_or(CaError::Key { role })?;
    Ok(profile::signed(tbs, algorithm, &signature))
}

fn pem(der: &[u8]) -> String {
    pem_rfc7468::encode_string("CERTIFICATE", pem_rfc7468::LineEnding::LF, der)
        .expect("a certificate is not too long")
}

/// What a saved CA begins with: what it is, and the version of its form.
const MAGIC: [u8; 16] = *b"sevcrypt CA \x01\0\0\0";

/// To be kept, and to be had again.
impl TestCa {
    /// Everything, to be kept: **with the private keys**. The form is this library's own: 16 bytes that name it, the product,
    /// and for ARK, ASK and ASVK the two primes (256 bytes each, big-endian), the length of the certificate (four bytes,
    /// little-endian) and the certificate.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let members = CaRole::ALL.map(|role| self.member(role));
        let certificates: usize = members.iter().map(|member| member.certificate.len()).sum();
        // A vector that grows leaves copies behind.
        let len = MAGIC.len() + 1 + 3 * (2 * PRIME_LEN + 4) + certificates;
        let mut bytes = Zeroizing::new(Vec::with_capacity(len));
        bytes.extend_from_slice(&MAGIC);
        bytes.push(match self.product {
            Product::Milan => 1,
            Product::Genoa => 2,
            Product::Turin => 3,
            Product::Venice => 4,
        });
        for member in members {
            let length = u32::try_from(member.certificate.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(member.key.primes().as_flattened());
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&member.certificate);
        }
        debug_assert_eq!(bytes.len(), len);
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) made. A CA whose keys are the published ones is known as such again.
    ///
    /// # Errors
    /// [`CaBytesError`]: it is not of this form, or keys and certificates do not belong together: each certificate has the
    /// role, the product and the organisation that it has here, the key beside it, and the ARK's signature.
    ///
    /// ```
    /// use sevcrypt::platform::ca::{CaBytesError, CaRole, TestCa};
    /// use sevcrypt::snp::tcb::Product;
    ///
    /// let ca = TestCa::published(Product::Milan)?;
    /// let mut bytes = ca.to_bytes();
    /// assert_eq!(TestCa::from_bytes(&bytes)?.ark(), ca.ark());
    ///
    /// bytes.pop();
    /// assert!(matches!(TestCa::from_bytes(&bytes), Err(CaBytesError::Truncated)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CaBytesError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(CaBytesError::Form)?;
        let (product, mut rest) = match rest {
            [1, rest @ ..] => (Product::Milan, rest),
            [2, rest @ ..] => (Product::Genoa, rest),
            [3, rest @ ..] => (Product::Turin, rest),
            [number, ..] => return Err(CaBytesError::Product { number: *number }),
            [] => return Err(CaBytesError::Truncated),
        };
        let [ark, ask, asvk] = CaRole::ALL.map(|role| Member::read(role, &mut rest));
        let (ark, ask, asvk) = (ark?, ask?, asvk?);
        if !rest.is_empty() {
            return Err(CaBytesError::TrailingData { bytes: rest.len() });
        }
        let role = CaRole::Ark;
        let root = Certificate::from_der(&ark.certificate)
            .map_err(|error| CaBytesError::Certificate { role, error })?;
        let not_before = root.validity().not_before;
        let ca = Self { product, not_before, ark, ask, asvk };
        CaRole::ALL.into_iter().try_for_each(|role| ca.check(role))?;
        Ok(ca)
    }

    /// Whether a certificate is that of its key.
    fn check(&self, role: CaRole) -> Result<(), CaBytesError> {
        let Member { key, certificate } = self.member(role);
        let certificate = Certificate::from_der(certificate)
            .map_err(|error| CaBytesError::Certificate { role, error })?;
        let is_named = |name: crate::x509::Name<'_>, role| {
            name.organization() == Some(self.organisation())
                && name.common_name() == Some(&*profile::common_name(role, self.product))
        };
        let is_it = certificate.public_key() == PublicKey::Rsa(key.public_key())
            && is_named(certificate.subject(), role)
            && is_named(certificate.issuer(), CaRole::Ark)
            && certificate.verify_signature(&self.ark.key.public_key()).is_ok();
        if is_it { Ok(()) } else { Err(CaBytesError::Mismatch { role }) }
    }
}

impl Member {
    /// Takes one from the front.
    fn read(role: CaRole, rest: &mut &[u8]) -> Result<Self, CaBytesError> {
        let (primes, after) =
            rest.split_first_chunk::<{ 2 * PRIME_LEN }>().ok_or(CaBytesError::Truncated)?;
        let (length, after) = after.split_first_chunk().ok_or(CaBytesError::Truncated)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (certificate, after) = after.split_at_checked(length).ok_or(CaBytesError::Truncated)?;
        *rest = after;
        let (primes, _) = primes.as_chunks();
        let primes =
            <&[[u8; PRIME_LEN]; 2]>::try_from(primes).map_err(|_| CaBytesError::Truncated)?;
        let key = CaKey::from_primes(primes).ok_or(CaBytesError::Key { role })?;
        Ok(Self { key, certificate: certificate.to_vec() })
    }
}

/// Why a CA makes no such certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaError {
    /// The profile of the product's certificates is not known.
    UnknownProfile {
        /// The product.
        product: Product,
    },
    /// A certificate cannot have this time, or its end: before 1950 or after 9999; a revocation list's before 1970.
    Time {
        /// Seconds since 1970.
        time: i64,
    },
    /// The Key Distribution Service cannot be asked for such a certificate.
    Request(KdsError),
    /// The provider's name is empty, longer than 128 bytes, or not ASCII.
    CspId {
        /// Its bytes.
        len: usize,
    },
    /// A key could not be made, or did not sign. It does not happen with keys that were made here.
    Key {
        /// Which.
        role: CaRole,
    },
}

impl fmt::Display for CaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownProfile { product } => {
                write!(f, "what certificates of {product} look like is not known")
            }
            Self::Time { time } => write!(
                f,
                "a certificate at {time} seconds after 1970 would begin before 1950, or end after 9999"
            ),
            Self::Request(error) => error.fmt(f),
            Self::CspId { len } => write!(
                f,
                "a provider's name of {len} bytes: expected 1 to {MAX_CSP_ID} characters of ASCII"
            ),
            Self::Key { role } => write!(f, "the {role} could not be made or does not sign"),
        }
    }
}

impl core::error::Error for CaError {}

/// Why bytes are no CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaBytesError {
    /// They do not begin as a CA does, or are of another version.
    Form,
    /// No product of a CA has this number.
    Product {
        /// The number.
        number: u8,
    },
    /// They end too early.
    Truncated,
    /// Something follows.
    TrailingData {
        /// How many bytes.
        bytes: usize,
    },
    /// The numbers are no primes of a key of RSA-4096.
    Key {
        /// Which key.
        role: CaRole,
    },
    /// A certificate is malformed.
    Certificate {
        /// Whose.
        role: CaRole,
        /// What is wrong.
        error: CertificateError,
    },
    /// A certificate is not that of the key, the role, the product, or not signed by the ARK.
    Mismatch {
        /// Whose.
        role: CaRole,
    },
}

impl fmt::Display for CaBytesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("no saved CA, or one of another version"),
            Self::Product { number } => {
                write!(f, "at offset 16: {number} is no product, expected 1 to 3")
            }
            Self::Truncated => f.write_str("a saved CA that ends too early"),
            Self::TrailingData { bytes } => write!(f, "{bytes} bytes after the end of a saved CA"),
            Self::Key { role } => write!(f, "the {role}: no primes of a key of RSA-4096"),
            Self::Certificate { role, error } => write!(f, "the {role}'s certificate: {error}"),
            Self::Mismatch { role } => write!(
                f,
                "the {role}'s certificate is not that of its key and this CA, signed by its ARK"
            ),
        }
    }
}

impl core::error::Error for CaBytesError {}
