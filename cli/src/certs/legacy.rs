//! Certificates of SEV and SEV-ES from files: of a platform (PDH, PEK, OCA, CEK), and AMD's (ASK, ARK).

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

/// The bytes of files, which their certificates borrow.
pub(crate) struct Files(Vec<(String, Vec<u8>)>);

impl Files {
    /// Reads files; `-` is standard input.
    pub(crate) fn read<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> Result<Self, Failure> {
        let read = |path: &'p PathBuf| {
            let content = Content::read(path)?;
            let bytes = content.binary()?.into_owned();
            Ok((content.name, bytes))
        };
        paths.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The certificates of all files together.
    pub(crate) fn platform(&self) -> Result<Platform<'_>, Failure> {
        let mut bundle = Bundle::default();
        for (name, bytes) in &self.0 {
            add(&mut bundle, bytes).map_err(|why| malformed(name, why))?;
        }
        let names: Vec<_> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        Ok(Platform { bundle, names: names.join(", ") })
    }

    /// ARKs, each in its file.
    pub(crate) fn roots(&self) -> Result<Vec<AmdCertificate<'_>>, Failure> {
        let mut roots = Vec::new();
        for (name, bytes) in &self.0 {
            let mut bundle = Bundle::default();
            add(&mut bundle, bytes).map_err(|why| malformed(name, why))?;
            roots.push(bundle.amd().ark.ok_or_else(|| malformed(name, "no ARK in it"))?);
        }
        Ok(roots)
    }
}

fn malformed(name: &str, why: impl std::fmt::Display) -> Failure {
    Failure::malformed(format_args!("{name}: {why}"))
}

fn add<'b>(bundle: &mut Bundle<'b>, bytes: &'b [u8]) -> Result<(), String> {
    match bytes.is_empty() {
        true => Err("no certificate in it".to_owned()),
        false => bundle.add(bytes).map_err(|why| why.to_string()),
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
        let pdh =
            PdhKey::unauthenticated(self.pdh()?).map_err(|why| malformed(&self.names, why))?;
        eprintln!(
            "note: {}: not verified; whoever made this PDH can read what the session protects",
            self.names
        );
        Ok(pdh)
    }

    /// The key of the PEK, for which nothing vouches.
    pub(crate) fn unauthenticated_pek(&self) -> Result<VerifyingKey, Failure> {
        let key = self.pek()?.key().map_err(|why| malformed(&self.names, why))?;
        let PublicKey::Ecdsa(key) = key else {
            return Err(malformed(&self.names, "the PEK has no key that signs"));
        };
        eprintln!("note: {}: not verified; --chain says who vouches for this PEK", self.names);
        Ok(key)
    }

    fn pdh(&self) -> Result<&Certificate, Failure> {
        self.bundle.pdh().ok_or_else(|| malformed(&self.names, "no PDH in it"))
    }

    fn pek(&self) -> Result<&Certificate, Failure> {
        self.bundle.pek().ok_or_else(|| malformed(&self.names, "no PEK in it"))
    }

    /// The platform, verified down to AMD's keys and these roots.
    pub(crate) fn verify(&self, roots: &[AmdCertificate<'_>]) -> Result<VerifiedPlatform, Failure> {
        self.pdh()?;
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

/// Whether bytes begin as a certificate of SEV does, of either format: VERSION 1. DER, PEM and JSON do not.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&[1, 0, 0, 0])
}

/// The certificates of a file, and the names that each has as a file of its own.
pub(super) fn pieces(
    content: &Content,
    bytes: &[u8],
) -> Result<Vec<(&'static str, Vec<u8>)>, Failure> {
    let mut bundle = Bundle::default();
    add(&mut bundle, bytes).map_err(|why| content.malformed(why))?;
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

/// What each certificate of a file says, and what vouches for it: other certificates of the file, and AMD's keys.
pub(super) fn documents(content: &Content, bytes: &[u8]) -> Result<Vec<Fields>, Failure> {
    let mut bundle = Bundle::default();
    add(&mut bundle, bytes).map_err(|why| content.malformed(why))?;
    let sev = [bundle.pdh(), bundle.pek(), bundle.oca(), bundle.cek()].into_iter().flatten();
    let sev = sev.map(|certificate| sev_document(certificate, &bundle));
    let AmdCertificates { ask, ark } = bundle.amd();
    let amd = [ask, ark].into_iter().flatten();
    Ok(sev.chain(amd.map(|certificate| amd_document(&certificate, ark))).collect())
}

fn sev_document(certificate: &Certificate, bundle: &Bundle<'_>) -> Fields {
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
    let signatures = slots.map(|(number, slot)| signature(certificate, number, &slot, bundle));
    fields.add("signatures", signatures.collect::<Vec<_>>());
    if let Err(why) = certificate.check_form() {
        faults.push(why.to_string());
    }
    fields.add("faults", faults);
    fields.add("sha256", Hex(&Sha256::digest(certificate.as_bytes())).to_string());
    fields
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

/// A place for a signature, and whether what is there is one.
fn signature(certificate: &Certificate, slot: u32, of: &Slot<'_>, bundle: &Bundle<'_>) -> Value {
    if of.is_empty() {
        return json!({ "slot": slot, "state": "empty" });
    }
    let own = match of.usage {
        Usage::OCA => bundle.oca(),
        Usage::PEK => bundle.pek(),
        Usage::CEK => bundle.cek(),
        _ => None,
    };
    let usage = of.usage;
    let state = match (usage, own, bundle.amd().ask) {
        (Usage::ASK, _, Some(ask)) => {
            verdict(certificate.validate_by_ask(&ask), "the ASK of this file")
        }
        (Usage::ASK, _, None) => match Trust::amd().product_of_cek(certificate) {
            Ok(product) => format!("valid under AMD's ASK of {product}"),
            Err(why) => format!("not valid: {why}"),
        },
        (_, Some(signer), _) => {
            verdict(certificate.validate(signer), &format!("the {usage} of this file"))
        }
        (_, None, _) => format!("not checked: no certificate of usage {usage} in this file"),
    };
    json!({ "slot": slot, "usage": usage.to_string(), "algorithm": of.algorithm.to_string(), "state": state })
}

fn verdict(checked: Result<(), impl std::fmt::Display>, under: &str) -> String {
    match checked {
        Ok(()) => format!("valid under {under}"),
        Err(why) => format!("not valid under {under}: {why}"),
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
    let state = match (certificate.usage(), ark) {
        (Usage::ARK, _) => match certificate.validate_root(&amd) {
            Ok(Some(product)) => format!("valid under itself, and AMD's ARK of {product}"),
            Ok(None) | Err(CertificateError::Root { .. }) => {
                "valid under itself, and none of AMD's".to_owned()
            }
            Err(CertificateError::NoSignature) => "none, and AMD's ARK of Naples".to_owned(),
            Err(why) => format!("not valid under itself: {why}"),
        },
        (_, Some(ark)) => verdict(certificate.validate(&ark), "the ARK of this file"),
        (_, None) => match amd.product_of_ask(certificate) {
            Ok(Some(product)) => format!("valid under AMD's ARK of {product}"),
            Ok(None) => "valid".to_owned(),
            Err(why) => format!("not valid: {why}"),
        },
    };
    fields.add("signature", state);
    if let Err(why) = certificate.check_form() {
        faults.push(why.to_string());
    }
    fields.add("faults", faults);
    fields.add("sha256", Hex(&Sha256::digest(certificate.as_bytes())).to_string());
    fields
}
