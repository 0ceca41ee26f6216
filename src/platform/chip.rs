//! What is fused into a chip.

use core::fmt;

use crate::sev::keys::ChipUniqueKey;
use crate::snp::kds::{HwId, KdsError};
use crate::snp::keys::ChipSecret;
use crate::snp::tcb::{CpuModel, Product};

/// A chip: what AMD fuses into it, and what it is.
///
/// A chip's identity follows from its secrets, which it wipes on drop and does not print; a copy of them is the same chip.
///
/// ```
/// use sevcrypt::platform::Chip;
/// use sevcrypt::snp::tcb::Product;
///
/// # let (secret, unique_key) = ([7; 48], [8; 32]);
/// let chip = Chip::new(Product::Turin, &secret, &unique_key);
/// assert_eq!(chip.cpu().product(), Some(Product::Turin));
/// assert_eq!(chip.hw_id()?.as_bytes(), &chip.chip_id()[..8]);
/// assert_eq!(chip.chip_id()[8..], [0; 56]);
/// # Ok::<(), sevcrypt::snp::kds::KdsError>(())
/// ```
pub struct Chip {
    product: Product,
    cpu: CpuModel,
    secret: ChipSecret,
    unique_key: ChipUniqueKey,
    chip_id: [u8; 64],
}

impl Chip {
    /// A chip of a product, with the secrets of its fuses: 48 bytes from which the sticks of its VCEK follow (MODEL: AMD does
    /// not say what the boot ROM makes them of), and 32 bytes from which its CEK and CHIP_ID follow.
    ///
    /// Family, model and stepping are those of a part of each product; MODEL for Venice.
    #[must_use]
    pub fn new(product: Product, secret: &[u8; 48], unique_key: &[u8; 32]) -> Self {
        let unique_key = ChipUniqueKey::new(unique_key);
        let mut chip_id = unique_key.chip_id();
        // Later parts have eight bytes.
        chip_id.iter_mut().skip(product.hw_id_len()).for_each(|byte| *byte = 0);
        let cpu = match product {
            Product::Milan => CpuModel { family: 0x19, model: 0x01, stepping: 1 },
            Product::Genoa => CpuModel { family: 0x19, model: 0x11, stepping: 1 },
            Product::Turin => CpuModel { family: 0x1a, model: 0x02, stepping: 1 },
            Product::Venice => CpuModel { family: 0x1a, model: 0x50, stepping: 0 },
        };
        Self { product, cpu, secret: ChipSecret::new(secret), unique_key, chip_id }
    }

    /// The product.
    #[must_use]
    pub const fn product(&self) -> Product {
        self.product
    }

    /// Family, model and stepping.
    #[must_use]
    pub const fn cpu(&self) -> CpuModel {
        self.cpu
    }

    /// The secret behind its VCEKs.
    #[must_use]
    pub const fn secret(&self) -> &ChipSecret {
        &self.secret
    }

    /// The key behind its CEK and CHIP_ID.
    #[must_use]
    pub const fn unique_key(&self) -> &ChipUniqueKey {
        &self.unique_key
    }

    /// CHIP_ID, as reports have it: on Turin and later the first 8 bytes, the others zero.
    #[must_use]
    pub const fn chip_id(&self) -> &[u8; 64] {
        &self.chip_id
    }

    /// What the Key Distribution Service knows the chip by: the bytes of CHIP_ID that are not always zero.
    ///
    /// # Errors
    /// [`KdsError::MaskedChipId`]: they are all zero. That is so for a unique key of zero, or of the order of its curve, which
    /// no random one is.
    pub fn hw_id(&self) -> Result<HwId, KdsError> {
        HwId::from_chip_id(self.product, &self.chip_id)
    }
}

impl fmt::Debug for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chip({}, ..)", self.product)
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn every_product_is_its_own() {
        for &product in Product::ALL {
            let chip = Chip::new(product, &[7; 48], &[8; 32]);
            assert_eq!((chip.product(), chip.cpu().product()), (product, Some(product)));
            let len = product.hw_id_len();
            assert_eq!(chip.chip_id()[..len], chip.unique_key().chip_id()[..len]);
            assert_eq!(chip.chip_id()[len..], [0; 64][len..]);
            assert_eq!(chip.hw_id().unwrap().as_bytes(), &chip.chip_id()[..len]);
            assert_eq!(chip.secret().as_bytes(), &[7; 48]);
            assert_eq!(format!("{chip:?}"), format!("Chip({product}, ..)"));
        }
    }

    #[test]
    fn a_chip_without_an_id() {
        let chip = Chip::new(Product::Milan, &[7; 48], &[0; 32]);
        assert_eq!(chip.hw_id(), Err(KdsError::MaskedChipId));
    }
}
