//! What the firmware keeps.

use std::boxed::Box;
use std::collections::BTreeMap;
use std::vec::Vec;

use rand_core::CryptoRng;

use crate::addr::Asid;
use crate::cpu::Backend;
use crate::ecdsa::SigningKey;
use crate::platform::Chip;
use crate::platform::MachineError;
use crate::snp::GuestPolicy;
use crate::snp::id_block::LaunchIdentity;
use crate::snp::keys::PrivateKey;
use crate::snp::keys::{HashSticks, VlekSticks};
use crate::snp::launch::LaunchDigest;
use crate::snp::report::FirmwareVersion;
use crate::snp::tcb::{Product, TcbParts, TcbVersion};
use crate::wipe::Wiped;

use super::legacy::Legacy;

/// A secret of 32 bytes.
pub(crate) type Secret = Wiped<[u8; 32]>;

/// Versions of the firmware and its TCB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlatformVersions {
    /// What runs.
    pub current: FirmwareVersion,
    /// What was committed last.
    pub committed: FirmwareVersion,
    /// CURRENT_TCB.
    pub current_tcb: TcbVersion,
    /// COMMITTED_TCB.
    pub committed_tcb: TcbVersion,
    /// REPORTED_TCB.
    pub reported_tcb: TcbVersion,
}

impl PlatformVersions {
    /// The versions that [`MachineConfig::new`](crate::platform::MachineConfig::new) gives a product: all the same, nothing provisional.
    /// MODEL: numbers of no real platform.
    #[must_use]
    pub fn first(product: Product) -> Self {
        let version = FirmwareVersion { major: 1, minor: 55, build: 25 };
        let parts = TcbParts {
            boot_loader: Some(3),
            tee: Some(0),
            snp: Some(8),
            microcode: Some(115),
            fmc: None,
        };
        let tcb = TcbVersion::from_parts(product, parts)
            .or_else(|| TcbVersion::from_parts(product, TcbParts { fmc: Some(1), ..parts }))
            .unwrap_or(TcbVersion::new([0; 8]));
        Self {
            current: version,
            committed: version,
            current_tcb: tcb,
            committed_tcb: tcb,
            reported_tcb: tcb,
        }
    }
}

/// What the platform is, from outside: what the firmware is told at its start and reports of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// PLATFORM_INFO of reports: SMT, TSME, ECC, RAPL, ciphertext hiding; the firmware adds what SNP_INIT_EX decides.
    pub(crate) smt: bool,
    pub(crate) tsme: bool,
    pub(crate) ecc: bool,
    /// Whether memory is enciphered by AES-256-XTS.
    pub(crate) xts_256: bool,
    /// The last ASID, and the first one of SEV guests without ES.
    pub(crate) max_asid: u32,
    pub(crate) min_sev_asid: u32,
    /// Sockets; SINGLE_SOCKET guests need one.
    pub(crate) sockets: u32,
}

/// All that the firmware keeps.
pub(crate) struct State {
    pub(crate) chip: Chip,
    pub(crate) random: Box<dyn CryptoRng + Send>,
    pub(crate) backend: Backend,
    pub(crate) facts: Facts,
    pub(crate) versions: Versions,
    pub(crate) snp: Snp,
    pub(crate) asids: Asids,
    pub(crate) legacy: Legacy,
}

/// Versions, and the keys that follow from them.
pub(crate) struct Versions {
    pub(crate) current: FirmwareVersion,
    pub(crate) committed: FirmwareVersion,
    pub(crate) current_tcb: TcbVersion,
    pub(crate) committed_tcb: TcbVersion,
    /// REPORTED_TCB of SNP_CONFIG; `None`: COMMITTED_TCB.
    pub(crate) configured_tcb: Option<TcbVersion>,
    /// The sticks of what runs.
    pub(crate) sticks: HashSticks,
    /// The sticks at REPORTED_TCB: the VCEK's.
    pub(crate) reported_sticks: HashSticks,
    pub(crate) vcek: SigningKey,
}

impl Versions {
    pub(crate) fn reported_tcb(&self) -> TcbVersion {
        self.configured_tcb.unwrap_or(self.committed_tcb)
    }
}

/// The state of SNP.
pub(crate) struct Snp {
    pub(crate) is_init: bool,
    /// Whether SNP_INIT has filled the RMP.
    pub(crate) is_rmp_init: bool,
    pub(crate) rapl_dis: bool,
    pub(crate) ciphertext_hiding: bool,
    /// The last ASID of SNP guests.
    pub(crate) max_snp_asid: u32,
    pub(crate) mask_chip_id: bool,
    pub(crate) mask_chip_key: bool,
    pub(crate) vlek: Option<VlekSticks>,
    /// By the address of their context.
    pub(crate) guests: BTreeMap<u64, GuestContext>,
}

/// The state of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum GuestState {
    /// Behind GCTX_CREATE.
    Init = 0,
    /// Behind LAUNCH_START.
    Launch = 1,
    /// Behind LAUNCH_FINISH.
    Running = 2,
}

/// The context of a guest.
pub(crate) struct GuestContext {
    pub(crate) state: GuestState,
    pub(crate) asid: Option<Asid>,
    pub(crate) policy: GuestPolicy,
    pub(crate) vek_seed: Secret,
    pub(crate) oek: Secret,
    pub(crate) oek_iv_count: u64,
    pub(crate) vmpcks: Wiped<[[u8; 32]; 4]>,
    pub(crate) message_counts: [u64; 4],
    pub(crate) vmrk: Secret,
    /// Whether a migration agent has set the VMRK, or LAUNCH_START has made it.
    pub(crate) digest: LaunchDigest,
    pub(crate) imi_en: bool,
    /// The address of the migration agent's context.
    pub(crate) migration_agent: Option<u64>,
    pub(crate) report_id: [u8; 32],
    pub(crate) report_id_ma: [u8; 32],
    pub(crate) host_data: [u8; 32],
    pub(crate) identity: LaunchIdentity,
    pub(crate) vcek_dis: bool,
    /// ROOT_MD_ENTRY.
    pub(crate) root_mdata: [u8; 64],
    pub(crate) gosvw: [u8; 16],
    /// DESIRED_TSC_FREQ, kHz.
    pub(crate) desired_tsc_freq: u32,
    pub(crate) tsc_offset: u64,
    pub(crate) launch_tcb: TcbVersion,
}

/// Who has an ASID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AsidOwner {
    /// An SNP guest, by its context's address.
    Snp(u64),
    /// A legacy guest, by its handle.
    Legacy(u32),
}

/// What an ASID was used for since the caches were last flushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AsidState {
    pub(crate) owner: Option<AsidOwner>,
    /// It was deactivated, and DF_FLUSH has not come since.
    pub(crate) is_dirty: bool,
}

/// The ASIDs of the platform, ASID 1 first.
pub(crate) struct Asids {
    pub(crate) states: Vec<AsidState>,
    /// Whether every core has run WBINVD since the last ASID was given back: DF_FLUSH wants it.
    pub(crate) is_written_back: bool,
}

impl State {
    /// The firmware as it starts: SNP is not initialised, no guest is there.
    pub(crate) fn new(
        chip: Chip,
        random: Box<dyn CryptoRng + Send>,
        backend: Backend,
        facts: Facts,
        versions: PlatformVersions,
    ) -> Result<Self, MachineError> {
        let PlatformVersions { current, committed, current_tcb, committed_tcb, reported_tcb } =
            versions;
        let sticks = HashSticks::new(chip.secret(), current_tcb);
        let reported_sticks = sticks.at(reported_tcb).map_err(|_| MachineError::Tcb)?;
        let vcek = PrivateKey::vcek(reported_sticks.stick_7()).signing_key();
        let versions = Versions {
            current,
            committed,
            current_tcb,
            committed_tcb,
            configured_tcb: (reported_tcb != committed_tcb).then_some(reported_tcb),
            sticks,
            reported_sticks,
            vcek,
        };
        let snp = Snp {
            is_init: false,
            is_rmp_init: false,
            rapl_dis: false,
            ciphertext_hiding: false,
            max_snp_asid: facts.min_sev_asid - 1,
            mask_chip_id: false,
            mask_chip_key: false,
            vlek: None,
            guests: BTreeMap::new(),
        };
        let states = std::vec![AsidState::default(); facts.max_asid as usize];
        let asids = Asids { states, is_written_back: true };
        Ok(Self { chip, random, backend, facts, versions, snp, asids, legacy: Legacy::default() })
    }
}
