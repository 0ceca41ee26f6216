//! Sessions from the certificates on.

use proptest::prelude::*;
use sevcrypt::ecdh::PrivateKey;
use sevcrypt::sev::cert::{Algorithm, Certificate, CertificateError, KeyError, PdhKey, Usage};
use sevcrypt::sev::session::{
    Channel, ClientSession, SessionBuffer, SessionError, SessionRandom, TransportKeys, Unwrapped,
};
use sevcrypt::sev::{ApiVersion, GuestPolicy, PolicyError};
use sevcrypt::{Hex, Status};
use sha2::{Digest, Sha256};

use crate::dropped::{dropped, longest_stretch};
use crate::{bytes, counting};

pub(crate) const POLICY: GuestPolicy = GuestPolicy(0x3701_0005);
pub(crate) const API: ApiVersion = ApiVersion { major: 1, minor: 55 };

/// The worked example's platform.
pub(crate) fn pdh() -> PrivateKey {
    PrivateKey::from_scalar(&bytes(
        "5b53a12149a75d8873dc96e933242c64bd13a1dd6e3573db0fa3229cfb11594387d988b35dee9aedd5d6335b200301d6",
    ))
    .unwrap()
}

/// The worked example's guest owner.
pub(crate) fn owner() -> PrivateKey {
    PrivateKey::from_scalar(&bytes(
        "76d72e53c906c087d2cdca11eed35235efbdd28c1f453c4a74f4357d067ef9217cde8c19fa78605bffecdc78b7ea8718",
    ))
    .unwrap()
}

pub(crate) fn certificate(key: &PrivateKey) -> Certificate {
    Certificate::of_ecdh_key(&key.public_key(), API)
}

fn random() -> SessionRandom {
    let parts = [0x10, 0x20, 0x30, 0x40].map(counting);
    SessionRandom::new(parts.as_flattened().try_into().unwrap())
}

pub(crate) fn client(policy: GuestPolicy) -> ClientSession {
    let platform = PdhKey::unauthenticated(&certificate(&pdh())).unwrap();
    ClientSession::new(&owner(), &platform, policy, &random())
}

pub(crate) fn channel(policy: GuestPolicy) -> Channel {
    let session = client(policy).buffer().to_bytes();
    Channel::open(&pdh(), certificate(&owner()).as_bytes(), &session, policy, API).unwrap()
}

/// What the firmware says to certificate, session and policy.
fn refused(certificate: &[u8], session: &[u8], policy: GuestPolicy) -> SessionError {
    Channel::open(&pdh(), certificate, session, policy, API).expect_err("something is wrong")
}

/// Computed by another implementation, in Python.
#[test]
fn known_answer() {
    let certificate = certificate(&owner());
    assert_eq!(
        Hex(&Sha256::digest(certificate.as_bytes())).to_string(),
        "5acb8f06c960f0946d1e9fc3b75598a2b36d713101e18b4ec940b215643b3abc"
    );
    let session: [u8; SessionBuffer::LEN] = bytes(
        "101112131415161718191a1b1c1d1e1f\
         7a87de18f647890bd56352682d2a153b9b24ef514397dbf02051f1abeb9122b1\
         404142434445464748494a4b4c4d4e4f\
         df4d80d2cf308e5b215aa64729cd02b7fbb3548639b963e604a9328a1ad3f609\
         72489db6548265129d6dfe3eee88aa436706e7c7eeef0b7aca2d371f58eab8b9",
    );
    assert_eq!(client(POLICY).buffer().to_bytes(), session);
    let channel = Channel::open(&pdh(), certificate.as_bytes(), &session, POLICY, API).unwrap();
    assert_eq!(channel.keys().tek.as_bytes(), &counting(0x20));
    assert_eq!(channel.keys().tik.as_bytes(), &counting(0x30));
    assert_eq!(channel.policy(), POLICY);

    // Step by step.
    let unwrapped =
        Unwrapped::open(&pdh(), &certificate, &SessionBuffer::from_bytes(&session)).unwrap();
    let channel = unwrapped.check_policy(POLICY, API).unwrap();
    assert_eq!(channel.keys().tek.as_bytes(), &counting(0x20));
}

/// Each length, and which one is looked at first.
#[test]
fn lengths() {
    let certificate = certificate(&owner());
    let session = client(POLICY).buffer().to_bytes();
    let long = [session, session].concat();
    for found in (0..128).chain([129, 256]) {
        let error = refused(&[], &long[..found], GuestPolicy(u32::MAX));
        assert_eq!(error, SessionError::Length { found });
        assert_eq!(error.status(), Status::INVALID_LENGTH);
    }
    let long = [&certificate.as_bytes()[..], &[0; 16]].concat();
    for found in [0, 1, 2083, 2085, 2100] {
        let error = refused(&long[..found], &[0xff; 128], GuestPolicy(u32::MAX));
        let length = CertificateError::Length { found, expected: 2084 };
        assert_eq!(error, SessionError::Certificate(length));
        assert_eq!(error.status(), Status::INVALID_LENGTH);
        assert_eq!(
            error.to_string(),
            format!("the peer's certificate: {found} bytes, a certificate has 2084")
        );
    }
}

/// Each word of the certificate that the firmware looks at.
#[test]
fn certificates() {
    let good = certificate(&owner());
    let session = client(POLICY).buffer().to_bytes();
    let wrong = |at: usize, word: u32, expected: CertificateError| {
        let mut bytes = *good.as_bytes();
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        // Before WRAP_MAC and the policy, which are wrong, too.
        for (session, policy) in [(session, POLICY), ([0xff; 128], GuestPolicy(u32::MAX))] {
            let error = refused(&bytes, &session, policy);
            assert_eq!(error, SessionError::Certificate(expected));
            assert_eq!(error.status(), Status::INVALID_CERTIFICATE);
        }
    };
    for found in [0, 2, u32::MAX] {
        wrong(0x000, found, CertificateError::Version { found });
    }
    let usage = |found| CertificateError::Usage { found, expected: Usage::PDH };
    for found in [Usage::OCA, Usage::PEK, Usage::CEK] {
        wrong(0x008, found.0, usage(found));
    }
    let no_key = Usage(0x1005);
    wrong(0x008, 0x1005, CertificateError::Key(KeyError::Usage { found: no_key }));
    let algorithm = |found| CertificateError::Algorithm { found, expected: Algorithm::ECDH_SHA256 };
    for found in [Algorithm::ECDSA_SHA256, Algorithm::ECDSA_SHA384, Algorithm::ECDH_SHA384] {
        wrong(0x00c, found.0, algorithm(found));
    }
    for found in [0, 1, 3] {
        wrong(0x010, found, CertificateError::Key(KeyError::Curve { found }));
    }
    let x = u32::from_le_bytes(good.as_bytes()[0x14..0x18].try_into().unwrap());
    wrong(0x014, x ^ 1, CertificateError::Key(KeyError::Point));
    wrong(0x044, 1, CertificateError::Key(KeyError::Coordinate { number: 'x' }));
    wrong(0x08c, 1, CertificateError::Key(KeyError::Coordinate { number: 'y' }));
    let mut infinity = *good.as_bytes();
    infinity[0x14..0x14 + 144].fill(0);
    let point = SessionError::Certificate(CertificateError::Key(KeyError::Point));
    assert_eq!(refused(&infinity, &session, POLICY), point);

    // API, reserved bytes and signatures are not looked at.
    let mut bytes = *good.as_bytes();
    bytes[0x004..0x008].fill(0xff);
    bytes[0x414..].fill(0xff);
    assert!(Channel::open(&pdh(), &bytes, &session, POLICY, API).is_ok());
}

/// The certificate is another key's, or the platform is another one.
#[test]
fn other_keys() {
    let session = client(POLICY).buffer().to_bytes();
    let other = PrivateKey::from_scalar(&[7; 48]).unwrap();
    let error = refused(certificate(&other).as_bytes(), &session, POLICY);
    assert_eq!((error, error.status()), (SessionError::WrapMac, Status::BAD_MEASUREMENT));
    let found = Channel::open(&other, certificate(&owner()).as_bytes(), &session, POLICY, API);
    assert_eq!(found.unwrap_err(), SessionError::WrapMac);
    // WRAP_MAC comes before the policy, and POLICY_MAC before the version.
    let error = refused(certificate(&other).as_bytes(), &session, GuestPolicy(u32::MAX));
    assert_eq!(error, SessionError::WrapMac);
    let error = refused(certificate(&owner()).as_bytes(), &session, GuestPolicy(u32::MAX));
    assert_eq!(error, SessionError::PolicyMac);
}

#[test]
fn policies() {
    let found = ApiVersion { major: 1, minor: 54 };
    let session = client(POLICY).buffer().to_bytes();
    let open = |session: &[u8], policy, firmware| {
        Channel::open(&pdh(), certificate(&owner()).as_bytes(), session, policy, firmware)
    };
    let error = open(&session, POLICY, found).unwrap_err();
    assert_eq!(error, SessionError::Policy(PolicyError::Api { found, expected: API }));
    assert_eq!(error.status(), Status::POLICY_FAILURE);
    let reserved = GuestPolicy(POLICY.0 | 0x8000);
    let session = client(reserved).buffer().to_bytes();
    let error = open(&session, reserved, API).unwrap_err();
    assert_eq!(error, SessionError::Policy(PolicyError::Reserved { bits: 0x8000 }));
    assert_eq!(error.status(), Status::POLICY_FAILURE);
}

/// Every bit of the session buffer, through all checks.
#[test]
fn changed_bits() {
    let session = client(POLICY).buffer().to_bytes();
    for at in 0..session.len() {
        let mut session = session;
        session[at] ^= 1 << (at % 8);
        let error = refused(certificate(&owner()).as_bytes(), &session, POLICY);
        let expected = match at {
            0x30..0x40 | 0x60.. => SessionError::PolicyMac,
            _ => SessionError::WrapMac,
        };
        assert_eq!((error, error.status()), (expected, Status::BAD_MEASUREMENT), "byte {at}");
    }
}

/// What both ends' keys leave behind: nothing.
#[test]
fn sessions_leave_nothing() {
    fn leaves_nothing<T>(value: T, secret: &[u8]) {
        let (before, after) = dropped(value);
        assert_eq!(longest_stretch(&before, secret), secret.len(), "it was there");
        let what = std::any::type_name::<T>();
        assert!(longest_stretch(&after, secret) < 4, "{what}: {after:02x?}");
    }
    for secret in [counting(0x20), counting(0x30)] {
        let keys: fn(ClientSession) -> TransportKeys = ClientSession::into_keys;
        leaves_nothing(keys(client(POLICY)), &secret);
        leaves_nothing(client(POLICY), &secret);
        leaves_nothing(random(), &secret);
        leaves_nothing(channel(POLICY), &secret);
        let session = client(POLICY);
        let unwrapped = Unwrapped::open(&pdh(), &certificate(&owner()), session.buffer());
        leaves_nothing(unwrapped.unwrap(), &secret);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Any two keys agree, and nobody else.
    #[test]
    fn both_ends(
        keys in any::<[[u8; 32]; 3]>(),
        random in any::<[[u8; 32]; 2]>(),
        policy in any::<u32>().prop_map(|word| GuestPolicy(word & 0x3701_003f)),
    ) {
        let [platform, owner, other] = keys.map(|key| {
            let mut random = [0x5a; 56];
            random[..32].copy_from_slice(&key);
            PrivateKey::from_random(&random)
        });
        let random = SessionRandom::new(random.as_flattened().try_into().unwrap());
        let peer = PdhKey::unauthenticated(&certificate(&platform)).unwrap();
        let client = ClientSession::new(&owner, &peer, policy, &random);
        let session = client.buffer().to_bytes();
        let owner = certificate(&owner);
        let channel = Channel::open(&platform, owner.as_bytes(), &session, policy, API).unwrap();
        prop_assert_eq!(channel.keys().tek.as_bytes(), client.keys().tek.as_bytes());
        prop_assert_eq!(channel.keys().tik.as_bytes(), client.keys().tik.as_bytes());
        if keys[2] != keys[0] {
            let found = Channel::open(&other, owner.as_bytes(), &session, policy, API);
            prop_assert_eq!(found.unwrap_err(), SessionError::WrapMac);
        }
    }
}
