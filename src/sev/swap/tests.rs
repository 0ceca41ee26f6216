use std::vec;
use std::vec::Vec;

use base16ct::lower::encode_string;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::addr::PhysAddr;

const OEK: [u8; 32] = {
    let mut key = [0; 32];
    let mut i = 0;
    while i < 32 {
        key[i] = 0x80 + i as u8;
        i += 1;
    }
    key
};

const SOFTWARE_DATA: u64 = 0x1122_3344_5566_7788;

fn key(count: u64) -> SwapKey {
    SwapKey::new(&OEK, count, Backend::best())
}

/// A page that differs from place to place.
fn painted(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

/// A save area, and the block that the firmware keeps for it.
fn save_area() -> (Page, CheckBlock) {
    let mut vmsa = Vmsa::from_bytes(&painted(4096).try_into().unwrap());
    let block = vmsa.prepare(PhysAddr::new(0x7000_0010).unwrap());
    (*vmsa.as_bytes(), block)
}

/// Values that another implementation, in Python, computed.
#[test]
fn known_answer() {
    let page: Page = core::array::from_fn(|i| i as u8);
    for backend in Backend::available() {
        let mut key = SwapKey::new(&OEK, 5, backend);
        let mut ciphertext = [0; 4096];
        let entry =
            key.swap_out(PageType::Data, &[], SOFTWARE_DATA, &page, &mut ciphertext).unwrap();
        assert_eq!(
            encode_string(&ciphertext[..32]),
            "581392e85148f2412571ed13ebdd16d2b78f5b62a2dca7ec223d790776809b07"
        );
        assert_eq!(
            encode_string(&Sha256::digest(ciphertext)),
            "f66e536b7d52f3c62b240aadc4807f64b6bf6bb4006ddb95d075c1a34e258eeb"
        );
        assert_eq!(
            encode_string(&entry.to_bytes()),
            "88776655443322110500000000000000d7e38a1005236d5d7da988625b6d7cf9\
             0000000000000000000000000000000000000000000000000000000000000000"
        );
        assert_eq!((entry.software_data(), entry.count(), key.count()), (SOFTWARE_DATA, 5, 6));

        let mut back = [0xee; 4096];
        key.swap_in(PageType::Data, &entry, &ciphertext, &mut back).unwrap();
        assert_eq!(back, page);
        key.swap_in_place(PageType::Data, &entry, &mut ciphertext).unwrap();
        assert_eq!(ciphertext, page);
    }
}

/// The nonce is the count, little-endian, then zeros; the additional data are the entry without its tag. By another
/// implementation.
#[test]
fn against_another_implementation() {
    use aes_gcm::aead::{AeadInOut, KeyInit};
    let (vmsa, block) = save_area();
    let large = painted(2 << 20);
    for (page_type, page, blocks, word) in [
        (PageType::Data, &large[..4096], &[][..], 0),
        (PageType::Data, &large, &[], 1),
        (PageType::Metadata, &large[..4096], &[], 2),
        (PageType::Metadata, &large, &[], 3),
        (PageType::Vmsa, &vmsa[..], &[block], 4),
    ] {
        let count = 0x0102_0304_0506_0708;
        let mut text = page.to_vec();
        let entry =
            key(count).swap_out_in_place(page_type, blocks, SOFTWARE_DATA, &mut text).unwrap();
        let mut aad = [0; 64];
        aad[..8].copy_from_slice(&SOFTWARE_DATA.to_le_bytes());
        aad[8..16].copy_from_slice(&count.to_le_bytes());
        aad[0x3c] = word;
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&count.to_le_bytes());
        let mut expected = page.to_vec();
        let tag = aes_gcm::Aes256Gcm::new(&OEK.into())
            .encrypt_inout_detached(&nonce.into(), &aad, expected.as_mut_slice().into())
            .unwrap();
        assert!(text == expected, "{page_type:?}");
        aad[16..32].copy_from_slice(&tag);
        assert_eq!(entry.to_bytes(), aad, "{page_type:?}");
    }
}

#[test]
fn every_bit_of_an_entry() {
    let page = painted(4096);
    let mut ciphertext = page.clone();
    let key = &mut key(5);
    let entry = key.swap_out_in_place(PageType::Data, &[], 7, &mut ciphertext).unwrap();
    for bit in 0..512 {
        let mut bytes = entry.to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let changed = MdataEntry::from_bytes(&bytes);
        assert_eq!(changed.to_bytes(), bytes);
        let mut out = vec![0xee; 4096];
        let (error, byte) = match bit {
            0x1e0..0x1e3 => (SwapError::OtherEntry, 0xee),
            _ => (SwapError::Tag, 0),
        };
        let refused = key.swap_in(PageType::Data, &changed, &ciphertext, &mut out);
        assert_eq!(refused, Err(error), "bit {bit}");
        assert!(out.iter().all(|found| *found == byte), "bit {bit}");
    }
}

#[test]
fn every_bit_of_a_page_and_another_key() {
    let mut ciphertext = painted(4096);
    let entry = key(5).swap_out_in_place(PageType::Data, &[], 7, &mut ciphertext).unwrap();
    for bit in (0..8 * 4096).step_by(61) {
        ciphertext[bit / 8] ^= 1 << (bit % 8);
        let mut out = [0xee; 4096];
        let refused = key(0).swap_in(PageType::Data, &entry, &ciphertext, &mut out);
        assert_eq!((refused, out), (Err(SwapError::Tag), [0; 4096]), "bit {bit}");
        ciphertext[bit / 8] ^= 1 << (bit % 8);
    }
    let other = SwapKey::new(&[1; 32], 0, Backend::best());
    assert_eq!(other.swap_in_place(PageType::Data, &entry, &mut ciphertext), Err(SwapError::Tag));
    assert!(ciphertext.iter().all(|byte| *byte == 0));
}

/// The firmware has no memory of what came back.
#[test]
fn an_old_page_is_accepted_again() {
    let key = &mut key(0);
    let (mut old, mut new) = ([1; 4096], [2; 4096]);
    let old_entry = key.swap_out_in_place(PageType::Data, &[], 0, &mut old).unwrap();
    key.swap_out_in_place(PageType::Data, &[], 0, &mut new).unwrap();
    for _ in 0..2 {
        key.swap_in(PageType::Data, &old_entry, &old, &mut new).unwrap();
        assert_eq!(new, [1; 4096]);
    }
}

#[test]
fn limit_of_the_count() {
    let mut key = key(COUNT_LIMIT - 1);
    let mut page = [7; 4096];
    let entry = key.swap_out_in_place(PageType::Data, &[], 0, &mut page).unwrap();
    assert_eq!((entry.count(), key.count()), (COUNT_LIMIT - 1, COUNT_LIMIT));
    let before = page;
    for _ in 0..2 {
        let refused = key.swap_out_in_place(PageType::Data, &[], 0, &mut page);
        assert_eq!(refused, Err(SwapError::CountLimit));
        assert_eq!((page, key.count()), (before, COUNT_LIMIT));
    }
    key.swap_in_place(PageType::Data, &entry, &mut page).unwrap();
    assert_eq!(page, [7; 4096]);
}

#[test]
fn save_areas() {
    let (vmsa, block) = save_area();
    let key = &mut key(0);
    let mut out = [0xee; 4096];

    // There and back; the address of the block stays.
    let entry = key.swap_out(PageType::Vmsa, &[block], 0, &vmsa, &mut out).unwrap();
    let mut in_place = out;
    let refused = key.swap_in_place(PageType::Vmsa, &entry, &mut in_place);
    assert_eq!((refused, in_place), (Err(SwapError::VmsaInPlace), out));
    let mut back = [0; 4096];
    key.swap_in(PageType::Vmsa, &entry, &out, &mut back).unwrap();
    assert_eq!(back, vmsa);

    // As something else, changed, of another guest.
    let mut changed = vmsa;
    changed[0x178] ^= 1;
    let other = CheckBlock { address: PhysAddr::new(0x8000).unwrap(), ..block };
    let elsewhere = IntegrityError::Address { address: 0x7000_0010 };
    let mut out = [0xee; 4096];
    for (page_type, page, blocks, error) in [
        (PageType::Data, &vmsa, &[other, block][..], SwapError::IsVmsa),
        (PageType::Vmsa, &changed, &[block], SwapError::Integrity(IntegrityError::Value)),
        (PageType::Vmsa, &vmsa, &[other], SwapError::Integrity(elsewhere)),
        (PageType::Vmsa, &vmsa, &[], SwapError::Integrity(elsewhere)),
    ] {
        let refused = key.swap_out(page_type, blocks, 0, page, &mut out);
        assert_eq!((refused, key.count()), (Err(error), 1), "{error}");
        let mut page = *page;
        let before = page;
        let refused = key.swap_out_in_place(page_type, blocks, 0, &mut page);
        assert_eq!((refused, page), (Err(error), before), "{error}");
        assert_eq!((error.status(), out), (Status::INVALID_PARAM, [0xee; 4096]));
    }
    // Changed, it is data like other data; entries are not looked at.
    for (page_type, page) in [(PageType::Data, &changed), (PageType::Metadata, &vmsa)] {
        assert!(key.swap_out(page_type, &[block], 0, page, &mut out).is_ok());
    }
}

#[test]
fn earlier_checks_win() {
    let (vmsa, block) = save_area();
    let mut out = vec![0xee; 2 << 20];
    let full = &mut key(COUNT_LIMIT);
    // Length, then a save area of 2 MiB, then the count, then what it is.
    let large = painted(2 << 20);
    let refused = full.swap_out(PageType::Vmsa, &[], 0, &large, &mut out[1..]);
    assert_eq!(refused, Err(SwapError::Length));
    let refused = full.swap_out(PageType::Vmsa, &[], 0, &large, &mut out);
    assert_eq!(refused, Err(SwapError::LargeVmsa));
    let refused = full.swap_out(PageType::Data, &[block], 0, &vmsa, &mut out[..4096]);
    assert_eq!(refused, Err(SwapError::CountLimit));
    // The entry, then a save area in place, then the tag.
    let entry = MdataEntry::new(0, 0, PageSize::Size4K, PageType::Vmsa);
    let page = &mut out[..4096];
    let refused = full.swap_in_place(PageType::Data, &entry, page);
    assert_eq!(refused, Err(SwapError::OtherEntry));
    assert_eq!(full.swap_in_place(PageType::Vmsa, &entry, page), Err(SwapError::VmsaInPlace));
    assert!(out.iter().all(|byte| *byte == 0xee));
}

#[test]
fn lengths() {
    let key = &mut key(0);
    let entry = MdataEntry::from_bytes(&[0; 64]);
    for (source, destination) in [(0, 0), (4095, 4095), (4096, 4112), (4112, 4096), (8192, 8192)] {
        let (page, mut out) = (vec![1; source], vec![0xee; destination]);
        let refused = key.swap_out(PageType::Data, &[], 0, &page, &mut out);
        assert_eq!(refused, Err(SwapError::Length));
        assert_eq!(key.swap_in(PageType::Data, &entry, &page, &mut out), Err(SwapError::Length));
        assert!(out.iter().all(|byte| *byte == 0xee));
        if source != 4096 {
            let mut page = page.clone();
            let refused = key.swap_out_in_place(PageType::Data, &[], 0, &mut page);
            assert_eq!(refused, Err(SwapError::Length));
            let refused = key.swap_in_place(PageType::Data, &entry, &mut page);
            assert_eq!(refused, Err(SwapError::Length));
            assert!(page.iter().all(|byte| *byte == 1));
        }
    }
    assert_eq!(key.count(), 0);
}

#[test]
fn statuses() {
    for (error, status) in [
        (SwapError::Length, Status::INVALID_PARAM),
        (SwapError::LargeVmsa, Status::INVALID_PARAM),
        (SwapError::CountLimit, Status::AEAD_OFLOW),
        (SwapError::Integrity(IntegrityError::Value), Status::INVALID_PARAM),
        (SwapError::IsVmsa, Status::INVALID_PARAM),
        (SwapError::OtherEntry, Status::INVALID_PARAM),
        (SwapError::VmsaInPlace, Status::INVALID_PARAM),
        (SwapError::Tag, Status::BAD_MEASUREMENT),
    ] {
        assert_eq!(error.status(), status, "{error}");
    }
}

#[test]
fn types() {
    for (bits, page_type) in [(0, PageType::Data), (1, PageType::Metadata), (2, PageType::Vmsa)] {
        assert_eq!(PageType::from_bits(bits), Some(page_type));
        let entry = MdataEntry::new(0, 0, PageSize::Size2M, page_type);
        assert_eq!(entry.to_bytes()[0x3c..], [1 | (bits as u8) << 1, 0, 0, 0]);
    }
    assert_eq!(PageType::from_bits(3), None);
    let mut bytes = [0; 64];
    bytes[0x3c] = 6;
    assert_eq!(MdataEntry::from_bytes(&bytes).page_type(), None);
}

proptest! {
    #[test]
    fn there_and_back(oek: [u8; 32], count in 0..COUNT_LIMIT, software_data: u64, byte: u8) {
        let mut key = SwapKey::new(&oek, count, Backend::best());
        let page: Page = core::array::from_fn(|i| byte.wrapping_mul(i as u8));
        let mut text = page;
        let entry =
            key.swap_out_in_place(PageType::Metadata, &[], software_data, &mut text).unwrap();
        let again = MdataEntry::from_bytes(&entry.to_bytes());
        key.swap_in_place(PageType::Metadata, &again, &mut text).unwrap();
        prop_assert_eq!(text, page);
    }
}
