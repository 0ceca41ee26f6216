//! The answers of `vectors/memory`, which a second implementation computed.

use serde::Deserialize;
use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::{Backend, Key, Page};
use sha2::{Digest, Sha256};

use crate::{at, backends, hex};

#[derive(Deserialize)]
struct File {
    profile: Vec<Profile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Profile {
    mode: String,
    key: String,
    tweak_key: Option<String>,
    unit: Option<usize>,
    seed: Option<String>,
    answer: Vec<Answer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Answer {
    address: u64,
    tweak: String,
    block: String,
    line: String,
    page_line: String,
    page_sha256: String,
}

impl Profile {
    fn cipher(&self, backend: Backend) -> MemoryCipher {
        let (key, tweak_key) = (hex(&self.key), self.tweak_key.as_deref().map(hex));
        let unit = match self.unit {
            Some(64) => XtsUnit::Line,
            _ => XtsUnit::Page,
        };
        let tweak = match (&tweak_key, &self.seed) {
            (Some(key), _) => Tweak::xts(aes_key(key), unit, backend),
            (None, Some(seed)) => Tweak::from_seed(&hex(seed)),
            (None, None) => Tweak::zen1(),
        };
        match self.mode.as_str() {
            "xe" => MemoryCipher::xe(aes_key(&key), tweak, backend),
            "xex" => MemoryCipher::xex(aes_key(&key), tweak, backend),
            "xts" => MemoryCipher::xts(aes_key(&key), tweak, backend),
            other => panic!("no mode {other}"),
        }
        .expect("keys and tweak fit")
    }
}

fn aes_key(bytes: &[u8]) -> Key<'_> {
    match bytes.len() {
        16 => Key::Aes128(bytes.try_into().unwrap()),
        _ => Key::Aes256(bytes.try_into().expect("16 or 32 bytes")),
    }
}

fn pattern() -> Page {
    std::array::from_fn(|i| (7 * i + (i >> 8)) as u8)
}

#[test]
fn every_profile_at_every_address() {
    let file: File =
        toml::from_str(include_str!("../../vectors/memory/known_answers.toml")).unwrap();
    assert_eq!(file.profile.len(), 9);
    let pattern = pattern();
    for backend in backends() {
        for profile in &file.profile {
            let cipher = profile.cipher(backend);
            for answer in &profile.answer {
                let (addr, what) =
                    (at(answer.address), format!("{cipher:?} at {:#x}", answer.address));
                let encrypted = |addr, plain: &[u8]| {
                    let mut memory = plain.to_vec();
                    cipher.encrypt(addr, &mut memory[..]).unwrap();
                    let mut back = memory.clone();
                    cipher.decrypt(addr, &mut back[..]).unwrap();
                    assert_eq!(back, plain, "{what}: decrypted");
                    memory
                };
                assert_eq!(
                    cipher.tweak().value(addr).unwrap().to_vec(),
                    hex(&answer.tweak),
                    "{what}: tweak"
                );
                assert_eq!(encrypted(addr, &pattern[..16]), hex(&answer.block), "{what}: block");
                let line = at(answer.address & !0x3f);
                assert_eq!(encrypted(line, &pattern[..64]), hex(&answer.line), "{what}: line");
                let page_line = encrypted(addr.page(), &pattern[..64]);
                assert_eq!(page_line, hex(&answer.page_line), "{what}: line of the page");
                let page = Sha256::digest(encrypted(addr.page(), &pattern)).to_vec();
                assert_eq!(page, hex(&answer.page_sha256), "{what}: page");
            }
        }
    }
}

/// `memory-encryption.md`, section 3: tweak values beside those of the file.
#[test]
fn tweak_values() {
    for (addr, word) in [(0x1230, "6eaebda6"), (0x1234_5670, "e44661d5"), (0xffff_fff0, "ecd0d382")]
    {
        let value = Tweak::zen1().value(at(addr)).unwrap();
        assert_eq!(value.to_vec(), hex(&word.repeat(4)), "Zen 1 at {addr:#x}");
    }
    let model = Tweak::from_seed(b"example");
    for (addr, value) in [
        (1 << 4, "4c772633ba4e1177430bbdb75fc224e4"),
        (1 << 12, "746b5b38333278db16e7bf73db1b078b"),
        (1 << 40, "79788b6752deffaa2dd55d1c312fba51"),
        (1 << 51, "3d46be7344372f701a50b65c8ca4a1a6"),
        (0x1234_5670, "c874bd69e9ca3c2422c9fe397287881c"),
        (0x123_4567_8000, "79cda8dd8e570708e267451f5373ba1e"),
        (0xf_ffff_ffff_fff0, "522b5315551dfc7ed93d6a6ec5b69d1b"),
    ] {
        assert_eq!(model.value(at(addr)).unwrap().to_vec(), hex(value), "model at {addr:#x}");
    }
}

/// The whitening of a block is 16 bytes that no other block of its page has (sheet, section 2.1).
#[test]
fn in_page_tweaks_are_distinct() {
    for tweak in [Tweak::zen1(), Tweak::from_seed(b"example")] {
        let values: std::collections::BTreeSet<_> =
            (0..256).map(|block| tweak.value(at(0x7000 + 16 * block)).unwrap()).collect();
        assert_eq!(values.len(), 256);
    }
}
