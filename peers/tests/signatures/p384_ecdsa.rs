//! ECDSA with P-384: cases with known sums, made by the crate `p384`.

use p384::elliptic_curve::PrimeField;
use p384::elliptic_curve::bigint::U384;
use p384::elliptic_curve::ops::Reduce;
use p384::elliptic_curve::point::AffineCoordinates;
use p384::elliptic_curve::sec1::ToSec1Point;
use p384::{ProjectivePoint, PublicKey, Scalar};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use sevcrypt::ecdsa::{Claim, HotKey, KeyTable, Signature, VerifyingKey, verify_each_vartime};
use sevcrypt::{Arithmetic, ArithmeticKind};

use crate::aws_lc::Key;

type Number = [u8; 48];

/// `SubjectPublicKeyInfo` (RFC 5480, 2) of a P-384 key, as far as the point.
const SPKI: &[u8; 23] =
    b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00";

/// The order.
const N: U384 = U384::from_be_hex(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
);

fn number(number: &U384) -> Number {
    number.to_be_bytes().into()
}

fn scalar(bytes: &Number) -> Scalar {
    <Scalar as Reduce<U384>>::reduce(&U384::from_be_slice(bytes))
}

fn bytes(scalar: Scalar) -> Number {
    scalar.to_repr().into()
}

/// A signature of a digest, and what was said of it.
#[derive(Clone, Copy)]
struct Said {
    digest: Number,
    r: Number,
    s: Number,
}

impl Said {
    /// The signature for which the verifier computes `u1 G + u2 Q`, which is `sum`.
    fn of_sum(sum: ProjectivePoint, u1: Scalar, u2: Scalar) -> Self {
        let x: Number = sum.to_affine().x().into();
        Self::of_r(scalar(&x), u1, u2)
    }

    fn of_r(r: Scalar, u1: Scalar, u2: Scalar) -> Self {
        let s = r * u2.invert().unwrap_or(Scalar::ONE);
        Self { digest: bytes(u1 * s), r: bytes(r), s: bytes(s) }
    }
}

/// A key with signatures, valid or not.
struct Cases {
    theirs: Key,
    ours: VerifyingKey,
    said: Vec<Said>,
}

impl Cases {
    fn new(point: ProjectivePoint, said: Vec<Said>) -> Self {
        let key = PublicKey::from_affine(point.to_affine()).expect("a point that is not infinity");
        let sec1 = key.to_sec1_point(false);
        let theirs = Key::from_spki(&[SPKI, sec1.as_bytes()].concat());
        let ours = VerifyingKey::from_sec1(sec1.as_bytes().try_into().expect("97 bytes"));
        let (theirs, ours) = (theirs.expect("a key"), ours.expect("a key"));
        Self { theirs, ours, said }
    }

    /// Checks all cases by all ways; gives how many are valid.
    fn check(&self) -> usize {
        let wanted: Vec<_> = self.said.iter().map(|said| self.verdict(said)).collect();
        let cases: Vec<_> = (self.said.iter().zip(&wanted))
            .filter_map(|(said, wanted)| match Signature::new(&said.r, &said.s) {
                Ok(signature) => Some((said, signature, *wanted)),
                Err(_) => {
                    assert!(!wanted, "AWS-LC takes a number that is out of range");
                    None
                }
            })
            .collect();
        for arithmetic in Arithmetic::available() {
            self.check_by(arithmetic, &cases);
        }
        wanted.into_iter().filter(|is_valid| *is_valid).count()
    }

    fn check_by(&self, arithmetic: Arithmetic, cases: &[(&Said, Signature, bool)]) {
        let mut table = Box::new(KeyTable::EMPTY);
        table.fill(arithmetic, &self.ours);
        let hot = HotKey::new(arithmetic, &self.ours);
        for (said, signature, wanted) in cases {
            let found = [
                self.ours.verify_digest_vartime(arithmetic, &said.digest, signature),
                table.verify_digest_vartime(&said.digest, signature),
                hot.verify_digest_vartime(&said.digest, signature),
            ];
            assert_eq!(found, [*wanted; 3], "{arithmetic:?}: {}", self.words(said));
        }
        // Eight at a time. Where they have lanes, every case is in each of them, its neighbours are the others.
        let turns = if arithmetic.kind() == ArithmeticKind::Ifma { 8 } else { 1 };
        let mut scratch = KeyTable::EMPTY;
        for first in 0..turns {
            let mut claims: Vec<_> = (cases.iter().cycle().skip(first).take(cases.len()))
                .map(|(said, signature, _)| Claim::of_digest(&self.ours, &said.digest, signature))
                .collect();
            verify_each_vartime(arithmetic, &mut claims, &mut scratch);
            for (claim, (said, _, wanted)) in claims.iter().zip(cases.iter().cycle().skip(first)) {
                assert_eq!(claim.holds(), *wanted, "{arithmetic:?}, {first}: {}", self.words(said));
            }
        }
    }

    /// That of AWS-LC.
    fn verdict(&self, said: &Said) -> bool {
        let mut der = vec![0x30, 0];
        for number in [&said.r, &said.s] {
            let zeros = number.iter().take(47).take_while(|&&byte| byte == 0).count();
            let sign = if number[zeros] >= 0x80 { &[0][..] } else { &[] };
            der.extend([2, (sign.len() + 48 - zeros) as u8]);
            der.extend(sign.iter().chain(&number[zeros..]));
        }
        der[1] = (der.len() - 2) as u8;
        self.theirs.verify_digest(&said.digest, &der)
    }

    fn words(&self, said: &Said) -> String {
        let Said { digest, r, s } = said;
        let hex = base16ct::lower::encode_string;
        let key = hex(&self.ours.to_sec1());
        format!("key {key}, digest {}, r {}, s {}", hex(digest), hex(r), hex(s))
    }
}

/// Scalars at which digits, chunks of 48 bits or carries begin or end.
fn edges() -> Vec<Scalar> {
    let power = |bit: u32| scalar(&number(&U384::ONE.shl(bit)));
    let mut all: Vec<_> = [0u64, 1, 2, 3, 15, 16, 17, 31, 32, 33].map(Scalar::from).into();
    for chunk in 1..8 {
        let power = power(48 * chunk);
        all.extend([power - Scalar::ONE, power, power + Scalar::ONE]);
    }
    all.extend([power(383), power(383) - Scalar::ONE, power(382)]);
    // Halves and thirds have digits that carry all the way.
    all.extend([2u64, 3].map(|part| Scalar::from(part).invert().expect("it is not zero")));
    let negative: Vec<_> = all.iter().map(|scalar| -scalar).collect();
    all.extend(negative);
    all
}

struct Random(TestRng);

impl Random {
    fn new() -> Self {
        Self(TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    }

    fn scalar(&mut self) -> Scalar {
        let mut bytes = [0; 48];
        self.0.fill_bytes(&mut bytes);
        scalar(&bytes)
    }

    /// A case, and those with one field changed.
    fn with_changes(&mut self, said: Said) -> [Said; 6] {
        let mut flip = |bytes: Number| {
            let (mut bytes, bit) = (bytes, self.0.next_u32() as usize % 384);
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        [
            said,
            Said { digest: flip(said.digest), ..said },
            Said { r: flip(said.r), ..said },
            Said { s: flip(said.s), ..said },
            // Valid, if the first is.
            Said { s: bytes(-scalar(&said.s)), ..said },
            Said { r: said.s, s: said.r, ..said },
        ]
    }
}

#[test]
fn random_signatures() {
    let mut random = Random::new();
    for _ in 0..12 {
        let point = ProjectivePoint::GENERATOR * random.scalar();
        let said = (0..8).flat_map(|_| {
            let (u1, u2) = (random.scalar(), random.scalar());
            let sum = ProjectivePoint::GENERATOR * u1 + point * u2;
            random.with_changes(Said::of_sum(sum, u1, u2))
        });
        let cases = Cases::new(point, said.collect());
        assert_eq!(cases.check(), 16);
    }
}

/// u1 and u2 at their edges, for keys that are the generator, its small multiples, and multiples that stand in its tables.
#[test]
fn edges_of_scalars_and_keys() {
    let mut random = Random::new();
    let edges = edges();
    let few = [1, -1, 2, -2].into_iter().map(|d: i64| {
        let size = Scalar::from(d.unsigned_abs());
        if d < 0 { -size } else { size }
    });
    for d in few.chain(edges.iter().copied().skip(3).step_by(8)) {
        let point = ProjectivePoint::GENERATOR * d;
        let other = random.scalar();
        let pairs = edges.iter().flat_map(|edge| [(*edge, other), (other, *edge)]);
        // Sums of equal points, of opposite ones, and those that are twice another: u1 = +-u2 d.
        let equal = [Scalar::ONE, Scalar::from(5u64), other].into_iter().flat_map(|u2| {
            let u1 = u2 * d;
            [(u1, u2), (-u1, u2), (u1.double(), u2), (u1, u2.double())]
        });
        let own = [(d, d), (d, -d), (Scalar::ONE, d), (d, Scalar::ONE)];
        let said = pairs
            .chain(equal)
            .chain(own)
            .map(|(u1, u2)| Said::of_sum(ProjectivePoint::GENERATOR * u1 + point * u2, u1, u2));
        let cases = Cases::new(point, said.collect());
        assert!(cases.check() >= cases.said.len() - 8, "all but infinity and u2 = 0 are valid");
    }
}

#[test]
fn edges_of_r_and_s() {
    let mut random = Random::new();
    let one = U384::ONE;
    let values = [U384::ZERO, one, N.wrapping_sub(&one), N, N.wrapping_add(&one), U384::MAX]
        .map(|it| number(&it));
    for _ in 0..4 {
        let d = random.scalar();
        let (point, k) = (ProjectivePoint::GENERATOR * d, random.scalar());
        let x: Number = (ProjectivePoint::GENERATOR * k).to_affine().x().into();
        let r = scalar(&x);
        let mut said = Vec::new();
        for value in values {
            // Valid, where s is one.
            let s = scalar(&value);
            let digest = bytes(s * k - r * d);
            said.push(Said { digest, r: bytes(r), s: value });
            for other in values {
                said.push(Said { digest, r: value, s: other });
                said.push(Said { digest: value, r: bytes(r), s: other });
            }
        }
        let cases = Cases::new(point, said);
        assert!(cases.check() >= 2);
    }
}

/// Sums whose x is not below n, and those whose x is as small: r + n is below p.
#[test]
fn r_that_two_numbers_leave() {
    let mut random = Random::new();
    let with_x = |x: U384| {
        let mut compressed = [2; 49];
        compressed[1..].copy_from_slice(&number(&x));
        PublicKey::from_sec1_bytes(&compressed).ok().map(|key| key.to_projective())
    };
    // p - 1 - n.
    let largest = U384::from_be_hex(
        "000000000000000000000000000000000000000000000000389cb27e0bc8d21fa7e5f24cb74f58851313e696333ad68b",
    );
    let mut valid = 0;
    for i in 0..12u64 {
        let i = U384::from_u64(i);
        // From the smallest up; on both sides of the largest.
        for r in [i, largest.wrapping_sub(&i), largest.wrapping_add(&i)] {
            for x in [r, r.wrapping_add(&N)] {
                let Some(sum) = with_x(x) else { continue };
                let (u1, u2) = (random.scalar(), random.scalar());
                let inverse = u2.invert().expect("it is not zero");
                let point = (sum - ProjectivePoint::GENERATOR * u1) * inverse;
                let right = Said::of_r(scalar(&number(&r)), u1, u2);
                let cases = Cases::new(point, random.with_changes(right).into());
                let found = cases.check();
                assert_eq!(found, if r == U384::ZERO { 0 } else { 2 });
                valid += found;
            }
        }
    }
    assert!(valid > 20, "{valid}");
}
