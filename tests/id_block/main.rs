//! ID blocks from outside: the worked example, every bad input with its status, and other people's blocks.

#![allow(missing_docs, reason = "tests")]

mod known_answers;
mod real;
mod refusals;

use sevcrypt::Page;
use sevcrypt::ecdsa::SigningKey;
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::id_block::{IdAuth, IdBlock, LaunchFinish, SignedBy};

/// The launch digest of the worked example.
const LD: [u8; 48] = [
    0x34, 0xc9, 0x4b, 0x94, 0x09, 0x00, 0x39, 0x3b, 0x2c, 0x55, 0x93, 0x6d, 0x5b, 0xb2, 0x09, 0x9e,
    0x37, 0xce, 0x99, 0xbb, 0xa7, 0x25, 0xb1, 0x86, 0xbf, 0x56, 0x43, 0x14, 0x49, 0x1c, 0x69, 0xdf,
    0xdf, 0x1e, 0x5a, 0x3e, 0x56, 0x4e, 0x02, 0x4e, 0x4a, 0xfa, 0xea, 0x3b, 0x8a, 0x91, 0x2a, 0x3d,
];
const ID_KEY: &str = "666b8b8e7ce8dd758a26294b568260ce78ac1aaeac2a58548b580c4ddc3351d2\
    d48c47aff47ac2071d51aa5754e65877";
const AUTHOR_KEY: &str = "63d6261f607b8d84d843c8343782018767f2431925b941dea00438801d44823c\
    07e2c51b5cd7ee2866835d38c4c1b9fe";

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    base16ct::lower::decode_vec(hex).expect("digits").try_into().expect("the length")
}

fn key(scalar: &str) -> SigningKey {
    SigningKey::from_scalar(&bytes(scalar)).expect("a private key")
}

/// The worked example's ID block.
fn id_block() -> IdBlock {
    IdBlock {
        family_id: std::array::from_fn(|i| i as u8 + 1),
        image_id: std::array::from_fn(|i| i as u8 + 0x31),
        guest_svn: 5,
        ..IdBlock::new(LD)
    }
}

fn signed() -> (SignedBy, SignedBy) {
    let (id_key, author_key) = (key(ID_KEY), key(AUTHOR_KEY));
    let id = id_block().sign(&id_key.verifying_key(), &id_key).expect("signed");
    let author = id.key.sign(&author_key.verifying_key(), &author_key).expect("signed");
    (id, author)
}

/// The worked example's page.
fn page() -> Page {
    let (id, author) = signed();
    let mut page = [0xee; 4096];
    IdAuth::write(&mut page, &id, Some(&author));
    page
}

/// The end of the worked example's launch, with any page.
fn launch(page: &Page) -> LaunchFinish<'_> {
    LaunchFinish {
        launch_digest: &LD,
        policy: GuestPolicy(0x3_0000),
        id_block: Some((id_block(), IdAuth::from_bytes(page))),
        auth_key_en: true,
    }
}
