//! The arithmetic of P-384 in lanes against the crates `p384` and `crypto-bigint`: by the model on every CPU, which shows the bounds
//! as well, and by the CPU if it has IFMA.

use std::boxed::Box;
use std::vec::Vec;

use ::p384::elliptic_curve::ops::Reduce;
use ::p384::elliptic_curve::point::AffineCoordinates;
use ::p384::elliptic_curve::sec1::ToSec1Point;
use ::p384::elliptic_curve::{Group, PrimeField};
use ::p384::{ProjectivePoint, Scalar};
use crypto_bigint::{NonZero, U384, U1024};

use super::*;
use crate::cpu::{Arithmetic, ArithmeticKind, ArithmeticToken};

const P: U384 = U384::from_be_hex(
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
);
const N: U384 = U384::from_be_hex(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
);

/// What computes.
#[derive(Clone, Copy, Debug)]
enum Way {
    Model,
    Cpu(Ifma),
}

fn ways() -> Vec<Way> {
    let mut ways = Vec::from([Way::Model]);
    if let Some(Arithmetic(ArithmeticToken::Ifma(ifma))) = Arithmetic::new(ArithmeticKind::Ifma) {
        ways.push(Way::Cpu(ifma));
    } else {
        std::eprintln!("SKIPPED: P-384 by AVX-512 IFMA on this CPU");
    }
    ways
}

entries! {
    fn products_of(factors: &[(Lanes, u64); 6]) -> Vec<(&'static str, Raw)> = p384::trial::products_of;
    fn carried(a: &Lanes, b: &Lanes, times: u64) -> [Raw; 4] = p384::trial::carried;
    fn zeros(a: &Lanes, b: &Lanes, c: &Lanes) -> [u8; 2] = p384::trial::zeros;
    fn points_of(points: &[Jacobian; 8], rows: &[Row; 8], negative: u8) -> [[Raw; 3]; 5] = p384::trial::points_of;
    fn loaded(x: &[Words; 8]) -> (Raw, Raw) = p384::trial::loaded;
}

type Lanes = [Limbs; 8];
type Raw = [[u64; 8]; 8];

/// The same function by the model, or by the CPU.
macro_rules! by {
    ($way:expr, $entry:ident = $($function:ident)::+ ($($argument:expr),* $(,)?)) => {
        match $way {
            Way::Model => model::p384::$($function)::+($($argument),*),
            Way::Cpu(ifma) => $entry(ifma, $($argument),*),
        }
    };
}

fn p() -> NonZero<U384> {
    NonZero::new(P).unwrap()
}

fn mul(a: &U384, b: &U384) -> U384 {
    a.mul_mod(b, &p())
}

/// `x^(p - 2)`
fn inverse(x: &U384) -> U384 {
    let exponent = P.wrapping_sub(&U384::from_u8(2));
    (0..384).rev().fold(U384::ONE, |power, bit| {
        let square = mul(&power, &power);
        if exponent.bit_vartime(bit) { mul(&square, x) } else { square }
    })
}

/// `2^exponent` modulo p.
fn power_of_two(exponent: u32) -> U384 {
    (0..exponent).fold(U384::ONE, |power, _| power.add_mod(&power, &p()))
}

fn invert(numbers: &mut [Words; 8]) -> bool {
    let square = power_of_two(768);
    for number in numbers {
        assert!(U384::from_words(*number) < P && *number != [0; 6]);
        *number = mul(&inverse(&U384::from_words(*number)), &square).to_words();
    }
    true
}

/// A sum of limbs with signs, modulo p: lane by lane.
fn value(raw: &Raw) -> [U384; 8] {
    let modulus = NonZero::new(P.resize::<{ U1024::LIMBS }>()).unwrap();
    core::array::from_fn(|lane| {
        // So many times p as make every sum of limbs positive.
        let mut sum = P.resize::<{ U1024::LIMBS }>().shl(100);
        for (n, limb) in raw.iter().enumerate() {
            let limb = limb[lane] as i64;
            let part = U1024::from_u64(limb.unsigned_abs()).shl(52 * n as u32);
            sum = if limb < 0 { sum.wrapping_sub(&part) } else { sum.wrapping_add(&part) };
        }
        sum.rem_vartime(&modulus).resize()
    })
}

/// Without its factor 2^416.
fn plain(number: &U384) -> U384 {
    mul(number, &inverse(&power_of_two(416)))
}

fn affine(point: &ProjectivePoint) -> [Words; 2] {
    let point = point.to_affine().to_sec1_point(false);
    [point.x(), point.y()].map(|n| U384::from_be_slice(n.unwrap()).to_words())
}

fn row(point: &ProjectivePoint) -> Row {
    let [x, y] = affine(point).map(|n| mul(&U384::from_words(n), &power_of_two(416)).to_words());
    Row::new(&x, &y)
}

fn scalar(x: &U384) -> Scalar {
    <Scalar as Reduce<U384>>::reduce(x)
}

/// A point with any factor as its Z.
fn jacobian(point: &ProjectivePoint, z: &U384) -> Jacobian {
    let [x, y] = affine(point).map(U384::from_words);
    let square = mul(z, z);
    [mul(&x, &square), mul(&y, &mul(&square, z)), *z]
        .map(|n| mul(&n, &power_of_two(384)).to_words())
}

fn bases(point: &ProjectivePoint) -> [Jacobian; 8] {
    let mut chunk = *point;
    core::array::from_fn(|n| {
        if n > 0 {
            (0..48).for_each(|_| chunk = chunk.double());
        }
        jacobian(&chunk, &U384::from_u64(0x1234_5678_9ABC_DEF0 + n as u64))
    })
}

/// A table by the crate `p384`.
fn table(point: &ProjectivePoint) -> Box<Multiples> {
    let mut chunk = *point;
    let mut table = Box::new([[Row::ZERO; 8]; 16]);
    for lane in 0..8 {
        if lane > 0 {
            (0..48).for_each(|_| chunk = chunk.double());
        }
        let mut multiple = chunk;
        for rows in table.iter_mut() {
            rows[lane] = row(&multiple);
            multiple += chunk.double();
        }
    }
    table
}

/// x of a sum, and what comes out if it is infinity.
fn x_of(sum: &ProjectivePoint) -> Option<Words> {
    (*sum != ProjectivePoint::IDENTITY)
        .then(|| U384::from_be_slice(&sum.to_affine().x()).to_words())
}

/// Numbers that have no pattern.
fn random(seed: &mut u64) -> U384 {
    U384::from_words(core::array::from_fn(|_| {
        *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mix = (*seed ^ *seed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mix = (mix ^ mix >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mix ^ mix >> 31
    }))
}

#[test]
fn first() {
    let mut seed = 7;
    for way in ways() {
        let g = ProjectivePoint::GENERATOR;
        let key = g * scalar(&random(&mut seed));
        let (g_table, key_table) = (table(&g), table(&key));
        let mut made = Box::new([[Row::ZERO; 8]; 16]);
        assert!(by!(way, p384_fill = fill(&bases(&key), &mut made, &invert)));
        let [u1, u2] = [0, 1].map(|_| U384::from_be_slice(&scalar(&random(&mut seed)).to_repr()));
        let x = x_of(&(g * scalar(&u1) + key * scalar(&u2))).unwrap();
        let scalars = [u1, u2].map(|u| Signs::of(&u.to_words()));
        for table in [&key_table, &made] {
            for (candidates, accepted) in
                [([x, [0; 6]], 0xFF), ([[0; 6], x], 0xFF), ([[0; 6]; 2], 0)]
            {
                assert_eq!(
                    by!(way, p384_known = known(&scalars, [&g_table, table], &candidates)),
                    Verdicts { accepted, unknown: 0 },
                    "{way:?}"
                );
            }
        }
    }
}
