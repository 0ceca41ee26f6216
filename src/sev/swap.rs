//! Pages that leave the memory of a guest and come back: what SWAP_OUT and SWAP_IN of SEV and SEV-ES do to their bytes
//! (AMD's published firmware 1.55.25, `sev_mcmd.c`).
//!
//! SWAP_OUT enciphers a page under the guest's offline encryption key (OEK) by AES-256-GCM; the nonce is a count that the
//! guest's context keeps. The tag covers the page and the whole [`MdataEntry`], so that the host may keep entries wherever
//! it likes.
//!
//! # What the tag does not protect
//! The firmware remembers no entry: **an old page with its old entry is accepted again** (there is no METADATA page here, as
//! SEV-SNP has). The page's address in the guest is not in the entry either: a page can be brought back to another place.
//!
//! # What else the commands do
//! Addresses, their alignment and overlap, ASIDs, and whether a guest runs, are for who knows the platform: the firmware
//! looks at those of memory first, and at the guest's before the checks of count and tag. Here are the others, in the
//! firmware's order, with its status codes.
//!
//! ```
//! use sevcrypt::Backend;
//! use sevcrypt::sev::swap::{PageType, SwapError, SwapKey};
//!
//! let mut key = SwapKey::new(&[0x80; 32], 0, Backend::best());
//! let mut page = [0xcc; 4096];
//! let entry = key.swap_out_in_place(PageType::Data, &[], 0xdead_beef, &mut page)?;
//! assert_ne!(page, [0xcc; 4096]);
//!
//! let mut back = [0; 4096];
//! key.swap_in(PageType::Data, &entry, &page, &mut back)?;
//! assert_eq!(back, [0xcc; 4096]);
//!
//! page[0] ^= 1;
//! assert_eq!(key.swap_in(PageType::Data, &entry, &page, &mut back), Err(SwapError::Tag));
//! # Ok::<(), SwapError>(())
//! ```

use core::fmt;

use crate::Hex;
use crate::addr::{Page, PageSize};
use crate::cpu::Backend;
use crate::gcm::{GcmError, Nonce, PageKey, Tag};
use crate::status::Status;
use crate::vmsa::{CheckBlock, IntegrityError, Vmsa};
use crate::wipe::Wiped;
use crate::wire::{field, field_mut, get_u32, get_u64};

/// The count at which a key encrypts no more (AEAD_OFLOW): 2^64 - 2.
pub const COUNT_LIMIT: u64 = u64::MAX - 1;

/// PAGE_TYPE: what a page is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PageType {
    /// Memory of the guest.
    #[default]
    Data = 0,
    /// A page of entries.
    Metadata = 1,
    /// A save area.
    Vmsa = 2,
}

impl PageType {
    /// A type from its number; `None` from 3 on.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            0 => Some(Self::Data),
            1 => Some(Self::Metadata),
            2 => Some(Self::Vmsa),
            _ => None,
        }
    }
}

/// MDATA: what has to be kept of a page that is swapped out, 64 bytes, all of them under the page's tag.
///
/// ```
/// use sevcrypt::PageSize;
/// use sevcrypt::sev::swap::{MdataEntry, PageType};
///
/// let mut bytes = [0; MdataEntry::LEN];
/// (bytes[0], bytes[8], bytes[0x3c]) = (7, 5, 4);
/// let entry = MdataEntry::from_bytes(&bytes);
/// assert_eq!((entry.software_data(), entry.count()), (7, 5));
/// assert_eq!((entry.page_size(), entry.page_type()), (PageSize::Size4K, Some(PageType::Vmsa)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MdataEntry([u8; Self::LEN]);

/// Where things stand in an entry.
mod at {
    pub(super) const SOFTWARE_DATA: usize = 0x00;
    pub(super) const COUNT: usize = 0x08;
    pub(super) const AUTH_TAG: usize = 0x10;
    /// PAGE_SIZE is bit 0, PAGE_TYPE bits 1 and 2.
    pub(super) const PAGE: usize = 0x3c;
}

impl MdataEntry {
    /// The length in bytes.
    pub const LEN: usize = 64;

    /// From its bytes. Reserved ones are kept: under the tag of another entry they are refused with the page.
    #[must_use]
    pub const fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self(*bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; Self::LEN] {
        self.0
    }

    /// An entry whose tag is still zero: what the tag covers.
    fn new(software_data: u64, count: u64, size: PageSize, page_type: PageType) -> Self {
        let mut bytes = [0; Self::LEN];
        *field_mut::<{ at::SOFTWARE_DATA }, 8, _>(&mut bytes) = software_data.to_le_bytes();
        *field_mut::<{ at::COUNT }, 8, _>(&mut bytes) = count.to_le_bytes();
        let page = size as u32 | (page_type as u32) << 1;
        *field_mut::<{ at::PAGE }, 4, _>(&mut bytes) = page.to_le_bytes();
        Self(bytes)
    }

    fn with_auth_tag(mut self, tag: Tag) -> Self {
        *field_mut::<{ at::AUTH_TAG }, 16, _>(&mut self.0) = tag;
        self
    }

    /// SOFTWARE_DATA: a number of the host's choice.
    #[must_use]
    pub fn software_data(&self) -> u64 {
        get_u64::<{ at::SOFTWARE_DATA }, _>(&self.0)
    }

    /// The count that the page was enciphered with.
    #[must_use]
    pub fn count(&self) -> u64 {
        get_u64::<{ at::COUNT }, _>(&self.0)
    }

    /// AUTH TAG.
    #[must_use]
    pub fn auth_tag(&self) -> &Tag {
        field::<{ at::AUTH_TAG }, 16, _>(&self.0)
    }

    /// PAGE_SIZE.
    #[must_use]
    pub fn page_size(&self) -> PageSize {
        match get_u32::<{ at::PAGE }, _>(&self.0) & 1 {
            0 => PageSize::Size4K,
            _ => PageSize::Size2M,
        }
    }

    /// PAGE_TYPE; `None` for 3, which no page has.
    #[must_use]
    pub fn page_type(&self) -> Option<PageType> {
        PageType::from_bits(get_u32::<{ at::PAGE }, _>(&self.0) >> 1 & 3)
    }
}

impl fmt::Debug for MdataEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MdataEntry({})", Hex(&self.0))
    }
}

/// A guest's offline encryption key (OEK) with its count. Wiped on drop; cannot be printed or copied.
///
/// Key and count belong together: a second `SwapKey` of the same key that begins at an earlier count would use a nonce
/// twice, which shows the difference of two pages to whoever has their ciphertexts, and lets him forge others.
pub struct SwapKey(Wiped<Counted>);

/// Wiped as a whole: the moves that fill it also copy its padding, which may hold old stack bytes.
struct Counted {
    key: PageKey,
    count: u64,
}

impl fmt::Debug for SwapKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SwapKey(count {}, ..)", self.0.count)
    }
}

impl SwapKey {
    /// The key and the count of a guest's context: random and 0 at LAUNCH_START and at RECEIVE_START.
    #[must_use]
    pub fn new(oek: &[u8; 32], count: u64, backend: Backend) -> Self {
        Self(Wiped::new(Counted { key: PageKey::new(oek, backend), count }))
    }

    /// The count of the next page.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.count
    }

    /// SWAP_OUT: enciphers `page`, which holds plaintext, to `destination`. `blocks` are those of the guest's save areas,
    /// none for a guest without SEV-ES.
    ///
    /// MODEL: what is refused as data is a page of 4 KiB that passes [`check_integrity`](Vmsa::check_integrity). So a save area
    /// goes out as data if its value is another one than its block has (it was changed, or the block's word is there by
    /// chance), and as [`PageType::Metadata`] whatever it is; a page of 2 MiB is not searched for save areas. None of them
    /// comes back as a save area: the type is under the tag.
    ///
    /// ```
    /// use sevcrypt::sev::swap::{PageType, SwapError, SwapKey};
    /// use sevcrypt::{Backend, PageSize};
    ///
    /// let mut key = SwapKey::new(&[0x80; 32], 7, Backend::best());
    /// let (page, mut swapped) = ([0xcc; 4096], [0; 4096]);
    /// let entry = key.swap_out(PageType::Data, &[], 0, &page, &mut swapped)?;
    /// assert_eq!((entry.count(), entry.page_size(), key.count()), (7, PageSize::Size4K, 8));
    /// assert_eq!(entry.page_type(), PageType::from_bits(0));
    ///
    /// key.swap_in_place(PageType::Data, &entry, &mut swapped)?;
    /// assert_eq!(swapped, page);
    /// # Ok::<(), SwapError>(())
    /// ```
    ///
    /// # Errors
    /// [`SwapError::Length`], [`SwapError::LargeVmsa`], [`SwapError::CountLimit`], [`SwapError::Integrity`],
    /// [`SwapError::IsVmsa`], in this order. Nothing was written, and the count stands where it was.
    pub fn swap_out(
        &mut self,
        page_type: PageType,
        blocks: &[CheckBlock],
        software_data: u64,
        page: &[u8],
        destination: &mut [u8],
    ) -> Result<MdataEntry, SwapError> {
        let size = common_size(page, destination)?;
        self.check_out(page_type, blocks, page)?;
        self.seal(software_data, size, page_type, |key, nonce, aad| {
            key.seal(nonce, aad, page, destination)
        })
    }

    /// SWAP_OUT where the plaintext stands.
    ///
    /// # Errors
    /// As [`swap_out`](Self::swap_out).
    pub fn swap_out_in_place(
        &mut self,
        page_type: PageType,
        blocks: &[CheckBlock],
        software_data: u64,
        page: &mut [u8],
    ) -> Result<MdataEntry, SwapError> {
        let size = page_size(page.len())?;
        self.check_out(page_type, blocks, page)?;
        self.seal(software_data, size, page_type, |key, nonce, aad| {
            key.seal_in_place(nonce, aad, page)
        })
    }

    /// The checks before encipherment.
    fn check_out(
        &self,
        page_type: PageType,
        blocks: &[CheckBlock],
        page: &[u8],
    ) -> Result<(), SwapError> {
        let small: Option<&Page> = page.try_into().ok();
        if page_type == PageType::Vmsa && small.is_none() {
            return Err(SwapError::LargeVmsa);
        }
        // The firmware compares for equality; no count above the limit exists there.
        if self.0.count >= COUNT_LIMIT {
            return Err(SwapError::CountLimit);
        }
        let Some(page) = small else { return Ok(()) };
        match (page_type, Vmsa::from_bytes(page).check_integrity(blocks)) {
            (PageType::Vmsa, checked) => checked.map_err(SwapError::Integrity),
            (PageType::Data, Ok(())) => Err(SwapError::IsVmsa),
            _ => Ok(()),
        }
    }

    fn seal(
        &mut self,
        software_data: u64,
        size: PageSize,
        page_type: PageType,
        seal: impl FnOnce(&PageKey, &Nonce, &[u8]) -> Result<Tag, GcmError>,
    ) -> Result<MdataEntry, SwapError> {
        // The count goes on before anything can fail: no nonce is ever used twice.
        let count = self.0.count;
        self.0.count += 1;
        let entry = MdataEntry::new(software_data, count, size, page_type);
        let tag = seal(&self.0.key, &nonce(count), &entry.0).map_err(|_| SwapError::Length)?;
        Ok(entry.with_auth_tag(tag))
    }

    /// SWAP_IN: deciphers `page` to `destination` if it is what SWAP_OUT made with this entry. A save area keeps the address
    /// of its check block.
    ///
    /// # Errors
    /// [`SwapError::Length`], [`SwapError::OtherEntry`]: nothing was written. [`SwapError::Tag`]: `destination` is all zero
    /// (the firmware may leave deciphered bytes there).
    pub fn swap_in(
        &self,
        page_type: PageType,
        entry: &MdataEntry,
        page: &[u8],
        destination: &mut [u8],
    ) -> Result<(), SwapError> {
        check_in(page_type, common_size(page, destination)?, entry)?;
        let (nonce, aad) = (nonce(entry.count()), entry.with_auth_tag([0; 16]).0);
        self.0
            .key
            .open(&nonce, &aad, page, destination, entry.auth_tag())
            .map_err(|_| SwapError::Tag)
    }

    /// SWAP_IN where the ciphertext stands (SWAP_IN_PLACE). No save area comes back so.
    ///
    /// # Errors
    /// As [`swap_in`](Self::swap_in), and [`SwapError::VmsaInPlace`] after [`SwapError::OtherEntry`].
    pub fn swap_in_place(
        &self,
        page_type: PageType,
        entry: &MdataEntry,
        page: &mut [u8],
    ) -> Result<(), SwapError> {
        check_in(page_type, page_size(page.len())?, entry)?;
        if page_type == PageType::Vmsa {
            return Err(SwapError::VmsaInPlace);
        }
        let (nonce, aad) = (nonce(entry.count()), entry.with_auth_tag([0; 16]).0);
        self.0.key.open_in_place(&nonce, &aad, page, entry.auth_tag()).map_err(|_| SwapError::Tag)
    }
}

/// The count in little-endian order, then four zeros.
fn nonce(count: u64) -> Nonce {
    let mut nonce = [0; 12];
    *field_mut::<0, 8, _>(&mut nonce) = count.to_le_bytes();
    nonce
}

/// The size of a page of so many bytes.
fn page_size(len: usize) -> Result<PageSize, SwapError> {
    PageSize::from_bytes(len).ok_or(SwapError::Length)
}

/// The one size of both places.
fn common_size(source: &[u8], destination: &[u8]) -> Result<PageSize, SwapError> {
    if source.len() == destination.len() { page_size(source.len()) } else { Err(SwapError::Length) }
}

/// An entry is for what the command says.
fn check_in(page_type: PageType, size: PageSize, entry: &MdataEntry) -> Result<(), SwapError> {
    if entry.page_size() == size && entry.page_type() == Some(page_type) {
        Ok(())
    } else {
        Err(SwapError::OtherEntry)
    }
}

/// Why a page is not swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SwapError {
    /// The places are not both of 4 KiB or both of 2 MiB. (The commands have a bit for the size, and no such case: the
    /// status is a MODEL.)
    Length,
    /// A save area that is not of 4 KiB.
    LargeVmsa,
    /// The key has enciphered 2^64 - 2 pages.
    CountLimit,
    /// What is said to be a save area is none of this guest's, or was changed.
    Integrity(IntegrityError),
    /// What is said to be data is a save area.
    IsVmsa,
    /// The entry is of a page of another size or type.
    OtherEntry,
    /// A save area comes back to another place only.
    VmsaInPlace,
    /// The page or its entry was changed, or they are of another page or guest.
    Tag,
}

impl SwapError {
    /// What the firmware answers.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::CountLimit => Status::AEAD_OFLOW,
            Self::Tag => Status::BAD_MEASUREMENT,
            _ => Status::INVALID_PARAM,
        }
    }
}

impl fmt::Display for SwapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => {
                "source and destination are no pages of one size: expected 4 KiB or 2 MiB"
            }
            Self::LargeVmsa => "a save area of 2 MiB: expected 4 KiB",
            Self::CountLimit => "the guest's key has enciphered as many pages as it may",
            Self::Integrity(error) => return write!(f, "not a save area of this guest: {error}"),
            Self::IsVmsa => "the page is a save area of this guest: expected data",
            Self::OtherEntry => "the entry is that of a page of another size or type",
            Self::VmsaInPlace => "a save area comes back to another place only",
            Self::Tag => "the page is not the one that was swapped out with this entry",
        })
    }
}

impl core::error::Error for SwapError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Integrity(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
