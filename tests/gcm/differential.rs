//! Against the crate `aes-gcm`: every length, every place in memory.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use proptest::prelude::*;
use sevcrypt::gcm::{Nonce, Tag};

use crate::{every_key, painted};

const KEY: [u8; 32] = *b"a key that is compared in public";
const NONCE: Nonce = *b"once or less";

/// What the other crate makes of a text.
fn reference(key: &[u8], nonce: &Nonce, aad: &[u8], text: &[u8]) -> (Vec<u8>, Tag) {
    let mut bytes = text.to_vec();
    let (nonce, buffer) = (nonce.into(), bytes.as_mut_slice().into());
    let tag = match key.len() {
        16 => Aes128Gcm::new_from_slice(key).unwrap().encrypt_inout_detached(nonce, aad, buffer),
        _ => Aes256Gcm::new_from_slice(key).unwrap().encrypt_inout_detached(nonce, aad, buffer),
    };
    (bytes, tag.unwrap().into())
}

/// Memory with a text at `offset` from a line's first byte, and bytes around it that must stay.
struct Place {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

const AROUND: u8 = 0xa5;

impl Place {
    fn new(offset: usize, text: &[u8]) -> Self {
        let mut memory = vec![AROUND; text.len() + 3 * 64];
        let start = 64 + memory.as_ptr().align_offset(64) + offset % 64;
        memory[start..][..text.len()].copy_from_slice(text);
        Self { memory, start, len: text.len() }
    }

    fn text(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..][..self.len]
    }

    /// The text, if nothing else has changed.
    #[track_caller]
    fn only(&self, what: &str) -> &[u8] {
        let (before, rest) = self.memory.split_at(self.start);
        let (text, after) = rest.split_at(self.len);
        assert!(before.iter().chain(after).all(|byte| *byte == AROUND), "{what}: around the text");
        text
    }
}

/// Every key of the bytes seals to what the other crate seals to, in place and from one place to another, and opens it.
fn check(key: &[u8], nonce: &Nonce, aad: &[u8], text: &[u8], offset: usize) {
    let (ciphertext, tag) = reference(key, nonce, aad, text);
    let aad_place = Place::new(offset + 5, aad);
    let aad = aad_place.only("additional data");
    for (name, key) in every_key(key) {
        let what = format!("{name}: {} bytes at {offset}, {} additional", text.len(), aad.len());
        let mut place = Place::new(offset, text);
        assert_eq!(key.seal_in_place(nonce, aad, place.text()), Ok(tag), "{what}: sealed");
        assert!(place.only(&what) == ciphertext, "{what}: sealed");
        assert_eq!(key.open_in_place(nonce, aad, place.text(), &tag), Ok(()), "{what}: opened");
        assert!(place.only(&what) == text, "{what}: opened");

        let mut to = Place::new(3 * offset + 1, &vec![0xee; text.len()]);
        assert_eq!(key.seal(nonce, aad, place.text(), to.text()), Ok(tag), "{what}: between");
        assert!(place.only(&what) == text && to.only(&what) == ciphertext, "{what}: between");
        place.text().fill(0xee);
        assert_eq!(key.open(nonce, aad, to.text(), place.text(), &tag), Ok(()), "{what}: between");
        assert!(place.only(&what) == text && to.only(&what) == ciphertext, "{what}: between");
    }
}

#[test]
fn every_length_up_to_1100() {
    for len in 0..=1100 {
        let (aad, offset) = (painted(len * 7 % 201, 1), len * 11 % 64);
        check(&KEY, &NONCE, &aad, &painted(len, 2), offset);
    }
}

#[test]
fn every_length_up_to_300_with_aes_128() {
    for len in 0..=300 {
        let (aad, offset) = (painted(len * 7 % 201, 3), len * 11 % 64);
        check(&KEY[..16], &NONCE, &aad, &painted(len, 4), offset);
    }
}

#[test]
fn every_length_of_additional_data_up_to_200() {
    for len in 0..=200 {
        for text in [0, 16, 96, 129] {
            check(&KEY, &NONCE, &painted(len, 5), &painted(text, 6), 0);
        }
    }
    for len in [4096, 4351, 4352, 4353, 9000] {
        check(&KEY, &NONCE, &painted(len, 5), &painted(96, 6), 0);
    }
}

#[test]
fn long_texts() {
    // A register, four of them, a group of the widest kernel, a page and its counters' last byte, all powers of a key.
    let steps = [(64, 211), (256, 67), (1024, 9), (4096, 3), (4352, 3)];
    let mut lengths: Vec<usize> = steps
        .into_iter()
        .flat_map(|(unit, step)| (unit..=70_000).step_by(unit * step).chain([unit]))
        .flat_map(|len| [len - 1, len, len + 1])
        .chain([2 * 4096, 2 * 4352, 4 * 4096 - 17, 4 * 4352 + 33, 65536, 65537])
        .collect();
    lengths.sort_unstable();
    lengths.dedup();
    for len in lengths {
        let key = if len % 3 == 0 { &KEY[..16] } else { &KEY[..] };
        check(key, &NONCE, &painted(16, 7), &painted(len, 8), len % 64);
    }
}

/// The third byte of the counter changes at 65536 blocks.
#[test]
fn a_large_page() {
    check(&KEY, &NONCE, &[], &painted(2 << 20, 9), 0);
}

/// The fourth byte of the counter changes at 2^24 blocks.
#[test]
#[ignore = "slow where it is not optimised: 256 MiB"]
fn the_counters_last_byte() {
    check(&KEY, &NONCE, &[], &painted((256 << 20) + 77, 10), 0);
}

#[test]
fn every_place_in_a_line() {
    for offset in 0..64 {
        for len in [13, 64, 96, 300, 1040] {
            check(&KEY, &NONCE, &painted(16, 11), &painted(len, 12), offset);
        }
    }
}

proptest! {
    #[test]
    fn any_text(
        key in any::<[u8; 32]>(),
        short in any::<bool>(),
        nonce in any::<Nonce>(),
        aad in proptest::collection::vec(any::<u8>(), 0..300),
        text in proptest::collection::vec(any::<u8>(), 0..6000),
        offset in 0..64usize,
    ) {
        check(if short { &key[..16] } else { &key }, &nonce, &aad, &text, offset);
    }
}
