//! Pages that leave memory and come back, here or on another machine.

use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use super::{GuestHandle, Vmm, VmmError};
use crate::addr::{Asid, GuestPhysAddr, PAGE, Page, PageSize, PhysAddr};
use crate::image::PageType;
use crate::platform::NestedTable;
use crate::platform::command::{SnpActivate, SnpPageMdInit, SnpPageSwapIn, SnpPageSwapOut};
use crate::platform::memory::Dram;
use crate::rmp::PageAssignment;
use crate::snp::swap;

/// How many entries a page of them has.
const ENTRIES: usize = PAGE / 64;

/// A page that was swapped out: what the host keeps of it. Its entry stands where the host cannot write.
#[derive(Clone, Debug)]
pub struct SwappedPage {
    /// Where it stood in the guest; a page of entries stood nowhere.
    pub gpa: GuestPhysAddr,
    /// What it is for the firmware.
    pub page_type: swap::PageType,
    /// What it was launched as.
    pub origin: PageType,
    /// Its ciphertext.
    pub ciphertext: Box<Page>,
}

/// A guest all of whose pages were swapped out: pages with their entries in pages of entries, those again, up to one under the root
/// entry in the guest's context.
#[derive(Clone, Debug)]
pub struct SwappedGuest {
    /// The guest's pages first, then pages of entries, 64 to a page, level by level; the last one is under the root entry.
    pub levels: Vec<Vec<SwappedPage>>,
}

/// A flag of both commands.
const ROOT_MDATA_EN: u64 = 1 << 4;

impl<D: Dram> Vmm<'_, D> {
    /// A page for the entries of a guest's pages.
    ///
    /// # Errors
    /// [`VmmError`]
    pub fn metadata_page(&self, guest: &GuestHandle) -> Result<PhysAddr, VmmError> {
        let page = self.firmware_page()?;
        let command = &mut SnpPageMdInit { gctx_paddr: guest.gctx.get(), page_paddr: page.get() };
        self.issue("SNP_PAGE_MD_INIT", command).inspect_err(|_| _ = self.take_back(page))?;
        Ok(page)
    }

    /// Swaps a page out: the firmware enciphers it, its entry goes to `entry` (in a [`metadata_page`](Self::metadata_page)), and the host
    /// has the memory back.
    ///
    /// # Errors
    /// [`VmmError`]; what the firmware does not swap out is still the guest's.
    pub fn swap_out(
        &self,
        guest: &mut GuestHandle,
        gpa: GuestPhysAddr,
        entry: PhysAddr,
    ) -> Result<SwappedPage, VmmError> {
        let place = guest.pages.iter().position(|page| page.0 == gpa);
        let place = place.ok_or(VmmError::NoPage { gpa })?;
        let swapped = self.swap_out_at(guest, place, entry)?;
        guest.pages.remove(place);
        Ok(swapped)
    }

    fn swap_out_at(
        &self,
        guest: &GuestHandle,
        place: usize,
        entry: PhysAddr,
    ) -> Result<SwappedPage, VmmError> {
        let (gpa, page, origin) = guest.pages[place];
        // The same page, for the firmware to swap.
        self.assign(page, PageAssignment::guest(guest.asid, gpa, PageSize::Size4K).locked())?;
        let page_type = match origin {
            PageType::Vmsa => swap::PageType::Vmsa,
            _ => swap::PageType::Data,
        };
        // PRE_SWAP: the guest's again, if it is not swapped out.
        let out = self.out(guest, page, page_type, Some(entry));
        let ciphertext = out.inspect_err(|_| _ = self.reclaim(page))?;
        guest.nested.unmap(gpa, PageSize::Size4K);
        self.take_back(page)?;
        Ok(SwappedPage { gpa, page_type, origin, ciphertext })
    }

    /// One SNP_PAGE_SWAP_OUT, into a page of the firmware's that is read and taken back. Without an entry it is the root's.
    fn out(
        &self,
        guest: &GuestHandle,
        page: PhysAddr,
        page_type: swap::PageType,
        entry: Option<PhysAddr>,
    ) -> Result<Box<Page>, VmmError> {
        let root = if entry.is_none() { ROOT_MDATA_EN } else { 0 };
        self.with_firmware_page(|to| {
            let command = &mut SnpPageSwapOut {
                gctx_paddr: guest.gctx.get(),
                src_paddr: page.get(),
                dst_paddr: to.get(),
                mdata_paddr: entry.map_or(0, PhysAddr::get),
                software_data: 0,
                flags: (page_type as u64) << 1 | root,
            };
            self.issue("SNP_PAGE_SWAP_OUT", command)?;
            let mut ciphertext = Box::new([0; PAGE]);
            self.machine.host_read(to, &mut *ciphertext).map_err(VmmError::Host)?;
            Ok(ciphertext)
        })
    }

    /// Takes a page back in, to other memory.
    ///
    /// # Errors
    /// [`VmmError`]: `BAD_MEASUREMENT` if the ciphertext was changed.
    pub fn swap_in(
        &self,
        guest: &mut GuestHandle,
        swapped: &SwappedPage,
        entry: PhysAddr,
    ) -> Result<(), VmmError> {
        let to = PageAssignment::guest(guest.asid, swapped.gpa, PageSize::Size4K).locked();
        let to = self.page_as(to)?;
        self.back(guest, swapped, to, Some(entry)).inspect_err(|_| _ = self.take_back(to))?;
        if swapped.page_type == swap::PageType::Data {
            guest.nested.map(swapped.gpa, to, PageSize::Size4K);
        }
        guest.pages.push((swapped.gpa, to, swapped.origin));
        // PRE_GUEST or PRE_SWAP: the guest's again.
        self.reclaim(to)
    }

    /// One SNP_PAGE_SWAP_IN.
    fn back(
        &self,
        guest: &GuestHandle,
        swapped: &SwappedPage,
        to: PhysAddr,
        entry: Option<PhysAddr>,
    ) -> Result<(), VmmError> {
        let root = if entry.is_none() { ROOT_MDATA_EN } else { 0 };
        self.with_page(|from| {
            self.machine.host_write(from, &*swapped.ciphertext).map_err(VmmError::Host)?;
            let command = &mut SnpPageSwapIn {
                gctx_paddr: guest.gctx.get(),
                src_paddr: from.get(),
                dst_paddr: to.get(),
                mdata_paddr: entry.map_or(0, PhysAddr::get),
                flags: (swapped.page_type as u64) << 1 | root,
            };
            self.issue("SNP_PAGE_SWAP_IN", command)
        })
    }

    /// Swaps all of a guest out, so that its context can be exported: level by level, the last page of entries under the root.
    ///
    /// # Errors
    /// [`VmmError`]: what was swapped out is lost and the guest can only be [ended](Self::decommission); its pages are those that
    /// were not swapped out, and the host has all others back.
    pub fn swap_out_all(&self, guest: &mut GuestHandle) -> Result<SwappedGuest, VmmError> {
        let [mut pages, mut metadata] = [Vec::new(), Vec::new()];
        let swapped = self.levels_out(guest, &mut pages, &mut metadata);
        if swapped.is_err() {
            let _ = self.take_all_back(pages.into_iter().chain(metadata));
        }
        swapped
    }

    /// All levels. `pages` and `metadata` are pages of entries that the firmware has: those that are being swapped out, and those where
    /// their entries go.
    fn levels_out(
        &self,
        guest: &mut GuestHandle,
        pages: &mut Vec<PhysAddr>,
        metadata: &mut Vec<PhysAddr>,
    ) -> Result<SwappedGuest, VmmError> {
        let mut level = Vec::new();
        let done = (0..guest.pages.len()).try_for_each(|number| {
            let entry = self.entry(guest, metadata, number)?;
            level.push(self.swap_out_at(guest, number, entry)?);
            Ok(())
        });
        guest.pages.drain(..level.len());
        done?;
        let mut levels = vec![level];
        while !metadata.is_empty() {
            core::mem::swap(pages, metadata);
            let is_root = pages.len() == 1;
            let mut level = Vec::new();
            let done = pages.iter().enumerate().try_for_each(|(number, page)| {
                let entry = match is_root {
                    true => None,
                    false => Some(self.entry(guest, metadata, number)?),
                };
                let ciphertext = self.out(guest, *page, swap::PageType::Metadata, entry)?;
                // It is a page of the firmware now.
                self.take_back(*page)?;
                level.push(SwappedPage {
                    gpa: GuestPhysAddr::ZERO,
                    page_type: swap::PageType::Metadata,
                    origin: PageType::Normal,
                    ciphertext,
                });
                Ok(())
            });
            pages.drain(..level.len());
            done?;
            levels.push(level);
        }
        Ok(SwappedGuest { levels })
    }

    /// Where the entry of a page goes; pages of entries are made as they are needed.
    fn entry(
        &self,
        guest: &GuestHandle,
        metadata: &mut Vec<PhysAddr>,
        number: usize,
    ) -> Result<PhysAddr, VmmError> {
        if number / ENTRIES == metadata.len() {
            metadata.push(self.metadata_page(guest)?);
        }
        entry_in(metadata, number)
    }

    /// Takes all of a guest in whose context was imported here, and gives it an ASID.
    ///
    /// # Errors
    /// [`VmmError`]: the host has every page back but that of the context, and the guest can only be ended.
    pub fn swap_in_all(
        &self,
        gctx: PhysAddr,
        asid: Asid,
        swapped: &SwappedGuest,
    ) -> Result<GuestHandle, VmmError> {
        let command = &mut SnpActivate { gctx_paddr: gctx.get(), asid: asid.get() };
        self.issue("SNP_ACTIVATE", command)?;
        let nested = NestedTable::default();
        let mut guest = GuestHandle { gctx, asid, nested, pages: Vec::new() };
        self.all_in(&mut guest, swapped)?;
        Ok(guest)
    }

    /// The pages of a guest that has an ASID and nothing else.
    pub(super) fn all_in(
        &self,
        guest: &mut GuestHandle,
        swapped: &SwappedGuest,
    ) -> Result<(), VmmError> {
        let [mut metadata, mut below] = [Vec::new(), Vec::new()];
        let came = self.levels_in(guest, swapped, &mut metadata, &mut below);
        came.inspect_err(|_| {
            let pages = guest.pages.drain(..).map(|page| page.1);
            _ = self.take_all_back(pages.chain(metadata).chain(below));
        })
    }

    /// All levels, the root's first. `metadata` and `below` are pages of entries that the firmware has: those of the level that comes in,
    /// and those that come in with it.
    fn levels_in(
        &self,
        guest: &mut GuestHandle,
        swapped: &SwappedGuest,
        metadata: &mut Vec<PhysAddr>,
        below: &mut Vec<PhysAddr>,
    ) -> Result<(), VmmError> {
        for (depth, level) in swapped.levels.iter().enumerate().rev() {
            for (number, page) in level.iter().enumerate() {
                let entry = match metadata.is_empty() {
                    true => None,
                    false => Some(entry_in(metadata, number)?),
                };
                if depth == 0 {
                    let entry = entry.ok_or(VmmError::NoMemory)?;
                    self.swap_in(guest, page, entry)?;
                } else {
                    let to = self.firmware_page()?;
                    below.push(to);
                    self.back(guest, page, to, entry)?;
                }
            }
            while let Some(page) = metadata.last() {
                self.take_back(*page)?;
                metadata.pop();
            }
            core::mem::swap(metadata, below);
        }
        Ok(())
    }
}

/// Where the entry of a page stands.
fn entry_in(metadata: &[PhysAddr], number: usize) -> Result<PhysAddr, VmmError> {
    let page = metadata.get(number / ENTRIES).ok_or(VmmError::NoMemory)?;
    page.checked_add((number % ENTRIES * 64) as u64).ok_or(VmmError::NoMemory)
}
