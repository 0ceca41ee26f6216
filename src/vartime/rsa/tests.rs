use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::vartime::ifma::model;

/// What a way of raising gives: nothing, or as many bytes as the modulus has.
type Outcome = Option<Vec<u8>>;

/// 2^65537 mod (2^4096 - 1) = 2^(65537 mod 4096) = 2, since 65537 = 16 * 4096 + 1.
#[test]
fn a_power_that_is_known() {
    let modulus = [0xFF; 512];
    let mut two = [0; 512];
    two[511] = 2;
    for (modulus, two) in [(&modulus[..], &two[..]), (&modulus[..256], &two[256..])] {
        assert_eq!(agreed(modulus, two).as_deref(), Some(two));
        assert_eq!(agreed(modulus, modulus), None, "not below the modulus");
    }
}

/// By the model of the lanes, all carries the usual way or the rare one.
fn modelled(modulus: &[u8], signature: &[u8], always: bool) -> Outcome {
    fn with<const B: usize, const ALWAYS: bool>(modulus: &[u8], signature: &[u8]) -> Outcome {
        let key = model::rsa::prepare::<B, ALWAYS>(modulus);
        let mut power = std::vec![0; modulus.len()];
        model::rsa::raise::<B, ALWAYS>(&key, signature, &mut power).then_some(power)
    }
    match (modulus.len(), always) {
        (256, false) => with::<6, false>(modulus, signature),
        (256, true) => with::<6, true>(modulus, signature),
        (_, false) => with::<11, false>(modulus, signature),
        (_, true) => with::<11, true>(modulus, signature),
    }
}

/// What all ways give, which must be the same.
pub(crate) fn agreed(modulus: &[u8], signature: &[u8]) -> Outcome {
    let expected = quickly_agreed(modulus, signature);
    for always in [false, true] {
        assert_eq!(modelled(modulus, signature, always), expected, "the model, {always}");
    }
    expected
}

/// The same without the model, which takes its time.
fn quickly_agreed(modulus: &[u8], signature: &[u8]) -> Outcome {
    let raise = |arithmetic| {
        let power = Prepared::new(arithmetic, modulus).expect("a modulus").raise(signature);
        power.map(|power| {
            assert!(power[modulus.len()..].iter().all(|byte| *byte == 0));
            power[..modulus.len()].to_vec()
        })
    };
    let expected = raise(Arithmetic::portable());
    for arithmetic in Arithmetic::available() {
        assert_eq!(raise(arithmetic), expected, "{arithmetic:?}");
        if let ArithmeticToken::Ifma(ifma) = arithmetic.0 {
            let always = crate::vartime::ifma::tests::raise_always(ifma, modulus, signature);
            assert_eq!(always, expected, "every carry the rare way");
        }
    }
    expected
}

/// Big-endian bytes of 2^bit, of so many bytes.
fn power_of_two(len: usize, bit: usize) -> Vec<u8> {
    let mut bytes = std::vec![0; len];
    bytes[len - 1 - bit / 8] = 1 << (bit % 8);
    bytes
}

fn plus_one(mut bytes: Vec<u8>) -> Vec<u8> {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    bytes
}

fn minus_one(mut bytes: Vec<u8>) -> Vec<u8> {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_sub(1);
        if *byte != 0xFF {
            break;
        }
    }
    bytes
}

/// Moduli with extreme digits.
fn moduli(len: usize) -> Vec<Vec<u8>> {
    let bits = 8 * len;
    let mut all = Vec::new();
    // All ones; the least.
    all.push(std::vec![0xFF; len]);
    all.push(plus_one(power_of_two(len, bits - 1)));
    // -1, 1 and 3 modulo 2^416 and 2^512, and a word or limb beside that: k is 1, or ends in ones.
    for low in [1, 51, 52, 53, 63, 64, 65, 416, 417, 512, 576] {
        let mut ones = power_of_two(len, bits - 1);
        (0..low).for_each(|bit| ones[len - 1 - bit / 8] |= 1 << (bit % 8));
        all.push(ones);
        let mut zeros = std::vec![0xFF; len];
        (1..low).for_each(|bit| zeros[len - 1 - bit / 8] &= !(1 << (bit % 8)));
        all.push(zeros);
    }
    // The top word all ones and all below zero, but for the last bit; and the other way round.
    let mut top = power_of_two(len, 0);
    top[..8].fill(0xFF);
    all.push(top);
    let mut below = std::vec![0xFF; len];
    below[..8].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0]);
    all.push(below);
    all
}

/// Numbers with extreme digits, below and above a modulus.
fn numbers(modulus: &[u8]) -> Vec<Vec<u8>> {
    let len = modulus.len();
    let mut all = std::vec![
        std::vec![0; len],
        power_of_two(len, 0),
        minus_one(modulus.to_vec()),
        modulus.to_vec(),
        plus_one(modulus.to_vec()),
        std::vec![0xFF; len],
        // All ones below the top bit.
        minus_one(power_of_two(len, 8 * len - 1)),
    ];
    for step in [52, 64, 416, 512] {
        for k in [1, 2, 3, 8 * len / step - 1] {
            let power = power_of_two(len, step * k);
            all.extend([minus_one(power.clone()), power.clone(), plus_one(power)]);
        }
    }
    all
}

#[test]
fn extreme_digits() {
    for len in [256, 512] {
        for (n, modulus) in moduli(len).iter().enumerate() {
            for (m, number) in numbers(modulus).iter().enumerate() {
                // Every pair on the CPU, some on the model.
                let expected = match (n * 7 + m) % 19 {
                    0 => agreed(modulus, number),
                    _ => quickly_agreed(modulus, number),
                };
                assert_eq!(expected.is_some(), number < modulus);
            }
        }
    }
}

/// (N - 1)^65537 = N - 1, 0 and 1 stay.
#[test]
fn numbers_that_stay() {
    for modulus in moduli(512).into_iter().chain(moduli(256)) {
        let len = modulus.len();
        for same in [std::vec![0; len], power_of_two(len, 0), minus_one(modulus.clone())] {
            assert_eq!(quickly_agreed(&modulus, &same), Some(same));
        }
    }
}

#[test]
fn moduli_that_are_none() {
    for arithmetic in Arithmetic::available() {
        let is_none = |modulus: &[u8]| Prepared::new(arithmetic, modulus).is_none();
        assert!(is_none(&[]));
        for len in [1, 8, 255, 257, 384, 511, 513] {
            assert!(is_none(&std::vec![0xFF; len]), "{len}");
        }
        for len in [256, 512] {
            assert!(is_none(&minus_one(std::vec![0xFF; len])), "even");
            assert!(is_none(&std::vec![0x7F; len]), "short");
            let key = Prepared::new(arithmetic, &std::vec![0xFF; len]).unwrap();
            assert_eq!(key.len(), len);
            for other in [0, len - 1, len + 1, 768 - len] {
                assert!(key.raise(&std::vec![0; other]).is_none(), "{other}");
            }
        }
    }
    assert!(size_of::<Prepared>() <= 2304, "{}", size_of::<Prepared>());
}

/// Random bytes, runs of ones and of zeros.
fn number(len: usize) -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 64),
        1 => (0usize..200).prop_map(|len| std::vec![0xFF; len]),
        1 => (0usize..200).prop_map(|len| std::vec![0; len]),
    ];
    proptest::collection::vec(pieces, 8..20).prop_map(move |pieces| {
        let mut bytes = pieces.concat();
        bytes.resize(len, 0x5A);
        bytes
    })
}

fn modulus(len: usize) -> impl Strategy<Value = Vec<u8>> {
    number(len).prop_map(|mut bytes| {
        bytes[0] |= 0x80;
        *bytes.last_mut().unwrap() |= 1;
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn all_ways_agree((modulus, number) in prop_oneof![Just(256), Just(512)]
        .prop_flat_map(|len| (modulus(len), number(len))))
    {
        let expected = quickly_agreed(&modulus, &number);
        prop_assert_eq!(expected.is_some(), number < modulus);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn the_model_agrees((modulus, number) in (modulus(512), number(512))) {
        agreed(&modulus, &number);
        agreed(&modulus[..255].iter().copied().chain([1]).collect::<Vec<_>>(), &number[..256]);
    }
}

/// The model shows that sums fit for 11 blocks, whatever the numbers. It would show it if they did not: 128 blocks are the most of
/// which a column's 255 products, 16 sums each, stay below 2^64.
#[test]
fn sums_have_room() {
    let prepare = |blocks| {
        let modulus = [0xFF; 512];
        match blocks {
            11 => _ = model::rsa::prepare::<11, true>(&modulus),
            128 => _ = model::rsa::prepare::<128, true>(&modulus),
            _ => _ = model::rsa::prepare::<129, true>(&modulus),
        }
    };
    prepare(11);
    prepare(128);
    let panic = std::panic::catch_unwind(|| prepare(129)).expect_err("bounds are exceeded");
    let said = panic.downcast_ref::<std::string::String>().expect("words");
    assert!(said.starts_with("64 bits do not hold 0 to "), "{said}");
}
