//! Words of 128 bits whose bits are sums (exclusive ors) of unknown bits.
//!
//! A word is `constant ^ M1 * x1 ^ M2 * x2 ^ ...`, where each x is an *atom*, 128 unknown bits, and each M a
//! 128 x 128 matrix over GF(2). Each atom stands at most once, never with the zero matrix, and equal matrices have
//! one number: so two words are equal exactly when they are the same function of the atoms.

use std::collections::HashMap;

/// 128 unknown bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Atom(pub u32);

/// The number of an interned matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MapId(u32);

impl MapId {
    /// The identity.
    pub const ONE: Self = Self(0);
}

/// A linear map: column i is the image of bit i.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Matrix(pub Box<[u128; 128]>);

impl Matrix {
    /// The matrix of a linear function.
    pub fn of(f: impl Fn(u128) -> u128) -> Self {
        Self(Box::new(std::array::from_fn(|bit| f(1 << bit))))
    }

    /// The image of a value.
    #[must_use]
    pub fn apply(&self, mut value: u128) -> u128 {
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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Word {
    constant: u128,
    /// In the order of the atoms.
    terms: Vec<(Atom, MapId)>,
}

impl Word {
    /// A known value.
    #[must_use]
    pub fn constant(value: u128) -> Self {
        Self { constant: value, terms: Vec::new() }
    }

    /// An atom itself.
    #[must_use]
    pub fn atom(atom: Atom) -> Self {
        Self { constant: 0, terms: vec![(atom, MapId::ONE)] }
    }

    /// The value, if it is known.
    #[must_use]
    pub fn known(&self) -> Option<u128> {
        self.terms.is_empty().then_some(self.constant)
    }

    /// The same function of other atoms, each with a name of its own; `None` where one has none.
    pub fn rename(&self, name: impl Fn(Atom) -> Option<Atom>) -> Option<Self> {
        let renamed = self.terms.iter().map(|&(atom, map)| Some((name(atom)?, map)));
        let mut terms: Vec<_> = renamed.collect::<Option<_>>()?;
        terms.sort_unstable_by_key(|(atom, _)| *atom);
        Some(Self { constant: self.constant, terms })
    }
}

/// The interned matrices, and the arithmetic of words.
pub struct Algebra {
    matrices: Vec<Matrix>,
    numbers: HashMap<Matrix, MapId>,
    sums: HashMap<(MapId, MapId), Option<MapId>>,
    products: HashMap<(MapId, MapId), Option<MapId>>,
}

impl Default for Algebra {
    fn default() -> Self {
        let mut algebra = Self {
            matrices: Vec::new(),
            numbers: HashMap::new(),
            sums: HashMap::new(),
            products: HashMap::new(),
        };
        assert_eq!(algebra.intern(Matrix::of(|x| x)), Some(MapId::ONE));
        algebra
    }
}

impl Algebra {
    /// The number of a matrix, or `None` for zero.
    pub fn intern(&mut self, matrix: Matrix) -> Option<MapId> {
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
        let mut terms = Vec::with_capacity(a.terms.len() + b.terms.len());
        let (mut left, mut right) = (a.terms.iter().peekable(), b.terms.iter().peekable());
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
        Word { constant: a.constant ^ b.constant, terms }
    }

    /// M * a; zero for `None`.
    pub fn apply(&mut self, map: Option<MapId>, a: &Word) -> Word {
        let Some(map) = map else { return Word::default() };
        let constant = self.matrix(map).apply(a.constant);
        let terms = a
            .terms
            .iter()
            .filter_map(|&(atom, inner)| self.product(map, inner).map(|product| (atom, product)))
            .collect();
        Word { constant, terms }
    }

    /// The image of a word under a linear function.
    pub fn linear(&mut self, a: &Word, f: impl Fn(u128) -> u128) -> Word {
        match a.known() {
            Some(value) => Word::constant(f(value)),
            None => {
                let map = self.intern(Matrix::of(f));
                self.apply(map, a)
            }
        }
    }
}
