//! The steps of AES on known values: FIPS 197.

/// A function that is not linear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Round {
    /// ShiftRows, SubBytes, MixColumns.
    Encrypt,
    /// ShiftRows, SubBytes.
    EncryptLast,
    /// InvShiftRows, InvSubBytes, InvMixColumns.
    Decrypt,
    /// InvShiftRows, InvSubBytes.
    DecryptLast,
    /// SubWord of the low 32 bits.
    SubWord,
}

/// a * b in GF(2^8) (FIPS 197, section 4.2).
const fn gf_multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        a = (a << 1) ^ ((a >> 7) * 0x1b);
        b >>= 1;
    }
    product
}

/// The S-box (FIPS 197, section 5.1.1): the inverse in GF(2^8), then an affine map.
const fn substitute(x: u8) -> u8 {
    let mut inverse = 1;
    let mut i = 0;
    while i < 254 {
        inverse = gf_multiply(inverse, x); // x^254
        i += 1;
    }
    inverse
        ^ inverse.rotate_left(1)
        ^ inverse.rotate_left(2)
        ^ inverse.rotate_left(3)
        ^ inverse.rotate_left(4)
        ^ 0x63
}

const SBOX: [u8; 256] = {
    let mut table = [0; 256];
    let mut x = 0;
    while x < 256 {
        table[x] = substitute(x as u8);
        x += 1;
    }
    table
};

const INVERSE_SBOX: [u8; 256] = {
    let mut table = [0; 256];
    let mut x = 0;
    while x < 256 {
        table[SBOX[x] as usize] = x as u8;
        x += 1;
    }
    table
};

/// Each column times the circulant matrix with this first row.
fn mix(state: [u8; 16], row: [u8; 4]) -> [u8; 16] {
    std::array::from_fn(|i| {
        (0..4).fold(0, |sum, k| sum ^ gf_multiply(state[i / 4 * 4 + k], row[(k + 4 - i % 4) % 4]))
    })
}

/// InvMixColumns, a linear function.
#[must_use]
pub fn inverse_mix_columns(state: u128) -> u128 {
    u128::from_le_bytes(mix(state.to_le_bytes(), [14, 11, 13, 9]))
}

/// A round on known values, without the round key.
#[must_use]
pub fn compute(round: Round, state: u128) -> u128 {
    let s = state.to_le_bytes();
    // Byte 4 c + r is row r, column c; row r moves by r columns.
    let shifted = |direction: usize| -> [u8; 16] {
        std::array::from_fn(|i| s[(i + direction * 4 * (i % 4)) % 16])
    };
    let bytes = match round {
        Round::Encrypt => mix(shifted(1).map(|x| SBOX[x as usize]), [2, 3, 1, 1]),
        Round::EncryptLast => shifted(1).map(|x| SBOX[x as usize]),
        Round::Decrypt => mix(shifted(3).map(|x| INVERSE_SBOX[x as usize]), [14, 11, 13, 9]),
        Round::DecryptLast => shifted(3).map(|x| INVERSE_SBOX[x as usize]),
        Round::SubWord => std::array::from_fn(|i| if i < 4 { SBOX[s[i] as usize] } else { 0 }),
    };
    u128::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 197, appendix B: the state at the start of round 1 and after its steps, column by column.
    #[test]
    fn a_round_of_the_standard() {
        let start = 0x193de3bea0f4e22b9ac68d2ae9f84808_u128.swap_bytes();
        let wanted = 0x046681e5e0cb199a48f8d37a2806264c_u128.swap_bytes();
        assert_eq!(compute(Round::Encrypt, start), wanted);
        assert_eq!(compute(Round::DecryptLast, compute(Round::EncryptLast, start)), start);
        assert_eq!(inverse_mix_columns(wanted), compute(Round::EncryptLast, start));
    }
}
