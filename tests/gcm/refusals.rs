//! What is not authentic stays closed: no text, not even a part of one, and nothing else is written.

use sevcrypt::gcm::{GcmError, MAX_TEXT, Nonce, Tag};

use crate::{Gcm, every_key, painted};

const KEY: [u8; 32] = *b"a key that opens what it closed.";
const NONCE: Nonce = [0x17; 12];

/// Opening fails in place and from one place to another, and leaves zeros.
#[track_caller]
fn refused(key: &dyn Gcm, nonce: &Nonce, aad: &[u8], ciphertext: &[u8], tag: &Tag, what: &str) {
    // Bytes around the text that must stay.
    let mut memory = [&[0xa5; 32][..], ciphertext, &[0xa5; 32]].concat();
    let (_, rest) = memory.split_at_mut(32);
    let (text, _) = rest.split_at_mut(ciphertext.len());
    assert_eq!(key.open_in_place(nonce, aad, text, tag), Err(GcmError::Tag), "{what}");
    let zeros = vec![0; ciphertext.len()];
    assert!(memory == [&[0xa5; 32][..], &zeros, &[0xa5; 32]].concat(), "{what}: text");

    let mut to = vec![0xee; ciphertext.len()];
    assert_eq!(key.open(nonce, aad, ciphertext, &mut to, tag), Err(GcmError::Tag), "{what}");
    assert!(to == zeros, "{what}: destination");
}

/// A byte at a time, with one bit of it changed.
fn changed(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..bytes.len()).map(|at| {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1 << (at % 8);
        (at, changed)
    })
}

/// Calls `test` with a text's parts as they were sealed.
fn sealed(len: usize, mut test: impl FnMut(&dyn Gcm, &[u8], &[u8], Tag, &str)) {
    let (aad, text) = (painted(48, 1), painted(len, 2));
    for key_bytes in [&KEY[..], &KEY[..16]] {
        for (name, key) in every_key(key_bytes) {
            let mut ciphertext = text.clone();
            let tag = key.seal_in_place(&NONCE, &aad, &mut ciphertext).unwrap();
            test(&*key, &aad, &ciphertext, tag, &name);
        }
    }
}

#[test]
fn every_bit_of_the_tag() {
    for len in [0, 5, 96, 300, 4096] {
        sealed(len, |key, aad, ciphertext, tag, name| {
            for bit in 0..128 {
                let mut wrong = tag;
                wrong[bit / 8] ^= 1 << (bit % 8);
                refused(key, &NONCE, aad, ciphertext, &wrong, &format!("{name}: bit {bit}"));
            }
            refused(key, &NONCE, aad, ciphertext, &[0; 16], &format!("{name}: no tag"));
        });
    }
}

#[test]
fn every_byte_of_the_ciphertext() {
    for len in [1, 96, 321, 1100] {
        sealed(len, |key, aad, ciphertext, tag, name| {
            for (at, wrong) in changed(ciphertext) {
                refused(key, &NONCE, aad, &wrong, &tag, &format!("{name}: ciphertext {at}"));
            }
        });
    }
}

#[test]
fn every_byte_of_the_additional_data_and_the_nonce() {
    for len in [0, 96, 700] {
        sealed(len, |key, aad, ciphertext, tag, name| {
            for (at, wrong) in changed(aad) {
                refused(key, &NONCE, &wrong, ciphertext, &tag, &format!("{name}: aad {at}"));
            }
            for (at, wrong) in changed(&NONCE) {
                let nonce = wrong.try_into().expect("as long as before");
                refused(key, &nonce, aad, ciphertext, &tag, &format!("{name}: nonce {at}"));
            }
        });
    }
}

/// Where additional data end and the text begins is authenticated, and so is how long they are.
#[test]
fn moved_ends() {
    sealed(96, |key, aad, ciphertext, tag, name| {
        let all = [aad, ciphertext].concat();
        for moved in [1, 16, 47, 49, 64, 144] {
            let (aad, ciphertext) = all.split_at(moved);
            refused(key, &NONCE, aad, ciphertext, &tag, &format!("{name}: moved to {moved}"));
        }
        let longer = |bytes: &[u8]| [bytes, &[0]].concat();
        refused(key, &NONCE, &longer(aad), ciphertext, &tag, &format!("{name}: longer aad"));
        refused(key, &NONCE, aad, &longer(ciphertext), &tag, &format!("{name}: longer text"));
        refused(key, &NONCE, &aad[..47], ciphertext, &tag, &format!("{name}: shorter aad"));
        refused(key, &NONCE, aad, &ciphertext[..95], &tag, &format!("{name}: shorter text"));
    });
}

#[test]
fn another_key() {
    let mut other = KEY;
    other[31] ^= 0x80;
    sealed(96, |_, aad, ciphertext, tag, name| {
        for (other_name, other) in every_key(&other) {
            let what = format!("sealed by {name}, opened by {other_name}");
            refused(&*other, &NONCE, aad, ciphertext, &tag, &what);
        }
    });
}

#[test]
fn lengths() {
    for (name, key) in every_key(&KEY) {
        for (source, destination) in [(16, 15), (0, 1), (1, 0), (4096, 4097)] {
            let (text, mut to) = (vec![1; source], vec![0xee; destination]);
            let error = GcmError::Lengths { source, destination };
            assert_eq!(key.seal(&NONCE, &[], &text, &mut to), Err(error), "{name}");
            assert_eq!(key.open(&NONCE, &[], &text, &mut to, &[0; 16]), Err(error), "{name}");
            assert_eq!(to, vec![0xee; destination], "{name}: nothing was written");
        }
    }
}

#[test]
fn errors_say_what_was_wrong() {
    assert_eq!(MAX_TEXT, 68_719_476_704);
    for (error, text) in [
        (GcmError::Tag, "the tag is not that of the text, additional data, nonce and key"),
        (
            GcmError::Lengths { source: 4096, destination: 16 },
            "4096 bytes into 16: expected the same length",
        ),
        (
            GcmError::TooLong { len: MAX_TEXT + 1 },
            "a text of 68719476705 bytes, at most 68719476704 are allowed",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}
