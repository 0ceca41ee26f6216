//! Sessions from Z on; with certificates they are in `tests/legacy`.

use std::format;
use std::string::ToString;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::sev::{ApiVersion, PolicyError};
use crate::status::Status;

const POLICY: GuestPolicy = GuestPolicy(0x3701_0005);
const API: ApiVersion = ApiVersion { major: 1, minor: 55 };
const Z: &str = "938fff5e263b3819f21f47d96ab775fbc5943b7432a41f8500e3b7a03451fea9fd66216674bc3e175016ffb5610cab1a";
const WRAP_TK: &str = "7a87de18f647890bd56352682d2a153b9b24ef514397dbf02051f1abeb9122b1";
const WRAP_MAC: &str = "df4d80d2cf308e5b215aa64729cd02b7fbb3548639b963e604a9328a1ad3f609";
const POLICY_MAC: &str = "72489db6548265129d6dfe3eee88aa436706e7c7eeef0b7aca2d371f58eab8b9";

fn hex<const N: usize>(digits: &str) -> [u8; N] {
    let bytes: Vec<u8> = base16ct::lower::decode_vec(digits).unwrap();
    bytes.try_into().unwrap()
}

/// NONCE, TEK, TIK and WRAP_IV of the worked example.
fn random() -> SessionRandom {
    SessionRandom::new(&core::array::from_fn(|i| 0x10 + i as u8))
}

fn client() -> ClientSession {
    ClientSession::with_z(&hex::<48>(Z), POLICY, &random())
}

fn open(z: &[u8], buffer: &SessionBuffer, policy: GuestPolicy) -> Result<Channel, SessionError> {
    Unwrapped::with_z(z, buffer)?.check_policy(policy, API)
}

#[track_caller]
fn error(z: &[u8], buffer: &SessionBuffer, policy: GuestPolicy) -> SessionError {
    open(z, buffer, policy).expect_err("something is wrong")
}

/// Computed by another implementation, in Python.
#[test]
fn known_answer() {
    let client = client();
    let nonce: [u8; 16] = core::array::from_fn(|i| 0x10 + i as u8);
    let wrap_iv: [u8; 16] = core::array::from_fn(|i| 0x40 + i as u8);
    let expected = SessionBuffer {
        nonce,
        wrap_tk: hex(WRAP_TK),
        wrap_iv,
        wrap_mac: hex(WRAP_MAC),
        policy_mac: hex(POLICY_MAC),
    };
    assert_eq!(client.buffer(), &expected);
    let bytes: Vec<u8> =
        [&nonce[..], &hex::<32>(WRAP_TK), &wrap_iv, &hex::<32>(WRAP_MAC), &hex::<32>(POLICY_MAC)]
            .concat();
    assert_eq!(client.buffer().to_bytes(), bytes[..]);
    assert_eq!(SessionBuffer::from_bytes(&client.buffer().to_bytes()), expected);
    assert_eq!(client.keys().tek.as_bytes(), &core::array::from_fn(|i| 0x20 + i as u8));
    assert_eq!(client.keys().tik.as_bytes(), &core::array::from_fn(|i| 0x30 + i as u8));
    assert_eq!(client.policy(), POLICY);

    let channel = open(&hex::<48>(Z), &expected, POLICY).unwrap();
    assert_eq!(channel.keys().tek.as_bytes(), client.keys().tek.as_bytes());
    assert_eq!(channel.keys().tik.as_bytes(), client.keys().tik.as_bytes());
    assert_eq!(channel.policy(), POLICY);

    let wrapping = WrapKeys::derive(&hex::<48>(Z), &nonce);
    assert_eq!(*wrapping.kek, hex("2a2abbf56865b3a2c890b53bda11609a"));
    assert_eq!(*wrapping.kik, hex("d81d697a676c80fc087e89f1e65e50eb"));
}

/// The tests of the crate `sev` (virtee/sev, `src/session`): everything is zero.
#[test]
fn published() {
    let client = ClientSession::with_z(&[0; 16], GuestPolicy(0), &SessionRandom::new(&[0; 64]));
    let buffer = client.buffer();
    assert_eq!(
        buffer.wrap_tk,
        hex("2137bc7f9bb8bd7c3e55a576a15d3454b3856b8ba27afadf46dcfee9f02c02c4")
    );
    assert_eq!(
        buffer.wrap_mac,
        hex("3176c0752738bd9d5e86689534020f528c088f16238826b000b327dee6aeed7d")
    );
    assert_eq!(
        buffer.policy_mac,
        hex("aa7855e13839dd767cd5da7c1ff5036540c9264b7a803029315e55375287b4af")
    );
}

/// Each bit with the check that finds it: NONCE and WRAP_TK are WRAP_MAC's, WRAP_IV is TEK's and TIK's.
#[test]
fn changed_bits() {
    let bytes = client().buffer().to_bytes();
    for bit in 0..8 * SessionBuffer::LEN {
        let mut bytes = bytes;
        bytes[bit / 8] ^= 1 << (bit % 8);
        let buffer = SessionBuffer::from_bytes(&bytes);
        assert_eq!(buffer.to_bytes(), bytes);
        let expected = match bit / 8 {
            0x00..0x30 | 0x40..0x60 => SessionError::WrapMac,
            _ => SessionError::PolicyMac,
        };
        let found = error(&hex::<48>(Z), &buffer, POLICY);
        assert_eq!(found, expected, "bit {bit}");
        assert_eq!(found.status(), Status::BAD_MEASUREMENT);
        let unwrapped = Unwrapped::with_z(&hex::<48>(Z), &buffer).map(drop);
        assert_eq!(unwrapped.is_ok(), expected == SessionError::PolicyMac);
    }
}

#[test]
fn another_z_or_policy() {
    let buffer = *client().buffer();
    for bit in 0..8 * 48 {
        let mut z = hex::<48>(Z);
        z[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(error(&z, &buffer, POLICY), SessionError::WrapMac);
    }
    for bit in 0..32 {
        let policy = GuestPolicy(POLICY.0 ^ 1 << bit);
        assert_eq!(error(&hex::<48>(Z), &buffer, policy), SessionError::PolicyMac, "bit {bit}");
    }
}

/// What a client asks for and a firmware refuses, and which check comes first.
#[test]
fn policies() {
    let z = hex::<48>(Z);
    let buffer = |policy| *ClientSession::with_z(&z, policy, &random()).buffer();
    let newer = GuestPolicy(0x3801_0040);
    let api = PolicyError::Api { found: API, expected: ApiVersion { major: 1, minor: 56 } };
    assert_eq!(error(&z, &buffer(newer), newer), SessionError::Policy(api));
    assert_eq!(SessionError::Policy(api).status(), Status::POLICY_FAILURE);
    let reserved = GuestPolicy(0x3701_0040);
    let bits = SessionError::Policy(PolicyError::Reserved { bits: 0x40 });
    assert_eq!(error(&z, &buffer(reserved), reserved), bits);
    assert_eq!(bits.status(), Status::POLICY_FAILURE);

    // WRAP_MAC, POLICY_MAC, version, reserved bits.
    let mut wrong = buffer(newer);
    wrong.policy_mac[31] ^= 1;
    assert_eq!(error(&z, &wrong, newer), SessionError::PolicyMac);
    wrong.wrap_mac[31] ^= 1;
    assert_eq!(error(&z, &wrong, newer), SessionError::WrapMac);
}

#[test]
fn without_session() {
    // Nothing is checked: neither version nor reserved bits.
    let channel = Channel::without_session(GuestPolicy(u32::MAX));
    assert_eq!(channel.policy(), GuestPolicy(u32::MAX));
    assert_eq!(channel.keys().tek.as_bytes(), &[0; 16]);
    assert_eq!(channel.keys().tik.as_bytes(), &[0; 16]);
}

#[test]
fn kept_sessions() {
    let keys = || client().into_keys();
    let buffer = *client().buffer();
    let restored = ClientSession::restore(buffer, keys(), POLICY).unwrap();
    assert_eq!((restored.buffer(), restored.policy()), (&buffer, POLICY));
    let refused = |buffer, keys, policy| {
        assert_eq!(ClientSession::restore(buffer, keys, policy).unwrap_err(), OtherSession);
    };
    refused(buffer, keys(), GuestPolicy(POLICY.0 ^ 1));
    refused(buffer, TransportKeys { tik: Tik::new(&[0x30; 16]), ..keys() }, POLICY);
    let mut other = buffer;
    other.policy_mac[0] ^= 1;
    refused(other, keys(), POLICY);
    assert_eq!(
        OtherSession.to_string(),
        "the session buffer's POLICY_MAC is not that of this policy and TIK"
    );
}

#[test]
fn nothing_secret_is_printed() {
    let text = format!("{:?} {:?}", client(), random());
    assert!(text.contains("TransportKeys { tek: Tek(..), tik: Tik(..) }"), "{text}");
    assert!(text.ends_with("SessionRandom(..)"), "{text}");
    let unwrapped = Unwrapped::with_z(&hex::<48>(Z), client().buffer()).unwrap();
    assert!(!format!("{unwrapped:?}").contains("0x20, 0x21"));
}

#[test]
fn messages() {
    for (error, text) in [
        (SessionError::Length { found: 127 }, "the session buffer has 127 bytes, expected 128"),
        (SessionError::WrapMac, "WRAP_MAC is not that of WRAP_TK in this session"),
        (SessionError::PolicyMac, "POLICY_MAC is not that of the policy in this session"),
        (
            SessionError::Policy(PolicyError::Reserved { bits: 0x80 }),
            "reserved bits 0x80 of the policy are set, expected 0",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(SessionError::Length { found: 0 }.status(), Status::INVALID_LENGTH);
}

proptest! {
    #[test]
    fn there_and_back(
        z in any::<[u8; 48]>(),
        random in any::<[u8; 64]>(),
        policy in any::<u32>().prop_map(|word| GuestPolicy(word & 0x3701_003f)),
    ) {
        let client = ClientSession::with_z(&z, policy, &SessionRandom::new(&random));
        let buffer = SessionBuffer::from_bytes(&client.buffer().to_bytes());
        let channel = open(&z, &buffer, policy).unwrap();
        prop_assert_eq!(channel.keys().tek.as_bytes(), &random[16..32]);
        prop_assert_eq!(channel.keys().tik.as_bytes(), &random[32..48]);
        prop_assert!(!buffer.to_bytes().windows(16).any(|w| w == &random[16..32] || w == &random[32..48]));
    }

    /// No bytes that a client did not make are a session.
    #[test]
    fn any_bytes(bytes in any::<[u8; 32]>(), rest in any::<[[u8; 32]; 3]>()) {
        let all: [u8; 128] = [&bytes[..], rest.as_flattened()].concat().try_into().unwrap();
        let found = Unwrapped::with_z(&[7; 48], &SessionBuffer::from_bytes(&all)).map(drop);
        prop_assert_eq!(found, Err(SessionError::WrapMac));
    }
}
