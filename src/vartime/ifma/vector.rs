//! Eight lanes of 64 bits: the only file that names `core::arch`.
//!
//! `model.rs` has the same functions for tests, and there they also check bounds: every function here has a counterpart of
//! the same name, arguments and meaning.

#![allow(unsafe_code, reason = "src/vartime/ifma/vector.rs is a listed unsafe file")]
#![cfg_attr(not(test), allow(dead_code, reason = "one set of operations for several users"))]

use core::arch::x86_64::*;

pub(super) use super::Limbs;
use super::LIMB_MAX;

/// Eight lanes, the first in the lowest bits.
pub(super) type V = __m512i;

/// A bit for each lane, the first in the lowest.
pub(super) type Mask = u8;

/// Compiles functions for CPUs that an [`Ifma`](crate::cpu::Ifma) proves. They call each other safely; from elsewhere a call is
/// `unsafe`, and stands in `mod.rs`.
macro_rules! compiled {
    ($($item:item)*) => {
        $(
            #[inline]
            #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma,bmi2,adx")]
            $item
        )*
    };
}
pub(super) use compiled;

compiled! {
    /// Lanes that are in memory, of any value.
    pub(super) fn load(lanes: &[u64; 8]) -> V {
        // SAFETY: the reference is valid for reads of 64 bytes, and this load needs no alignment.
        unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) }
    }

    /// The lanes, for memory.
    pub(super) fn store(x: V) -> [u64; 8] {
        let mut lanes = [0; 8];
        // SAFETY: the array is valid for writes of 64 bytes, and this store needs no alignment.
        unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().cast(), x) }
        lanes
    }

    /// Limbs that are in memory.
    pub(super) fn load_limbs(limbs: &Limbs) -> V {
        load(&limbs.0)
    }

    /// Lanes that are limbs, for memory.
    pub(super) fn store_limbs(x: V) -> Limbs {
        Limbs(store(x))
    }

    /// One limb of memory in every lane.
    pub(super) fn splat_limb(limbs: &Limbs, n: usize) -> V {
        splat(limbs.0[n])
    }

    pub(super) fn zero() -> V {
        _mm512_setzero_si512()
    }

    /// A number of any value in every lane.
    pub(super) fn splat(x: u64) -> V {
        _mm512_set1_epi64(x as i64)
    }

    /// A number that the program has, in every lane.
    pub(super) fn constant(x: u64) -> V {
        splat(x)
    }

    /// Numbers that the program has.
    pub(super) fn constants(x: &'static [u64; 8]) -> V {
        load(x)
    }

    /// `sum` + the low 52 bits of the product. Factors are limbs.
    pub(super) fn madd_lo(sum: V, a: V, b: V) -> V {
        _mm512_madd52lo_epu64(sum, a, b)
    }

    /// `sum` + the product's bits from 52 on. Factors are limbs.
    pub(super) fn madd_hi(sum: V, a: V, b: V) -> V {
        _mm512_madd52hi_epu64(sum, a, b)
    }

    pub(super) fn add(a: V, b: V) -> V {
        _mm512_add_epi64(a, b)
    }

    pub(super) fn sub(a: V, b: V) -> V {
        _mm512_sub_epi64(a, b)
    }

    pub(super) fn and(a: V, b: V) -> V {
        _mm512_and_si512(a, b)
    }

    /// The low 52 bits, of a negative number, too: what is left of it modulo 2^52.
    pub(super) fn low(x: V) -> V {
        and(x, constant(LIMB_MAX))
    }

    /// Times 2^BITS, where that has room.
    pub(super) fn shl<const BITS: u32>(x: V) -> V {
        _mm512_slli_epi64::<BITS>(x)
    }

    /// Times 2^BITS, modulo 2^64.
    pub(super) fn shl_dropping<const BITS: u32>(x: V) -> V {
        _mm512_slli_epi64::<BITS>(x)
    }

    /// The bits from BITS on, of a number that is not negative.
    pub(super) fn shr<const BITS: u32>(x: V) -> V {
        _mm512_srli_epi64::<BITS>(x)
    }

    /// The bits from BITS on, of a number that may be negative: rounded down.
    pub(super) fn sar<const BITS: u32>(x: V) -> V {
        _mm512_srai_epi64::<BITS>(x)
    }

    /// The eight lanes from lane FROM on of `low`, and then `high`.
    pub(super) fn align<const FROM: i32>(high: V, low: V) -> V {
        _mm512_alignr_epi64::<FROM>(high, low)
    }

    /// Lanes by their numbers.
    pub(super) fn permute(x: V, lanes: &'static [u64; 8]) -> V {
        _mm512_permutexvar_epi64(constants(lanes), x)
    }

    /// Lanes by their numbers; those of `b` are 8 to 15.
    pub(super) fn permute2(a: V, b: V, lanes: &'static [u64; 8]) -> V {
        _mm512_permutex2var_epi64(a, constants(lanes), b)
    }

    /// Each lane of `b` where the mask has its bit, and else of `a`.
    pub(super) fn blend(mask: Mask, a: V, b: V) -> V {
        _mm512_mask_blend_epi64(mask, a, b)
    }

    /// The lanes that have the same bits in both.
    pub(super) fn equal(a: V, b: V) -> Mask {
        _mm512_cmpeq_epu64_mask(a, b)
    }

    /// The lanes in which `a` is less; none is negative.
    pub(super) fn less(a: V, b: V) -> Mask {
        _mm512_cmplt_epu64_mask(a, b)
    }

    /// The lanes that are negative.
    pub(super) fn negative(x: V) -> Mask {
        _mm512_movepi64_mask(x)
    }

    /// Lanes, none of them negative, as limbs: if all are below 2^52.
    pub(super) fn limbs(x: V) -> Option<V> {
        (_mm512_cmpgt_epu64_mask(x, constant(LIMB_MAX)) == 0).then_some(x)
    }

    /// The low 52 bits, for what is a factor and nothing else: the multiplications read no other bits, and nothing is to be done.
    pub(super) fn factor_of(x: V) -> V {
        x
    }

    /// The negative of each lane that the mask has.
    pub(super) fn negate(mask: Mask, x: V) -> V {
        _mm512_mask_sub_epi64(x, mask, zero(), x)
    }

    /// In lane n that of lane `n ^ DISTANCE`: 1, 2 or 4.
    pub(super) fn exchange<const DISTANCE: usize>(x: V) -> V {
        const { assert!(DISTANCE == 1 || DISTANCE == 2 || DISTANCE == 4) };
        match DISTANCE {
            1 => _mm512_permutex_epi64::<0b10_11_00_01>(x),
            2 => _mm512_permutex_epi64::<0b01_00_11_10>(x),
            _ => _mm512_shuffle_i64x2::<0b01_00_11_10>(x, x),
        }
    }

    /// The lanes n without DISTANCE among their bits: of `a` as they are, and of `b` in the lanes `n ^ DISTANCE`.
    pub(super) fn lower<const DISTANCE: usize>(a: V, b: V) -> V {
        const { assert!(DISTANCE == 1 || DISTANCE == 2 || DISTANCE == 4) };
        match DISTANCE {
            1 => _mm512_unpacklo_epi64(a, b),
            2 => permute2(a, b, &[0, 1, 8, 9, 4, 5, 12, 13]),
            _ => _mm512_shuffle_i64x2::<0b01_00_01_00>(a, b),
        }
    }

    /// The lanes n with DISTANCE among their bits: of `b` as they are, and of `a` in the lanes `n ^ DISTANCE`.
    pub(super) fn upper<const DISTANCE: usize>(a: V, b: V) -> V {
        const { assert!(DISTANCE == 1 || DISTANCE == 2 || DISTANCE == 4) };
        match DISTANCE {
            1 => _mm512_unpackhi_epi64(a, b),
            2 => permute2(a, b, &[2, 3, 10, 11, 6, 7, 14, 15]),
            _ => _mm512_shuffle_i64x2::<0b11_10_11_10>(a, b),
        }
    }
}

/// The bound of a number modulo p, in multiples of p. It is computed in tests: `model.rs` has one that is there.
#[derive(Clone, Copy)]
pub(super) struct Bound;

impl Bound {
    /// From 0 to so many times p.
    pub(super) fn up_to(_times: u64) -> Self {
        Self
    }

    /// That of a reduced product.
    pub(super) fn product(self, _other: Self) -> Self {
        Self
    }

    /// That of a reduced product less other products.
    pub(super) fn less_product(self, _times: u64, _a: Self, _b: Self) -> Self {
        Self
    }

    pub(super) fn plus(self, _other: Self) -> Self {
        Self
    }

    pub(super) fn less(self, _other: Self) -> Self {
        Self
    }

    pub(super) fn times(self, _times: u64) -> Self {
        Self
    }

    pub(super) fn plus_p(self, _times: u64) -> Self {
        Self
    }

    /// That of a number or its negative.
    pub(super) fn or_negative(self) -> Self {
        Self
    }

    /// Asserts that the numbers lie inside it.
    pub(super) fn checked(self, _limbs: &[V; 8]) -> Self {
        self
    }

    /// The highest limb of a number that has carried all others: it is not negative, and 416 bits hold the number.
    pub(super) fn highest(self, limb: V) -> V {
        limb
    }

    /// Asserts that the numbers are not negative, and up to so many times p.
    pub(super) fn at_most(self, _times: u64) {}

    /// Asserts that the numbers lie between so many times p, neither of them included.
    pub(super) fn inside(self, _low: i64, _high: i64) {}
}
