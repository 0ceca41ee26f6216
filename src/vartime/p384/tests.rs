//! Every path against the crate `p384`, and signatures that are made for the cases in which a path could err.

use std::vec::Vec;

use super::words::{Words, subtract};
use super::*;

/// Scalars at which something begins or ends: small ones, the order's, single bits, chunks that are empty or full.
pub(super) fn scalars() -> Vec<Words> {
    let small = |value: u64| [value, 0, 0, 0, 0, 0];
    let n = order::MODULUS.number();
    let mut scalars = Vec::new();
    for value in [1, 2, 3, 15, 16, 17, 31, 32, 33, 127, 128, 0xffff_ffff_ffff] {
        scalars.extend([small(value), subtract(n, &small(value)).0]);
    }
    for bit in (0..384).step_by(48).chain([1, 4, 5, 6, 63, 64, 191, 192, 320, 382, 383]) {
        let power = core::array::from_fn(|i| if i == bit / 64 { 1 << (bit % 64) } else { 0 });
        scalars.extend([power, subtract(&power, &small(1)).0, words::add(&power, &small(1)).0]);
        scalars.push(subtract(n, &power).0);
    }
    // Bytes of nothing or all bits, in chunks of 48.
    for full in 1..255_u8 {
        let mut bytes = [0; NUMBER];
        for chunk in (0..8).filter(|chunk| full >> chunk & 1 == 1) {
            bytes[6 * (7 - chunk)..6 * (8 - chunk)].fill(0xff);
        }
        scalars.push(words::from_be(&bytes));
    }
    scalars.retain(order::is_scalar);
    scalars
}
