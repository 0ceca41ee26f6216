//! What is measured at launch, for SEV-SNP and for the generations before it: firmware images and their tables,
//! hashes of a kernel, save areas of vCPUs, and the order in which a VMM loads them.
//!
//! [`Launch`] holds the parts and shows them piece by piece, each an [`Update`], in the order of the VMM; what a piece
//! does to the launch digest is the generation's. Measuring makes a [`Step`] of each piece, and a [`Log`] of all of
//! them, which says where two launches part.
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

use core::fmt;

use crate::Hex;

pub use kernel_hashes::KernelHashes;
pub use launch::{Launch, LaunchError, Svsm};
#[cfg(feature = "alloc")]
pub use log::{Difference, Log, Part};
pub use log::{Digest, Step};
pub use ovmf::Ovmf;
pub use profile::{Entry, Profile, ResetRdx, ResetState, UnknownProfile};
pub use update::{Contents, Generation, Origin, PageType, Update};
pub use vcpu::{CpuSignature, UnknownVcpuType, VcpuType};

/// The words of an error about a name that is none of the known ones.
fn write_unknown_name(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    known: impl Iterator<Item = &'static str>,
) -> fmt::Result {
    write!(f, "no {what} has this name; known are ")?;
    for (index, name) in known.enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{name}")?;
    }
    Ok(())
}

/// A GUID as UEFI's structures hold it: of the number that is written, the first three fields little-endian.
const fn uefi_guid(written: u128) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = written.to_be_bytes();
    [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p]
}

/// The bytes of a GUID in UEFI's structures, printed as GUIDs are written.
struct UefiGuid([u8; 16]);

impl fmt::Display for UefiGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g, h, i, j, k, last @ ..] = self.0;
        let (first, second) = (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, g]));
        let (third, fourth) = (u16::from_le_bytes([h, i]), u16::from_be_bytes([j, k]));
        write!(f, "{first:08x}-{second:04x}-{third:04x}-{fourth:04x}-{}", Hex(&last))
    }
}
