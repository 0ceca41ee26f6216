//! Numbers modulo n, the order of the curve's group (SEC 2, section 2.5.1).

use super::inverse::Inverter;
use super::words::{Modulus, Words, is_less, is_zero};
use super::{TOGETHER, portable};

/// n.
pub(crate) const MODULUS: Modulus = Modulus::new(NUMBER);

const NUMBER: Words = [
    0xecec_196a_ccc5_2973,
    0x581a_0db2_48b0_a77a,
    0xc763_4d81_f437_2ddf,
    u64::MAX,
    u64::MAX,
    u64::MAX,
];

/// What makes a Montgomery form of a number, by a product.
const TO_FORM: Words = MODULUS.power_of_two(768);

static INVERTER: Inverter = Inverter::new(&NUMBER);

/// Whether a number is from 1 to n - 1.
pub(crate) fn is_scalar(number: &Words) -> bool {
    !is_zero(number) && is_less(number, &NUMBER)
}

/// n less a number, which is from 1 to n - 1.
#[cfg(feature = "std")]
pub(crate) fn negate(scalar: &Words) -> Words {
    super::words::subtract(&NUMBER, scalar).0
}

/// The inverse of a scalar in Montgomery's form: a product with it is a quotient by the scalar.
pub(crate) fn inverse(scalar: &Words) -> Words {
    let inverse = INVERTER
        .inverse(scalar)
        .map(|inverse| form(&inverse))
        .filter(|inverse| MODULUS.product(scalar, inverse) == [1, 0, 0, 0, 0, 0]);
    // It does not happen, as far as anybody knows.
    inverse.unwrap_or_else(|| form(&portable::inverse(scalar)))
}

/// Puts the inverses of up to [`TOGETHER`] scalars in their places, by one inversion.
pub(crate) fn inverses(scalars: &mut [Words]) {
    let mut before = [[0; 6]; TOGETHER];
    let Some((first, others)) = scalars.split_first_mut() else { return };
    let mut product = *first;
    for (scalar, before) in others.iter().zip(&mut before) {
        *before = product;
        product = MODULUS.product(&product, scalar);
    }
    let mut left = inverse(&product);
    for (scalar, before) in others.iter_mut().zip(&before).rev() {
        let inverse = MODULUS.product(&left, before);
        left = MODULUS.product(&left, scalar);
        *scalar = inverse;
    }
    *first = left;
}

fn form(number: &Words) -> Words {
    MODULUS.product(number, &TO_FORM)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::super::tests::scalars;
    use super::super::words::subtract;
    use super::*;

    const ONE: Words = [1, 0, 0, 0, 0, 0];

    fn check(scalar: &Words) {
        assert_eq!(MODULUS.product(scalar, &inverse(scalar)), ONE, "{scalar:x?}");
        assert_eq!(inverse(scalar), form(&portable::inverse(scalar)), "{scalar:x?}");
    }

    #[test]
    fn inverses_of_some() {
        scalars().iter().filter(|scalar| is_scalar(scalar)).for_each(check);
        assert_eq!(INVERTER.inverse(&[0; 6]), None);
    }

    #[test]
    fn inverses_of_several() {
        let some: Vec<_> = scalars().into_iter().filter(is_scalar).collect();
        for count in 0..=TOGETHER {
            for several in some.windows(count.max(1)).step_by(7) {
                let mut inverses_of = several[..count].to_vec();
                inverses(&mut inverses_of);
                let expected: Vec<_> = several[..count].iter().map(inverse).collect();
                assert_eq!(inverses_of, expected);
            }
        }
    }

    #[test]
    fn range() {
        let below = subtract(&NUMBER, &ONE).0;
        assert!(is_scalar(&ONE) && is_scalar(&below));
        for bad in [[0; 6], NUMBER, [u64::MAX; 6]] {
            assert!(!is_scalar(&bad));
        }
        #[cfg(feature = "std")]
        assert_eq!(negate(&below), ONE);
    }

    proptest! {
        #[test]
        fn inverses_of_any(number: [u64; 6]) {
            check(&MODULUS.reduce(&number));
        }
    }
}
