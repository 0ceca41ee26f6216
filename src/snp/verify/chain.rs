//! From AMD's keys down to the key that signed a report.

use core::fmt;

use super::checks::{Check, Checks, Outcome, ProductSource, Profile, Reason};
use super::{Authentic, Missing, Time, Trust, VerifyError, leaf_role};
use crate::anchors::{AMD, Anchor};
#[cfg(feature = "std")]
use crate::ecdsa::TabledKey;
use crate::ecdsa::VerifyingKey;
use crate::snp::certs::{
    Collateral, Identity, LEAF_NAME_VCEK, LEAF_NAME_VLEK, Role, ca_role, product_of,
};
use crate::snp::report::Report;
use crate::snp::tcb::{Product, TcbParts, TcbVersion};
use crate::x509::{Certificate, Name, PublicKey, RsaPublicKey, Serial, Validity};

/// How far a certificate's NotBefore may lie in the caller's future, in seconds: the Key Distribution Service makes
/// VCEKs when they are asked for, and clocks differ.
const SKEW: i64 = 300;

/// A verified chain: the key of a chip or cloud at one TCB, and what its certificate says. It owns what it holds and can
/// be kept for the next report of the same key.
///
/// With the feature `std` it keeps a table of multiples of its key, with which a report takes a fraction of the time.
///
/// ```no_run
/// # use sevcrypt::snp::{certs::Collateral, report::Report, verify::{Endorsement, Time, Trust, VerifyError}};
/// # fn example(first: Report<'_>, second: Report<'_>, collateral: Collateral<'_>) -> Result<(), VerifyError> {
/// let endorsement = Endorsement::of(&first, collateral, &Trust::amd(Time::now()))?;
/// endorsement.authenticate(&first, Time::now())?;
/// endorsement.authenticate(&second, Time::now())?; // the same chip at the same TCB, or it is not authentic
/// # Ok(()) }
/// ```
pub struct Endorsement {
    chain: Chain,
    #[cfg(feature = "std")]
    table: TabledKey,
}

impl Endorsement {
    /// Verifies the chain of the key that signed a report, without the report's own signature.
    ///
    /// # Errors
    /// [`VerifyError::Missing`], [`VerifyError::NotAuthentic`].
    pub fn of(
        report: &Report<'_>,
        collateral: Collateral<'_>,
        trust: &Trust<'_>,
    ) -> Result<Self, VerifyError> {
        let chain = Chain::of(report, collateral, trust)?;
        let mut checks = chain.checks;
        chain.check_dates(trust.time, &mut checks);
        match chain.facts.key {
            Some(_key) if !checks.failed() => Ok(Self {
                #[cfg(feature = "std")]
                table: _key.with_table(),
                chain,
            }),
            _ => Err(VerifyError::NotAuthentic(checks)),
        }
    }

    /// The role of the key: VCEK or VLEK.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.chain.facts.role
    }

    /// The TCB of the certificate.
    #[must_use]
    pub fn tcb(&self) -> TcbVersion {
        self.chain.facts.tcb.expect("a verified chain has a TCB")
    }

    /// The product of the chain.
    #[must_use]
    pub fn product(&self) -> Product {
        self.chain.facts.product.expect("a verified chain has a product")
    }

    /// Checks that this key vouches for a report, at a time: certificates that have expired since do not.
    ///
    /// # Errors
    /// [`VerifyError::NotAuthentic`].
    pub fn authenticate<'r>(
        &self,
        report: &Report<'r>,
        time: Time,
    ) -> Result<Authentic<'r>, VerifyError> {
        self.chain.authenticate(report, time, |message, signature| {
            #[cfg(feature = "std")]
            return self.table.verify_vartime(message, signature);
            #[cfg(not(feature = "std"))]
            self.chain.facts.key.is_some_and(|key| key.verify_vartime(message, signature))
        })
    }
}

impl fmt::Debug for Endorsement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endorsement({} of {} at {})", self.role(), self.product(), self.tcb())
    }
}

/// Checks a report once, without a table for the next.
pub(super) fn authenticate_once<'r>(
    report: &Report<'r>,
    collateral: Collateral<'_>,
    trust: &Trust<'_>,
) -> Result<Authentic<'r>, VerifyError> {
    let chain = Chain::of(report, collateral, trust)?;
    chain.authenticate(report, trust.time, |message, signature| {
        chain.facts.key.is_some_and(|key| key.verify_vartime(message, signature))
    })
}

/// cspID: the name of the cloud that a VLEK belongs to, at most 128 bytes of ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CspId {
    bytes: [u8; Self::MOST],
    len: u8,
}

impl CspId {
    const MOST: usize = 128;

    fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::MOST];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { bytes, len: u8::try_from(text.len()).ok()? })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..usize::from(self.len)]).expect("it was made from text")
    }
}

impl fmt::Debug for CspId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The time for which the newest given revocation list speaks.
#[derive(Clone, Copy, Debug)]
pub(super) struct CrlWindow {
    pub(super) this_update: i64,
    pub(super) next_update: Option<i64>,
}

/// What a leaf says of its key. `None` where it does not say it as its role asks; then a check has failed.
#[derive(Clone)]
struct Facts {
    role: Role,
    product: Option<Product>,
    tcb: Option<TcbVersion>,
    /// hwID with zeros behind it, as CHIP_ID has it.
    chip_id: Option<[u8; 64]>,
    csp_id: Option<CspId>,
    key: Option<VerifyingKey>,
}

/// A chain as far as it can be followed, with its checks. Dates are kept and not checked.
#[derive(Clone)]
struct Chain {
    facts: Facts,
    ark: Option<Validity>,
    intermediate: Validity,
    leaf: Validity,
    crl: Option<CrlWindow>,
    checks: Checks,
}

/// A CA.
#[derive(Clone, Copy)]
enum Ca<'a> {
    /// A certificate among the collateral: nothing is known of it.
    Certificate(&'a Certificate<'a>),
    /// The caller's own root: its key is trusted.
    Root(&'a Certificate<'a>),
    /// A built-in key of AMD.
    Anchor(&'static Anchor),
}

impl<'a> Ca<'a> {
    /// The certificate; a built-in key has none.
    fn certificate(self) -> Option<&'a Certificate<'a>> {
        match self {
            Self::Certificate(ca) | Self::Root(ca) => Some(ca),
            Self::Anchor(_) => None,
        }
    }

    fn is_named(self, name: Name<'_>) -> bool {
        match self {
            Self::Certificate(ca) | Self::Root(ca) => ca.subject() == name,
            Self::Anchor(anchor) => anchor.is_named(name),
        }
    }

    fn common_name(self) -> Option<&'a str> {
        match self {
            Self::Certificate(ca) | Self::Root(ca) => ca.subject().common_name(),
            Self::Anchor(anchor) => Some(anchor.common_name),
        }
    }

    fn is_of_product_of(self, other: Ca<'_>) -> bool {
        let product = self.common_name().and_then(product_of);
        product.is_some() && product == other.common_name().and_then(product_of)
    }

    fn key(self) -> Option<RsaPublicKey<'a>> {
        match self {
            Self::Certificate(ca) | Self::Root(ca) => match ca.public_key() {
                PublicKey::Rsa(key) => Some(key),
                PublicKey::P384(_) => None,
            },
            Self::Anchor(anchor) => Some(anchor.key()),
        }
    }

    fn validity(self) -> Validity {
        match self {
            Self::Certificate(ca) | Self::Root(ca) => ca.validity(),
            Self::Anchor(anchor) => anchor.validity,
        }
    }
}

impl Chain {
    fn of(
        report: &Report<'_>,
        collateral: Collateral<'_>,
        trust: &Trust<'_>,
    ) -> Result<Self, VerifyError> {
        let wanted = leaf_role(report.key_info().signing_key());
        let Some((leaf, role)) = choose_leaf(report, collateral, wanted) else {
            return Err(match wanted {
                Some(role) => VerifyError::Missing(Missing::leaf(report, role, trust.product)),
                None => {
                    let mut checks = Checks::new();
                    let found = report.key_info().signing_key();
                    let reason = Reason::SigningKey { report: found, leaf: None };
                    checks.set(Check::SigningKey, Err(reason));
                    VerifyError::NotAuthentic(checks)
                }
            });
        };
        let mut checks = Checks::new();
        let no_role = collateral.first_without_role();
        checks.set(
            Check::Certificates,
            no_role.map_or(Ok(()), |index| Err(Reason::NoRole { index })),
        );
        let facts = read_leaf(leaf, role, trust, &mut checks);
        let intermediate_role = if role == Role::Vlek { Role::Asvk } else { Role::Ask };
        let intermediate = choose_intermediate(leaf, intermediate_role, collateral)
            .ok_or(VerifyError::Missing(Missing::Intermediate { role: intermediate_role }))?;
        if !intermediate.is_named(leaf.issuer()) {
            checks.set(Check::LeafCertificate, Err(Reason::Profile(Profile::Issuer)));
        }
        let signed = |certificate: &Certificate<'_>, key: Option<RsaPublicKey<'_>>| {
            let key = key.ok_or(Reason::Unreached)?;
            certificate.verify_signature(&key).map_err(|_| Reason::Signature)
        };
        checks.set(Check::LeafSignature, signed(leaf, intermediate.key()));

        let (ark, intermediate_signed) = choose_ark(intermediate, collateral, trust);
        if let Some(certificate) = intermediate.certificate() {
            let result = match (ark, intermediate_signed) {
                (Some(_), Some(true)) => Ok(()),
                (Some(ark), None) => signed(certificate, ark.key()),
                (Some(_), Some(false)) => Err(Reason::Signature),
                (None, _) => Err(Reason::Unreached),
            };
            checks.set(Check::IntermediateSignature, result);
        }
        let profile = match (intermediate.certificate(), ark) {
            (Some(ca), Some(ark)) if !ark.is_named(ca.issuer()) => Err(Profile::Issuer),
            (Some(ca), _) => ca_profile(ca, intermediate_role),
            (None, _) => Ok(()),
        };
        checks.set(Check::IntermediateCertificate, profile.map_err(Reason::Profile));
        match ark {
            None => {
                checks.set(Check::ArkTrusted, Err(Reason::Untrusted));
                for check in [Check::ArkCertificate, Check::ArkDates] {
                    checks.set(check, Err(Reason::Unreached));
                }
            }
            Some(ark) => check_ark(ark, intermediate, trust, &mut checks),
        }
        let crl = check_crls(ark, intermediate, collateral, &mut checks);
        Ok(Self {
            facts,
            ark: ark.map(Ca::validity),
            intermediate: intermediate.validity(),
            leaf: leaf.validity(),
            crl,
            checks,
        })
    }

    fn check_dates(&self, time: Time, checks: &mut Checks) {
        let Time::At(at) = time else { return };
        let windows = [
            (Check::ArkDates, self.ark),
            (Check::IntermediateDates, Some(self.intermediate)),
            (Check::LeafDates, Some(self.leaf)),
        ];
        for (check, window) in windows {
            let Some(window) = window else { continue };
            let begun = at.saturating_add(SKEW) >= window.not_before;
            let valid = begun && at <= window.not_after;
            let result = if valid { Ok(()) } else { Err(Reason::Dates(window)) };
            checks.set(check, result);
        }
    }

    fn authenticate<'r>(
        &self,
        report: &Report<'r>,
        time: Time,
        verify: impl FnOnce(&[u8], &crate::ecdsa::Signature) -> bool,
    ) -> Result<Authentic<'r>, VerifyError> {
        let mut checks = self.checks;
        self.check_dates(time, &mut checks);
        let holds = |holds: bool, reason| if holds { Ok(()) } else { Err(reason) };

        let found = report.signature_algo();
        checks.set(
            Check::SignatureAlgorithm,
            holds(found == 1, Reason::SignatureAlgorithm { found }),
        );
        let key_info = report.key_info();
        let (signing_key, role) = (key_info.signing_key(), self.facts.role);
        checks.set(
            Check::SigningKey,
            match leaf_role(signing_key) {
                Some(wanted) if wanted == role => Ok(()),
                Some(_) => Err(Reason::SigningKey { report: signing_key, leaf: Some(role) }),
                None => Err(Reason::SigningKey { report: signing_key, leaf: None }),
            },
        );
        let masked = key_info.mask_chip_key() && leaf_role(signing_key) == Some(Role::Vcek);
        checks.set(Check::ChipKeyMask, holds(!masked, Reason::ChipKeyMasked));

        let signature = report.signature();
        checks.set(Check::SignatureEncoding, signature.map(drop).map_err(Reason::SignatureForm));
        checks.set(
            Check::ReportSignature,
            match (signature, self.facts.key) {
                (Ok(signature), Some(_)) => {
                    holds(verify(report.signed_bytes(), &signature), Reason::ReportSignature)
                }
                _ => Err(Reason::Unreached),
            },
        );
        // Version 2 does not say; a processor that is not known is none of this chain's.
        if let (Some(issuer), Some(cpu), Outcome::Passed) =
            (self.facts.product, report.cpu(), checks.outcome(Check::Product))
        {
            let other = cpu.product();
            let reason = Reason::ProductDiffers { issuer, other, of: ProductSource::Report };
            checks.set(Check::Product, holds(other == Some(issuer), reason));
        }
        let reported = report.reported_tcb();
        checks.set(
            Check::ReportedTcb,
            self.facts.tcb.ok_or(Reason::Unreached).and_then(|certificate| {
                holds(certificate == reported, Reason::Tcb { certificate, report: reported })
            }),
        );
        if role == Role::Vcek && !report.chip_id_is_masked() {
            let result = self.facts.chip_id.ok_or(Reason::Unreached);
            checks.set(
                Check::ChipId,
                result.and_then(|chip_id| holds(chip_id == *report.chip_id(), Reason::ChipId)),
            );
        }
        match self.facts.product {
            Some(product) if !checks.failed() => Ok(Authentic {
                report: *report,
                product,
                role,
                csp_id: self.facts.csp_id,
                crl: self.crl,
                time,
                checks,
            }),
            _ => Err(VerifyError::NotAuthentic(checks)),
        }
    }
}

/// The leaf for a report: of those that have the wanted role the one for the report's chip and TCB, or the first; or any
/// leaf at all, which then does not fit.
fn choose_leaf<'a>(
    report: &Report<'_>,
    collateral: Collateral<'a>,
    wanted: Option<Role>,
) -> Option<(&'a Certificate<'a>, Role)> {
    let fits = |leaf: &&Certificate<'_>| {
        let product = Identity::of(leaf).and_then(|identity| identity.product.parse().ok());
        let tcb = product.and_then(|product| leaf_tcb(leaf, product).ok());
        let chip = leaf.amd().hw_id.is_none_or(|id| report.chip_id().starts_with(id));
        tcb == Some(report.reported_tcb()) && (chip || report.chip_id_is_masked())
    };
    let roles = [Role::Vcek, Role::Vlek].into_iter().filter(|role| Some(*role) != wanted);
    wanted.into_iter().chain(roles).find_map(|role| {
        let best = collateral.of_role(role).find(fits).or_else(|| collateral.of_role(role).next());
        best.map(|leaf| (leaf, role))
    })
}

/// The TCB that a leaf is for, or what it lacks for one.
fn leaf_tcb(leaf: &Certificate<'_>, product: Product) -> Result<TcbVersion, Profile> {
    let amd = leaf.amd();
    let own = TcbVersion::default().parts(product);
    // An SPL for a component that the product lacks says nothing; `product` looks at fmcSPL.
    let spl = |own: Option<u8>, spl: Option<u8>| own.and(spl);
    let parts = TcbParts {
        // Its absence is a matter of `product`, too.
        fmc: own.fmc.map(|_| amd.fmc_spl.unwrap_or(0)),
        boot_loader: spl(own.boot_loader, amd.bl_spl),
        tee: spl(own.tee, amd.tee_spl),
        snp: spl(own.snp, amd.snp_spl),
        microcode: spl(own.microcode, amd.ucode_spl),
    };
    let tcb = TcbVersion::from_parts(product, parts).ok_or(Profile::MissingSpl)?;
    // spl4 to spl7 are the reserved bytes before the last two, as many as the product has of them.
    let spls = [amd.spl4, amd.spl5, amd.spl6, amd.spl7].map(Option::unwrap_or_default);
    tcb.with_reserved(product, spls).ok_or(Profile::ReservedSpl)
}

/// Reads a leaf: the checks of its own form, and what follows from it.
fn read_leaf(leaf: &Certificate<'_>, role: Role, trust: &Trust<'_>, checks: &mut Checks) -> Facts {
    let issuer = leaf.issuer().common_name();
    let product = issuer.and_then(product_of).and_then(|name| name.parse::<Product>().ok());
    let key = match leaf.public_key() {
        PublicKey::P384(point) => VerifyingKey::from_sec1(point),
        PublicKey::Rsa(_) => None,
    };
    let tcb = product.map(|product| leaf_tcb(leaf, product));
    let amd = leaf.amd();
    let chip_id = amd.hw_id.filter(|_| role == Role::Vcek).and_then(|hw_id| {
        let mut chip_id = [0; 64];
        chip_id.get_mut(..hw_id.len())?.copy_from_slice(hw_id);
        (product.is_none_or(|product| product.hw_id_len() == hw_id.len())).then_some(chip_id)
    });
    let csp_id = amd.csp_id.filter(|_| role == Role::Vlek).and_then(CspId::new);
    let (name, intermediate) = match role {
        Role::Vlek => (LEAF_NAME_VLEK, Role::Asvk),
        _ => (LEAF_NAME_VCEK, Role::Ask),
    };
    let profile = if leaf.subject().common_name() != Some(name) {
        Err(Profile::Subject)
    } else if issuer.and_then(ca_role) != Some(intermediate) {
        Err(Profile::IssuerRole)
    } else if key.is_none() {
        Err(Profile::P384Key)
    } else if leaf.basic_constraints().is_some_and(|constraints| constraints.ca) {
        Err(Profile::BasicConstraints)
    } else if chip_id.is_some() != (role == Role::Vcek) || amd.hw_id.is_some() != chip_id.is_some()
    {
        Err(Profile::HwId)
    } else if csp_id.is_some() != (role == Role::Vlek) || amd.csp_id.is_some() != csp_id.is_some() {
        Err(Profile::CspId)
    } else {
        tcb.unwrap_or(Ok(TcbVersion::default())).map(drop)
    };
    checks.set(Check::LeafCertificate, profile.map_err(Reason::Profile));
    checks.set(Check::Product, leaf_product(leaf, product, trust));
    Facts { role, product, tcb: tcb.and_then(Result::ok), chip_id, csp_id, key }
}

/// Whether what a leaf says of its product agrees.
fn leaf_product(
    leaf: &Certificate<'_>,
    product: Option<Product>,
    trust: &Trust<'_>,
) -> Result<(), Reason> {
    let issuer = product.ok_or(Reason::UnknownProduct)?;
    let differs = |other, of| Err(Reason::ProductDiffers { issuer, other, of });
    if let Some(stated) = trust.product.filter(|stated| *stated != issuer) {
        return differs(Some(stated), ProductSource::Caller);
    }
    // <product>["-"<stepping>]; the stepping is not to be trusted (AMD 57230, section 3.1).
    let name = leaf.amd().product_name.unwrap_or_default();
    if name.split('-').next() != Some(issuer.name()) {
        return differs(
            name.split('-').next().and_then(|name| name.parse().ok()),
            ProductSource::ProductName,
        );
    }
    let has_fmc = TcbVersion::default().parts(issuer).fmc.is_some();
    match leaf.amd().fmc_spl {
        None if has_fmc => differs(None, ProductSource::FmcSpl),
        Some(spl) if !has_fmc && spl != 0 => differs(None, ProductSource::FmcSpl),
        _ => Ok(()),
    }
}

/// The ASK or ASVK: a supplied one under the leaf's issuer's name, or the first supplied one, which then does not fit; the
/// built-in one where none was supplied.
fn choose_intermediate<'a>(
    leaf: &Certificate<'_>,
    role: Role,
    collateral: Collateral<'a>,
) -> Option<Ca<'a>> {
    let named = collateral.of_role(role).find(|ca| ca.subject() == leaf.issuer());
    if let Some(supplied) = named.or_else(|| collateral.of_role(role).next()) {
        return Some(Ca::Certificate(supplied));
    }
    // A leaf under an issuer of another role has failed already; AMD's key shows that its signature fails as well.
    let product = leaf.issuer().common_name().and_then(product_of)?;
    let anchor = Anchor::of(role, product)?;
    let same_role = leaf.issuer().common_name().and_then(ca_role) == Some(role);
    (anchor.is_named(leaf.issuer()) || !same_role).then_some(Ca::Anchor(anchor))
}

/// Whether a CA certificate is what its role asks (AMD 57230, section 3.1; RFC 5280, sections 4.2.1.3 and 4.2.1.9).
fn ca_profile(certificate: &Certificate<'_>, role: Role) -> Result<(), Profile> {
    if certificate.subject().common_name().and_then(ca_role) != Some(role) {
        return Err(Profile::Subject);
    }
    match certificate.public_key() {
        PublicKey::Rsa(key) if key.modulus().len() == 512 => {}
        _ => return Err(Profile::RsaKey),
    }
    let constraints = certificate.basic_constraints().filter(|it| it.ca && it.critical);
    let path_len = constraints.ok_or(Profile::BasicConstraints)?.path_len;
    let fits = match role {
        Role::Ark => path_len.is_none_or(|most| most >= 1),
        _ => path_len == Some(0),
    };
    if !fits {
        return Err(Profile::BasicConstraints);
    }
    let usage = certificate.key_usage().is_some_and(|usage| usage.key_cert_sign());
    if usage { Ok(()) } else { Err(Profile::KeyUsage) }
}

/// The ARK of an intermediate, and whether it has been found to have signed it: a supplied one, or a trusted one.
fn choose_ark<'a>(
    intermediate: Ca<'a>,
    collateral: Collateral<'a>,
    trust: &Trust<'a>,
) -> (Option<Ca<'a>>, Option<bool>) {
    let is_issuer = |ark: Ca<'_>| match intermediate.certificate() {
        Some(ca) => ark.is_named(ca.issuer()),
        None => ark.is_of_product_of(intermediate),
    };
    let supplied = || collateral.of_role(Role::Ark).map(Ca::Certificate);
    if let Some(ark) = supplied().find(|ark| is_issuer(*ark)).or_else(|| supplied().next()) {
        return (Some(ark), None);
    }
    let Some(signed) = intermediate.certificate() else {
        // The built-in intermediate needs no ARK but for a revocation list, and that is the built-in one.
        let mut anchors = AMD.iter().filter(|anchor| anchor.role == Role::Ark).map(Ca::Anchor);
        return (anchors.find(|ark| is_issuer(*ark)), None);
    };
    // Test platforms may use AMD's names: whose key it is shows in the signature.
    let anchors = AMD.iter().filter(|anchor| anchor.role == Role::Ark).map(Ca::Anchor);
    let mut first = None;
    for ark in trust.roots.iter().map(Ca::Root).chain(anchors).filter(|ark| is_issuer(*ark)) {
        if ark.key().is_some_and(|key| signed.verify_signature(&key).is_ok()) {
            return (Some(ark), Some(true));
        }
        first = first.or(Some(ark));
    }
    (first, Some(false))
}

fn check_ark(ark: Ca<'_>, intermediate: Ca<'_>, trust: &Trust<'_>, checks: &mut Checks) {
    let Some(certificate) = ark.certificate() else {
        checks.set(Check::ArkTrusted, Ok(()));
        checks.set(Check::ArkCertificate, Ok(()));
        return;
    };
    let name = certificate.subject();
    // Nothing but the product ties a supplied ARK to the built-in intermediate.
    let fits = intermediate.certificate().is_some() || ark.is_of_product_of(intermediate);
    let profile = if certificate.issuer() != name {
        Err(Profile::Issuer)
    } else if !fits {
        Err(Profile::Subject)
    } else {
        ca_profile(certificate, Role::Ark)
    };
    checks.set(Check::ArkCertificate, profile.map_err(Reason::Profile));
    if let Ca::Root(_) = ark {
        checks.set(Check::ArkTrusted, Ok(()));
        return;
    }
    let is_amd = AMD.iter().any(|anchor| {
        anchor.role == Role::Ark
            && anchor.is_named(name)
            && ark.key().is_some_and(|key| key.modulus() == anchor.key().modulus())
    });
    let mut roots = trust.roots.iter();
    let is_root = roots.any(|root| root.subject() == name && root.spki() == certificate.spki());
    let trusted = if is_amd || is_root { Ok(()) } else { Err(Reason::Untrusted) };
    checks.set(Check::ArkTrusted, trusted);
    let signed = ark
        .key()
        .ok_or(Reason::Unreached)
        .and_then(|key| certificate.verify_signature(&key).map_err(|_| Reason::Signature));
    checks.set(Check::ArkSignature, signed);
}

/// Every revocation list of the ARK must be its own and leave the intermediate alone. Gives the time for which the newest
/// one speaks.
fn check_crls(
    ark: Option<Ca<'_>>,
    intermediate: Ca<'_>,
    collateral: Collateral<'_>,
    checks: &mut Checks,
) -> Option<CrlWindow> {
    if collateral.crls.is_empty() {
        return None;
    }
    let may_sign = |ark: Ca<'_>| {
        let usage = ark.certificate().map(Certificate::key_usage);
        usage.is_none_or(|usage| usage.is_some_and(|usage| usage.crl_sign()))
    };
    let mut window: Option<CrlWindow> = None;
    let (mut signed, mut revoked) = (Ok(()), Ok(()));
    if let Some((ark, key)) = ark.and_then(|ark| Some((ark, ark.key()?))) {
        for crl in collateral.crls.iter().filter(|crl| ark.is_named(crl.issuer())) {
            if !may_sign(ark) || crl.verify_signature(&key).is_err() {
                signed = Err(Reason::Signature);
            }
            let listed = match intermediate {
                Ca::Certificate(ca) | Ca::Root(ca) => crl.revokes(ca.serial()),
                Ca::Anchor(anchor) => {
                    crl.revokes(Serial::from_be_bytes(&anchor.serial.to_be_bytes()))
                }
            };
            if listed {
                revoked = Err(Reason::Revoked);
            }
            if window.is_none_or(|window| window.this_update < crl.this_update()) {
                window = Some(CrlWindow {
                    this_update: crl.this_update(),
                    next_update: crl.next_update(),
                });
            }
        }
    }
    if window.is_none() {
        signed = Err(Reason::CrlIssuer);
        revoked = Err(Reason::Unreached);
    }
    checks.set(Check::CrlSignature, signed);
    checks.set(Check::CrlRevocation, revoked);
    window
}
