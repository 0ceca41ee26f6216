//! An ID authentication page that other people's tool made: `vectors/real.toml` says where it comes from.

#[path = "../support/real.rs"]
mod folder;

use std::fs;

use folder::folder;
use sevcrypt::Page;
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::id_block::{IdAuth, IdBlock, LaunchFinish};

#[test]
fn the_page_of_another_tool() {
    let Some(folder) = folder("the_page_of_another_tool") else { return };
    let read = |name: &str| {
        fs::read(folder.join("idblock").join(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
    };
    let page: Page = read("test_auth_block.bin").try_into().expect("a page");
    let id_auth = IdAuth::from_bytes(&page);
    assert_eq!(id_auth.check_reserved(), Ok(()));
    assert_eq!(id_auth.id_block_signature().unwrap().to_amd()[..], read("test_id_sig.bin"));
    assert_eq!(id_auth.id_key_signature().unwrap().to_amd()[..], read("test_auth_sig.bin"));

    let expected = String::from_utf8(read("expected.json")).expect("text");
    let (_, digest) = expected.split_once("\"launch_digest\": \"").expect("a launch digest");
    let launch_digest = super::bytes(&digest[..96]);
    let launch = LaunchFinish {
        launch_digest: &launch_digest,
        policy: GuestPolicy(0x3_0000),
        id_block: Some((IdBlock::new(launch_digest), id_auth)),
        auth_key_en: true,
    };
    let identity = launch.check().expect("the firmware takes it");
    assert_eq!(identity.id_key_digest, id_auth.id_key().digest());
    assert_eq!(identity.author_key_digest, id_auth.author_key().digest());
}
