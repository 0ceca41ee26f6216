//! Arithmetic modulo p = 2^384 - 2^128 - 2^96 + 2^32 - 1, eight numbers at a time: one in each lane.
//!
//! A number x stands as x * 2^416 (Montgomery) in eight limbs of 52 bits. That leaves 32 bits above p: sums and differences are not
//! reduced, and how many times p each may be is written down in its [`Bound`], which exists in tests only and is checked there.
//!
//! Products give sums of limbs that have signs and up to 62 bits ([`Sum`]). They are added and subtracted as they are; one chain of
//! carries then makes limbs of them, as a product's factors must have.

use super::super::vector::*;
use crate::vartime::ifma::points::limbs_of;

/// Numbers whose limbs are anything that 64 bits hold with a sign: the value is the sum of `limbs[i] * 2^(52 i)`.
#[derive(Clone, Copy)]
pub(super) struct Sum {
    limbs: [V; 8],
    bound: Bound,
}

/// Numbers that are not negative, as limbs for products alone: those read 52 bits of a lane, whatever is above.
#[derive(Clone, Copy)]
pub(super) struct Factor {
    limbs: [V; 8],
    bound: Bound,
}

/// Numbers that are not negative, in limbs of 52 bits.
#[derive(Clone, Copy)]
pub(super) struct Number(Factor);

impl core::ops::Deref for Number {
    type Target = Factor;

    fn deref(&self) -> &Factor {
        &self.0
    }
}

/// A number of the program, in limbs.
pub(super) type Constant = [u64; 8];

/// p.
pub(super) const P: Constant = limbs_of(&[
    0x0000_0000_FFFF_FFFF,
    0xFFFF_FFFF_0000_0000,
    0xFFFF_FFFF_FFFF_FFFE,
    u64::MAX,
    u64::MAX,
    u64::MAX,
]);

/// 2 p.
const TWICE_P: Constant = limbs_above(&P);

/// 1: the factor that takes 2^416 away.
pub(super) const UNIT: Constant = [1, 0, 0, 0, 0, 0, 0, 0];

/// 2^416 mod p = 2^160 + 2^128 - 2^64 + 2^32: one.
pub(super) const ONE: Constant = limbs_of(&[1 << 32, u64::MAX, 1 << 32, 0, 0, 0]);

/// 2^832 mod p: the factor that brings 2^416 in.
pub(super) const SQUARE: Constant = limbs_of(&[
    0,
    0xFFFF_FFFE_0000_0001,
    0x0000_0002_0000_0000,
    0xFFFF_FFFE_0000_0000,
    0x0000_0002_0000_0000,
    1,
]);

/// 2^384 mod p: the factor that makes 2^384 of 2^416.
pub(super) const NARROW: Constant =
    limbs_of(&[0xFFFF_FFFF_0000_0001, 0x0000_0000_FFFF_FFFF, 1, 0, 0, 0]);

/// Twice a number.
const fn limbs_above(number: &Constant) -> Constant {
    let mut limbs = [0; 8];
    let mut carry = 0;
    let mut n = 0;
    while n < 8 {
        let limb = 2 * number[n] + carry;
        limbs[n] = limb & ((1 << 52) - 1);
        carry = limb >> 52;
        n += 1;
    }
    limbs
}

/// The columns of products, reduced (Montgomery, one limb after the other): each product with what it has of columns, as
/// `name = columns(factors)`. The products are worked on in turns, because each limb of a reduction waits for the one before it.
macro_rules! products {
    ($($name:ident = $columns:ident($($factor:expr),*)),+ $(,)?) => {{
        $(let mut $name = ([zero(); 16], [zero(); 16]);)+
        products!(@columns 0; $($name = $columns($($factor),*)),+);
        products!(@columns 1; $($name = $columns($($factor),*)),+);
        $($name.0[0] = sub($name.0[0], $name.1[0]);)+
        products!(@step 0, 2; $($name = $columns($($factor),*)),+);
        products!(@step 1, 3; $($name = $columns($($factor),*)),+);
        products!(@step 2, 4; $($name = $columns($($factor),*)),+);
        products!(@step 3, 5; $($name = $columns($($factor),*)),+);
        products!(@step 4, 6; $($name = $columns($($factor),*)),+);
        products!(@step 5, 7; $($name = $columns($($factor),*)),+);
        products!(@step 6, 8; $($name = $columns($($factor),*)),+);
        products!(@step 7, 9; $($name = $columns($($factor),*)),+);
        products!(@columns 10; $($name = $columns($($factor),*)),+);
        products!(@columns 11; $($name = $columns($($factor),*)),+);
        products!(@columns 12; $($name = $columns($($factor),*)),+);
        products!(@columns 13; $($name = $columns($($factor),*)),+);
        products!(@columns 14; $($name = $columns($($factor),*)),+);
        products!(@columns 15; $($name = $columns($($factor),*)),+);
        ($(remaining(&$name.0, &$name.1)),+)
    }};
    (@step $limb:literal, $ahead:literal; $($name:ident = $columns:ident($($factor:expr),*)),+) => {
        products!(@columns $ahead; $($name = $columns($($factor),*)),+);
        $(clear::<$limb>(&mut $name.0, &mut $name.1);)+
    };
    (@columns $column:literal; $($name:ident = $columns:ident($($factor:expr),*)),+) => {
        $(($name.0[$column], $name.1[$column]) =
            $columns::<$column>($name.0[$column], $name.1[$column], $($factor),*);)+
    };
}

compiled! {
    /// Column K of a product, added to a sum.
    fn product_column<const K: usize>(mut sum: V, a: &Factor, b: &Factor) -> V {
        let mut i = 0;
        while i < 8 {
            if i <= K && K - i < 8 {
                sum = madd_lo(sum, a.limbs[i], b.limbs[K - i]);
            }
            if i < K && K - 1 - i < 8 {
                sum = madd_hi(sum, a.limbs[i], b.limbs[K - 1 - i]);
            }
            i += 1;
        }
        sum
    }

    /// Column K of a square: what is there twice is computed once.
    fn square_column<const K: usize>(a: &Factor) -> V {
        let mut sum = zero();
        let mut i = 0;
        while i < 8 {
            if i <= K && K - i < 8 && i < K - i {
                sum = madd_lo(sum, a.limbs[i], a.limbs[K - i]);
            }
            if i < K && K - 1 - i < 8 && i < K - 1 - i {
                sum = madd_hi(sum, a.limbs[i], a.limbs[K - 1 - i]);
            }
            i += 1;
        }
        let sum = add(sum, sum);
        if K.is_multiple_of(2) {
            madd_lo(sum, a.limbs[K / 2], a.limbs[K / 2])
        } else {
            madd_hi(sum, a.limbs[K / 2], a.limbs[K / 2])
        }
    }

    /// a b
    fn product<const K: usize>(plus: V, minus: V, a: &Factor, b: &Factor) -> (V, V) {
        (product_column::<K>(plus, a, b), minus)
    }

    /// a^2
    fn square<const K: usize>(plus: V, minus: V, a: &Factor) -> (V, V) {
        (add(plus, square_column::<K>(a)), minus)
    }

    /// a b - c d
    fn difference<const K: usize>(
        plus: V, minus: V, a: &Factor, b: &Factor, c: &Factor, d: &Factor,
    ) -> (V, V) {
        (product_column::<K>(plus, a, b), product_column::<K>(minus, c, d))
    }

    /// a b - 8 c^2
    fn product_less_8_squares<const K: usize>(
        plus: V, minus: V, a: &Factor, b: &Factor, c: &Factor,
    ) -> (V, V) {
        (product_column::<K>(plus, a, b), add(minus, shl::<3>(square_column::<K>(c))))
    }

    /// Adds the multiple of p that makes column I zero, and carries what is above its 52 bits.
    ///
    /// p = -1 + 2^32 modulo 2^52, so the multiple is q = t + 2^32 t modulo 2^52, where t is the column. Of q p =
    /// q (2^384 - 2^128 - 2^96 + 2^32 - 1), the last two powers clear the column: t - q + 2^32 q = 2^52 (carry + q / 2^20), where
    /// q + 2^52 carry = t + (2^32 t modulo 2^52). The others go where they belong, by products with powers of two.
    fn clear<const I: usize>(plus: &mut [V; 16], minus: &mut [V; 16]) {
        let column = plus[I];
        let sum = add(column, low(shl_dropping::<32>(column)));
        let carry = sar::<52>(sum);
        let q = factor_of(sum);
        minus[I + 1] = madd_lo(minus[I + 1], q, constant(1 << 44));
        plus[I + 1] = madd_hi(plus[I + 1], q, constant(1 << 32));
        minus[I + 2] = madd_hi(minus[I + 2], q, constant(1 << 44));
        minus[I + 2] = madd_lo(minus[I + 2], q, constant(1 << 24));
        minus[I + 3] = madd_hi(minus[I + 3], q, constant(1 << 24));
        plus[I + 7] = madd_lo(plus[I + 7], q, constant(1 << 20));
        plus[I + 8] = madd_hi(plus[I + 8], q, constant(1 << 20));
        plus[I + 1] = add(sub(plus[I + 1], minus[I + 1]), carry);
    }

    /// The columns that stay. What is negative in column 8 has gone into it with the last carry.
    fn remaining(plus: &[V; 16], minus: &[V; 16]) -> [V; 8] {
        let mut limbs = [plus[8]; 8];
        let mut n = 1;
        while n < 8 {
            limbs[n] = sub(plus[8 + n], minus[8 + n]);
            n += 1;
        }
        limbs
    }

    fn sum_of(limbs: [V; 8], bound: Bound) -> Sum {
        Sum { limbs, bound: bound.checked(&limbs) }
    }

    pub(super) fn mul(a: &Factor, b: &Factor) -> Sum {
        let x = products!(x = product(a, b));
        sum_of(x, a.bound.product(b.bound))
    }

    /// a b and c d
    pub(super) fn mul_mul(a: &Factor, b: &Factor, c: &Factor, d: &Factor) -> (Sum, Sum) {
        let (x, y) = products!(x = product(a, b), y = product(c, d));
        (sum_of(x, a.bound.product(b.bound)), sum_of(y, c.bound.product(d.bound)))
    }

    /// a^2 and b^2
    pub(super) fn sqr_sqr(a: &Factor, b: &Factor) -> (Sum, Sum) {
        let (x, y) = products!(x = square(a), y = square(b));
        (sum_of(x, a.bound.product(a.bound)), sum_of(y, b.bound.product(b.bound)))
    }

    /// a^2 and b c
    pub(super) fn sqr_mul(a: &Factor, b: &Factor, c: &Factor) -> (Sum, Sum) {
        let (x, y) = products!(x = square(a), y = product(b, c));
        (sum_of(x, a.bound.product(a.bound)), sum_of(y, b.bound.product(c.bound)))
    }

    /// a b - 8 c^2
    pub(super) fn mul_less_8_sqr(a: &Factor, b: &Factor, c: &Factor) -> Sum {
        let x = products!(x = product_less_8_squares(a, b, c));
        sum_of(x, a.bound.product(b.bound).less_product(8, c.bound, c.bound))
    }

    /// a b - c d
    pub(super) fn mul_less_mul(a: &Factor, b: &Factor, c: &Factor, d: &Factor) -> Sum {
        let x = products!(x = difference(a, b, c, d));
        sum_of(x, a.bound.product(b.bound).less_product(1, c.bound, d.bound))
    }

    /// a b - c d, and e f
    pub(super) fn mul_less_mul_mul(
        [a, b, c, d]: [&Factor; 4], e: &Factor, f: &Factor,
    ) -> (Sum, Sum) {
        let (x, y) = products!(x = difference(a, b, c, d), y = product(e, f));
        let bound = a.bound.product(b.bound).less_product(1, c.bound, d.bound);
        (sum_of(x, bound), sum_of(y, e.bound.product(f.bound)))
    }

    pub(super) fn plus(a: &Sum, b: &Sum) -> Sum {
        let mut limbs = a.limbs;
        let mut n = 0;
        while n < 8 {
            limbs[n] = add(limbs[n], b.limbs[n]);
            n += 1;
        }
        sum_of(limbs, a.bound.plus(b.bound))
    }

    pub(super) fn minus(a: &Sum, b: &Sum) -> Sum {
        let mut limbs = a.limbs;
        let mut n = 0;
        while n < 8 {
            limbs[n] = sub(limbs[n], b.limbs[n]);
            n += 1;
        }
        sum_of(limbs, a.bound.less(b.bound))
    }

    /// Times 2^BITS.
    pub(super) fn times<const BITS: u32>(a: &Sum) -> Sum {
        let mut limbs = a.limbs;
        let mut n = 0;
        while n < 8 {
            limbs[n] = shl::<BITS>(limbs[n]);
            n += 1;
        }
        sum_of(limbs, a.bound.times(1 << BITS))
    }

    /// Plus TIMES * p, which keeps a difference from being negative.
    pub(super) fn plus_p<const TIMES: u64>(a: &Sum) -> Sum {
        let mut limbs = a.limbs;
        limbs[0] = add(limbs[0], constant(TIMES * ((1 << 32) - 1)));
        limbs[1] = sub(limbs[1], constant(TIMES << 44));
        limbs[2] = sub(limbs[2], constant(TIMES << 24));
        limbs[7] = add(limbs[7], constant(TIMES << 20));
        sum_of(limbs, a.bound.plus_p(TIMES))
    }

    /// The negative of the lanes that the mask has.
    pub(super) fn negated(a: &Sum, mask: Mask) -> Sum {
        let mut limbs = a.limbs;
        let mut n = 0;
        while n < 8 {
            limbs[n] = negate(mask, limbs[n]);
            n += 1;
        }
        sum_of(limbs, a.bound.or_negative())
    }

    /// A sum that is not negative, for products.
    pub(super) fn factor(a: &Sum) -> Factor {
        let mut limbs = a.limbs;
        let mut n = 0;
        while n < 7 {
            limbs[n + 1] = add(limbs[n + 1], sar::<52>(limbs[n]));
            limbs[n] = factor_of(limbs[n]);
            n += 1;
        }
        // Nothing is above the highest limb: its bound follows from the number's.
        limbs[7] = a.bound.highest(limbs[7]);
        Factor { limbs, bound: a.bound }
    }

    /// A sum that is not negative, in limbs.
    pub(super) fn number(a: &Sum) -> Number {
        let mut limbs = a.limbs;
        let mut n = 0;
        while n < 7 {
            limbs[n + 1] = add(limbs[n + 1], sar::<52>(limbs[n]));
            limbs[n] = low(limbs[n]);
            n += 1;
        }
        limbs[7] = a.bound.highest(limbs[7]);
        Number(Factor { limbs, bound: a.bound })
    }

    pub(super) fn sum(a: &Number) -> Sum {
        Sum { limbs: a.limbs, bound: a.bound }
    }

    /// The same number in every lane; it is at most p.
    pub(super) fn same(number: &'static Constant) -> Number {
        let mut limbs = [zero(); 8];
        let mut n = 0;
        while n < 8 {
            limbs[n] = constant(number[n]);
            n += 1;
        }
        Number(Factor { limbs, bound: Bound::up_to(1).checked(&limbs) })
    }

    /// Limbs by their place, each with its lanes, of numbers up to so many times p.
    pub(super) fn load_number(limbs: [&Limbs; 8], times: u64) -> Number {
        let mut loaded = [zero(); 8];
        let mut n = 0;
        while n < 8 {
            loaded[n] = load_limbs(limbs[n]);
            n += 1;
        }
        number_of(loaded, times)
    }

    /// The same of lanes that are limbs.
    pub(super) fn number_of(limbs: [V; 8], times: u64) -> Number {
        Number(Factor { limbs, bound: Bound::up_to(times).checked(&limbs) })
    }

    /// The limbs as they are.
    #[cfg(test)]
    pub(super) fn columns(a: &Sum) -> [V; 8] {
        a.limbs
    }

    /// The limbs, by their place, each with its lanes, of numbers up to so many times p.
    pub(super) fn lanes_of(a: &Number, times: u64) -> [V; 8] {
        a.bound.at_most(times);
        a.limbs
    }

    /// The same number in lanes whose numbers are exchanged: in lane n that of lane `n ^ DISTANCE`.
    pub(super) fn exchanged<const DISTANCE: usize>(a: &Factor) -> Factor {
        let mut limbs = a.limbs;
        let mut n = 0;
        while n < 8 {
            limbs[n] = exchange::<DISTANCE>(limbs[n]);
            n += 1;
        }
        Factor { limbs, bound: a.bound }
    }

    /// The same of a sum.
    pub(super) fn exchanged_sum<const DISTANCE: usize>(a: &Sum) -> Sum {
        let mut limbs = a.limbs;
        let mut n = 0;
        while n < 8 {
            limbs[n] = exchange::<DISTANCE>(limbs[n]);
            n += 1;
        }
        sum_of(limbs, a.bound)
    }

    /// The lanes whose number is zero modulo p. It is above -p and below 2 p.
    pub(super) fn is_zero(a: &Sum) -> Mask {
        a.bound.inside(-1, 2);
        let a = number(&plus_p::<1>(a));
        let (mut once, mut twice) = (Mask::MAX, Mask::MAX);
        let mut n = 0;
        while n < 8 {
            once &= equal(a.limbs[n], constant(P[n]));
            twice &= equal(a.limbs[n], constant(TWICE_P[n]));
            n += 1;
        }
        once | twice
    }
}
