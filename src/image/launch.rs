//! A launch: what a VMM loads, in its order.

use core::fmt;

use super::ovmf::{self, Area, Section, SectionKind};
use super::{
    Contents, CpuSignature, Generation, KernelHashes, Origin, Ovmf, PageType, Profile, Update,
};
use crate::addr::{GuestPhysAddr, PAGE};
use crate::hash::Sha384Digest;
use crate::vmsa::{SevFeatures, Vmsa};

/// Everything that a launch digest depends on.
///
/// Known VMMs give the less privileged VMPLs no permissions and launch no migration images (IMI), so there is
/// no field for these: `snp::launch::LaunchDigest` takes both with a page. Save areas are made by the
/// [`Profile`]; dumped ones are measured by the `LaunchDigest` of the generation, in `snp::launch` and
/// `sev::launch`.
///
/// ```
/// use sevcrypt::image::{Generation, KernelHashes, Launch, LaunchError, Ovmf, PageType, Profile, VcpuType};
/// # let reset_block = [0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e];
/// # let footer = [0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d];
/// # let table = [&[4, 0xb0, 0x80, 0, 22, 0][..], &reset_block, &[40, 0], &footer].concat();
/// # let mut file = vec![0; 8192];
/// # file[8192 - 32 - 40..8192 - 32].copy_from_slice(&table);
///
/// // `file`: the bytes of a firmware image that has a reset block, and no place for a kernel.
/// let firmware = Ovmf::parse(&file)?;
/// let cpu = VcpuType::by_name("EPYC-Milan")?.signature();
/// let mut launch = Launch::new(firmware, cpu, &Profile::QEMU);
/// launch.vcpus = 4;
/// let mut types = vec![];
/// launch.updates(Generation::Snp, &mut |update| types.push(update.page_type))?;
/// assert_eq!(types[..2], [PageType::Normal, PageType::Vmsa]);
/// assert_eq!(types.len(), 1 + 4);
///
/// launch.kernel = Some(KernelHashes::new(b"vmlinuz", b"", b""));
/// let result = launch.updates(Generation::Snp, &mut |_| unreachable!("nothing is shown"));
/// assert_eq!(result, Err(LaunchError::NoHashTable));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Launch<'a> {
    /// The firmware: OVMF, or what has the same table.
    pub firmware: Ovmf<'a>,
    /// The launch digest behind the firmware's pages, to go on from in place of them (SEV-SNP). What else the
    /// image says still counts, so that its last pages are enough.
    pub firmware_digest: Option<Sha384Digest>,
    /// An SVSM that boots before the firmware (SEV-SNP).
    pub svsm: Option<Svsm<'a>>,
    /// A kernel that is booted without a boot loader, and whose hashes the VMM puts into guest memory.
    pub kernel: Option<KernelHashes>,
    /// How many vCPUs the guest has: 1 to [`MAX_VCPUS`](Launch::MAX_VCPUS). SEV does not measure them.
    pub vcpus: u32,
    /// What CPUID says the vCPUs are.
    pub cpu: CpuSignature,
    /// SEV_FEATURES of the save areas under SEV-SNP. With an SVSM the VMM takes its own.
    pub features: SevFeatures,
    /// SEV_FEATURES of the save areas under SEV-ES: KVM has 0 unless the VMM sets DebugSwap (20h).
    pub sev_es_features: SevFeatures,
    /// What the VMM does.
    pub profile: &'a Profile,
}

/// An SVSM that boots before the firmware, as COCONUT-SVSM does under QEMU.
///
/// ```
/// use sevcrypt::image::ovmf::OvmfError;
/// use sevcrypt::image::{Launch, Ovmf, Svsm};
///
/// fn under_svsm<'a>(launch: &mut Launch<'a>, image: &'a [u8]) -> Result<(), OvmfError> {
///     launch.svsm = Some(Svsm { image: Ovmf::parse(image)?, vars_size: 0x8_4000 });
///     Ok(())
/// }
/// # let _ = under_svsm;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Svsm<'a> {
    /// Its image, with a table in OVMF's form. Its sections are loaded, and the firmware's are not.
    pub image: Ovmf<'a>,
    /// The bytes of OVMF's variables, which lie between the two images: a multiple of 4096.
    pub vars_size: u64,
}

/// Parts of a launch that do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LaunchError {
    /// No vCPU.
    NoVcpus,
    /// More vCPUs than [`Launch::MAX_VCPUS`].
    TooManyVcpus {
        /// How many.
        found: u32,
    },
    /// More than one vCPU, and the firmware does not say where the others begin.
    NoResetBlock {
        /// How many.
        vcpus: u32,
    },
    /// A generation whose launch digest is computed elsewhere.
    OtherGeneration {
        /// Which.
        found: Generation,
    },
    /// A piece that is no whole pages of a guest. A [`Launch`] has none.
    NoPages {
        /// Where it begins.
        gpa: GuestPhysAddr,
    },
    /// A digest in place of the firmware, and no SEV-SNP.
    FirmwareDigest {
        /// The generation.
        found: Generation,
    },
    /// An SVSM, and no SEV-SNP.
    Svsm {
        /// The generation.
        found: Generation,
    },
    /// A kernel beside an SVSM: no VMM loads its hashes.
    KernelWithSvsm,
    /// A kernel, and no entry for the hash table in the firmware.
    NoHashTable,
    /// A kernel, and the firmware's entry for the hash table says that there is no place: its base is 0.
    HashTableUnset,
    /// A kernel, and the firmware's place for the hash table is too small, or not below the image.
    HashTableArea {
        /// The place.
        area: Area,
        /// Where the image begins.
        firmware: GuestPhysAddr,
    },
    /// A kernel under SEV-SNP, and no section for the hashes in the firmware's metadata.
    NoHashSection,
    /// The table with the hashes is not inside the section for it.
    HashTableOutside {
        /// Where the firmware looks for the table.
        base: u32,
        /// The section.
        section: Section,
    },
    /// The size of OVMF's variables is no multiple of 4096.
    VarsSize {
        /// The size.
        found: u64,
    },
    /// Firmware, variables and SVSM do not fit below 4 GiB.
    NoRoom {
        /// The bytes of the firmware.
        firmware: usize,
        /// The bytes of the variables.
        vars: u64,
        /// The bytes of the SVSM.
        svsm: usize,
    },
    /// The SVSM's table does not say where it begins.
    NoSvsmInfo,
    /// The SVSM begins behind its image.
    SvsmEntry {
        /// Where, in bytes from its start.
        offset: u32,
        /// The bytes of the image.
        len: usize,
    },
    /// The SVSM's image has no SEV metadata.
    NoSvsmMetadata,
    /// A section of the SVSM reaches into its image, or past it.
    SvsmSection {
        /// Which, from 0.
        number: u32,
        /// The section.
        section: Section,
        /// Where the image begins.
        svsm: GuestPhysAddr,
    },
    /// Nobody has measured how vCPUs begin under an SVSM with this VMM.
    SvsmProfile {
        /// The profile's name.
        profile: &'static str,
    },
    /// The profile gives a type to memory sections that has contents.
    SectionMemory {
        /// The type.
        found: PageType,
    },
    /// The profile's address of save areas is no page's.
    VmsaGpa {
        /// The address.
        found: GuestPhysAddr,
    },
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoVcpus => f.write_str("a guest has one vCPU at least: found 0"),
            Self::TooManyVcpus { found } => {
                write!(f, "{found} vCPUs: expected at most {}", Launch::MAX_VCPUS)
            }
            Self::NoResetBlock { vcpus } => write!(
                f,
                "{vcpus} vCPUs: the firmware has no SEV-ES reset block, which says where those after the first begin"
            ),
            Self::OtherGeneration { found } => {
                write!(f, "{found} has a launch digest of another kind")
            }
            Self::NoPages { gpa } => write!(f, "what is loaded at {gpa} is no whole pages of a guest"),
            Self::FirmwareDigest { found } => write!(
                f,
                "{found}: a digest in place of the firmware's pages is of use under SEV-SNP only"
            ),
            Self::Svsm { found } => write!(f, "{found}: an SVSM runs under SEV-SNP only"),
            Self::KernelWithSvsm => f.write_str("a kernel cannot be measured beside an SVSM"),
            Self::NoHashTable => f.write_str(
                "the firmware has no place for a kernel's hashes: its table has no entry \"SEV hash table\"",
            ),
            Self::HashTableUnset => f.write_str(
                "the firmware has no place for a kernel's hashes: the entry \"SEV hash table\" is 0",
            ),
            Self::HashTableArea { area: Area { base, size }, firmware } => write!(
                f,
                "the firmware's place for a kernel's hashes is {size:#x} bytes from {base:#x}: expected {:#x} at least, below {firmware}",
                KernelHashes::TABLE
            ),
            Self::NoHashSection => f.write_str(
                "the firmware cannot take a kernel under SEV-SNP: its metadata have no section SNP_KERNEL_HASHES",
            ),
            Self::HashTableOutside { base, section } => write!(
                f,
                "a kernel's hashes, {:#x} bytes from {base:#x}, are outside of their section, {:#x} bytes from {}",
                KernelHashes::TABLE,
                section.size,
                section.gpa
            ),
            Self::VarsSize { found } => {
                write!(f, "OVMF's variables have {found} bytes: expected a multiple of {PAGE}")
            }
            Self::NoRoom { firmware, vars, svsm } => write!(
                f,
                "firmware ({firmware} bytes), variables ({vars}) and SVSM ({svsm}) do not fit below 4 GiB"
            ),
            Self::NoSvsmInfo => f.write_str(
                "the SVSM's image does not say where it begins: its table has no entry \"SVSM info\"",
            ),
            Self::SvsmEntry { offset, len } => {
                write!(f, "the SVSM begins at offset {offset:#x}: its image has {len:#x} bytes")
            }
            Self::NoSvsmMetadata => f.write_str("the SVSM's image has no SEV metadata"),
            Self::SvsmSection { number, section, svsm } => write!(
                f,
                "section {number} of the SVSM, {:#x} bytes from {}, reaches over {svsm}, where its image begins",
                section.size, section.gpa
            ),
            Self::SvsmProfile { profile } => {
                write!(f, "it is not known how an SVSM begins with the VMM {profile}")
            }
            Self::SectionMemory { found } => write!(
                f,
                "the profile makes {found} pages of memory sections: expected ZERO or UNMEASURED"
            ),
            Self::VmsaGpa { found } => write!(
                f,
                "the profile has save areas at {found}: expected a multiple of {PAGE:#x}"
            ),
        }
    }
}

impl core::error::Error for LaunchError {}

/// An image as what is loaded.
const fn contents<'a>(image: &Ovmf<'a>) -> Contents<'a> {
    match image.page_digests() {
        Some(digests) => Contents::Digests(digests),
        None => Contents::Bytes(image.image()),
    }
}

/// Where the VMM puts an SVSM, and the save area of every vCPU.
struct SvsmPlace {
    gpa: GuestPhysAddr,
    vmsa: Vmsa,
}

impl<'a> Launch<'a> {
    /// The most vCPUs that a guest may have here: the most that KVM can be built for.
    pub const MAX_VCPUS: u32 = 4096;

    /// One vCPU, no features but SEV-SNP's own, no kernel, no SVSM.
    #[must_use]
    pub const fn new(firmware: Ovmf<'a>, cpu: CpuSignature, profile: &'a Profile) -> Self {
        Self {
            firmware,
            firmware_digest: None,
            svsm: None,
            kernel: None,
            vcpus: 1,
            cpu,
            features: SevFeatures::SNP_ACTIVE,
            sev_es_features: SevFeatures(0),
            profile,
        }
    }

    /// Shows every piece in the order in which the VMM loads it; nothing is shown if the parts do not fit together.
    ///
    /// | | SEV-SNP | SEV-ES | SEV |
    /// |---|---|---|---|
    /// | 1 | the firmware, or the digest that stands for it | the firmware | the firmware |
    /// | 2 | the SVSM | | |
    /// | 3 | the sections of the SEV metadata (of the SVSM, if there is one), in the order of the file; with a kernel, the page of its hashes is one of them | the table of the hashes | the table of the hashes |
    /// | 4 | the save areas, that of the vCPU that boots first | the same | |
    ///
    /// A piece is as long as what it comes from. The order is QEMU's; the [`Profile`] says where another VMM's differs.
    ///
    /// MODEL: refused is also what tools would measure though no guest could use it: a hash table outside of
    /// the section for it, a kernel beside an SVSM, sections of an SVSM over its image.
    ///
    /// # Errors
    /// [`LaunchError`]: what does not fit.
    pub fn updates(
        &self,
        generation: Generation,
        visit: &mut dyn FnMut(&Update<'_>),
    ) -> Result<(), LaunchError> {
        let hashes_area = self.check(generation)?;
        let svsm = self.svsm_place()?;

        visit(&Update {
            gpa: self.firmware.gpa(),
            page_type: PageType::Normal,
            contents: match self.firmware_digest {
                Some(digest) => Contents::Measured(digest),
                None => contents(&self.firmware),
            },
            origin: Origin::Firmware { offset: 0 },
        });
        if let (Some(svsm), Some(place)) = (&self.svsm, &svsm) {
            visit(&Update {
                gpa: place.gpa,
                page_type: PageType::Normal,
                contents: contents(&svsm.image),
                origin: Origin::Svsm { offset: 0 },
            });
        }
        match generation {
            Generation::Snp => self.sections(visit),
            Generation::Sev | Generation::SevEs => {
                if let (Some(kernel), Some(area)) = (&self.kernel, hashes_area) {
                    visit(&Update {
                        gpa: ovmf::low_gpa(area.base),
                        page_type: PageType::Normal,
                        contents: Contents::Bytes(&kernel.table()),
                        origin: Origin::KernelHashes,
                    });
                }
            }
        }
        match generation {
            Generation::Sev => {}
            Generation::SevEs => self.save_areas(self.sev_es_features, None, visit),
            Generation::Snp => self.save_areas(self.features, svsm.map(|place| place.vmsa), visit),
        }
        Ok(())
    }

    /// Whether the parts fit together, the SVSM apart; where the hashes of a kernel belong.
    fn check(&self, generation: Generation) -> Result<Option<Area>, LaunchError> {
        let is_snp = generation == Generation::Snp;
        if self.vcpus == 0 {
            return Err(LaunchError::NoVcpus);
        }
        if self.vcpus > Self::MAX_VCPUS {
            return Err(LaunchError::TooManyVcpus { found: self.vcpus });
        }
        let has_digests = self.firmware_digest.is_some() || self.firmware.page_digests().is_some();
        if has_digests && !is_snp {
            return Err(LaunchError::FirmwareDigest { found: generation });
        }
        if self.svsm.is_some() && !is_snp {
            return Err(LaunchError::Svsm { found: generation });
        }
        let has_save_areas = generation != Generation::Sev;
        let has_eips = self.svsm.is_none() && has_save_areas;
        if self.vcpus > 1 && has_eips && self.firmware.reset_eip().is_none() {
            return Err(LaunchError::NoResetBlock { vcpus: self.vcpus });
        }
        if is_snp {
            let Profile { section_memory, vmsa_gpa, .. } = *self.profile;
            if !matches!(section_memory, PageType::Zero | PageType::Unmeasured) {
                return Err(LaunchError::SectionMemory { found: section_memory });
            }
            if !vmsa_gpa.is_page() {
                return Err(LaunchError::VmsaGpa { found: vmsa_gpa });
            }
        }
        match self.kernel {
            Some(_) => self.hashes_area(is_snp).map(Some),
            None => Ok(None),
        }
    }

    /// Where the hashes of a kernel belong.
    fn hashes_area(&self, is_snp: bool) -> Result<Area, LaunchError> {
        if self.svsm.is_some() {
            return Err(LaunchError::KernelWithSvsm);
        }
        let area = self.firmware.hash_table().ok_or(LaunchError::NoHashTable)?;
        let Area { base, size } = area;
        if base == 0 {
            return Err(LaunchError::HashTableUnset);
        }
        let firmware = self.firmware.gpa();
        let end = u64::from(base) + KernelHashes::TABLE as u64;
        if u64::from(size) < KernelHashes::TABLE as u64 || end > firmware.get() {
            return Err(LaunchError::HashTableArea { area, firmware });
        }
        if is_snp {
            let sections = self.firmware.sections().into_iter().flatten();
            let mut pages = sections.filter(|section| section.kind == SectionKind::KernelHashes);
            let first = pages.next().ok_or(LaunchError::NoHashSection)?;
            for section in core::iter::once(first).chain(pages) {
                if u64::from(base) < section.gpa.get() || end > section.end() {
                    return Err(LaunchError::HashTableOutside { base, section });
                }
            }
        }
        Ok(area)
    }

    /// Where the SVSM stands: its end is the begin of OVMF's variables, and their end the begin of the firmware.
    fn svsm_place(&self) -> Result<Option<SvsmPlace>, LaunchError> {
        let Some(Svsm { image, vars_size }) = &self.svsm else { return Ok(None) };
        if !vars_size.is_multiple_of(PAGE as u64) {
            return Err(LaunchError::VarsSize { found: *vars_size });
        }
        let len = image.size();
        let no_room =
            LaunchError::NoRoom { firmware: self.firmware.size(), vars: *vars_size, svsm: len };
        let end = self.firmware.gpa().get().checked_sub(*vars_size).ok_or(no_room)?;
        let begin = u64::try_from(len).ok().and_then(|len| end.checked_sub(len)).ok_or(no_room)?;
        let begin = u32::try_from(begin).map_err(|_| no_room)?;

        let offset = image.svsm_launch_offset().ok_or(LaunchError::NoSvsmInfo)?;
        let outside = LaunchError::SvsmEntry { offset, len };
        let entry = begin.checked_add(offset).ok_or(outside)?;
        if !usize::try_from(offset).is_ok_and(|offset| offset < len) {
            return Err(outside);
        }
        let gpa = ovmf::low_gpa(begin);
        let sections = image.sections().ok_or(LaunchError::NoSvsmMetadata)?;
        let mut sections = (0..).zip(sections);
        if let Some((number, section)) = sections.find(|(_, section)| section.end() > gpa.get()) {
            return Err(LaunchError::SvsmSection { number, section, svsm: gpa });
        }
        let no_state = LaunchError::SvsmProfile { profile: self.profile.name };
        let vmsa = self.profile.svsm_vmsa(entry, self.cpu).ok_or(no_state)?;
        Ok(Some(SvsmPlace { gpa, vmsa }))
    }

    /// The sections of the SEV metadata.
    fn sections(&self, visit: &mut dyn FnMut(&Update<'_>)) {
        let image = self.svsm.as_ref().map_or(&self.firmware, |svsm| &svsm.image);
        let mut pass = |is_wanted: &dyn Fn(SectionKind) -> bool| {
            for (number, section) in (0..).zip(image.sections().into_iter().flatten()) {
                if is_wanted(section.kind) {
                    self.section(number, &section, visit);
                }
            }
        };
        if self.profile.cpuid_last {
            pass(&|kind| kind != SectionKind::Cpuid);
            pass(&|kind| kind == SectionKind::Cpuid);
        } else {
            pass(&|_| true);
        }
    }

    fn section(&self, number: u32, section: &Section, visit: &mut dyn FnMut(&Update<'_>)) {
        let Section { gpa, size, kind } = *section;
        let page_type = match kind {
            SectionKind::SecMem => self.profile.section_memory,
            SectionKind::SvsmCaa | SectionKind::KernelHashes => PageType::Zero,
            SectionKind::Secrets => PageType::Secrets,
            SectionKind::Cpuid => PageType::Cpuid,
        };
        let hashes = match (kind, &self.kernel, self.firmware.hash_table()) {
            (SectionKind::KernelHashes, Some(kernel), Some(Area { base, .. })) => {
                kernel.page(base % PAGE as u32)
            }
            _ => None,
        };
        visit(&match &hashes {
            Some(page) => Update {
                gpa,
                page_type: PageType::Normal,
                contents: Contents::Bytes(page),
                origin: Origin::KernelHashes,
            },
            None => Update {
                gpa,
                page_type,
                contents: Contents::Pages(u64::from(size) / PAGE as u64),
                origin: Origin::Section { number, kind },
            },
        });
    }

    /// The save areas: under an SVSM all the same.
    fn save_areas(
        &self,
        features: SevFeatures,
        svsm: Option<Vmsa>,
        visit: &mut dyn FnMut(&Update<'_>),
    ) {
        let is_svsm = svsm.is_some();
        let area = |eip, is_bsp| self.profile.vmsa(eip, is_bsp, self.cpu, features);
        let mut current = svsm.unwrap_or_else(|| area(Profile::RESET_VECTOR, true));
        for number in 0..self.vcpus {
            if let (1, false, Some(eip)) = (number, is_svsm, self.firmware.reset_eip()) {
                current = area(eip, false);
            }
            visit(&Update {
                gpa: self.profile.vmsa_gpa,
                page_type: PageType::Vmsa,
                contents: Contents::Bytes(current.as_bytes()),
                origin: Origin::Vcpu(number),
            });
        }
    }
}
