//! Words of 128 bits whose bits are sums (exclusive ors) of unknown bits.
//!
//! A word is `constant ^ M1 * x1 ^ M2 * x2 ^ ...`, where each x is an *atom*, 128 unknown bits, and each M a
//! 128 x 128 matrix over GF(2). Each atom stands at most once, never with the zero matrix, and equal matrices have
//! one number: so two words are equal exactly when they are the same function of the atoms.

use std::rc::Rc;

use rustc_hash::FxHashMap as HashMap;

use crate::fips197::inverse_mix_columns;

/// 128 unknown bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Atom(pub u32);

/// The number of an interned matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MapId(u32);

impl MapId {
    /// The identity.
    pub const ONE: Self = Self(0);
}

/// A linear function that an instruction or a definition applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Linear {
    /// The whole word to the left by so many bits.
    Left(u32),
    /// The whole word to the right by so many bits.
    Right(u32),
    /// Each half to the left, by these bits.
    HalvesLeft(u64, u64),
    /// Each half to the right, by these bits.
    HalvesRight(u64, u64),
    /// The bits that the mask has.
    Mask(u128),
    /// The dwords in another order: PSHUFD's immediate.
    Dwords(u8),
    /// The bytes that a selector names, or zero: PSHUFB's second operand.
    Bytes(u128),
    /// The low dword rotated to the right.
    RotateDword(u32),
    /// Each half rotated to the right.
    RotateHalves(u32),
    /// The low half times a number, without carries.
    Product(u64),
    /// Times a in GF(2^128): IEEE 1619-2018, section 5.2.
    Double,
    /// FIPS 197, section 5.3.3.
    InverseMixColumns,
}

impl Linear {
    /// The function itself.
    #[must_use]
    pub fn of(self, x: u128) -> u128 {
        let halves = |low: &dyn Fn(u64) -> u64, high: &dyn Fn(u64) -> u64| {
            u128::from(low(x as u64)) | u128::from(high((x >> 64) as u64)) << 64
        };
        let left = |bits: u64| move |x: u64| if bits > 63 { 0 } else { x << bits };
        let right = |bits: u64| move |x: u64| if bits > 63 { 0 } else { x >> bits };
        match self {
            Self::Left(bits) => x.checked_shl(bits).unwrap_or(0),
            Self::Right(bits) => x.checked_shr(bits).unwrap_or(0),
            Self::HalvesLeft(low, high) => halves(&left(low), &left(high)),
            Self::HalvesRight(low, high) => halves(&right(low), &right(high)),
            Self::Mask(mask) => x & mask,
            Self::Dwords(order) => (0..4).fold(0, |sum, n| {
                sum | (x >> (32 * (order >> (2 * n) & 3)) & 0xffff_ffff) << (32 * n)
            }),
            Self::Bytes(selector) => {
                let (bytes, selector) = (x.to_le_bytes(), selector.to_le_bytes());
                u128::from_le_bytes(selector.map(|selector| match selector {
                    0x80.. => 0,
                    _ => bytes[usize::from(selector % 16)],
                }))
            }
            Self::RotateDword(bits) => u128::from((x as u32).rotate_right(bits)),
            Self::RotateHalves(bits) => {
                let rotate = |x: u64| x.rotate_right(bits);
                halves(&rotate, &rotate)
            }
            Self::Product(factor) => {
                let low = u128::from(x as u64);
                (0..64).filter(|bit| factor >> bit & 1 == 1).fold(0, |sum, bit| sum ^ low << bit)
            }
            Self::Double => x << 1 ^ if x >> 127 == 1 { 0x87 } else { 0 },
            Self::InverseMixColumns => inverse_mix_columns(x),
        }
    }
}

/// A linear map: column i is the image of bit i.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Matrix(Box<[u128; 128]>);

impl Matrix {
    /// The matrix of a linear function.
    fn of(f: impl Fn(u128) -> u128) -> Self {
        Self(Box::new(std::array::from_fn(|bit| f(1 << bit))))
    }

    /// The image of a value.
    fn apply(&self, mut value: u128) -> u128 {
        let mut sum = 0;
        while value != 0 {
            sum ^= self.0[value.trailing_zeros() as usize];
            value &= value - 1;
        }
        sum
    }

    fn is_zero(&self) -> bool {
        self.0.iter().all(|column| *column == 0)
    }
}

/// A word.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Word {
    constant: u128,
    /// In the order of the atoms; `None` for none.
    terms: Option<Rc<[(Atom, MapId)]>>,
}

impl Word {
    /// A known value.
    #[must_use]
    pub fn constant(value: u128) -> Self {
        Self { constant: value, terms: None }
    }

    /// An atom itself.
    #[must_use]
    pub fn atom(atom: Atom) -> Self {
        Self { constant: 0, terms: Some([(atom, MapId::ONE)].into()) }
    }

    /// The value, if it is known.
    #[must_use]
    pub fn known(&self) -> Option<u128> {
        self.terms.is_none().then_some(self.constant)
    }

    /// An atom under a map.
    #[must_use]
    pub fn monomial(term: (Atom, MapId)) -> Self {
        Self { constant: 0, terms: Some([term].into()) }
    }

    /// The atom that it is, if it is nothing else.
    #[must_use]
    pub fn is_atom(&self) -> Option<Atom> {
        match self.terms() {
            [(atom, MapId::ONE)] if self.constant == 0 => Some(*atom),
            _ => None,
        }
    }

    /// What is known and what is not, of which it is the sum.
    #[must_use]
    pub fn split(&self) -> (u128, Self) {
        (self.constant, Self { constant: 0, terms: self.terms.clone() })
    }

    /// The atoms with their maps, in the order of the atoms.
    #[must_use]
    pub fn terms(&self) -> &[(Atom, MapId)] {
        self.terms.as_deref().unwrap_or_default()
    }

    fn new(constant: u128, terms: Vec<(Atom, MapId)>) -> Self {
        Self { constant, terms: if terms.is_empty() { None } else { Some(terms.into()) } }
    }

    /// The same function of other atoms, each with a name of its own; `None` where one has none.
    pub fn rename(&self, name: impl Fn(Atom) -> Option<Atom>) -> Option<Self> {
        let renamed = self.terms().iter().map(|&(atom, map)| Some((name(atom)?, map)));
        let mut terms: Vec<_> = renamed.collect::<Option<_>>()?;
        terms.sort_unstable_by_key(|(atom, _)| *atom);
        Some(Self::new(self.constant, terms))
    }
}

/// The interned matrices, and the arithmetic of words.
pub struct Algebra {
    matrices: Vec<Matrix>,
    numbers: HashMap<Matrix, MapId>,
    named: HashMap<Linear, Option<MapId>>,
    sums: HashMap<(MapId, MapId), Option<MapId>>,
    products: HashMap<(MapId, MapId), Option<MapId>>,
}

impl Default for Algebra {
    fn default() -> Self {
        let mut algebra = Self {
            matrices: Vec::new(),
            numbers: HashMap::default(),
            named: HashMap::default(),
            sums: HashMap::default(),
            products: HashMap::default(),
        };
        assert_eq!(algebra.intern(Matrix::of(|x| x)), Some(MapId::ONE));
        algebra
    }
}

impl Algebra {
    /// The number of a matrix, or `None` for zero.
    fn intern(&mut self, matrix: Matrix) -> Option<MapId> {
        if matrix.is_zero() {
            return None;
        }
        if let Some(&number) = self.numbers.get(&matrix) {
            return Some(number);
        }
        let number = MapId(u32::try_from(self.matrices.len()).expect("few matrices"));
        self.matrices.push(matrix.clone());
        self.numbers.insert(matrix, number);
        Some(number)
    }

    fn matrix(&self, number: MapId) -> &Matrix {
        &self.matrices[number.0 as usize]
    }

    fn sum(&mut self, a: MapId, b: MapId) -> Option<MapId> {
        if a == b {
            return None;
        }
        if let Some(&sum) = self.sums.get(&(a, b)) {
            return sum;
        }
        let (x, y) = (self.matrix(a), self.matrix(b));
        let matrix = Matrix(Box::new(std::array::from_fn(|bit| x.0[bit] ^ y.0[bit])));
        let sum = self.intern(matrix);
        self.sums.insert((a, b), sum);
        sum
    }

    fn product(&mut self, a: MapId, b: MapId) -> Option<MapId> {
        match (a, b) {
            (MapId::ONE, _) => return Some(b),
            (_, MapId::ONE) => return Some(a),
            _ => {}
        }
        if let Some(&product) = self.products.get(&(a, b)) {
            return product;
        }
        let (x, y) = (self.matrix(a), self.matrix(b));
        let matrix = Matrix(Box::new(std::array::from_fn(|bit| x.apply(y.0[bit]))));
        let product = self.intern(matrix);
        self.products.insert((a, b), product);
        product
    }

    /// a ^ b.
    pub fn xor(&mut self, a: &Word, b: &Word) -> Word {
        let constant = a.constant ^ b.constant;
        match (&a.terms, &b.terms) {
            (None, _) => return Word { constant, ..b.clone() },
            (_, None) => return Word { constant, ..a.clone() },
            _ => {}
        }
        let mut terms = Vec::with_capacity(a.terms().len() + b.terms().len());
        let (mut left, mut right) = (a.terms().iter().peekable(), b.terms().iter().peekable());
        loop {
            match (left.peek(), right.peek()) {
                (Some(&&(x, m)), Some(&&(y, n))) if x == y => {
                    terms.extend(self.sum(m, n).map(|sum| (x, sum)));
                    left.next();
                    right.next();
                }
                (Some(&&(x, m)), Some(&&(y, _))) if x < y => {
                    terms.push((x, m));
                    left.next();
                }
                (Some(&&term), None) => {
                    terms.push(term);
                    left.next();
                }
                (_, Some(&&term)) => {
                    terms.push(term);
                    right.next();
                }
                (None, None) => break,
            }
        }
        Word::new(constant, terms)
    }

    /// The low half of a word, or the high one in its place.
    pub fn half(&mut self, word: &Word, high: bool) -> Word {
        self.linear(word, if high { Linear::Right(64) } else { Linear::Mask(u64::MAX.into()) })
    }

    /// The image of a word under a linear function.
    pub fn linear(&mut self, a: &Word, function: Linear) -> Word {
        let constant = function.of(a.constant);
        if a.terms.is_none() {
            return Word::constant(constant);
        }
        let map = match self.named.get(&function) {
            Some(map) => *map,
            None => {
                let map = self.intern(Matrix::of(|x| function.of(x)));
                self.named.insert(function, map);
                map
            }
        };
        let Some(map) = map else { return Word::default() };
        let image = |&(atom, inner): &(Atom, MapId)| Some((atom, self.product(map, inner)?));
        Word::new(constant, a.terms().iter().filter_map(image).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Word {
        /// The value for these values of the atoms.
        fn value(&self, algebra: &Algebra, atoms: &[u128]) -> u128 {
            self.terms().iter().fold(self.constant, |sum, &(Atom(n), map)| {
                sum ^ algebra.matrix(map).apply(atoms[n as usize])
            })
        }
    }

    const FUNCTIONS: &[Linear] = &[
        Linear::Left(64),
        Linear::Left(8),
        Linear::Right(64),
        Linear::Right(120),
        Linear::HalvesLeft(1, 1),
        Linear::HalvesLeft(64, 3),
        Linear::HalvesRight(63, 60),
        Linear::Mask(0xffff_ffff),
        Linear::Dwords(0x93),
        Linear::Bytes(0x0001_0203_8005_0607_0809_0a0b_8c0d_0e0e),
        Linear::RotateDword(8),
        Linear::RotateHalves(61),
        Linear::Product(0x87),
        Linear::Double,
        Linear::InverseMixColumns,
    ];

    /// Words made by chains of sums and functions have the values that the chains have; equal functions are equal
    /// words, in whatever order they were made.
    #[test]
    fn words_are_functions() {
        let atoms = [3, 0x0123_4567_89ab_cdef_0f1e_2d3c_4b5a_6978, u128::MAX / 7, 1 << 127];
        let mut algebra = Algebra::default();
        let mut words: Vec<_> = (0..4).map(|n| (Word::atom(Atom(n)), atoms[n as usize])).collect();
        words.push((Word::constant(0x1357), 0x1357));
        for (n, &function) in FUNCTIONS.iter().cycle().take(100).enumerate() {
            let ((a, x), (b, y)) = (words[n].clone(), words[n / 3].clone());
            let sum = algebra.xor(&a, &b);
            let image = algebra.linear(&sum, function);
            assert_eq!(image.value(&algebra, &atoms), function.of(x ^ y), "{function:?}");
            // f(a ^ b) = f(b) ^ f(a)
            let (of_a, of_b) = (algebra.linear(&a, function), algebra.linear(&b, function));
            assert_eq!(algebra.xor(&of_b, &of_a), image, "{function:?}");
            words.push((image, function.of(x ^ y)));
        }
        let (a, _) = words[20].clone();
        assert_eq!(algebra.xor(&a, &a), Word::default());
    }

    #[test]
    fn a_renamed_word_is_the_same_function_of_others() {
        let mut algebra = Algebra::default();
        let doubled = algebra.linear(&Word::atom(Atom(1)), Linear::Double);
        let word = algebra.xor(&doubled, &Word::atom(Atom(2)));
        let renamed = word.rename(|Atom(n)| Some(Atom(4 - n))).unwrap();
        assert_eq!(renamed.value(&algebra, &[0, 0, 5, 9]), word.value(&algebra, &[0, 9, 5, 0]));
        assert_eq!(word.rename(|atom| (atom == Atom(1)).then_some(atom)), None);
    }
}
