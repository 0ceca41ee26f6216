//! The table of secrets that guest firmware (OVMF) looks for.

use crate::guid::Guid;

/// A table of secrets, written and read.
pub struct SecretTable<'a> {
    entries: &'a [u8],
}

impl<'a> SecretTable<'a> {
    /// The bytes of a table of these entries, zeros up to a multiple of 16 included.
    #[must_use]
    pub fn len_of(_entries: &[(Guid, &[u8])]) -> Option<usize> {
        todo!()
    }

    /// Writes a table.
    ///
    /// # Errors
    /// [`SecretTableError`]
    pub fn write(_entries: &[(Guid, &[u8])], _out: &mut [u8]) -> Result<(), SecretTableError> {
        todo!()
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`SecretTableError`]
    pub fn parse(_bytes: &'a [u8]) -> Result<Self, SecretTableError> {
        todo!()
    }

    /// Its entries.
    pub fn entries(&self) -> impl Iterator<Item = (Guid, &'a [u8])> {
        let _ = self.entries;
        core::iter::empty()
    }
}

/// What is no table of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretTableError {}
