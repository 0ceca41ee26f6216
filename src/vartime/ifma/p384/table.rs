//! Tables of odd multiples of points: P, 3 P, 5 P and so on, eight points beside each other, each with Z = 1.

use super::super::vector::*;
use super::field::*;
use super::point::*;
use crate::vartime::ifma::points::{Invert, Row, Rows, Words, limbs_of};

/// How many times p a row's coordinates may be.
const ROW_TIMES: u64 = 2;

compiled! {
    /// Rows and columns of eight numbers of eight limbs, exchanged.
    fn transposed(mut m: [V; 8]) -> [V; 8] {
        let mut i = 0;
        while i < 4 {
            (m[2 * i], m[2 * i + 1]) =
                (lower::<1>(m[2 * i], m[2 * i + 1]), upper::<1>(m[2 * i], m[2 * i + 1]));
            i += 1;
        }
        let mut i = 0;
        while i < 4 {
            let n = if i < 2 { i } else { i + 2 };
            (m[n], m[n + 2]) = (lower::<2>(m[n], m[n + 2]), upper::<2>(m[n], m[n + 2]));
            i += 1;
        }
        let mut n = 0;
        while n < 4 {
            (m[n], m[n + 4]) = (lower::<4>(m[n], m[n + 4]), upper::<4>(m[n], m[n + 4]));
            n += 1;
        }
        m
    }

    fn coordinate(rows: [&Limbs; 8]) -> Number {
        let mut loaded = [zero(); 8];
        let mut n = 0;
        while n < 8 {
            loaded[n] = load_limbs(rows[n]);
            n += 1;
        }
        number_of(transposed(loaded), ROW_TIMES)
    }

    /// A row for each lane.
    pub(super) fn look_up(rows: [&Row; 8]) -> Affine {
        Affine { x: coordinate(rows.map(|row| &row.x)), y: coordinate(rows.map(|row| &row.y)) }
    }

    /// Words of numbers below p, each times 2^384 modulo p.
    pub(super) fn load_words(words: [&Words; 8]) -> Number {
        let mut lanes = [[0; 8]; 8];
        for (lane, words) in words.into_iter().enumerate() {
            // 2^32 times more is 2^416 times the number, and 416 bits hold it.
            let [a, b, c, d, e, f] = *words;
            let low = [a << 32, a >> 32 | b << 32, b >> 32 | c << 32, c >> 32 | d << 32];
            let high = [d >> 32 | e << 32, e >> 32 | f << 32, f >> 32];
            let wide = [low[0], low[1], low[2], low[3], high[0], high[1], high[2], 0];
            for (n, limb) in lanes.iter_mut().enumerate() {
                let (word, bit) = (52 * n / 64, 52 * n % 64);
                limb[lane] = (u128::from(wide[word]) | u128::from(wide[word + 1]) << 64)
                    .unbounded_shr(bit as u32) as u64;
            }
        }
        let limbs = lanes.map(Limbs::new);
        let wide = load_number(limbs.each_ref(), 1 << 32);
        number(&mul(&wide, &same(&ONE)))
    }

    /// Numbers below p, each times 2^416 modulo p.
    pub(super) fn load_plain(words: [&Words; 8]) -> Number {
        let plain = plain(words);
        number(&mul(&plain, &same(&SQUARE)))
    }

    /// Numbers below p.
    pub(super) fn plain(words: [&Words; 8]) -> Number {
        let mut lanes = [[0; 8]; 8];
        for (lane, words) in words.into_iter().enumerate() {
            for (limb, value) in lanes.iter_mut().zip(limbs_of(words)) {
                limb[lane] = value;
            }
        }
        let limbs = lanes.map(Limbs::new);
        load_number(limbs.each_ref(), 1)
    }

    /// Numbers as words times 2^384 modulo p, below p.
    fn store_words(a: &Factor) -> [Words; 8] {
        let narrow = number(&mul(a, &same(&NARROW)));
        let limbs = lanes_of(&narrow, 2).map(|limb| store(limb));
        core::array::from_fn(|lane| reduced(core::array::from_fn(|n| limbs[n][lane])))
    }

    fn store_rows(x: &Number, y: &Number, rows: &mut Rows) {
        for (row, limb) in rows.iter_mut().zip(lanes_of(x, X_TIMES)) {
            row.x = store_limbs(limb);
        }
        for (row, limb) in rows.iter_mut().zip(lanes_of(y, Y_TIMES)) {
            row.y = store_limbs(limb);
        }
    }

    /// The first odd multiples of points: a row for each point, in each of N sets of rows. False if the
    /// inverse failed: no point may be infinity.
    ///
    /// The multiples are computed on the curve that is the points' own by the factor Z of twice the point, on which that has Z = 1:
    /// the additions do not depend on the curve's coefficients. Each multiplies Z by a number H, so that from the last inverse the
    /// others follow by one product each.
    pub(super) fn multiples<const N: usize>(
        point: &Point,
        table: &mut [Rows; N],
        invert: Invert<'_>,
    ) -> bool {
        let twice = double(point);
        // Z of twice the point is 2 Y Z.
        let unit = factor(&times::<1>(&sum(&point.y)));
        let (square, y) = sqr_mul(&unit, &point.y, &unit);
        let square = factor(&square);
        let (x, y) = mul_mul(&point.x, &square, &factor(&y), &square);
        let mut multiple = Point { x: number(&x), y: number(&y), z: same(&ONE) };
        let step = Affine { x: twice.x, y: twice.y };
        let mut steps = [*step.x; N];
        for (n, rows) in table.iter_mut().enumerate() {
            if n > 0 {
                (multiple, steps[n]) = add_affine(&multiple, &step, 0);
            }
            store_rows(&multiple.x, &multiple.y, rows);
        }
        let mut inverses = store_words(&factor(&mul(&multiple.z, &twice.z)));
        if !invert(&mut inverses) {
            return false;
        }
        let mut inverse = *load_words(inverses.each_ref());
        for (rows, step) in table.iter_mut().zip(&steps).rev() {
            let x = load_number(rows.each_ref().map(|row| &row.x), X_TIMES);
            let y = load_number(rows.each_ref().map(|row| &row.y), Y_TIMES);
            let (square, next) = sqr_mul(&inverse, &inverse, step);
            let square = factor(&square);
            let (x, cube) = mul_mul(&x, &square, &inverse, &square);
            let y = mul(&y, &factor(&cube));
            let x = transposed(lanes_of(&number(&x), ROW_TIMES));
            let y = transposed(lanes_of(&number(&y), ROW_TIMES));
            for ((row, x), y) in rows.iter_mut().zip(x).zip(y) {
                *row = Row { x: store_limbs(x), y: store_limbs(y) };
            }
            inverse = factor(&next);
        }
        true
    }
}

/// A number of limbs that is less than twice p, modulo p.
pub(super) fn reduced(limbs: [u64; 8]) -> Words {
    let mut reduced = [0; 8];
    let mut borrow = 0;
    for ((limb, less), p) in limbs.into_iter().zip(&mut reduced).zip(P) {
        let difference = limb.wrapping_sub(p + borrow);
        borrow = difference >> 63;
        *less = difference & ((1 << 52) - 1);
    }
    let limbs = if borrow == 0 { reduced } else { limbs };
    core::array::from_fn(|n| {
        let (limb, bit) = (64 * n / 52, 64 * n % 52);
        let wide = u128::from(limbs[limb]) | u128::from(limbs[limb + 1]) << 52;
        let highest = limbs.get(limb + 2).map_or(0, |limb| u128::from(*limb) << 104);
        ((wide | highest) >> bit) as u64
    })
}
