//! Whole chains under a root of the tests' own.

use std::sync::LazyLock;

use sevcrypt::Status;
use sevcrypt::sev::cert::{
    Algorithm, AmdCertificate, AmdCertificates, Certificate, CertificateError, ChainError,
    KeyError, PlatformCertificates, Product, PublicKey, Slot, Trust, Usage, VerifiedPlatform,
    verify,
};

use crate::rsa::RsaKey;
use crate::support::{
    API, OCA, OWNER, PDH, PEK, certificate, chip, edited, pdh_certificate, platform, signing_key,
};

const ARK_ID: [u8; 16] = [0xa1; 16];
const ASK_ID: [u8; 16] = [0xa2; 16];

/// A test generation: its root, its ASK, and a platform whose CEK that has signed.
struct Generation {
    ark: Vec<u8>,
    ask: Vec<u8>,
    ask_key: RsaKey,
    platform: PlatformCertificates,
}

impl Generation {
    fn new(ark: &str, ask: &str) -> Self {
        let (ark_key, ask_key) = (RsaKey::load(ark), RsaKey::load(ask));
        let mut platform = platform();
        platform.cek = ask_key.sign_cek(&platform.cek);
        Self {
            ark: ark_key.certify(&ark_key.draft(Usage::ARK, ARK_ID, ARK_ID)),
            ask: ark_key.certify(&ask_key.draft(Usage::ASK, ASK_ID, ARK_ID)),
            ask_key,
            platform,
        }
    }

    fn ark(&self) -> AmdCertificate<'_> {
        AmdCertificate::parse(&self.ark).unwrap().0
    }

    fn ask(&self) -> AmdCertificate<'_> {
        AmdCertificate::parse(&self.ask).unwrap().0
    }

    fn amd(&self) -> AmdCertificates<'_> {
        AmdCertificates { ask: Some(self.ask()), ark: Some(self.ark()) }
    }

    /// Verifies a platform under this root.
    fn verify(
        &self,
        platform: &PlatformCertificates,
        amd: AmdCertificates<'_>,
    ) -> Result<VerifiedPlatform, ChainError> {
        let roots = [self.ark()];
        verify(platform, amd, &Trust::amd().with_roots(&roots))
    }

    /// Why a platform with changes is refused.
    fn refused(&self, change: impl FnOnce(&mut PlatformCertificates)) -> ChainError {
        let mut platform = self.platform.clone();
        change(&mut platform);
        self.verify(&platform, self.amd()).unwrap_err()
    }
}

static LARGE: LazyLock<Generation> = LazyLock::new(|| Generation::new("ark.pem", "ask.pem"));
static SMALL: LazyLock<Generation> = LazyLock::new(|| Generation::new("small.pem", "small.pem"));

#[test]
fn chains_that_are_authentic() {
    for generation in [&*LARGE, &*SMALL] {
        let only_ask = AmdCertificates { ark: None, ..generation.amd() };
        for amd in [generation.amd(), only_ask] {
            let verified = generation.verify(&generation.platform, amd).unwrap();
            assert_eq!(verified.product(), None);
            assert_eq!(verified.api(), API);
            assert_eq!(verified.certificates(), &generation.platform);
            assert_eq!(verified.pek(), &signing_key(PEK).verifying_key());
            let pdh = crate::support::ecdh_key(PDH).public_key();
            assert_eq!(verified.pdh().key(), &pdh);
        }
    }
    // The order of the PEK's signatures, and which slot of the CEK is AMD's.
    let mut platform = LARGE.platform.clone();
    let copy = platform.clone();
    let [oca, cek] = copy.pek.slots();
    platform.pek.set_slots([cek, oca]);
    let [ask, empty] = copy.cek.slots();
    platform.cek.set_slots([empty, ask]);
    LARGE.verify(&platform, LARGE.amd()).unwrap();
}

/// One bit in each of many bytes of each certificate, all fields and paddings among them.
#[test]
fn every_bit_counts() {
    let generation = &*SMALL;
    let bytes = generation.platform.to_bytes();
    let fields = [0, 4, 6, 8, 0xc, 0x10, 0x14, 0x44, 0x5c, 0xa3, 0xa4, 0x413, 0x414, 0x418, 0x41c]
        .into_iter()
        .chain([0x44c, 0x464, 0x494, 0x4ac, 0x51c, 0x61b, 0x61c, 0x620, 0x624, 0x823]);
    let places = fields.chain((3..2084).step_by(29));
    for at in places.flat_map(|at| (0..4).map(move |which| which * 2084 + at)) {
        let mut changed = bytes;
        changed[at] ^= 1 << (at % 8);
        let platform = PlatformCertificates::from_bytes(&changed);
        let verdict = generation.verify(&platform, generation.amd());
        assert!(verdict.is_err(), "byte {at:#x}");
    }
    for (which, bytes) in [&generation.ask, &generation.ark].into_iter().enumerate() {
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let Ok((certificate, _)) = AmdCertificate::parse(&changed) else { continue };
            let mut amd = generation.amd();
            *[&mut amd.ask, &mut amd.ark][which] = Some(certificate);
            let verdict = generation.verify(&generation.platform, amd);
            assert!(verdict.is_err(), "certificate {which}, byte {at:#x}");
        }
    }
}

#[test]
fn links_that_do_not_hold() {
    let generation = &*LARGE;
    let (oca, pek, cek) = (signing_key(OCA), signing_key(PEK), chip().cek());
    let stranger = signing_key(OWNER);
    let signature = |slot| CertificateError::Signature { slot };
    let not_signed = |by| CertificateError::NotSigned { by };
    let usage = |found, expected| CertificateError::Usage { found, expected };
    let refused = |change: &dyn Fn(&mut PlatformCertificates)| {
        let error = generation.refused(change);
        (error, error.status())
    };
    let invalid = |error| (error, Status::INVALID_CERTIFICATE);
    let bad = |error| (error, Status::BAD_SIGNATURE);

    // The CEK.
    assert_eq!(refused(&|p| p.cek = p.cek.unsigned()), invalid(ChainError::CekUnsigned));
    assert_eq!(
        refused(&|p| p.cek = edited(&p.cek, |b| b[0x41c] ^= 1)),
        bad(ChainError::Cek(signature(1)))
    );
    assert_eq!(
        refused(&|p| p.cek = edited(&p.cek, |b| b[0x620] = 1)),
        bad(ChainError::Cek(CertificateError::MalformedSlot { slot: 2 }))
    );
    assert_eq!(
        refused(&|p| p.cek = p.pek.clone()),
        invalid(ChainError::Cek(usage(Usage::PEK, Usage::CEK)))
    );
    let other_cek = generation.ask_key.sign_cek(&certificate(Usage::CEK, &stranger, &[]));
    assert_eq!(refused(&|p| p.cek = other_cek.clone()), bad(ChainError::PekByCek(signature(2))));
    let sha384 = |certificate: Certificate| {
        let mut certificate = certificate.unsigned();
        certificate.set_algorithm(Algorithm::ECDSA_SHA384);
        certificate
    };
    let (found, expected) = (Algorithm::ECDSA_SHA384, Algorithm::ECDSA_SHA256);
    let algorithm = CertificateError::Algorithm { found, expected };
    assert_eq!(
        refused(&|p| p.cek = generation.ask_key.sign_cek(&sha384(p.cek.clone()))),
        invalid(ChainError::Cek(algorithm))
    );

    // The OCA.
    assert_eq!(
        refused(&|p| p.oca = edited(&p.oca, |b| b[0x41c] ^= 1)),
        bad(ChainError::Oca(signature(1)))
    );
    assert_eq!(
        refused(&|p| p.oca = p.oca.unsigned()),
        invalid(ChainError::Oca(not_signed(Usage::OCA)))
    );
    assert_eq!(
        refused(&|p| p.oca = edited(&p.oca, |b| b[0x10] = 1)),
        invalid(ChainError::Oca(CertificateError::SignerKey(KeyError::Curve { found: 1 })))
    );
    assert_eq!(
        refused(&|p| p.oca = p.cek.clone()),
        invalid(ChainError::Oca(usage(Usage::CEK, Usage::OCA)))
    );
    let other_oca = certificate(Usage::OCA, &stranger, &[(Usage::OCA, &stranger)]);
    assert_eq!(refused(&|p| p.oca = other_oca.clone()), bad(ChainError::PekByOca(signature(1))));
    assert_eq!(refused(&|p| p.oca = sha384(p.oca.clone())), invalid(ChainError::Oca(algorithm)));
    // Signed by itself as the firmware takes it, with bytes behind a short signature.
    let rsa = RsaKey::load("small.pem");
    let rsa_key = PublicKey::Rsa(rsa.public().into());
    let found = Algorithm::RSA_SHA384;
    let mut rsa_oca = Certificate::new(Usage::OCA, found, &rsa_key, API);
    let numbers = rsa.sign_with_the_other_hash(rsa_oca.body());
    let mut place = [0; 512];
    place.iter_mut().zip(numbers.iter().rev()).for_each(|(to, from)| *to = *from);
    place[256..260].copy_from_slice(b"junk");
    let slot = Slot { usage: Usage::OCA, algorithm: found, signature: &place };
    assert!(rsa_oca.add_signature(slot));
    rsa_oca.validate(&rsa_oca).unwrap();
    let no_ecdsa = CertificateError::Algorithm { found, expected };
    assert_eq!(refused(&|p| p.oca = rsa_oca.clone()), invalid(ChainError::Oca(no_ecdsa)));

    // The PEK: both signatures are needed.
    let pek_by = |by: &[(Usage, &sevcrypt::ecdsa::SigningKey)]| certificate(Usage::PEK, &pek, by);
    assert_eq!(
        refused(&|p| p.pek = pek_by(&[(Usage::OCA, &oca)])),
        invalid(ChainError::PekByCek(not_signed(Usage::CEK)))
    );
    assert_eq!(
        refused(&|p| p.pek = pek_by(&[(Usage::CEK, &cek)])),
        invalid(ChainError::PekByOca(not_signed(Usage::OCA)))
    );
    assert_eq!(
        refused(&|p| p.pek = pek_by(&[(Usage::OCA, &oca), (Usage::CEK, &stranger)])),
        bad(ChainError::PekByCek(signature(2)))
    );
    assert_eq!(
        refused(&|p| p.pek = pek_by(&[(Usage::OCA, &stranger), (Usage::CEK, &cek)])),
        bad(ChainError::PekByOca(signature(1)))
    );
    assert_eq!(
        refused(&|p| p.pek = pek_by(&[(Usage::OCA, &stranger), (Usage::CEK, &stranger)])),
        bad(ChainError::PekByCek(signature(2))),
        "the chip comes first"
    );
    let twice = CertificateError::SlotUsage { slot: 2, found: Usage::OCA };
    assert_eq!(
        refused(&|p| p.pek = pek_by(&[(Usage::OCA, &oca), (Usage::OCA, &oca)])),
        invalid(ChainError::Pek(twice))
    );
    let foreign = CertificateError::SlotUsage { slot: 1, found: Usage::PEK };
    assert_eq!(
        refused(&|p| p.pek = pek_by(&[(Usage::PEK, &pek), (Usage::CEK, &cek)])),
        invalid(ChainError::Pek(foreign))
    );
    let (found, expected) = (Algorithm::ECDSA_SHA384, Algorithm::ECDSA_SHA256);
    let slot_algorithm = CertificateError::SlotAlgorithm { slot: 1, found, expected };
    assert_eq!(
        refused(&|p| p.pek = edited(&p.pek, |b| b[0x419] = 1)),
        invalid(ChainError::Pek(slot_algorithm))
    );
    let both = |mut certificate: Certificate| {
        certificate.sign(Usage::OCA, &oca).unwrap();
        certificate.sign(Usage::CEK, &cek).unwrap();
        certificate
    };
    assert_eq!(
        refused(&|p| p.pek = both(sha384(p.pek.clone()))),
        invalid(ChainError::Pek(algorithm))
    );
    // Signed, and against the rules.
    let late = |edit: fn(&mut [u8])| both(edited(&pek_by(&[]), edit));
    assert_eq!(
        refused(&|p| p.pek = late(|b| b[0] = 2)),
        invalid(ChainError::PekByCek(CertificateError::Version { found: 2 }))
    );
    for offset in [6, 7, 0xa4, 0x413] {
        let stray = match offset {
            6 => late(|b| b[6] = 1),
            7 => late(|b| b[7] = 1),
            0xa4 => late(|b| b[0xa4] = 1),
            _ => late(|b| b[0x413] = 1),
        };
        assert_eq!(
            refused(&|p| p.pek = stray.clone()),
            invalid(ChainError::Pek(CertificateError::Reserved { offset }))
        );
    }
    assert_eq!(
        refused(&|p| p.pek = late(|b| b[0x14] ^= 1)),
        invalid(ChainError::PekByCek(CertificateError::Key(KeyError::Point)))
    );
    assert_eq!(
        refused(&|p| p.pek = p.pdh.clone()),
        invalid(ChainError::Pek(usage(Usage::PDH, Usage::PEK)))
    );

    // The PDH.
    assert_eq!(
        refused(&|p| p.pdh = pdh_certificate(PDH, &[(Usage::PEK, &stranger)])),
        bad(ChainError::Pdh(signature(1)))
    );
    assert_eq!(
        refused(&|p| p.pdh = pdh_certificate(PDH, &[])),
        invalid(ChainError::Pdh(not_signed(Usage::PEK)))
    );
    let unneeded = CertificateError::SlotUsage { slot: 2, found: Usage::OCA };
    assert_eq!(
        refused(&|p| p.pdh = pdh_certificate(PDH, &[(Usage::PEK, &pek), (Usage::OCA, &oca)])),
        invalid(ChainError::Pdh(unneeded))
    );
    assert_eq!(
        refused(&|p| {
            let mut pdh = pdh_certificate(PDH, &[]);
            pdh.set_algorithm(Algorithm::ECDH_SHA384);
            pdh.sign(Usage::PEK, &pek).unwrap();
            p.pdh = pdh;
        }),
        invalid(ChainError::Pdh(CertificateError::Algorithm {
            found: Algorithm::ECDH_SHA384,
            expected: Algorithm::ECDH_SHA256,
        }))
    );

    // Of two, the one nearer to AMD.
    assert_eq!(
        refused(&|p| {
            p.cek = edited(&p.cek, |b| b[0x41c] ^= 1);
            p.oca = edited(&p.oca, |b| b[0x41c] ^= 1);
        }),
        bad(ChainError::Cek(signature(1)))
    );
    assert_eq!(
        refused(&|p| {
            p.oca = edited(&p.oca, |b| b[0x41c] ^= 1);
            p.pek = edited(&p.pek, |b| b[0x41c] ^= 1);
            p.pdh = edited(&p.pdh, |b| b[0x41c] ^= 1);
        }),
        bad(ChainError::Oca(signature(1)))
    );
}

#[test]
fn amds_end() {
    let (large, small) = (&*LARGE, &*SMALL);
    let platform = &large.platform;
    let root = CertificateError::Root { key_id: ARK_ID };

    // A root that nobody trusts, and what it has signed.
    assert_eq!(verify(platform, large.amd(), &Trust::amd()).unwrap_err(), ChainError::Ark(root));
    let only_ask = AmdCertificates { ask: Some(large.ask()), ark: None };
    assert_eq!(verify(platform, only_ask, &Trust::amd()).unwrap_err(), ChainError::Ask(root));
    let none = AmdCertificates::default();
    assert_eq!(verify(platform, none, &Trust::amd()).unwrap_err(), ChainError::CekByNone);
    assert_eq!(ChainError::CekByNone.status(), Status::BAD_SIGNATURE);
    // With a root of one's own, its ASK is what is missing.
    assert_eq!(large.verify(platform, none).unwrap_err(), ChainError::AskMissing);
    assert_eq!(small.verify(&small.platform, none).unwrap_err(), ChainError::AskMissing);
    assert_eq!(ChainError::AskMissing.status(), Status::INVALID_CERTIFICATE);
    let roots = [large.ark()];
    let found = Trust::only(&roots).product_of_cek(&platform.cek);
    assert_eq!(found.unwrap_err(), ChainError::AskMissing);
    assert_eq!(verify(platform, none, &Trust::only(&[])).unwrap_err(), ChainError::CekByNone);

    // A root of one's own without its ASK.
    let only_ark = AmdCertificates { ask: None, ark: Some(large.ark()) };
    assert_eq!(large.verify(platform, only_ark).unwrap_err(), ChainError::AskMissing);

    // Certificates of another generation.
    let mixed = AmdCertificates { ask: Some(large.ask()), ark: Some(small.ark()) };
    assert_eq!(
        small.verify(platform, mixed).unwrap_err(),
        ChainError::Ask(CertificateError::SignerSize { found: 2048, expected: 4096 })
    );
    let other_ark = large.ask_key.certify(&large.ask_key.draft(Usage::ARK, ARK_ID, ARK_ID));
    let (other_ark, _) = AmdCertificate::parse(&other_ark).unwrap();
    let mixed = AmdCertificates { ask: Some(large.ask()), ark: Some(other_ark) };
    assert_eq!(
        verify(platform, mixed, &Trust::amd().with_roots(&[other_ark])).unwrap_err(),
        ChainError::Ask(CertificateError::AmdSignature)
    );
    assert_eq!(
        small.verify(platform, small.amd()).unwrap_err(),
        ChainError::Cek(CertificateError::SlotAlgorithm {
            slot: 1,
            found: Algorithm::RSA_SHA384,
            expected: Algorithm::RSA_SHA256,
        })
    );
    assert_eq!(
        large.verify(&small.platform, large.amd()).unwrap_err(),
        ChainError::Cek(CertificateError::SlotAlgorithm {
            slot: 1,
            found: Algorithm::RSA_SHA256,
            expected: Algorithm::RSA_SHA384,
        })
    );

    // The hash of another generation, with a slot that says so or hides it.
    let key = &large.ask_key;
    let cek = platform.cek.unsigned();
    let mut signature = [0; 512];
    let numbers = key.sign_with_the_other_hash(cek.body());
    signature.iter_mut().zip(numbers.iter().rev()).for_each(|(to, from)| *to = *from);
    let with = |algorithm| {
        let mut other = platform.clone();
        other
            .cek
            .set_slots([Slot { usage: Usage::ASK, algorithm, signature: &signature }, Slot::EMPTY]);
        large.verify(&other, large.amd()).unwrap_err()
    };
    assert_eq!(
        with(Algorithm::RSA_SHA384),
        ChainError::Cek(CertificateError::Signature { slot: 1 })
    );
    // A signature of 512 bytes has more than SHA-256 goes with.
    assert_eq!(
        with(Algorithm::RSA_SHA256),
        ChainError::Cek(CertificateError::Reserved { offset: 0x41c + 256 })
    );

    // ARK and ASK in each other's place.
    let swapped = AmdCertificates { ask: Some(large.ark()), ark: Some(large.ask()) };
    assert_eq!(
        large.verify(platform, swapped).unwrap_err(),
        ChainError::Ark(CertificateError::AmdSignature)
    );
    let twice = AmdCertificates { ask: Some(large.ark()), ark: Some(large.ark()) };
    assert_eq!(
        large.verify(platform, twice).unwrap_err(),
        ChainError::Ask(CertificateError::Usage { found: Usage::ARK, expected: Usage::ASK })
    );
    // The firmware's check by an ARK: it has another usage than the slot says.
    assert_eq!(
        platform.cek.validate_by_ask(&large.ark()),
        Err(CertificateError::NotSigned { by: Usage::ARK })
    );
    assert_eq!(platform.cek.validate_by_ask(&large.ask()), Ok(()));
    assert_eq!(
        platform.pek.validate_by_ask(&large.ask()),
        Err(CertificateError::NotSigned { by: Usage::ASK })
    );
    // No root but one's own, or none at all.
    let roots = [large.ark()];
    assert_eq!(verify(platform, large.amd(), &Trust::only(&roots)).unwrap().product(), None);
    assert_eq!(
        verify(platform, large.amd(), &Trust::only(&[])).unwrap_err(),
        ChainError::Ark(root)
    );
    // Roots of one's own are trusted whatever the product.
    let roots = [large.ark()];
    let trust = Trust::amd().with_roots(&roots).with_product(Product::Rome);
    assert_eq!(verify(platform, large.amd(), &trust).unwrap().product(), None);
}

/// A key that has AMD's identifiers only is not AMD's.
#[test]
fn a_root_with_amds_name() {
    let naples = crate::support::bytes("1bb987c359494606b174945601c9ea5b");
    let key = RsaKey::load("small.pem");
    let ark = key.certify(&key.draft(Usage::ARK, naples, naples));
    let (ark, _) = AmdCertificate::parse(&ark).unwrap();
    let root = CertificateError::Root { key_id: naples };
    assert_eq!(ark.validate_root(&Trust::amd()), Err(root));
    let ask = key.certify(&key.draft(Usage::ASK, ASK_ID, naples));
    let (ask, _) = AmdCertificate::parse(&ask).unwrap();
    let platform = &SMALL.platform;
    let amd = AmdCertificates { ask: Some(ask), ark: Some(ark) };
    assert_eq!(verify(platform, amd, &Trust::amd()).unwrap_err(), ChainError::Ark(root));
    // Its ASK alone is held against AMD's key.
    let amd = AmdCertificates { ask: Some(ask), ark: None };
    assert_eq!(
        verify(platform, amd, &Trust::amd()).unwrap_err(),
        ChainError::Ask(CertificateError::AmdSignature)
    );
}
