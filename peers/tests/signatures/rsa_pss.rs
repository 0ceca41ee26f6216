//! RSASSA-PSS.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use sevcrypt::Arithmetic;
use sevcrypt::x509::{RsaPublicKey, SignatureError};

use crate::Hash;
use crate::aws_lc::Key;

/// A key of AWS-LC and its modulus.
struct Pair {
    theirs: Key,
    modulus: Vec<u8>,
}

impl Pair {
    fn new(bits: u16) -> Self {
        let theirs = Key::rsa(bits.into());
        // Behind the modulus there is the exponent, an INTEGER of three bytes.
        let spki = theirs.spki();
        let (above, exponent) = spki.split_at(spki.len() - 5);
        assert_eq!(exponent, [2, 3, 1, 0, 1]);
        let modulus = above[above.len() - usize::from(bits / 8)..].to_vec();
        Self { theirs, modulus }
    }

    /// The verdict of AWS-LC, which is that of every arithmetic.
    fn verdict(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let wanted = self.theirs.verify_pss(hash, message, signature);
        let key = RsaPublicKey::new(&self.modulus, 65537).expect("a key");
        let case = || {
            let hex = base16ct::lower::encode_string;
            format!("{hash:?}, modulus {}, signature {}", hex(&self.modulus), hex(signature))
        };
        let agree = |found: Result<(), SignatureError>, what: &str| {
            assert_eq!(found.is_ok(), wanted, "{what}: {}", case());
        };
        let found = match hash {
            Hash::Sha256 => key.verify_pss_sha256(message, signature),
            Hash::Sha384 => key.verify_pss_sha384(message, signature),
        };
        agree(found, "once");
        for arithmetic in Arithmetic::available() {
            let key = key.prepare_with(arithmetic);
            let found = match hash {
                Hash::Sha256 => key.verify_pss_sha256(message, signature),
                Hash::Sha384 => key.verify_pss_sha384(message, signature),
            };
            agree(found, arithmetic.kind().name());
        }
        wanted
    }
}

/// `a + b`, if it fits; big-endian.
fn sum(a: &[u8], b: &[u8]) -> Option<Vec<u8>> {
    let (mut sum, mut carry) = (a.to_vec(), 0);
    for (a, b) in sum.iter_mut().zip(b).rev() {
        let digit = u16::from(*a) + u16::from(*b) + carry;
        *a = digit as u8;
        carry = digit >> 8;
    }
    (carry == 0).then_some(sum)
}

/// `a - b`, for `b` not above `a`.
fn difference(a: &[u8], b: &[u8]) -> Vec<u8> {
    let (mut difference, mut borrow) = (a.to_vec(), false);
    for (a, b) in difference.iter_mut().zip(b).rev() {
        let (digit, first) = a.overflowing_sub(*b);
        let (digit, second) = digit.overflowing_sub(borrow.into());
        (*a, borrow) = (digit, first | second);
    }
    difference
}

fn number(len: usize, last: u8) -> Vec<u8> {
    let mut number = vec![0; len];
    number[len - 1] = last;
    number
}

fn compare(bits: u16, keys: usize, hash: Hash) {
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let len = usize::from(bits / 8);
    let right = hash.len();
    let mut moved = 0;
    for _ in 0..keys {
        let pair = Pair::new(bits);
        for round in 0..16u32 {
            let mut message = vec![0; (random.next_u32() % 300) as usize];
            random.fill_bytes(&mut message);
            let signature = pair.theirs.sign_pss(hash, right.into(), &message);
            assert!(pair.verdict(hash, &message, &signature), "valid");

            let mut changed = signature.clone();
            changed[random.next_u32() as usize % len] ^= 1 << (round % 8);
            assert!(!pair.verdict(hash, &message, &changed), "a bit");
            message.push(0);
            assert!(!pair.verdict(hash, &message, &signature), "another message");
            message.pop();

            // The same residue, and the other root of the same square.
            if let Some(above) = sum(&signature, &pair.modulus) {
                assert!(!pair.verdict(hash, &message, &above), "s + N");
                moved += 1;
            }
            let negative = difference(&pair.modulus, &signature);
            assert!(!pair.verdict(hash, &message, &negative), "N - s");
            for other in [&signature[1..], &[&[0], &signature[..]].concat()] {
                assert!(!pair.verdict(hash, &message, other), "the length");
            }
            let other = (random.next_u32() % 100) as u8;
            if other != right {
                let signature = pair.theirs.sign_pss(hash, other.into(), &message);
                assert!(!pair.verdict(hash, &message, &signature), "{other} bytes of salt");
            }
        }
        for salt in [0, right - 1, right + 1] {
            let signature = pair.theirs.sign_pss(hash, salt.into(), b"");
            assert!(!pair.verdict(hash, b"", &signature), "{salt} bytes of salt");
        }
        let below = difference(&pair.modulus, &number(len, 1));
        let above = sum(&pair.modulus, &number(len, 1)).expect("it fits");
        let edges = [number(len, 0), number(len, 1), below, pair.modulus.clone(), above];
        for edge in edges.into_iter().chain([vec![0xFF; len]]) {
            assert!(!pair.verdict(hash, b"", &edge), "a number at an edge");
        }
    }
    assert!(moved > 0, "of {} signatures some are below 2^{bits} - N", 16 * keys);
}

#[test]
fn rsa_2048_sha384() {
    compare(2048, 4, Hash::Sha384);
}

#[test]
fn rsa_2048_sha256() {
    compare(2048, 4, Hash::Sha256);
}

#[test]
fn rsa_4096_sha384() {
    compare(4096, 3, Hash::Sha384);
}

#[test]
fn rsa_4096_sha256() {
    compare(4096, 2, Hash::Sha256);
}
