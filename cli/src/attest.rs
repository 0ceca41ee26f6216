//! `sevcrypt attest`: attestation reports of SEV and SEV-ES.

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use sevcrypt::Hex;
use sevcrypt::sev::GuestPolicy;
use sevcrypt::sev::report::AttestationReport;

use crate::certs::legacy::{Authority, Files};
use crate::failure::Failure;
use crate::input::{Content, fixed};
use crate::output::{self, Fields};
use crate::session;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Whether a report is signed by a PEK, whether that is one of an AMD platform, and what is asked for of the guest
    Verify(VerifyOptions),
}

#[derive(Args)]
pub(crate) struct VerifyOptions {
    /// The report, binary or as hexadecimal digits or base64; - is standard input
    report: PathBuf,
    /// The certificate of the platform's PEK
    #[arg(long, value_name = "FILE")]
    pek: PathBuf,
    /// The other certificates of the chain, OCA and CEK and where AMD's are not built in ASK and ARK, in any order; where
    /// two differ in their signatures only, the one of the later file counts. Without a chain nothing vouches for the PEK:
    /// the verdict is signed-by-pek, and not accepted
    #[arg(long, value_name = "FILE")]
    chain: Vec<PathBuf>,
    /// ARK certificates to trust beside AMD's: those of test platforms
    #[arg(long, value_name = "FILE", requires = "chain")]
    root: Vec<PathBuf>,
    /// MNONCE that the report must have: 16 bytes
    #[arg(long, value_name = "HEX")]
    nonce: Option<String>,
    /// The launch digest that the report must have: 32 bytes
    #[arg(long, value_name = "HEX")]
    digest: Option<String>,
    /// The policy that the report must have: a hexadecimal number
    #[arg(long, value_name = "HEX", value_parser = session::policy)]
    policy: Option<GuestPolicy>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What the options ask for of the guest.
struct Asked {
    nonce: Option<[u8; 16]>,
    digest: Option<[u8; 32]>,
    policy: Option<GuestPolicy>,
}

impl Asked {
    fn read(options: &VerifyOptions) -> Result<Self, Failure> {
        let nonce = options.nonce.as_deref().map(|text| fixed("--nonce", text)).transpose()?;
        let digest = options.digest.as_deref().map(|text| fixed("--digest", text)).transpose()?;
        let (nonce, digest) = (nonce.map(|nonce| *nonce), digest.map(|digest| *digest));
        Ok(Self { nonce, digest, policy: options.policy })
    }
}

pub(crate) fn run(Command::Verify(options): &Command) -> Result<(), Failure> {
    // Wrong options and files that are not there come before anything that is in a file.
    let asked = Asked::read(options)?;
    let content = Content::read(&options.report)?;
    let files = Files::read([&options.pek].into_iter().chain(&options.chain))?;
    let roots = Files::read(&options.root)?;
    let report = content.binary().and_then(|bytes| {
        let (found, expected) = (bytes.len(), AttestationReport::LEN);
        let bytes = bytes.first_chunk().filter(|_| found == expected);
        bytes.map(AttestationReport::from_bytes).ok_or_else(|| {
            content.malformed(format_args!("{found} bytes, expected a report of {expected}"))
        })
    });
    let judged = match &report {
        Ok(report) => authority(options, report, &files, &roots)
            .and_then(|authority| asked.check(report).map(|()| authority)),
        Err(why) => Err(why.clone()),
    };
    let mut fields = Fields::default();
    match judged.as_ref().map_err(|failure| failure.verdict().ok_or(failure)) {
        // Anybody can make a key, and call it a PEK.
        Ok(Authority::Nobody) => fields.add("verdict", "signed-by-pek"),
        Ok(_) => fields.add("verdict", "accepted"),
        Err(Ok((verdict, why))) => {
            fields.add("verdict", verdict);
            fields.add("why", why.clone());
        }
        Err(Err(_)) => return judged.map(drop),
    }
    if let Ok(report) = &report {
        if let Ok(authority) = &judged {
            authority.add_to(&mut fields);
        }
        fields.add("nonce", Hex(report.mnonce()).to_string());
        fields.add("launch_digest", Hex(report.digest()).to_string());
        fields.add("policy", session::policy_value(report.policy(), options.json)?);
    }
    let printed = match options.json {
        true => output::json(&fields),
        false => fields.print(&mut io::stdout().lock()),
    };
    // Whoever does not read to the end has the verdict in the exit code all the same.
    judged.map(drop).and(printed)
}

/// Who vouches for the PEK that signed the report.
fn authority(
    options: &VerifyOptions,
    report: &AttestationReport,
    files: &Files,
    roots: &Files,
) -> Result<Authority, Failure> {
    let platform = files.platform()?;
    let (pek, authority) = match options.chain.is_empty() {
        true => (platform.unauthenticated_pek()?, Authority::Nobody),
        false => {
            let verified = platform.verify_pek(&roots.roots()?)?;
            (verified.key, Authority::of(verified.product))
        }
    };
    report
        .verify_vartime(&pek)
        .map_err(|why| Failure::NotAuthentic(format!("{}: {why}", options.report.display())))?;
    Ok(authority)
}

impl Asked {
    fn check(&self, report: &AttestationReport) -> Result<(), Failure> {
        let refused = |what: &str, found: String, expected: String| {
            Err(Failure::Refused(format!("the {what} is {found}, expected {expected}")))
        };
        if let Some(nonce) = self.nonce.filter(|nonce| nonce != report.mnonce()) {
            return refused("nonce", Hex(report.mnonce()).to_string(), Hex(&nonce).to_string());
        }
        if let Some(digest) = self.digest.filter(|digest| digest != report.digest()) {
            let found = Hex(report.digest()).to_string();
            return refused("launch digest", found, Hex(&digest).to_string());
        }
        if let Some(policy) = self.policy.filter(|policy| *policy != report.policy()) {
            let (found, expected) = (report.policy().0, policy.0);
            return refused("policy", format!("{found:#x}"), format!("{expected:#x}"));
        }
        Ok(())
    }
}
