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
pub(crate) mod mulx;
pub(crate) mod order;
pub(crate) mod point;
mod portable;
pub(crate) mod words;

use p384::FieldBytes;
use p384::Scalar;
use p384::ecdsa::VerifyingKey;
use p384::elliptic_curve::PrimeField;

use claim::Numbers;

use crate::cpu::{Arithmetic, ArithmeticToken, Mulx};

/// The length of a coordinate and of a scalar, in bytes.
pub(crate) const NUMBER: usize = 48;

/// Whether a big-endian number is from 1 to n - 1.
pub(crate) fn is_scalar(number: &[u8; NUMBER]) -> bool {
    let scalar = Option::<Scalar>::from(Scalar::from_repr(FieldBytes::from(*number)));
    scalar.is_some_and(|scalar| scalar != Scalar::ZERO)
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
        let mut bytes = [0; 97];
        bytes.copy_from_slice(self.0.to_sec1_point(false).as_bytes());
        bytes
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
    let mulx = match arithmetic.0 {
        ArithmeticToken::Portable => return portable::verify(key, claim),
        ArithmeticToken::Mulx(mulx) => mulx,
        ArithmeticToken::Ifma(ifma) => ifma.mulx(),
    };
    decided(key, claim, Numbers::of(claim), |numbers| mulx::verify(mulx, key, numbers))
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

/// The same for several claims, each with its key and the place of its verdict.
pub(crate) fn verify_each<'a>(
    arithmetic: Arithmetic,
    claims: impl Iterator<Item = (&'a Key, Claim<'a>, &'a mut bool)>,
) {
    let mulx = match arithmetic.0 {
        ArithmeticToken::Portable => {
            return claims
                .for_each(|(key, claim, verdict)| *verdict = portable::verify(key, &claim));
        }
        ArithmeticToken::Mulx(mulx) => mulx,
        ArithmeticToken::Ifma(ifma) => ifma.mulx(),
    };
    let mut claims = claims.fuse();
    loop {
        let group: [_; TOGETHER] = core::array::from_fn(|_| claims.next());
        if group[0].is_none() {
            return;
        }
        let numbers = Numbers::of_each(&group.each_ref().map(|it| Some(it.as_ref()?.1)));
        for ((key, claim, verdict), numbers) in group.into_iter().flatten().zip(numbers) {
            *verdict = decided(key, &claim, numbers, |numbers| mulx::verify(mulx, key, numbers));
        }
    }
}

/// The multiples of a point by `d * 2^(48 chunk)`, for d from 1 to 16, by chunk and d: x and y, in words or in limbs as the
/// arithmetic has them.
#[repr(C, align(64))]
pub(crate) struct KeyRows(pub(crate) [[[[u64; 8]; 2]; digits::MULTIPLES]; digits::CHUNKS]);

impl KeyRows {
    /// Nothing yet.
    pub(crate) const EMPTY: Self = Self([[[[0; 8]; 2]; digits::MULTIPLES]; digits::CHUNKS]);
}

/// Room for a key with multiples of it: 16 KiB, and a little more.
pub(crate) struct KeyTable {
    inside: Inside,
    rows: KeyRows,
}

enum Inside {
    Empty,
    /// No table: the portable arithmetic has one only where there is a heap.
    Key(Key),
    #[cfg(feature = "std")]
    Comb(Key, portable::Comb),
    /// The rows have words.
    Words(Mulx, Key),
}

impl KeyTable {
    /// A table of no key, with which nothing is verified.
    pub(crate) const EMPTY: Self = Self { inside: Inside::Empty, rows: KeyRows::EMPTY };

    /// Makes it the table of a key.
    pub(crate) fn fill(&mut self, arithmetic: Arithmetic, key: &Key) {
        let mulx = match arithmetic.0 {
            ArithmeticToken::Portable => {
                #[cfg(feature = "std")]
                let inside = Inside::Comb(*key, portable::Comb::of(key));
                #[cfg(not(feature = "std"))]
                let inside = Inside::Key(*key);
                self.inside = inside;
                return;
            }
            ArithmeticToken::Mulx(mulx) => mulx,
            ArithmeticToken::Ifma(ifma) => ifma.mulx(),
        };
        self.inside = match mulx::fill(mulx, key, &mut self.rows) {
            Some(()) => Inside::Words(mulx, *key),
            None => Inside::Key(*key),
        };
    }

    /// Those of several keys.
    #[cfg(feature = "std")]
    pub(crate) fn of_each<'k>(
        arithmetic: Arithmetic,
        keys: impl ExactSizeIterator<Item = &'k Key>,
    ) -> std::vec::Vec<Self> {
        let table = |key| {
            let mut table = Self::EMPTY;
            table.fill(arithmetic, key);
            table
        };
        keys.map(table).collect()
    }

    /// Whose it is.
    pub(crate) fn key(&self) -> Option<&Key> {
        match &self.inside {
            Inside::Empty => None,
            Inside::Key(key) | Inside::Words(_, key) => Some(key),
            #[cfg(feature = "std")]
            Inside::Comb(key, _) => Some(key),
        }
    }

    /// Whether the key has signed what is claimed.
    pub(crate) fn verify(&self, claim: &Claim<'_>) -> bool {
        match &self.inside {
            Inside::Empty => false,
            Inside::Key(key) => portable::verify(key, claim),
            #[cfg(feature = "std")]
            Inside::Comb(_, comb) => comb.verify(claim),
            Inside::Words(mulx, key) => decided(key, claim, Numbers::of(claim), |numbers| {
                mulx::verify_known(*mulx, &self.rows, numbers)
            }),
        }
    }
}

/// A key with many multiples of it, for one that signs all the time: 192 KiB on the heap, and as much for the generator,
/// once (24 KiB each where the arithmetic is portable).
#[cfg(feature = "std")]
pub(crate) struct HotKey(Hot);

#[cfg(feature = "std")]
enum Hot {
    Portable(portable::Comb),
    Words(Mulx, Key, mulx::Comb),
}

#[cfg(feature = "std")]
impl HotKey {
    pub(crate) fn new(arithmetic: Arithmetic, key: &Key) -> Self {
        let mulx = match arithmetic.0 {
            ArithmeticToken::Portable => None,
            ArithmeticToken::Mulx(mulx) => Some(mulx),
            ArithmeticToken::Ifma(ifma) => Some(ifma.mulx()),
        };
        let comb = mulx.and_then(|mulx| Some(Hot::Words(mulx, *key, mulx::Comb::of(mulx, key)?)));
        Self(comb.unwrap_or_else(|| Hot::Portable(portable::Comb::of(key))))
    }

    pub(crate) fn verify(&self, claim: &Claim<'_>) -> bool {
        match &self.0 {
            Hot::Portable(comb) => comb.verify(claim),
            Hot::Words(mulx, key, comb) => {
                decided(key, claim, Numbers::of(claim), |numbers| comb.verify(*mulx, numbers))
            }
        }
    }
}

#[cfg(test)]
mod tests;
