//! A small kernel, right and wrong: mistakes that changing one instruction does not make.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use iced_x86::code_asm::{
    CodeAssembler, eax, ptr, r8, r9, r10, r11, rax, rbx, rcx, rdi, rdx, rsi, xmm0, xmm1,
};
use iced_x86::{Code, IcedError, Instruction, Mnemonic, OpKind, Register};
use sevcrypt_proof::contract::{Effort, Proof};
use sevcrypt_proof::kernels::{Kernel, linked};
use sevcrypt_proof::machine::Program;

/// What is wrong with the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    Nothing,
    /// Every segment's memory is the first one's: a copy of the list pointer does not move on.
    ListPointer,
    /// Every segment but the first is taken to begin at its page's start.
    Place,
    /// A register is not wiped.
    Wipe,
    /// A register of the caller is not restored.
    CalleeSaved,
    /// The source is read twice.
    ReadTwice,
    /// The source is read again behind the store of its result.
    ReadBehindWrite,
    /// The last segment is left out.
    Last,
    /// The last key is taken for all segments, and the whitening of the first.
    Whitening,
}

/// XEX with AES-128, one block after the other: keys rdi, before rsi, after rdx, segments rcx, count r8.
fn assemble(a: &mut CodeAssembler, mistake: Mistake) -> Result<(), IcedError> {
    let is = |other| mistake == other;
    let (mut segment, mut block, mut end) = (a.create_label(), a.create_label(), a.create_label());
    a.mov(r11, rcx)?;
    if is(Mistake::CalleeSaved) {
        a.mov(rbx, rcx)?;
    }
    if is(Mistake::Last) {
        a.dec(r8)?;
        a.je(end)?;
    }
    if is(Mistake::Place) {
        a.mov(eax, ptr(rcx + 24))?;
    }
    if is(Mistake::Whitening) {
        a.movdqa(xmm1, ptr(rcx + 32))?;
    }
    a.set_label(&mut segment)?;
    let list = if is(Mistake::ListPointer) { r11 } else { rcx };
    a.mov(r9, ptr(list))?;
    a.mov(r10, ptr(list + 8))?;
    if !is(Mistake::Place) {
        a.mov(eax, ptr(rcx + 24))?;
    }
    a.set_label(&mut block)?;
    a.movdqu(xmm0, ptr(r9))?;
    if is(Mistake::ReadTwice) {
        a.movdqu(xmm0, ptr(r9))?;
    }
    if is(Mistake::Whitening) {
        a.pxor(xmm0, xmm1)?;
    } else {
        a.pxor(xmm0, ptr(rcx + 32))?;
    }
    a.pxor(xmm0, ptr(rsi + rax))?;
    a.pxor(xmm0, ptr(rdi))?;
    for round in 1..10 {
        a.aesenc(xmm0, ptr(rdi + 16 * round))?;
    }
    a.aesenclast(xmm0, ptr(rdi + 160))?;
    a.pxor(xmm0, ptr(rcx + 48))?;
    a.pxor(xmm0, ptr(rdx + rax))?;
    a.movdqu(ptr(r10), xmm0)?;
    if is(Mistake::ReadBehindWrite) {
        a.movdqu(xmm0, ptr(r9))?;
    }
    a.add(r9, 16)?;
    a.add(r10, 16)?;
    a.add(rax, 16)?;
    a.cmp(eax, ptr(rcx + 28))?;
    a.jne(block)?;
    if is(Mistake::Place) {
        a.xor(eax, eax)?;
    }
    a.add(rcx, 64)?;
    a.dec(r8)?;
    a.jne(segment)?;
    a.set_label(&mut end)?;
    if !is(Mistake::Wipe) {
        a.pxor(xmm0, xmm0)?;
    }
    a.pxor(xmm1, xmm1)?;
    a.ret()
}

/// What the prover says of the kernel.
fn verdict(mistake: Mistake) -> Result<(), String> {
    let mut a = CodeAssembler::new(64).unwrap();
    assemble(&mut a, mistake).unwrap();
    let kernel = Kernel {
        file: "xex_small".to_owned(),
        body: "aes128_encrypt".to_owned(),
        bytes: a.assemble(0x1000).unwrap(),
        address: 0x1000,
    };
    Proof::new(&kernel).unwrap().run(Effort::Proof).map(|_| ())
}

#[test]
fn the_right_kernel_is_proved() {
    assert_eq!(verdict(Mistake::Nothing), Ok(()));
}

#[test]
fn wrong_kernels_are_rejected() {
    use Mistake as M;
    let reasons = [
        (M::ListPointer, "Unknown"),
        (M::Place, "an address from"),
        (M::Wipe, "vector register 0 is not wiped"),
        (M::CalleeSaved, "the caller's register 3 has changed"),
        (M::ReadTwice, "read 2 times"),
        (M::ReadBehindWrite, "behind the write of its result"),
        (M::Last, "returns before the end of the list"),
        (M::Whitening, "block 0 is not what the definition says"),
    ];
    for (mistake, reason) in reasons {
        match verdict(mistake) {
            Ok(()) => panic!("{mistake:?} is proved"),
            Err(why) => assert!(why.contains(reason), "{mistake:?}: {why}"),
        }
    }
}

/// A change of every instruction that it fits.
type Everywhere = fn(&mut Instruction) -> bool;

/// Mistakes that a hash kernel makes in all places at once.
const EVERYWHERE: &[(&str, Everywhere)] = &[
    ("sums of 32 bits", |i| {
        let code = match i.code() {
            Code::VEX_Vpaddq_ymm_ymm_ymmm256 => Code::VEX_Vpaddd_ymm_ymm_ymmm256,
            Code::EVEX_Vpaddq_zmm_k1z_zmm_zmmm512b64 if i.op2_kind() == OpKind::Register => {
                Code::EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32
            }
            _ => return false,
        };
        i.set_code(code);
        true
    }),
    ("sums without carries", |i| {
        let code = match i.code() {
            Code::VEX_Vpaddq_ymm_ymm_ymmm256 => Code::VEX_Vpxor_ymm_ymm_ymmm256,
            Code::EVEX_Vpaddq_zmm_k1z_zmm_zmmm512b64 => Code::EVEX_Vpxorq_zmm_k1z_zmm_zmmm512b64,
            _ => return false,
        };
        i.set_code(code);
        true
    }),
    ("constants from the padding's table", |i| {
        let is_constant = i.memory_base() == Register::RSI;
        if is_constant {
            i.set_memory_base(Register::RDX);
        }
        is_constant
    }),
    ("one message of every two", |i| {
        let lane = i.memory_displacement64();
        let is_second = i.mnemonic() == Mnemonic::Mov
            && i.op0_register() == Register::RAX
            && i.memory_index() == Register::None
            && lane % 16 == 8;
        if is_second {
            i.set_memory_displacement64(lane - 8);
        }
        is_second
    }),
    ("pointers of 32 bits", |i| {
        let is_pointer = i.mnemonic() == Mnemonic::Mov && i.op0_register() == Register::RAX;
        if is_pointer {
            i.set_code(Code::Mov_r32_rm32);
            i.set_op0_register(Register::EAX);
        }
        is_pointer
    }),
    ("hash values stored over what lies behind them", |i| {
        let is_store = i.op0_kind() == OpKind::Memory && i.memory_base() == Register::RDI;
        if is_store {
            i.set_memory_displacement64(i.memory_displacement64() + 64);
        }
        is_store
    }),
    ("upper halves that stay", |i| {
        let is_wipe = i.mnemonic() == Mnemonic::Vzeroall;
        if is_wipe {
            i.set_code(Code::VEX_Vzeroupper);
        }
        is_wipe
    }),
];

/// Mistakes that a kernel for counter mode makes in all places at once.
const COUNTED: &[(&str, Everywhere)] = &[
    ("counters of 32 bits", |i| {
        let code = match i.code() {
            Code::Paddq_xmm_xmmm128 => Code::Paddd_xmm_xmmm128,
            Code::VEX_Vpaddq_xmm_xmm_xmmm128 => Code::VEX_Vpaddd_xmm_xmm_xmmm128,
            Code::VEX_Vpaddq_ymm_ymm_ymmm256 => Code::VEX_Vpaddd_ymm_ymm_ymmm256,
            Code::EVEX_Vpaddq_xmm_k1z_xmm_xmmm128b64 => Code::EVEX_Vpaddd_xmm_k1z_xmm_xmmm128b32,
            Code::EVEX_Vpaddq_zmm_k1z_zmm_zmmm512b64 => Code::EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32,
            _ => return false,
        };
        i.set_code(code);
        true
    }),
    ("sums without carries", |i| {
        let code = match i.code() {
            Code::Paddq_xmm_xmmm128 => Code::Pxor_xmm_xmmm128,
            Code::VEX_Vpaddq_xmm_xmm_xmmm128 => Code::VEX_Vpxor_xmm_xmm_xmmm128,
            Code::VEX_Vpaddq_ymm_ymm_ymmm256 => Code::VEX_Vpxor_ymm_ymm_ymmm256,
            Code::EVEX_Vpaddq_xmm_k1z_xmm_xmmm128b64 => Code::EVEX_Vpxorq_xmm_k1z_xmm_xmmm128b64,
            Code::EVEX_Vpaddq_zmm_k1z_zmm_zmmm512b64 => Code::EVEX_Vpxorq_zmm_k1z_zmm_zmmm512b64,
            _ => return false,
        };
        i.set_code(code);
        true
    }),
    ("numbers one too large", |i| {
        let is_number = i.memory_base() == Register::RCX && i.memory_displacement64() < 1088;
        if is_number {
            i.set_memory_displacement64(i.memory_displacement64() + 16);
        }
        is_number
    }),
    ("both halves of the counter from the low one", |i| {
        let is_high = i.memory_base() == Register::RSI && i.memory_displacement64() == 40;
        if is_high {
            i.set_memory_displacement64(32);
        }
        is_high
    }),
];

#[test]
fn wrong_counting_kernels_are_rejected() {
    wrong_everywhere("ctr", 6, COUNTED);
}

#[test]
fn wrong_hash_kernels_are_rejected() {
    wrong_everywhere("sha384", 3, EVERYWHERE);
}

/// Gives the kernels of some files to the prover, with each mistake.
fn wrong_everywhere(files: &str, count: usize, mistakes: &[(&str, Everywhere)]) {
    let kernels: Vec<_> =
        linked().into_iter().filter(|kernel| kernel.file.starts_with(files)).collect();
    assert_eq!(kernels.len(), count);
    for kernel in &kernels {
        for (what, change) in mistakes {
            let mut proof = Proof::new(kernel).unwrap();
            let original = Program::decode(&kernel.bytes, kernel.address).unwrap();
            let (mut wrong, mut changed) = (original.instructions.clone(), 0);
            for instruction in &mut wrong {
                changed += usize::from(change(instruction));
            }
            assert!(changed > 0, "{}: {what}: nothing to change", kernel.name());
            proof.program.instructions = wrong;
            assert!(proof.run(Effort::Sieve).is_err(), "{}: {what}", kernel.name());
        }
    }
}
