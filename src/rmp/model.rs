//! Random instructions on two machines: the table, and a slow model that is written from the rules with other means. A region is
//! one large page or 512 small ones there, and nothing is counted or kept twice.

use std::collections::BTreeSet;
use std::format;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::addr::{Asid, GuestPhysAddr, PAGE, PageSize, Vmpl};
use crate::status::Status;

/// Two regions and a bit of a third one.
const PAGES: u64 = 1300;
const MAX_ASID: u32 = 2;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Page {
    /// ASID and GPA of whose it is: ASID 0 is the firmware.
    owner: Option<(u32, u64)>,
    immutable: bool,
    validated: bool,
    vmsa: bool,
    masks: [u8; 4],
}

#[derive(Clone)]
enum Region {
    Small(Vec<Page>),
    Large(Page),
}

struct Model {
    regions: Vec<Region>,
    in_use: BTreeSet<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    what: u8,
    page: u64,
    /// Where the access or the operand says that the page stands.
    gpa: u64,
    asid: u32,
    vmpl: u32,
    size: PageSize,
    mapping: PageSize,
    flag: bool,
    immutable: bool,
    target: u32,
    mask: u8,
}

impl Step {
    fn guest(self) -> Guest {
        Guest { asid: Asid::new(self.asid), vmpl: Vmpl::new(self.vmpl).unwrap() }
    }

    fn access(self) -> Access {
        let gpa = GuestPhysAddr::new(self.gpa).unwrap();
        Access { spa: self.page * PAGE as u64, gpa, mapping: self.mapping }
    }

    fn operand(self) -> PageAssignment {
        let asid = Asid::new(self.asid);
        // A page of the hypervisor or the firmware stands nowhere.
        let gpa = if self.asid == 0 { 0 } else { self.gpa };
        let (page_size, immutable) = (self.size, self.immutable);
        let hpage_region_status = false;
        PageAssignment { gpa, assigned: self.flag, page_size, hpage_region_status, immutable, asid }
    }
}

/// Everything that an instruction can say.
type Verdict = Result<&'static str, std::string::String>;

fn verdict<T, E: core::fmt::Debug>(found: Result<T, E>) -> Verdict {
    found.map(|_| "done").map_err(|why| format!("{why:?}"))
}

impl Model {
    fn region(&mut self, page: u64) -> &mut Region {
        &mut self.regions[page as usize / 512]
    }

    /// The page that speaks for another, how many pages lie between, and its size.
    fn consulted(&mut self, page: u64) -> Option<(&mut Page, u64, PageSize)> {
        if page >= PAGES {
            return None;
        }
        let inside = page % 512;
        Some(match self.region(page) {
            Region::Large(large) => (large, inside, PageSize::Size2M),
            Region::Small(pages) => (&mut pages[inside as usize], 0, PageSize::Size4K),
        })
    }

    fn rmpupdate(&mut self, step: Step) -> Result<(), RmpFailure> {
        let (page, new) = (step.page, step.operand());
        let pages = step.size.bytes() as u64 / PAGE as u64;
        let fits = match (new.assigned, step.asid) {
            (false, 0) => !new.immutable,
            (true, 0) => new.immutable,
            (assigned, asid) => assigned && asid <= MAX_ASID,
        };
        if !fits || !page.is_multiple_of(pages) || !new.gpa.is_multiple_of(pages * PAGE as u64) {
            return Err(RmpFailure::Input);
        }
        if page + pages > PAGES {
            return Err(RmpFailure::Input);
        }
        if (page..page + pages).any(|page| self.in_use.contains(&page)) {
            return Err(RmpFailure::InUse);
        }
        let all = step.size == PageSize::Size2M;
        let region = self.region(page);
        let inside = page as usize % 512;
        let stays = match region {
            Region::Large(large) if inside == 0 => large.immutable,
            Region::Large(_) => false,
            Region::Small(pages) if all => {
                pages[0].immutable
                    || pages.iter().any(|page| page.immutable && page.owner.is_none())
            }
            Region::Small(pages) => pages[inside].immutable,
        };
        if stays {
            return Err(RmpFailure::Permission);
        }
        let overlaps = match region {
            Region::Large(_) => !all,
            Region::Small(pages) => all && pages.iter().any(|page| page.owner.is_some()),
        };
        if overlaps {
            return Err(RmpFailure::Overlap);
        }
        let owner = new.assigned.then_some((step.asid, new.gpa));
        let fresh =
            Page { owner, immutable: new.immutable, masks: [15, 0, 0, 0], ..Page::default() };
        let renewed = |old: Page| match owner {
            Some((1.., _)) if old.owner == owner => Page { immutable: new.immutable, ..old },
            _ => fresh,
        };
        match (&mut *region, all) {
            (Region::Small(pages), false) => pages[inside] = renewed(pages[inside]),
            (Region::Large(large), _) if new.assigned => *large = renewed(*large),
            (_, _) if new.assigned => *region = Region::Large(fresh),
            (_, _) => *region = Region::Small(std::vec![fresh; 512]),
        }
        Ok(())
    }

    fn psmash(&mut self, page: u64) -> Result<(), RmpFailure> {
        if !page.is_multiple_of(512) || page >= PAGES {
            return Err(RmpFailure::Input);
        }
        let region = self.region(page);
        match *region {
            Region::Large(large) if !large.immutable => {
                let (asid, gpa) = large.owner.unwrap();
                let nth = |n| Page { owner: Some((asid, gpa + n * PAGE as u64)), ..large };
                *region = Region::Small((0..512).map(nth).collect());
                Ok(())
            }
            _ => Err(RmpFailure::BadAddress),
        }
    }

    /// The page of an access, unless it is not the guest's, not there, or immutable.
    fn owned(&mut self, step: Step) -> Result<(&mut Page, PageSize), Fault> {
        let denied = Fault::Owner { size_mismatch: false };
        let (page, offset, size) = self.consulted(step.page).ok_or(denied)?;
        let here = page.owner.map(|(asid, gpa)| (asid, gpa + offset * PAGE as u64));
        if step.asid == 0 || page.immutable || here != Some((step.asid, step.gpa)) {
            return Err(denied);
        }
        Ok((page, size))
    }

    fn check(&mut self, step: Step, needs: u8) -> Result<(), Fault> {
        let (page, size) = self.owned(step)?;
        let mask = page.masks[step.vmpl as usize];
        match (size == step.mapping, page.validated, mask & needs == needs) {
            (false, _, _) => Err(Fault::Owner { size_mismatch: false }),
            (_, false, _) => Err(Fault::NotValidated),
            (_, _, false) => Err(Fault::Vmpl { shadow_stack: mask & 16 != 0 }),
            _ => Ok(()),
        }
    }

    fn is_hypervisors(&mut self, page: u64, size: PageSize) -> bool {
        if page >= PAGES && size == PageSize::Size4K || page / 512 >= self.regions.len() as u64 {
            return true;
        }
        match (self.region(page), size) {
            (Region::Large(_), _) => false,
            (Region::Small(pages), PageSize::Size4K) => pages[page as usize % 512].owner.is_none(),
            (Region::Small(pages), PageSize::Size2M) => {
                pages.iter().all(|page| page.owner.is_none())
            }
        }
    }

    /// PVALIDATE and RMPADJUST: the page, if it is the guest's and the sizes fit.
    fn asked(&mut self, step: Step, validated: bool) -> Result<&mut Page, GuestFailure> {
        if !step.gpa.is_multiple_of(step.size.bytes() as u64) {
            return Err(RmpFailure::Input.into());
        }
        let (page, size) = self.owned(step)?;
        match (size, step.size) {
            (PageSize::Size2M, PageSize::Size4K) => {
                Err(Fault::Owner { size_mismatch: true }.into())
            }
            _ if validated && !page.validated => Err(Fault::NotValidated.into()),
            (PageSize::Size4K, PageSize::Size2M) => Err(RmpFailure::SizeMismatch.into()),
            _ if size != step.mapping => Err(Fault::Owner { size_mismatch: false }.into()),
            _ => Ok(page),
        }
    }

    fn pvalidate(&mut self, step: Step) -> Result<Validation, GuestFailure> {
        if step.vmpl != 0 {
            return Err(GuestFailure::GeneralProtection);
        }
        let page = self.asked(step, false)?;
        let before = core::mem::replace(&mut page.validated, step.flag);
        Ok(if before == step.flag { Validation::Unchanged } else { Validation::Changed })
    }

    fn rmpadjust(&mut self, step: Step) -> Result<(), GuestFailure> {
        if step.target <= step.vmpl {
            return Err(RmpFailure::Permission.into());
        }
        let page = self.asked(step, true)?;
        if step.mask & !page.masks[step.vmpl as usize] != 0 {
            return Err(RmpFailure::Permission.into());
        }
        page.masks[step.target as usize] = step.mask;
        if step.vmpl == 0 {
            page.vmsa = step.flag;
        }
        Ok(())
    }

    fn rmpquery(&mut self, step: Step) -> Result<(u8, bool, PageSize), GuestFailure> {
        if step.target < step.vmpl {
            return Err(RmpFailure::Permission.into());
        }
        let (page, size) = self.owned(step)?;
        if size != step.mapping {
            return Err(Fault::Owner { size_mismatch: false }.into());
        }
        if !page.validated {
            return Err(Fault::NotValidated.into());
        }
        Ok((page.masks[step.target as usize], page.vmsa, size))
    }

    fn reclaim(&mut self, step: Step) -> Result<(), Status> {
        let (page, inside, size) = self.consulted(step.page).ok_or(Status::INVALID_PARAM)?;
        let own = if inside == 0 { size } else { PageSize::Size4K };
        if own != step.size {
            return Err(Status::INVALID_PAGE_SIZE);
        }
        if inside == 0 && page.immutable {
            // The instructions make no other immutable pages than those that can be reclaimed, and HV_FIXED ones are none of theirs.
            page.immutable = false;
        }
        Ok(())
    }

    fn unsmash(&mut self, page: u64) -> Result<(), Status> {
        if !page.is_multiple_of(512) {
            return Err(Status::INVALID_PARAM);
        }
        if page + 512 > PAGES {
            return Err(Status::INVALID_ADDRESS);
        }
        let region = self.region(page);
        let Region::Small(pages) = &*region else { return Err(Status::INVALID_PAGE_STATE) };
        let first = pages[0];
        let Some((asid @ 1.., gpa)) = first.owner else { return Err(Status::INVALID_PAGE_STATE) };
        let nth = |n: usize| Page { owner: Some((asid, gpa + (n * PAGE) as u64)), ..first };
        let is_whole = first.immutable && !first.vmsa && gpa.is_multiple_of(2 << 20);
        if !is_whole || !pages.iter().enumerate().all(|(n, page)| *page == nth(n)) {
            return Err(Status::INVALID_PAGE_STATE);
        }
        *region = Region::Large(first);
        Ok(())
    }

    fn use_page(&mut self, step: Step) -> Result<(), RmpFailure> {
        match (step.page < PAGES, step.flag) {
            (false, _) => Err(RmpFailure::Input),
            (_, true) => self.in_use.insert(step.page).then_some(()).ok_or(RmpFailure::InUse),
            (_, false) => self.in_use.remove(&step.page).then_some(()).ok_or(RmpFailure::Input),
        }
    }
}

/// One step on both; what each says.
fn both(rmp: &Rmp<'_, [AtomicEntry]>, model: &mut Model, step: Step) -> [Verdict; 2] {
    let spa = step.page * PAGE as u64;
    let (guest, access, size) = (step.guest(), step.access(), step.size);
    match step.what {
        0..=3 => {
            let found = rmp.rmpupdate(Asid::HOST, spa, &step.operand().to_bytes());
            [verdict(found), verdict(model.rmpupdate(step))]
        }
        4 => [verdict(rmp.psmash(Asid::HOST, spa)), verdict(model.psmash(step.page))],
        5 | 6 => {
            let found = rmp.pvalidate(guest, access, size, step.flag);
            let expected = model.pvalidate(step);
            assert_eq!(found.ok(), expected.ok());
            [verdict(found), verdict(expected)]
        }
        7 | 8 => {
            let target = Vmpl::new(step.target).unwrap();
            let permissions = Permissions(step.mask);
            let adjust = RmpAdjust { target, permissions, vmsa: step.flag };
            let found = rmp.rmpadjust(guest, access, size, adjust);
            [verdict(found), verdict(model.rmpadjust(step))]
        }
        9 => {
            let found = rmp.rmpquery(guest, access, Vmpl::new(step.target).unwrap());
            let expected = model.rmpquery(step);
            let told = found.ok().map(|told| (told.permissions.0, told.vmsa, told.size));
            assert_eq!(told, expected.ok());
            [verdict(found), verdict(expected)]
        }
        10 => {
            let found = rmp.page_reclaim(PageReclaim { spa, size });
            [verdict(found), verdict(model.reclaim(step))]
        }
        11 => {
            let found = Rmp::<[AtomicEntry]>::unsmash_address(spa);
            let found = found.and_then(|spa| rmp.page_unsmash(spa));
            [verdict(found), verdict(model.unsmash(step.page))]
        }
        12 => {
            let found = if step.flag { rmp.use_page(spa) } else { rmp.release_page(spa) };
            [verdict(found), verdict(model.use_page(step))]
        }
        // A region's pages all alike, so that they can be one again.
        _ => {
            let first = step.page / 512 * 512;
            let mut verdicts = [Ok("done"), Ok("done")];
            for n in 0..512 {
                let gpa = step.gpa / (2 << 20) * (2 << 20) + n * PAGE as u64;
                let size = PageSize::Size4K;
                let step = Step { what: 0, page: first + n, gpa, size, flag: true, ..step };
                verdicts = both(rmp, model, step);
            }
            verdicts
        }
    }
}

/// Every page of the table says what the model says.
fn compare(rmp: &Rmp<'_, [AtomicEntry]>, model: &Model) {
    for number in 0..PAGES {
        let Loaded::Entry(entry) = rmp.table.load(number) else { panic!("page {number}") };
        let (page, size, count) = match &model.regions[number as usize / 512] {
            // The others of a large page are assigned, to nobody.
            Region::Large(_) if number % 512 > 0 => {
                assert!(entry.assigned() && entry.asid() == Asid::HOST && !entry.immutable());
                assert_eq!(entry.page_size(), PageSize::Size4K);
                continue;
            }
            Region::Large(large) => (large, PageSize::Size2M, 0),
            Region::Small(pages) => {
                let others = pages[1..].iter().filter(|page| page.owner.is_some()).count();
                let count = if number % 512 == 0 { others } else { 0 };
                (&pages[number as usize % 512], PageSize::Size4K, count)
            }
        };
        assert_eq!((entry.page_size(), entry.subpage_count()), (size, count as u16), "{number}");
        let owner = entry.assigned().then(|| (entry.asid().get(), entry.gpa().get()));
        let mask = |vmpl| entry.permissions(Vmpl::new(vmpl).unwrap()).0;
        let found = Page {
            owner,
            immutable: entry.immutable(),
            validated: entry.validated(),
            vmsa: entry.vmsa(),
            masks: [mask(0), mask(1), mask(2), mask(3)],
        };
        // What permissions a page of nobody has plays no part.
        let masks = if owner.is_some() { page.masks } else { found.masks };
        assert_eq!(found, Page { masks, ..*page }, "page {number}");
        assert_eq!(entry.lock(), entry.immutable(), "page {number}");
        assert_eq!(entry.in_use(), model.in_use.contains(&number), "page {number}");
    }
}

/// Few pages, guests and levels, so that steps meet.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    // The pages at the ends of regions; the last ones that are covered, and the first that are not.
    let page = prop_oneof![
        12 => prop::sample::select(&[0, 0, 1, 512, 513, 1023][..]),
        1 => prop::sample::select(&[1024, 1025, 1299, 1300, 1536][..]),
    ];
    // Mostly where the page itself stands.
    let place = prop_oneof![12 => Just(0u64), 1 => Just(1), 1 => Just(512)];
    let asid = prop_oneof![1 => Just(0), 8 => Just(1u32), 2 => Just(2), 1 => Just(MAX_ASID + 1)];
    let who = (asid, prop_oneof![5 => Just(0u32), 2 => Just(1), 1 => 2..4u32], 0..4u32);
    let sizes = (0..10u8, prop::bool::weighted(0.1));
    let mask = prop_oneof![1 => Just(0), 1 => 0..16u8, 1 => 0..32u8];
    let flags = (prop::bool::weighted(0.7), prop::bool::weighted(0.2), mask);
    let step = (0..14u8, page, place, who, sizes, flags).prop_map(
        |(what, page, shift, (asid, vmpl, target), (size, other), (flag, immutable, mask))| {
            let gpa = (page + shift) * PAGE as u64;
            let is_large = size < if page % 512 == 0 { 5 } else { 1 };
            let size = if is_large { PageSize::Size2M } else { PageSize::Size4K };
            let mapping = if other { PageSize::Size4K } else { size };
            // Pages that are given back are mostly so in the right way.
            let (asid, immutable) =
                if what < 4 && !flag && mask < 12 { (0, false) } else { (asid, immutable) };
            Step { what, page, gpa, asid, vmpl, size, mapping, flag, immutable, target, mask }
        },
    );
    prop::collection::vec(step, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn as_the_model(steps in steps()) {
        let table: Vec<AtomicEntry> = (0..PAGES).map(|_| AtomicEntry::default()).collect();
        let rmp = Rmp::new(&table[..], MAX_ASID);
        let regions = std::vec![Region::Small(std::vec![Page::default(); 512]); 3];
        let mut model = Model { regions, in_use: BTreeSet::new() };
        for step in steps {
            let [found, expected] = both(&rmp, &mut model, step);
            prop_assert_eq!(found, expected, "{:?}", step);
            for (kind, needs) in [
                (Kind::Read, 1),
                (Kind::Write, 3),
                (Kind::ExecuteUser, 4),
                (Kind::ExecuteSupervisor, 8),
                (Kind::PageTable, 1),
                (Kind::PageTableWrite, 3),
            ] {
                let found = rmp.check(step.guest(), kind, step.access());
                prop_assert_eq!(found, model.check(step, needs), "{:?} {:?}", kind, step);
            }
            let found = rmp.check_host_write(step.access().spa, step.mapping).is_ok();
            prop_assert_eq!(found, model.is_hypervisors(step.page, step.mapping), "{:?}", step);
            compare(&rmp, &model);
        }
    }
}
