//! Migration and swapped pages: what the other end has made is taken in any order and as often as it comes, and nothing
//! else is.

use std::sync::OnceLock;

use sevcrypt::ecdh::PrivateKey;
use sevcrypt::sev::cert::{Certificate, Trust};
use sevcrypt::sev::launch::Loading;
use sevcrypt::sev::packet::{PacketHeader, PacketIv};
use sevcrypt::sev::session::{Channel, SessionRandom};
use sevcrypt::sev::swap::{MdataEntry, PageType, SwapError, SwapKey};
use sevcrypt::sev::transport::{Receiver, Receiving, Sender, Sending, TransportError, VmsaContext};
use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
use sevcrypt::vmsa::Vmsa;
use sevcrypt::{Backend, PhysAddr};

use crate::check_error;

/// ES.
const POLICY: GuestPolicy = GuestPolicy(4);

/// Both ends of one session.
struct Ends {
    sending: Sending,
    receiving: Receiving,
}

impl Ends {
    fn new(seed: u8, context: VmsaContext) -> Self {
        let [old, new] = [1, 2].map(|seed| PrivateKey::from_random(&[seed; 56]));
        let certificate =
            |key: &PrivateKey| Certificate::of_ecdh_key(&key.public_key(), ApiVersion::default());
        let loading = Loading::start_without_session(POLICY);
        let firmware = FirmwareVersion::default();
        let guest = loading.measure(firmware, &[seed; 16], Backend::best()).1.finish();
        let (from, to) = (certificate(&old), certificate(&new));
        let receiver = Receiver { pdh: to.as_bytes(), platform: &[], amd: &[] };
        let sender = Sender { pdh: &old, oca: &from, trust: Trust::amd() };
        let random = SessionRandom::new(&core::array::from_fn(|i| seed ^ i as u8));
        let (sending, session) =
            guest.send_start(&receiver, &sender, &random, Backend::best()).expect("no rules");
        let buffer = session.to_bytes();
        let channel = Channel::open(&new, from.as_bytes(), &buffer, POLICY, firmware.api);
        let receiving = Receiving::start(channel.expect("its session"), Backend::best());
        Self {
            sending: sending.with_vmsa_context(context),
            receiving: receiving.with_vmsa_context(context),
        }
    }

    /// Two sessions between the same platforms.
    fn both() -> &'static [Self; 2] {
        static BOTH: OnceLock<[Ends; 2]> = OnceLock::new();
        BOTH.get_or_init(|| [Self::new(1, VmsaContext::Data), Self::new(9, VmsaContext::Vmsa)])
    }
}

/// A packet of the first session, and what is in it.
struct Made {
    header: PacketHeader,
    packet: Vec<u8>,
    plain: Vec<u8>,
}

/// Commands of four bytes: what to do, with which packet, two bytes for a length or a bit. What they need of contents is the
/// bytes behind them, which stay.
pub fn sev_transport(data: &[u8]) {
    let mut made = Vec::new();
    let mut rest = data;
    for count in 0..32 {
        let Some(([command, which, low, high], behind)) = rest.split_first_chunk() else { return };
        rest = behind;
        let number = u16::from_le_bytes([*low, *high]);
        let iv = || PacketIv::from_random([count + 1; 16]);
        match command % 6 {
            0 => made.extend(seal(iv(), rest, usize::from(number))),
            1 => pick(&made, *which).iter().for_each(|made| taken(made)),
            2 => pick(&made, *which).iter().for_each(|made| changed(made, usize::from(number))),
            3 => forged(rest),
            4 => save_area(iv(), rest, usize::from(number)),
            _ => swapped(rest, *which, usize::from(number)),
        }
    }
}

fn pick(made: &[Made], which: u8) -> Option<&Made> {
    made.get(usize::from(which) % made.len().max(1))
}

/// The bytes, over and over.
fn contents(bytes: &[u8], len: usize) -> Vec<u8> {
    bytes.iter().chain(&[7]).copied().cycle().take(len).collect()
}

fn seal(iv: PacketIv, bytes: &[u8], len: usize) -> Option<Made> {
    let plain = contents(bytes, len);
    let mut packet = plain.clone();
    match Ends::both()[0].sending.data(iv, &mut packet) {
        Ok(header) => {
            assert_eq!(PacketHeader::from_bytes(&header.to_bytes()), header);
            Some(Made { header, packet, plain })
        }
        Err(error) => {
            check_error(&error);
            assert_eq!(error, TransportError::Lengths { guest: len, trans: len });
            assert!(len == 0 || !len.is_multiple_of(16) || len > 0x5000);
            assert_eq!(packet, plain);
            None
        }
    }
}

fn taken(made: &Made) {
    let mut data = made.packet.clone();
    assert_eq!(Ends::both()[0].receiving.data(&made.header, &mut data), Ok(()));
    assert_eq!(data, made.plain);
    refused(&Ends::both()[1].receiving, &made.header, &made.packet, TransportError::Mac);
}

fn refused(receiving: &Receiving, header: &PacketHeader, packet: &[u8], error: TransportError) {
    check_error(&error);
    let mut data = packet.to_vec();
    assert_eq!(receiving.data(header, &mut data), Err(error));
    assert_eq!(data, packet, "nothing is deciphered");
    data.fill(0xee);
    assert_eq!(receiving.data_to(header, packet, &mut data), Err(error));
    assert!(data.iter().all(|byte| *byte == 0xee));
}

fn changed(made: &Made, bit: usize) {
    let mut bytes = [&made.header.to_bytes(), &made.packet[..]].concat();
    let bit = bit % (8 * bytes.len());
    bytes[bit / 8] ^= 1 << (bit % 8);
    let (header, packet) = bytes.split_first_chunk().expect("a header");
    let error = if bit == 0 { TransportError::Compressed } else { TransportError::Mac };
    refused(&Ends::both()[0].receiving, &PacketHeader::from_bytes(header), packet, error);
}

/// What nobody has made.
fn forged(bytes: &[u8]) {
    let Some((header, packet)) = bytes.split_first_chunk() else { return };
    let header = PacketHeader::from_bytes(header);
    let len = packet.len();
    let error = if len == 0 || len % 16 != 0 || len > 0x5000 {
        TransportError::Lengths { guest: len, trans: len }
    } else if header.is_compressed() {
        TransportError::Compressed
    } else {
        TransportError::Mac
    };
    refused(&Ends::both()[0].receiving, &header, packet, error);
}

fn save_area(iv: PacketIv, bytes: &[u8], bit: usize) {
    let page = contents(bytes, 4096).try_into().expect("a page");
    let mut vmsa = Vmsa::from_bytes(&page);
    let address = PhysAddr::new(0x1000).expect("an address");
    // A page that came so is not prepared; whose word is 0x1000 is not known.
    check_error(&vmsa.check_integrity(&[]).expect_err("no block"));
    let block = vmsa.prepare(address);
    let Ends { sending, receiving } = &Ends::both()[1];
    let mut packet = [0; 4096];
    let header = sending.vmsa(iv, &vmsa, &[block], &mut packet).expect("it was prepared");
    let mut got = Vmsa::ZERO;
    assert_eq!(receiving.vmsa(&header, &packet, address, &mut got), Ok(block));
    assert_eq!(got.as_bytes(), vmsa.as_bytes());

    let mut changed = *vmsa.as_bytes();
    let bit = bit % (8 * 0xfc0);
    changed[bit / 8] ^= 1 << (bit % 8);
    let error = Vmsa::from_bytes(&changed).check_integrity(&[block]).expect_err("it was changed");
    check_error(&error);

    packet[bit / 8] ^= 1 << (bit % 8);
    let mut got = Vmsa::ZERO;
    let refused = receiving.vmsa(&header, &packet, address, &mut got);
    assert_eq!(refused, Err(TransportError::Mac));
    assert_eq!(got.as_bytes(), Vmsa::ZERO.as_bytes());
}

fn swapped(bytes: &[u8], page_type: u8, bit: usize) {
    let key = SwapKey::new(&[7; 32], u64::from(page_type), Backend::best());
    let page = contents(bytes, 4096);
    let mut out = vec![0xee; 4096];
    // An entry that nobody has made.
    if let Some(entry) = bytes.first_chunk() {
        let entry = MdataEntry::from_bytes(entry);
        assert_eq!(MdataEntry::from_bytes(&entry.to_bytes()), entry);
        for page_type in [PageType::Data, PageType::Metadata, PageType::Vmsa] {
            let error = key.swap_in(page_type, &entry, &page, &mut out).expect_err("forged");
            check_error(&error);
            let is_other = entry.page_type() != Some(page_type);
            assert_eq!(error == SwapError::OtherEntry, is_other || out[0] == 0xee);
            out.fill(0xee);
        }
    }
    // One of this key's, with a changed bit.
    let mut key = key;
    let page_type = if page_type.is_multiple_of(2) { PageType::Data } else { PageType::Metadata };
    let entry = key.swap_out(page_type, &[], 3, &page, &mut out).expect("a page of 4 KiB");
    let mut back = vec![0xee; 4096];
    assert_eq!(key.swap_in(page_type, &entry, &out, &mut back), Ok(()));
    assert_eq!(back, page);
    let mut bytes = [&entry.to_bytes()[..], &out].concat();
    let bit = bit % (8 * bytes.len());
    bytes[bit / 8] ^= 1 << (bit % 8);
    let (entry, page) = bytes.split_first_chunk().expect("an entry");
    let refused = key.swap_in(page_type, &MdataEntry::from_bytes(entry), page, &mut back);
    check_error(&refused.expect_err("it was changed"));
}
