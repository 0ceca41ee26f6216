//! Tests of the save area's fields.

use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use proptest::prelude::*;

use super::fields::ACCESSORS;
use super::*;

/// Offset, size and name of every field, of arrays the first and the last (AMD APM volume 2, Table B-4).
#[rustfmt::skip]
const PLACES: &[(usize, usize, &str)] = &[
    (0x000, 16, "ES"), (0x010, 16, "CS"), (0x020, 16, "SS"), (0x030, 16, "DS"), (0x040, 16, "FS"),
    (0x050, 16, "GS"), (0x060, 16, "GDTR"), (0x070, 16, "LDTR"), (0x080, 16, "IDTR"),
    (0x090, 16, "TR"), (0x0a0, 8, "PL0_SSP"), (0x0a8, 8, "PL1_SSP"), (0x0b0, 8, "PL2_SSP"),
    (0x0b8, 8, "PL3_SSP"), (0x0c0, 8, "U_CET"), (0x0c8, 2, "reserved"), (0x0ca, 1, "VMPL"),
    (0x0cb, 1, "CPL"), (0x0cc, 4, "reserved"), (0x0d0, 8, "EFER"), (0x0d8, 8, "reserved"),
    (0x0e0, 8, "PERF_CTL0"), (0x0e8, 8, "PERF_CTR0"), (0x130, 8, "PERF_CTL5"),
    (0x138, 8, "PERF_CTR5"), (0x140, 8, "XSS"), (0x148, 8, "CR4"), (0x150, 8, "CR3"),
    (0x158, 8, "CR0"), (0x160, 8, "DR7"), (0x168, 8, "DR6"), (0x170, 8, "RFLAGS"),
    (0x178, 8, "RIP"), (0x180, 8, "DR0"), (0x198, 8, "DR3"), (0x1a0, 8, "DR0_ADDR_MASK"),
    (0x1b8, 8, "DR3_ADDR_MASK"), (0x1c0, 8, "INSTR_RETIRED_CTR"), (0x1c8, 8, "PERF_CTR_GLOBAL_STS"),
    (0x1d0, 4, "PERF_CTR_GLOBAL_CTL"), (0x1d4, 4, "reserved"), (0x1d8, 8, "RSP"),
    (0x1e0, 8, "S_CET"), (0x1e8, 8, "SSP"), (0x1f0, 8, "ISST_ADDR"), (0x1f8, 8, "RAX"),
    (0x200, 8, "STAR"), (0x208, 8, "LSTAR"), (0x210, 8, "CSTAR"), (0x218, 8, "SFMASK"),
    (0x220, 8, "KERNEL_GS_BASE"), (0x228, 8, "SYSENTER_CS"), (0x230, 8, "SYSENTER_ESP"),
    (0x238, 8, "SYSENTER_EIP"), (0x240, 8, "CR2"), (0x248, 32, "reserved"), (0x268, 8, "G_PAT"),
    (0x270, 8, "DBGCTL"), (0x278, 8, "BR_FROM"), (0x280, 8, "BR_TO"), (0x288, 8, "LASTEXCPFROM"),
    (0x290, 8, "LASTEXCPTO"), (0x298, 8, "DBGEXTNCFG"), (0x2a0, 64, "reserved"),
    (0x2e0, 8, "SPEC_CTRL"), (0x2e8, 4, "PKRU"), (0x2ec, 4, "TSC_AUX"),
    (0x2f0, 8, "GUEST_TSC_SCALE"), (0x2f8, 8, "GUEST_TSC_OFFSET"), (0x300, 8, "REG_PROT_NONCE"),
    (0x308, 8, "RCX"), (0x310, 8, "RDX"), (0x318, 8, "RBX"), (0x320, 8, "SECURE_AVIC_CTL"),
    (0x328, 8, "RBP"), (0x330, 8, "RSI"), (0x338, 8, "RDI"), (0x340, 8, "R8"), (0x348, 8, "R9"),
    (0x350, 8, "R10"), (0x358, 8, "R11"), (0x360, 8, "R12"), (0x368, 8, "R13"), (0x370, 8, "R14"),
    (0x378, 8, "R15"), (0x380, 16, "reserved"), (0x390, 8, "GUEST_EXITINFO1"),
    (0x398, 8, "GUEST_EXITINFO2"), (0x3a0, 8, "GUEST_EXITINTINFO"), (0x3a8, 8, "GUEST_NRIP"),
    (0x3b0, 8, "SEV_FEATURES"), (0x3b8, 8, "VINTR_CTRL"), (0x3c0, 8, "GUEST_EXITCODE"),
    (0x3c8, 8, "VIRTUAL_TOM"), (0x3d0, 8, "TLB_ID"), (0x3d8, 8, "PCPU_ID"), (0x3e0, 8, "EVENTINJ"),
    (0x3e8, 8, "XCR0"), (0x3f0, 16, "reserved"), (0x400, 8, "X87_DP"), (0x408, 4, "MXCSR"),
    (0x40c, 2, "X87_FTW"), (0x40e, 2, "X87_FSW"), (0x410, 2, "X87_FCW"), (0x412, 2, "X87_FOP"),
    (0x414, 2, "X87_DS"), (0x416, 2, "X87_CS"), (0x418, 8, "X87_RIP"), (0x420, 10, "FPREG_X87_0"),
    (0x466, 10, "FPREG_X87_7"), (0x470, 16, "FPREG_XMM0"), (0x560, 16, "FPREG_XMM15"),
    (0x570, 16, "FPREG_YMM0"), (0x660, 16, "FPREG_YMM15"), (0x670, 8, "LBR_STACK_FROM0"),
    (0x678, 8, "LBR_STACK_TO0"), (0x760, 8, "LBR_STACK_FROM15"), (0x768, 8, "LBR_STACK_TO15"),
    (0x770, 8, "LBR_SELECT"), (0x778, 8, "IBS_FETCH_CTL"), (0x780, 8, "IBS_FETCH_LINADDR"),
    (0x788, 8, "IBS_OP_CTL"), (0x790, 8, "IBS_OP_RIP"), (0x798, 8, "IBS_OP_DATA"),
    (0x7a0, 8, "IBS_OP_DATA2"), (0x7a8, 8, "IBS_OP_DATA3"), (0x7b0, 8, "IBS_DC_LINADDR"),
    (0x7b8, 8, "BP_IBSTGT_RIP"), (0x7c0, 8, "IC_IBS_EXTD_CTL"), (0x7c8, 312, "reserved"),
    (0x900, 4, "INTERCEPT_VEC_0"), (0x91c, 4, "INTERCEPT_VEC_7"), (0x920, 8, "INTERCEPT_MSR_VEC_0"),
    (0x938, 8, "INTERCEPT_MSR_VEC_3"), (0x940, 64, "reserved"), (0x980, 8, "FPREG_K0"),
    (0x9b8, 8, "FPREG_K7"), (0x9c0, 32, "FPREG_ZMM0"), (0xba0, 32, "FPREG_ZMM15"),
    (0xbc0, 64, "FPREG_HIZMM16"), (0xf80, 64, "FPREG_HIZMM31"), (0xfc0, 64, "reserved"),
];

/// A page in which every byte is below 80h, and neighbours differ.
fn painted() -> Page {
    std::array::from_fn(|at| (at % 127) as u8)
}

#[test]
fn places() {
    let fields: Vec<_> = Field::all().collect();
    for (offset, size, name) in PLACES {
        let found: Vec<_> = fields.iter().filter(|field| field.offset() == *offset).collect();
        let [field] = found[..] else { panic!("{name}: {found:?}") };
        assert_eq!((field.size(), field.to_string().as_str()), (*size, *name));
        assert_eq!(field.is_reserved(), *name == "reserved");
    }
    // With the elements of arrays that are neither first nor last.
    let between: usize =
        [6, 6, 4, 4, 8, 16, 16, 16, 16, 8, 4, 8, 16, 16].iter().map(|n| n - 2).sum();
    assert_eq!(fields.len(), PLACES.len() + between);
}

#[test]
fn each_byte_has_one_field() {
    let mut owners = vec![0; 4096];
    for field in Field::all() {
        owners[field.offset()..][..field.size()].iter_mut().for_each(|owners| *owners += 1);
    }
    assert!(owners.iter().all(|owners| *owners == 1));

    let (zero, mut page) = (Vmsa::ZERO, [0; 4096]);
    for at in 0..4096 {
        page[at] = 0x80;
        let vmsa = Vmsa::from_bytes(&page);
        let differences: Vec<_> = zero.differences(&vmsa).collect();
        let [Difference { field, left, right }] = differences[..] else { panic!("{at:#x}") };
        assert!((field.offset()..field.offset() + field.size()).contains(&at));
        assert!(left.is_zero() && !right.is_zero());
        assert_eq!(vmsa.non_zero().collect::<Vec<_>>(), [(field, right)]);
        let reserved = Err(ReservedByte { offset: at, value: 0x80 });
        assert_eq!(vmsa.check_reserved(), if field.is_reserved() { reserved } else { Ok(()) });
        page[at] = 0;
    }
}

#[test]
fn setters_change_their_field_only() {
    let before = painted();
    for (name, there_and_back) in ACCESSORS {
        let mut vmsa = Vmsa::from_bytes(&before);
        there_and_back(&mut vmsa);

        let fields: Vec<_> = Field::all().filter(|field| field.line_name() == *name).collect();
        let mut expected: Vec<_> =
            fields.iter().flat_map(|it| it.offset()..it.offset() + it.size()).collect();
        expected.sort_unstable();
        let changed = (0..4096).filter(|&at| before[at] != vmsa.as_bytes()[at]);
        assert_eq!(changed.collect::<Vec<_>>(), expected, "{name}");

        let painted = Vmsa::from_bytes(&before);
        let different: Vec<_> = painted.differences(&vmsa).map(|it| it.field).collect();
        assert_eq!(different, fields, "{name}");
    }
    let without =
        Field::all().filter(|it| ACCESSORS.iter().all(|(name, _)| *name != it.line_name()));
    assert!(without.into_iter().all(Field::is_reserved));
}

#[test]
fn values_of_one_page() {
    let vmsa = Vmsa::from_bytes(&painted());
    let byte = |at: usize| (at % 127) as u64;
    let number = |at: usize, size: usize| (0..size).rev().fold(0, |n, i| n << 8 | byte(at + i));

    assert_eq!(u64::from(vmsa.cpl()), number(0xcb, 1));
    assert_eq!(u64::from(vmsa.x87_fcw()), number(0x410, 2));
    assert_eq!(u64::from(vmsa.mxcsr()), number(0x408, 4));
    assert_eq!(vmsa.rip(), number(0x178, 8));
    assert_eq!(vmsa.sev_features().0, number(0x3b0, 8));
    assert_eq!(vmsa.perf_ctl()[5], number(0x130, 8));
    assert_eq!(vmsa.perf_ctr()[1], number(0xf8, 8));
    assert_eq!(u64::from(vmsa.intercept_vec()[7]), number(0x91c, 4));
    assert_eq!(vmsa.fpreg_x87()[7][9], byte(0x46f) as u8);
    assert_eq!(vmsa.fpreg_hizmm()[15][63], byte(0xfbf) as u8);
    let cs = vmsa.cs();
    assert_eq!(
        (u64::from(cs.selector), u64::from(cs.attributes)),
        (number(0x10, 2), number(0x12, 2))
    );
    assert_eq!((u64::from(cs.limit), cs.base), (number(0x14, 4), number(0x18, 8)));

    let at = |offset| Field::all().find(|field| field.offset() == offset).unwrap();
    assert_eq!(vmsa.get(at(0x10)), Value::Segment(cs));
    assert_eq!(vmsa.get(at(0xcb)), Value::Number(number(0xcb, 1)));
    assert_eq!(vmsa.get(at(0x130)), Value::Number(number(0x130, 8)));
    assert_eq!(vmsa.get(at(0x560)), Value::Bytes(&vmsa.fpreg_xmm()[15]));
    assert_eq!(vmsa.get(at(0x3f0)), Value::Bytes(&painted()[0x3f0..0x400]));
}

#[test]
fn as_text() {
    let mut vmsa = Vmsa::ZERO;
    vmsa.set_dr_addr_mask([0, 0, 0xff, 0]);
    vmsa.set_fpreg_hizmm(&std::array::from_fn(|n| [if n == 1 { 0xab } else { 0 }; 64]));
    vmsa.set_tr(Segment { selector: 1, attributes: 0x8b, limit: 0xffff, base: 0x1000 });
    let text: Vec<_> = vmsa.non_zero().map(|(field, value)| format!("{field} {value}")).collect();
    let register = "ab".repeat(64);
    assert_eq!(
        text,
        [
            "TR selector 0x1 attributes 0x8b limit 0xffff base 0x1000".to_string(),
            "DR2_ADDR_MASK 0xff".to_string(),
            format!("FPREG_HIZMM17 {register}"),
        ]
    );
    assert_eq!(format!("{vmsa:?}"), "Vmsa(..)");
    assert_eq!(
        ReservedByte { offset: 0xc8, value: 1 }.to_string(),
        "the reserved byte at 0xc8 of the save area is 0x1: expected 0"
    );
}

/// The save area of vCPU 0 of a real SEV-ES guest under QEMU.
#[test]
fn real_page() {
    let Some(folder) = crate::real::folder("vmsa::tests::real_page") else { return };
    let page = std::fs::read(folder.join("measurement/vmsa0_es_milan_qemu.bin")).unwrap();
    let vmsa = Vmsa::from_bytes(&page.try_into().unwrap());
    assert_eq!(vmsa.check_reserved(), Ok(()));
    let fields: Vec<String> =
        vmsa.non_zero().map(|(field, value)| format!("{field}: {value}")).collect();
    assert_eq!(
        fields,
        [
            "ES: selector 0x0 attributes 0x93 limit 0xffff base 0x0",
            "CS: selector 0xf000 attributes 0x9b limit 0xffff base 0xffff0000",
            "SS: selector 0x0 attributes 0x93 limit 0xffff base 0x0",
            "DS: selector 0x0 attributes 0x93 limit 0xffff base 0x0",
            "FS: selector 0x0 attributes 0x93 limit 0xffff base 0x0",
            "GS: selector 0x0 attributes 0x93 limit 0xffff base 0x0",
            "GDTR: selector 0x0 attributes 0x0 limit 0xffff base 0x0",
            "LDTR: selector 0x0 attributes 0x82 limit 0xffff base 0x0",
            "IDTR: selector 0x0 attributes 0x0 limit 0xffff base 0x0",
            "TR: selector 0x0 attributes 0x8b limit 0xffff base 0x0",
            "EFER: 0x1000",
            "CR4: 0x40",
            "CR0: 0x10",
            "DR7: 0x400",
            "DR6: 0xffff0ff0",
            "RFLAGS: 0x2",
            "RIP: 0xfff0",
            "G_PAT: 0x7040600070406",
            "RDX: 0xa00f11",
            "XCR0: 0x1",
        ]
    );
}

proptest! {
    #[test]
    fn there_and_back(page in proptest::collection::vec(any::<u8>(), 4096)) {
        let page: Page = page.try_into().unwrap();
        let vmsa = Vmsa::from_bytes(&page);
        prop_assert_eq!(vmsa.as_bytes(), &page);
        prop_assert!(vmsa.differences(&vmsa).next().is_none());
        prop_assert!(Vmsa::from_bytes(vmsa.as_bytes()).differences(&vmsa).next().is_none());
    }
}
