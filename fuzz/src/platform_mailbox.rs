//! A host that sends whatever it likes to the firmware of a machine on which a guest runs.

use std::convert::Infallible;

use sevcrypt::platform::command::{
    SnpActivate, SnpDecommission, SnpGctxCreate, SnpGuestRequest, SnpInit, SnpLaunchFinish,
    SnpLaunchStart, SnpLaunchUpdate, SnpPageReclaim,
};
use sevcrypt::platform::memory::DramKey;
use sevcrypt::platform::rand_core::{TryCryptoRng, TryRng};
use sevcrypt::platform::{Chip, CommandId, Machine, MachineConfig};
use sevcrypt::rmp::{Access, Guest, PageAssignment, PageState};
use sevcrypt::snp::message::{Header, MessageType, Vmpck};
use sevcrypt::snp::secrets::SecretsPage;
use sevcrypt::snp::tcb::Product;
use sevcrypt::{Asid, Backend, GuestPhysAddr, PageSize, PhysAddr, Status, Vmpl, gcm, kdf};

const PAGE: u64 = 4096;
/// Two regions: pages of the first one are the host's to play with, the second is for one of 2 MiB.
const MEMORY: u64 = 4 << 20;
const REGION: u64 = 2 << 20;
/// The guest's: its context, its secrets page, its page of text.
const CONTEXT: u64 = 0x1000;
const SECRETS: u64 = 0x2000;
const TEXT: u64 = 0x3000;
const ASID: Asid = Asid::new(1);

/// Numbers that follow from the input: the host does not know them before it has chosen what it does.
struct Hashed(u64);

impl TryRng for Hashed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Ok(mixed ^ mixed >> 27)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.try_next_u64()?.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Hashed {}

/// Operations: a byte that tells which, then its bytes.
///
/// Nothing panics. What the guest has written stands nowhere in memory as it is, whoever the host gives which page to. The RMP's counts
/// are right, and every page comes back.
pub fn platform_mailbox(data: &[u8]) {
    // What the guest writes follows from all of the input, which so cannot contain it.
    let mut text = [0; 16];
    kdf::derive(b"what the guest writes", b"platform_mailbox", data, &mut text)
        .expect("a short output");
    let seed = u64::from_le_bytes(*text.first_chunk().expect("sixteen bytes")) ^ 0x5555;
    let mut host = Host::new(seed, &text);
    let mut rest = data;
    for _ in 0..64 {
        let Some(next) = host.step(rest) else { break };
        rest = next;
    }
    host.look_for(&text);
    host.end();
}

struct Host {
    machine: Machine,
    /// VMPCK0, and how many messages the guest has sent with it.
    key: [u8; 32],
    sequence: u64,
    /// SNP has not been ended.
    is_init: bool,
}

fn at(addr: u64) -> PhysAddr {
    PhysAddr::new(addr).expect("small")
}

impl Host {
    fn new(seed: u64, text: &[u8; 16]) -> Self {
        let chip = Chip::new(Product::Genoa, &[1; 48], &[2; 32]);
        let config = MachineConfig::new(&chip);
        let machine = Machine::new(chip, config, MEMORY, Hashed(seed)).expect("a machine");
        let mut host = Self { machine, key: [0; 32], sequence: 1, is_init: true };
        host.launch(text).expect("a launch");
        host
    }

    fn launch(&mut self, text: &[u8; 16]) -> Result<(), Status> {
        let machine = &self.machine;
        machine.issue(&mut SnpInit::default())?;
        let gctx_paddr = CONTEXT;
        self.assign(CONTEXT, PageAssignment::FIRMWARE);
        machine.issue(&mut SnpGctxCreate { gctx_paddr })?;
        machine.issue(&mut SnpLaunchStart {
            gctx_paddr,
            policy: 0x3_0000,
            ..Default::default()
        })?;
        machine.issue(&mut SnpActivate { gctx_paddr, asid: ASID.get() })?;
        for (page_paddr, page_type) in [(SECRETS, 5), (TEXT, 3)] {
            let gpa = GuestPhysAddr::new(page_paddr).expect("small");
            self.assign(page_paddr, PageAssignment::guest(ASID, gpa, PageSize::Size4K).locked());
            let page_info = page_type << 1;
            let mut update =
                SnpLaunchUpdate { gctx_paddr, page_info, page_paddr, ..Default::default() };
            machine.issue(&mut update)?;
        }
        machine.issue(&mut SnpLaunchFinish { gctx_paddr, ..Default::default() })?;
        let mut page = [0; 4096];
        machine.memory().read(DramKey::Slot(ASID), at(SECRETS), &mut page).expect("memory");
        let secrets = SecretsPage::open(&mut page).expect("a secrets page");
        self.key = *secrets.vmpck(Vmpck::VMPCK0);
        let page = text.repeat(4096 / text.len());
        machine.memory().write(DramKey::Slot(ASID), at(TEXT), &page).expect("memory");
        Ok(())
    }

    /// RMPUPDATE; whether it worked is no matter.
    fn assign(&self, page: u64, to: PageAssignment) {
        let _ = self.machine.rmp().rmpupdate(Asid::HOST, page, &to.to_bytes());
    }

    /// One operation; what it leaves of the input.
    fn step<'d>(&mut self, data: &'d [u8]) -> Option<&'d [u8]> {
        let (kind, data) = data.split_first()?;
        match kind % 8 {
            // A buffer byte for byte.
            0 => {
                let (&[id, len], data) = data.split_first_chunk()?;
                let (bytes, data) = data.split_at_checked(usize::from(len % 0x48))?;
                self.command(id, &mut bytes.to_vec());
                Some(data)
            }
            // A buffer whose words are mostly pages and flags.
            1..=4 => {
                let (&[id, len], data) = data.split_first_chunk()?;
                let (words, data) = data.split_at_checked(usize::from(1 + len % 8))?;
                let words = words.iter().map(|byte| word(*byte).to_le_bytes());
                self.command(id, words.collect::<Vec<_>>().as_flattened_mut());
                Some(data)
            }
            5 => {
                let (&[page, what, gpa], data) = data.split_first_chunk()?;
                self.rmpupdate(page, what, gpa);
                Some(data)
            }
            // The host writes where it may, and the guest accepts what it is given.
            6 => {
                let (&[page, byte, len], data) = data.split_first_chunk()?;
                let page = page_of(page);
                let _ = self.machine.host_write(at(page), &vec![byte; usize::from(len) * 16]);
                if let Ok(found) = self.machine.rmp().page(page) {
                    let access = Access { spa: page, gpa: found.entry.gpa(), mapping: found.size };
                    let guest = Guest { asid: ASID, vmpl: Vmpl::VMPL0 };
                    let _ = self.machine.rmp().pvalidate(guest, access, found.size, true);
                }
                Some(data)
            }
            _ => {
                let (&[message_type, version, len, pages], data) = data.split_first_chunk()?;
                let (payload, data) = data.split_at_checked(len.into())?;
                self.request(message_type, version, payload, pages);
                Some(data)
            }
        }
    }

    fn command(&mut self, id: u8, buffer: &mut [u8]) {
        let status = self.machine.command(CommandId(id.into()), buffer);
        // SNP_SHUTDOWN, SNP_SHUTDOWN_EX.
        if status.is_success() && matches!(id, 0x82 | 0x86) {
            self.is_init = false;
        }
    }

    fn rmpupdate(&self, page: u8, what: u8, gpa: u8) {
        let page = page_of(page);
        let size = if page == REGION { PageSize::Size2M } else { PageSize::Size4K };
        let asid = Asid::new(1 + u32::from(what >> 4 & 3));
        let gpa = GuestPhysAddr::new(u64::from(gpa) * size.bytes() as u64).expect("small");
        let found = self.machine.rmp().page(page).expect("nobody else");
        let same = PageAssignment::guest(found.entry.asid(), found.entry.gpa(), found.size);
        let with_size = |to: PageAssignment| PageAssignment { page_size: size, ..to };
        match what % 8 {
            0 | 1 => self.assign(page, with_size(PageAssignment::FIRMWARE)),
            2 => self.assign(page, with_size(PageAssignment::HYPERVISOR)),
            3 => self.assign(page, PageAssignment::guest(asid, gpa, size)),
            4 | 5 => self.assign(page, PageAssignment::guest(asid, gpa, size).locked()),
            6 => self.assign(page, same.locked()),
            _ => {
                let _ = self.machine.rmp().psmash(Asid::HOST, page);
            }
        }
    }

    /// The guest sends a message, in a page that the host can write to.
    fn request(&mut self, message_type: u8, version: u8, payload: &[u8], pages: u8) {
        let message_type = message_type % 20;
        let mut payload = payload.to_vec();
        // Of its type's length, or of its own.
        let of_type =
            [0, 0x10, 0, 0x20, 0, 0x60, 0, 0x10, 0, 0x320, 0, 0x320, 0, 0x40, 0, 0x320, 0, 0x80];
        let len = match version >> 7 {
            0 => of_type.get(usize::from(message_type)).copied().unwrap_or_default(),
            _ => payload.len(),
        };
        payload.resize(len.next_multiple_of(16).max(16), 0);
        // VALID of the root entry, so that a context can be imported.
        if let (1, Some(byte)) = (version >> 6 & 1, payload.get_mut(0x220)) {
            *byte |= 1;
        }
        let len = payload.len() as u16;
        let message_type = MessageType(message_type);
        let mut header = Header::new(message_type, version % 4, len, Vmpck::VMPCK0, self.sequence);
        let key = gcm::MessageKey::new(&self.key, Backend::best());
        let tag = key.seal_in_place(&header.nonce(), header.aad(), &mut payload);
        header.set_tag(&tag.expect("a short text"));
        let (request, response) = (page_of(pages & 0xf), page_of(pages >> 4));
        let message = [header.bytes(), &payload[..]].concat();
        let _ = self.machine.host_write(at(request), &message);
        let mut command = SnpGuestRequest {
            gctx_paddr: CONTEXT,
            request_paddr: request,
            response_paddr: response,
        };
        if self.machine.issue(&mut command).is_ok() {
            self.sequence += 2;
        }
    }

    /// All of memory, as the host sees it.
    fn look_for(&self, text: &[u8; 16]) {
        let mut all = vec![0; MEMORY as usize];
        self.machine.host_read(at(0), &mut all).expect("memory");
        let found = all.as_chunks::<16>().0.iter().position(|block| block == text);
        assert_eq!(found, None, "what the guest wrote stands in the clear");
        // And no guest reaches a page of another.
        let rmp = self.machine.rmp();
        for page in (0..MEMORY).step_by(PAGE as usize) {
            let entry = rmp.page(page).expect("nobody else").entry;
            let access = Access { spa: page, gpa: entry.gpa(), mapping: PageSize::Size4K };
            for asid in (1..=4).map(Asid::new).filter(|asid| *asid != entry.asid()) {
                let guest = Guest { asid, vmpl: Vmpl::VMPL0 };
                let kind = sevcrypt::rmp::Kind::Read;
                assert!(rmp.check(guest, kind, access).is_err(), "page {page:#x}, {asid:?}");
            }
        }
    }

    /// Counts are right, and the host gets everything back.
    fn end(&self) {
        let rmp = self.machine.rmp();
        let entry = |page| rmp.page(page).expect("nobody else").entry;
        for region in [0, REGION] {
            let head = entry(region);
            let pages = (region + PAGE..region + REGION).step_by(PAGE as usize);
            let count = pages.filter(|page| entry(*page).assigned()).count();
            if !(head.assigned() && head.page_size() == PageSize::Size2M) {
                assert_eq!(usize::from(head.subpage_count()), count, "region {region:#x}");
            }
        }
        if !self.is_init {
            return;
        }
        for page in (0..MEMORY).step_by(PAGE as usize) {
            let found = rmp.page(page).expect("nobody else");
            if found.state == PageState::Context {
                self.machine.issue(&mut SnpDecommission { gctx_paddr: page }).expect("a context");
            }
            // Inside of one of 2 MiB.
            let head = entry(page & !(REGION - 1));
            let is_large = head.assigned() && head.page_size() == PageSize::Size2M;
            if is_large && !page.is_multiple_of(REGION) {
                continue;
            }
            match found.state {
                // SNP_PAGE_SET_STATE has given it away for ever.
                PageState::Hypervisor | PageState::HvFixed => continue,
                _ => {}
            }
            let page_paddr = page | u64::from(is_large);
            self.machine.issue(&mut SnpPageReclaim { page_paddr }).expect("a page to reclaim");
            let page_size = if is_large { PageSize::Size2M } else { PageSize::Size4K };
            let free = PageAssignment { page_size, ..PageAssignment::HYPERVISOR };
            rmp.rmpupdate(Asid::HOST, page, &free.to_bytes()).expect("a page of nobody's");
        }
    }
}

/// A page of the first sixteen, or the one of 2 MiB.
fn page_of(byte: u8) -> u64 {
    match byte % 17 {
        16 => REGION,
        page => u64::from(page) * PAGE,
    }
}

/// What a byte stands for in a buffer.
fn word(byte: u8) -> u64 {
    match byte {
        0..=15 => u64::from(byte) * PAGE,
        16 => REGION,
        17 => REGION | 1,
        18..=33 => u64::from(byte - 18) * PAGE + 64,
        34..=97 => u64::from(byte - 34),
        98 => 0x3_0000,
        99 => 0x7_0000,
        100 => 0xb_0000,
        101 => MEMORY,
        102 => u64::MAX,
        103..=118 => u64::from(byte - 103) << 32 | 0x10,
        _ => 1 << (byte % 64),
    }
}
