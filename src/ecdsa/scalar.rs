//! Private scalars of P-384 from random bytes.

use p384::NistP384;
use p384::elliptic_curve::Curve;
use p384::elliptic_curve::bigint::{NonZero, U384, U448};

use crate::wipe::Wiped;

/// d, big-endian: c mod (n - 1) + 1, where c is the random bytes as a *little-endian* number; in constant time (FIPS 186-5,
/// A.2.1; the byte order of c is AMD's).
pub(crate) fn scalar_from_random(random: &[u8; 56]) -> Wiped<[u8; 48]> {
    const MODULUS: NonZero<U384> =
        NonZero::<U384>::new_unwrap(NistP384::ORDER.as_ref().wrapping_sub(&U384::ONE));
    let number = Wiped::new(U448::from_le_slice(random));
    let scalar = Wiped::new(number.rem(&MODULUS).wrapping_add(&U384::ONE));
    let bytes = Wiped::new(scalar.to_be_bytes());
    let mut key = Wiped::new([0; 48]);
    key.iter_mut().zip(bytes.as_ref()).for_each(|(to, from)| *to = *from);
    key
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;
    use crate::Hex;
    use crate::ecdsa::{Signer, SigningKey};

    /// The ends of the range, where a modulus of n or a missing one would show. Computed in Python.
    #[test]
    fn from_1_to_n_less_one() {
        let n = "ffffffffffffffffffffffffffffffffffffffffffffffff\
                 c7634d81f4372ddf581a0db248b0a77aecec196accc52973";
        let one = [&"0".repeat(95), "1"].concat();
        let two = [&"0".repeat(95), "2"].concat();
        let less = |digit: &str| n.strip_suffix('3').map(|rest| [rest, digit].concat()).unwrap();
        let all_ones = "00000000000000000000000000000000389cb27e0bc8d220a7e5f24db74f58851313e695333ad68e0000000000000000";
        for (number, scalar) in [
            ("0".repeat(96), one.clone()),
            (one.clone(), two.clone()),
            (less("1"), less("2")),   // n - 2
            (less("2"), one.clone()), // n - 1
            (less("3"), two),         // n
            ("f".repeat(112), all_ones.to_string()),
        ] {
            let mut random: Vec<u8> = base16ct::lower::decode_vec(&number).unwrap();
            random.reverse();
            random.resize(56, 0);
            let random = random.first_chunk().unwrap();
            let found = scalar_from_random(random);
            assert_eq!(Hex(&*found).to_string(), scalar, "{number}");
            let key = SigningKey::from_random(random);
            assert!(key.sign_sha384(b"a report").is_ok());
        }
    }
}
