//! What the address does to the ciphertext: [`Tweak`].

use core::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::addr::{BLOCK, Block, LINE, PAGE, PhysAddr};
use crate::aes::AesKey;
use crate::cpu::Backend;
use crate::error::{KeyError, TweakTableError};
use crate::kernel::{self, PageTable};
use crate::key::{Key, KeySize};
use crate::mem::portable::{self, xor};
use crate::secret::tell;
use crate::wipe::Wiped;

/// The lowest address bit that has a tweak constant; below it lies the inside of a block.
const FIRST_BIT: u32 = BLOCK.trailing_zeros();
/// The lowest address bit outside of a page.
const PAGE_BIT: u32 = PAGE.trailing_zeros();
/// The number of groups of four address bits from [`PAGE_BIT`] to bit 51.
const NIBBLES: usize = (PhysAddr::BITS - PAGE_BIT) as usize / 4;

/// The constants measured on Zen 1 parts, for address bits 4 to 31; each stands for itself four times in a
/// row. Source: SEVurity (Wilke et al., IEEE S&P 2020), table of t4 to t6 and the paper's artefact.
#[rustfmt::skip]
const ZEN1: [[u8; 4]; 28] = [
    [0x82, 0x25, 0x38, 0x38], [0xec, 0x09, 0x07, 0x9c], [0x40, 0x00, 0x00, 0x18], [0x81, 0x02, 0xa2, 0x3a],
    [0x77, 0xd9, 0x10, 0x77], [0xb0, 0x10, 0xb2, 0xc0], [0x53, 0x6d, 0x54, 0x4d], [0x15, 0x68, 0xee, 0x53],
    [0xb0, 0x92, 0x30, 0xc2], [0x96, 0x70, 0xff, 0x8e], [0x36, 0x1b, 0x90, 0xd5], [0x04, 0x00, 0xc2, 0x36],
    [0xe8, 0x18, 0x29, 0x85], [0xbd, 0x31, 0xf9, 0x2a], [0xa5, 0x0d, 0x37, 0x44], [0xf4, 0x31, 0xd8, 0x4c],
    [0x02, 0x04, 0x31, 0x81], [0xb3, 0x71, 0x32, 0xa1], [0x50, 0x8a, 0xc0, 0x6c], [0x16, 0x8a, 0x80, 0x20],
    [0x7f, 0x9b, 0xc0, 0x07], [0x00, 0xdb, 0x04, 0x07], [0x7f, 0x00, 0x04, 0x04], [0x70, 0xfa, 0x01, 0xbe],
    [0xbb, 0x3d, 0x28, 0x90], [0xbd, 0x2d, 0xd5, 0x26], [0x1c, 0x5d, 0x6c, 0xe2], [0x4f, 0x5c, 0xe7, 0x27],
];

/// What the address does: constants per address bit (XE, XEX), or a tweak key and a unit (XTS).
///
/// One per platform or memory channel; the data key is the [`MemoryCipher`](crate::mem::MemoryCipher)'s.
/// A cipher takes its tweak by value, by reference or in an `Arc`, so that every guest of a platform can
/// share one: the tables of a linear tweak take 7 KiB, and AMD's firmware loads one 256-bit value per
/// guest and channel, which leaves no room for a second XTS key per guest.
///
/// ```
/// use std::sync::Arc;
/// use sevcrypt::{Backend, mem::{MemoryCipher, Tweak, XtsUnit}};
///
/// let platform = Arc::new(Tweak::xts(&[0x80; 32], XtsUnit::Page, Backend::best()));
/// let first = MemoryCipher::xts(&[1; 32], Arc::clone(&platform), Backend::best())?;
/// let second = MemoryCipher::xts(&[2; 32], platform, Backend::best())?;
/// # Ok::<(), sevcrypt::KeyError>(())
/// ```
pub struct Tweak(Wiped<Kind>);

/// Where the tables are: a tweak that moves should not move 7 KiB. They are not secret, and not wiped.
#[cfg(feature = "alloc")]
type Tables = alloc::boxed::Box<Linear>;
#[cfg(not(feature = "alloc"))]
type Tables = Linear;

#[expect(
    clippy::large_enum_variant,
    reason = "keys do not go on the heap, nor do tables where there is none"
)]
pub(super) enum Kind {
    Linear(Tables),
    Xts(Xts),
}

/// T(p) = XOR of t_i over the bits i >= 4 of p that are set.
pub(super) struct Linear {
    /// T of every block address inside a page: bits 4 to 11.
    pub(super) in_page: PageTable,
    /// `nibbles[n][v]`: T of the address `v << (12 + 4 n)`.
    nibbles: [[Block; 16]; NIBBLES],
    /// Addresses must be below `2^bits`.
    bits: u32,
}

/// T(unit, j) = E(K2, unit) * a^j.
pub(super) struct Xts {
    key: AesKey,
    /// K2 itself, to compare with data keys.
    raw: [u8; 32],
    pub(super) unit: XtsUnit,
}

/// The data unit of XTS: what gets a tweak value of its own from the tweak key.
///
/// AMD names the mode (AES-256-XTS, from Zen 4 on) and has published neither the unit nor how its number
/// is encoded: both units are models. The unit's number is its first address divided by its size, as a
/// 16-byte little-endian integer (IEEE 1619-2018, section 5.1).
///
/// ```
/// use sevcrypt::mem::XtsUnit;
///
/// assert_eq!(XtsUnit::Page.bytes(), 4096);
/// assert_eq!(XtsUnit::Line.bytes(), 64);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum XtsUnit {
    /// 4096 bytes, 256 blocks.
    Page,
    /// 64 bytes, 4 blocks: one access of the memory controller.
    Line,
}

impl XtsUnit {
    /// The size of the unit in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Page => PAGE,
            Self::Line => LINE,
        }
    }
}

impl Tweak {
    /// The linear tweak measured on Zen 1: constants for address bits 4 to 31, so addresses below 4 GiB.
    ///
    /// Silicon accurate for those parts: with XE on early ones (Ryzen 1700X, 1950X, Epyc 7251), with XEX
    /// on later ones (Epyc 7401P, Epyc Embedded 3151). A firmware update can change the constants.
    /// Source: SEVurity (Wilke et al., IEEE S&P 2020) and its artefact.
    ///
    /// ```
    /// use sevcrypt::{mem::Tweak, PhysAddr};
    ///
    /// let tweak = Tweak::zen1();
    /// let value = tweak.value(PhysAddr::new(0x1230)?).expect("below 4 GiB");
    /// assert_eq!(value, *b"\x6e\xae\xbd\xa6\x6e\xae\xbd\xa6\x6e\xae\xbd\xa6\x6e\xae\xbd\xa6");
    /// assert_eq!(tweak.address_bits(), 32);
    /// # Ok::<(), sevcrypt::AddressError>(())
    /// ```
    #[must_use]
    pub fn zen1() -> Self {
        let mut constants = [[0; BLOCK]; ZEN1.len()];
        for (constant, word) in constants.iter_mut().zip(ZEN1) {
            for lane in constant.as_chunks_mut::<4>().0 {
                *lane = word;
            }
        }
        Self::of_constants(&constants)
    }

    /// MODEL: a linear tweak with constants from a seed, for address bits 4 to 51.
    ///
    /// AMD has not published the constants of Zen 2 and Zen 3 (fresh and random at each boot, by AMD's
    /// word to the SEVurity authors). Here, t_i = the first 16 bytes of SHA-256(`seed` || "tweak-const" ||
    /// i as 32-bit little-endian). The seed stands for the boot's random bytes and may have any length.
    /// The constants are not treated as a secret: they are what an attacker on the platform can measure.
    ///
    /// ```
    /// use sevcrypt::{mem::Tweak, PhysAddr};
    ///
    /// let tweak = Tweak::from_seed(b"example");
    /// let t4 = tweak.value(PhysAddr::new(0x10)?).expect("all 52 bits");
    /// assert_eq!(t4[..4], [0x4c, 0x77, 0x26, 0x33]);
    /// # Ok::<(), sevcrypt::AddressError>(())
    /// ```
    #[must_use]
    pub fn from_seed(seed: &[u8]) -> Self {
        let mut constants = [[0; BLOCK]; (PhysAddr::BITS - FIRST_BIT) as usize];
        for (constant, bit) in constants.iter_mut().zip(FIRST_BIT..) {
            let hash = Sha256::new()
                .chain_update(seed)
                .chain_update(b"tweak-const")
                .chain_update(bit.to_le_bytes())
                .finalize();
            constant.copy_from_slice(&hash[..BLOCK]);
        }
        Self::of_constants(&constants)
    }

    /// A linear tweak with the caller's constants: `constants[0]` is t_4, for address bit 4, and so on.
    /// Addresses must be below 2^(4 + the number of constants).
    ///
    /// # Errors
    /// [`TweakTableError`] if there are more than 48.
    ///
    /// ```
    /// use sevcrypt::mem::Tweak;
    ///
    /// let measured = [[0x11; 16]; 30]; // for address bits 4 to 33
    /// assert_eq!(Tweak::linear(&measured)?.address_bits(), 34);
    /// # Ok::<(), sevcrypt::TweakTableError>(())
    /// ```
    pub fn linear(constants: &[Block]) -> Result<Self, TweakTableError> {
        if constants.len() > (PhysAddr::BITS - FIRST_BIT) as usize {
            return Err(TweakTableError { constants: constants.len() });
        }
        Ok(Self::of_constants(constants))
    }

    /// An XTS tweak: the tweak key K2 (IEEE 1619-2018 calls it key 2) and the data unit.
    ///
    /// Its size must be that of the data keys. Only the unit numbers are enciphered under it, also for
    /// decryption.
    ///
    /// ```
    /// use sevcrypt::{Backend, mem::{Tweak, XtsUnit}};
    ///
    /// let tweak = Tweak::xts(&[0x80; 32], XtsUnit::Page, Backend::best());
    /// assert_eq!(tweak.address_bits(), 52);
    /// ```
    #[must_use]
    pub fn xts<'k>(key: impl Into<Key<'k>>, unit: XtsUnit, backend: Backend) -> Self {
        let key = key.into();
        let mut raw = Wiped::new([0; 32]);
        raw[..key.bytes().len()].copy_from_slice(key.bytes());
        Self::of(Kind::Xts(Xts { key: AesKey::new(key, backend), raw: *raw, unit }))
    }

    fn of_constants(constants: &[Block]) -> Self {
        let tables = Linear::new(constants);
        #[cfg(feature = "alloc")]
        let tables = Tables::new(tables);
        Self::of(Kind::Linear(tables))
    }

    fn of(kind: Kind) -> Self {
        Self(Wiped::new(kind))
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.0
    }

    /// The number of address bits that the tweak is defined for: addresses must be below 2^this.
    #[must_use]
    pub fn address_bits(&self) -> u32 {
        match self.kind() {
            Kind::Linear(linear) => linear.bits,
            Kind::Xts(_) => PhysAddr::BITS,
        }
    }

    /// The tweak value T of the block at `addr` (whose four low bits do not count), or `None` beyond
    /// [`address_bits`](Self::address_bits).
    ///
    /// A slow path, for study and tests. Under XTS the value is as secret as the pages it whitens.
    #[must_use]
    pub fn value(&self, addr: PhysAddr) -> Option<Block> {
        if addr.get() >> self.address_bits() != 0 {
            return None;
        }
        Some(match self.kind() {
            Kind::Linear(linear) => {
                xor(linear.base(addr), linear.in_page.0[addr.page_offset() / BLOCK])
            }
            Kind::Xts(xts) => {
                let mut tweak = xts.first_tweak(addr);
                portable::multiply(&mut tweak, addr.offset_in(xts.unit.bytes()) / BLOCK);
                tweak
            }
        })
    }

    /// Keeps what the tweak has to compute for one page, for many accesses to it:
    /// [`MemoryCipher::encrypt_in_page`](crate::mem::MemoryCipher::encrypt_in_page).
    ///
    /// With a page unit that is E(K2, unit), with a linear tweak the page's share of T. With a line unit
    /// nothing can be kept: each line has a value of its own, computed at each access.
    ///
    /// # Errors
    /// [`MemoryError::BeyondTweak`](crate::MemoryError::BeyondTweak) if the page lies beyond
    /// [`address_bits`](Self::address_bits).
    ///
    /// ```
    /// use sevcrypt::{Backend, PhysAddr, mem::{MemoryCipher, Tweak, XtsUnit}};
    ///
    /// let tweak = Tweak::xts(&[0x80; 32], XtsUnit::Page, Backend::best());
    /// let cipher = MemoryCipher::xts(&[1; 32], &tweak, Backend::best())?;
    ///
    /// let kept = tweak.page_tweak(PhysAddr::new(0x8000)?)?; // one AES, once
    /// let mut line = [0; 64];
    /// cipher.encrypt_in_page(&kept, PhysAddr::new(0x8040)?, &mut line)?;
    /// cipher.decrypt(PhysAddr::new(0x8040)?, &mut line)?;
    /// assert_eq!(line, [0; 64]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn page_tweak(&self, addr: PhysAddr) -> Result<PageTweak, crate::MemoryError> {
        let page = addr.page();
        if page.get() >> self.address_bits() != 0 {
            return Err(crate::MemoryError::BeyondTweak {
                addr: page.get(),
                len: PAGE,
                bits: self.address_bits(),
            });
        }
        let kept = match self.kind() {
            Kind::Linear(linear) => Kept::Linear(linear.base(page)),
            Kind::Xts(Xts { unit: XtsUnit::Line, .. }) => Kept::Nothing,
            Kind::Xts(xts) => Kept::Xts(xts.first_tweak(page)),
        };
        Ok(PageTweak { page, kept: Wiped::new(kept) })
    }

    /// The size of the tweak's independent pieces: a run is cut at its multiples.
    pub(super) fn unit_bytes(&self) -> usize {
        match self.kind() {
            Kind::Linear(_) => PAGE,
            Kind::Xts(xts) => xts.unit.bytes(),
        }
    }
}

impl Linear {
    /// The tables for constants of address bits 4, 5, ...
    fn new(constants: &[Block]) -> Self {
        let bits = FIRST_BIT + constants.len() as u32;
        let constant =
            |bit: u32| constants.get((bit - FIRST_BIT) as usize).copied().unwrap_or_default();
        let sum = |first: u32, bits: usize| {
            (0..usize::BITS)
                .filter(|bit| bits >> bit & 1 == 1)
                .fold([0; BLOCK], |sum, bit| xor(sum, constant(first + bit)))
        };
        Self {
            in_page: PageTable(core::array::from_fn(|block| sum(FIRST_BIT, block))),
            nibbles: core::array::from_fn(|n| {
                core::array::from_fn(|value| sum(PAGE_BIT + 4 * n as u32, value))
            }),
            bits,
        }
    }

    /// T of the first byte of the page of `addr`: the share of address bits 12 to 51.
    pub(super) fn base(&self, addr: PhysAddr) -> Block {
        let page = addr.get() >> PAGE_BIT;
        self.nibbles
            .iter()
            .enumerate()
            .fold([0; BLOCK], |sum, (n, values)| xor(sum, values[(page >> (4 * n)) as usize % 16]))
    }
}

impl Xts {
    /// The number of the unit that holds `addr`, as IEEE 1619-2018, section 5.1 encodes it.
    pub(super) fn unit_number(&self, addr: PhysAddr) -> Block {
        kernel::numbered(addr.get() / self.unit.bytes() as u64)
    }

    /// The tweak value of the first block of the unit that holds `addr`.
    pub(super) fn first_tweak(&self, addr: PhysAddr) -> Block {
        let mut unit = Wiped::new([self.unit_number(addr)]);
        self.encrypt_units(&mut *unit);
        unit[0]
    }

    /// Turns unit numbers into the units' first tweak values.
    #[inline]
    pub(super) fn encrypt_units(&self, units: &mut [Block]) {
        self.key.encrypt_blocks(units);
    }

    pub(super) fn key_size(&self) -> KeySize {
        self.key.size()
    }

    /// Whether a data key is allowed beside this tweak key (FIPS 140-3 implementation guidance C.I).
    pub(super) fn check_data_key(&self, data: Key<'_>) -> Result<(), KeyError> {
        if data.size() != self.key.size() {
            return Err(KeyError::KeySizes { data: data.size(), tweak: self.key.size() });
        }
        // By words: a comparison by bytes takes as long as the round keys.
        let words =
            |bytes| <[u8]>::as_chunks::<8>(bytes).0.iter().map(|word| u64::from_ne_bytes(*word));
        let pairs = words(data.bytes()).zip(words(&self.raw[..]));
        if tell(pairs.fold(Choice::from(1), |equal, (data, tweak)| equal & data.ct_eq(&tweak))) {
            return Err(KeyError::EqualKeys);
        }
        Ok(())
    }
}

impl fmt::Debug for Tweak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Kind::Linear(linear) => write!(f, "Tweak(linear, {} address bits)", linear.bits),
            Kind::Xts(xts) => {
                write!(f, "Tweak(XTS, {:?}, unit {:?}, ..)", xts.key_size(), xts.unit)
            }
        }
    }
}

impl AsRef<Tweak> for Tweak {
    fn as_ref(&self) -> &Tweak {
        self
    }
}

/// What a [`Tweak`] keeps for one page; made by [`Tweak::page_tweak`]. Wiped on drop.
///
/// It belongs to the tweak that made it, and to every cipher that uses that tweak.
pub struct PageTweak {
    pub(super) page: PhysAddr,
    pub(super) kept: Wiped<Kept>,
}

#[derive(Clone, Copy)]
pub(super) enum Kept {
    Linear(Block),
    Xts(Block),
    Nothing,
}

impl PageTweak {
    /// The first address of the page.
    #[must_use]
    pub fn page(&self) -> PhysAddr {
        self.page
    }
}

impl fmt::Debug for PageTweak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageTweak({}, ..)", self.page)
    }
}
