//! Launch: what LAUNCH_UPDATE measures, step by step.

mod digest;
mod measure;

pub use crate::image::PageType;
pub use digest::{LaunchDigest, Measured, PageAttributes, PageInfo, UpdateError, VmplPermissions};
pub use measure::measure;
