//! SEV with random inputs: our platform and owner, and the client and the checks of the crate `sev`, version 7.

#![allow(missing_docs, reason = "tests")]

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use sev_openssl::certs::sev::sev::{Certificate as TheirCertificate, Usage as TheirUsage};
use sev_openssl::certs::sev::{Chain, Signer, Verifiable, ca, sev as platform};
use sev_openssl::firmware::host::{Build, LegacyAttestationReport, Version};
use sev_openssl::launch::sev::{HeaderFlags, Measurement as TheirMeasurement, Policy, PolicyFlags};
use sev_openssl::parser::{Decoder, Encoder};
use sev_openssl::session::Session;
use sevcrypt::Backend;
use sevcrypt::ecdsa::SigningKey;
use sevcrypt::sev::cert::{
    AmdCertificate, Certificate, CertificateError, PlatformCertificates, Trust, Usage, verify,
};
use sevcrypt::sev::keys::{ChipUniqueKey, PlatformKeys, PlatformRandom};
use sevcrypt::sev::launch::{Attested, LaunchDigest, Loading};
use sevcrypt::sev::packet::PacketIv;
use sevcrypt::sev::report::AttestationReport;
use sevcrypt::sev::session::{Channel, SessionBuffer, Tek, Tik, TransportKeys};
use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};

/// `None` if they do not even read it.
fn theirs(certificate: &Certificate) -> Option<TheirCertificate> {
    TheirCertificate::decode(&mut &certificate.as_bytes()[..], ()).ok()
}

fn ours(certificate: &TheirCertificate) -> Certificate {
    let mut bytes = Vec::new();
    certificate.encode(&mut bytes, ()).unwrap();
    Certificate::parse(&bytes).unwrap()
}

/// A file of vectors/sev: the test CA of the chip whose secret is 00 01 .. 1f.
fn made(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/sev");
    fs::read(folder.join(name)).unwrap()
}

/// That chip's platform with random keys.
fn keys(random: &[u8]) -> PlatformKeys {
    let chip = ChipUniqueKey::new(&std::array::from_fn(|i| i as u8));
    let random = PlatformRandom::new(random.try_into().unwrap());
    PlatformKeys::generate(&chip, ApiVersion { major: 1, minor: 55 }, &random).unwrap()
}

/// The platform's certificates, the CEK's with its CA's signature.
fn certificates(keys: &PlatformKeys) -> PlatformCertificates {
    let cek = Certificate::parse(&made("cek.cert")).unwrap();
    PlatformCertificates { cek, ..keys.certificates().clone() }
}

fn chain(certificates: &PlatformCertificates) -> Option<Chain> {
    let PlatformCertificates { pdh, pek, oca, cek } = certificates;
    let [pdh, pek, oca, cek] = [theirs(pdh)?, theirs(pek)?, theirs(oca)?, theirs(cek)?];
    let amd = |name: &str| ca::Certificate::decode(&mut &made(name)[..], ()).unwrap();
    Some(Chain {
        ca: ca::Chain { ask: amd("ask.cert"), ark: amd("ark.cert") },
        sev: platform::Chain { pdh, pek, oca, cek },
    })
}

/// Whether both take a platform's chain.
fn verdicts(certificates: &PlatformCertificates) -> [bool; 2] {
    let (ask, ark) = (made("ask.cert"), made("ark.cert"));
    let [ask, ark] = [&ask, &ark].map(|bytes| AmdCertificate::parse(bytes).unwrap().0);
    let amd = sevcrypt::sev::cert::AmdCertificates { ask: Some(ask), ark: Some(ark) };
    let roots = [ark];
    let ours = verify(certificates, amd, &Trust::amd().with_roots(&roots)).is_ok();
    [ours, chain(certificates).is_some_and(|chain| chain.verify().is_ok())]
}

/// A signature's r and s as DER, and zeros. They read a report's signature as that, which no firmware writes.
fn der(fields: &[u8; 144]) -> [u8; 144] {
    let integer = |field: &[u8]| {
        let number: Vec<u8> = field.iter().rev().copied().skip_while(|byte| *byte == 0).collect();
        let sign: &[u8] = if number[0] < 0x80 { &[] } else { &[0] };
        [&[2, (sign.len() + number.len()) as u8][..], sign, &number].concat()
    };
    let (r, s) = fields.split_at(72);
    let numbers = [integer(r), integer(s)].concat();
    let mut sequence = [&[0x30, numbers.len() as u8][..], &numbers].concat();
    sequence.resize(144, 0);
    sequence.try_into().unwrap()
}

fn bytes<const N: usize>() -> impl Strategy<Value = [u8; N]> {
    vec(any::<u8>(), N).prop_map(|bytes| bytes.try_into().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Their client opens a session with our firmware, checks our measurement, and sends a secret.
    #[test]
    fn their_client_with_our_firmware(
        random in vec(any::<u8>(), 168),
        flags in 0..64_u16,
        build in 0..=255_u8,
        pieces in vec((1..40_usize, any::<u8>()), 1..6),
        mnonce in bytes::<16>(),
        secret in (1..=64_usize).prop_flat_map(|blocks| vec(any::<u8>(), 16 * blocks)),
        bit in 0..256_usize,
    ) {
        let keys = keys(&random);
        let certificates = certificates(&keys);
        let version = Version { major: 1, minor: 55 };
        let policy = Policy { flags: PolicyFlags::from_bits_retain(flags), minfw: version };
        let session = Session::try_from(policy).unwrap();
        let start = session.start(chain(&certificates).unwrap()).unwrap();

        let policy = GuestPolicy(0x3701_0000 | u32::from(flags));
        let firmware = FirmwareVersion { api: keys.certificates().pek.api(), build };
        let buffer = SessionBuffer {
            nonce: start.session.nonce,
            wrap_tk: start.session.wrap_tk,
            wrap_iv: start.session.wrap_iv,
            wrap_mac: start.session.wrap_mac,
            policy_mac: start.session.policy_mac,
        };
        let peer = ours(&start.cert);
        let open = |policy| {
            Channel::open(keys.pdh(), peer.as_bytes(), &buffer.to_bytes(), policy, firmware.api)
        };
        prop_assert!(open(GuestPolicy(policy.0 ^ 1)).is_err());
        let channel = open(policy).unwrap();
        prop_assert_eq!(&channel.keys().tek.as_bytes()[..], &session.tek[..]);
        prop_assert_eq!(&channel.keys().tik.as_bytes()[..], &session.tik[..]);
        let tek: [u8; 16] = session.tek[..].try_into().unwrap();
        let tik: [u8; 16] = session.tik[..].try_into().unwrap();
        let transport = TransportKeys { tek: Tek::new(&tek), tik: Tik::new(&tik) };

        let mut guest = Loading::start(channel);
        let mut measuring = session.measure().unwrap();
        let mut digest = LaunchDigest::new();
        for (blocks, byte) in pieces {
            let piece = vec![byte; 16 * blocks];
            guest.update_data(&piece).unwrap();
            measuring.update_data(&piece).unwrap();
            digest.update_data(&piece).unwrap();
        }
        let (measurement, guest) = guest.measure(firmware, &mnonce, Backend::best());
        let said = TheirMeasurement { measure: measurement.measure, mnonce };
        let build = Build { version, build };
        let verified = measuring.verify(build, said).unwrap();

        let packet = verified.secret(HeaderFlags::default(), &secret).unwrap();
        let their_header = [
            &packet.header.flags.bits().to_le_bytes()[..],
            &packet.header.iv,
            &packet.header.mac,
        ];
        // Ours is the same, under the same IV.
        let attested = Attested::assume(&transport, &measurement, Backend::best());
        let mut sealed = secret.clone();
        let iv = PacketIv::from_random(packet.header.iv);
        let of_ours = attested.seal_secret(iv, &mut sealed).unwrap();
        prop_assert_eq!(&of_ours.to_bytes()[..], &their_header.concat()[..]);
        prop_assert_eq!(&sealed, &packet.ciphertext);
        let mut changed = sealed.clone();
        changed[bit % sealed.len()] ^= 1;
        prop_assert!(guest.open_secret(&of_ours, &mut changed).is_err());
        let mut opened = packet.ciphertext;
        guest.open_secret(&of_ours, &mut opened).unwrap();
        prop_assert_eq!(opened, secret);
    }

    /// A platform's chain: both take it, and neither with a bit changed of what is signed or of a signature.
    #[test]
    fn chains(random in vec(any::<u8>(), 168), which in 0..4_usize, at in 0..1400_usize, bit in 0..8) {
        let certificates = certificates(&keys(&random));
        prop_assert_eq!(verdicts(&certificates), [true, true]);
        let mut bytes = certificates.to_bytes();
        // Usage and algorithm of the slots, padding of keys and of signatures: it depends on the reader what is told of these.
        let at = match at {
            0..1044 => at,
            at => 0x41c + (at - 1044) % 48,
        };
        bytes[which * Certificate::LEN + at] ^= 1_u8 << bit;
        prop_assert_eq!(verdicts(&PlatformCertificates::from_bytes(&bytes)), [false, false]);
    }

    /// Attestation reports.
    #[test]
    fn reports(
        random in bytes::<56>(),
        mnonce in bytes::<16>(),
        digest in bytes::<32>(),
        policy in any::<u32>(),
        byte in 0..52_usize,
    ) {
        let key = SigningKey::from_random(&random);
        let pek = Certificate::of_verifying_key(Usage::PEK, &key.verifying_key(), ApiVersion::default());
        let report = AttestationReport::sign(&mnonce, &digest, GuestPolicy(policy), &key).unwrap();
        let mut bytes = *report.as_bytes();
        let verdicts = |bytes: &[u8; 208]| {
            let ours = AttestationReport::from_bytes(bytes).verify_vartime(&key.verifying_key());
            let mut report = LegacyAttestationReport::default();
            report.mnonce = bytes[..16].try_into().unwrap();
            report.launch_digest = bytes[16..48].try_into().unwrap();
            report.policy = u32::from_le_bytes(bytes[48..52].try_into().unwrap());
            report.signature = der(bytes[64..].try_into().unwrap());
            [ours.is_ok(), (&theirs(&pek).unwrap(), &report).verify().is_ok()]
        };
        prop_assert_eq!(verdicts(&bytes), [true, true]);
        bytes[byte] ^= 1;
        prop_assert_eq!(verdicts(&bytes), [false, false]);
    }
}

/// What they sign.
#[test]
fn their_certificates() {
    let (mut oca, oca_key) = TheirCertificate::generate(TheirUsage::OCA).unwrap();
    let (cek, cek_key) = TheirCertificate::generate(TheirUsage::CEK).unwrap();
    let (mut pek, pek_key) = TheirCertificate::generate(TheirUsage::PEK).unwrap();
    let (mut pdh, _) = TheirCertificate::generate(TheirUsage::PDH).unwrap();
    oca_key.sign(&mut oca).unwrap();
    oca_key.sign(&mut pek).unwrap();
    cek_key.sign(&mut pek).unwrap();
    pek_key.sign(&mut pdh).unwrap();
    let [oca, cek, pek, pdh] = [oca, cek, pek, pdh].map(|certificate| ours(&certificate));
    assert_eq!(oca.validate(&oca), Ok(()));
    assert_eq!(pek.validate(&oca), Ok(()));
    assert_eq!(pek.validate(&cek), Ok(()));
    assert_eq!(pdh.validate(&pek), Ok(()));
    assert_eq!(pdh.validate(&oca), Err(CertificateError::NotSigned { by: Usage::OCA }));
}
