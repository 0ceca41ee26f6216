//! `sevcrypt report`: what a report says.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sevcrypt::snp::azure::HclReport;
use sevcrypt::snp::report::Report;
use sevcrypt::snp::response::{self, Found, Wrapper};
use sevcrypt::snp::tcb::Product;

use crate::failure::Failure;
use crate::input::Content;
use crate::output;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Every field of a report, decoded. Nothing is verified
    Show(Options),
}

#[derive(Args)]
pub(crate) struct Options {
    /// Report, answer of /dev/sev-guest or HCL blob, binary or as hexadecimal digits or base64; - is standard input
    report: PathBuf,
    /// The product, which a version 2 report does not tell: milan, genoa, turin or venice
    #[arg(long, value_name = "PRODUCT")]
    product: Option<Product>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A file with a report in it.
pub(crate) struct Source<'c> {
    content: &'c Content,
    bytes: Cow<'c, [u8]>,
}

impl<'c> Source<'c> {
    pub(crate) fn new(content: &'c Content) -> Result<Self, Failure> {
        Ok(Self { content, bytes: content.binary()? })
    }

    fn find(&self) -> Result<Found<'_>, Failure> {
        response::find(&self.bytes).map_err(|why| self.content.malformed(why))
    }

    /// The report, of a version that is known, and what it came in.
    pub(crate) fn report(&self) -> Result<(Report<'_>, Wrapper<'_>), Failure> {
        let found = self.find()?;
        let report = Report::from_bytes(found.report).map_err(|why| self.content.malformed(why))?;
        Ok((report, found.wrapper))
    }
}

/// The product of a report: its own word, or the option's.
pub(crate) fn product(
    report: &Report<'_>,
    option: Option<Product>,
) -> Result<Option<Product>, Failure> {
    match (report.product(), option) {
        (Some(own), Some(option)) if own != option => Err(Failure::usage(format_args!(
            "--product {option}: the report is of a {own} processor"
        ))),
        (own, option) => Ok(own.or(option)),
    }
}

pub(crate) fn run(Command::Show(options): &Command) -> Result<(), Failure> {
    let content = Content::read(&options.report)?;
    let source = Source::new(&content)?;
    let found = source.find()?;
    let report = Report::of_unknown_version(found.report).map_err(|why| content.malformed(why))?;
    let report = match product(&report, options.product)? {
        Some(product) => report.with_product(product),
        None => report,
    };
    match options.json {
        true => output::json(&document(&report, found.wrapper)?)?,
        false => print(&report, found.wrapper)?,
    }
    // Shown for those who look into it, and malformed all the same.
    source.report().map(drop)
}

fn print(report: &Report<'_>, wrapper: Wrapper<'_>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    write!(out, "{report}")?;
    if let Some(product) = report.product() {
        writeln!(out, "{:<20} {product}", "product")?;
    }
    if let Wrapper::Hcl(hcl) = wrapper {
        let bound = if hcl.is_bound_to(report.report_data()) { "bound" } else { "NOT bound" };
        writeln!(
            out,
            "{:<20} {bound} to the report by REPORT_DATA ({:?})",
            "runtime_claims",
            hcl.hash_type()
        )?;
        writeln!(out, "{}", String::from_utf8_lossy(hcl.runtime_claims()))?;
    }
    Ok(())
}

/// The report's fields, and beside them what it came in.
fn document(report: &Report<'_>, wrapper: Wrapper<'_>) -> Result<Value, Failure> {
    let mut document = fields(report)?;
    document["product"] = report.product().map(Product::name).into();
    document["wrapper"] = match wrapper {
        Wrapper::MsgReportRsp => "msg-report-rsp",
        Wrapper::Hcl(_) => "hcl",
        _ => "none",
    }
    .into();
    if let Wrapper::Hcl(hcl) = wrapper {
        document["runtime_claims"] = runtime_claims(report, &hcl);
    }
    Ok(document)
}

/// The fields of a report.
pub(crate) fn fields(report: &Report<'_>) -> Result<Value, Failure> {
    serde_json::to_value(report)
        .map_err(|error| Failure::usage(format_args!("the report's fields: {error}")))
}

/// The claims as JSON, where they are that, and as text where not.
fn runtime_claims(report: &Report<'_>, hcl: &HclReport<'_>) -> Value {
    let text = String::from_utf8_lossy(hcl.runtime_claims());
    let claims: Result<Value, _> = serde_json::from_slice(hcl.runtime_claims());
    let claims = claims.unwrap_or_else(|_| text.into());
    json!({ "bound": hcl.is_bound_to(report.report_data()), "claims": claims })
}
