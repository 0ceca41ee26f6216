//! A machine in software: what an EPYC processor with SEV-SNP does, without the hardware.

pub mod ca;
mod chip;
pub mod command;
mod firmware;
pub mod kds;
mod machine;
pub mod memory;
mod nested;
pub mod save;
mod status;
mod vcpu;
mod vmm;

pub use chip::Chip;
pub use command::{Command, CommandId};
pub use firmware::{
    FirmwareImage, GuestState, LaunchPagesError, NoFirmwareImage, PlatformVersions,
};
pub use machine::{HostFault, Machine, MachineConfig, MachineError};
pub use memory::HeapDram;
pub use nested::{Mapping, Nested, NestedTable};
pub use status::{GuestStatus, PlatformStatus};
pub use vcpu::{GuestFault, Vcpu};
pub use vmm::{GuestHandle, LaunchOptions, SwappedGuest, SwappedPage, Vmm, VmmError};
