//! Addresses, address spaces and the sizes of what stands at them.
//!
//! An address is never a bare integer: [`PhysAddr`] is what a memory controller sees. The sizes are
//! array types, so that a page that is not 4096 bytes long does not compile.

use core::fmt;

use crate::error::AddressError;

/// One AES block, 16 bytes: the unit that the memory controllers encrypt.
pub type Block = [u8; 16];
/// One cache line, 64 bytes: four [`Block`]s.
pub type Line = [u8; 64];
/// One page, 4096 bytes: 64 [`Line`]s, 256 [`Block`]s.
pub type Page = [u8; 4096];

pub(crate) const BLOCK: usize = size_of::<Block>();
pub(crate) const LINE: usize = size_of::<Line>();
pub(crate) const PAGE: usize = size_of::<Page>();

/// System physical address, in bytes, with the C-bit already removed; below 2^52.
///
/// AMD64 has at most 52 physical address bits (APM volume 2, section 5.1), and the C-bit, which picks
/// encryption for an access, is stripped before the address reaches memory.
///
/// ```
/// use sevcrypt::PhysAddr;
///
/// let addr = PhysAddr::new(0x1_0000_0040)?;
/// assert_eq!(addr.page(), PhysAddr::new(0x1_0000_0000)?);
/// assert_eq!(addr.page_offset(), 0x40);
/// assert!(PhysAddr::new(1 << 52).is_err());
/// # Ok::<(), sevcrypt::AddressError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PhysAddr(u64);

impl PhysAddr {
    /// The number of physical address bits.
    pub const BITS: u32 = 52;

    /// An address from its number.
    ///
    /// # Errors
    /// [`AddressError`] if `addr` has a bit at or above bit 52. (A C-bit that was not removed, 47 or
    /// 51 on today's parts, is below that and cannot be told from an address bit.)
    pub const fn new(addr: u64) -> Result<Self, AddressError> {
        if addr >> Self::BITS == 0 { Ok(Self(addr)) } else { Err(AddressError { addr }) }
    }

    /// The address as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The address `bytes` further on, or `None` where that is 2^52 or more.
    ///
    /// ```
    /// # use sevcrypt::PhysAddr;
    /// let last = PhysAddr::new((1 << 52) - 16)?;
    /// assert_eq!(last.checked_add(16), None);
    /// # Ok::<(), sevcrypt::AddressError>(())
    /// ```
    #[must_use]
    pub const fn checked_add(self, bytes: u64) -> Option<Self> {
        match self.0.checked_add(bytes) {
            Some(sum) if sum >> Self::BITS == 0 => Some(Self(sum)),
            _ => None,
        }
    }

    /// The first byte of the 4 KiB page that holds this address.
    #[must_use]
    pub const fn page(self) -> Self {
        Self(self.0 & !(PAGE as u64 - 1))
    }

    /// Where in its 4 KiB page this address stands, in bytes: 0 to 4095.
    #[must_use]
    pub const fn page_offset(self) -> usize {
        (self.0 % PAGE as u64) as usize
    }

    /// Where in its unit of so many bytes, which divide a page, this address stands.
    pub(crate) const fn offset_in(self, unit: usize) -> usize {
        self.page_offset() % unit
    }

    /// The address `bytes` further on, which the caller knows to be in range.
    pub(crate) const fn offset(self, bytes: usize) -> Self {
        Self(self.0 + bytes as u64)
    }
}

impl TryFrom<u64> for PhysAddr {
    type Error = AddressError;
    fn try_from(addr: u64) -> Result<Self, AddressError> {
        Self::new(addr)
    }
}

impl From<PhysAddr> for u64 {
    fn from(addr: PhysAddr) -> u64 {
        addr.0
    }
}

impl fmt::Display for PhysAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for PhysAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhysAddr({:#x})", self.0)
    }
}

/// Guest physical address, in bytes, with the C-bit already removed; below 2^52.
///
/// What the RMP and PAGE_INFO call GPA: where a page stands in its guest, and so part of what a launch measures.
///
/// ```
/// use sevcrypt::GuestPhysAddr;
///
/// let vmsa = GuestPhysAddr::new(0xffff_ffff_f000)?;
/// assert!(vmsa.is_page() && !vmsa.checked_add(16).unwrap().is_page());
/// assert!(GuestPhysAddr::new(1 << 52).is_err());
/// # Ok::<(), sevcrypt::AddressError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GuestPhysAddr(u64);

impl GuestPhysAddr {
    /// Address 0.
    pub(crate) const ZERO: Self = Self(0);

    /// An address from its number.
    ///
    /// # Errors
    /// [`AddressError`] if `addr` has a bit at or above bit 52.
    pub const fn new(addr: u64) -> Result<Self, AddressError> {
        if addr >> PhysAddr::BITS == 0 { Ok(Self(addr)) } else { Err(AddressError { addr }) }
    }

    /// The address as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether a 4 KiB page begins here.
    #[must_use]
    pub const fn is_page(self) -> bool {
        self.0.is_multiple_of(PAGE as u64)
    }

    /// The address `bytes` further on, or `None` where that is 2^52 or more.
    #[must_use]
    pub const fn checked_add(self, bytes: u64) -> Option<Self> {
        match self.0.checked_add(bytes) {
            Some(sum) if sum >> PhysAddr::BITS == 0 => Some(Self(sum)),
            _ => None,
        }
    }
}

impl TryFrom<u64> for GuestPhysAddr {
    type Error = AddressError;
    fn try_from(addr: u64) -> Result<Self, AddressError> {
        Self::new(addr)
    }
}

impl From<GuestPhysAddr> for u64 {
    fn from(addr: GuestPhysAddr) -> u64 {
        addr.0
    }
}

impl fmt::Display for GuestPhysAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for GuestPhysAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuestPhysAddr({:#x})", self.0)
    }
}

/// Address space identifier: which guest an access belongs to, and so which key the memory controller
/// takes.
///
/// The ASID picks the key; it is no part of the tweak (SEVurity measured the same tweak for every guest
/// and for the host). ASID 0 is the host: its accesses use key slot 0, the (T)SME key.
///
/// ```
/// use std::collections::BTreeMap;
/// use sevcrypt::Asid;
///
/// let mut keys = BTreeMap::new();
/// keys.insert(Asid::HOST, "key slot 0");
/// keys.insert(Asid::new(1), "the first guest's");
/// assert_eq!(keys[&Asid::new(1)], "the first guest's");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asid(u32);

impl Asid {
    /// ASID 0: the host.
    pub const HOST: Self = Self(0);

    /// An ASID from its number. How many a part has is read from CPUID 8000_001Fh ECX there.
    #[must_use]
    pub const fn new(asid: u32) -> Self {
        Self(asid)
    }

    /// The ASID as a number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Asid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Virtual machine privilege level, 0 to 3: 0 is the most privileged (AMD APM volume 2, section 15.36.7).
///
/// ```
/// use sevcrypt::Vmpl;
///
/// assert!(Vmpl::VMPL0.is_more_privileged_than(Vmpl::VMPL2));
/// assert_eq!(Vmpl::new(4), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Vmpl(u8);

impl Vmpl {
    /// The most privileged level: an SVSM, or a guest without one.
    pub const VMPL0: Self = Self(0);
    /// Level 1.
    pub const VMPL1: Self = Self(1);
    /// Level 2.
    pub const VMPL2: Self = Self(2);
    /// The least privileged level.
    pub const VMPL3: Self = Self(3);

    /// A level from its number; `None` above 3.
    #[must_use]
    pub const fn new(vmpl: u32) -> Option<Self> {
        match vmpl {
            0 => Some(Self::VMPL0),
            1 => Some(Self::VMPL1),
            2 => Some(Self::VMPL2),
            3 => Some(Self::VMPL3),
            _ => None,
        }
    }

    /// The level as a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether this level may do more than the other one: its number is smaller.
    #[must_use]
    pub const fn is_more_privileged_than(self, other: Self) -> bool {
        self.0 < other.0
    }
}

impl fmt::Display for Vmpl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VMPL{}", self.0)
    }
}

/// The number of a VM Platform Communication Key, 0 to 3 (AMD 56860, "Guest Messages").
///
/// With key `n` the firmware answers for VMPL `n` and the less privileged ones, those of higher numbers. A stage that gives way
/// to a less privileged one keeps the keys of lower numbers from it.
///
/// ```
/// use sevcrypt::snp::message::Vmpck;
///
/// assert_eq!(Vmpck::new(2), Some(Vmpck::VMPCK2));
/// assert_eq!(Vmpck::new(4), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vmpck(u8);

impl Vmpck {
    /// Key 0.
    pub const VMPCK0: Self = Self(0);
    /// Key 1.
    pub const VMPCK1: Self = Self(1);
    /// Key 2.
    pub const VMPCK2: Self = Self(2);
    /// Key 3.
    pub const VMPCK3: Self = Self(3);
    /// All four.
    pub const ALL: [Self; 4] = [Self::VMPCK0, Self::VMPCK1, Self::VMPCK2, Self::VMPCK3];

    /// A key from its number; `None` above 3.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::VMPCK0),
            1 => Some(Self::VMPCK1),
            2 => Some(Self::VMPCK2),
            3 => Some(Self::VMPCK3),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// What belongs to this key among what belongs to all four.
    pub(crate) const fn of<T>(self, four: &[T; 4]) -> &T {
        let [zero, one, two, three] = four;
        match self.0 {
            0 => zero,
            1 => one,
            2 => two,
            _ => three,
        }
    }

    /// The same, to write.
    pub(crate) const fn of_mut<T>(self, four: &mut [T; 4]) -> &mut T {
        let [zero, one, two, three] = four;
        match self.0 {
            0 => zero,
            1 => one,
            2 => two,
            _ => three,
        }
    }
}

impl fmt::Display for Vmpck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VMPCK{}", self.0)
    }
}

/// PAGE_SIZE: how large a page is, to the RMP and the firmware's commands.
///
/// ```
/// use sevcrypt::PageSize;
///
/// assert_eq!(PageSize::from_bytes(4096), Some(PageSize::Size4K));
/// assert_eq!(PageSize::Size2M.bytes(), 2 << 20);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PageSize {
    /// 4 KiB.
    #[default]
    Size4K = 0,
    /// 2 MiB.
    Size2M = 1,
}

impl PageSize {
    /// Its bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Size4K => PAGE,
            Self::Size2M => 2 << 20,
        }
    }

    /// The size with so many bytes; `None` if no page has so many.
    #[must_use]
    pub const fn from_bytes(bytes: usize) -> Option<Self> {
        match bytes {
            PAGE => Some(Self::Size4K),
            0x20_0000 => Some(Self::Size2M),
            _ => None,
        }
    }
}
