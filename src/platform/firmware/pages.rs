//! Commands on pages: swap, move, metadata, reclaim (AMD 56860; AMD's published firmware, `sev_mcmd.c`).
//!
//! All of them want pages that are immutable: neither the host nor a guest can change their entries or reach them, from the look at
//! them until the command ends, but where the command itself makes them mutable. So entries are changed first, all or none, and what has to
//! be written behind that goes to pages that are still immutable, whose addresses were checked: it does not fail, and nobody sees
//! when it happens. A page that becomes mutable is written while its entry is taken.

use std::vec;
use std::vec::Vec;

use zeroize::Zeroizing;

use super::{Commands, GuestState, LookedUp, check_page_address};
use crate::addr::{Asid, GuestPhysAddr, PAGE, PageSize};
use crate::platform::command::{
    Command, SnpPageMdInit, SnpPageMove, SnpPageReclaim, SnpPageSetState, SnpPageSwapIn,
    SnpPageSwapOut, SnpPageUnsmash,
};
use crate::platform::memory::Dram;
use crate::rmp::{Entry, PageReclaim, PageState, Rmp};
use crate::snp::swap::{Contents, MdataEntry, PageState as SwappedState, PageType, SwapKey};
use crate::status::Status;
use crate::vmsa::Vmsa;
use crate::wire::{get_u32, get_u64};

/// The flags of SWAP_OUT and SWAP_IN.
struct SwapFlags(u64);

impl SwapFlags {
    const SWAP_OUT: u64 = 0b1_0111;
    const SWAP_IN: u64 = 0b1_1111;

    /// From the word, of which a command knows some bits.
    fn new(word: u64, known: u64) -> Result<Self, Status> {
        if word & !known == 0 { Ok(Self(word)) } else { Err(Status::INVALID_PARAM) }
    }

    fn page_size(&self) -> PageSize {
        page_size(self.0 & 1 == 1)
    }

    fn page_type(&self) -> Result<PageType, Status> {
        PageType::from_bits((self.0 >> 1 & 3) as u8)
    }

    fn swap_in_place(&self) -> bool {
        self.0 >> 3 & 1 == 1
    }

    fn root_mdata_en(&self) -> bool {
        self.0 >> 4 & 1 == 1
    }
}

fn page_size(is_large: bool) -> PageSize {
    if is_large { PageSize::Size2M } else { PageSize::Size4K }
}

/// Where an entry is.
#[derive(Clone, Copy)]
enum Place {
    /// ROOT_MD_ENTRY of the guest's context.
    Root,
    /// In a METADATA page.
    Page(u64),
}

impl<D: Dram> Commands<'_, D> {
    /// SNP_PAGE_SWAP_OUT. A failure leaves everything as it was, but for OEK_IV_COUNT, which goes on where encryption has begun.
    ///
    /// MODEL: PAGE_TYPE must be what the RMP's VMSA says of the page (`INVALID_PAGE_STATE`, with its state): a page of data
    /// that came back as a save area would be one that the guest never made. One of 2 MiB that RMPADJUST has made a save area is refused
    /// with `INVALID_PAGE_SIZE`, as SWAP_IN would refuse it.
    pub(super) fn snp_page_swap_out(&mut self, command: &mut SnpPageSwapOut) -> Result<(), Status> {
        let flags = SwapFlags::new(command.flags, SwapFlags::SWAP_OUT)?;
        let size = flags.page_size();
        let [gctx, src, dst] =
            self.look_up([command.gctx_paddr, command.src_paddr, command.dst_paddr], size)?;
        let place = self.place(&gctx, &flags, command.mdata_paddr, &src, &dst)?;
        if !src.has_size(size) || !has_size_or_default(&dst, size) {
            return Err(Status::INVALID_PAGE_SIZE);
        }
        let asid = self.check_movable(&gctx)?;
        let page_type = flags.page_type()?;
        if page_type == PageType::Vmsa && size != PageSize::Size4K {
            return Err(Status::INVALID_PAGE_SIZE);
        }
        let (is_source, is_owner) = match page_type {
            PageType::Metadata => {
                (src.state == PageState::Metadata, src.entry.metadata_context() == Some(gctx.page))
            }
            PageType::Data | PageType::Vmsa => (
                matches!(src.state, PageState::PreSwap | PageState::PreGuest)
                    && src.entry.vmsa() == (page_type == PageType::Vmsa),
                src.entry.asid() == asid,
            ),
        };
        if !is_source || !dst.is_firmware_or_default() {
            return Err(Status::INVALID_PAGE_STATE);
        }
        if !is_owner {
            return Err(Status::INVALID_PAGE_OWNER);
        }

        let mut page = Zeroizing::new(vec![0; size.bytes()]);
        let [_, vmpl_perms] = src.entry.with_in_use(false).to_words();
        let state = SwappedState {
            gpa: src.entry.gpa().get(),
            page_validated: src.entry.validated(),
            vmpl_perms,
        };
        let (contents, entry) = match page_type {
            PageType::Data => (Contents::Data(state), src.entry.with_validated(false)),
            PageType::Metadata => (Contents::Metadata, src.entry.into_firmware()),
            PageType::Vmsa => (Contents::Vmsa(state), src.entry.with_validated(false)),
        };
        self.read_page(page_type, asid, &src, &mut page)?;
        let mdata = self.with_oek(&gctx, |key| {
            key.swap_out_in_place(contents, command.software_data, &mut page)
        })?;
        self.bus.change(&src, entry)?;
        self.bus.write(dst.page.get(), &page)?;
        self.write_mdata(&gctx, place, &mdata)
    }

    /// SNP_PAGE_SWAP_IN. MODEL: an entry of a guest's page with a GPA from 2^52 on, which ROOT_MD_ENTRY of an imported context may hold, is
    /// `INVALID_MDATA_ENTRY`.
    pub(super) fn snp_page_swap_in(&mut self, command: &mut SnpPageSwapIn) -> Result<(), Status> {
        let flags = SwapFlags::new(command.flags, SwapFlags::SWAP_IN)?;
        let size = flags.page_size();
        let [gctx, src, dst] =
            self.look_up([command.gctx_paddr, command.src_paddr, command.dst_paddr], size)?;
        let place = self.place(&gctx, &flags, command.mdata_paddr, &src, &dst)?;
        let asid = self.check_movable(&gctx)?;
        let mut mdata = self.read_mdata(&gctx, place)?;
        if flags.page_type() != Ok(mdata.page_type()) || !mdata.valid() {
            return Err(Status::INVALID_MDATA_ENTRY);
        }
        let is_size = has_size_or_default(&src, size) && dst.has_size(size);
        if !is_size || mdata.page_size() != size {
            return Err(Status::INVALID_PAGE_SIZE);
        }
        let page_type = mdata.page_type();
        let gpa = match page_type {
            PageType::Metadata => GuestPhysAddr::ZERO,
            PageType::Data | PageType::Vmsa => {
                GuestPhysAddr::new(mdata.state().gpa).map_err(|_| Status::INVALID_MDATA_ENTRY)?
            }
        };
        let wanted = match page_type {
            PageType::Data if flags.swap_in_place() && src.page != dst.page => {
                return Err(Status::INVALID_ADDRESS);
            }
            PageType::Metadata | PageType::Vmsa if flags.swap_in_place() => {
                return Err(Status::INVALID_PARAM);
            }
            PageType::Vmsa if size != PageSize::Size4K => return Err(Status::INVALID_PAGE_SIZE),
            PageType::Metadata => PageState::Firmware,
            PageType::Data | PageType::Vmsa => PageState::PreGuest,
        };
        if dst.state != wanted {
            return Err(Status::INVALID_PAGE_STATE);
        }
        if page_type != PageType::Metadata && dst.entry.asid() != asid {
            return Err(Status::INVALID_PAGE_OWNER);
        }

        let mut page = Zeroizing::new(vec![0; size.bytes()]);
        self.bus.read(src.page.get(), &mut page)?;
        self.with_oek(&gctx, |key| key.swap_in_place(page_type, &mut mdata, &mut page))?;
        let state = mdata.state();
        let entry = match page_type {
            PageType::Metadata => dst.entry.into_metadata(gctx.page),
            PageType::Data | PageType::Vmsa => with_permissions(dst.entry, state.vmpl_perms)
                .with_gpa(gpa)
                .with_vmsa(page_type == PageType::Vmsa)
                .with_validated(state.page_validated),
        };
        if page_type == PageType::Vmsa
            && let Some(vmsa) = page.first_chunk_mut()
        {
            self.renew_tsc(&gctx, vmsa)?;
        }
        self.bus.change(&dst, entry)?;
        self.write_page(page_type, asid, &dst, &page)?;
        self.write_mdata(&gctx, place, &mdata)
    }

    /// SNP_PAGE_MOVE. A page that is moved to where it stands loses its state as any other source does (MODEL).
    pub(super) fn snp_page_move(&mut self, command: &mut SnpPageMove) -> Result<(), Status> {
        if command.page_info > 1 {
            return Err(Status::INVALID_PARAM);
        }
        let size = page_size(command.page_info == 1);
        let [gctx, src, dst] =
            self.look_up([command.gctx_paddr, command.src_paddr, command.dst_paddr], size)?;
        self.context(&gctx)?;
        if !src.has_size(size) || !dst.has_size(size) {
            return Err(Status::INVALID_PAGE_SIZE);
        }
        let asid = self.check_movable(&gctx)?;
        match (src.state, dst.state) {
            (PageState::PreGuest | PageState::PreSwap, PageState::PreGuest) => {
                self.move_guest_page(asid, size, &src, &dst)
            }
            (PageState::Metadata, PageState::Firmware) => {
                if src.entry.metadata_context() != Some(gctx.page) {
                    return Err(Status::INVALID_PAGE_OWNER);
                }
                let changes =
                    [(&dst, dst.entry.into_metadata(gctx.page)), (&src, src.entry.into_firmware())];
                let mut page = vec![0; size.bytes()];
                self.bus.read(src.page.get(), &mut page)?;
                self.bus.change_all(changes, || self.bus.write(dst.page.get(), &page))
            }
            _ => Err(Status::INVALID_PAGE_STATE),
        }
    }

    fn move_guest_page(
        &mut self,
        asid: Asid,
        size: PageSize,
        src: &LookedUp,
        dst: &LookedUp,
    ) -> Result<(), Status> {
        if src.entry.asid() != asid || dst.entry.asid() != asid {
            return Err(Status::INVALID_PAGE_OWNER);
        }
        let mutable = |entry: Entry| entry.with_immutable(false).with_lock(false);
        let left = mutable(src.entry).with_validated(false);
        if src.page == dst.page {
            return self.bus.change(src, left);
        }
        let [_, permissions] = src.entry.to_words();
        let arrived = mutable(with_permissions(dst.entry, permissions))
            .with_gpa(src.entry.gpa())
            .with_vmsa(src.entry.vmsa())
            .with_validated(src.entry.validated());
        let mut page = Zeroizing::new(vec![0; size.bytes()]);
        self.bus.read_guest(asid, src.page.get(), &mut page)?;
        self.bus.change_all([(dst, arrived), (src, left)], || {
            self.bus.write_guest(asid, dst.page.get(), &page)
        })
    }

    /// SNP_PAGE_MD_INIT. MODEL: a page of 2 MiB is refused with `INVALID_PAGE_SIZE`, after the look at its state.
    pub(super) fn snp_page_md_init(&mut self, command: &mut SnpPageMdInit) -> Result<(), Status> {
        let [gctx, page] =
            self.look_up([command.gctx_paddr, command.page_paddr], PageSize::Size4K)?;
        self.context(&gctx)?;
        if page.state != PageState::Firmware {
            return Err(Status::INVALID_PAGE_STATE);
        }
        if !page.has_size(PageSize::Size4K) {
            return Err(Status::INVALID_PAGE_SIZE);
        }
        self.check_launched(&gctx)?;
        self.bus.change(&page, page.entry.into_metadata(gctx.page))?;
        self.bus.write(page.page.get(), &[0; PAGE])
    }

    /// SNP_PAGE_SET_STATE: all ranges, or none.
    ///
    /// MODEL: SNP is initialised, else `INVALID_PLATFORM_STATE`; the list does not cross the end of its page, its address is a
    /// multiple of eight and its reserved bytes are zero, else `INVALID_PARAM`; a range that begins inside of 2 MiB or ends above
    /// 2^64 is `INVALID_ADDRESS`; two ranges with a page in common are `INVALID_PAGE_STATE`; then every page is FIRMWARE, else
    /// `INVALID_PAGE_STATE`, and of 4 KiB, else `INVALID_PAGE_SIZE`.
    pub(super) fn snp_page_set_state(
        &mut self,
        command: &mut SnpPageSetState,
    ) -> Result<(), Status> {
        if command.len != SnpPageSetState::LEN as u32 {
            return Err(Status::INVALID_LENGTH);
        }
        self.check_init()?;
        let mut ranges = Vec::new();
        for (base, count) in self.read_ranges(command.list_paddr)? {
            let end = base.checked_add(u64::from(count) * PAGE as u64);
            let end = end.ok_or(Status::INVALID_ADDRESS)?;
            if !base.is_multiple_of(PageSize::Size2M.bytes() as u64) {
                return Err(Status::INVALID_ADDRESS);
            }
            ranges.push(base..end);
        }
        let mut sorted: Vec<_> = ranges.iter().filter(|range| !range.is_empty()).collect();
        sorted.sort_unstable_by_key(|range| range.start);
        if sorted.windows(2).any(|two| matches!(two, [a, b] if a.end > b.start)) {
            return Err(Status::INVALID_PAGE_STATE);
        }
        // No page comes twice, and the first one that the RMP does not cover ends it: there are no more than the RMP has.
        let mut pages = Vec::new();
        for range in ranges {
            for page in range.step_by(PAGE) {
                let page = self.bus.look_up(page)?;
                if page.state != PageState::Firmware {
                    return Err(Status::INVALID_PAGE_STATE);
                }
                if !page.has_size(PageSize::Size4K) {
                    return Err(Status::INVALID_PAGE_SIZE);
                }
                pages.push(page);
            }
        }
        self.bus.change_all(pages.iter().map(|page| (page, page.entry.into_hv_fixed())), || Ok(()))
    }

    /// SNP_PAGE_RECLAIM.
    pub(super) fn snp_page_reclaim(&mut self, command: &mut SnpPageReclaim) -> Result<(), Status> {
        let page = PageReclaim::parse(command.page_paddr)?;
        self.check_init()?;
        self.bus.check_range(page.spa, PAGE)?;
        self.bus.rmp().page_reclaim(page)
    }

    /// SNP_PAGE_UNSMASH.
    pub(super) fn snp_page_unsmash(&mut self, command: &mut SnpPageUnsmash) -> Result<(), Status> {
        let spa = Rmp::<[crate::rmp::AtomicEntry]>::unsmash_address(command.page_paddr)?;
        self.check_init()?;
        self.bus.check_range(spa, PageSize::Size2M.bytes())?;
        self.bus.rmp().page_unsmash(spa)
    }

    /// The first checks of every command on pages: addresses of pages, SNP initialised, and memory at them: the context first, then
    /// pages of a size.
    fn look_up<const N: usize>(
        &self,
        paddrs: [u64; N],
        size: PageSize,
    ) -> Result<[LookedUp; N], Status> {
        for paddr in paddrs {
            check_page_address(paddr)?;
        }
        self.check_init()?;
        let mut pages = Vec::with_capacity(N);
        for (number, paddr) in paddrs.into_iter().enumerate() {
            let len = if number == 0 { PAGE } else { size.bytes() };
            self.bus.check_range(paddr, len)?;
            pages.push(self.bus.look_up(paddr)?);
        }
        // As many as there were addresses.
        pages.try_into().map_err(|_| Status::INVALID_ADDRESS)
    }

    /// Where the entry of a page is, behind the check of the context.
    fn place(
        &mut self,
        gctx: &LookedUp,
        flags: &SwapFlags,
        mdata_paddr: u64,
        src: &LookedUp,
        dst: &LookedUp,
    ) -> Result<Place, Status> {
        self.context(gctx)?;
        if flags.root_mdata_en() {
            return Ok(Place::Root);
        }
        let len = MdataEntry::LEN as u64;
        let page_len = flags.page_size().bytes() as u64;
        // Both are aligned to an entry's length, so that an entry is inside or outside.
        let is_in = |page: &LookedUp| {
            mdata_paddr.checked_sub(page.page.get()).is_some_and(|offset| offset < page_len)
        };
        if !mdata_paddr.is_multiple_of(len) || is_in(src) || is_in(dst) {
            return Err(Status::INVALID_PARAM);
        }
        let page = self.bus.look_up(mdata_paddr)?;
        if page.state != PageState::Metadata {
            return Err(Status::INVALID_PAGE_STATE);
        }
        if page.entry.metadata_context() != Some(gctx.page) {
            return Err(Status::INVALID_PAGE_OWNER);
        }
        Ok(Place::Page(mdata_paddr))
    }

    /// The guest is launched, or being launched.
    fn check_launched(&mut self, gctx: &LookedUp) -> Result<(), Status> {
        match self.context(gctx)?.state {
            GuestState::Launch | GuestState::Running => Ok(()),
            GuestState::Init => Err(Status::INVALID_GUEST_STATE),
        }
    }

    /// The guest's pages may be swapped and moved; its ASID.
    ///
    /// MODEL: with PAGE_SWAP_DISABLE in the guest's policy the answer is `POLICY_FAILURE`, after state and activation.
    fn check_movable(&mut self, gctx: &LookedUp) -> Result<Asid, Status> {
        self.check_launched(gctx)?;
        let guest = self.context(gctx)?;
        let asid = guest.asid.ok_or(Status::INACTIVE)?;
        if guest.policy.page_swap_disable() { Err(Status::POLICY_FAILURE) } else { Ok(asid) }
    }

    /// Uses the guest's OEK, whose count goes on.
    fn with_oek<T>(
        &mut self,
        gctx: &LookedUp,
        work: impl FnOnce(&mut SwapKey) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let backend = self.state.backend;
        let guest = self.context(gctx)?;
        let mut key = SwapKey::new(&guest.oek, guest.oek_iv_count, backend);
        let result = work(&mut key);
        guest.oek_iv_count = key.iv_count();
        result
    }

    /// The bytes of a page as its owner sees them.
    fn read_page(
        &self,
        page_type: PageType,
        asid: Asid,
        page: &LookedUp,
        to: &mut [u8],
    ) -> Result<(), Status> {
        match page_type {
            PageType::Metadata => self.bus.read(page.page.get(), to),
            PageType::Data | PageType::Vmsa => self.bus.read_guest(asid, page.page.get(), to),
        }
    }

    fn write_page(
        &self,
        page_type: PageType,
        asid: Asid,
        page: &LookedUp,
        bytes: &[u8],
    ) -> Result<(), Status> {
        match page_type {
            PageType::Metadata => self.bus.write(page.page.get(), bytes),
            PageType::Data | PageType::Vmsa => self.bus.write_guest(asid, page.page.get(), bytes),
        }
    }

    fn read_mdata(&mut self, gctx: &LookedUp, place: Place) -> Result<MdataEntry, Status> {
        let mut bytes = [0; MdataEntry::LEN];
        match place {
            Place::Root => bytes = self.context(gctx)?.root_mdata,
            Place::Page(paddr) => self.bus.read(paddr, &mut bytes)?,
        }
        MdataEntry::from_bytes(&bytes)
    }

    fn write_mdata(
        &mut self,
        gctx: &LookedUp,
        place: Place,
        mdata: &MdataEntry,
    ) -> Result<(), Status> {
        match place {
            Place::Root => self.context(gctx)?.root_mdata = mdata.to_bytes(),
            Place::Page(paddr) => self.bus.write(paddr, &mdata.to_bytes())?,
        }
        Ok(())
    }

    /// A save area whose guest has SecureTSC gets the scale of this platform and the guest's offset.
    fn renew_tsc(&mut self, gctx: &LookedUp, page: &mut [u8; PAGE]) -> Result<(), Status> {
        let guest = self.context(gctx)?;
        let mut vmsa = Vmsa::from_bytes(page);
        if vmsa.sev_features().secure_tsc() {
            vmsa.set_guest_tsc_scale(guest.tsc_scale());
            vmsa.set_guest_tsc_offset(guest.tsc_offset);
            *page = *vmsa.as_bytes();
        }
        Ok(())
    }

    /// The ranges of SNP_PAGE_SET_STATE: address and number of pages.
    fn read_ranges(&self, paddr: u64) -> Result<Vec<(u64, u32)>, Status> {
        const ELEMENT: usize = 16;
        if !paddr.is_multiple_of(8) {
            return Err(Status::INVALID_PARAM);
        }
        let page = self.bus.check_range(paddr, 8)?;
        // Read once, to the end of its page.
        let mut list = vec![0; PAGE - page.page_offset()];
        self.bus.read(paddr, &mut list)?;
        let (head, elements) = list.split_first_chunk::<8>().ok_or(Status::INVALID_PARAM)?;
        let (count, reserved) = (get_u32::<0, _>(head), get_u32::<4, _>(head));
        let elements = elements.as_chunks::<ELEMENT>().0;
        let elements = usize::try_from(count).ok().and_then(|count| elements.get(..count));
        let elements = elements.ok_or(Status::INVALID_PARAM)?;
        if reserved != 0 || elements.iter().any(|element| get_u32::<12, _>(element) != 0) {
            return Err(Status::INVALID_PARAM);
        }
        let range = |element| (get_u64::<0, _>(element), get_u32::<8, _>(element));
        Ok(elements.iter().map(range).collect())
    }
}

/// Whether the RMP has the page with that size, or does not cover it.
fn has_size_or_default(page: &LookedUp, size: PageSize) -> bool {
    page.state == PageState::Default || page.has_size(size)
}

/// The entry with a second word as it was kept.
fn with_permissions(entry: Entry, word: u64) -> Entry {
    let [first, _] = entry.to_words();
    Entry::from_words([first, word]).with_in_use(entry.in_use())
}

#[cfg(test)]
#[path = "tests/pages.rs"]
mod tests;
