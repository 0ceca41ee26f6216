//! Why is the launch digest another one than expected? The usual suspects, tried one by one, in pairs and in threes.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::ops::{ControlFlow, RangeInclusive};

use super::digest::{LaunchDigest, vmsa_contents};
use super::measure::{apply, measure};
use crate::addr::{GuestPhysAddr, PAGE, Page};
use crate::hash::{Sha256Digest, Sha384Digest, Workers};
use crate::image::{
    Contents, CpuSignature, Difference, Digest, Generation, KernelHashes, Launch, LaunchError, Log,
    Origin, Ovmf, PageType, Part, Profile, Update, VcpuType,
};
use crate::vmsa::{SevFeatures, Vmsa};

/// What else a launch may have been: for each of its parts, what it is to be replaced by.
///
/// [`Suspects::usual`] has what needs no files; firmware, kernels, initrds and command lines are the caller's to add. Parts that a list
/// gives twice, or that the launch has already, are tried once; vCPU types with one signature are named together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Suspects<'a> {
    /// Firmware images, each with a name.
    pub firmware: Vec<(&'a str, Ovmf<'a>)>,
    /// Launch digests behind the pages of firmware ([`Launch::firmware_digest`]), each with a name. What else an image says is
    /// the launch's own.
    pub firmware_digests: Vec<(&'a str, Sha384Digest)>,
    /// For a launch with an SVSM: sizes of OVMF's variables, in bytes.
    pub vars_sizes: Vec<u64>,
    /// SHA-256 of kernels, each with a name.
    pub kernels: Vec<(&'a str, Sha256Digest)>,
    /// SHA-256 of initrds, each with a name.
    pub initrds: Vec<(&'a str, Sha256Digest)>,
    /// Command lines, each in words: see [`add_command_line`](Self::add_command_line).
    pub command_lines: Vec<(String, Sha256Digest)>,
    /// What the hashes would be, for a launch without a kernel.
    pub kernel_hashes: Option<KernelHashes>,
    /// Numbers of vCPUs; 0 is none.
    pub vcpus: RangeInclusive<u32>,
    /// Processors that the guest sees, each with a name.
    pub cpus: Vec<(&'a str, CpuSignature)>,
    /// Words of SEV_FEATURES, the likeliest first: beside two other changes only 16 of them are tried.
    pub features: Vec<SevFeatures>,
    /// VMMs.
    pub profiles: Vec<&'a Profile>,
    /// Addresses of save areas, in place of [`Profile::vmsa_gpa`].
    pub vmsa_gpas: Vec<GuestPhysAddr>,
    /// After how much work it is given up, in pages: see [`Explanation::pages`].
    pub limit: u64,
}

/// SEV_FEATURES that hosts are known to set, or may: debug registers are swapped (by the kernels that force it), injection is
/// restricted, the TSC is secure, registers are protected, SMT is. All others of an SEV-SNP guest with two named features at most
/// beside SNPActive follow.
fn usual_features() -> Vec<SevFeatures> {
    let known =
        [0x0, 0x1, 0x21, 0x5, 0x9, 0x29, 0x11, 0x31, 0x201, 0x221, 0x4001, 0x4021, 0x8001, 0x8021];
    let mut words: Vec<_> = known.map(SevFeatures).into();
    for (bit, _) in SevFeatures::NAMED {
        words.extend(
            SevFeatures::NAMED.iter().map(|(other, _)| SevFeatures(1 | 1 << bit | 1 << other)),
        );
    }
    words
}

/// Where Google's verifier has save areas on Genoa: the last page of the processor's address space.
const LAST_PAGE: GuestPhysAddr = match GuestPhysAddr::new(0xf_ffff_ffff_f000) {
    Ok(gpa) => gpa,
    Err(_) => panic!("is below 2^52"),
};

impl Default for Suspects<'_> {
    fn default() -> Self {
        Self::usual()
    }
}

impl<'a> Suspects<'a> {
    /// Nothing but what is added, and what takes no list: the hashes of a kernel left out, the SVSM left out, the firmware's image in place
    /// of its digest.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            firmware: Vec::new(),
            firmware_digests: Vec::new(),
            vars_sizes: Vec::new(),
            kernels: Vec::new(),
            initrds: Vec::new(),
            command_lines: Vec::new(),
            kernel_hashes: None,
            vcpus: 0..=0,
            cpus: Vec::new(),
            features: Vec::new(),
            profiles: Vec::new(),
            vmsa_gpas: Vec::new(),
            limit: u64::MAX,
        }
    }

    /// One to 256 vCPUs, every known vCPU type, SEV_FEATURES with two features at most beside SNPActive (and 0), every known VMM, their
    /// older versions included, and Google's address of save areas on Genoa; no initrd and no command line where there is a kernel; the
    /// sizes that builds of OVMF have for their variables where there is an SVSM. Five million pages at most: a few seconds.
    #[must_use]
    pub fn usual() -> Self {
        let nothing = KernelHashes::new(b"", b"", b"");
        Self {
            initrds: [("(none)", nothing.initrd)].into(),
            command_lines: [(String::from("that is empty"), nothing.command_line)].into(),
            vars_sizes: [0, 0x2_0000, 0x8_4000].into(),
            vcpus: 1..=256,
            cpus: VcpuType::ALL.iter().map(|known| (known.name(), known.signature())).collect(),
            features: usual_features(),
            profiles: Profile::ALL.iter().collect(),
            vmsa_gpas: [Profile::KVM_VMSA_GPA, LAST_PAGE].into(),
            limit: 5_000_000,
            ..Self::none()
        }
    }

    /// A command line, and what becomes of it on the way: blanks and line ends at its end that get lost, or a line end that a shell or
    /// a file adds.
    pub fn add_command_line(&mut self, text: &str) {
        let trimmed = text.trim_end();
        let mut add = |words: &[&str], text: &[&str]| {
            let hashes = KernelHashes::new(b"", b"", text.concat().as_bytes());
            self.command_lines.push((words.concat(), hashes.command_line));
        };
        add(&["\"", text, "\""], &[text]);
        add(&["\"", trimmed, "\" without blanks at its end"], &[trimmed]);
        add(&["\"", trimmed, "\" with a line feed at its end"], &[trimmed, "\n"]);
        add(&["\"", trimmed, "\" with a blank at its end"], &[trimmed, " "]);
    }
}

/// One part of a launch that was replaced.
///
/// ```
/// # let reset_block = [0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e];
/// # let footer = [0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d];
/// # let table = [&[4, 0xb0, 0x80, 0, 22, 0][..], &reset_block, &[40, 0], &footer].concat();
/// # let mut file = vec![0; 8192];
/// # file[8192 - 32 - 40..8192 - 32].copy_from_slice(&table);
/// use sevcrypt::Backend;
/// use sevcrypt::image::{CpuSignature, Launch, Ovmf, Profile};
/// use sevcrypt::snp::launch::{Change, Suspects, explain, measure};
///
/// // Who started the guest gave it two vCPUs and not one.
/// let launch = Launch::new(Ovmf::parse(&file)?, CpuSignature(0x00a0_0f11), &Profile::QEMU);
/// let mut started = launch.clone();
/// started.vcpus = 2;
/// let measurement = measure(&started, Backend::best(), &mut |_| {})?;
///
/// let mut suspects = Suspects::none();
/// suspects.vcpus = 1..=4;
/// let found = explain(&launch, &measurement, &suspects, Backend::best())?;
/// assert_eq!(found.changes, Some(vec![Change::Vcpus { vcpus: 2, instead_of: 1 }]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The firmware image.
    Firmware {
        /// Its name in [`Suspects::firmware`] or [`Suspects::firmware_digests`]; none if it is the launch's own image, in place of its
        /// digest.
        name: Option<String>,
    },
    /// No SVSM.
    NoSvsm,
    /// The size of OVMF's variables, in bytes.
    VarsSize {
        /// Now.
        vars_size: u64,
        /// Before.
        instead_of: u64,
    },
    /// Whether there are hashes of a kernel (QEMU's `kernel-hashes`).
    KernelHashes {
        /// Whether there are now.
        present: bool,
    },
    /// The kernel.
    Kernel {
        /// Its name in [`Suspects::kernels`].
        name: String,
    },
    /// The initrd.
    Initrd {
        /// Its name in [`Suspects::initrds`].
        name: String,
    },
    /// The command line.
    CommandLine {
        /// The command line in words.
        words: String,
    },
    /// The number of vCPUs.
    Vcpus {
        /// Now.
        vcpus: u32,
        /// Before.
        instead_of: u32,
    },
    /// The processor that the guest sees.
    Cpu {
        /// The names in [`Suspects::cpus`] that have this signature: "EPYC-Genoa or EPYC-Genoa-v1".
        name: String,
        /// Its signature.
        signature: CpuSignature,
        /// The signature before.
        instead_of: CpuSignature,
    },
    /// SEV_FEATURES.
    Features {
        /// Now.
        features: SevFeatures,
        /// Before.
        instead_of: SevFeatures,
    },
    /// The VMM.
    Profile {
        /// Its name.
        name: &'static str,
        /// Its version.
        version: &'static str,
        /// The name before.
        instead_of: &'static str,
    },
    /// The address of save areas.
    VmsaGpa {
        /// Now.
        gpa: GuestPhysAddr,
        /// Before.
        instead_of: GuestPhysAddr,
    },
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The fewest changes that give the expected digest: none if the launch has it as it is. `None` if it was not found.
    pub changes: Option<Vec<Change>>,
    /// As many other changes that give it as well: two VMMs may have the same save areas, for example.
    pub alternatives: Vec<Vec<Change>>,
    /// How many digests were compared.
    pub tried: u64,
    /// How many pages were measured for them. A combination counts as one page more, a save area of which the contents had to be hashed as
    /// 16 more. This is what [`Suspects::limit`] bounds.
    pub pages: u64,
    /// Whether something was left untried because of [`Suspects::limit`]; if `changes` were found all the same, there may be more
    /// alternatives.
    pub is_given_up: bool,
}

/// Finds the fewest changes, three at most, which make a launch's digest the expected one, and all the other ones that are as few.
///
/// Images are hashed once each. Combinations that are no launch, such as a kernel for firmware that has no place for its hashes, are
/// passed over. What leaves the number of vCPUs alone is tried first.
///
/// This is for SEV-SNP. The digests of SEV and SEV-ES have no explanation here.
///
/// # Errors
/// The parts of `launch` itself do not fit together.
///
/// ```
/// use sevcrypt::Backend;
/// use sevcrypt::image::{CpuSignature, Launch, Ovmf, Profile};
/// use sevcrypt::snp::launch::{Suspects, explain};
///
/// # fn explain_file(image: &[u8], measurement_of_the_report: &[u8; 48]) -> Result<(), Box<dyn std::error::Error>> {
/// let launch = Launch::new(Ovmf::parse(image)?, CpuSignature(0x00a0_0f11), &Profile::QEMU);
/// let mut suspects = Suspects::usual();
/// suspects.add_command_line("console=ttyS0");
/// let found = explain(&launch, measurement_of_the_report, &suspects, Backend::best())?;
/// // For example: with guest features 0x21 instead of 0x1 the digest is the expected one
/// println!("{found}");
/// # Ok(())
/// # }
/// ```
pub fn explain(
    launch: &Launch<'_>,
    expected: &Sha384Digest,
    suspects: &Suspects<'_>,
    workers: impl Into<Workers>,
) -> Result<Explanation, LaunchError> {
    launch.updates(Generation::Snp, &mut |_| {})?;
    let mut search = Search::new(launch, expected, suspects, workers.into());
    search.run();
    let Search { found, tried, budget, .. } = search;
    let mut found = found.into_iter();
    Ok(Explanation {
        changes: found.next(),
        alternatives: found.collect(),
        tried,
        pages: budget.pages,
        is_given_up: budget.is_spent,
    })
}

/// The first step in which two launches differ, and in what. It prints as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaunchDifference {
    /// The step.
    pub step: Difference,
    /// If it is a save area's: the fields that differ, each as [`vmsa::Difference`](crate::vmsa::Difference) prints it.
    pub fields: Vec<String>,
}

impl fmt::Display for LaunchDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.step.fmt(f)?;
        for (number, field) in self.fields.iter().enumerate() {
            write!(f, "{}{field}", if number == 0 { "; " } else { ", " })?;
        }
        Ok(())
    }
}

/// The first step in which two launches differ, and in what; `None` if nothing that is measured does.
///
/// Where one of them has the digest of its firmware only ([`Launch::firmware_digest`]), the firmware counts as one step.
///
/// ```
/// use sevcrypt::Backend;
/// use sevcrypt::image::{CpuSignature, Launch, Ovmf, Profile};
/// use sevcrypt::snp::launch::first_difference;
/// use sevcrypt::vmsa::SevFeatures;
///
/// # fn differ(image: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// let launch = Launch::new(Ovmf::parse(image)?, CpuSignature(0x00a0_0f11), &Profile::QEMU);
/// let mut other = launch.clone();
/// other.features = SevFeatures(0x21);
/// if let Some(difference) = first_difference(&launch, &other, Backend::best())? {
///     // For example: step 20 (vCPU 0): the contents have the digest ...; SEV_FEATURES (0x3b0): 0x1 and 0x21
///     println!("{difference}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The parts of one of them do not fit together.
pub fn first_difference(
    launch: &Launch<'_>,
    other: &Launch<'_>,
    workers: impl Into<Workers>,
) -> Result<Option<LaunchDifference>, LaunchError> {
    let workers = workers.into();
    let log = |launch| {
        let mut log = Log::default();
        measure(launch, workers, &mut |step| log.push(*step))?;
        Ok(log)
    };
    let Some(step) = log(launch)?.compare(&log(other)?) else { return Ok(None) };
    let mut fields = Vec::new();
    if let Difference { part: Part::Contents, first: Some(first), second: Some(second), .. } = &step
        && let [Some(left), Some(right)] =
            [save_area_of(launch, first.origin), save_area_of(other, second.origin)]
    {
        fields.extend(left.differences(&right).map(|difference| difference.to_string()));
    }
    Ok(Some(LaunchDifference { step, fields }))
}

/// The save area of a launch's vCPU.
fn save_area_of(launch: &Launch<'_>, vcpu: Origin) -> Option<Vmsa> {
    let mut found = None;
    let shown =
        launch.updates(Generation::Snp, &mut |update| match (update.origin, update.contents) {
            (Origin::Vcpu(_), Contents::Bytes(bytes)) if update.origin == vcpu => {
                found = <&Page>::try_from(bytes).ok().map(Vmsa::from_bytes);
            }
            _ => {}
        });
    shown.ok().and(found)
}

/// Parts that are replaced, but for the number of vCPUs: the digests of all numbers come out of one launch. Which alternatives of a part
/// make sense depends on the parts before it. Those that only save areas depend on are last, so that what was measured before them can
/// be kept.
const FIRMWARE: usize = 0;
const SVSM: usize = 1;
const VARS_SIZE: usize = 2;
const KERNEL_HASHES: usize = 3;
const KERNEL: usize = 4;
const INITRD: usize = 5;
const COMMAND_LINE: usize = 6;
const PROFILE: usize = 7;
const CPU: usize = 8;
const FEATURES: usize = 9;
const VMSA_GPA: usize = 10;
const PARTS: usize = 11;

/// For each part, which of its alternatives is taken, from 1; 0 is what the launch has.
type Choice = [usize; PARTS];

/// The parts that pages before the save areas depend on.
type HeadChoice = [usize; PROFILE + 1];

/// The parts that the contents of a save area depend on, and whether it is that of the vCPU that boots.
type SaveAreaChoice = ([usize; 6], bool);

/// The most changes at once.
const MOST_CHANGES: usize = 3;

/// The most words of SEV_FEATURES that are tried beside so many changes that there may be no more.
const LIKELIEST_FEATURES: usize = 16;

/// The most save areas whose digests are kept.
const MOST_SAVE_AREAS: usize = 1 << 16;

/// What hashing a save area costs, in pages: SHA-384 has 33 blocks then, and two for PAGE_INFO.
const HASHED_SAVE_AREA: u64 = 16;

/// What may still be done.
struct Budget {
    limit: u64,
    pages: u64,
    is_spent: bool,
}

impl Budget {
    /// Whether there is enough for so many pages; they count then. Once there is not, it is over.
    fn spend(&mut self, pages: u64) -> bool {
        self.is_spent |= pages > self.limit - self.pages;
        if !self.is_spent {
            self.pages += pages;
        }
        !self.is_spent
    }
}

struct Search<'s, 'a> {
    launch: &'s Launch<'a>,
    expected: &'s Sha384Digest,
    workers: Workers,
    suspects: &'s Suspects<'a>,
    /// Numbers of the alternatives of each part that are worth a trial.
    alternatives: [Vec<usize>; PARTS],
    /// For each alternative of the firmware, whether it has a place for a kernel's hashes.
    takes_kernels: Vec<bool>,
    /// For each alternative of the firmware, the launch digest behind it.
    firmware: Vec<Option<LaunchDigest>>,
    /// The digests of the SVSM's pages.
    svsm: Vec<Sha384Digest>,
    /// The launch digest before the save areas, and for which choice.
    head: Option<(HeadChoice, LaunchDigest)>,
    /// The digests of save areas.
    save_areas: BTreeMap<SaveAreaChoice, Sha384Digest>,
    /// How many changes are tried.
    changes: usize,
    found: Vec<Vec<Change>>,
    tried: u64,
    budget: Budget,
}

impl<'s, 'a> Search<'s, 'a> {
    fn new(
        launch: &'s Launch<'a>,
        expected: &'s Sha384Digest,
        suspects: &'s Suspects<'a>,
        workers: Workers,
    ) -> Self {
        let hashes = launch.kernel.or(suspects.kernel_hashes);
        let unlike =
            |own: Option<Sha256Digest>, listed: &mut dyn Iterator<Item = Sha256Digest>| match own {
                Some(own) => different(own, listed),
                None => Vec::new(),
            };
        let mut alternatives: [Vec<usize>; PARTS] = Default::default();
        // A digest of the firmware may be that of another one than the image at hand: alternative 1. The lists follow.
        let images = suspects.firmware.iter().map(|(_, ovmf)| ovmf.image());
        let images = different(launch.firmware.image(), images).into_iter().map(|it| it + 1);
        let digests = suspects.firmware_digests.iter().map(|(_, digest)| Some(*digest));
        let digests = different(launch.firmware_digest, digests).into_iter();
        let digests = digests.map(|it| it + 1 + suspects.firmware.len());
        let own_image = launch.firmware_digest.is_some().then_some(1);
        alternatives[FIRMWARE] = own_image.into_iter().chain(images).chain(digests).collect();
        if let Some(svsm) = launch.svsm {
            alternatives[SVSM].push(1);
            alternatives[VARS_SIZE] =
                different(svsm.vars_size, suspects.vars_sizes.iter().copied());
        }
        if hashes.is_some() {
            alternatives[KERNEL_HASHES].push(1);
        }
        alternatives[KERNEL] = unlike(
            hashes.map(|hashes| hashes.kernel),
            &mut suspects.kernels.iter().map(|(_, hash)| *hash),
        );
        alternatives[INITRD] = unlike(
            hashes.map(|hashes| hashes.initrd),
            &mut suspects.initrds.iter().map(|(_, hash)| *hash),
        );
        alternatives[COMMAND_LINE] = unlike(
            hashes.map(|hashes| hashes.command_line),
            &mut suspects.command_lines.iter().map(|(_, hash)| *hash),
        );
        alternatives[PROFILE] = different(launch.profile, suspects.profiles.iter().copied());
        alternatives[CPU] = different(launch.cpu, suspects.cpus.iter().map(|(_, cpu)| *cpu));
        alternatives[FEATURES] = different(launch.features, suspects.features.iter().copied());
        alternatives[VMSA_GPA] =
            different(launch.profile.vmsa_gpa, suspects.vmsa_gpas.iter().copied());

        let listed = suspects.firmware.iter().map(|(_, ovmf)| ovmf);
        let own = |times| core::iter::repeat_n(&launch.firmware, times);
        let firmware = own(2).chain(listed).chain(own(suspects.firmware_digests.len()));
        let takes_kernels: Vec<bool> = firmware.map(takes_kernels).collect();
        Self {
            launch,
            expected,
            workers,
            suspects,
            alternatives,
            firmware: alloc::vec![None; takes_kernels.len()],
            takes_kernels,
            svsm: Vec::new(),
            head: None,
            save_areas: BTreeMap::new(),
            changes: 0,
            found: Vec::new(),
            tried: 0,
            budget: Budget { limit: suspects.limit, pages: 0, is_spent: false },
        }
    }

    /// Finds the fewest changes, of those that are tried.
    fn run(&mut self) {
        let own = self.launch.vcpus;
        let (first, last) = (*self.suspects.vcpus.start(), *self.suspects.vcpus.end());
        let listed = first.max(1)..=last.min(Launch::MAX_VCPUS);
        for changes in 0..=MOST_CHANGES {
            self.changes = changes;
            let _ = self.choose(0, changes, &mut [0; PARTS], &(own..=own), None);
            // The number of vCPUs is one of the changes.
            if let Some(fewer) = changes.checked_sub(1)
                && !listed.is_empty()
            {
                let _ = self.choose(0, fewer, &mut [0; PARTS], &listed, Some(own));
            }
            if !self.found.is_empty() || self.budget.is_spent {
                break;
            }
        }
    }

    /// Tries every choice with so many changes among the parts from `part` on, for these numbers of vCPUs but for `without`.
    fn choose(
        &mut self,
        part: usize,
        changes: usize,
        choice: &mut Choice,
        vcpus: &RangeInclusive<u32>,
        without: Option<u32>,
    ) -> ControlFlow<()> {
        if part == PARTS {
            return match changes {
                0 => self.try_launch(choice, vcpus, without),
                _ => ControlFlow::Continue(()),
            };
        }
        self.choose(part + 1, changes, choice, vcpus, without)?;
        if let Some(fewer) = changes.checked_sub(1)
            && self.makes_sense(part, choice)
        {
            let alternatives = self.alternatives[part].len();
            let alternatives = match (part, self.changes) {
                (FEATURES, MOST_CHANGES) => alternatives.min(LIKELIEST_FEATURES),
                _ => alternatives,
            };
            for number in 0..alternatives {
                choice[part] = self.alternatives[part][number];
                self.choose(part + 1, fewer, choice, vcpus, without)?;
            }
            choice[part] = 0;
        }
        ControlFlow::Continue(())
    }

    /// Whether a part counts at all, given what is chosen for the parts before it.
    fn makes_sense(&self, part: usize, choice: &Choice) -> bool {
        let has_svsm = self.launch.svsm.is_some() && choice[SVSM] == 0;
        let takes_kernel = self.takes_kernels[choice[FIRMWARE]] && !has_svsm;
        match part {
            VARS_SIZE => has_svsm,
            KERNEL_HASHES => takes_kernel || self.launch.kernel.is_some(),
            KERNEL | INITRD | COMMAND_LINE => {
                takes_kernel && self.launch.kernel.is_some() == (choice[KERNEL_HASHES] == 0)
            }
            // An SVSM has its own.
            FEATURES => !has_svsm,
            _ => true,
        }
    }

    /// Compares the digests of a choice for these numbers of vCPUs, but for `without`.
    fn try_launch(
        &mut self,
        choice: &Choice,
        vcpus: &RangeInclusive<u32>,
        without: Option<u32>,
    ) -> ControlFlow<()> {
        if !self.budget.spend(1) {
            return ControlFlow::Break(());
        }
        let mut launch: Launch<'_> = self.launch_of(choice);
        let profile;
        if choice[VMSA_GPA] != 0 {
            let vmsa_gpa = self.suspects.vmsa_gpas[choice[VMSA_GPA] - 1];
            profile = Profile { vmsa_gpa, ..launch.profile.clone() };
            launch.profile = &profile;
        }
        // Other firmware may have a begin for one vCPU only.
        let is_for_many = launch.svsm.is_some() || launch.firmware.reset_eip().is_some();
        launch.vcpus = if is_for_many { *vcpus.end() } else { 1 };
        if launch.vcpus < *vcpus.start() {
            return ControlFlow::Continue(());
        }

        let key: HeadChoice = core::array::from_fn(|part| choice[part]);
        let known = self.head.take().filter(|(kept, _)| *kept == key);
        let is_known = known.is_some();
        let mut digest = known.map_or_else(LaunchDigest::new, |(_, head)| head);
        let mut head = None;
        let mut contents = [0; 48];
        let mut matching = None;
        let mut is_launch = true;
        let (expected, workers) = (self.expected, self.workers);
        let (budget, tried, save_areas) = (&mut self.budget, &mut self.tried, &mut self.save_areas);
        let (firmware, svsm) = (&mut self.firmware[choice[FIRMWARE]], &mut self.svsm);
        let shown = launch.updates(Generation::Snp, &mut |update| {
            if budget.is_spent || !is_launch {
                return;
            }
            match (update.origin, &firmware) {
                (Origin::Vcpu(number), _) => {
                    if number == 0 {
                        head = Some(digest.clone());
                    }
                    if number < 2 {
                        let Some(known) = save_area(choice, update, save_areas, budget) else {
                            return;
                        };
                        contents = known;
                    }
                    if !budget.spend(1) {
                        return;
                    }
                    digest.step(PageType::Vmsa.into(), update.gpa, &contents);
                    let count = number + 1;
                    if vcpus.contains(&count) && Some(count) != without {
                        *tried += 1;
                        if digest.digest() == expected {
                            matching = Some(count);
                        }
                    }
                }
                _ if is_known => {}
                (Origin::Firmware { .. }, Some(behind)) => digest = behind.clone(),
                _ if !budget.spend(pages(update)) => {}
                (Origin::Firmware { .. }, None) => {
                    is_launch = apply(&mut digest, workers, update, &mut |_| {}).is_ok();
                    *firmware = is_launch.then(|| digest.clone());
                }
                (Origin::Svsm { .. }, _) if !svsm.is_empty() => {
                    for (gpa, contents) in (0..).map_while(|n| page_at(update, n)).zip(&*svsm) {
                        digest.step(PageType::Normal.into(), gpa, contents);
                    }
                }
                (origin, _) => {
                    let is_svsm = matches!(origin, Origin::Svsm { .. });
                    let applied = apply(&mut digest, workers, update, &mut |step| {
                        if let (true, Digest::Sha384(contents)) = (is_svsm, step.contents) {
                            svsm.push(contents);
                        }
                    });
                    is_launch = applied.is_ok();
                }
            }
        });
        if let Some(count) = matching {
            self.found.push(self.changes_of(choice, count));
        }
        if self.budget.is_spent {
            return ControlFlow::Break(());
        }
        // Some choices are no launch.
        if shown.is_ok() && is_launch {
            self.head = head.map(|head| (key, head));
        }
        ControlFlow::Continue(())
    }

    /// The launch of a choice, but for the address of its save areas.
    fn launch_of(&self, choice: &Choice) -> Launch<'a> {
        let suspects = self.suspects;
        let mut launch = self.launch.clone();
        if let Some(other) = choice[FIRMWARE].checked_sub(1) {
            launch.firmware_digest = None;
            if let Some(listed) = other.checked_sub(1) {
                match suspects.firmware.get(listed) {
                    Some((_, firmware)) => launch.firmware = *firmware,
                    None => {
                        let listed = listed - suspects.firmware.len();
                        launch.firmware_digest = Some(suspects.firmware_digests[listed].1);
                    }
                }
            }
        }
        if choice[SVSM] != 0 {
            launch.svsm = None;
        }
        if let (Some(svsm), Some(listed)) = (&mut launch.svsm, choice[VARS_SIZE].checked_sub(1)) {
            svsm.vars_size = suspects.vars_sizes[listed];
        }
        if choice[KERNEL_HASHES] != 0 {
            launch.kernel = match launch.kernel {
                Some(_) => None,
                None => suspects.kernel_hashes,
            };
        }
        if let Some(hashes) = &mut launch.kernel {
            if let Some(listed) = choice[KERNEL].checked_sub(1) {
                hashes.kernel = suspects.kernels[listed].1;
            }
            if let Some(listed) = choice[INITRD].checked_sub(1) {
                hashes.initrd = suspects.initrds[listed].1;
            }
            if let Some(listed) = choice[COMMAND_LINE].checked_sub(1) {
                hashes.command_line = suspects.command_lines[listed].1;
            }
        }
        if let Some(listed) = choice[PROFILE].checked_sub(1) {
            launch.profile = suspects.profiles[listed];
        }
        if let Some(listed) = choice[CPU].checked_sub(1) {
            launch.cpu = suspects.cpus[listed].1;
        }
        if let Some(listed) = choice[FEATURES].checked_sub(1) {
            launch.features = suspects.features[listed];
        }
        launch
    }

    /// What a choice changes.
    fn changes_of(&self, choice: &Choice, vcpus: u32) -> Vec<Change> {
        let (launch, suspects) = (self.launch, self.suspects);
        let own = launch.vcpus;
        let vcpus = (vcpus != own).then_some(Change::Vcpus { vcpus, instead_of: own });
        let parts = choice.iter().enumerate().filter(|(_, number)| **number != 0);
        let changes = parts.map(|(part, number)| match part {
            FIRMWARE => {
                let images = suspects.firmware.iter().map(|(name, _)| *name);
                let digests = suspects.firmware_digests.iter().map(|(name, _)| *name);
                let listed = number.checked_sub(2);
                let name = listed.and_then(|listed| images.chain(digests).nth(listed));
                Change::Firmware { name: name.map(String::from) }
            }
            SVSM => Change::NoSvsm,
            VARS_SIZE => Change::VarsSize {
                vars_size: suspects.vars_sizes[number - 1],
                instead_of: launch.svsm.map_or(0, |svsm| svsm.vars_size),
            },
            KERNEL_HASHES => Change::KernelHashes { present: launch.kernel.is_none() },
            KERNEL => Change::Kernel { name: suspects.kernels[number - 1].0.into() },
            INITRD => Change::Initrd { name: suspects.initrds[number - 1].0.into() },
            COMMAND_LINE => {
                Change::CommandLine { words: suspects.command_lines[number - 1].0.clone() }
            }
            PROFILE => {
                let Profile { name, version, .. } = *suspects.profiles[number - 1];
                Change::Profile { name, version, instead_of: launch.profile.name }
            }
            CPU => {
                let signature = suspects.cpus[number - 1].1;
                let same = suspects.cpus.iter().filter(|(_, other)| *other == signature);
                let names: Vec<&str> = same.map(|(name, _)| *name).collect();
                Change::Cpu { name: one_of(&names), signature, instead_of: launch.cpu }
            }
            FEATURES => Change::Features {
                features: suspects.features[number - 1],
                instead_of: launch.features,
            },
            _ => Change::VmsaGpa {
                gpa: suspects.vmsa_gpas[number - 1],
                instead_of: launch.profile.vmsa_gpa,
            },
        });
        changes.chain(vcpus).collect()
    }
}

/// The numbers, from 1, of what is listed and neither the launch's own nor listed before.
fn different<T: PartialEq>(own: T, listed: impl Iterator<Item = T>) -> Vec<usize> {
    let mut seen = alloc::vec![own];
    let mut numbers = Vec::new();
    for (number, value) in (1..).zip(listed) {
        if !seen.contains(&value) {
            seen.push(value);
            numbers.push(number);
        }
    }
    numbers
}

/// "this, that or those".
fn one_of(names: &[&str]) -> String {
    match names {
        [before @ .., one, last] => {
            let mut text: String = before.iter().flat_map(|name| [name, ", "]).collect();
            text.extend([one, " or ", last]);
            text
        }
        _ => names.concat(),
    }
}

/// Whether firmware has a place for a kernel's hashes.
fn takes_kernels(firmware: &Ovmf<'_>) -> bool {
    let mut launch = Launch::new(*firmware, CpuSignature(0), &Profile::QEMU);
    launch.kernel = Some(KernelHashes::new(b"", b"", b""));
    launch.updates(Generation::Snp, &mut |_| {}).is_ok()
}

/// How many pages are measured.
fn pages(update: &Update<'_>) -> u64 {
    match update.contents {
        Contents::Bytes(bytes) => (bytes.len() / PAGE) as u64,
        Contents::Digests(digests) => digests.len() as u64,
        Contents::Pages(pages) => pages,
        Contents::Measured(_) => 0,
    }
}

/// The address of a page.
fn page_at(update: &Update<'_>, number: u64) -> Option<GuestPhysAddr> {
    update.gpa.checked_add(number * PAGE as u64)
}

/// CONTENTS of a save area, which is hashed if it was not before; `None` if it is given up.
fn save_area(
    choice: &Choice,
    update: &Update<'_>,
    known: &mut BTreeMap<SaveAreaChoice, Sha384Digest>,
    budget: &mut Budget,
) -> Option<Sha384Digest> {
    let parts = [FIRMWARE, SVSM, VARS_SIZE, PROFILE, CPU, FEATURES].map(|part| choice[part]);
    let key = (parts, update.origin == Origin::Vcpu(0));
    if let Some(contents) = known.get(&key) {
        return Some(*contents);
    }
    let Contents::Bytes(bytes) = update.contents else { return None };
    let page = <&Page>::try_from(bytes).ok()?;
    if !budget.spend(HASHED_SAVE_AREA) {
        return None;
    }
    if known.len() == MOST_SAVE_AREAS {
        known.clear();
    }
    Some(*known.entry(key).or_insert(vmsa_contents(page)))
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Firmware { name: Some(name) } => write!(f, "the firmware {name}"),
            Self::Firmware { name: None } => {
                f.write_str("the firmware image itself instead of its digest")
            }
            Self::NoSvsm => f.write_str("no SVSM"),
            Self::VarsSize { vars_size, instead_of } => {
                write!(f, "{vars_size:#x} bytes of OVMF's variables instead of {instead_of:#x}")
            }
            Self::KernelHashes { present: true } => f.write_str("hashes of the kernel"),
            Self::KernelHashes { present: false } => f.write_str("no hashes of the kernel"),
            Self::Kernel { name } => write!(f, "the kernel {name}"),
            Self::Initrd { name } => write!(f, "the initrd {name}"),
            Self::CommandLine { words } => write!(f, "the command line {words}"),
            Self::Vcpus { vcpus: 1, instead_of } => write!(f, "1 vCPU instead of {instead_of}"),
            Self::Vcpus { vcpus, instead_of } => write!(f, "{vcpus} vCPUs instead of {instead_of}"),
            Self::Cpu { name, signature, instead_of } => {
                write!(f, "the vCPU type {name} ({signature}) instead of {instead_of}")
            }
            Self::Features { features, instead_of } => {
                write!(f, "guest features {:#x} instead of {:#x}", features.0, instead_of.0)
            }
            Self::Profile { name, version, instead_of } => {
                write!(f, "the VMM {name} ({version}) instead of {instead_of}")
            }
            Self::VmsaGpa { gpa, instead_of } => {
                write!(f, "save areas at {gpa} instead of {instead_of}")
            }
        }
    }
}

/// "with this, that and those".
fn fmt_changes(changes: &[Change], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (number, change) in changes.iter().enumerate() {
        let before = match number {
            0 => "with ",
            _ if number + 1 == changes.len() => " and ",
            _ => ", ",
        };
        write!(f, "{before}{change}")?;
    }
    Ok(())
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { changes, alternatives, tried, is_given_up, .. } = self;
        let Some(changes) = changes else {
            f.write_str("not found: ")?;
            if *is_given_up {
                f.write_str("given up after ")?;
            }
            return write!(f, "{tried} digests, none of them the expected one");
        };
        fmt_changes(changes, f)?;
        f.write_str(if changes.is_empty() { "the" } else { " the" })?;
        f.write_str(" digest is the expected one")?;
        for alternative in alternatives {
            f.write_str("; so it is ")?;
            fmt_changes(alternative, f)?;
        }
        match is_given_up {
            true => write!(f, "; given up after {tried} digests, there may be other ways"),
            false => Ok(()),
        }
    }
}
