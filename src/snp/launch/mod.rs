//! Launch: what LAUNCH_UPDATE measures, step by step.

mod digest;
mod measure;

pub use crate::image::PageType;
pub use digest::{LaunchDigest, PageInfo, VmplPermissions};
pub use measure::measure;
