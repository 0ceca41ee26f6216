//! The save area of a vCPU (VMSA).
use crate::addr::Page;
use crate::flags::flags;

/// A VMSA
pub struct Vmsa(Page);

impl Vmsa {
    /// x
    pub fn as_bytes(&self) -> &Page {
        &self.0
    }
}

flags! {
    /// SEV_FEATURES
    SevFeatures, "SEV_FEATURES", reserved !0, {
        0 => snp_active "SNPActive", "the guest is an SNP guest";
    }
}
