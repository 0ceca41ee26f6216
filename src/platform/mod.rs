//! A machine in software: what an EPYC processor with SEV-SNP does, without the hardware.

pub mod ca;
mod chip;
pub mod command;
mod firmware;
pub mod kds;
mod machine;
pub mod memory;
mod status;

pub use chip::Chip;
pub use firmware::{
    FirmwareImage, GuestState, LaunchPagesError, NoFirmwareImage, PlatformVersions,
};
pub use machine::Machine;
pub use status::{GuestStatus, PlatformStatus};
