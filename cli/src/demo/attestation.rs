//! The demo's report: verified, changed, judged. Made by `vectors/attestation/make.py` with public test keys.

use std::io::Write;

use sevcrypt::Hex;
use sevcrypt::snp::certs::Collateral;
use sevcrypt::snp::policy::Policy;
use sevcrypt::snp::report::Report;
use sevcrypt::snp::verify::{Outcome, Time, Trust, verify};
use sevcrypt::x509::Certificate;

use super::hold;
use crate::failure::Failure;

pub(super) const REPORT: &[u8; 1184] = include_bytes!("../../demo/report.bin");
const DEBUG_REPORT: &[u8; 1184] = include_bytes!("../../demo/debug-report.bin");
const VCEK: &[u8] = include_bytes!("../../demo/vcek.der");
const ASK: &[u8] = include_bytes!("../../demo/ask.der");
const ARK: &[u8] = include_bytes!("../../demo/ark.der");
/// 2026-01-01: all that the demo carries is valid then.
const TIME: Time = Time::At(1_767_225_600);
/// The same as text.
pub(super) const TIME_TEXT: &str = "2026-01-01T00:00:00Z";

/// What `--write` leaves of it, by file name: the last one has one bit changed.
pub(super) fn files() -> [(&'static str, Vec<u8>); 6] {
    [
        ("report.bin", REPORT.to_vec()),
        ("debug-report.bin", DEBUG_REPORT.to_vec()),
        ("vcek.der", VCEK.to_vec()),
        ("ask.der", ASK.to_vec()),
        ("ark.der", ARK.to_vec()),
        ("wrong-report.bin", wrong_report().to_vec()),
    ]
}

/// The report with one bit of its measurement changed.
fn wrong_report() -> [u8; 1184] {
    let mut report = *REPORT;
    report[0x90] ^= 1;
    report
}

pub(super) fn show(out: &mut impl Write) -> Result<(), Failure> {
    let certificate = |der| Certificate::from_der(der).map_err(Failure::usage);
    let certificates = [certificate(VCEK)?, certificate(ASK)?];
    let roots = [certificate(ARK)?];
    let collateral = Collateral::from(&certificates);
    let amd = Trust::amd(TIME);
    let trust = amd.with_roots(&roots);
    let report = Report::from_bytes(REPORT).map_err(Failure::usage)?;

    writeln!(
        out,
        "10. Who is the guest? Its report, signed by the chip's key (here: by a test platform's, whose keys are public):"
    )?;
    writeln!(
        out,
        "     measurement {}...\n     report data {}...",
        Hex(&report.measurement()[..24]),
        Hex(&report.report_data()[..24])
    )?;
    let mut policy = Policy::default();
    let expected = [*report.measurement()];
    policy.measurements = Some(&expected);
    policy.report_data = Some(report.report_data());
    let accepted = verify(REPORT, collateral, &trust, &policy);
    let accepted =
        accepted.map_err(|why| Failure::usage(format_args!("the demo's report: {why}")))?;
    let passed =
        accepted.checks().iter().filter(|(_, outcome)| *outcome == Outcome::Passed).count();
    writeln!(out, "     verified for {}: accepted, {passed} checks passed", accepted.product())?;
    let wrong = wrong_report();
    for (what, report, trust) in [
        ("one bit changed:          ", &wrong, &trust),
        ("a guest open to debuggers:", DEBUG_REPORT, &trust),
        ("AMD's keys only:          ", REPORT, &amd),
    ] {
        let refused = verify(report, collateral, trust, &Policy::default()).map(drop);
        hold("bad evidence is refused", refused.is_err())?;
        if let Err(why) = refused {
            writeln!(out, "     {what} {why}")?;
        }
    }
    writeln!(
        out,
        "   Real platforms' keys are vouched for by AMD's, which are built in: a report and its VCEK suffice."
    )?;
    Ok(())
}
