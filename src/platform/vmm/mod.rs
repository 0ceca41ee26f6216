//! The smallest VMM: what a host does to start a guest, page by page.

mod swap;
#[cfg(test)]
pub(super) mod tests;

pub use swap::{SwappedGuest, SwappedPage};

use core::fmt;
use core::ops::Range;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use crate::addr::{Asid, GuestPhysAddr, PAGE, Page, PageSize, PhysAddr};
use crate::image::{Contents, Generation, Launch, LaunchError, PageType, Update};
use crate::platform::command::{
    Command, SnpActivate, SnpDecommission, SnpGctxCreate, SnpGuestRequest, SnpLaunchFinish,
    SnpLaunchStart, SnpLaunchUpdate, SnpPageReclaim,
};
use crate::platform::memory::{Dram, HeapDram};
use crate::platform::{HostFault, Machine, NestedTable};
use crate::rmp::{PageAssignment, RmpFailure};
use crate::snp::GuestPolicy;
use crate::snp::id_block::IdBlock;
use crate::snp::launch::{CpuidPage, VmplPermissions};
use crate::snp::message::CpuidEntries;
use crate::status::Status;

/// A host that starts guests on a [`Machine`], in memory that it gives out page by page.
///
/// It is for tests, demonstrations and whoever writes a VMM: everything here is done through what a host has, RMPUPDATE, its own writes
/// and the firmware's commands. It is not trusted with anything.
///
/// ```
/// # use sevcrypt::platform::rand_core::{TryCryptoRng, TryRng};
/// # struct Random(u8);
/// # impl TryRng for Random {
/// #     type Error = core::convert::Infallible;
/// #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(4) }
/// #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(4) }
/// #     fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
/// #         bytes.iter_mut().for_each(|byte| { self.0 = self.0.wrapping_mul(5).wrapping_add(3); *byte = self.0 });
/// #         Ok(())
/// #     }
/// # }
/// # impl TryCryptoRng for Random {}
/// # let reset_block = [0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e];
/// # let footer = [0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d];
/// # let table = [&[4, 0xb0, 0x80, 0, 22, 0][..], &reset_block, &[40, 0], &footer].concat();
/// # let mut image = vec![0; 8192];
/// # image[8192 - 32 - 40..8192 - 32].copy_from_slice(&table);
/// use sevcrypt::image::{CpuSignature, Launch, Ovmf, PageType, Profile};
/// use sevcrypt::platform::command::SnpInitEx;
/// use sevcrypt::platform::{Chip, LaunchOptions, Machine, MachineConfig, PlatformVersions, Vmm, VmmError};
/// use sevcrypt::snp::tcb::Product;
/// use sevcrypt::{Asid, GuestPhysAddr, PhysAddr};
///
/// let chip = Chip::new(Product::Genoa, &[1; 48], &[2; 32]);
/// let config = MachineConfig::new(&chip);
/// assert_eq!(config.versions, PlatformVersions::first(Product::Genoa));
/// let machine = Machine::new(chip, config, 8 << 20, Random(1))?;
/// machine.issue(&mut SnpInitEx { flags: 1, ..SnpInitEx::default() })?; // INIT_RMP
/// let host = Vmm::new(&machine, PhysAddr::new(1 << 20)?..PhysAddr::new(8 << 20)?);
///
/// // `image`: a small firmware.
/// let launch = Launch::new(Ovmf::parse(&image)?, CpuSignature(0x00a1_0f11), &Profile::QEMU);
/// let mut guest = host.launch(&launch, Asid::new(1), &LaunchOptions::default())?;
/// assert_eq!(guest.page_of(PageType::Vmsa), Some(Profile::KVM_VMSA_GPA));
/// host.add_page(&mut guest, GuestPhysAddr::new(0x5000)?)?;
/// assert!(host.guest_request(&guest, &[0; 4096]).is_err(), "that is no message");
///
/// // A page is swapped out, and comes back unless its ciphertext was changed.
/// let entry = host.metadata_page(&guest)?;
/// let mut swapped = host.swap_out(&mut guest, launch.firmware.gpa(), entry)?;
/// swapped.ciphertext[0] ^= 1;
/// assert!(matches!(host.swap_in(&mut guest, &swapped, entry), Err(VmmError::Firmware { .. })));
/// swapped.ciphertext[0] ^= 1;
/// host.swap_in(&mut guest, &swapped, entry)?;
///
/// // All of them are, before the guest leaves for another platform.
/// let away = host.swap_out_all(&mut guest)?;
/// println!("{} levels, the last with {:?} pages", away.levels.len(), away.levels.last().map(Vec::len));
/// host.decommission(guest)?;
/// let page = host.firmware_page()?;
/// host.take_back(page)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Vmm<'m, D: Dram = HeapDram> {
    machine: &'m Machine<D>,
    free: Mutex<Free>,
}

/// Pages that nobody has.
struct Free {
    /// Never given out.
    rest: Range<u64>,
    given_back: BTreeSet<u64>,
}

impl Free {
    fn has(&self, page: PhysAddr) -> bool {
        self.rest.contains(&page.get()) || self.given_back.contains(&page.get())
    }
}

/// What a guest starts with, beside its image.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LaunchOptions<'a> {
    /// POLICY.
    pub policy: GuestPolicy,
    /// HOST_DATA.
    pub host_data: [u8; 32],
    /// The ID block and the page that authenticates it, and whether an author's key is in it.
    pub id_block: Option<(IdBlock, &'a Page, bool)>,
    /// The migration agent's context.
    pub migration_agent: Option<PhysAddr>,
    /// The functions that the CPUID page has.
    pub cpuid: CpuidEntries<'a>,
    /// What VMPL1 to VMPL3 may do with every page.
    pub permissions: VmplPermissions,
}

impl Default for LaunchOptions<'_> {
    /// The policy that tools use, and nothing else.
    fn default() -> Self {
        Self {
            policy: IdBlock::DEFAULT_POLICY,
            host_data: [0; 32],
            id_block: None,
            migration_agent: None,
            cpuid: CpuidEntries::empty(),
            permissions: VmplPermissions::default(),
        }
    }
}

/// A guest as its host sees it.
#[derive(Debug)]
#[non_exhaustive]
pub struct GuestHandle {
    /// Its context.
    pub gctx: PhysAddr,
    /// Its ASID.
    pub asid: Asid,
    /// Its nested page table.
    pub nested: NestedTable,
    /// Its pages and where they lie, in the order in which it was loaded.
    pub pages: Vec<(GuestPhysAddr, PhysAddr, PageType)>,
}

impl GuestHandle {
    /// Where the first page of a type lies in the guest: its secrets page, say.
    #[must_use]
    pub fn page_of(&self, page_type: PageType) -> Option<GuestPhysAddr> {
        self.pages.iter().find(|page| page.2 == page_type).map(|page| page.0)
    }
}

impl<'m, D: Dram> Vmm<'m, D> {
    /// A host that has this memory to give: whole pages, which are the hypervisor's now.
    #[must_use]
    pub fn new(machine: &'m Machine<D>, memory: Range<PhysAddr>) -> Self {
        let page = PAGE as u64;
        let rest = memory.start.get().next_multiple_of(page)..memory.end.get() / page * page;
        Self { machine, free: Mutex::new(Free { rest, given_back: BTreeSet::new() }) }
    }

    /// A page of the hypervisor.
    ///
    /// # Errors
    /// [`VmmError::NoMemory`]
    pub fn page(&self) -> Result<PhysAddr, VmmError> {
        let mut free = self.free();
        let page = match free.given_back.pop_last() {
            Some(page) => page,
            None if free.rest.is_empty() => return Err(VmmError::NoMemory),
            None => {
                let page = free.rest.start;
                free.rest.start += PAGE as u64;
                page
            }
        };
        PhysAddr::new(page).map_err(|_| VmmError::NoMemory)
    }

    /// A page in the state FIRMWARE.
    ///
    /// # Errors
    /// [`VmmError`]
    pub fn firmware_page(&self) -> Result<PhysAddr, VmmError> {
        self.page_as(PageAssignment::FIRMWARE)
    }

    /// A page that has been given to somebody.
    fn page_as(&self, to: PageAssignment) -> Result<PhysAddr, VmmError> {
        let page = self.page()?;
        self.assign(page, to).inspect_err(|_| self.give_back(page))?;
        Ok(page)
    }

    /// Takes a page back: from a guest that is gone, or from the firmware.
    ///
    /// # Errors
    /// [`VmmError::Free`]: nobody has it; others: it cannot be had yet.
    pub fn take_back(&self, page: PhysAddr) -> Result<(), VmmError> {
        // Nobody else takes or gets it meanwhile.
        let mut free = self.free();
        if free.has(page) {
            return Err(VmmError::Free { page });
        }
        self.reclaim(page)?;
        self.assign(page, PageAssignment::HYPERVISOR)?;
        free.given_back.insert(page.get());
        Ok(())
    }

    /// Takes pages back, also those after one that fails.
    fn take_all_back(&self, pages: impl IntoIterator<Item = PhysAddr>) -> Result<(), VmmError> {
        pages.into_iter().map(|page| self.take_back(page)).fold(Ok(()), Result::and)
    }

    /// A page of the hypervisor is free again.
    fn give_back(&self, page: PhysAddr) {
        self.free().given_back.insert(page.get());
    }

    fn free(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lends a page of the hypervisor.
    fn with_page<R>(
        &self,
        work: impl FnOnce(PhysAddr) -> Result<R, VmmError>,
    ) -> Result<R, VmmError> {
        let page = self.page()?;
        let result = work(page);
        self.give_back(page);
        result
    }

    /// Lends a page of the firmware.
    fn with_firmware_page<R>(
        &self,
        work: impl FnOnce(PhysAddr) -> Result<R, VmmError>,
    ) -> Result<R, VmmError> {
        let page = self.firmware_page()?;
        let result = work(page);
        let taken = self.take_back(page);
        result.and_then(|result| taken.map(|()| result))
    }

    /// Out of the firmware's hands: FIRMWARE to RECLAIM, PRE_GUEST and PRE_SWAP to the guest's.
    fn reclaim(&self, page: PhysAddr) -> Result<(), VmmError> {
        self.issue("SNP_PAGE_RECLAIM", &mut SnpPageReclaim { page_paddr: page.get() })
    }

    fn assign(&self, page: PhysAddr, to: PageAssignment) -> Result<(), VmmError> {
        let rmp = self.machine.rmp();
        rmp.rmpupdate(Asid::HOST, page.get(), &to.to_bytes()).map_err(VmmError::Rmp)
    }

    fn issue<C: Command>(&self, name: &'static str, command: &mut C) -> Result<(), VmmError> {
        self.machine.issue(command).map_err(|status| VmmError::Firmware { command: name, status })
    }

    /// Starts a guest: its context, its policy, its ASID, every page of the launch, and the end of the launch.
    ///
    /// # Errors
    /// [`VmmError`]: a guest that was begun is decommissioned.
    pub fn launch(
        &self,
        launch: &Launch<'_>,
        asid: Asid,
        options: &LaunchOptions<'_>,
    ) -> Result<GuestHandle, VmmError> {
        let gctx = self.firmware_page()?;
        // What failed first is what the caller wants to know, here and below.
        self.issue("SNP_GCTX_CREATE", &mut SnpGctxCreate { gctx_paddr: gctx.get() })
            .inspect_err(|_| _ = self.take_back(gctx))?;
        let mut guest =
            GuestHandle { gctx, asid, nested: NestedTable::default(), pages: Vec::new() };
        match self.load(launch, options, &mut guest) {
            Ok(()) => Ok(guest),
            Err(why) => {
                let _ = self.decommission(guest);
                Err(why)
            }
        }
    }

    fn load(
        &self,
        launch: &Launch<'_>,
        options: &LaunchOptions<'_>,
        guest: &mut GuestHandle,
    ) -> Result<(), VmmError> {
        let gctx_paddr = guest.gctx.get();
        self.issue(
            "SNP_LAUNCH_START",
            &mut SnpLaunchStart {
                gctx_paddr,
                policy: options.policy.0,
                ma_gctx_paddr: options.migration_agent.map_or(0, PhysAddr::get),
                flags: u32::from(options.migration_agent.is_some()),
                ..SnpLaunchStart::default()
            },
        )?;
        let asid = guest.asid.get();
        self.issue("SNP_ACTIVATE", &mut SnpActivate { gctx_paddr, asid })?;
        let mut failed = None;
        launch
            .updates(Generation::Snp, &mut |update| {
                if failed.is_none() {
                    failed = self.update(update, options, guest).err();
                }
            })
            .map_err(VmmError::Image)?;
        failed.map_or(Ok(()), Err)?;
        self.finish(options, guest)
    }

    /// One piece of a launch.
    fn update(
        &self,
        update: &Update<'_>,
        options: &LaunchOptions<'_>,
        guest: &mut GuestHandle,
    ) -> Result<(), VmmError> {
        let (bytes, pages) = match update.contents {
            Contents::Bytes(bytes) => (Some(bytes), (bytes.len() / PAGE) as u64),
            Contents::Pages(pages) => (None, pages),
            _ => return Err(VmmError::NoBytes { gpa: update.gpa }),
        };
        let mut cpuid = [0; PAGE];
        for number in 0..pages {
            let gpa = update.gpa.checked_add(number * PAGE as u64).ok_or(VmmError::NoMemory)?;
            let page = self.page()?;
            guest.pages.push((gpa, page, update.page_type));
            let contents = match bytes {
                Some(bytes) => bytes.chunks_exact(PAGE).nth(number as usize).unwrap_or_default(),
                None if update.page_type == PageType::Cpuid => {
                    let _ = CpuidPage::create(&mut cpuid, options.cpuid);
                    &cpuid
                }
                None => &[0; PAGE],
            };
            self.machine.host_write(page, contents).map_err(VmmError::Host)?;
            self.assign(page, PageAssignment::guest(guest.asid, gpa, PageSize::Size4K).locked())?;
            self.issue(
                "SNP_LAUNCH_UPDATE",
                &mut SnpLaunchUpdate {
                    gctx_paddr: guest.gctx.get(),
                    page_info: (update.page_type as u32) << 1,
                    page_paddr: page.get(),
                    vmpl_perms: [
                        0,
                        options.permissions.vmpl1,
                        options.permissions.vmpl2,
                        options.permissions.vmpl3,
                    ],
                },
            )?;
            // A save area is for VMRUN; the guest does not see it.
            if update.page_type != PageType::Vmsa {
                guest.nested.map(gpa, page, PageSize::Size4K);
            }
        }
        Ok(())
    }

    fn finish(&self, options: &LaunchOptions<'_>, guest: &GuestHandle) -> Result<(), VmmError> {
        let mut finish = SnpLaunchFinish {
            gctx_paddr: guest.gctx.get(),
            host_data: options.host_data,
            ..SnpLaunchFinish::default()
        };
        let Some((block, authentication, has_author)) = options.id_block else {
            return self.issue("SNP_LAUNCH_FINISH", &mut finish);
        };
        self.with_page(|block_page| {
            self.with_page(|auth_page| {
                self.machine.host_write(block_page, &block.to_bytes()).map_err(VmmError::Host)?;
                self.machine.host_write(auth_page, authentication).map_err(VmmError::Host)?;
                finish.id_block_paddr = block_page.get();
                finish.id_auth_paddr = auth_page.get();
                finish.flags = 1 | u64::from(has_author) << 1;
                self.issue("SNP_LAUNCH_FINISH", &mut finish)
            })
        })
    }

    /// Gives a guest a page more, which it has to accept (PVALIDATE).
    ///
    /// # Errors
    /// [`VmmError`]
    pub fn add_page(
        &self,
        guest: &mut GuestHandle,
        gpa: GuestPhysAddr,
    ) -> Result<PhysAddr, VmmError> {
        let page = self.page_as(PageAssignment::guest(guest.asid, gpa, PageSize::Size4K))?;
        guest.nested.map(gpa, page, PageSize::Size4K);
        guest.pages.push((gpa, page, PageType::Normal));
        Ok(page)
    }

    /// Hands a guest's message to the firmware: the bytes of the request in, those of the response's page out.
    ///
    /// # Errors
    /// [`VmmError::Firmware`]: no response was made.
    pub fn guest_request(&self, guest: &GuestHandle, request: &Page) -> Result<Page, VmmError> {
        self.with_page(|request_page| {
            self.machine.host_write(request_page, request).map_err(VmmError::Host)?;
            self.with_firmware_page(|response_page| {
                let command = &mut SnpGuestRequest {
                    gctx_paddr: guest.gctx.get(),
                    request_paddr: request_page.get(),
                    response_paddr: response_page.get(),
                };
                self.issue("SNP_GUEST_REQUEST", command)?;
                let mut response = [0; PAGE];
                self.machine.host_read(response_page, &mut response).map_err(VmmError::Host)?;
                Ok(response)
            })
        })
    }

    /// Ends a guest and takes its pages back.
    ///
    /// # Errors
    /// [`VmmError`]: what failed first. The pages that can be had are taken back nevertheless.
    pub fn decommission(&self, guest: GuestHandle) -> Result<(), VmmError> {
        let command = &mut SnpDecommission { gctx_paddr: guest.gctx.get() };
        let ended = self.issue("SNP_DECOMMISSION", command);
        let pages = guest.pages.iter().map(|page| page.1);
        ended.and(self.take_all_back(pages.chain([guest.gctx])))
    }
}

impl<D: Dram> fmt::Debug for Vmm<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vmm(..)")
    }
}

/// Why a host gets on no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VmmError {
    /// It has no page left.
    NoMemory,
    /// A page that it is to take back is free already.
    Free {
        /// Its address.
        page: PhysAddr,
    },
    /// The firmware refuses a command.
    Firmware {
        /// Its name.
        command: &'static str,
        /// Why.
        status: Status,
    },
    /// RMPUPDATE fails.
    Rmp(RmpFailure),
    /// The host's own access fails.
    Host(HostFault),
    /// The parts of the launch do not fit together.
    Image(LaunchError),
    /// The guest has no such page in memory.
    NoPage {
        /// Its address in the guest.
        gpa: GuestPhysAddr,
    },
    /// Of a piece of the launch only digests are known.
    NoBytes {
        /// Where it would lie.
        gpa: GuestPhysAddr,
    },
}

impl fmt::Display for VmmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMemory => f.write_str("the host has no page left for its guests"),
            Self::Free { page } => write!(f, "the page at {page} is free: nobody has it"),
            Self::Firmware { command, status } => write!(f, "{command}: {status}"),
            Self::Rmp(failure) => write!(f, "RMPUPDATE: {failure}"),
            Self::Host(fault) => write!(f, "the host's access: {fault}"),
            Self::Image(error) => error.fmt(f),
            Self::NoPage { gpa } => write!(f, "the guest has no page at {gpa} in memory"),
            Self::NoBytes { gpa } => {
                write!(
                    f,
                    "the launch has only digests of the pages from {gpa} on: bytes are needed to start it"
                )
            }
        }
    }
}

impl core::error::Error for VmmError {}
