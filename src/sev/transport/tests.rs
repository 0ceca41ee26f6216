use std::string::ToString;
use std::vec;
use std::vec::Vec;

use base16ct::lower::decode_vec;
use proptest::prelude::*;

use super::*;
use crate::addr::{Page, PhysAddr};
use crate::cpu::Backend;
use crate::sev::GuestPolicy;
use crate::sev::packet::{PacketHeader, PacketIv, PacketKeys};
use crate::sev::session::{Tek, Tik, TransportKeys};
use crate::vmsa::{CheckBlock, Vmsa};

const ES: GuestPolicy = GuestPolicy(4);

/// Those of the worked example.
fn keys() -> PacketKeys {
    let [tek, tik] = [0x20, 0x30].map(|first| core::array::from_fn(|i| first + i as u8));
    let keys = TransportKeys { tek: Tek::new(&tek), tik: Tik::new(&tik) };
    PacketKeys::new(&keys, Backend::best())
}

fn sending(policy: GuestPolicy, vmsa_context: VmsaContext) -> Sending {
    Sending::new(keys(), Running::received(policy)).with_vmsa_context(vmsa_context)
}

fn receiving(policy: GuestPolicy, vmsa_context: VmsaContext) -> Receiving {
    Receiving::new(keys(), policy).with_vmsa_context(vmsa_context)
}

fn ends() -> (Sending, Receiving) {
    (sending(ES, VmsaContext::Data), receiving(ES, VmsaContext::Data))
}

const IV: [u8; 16] = [
    0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f,
];

fn iv() -> PacketIv {
    PacketIv::from_random(IV)
}

fn painted(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

fn save_area() -> (Vmsa, CheckBlock) {
    let mut vmsa = Vmsa::from_bytes(&painted(4096).try_into().unwrap());
    let block = vmsa.prepare(PhysAddr::new(0x7_0000_0010).unwrap());
    (vmsa, block)
}

/// Values that another implementation, in Python, computed.
#[test]
fn known_answer() {
    let (sending, receiving) = ends();
    let plain: Vec<u8> = (0..64).map(|i| (7 * i) as u8).collect();
    let cipher = decode_vec(
        "1e94927d598cd76ea26987128e75374675fe08eec64fab07c80a3468e21d58e0\
         c35b73cc91141159801d9be677a15beb9aaca5dac1a97690968cc38c59e12a4c",
    )
    .unwrap();
    let header = decode_vec(
        "00000000707172737475767778797a7b7c7d7e7f\
         f802507af9259e3839ed8557d3bdf80b5e7eebcfedb13cfdbff982a9e5e33eb1",
    )
    .unwrap();

    let mut data = plain.clone();
    assert_eq!(sending.data(iv(), &mut data).unwrap().to_bytes(), header[..]);
    assert_eq!(data, cipher);
    // To another place, which is longer.
    let mut packet = vec![0xee; 80];
    assert_eq!(sending.data_to(iv(), &plain, &mut packet).unwrap().to_bytes(), header[..]);
    assert_eq!(packet, [&cipher[..], &[0xee; 16]].concat());

    let header = PacketHeader::from_bytes(&header.try_into().unwrap());
    receiving.data(&header, &mut data).unwrap();
    assert_eq!(data, plain);
    receiving.data_to(&header, &cipher, &mut packet[..64]).unwrap();
    assert_eq!(packet, [&plain[..], &[0xee; 16]].concat());
}

/// The MAC of a save area, by HMAC over what the firmware gives to it.
#[test]
fn context_of_save_areas() {
    use hmac::{Hmac, KeyInit, Mac};
    let (vmsa, block) = save_area();
    for (context, byte) in [(VmsaContext::Data, 2), (VmsaContext::Vmsa, 3)] {
        let mut packet = [0; 4096];
        let sending = sending(ES, VmsaContext::Data).with_vmsa_context(context);
        let header = sending.vmsa(iv(), &vmsa, &[block], &mut packet).unwrap();
        let tik: [u8; 16] = core::array::from_fn(|i| 0x30 + i as u8);
        let mac = Hmac::<sha2::Sha256>::new_from_slice(&tik)
            .unwrap()
            .chain_update([byte, 0, 0, 0, 0])
            .chain_update(IV)
            .chain_update([0, 0x10, 0, 0, 0, 0x10, 0, 0])
            .chain_update(packet);
        assert_eq!(header.mac, mac.finalize().into_bytes()[..]);
        assert_eq!((header.flags, header.iv), (0, IV));

        // The other end must have the same.
        for other in [VmsaContext::Data, VmsaContext::Vmsa] {
            let receiving = receiving(ES, VmsaContext::Data).with_vmsa_context(other);
            let mut got = Vmsa::ZERO;
            let taken = receiving.vmsa(&header, &packet, block.address, &mut got);
            if other == context {
                assert_eq!((taken, got.as_bytes()), (Ok(block), vmsa.as_bytes()));
            } else {
                assert_eq!((taken, got.as_bytes()), (Err(TransportError::Mac), &[0; 4096]));
            }
        }
    }
    assert_eq!(VmsaContext::default(), VmsaContext::Data);
}

/// The receiver's words replace the sender's, and the check value is a new one.
#[test]
fn save_areas_get_a_block_of_the_receiver() {
    let (sending, receiving) = ends();
    let (vmsa, block) = save_area();
    let mut packet = [0; 4096];
    let header = sending.vmsa(iv(), &vmsa, &[block], &mut packet).unwrap();
    let mut got = Vmsa::from_bytes(&[0xee; 4096]);
    let address = PhysAddr::new(0x100_0000_0000).unwrap();
    let new = receiving.vmsa(&header, &packet, address, &mut got).unwrap();
    assert_eq!(new.address, address);
    assert_ne!(new.value, block.value);
    assert_eq!(got.check_integrity(&[new]), Ok(()));
    let mut expected = vmsa;
    expected.prepare(address);
    assert_eq!(got.as_bytes(), expected.as_bytes());
}

#[test]
fn save_areas_that_are_not_sent() {
    let (vmsa, block) = save_area();
    let mut changed = Vmsa::from_bytes(vmsa.as_bytes());
    changed.set_rip(7);
    let elsewhere = IntegrityError::Address { address: 0x7_0000_0010 };
    for (policy, vmsa, blocks, error) in [
        (GuestPolicy(!4), &vmsa, &[block][..], TransportError::NotEs),
        (GuestPolicy(!4), &changed, &[], TransportError::NotEs),
        (ES, &changed, &[block], TransportError::Integrity(IntegrityError::Value)),
        (ES, &vmsa, &[], TransportError::Integrity(elsewhere)),
    ] {
        let mut packet = [0xee; 4096];
        let sending = sending(policy, VmsaContext::Data);
        assert_eq!(sending.vmsa(iv(), vmsa, blocks, &mut packet), Err(error));
        assert_eq!(packet, [0xee; 4096]);
    }
}

#[test]
fn lengths() {
    let (sending, receiving) = ends();
    for len in 0..0x5040 {
        if ![0, 1, 15, 16, 17, 32, 4096, 0x4ff0, 0x5000, 0x5001, 0x5010].contains(&len) {
            continue;
        }
        let is_valid = [16, 32, 4096, 0x4ff0, 0x5000].contains(&len);
        let error = TransportError::Lengths { guest: len, trans: len };
        let (plain, mut data) = (painted(len), painted(len));
        let mut packet = vec![0xee; len];
        match sending.data(iv(), &mut data) {
            Ok(header) => {
                assert!(is_valid, "{len}");
                assert_eq!(sending.data_to(iv(), &plain, &mut packet), Ok(header));
                assert_eq!(packet, data);
                receiving.data(&header, &mut data).unwrap();
                assert_eq!(data, plain);
            }
            Err(found) => {
                assert!(!is_valid, "{len}");
                assert_eq!((found, &data), (error, &plain));
                assert_eq!(sending.data_to(iv(), &plain, &mut packet), Err(error));
                assert!(packet.iter().all(|byte| *byte == 0xee));
                // Whatever the header: compressed, too.
                let header = PacketHeader { flags: 1, iv: [0; 16], mac: [0; 32] };
                assert_eq!(receiving.data(&header, &mut data), Err(error));
                assert_eq!(data, plain);
                assert_eq!(receiving.data_to(&header, &plain, &mut packet), Err(error));
            }
        }
    }
}

#[test]
fn two_lengths() {
    let (sending, receiving) = ends();
    let (plain, mut packet) = (painted(64), vec![0xee; 63]);
    let shorter = TransportError::Lengths { guest: 64, trans: 63 };
    assert_eq!(sending.data_to(iv(), &plain, &mut packet), Err(shorter));
    let header = PacketHeader { flags: 1, iv: [0; 16], mac: [0; 32] };
    for (guest, trans) in [(64, 48), (48, 64), (0, 64)] {
        let (packet, mut data) = (painted(trans), vec![0xee; guest]);
        let refused = receiving.data_to(&header, &packet, &mut data);
        assert_eq!(refused, Err(TransportError::Lengths { guest, trans }));
        assert!(data.iter().all(|byte| *byte == 0xee));
    }
}

/// Every bit of header and ciphertext, and every other packet of the session; nothing is deciphered.
#[test]
fn changed_packets() {
    let (sending, receiving) = ends();
    let mut sealed = painted(64);
    let header = sending.data(iv(), &mut sealed).unwrap();
    let refused = |header: &PacketHeader, sealed: &[u8], error| {
        let mut data = sealed.to_vec();
        assert_eq!(receiving.data(header, &mut data), Err(error));
        assert_eq!(data, sealed, "nothing is deciphered");
        let mut data = vec![0xee; sealed.len()];
        assert_eq!(receiving.data_to(header, sealed, &mut data), Err(error));
        assert!(data.iter().all(|byte| *byte == 0xee));
    };
    for bit in 0..8 * 52 {
        let mut bytes = header.to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        // COMPRESSED is looked at before the MAC.
        let error = if bit == 0 { TransportError::Compressed } else { TransportError::Mac };
        refused(&PacketHeader::from_bytes(&bytes), &sealed, error);
    }
    for bit in 0..8 * sealed.len() {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        refused(&header, &changed, TransportError::Mac);
    }
    refused(&header, &sealed[..48], TransportError::Mac);
    refused(&header, &[&sealed[..], &[0; 16]].concat(), TransportError::Mac);
}

#[test]
fn changed_save_areas() {
    let (sending, receiving) = ends();
    let (vmsa, block) = save_area();
    let mut packet = [0; 4096];
    let header = sending.vmsa(iv(), &vmsa, &[block], &mut packet).unwrap();
    let compressed = PacketHeader { flags: 1, ..header };
    let mut changed = packet;
    changed[4095] ^= 0x80;
    for (policy, header, packet, error) in [
        (ES, header, &changed, TransportError::Mac),
        (ES, compressed, &packet, TransportError::Compressed),
        (GuestPolicy(0), compressed, &packet, TransportError::NotEs),
        (GuestPolicy(0), header, &packet, TransportError::NotEs),
    ] {
        let mut got = Vmsa::from_bytes(&[0xee; 4096]);
        let receiving = self::receiving(policy, VmsaContext::Data);
        let refused = receiving.vmsa(&header, packet, block.address, &mut got);
        assert_eq!((refused, got.as_bytes()), (Err(error), &[0xee; 4096]));
    }
    // With the published firmware's context a save area is a packet of data, too: the host can put it into memory.
    let mut data: Page = packet;
    assert_eq!(receiving.data(&header, &mut data), Ok(()));
    assert_eq!(&data, vmsa.as_bytes());
}

/// There is no number in a packet.
#[test]
fn a_packet_is_taken_again() {
    let (sending, receiving) = ends();
    let mut sealed = painted(64);
    let header = sending.data(iv(), &mut sealed).unwrap();
    let mut data = [0; 64];
    for _ in 0..2 {
        receiving.data_to(&header, &sealed, &mut data).unwrap();
        assert_eq!(data, painted(64)[..]);
    }
}

#[test]
fn ends_of_states() {
    let sending = || sending(GuestPolicy(5), VmsaContext::Data);
    assert_eq!(sending().finish().policy(), GuestPolicy(5));
    assert_eq!(sending().cancel().policy(), GuestPolicy(5));
    let guest = receiving(GuestPolicy(5), VmsaContext::Data).finish();
    assert_eq!((guest.policy(), guest.digest()), (GuestPolicy(5), &[0; 32]));
}

#[test]
fn statuses_and_texts() {
    let lengths = |guest, trans| TransportError::Lengths { guest, trans };
    for (error, status, text) in [
        (
            TransportError::NotEs,
            Status::UNSUPPORTED,
            "a save area for a guest whose policy does not have ES",
        ),
        (
            lengths(17, 17),
            Status::INVALID_LENGTH,
            "a packet of 17 bytes: expected a multiple of 16 from 16 to 20480",
        ),
        (
            lengths(64, 48),
            Status::INVALID_LENGTH,
            "64 bytes of a guest and 48 of a packet: expected as many",
        ),
        (
            TransportError::Integrity(IntegrityError::Value),
            Status::INVALID_PARAM,
            "the save area was changed: its check value is not the one in its check block",
        ),
        (
            TransportError::Compressed,
            Status::UNSUPPORTED,
            "the packet is compressed, which is not supported",
        ),
        (
            TransportError::Mac,
            Status::BAD_MEASUREMENT,
            "the packet's MAC is not that of a packet of this session",
        ),
    ] {
        assert_eq!((error.status(), error.to_string().as_str()), (status, text));
    }
}

proptest! {
    #[test]
    fn there_and_back(blocks in 1usize..100, iv: [u8; 16], byte: u8) {
        let (sending, receiving) = ends();
        let plain: Vec<u8> = (0..16 * blocks).map(|i| byte.wrapping_mul(i as u8)).collect();
        let mut data = plain.clone();
        let header = sending.data(PacketIv::from_random(iv), &mut data).unwrap();
        prop_assert!(data != plain);
        receiving.data(&header, &mut data).unwrap();
        prop_assert_eq!(data, plain);
    }
}
