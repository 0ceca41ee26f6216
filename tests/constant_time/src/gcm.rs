//! AES-GCM and page swap: key, text, and the tag that is computed when a text is opened, are secrets; ciphertext and tag are not.

use std::hint::black_box;

use sevcrypt::gcm::{GcmKey, MessageKey, PageKey, Tag};
use sevcrypt::snp::swap::{Contents, MdataEntry, PageType, SwapKey};
use sevcrypt::{Backend, Status};

use crate::{public, secret};

/// Both sizes of a key, for messages and for pages.
pub(crate) fn gcm(backend: Backend) {
    sealed(&MessageKey::new(&secret([0x5b; 32]), backend));
    sealed(&MessageKey::new(&secret([0x5b; 16]), backend));
    sealed(&PageKey::new(&secret([0x5b; 32]), backend));
    let mut place = None;
    sealed(MessageKey::set_up(&mut place, &secret([0x5b; 32]), backend));
}

fn sealed<const POWERS: usize>(key: &GcmKey<POWERS>) {
    let (nonce, aad) = (&[1; 12], &[2; 21]);
    for len in [0, 5, 16, 96, 300, 1200] {
        let mut memory = secret([0x5a; 1200]);
        let (mut other, text) = ([0; 1200], &mut memory[..len]);
        let same = key.seal(nonce, aad, text, &mut other[..len]).expect("a short text");
        let tag = key.seal_in_place(nonce, aad, text).expect("a short text");
        for known in [text, &mut other[..len], &same[..], &tag] {
            public(known);
        }
        assert_eq!(tag, same);
        opened(key, text, &tag, true);
        let mut wrong = tag;
        wrong[15] ^= 1;
        opened(key, text, &wrong, false);
    }
}

fn opened<const POWERS: usize>(key: &GcmKey<POWERS>, ciphertext: &[u8], tag: &Tag, right: bool) {
    let (mut text, mut other) = (ciphertext.to_vec(), ciphertext.to_vec());
    let opened = key.open_in_place(&[1; 12], &[2; 21], &mut text, tag);
    assert_eq!(opened.is_ok(), right);
    let opened = key.open(&[1; 12], &[2; 21], ciphertext, &mut other, tag);
    assert_eq!(opened.is_ok(), right);
    black_box((text, other));
}

/// Pages of SNP guests that leave memory and come back.
pub(crate) fn swap(backend: Backend) {
    let mut key = SwapKey::new(&secret([0x5c; 32]), 0, backend);
    let mut page = secret([7; 4096]);
    let mut other = [0; 4096];
    let entry = key.swap_out(Contents::Metadata, 0, &page, &mut other).expect("a page");
    public(&other);
    let mut back = [0; 4096];
    key.swap_in(PageType::Metadata, &mut known(&entry), &other, &mut back).expect("its tag");
    other[0] ^= 1;
    let refused = key.swap_in(PageType::Metadata, &mut known(&entry), &other, &mut back);
    assert_eq!(refused, Err(Status::BAD_MEASUREMENT));

    let entry = key.swap_out_in_place(Contents::Metadata, 0, &mut page).expect("a page");
    public(&page);
    key.swap_in_place(PageType::Metadata, &mut known(&entry), &mut page).expect("its tag");
    black_box((page, back));
}

fn known(entry: &MdataEntry) -> MdataEntry {
    let bytes = entry.to_bytes();
    public(&bytes);
    MdataEntry::from_bytes(&bytes).expect("its form")
}
