//! Certificates of a real platform, and AMD's own: `vectors/real.toml` says where they come from.

use std::fs;

use crate::folder::folder;
use sevcrypt::sev::ApiVersion;
use sevcrypt::sev::cert::{
    Algorithm, AmdCertificate, AmdCertificates, Bundle, Certificate, CertificateError, ChainError,
    PlatformCertificates, Product, Trust, Usage, verify,
};

use crate::support;

struct Naples {
    platform: PlatformCertificates,
    ask: Vec<u8>,
    ark: Vec<u8>,
    short_ark: Vec<u8>,
    rome: [Vec<u8>; 2],
    milan: [Vec<u8>; 2],
}

fn load(test: &str) -> Option<Naples> {
    let folder = folder(test)?.join("legacy");
    let read = |name: &str| {
        let name = format!("{name}.cert");
        fs::read(folder.join(&name)).unwrap_or_else(|why| panic!("{name}: {why}"))
    };
    let certificate = |name: &str| Certificate::parse(&read(name)).expect(name);
    Some(Naples {
        platform: PlatformCertificates {
            pdh: certificate("pdh_naples"),
            pek: certificate("pek_naples"),
            oca: certificate("oca_naples"),
            cek: certificate("cek_naples"),
        },
        ask: read("ask_naples"),
        ark: read("ark_naples"),
        short_ark: read("ark_naples_bad_format"),
        rome: [read("ask_rome"), read("ark_rome")],
        milan: [read("ask_milan"), read("ark_milan")],
    })
}

fn amd(bytes: &[u8]) -> AmdCertificate<'_> {
    let (certificate, rest) = AmdCertificate::parse(bytes).expect("a certificate of AMD");
    assert!(rest.is_empty());
    certificate
}

#[test]
fn a_platform_of_naples() {
    let Some(naples) = load("a_platform_of_naples") else { return };
    let (ask, ark, short) = (amd(&naples.ask), amd(&naples.ark), amd(&naples.short_ark));
    assert_eq!(short.signature(), None);
    for given_ask in [None, Some(ask)] {
        for given_ark in [None, Some(ark), Some(short)] {
            let given = AmdCertificates { ask: given_ask, ark: given_ark };
            for trust in [Trust::amd(), Trust::amd().with_product(Product::Naples)] {
                let verified = verify(&naples.platform, given, &trust).unwrap();
                assert_eq!(verified.product(), Some(Product::Naples));
                assert_eq!(verified.api(), ApiVersion { major: 0, minor: 16 });
            }
        }
    }
    let PlatformCertificates { pdh, pek, oca, cek } = &naples.platform;
    assert_eq!(cek.slots()[0].algorithm, Algorithm::RSA_SHA256);
    cek.validate_by_ask(&ask).unwrap();
    pek.validate(cek).unwrap();
    pek.validate(oca).unwrap();
    oca.validate(oca).unwrap();
    pdh.validate(pek).unwrap();

    // One file.
    let file = [&naples.platform.to_bytes()[..], &naples.ask, &naples.ark].concat();
    let mut bundle = Bundle::default();
    bundle.add(&file).unwrap();
    verify(&bundle.platform().unwrap(), bundle.amd(), &Trust::amd()).unwrap();
    let mut bundle = Bundle::default();
    let chain = [&naples.platform.to_bytes()[..], &naples.ask, &naples.short_ark].concat();
    bundle.add(&chain).unwrap();
    verify(&bundle.platform().unwrap(), bundle.amd(), &Trust::amd()).unwrap();
    // The ARK of Naples without its signature, and with it.
    let arks = [&naples.short_ark, &naples.ark];
    for files in [arks, [arks[1], arks[0]]] {
        let mut bundle = Bundle::default();
        files.into_iter().for_each(|file| bundle.add(file).unwrap());
        assert_eq!(bundle.amd().ark.unwrap().as_bytes(), naples.ark);
    }
}

#[test]
fn roots_of_amd() {
    let Some(naples) = load("roots_of_amd") else { return };
    let pairs = [
        (Product::Naples, &naples.ask, &naples.ark),
        (Product::Rome, &naples.rome[0], &naples.rome[1]),
        (Product::Milan, &naples.milan[0], &naples.milan[1]),
    ];
    for (product, ask, ark) in pairs {
        let chain = [&ask[..], ark].concat();
        let [ask, ark] = AmdCertificate::parse_chain(&chain).unwrap();
        let trust = Trust::amd().with_product(product);
        assert_eq!(ark.validate_root(&trust), Ok(Some(product)));
        assert_eq!(ark.validate_root(&Trust::amd()), Ok(Some(product)));
        assert_eq!(ask.validate(&ark), Ok(()));
        assert_eq!((ask.check_form(), ark.check_form()), (Ok(()), Ok(())));
        for (other, _, other_ark) in pairs.into_iter().filter(|(other, ..)| *other != product) {
            let refused = ark.validate_root(&Trust::amd().with_product(other));
            assert_eq!(refused, Err(CertificateError::Root { key_id: *ark.key_id() }));
            let size = |of| if of == Product::Naples { 2048 } else { 4096 };
            let refused = match (size(other), size(product)) {
                (same, of) if same == of => CertificateError::AmdSignature,
                (found, expected) => CertificateError::SignerSize { found, expected },
            };
            assert_eq!(ask.validate(&amd(other_ark)), Err(refused));
        }
    }
    let short = amd(&naples.short_ark);
    assert_eq!(short.validate_root(&Trust::amd()), Err(CertificateError::NoSignature));
    assert_eq!(amd(&naples.ask).validate(&short), Ok(()), "it is the same key");
    let chain = [&naples.ask[..], &naples.short_ark].concat();
    assert_eq!(
        AmdCertificate::parse_chain(&chain).unwrap_err(),
        CertificateError::ChainLength { found: 1408 }
    );
}

#[test]
fn chains_that_are_mixed() {
    let Some(naples) = load("chains_that_are_mixed") else { return };
    let platform = &naples.platform;
    let none = AmdCertificates::default();
    let refused = |platform: &PlatformCertificates, amd, trust: Trust<'_>| {
        verify(platform, amd, &trust).unwrap_err()
    };
    // Another product's keys.
    for others in [&naples.rome, &naples.milan] {
        let (ask, ark) = (amd(&others[0]), amd(&others[1]));
        let given = AmdCertificates { ask: Some(ask), ark: Some(ark) };
        let other_hash = ChainError::Cek(CertificateError::SlotAlgorithm {
            slot: 1,
            found: Algorithm::RSA_SHA256,
            expected: Algorithm::RSA_SHA384,
        });
        assert_eq!(refused(platform, given, Trust::amd()), other_hash);
        assert_eq!(
            refused(platform, AmdCertificates { ask: None, ark: Some(ark) }, Trust::amd()),
            other_hash,
            "the ARK that was given decides, though the right one is built in"
        );
        assert_eq!(
            refused(platform, AmdCertificates { ask: Some(ask), ark: None }, Trust::amd()),
            other_hash
        );
        let given = AmdCertificates { ask: Some(amd(&naples.ask)), ark: Some(ark) };
        assert_eq!(
            refused(platform, given, Trust::amd()),
            ChainError::Ask(CertificateError::SignerSize { found: 4096, expected: 2048 })
        );
    }
    for product in [Product::Rome, Product::Milan, Product::Genoa, Product::Turin] {
        let trust = Trust::amd().with_product(product);
        assert_eq!(refused(platform, none, trust), ChainError::CekByNone);
        let given = AmdCertificates { ask: Some(amd(&naples.ask)), ark: None };
        let naples_ark = *amd(&naples.ark).key_id();
        assert_eq!(
            refused(platform, given, trust),
            ChainError::Ask(CertificateError::Root { key_id: naples_ark })
        );
    }
    // Certificates that were given are not replaced.
    let mut bad = naples.ark.clone();
    bad[831] ^= 1;
    let given = AmdCertificates { ask: None, ark: Some(amd(&bad)) };
    assert_eq!(
        refused(platform, given, Trust::amd()),
        ChainError::Ark(CertificateError::AmdSignature)
    );

    // Another platform's certificates, one by one.
    let other = support::platform();
    let signature = |slot| CertificateError::Signature { slot };
    let with = |change: &dyn Fn(&mut PlatformCertificates)| {
        let mut platform = platform.clone();
        change(&mut platform);
        refused(&platform, none, Trust::amd())
    };
    assert_eq!(with(&|p| p.cek = other.cek.clone()), ChainError::CekUnsigned);
    assert_eq!(with(&|p| p.oca = other.oca.clone()), ChainError::PekByOca(signature(1)));
    assert_eq!(with(&|p| p.pek = other.pek.clone()), ChainError::PekByCek(signature(2)));
    assert_eq!(with(&|p| p.pdh = other.pdh.clone()), ChainError::Pdh(signature(1)));
    assert_eq!(with(&|p| p.cek = p.cek.unsigned()), ChainError::CekUnsigned);
    let (found, expected) = (Usage::OCA, Usage::PEK);
    assert_eq!(
        with(&|p| p.pek = p.oca.clone()),
        ChainError::Pek(CertificateError::Usage { found, expected })
    );
}

#[test]
fn every_bit_of_a_real_platform() {
    let Some(naples) = load("every_bit_of_a_real_platform") else { return };
    let bytes = naples.platform.to_bytes();
    let fields = [0, 4, 6, 8, 0xc, 0x10, 0x14, 0x44, 0x5c, 0xa3, 0xa4, 0x413, 0x414, 0x418, 0x41c];
    let fields = fields.into_iter().chain([0x44c, 0x464, 0x494, 0x4ac, 0x61b, 0x61c, 0x620, 0x624]);
    for at in fields.chain((1..2084).step_by(31)) {
        for which in 0..4 {
            let mut changed = bytes;
            changed[which * 2084 + at] ^= 1 << (at % 8);
            let changed = PlatformCertificates::from_bytes(&changed);
            let verdict = verify(&changed, AmdCertificates::default(), &Trust::amd());
            assert!(verdict.is_err(), "certificate {which}, byte {at:#x}");
        }
    }
}
