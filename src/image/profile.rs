//! VMMs.
use super::{CpuSignature, PageType};
use crate::addr::GuestPhysAddr;
use crate::vmsa::{SevFeatures, Vmsa};

/// What a VMM does at launch: data, with a version.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Profile {
    /// x
    pub name: &'static str,
    /// What OVMF's SecMem sections become: Zero, or Unmeasured (GCE).
    pub section_memory: PageType,
    /// EC2: the CPUID page is loaded behind all other sections.
    pub cpuid_last: bool,
    /// x
    pub vmsa_gpa: GuestPhysAddr,
}

impl Profile {
    /// x
    pub fn vmsa(&self, eip: u32, is_bsp: bool, cpu: CpuSignature, features: SevFeatures) -> Vmsa {
        todo!()
    }
    /// x
    pub fn svsm_vmsa(&self, entry: u32, cpu: CpuSignature) -> Vmsa {
        todo!()
    }
}
