//! Certificates of SEV and SEV-ES from files: of a platform (PDH, PEK, OCA, CEK), and AMD's (ASK, ARK).

use std::path::PathBuf;

use sevcrypt::sev::cert::{
    self, AmdCertificate, Certificate, PlatformCertificates, Trust, Usage, VerifiedPlatform,
};

use crate::failure::Failure;
use crate::input::Content;

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
}

/// A certificate, in either of the two formats.
pub(crate) enum Item<'b> {
    Sev(Certificate),
    Amd(AmdCertificate<'b>),
}

/// Whether bytes begin as a certificate of SEV does, of either format: VERSION 1. Nothing else that `certs` reads does.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&[1, 0, 0, 0])
}

/// The certificates that stand one behind the other in some bytes, each with its offset.
pub(crate) fn items(bytes: &[u8]) -> Result<Vec<(usize, Item<'_>)>, String> {
    let (mut items, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let offset = bytes.len() - rest.len();
        let item;
        (item, rest) = first(rest).map_err(|why| format!("at byte {offset:#x}: {why}"))?;
        items.push((offset, item));
    }
    match items.is_empty() {
        true => Err("no certificate in it".to_owned()),
        false => Ok(items),
    }
}

/// The first certificate, and what stands behind it.
fn first(bytes: &[u8]) -> Result<(Item<'_>, &[u8]), String> {
    // Where one format has the usage of its key, the other has some of the bytes of KEY_ID.
    let usage = bytes.get(8..12).and_then(|usage| usage.try_into().ok()).map(u32::from_le_bytes);
    if matches!(usage, Some(0x1000..=0x1004)) {
        let (certificate, rest) = bytes.split_at_checked(Certificate::LEN).unwrap_or((bytes, &[]));
        let certificate = Certificate::parse(certificate).map_err(|why| why.to_string())?;
        return Ok((Item::Sev(certificate), rest));
    }
    let (certificate, rest) = AmdCertificate::parse(bytes).map_err(|why| why.to_string())?;
    Ok((Item::Amd(certificate), rest))
}

/// Certificates that were given, each with its file's name.
#[derive(Default)]
pub(crate) struct Given<'f> {
    platform: Vec<(&'f str, Certificate)>,
    amd: Vec<(&'f str, AmdCertificate<'f>)>,
}

impl<'f> Given<'f> {
    pub(crate) fn parse(files: &'f Files) -> Result<Self, Failure> {
        let mut given = Self::default();
        for (name, bytes) in &files.0 {
            let items = items(bytes);
            for (_, item) in items.map_err(|why| Failure::malformed(format_args!("{name}: {why}")))? {
                match item {
                    Item::Sev(certificate) => given.platform.push((name, certificate)),
                    Item::Amd(certificate) => given.amd.push((name, certificate)),
                }
            }
        }
        Ok(given)
    }
}

impl Given<'_> {
    /// The certificate of a usage, and its file's name.
    pub(crate) fn the(&self, _usage: Usage) -> Result<(&str, &Certificate), Failure> {
        todo!()
    }

    pub(crate) fn verify(&self, _roots: &Given<'_>) -> Result<VerifiedPlatform, Failure> {
        todo!()
    }
}

pub(crate) struct Pek { pub(crate) key: sevcrypt::ecdsa::VerifyingKey, pub(crate) product: sevcrypt::sev::cert::Product }
impl Given<'_> {
    pub(crate) fn verify_pek(&self, _roots: &Given<'_>) -> Result<Pek, Failure> { todo!() }
}
