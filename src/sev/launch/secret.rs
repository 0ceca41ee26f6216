//! The table of secrets that guest firmware (OVMF) looks for.
//!
//! ```text
//! GUID 16 | length u32              length: of the whole table
//! { GUID 16 | length u32 | data }   one for each secret; length: of the entry
//! zeros                             up to a multiple of 16
//! ```
//! Numbers are little-endian, GUIDs in UEFI's mixed order. (No document of AMD's: OVMF, QEMU and Linux' `efi_secret` agree in it.)

use core::fmt;

use crate::guid::Guid;
use crate::sev::packet;

/// Bytes of GUID and length.
const HEADER: usize = 20;

/// GUIDs that stand for nothing: Linux leaves them where a guest has deleted a secret.
const NIL: Guid = Guid::new([0; 16]);

/// A table of secrets: what a guest's owner puts into a packet, and what the guest reads.
///
/// ```
/// use sevcrypt::sev::launch::SecretTable;
///
/// let secrets = [(SecretTable::DISK_PASSPHRASE, &b"correct horse"[..])];
/// let mut table = [0xff; 64];
/// assert_eq!(SecretTable::len_of(&secrets), Some(64)); // 20 + 20 + 13, and zeros
/// SecretTable::write(&secrets, &mut table)?;
///
/// let read = SecretTable::parse(&table)?;
/// assert_eq!(read.get(SecretTable::DISK_PASSPHRASE), Some(&b"correct horse"[..]));
/// # Ok::<(), sevcrypt::sev::launch::SecretTableError>(())
/// ```
#[derive(Clone, Copy)]
pub struct SecretTable<'a> {
    entries: &'a [u8],
}

impl<'a> SecretTable<'a> {
    /// The table's own GUID.
    pub const GUID: Guid = Guid::new(0x1e74f542_71dd_4d66_963e_ef4287ff173b_u128.to_be_bytes());

    /// The passphrase of the guest's disk, which the boot loader asks for.
    pub const DISK_PASSPHRASE: Guid =
        Guid::new(0x736869e5_84f0_4973_92ec_06879ce3da0b_u128.to_be_bytes());

    /// The most bytes of a table: those of a packet. (OVMF's place for it has less: 0xc00.)
    pub const MAX_LEN: usize = packet::MAX_LEN;

    /// The bytes of a table of these entries, zeros up to a multiple of 16 included. `None` if they are more than
    /// [`MAX_LEN`](Self::MAX_LEN).
    #[must_use]
    pub fn len_of(entries: &[(Guid, &[u8])]) -> Option<usize> {
        let mut len = HEADER;
        for (_, data) in entries {
            len = len.checked_add(HEADER)?.checked_add(data.len())?;
        }
        // The limit is a multiple of 16.
        (len <= Self::MAX_LEN).then_some(len.next_multiple_of(16))
    }

    /// Fills `out` with a table, and zeros behind it. A packet takes what is a multiple of 16 bytes long; more than
    /// [`len_of`](Self::len_of) hides how long the secrets are.
    ///
    /// # Errors
    /// In this order [`SecretTableError::TooLong`], [`SecretTableError::BufferTooSmall`], [`SecretTableError::NilGuid`] and
    /// [`SecretTableError::Duplicate`] of the first entry that is wrong; nothing was written.
    pub fn write(entries: &[(Guid, &[u8])], out: &mut [u8]) -> Result<(), SecretTableError> {
        let len = Self::len_of(entries).ok_or(SecretTableError::TooLong)?;
        let found = out.len();
        let too_small = SecretTableError::BufferTooSmall { needed: len, found };
        if found < len {
            return Err(too_small);
        }
        // Each with each, but of so many bytes these are at most 1023.
        for (index, (guid, _)) in entries.iter().enumerate() {
            if *guid == NIL {
                return Err(SecretTableError::NilGuid { index });
            }
            let mut before = entries.iter().take(index);
            if let Some(first) = before.position(|(other, _)| other == guid) {
                return Err(SecretTableError::Duplicate { index, first });
            }
        }
        let all: usize = entries.iter().map(|(_, data)| HEADER + data.len()).sum();
        let mut rest = &mut out[..];
        let table = (Self::GUID, HEADER + all, &[][..]);
        let entries = entries.iter().map(|(guid, data)| (*guid, HEADER + data.len(), *data));
        for (guid, len, data) in core::iter::once(table).chain(entries) {
            let len = u32::try_from(len).map_err(|_| SecretTableError::TooLong)?.to_le_bytes();
            for field in [&guid.swapped().bytes()[..], &len, data] {
                rest.split_off_mut(..field.len()).ok_or(too_small)?.copy_from_slice(field);
            }
        }
        rest.fill(0);
        Ok(())
    }

    /// Reads a table at the begin of some bytes. As in a guest's memory, anything may stand behind it.
    ///
    /// Each entry is compared with those before it. At most 1023 have room in [`MAX_LEN`](Self::MAX_LEN), so that whoever
    /// made the table makes a reader compare half a million GUIDs, and no more.
    ///
    /// # Errors
    /// [`SecretTableError`]: the first rule that is broken.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SecretTableError> {
        let found = bytes.len();
        let (guid, len, _) = header(bytes).ok_or(SecretTableError::Short { found })?;
        if guid != Self::GUID {
            return Err(SecretTableError::Guid { found: guid });
        }
        let length = SecretTableError::Length { len, found };
        let len = usize::try_from(len).map_err(|_| length)?;
        if len > Self::MAX_LEN {
            return Err(SecretTableError::TooLong);
        }
        let table = Self { entries: bytes.get(HEADER..len).ok_or(length)? };
        let mut rest = table.entries;
        let mut index = 0;
        while !rest.is_empty() {
            let offset = len - rest.len();
            let (guid, _, after) =
                split_entry(rest).ok_or(SecretTableError::Entry { index, offset })?;
            let mut before = table.entries().take(index);
            if let Some(first) = before.position(|(other, _)| other == guid)
                && guid != NIL
            {
                return Err(SecretTableError::Duplicate { index, first });
            }
            rest = after;
            index += 1;
        }
        Ok(table)
    }

    /// Its entries, in their order. Where the GUID is zero, the guest has deleted one.
    pub fn entries(&self) -> impl Iterator<Item = (Guid, &'a [u8])> + use<'a> {
        let mut rest = self.entries;
        core::iter::from_fn(move || {
            let (guid, data, after) = split_entry(rest)?;
            rest = after;
            Some((guid, data))
        })
    }

    /// The secret of a GUID.
    #[must_use]
    pub fn get(&self, guid: Guid) -> Option<&'a [u8]> {
        self.entries().find(|(found, _)| *found == guid).map(|(_, data)| data)
    }
}

impl fmt::Debug for SecretTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretTable(..)")
    }
}

/// GUID and length, and what follows.
fn header(bytes: &[u8]) -> Option<(Guid, u32, &[u8])> {
    let (guid, rest) = bytes.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    Some((Guid::new(*guid).swapped(), u32::from_le_bytes(*len), rest))
}

/// GUID and data of the first entry, and what follows.
fn split_entry(bytes: &[u8]) -> Option<(Guid, &[u8], &[u8])> {
    let (guid, len, rest) = header(bytes)?;
    let (data, rest) = rest.split_at_checked(usize::try_from(len).ok()?.checked_sub(HEADER)?)?;
    Some((guid, data, rest))
}

/// What is no table of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretTableError {
    /// The bytes end before the table's header does.
    Short {
        /// The bytes that were given.
        found: usize,
    },
    /// The table has another GUID.
    Guid {
        /// The one that was found.
        found: Guid,
    },
    /// The table's length ends before its header does, or after the bytes.
    Length {
        /// Its length.
        len: u32,
        /// The bytes that were given.
        found: usize,
    },
    /// The table has more than [`SecretTable::MAX_LEN`] bytes.
    TooLong,
    /// An entry's length ends before its header does, or after the table; or its header does.
    Entry {
        /// Which entry.
        index: usize,
        /// Where it begins in the table.
        offset: usize,
    },
    /// A GUID for the second time.
    Duplicate {
        /// Which entry.
        index: usize,
        /// The entry that has it first.
        first: usize,
    },
    /// A GUID of zeros, which stands for nothing.
    NilGuid {
        /// Which entry.
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

impl fmt::Display for SecretTableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { found } => {
                write!(f, "{found} bytes: a table of secrets has {HEADER} or more")
            }
            Self::Guid { found } => {
                write!(f, "the table's GUID is {found}, expected {}", SecretTable::GUID)
            }
            Self::Length { len, found } => {
                write!(f, "the table's length is {len}, expected {HEADER} to {found}")
            }
            Self::TooLong => {
                write!(f, "the table has more than {} bytes", SecretTable::MAX_LEN)
            }
            Self::Entry { index, offset } => {
                write!(f, "entry {index}, at {offset:#x}, does not end in the table")
            }
            Self::Duplicate { index, first } => {
                write!(f, "entry {index} has the same GUID as entry {first}")
            }
            Self::NilGuid { index } => {
                write!(f, "entry {index} has a GUID of zeros, which stands for nothing")
            }
            Self::BufferTooSmall { needed, found } => {
                write!(f, "the table needs {needed} bytes, but the buffer has {found}")
            }
        }
    }
}

impl core::error::Error for SecretTableError {}
