//! What is claimed, as numbers.

use super::words::{Words, from_be};
use super::{Claim, TOGETHER, field, order};

/// What a claim comes to: the key has signed it if the point `u1 G + u2 Q` is not at infinity and its x is r, modulo n
/// (SEC 1, section 4.1.4). u1 is below n, r and u2 are from 1 to n - 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    pub(crate) u1: Words,
    pub(crate) u2: Words,
    pub(crate) r: Words,
}

/// A claim whose r and s are in their range.
#[derive(Clone, Copy)]
struct InRange {
    digest: Words,
    r: Words,
    s: Words,
}

impl InRange {
    fn of(claim: &Claim<'_>) -> Option<Self> {
        let [digest, r, s] = [claim.digest, claim.r, claim.s].map(from_be);
        (order::is_scalar(&r) && order::is_scalar(&s)).then_some(Self { digest, r, s })
    }

    /// With the inverse of s.
    fn numbers(&self, inverse: &Words) -> Numbers {
        let digest = order::MODULUS.reduce(&self.digest);
        Numbers {
            u1: order::MODULUS.product(&digest, inverse),
            u2: order::MODULUS.product(&self.r, inverse),
            r: self.r,
        }
    }
}

impl Numbers {
    /// `None` if a number is out of its range.
    pub(crate) fn of(claim: &Claim<'_>) -> Option<Self> {
        InRange::of(claim).map(|it| it.numbers(&order::inverse(&it.s)))
    }

    /// The same of each, by one inversion. One whose numbers are out of range changes nothing for the others.
    pub(crate) fn of_each(claims: &[Option<Claim<'_>>; TOGETHER]) -> [Option<Self>; TOGETHER] {
        let in_range = claims.map(|claim| InRange::of(&claim?));
        let mut inverses = in_range.map(|it| it.map_or([1, 0, 0, 0, 0, 0], |it| it.s));
        order::inverses(&mut inverses);
        core::array::from_fn(|i| Some(in_range[i]?.numbers(&inverses[i])))
    }

    /// The x coordinates, below p, that are r modulo n: r, and r + n if that is below p.
    pub(crate) fn coordinates(&self) -> (Words, Option<Words>) {
        let (sum, is_over) = super::words::add(&self.r, order::MODULUS.number());
        let is_coordinate = !is_over && super::words::is_less(&sum, field::MODULUS.number());
        (self.r, is_coordinate.then_some(sum))
    }
}
