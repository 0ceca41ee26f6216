//! One piece of a guest that a VMM gives to the firmware at launch.

use core::fmt;

use super::ovmf::SectionKind;
use crate::addr::GuestPhysAddr;
use crate::hash::Sha384Digest;

/// PAGE_TYPE: what LAUNCH_UPDATE makes of a page, as PAGE_INFO has it (AMD 56860, SNP_LAUNCH_UPDATE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
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

impl PageType {
    /// Whether a digest of what the page holds is measured. Address and type always are, under SEV-SNP.
    ///
    /// ```
    /// use sevcrypt::image::PageType;
    ///
    /// assert!(PageType::Vmsa.measures_contents() && !PageType::Zero.measures_contents());
    /// ```
    #[must_use]
    pub const fn measures_contents(self) -> bool {
        matches!(self, Self::Normal | Self::Vmsa)
    }
}

/// AMD's name.
impl fmt::Display for PageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Normal => "NORMAL",
            Self::Vmsa => "VMSA",
            Self::Zero => "ZERO",
            Self::Unmeasured => "UNMEASURED",
            Self::Secrets => "SECRETS",
            Self::Cpuid => "CPUID",
        })
    }
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

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sev => "SEV",
            Self::SevEs => "SEV-ES",
            Self::Snp => "SEV-SNP",
        })
    }
}

/// One piece of a guest, in the order in which the VMM loads it.
///
/// ```
/// # let reset_block = [0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e];
/// # let footer = [0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d];
/// # let table = [&[4, 0xb0, 0x80, 0, 22, 0][..], &reset_block, &[40, 0], &footer].concat();
/// # let mut file = vec![0; 8192];
/// # file[8192 - 32 - 40..8192 - 32].copy_from_slice(&table);
/// use sevcrypt::image::{Contents, CpuSignature, Generation, Launch, Ovmf, Profile, Update};
///
/// let launch = Launch::new(Ovmf::parse(&file)?, CpuSignature(0x00a0_0f11), &Profile::QEMU);
/// launch.updates(Generation::Snp, &mut |update: &Update<'_>| match update.contents {
///     Contents::Bytes(bytes) => println!("{}: {} bytes, {:?}", update.gpa, bytes.len(), update.origin),
///     _ => println!("{}: {:?}", update.gpa, update.page_type),
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Update<'a> {
    /// Where it begins in the guest. SEV and SEV-ES do not measure it; what it says of a save area is the VMM's
    /// convention, for no guest sees its save areas there.
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
    /// Pages of which only the digests are at hand (SEV-SNP).
    Digests(&'a [Sha384Digest]),
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

impl Origin {
    /// The origin of what stands `bytes` further on in the same piece.
    ///
    /// ```
    /// use sevcrypt::image::Origin;
    ///
    /// let page = Origin::Firmware { offset: 0 }.further(0x1000);
    /// assert_eq!(page.to_string(), "firmware, offset 0x1000");
    /// assert_eq!(Origin::Vcpu(2).further(0), Origin::Vcpu(2));
    /// ```
    #[must_use]
    pub const fn further(self, bytes: u64) -> Self {
        match self {
            Self::Firmware { offset } => Self::Firmware { offset: offset.saturating_add(bytes) },
            Self::Svsm { offset } => Self::Svsm { offset: offset.saturating_add(bytes) },
            _ => self,
        }
    }
}

/// In words.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Firmware { offset } => write!(f, "firmware, offset {offset:#x}"),
            Self::Svsm { offset } => write!(f, "SVSM, offset {offset:#x}"),
            Self::Section { number, kind } => write!(f, "section {number} ({kind})"),
            Self::KernelHashes => f.write_str("kernel hashes"),
            Self::Vcpu(number) => write!(f, "vCPU {number}"),
            Self::Directive(number) => write!(f, "directive {number}"),
        }
    }
}
