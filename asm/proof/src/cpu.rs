//! Single instructions on the CPU itself, to compare the machine of the proofs with it.

#![allow(
    unsafe_code,
    reason = "asm/proof/src/cpu.rs is a listed unsafe file: it calls code that it made"
)]

use iced_x86::code_asm::registers::{get_gpr64, get_xmm, get_ymm, get_zmm};
use iced_x86::code_asm::{
    AsmRegister64, CodeAssembler, k1, ptr, r12, r13, r14, r15, rax, rbp, rbx, rdi,
};
use iced_x86::{Encoder, IcedError, Instruction, Mnemonic, OpKind, Register};
use memmap2::{Mmap, MmapMut};

/// What an instruction reads and changes: registers, flags and 64 bytes of memory.
#[repr(C, align(64))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// zmm0 to zmm31, 16 bytes a lane.
    pub vectors: [[u128; 4]; 32],
    /// The memory operand.
    pub memory: [u128; 4],
    /// rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15.
    pub general: [u64; 16],
    /// The flags register.
    pub flags: u64,
    /// k1.
    pub mask: u64,
}

impl Frame {
    /// A frame of zeroes.
    #[must_use]
    pub fn new() -> Self {
        Self { vectors: [[0; 4]; 32], memory: [0; 4], general: [0; 16], flags: 0, mask: 0 }
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::new()
    }
}

/// How much of the vector registers the code loads and stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vectors {
    /// xmm0 to xmm15: every x86-64 CPU.
    Sse,
    /// ymm0 to ymm15.
    Avx,
    /// zmm0 to zmm31 and k1.
    Avx512,
}

/// Code that runs one instruction on a [`Frame`].
pub struct Trial {
    code: Mmap,
    vectors: Vectors,
}

/// The register that points to the frame's memory; the frame itself is at r15. No kernel uses them.
pub const MEMORY: Register = Register::R14;

impl Trial {
    /// Code for an instruction without a branch, its memory operand redirected to [`Frame::memory`]; `None` if this
    /// CPU lacks one of `needs`, which are names as in `is_x86_feature_detected`.
    ///
    /// # Errors
    /// Where the instruction cannot be encoded again.
    pub fn new(instruction: Instruction, needs: &[&str]) -> Result<Option<Self>, IcedError> {
        if !needs.iter().all(|feature| has(feature)) {
            return Ok(None);
        }
        let vectors = match (has("avx512bw"), has("avx")) {
            (true, _) => Vectors::Avx512,
            (_, true) => Vectors::Avx,
            _ => Vectors::Sse,
        };
        let mut bytes = before(vectors)?;
        let mut encoder = Encoder::new(64);
        encoder.encode(&redirected(instruction), 0)?;
        bytes.extend(encoder.take_buffer());
        bytes.extend(after(vectors)?);
        let mut map = MmapMut::map_anon(bytes.len()).expect("memory for code");
        map[..bytes.len()].copy_from_slice(&bytes);
        Ok(Some(Self { code: map.make_exec().expect("executable memory"), vectors }))
    }

    /// How many vector registers the frame stands for, and how many lanes of each.
    #[must_use]
    pub fn vectors(&self) -> (usize, usize) {
        match self.vectors {
            Vectors::Sse => (16, 1),
            Vectors::Avx => (16, 2),
            Vectors::Avx512 => (32, 4),
        }
    }

    /// Runs the instruction.
    pub fn run(&self, frame: &mut Frame) {
        // SAFETY: the mapping holds the function that `new` made: System V ABI, one pointer. It keeps the callee-saved
        // registers, accesses the frame only, and returns. `new` saw that the CPU has its instructions.
        unsafe {
            let code: extern "sysv64" fn(*mut Frame) = std::mem::transmute(self.code.as_ptr());
            code(frame);
        }
    }
}

/// Whether the CPU has a feature.
#[must_use]
pub fn has(feature: &str) -> bool {
    match feature {
        "sse2" => true,
        "aes" => is_x86_feature_detected!("aes"),
        "ssse3" => is_x86_feature_detected!("ssse3"),
        "bmi2" => is_x86_feature_detected!("bmi2"),
        "adx" => is_x86_feature_detected!("adx"),
        "avx512bw" => is_x86_feature_detected!("avx512bw"),
        "pclmulqdq" => is_x86_feature_detected!("pclmulqdq"),
        "avx" => is_x86_feature_detected!("avx"),
        "avx2" => is_x86_feature_detected!("avx2"),
        "vaes" => is_x86_feature_detected!("vaes"),
        "vpclmulqdq" => is_x86_feature_detected!("vpclmulqdq"),
        "avx512f" => is_x86_feature_detected!("avx512f"),
        "avx512vl" => is_x86_feature_detected!("avx512vl"),
        _ => false,
    }
}

/// The same with its memory operand, if it accesses one, at the frame's memory.
#[must_use]
pub fn redirected(mut instruction: Instruction) -> Instruction {
    let has_memory = (0..instruction.op_count()).any(|n| instruction.op_kind(n) == OpKind::Memory);
    if has_memory && instruction.mnemonic() != Mnemonic::Lea {
        instruction.set_memory_base(MEMORY);
        instruction.set_memory_index(Register::None);
        instruction.set_memory_displacement64(0);
        instruction.set_memory_displ_size(0);
    }
    instruction
}

const VECTOR: i32 = 64;
const MEMORY_AT: i32 = 32 * VECTOR;
const GENERAL_AT: i32 = MEMORY_AT + 64;
const FLAGS_AT: i32 = GENERAL_AT + 16 * 8;
const MASK_AT: i32 = FLAGS_AT + 8;
const _: () = assert!(std::mem::offset_of!(Frame, memory) == MEMORY_AT as usize);
const _: () = assert!(std::mem::offset_of!(Frame, general) == GENERAL_AT as usize);
const _: () = assert!(std::mem::offset_of!(Frame, flags) == FLAGS_AT as usize);
const _: () = assert!(std::mem::offset_of!(Frame, mask) == MASK_AT as usize);

/// The general registers that kernels use: all but rbx, rsp, rbp and r12 to r15.
pub const GENERAL: [usize; 9] = [0, 1, 2, 6, 7, 8, 9, 10, 11];

fn general() -> impl Iterator<Item = (AsmRegister64, i32)> {
    GENERAL.into_iter().map(|n| {
        let register = get_gpr64(Register::RAX + n as u32).expect("a general register");
        (register, GENERAL_AT + 8 * n as i32)
    })
}

/// Saves the caller's registers, loads the frame's.
fn before(vectors: Vectors) -> Result<Vec<u8>, IcedError> {
    let mut a = CodeAssembler::new(64)?;
    for register in [rbx, rbp, r12, r13, r14, r15] {
        a.push(register)?;
    }
    a.mov(r15, rdi)?;
    a.lea(r14, ptr(r15 + MEMORY_AT))?;
    move_vectors(&mut a, vectors, true)?;
    if vectors == Vectors::Avx512 {
        a.mov(rax, ptr(r15 + MASK_AT))?;
        a.kmovq(k1, rax)?;
    }
    a.mov(rax, ptr(r15 + FLAGS_AT))?;
    a.push(rax)?;
    a.popfq()?;
    for (register, at) in general() {
        a.mov(register, ptr(r15 + at))?;
    }
    a.assemble(0)
}

/// Stores the registers into the frame, restores the caller's.
fn after(vectors: Vectors) -> Result<Vec<u8>, IcedError> {
    let mut a = CodeAssembler::new(64)?;
    for (register, at) in general() {
        a.mov(ptr(r15 + at), register)?;
    }
    a.pushfq()?;
    a.pop(rax)?;
    a.mov(ptr(r15 + FLAGS_AT), rax)?;
    move_vectors(&mut a, vectors, false)?;
    if vectors == Vectors::Avx512 {
        a.kmovq(rax, k1)?;
        a.mov(ptr(r15 + MASK_AT), rax)?;
    }
    if vectors != Vectors::Sse {
        a.vzeroupper()?;
    }
    for register in [r15, r14, r13, r12, rbp, rbx] {
        a.pop(register)?;
    }
    a.ret()?;
    a.assemble(0)
}

/// Loads the vector registers from the frame, or stores them.
fn move_vectors(a: &mut CodeAssembler, vectors: Vectors, load: bool) -> Result<(), IcedError> {
    for n in 0..if vectors == Vectors::Avx512 { 32 } else { 16 } {
        let at = ptr(r15 + VECTOR * n);
        let (xmm, ymm, zmm) = (
            get_xmm(Register::XMM0 + n).expect("a vector register"),
            get_ymm(Register::YMM0 + n).expect("a vector register"),
            get_zmm(Register::ZMM0 + n).expect("a vector register"),
        );
        match (vectors, load) {
            (Vectors::Avx512, true) => a.vmovdqu64(zmm, at)?,
            (Vectors::Avx512, false) => a.vmovdqu64(at, zmm)?,
            (Vectors::Avx, true) => a.vmovdqu(ymm, at)?,
            (Vectors::Avx, false) => a.vmovdqu(at, ymm)?,
            (Vectors::Sse, true) => a.movdqu(xmm, at)?,
            (Vectors::Sse, false) => a.movdqu(at, xmm)?,
        }
    }
    Ok(())
}
