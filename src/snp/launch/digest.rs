//! The launch digest, page by page.

use crate::addr::GuestPhysAddr;
use crate::cpu::Backend;
use crate::hash::{self, Sha384Digest};
use crate::image::PageType;

/// What the less privileged VMPLs may do with a page: PAGE_INFO's VMPL1_PERMS to VMPL3_PERMS (bit 0 read, 1 write, 2 execute in user
/// mode, 3 in supervisor mode, 4 supervisor shadow stack).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct VmplPermissions {
    /// x
    pub vmpl1: u8,
    /// x
    pub vmpl2: u8,
    /// x
    pub vmpl3: u8,
}

/// PAGE_INFO: what SHA-384 runs over at each step.
pub struct PageInfo([u8; 0x70]);

/// The launch digest of a guest (LD), and its IMI digest (IMD).
#[derive(Clone)]
pub struct LaunchDigest {
    ld: Sha384Digest,
    imd: Sha384Digest,
}

/// A step.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// The page.
    pub gpa: GuestPhysAddr,
    /// x
    pub contents: Sha384Digest,
    /// LD
    pub digest: Sha384Digest,
}

impl LaunchDigest {
    /// 48 zero bytes
    pub fn new() -> Self {
        todo!()
    }
    /// Goes on from a digest that is known.
    pub fn resume(ld: Sha384Digest) -> Self {
        todo!()
    }
    /// Whole pages whose contents are measured (Normal, Vmsa), the first at `gpa`.
    pub fn update_bytes(
        &mut self,
        backend: Backend,
        page_type: PageType,
        gpa: GuestPhysAddr,
        bytes: &[u8],
        visit: &mut dyn FnMut(&Measured),
    ) {
        todo!()
    }
    /// So many pages whose contents are not measured.
    pub fn update_pages(
        &mut self,
        page_type: PageType,
        gpa: GuestPhysAddr,
        pages: u64,
        visit: &mut dyn FnMut(&Measured),
    ) {
        todo!()
    }
    /// LD
    pub fn digest(&self) -> &Sha384Digest {
        &self.ld
    }
}
