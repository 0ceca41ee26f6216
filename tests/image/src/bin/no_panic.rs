//! A freestanding program that cannot be linked where a panic can be reached: its panic handler calls a function that does
//! not exist, and the linker looks at what is used only.

#![no_std]
#![no_main]
// The control has nothing but the panic.
#![cfg_attr(feature = "reachable-panic", allow(dead_code, unused_imports, reason = "the control"))]

use core::hint::black_box;

use sevcrypt::image::{CpuSignature, Generation, KernelHashes, Launch, Ovmf, Profile, Svsm};
use sevcrypt::snp::keys::{DerivedKey, KeyRequest, KeySelect};
use sevcrypt::snp::launch::CpuidPage;
use sevcrypt::snp::launch::igvm::IgvmFile;
use sevcrypt::snp::message::{
    AbsorbNomaRequest, AbsorbRequest, CpuidEntries, CpuidRequest, CpuidResponse, Exit,
    ExportRequest, ExportedContext, FirmwareChannels, GuestChannel, GuestRequest, ImportRequest,
    IncomingContext, MessageBuffer, Next, ReportRequest, Request, Response, TscInfo,
    TscInfoRequest, Vmpck, VmrkRequest,
};
use sevcrypt::snp::report::Report;
use sevcrypt::snp::response;
use sevcrypt::snp::secrets::SecretsPage;
use sevcrypt::snp::swap::MdataEntry;
use sevcrypt::{Backend, PhysAddr, Status};

unsafe extern "C" {
    /// Nowhere.
    fn a_panic_can_be_reached() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: a program that holds this call is never linked.
    unsafe { a_panic_can_be_reached() }
}

/// Aligns the stack and goes on in Rust.
#[unsafe(no_mangle)]
#[unsafe(naked)]
extern "sysv64" fn _start() -> ! {
    core::arch::naked_asm!("and rsp, -16", "call {run}", "2: jmp 2b", run = sym run)
}

extern "sysv64" fn run() {
    static INPUT: [u8; 4000] = [2; 4000];
    let input: &[u8] = black_box(&INPUT);
    let input = input.get(..black_box(1184)).unwrap_or_default();
    #[cfg(not(feature = "reachable-panic"))]
    let _ = black_box((report(input), message(input), entry(input), launch(input), igvm(input)));
    #[cfg(feature = "reachable-panic")]
    black_box(input[black_box(1184)]);
}

/// Every field of a report, also as a guest's device gives it.
fn report(input: &[u8]) -> Option<()> {
    let found = response::find(input).ok()?;
    let report = Report::from_bytes(found.report).ok()?;
    black_box((report.version(), report.guest_svn(), report.policy(), report.vmpl()));
    black_box((report.family_id(), report.image_id(), report.signature_algo()));
    black_box((report.current_tcb(), report.reported_tcb(), report.committed_tcb()));
    black_box((report.launch_tcb(), report.extended_tcbs(), report.cpu(), report.product()));
    black_box((report.platform_info(), report.key_info(), report.report_data()));
    black_box((report.measurement(), report.host_data(), report.id_key_digest()));
    black_box((report.author_key_digest(), report.report_id(), report.report_id_ma()));
    black_box((report.chip_id(), report.chip_id_is_masked()));
    black_box((report.current_version(), report.committed_version()));
    black_box((report.launch_mit_vector(), report.current_mit_vector()));
    black_box((report.signed_bytes(), report.signature_field()));
    let _ = black_box(report.check_reserved());
    Some(())
}

/// A firmware image with its sections, and what a VMM loads of it.
fn launch(input: &[u8]) -> Option<()> {
    let firmware = Ovmf::parse(input).ok()?;
    black_box((firmware.reset_eip(), firmware.hash_table(), firmware.secret_area()));
    black_box(firmware.sections()?.count());
    let hash = *input.first_chunk()?;
    let kernel = Some(KernelHashes { kernel: hash, initrd: hash, command_line: hash });
    let svsm = Some(Svsm { image: firmware, vars_size: black_box(0x1000) });
    let cpu = CpuSignature(black_box(0xa0_0f11));
    let mut launch = Launch::new(firmware, cpu, &Profile::EC2);
    launch.kernel = kernel;
    launch.vcpus = black_box(2);
    for svsm in [svsm, None] {
        launch.svsm = svsm;
        for generation in [Generation::Sev, Generation::SevEs, Generation::Snp] {
            launch
                .updates(generation, &mut |update| {
                    black_box(*update);
                })
                .ok()?;
        }
    }
    let mut page = [2; 4096];
    let page = CpuidPage::open(&mut page).ok()?;
    black_box(page.entries().iter().count());
    Some(())
}

/// An IGVM file's headers and directives.
fn igvm(input: &[u8]) -> Option<()> {
    let file = IgvmFile::parse(input).ok()?;
    file.directives().for_each(|directive| {
        black_box(directive);
    });
    Some(())
}

/// A guest's exchange with the firmware, whatever the two hear from each other.
fn message(input: &[u8]) -> Option<()> {
    let (page, rest) = input.split_first_chunk::<256>()?;
    let key = rest.first_chunk::<32>()?;
    let backend = Backend::best();
    let mut memory = [0; 4096];
    memory.iter_mut().zip(page).for_each(|(to, from)| *to = *from);
    let mut secrets = SecretsPage::open(&mut memory).ok()?;
    let mut channel = GuestChannel::take(&mut secrets, Vmpck::VMPCK2, backend).ok()?;
    let mut firmware = FirmwareChannels::new(&[*key; 4], [0; 4], backend);
    let (mut buffer, mut other) = (MessageBuffer::new(), MessageBuffer::new());

    let entries = [*input.first_chunk()?; 3];
    let context = ExportedContext::from_bytes(input.first_chunk()?);
    let incoming = IncomingContext::new(context);
    let gctx_paddr = PhysAddr::new(0x1000).ok()?;
    let ends = &mut (&mut channel, &mut firmware, &mut buffer, &mut other);
    exchange(ends, &CpuidRequest { entries: CpuidEntries::new(&entries)? }, input);
    exchange(ends, &KeyRequest::new(KeySelect::Vcek), input);
    exchange(ends, &ReportRequest::new(input.first_chunk()?), input);
    exchange(ends, &ExportRequest { gctx_paddr, imi_en: true }, input);
    exchange(ends, &ImportRequest { gctx_paddr, incoming }, input);
    exchange(ends, &AbsorbRequest { gctx_paddr, incoming }, input);
    exchange(ends, &AbsorbNomaRequest { incoming }, input);
    exchange(ends, &VmrkRequest { gctx_paddr, vmrk: key }, input);
    exchange(ends, &TscInfoRequest, input);
    channel.hand_over(&mut secrets).ok()
}

/// One request, its answer and its response.
fn exchange<R: Request>(
    (channel, firmware, buffer, other): &mut (
        &mut GuestChannel,
        &mut FirmwareChannels,
        &mut MessageBuffer,
        &mut MessageBuffer,
    ),
    request: &R,
    input: &[u8],
) -> Option<()> {
    let request = channel.seal(request, buffer).ok()?;
    let fill = |to: &mut [u8]| to.iter_mut().zip(input).for_each(|(to, from)| *to = *from);
    let sent = request.bytes();
    let opened = firmware.open(other, |copy| {
        fill(copy);
        copy.iter_mut().zip(sent).for_each(|(to, from)| *to = *from);
    });
    let opened = opened.ok()?;
    black_box((opened.header(), opened.vmpck(), opened.payload()));
    let answer = match opened.request() {
        Err(status) => opened.respond(Err(status)),
        Ok(GuestRequest::Cpuid(asked)) => {
            black_box(asked.entries.iter().map(|entry| entry.eax).max());
            let response =
                CpuidResponse { status: Status::SUCCESS, entries: CpuidEntries::empty() };
            opened.respond(Ok(Response::Cpuid(response)))
        }
        Ok(GuestRequest::Key(_)) => {
            opened.respond(Ok(Response::Key(&DerivedKey::new(input.first_chunk()?))))
        }
        Ok(GuestRequest::Report(_)) => opened.respond(Ok(Response::Report(input.first_chunk()?))),
        Ok(GuestRequest::Export(_)) => {
            let context = ExportedContext::from_bytes(input.first_chunk()?);
            opened.respond(Ok(Response::Export(context)))
        }
        Ok(GuestRequest::AbsorbNoma(_)) => opened.absorb(),
        Ok(GuestRequest::TscInfo(_)) => opened.respond(Ok(Response::TscInfo(TscInfo::default()))),
        Ok(_) => opened.respond(Ok(Response::Done)),
    };
    let answer = answer.ok()?;
    let Next::Open(request) = request.returned(Exit::Plain, black_box(0)).ok()? else {
        return None;
    };
    let response = request.open(|copy| {
        fill(copy);
        copy.iter_mut().zip(answer).for_each(|(to, from)| *to = *from);
    });
    black_box(response.ok()).map(drop)
}

/// An entry of a metadata page.
fn entry(input: &[u8]) -> Option<[u8; 64]> {
    let entry = MdataEntry::from_bytes(input.first_chunk()?).ok()?;
    Some(entry.to_bytes())
}
