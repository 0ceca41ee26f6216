//! What a VMM does at launch, as data: the reset states of its vCPUs and the order of its pages.

use core::fmt;

use super::{CpuSignature, PageType};
use crate::addr::GuestPhysAddr;
use crate::vmsa::{Segment, SevFeatures, Vmsa};

/// A VMM of some time, as far as a launch digest depends on it.
///
/// The built-in ones are in [`ALL`](Self::ALL). Another VMM's profile begins with the nearest of them:
///
/// ```
/// use sevcrypt::GuestPhysAddr;
/// use sevcrypt::image::{CpuSignature, PageType, Profile};
/// use sevcrypt::vmsa::SevFeatures;
///
/// const MINE: Profile = {
///     let mut profile = Profile::QEMU;
///     profile.name = "mine";
///     profile.version = "in house";
///     profile.section_memory = PageType::Unmeasured;
///     profile.bsp.rsi = 0x7000;
///     profile
/// };
///
/// let vmsa = MINE.vmsa(Profile::RESET_VECTOR, true, CpuSignature(0x00a0_0f11), SevFeatures::SNP_ACTIVE);
/// assert_eq!((vmsa.rip(), vmsa.rdx(), vmsa.rsi()), (0xfff0, 0x00a0_0f11, 0x7000));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// What it is called, as the program's `--vmm` takes it.
    pub name: &'static str,
    /// Of which version of the VMM this holds, and who says so.
    pub version: &'static str,
    /// How the vCPU begins that boots.
    pub bsp: ResetState,
    /// How the other ones begin.
    pub ap: ResetState,
    /// How every vCPU begins where an SVSM boots before the firmware; `None` if nobody has measured that with this VMM.
    pub svsm: Option<ResetState>,
    /// What becomes of OVMF's SEC_MEM sections: [`PageType::Zero`] or [`PageType::Unmeasured`].
    pub section_memory: PageType,
    /// Whether CPUID pages are loaded behind all other sections, and not in the order of OVMF's metadata.
    pub cpuid_last: bool,
    /// Where save areas stand in the guest (SEV-SNP). KVM: [`KVM_VMSA_GPA`](Self::KVM_VMSA_GPA).
    pub vmsa_gpa: GuestPhysAddr,
}

impl Profile {
    /// Where an x86 processor begins after reset: EIP of the vCPU that boots.
    pub const RESET_VECTOR: u32 = 0xffff_fff0;

    /// Where Linux' KVM has the save areas of all guests on all processors: the last page below 2^48.
    ///
    /// Google's verifier (gce-tcb-verifier) takes the last page of the processor's address space in its place, which is
    /// the same on Milan and FFFF_FFFF_FF000h on Genoa: set [`vmsa_gpa`](Self::vmsa_gpa) to compare with it.
    pub const KVM_VMSA_GPA: GuestPhysAddr = match GuestPhysAddr::new(0xffff_ffff_f000) {
        Ok(gpa) => gpa,
        Err(_) => panic!("is below 2^52"),
    };

    /// QEMU on Linux' KVM, a guest made with KVM_SEV_INIT2: every SEV-SNP guest of upstream kernels, and SEV-ES guests that
    /// are not of the legacy type.
    ///
    /// Equal to sev-snp-measure 0.0.10 and later, and to the crate `sev` 8.0.0.
    pub const QEMU: Self = Self {
        name: "qemu",
        version: "KVM_SEV_INIT2",
        bsp: ResetState::QEMU,
        ap: ResetState::QEMU,
        svsm: Some(ResetState::QEMU_SVSM),
        section_memory: PageType::Zero,
        cpuid_last: false,
        vmsa_gpa: Self::KVM_VMSA_GPA,
    };

    /// QEMU on Linux' KVM, an SEV-ES guest made with KVM_SEV_ES_INIT (QEMU's `legacy-vm-type=on`), or an SEV-SNP guest
    /// on AMD's own kernels before 6.9: MXCSR and the x87 control word are 0.
    ///
    /// Equal to the page of a real SEV-ES launch.
    pub const QEMU_LEGACY_VM_TYPE: Self = {
        let mut profile = Self::QEMU;
        profile.name = "qemu-legacy-vm-type";
        profile.version = "KVM_SEV_ES_INIT, or AMD's own kernels before 6.9";
        profile.bsp = ResetState::QEMU_LEGACY_VM_TYPE;
        profile.ap = ResetState::QEMU_LEGACY_VM_TYPE;
        // No tool and no launch is known.
        profile.svsm = None;
        profile
    };

    /// Amazon EC2.
    ///
    /// Equal to sev-snp-measure 0.0.13, whose authors compared it with a real launch (c6a.xlarge, April 2026).
    pub const EC2: Self = Self {
        name: "ec2",
        version: "2026, sev-snp-measure 0.0.13",
        bsp: ResetState::EC2_BSP,
        ap: ResetState::EC2_AP,
        svsm: None,
        section_memory: PageType::Zero,
        cpuid_last: true,
        vmsa_gpa: Self::KVM_VMSA_GPA,
    };

    /// Amazon EC2 as it was until 2025: RDX is 0.
    ///
    /// MODEL: equal to sev-snp-measure 0.0.11 and 0.0.12 and to the crate `sev` 8.0.0; when EC2 changed is not known.
    pub const EC2_2025: Self = {
        let mut profile = Self::EC2;
        profile.name = "ec2-2025";
        profile.version = "until 2025, sev-snp-measure 0.0.12";
        profile.bsp.rdx = ResetRdx::Fixed(0);
        profile.ap.rdx = ResetRdx::Fixed(0);
        profile
    };

    /// Google Compute Engine.
    ///
    /// MODEL: equal to sev-snp-measure 0.0.13, not compared with a real launch.
    pub const GCE: Self = Self {
        name: "gce",
        version: "2025, sev-snp-measure 0.0.13",
        bsp: ResetState::GCE,
        ap: ResetState::GCE,
        svsm: None,
        section_memory: PageType::Unmeasured,
        cpuid_last: false,
        vmsa_gpa: Self::KVM_VMSA_GPA,
    };

    /// libkrun.
    ///
    /// MODEL: equal to the launch digests of the crate `sev` 8.0.0, not compared with a real launch.
    pub const KRUN: Self = Self {
        name: "krun",
        version: "launch digests of the crate sev 8.0.0",
        bsp: ResetState::KRUN,
        ap: ResetState::KRUN,
        svsm: None,
        section_memory: PageType::Zero,
        cpuid_last: false,
        vmsa_gpa: Self::KVM_VMSA_GPA,
    };

    /// libkrun with a stack and the address of Linux' boot parameters in the registers of the vCPU that boots.
    ///
    /// MODEL: the crate `sev` 8.0.0 makes this save area for vCPU 0 if it is asked for the page, but its launch digests do
    /// not have it. Not compared with a real launch.
    pub const KRUN_BOOT_REGISTERS: Self = {
        let mut profile = Self::KRUN;
        profile.name = "krun-boot-registers";
        profile.version = "save areas of the crate sev 8.0.0";
        profile.bsp.rsp = 0x8ff0;
        profile.bsp.rbp = 0x8ff0;
        profile.bsp.rsi = 0x7000;
        profile
    };

    /// The built-in ones.
    pub const ALL: &[Self] = &[
        Self::QEMU,
        Self::QEMU_LEGACY_VM_TYPE,
        Self::EC2,
        Self::EC2_2025,
        Self::GCE,
        Self::KRUN,
        Self::KRUN_BOOT_REGISTERS,
    ];

    /// The built-in one with this name, in any case.
    ///
    /// # Errors
    /// [`UnknownProfile`], which lists the known names.
    ///
    /// ```
    /// use sevcrypt::image::Profile;
    ///
    /// assert!(Profile::by_name("ec2")?.cpuid_last);
    /// assert_eq!(
    ///     Profile::by_name("azure").unwrap_err().to_string(),
    ///     "no VMM has this name; known are qemu, qemu-legacy-vm-type, ec2, ec2-2025, gce, krun, krun-boot-registers",
    /// );
    /// # Ok::<(), sevcrypt::image::UnknownProfile>(())
    /// ```
    pub fn by_name(name: &str) -> Result<&'static Self, UnknownProfile> {
        let mut all = Self::ALL.iter();
        all.find(|known| known.name.eq_ignore_ascii_case(name)).ok_or(UnknownProfile)
    }

    /// The save area of a vCPU at launch.
    ///
    /// `eip` is where it begins: [`RESET_VECTOR`](Self::RESET_VECTOR) for the one that boots, the address in OVMF's reset
    /// block for the other ones. One of these that begins at the reset vector, too, has the state of the one that boots,
    /// as measuring tools have it.
    ///
    /// SEV-ES guests have the same save areas with features 0.
    ///
    /// ```
    /// use sevcrypt::image::{CpuSignature, Profile};
    /// use sevcrypt::vmsa::SevFeatures;
    ///
    /// let naples = CpuSignature(0x0080_0f12);
    /// let ap = Profile::QEMU.vmsa(0x0080_b004, false, naples, SevFeatures::SNP_ACTIVE);
    /// assert_eq!((ap.cs().base, ap.rip()), (0x0080_0000, 0xb004));
    ///
    /// let ec2 = Profile::EC2.vmsa(0x0080_b004, false, naples, SevFeatures::SNP_ACTIVE);
    /// let different: Vec<_> = ap.differences(&ec2).map(|it| it.field.to_string()).collect();
    /// assert_eq!(different, ["SS", "TR", "RDX", "MXCSR", "X87_FCW"]);
    /// ```
    #[must_use]
    pub fn vmsa(&self, eip: u32, is_bsp: bool, cpu: CpuSignature, features: SevFeatures) -> Vmsa {
        let state = if is_bsp || eip == Self::RESET_VECTOR { &self.bsp } else { &self.ap };
        state.vmsa(eip, cpu, features)
    }

    /// The save area of every vCPU of a guest whose SVSM begins at `entry` (SEV-SNP); `None` if nobody has measured that
    /// with this VMM.
    ///
    /// SEV_FEATURES is [`SevFeatures::SNP_ACTIVE`] whatever the guest behind the SVSM runs with. MODEL: so
    /// sev-snp-measure has it, and x87's control word 0, for COCONUT under QEMU.
    #[must_use]
    pub fn svsm_vmsa(&self, entry: u32, cpu: CpuSignature) -> Option<Vmsa> {
        self.svsm.as_ref().map(|state| state.vmsa(entry, cpu, SevFeatures::SNP_ACTIVE))
    }
}

/// The registers of a vCPU that has not begun to run. Those that have no field here are zero.
///
/// The base of CS and RIP come from EIP: see [`Entry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "registers, by AMD's names")]
pub struct ResetState {
    pub es: Segment,
    pub cs: Segment,
    pub ss: Segment,
    pub ds: Segment,
    pub fs: Segment,
    pub gs: Segment,
    pub gdtr: Segment,
    pub ldtr: Segment,
    pub idtr: Segment,
    pub tr: Segment,
    /// How EIP is split over CS and RIP.
    pub entry: Entry,
    pub efer: u64,
    pub cr0: u64,
    pub cr3: u64,
    pub cr4: u64,
    pub dr6: u64,
    pub dr7: u64,
    pub rflags: u64,
    pub rax: u64,
    pub rbx: u64,
    pub rcx: u64,
    /// RDX, which is not zero after reset.
    pub rdx: ResetRdx,
    pub rsi: u64,
    pub rdi: u64,
    pub rbp: u64,
    pub rsp: u64,
    pub g_pat: u64,
    pub xcr0: u64,
    pub mxcsr: u32,
    pub x87_fcw: u16,
}

/// How a vCPU finds its first instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// As after reset: the upper half of EIP is the base of CS, the lower half is RIP.
    RealMode,
    /// RIP is EIP; the base of CS is the one that is given.
    Flat,
}

/// What RDX holds before the first instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetRdx {
    /// The signature of the vCPU's type, as a processor has it after reset.
    Signature,
    /// This number, whatever the vCPU's type.
    Fixed(u64),
}

/// A segment of 64 KiB from 0, as after reset.
const fn real_mode(attributes: u16) -> Segment {
    Segment { selector: 0, attributes, limit: 0xffff, base: 0 }
}

impl ResetState {
    /// See [`Profile::QEMU`]. What is here and in no comment is AMD's reset state (APM volume 2, Table 14-1), with
    /// EFER.SVME and CR4.MCE set by KVM.
    pub const QEMU: Self = Self {
        es: real_mode(0x93),
        cs: Segment { selector: 0xf000, attributes: 0x9b, limit: 0xffff, base: 0 },
        ss: real_mode(0x93),
        ds: real_mode(0x93),
        fs: real_mode(0x93),
        gs: real_mode(0x93),
        gdtr: real_mode(0),
        ldtr: real_mode(0x82),
        idtr: real_mode(0),
        tr: real_mode(0x8b),
        entry: Entry::RealMode,
        efer: 0x1000,
        cr0: 0x10,
        cr3: 0,
        cr4: 0x40,
        dr6: 0xffff_0ff0,
        dr7: 0x400,
        rflags: 2,
        rax: 0,
        rbx: 0,
        rcx: 0,
        rdx: ResetRdx::Signature,
        rsi: 0,
        rdi: 0,
        rbp: 0,
        rsp: 0,
        g_pat: 0x0007_0406_0007_0406,
        xcr0: 1,
        mxcsr: 0x1f80,
        x87_fcw: 0x37f,
    };

    /// See [`Profile::QEMU_LEGACY_VM_TYPE`].
    pub const QEMU_LEGACY_VM_TYPE: Self = Self { mxcsr: 0, x87_fcw: 0, ..Self::QEMU };

    /// See [`Profile::svsm_vmsa`]: protected mode with flat segments of 4 GiB.
    pub const QEMU_SVSM: Self = {
        const DATA: Segment =
            Segment { selector: 0x10, attributes: 0xc93, limit: 0xffff_ffff, base: 0 };
        Self {
            es: DATA,
            cs: Segment { selector: 8, attributes: 0xc9b, limit: 0xffff_ffff, base: 0 },
            ss: DATA,
            ds: DATA,
            fs: DATA,
            entry: Entry::Flat,
            cr0: 0x11,
            x87_fcw: 0,
            ..Self::QEMU
        }
    };

    /// See [`Profile::EC2`]: the vCPU that boots.
    pub const EC2_BSP: Self = Self {
        cs: Segment { attributes: 0x9a, ..Self::QEMU.cs },
        ss: real_mode(0x92),
        tr: real_mode(0x83),
        rdx: ResetRdx::Fixed(0x600),
        ..Self::QEMU_LEGACY_VM_TYPE
    };

    /// See [`Profile::EC2`]: the other vCPUs.
    pub const EC2_AP: Self = Self { cs: Self::QEMU.cs, ..Self::EC2_BSP };

    /// See [`Profile::GCE`].
    pub const GCE: Self =
        Self { rdx: ResetRdx::Fixed(0x600), g_pat: 0x0007_0106, ..Self::QEMU_LEGACY_VM_TYPE };

    /// See [`Profile::KRUN`].
    pub const KRUN: Self = Self { rdx: ResetRdx::Fixed(0), ..Self::EC2_BSP };

    /// The save area of a vCPU that begins at `eip`.
    fn vmsa(&self, eip: u32, cpu: CpuSignature, features: SevFeatures) -> Vmsa {
        let (cs_base, rip) = match self.entry {
            Entry::RealMode => (u64::from(eip & 0xffff_0000), u64::from(eip & 0xffff)),
            Entry::Flat => (self.cs.base, u64::from(eip)),
        };
        let mut vmsa = Vmsa::ZERO;
        vmsa.set_es(self.es);
        vmsa.set_cs(Segment { base: cs_base, ..self.cs });
        vmsa.set_ss(self.ss);
        vmsa.set_ds(self.ds);
        vmsa.set_fs(self.fs);
        vmsa.set_gs(self.gs);
        vmsa.set_gdtr(self.gdtr);
        vmsa.set_ldtr(self.ldtr);
        vmsa.set_idtr(self.idtr);
        vmsa.set_tr(self.tr);
        vmsa.set_efer(self.efer);
        vmsa.set_cr0(self.cr0);
        vmsa.set_cr3(self.cr3);
        vmsa.set_cr4(self.cr4);
        vmsa.set_dr6(self.dr6);
        vmsa.set_dr7(self.dr7);
        vmsa.set_rflags(self.rflags);
        vmsa.set_rip(rip);
        vmsa.set_rax(self.rax);
        vmsa.set_rbx(self.rbx);
        vmsa.set_rcx(self.rcx);
        vmsa.set_rdx(match self.rdx {
            ResetRdx::Signature => cpu.0.into(),
            ResetRdx::Fixed(rdx) => rdx,
        });
        vmsa.set_rsi(self.rsi);
        vmsa.set_rdi(self.rdi);
        vmsa.set_rbp(self.rbp);
        vmsa.set_rsp(self.rsp);
        vmsa.set_g_pat(self.g_pat);
        vmsa.set_xcr0(self.xcr0);
        vmsa.set_mxcsr(self.mxcsr);
        vmsa.set_x87_fcw(self.x87_fcw);
        vmsa.set_sev_features(features);
        vmsa
    }
}

/// A name that is no built-in profile's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownProfile;

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no VMM has this name; known are ")?;
        for (index, known) in Profile::ALL.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}", known.name)?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownProfile {}
