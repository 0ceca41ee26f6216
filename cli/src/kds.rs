//! `sevcrypt kds`: what to ask AMD's Key Distribution Service for. The program itself asks nobody.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sevcrypt::snp::kds::{Endorser, HwId, KdsError, Request};
use sevcrypt::snp::report::{Report, ReportKey};
use sevcrypt::snp::tcb::Product;

use crate::failure::Failure;
use crate::input::Content;
use crate::output::{self, Fields};
use crate::report::{self, Source};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Addresses of the certificate that signed a report, of the chain above it and of the revocation list
    Url(UrlOptions),
    /// What an address asks for
    Parse(ParseOptions),
}

#[derive(Args)]
pub(crate) struct UrlOptions {
    /// Report in any form that `report show` takes; - is standard input
    report: PathBuf,
    /// The product, which a version 2 report does not tell: milan, genoa or turin
    #[arg(long, value_name = "PRODUCT")]
    product: Option<Product>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct ParseOptions {
    /// Address, or what follows the host in one
    url: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Url(options) => url(options),
        Command::Parse(options) => parse(options),
    }
}

/// A request in words: what, of which product.
pub(crate) fn what(request: &Request) -> String {
    match request {
        Request::Vcek { product, .. } => format!("VCEK of {product}"),
        Request::Vlek { product, .. } => format!("VLEK of {product}"),
        Request::CertChain { endorser, product } => format!("{endorser} chain of {product}"),
        Request::Crl { product, .. } => format!("revocation list of {product}"),
        _ => "certificate".to_owned(),
    }
}

fn url(options: &UrlOptions) -> Result<(), Failure> {
    let content = Content::read(&options.report)?;
    let source = Source::new(&content)?;
    let (report, _) = source.report()?;
    let stated = report::product(&report, options.product)?;
    let requests = requests(&report, stated)
        .map_err(|why| Failure::Incomplete(format!("{}: {why}", content.name)))?;
    if options.json {
        let requests: Vec<_> = requests.iter().map(document).collect();
        return output::json(&json!({ "requests": requests }));
    }
    if candidates(&report, stated).len() > 1 {
        eprintln!(
            "note: a version 2 report does not tell Milan from Genoa: the addresses of both follow; \
             --product tells which"
        );
    }
    if report.key_info().signing_key() == ReportKey::Vlek {
        eprintln!("note: the service gives a VLEK's certificate to its cloud provider only");
    }
    let mut out = io::stdout().lock();
    for request in requests {
        writeln!(out, "{}", request.url())?;
    }
    Ok(())
}

/// The products that a report may be of, the likeliest first.
fn candidates(report: &Report<'_>, stated: Option<Product>) -> Vec<Product> {
    match stated {
        Some(product) => vec![product],
        None if report.cpu().is_some() => vec![],
        // Only Turin's chips have an ID of 8 bytes (AMD 57230, section 3.1).
        None if !report.chip_id_is_masked() && report.chip_id()[8..] == [0; 56] => {
            vec![Product::Turin]
        }
        None => vec![Product::Milan, Product::Genoa],
    }
}

/// The leaf, the chain and the revocation list, each for every product that comes into question.
fn requests(report: &Report<'_>, stated: Option<Product>) -> Result<Vec<Request>, String> {
    let endorser = match report.key_info().signing_key() {
        ReportKey::Vcek => Endorser::Vcek,
        ReportKey::Vlek => Endorser::Vlek,
        other => return Err(format!("SIGNING_KEY is {other}: no certificate belongs to it")),
    };
    let products = candidates(report, stated);
    if products.is_empty() {
        let cpu = report.cpu().map(|cpu| cpu.to_string()).unwrap_or_default();
        return Err(format!("the product of {cpu} is not known; expected --product"));
    }
    let leaves = products.iter().map(|product| leaf(report, endorser, *product));
    let mut requests = leaves.collect::<Result<Vec<_>, _>>().map_err(|why| why.to_string())?;
    requests.extend(products.iter().map(|&product| Request::CertChain { endorser, product }));
    requests.extend(products.iter().map(|&product| Request::Crl { endorser, product }));
    Ok(requests)
}

fn leaf(report: &Report<'_>, endorser: Endorser, product: Product) -> Result<Request, KdsError> {
    let tcb = report.reported_tcb();
    match endorser {
        Endorser::Vcek => {
            Request::vcek(product, HwId::from_chip_id(product, report.chip_id())?, tcb)
        }
        Endorser::Vlek => Request::vlek(product, tcb),
    }
}

fn parse(options: &ParseOptions) -> Result<(), Failure> {
    let request = Request::parse(&options.url).map_err(Failure::malformed)?;
    let document = document(&request);
    match options.json {
        true => output::json(&document),
        false => document.print(&mut io::stdout().lock()),
    }
}

/// A request in its parts.
fn document(request: &Request) -> Fields {
    let mut document = Fields::default();
    document.add("what", what(request));
    let (product, tcb) = match request {
        Request::Vcek { product, hw_id, tcb, .. } => {
            document.add("hw_id", hw_id.to_string());
            (product, Some(tcb))
        }
        Request::Vlek { product, tcb, .. } => (product, Some(tcb)),
        Request::CertChain { product, .. } | Request::Crl { product, .. } => (product, None),
        _ => return document,
    };
    document.add("product", product.name());
    if let Some(tcb) = tcb {
        let parts = tcb.parts(*product).iter();
        document.add("tcb", parts.map(|(part, value)| (part.name(), value)).collect::<Value>());
    }
    document.add("url", request.url().to_string());
    document
}
