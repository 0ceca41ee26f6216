//! Keys: wiped on drop; no text has their bytes, and nothing copies them.

use std::any::type_name;
use std::fmt::Display;

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use sevcrypt::Backend;
use sevcrypt::gcm::{MessageKey, PageKey};
use sevcrypt::snp::swap::SwapKey;

use crate::dropped::{dropped, longest_stretch};

/// A key that random memory does not hold by chance.
const KEY: [u8; 32] = *b"\x9e\x41\xd7\x23\xb8\x6c\xf5\x1a\x87\xe0\x5d\x34\xcb\x92\x78\x0f\xa6\x53\xee\x19\xd4\x2b\x60\xf7\x8c\x45\xba\x31\xdf\x96\x0e\x7b";

/// Of a value that was made of [`KEY`], round keys and hash key go with it, and all that stood beside them.
fn leaves_nothing<T>(value: T, backend: Backend) {
    let mut hash_key = [0; 16].into();
    Aes256::new(&KEY.into()).encrypt_block(&mut hash_key);
    let (before, after) = dropped(value);
    let what = format!("{} on {backend}", type_name::<T>());
    let written = before.iter().filter(|byte| **byte != 0).count();
    assert!(written > 220, "{what}: there were round keys");
    assert!(after.iter().all(|byte| *byte == 0), "{what}: {after:02x?}");
    for secret in [&KEY[..], &hash_key] {
        let len = longest_stretch(&after, secret);
        assert!(len < 3, "{what}: {len} bytes of {} stayed", secret.len());
    }
}

#[test]
fn keys_leave_nothing() {
    for backend in Backend::available() {
        leaves_nothing(MessageKey::new(&KEY, backend), backend);
        leaves_nothing(PageKey::new(&KEY, backend), backend);
        leaves_nothing(SwapKey::new(&KEY, 0, backend), backend);
    }
}

/// Does not compile for a type that has a trait: there would be two implementations to choose from.
macro_rules! lacks {
    ($type:ty: $($trait:path),+) => {$({
        trait Lacks<Which> {
            fn lacks() {}
        }
        impl<T> Lacks<()> for T {}
        struct Has;
        #[allow(dead_code, reason = "the second one, for those who have the trait")]
        impl<T: $trait> Lacks<Has> for T {}
        <$type as Lacks<_>>::lacks();
    })+};
}

#[test]
fn keys_cannot_be_copied_or_compared() {
    lacks!(MessageKey: Display, Clone, Copy, PartialEq);
    lacks!(PageKey: Display, Clone, Copy, PartialEq);
    lacks!(SwapKey: Display, Clone, Copy, PartialEq);
}

#[test]
fn no_text_has_a_key() {
    for backend in Backend::available() {
        // Of a key of such bytes neither a byte nor two hexadecimal digits are in what is printed of it.
        let key = [0xe9; 32];
        for text in [
            format!("{:?} {:#?}", MessageKey::new(&key, backend), PageKey::new(&key, backend)),
            format!("{:?}", SwapKey::new(&key, 7, backend)),
        ] {
            assert!(!["e9", "E9", "233"].iter().any(|byte| text.contains(byte)), "{text}");
        }
    }
}
