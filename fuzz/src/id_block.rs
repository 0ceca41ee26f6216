//! ID blocks and their pages: a byte of flags (0: AUTH_KEY_EN, 1: a key of ours signs), an ID block and a page, as far as
//! they go.

use sevcrypt::ecdsa::{Signature, SignatureFormError, SigningKey};
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::id_block::{
    IdAuth, IdBlock, LaunchFinish, LaunchFinishError, LaunchIdentity, PublicKey,
};

use crate::check_error;

/// `snp::id_block`.
pub fn id_block(data: &[u8]) {
    let (flags, data) = data.split_first().unwrap_or((&0, &[]));
    let mut bytes = [0; IdBlock::LEN];
    let len = data.len().min(bytes.len());
    bytes[..len].copy_from_slice(&data[..len]);
    let id_block = IdBlock::from_bytes(&bytes);
    assert_eq!(id_block.to_bytes(), bytes);

    let mut page = [0; 4096];
    let rest = &data[len..];
    let len = rest.len().min(page.len());
    page[..len].copy_from_slice(&rest[..len]);
    if flags & 2 != 0 {
        let key = SigningKey::from_scalar(&[7; 48]).expect("in range");
        let id = id_block.sign(&key.verifying_key(), &key).expect("it signs");
        page[0..4].copy_from_slice(&[1, 0, 0, 0]);
        page[0x40..0x240].copy_from_slice(&id.signature.to_amd());
        page[0x240..0x644].copy_from_slice(id.key.as_bytes());
    }
    let id_auth = IdAuth::from_bytes(&page);
    check_page(id_auth);

    let launch = LaunchFinish {
        launch_digest: &id_block.launch_digest,
        policy: id_block.policy,
        id_block: Some((id_block, id_auth)),
        auth_key_en: flags & 1 != 0,
    };
    let mut identity = LaunchIdentity::default();
    let finished = identity.finish(&launch);
    // Whatever the author key is, the ID key's part stays as it is.
    let without_author = LaunchFinish { auth_key_en: false, ..launch }.check();
    match finished {
        Ok(()) => {
            assert_eq!(identity.id_key_digest, id_auth.id_key().digest());
            let author = launch.auth_key_en.then(|| id_auth.author_key().digest());
            assert_eq!(identity.author_key_digest, author.unwrap_or([0; 48]));
            assert!(without_author.is_ok());
        }
        Err(error) => {
            check_error(&error);
            assert!(error.status().name().is_some() && !identity.id_block_en);
            let of_author = matches!(
                error,
                LaunchFinishError::AuthorKey(_) | LaunchFinishError::IdKeySignature(_)
            );
            assert_eq!(identity != LaunchIdentity::default(), of_author);
            let algo = matches!(error, LaunchFinishError::AuthKeyAlgo { .. });
            assert!(algo || without_author.is_ok() == of_author);
        }
    }

    // Who signed this did not sign another, and the launch has to be the one.
    let other = IdBlock { guest_svn: !id_block.guest_svn, ..id_block };
    assert!(LaunchFinish { id_block: Some((other, id_auth)), ..launch }.check().is_err());
    let mut digest = id_block.launch_digest;
    digest[0] ^= 1;
    let refused = LaunchFinish { launch_digest: &digest, ..launch }.check();
    assert_eq!(refused, Err(LaunchFinishError::LaunchDigest));
    let guest = GuestPolicy(!id_block.policy.0);
    let refused = LaunchFinish { policy: guest, ..launch }.check();
    assert_eq!(refused, Err(LaunchFinishError::Policy { guest, expected: id_block.policy }));
}

fn check_page(id_auth: IdAuth<'_>) {
    assert!(!format!("{id_auth:?}").is_empty());
    if let Err(error) = id_auth.check_reserved() {
        check_error(&error);
        assert_ne!(id_auth.bytes()[error.offset], 0);
    }
    let signatures = [(0x40, id_auth.id_block_signature()), (0x680, id_auth.id_key_signature())];
    for (at, signature) in signatures {
        check_signature(&id_auth.bytes()[at..at + 144], signature);
    }
    for key in [id_auth.id_key(), id_auth.author_key()] {
        match key.verifying_key() {
            // Reserved bytes are the only ones that the point does not tell.
            Ok(point) => {
                assert_eq!(PublicKey::from(&point).as_bytes()[..0x94], key.as_bytes()[..0x94]);
            }
            Err(error) => check_error(&error),
        }
    }
}

fn check_signature(numbers: &[u8], signature: Result<Signature, SignatureFormError>) {
    match signature {
        Ok(signature) => assert_eq!(signature.to_amd()[..144], *numbers),
        Err(SignatureFormError::Range { number }) => assert!(['r', 's'].contains(&number)),
        Err(other) => panic!("{other}"),
    }
}
