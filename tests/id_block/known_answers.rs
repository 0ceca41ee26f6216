//! The worked example, byte by byte.

use sevcrypt::hash::sha384;
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::id_block::{IdAuth, IdBlock, LaunchFinish, LaunchIdentity, PublicKey};
use sevcrypt::snp::keys::IdBlockKey;
use sha2::{Digest, Sha256};

use super::{AUTHOR_KEY, ID_KEY, bytes, id_block, key, launch, page, signed};

const ID_BLOCK: &str = "34c94b940900393b2c55936d5bb2099e37ce99bba725b186bf564314491c69df\
    df1e5a3e564e024e4afaea3b8a912a3d0102030405060708090a0b0c0d0e0f10\
    3132333435363738393a3b3c3d3e3f4001000000050000000000030000000000";
/// Bytes 0 to 0x93.
const ID_PUBLIC_KEY: &str = "020000001e8a6830ae21a144e321565e832560c0c390324c790b1f019ff225a5\
    6f60b4fe74213bf5ef9684612695ff97e165a8d7000000000000000000000000000000000000000000000000\
    ecba60c798c91dfccb6af024f7423061075554e91e8a0eb9194882b7188b571fde50f6ab93760947a46b589ed\
    28df9e0000000000000000000000000000000000000000000000000";
const ID_KEY_DIGEST: &str = "e6daf694fc53178244dbe1e38a89d1745109f311b3562c4c6788048c2db409d6\
    540649973031eb2d9230f88113f397ed";
const AUTHOR_KEY_DIGEST: &str = "603725508e4cda0503ff8cb2f44f5ea65e1cedf857b26202795c865ceb06daf8\
    59959fcc38179f104b7ccf996e21442a";
const ID_BLOCK_SIG: &str = "f41cd40bed955e7c62cff33a77181bac3307c40b0be74973ec0be39068a56732\
    e04106023d5b268ee3c65b511e550215000000000000000000000000000000000000000000000000\
    7989af3c3b68ca78a5c6f8b6c31cc7ee5d2e8c5a2df3d5d1e7bedd031da006425e9c0d10bd2a554d1c8f5f38\
    8e624916000000000000000000000000000000000000000000000000";
const ID_KEY_SIG: &str = "9aa28362929e087b459dc41d02c83321a57c38f7d5d0ce10e52a79cb72518a25\
    2afeaafd88bf238599928a50202e2982000000000000000000000000000000000000000000000000\
    5deecc701f5fff631583462754005791dad6e71a0cdf318b01901864c75ad40197e507956d1fde257270dc32\
    264a2cf5000000000000000000000000000000000000000000000000";
/// SHA-256 of the whole page.
const PAGE: &str = "abb71be9c7862b28a20625373d07f55703ef7faee0dd7d13218fffba1e64784a";

#[test]
fn the_id_block() {
    assert_eq!(id_block().to_bytes(), bytes(ID_BLOCK));
    assert_eq!(IdBlock::from_bytes(&bytes(ID_BLOCK)), id_block());
    let highest = IdBlock::from_bytes(&[0xff; IdBlock::LEN]);
    assert_eq!(highest.version, u32::MAX);
    assert_eq!(highest.guest_svn, u32::MAX);
    assert_eq!(highest.policy, GuestPolicy(u64::MAX));
    assert_eq!(highest.to_bytes(), [0xff; IdBlock::LEN]);
}

#[test]
fn keys_and_their_digests() {
    let id_key = key(ID_KEY).verifying_key();
    let public_key = PublicKey::from(&id_key);
    let (head, rest) = public_key.as_bytes().split_at(0x94);
    assert_eq!(head, bytes::<0x94>(ID_PUBLIC_KEY));
    assert!(rest.iter().all(|byte| *byte == 0));
    assert_eq!((public_key.curve(), public_key.verifying_key()), (PublicKey::P384, Ok(id_key)));
    assert_eq!(public_key.digest(), bytes(ID_KEY_DIGEST));
    // The whole structure counts, not what of it is in use.
    assert_ne!(public_key.digest(), sha384(head));
    let author_key = PublicKey::from(&key(AUTHOR_KEY).verifying_key());
    assert_eq!(author_key.digest(), bytes(AUTHOR_KEY_DIGEST));
}

/// The reserved word of IGVM's form does not count.
#[test]
fn a_key_of_an_igvm_file() {
    let public_key = PublicKey::from(&key(ID_KEY).verifying_key());
    for reserved in [[0; 4], [1, 2, 3, 4]] {
        let head = bytes::<0x94>(ID_PUBLIC_KEY);
        let igvm = [&head[..4], &reserved, &head[4..]].concat();
        assert_eq!(PublicKey::from_igvm(&igvm.try_into().unwrap()), public_key);
    }
}

#[test]
fn the_page() {
    let (id, author) = signed();
    let field = |numbers: &str| {
        let mut field = [0; 512];
        field[..144].copy_from_slice(&bytes::<144>(numbers));
        field
    };
    assert_eq!(id.signature.to_amd(), field(ID_BLOCK_SIG));
    assert_eq!(author.signature.to_amd(), field(ID_KEY_SIG));
    let page = page();
    assert_eq!(Sha256::digest(page)[..], bytes::<32>(PAGE));

    let id_auth = IdAuth::from_bytes(&page);
    assert_eq!((id_auth.id_key_algo(), id_auth.auth_key_algo()), (1, 1));
    assert_eq!(id_auth.id_block_signature(), Ok(id.signature));
    assert_eq!(id_auth.id_key_signature(), Ok(author.signature));
    assert_eq!((id_auth.id_key(), id_auth.author_key()), (id.key, author.key));
    assert!(id_auth.has_author());
    assert_eq!(id_auth.check_reserved(), Ok(()));
    assert_eq!(id_auth.bytes(), &page);
}

#[test]
fn a_page_without_an_author() {
    let (id, _) = signed();
    let mut page = [0xee; 4096];
    let id_auth = IdAuth::write(&mut page, &id, None);
    assert!(!id_auth.has_author());
    assert_eq!((id_auth.id_key_algo(), id_auth.auth_key_algo()), (1, 0));
    assert!(page[0x644..].iter().all(|byte| *byte == 0));
    assert_eq!(page[8..0x644], super::page()[8..0x644]);
}

#[test]
fn what_a_report_tells() {
    let page = page();
    let all = LaunchIdentity {
        id_block: Some(id_block()),
        id_key_digest: bytes(ID_KEY_DIGEST),
        author_key_digest: bytes(AUTHOR_KEY_DIGEST),
        id_block_en: true,
        author_key_en: true,
    };
    assert_eq!(launch(&page).check(), Ok(all));
    assert_eq!(all.id_block_key(), IdBlockKey::Author(bytes(AUTHOR_KEY_DIGEST)));

    // An author key that nobody asks for is not looked at.
    let launch = LaunchFinish { auth_key_en: false, ..launch(&page) };
    let id_only = LaunchIdentity { author_key_digest: [0; 48], author_key_en: false, ..all };
    assert_eq!(launch.check(), Ok(id_only));
    assert_eq!(id_only.id_block_key(), IdBlockKey::Id(bytes(ID_KEY_DIGEST)));

    let none = LaunchFinish { id_block: None, ..launch };
    assert_eq!(none.check(), Ok(LaunchIdentity::default()));
    assert_eq!(LaunchIdentity::default().id_block_key(), IdBlockKey::None);

    // AUTH_KEY_EN is kept without an ID block, too.
    let flag_only = LaunchFinish { auth_key_en: true, ..none }.check().unwrap();
    assert_eq!(flag_only, LaunchIdentity { author_key_en: true, ..LaunchIdentity::default() });
    assert_eq!(flag_only.id_block_key(), IdBlockKey::Author([0; 48]));
}
