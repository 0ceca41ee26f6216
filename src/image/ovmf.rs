//! OVMF images: the table behind the reset vector, and the SEV metadata that it leads to.
//!
//! ```text
//! image:     ... | SEV metadata ... | entries | footer | 32 bytes |      the last byte stands below 4 GiB
//! entry:     data | length u16 | GUID                                    length: of all three
//! footer:    length u16 | GUID                                           length: of the whole table
//! metadata:  "ASEV" | length u32 | version u32 | count u32 | { gpa u32 | size u32 | type u32 } ...
//! ```
//!
//! Numbers are little-endian; GUIDs are as UEFI stores them, their first three fields little-endian, too. The table
//! is read from its end. (EDK II: `ResetVectorVtf0` and `OvmfSevMetadata` in `OvmfPkg/ResetVector`; AMD has no
//! document about it.) An image that was cut to its last pages, as test suites carry them, reads as well.
//!
//! The image of an SVSM has a table of the same form, with [an entry](Ovmf::svsm_launch_offset) of its own.

use core::fmt;

use super::{UefiGuid, uefi_guid};
use crate::Hex;
use crate::addr::{GuestPhysAddr, PAGE};
use crate::hash::Sha384Digest;

/// Bytes behind the table: the reset vector, and what jumps from it.
const AFTER_TABLE: usize = 32;
/// Bytes of an entry behind its data: its length and its GUID.
const RECORD: usize = 18;
/// The end of the table.
const FOOTER: [u8; 16] = uefi_guid(0x96b582de_1fb2_45f7_baea_a366c55a082d);

const SIGNATURE: [u8; 4] = *b"ASEV";
const VERSION: u32 = 1;
/// Bytes of the metadata before its sections.
const HEADER: usize = 16;
/// Bytes of a section.
const DESCRIPTOR: usize = 12;

/// Where firmware ends.
const FOUR_GIB: u64 = 1 << 32;

/// A firmware image whose table follows the rules; a view, the bytes stay the caller's.
///
/// [`parse`](Self::parse) checks everything that is used, so nothing that is read afterwards can be wrong.
///
/// ```
/// use sevcrypt::image::Ovmf;
///
/// // 8 KiB with a table of one entry.
/// let reset_block = [0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e];
/// let footer = [0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d];
/// let eip = 0x80_b004_u32.to_le_bytes();
/// let table = [&eip[..], &[22, 0], &reset_block, &[40, 0], &footer].concat();
/// let mut image = vec![0; 8192];
/// image[8192 - 32 - 40..8192 - 32].copy_from_slice(&table);
///
/// let firmware = Ovmf::parse(&image)?;
/// assert_eq!(firmware.gpa().get(), 0xffff_e000);
/// assert_eq!(firmware.reset_eip(), Some(0x80_b004));
/// assert!(firmware.sections().is_none());
///
/// let error = Ovmf::parse(&image[..8000]).unwrap_err();
/// assert_eq!(error.to_string(), "the image has 8000 bytes: expected a multiple of 4096");
/// # Ok::<(), sevcrypt::image::ovmf::OvmfError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ovmf<'a> {
    image: &'a [u8],
    /// Of the whole image, where only its end is here.
    page_digests: Option<&'a [Sha384Digest]>,
    gpa: u32,
    reset_eip: Option<u32>,
    hash_table: Option<Area>,
    secret_area: Option<Area>,
    svsm_launch_offset: Option<u32>,
    sections: Option<&'a [[u8; DESCRIPTOR]]>,
}

/// An area of guest memory that the table names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Area {
    /// Guest physical address of its first byte; 0 where a build of the firmware has no such area.
    pub base: u32,
    /// Its length in bytes.
    pub size: u32,
}

/// An entry of the table that means something here; entries with other GUIDs are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TableEntry {
    /// Where APs begin (SEV-ES and SEV-SNP).
    ResetBlock,
    /// The area for the hashes of a kernel.
    HashTable,
    /// The area for secrets that are injected at launch (SEV and SEV-ES).
    SecretArea,
    /// Where the SEV metadata stand in the image.
    Metadata,
    /// Where an SVSM begins.
    SvsmInfo,
}

impl TableEntry {
    const GUIDS: [(Self, [u8; 16]); 5] = [
        (Self::ResetBlock, uefi_guid(0x00f771de_1a7e_4fcb_890e_68c77e2fb44e)),
        (Self::HashTable, uefi_guid(0x7255371f_3a3b_4b04_927b_1da6efa8d454)),
        (Self::SecretArea, uefi_guid(0x4c2eb361_7d9b_4cc3_8081_127c90d3d294)),
        (Self::Metadata, uefi_guid(0xdc886566_984a_4798_a75e_5585a7bf67cc)),
        (Self::SvsmInfo, uefi_guid(0xa789a612_0597_4c4b_a49f_cbb1fe9d1ddd)),
    ];

    fn of(guid: &[u8; 16]) -> Option<Self> {
        Self::GUIDS.iter().find(|(_, known)| known == guid).map(|(entry, _)| *entry)
    }
}

impl fmt::Display for TableEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ResetBlock => "SEV-ES reset block",
            Self::HashTable => "SEV hash table",
            Self::SecretArea => "SEV secret block",
            Self::Metadata => "SEV metadata",
            Self::SvsmInfo => "SVSM info",
        })
    }
}

/// Type of a section of the SEV metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum SectionKind {
    /// Memory that the firmware uses before it can accept memory itself: pages of zeroes.
    SecMem = 1,
    /// The secrets page.
    Secrets = 2,
    /// The CPUID page.
    Cpuid = 3,
    /// The calling area of an SVSM: pages of zeroes where there is none.
    SvsmCaa = 4,
    /// The page with the hashes of a kernel; zeroes without one.
    KernelHashes = 0x10,
}

impl SectionKind {
    /// The type with this number; `None` if it is not known.
    ///
    /// ```
    /// use sevcrypt::image::ovmf::SectionKind;
    ///
    /// assert_eq!(SectionKind::from_number(0x10), Some(SectionKind::KernelHashes));
    /// assert_eq!(SectionKind::from_number(5), None);
    /// ```
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::SecMem),
            2 => Some(Self::Secrets),
            3 => Some(Self::Cpuid),
            4 => Some(Self::SvsmCaa),
            0x10 => Some(Self::KernelHashes),
            _ => None,
        }
    }

    /// Whether it is one page and never more: one page is what the guest looks at.
    const fn is_one_page(self) -> bool {
        matches!(self, Self::Secrets | Self::Cpuid | Self::KernelHashes)
    }
}

/// OVMF's name.
impl fmt::Display for SectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::SecMem => "SNP_SEC_MEM",
            Self::Secrets => "SNP_SECRETS",
            Self::Cpuid => "CPUID",
            Self::SvsmCaa => "SVSM_CAA",
            Self::KernelHashes => "SNP_KERNEL_HASHES",
        })
    }
}

/// A section of the SEV metadata: memory that the VMM prepares before the guest starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Section {
    /// Where it begins: at a page.
    pub gpa: GuestPhysAddr,
    /// In bytes: whole pages, one at least.
    pub size: u32,
    /// What the VMM puts there.
    pub kind: SectionKind,
}

impl Section {
    /// The address behind it.
    pub(super) fn end(&self) -> u64 {
        self.gpa.get() + u64::from(self.size)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.gpa.get() < other.end() && other.gpa.get() < self.end()
    }
}

impl<'a> Ovmf<'a> {
    /// The most sections that an image may have here; real ones have three to eight.
    pub const MAX_SECTIONS: usize = 64;

    /// The most pages, of 4 KiB, that all sections may have together here: 256 MiB. Real ones have far fewer.
    ///
    /// A section of twelve bytes can name 4 GiB, and each of its pages is a step of the launch.
    pub const MAX_SECTION_PAGES: u64 = 65_536;

    /// Reads the table and the SEV metadata.
    ///
    /// An image without SEV metadata is taken (older builds have none, and SEV and SEV-ES do not need them), one
    /// without the table is not: nothing in it knows of SEV. The digest of such firmware is
    /// `sev::launch::LaunchDigest::update_data` of its bytes.
    ///
    /// MODEL: refused are more than [`MAX_SECTIONS`](Self::MAX_SECTIONS) sections or
    /// [`MAX_SECTION_PAGES`](Self::MAX_SECTION_PAGES) pages of them, sections over one another or over the image,
    /// sections for secrets, CPUID or kernel hashes of more than a page, and a second entry of one GUID: VMMs and
    /// measuring tools do not agree on what they mean.
    ///
    /// # Errors
    /// The rule that is broken, and where.
    pub fn parse(image: &'a [u8]) -> Result<Self, OvmfError> {
        Self::read(image, None, place(image.len())?)
    }

    /// The same of an image of which the digest of each page is at hand ([`hash::Workers::digests`](crate::hash::Workers::digests)), and of its
    /// bytes only the last ones: large images need not be held in memory to be measured (SEV-SNP). The table and the metadata
    /// are at the end.
    ///
    /// ```
    /// # let reset_block = [0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e];
    /// # let footer = [0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d];
    /// # let table = [&[4, 0xb0, 0x80, 0, 22, 0][..], &reset_block, &[40, 0], &footer].concat();
    /// # let mut file = vec![0; 8192];
    /// # file[8192 - 32 - 40..8192 - 32].copy_from_slice(&table);
    /// use sevcrypt::hash::Workers;
    /// use sevcrypt::image::Ovmf;
    ///
    /// let mut digests = [[0; 48]; 2];
    /// Workers::new(sevcrypt::Backend::best(), 1).digests(&file, &mut digests);
    /// let firmware = Ovmf::parse_tail(&file[4096..], &digests)?;
    /// assert_eq!((firmware.size(), firmware.page_digests()), (8192, Some(&digests[..])));
    /// # Ok::<(), sevcrypt::image::ovmf::OvmfError>(())
    /// ```
    ///
    /// # Errors
    /// As [`parse`](Self::parse); offsets count from the first byte that is given, and metadata ahead of it are outside.
    pub fn parse_tail(tail: &'a [u8], page_digests: &'a [Sha384Digest]) -> Result<Self, OvmfError> {
        place(tail.len())?;
        let len = page_digests.len().saturating_mul(PAGE);
        if tail.len() > len {
            return Err(OvmfError::TailTooLong { len: tail.len(), pages: page_digests.len() });
        }
        Self::read(tail, Some(page_digests), place(len)?)
    }

    fn read(
        image: &'a [u8],
        page_digests: Option<&'a [Sha384Digest]>,
        gpa: u32,
    ) -> Result<Self, OvmfError> {
        let mut ovmf = Self {
            image,
            page_digests,
            gpa,
            reset_eip: None,
            hash_table: None,
            secret_area: None,
            svsm_launch_offset: None,
            sections: None,
        };
        let (start, mut table) = table(image)?;
        while !table.is_empty() {
            let cut_off = OvmfError::EntryCutOff { offset: start, found: table.len() };
            let (before, record) = table.split_last_chunk::<RECORD>().ok_or(cut_off)?;
            let offset = start + before.len();
            let (length, guid) = fields(record);
            let data_len = length.checked_sub(RECORD);
            let (rest, data) = data_len
                .and_then(|len| before.split_at_checked(before.len().checked_sub(len)?))
                .ok_or(OvmfError::EntrySize { offset, found: length, room: table.len() })?;
            if let Some(entry) = TableEntry::of(&guid) {
                ovmf.read_entry(entry, start + rest.len(), data)?;
            }
            table = rest;
        }
        Ok(ovmf)
    }

    /// Takes over what an entry says, whose data stand at `offset`.
    fn read_entry(
        &mut self,
        entry: TableEntry,
        offset: usize,
        data: &'a [u8],
    ) -> Result<(), OvmfError> {
        let is_second = match entry {
            TableEntry::ResetBlock => {
                self.reset_eip.replace(number(entry, offset, data)?).is_some()
            }
            TableEntry::HashTable => self.hash_table.replace(area(entry, offset, data)?).is_some(),
            TableEntry::SecretArea => {
                self.secret_area.replace(area(entry, offset, data)?).is_some()
            }
            TableEntry::SvsmInfo => {
                self.svsm_launch_offset.replace(number(entry, offset, data)?).is_some()
            }
            TableEntry::Metadata => {
                let from_end = number(entry, offset, data)?;
                self.sections.replace(metadata(self.image, self.gpa, offset, from_end)?).is_some()
            }
        };
        if is_second { Err(OvmfError::EntryTwice { offset, entry }) } else { Ok(()) }
    }

    /// The bytes of the image, or the last ones.
    #[must_use]
    pub const fn image(&self) -> &'a [u8] {
        self.image
    }

    /// The digests of all pages, where the image is known by them.
    #[must_use]
    pub const fn page_digests(&self) -> Option<&'a [Sha384Digest]> {
        self.page_digests
    }

    /// The bytes of the whole image.
    #[must_use]
    pub const fn size(&self) -> usize {
        match self.page_digests {
            Some(digests) => digests.len() * PAGE,
            None => self.image.len(),
        }
    }

    /// Where a VMM loads the image as firmware: it ends at 4 GiB. (An SVSM's image stands elsewhere.)
    #[must_use]
    pub fn gpa(&self) -> GuestPhysAddr {
        low_gpa(self.gpa)
    }

    /// The address at which APs begin: EIP, its upper half the base of CS (SEV-ES reset block).
    #[must_use]
    pub const fn reset_eip(&self) -> Option<u32> {
        self.reset_eip
    }

    /// Where the table with the hashes of a kernel belongs.
    #[must_use]
    pub const fn hash_table(&self) -> Option<Area> {
        self.hash_table
    }

    /// Where a secret belongs that LAUNCH_SECRET injects (SEV and SEV-ES).
    #[must_use]
    pub const fn secret_area(&self) -> Option<Area> {
        self.secret_area
    }

    /// Where in the image of an SVSM its code begins, in bytes from the start.
    #[must_use]
    pub const fn svsm_launch_offset(&self) -> Option<u32> {
        self.svsm_launch_offset
    }

    /// The sections of the SEV metadata, in the order of the file; `None` if the image has no metadata.
    #[must_use]
    pub fn sections(&self) -> Option<impl Iterator<Item = Section> + 'a> {
        Some(self.sections?.iter().filter_map(|descriptor| section(descriptor).ok()))
    }
}

/// What the table says, without the image's bytes.
impl fmt::Debug for Ovmf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ovmf")
            .field("size", &self.size())
            .field("reset_eip", &self.reset_eip)
            .field("hash_table", &self.hash_table)
            .field("secret_area", &self.secret_area)
            .field("svsm_launch_offset", &self.svsm_launch_offset)
            .field("sections", &self.sections.map(<[_]>::len))
            .finish_non_exhaustive()
    }
}

/// An address below 4 GiB.
pub(super) fn low_gpa(addr: u32) -> GuestPhysAddr {
    GuestPhysAddr::new(addr.into()).expect("32 bits are fewer than 52")
}

/// Where an image of so many bytes begins, if it ends at 4 GiB.
fn place(len: usize) -> Result<u32, OvmfError> {
    if len == 0 {
        return Err(OvmfError::Empty);
    }
    if !len.is_multiple_of(PAGE) {
        return Err(OvmfError::NotPages { len });
    }
    let below = |len: u64| FOUR_GIB.checked_sub(len);
    let gpa = u64::try_from(len).ok().and_then(below);
    gpa.and_then(|gpa| gpa.try_into().ok()).ok_or(OvmfError::TooLarge { len })
}

/// The entries, and where they begin.
fn table(image: &[u8]) -> Result<(usize, &[u8]), OvmfError> {
    let footer = |bytes| -> Option<_> {
        let (before, _) = <[u8]>::split_last_chunk::<AFTER_TABLE>(bytes)?;
        before.split_last_chunk::<RECORD>()
    };
    let (before, record) = footer(image).ok_or(OvmfError::Empty)?;
    let offset = before.len();
    let (length, guid) = fields(record);
    if guid != FOOTER {
        return Err(OvmfError::NoTable { offset: offset + 2, found: guid });
    }
    let start = length.checked_sub(RECORD).and_then(|entries| offset.checked_sub(entries));
    let size = OvmfError::TableSize { offset, found: length, room: offset + RECORD };
    let start = start.ok_or(size)?;
    Ok((start, before.get(start..).ok_or(size)?))
}

/// Length and GUID.
fn fields(record: &[u8; RECORD]) -> (usize, [u8; 16]) {
    let [l0, l1, guid @ ..] = *record;
    (u16::from_le_bytes([l0, l1]).into(), guid)
}

/// The data of an entry that has so many.
fn exactly<const N: usize>(
    entry: TableEntry,
    offset: usize,
    data: &[u8],
) -> Result<[u8; N], OvmfError> {
    let found = data.len();
    data.try_into().map_err(|_| OvmfError::EntryLength { offset, entry, found, expected: N })
}

fn number(entry: TableEntry, offset: usize, data: &[u8]) -> Result<u32, OvmfError> {
    exactly(entry, offset, data).map(u32::from_le_bytes)
}

fn area(entry: TableEntry, offset: usize, data: &[u8]) -> Result<Area, OvmfError> {
    let [b0, b1, b2, b3, s0, s1, s2, s3] = exactly(entry, offset, data)?;
    let (base, size) = ([b0, b1, b2, b3], [s0, s1, s2, s3]);
    Ok(Area { base: u32::from_le_bytes(base), size: u32::from_le_bytes(size) })
}

/// The sections of the metadata that begin `from_end` bytes before the end of the image: the number that stands at
/// `entry_offset`.
fn metadata(
    image: &[u8],
    firmware: u32,
    entry_offset: usize,
    from_end: u32,
) -> Result<&[[u8; DESCRIPTOR]], OvmfError> {
    let outside =
        OvmfError::MetadataOffset { offset: entry_offset, found: from_end, len: image.len() };
    let from_end = usize::try_from(from_end).map_err(|_| outside)?;
    let start = image.len().checked_sub(from_end).ok_or(outside)?;
    let rest = image.get(start..).ok_or(outside)?;
    let (header, rest) = rest.split_first_chunk::<HEADER>().ok_or(outside)?;
    let [g0, g1, g2, g3, l0, l1, l2, l3, v0, v1, v2, v3, c0, c1, c2, c3] = *header;
    let signature = [g0, g1, g2, g3];
    if signature != SIGNATURE {
        return Err(OvmfError::MetadataSignature { offset: start, found: signature });
    }
    let version = u32::from_le_bytes([v0, v1, v2, v3]);
    if version != VERSION {
        return Err(OvmfError::MetadataVersion { offset: start + 8, found: version });
    }
    let found = u32::from_le_bytes([c0, c1, c2, c3]);
    let count = usize::try_from(found).ok().filter(|count| *count <= Ovmf::MAX_SECTIONS);
    let count = count.ok_or(OvmfError::MetadataCount { offset: start + 12, found })?;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let expected = HEADER + DESCRIPTOR * count;
    if usize::try_from(length) != Ok(expected) {
        return Err(OvmfError::MetadataSize { offset: start + 4, found: length, expected });
    }
    let (descriptors, _) = rest.as_chunks::<DESCRIPTOR>();
    let descriptors = descriptors.get(..count).ok_or(OvmfError::MetadataCutOff {
        offset: start,
        room: image.len() - start,
        expected,
    })?;
    let mut pages = 0;
    for (number, descriptor) in descriptors.iter().enumerate() {
        let offset = start + HEADER + DESCRIPTOR * number;
        let wrong = |problem| OvmfError::Section { offset, number, problem };
        let this = section(descriptor).map_err(wrong)?;
        if this.end() > firmware.into() {
            return Err(wrong(SectionProblem::OverFirmware { section: this, firmware }));
        }
        let before = descriptors.iter().take(number).filter_map(|other| section(other).ok());
        if let Some((other, _)) = before.enumerate().find(|(_, other)| this.overlaps(other)) {
            return Err(wrong(SectionProblem::Overlap { section: this, other }));
        }
        pages += u64::from(this.size) / PAGE as u64;
    }
    if pages > Ovmf::MAX_SECTION_PAGES {
        return Err(OvmfError::SectionPages { offset: start, found: pages });
    }
    Ok(descriptors)
}

/// A section that is right in itself.
fn section(descriptor: &[u8; DESCRIPTOR]) -> Result<Section, SectionProblem> {
    let [g0, g1, g2, g3, s0, s1, s2, s3, t0, t1, t2, t3] = *descriptor;
    let (base, size) = (u32::from_le_bytes([g0, g1, g2, g3]), u32::from_le_bytes([s0, s1, s2, s3]));
    let number = u32::from_le_bytes([t0, t1, t2, t3]);
    let kind =
        SectionKind::from_number(number).ok_or(SectionProblem::UnknownKind { found: number })?;
    let gpa = low_gpa(base);
    if !gpa.is_page() {
        return Err(SectionProblem::Gpa { found: base });
    }
    if size == 0 || !u64::from(size).is_multiple_of(PAGE as u64) {
        return Err(SectionProblem::Size { found: size });
    }
    if kind.is_one_page() && usize::try_from(size) != Ok(PAGE) {
        return Err(SectionProblem::NotOnePage { kind, found: size });
    }
    Ok(Section { gpa, size, kind })
}

/// An image that breaks a rule. Offsets are in bytes from the start of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OvmfError {
    /// No bytes at all.
    Empty,
    /// A length that is no multiple of 4096.
    NotPages {
        /// The bytes that were given.
        len: usize,
    },
    /// More bytes of an image's end than its pages have.
    TailTooLong {
        /// The bytes that were given.
        len: usize,
        /// The pages.
        pages: usize,
    },
    /// More than 4 GiB: there is no place for it below 4 GiB.
    TooLarge {
        /// The bytes that were given.
        len: usize,
    },
    /// The footer's GUID is not there: the image has no table, and was not built for SEV-ES or SEV-SNP. What SEV
    /// measures of it is `sev::launch::LaunchDigest::update_data` of its bytes.
    NoTable {
        /// Where it belongs.
        offset: usize,
        /// The bytes that are there.
        found: [u8; 16],
    },
    /// The length of the table is less than its footer's, or more than there is.
    TableSize {
        /// Where the length stands.
        offset: usize,
        /// The length.
        found: usize,
        /// The bytes from the start of the file to the end of the table.
        room: usize,
    },
    /// The bytes before the last entry, which is the table's first, are too few for another one.
    EntryCutOff {
        /// Where they begin: at the start of the table.
        offset: usize,
        /// How many there are.
        found: usize,
    },
    /// The length of an entry is less than that of its length and GUID, or leads out of the table.
    EntrySize {
        /// Where the length stands.
        offset: usize,
        /// The length.
        found: usize,
        /// The bytes from the start of the table to the end of the entry.
        room: usize,
    },
    /// The data of an entry have another length than they must have.
    EntryLength {
        /// Where they begin.
        offset: usize,
        /// Which entry.
        entry: TableEntry,
        /// Their length.
        found: usize,
        /// The right one.
        expected: usize,
    },
    /// An entry for the second time, seen from the end.
    EntryTwice {
        /// Where its data begin.
        offset: usize,
        /// Which entry.
        entry: TableEntry,
    },
    /// The table leads to metadata that are not inside the image.
    MetadataOffset {
        /// Where the number stands.
        offset: usize,
        /// The number: bytes before the end of the image.
        found: u32,
        /// The image's bytes.
        len: usize,
    },
    /// The metadata do not begin with "ASEV".
    MetadataSignature {
        /// Where they begin.
        offset: usize,
        /// What is there.
        found: [u8; 4],
    },
    /// A version of the metadata that is not known.
    MetadataVersion {
        /// Where it stands.
        offset: usize,
        /// The version.
        found: u32,
    },
    /// More than [`Ovmf::MAX_SECTIONS`] sections.
    MetadataCount {
        /// Where the number stands.
        offset: usize,
        /// The number.
        found: u32,
    },
    /// The length of the metadata does not fit the number of sections.
    MetadataSize {
        /// Where it stands.
        offset: usize,
        /// The length.
        found: u32,
        /// The right one.
        expected: usize,
    },
    /// The image ends before the metadata do.
    MetadataCutOff {
        /// Where they begin.
        offset: usize,
        /// The bytes from there to the end of the image.
        room: usize,
        /// The metadata's length.
        expected: usize,
    },
    /// More than [`Ovmf::MAX_SECTION_PAGES`] pages in all sections together.
    SectionPages {
        /// Where the metadata begin.
        offset: usize,
        /// The pages.
        found: u64,
    },
    /// A section that breaks a rule.
    Section {
        /// Where it stands in the file.
        offset: usize,
        /// Which, from 0.
        number: usize,
        /// The rule.
        problem: SectionProblem,
    },
}

/// What is wrong with a section.
///
/// ```
/// use sevcrypt::image::ovmf::{Area, Ovmf, OvmfError, SectionProblem, TableEntry};
///
/// fn why(error: OvmfError) -> String {
///     match error {
///         OvmfError::Section { number, problem: SectionProblem::Overlap { other, .. }, .. } => {
///             format!("section {number} lies over section {other}")
///         }
///         OvmfError::EntryTwice { entry: TableEntry::ResetBlock, .. } => "two reset blocks".into(),
///         error => error.to_string(),
///     }
/// }
///
/// fn room(firmware: &Ovmf<'_>) -> u32 {
///     firmware.hash_table().map_or(0, |Area { size, .. }| size)
/// }
/// # assert!(why(Ovmf::parse(&[]).unwrap_err()).contains("empty"));
/// # let _ = room;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SectionProblem {
    /// A type that is not known, so that nobody can say what the VMM puts there.
    UnknownKind {
        /// Its number.
        found: u32,
    },
    /// It does not begin at a page.
    Gpa {
        /// Where it begins.
        found: u32,
    },
    /// Its size is 0 or no multiple of 4096.
    Size {
        /// The size.
        found: u32,
    },
    /// More than a page for something that is one page.
    NotOnePage {
        /// What.
        kind: SectionKind,
        /// The size.
        found: u32,
    },
    /// It reaches into the image, or past 4 GiB.
    OverFirmware {
        /// The section.
        section: Section,
        /// Where the image begins.
        firmware: u32,
    },
    /// It overlaps another one.
    Overlap {
        /// The section.
        section: Section,
        /// The other one's number.
        other: usize,
    },
}

impl fmt::Display for OvmfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("the image is empty"),
            Self::TailTooLong { len, pages } => {
                write!(f, "the image's last {len} bytes are more than its {pages} pages have")
            }
            Self::NotPages { len } => {
                write!(f, "the image has {len} bytes: expected a multiple of {PAGE}")
            }
            Self::TooLarge { len } => {
                write!(f, "the image has {len} bytes: it must end at 4 GiB, so no more fit")
            }
            Self::NoTable { offset, found } => write!(
                f,
                "at offset {offset:#x}: no table for SEV: expected the footer's GUID {}, found {}",
                UefiGuid(FOOTER),
                UefiGuid(found)
            ),
            Self::TableSize { offset, found, room } => write!(
                f,
                "at offset {offset:#x}: the table's length is {found}: expected {RECORD} to {room}"
            ),
            Self::EntryCutOff { offset, found } => write!(
                f,
                "at offset {offset:#x}: the table begins with {found} bytes that are no entry: expected {RECORD} at least"
            ),
            Self::EntrySize { offset, found, room } => write!(
                f,
                "at offset {offset:#x}: an entry's length is {found}: expected {RECORD} to {room}, all that is left of the table"
            ),
            Self::EntryLength { offset, entry, found, expected } => write!(
                f,
                "at offset {offset:#x}: the entry \"{entry}\" has {found} bytes of data: expected {expected}"
            ),
            Self::EntryTwice { offset, entry } => {
                write!(f, "at offset {offset:#x}: the entry \"{entry}\" for the second time")
            }
            Self::MetadataOffset { offset, found, len } => write!(
                f,
                "at offset {offset:#x}: the SEV metadata begin {found:#x} bytes before the end of the image: expected {HEADER:#x} to {len:#x}"
            ),
            Self::MetadataSignature { offset, found } => write!(
                f,
                "at offset {offset:#x}: the SEV metadata begin with {}: expected {} (\"ASEV\")",
                Hex(&found),
                Hex(&SIGNATURE)
            ),
            Self::MetadataVersion { offset, found } => write!(
                f,
                "at offset {offset:#x}: version {found} of the SEV metadata: expected {VERSION}"
            ),
            Self::MetadataCount { offset, found } => write!(
                f,
                "at offset {offset:#x}: the SEV metadata have {found} sections: expected at most {}",
                Ovmf::MAX_SECTIONS
            ),
            Self::MetadataSize { offset, found, expected } => write!(
                f,
                "at offset {offset:#x}: the length of the SEV metadata is {found}: expected {expected}, by the number of sections"
            ),
            Self::MetadataCutOff { offset, room, expected } => write!(
                f,
                "at offset {offset:#x}: the SEV metadata have {expected} bytes, but the image ends after {room}"
            ),
            Self::SectionPages { offset, found } => write!(
                f,
                "at offset {offset:#x}: the sections of the SEV metadata have {found} pages: expected at most {}",
                Ovmf::MAX_SECTION_PAGES
            ),
            Self::Section { offset, number, problem } => {
                write!(f, "at offset {offset:#x}: section {number}: {problem}")
            }
        }
    }
}

impl fmt::Display for SectionProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnknownKind { found } => {
                write!(f, "type {found:#x} is not known: expected 1, 2, 3, 4 or 0x10")
            }
            Self::Gpa { found } => {
                write!(f, "it begins at {found:#x}: expected a multiple of {PAGE:#x}")
            }
            Self::Size { found } => {
                write!(f, "its size is {found:#x}: expected a multiple of {PAGE:#x} above 0")
            }
            Self::NotOnePage { kind, found } => {
                write!(f, "its size is {found:#x}: expected {PAGE:#x}, as its type is {kind}")
            }
            Self::OverFirmware { section, firmware } => write!(
                f,
                "{:#x} bytes from {} reach over {firmware:#x}, where the image begins",
                section.size, section.gpa
            ),
            Self::Overlap { section, other } => {
                write!(f, "{:#x} bytes from {} overlap section {other}", section.size, section.gpa)
            }
        }
    }
}

impl core::error::Error for OvmfError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        assert_eq!(place(0), Err(OvmfError::Empty));
        assert_eq!(place(4095), Err(OvmfError::NotPages { len: 4095 }));
        assert_eq!(place(4096), Ok(0xffff_f000));
        #[cfg(target_pointer_width = "64")]
        {
            assert_eq!(place(1 << 32), Ok(0));
            let len = (1 << 32) + 4096;
            assert_eq!(place(len), Err(OvmfError::TooLarge { len }));
        }
    }
}
