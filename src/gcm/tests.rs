use std::vec::Vec;
use std::{format, vec};

use super::*;

/// The check of page-swap texts in AMD's firmware self-test (snp-pages.md, section 14).
#[test]
fn firmware_self_test() {
    use base16ct::lower::decode_vec;
    let hex = |text: &str| decode_vec(text).unwrap();
    let key: [u8; 32] =
        hex("3789185b3e6a1971be0e8bb8649735101bfce11af6e30d49e56c63fb26409f20").try_into().unwrap();
    let text = hex("c6992d2c4c9672b5dd94dd5f5fd785c085cb85f54b6a26b20eecdad4ab536cca");
    let ciphertext = hex("c2ecf16c9dba49d4e89570cd2238b0e187eb7e2ef46729a1a86526cec3e9fc9f");
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&hex("f47889260a258277"));
    for backend in Backend::available() {
        let key = MessageKey::new(&key, backend);
        for (aad, tag) in [
            (b"d", "e17c67d436bfce8a663e2abde2d0e6f9"),
            (b"v", "18e9772756e895e21fc6f5146fb9d502"),
            (b"m", "7cb6efad8694633e5ac2456924647f04"),
        ] {
            let mut bytes = text.clone();
            let sealed = key.seal_in_place(&nonce, aad, &mut bytes).unwrap();
            assert_eq!((&bytes, sealed.to_vec()), (&ciphertext, hex(tag)), "{backend}");
            key.open_in_place(&nonce, aad, &mut bytes, &sealed).unwrap();
            assert_eq!(bytes, text, "{backend}");
        }
    }
}

/// A key may have any number of powers that is a multiple of 8, also one with room for whole sets of 32 and nothing more:
/// then the lengths' block, which comes last, must not be left without a power.
#[test]
fn any_number_of_powers() {
    fn check<const POWERS: usize>() {
        let text: Vec<u8> = (0..7000).map(|i: usize| (i * 31 + i / 251) as u8).collect();
        let definition = MessageKey::new(&[7; 32], Backend::portable());
        for backend in Backend::available() {
            let key = GcmKey::<POWERS>::new(&[7; 32], backend);
            for sets in 0..=11 {
                for tail in [1, 15, 16, 17, 463, 464, 465, 480, 481, 496, 497, 511, 512] {
                    for aad in [0, 1, 16, 48, 64, 65] {
                        let (len, aad) = (512 * sets + tail, &text[..aad]);
                        let mut wanted = text[..len].to_vec();
                        let tag = definition.seal_in_place(&[1; 12], aad, &mut wanted).unwrap();
                        let mut bytes = text[..len].to_vec();
                        let sealed = key.seal_in_place(&[1; 12], aad, &mut bytes).unwrap();
                        let what = format!("{backend}, {POWERS}, {len} bytes, {}", aad.len());
                        assert!(sealed == tag && bytes == wanted, "{what}");
                        key.open_in_place(&[1; 12], aad, &mut bytes, &tag).expect(&what);
                        assert!(bytes == text[..len], "{what}");
                    }
                }
            }
        }
    }
    check::<40>();
    check::<48>();
    check::<56>();
    check::<64>();
    check::<72>();
    check::<96>();
    check::<128>();
    check::<256>();
    check::<264>();
}

/// Every backend and both kinds of key agree with the definition, for every length through all the kernels' ways: short
/// messages, parts of vectors, sets, and runs of powers that end in the middle.
#[test]
fn every_backend_makes_the_same_bytes() {
    let byte = |i: usize| (i * 31 + i / 251) as u8;
    let source: Vec<u8> = (0..30_000).map(byte).collect();
    let key: [u8; 32] = core::array::from_fn(|i| byte(i + 77));
    let long = [1216, 1535, 1536, 4032, 4096, 4111, 4160, 4607, 4608, 8192, 8704, 12_345, 30_000];
    for key in [Key::Aes256(&key), Key::Aes128(key.first_chunk().unwrap())] {
        let definition = MessageKey::new(key, Backend::portable());
        for backend in Backend::available() {
            let keys = (MessageKey::new(key, backend), PageKey::new(key, backend));
            for len in (0..1100).chain(long) {
                let aad = &source[7..][..[0, 16, 48, 5, 64, 65, 200][len % 7]];
                let nonce: Nonce = core::array::from_fn(|i| byte(i + len));
                let mut wanted = source[..len].to_vec();
                let tag = definition.seal_in_place(&nonce, aad, &mut wanted).unwrap();
                let mut bytes = source[..len].to_vec();
                let mut other = vec![0xaa; len];
                let what = format!("{backend}, {key:?}, {len} bytes, {} of aad", aad.len());
                assert_eq!(keys.0.seal_in_place(&nonce, aad, &mut bytes).unwrap(), tag, "{what}");
                assert_eq!(
                    keys.1.seal(&nonce, aad, &source[..len], &mut other).unwrap(),
                    tag,
                    "{what}"
                );
                assert!(bytes == wanted && other == wanted, "{what}");
                keys.0.open(&nonce, aad, &bytes, &mut other, &tag).expect(&what);
                keys.1.open_in_place(&nonce, aad, &mut bytes, &tag).expect(&what);
                assert!(bytes == source[..len] && other == bytes, "{what}");
            }
        }
    }
}
