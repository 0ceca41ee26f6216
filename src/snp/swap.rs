//! Pages that leave the memory of a guest and come back: what SWAP_OUT and SWAP_IN do to their bytes.
//!
//! SWAP_OUT enciphers a page under the guest's offline encryption key (OEK) by AES-256-GCM; the nonce is a count that the
//! guest's context keeps. Count and tag stand in an [`MdataEntry`] of 64 bytes in a page of the state METADATA. Source: AMD
//! 56860, SNP_PAGE_SWAP_OUT and SNP_PAGE_SWAP_IN, and AMD's published firmware 1.55.25, `sev_mcmd.c`.
//!
//! # What the tag does not protect
//! There are **no additional data**: the tag covers the bytes of the page, and the count as its nonce. The entry's GPA, its
//! VMPL permissions, whether the page was validated, its type and its size, and SOFTWARE_DATA, are authenticated by
//! nothing. They are safe because the host cannot write to METADATA pages, and because those are swapped themselves, down to
//! one root entry in the guest's context. Who models the platform has to keep that: entries stay where the host cannot write.
//! An entry can be used once, and is not `Clone`: SWAP_IN clears its VALID. Who keeps the bytes of an entry can bring an old
//! page back.
//!
//! UNKNOWN: whether newer firmware adds data to the tag.
//!
//! # What else the commands do
//! Addresses, the states of pages, owners, and the rule that only data come back to their own place (SWAP_IN_PLACE) are for
//! who knows the RMP. Here are the checks of entry and size, in the firmware's order, with its status codes.
//!
//! ```
//! use sevcrypt::{Backend, Status};
//! use sevcrypt::snp::swap::{Contents, PageState, PageType, SwapKey};
//!
//! let mut key = SwapKey::new(&[0x80; 32], 0, Backend::best());
//! let state = PageState { gpa: 0x1234_5000, page_validated: true, vmpl_perms: 0x0103_0f1f };
//! let mut page = [0xcc; 4096];
//! let mut entry = key.swap_out_in_place(Contents::Data(state), 0xdead_beef, &mut page)?;
//! assert!(page != [0xcc; 4096] && entry.valid());
//!
//! key.swap_in_place(PageType::Data, &mut entry, &mut page)?;
//! assert!(page == [0xcc; 4096] && !entry.valid());
//! assert_eq!(key.swap_in_place(PageType::Data, &mut entry, &mut page), Err(Status::INVALID_MDATA_ENTRY));
//! # Ok::<(), Status>(())
//! ```

use core::fmt;

use crate::addr::PageSize;
use crate::cpu::Backend;
use crate::gcm::{GcmError, Nonce, PageKey, Tag};
use crate::status::Status;
use crate::wipe::Wiped;

/// The count at which a key encrypts no more (AEAD_OFLOW): 2^64 - 2.
pub const OEK_IV_COUNT_LIMIT: u64 = u64::MAX - 1;

/// PAGE_TYPE of the commands: what a page is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PageType {
    /// Memory of the guest.
    #[default]
    Data = 0,
    /// A page of entries.
    Metadata = 1,
    /// The saved state of a virtual CPU.
    Vmsa = 2,
}

impl PageType {
    /// A type from the commands' number.
    ///
    /// # Errors
    /// `INVALID_PAGE_STATE` for 3 and above.
    pub const fn from_bits(bits: u8) -> Result<Self, Status> {
        match bits {
            0 => Ok(Self::Data),
            1 => Ok(Self::Metadata),
            2 => Ok(Self::Vmsa),
            _ => Err(Status::INVALID_PAGE_STATE),
        }
    }
}

/// What the RMP says of a page that is swapped out. It goes into the entry and comes back with the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PageState {
    /// Guest physical address, in bytes. The twelve bits below a page's are no part of the entry.
    pub gpa: u64,
    /// Whether the guest had validated the page.
    pub page_validated: bool,
    /// The RMP entry's second word: permissions of VMPL0 in the first byte, of VMPL1 in the next and so on (bit 0 read,
    /// 1 write, 2 execute as user, 3 execute as supervisor, 4 supervisor shadow stack).
    pub vmpl_perms: u64,
}

/// What is swapped out: the type of the page, and its state if it is a page of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contents {
    /// Memory of the guest.
    Data(PageState),
    /// A page of entries. It has no address in the guest.
    Metadata,
    /// The saved state of a virtual CPU.
    Vmsa(PageState),
}

impl Contents {
    /// Its type.
    #[must_use]
    pub const fn page_type(&self) -> PageType {
        match self {
            Self::Data(_) => PageType::Data,
            Self::Metadata => PageType::Metadata,
            Self::Vmsa(_) => PageType::Vmsa,
        }
    }
}

/// MDATA: what has to be kept of a page that is swapped out, 64 bytes (AMD 56860, "Metadata Entries").
///
/// An entry of zeros ([`MdataEntry::default`], which is what MD_INIT makes) is not valid.
///
/// Only bytes that the host could not write make an entry that can be trusted: see [the module](self).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct MdataEntry {
    software_data: u64,
    iv: u64,
    auth_tag: Tag,
    valid: bool,
    page_type: PageType,
    page_size: PageSize,
    state: PageState,
}

/// The bits of the entry's word at 0x20, and the page's address above them.
const VALID: u64 = 1 << 0;
const PAGE_VALIDATED: u64 = 1 << 1;
const VMSA: u64 = 1 << 2;
const METADATA: u64 = 1 << 3;
const PAGE_SIZE: u64 = 1 << 4;
const GPA: u64 = !0xfff;

impl MdataEntry {
    /// The length in bytes.
    pub const LEN: usize = 64;

    /// An entry from the bytes of a METADATA page. Reserved bits and bytes are not looked at (MODEL).
    ///
    /// # Errors
    /// `INVALID_MDATA_ENTRY` if both VMSA and METADATA are set.
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Result<Self, Status> {
        let (words, _) = bytes.as_chunks::<8>();
        let &[software_data, iv, tag_low, tag_high, flags, vmpl_perms, _, _] = words else {
            return Err(Status::INVALID_MDATA_ENTRY); // never: there are eight words
        };
        let mut auth_tag = [0; 16];
        auth_tag.copy_from_slice([tag_low, tag_high].as_flattened());
        let flags = u64::from_le_bytes(flags);
        let page_type = match (flags & METADATA != 0, flags & VMSA != 0) {
            (false, false) => PageType::Data,
            (true, false) => PageType::Metadata,
            (false, true) => PageType::Vmsa,
            (true, true) => return Err(Status::INVALID_MDATA_ENTRY),
        };
        let large = flags & PAGE_SIZE != 0;
        Ok(Self {
            software_data: u64::from_le_bytes(software_data),
            iv: u64::from_le_bytes(iv),
            auth_tag,
            valid: flags & VALID != 0,
            page_type,
            page_size: if large { PageSize::Size2M } else { PageSize::Size4K },
            state: PageState {
                gpa: flags & GPA,
                page_validated: flags & PAGE_VALIDATED != 0,
                vmpl_perms: u64::from_le_bytes(vmpl_perms),
            },
        })
    }

    /// The entry as it stands in a METADATA page.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let bit = |is_set, bit| if is_set { bit } else { 0 };
        let flags = self.state.gpa & GPA
            | bit(self.valid, VALID)
            | bit(self.state.page_validated, PAGE_VALIDATED)
            | bit(self.page_type == PageType::Vmsa, VMSA)
            | bit(self.page_type == PageType::Metadata, METADATA)
            | bit(self.page_size == PageSize::Size2M, PAGE_SIZE);
        let (tag, _) = self.auth_tag.as_chunks::<8>();
        let [software_data, iv] = [self.software_data, self.iv].map(u64::to_le_bytes);
        let [flags, vmpl_perms] = [flags, self.state.vmpl_perms].map(u64::to_le_bytes);
        let words = [software_data, iv].into_iter().chain(tag.iter().copied());
        let mut bytes = [0; Self::LEN];
        for (place, word) in
            bytes.as_chunks_mut().0.iter_mut().zip(words.chain([flags, vmpl_perms]))
        {
            *place = word;
        }
        bytes
    }

    /// SOFTWARE_DATA: a number of the host's choice.
    #[must_use]
    pub const fn software_data(&self) -> u64 {
        self.software_data
    }

    /// IV: the count that the page was encrypted with.
    #[must_use]
    pub const fn iv(&self) -> u64 {
        self.iv
    }

    /// AUTH_TAG.
    #[must_use]
    pub const fn auth_tag(&self) -> &Tag {
        &self.auth_tag
    }

    /// VALID: whether the page can come back by this entry.
    #[must_use]
    pub const fn valid(&self) -> bool {
        self.valid
    }

    /// METADATA and VMSA: what the page is.
    #[must_use]
    pub const fn page_type(&self) -> PageType {
        self.page_type
    }

    /// PAGE_SIZE.
    #[must_use]
    pub const fn page_size(&self) -> PageSize {
        self.page_size
    }

    /// GPA, PAGE_VALIDATED and the VMPL permissions: what the RMP has to say of the page when it is back. Of a metadata page
    /// the address is the highest page's, and the rest is zero.
    #[must_use]
    pub const fn state(&self) -> PageState {
        self.state
    }
}

/// A guest's offline encryption key (OEK) with its count (OEK_IV_COUNT). Wiped on drop; cannot be printed or copied.
///
/// Key and count belong together: a second `SwapKey` of the same key that begins at an earlier count would use a nonce
/// twice, which shows the difference of two pages to whoever has their ciphertexts, and lets him forge others.
pub struct SwapKey(Wiped<Counted>);

/// Wiped as a whole: the moves that fill it also copy its padding, which may hold old stack bytes.
struct Counted {
    key: PageKey,
    iv_count: u64,
}

impl fmt::Debug for SwapKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SwapKey(count {}, ..)", self.0.iv_count)
    }
}

impl SwapKey {
    /// The key and the count of a guest's context: random and 0 at LAUNCH_START, or those of a guest that moved in.
    #[must_use]
    pub fn new(oek: &[u8; 32], iv_count: u64, backend: Backend) -> Self {
        Self(Wiped::new(Counted { key: PageKey::new(oek, backend), iv_count }))
    }

    /// OEK_IV_COUNT: the count of the next page.
    #[must_use]
    pub fn iv_count(&self) -> u64 {
        self.0.iv_count
    }

    /// SWAP_OUT: encrypts `page`, which holds plaintext, to `destination`.
    ///
    /// ```
    /// use sevcrypt::snp::swap::{Contents, MdataEntry, PageState, PageType, SwapKey};
    /// use sevcrypt::{Backend, Status};
    ///
    /// let mut key = SwapKey::new(&[0x80; 32], 0, Backend::best());
    /// let contents = Contents::Data(PageState { gpa: 0x9000, page_validated: true, vmpl_perms: 0xf });
    /// let (page, mut swapped, mut back) = ([0xcc; 4096], [0; 4096], [0; 4096]);
    /// let entry = key.swap_out(contents, 0xfeed, &page, &mut swapped)?;
    ///
    /// // The host keeps page and entry where it likes.
    /// let mut entry = MdataEntry::from_bytes(&entry.to_bytes())?;
    /// assert_eq!((entry.page_type(), entry.software_data()), (PageType::from_bits(0)?, 0xfeed));
    /// key.swap_in(PageType::Data, &mut entry, &swapped, &mut back)?;
    /// assert_eq!(back, page);
    /// # Ok::<(), Status>(())
    /// ```
    ///
    /// # Errors
    /// `INVALID_PAGE_SIZE`: the lengths are not both 4 KiB or both 2 MiB. `AEAD_OFLOW`: the count is at
    /// [`OEK_IV_COUNT_LIMIT`]. Nothing was written, and the count stands where it was.
    pub fn swap_out(
        &mut self,
        contents: Contents,
        software_data: u64,
        page: &[u8],
        destination: &mut [u8],
    ) -> Result<MdataEntry, Status> {
        let page_size = common_size(page, destination)?;
        self.swap_out_with(contents, software_data, page_size, |key, nonce| {
            key.seal(nonce, &[], page, destination)
        })
    }

    /// SWAP_OUT where the plaintext stands.
    ///
    /// # Errors
    /// As [`swap_out`](Self::swap_out).
    pub fn swap_out_in_place(
        &mut self,
        contents: Contents,
        software_data: u64,
        page: &mut [u8],
    ) -> Result<MdataEntry, Status> {
        let page_size = page_size(page.len())?;
        self.swap_out_with(contents, software_data, page_size, |key, nonce| {
            key.seal_in_place(nonce, &[], page)
        })
    }

    fn swap_out_with(
        &mut self,
        contents: Contents,
        software_data: u64,
        page_size: PageSize,
        seal: impl FnOnce(&PageKey, &Nonce) -> Result<Tag, GcmError>,
    ) -> Result<MdataEntry, Status> {
        // The firmware compares for equality; no count above the limit exists there.
        if self.0.iv_count >= OEK_IV_COUNT_LIMIT {
            return Err(Status::AEAD_OFLOW);
        }
        // The count goes on before anything can fail: no nonce is ever used twice.
        let iv = self.0.iv_count;
        self.0.iv_count += 1;
        let auth_tag = seal(&self.0.key, &nonce(iv)).map_err(|_| Status::INVALID_PAGE_SIZE)?;
        let state = match contents {
            Contents::Data(state) | Contents::Vmsa(state) => {
                PageState { gpa: state.gpa & GPA, ..state }
            }
            Contents::Metadata => PageState { gpa: GPA, page_validated: false, vmpl_perms: 0 },
        };
        let page_type = contents.page_type();
        Ok(MdataEntry { software_data, iv, auth_tag, valid: true, page_type, page_size, state })
    }

    /// SWAP_IN: decrypts `page` to `destination` if it is what SWAP_OUT made with this entry. The entry is not valid any
    /// more then.
    ///
    /// # Errors
    /// In the firmware's order: `INVALID_MDATA_ENTRY`: the entry is of another type, or not valid. `INVALID_PAGE_SIZE`: the
    /// sizes of the two places and the entry's are not the same, or a VMSA's is not 4 KiB. Nothing was written.
    /// `BAD_MEASUREMENT`: the page is not the entry's; `destination` is all zero, and the entry still valid.
    pub fn swap_in(
        &self,
        page_type: PageType,
        entry: &mut MdataEntry,
        page: &[u8],
        destination: &mut [u8],
    ) -> Result<(), Status> {
        check_entry(page_type, entry, || common_size(page, destination))?;
        let opened = self.0.key.open(&nonce(entry.iv), &[], page, destination, &entry.auth_tag);
        used(entry, opened)
    }

    /// SWAP_IN where the ciphertext stands. The command does so for data only (SWAP_IN_PLACE), but any page may be brought
    /// to its destination first.
    ///
    /// # Errors
    /// As [`swap_in`](Self::swap_in).
    pub fn swap_in_place(
        &self,
        page_type: PageType,
        entry: &mut MdataEntry,
        page: &mut [u8],
    ) -> Result<(), Status> {
        check_entry(page_type, entry, || page_size(page.len()))?;
        let opened = self.0.key.open_in_place(&nonce(entry.iv), &[], page, &entry.auth_tag);
        used(entry, opened)
    }
}

/// The count in little-endian order, then four zeros.
fn nonce(iv: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&iv.to_le_bytes());
    nonce
}

/// The size of a page of so many bytes.
fn page_size(len: usize) -> Result<PageSize, Status> {
    PageSize::from_bytes(len).ok_or(Status::INVALID_PAGE_SIZE)
}

/// The one size of both places.
fn common_size(source: &[u8], destination: &[u8]) -> Result<PageSize, Status> {
    let size = page_size(source.len())?;
    if source.len() == destination.len() { Ok(size) } else { Err(Status::INVALID_PAGE_SIZE) }
}

/// The checks before decryption.
fn check_entry(
    page_type: PageType,
    entry: &MdataEntry,
    size: impl FnOnce() -> Result<PageSize, Status>,
) -> Result<(), Status> {
    if entry.page_type != page_type || !entry.valid {
        return Err(Status::INVALID_MDATA_ENTRY);
    }
    let is_small_enough = page_type != PageType::Vmsa || entry.page_size == PageSize::Size4K;
    if size()? == entry.page_size && is_small_enough {
        Ok(())
    } else {
        Err(Status::INVALID_PAGE_SIZE)
    }
}

/// An entry serves once.
fn used(entry: &mut MdataEntry, opened: Result<(), GcmError>) -> Result<(), Status> {
    opened.map_err(|_| Status::BAD_MEASUREMENT)?;
    entry.valid = false;
    Ok(())
}

#[cfg(test)]
mod tests;
