//! The keys of a platform.

use sevcrypt::ecdsa::{SignerSha256, SigningKey};
use sevcrypt::sev::ApiVersion;
use sevcrypt::sev::cert::{
    Certificate, CertificateError, ChainError, KeyError, PdhKey, PlatformCertificates, Slot, Usage,
};
use sevcrypt::sev::keys::{
    ChipUniqueKey, CsrError, ImportError, Oca, PartsError, PlatformKeys, PlatformParts,
    PlatformRandom, get_id,
};
use sevcrypt::{Hex, Status};

use crate::support::{self, API, chip, edited, signing_key};

const CHIP_ID: &str = "6d6caac248af96f6afa7f904f550253a0f3ef3f5aa2fe6838a95b216691468e2\
    487e6222a6664e079c8edf7518defd562dbeda1e7593dfd7f0be285880a24dab";

#[test]
fn keys_of_a_chip() {
    assert_eq!(
        Hex(&chip().cek().verifying_key().to_sec1()[1..]).to_string(),
        "74db39783b48981269814228627bfecccefd07873f3a87a9c7c529c82328c39d625ad35a74dd006d7aa5867711f5ecaf\
         a699a18d75d09c205b061eea4f471d9fed497fa05fa437fdbc4ab9d232b920ac06bf7c991de293886912186ff02ece4e"
    );
    let scalar = support::bytes(
        "0e86960358461467fe5f0a27b40e5ae1a262c61ea152b8d1c08adcf876f62474ecf5956954a220627f626b6fe77eeab4",
    );
    let same = SigningKey::from_scalar(&scalar).unwrap();
    assert_eq!(chip().cek().sign_sha256(b"PEK").unwrap(), same.sign_sha256(b"PEK").unwrap(),);
    assert_eq!(Hex(&chip().chip_id()).to_string(), CHIP_ID);
}

/// Around the order of secp256k1: the number counts modulo the order.
#[test]
fn chip_ids_at_the_ends() {
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let id = |key: [u8; 32]| ChipUniqueKey::new(&key).chip_id();
    let generator = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798\
        483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
    let mut one = [0; 32];
    one[31] = 1;
    assert_eq!(Hex(&id(one)).to_string(), generator);
    let mut number: [u8; 32] = support::bytes(order);
    assert_eq!(id(number), [0; 64]);
    number[31] += 1;
    assert_eq!(Hex(&id(number)).to_string(), generator);
    assert_eq!(id([0; 32]), [0; 64]);
}

#[test]
fn ids_of_sockets() {
    let other = ChipUniqueKey::new(&[9; 32]);
    for len in 0..200 {
        for second in [None, Some(&other)] {
            let mut buffer = vec![0xee; len];
            let answer = get_id(&chip(), second, &mut buffer);
            let written = match answer {
                Err(error) => {
                    assert!(len < 64);
                    assert_eq!((error.found, error.needed), (len, 64));
                    assert_eq!(error.status(), Status::INVALID_LENGTH);
                    0
                }
                Ok(written) => {
                    assert_eq!(written, if len == 128 && second.is_some() { 128 } else { 64 });
                    assert_eq!(buffer[..64], chip().chip_id());
                    if written == 128 {
                        assert_eq!(buffer[64..], other.chip_id());
                    }
                    written
                }
            };
            assert!(buffer[written..].iter().all(|byte| *byte == 0xee));
        }
    }
}

fn platform() -> PlatformKeys {
    let random = std::array::from_fn(|i| (i % 251) as u8);
    PlatformKeys::generate(&chip(), API, &PlatformRandom::new(&random)).unwrap()
}

fn check_links(certificates: &PlatformCertificates) {
    let PlatformCertificates { pdh, pek, oca, cek } = certificates;
    oca.validate(oca).unwrap();
    pek.validate(oca).unwrap();
    pek.validate(cek).unwrap();
    pdh.validate(pek).unwrap();
    PdhKey::unauthenticated(pdh).unwrap();
    assert!(cek.slots().iter().all(|slot| slot.is_empty()));
    for certificate in [pdh, pek, oca, cek] {
        certificate.check_form().unwrap();
    }
}

#[test]
fn a_platform_of_its_own() {
    let mut platform = platform();
    assert!(!platform.is_externally_owned());
    let first = platform.certificates().clone();
    check_links(&first);
    assert_eq!(first.pek.slots().map(|slot| slot.usage), [Usage::OCA, Usage::CEK]);
    assert!([&first.pdh, &first.pek, &first.oca, &first.cek].iter().all(|c| c.api() == API));
    assert_eq!(PdhKey::unauthenticated(&first.pdh).unwrap().key(), &platform.pdh().public_key());
    assert_eq!(
        first.pek.key().unwrap(),
        sevcrypt::sev::cert::PublicKey::Ecdsa(platform.pek().verifying_key())
    );
    assert_eq!(platform.cek().verifying_key(), chip().cek().verifying_key());

    platform.pdh_gen(&[3; 56]).unwrap();
    let second = platform.certificates().clone();
    check_links(&second);
    assert_ne!(second.pdh, first.pdh);
    assert_eq!((&second.pek, &second.oca, &second.cek), (&first.pek, &first.oca, &first.cek));
    assert_eq!(PdhKey::unauthenticated(&second.pdh).unwrap().key(), &platform.pdh().public_key());

    platform.pek_gen(&PlatformRandom::new(&[5; 168])).unwrap();
    let third = platform.certificates();
    check_links(third);
    assert_eq!(third.cek, first.cek);
    assert!(third.pek != first.pek && third.oca != first.oca && third.pdh != second.pdh);
}

#[test]
fn exports() {
    let platform = platform();
    let certificates = platform.certificates();
    let (mut pdh, mut chain) = (vec![0xee; 2085], vec![0xee; 6253]);
    platform.pdh_cert_export(&mut pdh, &mut chain).unwrap();
    assert_eq!((pdh[2084], chain[6252]), (0xee, 0xee));
    let same = PlatformCertificates::from_export(&pdh[..2084], &chain[..6252]).unwrap();
    assert_eq!(&same, certificates);
    assert_eq!(&PlatformCertificates::from_bytes(&certificates.to_bytes()), certificates);
    assert_eq!(certificates.chain(), chain[..6252]);

    for (pdh_len, chain_len) in [(2083, 6252), (2084, 6251), (0, 0)] {
        let (mut pdh, mut chain) = (vec![0xee; pdh_len], vec![0xee; chain_len]);
        let error = platform.pdh_cert_export(&mut pdh, &mut chain).unwrap_err();
        assert_eq!((error.pdh, error.chain), (pdh_len, chain_len));
        assert_eq!(error.status(), Status::INVALID_LENGTH);
        assert!(pdh.iter().chain(&chain).all(|byte| *byte == 0xee));
    }
    let length = |found, expected| Err(CertificateError::Length { found, expected });
    for len in [0, 2083, 2085] {
        let pdh = vec![0; len];
        assert_eq!(PlatformCertificates::from_export(&pdh, &[]), length(len, 2084));
    }
    for len in [0, 6251, 6253] {
        let chain = vec![0; len];
        assert_eq!(PlatformCertificates::from_export(&pdh[..2084], &chain), length(len, 6252));
    }
}

/// What is kept of a platform makes the same one, before and after an owner took it over.
#[test]
fn platforms_that_are_kept() {
    let mut platform = platform();
    for _ in 0..2 {
        let parts = platform.to_parts();
        assert_eq!(format!("{parts:?}"), "PlatformParts(..)");
        let same = PlatformKeys::from_parts(&chip(), API, &parts).unwrap();
        assert_eq!(same.certificates(), platform.certificates());
        assert_eq!(same.is_externally_owned(), platform.is_externally_owned());
        assert_eq!(same.pek().verifying_key(), platform.pek().verifying_key());
        assert_eq!(same.cek().verifying_key(), platform.cek().verifying_key());
        let peer = support::ecdh_key(support::OWNER).public_key();
        assert_eq!(same.pdh().agree(&peer).as_bytes(), platform.pdh().agree(&peer).as_bytes());
        assert_eq!(*same.to_parts().pek, *parts.pek);

        let pek = oca().sign_csr(&platform.pek_csr()).unwrap();
        let oca = oca().certificate().clone();
        let imported = platform.pek_cert_import(pek.as_bytes(), oca.as_bytes(), &[4; 56]);
        assert_eq!(imported.is_ok(), !parts.externally_owned);
    }
}

#[test]
fn parts_that_are_refused() {
    let refused = |change: &dyn Fn(&mut PlatformParts)| {
        let mut parts = platform().to_parts();
        change(&mut parts);
        PlatformKeys::from_parts(&chip(), API, &parts).map(drop).unwrap_err()
    };
    let bad = CertificateError::Signature { slot: 1 };
    let flipped = |certificate: &Certificate| edited(certificate, |bytes| bytes[0x41c] ^= 1);
    let stranger = signing_key(support::OCA).verifying_key();
    let certificate = |usage| Certificate::of_verifying_key(usage, &stranger, API);
    let scalar = |usage| PartsError::Scalar { usage };
    let other = |usage| PartsError::OtherKey { usage };
    let order: [u8; 48] = support::bytes(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    );
    assert_eq!(refused(&|parts| parts.pek.fill(0)), scalar(Usage::PEK));
    assert_eq!(refused(&|parts| parts.pdh.fill(0)), scalar(Usage::PDH));
    assert_eq!(refused(&|parts| *parts.pek = order), scalar(Usage::PEK));
    assert_eq!(refused(&|parts| *parts.pdh = order), scalar(Usage::PDH));
    assert_eq!(refused(&|parts| parts.pek[47] ^= 1), other(Usage::PEK));
    assert_eq!(refused(&|parts| parts.pdh[47] ^= 1), other(Usage::PDH));
    assert_eq!(
        refused(&|parts| parts.certificates.pek = certificate(Usage::PEK)),
        other(Usage::PEK)
    );
    assert_eq!(
        refused(&|parts| parts.certificates.pdh = parts.certificates.pek.clone()),
        other(Usage::PDH)
    );
    assert_eq!(
        refused(&|parts| parts.certificates.cek = certificate(Usage::CEK)),
        other(Usage::CEK)
    );
    let chain = PartsError::Chain;
    assert_eq!(
        refused(&|parts| parts.certificates.oca = flipped(&parts.certificates.oca)),
        chain(ChainError::Oca(bad))
    );
    assert_eq!(
        refused(&|parts| parts.certificates.pek.set_api(ApiVersion { major: 1, minor: 1 })),
        chain(ChainError::PekByCek(CertificateError::Signature { slot: 2 }))
    );
    assert_eq!(
        refused(&|parts| parts.certificates.oca = oca().certificate().clone()),
        chain(ChainError::PekByOca(bad))
    );
    assert_eq!(
        refused(&|parts| parts.certificates.pdh = flipped(&parts.certificates.pdh)),
        chain(ChainError::Pdh(bad))
    );
    // The earlier of two.
    assert_eq!(
        refused(&|parts| {
            parts.pdh.fill(0);
            parts.pek[47] ^= 1;
        }),
        scalar(Usage::PDH)
    );
    assert_eq!(
        refused(&|parts| {
            parts.pdh[47] ^= 1;
            parts.certificates.oca = flipped(&parts.certificates.oca);
        }),
        other(Usage::PDH)
    );
    let parts = platform().to_parts();
    let elsewhere = PlatformKeys::from_parts(&ChipUniqueKey::new(&[9; 32]), API, &parts);
    assert_eq!(elsewhere.map(drop), Err(other(Usage::CEK)));
}

#[test]
fn firmware_updates() {
    let mut platform = platform();
    let before = platform.certificates().clone();
    let later = ApiVersion { major: 1, minor: 57 };
    let restored = PlatformKeys::from_parts(&chip(), later, &platform.to_parts()).unwrap();
    platform.update_firmware(later);
    for mut platform in [platform, restored] {
        let after = platform.certificates().clone();
        check_links(&after);
        assert_eq!((&after.pdh, &after.pek, &after.oca), (&before.pdh, &before.pek, &before.oca));
        assert_eq!(after.cek.api(), later);
        assert_eq!(after.cek.key(), before.cek.key());
        platform.pdh_gen(&[3; 56]).unwrap();
        let certificates = platform.certificates();
        check_links(certificates);
        assert_eq!((certificates.pdh.api(), certificates.pek.api()), (later, API));
    }
}

fn oca() -> Oca {
    Oca::new(signing_key(support::OCA)).unwrap()
}

#[test]
fn an_owner_takes_a_platform_over() {
    let mut platform = platform();
    let before = platform.certificates().clone();
    let csr = platform.pek_csr();
    assert_eq!(csr.body(), before.pek.body());
    assert_eq!(csr.slots(), [Slot::EMPTY; 2]);
    let oca = oca();
    assert_eq!(oca.certificate().api(), ApiVersion { major: 0, minor: 0 });
    let pek = oca.sign_csr(&csr).unwrap();
    assert_eq!(pek.slots().map(|slot| slot.usage), [Usage::OCA, Usage::EMPTY]);

    platform.pek_cert_import(pek.as_bytes(), oca.certificate().as_bytes(), &[4; 56]).unwrap();
    let after = platform.certificates().clone();
    assert!(platform.is_externally_owned());
    check_links(&after);
    assert_eq!(&after.oca, oca.certificate());
    assert_eq!(after.pek.slots()[0], pek.slots()[0]);
    assert_eq!(after.pek.slots()[1], before.pek.slots()[1], "the CEK's signature");
    assert_ne!(after.pdh, before.pdh);
    assert_eq!(platform.pek_csr(), csr);

    let again = platform.pek_cert_import(&[], &[], &[4; 56]).unwrap_err();
    assert_eq!((again, again.status()), (ImportError::AlreadyOwned, Status::ALREADY_OWNED));
    assert_eq!(platform.certificates(), &after);

    platform.pek_gen(&PlatformRandom::new(&[5; 168])).unwrap();
    assert!(!platform.is_externally_owned());
}

/// Each wrong alone, and the earlier check first where two are.
#[test]
fn imports_that_are_refused() {
    let mut platform = platform();
    let before = platform.certificates().clone();
    let oca = oca();
    let pek = oca.sign_csr(&platform.pek_csr()).unwrap();
    let length = |found| CertificateError::Length { found, expected: 2084 };
    let flipped = |certificate: &Certificate| edited(certificate, |bytes| bytes[0x41c] ^= 1);

    let other_key = signing_key(support::PEK);
    let other_pek = Certificate::of_verifying_key(Usage::PEK, &other_key.verifying_key(), API);
    let other_pek = oca.sign_csr(&other_pek).unwrap();
    let mut other_api = platform.pek_csr();
    other_api.set_api(ApiVersion { major: 1, minor: 54 });
    let other_api = oca.sign_csr(&other_api).unwrap();
    let mut full = pek.clone();
    let slots = pek.slots();
    full.set_slots([slots[0], slots[0]]);
    let not_self_signed = oca.certificate().unsigned();

    let (good_pek, good_oca) = (pek.as_bytes().as_slice(), oca.certificate().as_bytes().as_slice());
    let bad_signature = CertificateError::Signature { slot: 1 };
    for (pek, oca, error, status) in [
        (&good_pek[1..], good_oca, ImportError::Pek(length(2083)), Status::INVALID_LENGTH),
        (good_pek, &good_oca[1..], ImportError::Oca(length(2083)), Status::INVALID_LENGTH),
        (
            good_pek,
            flipped(oca.certificate()).as_bytes(),
            ImportError::Oca(bad_signature),
            Status::BAD_SIGNATURE,
        ),
        (
            good_pek,
            not_self_signed.as_bytes(),
            ImportError::Oca(CertificateError::NotSigned { by: Usage::OCA }),
            Status::INVALID_CERTIFICATE,
        ),
        (
            flipped(&pek).as_bytes(),
            good_oca,
            ImportError::Pek(bad_signature),
            Status::BAD_SIGNATURE,
        ),
        (before.pek.as_bytes(), good_oca, ImportError::Pek(bad_signature), Status::BAD_SIGNATURE),
        (other_pek.as_bytes(), good_oca, ImportError::OtherPek, Status::INVALID_CERTIFICATE),
        (other_api.as_bytes(), good_oca, ImportError::OtherPek, Status::INVALID_CERTIFICATE),
        (full.as_bytes(), good_oca, ImportError::NoEmptySlot, Status::INVALID_CERTIFICATE),
        // Two at once.
        (
            &flipped(&pek).as_bytes()[1..],
            flipped(oca.certificate()).as_bytes(),
            ImportError::Pek(length(2083)),
            Status::INVALID_LENGTH,
        ),
        (
            flipped(&pek).as_bytes(),
            flipped(oca.certificate()).as_bytes(),
            ImportError::Oca(bad_signature),
            Status::BAD_SIGNATURE,
        ),
        (
            flipped(&other_pek).as_bytes(),
            good_oca,
            ImportError::Pek(bad_signature),
            Status::BAD_SIGNATURE,
        ),
    ] {
        let refused = platform.pek_cert_import(pek, oca, &[4; 56]).unwrap_err();
        assert_eq!((refused, refused.status()), (error, status));
        assert_eq!(platform.certificates(), &before);
        assert!(!platform.is_externally_owned());
        let key = PdhKey::unauthenticated(&before.pdh).unwrap();
        assert_eq!(key.key(), &platform.pdh().public_key());
    }
}

#[test]
fn requests_that_are_not_signed() {
    let (oca, csr) = (oca(), platform().pek_csr());
    let refused = |csr: Certificate| oca.sign_csr(&csr).unwrap_err();
    let with = |change: fn(&mut Certificate)| {
        let mut csr = csr.clone();
        change(&mut csr);
        refused(csr)
    };
    let certificate = CsrError::Certificate;
    assert_eq!(with(|csr| csr.set_version(2)), certificate(CertificateError::Version { found: 2 }));
    let (found, expected) = (Usage::CEK, Usage::PEK);
    assert_eq!(
        with(|csr| csr.set_usage(Usage::CEK)),
        certificate(CertificateError::Usage { found, expected })
    );
    let (found, expected) = (
        sevcrypt::sev::cert::Algorithm::ECDSA_SHA384,
        sevcrypt::sev::cert::Algorithm::ECDSA_SHA256,
    );
    assert_eq!(
        with(|csr| csr.set_algorithm(sevcrypt::sev::cert::Algorithm::ECDSA_SHA384)),
        certificate(CertificateError::Algorithm { found, expected })
    );
    assert_eq!(
        refused(edited(&csr, |bytes| bytes[0x14] ^= 1)),
        certificate(CertificateError::Key(KeyError::Point))
    );
    assert_eq!(
        refused(edited(&csr, |bytes| bytes[6] = 1)),
        certificate(CertificateError::Reserved { offset: 6 })
    );
    assert_eq!(refused(oca.sign_csr(&csr).unwrap()), CsrError::Signed { slot: 1 });
    assert_eq!(refused(edited(&csr, |bytes| bytes[0x620] = 2)), CsrError::Signed { slot: 2 });
}

#[test]
fn an_oca_that_was_made_before() {
    let certificate = oca().certificate().clone();
    let again = Oca::from_certificate(signing_key(support::OCA), &certificate).unwrap();
    assert_eq!(again.certificate(), &certificate);
    let refused = |key, certificate: &Certificate| {
        Oca::from_certificate(signing_key(key), certificate).map(|_| ())
    };
    assert_eq!(refused(support::PEK, &certificate), Err(CertificateError::Signature { slot: 1 }));
    assert_eq!(
        refused(support::OCA, &certificate.unsigned()),
        Err(CertificateError::NotSigned { by: Usage::OCA })
    );
    // A PEK that this OCA has signed is none.
    let pek = oca().sign_csr(&platform().pek_csr()).unwrap();
    assert!(refused(support::OCA, &pek).is_err());
}

#[test]
fn keys_are_not_printed() {
    assert_eq!(format!("{:?}", platform()), "PlatformKeys(..)");
    assert_eq!(format!("{:?}", oca()), "Oca(..)");
    assert_eq!(format!("{:?}", chip()), "ChipUniqueKey(..)");
    assert_eq!(format!("{:?}", PlatformRandom::new(&[1; 168])), "PlatformRandom(..)");
}
