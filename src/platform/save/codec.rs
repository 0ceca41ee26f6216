//! Numbers and bytes, one after the other.

use std::vec::Vec;

use zeroize::Zeroizing;

use super::RestoreError;

/// What is written, wiped when it is dropped.
///
/// A vector that grows leaves its old bytes behind in memory that is free again: the place is made first.
pub(in crate::platform) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    /// For at most so many bytes.
    pub(in crate::platform) fn with_capacity(bytes: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(bytes)))
    }

    pub(in crate::platform) fn bytes(&mut self, bytes: &[u8]) {
        let (len, room) = (self.0.len(), self.0.capacity());
        if room - len < bytes.len() {
            let mut larger = Vec::with_capacity((room * 2).max(len + bytes.len()));
            larger.extend_from_slice(&self.0);
            self.0 = Zeroizing::new(larger);
        }
        self.0.extend_from_slice(bytes);
    }

    pub(in crate::platform) fn u8(&mut self, number: u8) {
        self.bytes(&[number]);
    }

    pub(in crate::platform) fn bool(&mut self, flag: bool) {
        self.u8(flag.into());
    }

    pub(in crate::platform) fn u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    pub(in crate::platform) fn u64(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// A value that may be absent.
    pub(in crate::platform) fn option<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Self, T),
    ) {
        self.bool(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// Bytes with their number before them.
    pub(in crate::platform) fn counted(&mut self, bytes: &[u8]) {
        self.u64(bytes.len() as u64);
        self.bytes(bytes);
    }

    pub(in crate::platform) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

/// What is left to read.
pub(in crate::platform) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(in crate::platform) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(in crate::platform) fn slice(&mut self, len: usize) -> Result<&'a [u8], RestoreError> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(RestoreError::Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(in crate::platform) fn array<const N: usize>(
        &mut self,
    ) -> Result<&'a [u8; N], RestoreError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(RestoreError::Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(in crate::platform) fn u8(&mut self) -> Result<u8, RestoreError> {
        self.array().map(|[byte]| *byte)
    }

    pub(in crate::platform) fn bool(&mut self) -> Result<bool, RestoreError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(RestoreError::Malformed),
        }
    }

    pub(in crate::platform) fn u32(&mut self) -> Result<u32, RestoreError> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    pub(in crate::platform) fn u64(&mut self) -> Result<u64, RestoreError> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    pub(in crate::platform) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, RestoreError>,
    ) -> Result<Option<T>, RestoreError> {
        if self.bool()? { read(self).map(Some) } else { Ok(None) }
    }

    /// Bytes behind their number.
    pub(in crate::platform) fn counted(&mut self) -> Result<&'a [u8], RestoreError> {
        let len = usize::try_from(self.u64()?).map_err(|_| RestoreError::Malformed)?;
        self.slice(len)
    }

    /// All that is left.
    pub(in crate::platform) fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Nothing is left.
    pub(in crate::platform) fn finish(self) -> Result<(), RestoreError> {
        if self.0.is_empty() { Ok(()) } else { Err(RestoreError::Malformed) }
    }
}
