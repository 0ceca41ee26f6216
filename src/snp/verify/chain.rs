//! From AMD's keys down to the key that signed a report.

use core::fmt;

use super::{Authentic, Missing, Time, Trust, VerifyError, leaf_role};
use crate::anchors::{AMD, Anchor, REVOKED};
#[cfg(feature = "std")]
use crate::ecdsa::KeyTable;
use crate::ecdsa::{Signature, VerifyingKey};
use crate::snp::certs::{
    Collateral, Identity, LEAF_NAME_VCEK, LEAF_NAME_VLEK, Role, ca_role, product_of,
};
use crate::snp::checks::{Check, Checks, ProductSource, Profile, Reason};
use crate::snp::report::Report;
use crate::snp::tcb::{Product, TcbParts, TcbVersion};
use crate::x509::{
    Certificate, Name, PreparedRsaKey, PublicKey, RsaPublicKey, Serial, SignatureError, Validity,
};

/// How far a certificate's NotBefore may lie in the caller's future, in seconds: the Key Distribution Service makes
/// VCEKs when they are asked for, and clocks differ.
const SKEW: i64 = 300;

/// How many candidates for one place in the chain are tried.
const TRIES: usize = 8;

/// A verified chain: the key of a chip or cloud at one TCB, and what its certificate says. It owns what it holds and can
/// be kept for the next report of the same key.
///
/// Dates are checked again with each report, against its time. Revocation was checked when the endorsement was made; after the
/// revocation list has ended, reports are refused (`stale-crl`), and a new endorsement takes a new list.
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
    product: Product,
    tcb: TcbVersion,
    #[cfg(feature = "std")]
    table: std::boxed::Box<KeyTable>,
}

impl Endorsement {
    /// Verifies the chain of the key that a report names: everything that [`authenticate`](super::authenticate) checks but the
    /// report's own signature.
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
        chain.check_binding(report, &mut checks);
        match (chain.key, chain.product, chain.tcb) {
            (Some(_key), Some(product), Some(tcb)) if !checks.failed() => Ok(Self {
                product,
                tcb,
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
        self.chain.role
    }

    /// The product of the chain.
    #[must_use]
    pub const fn product(&self) -> Product {
        self.product
    }

    /// The TCB of the certificate.
    #[must_use]
    pub const fn tcb(&self) -> TcbVersion {
        self.tcb
    }

    /// The chip of a VCEK as CHIP_ID writes it: hwID, and zeros behind a short one.
    #[must_use]
    pub const fn chip_id(&self) -> Option<&[u8; 64]> {
        self.chain.chip_id.as_ref()
    }

    /// The cloud of a VLEK.
    #[must_use]
    pub fn csp_id(&self) -> Option<&str> {
        self.chain.csp_id.as_ref().map(CspId::as_str)
    }

    /// When all certificates of the chain are valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        let windows = self.chain.windows().into_iter().filter_map(|(_, window)| window);
        windows.fold(Validity { not_before: i64::MIN, not_after: i64::MAX }, |all, window| {
            Validity {
                not_before: all.not_before.max(window.not_before),
                not_after: all.not_after.min(window.not_after),
            }
        })
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
            self.chain.key.is_some_and(|key| key.verify_vartime(message, signature))
        })
    }
}

impl fmt::Debug for Endorsement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endorsement({} of {} at {})", self.role(), self.product, self.tcb)
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
        chain.key.is_some_and(|key| key.verify_vartime(message, signature))
    })
}

/// cspID: the name of the cloud that a VLEK belongs to, at most 128 bytes of ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct CspId {
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
    pub(super) fn as_str(&self) -> &str {
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

/// A chain as far as it can be followed, with its checks: what the leaf says of its key, `None` where it does not say it as its
/// role asks, and a check has failed then. Dates are kept and not checked.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) role: Role,
    product: Option<Product>,
    /// The caller has named the product.
    product_is_stated: bool,
    tcb: Option<TcbVersion>,
    /// hwID with zeros behind it, as CHIP_ID has it.
    chip_id: Option<[u8; 64]>,
    csp_id: Option<CspId>,
    pub(super) key: Option<VerifyingKey>,
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

    /// Whether this is a built-in key of AMD, or a certificate with that key under its name.
    fn is_amd(self, anchor: &Anchor) -> bool {
        match self {
            Self::Certificate(ca) | Self::Root(ca) => {
                let same = |key: RsaPublicKey<'_>| key.modulus() == anchor.key().modulus();
                anchor.is_named(ca.subject()) && self.key().is_some_and(same)
            }
            Self::Anchor(own) => core::ptr::eq(own, anchor),
        }
    }
}

/// The certificates of a chain that is the only one.
#[cfg(feature = "std")]
pub(super) struct OnlyChain<'a> {
    pub(super) role: Role,
    pub(super) leaf: &'a Certificate<'a>,
    /// ASK or ASVK, and ARK, as far as they were given.
    pub(super) above: [Option<&'a Certificate<'a>>; 2],
}

/// The certificates of a report's chain, if nothing in it has to be chosen: there is one candidate for every place, whatever the report
/// says and whatever the time is. The chain of two reports with the same role of key, leaf, certificates above it and revocation list is
/// then one; certificates of the other branch do not count.
#[cfg(feature = "std")]
pub(super) fn only_chain<'a>(
    report: &Report<'_>,
    collateral: Collateral<'a>,
    trust: &Trust<'_>,
) -> Option<OnlyChain<'a>> {
    let role = leaf_role(report.key_info().signing_key())?;
    let mut seen: [Option<&Certificate<'_>>; 5] = [None; 5];
    for certificate in collateral.certificates {
        let place = match crate::snp::certs::role_of(certificate)? {
            Role::Ark => 0,
            Role::Ask => 1,
            Role::Asvk => 2,
            Role::Vcek => 3,
            Role::Vlek => 4,
        };
        if seen[place].replace(certificate).is_some() {
            return None;
        }
    }
    let root_is_only = match trust.roots {
        [] => true,
        [root] => !amd_arks().any(|anchor| anchor.is_named(root.subject())),
        _ => false,
    };
    if collateral.crls.len() > 1 || !root_is_only {
        return None;
    }
    let [ark, ask, asvk, vcek, vlek] = seen;
    let (leaf, intermediate) = if role == Role::Vlek { (vlek, asvk) } else { (vcek, ask) };
    Some(OnlyChain { role, leaf: leaf?, above: [intermediate, ark] })
}

/// The built-in ARKs.
fn amd_arks() -> impl Iterator<Item = &'static Anchor> {
    AMD.iter().filter(|anchor| anchor.role == Role::Ark)
}

fn is_valid(window: Validity, time: Time) -> bool {
    match time {
        Time::At(at) => at.saturating_add(SKEW) >= window.not_before && at <= window.not_after,
        Time::Unchecked => true,
    }
}

/// The CA key that was used last, prepared: an ARK signs its intermediate, itself and its revocation lists, and all that is looked
/// at in this order.
#[derive(Default)]
struct LastKey<'a>(Option<(RsaPublicKey<'a>, PreparedRsaKey)>);

impl<'a> LastKey<'a> {
    /// What `check` says with a key, prepared. AMD's keys always are, for all chains.
    fn verify(
        &mut self,
        key: RsaPublicKey<'a>,
        check: impl FnOnce(&PreparedRsaKey) -> Result<(), SignatureError>,
    ) -> Result<(), Reason> {
        #[cfg(feature = "std")]
        if let Some(key) = Anchor::prepared(key.modulus()) {
            return check(key).map_err(|_| Reason::Signature);
        }
        let Self(last) = self;
        if last.as_ref().is_some_and(|(other, _)| *other != key) {
            *last = None;
        }
        let (_, key) = last.get_or_insert_with(|| (key, key.prepare()));
        check(key).map_err(|_| Reason::Signature)
    }

    /// Whether a CA signed a certificate.
    fn signed(&mut self, certificate: &Certificate<'_>, ca: Ca<'a>) -> Result<(), Reason> {
        let key = ca.key().ok_or(Reason::Unreached)?;
        self.verify(key, |key| certificate.verify_signature_prepared(key))
    }
}

/// An issuer, and whether it signed.
type Issuer<'a> = (Ca<'a>, Result<(), Reason>);

/// Of several issuers under the right name the one that signed a certificate and is valid; else one that signed; else the
/// first.
fn best_issuer<'a>(
    candidates: impl Iterator<Item = Ca<'a>>,
    certificate: &Certificate<'_>,
    time: Time,
    last: &mut LastKey<'a>,
) -> Option<Issuer<'a>> {
    let mut best: Option<Issuer<'a>> = None;
    for ca in candidates.take(TRIES) {
        let signed = last.signed(certificate, ca);
        if signed.is_ok() && is_valid(ca.validity(), time) {
            return Some((ca, signed));
        }
        if best.is_none_or(|(_, best)| best.is_err() && signed.is_ok()) {
            best = Some((ca, signed));
        }
    }
    best
}

impl Chain {
    pub(super) fn of(
        report: &Report<'_>,
        collateral: Collateral<'_>,
        trust: &Trust<'_>,
    ) -> Result<Self, VerifyError> {
        let wanted = leaf_role(report.key_info().signing_key());
        let Some((leaf, role)) = choose_leaf(report, collateral, wanted, trust.time) else {
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
        let intermediate_role = if role == Role::Vlek { Role::Asvk } else { Role::Ask };
        let mut last = LastKey::default();
        let (intermediate, leaf_signed) =
            choose_intermediate(leaf, intermediate_role, collateral, trust.time, &mut last)
                .ok_or_else(|| {
                    let name = leaf.issuer().common_name().and_then(product_of);
                    let product = name.and_then(|name| name.parse().ok());
                    VerifyError::Missing(Missing::Intermediate { role: intermediate_role, product })
                })?;
        checks.set(Check::LeafSignature, leaf_signed);
        let ark = choose_ark(intermediate, collateral, trust, &mut last);
        check_intermediate(intermediate, intermediate_role, ark, &mut checks);
        match ark {
            None => {
                checks.set(Check::ArkTrusted, Err(Reason::Untrusted));
                for check in [Check::ArkCertificate, Check::ArkDates] {
                    checks.set(check, Err(Reason::Unreached));
                }
            }
            Some((ark, _)) => check_ark(ark, intermediate, trust, &mut last, &mut checks),
        }
        let ark = ark.map(|(ark, _)| ark);
        let mut chain = Self {
            role,
            product: None,
            product_is_stated: false,
            tcb: None,
            chip_id: None,
            csp_id: None,
            key: None,
            ark: ark.map(Ca::validity),
            intermediate: intermediate.validity(),
            leaf: leaf.validity(),
            crl: check_crls(ark, intermediate, collateral, trust.time, &mut last, &mut checks),
            checks,
        };
        chain.read_leaf(leaf, intermediate, trust);
        Ok(chain)
    }

    fn windows(&self) -> [(Check, Option<Validity>); 3] {
        [
            (Check::ArkDates, self.ark),
            (Check::IntermediateDates, Some(self.intermediate)),
            (Check::LeafDates, Some(self.leaf)),
        ]
    }

    fn check_dates(&self, time: Time, checks: &mut Checks) {
        if time == Time::Unchecked {
            return;
        }
        for (check, window) in self.windows() {
            if let Some(window) = window {
                checks.set(check, holds(is_valid(window, time), Reason::Dates(window)));
            }
        }
    }

    /// Whether the leaf is the one that a report names.
    fn check_binding(&self, report: &Report<'_>, checks: &mut Checks) {
        let found = report.signature_algo();
        checks.set(
            Check::SignatureAlgorithm,
            holds(found == 1, Reason::SignatureAlgorithm { found }),
        );
        let key_info = report.key_info();
        let signing_key = key_info.signing_key();
        let named = leaf_role(signing_key);
        let reason = Reason::SigningKey { report: signing_key, leaf: named.map(|_| self.role) };
        checks.set(Check::SigningKey, holds(named == Some(self.role), reason));
        let masked = key_info.mask_chip_key() && named == Some(Role::Vcek);
        checks.set(Check::ChipKeyMask, holds(!masked, Reason::ChipKeyMasked));
        // Version 2 does not say.
        if let (Some(issuer), Some(cpu)) = (self.product, report.cpu()) {
            let result = match cpu.product() {
                None if self.product_is_stated => Ok(()),
                None => Err(Reason::UnknownProcessor(cpu)),
                Some(other) => {
                    let reason =
                        Reason::ProductDiffers { issuer, other, of: ProductSource::Report };
                    holds(other == issuer, reason)
                }
            };
            checks.set(Check::Product, result);
        }
        let reported = report.reported_tcb();
        checks.set(
            Check::ReportedTcb,
            self.tcb.ok_or(Reason::Unreached).and_then(|certificate| {
                holds(certificate == reported, Reason::Tcb { certificate, report: reported })
            }),
        );
        if self.role == Role::Vcek && !report.chip_id_is_masked() {
            let chip_id = self.chip_id.ok_or(Reason::Unreached);
            let same = |chip_id| holds(chip_id == *report.chip_id(), Reason::ChipId);
            checks.set(Check::ChipId, chip_id.and_then(same));
        }
    }

    /// Whether reports of its key can be authentic at some time: no check of the chain itself has failed.
    #[cfg(feature = "std")]
    pub(super) fn holds(&self) -> bool {
        self.key.is_some() && self.product.is_some() && self.tcb.is_some() && !self.checks.failed()
    }

    /// Whether a revocation list speaks for it.
    #[cfg(feature = "std")]
    pub(super) const fn has_crl(&self) -> bool {
        self.crl.is_some()
    }

    /// A report under this chain, whose signature `verify` verifies with its key.
    pub(super) fn authenticate<'r>(
        &self,
        report: &Report<'r>,
        time: Time,
        verify: impl FnOnce(&[u8], &Signature) -> bool,
    ) -> Result<Authentic<'r>, VerifyError> {
        let mut checks = self.checks;
        self.check_dates(time, &mut checks);
        self.check_binding(report, &mut checks);
        let signature = report.signature();
        checks.set(Check::SignatureEncoding, signature.map(drop).map_err(Reason::SignatureForm));
        checks.set(
            Check::ReportSignature,
            match (signature, self.key) {
                (Ok(signature), Some(_)) => {
                    holds(verify(report.signed_bytes(), &signature), Reason::ReportSignature)
                }
                _ => Err(Reason::Unreached),
            },
        );
        match self.product {
            Some(product) if !checks.failed() => Ok(Authentic {
                report: *report,
                product,
                role: self.role,
                csp_id: self.csp_id,
                crl: self.crl,
                time,
                checks,
            }),
            _ => Err(VerifyError::NotAuthentic(checks)),
        }
    }

    /// Reads a leaf: the checks of its own form, and what follows from it.
    fn read_leaf(&mut self, leaf: &Certificate<'_>, intermediate: Ca<'_>, trust: &Trust<'_>) {
        let (name, issuer_role) = match self.role {
            Role::Vlek => (LEAF_NAME_VLEK, Role::Asvk),
            _ => (LEAF_NAME_VCEK, Role::Ask),
        };
        let (issuer, amd) = (leaf.issuer().common_name(), leaf.amd());
        self.product = issuer.and_then(product_of).and_then(|name| name.parse().ok());
        self.product_is_stated = self.product.is_some() && trust.product == self.product;
        self.key = match leaf.public_key() {
            PublicKey::P384(point) => VerifyingKey::from_sec1(point),
            PublicKey::Rsa(_) => None,
        };
        let tcb = self.product.map(|product| leaf_tcb(leaf, product));
        self.tcb = tcb.and_then(Result::ok);
        self.chip_id = amd.hw_id.filter(|_| self.role == Role::Vcek).and_then(|hw_id| {
            let mut chip_id = [0; 64];
            chip_id.get_mut(..hw_id.len())?.copy_from_slice(hw_id);
            let fits = self.product.is_none_or(|product| product.hw_id_len() == hw_id.len());
            fits.then_some(chip_id)
        });
        self.csp_id = amd.csp_id.filter(|_| self.role == Role::Vlek).and_then(CspId::new);
        let profile = if leaf.subject().common_name() != Some(name) {
            Err(Profile::Subject)
        } else if issuer.and_then(ca_role) != Some(issuer_role) {
            Err(Profile::IssuerRole)
        } else if !intermediate.is_named(leaf.issuer()) {
            Err(Profile::Issuer)
        } else if self.key.is_none() {
            Err(Profile::P384Key)
        } else if leaf.basic_constraints().is_some_and(|constraints| constraints.ca) {
            Err(Profile::BasicConstraints)
        } else if amd.hw_id.is_some() != (self.role == Role::Vcek)
            || amd.hw_id.is_some() != self.chip_id.is_some()
        {
            Err(Profile::HwId)
        } else if amd.csp_id.is_some() != (self.role == Role::Vlek)
            || amd.csp_id.is_some() != self.csp_id.is_some()
        {
            Err(Profile::CspId)
        } else {
            tcb.map_or(Ok(()), |tcb| tcb.map(drop))
        };
        self.checks.set(Check::LeafCertificate, profile.map_err(Reason::Profile));
        self.checks.set(Check::Product, leaf_product(leaf, self.product, trust));
    }
}

fn holds(holds: bool, reason: Reason) -> Result<(), Reason> {
    if holds { Ok(()) } else { Err(reason) }
}

/// The leaf for a report: of those that have the wanted role one for the report's chip, TCB and processor; of several such one
/// that is valid and whose key signed the report. Else the first, or any leaf at all, which then does not fit.
fn choose_leaf<'a>(
    report: &Report<'_>,
    collateral: Collateral<'a>,
    wanted: Option<Role>,
    time: Time,
) -> Option<(&'a Certificate<'a>, Role)> {
    let fits = |leaf: &&Certificate<'_>| {
        let product = Identity::of(leaf).and_then(|identity| identity.product.parse().ok());
        let tcb = product.and_then(|product| leaf_tcb(leaf, product).ok());
        let chip = leaf.amd().hw_id.is_none_or(|id| report.chip_id().starts_with(id));
        tcb == Some(report.reported_tcb())
            && (chip || report.chip_id_is_masked())
            && report.product().is_none_or(|processor| Some(processor) == product)
    };
    let signed_it = |leaf: &&Certificate<'_>| match (leaf.public_key(), report.signature()) {
        (PublicKey::P384(point), Ok(signature)) => VerifyingKey::from_sec1(point)
            .is_some_and(|key| key.verify_vartime(report.signed_bytes(), &signature)),
        _ => false,
    };
    let best = |role| {
        let of_role = || collateral.of_role(role);
        let one = of_role().find(fits);
        if of_role().filter(fits).nth(1).is_none() {
            return one.or_else(|| of_role().next());
        }
        let mut several = of_role().filter(fits).take(TRIES);
        several.find(|leaf| is_valid(leaf.validity(), time) && signed_it(leaf)).or(one)
    };
    let others = [Role::Vcek, Role::Vlek].into_iter().filter(|role| Some(*role) != wanted);
    let mut roles = wanted.into_iter().chain(others);
    roles.find_map(|role| best(role).map(|leaf| (leaf, role)))
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

/// Whether what a leaf says of its product agrees.
fn leaf_product(
    leaf: &Certificate<'_>,
    product: Option<Product>,
    trust: &Trust<'_>,
) -> Result<(), Reason> {
    let issuer = product.ok_or(Reason::UnknownProduct)?;
    if let Some(other) = trust.product.filter(|stated| *stated != issuer) {
        return Err(Reason::ProductDiffers { issuer, other, of: ProductSource::Caller });
    }
    // <product>["-"<stepping>]; the stepping is not to be trusted (AMD 57230, section 3.1).
    let name = leaf.amd().product_name.unwrap_or_default();
    if name.split('-').next() != Some(issuer.name()) {
        return Err(Reason::ProductName { issuer });
    }
    let has_fmc = TcbVersion::default().parts(issuer).fmc.is_some();
    match leaf.amd().fmc_spl {
        None if has_fmc => Err(Reason::FmcSpl { issuer }),
        Some(spl) if !has_fmc && spl != 0 => Err(Reason::FmcSpl { issuer }),
        _ => Ok(()),
    }
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

/// The ASK or ASVK: a supplied one under the leaf's issuer's name, or the first supplied one, which then does not fit; the
/// built-in one where none was supplied.
fn choose_intermediate<'a>(
    leaf: &Certificate<'_>,
    role: Role,
    collateral: Collateral<'a>,
    time: Time,
    last: &mut LastKey<'a>,
) -> Option<Issuer<'a>> {
    let supplied = || collateral.of_role(role);
    let named = supplied().filter(|ca| ca.subject() == leaf.issuer()).map(Ca::Certificate);
    if let Some(best) = best_issuer(named, leaf, time, last) {
        return Some(best);
    }
    let other = supplied().next().map(Ca::Certificate).or_else(|| {
        // A leaf under an issuer of another role has failed; AMD's key shows that its signature fails as well.
        let issuer = leaf.issuer().common_name()?;
        let anchor = Anchor::of(role, product_of(issuer)?)?;
        let is_its = anchor.is_named(leaf.issuer()) || ca_role(issuer) != Some(role);
        is_its.then_some(Ca::Anchor(anchor))
    })?;
    Some((other, last.signed(leaf, other)))
}

/// The ARK of an intermediate: a supplied one, or a trusted one.
fn choose_ark<'a>(
    intermediate: Ca<'a>,
    collateral: Collateral<'a>,
    trust: &Trust<'a>,
    last: &mut LastKey<'a>,
) -> Option<Issuer<'a>> {
    let supplied = || collateral.of_role(Role::Ark).map(Ca::Certificate);
    let certificate = match intermediate {
        Ca::Certificate(certificate) | Ca::Root(certificate) => certificate,
        // The built-in intermediate needs no ARK but for a revocation list, and AMD's alone is that of its issuer.
        Ca::Anchor(anchor) => {
            let ark = Anchor::of(Role::Ark, anchor.product)?;
            let own = supplied().find(|supplied| supplied.is_amd(ark));
            return Some((own.or(supplied().next()).unwrap_or(Ca::Anchor(ark)), Ok(())));
        }
    };
    let is_issuer = |ark: &Ca<'_>| ark.is_named(certificate.issuer());
    if let Some(first) = supplied().next() {
        let best = best_issuer(supplied().filter(is_issuer), certificate, trust.time, last);
        return best.or_else(|| Some((first, last.signed(certificate, first))));
    }
    let trusted = trust.roots.iter().map(Ca::Root).chain(amd_arks().map(Ca::Anchor));
    best_issuer(trusted.filter(is_issuer), certificate, trust.time, last)
}

fn check_intermediate(ca: Ca<'_>, role: Role, ark: Option<Issuer<'_>>, checks: &mut Checks) {
    let Some(certificate) = ca.certificate() else {
        checks.set(Check::IntermediateCertificate, Ok(()));
        return;
    };
    let profile = match ark {
        Some((ark, _)) if !ark.is_named(certificate.issuer()) => Err(Profile::Issuer),
        _ => ca_profile(certificate, role),
    };
    checks.set(Check::IntermediateCertificate, profile.map_err(Reason::Profile));
    let signed = ark.map_or(Err(Reason::Unreached), |(_, signed)| signed);
    checks.set(Check::IntermediateSignature, signed);
}

fn check_ark<'a>(
    ark: Ca<'a>,
    intermediate: Ca<'_>,
    trust: &Trust<'_>,
    last: &mut LastKey<'a>,
    checks: &mut Checks,
) {
    let trusted = match (ark, intermediate) {
        (Ca::Root(_) | Ca::Anchor(_), _) => true,
        (Ca::Certificate(_), Ca::Anchor(anchor)) => {
            Anchor::of(Role::Ark, anchor.product).is_some_and(|own| ark.is_amd(own))
        }
        (Ca::Certificate(certificate), _) => {
            let is_it = |root: &Certificate<'_>| {
                root.subject() == certificate.subject() && root.spki() == certificate.spki()
            };
            amd_arks().any(|anchor| ark.is_amd(anchor)) || trust.roots.iter().any(is_it)
        }
    };
    checks.set(Check::ArkTrusted, holds(trusted, Reason::Untrusted));
    let profile = match ark.certificate() {
        Some(certificate) if certificate.issuer() != certificate.subject() => Err(Profile::Issuer),
        Some(certificate) => ca_profile(certificate, Role::Ark),
        None => Ok(()),
    };
    checks.set(Check::ArkCertificate, profile.map_err(Reason::Profile));
    if let Ca::Certificate(certificate) = ark {
        checks.set(Check::ArkSignature, last.signed(certificate, ark));
    }
}

/// Every revocation list of the ARK must be its own and leave the intermediate alone. Gives the time for which the newest
/// one speaks that has begun. Lists of other ARKs say nothing of this chain.
fn check_crls<'a>(
    ark: Option<Ca<'a>>,
    intermediate: Ca<'_>,
    collateral: Collateral<'_>,
    time: Time,
    last: &mut LastKey<'a>,
    checks: &mut Checks,
) -> Option<CrlWindow> {
    let ark = ark?;
    let number = match intermediate {
        Ca::Anchor(anchor) => anchor.serial.to_be_bytes(),
        Ca::Certificate(_) | Ca::Root(_) => [0; 8],
    };
    let serial =
        intermediate.certificate().map_or(Serial::from_be_bytes(&number), Certificate::serial);
    if is_known_revoked(ark, serial) {
        checks.set(Check::CrlRevocation, Err(Reason::Revoked));
    }
    let may_sign =
        ark.certificate().is_none_or(|ca| ca.key_usage().is_some_and(|usage| usage.crl_sign()));
    let key = ark.key().filter(|_| may_sign);
    let mut window: Option<CrlWindow> = None;
    for crl in collateral.crls.iter().filter(|crl| ark.is_named(crl.issuer())) {
        let signed = key.map_or(Err(Reason::Signature), |key| {
            last.verify(key, |key| crl.verify_signature_prepared(key))
        });
        checks.set(Check::CrlSignature, signed);
        checks.set(Check::CrlRevocation, holds(!crl.revokes(serial), Reason::Revoked));
        let own = CrlWindow { this_update: crl.this_update(), next_update: crl.next_update() };
        let begun = |window: CrlWindow| match time {
            Time::At(at) => window.this_update <= at,
            Time::Unchecked => true,
        };
        let rank = |window: CrlWindow| (begun(window), window.this_update);
        if window.is_none_or(|other| rank(other) < rank(own)) {
            window = Some(own);
        }
    }
    window
}

/// Whether AMD has revoked an intermediate before this version of the library.
fn is_known_revoked(ark: Ca<'_>, serial: Serial<'_>) -> bool {
    REVOKED.iter().any(|(product, revoked)| {
        let amd = Anchor::of(Role::Ark, product).is_some_and(|anchor| ark.is_amd(anchor));
        amd && serial == Serial::from_be_bytes(&revoked.to_be_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_takes_the_place_of_the_last() {
        let [long, short] = [&[0xC1; 512][..], &[0xC1; 256]]
            .map(|modulus| RsaPublicKey::new(modulus, 65537).expect("a key"));
        let mut last = LastKey::default();
        for key in [long, long, short, short, long] {
            let words = std::format!("PreparedRsaKey({} bits)", key.modulus().len() * 8);
            let check = |prepared: &PreparedRsaKey| match std::format!("{prepared:?}") == words {
                true => Ok(()),
                false => Err(SignatureError::NotAuthentic),
            };
            assert!(last.verify(key, check).is_ok(), "{words}");
        }
    }

    /// AMD's list for Genoa of 2022-10-31.
    #[test]
    fn the_first_ask_of_genoa_is_revoked() {
        let ark = |product| Ca::Anchor(Anchor::of(Role::Ark, product).expect("an anchor"));
        let serial = |number: &'static [u8]| Serial::from_be_bytes(number);
        assert!(is_known_revoked(ark("Genoa"), serial(&[2, 0, 1])));
        assert!(!is_known_revoked(ark("Genoa"), serial(&[2, 0, 2])));
        assert!(!is_known_revoked(ark("Milan"), serial(&[2, 0, 1])));
        let built_in = AMD.iter().filter(|anchor| anchor.role != Role::Ark);
        for anchor in built_in {
            let number = anchor.serial.to_be_bytes();
            assert!(!is_known_revoked(ark(anchor.product), Serial::from_be_bytes(&number)));
        }
    }
}
