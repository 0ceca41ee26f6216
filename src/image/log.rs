//! The launch log: every step of a measurement.
use super::{Origin, PageType};
use crate::addr::GuestPhysAddr;
use crate::hash::{Sha256Digest, Sha384Digest};

/// A digest of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Digest {
    /// SEV and SEV-ES.
    Sha256(Sha256Digest),
    /// SEV-SNP.
    Sha384(Sha384Digest),
}

/// One step of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// Where it stands in the guest.
    pub gpa: GuestPhysAddr,
    /// Its bytes: 4096 under SEV-SNP.
    pub length: u64,
    /// x
    pub page_type: PageType,
    /// Digest of what it holds; zeroes where the contents are not measured.
    pub contents: Digest,
    /// The launch digest behind it.
    pub after: Digest,
    /// x
    pub origin: Origin,
}

/// x
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// x
    pub steps: alloc::vec::Vec<Step>,
}
