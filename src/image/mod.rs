//! What is measured at launch, for SEV-SNP and for the generations before it: firmware images and their tables,
//! hashes of a kernel, save areas of vCPUs, and the order in which a VMM loads them.

mod kernel_hashes;
mod launch;
mod log;
pub mod ovmf;
mod profile;
mod update;
mod vcpu;

pub use kernel_hashes::KernelHashes;
pub use launch::{Launch, LaunchError, Svsm};
#[cfg(feature = "alloc")]
pub use log::Log;
pub use log::{Digest, Step};
pub use ovmf::Ovmf;
pub use profile::{Entry, Profile, ResetRdx, ResetState, UnknownProfile};
pub use update::{Contents, Generation, Origin, PageType, Update};
pub use vcpu::{CpuSignature, UnknownVcpuType, VcpuType};
