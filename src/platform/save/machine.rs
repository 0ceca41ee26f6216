//! What of a machine is written, and read again.

use core::fmt;
use core::ops::Range;
use std::boxed::Box;
use std::collections::BTreeMap;
use std::vec::Vec;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{Header, Reader, RestoreError, Writer};
use crate::addr::{Asid, PAGE, PageSize, PhysAddr};
use crate::cpu::Backend;
use crate::hash::sha384;
use crate::platform::ca::TestCa;
use crate::platform::firmware::{
    Around, AsidOwner, AsidState, Asids, Facts, GuestContext, Legacy, Snp, State, Versions, Vlek,
};
use crate::platform::memory::{
    Dram, DramKey, Encryption, Generation, HeapDram, Interleave, OneChannel, RoundRobin,
};
use crate::platform::{Chip, GuestState, Machine, MachineConfig, MachineError, PlatformVersions};
use crate::rmp::{Entry, Loaded, PageState, Table};
use crate::sev::ApiVersion;
use crate::snp::GuestPolicy;
use crate::snp::id_block::{IdBlock, LaunchIdentity};
use crate::snp::keys::{HashStick, VlekSticks};
use crate::snp::launch::LaunchDigest;
use crate::snp::report::FirmwareVersion;
use crate::snp::tcb::{Product, TcbVersion};
use crate::wipe::Wiped;

/// A saved machine that was read: its bytes are whole, and say what can be.
///
/// The file has everything of the machine: the chip's secrets, the CA's private keys, the keys of every guest. Whoever has it
/// is the platform.
pub struct Saved<'a> {
    header: Header,
    body: &'a [u8],
    identity: Identity<'a>,
    /// What is lost without power; `None`: it has been lost.
    running: Option<&'a [u8]>,
}

impl fmt::Debug for Saved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saved").field("header", &self.header).finish_non_exhaustive()
    }
}

/// What a machine is, with and without power.
struct Identity<'a> {
    product: Product,
    chip_secret: &'a [u8; 48],
    unique_key: &'a [u8; 32],
    versions: PlatformVersions,
    encryption: Encryption,
    smt: bool,
    tsme: bool,
    ecc: bool,
    sockets: u32,
    min_sev_asid: u32,
    rmp: Option<Range<u64>>,
    memory: u64,
    channels: u32,
    granule: u64,
    /// SEV's keys in the flash memory, and the ARK in the fuses.
    legacy: &'a [u8],
    ca: Option<&'a [u8]>,
}

/// The most memory that [`Saved::restore`] makes, 64 GiB: a file of a few bytes can ask for any.
const MAX_MEMORY: u64 = 1 << 36;

/// The bits that the second word of an entry may have.
const SECOND_WORD: u64 = 1 << 48 | 0xffff_ffff;

impl<D: Dram> Machine<D> {
    /// The machine, its guests, its memory and its CA as bytes: all its secrets. No command runs meanwhile; vCPUs have to stand still.
    ///
    /// `generation` is for [`Store`](super::Store), or for whoever else keeps a machine from being made twice of one file.
    ///
    /// MODEL: the interleave is kept as its channels and granule; restored, it is [`RoundRobin`].
    #[must_use]
    pub fn save(&self, ca: Option<&TestCa>, generation: u64) -> Zeroizing<Vec<u8>> {
        let state = self.lock();
        let mut out = Writer::with_capacity(1 << 20);
        begin(&mut out, generation);

        let mut identity = Writer::with_capacity(1 << 14);
        self.save_identity(&state, ca, &mut identity);
        out.counted(&identity.finish());
        out.bool(true);
        self.save_running(&state, &mut out);
        seal(out.finish())
    }

    fn save_identity(&self, state: &State, ca: Option<&TestCa>, out: &mut Writer) {
        // What is not written is derived, or the caller's. A field that is added has to be given its place here.
        let State { chip, random: _, backend: _, facts, versions, snp: _, asids: _, legacy } =
            state;
        let Facts { smt, tsme, ecc, xts_256, max_asid: _, min_sev_asid, sockets } = *facts;
        let product = Product::ALL.iter().position(|product| *product == chip.product());
        out.u8(product.unwrap_or_default() as u8);
        out.bytes(chip.secret().as_bytes());
        out.bytes(chip.unique_key().as_bytes());
        for version in [versions.current, versions.committed] {
            out.bytes(&[version.major, version.minor, version.build]);
        }
        for tcb in [versions.current_tcb, versions.committed_tcb, versions.reported_tcb()] {
            out.bytes(&tcb.bytes());
        }
        for flag in [xts_256, smt, tsme, ecc] {
            out.bool(flag);
        }
        out.u32(sockets);
        out.u32(min_sev_asid);
        out.option(self.rmp_place().first(), |out, range| {
            out.u64(range.start);
            out.u64(range.end);
        });
        let memory = self.memory();
        out.u64(memory.dram().ranges().iter().map(|range| range.end).max().unwrap_or(0));
        out.u32(memory.interleave().channels());
        out.u64(memory.interleave().granule());
        let mut identity = Writer::with_capacity(1 << 14);
        legacy.save_identity(&mut identity);
        out.counted(&identity.finish());
        out.option(ca, |out, ca| out.counted(&ca.to_bytes()));
    }

    fn save_running(&self, state: &State, out: &mut Writer) {
        let memory = self.memory();
        out.bytes(memory.tweak_seed());
        let seeds: Vec<_> = memory.seeds().collect();
        out.u64(seeds.len() as u64);
        for (asid, seed) in seeds {
            out.u32(asid.get());
            out.bytes(&*seed);
        }
        state.save(out);

        let pages = (0..self.entries().len() as u64).map(|page| (page, self.settled_entry(page)));
        let entries: Vec<_> = pages.filter(|(_, entry)| *entry != Entry::default()).collect();
        out.u64(entries.len() as u64);
        for (page, entry) in entries {
            out.u64(page);
            let [first, second] = entry.to_words();
            out.u64(first);
            out.u64(second);
        }
        for range in memory.dram().ranges() {
            for page in range.step_by(PAGE) {
                let mut bytes = [0; PAGE];
                let Ok(addr) = PhysAddr::new(page) else { continue };
                let read = memory.read(DramKey::None, addr, &mut bytes);
                if read.is_ok() && bytes != [0; PAGE] {
                    out.bool(true);
                    out.u64(page);
                    out.bytes(&bytes);
                }
            }
        }
        out.bool(false);
    }

    /// The entry of a page, when nobody changes it any more.
    fn settled_entry(&self, page: u64) -> Entry {
        loop {
            match self.entries().load(page) {
                Loaded::Entry(entry) => return entry,
                Loaded::NotCovered => return Entry::default(),
                Loaded::Busy => std::thread::yield_now(),
            }
        }
    }

    fn restore_running(&self, running: &[u8]) -> Result<(), RestoreError> {
        let mut from = Reader::new(running);
        let _tweak_seed = from.array::<32>()?;
        for _ in 0..from.u64()? {
            let asid = Asid::new(from.u32()?);
            let seed = from.array()?;
            self.memory().install_key(asid, seed).map_err(|_| RestoreError::Malformed)?;
        }
        let holds =
            |addr, len| PhysAddr::new(addr).is_ok_and(|addr| self.memory().dram().holds(addr, len));
        self.lock().restore(&mut from, &holds)?;
        for _ in 0..from.u64()? {
            let page = from.u64()?;
            let words @ [_, second] = [from.u64()?, from.u64()?];
            if second & !SECOND_WORD != 0 {
                return Err(RestoreError::Malformed);
            }
            let set =
                self.entries().compare_exchange(page, Entry::default(), Entry::from_words(words));
            if !set {
                return Err(RestoreError::Malformed);
            }
        }
        while from.bool()? {
            let addr = PhysAddr::new(from.u64()?).map_err(|_| RestoreError::Malformed)?;
            if addr.page() != addr {
                return Err(RestoreError::Malformed);
            }
            let bytes: &[u8; PAGE] = from.array()?;
            let written = self.memory().write(DramKey::None, addr, bytes);
            written.map_err(|_| RestoreError::Malformed)?;
        }
        from.finish()?;
        self.check_rmp()?;
        self.check_guests()
    }

    /// Checks what operations on the RMP keep true: regions count their pages, and no page is of an ASID that is none.
    fn check_rmp(&self) -> Result<(), RestoreError> {
        let max_asid = self.lock().facts.max_asid;
        for first in (0..self.entries().len() as u64).step_by(512) {
            let head = self.settled_entry(first);
            let others = (1..512).filter_map(|n| self.entry(first + n));
            let (len, assigned, has_asids) =
                others.fold((0, 0, true), |(len, count, has), other| {
                    let is_asid = other.asid().get() <= max_asid;
                    (len + 1, count + u16::from(other.assigned()), has && is_asid)
                });
            let is_large = head.assigned() && head.page_size() == PageSize::Size2M;
            let is_counted = match is_large {
                true => head.subpage_count() == 0 && assigned == len,
                false => head.subpage_count() == assigned,
            };
            if !is_counted || !has_asids || head.asid().get() > max_asid {
                return Err(RestoreError::Malformed);
            }
        }
        Ok(())
    }

    /// Checks what commands keep true: guests stand in their contexts' pages, and each ASID is that of its guest.
    fn check_guests(&self) -> Result<(), RestoreError> {
        let state = self.lock();
        let State { facts, snp, asids, legacy, .. } = &*state;
        let is_platform = snp.max_snp_asid <= facts.max_asid
            && (snp.is_rmp_init || !snp.is_init)
            && (snp.is_init || snp.guests.is_empty());
        let are_contexts = snp.guests.iter().all(|(gctx, guest)| {
            let page = self.entry(gctx / PAGE as u64).unwrap_or_default();
            let may_have_asid = guest.state != GuestState::Init;
            gctx.is_multiple_of(PAGE as u64)
                && (page.state(), page.page_size()) == (PageState::Context, PageSize::Size4K)
                && guest.asid.is_none_or(|asid| may_have_asid && asid.get() <= snp.max_snp_asid)
        });
        let snp_owners = snp
            .guests
            .iter()
            .filter_map(|(gctx, guest)| guest.asid.map(|asid| (asid, AsidOwner::Snp(*gctx))));
        let owners: Vec<_> = snp_owners.chain(legacy.owners()).collect();
        let owned = asids.states.iter().filter(|state| state.owner.is_some()).count();
        let are_owners = owners.iter().all(|(asid, owner)| asids.owner(*asid) == Some(*owner));
        if is_platform && are_contexts && are_owners && owned == owners.len() {
            Ok(())
        } else {
            Err(RestoreError::Malformed)
        }
    }
}

/// A body with its head.
#[cfg(test)]
pub(super) fn sealed(generation: u64, body: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Writer::with_capacity(Header::LEN + body.len());
    begin(&mut out, generation);
    out.bytes(body);
    seal(out.finish())
}

/// The head, without its digest.
fn begin(out: &mut Writer, generation: u64) {
    out.bytes(Header::MARK);
    out.bytes(&[0; 48]);
    out.u64(generation);
}

/// Puts the digest of all behind it into the head.
fn seal(mut bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if let Some((head, rest)) = bytes.split_at_mut_checked(Header::MARK.len() + 48) {
        head[Header::MARK.len()..].copy_from_slice(&sha384(rest));
    }
    bytes
}

impl<'a> Saved<'a> {
    /// Reads a saved machine: all of it is checked but what its guests' contexts say.
    ///
    /// # Errors
    /// [`RestoreError`]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RestoreError> {
        let (header, body) = Header::split(bytes)?;
        let mut from = Reader::new(body);
        let mut identity = Reader::new(from.counted()?);
        let running = if from.bool()? {
            Some(from.rest())
        } else {
            from.finish()?;
            None
        };
        let parsed = Identity::read(&mut identity)?;
        identity.finish()?;
        Ok(Self { header, body, identity: parsed, running })
    }

    /// Which machine it is.
    #[must_use]
    pub const fn header(&self) -> Header {
        self.header
    }

    /// Whether it has what ran: guests, RMP, memory. A machine that was taken out of a [`Store`](super::Store) and not put back has not.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Its chip.
    #[must_use]
    pub fn chip(&self) -> Chip {
        let Identity { product, chip_secret, unique_key, .. } = self.identity;
        Chip::new(product, chip_secret, unique_key)
    }

    /// Its versions.
    #[must_use]
    pub const fn versions(&self) -> PlatformVersions {
        self.identity.versions
    }

    /// Bytes of memory.
    #[must_use]
    pub const fn memory(&self) -> u64 {
        self.identity.memory
    }

    /// The CA of its certificates.
    ///
    /// # Errors
    /// [`RestoreError::Malformed`]
    pub fn ca(&self) -> Result<Option<TestCa>, RestoreError> {
        let ca = self.identity.ca.map(TestCa::from_bytes).transpose();
        ca.map_err(|_| RestoreError::Malformed)
    }

    /// The bytes of the same machine without power: its guests are gone, its keys and its CA are there.
    #[must_use]
    pub fn without_power(&self, generation: u64) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::with_capacity(1 << 16);
        begin(&mut out, generation);
        if let Ok(identity) = Reader::new(self.body).counted() {
            out.counted(identity);
        }
        out.bool(false);
        seal(out.finish())
    }

    /// Makes the machine, with its memory on the heap, of at most 64 GiB: whoever has more brings it
    /// ([`restore_with`](Self::restore_with)). Whatever it draws from now on comes from `random`.
    ///
    /// # Errors
    /// [`RestoreError`]
    pub fn restore(
        &self,
        random: impl CryptoRng + Send + 'static,
    ) -> Result<Machine, RestoreError> {
        let memory = self.identity.memory;
        let none = RestoreError::Memory { found: 0, expected: memory };
        if memory > MAX_MEMORY {
            return Err(none);
        }
        let dram = HeapDram::new(memory).map_err(|_| none)?;
        self.restore_with(dram, random)
    }

    /// Makes the machine in memory that is zero.
    ///
    /// # Errors
    /// [`RestoreError`]
    pub fn restore_with<D: Dram>(
        &self,
        dram: D,
        random: impl CryptoRng + Send + 'static,
    ) -> Result<Machine<D>, RestoreError> {
        let identity = &self.identity;
        let found = dram.ranges().iter().map(|range| range.end).max().unwrap_or(0);
        if found != identity.memory {
            return Err(RestoreError::Memory { found, expected: identity.memory });
        }
        let interleave: Box<dyn Interleave> = match identity.channels {
            1 => Box::new(OneChannel),
            channels => Box::new(RoundRobin { channels, granule: identity.granule }),
        };
        let config = MachineConfig {
            // What is reported may be above firmware that was loaded later. It is set below.
            versions: PlatformVersions {
                reported_tcb: identity.versions.current_tcb,
                ..identity.versions
            },
            encryption: identity.encryption,
            interleave,
            smt: identity.smt,
            tsme: identity.tsme,
            ecc: identity.ecc,
            sockets: identity.sockets,
            min_sev_asid: identity.min_sev_asid,
            rmp: identity.rmp.clone(),
            backend: Backend::best(),
        };
        // A machine that runs has the tweak of its boot.
        let tweak_seed = self.running.and_then(|running| running.first_chunk::<32>());
        let machine = Machine::with_tweak(self.chip(), config, dram, random, tweak_seed).map_err(
            |error| match error {
                MachineError::Memory => RestoreError::Memory { found, expected: identity.memory },
                _ => RestoreError::Malformed,
            },
        )?;
        {
            let mut state = machine.lock();
            let State { chip, versions, legacy, .. } = &mut *state;
            let PlatformVersions { committed_tcb, reported_tcb, .. } = identity.versions;
            if self.running.is_none() {
                versions.resume(chip, (reported_tcb != committed_tcb).then_some(reported_tcb));
            }
            *legacy = read_legacy(identity.legacy)?;
        }
        if let Some(running) = self.running {
            machine.restore_running(running)?;
        }
        Ok(machine)
    }
}

fn read_legacy(bytes: &[u8]) -> Result<Legacy, RestoreError> {
    let mut from = Reader::new(bytes);
    let legacy = Legacy::read_identity(&mut from)?;
    from.finish().map(|()| legacy)
}

impl<'a> Identity<'a> {
    fn read(from: &mut Reader<'a>) -> Result<Self, RestoreError> {
        let product = usize::from(from.u8()?);
        let product = *Product::ALL.get(product).ok_or(RestoreError::Malformed)?;
        let (chip_secret, unique_key) = (from.array()?, from.array()?);
        let mut version = || {
            let [major, minor, build] = *from.array()?;
            Ok(FirmwareVersion { major, minor, build })
        };
        let (current, committed) = (version()?, version()?);
        let mut tcb = || Ok(TcbVersion::new(*from.array()?));
        let versions = PlatformVersions {
            current,
            committed,
            current_tcb: tcb()?,
            committed_tcb: tcb()?,
            reported_tcb: tcb()?,
        };
        let xts_256 = from.bool()?;
        let identity = Self {
            product,
            chip_secret,
            unique_key,
            versions,
            encryption: if xts_256 { Encryption::Aes256Xts } else { Encryption::Aes128 },
            smt: from.bool()?,
            tsme: from.bool()?,
            ecc: from.bool()?,
            sockets: from.u32()?,
            min_sev_asid: from.u32()?,
            rmp: from.option(|from| Ok(from.u64()?..from.u64()?))?,
            memory: from.u64()?,
            channels: from.u32()?,
            granule: from.u64()?,
            legacy: from.counted()?,
            ca: from.option(Reader::counted)?,
        };
        read_legacy(identity.legacy)?;
        let max_asid = Generation::from(product).guest_keys();
        let is_page = identity.memory.is_multiple_of(PAGE as u64);
        if is_page && (1..=max_asid + 1).contains(&identity.min_sev_asid) {
            Ok(identity)
        } else {
            Err(RestoreError::Malformed)
        }
    }
}

impl State {
    fn save(&self, out: &mut Writer) {
        let Self { chip: _, random: _, backend: _, facts: _, versions, snp, asids, legacy } = self;
        let Snp {
            is_init,
            is_rmp_init,
            rapl_dis,
            ciphertext_hiding,
            max_snp_asid,
            mask_chip_id,
            mask_chip_key,
            vlek,
            guests,
        } = snp;
        for flag in [is_init, is_rmp_init, rapl_dis, ciphertext_hiding, mask_chip_id, mask_chip_key]
        {
            out.bool(*flag);
        }
        out.u32(*max_snp_asid);
        // The versions themselves are the machine's without power, too, and the keys follow from them.
        let Versions {
            current: _,
            committed: _,
            current_tcb: _,
            committed_tcb: _,
            configured_tcb,
            sticks: _,
            reported_sticks: _,
            vcek: _,
        } = versions;
        out.option(*configured_tcb, |out, tcb| out.bytes(&tcb.bytes()));
        out.option(vlek.as_ref(), |out, Vlek { sticks, key: _ }| {
            sticks.sticks().iter().for_each(|stick| out.bytes(stick.as_bytes()));
        });
        let Asids { states, is_written_back } = asids;
        out.u64(states.len() as u64);
        for AsidState { owner, is_dirty } in states {
            match owner {
                None => out.u8(0),
                Some(AsidOwner::Snp(gctx)) => {
                    out.u8(1);
                    out.u64(*gctx);
                }
                Some(AsidOwner::Legacy(handle)) => {
                    out.u8(2);
                    out.u32(*handle);
                }
            }
            out.bool(*is_dirty);
        }
        out.bool(*is_written_back);
        out.u64(guests.len() as u64);
        for (gctx, guest) in guests {
            out.u64(*gctx);
            guest.save(out);
        }
        legacy.save_running(out);
    }

    /// `holds` tells whether memory has the bytes from an address on.
    fn restore(
        &mut self,
        from: &mut Reader<'_>,
        holds: &dyn Fn(u64, u64) -> bool,
    ) -> Result<(), RestoreError> {
        let snp = &mut self.snp;
        for flag in [
            &mut snp.is_init,
            &mut snp.is_rmp_init,
            &mut snp.rapl_dis,
            &mut snp.ciphertext_hiding,
            &mut snp.mask_chip_id,
            &mut snp.mask_chip_key,
        ] {
            *flag = from.bool()?;
        }
        snp.max_snp_asid = from.u32()?;
        let configured_tcb = from.option(|from| Ok(TcbVersion::new(*from.array()?)))?;
        self.versions.resume(&self.chip, configured_tcb);
        snp.vlek = from.option(|from| {
            let sticks = Zeroizing::new(*from.array::<{ 8 * 48 }>()?);
            let (sticks, _) = sticks.as_chunks();
            let sticks = VlekSticks::new(core::array::from_fn(|n| HashStick::new(&sticks[n])));
            Ok(Vlek::new(sticks))
        })?;
        if from.u64()? != self.asids.states.len() as u64 {
            return Err(RestoreError::Malformed);
        }
        for state in &mut self.asids.states {
            let owner = match from.u8()? {
                0 => None,
                1 => Some(AsidOwner::Snp(from.u64()?)),
                2 => Some(AsidOwner::Legacy(from.u32()?)),
                _ => return Err(RestoreError::Malformed),
            };
            *state = AsidState { owner, is_dirty: from.bool()? };
        }
        self.asids.is_written_back = from.bool()?;
        let mut guests = BTreeMap::new();
        for _ in 0..from.u64()? {
            let gctx = from.u64()?;
            if guests.insert(gctx, GuestContext::restore(from)?).is_some() {
                return Err(RestoreError::Malformed);
            }
        }
        self.snp.guests = guests;
        let FirmwareVersion { major, minor, .. } = self.versions.current;
        let (api, backend) = (ApiVersion { major, minor }, self.backend);
        self.legacy.restore_running(from, &Around { chip: &self.chip, api, backend, holds })
    }
}

impl GuestContext {
    fn save(&self, out: &mut Writer) {
        let Self {
            state,
            asid,
            policy,
            vek_seed,
            oek,
            oek_iv_count,
            vmpcks,
            message_counts,
            vmrk,
            digest,
            imi_en,
            migration_agent,
            report_id,
            report_id_ma,
            host_data,
            identity,
            vcek_dis,
            root_mdata,
            gosvw,
            desired_tsc_freq,
            tsc_offset,
            launch_tcb,
        } = self;
        out.u8(*state as u8);
        out.option(*asid, |out, asid| out.u32(asid.get()));
        out.u64(policy.0);
        out.bytes(&**vek_seed);
        out.bytes(&**oek);
        out.u64(*oek_iv_count);
        out.bytes(vmpcks.as_flattened());
        message_counts.iter().for_each(|count| out.u64(*count));
        out.bytes(&**vmrk);
        out.bytes(digest.digest());
        out.bytes(digest.imi_digest());
        out.bool(*imi_en);
        out.option(*migration_agent, Writer::u64);
        out.bytes(report_id);
        out.bytes(report_id_ma);
        out.bytes(host_data);
        let LaunchIdentity {
            id_block,
            id_key_digest,
            author_key_digest,
            id_block_en,
            author_key_en,
        } = identity;
        out.option(id_block.as_ref(), |out, block| out.bytes(&block.to_bytes()));
        out.bytes(id_key_digest);
        out.bytes(author_key_digest);
        out.bool(*id_block_en);
        out.bool(*author_key_en);
        out.bool(*vcek_dis);
        out.bytes(root_mdata);
        out.bytes(gosvw);
        out.u32(*desired_tsc_freq);
        out.u64(*tsc_offset);
        out.bytes(&launch_tcb.bytes());
    }

    fn restore(from: &mut Reader<'_>) -> Result<Self, RestoreError> {
        let state = match from.u8()? {
            0 => GuestState::Init,
            1 => GuestState::Launch,
            2 => GuestState::Running,
            _ => return Err(RestoreError::Malformed),
        };
        Ok(Self {
            state,
            asid: from.option(|from| from.u32().map(Asid::new))?,
            policy: GuestPolicy(from.u64()?),
            vek_seed: Wiped::new(*from.array()?),
            oek: Wiped::new(*from.array()?),
            oek_iv_count: from.u64()?,
            vmpcks: Wiped::new([*from.array()?, *from.array()?, *from.array()?, *from.array()?]),
            message_counts: [from.u64()?, from.u64()?, from.u64()?, from.u64()?],
            vmrk: Wiped::new(*from.array()?),
            digest: LaunchDigest::resume_with_imi(*from.array()?, *from.array()?),
            imi_en: from.bool()?,
            migration_agent: from.option(Reader::u64)?,
            report_id: *from.array()?,
            report_id_ma: *from.array()?,
            host_data: *from.array()?,
            identity: LaunchIdentity {
                id_block: from.option(|from| from.array().map(IdBlock::from_bytes))?,
                id_key_digest: *from.array()?,
                author_key_digest: *from.array()?,
                id_block_en: from.bool()?,
                author_key_en: from.bool()?,
            },
            vcek_dis: from.bool()?,
            root_mdata: *from.array()?,
            gosvw: *from.array()?,
            desired_tsc_freq: from.u32()?,
            tsc_offset: from.u64()?,
            launch_tcb: TcbVersion::new(*from.array()?),
        })
    }
}
