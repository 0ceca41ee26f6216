//! Machines, guests and pages for the tests of commands.

use std::convert::Infallible;
use std::vec;
use std::vec::Vec;

use rand_core::{TryCryptoRng, TryRng, utils};

use crate::Backend;
use crate::addr::{Asid, GuestPhysAddr, PAGE, PageSize, Vmpck};
use crate::platform::command::*;
use crate::platform::firmware::{Bus, GuestContext, GuestState};
use crate::platform::{Chip, Machine, MachineConfig, PlatformVersions};
use crate::rmp::{Access, Entry, Guest, PageAssignment, PageState};
use crate::snp::message::{
    ContextDraft, CountWidth, GuestChannel, ImportRequest, IncomingContext, MessageBuffer, Request,
};
use crate::snp::report::FirmwareVersion;
use crate::snp::swap::MdataEntry;
use crate::snp::tcb::{Product, TcbVersion};
use crate::status::Status;
use crate::{PhysAddr, Vmpl};

/// Random numbers that are not: what was asked for first, then bytes that count on.
pub(in crate::platform::firmware) struct Scripted {
    script: Vec<u8>,
    at: usize,
}

impl Scripted {
    pub(in crate::platform::firmware) fn new(script: &[u8]) -> Self {
        Self { script: script.to_vec(), at: 0 }
    }
}

impl TryRng for Scripted {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        for byte in to {
            let counted = (self.at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
            *byte = self.script.get(self.at).copied().unwrap_or(counted as u8);
            self.at += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for Scripted {}

/// The bytes of a machine's memory.
pub(in crate::platform::firmware) const MEMORY: u64 = 8 << 20;

/// POLICY: SMT and the bit that is always one.
pub(in crate::platform::firmware) const POLICY: u64 = 0x3_0000;
/// MIGRATE_MA.
pub(in crate::platform::firmware) const MIGRATE_MA: u64 = 1 << 18;

/// Where contexts stand, and the ASID that goes with each.
pub(in crate::platform::firmware) const GCTX: u64 = 0x10_0000;
pub(in crate::platform::firmware) const OTHER: u64 = 0x10_1000;
pub(in crate::platform::firmware) const ASID: Asid = Asid::new(5);
pub(in crate::platform::firmware) const OTHER_ASID: Asid = Asid::new(6);

/// The TCB version of the sheets' examples.
pub(in crate::platform::firmware) const TCB: TcbVersion =
    TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]);

/// A count of bytes: `from`, `from` + 1 and so on.
pub(in crate::platform::firmware) fn count<const N: usize>(from: u8) -> [u8; N] {
    let mut byte = from;
    [(); N].map(|()| {
        byte = byte.wrapping_add(1);
        byte.wrapping_sub(1)
    })
}

/// What LAUNCH_START draws behind the VEK seed of GCTX_CREATE: OEK, VMPCK0 to VMPCK3, VMRK, REPORT_ID.
pub(in crate::platform::firmware) fn launch_script(
    oek: [u8; 32],
    vmpcks: [[u8; 32]; 4],
) -> Vec<u8> {
    let [a, b, c, d] = vmpcks;
    [[0x11; 32], oek, a, b, c, d, count(0x70), count(0xc0)].concat()
}

/// The OEK of the worked example, and four VMPCKs of which two are those of the worked example.
pub(in crate::platform::firmware) const fn keys() -> ([u8; 32], [[u8; 32]; 4]) {
    let (mut oek, mut vmpcks) = ([0; 32], [[0; 32], [0; 32], [0xa2; 32], [0xa3; 32]]);
    let mut i = 0;
    while i < 32 {
        oek[i] = 0x80 + i as u8;
        vmpcks[0][i] = i as u8;
        vmpcks[1][i] = 0x40 + i as u8;
        i += 1;
    }
    (oek, vmpcks)
}

/// Page A of the worked examples.
pub(in crate::platform::firmware) fn page_a() -> [u8; PAGE] {
    let mut page = [0; PAGE];
    page[..18].copy_from_slice(b"AMD SEV-SNP page A");
    page
}

/// A machine with SNP initialised.
pub(in crate::platform::firmware) struct Lab {
    pub(in crate::platform::firmware) machine: Machine,
}

/// Everything that a command could have changed.
#[derive(PartialEq)]
pub(in crate::platform::firmware) struct Snapshot {
    entries: Vec<Entry>,
    memory: Vec<u8>,
    guests: Vec<(u64, Vec<u8>)>,
    platform: std::string::String,
}

impl Lab {
    /// A machine of the worked examples, whose random numbers begin with a guest's.
    pub(in crate::platform::firmware) fn new() -> Self {
        let (oek, vmpcks) = keys();
        Self::with_script(&launch_script(oek, vmpcks))
    }

    pub(in crate::platform::firmware) fn issue(
        &self,
        mut command: impl Command,
    ) -> Result<(), Status> {
        self.machine.issue(&mut command)
    }

    /// The same with a command that is needed again.
    pub(in crate::platform::firmware) fn issue_ref<C: Command>(
        &self,
        command: &C,
    ) -> Result<(), Status> {
        let mut buffer = [0; 0x40];
        let buffer = &mut buffer[..C::LEN];
        command.write(buffer);
        self.machine.command(C::ID, buffer).ok()
    }

    pub(in crate::platform::firmware) fn bus(&self) -> Bus<'_, crate::platform::memory::HeapDram> {
        Bus(&self.machine)
    }

    pub(in crate::platform::firmware) fn entry(&self, spa: u64) -> Entry {
        self.machine.rmp().page(spa).unwrap().entry
    }

    pub(in crate::platform::firmware) fn state(&self, spa: u64) -> PageState {
        self.machine.rmp().page(spa).unwrap().state
    }

    /// RMPUPDATE.
    pub(in crate::platform::firmware) fn assign(&self, spa: u64, assignment: PageAssignment) {
        self.machine.rmp().rmpupdate(Asid::HOST, spa, &assignment.to_bytes()).unwrap();
    }

    /// Gives pages to the firmware.
    pub(in crate::platform::firmware) fn give(&self, spas: &[u64]) {
        spas.iter().for_each(|spa| self.assign(*spa, PageAssignment::FIRMWARE));
    }

    /// Takes a page of the firmware's back.
    pub(in crate::platform::firmware) fn take_back(&self, spa: u64) {
        self.issue(SnpPageReclaim { page_paddr: spa }).unwrap();
        self.assign(spa, PageAssignment::HYPERVISOR);
    }

    /// A page for a guest to be filled by the firmware.
    pub(in crate::platform::firmware) fn pre_guest(
        &self,
        spa: u64,
        asid: Asid,
        gpa: u64,
        size: PageSize,
    ) {
        let gpa = GuestPhysAddr::new(gpa).unwrap();
        self.assign(spa, PageAssignment::guest(asid, gpa, size).locked());
    }

    /// Locks a page of a guest for the firmware, as it is.
    pub(in crate::platform::firmware) fn lock(&self, spa: u64) {
        let entry = self.entry(spa);
        let same = PageAssignment::guest(entry.asid(), entry.gpa(), entry.page_size());
        self.assign(spa, same.locked());
    }

    /// GCTX_CREATE, on a page of the hypervisor's.
    pub(in crate::platform::firmware) fn create(&self, gctx_paddr: u64) {
        self.give(&[gctx_paddr]);
        self.issue(SnpGctxCreate { gctx_paddr }).unwrap();
    }

    /// GCTX_CREATE, LAUNCH_START and ACTIVATE.
    pub(in crate::platform::firmware) fn start(&self, gctx_paddr: u64, asid: Asid, policy: u64) {
        self.start_with(gctx_paddr, asid, policy, None, false);
    }

    /// The same with a migration agent, or for a migration image.
    pub(in crate::platform::firmware) fn start_with(
        &self,
        gctx_paddr: u64,
        asid: Asid,
        policy: u64,
        agent: Option<u64>,
        imi_en: bool,
    ) {
        self.create(gctx_paddr);
        let flags = u32::from(agent.is_some()) | u32::from(imi_en) << 1;
        let ma_gctx_paddr = agent.unwrap_or_default();
        let start =
            SnpLaunchStart { gctx_paddr, policy, ma_gctx_paddr, flags, ..Default::default() };
        self.issue(start).unwrap();
        self.activate(gctx_paddr, asid).unwrap();
    }

    pub(in crate::platform::firmware) fn activate(
        &self,
        gctx_paddr: u64,
        asid: Asid,
    ) -> Result<(), Status> {
        self.issue(SnpActivate { gctx_paddr, asid: asid.get() })
    }

    /// LAUNCH_UPDATE of a normal page, with bytes that the host puts there.
    pub(in crate::platform::firmware) fn launch_page(
        &self,
        gctx_paddr: u64,
        asid: Asid,
        spa: u64,
        gpa: u64,
        page: &[u8],
    ) {
        let size = PageSize::from_bytes(page.len()).unwrap();
        self.bus().write(spa, page).unwrap();
        self.pre_guest(spa, asid, gpa, size);
        let page_info = 1 << 1 | size as u32;
        let update =
            SnpLaunchUpdate { gctx_paddr, page_info, page_paddr: spa, ..Default::default() };
        self.issue(update).unwrap();
        assert_eq!(self.state(spa), PageState::GuestValid);
    }

    pub(in crate::platform::firmware) fn finish(&self, gctx_paddr: u64) {
        self.issue(SnpLaunchFinish { gctx_paddr, ..Default::default() }).unwrap();
    }

    /// A guest that runs, with no pages.
    pub(in crate::platform::firmware) fn guest(&self, gctx_paddr: u64, asid: Asid) {
        self.start(gctx_paddr, asid, POLICY);
        self.finish(gctx_paddr);
    }

    /// Metadata pages of a guest.
    pub(in crate::platform::firmware) fn metadata(&self, gctx_paddr: u64, page_paddr: u64) {
        self.give(&[page_paddr]);
        self.issue(SnpPageMdInit { gctx_paddr, page_paddr }).unwrap();
        assert_eq!(self.state(page_paddr), PageState::Metadata);
    }

    /// Memory as the host sees it.
    pub(in crate::platform::firmware) fn raw(&self, spa: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.bus().read(spa, &mut bytes).unwrap();
        bytes
    }

    /// Memory as a guest sees it.
    pub(in crate::platform::firmware) fn private(
        &self,
        asid: Asid,
        spa: u64,
        len: usize,
    ) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.bus().read_guest(asid, spa, &mut bytes).unwrap();
        bytes
    }

    /// Whether a guest can read a page, where the host has mapped it as the RMP has it.
    pub(in crate::platform::firmware) fn can_read(&self, asid: Asid, spa: u64) -> bool {
        let entry = self.entry(spa);
        let access = Access { spa, gpa: entry.gpa(), mapping: entry.page_size() };
        let guest = Guest { asid, vmpl: Vmpl::VMPL0 };
        self.machine.rmp().check(guest, crate::rmp::Kind::Read, access).is_ok()
    }

    pub(in crate::platform::firmware) fn mdata(&self, spa: u64) -> MdataEntry {
        MdataEntry::from_bytes(self.raw(spa, 64).first_chunk().unwrap()).unwrap()
    }

    pub(in crate::platform::firmware) fn guest_state(&self, gctx: u64) -> Option<GuestState> {
        self.machine.lock().snp.guests.get(&gctx).map(|guest| guest.state)
    }

    pub(in crate::platform::firmware) fn snapshot(&self) -> Snapshot {
        let entries = (0..MEMORY / PAGE as u64).map(|page| self.entry(page * PAGE as u64));
        let state = self.machine.lock();
        let guests = state.snp.guests.iter().map(|(gctx, guest)| (*gctx, guest.bytes())).collect();
        let entries = entries.collect();
        let (versions, snp, asids) = (&state.versions, &state.snp, &state.asids);
        let platform = std::format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            (versions.current, versions.committed),
            (versions.current_tcb, versions.committed_tcb, versions.configured_tcb),
            versions.vcek.verifying_key(),
            (snp.is_init, snp.is_rmp_init, snp.rapl_dis, snp.ciphertext_hiding),
            (snp.max_snp_asid, snp.mask_chip_id, snp.mask_chip_key),
            snp.vlek.as_ref().map(|vlek| *vlek.sticks.stick_7().as_bytes()),
            (&asids.states, asids.is_written_back),
        );
        drop(state);
        Snapshot { entries, memory: self.raw(0, MEMORY as usize), guests, platform }
    }

    /// Runs a command that must be refused with a status, and must change nothing.
    #[track_caller]
    pub(in crate::platform::firmware) fn refused<C: Command + Copy>(
        &self,
        command: C,
        status: Status,
    ) {
        let mut buffer = [0; 0x40];
        command.write(&mut buffer[..C::LEN]);
        self.refused_bytes(C::ID, &mut buffer[..C::LEN], status);
    }

    #[track_caller]
    pub(in crate::platform::firmware) fn refused_bytes(
        &self,
        id: CommandId,
        buffer: &mut [u8],
        status: Status,
    ) {
        let before = self.snapshot();
        assert_eq!(self.machine.command(id, buffer), status);
        assert!(self.snapshot() == before, "{status}: something was changed");
    }
}

impl GuestContext {
    /// All of it.
    pub(in crate::platform::firmware) fn bytes(&self) -> Vec<u8> {
        let mut draft = ContextDraft::new();
        self.export(&mut draft);
        let agent = self.migration_agent.unwrap_or(u64::MAX);
        let mut bytes = draft.context().bytes().to_vec();
        bytes.extend(self.report_id_ma);
        bytes.extend(agent.to_le_bytes());
        bytes.extend(self.asid.unwrap_or(Asid::HOST).get().to_le_bytes());
        bytes.push(self.imi_en.into());
        bytes.extend(*self.vek_seed);
        bytes
    }
}

/// A guest's end of a channel to the firmware of a lab, over two pages of the host's.
pub(in crate::platform::firmware) struct Talk<'l> {
    pub(in crate::platform::firmware) lab: &'l Lab,
    pub(in crate::platform::firmware) gctx: u64,
    pub(in crate::platform::firmware) request: u64,
    pub(in crate::platform::firmware) response: u64,
    pub(in crate::platform::firmware) channel: GuestChannel,
}

impl<'l> Talk<'l> {
    /// A channel with VMPCK0 of [`keys`]. The response page is given to the firmware.
    pub(in crate::platform::firmware) fn new(lab: &'l Lab, gctx: u64, response: u64) -> Self {
        let (_, [key, ..]) = keys();
        Self::with_key(lab, gctx, response, &key, Vmpck::VMPCK0, 0)
    }

    pub(in crate::platform::firmware) fn with_key(
        lab: &'l Lab,
        gctx: u64,
        response: u64,
        key: &[u8; 32],
        vmpck: Vmpck,
        count: u64,
    ) -> Self {
        if lab.state(response) == PageState::Hypervisor {
            lab.give(&[response]);
        }
        let channel =
            GuestChannel::new(key, vmpck, count, CountWidth::Bits64, Backend::best()).unwrap();
        Self { lab, gctx, request: 0x20_0000, response, channel }
    }

    /// Sends a request, and shows what the guest reads of the response.
    pub(in crate::platform::firmware) fn ask<R: Request, T>(
        &mut self,
        request: &R,
        look: impl FnOnce(Result<R::Response<'_>, crate::snp::message::OpenError>) -> T,
    ) -> T {
        let mut buffer = MessageBuffer::new();
        let Self { lab, gctx, request: request_paddr, response, ref mut channel } = *self;
        let sealed = channel.seal(request, &mut buffer).unwrap();
        lab.bus().write(request_paddr, sealed.bytes()).unwrap();
        let command = SnpGuestRequest { gctx_paddr: gctx, request_paddr, response_paddr: response };
        lab.issue(command).unwrap();
        look(sealed.open(|copy| lab.bus().read(response, copy).unwrap()))
    }
}

/// A context that is imported, so that a guest has what a test wants.
pub(in crate::platform::firmware) fn import(
    lab: &Lab,
    agent: &mut Talk<'_>,
    gctx: u64,
    draft: &ContextDraft,
) {
    lab.create(gctx);
    let incoming = IncomingContext::new(draft.context());
    let request = ImportRequest { gctx_paddr: PhysAddr::new(gctx).unwrap(), incoming };
    agent.ask(&request, |result| result.unwrap());
}

/// A context with the keys of [`keys`] and a valid ROOT_MD_ENTRY, as [`import`] wants it.
pub(in crate::platform::firmware) fn draft() -> ContextDraft {
    let (oek, vmpcks) = keys();
    let mut draft = ContextDraft::new();
    let mut root = [0; 64];
    root[0x20] = 1;
    draft.set_oek(&oek).set_root_md_entry(&root).set_policy(crate::snp::GuestPolicy(POLICY));
    for (vmpck, key) in Vmpck::ALL.into_iter().zip(&vmpcks) {
        draft.set_vmpck(vmpck, key);
    }
    draft
}

/// The build of the published firmware.
pub(in crate::platform::firmware) const FIRST: u8 = 25;

/// The chip of the worked examples.
pub(in crate::platform::firmware) fn chip(product: Product) -> Chip {
    let secret = <sha2::Sha384 as sha2::Digest>::digest(b"SEV-SNP software model chip seed 0");
    Chip::new(product, &secret.into(), &count(1))
}

impl Lab {
    /// A machine whose random numbers begin with these, when SNP is initialised.
    pub(in crate::platform::firmware) fn with_script(script: &[u8]) -> Self {
        Self::with(Product::Genoa, FIRST, script)
    }

    /// The same for a product and a build of its firmware.
    pub(in crate::platform::firmware) fn with(product: Product, build: u8, script: &[u8]) -> Self {
        let chip = chip(product);
        let mut config = MachineConfig::new(&chip);
        let version = FirmwareVersion { major: 1, minor: 55, build };
        config.versions = PlatformVersions {
            current: version,
            committed: version,
            current_tcb: TCB,
            committed_tcb: TCB,
            reported_tcb: TCB,
        };
        // The memory controller's come first.
        let script = [&[0x55; 64], script].concat();
        let machine = Machine::new(chip, config, MEMORY, Scripted::new(&script)).unwrap();
        let lab = Self { machine };
        lab.issue(SnpInitEx { flags: 1, ..Default::default() }).unwrap();
        lab
    }
}
