//! Sessions, measurements, secrets and migration of SEV and SEV-ES.

use std::hint::black_box;

use sevcrypt::ecdh::PrivateKey;
use sevcrypt::ecdsa::SignerSha256;
use sevcrypt::sev::cert::{Certificate, PdhKey, Trust};
use sevcrypt::sev::keys::ChipUniqueKey;
use sevcrypt::sev::launch::{Attested, Loading, Measurement, Running};
use sevcrypt::sev::packet::{PacketHeader, PacketIv};
use sevcrypt::sev::session::{
    Channel, ClientSession, SessionBuffer, SessionError, SessionRandom, Unwrapped,
};
use sevcrypt::sev::transport::{Receiver, Receiving, Sender, Sending};
use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
use sevcrypt::vmsa::Vmsa;
use sevcrypt::{Backend, PhysAddr};

use crate::{public, secret};

const FIRMWARE: FirmwareVersion =
    FirmwareVersion { api: ApiVersion { major: 1, minor: 55 }, build: 25 };
const POLICY: GuestPolicy = GuestPolicy(0x3701_0005);

/// From a chip's secret to its ID and to what its CEK signs.
pub(crate) fn chip() {
    let chip = ChipUniqueKey::new(&secret([0x41; 32]));
    let id = chip.chip_id();
    public(&id);
    black_box(id);
    let signature = chip.cek().sign_sha256(b"what is signed is public").expect("a signature");
    public(signature.r());
    public(signature.s());
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

/// Both ends of a legacy session, with MACs that are right and wrong.
pub(crate) fn session(backend: Backend) {
    let (pdh, pdh_certificate) = diffie_hellman([0x31; 48]);
    let (own, own_certificate) = diffie_hellman([0x32; 48]);
    let (session, buffer) = client(&own, &pdh_certificate);
    for bit in [0, 255] {
        let mut wrong = buffer;
        wrong.wrap_mac[bit / 8] ^= 1 << (bit % 8);
        let found = Unwrapped::open(&pdh, &own_certificate, &wrong).map(drop);
        assert_eq!(found, Err(SessionError::WrapMac));
        let mut wrong = buffer;
        wrong.policy_mac[bit / 8] ^= 1 << (bit % 8);
        let unwrapped = Unwrapped::open(&pdh, &own_certificate, &wrong).expect("its WRAP_MAC");
        let found = unwrapped.check_policy(POLICY, FIRMWARE.api).map(drop);
        assert_eq!(found, Err(SessionError::PolicyMac));
    }
    let unwrapped = Unwrapped::open(&pdh, &own_certificate, &buffer).expect("its WRAP_MAC");
    let channel = unwrapped.check_policy(POLICY, FIRMWARE.api).expect("its policy");
    let guest = launch(session, client(&own, &pdh_certificate).0, channel, backend);
    let platform = (&pdh, &pdh_certificate);
    migration(guest, platform, (&own, &own_certificate), backend);
}

/// A measurement and packets: TEK, TIK and text are secrets; measurement, header and ciphertext are not.
fn launch(
    session: ClientSession,
    same: ClientSession,
    channel: Channel,
    backend: Backend,
) -> Running {
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
