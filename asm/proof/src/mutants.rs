//! Kernels with one mistake each, to see that the prover finds it.

use iced_x86::{Code, Instruction, Mnemonic, OpKind, Register};

use crate::contract::Effort;
use crate::machine::Program;

/// A mistake.
pub struct Mutant {
    /// Which instruction, and what was done to it.
    pub what: String,
    /// The instruction as it was.
    pub original: Instruction,
    /// What it became; `None` where it is left out.
    pub changed: Option<Instruction>,
    /// All instructions.
    pub program: Program,
}

impl Mutant {
    /// Why the mutant computes the same as the original, if it is of a kind that does, and how much of the proof shows
    /// that it does. The file is the kernel's.
    #[must_use]
    pub fn is_equivalent(&self, file: &str) -> Option<(&'static str, Effort)> {
        let why = match self.changed {
            None => self.why_unneeded(file),
            Some(changed) => self.why_equal(changed, file),
        };
        use Mnemonic as M;
        let decides = matches!(
            self.original.mnemonic(),
            M::Cmp | M::Jae | M::Je | M::Jmp | M::And | M::Mov | M::Xchg | M::Lea | M::Add
        );
        why.map(|why| (why, if decides { Effort::Proof } else { Effort::Lengths }))
    }

    /// Why the kernel does as well without the instruction.
    fn why_unneeded(&self, file: &str) -> Option<&'static str> {
        use Mnemonic as M;
        let original = self.original;
        match (original.mnemonic(), original.op0_register()) {
            (M::Cmp | M::Jae | M::Jmp, _) => Some(
                "the rest goes to smaller groups, or the last group the way of the others: right, and slower",
            ),
            (M::Je, _) if file.starts_with("xts") => Some(
                "what need not be wiped is wiped, or the last group goes the way of the others",
            ),
            (M::And | M::Mov, Register::R8D) => {
                Some("the offset is below 1024 in the first pass, and r8 is rax in the second")
            }
            (M::Xchg, _) => Some("behind the last group nobody asks whose tweaks are whose"),
            (M::Add, Register::RAX) if is_ahead(file) => Some(HINT),
            (M::Mov, Register::RAX) if is_hint(original, file) => Some(HINT),
            (M::Vmovdqa, Register::YMM12) if file == "sha384_vaes256" => Some(BEGUN_ANEW),
            (M::Pslldq | M::Psrldq | M::Pxor, _) if file == "ghash_powers_aesni" => Some(SQUARE),
            (M::Vpaddd, Register::ZMM16) => Some(LAST_COUNTER),
            (M::Vbroadcasti32x4, Register::ZMM23) => Some(STILL_THERE),
            (M::Vpshufd, Register::ZMM25) => Some(LENGTHS),
            (M::Test, _) if file == "gcm_vaes512" => Some(NO_PART),
            (M::Je, _) if file == "gcm_vaes512" => Some(NO_PART),
            (M::Pxor | M::Vpxorq, wiped) if wiped == original.op1_register() => Some(NO_KEY),
            (M::Movdqa, _) if is_zero_half(original) => Some(ZERO_HALF),
            _ => None,
        }
    }

    /// Why the changed instruction does as well.
    fn why_equal(&self, changed: Instruction, file: &str) -> Option<&'static str> {
        use Mnemonic as M;
        let original = self.original;
        let difference = || Some(original.try_immediate(1).ok()? ^ changed.try_immediate(1).ok()?);
        let moved = original.memory_displacement64() ^ changed.memory_displacement64();
        let base = original.memory_base() == changed.memory_base();
        match original.mnemonic() {
            M::Movdqa | M::Pshufd | M::Pxor
                if file == "ghash_powers_aesni"
                    && changed.op1_register() == next(original.op1_register()) =>
            {
                Some("the register is a copy of its neighbour")
            }
            M::Pslldq | M::Psrldq | M::Pxor if file == "ghash_powers_aesni" => Some(SQUARE),
            M::Mov if file == "rsa_mulx" && changed.memory_base() == Register::RDX => {
                Some("both registers have the address of b")
            }
            M::Adcx if changed.mnemonic() == M::Adox => {
                Some("both chains are clear, and go to the same word next")
            }
            M::Adcx
                if original.op0_register() == original.op1_register()
                    && changed.op0_register() == Register::RAX =>
            {
                Some("the word and its addends are added in another order")
            }
            M::Vpaddd if original.op0_register() == Register::ZMM16 => Some(LAST_COUNTER),
            M::Vbroadcasti32x4 if original.op0_register() == Register::ZMM23 => Some(STILL_THERE),
            M::Vpshufd if original.op0_register() == Register::ZMM25 => Some(LENGTHS),
            M::Pclmulqdq | M::Vpclmulqdq | M::Vinserti128 | M::Vextracti64x4 | M::Vextracti32x4
                if original.immediate8() ^ changed.immediate8() == 8 =>
            {
                Some("the CPU ignores this bit of the immediate")
            }
            M::Pclmulqdq | M::Vpclmulqdq
                if is_middle(original) && original.immediate8() ^ changed.immediate8() == 1 =>
            {
                Some("both halves of the register are the sum of halves")
            }
            M::Cmp if difference().is_some_and(|bits| bits != 0) => {
                Some("both ways round this threshold are right; one is faster")
            }
            M::And if difference().is_some_and(|bits| bits < 128) => {
                Some("offsets in the ring are multiples of 128")
            }
            M::Mov if file.starts_with('g') && difference() == Some(0x10) => {
                Some("a shuffle does not look at this bit of its selectors")
            }
            M::Vpxorq
                if original.op0_register() == Register::ZMM18
                    && original.op1_register() == Register::ZMM18
                    && changed.op1_register() == Register::ZMM19 =>
            {
                Some("both sums are zero yet")
            }
            M::Mov if file.starts_with("xts") && matches!(difference(), Some(1 | 0x10)) => {
                Some("a shift by 65 or 80 gives zero, as one by 64 does")
            }
            M::Mov | M::Add if is_ahead(file) && original.op0_register() == Register::RAX => {
                Some(HINT)
            }
            M::Movdqa | M::Vbroadcasti128 | M::Vpshufb
                if file.starts_with("ctr")
                    && original.memory_base() == Register::RCX
                    && original.memory_displacement64() == 0x440
                    && base
                    && moved == 0x10 =>
            {
                Some(SAME_ORDER)
            }
            M::Mov if is_hint(original, file) => Some(HINT),
            M::Vmovdqa
                if file == "sha384_vaes256" && original.op0_register() == Register::YMM12 =>
            {
                Some(BEGUN_ANEW)
            }
            M::Vpxor
                if file == "sha384_vaes256"
                    && original.op0_register() == Register::YMM11
                    && changed.op0_register() == Register::YMM12 =>
            {
                Some(BEGUN_ANEW)
            }
            M::Vmovdqu
                if file == "sha384_vaes256"
                    && original.op0_register() == Register::YMM14
                    && base
                    && moved == 0x10 =>
            {
                Some(SAME_ORDER)
            }
            M::Lea if moved == 0x40 => {
                Some("AES-128 keeps no keys behind the second group of tweaks")
            }
            M::Valignq => Some("the lane that comes in at the top is never used"),
            M::Vaesenc | M::Vaesdec if base && moved == 0x10 => {
                Some("each lane of the copy holds the same key")
            }
            M::Pxor if file == "aes_schedule" && changed.op0_register() == Register::XMM2 => {
                Some("the term reaches the key with xmm2, which is added to it last")
            }
            M::Pxor | M::Vpxorq if original.op0_register() == original.op1_register() => {
                Some(NO_KEY)
            }
            M::Movdqa if is_zero_half(original) => Some(ZERO_HALF),
            M::Movdqa | M::Vmovdqa | M::Vmovdqa64
                if original.op0_kind() == OpKind::Memory
                    && base
                    && moved == 0
                    && matches!(
                        original.op1_register(),
                        Register::XMM0 | Register::YMM0 | Register::ZMM0
                    ) =>
            {
                Some("where a register of zeroes is stored, its neighbour holds zeroes, too")
            }
            M::Aeskeygenassist if original.immediate8() == 0 => {
                Some("the constant is added to dwords that the step does not use")
            }
            _ => None,
        }
    }
}

const SQUARE: &str = "the middle of a square is zero";
const LAST_COUNTER: &str = "no counter comes behind those of a short message";
const STILL_THERE: &str = "the first key is still in its register";
const LENGTHS: &str = "beside the length of the text the register has that of the additional data";
const NO_PART: &str = "a part of no bytes adds nothing to the hash";
const HINT: &str = "the register holds an address that is only prefetched from";
const SAME_ORDER: &str = "each lane of the order is the same";
const NO_KEY: &str = "AES-128 has no key in this register";
const ZERO_HALF: &str = "of this register only the low half is used, which is zero already";

const BEGUN_ANEW: &str = "every block begins with a sum of its own";

/// Whether the kernel keeps the address that it prefetches from in rax.
fn is_ahead(file: &str) -> bool {
    matches!(file, "xts_vaes512" | "ctr_vaes512")
}

/// Whether the instruction loads the address of a message whose next block is prefetched.
fn is_hint(original: Instruction, file: &str) -> bool {
    file.starts_with("sha384") && original.memory_index() == Register::R9
}

/// Whether the instruction multiplies sums of halves: those of powers lie at the distance of an index register.
fn is_middle(original: Instruction) -> bool {
    original.memory_index() != Register::None
        || matches!(original.op1_register(), Register::XMM10 | Register::XMM11)
}

/// Whether the instruction copies the register whose low half is zero.
fn is_zero_half(original: Instruction) -> bool {
    matches!(
        (original.op0_register(), original.op1_register()),
        (Register::XMM12, Register::XMM11) | (Register::XMM9, Register::XMM10)
    )
}

/// Every mutant of a program: each instruction left out; each branch turned round; each immediate and displacement with
/// one bit changed; each register operand replaced by the next register; a middle AES round for a last one, and an
/// encryption round for a decryption round; carries left out, and taken from the other chain. Prefetches, which change no result, stay as they are.
pub fn mutants(program: &Program) -> impl Iterator<Item = Mutant> {
    let numbered = program.instructions.iter().copied().enumerate();
    let all = numbered.filter(|(_, original)| original.mnemonic() != Mnemonic::Prefetcht0);
    all.flat_map(move |(n, original)| {
        let left_out = Mutant {
            what: format!("{n}: `{original}` left out"),
            original,
            changed: None,
            program: program.without(n),
        };
        let changed = changes(original).into_iter().map(move |mutant| Mutant {
            what: format!("{n}: `{original}` became `{mutant}`"),
            original,
            changed: Some(mutant),
            program: program.with(n, mutant),
        });
        std::iter::once(left_out).chain(changed)
    })
}

fn changes(original: Instruction) -> Vec<Instruction> {
    let mut changes = Vec::new();
    let mut add = |change: &dyn Fn(&mut Instruction)| {
        let mut mutant = original;
        change(&mut mutant);
        changes.push(mutant);
    };
    if original.is_jcc_short_or_near() {
        add(&|i| i.negate_condition_code());
        return changes;
    }
    for n in 0..original.op_count() {
        match original.op_kind(n) {
            OpKind::Register => {
                let register = original.op_register(n);
                add(&|i| i.set_op_register(n, next(register)));
            }
            OpKind::Memory => {
                for bit in [4, 6] {
                    let displacement = original.memory_displacement64() ^ (1 << bit);
                    add(&|i| i.set_memory_displacement64(displacement));
                }
                let base = original.memory_base();
                add(&|i| i.set_memory_base(next(base)));
            }
            OpKind::Immediate8 => {
                for bit in [0, 3] {
                    add(&|i| i.set_immediate8(original.immediate8() ^ (1 << bit)));
                }
            }
            _ => {
                for bit in [0, 4] {
                    if let Ok(immediate) = original.try_immediate(n) {
                        add(&|i| i.set_immediate_u64(n, immediate ^ (1 << bit)));
                    }
                }
            }
        }
    }
    for other in other_round(original.code()).into_iter().chain(other_carry(original.code())) {
        add(&|i| i.set_code(other));
    }
    if original.mnemonic() == Mnemonic::Mulx {
        let (high, low) = (original.op0_register(), original.op1_register());
        add(&|i| {
            i.set_op0_register(low);
            i.set_op1_register(high);
        });
    }
    changes
}

/// The next register of the same kind; of general registers, one that kernels use.
fn next(register: Register) -> Register {
    if register.is_gpr64() || register.is_gpr32() {
        let wide = match register.full_register() {
            Register::RAX => Register::RCX,
            Register::RCX => Register::RDX,
            Register::RDX => Register::RSI,
            Register::RSI => Register::RDI,
            Register::RDI => Register::R8,
            Register::R8 => Register::R9,
            Register::R9 => Register::R10,
            Register::R10 => Register::R11,
            _ => Register::RAX,
        };
        return if register.is_gpr64() { wide } else { wide.full_register32() };
    }
    let (first, count) = match register {
        _ if register.is_xmm() => (Register::XMM0, 16),
        _ if register.is_ymm() => (Register::YMM0, 16),
        _ if register.is_zmm() => (Register::ZMM0, 32),
        _ if register.is_k() => (Register::K0, 8),
        _ => return register,
    };
    first + (register as u32 - first as u32 + 1) % count
}

fn other_round(code: Code) -> Option<Code> {
    let name = format!("{code:?}");
    let other = if name.contains("enclast") {
        name.replace("enclast", "enc")
    } else if name.contains("declast") {
        name.replace("declast", "dec")
    } else if name.contains("aesdec") {
        name.replace("aesdec", "aesenc")
    } else if name.contains("aesenc") {
        name.replace("aesenc", "aesdec")
    } else {
        return None;
    };
    Code::values().find(|code| format!("{code:?}") == other)
}

/// The same without the carry that comes in, with the other chain's, or under the opposite condition.
fn other_carry(code: Code) -> Vec<Code> {
    let name = format!("{code:?}");
    let pairs = [
        ("Adc_", "Add_"),
        ("Sbb_", "Sub_"),
        ("Adcx_", "Adox_"),
        ("Adox_", "Adcx_"),
        ("Adcx_", "Add_"),
        ("Adox_", "Add_"),
        ("Cmovb_", "Cmovae_"),
    ];
    let others = pairs.iter().filter(|(from, _)| name.starts_with(from));
    let others = others.map(|(from, to)| name.replace(from, to));
    others.filter_map(|other| Code::values().find(|code| format!("{code:?}") == other)).collect()
}
