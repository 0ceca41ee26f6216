//! Commands on whole machines.

mod answers;
mod life;
mod pages;
mod platforms;
mod refusals;
mod saved;
mod snp;
mod states;

use core::convert::Infallible;
use std::collections::VecDeque;
use std::string::String;
use std::sync::{Arc, Mutex};
use std::vec;
use std::vec::Vec;

use rand_core::{TryCryptoRng, TryRng, utils};
use sha2::{Digest, Sha256};

use super::super::Bus;
use super::*;
use crate::cpu::Backend;
use crate::ecdh::PrivateKey;
use crate::platform::{Chip, Machine, MachineConfig};
use crate::sev::cert::{Certificate, PdhKey, PlatformCertificates};
use crate::sev::launch::{Attested, LaunchDigest, Measurement};
use crate::sev::packet::{PacketHeader, PacketIv};
use crate::sev::session::{ClientSession, SessionRandom};
use crate::snp::tcb::Product;

/// The memory of a machine here.
const MEMORY: u64 = 0x28_0000;

// Where things lie. All but the guests' memory and the trusted region is the host's.
const SESSION: u64 = 0x1000;
const CERTIFICATE: u64 = 0x2000;
const OUT: u64 = 0x3000;
const CHAIN: u64 = 0x4000;
const AMD_CHAIN: u64 = 0x6000;
const HEADER: u64 = 0x7000;
const PACKET: u64 = 0x8000;
const MDATA: u64 = 0xe000;
const HOST: u64 = 0x1_0000;
const TMR: u64 = 0x10_0000;
const GUEST: u64 = 0x20_0000;
/// No memory.
const NOWHERE: u64 = 0x4000_0000;

const API: ApiVersion = ApiVersion { major: 1, minor: 55 };
const VERSION: FirmwareVersion = FirmwareVersion { api: API, build: 25 };

/// Something that is wrong with a command, and what the firmware says.
type Wrong<C> = (fn(&mut C), Status);

/// Random bytes as a test wants them, then others.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<(VecDeque<u8>, u64)>>);

impl Script {
    fn push(&self, bytes: &[u8]) {
        self.0.lock().unwrap().0.extend(bytes);
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap().0.is_empty()
    }
}

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let (script, count) = &mut *self.0.lock().unwrap();
        for bytes in bytes.chunks_mut(32) {
            *count += 1;
            let other: [u8; 32] = Sha256::digest(count.to_le_bytes()).into();
            for (byte, other) in bytes.iter_mut().zip(other) {
                *byte = script.pop_front().unwrap_or(other);
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for Script {}

/// A machine, and what happens to it.
struct Rig {
    machine: Machine,
    script: Script,
}

fn chip() -> Chip {
    Chip::new(Product::Genoa, &[0x5a; 48], &core::array::from_fn(|i| i as u8))
}

impl Rig {
    fn new() -> Self {
        Self::with(chip(), MEMORY)
    }

    fn with(chip: Chip, memory: u64) -> Self {
        let script = Script::default();
        let mut config = MachineConfig::new(&chip);
        let version = crate::snp::report::FirmwareVersion { major: 1, minor: 55, build: 25 };
        (config.versions.current, config.versions.committed) = (version, version);
        let machine = Machine::new(chip, config, memory, script.clone()).unwrap();
        Self { machine, script }
    }

    /// A machine with SEV-ES, whose ASIDs are clean.
    fn init() -> Self {
        let rig = Self::new();
        rig.init_es();
        rig
    }

    fn init_es(&self) {
        let init = SevInit { flags: 1, tmr_paddr: TMR, tmr_len: 0x10_0000 };
        self.run(init).unwrap();
        self.flush();
    }

    fn flush(&self) {
        self.machine.wbinvd();
        self.run(SevDfFlush {}).unwrap();
    }

    /// Runs a command; answers with it as it was written back.
    fn run<C: Command>(&self, mut command: C) -> Result<C, Status> {
        self.machine.issue(&mut command)?;
        Ok(command)
    }

    fn put(&self, addr: u64, bytes: &[u8]) {
        Bus(&self.machine).write(addr, bytes).unwrap();
    }

    fn take(&self, addr: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        Bus(&self.machine).read(addr, &mut bytes).unwrap();
        bytes
    }

    /// What a guest sees.
    fn text(&self, asid: u32, addr: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        Bus(&self.machine).read_guest(Asid::new(asid), addr, &mut bytes).unwrap();
        bytes
    }

    fn certificates(&self) -> PlatformCertificates {
        let export = SevPdhCertExport {
            pdh_paddr: CERTIFICATE,
            pdh_len: 2084,
            chain_paddr: CHAIN,
            chain_len: 6252,
        };
        self.run(export).unwrap();
        let (pdh, chain) = (self.take(CERTIFICATE, 2084), self.take(CHAIN, 6252));
        PlatformCertificates::from_export(&pdh, &chain).unwrap()
    }

    fn status(&self, handle: u32) -> SevGuestStatus {
        self.run(SevGuestStatus { handle, ..Default::default() }).unwrap()
    }

    fn platform_status(&self) -> SevPlatformStatus {
        self.run(SevPlatformStatus::default()).unwrap()
    }

    /// An owner's session with the platform. Its certificate and its buffer lie in memory then.
    fn session(&self, policy: u32, seed: u8) -> ClientSession {
        let key = PrivateKey::from_random(&[seed; 56]);
        let pdh = PdhKey::unauthenticated(&self.certificates().pdh).unwrap();
        let random = SessionRandom::new(&core::array::from_fn(|i| seed ^ i as u8));
        let session = ClientSession::new(&key, &pdh, GuestPolicy(policy), &random);
        let certificate = Certificate::of_ecdh_key(&key.public_key(), API);
        self.put(CERTIFICATE, certificate.as_bytes());
        self.put(SESSION, &session.buffer().to_bytes());
        session
    }

    /// LAUNCH_START in the session that lies in memory.
    fn launch_start(&self, policy: u32) -> u32 {
        self.run(start(policy)).unwrap().handle
    }

    /// A guest without a session in the state LUPDATE.
    fn launch(&self, policy: u32, asid: Option<u32>) -> u32 {
        let start = SevLaunchStart { policy, ..Default::default() };
        let handle = self.run(start).unwrap().handle;
        if let Some(asid) = asid {
            self.run(SevActivate { handle, asid }).unwrap();
        }
        handle
    }

    fn measure(&self, handle: u32) -> Measurement {
        self.run(SevLaunchMeasure { handle, paddr: OUT, len: 48 }).unwrap();
        Measurement::from_bytes(&self.take(OUT, 48).try_into().unwrap())
    }

    /// A guest without a session in the state RUNNING, whose page at GUEST is `page`.
    fn running(&self, policy: u32, asid: u32) -> u32 {
        let handle = self.launch(policy, Some(asid));
        self.measure(handle);
        self.run(SevLaunchFinish { handle }).unwrap();
        handle
    }

    /// SEND_START to anybody, whom the policy must not mind.
    fn send(&self, handle: u32) {
        let key = PrivateKey::from_random(&[0x77; 56]);
        let certificate = Certificate::of_ecdh_key(&key.public_key(), API);
        self.put(CERTIFICATE, certificate.as_bytes());
        self.run(SevSendStart {
            handle,
            pdh_paddr: CERTIFICATE,
            pdh_len: 2084,
            session_paddr: OUT,
            session_len: 128,
            ..Default::default()
        })
        .unwrap();
    }

    /// A guest that comes from anybody, in the state RUPDATE.
    fn receive(&self, policy: u32, asid: u32) -> (u32, ClientSession) {
        let session = self.session(policy, 0x33);
        let handle = self.run(receive_start(policy)).unwrap().handle;
        self.run(SevActivate { handle, asid }).unwrap();
        (handle, session)
    }

    /// Everything that a command may change.
    fn snapshot(&self) -> Snapshot {
        let state = self.machine.lock();
        let legacy = &state.legacy;
        let platform = legacy.platform.as_ref().map(|platform| {
            let mut bytes = platform.keys.certificates().to_bytes().to_vec();
            bytes.push(platform.keys.is_externally_owned().into());
            for (handle, guest) in &platform.guests {
                bytes.extend(handle.to_le_bytes());
                bytes.push(guest.stage.number());
                bytes.extend(guest.policy().0.to_le_bytes());
                bytes.extend(guest.reported_digest().unwrap_or_default());
                bytes.extend(*guest.vek_seed);
                bytes.extend(*guest.oek);
                bytes.extend(guest.oek_count.to_le_bytes());
                let asid = guest
                    .asid
                    .map_or([0, 0], |asid| [asid.asid.get() as u16, asid.is_pending.into()]);
                bytes.extend(asid.map(u16::to_le_bytes).as_flattened());
                bytes.extend(guest.blocks.iter().flat_map(|(number, _)| number.to_le_bytes()));
            }
            let taken = platform.tmr.iter().flat_map(|tmr| &tmr.taken);
            bytes.extend(taken.flat_map(|number| number.to_le_bytes()));
            bytes
        });
        let flash = legacy.flash.as_ref().map(|parts| *parts.pek);
        let asids = state.asids.states.iter().map(|state| (state.owner, state.is_dirty)).collect();
        let is_written_back = state.asids.is_written_back;
        let versions = state.versions.current;
        drop(state);
        let mut memory = vec![0; MEMORY as usize];
        Bus(&self.machine).read(0, &mut memory).unwrap();
        Snapshot { platform, flash, asids, is_written_back, versions, memory }
    }

    /// A command is refused, and nothing changes.
    #[track_caller]
    fn refuses<C: Command>(&self, command: C, status: Status) {
        let mut buffer = vec![0; C::LEN];
        command.write(&mut buffer);
        self.refuses_bytes(C::ID, &buffer, status);
    }

    /// The same of a buffer; with INVALID_LENGTH it may be another one afterwards.
    #[track_caller]
    fn refuses_bytes(&self, id: CommandId, buffer: &[u8], status: Status) {
        self.refuses_from(&self.snapshot(), id, buffer, status);
    }

    #[track_caller]
    fn refuses_from(&self, before: &Snapshot, id: CommandId, buffer: &[u8], status: Status) {
        let mut after = buffer.to_vec();
        assert_eq!(self.machine.command(id, &mut after), status, "{id:?}");
        assert!(*before == self.snapshot(), "{id:?} has changed something");
        if status != Status::INVALID_LENGTH {
            assert_eq!(after, buffer, "{id:?} has changed its buffer");
        }
    }

    /// A command with things wrong in it, which are given in the firmware's order: each alone, and each pair, where the first one counts.
    /// Then it is as it should be.
    #[track_caller]
    fn in_order<C: Command + Clone>(&self, good: &C, wrong: &[Wrong<C>]) -> C {
        let before = self.snapshot();
        let mut buffer = vec![0; C::LEN];
        for (first, (spoil, status)) in wrong.iter().enumerate() {
            let nothing: fn(&mut C) = |_| ();
            let others = wrong[first + 1..].iter().map(|(also, _)| also);
            for also in [&nothing].into_iter().chain(others) {
                let mut command = good.clone();
                also(&mut command);
                spoil(&mut command);
                command.write(&mut buffer);
                self.refuses_from(&before, C::ID, &buffer, *status);
            }
        }
        self.run(good.clone()).unwrap()
    }
}

#[derive(PartialEq)]
struct Snapshot {
    platform: Option<Vec<u8>>,
    flash: Option<[u8; 48]>,
    asids: Vec<(Option<crate::platform::firmware::state::AsidOwner>, bool)>,
    is_written_back: bool,
    versions: crate::snp::report::FirmwareVersion,
    memory: Vec<u8>,
}

/// In the session that lies in memory.
fn start(policy: u32) -> SevLaunchStart {
    SevLaunchStart {
        policy,
        dh_cert_paddr: CERTIFICATE,
        dh_cert_len: 2084,
        session_paddr: SESSION,
        session_len: 128,
        ..Default::default()
    }
}

fn receive_start(policy: u32) -> SevReceiveStart {
    SevReceiveStart {
        policy,
        pdh_paddr: CERTIFICATE,
        pdh_len: 2084,
        session_paddr: SESSION,
        session_len: 128,
        ..Default::default()
    }
}

fn hex<const N: usize>(digits: &str) -> [u8; N] {
    let bytes: Vec<u8> = base16ct::lower::decode_vec(digits).unwrap();
    bytes.try_into().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// Bytes that count up.
fn counting<const N: usize>(first: u8) -> [u8; N] {
    core::array::from_fn(|i| first.wrapping_add(i as u8))
}

/// A page where every place looks unlike the others.
fn painted(seed: u8) -> Vec<u8> {
    (0..4096u32).map(|i| (i % 251) as u8 ^ seed).collect()
}
