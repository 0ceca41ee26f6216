//! A machine in software: what an EPYC processor with SEV-SNP does, without the hardware.
//!
//! | part | here | it is |
//! |---|---|---|
//! | memory controllers | [`memory`] | DRAM that is ciphertext at rest, a key for each ASID and channel |
//! | reverse map table | [`Machine::rmp`] | [`rmp`](crate::rmp): instructions of host and guests, and the check of every access |
//! | firmware | [`Machine::issue`], [`command`] | the commands of SEV-SNP, SEV and SEV-ES, with AMD's order of checks and its status codes |
//! | fuses | [`Chip`] | the secrets from which a chip's keys and its CHIP_ID follow |
//! | AMD | [`ca`], [`kds`] | a certificate authority in AMD's profile, and its Key Distribution Service, by value |
//! | a host | [`Vmm`], [`NestedTable`] | the least that starts a guest, carries its messages, swaps and migrates it |
//! | a vCPU | [`Vcpu`] | a guest's accesses: translated, checked, deciphered |
//! | power | [`save`] | a machine with all its secrets, in a folder that gives it out once |
//!
//! Real keys, digests and signatures: a guest's report is verified by [`snp::verify`](crate::snp::verify) as one of AMD's is, under the root of
//! the test CA, whose organisation is never AMD's. What AMD has not published is MODEL, and each item says so.
//!
//! Nothing here asks the system for anything: random numbers, times, and what hardware has in its fuses come from the caller.
//! The model keeps no secret from the program that runs it: it is for building and testing.
//!
//! ```
//! use sevcrypt::platform::{Chip, LaunchOptions, Machine, MachineConfig, Vmm};
//! use sevcrypt::platform::command::SnpInitEx;
//! # use sevcrypt::image::{CpuSignature, Launch, Ovmf, Profile};
//! use sevcrypt::snp::tcb::Product;
//! use sevcrypt::{Asid, PhysAddr};
//!
//! # fn launch(image: &[u8], random: impl rand_core::CryptoRng + Send + 'static) -> Result<(), Box<dyn std::error::Error>> {
//! let chip = Chip::new(Product::Genoa, &[1; 48], &[2; 32]);
//! let config = MachineConfig::new(&chip);
//! let machine = Machine::new(chip, config, 64 << 20, random)?;
//! machine.issue(&mut SnpInitEx { flags: 1, ..SnpInitEx::default() })?; // INIT_RMP
//!
//! let host = Vmm::new(&machine, PhysAddr::new(1 << 20)?..PhysAddr::new(64 << 20)?);
//! let launch = Launch::new(Ovmf::parse(image)?, CpuSignature(0x00a1_0f11), &Profile::QEMU);
//! let guest = host.launch(&launch, Asid::new(1), &LaunchOptions::default())?;
//! println!("{} pages, all of them ciphertext", guest.pages.len());
//! # Ok(())
//! # }
//! ```

pub mod ca;
mod chip;
pub mod command;
#[cfg(test)]
#[path = "../../tests/support/counting.rs"]
mod counting;
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
/// The traits of random number generators, in the version that machines take.
pub use rand_core;
pub use status::{GuestStatus, PlatformStatus};
pub use vcpu::{GuestFault, Vcpu};
pub use vmm::{GuestHandle, LaunchOptions, SwappedGuest, SwappedPage, Vmm, VmmError};
