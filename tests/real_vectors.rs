//! Real artefacts, which are not part of this repository: `vectors/real.toml` lists them.

#![allow(missing_docs, reason = "tests")]

#[path = "support/real.rs"]
mod real;

use std::fs;

use serde::Deserialize;
use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::{Backend, PhysAddr};
use sha2::{Digest, Sha256};

use real::folder;

#[derive(Deserialize)]
struct List {
    vector: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    file: String,
    sha256: String,
    bytes: u64,
    repository: String,
    path: String,
}

fn list() -> Vec<Vector> {
    toml::from_str::<List>(include_str!("../vectors/real.toml")).expect("vectors/real.toml").vector
}

#[test]
fn every_real_vector_is_the_listed_one() {
    let vectors = list();
    assert!(vectors.iter().all(|v| v.repository.contains('/') && !v.path.is_empty()));
    let Some(folder) = folder("every_real_vector_is_the_listed_one") else { return };
    for Vector { file, sha256, bytes, .. } in vectors {
        let content = fs::read(folder.join(&file)).unwrap_or_else(|why| panic!("{file}: {why}"));
        assert_eq!(content.len() as u64, bytes, "{file}");
        let digest = base16ct::lower::encode_string(&Sha256::digest(&content));
        assert_eq!(digest, sha256, "{file}");
    }
}

/// Every mode on a real firmware image: each backend as the portable one, and back.
#[test]
fn a_firmware_image() {
    let Some(folder) = folder("a_firmware_image") else { return };
    let image = fs::read(folder.join("measurement/svsm_ovmf.fd")).unwrap();
    let below_4_gib = PhysAddr::new((1 << 32) - image.len() as u64).unwrap();
    let ciphers = |backend| {
        let (short, long) = ([1; 16], [1; 32]);
        [
            MemoryCipher::xe(&short, Tweak::zen1(), backend),
            MemoryCipher::xex(&short, Tweak::zen1(), backend),
            MemoryCipher::xex(&long, Tweak::from_seed(b"boot"), backend),
            MemoryCipher::xts(&short, Tweak::xts(&[2; 16], XtsUnit::Page, backend), backend),
            MemoryCipher::xts(&long, Tweak::xts(&[2; 32], XtsUnit::Page, backend), backend),
            MemoryCipher::xts(&short, Tweak::xts(&[2; 16], XtsUnit::Line, backend), backend),
            MemoryCipher::xts(&long, Tweak::xts(&[2; 32], XtsUnit::Line, backend), backend),
        ]
        .map(|cipher| cipher.expect("keys and tweak fit"))
    };
    let portable = ciphers(Backend::portable()).map(|cipher| {
        let mut memory = image.clone();
        cipher.encrypt(below_4_gib, &mut memory[..]).unwrap();
        memory
    });
    for backend in Backend::available() {
        for (cipher, wanted) in ciphers(backend).iter().zip(&portable) {
            let mut memory = image.clone();
            cipher.encrypt(below_4_gib, &mut memory[..]).unwrap();
            assert!(memory == *wanted, "{cipher:?} encrypts as the portable definition");
            cipher.decrypt(below_4_gib, &mut memory[..]).unwrap();
            assert!(memory == image, "{cipher:?} gives the image back");
        }
    }
}
