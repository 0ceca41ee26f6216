//! The arithmetic of verification on P-384, all on public data and in variable time: the one file to replace for a
//! faster one.

use p384::ecdsa::signature::hazmat::PrehashVerifier;
use p384::ecdsa::{Signature as Numbers, VerifyingKey};
use p384::elliptic_curve::PrimeField;
use p384::{FieldBytes, Scalar};

use super::{NUMBER, Signature};

/// Whether a big-endian number is from 1 to n - 1.
pub(super) fn is_scalar(number: &[u8; NUMBER]) -> bool {
    let scalar = Option::<Scalar>::from(Scalar::from_repr(FieldBytes::from(*number)));
    scalar.is_some_and(|scalar| scalar != Scalar::ZERO)
}

/// A point of the curve, not the one at infinity.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Key(VerifyingKey);

impl From<VerifyingKey> for Key {
    fn from(key: VerifyingKey) -> Self {
        Self(key)
    }
}

impl Key {
    pub(super) fn from_sec1(point: &[u8; 97]) -> Option<Self> {
        VerifyingKey::from_sec1_bytes(point).ok().map(Self)
    }

    pub(super) fn to_sec1(self) -> [u8; 97] {
        let mut bytes = [0; 97];
        bytes.copy_from_slice(self.0.to_sec1_point(false).as_bytes());
        bytes
    }

    /// SEC 1, section 4.1.4, for a message's digest.
    pub(super) fn verify_vartime(&self, digest: &[u8; NUMBER], signature: &Signature) -> bool {
        let numbers = Numbers::from_scalars(signature.r, signature.s);
        numbers.is_ok_and(|numbers| self.0.verify_prehash(digest, &numbers).is_ok())
    }
}

#[cfg(feature = "std")]
pub(super) use table::Table;

#[cfg(feature = "std")]
mod table {
    use std::boxed::Box;
    use std::sync::LazyLock;
    use std::vec::Vec;

    use p384::elliptic_curve::bigint::U384;
    use p384::elliptic_curve::ops::Reduce;
    use p384::elliptic_curve::point::AffineCoordinates;
    use p384::elliptic_curve::{BatchNormalize, Group, PrimeField};
    use p384::{AffinePoint, FieldBytes, ProjectivePoint, Scalar};

    use super::{Key, NUMBER, Signature};

    /// The teeth of a comb: so many bits of a scalar are looked up at once.
    const TEETH: usize = 8;
    /// The distance of two teeth, in bits: so many doublings for one product.
    const COLUMNS: usize = 384 / TEETH;

    /// The sums of the subsets of {P, 2^48 P, 2^96 P, ...}, by the subset as a number.
    struct Comb(Box<[AffinePoint]>);

    impl Comb {
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

        /// What a column of a scalar, 32 bytes little-endian and up, adds; `None` for nothing.
        fn at(&self, scalar: &[u8; NUMBER], column: usize) -> Option<&AffinePoint> {
            let subset = (0..TEETH).fold(0, |subset, tooth| {
                let bit = tooth * COLUMNS + column;
                subset | usize::from(scalar[bit / 8] >> (bit % 8) & 1) << tooth
            });
            (subset != 0).then(|| &self.0[subset])
        }
    }

    /// The multiples of the generator, made once.
    static GENERATOR: LazyLock<Comb> = LazyLock::new(|| Comb::new(ProjectivePoint::GENERATOR));

    /// A key with its multiples.
    pub(in super::super) struct Table(Comb);

    impl Table {
        pub(in super::super) fn new(key: &Key) -> Self {
            LazyLock::force(&GENERATOR);
            Self(Comb::new(ProjectivePoint::from(*key.0.as_affine())))
        }

        /// SEC 1, section 4.1.4, with one chain of doublings for both products.
        pub(in super::super) fn verify_vartime(
            &self,
            digest: &[u8; NUMBER],
            signature: &Signature,
        ) -> bool {
            let scalar = |number: &[u8; NUMBER]| {
                Option::<Scalar>::from(Scalar::from_repr(FieldBytes::from(*number)))
            };
            let (Some(r), Some(s)) = (scalar(&signature.r), scalar(&signature.s)) else {
                return false;
            };
            let Some(inverse) = Option::<Scalar>::from(s.invert_vartime()) else { return false };
            let z = <Scalar as Reduce<U384>>::reduce(&U384::from_be_slice(digest));
            let little_endian = |scalar: Scalar| {
                let mut bytes: [u8; NUMBER] = scalar.to_repr().into();
                bytes.reverse();
                bytes
            };
            let (u1, u2) = (little_endian(z * inverse), little_endian(r * inverse));
            let mut sum = ProjectivePoint::IDENTITY;
            for column in (0..COLUMNS).rev() {
                sum = sum.double();
                let terms = [GENERATOR.at(&u1, column), self.0.at(&u2, column)];
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
