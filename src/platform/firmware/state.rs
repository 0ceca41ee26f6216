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
use crate::snp::keys::{HashSticks, PrivateKey, StickError, VlekSticks};
use crate::snp::launch::LaunchDigest;
use crate::snp::report::{FirmwareVersion, PlatformInfo};
use crate::snp::tcb::{Product, TcbParts, TcbVersion};
use crate::status::Status;
use crate::wipe::Wiped;

use super::Secret;
use super::legacy::Legacy;

/// What guests' frequencies are scaled from, in kHz: Genoa's 100 MHz, less [`TSC_FACTOR`].
pub(crate) const TSC_REFERENCE_KHZ: u64 = 99_800;

/// TSC_FACTOR, in units of 0.00001. MODEL: other products than Genoa have that of Genoa's published firmware.
pub(crate) const TSC_FACTOR: u32 = 200;

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
    /// The versions that [`MachineConfig::new`](crate::platform::MachineConfig::new) gives a product, all the same, nothing provisional: firmware
    /// that has been seen on such chips and makes reports of version 5. MODEL: the TCB is no real platform's.
    #[must_use]
    pub fn first(product: Product) -> Self {
        let build = match product {
            Product::Milan => 35,
            Product::Genoa => 49,
            Product::Turin | Product::Venice => 65,
        };
        let version = FirmwareVersion { major: 1, minor: 55, build };
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
    /// REPORTED_TCB.
    pub(crate) fn reported_tcb(&self) -> TcbVersion {
        self.configured_tcb.unwrap_or(self.committed_tcb)
    }

    /// Reports another TCB version, or the committed one, and derives the VCEK for it.
    ///
    /// # Errors
    /// [`StickError`]: it does not follow from what runs. Nothing was changed.
    pub(crate) fn configure(&mut self, tcb: Option<TcbVersion>) -> Result<(), StickError> {
        self.reported_sticks = self.sticks.at(tcb.unwrap_or(self.committed_tcb))?;
        self.vcek = PrivateKey::vcek(self.reported_sticks.stick_7()).signing_key();
        self.configured_tcb = tcb;
        Ok(())
    }

    /// Goes on with what was reported before, whatever runs now.
    pub(crate) fn resume(&mut self, chip: &Chip, tcb: Option<TcbVersion>) {
        self.reported_sticks = HashSticks::new(chip.secret(), tcb.unwrap_or(self.committed_tcb));
        self.vcek = PrivateKey::vcek(self.reported_sticks.stick_7()).signing_key();
        self.configured_tcb = tcb;
    }

    /// No way back behind what runs: it is committed, and reported again.
    pub(crate) fn commit(&mut self) -> Result<(), StickError> {
        self.reported_sticks = self.sticks.at(self.current_tcb)?;
        self.vcek = PrivateKey::vcek(self.reported_sticks.stick_7()).signing_key();
        (self.committed, self.committed_tcb) = (self.current, self.current_tcb);
        self.configured_tcb = None;
        Ok(())
    }
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
        let asids = Asids::new(facts.max_asid);
        let (snp, legacy) = (Snp::new(), Legacy::default());
        Ok(Self { chip, random, backend, facts, versions, snp, asids, legacy })
    }

    /// PLATFORM_INFO of reports. MODEL: no address of this memory is another one's alias, which the firmware finds out when SNP is
    /// initialised.
    pub(crate) fn platform_info(&self) -> PlatformInfo {
        let bits = [
            self.facts.smt,
            self.facts.tsme,
            self.facts.ecc,
            self.snp.rapl_dis,
            self.snp.ciphertext_hiding,
            self.snp.is_init,
        ];
        PlatformInfo((0..).zip(bits).fold(0, |word, (bit, is_set)| word | u64::from(is_set) << bit))
    }

    /// Runs other firmware, as if the chip had started with it. What is reported stays, and so does the VCEK.
    pub(crate) fn run_firmware(&mut self, version: FirmwareVersion, tcb: TcbVersion) {
        self.versions.sticks = HashSticks::new(self.chip.secret(), tcb);
        (self.versions.current, self.versions.current_tcb) = (version, tcb);
    }

    /// 32 random bytes.
    pub(crate) fn draw_secret(&mut self) -> Secret {
        let mut secret = Secret::new([0; 32]);
        self.random.fill_bytes(&mut secret[..]);
        secret
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
    pub(crate) vlek: Option<Vlek>,
    /// By the address of their context.
    pub(crate) guests: BTreeMap<u64, GuestContext>,
}

/// A VLEK that SNP_VLEK_LOAD has loaded.
pub(crate) struct Vlek {
    pub(crate) sticks: VlekSticks,
    /// The key that follows from them.
    pub(crate) key: SigningKey,
}

impl Vlek {
    pub(crate) fn new(sticks: VlekSticks) -> Self {
        let key = PrivateKey::vlek(sticks.stick_7()).signing_key();
        Self { sticks, key }
    }
}

impl Snp {
    /// Before SNP_INIT, on a platform that was never configured.
    pub(crate) const fn new() -> Self {
        Self {
            is_init: false,
            is_rmp_init: false,
            rapl_dis: false,
            ciphertext_hiding: false,
            max_snp_asid: 0,
            mask_chip_id: false,
            mask_chip_key: false,
            vlek: None,
            guests: BTreeMap::new(),
        }
    }
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

impl GuestContext {
    /// A new guest: GCTX_CREATE.
    pub(crate) fn new(vek_seed: Secret, launch_tcb: TcbVersion) -> Self {
        let none = || Secret::new([0; 32]);
        Self {
            state: GuestState::Init,
            asid: None,
            policy: GuestPolicy(0),
            vek_seed,
            oek: none(),
            oek_iv_count: 0,
            vmpcks: Wiped::new([[0; 32]; 4]),
            message_counts: [0; 4],
            vmrk: none(),
            digest: LaunchDigest::new(),
            imi_en: false,
            migration_agent: None,
            report_id: [0; 32],
            report_id_ma: [0; 32],
            host_data: [0; 32],
            identity: LaunchIdentity::default(),
            vcek_dis: false,
            root_mdata: [0; 64],
            gosvw: [0; 16],
            desired_tsc_freq: 0,
            tsc_offset: 0,
            launch_tcb,
        }
    }

    /// GUEST_TSC_SCALE, 8.32 fixed point, rounded up: DESIRED_TSC_FREQ over the reference of AMD's published firmware. MODEL: 1 where the
    /// host desires none, and other products have Genoa's reference.
    pub(crate) fn tsc_scale(&self) -> u64 {
        match self.desired_tsc_freq {
            0 => 1 << 32,
            desired => (u64::from(desired) << 32).div_ceil(TSC_REFERENCE_KHZ),
        }
    }
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

/// The ASIDs of the platform, which SNP guests share with legacy ones.
///
/// An ASID that is given back may still tag lines in caches. So nobody gets it before all cores have run WBINVD and DF_FLUSH has
/// come. MODEL: an instruction WBINVD stands for one on every core, and every core is on one core complex.
pub(crate) struct Asids {
    /// ASID 1 first.
    pub(crate) states: Vec<AsidState>,
    /// Whether every core has run WBINVD since the last ASID was given back: DF_FLUSH wants it.
    pub(crate) is_written_back: bool,
}

impl Asids {
    /// ASIDs 1 to `max`, which nobody has had.
    pub(crate) fn new(max: u32) -> Self {
        let states = (0..max).map(|_| AsidState::default()).collect();
        Self { states, is_written_back: true }
    }

    fn state(&self, asid: Asid) -> Result<&AsidState, Status> {
        let index = asid.get().checked_sub(1).ok_or(Status::INVALID_ASID)?;
        self.states.get(index as usize).ok_or(Status::INVALID_ASID)
    }

    fn state_mut(&mut self, asid: Asid) -> Option<&mut AsidState> {
        let index = asid.get().checked_sub(1)?;
        self.states.get_mut(index as usize)
    }

    /// Whose an ASID is.
    pub(crate) fn owner(&self, asid: Asid) -> Option<AsidOwner> {
        self.state(asid).ok().and_then(|state| state.owner)
    }

    /// Checks that there is such an ASID, and that nobody but `owner` has it.
    ///
    /// # Errors
    /// `INVALID_ASID`: it is 0, or above the last one. `ASID_OWNED`: another guest has it.
    pub(crate) fn check_owner(&self, asid: Asid, owner: AsidOwner) -> Result<(), Status> {
        match self.state(asid)?.owner {
            Some(other) if other != owner => Err(Status::ASID_OWNED),
            _ => Ok(()),
        }
    }

    /// Checks that nothing in a cache has an ASID.
    ///
    /// # Errors
    /// `INVALID_ASID`. Where somebody has had it since the last DF_FLUSH: `WBINVD_REQUIRED` if WBINVD has to come before (SNP
    /// firmware), else `DFFLUSH_REQUIRED`.
    pub(crate) fn check_clean(&self, asid: Asid) -> Result<(), Status> {
        match (self.state(asid)?.is_dirty, self.is_written_back) {
            (false, _) => Ok(()),
            (true, false) => Err(Status::WBINVD_REQUIRED),
            (true, true) => Err(Status::DFFLUSH_REQUIRED),
        }
    }

    /// Whether any ASID waits for DF_FLUSH.
    pub(crate) fn is_any_dirty(&self) -> bool {
        self.states.iter().any(|state| state.is_dirty)
    }

    /// Gives a guest an ASID, which nobody but itself may have.
    ///
    /// # Errors
    /// As [`check_owner`](Self::check_owner), then as [`check_clean`](Self::check_clean); nothing was changed.
    pub(crate) fn activate(&mut self, asid: Asid, owner: AsidOwner) -> Result<(), Status> {
        self.check_owner(asid, owner)?;
        self.check_clean(asid)?;
        self.state_mut(asid).ok_or(Status::INVALID_ASID)?.owner = Some(owner);
        Ok(())
    }

    /// Takes an ASID back; it waits for WBINVD and DF_FLUSH. One that nobody has stays as it is.
    pub(crate) fn deactivate(&mut self, asid: Asid) {
        if let Some(state) = self.state_mut(asid)
            && state.owner.take().is_some()
        {
            state.is_dirty = true;
            self.is_written_back = false;
        }
    }

    /// Takes an ASID back that no guest has run with: nothing in a cache has it, and it is clean.
    pub(crate) fn give_back_unused(&mut self, asid: Asid) {
        if let Some(state) = self.state_mut(asid) {
            state.owner = None;
        }
    }

    /// Begins anew, as SEV's INIT does: nobody has an ASID, and each waits for WBINVD and DF_FLUSH.
    pub(crate) fn begin(&mut self) {
        self.states.fill(AsidState { owner: None, is_dirty: true });
        self.is_written_back = false;
    }

    /// Whether an ASID waits for DF_FLUSH.
    pub(crate) fn is_dirty(&self, asid: Asid) -> bool {
        self.state(asid).is_ok_and(|state| state.is_dirty)
    }

    /// Every core has run WBINVD.
    pub(crate) fn wbinvd(&mut self) {
        self.is_written_back = true;
    }

    /// DF_FLUSH: ASIDs that were given back are clean.
    ///
    /// # Errors
    /// `WBINVD_REQUIRED`: a core has not run WBINVD since one was given back.
    pub(crate) fn df_flush(&mut self) -> Result<(), Status> {
        if !self.is_written_back {
            return Err(Status::WBINVD_REQUIRED);
        }
        self.states.iter_mut().for_each(|state| state.is_dirty = false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: AsidOwner = AsidOwner::Snp(0x1000);
    const B: AsidOwner = AsidOwner::Legacy(1);

    #[test]
    fn an_asid_goes_round() {
        let mut asids = Asids::new(3);
        let asid = Asid::new(3);
        for none in [0, 4, u32::MAX] {
            assert_eq!(asids.activate(Asid::new(none), A), Err(Status::INVALID_ASID));
            assert_eq!(asids.check_clean(Asid::new(none)), Err(Status::INVALID_ASID));
            assert_eq!(asids.owner(Asid::new(none)), None);
            asids.deactivate(Asid::new(none));
        }
        assert_eq!(asids.activate(asid, A), Ok(()));
        assert_eq!(asids.activate(asid, B), Err(Status::ASID_OWNED));
        assert_eq!(asids.activate(asid, A), Ok(()));
        assert_eq!(asids.owner(asid), Some(A));

        asids.deactivate(asid);
        assert_eq!(asids.owner(asid), None);
        assert_eq!(asids.activate(asid, B), Err(Status::WBINVD_REQUIRED));
        assert_eq!(asids.df_flush(), Err(Status::WBINVD_REQUIRED));
        asids.wbinvd();
        assert_eq!(asids.activate(asid, B), Err(Status::DFFLUSH_REQUIRED));
        assert!(asids.is_any_dirty());
        assert_eq!(asids.df_flush(), Ok(()));
        assert!(!asids.is_any_dirty());
        assert_eq!(asids.activate(asid, B), Ok(()));
    }

    #[test]
    fn one_that_nobody_has_stays_clean() {
        let mut asids = Asids::new(2);
        asids.deactivate(Asid::new(1));
        assert!(!asids.is_any_dirty() && asids.is_written_back);
    }
}
