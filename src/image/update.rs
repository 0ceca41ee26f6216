//! One piece of a guest that a VMM gives to the firmware at launch.

use super::ovmf::SectionKind;
use crate::addr::GuestPhysAddr;
use crate::hash::Sha384Digest;

/// PAGE_TYPE: what LAUNCH_UPDATE makes of a page, as PAGE_INFO has it (AMD 56860, SNP_LAUNCH_UPDATE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PageType {
    /// A page whose contents are measured.
    Normal = 1,
    /// A save area of a vCPU.
    Vmsa = 2,
    /// A page of zeroes, which are not hashed.
    Zero = 3,
    /// A page whose contents are not measured; its type and address are.
    Unmeasured = 4,
    /// The secrets page, which the firmware fills.
    Secrets = 5,
    /// The CPUID page, which the firmware checks.
    Cpuid = 6,
}

/// Which launch commands measure the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// SEV: LAUNCH_UPDATE_DATA, SHA-256.
    Sev,
    /// SEV-ES: LAUNCH_UPDATE_DATA and LAUNCH_UPDATE_VMSA, SHA-256.
    SevEs,
    /// SEV-SNP: SNP_LAUNCH_UPDATE, SHA-384.
    Snp,
}

/// One piece of a guest, in the order in which the VMM loads it.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// Where it begins in the guest.
    pub gpa: GuestPhysAddr,
    /// What it is. Under SEV and SEV-ES only `Normal` and `Vmsa`.
    pub page_type: PageType,
    /// What it holds.
    pub contents: Contents<'a>,
    /// Where it came from.
    pub origin: Origin,
}

/// What an [`Update`] holds.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Contents<'a> {
    /// These bytes. Under SEV-SNP whole pages.
    Bytes(&'a [u8]),
    /// So many pages whose contents are not measured.
    Pages(u64),
    /// Pages of which only the launch digest behind them is known (SEV-SNP): it must be the first update.
    Measured(Sha384Digest),
}

/// Where an [`Update`] came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// The firmware image, from this offset on.
    Firmware {
        /// In bytes from the start of the file.
        offset: u64,
    },
    /// The SVSM image, from this offset on.
    Svsm {
        /// In bytes from the start of the file.
        offset: u64,
    },
    /// A section of the firmware's (or the SVSM's) SEV metadata.
    Section {
        /// Its number in the table, from 0.
        number: u32,
        /// Its type.
        kind: SectionKind,
    },
    /// The table with the hashes of kernel, initrd and command line.
    KernelHashes,
    /// The save area of this vCPU; 0 is the one that boots.
    Vcpu(u32),
    /// A directive of a list (an IGVM file's), from 0.
    Directive(u32),
}
