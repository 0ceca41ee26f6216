//! Launches.

use core::fmt;
use std::vec::Vec;

use super::state::TSC_FACTOR;
use super::{Bus, Commands, GuestContext, LookedUp, State, check_page_address};
use crate::addr::{Asid, PAGE, Page, PageSize, PhysAddr};
use crate::hash::Workers;
use crate::image::{CpuSignature, PageType};
use crate::platform::command::{SnpLaunchFinish, SnpLaunchStart, SnpLaunchUpdate};
use crate::platform::memory::Dram;
use crate::platform::{GuestState, Machine};
use crate::rmp::{PageState, Permissions};
use crate::snp::GuestPolicy;
use crate::snp::id_block::{IdAuth, IdBlock, LaunchFinish};
use crate::snp::launch::{
    CpuidPage, CpuidTable, LaunchDigest, PageAttributes, UpdateError, VmplPermissions,
};
use crate::snp::message::Vmpck;
use crate::snp::secrets::SecretsPage;
use crate::status::Status;
use crate::vmsa::{RegisterProtection, Vmsa};
use crate::wipe::Wiped;

/// Bits of LAUNCH_START.
const MA_EN: u32 = 1 << 0;
const IMI_EN: u32 = 1 << 1;

/// Bits of LAUNCH_UPDATE.
const PAGE_SIZE: u32 = 1 << 0;
const PAGE_TYPE: u32 = 7 << 1;
const IMI_PAGE: u32 = 1 << 4;

/// Bits of LAUNCH_FINISH.
const ID_BLOCK_EN: u64 = 1 << 0;
const AUTH_KEY_EN: u64 = 1 << 1;
const VCEK_DIS: u64 = 1 << 2;

/// How many pages are in hand at a time: what a cache holds, or enough for several threads.
const PAGES_IN_HAND: usize = 64;
const PAGES_IN_HAND_OF_THREADS: usize = 1024;

impl<D: Dram> Commands<'_, D> {
    /// SNP_LAUNCH_START: INIT to LAUNCH. In this order:
    /// * an address is no page's, reserved bits: `INVALID_PARAM`
    /// * SNP is not initialised: `INVALID_PLATFORM_STATE`
    /// * memory does not have the context's page, or with MA_EN the agent's: `INVALID_ADDRESS`
    /// * the page is no context: `INVALID_GUEST`
    /// * the guest is not in INIT: `INVALID_GUEST_STATE`
    /// * with MA_EN, the agent's page is no context, or (MODEL) that of the guest itself: `INVALID_GUEST`
    /// * the policy: `POLICY_FAILURE`
    ///
    /// The policy fails where MA_EN is set without MIGRATE_MA, or the agent has an agent itself; without bit 17; without SMT where
    /// SMT is on; with an ABI version above the firmware's; with reserved bits; with SINGLE_SOCKET where the agent's has none.
    /// MODEL: so it does with MEM_AES_256_XTS, RAPL_DIS or CIPHERTEXT_HIDING_DRAM where the platform lacks that; CXL_ALLOW and
    /// PAGE_SWAP_DISABLE are taken.
    pub(super) fn snp_launch_start(&mut self, command: &mut SnpLaunchStart) -> Result<(), Status> {
        check_page_address(command.gctx_paddr)?;
        check_page_address(command.ma_gctx_paddr)?;
        if command.flags & !(MA_EN | IMI_EN) != 0 {
            return Err(Status::INVALID_PARAM);
        }
        self.check_init()?;
        let page = self.bus.look_up(command.gctx_paddr)?;
        let agent_page = match command.flags & MA_EN {
            0 => None,
            _ => Some(self.bus.look_up(command.ma_gctx_paddr)?),
        };
        if self.context(&page)?.state != GuestState::Init {
            return Err(Status::INVALID_GUEST_STATE);
        }
        let agent = match &agent_page {
            Some(agent) if agent.page == page.page => return Err(Status::INVALID_GUEST),
            Some(agent) => Some(self.context(agent)?),
            None => None,
        };
        let agent = agent.map(|agent| Agent {
            policy: agent.policy,
            has_agent: agent.migration_agent.is_some(),
            report_id: agent.report_id,
        });
        let policy = GuestPolicy(command.policy);
        if !self.state.allows(policy, agent.as_ref()) {
            return Err(Status::POLICY_FAILURE);
        }

        let oek = self.state.draw_secret();
        let mut vmpcks = Wiped::new([[0; 32]; 4]);
        vmpcks.iter_mut().for_each(|vmpck| self.state.random.fill_bytes(vmpck));
        let vmrk = self.state.draw_secret();
        let mut report_id = [0; 32];
        self.state.random.fill_bytes(&mut report_id);

        let guest = self.context(&page)?;
        guest.state = GuestState::Launch;
        guest.policy = policy;
        guest.oek = oek;
        *guest.vmpcks = *vmpcks;
        guest.vmrk = vmrk;
        guest.report_id = report_id;
        guest.report_id_ma = agent.map_or([0xff; 32], |agent| agent.report_id);
        guest.migration_agent = agent_page.map(|agent| agent.page.get());
        guest.imi_en = command.flags & IMI_EN != 0;
        guest.desired_tsc_freq = command.desired_tsc_freq;
        guest.gosvw = command.gosvw;
        Ok(())
    }

    /// SNP_LAUNCH_UPDATE: a page is measured, enciphered where it stands, and the guest's. In this order:
    /// * an address is no page's, reserved bits: `INVALID_PARAM`
    /// * SNP is not initialised: `INVALID_PLATFORM_STATE`
    /// * memory does not have a page: `INVALID_ADDRESS`
    /// * the context's page is none: `INVALID_GUEST`
    /// * the page is not PRE_GUEST: `INVALID_PAGE_STATE`
    /// * it has another size: `INVALID_PAGE_SIZE`; a page of 2 MiB is not aligned: `INVALID_ADDRESS`; one of type VMSA, SECRETS or CPUID is
    ///   not one of 4 KiB: `INVALID_PAGE_SIZE`
    /// * there is no such type: `INVALID_PARAM`
    /// * the guest is not in LAUNCH: `INVALID_GUEST_STATE`; it has no ASID: `INACTIVE`; the page has another one: `INVALID_PAGE_OWNER`
    /// * the guest has IMI_EN, and the page no IMI_PAGE: `INVALID_PARAM`
    /// * a CPUID page with values that are not acceptable: `INVALID_PARAM`. The page then holds acceptable values, in clear. MODEL: it stays as
    ///   it is if it says that it has more than 64 entries.
    ///
    /// MODEL: every product has Genoa's table of CPUID values and list of protected registers, as only these are published. The
    /// nonce of a save area is drawn from the random number generator.
    pub(super) fn snp_launch_update(
        &mut self,
        command: &mut SnpLaunchUpdate,
    ) -> Result<(), Status> {
        let info = command.page_info;
        let [none, vmpl1, vmpl2, vmpl3] = command.vmpl_perms;
        check_page_address(command.gctx_paddr)?;
        check_page_address(command.page_paddr)?;
        if info & !(PAGE_SIZE | PAGE_TYPE | IMI_PAGE) != 0 || none != 0 {
            return Err(Status::INVALID_PARAM);
        }
        let size = if info & PAGE_SIZE == 0 { PageSize::Size4K } else { PageSize::Size2M };
        let page_type = page_type((info & PAGE_TYPE) >> 1);
        let is_imi = info & IMI_PAGE != 0;
        let permissions = VmplPermissions { vmpl1, vmpl2, vmpl3 };
        let page = (command.page_paddr, size);
        let target = self.check_update(command.gctx_paddr, page, page_type, is_imi)?;
        self.update(&target, is_imi, permissions)
    }

    /// The checks behind those of reserved bits.
    fn check_update(
        &mut self,
        gctx_paddr: u64,
        (page_paddr, size): (u64, PageSize),
        page_type: Option<PageType>,
        is_imi: bool,
    ) -> Result<Target, Status> {
        self.check_init()?;
        let context = self.bus.look_up(gctx_paddr)?;
        let page = self.bus.look_up(page_paddr)?;
        // There may be holes in it.
        let memory_has_all = self.bus.check_range(page_paddr, size.bytes()).map(|_| ());
        let guest = self.context(&context)?;
        if page.state != PageState::PreGuest {
            return Err(Status::INVALID_PAGE_STATE);
        }
        if !page.has_size(size) {
            return Err(Status::INVALID_PAGE_SIZE);
        }
        if !page_paddr.is_multiple_of(size.bytes() as u64) {
            return Err(Status::INVALID_ADDRESS);
        }
        memory_has_all?;
        let is_small =
            matches!(page_type, Some(PageType::Vmsa | PageType::Secrets | PageType::Cpuid));
        if is_small && size != PageSize::Size4K {
            return Err(Status::INVALID_PAGE_SIZE);
        }
        let page_type = page_type.ok_or(Status::INVALID_PARAM)?;
        if guest.state != GuestState::Launch {
            return Err(Status::INVALID_GUEST_STATE);
        }
        let asid = guest.asid.ok_or(Status::INACTIVE)?;
        if page.entry.asid() != asid {
            return Err(Status::INVALID_PAGE_OWNER);
        }
        if guest.imi_en && !is_imi {
            return Err(Status::INVALID_PARAM);
        }
        Ok(Target { context, page, asid, size, page_type })
    }

    /// Measures a page that was checked, enciphers it and gives it to the guest.
    fn update(
        &mut self,
        target: &Target,
        imi: bool,
        permissions: VmplPermissions,
    ) -> Result<(), Status> {
        let attributes = PageAttributes { page_type: target.page_type, imi, permissions };
        let mut digest = self.context(&target.context)?.digest.clone();
        let (gpa, pages) = (target.page.entry.gpa(), (target.size.bytes() / PAGE) as u64);
        let paddr = target.page.page.get();
        match target.page_type {
            PageType::Normal => {
                let mut text = std::vec![0; target.size.bytes()];
                let pages: Vec<_> =
                    (0..text.len()).step_by(PAGE).map(|at| target.page.page.offset(at)).collect();
                let change = (&target.page, launched(target, permissions));
                self.bus.change_all([change], || self.bus.take(target.asid, &pages, &mut text))?;
                let backend = self.state.backend;
                digest.update_bytes(backend, attributes, gpa, &text, &mut |_| {})
            }
            PageType::Unmeasured => {
                self.bus.change(&target.page, launched(target, permissions))?;
                self.bus.encrypt_in_place(target.asid, paddr, target.size.bytes())?;
                digest.update_pages(attributes, gpa, pages, &mut |_| {})
            }
            PageType::Zero => {
                self.bus.change(&target.page, launched(target, permissions))?;
                for offset in (0..target.size.bytes() as u64).step_by(PAGE) {
                    self.bus.write_guest(target.asid, paddr + offset, &[0; PAGE])?;
                }
                digest.update_pages(attributes, gpa, pages, &mut |_| {})
            }
            PageType::Vmsa | PageType::Secrets | PageType::Cpuid => {
                self.update_special(target, attributes, &mut digest)?;
                Ok(())
            }
        }
        // The GPA of an entry has 51 bits: there is no such error.
        .map_err(|error: UpdateError| error.status())?;
        self.context(&target.context)?.digest = digest;
        Ok(())
    }

    /// The same for a page whose contents are the firmware's business, but for the digest in the context.
    fn update_special(
        &mut self,
        target: &Target,
        attributes: PageAttributes,
        digest: &mut LaunchDigest,
    ) -> Result<(), Status> {
        let (paddr, gpa) = (target.page.page.get(), target.page.entry.gpa());
        let mut text = Wiped::new([0; PAGE]);
        self.bus.read(paddr, &mut text[..])?;
        if attributes.page_type == PageType::Cpuid {
            self.check_cpuid_page(paddr, &mut text)?;
        }
        digest
            .update_bytes(self.state.backend, attributes, gpa, &text[..], &mut |_| {})
            .map_err(|error| error.status())?;
        match attributes.page_type {
            PageType::Vmsa => {
                let vmsa = self.prepare_vmsa(&target.context, Vmsa::from_bytes(&text))?;
                *text = *vmsa.as_bytes();
            }
            PageType::Secrets => {
                let fms = self.state.signature().0;
                self.context(&target.context)?.write_secrets(fms, SecretsPage::create(&mut text));
            }
            _ => {}
        }
        self.bus.change(&target.page, launched(target, attributes.permissions))?;
        self.bus.write_guest(target.asid, paddr, &text[..])
    }

    /// Checks a CPUID page. One that fails is written back.
    fn check_cpuid_page(&self, paddr: u64, text: &mut Page) -> Result<(), Status> {
        let mut cpuid = CpuidPage::open(text).map_err(|_| Status::INVALID_PARAM)?;
        let status = cpuid.check(&CpuidTable::GENOA, self.state.signature(), &mut |_| {});
        if !status.is_success() {
            self.bus.write(paddr, text)?;
        }
        status.ok()
    }

    /// What the firmware writes into a save area that was measured.
    fn prepare_vmsa(&mut self, context: &LookedUp, mut vmsa: Vmsa) -> Result<Vmsa, Status> {
        if vmsa.sev_features().secure_tsc() {
            let guest = self.context(context)?;
            vmsa.set_guest_tsc_scale(guest.tsc_scale());
            vmsa.set_guest_tsc_offset(guest.tsc_offset);
        }
        vmsa.prepare_snp();
        if vmsa.sev_features().vmsa_reg_prot() {
            let mut nonce = Wiped::new([0; 8]);
            self.state.random.fill_bytes(&mut *nonce);
            RegisterProtection::GENOA.launch(&mut vmsa, u64::from_le_bytes(*nonce));
        }
        Ok(vmsa)
    }

    /// Commands SNP_LAUNCH_UPDATE for pages one after the other: [`Machine::launch_update_pages`].
    fn launch_update_pages(
        &mut self,
        gctx_paddr: u64,
        pages: &[(u64, PageSize)],
        attributes: PageAttributes,
        workers: Workers,
    ) -> Result<(), LaunchPagesError> {
        let PageAttributes { page_type, imi, permissions } = attributes;
        let in_hand = match workers.threads() {
            1 => PAGES_IN_HAND,
            _ => PAGES_IN_HAND_OF_THREADS,
        };
        let mut texts = std::vec![0; in_hand.min(pages.len()) * PAGE];
        let mut checked: Vec<Target> = Vec::with_capacity(in_hand.min(pages.len()));
        let mut rest = pages.iter().enumerate().peekable();
        while let Some(&(first, _)) = rest.peek() {
            checked.clear();
            let mut failed = None;
            let mut alone = None;
            while let Some((index, page)) = rest.next_if(|(_, page)| {
                // A page that stands twice in the list is checked when it is the guest's.
                checked.len() < in_hand
                    && checked.last().is_none_or(|it| it.page.page.get() < page.0)
            }) {
                let target = check_page_address(gctx_paddr)
                    .and_then(|()| check_page_address(page.0))
                    .and_then(|()| self.check_update(gctx_paddr, *page, Some(page_type), imi));
                match target {
                    Ok(target) if target.can_wait() => checked.push(target),
                    Ok(target) => alone = Some((index, target)),
                    Err(status) => failed = Some(LaunchPagesError { index, status }),
                }
                if failed.is_some() || alone.is_some() {
                    break;
                }
            }
            self.launch(&checked, &mut texts, attributes, workers)
                .map_err(|(place, status)| LaunchPagesError { index: first + place, status })?;
            if let Some((index, target)) = alone {
                self.update(&target, imi, permissions)
                    .map_err(|status| LaunchPagesError { index, status })?;
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Gives pages of 4 KiB that were checked to the guest, enciphered and measured, side by side. `texts` has room for each.
    ///
    /// # Errors
    /// What happens to the page of this place; those before it are launched.
    fn launch(
        &mut self,
        checked: &[Target],
        texts: &mut [u8],
        attributes: PageAttributes,
        workers: Workers,
    ) -> Result<(), (usize, Status)> {
        let Some(first) = checked.first() else { return Ok(()) };
        let pages: Vec<PhysAddr> = checked.iter().map(|target| target.page.page).collect();
        let texts = &mut texts[..checked.len() * PAGE];
        let share = pages.len().div_ceil(workers.threads()).max(PAGES_IN_HAND);
        let changes = checked.iter().map(|it| (&it.page, launched(it, attributes.permissions)));
        // Nobody has the pages meanwhile.
        let given = self.bus.change_all(changes, || {
            workers.each_part(pages.chunks(share).zip(texts.chunks_mut(share * PAGE)), |part| {
                self.bus.take(first.asid, part.0, part.1)
            })
        });
        match (given, checked) {
            (Ok(()), _) => {}
            (Err(status), [_]) => return Err((0, status)),
            // One of them cannot be changed now: one after the other.
            (Err(_), _) => {
                return checked.iter().enumerate().try_for_each(|(place, target)| {
                    self.launch(core::slice::from_ref(target), texts, attributes, workers)
                        .map_err(|(_, status)| (place, status))
                });
            }
        }
        let digest = &mut self.context(&first.context).map_err(|status| (0, status))?.digest;
        let mut result = Ok(());
        let mut gpas = checked.iter().map(|target| target.page.entry.gpa());
        workers.each_page(texts, &mut |contents| {
            if let Some(gpa) = gpas.next() {
                let contents = core::slice::from_ref(contents);
                result = result.and(digest.update_digests(attributes, gpa, contents, &mut |_| {}));
            }
        });
        result.map_err(|error| (0, error.status()))
    }

    /// SNP_LAUNCH_FINISH: LAUNCH to RUNNING. In this order:
    /// * the context's address is no page's, reserved bits: `INVALID_PARAM`
    /// * SNP is not initialised: `INVALID_PLATFORM_STATE`
    /// * memory does not have the context's page, or with ID_BLOCK_EN (MODEL) the ID block or its authentication: `INVALID_ADDRESS`
    /// * the page is no context: `INVALID_GUEST`
    /// * the guest is not in LAUNCH, or has IMI_EN: `INVALID_GUEST_STATE`; it has no ASID: `INACTIVE`
    /// * with ID_BLOCK_EN, the checks of [`LaunchFinish`]. Where the author key's fail, the ID block and the digest of the ID key stay in the
    ///   context, as in the published firmware.
    pub(super) fn snp_launch_finish(
        &mut self,
        command: &mut SnpLaunchFinish,
    ) -> Result<(), Status> {
        check_page_address(command.gctx_paddr)?;
        let flags = command.flags;
        if flags & !(ID_BLOCK_EN | AUTH_KEY_EN | VCEK_DIS) != 0 {
            return Err(Status::INVALID_PARAM);
        }
        self.check_init()?;
        let page = self.bus.look_up(command.gctx_paddr)?;
        let (mut id_block, mut id_auth) = ([0; IdBlock::LEN], [0; PAGE]);
        if flags & ID_BLOCK_EN != 0 {
            self.bus.read(command.id_block_paddr, &mut id_block)?;
            self.bus.read(command.id_auth_paddr, &mut id_auth)?;
        }
        let guest = self.context(&page)?;
        if guest.state != GuestState::Launch || guest.imi_en {
            return Err(Status::INVALID_GUEST_STATE);
        }
        if guest.asid.is_none() {
            return Err(Status::INACTIVE);
        }
        let finish = LaunchFinish {
            launch_digest: guest.digest.digest(),
            policy: guest.policy,
            id_block: (flags & ID_BLOCK_EN != 0)
                .then(|| (IdBlock::from_bytes(&id_block), IdAuth::from_bytes(&id_auth))),
            auth_key_en: flags & AUTH_KEY_EN != 0,
        };
        guest.identity.finish(&finish).map_err(|error| error.status())?;
        guest.vcek_dis = flags & VCEK_DIS != 0;
        guest.host_data = command.host_data;
        guest.state = GuestState::Running;
        Ok(())
    }
}

/// A page that LAUNCH_UPDATE has checked.
struct Target {
    context: LookedUp,
    page: LookedUp,
    asid: Asid,
    size: PageSize,
    page_type: PageType,
}

/// What LAUNCH_START looks at of a migration agent.
struct Agent {
    policy: GuestPolicy,
    has_agent: bool,
    report_id: [u8; 32],
}

/// The type with a number.
fn page_type(number: u32) -> Option<PageType> {
    use PageType::{Cpuid, Normal, Secrets, Unmeasured, Vmsa, Zero};
    let mut all = [Normal, Vmsa, Zero, Unmeasured, Secrets, Cpuid].into_iter();
    all.find(|page_type| *page_type as u32 == number)
}

/// The entry of a page behind LAUNCH_UPDATE.
fn launched(target: &Target, permissions: VmplPermissions) -> crate::rmp::Entry {
    let VmplPermissions { vmpl1, vmpl2, vmpl3 } = permissions;
    let permissions = [vmpl1, vmpl2, vmpl3].map(Permissions);
    target.page.entry.into_launched(permissions, target.page_type == PageType::Vmsa)
}

impl Target {
    /// Whether it can be measured later, with others: a page of 4 KiB whose contents are measured and stay as they are.
    fn can_wait(&self) -> bool {
        self.size == PageSize::Size4K && self.page_type == PageType::Normal
    }
}

impl<D: Dram> Bus<'_, D> {
    /// Reads pages, and writes what was read with the guest's key. It is to be measured: whatever somebody writes to memory
    /// meanwhile.
    fn take(&self, asid: Asid, pages: &[PhysAddr], texts: &mut [u8]) -> Result<(), Status> {
        for (page, text) in pages.iter().zip(texts.chunks_mut(PAGE)) {
            self.read(page.get(), text)?;
        }
        self.write_guest_pages(asid, pages, texts)
    }
}

impl State {
    /// What the processor says in CPUID Fn0000_0001 EAX.
    pub(crate) fn signature(&self) -> CpuSignature {
        let cpu = self.chip.cpu();
        let parts = [cpu.family, cpu.model, cpu.stepping].map(u32::from);
        let [family, model, stepping] = parts;
        CpuSignature::from_parts(family, model, stepping).unwrap_or(CpuSignature(0))
    }

    /// Whether a guest may have a policy, and an agent.
    fn allows(&self, policy: GuestPolicy, agent: Option<&Agent>) -> bool {
        let agent_fits = agent.is_none_or(|agent| {
            policy.migrate_ma()
                && !agent.has_agent
                && (!policy.single_socket() || agent.policy.single_socket())
        });
        let abi = (self.versions.current.major, self.versions.current.minor);
        agent_fits
            && policy.reserved_one()
            && (policy.smt() || !self.facts.smt)
            && (policy.abi_major(), policy.abi_minor()) <= abi
            && policy.unknown_bits() == 0
            && (!policy.mem_aes_256_xts() || self.facts.xts_256)
            && (!policy.rapl_dis() || self.snp.rapl_dis)
            && (!policy.ciphertext_hiding_dram() || self.snp.ciphertext_hiding)
    }
}

impl GuestContext {
    /// Fills a secrets page.
    fn write_secrets(&self, fms: u32, mut page: SecretsPage<'_>) {
        page.set_imi_en(self.imi_en);
        page.set_fms(fms);
        page.set_gosvw(&self.gosvw);
        let vmpcks = [Vmpck::VMPCK0, Vmpck::VMPCK1, Vmpck::VMPCK2, Vmpck::VMPCK3];
        for (vmpck, key) in vmpcks.into_iter().zip(&*self.vmpcks) {
            page.set_vmpck(vmpck, key);
        }
        page.set_vmsa_tweak_bitmap(RegisterProtection::GENOA.bitmap());
        page.set_tsc_factor(TSC_FACTOR);
    }
}

/// Which page of a list could not be launched, and what the firmware says of it. The pages before it are launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaunchPagesError {
    /// Its place in the list, from 0.
    pub index: usize,
    /// The status of its command.
    pub status: Status,
}

impl fmt::Display for LaunchPagesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page {} of the list: SNP_LAUNCH_UPDATE says {}", self.index, self.status)
    }
}

impl core::error::Error for LaunchPagesError {}

impl<D: Dram> Machine<D> {
    /// Launches pages: a command SNP_LAUNCH_UPDATE for each (its system physical address and size), as a ring buffer would hold them. Each is
    /// checked and changed as by its own command, in order. Pages of 4 KiB whose contents are measured are hashed side by side, by
    /// as many threads as there are workers.
    ///
    /// # Errors
    /// [`LaunchPagesError`]: the first page whose command fails, and its status.
    pub fn launch_update_pages(
        &self,
        gctx_paddr: u64,
        pages: &[(u64, PageSize)],
        attributes: impl Into<PageAttributes>,
        workers: impl Into<Workers>,
    ) -> Result<(), LaunchPagesError> {
        let mut state = self.lock();
        let mut commands = Commands { bus: Bus(self), state: &mut state };
        commands.launch_update_pages(gctx_paddr, pages, attributes.into(), workers.into())
    }
}
