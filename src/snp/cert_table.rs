//! The certificate table that a host hands to its guest: the data of an SNP extended guest request (AMD 56421, GHCB),
//! and `auxblob` of Linux's configfs-tsm.
//!
//! ```text
//! { GUID 16 | offset u32 | length u32 }   one for each entry, little-endian; offsets count from the table's begin
//! 24 zero bytes                           ends the array
//! data ...
//! ```
//!
//! Everything in it is the host's word, and untrusted. A table that does not follow the rules is refused as a whole.

use core::fmt;
use core::ops::Range;

use crate::guid::Guid;

/// Bytes of GUID, offset and length.
const RECORD_LEN: usize = 24;

/// What an entry of the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryKind {
    /// The certificate of the chip's VCEK.
    Vcek,
    /// The certificate of the provider's VLEK.
    Vlek,
    /// The certificate of the intermediate: the ASK, or the ASVK where a VLEK signs.
    Ask,
    /// The certificate of the ARK.
    Ark,
    /// The ARK's certificate revocation list.
    Crl,
    /// Google's: see [`ExtraPlatformInfo`].
    ExtraPlatformInfo,
    /// Another GUID: to be skipped.
    Unknown,
}

impl EntryKind {
    /// All that have a GUID (AMD 56421; the last one from Google's hosts).
    const GUIDS: [(Self, Guid); 6] = [
        (Self::Vcek, Guid::new(0x63da758d_e664_4564_adc5_f4b93be8accd_u128.to_be_bytes())),
        (Self::Vlek, Guid::new(0xa8074bc2_a25a_483e_aae6_39c045a0b8a1_u128.to_be_bytes())),
        (Self::Ask, Guid::new(0x4ab7b379_bbac_4fe4_a02f_05aef327c782_u128.to_be_bytes())),
        (Self::Ark, Guid::new(0xc0b406a4_a803_4952_9743_3fb6014cd0ae_u128.to_be_bytes())),
        (Self::Crl, Guid::new(0x92f81bc3_5811_4d3d_97ff_d19f88dc67ea_u128.to_be_bytes())),
        (
            Self::ExtraPlatformInfo,
            Guid::new(0xecae0c0f_9502_43b1_afa2_0ae2e0d565b6_u128.to_be_bytes()),
        ),
    ];

    /// The GUID; `None` for [`EntryKind::Unknown`].
    #[must_use]
    pub fn guid(self) -> Option<Guid> {
        Self::GUIDS.into_iter().find(|(kind, _)| *kind == self).map(|(_, guid)| guid)
    }

    /// Kind and GUID of the 16 bytes in a table, in either byte order: some hosts write the mixed-endian one.
    pub(super) fn of(bytes: [u8; 16]) -> (Self, Guid) {
        let found = Guid::new(bytes);
        let mut all = Self::GUIDS.into_iter();
        all.find(|(_, guid)| *guid == found || *guid == found.swapped())
            .unwrap_or((Self::Unknown, found))
    }

    /// Whether the data is one ASN.1 object: a certificate or a CRL.
    pub(super) const fn is_asn1(self) -> bool {
        !matches!(self, Self::ExtraPlatformInfo | Self::Unknown)
    }
}

/// One entry of a [`CertTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// What it is.
    pub kind: EntryKind,
    /// Its GUID, the bytes as they stand in the table if nothing is known of it.
    pub guid: Guid,
    /// Its bytes: a certificate or a CRL is DER by the standard and PEM from some hosts. Zeros after a DER object that
    /// are counted in the entry's length are cut off.
    pub data: &'a [u8],
}

/// A certificate table that follows the rules.
///
/// ```
/// use sevcrypt::snp::cert_table::{self, CertTable, EntryKind};
///
/// let mut page = [0; 4096];
/// cert_table::write(&[(EntryKind::Vcek, b"VCEK"), (EntryKind::Ark, b"ARK")], &mut page)?;
///
/// let table = CertTable::parse(&page)?;
/// assert_eq!(table.entries().count(), 2);
/// assert_eq!(table.get(EntryKind::Ark), Some(&b"ARK"[..]));
/// assert_eq!(table.get(EntryKind::Vlek), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CertTable<'a> {
    records: &'a [[u8; RECORD_LEN]],
    bytes: &'a [u8],
}

impl<'a> CertTable<'a> {
    /// The most entries that a table may have here; hosts write three to six.
    pub const MAX_ENTRIES: usize = 64;

    /// Reads a table. After the last entry's data there may be zeros and nothing else (a buffer of whole pages).
    /// No bytes at all, and nothing but zeros, are an empty table: the host has no certificates to give.
    ///
    /// # Errors
    /// The rule that is broken and the entry, counted from 0, that breaks it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, CertTableError> {
        if bytes.is_empty() {
            return Ok(Self { records: &[], bytes });
        }
        let (all, _) = bytes.as_chunks::<RECORD_LEN>();
        let nothing = [0; RECORD_LEN];
        let mut searched = all.iter().take(Self::MAX_ENTRIES + 1);
        let count = match searched.position(|record| *record == nothing) {
            Some(count) => count,
            None if all.len() > Self::MAX_ENTRIES => return Err(CertTableError::TooManyEntries),
            None => return Err(CertTableError::NoTerminator { len: bytes.len() }),
        };
        let records = all.get(..count).unwrap_or_default();
        let array = RECORD_LEN * (count + 1);

        let mut end = array;
        for (index, record) in records.iter().enumerate() {
            let (guid, offset, length) = fields(record);
            if guid == [0; 16] {
                return Err(CertTableError::NilGuid { index });
            }
            let kind = EntryKind::of(guid);
            let mut before = records.iter().take(index);
            if let Some(first) = before.position(|record| EntryKind::of(fields(record).0) == kind) {
                return Err(CertTableError::Duplicate { index, first });
            }
            if length == 0 {
                return Err(CertTableError::EmptyEntry { index });
            }
            let outside = CertTableError::Outside { index, offset, length, table: bytes.len() };
            let range = range(offset, length).ok_or(outside)?;
            if range.start < array {
                return Err(CertTableError::InsideArray { index, offset, array });
            }
            if range.end > bytes.len() {
                return Err(outside);
            }
            end = end.max(range.end);
        }
        let padding = bytes.get(end..).unwrap_or_default();
        match padding.iter().position(|byte| *byte != 0) {
            Some(index) => Err(CertTableError::TrailingData { offset: end + index }),
            None => Ok(Self { records, bytes }),
        }
    }

    /// The entries, in the order of the table.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let bytes = self.bytes;
        self.records.iter().filter_map(move |record| {
            let (guid, offset, length) = fields(record);
            let (kind, guid) = EntryKind::of(guid);
            let data = bytes.get(range(offset, length)?)?;
            Some(Entry { kind, guid, data: if kind.is_asn1() { unpadded(data) } else { data } })
        })
    }

    /// The data of the first entry of a kind.
    #[must_use]
    pub fn get(&self, kind: EntryKind) -> Option<&'a [u8]> {
        self.entries().find(|entry| entry.kind == kind).map(|entry| entry.data)
    }
}

/// GUID, offset and length of a record.
const fn fields(record: &[u8; RECORD_LEN]) -> ([u8; 16], u32, u32) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, rest @ ..] = *record;
    let [o0, o1, o2, o3, l0, l1, l2, l3] = rest;
    let guid = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
    (guid, u32::from_le_bytes([o0, o1, o2, o3]), u32::from_le_bytes([l0, l1, l2, l3]))
}

/// The bytes of an entry; `None` if no buffer can have them.
fn range(offset: u32, length: u32) -> Option<Range<usize>> {
    let start = usize::try_from(offset).ok()?;
    Some(start..start.checked_add(usize::try_from(length).ok()?)?)
}

/// The data without the zeros after a DER object; everything, if it is no DER object or anything else follows it.
fn unpadded(data: &[u8]) -> &[u8] {
    der_len(data)
        .and_then(|len| data.split_at_checked(len))
        .filter(|(_, padding)| padding.iter().all(|byte| *byte == 0))
        .map_or(data, |(object, _)| object)
}

/// The length of the SEQUENCE that the data begins with, tag and length included (X.690, section 8.1.3).
fn der_len(data: &[u8]) -> Option<usize> {
    let (&[tag, first], rest) = data.split_first_chunk()?;
    if tag != 0x30 {
        return None;
    }
    let (octets, content) = match first {
        0..=0x7f => (0, usize::from(first)),
        0x81..=0x84 => {
            let octets = usize::from(first & 0x7f);
            let digits = rest.get(..octets)?.iter();
            (octets, digits.fold(0, |number, digit| (number << 8) | usize::from(*digit)))
        }
        _ => return None,
    };
    content.checked_add(2 + octets)
}

/// A table that breaks a rule, or an entry's data that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertTableError {
    /// The table ends before the 24 zero bytes that end its array of entries.
    NoTerminator {
        /// The table's bytes.
        len: usize,
    },
    /// More than [`CertTable::MAX_ENTRIES`] entries.
    TooManyEntries,
    /// A GUID of zeros, with an offset or a length.
    NilGuid {
        /// Which entry.
        index: usize,
    },
    /// A GUID for the second time.
    Duplicate {
        /// Which entry.
        index: usize,
        /// The entry that has it first.
        first: usize,
    },
    /// A length of 0.
    EmptyEntry {
        /// Which entry.
        index: usize,
    },
    /// An offset that points into the array of entries.
    InsideArray {
        /// Which entry.
        index: usize,
        /// Its offset.
        offset: u32,
        /// The array's bytes, the terminator included.
        array: usize,
    },
    /// Offset and length go beyond the table.
    Outside {
        /// Which entry.
        index: usize,
        /// Its offset.
        offset: u32,
        /// Its length.
        length: u32,
        /// The table's bytes.
        table: usize,
    },
    /// A byte that is not zero after the last entry's data.
    TrailingData {
        /// Where.
        offset: usize,
    },
    /// The size that [`ExtraPlatformInfo`] states is below 8 or above that of its entry.
    ExtraPlatformInfoSize {
        /// The stated size; `None` if there are fewer than 8 bytes.
        found: Option<u32>,
        /// The entry's bytes.
        len: usize,
    },
}

impl fmt::Display for CertTableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoTerminator { len } => write!(
                f,
                "no entry of {RECORD_LEN} zero bytes ends the certificate table's array in its {len} bytes"
            ),
            Self::TooManyEntries => {
                write!(f, "the certificate table has more than {} entries", CertTable::MAX_ENTRIES)
            }
            Self::NilGuid { index } => {
                write!(f, "entry {index}: the GUID is zero, but offset or length is not")
            }
            Self::Duplicate { index, first } => {
                write!(f, "entry {index}: the same GUID as entry {first}")
            }
            Self::EmptyEntry { index } => write!(f, "entry {index}: its length is 0"),
            Self::InsideArray { index, offset, array } => write!(
                f,
                "entry {index}: offset {offset:#x} is inside the array of entries, which has {array:#x} bytes"
            ),
            Self::Outside { index, offset, length, table } => write!(
                f,
                "entry {index}: {length} bytes at offset {offset:#x} are not inside the table of {table} bytes"
            ),
            Self::TrailingData { offset } => {
                write!(f, "at offset {offset:#x}: only zeros may follow the last entry's data")
            }
            Self::ExtraPlatformInfoSize { found: Some(found), len } => write!(
                f,
                "the extra platform information states {found} bytes: expected 8 to {len}, the entry's"
            ),
            Self::ExtraPlatformInfoSize { found: None, len } => {
                write!(f, "the extra platform information has {len} bytes: expected 8 at least")
            }
        }
    }
}

impl core::error::Error for CertTableError {}

/// What Google's hosts add: the processor, for reports without CPUID values (version 2). Nobody signs it: advice.
///
/// ```
/// use sevcrypt::snp::cert_table::ExtraPlatformInfo;
/// use sevcrypt::snp::tcb::{CpuModel, Product};
///
/// let info = ExtraPlatformInfo::parse(&[8, 0, 0, 0, 0x11, 0x0f, 0xa0, 0x00])?;
/// assert_eq!(CpuModel::from_eax(info.cpuid_1_eax()).product(), Some(Product::Milan));
/// # Ok::<(), sevcrypt::snp::cert_table::CertTableError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtraPlatformInfo {
    cpuid_1_eax: u32,
}

impl ExtraPlatformInfo {
    /// Reads the data of an entry of this kind: its size, CPUID Fn0000_0001 EAX, then bytes that are ignored.
    ///
    /// # Errors
    /// [`CertTableError::ExtraPlatformInfoSize`].
    pub fn parse(data: &[u8]) -> Result<Self, CertTableError> {
        let len = data.len();
        let Some(&[s0, s1, s2, s3, e0, e1, e2, e3]) = data.first_chunk() else {
            return Err(CertTableError::ExtraPlatformInfoSize { found: None, len });
        };
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        if usize::try_from(size).is_ok_and(|size| (8..=len).contains(&size)) {
            Ok(Self { cpuid_1_eax: u32::from_le_bytes([e0, e1, e2, e3]) & 0x0fff_0fff })
        } else {
            Err(CertTableError::ExtraPlatformInfoSize { found: Some(size), len })
        }
    }

    /// EAX of CPUID Fn0000_0001: family, model and stepping, other bits zero.
    #[must_use]
    pub const fn cpuid_1_eax(self) -> u32 {
        self.cpuid_1_eax
    }
}

/// The bytes that [`write()`] writes for these entries.
///
/// # Errors
/// As [`write()`], apart from [`CertTableWriteError::BufferTooSmall`].
///
/// ```
/// use sevcrypt::snp::cert_table::{self, EntryKind};
///
/// assert_eq!(cert_table::written_len(&[(EntryKind::Ark, b"ARK")]), Ok(24 + 24 + 3));
/// ```
pub fn written_len(entries: &[(EntryKind, &[u8])]) -> Result<usize, CertTableWriteError> {
    if entries.len() > CertTable::MAX_ENTRIES {
        return Err(CertTableWriteError::TooManyEntries { entries: entries.len() });
    }
    let mut len = RECORD_LEN * (entries.len() + 1);
    for (index, (kind, data)) in entries.iter().enumerate() {
        if *kind == EntryKind::Unknown {
            return Err(CertTableWriteError::UnknownKind { index });
        }
        if let Some(first) = entries.iter().take(index).position(|(other, _)| other == kind) {
            return Err(CertTableWriteError::Duplicate { index, first });
        }
        if data.is_empty() {
            return Err(CertTableWriteError::EmptyEntry { index });
        }
        len = len
            .checked_add(data.len())
            .filter(|len| u32::try_from(*len).is_ok())
            .ok_or(CertTableWriteError::TooLong { index })?;
    }
    Ok(len)
}

/// Writes a table as a host does: array and terminator, then the data without gaps, GUIDs in RFC 4122 order.
/// Returns how many bytes it has; the rest of `out` stays as it is. On an error nothing has been written.
///
/// # Errors
/// An entry that cannot be written, or `out` is too small ([`written_len`] tells the size).
///
/// ```
/// use sevcrypt::snp::cert_table::{self, CertTableWriteError, EntryKind};
///
/// let mut table = [0; 64];
/// assert_eq!(cert_table::write(&[(EntryKind::Vlek, b"VLEK")], &mut table), Ok(24 + 24 + 4));
/// assert_eq!(
///     cert_table::write(&[(EntryKind::Unknown, b"?")], &mut table),
///     Err(CertTableWriteError::UnknownKind { index: 0 })
/// );
/// ```
pub fn write(entries: &[(EntryKind, &[u8])], out: &mut [u8]) -> Result<usize, CertTableWriteError> {
    let needed = written_len(entries)?;
    let found = out.len();
    let too_small = CertTableWriteError::BufferTooSmall { needed, found };
    let table = out.get_mut(..needed).ok_or(too_small)?;
    let (mut array, mut data) =
        table.split_at_mut_checked(RECORD_LEN * (entries.len() + 1)).ok_or(too_small)?;
    let mut offset = array.len();
    array.fill(0);
    for (index, (kind, bytes)) in entries.iter().enumerate() {
        let unknown = CertTableWriteError::UnknownKind { index };
        let too_long = CertTableWriteError::TooLong { index };
        let guid = kind.guid().ok_or(unknown)?.bytes();
        let number = |number| u32::try_from(number).map(u32::to_le_bytes).map_err(|_| too_long);
        let (start, length) = (number(offset)?, number(bytes.len())?);
        for field in [&guid[..], &start, &length] {
            array.split_off_mut(..field.len()).ok_or(too_small)?.copy_from_slice(field);
        }
        data.split_off_mut(..bytes.len()).ok_or(too_small)?.copy_from_slice(bytes);
        offset += bytes.len();
    }
    Ok(needed)
}

/// Entries that make no table. Nothing has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertTableWriteError {
    /// More than [`CertTable::MAX_ENTRIES`] entries.
    TooManyEntries {
        /// How many.
        entries: usize,
    },
    /// [`EntryKind::Unknown`] has no GUID.
    UnknownKind {
        /// Which entry.
        index: usize,
    },
    /// A kind for the second time.
    Duplicate {
        /// Which entry.
        index: usize,
        /// The entry that has it first.
        first: usize,
    },
    /// An entry without data.
    EmptyEntry {
        /// Which entry.
        index: usize,
    },
    /// The table would have 2^32 bytes or more.
    TooLong {
        /// The entry that does not fit.
        index: usize,
    },
    /// The buffer is too small.
    BufferTooSmall {
        /// The table's bytes.
        needed: usize,
        /// The buffer's bytes.
        found: usize,
    },
}

impl fmt::Display for CertTableWriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooManyEntries { entries } => {
                write!(f, "{entries} entries: a table has at most {}", CertTable::MAX_ENTRIES)
            }
            Self::UnknownKind { index } => write!(f, "entry {index}: an unknown kind has no GUID"),
            Self::Duplicate { index, first } => {
                write!(f, "entry {index}: the same kind as entry {first}")
            }
            Self::EmptyEntry { index } => write!(f, "entry {index}: it has no data"),
            Self::TooLong { index } => {
                write!(f, "entry {index}: with it the table has 2^32 bytes or more")
            }
            Self::BufferTooSmall { needed, found } => {
                write!(f, "the table needs {needed} bytes, but the buffer has {found}")
            }
        }
    }
}

impl core::error::Error for CertTableWriteError {}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// Three entries, from the description of the format.
    const EXAMPLE: &str = "63da758de6644564adc5f4b93be8accd6000000007000000\
        4ab7b379bbac4fe4a02f05aef327c7826700000004000000\
        c0b406a4a803495297433fb6014cd0ae6b00000003000000\
        000000000000000000000000000000000000000000000000\
        5643454b44455241534b4441524b";
    const ENTRIES: [(EntryKind, &[u8]); 3] =
        [(EntryKind::Vcek, b"VCEKDER"), (EntryKind::Ask, b"ASKD"), (EntryKind::Ark, b"ARK")];

    fn example() -> Vec<u8> {
        base16ct::lower::decode_vec(EXAMPLE).unwrap()
    }

    /// A table with any words in its records, and data of 0xaa up to `len`.
    fn table(records: &[([u8; 16], u32, u32)], len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (guid, offset, length) in records {
            bytes.extend_from_slice(guid);
            bytes.extend_from_slice(&offset.to_le_bytes());
            bytes.extend_from_slice(&length.to_le_bytes());
        }
        bytes.extend_from_slice(&[0; RECORD_LEN]);
        bytes.resize(len, 0xaa);
        bytes
    }

    fn guid(kind: EntryKind) -> [u8; 16] {
        kind.guid().unwrap().bytes()
    }

    #[test]
    fn example_there_and_back() {
        let bytes = example();
        let parsed = CertTable::parse(&bytes).unwrap();
        let entries: Vec<_> = parsed.entries().map(|entry| (entry.kind, entry.data)).collect();
        assert_eq!(entries, ENTRIES);

        assert_eq!(written_len(&ENTRIES), Ok(bytes.len()));
        let mut out = vec![0xee; bytes.len() + 3];
        assert_eq!(write(&ENTRIES, &mut out), Ok(bytes.len()));
        assert_eq!(out[..bytes.len()], bytes);
        assert_eq!(out[bytes.len()..], [0xee; 3]);
    }

    #[test]
    fn both_byte_orders() {
        // From the description of the format.
        let mixed: [(EntryKind, u128); 6] = [
            (EntryKind::Vcek, 0x8d75da63_64e6_6445_adc5_f4b93be8accd),
            (EntryKind::Vlek, 0xc24b07a8_5aa2_3e48_aae6_39c045a0b8a1),
            (EntryKind::Ask, 0x79b3b74a_acbb_e44f_a02f_05aef327c782),
            (EntryKind::Ark, 0xa406b4c0_03a8_5249_9743_3fb6014cd0ae),
            (EntryKind::Crl, 0xc31bf892_1158_3d4d_97ff_d19f88dc67ea),
            (EntryKind::ExtraPlatformInfo, 0x0f0caeec_0295_b143_afa2_0ae2e0d565b6),
        ];
        for (kind, number) in mixed {
            for guid_bytes in [number.to_be_bytes(), guid(kind)] {
                let bytes = table(&[(guid_bytes, 48, 1)], 49);
                let entry = CertTable::parse(&bytes).unwrap().entries().next().unwrap();
                assert_eq!((entry.kind, Some(entry.guid)), (kind, kind.guid()));
            }
            let twice = table(&[(number.to_be_bytes(), 72, 1), (guid(kind), 72, 1)], 73);
            assert_eq!(
                CertTable::parse(&twice).unwrap_err(),
                CertTableError::Duplicate { index: 1, first: 0 }
            );
        }
    }

    #[test]
    fn empty_tables() {
        for len in [0, 24, 25, 4096] {
            assert_eq!(CertTable::parse(&vec![0; len]).unwrap().entries().count(), 0, "{len}");
        }
        for len in 1..24 {
            let error = CertTable::parse(&vec![0; len]).unwrap_err();
            assert_eq!(error, CertTableError::NoTerminator { len });
        }
    }

    #[test]
    fn rules() {
        let (vcek, ask) = (guid(EntryKind::Vcek), guid(EntryKind::Ask));
        let error = |bytes: &[u8]| CertTable::parse(bytes).unwrap_err();
        let outside =
            |offset, length, table| CertTableError::Outside { index: 0, offset, length, table };

        assert_eq!(error(&table(&[([0; 16], 48, 1)], 49)), CertTableError::NilGuid { index: 0 });
        assert_eq!(error(&table(&[(vcek, 48, 0)], 49)), CertTableError::EmptyEntry { index: 0 });
        let inside = CertTableError::InsideArray { index: 1, offset: 71, array: 72 };
        assert_eq!(error(&table(&[(vcek, 72, 1), (ask, 71, 1)], 73)), inside);
        assert_eq!(error(&table(&[(vcek, 48, 2)], 49)), outside(48, 2, 49));
        assert_eq!(error(&table(&[(vcek, 49, 1)], 49)), outside(49, 1, 49));
        assert_eq!(
            error(&table(&[(vcek, u32::MAX, u32::MAX)], 49)),
            outside(u32::MAX, u32::MAX, 49)
        );
        assert_eq!(
            error(&table(&[(vcek, 48, 1)], 50)),
            CertTableError::TrailingData { offset: 49 }
        );
        let mut late = table(&[(vcek, 48, 1)], 51);
        late[49] = 0;
        let late = error(&late);
        assert_eq!(late, CertTableError::TrailingData { offset: 50 });
        assert!(late.to_string().starts_with("at offset 0x32: "), "{late}");
        let unknown = [7; 16];
        assert_eq!(
            error(&table(&[(unknown, 96, 1), (vcek, 96, 1), (unknown, 96, 1)], 97)),
            CertTableError::Duplicate { index: 2, first: 0 }
        );

        let many = |count: u8| {
            let array = 24 * (u32::from(count) + 1);
            let records: Vec<_> = (0..count).map(|index| ([index + 1; 16], array, 1)).collect();
            table(&records, 24 * (usize::from(count) + 1) + 1)
        };
        let most = many(64);
        let entries = CertTable::parse(&most).unwrap().entries();
        assert!(entries.map(|entry| entry.kind).eq([EntryKind::Unknown; 64]));
        assert_eq!(error(&many(65)), CertTableError::TooManyEntries);
        assert_eq!(error(&most[..24 * 64]), CertTableError::NoTerminator { len: 24 * 64 });
    }

    #[test]
    fn entries_in_any_order() {
        let (vcek, ask) = (guid(EntryKind::Vcek), guid(EntryKind::Ask));
        let mut bytes = table(&[(vcek, 75, 2), (ask, 72, 3)], 77);
        bytes.resize(4096, 0);
        let table = CertTable::parse(&bytes).unwrap();
        assert!(table.entries().map(|entry| entry.data.len()).eq([2, 3]));
    }

    #[test]
    fn padding_inside_an_entry() {
        let entry = |kind, data: &[u8]| {
            let mut bytes = table(&[(guid(kind), 48, u32::try_from(data.len()).unwrap())], 48);
            bytes.extend_from_slice(data);
            CertTable::parse(&bytes).unwrap().get(kind).unwrap().to_vec()
        };
        let der: &[u8] = &[0x30, 2, 5, 0];
        let long = [&[0x30, 0x82, 1, 0][..], &[7; 256]].concat();
        for object in [der, &long] {
            for padding in [0, 1, 5000] {
                let padded = [object, &vec![0; padding]].concat();
                for (kind, _) in EntryKind::GUIDS
                    .into_iter()
                    .filter(|(kind, _)| *kind != EntryKind::ExtraPlatformInfo)
                {
                    assert_eq!(entry(kind, &padded), object);
                }
                assert_eq!(entry(EntryKind::ExtraPlatformInfo, &padded), padded);
            }
            let garbage = [object, &[0, 0, 1]].concat();
            assert_eq!(entry(EntryKind::Crl, &garbage), garbage);
        }
        let odd: [&[u8]; 7] = [
            b"-----BEGIN CERTIFICATE-----\n\0\0",
            &[0x30],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x82, 1],
            &[0x30, 3, 0, 0],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0],
            &[0x30, 0x85, 0, 0, 0, 0, 0, 0],
        ];
        for data in odd {
            assert_eq!(entry(EntryKind::Ask, data), data);
        }
    }

    #[test]
    fn extra_platform_info() {
        let parse = |size: u8, len: usize| {
            let mut data = vec![0xff; len];
            data[..4].copy_from_slice(&[size, 0, 0, 0]);
            ExtraPlatformInfo::parse(&data).map(ExtraPlatformInfo::cpuid_1_eax)
        };
        assert_eq!(parse(8, 8), Ok(0x0fff_0fff));
        assert_eq!(parse(12, 16), Ok(0x0fff_0fff));
        let size = |found, len| Err(CertTableError::ExtraPlatformInfoSize { found, len });
        assert_eq!(parse(7, 8), size(Some(7), 8));
        assert_eq!(parse(9, 8), size(Some(9), 8));
        assert_eq!(parse(7, 7), size(None, 7));
    }

    #[test]
    fn what_is_not_written() {
        let refused = |entries: &[(EntryKind, &[u8])], len, error| {
            let mut out = vec![0xee; len];
            assert_eq!(write(entries, &mut out), Err(error));
            assert!(out.iter().all(|byte| *byte == 0xee));
        };
        for found in 0..110 {
            refused(&ENTRIES, found, CertTableWriteError::BufferTooSmall { needed: 110, found });
        }
        let (ark, ask): ((_, &[u8]), (_, &[u8])) = ((EntryKind::Ark, b"1"), (EntryKind::Ask, b"2"));
        let duplicate = CertTableWriteError::Duplicate { index: 2, first: 0 };
        refused(&[ark, ask, ark], 4096, duplicate);
        let unknown = CertTableWriteError::UnknownKind { index: 1 };
        refused(&[ark, (EntryKind::Unknown, b"3")], 4096, unknown);
        refused(&[(EntryKind::Crl, b"")], 4096, CertTableWriteError::EmptyEntry { index: 0 });
        refused(&[ark; 65], 4096, CertTableWriteError::TooManyEntries { entries: 65 });
        refused(&[ark; 64], 4096, CertTableWriteError::Duplicate { index: 1, first: 0 });
        assert_eq!(write(&[], &mut [0xee; 24]), Ok(24));
        for (error, text) in [
            (duplicate, "entry 2: the same kind as entry 0"),
            (unknown, "entry 1: an unknown kind has no GUID"),
            (CertTableWriteError::EmptyEntry { index: 7 }, "entry 7: it has no data"),
            (
                CertTableWriteError::TooManyEntries { entries: 65 },
                "65 entries: a table has at most 64",
            ),
            (
                CertTableWriteError::TooLong { index: 3 },
                "entry 3: with it the table has 2^32 bytes or more",
            ),
            (
                CertTableWriteError::BufferTooSmall { needed: 110, found: 109 },
                "the table needs 110 bytes, but the buffer has 109",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    /// Whatever is accepted keeps the rules.
    fn check(bytes: &[u8]) {
        let Ok(table) = CertTable::parse(bytes) else { return };
        assert_eq!(table.entries().count(), table.records.len());
        for entry in table.entries() {
            assert!(!entry.data.is_empty() && entry.data.len() < bytes.len());
        }
    }

    #[test]
    fn cut_and_changed() {
        let bytes = example();
        for len in 0..bytes.len() {
            assert_eq!(CertTable::parse(&bytes[..len]).is_ok(), len == 0, "{len}");
        }
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[index] ^= 1 << bit;
                check(&bytes);
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..400)) {
            check(&bytes);
        }

        #[test]
        fn any_records(
            records in proptest::collection::vec((any::<[u8; 16]>(), 0..200u32, 0..200u32), 0..6),
            len in 0..400usize,
        ) {
            check(&table(&records, len));
        }

        #[test]
        fn there_and_back(data in proptest::collection::vec(proptest::collection::vec(1..=255u8, 1..50), 0..6)) {
            let kinds = EntryKind::GUIDS.into_iter().map(|(kind, _)| kind);
            let entries: Vec<_> = kinds.zip(data.iter().map(Vec::as_slice)).collect();
            let mut out = vec![0; written_len(&entries).unwrap()];
            write(&entries, &mut out).unwrap();
            out.resize(4096, 0);
            let table = CertTable::parse(&out).unwrap();
            let back: Vec<_> = table.entries().map(|entry| (entry.kind, entry.data)).collect();
            prop_assert_eq!(back, entries);
        }
    }
}
