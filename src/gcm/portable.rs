//! The definition: SP 800-38D in Rust, on the block cipher of the `aes` crate and the hash of the `ghash` crate.

use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroize;

use crate::addr::{BLOCK, Block};
use crate::aes::Portable;
use crate::kernel::{Direction, Source, Turn};

use super::{Nonce, Tag};

/// Blocks of key stream that are made at a time at most.
const STREAM: usize = 8;

/// The hash with the key H = AES(0): section 7.1, step 1.
#[inline(never)]
pub(super) fn hash_key(cipher: &Portable) -> GHash {
    let mut h = [[0; BLOCK]];
    cipher.crypt_blocks(Direction::Encrypt, &mut h);
    let hash = GHash::new(&h[0].into());
    h.as_flattened_mut().zeroize();
    hash
}

/// Sections 7.1 and 7.2: enciphers or deciphers a text, `at_once` blocks at a time; the tag that it has.
#[allow(clippy::too_many_arguments, reason = "a key's parts and a message's")]
pub(super) fn turn(
    at_once: usize,
    cipher: &Portable,
    hash: &GHash,
    turn: Turn,
    nonce: &Nonce,
    aad: &[u8],
    source: Source<'_>,
    text: &mut [u8],
) -> Tag {
    if let Source::Other(source) = source {
        text.copy_from_slice(source);
    }
    match turn {
        Turn::Seal => {
            count(at_once, cipher, nonce, text);
            tag(cipher, hash, nonce, aad, text)
        }
        Turn::Open => {
            let tag = tag(cipher, hash, nonce, aad, text);
            count(at_once, cipher, nonce, text);
            tag
        }
    }
}

/// The counter block of this number: J0 is number 1.
fn counter_block(nonce: &Nonce, number: u32) -> Block {
    let mut block = [0; BLOCK];
    block[..12].copy_from_slice(nonce);
    block[12..].copy_from_slice(&number.to_be_bytes());
    block
}

/// GCTR (section 6.5) from the block behind J0.
fn count(at_once: usize, cipher: &Portable, nonce: &Nonce, text: &mut [u8]) {
    let mut stream = [[0; BLOCK]; STREAM];
    let mut number = 1u32;
    for text in text.chunks_mut(at_once.clamp(1, STREAM) * BLOCK) {
        let stream = &mut stream[..text.len().div_ceil(BLOCK)];
        for block in &mut *stream {
            number = number.wrapping_add(1);
            *block = counter_block(nonce, number);
        }
        cipher.crypt_blocks(Direction::Encrypt, stream);
        for (byte, key) in text.iter_mut().zip(stream.as_flattened()) {
            *byte ^= key;
        }
    }
    stream.as_flattened_mut().zeroize();
}

/// GHASH of the additional data, the ciphertext and their lengths, under the first counter block.
fn tag(cipher: &Portable, hash: &GHash, nonce: &Nonce, aad: &[u8], ciphertext: &[u8]) -> Tag {
    let mut hash = hash.clone();
    hash.update_padded(aad);
    hash.update_padded(ciphertext);
    hash.update(&[lengths(aad, ciphertext.len()).into()]);
    let mut tag = [counter_block(nonce, 1)];
    cipher.crypt_blocks(Direction::Encrypt, &mut tag);
    let mut hash = hash.finalize();
    for (byte, hash) in tag[0].iter_mut().zip(&hash) {
        *byte ^= hash;
    }
    hash.as_mut_slice().zeroize();
    tag[0]
}

/// The last block of a hash.
pub(super) fn lengths(aad: &[u8], text: usize) -> Block {
    let bits = |len: usize| (8 * len as u64).to_be_bytes();
    let mut block = [0; BLOCK];
    block[..8].copy_from_slice(&bits(aad.len()));
    block[8..].copy_from_slice(&bits(text));
    block
}
