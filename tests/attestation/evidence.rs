//! A case of `vectors/attestation/cases.toml`, read and verified.

use std::path::PathBuf;
use std::{env, fs};

use serde::Deserialize;
use sevcrypt::Vmpl;
use sevcrypt::snp::certs::Collateral;
use sevcrypt::snp::policy::Policy;
use sevcrypt::snp::tcb::{Component, TcbParts};
use sevcrypt::snp::verify::{Check, Evidence, Time, Trust, VerifyError, verify};
use sevcrypt::x509::{Certificate, Crl};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    #[serde(rename = "what")]
    _what: String,
    report: String,
    certs: Vec<String>,
    #[serde(default)]
    crls: Vec<String>,
    pub(crate) root: Option<String>,
    pub(crate) at: i64,
    #[serde(default)]
    pub(crate) allow: Vec<String>,
    #[serde(default)]
    measurement: Vec<String>,
    report_data: Option<String>,
    host_data: Option<String>,
    #[serde(default)]
    id_key_digest: Vec<String>,
    #[serde(default)]
    author_key_digest: Vec<String>,
    family_id: Option<String>,
    image_id: Option<String>,
    report_id: Option<String>,
    report_id_ma: Option<String>,
    #[serde(default)]
    chip_id: Vec<String>,
    #[serde(default)]
    csp_id: Vec<String>,
    vmpl: Option<u32>,
    guest_svn: Option<u32>,
    min_build: Option<u8>,
    min_abi: Option<String>,
    min_tcb: Option<Tcb>,
    min_launch_tcb: Option<Tcb>,
    #[serde(default)]
    platform_required: Mask,
    #[serde(default)]
    platform_forbidden: Mask,
    #[serde(default)]
    policy_required: Mask,
    #[serde(default)]
    policy_forbidden: Mask,
    #[serde(default)]
    mitigations_current: Mask,
    #[serde(default)]
    mitigations_launch: Mask,
    #[serde(default)]
    id_block: bool,
    #[serde(default)]
    author_key: bool,
    pub(crate) verdict: String,
    pub(crate) check: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tcb {
    fmc: Option<u8>,
    bootloader: Option<u8>,
    tee: Option<u8>,
    snp: Option<u8>,
    microcode: Option<u8>,
}

impl Tcb {
    fn parts(&self) -> TcbParts {
        let components = [
            (Component::Fmc, self.fmc),
            (Component::BootLoader, self.bootloader),
            (Component::Tee, self.tee),
            (Component::Snp, self.snp),
            (Component::Microcode, self.microcode),
        ];
        let given =
            components.into_iter().filter_map(|(component, value)| Some((component, value?)));
        given.fold(TcbParts::default(), |parts, (component, value)| parts.with(component, value))
    }
}

/// The text of a hexadecimal number.
#[derive(Default, Deserialize)]
struct Mask(String);

impl Mask {
    fn bits(&self) -> u64 {
        let digits = self.0.trim_start_matches("0x");
        if digits.is_empty() { 0 } else { u64::from_str_radix(digits, 16).expect("a mask") }
    }
}

fn hex(text: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(text).expect("hexadecimal digits")
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap_or_else(|bytes: Vec<u8>| panic!("{} bytes, not {N}", bytes.len()))
}

fn set<const N: usize>(texts: &[String]) -> Vec<[u8; N]> {
    texts.iter().map(|text| array(text)).collect()
}

/// A set of a case; one that it does not have is not asked for.
fn asked<T>(set: &[T]) -> Option<&[T]> {
    (!set.is_empty()).then_some(set)
}

#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

pub(crate) fn cases() -> Vec<Case> {
    let text = String::from_utf8(read("cases.toml")).expect("text");
    toml::from_str::<Cases>(&text).expect("cases.toml").case
}

pub(crate) fn read(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/attestation");
    fs::read(folder.join(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// The files of a case.
pub(crate) struct Files {
    pub(crate) report: Vec<u8>,
    pub(crate) certs: Vec<Vec<u8>>,
    pub(crate) crls: Vec<Vec<u8>>,
    pub(crate) root: Option<Vec<u8>>,
}

impl Case {
    pub(crate) fn files(&self) -> Files {
        let all = |names: &[String]| names.iter().map(|name| read(name)).collect();
        Files {
            report: read(&self.report),
            certs: all(&self.certs),
            crls: all(&self.crls),
            root: self.root.as_deref().map(read),
        }
    }

    /// The verdict by its name in the program's output, and the check that failed first.
    pub(crate) fn run(&self, files: &Files) -> (&'static str, Option<Check>) {
        verdict(self.verify(files))
    }

    fn verify(&self, files: &Files) -> Result<(), VerifyError> {
        self.verify_by(files, |evidence, trust| {
            verify(evidence.report, evidence.collateral, trust, evidence.policy).map(drop)
        })
    }

    /// The outcome of `work`, which is given the case as a verifier is.
    pub(crate) fn verify_by<R>(
        &self,
        files: &Files,
        work: impl FnOnce(&Evidence<'_, '_>, &Trust<'_>) -> Result<R, VerifyError>,
    ) -> Result<R, VerifyError> {
        let certificates: Result<Vec<_>, _> =
            files.certs.iter().map(|der| Certificate::from_der(der)).collect();
        let crls: Result<Vec<_>, _> = files.crls.iter().map(|der| Crl::from_der(der)).collect();
        let (certificates, crls) = (certificates?, crls?);
        let root = files.root.as_deref().map(Certificate::from_der).transpose()?;
        let trust = Trust::amd(Time::At(self.at)).with_roots(root.as_slice());
        let collateral = Collateral { certificates: &certificates, crls: &crls };

        let measurements = set(&self.measurement);
        let report_data = self.report_data.as_deref().map(hex);
        let (id_keys, author_keys) = (set(&self.id_key_digest), set(&self.author_key_digest));
        let csp_ids: Vec<_> = self.csp_id.iter().map(String::as_str).collect();
        let chip_ids = set(&self.chip_id);
        let mut policy = Policy::default();
        for rule in &self.allow {
            policy = policy.allow(rule.parse().unwrap_or_else(|why| panic!("{rule}: {why}")));
        }
        policy.vmpl = self.vmpl.map(|vmpl| Vmpl::new(vmpl).expect("a VMPL"));
        policy.policy_required = self.policy_required.bits();
        policy.policy_forbidden = self.policy_forbidden.bits();
        policy.platform_required = self.platform_required.bits();
        policy.platform_forbidden = self.platform_forbidden.bits();
        policy.measurements = asked(&measurements);
        policy.report_data = report_data.as_deref();
        policy.host_data = self.host_data.as_deref().map(array);
        policy.id_keys = asked(&id_keys);
        policy.author_keys = asked(&author_keys);
        policy.id_block = self.id_block;
        policy.author_key = self.author_key;
        policy.guest_svn = self.guest_svn;
        policy.family_id = self.family_id.as_deref().map(array);
        policy.image_id = self.image_id.as_deref().map(array);
        policy.report_id = self.report_id.as_deref().map(array);
        policy.report_id_ma = self.report_id_ma.as_deref().map(array);
        policy.minimum_abi = self.min_abi.as_deref().map(|text| {
            let (major, minor) = text.split_once('.').expect("major.minor");
            (major.parse().expect("a number"), minor.parse().expect("a number"))
        });
        policy.minimum_build = self.min_build;
        policy.minimum_tcb = self.min_tcb.as_ref().map(Tcb::parts).unwrap_or_default();
        policy.minimum_launch_tcb =
            self.min_launch_tcb.as_ref().map(Tcb::parts).unwrap_or_default();
        policy.current_mitigations = self.mitigations_current.bits();
        policy.launch_mitigations = self.mitigations_launch.bits();
        policy.csp_ids = asked(&csp_ids);
        policy.chip_ids = asked(&chip_ids);
        work(&Evidence { report: &files.report, collateral, policy: &policy }, &trust)
    }
}

pub(crate) fn verdict(result: Result<(), VerifyError>) -> (&'static str, Option<Check>) {
    let name = match &result {
        Ok(()) => "accepted",
        Err(VerifyError::Malformed(_)) => "malformed",
        Err(VerifyError::Missing(_)) => "incomplete",
        Err(VerifyError::NotAuthentic(_)) => "not-authentic",
        Err(VerifyError::Refused(_)) => "refused",
        Err(other) => panic!("{other}"),
    };
    let checks = result.as_ref().err().and_then(VerifyError::checks);
    (name, checks.and_then(|checks| checks.first_failure()).map(|(check, _)| check))
}
