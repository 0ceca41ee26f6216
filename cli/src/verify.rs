//! `sevcrypt verify`: whether a report is authentic, and what the policy asks for.

mod explain;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use sevcrypt::snp::certs::Collateral;
use sevcrypt::snp::response::Wrapper;
use sevcrypt::snp::tcb::Product;
use sevcrypt::snp::verify::{
    Authentic, Check, Checks, Missing, Outcome, Reason, Time, Trust, VerifyError, authenticate,
};

use self::explain::Facts;
use crate::certs::{Bundles, Holds};
use crate::failure::Failure;
use crate::input::Content;
use crate::policy::{self, OwnedPolicy};
use crate::report::{Source, fields};
use crate::{kds, output};

#[derive(Args)]
pub(crate) struct Options {
    /// Report, answer of /dev/sev-guest or HCL blob, binary or as hexadecimal digits or base64; - is standard input
    report: PathBuf,
    /// Certificates in any form and order: DER, PEM, bundles, GHCB certificate tables, Azure THIM JSON
    #[arg(long, value_name = "FILE")]
    cert: Vec<PathBuf>,
    /// Revocation list of the ARK, DER or PEM
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// When certificates must be valid: RFC 3339, or Unix seconds [default: now]
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    at: Option<i64>,
    /// Look at no date
    #[arg(long, conflicts_with = "at")]
    no_clock: bool,
    /// ARK certificates to trust beside AMD's: those of test platforms
    #[arg(long, value_name = "FILE")]
    root: Vec<PathBuf>,
    #[command(flatten)]
    policy: policy::Options,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn time(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(jiff::Timestamp::as_second).map_err(|_| {
        "expected a time as RFC 3339 writes it, such as 2026-01-31T12:00:00Z, or Unix seconds"
            .to_owned()
    })
}

/// The files of a run.
struct Files {
    report: Content,
    certs: Vec<Content>,
    crls: Vec<Content>,
    roots: Vec<Content>,
}

impl Options {
    fn files(&self) -> Result<Files, Failure> {
        let read = |paths: &[PathBuf]| -> Result<Vec<_>, Failure> {
            paths.iter().map(|path| Content::read(path)).collect()
        };
        let report = Content::read(&self.report)?;
        let (certs, crls, roots) = (read(&self.cert)?, read(&self.crl)?, read(&self.root)?);
        Ok(Files { report, certs, crls, roots })
    }

    fn time(&self) -> Time {
        match self.at {
            _ if self.no_clock => Time::Unchecked,
            Some(at) => Time::At(at),
            None => Time::now(),
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    // Who gives a revocation list wants it to count: one that says nothing of the chain does not do.
    let policy = options.policy.read()?.with_crl_required(!options.crl.is_empty());
    let files = options.files()?;
    let judgement = match judge(&files, options.time(), &policy) {
        Ok(judgement) => judgement,
        Err(Failure::Malformed(why)) => Judgement::new(Verdict::Malformed, why),
        Err(failure) => return Err(failure),
    };
    let printed = match options.json {
        true => output::json(&judgement),
        false => judgement.print(),
    };
    // Whoever does not read the list to its end has the verdict in the exit code all the same.
    judgement.verdict.end(judgement.sentence()).and(printed)
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Accepted,
    Malformed,
    NotAuthentic,
    Refused,
    Incomplete,
}

impl Verdict {
    /// The verdict in a sentence.
    const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Malformed => "malformed",
            Self::NotAuthentic => "not authentic",
            Self::Refused => "refused",
            Self::Incomplete => "incomplete",
        }
    }

    /// The end of the run.
    fn end(self, sentence: String) -> Result<(), Failure> {
        match self {
            Self::Accepted => Ok(()),
            Self::Malformed => Err(Failure::Malformed(sentence)),
            Self::NotAuthentic => Err(Failure::NotAuthentic(sentence)),
            Self::Refused => Err(Failure::Refused(sentence)),
            Self::Incomplete => Err(Failure::Incomplete(sentence)),
        }
    }
}

/// A check as it is printed.
#[derive(Serialize)]
struct Line {
    name: &'static str,
    result: &'static str,
    detail: Option<String>,
    /// It could not be made for the failure of another.
    #[serde(skip)]
    unreached: bool,
}

/// Something to ask for.
#[derive(Serialize)]
struct Needed {
    what: String,
    url: Option<String>,
}

/// The result of a run: what `--json` prints.
#[derive(Serialize)]
struct Judgement {
    verdict: Verdict,
    product: Option<&'static str>,
    checks: Vec<Line>,
    needed: Vec<Needed>,
    report: Option<Value>,
    claims: Option<Value>,
    #[serde(skip)]
    why: String,
    /// What else there is to say to people.
    #[serde(skip)]
    remark: Option<&'static str>,
}

fn judge(files: &Files, time: Time, policy: &OwnedPolicy) -> Result<Judgement, Failure> {
    let source = Source::new(&files.report)?;
    let (report, wrapper) = source.report()?;
    let (certs, crls) = (Bundles::read(&files.certs)?, Bundles::read(&files.crls)?);
    let roots = Bundles::read(&files.roots)?;
    let (mut given, mut names) = certs.parse(Holds::Anything)?;
    let (more, of_more) = crls.parse(Holds::Crl)?;
    given.certificates.extend(more.certificates);
    given.crls.extend(more.crls);
    names.extend(of_more);
    let (roots, _) = roots.parse(Holds::Certificate)?;
    let trust = Trust::amd(time).with_roots(&roots.certificates);
    let mut judgement = policy.lend(|policy| {
        let product = report.product();
        let facts = Facts { report: &report, policy, time, product, csp_id: None, names };
        judge_by(facts, given.collateral(), &trust)
    })?;
    if let Wrapper::Hcl(hcl) = wrapper {
        judgement.remark = Some(match hcl.is_bound_to(report.report_data()) {
            true => "the HCL runtime claims are those of REPORT_DATA",
            false => "the HCL runtime claims are NOT those of REPORT_DATA: nobody vouches for them",
        });
    }
    Ok(judgement)
}

fn judge_by(
    mut facts: Facts<'_>,
    collateral: Collateral<'_>,
    trust: &Trust<'_>,
) -> Result<Judgement, Failure> {
    let authentic = match authenticate(facts.report, collateral, trust) {
        Ok(authentic) => authentic,
        Err(error) => return Judgement::without(&error, &facts),
    };
    facts.product = Some(authentic.product());
    facts.csp_id = authentic.csp_id().map(str::to_owned);
    match authentic.judge(facts.policy) {
        Ok(accepted) => {
            let judgement = Judgement::new(Verdict::Accepted, accepted_sentence(&accepted));
            judgement.with(Some(accepted.checks()), &facts)
        }
        Err(error) => Judgement::without(&error, &facts),
    }
}

fn accepted_sentence(authentic: &Authentic<'_>) -> String {
    let (report, product) = (authentic.report(), authentic.product());
    let of = match authentic.csp_id() {
        Some(csp_id) => csp_id.to_owned(),
        None => format!("chip {}", explain::chip_id(report.chip_id(), product)),
    };
    let tcb = report.reported_tcb().parts(product);
    format!("a report of {product}, signed by the {} of {of} at {tcb}", authentic.signed_by())
}

impl Judgement {
    fn new(verdict: Verdict, why: String) -> Self {
        let (product, checks, needed) = (None, Vec::new(), Vec::new());
        Self { verdict, product, checks, needed, report: None, claims: None, why, remark: None }
    }

    /// The judgement of a report that is not accepted.
    fn without(error: &VerifyError, facts: &Facts<'_>) -> Result<Self, Failure> {
        let first = error.checks().and_then(Checks::first_failure);
        let (verdict, why) = match (error, first) {
            (VerifyError::Missing(missing), _) => (Verdict::Incomplete, missing.to_string()),
            (VerifyError::Refused(_), Some((check, reason))) => {
                (Verdict::Refused, facts.refusal(check, reason))
            }
            (VerifyError::NotAuthentic(_), Some((check, reason))) => (
                Verdict::NotAuthentic,
                format!("{}: {}", check.name(), facts.refusal(check, reason)),
            ),
            (other, _) => return Err(Failure::malformed(other)),
        };
        let mut judgement = Self::new(verdict, why);
        if let VerifyError::Missing(missing) = error {
            judgement.needed = needed(missing);
        }
        judgement.with(error.checks(), facts)
    }

    /// With what is known of the report.
    fn with(self, checks: Option<&Checks>, facts: &Facts<'_>) -> Result<Self, Failure> {
        let claims =
            facts.product.map(|product| serde_json::to_value(facts.report.claims(product)));
        let claims = claims.transpose();
        let told = |product| facts.report.with_product(product);
        let report = facts.product.map_or(*facts.report, told);
        Ok(Self {
            product: facts.product.map(Product::name),
            checks: checks.map(|checks| lines(checks, facts)).unwrap_or_default(),
            report: Some(fields(&report)?),
            claims: claims.map_err(|why| Failure::usage(format_args!("claims: {why}")))?,
            ..self
        })
    }

    fn sentence(&self) -> String {
        format!("{}: {}", self.verdict.word(), self.why)
    }

    /// The verdict, the checks that say something of themselves, the others by their names.
    fn print(&self) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", self.sentence())?;
        for needed in &self.needed {
            let url = needed.url.as_deref().unwrap_or("no address is known");
            writeln!(out, "  {:<10} {}: {url}", "needed", needed.what)?;
        }
        for result in ["failed", "passed", "not-asked"] {
            for line in self.checks.iter().filter(|line| line.result == result && !line.unreached) {
                if let Some(detail) = &line.detail {
                    writeln!(out, "  {result:<10} {:<20} {detail}", line.name)?;
                }
            }
            let others = |line: &&Line| line.result == result && line.detail.is_none();
            print_names(&mut out, result, self.checks.iter().filter(others))?;
        }
        print_names(&mut out, "not made", self.checks.iter().filter(|line| line.unreached))?;
        if let Some(remark) = self.remark {
            writeln!(out, "  {:<10} {remark}", "remark")?;
        }
        Ok(())
    }
}

/// Checks of which there is nothing to say but their names, in one line.
fn print_names<'l>(
    out: &mut impl Write,
    result: &str,
    lines: impl Iterator<Item = &'l Line>,
) -> Result<(), Failure> {
    let names: Vec<_> = lines.map(|line| line.name).collect();
    if !names.is_empty() {
        writeln!(out, "  {result:<10} {}", names.join(", "))?;
    }
    Ok(())
}

fn lines(checks: &Checks, facts: &Facts<'_>) -> Vec<Line> {
    let line = |(check, outcome): (Check, Outcome)| {
        let (result, detail) = match outcome {
            Outcome::Passed => ("passed", facts.passed(check)),
            Outcome::Failed(reason) => ("failed", Some(facts.refusal(check, reason))),
            Outcome::NotAsked => ("not-asked", facts.not_asked(check)),
        };
        let unreached = outcome == Outcome::Failed(Reason::Unreached);
        Line { name: check.name(), result, detail, unreached }
    };
    checks.iter().map(line).collect()
}

/// What to ask for, each with its address where there is one.
fn needed(missing: &Missing) -> Vec<Needed> {
    let requests = missing.requests();
    let needed = requests
        .map(|request| Needed { what: kds::what(&request), url: Some(request.url().to_string()) });
    let needed: Vec<_> = needed.collect();
    if !needed.is_empty() {
        return needed;
    }
    let what = match missing {
        Missing::Vcek { .. } => "VCEK".to_owned(),
        Missing::Vlek { .. } => "VLEK".to_owned(),
        Missing::Intermediate { role, .. } => role.to_string(),
        _ => "certificate or revocation list".to_owned(),
    };
    vec![Needed { what, url: None }]
}
