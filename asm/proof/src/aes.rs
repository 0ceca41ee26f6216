//! AES as the prover sees it: known where its input is known, otherwise an unknown function.
//!
//! `AESENC(s, k) = F(s) ^ k`, `AESENCLAST(s, k) = G(s) ^ k`, and two more for decryption: F and G are never looked
//! into. Equal inputs have equal outputs, and that is all that a proof may use. The key schedule's SubWord is
//! treated the same; InvMixColumns is linear and stays visible.

use rustc_hash::FxHashMap as HashMap;

use crate::fips197::{Round, compute};
use crate::word::{Algebra, Atom, Linear, Word};

/// The atoms and what they stand for.
#[derive(Default)]
pub struct Unknowns {
    next: u32,
    outputs: HashMap<(Round, Word), Atom>,
}

impl Unknowns {
    /// 128 bits that nothing is known of.
    pub fn fresh(&mut self) -> Atom {
        self.next += 1;
        Atom(self.next)
    }

    /// The function's value at `input`.
    pub fn round(&mut self, round: Round, input: &Word) -> Word {
        if let Some(value) = input.known() {
            return Word::constant(compute(round, value));
        }
        if let Some(&atom) = self.outputs.get(&(round, input.clone())) {
            return Word::atom(atom);
        }
        let atom = self.fresh();
        self.outputs.insert((round, input.clone()), atom);
        Word::atom(atom)
    }

    /// AESKEYGENASSIST (AMD APM volume 4): from words 1 and 3, their SubWord and its rotation with the constant.
    pub fn key_assist(&mut self, algebra: &mut Algebra, input: &Word, constant: u8) -> Word {
        let mut sum = Word::constant(u128::from(constant) << 32 | u128::from(constant) << 96);
        for word in [1, 3] {
            let shifted = algebra.linear(input, Linear::Right(32 * word));
            let x = algebra.linear(&shifted, Linear::Mask(0xffff_ffff));
            let substituted = self.round(Round::SubWord, &x);
            let rotated = algebra.linear(&substituted, Linear::RotateDword(8));
            let rotated = algebra.linear(&rotated, Linear::Left(32));
            let low = algebra.linear(&substituted, Linear::Mask(0xffff_ffff));
            let pair = algebra.xor(&low, &rotated);
            let placed = algebra.linear(&pair, Linear::Left(32 * (word - 1)));
            sum = algebra.xor(&sum, &placed);
        }
        sum
    }
}
