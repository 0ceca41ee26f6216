//! Messages on the kernels: one call for a message on 512 bits; on 128 bits the kernels take whole blocks, and what is
//! left of a text is done here.

use zeroize::Zeroize;

use crate::addr::{BLOCK, Block, LINE};
use crate::cpu::Isa;
use crate::kernel::{self, EncryptKeys, GcmState, Powers, Source, Turn};

use super::portable::lengths;
use super::{Nonce, Tag};

/// Enciphers or deciphers a text; the tag that it has.
#[allow(clippy::too_many_arguments, reason = "a key's parts and a message's")]
pub(super) fn turn<const N: usize>(
    isa: Isa,
    keys: &EncryptKeys,
    powers: &Powers<N>,
    turn: Turn,
    nonce: &Nonce,
    aad: &[u8],
    source: Source<'_>,
    text: &mut [u8],
) -> Tag {
    let Some(vaes512) = isa.vaes512() else {
        let mut state = GcmState::new(nonce);
        add(isa, powers, &mut state.hash, aad);
        blocks(isa, keys, powers, turn, &mut state, source, text);
        kernel::ghash(isa, powers, &mut state.hash, &[lengths(aad, text.len())]);
        let mut cover = [GcmState::first(nonce)];
        kernel::encrypt_blocks(isa, keys, &mut cover);
        let tag = u128::from_be_bytes(cover[0]) ^ state.hash;
        // With the tag, either of them gives the other, and an equation for the hash key.
        cover.as_flattened_mut().zeroize();
        state.wipe();
        return tag.to_be_bytes();
    };
    let aad_len = aad.len() as u64;
    if aad.len() <= LINE {
        let aad = (&0, aad, aad_len);
        return kernel::gcm_message(vaes512, keys, powers, turn, nonce, aad, source, text);
    }
    // The kernel takes a line of additional data: more goes in before.
    let mut hash = 0;
    add(isa, powers, &mut hash, aad);
    let aad = (&hash, [].as_slice(), aad_len);
    let tag = kernel::gcm_message(vaes512, keys, powers, turn, nonce, aad, source, text);
    hash.zeroize();
    tag
}

/// Hashes `data`, filled up with zeroes.
fn add<const N: usize>(isa: Isa, powers: &Powers<N>, hash: &mut u128, data: &[u8]) {
    let (blocks, rest) = data.as_chunks();
    kernel::ghash(isa, powers, hash, blocks);
    if !rest.is_empty() {
        kernel::ghash(isa, powers, hash, &[padded(rest)]);
    }
}

/// A part of a block, and zeroes.
fn padded(part: &[u8]) -> Block {
    let mut block = [0; BLOCK];
    block[..part.len()].copy_from_slice(part);
    block
}

/// Enciphers or deciphers a text, and hashes the ciphertext.
fn blocks<const N: usize>(
    isa: Isa,
    keys: &EncryptKeys,
    powers: &Powers<N>,
    turn: Turn,
    state: &mut GcmState,
    source: Source<'_>,
    text: &mut [u8],
) {
    let whole = text.len() - text.len() % BLOCK;
    let (text, rest) = text.split_at_mut(whole);
    let (source, source_rest) = source.split_at(whole);
    kernel::gcm_blocks(isa, keys, powers, turn, state, source, text);
    if rest.is_empty() {
        return;
    }
    let mut block = match source_rest {
        Source::Same => padded(rest),
        Source::Other(bytes) => padded(bytes),
    };
    if turn == Turn::Open {
        kernel::ghash(isa, powers, &mut state.hash, &[block]);
    }
    let mut stream = [state.counter()];
    kernel::encrypt_blocks(isa, keys, &mut stream);
    for (byte, key) in block.iter_mut().zip(&stream[0][..rest.len()]) {
        *byte ^= key;
    }
    if turn == Turn::Seal {
        kernel::ghash(isa, powers, &mut state.hash, &[block]);
    }
    rest.copy_from_slice(&block[..rest.len()]);
    block[..].zeroize();
    stream.as_flattened_mut().zeroize();
}
