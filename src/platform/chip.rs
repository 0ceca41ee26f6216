//! What is fused into a chip.

use crate::sev::keys::ChipUniqueKey;
use crate::snp::keys::ChipSecret;
use crate::snp::tcb::{CpuModel, Product};

/// A chip: what AMD fuses into it, and what it is.
///
/// A chip's identity follows from its secrets; a copy of them is the same chip.
pub struct Chip {
    product: Product,
    cpu: CpuModel,
    secret: ChipSecret,
    unique_key: ChipUniqueKey,
    chip_id: [u8; 64],
}

impl Chip {
    /// A chip of a product, with the secrets of its fuses: 48 bytes from which the sticks of its VCEK follow (MODEL: AMD does not
    /// say what the boot ROM makes them of), and 32 bytes from which its CEK and CHIP_ID follow.
    #[must_use]
    pub fn new(product: Product, secret: &[u8; 48], unique_key: &[u8; 32]) -> Self {
        let unique_key = ChipUniqueKey::new(unique_key);
        let mut chip_id = unique_key.chip_id();
        // Later parts have eight bytes.
        chip_id[product.hw_id_len()..].fill(0);
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
}
