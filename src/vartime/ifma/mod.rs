//! Arithmetic with the 512-bit multiplications of 52-bit integers (AVX-512 IFMA).
//!
//! `vector.rs` has the operations on eight lanes of 64 bits, and is the only file that names `core::arch`. What is built from them
//! is compiled twice: with these, as functions for CPUs that have them, and in tests with `model.rs`, whose lanes also know
//! between which bounds they lie for all inputs.
//!
//! The token [`Ifma`](crate::cpu::Ifma) proves what the CPU has: the safe functions here take it, and nothing else calls in.

#![allow(unsafe_code, reason = "src/vartime/ifma/mod.rs is a listed unsafe file")]
#![allow(clippy::duplicate_mod, reason = "model.rs is the second time")]
#![allow(clippy::needless_range_loop, reason = "a lane is the same place of several arrays")]
#![allow(
    clippy::redundant_closure,
    reason = "a function that is compiled for a feature is no `Fn`"
)]

use crate::cpu::{Ifma, if_kernels};

mod digits;
#[cfg(test)]
pub(super) mod model;
mod points;

pub(crate) use digits::Signs;
pub(crate) use points::*;

if_kernels! {
    {
        mod p384;
        mod rsa;
        mod vector;

        #[cfg(test)]
        mod operations;

        /// An RSA modulus of 4096 bits (B = 11) or 2048 bits (B = 6), prepared.
        #[derive(Clone)]
        pub(crate) struct RsaKey<const B: usize> {
            /// Whoever has a key has the CPU for it.
            ifma: Ifma,
            key: rsa::Key<B>,
        }

        impl<const B: usize> RsaKey<B> {
            /// The modulus is odd, has its whole length, and begins with a set bit.
            pub(crate) fn new(ifma: Ifma, modulus: &[u8]) -> Self {
                // SAFETY: the token proves the features that the function is compiled for.
                let key = unsafe { rsa::prepare::<B, false>(modulus) };
                Self { ifma, key }
            }

            /// The signature, as long as the modulus, to the power of 65537; `false` if it is not below the modulus.
            pub(crate) fn raise(&self, signature: &[u8], power: &mut [u8]) -> bool {
                let Self { ifma: Ifma { .. }, key } = self;
                // SAFETY: the token proves the features that the function is compiled for.
                unsafe { rsa::raise::<B, false>(key, signature, power) }
            }
        }
    } else {
        /// There is no such value.
        #[derive(Clone)]
        pub(crate) struct RsaKey<const B: usize>(Ifma);

        impl<const B: usize> RsaKey<B> {
            pub(crate) fn new(ifma: Ifma, _: &[u8]) -> Self {
                ifma.never()
            }

            pub(crate) fn raise(&self, _: &[u8], _: &mut [u8]) -> bool {
                self.0.never()
            }
        }
    }
}

/// Declares the safe functions, each by the compiled one that it calls.
macro_rules! entries {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $function:path;)*) => {
        if_kernels! {
            {
                $(
                    $(#[$doc])*
                    pub(crate) fn $name(_: Ifma, $($argument: $type),*) $(-> $result)? {
                        // SAFETY: the function is safe but for what its CPU must have: the features that it is compiled
                        // for, by `compiled!`. A value of `Ifma` exists only where they were detected.
                        unsafe { $function($($argument),*) }
                    }
                )*
            } else {
                $(
                    $(#[$doc])*
                    pub(crate) fn $name(ifma: Ifma, $(_: $type),*) $(-> $result)? {
                        ifma.never()
                    }
                )*
            }
        }
    };
}

entries! {
    /// Makes the table of a key; false if a number could not be inverted. It is made from its multiples by 2^(48 n) for n from 0 to 7.
    fn p384_fill(bases: &[Jacobian; 8], table: &mut Multiples, invert: Invert<'_>) -> bool = p384::fill;

    /// Makes the tables of eight keys.
    fn p384_fill_eight(
        keys: &[[Words; 2]; 8],
        scratch: &mut Multiples,
        tables: [&mut Multiples; 8],
        invert: Invert<'_>,
    ) -> bool = p384::fill_eight;

    /// Makes the large table of a key, as the other: from its multiples by 2^(48 n) for n from 0 to 7.
    fn p384_fill_comb(bases: &[Jacobian; 8], table: &mut Comb, invert: Invert<'_>) -> bool = p384::fill_comb;

    /// Whether the sum of the generator's and a key's products has one of these for its x, by the tables of both. The verdict is in
    /// each of the lanes.
    fn p384_known(
        scalars: &[Signs; 2],
        tables: [&Multiples; 2],
        candidates: &Candidates,
    ) -> Verdicts = p384::known;

    /// The same by large tables.
    fn p384_known_comb(
        scalars: &[Signs; 2],
        tables: [&Comb; 2],
        candidates: &Candidates,
    ) -> Verdicts = p384::known_comb;

    /// The same for eight keys, each with its scalars, in its lane.
    fn p384_eight(
        cases: &[Case; 8],
        generator: &OddMultiples,
        scratch: &mut Multiples,
        invert: Invert<'_>,
    ) -> Option<Verdicts> = p384::eight;
}

// As in `p384::words`.
#[cfg(all(test, target_pointer_width = "64"))]
mod p384_tests;

/// How many bits of a lane are multiplied.
pub(crate) const LIMB_BITS: u32 = 52;

/// The largest limb.
pub(crate) const LIMB_MAX: u64 = (1 << LIMB_BITS) - 1;

/// Eight limbs of a number in radix 2^52, the lowest first; each is below 2^52.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Limbs([u64; 8]);

impl Limbs {
    pub(crate) const ZERO: Self = Self([0; 8]);

    /// The low 52 bits of each.
    pub(crate) const fn new(mut limbs: [u64; 8]) -> Self {
        let mut n = 0;
        while n < 8 {
            limbs[n] &= LIMB_MAX;
            n += 1;
        }
        Self(limbs)
    }

    pub(crate) const fn get(&self) -> &[u64; 8] {
        &self.0
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::cpu::{Arithmetic, ArithmeticKind, ArithmeticToken};

    /// The results of operations by their names.
    type Named = Vec<(&'static str, [u64; 8])>;

    /// What the operations of a real CPU give, if this one has them.
    pub(super) fn real(_lanes: &[[u64; 8]; 3]) -> Option<Named> {
        let arithmetic = Arithmetic::new(ArithmeticKind::Ifma)?;
        let ArithmeticToken::Ifma(_token) = arithmetic.0 else { return None };
        if_kernels! {
            {
                // SAFETY: the token proves the features that the function is compiled for.
                const RUN: fn(&[[u64; 8]; 3]) -> Named =
                    |lanes| unsafe { operations::each(lanes) };
            } else {
                const RUN: fn(&[[u64; 8]; 3]) -> Named = |_| Vec::new();
            }
        }
        Some(RUN(_lanes))
    }

    /// RSA with every carry the slow way.
    pub(in crate::vartime) fn raise_always(
        _ifma: Ifma,
        _modulus: &[u8],
        _signature: &[u8],
    ) -> Option<Vec<u8>> {
        if_kernels! {
            {
                fn always<const B: usize>(modulus: &[u8], signature: &[u8], power: &mut [u8]) -> bool {
                    // SAFETY: the caller has the token, which proves the features that the functions are compiled for.
                    unsafe {
                        let key = rsa::prepare::<B, true>(modulus);
                        rsa::raise::<B, true>(&key, signature, power)
                    }
                }
            } else {
                fn always<const B: usize>(_: &[u8], _: &[u8], _: &mut [u8]) -> bool {
                    false
                }
            }
        }
        let mut power = std::vec![0; _modulus.len()];
        let below = match _modulus.len() {
            256 => always::<6>(_modulus, _signature, &mut power),
            _ => always::<11>(_modulus, _signature, &mut power),
        };
        below.then_some(power)
    }

    fn lane() -> impl Strategy<Value = u64> {
        prop_oneof![
            any::<u64>(),
            (0u32..64, 0u64..3).prop_map(|(bit, less)| (1u64 << bit).wrapping_sub(less)),
            (0u64..3).prop_map(|less| u64::MAX - less),
        ]
    }

    proptest! {
        /// The model computes what the CPU computes; it stays inside its own bounds, too.
        #[test]
        fn operations_of_the_model_are_those_of_the_cpu(
            lanes in proptest::array::uniform3(proptest::array::uniform8(lane()))
        ) {
            let modelled = model::operations::each(&lanes);
            prop_assert!(modelled.len() > 20);
            if let Some(real) = real(&lanes) {
                prop_assert_eq!(real, modelled);
            }
        }
    }

    #[test]
    fn where_the_cpu_has_no_ifma_it_is_said() {
        let lacks: Vec<_> = ArithmeticKind::Ifma.missing().map(|feature| feature.name()).collect();
        if !lacks.is_empty() {
            // Past the capture of a test's output.
            let line =
                std::format!("arithmetic ifma: SKIPPED, the CPU lacks {}\n", lacks.join(", "));
            std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
        }
        assert_eq!(
            real(&[[0; 8]; 3]).is_some(),
            Arithmetic::available().any(|one| one.kind() == ArithmeticKind::Ifma)
        );
    }
}
