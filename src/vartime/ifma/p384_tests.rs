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

/// `where_the_cpu_has_no_ifma_it_is_said` tells where the CPU is not one of them.
fn ways() -> Vec<Way> {
    let mut ways = Vec::from([Way::Model]);
    if let Some(Arithmetic(ArithmeticToken::Ifma(ifma))) = Arithmetic::new(ArithmeticKind::Ifma) {
        ways.push(Way::Cpu(ifma));
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

/// Lanes of numbers: limb by limb.
fn lanes(numbers: &[[u64; 8]; 8]) -> Lanes {
    core::array::from_fn(|n| Limbs::new(numbers.map(|number| number[n])))
}

fn limbs(number: &U384) -> [u64; 8] {
    points::limbs_of(&number.to_words())
}

/// Numbers at which something is carried, each in limbs, and how many times p they may be.
fn edges() -> (Vec<[u64; 8]>, u64) {
    let full = LIMB_MAX;
    let mut all = Vec::from([[0; 8], [full; 8]]);
    for n in 0..8 {
        let only = |limb: u64| core::array::from_fn(|i| if i == n { limb } else { 0 });
        let but = |limb: u64| core::array::from_fn(|i| if i == n { limb } else { full });
        all.extend([only(1), only(full), only(1 << 51), but(0), but(full - 1)]);
        all.push(core::array::from_fn(|i| if i < n { full } else { 0 }));
        all.push(core::array::from_fn(|i| if i < n { 0 } else { full }));
    }
    // p - 2^i, and values beside multiples of p.
    for bit in (0..384).step_by(13).chain([32, 96, 128, 383]) {
        all.push(limbs(&P.wrapping_sub(&U384::ONE.shl(bit))));
    }
    let wide = P.resize::<{ U1024::LIMBS }>();
    for times in [1_u64, 2, 3, 11, 16, 1 << 20, u64::from(u32::MAX)] {
        let multiple = U1024::from_u64(times).wrapping_mul(&wide);
        for less in 0..3 {
            let number = multiple.wrapping_sub(&U1024::from_u64(less)).to_words();
            let limb = |n: usize| {
                let (word, bit) = (52 * n / 64, 52 * n % 64);
                (u128::from(number[word]) | u128::from(number[word + 1]) << 64)
                    .unbounded_shr(bit as u32) as u64
            };
            all.push(core::array::from_fn(|n| limb(n) & full));
        }
    }
    // 416 bits.
    (all, (1 << 32) + 1)
}

/// Each product of six factors, by the model and by the CPU, modulo p.
fn check_products(numbers: &[([[u64; 8]; 8], u64); 6]) {
    let factors = numbers.map(|(numbers, times)| (lanes(&numbers), times));
    let unit = inverse(&power_of_two(416));
    let values = numbers.map(|(numbers, _)| {
        let lanes = lanes(&numbers);
        value(&lanes.map(|limbs| *limbs.get()))
    });
    let modelled = model::p384::trial::products_of(&factors);
    for (name, raw) in &modelled {
        let found = value(raw);
        for (lane, found) in found.iter().enumerate() {
            let [a, b, c, d, e, f] = values.map(|value| value[lane]);
            let mul = |a: &U384, b: &U384| mul(&mul(a, b), &unit);
            let eight = U384::from_u8(8).mul_mod(&power_of_two(416), &p());
            let expected = match *name {
                "a b" => mul(&a, &b),
                "c d" => mul(&c, &d),
                "a a" => mul(&a, &a),
                "b b" => mul(&b, &b),
                "b c" => mul(&b, &c),
                "e f" => mul(&e, &f),
                "a b - c d" => mul(&a, &b).sub_mod(&mul(&c, &d), &p()),
                "a b - 8 c c" => mul(&a, &b).sub_mod(&mul(&mul(&c, &c), &eight), &p()),
                name => panic!("{name} is not known"),
            };
            assert_eq!(*found, expected, "{name}, lane {lane}: {numbers:x?}");
        }
    }
    if let Some(Way::Cpu(ifma)) = ways().pop() {
        assert_eq!(products_of(ifma, &factors), modelled);
    }
}

#[test]
fn products_of_edges() {
    let (edges, times) = edges();
    let at = |n: usize| edges[n % edges.len()];
    // All against some, in lanes beside each other.
    for step in [0, 1, 2, 8, 9, 17, 40, 77] {
        for first in (0..edges.len()).step_by(8) {
            let a = core::array::from_fn(|lane| at(first + lane));
            let b = core::array::from_fn(|lane| at(first + lane + step));
            let c = core::array::from_fn(|lane| at(first + 5 * lane + 1));
            let d = core::array::from_fn(|lane| at(first + 3 * lane + step));
            check_products(&[a, b, c, d, a, d].map(|numbers| (numbers, times)));
        }
    }
}

#[test]
fn products_of_any() {
    let mut seed = 1;
    for _ in 0..20 {
        let mut any = || core::array::from_fn(|_| limbs(&random(&mut seed)));
        let numbers = [any(), any(), any(), any(), any(), any()];
        check_products(&numbers.map(|numbers| (numbers, 2)));
    }
}

/// A carry out of each limb into the next, of either sign.
#[test]
fn carries() {
    let (edges, _) = edges();
    // Those below 2^400.
    let edges: Vec<_> = edges.into_iter().filter(|edge| edge[7] < 1 << 36).collect();
    let unit = inverse(&power_of_two(416));
    for step in [1, 3, 8, 20] {
        for first in 0..edges.len() {
            let number = |step: usize| {
                lanes(&core::array::from_fn(|lane| edges[(first + step * lane) % edges.len()]))
            };
            // Neither is so much more than the other that 2^17 p do not keep the difference above zero.
            let (a, b) = (number(1), number(step));
            let modelled = model::p384::trial::carried(&a, &b, 1 << 17);
            let [x, y] = [&a, &b].map(|a| value(&a.map(|limbs| *limbs.get())));
            for lane in 0..8 {
                let difference = x[lane].sub_mod(&y[lane], &p());
                let by_one = mul(&difference, &unit);
                assert_eq!(value(&modelled[0])[lane], by_one, "as limbs");
                assert_eq!(value(&modelled[1])[lane], by_one, "as factors");
                assert_eq!(value(&modelled[2])[lane], difference);
                assert!(modelled[2].iter().all(|limb| limb[lane] <= LIMB_MAX), "limbs");
                let signed =
                    if 0x35 >> lane & 1 == 1 { difference.neg_mod(&p()) } else { difference };
                assert_eq!(value(&modelled[3])[lane], signed, "negative");
            }
            if let Some(Way::Cpu(ifma)) = ways().pop() {
                assert_eq!(carried(ifma, &a, &b, 1 << 17), modelled);
            }
        }
    }
}

/// Zero in all the forms in which it comes: 0, p and 2 p, and what is beside it.
#[test]
fn zero() {
    let one = U384::ONE;
    let less = P.wrapping_sub(&one);
    let mut seed = 5;
    let any = random(&mut seed);
    let lane = |numbers: [U384; 8]| lanes(&numbers.map(|number| limbs(&number)));
    // a b / 2^416 is c / 2^416, or it is not.
    let a = lane([one, U384::ZERO, P, less, one, P, U384::ZERO, less]);
    let b = lane([less, P, P, less, one, one, U384::ZERO, one]);
    let c = lane([less, P, U384::ZERO, one, less, one, U384::ZERO, U384::ZERO]);
    let other = lane([any; 8]);
    for way in ways() {
        let zeros = |a: &Lanes, b: &Lanes, c: &Lanes| by!(way, zeros = trial::zeros(a, b, c));
        assert_eq!(zeros(&a, &b, &c), [0b0100_1111, 0b1100_0110], "{way:?}");
        assert_eq!(zeros(&other, &other, &other), [0, 0]);
        assert_eq!(zeros(&other, &lane([one; 8]), &other), [0xFF, 0]);
        assert_eq!(zeros(&other, &lane([P; 8]), &lane([U384::ZERO; 8])), [0xFF, 0xFF]);
    }
}

/// Coordinates in and out of lanes.
#[test]
fn numbers_of_words() {
    let mut seed = 3;
    let mut numbers = Vec::from([U384::ZERO, U384::ONE, P.wrapping_sub(&U384::ONE)]);
    numbers.extend((0..384).map(|bit| U384::ONE.shl(bit)));
    numbers.extend((0..13).map(|_| random(&mut seed).rem_vartime(&p())));
    let narrow = inverse(&power_of_two(384));
    for numbers in numbers.as_chunks::<8>().0 {
        let words = numbers.map(|number| number.to_words());
        for way in ways() {
            let (from_plain, from_words) = by!(way, loaded = trial::loaded(&words));
            for (lane, number) in numbers.iter().enumerate() {
                assert_eq!(plain(&value(&from_plain)[lane]), *number, "{way:?}");
                let narrow = mul(number, &narrow);
                assert_eq!(plain(&value(&from_words)[lane]), narrow, "{way:?}");
            }
        }
    }
}

/// Out of lanes come numbers below twice p; a product is seldom above p.
#[test]
fn words_are_below_p() {
    let small = [0, 1, 2, 0xFFFF_FFFF, u64::MAX].map(U384::from_u64);
    for small in small.into_iter().chain((0..384).map(|bit| U384::ONE.shl(bit))) {
        for number in [small, P.wrapping_sub(&U384::ONE).wrapping_sub(&small)] {
            let number = number.rem_vartime(&p());
            let wide = number.resize::<{ U1024::LIMBS }>();
            let words = wide.wrapping_add(&P.resize()).to_words();
            // One bit more than the words have.
            let mut above = points::limbs_of(words.first_chunk().unwrap());
            above[7] |= words[6] << 20;
            for limbs in [limbs(&number), above] {
                assert_eq!(model::p384::trial::reduced_of(limbs), number.to_words());
            }
        }
    }
}

/// x and y of a point in lanes; infinity has none.
fn affine_of(point: &[Raw; 3], lane: usize) -> Option<[Words; 2]> {
    let [x, y, z] = [0, 1, 2].map(|n| plain(&value(&point[n])[lane]));
    let z = inverse(&z);
    let square = mul(&z, &z);
    (z != U384::ZERO).then(|| [mul(&x, &square), mul(&y, &mul(&square, &z))].map(|n| n.to_words()))
}

/// Sums and doubles of points without a pattern; in some lanes equal or opposite ones, and infinity.
#[test]
fn sums_of_points() {
    let mut seed = 11;
    let g = ProjectivePoint::GENERATOR;
    for round in 0..4 {
        let points: [_; 8] = core::array::from_fn(|_| g * scalar(&random(&mut seed)));
        let mut others: [_; 8] = core::array::from_fn(|_| g * scalar(&random(&mut seed)));
        let negative = random(&mut seed).to_words()[0] as u8;
        if round > 0 {
            (others[2], others[5]) = (points[2], -points[5]);
        }
        let mut jacobian: [_; 8] =
            core::array::from_fn(|n| jacobian(&points[n], &random(&mut seed).rem_vartime(&p())));
        if round > 1 {
            // Infinity, however it looks.
            jacobian[3][2] = [0; 6];
        }
        let infinite = |lane: usize| round > 1 && lane == 3;
        let rows = others.each_ref().map(row);
        for way in ways() {
            let [double, sum, folds @ ..] =
                by!(way, points_of = trial::points_of(&jacobian, &rows, negative));
            for lane in 0..8 {
                let sign =
                    |point: ProjectivePoint| if negative >> lane & 1 == 1 { -point } else { point };
                let expected = (!infinite(lane)).then(|| affine(&points[lane].double()));
                assert_eq!(affine_of(&double, lane), expected, "{way:?} {lane}");
                let exceptional = infinite(lane) || round > 0 && (lane == 2 || lane == 5);
                let expected = (!exceptional).then(|| affine(&(points[lane] + sign(others[lane]))));
                assert_eq!(affine_of(&sum, lane), expected, "{way:?} {lane}");
                for (fold, distance) in folds.iter().zip([1, 2, 4]) {
                    let other = lane ^ distance;
                    let expected = (!infinite(lane) && !infinite(other))
                        .then(|| affine(&(points[lane] + points[other])));
                    assert_eq!(affine_of(fold, lane), expected, "{way:?} {lane} {distance}");
                }
            }
        }
    }
}

/// Scalars at which something begins or ends.
fn scalars_at_edges() -> Vec<U384> {
    let mut scalars =
        Vec::from([0_u64, 1, 2, 3, 4, 30, 31, 32, 33, 63, 64, 65, 127, 128].map(U384::from_u64));
    for bit in (0..384).step_by(48).chain((0..384).step_by(35)).chain([5, 6, 7, 383]) {
        let power = U384::ONE.shl(bit);
        scalars.extend([power, power.wrapping_sub(&U384::ONE), power.wrapping_add(&U384::ONE)]);
    }
    let all = scalars.clone();
    scalars.extend(all.iter().map(|scalar| N.wrapping_sub(scalar)));
    // Empty and full chunks.
    for full in [0x01_u8, 0x80, 0x55, 0xAA, 0xFE, 0x7F, 0x10] {
        let chunk = U384::from_u64((1 << 48) - 1);
        scalars.push(
            (0..8)
                .filter(|n| full >> n & 1 == 1)
                .fold(U384::ZERO, |sum, n| sum | chunk.shl(48 * n)),
        );
    }
    scalars.retain(|scalar| *scalar < N);
    scalars
}

/// Digits put together are the scalar, however it is cut.
#[test]
fn digits() {
    let n = NonZero::new(N).unwrap();
    let mut seed = 17;
    let mut scalars = scalars_at_edges();
    scalars.extend((0..50).map(|_| random(&mut seed).rem_vartime(&n)));
    for scalar in scalars {
        let signs = Signs::of(&scalar.to_words());
        let term = |place: usize, negative: bool, from: u32| {
            let digit = U384::from_u64(2 * place as u64 + 1).shl(from).rem_vartime(&n);
            if negative { digit.neg_mod(&n) } else { digit }
        };
        for width in 1..=7_usize {
            let sum = (0..384).step_by(width).fold(U384::ZERO, |sum, from| {
                let bits = width.min(384 - from);
                let digits = super::digits::Digits::of_each(&[signs; 8], from, bits);
                assert!(digits.places.iter().all(|place| *place < 1 << (bits - 1)));
                assert!(digits.negative == 0 || digits.negative == 0xFF);
                // Twice the place and 1, times a power that may have more bits than there is room for.
                let digit = term(digits.places[0], digits.negative != 0, 0);
                let digit = (0..from).fold(digit, |digit, _| digit.add_mod(&digit, &n));
                sum.add_mod(&digit, &n)
            });
            assert_eq!(sum, scalar, "{width}");
        }
        for from in [0, 6, 45] {
            let chunks = super::digits::Digits::of_chunks(&signs, from, 3);
            for lane in 0..8 {
                let alone = super::digits::Digits::of_each(&[signs; 8], 48 * lane + from, 3);
                assert_eq!(chunks.places[lane], alone.places[lane]);
                assert_eq!(chunks.negative >> lane & 1, alone.negative & 1);
            }
        }
    }
}

fn odd_multiples() -> OddMultiples {
    let g = ProjectivePoint::GENERATOR;
    let mut multiple = g;
    core::array::from_fn(|n| {
        if n > 0 {
            multiple += g.double();
        }
        row(&multiple)
    })
}

const EMPTY: Multiples = [[Row::ZERO; 8]; 16];

fn row_value(row: &Row) -> [Words; 2] {
    [row.x, row.y].map(|limbs| {
        let raw = limbs.get().map(|limb| [limb; 8]);
        plain(&value(&raw)[0]).to_words()
    })
}

/// The tables that are made, against those by the crate `p384`.
#[test]
fn tables() {
    let mut seed = 23;
    let g = ProjectivePoint::GENERATOR;
    let keys: [_; 8] = core::array::from_fn(|_| g * scalar(&random(&mut seed)));
    let expected = keys.each_ref().map(table);
    let same = |made: &Multiples, expected: &Multiples| {
        for (made, expected) in made.as_flattened().iter().zip(expected.as_flattened()) {
            assert_eq!(row_value(made), row_value(expected));
        }
    };
    for way in ways() {
        let mut made = EMPTY;
        assert!(by!(way, p384_fill = fill(&bases(&keys[0]), &mut made, &invert)));
        same(&made, &expected[0]);
        let mut tables: [_; 8] = core::array::from_fn(|_| Box::new(EMPTY));
        let plain = keys.each_ref().map(affine);
        let each = tables.each_mut().map(|table| &mut **table);
        assert!(by!(way, p384_fill_eight = fill_eight(&plain, &mut made, each, &invert)));
        for (made, expected) in tables.iter().zip(&expected) {
            same(made, expected);
        }
        // Where an inverse fails, it is said.
        let fails = |_: &mut [Words; 8]| false;
        let mut tables: [_; 8] = core::array::from_fn(|_| Box::new(EMPTY));
        let each = tables.each_mut().map(|table| &mut **table);
        assert!(!by!(way, p384_fill = fill(&bases(&keys[0]), &mut made, &fails)));
        assert!(!by!(way, p384_fill_eight = fill_eight(&plain, &mut made, each, &fails)));
    }
}

/// The model is slow: some pairs of edges for it, all for the CPU.
#[test]
fn sums_with_known_keys() {
    let mut seed = 29;
    let g = ProjectivePoint::GENERATOR;
    let private = random(&mut seed);
    let key = g * scalar(&private);
    let (g_table, table) = (table(&g), table(&key));
    let edges = scalars_at_edges();
    for way in ways() {
        let pairs: Vec<_> = match way {
            Way::Model => [(0, 1), (1, 3), (5, 40), (60, 20), (90, 91), (33, 120)].into(),
            Way::Cpu(_) => {
                (0..edges.len()).flat_map(|n| [(n, 1), (n, n + 1), (n, 7 * n + 1)]).collect()
            }
        };
        for (one, two) in pairs {
            let [u1, u2] = [one, two].map(|n| edges[n % edges.len()]);
            let sum = g * scalar(&u1) + key * scalar(&u2);
            let Some(x) = x_of(&sum) else { continue };
            let scalars = [u1, u2].map(|u| Signs::of(&u.to_words()));
            for (candidates, accepted) in
                [([x, x], 0xFF), ([x, [1; 6]], 0xFF), ([[1; 6], x], 0xFF), ([[1; 6]; 2], 0)]
            {
                let tables = [&*g_table, &*table];
                let verdicts = by!(way, p384_known = known(&scalars, tables, &candidates));
                // One scalar of zero is n, and what it adds in the end may be infinity.
                if verdicts.unknown != 0xFF || ![u1, u2].contains(&U384::ZERO) {
                    assert_eq!(verdicts, Verdicts { accepted, unknown: 0 }, "{u1} {u2}");
                }
            }
        }
        // Sums that are infinity: no verdict.
        let u2 = random(&mut seed).rem_vartime(&NonZero::new(N).unwrap());
        let u1 = U384::from_be_slice(&(-(scalar(&private) * scalar(&u2))).to_repr());
        let scalars = [u1, u2].map(|u| Signs::of(&u.to_words()));
        let verdicts = by!(way, p384_known = known(&scalars, [&g_table, &table], &[[0; 6]; 2]));
        assert_eq!(verdicts, Verdicts { accepted: 0, unknown: 0xFF });
    }
}

/// Eight at once: each edge in each lane, beside others that hold or do not; keys that are multiples of the generator, too.
#[test]
fn sums_of_eight() {
    let mut seed = 31;
    let g = ProjectivePoint::GENERATOR;
    let edges = scalars_at_edges();
    let generator = odd_multiples();
    for way in ways() {
        let rounds = if let Way::Model = way { 1 } else { 40 };
        for round in 0..rounds {
            let mut expected = Verdicts { accepted: 0, unknown: 0 };
            let cases = core::array::from_fn(|lane| {
                let mut edge = |n: usize| match (n + lane) % 4 {
                    0 => random(&mut seed).rem_vartime(&NonZero::new(N).unwrap()),
                    _ => edges[(5 * round + 11 * lane + n) % edges.len()],
                };
                let [u1, mut u2, mut private] = [edge(0), edge(1), edge(2)];
                for scalar in [&mut u2, &mut private] {
                    if *scalar == U384::ZERO {
                        *scalar = U384::from_u8(5);
                    }
                }
                let key = g * scalar(&private);
                // One lane's sum is infinity.
                let u1 = if lane == round % 8 {
                    U384::from_be_slice(&(-(scalar(&private) * scalar(&u2))).to_repr())
                } else {
                    u1
                };
                let x = x_of(&(g * scalar(&u1) + key * scalar(&u2)));
                let candidates = match (x, (lane + round) % 3) {
                    (None, _) => [[0; 6]; 2],
                    (Some(x), 0) => [x, [1; 6]],
                    (Some(x), 1) => [[1; 6], x],
                    (Some(mut x), _) => {
                        x[3] ^= 1 << 17;
                        [x; 2]
                    }
                };
                if x.is_none() {
                    expected.unknown |= 1 << lane;
                } else if (lane + round) % 3 < 2 {
                    expected.accepted |= 1 << lane;
                }
                let scalars = [u1, u2].map(|u| Signs::of(&u.to_words()));
                Case { scalars, key: affine(&key), candidates }
            });
            let mut scratch = EMPTY;
            let found =
                by!(way, p384_eight = eight(&cases, &generator, &mut scratch, &invert)).unwrap();
            // More may be unknown, where a key is a small multiple of the generator.
            assert_eq!(found.unknown & expected.unknown, expected.unknown);
            assert_eq!(found.accepted, expected.accepted & !found.unknown);
            assert!(found.unknown.count_ones() < 4, "{found:?}");
            let none = by!(way, p384_eight = eight(&cases, &generator, &mut scratch, &|_| false));
            assert_eq!(none, None);
        }
    }
}

/// Large tables, made and used.
#[test]
fn sums_with_large_tables() {
    let mut seed = 37;
    let g = ProjectivePoint::GENERATOR;
    let key = g * scalar(&random(&mut seed));
    let edges = scalars_at_edges();
    for way in ways() {
        let [of_g, of_key] = [&g, &key].map(|point| {
            let rows = std::vec![[[Row::ZERO; 8]; 32]; 8].into_boxed_slice();
            let mut comb: Box<Comb> = rows.try_into().unwrap();
            assert!(by!(way, p384_fill_comb = fill_comb(&bases(point), &mut comb, &invert)));
            comb
        });
        let count = if let Way::Model = way { 6 } else { edges.len() };
        for n in 0..count {
            let [u1, u2] = [n, 3 * n + 1].map(|n| edges[n % edges.len()]);
            let Some(x) = x_of(&(g * scalar(&u1) + key * scalar(&u2))) else { continue };
            let scalars = [u1, u2].map(|u| Signs::of(&u.to_words()));
            for (candidates, accepted) in [([x, [1; 6]], 0xFF), ([[1; 6]; 2], 0)] {
                let verdicts =
                    by!(way, p384_known_comb = known_comb(&scalars, [&of_g, &of_key], &candidates));
                if verdicts.unknown != 0xFF || ![u1, u2].contains(&U384::ZERO) {
                    assert_eq!(verdicts, Verdicts { accepted, unknown: 0 }, "{u1} {u2}");
                }
            }
        }
    }
}

/// Bounds that are too small are noticed: 8 p less a number of up to 21 p, whatever the number is.
#[test]
fn a_wrong_bound_is_noticed() {
    use model::p384::trial::less_from_multiple;

    let small = lanes(&[limbs(&U384::ONE); 8]);
    let panics =
        |run: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err();
    assert!(!panics(&|| _ = less_from_multiple::<21>(&small, 21)));
    assert!(!panics(&|| _ = less_from_multiple::<8>(&small, 8)));
    assert!(panics(&|| _ = less_from_multiple::<8>(&small, 21)));
    assert!(panics(&|| _ = less_from_multiple::<20>(&small, 21)));
    // A value that does not keep to the bound that it is said to have.
    let large = lanes(&[limbs(&P.wrapping_add(&U384::ONE)); 8]);
    assert!(panics(&|| _ = less_from_multiple::<8>(&large, 1)));
    assert!(!panics(&|| _ = less_from_multiple::<8>(&large, 2)));
}
