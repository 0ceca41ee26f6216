//! Launch: what SNP_LAUNCH_UPDATE measures, step by step, and which inputs give an expected digest.
//!
//! | you have | begin with |
//! |---|---|
//! | firmware, a kernel, a number of vCPUs, and want the measurement | [`measure`], of a [`Launch`](crate::image::Launch) |
//! | a measurement that is another one | `explain`, `first_difference` (feature `alloc`) |
//! | an IGVM file | [`igvm::IgvmFile`] |
//! | pages of your own, a firmware's model | [`LaunchDigest`] |
//! | a CPUID page | [`CpuidPage`] |
//!
//! The secrets page, which the firmware fills and does not measure, is [`secrets`](super::secrets).

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
pub use explain::{Change, Explanation, LaunchDifference, Suspects, explain, first_difference};
pub use measure::measure;
