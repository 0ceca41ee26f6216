//! The demo's guest messages: a report asked for past a hypervisor that changes and repeats.

use std::io::Write;

use sevcrypt::snp::message::{
    CountWidth, FirmwareChannels, GuestChannel, GuestRequest, MessageBuffer, ReportRequest,
    Response, Vmpck,
};
use sevcrypt::snp::report::Report;
use sevcrypt::{Backend, Hex, Status};

use super::attestation::REPORT;
use super::hold;
use crate::failure::Failure;

/// Keys that everybody knows; those of a real guest are drawn at its launch.
const VMPCKS: [[u8; 32]; 4] = [[0x10; 32], [0x11; 32], [0x12; 32], [0x13; 32]];

pub(super) fn show(out: &mut impl Write) -> Result<(), Failure> {
    let backend = Backend::best();
    let report = Report::from_bytes(REPORT).map_err(Failure::usage)?;
    let mut firmware = FirmwareChannels::new(&VMPCKS, [0; 4], backend);
    let mut firmware_buffer = MessageBuffer::new();
    let mut buffer = MessageBuffer::new();
    let [key, ..] = &VMPCKS;
    let channel = GuestChannel::new(key, Vmpck::VMPCK0, 0, CountWidth::Bits64, backend);
    let mut channel = channel.map_err(Failure::usage)?;
    let page = |message: &[u8]| {
        let mut page = [0; 4096];
        page.iter_mut().zip(message).for_each(|(to, from)| *to = *from);
        page
    };

    writeln!(
        out,
        "9. The guest asks the firmware for a report. The hypervisor carries the messages:"
    )?;
    let asked = ReportRequest::new(report.report_data());
    let request = channel.seal(&asked, &mut buffer).map_err(Failure::usage)?;
    let sent = page(request.bytes());
    writeln!(
        out,
        "     it sees  {}... and knows type, length and number {}",
        Hex(&sent[0x60..0x78]),
        request.header().sequence()
    )?;
    let mut changed = sent;
    changed[0x70] ^= 1;
    let refused = firmware.open(&mut firmware_buffer, |copy| *copy = changed).map(drop);
    writeln!(out, "     changed: {}", said(refused))?;
    hold("a changed message is refused", refused == Err(Status::BAD_MEASUREMENT))?;
    let opened = firmware.open(&mut firmware_buffer, |copy| *copy = sent);
    let opened = opened.map_err(Failure::usage)?;
    let payload = opened.request().map_err(Failure::usage)?;
    hold("the firmware reads the request", matches!(payload, GuestRequest::Report(_)))?;
    let answer = opened.respond(Ok(Response::Report(REPORT))).map_err(Failure::usage)?;
    let answered = page(answer);
    let repeated = firmware.open(&mut firmware_buffer, |copy| *copy = sent).map(drop);
    writeln!(out, "     repeated: {}", said(repeated))?;
    hold("a repeated message is refused", repeated == Err(Status::AEAD_OFLOW))?;
    let received = request
        .open(|copy| copy.iter_mut().zip(&answered).for_each(|(to, from)| *to = *from))
        .map_err(Failure::usage)?;
    hold("the report arrives", received == REPORT)?;
    writeln!(out, "     the guest has its report; its next number is {}", channel.count() + 1)?;
    let request = channel.seal(&asked, &mut buffer).map_err(Failure::usage)?;
    let replayed = request
        .open(|copy| copy.iter_mut().zip(&answered).for_each(|(to, from)| *to = *from))
        .map(drop);
    if let Err(why) = &replayed {
        writeln!(out, "     the old answer to a new question: {why}")?;
    }
    hold("an old answer stops the channel", replayed.is_err() && channel.is_stopped())?;
    writeln!(
        out,
        "   A number seals one message, ever: a channel that cannot be sure of it stops, and wipes its key."
    )?;
    Ok(())
}

/// What the firmware says.
fn said(result: Result<(), Status>) -> String {
    result.map_or_else(|status| format!("the firmware says {status}"), |()| "taken".to_owned())
}
