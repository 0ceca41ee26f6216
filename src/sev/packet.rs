//! Packets: bytes under TEK and TIK, with a header (AMD 55766, LAUNCH_SECRET, SEND_UPDATE, RECEIVE_UPDATE).

use crate::addr::Block;
use crate::cpu::Backend;
use crate::sev::session::TransportKeys;

/// The header of a packet, 52 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketHeader {
    /// FLAGS: bit 0 is COMPRESSED.
    pub flags: u32,
    /// IV: the whole first counter block.
    pub iv: Block,
    /// MAC.
    pub mac: [u8; 32],
}

impl PacketHeader {
    /// The length in bytes.
    pub const LEN: usize = 52;

    /// From its bytes.
    #[must_use]
    pub fn from_bytes(_bytes: &[u8; Self::LEN]) -> Self {
        todo!()
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        todo!()
    }

    /// COMPRESSED.
    #[must_use]
    pub const fn is_compressed(&self) -> bool {
        self.flags & 1 == 1
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

/// TEK and TIK, set up. Wiped on drop.
pub(crate) struct PacketKeys {
    // ctr: CtrKey, tik
}

impl PacketKeys {
    pub(crate) fn new(_keys: &TransportKeys, _backend: Backend) -> Self {
        todo!()
    }

    /// Enciphers in place, and makes the header.
    pub(crate) fn seal(
        &self,
        _context: Context<'_>,
        _iv: &Block,
        _data: &mut [u8],
    ) -> PacketHeader {
        todo!()
    }

    /// Checks the MAC, then deciphers in place. `None`: the MAC is another one, and the data is as it was.
    #[must_use]
    pub(crate) fn open(
        &self,
        _context: Context<'_>,
        _header: &PacketHeader,
        _data: &mut [u8],
    ) -> Option<()> {
        todo!()
    }
}
