//! `sevcrypt certs`: certificates, revocation lists, and the table in which hosts hand them to guests.

pub(crate) mod legacy;

use std::borrow::Cow;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};
use sevcrypt::Hex;
use sevcrypt::snp::cert_table::{self, CertTable, Entry, EntryKind, ExtraPlatformInfo};
use sevcrypt::snp::certs::{Bundle, Identity, Parsed, Role};
use sevcrypt::snp::tcb::CpuModel;
use sevcrypt::x509::{AmdExtensions, Blob, Certificate, Crl, PublicKey, UtcTime, split};
use sha2::{Digest, Sha256, Sha384};

use crate::failure::Failure;
use crate::input::Content;
use crate::output::{self, Fields, Piece, Readers};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// What certificates and revocation lists say: DER, PEM, bundles, certificate tables, Azure THIM JSON; those of SEV and
    /// SEV-ES platforms and their chains, with what vouches for each
    Show(ShowOptions),
    /// A GHCB certificate table into vcek.der, vlek.der, ask.der (ASK or ASVK), ark.der and crl.der; a chain of SEV and
    /// SEV-ES into pdh.cert, pek.cert, oca.cert, cek.cert, ask.cert and ark.cert
    Export(ExportOptions),
    /// A GHCB certificate table from such files
    Import(ImportOptions),
}

#[derive(Args)]
pub(crate) struct ShowOptions {
    /// File; - is standard input
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct ExportOptions {
    /// Certificate table, such as auxblob of configfs-tsm, or chain; - is standard input
    table: PathBuf,
    /// Directory to write into; made if it is not there
    dir: PathBuf,
}

#[derive(Args)]
pub(crate) struct ImportOptions {
    /// Directory with some of the files, each with one certificate or revocation list, DER or PEM
    dir: PathBuf,
    /// Certificate table to write; - is standard output
    table: PathBuf,
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Show(options) => show(options),
        Command::Export(options) => export(options),
        Command::Import(options) => import(options),
    }
}

/// What Azure's THIM service answers, as far as it is certificates.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thim {
    vcek_cert: String,
    #[serde(default)]
    certificate_chain: String,
}

/// The content in a form that [`Bundle::add`] takes: THIM's JSON becomes the PEM in it, text becomes binary.
fn plain(content: &Content) -> Result<Cow<'_, [u8]>, Failure> {
    if content.bytes.trim_ascii_start().starts_with(b"{") {
        let thim: Thim = serde_json::from_slice(&content.bytes).map_err(|why| {
            content.malformed(format_args!("JSON, but no answer of Azure's THIM service: {why}"))
        })?;
        return Ok(Cow::Owned([thim.vcek_cert, thim.certificate_chain].join("\n").into_bytes()));
    }
    const PEM: &[u8] = b"-----BEGIN ";
    match content.bytes.windows(PEM.len()).any(|window| window == PEM) {
        true => Ok(Cow::Borrowed(&content.bytes)),
        false => content.binary(),
    }
}

/// What each file must hold at least. Roles come from the content; but an option that adds nothing of its kind does not
/// do what it was given for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    Anything,
    Certificate,
    Crl,
}

/// Certificates and revocation lists from files of any form, each kept with its file for what is wrong with it.
pub(crate) struct Bundles<'c>(Vec<(&'c Content, Bundle)>);

impl<'c> Bundles<'c> {
    pub(crate) fn read(contents: impl IntoIterator<Item = &'c Content>) -> Result<Self, Failure> {
        let read = |content: &'c Content| {
            let mut bundle = Bundle::default();
            bundle.add(&plain(content)?).map_err(|why| content.malformed(why))?;
            Ok((content, bundle))
        };
        contents.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// All of them, and for each certificate the name of its file.
    pub(crate) fn parse(&self, holds: Holds) -> Result<(Parsed<'_>, Vec<&str>), Failure> {
        let mut all = Parsed { certificates: Vec::new(), crls: Vec::new() };
        let mut names = Vec::new();
        for (content, bundle) in &self.0 {
            let parsed = bundle.parse().map_err(|why| content.malformed(why))?;
            if holds == Holds::Certificate && parsed.certificates.is_empty() {
                return Err(content.malformed("no certificate in it"));
            }
            if holds == Holds::Crl && parsed.crls.is_empty() {
                return Err(content.malformed("no revocation list in it"));
            }
            names.extend(parsed.certificates.iter().map(|_| content.name.as_str()));
            all.certificates.extend(parsed.certificates);
            all.crls.extend(parsed.crls);
        }
        Ok((all, names))
    }
}

fn show(options: &ShowOptions) -> Result<(), Failure> {
    let content = Content::read(&options.file)?;
    let plain = plain(&content)?;
    let documents = match table(&plain) {
        Some(table) => table_documents(&content, &table)?,
        None if legacy::begins(&plain) => legacy::documents(&content, &plain, options.json)?,
        None => documents(&content, &plain)?,
    };
    if options.json {
        return output::json(&documents);
    }
    let mut out = io::stdout().lock();
    if documents.is_empty() {
        writeln!(out, "an empty certificate table: the host has no certificates")?;
    }
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        document.print(&mut out)?;
    }
    Ok(())
}

/// A certificate table, if these bytes can be nothing else.
fn table(plain: &[u8]) -> Option<CertTable<'_>> {
    // What begins with a SEQUENCE or text is a certificate, and an error in it is the one to tell.
    let begins_otherwise = !plain.starts_with(b"\x30") && !plain.starts_with(b"-");
    CertTable::parse(plain).ok().filter(|_| begins_otherwise)
}

fn table_documents(content: &Content, table: &CertTable<'_>) -> Result<Vec<Fields>, Failure> {
    let mut all = Vec::new();
    for (index, entry) in table.entries().enumerate() {
        let mut entries = match file_name(entry.kind) {
            Some(_) => documents(content, entry.data)?,
            None => vec![other_entry(entry.kind, entry.data)],
        };
        for document in &mut entries {
            document.add("table_entry", index);
            document.add("guid", entry.guid.to_string());
        }
        all.append(&mut entries);
    }
    Ok(all)
}

/// An entry that is no certificate.
fn other_entry(kind: EntryKind, data: &[u8]) -> Fields {
    let mut fields = Fields::default();
    match ExtraPlatformInfo::parse(data) {
        Ok(info) if kind == EntryKind::ExtraPlatformInfo => {
            fields.add("type", "extra platform information");
            fields.add("cpu", CpuModel::from_eax(info.cpuid_1_eax()).to_string());
        }
        _ => fields.add("type", "unknown"),
    }
    fields.add("length", data.len());
    fields
}

fn documents(content: &Content, plain: &[u8]) -> Result<Vec<Fields>, Failure> {
    let blobs = split(plain).map_err(|why| content.malformed(why))?;
    let document = |blob: &Blob| {
        let document = match blob {
            Blob::Certificate(der) => Certificate::from_der(der).map(|parsed| certificate(&parsed)),
            Blob::Crl(der) => Crl::from_der(der).map(|parsed| crl(&parsed)),
            _ => return Err(content.malformed("neither a certificate nor a revocation list")),
        };
        document.map_err(|why| content.malformed(why))
    };
    blobs.iter().map(document).collect()
}

fn certificate(certificate: &Certificate<'_>) -> Fields {
    let identity = Identity::of(certificate);
    let validity = certificate.validity();
    let constraints = certificate.basic_constraints();
    let mut fields = Fields::default();
    fields.add("type", "certificate");
    fields.add("role", identity.map(|identity| identity.role.to_string()));
    fields.add("product", identity.map(|identity| identity.product));
    fields.add("subject", certificate.subject().to_string());
    fields.add("issuer", certificate.issuer().to_string());
    fields.add("serial", certificate.serial().to_string());
    fields.add("not_before", UtcTime(validity.not_before).to_string());
    fields.add("not_after", UtcTime(validity.not_after).to_string());
    fields.add("key", key(certificate.public_key()));
    fields.add("ca", constraints.is_some_and(|constraints| constraints.ca));
    fields.add("path_length", constraints.and_then(|constraints| constraints.path_len));
    fields.add("amd_extensions", extensions(&certificate.amd()));
    fields.add("sha256", Hex(&Sha256::digest(certificate.der())).to_string());
    fields.add("spki_sha384", Hex(&Sha384::digest(certificate.spki())).to_string());
    fields
}

fn key(key: PublicKey<'_>) -> String {
    match key {
        PublicKey::Rsa(key) => format!("RSA {}", key.modulus().len() * 8),
        PublicKey::P384(_) => "P-384".to_owned(),
        _ => "of another kind".to_owned(),
    }
}

/// AMD's extensions that are there, by AMD's names.
fn extensions(amd: &AmdExtensions<'_>) -> Value {
    let numbers = [
        ("structVersion", amd.struct_version),
        ("fmcSPL", amd.fmc_spl),
        ("blSPL", amd.bl_spl),
        ("teeSPL", amd.tee_spl),
        ("snpSPL", amd.snp_spl),
        ("spl4", amd.spl4),
        ("spl5", amd.spl5),
        ("spl6", amd.spl6),
        ("spl7", amd.spl7),
        ("ucodeSPL", amd.ucode_spl),
    ];
    let texts = [
        ("productName", amd.product_name.map(str::to_owned)),
        ("hwID", amd.hw_id.map(|id| Hex(id).to_string())),
        ("cspID", amd.csp_id.map(str::to_owned)),
    ];
    let numbers = numbers.into_iter().filter_map(|(name, number)| Some((name, number?.into())));
    let texts = texts.into_iter().filter_map(|(name, text)| Some((name, Value::from(text?))));
    numbers.chain(texts).collect()
}

fn crl(crl: &Crl<'_>) -> Fields {
    let revoked = crl.entries().map(|entry| {
        let date = UtcTime(entry.revocation_date).to_string();
        json!({ "serial": entry.serial.to_string(), "date": date, "reason": entry.reason })
    });
    let mut fields = Fields::default();
    fields.add("type", "revocation list");
    fields.add("issuer", crl.issuer().to_string());
    fields.add("number", crl.number().map(|number| number.to_string()));
    fields.add("this_update", UtcTime(crl.this_update()).to_string());
    fields.add("next_update", crl.next_update().map(|time| UtcTime(time).to_string()));
    fields.add("revoked", revoked.collect::<Vec<_>>());
    fields.add("sha256", Hex(&Sha256::digest(crl.der())).to_string());
    fields
}

/// The entries of a table that are files, and their names.
const FILES: [(EntryKind, &str); 5] = [
    (EntryKind::Vcek, "vcek.der"),
    (EntryKind::Vlek, "vlek.der"),
    (EntryKind::Ask, "ask.der"),
    (EntryKind::Ark, "ark.der"),
    (EntryKind::Crl, "crl.der"),
];

fn file_name(kind: EntryKind) -> Option<&'static str> {
    FILES.into_iter().find(|(file, _)| *file == kind).map(|(_, name)| name)
}

fn export(options: &ExportOptions) -> Result<(), Failure> {
    let content = Content::read(&options.table)?;
    let bytes = content.binary()?;
    if table(&bytes).is_none() && legacy::begins(&bytes) {
        return write_files(&options.dir, &legacy::pieces(&content, &bytes)?);
    }
    let table = CertTable::parse(&bytes).map_err(|why| content.malformed(why))?;
    let (files, others): (Vec<_>, Vec<_>) =
        table.entries().partition(|entry| file_name(entry.kind).is_some());
    for entry in others {
        eprintln!("note: entry {} is no certificate, and not written", entry.guid);
    }
    if files.is_empty() {
        return Err(Failure::usage(format_args!(
            "{}: the table has no certificates; nothing is written",
            content.name
        )));
    }
    let named = |entry: &Entry<'_>| Some((file_name(entry.kind)?, entry.data.to_vec()));
    write_files(&options.dir, &files.iter().filter_map(named).collect::<Vec<_>>())
}

/// Writes files of these names into a directory.
fn write_files(dir: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), Failure> {
    fs::create_dir_all(dir)
        .map_err(|error| Failure::usage(format_args!("{}: {error}", dir.display())))?;
    let pieces = files.iter().map(|(name, bytes)| {
        let (path, readers) = (dir.join(name), Readers::Anyone);
        Piece { path, bytes, readers }
    });
    output::write_files(&pieces.collect::<Vec<_>>())
}

fn import(options: &ImportOptions) -> Result<(), Failure> {
    let mut entries = Vec::new();
    for (kind, name) in FILES {
        let path = options.dir.join(name);
        if path.try_exists().is_ok_and(|exists| !exists) {
            continue;
        }
        entries.push((kind, entry(kind, &path)?));
    }
    if entries.is_empty() {
        let names = FILES.map(|(_, name)| name).join(", ");
        return Err(Failure::usage(format_args!(
            "{}: none of {names} is there; nothing is written",
            options.dir.display()
        )));
    }
    let entries: Vec<_> = entries.iter().map(|(kind, der)| (*kind, der.as_slice())).collect();
    let len = cert_table::written_len(&entries).map_err(Failure::usage)?;
    let mut table = vec![0; len];
    cert_table::write(&entries, &mut table).map_err(Failure::usage)?;
    output::write_file(&options.table, &table)
}

/// The DER of one file, which must hold what its name says.
fn entry(kind: EntryKind, path: &Path) -> Result<Vec<u8>, Failure> {
    let content = Content::read(path)?;
    let mut blobs = split(&plain(&content)?).map_err(|why| content.malformed(why))?;
    let (Some(blob), true) = (blobs.pop(), blobs.is_empty()) else {
        return Err(content.malformed("several certificates, expected one"));
    };
    let (der, found) = match blob {
        Blob::Certificate(der) => {
            let certificate = Certificate::from_der(&der).map_err(|why| content.malformed(why))?;
            let role = Identity::of(&certificate).map(|identity| identity.role);
            let found =
                role.map_or("a certificate of no role".to_owned(), |role| format!("{role}"));
            (role.is_some_and(|role| kind_of(role) == kind).then_some(der), found)
        }
        Blob::Crl(der) => {
            Crl::from_der(&der).map_err(|why| content.malformed(why))?;
            ((kind == EntryKind::Crl).then_some(der), "a revocation list".to_owned())
        }
        _ => (None, "neither a certificate nor a revocation list".to_owned()),
    };
    der.ok_or_else(|| {
        content.malformed(format_args!("holds {found}, which is not what its name says"))
    })
}

fn kind_of(role: Role) -> EntryKind {
    match role {
        Role::Vcek => EntryKind::Vcek,
        Role::Vlek => EntryKind::Vlek,
        Role::Ask | Role::Asvk => EntryKind::Ask,
        Role::Ark => EntryKind::Ark,
        _ => EntryKind::Unknown,
    }
}
