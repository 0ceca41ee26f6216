//! The definition of every mode, in Rust: what the kernels are compared with.
//!
//! It reads like the standard and does one block after the other, 64 bytes at a time so that the `aes`
//! crate can work on four blocks together.

use zeroize::Zeroize;

use crate::addr::{BLOCK, Block, LINE};
use crate::aes::Portable;
use crate::kernel::Direction;
use crate::mem::Whitening;
use crate::mem::guest::{GuestBytes, GuestSource};

/// a ^ b.
pub(super) fn xor(a: Block, b: Block) -> Block {
    (u128::from_ne_bytes(a) ^ u128::from_ne_bytes(b)).to_ne_bytes()
}

/// t * a in GF(2^128): IEEE 1619-2018, section 5.2. Blocks are little-endian; a^128 = a^7 + a^2 + a + 1.
pub(super) fn double(t: Block) -> Block {
    let t = u128::from_le_bytes(t);
    let carry = (t >> 127).wrapping_neg() & 0x87; // no branch: t is secret
    ((t << 1) ^ carry).to_le_bytes()
}

/// t = t * a^j: j doublings, up to 64 of them in one step. j is public, t is not. In its place, so that no copy of it is left.
pub(super) fn multiply(t: &mut Block, j: usize) {
    if j == 0 {
        // The product is stored in halves, for both of which a kernel's load of the whole has to wait.
        return;
    }
    let place = t;
    let mut t = u128::from_le_bytes(*place);
    let mut left = j;
    while left > 0 {
        let step = left.min(64);
        let carry = t >> (128 - step);
        t = (t << step) ^ carry ^ (carry << 1) ^ (carry << 2) ^ (carry << 7); // carry * 0x87
        left -= step;
    }
    *place = t.to_le_bytes();
}

/// The first whitening values of a piece, and how they go on from block to block.
pub(super) enum Tweaks<'a> {
    /// T(page) ^ T(place in the page).
    Linear { base: Block, in_page: &'a [Block] },
    /// t, t * a, t * a^2, ...
    Xts(Block),
}

impl Tweaks<'_> {
    fn next(&mut self) -> Block {
        match self {
            Tweaks::Linear { base, in_page } => {
                let (first, rest) = in_page.split_first().expect("a piece ends inside its page");
                *in_page = rest;
                xor(*base, *first)
            }
            Tweaks::Xts(t) => core::mem::replace(t, double(*t)),
        }
    }
}

impl Drop for Tweaks<'_> {
    fn drop(&mut self) {
        match self {
            Tweaks::Linear { base, .. } => base[..].zeroize(),
            Tweaks::Xts(t) => t[..].zeroize(),
        }
    }
}

/// `len` bytes from `offset` of the source to the same place of the destination.
///
/// C = E(K1, P ^ T) ^ T for XEX and XTS, C = E(K1, P ^ T) for XE; P the other way round.
pub(super) fn crypt(
    cipher: &Portable,
    direction: Direction,
    whitening: Whitening,
    tweaks: &mut Tweaks<'_>,
    (src, dst): (&GuestSource<'_>, &GuestBytes<'_>),
    (offset, len): (usize, usize),
) {
    let mut line = [[0; BLOCK]; LINE / BLOCK];
    let mut tweak = [[0; BLOCK]; LINE / BLOCK];
    for start in (offset..offset + len).step_by(LINE) {
        let blocks = (offset + len - start).min(LINE) / BLOCK;
        let (line, tweak) = (&mut line[..blocks], &mut tweak[..blocks]);
        src.load(start, line.as_flattened_mut());
        tweak.fill_with(|| tweaks.next());
        if whitening.before(direction) {
            line.iter_mut().zip(&*tweak).for_each(|(block, t)| *block = xor(*block, *t));
        }
        cipher.crypt_blocks(direction, line);
        if whitening.after(direction) {
            line.iter_mut().zip(&*tweak).for_each(|(block, t)| *block = xor(*block, *t));
        }
        dst.store(start, line.as_flattened());
    }
    line.as_flattened_mut().zeroize();
    tweak.as_flattened_mut().zeroize();
}
