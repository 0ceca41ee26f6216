//! ECDSA over P-384 (SEC 1, section 4.1.4).

mod portable;

use p384::FieldBytes;
use p384::Scalar;
use p384::ecdsa::VerifyingKey;
use p384::elliptic_curve::PrimeField;

use crate::cpu::Arithmetic;

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
}

/// What is said to be signed, all numbers big-endian: the digest of a message, and the signature's r and s. A number out of its
/// range is no signature.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) digest: &'a [u8; NUMBER],
    pub(crate) r: &'a [u8; NUMBER],
    pub(crate) s: &'a [u8; NUMBER],
}

/// Whether a key has signed what is claimed.
pub(crate) fn verify(_arithmetic: Arithmetic, key: &Key, claim: &Claim<'_>) -> bool {
    portable::verify(key, claim)
}

/// The same for several claims, each with its key and the place of its verdict.
pub(crate) fn verify_each<'a>(
    arithmetic: Arithmetic,
    claims: impl Iterator<Item = (&'a Key, Claim<'a>, &'a mut bool)>,
) {
    for (key, claim, verdict) in claims {
        *verdict = verify(arithmetic, key, &claim);
    }
}

/// Room for a key with multiples of it.
pub(crate) struct KeyTable(Inside);

enum Inside {
    Empty,
    /// No table: the portable arithmetic has one only where there is a heap.
    Key(Key),
    #[cfg(feature = "std")]
    Comb(Key, portable::Comb),
}

impl KeyTable {
    /// A table of no key, with which nothing is verified.
    pub(crate) const EMPTY: Self = Self(Inside::Empty);

    /// Makes it the table of a key.
    pub(crate) fn fill(&mut self, _arithmetic: Arithmetic, key: &Key) {
        #[cfg(feature = "std")]
        let inside = Inside::Comb(*key, portable::Comb::of(key));
        #[cfg(not(feature = "std"))]
        let inside = Inside::Key(*key);
        self.0 = inside;
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
        match &self.0 {
            Inside::Empty => None,
            Inside::Key(key) => Some(key),
            #[cfg(feature = "std")]
            Inside::Comb(key, _) => Some(key),
        }
    }

    /// Whether the key has signed what is claimed.
    pub(crate) fn verify(&self, claim: &Claim<'_>) -> bool {
        match &self.0 {
            Inside::Empty => false,
            Inside::Key(key) => portable::verify(key, claim),
            #[cfg(feature = "std")]
            Inside::Comb(_, comb) => comb.verify(claim),
        }
    }
}

/// A key with many multiples of it, for one that signs all the time.
#[cfg(feature = "std")]
pub(crate) struct HotKey(portable::Comb);

#[cfg(feature = "std")]
impl HotKey {
    pub(crate) fn new(_arithmetic: Arithmetic, key: &Key) -> Self {
        Self(portable::Comb::of(key))
    }

    pub(crate) fn verify(&self, claim: &Claim<'_>) -> bool {
        self.0.verify(claim)
    }
}
