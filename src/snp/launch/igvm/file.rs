//! The bytes of an IGVM file.
//!
//! ```text
//! fixed header        24 bytes, 32 in format version 2
//! variable headers    { type u32 | length u32 | structure | zeros to a multiple of 8 }:
//!                     platforms, then settings, then directives
//! data                that the headers point to, by offsets from the file's begin
//! ```
//! All numbers are little-endian (Microsoft's IGVM specification).

use core::fmt;

use super::{
    DataType, Directive, MAX_PAGES_WITHOUT_DATA, MeasureError, Measurement, Options, PageFlags,
    SnpIdBlock,
};
use crate::addr::PAGE;
use crate::hash::Workers;
use crate::image::Step;
use crate::snp::GuestPolicy;
use crate::snp::id_block::PublicKey;
use crate::wire::{field, get_u32, get_u64};

const MAGIC: u32 = u32::from_le_bytes(*b"IGVM");
/// Where the header's checksum stands, which counts as zero in itself.
const CHECKSUM: usize = 0x14;

/// Types of variable headers, and the ranges of their sections. A type that is not known may be passed over if it has
/// the top bit.
const SUPPORTED_PLATFORM: u32 = 0x001;
const GUEST_POLICY: u32 = 0x101;
const PARAMETER_AREA: u32 = 0x301;
const PAGE_DATA: u32 = 0x302;
const PARAMETER_INSERT: u32 = 0x303;
const VP_CONTEXT: u32 = 0x304;
const SNP_ID_BLOCK: u32 = 0x30b;
/// Directives of which nothing is measured.
const NOT_MEASURED: [u32; 13] =
    [0x305, 0x307, 0x308, 0x309, 0x30a, 0x30c, 0x30d, 0x30e, 0x30f, 0x310, 0x311, 0x312, 0x313];
const OPTIONAL: u32 = 1 << 31;

/// IGVM_VHS_SUPPORTED_PLATFORM: AMD SEV-SNP.
const PLATFORM_SNP: u8 = 2;

/// Bytes of a 2 MiB page.
const LARGE: usize = 512 * PAGE;

/// An IGVM file for SEV-SNP, perhaps among other platforms: a view, the bytes stay.
///
/// Nothing is allocated, and time goes with the length of the file: what it asks for beside its own bytes is bounded.
/// MODEL: at most 65 536 pages (256 MiB) may have no data ([`MeasureError::PagesWithoutData`]), and the data of pages
/// may be by 256 MiB longer than the file, where pages share them ([`FileError::SharedData`]).
///
/// ```
/// use sevcrypt::Backend;
/// use sevcrypt::snp::launch::igvm::{FileError, IgvmFile, Options};
///
/// # fn measure_file(bytes: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// let file = IgvmFile::parse(bytes)?;
/// let measured = file.measure(&Options::default(), Backend::best(), &mut |_| {})?;
/// if measured.id_block_digest.is_some_and(|expected| expected != measured.digest) {
///     println!("its ID block expects another digest");
/// }
/// # Ok(())
/// # }
/// assert_eq!(IgvmFile::parse(b"\x7fELF").unwrap_err(), FileError::TooShort { length: 4, expected: 24 });
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IgvmFile<'a> {
    bytes: &'a [u8],
    /// All of them.
    headers: Headers<'a>,
    platform: u32,
    policy: Option<GuestPolicy>,
}

impl<'a> IgvmFile<'a> {
    /// Looks at every header once.
    ///
    /// # Errors
    /// [`FileError`]: it is no IGVM file, none for SEV-SNP, or breaks a rule of the format.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FileError> {
        let headers = fixed_header(bytes)?;
        let mut platform = None;
        let mut other = None;
        let mut policy = None;
        let mut data_pages = 0;
        let most_data_pages = (bytes.len() / PAGE) as u64 + MAX_PAGES_WITHOUT_DATA;
        let mut section = Section::Platforms;
        for header in headers {
            let header = header?;
            let at = header.at;
            let next =
                Section::of(header.kind).ok_or(FileError::HeaderType { at, found: header.kind })?;
            if next < section {
                return Err(FileError::Order { at });
            }
            section = next;
            match (section, header.kind) {
                (Section::Platforms, SUPPORTED_PLATFORM) => {
                    let platform_header: &[u8; 16] = header.structure()?;
                    let mask = get_u32::<0, _>(platform_header);
                    if !mask.is_power_of_two() {
                        return Err(FileError::PlatformMask { at, found: mask });
                    }
                    match platform_header[5] {
                        PLATFORM_SNP if platform.replace(mask).is_some() => {
                            return Err(FileError::SecondPlatform { at });
                        }
                        PLATFORM_SNP => {}
                        found => other = other.or(Some(found)),
                    }
                }
                (Section::Platforms, _) if !header.is_optional => {
                    return Err(FileError::HeaderType { at, found: header.kind });
                }
                (Section::Settings, GUEST_POLICY) => {
                    let structure: &[u8; 16] = header.structure()?;
                    if get_u32::<0x0c, _>(structure) != 0 {
                        return Err(FileError::NotZero { at });
                    }
                    let this = GuestPolicy(get_u64::<0x00, _>(structure));
                    let applies = get_u32::<0x08, _>(structure) & platform.unwrap_or(0) != 0;
                    if applies && policy.replace(this).is_some() {
                        return Err(FileError::SecondPolicy { at });
                    }
                }
                (Section::Directives, _) => {
                    let platform = platform.unwrap_or(0);
                    let directive = directive(bytes, headers, &header, platform)?;
                    if let Directive::PageData { compatibility_mask, data, .. } = directive
                        && compatibility_mask & platform != 0
                    {
                        data_pages += data.len().div_ceil(PAGE) as u64;
                        if data_pages > most_data_pages {
                            let (found, most) = (data_pages, most_data_pages);
                            return Err(FileError::SharedData { at, found, most });
                        }
                    }
                }
                _ => {}
            }
        }
        let platform = platform.ok_or(FileError::NotForSnp { other })?;
        Ok(Self { bytes, headers, platform, policy })
    }

    /// The bit of compatibility masks that stands for SEV-SNP.
    #[must_use]
    pub const fn platform(&self) -> u32 {
        self.platform
    }

    /// The guest policy for SEV-SNP (IGVM_VHT_GUEST_POLICY): POLICY of SNP_LAUNCH_START, and of the ID block.
    #[must_use]
    pub const fn policy(&self) -> Option<GuestPolicy> {
        self.policy
    }

    /// The ID block for SEV-SNP, with its signatures and keys.
    ///
    /// What the firmware will say to it:
    ///
    /// ```
    /// use sevcrypt::Backend;
    /// use sevcrypt::snp::id_block::LaunchFinish;
    /// use sevcrypt::snp::launch::igvm::{IgvmFile, Options};
    ///
    /// # fn check(bytes: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    /// let file = IgvmFile::parse(bytes)?;
    /// let measured = file.measure(&Options::default(), Backend::best(), &mut |_| {})?;
    /// let policy = file.policy().ok_or("the file has no guest policy")?;
    /// let id_block = file.id_block().ok_or("the file has no ID block")?;
    /// let mut page = [0; 4096];
    /// let launch = LaunchFinish {
    ///     launch_digest: &measured.digest,
    ///     policy,
    ///     id_block: Some((id_block.id_block(policy), id_block.write_id_auth(&mut page))),
    ///     auth_key_en: id_block.author_key_enabled,
    /// };
    /// println!("ID_KEY_DIGEST: {}", sevcrypt::Hex(&launch.check()?.id_key_digest));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn id_block(&self) -> Option<SnpIdBlock<'a>> {
        self.directives().find_map(|directive| match directive {
            Directive::SnpIdBlock { compatibility_mask, id_block }
                if compatibility_mask & self.platform != 0 =>
            {
                Some(id_block)
            }
            _ => None,
        })
    }

    /// The directives for all platforms, in order. Save areas of other platforms are [`Directive::Other`].
    pub fn directives(&self) -> impl Iterator<Item = Directive<'a>> + Clone + use<'a> {
        let Self { bytes, headers, platform, .. } = *self;
        let directives = headers.filter_map(Result::ok);
        directives
            .filter(|header| Section::of(header.kind) == Some(Section::Directives))
            .filter_map(move |header| directive(bytes, headers, &header, platform).ok())
    }

    /// The launch digest of the guest that it describes: [`measure`](super::measure) of its directives.
    ///
    /// # Errors
    /// [`MeasureError`] names the directive.
    pub fn measure(
        &self,
        options: &Options,
        workers: impl Into<Workers>,
        visit: &mut dyn FnMut(&Step),
    ) -> Result<Measurement, MeasureError> {
        super::measure(self.directives(), self.platform, options, workers, visit)
    }
}

impl fmt::Debug for IgvmFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IgvmFile({} bytes, platform {:#x})", self.bytes.len(), self.platform)
    }
}

/// The sections of the variable headers, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Platforms,
    Settings,
    Directives,
}

impl Section {
    const fn of(kind: u32) -> Option<Self> {
        match kind {
            0x001..=0x100 => Some(Self::Platforms),
            0x101..=0x200 => Some(Self::Settings),
            0x301..=0x400 => Some(Self::Directives),
            _ => None,
        }
    }
}

/// A variable header.
#[derive(Clone, Copy)]
struct Header<'a> {
    /// Where it begins in the file.
    at: usize,
    /// Its type, without the top bit.
    kind: u32,
    is_optional: bool,
    structure: &'a [u8],
}

impl<'a> Header<'a> {
    /// The structure, which has this length.
    fn structure<const N: usize>(&self) -> Result<&'a [u8; N], FileError> {
        let found = self.structure.len();
        let wrong = FileError::StructureLength { at: self.at, found, expected: N };
        self.structure.try_into().map_err(|_| wrong)
    }
}

/// The variable headers that are left.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Headers<'a> {
    at: usize,
    rest: &'a [u8],
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<Header<'a>, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let header = self.split();
        if header.is_err() {
            self.rest = &[];
        }
        Some(header)
    }
}

impl<'a> Headers<'a> {
    fn split(&mut self) -> Result<Header<'a>, FileError> {
        let at = self.at;
        let cut_off = FileError::CutOff { at };
        let (prefix, rest) = self.rest.split_first_chunk::<8>().ok_or(cut_off)?;
        let length = usize::try_from(get_u32::<4, _>(prefix)).map_err(|_| cut_off)?;
        let padded = length.checked_next_multiple_of(8).ok_or(cut_off)?;
        let (structure, rest) = rest.split_at_checked(padded).ok_or(cut_off)?;
        let (structure, padding) = structure.split_at_checked(length).ok_or(cut_off)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(FileError::NotZero { at });
        }
        (self.at, self.rest) = (at + 8 + padded, rest);
        let kind = get_u32::<0, _>(prefix);
        let is_optional = kind & OPTIONAL != 0;
        Ok(Header { at, kind: kind & !OPTIONAL, is_optional, structure })
    }
}

/// Checks the fixed header; gives the variable headers.
fn fixed_header(bytes: &[u8]) -> Result<Headers<'_>, FileError> {
    let too_short = |expected| FileError::TooShort { length: bytes.len(), expected };
    let fixed = bytes.first_chunk::<0x18>().ok_or(too_short(0x18))?;
    if get_u32::<0x00, _>(fixed) != MAGIC {
        return Err(FileError::Magic { found: get_u32::<0x00, _>(fixed) });
    }
    let fixed_length = match get_u32::<0x04, _>(fixed) {
        1 => 0x18,
        2 => {
            let second = bytes.first_chunk::<0x20>().ok_or(too_short(0x20))?;
            let (architecture, page) = (get_u32::<0x18, _>(second), get_u32::<0x1c, _>(second));
            if architecture != 0 {
                return Err(FileError::Architecture { found: architecture });
            }
            if page != PAGE as u32 {
                return Err(FileError::PageSize { found: page });
            }
            0x20
        }
        found => return Err(FileError::Version { found }),
    };
    let found = get_u32::<0x10, _>(fixed);
    if usize::try_from(found) != Ok(bytes.len()) {
        return Err(FileError::FileLength { found, actual: bytes.len() });
    }
    let (offset, length) = (get_u32::<0x08, _>(fixed), get_u32::<0x0c, _>(fixed));
    let outside = FileError::VariableHeaders { offset, length };
    let at = usize::try_from(offset).map_err(|_| outside)?;
    if at < fixed_length || !at.is_multiple_of(8) {
        return Err(outside);
    }
    let rest = usize::try_from(length)
        .ok()
        .and_then(|length| bytes.get(at..)?.get(..length))
        .ok_or(outside)?;
    let found = get_u32::<CHECKSUM, _>(fixed);
    let counted = bytes.iter().take(fixed_length).enumerate();
    let fixed = counted.map(|(n, byte)| match (CHECKSUM..CHECKSUM + 4).contains(&n) {
        true => 0,
        false => *byte,
    });
    let computed = crc32(fixed.chain(rest.iter().copied()));
    if found != computed {
        return Err(FileError::Checksum { found, computed });
    }
    Ok(Headers { at, rest })
}

/// CRC-32 of ISO 3309: the polynomial 04C1_1DB7h, bits reflected.
fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ (0xedb8_8320 * (crc & 1)))
    })
}

/// So many bytes of the file, behind all its headers; none where the offset is 0.
fn data<'a>(
    file: &'a [u8],
    headers: Headers<'a>,
    at: usize,
    offset: u32,
    length: usize,
) -> Result<&'a [u8], FileError> {
    let place = usize::try_from(offset).unwrap_or(usize::MAX);
    match place {
        0 => Ok(&[]),
        _ => file
            .get(place..)
            .filter(|_| place >= headers.at + headers.rest.len())
            .and_then(|data| data.get(..length))
            .ok_or(FileError::Data { at, offset, length }),
    }
}

/// A directive from its header.
fn directive<'a>(
    file: &'a [u8],
    headers: Headers<'a>,
    header: &Header<'a>,
    platform: u32,
) -> Result<Directive<'a>, FileError> {
    let at = header.at;
    match header.kind {
        PAGE_DATA => {
            let page: &[u8; 24] = header.structure()?;
            let flags = get_u32::<0x10, _>(page);
            let [type_low, type_high, reserved @ ..] = *field::<0x14, 4, _>(page);
            if flags >> 3 != 0 || reserved != [0; 2] {
                return Err(FileError::NotZero { at });
            }
            let flags = PageFlags {
                is_2mb: flags & 1 != 0,
                unmeasured: flags & 2 != 0,
                shared: flags & 4 != 0,
            };
            let data_type = match u16::from_le_bytes([type_low, type_high]) {
                0 => DataType::Normal,
                1 => DataType::Secrets,
                2 => DataType::CpuidData,
                3 => DataType::CpuidXf,
                found => return Err(FileError::DataType { at, found }),
            };
            let length = if flags.is_2mb { LARGE } else { PAGE };
            Ok(Directive::PageData {
                compatibility_mask: get_u32::<0x08, _>(page),
                gpa: get_u64::<0x00, _>(page),
                flags,
                data_type,
                data: data(file, headers, at, get_u32::<0x0c, _>(page), length)?,
            })
        }
        PARAMETER_AREA => {
            let area: &[u8; 16] = header.structure()?;
            Ok(Directive::ParameterArea {
                index: get_u32::<0x08, _>(area),
                length: get_u64::<0x00, _>(area),
            })
        }
        PARAMETER_INSERT => {
            let insert: &[u8; 16] = header.structure()?;
            Ok(Directive::ParameterInsert {
                compatibility_mask: get_u32::<0x08, _>(insert),
                gpa: get_u64::<0x00, _>(insert),
                index: get_u32::<0x0c, _>(insert),
            })
        }
        VP_CONTEXT => {
            let context: &[u8; 20] = header.structure()?;
            let compatibility_mask = get_u32::<0x08, _>(context);
            if compatibility_mask & platform == 0 {
                return Ok(Directive::Other);
            }
            let [low, high, reserved @ ..] = *field::<0x10, 4, _>(context);
            if reserved != [0; 2] {
                return Err(FileError::NotZero { at });
            }
            let offset = get_u32::<0x0c, _>(context);
            let vmsa = data(file, headers, at, offset, PAGE)?;
            if vmsa.is_empty() {
                return Err(FileError::Data { at, offset, length: PAGE });
            }
            Ok(Directive::SnpVpContext {
                compatibility_mask,
                gpa: get_u64::<0x00, _>(context),
                vp_index: u16::from_le_bytes([low, high]),
                vmsa,
            })
        }
        SNP_ID_BLOCK => {
            let block: &[u8; 696] = header.structure()?;
            let [author_key_enabled, reserved @ ..] = *field::<0x04, 4, _>(block);
            if reserved != [0; 3] {
                return Err(FileError::NotZero { at });
            }
            let id_block = SnpIdBlock {
                author_key_enabled: author_key_enabled != 0,
                launch_digest: *field::<0x08, 48, _>(block),
                family_id: *field::<0x38, 16, _>(block),
                image_id: *field::<0x48, 16, _>(block),
                version: get_u32::<0x58, _>(block),
                guest_svn: get_u32::<0x5c, _>(block),
                id_key_algo: get_u32::<0x60, _>(block),
                auth_key_algo: get_u32::<0x64, _>(block),
                id_block_signature: field::<0x68, { SnpIdBlock::SIGNATURE_LEN }, _>(block),
                id_key: field::<0xf8, { PublicKey::IGVM_LEN }, _>(block),
                id_key_signature: field::<0x190, { SnpIdBlock::SIGNATURE_LEN }, _>(block),
                author_key: field::<0x220, { PublicKey::IGVM_LEN }, _>(block),
            };
            let compatibility_mask = get_u32::<0x00, _>(block);
            Ok(Directive::SnpIdBlock { compatibility_mask, id_block })
        }
        kind if header.is_optional || NOT_MEASURED.contains(&kind) => Ok(Directive::Other),
        found => Err(FileError::HeaderType { at, found }),
    }
}

/// Bytes that are no IGVM file for SEV-SNP. Offsets count from the file's begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileError {
    /// It ends in its fixed header.
    TooShort {
        /// Its bytes.
        length: usize,
        /// Those of the header.
        expected: usize,
    },
    /// It does not begin with "IGVM".
    Magic {
        /// The first four bytes.
        found: u32,
    },
    /// A format version other than 1 and 2.
    Version {
        /// The version.
        found: u32,
    },
    /// An architecture other than x86-64.
    Architecture {
        /// Its number.
        found: u32,
    },
    /// Pages of another size than 4 KiB.
    PageSize {
        /// Their bytes.
        found: u32,
    },
    /// Another length than its header says.
    FileLength {
        /// What the header says.
        found: u32,
        /// Its bytes.
        actual: usize,
    },
    /// The variable headers are outside of the file, or not at a multiple of 8 behind the fixed header.
    VariableHeaders {
        /// Where they should be.
        offset: u32,
        /// Their bytes.
        length: u32,
    },
    /// The checksum of the headers is wrong.
    Checksum {
        /// What the header says.
        found: u32,
        /// What it should be.
        computed: u32,
    },
    /// The variable headers end in this one.
    CutOff {
        /// Where it begins.
        at: usize,
    },
    /// A type of header that is not known, and not marked as one that may be passed over.
    HeaderType {
        /// Where the header begins.
        at: usize,
        /// Its type, without the mark.
        found: u32,
    },
    /// Platforms, settings and directives must follow in this order.
    Order {
        /// Where the header begins.
        at: usize,
    },
    /// A structure of another length than its type has.
    StructureLength {
        /// Where the header begins.
        at: usize,
        /// Its bytes.
        found: usize,
        /// Those of its type.
        expected: usize,
    },
    /// A reserved field or the padding of a header is not zero.
    NotZero {
        /// Where the header begins.
        at: usize,
    },
    /// A type of page data that is not known.
    DataType {
        /// Where the header begins.
        at: usize,
        /// The type.
        found: u16,
    },
    /// A header's data are outside of the file, or in its headers.
    Data {
        /// Where the header begins.
        at: usize,
        /// Where its data should be.
        offset: u32,
        /// Their bytes.
        length: usize,
    },
    /// The data of pages for SEV-SNP are by more than 256 MiB longer than the file: many pages share them.
    SharedData {
        /// Where the header begins whose data are too many.
        at: usize,
        /// The pages, of 4 KiB, whose data the headers up to this one point to.
        found: u64,
        /// How many they may be.
        most: u64,
    },
    /// A second guest policy for SEV-SNP.
    SecondPolicy {
        /// Where the header begins.
        at: usize,
    },
    /// A platform's mask is not a single bit.
    PlatformMask {
        /// Where the header begins.
        at: usize,
        /// The mask.
        found: u32,
    },
    /// SEV-SNP is named a second time.
    SecondPlatform {
        /// Where the header begins.
        at: usize,
    },
    /// The file is for other platforms, or names none.
    NotForSnp {
        /// The number of the first other platform.
        other: Option<u8>,
    },
}

/// Platforms by their numbers in IGVM_VHS_SUPPORTED_PLATFORM.
const PLATFORMS: [&str; 7] =
    ["no isolation", "VSM isolation", "SEV-SNP", "TDX", "SEV", "SEV-ES", "Arm CCA"];

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { length, expected } => {
                write!(f, "{length} bytes: the header of an IGVM file has {expected}")
            }
            Self::Magic { found } => {
                write!(f, "at offset 0x0: {found:#010x}, expected {MAGIC:#010x} (\"IGVM\")")
            }
            Self::Version { found } => {
                write!(f, "at offset 0x4: format version {found}, expected 1 or 2")
            }
            Self::Architecture { found } => {
                write!(f, "at offset 0x18: architecture {found}, expected 0 (x86-64)")
            }
            Self::PageSize { found } => {
                write!(f, "at offset 0x1c: pages of {found} bytes, expected 4096")
            }
            Self::FileLength { found, actual } => {
                write!(f, "at offset 0x10: a file of {found} bytes, but it has {actual}")
            }
            Self::VariableHeaders { offset, length } => write!(
                f,
                "at offset 0x8: {length:#x} bytes of variable headers at {offset:#x}, expected inside of the file, behind its header, at a multiple of 8"
            ),
            Self::Checksum { found, computed } => {
                write!(f, "at offset 0x14: checksum {found:#010x}, expected {computed:#010x}")
            }
            Self::CutOff { at } => write!(f, "at offset {at:#x}: the variable header is cut off"),
            Self::HeaderType { at, found } => {
                write!(f, "at offset {at:#x}: a variable header of unknown type {found:#x}")
            }
            Self::Order { at } => write!(
                f,
                "at offset {at:#x}: expected first platforms, then settings, then directives"
            ),
            Self::StructureLength { at, found, expected } => {
                write!(f, "at offset {at:#x}: a structure of {found} bytes, expected {expected}")
            }
            Self::NotZero { at } => write!(
                f,
                "at offset {at:#x}: expected zero in the reserved fields and the padding of the variable header"
            ),
            Self::DataType { at, found } => {
                write!(f, "at offset {at:#x}: page data of type {found}, expected 0 to 3")
            }
            Self::Data { at, offset, length } => write!(
                f,
                "at offset {at:#x}: {length:#x} bytes of data at {offset:#x}, expected inside of the file, behind all headers"
            ),
            Self::SharedData { at, found, most } => write!(
                f,
                "at offset {at:#x}: {found} pages of data up to here, expected at most {most}, by the length of the file"
            ),
            Self::SecondPolicy { at } => {
                write!(f, "at offset {at:#x}: a second guest policy for SEV-SNP")
            }
            Self::PlatformMask { at, found } => {
                write!(f, "at offset {at:#x}: platform mask {found:#x}, expected a single bit")
            }
            Self::SecondPlatform { at } => {
                write!(f, "at offset {at:#x}: SEV-SNP is named a second time")
            }
            Self::NotForSnp { other: None } => f.write_str("the file names no platform"),
            Self::NotForSnp { other: Some(other) } => match PLATFORMS.get(usize::from(*other)) {
                Some(name) => write!(f, "the file is for {name}, not for SEV-SNP"),
                None => write!(f, "the file is for platform {other}, not for SEV-SNP"),
            },
        }
    }
}

impl core::error::Error for FileError {}
