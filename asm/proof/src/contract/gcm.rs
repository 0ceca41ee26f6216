//! The kernels for GCM.
//!
//! Bytes are turned round: bit i of a word is the coefficient of x^i, and a product is taken by x^-128, as POLYVAL (RFC
//! 8452, section 3) has it. That this is GHASH of SP 800-38D, if the powers begin with the hash key times x, is shown by
//! the tests below, for every pair of bits, of which all pairs of blocks are sums.

use super::{
    Access, Area, AreaId, Context, Effort, Failure, Linear, Proof, R8, RCX, RDI, RDX, RSI, State,
    TURN, Value, Word,
};

const R9: usize = 9;

/// x^63 + x^62 + x^57: the middle of the field's polynomial, x^64 down.
const FOLD: u64 = 0xc2 << 56;

/// The sum of products, each of a block and a power, times x^-128.
fn sum_of_products(context: &mut Context, products: &[(Word, Word)]) -> Result<Word, Failure> {
    // Low, middle, high.
    let mut sums = [(); 3].map(|()| Word::default());
    for (block, power) in products {
        for (sum, halves) in
            [(0, (false, false)), (1, (false, true)), (1, (true, false)), (2, (true, true))]
        {
            let a = context.algebra.half(block, halves.0);
            let b = context.algebra.half(power, halves.1);
            let product = context.multiply(&a, &b)?;
            sums[sum] = context.algebra.xor(&sums[sum], &product);
        }
    }
    let [mut low, middle, mut high] = sums;
    let algebra = &mut context.algebra;
    let upper = algebra.linear(&middle, Linear::Left(64));
    low = algebra.xor(&low, &upper);
    let lower = algebra.linear(&middle, Linear::Right(64));
    high = algebra.xor(&high, &lower);
    for _ in 0..2 {
        let folded = algebra.linear(&low, Linear::Product(FOLD));
        let swapped = algebra.linear(&low, Linear::Dwords(0x4e));
        low = algebra.xor(&swapped, &folded);
    }
    Ok(algebra.xor(&high, &low))
}

/// A message's shape, as a job of the message kernel has it.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// Powers of the key.
    powers: usize,
    /// Bytes of text.
    len: usize,
    /// Bytes of additional data.
    aad: usize,
    /// Whether the hash has gone over other additional data already.
    is_carried: bool,
}

/// Bytes of a set, and its blocks.
const SET: usize = 512;
const SET_BLOCKS: usize = 32;

impl Proof<'_> {
    fn pointer(area: usize) -> Value {
        Value::Pointer(AreaId(area), 0)
    }

    fn key_area(&self) -> Area {
        Area::new("keys", 16 * self.keys.len() as i64, 64, Access::Read)
            .with_words(self.keys.iter().cloned())
    }

    fn turned(&mut self, word: &Word) -> Word {
        self.context.algebra.linear(word, Linear::Bytes(TURN))
    }

    /// T_1 to T_count, unknown.
    fn unknown_powers(&mut self, count: usize) -> Vec<Word> {
        while self.powers.len() < count {
            let power = self.context.fresh();
            self.context.factor(&power);
            self.powers.push(power);
        }
        self.powers[..count].to_vec()
    }

    /// The sum of a word's halves, twice.
    fn middle(&mut self, word: &Word) -> Word {
        let swapped = self.context.algebra.linear(word, Linear::Dwords(0x4e));
        self.context.algebra.xor(word, &swapped)
    }

    /// The table that holds these powers: they, the sums of their halves, and what lies behind.
    fn power_area(&mut self, powers: &[Word]) -> Area {
        let mut words: Vec<_> = powers.iter().rev().cloned().collect();
        for n in 0..powers.len() {
            let middle = self.middle(&words[n].clone());
            words.push(middle);
        }
        let behind = (0..3).map(|_| self.context.fresh());
        words.extend(behind);
        Area::new("powers", 16 * words.len() as i64, 64, Access::Read).with_words(words)
    }

    /// Powers from T_1.
    pub(super) fn powers(&mut self, effort: Effort) -> Result<(), Failure> {
        let counts: &[usize] = match effort {
            Effort::Proof => &[4, 8, 12, 16, 40, 272],
            Effort::Sieve | Effort::Lengths => &[4, 12],
        };
        for &count in counts {
            let mut powers = self.unknown_powers(1);
            let mut wanted = powers.clone();
            for n in 1..count {
                // The factors are those that the kernel takes; that the order does not matter is a law of the field.
                let (a, b) = if n < 4 { (n - 1, 0) } else { (n - 4, 3) };
                let product = (wanted[a].clone(), wanted[b].clone());
                let power = sum_of_products(&mut self.context, &[product])?;
                self.context.factor(&power);
                wanted.push(power);
            }
            let bytes = 16 * count as i64;
            let mut table = Area::new("powers", bytes, 16, Access::Update);
            table.words.insert(count as i64 - 1, powers.remove(0));
            let sums = Area::new("middles", bytes, 16, Access::WriteOnce);
            let mut general = std::array::from_fn(Value::Caller);
            (general[RDI], general[RSI]) = (Self::pointer(0), Self::pointer(1));
            general[RDX] = Value::Number(count as u64);
            let state = self.run_to_end(general, vec![table, sums])?;
            for (n, power) in wanted.iter().enumerate() {
                let middle = self.middle(power);
                self.check_word(&state, 0, count - 1 - n, power)?;
                self.check_word(&state, 1, count - 1 - n, &middle)?;
            }
        }
        Ok(())
    }

    fn check_word(
        &self,
        state: &State,
        area: usize,
        number: usize,
        wanted: &Word,
    ) -> Result<(), Failure> {
        let area = &state.areas[area];
        if area.words.get(&(number as i64)) != Some(wanted) {
            return Err(format!("{}: {} word {number}", self.kernel.name(), area.name));
        }
        Ok(())
    }

    /// Y after `blocks`, as the 128-bit kernels go on: by eight, then by one.
    fn hash_by_eight(&mut self, mut hash: Word, blocks: &[Word]) -> Result<Word, Failure> {
        let powers = self.unknown_powers(8);
        let mut rest = blocks;
        while !rest.is_empty() {
            let count = if rest.len() < 8 { 1 } else { 8 };
            let mut products = Vec::new();
            for (n, block) in rest[..count].iter().enumerate() {
                let mut block = self.turned(block);
                if n == 0 {
                    block = self.context.algebra.xor(&block, &hash);
                }
                self.context.factor(&block);
                products.push((block, powers[count - 1 - n].clone()));
            }
            hash = sum_of_products(&mut self.context, &products)?;
            rest = &rest[count..];
        }
        Ok(hash)
    }

    pub(super) fn hashed_blocks(&mut self, effort: Effort) -> Result<(), Failure> {
        let counts: Vec<usize> = match effort {
            Effort::Proof => (1..=40).collect(),
            Effort::Sieve | Effort::Lengths => vec![1, 10, 17],
        };
        let powers = self.unknown_powers(8);
        for count in counts {
            let blocks = self.source[..count].to_vec();
            let hash = self.context.fresh();
            let wanted = self.hash_by_eight(hash.clone(), &blocks)?;
            let table = self.power_area(&powers);
            let areas = vec![
                Area::new("hash", 16, 1, Access::Update).with_words([hash]),
                Area::new("data", 16 * count as i64, 1, Access::ReadOnce(None)).with_words(blocks),
                table,
            ];
            let mut general = std::array::from_fn(Value::Caller);
            (general[RDI], general[RSI]) = (Self::pointer(0), Self::pointer(1));
            general[RDX] = Value::Number(count as u64);
            general[RCX] = Value::Pointer(AreaId(2), 16 * 8);
            general[R8] = Value::Number(16 * 8);
            let state = self.run_to_end(general, areas)?;
            self.check_word(&state, 0, 0, &wanted)?;
        }
        Ok(())
    }

    /// The nonce turned round behind four zero bytes.
    fn nonce(&mut self) -> Word {
        let word = self.source[255].clone();
        self.context.algebra.linear(&word, Linear::Mask(!0xffff_ffff))
    }

    /// Block `j` of the result, which the counter block of number `counter` makes.
    fn crypted(&mut self, block: &Word, counter: u32) -> Word {
        let nonce = self.nonce();
        let turned = self.context.algebra.xor(&nonce, &Word::constant(counter.into()));
        let counter = self.turned(&turned);
        let stream = self.aes(&counter);
        self.context.algebra.xor(block, &stream)
    }

    fn seals(&self) -> bool {
        self.kernel.body.ends_with("seal")
    }

    pub(super) fn counted_blocks(&mut self, effort: Effort) -> Result<(), Failure> {
        let counts: Vec<usize> = match effort {
            Effort::Proof => (1..=40).collect(),
            Effort::Sieve | Effort::Lengths => vec![1, 10, 17],
        };
        let powers = self.unknown_powers(8);
        for (count, first) in counts.into_iter().flat_map(|count| [(count, 2), (count, u32::MAX)]) {
            let blocks = self.source[..count].to_vec();
            let results: Vec<_> = (first..=u32::MAX)
                .chain(0..)
                .zip(&blocks)
                .map(|(counter, block)| self.crypted(block, counter))
                .collect();
            let hash = self.context.fresh();
            let ciphertext = if self.seals() { &results } else { &blocks };
            let wanted = self.hash_by_eight(hash.clone(), ciphertext)?;
            let nonce = self.nonce();
            let counter = |algebra: &mut crate::word::Algebra, number: u32| {
                algebra.xor(&nonce, &Word::constant(number.into()))
            };
            let counters = [first, first.wrapping_add(count as u32)]
                .map(|number| counter(&mut self.context.algebra, number));
            let mut state =
                Area::new("state", 40, 1, Access::Update).with_words([counters[0].clone(), hash]);
            state.fields.insert(32, (8, Value::Number(16 * 8)));
            let bytes = 16 * count as i64;
            let table = self.power_area(&powers);
            let areas = vec![
                self.key_area(),
                Area::new("source", bytes, 1, Access::ReadBefore(AreaId(2))).with_words(blocks),
                Area::new("destination", bytes, 1, Access::WriteOnce),
                state,
                table,
            ];
            let mut general = std::array::from_fn(Value::Caller);
            for (register, area) in [(RDI, 0), (RSI, 1), (RDX, 2), (R8, 3)] {
                general[register] = Self::pointer(area);
            }
            general[RCX] = Value::Number(count as u64);
            general[R9] = Value::Pointer(AreaId(4), 16 * 8);
            let state = self.run_to_end(general, areas)?;
            for (j, result) in results.iter().enumerate() {
                self.check_word(&state, 2, j, result)?;
            }
            self.check_word(&state, 3, 0, &counters[1])?;
            self.check_word(&state, 3, 1, &wanted)?;
        }
        Ok(())
    }

    pub(super) fn messages(&mut self, effort: Effort) -> Result<(), Failure> {
        let shape = |powers, len, aad| Shape { powers, len, aad, is_carried: false };
        // Every way through the kernel: a short message, and one, two, three and five sets ahead of a tail.
        let mut shapes =
            vec![shape(40, 100, 48), shape(40, 2 * SET, 0), shape(40, 2 * SET + 77, 16)];
        shapes.extend([3, 6].map(|sets| shape(40, SET * sets, 5)));
        if effort == Effort::Proof {
            shapes.extend((0..=144).map(|len| shape(40, len, len % 65)));
            shapes.extend((0..=64).map(|aad| shape(40, 96, aad)));
            shapes.extend((145..=SET).step_by(7).map(|len| shape(40, len, 0)));
            for sets in 1..=6 {
                for tail in [1, 16, 63, 64, 65, 200, 447, 448, 511, 512] {
                    shapes.extend([0, 48].map(|aad| shape(40, SET * sets + tail, aad)));
                }
            }
            // Sets that fill the powers, so that the lengths have none left.
            shapes.extend([2, 4, 5].map(|sets| shape(64, SET * sets, 0)));
            for len in [4096, 4097, 9 * SET, 17 * SET + 300] {
                shapes.extend([0, 64].map(|aad| shape(272, len, aad)));
            }
        }
        // The hash is carried over from additional data that is too long for the kernel, or not; that is asked only where
        // there is none.
        for shape in shapes.clone() {
            if shape.aad == 0 || shape.len % 64 == 48 {
                shapes.push(Shape { is_carried: true, ..shape });
            }
        }
        for shape in shapes {
            self.message(shape)
                .map_err(|why| format!("{}, {shape:?}: {why}", self.kernel.name()))?;
        }
        Ok(())
    }

    /// The first `len` bytes of words.
    fn cut(&mut self, words: &[Word], len: usize) -> Vec<Word> {
        let mut words = words[..len.div_ceil(16)].to_vec();
        if let (Some(last), part @ 1..) = (words.last_mut(), len % 16) {
            *last = self.context.algebra.linear(last, Linear::Mask((1 << (8 * part)) - 1));
        }
        words
    }

    fn message(&mut self, shape: Shape) -> Result<(), Failure> {
        let Shape { powers: capacity, len, aad, is_carried } = shape;
        while self.source.len() < len.div_ceil(16) {
            let word = self.context.fresh();
            self.source.push(word);
        }
        let powers = self.unknown_powers(capacity);
        let source = self.source.clone();
        let blocks = self.cut(&source, len);
        // A table's words stand for the additional data.
        let table = self.tables[0].clone();
        let additional = self.cut(&table, aad);
        let mut results = Vec::new();
        for (block, counter) in blocks.iter().zip(2..) {
            results.push(self.crypted(block, counter));
        }
        results = self.cut(&results, len);

        // Everything that is hashed, in runs as the job has them.
        let sets = len.saturating_sub(1) / SET;
        let tail = len - SET * sets;
        let (ahead, behind) = (aad.div_ceil(16), tail.div_ceil(16) + 1);
        let fits = ahead + SET_BLOCKS * sets + behind <= capacity;
        let (run, later) = ((capacity - 1 - ahead) / SET_BLOCKS, (capacity - 1) / SET_BLOCKS);
        let last = (capacity - behind) / SET_BLOCKS;
        let first = ahead + if fits { SET_BLOCKS * sets + behind } else { SET_BLOCKS * run };
        let lengths = u128::from(8 * aad as u64) << 64 | u128::from(8 * len as u64);
        let mut hashed = Vec::new();
        let ciphertext = if self.seals() { &results } else { &blocks };
        for block in additional.iter().chain(ciphertext).cloned().collect::<Vec<_>>() {
            hashed.push(self.turned(&block));
        }
        hashed.push(Word::constant(lengths));
        let hash = self.context.fresh();
        let begin = if is_carried && aad == 0 { hash.clone() } else { Word::default() };
        let (mut sum, mut rest, mut blocks_of_run) = (begin, &hashed[..], first);
        while !rest.is_empty() {
            let (run, others) = rest.split_at(blocks_of_run);
            let mut products = vec![(sum.clone(), powers[run.len() - 1].clone())];
            products.extend(run.iter().cloned().zip(powers[..run.len()].iter().rev().cloned()));
            for (block, _) in &products {
                self.context.factor(block);
            }
            sum = sum_of_products(&mut self.context, &products)?;
            rest = others;
            let sets_left = (rest.len().saturating_sub(behind)) / SET_BLOCKS;
            blocks_of_run = if sets_left <= last { rest.len() } else { SET_BLOCKS * later };
        }
        let turned = self.turned(&sum);
        let tag = self.crypted(&turned, 1);

        let state = self.run_message(shape, (hash, blocks, additional), &powers, |job| {
            let power = |blocks: usize| {
                Value::Pointer(AreaId(POWERS), 16 * (capacity as i64 - blocks as i64))
            };
            let number = |n: usize| Value::Number(n as u64);
            for (at, value) in [
                (0, Self::pointer(SRC)),
                (8, Self::pointer(DST)),
                (16, number(sets)),
                (24, number(tail)),
                (32, Self::pointer(AAD)),
                (40, number(aad)),
                (48, power(first)),
                (56, number(16 * capacity)),
                (64, if fits { Value::Number(u64::MAX) } else { number(run) }),
                (72, number(later)),
                (80, power(SET_BLOCKS * later)),
                (88, number(last)),
                (96, power(behind)),
                (104, number(8 * aad)),
                (112, number(8 * len)),
                (120, number(usize::from(is_carried))),
            ] {
                job.fields.insert(at, (8, value));
            }
        })?;
        for (j, result) in results.iter().enumerate() {
            self.check_word(&state, DST, j, result)?;
        }
        self.check_word(&state, JOB, 9, &tag)
    }

    fn run_message(
        &mut self,
        shape: Shape,
        (hash, blocks, additional): (Word, Vec<Word>, Vec<Word>),
        powers: &[Word],
        fill: impl Fn(&mut Area),
    ) -> Result<State, Failure> {
        let mut job = Area::new("job", 160, 64, Access::Update);
        fill(&mut job);
        job.words.insert(8, self.nonce());
        job.words.insert(9, hash);
        let lanes = |number: u128| [number; 4].map(Word::constant);
        let mut constants = vec![
            Word::constant(TURN),
            Word::constant(FOLD.into()),
            Word::constant(1),
            Word::default(),
        ];
        constants.extend(lanes(4));
        constants.extend([2, 3, 4, 5].map(Word::constant));
        constants.extend(lanes(28));
        constants.extend(lanes(4 << 120));
        let table = self.power_area(powers);
        let areas = vec![
            self.key_area(),
            job,
            Area::new("constants", 320, 64, Access::Read).with_words(constants),
            Area::new("source", shape.len as i64, 1, Access::ReadBefore(AreaId(DST)))
                .with_words(blocks),
            // What is hashed as ciphertext is read back.
            Area::new("destination", shape.len as i64, 1, Access::WriteOnceRead),
            Area::new("additional data", shape.aad as i64, 1, Access::ReadOnce(None))
                .with_words(additional),
            table,
        ];
        let mut general = std::array::from_fn(Value::Caller);
        for (register, area) in [(RDI, 0), (RSI, JOB), (RDX, 2)] {
            general[register] = Self::pointer(area);
        }
        self.run_to_end(general, areas)
    }
}

const JOB: usize = 1;
const SRC: usize = 3;
const DST: usize = 4;
const AAD: usize = 5;
const POWERS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    /// The product of SP 800-38D, section 6.3: bit 0 of a block is its first.
    fn product(x: u128, mut v: u128) -> u128 {
        let mut z = 0;
        for i in 0..128 {
            if x >> (127 - i) & 1 == 1 {
                z ^= v;
            }
            v = v >> 1 ^ if v & 1 == 1 { 0xe1 << 120 } else { 0 };
        }
        z
    }

    /// The hash key times x in the field of POLYVAL.
    fn first_power(h: u128) -> u128 {
        h << 1 ^ if h >> 127 == 1 { 0xc2 << 120 | 1 } else { 0 }
    }

    /// Blocks are read as big-endian numbers by both: the first byte, turned round, is the highest.
    #[test]
    fn it_is_ghash() {
        let mut context = Context::default();
        for x in 0..128 {
            for h in 0..128 {
                let (x, h) = (1u128 << x, 1u128 << h);
                let words = [x, first_power(h)].map(Word::constant);
                let [block, power] = words;
                let sum = sum_of_products(&mut context, &[(block, power)]).unwrap();
                assert_eq!(sum.known(), Some(product(x, h)), "{x:x} {h:x}");
            }
        }
        let (x, h) =
            (0x0388_dace_60b6_a392_f328_c2b9_71b2_fe78, 0x66e9_4bd4_ef8a_2c3b_884c_fa59_ca34_2b2e);
        assert_eq!(
            product(x, h),
            0x5e2e_c746_9170_6288_2c85_b068_5353_deb7,
            "McGrew and Viega, test case 2"
        );
    }

    /// A product of sums is the sum of the products, and unknowns that nobody named are refused.
    #[test]
    fn products_of_unknowns() {
        let mut context = Context::default();
        let [a, b, c] = [(); 3].map(|()| context.fresh());
        for word in [&a, &b, &c] {
            context.factor(word);
        }
        let low = |context: &mut Context, word: &Word| context.algebra.half(word, false);
        let [a_low, b_low, c_low] = [&a, &b, &c].map(|word| low(&mut context, word));
        let a_high = context.algebra.half(&a, true);
        let a_sum = context.algebra.xor(&a_low, &a_high);
        let product = context.multiply(&a_sum, &b_low).unwrap();
        let parts = [&a_low, &a_high].map(|half| context.multiply(&b_low, half).unwrap());
        assert_eq!(product, context.algebra.xor(&parts[0], &parts[1]));
        let other = context.multiply(&a_low, &c_low).unwrap();
        assert_ne!(context.multiply(&a_low, &b_low).unwrap(), other);
        let sum = context.algebra.xor(&b_low, &c_low);
        assert!(context.multiply(&sum, &a_low).is_err());
    }
}
