//! A machine in software: what an EPYC processor with SEV-SNP does, without the hardware.

pub mod ca;
mod chip;
pub mod command;
mod firmware;
pub mod kds;
mod machine;
pub mod memory;

pub use chip::Chip;
pub use firmware::{GuestState, PlatformVersions};
pub use machine::Machine;
