//! What a VMM does at launch, as data: the reset states of its vCPUs and the order of its pages.

use core::fmt;

use super::{CpuSignature, PageType, write_unknown_name};
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

    /// QEMU on Linux' KVM, a guest made with KVM_SEV_INIT2: every SEV-SNP guest of upstream kernels, and SEV-ES
    /// guests that are not of the legacy type.
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
    /// MODEL: the crate `sev` 8.0.0 makes this save area for vCPU 0 if it is asked for the page, but its launch
    /// digests do not have it. Not compared with a real launch.
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
    /// `eip` is where it begins: [`RESET_VECTOR`](Self::RESET_VECTOR) for the one that boots, the address in
    /// OVMF's reset block for the other ones. One of these that begins at the reset vector, too, has the state
    /// of the one that boots, as measuring tools have it.
    ///
    /// SEV-ES guests have the same save areas with features 0, or what the VMM sets of them:
    /// [`Launch::sev_es_features`](super::Launch::sev_es_features).
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

    /// The save area of every vCPU of a guest whose SVSM begins at `entry` (SEV-SNP); `None` if nobody has
    /// measured that with this VMM.
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
///
/// ```
/// use sevcrypt::image::{CpuSignature, Entry, Profile, ResetRdx, ResetState};
/// use sevcrypt::vmsa::SevFeatures;
///
/// // A VMM that differs from QEMU in one register.
/// let mut profile = Profile::QEMU;
/// profile.bsp.mxcsr = 0x1fa0;
/// assert!(matches!((profile.bsp.entry, profile.bsp.rdx), (Entry::RealMode, ResetRdx::Signature)));
/// assert_eq!(ResetState::QEMU.mxcsr, 0x1f80);
///
/// let cpu = CpuSignature(0x00a1_0f11);
/// let vmsa = profile.vmsa(Profile::RESET_VECTOR, true, cpu, SevFeatures::SNP_ACTIVE);
/// assert_eq!((vmsa.mxcsr(), vmsa.rdx()), (0x1fa0, 0x00a1_0f11));
/// let svsm = profile.svsm_vmsa(0x80_0000, cpu).expect("QEMU starts SVSMs");
/// println!("{:#x}", svsm.rip());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResetState {
    /// ES.
    pub es: Segment,
    /// CS. Its base counts with [`Entry::Flat`] only.
    pub cs: Segment,
    /// SS.
    pub ss: Segment,
    /// DS.
    pub ds: Segment,
    /// FS.
    pub fs: Segment,
    /// GS.
    pub gs: Segment,
    /// GDTR: limit and base.
    pub gdtr: Segment,
    /// LDTR.
    pub ldtr: Segment,
    /// IDTR: limit and base.
    pub idtr: Segment,
    /// TR.
    pub tr: Segment,
    /// How EIP is split over CS and RIP.
    pub entry: Entry,
    /// EFER; KVM sets SVME.
    pub efer: u64,
    /// CR0.
    pub cr0: u64,
    /// CR3.
    pub cr3: u64,
    /// CR4; KVM sets MCE.
    pub cr4: u64,
    /// DR6.
    pub dr6: u64,
    /// DR7.
    pub dr7: u64,
    /// RFLAGS.
    pub rflags: u64,
    /// RAX.
    pub rax: u64,
    /// RBX.
    pub rbx: u64,
    /// RCX.
    pub rcx: u64,
    /// RDX, which is not zero after reset.
    pub rdx: ResetRdx,
    /// RSI.
    pub rsi: u64,
    /// RDI.
    pub rdi: u64,
    /// RBP.
    pub rbp: u64,
    /// RSP.
    pub rsp: u64,
    /// G_PAT: the page attribute table.
    pub g_pat: u64,
    /// XCR0.
    pub xcr0: u64,
    /// MXCSR.
    pub mxcsr: u32,
    /// X87_FCW: the control word of the x87 unit.
    pub x87_fcw: u16,
}

/// How a vCPU finds its first instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// As after reset: the upper half of EIP is the base of CS, the lower half is RIP.
    RealMode,
    /// RIP is EIP; the base of CS is the one that is given.
    Flat,
}

/// What RDX holds before the first instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
        write_unknown_name(f, "VMM", Profile::ALL.iter().map(|known| known.name))
    }
}

impl core::error::Error for UnknownProfile {}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};
    use std::vec::Vec;

    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::Hex;
    use crate::hash::sha384;

    const NAPLES: CpuSignature = CpuSignature(0x0080_0f12);
    const MILAN: CpuSignature = CpuSignature(0x00a0_0f11);
    const GENOA: CpuSignature = CpuSignature(0x00a1_0f10);
    const NONE: SevFeatures = SevFeatures(0);
    const SNP: SevFeatures = SevFeatures::SNP_ACTIVE;
    /// What OVMF's reset block says.
    const AP_EIP: u32 = 0x0080_b004;

    fn bsp(profile: &Profile, cpu: CpuSignature, features: SevFeatures) -> Vmsa {
        profile.vmsa(Profile::RESET_VECTOR, true, cpu, features)
    }

    fn ap(profile: &Profile, cpu: CpuSignature, features: SevFeatures) -> Vmsa {
        profile.vmsa(AP_EIP, false, cpu, features)
    }

    fn sha256_of(vmsa: &Vmsa) -> String {
        Hex(&Sha256::digest(vmsa.as_bytes())).to_string()
    }

    fn sha384_of(vmsa: &Vmsa) -> String {
        Hex(&sha384(vmsa.as_bytes())).to_string()
    }

    #[test]
    fn qemu() {
        let qemu = |vmsa: fn(&Profile, CpuSignature, SevFeatures) -> Vmsa, features| {
            vmsa(&Profile::QEMU, GENOA, features)
        };
        assert_eq!(
            sha256_of(&qemu(bsp, NONE)),
            "c8936638ff8f1474eb75048ba6fac8653bafcbee673256c82c9449102ca2332c"
        );
        assert_eq!(
            sha256_of(&qemu(ap, NONE)),
            "ea5bab043916d00b7be58a0da6163a845968eaa7ef78b495a465b5ac1836ae11"
        );
        assert_eq!(
            sha256_of(&qemu(bsp, SNP)),
            "f4edf405d7adde3436cbfb9f11fd049b57aca7ea7285034d93672de404c1c931"
        );
        assert_eq!(
            sha384_of(&qemu(bsp, SNP)),
            "7d39672d1b8a3e38353a8eef23af9a14a850be7b9c80bd29898aff5cd2386719e5ce72ad660a022def56b15e5e0f899e"
        );
    }

    /// SHA-384 of the save areas that measuring tools make for two vCPUs of signature 0080_0F12h, features 1.
    #[test]
    fn as_measuring_tools_have_them() {
        let expected = [
            // sev-snp-measure 0.0.13, sev 8.0.0
            (
                Profile::QEMU,
                "77920c4c629ff47e90c0e174fc1ad0eb6fa664f88cd4739488058a8c6cb1a77b3856f55378e9518d0da99452d51c553a",
                "8413b852790765a310d95867a8b00bfca3a802b5a80830044b45e253fe96222657e11e53fcf63eb0e0afd722385bf7b4",
            ),
            // sev-snp-measure 0.0.13
            (
                Profile::EC2,
                "d08442e8bcdb6a5dcd7f22e4f7fd6979beffb9f0bb54a9d1977407fe84f482abf23c1baae6ce95a6a9e7a94c3c51f412",
                "acff2d22db95b8eb82272d844aa2ad1f8f84218ccbab003697acade12228a6e901256e160d41713c22fed92e0a1ed0e1",
            ),
            (
                Profile::GCE,
                "f9e03177dad7f4819ee193af7cfb70507d8a923ab513412e908bc73460a9dfdaa54215d58952816118ffb2ec281e7fd2",
                "5302d262c88780a7a13159a327fa99cf188cab234c680e1f3b6729171380a4312511813a354cab136d69c778050c245a",
            ),
            // sev 8.0.0
            (
                Profile::EC2_2025,
                "1ce642f84290ae8cabc97e93c602d756bbbad7c1a3b7973180b02a4aec331fdea29155cacc988601047a7457eea1025b",
                "30d909894e8fbfef2d23d09922bc3afa9679bd1e07ca1d6a2aebb6161c4935738437b67ef9e1453217d7ccd2b54b5c36",
            ),
            (
                Profile::KRUN,
                "1ce642f84290ae8cabc97e93c602d756bbbad7c1a3b7973180b02a4aec331fdea29155cacc988601047a7457eea1025b",
                "1d400854a0902b7d14c8c1ca3569f47c985834fc979900068fa392c053619910524f865257d943269c3da02a5a687bca",
            ),
            (
                Profile::KRUN_BOOT_REGISTERS,
                "f2f96744e064b2aa98ca6c772273509bc6f4cc2eac5b28ef86670d9fdd9efed3668fd2095148a39c82a203aabc5f140e",
                "1d400854a0902b7d14c8c1ca3569f47c985834fc979900068fa392c053619910524f865257d943269c3da02a5a687bca",
            ),
        ];
        for (profile, of_bsp, of_ap) in expected {
            assert_eq!(sha384_of(&bsp(&profile, NAPLES, SNP)), of_bsp, "{}", profile.name);
            assert_eq!(sha384_of(&ap(&profile, NAPLES, SNP)), of_ap, "{}", profile.name);
        }
    }

    /// sev-snp-measure 0.0.13, COCONUT-SVSM that begins at FFAE_A000h.
    #[test]
    fn svsm() {
        let vmsa = Profile::QEMU.svsm_vmsa(0xffae_a000, NAPLES).unwrap();
        assert_eq!(
            sha384_of(&vmsa),
            "9bcd6592450e93e379ffe14e5e9d4102377d162fddcfaa991c06b2c278e0057836e2c8b6b8617641587b3acfd378eb7d"
        );
        for profile in Profile::ALL.iter().filter(|profile| profile.name != "qemu") {
            assert!(profile.svsm_vmsa(0xffae_a000, NAPLES).is_none(), "{}", profile.name);
        }
    }

    #[test]
    fn who_takes_the_signature() {
        for profile in Profile::ALL {
            let (one, other) = (bsp(profile, NAPLES, SNP), bsp(profile, MILAN, SNP));
            let different: Vec<_> =
                one.differences(&other).map(|it| it.field.to_string()).collect();
            let expected: &[&str] = if profile.name.starts_with("qemu") { &["RDX"] } else { &[] };
            assert_eq!(different, expected, "{}", profile.name);
        }
    }

    #[test]
    fn features_and_nothing_else() {
        for profile in Profile::ALL {
            let (one, other) = (ap(profile, MILAN, SNP), ap(profile, MILAN, SevFeatures(0x21)));
            let different: Vec<_> = one.differences(&other).map(|it| it.to_string()).collect();
            assert_eq!(different, ["SEV_FEATURES (0x3b0): 0x1 and 0x21"]);
            assert_eq!(one.check_reserved(), Ok(()));
        }
    }

    /// The attributes of CS follow EIP, as in measuring tools.
    #[test]
    fn aps_at_the_reset_vector() {
        for profile in Profile::ALL {
            let ap = profile.vmsa(Profile::RESET_VECTOR, false, MILAN, SNP);
            assert!(ap.differences(&bsp(profile, MILAN, SNP)).next().is_none());
        }
        assert_eq!(ap(&Profile::EC2, MILAN, SNP).cs().attributes, 0x9b);
        assert_eq!(bsp(&Profile::EC2, MILAN, SNP).cs().attributes, 0x9a);
    }

    #[test]
    fn pieces_of_eip() {
        let at = |eip| Profile::QEMU.vmsa(eip, false, MILAN, SNP);
        for (eip, base, rip) in [
            (0, 0, 0),
            (0xffff, 0, 0xffff),
            (0x1_0000, 0x1_0000, 0),
            (0x1234_5678, 0x1234_0000, 0x5678),
            (u32::MAX, 0xffff_0000, 0xffff),
        ] {
            assert_eq!((at(eip).cs().base, at(eip).rip()), (base, rip));
        }
    }

    #[test]
    fn real_page() {
        let Some(folder) = crate::real::folder("image::profile::tests::real_page") else { return };
        let page = std::fs::read(folder.join("measurement/vmsa0_es_milan_qemu.bin")).unwrap();
        let real = Vmsa::from_bytes(&page.try_into().unwrap());
        assert!(
            bsp(&Profile::QEMU_LEGACY_VM_TYPE, MILAN, NONE).differences(&real).next().is_none()
        );
        let newer = bsp(&Profile::QEMU, MILAN, NONE);
        let different: Vec<_> = newer.differences(&real).map(|it| it.to_string()).collect();
        assert_eq!(different, ["MXCSR (0x408): 0x1f80 and 0x0", "X87_FCW (0x410): 0x37f and 0x0"]);
    }

    #[test]
    fn names() {
        for profile in Profile::ALL {
            assert_eq!(Profile::by_name(profile.name), Ok(profile));
            assert_eq!(Profile::by_name(&profile.name.to_ascii_uppercase()), Ok(profile));
        }
        for unknown in ["", "ec", "ec2-", "kvm"] {
            assert_eq!(Profile::by_name(unknown), Err(UnknownProfile));
        }
    }

    #[test]
    fn pages() {
        let of = |name| {
            let Profile { section_memory, cpuid_last, vmsa_gpa, .. } =
                Profile::by_name(name).unwrap();
            (*section_memory, *cpuid_last, vmsa_gpa.get())
        };
        assert_eq!(of("qemu"), (PageType::Zero, false, 0xffff_ffff_f000));
        assert_eq!(of("ec2"), (PageType::Zero, true, 0xffff_ffff_f000));
        assert_eq!(of("ec2-2025"), (PageType::Zero, true, 0xffff_ffff_f000));
        assert_eq!(of("gce"), (PageType::Unmeasured, false, 0xffff_ffff_f000));
        assert_eq!(of("krun"), (PageType::Zero, false, 0xffff_ffff_f000));
    }
}
