//! What differs between the generations: cipher, number of key slots, place of the C-bit.

use crate::addr::{GuestPhysAddr, PhysAddr};
use crate::error::AddressError;
use crate::snp::tcb::Product;

/// A generation of memory controllers.
///
/// ```
/// use sevcrypt::platform::memory::Generation;
/// use sevcrypt::snp::tcb::Product;
///
/// let genoa = Generation::from(Product::Genoa);
/// assert_eq!((genoa.guest_keys(), genoa.c_bit()), (1006, 51));
/// assert!(genoa.has_xts() && !Generation::Milan.has_xts());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Generation {
    /// First parts of Zen 1 (Epyc 7251): AES-128 with whitening ahead of it only, [XE](crate::mem::Mode::Xe).
    NaplesXe,
    /// Later parts of Zen 1 (Epyc 7401P): AES-128 [XEX](crate::mem::Mode::Xex).
    Naples,
    /// Zen 2: AES-128 XEX (MODEL: AMD names AES-128 only), tweak constants random at each boot.
    Rome,
    /// Zen 3: AES-128 XEX.
    Milan,
    /// Zen 4 and 4c: AES-128 XEX, or AES-256-XTS.
    Genoa,
    /// Zen 5: as Genoa.
    Turin,
    /// Zen 6. MODEL: as Turin.
    Venice,
}

/// What a controller of Genoa and later does to memory, as firmware settings of the platform choose it; earlier ones have no
/// choice.
///
/// A guest whose policy has bit 22, MEM_AES_256_XTS, runs with XTS only (AMD 56860, "Guest Policy").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encryption {
    /// AES-128 as the generation has it: XE on the first parts, XEX on all others.
    #[default]
    Aes128,
    /// AES-256-XTS. MODEL: the data unit is a page, and its number is the page's.
    Aes256Xts,
}

impl Generation {
    /// How many guests' keys a controller holds, for ASIDs from 1 on; key slot 0, the host's, comes on top.
    ///
    /// 15 on Naples, 509 on Rome and Milan, 1006 on Genoa (AMD's published firmware); MODEL: as many on Turin and later.
    #[must_use]
    pub const fn guest_keys(self) -> u32 {
        match self {
            Self::NaplesXe | Self::Naples => 15,
            Self::Rome | Self::Milan => 509,
            Self::Genoa | Self::Turin | Self::Venice => 1006,
        }
    }

    /// The bit of a system address that asks for encryption: CPUID Fn8000_001F EBX\[5:0\].
    ///
    /// 47 on Naples, 51 on Milan and later; MODEL: 47 on Rome.
    #[must_use]
    pub const fn c_bit(self) -> u32 {
        match self {
            Self::NaplesXe | Self::Naples | Self::Rome => 47,
            Self::Milan | Self::Genoa | Self::Turin | Self::Venice => 51,
        }
    }

    /// Whether it has AES-256-XTS.
    #[must_use]
    pub const fn has_xts(self) -> bool {
        matches!(self, Self::Genoa | Self::Turin | Self::Venice)
    }

    /// Takes the C-bit out of an address as page tables and the firmware's commands have it.
    ///
    /// # Errors
    /// [`AddressError`] if the number has a bit at or above bit 52.
    ///
    /// ```
    /// use sevcrypt::platform::memory::Generation;
    ///
    /// let private = Generation::Milan.decode(1 << 51 | 0x1000)?;
    /// assert!(private.is_encrypted);
    /// assert_eq!(private.addr.get(), 0x1000);
    /// # Ok::<(), sevcrypt::AddressError>(())
    /// ```
    pub const fn decode(self, raw: u64) -> Result<SystemAddress, AddressError> {
        let bit = 1 << self.c_bit();
        match PhysAddr::new(raw & !bit) {
            Ok(addr) => Ok(SystemAddress { addr, is_encrypted: raw & bit != 0 }),
            Err(_) => Err(AddressError { addr: raw }),
        }
    }
}

impl From<Product> for Generation {
    fn from(product: Product) -> Self {
        match product {
            Product::Milan => Self::Milan,
            Product::Genoa => Self::Genoa,
            Product::Turin => Self::Turin,
            Product::Venice => Self::Venice,
        }
    }
}

/// A system address, and the C-bit that stood in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemAddress {
    /// The address without the C-bit.
    pub addr: PhysAddr,
    /// The C-bit.
    pub is_encrypted: bool,
}

/// What a guest reads or writes: its page tables and its instructions are always its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GuestAccess {
    /// Data.
    Data,
    /// An instruction.
    Fetch,
    /// An entry of the guest's page tables.
    PageTable,
}

/// Whether a guest's access goes through its key (C = 1): AMD APM volume 2, section 15.36.8, "Virtual Top-of-Memory".
///
/// Page tables and instructions always do. Of data, the C-bit of the guest's page table decides; with `vtom`, VIRTUAL_TOM of
/// the VMSA, the address does: what lies below it is private. `None` where the access is not done: with `vtom`, the C-bit is a
/// reserved bit of page table entries, and the guest takes #PF.
///
/// ```
/// use sevcrypt::GuestPhysAddr;
/// use sevcrypt::platform::memory::{GuestAccess, is_private};
///
/// let (gpa, vtom) = (GuestPhysAddr::new(0x20_0000)?, GuestPhysAddr::new(0x20_0000)?);
/// assert_eq!(is_private(GuestAccess::Data, gpa, true, None), Some(true));
/// assert_eq!(is_private(GuestAccess::Data, gpa, false, Some(vtom)), Some(false));
/// assert_eq!(is_private(GuestAccess::Fetch, gpa, false, Some(vtom)), Some(true));
/// # Ok::<(), sevcrypt::AddressError>(())
/// ```
#[must_use]
pub fn is_private(
    access: GuestAccess,
    gpa: GuestPhysAddr,
    c_bit: bool,
    vtom: Option<GuestPhysAddr>,
) -> Option<bool> {
    let of_data = match vtom {
        Some(_) if c_bit => return None,
        Some(vtom) => gpa < vtom,
        None => c_bit,
    };
    Some(match access {
        GuestAccess::Data => of_data,
        GuestAccess::Fetch | GuestAccess::PageTable => true,
    })
}
