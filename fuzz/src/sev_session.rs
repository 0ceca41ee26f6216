//! Sessions, packets, tables of secrets and attestation reports of SEV and SEV-ES. The keys are fixed, and known here only.

use std::sync::LazyLock;

use sevcrypt::ecdh::PrivateKey;
use sevcrypt::ecdsa::SigningKey;
use sevcrypt::sev::cert::{Certificate, PdhKey};
use sevcrypt::sev::launch::{Attested, LaunchError, Loading, Measured, SecretTable};
use sevcrypt::sev::packet::{self, PacketHeader, PacketIv};
use sevcrypt::sev::report::{AttestationReport, Expected};
use sevcrypt::sev::session::{Channel, ClientSession, SessionBuffer, SessionError, SessionRandom};
use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
use sevcrypt::{Backend, Status};

use crate::check_error;

const FIRMWARE: FirmwareVersion =
    FirmwareVersion { api: ApiVersion { major: 1, minor: 55 }, build: 25 };

static PDH: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_random(&[0x5a; 56]));
static OWNER: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_random(&[0x3c; 56]));

fn certificate(key: &PrivateKey) -> Certificate {
    Certificate::of_ecdh_key(&key.public_key(), FIRMWARE.api)
}

fn client(policy: GuestPolicy) -> ClientSession {
    let platform = PdhKey::unauthenticated(&certificate(&PDH)).expect("a certificate");
    ClientSession::new(&OWNER, &platform, policy, &SessionRandom::new(&[0x77; 64]))
}

/// Cuts bytes off, as many as there are.
fn take<'a>(data: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (first, rest) = data.split_at(len.min(data.len()));
    *data = rest;
    first
}

/// Bytes of a fixed length, filled up with zeros.
fn filled<const N: usize>(data: &mut &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    let some = take(data, N);
    bytes[..some.len()].copy_from_slice(some);
    bytes
}

/// `sev::session`: a policy, a session buffer and a certificate as they are, then as changes of what a client has made.
pub fn sev_session(data: &[u8]) {
    let mut rest = data;
    let policy = GuestPolicy(u32::from_le_bytes(filled(&mut rest)));
    let changes = rest;
    let buffer = take(&mut rest, SessionBuffer::LEN);
    match Channel::open(&PDH, rest, buffer, policy, FIRMWARE.api) {
        Ok(_) => panic!("nobody has made this session"),
        Err(error) => check_session(error),
    }

    // A policy that the firmware takes, so that what it refuses is changed.
    let policy = GuestPolicy(policy.0 & 0x0001_003f);
    let client = client(policy);
    let (made, own) = (client.buffer().to_bytes(), certificate(&OWNER));
    let mut rest = changes;
    let buffer = changed(&made, &mut rest);
    let peer = changed(own.as_bytes(), &mut rest);
    match Channel::open(&PDH, &peer, &buffer, policy, FIRMWARE.api) {
        Ok(channel) => {
            assert_eq!(buffer, made, "a changed session");
            assert_eq!(channel.keys().tek.as_bytes(), client.keys().tek.as_bytes());
            assert_eq!(channel.keys().tik.as_bytes(), client.keys().tik.as_bytes());
        }
        Err(error) => {
            check_session(error);
            let is_same = |range: std::ops::Range<usize>| buffer[range.clone()] == made[range];
            match error {
                SessionError::PolicyMac => assert!(!is_same(0x30..0x40) || !is_same(0x60..0x80)),
                SessionError::WrapMac | SessionError::Certificate(_) => {
                    // What the firmware looks at: the session, or version, usage, algorithm and key.
                    let is_same_key = peer[..4] == own.as_bytes()[..4]
                        && peer[8..0xa4] == own.as_bytes()[8..0xa4];
                    assert!(!is_same(0x00..0x30) || !is_same(0x40..0x60) || !is_same_key);
                }
                other => panic!("{other}"),
            }
        }
    }
}

/// Bytes with changes: as many as the data has.
fn changed<const N: usize>(bytes: &[u8; N], data: &mut &[u8]) -> [u8; N] {
    let changes: [u8; N] = filled(data);
    std::array::from_fn(|i| bytes[i] ^ changes[i])
}

fn check_session(error: SessionError) {
    check_error(&error);
    let status = error.status();
    let expected = [
        Status::INVALID_LENGTH,
        Status::INVALID_CERTIFICATE,
        Status::BAD_MEASUREMENT,
        Status::POLICY_FAILURE,
    ];
    assert!(expected.contains(&status), "{status}");
}

/// A guest that waits for secrets, and its owner.
fn measured() -> (Attested, Measured) {
    let client = client(GuestPolicy(1));
    let session = client.buffer().to_bytes();
    let own = certificate(&OWNER);
    let channel =
        Channel::open(&PDH, own.as_bytes(), &session, client.policy(), FIRMWARE.api).expect("open");
    let (measurement, guest) =
        Loading::start(channel).measure(FIRMWARE, &[0x11; 16], Backend::best());
    let attested = Attested::check(client, FIRMWARE, guest.digest(), &measurement, Backend::best());
    (attested.expect("its measurement"), guest)
}

/// `sev::packet`, `sev::launch`, `sev::report`: a header, GUEST_LENGTH and a packet; a secret with an IV and the bit that is
/// changed; a table of secrets; an attestation report.
pub fn sev_packet(data: &[u8]) {
    let (attested, guest) = measured();

    let mut rest = data;
    let header = take(&mut rest, PacketHeader::LEN);
    let guest_length = u32::from_le_bytes(filled(&mut rest));
    let mut packet = rest.to_vec();
    let error = guest.open_secret_command(header, guest_length, &mut packet);
    let error = error.expect_err("nobody has sealed this");
    check_error(&error);
    let are_lengths = header.len() == PacketHeader::LEN
        && guest_length as usize == rest.len()
        && (16..=packet::MAX_LEN).contains(&rest.len())
        && rest.len().is_multiple_of(16);
    assert_eq!(error == LaunchError::SecretMac, are_lengths, "{error}");
    assert_eq!(packet, rest);
    if let Some(header) = header.first_chunk() {
        assert_eq!(PacketHeader::from_bytes(header).to_bytes(), *header);
    }

    let mut rest = data;
    let (iv, bit) = (filled(&mut rest), u16::from_le_bytes(filled(&mut rest)));
    let mut plain = take(&mut rest, packet::MAX_LEN).to_vec();
    plain.resize(plain.len().next_multiple_of(16).max(16), 0);
    let mut packet = plain.clone();
    let header = attested
        .seal_secret(PacketIv::from_random(iv), &mut packet)
        .expect("its length")
        .to_bytes();
    let mut wrong = [&header[..], &packet].concat();
    let bit = usize::from(bit) % (8 * wrong.len());
    wrong[bit / 8] ^= 1 << (bit % 8);
    let (wrong_header, wrong) = wrong.split_at_mut(PacketHeader::LEN);
    let before = wrong.to_vec();
    let found = guest.open_secret_command(wrong_header, before.len() as u32, wrong);
    assert_eq!(found, Err(LaunchError::SecretMac));
    assert_eq!(wrong, before);
    guest.open_secret(&PacketHeader::from_bytes(&header), &mut packet).expect("its MAC");
    assert_eq!(packet, plain);

    table(data);
    report(data);
}

/// What is read can be written, and is the same again.
fn table(data: &[u8]) {
    let table = match SecretTable::parse(data) {
        Ok(table) => table,
        Err(error) => return check_error(&error),
    };
    let entries: Vec<_> = table.entries().collect();
    let len = SecretTable::len_of(&entries).expect("it was not too long");
    let mut written = vec![0xee; len];
    match SecretTable::write(&entries, &mut written) {
        Ok(()) => {
            let all: usize = 20 + entries.iter().map(|(_, data)| 20 + data.len()).sum::<usize>();
            assert_eq!(written[..all], data[..all]);
            assert!(written[all..].iter().all(|byte| *byte == 0));
            assert!(entries.iter().all(|(guid, data)| table.get(*guid) == Some(data)));
        }
        // Where a guest has deleted a secret.
        Err(error) => {
            check_error(&error);
            assert!(entries.iter().any(|(guid, _)| guid.bytes() == [0; 16]));
        }
    }
}

fn report(data: &[u8]) {
    static PEK: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_random(&[0x69; 56]));
    let report = AttestationReport::from_bytes(&filled(&mut &data[..]));
    let pek = PEK.verifying_key();
    let error = report.verify_vartime(&pek).expect_err("nobody has signed this");
    check_error(&error);

    // The same, signed.
    let expected =
        Expected { mnonce: report.mnonce(), digest: report.digest(), policy: report.policy() };
    let signed = AttestationReport::sign(expected.mnonce, expected.digest, expected.policy, &*PEK);
    let signed = signed.expect("it signs");
    signed.judge_vartime(&pek, &expected).expect("it is what it says");
    assert_eq!(signed.as_bytes()[..0x34], report.as_bytes()[..0x34]);
}
