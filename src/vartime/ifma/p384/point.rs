//! Eight points of the curve at a time, in Jacobian coordinates: x = X / Z^2, y = Y / Z^3, on y^2 = x^3 - 3 x + b.
//!
//! The additions are those for two points that differ, also by more than their sign. Where they do not, and where a point is
//! infinity, Z becomes zero, and stays so in whatever follows: who uses a sum asks once whether its Z is zero.
//!
//! What comes out of every function may go into every one: X up to 11 p, Y up to 4 p, Z up to 5 p.

use super::super::vector::{Mask, compiled};
use super::field::*;

/// Bounds of what is loaded, in multiples of p.
pub(super) const X_TIMES: u64 = 11;
pub(super) const Y_TIMES: u64 = 4;

#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) x: Number,
    pub(super) y: Number,
    pub(super) z: Number,
}

/// A point with Z = 1, for sums.
#[derive(Clone, Copy)]
pub(super) struct Affine {
    pub(super) x: Number,
    pub(super) y: Number,
}

compiled! {
    /// Twice a point ("dbl-2001-b" of the Explicit-Formulas Database, by Bernstein): with delta = Z^2, gamma = Y^2, beta = X gamma and
    /// alpha = 3 (X - delta) (X + delta), it is X' = alpha^2 - 8 beta, Y' = alpha (4 beta - X') - 8 gamma^2,
    /// Z' = (Y + Z)^2 - gamma - delta.
    pub(super) fn double(point: &Point) -> Point {
        let (delta, gamma) = sqr_sqr(&point.z, &point.y);
        let x = sum(&point.x);
        let above = factor(&plus(&x, &delta));
        let below = factor(&plus_p::<2>(&minus(&x, &delta)));
        let gamma_factor = factor(&gamma);
        let (alpha, beta) = mul_mul(&above, &below, &point.x, &gamma_factor);
        let alpha = factor(&plus(&alpha, &times::<1>(&alpha)));
        let both = factor(&plus(&sum(&point.y), &sum(&point.z)));
        let (alpha_squared, both_squared) = sqr_sqr(&alpha, &both);
        let beta4 = times::<2>(&beta);
        let beta8 = times::<1>(&beta4);
        // 4 beta - X' = 12 beta - alpha^2
        let rest = factor(&plus_p::<2>(&minus(&plus(&beta4, &beta8), &alpha_squared)));
        let y = mul_less_8_sqr(&alpha, &rest, &gamma_factor);
        Point {
            x: number(&plus_p::<9>(&minus(&alpha_squared, &beta8))),
            y: number(&plus_p::<1>(&y)),
            z: number(&plus_p::<3>(&minus(&minus(&both_squared, &gamma), &delta))),
        }
    }

    /// The end of every addition, from H, r = S2 - S1, U1, S1 and the factors of Z' = Z H: X' = r^2 - H^3 - 2 U1 H^2,
    /// Y' = r (U1 H^2 - X') - S1 H^3.
    fn finish(h: &Factor, r: &Factor, u1: &Factor, s1: &Factor, z: &Factor) -> Point {
        let (h_squared, r_squared) = sqr_sqr(h, r);
        let h_squared = factor(&h_squared);
        let (h_cubed, v) = mul_mul(h, &h_squared, u1, &h_squared);
        let v2 = times::<1>(&v);
        let x = minus(&minus(&r_squared, &h_cubed), &v2);
        // V - X' = 3 V + H^3 - r^2
        let rest = factor(&plus_p::<2>(&minus(&v, &x)));
        let (y, z) = mul_less_mul_mul([r, &rest, s1, &factor(&h_cubed)], z, h);
        Point {
            x: number(&plus_p::<4>(&x)),
            y: number(&plus_p::<1>(&y)),
            z: number(&z),
        }
    }

    /// A point plus another with Z = 1, which is negated in the lanes of the mask; and H, by which Z was multiplied.
    pub(super) fn add_affine(point: &Point, other: &Affine, negative: Mask) -> (Point, Factor) {
        let (zz, yz) = sqr_mul(&point.z, &other.y, &point.z);
        let zz = factor(&zz);
        let (u, s) = mul_mul(&other.x, &zz, &factor(&yz), &zz);
        let h = factor(&plus_p::<11>(&minus(&u, &sum(&point.x))));
        let r = factor(&plus_p::<6>(&minus(&negated(&s, negative), &sum(&point.y))));
        (finish(&h, &r, &point.x, &point.y, &point.z), h)
    }

    /// Each point plus the one that is DISTANCE lanes from it, by `n ^ DISTANCE`. Both lanes get the sum.
    pub(super) fn fold<const DISTANCE: usize>(point: &Point) -> Point {
        let z = exchanged::<DISTANCE>(&point.z);
        let (zz, yz) = sqr_mul(&z, &point.y, &z);
        let zz = factor(&zz);
        let (u, s) = mul_mul(&point.x, &zz, &factor(&yz), &zz);
        let h = factor(&plus_p::<2>(&minus(&exchanged_sum::<DISTANCE>(&u), &u)));
        let r = factor(&plus_p::<2>(&minus(&exchanged_sum::<DISTANCE>(&s), &s)));
        let z = factor(&mul(&point.z, &z));
        finish(&h, &r, &factor(&u), &factor(&s), &z)
    }

    /// A point with Z = 1, which is negated in the lanes of the mask, as a point.
    pub(super) fn from_affine(point: &Affine, negative: Mask) -> Point {
        Point {
            x: point.x,
            y: number(&plus_p::<2>(&negated(&sum(&point.y), negative))),
            z: same(&ONE),
        }
    }
}
