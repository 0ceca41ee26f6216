//! `sevcrypt attest`: attestation reports of SEV and SEV-ES.

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use sevcrypt::Hex;
use sevcrypt::sev::GuestPolicy;
use sevcrypt::sev::report::AttestationReport;

use crate::certs::legacy::{Authority, Files};
use crate::failure::Failure;
use crate::input::{self, Content};
use crate::keys::fixed;
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
    /// The other certificates of the chain, OCA and CEK and where AMD's are not built in ASK and ARK, in any order; without
    /// it nothing vouches for the PEK
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

pub(crate) fn run(Command::Verify(options): &Command) -> Result<(), Failure> {
    let files = [&options.report, &options.pek].into_iter();
    input::check_standard_input(files.chain(&options.chain).chain(&options.root))?;
    let content = Content::read(&options.report)?;
    let report = content.binary().and_then(|bytes| {
        let (found, expected) = (bytes.len(), AttestationReport::LEN);
        let bytes = bytes.first_chunk().filter(|_| found == expected);
        bytes.map(AttestationReport::from_bytes).ok_or_else(|| {
            content.malformed(format_args!("{found} bytes, expected a report of {expected}"))
        })
    });
    let judged = report.as_ref().map_or_else(|why| Err(why.clone()), |it| judge(options, it));
    let mut fields = Fields::default();
    match judged.as_ref().map_err(|failure| failure.verdict().ok_or(failure)) {
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

/// Who vouches for the PEK.
fn judge(options: &VerifyOptions, report: &AttestationReport) -> Result<Authority, Failure> {
    let nonce = options.nonce.as_deref().map(|text| fixed::<16>("--nonce", text)).transpose()?;
    let digest = options.digest.as_deref().map(|text| fixed::<32>("--digest", text)).transpose()?;
    let files = Files::read([&options.pek].into_iter().chain(&options.chain))?;
    let roots = Files::read(&options.root)?;
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
    let refused = |what: &str, found: String, expected: String| {
        Err(Failure::Refused(format!("the {what} is {found}, expected {expected}")))
    };
    if let Some(nonce) = nonce.filter(|nonce| **nonce != *report.mnonce()) {
        return refused("nonce", Hex(report.mnonce()).to_string(), Hex(&*nonce).to_string());
    }
    if let Some(digest) = digest.filter(|digest| **digest != *report.digest()) {
        let found = Hex(report.digest()).to_string();
        return refused("launch digest", found, Hex(&*digest).to_string());
    }
    if let Some(policy) = options.policy.filter(|policy| *policy != report.policy()) {
        return refused("policy", format!("{:#x}", report.policy().0), format!("{:#x}", policy.0));
    }
    Ok(authority)
}
