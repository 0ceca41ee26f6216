//! ECDSA over P-384 (SEC 1, section 4.1.4).
//!
//! What is computed with comes from a [`Claim`] and a [`Key`], which are public, and from nothing else: all below takes
//! [`Numbers`], which are made of a claim, and points that are made of a key or of the generator. There is no way in for a
//! private scalar or a nonce, and none must be made: digits choose branches and places in tables.

pub(crate) mod claim;
pub(crate) mod digits;
pub(crate) mod field;
pub(crate) mod generator;
mod inverse;
mod lanes;
pub(crate) mod mulx;
pub(crate) mod order;
pub(crate) mod point;
mod portable;
pub(crate) mod words;

use p384::ecdsa::VerifyingKey;
use p384::elliptic_curve::point::AffineCoordinates;
use p384::{AffinePoint, FieldBytes};

use claim::Numbers;

use crate::cpu::{Arithmetic, ArithmeticToken, Ifma, Mulx};
use crate::wire::field_mut;

/// The length of a coordinate and of a scalar, in bytes.
pub(crate) const NUMBER: usize = 48;

/// Whether a big-endian number is from 1 to n - 1.
pub(crate) fn is_scalar(number: &[u8; NUMBER]) -> bool {
    order::is_scalar(&words::from_be(number))
}

/// 4, x, y of a point that is not at infinity, big-endian. No branch, which the crate's own encoding has: the point may have been
/// made of a secret a moment ago.
pub(crate) fn to_sec1(point: &AffinePoint) -> [u8; 97] {
    let mut bytes = [4; 97];
    *field_mut::<1, NUMBER, _>(&mut bytes) = point.x().into();
    *field_mut::<{ 1 + NUMBER }, NUMBER, _>(&mut bytes) = point.y().into();
    bytes
}

/// A point of the curve, not the one at infinity.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Key(VerifyingKey);

impl From<VerifyingKey> for Key {
    fn from(key: VerifyingKey) -> Self {
        Self(key)
    }
}

impl Key {
    /// From 4, x, y, big-endian.
    pub(crate) fn from_sec1(point: &[u8; 97]) -> Option<Self> {
        VerifyingKey::from_sec1_bytes(point).ok().map(Self)
    }

    /// 4, x, y, big-endian.
    pub(crate) fn to_sec1(self) -> [u8; 97] {
        to_sec1(self.0.as_affine())
    }

    /// x and y.
    fn coordinates(&self) -> [words::Words; 2] {
        let bytes = self.0.to_sec1_point(false);
        let number = |bytes: Option<&FieldBytes>| {
            bytes.map_or([0; 6], |bytes| words::from_be(bytes.as_ref()))
        };
        [number(bytes.x()), number(bytes.y())]
    }
}

/// What is said to be signed, all numbers big-endian: the digest of a message, and the signature's r and s. A number out of its
/// range is no signature.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) digest: &'a [u8; NUMBER],
    pub(crate) r: &'a [u8; NUMBER],
    pub(crate) s: &'a [u8; NUMBER],
}

/// How many claims are verified together.
pub(crate) const TOGETHER: usize = 8;

/// Whether a key has signed what is claimed.
pub(crate) fn verify(arithmetic: Arithmetic, key: &Key, claim: &Claim<'_>) -> bool {
    match arithmetic.0 {
        ArithmeticToken::Portable => portable::verify(key, claim),
        ArithmeticToken::Mulx(mulx) => {
            decided(key, claim, Numbers::of(claim), |numbers| mulx::verify(mulx, key, numbers))
        }
        ArithmeticToken::Ifma(ifma) => {
            decided(key, claim, Numbers::of(claim), |numbers| verify_alone(ifma, key, numbers))
        }
    }
}

/// One by itself needs a table as scratch. Stacks that may be small have no room for it.
fn verify_alone(ifma: Ifma, key: &Key, numbers: &Numbers) -> Option<bool> {
    #[cfg(feature = "std")]
    return lanes::verify(ifma, key, numbers, &mut { lanes::EMPTY });
    #[cfg(not(feature = "std"))]
    mulx::verify(ifma.mulx(), key, numbers)
}

/// The verdict on a claim's numbers, if they are in range: that of `verify`, or where it has none that of the crate `p384`.
fn decided(
    key: &Key,
    claim: &Claim<'_>,
    numbers: Option<Numbers>,
    verify: impl FnOnce(&Numbers) -> Option<bool>,
) -> bool {
    numbers.is_some_and(|numbers| verify(&numbers).unwrap_or_else(|| portable::verify(key, claim)))
}

/// The same for several claims, each with its key and the place of its verdict. The table is scratch.
pub(crate) fn verify_each<'a>(
    arithmetic: Arithmetic,
    claims: impl Iterator<Item = (&'a Key, Claim<'a>, &'a mut bool)>,
    scratch: &mut KeyTable,
) {
    scratch.inside = Inside::Empty;
    let together: &mut dyn FnMut(&Group<'_>) -> [Option<bool>; TOGETHER] = match arithmetic.0 {
        ArithmeticToken::Portable => {
            return claims
                .for_each(|(key, claim, verdict)| *verdict = portable::verify(key, &claim));
        }
        ArithmeticToken::Mulx(mulx) => &mut move |group| {
            group.map(|claim| claim.and_then(|(key, it)| mulx::verify(mulx, key, it)))
        },
        ArithmeticToken::Ifma(ifma) => {
            let scratch = scratch.rows.lanes();
            &mut move |group| verify_group(ifma, group, scratch)
        }
    };
    let mut claims = claims.fuse();
    loop {
        let group: [_; TOGETHER] = core::array::from_fn(|_| claims.next());
        if group[0].is_none() {
            return;
        }
        let numbers = Numbers::of_each(&group.each_ref().map(|it| Some(it.as_ref()?.1)));
        let verdicts = together(&core::array::from_fn(|i| {
            group[i].as_ref().map(|claim| claim.0).zip(numbers[i].as_ref())
        }));
        let numbers = numbers.into_iter().zip(verdicts);
        for ((key, claim, verdict), (numbers, known)) in group.into_iter().flatten().zip(numbers) {
            *verdict = decided(key, &claim, numbers, |_| known);
        }
    }
}

/// Claims that are verified together: those whose numbers are in range.
type Group<'a> = [Option<(&'a Key, &'a Numbers)>; TOGETHER];

/// Eight in lanes take less time than two by themselves.
fn verify_group(
    ifma: Ifma,
    group: &Group<'_>,
    scratch: &mut lanes::Table,
) -> [Option<bool>; TOGETHER] {
    if group.iter().flatten().count() > 1 {
        return lanes::verify_eight(ifma, group, scratch);
    }
    group.map(|claim| claim.and_then(|(key, numbers)| lanes::verify(ifma, key, numbers, scratch)))
}

/// The multiples of a point by `d * 2^(48 chunk)`, for d from 1 to 16, by chunk and d: x and y, in words.
#[repr(C, align(64))]
pub(crate) struct KeyRows(pub(crate) [[[[u64; 8]; 2]; digits::MULTIPLES]; digits::CHUNKS]);

impl KeyRows {
    /// Nothing yet.
    pub(crate) const EMPTY: Self = Self([[[[0; 8]; 2]; digits::MULTIPLES]; digits::CHUNKS]);
}

/// Room for a key with multiples of it: 16 KiB, and a little more.
pub(crate) struct KeyTable {
    inside: Inside,
    rows: Rows,
}

/// The multiples, as the arithmetic has them.
enum Rows {
    Words(KeyRows),
    Lanes(lanes::Table),
}

impl Rows {
    fn words(&mut self) -> &mut KeyRows {
        loop {
            match self {
                Self::Words(rows) => return rows,
                Self::Lanes(_) => *self = Self::Words(KeyRows::EMPTY),
            }
        }
    }

    fn lanes(&mut self) -> &mut lanes::Table {
        loop {
            match self {
                Self::Lanes(rows) => return rows,
                Self::Words(_) => *self = Self::Lanes(lanes::EMPTY),
            }
        }
    }
}

enum Inside {
    Empty,
    /// No table: the portable arithmetic has one only where there is a heap.
    Key(Key),
    #[cfg(feature = "std")]
    Comb(Key, portable::Comb),
    Words(Mulx, Key),
    Lanes(Ifma, Key),
}

impl KeyTable {
    /// A table of no key, with which nothing is verified.
    pub(crate) const EMPTY: Self =
        Self { inside: Inside::Empty, rows: Rows::Words(KeyRows::EMPTY) };

    /// Makes it the table of a key.
    pub(crate) fn fill(&mut self, arithmetic: Arithmetic, key: &Key) {
        // Until the rows are whole they are nobody's.
        self.inside = Inside::Key(*key);
        let inside = match arithmetic.0 {
            #[cfg(feature = "std")]
            ArithmeticToken::Portable => Some(Inside::Comb(*key, portable::Comb::of(key))),
            #[cfg(not(feature = "std"))]
            ArithmeticToken::Portable => None,
            ArithmeticToken::Mulx(mulx) => {
                mulx::fill(mulx, key, self.rows.words()).map(|()| Inside::Words(mulx, *key))
            }
            ArithmeticToken::Ifma(ifma) => {
                lanes::fill(ifma, key, self.rows.lanes()).map(|()| Inside::Lanes(ifma, *key))
            }
        };
        self.inside = inside.unwrap_or(Inside::Key(*key));
    }

    /// Those of several keys.
    #[cfg(feature = "std")]
    pub(crate) fn of_each<'k>(
        arithmetic: Arithmetic,
        keys: impl ExactSizeIterator<Item = &'k Key>,
    ) -> std::vec::Vec<Self> {
        let keys: std::vec::Vec<_> = keys.collect();
        let mut tables: std::vec::Vec<_> = keys.iter().map(|_| Self::EMPTY).collect();
        for (keys, tables) in keys.chunks(TOGETHER).zip(tables.chunks_mut(TOGETHER)) {
            if !Self::fill_together(arithmetic, keys, tables) {
                for (key, table) in keys.iter().zip(tables) {
                    table.fill(arithmetic, key);
                }
            }
        }
        tables
    }

    /// Fills up to eight at once, if there is a way that is faster than one after the other.
    #[cfg(feature = "std")]
    fn fill_together(arithmetic: Arithmetic, keys: &[&Key], tables: &mut [Self]) -> bool {
        let ArithmeticToken::Ifma(ifma) = arithmetic.0 else { return false };
        // Eight take longer than two by themselves, and not as long as three.
        let [first, _, _, ..] = keys else { return false };
        let mut spare: [_; TOGETHER] = core::array::from_fn(|_| None);
        let mut places = tables.iter_mut();
        let rows = spare.each_mut().map(|spare| match places.next() {
            Some(table) => table.rows.lanes(),
            None => &mut **spare.insert(std::boxed::Box::new(lanes::EMPTY)),
        });
        let lanes = core::array::from_fn(|lane| *keys.get(lane).unwrap_or(first));
        if lanes::fill_eight(ifma, lanes, rows).is_none() {
            return false;
        }
        for (key, table) in keys.iter().zip(tables) {
            table.inside = Inside::Lanes(ifma, **key);
        }
        true
    }

    /// Whose it is.
    pub(crate) fn key(&self) -> Option<&Key> {
        match &self.inside {
            Inside::Empty => None,
            Inside::Key(key) | Inside::Words(_, key) | Inside::Lanes(_, key) => Some(key),
            #[cfg(feature = "std")]
            Inside::Comb(key, _) => Some(key),
        }
    }

    /// Whether the key has signed what is claimed.
    pub(crate) fn verify(&self, claim: &Claim<'_>) -> bool {
        match (&self.inside, &self.rows) {
            (Inside::Empty, _) => false,
            #[cfg(feature = "std")]
            (Inside::Comb(_, comb), _) => comb.verify(claim),
            (Inside::Words(mulx, key), Rows::Words(rows)) => {
                decided(key, claim, Numbers::of(claim), |numbers| {
                    mulx::verify_known(*mulx, rows, numbers)
                })
            }
            (Inside::Lanes(ifma, key), Rows::Lanes(rows)) => {
                decided(key, claim, Numbers::of(claim), |numbers| {
                    lanes::verify_known(*ifma, rows, numbers)
                })
            }
            (Inside::Key(key) | Inside::Words(_, key) | Inside::Lanes(_, key), _) => {
                portable::verify(key, claim)
            }
        }
    }
}

/// A key with many multiples of it, for one that signs all the time: 256 KiB on the heap, and as much for the generator,
/// once (192 KiB each where there are no lanes, about 26 KiB where the arithmetic is portable).
#[cfg(feature = "std")]
pub(crate) struct HotKey(Hot);

#[cfg(feature = "std")]
enum Hot {
    Portable(portable::Comb),
    Words(Mulx, Key, mulx::Comb),
    Lanes(Ifma, Key, lanes::Comb),
}

#[cfg(feature = "std")]
impl HotKey {
    pub(crate) fn new(arithmetic: Arithmetic, key: &Key) -> Self {
        let comb = match arithmetic.0 {
            ArithmeticToken::Portable => None,
            ArithmeticToken::Mulx(mulx) => {
                mulx::Comb::of(mulx, key).map(|comb| Hot::Words(mulx, *key, comb))
            }
            ArithmeticToken::Ifma(ifma) => {
                lanes::Comb::of(ifma, key).map(|comb| Hot::Lanes(ifma, *key, comb))
            }
        };
        Self(comb.unwrap_or_else(|| Hot::Portable(portable::Comb::of(key))))
    }

    pub(crate) fn verify(&self, claim: &Claim<'_>) -> bool {
        match &self.0 {
            Hot::Portable(comb) => comb.verify(claim),
            Hot::Words(mulx, key, comb) => {
                decided(key, claim, Numbers::of(claim), |numbers| comb.verify(*mulx, numbers))
            }
            Hot::Lanes(ifma, key, comb) => {
                decided(key, claim, Numbers::of(claim), |numbers| comb.verify(*ifma, numbers))
            }
        }
    }
}

#[cfg(test)]
mod tests;
