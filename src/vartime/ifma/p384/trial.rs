//! Arithmetic as tests call it: on lanes from memory.

use std::vec::Vec;

use super::super::vector::*;
use super::field::*;
use super::point::*;
use super::table::*;
use crate::vartime::ifma::points::{Jacobian, Row, Words};

/// Lanes by limb.
pub(in crate::vartime::ifma) type Lanes = [Limbs; 8];

/// The limbs of sums, each with its lanes.
pub(in crate::vartime::ifma) type Raw = [[u64; 8]; 8];

pub(in crate::vartime::ifma) fn reduced_of(limbs: [u64; 8]) -> Words {
    reduced(limbs)
}

const NOTHING: Constant = [0; 8];

compiled! {
    /// Every product of numbers that are up to so many times p.
    pub(in crate::vartime::ifma) fn products_of(
        factors: &[(Lanes, u64); 6],
    ) -> Vec<(&'static str, Raw)> {
        let [a, b, c, d, e, f] = factors.each_ref().map(|(a, times)| load_number(a.each_ref(), *times));
        let raw = |a: Sum| columns(&a).map(|limb| store(limb));
        let mut all = Vec::new();
        all.push(("a b", raw(mul(&a, &b))));
        let (x, y) = mul_mul(&a, &b, &c, &d);
        all.extend([("a b", raw(x)), ("c d", raw(y))]);
        let (x, y) = sqr_sqr(&a, &b);
        all.extend([("a a", raw(x)), ("b b", raw(y))]);
        let (x, y) = sqr_mul(&a, &b, &c);
        all.extend([("a a", raw(x)), ("b c", raw(y))]);
        all.push(("a b - 8 c c", raw(mul_less_8_sqr(&a, &b, &c))));
        all.push(("a b - c d", raw(mul_less_mul(&a, &b, &c, &d))));
        let (x, y) = mul_less_mul_mul([&a, &b, &c, &d], &e, &f);
        all.extend([("a b - c d", raw(x)), ("e f", raw(y))]);
        all
    }

    /// The sum of numbers, times 2^416, whether it is carried for sums or for products.
    pub(in crate::vartime::ifma) fn carried(a: &Lanes, b: &Lanes, times: u64) -> [Raw; 4] {
        let [a, b] = [a, b].map(|a| load_number(a.each_ref(), times));
        let difference = plus_p::<{ 1 << 17 }>(&minus(&sum(&a), &sum(&b)));
        let unit = same(&UNIT);
        [
            columns(&mul(&number(&difference), &unit)),
            columns(&mul(&factor(&difference), &unit)),
            columns(&sum(&number(&difference))),
            columns(&negated(&difference, 0x35)),
        ].map(|sum| sum.map(|limb| store(limb)))
    }

    /// The lanes in which a b - c d is zero modulo p, where d is 1; and is c?
    pub(in crate::vartime::ifma) fn zeros(a: &Lanes, b: &Lanes, c: &Lanes) -> [Mask; 2] {
        let [a, b, c] = [a, b, c].map(|a| load_number(a.each_ref(), 1));
        let unit = same(&UNIT);
        [is_zero(&mul_less_mul(&a, &b, &c, &unit)), is_zero(&mul(&c, &unit))]
    }

    /// Twice each point; each plus its row, negated in the lanes of the mask; each plus that of the lanes at distance 1, 2, 4.
    pub(in crate::vartime::ifma) fn points_of(
        points: &[Jacobian; 8],
        rows: &[Row; 8],
        negative: Mask,
    ) -> [[Raw; 3]; 5] {
        let [x, y, z] = [0, 1, 2].map(|n| load_words(points.each_ref().map(|point| &point[n])));
        let point = Point { x, y, z };
        let other = look_up(rows.each_ref());
        [
            double(&point),
            add_affine(&point, &other, negative).0,
            fold::<1>(&point),
            fold::<2>(&point),
            fold::<4>(&point),
        ]
        .map(|point| [point.x, point.y, point.z].map(|a| lanes_of(&a, X_TIMES).map(|limb| store(limb))))
    }

    pub(in crate::vartime::ifma) fn loaded(x: &[Words; 8]) -> (Raw, Raw) {
        let raw = |a: Number| lanes_of(&a, X_TIMES).map(|limb| store(limb));
        (raw(load_plain(x.each_ref())), raw(load_words(x.each_ref())))
    }

    /// TIMES * p less a number that is up to so many times p.
    pub(in crate::vartime::ifma) fn less_from_multiple<const TIMES: u64>(a: &Lanes, times: u64) -> Raw {
        let a = sum(&load_number(a.each_ref(), times));
        let less = plus_p::<TIMES>(&minus(&sum(&same(&NOTHING)), &a));
        lanes_of(&number(&less), 22).map(|limb| store(limb))
    }
}
