//! Verification with P-384, lanes as points.

mod field;
mod point;
mod table;

use super::vector::compiled;
use field::*;
use point::*;
use table::{load_plain, load_words, look_up, multiples, plain};

use crate::vartime::ifma::digits::{Digits, Signs};
use crate::vartime::ifma::points::*;

compiled! {
    fn load_point(points: &[Jacobian; 8]) -> Point {
        let [x, y, z] = [0, 1, 2].map(|n| load_words(points.each_ref().map(|point| &point[n])));
        Point { x, y, z }
    }

    fn load_keys(points: [&[Words; 2]; 8]) -> Point {
        Point {
            x: load_plain(points.map(|point| &point[0])),
            y: load_plain(points.map(|point| &point[1])),
            z: same(&ONE),
        }
    }

    fn add_digits(point: &Point, rows: [&Row; 8], digits: &Digits) -> Point {
        add_affine(point, &look_up(rows), digits.negative).0
    }

    /// The rows of lanes, each by its digit.
    fn rows_at<'a, const N: usize>(table: &'a [Rows; N], digits: &Digits) -> [&'a Row; 8] {
        core::array::from_fn(|lane| &table[digits.places[lane]][lane])
    }

    fn folded(point: &Point) -> Point {
        fold::<1>(&fold::<2>(&fold::<4>(point)))
    }

    /// X = r Z^2?
    fn verdicts(point: &Point, candidates: [&Candidates; 8]) -> Verdicts {
        let (square, z) = sqr_mul(&point.z, &point.z, &same(&UNIT));
        let square = factor(&square);
        let unit = same(&UNIT);
        let asked = |n: usize| {
            let candidate = plain(candidates.map(|two| &two[n]));
            is_zero(&mul_less_mul(&candidate, &square, &point.x, &unit))
        };
        let unknown = is_zero(&z);
        Verdicts { accepted: (asked(0) | asked(1)) & !unknown, unknown }
    }

    /// The table of a key, from its multiples by 2^(48 n) for lane n.
    pub(in crate::vartime::ifma) fn fill(bases: &[Jacobian; 8], table: &mut Multiples, invert: Invert<'_>) -> bool {
        multiples(&load_point(bases), table, invert)
    }

    /// The tables of eight keys.
    pub(in crate::vartime::ifma) fn fill_eight(
        keys: &[[Words; 2]; 8],
        scratch: &mut Multiples,
        mut tables: [&mut Multiples; 8],
        invert: Invert<'_>,
    ) -> bool {
        let mut point = load_keys(keys.each_ref());
        for chunk in 0..8 {
            if chunk > 0 {
                for _ in 0..48 {
                    point = double(&point);
                }
            }
            if !multiples(&point, scratch, invert) {
                return false;
            }
            for (n, table) in tables.iter_mut().enumerate() {
                for (rows, made) in table.iter_mut().zip(&*scratch) {
                    rows[chunk] = made[n];
                }
            }
        }
        true
    }

    /// The large table of a key, from its multiples by 2^(48 n) for lane n.
    pub(in crate::vartime::ifma) fn fill_comb(bases: &[Jacobian; 8], table: &mut Comb, invert: Invert<'_>) -> bool {
        let mut point = load_point(bases);
        for (n, table) in table.iter_mut().enumerate() {
            if n > 0 {
                for _ in 0..6 {
                    point = double(&point);
                }
            }
            if !multiples(&point, table, invert) {
                return false;
            }
        }
        true
    }

    /// By tables of the generator and of a key. Lane n takes 48 bits of each scalar, in windows of 5.
    pub(in crate::vartime::ifma) fn known(
        scalars: &[Signs; 2],
        tables: [&Multiples; 2],
        candidates: &Candidates,
    ) -> Verdicts {
        let digits = scalars.each_ref().map(|scalar| Digits::of_chunks(scalar, 45, 3));
        let first = look_up(rows_at(tables[0], &digits[0]));
        let mut point = from_affine(&first, digits[0].negative);
        point = add_digits(&point, rows_at(tables[1], &digits[1]), &digits[1]);
        for from in (0..9).rev().map(|window| 5 * window) {
            for _ in 0..5 {
                point = double(&point);
            }
            for (scalar, table) in scalars.iter().zip(tables) {
                let digits = Digits::of_chunks(scalar, from, 5);
                point = add_digits(&point, rows_at(table, &digits), &digits);
            }
        }
        verdicts(&folded(&point), [candidates; 8])
    }

    /// By large tables of the generator and of a key.
    pub(in crate::vartime::ifma) fn known_comb(
        scalars: &[Signs; 2],
        tables: [&Comb; 2],
        candidates: &Candidates,
    ) -> Verdicts {
        let digits = Digits::of_chunks(&scalars[0], 0, 6);
        let first = look_up(rows_at(&tables[0][0], &digits));
        let mut point = from_affine(&first, digits.negative);
        for (which, (scalar, table)) in scalars.iter().zip(tables).enumerate() {
            for (window, table) in table.iter().enumerate().skip(1 - which) {
                let digits = Digits::of_chunks(scalar, 6 * window, 6);
                point = add_digits(&point, rows_at(table, &digits), &digits);
            }
        }
        verdicts(&folded(&point), [candidates; 8])
    }

    /// Eight signatures, each in its lane: windows of 5 bits of the key's scalars, and of 7 bits of the generator's.
    pub(in crate::vartime::ifma) fn eight(
        cases: &[Case; 8],
        generator: &OddMultiples,
        scratch: &mut Multiples,
        invert: Invert<'_>,
    ) -> Option<Verdicts> {
        let keys = load_keys(cases.each_ref().map(|case| &case.key));
        if !multiples(&keys, scratch, invert) {
            return None;
        }
        let scalars = [0, 1].map(|which| cases.each_ref().map(|case| case.scalars[which]));
        let digits = Digits::of_each(&scalars[1], 380, 4);
        let first = look_up(rows_at(scratch, &digits));
        let mut point = from_affine(&first, digits.negative);
        for from in (0..380).rev() {
            point = double(&point);
            if from % 5 == 0 {
                let digits = Digits::of_each(&scalars[1], from, 5);
                point = add_digits(&point, rows_at(scratch, &digits), &digits);
            }
            if from % 7 == 0 {
                let digits = Digits::of_each(&scalars[0], from, if from == 378 { 6 } else { 7 });
                let rows = digits.places.map(|place| &generator[place]);
                point = add_digits(&point, rows, &digits);
            }
        }
        Some(verdicts(&point, cases.each_ref().map(|case| &case.candidates)))
    }
}

#[cfg(test)]
#[allow(dead_code, reason = "some of it is for the model alone")]
pub(in crate::vartime::ifma) mod trial;
