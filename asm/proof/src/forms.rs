//! Integers as polynomials: what the kernels for verification compute with.
//!
//! A [`Form`] is a sum of symbols and of products of two symbols, with exact integer factors. A symbol is an integer of which a
//! range is known: a word of an input, a carry, the high half of a product. The [`Ledger`] has the symbols, and for those that an
//! instruction made what they mean: a form that has the symbol in it, and the range of that form. Nothing is ever rounded.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

/// The number of a symbol.
pub type Symbol = u32;

/// The symbols that are multiplied: none for a constant, one, or two with the newer one first. Zero is no symbol.
type Monomial = [Symbol; 2];

/// A polynomial. Equal forms are equal functions of their symbols.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Form(BTreeMap<Monomial, BigInt>);

impl Form {
    /// A constant.
    pub fn constant(value: impl Into<BigInt>) -> Self {
        let mut form = Self::default();
        form.add_term([0, 0], value.into());
        form
    }

    /// A symbol.
    #[must_use]
    pub fn symbol(symbol: Symbol) -> Self {
        let mut form = Self::default();
        form.add_term([symbol, 0], BigInt::one());
        form
    }

    fn add_term(&mut self, monomial: Monomial, factor: BigInt) {
        let sum = self.0.entry(monomial).or_default();
        *sum += factor;
        if sum.is_zero() {
            self.0.remove(&monomial);
        }
    }

    /// Adds a multiple of another form.
    pub fn add(&mut self, other: &Self, factor: &BigInt) {
        for (monomial, other) in &other.0 {
            self.add_term(*monomial, other * factor);
        }
    }

    /// The same with a multiple of another added.
    #[must_use]
    pub fn plus(mut self, other: &Self, factor: impl Into<BigInt>) -> Self {
        self.add(other, &factor.into());
        self
    }

    /// So many times this.
    #[must_use]
    pub fn times(&self, factor: &BigInt) -> Self {
        Self::default().plus(self, factor.clone())
    }

    /// The product; `None` where three symbols would be multiplied.
    #[must_use]
    pub fn product(&self, other: &Self) -> Option<Self> {
        let mut product = Self::default();
        for (a, x) in &self.0 {
            for (b, y) in &other.0 {
                let mut symbols: Vec<_> = a.iter().chain(b).copied().filter(|s| *s != 0).collect();
                symbols.sort_by(|a, b| b.cmp(a));
                symbols.resize(symbols.len().max(2), 0);
                product.add_term(symbols.try_into().ok()?, x * y);
            }
        }
        Some(product)
    }

    /// The value, if there is no symbol in it.
    #[must_use]
    pub fn known(&self) -> Option<BigInt> {
        match self.0.len() {
            0 => Some(BigInt::zero()),
            1 => self.0.get(&[0, 0]).cloned(),
            _ => None,
        }
    }

    /// The symbol, if it is one.
    #[must_use]
    pub fn alone(&self) -> Option<Symbol> {
        let (monomial, factor) = self.0.first_key_value()?;
        (self.0.len() == 1 && monomial[0] != 0 && monomial[1] == 0 && factor.is_one())
            .then_some(monomial[0])
    }

    /// The factor of a symbol by itself.
    #[must_use]
    pub fn factor(&self, symbol: Symbol) -> BigInt {
        self.0.get(&[symbol, 0]).cloned().unwrap_or_default()
    }

    /// The terms whose factors are no multiples.
    #[must_use]
    pub fn without_multiples(&self, of: &BigInt) -> Self {
        let left = self.0.iter().filter(|(_, factor)| !(*factor % of).is_zero());
        Self(left.map(|(monomial, factor)| (*monomial, factor.clone())).collect())
    }

    /// The power of two that divides all factors.
    #[must_use]
    pub fn trailing_zeros(&self) -> u32 {
        let zeros = self.0.values().map(|factor| factor.trailing_zeros().unwrap_or_default());
        zeros.min().unwrap_or_default() as u32
    }

    /// The symbols that stand by themselves, the newest first, with their factors.
    fn symbols(&self) -> impl Iterator<Item = (Symbol, &BigInt)> {
        let alone =
            self.0.iter().rev().filter(|(monomial, _)| monomial[1] == 0 && monomial[0] != 0);
        alone.map(|(monomial, factor)| (monomial[0], factor))
    }

    fn has(&self, symbol: Symbol) -> bool {
        self.0.keys().any(|monomial| monomial.contains(&symbol))
    }

    /// Puts a form in a symbol's place.
    fn substitute(&mut self, symbol: Symbol, by: &Self) {
        if !self.has(symbol) {
            return;
        }
        let (with, without) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|(monomial, _)| monomial.contains(&symbol));
        self.0 = without;
        for (monomial, factor) in with as BTreeMap<Monomial, BigInt> {
            let mut product = Self::constant(factor);
            for part in monomial.into_iter().filter(|part| *part != 0) {
                let part = if part == symbol { by.clone() } else { Self::symbol(part) };
                product = product.product(&part).expect("a product of two symbols stays one");
            }
            self.add(&product, &BigInt::one());
        }
    }

    /// The factors modulo a power of two.
    fn modulo(&self, bits: u32) -> Self {
        let mask = (BigInt::one() << bits) - 1;
        let mut rest = Self::default();
        for (monomial, factor) in &self.0 {
            rest.add_term(*monomial, factor & &mask);
        }
        rest
    }

    /// A 2^bits-th of it, where every factor is a multiple of that.
    #[must_use]
    pub fn shifted(&self, bits: u32) -> Option<Self> {
        let whole = self.modulo(bits).0.is_empty();
        whole.then(|| {
            Self(self.0.iter().map(|(monomial, factor)| (*monomial, factor >> bits)).collect())
        })
    }
}

/// 2 to a power.
#[must_use]
pub fn power(bits: u32) -> BigInt {
    BigInt::one() << bits
}

/// What is known of an integer: it is not below the first and not above the second.
pub type Range = (BigInt, BigInt);

/// Which integer a symbol is.
#[derive(Clone, Debug)]
struct Meaning {
    /// A form with the symbol in it.
    form: Form,
    /// The range of that form.
    range: Range,
}

#[derive(Clone, Debug)]
struct Entry {
    range: Range,
    meaning: Option<Meaning>,
    /// Whether it is what is above the low bits of a word.
    is_half: bool,
}

/// An input of several words as one number.
#[derive(Clone, Debug)]
struct Number {
    form: Form,
    /// It is not negative, and not above this.
    most: BigInt,
}

/// The symbols of a run, and what is known of them.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The first is no symbol.
    symbols: Vec<Entry>,
    numbers: Vec<Number>,
    /// Symbols that the case at hand has a value for.
    cases: Vec<(Symbol, BigInt)>,
    /// What the result is compared with.
    wanted: Form,
    /// Pairs of equal forms: a word as one symbol, and as it was computed.
    cuts: Vec<(Form, Form)>,
}

impl Default for Ledger {
    fn default() -> Self {
        let none = Entry { range: (BigInt::zero(), BigInt::zero()), meaning: None, is_half: false };
        Self {
            symbols: vec![none],
            numbers: Vec::new(),
            cases: Vec::new(),
            wanted: Form::default(),
            cuts: Vec::new(),
        }
    }
}

impl Ledger {
    /// A new symbol with a range.
    pub fn fresh(&mut self, range: Range) -> Symbol {
        self.symbols.push(Entry { range, meaning: None, is_half: false });
        (self.symbols.len() - 1) as Symbol
    }

    /// Says what a symbol means: the form, which has it in it with a power of two as its factor, is in the range.
    pub fn set_meaning(&mut self, symbol: Symbol, form: Form, range: Range) {
        self.symbols[symbol as usize].meaning = Some(Meaning { form, range });
    }

    /// Says that the form is not negative and at most so much.
    pub fn set_number(&mut self, form: Form, most: BigInt) {
        self.numbers.push(Number { form, most });
    }

    /// Keeps what the result is compared with.
    pub fn set_wanted(&mut self, form: Form) {
        self.wanted = form;
    }

    /// What was kept, with what symbols have been replaced by.
    #[must_use]
    pub fn wanted(&self) -> &Form {
        &self.wanted
    }

    /// The case that the symbol has this value.
    pub fn set_case(&mut self, symbol: Symbol, value: BigInt) {
        self.cases.push((symbol, value));
    }

    /// The range of a form, each of its terms taken alone.
    #[must_use]
    pub fn range(&self, form: &Form) -> Range {
        let (mut low, mut high) = (BigInt::zero(), BigInt::zero());
        for (monomial, factor) in &form.0 {
            let mut least = factor.clone();
            let mut most = factor.clone();
            for symbol in monomial.iter().filter(|symbol| **symbol != 0) {
                // No symbol is negative.
                let range = &self.symbols[*symbol as usize].range;
                least *= &range.0;
                most *= &range.1;
            }
            let (least, most) = if factor.is_negative() { (most, least) } else { (least, most) };
            low += least;
            high += most;
        }
        (low, high)
    }

    /// What a form is at most: its terms taken alone, but for those that make up a number.
    fn most(&self, form: &Form) -> BigInt {
        let mut least_most = self.range(form).1;
        let (mut form, mut beside, mut scale) = (form.clone(), BigInt::zero(), BigInt::one());
        for number in &self.numbers {
            let (top, whole) = number
                .form
                .0
                .iter()
                .max_by_key(|(_, factor)| *factor)
                .expect("a number is not zero");
            let Some(part) = form.0.get(top).cloned() else { continue };
            // form = (form * whole - part * number) / whole + part * number / whole
            let without = form.times(whole).plus(&number.form, -&part);
            let more = if part.is_positive() { part * &number.most } else { BigInt::zero() };
            let beside_with = &beside * whole + more;
            let scale_with = &scale * whole;
            let most = &beside_with + self.range(&without).1;
            // A form is an integer.
            let most = most.div_floor_by(&scale_with);
            if most <= least_most {
                least_most = most;
                (form, beside, scale) = (without, beside_with, scale_with);
            }
        }
        least_most
    }

    /// A form without this symbol that is at least as large, times a power of two: the form's bits, and the power.
    fn without(&self, form: &Form, symbol: Symbol) -> Option<(Form, u32)> {
        let Meaning { form: meaning, range } = self.symbols[symbol as usize].meaning.as_ref()?;
        let (part, whole) = (form.factor(symbol), meaning.factor(symbol));
        let bits = whole.bits() as u32 - 1;
        if whole.abs() != power(bits) {
            return None;
        }
        // form = form + part / whole * (value of the meaning - meaning), of which the value is in the range.
        let part = if whole.is_negative() { -part } else { part };
        let value = if part.is_positive() { &range.1 } else { &range.0 };
        let value = Form::constant(value.clone()).plus(meaning, -1);
        Some((form.times(&power(bits)).plus(&value, part), bits))
    }

    /// Whether the form is shown to be less than the limit. Carries are traced back to the words that they come from: those
    /// that add to it, or all.
    #[must_use]
    pub fn is_below(&self, form: &Form, limit: &BigInt) -> bool {
        self.is_traced_below(form, limit, false, true)
            || self.is_traced_below(form, limit, true, true)
    }

    fn is_traced_below(&self, form: &Form, limit: &BigInt, all: bool, behind_cuts: bool) -> bool {
        let (mut form, mut bits) = (form.clone(), 0);
        for _ in 0..MOST_STEPS {
            let scaled = limit << bits;
            if self.most(&form) < scaled {
                return true;
            }
            if behind_cuts {
                let (uncut, more) = self.uncut(&form);
                if uncut != form && self.most(&uncut) < scaled << more {
                    return true;
                }
            }
            let next = form
                .symbols()
                .filter(|(_, factor)| all || factor.is_positive())
                .find_map(|(symbol, _)| self.without(&form, symbol));
            let Some((without, more)) = next else { return false };
            // Small factors are faster.
            let less = without.trailing_zeros().min(bits + more);
            form = without.shifted(less).expect("so many zeroes");
            bits = bits + more - less;
        }
        false
    }

    /// The same, where also what the case at hand says may be used: that a carry, which the case names, is set or is not. The
    /// carry comes out of so many words.
    #[must_use]
    pub fn is_below_here(&self, form: &Form, limit: &BigInt, words: u32) -> bool {
        let by_case = self.cases.iter().any(|(symbol, value)| {
            [1, -1].into_iter().any(|sign| {
                // It is zero.
                let zero = Form::symbol(*symbol).plus(&Form::constant(1), -value.clone());
                let form = form.clone().plus(&zero, power(64 * words) * sign);
                let without = self.without(&form, *symbol);
                without.is_some_and(|(form, bits)| self.is_below(&form, &(limit << bits)))
            })
        });
        by_case || self.is_below(form, limit)
    }

    /// The form times a power of two, without the symbols that words were cut to: exactly. The power is told, too.
    #[must_use]
    pub fn uncut(&self, form: &Form) -> (Form, u32) {
        let (mut form, mut bits) = (form.clone(), 0);
        for (left, right) in self.cuts.iter().rev() {
            let pivot = left.symbols().max_by_key(|(_, factor)| factor.abs());
            let Some((pivot, whole)) = pivot else { continue };
            let part = form.factor(pivot);
            if part.is_zero() {
                continue;
            }
            let more = whole.bits() as u32 - 1;
            if *whole != power(more) {
                continue;
            }
            // left - right is zero.
            form = form.times(whole).plus(left, -&part).plus(right, part);
            bits += more;
        }
        (form, bits)
    }

    /// Makes an integer of this range and form one symbol.
    pub fn cut(&mut self, form: &Form, range: &Range) -> Form {
        let symbol = Form::symbol(self.fresh(range.clone()));
        self.cuts.push((symbol.clone(), form.clone()));
        symbol
    }

    /// Puts a form in a symbol's place wherever the ledger has it. The caller does so wherever it has it.
    fn substitute(&mut self, symbol: Symbol, by: &Form) {
        for (number, entry) in self.symbols.iter_mut().enumerate() {
            // What a case's own carry means stays: the case is made use of by it.
            if number == symbol as usize {
                continue;
            }
            if let Some(meaning) = &mut entry.meaning {
                meaning.form.substitute(symbol, by);
            }
        }
        for number in &mut self.numbers {
            number.form.substitute(symbol, by);
        }
        self.wanted.substitute(symbol, by);
        for (left, right) in &mut self.cuts {
            left.substitute(symbol, by);
            right.substitute(symbol, by);
        }
    }

    /// What is put in a symbol's place by [`Ledger::split`] or by a case.
    #[must_use]
    pub fn replace(&mut self, symbol: Symbol, by: &Form) -> Substitution {
        self.substitute(symbol, by);
        Substitution { symbol, by: by.clone() }
    }

    /// The low bits of a word of this form, and what is above them. `None` where the form has to be cut first.
    pub fn split(&mut self, form: &Form, range: &Range, bits: u32) -> Option<Split> {
        let mut substitutions = Vec::new();
        let rest = form.modulo(bits);
        let (least, most) = self.range(&rest);
        let is_low = !least.is_negative() && most < power(bits);
        if !is_low {
            let symbol = form.alone()?;
            let least = |a: BigInt, b: BigInt| if a < b { a } else { b };
            let low = self.fresh((BigInt::zero(), least(power(bits) - 1, range.1.clone())));
            let high = self.fresh((BigInt::zero(), &range.1 >> bits));
            self.symbols[high as usize].is_half = true;
            let by = Form::symbol(low).plus(&Form::symbol(high), power(bits));
            substitutions.push(self.replace(symbol, &by));
            let (low, high) = (Form::symbol(low), Form::symbol(high));
            return Some(Split { low, high, substitutions });
        }
        // The rest of the word is a multiple of the power of two, so that these are the low bits.
        let low = rest;
        let mut high = form
            .clone()
            .plus(&low, -1)
            .shifted(bits)
            .expect("the low bits are all that is beside multiples");
        // An upper half is one symbol, in the place of an older one.
        let half = high.symbols().find(|(symbol, factor)| {
            self.symbols[*symbol as usize].is_half && factor.is_one() && high.alone().is_none()
        });
        if let Some((old, _)) = half {
            let new = self.fresh((BigInt::zero(), &range.1 >> bits));
            self.symbols[new as usize].is_half = true;
            let by = Form::symbol(new).plus(&high, -1).plus(&Form::symbol(old), 1);
            // The old one's range says something of the carry between the two.
            let (carry, _) =
                by.symbols().max_by_key(|(_, factor)| factor.abs()).expect("the new one");
            let old_range = self.symbols[old as usize].range.clone();
            substitutions.push(self.replace(old, &by));
            if carry != new {
                self.set_meaning(carry, by, old_range);
            }
            high = Form::symbol(new);
        }
        Some(Split { low, high, substitutions })
    }

    /// Shows that a carry is not set, by what it means: the whole number without it lies where none is.
    #[must_use]
    pub fn is_never_set(&self, carry: Symbol) -> bool {
        let Some(Meaning { form, .. }) = &self.symbols[carry as usize].meaning else {
            return false;
        };
        let whole = form.factor(carry);
        let sum = form.clone().plus(&Form::symbol(carry), -&whole);
        if whole.is_negative() {
            self.is_traced_below(&sum, &whole.abs(), false, false)
        } else {
            self.is_traced_below(&sum.times(&(-BigInt::one())), &BigInt::one(), false, false)
        }
    }
}

/// Carries that are traced back in one bound; a chain has as many as it has words.
const MOST_STEPS: usize = 32;

/// A form in a symbol's place.
#[derive(Clone, Debug)]
pub struct Substitution {
    symbol: Symbol,
    by: Form,
}

impl Substitution {
    /// Does it.
    pub fn apply(&self, form: &mut Form) {
        form.substitute(self.symbol, &self.by);
    }
}

/// The halves of a word.
#[derive(Debug)]
pub struct Split {
    /// The low bits.
    pub low: Form,
    /// What is above them.
    pub high: Form,
    /// What became of older symbols: to be applied to whatever is not in the ledger, ahead of using the halves.
    pub substitutions: Vec<Substitution>,
}

/// Division that rounds down.
trait DivFloor {
    fn div_floor_by(&self, by: &Self) -> Self;
}

impl DivFloor for BigInt {
    fn div_floor_by(&self, by: &Self) -> Self {
        // `by` is positive.
        let quotient = self / by;
        if (self % by).is_negative() { quotient - 1 } else { quotient }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(ledger: &mut Ledger) -> Form {
        Form::symbol(ledger.fresh((BigInt::zero(), power(64) - 1)))
    }

    /// The upper half of q = d + 2^32 d modulo 2^64, and that its lower half is d's.
    #[test]
    fn halves_are_found_again() {
        let mut ledger = Ledger::default();
        let (d, range) = (word(&mut ledger), (BigInt::zero(), power(64) - 1));
        let split = ledger.split(&d, &range, 32).unwrap();
        let mut q = d.plus(&split.low, power(32));
        let carry = ledger.fresh((BigInt::zero(), BigInt::one()));
        q.add(&Form::symbol(carry), &-power(64));
        for substitution in &split.substitutions {
            substitution.apply(&mut q);
        }
        let again = ledger.split(&q, &range, 32).unwrap();
        assert_eq!(again.low, split.low);
        assert!(again.high.alone().is_some() && again.high != split.high);
        // The old upper half is d's still: its range says that there is a carry only where halves come to 2^32.
        let mut sum = split.high;
        again.substitutions.iter().for_each(|substitution| substitution.apply(&mut sum));
        let wanted = again.high.plus(&again.low, -1).plus(&Form::symbol(carry), power(32));
        assert_eq!(sum, wanted);
    }

    /// A carry is shown not to be set only where it is not.
    #[test]
    fn carries_are_traced_back() {
        for (addend, never) in [(power(64) - 2, true), (power(64) - 1, false)] {
            let mut ledger = Ledger::default();
            // The upper half of a product of words, and a carry from below: (a * b + addend) / 2^64.
            let (a, b) = (word(&mut ledger), word(&mut ledger));
            let range = (BigInt::zero(), power(64) - 1);
            let high = ledger.fresh((BigInt::zero(), power(64) - 2));
            let low = a.product(&b).unwrap().plus(&Form::symbol(high), -power(64));
            ledger.set_meaning(high, low.clone(), range.clone());
            let first = ledger.fresh((BigInt::zero(), BigInt::one()));
            let sum = low.plus(&Form::constant(addend), 1).plus(&Form::symbol(first), -power(64));
            ledger.set_meaning(first, sum, range.clone());
            let second = ledger.fresh((BigInt::zero(), BigInt::one()));
            // One more is too much only for the larger addend.
            let top = Form::symbol(high).plus(&Form::symbol(first), 1).plus(&Form::constant(1), 1);
            let top = top.plus(&Form::symbol(second), -power(64));
            ledger.set_meaning(second, top, range);
            assert_eq!(ledger.is_never_set(second), never);
        }
    }

    #[test]
    fn a_number_has_its_bound() {
        let mut ledger = Ledger::default();
        let (low, high) = (word(&mut ledger), word(&mut ledger));
        let number = low.clone().plus(&high, power(64));
        let less = number.clone().plus(&Form::constant(5), -1);
        assert!(!ledger.is_below(&less, &BigInt::from(1000)));
        ledger.set_number(number, BigInt::from(1004));
        assert!(ledger.is_below(&less, &BigInt::from(1000)));
        assert!(!ledger.is_below(&less, &BigInt::from(999)));
        assert!(!ledger.is_below(&less.plus(&low, 1), &BigInt::from(1000)));
    }
}
