use std::string::ToString;
use std::vec;
use std::{format, fs};

use sha2::{Digest, Sha384};

use super::*;
use crate::Hex;
use crate::anchors::{Anchor, Role};
use crate::ecdsa::SigningKey;
use crate::snp::certs::Bundle;
use crate::snp::policy::Policy;
use crate::snp::report::{Draft, KeyInfo};
use crate::snp::verify::{Check, Time, Trust, VerifyError, verify};
use crate::x509::{BasicConstraints, Crl, Serial, SignatureError, Validity};

/// 2026-01-01 00:00:00 UTC.
const NOW: i64 = 1_767_225_600;
const DAY: i64 = 86_400;
const PRODUCTS: [Product; 3] = [Product::Milan, Product::Genoa, Product::Turin];
const CSP: &str = "CN=test.cloud.example";
/// What AMD calls itself.
const AMD: &str = "Advanced Micro Devices";

fn published(product: Product) -> TestCa {
    TestCa::published(product).unwrap()
}

fn signing_key() -> SigningKey {
    SigningKey::from_scalar(&[9; 48]).unwrap()
}

fn tcb(product: Product) -> TcbVersion {
    TcbVersion::new(match product {
        Product::Turin => [1, 1, 2, 4, 0, 0, 0, 0xd9],
        _ => [3, 0, 0, 0, 0, 0, 8, 0xd9],
    })
}

fn chip_id(product: Product) -> [u8; 64] {
    core::array::from_fn(|i| if i < product.hw_id_len() { i as u8 + 1 } else { 0 })
}

fn vcek(ca: &TestCa) -> Vec<u8> {
    let product = ca.product();
    let hw_id = HwId::from_chip_id(product, &chip_id(product)).unwrap();
    ca.vcek(&hw_id, tcb(product), &signing_key().verifying_key(), NOW).unwrap()
}

fn vlek(ca: &TestCa) -> Vec<u8> {
    ca.vlek(CSP, tcb(ca.product()), &signing_key().verifying_key(), NOW).unwrap()
}

/// SHA-384 of what is signed in AMD's own certificates, by AMD's Key Distribution Service.
const AMDS: [(Product, CaRole, Role, &str); 9] = [
    (
        Product::Milan,
        CaRole::Ark,
        Role::Ark,
        "0c90f6228776dd7ab9a9c4e94dc2638fc06af677f25d2821e49d5ec2e82f1bd6055784a70d51379a29c76955255723d1",
    ),
    (
        Product::Milan,
        CaRole::Ask,
        Role::Ask,
        "26197c1d9729f3b7616d61c7bbaf30fa52a492e9a0cfc20117da8a2773bd655490a559f85454cd3ba689c247e5e61df8",
    ),
    (
        Product::Milan,
        CaRole::Asvk,
        Role::Asvk,
        "3618f698e4eaa9ab9f88514a32bdc247da9b3092b255fb2654c5e5d4100f5c49dbf100ab383a296de6018bb34a189b69",
    ),
    (
        Product::Genoa,
        CaRole::Ark,
        Role::Ark,
        "6dfdf3cf182f86d21e060f436a22218ef5dbc8c6e74d80ff6820dd6ceb24c72ad1ebf5a418562fdb497eb6c7748e985e",
    ),
    (
        Product::Genoa,
        CaRole::Ask,
        Role::Ask,
        "56636cfe601c73a13b1cd261759a913cfd7c253b6830e4c8aa265f9e0c0d22b611f92dcc8da5526fc246892321d832c7",
    ),
    (
        Product::Genoa,
        CaRole::Asvk,
        Role::Asvk,
        "684fd673108f359705ef46ab4a454c26fd612fabe99c54963e653af7ac39e0102ce8ebc492a0a2e8df997bf95806292f",
    ),
    (
        Product::Turin,
        CaRole::Ark,
        Role::Ark,
        "7b2f1f3fd8a3e82659c7b8cd2664731ec1c652929d27774d9d34373e6ef3fd5f43fdee813b87e018a75b9101eb0d2474",
    ),
    (
        Product::Turin,
        CaRole::Ask,
        Role::Ask,
        "ecde4ac6a67b2fee24e023e9fc3fe7dd196e3df293959b26ced872968da4abce76afe6c3afa6caec72493fc8c92218fc",
    ),
    (
        Product::Turin,
        CaRole::Asvk,
        Role::Asvk,
        "2549829c847f80374d79af7e586fceffb3931f104556c8ed04afe3bf365007d74fb6957c41a1e11025f13ab58b2abe38",
    ),
];

/// With AMD's name, keys and dates, what is signed is what AMD has signed, byte for byte: nine certificates.
#[test]
fn amds_own_certificates() {
    for (product, role, anchor_role, digest) in AMDS {
        let anchor = Anchor::of(anchor_role, product.name()).unwrap();
        let ark = Anchor::of(Role::Ark, product.name()).unwrap();
        let ca = Ca {
            role,
            product,
            organisation: AMD,
            not_before: Date::of(anchor.validity.not_before).unwrap(),
            modulus: anchor.key().modulus(),
            ark_modulus: ark.key().modulus(),
        };
        let tbs = ca.tbs().unwrap();
        assert_eq!(Hex(&Sha384::digest(tbs)).to_string(), digest, "{product} {role}");
        assert_eq!(profile::serial(role, product).map(u64::from), Some(anchor.serial));
    }
}

/// The same for real VCEKs and VLEKs, where they are present.
#[test]
fn amds_own_leaves() {
    let Some(folder) = crate::real::folder("platform::ca::tests::amds_own_leaves") else { return };
    let mut same = Vec::new();
    for file in [
        "milan_v2_coco.vcek.der",
        "milan_v2_linux_kvm.vcek.der",
        "milan_v5_gcp_vtpm_vmpl0.vcek.der",
        "genoa_v5.vcek.der",
        "turin_v5_oak.vcek.der",
        "milan_v3_vlek_aws_us_east_2.vlek.der",
    ] {
        let der = fs::read(folder.join("certs").join(file)).unwrap();
        let real = Certificate::from_der(&der).unwrap();
        let (amd, PublicKey::P384(key)) = (real.amd(), real.public_key()) else { panic!("{file}") };
        let product = real.issuer().common_name().unwrap().rsplit('-').next().unwrap();
        let product: Product = product.parse().unwrap();
        let spl = |level: Option<u8>| level.unwrap_or_default();
        let tcb = match product {
            Product::Turin => {
                let first = [amd.fmc_spl, amd.bl_spl, amd.tee_spl, amd.snp_spl].map(spl);
                let [fmc, bl, tee, snp] = first;
                [fmc, bl, tee, snp, 0, 0, 0, spl(amd.ucode_spl)]
            }
            _ => {
                let [bl, tee, snp] = [amd.bl_spl, amd.tee_spl, amd.snp_spl].map(spl);
                [bl, tee, 0, 0, 0, 0, snp, spl(amd.ucode_spl)]
            }
        };
        let holder = match (amd.hw_id, amd.csp_id) {
            (Some(hw_id), None) => Holder::Chip(hw_id),
            (None, Some(csp_id)) => Holder::Provider(csp_id),
            _ => panic!("{file}"),
        };
        let leaf = |algorithm| Leaf {
            holder,
            product,
            organisation: AMD,
            not_before: Date::of(real.validity().not_before).unwrap(),
            tcb: TcbVersion::new(tcb),
            key,
            algorithm,
        };
        // Older ones have the algorithm's older form.
        let forms = [Algorithm::NoTrailer, Algorithm::Trailer];
        let form = forms.iter().position(|form| leaf(*form).tbs().unwrap() == real.tbs());
        same.push((file, form.expect(file)));
    }
    assert!(same.iter().any(|(_, form)| *form == 0), "{same:?}");
}

/// Every CA certificate as a verifier sees it.
#[test]
fn certificates_of_cas() {
    for product in PRODUCTS {
        let ca = published(product);
        let ark = Certificate::from_der(ca.ark()).unwrap();
        let PublicKey::Rsa(ark_key) = ark.public_key() else { panic!() };
        for (role, common_name) in [
            (CaRole::Ark, format!("ARK-{product}")),
            (CaRole::Ask, format!("SEV-{product}")),
            (CaRole::Asvk, format!("SEV-VLEK-{product}")),
        ] {
            let certificate = Certificate::from_der(ca.certificate(role)).unwrap();
            let serial = ca.serial(role).to_be_bytes();
            assert_eq!(certificate.serial(), Serial::from_be_bytes(&serial));
            assert_eq!(certificate.subject().common_name(), Some(&*common_name));
            assert_eq!(certificate.subject().organization(), Some("sevcrypt published test keys"));
            assert_eq!(certificate.issuer(), ark.subject());
            assert_eq!(certificate.verify_signature(&ark_key), Ok(()));
            // 2024-01-01 to 2049-01-01.
            let validity = Validity { not_before: 1_704_067_200, not_after: 2_493_072_000 };
            assert_eq!(certificate.validity(), validity);
            let path_len = (role != CaRole::Ark).then_some(0);
            let constraints = BasicConstraints { ca: true, path_len, critical: true };
            assert_eq!(certificate.basic_constraints(), Some(constraints));
            let usage = certificate.key_usage().unwrap();
            assert_eq!((usage.key_cert_sign(), usage.crl_sign()), (true, role == CaRole::Ark));
        }
    }
}

#[test]
fn certificates_of_leaves() {
    for product in PRODUCTS {
        let ca = published(product);
        let is_turin = product == Product::Turin;
        let (vcek, vlek) = (vcek(&ca), vlek(&ca));
        for (der, issuer, years) in [(&vcek, ca.ask(), 7), (&vlek, ca.asvk(), 1)] {
            let leaf = Certificate::from_der(der).unwrap();
            let issuer = Certificate::from_der(issuer).unwrap();
            let PublicKey::Rsa(key) = issuer.public_key() else { panic!() };
            assert_eq!(leaf.verify_signature(&key), Ok(()));
            assert_eq!(leaf.issuer(), issuer.subject());
            assert_eq!(leaf.serial(), Serial::from_be_bytes(&[]));
            assert_eq!(
                leaf.public_key(),
                PublicKey::P384(&signing_key().verifying_key().to_sec1())
            );
            assert_eq!((leaf.basic_constraints(), leaf.key_usage()), (None, None));
            // Of the years 2025 to 2032, 2028 and 2032 have a day more; it begins on the last of December.
            let days = if years == 7 { 7 * 365 + 2 } else { 365 };
            let not_before = NOW - DAY;
            let validity = Validity { not_before, not_after: not_before + days * DAY };
            assert_eq!(leaf.validity(), validity);
            let amd = leaf.amd();
            assert_eq!(amd.struct_version, Some(u8::from(is_turin)));
            let levels = [amd.fmc_spl, amd.bl_spl, amd.tee_spl, amd.snp_spl, amd.ucode_spl];
            let wanted = if is_turin {
                [Some(1), Some(1), Some(2), Some(4), Some(0xd9)]
            } else {
                [None, Some(3), Some(0), Some(8), Some(0xd9)]
            };
            assert_eq!(levels, wanted);
            assert_eq!(amd.spl4, if is_turin { None } else { Some(0) });
            assert_eq!([amd.spl5, amd.spl6, amd.spl7], [Some(0); 3]);
        }
        let (vcek, vlek) =
            (Certificate::from_der(&vcek).unwrap(), Certificate::from_der(&vlek).unwrap());
        let stepping = if product == Product::Milan { "Milan-B0" } else { product.name() };
        assert_eq!(vcek.subject().common_name(), Some("SEV-VCEK"));
        assert_eq!(vcek.amd().product_name, Some(stepping));
        assert_eq!(vcek.amd().hw_id, Some(&chip_id(product)[..product.hw_id_len()]));
        assert_eq!(vcek.amd().csp_id, None);
        assert_eq!(vlek.subject().common_name(), Some("SEV-VLEK"));
        assert_eq!(vlek.amd().product_name, Some(product.name()));
        assert_eq!((vlek.amd().hw_id, vlek.amd().csp_id), (None, Some(CSP)));
    }
}

#[test]
fn revocation_lists() {
    let ca = published(Product::Genoa);
    let ark = Certificate::from_der(ca.ark()).unwrap();
    let PublicKey::Rsa(key) = ark.public_key() else { panic!() };
    let serials = CaRole::ALL.map(|role| ca.serial(role));
    for revoked in [&[][..], &serials[1..2], &[0, 0x80, u32::MAX]] {
        let der = ca.crl(revoked, NOW).unwrap();
        let crl = Crl::from_der(&der).unwrap();
        assert_eq!(crl.issuer(), ark.subject());
        assert_eq!(crl.verify_signature(&key), Ok(()));
        assert_eq!((crl.this_update(), crl.next_update()), (NOW, Some(NOW + 365 * DAY)));
        assert_eq!(crl.number(), Some(Serial::from_be_bytes(&NOW.to_be_bytes())));
        let entries: Vec<_> = crl.entries().map(|entry| entry.serial.to_string()).collect();
        let wanted: Vec<_> = revoked.iter().map(|serial| format!("{serial:#x}")).collect();
        assert_eq!(entries, wanted);
        assert!(crl.entries().all(|entry| entry.revocation_date == NOW && entry.reason.is_none()));
    }
    assert!(ca.crl(&[], NOW + 1).unwrap() != ca.crl(&[], NOW).unwrap());
    assert_eq!(ca.crl(&[], -1), Err(CaError::Time { time: -1 }));
    let last = 253_402_300_799;
    assert_eq!(ca.crl(&[], last), Err(CaError::Time { time: last }));
}

/// What the verifier says of a report under a CA's leaf, with a list.
fn verdict(
    ca: &TestCa,
    endorser: Endorser,
    crl: &[u8],
    roots: &[Certificate<'_>],
) -> Result<(), VerifyError> {
    let product = ca.product();
    let (leaf, key_info, chip_id) = match endorser {
        Endorser::Vcek => (vcek(ca), 0, chip_id(product)),
        Endorser::Vlek => (vlek(ca), 1 << 2, [0; 64]),
    };
    let report = Draft::new(2)
        .key_info(KeyInfo(key_info))
        .chip_id(&chip_id)
        .reported_tcb(tcb(product))
        .current_tcb(tcb(product))
        .committed_tcb(tcb(product))
        .launch_tcb(tcb(product))
        .sign(&signing_key())
        .unwrap();
    let mut bundle = Bundle::default();
    for input in [&leaf, ca.cert_chain(endorser).as_bytes(), crl] {
        bundle.add(input).unwrap();
    }
    let mut policy = Policy::default();
    policy.require_crl = true;
    let trust = Trust::amd(Time::At(NOW)).with_roots(roots);
    verify(&report, bundle.parse()?.collateral(), &trust, &policy).map(drop)
}

fn failed(verdict: Result<(), VerifyError>) -> Check {
    verdict.unwrap_err().checks().unwrap().first_failure().unwrap().0
}

/// Accepted under its own root; not under AMD's, nor where the issuer is revoked; its sister does not matter.
#[test]
fn reports() {
    for product in PRODUCTS {
        let ca = published(product);
        let roots = [Certificate::from_der(ca.ark()).unwrap()];
        let (empty, ask, asvk) = (
            ca.crl(&[], NOW).unwrap(),
            ca.crl(&[ca.serial(CaRole::Ask)], NOW).unwrap(),
            ca.crl(&[ca.serial(CaRole::Asvk)], NOW).unwrap(),
        );
        for (endorser, own, other) in [(Endorser::Vcek, &ask, &asvk), (Endorser::Vlek, &asvk, &ask)]
        {
            for list in [&empty, other] {
                verdict(&ca, endorser, list, &roots).unwrap();
            }
            assert_eq!(failed(verdict(&ca, endorser, own, &roots)), Check::CrlRevocation);
            assert_eq!(failed(verdict(&ca, endorser, &empty, &[])), Check::ArkTrusted);
        }
    }
}

/// Bytes that follow from a number: what these tests have for a random number generator.
fn random(number: u8) -> impl CryptoRng {
    key::follows_from(number)
}

#[test]
fn a_new_ca() {
    let mut seen = vec![];
    let ca = TestCa::generate(Product::Turin, NOW, &mut random(2), &mut |role| seen.push(role));
    let ca = ca.unwrap();
    assert_eq!(seen, CaRole::ALL);
    assert!(!ca.is_published());
    let ark = Certificate::from_der(ca.ark()).unwrap();
    assert_eq!(ark.subject().organization(), Some("sevcrypt test platform"));
    assert_eq!(ark.validity().not_before, NOW - DAY);
    // The 31st of December 2050, for which UTCTime has no number.
    assert_eq!(ark.validity().not_after, 2_556_057_600);
    // A leaf does not begin before its CA.
    let leaf = vcek(&ca);
    assert_eq!(Certificate::from_der(&leaf).unwrap().validity().not_before, NOW - DAY);
    verdict(&ca, Endorser::Vcek, &ca.crl(&[], NOW).unwrap(), &[ark]).unwrap();
    verdict(&ca, Endorser::Vlek, &ca.crl(&[], NOW).unwrap(), &[ark]).unwrap();

    // All is kept, and an unknown bit of it is noticed.
    let bytes = ca.to_bytes();
    let again = TestCa::from_bytes(&bytes).unwrap();
    assert_eq!(*again.to_bytes(), *bytes);
    assert_eq!((vcek(&again), again.is_published()), (leaf, false));
    let organisation = bytes.windows(22).position(|text| text == b"sevcrypt test platform");
    let mut other = bytes.to_vec();
    other[organisation.unwrap()] = b'S';
    let mismatch = CaBytesError::Mismatch { role: CaRole::Ark };
    assert_eq!(TestCa::from_bytes(&other).map(drop), Err(mismatch));
}

#[test]
fn what_cannot_be_made() {
    let none = CaError::UnknownProfile { product: Product::Venice };
    assert_eq!(TestCa::published(Product::Venice).map(drop), Err(none));
    let make = |product, now| {
        let mut nothing = |role| panic!("{role} is made");
        TestCa::generate(product, now, &mut random(0), &mut nothing).map(drop)
    };
    assert_eq!(make(Product::Venice, NOW), Err(none));
    for time in [i64::MIN, i64::MIN + DAY, -631_152_000 + DAY - 1, 253_402_300_800 + DAY] {
        assert!(matches!(make(Product::Milan, time), Err(CaError::Time { .. })), "{time}");
    }

    let ca = published(Product::Milan);
    let key = signing_key().verifying_key();
    let make = |chip: Product, tcb| {
        let hw_id = HwId::from_chip_id(chip, &chip_id(chip)).unwrap();
        ca.vcek(&hw_id, TcbVersion::new(tcb), &key, NOW).map(drop)
    };
    let length = KdsError::HwIdLength { found: 8, expected: 64 };
    assert_eq!(make(Product::Turin, [0; 8]), Err(CaError::Request(length)));
    for tcb in [[0, 0, 1, 0, 0, 0, 0, 0], [128, 0, 0, 0, 0, 0, 0, 0]] {
        let error = Request::vlek(Product::Milan, TcbVersion::new(tcb)).unwrap_err();
        assert_eq!(make(Product::Milan, tcb), Err(CaError::Request(error)));
        let vlek = ca.vlek(CSP, TcbVersion::new(tcb), &key, NOW);
        assert_eq!(vlek, Err(CaError::Request(error)));
    }
    let vlek = |csp_id: &str| ca.vlek(csp_id, tcb(Product::Milan), &key, NOW).map(drop);
    assert_eq!(vlek(&"x".repeat(128)), Ok(()));
    for csp_id in [String::new(), "x".repeat(129), "Zürich".to_string()] {
        assert_eq!(vlek(&csp_id), Err(CaError::CspId { len: csp_id.len() }));
    }
}

#[test]
fn published_keys_are_known_as_such() {
    for product in PRODUCTS {
        let ca = published(product);
        assert!(ca.is_published());
        let again = TestCa::from_bytes(&ca.to_bytes()).unwrap();
        assert!(again.is_published());
        assert_eq!(*again.to_bytes(), *ca.to_bytes());
        assert_eq!(vlek(&again), vlek(&ca));
        assert_eq!(format!("{ca:?}"), format!("TestCa({product}, ..)"));
    }
    // In one place of three, and with its primes exchanged.
    let [p, q] = published::ASVK;
    let own = || CaKey::generate(&mut random(5)).unwrap();
    let keys = [own(), CaKey::from_primes(&[q, p]).unwrap(), own()];
    let ca = TestCa::issue(Product::Milan, NOW, keys, ORGANISATION).unwrap();
    assert!(ca.is_published());
}

#[test]
fn saved_cas_that_are_none() {
    let ca = published(Product::Milan);
    let good = ca.to_bytes();
    let read = |bytes: &[u8]| TestCa::from_bytes(bytes).map(drop);
    let changed = |at: usize, to: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = to;
        read(&bytes)
    };
    let first = 17;
    let length = first + 512;
    let second = length + 4 + ca.ark().len();

    assert_eq!(read(b""), Err(CaBytesError::Form));
    assert_eq!(changed(0, b'S'), Err(CaBytesError::Form));
    assert_eq!(changed(12, 2), Err(CaBytesError::Form));
    for number in [0, 4, 0xff] {
        assert_eq!(changed(16, number), Err(CaBytesError::Product { number }));
    }
    // Every certificate is another product's.
    assert_eq!(changed(16, 2), Err(CaBytesError::Mismatch { role: CaRole::Ark }));
    for len in [16, 17, first + 511, length + 3, second - 1, second, good.len() - 1] {
        assert_eq!(read(&good[..len]), Err(CaBytesError::Truncated), "{len}");
    }
    let long = [&good[..], &[0, 0]].concat();
    assert_eq!(read(&long), Err(CaBytesError::TrailingData { bytes: 2 }));
    assert_eq!(changed(length + 3, 0xff), Err(CaBytesError::Truncated));
    // Even, too small, and another number.
    let key = |role| Err(CaBytesError::Key { role });
    assert_eq!(changed(first + 255, 0), key(CaRole::Ark));
    assert_eq!(changed(second, 0x7f), key(CaRole::Ask));
    let mut equal = good.to_vec();
    equal.copy_within(first..first + 256, first + 256);
    assert_eq!(read(&equal), key(CaRole::Ark));
    // The ASK's certificate with the ASVK's key.
    let mut other = good.to_vec();
    let third = second + 512 + 4 + ca.ask().len();
    other.copy_within(third..third + 512, second);
    assert_eq!(read(&other), Err(CaBytesError::Mismatch { role: CaRole::Ask }));
    // A signature.
    let mut other = good.to_vec();
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(read(&other), Err(CaBytesError::Mismatch { role: CaRole::Asvk }));
    let certificate = changed(length + 4, 0x31);
    assert!(
        matches!(certificate, Err(CaBytesError::Certificate { role: CaRole::Ark, .. })),
        "{certificate:?}"
    );
    // ASK and ASVK in each other's place.
    let [ask, asvk] = [&good[second..third], &good[third..]];
    let exchanged = [&good[..second], asvk, ask].concat();
    assert_eq!(read(&exchanged), Err(CaBytesError::Mismatch { role: CaRole::Ask }));
}

/// Salt and blinding follow from key and message: signatures can be made again, and differ where anything differs.
#[test]
fn signatures() {
    let [ark, ask] = [&published::ARK, &published::ASK].map(|p| CaKey::from_primes(p).unwrap());
    let (one, two) = (ark.sign(b"one").unwrap(), ark.sign(b"two").unwrap());
    assert_eq!(ark.sign(b"one").unwrap(), one);
    let check = |key: &CaKey, message: &[u8], signature: &[u8]| {
        key.public_key().verify_pss_sha384(message, signature)
    };
    assert_eq!(check(&ark, b"one", &one), Ok(()));
    assert_eq!(check(&ark, b"two", &two), Ok(()));
    assert_eq!(check(&ark, b"two", &one), Err(SignatureError::NotAuthentic));
    assert_eq!(check(&ask, b"one", &one), Err(SignatureError::NotAuthentic));
    // Numbers that are not prime: nothing wrong is signed.
    let [p, q] = published::ARK;
    let wrong = (1..64u8).filter_map(|delta| {
        let mut other = p;
        other[255] ^= 2 * delta;
        CaKey::from_primes(&[other, q])
    });
    let wrong: Vec<_> = wrong.take(3).collect();
    assert_eq!(wrong.len(), 3);
    assert!(wrong.iter().all(|key| key.sign(b"one").is_none()));
}
