//! A small kernel, right and wrong: mistakes that changing one instruction does not make.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use iced_x86::IcedError;
use iced_x86::code_asm::{
    CodeAssembler, eax, ptr, r8, r9, r10, r11, rax, rbx, rcx, rdi, rdx, rsi, xmm0, xmm1,
};
use sevcrypt_proof::contract::{Effort, Proof};
use sevcrypt_proof::kernels::Kernel;

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
