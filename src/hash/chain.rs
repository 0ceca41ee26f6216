//! A chain of digests: each is SHA-384 of the one before and of 64 bytes more, which is what a launch digest goes by.
//!
//! A step cannot begin before the one before it has ended, so it is one stream of words in general registers. Its message has
//! 112 bytes: the second block holds nothing but padding, whose schedule is a table.

use super::{CONSTANTS, INITIAL, Sha384Digest, digest_of};

/// SHA-384 of `digest` and `rest`, one behind the other.
pub(crate) fn sha384_step(digest: &Sha384Digest, rest: &[u8; 64]) -> Sha384Digest {
    let mut words = [0; 16];
    let bytes = digest.as_chunks::<8>().0.iter().chain(rest.as_chunks::<8>().0);
    for (word, bytes) in words.iter_mut().zip(bytes) {
        *word = u64::from_be_bytes(*bytes);
    }
    words[14] = 1 << 63;
    let mut state = INITIAL;
    first_block(&mut state, &mut words);
    second_block(&mut state);
    digest_of(&state)
}

/// One round: the new values of `d` and `h`, whose names then move on.
macro_rules! round {
    ($a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident, $word:expr) => {
        let sigma = $e.rotate_right(14) ^ $e.rotate_right(18) ^ $e.rotate_right(41);
        let choice = $e & ($f ^ $g) ^ $g;
        $h = $h.wrapping_add($word).wrapping_add(choice).wrapping_add(sigma);
        $d = $d.wrapping_add($h);
        let sigma = $a.rotate_right(28) ^ $a.rotate_right(34) ^ $a.rotate_right(39);
        let majority = ($a ^ $b) & ($b ^ $c) ^ $b;
        $h = $h.wrapping_add(sigma).wrapping_add(majority);
    };
}

/// Sixteen rounds; `$word` gives the word of each, constant included.
macro_rules! rounds {
    ($state:ident, $word:expr) => {
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = $state;
        #[allow(unused_mut, reason = "the first words are not scheduled")]
        let mut word = $word;
        round!(a b c d e f g h, word(0));
        round!(h a b c d e f g, word(1));
        round!(g h a b c d e f, word(2));
        round!(f g h a b c d e, word(3));
        round!(e f g h a b c d, word(4));
        round!(d e f g h a b c, word(5));
        round!(c d e f g h a b, word(6));
        round!(b c d e f g h a, word(7));
        round!(a b c d e f g h, word(8));
        round!(h a b c d e f g, word(9));
        round!(g h a b c d e f, word(10));
        round!(f g h a b c d e, word(11));
        round!(e f g h a b c d, word(12));
        round!(d e f g h a b c, word(13));
        round!(c d e f g h a b, word(14));
        round!(b c d e f g h a, word(15));
        $state = [a, b, c, d, e, f, g, h];
    };
}

/// SHA-512's compression of a block (FIPS 180-4, section 6.4.2).
fn first_block(state: &mut [u64; 8], words: &mut [u64; 16]) {
    let mut work = *state;
    let (constants, _) = CONSTANTS.as_chunks::<16>();
    rounds!(work, |t: usize| words[t].wrapping_add(constants[0][t]));
    for constants in &constants[1..] {
        rounds!(work, |t: usize| {
            let (x, y) = (words[(t + 1) % 16], words[(t + 14) % 16]);
            let small0 = x.rotate_right(1) ^ x.rotate_right(8) ^ x >> 7;
            let small1 = y.rotate_right(19) ^ y.rotate_right(61) ^ y >> 6;
            let sum = words[t].wrapping_add(words[(t + 9) % 16]).wrapping_add(small0);
            words[t] = sum.wrapping_add(small1);
            words[t].wrapping_add(constants[t])
        });
    }
    add(state, &work);
}

/// The same of the block that pads 112 bytes.
fn second_block(state: &mut [u64; 8]) {
    let mut work = *state;
    for scheduled in PADDING.as_chunks::<16>().0 {
        rounds!(work, |t: usize| scheduled[t]);
    }
    add(state, &work);
}

fn add(state: &mut [u64; 8], work: &[u64; 8]) {
    for (value, work) in state.iter_mut().zip(work) {
        *value = value.wrapping_add(*work);
    }
}

/// Schedule and constants of the second block: zeroes, and the length of 112 bytes.
static PADDING: [u64; 80] = {
    let mut block = [0; 16];
    block[15] = 8 * 112;
    super::scheduled(&block)
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::sha384;

    #[test]
    fn a_step_is_the_digest_of_112_bytes() {
        let mut digest = [0; 48];
        let mut rest = [0; 64];
        for n in 0..1000 {
            let mut message = [0; 112];
            message[..48].copy_from_slice(&digest);
            message[48..].copy_from_slice(&rest);
            let step = sha384_step(&digest, &rest);
            assert_eq!(step, sha384(&message), "{n}");
            digest = step;
            rest[n % 64] ^= digest[n % 48];
        }
    }
}
