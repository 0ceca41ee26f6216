//! To whom a guest may be sent: every rule of SEND_START, and each thing that can be wrong, one by one.

use sevcrypt::sev::cert::{
    Algorithm, Certificate, CertificateError, PlatformCertificates, Product, Slot, Trust, Usage,
};
use sevcrypt::sev::launch::{Loading, Running};
use sevcrypt::sev::packet::PacketIv;
use sevcrypt::sev::session::SessionRandom;
use sevcrypt::sev::transport::{Link, Receiver, SendStartError, Sender};
use sevcrypt::sev::{ApiVersion, GuestPolicy};
use sevcrypt::{Backend, Status};

use crate::platforms::{ASK_ARK, FIRMWARE, ark, certificates, owned_platform, owner, platform};

const NONE: u32 = 0;
const NOSEND: u32 = 1 << 3;
const DOMAIN: u32 = 1 << 4;
const SEV: u32 = 1 << 5;
const API_1_55: u32 = 0x3701_0000;

/// What SEND_START is told, to be changed.
struct Case {
    pdh: Vec<u8>,
    platform: Vec<u8>,
    amd: Vec<u8>,
    oca: Certificate,
}

impl Case {
    /// Platform 1 receives; both belong to one owner.
    fn good() -> Self {
        let oca = owner(9);
        let receiver = certificates(1, &owned_platform(1, &oca));
        Self::of(&receiver, oca.certificate().clone())
    }

    fn of(receiver: &PlatformCertificates, oca: Certificate) -> Self {
        let (pdh, platform) = (receiver.pdh.as_bytes().to_vec(), receiver.chain().to_vec());
        Self { pdh, platform, amd: ASK_ARK.to_vec(), oca }
    }

    fn receiver(&self) -> Receiver<'_> {
        Receiver { pdh: &self.pdh, platform: &self.platform, amd: &self.amd }
    }

    fn check_under(&self, policy: u32, trust: &Trust<'_>) -> Result<(), SendStartError> {
        self.receiver().check(GuestPolicy(policy), &self.oca, trust).map(|_| ())
    }

    fn check(&self, policy: u32) -> Result<(), SendStartError> {
        self.check_under(policy, &Trust::amd().with_roots(&[ark()]))
    }

    /// A certificate of the platform's: 0 PEK, 1 OCA, 2 CEK.
    fn set(&mut self, place: usize, certificate: &Certificate) {
        self.platform[place * Certificate::LEN..][..Certificate::LEN]
            .copy_from_slice(certificate.as_bytes());
    }

    fn get(&self, place: usize) -> Certificate {
        Certificate::parse(&self.platform[place * Certificate::LEN..][..Certificate::LEN]).unwrap()
    }
}

#[track_caller]
fn refused(case: &Case, policy: u32, link: Link, error: CertificateError, status: Status) {
    let found = case.check(policy).unwrap_err();
    assert_eq!(found, SendStartError::Certificate { link, error });
    assert_eq!(found.status(), status);
    assert!(found.to_string().starts_with(&format!("{link}: ")), "{found}");
}

#[test]
fn accepted() {
    let case = Case::good();
    for policy in [NONE, SEV, DOMAIN, SEV | DOMAIN, API_1_55 | SEV | DOMAIN | 0b111] {
        assert_eq!(case.check(policy), Ok(()), "{policy:#x}");
    }
    // A platform that owns itself is in nobody's domain, but AMD's.
    let receiver = platform(1);
    let own = Case::of(&certificates(1, &receiver), owner(9).certificate().clone());
    assert_eq!(own.check(SEV), Ok(()));
    assert_eq!(own.check(DOMAIN), Err(SendStartError::OtherOwner));
}

#[test]
fn nosend_comes_first() {
    let case = Case { pdh: Vec::new(), platform: Vec::new(), amd: Vec::new(), ..Case::good() };
    for policy in [NOSEND, NOSEND | SEV, NOSEND | DOMAIN] {
        assert_eq!(case.check(policy), Err(SendStartError::Nosend));
    }
    assert_eq!(SendStartError::Nosend.status(), Status::POLICY_FAILURE);
}

#[test]
fn lengths() {
    let pdh = |found| SendStartError::Certificate {
        link: Link::Pdh,
        error: CertificateError::Length { found, expected: 2084 },
    };
    let amd = |found| SendStartError::Certificate {
        link: Link::Amd,
        error: CertificateError::ChainLength { found },
    };
    let platform = |found| SendStartError::PlatformLength { found };
    // Lengths of platform, PDH, AMD; the error for SEV and for DOMAIN.
    for (platform_len, pdh_len, amd_len, sev, domain) in [
        (6251, 2083, 3199, Err(platform(6251)), Err(platform(6251))),
        (6253, 2084, 3200, Err(platform(6253)), Err(platform(6253))),
        (0, 2084, 3200, Err(platform(0)), Err(platform(0))),
        (6252, 2083, 3199, Err(pdh(2083)), Err(pdh(2083))),
        (6252, 2085, 3200, Err(pdh(2085)), Err(pdh(2085))),
        (6252, 2084, 3199, Err(amd(3199)), Ok(())),
        (6252, 2084, 0, Err(amd(0)), Ok(())),
        (6252, 2084, 3201, Err(amd(3201)), Ok(())),
    ] {
        let mut case = Case::good();
        case.platform.resize(platform_len, 0);
        case.pdh.resize(pdh_len, 0);
        case.amd.resize(amd_len, 0);
        for (policy, expected) in [(SEV, sev), (DOMAIN, domain), (SEV | DOMAIN, sev)] {
            let found = case.check(policy);
            assert_eq!(found, expected, "{policy:#x}");
            let status = found.map_err(SendStartError::status);
            assert_eq!(status, expected.map_err(|_| Status::INVALID_LENGTH));
        }
        // Without both, only the PDH's counts.
        let expected = if pdh_len == 2084 { Ok(()) } else { Err(pdh(pdh_len)) };
        assert_eq!(case.check(NONE), expected);
    }
    assert_eq!(platform(1).to_string(), "1 bytes for PEK, OCA and CEK: expected 6252");
}

/// A length that the firmware takes, and certificates that do not fit into it.
#[test]
fn mixed_sizes_of_amd_certificates() {
    for (len, error) in [
        (2688, CertificateError::NoSignature),
        (2176, CertificateError::Truncated { found: 576, expected: 1600 }),
        (1664, CertificateError::Truncated { found: 64, expected: 1600 }),
    ] {
        let mut case = Case::good();
        case.amd.truncate(len);
        refused(&case, SEV, Link::Amd, error, Status::INVALID_CERTIFICATE);
    }
}

#[test]
fn amd_certificates() {
    // ARK: a reserved byte, a byte of the modulus, the signature.
    for offset in [1600 + 0x28, 1600 + 0x300, 3199] {
        let mut case = Case::good();
        case.amd[offset] ^= 1;
        refused(&case, SEV, Link::Ark, CertificateError::AmdSignature, Status::BAD_SIGNATURE);
        assert_eq!(case.check(DOMAIN), Ok(()), "not looked at");
    }
    // ASK.
    for offset in [0x28, 0x300, 1599] {
        let mut case = Case::good();
        case.amd[offset] ^= 1;
        let link = Link::AskByArk;
        refused(&case, SEV, link, CertificateError::AmdSignature, Status::BAD_SIGNATURE);
    }
    // ARK and ASK in the other order: the ASK is not signed by itself.
    let mut case = Case::good();
    case.amd.rotate_left(1600);
    refused(&case, SEV, Link::Ark, CertificateError::AmdSignature, Status::BAD_SIGNATURE);
}

#[test]
fn a_root_that_is_not_the_fuses() {
    let case = Case::good();
    let error = CertificateError::Root { key_id: *ark().key_id() };
    for trust in [Trust::amd(), Trust::amd().with_product(Product::Genoa)] {
        let found = case.check_under(SEV, &trust);
        assert_eq!(found, Err(SendStartError::Certificate { link: Link::Ark, error }));
        assert_eq!(error.status(), Status::INVALID_CERTIFICATE);
        assert_eq!(case.check_under(DOMAIN, &trust), Ok(()));
    }
}

#[test]
fn chip_keys() {
    let signature = |slot| CertificateError::Signature { slot };
    // A changed CEK, and one that is as the platform exports it.
    let mut case = Case::good();
    case.platform[2 * Certificate::LEN + 6] ^= 1;
    refused(&case, SEV, Link::CekByAsk, signature(1), Status::BAD_SIGNATURE);
    let mut case = Case::good();
    let exported = case.get(2).unsigned();
    case.set(2, &exported);
    let error = CertificateError::NotSigned { by: Usage::ASK };
    refused(&case, SEV, Link::CekByAsk, error, Status::INVALID_CERTIFICATE);
    assert_eq!(case.check(DOMAIN), Ok(()));

    // The CEK of another chip: the second slot is by another key.
    let mut case = Case::good();
    case.set(2, &certificates(0, &platform(0)).cek);
    refused(&case, SEV, Link::PekByCek, signature(2), Status::BAD_SIGNATURE);
}

#[test]
fn platform_keys() {
    let signature = |slot| CertificateError::Signature { slot };
    // PEK: its reserved bytes are signed, too.
    let mut case = Case::good();
    case.platform[6] ^= 1;
    refused(&case, SEV, Link::PekByCek, signature(2), Status::BAD_SIGNATURE);
    refused(&case, DOMAIN, Link::PekByOca, signature(1), Status::BAD_SIGNATURE);
    // With the CEK's signature only, and with the OCA's only.
    for (slot, policy, link, by) in
        [(0, DOMAIN, Link::PekByOca, Usage::OCA), (1, SEV, Link::PekByCek, Usage::CEK)]
    {
        let mut case = Case::good();
        let signed = case.get(0);
        let mut pek = signed.clone();
        let mut slots = signed.slots();
        slots[slot] = Slot::EMPTY;
        pek.set_slots(slots);
        case.set(0, &pek);
        let error = CertificateError::NotSigned { by };
        refused(&case, policy, link, error, Status::INVALID_CERTIFICATE);
        assert_eq!(case.check(policy ^ (SEV | DOMAIN)), Ok(()), "the other rule holds");
    }
    // OCA.
    let mut case = Case::good();
    case.platform[Certificate::LEN + 6] ^= 1;
    refused(&case, DOMAIN, Link::OcaByItself, signature(1), Status::BAD_SIGNATURE);
    assert_eq!(case.check(SEV), Ok(()));
    // PDH.
    let mut case = Case::good();
    case.pdh[6] ^= 1;
    for policy in [SEV, DOMAIN] {
        refused(&case, policy, Link::PdhByPek, signature(1), Status::BAD_SIGNATURE);
    }
    assert_eq!(case.check(NONE), Ok(()), "no signature counts");
}

#[test]
fn versions() {
    let case = Case::good();
    for (api, expected) in [
        (0x0000_0000, Ok(())),
        (0x3701_0000, Ok(())),
        (0xff00_0000, Ok(())),
        (0x3801_0000, Err(ApiVersion { major: 1, minor: 56 })),
        (0x0002_0000, Err(ApiVersion { major: 2, minor: 0 })),
    ] {
        let error = |expected| SendStartError::Api { found: FIRMWARE.api, expected };
        assert_eq!(case.check(api | SEV), expected.map_err(error));
        // It is a rule of POLICY.SEV.
        assert_eq!(case.check(api | DOMAIN), Ok(()));
        assert_eq!(case.check(api), Ok(()));
    }
    let error = case.check(0x3801_0000 | SEV).unwrap_err();
    assert_eq!(error.status(), Status::POLICY_FAILURE);
    assert_eq!(
        error.to_string(),
        "the receiver's firmware has API 1.55: the policy expects 1.56 or newer"
    );
}

#[test]
fn owners() {
    // Another owner.
    let other = Case { oca: owner(10).certificate().clone(), ..Case::good() };
    assert_eq!(other.check(DOMAIN), Err(SendStartError::OtherOwner));
    assert_eq!(SendStartError::OtherOwner.status(), Status::POLICY_FAILURE);
    assert_eq!(other.check(SEV), Ok(()));

    // A stranger who shows the owner's OCA: his PEK is not signed by it.
    let mut stranger = Case::of(&certificates(1, &platform(1)), owner(9).certificate().clone());
    stranger.set(1, owner(9).certificate());
    let error = CertificateError::Signature { slot: 1 };
    refused(&stranger, DOMAIN, Link::PekByOca, error, Status::BAD_SIGNATURE);

    // All bytes are compared: the same key with a byte of padding.
    let mut padded = Case::good();
    let mut bytes = *padded.get(1).as_bytes();
    bytes[Certificate::LEN - 1] = 1;
    padded.set(1, &Certificate::from_bytes(&bytes));
    assert_eq!(padded.check(DOMAIN), Err(SendStartError::OtherOwner));
}

/// What a session asks of the PDH comes last, and always.
#[test]
fn diffie_hellman_keys() {
    let oca = owner(9);
    let keys = owned_platform(1, &oca);
    let receiver = certificates(1, &keys);
    for (change, error) in [
        (
            (|pdh: &mut Certificate| pdh.set_algorithm(Algorithm::ECDH_SHA384)) as fn(&mut _),
            CertificateError::Algorithm {
                found: Algorithm::ECDH_SHA384,
                expected: Algorithm::ECDH_SHA256,
            },
        ),
        (
            |pdh| pdh.set_usage(Usage::PEK),
            CertificateError::Usage { found: Usage::PEK, expected: Usage::PDH },
        ),
        (|pdh| pdh.set_version(2), CertificateError::Version { found: 2 }),
    ] {
        let mut pdh = receiver.pdh.unsigned();
        change(&mut pdh);
        pdh.sign(Usage::PEK, keys.pek()).unwrap();
        let receiver = PlatformCertificates { pdh, ..receiver.clone() };
        let case = Case::of(&receiver, oca.certificate().clone());
        refused(&case, NONE, Link::Pdh, error, Status::INVALID_CERTIFICATE);
    }
    // An algorithm that chains allow and sessions do not.
    let mut pdh = receiver.pdh.unsigned();
    pdh.set_algorithm(Algorithm::ECDH_SHA384);
    pdh.sign(Usage::PEK, keys.pek()).unwrap();
    let case =
        Case::of(&PlatformCertificates { pdh, ..receiver.clone() }, oca.certificate().clone());
    let error = CertificateError::Algorithm {
        found: Algorithm::ECDH_SHA384,
        expected: Algorithm::ECDH_SHA256,
    };
    refused(&case, SEV | DOMAIN, Link::Pdh, error, Status::INVALID_CERTIFICATE);

    // A point that is not on the curve.
    let mut case = Case::good();
    case.pdh[0x14] ^= 1;
    let found = case.check(NONE).unwrap_err();
    assert!(matches!(
        found,
        SendStartError::Certificate { link: Link::Pdh, error: CertificateError::Key(_) }
    ));
    assert_eq!(found.status(), Status::INVALID_CERTIFICATE);
}

/// Two things are wrong: the one that the firmware looks at first counts.
#[test]
fn earlier_checks_win() {
    let amd_signature = CertificateError::AmdSignature;
    let signature = |slot| CertificateError::Signature { slot };
    // From the end to the begin, each mistake hides the ones before.
    let mut case = Case::good();
    let both = 0x3801_0000 | SEV | DOMAIN;
    case.oca = owner(10).certificate().clone();
    assert_eq!(case.check(DOMAIN), Err(SendStartError::OtherOwner));
    case.pdh[6] ^= 1;
    refused(&case, DOMAIN, Link::PdhByPek, signature(1), Status::BAD_SIGNATURE);
    refused(&case, both, Link::PdhByPek, signature(1), Status::BAD_SIGNATURE);
    case.platform[6] ^= 1;
    refused(&case, DOMAIN, Link::PekByOca, signature(1), Status::BAD_SIGNATURE);
    case.platform[Certificate::LEN + 6] ^= 1;
    refused(&case, DOMAIN, Link::OcaByItself, signature(1), Status::BAD_SIGNATURE);
    refused(&case, both, Link::PekByCek, signature(2), Status::BAD_SIGNATURE);
    case.platform[2 * Certificate::LEN + 6] ^= 1;
    refused(&case, both, Link::CekByAsk, signature(1), Status::BAD_SIGNATURE);
    case.amd[0x28] ^= 1;
    refused(&case, both, Link::AskByArk, amd_signature, Status::BAD_SIGNATURE);
    let untrusted = case.check_under(both, &Trust::amd());
    let error = CertificateError::Root { key_id: *ark().key_id() };
    assert_eq!(untrusted, Err(SendStartError::Certificate { link: Link::Ark, error }));
    case.amd[3199] ^= 1;
    refused(&case, both, Link::Ark, amd_signature, Status::BAD_SIGNATURE);
    case.platform.pop();
    assert_eq!(case.check(both), Err(SendStartError::PlatformLength { found: 6251 }));

    // The version comes before the owner.
    let case = Case { oca: owner(10).certificate().clone(), ..Case::good() };
    assert!(matches!(case.check(both), Err(SendStartError::Api { .. })));
}

fn running(policy: u32) -> Running {
    let loading = Loading::start_without_session(GuestPolicy(policy));
    loading.measure(FIRMWARE, &[1; 16], Backend::best()).1.finish()
}

/// A guest that may not go there runs on, and may go elsewhere.
#[test]
fn a_guest_that_is_not_sent() {
    let sender = platform(0);
    let mut case = Case::good();
    case.pdh[6] ^= 1;
    let roots = [ark()];
    let trust = Trust::amd().with_roots(&roots);
    let from = Sender { pdh: sender.pdh(), oca: &case.oca, trust };
    let random = SessionRandom::new(&[5; 64]);
    let refused =
        running(SEV).send_start(&case.receiver(), &from, &random, Backend::best()).unwrap_err();
    assert_eq!(refused.error, case.check(SEV).unwrap_err());
    assert_eq!(refused.to_string(), format!("the guest is not sent: {}", refused.error));

    let good = Case::good();
    let (sending, _) =
        refused.guest.send_start(&good.receiver(), &from, &random, Backend::best()).unwrap();
    let guest = sending.cancel();
    assert_eq!(guest.policy(), GuestPolicy(SEV));
    let (sending, _) = guest.send_start(&good.receiver(), &from, &random, Backend::best()).unwrap();
    assert!(sending.data(PacketIv::from_random([1; 16]), &mut [0; 16]).is_ok());
    assert_eq!(sending.finish().policy(), GuestPolicy(SEV));
}
