//! A launch: what a VMM loads, in its order.
use super::{CpuSignature, Generation, KernelHashes, Ovmf, Profile, Update};
use crate::hash::Sha384Digest;
use crate::vmsa::SevFeatures;
use core::fmt;

/// Everything that a launch digest depends on.
#[derive(Clone)]
pub struct Launch<'a> {
    /// x
    pub firmware: Ovmf<'a>,
    /// The launch digest behind the firmware's pages, to start from (SEV-SNP), in place of its pages.
    pub firmware_digest: Option<Sha384Digest>,
    /// x
    pub svsm: Option<Svsm<'a>>,
    /// x
    pub kernel: Option<KernelHashes>,
    /// x
    pub vcpus: u32,
    /// x
    pub cpu: CpuSignature,
    /// x
    pub features: SevFeatures,
    /// x
    pub profile: &'a Profile,
}

/// An SVSM that boots before the firmware.
#[derive(Clone, Copy)]
pub struct Svsm<'a> {
    /// x
    pub image: Ovmf<'a>,
    /// The bytes of OVMF's variables, which lie between the two images.
    pub vars_size: u64,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LaunchError {
    /// x
    NoVcpus,
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
impl core::error::Error for LaunchError {}

impl Launch<'_> {
    /// Shows every piece in the order in which the VMM loads it; nothing is shown if the parts do not fit together.
    pub fn updates(
        &self,
        generation: Generation,
        visit: &mut dyn FnMut(&Update<'_>),
    ) -> Result<(), LaunchError> {
        todo!()
    }
}
