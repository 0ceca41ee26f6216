//! The bounds of numbers modulo p in tests: each operation computes them, and what needs a bound asserts it.

use super::super::LIMB_BITS;
use super::vector::{V, store};

/// A bound, in multiples of p / 2^32.
#[derive(Clone, Copy, Debug)]
pub(in crate::vartime::ifma) struct Bound {
    least: i128,
    most: i128,
}

/// p, once, in that unit.
const ONCE: i128 = 1 << 32;

/// p in limbs.
const P: [i128; 8] = {
    let mut limbs = [(1 << 52) - 1; 8];
    limbs[0] = (1 << 32) - 1;
    limbs[1] = (1 << 52) - (1 << 44);
    limbs[2] = (1 << 52) - (1 << 24) - 1;
    limbs[7] = (1 << 20) - 1;
    limbs
};

impl Bound {
    pub(in crate::vartime::ifma) fn up_to(times: u64) -> Self {
        Self { least: 0, most: i128::from(times) * ONCE }
    }

    /// (a b + q p) / 2^416 with q < 2^416 and p < 2^384.
    #[track_caller]
    pub(in crate::vartime::ifma) fn product(self, other: Self) -> Self {
        self.not_negative();
        other.not_negative();
        Self { least: 0, most: ONCE + Self::reduced(self, other) }
    }

    #[track_caller]
    pub(in crate::vartime::ifma) fn less_product(self, times: u64, a: Self, b: Self) -> Self {
        a.not_negative();
        b.not_negative();
        let least = self.least - i128::from(times) * Self::reduced(a, b);
        Self { least, most: self.most }
    }

    /// The product of two numbers divided by 2^416. That of the bounds is in units of p^2 / 2^64, and p / 2^416 < 1 / 2^32.
    /// Rounded up; and first by 2^16, for room.
    fn reduced(self, other: Self) -> i128 {
        ((((self.most >> 8) + 1) * ((other.most >> 8) + 1)) >> 48) + 1
    }

    pub(in crate::vartime::ifma) fn plus(self, other: Self) -> Self {
        Self { least: self.least + other.least, most: self.most + other.most }
    }

    pub(in crate::vartime::ifma) fn less(self, other: Self) -> Self {
        Self { least: self.least - other.most, most: self.most - other.least }
    }

    pub(in crate::vartime::ifma) fn times(self, times: u64) -> Self {
        Self { least: self.least * i128::from(times), most: self.most * i128::from(times) }
    }

    pub(in crate::vartime::ifma) fn plus_p(self, times: u64) -> Self {
        let more = i128::from(times) * ONCE;
        Self { least: self.least + more, most: self.most + more }
    }

    pub(in crate::vartime::ifma) fn or_negative(self) -> Self {
        Self { least: self.least.min(-self.most), most: self.most.max(-self.least) }
    }

    #[track_caller]
    fn not_negative(self) {
        assert!(self.least >= 0, "may be negative: from {} p / 2^32", self.least);
    }

    /// The limbs of the numbers, lane by lane, as integers: they must lie inside the bound.
    #[track_caller]
    pub(in crate::vartime::ifma) fn checked(self, limbs: &[V; 8]) -> Self {
        let lanes = limbs.map(store);
        let scaled = |n: usize, lane: usize| i128::from(lanes[n][lane] as i64) << 32;
        let below = (0..8).find(|lane| {
            is_negative(core::array::from_fn(|n| scaled(n, *lane) - self.least * P[n]))
        });
        let above = (0..8).find(|lane| {
            is_negative(core::array::from_fn(|n| self.most * P[n] - scaled(n, *lane)))
        });
        assert!(below.is_none(), "lane {below:?} is below {} p / 2^32", self.least);
        assert!(above.is_none(), "lane {above:?} is above {} p / 2^32", self.most);
        self
    }

    /// The rest of the limbs is 0 or more and less than 2^364, so this one is the number divided by that, rounded down.
    #[track_caller]
    pub(in crate::vartime::ifma) fn highest(self, limb: V) -> V {
        self.not_negative();
        assert!(self.most <= ONCE << 32, "416 bits do not hold {} p / 2^32", self.most);
        // p / 2^364 < 2^20
        limb.within(0, ((self.most << 20) >> 32).min((1 << LIMB_BITS) - 1))
    }

    #[track_caller]
    pub(in crate::vartime::ifma) fn at_most(self, times: u64) {
        self.not_negative();
        assert!(self.most <= i128::from(times) * ONCE, "up to {} p / 2^32", self.most);
    }

    #[track_caller]
    pub(in crate::vartime::ifma) fn inside(self, low: i64, high: i64) {
        assert!(i128::from(low) * ONCE < self.least, "from {} p / 2^32", self.least);
        assert!(self.most < i128::from(high) * ONCE, "to {} p / 2^32", self.most);
    }
}

/// The sign of a sum of limbs of any size and sign.
fn is_negative(limbs: [i128; 8]) -> bool {
    limbs.into_iter().fold(0, |carry: i128, limb| (limb + carry) >> LIMB_BITS) < 0
}
