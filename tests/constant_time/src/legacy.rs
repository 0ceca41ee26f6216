//! SEV and SEV-ES: keys of platforms and owners, sessions, measurements, secrets, migration, swapped pages, save areas.

use std::hint::black_box;

use sevcrypt::ecdh::PrivateKey;
use sevcrypt::ecdsa::SigningKey;
use sevcrypt::sev::cert::{Certificate, PdhKey, PlatformCertificates, Trust};
use sevcrypt::sev::keys::{ChipUniqueKey, Oca, PlatformKeys, PlatformRandom, get_id};
use sevcrypt::sev::launch::{Attested, Loading, Measurement, Running, SecretTable};
use sevcrypt::sev::packet::{PacketHeader, PacketIv};
use sevcrypt::sev::report::AttestationReport;
use sevcrypt::sev::session::{
    Channel, ClientSession, SessionBuffer, SessionError, SessionRandom, Tek, Tik, TransportKeys,
    Unwrapped,
};
use sevcrypt::sev::swap::{MdataEntry, PageType, SwapError, SwapKey};
use sevcrypt::sev::transport::{Receiver, Receiving, Sender, Sending};
use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
use sevcrypt::vmsa::{IntegrityError, RegisterProtection, SevFeatures, Vmsa};
use sevcrypt::{Backend, PhysAddr};

use crate::keys::Signing;
use crate::{public, secret};

const FIRMWARE: FirmwareVersion =
    FirmwareVersion { api: ApiVersion { major: 1, minor: 55 }, build: 25 };
const POLICY: GuestPolicy = GuestPolicy(0x3701_0005);

/// From a chip's secret to its ID and to what its CEK signs.
pub(crate) fn chip() {
    let chip = ChipUniqueKey::new(&secret([0x41; 32]));
    let mut ids = [0; 128];
    assert_eq!(get_id(&chip, Some(&chip), &mut ids), Ok(128));
    public(&ids);
    assert_eq!(ids[..64], ids[64..]);
    let report = AttestationReport::sign(&[1; 16], &[2; 32], POLICY, &Signing(&chip.cek()));
    black_box(report.expect("a signature"));
}

/// What everyone may know of a platform.
fn known_chain(platform: &PlatformKeys) {
    let PlatformCertificates { pdh, pek, oca, cek } = platform.certificates();
    for certificate in [pdh, pek, oca, cek] {
        public(certificate.as_bytes());
    }
}

/// A platform's keys: made, made again, kept and read again, and taken over by an owner.
pub(crate) fn platform_keys() {
    let chip = ChipUniqueKey::new(&secret([0x42; 32]));
    let random = PlatformRandom::new(&secret([0x43; 168]));
    let mut platform = PlatformKeys::generate(&chip, FIRMWARE.api, &random).expect("signatures");
    platform.pek_gen(&random).expect("signatures");
    platform.pdh_gen(&secret([0x44; 56])).expect("a signature");
    known_chain(&platform);
    let (mut pdh, mut chain) = ([0; Certificate::LEN], [0; 3 * Certificate::LEN]);
    platform.pdh_cert_export(&mut pdh, &mut chain).expect("their lengths");

    let oca = owner();
    let pek = oca.sign_csr(&platform.pek_csr()).expect("a CSR");
    public(pek.as_bytes());
    let import =
        platform.pek_cert_import(pek.as_bytes(), oca.certificate().as_bytes(), &secret([5; 56]));
    import.expect("the owner's certificates");
    known_chain(&platform);

    // Certificates are validated by the CEK's public key: it is that of a chip whose secret is known here.
    let chip = ChipUniqueKey::new(&[0x42; 32]);
    let parts = platform.to_parts();
    let mut same = PlatformKeys::from_parts(&chip, FIRMWARE.api, &parts).expect("its parts");
    same.update_firmware(FIRMWARE.api);
    black_box((same.pek().to_scalar(), same.pdh().to_scalar(), same.cek().to_scalar()));
}

/// An owner's certificate authority.
fn owner() -> Oca {
    let oca = Oca::new(SigningKey::from_random(&secret([0x45; 56]))).expect("a signature");
    public(oca.certificate().as_bytes());
    oca
}

/// The same read again.
pub(crate) fn owner_key() {
    let oca = owner();
    let key = SigningKey::from_random(&secret([0x45; 56]));
    Oca::from_certificate(key, oca.certificate()).expect("the key's certificate");
}

/// A Diffie-Hellman key of a legacy session, whose public key was computed elsewhere.
fn diffie_hellman(scalar: [u8; 48]) -> (PrivateKey, Certificate) {
    let elsewhere = PrivateKey::from_scalar(&scalar).expect("a scalar");
    let certificate = Certificate::of_ecdh_key(&elsewhere.public_key(), FIRMWARE.api);
    (PrivateKey::from_scalar(&secret(scalar)).expect("a scalar"), certificate)
}

/// A client's session: private key, Z, TEK and TIK are secrets, the buffer is not.
fn client(own: &PrivateKey, peer: &Certificate) -> (ClientSession, SessionBuffer) {
    let peer = PdhKey::unauthenticated(peer).expect("a certificate");
    let mut random = [0x21; 64];
    random[16..48].copy_from_slice(&secret([0x22; 32]));
    let session = ClientSession::new(own, &peer, POLICY, &SessionRandom::new(&random));
    let buffer = session.buffer().to_bytes();
    public(&buffer);
    (session, SessionBuffer::from_bytes(&buffer))
}

/// Both ends of a session, with MACs that are right and wrong.
pub(crate) fn session() {
    let (pdh, pdh_certificate) = diffie_hellman([0x31; 48]);
    let (own, own_certificate) = diffie_hellman([0x32; 48]);
    let (session, buffer) = client(&own, &pdh_certificate);
    let mut wrong = buffer;
    wrong.wrap_mac[31] ^= 0x80;
    let found = Unwrapped::open(&pdh, &own_certificate, &wrong).map(drop);
    assert_eq!(found, Err(SessionError::WrapMac));
    let mut wrong = buffer;
    wrong.policy_mac[0] ^= 1;
    let unwrapped = Unwrapped::open(&pdh, &own_certificate, &wrong).expect("its WRAP_MAC");
    let found = unwrapped.check_policy(POLICY, FIRMWARE.api).map(drop);
    assert_eq!(found, Err(SessionError::PolicyMac));

    let keys = session.into_keys();
    let TransportKeys { tek, tik } = &keys;
    let same = TransportKeys { tek: Tek::new(tek.as_bytes()), tik: Tik::new(tik.as_bytes()) };
    assert!(ClientSession::restore(buffer, keys, POLICY).is_ok());
    assert!(ClientSession::restore(wrong, same, POLICY).is_err());
}

/// A guest that is launched, given secrets, and sent to another platform.
pub(crate) fn life(backend: Backend) {
    let (pdh, pdh_certificate) = diffie_hellman([0x31; 48]);
    let (own, own_certificate) = diffie_hellman([0x32; 48]);
    let (session, buffer) = client(&own, &pdh_certificate);
    let unwrapped = Unwrapped::open(&pdh, &own_certificate, &buffer).expect("its WRAP_MAC");
    let channel = unwrapped.check_policy(POLICY, FIRMWARE.api).expect("its policy");
    let guest = launch(session, channel, backend);
    let platform = (&pdh, &pdh_certificate);
    migration(guest, platform, (&own, &own_certificate), backend);
}

/// A measurement and packets: TEK, TIK and text are secrets; measurement, header and ciphertext are not.
fn launch(session: ClientSession, channel: Channel, backend: Backend) -> Running {
    let mut guest = Loading::start(channel);
    guest.update_data(&[0xcc; 64]).expect("its length");
    let (measurement, guest) = guest.measure(FIRMWARE, &[5; 16], backend);
    let bytes = measurement.to_bytes();
    public(&bytes);
    let measurement = Measurement::from_bytes(&bytes);

    let check = |session, measurement| {
        Attested::check(session, FIRMWARE, guest.digest(), measurement, backend)
    };
    let wrong = Measurement { mnonce: [6; 16], ..measurement };
    let TransportKeys { tek, tik } = session.keys();
    let keys = TransportKeys { tek: Tek::new(tek.as_bytes()), tik: Tik::new(tik.as_bytes()) };
    let same = ClientSession::restore(*session.buffer(), keys, POLICY).expect("its POLICY_MAC");
    assert!(check(same, &wrong).is_err());
    let attested = check(session, &measurement).expect("its measurement");
    for len in [16, 48, 1200] {
        let mut memory = secret([0x5a; 1200]);
        let text = &mut memory[..len];
        let header =
            attested.seal_secret(PacketIv::from_random([7; 16]), text).expect("its length");
        public(text);
        let header_bytes = header.to_bytes();
        public(&header_bytes);
        let mut packet = text.to_vec();
        guest.open_secret_command(&header_bytes, len as u32, &mut packet).expect("its MAC");
        black_box(packet);
        let mut changed = header_bytes;
        changed[51] ^= 1;
        let found = guest.open_secret_command(&changed, len as u32, text);
        assert!(found.is_err());
    }
    guest.finish()
}

/// Both platforms' ends of a migration: private keys, TEK, TIK, pages and save area are secrets.
fn migration(
    guest: Running,
    (old, from): (&PrivateKey, &Certificate),
    (new, to): (&PrivateKey, &Certificate),
    backend: Backend,
) {
    let receiver = Receiver { pdh: to.as_bytes(), platform: &[], amd: &[] };
    let sender = Sender { pdh: old, oca: from, trust: Trust::amd() };
    let mut random = [0x23; 64];
    random[16..48].copy_from_slice(&secret([0x24; 32]));
    let random = SessionRandom::new(&random);
    let (sending, buffer) =
        guest.send_start(&receiver, &sender, &random, backend).expect("no rules");
    let buffer = buffer.to_bytes();
    public(&buffer);
    let channel = Channel::open(new, from.as_bytes(), &buffer, POLICY, FIRMWARE.api);
    let receiving = Receiving::start(channel.expect("its session"), backend);
    pages(&sending, &receiving);
    save_area(&sending, &receiving);
}

fn pages(sending: &Sending, receiving: &Receiving) {
    for len in [16, 48, 4096] {
        let memory = secret([0x5a; 4096]);
        let (mut packet, mut same) = ([0; 4096], memory);
        let (packet, same) = (&mut packet[..len], &mut same[..len]);
        let iv = || PacketIv::from_random([8; 16]);
        let header = sending.data_to(iv(), &memory[..len], packet).expect("its length");
        sending.data(iv(), same).expect("its length");
        public(packet);
        public(same);
        let header = known(&header);
        let mut page = [0; 4096];
        receiving.data_to(&header, packet, &mut page[..len]).expect("its MAC");
        black_box(page);
        let mut wrong = header;
        wrong.mac[31] ^= 0x80;
        assert!(receiving.data(&wrong, packet).is_err());
        receiving.data(&header, packet).expect("its MAC");
    }
}

fn save_area(sending: &Sending, receiving: &Receiving) {
    let mut vmsa = Vmsa::from_bytes(&secret([0x5b; 4096]));
    let block = vmsa.prepare(PhysAddr::new(0x1000).expect("an address"));
    let mut packet = [0; 4096];
    let header = sending.vmsa(PacketIv::from_random([9; 16]), &vmsa, &[block], &mut packet);
    public(&packet);
    let header = known(&header.expect("it was prepared"));
    let mut got = Vmsa::ZERO;
    receiving.vmsa(&header, &packet, block.address, &mut got).expect("its MAC");
    packet[0] ^= 1;
    assert!(receiving.vmsa(&header, &packet, block.address, &mut got).is_err());
    black_box(got);
}

/// A header goes with its packet.
fn known(header: &PacketHeader) -> PacketHeader {
    let bytes = header.to_bytes();
    public(&bytes);
    PacketHeader::from_bytes(&bytes)
}

/// Pages that leave a guest's memory and come back, and what is said of a page that is no save area.
pub(crate) fn swap(backend: Backend) {
    let mut key = SwapKey::new(&secret([0x5c; 32]), 0, backend);
    let mut vmsa = Vmsa::from_bytes(&secret([0x5d; 4096]));
    let block = vmsa.prepare(PhysAddr::new(0x1000).expect("an address"));
    let mut page = secret([0x5e; 4096]);
    for (page_type, plain) in [(PageType::Data, page), (PageType::Vmsa, *vmsa.as_bytes())] {
        let mut out = [0; 4096];
        let entry = key.swap_out(page_type, &[block], 7, &plain, &mut out).expect("such a page");
        let (entry, mut back) = (known_entry(&entry), [0; 4096]);
        public(&out);
        key.swap_in(page_type, &entry, &out, &mut back).expect("its tag");
        out[0] ^= 1;
        assert_eq!(key.swap_in(page_type, &entry, &out, &mut back), Err(SwapError::Tag));
    }
    let mut other = *vmsa.as_bytes();
    let refused = key.swap_out_in_place(PageType::Data, &[block], 7, &mut other);
    assert_eq!(refused, Err(SwapError::IsVmsa));
    let entry = key.swap_out_in_place(PageType::Data, &[], 7, &mut page).expect("a page");
    let entry = known_entry(&entry);
    public(&page);
    key.swap_in_place(PageType::Data, &entry, &mut page).expect("its tag");
    black_box(page);
}

fn known_entry(entry: &MdataEntry) -> MdataEntry {
    let bytes = entry.to_bytes();
    public(&bytes);
    MdataEntry::from_bytes(&bytes)
}

/// Registers: their check value, and their protection. What a vCPU runs with (SEV_FEATURES) is public, the nonce is not.
pub(crate) fn save_areas() {
    let mut vmsa = Vmsa::from_bytes(&secret([0x5f; 4096]));
    vmsa.set_sev_features(SevFeatures(1 << 14));
    let nonce = u64::from_le_bytes(secret([0x60; 8]));
    let protection = RegisterProtection::GENOA;
    protection.launch(&mut vmsa, nonce);
    protection.apply(&mut vmsa);
    let block = vmsa.prepare(PhysAddr::new(0x1000).expect("an address"));
    vmsa.check_integrity(&[block]).expect("its value");
    vmsa.set_rax(1);
    assert_eq!(vmsa.check_integrity(&[block]), Err(IntegrityError::Value));
    vmsa.prepare_snp();
    let found = vmsa.check_integrity(&[block]);
    assert_eq!(found, Err(IntegrityError::Address { address: u64::MAX }));
}

/// A table of secrets: their names and lengths are public.
pub(crate) fn secret_table() {
    let secrets = [(SecretTable::DISK_PASSPHRASE, &secret([0x65; 20])[..])];
    let mut table = [0; 64];
    SecretTable::write(&secrets, &mut table).expect("its length");
    let found = SecretTable::parse(&table).expect("a table").get(SecretTable::DISK_PASSPHRASE);
    black_box(found.expect("it is there"));
}
