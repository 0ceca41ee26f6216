//! Keys: wiped on drop, padding included; never printed.

use sevcrypt::Key;
use sevcrypt::ecdsa::SigningKey;
use sevcrypt::mem::{MemoryCipher, PageTweak, Tweak, XtsUnit};

use crate::dropped::{dropped, longest_stretch};
use crate::{at, backends, every_mode};

/// A key that random memory does not hold by chance.
const KEY: [u8; 32] = *b"\xc1\x5e\x7a\x93\x0d\x44\xf8\x6b\x2c\xe7\x91\x3f\xa8\x50\xd6\x1e\x77\x0b\xcc\x25\xe9\x8a\x34\xbf\x62\x19\xd0\xf5\x4b\x86\xae\x03";

#[test]
fn the_detector_finds_a_key_that_stays() {
    struct Careless {
        _key: [u8; 32],
    }
    let (before, after) = dropped(Careless { _key: KEY });
    assert_eq!((longest_stretch(&before, &KEY), longest_stretch(&after, &KEY)), (32, 32));
}

#[test]
fn ciphers_leave_nothing() {
    for backend in backends() {
        let tweak = Tweak::xts(&[9; 32], XtsUnit::Page, backend);
        let cipher = MemoryCipher::xts(&KEY, &tweak, backend).unwrap();
        let (before, after) = dropped(cipher);
        assert!(
            before.iter().filter(|byte| **byte != 0).count() > 300,
            "{backend}: there was a schedule"
        );
        assert!(after.iter().all(|byte| *byte == 0), "{backend}: {after:02x?}");
    }
}

#[test]
fn tweaks_leave_nothing() {
    for backend in backends() {
        let (before, after) = dropped(Tweak::xts(&KEY, XtsUnit::Page, backend));
        assert_eq!(longest_stretch(&before, &KEY), 32, "{backend}: the tweak key was there");
        assert!(after.iter().all(|byte| *byte == 0), "{backend}: {after:02x?}");

        let tweak = Tweak::xts(&KEY, XtsUnit::Page, backend);
        let value = tweak.value(at(0x7000)).unwrap();
        let (before, after): (Vec<u8>, Vec<u8>) =
            dropped::<PageTweak>(tweak.page_tweak(at(0x7000)).unwrap());
        assert_eq!(longest_stretch(&before, &value), 16, "{backend}: E(K2, unit) was there");
        assert!(longest_stretch(&after, &value) < 3, "{backend}");
    }
}

#[test]
fn signing_keys_leave_nothing() {
    let scalar: [u8; 48] = std::array::from_fn(|i| KEY[i % 32] & 0x7f | 1);
    let (before, after) = dropped(SigningKey::from_scalar(&scalar).expect("a scalar"));
    // In Montgomery form, so that it is not to be recognised; the public point stands beside it.
    assert!(before.iter().filter(|byte| **byte != 0).count() > 120, "there was a key");
    assert!(after.iter().all(|byte| *byte == 0), "{after:02x?}");
}

#[test]
fn nothing_prints_a_key() {
    let mut printed = vec![format!("{:?} {:#?}", Key::from(&KEY), Key::from(&KEY))];
    for backend in backends() {
        let tweak = Tweak::xts(&KEY, XtsUnit::Line, backend);
        printed.push(format!("{tweak:?} {tweak:#?} {:?}", tweak.page_tweak(at(0)).unwrap()));
        printed.push(format!("{:?}", MemoryCipher::xex(&KEY, Tweak::zen1(), backend).unwrap()));
        printed.extend(every_mode(0xc1, backend).iter().map(|cipher| format!("{cipher:?}")));
    }
    let mut equal = KEY;
    equal.reverse();
    let tweak = Tweak::xts(&equal, XtsUnit::Line, sevcrypt::Backend::best());
    let error = MemoryCipher::xts(&equal, tweak, sevcrypt::Backend::best()).unwrap_err();
    printed.push(format!("{error:?} {error}"));
    for text in printed {
        // Neither as hexadecimal nor as a list of numbers.
        for byte in ["c1", "C1", "193", "5e", "94,"] {
            assert!(!text.contains(byte), "{text} shows {byte}");
        }
    }
}
