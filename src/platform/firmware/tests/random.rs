//! Random commands against a small model of pages and guests, written from AMD's documents and not from the code: every status, every
//! page's state and owner, and every text that a guest finds.

use core::any::type_name;
use core::fmt::Debug;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;
use std::vec;
use std::vec::Vec;

use super::lab::*;
use crate::Backend;
use crate::addr::{Asid, GuestPhysAddr, PAGE, PageSize, PhysAddr, Vmpck, Vmpl};
use crate::gcm::MessageKey;
use crate::platform::GuestState;
use crate::platform::command::*;
use crate::rmp::{Access, Guest as Who, Kind as How, PageAssignment, PageState};
use crate::snp::message::{Header, MessageType};
use crate::status::Status;

/// Pages of 4 KiB, then two of 2 MiB.
const SMALL: usize = 40;
const PAGES: usize = SMALL + 2;
/// Where messages stand.
const REQUEST: u64 = 0x20_0000;
const RESPONSE: u64 = 0x20_1000;
const ASIDS: u32 = 4;
const ENTRIES: usize = 64;

fn addr(page: usize) -> u64 {
    match page {
        0..SMALL => 0x30_0000 + page as u64 * 0x1000,
        _ => 0x40_0000 + (page - SMALL) as u64 * 0x20_0000,
    }
}

fn size_of_page(page: usize) -> PageSize {
    if page < SMALL { PageSize::Size4K } else { PageSize::Size2M }
}

/// Whose a page is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Hypervisor,
    Firmware,
    Reclaim,
    Context,
    /// Of the guest whose context is in a page.
    Metadata(usize),
    Guest {
        asid: u32,
        gpa: u64,
        validated: bool,
        vmsa: bool,
        immutable: bool,
    },
}

impl Kind {
    fn is_immutable(self) -> bool {
        match self {
            Self::Hypervisor | Self::Reclaim => false,
            Self::Firmware | Self::Context | Self::Metadata(_) => true,
            Self::Guest { immutable, .. } => immutable,
        }
    }

    fn state(self) -> PageState {
        match self {
            Self::Hypervisor => PageState::Hypervisor,
            Self::Firmware => PageState::Firmware,
            Self::Reclaim => PageState::Reclaim,
            Self::Context => PageState::Context,
            Self::Metadata(_) => PageState::Metadata,
            Self::Guest { validated: true, immutable: true, .. } => PageState::PreSwap,
            Self::Guest { validated: false, immutable: true, .. } => PageState::PreGuest,
            Self::Guest { validated: true, .. } => PageState::GuestValid,
            Self::Guest { .. } => PageState::GuestInvalid,
        }
    }

    fn is_pre_guest(self) -> bool {
        self.state() == PageState::PreGuest
    }
}

/// What stands in memory, or what a guest reads there.
#[derive(Clone, PartialEq)]
enum Bytes {
    Unknown,
    /// A number, again and again.
    Plain(u64),
    Swapped(usize),
    Entries(Vec<Option<Entry>>),
    /// What comes of something under a guest's key in a page.
    Enciphered(u64, usize, Rc<Bytes>),
    Deciphered(u64, usize, Rc<Bytes>),
}

impl Bytes {
    /// What a guest with a key reads where this stands.
    fn decipher(&self, key: u64, page: usize) -> Self {
        match self {
            Self::Unknown => Self::Unknown,
            Self::Enciphered(of, at, text) if (*of, *at) == (key, page) => text.as_ref().clone(),
            other => Self::Deciphered(key, page, Rc::new(other.shallow())),
        }
    }

    /// What stands in a page where a guest has written this.
    fn encipher(&self, key: u64, page: usize) -> Self {
        match self {
            Self::Unknown => Self::Unknown,
            Self::Deciphered(of, at, bytes) if (*of, *at) == (key, page) => bytes.as_ref().clone(),
            other => Self::Enciphered(key, page, Rc::new(other.shallow())),
        }
    }

    /// What went through many keys never finds its way back.
    fn shallow(&self) -> Self {
        let mut inner = self;
        for _ in 0..16 {
            match inner {
                Self::Enciphered(_, _, next) | Self::Deciphered(_, _, next) => inner = next,
                _ => return self.clone(),
            }
        }
        Self::Unknown
    }
}

/// An entry that has been written.
#[derive(Clone, Copy, PartialEq)]
struct Entry {
    /// Which swap.
    swap: usize,
    valid: bool,
    page_type: u64,
    size: PageSize,
    gpa: u64,
    validated: bool,
}

/// A page that is out: under whose OEK, and what it was.
struct Swap {
    oek: u64,
    text: Bytes,
}

struct Guest {
    /// The page of the context.
    page: usize,
    state: GuestState,
    asid: Option<u32>,
    /// Numbers that stand for its keys.
    vek: u64,
    oek: u64,
    swap_disable: bool,
    root: Option<Entry>,
    counts: [u64; 4],
}

#[derive(Clone, Copy, Default)]
struct AsidModel {
    owner: Option<usize>,
    dirty: bool,
}

struct Model {
    kinds: [Kind; PAGES],
    bytes: Vec<Bytes>,
    guests: Vec<Guest>,
    swaps: Vec<Swap>,
    asids: [AsidModel; ASIDS as usize + 1],
    written_back: bool,
    next: u64,
}

/// A parameter: a page, an address inside of it, or none of memory.
#[derive(Clone, Copy)]
enum At {
    Page(usize),
    Inside(usize),
    Outside,
}

impl At {
    fn addr(self) -> u64 {
        match self {
            Self::Page(page) => addr(page),
            Self::Inside(page) => addr(page) + 0x10,
            Self::Outside => MEMORY + 0x1000,
        }
    }
}

/// The checks of addresses, which every command begins with.
fn pages<const N: usize>(at: [At; N]) -> Result<[usize; N], Status> {
    if at.iter().any(|at| matches!(at, At::Inside(_))) {
        return Err(Status::INVALID_PARAM);
    }
    if at.iter().any(|at| matches!(at, At::Outside)) {
        return Err(Status::INVALID_ADDRESS);
    }
    Ok(at.map(|at| if let At::Page(page) = at { page } else { 0 }))
}

fn check(good: bool, status: Status) -> Result<(), Status> {
    if good { Ok(()) } else { Err(status) }
}

impl Model {
    fn new() -> Self {
        Self {
            kinds: [Kind::Hypervisor; PAGES],
            bytes: vec![Bytes::Plain(0); PAGES],
            guests: Vec::new(),
            swaps: Vec::new(),
            asids: Default::default(),
            written_back: true,
            next: 1,
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn guest(&self, page: usize) -> Result<usize, Status> {
        let found = self.guests.iter().position(|guest| guest.page == page);
        found.ok_or(Status::INVALID_GUEST)
    }

    /// What the RMP has for a size: pages of nobody have none.
    fn size(&self, page: usize) -> PageSize {
        match self.kinds[page] {
            Kind::Hypervisor => PageSize::Size4K,
            _ => size_of_page(page),
        }
    }

    fn movable(&self, guest: usize) -> Result<u32, Status> {
        let guest = &self.guests[guest];
        check(guest.state != GuestState::Init, Status::INVALID_GUEST_STATE)?;
        let asid = guest.asid.ok_or(Status::INACTIVE)?;
        check(!guest.swap_disable, Status::POLICY_FAILURE)?;
        Ok(asid)
    }

    /// Where an entry is, from its page and number; `None` is the root.
    fn place(
        &self,
        context: usize,
        mdata: Option<(At, u64)>,
        size: PageSize,
        others: [usize; 2],
    ) -> Result<Option<(usize, usize)>, Status> {
        let Some((at, number)) = mdata else { return Ok(None) };
        check(!matches!(at, At::Inside(_)), Status::INVALID_PARAM)?;
        let mdata = at.addr() + number * 64;
        let overlaps =
            |page: usize| (addr(page)..addr(page) + size.bytes() as u64).contains(&mdata);
        check(!others.into_iter().any(overlaps), Status::INVALID_PARAM)?;
        let At::Page(page) = at else { return Err(Status::INVALID_ADDRESS) };
        match self.kinds[page] {
            Kind::Metadata(owner) if owner == context => Ok(Some((page, number as usize))),
            Kind::Metadata(_) => Err(Status::INVALID_PAGE_OWNER),
            _ => Err(Status::INVALID_PAGE_STATE),
        }
    }

    fn entry(&mut self, guest: usize, place: Option<(usize, usize)>) -> &mut Option<Entry> {
        match place {
            None => &mut self.guests[guest].root,
            Some((page, number)) => match &mut self.bytes[page] {
                Bytes::Entries(entries) => &mut entries[number],
                _ => panic!("a page of entries holds something else"),
            },
        }
    }

    /// What a guest reads in a page.
    fn text(&self, guest: usize, page: usize) -> Bytes {
        self.bytes[page].decipher(self.guests[guest].vek, page)
    }

    fn set_text(&mut self, guest: usize, page: usize, text: &Bytes) {
        self.bytes[page] = text.encipher(self.guests[guest].vek, page);
    }

    fn swap_out(&mut self, c: &Swapping) -> Result<(), Status> {
        check(c.flags & !0b1_0111 == 0, Status::INVALID_PARAM)?;
        let [context, src, dst] = pages([c.gctx, c.src, c.dst])?;
        let guest = self.guest(context)?;
        let place = self.place(context, c.mdata(), c.size(), [src, dst])?;
        let sizes = self.size(src) == c.size() && self.size(dst) == c.size();
        check(sizes, Status::INVALID_PAGE_SIZE)?;
        let asid = self.movable(guest)?;
        let page_type = c.flags >> 1 & 3;
        let (good, owned) = match (page_type, self.kinds[src]) {
            (0 | 2, Kind::Guest { asid: owner, vmsa, immutable: true, .. }) => {
                (vmsa == (page_type == 2), owner == asid)
            }
            (1, Kind::Metadata(owner)) => (true, owner == context),
            _ => (false, false),
        };
        check(good && self.kinds[dst] == Kind::Firmware, Status::INVALID_PAGE_STATE)?;
        check(owned, Status::INVALID_PAGE_OWNER)?;
        let swap = self.swaps.len();
        let text = if page_type == 1 { self.bytes[src].clone() } else { self.text(guest, src) };
        self.swaps.push(Swap { oek: self.guests[guest].oek, text });
        let (mut gpa_of, mut was_validated) = (0, false);
        match &mut self.kinds[src] {
            Kind::Guest { gpa, validated, .. } => {
                (gpa_of, was_validated) = (*gpa, *validated);
                *validated = false;
            }
            other => *other = Kind::Firmware,
        }
        self.bytes[dst] = Bytes::Swapped(swap);
        *self.entry(guest, place) = Some(Entry {
            swap,
            valid: true,
            page_type,
            size: c.size(),
            gpa: gpa_of,
            validated: was_validated,
        });
        Ok(())
    }

    fn swap_in(&mut self, c: &Swapping) -> Result<(), Status> {
        check(c.flags & !0b1_1111 == 0, Status::INVALID_PARAM)?;
        let [context, src, dst] = pages([c.gctx, c.src, c.dst])?;
        let guest = self.guest(context)?;
        let place = self.place(context, c.mdata(), c.size(), [src, dst])?;
        let asid = self.movable(guest)?;
        let page_type = c.flags >> 1 & 3;
        let entry = match *self.entry(guest, place) {
            Some(entry) if entry.valid && entry.page_type == page_type => entry,
            _ => return Err(Status::INVALID_MDATA_ENTRY),
        };
        let sizes = [self.size(src), self.size(dst), entry.size];
        check(sizes.iter().all(|size| *size == c.size()), Status::INVALID_PAGE_SIZE)?;
        let in_place = c.flags >> 3 & 1 == 1;
        match page_type {
            0 => check(!in_place || src == dst, Status::INVALID_ADDRESS)?,
            1 => check(!in_place, Status::INVALID_PARAM)?,
            _ => {
                check(!in_place, Status::INVALID_PARAM)?;
                check(c.size() == PageSize::Size4K, Status::INVALID_PAGE_SIZE)?;
            }
        }
        match self.kinds[dst] {
            Kind::Firmware if page_type == 1 => {}
            Kind::Guest { asid: owner, .. } if page_type != 1 => {
                check(self.kinds[dst].is_pre_guest(), Status::INVALID_PAGE_STATE)?;
                check(owner == asid, Status::INVALID_PAGE_OWNER)?;
            }
            _ => return Err(Status::INVALID_PAGE_STATE),
        }
        let is_it = self.bytes[src] == Bytes::Swapped(entry.swap)
            && self.swaps[entry.swap].oek == self.guests[guest].oek;
        check(is_it, Status::BAD_MEASUREMENT)?;
        let text = self.swaps[entry.swap].text.clone();
        if page_type == 1 {
            self.bytes[dst] = text;
            self.kinds[dst] = Kind::Metadata(context);
        } else {
            self.set_text(guest, dst, &text);
            self.kinds[dst] = Kind::Guest {
                asid,
                gpa: entry.gpa,
                validated: entry.validated,
                vmsa: page_type == 2,
                immutable: true,
            };
        }
        self.entry(guest, place).as_mut().expect("it was there").valid = false;
        Ok(())
    }

    fn move_page(&mut self, at: [At; 3], is_large: bool) -> Result<(), Status> {
        let [context, src, dst] = pages(at)?;
        let guest = self.guest(context)?;
        let size = if is_large { PageSize::Size2M } else { PageSize::Size4K };
        let sizes = self.size(src) == size && self.size(dst) == size;
        check(sizes, Status::INVALID_PAGE_SIZE)?;
        let asid = self.movable(guest)?;
        match (self.kinds[src], self.kinds[dst]) {
            (
                Kind::Guest { asid: owner, gpa, validated, vmsa, immutable: true },
                Kind::Guest { asid: other, .. },
            ) if self.kinds[dst].is_pre_guest() => {
                check(owner == asid && other == asid, Status::INVALID_PAGE_OWNER)?;
                let text = self.text(guest, src);
                self.set_text(guest, dst, &text);
                self.kinds[dst] = Kind::Guest { asid, gpa, validated, vmsa, immutable: false };
                self.kinds[src] =
                    Kind::Guest { asid, gpa, validated: false, vmsa, immutable: false };
                Ok(())
            }
            (Kind::Metadata(owner), Kind::Firmware) => {
                check(owner == context, Status::INVALID_PAGE_OWNER)?;
                self.bytes[dst] = self.bytes[src].clone();
                self.kinds[dst] = Kind::Metadata(context);
                self.kinds[src] = Kind::Firmware;
                Ok(())
            }
            _ => Err(Status::INVALID_PAGE_STATE),
        }
    }

    fn md_init(&mut self, at: [At; 2]) -> Result<(), Status> {
        let [context, page] = pages(at)?;
        let guest = self.guest(context)?;
        check(self.kinds[page] == Kind::Firmware, Status::INVALID_PAGE_STATE)?;
        check(page < SMALL, Status::INVALID_PAGE_SIZE)?;
        let state = self.guests[guest].state;
        check(state != GuestState::Init, Status::INVALID_GUEST_STATE)?;
        self.kinds[page] = Kind::Metadata(context);
        self.bytes[page] = Bytes::Entries(vec![None; ENTRIES]);
        Ok(())
    }

    fn reclaim(&mut self, at: At, is_large: bool) -> Result<(), Status> {
        let [page] = pages([at])?;
        check((self.size(page) == PageSize::Size2M) == is_large, Status::INVALID_PAGE_SIZE)?;
        match &mut self.kinds[page] {
            Kind::Context => return Err(Status::INVALID_PAGE_STATE),
            kind @ (Kind::Firmware | Kind::Metadata(_)) => *kind = Kind::Reclaim,
            Kind::Guest { immutable, .. } => *immutable = false,
            Kind::Hypervisor | Kind::Reclaim => {}
        }
        Ok(())
    }

    fn create(&mut self, at: At) -> Result<(), Status> {
        let [page] = pages([at])?;
        check(self.kinds[page] == Kind::Firmware, Status::INVALID_PAGE_STATE)?;
        check(page < SMALL, Status::INVALID_PAGE_SIZE)?;
        self.kinds[page] = Kind::Context;
        self.bytes[page] = Bytes::Plain(0);
        let vek = self.number();
        self.guests.push(Guest {
            page,
            state: GuestState::Init,
            asid: None,
            vek,
            oek: 0,
            swap_disable: false,
            root: None,
            counts: [0; 4],
        });
        Ok(())
    }

    fn start(&mut self, at: At, swap_disable: bool) -> Result<(), Status> {
        let [page] = pages([at])?;
        let guest = self.guest(page)?;
        let oek = self.number();
        let guest = &mut self.guests[guest];
        check(guest.state == GuestState::Init, Status::INVALID_GUEST_STATE)?;
        guest.state = GuestState::Launch;
        (guest.oek, guest.swap_disable) = (oek, swap_disable);
        Ok(())
    }

    fn activate(&mut self, at: At, asid: u32) -> Result<(), Status> {
        let [page] = pages([at])?;
        let guest = self.guest(page)?;
        check(self.guests[guest].state != GuestState::Init, Status::INVALID_GUEST_STATE)?;
        let of = |kind: &Kind| matches!(kind, Kind::Guest { asid: owner, .. } if *owner == asid);
        check(!self.kinds.iter().any(of), Status::INVALID_CONFIG)?;
        let found = &mut self.asids[asid as usize];
        check(found.owner.is_none_or(|owner| owner == page), Status::ASID_OWNED)?;
        check(self.guests[guest].asid.is_none(), Status::ACTIVE)?;
        let flush =
            if self.written_back { Status::DFFLUSH_REQUIRED } else { Status::WBINVD_REQUIRED };
        check(!found.dirty, flush)?;
        found.owner = Some(page);
        self.guests[guest].asid = Some(asid);
        Ok(())
    }

    fn update(&mut self, at: [At; 2], page_type: u32, is_large: bool) -> Result<(), Status> {
        let [context, page] = pages(at)?;
        let guest = self.guest(context)?;
        check(self.kinds[page].is_pre_guest(), Status::INVALID_PAGE_STATE)?;
        check((page >= SMALL) == is_large, Status::INVALID_PAGE_SIZE)?;
        check(page_type != 2 || !is_large, Status::INVALID_PAGE_SIZE)?;
        let state = self.guests[guest].state;
        check(state == GuestState::Launch, Status::INVALID_GUEST_STATE)?;
        let asid = self.guests[guest].asid.ok_or(Status::INACTIVE)?;
        let Kind::Guest { asid: owner, gpa, .. } = self.kinds[page] else { panic!("it is one") };
        check(owner == asid, Status::INVALID_PAGE_OWNER)?;
        let text = match page_type {
            // The firmware writes into it.
            2 => Bytes::Unknown,
            3 => Bytes::Plain(0),
            _ => self.bytes[page].clone(),
        };
        self.set_text(guest, page, &text);
        let vmsa = page_type == 2;
        self.kinds[page] = Kind::Guest { asid, gpa, validated: true, vmsa, immutable: false };
        Ok(())
    }

    fn finish(&mut self, at: At) -> Result<(), Status> {
        let [page] = pages([at])?;
        let guest = self.guest(page)?;
        let guest = &mut self.guests[guest];
        check(guest.state == GuestState::Launch, Status::INVALID_GUEST_STATE)?;
        check(guest.asid.is_some(), Status::INACTIVE)?;
        guest.state = GuestState::Running;
        Ok(())
    }

    fn decommission(&mut self, at: At) -> Result<(), Status> {
        let [page] = pages([at])?;
        let guest = self.guest(page)?;
        let guest = self.guests.swap_remove(guest);
        self.kinds[page] = Kind::Firmware;
        if let Some(asid) = guest.asid {
            self.asids[asid as usize] = AsidModel { owner: None, dirty: true };
            self.written_back = false;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Status> {
        check(self.written_back, Status::WBINVD_REQUIRED)?;
        self.asids.iter_mut().for_each(|asid| asid.dirty = false);
        Ok(())
    }

    fn request(&mut self, at: At, vmpck: usize, sequence: u64, good: bool) -> Result<(), Status> {
        let [page] = pages([at])?;
        let guest = self.guest(page)?;
        let guest = &mut self.guests[guest];
        check(guest.state == GuestState::Running, Status::INVALID_GUEST_STATE)?;
        check(good, Status::BAD_MEASUREMENT)?;
        check(sequence == guest.counts[vmpck] + 1, Status::AEAD_OFLOW)?;
        guest.counts[vmpck] += 2;
        Ok(())
    }
}

/// SWAP_OUT or SWAP_IN.
#[derive(Clone, Copy)]
struct Swapping {
    gctx: At,
    src: At,
    dst: At,
    place: (At, u64),
    flags: u64,
}

impl Swapping {
    fn size(&self) -> PageSize {
        if self.flags & 1 == 1 { PageSize::Size2M } else { PageSize::Size4K }
    }

    fn mdata(&self) -> Option<(At, u64)> {
        (self.flags >> 4 & 1 == 0).then_some(self.place)
    }

    fn mdata_paddr(&self) -> u64 {
        self.place.0.addr() + self.place.1 * 64
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

type Counts = BTreeMap<&'static str, [u64; 2]>;

struct Run {
    lab: Lab,
    model: Model,
    random: Random,
    /// How often commands came, and how often they succeeded.
    counts: Counts,
}

impl Run {
    fn new(seed: u64) -> Self {
        let lab = Lab::with_script(&seed.to_le_bytes());
        lab.give(&[RESPONSE]);
        Self { lab, model: Model::new(), random: Random(seed), counts: Counts::new() }
    }

    /// A page that has what a command wants, mostly.
    fn page(&mut self, is_large: bool, good: impl Fn(&Model, usize) -> bool) -> At {
        if self.random.one_in(200) {
            return At::Inside(self.random.below(PAGES as u64) as usize);
        }
        if self.random.one_in(200) {
            return At::Outside;
        }
        let first = self.random.below(PAGES as u64) as usize;
        if self.random.one_in(20) {
            return At::Page(first);
        }
        let mut all = (0..PAGES).map(|page| (first + page) % PAGES);
        let found = all.find(|page| (*page >= SMALL) == is_large && good(&self.model, *page));
        At::Page(found.unwrap_or(first))
    }

    /// The context of a guest, mostly one in a state.
    fn context(&mut self, good: impl Fn(&Guest) -> bool) -> At {
        let count = self.model.guests.len().max(1);
        let first = self.random.below(count as u64) as usize;
        let mut all = (0..self.model.guests.len()).map(|n| &self.model.guests[(first + n) % count]);
        let found = all.find(|guest| good(guest)).map(|guest| guest.page);
        self.page(false, |_, page| Some(page) == found)
    }

    fn asid_of(&self, at: At) -> Option<u32> {
        let At::Page(page) = at else { return None };
        self.model.guest(page).ok().and_then(|guest| self.model.guests[guest].asid)
    }

    #[track_caller]
    fn expect<C: Command + Debug>(&mut self, command: C, model: Result<(), Status>) {
        let found = self.lab.issue_ref(&command);
        assert_eq!(found, model, "{command:?}");
        let [all, successes] = self.counts.entry(type_name::<C>()).or_default();
        *all += 1;
        *successes += u64::from(model.is_ok());
    }

    fn step(&mut self) {
        let is_large = self.random.one_in(400);
        match self.random.below(100) {
            0..14 => self.host(is_large),
            14..22 => self.lock(),
            22..28 => self.pvalidate(),
            28..36 => self.life(),
            36..44 => self.update(is_large),
            44..56 => self.swap_out(is_large),
            56..68 => self.swap_in(is_large),
            68..74 => self.move_page(is_large),
            74..78 => {
                let gctx = self.context(|guest| guest.state != GuestState::Init);
                self.provide(false, Kind::Firmware);
                let page = self.page(false, |model, page| model.kinds[page] == Kind::Firmware);
                let result = self.model.md_init([gctx, page]);
                let command = SnpPageMdInit { gctx_paddr: gctx.addr(), page_paddr: page.addr() };
                self.expect(command, result);
            }
            78..88 => {
                // Mostly what a guest then uses, and what the firmware holds too long.
                let wants_guest = !self.random.one_in(4);
                let page = self.page(is_large, |model, page| match model.kinds[page] {
                    Kind::Guest { immutable, .. } => wants_guest && immutable,
                    Kind::Firmware => !wants_guest,
                    _ => false,
                });
                let large = matches!(page, At::Page(page) if page >= SMALL
                    && self.model.kinds[page] != Kind::Hypervisor);
                let large = large ^ self.random.one_in(50);
                let result = match page {
                    // Bit 4 is reserved; so is any below a page but the first.
                    At::Inside(_) => Err(Status::INVALID_PARAM),
                    page => self.model.reclaim(page, large),
                };
                let command = SnpPageReclaim { page_paddr: page.addr() | u64::from(large) };
                self.expect(command, result);
            }
            _ => self.request(),
        }
    }

    /// RMPUPDATE, and the host's own writes.
    fn host(&mut self, is_large: bool) {
        let random_page = self.random.below(SMALL as u64) as usize;
        let page = if is_large { SMALL + self.random.below(2) as usize } else { random_page };
        let kind = self.model.kinds[page];
        let size = size_of_page(page);
        if kind == Kind::Hypervisor && self.random.one_in(2) {
            let number = self.random.next();
            if self.random.one_in(2) && !is_large {
                // What stands somewhere, as the host sees it.
                let from = self.random.below(SMALL as u64) as usize;
                let bytes = self.lab.raw(addr(from), PAGE);
                self.lab.bus().write(addr(page), &bytes).unwrap();
                self.model.bytes[page] = self.model.bytes[from].clone();
            } else {
                let text = number.to_le_bytes().repeat(size.bytes() / 8);
                self.lab.bus().write(addr(page), &text).unwrap();
                self.model.bytes[page] = Bytes::Plain(number);
            }
            return;
        }
        let mut asid = 1 + self.random.below(ASIDS.into()) as u32;
        if !self.random.one_in(16) {
            // One that somebody has.
            let all = (0..ASIDS).map(|n| 1 + (asid + n) % ASIDS);
            asid = { all }
                .find(|asid| self.model.asids[*asid as usize].owner.is_some())
                .unwrap_or(asid);
        }
        let gpa = self.random.below(16) * size.bytes() as u64;
        let guest_page = GuestPhysAddr::new(gpa).unwrap();
        let guest = PageAssignment::guest(Asid::new(asid), guest_page, size);
        let of_guest =
            |immutable| Kind::Guest { asid, gpa, validated: false, vmsa: false, immutable };
        let firmware = PageAssignment { page_size: size, ..PageAssignment::FIRMWARE };
        let (to, new) = match self.random.below(8) {
            0..3 => (firmware, Kind::Firmware),
            3..6 => (guest.locked(), of_guest(true)),
            6 => (guest, of_guest(false)),
            _ => {
                (PageAssignment { page_size: size, ..PageAssignment::HYPERVISOR }, Kind::Hypervisor)
            }
        };
        self.rmpupdate(page, to, new);
    }

    fn rmpupdate(&mut self, page: usize, to: PageAssignment, mut new: Kind) {
        let kind = self.model.kinds[page];
        let result = self.lab.machine.rmp().rmpupdate(Asid::HOST, addr(page), &to.to_bytes());
        assert_eq!(result.is_ok(), !kind.is_immutable(), "RMPUPDATE of {kind:?} to {to:?}");
        if let (
            Kind::Guest { asid, gpa, validated, vmsa, .. },
            Kind::Guest { asid: new_asid, gpa: new_gpa, immutable, .. },
        ) = (kind, new)
            && (asid, gpa) == (new_asid, new_gpa)
        {
            new = Kind::Guest { asid, gpa, validated, vmsa, immutable };
        }
        if result.is_ok() {
            self.model.kinds[page] = new;
        }
    }

    /// Often, a page is made ready for what a command wants: one that the host has, or has to take back first.
    fn provide(&mut self, is_large: bool, new: Kind) {
        if self.random.one_in(2) {
            return;
        }
        let first = self.random.below(PAGES as u64) as usize;
        let all = || (0..PAGES).map(|n| (first + n) % PAGES).filter(|n| (*n >= SMALL) == is_large);
        let free =
            |page: &usize| matches!(self.model.kinds[*page], Kind::Hypervisor | Kind::Reclaim);
        let other =
            |page: &usize| !matches!(self.model.kinds[*page], Kind::Context | Kind::Metadata(_));
        let Some(page) = all().find(free).or_else(|| all().find(other)) else { return };
        if self.model.kinds[page].is_immutable() {
            self.take_back(page);
        }
        let page_size = size_of_page(page);
        let to = match new {
            Kind::Guest { asid, gpa, .. } => {
                let gpa = GuestPhysAddr::new(gpa).unwrap();
                PageAssignment::guest(Asid::new(asid), gpa, page_size).locked()
            }
            _ => PageAssignment { page_size, ..PageAssignment::FIRMWARE },
        };
        self.rmpupdate(page, to, new);
    }

    /// A page for a guest that the firmware is to fill.
    fn pre_guest(&mut self, is_large: bool, asid: Option<u32>) -> Kind {
        let size = if is_large { PageSize::Size2M } else { PageSize::Size4K };
        let gpa = self.random.below(16) * size.bytes() as u64;
        let asid = asid.unwrap_or(1);
        Kind::Guest { asid, gpa, validated: false, vmsa: false, immutable: true }
    }

    /// The host locks a page of a guest, as it is.
    fn lock(&mut self) {
        let wanted = self.page(false, |model, page| {
            matches!(model.kinds[page], Kind::Guest { validated: true, immutable: false, .. })
        });
        let At::Page(page) = wanted else { return };
        if let Kind::Guest { asid, gpa, immutable, .. } = &mut self.model.kinds[page] {
            let gpa = GuestPhysAddr::new(*gpa).unwrap();
            let to = PageAssignment::guest(Asid::new(*asid), gpa, size_of_page(page)).locked();
            let result = self.lab.machine.rmp().rmpupdate(Asid::HOST, addr(page), &to.to_bytes());
            assert_eq!(result.is_ok(), !*immutable);
            *immutable = true;
        }
    }

    /// A guest accepts a page.
    fn pvalidate(&mut self) {
        let page = self.random.below(SMALL as u64) as usize;
        if let Kind::Guest { asid, gpa, validated, immutable, .. } = &mut self.model.kinds[page] {
            let gpa = GuestPhysAddr::new(*gpa).unwrap();
            let access = Access { spa: addr(page), gpa, mapping: PageSize::Size4K };
            let guest = Who { asid: Asid::new(*asid), vmpl: Vmpl::VMPL0 };
            let rmp = self.lab.machine.rmp();
            let result = rmp.pvalidate(guest, access, PageSize::Size4K, true);
            assert_eq!(result.is_ok(), !*immutable);
            *validated |= !*immutable;
        }
    }

    /// Guests come, and rarely go.
    fn life(&mut self) {
        match self.random.below(100) {
            0..20 if self.model.guests.len() < 5 => {
                self.provide(false, Kind::Firmware);
                let page = self.page(false, |model, page| model.kinds[page] == Kind::Firmware);
                let result = self.model.create(page);
                self.expect(SnpGctxCreate { gctx_paddr: page.addr() }, result);
            }
            0..45 => {
                let gctx = self.context(|guest| guest.state == GuestState::Init);
                let swap_disable = self.random.one_in(16);
                let result = self.model.start(gctx, swap_disable);
                let policy = POLICY | u64::from(swap_disable) << 25;
                let command =
                    SnpLaunchStart { gctx_paddr: gctx.addr(), policy, ..Default::default() };
                self.expect(command, result);
            }
            45..70 => {
                let gctx =
                    self.context(|guest| guest.state != GuestState::Init && guest.asid.is_none());
                let first = 1 + self.random.below(ASIDS.into()) as u32;
                let free = (0..ASIDS)
                    .map(|n| 1 + (first + n) % ASIDS)
                    .find(|asid| self.model.asids[*asid as usize].owner.is_none());
                let asid = free.unwrap_or(first);
                if !self.random.one_in(8) {
                    self.free_asid(asid);
                }
                let result = self.model.activate(gctx, asid);
                self.expect(SnpActivate { gctx_paddr: gctx.addr(), asid }, result);
            }
            70..85 => {
                let gctx =
                    self.context(|guest| guest.state == GuestState::Launch && guest.asid.is_some());
                let result = self.model.finish(gctx);
                let command = SnpLaunchFinish { gctx_paddr: gctx.addr(), ..Default::default() };
                self.expect(command, result);
            }
            85..87 => {
                let gctx = self.context(|_| true);
                let result = self.model.decommission(gctx);
                self.expect(SnpDecommission { gctx_paddr: gctx.addr() }, result);
            }
            87..95 => {
                self.lab.machine.wbinvd();
                self.model.written_back = true;
            }
            _ => {
                let result = self.model.flush();
                self.expect(SnpDfFlush {}, result);
            }
        }
    }

    /// The host takes the pages of an ASID back, and flushes.
    fn free_asid(&mut self, asid: u32) {
        if self.model.asids[asid as usize].owner.is_some() {
            return;
        }
        for page in 0..PAGES {
            if matches!(self.model.kinds[page], Kind::Guest { asid: owner, .. } if owner == asid) {
                self.take_back(page);
            }
        }
        self.lab.machine.wbinvd();
        self.model.written_back = true;
        let result = self.model.flush();
        self.expect(SnpDfFlush {}, result);
    }

    /// Whatever a page is: it comes back to the hypervisor.
    fn take_back(&mut self, page: usize) {
        if self.model.kinds[page] == Kind::Context {
            self.model.decommission(At::Page(page)).unwrap();
            self.lab.issue(SnpDecommission { gctx_paddr: addr(page) }).unwrap();
        }
        if self.model.kinds[page].is_immutable() {
            let is_large = page >= SMALL;
            self.model.reclaim(At::Page(page), is_large).unwrap();
            let page_paddr = addr(page) | u64::from(is_large);
            self.lab.issue(SnpPageReclaim { page_paddr }).unwrap();
        }
        let page_size = self.model.size(page);
        self.lab.assign(addr(page), PageAssignment { page_size, ..PageAssignment::HYPERVISOR });
        self.model.kinds[page] = Kind::Hypervisor;
    }

    fn update(&mut self, is_large: bool) {
        let gctx = self.context(|guest| guest.state == GuestState::Launch && guest.asid.is_some());
        let asid = self.asid_of(gctx);
        let wanted = self.pre_guest(is_large, asid);
        self.provide(is_large, wanted);
        let page = self.page(is_large, |model, page| {
            matches!(model.kinds[page], Kind::Guest { asid: owner, validated: false, immutable: true, .. }
                if Some(owner) == asid)
        });
        let page_type = [1, 1, 1, 2, 3, 4][self.random.below(6) as usize];
        let large = matches!(page, At::Page(page) if page >= SMALL);
        let result = self.model.update([gctx, page], page_type, large);
        let command = SnpLaunchUpdate {
            gctx_paddr: gctx.addr(),
            page_info: page_type << 1 | u32::from(large),
            page_paddr: page.addr(),
            ..Default::default()
        };
        self.expect(command, result);
    }

    fn swap_out(&mut self, is_large: bool) {
        let gctx = self.context(|guest| guest.state != GuestState::Init && guest.asid.is_some());
        let asid = self.asid_of(gctx);
        let context = if let At::Page(page) = gctx { page } else { PAGES };
        let wants_metadata = self.random.one_in(8);
        let src = self.page(is_large, |model, page| match model.kinds[page] {
            Kind::Guest { asid: owner, immutable: true, .. } => {
                !wants_metadata && Some(owner) == asid
            }
            Kind::Metadata(owner) => wants_metadata && owner == context,
            _ => false,
        });
        self.provide(is_large, Kind::Firmware);
        let dst = self.page(is_large, |model, page| model.kinds[page] == Kind::Firmware);
        let mut flags = u64::from(self.random.one_in(6)) << 4;
        if let At::Page(page) = src {
            flags |= u64::from(page >= SMALL);
            flags |= match self.model.kinds[page] {
                Kind::Metadata(_) => 1 << 1,
                Kind::Guest { vmsa: true, .. } => 2 << 1,
                _ => 0,
            };
        }
        if self.random.one_in(40) {
            flags ^= 1 << self.random.below(7);
        }
        let place = self.entries(context);
        let swapping = Swapping { gctx, src, dst, place, flags };
        let result = self.model.swap_out(&swapping);
        let command = SnpPageSwapOut {
            gctx_paddr: gctx.addr(),
            src_paddr: src.addr(),
            dst_paddr: dst.addr(),
            mdata_paddr: swapping.mdata_paddr(),
            software_data: 7,
            flags,
        };
        self.expect(command, result);
    }

    /// A page of entries, and a number.
    fn entries(&mut self, context: usize) -> (At, u64) {
        let page = self.page(false, |model, page| model.kinds[page] == Kind::Metadata(context));
        (page, self.random.below(4))
    }

    fn swap_in(&mut self, is_large: bool) {
        let gctx = self.context(|guest| guest.state != GuestState::Init && guest.asid.is_some());
        let asid = self.asid_of(gctx);
        let context = if let At::Page(page) = gctx { page } else { PAGES };
        let guest = self.model.guest(context).ok();
        let is_root = self.random.one_in(4);
        let mut place = self.entries(context);
        let mut entry = None;
        if let Some(guest) = guest {
            if is_root {
                entry = self.model.guests[guest].root;
            } else if let (At::Page(page), first) = place
                && self.model.kinds[page] == Kind::Metadata(context)
                && let Bytes::Entries(entries) = &self.model.bytes[page]
            {
                // One that serves, mostly.
                let found = (0..4)
                    .map(|n| (first + n) % 4)
                    .find(|n| entries[*n as usize].is_some_and(|entry| entry.valid));
                place = (At::Page(page), found.unwrap_or(first));
                entry = entries[place.1 as usize];
            }
        }
        let swap = entry.map(|entry| Bytes::Swapped(entry.swap));
        let page_type = entry.map_or(0, |entry| entry.page_type);
        let large = entry.map_or(is_large, |entry| entry.size == PageSize::Size2M);
        let src = self.page(large, |model, page| Some(&model.bytes[page]) == swap.as_ref());
        let wanted = match page_type {
            1 => Kind::Firmware,
            _ => self.pre_guest(large, asid),
        };
        if entry.is_some() {
            self.provide(large, wanted);
        }
        let mut dst = self.page(large, |model, page| match model.kinds[page] {
            Kind::Firmware => page_type == 1,
            Kind::Guest { asid: owner, validated: false, immutable: true, .. } => {
                page_type != 1 && Some(owner) == asid
            }
            _ => false,
        });
        let mut flags = u64::from(large) | page_type << 1 | u64::from(is_root) << 4;
        if self.random.one_in(8) {
            flags |= 1 << 3;
            dst = src;
        }
        if self.random.one_in(40) {
            flags ^= 1 << self.random.below(7);
        }
        let swapping = Swapping { gctx, src, dst, place, flags };
        let result = self.model.swap_in(&swapping);
        let command = SnpPageSwapIn {
            gctx_paddr: gctx.addr(),
            src_paddr: src.addr(),
            dst_paddr: dst.addr(),
            mdata_paddr: swapping.mdata_paddr(),
            flags,
        };
        self.expect(command, result);
    }

    fn move_page(&mut self, is_large: bool) {
        let gctx = self.context(|guest| guest.state != GuestState::Init && guest.asid.is_some());
        let asid = self.asid_of(gctx);
        let context = if let At::Page(page) = gctx { page } else { PAGES };
        let metadata = self.random.one_in(4);
        let wanted = match metadata {
            true => Kind::Firmware,
            false => self.pre_guest(is_large, asid),
        };
        self.provide(is_large, wanted);
        let src = self.page(is_large, |model, page| match model.kinds[page] {
            Kind::Guest { asid: owner, immutable: true, .. } => !metadata && Some(owner) == asid,
            Kind::Metadata(owner) => metadata && owner == context,
            _ => false,
        });
        let dst = self.page(is_large, |model, page| match model.kinds[page] {
            Kind::Firmware => metadata,
            kind @ Kind::Guest { asid: owner, .. } => {
                !metadata && kind.is_pre_guest() && Some(owner) == asid
            }
            _ => false,
        });
        let large = matches!(src, At::Page(page) if page >= SMALL) ^ self.random.one_in(50);
        let result = self.model.move_page([gctx, src, dst], large);
        let command = SnpPageMove {
            gctx_paddr: gctx.addr(),
            page_info: large.into(),
            src_paddr: src.addr(),
            dst_paddr: dst.addr(),
        };
        self.expect(command, result);
    }

    /// A guest asks for its TSC; sometimes again, sometimes with a byte changed.
    fn request(&mut self) {
        let gctx = self.context(|guest| guest.state == GuestState::Running);
        let vmpck = self.random.below(4) as usize;
        let count = match gctx {
            At::Page(page) => self.model.guest(page).map(|n| self.model.guests[n].counts[vmpck]),
            _ => Ok(0),
        };
        let mut sequence = count.unwrap_or_default() + 1;
        if self.random.one_in(8) {
            sequence = sequence.saturating_sub(self.random.below(4));
        }
        let good = !self.random.one_in(8);
        let key =
            self.lab.machine.lock().snp.guests.get(&gctx.addr()).map(|guest| guest.vmpcks[vmpck]);
        let number = Vmpck::new(vmpck as u32).unwrap();
        let mut header = Header::new(MessageType::TSC_INFO_REQ, 1, 0x80, number, sequence);
        let mut text = [0; 0x80];
        let key = MessageKey::new(&key.unwrap_or_default(), Backend::best());
        header.set_tag(&key.seal_in_place(&header.nonce(), header.aad(), &mut text).unwrap());
        if !good {
            text[self.random.below(0x80) as usize] ^= 1;
        }
        let message = [header.bytes(), &text[..]].concat();
        self.lab.bus().write(REQUEST, &message).unwrap();
        let result = self.model.request(gctx, vmpck, sequence, good);
        let command = SnpGuestRequest {
            gctx_paddr: gctx.addr(),
            request_paddr: REQUEST,
            response_paddr: RESPONSE,
        };
        self.expect(command, result);
    }

    /// The RMP, what each guest can reach, and what it reads.
    fn compare(&self) {
        let rmp = self.lab.machine.rmp();
        for (page, kind) in self.model.kinds.iter().enumerate() {
            let entry = self.lab.entry(addr(page));
            assert_eq!(entry.state(), kind.state(), "page {page}");
            assert_eq!(entry.page_size(), self.model.size(page), "page {page}");
            match *kind {
                Kind::Metadata(context) => {
                    let context = PhysAddr::new(addr(context)).ok();
                    assert_eq!(entry.metadata_context(), context);
                }
                Kind::Guest { asid, gpa, vmsa, .. } => {
                    let found = (entry.asid().get(), entry.gpa().get(), entry.vmsa());
                    assert_eq!(found, (asid, gpa, vmsa), "page {page}");
                }
                _ => {}
            }
            for asid in 1..=ASIDS {
                let owns = matches!(*kind, Kind::Guest { asid: owner, validated: true, immutable: false, .. }
                    if owner == asid);
                let guest = Who { asid: Asid::new(asid), vmpl: Vmpl::VMPL0 };
                let access =
                    Access { spa: addr(page), gpa: entry.gpa(), mapping: size_of_page(page) };
                assert_eq!(rmp.check(guest, How::Read, access).is_ok(), owns, "page {page}");
                let key = self.model.asids[asid as usize].owner;
                if let (true, Some(context)) = (owns, key)
                    && let Ok(guest) = self.model.guest(context)
                    && let Bytes::Plain(text) = self.model.text(guest, page)
                {
                    let text = text.to_le_bytes();
                    // At the begin and at the end.
                    for at in [0, size_of_page(page).bytes() as u64 - 8] {
                        let found = self.lab.private(Asid::new(asid), addr(page) + at, 8);
                        assert_eq!(found, text, "page {page}");
                    }
                    assert_ne!(self.lab.raw(addr(page), 8), text, "page {page} is in the clear");
                }
            }
            let is_hosts = *kind == Kind::Hypervisor;
            let write = rmp.check_host_write(addr(page), PageSize::Size4K);
            assert_eq!(write.is_ok(), is_hosts, "page {page}");
        }
    }

    /// No page is lost.
    fn end(mut self) -> Counts {
        for page in 0..PAGES {
            self.take_back(page);
        }
        self.compare();
        assert_eq!(self.model.guests.len(), 0);
        for region in (0..MEMORY).step_by(0x20_0000) {
            let expected = u16::from(region == RESPONSE & !0x1f_ffff);
            assert_eq!(self.lab.entry(region).subpage_count(), expected);
        }
        self.counts
    }
}

#[test]
fn random_commands() {
    const EACH: u64 = 20_000;
    let default = if cfg!(debug_assertions) { 8 } else { 72 };
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let runs = cases.unwrap_or(default);
    let begin = Instant::now();
    let mut counts = Counts::new();
    for seed in 0..runs {
        let mut run = Run::new(seed);
        for step in 0..EACH {
            run.step();
            if step % 64 == 0 {
                run.compare();
            }
        }
        for (name, [all, successes]) in run.end() {
            let [sum, sum_of_successes] = counts.entry(name).or_default();
            *sum += all;
            *sum_of_successes += successes;
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let commands: u64 = counts.values().map(|[all, _]| all).sum();
    std::println!("{} steps, {commands} commands, {seconds:.1} s", runs * EACH);
    for (name, [all, successes]) in &counts {
        let name = name.rsplit("::").next().unwrap_or(name);
        std::println!("{name}: {all}, of which {successes} succeeded");
    }
    // They get deep.
    assert!(counts.values().all(|[_, successes]| successes * 2000 > runs * EACH));
}
