//! Every path against the crate `p384`, and signatures that are made for the cases in which a path could err.

use std::vec::Vec;

use p384::ProjectivePoint;
use p384::Scalar;
use p384::elliptic_curve::PrimeField;
use p384::elliptic_curve::point::AffineCoordinates;
use proptest::prelude::*;

use super::words::{Words, subtract};
use super::*;

/// Scalars at which something begins or ends: small ones, the order's, single bits, chunks that are empty or full.
pub(super) fn scalars() -> Vec<Words> {
    let small = |value: u64| [value, 0, 0, 0, 0, 0];
    let n = order::MODULUS.number();
    let mut scalars = Vec::new();
    for value in [1, 2, 3, 15, 16, 17, 31, 32, 33, 127, 128, 0xffff_ffff_ffff] {
        scalars.extend([small(value), subtract(n, &small(value)).0]);
    }
    for bit in (0..384).step_by(48).chain([1, 4, 5, 6, 63, 64, 191, 192, 320, 382, 383]) {
        let power = core::array::from_fn(|i| if i == bit / 64 { 1 << (bit % 64) } else { 0 });
        scalars.extend([power, subtract(&power, &small(1)).0, words::add(&power, &small(1)).0]);
        scalars.push(subtract(n, &power).0);
    }
    // Bytes of nothing or all bits, in chunks of 48.
    for full in 1..255_u8 {
        let mut bytes = [0; NUMBER];
        for chunk in (0..8).filter(|chunk| full >> chunk & 1 == 1) {
            bytes[6 * (7 - chunk)..6 * (8 - chunk)].fill(0xff);
        }
        scalars.push(words::from_be(&bytes));
    }
    scalars.retain(order::is_scalar);
    scalars
}

/// A claim that owns its bytes.
#[derive(Clone, Debug)]
struct Owned {
    digest: [u8; NUMBER],
    r: [u8; NUMBER],
    s: [u8; NUMBER],
}

impl Owned {
    fn claim(&self) -> Claim<'_> {
        Claim { digest: &self.digest, r: &self.r, s: &self.s }
    }

    /// Itself, and others that are not what was signed: each number plus one, zero, n, and more than that.
    fn with_wrong_ones(&self) -> Vec<Self> {
        let more = |bytes: &[u8; NUMBER]| {
            words::to_be(&words::add(&words::from_be(bytes), &[1, 0, 0, 0, 0, 0]).0)
        };
        let mut all = std::vec![self.clone()];
        all.push(Self { digest: more(&self.digest), ..self.clone() });
        let n = words::to_be(order::MODULUS.number());
        for number in [more(&self.r), [0; NUMBER], n, [0xff; NUMBER]] {
            all.push(Self { r: number, ..self.clone() });
        }
        for number in [more(&self.s), [0; NUMBER], n, [0xff; NUMBER]] {
            all.push(Self { s: number, ..self.clone() });
        }
        all
    }
}

fn scalar(words: &Words) -> Scalar {
    Scalar::from_repr(words::to_be(words).into()).unwrap()
}

fn small(value: u64) -> Scalar {
    Scalar::from(value)
}

fn key_of(point: ProjectivePoint) -> Key {
    Key(VerifyingKey::from_affine(point.to_affine()).unwrap())
}

/// A claim that comes to these scalars with a key of this private one, and holds unless their sum is the point at infinity.
fn claim_for(private: Scalar, u1: Scalar, u2: Scalar) -> Owned {
    let sum = ProjectivePoint::GENERATOR * (u1 + u2 * private);
    let r = if sum == ProjectivePoint::IDENTITY {
        small(5)
    } else {
        let x: [u8; NUMBER] = sum.to_affine().x().into();
        scalar(&order::MODULUS.reduce(&words::from_be(&x)))
    };
    let s = r * u2.invert().unwrap();
    Owned { digest: (u1 * s).to_repr().into(), r: r.to_repr().into(), s: s.to_repr().into() }
}

/// A key, and a claim that holds, whose point has this x, if there is such a point.
fn claim_with_x(x: &Words, digest: Scalar, s: Scalar) -> Option<(Key, Owned)> {
    let mut bytes = [2; 1 + NUMBER];
    bytes[1..].copy_from_slice(&words::to_be(x));
    let point = ProjectivePoint::from(*VerifyingKey::from_sec1_bytes(&bytes).ok()?.as_affine());
    let r = scalar(&order::MODULUS.reduce(x));
    let key = (point * s - ProjectivePoint::GENERATOR * digest) * r.invert().unwrap();
    let owned =
        Owned { digest: digest.to_repr().into(), r: r.to_repr().into(), s: s.to_repr().into() };
    Some((key_of(key), owned))
}

/// Other keys' claims, some of which hold.
fn neighbours() -> Vec<(Key, Owned)> {
    (0..7_u64)
        .flat_map(|i| {
            let private = small(0x1234_5678_9abc + i * i * 0x1_0001);
            let owned = claim_for(private, small(i + 77) * private, small(3 * i + 5) * private);
            let all = owned.with_wrong_ones();
            let wrong = all[1 + i as usize].clone();
            let key = key_of(ProjectivePoint::GENERATOR * private);
            [(key, owned), (key, wrong)]
        })
        .collect()
}

/// What has been made of a key, for each arithmetic that there is.
struct Paths {
    key: Key,
    each: Vec<(Arithmetic, Vec<KeyTable>, Hots)>,
}

#[cfg(feature = "std")]
type Hots = Option<HotKey>;
#[cfg(not(feature = "std"))]
type Hots = ();

impl Paths {
    fn of(key: Key) -> Self {
        let each = Arithmetic::available().map(|arithmetic| {
            let mut tables = std::vec![KeyTable::EMPTY];
            #[cfg(feature = "std")]
            tables.extend(KeyTable::of_each(
                arithmetic,
                [&key, &key_of(ProjectivePoint::GENERATOR), &key].into_iter(),
            ));
            assert!(tables[0].key().is_none());
            // One that had another key before.
            tables[0].fill(Arithmetic::portable(), &key_of(ProjectivePoint::GENERATOR * small(99)));
            tables[0].fill(arithmetic, &key);
            assert!(tables[0].key().is_some_and(|it| *it == key));
            #[cfg(feature = "std")]
            let hot = Some(HotKey::new(arithmetic, &key));
            #[cfg(not(feature = "std"))]
            let hot = ();
            (arithmetic, tables, hot)
        });
        Self { key, each: each.collect() }
    }

    /// Every way gives the verdict of the crate `p384`, which comes back.
    fn verdict(&self, owned: &Owned) -> bool {
        let claim = owned.claim();
        let expected = portable::verify(&self.key, &claim);
        for (arithmetic, tables, hot) in &self.each {
            let name = arithmetic.kind();
            assert_eq!(
                verify(*arithmetic, &self.key, &claim),
                expected,
                "{name}, cold: {owned:x?}"
            );
            for table in tables.iter().filter(|table| table.key() == Some(&self.key)) {
                assert_eq!(table.verify(&claim), expected, "{name}, table: {owned:x?}");
            }
            #[cfg(feature = "std")]
            assert_eq!(hot.as_ref().unwrap().verify(&claim), expected, "{name}, hot: {owned:x?}");
            #[cfg(not(feature = "std"))]
            let () = *hot;
        }
        expected
    }

    /// The same in each place among seven others, and behind them in a second group.
    fn verdict_in_each_place(&self, owned: &Owned, neighbours: &[(Key, Owned)]) {
        let expected = portable::verify(&self.key, &owned.claim());
        for (arithmetic, ..) in &self.each {
            for place in [0, 1, 2, 3, 4, 5, 6, 7, 8, 10] {
                let mut all: Vec<_> =
                    neighbours.iter().cycle().skip(place).take(place.max(7)).collect();
                let this = (self.key, owned.clone());
                all.insert(place, &this);
                let mut verdicts = std::vec![true; all.len()];
                verify_each(
                    *arithmetic,
                    all.iter()
                        .zip(&mut verdicts)
                        .map(|((key, it), verdict)| (key, it.claim(), verdict)),
                    &mut { KeyTable::EMPTY },
                );
                for ((key, it), verdict) in all.iter().zip(verdicts) {
                    assert_eq!(
                        verdict,
                        portable::verify(key, &it.claim()),
                        "{} {place}",
                        arithmetic.kind()
                    );
                }
                assert_eq!(portable::verify(&all[place].0, &all[place].1.claim()), expected);
            }
        }
    }
}

/// The kernels' scalars at every edge, by themselves and with each other, with a key without a pattern.
#[test]
fn chosen_scalars() {
    let private = scalar(&[3, 1, 4, 1, 5, 9]);
    let paths = Paths::of(key_of(ProjectivePoint::GENERATOR * private));
    let any = scalar(&[2, 7, 1, 8, 2, 8]);
    let mut edges: Vec<_> = scalars().iter().map(scalar).collect();
    for edge in &edges {
        assert!(paths.verdict(&claim_for(private, *edge, any)));
        assert!(paths.verdict(&claim_for(private, any, *edge)));
    }
    edges.truncate(24);
    edges.push(Scalar::ZERO);
    for u1 in &edges {
        for u2 in edges.iter().filter(|u2| **u2 != Scalar::ZERO) {
            assert!(paths.verdict(&claim_for(private, *u1, *u2)));
        }
    }
    for wrong in &claim_for(private, any, any).with_wrong_ones()[1..] {
        assert!(!paths.verdict(wrong));
    }
}

/// Keys that are small multiples of the generator, of either sign, or by powers of two: sums meet equal and opposite points.
#[test]
fn keys_beside_the_generator() {
    let one = small(1);
    let powers = [5, 6, 48, 336].map(|bit| (0..bit).fold(one, |power, _| power.double()));
    let privates: Vec<_> = [1, 2, 3, 16, 17, 127]
        .map(small)
        .into_iter()
        .chain(powers)
        .flat_map(|it| [it, -it])
        .collect();
    let mut scalars: Vec<_> =
        [1, 2, 3, 16].map(small).into_iter().flat_map(|it| [it, -it]).collect();
    scalars.extend(powers);
    let any = scalar(&[3, 1, 4, 1, 5, 9]);
    for private in privates {
        let paths = Paths::of(key_of(ProjectivePoint::GENERATOR * private));
        for u2 in &scalars {
            for u1 in [Scalar::ZERO].iter().chain(&scalars) {
                let is_infinite = *u1 + *u2 * private == Scalar::ZERO;
                assert_eq!(paths.verdict(&claim_for(private, *u1, *u2)), !is_infinite);
            }
            // The point at infinity; twice the same point.
            assert!(!paths.verdict(&claim_for(private, -(*u2 * private), *u2)));
            assert!(paths.verdict(&claim_for(private, *u2 * private, *u2)));
        }
        assert!(!paths.verdict(&claim_for(private, -(any * private), any)));
        assert!(paths.verdict(&claim_for(private, any * private, any)));
    }
}

/// The exceptional cases are noticed, and not only decided rightly by chance.
#[test]
fn exceptional_cases_have_no_verdict() {
    let Some(Arithmetic(ArithmeticToken::Mulx(mulx))) =
        Arithmetic::new(crate::ArithmeticKind::Mulx)
    else {
        return;
    };
    let key = key_of(ProjectivePoint::GENERATOR);
    let mut table = KeyRows::EMPTY;
    mulx::fill(mulx, &key, &mut table).unwrap();
    #[cfg(feature = "std")]
    let comb = mulx::Comb::of(mulx, &key).unwrap();
    let n_less_one = -small(1);
    for (u1, verdict) in [(small(1), None), (n_less_one, None), (small(4), Some(true))] {
        let owned = claim_for(small(1), u1, small(1));
        let numbers = Numbers::of(&owned.claim()).unwrap();
        assert_eq!((scalar(&numbers.u1), scalar(&numbers.u2)), (u1, small(1)));
        assert_eq!(mulx::verify(mulx, &key, &numbers), verdict);
        assert_eq!(mulx::verify_known(mulx, &table, &numbers), verdict);
        #[cfg(feature = "std")]
        assert_eq!(comb.verify(mulx, &numbers), verdict);
    }
}

/// The same in lanes.
#[cfg(feature = "std")]
#[test]
fn exceptional_cases_in_lanes_have_no_verdict() {
    let Some(Arithmetic(ArithmeticToken::Ifma(ifma))) =
        Arithmetic::new(crate::ArithmeticKind::Ifma)
    else {
        return; // `where_the_cpu_has_no_ifma_it_is_said` tells so.
    };
    let key = key_of(ProjectivePoint::GENERATOR);
    let other = key_of(ProjectivePoint::GENERATOR * small(77));
    let mut table = lanes::EMPTY;
    lanes::fill(ifma, &key, &mut table).unwrap();
    let comb = lanes::Comb::of(ifma, &key).unwrap();
    let pi = scalar(&[3, 1, 4, 1, 5, 9]).invert().unwrap();
    let any = claim_for(small(77), pi, pi.square());
    let any = Numbers::of(&any.claim()).unwrap();
    for (u1, u2, verdict) in [
        (small(1), small(1), None),
        (-small(1), small(1), None),
        (small(2), small(2), None),
        // The chunks but the lowest are equal.
        (small(3), small(5), None),
        (pi, -pi, None),
    ] {
        let numbers = Numbers::of(&claim_for(small(1), u1, u2).claim()).unwrap();
        assert_eq!(
            lanes::verify(ifma, &key, &numbers, &mut { lanes::EMPTY }),
            verdict,
            "{u1:?} {u2:?}"
        );
        assert_eq!(lanes::verify_known(ifma, &table, &numbers), verdict);
        // Here the sums grow in another order, and meet the same point only where that is infinity in the end.
        let is_infinite = u1 + u2 == Scalar::ZERO;
        assert_eq!(comb.verify(ifma, &numbers), (!is_infinite).then_some(true));
        for place in 0..TOGETHER {
            let mut group = [Some((&other, &any)); TOGETHER];
            group[place] = Some((&key, &numbers));
            let mut expected = [Some(true); TOGETHER];
            let verdicts = lanes::verify_eight(ifma, &group, &mut { lanes::EMPTY });
            expected[place] = (!is_infinite).then_some(true);
            assert_eq!(verdicts, expected, "{u1:?} {u2:?}");
        }
    }
    // And others have one.
    assert_eq!(lanes::verify(ifma, &other, &any, &mut { lanes::EMPTY }), Some(true));
    // The table is that of the generator itself, whose multiples meet.
    assert_eq!(lanes::verify_known(ifma, &table, &any), None);
    assert_eq!(comb.verify(ifma, &any), Some(false));
}

/// Points whose x is not below n: r is what it is more. And points whose x is so small that another has the same r.
#[test]
fn coordinates_above_the_order() {
    let n = order::MODULUS.number();
    let (room, _) = subtract(field::MODULUS.number(), n);
    let (mut above, mut below) = (0, 0);
    for i in 1..12 {
        for from_end in [false, true] {
            let small_r =
                if from_end { subtract(&room, &[i, 0, 0, 0, 0, 0]).0 } else { [i, 0, 0, 0, 0, 0] };
            let large_x = words::add(&small_r, n).0;
            for (x, count) in [(large_x, &mut above), (small_r, &mut below)] {
                let Some((key, owned)) =
                    claim_with_x(&x, small(1000 + i), small(7).invert().unwrap())
                else {
                    continue;
                };
                *count += 1;
                let paths = Paths::of(key);
                assert!(paths.verdict(&owned));
                for wrong in &owned.with_wrong_ones()[1..] {
                    assert!(!paths.verdict(wrong));
                }
                let numbers = Numbers::of(&owned.claim()).unwrap();
                assert_eq!(numbers.coordinates(), (small_r, Some(large_x)));
            }
        }
    }
    assert!(above > 5 && below > 5, "{above} {below}");
    // The next r has no second x.
    for (r, second) in [(subtract(&room, &[1, 0, 0, 0, 0, 0]).0, true), (room, false)] {
        let numbers = Numbers { u1: [0; 6], u2: [0; 6], r };
        assert_eq!(numbers.coordinates().1.is_some(), second);
    }
    let numbers = Numbers { u1: [0; 6], u2: [0; 6], r: subtract(n, &[1, 0, 0, 0, 0, 0]).0 };
    assert_eq!(numbers.coordinates().1, None);
}

#[test]
fn every_place_among_others() {
    let neighbours = neighbours();
    let held = neighbours.iter().filter(|(key, it)| portable::verify(key, &it.claim())).count();
    assert_eq!(held, 7);
    let private = scalar(&[3, 1, 4, 1, 5, 9]);
    let paths = Paths::of(key_of(ProjectivePoint::GENERATOR * private));
    let any = scalar(&[2, 7, 1, 8, 2, 8]);
    for owned in claim_for(private, any, any).with_wrong_ones() {
        paths.verdict_in_each_place(&owned, &neighbours);
    }
    // Exceptional, and at infinity.
    let paths = Paths::of(key_of(ProjectivePoint::GENERATOR));
    for u1 in [small(1), -small(1), Scalar::ZERO] {
        paths.verdict_in_each_place(&claim_for(small(1), u1, small(1)), &neighbours);
    }
    // No claims at all.
    verify_each(Arithmetic::best(), core::iter::empty(), &mut { KeyTable::EMPTY });
}

/// Every figure in `generator.rs`.
#[test]
fn multiples_of_the_generator() {
    let check = |multiple: Scalar, point: &point::Affine| {
        let key = key_of(ProjectivePoint::GENERATOR * multiple);
        assert_eq!([point.x, point.y], key.coordinates().map(|it| field::Fe::constant(&it)));
        key
    };
    for (i, point) in (0..).zip(&generator::ODD) {
        check(small(2 * i + 1), point);
    }
    let in_form = |row: &[u64; 8]| {
        assert_eq!(row[6..], [0, 0]);
        field::Fe(*row.first_chunk().unwrap())
    };
    let mut base = small(1);
    for (chunk, words) in generator::ROWS.0.iter().enumerate() {
        for (d, words) in (1..).zip(words) {
            let [x, y] = words.each_ref().map(in_form);
            check(base * small(d), &point::Affine { x, y });
        }
        for (d, rows) in (0..).zip(&generator::IN_LANES) {
            let key = key_of(ProjectivePoint::GENERATOR * (base * small(2 * d + 1)));
            assert_eq!(rows[chunk], row(&key));
        }
        base = (0..digits::CHUNK).fold(base, |base, _| base.double());
    }
    for (d, odd) in (0..).zip(&generator::ODD_IN_LANES) {
        assert_eq!(*odd, row(&key_of(ProjectivePoint::GENERATOR * small(2 * d + 1))));
    }
    #[cfg(feature = "std")]
    assert_eq!(generator::FIGURE, key_of(ProjectivePoint::GENERATOR).coordinates());
}

fn row(key: &Key) -> crate::vartime::ifma::Row {
    let [x, y] = key.coordinates().map(|it| field::in_lanes(&it));
    crate::vartime::ifma::Row::new(&x, &y)
}

/// The rows of a key's table, and their first points.
#[test]
fn multiples_of_a_key() {
    let Some(Arithmetic(ArithmeticToken::Mulx(mulx))) =
        Arithmetic::new(crate::ArithmeticKind::Mulx)
    else {
        return;
    };
    let field = field::Field(mulx);
    for private in [scalar(&[3, 1, 4, 1, 5, 9]), small(1), -small(1), small(1 << 48)] {
        let key = key_of(ProjectivePoint::GENERATOR * private);
        let mut rows = KeyRows::EMPTY;
        mulx::fill(mulx, &key, &mut rows).unwrap();
        let bases = field.to_affine(&mulx::chunk_bases(mulx, &key)).unwrap();
        let mut base = private;
        for (chunk, first) in rows.0.iter().zip(bases) {
            for (d, row) in (1..).zip(chunk) {
                let expected = key_of(ProjectivePoint::GENERATOR * (base * small(d)));
                let expected = expected.coordinates().map(|it| field.form(&it));
                for (row, expected) in row.iter().zip(expected) {
                    assert_eq!(row[..6], expected.0);
                    assert_eq!(row[6..], [0, 0]);
                }
                assert!(d != 1 || [first.x, first.y] == expected);
            }
            base = (0..digits::CHUNK).fold(base, |base, _| base.double());
        }
    }
    // Where one point is at infinity, none has coordinates.
    let one = point::Jacobian::from(generator::ODD[0]);
    let none = point::Jacobian { z: field::Fe::ZERO, ..one };
    assert!(field.to_affine(&[one, none, one]).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_claim(private: [u64; 6], u1: [u64; 6], u2: [u64; 6], sparse: u16, bit in 0_usize..1152) {
        let private = order::MODULUS.reduce(&private);
        prop_assume!(order::is_scalar(&private));
        let sparse = |words: Words, from: u32| -> Words {
            core::array::from_fn(|i| if sparse >> from >> i & 1 == 1 { 0 } else { words[i] })
        };
        let private = scalar(&private);
        let paths = Paths::of(key_of(ProjectivePoint::GENERATOR * private));
        for (u1, u2) in [(u1, u2), (sparse(u1, 0), sparse(u2, 6))] {
            let (u1, u2) = (order::MODULUS.reduce(&u1), order::MODULUS.reduce(&u2));
            prop_assume!(order::is_scalar(&u2));
            let mut owned = claim_for(private, scalar(&u1), scalar(&u2));
            let numbers = Numbers::of(&owned.claim()).unwrap();
            prop_assert_eq!((numbers.u1, numbers.u2), (u1, u2));
            prop_assert!(paths.verdict(&owned));
            // One bit of the three numbers.
            let number = [&mut owned.digest, &mut owned.r, &mut owned.s].into_iter().nth(bit / 384).unwrap();
            number[bit % 384 / 8] ^= 1 << (bit % 8);
            prop_assert!(!paths.verdict(&owned));
        }
    }
}
