//! The guest asks for a report and for a key, past the host that carries the messages.

use std::io::Write;

use sevcrypt::platform::{Vmm, VmmError};
use sevcrypt::snp::certs::Collateral;
use sevcrypt::snp::keys::{GuestFieldSelect, KeyRequest, KeySelect};
use sevcrypt::snp::message::{MessageBuffer, ReportRequest};
use sevcrypt::snp::policy::{Policy, Rule};
use sevcrypt::snp::report::REPORT_LEN;
use sevcrypt::snp::verify::{Outcome, Time, Trust, verify};
use sevcrypt::x509::Certificate;
use sevcrypt::{Hex, Status};

use super::hold;
use super::machine::{Running, Scene};
use crate::failure::Failure;
use crate::platform;

/// What the demo leaves for `--write`.
pub(super) struct Evidence {
    pub(super) report: Vec<u8>,
    pub(super) vcek: Vec<u8>,
    pub(super) ask: Vec<u8>,
    pub(super) ark: Vec<u8>,
    pub(super) dram: Vec<u8>,
}

impl Evidence {
    /// The report with one bit of its measurement changed.
    pub(super) fn wrong_report(&self) -> Vec<u8> {
        let mut report = self.report.clone();
        report[0x90] ^= 1;
        report
    }
}

/// What a relying party sent the guest to put into its report.
const NONCE: [u8; 64] = [0x5a; 64];

pub(super) fn page(message: &[u8]) -> [u8; 4096] {
    let mut page = [0; 4096];
    page[..message.len()].copy_from_slice(message);
    page
}

/// What the firmware says.
fn said(result: &Result<[u8; 4096], VmmError>) -> String {
    match result {
        Ok(_) => "taken".to_owned(),
        Err(why) => why.to_string(),
    }
}

fn is(result: &Result<[u8; 4096], VmmError>, status: Status) -> bool {
    matches!(result, Err(VmmError::Firmware { status: found, .. }) if *found == status)
}

pub(super) fn report(
    out: &mut impl Write,
    scene: &Scene,
    host: &Vmm<'_>,
    running: &mut Running,
) -> Result<Evidence, Failure> {
    writeln!(out, "7. The guest asks the firmware for a report. The host carries the messages:")?;
    let Running { guest, channel, measurement, .. } = running;
    let mut buffer = MessageBuffer::new();
    let asked = ReportRequest::new(&NONCE);
    let request = channel.seal(&asked, &mut buffer).map_err(Failure::usage)?;
    let sent = page(request.bytes());
    let number = request.header().sequence();
    writeln!(
        out,
        "     it sees  {}... and knows type, length and number {number}",
        Hex(&sent[0x60..0x78])
    )?;
    let mut changed = sent;
    changed[0x70] ^= 1;
    let refused = host.guest_request(guest, &changed);
    writeln!(out, "     changed:  {}", said(&refused))?;
    hold("a changed message is refused", is(&refused, Status::BAD_MEASUREMENT))?;
    let response = host.guest_request(guest, &sent).map_err(Failure::usage)?;
    let repeated = host.guest_request(guest, &sent);
    writeln!(out, "     repeated: {}", said(&repeated))?;
    hold("a repeated message is refused", is(&repeated, Status::AEAD_OFLOW))?;
    let report: [u8; REPORT_LEN] = *request
        .open(|copy| copy.copy_from_slice(&response[..copy.len()]))
        .map_err(Failure::usage)?;
    writeln!(out, "     as sent:  the guest has its report\n")?;

    writeln!(
        out,
        "8. Whoever relies on the guest verifies the report, as `sevcrypt verify` does for AMD's:"
    )?;
    let tcb = scene.machine.versions().reported_tcb;
    let vcek = platform::vcek(&scene.ca, &scene.chip, tcb)?;
    let certificate = |der| Certificate::from_der(der).map_err(Failure::usage);
    let certificates = [certificate(&vcek)?, certificate(scene.ca.ask())?];
    let roots = [certificate(scene.ca.ark())?];
    let collateral = Collateral::from(&certificates);
    let amd = Trust::amd(Time::At(platform::now()));
    let trust = amd.with_roots(&roots);
    let expected = [*measurement];
    let mut policy = Policy::default();
    policy.measurements = Some(&expected);
    policy.report_data = Some(&NONCE);
    let policy = policy.allow(Rule::MigrationAgent);
    let accepted = verify(&report, collateral, &trust, &policy)
        .map_err(|why| Failure::usage(format_args!("the demo's report: {why}")))?;
    let passed =
        accepted.checks().iter().filter(|(_, outcome)| *outcome == Outcome::Passed).count();
    writeln!(
        out,
        "     {}: accepted, {passed} checks passed; the measurement is the owner's, the report data the nonce",
        accepted.product()
    )?;
    let mut wrong = report;
    wrong[0x90] ^= 1;
    let strict = Policy::default();
    for (what, report, trust, policy) in [
        ("one bit changed:    ", &wrong, &trust, &policy),
        ("a default policy:   ", &report, &trust, &strict),
        ("AMD's keys only:    ", &report, &amd, &policy),
    ] {
        let refused = verify(report, collateral, trust, policy).map(drop);
        hold("bad evidence is refused", refused.is_err())?;
        if let Err(why) = refused {
            writeln!(out, "     {what} {why}")?;
        }
    }
    writeln!(out)?;
    Ok(Evidence {
        report: report.to_vec(),
        vcek,
        ask: scene.ca.ask().to_vec(),
        ark: scene.ca.ark().to_vec(),
        dram: running.dram.clone(),
    })
}

pub(super) fn key(
    out: &mut impl Write,
    host: &Vmm<'_>,
    running: &mut Running,
) -> Result<(), Failure> {
    writeln!(out, "9. The guest derives keys from the chip's, mixed with what it is:")?;
    let Running { guest, channel, .. } = running;
    let mut derive = |fields| {
        let request = KeyRequest::new(KeySelect::Vcek).with_fields(fields);
        let mut buffer = MessageBuffer::new();
        let sent = channel.seal(&request, &mut buffer).map_err(Failure::usage)?;
        let response = host.guest_request(guest, &page(sent.bytes())).map_err(Failure::usage)?;
        let key = sent.open(|copy| copy.copy_from_slice(&response[..copy.len()]));
        Ok::<_, Failure>(*key.map_err(Failure::usage)?.as_bytes())
    };
    let measured = GuestFieldSelect::MEASUREMENT;
    let (first, again) = (derive(measured)?, derive(measured)?);
    let other = derive(measured | GuestFieldSelect::POLICY)?;
    writeln!(
        out,
        "     with its measurement: {}...\n     and its policy:       {}...",
        Hex(&first[..16]),
        Hex(&other[..16])
    )?;
    hold("a derived key comes again", first == again && first != other)?;
    writeln!(
        out,
        "   The same image on the same chip gets the same key: it can seal a disk with it.\n"
    )?;
    Ok(())
}
