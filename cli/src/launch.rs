//! `sevcrypt measure`: the launch digest of a guest before it starts, and why it is another one than expected.

mod firmware;
mod guest;
mod log;
mod owner;
mod result;

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sevcrypt::image::{Digest, Generation, Log, Origin, Ovmf, PageType, Step};
use sevcrypt::snp;
use sevcrypt::snp::launch::LaunchDigest;
use sevcrypt::snp::launch::igvm::{Contexts, IgvmFile, Options};

use self::firmware::Firmware;
use self::guest::{CpuOptions, Guest, GuestOptions, OtherOptions, SevEsOptions, SvsmOptions};
pub(crate) use self::log::print_runs;
use self::owner::OwnerOptions;
use self::result::{Measured, ResultOptions};
use crate::failure::Failure;
use crate::input::{Content, Input};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// The launch digest of an SEV-SNP guest: MEASUREMENT of its attestation reports
    Snp(Box<SnpCommand>),
    /// The launch digest of an SEV guest, or what its owner compares; vCPUs and features are not measured
    Sev(Box<SevCommand>),
    /// The launch digest of an SEV-ES guest, or what its owner compares
    SevEs(Box<SevEsCommand>),
    /// The launch digest of an SEV-SNP guest behind an SVSM
    Svsm(Box<SvsmCommand>),
    /// The launch digest of an IGVM file's guest (SEV-SNP)
    Igvm(IgvmOptions),
    /// The launch digest behind a firmware's pages, for --ovmf-hash (SEV-SNP)
    OvmfHash(OvmfHashOptions),
    /// The first step that differs in two logs: documents that --json printed
    Compare(CompareOptions),
}

#[derive(Args)]
pub(crate) struct SnpCommand {
    #[command(flatten)]
    guest: GuestOptions,
    #[command(flatten)]
    cpu: CpuOptions,
    #[command(flatten)]
    others: OtherOptions,
    #[command(flatten)]
    result: ResultOptions,
}

#[derive(Args)]
#[command(mut_arg("ovmf", |ovmf| ovmf.required(false).required_unless_present("launch_digest")))]
pub(crate) struct SevCommand {
    #[command(flatten)]
    guest: GuestOptions,
    #[command(flatten)]
    cpu: CpuOptions,
    #[command(flatten)]
    owner: OwnerOptions,
    #[command(flatten)]
    result: ResultOptions,
}

#[derive(Args)]
#[command(mut_arg("ovmf", |ovmf| ovmf.required(false).required_unless_present("launch_digest")))]
pub(crate) struct SevEsCommand {
    #[command(flatten)]
    guest: GuestOptions,
    #[command(flatten)]
    cpu: CpuOptions,
    #[command(flatten)]
    dumped: SevEsOptions,
    #[command(flatten)]
    owner: OwnerOptions,
    #[command(flatten)]
    result: ResultOptions,
}

#[derive(Args)]
pub(crate) struct SvsmCommand {
    #[command(flatten)]
    svsm: SvsmOptions,
    #[command(flatten)]
    guest: GuestOptions,
    #[command(flatten)]
    cpu: CpuOptions,
    #[command(flatten)]
    others: OtherOptions,
    #[command(flatten)]
    result: ResultOptions,
}

#[derive(Args)]
pub(crate) struct IgvmOptions {
    /// The IGVM file; - is standard input
    file: PathBuf,
    /// As QEMU loads it with KVM: one save area, behind everything else, with CR0.NE
    #[arg(long)]
    kvm: bool,
    #[command(flatten)]
    result: ResultOptions,
}

#[derive(Args)]
pub(crate) struct OvmfHashOptions {
    /// The firmware image; - is standard input
    #[arg(long, value_name = "FILE")]
    ovmf: PathBuf,
    #[command(flatten)]
    result: ResultOptions,
}

#[derive(Args)]
pub(crate) struct CompareOptions {
    /// The document of one launch; - is standard input
    first: PathBuf,
    /// The document of the other one
    second: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Snp(options) => {
            let SnpCommand { guest, cpu, others, result } = &**options;
            Guest { cpu, others: Some(others), ..Guest::new(Generation::Snp, guest, cpu, result) }
                .run()
        }
        Command::Sev(options) => {
            let SevCommand { guest, cpu, owner, result } = &**options;
            let guest = Guest::new(Generation::Sev, guest, cpu, result);
            Guest { owner: Some(owner), ..guest }.run()
        }
        Command::SevEs(options) => {
            let SevEsCommand { guest, cpu, dumped, owner, result } = &**options;
            let guest = Guest::new(Generation::SevEs, guest, cpu, result);
            Guest { dumped: Some(dumped), owner: Some(owner), ..guest }.run()
        }
        Command::Svsm(options) => {
            let SvsmCommand { svsm, guest, cpu, others, result } = &**options;
            let guest = Guest::new(Generation::Snp, guest, cpu, result);
            Guest { svsm: Some(svsm), others: Some(others), ..guest }.run()
        }
        Command::Igvm(options) => igvm(options),
        Command::OvmfHash(options) => ovmf_hash(options),
        Command::Compare(options) => log::compare([&options.first, &options.second], options.json),
    }
}

/// Firmware has a few MiB, IGVM files have up to some hundred. A device without an end must not fill memory.
const LONGEST: u64 = 1 << 30;

/// Reads an image as a whole; `-` is standard input.
fn image(path: &Path) -> Result<Content, Failure> {
    let Input { name, reader, len } = Input::open(path)?;
    let capacity = len.unwrap_or_default().min(LONGEST);
    let mut bytes = Vec::with_capacity(usize::try_from(capacity).unwrap_or_default());
    let read = reader.take(LONGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::usage(format_args!("{name}: {error}")))?;
    if bytes.len() as u64 > LONGEST {
        return Err(Failure::usage(format_args!("{name}: longer than {LONGEST} bytes")));
    }
    Ok(Content { name, bytes })
}

fn ovmf(content: &Content) -> Result<Ovmf<'_>, Failure> {
    Ovmf::parse(&content.bytes).map_err(|why| content.malformed(why))
}

fn igvm(options: &IgvmOptions) -> Result<(), Failure> {
    let content = image(&options.file)?;
    let file = IgvmFile::parse(&content.bytes).map_err(|why| content.malformed(why))?;
    let mut rules = Options::default();
    if options.kvm {
        rules.contexts = Contexts::Kvm;
    }
    let mut log = Log::default();
    let measured = file.measure(&rules, options.result.workers(), &mut |step| log.push(*step));
    let measured = measured.map_err(|why| content.malformed(why))?;
    let digest = Digest::Sha384(measured.digest);
    let mut result = Measured::new("SEV-SNP", digest, log);
    if let Some(expected) = measured.id_block_digest {
        let expected = Digest::Sha384(expected);
        result.inputs.push(("id_block_digest", expected.to_string()));
        if expected != digest {
            eprintln!(
                "note: {}: the file's ID block expects {expected}: the firmware will not start the guest",
                content.name
            );
        }
    }
    result.end(&options.result, |_| Ok(None))
}

fn ovmf_hash(options: &OvmfHashOptions) -> Result<(), Failure> {
    let workers = options.result.workers();
    let file = Firmware::hash(&options.ovmf, workers)?;
    let firmware = file.ovmf()?;
    let (mut digest, mut log) = (LaunchDigest::new(), Log::default());
    let mut offset = 0;
    let visit = &mut |page: &snp::launch::Measured| {
        log.push(Step::new(
            page.gpa,
            4096,
            PageType::Normal,
            Digest::Sha384(page.contents),
            Digest::Sha384(page.digest),
            Origin::Firmware { offset },
        ));
        offset += 4096;
    };
    let (gpa, normal) = (firmware.gpa(), PageType::Normal);
    let measured = match firmware.page_digests() {
        Some(digests) => digest.update_digests(normal, gpa, digests, visit),
        None => digest.update_bytes(workers, normal, gpa, firmware.image(), visit),
    };
    measured.map_err(|why| file.content.malformed(why))?;
    let digest = Digest::Sha384(*digest.digest());
    Measured::new("SEV-SNP", digest, log).end(&options.result, |_| Ok(None))
}
