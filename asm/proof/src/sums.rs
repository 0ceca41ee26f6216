//! What is not linear in SHA-512: sums of 64-bit halves, and bits and-ed.
//!
//! A sum is an atom that stands for its addends, in no order: sums of sums are the sum of all addends. A sum that the definition
//! *names* is an unknown of its own from then on, or the addends of a round would be those of all rounds before. Bits and-ed are sums of
//! products of two monomials, each an atom under a linear map, and such a product is an atom: so the functions that choose and that take
//! the majority have one form, however they are computed.

use rustc_hash::FxHashMap as HashMap;

use crate::aes::Unknowns;
use crate::word::{Algebra, Atom, Linear, MapId, Word};

/// The most products of monomials in one and.
const MOST_PRODUCTS: usize = 256;
/// The most addends of a sum. Right kernels have eight; wrong ones, whose sums are none that the definition names, ever more.
const MOST_ADDENDS: usize = 64;

/// The atoms that stand for sums and products, and what they stand for.
#[derive(Default)]
pub struct Sums {
    /// Constant and addends, in their order as words.
    sums: HashMap<(u128, Vec<Word>), Atom>,
    /// The same of the sums that have no name.
    addends: HashMap<Atom, (u128, Vec<Word>)>,
    products: HashMap<[(Atom, MapId); 2], Atom>,
}

/// The sums of both halves.
fn add_halves(a: u128, b: u128) -> u128 {
    let [low, high] = [0, 64].map(|half| ((a >> half) as u64).wrapping_add((b >> half) as u64));
    u128::from(low) | u128::from(high) << 64
}

impl Sums {
    /// The sums of the halves of these words; `None` where there are too many addends.
    pub fn sum(&mut self, unknowns: &mut Unknowns, words: &[&Word]) -> Option<Word> {
        let (mut constant, mut addends) = (0, Vec::new());
        for word in words {
            match (word.known(), word.is_atom().and_then(|atom| self.addends.get(&atom))) {
                (Some(value), _) => constant = add_halves(constant, value),
                (None, Some((part, others))) => {
                    constant = add_halves(constant, *part);
                    addends.extend(others.iter().cloned());
                }
                (None, None) => addends.push((*word).clone()),
            }
        }
        match &addends[..] {
            [] => return Some(Word::constant(constant)),
            [word] if constant == 0 => return Some(word.clone()),
            _ if addends.len() > MOST_ADDENDS => return None,
            _ => addends.sort_unstable(),
        }
        let key = (constant, addends);
        if let Some(&atom) = self.sums.get(&key) {
            return Some(Word::atom(atom));
        }
        let atom = unknowns.fresh();
        self.sums.insert(key.clone(), atom);
        self.addends.insert(atom, key);
        Some(Word::atom(atom))
    }

    /// The same, as an unknown of its own.
    pub fn named_sum(&mut self, unknowns: &mut Unknowns, words: &[&Word]) -> Option<Word> {
        let sum = self.sum(unknowns, words)?;
        if let Some(atom) = sum.is_atom() {
            self.addends.remove(&atom);
        }
        Some(sum)
    }

    /// The bits that both words have; `None` where that has too many terms.
    pub fn and(
        &mut self,
        algebra: &mut Algebra,
        unknowns: &mut Unknowns,
        a: &Word,
        b: &Word,
    ) -> Option<Word> {
        if a.terms().len() * b.terms().len() > MOST_PRODUCTS {
            return None;
        }
        let ((x, unknown_a), (y, unknown_b)) = (a.split(), b.split());
        let masked_a = algebra.linear(&unknown_a, Linear::Mask(y));
        let masked_b = algebra.linear(&unknown_b, Linear::Mask(x));
        let mut sum = algebra.xor(&masked_a, &masked_b);
        sum = algebra.xor(&sum, &Word::constant(x & y));
        for &a in unknown_a.terms() {
            for &b in unknown_b.terms() {
                let product = if a == b {
                    Word::monomial(a)
                } else {
                    let key = if a < b { [a, b] } else { [b, a] };
                    Word::atom(*self.products.entry(key).or_insert_with(|| unknowns.fresh()))
                };
                sum = algebra.xor(&sum, &product);
            }
        }
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(unknowns: &mut Unknowns) -> [Word; 4] {
        [(); 4].map(|()| Word::atom(unknowns.fresh()))
    }

    #[test]
    fn sums_have_no_order() {
        let (mut sums, mut unknowns) = (Sums::default(), Unknowns::default());
        let [a, b, c, d] = words(&mut unknowns);
        let mut sum = |words: &[&Word]| sums.sum(&mut unknowns, words).unwrap();
        let seven = Word::constant(7 | 7 << 64);
        let ab = sum(&[&a, &b]);
        let cd = sum(&[&seven, &c, &d]);
        let all = sum(&[&ab, &cd]);
        let again = sum(&[&d, &b, &seven, &a, &c]);
        assert_eq!(all, again);
        let twice = sum(&[&a, &all]);
        assert_ne!(twice, all);
        // The negative of a constant takes it away.
        let less = Word::constant(u128::from(7u64.wrapping_neg()) * (1 | 1 << 64));
        let without = sum(&[&all, &less]);
        assert_eq!(without, sum(&[&a, &b, &c, &d]));
        assert_eq!(sum(&[&a, &Word::constant(0)]), a);
        let many = vec![&a; MOST_ADDENDS + 1];
        assert_eq!(sums.sum(&mut unknowns, &many), None);
    }

    #[test]
    fn a_named_sum_is_an_unknown() {
        let (mut sums, mut unknowns) = (Sums::default(), Unknowns::default());
        let [a, b, c, _] = words(&mut unknowns);
        let named = sums.named_sum(&mut unknowns, &[&a, &b]).unwrap();
        assert_eq!(sums.sum(&mut unknowns, &[&b, &a]).unwrap(), named);
        let through = sums.sum(&mut unknowns, &[&named, &c]);
        assert_ne!(through, sums.sum(&mut unknowns, &[&a, &b, &c]));
    }

    /// Both forms of the functions of SHA-512 are one; others are not.
    #[test]
    fn forms_of_choice_and_majority() {
        let (mut sums, mut unknowns) = (Sums::default(), Unknowns::default());
        let mut algebra = Algebra::default();
        let [a, b, c, _] = words(&mut unknowns);
        let mut and = |a: &Word, b: &Word, algebra: &mut Algebra| {
            sums.and(algebra, &mut unknowns, a, b).unwrap()
        };
        let ones = Word::constant(u128::MAX);
        let not_a = algebra.xor(&a, &ones);
        let (ab, nac) = (and(&a, &b, &mut algebra), and(&not_a, &c, &mut algebra));
        let choice = algebra.xor(&ab, &nac);
        let bc = algebra.xor(&b, &c);
        let other = and(&bc, &a, &mut algebra);
        assert_eq!(algebra.xor(&other, &c), choice);
        assert_ne!(algebra.xor(&other, &b), choice);

        let (ac, bc_and) = (and(&a, &c, &mut algebra), and(&b, &c, &mut algebra));
        let majority = algebra.xor(&ab, &ac);
        let majority = algebra.xor(&majority, &bc_and);
        let xor_ab = algebra.xor(&a, &b);
        let product = and(&xor_ab, &bc, &mut algebra);
        assert_eq!(algebra.xor(&product, &b), majority);
        assert_ne!(algebra.xor(&product, &c), majority);
        assert_eq!(and(&a, &a, &mut algebra), a);
    }
}
