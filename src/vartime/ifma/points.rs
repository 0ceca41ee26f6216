//! What the lanes' arithmetic of P-384 is given, and what it gives back.

use super::Limbs;
use super::digits::Signs;

pub(crate) use crate::vartime::p384::words::Words;

/// The coordinates of a point with Z = 1, times 2^416 modulo p: less than twice p.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(in crate::vartime::ifma) x: Limbs,
    pub(in crate::vartime::ifma) y: Limbs,
}

impl Row {
    pub(crate) const ZERO: Self = Self { x: Limbs::ZERO, y: Limbs::ZERO };

    /// From coordinates times 2^416, modulo p.
    pub(crate) const fn new(x: &Words, y: &Words) -> Self {
        Self { x: Limbs::new(limbs_of(x)), y: Limbs::new(limbs_of(y)) }
    }
}

/// The same multiple of eight points. While a table is made, row n is limb n of each, in lanes.
pub(crate) type Rows = [Row; 8];

/// P, 3 P, ... 31 P of eight points.
pub(crate) type Multiples = [Rows; 16];

/// P, 3 P, ... 63 P of eight points, and of 2^6 times the points, and so on to 2^42.
pub(crate) type Comb = [[Rows; 32]; 8];

/// G, 3 G, ... 127 G.
pub(crate) type OddMultiples = [Row; 64];

/// Coordinates X, Y, Z of a point, each times 2^384 modulo p.
pub(crate) type Jacobian = [Words; 3];

/// Inverts eight numbers modulo p. Each is x * 2^384 modulo p, and becomes 2^384 / x. False if one is zero.
pub(crate) type Invert<'a> = &'a dyn Fn(&mut [Words; 8]) -> bool;

/// What is asked of a sum: whether its x is one of these, which are below p.
pub(crate) type Candidates = [Words; 2];

/// The lanes in which x is what was asked for, and those of which nothing is known: two points were the same, or one infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdicts {
    pub(crate) accepted: u8,
    pub(crate) unknown: u8,
}

impl Verdicts {
    /// That of a lane, if it is known.
    pub(crate) fn of(self, lane: usize) -> Option<bool> {
        (self.unknown >> lane & 1 == 0).then_some(self.accepted >> lane & 1 == 1)
    }
}

/// A signature with its key.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// What the generator and the key are multiplied by.
    pub(crate) scalars: [Signs; 2],
    /// The key's x and y.
    pub(crate) key: [Words; 2],
    pub(crate) candidates: Candidates,
}

/// Words as limbs.
pub(in crate::vartime::ifma) const fn limbs_of(words: &Words) -> [u64; 8] {
    let mut limbs = [0; 8];
    let mut n = 0;
    while n < 8 {
        let (word, bit) = (52 * n / 64, 52 * n % 64);
        let mut limb = words[word] >> bit;
        if bit > 12 && word < 5 {
            limb |= words[word + 1] << (64 - bit);
        }
        limbs[n] = limb & ((1 << 52) - 1);
        n += 1;
    }
    limbs
}
