//! A CPU that runs a kernel's instructions on [`Form`]s: words are exact integers, and every carry is a symbol.
//!
//! Whatever a proof must exclude is an error here: an instruction that is not modelled, a branch, an access outside of the words
//! that the contract names, a second write of a result's word, and a carry that is dropped without a proof that it is not
//! set. Where a value depends on one carry in a way that is no sum, the run goes on in two cases.

use iced_x86::{Code, Instruction, Mnemonic, OpKind, Register};
use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

use crate::forms::{Form, Ledger, Range, Substitution, Symbol, power};
use crate::machine::{Failure, Program};

/// What a general register or 8 bytes of memory hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An integer, and its range.
    Integer(Form, Range),
    /// A place in an area: so many bytes from its start.
    Pointer(usize, i64),
    /// What the caller left in the register of this number.
    Caller(usize),
}

impl Value {
    /// A number.
    pub fn number(value: impl Into<BigInt>) -> Self {
        let value = value.into();
        Self::Integer(Form::constant(value.clone()), (value.clone(), value))
    }
}

/// What may be done with an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Its words are read.
    Read,
    /// Each of its words is written once; read only where there was one before.
    WriteOnce,
}

/// Words of memory that a contract names.
#[derive(Clone, Debug)]
pub struct Area {
    /// Its name, for messages.
    pub name: &'static str,
    /// What may be done with it.
    pub access: Access,
    /// Its words; `None` where nothing is.
    pub words: Vec<Option<Value>>,
    /// How often each was written.
    pub writes: Vec<u32>,
}

impl Area {
    /// An area of these words.
    #[must_use]
    pub fn new(name: &'static str, access: Access, words: Vec<Option<Value>>) -> Self {
        let writes = vec![0; words.len()];
        Self { name, access, words, writes }
    }
}

/// A flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// Nothing is known of it, and nobody may ask.
    Undefined,
    /// A form that is 0 or 1, and whether an instruction has taken it.
    Set(Form, bool),
}

impl Flag {
    /// A flag whose value is known.
    #[must_use]
    pub fn known(set: bool) -> Self {
        Self::Set(Form::constant(u32::from(set)), false)
    }

    /// The value, if it is known.
    #[must_use]
    pub fn value(&self) -> Option<bool> {
        match self {
            Self::Undefined => None,
            Self::Set(form, _) => Some(!form.known()?.is_zero()),
        }
    }
}

/// Everything that changes while a kernel runs.
#[derive(Clone, Debug)]
pub struct State {
    /// rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15. rsp is not used: the stack is.
    pub general: [Value; 16],
    /// CF.
    pub carry: Flag,
    /// OF.
    pub overflow: Flag,
    /// What was pushed.
    pub stack: Vec<Value>,
    /// The memory.
    pub areas: Vec<Area>,
    /// The symbols.
    pub ledger: Ledger,
    /// For each carry that was dropped, and not by its range alone shown not to be set: the instruction that made it.
    pub dropped: Vec<Mnemonic>,
    /// Whether the contract is one modulo a power of two, so that the last carry of all may be lost.
    pub may_lose_last: bool,
    /// The makers of carries, to speak of them.
    makers: Vec<(Symbol, Instruction)>,
}

/// Why an instruction was not run.
#[derive(Debug)]
enum Stop {
    /// It must not be.
    Failed(Failure),
    /// The symbol, which is 0 or 1, has to be one of them first.
    Case(Symbol),
}

impl<T: Into<Failure>> From<T> for Stop {
    fn from(why: T) -> Self {
        Self::Failed(why.into())
    }
}

const RSP: usize = 4;
const RDX: usize = 2;

impl State {
    /// A state with the caller's registers.
    #[must_use]
    pub fn new(areas: Vec<Area>, ledger: Ledger) -> Self {
        Self {
            general: std::array::from_fn(Value::Caller),
            carry: Flag::Undefined,
            overflow: Flag::Undefined,
            stack: Vec::new(),
            areas,
            ledger,
            dropped: Vec::new(),
            may_lose_last: false,
            makers: Vec::new(),
        }
    }

    fn apply(&mut self, substitution: &Substitution) {
        let memory = self.areas.iter_mut().flat_map(|area| &mut area.words).flatten();
        for value in self.general.iter_mut().chain(&mut self.stack).chain(memory) {
            if let Value::Integer(form, _) = value {
                substitution.apply(form);
            }
        }
        for flag in [&mut self.carry, &mut self.overflow] {
            if let Flag::Set(form, _) = flag {
                substitution.apply(form);
            }
        }
    }

    /// Puts a number in a symbol's place.
    fn put(&mut self, symbol: Symbol, value: u32) {
        let substitution = self.ledger.replace(symbol, &Form::constant(value));
        self.apply(&substitution);
        let memory = self.areas.iter_mut().flat_map(|area| &mut area.words).flatten();
        for word in self.general.iter_mut().chain(&mut self.stack).chain(memory) {
            if let Value::Integer(form, range) = word
                && let Some(known) = form.known()
            {
                *range = (known.clone(), known);
            }
        }
    }

    /// Makes each word that was computed one symbol.
    fn cut(&mut self) {
        let mut done: Vec<(Form, Form)> = Vec::new();
        for value in &mut self.general {
            let Value::Integer(form, range) = value else { continue };
            if form.known().is_some() || form.alone().is_some() {
                continue;
            }
            let symbol = match done.iter().find(|(before, _)| before == form) {
                Some((_, symbol)) => symbol.clone(),
                None => {
                    let symbol = self.ledger.cut(form, range);
                    done.push((form.clone(), symbol.clone()));
                    symbol
                }
            };
            *form = symbol;
        }
    }
}

/// Runs a program without branches from its first instruction to its return, in all cases: the states at the end.
///
/// # Errors
/// Whatever a proof must exclude.
pub fn run(program: &Program, state: State, steps: &mut usize) -> Result<Vec<State>, Failure> {
    let first = program.instructions.first().ok_or("no instruction")?.ip();
    let (mut ends, mut todo) = (Vec::new(), vec![(first, state)]);
    while let Some((mut ip, mut state)) = todo.pop() {
        loop {
            let instruction = *program.at(ip)?;
            *steps += 1;
            if instruction.code() == Code::Retnq {
                state.leave().map_err(|why| format!("`{instruction}`: {why}"))?;
                ends.push(state);
                break;
            }
            match step(&mut state, instruction) {
                Ok(()) => ip = instruction.next_ip(),
                Err(Stop::Failed(why)) => return Err(format!("`{instruction}`: {why}")),
                Err(Stop::Case(symbol)) => {
                    if todo.len() > 8 {
                        return Err(format!("`{instruction}`: too many cases"));
                    }
                    let mut other = state.clone();
                    for (state, value) in [(&mut state, 0), (&mut other, 1)] {
                        state.ledger.set_case(symbol, value.into());
                        state.put(symbol, value);
                    }
                    todo.push((ip, other));
                }
            }
        }
    }
    Ok(ends)
}

/// Runs this instruction on a state whose integers are known.
///
/// # Errors
/// Whatever a proof must exclude.
pub fn run_one(state: &mut State, instruction: Instruction) -> Result<(), Failure> {
    match step(state, instruction) {
        Ok(()) => Ok(()),
        Err(Stop::Failed(why)) => Err(why),
        Err(Stop::Case(_)) => Err("a case, of what is known".to_owned()),
    }
}

fn step(state: &mut State, i: Instruction) -> Result<(), Stop> {
    let prefixed = i.has_lock_prefix() || i.has_rep_prefix() || i.has_repne_prefix();
    if prefixed || i.segment_prefix() != Register::None {
        return Err("a prefix that is not modelled".into());
    }
    Machine { state, i }.run()
}

/// What is in an operand that has to be an integer.
type Integer = (Form, Range);

struct Machine<'m> {
    state: &'m mut State,
    i: Instruction,
}

/// Which of the two flags a chain of carries uses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chain {
    Carry,
    Overflow,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        use Mnemonic as M;
        let i = self.i;
        match i.mnemonic() {
            M::Mov => {
                let value = self.value(1)?;
                self.set(0, value)
            }
            M::Lea => self.lea(),
            // Whole registers: eight bytes of the stack.
            M::Push if i.code() == Code::Push_r64 => {
                let value = self.value(0)?;
                self.state.stack.push(value);
                Ok(())
            }
            M::Pop if i.code() == Code::Pop_r64 => {
                let value = self.state.stack.pop().ok_or("nothing of its own is on the stack")?;
                self.set(0, value)
            }
            M::Xor => self.clear(),
            M::Add => self.sum(None, Chain::Carry, false),
            M::Adc | M::Adcx => self.sum(Some(Chain::Carry), Chain::Carry, false),
            M::Adox => self.sum(Some(Chain::Overflow), Chain::Overflow, false),
            M::Sub => self.sum(None, Chain::Carry, true),
            M::Sbb if i.op1_kind() == OpKind::Register && i.op0_register() == i.op1_register() => {
                self.spread()
            }
            M::Sbb => self.sum(Some(Chain::Carry), Chain::Carry, true),
            M::Neg => self.negate(),
            M::And => self.and(),
            M::Mulx => self.multiply(),
            M::Shl | M::Shr | M::Rorx => self.shift(),
            M::Cmovb | M::Cmovae => self.choose(),
            _ => Err("not modelled".into()),
        }
    }

    /// The register of an address: a whole one.
    fn address(i: Instruction) -> Result<usize, Stop> {
        if !i.memory_base().is_gpr64() {
            return Err("an address from a part of a register".into());
        }
        Self::index(i.memory_base())
    }

    fn index(register: Register) -> Result<usize, Stop> {
        let full = register.full_register();
        if !full.is_gpr64() || register.size() < 4 {
            return Err("a register that is not modelled".into());
        }
        match full as usize - Register::RAX as usize {
            RSP => Err("the stack pointer".into()),
            index => Ok(index),
        }
    }

    /// Bits of the operands.
    fn bits(&self) -> u32 {
        8 * self.i.op_register(0).size() as u32
    }

    // Operands.

    fn value(&mut self, operand: u32) -> Result<Value, Stop> {
        let i = self.i;
        match i.op_kind(operand) {
            OpKind::Register if i.op_register(operand).size() == 4 => {
                let (low, _) = self.halves(operand, 32)?;
                Ok(self.integer(low, 32))
            }
            OpKind::Register => {
                Ok(self.state.general[Self::index(i.op_register(operand))?].clone())
            }
            OpKind::Memory => {
                let (area, word) = self.place(operand)?;
                let area = &self.state.areas[area];
                area.words[word]
                    .clone()
                    .ok_or_else(|| format!("reads {}, where nothing is", area.name).into())
            }
            _ => {
                let immediate = i.try_immediate(operand).map_err(|error| error.to_string())?;
                let immediate =
                    if i.op0_register().size() == 4 { immediate & 0xffff_ffff } else { immediate };
                Ok(Value::number(immediate))
            }
        }
    }

    fn of(&mut self, operand: u32) -> Result<Integer, Stop> {
        match self.value(operand)? {
            Value::Integer(form, range) => Ok((form, range)),
            other => Err(format!("computes with {other:?}").into()),
        }
    }

    fn set(&mut self, operand: u32, value: Value) -> Result<(), Stop> {
        let i = self.i;
        if i.op_kind(operand) == OpKind::Memory {
            let (area, word) = self.place(operand)?;
            let area = &mut self.state.areas[area];
            if area.access == Access::Read {
                return Err(format!("writes to {}", area.name).into());
            }
            area.writes[word] += 1;
            if area.writes[word] > 1 {
                return Err(format!("writes a word of {} again", area.name).into());
            }
            area.words[word] = Some(value);
            return Ok(());
        }
        let register = i.op_register(operand);
        let index = Self::index(register)?;
        if register.size() == 4 && !matches!(value, Value::Integer(..)) {
            return Err("half of what is no integer".into());
        }
        self.state.general[index] = value;
        Ok(())
    }

    /// The word of an area that a memory operand names.
    fn place(&self, operand: u32) -> Result<(usize, usize), Stop> {
        let i = self.i;
        if i.memory_size().size() != 8 || i.memory_index() != Register::None {
            return Err("an access that is not modelled".into());
        }
        debug_assert!(i.op_kind(operand) == OpKind::Memory);
        let base = Self::address(i)?;
        let Value::Pointer(area, offset) = self.state.general[base] else {
            return Err("an address that is not in an area".into());
        };
        let offset = offset.wrapping_add(i.memory_displacement64() as i64);
        let Area { name, words, .. } = &self.state.areas[area];
        if offset % 8 != 0 || offset < 0 || offset / 8 >= words.len() as i64 {
            return Err(format!("accesses {name} at {offset}").into());
        }
        Ok((area, (offset / 8) as usize))
    }

    /// An integer of so many bits. What its form says of its range is known, too.
    fn integer(&self, form: Form, bits: u32) -> Value {
        let (low, high) = self.state.ledger.range(&form);
        let range = (low.max(BigInt::zero()), high.min(power(bits) - 1));
        Value::Integer(form, range)
    }

    // Flags.

    fn flag(&mut self, chain: Chain) -> &mut Flag {
        match chain {
            Chain::Carry => &mut self.state.carry,
            Chain::Overflow => &mut self.state.overflow,
        }
    }

    fn take(&mut self, chain: Chain) -> Result<Form, Stop> {
        match self.flag(chain) {
            Flag::Undefined => Err("a flag that nothing is known of".into()),
            Flag::Set(form, taken) => {
                *taken = true;
                Ok(form.clone())
            }
        }
    }

    /// The flag as a number, in each case.
    fn decide(&mut self, chain: Chain) -> Result<bool, Stop> {
        let form = self.take(chain)?;
        match form.known() {
            Some(value) => Ok(!value.is_zero()),
            None => Err(form.alone().map_or_else(|| "a flag that is no carry".into(), Stop::Case)),
        }
    }

    /// Ahead of another value for a flag.
    fn forget(&mut self, chain: Chain) -> Result<(), Stop> {
        let old = std::mem::replace(self.flag(chain), Flag::Undefined);
        Ok(self.state.drop_flag(old)?)
    }

    fn forget_both(&mut self) -> Result<(), Stop> {
        self.forget(Chain::Carry)?;
        self.forget(Chain::Overflow)
    }

    fn set_both(&mut self, flag: Form) {
        self.state.carry = Flag::Set(flag.clone(), false);
        self.state.overflow = Flag::Set(flag, false);
    }

    // Instructions.

    fn clear(&mut self) -> Result<(), Stop> {
        let i = self.i;
        if i.op1_kind() != OpKind::Register || i.op0_register() != i.op1_register() {
            return Err("an exclusive or that is not modelled".into());
        }
        self.forget_both()?;
        self.set_both(Form::default());
        self.set(0, Value::number(0))
    }

    fn lea(&mut self) -> Result<(), Stop> {
        let i = self.i;
        if i.op0_register().size() != 8 || i.memory_index() != Register::None {
            return Err("an address that is not modelled".into());
        }
        let base = Self::address(i)?;
        let Value::Pointer(area, offset) = self.state.general[base] else {
            return Err("an address that is not in an area".into());
        };
        let offset = offset.wrapping_add(i.memory_displacement64() as i64);
        self.set(0, Value::Pointer(area, offset))
    }

    /// Additions and subtractions, with a carry or without.
    fn sum(&mut self, from: Option<Chain>, to: Chain, minus: bool) -> Result<(), Stop> {
        if self.i.op0_kind() != OpKind::Register {
            return Err("arithmetic in memory".into());
        }
        let bits = self.bits();
        let carry = from.map_or(Ok(Form::default()), |chain| self.take(chain))?;
        self.forget(to)?;
        if !matches!(self.i.mnemonic(), Mnemonic::Adcx | Mnemonic::Adox) {
            self.forget(Chain::Overflow)?;
        }
        if let Value::Pointer(area, offset) = self.value(0)? {
            return self.move_pointer(area, offset, from, minus);
        }
        let (mut form, range) = self.of(0)?;
        let (other, other_range) = self.of(1)?;
        let carry_range = self.state.ledger.range(&carry);
        let sign = BigInt::from(if minus { -1 } else { 1 });
        form.add(&other, &sign);
        form.add(&carry, &sign);
        let mut ends = (range.0, range.1);
        for (low, high) in [other_range, carry_range] {
            let (low, high) = if minus { (-high, -low) } else { (low, high) };
            ends = (ends.0 + low, ends.1 + high);
        }
        let known = self.state.ledger.range(&form);
        let ends = (ends.0.max(known.0), ends.1.min(known.1));
        let flag = self.wrap(&mut form, &ends, bits, minus);
        let value = self.integer(form, bits);
        let value = match (value, flag.known().is_some_and(|flag| flag.is_zero())) {
            // Without a carry the sum is in the range of the addends, too.
            (Value::Integer(form, range), true) => {
                Value::Integer(form, (range.0.max(ends.0), range.1.min(ends.1)))
            }
            (value, _) => value,
        };
        *self.flag(to) = Flag::Set(flag, false);
        self.set(0, value)
    }

    fn move_pointer(
        &mut self,
        area: usize,
        offset: i64,
        from: Option<Chain>,
        minus: bool,
    ) -> Result<(), Stop> {
        let (Ok(by), None, 64) = (self.i.try_immediate(1), from, self.bits()) else {
            return Err("arithmetic with a pointer".into());
        };
        let by = if minus { (by as i64).wrapping_neg() } else { by as i64 };
        self.set(0, Value::Pointer(area, offset.wrapping_add(by)))
    }

    /// Brings a sum of this range into the range of a word, and gives the carry or borrow.
    fn wrap(&mut self, form: &mut Form, ends: &Range, bits: u32, minus: bool) -> Form {
        let whole = power(bits);
        let (never, always) = if minus {
            (!ends.0.is_negative(), ends.1.is_negative())
        } else {
            (ends.1 < whole, ends.0 >= whole)
        };
        let carry = if never {
            return Form::default();
        } else if always {
            Form::constant(1)
        } else {
            let symbol = self.state.ledger.fresh((BigInt::zero(), BigInt::one()));
            self.state.makers.push((symbol, self.i));
            Form::symbol(symbol)
        };
        form.add(&carry, &if minus { whole.clone() } else { -&whole });
        if let Some(symbol) = carry.alone() {
            self.state.ledger.set_meaning(symbol, form.clone(), (BigInt::zero(), whole - 1));
        }
        carry
    }

    /// sbb of a register with itself: all bits are the borrow.
    fn spread(&mut self) -> Result<(), Stop> {
        let set = self.decide(Chain::Carry)?;
        let value = if set { power(self.bits()) - 1 } else { BigInt::zero() };
        self.forget(Chain::Overflow)?;
        self.set(0, Value::number(value))
    }

    fn negate(&mut self) -> Result<(), Stop> {
        let (form, range) = self.of(0)?;
        let Some(value) = form.known() else {
            return Err(self
                .one_bit(&form, &range)
                .map_or_else(|| "not modelled".into(), Stop::Case));
        };
        let bits = self.bits();
        self.forget_both()?;
        self.state.carry = Flag::Set(Form::constant(u32::from(!value.is_zero())), false);
        self.set(0, Value::number(if value.is_zero() { value } else { power(bits) - value }))
    }

    /// The bit of which the form is a multiple.
    fn one_bit(&self, form: &Form, range: &Range) -> Option<Symbol> {
        let symbol = form.shifted(range.1.bits().saturating_sub(1) as u32)?.alone()?;
        let bit = self.state.ledger.range(&Form::symbol(symbol));
        (bit.1 == BigInt::one()).then_some(symbol)
    }

    /// The low bits of a word, or both operands known.
    fn and(&mut self) -> Result<(), Stop> {
        self.forget_both()?;
        let (a, b) = (self.of(0)?.0.known(), self.of(1)?.0.known());
        let form = match (a, b) {
            (Some(a), Some(b)) => Form::constant(a & b),
            (None, None) => return Err("a logical and that is not modelled".into()),
            (known, other) => {
                let operand = u32::from(known.is_some());
                let mask = known.or(other).expect("one of them is known");
                let bits = mask.bits() as u32;
                if mask != power(bits) - 1 || bits == 0 {
                    return Err("a mask that is not modelled".into());
                }
                self.halves(operand, bits)?.0
            }
        };
        self.set_both(Form::default());
        let value = self.integer(form, self.bits());
        self.set(0, value)
    }

    fn multiply(&mut self) -> Result<(), Stop> {
        let i = self.i;
        if self.bits() != 64 {
            return Err("a product that is not modelled".into());
        }
        let Value::Integer(a, a_range) = self.state.general[RDX].clone() else {
            return Err("multiplies what is no integer".into());
        };
        let (b, b_range) = self.of(2)?;
        let mut low = a.product(&b).ok_or("a product of more than two unknowns")?;
        let most = (a_range.1 * b_range.1) >> 64_u32;
        let high = match low.known() {
            Some(known) => Form::constant(known >> 64_u32),
            None if most.is_zero() => Form::default(),
            None => Form::symbol(self.state.ledger.fresh((BigInt::zero(), most.clone()))),
        };
        low.add(&high, &-power(64));
        if let Some(symbol) = high.alone() {
            self.state.ledger.set_meaning(symbol, low.clone(), (BigInt::zero(), power(64) - 1));
        }
        let (low, high) = (self.integer(low, 64), self.integer(high, 64));
        // The high half comes first; if both go to one register, it stays.
        debug_assert!(i.op_count() == 3);
        self.set(1, low)?;
        self.set(0, high)
    }

    fn shift(&mut self) -> Result<(), Stop> {
        let i = self.i;
        let rotates = i.mnemonic() == Mnemonic::Rorx;
        let source = u32::from(rotates);
        let bits = self.bits();
        let count = i.try_immediate(1 + source).map_err(|_| "shifts by a register")? as u32 % bits;
        if count == 0 || bits != 64 {
            return Err("a shift that is not modelled".into());
        }
        let at = if i.mnemonic() == Mnemonic::Shl { bits - count } else { count };
        if !rotates {
            self.forget_both()?;
        }
        let (low, high) = self.halves(source, at)?;
        let form = match i.mnemonic() {
            Mnemonic::Shl => low.times(&power(count)),
            Mnemonic::Shr => high,
            _ => high.plus(&low, power(bits - count)),
        };
        let value = self.integer(form, bits);
        self.set(0, value)
    }

    /// The low bits of an operand, and what is above them.
    fn halves(&mut self, operand: u32, bits: u32) -> Result<(Form, Form), Stop> {
        let i = self.i;
        let whole = |machine: &mut Self| match i.op_kind(operand) {
            OpKind::Register => {
                Ok(machine.state.general[Self::index(i.op_register(operand))?].clone())
            }
            _ => machine.value(operand),
        };
        for _ in 0..2 {
            let Value::Integer(form, range) = whole(self)? else {
                return Err("half of what is no integer".into());
            };
            if let Some(known) = form.known() {
                return Ok((
                    Form::constant(&known & (power(bits) - 1)),
                    Form::constant(known >> bits),
                ));
            }
            if let Some(split) = self.state.ledger.split(&form, &range, bits) {
                for substitution in &split.substitutions {
                    self.state.apply(substitution);
                }
                return Ok((split.low, split.high));
            }
            // Then words become symbols of their own.
            self.state.cut();
        }
        Err("half of what is no symbol".into())
    }

    fn choose(&mut self) -> Result<(), Stop> {
        let wanted = self.i.mnemonic() == Mnemonic::Cmovb;
        let value = self.value(1)?;
        if self.bits() != 64 {
            return Err("a move of half a word".into());
        }
        if self.decide(Chain::Carry)? == wanted { self.set(0, value) } else { Ok(()) }
    }
}

impl State {
    /// A flag that nobody can ask for any more. It is shown not to be set, unless somebody has asked.
    fn drop_flag(&mut self, flag: Flag) -> Result<(), Failure> {
        let Flag::Set(form, false) = flag else { return Ok(()) };
        if form.known().is_some() {
            return Ok(());
        }
        let symbol = form.alone().ok_or("a flag that is no carry")?;
        let maker = self.makers.iter().find(|(made, _)| *made == symbol);
        let maker = maker.ok_or("a carry that nothing made")?.1;
        if !self.ledger.is_never_set(symbol) {
            return Err(format!("the carry of `{maker}` is dropped, and may be set"));
        }
        self.dropped.push(maker.mnemonic());
        self.put(symbol, 0);
        Ok(())
    }

    /// How many carries were dropped that needed more than their range to be shown not to be set, by the instruction.
    #[must_use]
    pub fn dropped_by_maker(&self) -> Vec<(Mnemonic, usize)> {
        let mut counts: Vec<(Mnemonic, usize)> = Vec::new();
        for maker in &self.dropped {
            match counts.iter_mut().find(|(other, _)| other == maker) {
                Some((_, count)) => *count += 1,
                None => counts.push((*maker, 1)),
            }
        }
        counts
    }

    /// What has to hold where the kernel returns.
    fn leave(&mut self) -> Result<(), Failure> {
        let flags = [self.carry.clone(), self.overflow.clone()];
        if !self.may_lose_last {
            for flag in flags {
                self.drop_flag(flag)?;
            }
        }
        if !self.stack.is_empty() {
            return Err("the stack is not as it was".to_owned());
        }
        for register in [3, 5, 12, 13, 14, 15] {
            if self.general[register] != Value::Caller(register) {
                return Err(format!("the caller's register {register} has changed"));
            }
        }
        for area in self.areas.iter().filter(|area| area.access == Access::WriteOnce) {
            if area.writes.iter().any(|writes| *writes != 1) {
                return Err(format!("not every word of {} is written", area.name));
            }
        }
        Ok(())
    }
}
