//! Certificates of SEV and SEV-ES from files: of a platform (PDH, PEK, OCA, CEK), and AMD's (ASK, ARK).

use std::fmt::Display;
use std::path::PathBuf;

use serde_json::{Value, json};
use sevcrypt::Hex;
use sevcrypt::ecdsa::VerifyingKey;
use sevcrypt::sev::cert::{
    AmdCertificate, AmdCertificates, Bundle, BundleError, Certificate, CertificateError,
    ChainError, PdhKey, Product, PublicKey, RsaKey, Slot, Trust, Usage, VerifiedPek,
    VerifiedPlatform, verify, verify_pek,
};
use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::input::Content;
use crate::output::Fields;

/// Files of certificates, which the certificates borrow.
pub(crate) struct Files(Vec<File>);

struct File {
    name: String,
    bytes: Vec<u8>,
}

impl File {
    fn malformed(&self, why: impl Display) -> Failure {
        Failure::malformed(format_args!("{}: {why}", self.name))
    }

    fn bundle(&self) -> Result<Bundle<'_>, Failure> {
        bundle(&self.name, &self.bytes)
    }
}

/// The certificates of a file, which are one at least and of one platform.
fn bundle<'b>(name: &str, bytes: &'b [u8]) -> Result<Bundle<'b>, Failure> {
    let mut bundle = Bundle::default();
    match bundle.add(bytes) {
        Ok(()) if bytes.is_empty() => {
            Err(Failure::malformed(format_args!("{name}: no certificate in it")))
        }
        Ok(()) => Ok(bundle),
        Err(why @ BundleError::Duplicate { .. }) => {
            Err(Failure::NotAuthentic(format!("{name}: {why}")))
        }
        Err(why) => Err(Failure::malformed(format_args!("{name}: {why}"))),
    }
}

impl Files {
    /// Reads files; `-` is standard input.
    pub(crate) fn read<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> Result<Self, Failure> {
        let read = |path: &'p PathBuf| {
            let content = Content::read(path)?;
            let bytes = content.binary()?.into_owned();
            Ok(File { name: content.name, bytes })
        };
        paths.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The certificates of all files together.
    pub(crate) fn platform(&self) -> Result<Platform<'_>, Failure> {
        let mut all = Bundle::default();
        for (index, file) in self.0.iter().enumerate() {
            file.bundle()?;
            all.add(&file.bytes).map_err(|why| {
                // Each is right by itself: another file has another certificate for the same place.
                let conflicts = |other: &&File| {
                    other.bundle().is_ok_and(|mut both| both.add(&file.bytes).is_err())
                };
                let other = self.0.iter().take(index).find(conflicts);
                let other = other.map_or("the files before it", |other| &other.name);
                Failure::NotAuthentic(format!("{}, behind {other}: {why}", file.name))
            })?;
        }
        let names: Vec<_> = self.0.iter().map(|file| file.name.as_str()).collect();
        Ok(Platform { bundle: all, names: names.join(", ") })
    }

    /// ARKs, each in its file.
    pub(crate) fn roots(&self) -> Result<Vec<AmdCertificate<'_>>, Failure> {
        let root = |file| {
            let ark = File::bundle(file)?.amd().ark;
            ark.ok_or_else(|| file.malformed("no ARK in it"))
        };
        self.0.iter().map(root).collect()
    }
}

/// Who vouches for a platform.
#[derive(Clone, Copy)]
pub(crate) enum Authority {
    Amd(Product),
    /// `--root`.
    OtherRoot,
    Nobody,
}

impl Authority {
    /// Of a chain that was verified.
    pub(crate) fn of(product: Option<Product>) -> Self {
        product.map_or(Self::OtherRoot, Self::Amd)
    }

    pub(crate) fn add_to(self, fields: &mut Fields) {
        let (root, product) = match self {
            Self::Amd(product) => (Some("amd"), Some(product.name())),
            Self::OtherRoot => (Some("given"), None),
            Self::Nobody => (None, None),
        };
        fields.add("verified", root.is_some());
        fields.add("root", root);
        fields.add("product", product);
    }
}

/// The certificates that were given of a platform, and above it.
pub(crate) struct Platform<'f> {
    bundle: Bundle<'f>,
    /// Of the files.
    names: String,
}

impl Platform<'_> {
    /// The key of the PDH, for which nothing vouches.
    pub(crate) fn unauthenticated_pdh(&self) -> Result<PdhKey, Failure> {
        let pdh = self.bundle.pdh().ok_or_else(|| self.malformed("no PDH in it"))?;
        let pdh = PdhKey::unauthenticated(pdh).map_err(|why| self.malformed(why))?;
        eprintln!(
            "note: {}: not verified; whoever made this PDH can read what the session protects",
            self.names
        );
        Ok(pdh)
    }

    /// The key of the PEK, for which nothing vouches.
    pub(crate) fn unauthenticated_pek(&self) -> Result<VerifyingKey, Failure> {
        let key = self.pek()?.key().map_err(|why| self.malformed(why))?;
        let PublicKey::Ecdsa(key) = key else {
            return Err(self.malformed("the PEK has no key that signs"));
        };
        eprintln!("note: {}: not verified; --chain says who vouches for this PEK", self.names);
        Ok(key)
    }

    fn malformed(&self, why: impl Display) -> Failure {
        Failure::malformed(format_args!("{}: {why}", self.names))
    }

    fn pek(&self) -> Result<&Certificate, Failure> {
        self.bundle.pek().ok_or_else(|| self.malformed("no PEK in it"))
    }

    /// The platform, verified down to AMD's keys and these roots.
    pub(crate) fn verify(&self, roots: &[AmdCertificate<'_>]) -> Result<VerifiedPlatform, Failure> {
        let platform = self.bundle.platform().map_err(missing)?;
        let trust = Trust::amd().with_roots(roots);
        verify(&platform, self.bundle.amd(), &trust).map_err(chain_failure)
    }

    /// The PEK, verified down to AMD's keys and these roots.
    pub(crate) fn verify_pek(&self, roots: &[AmdCertificate<'_>]) -> Result<VerifiedPek, Failure> {
        let pek = self.pek()?;
        let missing = |usage| missing(BundleError::Missing { usage });
        let oca = self.bundle.oca().ok_or_else(|| missing(Usage::OCA))?;
        let cek = self.bundle.cek().ok_or_else(|| missing(Usage::CEK))?;
        let trust = Trust::amd().with_roots(roots);
        verify_pek(pek, oca, cek, self.bundle.amd(), &trust).map_err(chain_failure)
    }
}

/// A certificate that is not there, and who has it.
fn missing(error: BundleError) -> Failure {
    match error {
        BundleError::Missing { usage: Usage::CEK } => Failure::Incomplete(format!(
            "{error}: AMD has it, at https://kdsintf.amd.com/cek/id/ and the chip's ID (GET_ID) in hexadecimal digits"
        )),
        error => Failure::Incomplete(format!("{error}: the platform exports it (PDH_CERT_EXPORT)")),
    }
}

fn chain_failure(error: ChainError) -> Failure {
    match error {
        ChainError::CekUnsigned | ChainError::AskMissing => Failure::Incomplete(error.to_string()),
        error => Failure::NotAuthentic(error.to_string()),
    }
}

/// Whether bytes begin as a certificate of SEV does, of either format; also where it is cut, or of another version than
/// 1. DER, PEM and JSON do not.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let unknown = Err(BundleError::Unrecognized { offset: 0 });
    let is_known = || Bundle::default().add(bytes) != unknown;
    bytes.starts_with(&[1, 0, 0, 0])
        || (!bytes.starts_with(b"\x30") && !bytes.is_empty() && is_known())
}

/// The certificates of a file, and the names that each has as a file of its own.
pub(super) fn pieces(
    content: &Content,
    bytes: &[u8],
) -> Result<Vec<(&'static str, Vec<u8>)>, Failure> {
    let bundle = bundle(&content.name, bytes)?;
    let amd = bundle.amd();
    let sev = [
        ("pdh.cert", bundle.pdh()),
        ("pek.cert", bundle.pek()),
        ("oca.cert", bundle.oca()),
        ("cek.cert", bundle.cek()),
    ];
    let sev = sev.map(|(name, certificate)| (name, certificate.map(|it| it.as_bytes().to_vec())));
    let amd = [("ask.cert", amd.ask), ("ark.cert", amd.ark)];
    let amd = amd.map(|(name, certificate)| (name, certificate.map(|it| it.as_bytes().to_vec())));
    let all = sev.into_iter().chain(amd);
    Ok(all.filter_map(|(name, bytes)| Some((name, bytes?))).collect())
}

/// What each certificate of a file says, and what vouches for it: other certificates of the file, and AMD's keys. For
/// people, or as JSON.
pub(super) fn documents(
    content: &Content,
    bytes: &[u8],
    json: bool,
) -> Result<Vec<Fields>, Failure> {
    let bundle = bundle(&content.name, bytes)?;
    let sev = [bundle.pdh(), bundle.pek(), bundle.oca(), bundle.cek()].into_iter().flatten();
    let sev = sev.map(|certificate| sev_document(certificate, &bundle, json));
    let AmdCertificates { ask, ark } = bundle.amd();
    let amd = [ask, ark].into_iter().flatten();
    Ok(sev.chain(amd.map(|certificate| amd_document(&certificate, ark))).collect())
}

fn sev_document(certificate: &Certificate, bundle: &Bundle<'_>, json: bool) -> Fields {
    let mut faults = Vec::new();
    let mut fields = Fields::default();
    fields.add("type", "SEV certificate");
    fields.add("usage", certificate.usage().to_string());
    fields.add("version", certificate.version());
    fields.add("api", certificate.api().to_string());
    fields.add("algorithm", certificate.algorithm().to_string());
    match certificate.key() {
        Ok(PublicKey::Ecdsa(key)) => point(&mut fields, &key.to_sec1()),
        Ok(PublicKey::Ecdh(key)) => point(&mut fields, &key.to_sec1()),
        Ok(PublicKey::Rsa(key)) => rsa(&mut fields, &key),
        Ok(_) => fields.add("key", "of another kind"),
        Err(why) => {
            fields.add("key", Value::Null);
            faults.push(why.to_string());
        }
    }
    let slots = (1..).zip(certificate.slots());
    let signature = |(number, slot): (u32, Slot<'_>)| {
        let (usage, algorithm) = (slot.usage.to_string(), slot.algorithm.to_string());
        let state = state(certificate, &slot, bundle);
        match (json, slot.is_empty()) {
            (true, true) => json!({ "slot": number, "state": state }),
            (true, false) => {
                json!({ "slot": number, "usage": usage, "algorithm": algorithm, "state": state })
            }
            (false, true) => format!("slot {number}: {state}").into(),
            (false, false) => format!("slot {number}: {usage}, {algorithm}, {state}").into(),
        }
    };
    fields.add("signatures", slots.map(signature).collect::<Vec<_>>());
    faults.extend(version_fault(certificate.version()));
    if let Err(why) = certificate.check_form() {
        faults.push(why.to_string());
    }
    fields.add("faults", faults);
    fields.add("sha256", Hex(&Sha256::digest(certificate.as_bytes())).to_string());
    fields
}

fn version_fault(found: u32) -> Option<String> {
    (found != 1).then(|| CertificateError::Version { found }.to_string())
}

fn point(fields: &mut Fields, point: &[u8; 97]) {
    let (x, y) = point[1..].split_at(48);
    fields.add("key", "P-384");
    fields.add("public_x", Hex(x).to_string());
    fields.add("public_y", Hex(y).to_string());
}

fn rsa(fields: &mut Fields, key: &RsaKey) {
    fields.add("key", format!("RSA {}", key.bits()));
    fields.add("exponent", 65537);
    fields.add("modulus", Hex(key.modulus()).to_string());
}

/// What a place for a signature holds, and whether that is one.
fn state(certificate: &Certificate, slot: &Slot<'_>, bundle: &Bundle<'_>) -> String {
    if slot.is_empty() {
        return "empty".to_owned();
    }
    let (name, signer) = match slot.usage {
        Usage::OCA => ("OCA", bundle.oca()),
        Usage::PEK => ("PEK", bundle.pek()),
        Usage::CEK => ("CEK", bundle.cek()),
        Usage::ASK => {
            let Some(ask) = bundle.amd().ask else {
                return match Trust::amd().product_of_cek(certificate) {
                    Ok(product) => format!("valid under AMD's ASK of {product}"),
                    Err(why) => format!("not valid: {why}"),
                };
            };
            return verdict(certificate.validate_by_ask(&ask), "ASK");
        }
        usage => return format!("not checked: {usage} signs no SEV certificate"),
    };
    match signer {
        Some(signer) => verdict(certificate.validate(signer), name),
        None => format!("not checked: no {name} in this file"),
    }
}

/// Whether a signature is one under the certificate of this name in the same file.
fn verdict(checked: Result<(), impl Display>, signer: &str) -> String {
    match checked {
        Ok(()) => format!("valid under the {signer} of this file"),
        Err(why) => format!("not valid under the {signer} of this file: {why}"),
    }
}

fn amd_document(certificate: &AmdCertificate<'_>, ark: Option<AmdCertificate<'_>>) -> Fields {
    let mut faults = Vec::new();
    let mut fields = Fields::default();
    fields.add("type", "AMD certificate");
    fields.add("usage", certificate.usage().to_string());
    fields.add("version", certificate.version());
    fields.add("key_id", Hex(certificate.key_id()).to_string());
    fields.add("certifying_id", Hex(certificate.certifying_id()).to_string());
    match certificate.key() {
        Ok(key) => rsa(&mut fields, &key),
        Err(why) => {
            fields.add("key", Value::Null);
            faults.push(why.to_string());
        }
    }
    let amd = Trust::amd();
    // Without roots beside AMD's, each that is trusted is a product's.
    let name = |product: Option<Product>| product.map_or("no product", Product::name);
    let state = match (certificate.usage(), ark) {
        (Usage::ARK, _) => match certificate.validate_root(&amd) {
            Ok(product) => format!("valid under itself, and AMD's ARK of {}", name(product)),
            Err(CertificateError::Root { .. }) => "valid under itself, and none of AMD's".into(),
            // No other is read without a signature.
            Err(CertificateError::NoSignature) => "none, and AMD's ARK of Naples".into(),
            Err(why) => format!("not valid under itself: {why}"),
        },
        (_, Some(ark)) => verdict(certificate.validate(&ark), "ARK"),
        (_, None) => match amd.product_of_ask(certificate) {
            Ok(product) => format!("valid under AMD's ARK of {}", name(product)),
            Err(why) => format!("not valid: {why}"),
        },
    };
    fields.add("signature", state);
    faults.extend(version_fault(certificate.version()));
    if let Err(why) = certificate.check_form() {
        faults.push(why.to_string());
    }
    fields.add("faults", faults);
    fields.add("sha256", Hex(&Sha256::digest(certificate.as_bytes())).to_string());
    fields
}
