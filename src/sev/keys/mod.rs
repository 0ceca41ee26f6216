//! The keys of a platform: from the chip's secret to the certificates that it exports.

use crate::ecdsa::SigningKey;
use crate::secret::secret;

secret! {
    /// CUK: the chip's unique key, from its fuses.
    ChipUniqueKey, 32
}

impl ChipUniqueKey {
    /// The chip endorsement key.
    #[must_use]
    pub fn cek(&self) -> SigningKey {
        todo!()
    }

    /// What GET_ID answers for this chip.
    #[must_use]
    pub fn chip_id(&self) -> [u8; 64] {
        todo!()
    }
}

/// The keys and certificates of a platform. (Firmware's end.)
pub struct PlatformKeys {
    // oca, pek, pdh, cek: filled in by the owner of this file
}
