//! A machine in software: what an EPYC processor with SEV-SNP does, without the hardware.

pub mod ca;
mod chip;
pub mod kds;
pub mod memory;

pub use chip::Chip;
