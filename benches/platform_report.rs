//! A report from a software platform, from the guest's request to the report in its hands, and where the time goes.
//!
//! ```sh
//! cargo bench --features platform --bench platform_report
//! ```
//!
//! `sign` is the signature alone. `request` is everything: the guest seals, the firmware looks at pages, opens, writes the report,
//! signs and seals, the guest opens. `request-unsigned` is the same on a platform that signs nothing (MASK_CHIP_KEY).

#![allow(missing_docs, reason = "criterion's macros write items without docs")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sevcrypt::ecdsa::{Signer, SigningKey};
use sevcrypt::platform::command::{
    SnpActivate, SnpConfig, SnpGctxCreate, SnpGuestRequest, SnpInit, SnpLaunchFinish,
    SnpLaunchStart, SnpLaunchUpdate,
};
use sevcrypt::platform::memory::DramKey;
use sevcrypt::platform::rand_core;
use sevcrypt::platform::{Chip, Machine, MachineConfig};
use sevcrypt::rmp::PageAssignment;
use sevcrypt::snp::message::{GuestChannel, MessageBuffer, ReportRequest, Vmpck};
use sevcrypt::snp::report::REPORT_LEN;
use sevcrypt::snp::secrets::SecretsPage;
use sevcrypt::snp::tcb::Product;
use sevcrypt::{Asid, Backend, GuestPhysAddr, PageSize, PhysAddr, Status};

#[path = "../tests/support/counting.rs"]
mod counting;

use counting::Counting;

const CONTEXT: u64 = 0x1000;
const SECRETS: u64 = 0x2000;
const REQUEST: u64 = 0x3000;
const RESPONSE: u64 = 0x4000;
const ASID: Asid = Asid::new(1);

/// A machine with a guest that runs, and the guest's channel.
fn launch() -> Result<(Machine, GuestChannel), Status> {
    let chip = Chip::new(Product::Genoa, &[1; 48], &[2; 32]);
    let config = MachineConfig::new(&chip);
    let machine = Machine::new(chip, config, 2 << 20, Counting(7)).expect("a machine");
    let assign = |page, to: PageAssignment| {
        machine.rmp().rmpupdate(Asid::HOST, page, &to.to_bytes()).expect("a page of the host's");
    };
    machine.issue(&mut SnpInit::default())?;
    assign(CONTEXT, PageAssignment::FIRMWARE);
    assign(RESPONSE, PageAssignment::FIRMWARE);
    let gctx_paddr = CONTEXT;
    machine.issue(&mut SnpGctxCreate { gctx_paddr })?;
    machine.issue(&mut SnpLaunchStart { gctx_paddr, policy: 0x3_0000, ..Default::default() })?;
    machine.issue(&mut SnpActivate { gctx_paddr, asid: ASID.get() })?;
    let gpa = GuestPhysAddr::new(0x5000).expect("small");
    assign(SECRETS, PageAssignment::guest(ASID, gpa, PageSize::Size4K).locked());
    let (page_info, page_paddr) = (5 << 1, SECRETS);
    machine.issue(&mut SnpLaunchUpdate {
        gctx_paddr,
        page_info,
        page_paddr,
        ..Default::default()
    })?;
    machine.issue(&mut SnpLaunchFinish { gctx_paddr, ..Default::default() })?;

    let mut secrets = [0; 4096];
    let place = PhysAddr::new(SECRETS).expect("small");
    machine.memory().read(DramKey::Slot(ASID), place, &mut secrets).expect("its own page");
    let mut secrets = SecretsPage::open(&mut secrets).expect("a secrets page");
    let channel = GuestChannel::take(&mut secrets, Vmpck::VMPCK0, Backend::best());
    Ok((machine, channel.expect("a key")))
}

/// A report for a nonce.
fn report(machine: &Machine, channel: &mut GuestChannel, nonce: &[u8; 64]) -> [u8; REPORT_LEN] {
    let mut buffer = MessageBuffer::new();
    let sealed = channel.seal(&ReportRequest::new(nonce), &mut buffer).expect("a request");
    let at = |addr| PhysAddr::new(addr).expect("small");
    machine.host_write(at(REQUEST), sealed.bytes()).expect("the host's page");
    let mut command =
        SnpGuestRequest { gctx_paddr: CONTEXT, request_paddr: REQUEST, response_paddr: RESPONSE };
    machine.issue(&mut command).expect("a good request");
    let read = |copy: &mut [u8]| machine.host_read(at(RESPONSE), copy).expect("memory");
    *sealed.open(read).expect("a report")
}

fn reports(c: &mut Criterion) {
    let mut group = c.benchmark_group("platform-report");
    group.throughput(Throughput::Elements(1));
    let (machine, mut channel) = launch().expect("a guest");
    let nonce = [0x5a; 64];

    let key = SigningKey::from_scalar(&[7; 48]).expect("a scalar");
    let body = report(&machine, &mut channel, &nonce);
    group.bench_function("sign", |b| b.iter(|| key.sign_sha384(black_box(&body[..0x2a0]))));
    group.bench_function("request", |b| {
        b.iter(|| report(&machine, &mut channel, black_box(&nonce)));
    });
    machine.issue(&mut SnpConfig { flags: 2, ..Default::default() }).expect("a mask");
    group.bench_function("request-unsigned", |b| {
        b.iter(|| report(&machine, &mut channel, black_box(&nonce)));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(600));
    targets = reports
}
criterion_main!(benches);
