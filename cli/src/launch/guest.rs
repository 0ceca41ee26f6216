//! Guests that are given as firmware, kernel and vCPUs.

use std::fs;
use std::iter;
use std::path::{Path, PathBuf};

use clap::Args;
use sevcrypt::image::{
    Contents, CpuSignature, Digest, Generation, KernelHashes, Launch, LaunchError, Log, Origin,
    PageType, Profile, ResetRdx, Step, Svsm, VcpuType,
};
use sevcrypt::snp::launch::{Explanation, Suspects, explain};
use sevcrypt::vmsa::SevFeatures;
use sevcrypt::{Hex, Page, sev, snp};
use sha2::{Digest as _, Sha256};

use super::firmware::Firmware;
use super::owner::OwnerOptions;
use super::result::{Measured, ResultOptions};
use super::{image, ovmf};
use crate::failure::Failure;
use crate::input::{self, Content, Given, Input, fixed};
use crate::output;

#[derive(Args)]
pub(super) struct GuestOptions {
    /// The firmware image; - is standard input
    #[arg(long, value_name = "FILE", required = true)]
    ovmf: Option<PathBuf>,
    /// The kernel that is booted without a boot loader
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// The initrd of the kernel
    #[arg(long, value_name = "FILE", requires = "kernel")]
    initrd: Option<PathBuf>,
    /// The command line of the kernel, every blank and line end as it is given to the VMM; @FILE for a file's bytes
    #[arg(long, value_name = "STRING", requires = "kernel", allow_hyphen_values = true)]
    append: Option<String>,
    /// SEV_FEATURES: a hexadecimal number; 21 for hosts that swap debug registers
    #[arg(long, value_name = "HEX", value_parser = features, default_value = "0x1")]
    guest_features: SevFeatures,
    /// What the VMM is: qemu, qemu-legacy-vm-type, ec2, ec2-2025, gce, krun or krun-boot-registers
    #[arg(long, value_name = "VMM", value_parser = Profile::by_name, default_value = "qemu")]
    vmm: &'static Profile,
    /// The launch digest behind the firmware's pages, in place of these: 48 bytes; --ovmf may then be the image's end
    #[arg(long, value_name = "HEX")]
    ovmf_hash: Option<String>,
    /// Write the save area of each vCPU that is measured to this folder: vmsa0.bin, vmsa1.bin, ...
    #[arg(long, value_name = "DIR")]
    dump_vmsa: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct CpuOptions {
    /// How many vCPUs the guest has
    #[arg(long, value_name = "N")]
    vcpus: Option<u32>,
    /// The vCPU type, as QEMU calls it: EPYC-Milan, EPYC-Genoa, ...
    #[arg(long, value_name = "TYPE", value_parser = VcpuType::by_name, group = "cpu")]
    vcpu_type: Option<VcpuType>,
    /// The signature of the vCPU type: EAX of CPUID function 1, 0x... or decimal
    #[arg(long, value_name = "N", value_parser = signature, group = "cpu")]
    vcpu_sig: Option<CpuSignature>,
    /// The family of the vCPU type, with its model and stepping
    #[arg(long, value_name = "N", group = "cpu", requires_all = ["vcpu_model", "vcpu_stepping"])]
    vcpu_family: Option<u32>,
    /// The model of the vCPU type
    #[arg(long, value_name = "N", requires = "vcpu_family")]
    vcpu_model: Option<u32>,
    /// The stepping of the vCPU type
    #[arg(long, value_name = "N", requires = "vcpu_family")]
    vcpu_stepping: Option<u32>,
}

#[derive(Args)]
pub(super) struct SevEsOptions {
    /// A save area to measure for the vCPU that boots: 4096 bytes, as the host gave them to the firmware
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cpu", "dump_vmsa", "launch_digest"])]
    vmsa_cpu0: Option<PathBuf>,
    /// A save area to measure for each of the other vCPUs
    #[arg(long, value_name = "FILE", requires = "vmsa_cpu0", conflicts_with = "launch_digest")]
    vmsa_cpu1: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct SvsmOptions {
    /// The image of the SVSM
    #[arg(long, value_name = "FILE")]
    svsm: PathBuf,
    /// Bytes of OVMF's variables, 0x... or decimal
    #[arg(long, value_name = "N", value_parser = size, required_unless_present = "vars")]
    vars_size: Option<u64>,
    /// OVMF's variables, of which the size counts
    #[arg(long, value_name = "FILE", conflicts_with = "vars_size")]
    vars: Option<PathBuf>,
}

/// What else a launch may have been that has not the expected digest.
#[derive(Args)]
pub(super) struct OtherOptions {
    /// With --explain, another firmware that may be the right one; may be given several times
    #[arg(long, value_name = "FILE", requires = "expect")]
    try_ovmf: Vec<PathBuf>,
    /// The launch digest behind another firmware's pages, as `measure ovmf-hash` prints it
    #[arg(long, value_name = "HEX", requires = "expect")]
    try_ovmf_hash: Vec<String>,
    /// Another kernel
    #[arg(long, value_name = "FILE", requires = "expect")]
    try_kernel: Vec<PathBuf>,
    /// Another initrd
    #[arg(long, value_name = "FILE", requires = "expect")]
    try_initrd: Vec<PathBuf>,
    /// Another command line
    #[arg(long, value_name = "STRING", requires = "expect", allow_hyphen_values = true)]
    try_append: Vec<String>,
}

fn features(text: &str) -> Result<SevFeatures, String> {
    input::hexadecimal(text).map(SevFeatures)
}

fn size(text: &str) -> Result<u64, String> {
    let expected = || "expected 0x and hexadecimal digits, or decimal ones".to_owned();
    input::number(text).ok_or_else(expected)
}

fn signature(text: &str) -> Result<CpuSignature, String> {
    let number = u32::try_from(size(text)?).map_err(|_| "expected at most 32 bits")?;
    Ok(CpuSignature(number))
}

impl CpuOptions {
    /// What the vCPUs are, if that was said.
    fn signature(&self) -> Result<Option<CpuSignature>, Failure> {
        if let (Some(family), Some(model), Some(stepping)) =
            (self.vcpu_family, self.vcpu_model, self.vcpu_stepping)
        {
            let signature = CpuSignature::from_parts(family, model, stepping);
            return signature.map(Some).ok_or_else(|| {
                Failure::usage(format_args!(
                    "--vcpu-family {family} --vcpu-model {model} --vcpu-stepping {stepping}: expected at most {}, {} and {}",
                    CpuSignature::MAX_FAMILY,
                    CpuSignature::MAX_MODEL,
                    CpuSignature::MAX_STEPPING
                ))
            });
        }
        Ok(self.vcpu_type.map(VcpuType::signature).or(self.vcpu_sig))
    }
}

/// A guest to measure, as its options say it.
pub(super) struct Guest<'a> {
    pub(super) generation: Generation,
    pub(super) guest: &'a GuestOptions,
    pub(super) cpu: &'a CpuOptions,
    pub(super) dumped: Option<&'a SevEsOptions>,
    pub(super) owner: Option<&'a OwnerOptions>,
    pub(super) svsm: Option<&'a SvsmOptions>,
    pub(super) others: Option<&'a OtherOptions>,
    pub(super) result: &'a ResultOptions,
}

impl<'a> Guest<'a> {
    pub(super) fn new(
        generation: Generation,
        guest: &'a GuestOptions,
        cpu: &'a CpuOptions,
        result: &'a ResultOptions,
    ) -> Self {
        let (dumped, owner, svsm, others) = (None, None, None, None);
        Self { generation, guest, cpu, dumped, owner, svsm, others, result }
    }

    /// Measures it, and does with the digest what is asked for.
    pub(super) fn run(&self) -> Result<(), Failure> {
        let GuestOptions { guest_features, vmm, .. } = *self.guest;
        let owner = self.owner.map(OwnerOptions::read).transpose()?.flatten();
        let Some(path) = &self.guest.ovmf else {
            let Some((owner, digest)) = owner.as_ref().and_then(|it| Some((it, it.launch_digest?)))
            else {
                return Err(Failure::usage("expected --ovmf"));
            };
            let mut measured =
                Measured::new(self.generation_name(), Digest::Sha256(digest), Log::default());
            measured.inputs.push(("guest", self.generation_name().to_owned()));
            measured.add_measurement(owner, &digest);
            return measured.end(self.result, |_| Ok(None));
        };
        let dumped = self.dumped.map(SevEsOptions::read).transpose()?.flatten();
        let cpu = self.signature(dumped.is_some())?;
        let vcpus = self.vcpus()?;
        if vcpus > 1 && dumped.as_ref().is_some_and(|pages| pages.others.is_none()) {
            return Err(Failure::usage(format_args!(
                "--vcpus {vcpus}: expected --vmsa-cpu1 beside --vmsa-cpu0"
            )));
        }

        // Under SEV and SEV-ES one hash goes over everything; a digest in place of the pages is not computed again.
        let firmware = match (self.generation, &self.guest.ovmf_hash) {
            (Generation::Snp, None) => Firmware::hash(path, self.result.workers())?,
            _ => Firmware::read(path)?,
        };
        let svsm_image = self.svsm.map(|options| image(&options.svsm)).transpose()?;
        let svsm = match (self.svsm, &svsm_image) {
            (Some(options), Some(content)) => {
                Some(Svsm { image: ovmf(content)?, vars_size: options.vars_size()? })
            }
            _ => None,
        };
        let mut launch = Launch::new(firmware.ovmf()?, cpu, vmm);
        let known = self.guest.ovmf_hash.as_deref().map(|text| fixed("--ovmf-hash", text));
        launch.firmware_digest = known.transpose()?.map(|digest| *digest);
        launch.svsm = svsm;
        launch.kernel = self.guest.kernel()?;
        launch.vcpus = vcpus;
        launch.features = guest_features;

        let failed = |why| self.failed(why, &firmware.content, svsm_image.as_ref());
        let mut log = Log::default();
        let visit = &mut |step: &Step| log.push(*step);
        let digest = match (self.generation, &dumped) {
            (Generation::Snp, _) => {
                let digest = snp::launch::measure(&launch, self.result.workers(), visit);
                Digest::Sha384(digest.map_err(failed)?)
            }
            (_, Some(pages)) => {
                Digest::Sha256(measure_dumped(&launch, pages, visit).map_err(failed)?)
            }
            (generation, None) => {
                Digest::Sha256(sev::launch::measure(&launch, generation, visit).map_err(failed)?)
            }
        };
        if let Some(folder) = &self.guest.dump_vmsa {
            self.dump(&launch, folder)?;
        }

        let mut measured = Measured::new(self.generation_name(), digest, log);
        measured.inputs = self.inputs(&launch);
        if let (Some(owner), Digest::Sha256(digest)) = (&owner, &digest) {
            measured.add_measurement(owner, digest);
        }
        measured.end(self.result, |expected| self.explain(&launch, expected))
    }

    fn generation_name(&self) -> &'static str {
        match self.generation {
            Generation::Sev => "SEV",
            Generation::SevEs => "SEV-ES",
            Generation::Snp => "SEV-SNP",
        }
    }

    /// What the vCPUs are; 0 where nothing that is measured depends on it.
    fn signature(&self, is_dumped: bool) -> Result<CpuSignature, Failure> {
        let Profile { bsp, ap, svsm, .. } = self.guest.vmm;
        let is_measured = match (self.generation, self.svsm) {
            (Generation::Sev, _) => false,
            (_, Some(_)) => svsm.is_some_and(|state| state.rdx == ResetRdx::Signature),
            (_, None) => [bsp, ap].iter().any(|state| state.rdx == ResetRdx::Signature),
        };
        match self.cpu.signature()? {
            None if is_measured && !is_dumped => Err(Failure::usage(
                "what the vCPUs are is measured: expected --vcpu-type, --vcpu-sig, or --vcpu-family with --vcpu-model and --vcpu-stepping",
            )),
            signature => Ok(signature.unwrap_or(CpuSignature(0))),
        }
    }

    fn vcpus(&self) -> Result<u32, Failure> {
        match (self.cpu.vcpus, self.generation) {
            (Some(vcpus), _) => Ok(vcpus),
            (None, Generation::Sev) => Ok(1),
            (None, _) => Err(Failure::usage("the number of vCPUs is measured: expected --vcpus")),
        }
    }

    /// An error of the library, with the option or the file that it is about.
    fn failed(&self, why: LaunchError, firmware: &Content, svsm: Option<&Content>) -> Failure {
        let of = |option| Failure::usage(format_args!("{option}: {why}"));
        match why {
            LaunchError::NoVcpus | LaunchError::TooManyVcpus { .. } => of("--vcpus"),
            LaunchError::FirmwareDigest { .. } => of("--ovmf-hash"),
            LaunchError::KernelWithSvsm => of("--kernel"),
            LaunchError::VarsSize { .. } => match self.svsm.and_then(|svsm| svsm.vars.as_deref()) {
                Some(vars) => Failure::malformed(format_args!("{}: {why}", vars.display())),
                None => of("--vars-size"),
            },
            LaunchError::SvsmProfile { .. } => of("--vmm"),
            LaunchError::NoSvsmInfo
            | LaunchError::SvsmEntry { .. }
            | LaunchError::NoSvsmMetadata
            | LaunchError::SvsmSection { .. } => svsm.unwrap_or(firmware).malformed(why),
            _ => firmware.malformed(why),
        }
    }

    /// What was measured, for people.
    fn inputs(&self, launch: &Launch<'_>) -> Vec<(&'static str, String)> {
        let Profile { name, version, .. } = launch.profile;
        let mut inputs = vec![("guest", self.generation_name().to_owned())];
        if self.generation != Generation::Sev {
            inputs.push(("vmm", format!("{name} ({version})")));
            inputs.push(("vcpus", launch.vcpus.to_string()));
            if launch.cpu != CpuSignature(0) {
                inputs.push(("vcpu_signature", launch.cpu.to_string()));
            }
        }
        if self.generation == Generation::Snp && launch.svsm.is_none() {
            inputs.push(("guest_features", format!("{:#x}", launch.features.0)));
        }
        if let Some(KernelHashes { kernel, initrd, command_line }) = &launch.kernel {
            inputs.push(("kernel_hash", Hex(kernel).to_string()));
            inputs.push(("initrd_hash", Hex(initrd).to_string()));
            inputs.push(("append_hash", Hex(command_line).to_string()));
        }
        inputs
    }

    /// Writes the save areas, each complete or not at all.
    fn dump(&self, launch: &Launch<'_>, folder: &Path) -> Result<(), Failure> {
        let mut pages = Vec::new();
        let shown = launch.updates(self.generation, &mut |update| {
            if let (Origin::Vcpu(number), Contents::Bytes(page)) = (update.origin, update.contents)
            {
                pages.push((number, page.to_vec()));
            }
        });
        shown.map_err(Failure::usage)?;
        if pages.is_empty() {
            return Err(Failure::usage("--dump-vmsa: SEV guests have no save areas"));
        }
        fs::create_dir_all(folder)
            .map_err(|error| Failure::usage(format_args!("{}: {error}", folder.display())))?;
        pages.iter().try_for_each(|(number, page)| {
            output::write_file(&folder.join(format!("vmsa{number}.bin")), page)
        })
    }

    /// What gives the expected digest.
    fn explain(
        &self,
        launch: &Launch<'_>,
        expected: &Digest,
    ) -> Result<Option<Explanation>, Failure> {
        let (Some(others), Digest::Sha384(expected)) = (self.others, expected) else {
            return Ok(None);
        };
        let named = |path: &PathBuf| path.display().to_string();
        let images =
            others.try_ovmf.iter().map(|path| image(path)).collect::<Result<Vec<_>, _>>()?;
        let kernels: Vec<_> = others.try_kernel.iter().map(named).collect();
        let initrds: Vec<_> = others.try_initrd.iter().map(named).collect();
        let mut suspects = Suspects::usual();
        for content in &images {
            suspects.firmware.push((&content.name, ovmf(content)?));
        }
        for text in &others.try_ovmf_hash {
            suspects.firmware_digests.push((text, *fixed("--try-ovmf-hash", text)?));
        }
        for (name, path) in kernels.iter().zip(&others.try_kernel) {
            suspects.kernels.push((name, sha256_of(path)?));
        }
        for (name, path) in initrds.iter().zip(&others.try_initrd) {
            suspects.initrds.push((name, sha256_of(path)?));
        }
        for text in self.guest.append.iter().chain(&others.try_append) {
            let bytes = Given::read_text("--append", text)?.bytes;
            suspects.add_command_line(&String::from_utf8_lossy(&bytes));
        }
        if let (None, Some((_, kernel))) = (launch.kernel, suspects.kernels.first()) {
            let nothing = KernelHashes::new(b"", b"", b"");
            suspects.kernel_hashes = Some(KernelHashes { kernel: *kernel, ..nothing });
        }
        let found = explain(launch, expected, &suspects, self.result.workers());
        found.map(Some).map_err(Failure::usage)
    }
}

impl GuestOptions {
    fn kernel(&self) -> Result<Option<KernelHashes>, Failure> {
        let Some(kernel) = &self.kernel else { return Ok(None) };
        let text = self.append.as_deref().unwrap_or_default();
        let mut hashes = KernelHashes::new(b"", b"", &Given::read_text("--append", text)?.bytes);
        hashes.kernel = sha256_of(kernel)?;
        if let Some(initrd) = &self.initrd {
            hashes.initrd = sha256_of(initrd)?;
        }
        Ok(Some(hashes))
    }
}

impl SvsmOptions {
    fn vars_size(&self) -> Result<u64, Failure> {
        match (self.vars_size, &self.vars) {
            (Some(size), _) => Ok(size),
            (None, Some(path)) => Ok(image(path)?.bytes.len() as u64),
            (None, None) => Err(Failure::usage("expected --vars-size or --vars")),
        }
    }
}

impl SevEsOptions {
    /// The save areas of the first vCPU and of the others.
    fn read(&self) -> Result<Option<DumpedPages>, Failure> {
        let Some(first) = &self.vmsa_cpu0 else { return Ok(None) };
        let read = |path: &Path| -> Result<Page, Failure> {
            let content = Content::read(path)?;
            let len = content.bytes.len();
            content
                .bytes
                .first_chunk()
                .filter(|page: &&Page| page.len() == len)
                .copied()
                .ok_or_else(|| {
                    content.malformed(format_args!("{len} bytes, expected a save area of 4096"))
                })
        };
        let others = self.vmsa_cpu1.as_deref().map(read).transpose()?;
        Ok(Some(DumpedPages { first: read(first)?, others }))
    }
}

struct DumpedPages {
    first: Page,
    others: Option<Page>,
}

/// The launch digest of an SEV-ES guest with save areas that somebody has.
fn measure_dumped(
    launch: &Launch<'_>,
    pages: &DumpedPages,
    visit: &mut dyn FnMut(&Step),
) -> Result<[u8; 32], LaunchError> {
    let mut digest = sev::launch::LaunchDigest::new();
    let mut measure = |gpa, page_type, bytes: &[u8], origin| {
        digest.update_data(bytes).expect("images, tables and save areas are multiples of 16");
        let [contents, after] = [Sha256::digest(bytes).into(), digest.digest()].map(Digest::Sha256);
        visit(&Step::new(gpa, bytes.len() as u64, page_type, contents, after, origin));
    };
    // Without save areas the launch is that of SEV.
    launch.updates(Generation::Sev, &mut |update| {
        if let Contents::Bytes(bytes) = update.contents {
            measure(update.gpa, update.page_type, bytes, update.origin);
        }
    })?;
    let others = pages.others.as_ref().unwrap_or(&pages.first);
    for (number, page) in
        (0..launch.vcpus).zip(iter::once(&pages.first).chain(iter::repeat(others)))
    {
        measure(launch.profile.vmsa_gpa, PageType::Vmsa, page, Origin::Vcpu(number));
    }
    Ok(digest.digest())
}

/// SHA-256 of a file of any length; `-` is standard input.
fn sha256_of(path: &Path) -> Result<[u8; 32], Failure> {
    let Input { name, mut reader, .. } = Input::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(read) => hash.update(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::usage(format_args!("{name}: {error}"))),
        }
    }
}
