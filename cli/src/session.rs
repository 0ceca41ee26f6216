//! `sevcrypt session`: how the owner of an SEV or SEV-ES guest begins.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};
use sevcrypt::ecdh::PrivateKey;
use sevcrypt::sev::cert::{Certificate, PdhKey};
use sevcrypt::sev::session::{ClientSession, SessionRandom};
use sevcrypt::sev::{ApiVersion, GuestPolicy};
use zeroize::Zeroizing;

use crate::certs::legacy::{Authority, Files};
use crate::failure::Failure;
use crate::input;
use crate::output::{self, Fields, Piece, Readers};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// A session with a platform: what the host hands to its firmware, and the keys, which nobody else gets
    Create(CreateOptions),
}

#[derive(Args)]
#[command(group = ArgGroup::new("platform").required(true).args(["pdh_chain", "pdh"]))]
pub(crate) struct CreateOptions {
    /// The platform's certificates, PDH, PEK, OCA and CEK, in one file: they are verified down to AMD's keys, which are
    /// built in; - is standard input
    #[arg(long, value_name = "FILE")]
    pdh_chain: Option<PathBuf>,
    /// The platform's PDH alone. Nothing vouches for it: whoever made it can read what the session protects
    #[arg(long, value_name = "FILE")]
    pdh: Option<PathBuf>,
    /// More certificates of the chain, in any order: the CEK with AMD's signature, ASK, ARK. Where two differ in their
    /// signatures only, these count before those of --pdh-chain, and later files before earlier ones
    #[arg(long, value_name = "FILE", conflicts_with = "pdh")]
    cert: Vec<PathBuf>,
    /// ARK certificates to trust beside AMD's: those of test platforms
    #[arg(long, value_name = "FILE", conflicts_with = "pdh")]
    root: Vec<PathBuf>,
    /// The guest's policy: a hexadecimal number
    #[arg(long, value_name = "HEX", value_parser = policy)]
    policy: GuestPolicy,
    /// Directory for godh.cert and session.bin, which the host gets, and tik.bin and tek.bin, which it must not see and
    /// which must not be there yet; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn policy(text: &str) -> Result<GuestPolicy, String> {
    input::hexadecimal(text).map(GuestPolicy)
}

/// Fresh bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Failure> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes)
        .map_err(|error| Failure::usage(format_args!("no random bytes: {error}")))?;
    Ok(bytes)
}

pub(crate) fn run(Command::Create(options): &Command) -> Result<(), Failure> {
    let made = create(options);
    let mut fields = Fields::default();
    match &made {
        Ok((authority, names)) => {
            fields.add("verdict", "created");
            authority.add_to(&mut fields);
            fields.add("policy", policy_value(options.policy, options.json)?);
            fields.add("files", names.clone());
        }
        Err(failure) => {
            let Some((verdict, why)) = failure.verdict() else { return made.map(drop) };
            fields.add("verdict", verdict);
            fields.add("why", why.clone());
        }
    }
    // Whoever does not read to the end has the result in the exit code all the same.
    let printed = match options.json {
        true => output::json(&fields),
        false if made.is_ok() => fields.print(&mut io::stdout().lock()),
        false => Ok(()),
    };
    made.map(drop).and(printed)
}

impl CreateOptions {
    /// The platform's key, and who vouches for it.
    fn platform(&self) -> Result<(PdhKey, Authority), Failure> {
        let Some(chain) = &self.pdh_chain else {
            let files = Files::read(&self.pdh)?;
            return Ok((files.platform()?.unauthenticated_pdh()?, Authority::Nobody));
        };
        let files = Files::read([chain].into_iter().chain(&self.cert))?;
        let roots = Files::read(&self.root)?;
        let verified = files.platform()?.verify(&roots.roots()?)?;
        Ok((*verified.pdh(), Authority::of(verified.product())))
    }
}

/// A policy as JSON, or for people.
pub(crate) fn policy_value(policy: GuestPolicy, json: bool) -> Result<Value, Failure> {
    match json {
        true => serde_json::to_value(policy)
            .map_err(|error| Failure::usage(format_args!("the policy: {error}"))),
        false => Ok(policy.to_string().into()),
    }
}

/// Makes a session, and gives the names of its files.
fn create(options: &CreateOptions) -> Result<(Authority, Value), Failure> {
    if options.policy.unknown_bits() != 0 {
        return Err(Failure::usage(format_args!(
            "--policy: reserved bits {:#x} are set, which the firmware refuses",
            options.policy.unknown_bits()
        )));
    }
    let (pdh, authority) = options.platform()?;
    let own = PrivateKey::from_random(&*random()?);
    let fresh = SessionRandom::new(&*random()?);
    let session = ClientSession::new(&own, &pdh, options.policy, &fresh);
    let certificate = Certificate::of_ecdh_key(&own.public_key(), ApiVersion::default());
    let keys = session.keys();

    let dir = &options.out;
    fs::create_dir_all(dir)
        .map_err(|error| Failure::usage(format_args!("{}: {error}", dir.display())))?;
    let names = ["godh.cert", "session.bin", "tik.bin", "tek.bin"];
    let [godh, buffer, tik, tek] = names.map(|name| dir.join(name));
    let buffer_bytes = session.buffer().to_bytes();
    let piece = |path: &PathBuf, bytes, readers| Piece { path: path.clone(), bytes, readers };
    output::write_files(&[
        piece(&tik, keys.tik.as_bytes(), Readers::Owner),
        piece(&tek, keys.tek.as_bytes(), Readers::Owner),
        piece(&godh, certificate.as_bytes(), Readers::Anyone),
        piece(&buffer, &buffer_bytes, Readers::Anyone),
    ])?;
    let [godh, buffer, tik, tek] = [godh, buffer, tik, tek].map(|path| path.display().to_string());
    Ok((authority, json!({ "godh": godh, "session": buffer, "tik": tik, "tek": tek })))
}
