//! Verification of P-384 signatures: every way and every arithmetic against the crate `p384`.

use p384::ecdsa::signature::hazmat::PrehashVerifier;
use p384::elliptic_curve::PrimeField;
use p384::elliptic_curve::bigint::U384;
use p384::elliptic_curve::ops::Reduce;
use p384::elliptic_curve::point::AffineCoordinates;
use p384::{FieldBytes, ProjectivePoint, Scalar};
use sevcrypt::Arithmetic;
use sevcrypt::ecdsa::{Claim, HotKey, KeyTable, Signature, VerifyingKey, verify_each_vartime};

type Number = [u8; 48];

fn scalar(bytes: &Number) -> Scalar {
    <Scalar as Reduce<U384>>::reduce(&U384::from_be_slice(bytes))
}

fn bytes(scalar: &Scalar) -> Number {
    scalar.to_repr().into()
}

/// A claim: what is said to be signed, and the signature.
#[derive(Clone, Copy)]
struct Said {
    digest: Number,
    r: Number,
    s: Number,
}

/// A byte that says how, then three numbers: the private key, and two more, which are digest and s, or the two scalars of which the
/// verifier computes the sum, so that the signature is right.
pub fn ecdsa(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else { return };
    let Some((numbers, _)) = rest.as_chunks::<48>().0.split_first_chunk::<3>() else { return };
    let [d, one, other] = numbers;
    let d = scalar(d);
    let point = ProjectivePoint::GENERATOR * d;
    // Of a batch every other key is the next one.
    let Some(keys) = keys_of(point).zip(keys_of(point + ProjectivePoint::GENERATOR)) else {
        return;
    };

    let said = match how & 1 {
        0 => Said { digest: *one, r: *other, s: numbers[0] },
        _ => {
            let (u1, u2) = (scalar(one), scalar(other));
            let sum = ProjectivePoint::GENERATOR * u1 + point * u2;
            let x: Number = sum.to_affine().x().into();
            let r = scalar(&x);
            let Some(inverse) = Option::<Scalar>::from(u2.invert_vartime()) else { return };
            let s = r * inverse;
            Said { digest: bytes(&(u1 * s)), r: bytes(&r), s: bytes(&s) }
        }
    };
    // The same digest and s a little changed: neighbours of a batch.
    let near = |index: u8| {
        let mut said = said;
        match index % 4 {
            1 => said.digest[47] ^= 1,
            2 => said.s = bytes(&-scalar(&said.s)),
            3 => said.r[47] ^= 1,
            _ => {}
        }
        said
    };
    let all: Vec<Said> = (0..1 + how / 2 % 9).map(near).collect();
    let keys: Vec<_> =
        all.iter().zip([&keys.0, &keys.1].into_iter().cycle()).map(|it| it.1).collect();
    let wanted: Vec<bool> =
        all.iter().zip(&keys).map(|(said, (reference, _))| verdict(reference, said)).collect();
    let signatures: Vec<_> = all.iter().map(|said| Signature::new(&said.r, &said.s).ok()).collect();
    for arithmetic in Arithmetic::available() {
        let kind = arithmetic.kind();
        let mut table = KeyTable::EMPTY;
        // A comb takes long to make: for some inputs.
        let hot = (how >> 5 == 7).then(|| HotKey::new(arithmetic, &keys[0].1));
        let mut claims = Vec::new();
        for (index, ((said, signature), wanted)) in
            all.iter().zip(&signatures).zip(&wanted).enumerate()
        {
            let key = &keys[index].1;
            if index < 2 {
                table.fill(arithmetic, key);
            }
            let Some(signature) = signature else {
                assert!(!wanted, "a number out of range");
                continue;
            };
            let cold = key.verify_digest_vartime(arithmetic, &said.digest, signature);
            assert_eq!(cold, *wanted, "{kind}");
            if table.key().as_ref() == Some(key) {
                let known = table.verify_digest_vartime(&said.digest, signature);
                assert_eq!(known, *wanted, "{kind}, with a table");
            }
            if let Some(hot) = hot.as_ref().filter(|_| index % 2 == 0) {
                let hot = hot.verify_digest_vartime(&said.digest, signature);
                assert_eq!(hot, *wanted, "{kind}, with a comb");
            }
            claims.push((Claim::of_digest(key, &said.digest, signature), wanted));
        }
        let mut together: Vec<_> = claims.iter().map(|(claim, _)| *claim).collect();
        verify_each_vartime(arithmetic, &mut together);
        for (claim, (_, wanted)) in together.iter().zip(claims) {
            assert_eq!(claim.holds(), *wanted, "{kind}, together");
        }
    }
}

/// A key as the crate has it, and ours; none is infinity.
fn keys_of(point: ProjectivePoint) -> Option<(p384::ecdsa::VerifyingKey, VerifyingKey)> {
    let reference = p384::ecdsa::VerifyingKey::from_affine(point.to_affine()).ok()?;
    let sec1 = reference.to_sec1_point(false);
    let key = VerifyingKey::from_sec1(sec1.as_bytes().try_into().expect("97 bytes"));
    Some((reference, key.expect("a point of the curve")))
}

/// That of the crate.
fn verdict(key: &p384::ecdsa::VerifyingKey, said: &Said) -> bool {
    let [r, s] = [said.r, said.s].map(FieldBytes::from);
    p384::ecdsa::Signature::from_scalars(r, s)
        .is_ok_and(|signature| key.verify_prehash(&said.digest, &signature).is_ok())
}
