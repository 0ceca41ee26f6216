//! Why is the launch digest another one than expected? The usual suspects, tried one by one, in pairs and in threes.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{ControlFlow, RangeInclusive};

use super::digest::{LaunchDigest, vmsa_contents};
use super::measure::{apply, measure};
use crate::addr::Page;
use crate::hash::{Sha256Digest, Sha384Digest, Workers};
use crate::image::{
    Contents, CpuSignature, Difference, Generation, KernelHashes, Launch, LaunchError, Log, Origin,
    Ovmf, PageType, Profile, Update, VcpuType,
};
use crate::vmsa::SevFeatures;

/// What else a launch may have been: for each of its parts, what it is to be replaced by.
///
/// [`Suspects::usual`] has what needs no files; firmware, kernels, initrds and command lines are the caller's to add. Parts that a list
/// gives twice, or that the launch has already, are tried once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Suspects<'a> {
    /// Firmware images, each with a name.
    pub firmware: Vec<(&'a str, Ovmf<'a>)>,
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
    /// Words of SEV_FEATURES.
    pub features: Vec<SevFeatures>,
    /// VMMs.
    pub profiles: Vec<&'a Profile>,
    /// At how many compared digests it is given up. A new combination takes about a microsecond for each page that is not an image's; one
    /// more vCPU takes one microsecond.
    pub limit: u64,
}

/// SEV_FEATURES that hosts are known to set, or may: debug registers are swapped (by the kernels that force it), injection is
/// restricted, the TSC is secure, registers are protected, SMT is.
const USUAL_FEATURES: [u64; 14] =
    [0x0, 0x1, 0x21, 0x5, 0x9, 0x29, 0x11, 0x31, 0x201, 0x221, 0x4001, 0x4021, 0x8001, 0x8021];

impl Default for Suspects<'_> {
    fn default() -> Self {
        Self::usual()
    }
}

impl<'a> Suspects<'a> {
    /// Nothing but what is added, and what takes no list: the hashes of a kernel left out, the firmware's image in place of its digest.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            firmware: Vec::new(),
            kernels: Vec::new(),
            initrds: Vec::new(),
            command_lines: Vec::new(),
            kernel_hashes: None,
            vcpus: 0..=0,
            cpus: Vec::new(),
            features: Vec::new(),
            profiles: Vec::new(),
            limit: u64::MAX,
        }
    }

    /// One to 256 vCPUs, every known vCPU type, the words of SEV_FEATURES that hosts are known to set, and every known VMM, their older
    /// versions included; no initrd and no command line where there is a kernel. A million digests at most.
    #[must_use]
    pub fn usual() -> Self {
        let nothing = KernelHashes::new(b"", b"", b"");
        Self {
            initrds: [("(none)", nothing.initrd)].into(),
            command_lines: [(String::from("that is empty"), nothing.command_line)].into(),
            vcpus: 1..=256,
            cpus: VcpuType::ALL.iter().map(|known| (known.name(), known.signature())).collect(),
            features: USUAL_FEATURES.map(SevFeatures).into(),
            profiles: Profile::ALL.iter().collect(),
            limit: 1_000_000,
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The firmware image.
    Firmware {
        /// Its name in [`Suspects::firmware`]; none if it is the launch's own, in place of its digest.
        name: Option<String>,
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
        /// Its name in [`Suspects::cpus`].
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
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The fewest changes that give the expected digest: none if the launch has it as it is. `None` if it was not found.
    pub changes: Option<Vec<Change>>,
    /// How many digests were compared.
    pub tried: u64,
    /// Whether it was given up at [`Suspects::limit`].
    pub is_given_up: bool,
}

/// Finds the fewest changes, three at most, which make a launch's digest the expected one.
///
/// Images are hashed once each. Combinations that are no launch, such as a kernel for firmware that has no place for its hashes, are
/// passed over.
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
    let changes = search.run();
    let is_given_up = changes.is_none() && search.tried >= suspects.limit;
    Ok(Explanation { changes, tried: search.tried, is_given_up })
}

/// The first step in which two launches differ, and in what.
///
/// # Errors
/// The parts of one of them do not fit together.
pub fn first_difference(
    launch: &Launch<'_>,
    other: &Launch<'_>,
    workers: impl Into<Workers>,
) -> Result<Option<Difference>, LaunchError> {
    let workers = workers.into();
    let log = |launch| {
        let mut log = Log::default();
        measure(launch, workers, &mut |step| log.push(*step))?;
        Ok(log)
    };
    Ok(log(launch)?.compare(&log(other)?))
}

/// Parts that are replaced, but for the number of vCPUs: the digests of all numbers come out of one launch. Those that only save areas
/// depend on are last, so that what was measured before them can be kept.
const FIRMWARE: usize = 0;
const KERNEL_HASHES: usize = 1;
const KERNEL: usize = 2;
const INITRD: usize = 3;
const COMMAND_LINE: usize = 4;
const PROFILE: usize = 5;
const CPU: usize = 6;
const FEATURES: usize = 7;
const PARTS: usize = 8;

/// For each part, which of its alternatives is taken, from 1; 0 is what the launch has.
type Choice = [usize; PARTS];

/// The most changes at once.
const MOST_CHANGES: usize = 3;

struct Search<'s, 'a> {
    launch: &'s Launch<'a>,
    expected: &'s Sha384Digest,
    workers: Workers,
    suspects: &'s Suspects<'a>,
    /// Numbers of the alternatives of each part that are worth a trial.
    alternatives: [Vec<usize>; PARTS],
    /// The launch digest behind the images of each firmware, the launch's own first.
    images: Vec<Option<LaunchDigest>>,
    /// The launch digest before the save areas, and for which choice of the parts up to the profile.
    head: Option<([usize; PROFILE + 1], LaunchDigest)>,
    /// The save area that was hashed last.
    vmsa: Option<(Page, Sha384Digest)>,
    tried: u64,
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
        // A digest of the firmware may be that of another one than the image at hand: alternative 1. The list follows.
        let own_image = launch.firmware_digest.is_some().then_some(1);
        let listed = suspects.firmware.iter().map(|(_, ovmf)| ovmf.image());
        let others = different(launch.firmware.image(), listed);
        alternatives[FIRMWARE] =
            own_image.into_iter().chain(others.into_iter().map(|number| number + 1)).collect();
        if launch.kernel.is_some() || suspects.kernel_hashes.is_some() {
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
        let images = alloc::vec![None; suspects.firmware.len() + 2];
        let (head, vmsa, tried) = (None, None, 0);
        Self { launch, expected, workers, suspects, alternatives, images, head, vmsa, tried }
    }

    /// The fewest changes, of those that are tried.
    fn run(&mut self) -> Option<Vec<Change>> {
        let own = self.launch.vcpus;
        let mut found = None;
        for changes in 0..=MOST_CHANGES {
            let mut choice = [0; PARTS];
            // The number of vCPUs is one of the changes, or stays.
            if let Some(fewer) = changes.checked_sub(1) {
                let (first, last) = (*self.suspects.vcpus.start(), *self.suspects.vcpus.end());
                let vcpus = first..=last.min(Launch::MAX_VCPUS);
                let _ = self.choose(0, fewer, &mut choice, &mut |search, choice| {
                    search.try_launch(choice, &vcpus, Some(own), &mut found)
                });
            }
            if found.is_none() {
                let _ = self.choose(0, changes, &mut choice, &mut |search, choice| {
                    search.try_launch(choice, &(own..=own), None, &mut found)
                });
            }
            if found.is_some() || self.tried >= self.suspects.limit {
                break;
            }
        }
        found
    }

    /// Every choice with so many changes among the parts from `part` on.
    fn choose(
        &mut self,
        part: usize,
        changes: usize,
        choice: &mut Choice,
        visit: &mut dyn FnMut(&mut Self, &Choice) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if part == PARTS {
            return match changes {
                0 => visit(self, choice),
                _ => ControlFlow::Continue(()),
            };
        }
        self.choose(part + 1, changes, choice, visit)?;
        if let Some(fewer) = changes.checked_sub(1) {
            for number in 0..self.alternatives[part].len() {
                choice[part] = self.alternatives[part][number];
                self.choose(part + 1, fewer, choice, visit)?;
            }
            choice[part] = 0;
        }
        ControlFlow::Continue(())
    }

    /// Compares the digests of a choice for these numbers of vCPUs, but for `without`.
    fn try_launch(
        &mut self,
        choice: &Choice,
        vcpus: &RangeInclusive<u32>,
        without: Option<u32>,
        found: &mut Option<Vec<Change>>,
    ) -> ControlFlow<()> {
        if self.tried >= self.suspects.limit {
            return ControlFlow::Break(());
        }
        let Some(mut launch) = self.launch_of(choice) else { return ControlFlow::Continue(()) };
        let own = launch.vcpus;
        launch.vcpus = *vcpus.end();

        let key: [usize; PROFILE + 1] = core::array::from_fn(|part| choice[part]);
        let known = self.head.take().filter(|(kept, _)| *kept == key);
        let is_known = known.is_some();
        let mut images = self.images[choice[FIRMWARE]].take();
        let mut digest = match (known, &images) {
            (Some((_, head)), _) => head,
            (None, Some(behind)) => behind.clone(),
            (None, None) => LaunchDigest::new(),
        };
        let mut head = None;
        let mut matching = None;
        let (expected, workers) = (self.expected, self.workers);
        let (vmsa, tried) = (&mut self.vmsa, &mut self.tried);
        let shown = launch.updates(Generation::Snp, &mut |update| match update.origin {
            Origin::Firmware { .. } | Origin::Svsm { .. } => {
                if !is_known && images.is_none() {
                    apply(&mut digest, workers, update, &mut |_| {});
                }
            }
            Origin::Vcpu(number) => {
                if number == 0 {
                    if !is_known && images.is_none() {
                        images = Some(digest.clone());
                    }
                    head = Some(digest.clone());
                }
                save_area(&mut digest, update, vmsa);
                let count = number + 1;
                if vcpus.contains(&count) && Some(count) != without && matching.is_none() {
                    *tried += 1;
                    if digest.digest() == expected {
                        matching = Some(count);
                    }
                }
            }
            _ if is_known => {}
            _ => {
                if images.is_none() {
                    images = Some(digest.clone());
                }
                apply(&mut digest, workers, update, &mut |_| {});
            }
        });
        self.images[choice[FIRMWARE]] = images;
        self.head = head.map(|head| (key, head));
        // A choice that is no launch.
        if shown.is_err() {
            return ControlFlow::Continue(());
        }
        match matching {
            None => ControlFlow::Continue(()),
            Some(count) => {
                *found = Some(self.changes(choice, own, count));
                ControlFlow::Break(())
            }
        }
    }

    /// The launch of a choice; `None` if it changes a kernel that the choice has no hashes of.
    fn launch_of(&self, choice: &Choice) -> Option<Launch<'a>> {
        let suspects = self.suspects;
        let mut launch = self.launch.clone();
        match choice[FIRMWARE] {
            0 => {}
            1 => launch.firmware_digest = None,
            listed => {
                launch.firmware = suspects.firmware[listed - 2].1;
                launch.firmware_digest = None;
            }
        }
        if choice[KERNEL_HASHES] != 0 {
            launch.kernel = match launch.kernel {
                Some(_) => None,
                None => suspects.kernel_hashes,
            };
        }
        if choice[KERNEL] != 0 {
            launch.kernel.as_mut()?.kernel = suspects.kernels[choice[KERNEL] - 1].1;
        }
        if choice[INITRD] != 0 {
            launch.kernel.as_mut()?.initrd = suspects.initrds[choice[INITRD] - 1].1;
        }
        if choice[COMMAND_LINE] != 0 {
            let listed = &suspects.command_lines[choice[COMMAND_LINE] - 1];
            launch.kernel.as_mut()?.command_line = listed.1;
        }
        if choice[PROFILE] != 0 {
            launch.profile = suspects.profiles[choice[PROFILE] - 1];
        }
        if choice[CPU] != 0 {
            launch.cpu = suspects.cpus[choice[CPU] - 1].1;
        }
        if choice[FEATURES] != 0 {
            launch.features = suspects.features[choice[FEATURES] - 1];
        }
        Some(launch)
    }

    /// What a choice changes.
    fn changes(&self, choice: &Choice, own_vcpus: u32, vcpus: u32) -> Vec<Change> {
        let (launch, suspects) = (self.launch, self.suspects);
        let vcpus = (vcpus != own_vcpus).then_some(Change::Vcpus { vcpus, instead_of: own_vcpus });
        let parts = choice.iter().enumerate().filter(|(_, number)| **number != 0);
        let changes = parts.map(|(part, number)| match part {
            FIRMWARE => {
                let listed = number.checked_sub(2).map(|listed| suspects.firmware[listed].0);
                Change::Firmware { name: listed.map(String::from) }
            }
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
                let (name, signature) = suspects.cpus[number - 1];
                Change::Cpu { name: name.into(), signature, instead_of: launch.cpu }
            }
            _ => Change::Features {
                features: suspects.features[number - 1],
                instead_of: launch.features,
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

/// Measures a save area, which is hashed only if it is another one than the last.
fn save_area(
    digest: &mut LaunchDigest,
    update: &Update<'_>,
    last: &mut Option<(Page, Sha384Digest)>,
) {
    let Contents::Bytes(bytes) = update.contents else { return };
    let Ok(page) = <&Page>::try_from(bytes) else { return };
    let contents = match last {
        Some((hashed, contents)) if hashed == page => *contents,
        _ => last.insert((*page, vmsa_contents(page))).1,
    };
    digest.step(PageType::Vmsa.into(), update.gpa, &contents);
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Firmware { name: Some(name) } => write!(f, "the firmware {name}"),
            Self::Firmware { name: None } => {
                f.write_str("the firmware image itself instead of its digest")
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
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tried = self.tried;
        match &self.changes {
            Some(changes) => {
                for (number, change) in changes.iter().enumerate() {
                    let before = match number {
                        0 => "with ",
                        _ if number + 1 == changes.len() => " and ",
                        _ => ", ",
                    };
                    write!(f, "{before}{change}")?;
                }
                f.write_str(if changes.is_empty() { "the" } else { " the" })?;
                f.write_str(" digest is the expected one")
            }
            None if self.is_given_up => {
                write!(
                    f,
                    "not found: given up after {tried} digests, none of them the expected one"
                )
            }
            None => write!(f, "not found: {tried} digests, none of them the expected one"),
        }
    }
}

#[cfg(test)]
mod tests;
