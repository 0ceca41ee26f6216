//! The definition: SP 800-38D in Rust, on the block cipher of the key and the `ghash` crate.

use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroize;

use crate::addr::{BLOCK, Block};
use crate::aes::AesKey;

use super::{Nonce, Tag};

/// Blocks of key stream that are made at a time.
const STREAM: usize = 8;

/// The hash with the key H = AES(0): section 7.1, step 1.
pub(super) fn hash_key(aes: &AesKey) -> GHash {
    let mut h = [[0; BLOCK]];
    aes.encrypt_blocks(&mut h);
    let hash = GHash::new(&h[0].into());
    h.zeroize();
    hash
}

/// Section 7.1: the text in its place becomes ciphertext.
pub(super) fn seal(aes: &AesKey, hash: &GHash, nonce: &Nonce, aad: &[u8], text: &mut [u8]) -> Tag {
    count(aes, nonce, text);
    tag(aes, hash, nonce, aad, text)
}

/// Section 7.2: the ciphertext in its place becomes text; the tag that it should have.
pub(super) fn open(aes: &AesKey, hash: &GHash, nonce: &Nonce, aad: &[u8], text: &mut [u8]) -> Tag {
    let tag = tag(aes, hash, nonce, aad, text);
    count(aes, nonce, text);
    tag
}

/// The counter block of this number: J0 is number 1.
fn counter_block(nonce: &Nonce, number: u32) -> Block {
    let mut block = [0; BLOCK];
    block[..12].copy_from_slice(nonce);
    block[12..].copy_from_slice(&number.to_be_bytes());
    block
}

/// GCTR (section 6.5) from the block behind J0.
fn count(aes: &AesKey, nonce: &Nonce, text: &mut [u8]) {
    let mut stream = [[0; BLOCK]; STREAM];
    let mut number = 1u32;
    for text in text.chunks_mut(STREAM * BLOCK) {
        let blocks = text.len().div_ceil(BLOCK);
        for block in &mut stream[..blocks] {
            number = number.wrapping_add(1);
            *block = counter_block(nonce, number);
        }
        aes.encrypt_blocks(&mut stream[..blocks]);
        for (byte, key) in text.iter_mut().zip(stream.as_flattened()) {
            *byte ^= key;
        }
    }
    stream.zeroize();
}

/// GHASH of the additional data, the ciphertext and their lengths, under the first counter block.
fn tag(aes: &AesKey, hash: &GHash, nonce: &Nonce, aad: &[u8], ciphertext: &[u8]) -> Tag {
    let mut hash = hash.clone();
    hash.update_padded(aad);
    hash.update_padded(ciphertext);
    let mut lengths: Block = [0; BLOCK];
    lengths[..8].copy_from_slice(&(8 * aad.len() as u64).to_be_bytes());
    lengths[8..].copy_from_slice(&(8 * ciphertext.len() as u64).to_be_bytes());
    hash.update(&[lengths.into()]);
    let mut tag = [counter_block(nonce, 1)];
    aes.encrypt_blocks(&mut tag);
    for (byte, hash) in tag[0].iter_mut().zip(hash.finalize()) {
        *byte ^= hash;
    }
    tag[0]
}
