//! What is measured at launch, for SEV-SNP and for the generations before it: firmware images and their tables,
//! hashes of a kernel, save areas of vCPUs, and the order in which a VMM loads them.
//!
//! [`Launch`] holds the parts and shows them piece by piece, each an [`Update`], in the order of the VMM; what a piece
//! does to the launch digest is the generation's. Measuring makes a [`Step`] of each piece, and a [`Log`] of all of them,
//! which says where two launches part.
//!
//! ```text
//! Ovmf, KernelHashes, Profile -> Launch -> Update ... -> launch digest
//!                                                     -> Step ... -> Log -> Difference
//! ```

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
pub use log::{Difference, Log, Part};
pub use log::{Digest, Step};
pub use ovmf::Ovmf;
pub use profile::{Entry, Profile, ResetRdx, ResetState, UnknownProfile};
pub use update::{Contents, Generation, Origin, PageType, Update};
pub use vcpu::{CpuSignature, UnknownVcpuType, VcpuType};

/// A GUID as UEFI's structures hold it: of the number that is written, the first three fields little-endian.
const fn uefi_guid(written: u128) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = written.to_be_bytes();
    [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p]
}
