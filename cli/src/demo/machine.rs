//! The demo's machine, its guest's launch, and what a host can and cannot do to it.

use std::io::Write;

use sevcrypt::ecdsa::SigningKey;
use sevcrypt::image::{Launch, Log, Ovmf, PageType, Profile};
use sevcrypt::platform::ca::TestCa;
use sevcrypt::platform::command::SnpInitEx;
use sevcrypt::platform::memory::DramKey;
use sevcrypt::platform::{
    Chip, GuestHandle, LaunchOptions, Machine, MachineConfig, Vcpu, Vmm, VmmError,
};
use sevcrypt::rmp::{Guest, PageAssignment};
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::id_block::{IdAuth, IdBlock};
use sevcrypt::snp::launch::measure;
use sevcrypt::snp::message::{GuestChannel, Vmpck};
use sevcrypt::snp::secrets::SecretsPage;
use sevcrypt::snp::tcb::Product;
use sevcrypt::{Asid, Backend, GuestPhysAddr, Hex, PageSize, PhysAddr, Status, Vmpl};
use zeroize::Zeroizing;

use super::hold;
use crate::failure::Failure;
use crate::launch::print_runs;
use crate::platform::{fuse, image, random};

/// A key that everybody knows; an owner's own stays with the owner.
const ID_KEY: [u8; 48] = *b"a key for ID blocks that the whole world knows..";
/// Bytes of a machine's memory.
const MEMORY: u64 = 16 << 20;
/// What the host has for guests.
const FREE: u64 = 1 << 20;
/// The policy of the guest: SMT, the bit that is always one, and that it may be migrated.
pub(super) const POLICY: GuestPolicy = GuestPolicy(0x7_0000);
/// How `sevcrypt measure snp` is told of the same launch.
pub(super) const MEASURED_AS: &str =
    "--vcpus 1 --vcpu-family 25 --vcpu-model 17 --vcpu-stepping 1 --explain";
const SECRET: &[u8; 16] = b"balance: 1000000";

/// A machine and the CA of its certificates.
pub(super) struct Scene {
    pub(super) ca: TestCa,
    pub(super) chip: Chip,
    pub(super) machine: Machine,
}

impl Scene {
    pub(super) fn new(out: &mut impl Write) -> Result<Self, Failure> {
        let scene = Self::with_chip(1)?;
        let versions = scene.machine.versions();
        writeln!(
            out,
            "1. A machine: {} with {} MiB of memory, firmware {}, and secrets in its fuses.",
            scene.chip.cpu(),
            MEMORY >> 20,
            versions.current
        )?;
        writeln!(
            out,
            "     CHIP_ID {}...\n     TCB     {}",
            Hex(&scene.chip.chip_id()[..24]),
            versions.reported_tcb.parts(Product::Genoa)
        )?;
        writeln!(
            out,
            "   Its keys follow from the chip's secret and the TCB version. Certificates: a test CA whose keys everybody has.\n"
        )?;
        Ok(scene)
    }

    /// A machine with another chip.
    pub(super) fn with_chip(number: u8) -> Result<Self, Failure> {
        let chip = || Chip::new(Product::Genoa, &[number; 48], &[number; 32]);
        let config = MachineConfig::new(&chip());
        let machine = Machine::new(chip(), config, MEMORY, random()).map_err(Failure::usage)?;
        machine
            .issue(&mut SnpInitEx { flags: 1, ..SnpInitEx::default() })
            .map_err(|status| Failure::usage(format_args!("SNP_INIT_EX: {status}")))?;
        let ca = TestCa::published(Product::Genoa).map_err(Failure::usage)?;
        fuse(&machine, &ca)?;
        Ok(Self { ca, chip: chip(), machine })
    }

    /// The machine's host.
    pub(super) fn host(&self) -> Vmm<'_> {
        let end = PhysAddr::new(MEMORY).expect("an address");
        Vmm::new(&self.machine, PhysAddr::new(FREE).expect("an address")..end)
    }
}

/// A guest, with what its kernel took from its secrets page, and its migration agent.
pub(super) struct Running {
    pub(super) guest: GuestHandle,
    pub(super) channel: GuestChannel,
    pub(super) agent: GuestHandle,
    pub(super) agent_channel: GuestChannel,
    pub(super) measurement: [u8; 48],
    /// DRAM's bytes of the firmware.
    pub(super) dram: Vec<u8>,
}

/// A vCPU of a guest, at its highest privilege.
pub(super) fn vcpu<'s>(
    machine: &'s Machine,
    guest: &'s GuestHandle,
) -> Vcpu<'s, sevcrypt::platform::NestedTable> {
    let level = Guest { asid: guest.asid, vmpl: Vmpl::VMPL0 };
    Vcpu::new(machine, level, &guest.nested)
}

/// What a guest's kernel does first: it takes its key out of the secrets page.
pub(super) fn channel(machine: &Machine, guest: &GuestHandle) -> Result<GuestChannel, Failure> {
    let mut page = Zeroizing::new([0; 4096]);
    let secrets = guest.page_of(PageType::Secrets);
    let secrets = secrets.ok_or_else(|| Failure::usage("the image has no secrets page"))?;
    vcpu(machine, guest).read(secrets, &mut *page).map_err(Failure::usage)?;
    let mut secrets = SecretsPage::open(&mut page).map_err(Failure::usage)?;
    GuestChannel::take(&mut secrets, Vmpck::VMPCK0, Backend::best()).map_err(Failure::usage)
}

pub(super) fn launch(
    out: &mut impl Write,
    scene: &Scene,
    host: &Vmm<'_>,
    firmware: &[u8],
) -> Result<Running, Failure> {
    let ovmf = Ovmf::parse(firmware).map_err(Failure::usage)?;
    let launch = Launch::new(ovmf, image::cpu(&scene.chip)?, &Profile::QEMU);
    writeln!(out, "2. The owner computes what will be measured, and signs an ID block over it:")?;
    let mut log = Log::default();
    let measurement =
        measure(&launch, Backend::best(), &mut |step| log.push(*step)).map_err(Failure::usage)?;
    print_runs(&log, out)?;
    writeln!(out, "     measurement {}...\n", Hex(&measurement[..24]))?;

    let key = SigningKey::from_scalar(&ID_KEY).ok_or_else(|| Failure::usage("the demo's key"))?;
    let signed = |measurement| {
        let block = IdBlock { policy: POLICY, ..IdBlock::new(measurement) };
        let id = block.sign(&key.verifying_key(), &key).map_err(Failure::usage)?;
        let mut page = [0; 4096];
        IdAuth::write(&mut page, &id, None);
        Ok::<_, Failure>((block, page))
    };

    writeln!(
        out,
        "3. The host launches the guest, page by page, and the firmware measures and enciphers each:"
    )?;
    let agent_options = LaunchOptions::default();
    let agent = host.launch(&launch, Asid::new(1), &agent_options).map_err(Failure::usage)?;
    let (block, page) = signed([0; 48])?;
    let mut options = LaunchOptions::default();
    options.policy = POLICY;
    options.migration_agent = Some(agent.gctx);
    options.id_block = Some((block, &page, false));
    let refused = host.launch(&launch, Asid::new(2), &options).map(drop);
    if let Err(why) = &refused {
        writeln!(out, "     with an ID block for another image: {why}")?;
    }
    let expected = Status::BAD_MEASUREMENT;
    hold(
        "an ID block is for one measurement",
        matches!(refused, Err(VmmError::Firmware { status, .. }) if status == expected),
    )?;
    scene.machine.wbinvd();
    scene
        .machine
        .issue(&mut sevcrypt::platform::command::SnpDfFlush {})
        .map_err(|status| Failure::usage(format_args!("SNP_DF_FLUSH: {status}")))?;
    let (block, page) = signed(measurement)?;
    options.id_block = Some((block, &page, false));
    let guest = host.launch(&launch, Asid::new(2), &options).map_err(Failure::usage)?;
    writeln!(
        out,
        "     with the owner's: it runs, {} pages, ASID {}",
        guest.pages.len(),
        guest.asid.get()
    )?;

    // The first page of the firmware: what the guest sees, and what DRAM has.
    let (gpa, spa, _) = guest.pages[0];
    let mut plain = [0; 4096];
    vcpu(&scene.machine, &guest).read(gpa, &mut plain).map_err(Failure::usage)?;
    let mut dram = Vec::new();
    for (_, page, _) in guest.pages.iter().take(firmware.len() / 4096) {
        let mut bytes = [0; 4096];
        scene.machine.host_read(*page, &mut bytes).map_err(Failure::usage)?;
        dram.extend(bytes);
    }
    writeln!(
        out,
        "     the guest reads at {gpa}: {}...\n     the host reads at {spa}: {}...",
        Hex(&plain[..16]),
        Hex(&dram[..16])
    )?;
    hold("the guest reads its firmware", plain[..] == firmware[..4096])?;
    hold("DRAM has ciphertext", dram != firmware)?;
    writeln!(out, "   Every byte of a guest is ciphertext in memory, at all times.\n")?;

    let channels = (channel(&scene.machine, &guest)?, channel(&scene.machine, &agent)?);
    let (channel, agent_channel) = channels;
    Ok(Running { guest, channel, agent, agent_channel, measurement, dram })
}

pub(super) fn attack(
    out: &mut impl Write,
    scene: &Scene,
    host: &Vmm<'_>,
    running: &mut Running,
) -> Result<(), Failure> {
    let machine = &scene.machine;
    writeln!(
        out,
        "4. The host gives the guest a page more. The guest accepts it and writes a secret:"
    )?;
    let gpa = GuestPhysAddr::new(0x10_0000).map_err(Failure::usage)?;
    let spa = host.add_page(&mut running.guest, gpa).map_err(Failure::usage)?;
    let guest = &running.guest;
    let mut cpu = vcpu(machine, guest);
    let before = cpu.write(gpa, SECRET);
    if let Err(why) = &before {
        writeln!(out, "     before PVALIDATE: {why}")?;
    }
    hold("a page has to be accepted", before.is_err())?;
    let access = cpu.access(gpa).map_err(Failure::usage)?;
    let rmp = machine.rmp();
    rmp.pvalidate(cpu.guest(), access, PageSize::Size4K, true).map_err(Failure::usage)?;
    cpu.write(gpa, SECRET).map_err(Failure::usage)?;
    let mut seen = [0; 16];
    machine.host_read(spa, &mut seen).map_err(Failure::usage)?;
    writeln!(
        out,
        "     the guest: {:?}\n     the host:  {}\n",
        String::from_utf8_lossy(SECRET),
        Hex(&seen)
    )?;

    writeln!(out, "5. What the reverse map table (RMP) stops:")?;
    let written = machine.host_write(spa, b"balance: 9999999");
    if let Err(why) = &written {
        writeln!(out, "     the host writes to the page:      {why}")?;
    }
    hold("the host cannot write a guest's page", written.is_err())?;
    // Another page of the guest's, mapped where the secret stands.
    let (_, other, _) = guest.pages[0];
    guest.nested.map(gpa, other, PageSize::Size4K);
    let remapped = cpu.read(gpa, &mut seen);
    guest.nested.map(gpa, spa, PageSize::Size4K);
    if let Err(why) = &remapped {
        writeln!(out, "     it maps another page in its place: {why}")?;
    }
    hold("a page cannot be put elsewhere", remapped.is_err())?;
    let stolen = rmp.rmpupdate(Asid::HOST, spa.get(), &PageAssignment::HYPERVISOR.to_bytes());
    stolen.map_err(Failure::usage)?;
    let given = PageAssignment::guest(guest.asid, gpa, PageSize::Size4K);
    rmp.rmpupdate(Asid::HOST, spa.get(), &given.to_bytes()).map_err(Failure::usage)?;
    let taken = cpu.read(gpa, &mut seen);
    if let Err(why) = &taken {
        writeln!(out, "     it takes the page and gives it back: {why}")?;
    }
    hold("a page that was away has to be accepted anew", taken.is_err())?;
    rmp.pvalidate(cpu.guest(), access, PageSize::Size4K, true).map_err(Failure::usage)?;
    cpu.write(gpa, SECRET).map_err(Failure::usage)?;
    writeln!(out)?;

    writeln!(
        out,
        "6. What nothing stops: old ciphertext, put back by a device on the memory bus."
    )?;
    let bus =
        |bytes: &mut [u8]| machine.memory().read(DramKey::None, spa, bytes).map_err(Failure::usage);
    let mut old = [0; 16];
    bus(&mut old)?;
    cpu.write(gpa, b"balance: 0000000").map_err(Failure::usage)?;
    machine.memory().write(DramKey::None, spa, &old).map_err(Failure::usage)?;
    cpu.read(gpa, &mut seen).map_err(Failure::usage)?;
    writeln!(out, "     the guest reads: {:?}", String::from_utf8_lossy(&seen))?;
    hold("a replay is read as it was", seen == *SECRET)?;
    writeln!(
        out,
        "   Memory is enciphered, not authenticated (BadRAM 2024, TEE.fail 2025): this model has that, too.\n"
    )?;
    Ok(())
}
