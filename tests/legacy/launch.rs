//! Launches from session to report, and what other tools have published.

use std::fs;
use std::hint::black_box;

use proptest::prelude::*;
use serde_json::Value;
use sevcrypt::ecdsa::SigningKey;
use sevcrypt::image::{Generation, Launch, Ovmf, Profile, VcpuType};
use sevcrypt::sev::cert::Trust;
use sevcrypt::sev::launch::{
    Attested, LaunchDigest, LaunchError, Loading, Measured, Measurement, MeasurementError,
    MeasurementInput, SecretTable, measure,
};
use sevcrypt::sev::packet::{PacketHeader, PacketIv};
use sevcrypt::sev::report::{Expected, ReportError};
use sevcrypt::sev::session::{SessionRandom, Tek, Tik, TransportKeys};
use sevcrypt::sev::transport::{Receiver, Receiving, Sender, Sending};
use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
use sevcrypt::{Backend, Guid, Hex, Status};

use crate::dropped::dropped;
use crate::folder::folder;
use crate::session::{API, POLICY, certificate, channel, client, owner, pdh};
use crate::{bytes, counting};

const FIRMWARE: FirmwareVersion = FirmwareVersion { api: API, build: 25 };

fn page() -> [u8; 4096] {
    std::array::from_fn(|i| i as u8)
}

/// The worked example's launch.
fn measured(backend: Backend) -> (Measurement, Measured) {
    let mut guest = Loading::start(channel(POLICY));
    guest.update_data(&page()).unwrap();
    guest.update_data(&page()[..64]).unwrap();
    guest.measure(FIRMWARE, &counting(0x50), backend)
}

/// From the session to the report of the running guest.
#[test]
fn life_of_a_guest() {
    let pek = SigningKey::from_scalar(&bytes(
        "bdd68b61a529be1ca5f72cf122d949d1c28af6e7522f16a92b4e8ef5cb64bc79741df7e1fdc9a816b04e9b9edb5b40fc",
    ))
    .unwrap();
    for backend in Backend::available() {
        let (measurement, guest) = measured(backend);
        assert_eq!(
            Hex(&measurement.to_bytes()).to_string(),
            "1dfc044414d5145df3ec98db2041fce70b310496db49ebfbf74fc49e48a7faa1\
             505152535455565758595a5b5c5d5e5f"
        );
        let mut digest = LaunchDigest::new();
        digest.update_data(&[&page()[..], &page()[..64]].concat()).unwrap();
        let digest = digest.digest();
        let session = client(POLICY);
        let attested = Attested::check(session, FIRMWARE, &digest, &measurement, backend).unwrap();

        let mut secret = *b"0123456789abcdefSECRET-SECRET-32";
        let header =
            attested.seal_secret(PacketIv::from_random(counting(0x60)), &mut secret).unwrap();
        assert_eq!(
            Hex(&[&header.to_bytes()[..], &secret].concat()).to_string(),
            "00000000606162636465666768696a6b6c6d6e6f\
             23a82eb4984541c3827fddef7bec8b50e185dc6b21a669e5007acd74cdd4dd0f\
             1633c0c391b9cde6f52377adbaef8b5422c494ca4c3dedd5882d358663fe9c88"
        );
        guest.open_secret(&header, &mut secret).unwrap();
        assert_eq!(&secret, b"0123456789abcdefSECRET-SECRET-32");

        let (mnonce, pek_key) = (counting(0x50), pek.verifying_key());
        let expected = Expected { mnonce: &mnonce, digest: &digest, policy: POLICY };
        let early = guest.attest(&mnonce, &pek).unwrap();
        early.judge_vartime(&pek_key, &expected).unwrap();
        let guest = guest.finish();
        assert_eq!(guest.attest(&mnonce, &pek).unwrap(), early);
        let newer = guest.attest(&[9; 16], &pek).unwrap();
        assert_eq!(newer.judge_vartime(&pek_key, &expected), Err(ReportError::Mnonce));
    }
}

/// A host that loads something else gets no secrets, also if it knows what should have been loaded.
#[test]
fn another_guest() {
    let mut guest = Loading::start(channel(POLICY));
    guest.update_data(&page()).unwrap();
    guest.update_data(&page()[..80]).unwrap();
    let (wrong, guest) = guest.measure(FIRMWARE, &counting(0x50), Backend::best());
    let (right, _) = measured(Backend::best());
    let digest = bytes("d35340b57032d6b88d70e03567857ab00024d096b39b20c392dd1c6a67669b52");
    let found = Attested::check(client(POLICY), FIRMWARE, &digest, &wrong, Backend::best());
    assert_eq!(found.unwrap_err(), MeasurementError);
    // A secret for the right measurement does not open in the other guest.
    let attested =
        Attested::check(client(POLICY), FIRMWARE, &digest, &right, Backend::best()).unwrap();
    let mut secret = [0x77; 16];
    let header = attested.seal_secret(PacketIv::from_random([1; 16]), &mut secret).unwrap();
    let before = secret;
    let error = guest.open_secret(&header, &mut secret).unwrap_err();
    assert_eq!((error, error.status()), (LaunchError::SecretMac, Status::BAD_MEASUREMENT));
    assert_eq!(secret, before);
}

/// A guest without a session: its measurement is under a TIK of zeros, which is what it is worth.
#[test]
fn without_a_session() {
    let mut guest = Loading::start_without_session(POLICY);
    guest.update_data(&page()).unwrap();
    guest.update_data(&page()[..64]).unwrap();
    let (measurement, _) = guest.measure(FIRMWARE, &counting(0x50), Backend::best());
    assert_eq!(
        Hex(&measurement.measure).to_string(),
        "7f184e59d91d92a1b092841eef7814d02a726deb10da8a7d7c8c99b236065918"
    );
    let digest = bytes("d35340b57032d6b88d70e03567857ab00024d096b39b20c392dd1c6a67669b52");
    let found = Attested::check(client(POLICY), FIRMWARE, &digest, &measurement, Backend::best());
    assert_eq!(found.unwrap_err(), MeasurementError);
}

/// Leaves a byte that is not zero wherever the next calls do not write, as earlier keys would.
#[inline(never)]
fn paint() {
    black_box([0xa5_u8; 1 << 16]);
}

/// Of what a call on a painted stack makes.
#[inline(never)]
fn leaves_nothing<T>(make: impl FnOnce() -> T, backend: Backend) {
    paint();
    let (before, after) = dropped(make());
    let what = format!("{} on {backend}", std::any::type_name::<T>());
    let written = before.iter().filter(|byte| **byte != 0).count();
    assert!(written > 250, "{what}: there were round keys and states of HMAC");
    assert!(after.iter().all(|byte| *byte == 0), "{what}: {after:02x?}");
}

/// A guest that is sent to a platform whose key is everyone's.
fn sending(backend: Backend) -> Sending {
    let oca = certificate(&owner());
    let receiver = Receiver { pdh: oca.as_bytes(), platform: &[], amd: &[] };
    let sender = Sender { pdh: &pdh(), oca: &oca, trust: Trust::amd() };
    let (guest, random) = (measured(backend).1.finish(), SessionRandom::new(&[0x5c; 64]));
    guest.send_start(&receiver, &sender, &random, backend).unwrap().0
}

#[test]
fn channels_leave_nothing() {
    for backend in Backend::available() {
        let attested = || {
            let (measurement, guest) = measured(backend);
            Attested::check(client(POLICY), FIRMWARE, guest.digest(), &measurement, backend)
        };
        leaves_nothing(|| attested().unwrap(), backend);
        leaves_nothing(|| measured(backend).1, backend);
        leaves_nothing(|| sending(backend), backend);
        leaves_nothing(|| Receiving::start(channel(POLICY), backend), backend);
    }
}

/// ATTESTATION in each state that has it: all reports are the same.
#[test]
fn reports_of_every_state() {
    let pek = SigningKey::from_random(&[7; 56]);
    let mnonce = counting(0x50);
    let (_, guest) = measured(Backend::best());
    let digest = *guest.digest();
    let expected = Expected { mnonce: &mnonce, digest: &digest, policy: POLICY };
    let report = guest.attest(&mnonce, &pek).unwrap();
    report.judge_vartime(&pek.verifying_key(), &expected).unwrap();
    assert_eq!(guest.finish().attest(&mnonce, &pek).unwrap(), report);
    let guest = sending(Backend::best());
    assert_eq!((guest.policy(), guest.digest()), (POLICY, &digest));
    assert_eq!(guest.attest(&mnonce, &pek).unwrap(), report);
    let guest = guest.finish();
    assert_eq!((guest.policy(), guest.digest()), (POLICY, &digest));
    assert_eq!(guest.attest(&mnonce, &pek).unwrap(), report);
    let guest = sending(Backend::best()).cancel();
    assert_eq!(guest.attest(&mnonce, &pek).unwrap(), report);
}

fn json(test: &str, file: &str) -> Option<Value> {
    let text = fs::read(folder(test)?.join("legacy").join(file)).expect("a real vector");
    Some(serde_json::from_slice(&text).expect("JSON"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}"))
}

fn number(value: &Value, key: &str) -> u32 {
    let number = value[key].as_u64().unwrap_or_else(|| panic!("{key} in {value}"));
    number.try_into().expect("a small number")
}

/// Base64, for the files of other tools.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |byte: &u8| DIGITS.iter().position(|digit| digit == byte).expect("a digit");
    let digits: Vec<usize> = text.trim_end_matches('=').as_bytes().iter().map(digit).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let number =
            four.iter().fold(0, |number, digit| number << 6 | digit) << (6 * (4 - four.len()));
        let bytes = (number as u32).to_be_bytes();
        bytes[1..four.len()].to_vec()
    });
    bytes.collect()
}

fn version(value: &Value) -> FirmwareVersion {
    let part = |key| number(value, key).try_into().expect("a byte");
    let api = ApiVersion { major: part("api_major"), minor: part("api_minor") };
    FirmwareVersion { api, build: part("build_id") }
}

#[test]
fn sev_tool_measurement() {
    let Some(case) = json("sev_tool_measurement", "sev_tool_launch_measure.json") else { return };
    let input = MeasurementInput {
        firmware: version(&case),
        policy: GuestPolicy(number(&case, "policy")),
        digest: bytes(text(&case, "digest")),
        mnonce: bytes(text(&case, "mnonce")),
    };
    let found = input.measure(&Tik::new(&bytes(text(&case, "tik"))));
    assert_eq!(Hex(&found.measure).to_string(), text(&case, "expected"));
}

#[test]
fn sevctl_measurements() {
    let Some(file) = json("sevctl_measurements", "sevctl_launch_measure.json") else { return };
    let Some(folder) = folder("sevctl_measurements") else { return };
    let common = &file["std"];
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let digest = match case["launch_digest_b64"].as_str() {
            Some(digest) => base64(digest).try_into().unwrap(),
            None => {
                let image =
                    fs::read(folder.join("measurement").join(text(case, "firmware"))).unwrap();
                let mut digest = LaunchDigest::new();
                digest.update_data(&image).unwrap();
                let digest = digest.digest();
                // The same through the launch of the image.
                let cpu = VcpuType::by_name("EPYC").unwrap().signature();
                let image = Ovmf::parse(&image).unwrap();
                let launch = Launch::new(image, cpu, &Profile::QEMU_LEGACY_VM_TYPE);
                assert_eq!(measure(&launch, Generation::Sev, &mut |_| ()).unwrap(), digest);
                digest
            }
        };
        let input = MeasurementInput {
            firmware: version(common),
            policy: GuestPolicy(number(common, "policy")),
            digest,
            mnonce: base64(text(common, "nonce_b64")).try_into().unwrap(),
        };
        let found = input.measure(&Tik::new(&bytes(text(common, "tik_hex"))));
        let expected = base64(text(case, "expected_b64"));
        assert_eq!(found.to_bytes()[..], expected, "{}", text(case, "name"));
    }
}

#[test]
fn sevctl_secret() {
    let Some(case) = json("sevctl_secret", "sevctl_secret_packet.json") else { return };
    let keys = TransportKeys {
        tek: Tek::new(&bytes(text(&case, "tek_hex"))),
        tik: Tik::new(&bytes(text(&case, "tik_hex"))),
    };
    let measurement: [u8; 48] = base64(text(&case, "launch_measure_blob_b64")).try_into().unwrap();
    let measurement = Measurement::from_bytes(&measurement);
    let secrets: Vec<(Guid, Vec<u8>)> = case["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|secret| {
            let data = base16ct::lower::decode_vec(text(secret, "data_hex")).unwrap();
            (Guid::new(bytes(&text(secret, "guid").replace('-', ""))), data)
        })
        .collect();
    assert_eq!(secrets[0].0, SecretTable::DISK_PASSPHRASE);
    let entries: Vec<_> = secrets.iter().map(|(guid, data)| (*guid, &data[..])).collect();
    let mut packet = vec![0xee; SecretTable::len_of(&entries).unwrap()];
    SecretTable::write(&entries, &mut packet).unwrap();

    let attested = Attested::assume(&keys, &measurement, Backend::best());
    let iv = base64(text(&case, "iv_b64")).try_into().unwrap();
    let header = attested.seal_secret(PacketIv::from_random(iv), &mut packet).unwrap();
    assert_eq!(header.to_bytes()[..], base64(text(&case, "expected_header_b64")));
    assert_eq!(packet, base64(text(&case, "expected_payload_b64")));
}

#[test]
fn base64_is_base64() {
    assert_eq!(base64("AAECAwQ="), [0, 1, 2, 3, 4]);
    assert_eq!(base64("/+8="), [0xff, 0xef]);
    assert_eq!(base64("YWJj"), b"abc");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever is loaded: both ends agree on the measurement, and on secrets.
    #[test]
    fn both_ends(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<[u8; 16]>(), 1..8), 0..4),
        secret in proptest::collection::vec(any::<[u8; 16]>(), 1..40),
        mnonce in any::<[u8; 16]>(),
        iv in any::<[u8; 16]>(),
        flip in any::<prop::sample::Index>(),
    ) {
        let mut guest = Loading::start(channel(POLICY));
        let mut digest = LaunchDigest::new();
        for piece in &pieces {
            guest.update_data(piece.as_flattened()).unwrap();
            digest.update_data(piece.as_flattened()).unwrap();
        }
        guest.update_vmsa(&page()).unwrap();
        digest.update_vmsa(&page());
        let (measurement, guest) = guest.measure(FIRMWARE, &mnonce, Backend::best());
        let attested = Attested::check(
            client(POLICY),
            FIRMWARE,
            &digest.digest(),
            &Measurement::from_bytes(&measurement.to_bytes()),
            Backend::best(),
        )
        .unwrap();
        let plain = secret.as_flattened();
        let mut packet = plain.to_vec();
        let header = attested.seal_secret(PacketIv::from_random(iv), &mut packet).unwrap().to_bytes();

        let mut changed = [&header[..], &packet].concat();
        let bit = flip.index(8 * changed.len());
        changed[bit / 8] ^= 1 << (bit % 8);
        let (wrong_header, wrong) = changed.split_at_mut(PacketHeader::LEN);
        let before = wrong.to_vec();
        let found = guest.open_secret_command(wrong_header, before.len() as u32, wrong);
        prop_assert_eq!(found, Err(LaunchError::SecretMac));
        prop_assert_eq!(wrong, before);

        guest.open_secret_command(&header, packet.len() as u32, &mut packet).unwrap();
        prop_assert_eq!(packet, plain);
    }
}
