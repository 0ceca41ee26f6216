//! Every check by itself, their order, and what does not count.

use sevcrypt::ecdsa::{Signature, SignatureFormError, Signer, SigningKey, VerifyingKey};
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::id_block::{
    IdAuth, IdBlock, LaunchFinish, LaunchFinishError, LaunchIdentity, PublicKey, PublicKeyError,
    ReservedByte, SignError,
};
use sevcrypt::{Page, Status};

use super::{AUTHOR_KEY, ID_KEY, LD, id_block, key, launch, page, signed};

/// The error, and that its status is this one.
#[track_caller]
fn refused(launch: &LaunchFinish<'_>, error: LaunchFinishError, status: Status) {
    assert_eq!(launch.check(), Err(error));
    assert_eq!(error.status(), status);
}

/// The worked example's page with other bytes at a place.
fn changed(at: usize, bytes: &[u8]) -> Page {
    let mut page = page();
    page[at..at + bytes.len()].copy_from_slice(bytes);
    page
}

#[test]
fn another_launch() {
    let page = page();
    for byte in 0..48 {
        let mut digest = LD;
        digest[byte] ^= 1;
        let launch = LaunchFinish { launch_digest: &digest, ..launch(&page) };
        refused(&launch, LaunchFinishError::LaunchDigest, Status::BAD_MEASUREMENT);
    }
    for bit in 0..64 {
        let guest = GuestPolicy(0x3_0000 ^ 1 << bit);
        let error = LaunchFinishError::Policy { guest, expected: GuestPolicy(0x3_0000) };
        let launch = LaunchFinish { policy: guest, ..launch(&page) };
        refused(&launch, error, Status::POLICY_FAILURE);
    }
}

#[test]
fn unknown_algorithms() {
    for found in [0, 2, 0x100, 0x0100_0000] {
        let page = changed(0, &u32::to_le_bytes(found));
        let error = LaunchFinishError::IdKeyAlgo { found };
        refused(&launch(&page), error, Status::INVALID_PARAM);
        let page = changed(4, &u32::to_le_bytes(found));
        let error = LaunchFinishError::AuthKeyAlgo { found };
        refused(&launch(&page), error, Status::INVALID_PARAM);
        assert!(LaunchFinish { auth_key_en: false, ..launch(&page) }.check().is_ok());
    }
}

#[test]
fn bad_keys() {
    type Error = fn(PublicKeyError) -> LaunchFinishError;
    let keys: [(usize, Error); 2] =
        [(0x240, LaunchFinishError::IdKey), (0x880, LaunchFinishError::AuthorKey)];
    for (at, error) in keys {
        for found in [0, 1, 3, 0x102] {
            let page = changed(at, &u32::to_le_bytes(found));
            let error = error(PublicKeyError::Curve { found });
            refused(&launch(&page), error, Status::BAD_SIGNATURE);
        }
        // Each coordinate: a byte of it, and each byte above it.
        for coordinate in [4, 0x4c] {
            for byte in [0, 47, 48, 71] {
                let place = at + coordinate + byte;
                let page = changed(place, &[page()[place] ^ 1]);
                refused(&launch(&page), error(PublicKeyError::Point), Status::BAD_SIGNATURE);
            }
        }
        let page = changed(at + 4, &[0; 144]);
        refused(&launch(&page), error(PublicKeyError::Point), Status::BAD_SIGNATURE);
    }
}

/// The order of P-384, little-endian.
const ORDER: [u8; 48] = [
    0x73, 0x29, 0xc5, 0xcc, 0x6a, 0x19, 0xec, 0xec, 0x7a, 0xa7, 0xb0, 0x48, 0xb2, 0x0d, 0x1a, 0x58,
    0xdf, 0x2d, 0x37, 0xf4, 0x81, 0x4d, 0x63, 0xc7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];

#[test]
fn bad_signatures() {
    type Error = fn(Option<SignatureFormError>) -> LaunchFinishError;
    let signatures: [(usize, Error); 2] =
        [(0x040, LaunchFinishError::IdBlockSignature), (0x680, LaunchFinishError::IdKeySignature)];
    for (at, error) in signatures {
        for (offset, number) in [(0, 'r'), (72, 's')] {
            let at = at + offset;
            let range = error(Some(SignatureFormError::Range { number }));
            for bytes in [[0; 48], ORDER, [0xff; 48]] {
                refused(&launch(&changed(at, &bytes)), range, Status::BAD_SIGNATURE);
            }
            for above in [48, 71] {
                refused(&launch(&changed(at + above, &[1])), range, Status::BAD_SIGNATURE);
            }
            for byte in 0..47 {
                let page = changed(at + byte, &[page()[at + byte] ^ 0x10]);
                refused(&launch(&page), error(None), Status::BAD_SIGNATURE);
            }
        }
    }
}

/// What was signed has changed, and not the signature.
#[test]
fn changed_after_signing() {
    let page = page();
    let forged = |id_block| LaunchFinish {
        id_block: Some((id_block, IdAuth::from_bytes(&page))),
        ..launch(&page)
    };
    let id_blocks = [
        IdBlock { family_id: [0; 16], ..id_block() },
        IdBlock { image_id: [0; 16], ..id_block() },
        IdBlock { version: 2, ..id_block() },
        IdBlock { guest_svn: 4, ..id_block() },
    ];
    for id_block in id_blocks {
        let error = LaunchFinishError::IdBlockSignature(None);
        refused(&forged(id_block), error, Status::BAD_SIGNATURE);
    }
    // The author has signed all bytes of the ID key, those behind the coordinates too.
    let page = changed(0x240 + 0x94, &[1]);
    refused(&launch(&page), LaunchFinishError::IdKeySignature(None), Status::BAD_SIGNATURE);
    assert!(LaunchFinish { auth_key_en: false, ..launch(&page) }.check().is_ok());
}

/// Another good key: the signature is not its.
#[test]
fn other_keys() {
    let other = PublicKey::from(&SigningKey::from_scalar(&[9; 48]).unwrap().verifying_key());
    let page = changed(0x240, other.as_bytes());
    refused(&launch(&page), LaunchFinishError::IdBlockSignature(None), Status::BAD_SIGNATURE);
    let page = changed(0x880, other.as_bytes());
    refused(&launch(&page), LaunchFinishError::IdKeySignature(None), Status::BAD_SIGNATURE);
}

/// Everything is wrong, and is put right again from the first check to the last.
#[test]
fn the_order_of_the_checks() {
    let good = page();
    let mut page = [0; 4096];
    let mut put_right = |from: usize, to: usize| {
        page[from..to].copy_from_slice(&good[from..to]);
        page
    };
    let first = put_right(0, 0);
    let wrong = LaunchFinish { launch_digest: &[0; 48], policy: GuestPolicy(0), ..launch(&first) };
    refused(&wrong, LaunchFinishError::LaunchDigest, Status::BAD_MEASUREMENT);
    let wrong = LaunchFinish { launch_digest: &LD, ..wrong };
    let (guest, expected) = (GuestPolicy(0), GuestPolicy(0x3_0000));
    refused(&wrong, LaunchFinishError::Policy { guest, expected }, Status::POLICY_FAILURE);
    let steps = [
        (0x000, 0x000, LaunchFinishError::IdKeyAlgo { found: 0 }),
        (0x000, 0x004, LaunchFinishError::AuthKeyAlgo { found: 0 }),
        (0x004, 0x008, LaunchFinishError::IdKey(PublicKeyError::Curve { found: 0 })),
        (0x240, 0x244, LaunchFinishError::IdKey(PublicKeyError::Point)),
        (
            0x244,
            0x644,
            LaunchFinishError::IdBlockSignature(Some(SignatureFormError::Range { number: 'r' })),
        ),
        (0x040, 0x240, LaunchFinishError::AuthorKey(PublicKeyError::Curve { found: 0 })),
        (0x880, 0x884, LaunchFinishError::AuthorKey(PublicKeyError::Point)),
        (
            0x884,
            0xc84,
            LaunchFinishError::IdKeySignature(Some(SignatureFormError::Range { number: 'r' })),
        ),
    ];
    for (from, to, error) in steps {
        assert_eq!(launch(&put_right(from, to)).check(), Err(error));
    }
    assert!(launch(&put_right(0x680, 0x880)).check().is_ok());
}

/// VERSION and GUEST_SVN may be anything.
#[test]
fn what_the_firmware_does_not_look_at() {
    let id_key = key(ID_KEY);
    for (version, guest_svn) in [(0, 0), (2, 7), (u32::MAX, u32::MAX)] {
        let id_block = IdBlock { version, guest_svn, ..id_block() };
        let id = id_block.sign(&id_key.verifying_key(), &id_key).unwrap();
        let (_, author) = signed();
        let mut page = [0; 4096];
        IdAuth::write(&mut page, &id, Some(&author));
        let id_block_and_page = Some((id_block, IdAuth::from_bytes(&page)));
        let launch = LaunchFinish { id_block: id_block_and_page, ..launch(&page) };
        assert_eq!(launch.check().unwrap().id_block, Some(id_block));
    }
}

/// Reserved bytes do not change the firmware's answer, but are found.
#[test]
fn reserved_bytes() {
    let good = launch(&page()).check();
    let ranges = [
        (0x008, 0x040, true),
        (0x040 + 144, 0x240, true),
        (0x240 + 0x94, 0x644, false), // signed by the author
        (0x644, 0x680, true),
        (0x680 + 144, 0x880, true),
        (0x880 + 0x94, 0xc84, true), // hashed
        (0xc84, 0x1000, true),
    ];
    let mut reserved = 0;
    for (start, end, is_taken) in ranges {
        reserved += end - start;
        for offset in [start, start + 1, end - 1] {
            let page = changed(offset, &[0x80]);
            let found = IdAuth::from_bytes(&page).check_reserved();
            assert_eq!(found, Err(ReservedByte { offset }));
            let checked = launch(&page).check();
            assert_eq!(checked.is_ok(), is_taken, "{offset:#x}");
            let is_hashed = (0x880..0xc84).contains(&offset);
            assert!(!is_taken || (checked == good) != is_hashed, "{offset:#x}");
        }
    }
    // All other bytes are two words, and for each of two signatures and keys two numbers; a key has its curve besides.
    assert_eq!(reserved, 4096 - 8 - 2 * 144 - 2 * 0x94);
    let mut page = changed(0xfff, &[1]);
    page[0x644] = 1;
    let first = Err(ReservedByte { offset: 0x644 });
    assert_eq!(IdAuth::from_bytes(&page).check_reserved(), first);
}

/// An author key that fails leaves the ID block in the context, and a second try goes on from there.
#[test]
fn what_stays_of_a_failure() {
    let (good, bad) = (page(), changed(0x680, &[0; 48]));
    let mut identity = LaunchIdentity::default();
    let error = identity.finish(&launch(&bad)).unwrap_err();
    assert_eq!(error.status(), Status::BAD_SIGNATURE);
    let id_key = PublicKey::from(&key(ID_KEY).verifying_key());
    let left = LaunchIdentity {
        id_block: Some(id_block()),
        id_key_digest: id_key.digest(),
        ..LaunchIdentity::default()
    };
    assert_eq!(identity, left);

    // Earlier checks leave nothing.
    for at in [0, 4, 0x240, 0x244, 0x040] {
        let page = changed(at, &[good[at] ^ 0x10]);
        let mut identity = LaunchIdentity::default();
        assert!(identity.finish(&launch(&page)).is_err());
        assert_eq!(identity, LaunchIdentity::default());
    }

    let mut again = identity;
    again.finish(&launch(&good)).unwrap();
    assert_eq!(Ok(again), launch(&good).check());
    identity.finish(&LaunchFinish { id_block: None, auth_key_en: false, ..launch(&good) }).unwrap();
    assert_eq!(identity, left);
}

/// A signer that is told about the wrong key, and one that fails.
#[test]
fn nothing_is_signed() {
    #[derive(Debug)]
    struct Broken;
    impl Signer for Broken {
        type Error = &'static str;
        fn sign_sha384(&self, _: &[u8]) -> Result<Signature, Self::Error> {
            Err("the token is gone")
        }
    }

    let (id_key, author_key) = (key(ID_KEY), key(AUTHOR_KEY));
    let public: [VerifyingKey; 2] = [id_key.verifying_key(), author_key.verifying_key()];
    let other_key = id_block().sign(&public[1], &id_key).unwrap_err();
    assert_eq!(other_key, SignError::OtherKey);
    assert_eq!(
        PublicKey::from(&public[0]).sign(&public[0], &author_key).unwrap_err(),
        SignError::OtherKey
    );
    let broken = id_block().sign(&public[0], &Broken).unwrap_err();
    assert_eq!(broken, SignError::Signer("the token is gone"));
    assert_eq!(broken.to_string(), "the signer made no signature: the token is gone");
}

#[test]
fn errors_say_what_was_expected() {
    let page = page();
    let launch = launch(&page);
    let policy = LaunchFinish { policy: GuestPolicy(0xb_0000), ..launch }.check().unwrap_err();
    assert_eq!(policy.to_string(), "the guest policy is 0xb0000, the ID block expects 0x30000");
    let texts = [
        (LaunchFinishError::IdKeyAlgo { found: 7 }, "ID_KEY_ALGO is 7, expected 1"),
        (LaunchFinishError::AuthKeyAlgo { found: 7 }, "AUTH_KEY_ALGO is 7, expected 1"),
        (
            LaunchFinishError::IdKey(PublicKeyError::Curve { found: 1 }),
            "ID_KEY: curve 1, expected 2 (P-384)",
        ),
        (
            LaunchFinishError::AuthorKey(PublicKeyError::Point),
            "AUTHOR_KEY: the point is not on P-384",
        ),
        (
            LaunchFinishError::IdKeySignature(None),
            "ID_KEY_SIG is not the author key's signature of the ID key",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(
        ReservedByte { offset: 0x644 }.to_string(),
        "byte 0x644 of the ID authentication page is reserved and not zero"
    );
}
