//! Eight lanes of 64 bits: the only file that names `core::arch`.
//!
//! `model.rs` has the same functions for tests, and there they also check bounds: every function here has a counterpart of
//! the same name, arguments and meaning.

#![allow(unsafe_code, reason = "src/vartime/ifma/vector.rs is a listed unsafe file")]
#![cfg_attr(not(test), allow(dead_code, reason = "one set of operations for several users"))]

use core::arch::x86_64::*;

use super::LIMB_MAX;
pub(super) use super::Limbs;

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
}
