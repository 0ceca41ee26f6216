//! A small machine with guests in every state, and how tests compare what a command has changed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::vec::Vec;

use crate::addr::{Asid, GuestPhysAddr, PAGE, PageSize};
use crate::platform::command::*;
pub(super) use crate::platform::counting::Counting;
use crate::platform::firmware::state::{AsidState, GuestContext};
use crate::platform::firmware::{Bus, GuestState};
use crate::platform::memory::{Encryption, HeapDram};
use crate::platform::{Chip, Machine, MachineConfig};
use crate::rmp::{Entry, PageAssignment};
use crate::snp::id_block::LaunchIdentity;
use crate::snp::tcb::{Product, TcbVersion};
use crate::status::Status;

/// Memory of the machine.
pub(super) const DRAM: u64 = 8 << 20;
/// No memory.
pub(super) const OUTSIDE: u64 = 1 << 40;
/// The first ASID of SEV guests without ES.
pub(super) const MIN_SEV_ASID: u32 = 6;

/// Pages of the machine that [`Lab::full`] makes.
pub(super) mod page {
    /// FIRMWARE.
    pub(in super::super) const FREE: u64 = 0x1000;
    /// Contexts: of a guest in INIT, of one in LAUNCH without an ASID.
    pub(in super::super) const INIT: u64 = 0x2000;
    pub(in super::super) const NO_ASID: u64 = 0x3000;
    /// In LAUNCH with ASID 1, in LAUNCH with ASID 2.
    pub(in super::super) const GUEST: u64 = 0x4000;
    pub(in super::super) const OTHER: u64 = 0x5000;
    /// In RUNNING with ASID 3, with DEBUG.
    pub(in super::super) const RUNNING: u64 = 0x6000;
    /// In LAUNCH with ASID 4 and IMI_EN.
    pub(in super::super) const IMI: u64 = 0x7000;
    /// The hypervisor's.
    pub(in super::super) const HOST: u64 = 0x8000;
    /// FIRMWARE, for answers.
    pub(in super::super) const OUT: u64 = 0x9000;
    /// PRE_GUEST of ASID 1 at GPA 1_0000h, of ASID 4 at 3000h.
    pub(in super::super) const PRE_GUEST: u64 = 0xa000;
    pub(in super::super) const PRE_GUEST_IMI: u64 = 0xb000;
    /// GUEST_VALID of ASID 3 at GPA 1_0000h, of ASID 1 at 2_0000h.
    pub(in super::super) const RUNNING_VALID: u64 = 0xc000;
    pub(in super::super) const GUEST_VALID: u64 = 0xd000;
    /// More of the hypervisor's.
    pub(in super::super) const SPARE: u64 = 0x10_0000;
    /// PRE_GUEST of ASID 1 at GPA 4000_0000h, 2 MiB.
    pub(in super::super) const LARGE: u64 = 0x20_0000;
}

/// A machine to try commands on.
pub(super) struct Lab {
    pub(super) machine: Machine,
}

impl Lab {
    /// Before SNP_INIT.
    pub(super) fn uninit(product: Product) -> Self {
        let chip = Chip::new(product, &[7; 48], &[8; 32]);
        let config = MachineConfig { min_sev_asid: MIN_SEV_ASID, ..MachineConfig::new(&chip) };
        Self::with(chip, config)
    }

    pub(super) fn with(chip: Chip, config: MachineConfig) -> Self {
        Self { machine: Machine::new(chip, config, DRAM, Counting(0)).unwrap() }
    }

    /// After SNP_INIT, on Genoa with AES-128.
    pub(super) fn new() -> Self {
        let chip = Chip::new(Product::Genoa, &[7; 48], &[8; 32]);
        let config = MachineConfig {
            min_sev_asid: MIN_SEV_ASID,
            encryption: Encryption::Aes128,
            ..MachineConfig::new(&chip)
        };
        let lab = Self::with(chip, config);
        lab.machine.issue(&mut SnpInit {}).unwrap();
        lab
    }

    /// With guests and pages in every state: [`page`].
    pub(super) fn full() -> Self {
        let lab = Self::new();
        lab.firmware(page::FREE);
        lab.firmware(page::OUT);
        lab.create(page::INIT);
        lab.launch(page::NO_ASID, 0x3_0000, 0, None);
        lab.launch(page::GUEST, 0x3_0000, 0, Some(1));
        lab.launch(page::OTHER, 0x3_0000, 0, Some(2));
        lab.launch(page::RUNNING, 0xb_0000, 0, Some(3));
        lab.launch(page::IMI, 0x3_0000, 2, Some(4));
        lab.pre_guest(page::PRE_GUEST, 1, 0x1_0000, PageSize::Size4K);
        lab.pre_guest(page::PRE_GUEST_IMI, 4, 0x3000, PageSize::Size4K);
        lab.pre_guest(page::LARGE, 1, 0x4000_0000, PageSize::Size2M);
        for (gctx, asid, spa, gpa) in [
            (page::RUNNING, 3, page::RUNNING_VALID, 0x1_0000),
            (page::GUEST, 1, page::GUEST_VALID, 0x2_0000),
        ] {
            lab.write(spa, &[0x5a; PAGE]);
            lab.pre_guest(spa, asid, gpa, PageSize::Size4K);
            lab.issue(SnpLaunchUpdate { page_info: 1 << 1, ..update(gctx, spa) }).unwrap();
        }
        let gctx_paddr = page::RUNNING;
        lab.issue(SnpLaunchFinish { gctx_paddr, ..SnpLaunchFinish::default() }).unwrap();
        lab
    }

    pub(super) fn bus(&self) -> Bus<'_, HeapDram> {
        Bus(&self.machine)
    }

    pub(super) fn issue<C: Command>(&self, mut command: C) -> Result<(), Status> {
        self.machine.issue(&mut command)
    }

    /// RMPUPDATE.
    pub(super) fn assign(&self, spa: u64, to: PageAssignment) {
        self.machine.rmp().rmpupdate(Asid::HOST, spa, &to.to_bytes()).unwrap();
    }

    /// Gives a page to the firmware.
    pub(super) fn firmware(&self, spa: u64) {
        self.assign(spa, PageAssignment::FIRMWARE);
    }

    /// Gives a page to a guest, for the firmware to fill.
    pub(super) fn pre_guest(&self, spa: u64, asid: u32, gpa: u64, size: PageSize) {
        let gpa = GuestPhysAddr::new(gpa).unwrap();
        self.assign(spa, PageAssignment::guest(Asid::new(asid), gpa, size).locked());
    }

    /// The host's bytes, unencrypted.
    pub(super) fn write(&self, spa: u64, bytes: &[u8]) {
        self.bus().write(spa, bytes).unwrap();
    }

    pub(super) fn read<const N: usize>(&self, spa: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.bus().read(spa, &mut bytes).unwrap();
        bytes
    }

    /// What a guest sees of its page.
    pub(super) fn read_guest(&self, asid: u32, spa: u64) -> [u8; PAGE] {
        let mut bytes = [0; PAGE];
        self.bus().read_guest(Asid::new(asid), spa, &mut bytes).unwrap();
        bytes
    }

    /// A guest's context in INIT.
    pub(super) fn create(&self, gctx_paddr: u64) {
        self.firmware(gctx_paddr);
        self.issue(SnpGctxCreate { gctx_paddr }).unwrap();
    }

    /// A guest in LAUNCH.
    pub(super) fn launch(&self, gctx_paddr: u64, policy: u64, flags: u32, asid: Option<u32>) {
        self.create(gctx_paddr);
        let start = SnpLaunchStart { gctx_paddr, policy, flags, ..SnpLaunchStart::default() };
        self.issue(start).unwrap();
        if let Some(asid) = asid {
            self.issue(SnpActivate { gctx_paddr, asid }).unwrap();
        }
    }

    /// A page filled by the host, given to a guest and launched.
    pub(super) fn load(
        &self,
        gctx: u64,
        asid: u32,
        spa: u64,
        gpa: u64,
        page_info: u32,
        text: &[u8],
    ) {
        self.write(spa, text);
        self.pre_guest(spa, asid, gpa, PageSize::Size4K);
        self.issue(SnpLaunchUpdate { page_info, ..update(gctx, spa) }).unwrap();
    }

    pub(super) fn entry(&self, spa: u64) -> Entry {
        self.machine.rmp().page(spa).unwrap().entry
    }

    /// The context of a guest.
    pub(super) fn guest<T>(&self, gctx: u64, look: impl FnOnce(&GuestContext) -> T) -> T {
        look(&self.machine.lock().snp.guests[&gctx])
    }

    /// Runs a command that is refused, and checks that it changes nothing.
    #[track_caller]
    pub(super) fn refuse<C: Command + Debug>(&self, mut command: C, status: Status) {
        let before = self.snapshot();
        assert_eq!(self.machine.issue(&mut command), Err(status), "{command:?}");
        assert!(
            self.snapshot() == before,
            "changed by {command:?}: {:?}",
            self.snapshot().differs(&before)
        );
    }

    /// Runs a command that is refused, where [`unchanged`](Self::unchanged) looks at what many of them change.
    #[track_caller]
    pub(super) fn answer<C: Command + Debug>(&self, mut command: C, status: Status) {
        assert_eq!(self.machine.issue(&mut command), Err(status), "{command:x?}");
    }

    /// Checks that what is done changes nothing.
    #[track_caller]
    pub(super) fn unchanged(&self, done: impl FnOnce()) {
        let before = self.snapshot();
        done();
        let after = self.snapshot();
        assert!(after == before, "changed: {:?}", after.differs(&before));
    }

    /// Every byte of a command's buffer that belongs to no field: INVALID_PARAM.
    #[track_caller]
    pub(super) fn refuse_reserved<C: Command>(&self, command: &C) {
        let before = self.snapshot();
        let mut buffer = std::vec![0; C::LEN];
        command.write(&mut buffer);
        for at in 0..C::LEN {
            let mut changed = buffer.clone();
            changed[at] ^= 0x80;
            if C::read(&changed).is_err() {
                let sent = changed.clone();
                let status = self.machine.command(C::ID, &mut changed);
                assert_eq!(status, Status::INVALID_PARAM, "{:?}: byte {at:#x}", C::ID);
                assert!(changed == sent);
            }
        }
        assert!(self.snapshot() == before, "changed by {:?}", C::ID);
    }

    /// All that a command could change.
    pub(super) fn snapshot(&self) -> Snapshot {
        let bus = self.bus();
        let mut memory = std::vec![0; DRAM as usize];
        bus.read(0, &mut memory).unwrap();
        let rmp = self.machine.rmp();
        let entries = (0..DRAM).step_by(PAGE).map(|spa| rmp.page(spa).unwrap().entry).collect();
        let keys = (1..=8).map(|asid| {
            let mut text = [0; 16];
            bus.read_guest(Asid::new(asid), page::SPARE, &mut text).unwrap();
            text
        });
        let keys = keys.collect();
        let state = self.machine.lock();
        let (versions, snp) = (&state.versions, &state.snp);
        let platform = std::format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {} {} {} {} {} {} {} {:?}",
            versions.current,
            versions.committed,
            versions.current_tcb,
            versions.committed_tcb,
            versions.configured_tcb,
            versions.sticks.stick_7().as_bytes(),
            versions.reported_sticks.stick_7().as_bytes(),
            versions.vcek.verifying_key(),
            snp.is_init,
            snp.is_rmp_init,
            snp.rapl_dis,
            snp.ciphertext_hiding,
            snp.max_snp_asid,
            snp.mask_chip_id,
            snp.mask_chip_key,
            snp.vlek.as_ref().map(|vlek| *vlek.sticks.stick_7().as_bytes()),
        );
        let guests = snp.guests.iter().map(|(gctx, guest)| (*gctx, Fields::of(guest))).collect();
        let asids = (state.asids.states.clone(), state.asids.is_written_back);
        Snapshot { memory, entries, keys, platform, guests, asids }
    }
}

/// LAUNCH_UPDATE of a page, without a type.
pub(super) fn update(gctx_paddr: u64, page_paddr: u64) -> SnpLaunchUpdate {
    SnpLaunchUpdate { gctx_paddr, page_paddr, ..SnpLaunchUpdate::default() }
}

/// All that a command could change.
#[derive(PartialEq)]
pub(super) struct Snapshot {
    memory: Vec<u8>,
    entries: Vec<Entry>,
    /// What each key makes of one line of memory.
    keys: Vec<[u8; 16]>,
    platform: std::string::String,
    guests: BTreeMap<u64, Fields>,
    asids: (Vec<AsidState>, bool),
}

impl Snapshot {
    /// Which parts differ.
    fn differs(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("memory", self.memory == other.memory),
            ("entries", self.entries == other.entries),
            ("keys", self.keys == other.keys),
            ("platform", self.platform == other.platform),
            ("guests", self.guests == other.guests),
            ("asids", self.asids == other.asids),
        ];
        parts.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}

/// The fields of a context.
#[derive(Debug, PartialEq)]
pub(super) struct Fields {
    state: GuestState,
    asid: Option<Asid>,
    policy: u64,
    secrets: [[u8; 32]; 7],
    counts: [u64; 5],
    digests: [[u8; 48]; 2],
    flags: [bool; 2],
    migration_agent: Option<u64>,
    ids: [[u8; 32]; 3],
    identity: LaunchIdentity,
    root_mdata: [u8; 64],
    gosvw: [u8; 16],
    tsc: (u32, u64),
    launch_tcb: TcbVersion,
}

impl Fields {
    fn of(guest: &GuestContext) -> Self {
        let [a, b, c, d] = *guest.vmpcks;
        let [e, f, g, h] = guest.message_counts;
        Self {
            state: guest.state,
            asid: guest.asid,
            policy: guest.policy.0,
            secrets: [*guest.vek_seed, *guest.oek, *guest.vmrk, a, b, c, d],
            counts: [guest.oek_iv_count, e, f, g, h],
            digests: [*guest.digest.digest(), *guest.digest.imi_digest()],
            flags: [guest.imi_en, guest.vcek_dis],
            migration_agent: guest.migration_agent,
            ids: [guest.report_id, guest.report_id_ma, guest.host_data],
            identity: guest.identity,
            root_mdata: guest.root_mdata,
            gosvw: guest.gosvw,
            tsc: (guest.desired_tsc_freq, guest.tsc_offset),
            launch_tcb: guest.launch_tcb,
        }
    }
}

/// A way to fill a field, and the check that refuses it: its place in the firmware's order, and its status.
pub(super) type Way<T> = (T, Option<(u32, Status)>);

/// What the firmware says of several faults: the earliest check's status.
pub(super) fn earliest(
    faults: impl IntoIterator<Item = Option<(u32, Status)>>,
) -> Result<(), Status> {
    match faults.into_iter().flatten().min_by_key(|(order, _)| *order) {
        Some((_, status)) => Err(status),
        None => Ok(()),
    }
}
