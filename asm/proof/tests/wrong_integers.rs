//! A sum modulo P-384's prime, right and wrong: mistakes that changing one instruction does not make. And the kernels with
//! numbers that are known, against the definition.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use iced_x86::code_asm::{
    AsmRegister64, CodeAssembler, eax, ptr, r8, r9, r10, r11, r12, r13, r14, r15, rax, rbp, rbx,
    rcx, rdi, rdx, rsi, rsp,
};
use iced_x86::{Decoder, DecoderOptions, IcedError, Register};
use num_bigint::BigInt;
use sevcrypt_proof::contract::{Effort, Proof};
use sevcrypt_proof::forms::{Form, Ledger, power};
use sevcrypt_proof::integers::{Access, Area, State, Value, run};
use sevcrypt_proof::kernels::{Kernel, linked};
use sevcrypt_proof::machine::Program;

/// What is wrong with the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    Nothing,
    /// The carry of the sum is lost.
    Carry,
    /// The prime is never subtracted.
    Correction,
    /// The prime is subtracted always.
    Always,
    /// Words of the result are written ahead of the last read.
    Early,
    /// The result's first word is written twice.
    Twice,
    /// A word behind the result is written.
    Behind,
    /// The last word of the result is not written.
    Last,
    /// A register of the caller is not restored.
    CalleeSaved,
    /// Something is left on the stack.
    Stack,
    /// Bytes below the stack pointer are used.
    RedZone,
    /// The correction is jumped over.
    Branch,
    /// The chain begins with a flag that nobody has set.
    Flag,
}

const SUM: [AsmRegister64; 6] = [r8, r9, r10, r11, rax, rcx];
const LESS: [AsmRegister64; 6] = [rbx, rbp, r12, r13, r14, r15];

fn assemble(a: &mut CodeAssembler, mistake: Mistake) -> Result<(), IcedError> {
    let is = |other| mistake == other;
    for register in LESS {
        a.push(register)?;
    }
    for (n, register) in (0..).zip(SUM) {
        a.mov(register, ptr(rsi + 8 * n))?;
    }
    if is(Mistake::Flag) {
        a.adc(r8, ptr(rdx))?;
    } else {
        a.add(r8, ptr(rdx))?;
    }
    if is(Mistake::Early) {
        a.mov(ptr(rdi + 40), rcx)?;
    }
    for (n, register) in (0..).zip(SUM).skip(1) {
        a.adc(register, ptr(rdx + 8 * n))?;
    }
    a.mov(rsi, 0_u64)?;
    if !is(Mistake::Carry) {
        a.adc(rsi, 0)?;
    }
    for (register, copy) in SUM.into_iter().zip(LESS) {
        a.mov(copy, register)?;
    }
    let mut end = a.create_label();
    if !is(Mistake::Correction) {
        a.mov(rdx, 0xffff_ffff_u64)?;
        a.sub(rbx, rdx)?;
        a.mov(rdx, 0xffff_ffff_0000_0000_u64)?;
        a.sbb(rbp, rdx)?;
        a.sbb(r12, -2)?;
        a.sbb(r13, -1)?;
        a.sbb(r14, -1)?;
        a.sbb(r15, -1)?;
        a.sbb(rsi, 0)?;
        if is(Mistake::Branch) {
            a.jae(end)?;
        }
        if !is(Mistake::Always) {
            for (register, copy) in SUM.into_iter().zip(LESS) {
                a.cmovb(copy, register)?;
            }
        }
    }
    a.set_label(&mut end)?;
    for (n, copy) in (0..).zip(LESS) {
        if !(is(Mistake::Early) || is(Mistake::Last)) || n < 5 {
            a.mov(ptr(rdi + 8 * n), copy)?;
        }
    }
    if is(Mistake::Twice) {
        a.mov(ptr(rdi), rbx)?;
    }
    if is(Mistake::Behind) {
        a.mov(ptr(rdi + 48), rbx)?;
    }
    if is(Mistake::RedZone) {
        a.mov(ptr(rsp - 8), rbx)?;
    }
    if is(Mistake::Stack) {
        a.push(rax)?;
        a.mov(eax, 0)?;
    }
    for register in LESS.into_iter().rev() {
        a.pop(if is(Mistake::CalleeSaved) && register == rbp { rdx } else { register })?;
    }
    a.ret()
}

fn proved(mistake: Mistake) -> Result<(), String> {
    let mut a = CodeAssembler::new(64).unwrap();
    assemble(&mut a, mistake).unwrap();
    let bytes = a.assemble(0x1000).unwrap();
    let kernel =
        Kernel { file: "p384_mulx".to_owned(), body: "add".to_owned(), bytes, address: 0x1000 };
    Proof::new(&kernel)?.run(Effort::Proof).map(|_| ())
}

#[test]
fn a_right_kernel_is_proved() {
    proved(Mistake::Nothing).unwrap();
}

#[test]
fn every_mistake_is_found() {
    let mistakes = [
        (Mistake::Carry, "is dropped, and may be set"),
        (Mistake::Correction, "cases, not 2"),
        (Mistake::Always, "is dropped, and may be set"),
        (Mistake::Early, "the result is another one"),
        (Mistake::Twice, "writes a word of out again"),
        (Mistake::Behind, "accesses out at 48"),
        (Mistake::Last, "not every word of out is written"),
        (Mistake::CalleeSaved, "the caller's register 5 has changed"),
        (Mistake::Stack, "the stack is not as it was"),
        (Mistake::RedZone, "the stack pointer"),
        (Mistake::Branch, "not modelled"),
        (Mistake::Flag, "a flag that nothing is known of"),
    ];
    for (mistake, wanted) in mistakes {
        let why = proved(mistake).expect_err("a mistake is taken");
        assert!(why.contains(wanted), "{mistake:?}: {why}");
    }
}

/// Every kernel with known numbers, by the machine: which shows what the proofs' words and calls rest on.
#[test]
fn known_numbers_come_out_as_defined() {
    let p = power(384) - power(128) - power(96) + power(32) - 1_u32;
    let number = |words: &[u64]| {
        words.iter().rev().fold(BigInt::from(0), |sum, word| (sum << 64_u32) + *word)
    };
    let mut seed = 1_u64;
    let mut kernels = linked();
    kernels.retain(|kernel| kernel.file == "p384_mulx");
    for kernel in &kernels {
        let program = Program::decode(&kernel.bytes, kernel.address).unwrap();
        for n in 0..200 {
            let mut words = || -> [u64; 6] {
                std::array::from_fn(|word| {
                    seed = seed
                        .wrapping_mul(0x5851_f42d_4c95_7f2d)
                        .wrapping_add(0x1405_7b7e_f767_814f);
                    match (n % 4, seed >> 60) {
                        // Not above the prime, which begins with words of all bits.
                        (0, 0..8) if word < 5 => u64::MAX,
                        (0, 8..12) => 0,
                        _ => seed ^ seed >> 29,
                    }
                })
            };
            let (a, b) = (words(), words());
            let area = |name, words: &[u64]| {
                let words = words.iter().map(|word| Some(Value::number(*word))).collect();
                Area::new(name, Access::Read, words)
            };
            let out = Area::new("out", Access::WriteOnce, vec![None; 6]);
            let mut state = State::new(vec![out, area("a", &a), area("b", &b)], Ledger::default());
            state.general[7] = Value::Pointer(0, 0);
            state.general[6] = Value::Pointer(1, 0);
            state.general[2] = Value::Pointer(2, 0);
            let ends = run(&program, state, &mut 0).unwrap();
            let [end] = &ends[..] else { panic!("cases, of what is known") };
            let mut out = BigInt::from(0);
            for (n, word) in (0..).zip(&end.areas[0].words) {
                let Some(Value::Integer(form, _)) = word else { panic!("a word") };
                out += form.known().unwrap() << (64_u32 * n);
            }
            let (a, b) = (number(&a), number(&b));
            let (left, right) = match &*kernel.body {
                "mul" => (&out << 384_u32, a * b),
                "sqr" => (&out << 384_u32, &a * &a),
                "add" => (out.clone(), a + b),
                "sub" => (out.clone(), a - b),
                _ => (&out << 1_u32, a),
            };
            assert!(out < p && (left - right) % &p == BigInt::from(0), "{}", kernel.name());
        }
    }
}

/// A number less its low half 2^32 times may borrow, whatever else is known of the halves.
#[test]
fn a_borrow_that_may_be_set() {
    let mut ledger = Ledger::default();
    let range = (BigInt::from(0), power(64) - 1);
    let d = Form::symbol(ledger.fresh(range.clone()));
    let split = ledger.split(&d, &range, 32).expect("two halves");
    let mut q = d.plus(&split.low, -power(32));
    let borrow = ledger.fresh((BigInt::from(0), BigInt::from(1)));
    q.add(&Form::symbol(borrow), &power(64));
    split.substitutions.iter().for_each(|it| it.apply(&mut q));
    ledger.set_meaning(borrow, q.clone(), range.clone());
    assert!(!ledger.is_never_set(borrow), "1 - 2^32 borrows");
    let _halves = ledger.split(&q, &range, 32);
    assert!(!ledger.is_never_set(borrow), "and still does when q has halves");
}

/// The kernels with addresses of 32 bits, by each register in turn, and with two bytes of the stack lost: not proved.
#[test]
fn smaller_addresses_and_words_are_seen() {
    let is_proved = |kernel: &Kernel, bytes: Vec<u8>| {
        let changed = Kernel { bytes, address: 0x1000, ..kernel.clone() };
        Proof::new(&changed).and_then(|mut proof| proof.run(Effort::Proof)).is_ok()
    };
    let mut changed = 0;
    for kernel in linked().iter().filter(|kernel| kernel.file.ends_with("_mulx")) {
        assert!(is_proved(kernel, kernel.bytes.clone()), "{}", kernel.name());
        // pushw 0; pop rax
        let stack = [&[0x66, 0x6a, 0x00, 0x58], &kernel.bytes[..]].concat();
        assert!(!is_proved(kernel, stack), "{}", kernel.name());
        for base in [Register::RDI, Register::RSI, Register::RDX, Register::RCX] {
            let mut bytes = Vec::new();
            let mut decoder = Decoder::new(64, &kernel.bytes, DecoderOptions::NONE);
            while decoder.can_decode() {
                let start = decoder.position();
                if decoder.decode().memory_base() == base {
                    bytes.push(0x67);
                }
                bytes.extend_from_slice(&kernel.bytes[start..decoder.position()]);
            }
            if bytes != kernel.bytes {
                changed += 1;
                assert!(!is_proved(kernel, bytes), "{} by {base:?}", kernel.name());
            }
        }
    }
    assert!(changed > 6, "{changed}");
}
