//! The table of a save area's fields, their getters and setters.

use core::fmt;

use super::{Segment, SevFeatures, Vmsa};
use crate::Hex;
use crate::addr::{PAGE, Page};
use crate::wire::{field, field_mut};

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Segment,
    Bytes,
    Reserved,
}

/// A line of the table: one field, or `count` of them, each `step` bytes behind the one before.
struct Line {
    /// AMD's name; `#` stands for the number of one of many.
    name: &'static str,
    kind: Kind,
    offset: usize,
    size: usize,
    count: usize,
    step: usize,
    /// The number of the first of many.
    first: usize,
}

/// A line of the table from its shape.
macro_rules! line {
    ($at:literal, $name:literal, number($type:ty)) => {
        line!(@one $at, $name, Number, size_of::<$type>())
    };
    ($at:literal, $name:literal, features()) => {
        line!(@one $at, $name, Number, 8)
    };
    ($at:literal, $name:literal, segment()) => {
        line!(@one $at, $name, Segment, 16)
    };
    ($at:literal, $name:literal, reserved($size:literal)) => {
        line!(@one $at, $name, Reserved, $size)
    };
    ($at:literal, $name:literal, numbers($type:ty, $count:literal, every $step:literal)) => {
        line!(@many $at, $name, Number, size_of::<$type>(), $count, $step, 0)
    };
    ($at:literal, $name:literal, blocks($size:literal, $count:literal, from $first:literal)) => {
        line!(@many $at, $name, Bytes, $size, $count, $size, $first)
    };
    (@one $at:literal, $name:literal, $kind:ident, $size:expr) => {
        line!(@many $at, $name, $kind, $size, 1, $size, 0)
    };
    (@many $at:literal, $name:literal, $kind:ident, $size:expr, $count:literal, $step:expr, $first:literal) => {
        Line {
            name: $name,
            kind: Kind::$kind,
            offset: $at,
            size: $size,
            count: $count,
            step: $step,
            first: $first,
        }
    };
}

/// Getter and setter of a line. The names of both, and what the getter's documentation says.
macro_rules! accessors {
    ($at:literal, $get:ident, $set:ident, $doc:expr, number($type:ty)) => {
        #[doc = $doc]
        #[must_use]
        pub fn $get(&self) -> $type {
            <$type>::from_le_bytes(*field::<$at, { size_of::<$type>() }, _>(&self.0))
        }

        #[doc = concat!("Sets what [`", stringify!($get), "`](Self::", stringify!($get), ") gives.")]
        pub fn $set(&mut self, value: $type) {
            *field_mut::<$at, { size_of::<$type>() }, _>(&mut self.0) = value.to_le_bytes();
        }
    };
    ($at:literal, $get:ident, $set:ident, $doc:expr, features()) => {
        #[doc = $doc]
        #[must_use]
        pub fn $get(&self) -> SevFeatures {
            SevFeatures(u64::from_le_bytes(*field::<$at, 8, _>(&self.0)))
        }

        #[doc = concat!("Sets what [`", stringify!($get), "`](Self::", stringify!($get), ") gives.")]
        pub fn $set(&mut self, value: SevFeatures) {
            *field_mut::<$at, 8, _>(&mut self.0) = value.0.to_le_bytes();
        }
    };
    ($at:literal, $get:ident, $set:ident, $doc:expr, segment()) => {
        #[doc = $doc]
        #[must_use]
        pub fn $get(&self) -> Segment {
            Segment::from_bytes(field::<$at, 16, _>(&self.0))
        }

        #[doc = concat!("Sets what [`", stringify!($get), "`](Self::", stringify!($get), ") gives.")]
        pub fn $set(&mut self, value: Segment) {
            *field_mut::<$at, 16, _>(&mut self.0) = value.to_bytes();
        }
    };
    ($at:literal, $get:ident, $set:ident, $doc:expr, numbers($type:ty, $count:literal, every $step:literal)) => {
        #[doc = $doc]
        #[must_use]
        pub fn $get(&self) -> [$type; $count] {
            let (places, _) = field::<$at, { $step * $count }, _>(&self.0).as_chunks::<$step>();
            let mut values = [0; $count];
            for (value, place) in values.iter_mut().zip(places) {
                *value = <$type>::from_le_bytes(*field::<0, { size_of::<$type>() }, _>(place));
            }
            values
        }

        #[doc = concat!("Sets what [`", stringify!($get), "`](Self::", stringify!($get), ") gives.")]
        pub fn $set(&mut self, values: [$type; $count]) {
            let (places, _) =
                field_mut::<$at, { $step * $count }, _>(&mut self.0).as_chunks_mut::<$step>();
            for (value, place) in values.into_iter().zip(places) {
                *field_mut::<0, { size_of::<$type>() }, _>(place) = value.to_le_bytes();
            }
        }
    };
    ($at:literal, $get:ident, $set:ident, $doc:expr, blocks($size:literal, $count:literal, from $first:literal)) => {
        #[doc = $doc]
        #[must_use]
        pub fn $get(&self) -> &[[u8; $size]; $count] {
            let (values, _) = field::<$at, { $size * $count }, _>(&self.0).as_chunks();
            values.first_chunk().expect("as many as the field has")
        }

        #[doc = concat!("Sets what [`", stringify!($get), "`](Self::", stringify!($get), ") gives.")]
        pub fn $set(&mut self, values: &[[u8; $size]; $count]) {
            field_mut::<$at, { $size * $count }, _>(&mut self.0)
                .copy_from_slice(values.as_flattened());
        }
    };
}

/// A value whose bytes are 80h and above; the elements of arrays differ.
#[cfg(test)]
macro_rules! sample {
    (number($type:ty)) => {
        <$type>::from_le_bytes([0x80; size_of::<$type>()])
    };
    (features()) => {
        SevFeatures(0x8080_8080_8080_8080)
    };
    (segment()) => {
        Segment::from_bytes(&[0x80; 16])
    };
    (numbers($type:ty, $count:literal, every $step:literal)) => {
        core::array::from_fn(|n| <$type>::from_le_bytes([0x80 + n as u8; size_of::<$type>()]))
    };
    (blocks($size:literal, $count:literal, from $first:literal)) => {
        &core::array::from_fn(|n| [0x80 + n as u8; $size])
    };
}

/// Declares the save area: every byte of the page, each once.
macro_rules! save_area {
    ($($at:literal $name:literal $shape:ident $parts:tt $($get:ident $set:ident $doc:literal)?;)+) => {
        /// The lines of the table.
        const LINES: &[Line] = &[$(line!($at, $name, $shape $parts)),+];

        /// The name of each line with accessors, and a function that sets it to bytes of 80h and above and looks at it.
        #[cfg(test)]
        #[allow(clippy::type_complexity, reason = "a test's table")]
        pub(super) const ACCESSORS: &[(&str, fn(&mut Vmsa))] = &[$($(
            ($name, |vmsa| {
                let value = sample!($shape $parts);
                vmsa.$set(value);
                assert_eq!(vmsa.$get(), value);
            }),
        )?)+];

        /// The fields.
        impl Vmsa {
            $($(
                accessors!(
                    $at, $get, $set,
                    concat!($name, ", at ", stringify!($at), ": ", $doc, "."),
                    $shape $parts
                );
            )?)+
        }
    };
}

// AMD APM volume 2 (24593 revision 3.44), Table B-4 "VMSA layout". SPEC_CTRL is at 2E0h: that row's predecessor says 72
// bytes, which its neighbours' offsets make 64.
save_area! {
    0x000 "ES" segment() es set_es "extra segment";
    0x010 "CS" segment() cs set_cs "code segment";
    0x020 "SS" segment() ss set_ss "stack segment";
    0x030 "DS" segment() ds set_ds "data segment";
    0x040 "FS" segment() fs set_fs "FS segment";
    0x050 "GS" segment() gs set_gs "GS segment";
    0x060 "GDTR" segment() gdtr set_gdtr "global descriptor table; limit and base only";
    0x070 "LDTR" segment() ldtr set_ldtr "local descriptor table";
    0x080 "IDTR" segment() idtr set_idtr "interrupt descriptor table; limit and base only";
    0x090 "TR" segment() tr set_tr "task register";
    0x0a0 "PL0_SSP" number(u64) pl0_ssp set_pl0_ssp "shadow stack pointer of privilege level 0";
    0x0a8 "PL1_SSP" number(u64) pl1_ssp set_pl1_ssp "shadow stack pointer of privilege level 1";
    0x0b0 "PL2_SSP" number(u64) pl2_ssp set_pl2_ssp "shadow stack pointer of privilege level 2";
    0x0b8 "PL3_SSP" number(u64) pl3_ssp set_pl3_ssp "shadow stack pointer of privilege level 3";
    0x0c0 "U_CET" number(u64) u_cet set_u_cet "control-flow enforcement in user mode";
    0x0c8 "reserved" reserved(2);
    0x0ca "VMPL" number(u8) vmpl set_vmpl "the level that this save area runs at, 0 to 3 (SEV-SNP)";
    0x0cb "CPL" number(u8) cpl set_cpl "current privilege level";
    0x0cc "reserved" reserved(4);
    0x0d0 "EFER" number(u64) efer set_efer "extended features";
    0x0d8 "reserved" reserved(8);
    0x0e0 "PERF_CTL#" numbers(u64, 6, every 16) perf_ctl set_perf_ctl "what each performance counter counts";
    0x0e8 "PERF_CTR#" numbers(u64, 6, every 16) perf_ctr set_perf_ctr "the performance counters";
    0x140 "XSS" number(u64) xss set_xss "supervisor states that XSAVES saves";
    0x148 "CR4" number(u64) cr4 set_cr4 "control register 4";
    0x150 "CR3" number(u64) cr3 set_cr3 "control register 3: the page table";
    0x158 "CR0" number(u64) cr0 set_cr0 "control register 0";
    0x160 "DR7" number(u64) dr7 set_dr7 "debug control";
    0x168 "DR6" number(u64) dr6 set_dr6 "debug status";
    0x170 "RFLAGS" number(u64) rflags set_rflags "flags";
    0x178 "RIP" number(u64) rip set_rip "instruction pointer";
    0x180 "DR#" numbers(u64, 4, every 8) dr set_dr "debug addresses, DR0 to DR3 (DebugVirtualization)";
    0x1a0 "DR#_ADDR_MASK" numbers(u64, 4, every 8) dr_addr_mask set_dr_addr_mask "masks of the debug addresses";
    0x1c0 "INSTR_RETIRED_CTR" number(u64) instr_retired_ctr set_instr_retired_ctr "retired instructions";
    0x1c8 "PERF_CTR_GLOBAL_STS" number(u64) perf_ctr_global_sts set_perf_ctr_global_sts "status of the performance counters";
    0x1d0 "PERF_CTR_GLOBAL_CTL" number(u32) perf_ctr_global_ctl set_perf_ctr_global_ctl "control of the performance counters";
    0x1d4 "reserved" reserved(4);
    0x1d8 "RSP" number(u64) rsp set_rsp "stack pointer";
    0x1e0 "S_CET" number(u64) s_cet set_s_cet "control-flow enforcement in supervisor mode";
    0x1e8 "SSP" number(u64) ssp set_ssp "shadow stack pointer";
    0x1f0 "ISST_ADDR" number(u64) isst_addr set_isst_addr "interrupt shadow stack table";
    0x1f8 "RAX" number(u64) rax set_rax "general register";
    0x200 "STAR" number(u64) star set_star "segments of SYSCALL";
    0x208 "LSTAR" number(u64) lstar set_lstar "target of SYSCALL in 64-bit mode";
    0x210 "CSTAR" number(u64) cstar set_cstar "target of SYSCALL in compatibility mode";
    0x218 "SFMASK" number(u64) sfmask set_sfmask "flags that SYSCALL clears";
    0x220 "KERNEL_GS_BASE" number(u64) kernel_gs_base set_kernel_gs_base "what SWAPGS swaps in";
    0x228 "SYSENTER_CS" number(u64) sysenter_cs set_sysenter_cs "code segment of SYSENTER";
    0x230 "SYSENTER_ESP" number(u64) sysenter_esp set_sysenter_esp "stack of SYSENTER";
    0x238 "SYSENTER_EIP" number(u64) sysenter_eip set_sysenter_eip "target of SYSENTER";
    0x240 "CR2" number(u64) cr2 set_cr2 "control register 2: the address of a page fault";
    0x248 "reserved" reserved(32);
    0x268 "G_PAT" number(u64) g_pat set_g_pat "page attribute table";
    0x270 "DBGCTL" number(u64) dbgctl set_dbgctl "debug control of branches";
    0x278 "BR_FROM" number(u64) br_from set_br_from "source of the last branch";
    0x280 "BR_TO" number(u64) br_to set_br_to "target of the last branch";
    0x288 "LASTEXCPFROM" number(u64) lastexcpfrom set_lastexcpfrom "source of the last exception";
    0x290 "LASTEXCPTO" number(u64) lastexcpto set_lastexcpto "target of the last exception";
    0x298 "DBGEXTNCFG" number(u64) dbgextncfg set_dbgextncfg "extended debug configuration";
    0x2a0 "reserved" reserved(64);
    0x2e0 "SPEC_CTRL" number(u64) spec_ctrl set_spec_ctrl "speculation control";
    0x2e8 "PKRU" number(u32) pkru set_pkru "rights of protection keys";
    0x2ec "TSC_AUX" number(u32) tsc_aux set_tsc_aux "what RDTSCP gives beside the counter";
    0x2f0 "GUEST_TSC_SCALE" number(u64) guest_tsc_scale set_guest_tsc_scale "factor of the time-stamp counter, 8.32 fixed point (SecureTSC); measured as 0";
    0x2f8 "GUEST_TSC_OFFSET" number(u64) guest_tsc_offset set_guest_tsc_offset "offset of the time-stamp counter (SecureTSC); measured as 0";
    0x300 "REG_PROT_NONCE" number(u64) reg_prot_nonce set_reg_prot_nonce "what registers are changed by (VmsaRegProt)";
    0x308 "RCX" number(u64) rcx set_rcx "general register";
    0x310 "RDX" number(u64) rdx set_rdx "general register";
    0x318 "RBX" number(u64) rbx set_rbx "general register";
    0x320 "SECURE_AVIC_CTL" number(u64) secure_avic_ctl set_secure_avic_ctl "control of Secure AVIC; reserved in older manuals";
    0x328 "RBP" number(u64) rbp set_rbp "general register";
    0x330 "RSI" number(u64) rsi set_rsi "general register";
    0x338 "RDI" number(u64) rdi set_rdi "general register";
    0x340 "R8" number(u64) r8 set_r8 "general register";
    0x348 "R9" number(u64) r9 set_r9 "general register";
    0x350 "R10" number(u64) r10 set_r10 "general register";
    0x358 "R11" number(u64) r11 set_r11 "general register";
    0x360 "R12" number(u64) r12 set_r12 "general register";
    0x368 "R13" number(u64) r13 set_r13 "general register";
    0x370 "R14" number(u64) r14 set_r14 "general register";
    0x378 "R15" number(u64) r15 set_r15 "general register";
    0x380 "reserved" reserved(16);
    0x390 "GUEST_EXITINFO1" number(u64) guest_exitinfo1 set_guest_exitinfo1 "of the last exit";
    0x398 "GUEST_EXITINFO2" number(u64) guest_exitinfo2 set_guest_exitinfo2 "of the last exit";
    0x3a0 "GUEST_EXITINTINFO" number(u64) guest_exitintinfo set_guest_exitintinfo "the event that the last exit interrupted";
    0x3a8 "GUEST_NRIP" number(u64) guest_nrip set_guest_nrip "the instruction behind the one that exited";
    0x3b0 "SEV_FEATURES" features() sev_features set_sev_features "what this vCPU runs with";
    0x3b8 "VINTR_CTRL" number(u64) vintr_ctrl set_vintr_ctrl "virtual interrupts (AlternateInjection): V_TPR 7:0, V_IRQ 8, VGIF 9, INT_SHADOW 10, V_NMI 11, V_NMI_MASK 12, V_INTR_PRIO 19:16, V_IGN_TPR 20, V_NMI_ENABLE 26, V_INTR_VECTOR 39:32, BUSY 63";
    0x3c0 "GUEST_EXITCODE" number(u64) guest_exitcode set_guest_exitcode "of the last exit";
    0x3c8 "VIRTUAL_TOM" number(u64) virtual_tom set_virtual_tom "where private memory ends (vTOM), bits 51:21";
    0x3d0 "TLB_ID" number(u64) tlb_id set_tlb_id "hardware's own; 0 at launch";
    0x3d8 "PCPU_ID" number(u64) pcpu_id set_pcpu_id "hardware's own; 0 at launch";
    0x3e0 "EVENTINJ" number(u64) eventinj set_eventinj "event to inject (AlternateInjection), as the VMCB's: vector 7:0, type 10:8, EV 11, V 31, error code 63:32";
    0x3e8 "XCR0" number(u64) xcr0 set_xcr0 "states that XSAVE saves";
    0x3f0 "reserved" reserved(16);
    0x400 "X87_DP" number(u64) x87_dp set_x87_dp "data pointer of the x87 unit";
    0x408 "MXCSR" number(u32) mxcsr set_mxcsr "control and status of SSE";
    0x40c "X87_FTW" number(u16) x87_ftw set_x87_ftw "tag word of the x87 unit";
    0x40e "X87_FSW" number(u16) x87_fsw set_x87_fsw "status word of the x87 unit";
    0x410 "X87_FCW" number(u16) x87_fcw set_x87_fcw "control word of the x87 unit";
    0x412 "X87_FOP" number(u16) x87_fop set_x87_fop "last opcode of the x87 unit";
    0x414 "X87_DS" number(u16) x87_ds set_x87_ds "data segment of the x87 unit";
    0x416 "X87_CS" number(u16) x87_cs set_x87_cs "code segment of the x87 unit";
    0x418 "X87_RIP" number(u64) x87_rip set_x87_rip "instruction pointer of the x87 unit";
    0x420 "FPREG_X87_#" blocks(10, 8, from 0) fpreg_x87 set_fpreg_x87 "registers of the x87 unit";
    0x470 "FPREG_XMM#" blocks(16, 16, from 0) fpreg_xmm set_fpreg_xmm "bits 127:0 of vector registers 0 to 15";
    0x570 "FPREG_YMM#" blocks(16, 16, from 0) fpreg_ymm set_fpreg_ymm "bits 255:128 of vector registers 0 to 15";
    0x670 "LBR_STACK_FROM#" numbers(u64, 16, every 16) lbr_stack_from set_lbr_stack_from "sources of the last branches";
    0x678 "LBR_STACK_TO#" numbers(u64, 16, every 16) lbr_stack_to set_lbr_stack_to "targets of the last branches";
    0x770 "LBR_SELECT" number(u64) lbr_select set_lbr_select "which branches are recorded";
    0x778 "IBS_FETCH_CTL" number(u64) ibs_fetch_ctl set_ibs_fetch_ctl "control of fetch sampling";
    0x780 "IBS_FETCH_LINADDR" number(u64) ibs_fetch_linaddr set_ibs_fetch_linaddr "linear address of the sampled fetch";
    0x788 "IBS_OP_CTL" number(u64) ibs_op_ctl set_ibs_op_ctl "control of operation sampling";
    0x790 "IBS_OP_RIP" number(u64) ibs_op_rip set_ibs_op_rip "instruction of the sampled operation";
    0x798 "IBS_OP_DATA" number(u64) ibs_op_data set_ibs_op_data "about the sampled operation";
    0x7a0 "IBS_OP_DATA2" number(u64) ibs_op_data2 set_ibs_op_data2 "about its access to memory";
    0x7a8 "IBS_OP_DATA3" number(u64) ibs_op_data3 set_ibs_op_data3 "about its access to caches";
    0x7b0 "IBS_DC_LINADDR" number(u64) ibs_dc_linaddr set_ibs_dc_linaddr "linear address of its data";
    0x7b8 "BP_IBSTGT_RIP" number(u64) bp_ibstgt_rip set_bp_ibstgt_rip "target of the sampled branch";
    0x7c0 "IC_IBS_EXTD_CTL" number(u64) ic_ibs_extd_ctl set_ic_ibs_extd_ctl "extended control of fetch sampling";
    0x7c8 "reserved" reserved(312);
    0x900 "INTERCEPT_VEC_#" numbers(u32, 8, every 4) intercept_vec set_intercept_vec "the guest's own intercepts (GuestInterceptControl)";
    0x920 "INTERCEPT_MSR_VEC_#" numbers(u64, 4, every 8) intercept_msr_vec set_intercept_msr_vec "the guest's own intercepts of MSRs";
    0x940 "reserved" reserved(64);
    0x980 "FPREG_K#" numbers(u64, 8, every 8) fpreg_k set_fpreg_k "mask registers";
    0x9c0 "FPREG_ZMM#" blocks(32, 16, from 0) fpreg_zmm set_fpreg_zmm "bits 511:256 of vector registers 0 to 15";
    0xbc0 "FPREG_HIZMM#" blocks(64, 16, from 16) fpreg_hizmm set_fpreg_hizmm "vector registers 16 to 31";
    0xfc0 "reserved" reserved(64);
}

// Every byte of the page belongs to one field.
const _: () = {
    let mut owned = [false; PAGE];
    let mut line = 0;
    while line < LINES.len() {
        let Line { offset, size, count, step, .. } = LINES[line];
        let mut byte = 0;
        while byte < size * count {
            let at = offset + byte / size * step + byte % size;
            assert!(!owned[at], "two fields overlap");
            owned[at] = true;
            byte += 1;
        }
        line += 1;
    }
    let mut at = 0;
    while at < PAGE {
        assert!(owned[at], "a byte belongs to no field");
        at += 1;
    }
};

/// A field of a save area: one of those that have a getter (of arrays: one element), or a reserved range.
///
/// Together the fields are the whole page, and no two of them overlap.
///
/// ```
/// use sevcrypt::vmsa::Field;
///
/// let rip = Field::all().find(|field| field.offset() == 0x178).unwrap();
/// assert_eq!((rip.to_string().as_str(), rip.size()), ("RIP", 8));
/// assert_eq!(Field::all().map(Field::size).sum::<usize>(), 4096);
/// ```
///
/// ```
/// use sevcrypt::vmsa::{Field, Value, Vmsa};
///
/// let mut vmsa = Vmsa::default();
/// vmsa.set_rip(0xfff0);
/// let rip = Field::all().find(|field| field.offset() == 0x178).expect("every vCPU has it");
/// assert_eq!((rip.size(), vmsa.get(rip)), (8, Value::Number(0xfff0)));
/// ```
#[derive(Clone, Copy)]
pub struct Field {
    line: &'static Line,
    index: usize,
}

impl Field {
    /// All, in the order of AMD's table.
    pub fn all() -> impl Iterator<Item = Self> {
        LINES.iter().flat_map(|line| (0..line.count).map(move |index| Self { line, index }))
    }

    /// Where it begins in the page, in bytes.
    #[must_use]
    pub const fn offset(self) -> usize {
        self.line.offset + self.index * self.line.step
    }

    /// Its bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        self.line.size
    }

    /// Whether the range has no meaning and is zero at launch.
    #[must_use]
    pub const fn is_reserved(self) -> bool {
        matches!(self.line.kind, Kind::Reserved)
    }

    /// The name in the table, with `#` for the number of one of many.
    #[cfg(test)]
    pub(super) const fn line_name(self) -> &'static str {
        self.line.name
    }

    pub(super) fn bytes(self, page: &Page) -> &[u8] {
        // The range is inside the page, which the table's assertion says.
        page.get(self.offset()..self.offset() + self.size()).unwrap_or_default()
    }

    pub(super) fn value(self, page: &Page) -> Value<'_> {
        let bytes = self.bytes(page);
        match (self.line.kind, bytes.first_chunk()) {
            (Kind::Segment, Some(segment)) => Value::Segment(Segment::from_bytes(segment)),
            (Kind::Number, _) => Value::Number(
                bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)),
            ),
            _ => Value::Bytes(bytes),
        }
    }
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.offset() == other.offset()
    }
}

impl Eq for Field {}

/// AMD's name; one of many has its number in it: `PERF_CTL0`, `DR3_ADDR_MASK`.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line.name.split_once('#') {
            Some((before, behind)) => {
                write!(f, "{before}{}{behind}", self.line.first + self.index)
            }
            None => f.write_str(self.line.name),
        }
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({self} at {:#x})", self.offset())
    }
}

/// What a field of a save area holds. It prints as text in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A number of 1, 2, 4 or 8 bytes.
    Number(u64),
    /// A segment register.
    Segment(Segment),
    /// A register of the x87 unit, a part of a vector register, or a reserved range, as it stands there.
    Bytes(&'a [u8]),
}

impl Value<'_> {
    /// Whether every bit is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        match self {
            Self::Number(number) => *number == 0,
            Self::Segment(segment) => *segment == Segment::default(),
            Self::Bytes(bytes) => bytes.iter().all(|byte| *byte == 0),
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number:#x}"),
            Self::Segment(segment) => segment.fmt(f),
            Self::Bytes(bytes) => Hex(bytes).fmt(f),
        }
    }
}
