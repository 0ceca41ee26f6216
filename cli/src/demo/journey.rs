//! Pages that leave memory, and a guest that leaves the machine.

use std::io::Write;

use sevcrypt::image::{Launch, Ovmf, Profile};
use sevcrypt::platform::command::SnpGctxCreate;
use sevcrypt::platform::{LaunchOptions, Vmm, VmmError};
use sevcrypt::snp::message::{
    ExportRequest, ImportRequest, IncomingContext, MessageBuffer, ReportRequest,
};
use sevcrypt::snp::report::Report;
use sevcrypt::{Asid, GuestPhysAddr, Hex, Status};
use zeroize::Zeroizing;

use super::evidence::page;
use super::hold;
use super::machine::{self, Running, Scene, vcpu};
use crate::failure::Failure;
use crate::platform::image;

pub(super) fn swap(
    out: &mut impl Write,
    scene: &Scene,
    host: &Vmm<'_>,
    running: &mut Running,
) -> Result<(), Failure> {
    writeln!(
        out,
        "10. The host needs memory: the firmware enciphers a page of the guest's, and the host keeps it on a disk."
    )?;
    let guest = &mut running.guest;
    let gpa = GuestPhysAddr::new(0x10_0000).map_err(Failure::usage)?;
    let entry = host.metadata_page(guest).map_err(Failure::usage)?;
    let mut swapped = host.swap_out(guest, gpa, entry).map_err(Failure::usage)?;
    let away = vcpu(&scene.machine, guest).read(gpa, &mut [0; 16]);
    if let Err(why) = &away {
        writeln!(out, "     the guest reads:      {why}")?;
    }
    hold("a swapped page is away", away.is_err())?;
    swapped.ciphertext[100] ^= 1;
    let tampered = host.swap_in(guest, &swapped, entry);
    if let Err(why) = &tampered {
        writeln!(out, "     changed on the disk:  {why}")?;
    }
    hold(
        "a changed page stays out",
        matches!(tampered, Err(VmmError::Firmware { status: Status::BAD_MEASUREMENT, .. })),
    )?;
    swapped.ciphertext[100] ^= 1;
    host.swap_in(guest, &swapped, entry).map_err(Failure::usage)?;
    let mut seen = [0; 16];
    vcpu(&scene.machine, guest).read(gpa, &mut seen).map_err(Failure::usage)?;
    writeln!(out, "     unchanged, it is back: {:?}", String::from_utf8_lossy(&seen))?;
    let old = host.swap_in(guest, &swapped, entry);
    if let Err(why) = &old {
        writeln!(out, "     and once more:        {why}")?;
    }
    hold("an entry is for one time", old.is_err())?;
    host.take_back(entry).map_err(Failure::usage)?;
    writeln!(out)?;
    Ok(())
}

pub(super) fn migrate(
    out: &mut impl Write,
    here: &Scene,
    home: &Vmm<'_>,
    running: Running,
) -> Result<(), Failure> {
    writeln!(
        out,
        "11. The guest moves to another machine. Its migration agent, which it named at its launch, takes it there:"
    )?;
    let there = Scene::with_chip(2)?;
    let abroad = there.host();
    let bytes = image::firmware();
    let launch = Launch::new(
        Ovmf::parse(&bytes).map_err(Failure::usage)?,
        image::cpu(&there.chip)?,
        &Profile::QEMU,
    );
    let agent =
        abroad.launch(&launch, Asid::new(1), &LaunchOptions::default()).map_err(Failure::usage)?;
    let mut agent_channel = machine::channel(&there.machine, &agent)?;

    let Running {
        mut guest,
        mut channel,
        agent: old_agent,
        agent_channel: mut old_channel,
        measurement,
        ..
    } = running;
    let pages = guest.pages.len();
    let swapped = home.swap_out_all(&mut guest).map_err(Failure::usage)?;
    let mut buffer = MessageBuffer::new();
    let export = ExportRequest { gctx_paddr: guest.gctx, imi_en: false };
    let request = old_channel.seal(&export, &mut buffer).map_err(Failure::usage)?;
    let response =
        home.guest_request(&old_agent, &page(request.bytes())).map_err(Failure::usage)?;
    let context = request
        .open(|copy| copy.copy_from_slice(&response[..copy.len()]))
        .map(|context| Zeroizing::new(*context.bytes()))
        .map_err(Failure::usage)?;
    writeln!(
        out,
        "     {pages} pages swapped out, the context exported to the agent; here the guest is no more"
    )?;

    let gctx = abroad.firmware_page().map_err(Failure::usage)?;
    there
        .machine
        .issue(&mut SnpGctxCreate { gctx_paddr: gctx.get() })
        .map_err(|status| Failure::usage(format_args!("SNP_GCTX_CREATE: {status}")))?;
    let incoming =
        IncomingContext::new(sevcrypt::snp::message::ExportedContext::from_bytes(&context));
    let import = ImportRequest { gctx_paddr: gctx, incoming };
    let mut buffer = MessageBuffer::new();
    let request = agent_channel.seal(&import, &mut buffer).map_err(Failure::usage)?;
    let response = abroad.guest_request(&agent, &page(request.bytes())).map_err(Failure::usage)?;
    request
        .open(|copy| copy.copy_from_slice(&response[..copy.len()]))
        .map(drop)
        .map_err(Failure::usage)?;
    let guest = abroad.swap_in_all(gctx, Asid::new(2), &swapped).map_err(Failure::usage)?;
    writeln!(
        out,
        "     there it was imported by the agent of that machine, and its pages swapped in"
    )?;

    let gpa = GuestPhysAddr::new(0x10_0000).map_err(Failure::usage)?;
    let mut seen = [0; 16];
    vcpu(&there.machine, &guest).read(gpa, &mut seen).map_err(Failure::usage)?;
    writeln!(out, "     the guest reads: {:?}", String::from_utf8_lossy(&seen))?;
    hold("memory has moved", &seen == b"balance: 1000000")?;
    // The same channel, with its count: the guest does not notice.
    let mut buffer = MessageBuffer::new();
    let asked = ReportRequest::new(&[1; 64]);
    let request = channel.seal(&asked, &mut buffer).map_err(Failure::usage)?;
    let response = abroad.guest_request(&guest, &page(request.bytes())).map_err(Failure::usage)?;
    let report = request
        .open(|copy| copy.copy_from_slice(&response[..copy.len()]))
        .map_err(Failure::usage)?;
    let report = Report::from_bytes(report).map_err(Failure::usage)?;
    writeln!(
        out,
        "     its report: measurement {}... on chip {}...",
        Hex(&report.measurement()[..12]),
        Hex(&report.chip_id()[..12])
    )?;
    hold("the guest is the same", report.measurement() == &measurement)?;
    hold("the machine is another", report.chip_id() != here.chip.chip_id())?;
    writeln!(out)?;
    Ok(())
}
