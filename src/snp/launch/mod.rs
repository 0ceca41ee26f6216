//! Launch: what SNP_LAUNCH_UPDATE measures, step by step, and which inputs give an expected digest.

mod cpuid_genoa;
mod cpuid_page;
mod digest;
#[cfg(feature = "alloc")]
mod explain;
pub mod igvm;
mod measure;

pub use crate::image::PageType;
pub use cpuid_page::{
    BitField, Bound, CpuidCountError, CpuidFailure, CpuidField, CpuidPage, CpuidRow, CpuidTable,
    Expected, Rule,
};
pub use digest::{LaunchDigest, Measured, PageAttributes, PageInfo, UpdateError, VmplPermissions};
#[cfg(feature = "alloc")]
pub use explain::{Change, Explanation, Suspects, explain, first_difference};
pub use measure::measure;
