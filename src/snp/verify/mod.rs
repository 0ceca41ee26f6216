//! Whether a report is authentic, and whether it is acceptable.
//!
//! [`verify`] does both: [`authenticate`] checks that AMD's keys vouch for the report, [`Authentic::judge`] that it is
//! what the caller's [`Policy`] asks for. `Ok` always means yes: a report that failed anything is never inside an `Ok`.
//! Every outcome that is a judgement lists every [`Check`] as passed, failed or not asked for.
//!
//! There is no I/O and no clock: the time is the caller's ([`Time`]), and a certificate that is missing comes back as
//! what to ask the Key Distribution Service for ([`Missing`]).
//!
//! ```no_run
//! use sevcrypt::snp::certs::Bundle;
//! use sevcrypt::snp::policy::Policy;
//! use sevcrypt::snp::verify::{Time, Trust, verify};
//!
//! # fn files() -> std::io::Result<(Vec<u8>, Vec<u8>)> { Ok((std::fs::read("report.bin")?, std::fs::read("vcek.der")?)) }
//! let (report, vcek) = files()?;
//! let mut bundle = Bundle::default();
//! bundle.add(&vcek)?; // AMD's CA keys are built in
//! let mut policy = Policy::default();
//! policy.report_data = Some(b"the nonce that the guest was sent");
//! let trust = Trust::amd(Time::now());
//! let accepted = verify(&report, bundle.parse()?.collateral(), &trust, &policy)?;
//! println!("measurement {:?}", accepted.claims().measurement);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Who verifies many reports has `verify_batch`, and keeps what he has verified of chains: [`Endorsement`], or `EndorsementCache` for many
//! chips.
//!
//! What is left to the caller: to ask for the right values. By default any measurement is accepted, and REPORT_DATA, which
//! binds a report to a question, is not compared with anything.
//!
//! Everything of it, on a platform in software (feature `platform`):
//! ```
//! # #[cfg(feature = "platform")] {
//! use sevcrypt::ecdsa::SigningKey;
//! use sevcrypt::platform::Chip;
//! use sevcrypt::platform::ca::TestCa;
//! use sevcrypt::snp::GuestPolicy;
//! use sevcrypt::snp::certs::{Collateral, Identity, Role};
//! use sevcrypt::snp::policy::Policy;
//! use sevcrypt::snp::report::{Draft, Report};
//! use sevcrypt::snp::tcb::{Product, TcbVersion};
//! use sevcrypt::snp::verify::{
//!     Check, Endorsement, Evidence, Malformed, Missing, Outcome, ProductSource, Reason, Time, Trust, VerifyError, authenticate, verify, verify_batch,
//! };
//! use sevcrypt::x509::Certificate;
//!
//! // A platform whose root is not AMD's: the verifier is told to trust it.
//! let (ca, chip) = (TestCa::published(Product::Genoa)?, Chip::new(Product::Genoa, &[7; 48], &[8; 32]));
//! let (key, tcb) = (SigningKey::from_random(&[9; 56]), TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]));
//! let now = 1_767_225_600;
//! let vcek = ca.vcek(&chip.hw_id()?, tcb, &key.verifying_key(), now)?;
//! let certificates = [&vcek[..], ca.ask(), ca.ark()].map(Certificate::from_der);
//! let [Ok(vcek), Ok(ask), Ok(ark)] = certificates else { panic!("certificates") };
//! assert_eq!(Identity::of(&vcek).map(|identity| identity.role), Some(Role::Vcek));
//! let (certificates, roots) = ([vcek, ask], [ark]);
//! let collateral = Collateral { certificates: &certificates, crls: &[] };
//! let trust = Trust::amd(Time::At(now)).with_roots(&roots).with_product(Product::Genoa);
//!
//! let bytes = Draft::new(3)
//!     .policy(GuestPolicy(0x3_0000))
//!     .measurement(&[0xab; 48])
//!     .report_data(&[0x5a; 64])
//!     .cpu(chip.cpu())
//!     .chip_id(chip.chip_id())
//!     .current_tcb(tcb)
//!     .reported_tcb(tcb)
//!     .committed_tcb(tcb)
//!     .launch_tcb(tcb)
//!     .sign(&key)?;
//!
//! // Both steps: whose is it, and is it what is wanted?
//! let report = Report::from_bytes(&bytes)?;
//! let authentic = authenticate(&report, collateral, &trust)?;
//! assert_eq!((authentic.product(), authentic.signed_by()), (Product::Genoa, Role::Vcek));
//! let mut policy = Policy::default();
//! policy.measurements = Some(&[[0xcd; 48]]);
//! let refused = authentic.judge(&policy).unwrap_err();
//! let checks = refused.checks().expect("checks were made");
//! assert_eq!(checks.first_failure(), Some((Check::Measurement, Reason::Value { accepted: 1 })));
//! assert_eq!(checks.outcome(Check::ReportSignature), Outcome::Passed);
//! println!("{}: {} failed", Check::Measurement.name(), checks.failures().count());
//!
//! let elsewhere = authenticate(&report, collateral, &trust.with_product(Product::Turin)).unwrap_err();
//! let mut reasons = elsewhere.checks().into_iter().flat_map(|checks| checks.failures());
//! assert!(reasons.any(|(_, reason)| matches!(reason, Reason::ProductDiffers { of: ProductSource::Caller, .. })));
//!
//! // What is missing is named, and what is no report.
//! let without = verify(&bytes, Collateral::default(), &trust, &Policy::default());
//! let Err(VerifyError::Missing(missing @ Missing::Vcek { .. })) = without else { panic!("{without:?}") };
//! assert_eq!(missing.requests().count(), 1);
//! let short = verify(&bytes[..100], collateral, &trust, &Policy::default());
//! assert!(matches!(short, Err(VerifyError::Malformed(Malformed::Report(_)))));
//!
//! // Many reports: those of one chip, whose chain is kept; or those of any.
//! let endorsement = Endorsement::of(&report, collateral, &trust)?;
//! assert_eq!((endorsement.tcb(), endorsement.chip_id()), (tcb, Some(chip.chip_id())));
//! endorsement.authenticate(&report, Time::At(now))?;
//! let evidence = Evidence { report: &bytes, collateral, policy: &Policy::default() };
//! assert!(verify_batch(&[evidence; 3], &trust).iter().all(Result::is_ok));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "alloc")]
mod batch;
#[cfg(feature = "std")]
mod cache;
mod chain;
mod judge;

use core::fmt;

pub use super::checks::{Check, Checks, Outcome, ProductSource, Profile, Reason};
#[cfg(feature = "alloc")]
pub use batch::{Evidence, verify_batch};
#[cfg(feature = "std")]
pub use cache::EndorsementCache;
use chain::CspId;
pub use chain::Endorsement;

#[cfg(feature = "alloc")]
use super::certs::BundleError;
use super::certs::{Collateral, Role};
use super::kds::{Endorser, HwId, Request};
use super::policy::Policy;
use super::report::{Claims, Report, ReportError, ReportKey};
use super::tcb::{Product, TcbVersion};
use crate::x509::{Certificate, CertificateError};

/// When certificates and revocation lists must be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// At this time: seconds since 1970-01-01 00:00:00 UTC.
    At(i64),
    /// No date is looked at. An expired certificate and a stale revocation list pass.
    Unchecked,
}

impl Time {
    /// The system's clock.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        // A clock before 1970 is before every certificate, too.
        Self::At(since.map_or(-1, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
    }
}

/// Whom a verifier trusts, and when it is.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    time: Time,
    roots: &'a [Certificate<'a>],
    product: Option<Product>,
}

impl<'a> Trust<'a> {
    /// AMD's CA keys, which are built in.
    #[must_use]
    pub const fn amd(time: Time) -> Self {
        Self { time, roots: &[], product: None }
    }

    /// These ARK certificates as well: those of a test platform. The keys in them are trusted as AMD's are.
    #[must_use]
    pub const fn with_roots(self, roots: &'a [Certificate<'a>]) -> Self {
        Self { roots, ..self }
    }

    /// The product that the report must be from, as the caller knows it.
    #[must_use]
    pub const fn with_product(self, product: Product) -> Self {
        Self { product: Some(product), ..self }
    }
}

/// Why a report was not accepted. It holds no secret; the checks say what else was right and wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// Something is not what it should be by its form.
    Malformed(Malformed),
    /// A certificate or a revocation list is not there.
    Missing(Missing),
    /// A report, certificate or revocation list is not genuine, or does not belong to the others.
    NotAuthentic(Checks),
    /// The report is authentic, and the policy refuses it.
    Refused(Checks),
}

impl VerifyError {
    /// The checks, where any were made.
    #[must_use]
    pub const fn checks(&self) -> Option<&Checks> {
        match self {
            Self::NotAuthentic(checks) | Self::Refused(checks) => Some(checks),
            Self::Malformed(_) | Self::Missing(_) => None,
        }
    }
}

/// The reason first: of several failed checks, the first one in their order.
impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.checks().and_then(Checks::first_failure);
        match (self, first) {
            (Self::Malformed(malformed), _) => write!(f, "malformed: {malformed}"),
            (Self::Missing(missing), _) => missing.fmt(f),
            (Self::Refused(_), Some((_, reason))) => write!(f, "refused: {reason}"),
            (Self::NotAuthentic(_), Some((check, reason))) => {
                write!(f, "not authentic: {}: {reason}", check.name())
            }
            (Self::Refused(_) | Self::NotAuthentic(_), None) => f.write_str("not accepted"),
        }
    }
}

impl core::error::Error for VerifyError {}

/// What is not what it should be by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The report.
    Report(ReportError),
    /// A certificate or revocation list.
    Certificate(CertificateError),
    /// Collateral that was given as a bundle.
    #[cfg(feature = "alloc")]
    Bundle(BundleError),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Report(error) => error.fmt(f),
            Self::Certificate(error) => error.fmt(f),
            #[cfg(feature = "alloc")]
            Self::Bundle(error) => error.fmt(f),
        }
    }
}

impl From<ReportError> for VerifyError {
    fn from(error: ReportError) -> Self {
        Self::Malformed(Malformed::Report(error))
    }
}

impl From<CertificateError> for VerifyError {
    fn from(error: CertificateError) -> Self {
        Self::Malformed(Malformed::Certificate(error))
    }
}

#[cfg(feature = "alloc")]
impl From<BundleError> for VerifyError {
    fn from(error: BundleError) -> Self {
        Self::Malformed(Malformed::Bundle(error))
    }
}

/// A certificate or revocation list that is needed and not there, with what AMD's Key Distribution Service may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// The VCEK that signed the report.
    Vcek {
        /// The products that the report may be of: one, two where it does not tell Milan from Genoa (version 2), none
        /// where the processor is not known.
        products: [Option<Product>; 2],
        /// CHIP_ID, all zero where it is masked.
        chip_id: [u8; 64],
        /// REPORTED_TCB.
        tcb: TcbVersion,
    },
    /// The VLEK that signed the report: the cloud has it.
    Vlek {
        /// The product; `None` where it is not known.
        product: Option<Product>,
        /// REPORTED_TCB.
        tcb: TcbVersion,
    },
    /// The ASK or ASVK that signed the leaf, where none is built in under its name.
    Intermediate {
        /// Which.
        role: Role,
        /// The product in the leaf's issuer; `None` where it is not known.
        product: Option<Product>,
    },
    /// The revocation list that the policy requires.
    Crl {
        /// Which branch of the chain.
        endorser: Endorser,
        /// The product of the chain.
        product: Product,
    },
}

impl Missing {
    /// Everything to ask for, the likeliest first. Nothing where the report does not tell enough.
    pub fn requests(&self) -> impl Iterator<Item = Request> {
        match *self {
            Self::Vcek { products, chip_id, tcb } => products.map(|product| {
                let hw_id = HwId::from_chip_id(product?, &chip_id).ok()?;
                Request::vcek(product?, hw_id, tcb).ok()
            }),
            Self::Vlek { product, tcb } => {
                [product.and_then(|product| Request::vlek(product, tcb).ok()), None]
            }
            Self::Intermediate { role, product } => {
                let endorser = endorser(role);
                [product.map(|product| Request::CertChain { endorser, product }), None]
            }
            Self::Crl { endorser, product } => [Some(Request::Crl { endorser, product }), None],
        }
        .into_iter()
        .flatten()
    }

    /// The leaf that a report lacks.
    fn leaf(report: &Report<'_>, role: Role, stated: Option<Product>) -> Self {
        let (chip_id, tcb) = (*report.chip_id(), report.reported_tcb());
        let product = stated.or_else(|| report.product());
        if role == Role::Vlek {
            return Self::Vlek { product, tcb };
        }
        let products = match (product, report.cpu()) {
            (None, None) if report.chip_id_is_masked() => [None, None],
            // A version 2 report does not say; only Turin's short CHIP_ID shows (AMD 57230, section 3.1).
            (None, None) if chip_id[8..] == [0; 56] => [Some(Product::Turin), None],
            (None, None) => [Some(Product::Milan), Some(Product::Genoa)],
            (product, _) => [product, None],
        };
        Self::Vcek { products, chip_id, tcb }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vcek { .. } if self.requests().next().is_none() => f.write_str(
                "the VCEK that signed the report is missing, and the report does not tell its address: \
                 the chip id is masked, the processor not known, or the TCB none that can be asked for",
            )?,
            Self::Vcek { .. } => f.write_str("the VCEK that signed the report is missing")?,
            Self::Vlek { .. } => {
                f.write_str("the VLEK that signed the report is missing: the cloud provider has it")?;
            }
            Self::Intermediate { role, .. } => write!(
                f,
                "the {role} that signed the report's certificate is missing, and none is built in under its name"
            )?,
            Self::Crl { .. } => f.write_str("the revocation list that the policy requires is missing")?,
        }
        for (index, request) in self.requests().enumerate() {
            write!(f, "{} {}", if index == 0 { ":" } else { " or" }, request.url())?;
        }
        Ok(())
    }
}

/// Checks everything: [`authenticate`], then [`Authentic::judge`].
///
/// # Errors
/// [`VerifyError`]: malformed, missing, not authentic, refused.
pub fn verify<'r>(
    report: &'r [u8],
    collateral: Collateral<'_>,
    trust: &Trust<'_>,
    policy: &Policy<'_>,
) -> Result<Accepted<'r>, VerifyError> {
    authenticate(&Report::from_bytes(report)?, collateral, trust)?.judge(policy)
}

/// Checks that a report is what AMD's keys vouch for: chain, dates, revocation, signature, and that the certificate is
/// that of the report's chip, product and TCB. It says nothing about whether the report is acceptable.
///
/// # Errors
/// [`VerifyError::Missing`] without the certificate that signed the report, [`VerifyError::NotAuthentic`].
pub fn authenticate<'r>(
    report: &Report<'r>,
    collateral: Collateral<'_>,
    trust: &Trust<'_>,
) -> Result<Authentic<'r>, VerifyError> {
    chain::authenticate_once(report, collateral, trust)
}

/// A report that AMD's keys vouch for. It has not been judged: it may allow debugging, or measure anything.
#[derive(Clone, Debug)]
pub struct Authentic<'r> {
    report: Report<'r>,
    product: Product,
    role: Role,
    csp_id: Option<CspId>,
    crl: Option<chain::CrlWindow>,
    time: Time,
    checks: Checks,
}

impl<'r> Authentic<'r> {
    /// The report.
    #[must_use]
    pub const fn report(&self) -> Report<'r> {
        self.report
    }

    /// The product, by certificate and report.
    #[must_use]
    pub const fn product(&self) -> Product {
        self.product
    }

    /// The role of the key that signed the report: VCEK or VLEK.
    #[must_use]
    pub const fn signed_by(&self) -> Role {
        self.role
    }

    /// The cloud that the VLEK belongs to; `None` under a VCEK.
    #[must_use]
    pub fn csp_id(&self) -> Option<&str> {
        self.csp_id.as_ref().map(CspId::as_str)
    }

    /// The claims that policies of key brokers use, for those who judge for themselves.
    #[must_use]
    pub fn claims(&self) -> Claims<'r> {
        self.report.claims(self.product)
    }

    /// Every check so far.
    #[must_use]
    pub const fn checks(&self) -> &Checks {
        &self.checks
    }
}

/// A report that is authentic and that the policy accepts.
#[derive(Clone, Debug)]
pub struct Accepted<'r>(Authentic<'r>);

impl<'r> core::ops::Deref for Accepted<'r> {
    type Target = Authentic<'r>;
    fn deref(&self) -> &Authentic<'r> {
        &self.0
    }
}

/// Which part of the Key Distribution Service a leaf belongs to.
const fn endorser(role: Role) -> Endorser {
    match role {
        Role::Asvk | Role::Vlek => Endorser::Vlek,
        Role::Ark | Role::Ask | Role::Vcek => Endorser::Vcek,
    }
}

/// The role of the certificate that belongs to a report's signing key.
const fn leaf_role(key: ReportKey) -> Option<Role> {
    match key {
        ReportKey::Vcek => Some(Role::Vcek),
        ReportKey::Vlek => Some(Role::Vlek),
        ReportKey::None | ReportKey::Reserved(_) => None,
    }
}
