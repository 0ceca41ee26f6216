//! OVMF images: the table behind the reset vector and the SEV metadata.
use crate::addr::GuestPhysAddr;

/// A firmware image with the GUIDed table that OVMF puts at its end; a view, the bytes stay.
#[derive(Clone, Copy)]
pub struct Ovmf<'a> {
    image: &'a [u8],
}

/// `base` and `size` of an area that the table names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Where it begins.
    pub base: u32,
    /// Its length in bytes.
    pub size: u32,
}

/// Type of a section of the SEV metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SectionKind {
    /// 1
    SecMem,
    /// 2
    Secrets,
    /// 3
    Cpuid,
    /// 4
    SvsmCaa,
    /// 0x10
    KernelHashes,
}

/// A section of the SEV metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Where it begins.
    pub gpa: GuestPhysAddr,
    /// In bytes.
    pub size: u32,
    /// Type.
    pub kind: SectionKind,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OvmfError {
    /// x
    Empty,
}

impl<'a> Ovmf<'a> {
    /// x
    pub fn parse(image: &'a [u8]) -> Result<Self, OvmfError> {
        todo!()
    }
    /// Bytes.
    pub fn image(&self) -> &'a [u8] {
        self.image
    }
    /// 4 GiB - size.
    pub fn gpa(&self) -> GuestPhysAddr {
        todo!()
    }
    /// EIP of APs
    pub fn reset_eip(&self) -> Option<u32> {
        todo!()
    }
    /// x
    pub fn hash_table(&self) -> Option<Area> {
        todo!()
    }
    /// x
    pub fn secret_area(&self) -> Option<Area> {
        todo!()
    }
    /// x
    pub fn svsm_launch_offset(&self) -> Option<u32> {
        todo!()
    }
    /// None: no metadata entry
    pub fn sections(&self) -> Option<impl Iterator<Item = Section> + 'a> {
        Some(core::iter::empty())
    }
}
