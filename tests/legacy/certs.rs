//! Single certificates: known answers, fields, the firmware's rules.

use proptest::prelude::*;
use sevcrypt::ecdsa::{Signer, SigningKey};
use sevcrypt::sev::ApiVersion;
use sevcrypt::sev::cert::{
    Algorithm, AmdCertificate, AmdCertificates, AmdWriteError, Bundle, BundleError, Certificate,
    CertificateError, ChainError, KeyError, PdhKey, PlatformCertificates, PublicKey, RsaKey,
    SignError, Slot, Trust, Usage, verify,
};
use sevcrypt::x509::{RsaKeyError, RsaPublicKey};
use sevcrypt::{Hex, Status};

use crate::rsa;
use crate::support::{
    API, OCA, OWNER, PDH, PEK, certificate, chip, edited, pdh_certificate, platform, sha256,
    signing_key,
};

#[test]
fn known_answers() {
    let platform = platform();
    let owner = pdh_certificate(OWNER, &[]);
    for (certificate, body, whole) in [
        (
            &platform.oca,
            "7dfa87e1f97f764d45f2f407eaa101224477c67d70342999da4dd5cd61daa1be",
            "66326f318d33b3e438a8f94244c9031be82890fcf755af1523d81b14f8f10bf3",
        ),
        (
            &platform.pek,
            "23451b18670e1c16d8b46efb3b0bcacc0fcd45cc329ef0addd483749d5c7cdaf",
            "27c255058d86d1bced2d4e85077b1b34585bda8b33bf7e198973e9c3cf0664db",
        ),
        (
            &platform.pdh,
            "badf2897bd091f3b9e3decdece1b54f563caa1dd7c2334ec00c672b368d78a6e",
            "e515ee9ab7b3bdc12b06e3f38b1ab1e9f7b1058838ba042ecaf170ae04bae941",
        ),
        (
            &platform.cek,
            "94811233817b868075c7f23301f42be8b329523206f8a2a6f52ae06b768c10f8",
            "5b40b337b0cd0ed6f8aa5fc3793737523ccbf31fd9b02827772600c6b3d89956",
        ),
        (
            &owner,
            "da797f7f7523dfc639077766a8991cab0bb2d537b91c3b07de063c23de6d24a7",
            "5acb8f06c960f0946d1e9fc3b75598a2b36d713101e18b4ec940b215643b3abc",
        ),
    ] {
        assert_eq!(sha256(certificate.body()), body, "{certificate}");
        assert_eq!(sha256(certificate.as_bytes()), whole, "{certificate}");
        assert_eq!(certificate.check_form(), Ok(()));
    }
    let [slot, _] = platform.pdh.slots();
    assert_eq!(
        Hex(&slot.signature[..48]).to_string(),
        "e6d1137cad79cdc72eba90e4e54cd6e59fba438f2ec2e25f8ed97ca136ede24db0a9606c11cc0db5937e878de1680a96"
    );
    assert_eq!(
        Hex(&slot.signature[72..120]).to_string(),
        "7547bae11e2be92c2d1b0fb5e39299c0aa62b747bcd3664d8e2e694dcb33bee6737ad9872d21c60aa828fa133b7d3af4"
    );
    assert_eq!(
        sha256(&platform.chain()),
        "b56f70f4ddcec282c2414b797133f1c5bd3b9066c2170c6d7fb70e49df599749"
    );
    platform.oca.validate(&platform.oca).unwrap();
    platform.pek.validate(&platform.oca).unwrap();
    platform.pek.validate(&platform.cek).unwrap();
    platform.pdh.validate(&platform.pek).unwrap();
}

#[test]
fn fields_stand_where_they_should() {
    let key = PublicKey::Ecdsa(signing_key(PEK).verifying_key());
    let api = ApiVersion { major: 0x12, minor: 0x34 };
    let mut certificate = Certificate::new(Usage(0x0102_0304), Algorithm::ECDSA_SHA384, &key, api);
    certificate.set_version(0x0506_0708);
    let signatures = [[0x11; 512], [0x22; 512]];
    let slot = |i: usize| Slot {
        usage: Usage(0x1001 + i as u32),
        algorithm: Algorithm(0x2002 + i as u32),
        signature: &signatures[i],
    };
    certificate.set_slots([slot(0), slot(1)]);
    let bytes = *certificate.as_bytes();
    assert_eq!(bytes[..16], [8, 7, 6, 5, 0x12, 0x34, 0, 0, 4, 3, 2, 1, 2, 1, 0, 0]);
    assert_eq!(bytes[0x10..0x14], [2, 0, 0, 0]);
    assert_eq!(bytes[0x414..0x41d], [1, 0x10, 0, 0, 2, 0x20, 0, 0, 0x11]);
    assert_eq!(bytes[0x61b..0x625], [0x11, 2, 0x10, 0, 0, 3, 0x20, 0, 0, 0x22]);
    assert_eq!(bytes[0x823], 0x22);
    assert_eq!(certificate.body()[..], bytes[..0x414]);

    assert_eq!(certificate.version(), 0x0506_0708);
    assert_eq!(certificate.api(), api);
    assert_eq!(
        (certificate.usage(), certificate.algorithm()),
        (Usage(0x0102_0304), Algorithm(0x102))
    );
    assert_eq!(certificate.slots(), [slot(0), slot(1)]);
    assert_eq!(Certificate::parse(&bytes).unwrap(), certificate);

    // x and y are little-endian.
    let point = signing_key(PEK).verifying_key().to_sec1();
    assert!(bytes[0x14..0x44].iter().eq(point[1..49].iter().rev()));
    assert!(bytes[0x5c..0x8c].iter().eq(point[49..].iter().rev()));

    for len in [0, 2083, 2085, 4168] {
        let refused = CertificateError::Length { found: len, expected: 2084 };
        assert_eq!(Certificate::parse(&vec![0; len]), Err(refused));
        assert_eq!(refused.status(), Status::INVALID_LENGTH);
    }
}

#[test]
fn rsa_keys_in_sev_certificates() {
    for (bytes, algorithm) in [(256, Algorithm::RSA_SHA256), (512, Algorithm::RSA_SHA384)] {
        let modulus: Vec<u8> = (0..bytes).map(|i| (i % 251) as u8 | 0x81).collect();
        let public = RsaPublicKey::new(&modulus, 65537).unwrap();
        let key = RsaKey::from(public);
        assert_eq!(
            (key.modulus(), key.bits(), key.algorithm()),
            (&modulus[..], bytes * 8, algorithm)
        );
        let ask = Certificate::new(Usage::ASK, algorithm, &PublicKey::Rsa(key), API);
        assert_eq!(ask.key(), Ok(PublicKey::Rsa(key)));
        assert_eq!(ask.check_form(), Ok(()));
        let raw = ask.as_bytes();
        assert_eq!(raw[0x10..0x18], [0, (bytes / 32) as u8, 0, 0, 1, 0, 1, 0]);
        assert!(raw[0x214..0x214 + bytes].iter().eq(modulus.iter().rev()));

        let wrong = |at: usize, xor: u8| edited(&ask, |raw| raw[at] ^= xor).key();
        let rsa = |error| Err(KeyError::Rsa(error));
        assert_eq!(wrong(0x10, 1), rsa(RsaKeyError::Size { bits: bytes * 8 + 1 }));
        assert_eq!(wrong(0x13, 0x80), rsa(RsaKeyError::Size { bits: bytes * 8 + (1 << 31) }));
        assert_eq!(wrong(0x14, 2), rsa(RsaKeyError::Exponent));
        assert_eq!(wrong(0x213, 1), rsa(RsaKeyError::Exponent));
        assert_eq!(wrong(0x214, 1), rsa(RsaKeyError::EvenModulus));
        assert!(matches!(
            wrong(0x213 + bytes, 0x80),
            Err(KeyError::Rsa(RsaKeyError::Size { bits })) if bits < bytes * 8
        ));
        let reserved = |at: usize| edited(&ask, |raw| raw[at] ^= 1).check_form();
        if bytes == 256 {
            for at in [0x14 + 256, 0x213, 0x214 + 256, 0x413] {
                assert_eq!(reserved(at), Err(CertificateError::Reserved { offset: at }));
            }
        }
    }
}

#[test]
fn keys_that_are_none() {
    let good = platform().oca;
    let point = signing_key(OCA).verifying_key();
    assert_eq!(good.key(), Ok(PublicKey::Ecdsa(point)));
    let with = |edit: &dyn Fn(&mut [u8])| edited(&good, edit).key();
    for usage in [1, 0x12, 0x1000, 0x1005, 0x8000_1001] {
        let found = Usage(usage);
        let key = with(&|b| b[8..12].copy_from_slice(&usage.to_le_bytes()));
        assert_eq!(key, Err(KeyError::Usage { found }));
    }
    for algorithm in [0u32, 4, 0xff, 0x100, 0x104, 0x1_0002] {
        let found = Algorithm(algorithm);
        let key = with(&|b| b[12..16].copy_from_slice(&algorithm.to_le_bytes()));
        assert_eq!(key, Err(KeyError::Algorithm { found }));
    }
    for curve in [0u32, 1, 3, 0x100_0002] {
        let key = with(&|b| b[16..20].copy_from_slice(&curve.to_le_bytes()));
        assert_eq!(key, Err(KeyError::Curve { found: curve }));
    }
    assert_eq!(with(&|b| b[0x14] ^= 1), Err(KeyError::Point));
    assert_eq!(with(&|b| b[0x5c] ^= 1), Err(KeyError::Point));
    assert_eq!(with(&|b| b[0x14..0xa4].fill(0)), Err(KeyError::Point), "(0, 0)");

    // p = 2^384 - 2^128 - 2^96 + 2^32 - 1.
    let mut p = [0xff; 48];
    p[4..12].fill(0);
    p[16] = 0xfe;
    for (field, number) in [(0x14, 'x'), (0x5c, 'y')] {
        let coordinate = Err(KeyError::Coordinate { number });
        assert_eq!(with(&|b| b[field..field + 48].copy_from_slice(&p)), coordinate);
        assert_eq!(with(&|b| b[field..field + 48].fill(0xff)), coordinate);
        assert_eq!(with(&|b| b[field + 48] = 1), coordinate);
        assert_eq!(with(&|b| b[field + 71] = 0x80), coordinate);
        let mut below = p;
        below[0] -= 1;
        assert_eq!(with(&|b| b[field..field + 48].copy_from_slice(&below)), Err(KeyError::Point));
    }
    // The same for Diffie-Hellman keys.
    let pdh = platform().pdh;
    assert!(matches!(pdh.key(), Ok(PublicKey::Ecdh(_))));
    assert_eq!(edited(&pdh, |b| b[0x14] ^= 1).key(), Err(KeyError::Point));
    assert_eq!(edited(&pdh, |b| b[0x10] = 1).key(), Err(KeyError::Curve { found: 1 }));

    // The first of several.
    let all = |b: &mut [u8]| {
        (b[8], b[12], b[16]) = (9, 9, 9);
        b[0x14..0x44].fill(0xff);
    };
    assert!(matches!(with(&all), Err(KeyError::Usage { .. })));
    let but = |b: &mut [u8], keep: usize| {
        all(b);
        b[..keep].copy_from_slice(&good.as_bytes()[..keep]);
    };
    assert!(matches!(with(&|b| but(b, 12)), Err(KeyError::Algorithm { .. })));
    assert!(matches!(with(&|b| but(b, 16)), Err(KeyError::Curve { .. })));
    assert!(matches!(with(&|b| but(b, 20)), Err(KeyError::Coordinate { number: 'x' })));
}

#[test]
fn the_sanity_check() {
    let good = pdh_certificate(OWNER, &[]);
    let refused = |edit: &dyn Fn(&mut Certificate)| {
        let mut certificate = good.clone();
        edit(&mut certificate);
        let error = PdhKey::unauthenticated(&certificate).unwrap_err();
        assert_eq!(error.status(), Status::INVALID_CERTIFICATE);
        error
    };
    assert!(PdhKey::unauthenticated(&good).is_ok());
    // Signatures do not count, and API versions neither.
    let signed = edited(&good, |bytes| bytes[0x414..].fill(0x5a));
    assert_eq!(PdhKey::unauthenticated(&signed), PdhKey::unauthenticated(&good));

    assert_eq!(refused(&|c| c.set_version(0)), CertificateError::Version { found: 0 });
    assert_eq!(
        refused(&|c| c.set_usage(Usage::EMPTY)),
        CertificateError::Key(KeyError::Usage { found: Usage::EMPTY })
    );
    let (found, expected) = (Usage::PEK, Usage::PDH);
    assert_eq!(refused(&|c| c.set_usage(Usage::PEK)), CertificateError::Usage { found, expected });
    for found in [Algorithm::ECDH_SHA384, Algorithm::ECDSA_SHA256, Algorithm::ECDSA_SHA384] {
        let expected = Algorithm::ECDH_SHA256;
        assert_eq!(
            refused(&|c| c.set_algorithm(found)),
            CertificateError::Algorithm { found, expected }
        );
    }
    assert_eq!(
        refused(&|c| *c = edited(c, |b| b[0x10] = 1)),
        CertificateError::Key(KeyError::Curve { found: 1 })
    );
    assert_eq!(
        refused(&|c| *c = edited(c, |b| b[0x5c] ^= 1)),
        CertificateError::Key(KeyError::Point)
    );
    // The earlier check first.
    assert_eq!(
        refused(&|c| {
            c.set_version(2);
            c.set_usage(Usage::EMPTY);
        }),
        CertificateError::Version { found: 2 }
    );
    assert!(matches!(
        refused(&|c| {
            c.set_usage(Usage::PEK);
            *c = edited(c, |b| b[0x10] = 1);
        }),
        CertificateError::Key(KeyError::Curve { found: 1 })
    ));
    assert!(matches!(
        refused(&|c| {
            c.set_usage(Usage::PEK);
            c.set_algorithm(Algorithm::ECDH_SHA384);
        }),
        CertificateError::Usage { .. }
    ));
}

/// A certificate that is wrong before it is signed.
fn signed_late(usage: Usage, by: Usage, edit: impl FnOnce(&mut Certificate)) -> Certificate {
    let mut certificate =
        Certificate::of_verifying_key(usage, &signing_key(OWNER).verifying_key(), API);
    edit(&mut certificate);
    certificate.sign(by, &signing_key(PEK)).unwrap();
    certificate
}

#[test]
fn the_firmwares_rules() {
    let platform = platform();
    let (pdh, pek) = (&platform.pdh, &platform.pek);
    let check = |certificate: &Certificate, signer: &Certificate| {
        certificate.validate(signer).map_err(|error| (error, error.status()))
    };
    let with = |edit: &dyn Fn(&mut [u8])| check(&edited(pdh, edit), pek);
    let invalid = |error| Err((error, Status::INVALID_CERTIFICATE));
    let bad = |error| Err((error, Status::BAD_SIGNATURE));
    let word = |b: &mut [u8], at: usize, word: u32| {
        b[at..at + 4].copy_from_slice(&word.to_le_bytes());
    };

    // 1. The signer's key.
    for (at, value, error) in [
        (0x08, 0x00, KeyError::Usage { found: Usage(0x1000) }),
        (0x0c, 0x00, KeyError::Algorithm { found: Algorithm::NONE }),
        (0x0c, 0x04, KeyError::Algorithm { found: Algorithm(4) }),
        (0x10, 0x01, KeyError::Curve { found: 1 }),
        (0x14, pek.as_bytes()[0x14] ^ 1, KeyError::Point),
        (0x14 + 60, 0x01, KeyError::Coordinate { number: 'x' }),
    ] {
        let signer = edited(pek, |b| b[at] = value);
        assert_eq!(check(pdh, &signer), invalid(CertificateError::SignerKey(error)));
    }

    // 2. Slots.
    let malformed = |slot| bad(CertificateError::MalformedSlot { slot });
    assert_eq!(with(&|b| word(b, 0x414, 0x1000)), malformed(1));
    assert_eq!(with(&|b| word(b, 0x418, 0)), malformed(1));
    assert_eq!(with(&|b| word(b, 0x61c, 0x1002)), malformed(2), "the first one is right");
    assert_eq!(with(&|b| word(b, 0x620, 2)), malformed(2), "the first one is right");
    let not_signed = CertificateError::NotSigned { by: Usage::PEK };
    assert_eq!(check(&pdh.unsigned(), pek), invalid(not_signed));
    assert_eq!(with(&|b| word(b, 0x414, 0x1001)), invalid(not_signed));
    assert_eq!(with(&|b| word(b, 0x418, 0x102)), invalid(not_signed));
    assert_eq!(with(&|b| word(b, 0x414, 0x7777)), invalid(not_signed));
    let signature = |slot| bad(CertificateError::Signature { slot });
    for at in [0x41c, 0x41c + 47, 0x41c + 72, 0x41c + 119] {
        assert_eq!(with(&|b| b[at] ^= 1), signature(1), "{at:#x}");
    }
    for at in [0x41c + 48, 0x41c + 71, 0x41c + 120, 0x41c + 143] {
        assert_eq!(with(&|b| b[at] = 1), signature(1), "too large: {at:#x}");
    }
    assert_eq!(with(&|b| b[0x41c..0x41c + 48].fill(0)), signature(1), "r = 0");
    assert_eq!(with(&|b| b[0x41c + 72..0x41c + 120].fill(0xff)), signature(1), "s > n");
    for at in [0x004, 0x005, 0x006, 0x0a4, 0x413] {
        assert_eq!(with(&|b| b[at] ^= 1), signature(1), "{at:#x} is signed");
    }
    // What the firmware does not look at.
    for at in [0x41c + 144, 0x61b, 0x624, 0x823] {
        assert_eq!(with(&|b| b[at] = 1), Ok(()), "{at:#x}");
        let strict = edited(pdh, |b| b[at] = 1).check_form();
        assert_eq!(strict, Err(CertificateError::Reserved { offset: at }));
    }

    // The last slot that is the signer's decides.
    let [slot, _] = pdh.slots();
    let mut wrong = *slot.signature;
    wrong[0] ^= 1;
    let wrong = Slot { signature: &wrong, ..slot };
    let of = |slots| {
        let mut certificate = pdh.clone();
        certificate.set_slots(slots);
        check(&certificate, pek)
    };
    assert_eq!(of([slot, slot]), Ok(()));
    assert_eq!(of([wrong, slot]), Ok(()));
    assert_eq!(of([Slot::EMPTY, slot]), Ok(()));
    assert_eq!(of([slot, wrong]), signature(2));
    assert_eq!(of([wrong, Slot::EMPTY]), signature(1));
    let others = Slot { usage: Usage::OCA, ..wrong };
    assert_eq!(of([slot, others]), Ok(()));
    assert_eq!(of([others, slot]), Ok(()));
    assert_eq!(of([others, others]), invalid(not_signed));

    // 3. VERSION, the key. 4. Who signs whom.
    let late =
        |edit: &dyn Fn(&mut Certificate)| check(&signed_late(Usage::PDH, Usage::PEK, edit), pek);
    assert_eq!(late(&|_| {}), Ok(()));
    assert_eq!(late(&|c| c.set_version(2)), invalid(CertificateError::Version { found: 2 }));
    assert_eq!(
        late(&|c| *c = edited(c, |b| b[0x10] = 1)),
        invalid(CertificateError::Key(KeyError::Curve { found: 1 }))
    );
    assert_eq!(
        late(&|c| c.set_algorithm(Algorithm(0x103))),
        Ok(()),
        "of the algorithms that exist the firmware takes any"
    );
    assert_eq!(
        late(&|c| c.set_algorithm(Algorithm(0x50))),
        invalid(CertificateError::Key(KeyError::Algorithm { found: Algorithm(0x50) }))
    );
    assert_eq!(late(&|c| c.set_api(ApiVersion { major: 9, minor: 9 })), Ok(()));
    assert_eq!(late(&|c| *c = edited(c, |b| b[6] = 1)), Ok(()), "reserved");
    assert_eq!(late(&|c| *c = edited(c, |b| b[0x413] = 1)), Ok(()), "padding");

    // 5. The earlier check first.
    let broken_signer = edited(pek, |b| b[0x10] = 1);
    let malformed_pdh = edited(pdh, |b| word(b, 0x418, 0));
    assert!(matches!(
        check(&malformed_pdh, &broken_signer),
        Err((CertificateError::SignerKey(_), _))
    ));
    assert_eq!(with(&|b| (b[0x41c], b[0x620]) = (b[0x41c] ^ 1, 2)), malformed(2));
    assert_eq!(with(&|b| (b[0x41c], b[0]) = (b[0x41c] ^ 1, 2)), signature(1));
    assert!(matches!(
        late(&|c| {
            c.set_version(2);
            *c = edited(c, |b| b[0x10] = 1);
        }),
        Err((CertificateError::Version { .. }, _))
    ));
    assert!(matches!(
        late(&|c| {
            c.set_usage(Usage::CEK);
            *c = edited(c, |b| b[0x10] = 1);
        }),
        Err((CertificateError::Key(_), _))
    ));
}

#[test]
fn who_signs_whom() {
    use Usage as U;
    let key = signing_key(PEK);
    let usages = [U::ARK, U::ASK, U::OCA, U::PEK, U::PDH, U::CEK];
    for by in usages {
        let signer = certificate(by, &key, &[]);
        for usage in usages {
            let signed = signed_late(usage, by, |_| {});
            let right = [
                (U::PDH, U::PEK),
                (U::PEK, U::OCA),
                (U::PEK, U::CEK),
                (U::OCA, U::OCA),
                (U::CEK, U::ASK),
            ];
            let expected = match right.contains(&(usage, by)) {
                true => Ok(()),
                false => Err(CertificateError::Signer { usage, by }),
            };
            assert_eq!(signed.validate(&signer), expected, "{usage} by {by}");
        }
    }
}

#[test]
fn signers_of_other_algorithms() {
    // A Diffie-Hellman key: the first slot that names it ends the check, before the second one is looked at.
    let platform = platform();
    let mut by_pdh = platform.oca.clone();
    let half_empty = Slot { usage: Usage::EMPTY, ..platform.oca.slots()[0] };
    let slot =
        Slot { usage: Usage::PDH, algorithm: Algorithm::ECDH_SHA256, ..platform.oca.slots()[0] };
    by_pdh.set_slots([slot, half_empty]);
    let refused = by_pdh.validate(&platform.pdh).unwrap_err();
    assert_eq!(refused, CertificateError::Unsupported { algorithm: Algorithm::ECDH_SHA256 });
    assert_eq!(refused.status(), Status::UNSUPPORTED);

    // ECDSA with SHA-384: the hash is the signer's.
    let key = signing_key(OCA);
    let public = PublicKey::Ecdsa(key.verifying_key());
    let mut oca = Certificate::new(Usage::OCA, Algorithm::ECDSA_SHA384, &public, API);
    let signature = key.sign_sha384(oca.body()).unwrap().to_amd();
    let (usage, algorithm) = (Usage::OCA, Algorithm::ECDSA_SHA384);
    assert!(oca.add_signature(Slot { usage, algorithm, signature: &signature }));
    assert_eq!(oca.validate(&oca), Ok(()));
    let mut other = oca.unsigned();
    other.sign(Usage::OCA, &key).unwrap();
    let signature = *other.slots()[0].signature;
    other.set_slots([Slot { usage, algorithm, signature: &signature }, Slot::EMPTY]);
    assert_eq!(other.validate(&oca), Err(CertificateError::Signature { slot: 1 }));
}

#[test]
fn slots_are_filled_in_order() {
    let key = signing_key(OCA);
    let mut certificate = certificate(Usage::PEK, &signing_key(PEK), &[]);
    certificate.sign(Usage::OCA, &key).unwrap();
    certificate.sign(Usage::CEK, &key).unwrap();
    assert_eq!(certificate.slots().map(|slot| slot.usage), [Usage::OCA, Usage::CEK]);
    let full = certificate.clone();
    assert_eq!(certificate.sign(Usage::OCA, &key), Err(SignError::NoEmptySlot));
    assert_eq!(certificate, full);
    // The usage alone says that a slot is empty.
    certificate.set_slots([Slot { usage: Usage::EMPTY, ..full.slots()[0] }, full.slots()[1]]);
    certificate.sign(Usage::OCA, &key).unwrap();
    assert_eq!(certificate, full);
    assert_eq!(full.unsigned().slots(), [Slot::EMPTY; 2]);
    assert_eq!(full.unsigned().body(), full.body());
}

#[test]
fn texts() {
    let platform = platform();
    assert_eq!(
        platform.pek.to_string(),
        "0x1002 (PEK), 0x2 (ECDSA, SHA-256), API 1.55, signed by 0x1001 (OCA) with 0x2 (ECDSA, SHA-256) \
         and 0x1004 (CEK) with 0x2 (ECDSA, SHA-256)"
    );
    assert_eq!(platform.cek.to_string(), "0x1004 (CEK), 0x2 (ECDSA, SHA-256), API 1.55");
    assert_eq!(Usage(7).to_string(), "0x7");
    assert_eq!(Algorithm(7).to_string(), "0x7");
    assert!(format!("{:?}", platform.pek).contains("slot 2: Slot(0x1004 (CEK), 0x2"));
}

const ID: [u8; 16] = [0xa1; 16];
const ASK_ID: [u8; 16] = [0xa2; 16];

#[test]
fn certificates_of_amd_are_written_and_read() {
    let (ark, ask, small) = (
        rsa::RsaKey::load("ark.pem"),
        rsa::RsaKey::load("ask.pem"),
        rsa::RsaKey::load("small.pem"),
    );
    let root = ark.certify(&ark.draft(Usage::ARK, ID, ID));
    let (root, rest) = AmdCertificate::parse(&root).unwrap();
    assert_eq!((root.as_bytes().len(), rest.len()), (1600, 0));
    assert_eq!((root.version(), root.usage()), (1, Usage::ARK));
    assert_eq!((root.key_id(), root.certifying_id()), (&ID, &ID));
    assert_eq!(root.key().unwrap().modulus(), ark.public().modulus());
    assert_eq!(root.signed_bytes().len(), 1088);
    assert_eq!(root.signature().map(<[u8]>::len), Some(512));
    assert_eq!(root.check_form(), Ok(()));
    assert_eq!(
        root.to_string(),
        format!("0x0 (ARK), RSA-4096, key {0}, certified by itself", Hex(&ID))
    );
    let trusted = [root];
    let trust = Trust::amd().with_roots(&trusted);
    assert_eq!(root.validate_root(&trust), Ok(None));
    let untrusted = CertificateError::Root { key_id: ID };
    assert_eq!(root.validate_root(&Trust::amd()), Err(untrusted));
    assert_eq!(untrusted.status(), Status::INVALID_CERTIFICATE);

    let second = ark.certify(&ask.draft(Usage::ASK, ASK_ID, ID));
    let (second, _) = AmdCertificate::parse(&second).unwrap();
    assert_eq!(second.validate(&root), Ok(()));
    assert_eq!(
        second.to_string(),
        format!("0x13 (ASK), RSA-4096, key {}, certified by {}", Hex(&ASK_ID), Hex(&ID))
    );

    // 2048 bits, with SHA-256.
    let small_root = small.certify(&small.draft(Usage::ARK, ID, ID));
    let (small_root, _) = AmdCertificate::parse(&small_root).unwrap();
    assert_eq!(small_root.as_bytes().len(), 832);
    let trusted = [small_root];
    assert_eq!(small_root.validate_root(&Trust::amd().with_roots(&trusted)), Ok(None));

    // The hash that does not go with the size.
    for key in [&ark, &small] {
        let draft = key.draft(Usage::ARK, ID, ID);
        let mut out = vec![0; draft.written_len()];
        let written = draft.write(&mut out, |signed, place| {
            place.copy_from_slice(&key.sign_with_the_other_hash(signed));
            Ok::<(), ()>(())
        });
        let refused = written.unwrap().validate_root(&Trust::amd()).unwrap_err();
        assert_eq!(
            (refused, refused.status()),
            (CertificateError::AmdSignature, Status::BAD_SIGNATURE)
        );
    }

    let draft = ark.draft(Usage::ARK, ID, ID);
    let mut short = vec![0xee; 1599];
    let refused = draft.write(&mut short, |_, _| Ok::<(), ()>(())).unwrap_err();
    assert_eq!(refused, AmdWriteError::BufferTooSmall { needed: 1600, found: 1599 });
    assert!(short.iter().all(|byte| *byte == 0xee));
    let refused = draft.write(&mut [0; 1600], |_, _| Err("no key")).unwrap_err();
    assert_eq!(refused, AmdWriteError::Signer("no key"));
}

#[test]
fn certificates_of_amd_that_are_refused() {
    let key = rsa::RsaKey::load("small.pem");
    let draft = key.draft(Usage::ARK, ID, ID);
    let good = key.certify(&draft);
    let trusted = [AmdCertificate::parse(&good).unwrap().0];
    let trust = Trust::amd().with_roots(&trusted);

    for len in 0..good.len() {
        let refused = AmdCertificate::parse(&good[..len]).unwrap_err();
        let expected = match len {
            0..64 => CertificateError::Truncated { found: len, expected: 64 },
            576 => CertificateError::NoSignature,
            _ => CertificateError::Truncated { found: len, expected: 832 },
        };
        assert_eq!((refused, refused.status()), (expected, Status::INVALID_CERTIFICATE), "{len}");
    }
    let longer = [&good[..], b"more"].concat();
    let (same, rest) = AmdCertificate::parse(&longer).unwrap();
    assert_eq!((same.as_bytes(), rest), (&good[..], &b"more"[..]));

    for (offset, bits) in [(0x38, 0u32), (0x3c, 1024), (0x38, 4095), (0x3c, 8192), (0x3c, u32::MAX)]
    {
        let mut changed = good.clone();
        changed[offset..offset + 4].copy_from_slice(&bits.to_le_bytes());
        let refused = AmdCertificate::parse(&changed).unwrap_err();
        assert_eq!(refused, CertificateError::Size { offset, bits });
        assert_eq!(refused.status(), Status::INVALID_CERTIFICATE);
    }

    // What is signed is checked by the signature first.
    let root = |bytes: &[u8]| {
        let refused = AmdCertificate::parse(bytes).unwrap().0.validate_root(&trust);
        refused.map_err(|error| (error, error.status()))
    };
    assert_eq!(root(&good), Ok(None));
    let bad = Err((CertificateError::AmdSignature, Status::BAD_SIGNATURE));
    for at in [0x00, 0x04, 0x14, 0x24, 0x28, 0x37, 0x150, 576, 831] {
        let mut changed = good.clone();
        changed[at] ^= 1;
        assert_eq!(root(&changed), bad, "{at:#x}");
    }
    for (at, error) in [
        (0x40, RsaKeyError::Exponent),
        (0x13f, RsaKeyError::Exponent),
        (0x140, RsaKeyError::EvenModulus),
    ] {
        let mut changed = good.clone();
        changed[at] ^= 1;
        let error = CertificateError::SignerKey(KeyError::Rsa(error));
        assert_eq!(root(&changed), Err((error, Status::INVALID_CERTIFICATE)), "{at:#x}");
    }

    // Signed, and wrong: version, usage, signer, in this order.
    let wrong = |edits: &[(usize, u8)]| {
        let mut changed = good.clone();
        for (at, value) in edits {
            changed[*at] = *value;
        }
        let signature: Vec<u8> = key.sign(&changed[..576]).into_iter().rev().collect();
        changed[576..].copy_from_slice(&signature);
        root(&changed)
    };
    let invalid = |error| Err((error, Status::INVALID_CERTIFICATE));
    let (found, expected) = (Usage::ASK, Usage::ARK);
    let mut other_id = ID;
    other_id[0] = 9;
    assert_eq!(wrong(&[(0, 2)]), invalid(CertificateError::Version { found: 2 }));
    assert_eq!(wrong(&[(0x24, 0x13)]), invalid(CertificateError::Usage { found, expected }));
    assert_eq!(
        wrong(&[(0x14, 9)]),
        invalid(CertificateError::CertifyingId { found: other_id, expected: ID })
    );
    assert_eq!(
        wrong(&[(0x04, 9)]),
        invalid(CertificateError::CertifyingId { found: ID, expected: other_id })
    );
    assert_eq!(
        wrong(&[(0x04, 9), (0x14, 9)]),
        invalid(CertificateError::Root { key_id: other_id })
    );
    assert_eq!(wrong(&[(0x28, 1)]), invalid(CertificateError::Root { key_id: ID }), "reserved");
    assert_eq!(
        wrong(&[(0, 2), (0x24, 0x13), (0x14, 9)]),
        invalid(CertificateError::Version { found: 2 })
    );
    assert_eq!(
        wrong(&[(0x24, 0x13), (0x14, 9)]),
        invalid(CertificateError::Usage { found, expected })
    );
    let mut reserved = good.clone();
    reserved[0x30] = 1;
    let (reserved, _) = AmdCertificate::parse(&reserved).unwrap();
    assert_eq!(reserved.check_form(), Err(CertificateError::Reserved { offset: 0x30 }));

    // An ASK by another ARK.
    let ask = key.certify(&key.draft(Usage::ASK, ASK_ID, other_id));
    let (ask, _) = AmdCertificate::parse(&ask).unwrap();
    let (ark, _) = AmdCertificate::parse(&good).unwrap();
    assert_eq!(
        ask.validate(&ark),
        Err(CertificateError::CertifyingId { found: other_id, expected: ID })
    );
    let (found, expected) = (Usage::ARK, Usage::ASK);
    assert_eq!(ark.validate(&ark), Err(CertificateError::Usage { found, expected }));
}

#[test]
fn chains_of_amd_by_their_length() {
    let (ark, small) = (rsa::RsaKey::load("ark.pem"), rsa::RsaKey::load("small.pem"));
    let large = |usage, id| ark.certify(&ark.draft(usage, id, ID));
    let little = |usage, id| small.certify(&small.draft(usage, id, ID));
    for (ask, root) in [
        (little(Usage::ASK, ASK_ID), little(Usage::ARK, ID)),
        (large(Usage::ASK, ASK_ID), large(Usage::ARK, ID)),
    ] {
        let chain = [&ask[..], &root].concat();
        let [first, second] = AmdCertificate::parse_chain(&chain).unwrap();
        assert_eq!((first.as_bytes(), second.as_bytes()), (&ask[..], &root[..]));
        first.validate(&second).unwrap();
    }
    for len in [0, 832, 1600, 1663, 1665, 2175, 2177, 2432, 2689, 3199, 3201] {
        let refused = AmdCertificate::parse_chain(&vec![0; len]).unwrap_err();
        assert_eq!(refused, CertificateError::ChainLength { found: len });
        assert_eq!(refused.status(), Status::INVALID_LENGTH);
    }
    // A rest behind the ARK.
    for len in [2176, 2688, 3200] {
        let mut chain = [little(Usage::ASK, ASK_ID), little(Usage::ARK, ID)].concat();
        chain.resize(len, 0);
        let refused = AmdCertificate::parse_chain(&chain).unwrap_err();
        assert_eq!(refused, CertificateError::Rest { offset: 1664 }, "{len}");
        assert_eq!(refused.status(), Status::INVALID_CERTIFICATE);
    }
    // The other two lengths are of certificates whose signatures are as long as their signer's, which cannot be read.
    let mixed = [large(Usage::ASK, ASK_ID), little(Usage::ARK, ID)].concat();
    assert_eq!(mixed.len(), 2432);
    for (start, len) in [(large(Usage::ASK, ASK_ID), 2176), (little(Usage::ASK, ASK_ID), 2688)] {
        let mut chain = start;
        chain.resize(len, 0);
        let refused = AmdCertificate::parse_chain(&chain).unwrap_err();
        assert_eq!(refused, CertificateError::Size { offset: 0x38, bits: 0 });
        assert_eq!(refused.status(), Status::INVALID_CERTIFICATE);
    }
}

/// The place of a signature is as long as the certificate's own key: one that is shorter would leave bytes that nobody
/// looks at.
#[test]
fn signers_of_another_size() {
    let (large, small) = (rsa::RsaKey::load("ark.pem"), rsa::RsaKey::load("small.pem"));
    for (signer, key, found, expected) in
        [(&small, &large, 2048, 4096), (&large, &small, 4096, 2048)]
    {
        let ark = signer.certify(&signer.draft(Usage::ARK, ID, ID));
        let (ark, _) = AmdCertificate::parse(&ark).unwrap();
        let draft = key.draft(Usage::ASK, ASK_ID, ID);
        let mut ask = vec![0; draft.written_len()];
        let written = draft.write(&mut ask, |signed, place| {
            // Big-endian: what counts stands last, and there may be anything before it.
            let signature = signer.sign(signed);
            place.fill(0xee);
            place.iter_mut().rev().zip(signature.iter().rev()).for_each(|(to, from)| *to = *from);
            Ok::<(), ()>(())
        });
        let refused = written.unwrap().validate(&ark).unwrap_err();
        assert_eq!(refused, CertificateError::SignerSize { found, expected });
        assert_eq!(refused.status(), Status::INVALID_CERTIFICATE);
        let (ask, _) = AmdCertificate::parse(&ask).unwrap();
        let roots = [ark];
        for ark in [Some(ark), None] {
            let amd = AmdCertificates { ask: Some(ask), ark };
            let refused = verify(&platform(), amd, &Trust::only(&roots)).unwrap_err();
            assert_eq!(refused, ChainError::Ask(CertificateError::SignerSize { found, expected }));
        }
    }
}

/// What a host exports and what the owner has from AMD: two CEKs of one key, with different API versions.
#[test]
fn two_certificates_of_one_key() {
    let platform = platform();
    let key = rsa::RsaKey::load("small.pem");
    let mut cek = platform.cek.clone();
    cek.set_api(ApiVersion { major: 0, minor: 14 });
    let signed = key.sign_cek(&cek);
    let garbage = edited(&key.sign_cek(&platform.cek), |bytes| bytes[0x41c] ^= 1);
    let exported = platform.to_bytes();
    let read = |files: &[&[u8]]| {
        let mut bundle = Bundle::default();
        files.iter().for_each(|file| bundle.add(file).unwrap());
        bundle.platform().unwrap()
    };
    let genuine = PlatformCertificates { cek: signed.clone(), ..platform.clone() };
    let forged = PlatformCertificates { cek: garbage.clone(), ..platform.clone() };
    let (signed, garbage) = (&signed.as_bytes()[..], &garbage.as_bytes()[..]);
    // Without a signature it gives way, and takes no place.
    assert_eq!(read(&[&exported, signed]), genuine);
    assert_eq!(read(&[signed, &exported]), genuine);
    // Of two without one, and of two with one, the later.
    assert_eq!(read(&[cek.as_bytes(), &exported]), platform);
    assert_eq!(read(&[&exported, garbage, signed]), genuine);
    assert_eq!(read(&[&forged.to_bytes(), signed]), genuine);
    assert_eq!(read(&[signed, &exported, garbage]), forged);

    let ark = key.certify(&key.draft(Usage::ARK, ID, ID));
    let ask = key.certify(&key.draft(Usage::ASK, ASK_ID, ID));
    let [ark, ask] = [&ark, &ask].map(|bytes| AmdCertificate::parse(bytes).unwrap().0);
    let roots = [ark];
    let amd = AmdCertificates { ask: Some(ask), ark: Some(ark) };
    let verdict = |platform| verify(&platform, amd, &Trust::only(&roots)).map(drop);
    assert_eq!(verdict(genuine), Ok(()));
    assert_eq!(verdict(forged), Err(ChainError::Cek(CertificateError::Signature { slot: 1 })));

    // The PEK before and after an owner signed it.
    let other = edited(&platform.pek, |bytes| bytes[0x41c] ^= 1);
    assert_eq!(read(&[other.as_bytes(), &exported]), platform);
    assert_eq!(read(&[&exported, platform.pek.unsigned().as_bytes()]), platform);
    assert_eq!(read(&[platform.pek.unsigned().as_bytes(), &exported]), platform);

    // ARKs that differ in their signatures.
    let other = edited_amd(ark.as_bytes());
    for files in [[ark.as_bytes(), &other], [&other, ark.as_bytes()]] {
        let mut bundle = Bundle::default();
        files.into_iter().for_each(|file| bundle.add(file).unwrap());
        assert_eq!(bundle.amd().ark.unwrap().as_bytes(), files[1]);
    }
}

/// Another signature.
fn edited_amd(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    bytes
}

#[test]
fn bundles() {
    let platform = platform();
    let key = rsa::RsaKey::load("small.pem");
    let ark = key.certify(&key.draft(Usage::ARK, ID, ID));
    let ask = key.certify(&key.draft(Usage::ASK, ASK_ID, ID));
    let signed = key.sign_cek(&platform.cek);
    let file = platform.to_bytes();
    let whole = [&file[..], &ask, &ark].concat();

    // Every form, and any order.
    let read = |files: &[&[u8]]| {
        let mut out = vec![0xee; whole.len() + 1];
        let mut bundle = Bundle::default();
        for file in files {
            bundle.add(file).unwrap();
        }
        let len = bundle.write(&mut out).unwrap();
        assert_eq!(bundle.pieces().map(<[u8]>::len).sum::<usize>(), len);
        assert!(out[len..].iter().all(|byte| *byte == 0xee));
        out.truncate(len);
        out
    };
    let (pdh, chain) = (platform.pdh.as_bytes(), platform.chain());
    assert!(read(&[]).is_empty());
    assert_eq!(read(&[&whole]), whole);
    assert_eq!(read(&[&file]), file);
    assert_eq!(read(&[&chain, pdh]), file);
    assert_eq!(read(&[&ark, &ask]), [&ask[..], &ark].concat());
    assert_eq!(read(&[&[&ask[..], &ark].concat(), &file]), whole);
    assert_eq!(read(&[&ark, &chain, &ask, pdh, pdh, &whole]), whole);
    for single in [&platform.pdh, &platform.pek, &platform.oca, &platform.cek] {
        assert_eq!(read(&[single.as_bytes()]), single.as_bytes());
    }

    // The signed CEK, before and after the other.
    for files in [[&file[..], signed.as_bytes()], [signed.as_bytes(), &file]] {
        let mut bundle = Bundle::default();
        files.into_iter().for_each(|file| bundle.add(file).unwrap());
        assert_eq!(bundle.cek(), Some(&signed));
        let all = bundle.platform().unwrap();
        assert_eq!((&all.pdh, &all.pek, &all.oca), (&platform.pdh, &platform.pek, &platform.oca));
        assert_eq!((bundle.pdh(), bundle.pek()), (Some(&all.pdh), Some(&all.pek)));
        assert_eq!((bundle.oca(), bundle.amd().ask), (Some(&all.oca), None));
    }

    let mut bundle = Bundle::default();
    bundle.add(&whole).unwrap();
    let before = bundle.clone();
    let other_ark = key.certify(&key.draft(Usage::ARK, ASK_ID, ASK_ID));
    let other_key = SigningKey::from_scalar(&[7; 48]).unwrap();
    let [other_pek, other_oca, other_cek] = [Usage::PEK, Usage::OCA, Usage::CEK]
        .map(|usage| certificate(usage, &other_key, &[(Usage::OCA, &other_key)]));
    let other_pdh = pdh_certificate(OWNER, &[]);
    let (csr, other_exported) = (other_pek.unsigned(), other_cek.unsigned());
    let second_ark = [&ark[..], &other_ark].concat();
    let duplicate = |usage, offset| BundleError::Duplicate { usage, offset };
    for (bytes, error) in [
        (&other_pek.as_bytes()[..], duplicate(Usage::PEK, 0)),
        (&csr.as_bytes()[..], duplicate(Usage::PEK, 0)),
        (&other_oca.as_bytes()[..], duplicate(Usage::OCA, 0)),
        (&other_cek.as_bytes()[..], duplicate(Usage::CEK, 0)),
        (&other_exported.as_bytes()[..], duplicate(Usage::CEK, 0)),
        (&other_pdh.as_bytes()[..], duplicate(Usage::PDH, 0)),
        (&second_ark, duplicate(Usage::ARK, 832)),
        (&[0; 8][..], BundleError::Unrecognized { offset: 0 }),
        (&[7; 4096][..], BundleError::Unrecognized { offset: 0 }),
        (
            &whole[..2084 + 20],
            BundleError::Certificate {
                offset: 2084,
                error: CertificateError::Length { found: 20, expected: 2084 },
            },
        ),
        (
            &ark[..831],
            BundleError::Certificate {
                offset: 0,
                error: CertificateError::Truncated { found: 831, expected: 832 },
            },
        ),
    ] {
        assert_eq!(bundle.add(bytes), Err(error));
        assert_eq!(bundle, before);
    }
    let tail = [&file[..], b"behind all of them"].concat();
    assert_eq!(bundle.add(&tail), Err(BundleError::Unrecognized { offset: 8336 }));
    bundle.add(signed.as_bytes()).unwrap();
    let refused = bundle.add(other_cek.as_bytes()).unwrap_err();
    assert_eq!(refused, duplicate(Usage::CEK, 0));
    assert_eq!(
        refused.to_string(),
        "the certificate at offset 0x0 has usage 0x1004 (CEK) and another key than the certificate of usage \
         0x1004 (CEK) before it: they are not of one platform"
    );

    let mut out = vec![0xee; whole.len() - 1];
    let (needed, found) = (whole.len(), whole.len() - 1);
    assert_eq!(bundle.write(&mut out), Err(BundleError::BufferTooSmall { needed, found }));
    assert!(out.iter().all(|byte| *byte == 0xee));

    for usage in [Usage::PDH, Usage::PEK, Usage::OCA, Usage::CEK] {
        let mut bundle = Bundle::default();
        for part in file.chunks(2084).filter(|part| part[8] != usage.0 as u8) {
            bundle.add(part).unwrap();
        }
        assert_eq!(bundle.platform(), Err(BundleError::Missing { usage }));
    }
}

proptest! {
    /// Nothing panics, and what is read is written back.
    #[test]
    fn any_changes(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        which in 0usize..4,
    ) {
        let key = SigningKey::from_scalar(&[7; 48]).unwrap();
        let start = [
            certificate(Usage::OCA, &key, &[(Usage::OCA, &key)]),
            certificate(Usage::PEK, &key, &[(Usage::OCA, &key), (Usage::CEK, &key)]),
            pdh_certificate(PDH, &[(Usage::PEK, &key)]),
            certificate(Usage::CEK, &chip().cek(), &[]),
        ][which].clone();
        let changed = edited(&start, |bytes| {
            for (at, value) in &edits {
                bytes[at.index(2084)] = *value;
            }
        });
        let signer = certificate(Usage::OCA, &key, &[]);
        let _ = changed.validate(&signer).map_err(|error| error.to_string());
        let _ = changed.validate(&changed).map_err(|error| error.to_string());
        let _ = PdhKey::unauthenticated(&changed).map_err(|error| error.to_string());
        if let Ok(key) = changed.key() {
            let again = Certificate::new(changed.usage(), changed.algorithm(), &key, changed.api());
            prop_assert_eq!(again.key(), Ok(key));
            if changed.check_form().is_ok() && changed.version() == 1 {
                prop_assert_eq!(again.body(), changed.body());
            }
        }
        let bytes = *changed.as_bytes();
        let mut bundle = Bundle::default();
        if bundle.add(&bytes).is_ok() {
            let mut out = [0; 2084];
            prop_assert_eq!(bundle.write(&mut out), Ok(2084));
            prop_assert_eq!(out, bytes);
        }
    }
}
