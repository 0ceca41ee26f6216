//! What AMD's Key Distribution Service answers, for the platforms of a test CA.
//!
//! [`Kds`] answers requests by value, and [`RateLimit`] says when there are too many of them: no connection is opened here,
//! and no clock read. Paths, parameters and forms are those of AMD 57230, section 4.1; [`snp::kds`](crate::snp::kds) makes
//! and reads them.
//!
//! ```
//! use sevcrypt::platform::Chip;
//! use sevcrypt::platform::ca::TestCa;
//! use sevcrypt::platform::kds::Kds;
//! use sevcrypt::snp::kds::Request;
//! use sevcrypt::snp::tcb::{Product, TcbVersion};
//!
//! let ca = TestCa::published(Product::Milan)?;
//! let chip = Chip::new(Product::Milan, &[7; 48], &[8; 32]);
//! let kds = Kds::new(&ca, &[&chip]);
//!
//! let tcb = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]);
//! let request = Request::vcek(Product::Milan, chip.hw_id()?, tcb)?;
//! let now = 1_767_225_600;
//! assert_eq!(kds.answer(&request.to_string(), now).status, 200);
//! assert_eq!(kds.answer("/vcek/v1/Genoa/cert_chain", now).status, 404);
//! assert_eq!(kds.answer("/vlek/v1/Milan/cert?blSPL=128", now).status, 400);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```
//! use sevcrypt::ecdsa::SigningKey;
//! use sevcrypt::platform::ca::{CaRole, TestCa};
//! use sevcrypt::platform::kds::Kds;
//! use sevcrypt::snp::kds::{Endorser, Request};
//! use sevcrypt::snp::keys::ChipSecret;
//! use sevcrypt::snp::tcb::{Product, TcbVersion};
//! use sevcrypt::x509::{Certificate, Crl, split};
//!
//! // A cloud has VLEKs, and one of the CA's certificates was revoked.
//! let (ca, provider) = (TestCa::published(Product::Milan)?, ChipSecret::new(&[5; 48]));
//! let revoked = ca.serial(CaRole::Asvk);
//! let kds = Kds::new(&ca, &[]).with_provider("CN=a cloud's", &provider).with_revoked(&[revoked]);
//! let now = 1_767_225_600;
//! let tcb = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]);
//! let answer = kds.answer(&Request::vlek(Product::Milan, tcb)?.to_string(), now);
//! assert_eq!(Certificate::from_der(&answer.body)?.amd().csp_id, Some("CN=a cloud's"));
//! let list = Request::Crl { product: Product::Milan, endorser: Endorser::Vlek };
//! let list = kds.answer(&list.to_string(), now);
//! let asvk = Certificate::from_der(ca.certificate(CaRole::Asvk))?;
//! assert!(Crl::from_der(&list.body)?.revokes(asvk.serial()));
//!
//! // The same from the CA itself.
//! assert_eq!(list.body, ca.crl(&[revoked], now)?);
//! assert_eq!(split(ca.cert_chain(Endorser::Vlek).as_bytes())?.len(), 2);
//! let key = SigningKey::from_random(&[7; 56]).verifying_key();
//! let vlek = ca.vlek("CN=a cloud's", tcb, &key, now)?;
//! assert_eq!(Certificate::from_der(&vlek)?.issuer().common_name(), Some("SEV-VLEK-Milan"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::fmt::Display;
use core::time::Duration;
use std::string::{String, ToString};
use std::vec::Vec;

use super::Chip;
use super::ca::{CaError, TestCa};
use crate::snp::kds::{HwId, KdsError, Request};
use crate::snp::keys::{ChipSecret, HashSticks, PrivateKey};
use crate::snp::tcb::TcbVersion;

/// An answer of the service.
///
/// ```
/// use sevcrypt::platform::kds::KdsAnswer;
///
/// let answer = KdsAnswer::error(429, "too many requests");
/// assert_eq!((answer.status, &answer.body[..]), (429, &b"too many requests\n"[..]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdsAnswer {
    /// HTTP's status: 200, 400, 403, 404, or 500.
    pub status: u16,
    /// What the body is. MODEL: AMD 57230 names forms (DER, PEM) and no media types.
    pub content_type: &'static str,
    /// What was asked for; for a status other than 200, why it is not there, as a line of text.
    pub body: Vec<u8>,
}

impl KdsAnswer {
    /// Why there is nothing else.
    #[must_use]
    pub fn error(status: u16, why: impl Display) -> Self {
        let mut body = why.to_string().into_bytes();
        body.push(b'\n');
        Self { status, content_type: "text/plain; charset=utf-8", body }
    }

    fn der(body: Vec<u8>) -> Self {
        Self { status: 200, content_type: "application/octet-stream", body }
    }

    fn pem(body: String) -> Self {
        Self { status: 200, content_type: "application/x-pem-file", body: body.into_bytes() }
    }
}

/// The Key Distribution Service of a test CA: for one product, and the chips that it knows. [`kds`](self) has an example.
///
/// | asked for | answer |
/// |---|---|
/// | a VCEK of a chip that it knows | DER, from the chip's secret as the chip's firmware derives the key. MODEL: at every TCB version that can be asked for, as a chip has no newest one: what it runs is the firmware's affair |
/// | a VLEK | DER. AMD gives it to cloud providers, who have a credential. MODEL: to everybody, if there is a provider ([`with_provider`](Self::with_provider)), else 403 |
/// | a chain of certificates | PEM: ASK or ASVK, then ARK |
/// | a revocation list | DER, as of now, with the serial numbers of [`with_revoked`](Self::with_revoked); MODEL: the same for both branches |
/// | another product, an unknown chip, a hwID of another length, any other path | 404 |
/// | a parameter that is missing, unknown, repeated or too large | 400 |
///
/// MODEL: which of 400 and 404 goes with what; AMD says "bad parameters" and "not found".
#[derive(Debug)]
pub struct Kds<'a> {
    ca: &'a TestCa,
    chips: Vec<&'a Chip>,
    provider: Option<(&'a str, &'a ChipSecret)>,
    revoked: Vec<u32>,
}

impl<'a> Kds<'a> {
    /// Of a CA and the chips that it vouches for. Chips of other products are never found.
    #[must_use]
    pub fn new(ca: &'a TestCa, chips: &[&'a Chip]) -> Self {
        Self { ca, chips: chips.to_vec(), provider: None, revoked: Vec::new() }
    }

    /// With a cloud provider: its cspID, and the secret from which its VLEKs' sticks follow.
    #[must_use]
    pub fn with_provider(self, csp_id: &'a str, secret: &'a ChipSecret) -> Self {
        Self { provider: Some((csp_id, secret)), ..self }
    }

    /// With certificates that are revoked, by their serial numbers ([`TestCa::serial`]).
    #[must_use]
    pub fn with_revoked(self, serials: &[u32]) -> Self {
        Self { revoked: serials.to_vec(), ..self }
    }

    /// Answers a request at a time, in seconds since 1970-01-01 00:00:00 UTC: a path with its query, or a whole address at
    /// AMD's host, which is how a proxy is asked.
    ///
    /// The same request gets the same certificate all day: [`TestCa::vcek`].
    #[must_use]
    pub fn answer(&self, path_and_query: &str, now: i64) -> KdsAnswer {
        let request = match Request::parse(path_and_query) {
            Ok(request) => request,
            Err(error) => return KdsAnswer::error(status(&error), error),
        };
        let product = match request {
            Request::Vcek { product, .. }
            | Request::Vlek { product, .. }
            | Request::CertChain { product, .. }
            | Request::Crl { product, .. } => product,
        };
        if product != self.ca.product() {
            let own = self.ca.product();
            return KdsAnswer::error(404, format_args!("this service is for {own}, not {product}"));
        }
        let made = match request {
            Request::CertChain { endorser, .. } => {
                return KdsAnswer::pem(self.ca.cert_chain(endorser));
            }
            Request::Crl { .. } => self.ca.crl(&self.revoked, now),
            Request::Vcek { hw_id, tcb, .. } => match self.chip(&hw_id) {
                Some(chip) => self.vcek(chip, &hw_id, tcb, now),
                None => return KdsAnswer::error(404, format_args!("no chip has the hwID {hw_id}")),
            },
            Request::Vlek { tcb, .. } => match self.provider {
                Some((csp_id, secret)) => self.vlek(csp_id, secret, tcb, now),
                None => return KdsAnswer::error(403, "there is no cloud provider here"),
            },
        };
        match made {
            Ok(der) => KdsAnswer::der(der),
            Err(error) => KdsAnswer::error(500, error),
        }
    }

    fn chip(&self, hw_id: &HwId) -> Option<&'a Chip> {
        let is_it = |chip: &&Chip| {
            chip.product() == self.ca.product() && chip.hw_id().as_ref() == Ok(hw_id)
        };
        self.chips.iter().copied().find(is_it)
    }

    fn vcek(
        &self,
        chip: &Chip,
        hw_id: &HwId,
        tcb: TcbVersion,
        now: i64,
    ) -> Result<Vec<u8>, CaError> {
        let sticks = HashSticks::new(chip.secret(), tcb);
        let key = PrivateKey::vcek(sticks.stick_7()).signing_key();
        self.ca.vcek(hw_id, tcb, &key.verifying_key(), now)
    }

    fn vlek(
        &self,
        csp_id: &str,
        secret: &ChipSecret,
        tcb: TcbVersion,
        now: i64,
    ) -> Result<Vec<u8>, CaError> {
        let sticks = HashSticks::new(secret, tcb);
        let key = PrivateKey::vlek(sticks.stick_7()).signing_key();
        self.ca.vlek(csp_id, tcb, &key.verifying_key(), now)
    }
}

/// The status for a request that is none.
const fn status(error: &KdsError) -> u16 {
    match error {
        KdsError::UnknownParameter { .. }
        | KdsError::Repeated { .. }
        | KdsError::Value { .. }
        | KdsError::Missing { .. }
        | KdsError::ReservedTcb { .. }
        | KdsError::AboveLimit { .. } => 400,
        // What the path names is not there.
        KdsError::MaskedChipId
        | KdsError::ChipIdTail { .. }
        | KdsError::HwIdLength { .. }
        | KdsError::UnknownForm { .. }
        | KdsError::Scheme
        | KdsError::Host { .. }
        | KdsError::Path { .. }
        | KdsError::UnknownProduct { .. }
        | KdsError::HwIdDigits { .. }
        | KdsError::HexDigit { .. } => 404,
    }
}

/// So many requests in a period, and no more. The first request begins a period, and the first one after its end the next.
///
/// MODEL: AMD's service refuses clients that ask too often, with status 429; how often that is, it does not say.
///
/// ```
/// use std::time::Duration;
///
/// use sevcrypt::platform::kds::RateLimit;
///
/// let second = Duration::from_secs(1);
/// let mut limit = RateLimit::new(2, 10 * second);
/// assert_eq!(limit.take(5 * second), Ok(()));
/// assert_eq!(limit.take(6 * second), Ok(()));
/// assert_eq!(limit.take(7 * second), Err(8 * second)); // what is left of the period
/// assert_eq!(limit.take(15 * second), Ok(()));
/// ```
#[derive(Clone, Debug)]
pub struct RateLimit {
    requests: u32,
    period: Duration,
    begin: Duration,
    taken: u32,
}

impl RateLimit {
    /// So many requests in a period.
    #[must_use]
    pub const fn new(requests: u32, period: Duration) -> Self {
        Self { requests, period, begin: Duration::ZERO, taken: 0 }
    }

    /// Counts a request at a time, which is measured from any fixed point. A time before that of an earlier request counts
    /// to the period of that one.
    ///
    /// # Errors
    /// There were too many in this period, which ends after the returned time.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let end = self.begin.saturating_add(self.period);
        if self.taken == 0 || now >= end {
            (self.begin, self.taken) = (now, 0);
        }
        if self.taken < self.requests {
            self.taken += 1;
            return Ok(());
        }
        Err(self.begin.saturating_add(self.period).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::snp::GuestPolicy;
    use crate::snp::certs::{Bundle, Identity, Role};
    use crate::snp::kds::Endorser;
    use crate::snp::policy::Policy;
    use crate::snp::report::{Draft, KeyInfo};
    use crate::snp::tcb::Product;
    use crate::snp::verify::{Time, Trust, verify};
    use crate::x509::{Certificate, Crl};

    /// 2026-01-01 00:00:00 UTC.
    const NOW: i64 = 1_767_225_600;
    const MILAN_SPLS: &str = "blSPL=3&teeSPL=0&snpSPL=8&ucodeSPL=115";
    const CSP: &str = "CN=test.cloud.example";

    /// A product's CA with a chip, and a provider's secret.
    struct World {
        ca: TestCa,
        chip: Chip,
        provider: ChipSecret,
    }

    impl World {
        fn new(product: Product) -> Self {
            Self {
                ca: TestCa::published(product).unwrap(),
                chip: Chip::new(product, &[7; 48], &[8; 32]),
                provider: ChipSecret::new(&[9; 48]),
            }
        }

        fn kds(&self) -> Kds<'_> {
            Kds::new(&self.ca, &[&self.chip]).with_provider(CSP, &self.provider)
        }
    }

    static WORLDS: LazyLock<[World; 3]> =
        LazyLock::new(|| [Product::Milan, Product::Genoa, Product::Turin].map(World::new));

    fn milan() -> &'static World {
        &WORLDS[0]
    }

    fn refusal(kds: &Kds<'_>, path: &str) -> (u16, String) {
        let answer = kds.answer(path, NOW);
        assert_eq!(answer.content_type, "text/plain; charset=utf-8");
        let text = String::from_utf8(answer.body).unwrap();
        assert!(text.len() > 10 && text.ends_with('\n'), "{text}");
        (answer.status, text)
    }

    #[test]
    fn chains_and_lists() {
        for world in &*WORLDS {
            let product = world.ca.product();
            for (endorser, path, issuer) in
                [(Endorser::Vcek, "vcek", Role::Ask), (Endorser::Vlek, "vlek", Role::Asvk)]
            {
                let answer = world.kds().answer(&format!("/{path}/v1/{product}/cert_chain"), NOW);
                assert_eq!((answer.status, answer.content_type), (200, "application/x-pem-file"));
                assert_eq!(answer.body, world.ca.cert_chain(endorser).as_bytes());
                let mut bundle = Bundle::default();
                bundle.add(&answer.body).unwrap();
                let parsed = bundle.parse().unwrap();
                let roles = [0, 1].map(|i| Identity::of(&parsed.certificates[i]).unwrap().role);
                assert_eq!((roles, parsed.certificates.len()), ([issuer, Role::Ark], 2));

                let kds = world.kds().with_revoked(&[7]);
                let answer = kds.answer(&format!("/{path}/v1/{product}/crl"), NOW);
                assert_eq!((answer.status, answer.content_type), (200, "application/octet-stream"));
                let crl = Crl::from_der(&answer.body).unwrap();
                assert_eq!((crl.this_update(), crl.entries().count()), (NOW, 1));
            }
        }
    }

    #[test]
    fn every_spelling() {
        let kds = milan().kds();
        let id = milan().chip.hw_id().unwrap().to_string();
        let wanted = kds.answer(&format!("/vcek/v1/Milan/{id}?{MILAN_SPLS}"), NOW);
        assert_eq!((wanted.status, wanted.content_type), (200, "application/octet-stream"));
        let upper = id.to_uppercase();
        for other in [
            format!("/vcek/v1/Milan/{upper}?{MILAN_SPLS}"),
            format!("/vcek/v1/Milan/{id}?ucodeSPL=115&snpSPL=08&teeSPL=00&blSPL=03"),
            format!("https://kdsintf.amd.com/vcek/v1/Milan/{id}?{MILAN_SPLS}"),
        ] {
            assert_eq!(kds.answer(&other, NOW), wanted, "{other}");
        }
        // The same all day, and another one the next.
        let path = format!("/vcek/v1/Milan/{id}?{MILAN_SPLS}");
        assert_eq!(kds.answer(&path, NOW + 86_399), wanted);
        assert_ne!(kds.answer(&path, NOW + 86_400), wanted);
    }

    #[test]
    fn what_is_not_there() {
        let kds = milan().kds();
        let id = milan().chip.hw_id().unwrap().to_string();
        for (path, status, why) in [
            ("/vcek/v1/Milan/cert", 404, "128 hexadecimal digits"),
            ("/", 404, "expected /vcek/v1"),
            ("", 404, "expected a path"),
            ("http://127.0.0.1/vcek/v1/Milan/crl", 404, "expected the host"),
            ("/vcek/v1/Rome/crl", 404, "expected Milan"),
            ("/vcek/v1/Genoa/crl", 404, "this service is for Milan, not Genoa"),
            ("/vlek/v1/Venice/cert?teeSPL=1", 404, "is not published"),
            ("/vcek/v1/Milan/crl?blSPL=1", 400, "does not belong there"),
        ] {
            let (found, text) = refusal(&kds, path);
            assert!(found == status && text.contains(why), "{path}: {found} {text}");
        }
        let vcek = |id: &str, query: &str| {
            let (status, text) = refusal(&kds, &format!("/vcek/v1/Milan/{id}?{query}"));
            assert!(!text.contains('<'), "{text}");
            status
        };
        assert_eq!(vcek(&"ab".repeat(64), MILAN_SPLS), 404);
        assert_eq!(vcek(&"00".repeat(64), MILAN_SPLS), 404);
        assert_eq!(vcek(&id[..126], MILAN_SPLS), 404);
        assert_eq!(vcek(&format!("{}x", &id[..127]), MILAN_SPLS), 404);
        assert_eq!(vcek(&id, ""), 400);
        assert_eq!(vcek(&id, "blSPL=3&teeSPL=0&snpSPL=8"), 400);
        assert_eq!(vcek(&id, &format!("{MILAN_SPLS}&snpSPL=8")), 400);
        assert_eq!(vcek(&id, &format!("{MILAN_SPLS}&fmcSPL=0")), 400);
        assert_eq!(vcek(&id, "blSPL=128&teeSPL=0&snpSPL=8&ucodeSPL=115"), 400);
        assert_eq!(vcek(&id, "blSPL=0x3&teeSPL=0&snpSPL=8&ucodeSPL=115"), 400);
    }

    /// Turin's chips have a hwID of 8 bytes: 64 are not found.
    #[test]
    fn turin_by_64_bytes() {
        let world = &WORLDS[2];
        let spls = "fmcSPL=1&blSPL=1&teeSPL=1&snpSPL=4&ucodeSPL=81";
        let id = world.chip.hw_id().unwrap().to_string();
        let path = |id: &str| format!("/vcek/v1/Turin/{id}?{spls}");
        assert_eq!(id.len(), 16);
        assert_eq!(world.kds().answer(&path(&id), NOW).status, 200);
        let long = format!("{id}{}", "0".repeat(112));
        assert_eq!(refusal(&world.kds(), &path(&long)).0, 404);
    }

    #[test]
    fn a_chip_of_another_product() {
        let (ca, chip) = (&WORLDS[0].ca, &WORLDS[1].chip);
        let id = chip.hw_id().unwrap();
        let path = |product| format!("/vcek/v1/{product}/{id}?{MILAN_SPLS}");
        let kds = Kds::new(ca, &[chip]);
        assert_eq!(refusal(&kds, &path(Product::Milan)).0, 404);
        assert_eq!(refusal(&kds, &path(Product::Genoa)).0, 404);
    }

    #[test]
    fn vleks_need_a_provider() {
        let path = format!("/vlek/v1/Milan/cert?{MILAN_SPLS}");
        let kds = Kds::new(&milan().ca, &[&milan().chip]);
        assert_eq!(refusal(&kds, &path).0, 403);
        let answer = milan().kds().answer(&path, NOW);
        let vlek = Certificate::from_der(&answer.body).unwrap();
        assert_eq!(vlek.amd().csp_id, Some(CSP));
    }

    #[test]
    fn times_that_no_certificate_has() {
        let path = format!("/vlek/v1/Milan/cert?{MILAN_SPLS}");
        for now in [i64::MAX, 253_402_300_800] {
            assert_eq!(milan().kds().answer("/vcek/v1/Milan/crl", now).status, 500);
            assert_eq!(milan().kds().answer(&path, now).status, 500);
        }
        // A clock before the CA: its leaves begin with it.
        let answer = milan().kds().answer(&path, i64::MIN);
        let ark = Certificate::from_der(milan().ca.ark()).unwrap();
        let vlek = Certificate::from_der(&answer.body).unwrap();
        assert_eq!(vlek.validity().not_before, ark.validity().not_before);
    }

    fn tcb(product: Product, [fmc, bl, tee, snp]: [u8; 4], ucode: u8) -> TcbVersion {
        match product {
            Product::Turin => TcbVersion::new([fmc, bl, tee, snp, 0, 0, 0, ucode]),
            _ => TcbVersion::new([bl, tee, 0, 0, 0, 0, snp, ucode]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Whatever can be asked for of a chip is what verifies the chip's reports.
        #[test]
        fn reports_are_accepted(
            which in 0..3usize,
            spls in proptest::array::uniform4(0..=127u8),
            ucode: u8,
            by_vlek: bool,
            now in NOW..NOW + 20 * 365 * 86_400,
        ) {
            let world = &WORLDS[which];
            let (product, chip) = (world.ca.product(), &world.chip);
            let tcb = tcb(product, spls, ucode);
            let (request, key, key_info, chip_id) = if by_vlek {
                let sticks = HashSticks::new(&world.provider, tcb);
                let key = PrivateKey::vlek(sticks.stick_7());
                (Request::vlek(product, tcb).unwrap(), key, 1 << 2, [0; 64])
            } else {
                let sticks = HashSticks::new(chip.secret(), tcb);
                let key = PrivateKey::vcek(sticks.stick_7());
                let request = Request::vcek(product, chip.hw_id().unwrap(), tcb).unwrap();
                (request, key, 0, *chip.chip_id())
            };
            let report = Draft::new(3)
                .policy(GuestPolicy(0x3_0000))
                .key_info(KeyInfo(key_info))
                .chip_id(&chip_id)
                .cpu(chip.cpu())
                .reported_tcb(tcb)
                .current_tcb(tcb)
                .committed_tcb(tcb)
                .launch_tcb(tcb)
                .sign(&key.signing_key())
                .unwrap();

            let kds = world.kds();
            let mut bundle = Bundle::default();
            let path = |end: &str| {
                let branch = if by_vlek { "vlek" } else { "vcek" };
                format!("/{branch}/v1/{product}/{end}")
            };
            for address in [request.url().to_string(), path("cert_chain"), path("crl")] {
                let answer = kds.answer(&address, now);
                prop_assert_eq!(answer.status, 200);
                bundle.add(&answer.body).unwrap();
            }
            let parsed = bundle.parse().unwrap();
            let roots = [Certificate::from_der(world.ca.ark()).unwrap()];
            let trust = Trust::amd(Time::At(now)).with_roots(&roots);
            let mut policy = Policy::default();
            policy.require_crl = true;
            let accepted = verify(&report, parsed.collateral(), &trust, &policy);
            prop_assert!(accepted.is_ok(), "{}", accepted.unwrap_err());
            // Nobody else's roots do.
            prop_assert!(verify(&report, parsed.collateral(), &Trust::amd(Time::At(now)), &policy).is_err());
        }

        #[test]
        fn any_text(text in "(https?://kdsintf.amd.com)?(/v[cl]ek/v1/)?(Milan/)?(crl|cert|cert_chain)?\\PC*") {
            let answer = milan().kds().answer(&text, NOW);
            prop_assert!([200, 400, 404].contains(&answer.status) && !answer.body.is_empty());
        }

        /// Never more than so many in a period that begins with a request.
        #[test]
        fn limits(requests in 0..5u32, period in 0..1000u64, mut times in prop::collection::vec(0..5000u64, 0..100)) {
            let millis = Duration::from_millis;
            let mut limit = RateLimit::new(requests, millis(period));
            times.sort_unstable();
            let mut taken: Vec<u64> = Vec::new();
            for now in times {
                match limit.take(millis(now)) {
                    Ok(()) => taken.push(now),
                    Err(left) => prop_assert!(left <= millis(period)),
                }
            }
            let mut rest = &taken[..];
            while let Some(&first) = rest.first() {
                let end = rest.partition_point(|time| *time < first + period.max(1));
                prop_assert!(period == 0 || end <= requests as usize);
                rest = &rest[end..];
            }
            prop_assert!(requests > 0 || taken.is_empty());
        }
    }
}
