//! What keys of the platform and of guests leave behind: nothing.

use sevcrypt::Backend;
use sevcrypt::ctr::CtrKey;
use sevcrypt::snp::keys::{
    ChipSecret, DerivedKey, HashStick, HashSticks, PrivateKey, VlekSticks, Vmrk,
};
use sevcrypt::snp::message::ContextDraft;
use sevcrypt::snp::tcb::TcbVersion;

use crate::dropped::{dropped, longest_stretch};

/// Bytes that random memory does not hold by chance.
const SECRET: [u8; 48] = *b"\x5d\xa1\x1c\xf7\x82\x39\xce\x64\xb0\x1f\xe9\x76\x43\xd8\x2a\x95\x0b\xfc\x67\xb3\x58\x8e\x21\xd4\xaf\x10\x7b\xe6\x3d\xc2\x99\x54\xe1\x0f\x86\xbd\x4a\x72\xcb\x35\x9e\x61\xf8\x27\xd3\x0c\xaa\x46";

/// Of a value in which the secret stands.
fn leaves_nothing<T>(value: T, secret: &[u8]) {
    let what = std::any::type_name::<T>();
    let (before, after) = dropped(value);
    assert_eq!(longest_stretch(&before, secret), secret.len(), "{what}: it was there");
    assert!(after.iter().all(|byte| *byte == 0), "{what}: {after:02x?}");
}

#[test]
fn keys_leave_nothing() {
    let short: [u8; 32] = *SECRET.first_chunk().unwrap();
    leaves_nothing(ChipSecret::new(&SECRET), &SECRET);
    leaves_nothing(HashStick::new(&SECRET), &SECRET);
    leaves_nothing(Vmrk::new(&short), &short);
    leaves_nothing(DerivedKey::new(&short), &short);
    let mut draft = ContextDraft::new();
    draft.set_oek(&short);
    leaves_nothing(draft, &short);
}

#[test]
fn what_is_derived_leaves_nothing() {
    let tcb = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]);
    let sticks = || HashSticks::new(&ChipSecret::new(&SECRET), tcb);
    let stick_7 = *sticks().stick_7().as_bytes();
    // The TCB version is no secret.
    let (before, after) = dropped(sticks());
    assert_eq!(longest_stretch(&before, &stick_7), 48, "it was there");
    for secret in sticks().sticks().iter().map(HashStick::as_bytes).chain([sticks().base_7()]) {
        assert!(longest_stretch(&after, secret) < 3, "{after:02x?}");
    }
    leaves_nothing(VlekSticks::from(&sticks()), &stick_7);
    let scalar = *PrivateKey::vcek(sticks().stick_7()).scalar();
    leaves_nothing(PrivateKey::vcek(sticks().stick_7()), &scalar);
}

#[test]
fn counter_mode_leaves_nothing() {
    let key: [u8; 32] = *SECRET.first_chunk().unwrap();
    for backend in Backend::available() {
        let (before, after) = dropped(CtrKey::new(&key, backend));
        let written = before.iter().filter(|byte| **byte != 0).count();
        assert!(written > 220, "{backend}: there were round keys");
        assert!(longest_stretch(&after, &key) < 3, "{backend}");
    }
}
