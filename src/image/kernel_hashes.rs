//! The table with the hashes of a kernel, its initrd and its command line.
use crate::addr::Page;
use crate::hash::Sha256Digest;

/// SHA-256 of what is booted directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelHashes {
    /// x
    pub kernel: Sha256Digest,
    /// x
    pub initrd: Sha256Digest,
    /// With its NUL.
    pub command_line: Sha256Digest,
}

impl KernelHashes {
    /// 168 bytes and 8 of padding.
    pub const TABLE: usize = 176;
    /// Of the files' bytes; `command_line` without its NUL.
    pub fn new(kernel: &[u8], initrd: &[u8], command_line: &[u8]) -> Self {
        todo!()
    }
    /// x
    pub fn table(&self) -> [u8; Self::TABLE] {
        todo!()
    }
    /// A page with the table at this offset; None if it does not fit
    pub fn page(&self, offset: u32) -> Option<Page> {
        todo!()
    }
}
