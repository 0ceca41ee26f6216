//! Points of the curve y^2 = x^3 - 3 x + b.
//!
//! Sums are not those of the whole group: where both points have one x, that is where they are equal or opposite, z becomes
//! zero, as that of the point at infinity is, and stays zero in every sum and double that follows. So whoever finds z = 0 at
//! the end knows that something was left out, and computes once more in another way.

use super::field::{Fe, Field};

/// A point that is not at infinity, by its coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Affine {
    pub(crate) x: Fe,
    pub(crate) y: Fe,
}

/// The point `(x / z^2, y / z^3)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jacobian {
    pub(crate) x: Fe,
    pub(crate) y: Fe,
    pub(crate) z: Fe,
}

/// A point to be added many times, with what its z is needed for.
pub(crate) struct Addend {
    point: Jacobian,
    z2: Fe,
    z3: Fe,
}

impl From<Affine> for Jacobian {
    fn from(Affine { x, y }: Affine) -> Self {
        Self { x, y, z: Fe::ONE }
    }
}

impl Field {
    /// Four products and four squares. With l = 3/2 (x - z^2) (x + z^2), half of the tangent's slope times z, the double is
    /// (l^2 - 2 x y^2, l (x y^2 - x') - y^4, y z).
    pub(crate) fn double(self, &Jacobian { x, y, z }: &Jacobian) -> Jacobian {
        let z2 = self.square(&z);
        let product = self.mul(&self.sub(&x, &z2), &self.add(&x, &z2));
        let l = self.add(&product, &self.half(&product));
        let y2 = self.square(&y);
        let xy2 = self.mul(&x, &y2);
        let x_new = self.sub(&self.square(&l), &self.add(&xy2, &xy2));
        let y_new = self.sub(&self.mul(&l, &self.sub(&xy2, &x_new)), &self.square(&y2));
        Jacobian { x: x_new, y: y_new, z: self.mul(&y, &z) }
    }

    pub(crate) fn double_times(self, point: &Jacobian, times: usize) -> Jacobian {
        (0..times).fold(*point, |point, _| self.double(&point))
    }

    /// Eight products and three squares; not of points with one x.
    pub(crate) fn add_affine(self, a: &Jacobian, b: &Affine) -> Jacobian {
        let z2 = self.square(&a.z);
        let x = self.mul(&b.x, &z2);
        let y = self.mul(&b.y, &self.mul(&a.z, &z2));
        let h = self.sub(&x, &a.x);
        self.sum(&a.x, &a.y, &h, &y, self.mul(&a.z, &h))
    }

    /// Eleven products and three squares; not of points with one x.
    pub(crate) fn add_point(self, a: &Jacobian, b: &Addend) -> Jacobian {
        let z2 = self.square(&a.z);
        let x_a = self.mul(&a.x, &b.z2);
        let y_a = self.mul(&a.y, &b.z3);
        let x = self.mul(&b.point.x, &z2);
        let y = self.mul(&b.point.y, &self.mul(&a.z, &z2));
        let h = self.sub(&x, &x_a);
        self.sum(&x_a, &y_a, &h, &y, self.mul(&self.mul(&a.z, &b.point.z), &h))
    }

    /// The sum of points over one denominator: (x, y) and (x + h, other_y).
    fn sum(self, x: &Fe, y: &Fe, h: &Fe, other_y: &Fe, z: Fe) -> Jacobian {
        let r = self.sub(other_y, y);
        let h2 = self.square(h);
        let h3 = self.mul(h, &h2);
        let v = self.mul(x, &h2);
        let x_new = self.sub(&self.sub(&self.square(&r), &h3), &self.add(&v, &v));
        let y_new = self.sub(&self.mul(&r, &self.sub(&v, &x_new)), &self.mul(y, &h3));
        Jacobian { x: x_new, y: y_new, z }
    }

    pub(crate) fn addend(self, point: &Jacobian) -> Addend {
        let z2 = self.square(&point.z);
        Addend { point: *point, z3: self.mul(&z2, &point.z), z2 }
    }

    /// The multiples by 1 to N of a point whose order is higher than that.
    pub(crate) fn multiples<const N: usize>(self, point: &Jacobian) -> [Jacobian; N] {
        let addend = self.addend(point);
        let mut multiples = [*point; N];
        for i in 1..N {
            // The multiple by i + 1.
            multiples[i] = match i % 2 {
                1 => self.double(&multiples[i / 2]),
                _ => self.add_point(&multiples[i - 1], &addend),
            };
        }
        multiples
    }

    /// The multiples by 1, 3, 5 and so on.
    pub(crate) fn odd_multiples<const N: usize>(self, point: &Jacobian) -> [Jacobian; N] {
        let double = self.addend(&self.double(point));
        let mut multiples = [*point; N];
        for i in 1..N {
            multiples[i] = self.add_point(&multiples[i - 1], &double);
        }
        multiples
    }

    /// Points by their coordinates, with one inversion for all; `None` if one is at infinity.
    pub(crate) fn to_affine<const N: usize>(self, points: &[Jacobian; N]) -> Option<[Affine; N]> {
        let mut inverses = points.each_ref().map(|point| point.z);
        self.inverses(&mut inverses)?;
        Some(core::array::from_fn(|n| {
            let (point, z) = (&points[n], &inverses[n]);
            let z2 = self.square(z);
            Affine { x: self.mul(&point.x, &z2), y: self.mul(&point.y, &self.mul(&z2, z)) }
        }))
    }
}
