//! Verification in eight lanes (`src/vartime/ifma`): of one sum, each lane computes a part, or each lane computes a sum of its own.
//!
//! A verdict of `None` means that a sum met an exceptional case: the portable arithmetic is to decide.

use super::claim::Numbers;
use super::digits::CHUNKS;
use super::field::{Fe, Field};
use super::point::Jacobian;
use super::{Group, Key, TOGETHER, generator, mulx};
use crate::cpu::Ifma;
use crate::vartime::ifma::{self, Candidates, Row, Signs, Words};

/// The multiples of a point by odd numbers up to 31, times 2^(48 n) in lane n: 16 KiB.
pub(crate) type Table = ifma::Multiples;

const _: () = assert!(size_of::<Table>() == 16 * 1024);

/// A table of nothing.
pub(crate) const EMPTY: Table = [[Row::ZERO; 8]; 16];

fn scalars(numbers: &Numbers) -> [Signs; 2] {
    [Signs::of(&numbers.u1), Signs::of(&numbers.u2)]
}

fn candidates(numbers: &Numbers) -> Candidates {
    let (r, other) = numbers.coordinates();
    [r, other.unwrap_or(r)]
}

/// Inverts numbers in Montgomery's form; false if one is zero.
fn invert(field: Field, numbers: &mut [Words; 8]) -> bool {
    let mut inverses = numbers.map(Fe);
    let done = field.inverses(&mut inverses);
    *numbers = inverses.map(|Fe(words)| words);
    done.is_some()
}

fn bases(ifma: Ifma, key: &Key) -> [ifma::Jacobian; CHUNKS] {
    mulx::chunk_bases(ifma.mulx(), key).map(|Jacobian { x, y, z }| [x.0, y.0, z.0])
}

/// Fills the table of a key; `None`, and rows without a meaning, if that went wrong, which it does not.
pub(super) fn fill(ifma: Ifma, key: &Key, table: &mut Table) -> Option<()> {
    let invert = |numbers: &mut _| invert(Field(ifma.mulx()), numbers);
    ifma::p384_fill(ifma, &bases(ifma, key), table, &invert).then_some(())
}

/// Fills the tables of eight keys in a fraction of the time that each by itself takes. `None` as of [`fill`].
#[cfg(feature = "std")]
pub(super) fn fill_eight(ifma: Ifma, keys: [&Key; 8], tables: [&mut Table; 8]) -> Option<()> {
    let invert = |numbers: &mut _| invert(Field(ifma.mulx()), numbers);
    let mut scratch = EMPTY;
    let keys = keys.map(Key::coordinates);
    ifma::p384_fill_eight(ifma, &keys, &mut scratch, tables, &invert).then_some(())
}

/// With a key of which nothing is known yet: by a table of it, in the place that is given.
pub(super) fn verify(
    ifma: Ifma,
    key: &Key,
    numbers: &Numbers,
    scratch: &mut Table,
) -> Option<bool> {
    fill(ifma, key, scratch)?;
    verify_known(ifma, scratch, numbers)
}

/// With the table of a key.
pub(super) fn verify_known(ifma: Ifma, table: &Table, numbers: &Numbers) -> Option<bool> {
    let tables = [&generator::IN_LANES, table];
    let verdicts = ifma::p384_known(ifma, &scalars(numbers), tables, &candidates(numbers));
    verdicts.of(0)
}

/// Several with keys of which nothing is known, each in its lane: they take as long as eight. The table is scratch.
pub(super) fn verify_eight(
    ifma: Ifma,
    claims: &Group<'_>,
    scratch: &mut Table,
) -> [Option<bool>; TOGETHER] {
    let case = |(key, numbers): (&Key, &Numbers)| ifma::Case {
        scalars: scalars(numbers),
        key: key.coordinates(),
        candidates: candidates(numbers),
    };
    // The lanes that are free compute what another one does.
    let Some(any) = claims.iter().flatten().next() else { return [None; TOGETHER] };
    let any = case(*any);
    let cases = claims.map(|claim| claim.map_or(any, case));
    let invert = |numbers: &mut _| invert(Field(ifma.mulx()), numbers);
    let verdicts = ifma::p384_eight(ifma, &cases, &generator::ODD_IN_LANES, scratch, &invert);
    core::array::from_fn(|lane| verdicts.and_then(|verdicts| verdicts.of(lane)))
}

#[cfg(feature = "std")]
pub(super) use comb::Comb;

#[cfg(feature = "std")]
mod comb {
    use std::boxed::Box;
    use std::sync::OnceLock;
    use std::vec;

    use super::super::words::to_be;
    use super::*;

    /// The multiples of a point by odd numbers up to 63, times 2^(6 window): 256 KiB.
    pub(in super::super) struct Comb(Box<ifma::Comb>);

    const _: () = assert!(size_of::<ifma::Comb>() == 256 * 1024);

    /// The multiples of the generator, made once.
    static GENERATOR: OnceLock<Option<Comb>> = OnceLock::new();

    fn of_generator(ifma: Ifma) -> Option<&'static Comb> {
        let key = || {
            let mut point = [4; 97];
            let [x, y] = &generator::FIGURE;
            point[1..49].copy_from_slice(&to_be(x));
            point[49..].copy_from_slice(&to_be(y));
            Key::from_sec1(&point)
        };
        GENERATOR.get_or_init(|| Comb::new(ifma, &key()?)).as_ref()
    }

    impl Comb {
        /// That of a key; `None` if it went wrong, which it does not.
        pub(in super::super) fn of(ifma: Ifma, key: &Key) -> Option<Self> {
            of_generator(ifma)?;
            Self::new(ifma, key)
        }

        fn new(ifma: Ifma, key: &Key) -> Option<Self> {
            let invert = |numbers: &mut _| invert(Field(ifma.mulx()), numbers);
            let windows = vec![[[Row::ZERO; 8]; 32]; 8].into_boxed_slice();
            let mut comb: Box<ifma::Comb> = windows.try_into().ok()?;
            ifma::p384_fill_comb(ifma, &bases(ifma, key), &mut comb, &invert).then_some(Self(comb))
        }

        pub(in super::super) fn verify(&self, ifma: Ifma, numbers: &Numbers) -> Option<bool> {
            let tables = [&*of_generator(ifma)?.0, &*self.0];
            let candidates = candidates(numbers);
            ifma::p384_known_comb(ifma, &scalars(numbers), tables, &candidates).of(0)
        }
    }
}
