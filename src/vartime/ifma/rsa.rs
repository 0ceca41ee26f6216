//! The public operation of RSA, eight limbs of 52 bits at a time.
//!
//! A number is B blocks of eight limbs, and R = 2^(416 B): 11 blocks for moduli of 4096 bits, 6 for 2048. What is multiplied is
//! reduced modulo N' = k N, where k = -1 / N modulo 2^416, so that N' = -1 modulo 2^416 and N' = 2^416 M - 1. Montgomery's
//! quotient of a block then is the block itself, and adding quotient * N' drops the block and adds quotient * M to the blocks
//! above it. N' is below R / 2^32, so a product of two numbers below N' (1 + 2^-31) is reduced to one below that bound:
//! (a b + (R - 1) N') / R, with no subtraction.
//!
//! The last product is divided by 2^416 less than by R in this way, and then once modulo N itself: the result is below 2 N (1 + 2^-31).

use super::vector::*;
use crate::vartime::ifma::{LIMB_BITS, LIMB_MAX};
use crate::vartime::rsa::words;

/// A modulus with what it takes to multiply modulo it.
#[derive(Clone)]
pub(in crate::vartime) struct Key<const B: usize> {
    modulus: [Limbs; B],
    /// M.
    multiple: [Limbs; B],
    /// Congruent to R^2.
    square: [Limbs; B],
    /// k.
    inverse: Limbs,
}

/// The sums of a column's products: limb i of the first factor by the eight of the second, low and high halves.
struct Sums {
    low: [V; 8],
    high: [V; 8],
}

/// What the columns below leave to the next.
struct Below {
    /// Number i has the sums that are worth 2^(52 (i + 1)) of the column below; its last i + 1 lanes belong to the next.
    sums: [V; 8],
    /// What each lane carries to the one above it.
    carries: V,
}

/// Big-endian bytes, 256 or 512, as limbs.
fn from_be<const B: usize>(bytes: &[u8]) -> [Limbs; B] {
    let mut words = [0; 66];
    words::from_be(bytes, &mut words[..64]);
    from_words(&words)
}

/// Words, of which those from 64 on are zero, as limbs.
fn from_words<const B: usize>(words: &[u64; 66]) -> [Limbs; B] {
    let mut limbs = [[0; 8]; B];
    for (n, limb) in limbs.as_flattened_mut().iter_mut().enumerate() {
        let (word, shift) = (n * 52 / 64, n * 52 % 64);
        if let Some(&[low, high]) = words.get(word..).and_then(|words| words.first_chunk()) {
            *limb = ((u128::from(high) << 64 | u128::from(low)) >> shift) as u64;
        }
    }
    limbs.map(Limbs::new)
}

/// The lowest limbs as big-endian bytes; the limbs above are zero.
fn to_be(limbs: &[[u64; 8]], bytes: &mut [u8]) {
    let (mut value, mut bits) = (0u128, 0);
    let mut limbs = limbs.as_flattened().iter();
    for chunk in bytes.rchunks_mut(8) {
        while bits < 64 {
            value |= u128::from(limbs.next().copied().unwrap_or(0)) << bits;
            bits += LIMB_BITS;
        }
        chunk.copy_from_slice(&(value as u64).to_be_bytes());
        value >>= 64;
        bits -= 64;
    }
}

/// `a -= b`, for `b` not above `a`.
fn subtract(a: &mut [u64], b: &[u64]) {
    let mut borrow = 0;
    for (a, b) in a.iter_mut().zip(b) {
        let difference = a.wrapping_sub(b + borrow);
        *a = difference & LIMB_MAX;
        borrow = difference >> 63;
    }
}

/// The product modulo 2^416.
fn low_product(a: &Limbs, b: &Limbs) -> Limbs {
    let (mut product, mut sum) = ([0; 8], 0u128);
    for (n, limb) in product.iter_mut().enumerate() {
        for (a, b) in a.get().iter().zip(b.get().iter().take(n + 1).rev()) {
            sum += u128::from(*a) * u128::from(*b);
        }
        *limb = sum as u64 & LIMB_MAX;
        sum >>= LIMB_BITS;
    }
    Limbs::new(product)
}

fn plain<const B: usize>(blocks: &[Limbs; B]) -> [[u64; 8]; B] {
    blocks.map(|block| *block.get())
}

compiled! {
    /// The modulus is odd, has 256 or 512 bytes (B is 6 or 11) and begins with a set bit.
    ///
    /// ALWAYS: carries go the slow way that is otherwise rare. It gives the same numbers.
    pub(in crate::vartime) fn prepare<const B: usize, const ALWAYS: bool>(bytes: &[u8]) -> Key<B> {
        let (mut words, mut power) = ([0; 66], [0; 66]);
        let len = bytes.len() / 8;
        words::from_be(bytes, &mut words[..len]);
        let mut inverse = [0; 66];
        inverse[..8].copy_from_slice(&words::negative_inverse(&words[..len]));
        let modulus = from_words(&words);
        let [inverse] = from_words(&inverse);
        let mut one = [Limbs::ZERO; B];
        one[0] = Limbs::new([1, 0, 0, 0, 0, 0, 0, 0]);
        let multiple = reduce_once::<B, ALWAYS>(&one, &inverse, &modulus);
        // 2^(R's exponent * (1 + 1/8)); each square halves how far it is from R^2.
        words::power_of_two(416 * B + 52 * B, &words[..len], &mut power[..len]);
        let mut square = from_words(&power);
        for _ in 0..3 {
            square = squared::<B, ALWAYS>(&square, &multiple);
        }
        Key { modulus, multiple, square, inverse }
    }

    /// The signature, as long as the modulus, to the power of 65537; `false` if it is not below the modulus.
    pub(in crate::vartime) fn raise<const B: usize, const ALWAYS: bool>(
        key: &Key<B>,
        signature: &[u8],
        power: &mut [u8],
    ) -> bool {
        let number = from_be(signature);
        let modulus = plain(&key.modulus);
        if !words::is_less(plain(&number).as_flattened(), modulus.as_flattened()) {
            return false;
        }
        let mut x = multiplied::<B, ALWAYS>(&number, &key.square, &key.multiple, B);
        for _ in 0..16 {
            x = squared::<B, ALWAYS>(&x, &key.multiple);
        }
        let x = multiplied::<B, ALWAYS>(&x, &number, &key.multiple, B - 1);
        let quotient = low_product(&x[0], &key.inverse);
        let x = reduce_once::<B, ALWAYS>(&x, &quotient, &key.modulus);
        let mut x = plain(&x);
        for _ in 0..2 {
            if !words::is_less(x.as_flattened(), modulus.as_flattened()) {
                subtract(x.as_flattened_mut(), modulus.as_flattened());
            }
        }
        to_be(&x, power);
        true
    }

    /// `a * b / 2^(416 * quotients)` modulo N'; there are B quotients, or one less.
    fn multiplied<const B: usize, const ALWAYS: bool>(
        a: &[Limbs; B],
        b: &[Limbs; B],
        multiple: &[Limbs; B],
        quotients: usize,
    ) -> [Limbs; B] {
        let (mut digits, mut result) = ([Limbs::ZERO; B], [Limbs::ZERO; B]);
        let mut below = nothing();
        for column in 0..quotients + B {
            let (first, end) = ((column + 1).saturating_sub(B), (column + 1).min(B));
            let sums = products(no_sums(), &a[first..end], &b[first..end]);
            let digits_so_far = &digits[first..column.min(quotients)];
            let sums = products(sums, digits_so_far, &multiple[..column - first]);
            let block = carried::<ALWAYS>(sums, &mut below);
            match column.checked_sub(quotients) {
                None => digits[column] = store_limbs(block),
                Some(place) => result[place] = store_limbs(block),
            }
        }
        result
    }

    /// `a * a / R` modulo N'.
    fn squared<const B: usize, const ALWAYS: bool>(
        a: &[Limbs; B],
        multiple: &[Limbs; B],
    ) -> [Limbs; B] {
        let (mut digits, mut result) = ([Limbs::ZERO; B], [Limbs::ZERO; B]);
        let mut below = nothing();
        for column in 0..2 * B {
            let (first, end) = ((column + 1).saturating_sub(B), (column + 1).min(B));
            let middle = first + (end - first) / 2;
            // The blocks below the middle by those above it: each product is there twice.
            let mut sums = doubled(products(no_sums(), &a[first..middle], &a[first..end]));
            if column % 2 == 0 {
                sums = add_product(sums, &a[middle], load_limbs(&a[middle]));
            }
            let digits_so_far = &digits[first..column.min(B)];
            let sums = products(sums, digits_so_far, &multiple[..column - first]);
            let block = carried::<ALWAYS>(sums, &mut below);
            match column.checked_sub(B) {
                None => digits[column] = store_limbs(block),
                Some(place) => result[place] = store_limbs(block),
            }
        }
        result
    }

    /// `(number + quotient * modulus) / 2^416`, where that leaves no rest.
    fn reduce_once<const B: usize, const ALWAYS: bool>(
        number: &[Limbs; B],
        quotient: &Limbs,
        modulus: &[Limbs; B],
    ) -> [Limbs; B] {
        let mut result = [Limbs::ZERO; B];
        let mut below = nothing();
        for column in 0..B {
            let mut sums = no_sums();
            sums.low[0] = load_limbs(&number[column]);
            let sums = add_product(sums, quotient, load_limbs(&modulus[column]));
            let block = store_limbs(carried::<ALWAYS>(sums, &mut below));
            match column.checked_sub(1) {
                None => debug_assert_eq!(block, Limbs::ZERO, "the quotient is made for that"),
                Some(place) => result[place] = block,
            }
        }
        result
    }

    fn no_sums() -> Sums {
        Sums { low: [zero(); 8], high: [zero(); 8] }
    }

    fn nothing() -> Below {
        Below { sums: [zero(); 8], carries: zero() }
    }

    /// Adds the first block of `a` by the last of `b`, the second by the last but one, and so on.
    fn products(mut sums: Sums, a: &[Limbs], b: &[Limbs]) -> Sums {
        for (a, b) in a.iter().zip(b.iter().rev()) {
            sums = add_product(sums, a, load_limbs(b));
        }
        sums
    }

    fn add_product(mut sums: Sums, a: &Limbs, b: V) -> Sums {
        for n in 0..8 {
            let limb = splat_limb(a, n);
            sums.low[n] = madd_lo(sums.low[n], limb, b);
            sums.high[n] = madd_hi(sums.high[n], limb, b);
        }
        sums
    }

    fn doubled(mut sums: Sums) -> Sums {
        for n in 0..8 {
            sums.low[n] = add(sums.low[n], sums.low[n]);
            sums.high[n] = add(sums.high[n], sums.high[n]);
        }
        sums
    }

    /// The limbs of a column: its sums and what is below it, carried. What is left goes to the next column.
    fn carried<const ALWAYS: bool>(column: Sums, below: &mut Below) -> V {
        let Sums { low: lows, high } = column;
        let sums = [
            add(lows[1], high[0]),
            add(lows[2], high[1]),
            add(lows[3], high[2]),
            add(lows[4], high[3]),
            add(lows[5], high[4]),
            add(lows[6], high[5]),
            add(lows[7], high[6]),
            high[7],
        ];
        let before = core::mem::replace(&mut below.sums, sums);
        let a = add(lows[0], align::<7>(sums[0], before[0]));
        let b = add(align::<6>(sums[1], before[1]), align::<5>(sums[2], before[2]));
        let c = add(align::<4>(sums[3], before[3]), align::<3>(sums[4], before[4]));
        let d = add(align::<2>(sums[5], before[5]), align::<1>(sums[6], before[6]));
        let sum = add(add(add(a, before[7]), b), add(c, d));
        let carries = shr::<LIMB_BITS>(sum);
        let once = add(low(sum), align::<7>(carries, below.carries));
        below.carries = carries;
        // A lane may still carry, though hardly ever.
        match limbs(once) {
            Some(limbs) if !ALWAYS => limbs,
            _ => rippled(once, &mut below.carries),
        }
    }

    /// Carries from lane to lane, the last one's to the next column.
    #[cold]
    fn rippled(once: V, carries: &mut V) -> V {
        let (mut lanes, mut carry) = (store(once), 0);
        for lane in &mut lanes {
            *lane += carry;
            carry = *lane >> LIMB_BITS;
        }
        debug_assert!(carry <= 1, "a lane is below 2^53");
        *carries = add(*carries, and(splat(carry), constants(&[0, 0, 0, 0, 0, 0, 0, 1])));
        load_limbs(&Limbs::new(lanes))
    }
}
