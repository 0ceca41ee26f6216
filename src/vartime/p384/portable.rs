//! Verification by the crate `p384`, which is the reference for the other ways.

use p384::ecdsa::Signature;
use p384::ecdsa::signature::hazmat::PrehashVerifier;
use p384::elliptic_curve::PrimeField;
use p384::{FieldBytes, Scalar};

use super::words::{Words, from_be, to_be};
use super::{Claim, Key};

/// The inverse of a scalar modulo n.
pub(super) fn inverse(scalar: &Words) -> Words {
    Option::<Scalar>::from(Scalar::from_repr(FieldBytes::from(to_be(scalar))))
        .and_then(|scalar| scalar.invert_vartime().into())
        .map_or([0; 6], |inverse: Scalar| from_be(&inverse.to_repr().into()))
}

/// SEC 1, section 4.1.4.
pub(super) fn verify(key: &Key, claim: &Claim<'_>) -> bool {
    Signature::from_scalars(*claim.r, *claim.s)
        .is_ok_and(|numbers| key.0.verify_prehash(claim.digest, &numbers).is_ok())
}

#[cfg(feature = "std")]
pub(super) use comb::Comb;

#[cfg(feature = "std")]
mod comb {
    use std::boxed::Box;
    use std::sync::LazyLock;
    use std::vec::Vec;

    use p384::elliptic_curve::bigint::U384;
    use p384::elliptic_curve::ops::Reduce;
    use p384::elliptic_curve::point::AffineCoordinates;
    use p384::elliptic_curve::{BatchNormalize, Group, PrimeField};
    use p384::{AffinePoint, FieldBytes, ProjectivePoint, Scalar};

    use super::super::NUMBER;
    use super::{Claim, Key};

    /// The teeth of a comb: so many bits of a scalar are looked up at once.
    const TEETH: usize = 8;
    /// The distance of two teeth, in bits: so many doublings for one product.
    const COLUMNS: usize = 384 / TEETH;

    /// The sums of the subsets of {P, 2^48 P, 2^96 P, ...}, by the subset as a number.
    pub(in super::super) struct Comb(Box<[AffinePoint]>);

    /// The multiples of the generator, made once.
    static GENERATOR: LazyLock<Comb> = LazyLock::new(|| Comb::new(ProjectivePoint::GENERATOR));

    impl Comb {
        /// That of a key.
        pub(in super::super) fn of(key: &Key) -> Self {
            LazyLock::force(&GENERATOR);
            Self::new(ProjectivePoint::from(*key.0.as_affine()))
        }

        fn new(point: ProjectivePoint) -> Self {
            let mut sums = Vec::with_capacity(1 << TEETH);
            sums.push(ProjectivePoint::IDENTITY);
            let mut tooth = point;
            for _ in 0..TEETH {
                for subset in 0..sums.len() {
                    sums.push(sums[subset] + tooth);
                }
                for _ in 0..COLUMNS {
                    tooth = tooth.double();
                }
            }
            // The inverse of infinity's z is no number; its place is set apart.
            let mut affine: Vec<AffinePoint> = ProjectivePoint::batch_normalize(&sums[1..]);
            affine.insert(0, AffinePoint::IDENTITY);
            Self(affine.into_boxed_slice())
        }

        /// What a column of a scalar, little-endian, adds; `None` for nothing.
        fn at(&self, scalar: &[u8; NUMBER], column: usize) -> Option<&AffinePoint> {
            let subset = (0..TEETH).fold(0, |subset, tooth| {
                let bit = tooth * COLUMNS + column;
                subset | usize::from(scalar[bit / 8] >> (bit % 8) & 1) << tooth
            });
            (subset != 0).then(|| &self.0[subset])
        }

        /// SEC 1, section 4.1.4, with one chain of doublings for both products.
        pub(in super::super) fn verify(&self, claim: &Claim<'_>) -> bool {
            let scalar = |number: &[u8; NUMBER]| {
                Option::<Scalar>::from(Scalar::from_repr(FieldBytes::from(*number)))
            };
            let (Some(r), Some(s)) = (scalar(claim.r), scalar(claim.s)) else { return false };
            let Some(inverse) = Option::<Scalar>::from(s.invert_vartime()) else { return false };
            let z = <Scalar as Reduce<U384>>::reduce(&U384::from_be_slice(claim.digest));
            let little_endian = |scalar: Scalar| {
                let mut bytes: [u8; NUMBER] = scalar.to_repr().into();
                bytes.reverse();
                bytes
            };
            let (u1, u2) = (little_endian(z * inverse), little_endian(r * inverse));
            let mut sum = ProjectivePoint::IDENTITY;
            for column in (0..COLUMNS).rev() {
                sum = sum.double();
                let terms = [GENERATOR.at(&u1, column), self.at(&u2, column)];
                sum = terms.into_iter().flatten().fold(sum, |sum, term| sum + term);
            }
            if sum == ProjectivePoint::IDENTITY {
                return false;
            }
            let x: [u8; NUMBER] = sum.to_affine().x().into();
            <Scalar as Reduce<U384>>::reduce(&U384::from_be_slice(&x)) == r
        }
    }
}
