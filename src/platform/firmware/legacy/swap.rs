//! Pages that are swapped.

use std::vec;

use zeroize::Zeroizing;

use super::overlap;
use crate::addr::{PAGE, PageSize};
use crate::platform::command::{SevSwapIn, SevSwapOut};
use crate::platform::firmware::Commands;
use crate::platform::memory::Dram;
use crate::sev::swap::{COUNT_LIMIT, MdataEntry, PageType, SwapKey};
use crate::status::Status;

/// SWAP_IN_PLACE
const IN_PLACE: u32 = 1 << 3;

impl<D: Dram> Commands<'_, D> {
    /// MODEL: a page of the type 3 is `INVALID_PARAM`, where the firmware looks at the size of save areas.
    pub(super) fn sev_swap_out(&mut self, command: &mut SevSwapOut) -> Result<(), Status> {
        let &mut SevSwapOut { src_paddr: src, dst_paddr: dst, mdata_paddr: mdata, .. } = command;
        let size = page_size(command.flags);
        self.state.legacy.working()?;
        self.check_swap(src, dst, mdata, size)?;
        let unit = size.bytes() as u64;
        if !(src | dst).is_multiple_of(unit) || !mdata.is_multiple_of(MdataEntry::LEN as u64) {
            return Err(Status::INVALID_ADDRESS);
        }
        check_mdata_place(src, dst, mdata, size)?;
        let page_type = page_type(command.flags)?;
        if page_type == PageType::Vmsa && size != PageSize::Size4K {
            return Err(Status::INVALID_PARAM);
        }
        let guest = self.state.legacy.working()?.guest(command.handle)?;
        let asid = guest.asid()?;
        if guest.oek_count >= COUNT_LIMIT {
            return Err(Status::AEAD_OFLOW);
        }
        self.check_sev_output(dst, size.bytes() as u32)?;
        self.check_sev_output(mdata, MdataEntry::LEN as u32)?;
        let mut page = self.read_guest_memory(asid, src, size.bytes())?;

        let backend = self.state.backend;
        let guest = self.state.legacy.working()?.guest(command.handle)?;
        let mut key = SwapKey::new(&guest.oek, guest.oek_count, backend);
        let blocks = guest.check_blocks();
        let entry = key.swap_out_in_place(page_type, &blocks, command.software_data, &mut page);
        let entry = entry.map_err(|error| error.status())?;
        guest.oek_count = key.count();
        self.bus.write(dst, &page)?;
        self.bus.write(mdata, &entry.to_bytes())
    }

    /// MODEL: where the tag is another one, nothing is written. (The firmware may leave deciphered bytes.)
    pub(super) fn sev_swap_in(&mut self, command: &mut SevSwapIn) -> Result<(), Status> {
        let &mut SevSwapIn { src_paddr: src, dst_paddr: dst, mdata_paddr: mdata, .. } = command;
        let size = page_size(command.flags);
        self.state.legacy.working()?;
        self.check_swap(src, dst, mdata, size)?;
        // The firmware asks no more of a destination of 2 MiB.
        let is_aligned = src.is_multiple_of(size.bytes() as u64)
            && dst.is_multiple_of(PAGE as u64)
            && mdata.is_multiple_of(MdataEntry::LEN as u64);
        if !is_aligned {
            return Err(Status::INVALID_ADDRESS);
        }
        check_mdata_place(src, dst, mdata, size)?;
        let mut entry = [0; MdataEntry::LEN];
        self.bus.read(mdata, &mut entry)?;
        let entry = MdataEntry::from_bytes(&entry);
        let page_type = page_type(command.flags)?;
        let in_place = command.flags & IN_PLACE != 0;
        if entry.page_size() != size
            || entry.page_type() != Some(page_type)
            || (in_place && (page_type == PageType::Vmsa || src != dst))
        {
            return Err(Status::INVALID_PARAM);
        }
        let asid = self.state.legacy.working()?.guest(command.handle)?.asid()?;
        self.check_sev_output(dst, size.bytes() as u32)?;
        let page = self.read_memory(src, size.bytes())?;

        let backend = self.state.backend;
        let guest = self.state.legacy.working()?.guest(command.handle)?;
        let key = SwapKey::new(&guest.oek, guest.oek_count, backend);
        let mut text = Zeroizing::new(vec![0; size.bytes()]);
        let opened = key.swap_in(page_type, &entry, &page, &mut text);
        opened.map_err(|error| error.status())?;
        self.bus.write_guest(asid, dst, &text)
    }

    fn check_swap(&self, src: u64, dst: u64, mdata: u64, size: PageSize) -> Result<(), Status> {
        self.check_memory(src, size.bytes())?;
        self.check_memory(dst, size.bytes())?;
        self.check_memory(mdata, MdataEntry::LEN)
    }
}

/// # Errors
/// `INVALID_PARAM`: the entry's place is in that of a page.
fn check_mdata_place(src: u64, dst: u64, mdata: u64, size: PageSize) -> Result<(), Status> {
    let entry = (mdata, MdataEntry::LEN as u64);
    let overlaps = |page| overlap(entry, (page, size.bytes() as u64));
    if overlaps(src) || overlaps(dst) { Err(Status::INVALID_PARAM) } else { Ok(()) }
}

/// PAGE_SIZE
fn page_size(flags: u32) -> PageSize {
    if flags & 1 == 0 { PageSize::Size4K } else { PageSize::Size2M }
}

/// PAGE_TYPE
fn page_type(flags: u32) -> Result<PageType, Status> {
    PageType::from_bits(flags >> 1 & 3).ok_or(Status::INVALID_PARAM)
}
