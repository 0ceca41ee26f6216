//! The group `report`: signatures, chains and reports, verified by the library and by others.
//!
//! Everything is verified with the evidence that is made for the tests: a Milan report, its VCEK, ASK and ARK.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use p384::ecdsa::signature::Verifier;
use rsa::pkcs8::DecodePublicKey;
use sev::parser::ByteParser;
use sevcrypt::Arithmetic;
use sevcrypt::ecdsa::{
    Claim, HotKey, KeyTable, Signature, Signer, SigningKey, VerifyingKey, verify_each_vartime,
};
use sevcrypt::snp::certs::Collateral;
use sevcrypt::snp::report::{REPORT_LEN, Report};
use sevcrypt::snp::verify::{Endorsement, Time, Trust, authenticate};
use sevcrypt::x509::{Certificate, PublicKey, RsaPublicKey};
use sevcrypt_cli::measure::{self, Row};
use sha2::Sha384;

use crate::contest::{Contest, Judge, SUM_OF_CHECKS};
use crate::evp::{AwsLcKey, OpenSslKey};
use crate::table;

#[derive(Args)]
pub(crate) struct Options {
    /// One JSON document instead of tables
    #[arg(long)]
    json: bool,
    /// Only the cases whose names contain this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// How long each case is measured, in milliseconds
    #[arg(long, value_name = "MS", default_value = "1000")]
    budget: u64,
}

/// The case `vcek-milan-v3` of `vectors/attestation`.
macro_rules! vector {
    ($path:literal) => {
        include_bytes!(concat!("../../vectors/attestation/", $path))
    };
}
const REPORT: &[u8; REPORT_LEN] = vector!("reports/vcek-milan-v3.bin");
const LEAF: &[u8] = vector!("certs/milan-vcek.der");
const ASK: &[u8] = vector!("certs/milan-ask.der");
const ARK: &[u8] = vector!("certs/milan-ark.der");
/// The time at which that case is to be accepted.
const NOW: Time = Time::At(1_767_225_600);

/// A certificate, and its parts for those who have no X.509.
struct Cert {
    der: Vec<u8>,
    tbs: Vec<u8>,
    spki: Vec<u8>,
    signature: Vec<u8>,
}

impl Cert {
    fn new(der: Vec<u8>) -> Self {
        let certificate = Certificate::from_der(&der).expect("a certificate");
        let [tbs, spki, signature] =
            [certificate.tbs(), certificate.spki(), certificate.signature()].map(<[u8]>::to_vec);
        Self { der, tbs, spki, signature }
    }
}

/// What a verifier is given.
struct Evidence {
    report: [u8; REPORT_LEN],
    leaf: Cert,
    ask: Cert,
    ark: Cert,
}

impl Evidence {
    fn genuine() -> Self {
        let [leaf, ask, ark] = [LEAF, ASK, ARK].map(|der| Cert::new(der.to_vec()));
        Self { report: *REPORT, leaf, ask, ark }
    }

    fn with_report_bit(at: usize, bit: u8) -> Self {
        let mut evidence = Self::genuine();
        evidence.report[at] ^= 1 << bit;
        evidence
    }

    /// With one bit of the signature of a certificate changed.
    fn with_signature_bit(cert: fn(&mut Self) -> &mut Cert) -> Self {
        let mut evidence = Self::genuine();
        let cert = cert(&mut evidence);
        let mut der = cert.der.clone();
        *der.last_mut().expect("a certificate has bytes") ^= 1;
        *cert = Cert::new(der);
        evidence
    }

    /// One changed bit each: POLICY, MEASUREMENT, the last signed byte, r and s.
    fn with_changed_report() -> Vec<Self> {
        [0x008, 0x090, 0x29f, 0x2a0, 0x2e8].map(|at| Self::with_report_bit(at, 0)).into()
    }

    /// One changed bit each: the report's, and those of the signatures of VCEK and ASK.
    fn with_changed_report_or_chain() -> Vec<Self> {
        let mut changed = Self::with_changed_report();
        changed.push(Self::with_signature_bit(|evidence| &mut evidence.leaf));
        changed.push(Self::with_signature_bit(|evidence| &mut evidence.ask));
        changed
    }

    /// What is signed of the report, and the signature.
    fn report_parts(&self) -> Option<(&[u8], Signature)> {
        let (message, field) = self.report.split_last_chunk()?;
        Some((message, Signature::from_amd(field).ok()?))
    }

    /// The check of the report's signature.
    fn report_is(&self, verify: impl FnOnce(&[u8], &Signature) -> bool) -> bool {
        self.report_parts().is_some_and(|(message, signature)| verify(message, &signature))
    }
}

/// A library of primitives: public keys and signatures, no certificates and no reports.
trait Primitives: Sized + Send + 'static {
    const NAME: &'static str;

    fn from_spki(der: &[u8]) -> Option<Self>;
    fn pss(&self, message: &[u8], signature: &[u8]) -> bool;
    fn ecdsa(&self, message: &[u8], signature: &Signature) -> bool;

    fn has_signed(&self, cert: &Cert) -> bool {
        self.pss(&cert.tbs, &cert.signature)
    }

    /// Every key is new.
    fn cold_chain(evidence: &Evidence) -> bool {
        Self::from_spki(&evidence.ark.spki)
            .is_some_and(|ark| ark.has_signed(&evidence.ark) && ark.cold_below(evidence))
    }

    /// The keys of ASK and VCEK are new; this is the ARK.
    fn cold_below(&self, evidence: &Evidence) -> bool {
        let Some(ask) = Self::from_spki(&evidence.ask.spki) else { return false };
        let Some(leaf) = Self::from_spki(&evidence.leaf.spki) else { return false };
        self.has_signed(&evidence.ask)
            && ask.has_signed(&evidence.leaf)
            && evidence.report_is(|message, signature| leaf.ecdsa(message, signature))
    }

    fn known(der: &[u8]) -> Self {
        Self::from_spki(Cert::new(der.to_vec()).spki.as_slice()).expect("a key")
    }

    fn judge_pss() -> Judge<Evidence> {
        let ask = Self::known(ASK);
        Judge::new(Self::NAME, move |evidence: &Evidence| ask.has_signed(&evidence.leaf))
    }

    fn judge_ecdsa() -> Judge<Evidence> {
        let leaf = Self::known(LEAF);
        Judge::new(Self::NAME, move |evidence: &Evidence| {
            evidence.report_is(|message, signature| leaf.ecdsa(message, signature))
        })
    }

    fn judge_cold_chain() -> Judge<Evidence> {
        Judge::new(Self::NAME, Self::cold_chain)
    }

    fn judge_known_root() -> Judge<Evidence> {
        let ark = Self::known(ARK);
        Judge::new(Self::NAME, move |evidence: &Evidence| ark.cold_below(evidence))
    }
}

/// Implements [`Primitives`] for a key of a C library.
macro_rules! c_library {
    ($name:literal, $key:ident) => {
        impl Primitives for $key {
            const NAME: &'static str = $name;

            fn from_spki(der: &[u8]) -> Option<Self> {
                $key::from_spki(der)
            }

            fn pss(&self, message: &[u8], signature: &[u8]) -> bool {
                self.verify_pss(message, signature)
            }

            fn ecdsa(&self, message: &[u8], signature: &Signature) -> bool {
                self.verify_ecdsa(message, &to_der(signature))
            }
        }
    };
}

c_library!("aws-lc", AwsLcKey);
c_library!("openssl", OpenSslKey);

/// `Ecdsa-Sig-Value` (RFC 3279, section 2.2.3): a SEQUENCE of two INTEGERs.
fn to_der(signature: &Signature) -> Vec<u8> {
    let mut der = vec![0x30, 0];
    for number in [signature.r(), signature.s()] {
        let zeros = number.iter().take_while(|&&byte| byte == 0).count();
        let sign = number[zeros..].first().is_none_or(|&first| first >= 0x80);
        let number = sign.then_some(&0).into_iter().chain(&number[zeros..]);
        let start = der.len();
        der.extend([0x02, 0]);
        der.extend(number);
        der[start + 1] = (der.len() - start - 2) as u8; // at most 49
    }
    der[1] = (der.len() - 2) as u8; // at most 102
    der
}

/// A public key of the crate `rsa` or `p384`.
enum RustCryptoKey {
    Rsa(rsa::pss::VerifyingKey<Sha384>),
    P384(p384::ecdsa::VerifyingKey),
}

impl Primitives for RustCryptoKey {
    const NAME: &'static str = "rustcrypto";

    fn from_spki(der: &[u8]) -> Option<Self> {
        if let Ok(key) = rsa::PublicKey::from_public_key_der(der) {
            return Some(Self::Rsa(rsa::pss::VerifyingKey::new(key)));
        }
        // The point stands at the end.
        let point: &[u8; 97] = der.last_chunk()?;
        p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self::P384)
    }

    fn pss(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = rsa::pss::Signature::try_from(signature);
        matches!((self, signature), (Self::Rsa(key), Ok(signature)) if key.verify(message, &signature).is_ok())
    }

    fn ecdsa(&self, message: &[u8], signature: &Signature) -> bool {
        let signature = p384::ecdsa::Signature::from_scalars(*signature.r(), *signature.s());
        matches!((self, signature), (Self::P384(key), Ok(signature)) if key.verify(message, &signature).is_ok())
    }
}

/// The RSAPublicKey (RFC 8017, A.1.1) at the end of a SubjectPublicKeyInfo with 4096 bits and the exponent 65537, or the point at that of
/// one of P-384.
enum Inner<'a> {
    Rsa(&'a [u8; 526]),
    P384(&'a [u8; 97]),
}

impl<'a> Inner<'a> {
    fn of(spki: &'a [u8]) -> Option<Self> {
        match spki.last_chunk() {
            Some(key) if key.starts_with(&[0x30, 0x82]) => Some(Self::Rsa(key)),
            _ => spki.last_chunk().map(Self::P384),
        }
    }
}

/// r and s, 48 bytes each.
fn fixed(signature: &Signature) -> [u8; 96] {
    let mut bytes = [0; 96];
    bytes[..48].copy_from_slice(signature.r());
    bytes[48..].copy_from_slice(signature.s());
    bytes
}

/// A public key of the crate `ring`, which reads it for each signature.
struct RingKey(ring::signature::UnparsedPublicKey<Vec<u8>>);

impl Primitives for RingKey {
    const NAME: &'static str = "ring";

    fn from_spki(der: &[u8]) -> Option<Self> {
        use ring::signature::{
            ECDSA_P384_SHA384_FIXED, RSA_PSS_2048_8192_SHA384, UnparsedPublicKey,
        };
        Some(Self(match Inner::of(der)? {
            Inner::Rsa(key) => UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA384, key.to_vec()),
            Inner::P384(point) => UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point.to_vec()),
        }))
    }

    fn pss(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify(message, signature).is_ok()
    }

    fn ecdsa(&self, message: &[u8], signature: &Signature) -> bool {
        self.0.verify(message, &fixed(signature)).is_ok()
    }
}

/// A public key of the crate `graviola`.
#[allow(
    clippy::large_enum_variant,
    reason = "a few are made, and no pointer is measured with them"
)]
enum GraviolaKey {
    Rsa(graviola::signing::rsa::VerifyingKey),
    P384(graviola::signing::ecdsa::VerifyingKey<graviola::signing::ecdsa::P384>),
}

impl Primitives for GraviolaKey {
    const NAME: &'static str = "graviola";

    fn from_spki(der: &[u8]) -> Option<Self> {
        use graviola::signing::{ecdsa, rsa};
        match Inner::of(der)? {
            Inner::Rsa(key) => rsa::VerifyingKey::from_pkcs1_der(key).ok().map(Self::Rsa),
            Inner::P384(point) => {
                ecdsa::VerifyingKey::from_x962_uncompressed(point).ok().map(Self::P384)
            }
        }
    }

    fn pss(&self, message: &[u8], signature: &[u8]) -> bool {
        matches!(self, Self::Rsa(key) if key.verify_pss_sha384(signature, message).is_ok())
    }

    fn ecdsa(&self, message: &[u8], signature: &Signature) -> bool {
        use graviola::hashing::Sha384;
        matches!(self, Self::P384(key) if key.verify::<Sha384>(&[message], &fixed(signature)).is_ok())
    }
}

/// Seven signatures of other keys, that are verified beside the evidence's: one of a batch.
struct Others<K> {
    keys: Vec<K>,
    messages: Vec<[u8; 672]>,
    signatures: Vec<Signature>,
}

impl<K> Others<K> {
    fn new(key: impl Fn(&SigningKey) -> K) -> Self {
        let signers: Vec<_> =
            (1..8).map(|n| SigningKey::from_scalar(&[n; 48]).expect("a private key")).collect();
        let messages: Vec<_> = (1..8).map(|n| [n; 672]).collect();
        let sign = |(signer, message): (&SigningKey, &[u8; 672])| signer.sign_sha384(message);
        let signatures = signers.iter().zip(&messages).map(sign);
        Self {
            signatures: signatures.collect::<Result<_, _>>().expect("signatures"),
            keys: signers.iter().map(key).collect(),
            messages,
        }
    }

    fn each(&self) -> impl Iterator<Item = (&K, &[u8], &Signature)> {
        let messages = self.messages.iter().map(<[u8; 672]>::as_slice);
        self.keys
            .iter()
            .zip(messages)
            .zip(&self.signatures)
            .map(|((key, message), signature)| (key, message, signature))
    }
}

/// The SubjectPublicKeyInfo of a P-384 key.
fn spki_of(key: &SigningKey) -> Vec<u8> {
    let mut spki = Cert::new(LEAF.to_vec()).spki;
    let start = spki.len() - 97;
    spki[start..].copy_from_slice(&key.verifying_key().to_sec1());
    spki
}

/// Eight signatures of eight keys, one after the other.
fn judge_eight<P: Primitives>() -> Judge<Evidence> {
    let others = Others::new(|key| P::from_spki(&spki_of(key)).expect("a key"));
    let leaf = P::known(LEAF);
    Judge::new(P::NAME, move |evidence: &Evidence| {
        let own = evidence.report_is(|message, signature| leaf.ecdsa(message, signature));
        others
            .each()
            .fold(own, |all, (key, message, signature)| all & key.ecdsa(message, signature))
    })
}

/// The judges of one version of the crate `sev`, which has reports and certificates of its own and checks nothing but
/// signatures.
macro_rules! sev {
    ($module:ident, $sev:ident, $name:literal) => {
        mod $module {
            use $sev::certs::snp::{Certificate, Chain, Verifiable};
            use $sev::firmware::guest::AttestationReport;
            use $sev::parser::ByteParser;

            use super::{ARK, Evidence, Judge, LEAF};

            const NAME: &str = $name;

            fn report(evidence: &Evidence) -> Option<AttestationReport> {
                AttestationReport::from_bytes(&evidence.report).ok()
            }

            fn cold_chain(evidence: &Evidence) -> Option<()> {
                let Evidence { ark, ask, leaf, .. } = evidence;
                let chain = Chain::from_der(&ark.der, &ask.der, &leaf.der).ok()?;
                (&chain, &report(evidence)?).verify().ok()
            }

            fn known_root(ark: &Certificate, evidence: &Evidence) -> Option<()> {
                let ask = Certificate::from_der(&evidence.ask.der).ok()?;
                let leaf = Certificate::from_der(&evidence.leaf.der).ok()?;
                (ark, &ask).verify().ok()?;
                (&ask, &leaf).verify().ok()?;
                (&leaf, &report(evidence)?).verify().ok()
            }

            pub(super) fn judge_parse() -> Judge<Evidence> {
                Judge::new(NAME, |evidence| super::black_box(report(evidence)).is_some())
            }

            pub(super) fn judge_cold_chain() -> Judge<Evidence> {
                Judge::new(NAME, |evidence| cold_chain(evidence).is_some())
            }

            pub(super) fn judge_known_root() -> Judge<Evidence> {
                let ark = Certificate::from_der(ARK).expect("a certificate");
                Judge::new(NAME, move |evidence| known_root(&ark, evidence).is_some())
            }

            pub(super) fn judge_warm() -> Judge<Evidence> {
                let leaf = Certificate::from_der(LEAF).expect("a certificate");
                Judge::new(NAME, move |evidence| {
                    report(evidence).is_some_and(|report| (&leaf, &report).verify().is_ok())
                })
            }
        }
    };
}

sev!(sev_rust, sev, "sev-8-rust");
sev!(sev_c, sev_openssl, "sev-7-openssl");

/// The keys of the evidence, as the library has them.
fn rsa_key(der: &'static [u8]) -> RsaPublicKey<'static> {
    match certificate(der).public_key() {
        PublicKey::Rsa(key) => key,
        _ => panic!("an RSA key"),
    }
}

fn leaf_key() -> VerifyingKey {
    match certificate(LEAF).public_key() {
        PublicKey::P384(point) => VerifyingKey::from_sec1(point).expect("a point of the curve"),
        _ => panic!("a P-384 key"),
    }
}

fn leaf_table() -> Box<KeyTable> {
    leaf_key().with_table()
}

fn certificate(der: &'static [u8]) -> Certificate<'static> {
    Certificate::from_der(der).expect("a certificate")
}

fn has_signed(key: &RsaPublicKey<'_>, cert: &Cert) -> bool {
    key.verify_pss_sha384(&cert.tbs, &cert.signature).is_ok()
}

fn own(answer: impl FnMut(&Evidence) -> bool + Send + 'static) -> Judge<Evidence> {
    Judge::new("sevcrypt", answer)
}

fn sum_of_checks(answer: impl FnMut(&Evidence) -> bool + Send + 'static) -> Judge<Evidence> {
    Judge::new(SUM_OF_CHECKS, answer)
}

/// Everything is new but the trusted root.
fn cold_chain(evidence: &Evidence, root: &Certificate<'_>) -> Option<()> {
    let Evidence { report, leaf, ask, ark } = evidence;
    let parse = |cert| Certificate::from_der(cert).ok();
    let certificates = [parse(&leaf.der)?, parse(&ask.der)?, parse(&ark.der)?];
    authentic(report, Collateral::from(&certificates), root)
}

/// As [`cold_chain`], but the ARK is not among the certificates.
fn known_root(evidence: &Evidence, root: &Certificate<'_>) -> Option<()> {
    let Evidence { report, leaf, ask, .. } = evidence;
    let parse = |cert| Certificate::from_der(cert).ok();
    let certificates = [parse(&leaf.der)?, parse(&ask.der)?];
    authentic(report, Collateral::from(&certificates), root)
}

fn authentic(report: &[u8], collateral: Collateral<'_>, root: &Certificate<'_>) -> Option<()> {
    let roots = [*root];
    let trust = Trust::amd(NOW).with_roots(&roots);
    authenticate(&Report::from_bytes(report).ok()?, collateral, &trust).ok().map(drop)
}

fn endorsement() -> Endorsement {
    let certificates = [LEAF, ASK, ARK].map(certificate);
    let roots = [certificate(ARK)];
    let trust = Trust::amd(NOW).with_roots(&roots);
    let report = Report::from_bytes(REPORT).expect("a report");
    Endorsement::of(&report, Collateral::from(&certificates), &trust).expect("a genuine chain")
}

/// Reads every field, bytes too.
fn read_fields(report: &Report<'_>) {
    black_box((report.version(), report.guest_svn(), report.policy(), report.vmpl()));
    black_box((*report.family_id(), *report.image_id(), report.signature_algo()));
    black_box((report.current_tcb(), report.platform_info(), report.key_info()));
    black_box((*report.report_data(), *report.measurement(), *report.host_data()));
    black_box((*report.id_key_digest(), *report.author_key_digest()));
    black_box((*report.report_id(), *report.report_id_ma(), report.reported_tcb()));
    black_box((report.cpu(), *report.chip_id(), report.committed_tcb()));
    black_box((report.current_version(), report.committed_version(), report.launch_tcb()));
    black_box((report.launch_mit_vector(), report.current_mit_vector()));
    black_box((report.extended_tcbs(), *report.signature_field()));
}

/// Names the first field that the library and the crate `sev` read differently.
fn same_fields(bytes: &[u8]) -> Result<(), String> {
    let own = Report::from_bytes(bytes).map_err(|error| error.to_string())?;
    let sev = sev::firmware::guest::AttestationReport::from_bytes(bytes)
        .map_err(|error| error.to_string())?;
    let equals = |field: &[u8; 72], number: &[u8; 48]| field.iter().take(48).rev().eq(number);
    let signature = own.signature().map_err(|error| error.to_string())?;
    let equal = [
        ("VERSION", own.version() == sev.version),
        ("GUEST_SVN", own.guest_svn() == sev.guest_svn),
        ("POLICY", own.policy().0 == u64::from(sev.policy)),
        ("FAMILY_ID", *own.family_id() == sev.family_id),
        ("IMAGE_ID", *own.image_id() == sev.image_id),
        ("SIGNATURE_ALGO", own.signature_algo() == sev.sig_algo),
        ("REPORT_DATA", *own.report_data() == sev.report_data),
        ("MEASUREMENT", *own.measurement() == sev.measurement),
        ("HOST_DATA", *own.host_data() == sev.host_data),
        ("ID_KEY_DIGEST", *own.id_key_digest() == sev.id_key_digest),
        ("AUTHOR_KEY_DIGEST", *own.author_key_digest() == sev.author_key_digest),
        ("REPORT_ID", *own.report_id() == sev.report_id),
        ("REPORT_ID_MA", *own.report_id_ma() == sev.report_id_ma),
        ("CHIP_ID", *own.chip_id() == sev.chip_id),
        ("LAUNCH_MIT_VECTOR", own.launch_mit_vector() == sev.launch_mit_vector),
        ("CURRENT_MIT_VECTOR", own.current_mit_vector() == sev.current_mit_vector),
        ("r", equals(sev.signature.r(), signature.r())),
        ("s", equals(sev.signature.s(), signature.s())),
    ];
    match equal.iter().find(|(_, equal)| !equal) {
        Some((name, _)) => Err(format!("report-parse: sevcrypt and sev read {name} differently")),
        None => Ok(()),
    }
}

/// A case: its name, what everyone has to refuse in it, and everyone who takes part.
struct Task {
    name: &'static str,
    /// How many signatures one answer is about: the time is that of one.
    share: u32,
    changed: Vec<Evidence>,
    judges: Vec<Judge<Evidence>>,
}

fn tasks() -> Vec<Task> {
    let (ask, ark) = (rsa_key(ASK), rsa_key(ARK));
    let prepared = ask.prepare();
    let root = certificate(ARK);
    let (leaf, table, kept) = (leaf_key(), leaf_table(), endorsement());
    let hot = HotKey::new(Arithmetic::best(), &leaf);
    let others = Others::new(SigningKey::verifying_key);
    let sum_below = move |evidence: &Evidence| {
        has_signed(&ark, &evidence.ask)
            && has_signed(&ask, &evidence.leaf)
            && evidence.report_is(|message, signature| leaf.verify_vartime(message, signature))
    };
    let with_ecdsa_peers = |mut judges: Vec<Judge<Evidence>>| {
        judges.extend([
            AwsLcKey::judge_ecdsa(),
            OpenSslKey::judge_ecdsa(),
            RingKey::judge_ecdsa(),
            GraviolaKey::judge_ecdsa(),
            RustCryptoKey::judge_ecdsa(),
        ]);
        judges
    };
    let mut chain = Evidence::with_changed_report_or_chain();
    chain.push(Evidence::with_signature_bit(|evidence| &mut evidence.ark));
    vec![
        Task {
            name: "rsa4096-pss-verify",
            share: 1,
            changed: vec![Evidence::with_signature_bit(|evidence| &mut evidence.leaf)],
            judges: vec![
                own(move |evidence| {
                    let Evidence { leaf, .. } = evidence;
                    prepared.verify_pss_sha384(&leaf.tbs, &leaf.signature).is_ok()
                }),
                AwsLcKey::judge_pss(),
                OpenSslKey::judge_pss(),
                RingKey::judge_pss(),
                GraviolaKey::judge_pss(),
                RustCryptoKey::judge_pss(),
            ],
        },
        Task {
            name: "p384-verify-cold",
            share: 1,
            changed: Evidence::with_changed_report(),
            judges: with_ecdsa_peers(vec![own(move |evidence| {
                evidence.report_is(|message, signature| leaf.verify_vartime(message, signature))
            })]),
        },
        Task {
            name: "p384-verify-known-key",
            share: 1,
            changed: Evidence::with_changed_report(),
            judges: with_ecdsa_peers(vec![own(move |evidence| {
                evidence.report_is(|message, signature| table.verify_vartime(message, signature))
            })]),
        },
        Task {
            name: "p384-verify-hot-key",
            share: 1,
            changed: Evidence::with_changed_report(),
            judges: with_ecdsa_peers(vec![own(move |evidence| {
                evidence.report_is(|message, signature| hot.verify_vartime(message, signature))
            })]),
        },
        Task {
            name: "p384-verify-batch8",
            share: 8,
            changed: Evidence::with_changed_report(),
            judges: vec![
                own(move |evidence| {
                    let Some((message, signature)) = evidence.report_parts() else { return false };
                    let mut claims: Vec<_> = others
                        .each()
                        .map(|(key, message, signature)| Claim::new(key, message, signature))
                        .collect();
                    claims.push(Claim::new(&leaf, message, &signature));
                    verify_each_vartime(Arithmetic::best(), &mut claims, &mut { KeyTable::EMPTY });
                    claims.iter().all(Claim::holds)
                }),
                judge_eight::<AwsLcKey>(),
                judge_eight::<OpenSslKey>(),
                judge_eight::<RingKey>(),
                judge_eight::<GraviolaKey>(),
                judge_eight::<RustCryptoKey>(),
            ],
        },
        Task {
            name: "report-parse",
            share: 1,
            changed: vec![Evidence::with_report_bit(0x000, 1)], // VERSION 1
            judges: vec![
                own(|evidence| {
                    Report::from_bytes(&evidence.report).map(|it| read_fields(&it)).is_ok()
                }),
                sev_rust::judge_parse(),
                sev_c::judge_parse(),
            ],
        },
        Task {
            name: "report-cold-chain",
            share: 1,
            changed: chain,
            judges: vec![
                own(move |evidence| cold_chain(evidence, &root).is_some()),
                sum_of_checks(move |evidence| {
                    has_signed(&ark, &evidence.ark) && sum_below(evidence)
                }),
                AwsLcKey::judge_cold_chain(),
                OpenSslKey::judge_cold_chain(),
                RingKey::judge_cold_chain(),
                GraviolaKey::judge_cold_chain(),
                RustCryptoKey::judge_cold_chain(),
                sev_rust::judge_cold_chain(),
                sev_c::judge_cold_chain(),
            ],
        },
        Task {
            name: "report-cold-known-root",
            share: 1,
            changed: Evidence::with_changed_report_or_chain(),
            judges: vec![
                own(move |evidence| known_root(evidence, &root).is_some()),
                sum_of_checks(sum_below),
                AwsLcKey::judge_known_root(),
                OpenSslKey::judge_known_root(),
                RingKey::judge_known_root(),
                GraviolaKey::judge_known_root(),
                RustCryptoKey::judge_known_root(),
                sev_rust::judge_known_root(),
                sev_c::judge_known_root(),
            ],
        },
        Task {
            name: "report-warm",
            share: 1,
            changed: Evidence::with_changed_report(),
            judges: {
                let table = leaf_table();
                let mut judges = with_ecdsa_peers(vec![
                    own(move |evidence| {
                        let report = Report::from_bytes(&evidence.report);
                        report.is_ok_and(|report| kept.authenticate(&report, NOW).is_ok())
                    }),
                    sum_of_checks(move |evidence| {
                        evidence.report_is(|message, signature| {
                            table.verify_vartime(message, signature)
                        })
                    }),
                ]);
                judges.extend([sev_rust::judge_warm(), sev_c::judge_warm()]);
                judges
            },
        },
    ]
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let budget = Duration::from_millis(options.budget);
    let genuine = Evidence::genuine();
    let asked = |name: &str| options.only.as_ref().is_none_or(|text| name.contains(text));
    let mut out = io::stdout().lock();
    let mut rows: Vec<Row> = Vec::new();
    same_fields(REPORT)?;
    for Task { name, share, changed, judges } in tasks().into_iter().filter(|task| asked(task.name))
    {
        let name = name.to_owned();
        let contest = Contest { group: "report", name, bytes: 0, threads: 1, budget };
        let more = contest.of_answers(&genuine, &changed, &judges, share)?;
        if !options.json {
            table::print(&mut out, &more, 1)?;
        }
        rows.extend(more);
    }
    if rows.is_empty() {
        return Err("no case has such a name".into());
    }
    if options.json {
        writeln!(out, "{:#}", measure::document(&rows, 1))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_accept_what_is_genuine_and_refuse_what_is_changed() {
        let genuine = Evidence::genuine();
        for Task { name, share, changed, judges } in tasks() {
            let (name, budget) = (name.to_owned(), Duration::ZERO);
            let contest = Contest { group: "report", name, bytes: 0, threads: 1, budget };
            contest.of_answers(&genuine, &changed, &judges, share).unwrap();
        }
    }

    #[test]
    fn both_read_the_same_fields() {
        for report in [
            vector!("reports/vcek-milan-v2.bin"),
            vector!("reports/vcek-milan-v5.bin"),
            vector!("reports/vcek-turin-v5.bin"),
        ] {
            same_fields(report).unwrap();
        }
    }

    #[test]
    fn numbers_of_signatures_have_the_shortest_der() {
        let mut numbers = [[0; 48]; 2];
        (numbers[0][47], numbers[1][46]) = (0x7f, 0x80);
        let signature = Signature::new(&numbers[0], &numbers[1]).unwrap();
        assert_eq!(to_der(&signature), [0x30, 8, 2, 1, 0x7f, 2, 3, 0, 0x80, 0]);
    }
}
