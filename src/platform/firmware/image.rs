//! The model's firmware images.

use core::fmt;

use crate::hash::sha384;
use crate::snp::report::FirmwareVersion;
use crate::snp::tcb::TcbVersion;
use crate::wire::{field, field_mut};

/// What DOWNLOAD_FIRMWARE_EX takes. MODEL: AMD's images are code, signed and enciphered; this one is no code, and **nobody signs
/// it**: whoever can write one is taken for AMD. What it changes is what the model says of its firmware, and the keys that follow.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 8 | `sevcrypt` |
/// | 8 | 4 | version of this layout, little-endian: 1 |
/// | 0Ch | 4 | ABI major, ABI minor, build, zero |
/// | 10h | 8 | TCB_VERSION of a platform that runs it |
/// | 18h | 8 | zero |
/// | 20h | 48 | SHA-384 of the 32 bytes before |
///
/// ```
/// use sevcrypt::platform::FirmwareImage;
/// use sevcrypt::snp::report::FirmwareVersion;
/// use sevcrypt::snp::tcb::TcbVersion;
///
/// let image = FirmwareImage {
///     version: FirmwareVersion { major: 1, minor: 55, build: 26 },
///     tcb: TcbVersion::new([3, 0, 0, 0, 0, 0, 9, 0x73]),
/// };
/// let mut bytes = image.to_bytes();
/// assert_eq!(FirmwareImage::from_bytes(&bytes), Ok(image));
/// bytes[0xe] += 1;
/// assert!(FirmwareImage::from_bytes(&bytes).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirmwareImage {
    /// Its version.
    pub version: FirmwareVersion,
    /// The TCB version of a platform that runs it. MODEL: an image counts for all components, the boot loader and microcode too.
    pub tcb: TcbVersion,
}

/// The begin of an image, and the version of the layout.
const HEAD: &[u8; 12] = b"sevcrypt\x01\0\0\0";

impl FirmwareImage {
    /// The length of an image in bytes.
    pub const LEN: usize = 0x50;

    /// From an image.
    ///
    /// # Errors
    /// [`NoFirmwareImage`]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Result<Self, NoFirmwareImage> {
        let [major, minor, build, _] = *field::<0xc, 4, _>(bytes);
        let tcb = TcbVersion::new(*field::<0x10, 8, _>(bytes));
        let image = Self { version: FirmwareVersion { major, minor, build }, tcb };
        if image.to_bytes() == *bytes { Ok(image) } else { Err(NoFirmwareImage) }
    }

    /// The image.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let FirmwareVersion { major, minor, build } = self.version;
        let mut bytes = [0; Self::LEN];
        *field_mut::<0, 12, _>(&mut bytes) = *HEAD;
        *field_mut::<0xc, 4, _>(&mut bytes) = [major, minor, build, 0];
        *field_mut::<0x10, 8, _>(&mut bytes) = self.tcb.bytes();
        *field_mut::<0x20, 48, _>(&mut bytes) = sha384(field::<0, 0x20, _>(&bytes));
        bytes
    }
}

/// Bytes that are no image of the model's firmware: another begin or layout, a reserved byte that is not zero, or another digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFirmwareImage;

impl fmt::Display for NoFirmwareImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no firmware image of the model, or one whose digest is another")
    }
}

impl core::error::Error for NoFirmwareImage {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_counts() {
        let version = FirmwareVersion { major: 1, minor: 2, build: 3 };
        let image = FirmwareImage { version, tcb: TcbVersion::new([1, 2, 3, 4, 5, 6, 7, 8]) };
        let bytes = image.to_bytes();
        assert_eq!(FirmwareImage::from_bytes(&bytes), Ok(image));
        for bit in 0..8 * FirmwareImage::LEN {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FirmwareImage::from_bytes(&changed), Err(NoFirmwareImage), "bit {bit}");
        }
    }
}
