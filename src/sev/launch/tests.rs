//! Measurements and secrets from keys on; with sessions they are in `tests/legacy`.

use std::string::ToString;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::cpu::Backend;
use crate::guid::Guid;
use crate::sev::packet::{PacketHeader, PacketIv};
use crate::sev::session::{Channel, ClientSession, SessionRandom, Tek, Tik, TransportKeys};
use crate::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
use crate::status::Status;

const POLICY: GuestPolicy = GuestPolicy(0x3701_0005);
const FIRMWARE: FirmwareVersion = version(1, 55, 25);
const MEASURE: &str = "1dfc044414d5145df3ec98db2041fce70b310496db49ebfbf74fc49e48a7faa1";

const fn version(major: u8, minor: u8, build: u8) -> FirmwareVersion {
    FirmwareVersion { api: ApiVersion { major, minor }, build }
}

fn hex<const N: usize>(digits: &str) -> [u8; N] {
    let bytes: Vec<u8> = base16ct::lower::decode_vec(digits).unwrap();
    bytes.try_into().unwrap()
}

/// 16 bytes that count up, as the worked example has them.
fn counting(first: u8) -> [u8; 16] {
    core::array::from_fn(|i| first + i as u8)
}

fn keys() -> TransportKeys {
    TransportKeys { tek: Tek::new(&counting(0x20)), tik: Tik::new(&counting(0x30)) }
}

/// The worked example's session. Z is no part of what follows.
fn session(policy: GuestPolicy) -> ClientSession {
    let random = [0x10, 0x20, 0x30, 0x40].map(counting);
    let random: [u8; 64] = random.as_flattened().try_into().unwrap();
    ClientSession::with_z(&[7; 48], policy, &SessionRandom::new(&random))
}

fn channel(policy: GuestPolicy) -> Channel {
    use crate::sev::session::Unwrapped;
    let unwrapped = Unwrapped::with_z(&[7; 48], session(policy).buffer()).unwrap();
    unwrapped.check_policy(policy, FIRMWARE.api).unwrap()
}

fn page() -> [u8; 4096] {
    core::array::from_fn(|i| i as u8)
}

/// The worked example's guest.
fn measured() -> (Measurement, Measured) {
    let mut guest = Loading::start(channel(POLICY));
    guest.update_data(&page()).unwrap();
    guest.update_data(&page()[..64]).unwrap();
    guest.measure(FIRMWARE, &counting(0x50), Backend::portable())
}

fn attested() -> Attested {
    let (measurement, guest) = measured();
    Attested::check(session(POLICY), FIRMWARE, guest.digest(), &measurement, Backend::portable())
        .unwrap()
}

/// Computed by another implementation, in Python.
#[test]
fn measurements() {
    let (measurement, guest) = measured();
    let digest = hex("d35340b57032d6b88d70e03567857ab00024d096b39b20c392dd1c6a67669b52");
    assert_eq!(guest.digest(), &digest);
    assert_eq!(measurement, Measurement { measure: hex(MEASURE), mnonce: counting(0x50) });
    let bytes: [u8; 48] = hex(&[MEASURE, "505152535455565758595a5b5c5d5e5f"].concat());
    assert_eq!(measurement.to_bytes(), bytes);
    assert_eq!(Measurement::from_bytes(&bytes), measurement);

    let mut input =
        MeasurementInput { firmware: FIRMWARE, policy: POLICY, digest, mnonce: counting(0x50) };
    assert_eq!(input.measure(&keys().tik), measurement);
    let without_session = "7f184e59d91d92a1b092841eef7814d02a726deb10da8a7d7c8c99b236065918";
    assert_eq!(input.measure(&Tik::new(&[0; 16])).measure, hex(without_session));
    let old = "1746e0f547020130f61b27a0ed2284be2e38c0cad357fca46c9c84cc2cd299f4";
    for (major, minor, is_old) in
        [(0, 0, true), (0, 16, true), (0, 17, false), (0, 255, false), (1, 0, false)]
    {
        input.firmware = version(major, minor, 25);
        let found = input.measure(&keys().tik).measure;
        assert_eq!(found == hex::<32>(old), is_old, "{major}.{minor}");
    }
}

/// Which versions pass with a measurement of the old form: all those up to API 0.16, and no newer one.
#[test]
fn versions_that_pass_alike() {
    let input = MeasurementInput {
        firmware: version(0, 16, 0),
        policy: POLICY,
        digest: [7; 32],
        mnonce: [8; 16],
    };
    let old = input.measure(&keys().tik);
    let alike = (0..=u8::MAX)
        .flat_map(|minor| (0..=u8::MAX).map(move |build| version(0, minor, build)))
        .filter(|firmware| {
            MeasurementInput { firmware: *firmware, ..input }.measure(&keys().tik) == old
        });
    assert_eq!(alike.count(), 4352);
}

/// The answers that AMD's `sev-tool` and `sevctl` publish with their tests.
#[test]
fn published_measurements() {
    let cases = [
        (
            "66320db73158a35a255d051758e95ed4",
            version(0, 18, 15),
            0,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "4fbe0bedbad6c86ae8f68971d103e554",
            "6faab2daae389bcd3405a05d6cafe33c0414f7bedd0bae19ba5f38b7fd1664ea",
        ),
        (
            "3569cf61a32a602b87185ac6e0f55913",
            version(1, 40, 40),
            3,
            "c64bd101fc9a4a2ce0a27c408d9200911f139a895469b04a40a6fa2890830d23",
            "c313fab511c216b1505b1b2ea9903c40",
            "96cc1bc56c48f60724c9ad7a250bdd16da5898d3b86fede29c03e9aac828048e",
        ),
    ];
    for (tik, firmware, policy, digest, mnonce, expected) in cases {
        let input = MeasurementInput {
            firmware,
            policy: GuestPolicy(policy),
            digest: hex(digest),
            mnonce: hex(mnonce),
        };
        assert_eq!(input.measure(&Tik::new(&hex(tik))).measure, hex(expected));
    }
}

/// Each bit of what is measured, and of the measurement.
#[test]
fn other_measurements() {
    let (measurement, guest) = measured();
    let digest = *guest.digest();
    let refused = |policy, firmware, digest, measurement| {
        let found =
            Attested::check(session(policy), firmware, &digest, &measurement, Backend::portable());
        assert_eq!(found.unwrap_err(), MeasurementError);
    };
    for bit in 0..8 * 48 {
        let mut bytes = measurement.to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        refused(POLICY, FIRMWARE, digest, Measurement::from_bytes(&bytes));
    }
    for bit in 0..8 * 32 {
        let mut digest = digest;
        digest[bit / 8] ^= 1 << (bit % 8);
        refused(POLICY, FIRMWARE, digest, measurement);
    }
    for bit in 0..32 {
        refused(GuestPolicy(POLICY.0 ^ 1 << bit), FIRMWARE, digest, measurement);
    }
    for firmware in [version(0, 55, 25), version(1, 54, 25), version(1, 55, 24), version(0, 16, 25)]
    {
        refused(POLICY, firmware, digest, measurement);
    }
    assert_eq!(
        MeasurementError.to_string(),
        "the measurement is not that of this launch digest, firmware, policy and session"
    );
}

#[test]
fn loading() {
    let mut guest = Loading::start(channel(GuestPolicy(1)));
    for len in [0, 1, 15, 17, 4095] {
        let error = guest.update_data(&page()[..len]).unwrap_err();
        assert_eq!(error, LaunchError::DataLength(DataLengthError { len }));
        assert_eq!(error.status(), Status::INVALID_LENGTH);
    }
    let error = guest.update_vmsa(&page()).unwrap_err();
    assert_eq!((error, error.status()), (LaunchError::NotEs, Status::UNSUPPORTED));
    assert_eq!(error.to_string(), "a save area for a guest whose policy does not have ES");
    // Nothing of it was measured.
    let (_, guest) = guest.measure(FIRMWARE, &[0; 16], Backend::portable());
    assert_eq!(guest.digest(), &LaunchDigest::new().digest());

    let mut guest = Loading::start(Channel::without_session(GuestPolicy(4)));
    guest.update_vmsa(&page()).unwrap();
    let (measurement, guest) = guest.measure(FIRMWARE, &[0; 16], Backend::portable());
    let mut digest = LaunchDigest::new();
    digest.update_data(&page()).unwrap();
    assert_eq!(guest.digest(), &digest.digest());
    // Without a session its MAC is under a key that everybody knows.
    let input = MeasurementInput {
        firmware: FIRMWARE,
        policy: GuestPolicy(4),
        digest: digest.digest(),
        mnonce: [0; 16],
    };
    assert_eq!(input.measure(&Tik::new(&[0; 16])), measurement);
    let running = guest.finish();
    assert_eq!((running.policy(), running.digest()), (GuestPolicy(4), &digest.digest()));
}

#[test]
fn guests_from_elsewhere() {
    let guest = Running::received(POLICY);
    assert_eq!((guest.policy(), guest.digest()), (POLICY, &[0; 32]));
}

/// Computed by another implementation, in Python.
#[test]
fn secret_known_answer() {
    let plain = *b"0123456789abcdefSECRET-SECRET-32";
    let (measurement, guest) = measured();
    for attested in [attested(), Attested::assume(&keys(), &measurement, Backend::portable())] {
        let mut packet = plain;
        let header =
            attested.seal_secret(PacketIv::from_random(counting(0x60)), &mut packet).unwrap();
        assert_eq!(packet, hex("1633c0c391b9cde6f52377adbaef8b5422c494ca4c3dedd5882d358663fe9c88"));
        assert_eq!(
            header.to_bytes(),
            hex("00000000606162636465666768696a6b6c6d6e6f\
                 23a82eb4984541c3827fddef7bec8b50e185dc6b21a669e5007acd74cdd4dd0f")
        );
        let mut again = packet;
        guest.open_secret(&header, &mut packet).unwrap();
        assert_eq!(packet, plain);
        // The same packet may come again.
        guest.open_secret_command(&header.to_bytes(), 32, &mut again).unwrap();
        assert_eq!(again, plain);
    }
}

/// Each length with the firmware's answer, before the MAC is looked at.
#[test]
fn secret_lengths() {
    let (_, guest) = measured();
    let attested = attested();
    let mut memory = std::vec![0x5a; 0x5010];
    for len in [0, 1, 15, 17, 0x4fff, 0x5001, 0x5010] {
        let expected = LaunchError::SecretLengths { header: 52, guest: len, trans: len };
        let data = &mut memory[..len];
        assert_eq!(attested.seal_secret(PacketIv::from_random([0; 16]), data), Err(expected));
        assert!(data.iter().all(|byte| *byte == 0x5a), "nothing was written");
        let header = PacketHeader { flags: 1, iv: [0; 16], mac: [0; 32] };
        assert_eq!(guest.open_secret(&header, data), Err(expected));
        assert!(data.iter().all(|byte| *byte == 0x5a), "nothing was written");
        assert_eq!(expected.status(), Status::INVALID_LENGTH);
    }
    for len in [16, 32, 0x4000, 0x5000] {
        let mut data = memory[..len].to_vec();
        let header = attested.seal_secret(PacketIv::from_random([1; 16]), &mut data).unwrap();
        guest.open_secret(&header, &mut data).unwrap();
        assert_eq!(data, memory[..len]);
    }

    let mut data = memory[..32].to_vec();
    let header =
        attested.seal_secret(PacketIv::from_random([2; 16]), &mut data).unwrap().to_bytes();
    let sealed = data.clone();
    let refused = |header: &[u8], guest_length: u32, data: &mut [u8], text: &str| {
        let before = data.to_vec();
        let error = guest.open_secret_command(header, guest_length, data).unwrap_err();
        let lengths = LaunchError::SecretLengths {
            header: header.len(),
            guest: guest_length as usize,
            trans: data.len(),
        };
        assert_eq!(error, lengths);
        assert_eq!(error.to_string(), text);
        assert_eq!(data, before);
    };
    for len in (0..52).chain([53, 104]) {
        let header = [header, header].concat();
        let text = std::format!("the packet's header has {len} bytes, expected 52");
        refused(&header[..len], 32, &mut data, &text);
    }
    for guest_length in [0, 16, 31, 33, 48, 0x5000, u32::MAX] {
        let text =
            std::format!("a secret of {guest_length} bytes in a packet of 32, expected the same");
        refused(&header, guest_length, &mut data, &text);
    }
    for len in [0, 1, 31] {
        let text =
            std::format!("a secret of {len} bytes: expected a multiple of 16 from 16 to 20480");
        refused(&header, len as u32, &mut data[..len], &text);
    }
    assert_eq!(data, sealed);
    guest.open_secret_command(&header, 32, &mut data).unwrap();
    assert_eq!(data, memory[..32]);
}

/// Every bit of header and ciphertext; nothing is deciphered.
#[test]
fn changed_secrets() {
    let (measurement, guest) = measured();
    let mut sealed = *b"0123456789abcdefSECRET-SECRET-32";
    let header =
        attested().seal_secret(PacketIv::from_random(counting(0x60)), &mut sealed).unwrap();
    let refused = |guest: &Measured, header: &[u8], data: &[u8]| {
        let mut data = data.to_vec();
        let before = data.clone();
        let error = guest.open_secret_command(header, data.len() as u32, &mut data).unwrap_err();
        assert_eq!((error, error.status()), (LaunchError::SecretMac, Status::BAD_MEASUREMENT));
        assert_eq!(data, before);
    };
    // Also COMPRESSED, the first one: the MAC is looked at first.
    for bit in 0..8 * PacketHeader::LEN {
        let mut bytes = header.to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        refused(&guest, &bytes, &sealed);
    }
    for bit in 0..8 * sealed.len() {
        let mut changed = sealed;
        changed[bit / 8] ^= 1 << (bit % 8);
        refused(&guest, &header.to_bytes(), &changed);
    }
    // A secret for a guest whose measurement was another one.
    for bit in 0..8 * 32 {
        let mut other = measurement;
        other.measure[bit / 8] ^= 1 << (bit % 8);
        let attested = Attested::assume(&keys(), &other, Backend::portable());
        let mut sealed = [0; 16];
        let header = attested.seal_secret(PacketIv::from_random([0; 16]), &mut sealed).unwrap();
        refused(&guest, &header.to_bytes(), &sealed);
    }
    // The same guest, measured once more.
    let mut loading = Loading::start(channel(POLICY));
    loading.update_data(&page()).unwrap();
    loading.update_data(&page()[..64]).unwrap();
    let (_, guest) = loading.measure(FIRMWARE, &counting(0x51), Backend::portable());
    refused(&guest, &header.to_bytes(), &sealed);
}

/// An authentic packet with COMPRESSED: refused behind the MAC, and nothing is deciphered.
#[test]
fn compressed_secrets() {
    use hmac::Mac;
    let (measurement, guest) = measured();
    for flags in [1_u32, 0xffff_ffff, 0xffff_fffe] {
        let mut data = [0x77; 32];
        let mut packet = flags.to_le_bytes().to_vec();
        packet.extend(counting(0x60));
        let mac = keys()
            .tik
            .hmac()
            .chain_update([1])
            .chain_update(&packet)
            .chain_update([32, 0, 0, 0, 32, 0, 0, 0])
            .chain_update(data)
            .chain_update(measurement.measure);
        packet.extend(mac.finalize().into_bytes());
        let found = guest.open_secret_command(&packet, 32, &mut data);
        if flags & 1 == 1 {
            let error = found.unwrap_err();
            assert_eq!((error, error.status()), (LaunchError::Compressed, Status::UNSUPPORTED));
            assert_eq!(error.to_string(), "the packet is compressed, which is not supported");
            assert_eq!(data, [0x77; 32]);
        } else {
            // The other flags have no meaning.
            assert_eq!(found, Ok(()));
            assert_ne!(data, [0x77; 32]);
        }
        packet[51] ^= 1;
        let mut data = [0x77; 32];
        let error = guest.open_secret_command(&packet, 32, &mut data).unwrap_err();
        assert_eq!(error, LaunchError::SecretMac);
        assert_eq!(error.to_string(), "the packet's MAC is not that of a secret of this guest");
    }
}

#[test]
fn nothing_secret_is_printed() {
    let (_, guest) = measured();
    assert_eq!(std::format!("{:?}", attested()), "Attested(..)");
    let text = std::format!("{guest:?}");
    assert!(text.starts_with("Measured { guest: Running { policy: GuestPolicy(0x37010005)"));
    assert!(text.ends_with("}, .. }"), "{text}");
    let loading = std::format!("{:?}", Loading::start(channel(POLICY)));
    assert!(loading.contains("tek: Tek(..), tik: Tik(..)"), "{loading}");
}

const ENTRY: Guid = Guid::new(*b"an entry's GUID.");
const OTHER: Guid = Guid::new(*b"another's GUID..");

/// A table with any words in it.
fn table(guid: Guid, len: u32, entries: &[(Guid, u32, &[u8])]) -> Vec<u8> {
    let mut bytes = guid.swapped().bytes().to_vec();
    bytes.extend(len.to_le_bytes());
    for (guid, len, data) in entries {
        bytes.extend(guid.swapped().bytes());
        bytes.extend(len.to_le_bytes());
        bytes.extend(*data);
    }
    bytes
}

/// Byte for byte, with UEFI's order of a GUID's bytes.
#[test]
fn table_layout() {
    let entries = [(SecretTable::DISK_PASSPHRASE, &b"secret"[..]), (ENTRY, b"")];
    let expected = [
        &hex::<16>("42f5741edd71664d963eef4287ff173b")[..],
        &[66, 0, 0, 0], // 20 + 26 + 20
        &hex::<16>("e5696873f084734992ec06879ce3da0b"),
        &[26, 0, 0, 0],
        b"secret",
        b"e natnyr's GUID.",
        &[20, 0, 0, 0],
    ]
    .concat();
    assert_eq!(SecretTable::len_of(&entries), Some(80));
    for len in [80, 81, 96, 4096] {
        let mut out = std::vec![0xee; len];
        SecretTable::write(&entries, &mut out).unwrap();
        assert_eq!(out[..66], expected);
        assert!(out[66..].iter().all(|byte| *byte == 0));
        let table = SecretTable::parse(&out).unwrap();
        assert!(table.entries().eq(entries));
        assert_eq!(table.get(ENTRY), Some(&b""[..]));
        assert_eq!(table.get(OTHER), None);
        assert_eq!(std::format!("{table:?}"), "SecretTable(..)");
    }
    assert_eq!(SecretTable::len_of(&[]), Some(32));
    let mut out = [0xee; 32];
    SecretTable::write(&[], &mut out).unwrap();
    assert_eq!(SecretTable::parse(&out).unwrap().entries().count(), 0);
    // What stands behind a table is not looked at.
    out[20..].fill(0xee);
    assert_eq!(SecretTable::parse(&out).unwrap().entries().count(), 0);
    assert!(SecretTable::parse(&out[..20]).is_ok());
}

#[test]
fn what_is_no_table() {
    let guid = SecretTable::GUID;
    let refused = |bytes: &[u8], error, text: &str| {
        assert_eq!(SecretTable::parse(bytes).map(drop), Err(error));
        assert_eq!(error.to_string(), text);
    };
    for found in 0..20 {
        refused(
            &table(guid, 20, &[])[..found],
            SecretTableError::Short { found },
            &std::format!("{found} bytes: a table of secrets has 20 or more"),
        );
    }
    for bit in 0..128 {
        let mut bytes = table(guid, 20, &[]);
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(SecretTable::parse(&bytes), Err(SecretTableError::Guid { .. })));
    }
    refused(
        &table(guid.swapped(), 20, &[]),
        SecretTableError::Guid { found: guid.swapped() },
        "the table's GUID is 42f5741e-dd71-664d-963e-ef4287ff173b, \
         expected 1e74f542-71dd-4d66-963e-ef4287ff173b",
    );
    for len in [0, 19, 45, 0x5000] {
        refused(
            &table(guid, len, &[(ENTRY, 24, b"data")]),
            SecretTableError::Length { len, found: 44 },
            &std::format!("the table's length is {len}, expected 20 to 44"),
        );
    }
    for len in [0x5001, u32::MAX] {
        refused(
            &table(guid, len, &[]),
            SecretTableError::TooLong,
            "the table has more than 20480 bytes",
        );
    }
    let second = |len| table(guid, 68, &[(ENTRY, 24, b"data"), (OTHER, len, b"1234")]);
    assert_eq!(SecretTable::parse(&second(24)).unwrap().entries().count(), 2);
    for len in [0, 19, 20, 23, 25, u32::MAX] {
        // From 20 on what is left over is the begin of a third entry.
        let (index, offset) = match len {
            20 => (2, 64),
            23 => (2, 67),
            _ => (1, 44),
        };
        refused(
            &second(len),
            SecretTableError::Entry { index, offset },
            &std::format!("entry {index}, at {offset:#x}, does not end in the table"),
        );
    }
    refused(
        &table(guid, 60, &[(ENTRY, 20, b""), (ENTRY, 20, b"")]),
        SecretTableError::Duplicate { index: 1, first: 0 },
        "entry 1 has the same GUID as entry 0",
    );
    // What a guest has deleted.
    let nil = Guid::new([0; 16]);
    let deleted = table(guid, 86, &[(nil, 21, &[0]), (ENTRY, 22, b"12"), (nil, 23, &[0; 3])]);
    let deleted = SecretTable::parse(&deleted).unwrap();
    assert!(deleted.entries().eq([(nil, &[0][..]), (ENTRY, b"12"), (nil, &[0; 3])]));
}

#[test]
fn what_is_not_written() {
    let refused = |entries: &[(Guid, &[u8])], len, error| {
        let mut out = std::vec![0xee; len];
        assert_eq!(SecretTable::write(entries, &mut out), Err(error));
        assert!(out.iter().all(|byte| *byte == 0xee));
    };
    let entries = [(ENTRY, &b"data"[..]), (OTHER, b"more")];
    for found in 0..80 {
        refused(&entries, found, SecretTableError::BufferTooSmall { needed: 80, found });
    }
    // Lengths first: however many entries there are, no more are compared than have room.
    let many = std::vec![(ENTRY, &b""[..]); 200_000];
    refused(&many, 4096, SecretTableError::TooLong);
    refused(&many[..2], 63, SecretTableError::BufferTooSmall { needed: 64, found: 63 });
    let nil = std::vec![(Guid::new([0; 16]), &b""[..]); 1023];
    refused(&nil, 0x4fff, SecretTableError::BufferTooSmall { needed: 0x5000, found: 0x4fff });
    let again = [entries[0], entries[1], entries[0]];
    refused(&again, 4096, SecretTableError::Duplicate { index: 2, first: 0 });
    let nil = [entries[0], (Guid::new([0; 16]), b"")];
    refused(&nil, 4096, SecretTableError::NilGuid { index: 1 });
    assert_eq!(
        SecretTableError::NilGuid { index: 1 }.to_string(),
        "entry 1 has a GUID of zeros, which stands for nothing"
    );
    assert_eq!(
        SecretTableError::BufferTooSmall { needed: 80, found: 79 }.to_string(),
        "the table needs 80 bytes, but the buffer has 79"
    );
    let long = std::vec![7; 0x5000 - 39];
    refused(&[(ENTRY, &long)], 0x6000, SecretTableError::TooLong);
    assert_eq!(SecretTable::len_of(&[(ENTRY, &long)]), None);
    let longest = [(ENTRY, &long[1..])];
    assert_eq!(SecretTable::len_of(&longest), Some(0x5000));
    let mut out = std::vec![0xee; 0x5000];
    SecretTable::write(&longest, &mut out).unwrap();
    assert!(SecretTable::parse(&out).unwrap().entries().eq(longest));
}

proptest! {
    #[test]
    fn secrets_there_and_back(
        data in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..8),
        iv in any::<[u8; 16]>(),
        more in 0..5_usize,
    ) {
        let guid = |index: usize| Guid::new([index as u8 + 1; 16]);
        let entries: Vec<_> =
            data.iter().enumerate().map(|(index, data)| (guid(index), &data[..])).collect();
        let len = SecretTable::len_of(&entries).unwrap() + 16 * more;
        let mut packet = std::vec![0xee; len];
        SecretTable::write(&entries, &mut packet).unwrap();
        let plain = packet.clone();
        let header = attested().seal_secret(PacketIv::from_random(iv), &mut packet).unwrap();
        prop_assert_ne!(&packet, &plain);
        measured().1.open_secret(&header, &mut packet).unwrap();
        prop_assert_eq!(&packet, &plain);
        prop_assert!(SecretTable::parse(&packet).unwrap().entries().eq(entries));
    }

    /// Whatever is accepted keeps the rules.
    #[test]
    fn any_table(
        len in 0..200u32,
        entries in proptest::collection::vec((any::<[u8; 16]>(), 0..60u32, 0..60usize), 0..5),
    ) {
        let entries: Vec<_> = entries
            .iter()
            .map(|(guid, len, data)| (Guid::new(*guid), *len, &[7; 60][..*data]))
            .collect();
        let bytes = table(SecretTable::GUID, len, &entries);
        if let Ok(table) = SecretTable::parse(&bytes) {
            let all: usize = table.entries().map(|(_, data)| 20 + data.len()).sum();
            prop_assert_eq!(20 + all, len as usize);
        }
    }
}
