//! The kernels for SHA-384: SHA-512's compression (FIPS 180-4, section 6.4.2) of messages side by side.
//!
//! A word of the proof has the same 64-bit word of two neighbouring messages. The tables are unknown: the kernels are right for
//! any constants.

use super::{
    Access, Area, AreaId, Context, Effort, Failure, Linear, Proof, RCX, RDI, RDX, RSI, Value, Word,
};

/// The order of bytes that turns each half round.
const TURN: u128 = 0x0809_0a0b_0c0d_0e0f_0001_0203_0405_0607;
/// The order of bytes that rotates each half by 8 bits.
const BY_8: u128 = 0x080f_0e0d_0c0b_0a09_0007_0605_0403_0201;

/// The most blocks that `src/kernel.rs` gives a kernel at a time: those of a page.
const HASH_BLOCKS: usize = 32;

/// Rounds of a block.
const ROUNDS: usize = 80;
/// Bytes of a block.
const BLOCK: i64 = 128;

/// The job's layout, as `asm/sha384_*.S` is told it.
struct Layout {
    /// Messages of a set.
    lanes: usize,
    sets: usize,
}

impl Layout {
    fn of(name: &str) -> Option<Self> {
        match name {
            "sha384_vaes256::any" => Some(Self { lanes: 4, sets: 1 }),
            "sha384_vaes512::one" => Some(Self { lanes: 8, sets: 1 }),
            "sha384_vaes512::two" => Some(Self { lanes: 8, sets: 2 }),
            _ => None,
        }
    }

    /// Pairs of messages.
    fn pairs(&self) -> usize {
        self.sets * self.lanes / 2
    }

    fn pointers(&self) -> i64 {
        64 * (self.sets * self.lanes) as i64
    }

    fn blocks(&self) -> i64 {
        self.pointers() + 8 * (self.sets * self.lanes) as i64
    }

    /// The scratch begins with the next line.
    fn words(&self) -> i64 {
        (self.blocks() + 16 + 63) / 64 * 64
    }

    fn len(&self) -> i64 {
        self.words() + 2 * 128 * (self.sets * self.lanes) as i64
    }

    /// The number of the job's word that holds a hash value's word of a pair.
    fn state(&self, pair: usize, word: usize) -> i64 {
        let per_set = self.lanes / 2;
        (8 * per_set * (pair / per_set) + per_set * word + pair % per_set) as i64
    }
}

/// A hash value of a pair of messages.
type Hash = [Word; 8];

impl Context {
    fn rotations(&mut self, x: &Word, [first, second, third]: [Linear; 3]) -> Word {
        let mut sum = self.algebra.linear(x, first);
        for function in [second, third] {
            let rotated = self.algebra.linear(x, function);
            sum = self.algebra.xor(&sum, &rotated);
        }
        sum
    }

    /// Section 4.1.3: rotations to the right.
    fn large_sigma(&mut self, x: &Word, bits: [u32; 3]) -> Word {
        self.rotations(x, bits.map(Linear::RotateHalves))
    }

    /// Section 4.1.3: two rotations and a shift to the right.
    fn small_sigma(&mut self, x: &Word, [first, second]: [u32; 2], shift: u64) -> Word {
        let rotate = Linear::RotateHalves;
        self.rotations(x, [rotate(first), rotate(second), Linear::HalvesRight(shift, shift)])
    }

    /// Section 4.1.3: (x & y) ^ (~x & z).
    fn choice(&mut self, x: &Word, y: &Word, z: &Word) -> Result<Word, Failure> {
        let both = self.and(x, y)?;
        let not_x = self.algebra.xor(x, &Word::constant(u128::MAX));
        let neither = self.and(&not_x, z)?;
        Ok(self.algebra.xor(&both, &neither))
    }

    /// Section 4.1.3: (x & y) ^ (x & z) ^ (y & z).
    fn majority(&mut self, x: &Word, y: &Word, z: &Word) -> Result<Word, Failure> {
        let (xy, xz, yz) = (self.and(x, y)?, self.and(x, z)?, self.and(y, z)?);
        let sum = self.algebra.xor(&xy, &xz);
        Ok(self.algebra.xor(&sum, &yz))
    }

    fn named_sum(&mut self, words: &[&Word]) -> Word {
        let sum = self.sums.named_sum(&mut self.unknowns, words);
        sum.expect("the definition's sums are short")
    }

    /// The schedule of a block: section 6.4.2, step 1.
    fn hash_schedule(&mut self, block: &[Word]) -> Vec<Word> {
        let mut words = block.to_vec();
        for t in 16..ROUNDS {
            let of_2 = self.small_sigma(&words[t - 2].clone(), [19, 61], 6);
            let of_15 = self.small_sigma(&words[t - 15].clone(), [1, 8], 7);
            let word = self.named_sum(&[&of_2, &words[t - 7], &of_15, &words[t - 16]]);
            words.push(word);
        }
        words
    }

    /// Steps 2 to 4; each round adds these words.
    fn hash_rounds(&mut self, hash: &Hash, added: &[Vec<&Word>]) -> Result<Hash, Failure> {
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = hash.clone();
        for added in added {
            let of_e = self.large_sigma(&e, [14, 18, 41]);
            let of_a = self.large_sigma(&a, [28, 34, 39]);
            let (choice, majority) = (self.choice(&e, &f, &g)?, self.majority(&a, &b, &c)?);
            let mut first = vec![&h, &of_e, &choice];
            first.extend(added);
            let new_e = self.named_sum(&[&first[..], &[&d]].concat());
            let new_a = self.named_sum(&[&first[..], &[&of_a, &majority]].concat());
            [a, b, c, d, e, f, g, h] = [new_a, a, b, c, new_e, e, f, g];
        }
        let values = [a, b, c, d, e, f, g, h];
        Ok(std::array::from_fn(|n| self.named_sum(&[&hash[n], &values[n]])))
    }

    /// Both halves are the same half of a word.
    fn twice(&mut self, word: &Word, high: bool) -> Word {
        let half = self.algebra.half(word, high);
        let upper = self.algebra.linear(&half, Linear::Left(64));
        self.algebra.xor(&half, &upper)
    }
}

/// What the kernels work on, and what they shall make of it.
pub(super) struct Hashing {
    layout: Layout,
    /// Constants and padding block, two words in one.
    tables: [Vec<Word>; 2],
    /// The hash values at the beginning.
    initial: Vec<Word>,
    messages: Vec<Vec<Word>>,
    /// For each pair of messages, after each number of blocks, without padding and with it.
    wanted: Vec<Vec<[Hash; 2]>>,
}

impl Hashing {
    /// As many blocks of messages that nothing is known of.
    fn new(context: &mut Context, layout: Layout, blocks: usize) -> Result<Self, Failure> {
        let mut words = |count: usize| (0..count).map(|_| context.fresh()).collect::<Vec<_>>();
        let tables = [words(ROUNDS / 2), words(ROUNDS / 2)];
        let initial = words(8 * layout.pairs());
        let messages = (0..2 * layout.pairs()).map(|_| words(8 * blocks)).collect();
        let mut hashing = Self { layout, tables, initial, messages, wanted: Vec::new() };
        for pair in 0..hashing.layout.pairs() {
            let wanted = hashing.hashes(context, pair, blocks)?;
            hashing.wanted.push(wanted);
        }
        Ok(hashing)
    }

    /// What the definition says for a pair of messages.
    fn hashes(
        &self,
        context: &mut Context,
        pair: usize,
        blocks: usize,
    ) -> Result<Vec<[Hash; 2]>, Failure> {
        let [constants, padding] = self.tables.each_ref().map(|table| {
            (0..ROUNDS).map(|t| context.twice(&table[t / 2], t % 2 == 1)).collect::<Vec<_>>()
        });
        let mut hash: Hash =
            std::array::from_fn(|n| self.initial[self.layout.state(pair, n) as usize].clone());
        let mut hashes = Vec::new();
        for block in 0..blocks {
            let mut words = Vec::new();
            for n in 0..16 {
                let [low, high] = [0, 1].map(|lane| {
                    let word = &self.messages[2 * pair + lane][8 * block + n / 2];
                    let turned = context.algebra.linear(word, Linear::Bytes(TURN));
                    context.algebra.half(&turned, n % 2 == 1)
                });
                let high = context.algebra.linear(&high, Linear::Left(64));
                words.push(context.algebra.xor(&low, &high));
            }
            let words = context.hash_schedule(&words);
            let added: Vec<_> = words.iter().zip(&constants).map(|(w, k)| vec![w, k]).collect();
            hash = context.hash_rounds(&hash, &added)?;
            let added: Vec<_> = padding.iter().map(|word| vec![word]).collect();
            hashes.push([hash.clone(), context.hash_rounds(&hash, &added)?]);
        }
        Ok(hashes)
    }

    /// Job, tables, byte orders, and the messages, as far as they are hashed.
    fn areas(&self, [blocks, padding]: [usize; 2]) -> Vec<Area> {
        let layout = &self.layout;
        let mut job = Area::new("job", layout.len(), 64, Access::Update)
            .with_words(self.initial.iter().cloned());
        let order = [TURN, TURN, TURN, TURN, BY_8, BY_8].map(Word::constant);
        let table = |name, words: &[Word]| {
            Area::new(name, 8 * ROUNDS as i64, 8, Access::Read).with_words(words.iter().cloned())
        };
        let mut areas = vec![
            table("constants", &self.tables[0]),
            table("padding", &self.tables[1]),
            Area::new("order", 96, 64, Access::Read).with_words(order),
        ];
        for (n, words) in (0..).zip(&self.messages) {
            let pointer = Value::Pointer(AreaId(areas.len() + 1), 0);
            job.fields.insert(layout.pointers() + 8 * n, (8, pointer));
            let message = Area::new("message", BLOCK * blocks as i64, 1, Access::Read);
            areas.push(message.with_words(words[..8 * blocks].iter().cloned()));
        }
        for (n, count) in (0..).zip([blocks, padding]) {
            job.fields.insert(layout.blocks() + 8 * n, (8, Value::Number(count as u64)));
        }
        areas.insert(0, job);
        areas
    }

    /// Whether the job holds the hash values that it shall.
    fn check(&self, job: &Area, [blocks, padding]: [usize; 2]) -> Result<(), Failure> {
        for (pair, wanted) in self.wanted.iter().enumerate() {
            for (n, wanted) in wanted[blocks - 1][padding].iter().enumerate() {
                if job.words.get(&self.layout.state(pair, n)) != Some(wanted) {
                    let lane = 2 * pair;
                    return Err(format!(
                        "word {n} of messages {lane} and {}, {blocks} blocks, {padding} of padding",
                        lane + 1
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The bytes of a job of this kernel; `None` if it is no hash kernel.
#[must_use]
pub fn hash_job(name: &str) -> Option<i64> {
    Layout::of(name).map(|layout| layout.len())
}

impl Proof<'_> {
    pub(super) fn hashes(&mut self, effort: Effort) -> Result<(), Failure> {
        let counts = match effort {
            Effort::Proof | Effort::Lengths => 1..=HASH_BLOCKS,
            Effort::Sieve => 2..=2,
        };
        let most = *counts.end();
        let known = self.hashing.take().filter(|known| known.messages[0].len() >= 8 * most);
        let hashing = match known {
            Some(known) => known,
            None => {
                let layout = Layout::of(&self.kernel.name());
                let layout =
                    layout.ok_or_else(|| format!("{} has no contract", self.kernel.name()))?;
                Hashing::new(&mut self.context, layout, most)?
            }
        };
        let result = counts.clone().try_for_each(|blocks| self.hash_blocks(&hashing, blocks));
        self.hashing = Some(hashing);
        result.map_err(|why| format!("{}: {why}", self.kernel.name()))
    }

    fn hash_blocks(&mut self, hashing: &Hashing, blocks: usize) -> Result<(), Failure> {
        for padding in [0, 1] {
            let mut general = std::array::from_fn(Value::Caller);
            for (area, register) in [RDI, RSI, RDX, RCX].into_iter().enumerate() {
                general[register] = Value::Pointer(AreaId(area), 0);
            }
            let state = self.run_to_end(general, hashing.areas([blocks, padding]))?;
            hashing.check(&state.areas[0], [blocks, padding])?;
        }
        Ok(())
    }
}
