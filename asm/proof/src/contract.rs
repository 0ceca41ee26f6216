//! What each kernel promises, and the proof that its bytes keep it.
//!
//! A kernel that works on a list of segments is proved for lists of every length, by induction. A run of the machine
//! goes from one place where the segment pointer moves on (or from the entry) to the next. The state there is made
//! general: what differs from one way there to another becomes unknown. When the general states no longer change, every
//! shape of a segment is run from each of them: it must be done right, and end in one of them again.

mod gcm;
mod hash;
mod numbers;

pub use hash::hash_job;

use std::collections::BTreeMap;

use crate::fips197::Round;
use crate::kernels::Kernel;
use crate::machine::{
    Access, Area, AreaId, Context, Failure, Flow, Program, State, Value, Vector, step,
};
use crate::word::{Atom, Linear, Word};

/// Blocks of a page.
const PAGE: usize = 256;
/// Blocks of a long segment: 1024 bytes. A kernel may ask whether the next segment is long.
const LONG: usize = 64;
/// Bytes of an entry of the list.
const SEGMENT: i64 = 64;

/// The order of bytes that turns a block round.
const TURN: u128 = 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f;

const KEYS: AreaId = AreaId(0);
const BEFORE: AreaId = AreaId(1);
const AFTER: AreaId = AreaId(2);
const SEGMENTS: AreaId = AreaId(3);
const SCRATCH: AreaId = AreaId(4);
const SRC: AreaId = AreaId(5);
const DST: AreaId = AreaId(6);
const PREFETCH: AreaId = AreaId(7);

const RCX: usize = 1;
const RDX: usize = 2;
const RSI: usize = 6;
const RDI: usize = 7;
const R8: usize = 8;
/// rbx, rsp, rbp, r12 to r15.
const CALLEE_SAVED: [usize; 7] = [3, 4, 5, 12, 13, 14, 15];

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// What a proof takes.
    Proof,
    /// What rejects wrong kernels fast.
    Sieve,
    /// The sieve, and all lengths at the beginning of a list.
    Lengths,
}

/// What was proved.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proved {
    /// General states at which a segment may begin.
    pub states: usize,
    /// Runs of the machine.
    pub runs: usize,
    /// Instructions that were run.
    pub steps: usize,
}

/// What tells the general states apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    ip: u64,
    general: [Value; 16],
    masks: [Option<u64>; 8],
    /// Whether the segment is [`LONG`], where a kernel may have asked.
    long: Option<bool>,
}

/// What else a general state has; `None` is what nothing is known of.
#[derive(Clone, PartialEq, Eq)]
struct Contents {
    vectors: Vec<[Option<Word>; 4]>,
    /// What of the scratch was written.
    scratch: BTreeMap<i64, Option<Word>>,
}

impl Contents {
    /// What holds in both.
    fn join(&mut self, other: &Self) {
        let join = |a: &mut Option<Word>, b: Option<&Option<Word>>| {
            if Some(&*a) != b {
                *a = None;
            }
        };
        let pairs = self.vectors.iter_mut().zip(&other.vectors);
        for (a, b) in pairs.flat_map(|(a, b)| a.iter_mut().zip(b)) {
            join(a, Some(b));
        }
        // A word that one of them never wrote is left at that if the other has wiped it: no run may read it.
        let wiped = |word: &Option<Word>| word.as_ref().and_then(Word::known) == Some(0);
        self.scratch.retain(|number, a| !wiped(a) || other.scratch.contains_key(number));
        for (number, b) in &other.scratch {
            match self.scratch.get_mut(number) {
                Some(a) => join(a, Some(b)),
                None if wiped(b) => {}
                None => drop(self.scratch.insert(*number, None)),
            }
        }
        for (number, a) in &mut self.scratch {
            if !other.scratch.contains_key(number) {
                *a = None;
            }
        }
    }
}

/// Length and alignment of the scratch that a file's kernels ask for.
#[must_use]
pub fn scratch(file: &str) -> (i64, i64) {
    match file {
        "xts_aesni" => (1152, 16),
        "xts_vaes256" => (1280, 32),
        "xts_vaes512" => (2368, 64),
        _ => (0, 1),
    }
}

/// A run's beginning.
type Start = (Place, Contents);

/// The proof of a kernel, or of what a mutation has made of it.
pub struct Proof<'k> {
    kernel: &'k Kernel,
    /// The instructions that are run.
    pub program: Program,
    context: Context,
    /// The vector registers as the caller left them.
    callers: Vec<Vector>,
    keys: Vec<Word>,
    /// The tables before and after AES, from the segment's place on.
    tables: [Vec<Word>; 2],
    /// Whitening before and after AES, of this segment and the next.
    whitening: [[Atom; 2]; 2],
    source: Vec<Word>,
    /// XTS: the tweaks of this segment.
    tweaks: Vec<Word>,
    /// GCM: T_1, T_2 and so on.
    powers: Vec<Word>,
    /// SHA-384: messages and their digests.
    hashing: Option<hash::Hashing>,
    proved: Proved,
}

impl<'k> Proof<'k> {
    /// Everything that a proof of this kernel needs.
    ///
    /// # Errors
    /// Where its bytes are no instructions.
    pub fn new(kernel: &'k Kernel) -> Result<Self, Failure> {
        let program = Program::decode(&kernel.bytes, kernel.address)?;
        let mut context = Context::default();
        let callers = (0..32).map(|_| std::array::from_fn(|_| context.fresh())).collect();
        let mut words = |count: usize| (0..count).map(|_| context.fresh()).collect::<Vec<_>>();
        let keys = words(kernel.rounds() + 1);
        let tables = [words(PAGE), words(PAGE)];
        let source = words(PAGE);
        let mut atom = || context.unknowns.fresh();
        let whitening = [[atom(), atom()], [atom(), atom()]];
        let mut tweaks = vec![Word::atom(whitening[0][0])];
        for j in 1..PAGE {
            let next = context.algebra.linear(&tweaks[j - 1], Linear::Double);
            tweaks.push(next);
        }
        let proved = Proved::default();
        Ok(Self {
            kernel,
            program,
            context,
            callers,
            keys,
            tables,
            whitening,
            source,
            tweaks,
            powers: Vec::new(),
            hashing: None,
            proved,
        })
    }

    /// Runs the program and compares it with the contract.
    ///
    /// # Errors
    /// What does not hold, and where it was seen.
    pub fn run(&mut self, effort: Effort) -> Result<Proved, Failure> {
        self.proved = Proved::default();
        match self.kernel.file.split_once('_') {
            Some(("xts", kind)) if kind.starts_with("lines_") => self.lines(effort)?,
            Some(("xex" | "xts" | "ctr", _)) => self.segments(effort)?,
            Some(("aes", "schedule")) => self.schedule()?,
            Some(("aes", "blocks_aesni")) => self.blocks(effort)?,
            Some(("ghash", "powers_aesni")) => self.powers(effort)?,
            Some(("ghash", "aesni")) => self.hashed_blocks(effort)?,
            Some(("gcm", "aesni")) => self.counted_blocks(effort)?,
            Some(("gcm", "vaes512")) => self.messages(effort)?,
            Some(("sha384", _)) => self.hashes(effort)?,
            Some(("p384", "mulx")) => self.p384(effort)?,
            Some(("rsa", "mulx")) => self.rsa()?,
            _ => return Err(format!("{} has no contract", self.kernel.name())),
        }
        Ok(self.proved)
    }

    fn is_xex(&self) -> bool {
        self.kernel.file.starts_with("xex")
    }

    fn is_ctr(&self) -> bool {
        self.kernel.file.starts_with("ctr")
    }

    /// The registers that hold the segment pointer and the count.
    fn list_registers(&self) -> (usize, usize) {
        if self.is_xex() { (RCX, R8) } else { (RSI, RDX) }
    }

    /// AES on one block, with the keys in their order of use: FIPS 197, section 5.1, or 5.3.5 for decryption.
    fn aes(&mut self, block: &Word) -> Word {
        let (middle, last) = match self.kernel.deciphers() {
            false => (Round::Encrypt, Round::EncryptLast),
            true => (Round::Decrypt, Round::DecryptLast),
        };
        let Context { algebra, unknowns, .. } = &mut self.context;
        let mut state = algebra.xor(block, &self.keys[0]);
        for (round, key) in self.keys.iter().enumerate().skip(1) {
            let function = if round == self.kernel.rounds() { last } else { middle };
            state = algebra.xor(&unknowns.round(function, &state), key);
        }
        state
    }

    /// What the kernel shall write for block `j` of a segment.
    fn wanted(&mut self, j: usize) -> Word {
        if self.is_ctr() {
            return self.counted(j);
        }
        let [before, after] = if self.is_xex() {
            [0, 1].map(|side| {
                let base = Word::atom(self.whitening[0][side]);
                self.context.algebra.xor(&base, &self.tables[side][j])
            })
        } else {
            [self.tweaks[j].clone(), self.tweaks[j].clone()]
        };
        let block = self.context.algebra.xor(&self.source[j], &before);
        let enciphered = self.aes(&block);
        self.context.algebra.xor(&enciphered, &after)
    }

    /// The same in counter mode.
    fn counted(&mut self, j: usize) -> Word {
        let first = Word::atom(self.whitening[0][0]);
        let sum = self.context.add(&first, &Word::constant(j as u128));
        let sum = sum.expect("a sum of one unknown");
        let counter = self.context.algebra.linear(&sum, Linear::Bytes(TURN));
        let stream = self.aes(&counter);
        self.context.algebra.xor(&self.source[j], &stream)
    }

    /// What the kernels for counter mode read: the numbers of blocks, then the order of bytes that turns a block round, four
    /// times.
    fn counter_constants() -> Area {
        let numbers = (0..68).map(|n| if n <= 64 { n } else { 0 });
        let words = numbers.chain([TURN; 4]).map(Word::constant);
        Area::new("constants", 16 * 72, 64, Access::Read).with_words(words)
    }

    // Lists of segments.

    fn segments(&mut self, effort: Effort) -> Result<(), Failure> {
        let (entry, contents) = self.entry();
        let mut states = BTreeMap::from([(entry.clone(), contents)]);
        // The general states settle on a few shapes; then all shapes are run.
        for effort in [Effort::Sieve, effort] {
            let mut todo: Vec<Place> = states.keys().cloned().collect();
            while let Some(place) = todo.pop() {
                if states.len() > 64 {
                    return Err("the list's states do not settle".to_owned());
                }
                let start = (place.clone(), states[&place].clone());
                for (after, contents) in self.runs(&start, effort)? {
                    let known = states.get(&after).cloned();
                    let mut joined = known.clone().unwrap_or_else(|| contents.clone());
                    joined.join(&contents);
                    if known.as_ref() != Some(&joined) {
                        states.insert(after.clone(), joined);
                        todo.retain(|place| *place != after);
                        todo.push(after);
                    }
                }
            }
        }
        self.proved.states = states.len();
        Ok(())
    }

    /// All shapes of a segment from a state, at the end of the list and ahead of others; the states they end in.
    fn runs(&mut self, start: &Start, effort: Effort) -> Result<Vec<Start>, Failure> {
        let mut ends = Vec::new();
        for blocks in self.lengths(&start.0, effort) {
            self.run_segment(start, blocks, None)?;
            for next_is_long in [false, true] {
                ends.extend(self.run_segment(start, blocks, Some(next_is_long))?);
            }
        }
        Ok(ends)
    }

    fn entry(&self) -> Start {
        let mut general = std::array::from_fn(Value::Caller);
        let pointer = |area| Value::Pointer(area, 0);
        if self.is_xex() {
            general[RDI] = pointer(KEYS);
            general[RSI] = Value::LessPlace(BEFORE, 0);
            general[RDX] = Value::LessPlace(AFTER, 0);
        } else {
            general[RDI] = pointer(KEYS);
            general[RCX] = pointer(SCRATCH);
        }
        let place = Place { ip: self.kernel.address, general, masks: [None; 8], long: None };
        let vectors = self.callers.iter().map(|words| words.clone().map(Some)).collect();
        (place, Contents { vectors, scratch: BTreeMap::new() })
    }

    /// The lengths of a segment that are run from a state, in blocks: for a proof, all.
    fn lengths(&self, start: &Place, effort: Effort) -> Vec<usize> {
        let mut lengths: Vec<usize> = match effort {
            Effort::Proof => (1..=PAGE).collect(),
            Effort::Lengths if start.ip == self.kernel.address => (1..=PAGE).collect(),
            _ => vec![1, 2, 7, 21, LONG, LONG + 23, 107, 3 * LONG + 16, PAGE],
        };
        lengths.retain(|&blocks| start.long.is_none_or(|long| long == (blocks >= LONG)));
        lengths
    }

    /// Runs one segment from `start`: the last of the list, or one with another behind it. The state where the next
    /// begins is the result, if the kernel has not returned.
    fn run_segment(
        &mut self,
        start: &Start,
        blocks: usize,
        next_is_long: Option<bool>,
    ) -> Result<Option<Start>, Failure> {
        self.run_or_fail(start, blocks, next_is_long).map_err(|why| {
            let next = match next_is_long {
                None => "the last",
                Some(false) => "a short one next",
                Some(true) => "a long one next",
            };
            format!("{}, a segment of {blocks} blocks, {next}: {why}", self.kernel.name())
        })
    }

    fn run_or_fail(
        &mut self,
        start: &Start,
        blocks: usize,
        next_is_long: Option<bool>,
    ) -> Result<Option<Start>, Failure> {
        let mut state = self.state(start, blocks, next_is_long);
        let (pointer, count) = self.list_registers();
        self.proved.runs += 1;
        let steps = self.proved.steps;
        while state.general[pointer] != Value::Pointer(SEGMENTS, SEGMENT) {
            self.step(&mut state, steps)?
                .then_some(())
                .ok_or("it returns before the end of the list")?;
        }
        self.check_segment(&state, blocks)?;
        if let Some(next_is_long) = next_is_long {
            if state.general[count] != Value::AtLeast(2) {
                return Err("the count is not one for each segment".to_owned());
            }
            return Ok(Some(self.generalize(&state, next_is_long)));
        }
        while self.step(&mut state, steps)? {}
        self.check_return(&state)?;
        Ok(None)
    }

    /// One instruction; whether the kernel goes on.
    fn step(&mut self, state: &mut State, first: usize) -> Result<bool, Failure> {
        self.proved.steps += 1;
        if self.proved.steps > first + 1_000_000 {
            return Err("it does not end".to_owned());
        }
        Ok(step(state, &self.program, &mut self.context)? == Flow::On)
    }

    /// The state of the machine for one segment.
    fn state(&mut self, start: &Start, blocks: usize, next_is_long: Option<bool>) -> State {
        let (start, contents) = start;
        let (pointer, count) = self.list_registers();
        let is_entry = start.ip == self.kernel.address;
        let mut general = start.general;
        general[pointer] = Value::Pointer(SEGMENTS, 0);
        general[count] = match (is_entry, next_is_long) {
            (true, None) => Value::Number(1),
            (true, Some(_)) => Value::AtLeast(2),
            // The segment before has not been taken off the count yet.
            (false, None) => Value::Number(2),
            (false, Some(_)) => Value::AtLeast(3),
        };
        let bytes = (16 * blocks) as i64;
        let mut list = Area::new("segments", SEGMENT, 16, Access::Read);
        let memory = [SRC, DST].map(|area| Value::Pointer(area, 0));
        self.put_segment(&mut list, 0, memory, [Value::Place(0), Value::Place(bytes)]);
        if let Some(is_long) = next_is_long {
            list.len += SEGMENT;
            let place = [Value::NextPlace, Value::NextEnd(is_long)];
            self.put_segment(&mut list, 1, [Value::Unknown; 2], place);
        }
        let (scratch_len, scratch_alignment) = scratch(&self.kernel.file);
        let mut scratch = match self.is_ctr() {
            // They stand in the same place.
            true => Self::counter_constants(),
            false => Area::new("scratch", scratch_len, scratch_alignment, Access::Scratch),
        };
        let known = |word: &Option<Word>, context: &mut Context| match word {
            Some(word) => word.clone(),
            None => context.fresh(),
        };
        for (&number, word) in &contents.scratch {
            scratch.words.insert(number, known(word, &mut self.context));
        }
        let keys_len = (16 * self.keys.len()) as i64;
        let table = |name, words: &[Word]| {
            Area::new(name, bytes, 16, Access::Read).with_words(words[..blocks].iter().cloned())
        };
        let vectors = contents.vectors.iter();
        State {
            general,
            vectors: vectors
                .map(|words| words.each_ref().map(|word| known(word, &mut self.context)))
                .collect(),
            masks: start.masks,
            zero: None,
            carry: None,
            areas: vec![
                Area::new("keys", keys_len, 16, Access::Read).with_words(self.keys.iter().cloned()),
                table("before", &self.tables[0]),
                table("after", &self.tables[1]),
                list,
                scratch,
                Area::new("source", bytes, 1, Access::ReadOnce(Some(DST)))
                    .with_words(self.source[..blocks].iter().cloned()),
                Area::new("destination", bytes, 1, Access::WriteOnce),
                Area::new("prefetched", 0, 1, Access::Nothing),
            ],
            ip: start.ip,
        }
    }

    /// Writes an entry of the list: source and destination, and where in its page it begins and ends.
    fn put_segment(&self, list: &mut Area, n: usize, memory: [Value; 2], place: [Value; 2]) {
        let at = SEGMENT * n as i64;
        list.fields.extend([
            (at, (8, memory[0])),
            (at + 8, (8, memory[1])),
            (at + 16, (8, Value::Pointer(PREFETCH, 0))),
            (at + 24, (4, place[0])),
            (at + 28, (4, place[1])),
        ]);
        for side in 0..2 {
            list.words.insert(at / 16 + 2 + side as i64, Word::atom(self.whitening[n][side]));
        }
    }

    /// The whole source was read, and the whole destination holds what it shall.
    fn check_segment(&mut self, state: &State, blocks: usize) -> Result<(), Failure> {
        let (src, dst) = (&state.areas[SRC.0], &state.areas[DST.0]);
        for j in 0..blocks {
            let number = j as i64;
            if !src.reads.contains_key(&number) || !dst.writes.contains_key(&number) {
                return Err(format!("block {j} is left out"));
            }
            if dst.words.get(&number) != Some(&self.wanted(j)) {
                return Err(format!("block {j} is not what the definition says"));
            }
        }
        Ok(())
    }

    /// The state where the next segment begins, without what it must not rely on.
    fn generalize(&self, state: &State, next_is_long: bool) -> Start {
        let general = std::array::from_fn(|register| match state.general[register] {
            // r8 is where a kernel keeps a number from one segment to the next: whether it is zero.
            Value::Number(0) if register == R8 => Value::Number(0),
            Value::Number(1..=0xffff_ffff) if register == R8 => Value::NotZero,
            value @ (Value::Caller(_)
            | Value::NotZero
            | Value::AtLeast(_)
            | Value::LessPlace(_, 0)) => value,
            // Other areas belong to the segment: what pointed into them points to its memory still.
            value @ Value::Pointer(KEYS | SCRATCH, _) => value,
            _ => Value::Unknown,
        });
        let general_words = |words: &Vector| words.each_ref().map(|word| self.general_word(word));
        let scratch = state.areas[SCRATCH.0].words.iter();
        let place = Place { ip: state.ip, general, masks: state.masks, long: Some(next_is_long) };
        let contents = Contents {
            vectors: state.vectors.iter().map(general_words).collect(),
            scratch: scratch.map(|(&n, word)| (n, self.general_word(word))).collect(),
        };
        (place, contents)
    }

    /// A word as the next segment sees it: its whitening becomes this one's; what depends on more than keys and
    /// whitening becomes unknown.
    fn general_word(&self, word: &Word) -> Option<Word> {
        word.rename(|atom| {
            let next = self.whitening[1].iter().position(|&next| next == atom);
            let is_lasting = |words: &[Word]| words.contains(&Word::atom(atom));
            match next {
                Some(side) => Some(self.whitening[0][side]),
                None if is_lasting(&self.keys) => Some(atom),
                None if self.callers.iter().any(|words| is_lasting(words)) => Some(atom),
                None => None,
            }
        })
    }

    // Both kinds of kernels.

    /// Nothing secret is left, and what belongs to the caller is as it was.
    fn check_return(&self, state: &State) -> Result<(), Failure> {
        for register in CALLEE_SAVED {
            if state.general[register] != Value::Caller(register) {
                return Err(format!("the caller's register {register} has changed"));
            }
        }
        for (n, (vector, callers)) in state.vectors.iter().zip(&self.callers).enumerate() {
            for (word, callers) in vector.iter().zip(callers) {
                if word.known() != Some(0) && word != callers {
                    return Err(format!("vector register {n} is not wiped"));
                }
            }
        }
        let scratch = state.areas.iter().filter(|area| area.access == Access::Scratch);
        for (number, word) in scratch.flat_map(|area| &area.words) {
            if word.known() != Some(0) {
                return Err(format!("the scratch is not wiped at {}", 16 * number));
            }
        }
        Ok(())
    }

    /// Runs a kernel without a list to its end.
    fn run_to_end(&mut self, general: [Value; 16], areas: Vec<Area>) -> Result<State, Failure> {
        let mut state = State {
            general,
            vectors: self.callers.clone(),
            masks: [None; 8],
            zero: None,
            carry: None,
            areas,
            ip: self.kernel.address,
        };
        self.proved.runs += 1;
        let steps = self.proved.steps;
        while self.step(&mut state, steps)? {}
        self.check_return(&state)?;
        Ok(state)
    }

    // Blocks alone.

    fn blocks(&mut self, effort: Effort) -> Result<(), Failure> {
        let counts: Vec<_> = match effort {
            Effort::Proof => (1..=64).collect(),
            Effort::Sieve | Effort::Lengths => vec![1, 8, 19],
        };
        for count in counts {
            let keys = Area::new("keys", 16 * self.keys.len() as i64, 16, Access::Read)
                .with_words(self.keys.iter().cloned());
            let data = Area::new("data", 16 * count as i64, 1, Access::ReadOnceWriteOnce)
                .with_words(self.source[..count].iter().cloned());
            let mut general = std::array::from_fn(Value::Caller);
            general[RDI] = Value::Pointer(KEYS, 0);
            general[RSI] = Value::Pointer(AreaId(1), 0);
            general[RDX] = Value::Number(count as u64);
            let state = self.run_to_end(general, vec![keys, data])?;
            for j in 0..count {
                let wanted = self.aes(&self.source[j].clone());
                self.check_block(&state.areas[1], j, &wanted)?;
            }
        }
        Ok(())
    }

    // Lines with a tweak each.

    fn lines(&mut self, effort: Effort) -> Result<(), Failure> {
        let counts: Vec<_> = match effort {
            Effort::Proof => (1..=PAGE / 4).collect(),
            Effort::Sieve | Effort::Lengths => vec![1, 2],
        };
        // The words of a table stand for the first tweaks.
        let firsts = self.tables[0].clone();
        for count in counts {
            let bytes = 64 * count as i64;
            let keys = Area::new("keys", 16 * self.keys.len() as i64, 16, Access::Read)
                .with_words(self.keys.iter().cloned());
            let tweaks = Area::new("tweaks", bytes / 4, 1, Access::ReadOnce(None))
                .with_words(firsts[..count].iter().cloned());
            let src = Area::new("source", bytes, 1, Access::ReadOnce(Some(AreaId(3))))
                .with_words(self.source[..4 * count].iter().cloned());
            let dst = Area::new("destination", bytes, 1, Access::WriteOnce);
            let mut general = std::array::from_fn(Value::Caller);
            for (register, area) in
                [(RDI, KEYS), (RSI, AreaId(1)), (RDX, AreaId(2)), (RCX, AreaId(3))]
            {
                general[register] = Value::Pointer(area, 0);
            }
            general[R8] = Value::Number(count as u64);
            let state = self.run_to_end(general, vec![keys, tweaks, src, dst])?;
            for (i, first) in firsts[..count].iter().enumerate() {
                let mut tweak = first.clone();
                for j in 4 * i..4 * i + 4 {
                    let block = self.context.algebra.xor(&self.source[j], &tweak);
                    let enciphered = self.aes(&block);
                    let wanted = self.context.algebra.xor(&enciphered, &tweak);
                    tweak = self.context.algebra.linear(&tweak, Linear::Double);
                    self.check_block(&state.areas[3], j, &wanted)?;
                }
            }
        }
        Ok(())
    }

    /// Block `j` was written, and is what it shall be.
    fn check_block(&self, area: &Area, j: usize, wanted: &Word) -> Result<(), Failure> {
        let number = j as i64;
        if !area.writes.contains_key(&number) || area.words.get(&number) != Some(wanted) {
            return Err(format!("{}: {} block {j}", self.kernel.name(), area.name));
        }
        Ok(())
    }

    // The key schedule.

    fn schedule(&mut self) -> Result<(), Failure> {
        let rounds = self.kernel.rounds();
        let key = self.source[..if rounds == 10 { 1 } else { 2 }].to_vec();
        let round_keys = self.round_keys(&key);
        let len = 16 * (rounds + 1) as i64;
        let output = |name| Area::new(name, len, 1, Access::WriteOnce);
        let key =
            Area::new("key", 16 * key.len() as i64, 1, Access::ReadOnce(None)).with_words(key);
        let mut general = std::array::from_fn(Value::Caller);
        for (area, register) in [RDI, RSI, RDX].into_iter().enumerate() {
            general[register] = Value::Pointer(AreaId(area), 0);
        }
        let areas = vec![key, output("encrypt"), output("decrypt")];
        let state = self.run_to_end(general, areas)?;
        for round in 0..=rounds {
            let encrypt = &round_keys[round];
            let decrypt = match &round_keys[rounds - round] {
                outer if round == 0 || round == rounds => outer.clone(),
                inner => self.context.algebra.linear(inner, Linear::InverseMixColumns),
            };
            for (area, wanted) in [(1, encrypt), (2, &decrypt)] {
                let area: &Area = &state.areas[area];
                if area.words.get(&(round as i64)) != Some(wanted) {
                    return Err(format!("{}: {} key {round}", self.kernel.name(), area.name));
                }
            }
        }
        Ok(())
    }

    /// FIPS 197, section 5.2, on words of 32 bits.
    fn round_keys(&mut self, key: &[Word]) -> Vec<Word> {
        let Context { algebra, unknowns, .. } = &mut self.context;
        let columns = 4 * key.len();
        let mut w: Vec<Word> = (0..columns)
            .map(|i| {
                let shifted = algebra.linear(&key[i / 4], Linear::Right(32 * (i as u32 % 4)));
                algebra.linear(&shifted, Linear::Mask(0xffff_ffff))
            })
            .collect();
        let mut round_constant = 1u8;
        for i in columns..4 * (self.kernel.rounds() + 1) {
            let mut t = w[i - 1].clone();
            if i % columns == 0 {
                let substituted = unknowns.round(Round::SubWord, &t);
                // RotWord moves each byte of the little-endian word down by one place.
                t = algebra.linear(&substituted, Linear::RotateDword(8));
                t = algebra.xor(&t, &Word::constant(u128::from(round_constant)));
                round_constant = (round_constant << 1) ^ ((round_constant >> 7) * 0x1b);
            } else if columns == 8 && i % 8 == 4 {
                let substituted = unknowns.round(Round::SubWord, &t);
                t = algebra.linear(&substituted, Linear::Mask(0xffff_ffff));
            }
            w.push(algebra.xor(&t, &w[i - columns]));
        }
        w.chunks(4)
            .map(|column| {
                column.iter().enumerate().fold(Word::default(), |sum, (n, word)| {
                    let placed = algebra.linear(word, Linear::Left(32 * n as u32));
                    algebra.xor(&sum, &placed)
                })
            })
            .collect()
    }
}
