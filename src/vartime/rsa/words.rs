//! What is worked out once for a modulus, in words of 64 bits, the lowest first. A modulus is odd and its top bit is set.

/// Big-endian bytes as words; both have one length.
pub(in crate::vartime) fn from_be(bytes: &[u8], words: &mut [u64]) {
    let chunks = bytes.rchunks(8);
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    }
}

/// The same the other way.
pub(in crate::vartime) fn to_be(words: &[u64], bytes: &mut [u8]) {
    for (word, chunk) in words.iter().zip(bytes.rchunks_mut(8)) {
        chunk.copy_from_slice(&word.to_be_bytes());
    }
}

/// Whether `a < b`; both have one length, whatever the radix.
pub(in crate::vartime) fn is_less(a: &[u64], b: &[u64]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// `a -= b`, modulo 2 to their length.
pub(super) fn subtract(a: &mut [u64], b: &[u64]) {
    let mut borrow = false;
    for (a, b) in a.iter_mut().zip(b) {
        (*a, borrow) = a.borrowing_sub_words(*b, borrow);
    }
}

/// The words of a sum and of a difference.
trait Words: Sized {
    fn borrowing_sub_words(self, other: Self, borrow: bool) -> (Self, bool);
    fn carrying_add_words(self, other: Self, carry: bool) -> (Self, bool);
}

impl Words for u64 {
    #[inline]
    fn borrowing_sub_words(self, other: Self, borrow: bool) -> (Self, bool) {
        let (difference, first) = self.overflowing_sub(other);
        let (difference, second) = difference.overflowing_sub(borrow.into());
        (difference, first | second)
    }

    #[inline]
    fn carrying_add_words(self, other: Self, carry: bool) -> (Self, bool) {
        let (sum, first) = self.overflowing_add(other);
        let (sum, second) = sum.overflowing_add(carry.into());
        (sum, first | second)
    }
}

/// The k below 2^512 for which `k * modulus` is -1 modulo 2^512.
///
/// The words of k are chosen one by one so that `1 + k * modulus` ends in zeros.
pub(in crate::vartime) fn negative_inverse(modulus: &[u64]) -> [u64; 8] {
    let mut low = [0; 8];
    low.iter_mut().zip(modulus).for_each(|(low, word)| *low = *word);
    // Five bits of the inverse of an odd word, and twice as many with each step (Newton).
    let mut inverse = low[0].wrapping_mul(3) ^ 2;
    for _ in 0..4 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(low[0].wrapping_mul(inverse)));
    }
    let mut k = [0; 8];
    let mut sum: [u64; 8] = [1, 0, 0, 0, 0, 0, 0, 0];
    for (n, k) in k.iter_mut().enumerate() {
        *k = sum[n].wrapping_mul(inverse).wrapping_neg();
        let mut carry = 0;
        for (sum, word) in sum[n..].iter_mut().zip(low) {
            let term = u128::from(*k) * u128::from(word) + u128::from(*sum) + carry;
            *sum = term as u64;
            carry = term >> 64;
        }
    }
    k
}

/// `2^exponent mod modulus`, where the exponent is at least that of the modulus' top word. The result is as long as the modulus,
/// which has two words or more.
pub(in crate::vartime) fn power_of_two(exponent: usize, modulus: &[u64], power: &mut [u64]) {
    power.fill(0);
    if let Some(top) = power.last_mut() {
        // At most 2^63 times what the top word is worth: not above the modulus, which is odd.
        *top = 1 << (exponent % 64);
    }
    for _ in power.len() - 1..exponent / 64 {
        times_word(modulus, power);
    }
}

/// `number = number * 2^64 mod modulus`, for a number below the modulus: a step of long division (Knuth, 4.3.1, algorithm D).
fn times_word(modulus: &[u64], number: &mut [u64]) {
    let (&[.., top], &[.., next, highest]) = (modulus, &*number) else { return };
    // The quotient by the top words is at most two above the quotient.
    let quotient = match highest < top {
        true => ((u128::from(highest) << 64 | u128::from(next)) / u128::from(top)) as u64,
        false => u64::MAX,
    };
    // What is above the number's words: the highest word before, less what is borrowed.
    let mut above = u128::from(highest);
    let (mut moved, mut carry) = (0, 0);
    let mut borrow = false;
    for (word, digit) in number.iter_mut().zip(modulus) {
        let product = u128::from(quotient) * u128::from(*digit) + carry;
        carry = product >> 64;
        let before = core::mem::replace(&mut moved, *word);
        (*word, borrow) = before.borrowing_sub_words(product as u64, borrow);
    }
    above = above.wrapping_sub(carry + u128::from(borrow));
    while above != 0 {
        let mut carry = false;
        for (word, digit) in number.iter_mut().zip(modulus) {
            (*word, carry) = word.carrying_add_words(*digit, carry);
        }
        above = above.wrapping_add(carry.into());
    }
}
