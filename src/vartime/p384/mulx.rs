//! Verification by products of 64-bit words, one point at a time.
//!
//! A verdict of `None` means that the sum met an exceptional case (see [`point`](super::point)): the portable arithmetic
//! is to decide. Whoever makes signatures can bring that about, and pays for it with no more than the other's time.

use super::claim::Numbers;
use super::digits::{CHUNK, CHUNKS, Digits, MULTIPLES, NonAdjacent, WIDTH};
use super::field::{Fe, Field};
use super::point::{Affine, Jacobian};
use super::words::Words;
use super::{Key, KeyRows, generator};
use crate::cpu::Mulx;

/// A sum of multiples of points, from the highest digits on.
struct Sum {
    field: Field,
    /// `None` is nothing, to begin with.
    point: Option<Jacobian>,
}

impl Sum {
    fn double(&mut self, times: usize) {
        self.point = self.point.map(|point| self.field.double_times(&point, times));
    }

    /// Adds a point, or takes it away.
    fn add(&mut self, point: &Affine, is_negative: bool) {
        let y = if is_negative { self.field.negate(&point.y) } else { point.y };
        let point = Affine { x: point.x, y };
        self.point = Some(match &self.point {
            None => point.into(),
            Some(sum) => self.field.add_affine(sum, &point),
        });
    }

    /// Adds a multiple that is looked up by its digit. `None` if the table has no such entry, which is a mistake in this crate.
    fn add_multiple(&mut self, multiples: &[Affine], index: usize, digit: i8) -> Option<()> {
        self.add(multiples.get(index)?, digit < 0);
        Some(())
    }

    /// Whether the sum's x is r modulo n; `None` if that is not known.
    fn verdict(&self, numbers: &Numbers) -> Option<bool> {
        let Jacobian { x, z, .. } = self.point?;
        if z.is_zero() {
            return None;
        }
        let z2 = self.field.square(&z);
        let is_x = |number: &Words| x == self.field.mul(&self.field.form(number), &z2);
        let (r, other) = numbers.coordinates();
        Some(is_x(&r) || other.is_some_and(|other| is_x(&other)))
    }
}

fn point_of(field: Field, key: &Key) -> Affine {
    let [x, y] = key.coordinates().map(|number| field.form(&number));
    Affine { x, y }
}

/// With a key of which nothing is known yet.
pub(super) fn verify(mulx: Mulx, key: &Key, numbers: &Numbers) -> Option<bool> {
    let field = Field(mulx);
    let multiples: [Jacobian; 8] = field.odd_multiples(&point_of(field, key).into());
    let multiples = field.to_affine(&multiples)?;
    let of_generator = NonAdjacent::<8>::of(&numbers.u1).digits;
    let of_key = NonAdjacent::<5>::of(&numbers.u2).digits;
    let mut sum = Sum { field, point: None };
    for (of_generator, of_key) in of_generator.into_iter().zip(of_key).rev() {
        sum.double(1);
        for (digit, multiples) in [(of_generator, generator::ODD.as_slice()), (of_key, &multiples)]
        {
            if digit != 0 {
                sum.add_multiple(multiples, usize::from(digit.unsigned_abs() / 2), digit)?;
            }
        }
    }
    sum.verdict(numbers)
}

/// The first points of a table's chunks: Q, 2^48 Q, and so on up to 2^336 Q.
pub(crate) fn chunk_bases(mulx: Mulx, key: &Key) -> [Jacobian; CHUNKS] {
    let field = Field(mulx);
    let mut bases = [point_of(field, key).into(); CHUNKS];
    for chunk in 1..CHUNKS {
        bases[chunk] = field.double_times(&bases[chunk - 1], CHUNK);
    }
    bases
}

/// Fills the table of a key; `None`, and rows without a meaning, if that went wrong, which it does not.
pub(super) fn fill(mulx: Mulx, key: &Key, rows: &mut KeyRows) -> Option<()> {
    let field = Field(mulx);
    let mut base = point_of(field, key).into();
    for chunk in &mut rows.0 {
        let multiples: [Jacobian; MULTIPLES] = field.multiples(&base);
        for (row, Affine { x, y }) in chunk.iter_mut().zip(field.to_affine(&multiples)?) {
            *row = [x, y].map(|Fe([a, b, c, d, e, f])| [a, b, c, d, e, f, 0, 0]);
        }
        // The last multiple is four doublings on the way.
        base = field.double_times(&multiples[MULTIPLES - 1], CHUNK - (WIDTH - 1));
    }
    Some(())
}

/// With the table of a key.
pub(super) fn verify_known(mulx: Mulx, rows: &KeyRows, numbers: &Numbers) -> Option<bool> {
    let field = Field(mulx);
    let of_generator = Digits::of(&numbers.u1);
    let of_key = Digits::of(&numbers.u2);
    let mut sum = Sum { field, point: None };
    for (of_generator, of_key) in of_generator.rows.iter().zip(&of_key.rows).rev() {
        sum.double(WIDTH);
        for (digits, rows) in [(of_generator, &generator::ROWS), (of_key, rows)] {
            for (digit, chunk) in digits.iter().zip(&rows.0) {
                if let Some(index) = usize::from(digit.unsigned_abs()).checked_sub(1) {
                    let [x, y] =
                        chunk.get(index)?.map(|[a, b, c, d, e, f, ..]| Fe([a, b, c, d, e, f]));
                    sum.add(&Affine { x, y }, *digit < 0);
                }
            }
        }
    }
    sum.verdict(numbers)
}

#[cfg(feature = "std")]
pub(super) use comb::Comb;

#[cfg(feature = "std")]
mod comb {
    use std::boxed::Box;
    use std::sync::OnceLock;
    use std::vec;

    use super::super::digits::{COMB_MULTIPLES, COMB_WIDTH, COMB_WINDOWS, comb_digits};
    use super::*;

    /// The multiples of a point by `d * 2^(6 window)`, for d from 1 to 32: 192 KiB.
    pub(in super::super) struct Comb(Box<[[Affine; COMB_MULTIPLES]; COMB_WINDOWS]>);

    const _: () = assert!(size_of::<[[Affine; COMB_MULTIPLES]; COMB_WINDOWS]>() == 192 * 1024);

    /// The multiples of the generator, made once.
    static GENERATOR: OnceLock<Option<Comb>> = OnceLock::new();

    fn generator(field: Field) -> Option<&'static Comb> {
        GENERATOR.get_or_init(|| Comb::new(field, &generator::ODD[0])).as_ref()
    }

    impl Comb {
        /// That of a key; `None` if it went wrong, which it does not.
        pub(in super::super) fn of(mulx: Mulx, key: &Key) -> Option<Self> {
            let field = Field(mulx);
            generator(field)?;
            Self::new(field, &point_of(field, key))
        }

        fn new(field: Field, point: &Affine) -> Option<Self> {
            let mut windows = vec![[*point; COMB_MULTIPLES]; COMB_WINDOWS];
            let mut base = (*point).into();
            for window in &mut windows {
                let multiples: [Jacobian; COMB_MULTIPLES] = field.multiples(&base);
                *window = field.to_affine(&multiples)?;
                // The last multiple is five doublings on the way.
                base = field.double(&multiples[COMB_MULTIPLES - 1]);
            }
            windows.into_boxed_slice().try_into().ok().map(Self)
        }

        pub(in super::super) fn verify(&self, mulx: Mulx, numbers: &Numbers) -> Option<bool> {
            let field = Field(mulx);
            let mut sum = Sum { field, point: None };
            for (scalar, comb) in [(&numbers.u1, generator(field)?), (&numbers.u2, self)] {
                for (digit, multiples) in comb_digits(scalar).into_iter().zip(comb.0.iter()) {
                    if let Some(index) = usize::from(digit.unsigned_abs()).checked_sub(1) {
                        sum.add_multiple(multiples, index, digit)?;
                    }
                }
            }
            sum.verdict(numbers)
        }
    }

    const _: () = assert!(COMB_MULTIPLES == 1 << (COMB_WIDTH - 1));
}
