//! Packets: bytes under TEK and TIK, with a header (AMD 55766, LAUNCH_SECRET, SEND_UPDATE, RECEIVE_UPDATE).
//!
//! ```text
//! ciphertext = AES-128-CTR(TEK, IV, plaintext)
//! MAC = HMAC-SHA-256(TIK, context | FLAGS | IV | GUEST_LENGTH | TRANS_LENGTH | ciphertext | MEASURE of secrets)
//! ```
//! FLAGS and lengths are little-endian words of 32 bits. Both lengths are that of the ciphertext: they differ in compressed
//! packets only, which the published firmware refuses (UNKNOWN: the compression).
//!
//! A packet has no number and no address. Whoever hands packets to the firmware can leave some out, repeat them within the
//! session, and put secrets and pages where he wants.
//!
//! # Packets of 16 and of 32 bytes
//! The published firmware makes and takes no such packet of SEND_UPDATE and RECEIVE_UPDATE: what its MAC covers is less than
//! the hardware's HMAC takes, and the command ends with an internal error. (UNKNOWN: its status. Secrets of these lengths
//! are fine.) Here they are packets like others, which is a MODEL: software must not rely on them.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::addr::Block;
use crate::cpu::Backend;
use crate::ctr::CtrKey;
use crate::sev::session::{TransportKeys, is_mac};
use crate::wipe::Wiped;
use crate::wire::{field, field_mut, get_u32};

/// The most bytes of one packet (AMD's published firmware). Lengths are multiples of 16, and not 0.
pub const MAX_LEN: usize = 0x5000;

/// Whether the firmware takes packets of so many bytes.
#[must_use]
pub(crate) const fn is_valid_len(len: usize) -> bool {
    len != 0 && len.is_multiple_of(16) && len <= MAX_LEN
}

/// The header of a packet, 52 bytes.
///
/// ```
/// use sevcrypt::sev::packet::PacketHeader;
///
/// let mut bytes = [0; PacketHeader::LEN];
/// (bytes[0], bytes[4], bytes[20]) = (1, 0x11, 0x22);
/// let header = PacketHeader::from_bytes(&bytes);
/// assert!(header.is_compressed());
/// assert_eq!((header.iv[0], header.mac[0]), (0x11, 0x22));
/// assert_eq!(header.to_bytes(), bytes);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketHeader {
    /// FLAGS: bit 0 is COMPRESSED. The firmware does not look at the others.
    pub flags: u32,
    /// IV: the whole first counter block.
    pub iv: Block,
    /// MAC.
    pub mac: [u8; 32],
}

impl PacketHeader {
    /// The length in bytes.
    pub const LEN: usize = 52;

    /// From its bytes; nothing is checked.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self {
            flags: get_u32::<0, _>(bytes),
            iv: *field::<4, 16, _>(bytes),
            mac: *field::<20, 32, _>(bytes),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        *field_mut::<0, 4, _>(&mut bytes) = self.flags.to_le_bytes();
        *field_mut::<4, 16, _>(&mut bytes) = self.iv;
        *field_mut::<20, 32, _>(&mut bytes) = self.mac;
        bytes
    }

    /// COMPRESSED.
    #[must_use]
    pub const fn is_compressed(&self) -> bool {
        self.flags & 1 == 1
    }
}

/// The IV of one packet: its first counter block. It is used up by the packet, and cannot be copied.
///
/// All 16 bytes must be fresh random ones. Numbers that count up would do harm: each packet takes as many counter blocks as
/// it has blocks, and two packets under one counter block show the difference of their contents.
///
/// An IV serves once:
/// ```compile_fail,E0382
/// # use sevcrypt::sev::{launch::Attested, packet::PacketIv};
/// fn twice(guest: &Attested, iv: PacketIv, secrets: &mut [[u8; 16]; 2]) {
///     let _ = guest.seal_secret(iv, &mut secrets[0]);
///     let _ = guest.seal_secret(iv, &mut secrets[1]);
/// }
/// ```
#[derive(Debug)]
pub struct PacketIv(Block);

impl PacketIv {
    /// From 16 bytes of a random number generator, drawn for this packet.
    #[must_use]
    pub const fn from_random(random: Block) -> Self {
        Self(random)
    }
}

/// What a packet is, and its first byte under the MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context<'a> {
    /// 1: a secret; MEASURE follows the ciphertext under the MAC.
    Secret(&'a [u8; 32]),
    /// 2: pages.
    Data,
    /// 3: a save area, where it is not 2.
    Vmsa,
}

/// TEK and TIK, set up. Wiped on drop, padding included. A round key's alignment gives padding also to what holds this: wipe
/// that as a whole, too.
pub(crate) struct PacketKeys(Wiped<Keys>);

struct Keys {
    ctr: CtrKey,
    /// HMAC that was given nothing yet.
    mac: Hmac<Sha256>,
    /// What they are made of, for a machine that is saved.
    #[cfg(feature = "platform")]
    transport: TransportKeys,
}

impl PacketKeys {
    pub(crate) fn new(keys: &TransportKeys, backend: Backend) -> Self {
        let ctr = CtrKey::new(keys.tek.as_bytes(), backend);
        Self(Wiped::new(Keys {
            ctr,
            mac: keys.tik.hmac(),
            #[cfg(feature = "platform")]
            transport: TransportKeys::from_bytes(&keys.to_bytes()),
        }))
    }

    /// TEK and TIK.
    #[cfg(feature = "platform")]
    pub(crate) fn transport(&self) -> &TransportKeys {
        &self.0.transport
    }

    /// Enciphers in place, and makes the header. The length is a valid one.
    pub(crate) fn seal(&self, context: Context<'_>, iv: PacketIv, data: &mut [u8]) -> PacketHeader {
        self.0.ctr.apply(&iv.0, data);
        self.header(context, iv, data)
    }

    /// The same to another place of the same length, where no plaintext stands at any time: others may see it.
    pub(crate) fn seal_to(
        &self,
        context: Context<'_>,
        iv: PacketIv,
        data: &[u8],
        packet: &mut [u8],
    ) -> PacketHeader {
        self.0.ctr.apply_to(&iv.0, data, packet);
        self.header(context, iv, packet)
    }

    fn header(&self, context: Context<'_>, PacketIv(iv): PacketIv, packet: &[u8]) -> PacketHeader {
        let mac = self.mac(context, 0, &iv, packet).finalize().into_bytes().into();
        PacketHeader { flags: 0, iv, mac }
    }

    /// Whether the MAC is that of these bytes, in constant time.
    #[must_use]
    pub(crate) fn is_authentic(
        &self,
        context: Context<'_>,
        header: &PacketHeader,
        packet: &[u8],
    ) -> bool {
        is_mac(self.mac(context, header.flags, &header.iv, packet), &header.mac)
    }

    /// Deciphers in place what is authentic.
    pub(crate) fn decipher(&self, header: &PacketHeader, data: &mut [u8]) {
        self.0.ctr.apply(&header.iv, data);
    }

    /// The same to another place of the same length.
    pub(crate) fn decipher_to(&self, header: &PacketHeader, packet: &[u8], data: &mut [u8]) {
        self.0.ctr.apply_to(&header.iv, packet, data);
    }

    fn mac(&self, context: Context<'_>, flags: u32, iv: &Block, data: &[u8]) -> Hmac<Sha256> {
        let (context, measure): (u8, &[u8]) = match context {
            Context::Secret(measure) => (1, measure),
            Context::Data => (2, &[]),
            Context::Vmsa => (3, &[]),
        };
        // Every caller has checked it: a valid length fits.
        let len = (data.len() as u32).to_le_bytes();
        self.0
            .mac
            .clone()
            .chain_update([context])
            .chain_update(flags.to_le_bytes())
            .chain_update(iv)
            .chain_update(len)
            .chain_update(len)
            .chain_update(data)
            .chain_update(measure)
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::sev::session::{Tek, Tik};

    fn hex<const N: usize>(digits: &str) -> [u8; N] {
        let bytes: Vec<u8> = base16ct::lower::decode_vec(digits).unwrap();
        bytes.try_into().unwrap()
    }

    /// Those of the worked example.
    fn keys(backend: Backend) -> PacketKeys {
        let [tek, tik] = [0x20, 0x30].map(|first| core::array::from_fn(|i| first + i as u8));
        let keys = TransportKeys { tek: Tek::new(&tek), tik: Tik::new(&tik) };
        PacketKeys::new(&keys, backend)
    }

    fn measure() -> [u8; 32] {
        hex("1dfc044414d5145df3ec98db2041fce70b310496db49ebfbf74fc49e48a7faa1")
    }

    #[track_caller]
    fn check(context: Context<'_>, iv: &str, plain: &[u8], ciphertext: &str, mac: &str) {
        for backend in Backend::available() {
            let keys = keys(backend);
            let mut data = plain.to_vec();
            let iv_of = || PacketIv::from_random(hex(iv));
            let header = keys.seal(context, iv_of(), &mut data);
            assert_eq!(data, base16ct::lower::decode_vec(ciphertext).unwrap());
            let mut other = std::vec![0xee; plain.len()];
            assert_eq!(keys.seal_to(context, iv_of(), plain, &mut other), header);
            assert_eq!(other, data);
            let bytes: [u8; 52] = hex(&["00000000", iv, mac].concat());
            assert_eq!(header.to_bytes(), bytes, "{backend}");
            assert_eq!(PacketHeader::from_bytes(&bytes), header);
            assert!(keys.is_authentic(context, &header, &data));
            keys.decipher_to(&header, &data, &mut other);
            assert_eq!(other, plain);
            keys.decipher(&header, &mut data);
            assert_eq!(data, plain);
        }
    }

    /// Computed by another implementation, in Python.
    #[test]
    fn known_answers() {
        check(
            Context::Secret(&measure()),
            "606162636465666768696a6b6c6d6e6f",
            b"0123456789abcdefSECRET-SECRET-32",
            "1633c0c391b9cde6f52377adbaef8b5422c494ca4c3dedd5882d358663fe9c88",
            "23a82eb4984541c3827fddef7bec8b50e185dc6b21a669e5007acd74cdd4dd0f",
        );
        let plain: [u8; 64] = core::array::from_fn(|i| (7 * i) as u8);
        for (context, mac) in [
            (Context::Data, "f802507af9259e3839ed8557d3bdf80b5e7eebcfedb13cfdbff982a9e5e33eb1"),
            (Context::Vmsa, "fb14a2bedafca9f4d79fbe6c5a0e0b7aad6f82e5d7c2f23ef54c7ccfa42deefc"),
        ] {
            check(
                context,
                "707172737475767778797a7b7c7d7e7f",
                &plain,
                "1e94927d598cd76ea26987128e75374675fe08eec64fab07c80a3468e21d58e0\
                 c35b73cc91141159801d9be677a15beb9aaca5dac1a97690968cc38c59e12a4c",
                mac,
            );
        }
    }

    #[track_caller]
    fn refused(keys: &PacketKeys, context: Context<'_>, header: &PacketHeader, data: &[u8]) {
        assert!(!keys.is_authentic(context, header, data));
    }

    /// Every bit of header, ciphertext and measurement, and another length.
    #[test]
    fn changed_bits() {
        let (keys, measure) = (keys(Backend::portable()), measure());
        let contexts = [Context::Secret(&measure), Context::Data, Context::Vmsa];
        for context in contexts {
            let mut sealed = *b"what is sealed, of forty-eight bytes in all, yes";
            let iv = PacketIv::from_random([0xff; 16]);
            let header = keys.seal(context, iv, &mut sealed);
            for bit in 0..8 * 52 {
                let mut bytes = header.to_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                refused(&keys, context, &PacketHeader::from_bytes(&bytes), &sealed);
            }
            for bit in 0..8 * sealed.len() {
                let mut changed = sealed;
                changed[bit / 8] ^= 1 << (bit % 8);
                refused(&keys, context, &header, &changed);
            }
            for len in 0..sealed.len() {
                refused(&keys, context, &header, &sealed[..len]);
            }
            refused(&keys, context, &header, &[&sealed[..], &[0; 16]].concat());
            for other in contexts.into_iter().filter(|other| *other != context) {
                refused(&keys, other, &header, &sealed);
            }
            for bit in 0..8 * 32 {
                let mut other = measure;
                other[bit / 8] ^= 1 << (bit % 8);
                if context == Context::Secret(&measure) {
                    refused(&keys, Context::Secret(&other), &header, &sealed);
                }
            }
            assert!(keys.is_authentic(context, &header, &sealed));
        }
    }

    #[test]
    fn lengths() {
        let valid = (0..0x5100).filter(|len| is_valid_len(*len));
        assert!(valid.eq((16..=0x5000).step_by(16)));
    }
}
