//! `sevcrypt platform`: machines in software, each in a folder.

pub mod device;
mod guest;
pub(crate) mod image;
mod kds;
pub mod run;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod supervisor;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sevcrypt::Hex;
use sevcrypt::platform::ca::{CaRole, TestCa};
use sevcrypt::platform::kds::{Kds, RateLimit};
use sevcrypt::platform::save::{RestoreError, Saved, Store, StoreError, look};
use sevcrypt::platform::{Chip, Machine, MachineConfig};
use sevcrypt::snp::kds::{Endorser, HwId, Request};
use sevcrypt::snp::keys::{HashSticks, PrivateKey};
use sevcrypt::snp::tcb::{Product, TcbVersion};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::output::{self, Fields};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a platform: a chip, its firmware's keys, and a certificate authority of its own
    Create(CreateOptions),
    /// What a platform is
    Show(ShowOptions),
    /// Run a program in a guest of the platform: it sees /dev/sev-guest
    Run(RunOptions),
    /// Answer requests for the platform's certificates as AMD's Key Distribution Service does for AMD's
    Kds(KdsOptions),
}

#[derive(Args)]
pub(crate) struct CreateOptions {
    /// Folder for the platform: made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Milan, genoa or turin
    #[arg(long, default_value = "genoa")]
    product: Product,
    /// No progress
    #[arg(long)]
    quiet: bool,
}

#[derive(Args)]
pub(crate) struct ShowOptions {
    /// Folder of the platform
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct RunOptions {
    /// Folder of the platform
    #[arg(long = "dir", value_name = "DIR")]
    folder: PathBuf,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Args)]
pub(crate) struct KdsOptions {
    /// Folder of the platform
    #[arg(long = "dir", value_name = "DIR")]
    folder: PathBuf,
    /// Address and port to listen on; port 0: any that is free, which is printed
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Requests in ten seconds; further ones get 429
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// No line for each request
    #[arg(long)]
    quiet: bool,
}

/// Bytes of memory of a platform that this program makes.
const MEMORY: u64 = 64 << 20;

pub(crate) fn run_command(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Create(options) => create(options).map(|()| ExitCode::SUCCESS),
        Command::Show(options) => show(options).map(|()| ExitCode::SUCCESS),
        Command::Run(options) => run_program(options),
        Command::Kds(options) => answer(options).map(|never| match never {}),
    }
}

/// The system's random numbers. A system without them ends the program.
pub(crate) fn random() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A folder's failure: a file that is no machine is malformed input.
fn folder(error: StoreError) -> Failure {
    match error {
        StoreError::NotRestored(..) | StoreError::Counter(_) => Failure::malformed(error),
        _ => Failure::usage(error),
    }
}

fn restored(path: &Path) -> impl Fn(RestoreError) -> Failure {
    move |error| Failure::malformed(format_args!("{}: {error}", path.display()))
}

fn create(options: &CreateOptions) -> Result<(), Failure> {
    // Asked first: the keys take their time.
    let machine = options.folder.join("machine.sev");
    if machine.exists() {
        return Err(folder(StoreError::Exists(machine)));
    }
    let bar = (!options.quiet && io::stderr().is_terminal()).then(|| {
        let bar = indicatif::ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    });
    let mut number = 0;
    let ca = TestCa::generate(options.product, now(), &mut random(), &mut |role| {
        number += 1;
        if let Some(bar) = &bar {
            let of = CaRole::ALL.len();
            bar.set_message(format!("{role}: an RSA key of 4096 bits ({number} of {of})"));
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let ca = ca.map_err(Failure::usage)?;
    let (chip_secret, unique_key) = (crate::session::random()?, crate::session::random()?);
    let chip = Chip::new(options.product, &chip_secret, &unique_key);
    let config = MachineConfig::new(&chip);
    let machine = Machine::new(chip, config, MEMORY, random()).map_err(Failure::usage)?;
    fuse(&machine, &ca)?;

    let chip = Chip::new(options.product, &chip_secret, &unique_key);
    let vcek = vcek(&ca, &chip, machine.versions().reported_tcb)?;
    let store = Store::create(&options.folder).map_err(folder)?;
    let path = |name: &str| options.folder.join(name);
    for (name, bytes) in [
        ("ark.der", ca.ark()),
        ("ask.der", ca.ask()),
        ("asvk.der", ca.asvk()),
        ("vcek.der", &vcek),
        ("cert_chain.pem", ca.cert_chain(Endorser::Vcek).as_bytes()),
    ] {
        output::write_file(&path(name), bytes)?;
    }
    // Last: where it is, the platform is whole.
    store.replace(&machine.save(Some(&ca), 0), 0).map_err(folder)?;
    show(&ShowOptions { folder: options.folder.clone(), json: false })
}

/// The certificate of a chip's VCEK at a TCB version.
pub(crate) fn vcek(ca: &TestCa, chip: &Chip, tcb: TcbVersion) -> Result<Vec<u8>, Failure> {
    let sticks = HashSticks::new(chip.secret(), tcb);
    let key = PrivateKey::vcek(sticks.stick_7()).signing_key().verifying_key();
    let hw_id = HwId::from_chip_id(chip.product(), chip.chip_id()).map_err(Failure::usage)?;
    ca.vcek(&hw_id, tcb, &key, now()).map_err(Failure::usage)
}

/// A platform of a folder, without its guests.
pub(crate) struct Platform {
    saved: Zeroizing<Vec<u8>>,
    path: PathBuf,
}

impl Platform {
    /// Reads what never changes of a platform: others may run it meanwhile.
    pub(crate) fn look(folder_path: &Path) -> Result<Self, Failure> {
        let saved = look(folder_path).map_err(folder)?;
        Ok(Self { saved, path: folder_path.into() })
    }

    pub(crate) fn saved(&self) -> Result<Saved<'_>, Failure> {
        Saved::parse(&self.saved).map_err(restored(&self.path))
    }

    pub(crate) fn ca(&self) -> Result<TestCa, Failure> {
        let ca = self.saved()?.ca().map_err(restored(&self.path))?;
        if ca.as_ref().is_some_and(TestCa::is_published) {
            return Err(Failure::malformed(format_args!(
                "{}: the certificate authority's keys are the published ones, which everybody has",
                self.path.display()
            )));
        }
        ca.ok_or_else(|| {
            Failure::malformed(format_args!(
                "{}: the platform has no certificate authority",
                self.path.display()
            ))
        })
    }

    /// The same chip, switched on: a machine without guests.
    pub(crate) fn switch_on(&self) -> Result<Machine, Failure> {
        let saved = self.saved()?;
        let bytes = saved.without_power(saved.header().generation);
        let without = Saved::parse(&bytes).map_err(restored(&self.path))?;
        let machine = without.restore(random()).map_err(restored(&self.path))?;
        fuse(&machine, &self.ca()?)?;
        Ok(machine)
    }
}

/// Puts a CA's root of SEV and SEV-ES into the fuses of a machine.
pub(crate) fn fuse(machine: &Machine, ca: &TestCa) -> Result<(), Failure> {
    let ark = ca.sev_ark().map_err(Failure::usage)?;
    machine.fuse_sev_root(&ark).map_err(Failure::usage)
}

fn show(options: &ShowOptions) -> Result<(), Failure> {
    let platform = Platform::look(&options.folder)?;
    let (saved, ca) = (platform.saved()?, platform.ca()?);
    let (chip, versions) = (saved.chip(), saved.versions());
    let product = chip.product();
    let hw_id = HwId::from_chip_id(product, chip.chip_id()).map_err(Failure::usage)?;
    let request = Request::vcek(product, hw_id, versions.reported_tcb).map_err(Failure::usage)?;
    let mut fields = Fields::default();
    fields.add("product", product.name());
    fields.add("cpu", chip.cpu().to_string());
    fields.add("chip_id", Hex(chip.chip_id()).to_string());
    fields.add("organisation", ca.organisation());
    fields.add("current_version", versions.current.to_string());
    fields.add("committed_version", versions.committed.to_string());
    fields.add("current_tcb", versions.current_tcb.parts(product).to_string());
    fields.add("committed_tcb", versions.committed_tcb.parts(product).to_string());
    fields.add("reported_tcb", versions.reported_tcb.parts(product).to_string());
    fields.add("memory_mib", saved.memory() >> 20);
    fields.add("generation", saved.header().generation);
    // The path is what `platform kds` answers, behind another host.
    fields.add("vcek_url", request.url().to_string());
    if options.json {
        return output::json(&fields);
    }
    let out = &mut io::stdout().lock();
    fields.print(out)?;
    let root = options.folder.join("ark.der");
    writeln!(out, "\nIts reports: sevcrypt verify REPORT --root {} --cert ...", root.display())?;
    Ok(())
}

fn answer(options: &KdsOptions) -> Result<std::convert::Infallible, Failure> {
    let platform = Platform::look(&options.folder)?;
    let (chip, ca) = (platform.saved()?.chip(), platform.ca()?);
    let service = Kds::new(&ca, &[&chip]);
    let listener = TcpListener::bind(options.listen)
        .map_err(|error| Failure::usage(format_args!("{}: {error}", options.listen)))?;
    let limit = RateLimit::new(options.limit, Duration::from_secs(10));
    kds::serve(&listener, |path| service.answer(path, now()), limit, options.quiet)
}

fn run_program(options: &RunOptions) -> Result<ExitCode, Failure> {
    let platform = Platform::look(&options.folder)?;
    let machine = platform.switch_on()?;
    let mut guest = guest::Device::launch(&machine, &platform)?;
    let ended = run::run_with(&mut guest, &options.command).map_err(Failure::usage)?;
    Ok(ExitCode::from(run::exit_code(ended)))
}
