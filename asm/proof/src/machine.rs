//! A CPU that runs a kernel's instructions on [`Word`]s.
//!
//! Whatever a proof must exclude is an error here: an instruction that is not modelled, a branch whose condition is
//! not a public number, an address that is not "argument + public number", an access outside of an area, a second
//! read of a source byte, a second write of a destination byte, an aligned access that would fault.

use std::collections::BTreeMap;

use iced_x86::{
    Code, ConditionCode, Decoder, DecoderOptions, EncodingKind, FlowControl, Instruction, Mnemonic,
    OpKind, Register,
};

use rustc_hash::FxHashMap as HashMap;

use crate::aes::Unknowns;
use crate::fips197::Round;
use crate::sums::Sums;
use crate::word::{Algebra, Atom, Linear, Word};

/// What went wrong, in words.
pub type Failure = String;

/// The number of an area of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaId(pub usize);

/// What a general register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A public number.
    Number(u64),
    /// A place in an area: its start and so many bytes.
    Pointer(AreaId, i64),
    /// A count of which only this is known: it is at least so much.
    AtLeast(u64),
    /// A number of 32 bits, not zero.
    NotZero,
    /// The place of the segment in its page, and so many bytes. The place is a multiple of 16; nothing more is known.
    Place(i64),
    /// The start of an area less the place, and so many bytes: a table of which the area is the segment's part.
    LessPlace(AreaId, i64),
    /// The place of the next segment, of which nothing is known.
    NextPlace,
    /// Where the next segment ends: it has 1024 bytes or more, or it has not.
    NextEnd(bool),
    /// How many bytes the next segment has: 1024 or more, or not.
    NextLength(bool),
    /// What the caller left in the register of this number.
    Caller(usize),
    /// A public number or pointer of which nothing is known: it may be moved, not used.
    Unknown,
}

/// What may be done with an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read, as often as one likes.
    Read,
    /// Each byte read at most once, and not after the byte in the same place of that area was written: so the two may
    /// be the same memory.
    ReadOnce(Option<AreaId>),
    /// Read, as often as one likes, but not after the byte in the same place of that area was written: so the two may be
    /// the same memory.
    ReadBefore(AreaId),
    /// Each byte written at most once.
    WriteOnce,
    /// Each byte written at most once, and read behind that.
    WriteOnceRead,
    /// Each byte read at most once, then written at most once.
    ReadOnceWriteOnce,
    /// Written, and read where it was written.
    Scratch,
    /// Read and written. What it holds at the end is the contract's.
    Update,
    /// Not accessed at all; its addresses may be prefetched.
    Nothing,
}

/// A piece of memory that a kernel's contract names.
#[derive(Clone, Debug)]
pub struct Area {
    /// Its name, for messages.
    pub name: &'static str,
    /// Its length in bytes.
    pub len: i64,
    /// Its address is a multiple of this, and nothing more is known of it.
    pub alignment: i64,
    /// What may be done with it.
    pub access: Access,
    /// Words of 16 bytes by their number.
    pub words: BTreeMap<i64, Word>,
    /// Fields that hold public values, by their offset: their size in bytes and the value.
    pub fields: BTreeMap<i64, (usize, Value)>,
    /// The numbers of the words that were read, and written.
    pub reads: BTreeMap<i64, u32>,
    /// As `reads`.
    pub writes: BTreeMap<i64, u32>,
}

impl Area {
    /// An area without contents.
    #[must_use]
    pub fn new(name: &'static str, len: i64, alignment: i64, access: Access) -> Self {
        let (words, fields) = (BTreeMap::new(), BTreeMap::new());
        let (reads, writes) = (BTreeMap::new(), BTreeMap::new());
        Self { name, len, alignment, access, words, fields, reads, writes }
    }

    /// The same with these words from its start on.
    #[must_use]
    pub fn with_words(mut self, words: impl IntoIterator<Item = Word>) -> Self {
        self.words = (0..).zip(words).collect();
        self
    }
}

/// A vector register: four words of 128 bits.
pub type Vector = [Word; 4];

/// Everything that changes while a kernel runs.
#[derive(Clone, Debug)]
pub struct State {
    /// rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15.
    pub general: [Value; 16],
    /// zmm0 to zmm31.
    pub vectors: Vec<Vector>,
    /// k0 to k7, where they are known.
    pub masks: [Option<u64>; 8],
    /// The zero flag, where it is that of a public number.
    pub zero: Option<bool>,
    /// The carry flag, likewise.
    pub carry: Option<bool>,
    /// The memory.
    pub areas: Vec<Area>,
    /// The address of the next instruction.
    pub ip: u64,
}

/// The unknowns and the arithmetic: what all states of a proof share.
#[derive(Default)]
pub struct Context {
    /// Matrices and words.
    pub algebra: Algebra,
    /// Atoms.
    pub unknowns: Unknowns,
    /// Products of two unknowns.
    pub products: Products,
    /// Sums with carries, and bits and-ed.
    pub sums: Sums,
}

impl Context {
    /// A word that nothing is known of.
    pub fn fresh(&mut self) -> Word {
        Word::atom(self.unknowns.fresh())
    }

    /// The sums of the halves of two words.
    ///
    /// # Errors
    /// Where there are many addends.
    pub fn add(&mut self, a: &Word, b: &Word) -> Result<Word, Failure> {
        let sum = self.sums.sum(&mut self.unknowns, &[a, b]);
        sum.ok_or_else(|| "a sum of many unknowns".to_owned())
    }

    /// The bits that both words have.
    ///
    /// # Errors
    /// Where both are sums of many unknowns.
    pub fn and(&mut self, a: &Word, b: &Word) -> Result<Word, Failure> {
        let Self { algebra, unknowns, sums, .. } = self;
        let and = sums.and(algebra, unknowns, a, b);
        and.ok_or_else(|| "an and of long sums".to_owned())
    }

    /// Makes the halves of a word factors, and their sum.
    pub fn factor(&mut self, word: &Word) {
        let Self { algebra, products, .. } = self;
        let halves = [algebra.half(word, false), algebra.half(word, true)];
        if let [Some(low), Some(high)] = halves.each_ref().map(|half| products.number(half)) {
            let sum = algebra.xor(&halves[0], &halves[1]);
            products.sums.entry(sum).or_insert_with(|| vec![low, high]);
        }
    }

    /// The carry-less product of two words of 64 bits: a public factor is linear, and unknown ones have to be factors.
    ///
    /// # Errors
    /// Where an unknown is no factor.
    pub fn multiply(&mut self, a: &Word, b: &Word) -> Result<Word, Failure> {
        let Self { algebra, unknowns, products, .. } = self;
        match (a.known(), b.known()) {
            (_, Some(factor)) => return Ok(algebra.linear(a, Linear::Product(factor as u64))),
            (Some(factor), _) => return Ok(algebra.linear(b, Linear::Product(factor as u64))),
            _ => {}
        }
        let unnamed = "a product of unknowns that the contract does not name";
        let a = products.sums.get(a).ok_or(unnamed)?;
        let b = products.sums.get(b).ok_or(unnamed)?;
        let mut sum = Word::default();
        for &a in a {
            for &b in b {
                let atom = products.atoms.entry((a.min(b), a.max(b)));
                let product = Word::atom(*atom.or_insert_with(|| unknowns.fresh()));
                sum = algebra.xor(&sum, &product);
            }
        }
        Ok(sum)
    }
}

/// Carry-less products of two unknowns, which stand as atoms: a product of sums is the sum of the products.
#[derive(Default)]
pub struct Products {
    /// Words of 64 bits as sums of factors, by their numbers.
    sums: HashMap<Word, Vec<u32>>,
    /// The product of two factors.
    atoms: HashMap<(u32, u32), Atom>,
    factors: u32,
}

impl Products {
    /// The number of a factor; `None` if its value is known.
    fn number(&mut self, factor: &Word) -> Option<u32> {
        if factor.known().is_some() {
            return None;
        }
        let new = self.factors;
        let sum = self.sums.entry(factor.clone()).or_insert_with(|| vec![new]);
        self.factors += 1;
        // A sum of two factors is not a third.
        if let [number] = sum[..] { Some(number) } else { None }
    }
}

/// The decoded bytes of a kernel.
pub struct Program {
    /// The instructions, in their order.
    pub instructions: Vec<Instruction>,
    by_address: HashMap<u64, usize>,
}

impl Program {
    /// Decodes all bytes.
    ///
    /// # Errors
    /// Where bytes are no instruction.
    pub fn decode(bytes: &[u8], address: u64) -> Result<Self, Failure> {
        let decoder = Decoder::with_ip(64, bytes, address, DecoderOptions::NONE);
        let instructions: Vec<_> = decoder.into_iter().collect();
        if let Some(bad) = instructions.iter().find(|i| i.is_invalid()) {
            return Err(format!("no instruction at {:#x}", bad.ip() - address));
        }
        let by_address = instructions.iter().enumerate().map(|(n, i)| (i.ip(), n)).collect();
        Ok(Self { instructions, by_address })
    }

    /// The same without this instruction.
    #[must_use]
    pub fn without(&self, n: usize) -> Self {
        let mut by_address = self.by_address.clone();
        // Whoever comes there goes on behind it.
        by_address.insert(self.instructions[n].ip(), n + 1);
        Self { instructions: self.instructions.clone(), by_address }
    }

    /// The same with another instruction in this place.
    #[must_use]
    pub fn with(&self, n: usize, instruction: Instruction) -> Self {
        let mut instructions = self.instructions.clone();
        instructions[n] = instruction;
        Self { instructions, by_address: self.by_address.clone() }
    }

    /// The instruction at an address.
    ///
    /// # Errors
    /// Where there is none.
    pub fn at(&self, ip: u64) -> Result<&Instruction, Failure> {
        let n = self.by_address.get(&ip);
        let n = n.ok_or("a jump out of the kernel or into an instruction")?;
        self.instructions.get(*n).ok_or_else(|| "it runs on behind its end".to_owned())
    }
}

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// At the next instruction.
    On,
    /// The kernel has returned.
    Returned,
}

/// Runs one instruction.
///
/// # Errors
/// Whatever a proof must exclude.
pub fn step(state: &mut State, program: &Program, context: &mut Context) -> Result<Flow, Failure> {
    let instruction = *program.at(state.ip)?;
    run(state, instruction, context)
}

/// Runs this instruction, wherever the state stands.
///
/// # Errors
/// Whatever a proof must exclude.
pub fn run(
    state: &mut State,
    instruction: Instruction,
    context: &mut Context,
) -> Result<Flow, Failure> {
    let mut machine = Machine { state, context, i: instruction };
    machine.run().map_err(|why| format!("`{instruction}`: {why}"))
}

struct Machine<'m> {
    state: &'m mut State,
    context: &'m mut Context,
    i: Instruction,
}

fn general_index(register: Register) -> Option<usize> {
    let full = register.full_register();
    full.is_gpr64().then(|| full as usize - Register::RAX as usize)
}

fn vector_index(register: Register) -> usize {
    register.full_register() as usize - Register::ZMM0 as usize
}

impl Machine<'_> {
    fn run(&mut self) -> Result<Flow, Failure> {
        use Mnemonic as M;
        let i = self.i;
        self.state.ip = i.next_ip();
        let prefixed = i.has_lock_prefix() || i.has_rep_prefix() || i.has_repne_prefix();
        if prefixed || i.segment_prefix() != Register::None {
            return Err("a prefix that is not modelled".to_owned());
        }
        match i.flow_control() {
            FlowControl::Next => {}
            FlowControl::Return if i.code() == Code::Retnq => return Ok(Flow::Returned),
            FlowControl::UnconditionalBranch => {
                self.state.ip = i.near_branch_target();
                return Ok(Flow::On);
            }
            FlowControl::ConditionalBranch => {
                if self.condition(i.condition_code())? {
                    self.state.ip = i.near_branch_target();
                }
                return Ok(Flow::On);
            }
            _ => return Err("not modelled".to_owned()),
        }
        match i.mnemonic() {
            M::Mov => {
                let value = self.value(1)?;
                self.set_value(0, value)?;
            }
            M::Lea => {
                let address = self.address()?;
                self.set_value(0, address)?;
            }
            M::Xchg => {
                let (a, b) = (self.value(0)?, self.value(1)?);
                self.set_value(0, b)?;
                self.set_value(1, a)?;
            }
            M::Add | M::Sub | M::Cmp | M::Dec | M::Test | M::Xor | M::And | M::Shl | M::Bzhi => {
                self.arithmetic()?;
            }
            // A hint: the address must be public, and nothing is accessed.
            M::Prefetcht0 => match self.address()? {
                Value::Pointer(..) => {}
                other => return Err(format!("prefetches from {other:?}")),
            },
            M::Vzeroall => {
                self.state.vectors[..16].fill(Vector::default());
            }
            M::Kmovw | M::Kmovq => {
                let Value::Number(value) = self.value(1)? else {
                    return Err("a mask that is not public".to_owned());
                };
                let bits = if i.mnemonic() == M::Kmovw { 0xffff } else { u64::MAX };
                let index = i.op_register(0) as usize - Register::K0 as usize;
                self.state.masks[index] = Some(value & bits);
            }
            _ => self.vector_instruction()?,
        }
        Ok(Flow::On)
    }

    fn condition(&self, code: ConditionCode) -> Result<bool, Failure> {
        let known = |flag: Option<bool>| flag.ok_or("a branch on what is not a public number");
        let (zero, carry) = (known(self.state.zero), known(self.state.carry));
        Ok(match code {
            ConditionCode::e => zero?,
            ConditionCode::ne => !zero?,
            ConditionCode::b => carry?,
            ConditionCode::ae => !carry?,
            ConditionCode::a => !carry? && !zero?,
            ConditionCode::be => carry? || zero?,
            _ => return Err("a condition that is not modelled".to_owned()),
        })
    }

    // General registers.

    fn value(&mut self, operand: u32) -> Result<Value, Failure> {
        let i = self.i;
        match i.op_kind(operand) {
            OpKind::Register => {
                let register = i.op_register(operand);
                let index = general_index(register).ok_or("a register that is not modelled")?;
                match (self.state.general[index], register.size()) {
                    (value, 8) => Ok(value),
                    (Value::Number(number), 4) => Ok(Value::Number(number & 0xffff_ffff)),
                    (value, 4) if is_small(value) => Ok(value),
                    _ => Err("a part of what is not a public number".to_owned()),
                }
            }
            OpKind::Memory => self.load_field(),
            _ => i.try_immediate(operand).map(Value::Number).map_err(|error| error.to_string()),
        }
    }

    fn set_value(&mut self, operand: u32, value: Value) -> Result<(), Failure> {
        let i = self.i;
        if i.op_kind(operand) == OpKind::Memory {
            return self.store_field(value);
        }
        let register = i.op_register(operand);
        let index = general_index(register).ok_or("no general register")?;
        self.state.general[index] = match (register.size(), value) {
            (8, value) => value,
            (4, Value::Number(number)) => Value::Number(number & 0xffff_ffff),
            (4, value) if is_small(value) => value,
            _ => return Err("a part of a register that is not modelled".to_owned()),
        };
        Ok(())
    }

    fn arithmetic(&mut self) -> Result<(), Failure> {
        use Mnemonic as M;
        let i = self.i;
        let mnemonic = i.mnemonic();
        if i.op_kind(0) != OpKind::Register {
            return Err("arithmetic in memory".to_owned());
        }
        let size = i.op_register(0).size();
        let mask = if size == 8 { u64::MAX } else { 0xffff_ffff };
        if mnemonic == M::Xor
            && i.op1_kind() == OpKind::Register
            && i.op0_register() == i.op1_register()
        {
            (self.state.zero, self.state.carry) = (Some(true), Some(false));
            return self.set_value(0, Value::Number(0));
        }
        if mnemonic == M::Bzhi {
            let (Value::Number(a), Value::Number(b)) = (self.value(1)?, self.value(2)?) else {
                return Err("not public numbers".to_owned());
            };
            let (bits, all) = (b as u8, 8 * size as u8);
            let kept = if bits < all { a & ((1 << bits) - 1) } else { a };
            (self.state.zero, self.state.carry) = (Some(kept == 0), Some(bits >= all));
            return self.set_value(0, Value::Number(kept));
        }
        let a = self.value(0)?;
        let b = if i.op_count() == 1 { Value::Number(1) } else { self.value(1)? };
        let (result, flags) = match (mnemonic, a, b) {
            (M::Shl, Value::Number(a), Value::Number(b)) => {
                let result = a << (b & if size == 8 { 63 } else { 31 }) & mask;
                self.state.carry = None;
                (Value::Number(result), None)
            }
            (_, Value::Number(a), Value::Number(b)) => {
                let (a, b) = (a & mask, b & mask);
                let (result, carry) = match mnemonic {
                    M::Add => (a.wrapping_add(b) & mask, a.wrapping_add(b) & mask < a),
                    M::Sub | M::Cmp | M::Dec => (a.wrapping_sub(b) & mask, a < b),
                    M::Test | M::And => (a & b, false),
                    _ => (a ^ b, false),
                };
                (Value::Number(result), Some((result == 0, carry)))
            }
            (M::Cmp, Value::AtLeast(2..), Value::Number(1)) => (a, Some((false, false))),
            (M::Dec, Value::AtLeast(least @ 2..), Value::Number(1)) => {
                (Value::AtLeast(least - 1), Some((false, false)))
            }
            (M::Test, Value::NotZero, Value::NotZero) if i.op0_register() == i.op1_register() => {
                (a, Some((false, false)))
            }
            (M::Add, Value::Place(at), Value::Number(b)) => {
                (Value::Place(at.wrapping_add_unsigned(b)), None)
            }
            (M::Sub | M::Cmp, Value::Place(a), Value::Place(b)) => {
                let difference = a.wrapping_sub(b);
                let flags = (difference == 0, difference < 0);
                (Value::Number(difference as u64 & mask), Some(flags))
            }
            (M::Sub, Value::NextEnd(is_long), Value::NextPlace) => {
                (Value::NextLength(is_long), None)
            }
            (M::Cmp, Value::NextLength(is_long), Value::Number(1024)) => {
                self.state.zero = None;
                self.state.carry = Some(!is_long);
                return Ok(());
            }
            (M::Add, Value::Pointer(area, at), Value::Number(b)) => {
                (Value::Pointer(area, at.wrapping_add_unsigned(b)), None)
            }
            (M::Sub, Value::Pointer(area, at), Value::Number(b)) => {
                (Value::Pointer(area, at.wrapping_sub_unsigned(b)), None)
            }
            (_, a, b) => return Err(format!("arithmetic on {a:?} and {b:?}")),
        };
        self.state.zero = flags.map(|(zero, _)| zero);
        if mnemonic != M::Dec {
            self.state.carry = flags.map(|(_, carry)| carry);
        }
        if matches!(mnemonic, M::Cmp | M::Test) { Ok(()) } else { self.set_value(0, result) }
    }

    // Memory.

    fn address(&mut self) -> Result<Value, Failure> {
        let i = self.i;
        let mut sum = Value::Number(i.memory_displacement64());
        for (register, scale) in
            [(i.memory_base(), 1), (i.memory_index(), u64::from(i.memory_index_scale()))]
        {
            if register == Register::None {
                continue;
            }
            let index = general_index(register).filter(|_| register.is_gpr64());
            let value = self.state.general[index.ok_or("an address from a part of a register")?];
            sum = match (sum, value) {
                (Value::Number(a), Value::Number(b)) => {
                    Value::Number(a.wrapping_add(b.wrapping_mul(scale)))
                }
                (Value::Number(a), Value::Pointer(area, at)) if scale == 1 => {
                    Value::Pointer(area, at.wrapping_add_unsigned(a))
                }
                (Value::Pointer(area, at), Value::Number(b)) => {
                    Value::Pointer(area, at.wrapping_add_unsigned(b.wrapping_mul(scale)))
                }
                (Value::Number(a), Value::LessPlace(area, at)) if scale == 1 => {
                    Value::LessPlace(area, at.wrapping_add_unsigned(a))
                }
                (Value::LessPlace(area, at), Value::Place(place)) if scale == 1 => {
                    Value::Pointer(area, at.wrapping_add(place))
                }
                // An address that is never accessed needs no exact value.
                (pointer @ Value::Pointer(area, _), Value::Place(_))
                    if self.state.areas[area.0].access == Access::Nothing =>
                {
                    pointer
                }
                (a, b) => return Err(format!("an address from {a:?} and {b:?}")),
            };
        }
        Ok(sum)
    }

    /// The area and the offset of `len` bytes, `skip` bytes behind where the memory operand begins.
    fn place(&mut self, skip: i64, len: i64) -> Result<(AreaId, i64), Failure> {
        match self.address()? {
            Value::Pointer(id, at) => {
                let (at, area) = (at.wrapping_add(skip), &self.state.areas[id.0]);
                if at < 0 || at > area.len - len || area.access == Access::Nothing {
                    return Err(format!("{len} bytes at {at} of {} ({})", area.name, area.len));
                }
                Ok((id, at))
            }
            other => Err(format!("an access at {other:?}")),
        }
    }

    fn load_field(&mut self) -> Result<Value, Failure> {
        let size = self.i.memory_size().size();
        let (id, at) = self.place(0, size as i64)?;
        let area = &self.state.areas[id.0];
        match area.fields.get(&at) {
            Some((len, value)) if *len == size => Ok(*value),
            _ => Err(format!("{} has no public value of {size} bytes at {at}", area.name)),
        }
    }

    fn store_field(&mut self, value: Value) -> Result<(), Failure> {
        let Value::Number(number) = value else {
            return Err(format!("a store of {value:?}"));
        };
        let (id, at) = self.place(0, 8)?;
        // What the scratch held before is not known.
        let before = self.context.fresh();
        let area = &mut self.state.areas[id.0];
        if self.i.memory_size().size() != 8 || at % 8 != 0 || area.access != Access::Scratch {
            return Err(format!("a store of a number at {at} of {}", area.name));
        }
        let (shift, half) = (64 * (at / 8 % 2), u128::from(u64::MAX));
        let word = area.words.entry(at / 16).or_insert(before);
        let others = self.context.algebra.linear(word, Linear::Mask(!(half << shift)));
        let number = Word::constant(u128::from(number) << shift);
        *word = self.context.algebra.xor(&others, &number);
        Ok(())
    }

    /// A word of 16 bytes, `skip` bytes behind where the memory operand begins.
    fn load_word(&mut self, skip: i64) -> Result<Word, Failure> {
        self.load_part(skip, 16)
    }

    /// A word of which no more than `len` bytes are accessed.
    fn load_part(&mut self, skip: i64, len: i64) -> Result<Word, Failure> {
        let (id, at) = self.place(skip, len)?;
        let number = at / 16;
        if let Access::ReadOnce(Some(results)) | Access::ReadBefore(results) =
            self.state.areas[id.0].access
            && self.state.areas[results.0].writes.contains_key(&number)
        {
            return Err(format!("a read at {at} of the source, behind the write of its result"));
        }
        let area = &mut self.state.areas[id.0];
        if at % 16 != 0 {
            return Err(format!("a read across words at {at} of {}", area.name));
        }
        if area.fields.range(at..at + 16).next().is_some() {
            return Err(format!("{} holds public values at {at}", area.name));
        }
        let reads = area.reads.entry(number).or_default();
        *reads += 1;
        let allowed = match area.access {
            Access::Read | Access::ReadBefore(_) => true,
            Access::ReadOnce(_) => *reads == 1,
            Access::ReadOnceWriteOnce => *reads == 1 && !area.writes.contains_key(&number),
            Access::Scratch | Access::Update | Access::WriteOnceRead => {
                area.words.contains_key(&number)
            }
            Access::WriteOnce | Access::Nothing => false,
        };
        match area.words.get(&number) {
            Some(word) if allowed => Ok(word.clone()),
            _ => Err(format!("a read at {at} of {}, read {reads} times", area.name)),
        }
    }

    /// The 8 bytes of the memory operand, which are half a word, as the low half.
    fn load_half(&mut self) -> Result<Word, Failure> {
        let (_, at) = self.place(0, 8)?;
        if at % 8 != 0 {
            return Err(format!("half a word at {at}"));
        }
        let word = self.load_word(-(at % 16))?;
        Ok(self.context.algebra.half(&word, at % 16 == 8))
    }

    fn store_word(&mut self, skip: i64, word: Word) -> Result<(), Failure> {
        self.store_part(skip, 16, word)
    }

    /// Writes a word of which no more than `len` bytes are accessed.
    fn store_part(&mut self, skip: i64, len: i64, word: Word) -> Result<(), Failure> {
        let (id, at) = self.place(skip, len)?;
        let area = &mut self.state.areas[id.0];
        if at % 16 != 0 {
            return Err(format!("a store across words at {at} of {}", area.name));
        }
        if area.fields.range(at..at + 16).next().is_some() {
            return Err(format!("a store over public values at {at} of {}", area.name));
        }
        let writes = area.writes.entry(at / 16).or_default();
        *writes += 1;
        let allowed = match area.access {
            Access::Scratch | Access::Update => true,
            Access::WriteOnce | Access::WriteOnceRead | Access::ReadOnceWriteOnce => *writes == 1,
            Access::Read | Access::ReadOnce(_) | Access::ReadBefore(_) | Access::Nothing => false,
        };
        if !allowed {
            return Err(format!("a write at {at} of {}, written {writes} times", area.name));
        }
        area.words.insert(at / 16, word);
        Ok(())
    }

    /// An access that faults unless its address is a multiple of its size.
    fn check_alignment(&mut self, size: i64) -> Result<(), Failure> {
        let (id, at) = self.place(0, size)?;
        let area = &self.state.areas[id.0];
        if area.alignment % size != 0 || at % size != 0 {
            return Err(format!("an aligned access of {size} bytes at {at} of {}", area.name));
        }
        Ok(())
    }

    // Vector registers.

    /// The lanes of an operand that is a vector register or memory.
    fn vector(&mut self, operand: u32, lanes: usize) -> Result<Vector, Failure> {
        let i = self.i;
        let mut words = Vector::default();
        match i.op_kind(operand) {
            OpKind::Register if i.op_register(operand).is_vector_register() => {
                let register = &self.state.vectors[vector_index(i.op_register(operand))];
                words[..lanes].clone_from_slice(&register[..lanes]);
            }
            OpKind::Memory if !i.is_broadcast() => {
                let legacy = i.code().op_code().encoding() == EncodingKind::Legacy;
                if is_aligned_move(i.mnemonic()) || legacy && i.mnemonic() != Mnemonic::Movdqu {
                    self.check_alignment(16 * lanes as i64)?;
                }
                for (lane, word) in words[..lanes].iter_mut().enumerate() {
                    *word = self.load_word(16 * lane as i64)?;
                }
            }
            OpKind::Memory if i.memory_size().element_size() == 8 => {
                let half = self.load_half()?;
                let algebra = &mut self.context.algebra;
                let high = algebra.linear(&half, Linear::Left(64));
                words[..lanes].fill(algebra.xor(&half, &high));
            }
            _ => return Err("an operand that is not modelled".to_owned()),
        }
        Ok(words)
    }

    /// Writes the first operand. A masked register is an error, but for what handles it itself.
    fn set_vector(&mut self, lanes: usize, words: Vector) -> Result<(), Failure> {
        let i = self.i;
        match i.op0_kind() {
            OpKind::Register => {
                let legacy = i.code().op_code().encoding() == EncodingKind::Legacy;
                let register = &mut self.state.vectors[vector_index(i.op0_register())];
                for (lane, word) in words.into_iter().enumerate() {
                    if lane < lanes {
                        register[lane] = word;
                    } else if !legacy {
                        register[lane] = Word::default();
                    }
                }
            }
            OpKind::Memory => {
                if is_aligned_move(i.mnemonic()) {
                    self.check_alignment(16 * lanes as i64)?;
                }
                for (lane, word) in words.into_iter().take(lanes).enumerate() {
                    self.store_word(16 * lane as i64, word)?;
                }
            }
            _ => return Err("a destination that is not modelled".to_owned()),
        }
        Ok(())
    }

    fn vector_instruction(&mut self) -> Result<(), Failure> {
        use Mnemonic as M;
        let i = self.i;
        // The width is that of the widest vector register named.
        let lanes = (0..i.op_count())
            .filter(|&n| i.op_kind(n) == OpKind::Register && i.op_register(n).is_vector_register())
            .map(|n| i.op_register(n).size() / 16)
            .max()
            .ok_or("not modelled")?;
        let masked = i.op_mask() != Register::None;
        let takes_mask = match i.mnemonic() {
            M::Vpbroadcastq => i.op1_kind() == OpKind::Register,
            mnemonic => mnemonic == M::Vmovdqu8,
        };
        if masked != takes_mask {
            return Err("a mask that is not modelled".to_owned());
        }
        // Forms of two operands change their first.
        let sources =
            if i.op_count() >= 3 && i.op2_kind() != OpKind::Immediate8 { (1, 2) } else { (0, 1) };
        match i.mnemonic() {
            M::Movdqa | M::Movdqu | M::Vmovdqa | M::Vmovdqu | M::Vmovdqa64 | M::Vmovdqu64 => {
                let words = self.vector(1, lanes)?;
                self.set_vector(lanes, words)
            }
            M::Movq | M::Vmovq if i.op1_kind() == OpKind::Memory && self.is_word()? => {
                let mut words = Vector::default();
                words[0] = self.load_half()?;
                self.set_vector(1, words)
            }
            M::Movq | M::Vmovq => {
                let Value::Number(number) = self.value(1)? else {
                    return Err("not a public number".to_owned());
                };
                let mut words = Vector::default();
                words[0] = Word::constant(u128::from(number));
                self.set_vector(1, words)
            }
            M::Vmovdqu8 => self.masked_move(lanes),
            M::Vpbroadcastq if i.op1_kind() == OpKind::Memory => {
                let half = self.load_half()?;
                let algebra = &mut self.context.algebra;
                let high = algebra.linear(&half, Linear::Left(64));
                let word = algebra.xor(&half, &high);
                self.set_vector(lanes, std::array::from_fn(|_| word.clone()))
            }
            M::Vpbroadcastq => self.broadcast_number(lanes),
            M::Vbroadcasti128 | M::Vbroadcasti32x4 => {
                let word = self.load_word(0)?;
                self.set_vector(lanes, std::array::from_fn(|_| word.clone()))
            }
            M::Vpmovzxbq => self.extend_bytes(lanes),
            M::Pxor | M::Vpxor | M::Vpxorq => {
                let (a, b) = (self.vector(sources.0, lanes)?, self.vector(sources.1, lanes)?);
                let algebra = &mut self.context.algebra;
                let words = std::array::from_fn(|lane| algebra.xor(&a[lane], &b[lane]));
                self.set_vector(lanes, words)
            }
            M::Vpternlogq => {
                let (a, b, c) =
                    (self.vector(0, lanes)?, self.vector(1, lanes)?, self.vector(2, lanes)?);
                let mut words = Vector::default();
                for lane in 0..lanes {
                    words[lane] = self.of_three(&[&a[lane], &b[lane], &c[lane]])?;
                }
                self.set_vector(lanes, words)
            }
            M::Vpand => {
                let (a, b) = (self.vector(sources.0, lanes)?, self.vector(sources.1, lanes)?);
                let mut words = Vector::default();
                for lane in 0..lanes {
                    words[lane] = self.context.and(&a[lane], &b[lane])?;
                }
                self.set_vector(lanes, words)
            }
            M::Paddq | M::Vpaddq => {
                let (a, b) = (self.vector(sources.0, lanes)?, self.vector(sources.1, lanes)?);
                let mut words = Vector::default();
                for lane in 0..lanes {
                    words[lane] = self.context.add(&a[lane], &b[lane])?;
                }
                self.set_vector(lanes, words)
            }
            M::Vprorq => self.shift(lanes, |bits| Linear::RotateHalves(bits % 64)),
            M::Aesenc | M::Vaesenc => self.round(Round::Encrypt, lanes, sources),
            M::Aesenclast | M::Vaesenclast => self.round(Round::EncryptLast, lanes, sources),
            M::Aesdec | M::Vaesdec => self.round(Round::Decrypt, lanes, sources),
            M::Aesdeclast | M::Vaesdeclast => self.round(Round::DecryptLast, lanes, sources),
            M::Aesimc => self.lanewise(lanes, 1, Linear::InverseMixColumns),
            M::Aeskeygenassist => {
                let input = self.vector(1, 1)?;
                let Context { algebra, unknowns, .. } = &mut *self.context;
                let mut words = Vector::default();
                words[0] = unknowns.key_assist(algebra, &input[0], i.immediate8());
                self.set_vector(1, words)
            }
            M::Pslldq | M::Vpslldq => self.shift(lanes, |bytes| Linear::Left(8 * bytes.min(16))),
            M::Psrldq | M::Vpsrldq => self.shift(lanes, |bytes| Linear::Right(8 * bytes.min(16))),
            M::Psllq | M::Vpsllq => {
                self.shift(lanes, |bits| Linear::HalvesLeft(bits.into(), bits.into()))
            }
            M::Psrlq | M::Vpsrlq => {
                self.shift(lanes, |bits| Linear::HalvesRight(bits.into(), bits.into()))
            }
            M::Vpsllvq => self.variable_shift(lanes, Linear::HalvesLeft),
            M::Vpsrlvq => self.variable_shift(lanes, Linear::HalvesRight),
            M::Pshufd | M::Vpshufd => self.lanewise(lanes, 1, Linear::Dwords(i.immediate8())),
            M::Pshufb | M::Vpshufb => {
                let (words, selectors) =
                    (self.vector(sources.0, lanes)?, self.vector(sources.1, lanes)?);
                let mut shuffled = Vector::default();
                for lane in 0..lanes {
                    let selector = selectors[lane].known().ok_or("bytes chosen by a secret")?;
                    let function = Linear::Bytes(selector);
                    shuffled[lane] = self.context.algebra.linear(&words[lane], function);
                }
                self.set_vector(lanes, shuffled)
            }
            M::Paddd | M::Vpaddd => self.add_dwords(lanes, sources),
            M::Punpcklqdq | M::Vpunpcklqdq => {
                let (a, b) = (self.vector(sources.0, lanes)?, self.vector(sources.1, lanes)?);
                let algebra = &mut self.context.algebra;
                let words = std::array::from_fn(|lane| {
                    let low = algebra.linear(&a[lane], Linear::Mask(u64::MAX.into()));
                    let high = algebra.linear(&b[lane], Linear::Left(64));
                    algebra.xor(&low, &high)
                });
                self.set_vector(lanes, words)
            }
            M::Vpunpckhqdq => {
                let (a, b) = (self.vector(1, lanes)?, self.vector(2, lanes)?);
                let algebra = &mut self.context.algebra;
                let words = std::array::from_fn(|lane| {
                    let low = algebra.linear(&a[lane], Linear::Right(64));
                    let high = algebra.linear(&b[lane], Linear::Mask(!u128::from(u64::MAX)));
                    algebra.xor(&low, &high)
                });
                self.set_vector(lanes, words)
            }
            M::Pclmulqdq | M::Vpclmulqdq => self.carryless(lanes, sources),
            M::Vinserti128 => {
                let mut words = self.vector(1, 2)?;
                words[usize::from(i.immediate8() & 1)] = self.vector(2, 1)?[0].clone();
                self.set_vector(2, words)
            }
            M::Vextracti64x4 => {
                let [a, b, c, d] = self.vector(1, 4)?;
                let [low, high] = if i.immediate8() & 1 == 1 { [c, d] } else { [a, b] };
                self.set_vector(2, [low, high, Word::default(), Word::default()])
            }
            M::Vextracti32x4 => {
                let words = self.vector(1, lanes)?;
                let lane = usize::from(i.immediate8()) % lanes;
                let mut low = Vector::default();
                low[0] = words[lane].clone();
                self.set_vector(1, low)
            }
            M::Vshufi32x4 if lanes == 4 => {
                let (a, b) = (self.vector(1, 4)?, self.vector(2, 4)?);
                let order = i.immediate8();
                let words = std::array::from_fn(|lane| {
                    let from = if lane < 2 { &a } else { &b };
                    from[usize::from(order >> (2 * lane) & 3)].clone()
                });
                self.set_vector(4, words)
            }
            M::Valignq => {
                if i.immediate8() != 2 || lanes != 4 {
                    return Err("a shift that is not modelled".to_owned());
                }
                let (high, low) = (self.vector(1, lanes)?, self.vector(2, lanes)?);
                let [_, a, b, c] = low;
                let [d, ..] = high;
                self.set_vector(lanes, [a, b, c, d])
            }
            _ => Err("not modelled".to_owned()),
        }
    }

    /// A function of three bits on words, by its table of values: bit 4a + 2b + c of the immediate.
    fn of_three(&mut self, words: &[&Word; 3]) -> Result<Word, Failure> {
        // The sum of products that has these values: coefficient n is that of the words whose bit n has.
        let mut coefficients = self.i.immediate8();
        for (shift, mask) in [(1, 0x55), (2, 0x33), (4, 0x0f)] {
            coefficients ^= (coefficients & mask) << shift;
        }
        let mut sum = Word::default();
        for n in (0..8).filter(|n| coefficients >> n & 1 == 1) {
            let mut product = Word::constant(u128::MAX);
            for (word, bit) in words.iter().zip([4, 2, 1]) {
                if n & bit != 0 {
                    product = self.context.and(&product, word)?;
                }
            }
            sum = self.context.algebra.xor(&sum, &product);
        }
        Ok(sum)
    }

    /// Whether the memory operand lies where a word is, and not a field.
    fn is_word(&mut self) -> Result<bool, Failure> {
        let (id, at) = self.place(0, 8)?;
        let area = &self.state.areas[id.0];
        Ok(!area.fields.contains_key(&at) && area.words.contains_key(&(at / 16)))
    }

    /// Sums of dwords: of known ones, or of anything and zero.
    fn add_dwords(&mut self, lanes: usize, sources: (u32, u32)) -> Result<(), Failure> {
        let (a, b) = (self.vector(sources.0, lanes)?, self.vector(sources.1, lanes)?);
        let mut sums = Vector::default();
        for lane in 0..lanes {
            for dword in 0..4 {
                let mask = Linear::Mask(0xffff_ffff << (32 * dword));
                let algebra = &mut self.context.algebra;
                let parts = [&a, &b].map(|words| algebra.linear(&words[lane], mask));
                let sum = match parts.each_ref().map(Word::known) {
                    [Some(a), Some(b)] => {
                        let [a, b] = [a, b].map(|part| (part >> (32 * dword)) as u32);
                        Word::constant(u128::from(a.wrapping_add(b)) << (32 * dword))
                    }
                    [_, Some(0)] => parts[0].clone(),
                    [Some(0), _] => parts[1].clone(),
                    _ => return Err("a sum of unknown numbers".to_owned()),
                };
                sums[lane] = algebra.xor(&sums[lane], &sum);
            }
        }
        self.set_vector(lanes, sums)
    }

    /// The bytes that the mask has, and zero for the others; in memory, the others are not accessed.
    fn masked_move(&mut self, lanes: usize) -> Result<(), Failure> {
        let i = self.i;
        let mask = self.state.masks[i.op_mask() as usize - Register::K0 as usize];
        let mask = mask.ok_or("a mask that is not public")?;
        let is_load = i.op1_kind() == OpKind::Memory;
        let is_store = i.op0_kind() == OpKind::Memory;
        if is_store == i.zeroing_masking() {
            return Err("a mask that is not modelled".to_owned());
        }
        let source = if is_load { Vector::default() } else { self.vector(1, lanes)? };
        let mut moved = Vector::default();
        for (lane, word) in source.into_iter().enumerate().take(lanes) {
            let bytes = (mask >> (16 * lane)) as u16;
            if bytes == 0 {
                continue;
            }
            let kept = (0..16).filter(|byte| bytes >> byte & 1 == 1);
            let kept = kept.fold(0, |kept, byte| kept | 0xff << (8 * byte));
            let (skip, len) = (16 * lane as i64, 16 - i64::from(bytes.leading_zeros()));
            let word = if is_load { self.load_part(skip, len)? } else { word };
            let word = self.context.algebra.linear(&word, Linear::Mask(kept));
            if !is_store {
                moved[lane] = word;
                continue;
            }
            let (id, at) = self.place(skip, len)?;
            let before = self.state.areas[id.0].words.get(&(at / 16)).cloned();
            let algebra = &mut self.context.algebra;
            let others = algebra.linear(&before.unwrap_or_default(), Linear::Mask(!kept));
            let word = algebra.xor(&others, &word);
            self.store_part(skip, len, word)?;
        }
        if is_store { Ok(()) } else { self.set_vector(lanes, moved) }
    }

    /// A public number in the elements that the mask has, zero in the others.
    fn broadcast_number(&mut self, lanes: usize) -> Result<(), Failure> {
        let i = self.i;
        let mask = self.state.masks[i.op_mask() as usize - Register::K0 as usize];
        let (Value::Number(number), Some(mask), true) = (self.value(1)?, mask, i.zeroing_masking())
        else {
            return Err("a broadcast that is not modelled".to_owned());
        };
        let element = |n: usize| if mask >> n & 1 == 1 { u128::from(number) } else { 0 };
        let words = std::array::from_fn(|lane| {
            Word::constant(element(2 * lane) | element(2 * lane + 1) << 64)
        });
        self.set_vector(lanes, words)
    }

    /// Public bytes, each in 64 bits of its own.
    fn extend_bytes(&mut self, lanes: usize) -> Result<(), Failure> {
        let bytes = match self.i.op1_kind() {
            OpKind::Register => self.vector(1, 1)?[0].known(),
            _ => {
                let (id, at) = self.place(0, 2 * lanes as i64)?;
                let area = &self.state.areas[id.0];
                let is_public = area.access == Access::Scratch && at % 8 == 0;
                let word = area.words.get(&(at / 16)).filter(|_| is_public);
                word.and_then(Word::known).map(|word| word >> (64 * (at / 8 % 2)))
            }
        };
        let bytes = bytes.ok_or("bytes that are not public")?;
        let element = |n: usize| bytes >> (8 * n) & 0xff;
        let words = std::array::from_fn(|lane| {
            Word::constant(element(2 * lane) | element(2 * lane + 1) << 64)
        });
        self.set_vector(lanes, words)
    }

    fn round(&mut self, round: Round, lanes: usize, sources: (u32, u32)) -> Result<(), Failure> {
        let (state, key) = (self.vector(sources.0, lanes)?, self.vector(sources.1, lanes)?);
        let mut words = Vector::default();
        for lane in 0..lanes {
            let output = self.context.unknowns.round(round, &state[lane]);
            words[lane] = self.context.algebra.xor(&output, &key[lane]);
        }
        self.set_vector(lanes, words)
    }

    /// The same linear function on each lane of an operand.
    fn lanewise(&mut self, lanes: usize, operand: u32, function: Linear) -> Result<(), Failure> {
        let words = self.vector(operand, lanes)?;
        let words = words.map(|word| self.context.algebra.linear(&word, function));
        self.set_vector(lanes, words)
    }

    /// A shift by an immediate, of the only operand or of the second of three.
    fn shift(&mut self, lanes: usize, function: impl Fn(u32) -> Linear) -> Result<(), Failure> {
        let i = self.i;
        if i.op_kind(i.op_count() - 1) != OpKind::Immediate8 {
            return Err("a shift by a register".to_owned());
        }
        self.lanewise(lanes, u32::from(i.op_count() == 3), function(i.immediate8().into()))
    }

    fn variable_shift(
        &mut self,
        lanes: usize,
        function: impl Fn(u64, u64) -> Linear,
    ) -> Result<(), Failure> {
        let (words, counts) = (self.vector(1, lanes)?, self.vector(2, lanes)?);
        let mut shifted = Vector::default();
        for lane in 0..lanes {
            let counts = counts[lane].known().ok_or("a shift by what is not public")?;
            let function = function(counts as u64, (counts >> 64) as u64);
            shifted[lane] = self.context.algebra.linear(&words[lane], function);
        }
        self.set_vector(lanes, shifted)
    }

    /// A carry-less product of halves.
    fn carryless(&mut self, lanes: usize, sources: (u32, u32)) -> Result<(), Failure> {
        let selector = self.i.immediate8();
        let (a, b) = (self.vector(sources.0, lanes)?, self.vector(sources.1, lanes)?);
        let mut products = Vector::default();
        for lane in 0..lanes {
            let a = self.context.algebra.half(&a[lane], selector & 1 != 0);
            let b = self.context.algebra.half(&b[lane], selector & 0x10 != 0);
            products[lane] = self.context.multiply(&a, &b)?;
        }
        self.set_vector(lanes, products)
    }
}

/// Whether half a register holds all of a value.
fn is_small(value: Value) -> bool {
    use Value::{NextEnd, NextLength, NextPlace, NotZero, Place, Unknown};
    matches!(value, Place(_) | NextPlace | NextEnd(_) | NextLength(_) | NotZero | Unknown)
}

/// Moves that fault on an address that is no multiple of the operand's size.
fn is_aligned_move(mnemonic: Mnemonic) -> bool {
    matches!(mnemonic, Mnemonic::Movdqa | Mnemonic::Vmovdqa | Mnemonic::Vmovdqa64)
}

#[cfg(test)]
mod tests {
    use iced_x86::IcedError;
    use iced_x86::code_asm::{
        CodeAssembler, ptr, rax, rcx, rdx, xmm0, ymm0, ymm1, ymm2, zmm0, zmm1, zmm2,
    };

    use super::*;

    /// Runs these instructions with rcx at the first area and rdx at the second.
    fn outcome(
        areas: [Area; 2],
        assemble: impl FnOnce(&mut CodeAssembler) -> Result<(), IcedError>,
    ) -> Result<(), Failure> {
        let mut assembler = CodeAssembler::new(64).unwrap();
        assemble(&mut assembler).unwrap();
        let program = Program::decode(&assembler.assemble(0).unwrap(), 0)?;
        let mut general = std::array::from_fn(Value::Caller);
        (general[1], general[2]) = (Value::Pointer(AreaId(0), 0), Value::Pointer(AreaId(1), 0));
        let mut state = State {
            general,
            vectors: vec![Vector::default(); 32],
            masks: [None; 8],
            zero: None,
            carry: None,
            areas: areas.into(),
            ip: 0,
        };
        let mut context = Context::default();
        for _ in &program.instructions {
            step(&mut state, &program, &mut context)?;
        }
        Ok(())
    }

    fn words(access: Access) -> Area {
        Area::new("words", 32, 16, access).with_words([1, 2].map(Word::constant))
    }

    #[track_caller]
    fn refused(outcome: Result<(), Failure>, why: &str) {
        let error = outcome.expect_err("what a proof must exclude");
        assert!(error.contains(why), "{error}");
    }

    /// A source that may be the destination is read as often as one likes, until its result is there.
    #[test]
    fn no_read_behind_the_result() {
        let areas =
            || [words(Access::ReadBefore(AreaId(1))), Area::new("to", 32, 1, Access::WriteOnce)];
        let read = |a: &mut CodeAssembler, at: i32| a.movdqu(xmm0, ptr(rcx + at));
        let write = |a: &mut CodeAssembler, at: i32| a.movdqu(ptr(rdx + at), xmm0);
        let before = outcome(areas(), |a| {
            read(a, 0)?;
            read(a, 0)?;
            write(a, 0)?;
            read(a, 16)?;
            write(a, 16)
        });
        assert_eq!(before, Ok(()));
        let behind = outcome(areas(), |a| {
            read(a, 0)?;
            write(a, 0)?;
            read(a, 0)
        });
        refused(behind, "behind the write of its result");
        refused(outcome(areas(), |a| a.movdqu(ptr(rcx), xmm0)), "a write at 0 of words");
    }

    #[test]
    fn halves_of_words_do_not_lie_across() {
        let areas = || [words(Access::Read), words(Access::Read)];
        assert_eq!(outcome(areas(), |a| a.vmovq(xmm0, ptr(rcx + 8))), Ok(()));
        refused(outcome(areas(), |a| a.vmovq(xmm0, ptr(rcx + 4))), "half a word at 4");
    }

    /// What is read of a public value is what the contract put there.
    #[test]
    fn public_values_stay() {
        let mut job = words(Access::Update);
        job.fields.insert(24, (8, Value::Number(7)));
        let areas = || [job.clone(), words(Access::Read)];
        assert_eq!(outcome(areas(), |a| a.movdqu(ptr(rcx), xmm0)), Ok(()));
        assert_eq!(outcome(areas(), |a| a.mov(rax, ptr(rcx + 24))), Ok(()));
        let over = outcome(areas(), |a| a.movdqu(ptr(rcx + 16), xmm0));
        refused(over, "a store over public values at 16");
    }

    #[test]
    fn narrow_forms_that_are_not_modelled() {
        let areas = || [words(Access::Read), words(Access::Read)];
        assert_eq!(outcome(areas(), |a| a.vshufi32x4(zmm0, zmm1, zmm2, 0)), Ok(()));
        refused(outcome(areas(), |a| a.vshufi32x4(ymm0, ymm1, ymm2, 0)), "not modelled");
    }

    /// What a scratch held before is not known: half a word that was stored does not make the other half zero.
    #[test]
    fn unwritten_scratch_is_unknown() {
        let bytes = [0x48, 0x89, 0x01, 0xf3, 0x0f, 0x6f, 0x01]; // mov [rcx], rax; movdqu xmm0, [rcx]
        let program = Program::decode(&bytes, 0).unwrap();
        let mut general = std::array::from_fn(Value::Caller);
        general[0] = Value::Number(7);
        general[1] = Value::Pointer(AreaId(0), 0);
        let mut state = State {
            general,
            vectors: vec![Vector::default(); 32],
            masks: [None; 8],
            zero: None,
            carry: None,
            areas: vec![Area::new("scratch", 16, 16, Access::Scratch)],
            ip: 0,
        };
        let mut context = Context::default();
        for _ in 0..2 {
            step(&mut state, &program, &mut context).unwrap();
        }
        let word = state.vectors[0][0].clone();
        assert_eq!(word.known(), None);
        let half = context.algebra.linear(&word, Linear::Mask(u64::MAX.into()));
        assert_eq!(half.known(), Some(7));
    }
}
