//! Launches whose digests measuring tools publish in their tests, or have computed (`measurement/expected.json`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::folder;

#[derive(Deserialize)]
pub(crate) struct Cases {
    synthetic_files: BTreeMap<String, SyntheticFile>,
    pub(crate) firmware: BTreeMap<String, Firmware>,
    published: Vec<Case>,
    computed_with_sev_snp_measure_0_0_13: Vec<Case>,
    #[serde(skip)]
    folder: PathBuf,
}

#[derive(Deserialize)]
struct SyntheticFile {
    seed: String,
    size: usize,
    sha256: String,
}

#[derive(Deserialize)]
pub(crate) struct Firmware {
    /// Of the image's pages alone, under SEV-SNP.
    pub(crate) launch_digest_of_firmware_only_snp: String,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: Option<String>,
    pub(crate) mode: Mode,
    pub(crate) vcpus: u32,
    pub(crate) vcpu_sig: Option<String>,
    pub(crate) firmware: String,
    pub(crate) kernel: Option<String>,
    pub(crate) initrd: Option<String>,
    pub(crate) cmdline: Option<String>,
    pub(crate) guest_features: String,
    pub(crate) vmm: String,
    pub(crate) precomputed_ovmf_hash: Option<String>,
    pub(crate) svsm: Option<String>,
    pub(crate) vars_size: Option<u64>,
    pub(crate) expected: Option<String>,
    pub(crate) expected_error: Option<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Mode {
    Sev,
    SevEs,
    SevSnp,
    SevSnpSvsm,
}

/// All cases; nothing where there are no real vectors, which is said.
pub(crate) fn cases(test: &str) -> Option<Cases> {
    let folder = folder::folder(test)?.join("measurement");
    let text = fs::read_to_string(folder.join("expected.json")).unwrap();
    let cases: Cases = serde_json::from_str(&text).unwrap();
    Some(Cases { folder, ..cases })
}

impl Cases {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Case> {
        self.published.iter().chain(&self.computed_with_sev_snp_measure_0_0_13)
    }

    /// Where a real image is.
    pub(crate) fn path(&self, image: &str) -> PathBuf {
        self.folder.join(image)
    }

    pub(crate) fn image(&self, image: &str) -> Vec<u8> {
        let path: &Path = &self.path(image);
        fs::read(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
    }

    /// The content of a kernel or an initrd.
    pub(crate) fn content(&self, name: &str) -> Vec<u8> {
        if name == "empty file" {
            return Vec::new();
        }
        let SyntheticFile { seed, size, sha256 } = &self.synthetic_files[name];
        let block = |number| <[u8; 32]>::from(Sha256::digest(format!("{seed}{number}")));
        let content: Vec<u8> = (0_u32..).flat_map(block).take(*size).collect();
        assert_eq!(base16ct::lower::encode_string(&Sha256::digest(&content)), *sha256);
        content
    }
}
