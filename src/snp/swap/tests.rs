use std::vec;
use std::vec::Vec;

use base16ct::lower::{decode_vec, encode_string};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

/// The key of snp-pages.md, section 14.
const OEK: [u8; 32] = {
    let mut key = [0; 32];
    let mut i = 0;
    while i < 32 {
        key[i] = 0x80 + i as u8;
        i += 1;
    }
    key
};

const STATE: PageState =
    PageState { gpa: 0x1234_5000, page_validated: true, vmpl_perms: 0x0103_0f1f };

fn keys(iv_count: u64) -> impl Iterator<Item = SwapKey> {
    Backend::available().map(move |backend| SwapKey::new(&OEK, iv_count, backend))
}

/// snp-pages.md, section 14: page, count, first 16 bytes of ciphertext, its SHA-256, tag.
#[test]
fn known_answers() {
    let mut page_a = [0; 4096];
    page_a[..18].copy_from_slice(b"AMD SEV-SNP page A");
    let answers = [
        (
            page_a,
            0,
            "3608b2c1156ea27a786f271a01fe528b",
            "8b27bc544b631b11d2a6028fb164ac6317a356cbae43084f704f95433f78e05e",
            "29f12222d866b198be4c1a7194c6303e",
        ),
        (
            [0xcc; 4096],
            1,
            "6cdc1e9d701cb3a87547faaf76a03655",
            "5c80f3b42474c52d7e8e08c868d86a5ee8ed3256a0c689ad7a90e5aebe9a762d",
            "69d0f1133a437d4d00b764416986b495",
        ),
        (
            [0; 4096],
            0x0102_0304_0506_0708,
            "a50eec5d3c39fbab3f2791a84999b758",
            "5871a40aadf7faca81ea613a9071f860c77977c49b626f101ef3246c31ae75b5",
            "605a3f03fa9a0b792818e60e570d63cb",
        ),
    ];
    for (page, count, start, digest, tag) in answers {
        for mut key in keys(count) {
            let mut ciphertext = [0; 4096];
            let contents = Contents::Data(STATE);
            let mut entry = key.swap_out(contents, 0xdead_beef, &page, &mut ciphertext).unwrap();
            assert_eq!(encode_string(&ciphertext[..16]), start);
            assert_eq!(encode_string(&Sha256::digest(ciphertext)), digest);
            assert_eq!((encode_string(entry.auth_tag()).as_str(), entry.iv()), (tag, count));
            assert_eq!(key.iv_count(), count + 1);
            let mut back = [0xee; 4096];
            key.swap_in(PageType::Data, &mut entry, &ciphertext, &mut back).unwrap();
            assert!(back == page && !entry.valid());
        }
    }
}

/// snp-pages.md, section 14.
#[test]
fn entry_of_page_a() {
    let mut page = [0; 4096];
    page[..18].copy_from_slice(b"AMD SEV-SNP page A");
    for mut key in keys(0) {
        let mut page = page;
        let entry = key.swap_out_in_place(Contents::Data(STATE), 0xdead_beef, &mut page).unwrap();
        let expected = "efbeadde00000000000000000000000029f12222d866b198be4c1a7194c6303e\
                        03503412000000001f0f03010000000000000000000000000000000000000000";
        assert_eq!(encode_string(&entry.to_bytes()), expected);
        assert_eq!(MdataEntry::from_bytes(&entry.to_bytes()), Ok(entry));
    }
}

/// snp-pages.md, sections 2 and 14: no address, no permissions.
#[test]
fn entry_of_a_metadata_page() {
    for mut key in keys(7) {
        let mut page = [1; 4096];
        let mut entry = key.swap_out_in_place(Contents::Metadata, 3, &mut page).unwrap();
        let bytes = entry.to_bytes();
        assert_eq!(bytes[0x20..0x28], decode_vec("09f0ffffffffffff").unwrap());
        assert_eq!(bytes[0x28..], [0; 24]);
        assert_eq!((entry.page_type(), entry.software_data()), (PageType::Metadata, 3));
        key.swap_in_place(PageType::Metadata, &mut entry, &mut page).unwrap();
        assert_eq!(page, [1; 4096]);
    }
}

#[test]
fn every_bit_of_the_entry() {
    let entry = MdataEntry::from_bytes(&[0; 64]).unwrap();
    assert_eq!(entry, MdataEntry::default());
    for bit in 0..512 {
        let mut bytes = [0; 64];
        bytes[bit / 8] = 1 << (bit % 8);
        let entry = MdataEntry::from_bytes(&bytes).unwrap();
        let is_reserved = matches!(bit, 0x105..0x10c | 0x180..);
        assert_eq!(entry.to_bytes() == bytes, !is_reserved, "bit {bit}");
        assert_eq!(entry == MdataEntry::default(), is_reserved, "bit {bit}");
        assert_eq!(entry.valid(), bit == 0x100);
        assert_eq!(entry.state().page_validated, bit == 0x101);
        assert_eq!(entry.page_type() == PageType::Vmsa, bit == 0x102);
        assert_eq!(entry.page_type() == PageType::Metadata, bit == 0x103);
        assert_eq!(entry.page_size() == PageSize::Size2M, bit == 0x104);
        assert_eq!(entry.state().gpa != 0, (0x10c..0x140).contains(&bit));
        assert_eq!(entry.state().vmpl_perms != 0, (0x140..0x180).contains(&bit));
    }
    let mut both = [0; 64];
    both[0x20] = 0b1100;
    assert_eq!(MdataEntry::from_bytes(&both), Err(Status::INVALID_MDATA_ENTRY));
}

#[test]
fn numbers_of_types_and_sizes() {
    for page_type in [PageType::Data, PageType::Metadata, PageType::Vmsa] {
        assert_eq!(PageType::from_bits(page_type as u8), Ok(page_type));
    }
    for bits in 3..=u8::MAX {
        assert_eq!(PageType::from_bits(bits), Err(Status::INVALID_PAGE_STATE));
    }
    for size in [PageSize::Size4K, PageSize::Size2M] {
        assert_eq!(PageSize::from_bytes(size.bytes()), Some(size));
    }
    for bytes in [0, 1, 4095, 4097, (2 << 20) - 4096, (2 << 20) + 1, 1 << 30] {
        assert_eq!(PageSize::from_bytes(bytes), None);
    }
}

#[test]
fn large_pages() {
    let page: Vec<u8> = (0..2 << 20).map(|i: u32| (i % 251) as u8).collect();
    for mut key in keys(u64::MAX / 3) {
        let mut bytes = page.clone();
        let mut entry = key.swap_out_in_place(Contents::Data(STATE), 0, &mut bytes).unwrap();
        assert_eq!(entry.page_size(), PageSize::Size2M);
        assert_eq!(entry.to_bytes()[0x20] & 0x10, 0x10);
        assert!(bytes != page);
        let mut small = [0xee; 4096];
        let refused = key.swap_in(PageType::Data, &mut entry, &bytes[..4096], &mut small);
        assert_eq!((refused, small), (Err(Status::INVALID_PAGE_SIZE), [0xee; 4096]));
        key.swap_in_place(PageType::Data, &mut entry, &mut bytes).unwrap();
        assert!(bytes == page);
    }
}

#[test]
fn the_count_ends() {
    for count in [OEK_IV_COUNT_LIMIT, u64::MAX] {
        for mut key in keys(count) {
            let mut page = [5; 4096];
            let refused = key.swap_out_in_place(Contents::Data(STATE), 0, &mut page);
            assert_eq!(refused, Err(Status::AEAD_OFLOW));
            assert_eq!((key.iv_count(), page), (count, [5; 4096]));
        }
    }
    for mut key in keys(OEK_IV_COUNT_LIMIT - 1) {
        let mut page = [5; 4096];
        let mut entry = key.swap_out_in_place(Contents::Data(STATE), 0, &mut page).unwrap();
        assert_eq!((entry.iv(), key.iv_count()), (u64::MAX - 2, u64::MAX - 1));
        assert_eq!(
            key.swap_out_in_place(Contents::Metadata, 0, &mut page),
            Err(Status::AEAD_OFLOW)
        );
        key.swap_in_place(PageType::Data, &mut entry, &mut page).unwrap();
        assert_eq!(page, [5; 4096]);
    }
}

/// Sizes are looked at before the count (SWAP_OUT, checks 5 and 8).
#[test]
fn sizes_going_out() {
    for mut key in keys(OEK_IV_COUNT_LIMIT) {
        for (source, destination) in [(0, 0), (4095, 4095), (4096, 4095), (4096, 2 << 20), (64, 64)]
        {
            let mut to = vec![0xee; destination];
            let refused = key.swap_out(Contents::Metadata, 0, &vec![1; source], &mut to);
            assert_eq!(refused, Err(Status::INVALID_PAGE_SIZE), "{source} to {destination}");
            assert!(to.iter().all(|byte| *byte == 0xee));
        }
        let refused = key.swap_out_in_place(Contents::Metadata, 0, &mut [1; 8192]);
        assert_eq!(refused, Err(Status::INVALID_PAGE_SIZE));
        assert_eq!(key.iv_count(), OEK_IV_COUNT_LIMIT);
    }
}

/// Each refusal, with what stands behind it in the order of checks wrong as well.
#[test]
fn refusals_coming_in() {
    for mut key in keys(0) {
        let mut page = [9; 4096];
        let mut entry = key.swap_out_in_place(Contents::Vmsa(STATE), 0, &mut page).unwrap();
        let sealed = page;
        let mut wrong = page;
        wrong[4095] ^= 1;

        for other in [PageType::Data, PageType::Metadata] {
            let refused = key.swap_in_place(other, &mut entry, &mut wrong[..4095]);
            assert_eq!(refused, Err(Status::INVALID_MDATA_ENTRY), "{other:?}");
        }
        let bytes = entry.to_bytes();
        let changed = |at: usize, bit: u8| {
            let mut changed = bytes;
            changed[at] ^= 1 << bit;
            MdataEntry::from_bytes(&changed).unwrap()
        };
        let mut not_valid = changed(0x20, 0);
        let refused = key.swap_in_place(PageType::Vmsa, &mut not_valid, &mut wrong[..4095]);
        assert_eq!(refused, Err(Status::INVALID_MDATA_ENTRY));

        let refused = key.swap_in_place(PageType::Vmsa, &mut entry, &mut wrong[..4095]);
        assert_eq!(refused, Err(Status::INVALID_PAGE_SIZE));
        let mut large = changed(0x20, 4);
        let refused = key.swap_in_place(PageType::Vmsa, &mut large, &mut wrong);
        assert_eq!(refused, Err(Status::INVALID_PAGE_SIZE));
        let mut two_mib = vec![1; 2 << 20];
        let refused = key.swap_in_place(PageType::Vmsa, &mut large, &mut two_mib);
        assert_eq!(refused, Err(Status::INVALID_PAGE_SIZE), "a VMSA is small");
        let mut to = [0xee; 4095];
        let refused = key.swap_in(PageType::Vmsa, &mut entry, &page, &mut to);
        assert_eq!((refused, to), (Err(Status::INVALID_PAGE_SIZE), [0xee; 4095]));
        assert_eq!(wrong[..4095], sealed[..4095], "nothing was written");

        // Count and tag.
        for at in 0x08..0x20 {
            let mut forged = changed(at, at as u8 % 8);
            let mut page = sealed;
            let refused = key.swap_in_place(PageType::Vmsa, &mut forged, &mut page);
            assert_eq!((refused, page), (Err(Status::BAD_MEASUREMENT), [0; 4096]), "at {at:#x}");
            assert!(forged.valid());
        }
        let mut to = [0xee; 4096];
        let refused = key.swap_in(PageType::Vmsa, &mut entry, &wrong, &mut to);
        assert_eq!((refused, to), (Err(Status::BAD_MEASUREMENT), [0; 4096]));
        assert!(entry.valid(), "the right page may still come");

        key.swap_in(PageType::Vmsa, &mut entry, &sealed, &mut to).unwrap();
        assert_eq!((to, entry.state()), ([9; 4096], STATE));
        let refused = key.swap_in(PageType::Vmsa, &mut entry, &sealed, &mut to);
        assert_eq!((refused, to), (Err(Status::INVALID_MDATA_ENTRY), [9; 4096]), "a second time");
    }
}

/// What the module's text says: nothing but count and tag is tied to the page.
#[test]
fn what_is_not_authenticated() {
    for mut key in keys(0) {
        let mut page = [9; 4096];
        let entry = key.swap_out_in_place(Contents::Data(STATE), 1, &mut page).unwrap();
        // SOFTWARE_DATA; PAGE_VALIDATED; GPA; VMPL permissions.
        for (at, bit) in [(0, 0), (0x20, 1), (0x21, 4), (0x27, 7), (0x28, 0), (0x2f, 7)] {
            let mut bytes = entry.to_bytes();
            bytes[at] ^= 1 << bit;
            let mut other = MdataEntry::from_bytes(&bytes).unwrap();
            let mut opened = page;
            assert_eq!(key.swap_in_place(PageType::Data, &mut other, &mut opened), Ok(()));
            assert_eq!(opened, [9; 4096]);
        }
        let mut bytes = entry.to_bytes();
        bytes[0x20] ^= 1 << 2;
        let mut vmsa = MdataEntry::from_bytes(&bytes).unwrap();
        assert_eq!(key.swap_in_place(PageType::Vmsa, &mut vmsa, &mut page), Ok(()));
    }
}

/// Bits below a page are no part of an address.
#[test]
fn addresses_are_those_of_pages() {
    for mut key in keys(0) {
        let state = PageState { gpa: 0x1234_5fff, ..STATE };
        let entry = key.swap_out_in_place(Contents::Data(state), 0, &mut [0; 4096]).unwrap();
        assert_eq!(entry.state(), STATE);
        assert_eq!(entry.to_bytes()[0x20..0x22], [0x03, 0x50]);
    }
}

proptest! {
    #[test]
    fn any_entry(bytes in proptest::collection::vec(any::<u8>(), 64)) {
        let mut bytes: [u8; 64] = bytes.try_into().unwrap();
        let both = bytes[0x20] & 0b1100 == 0b1100;
        match MdataEntry::from_bytes(&bytes) {
            Err(status) => prop_assert!(both && status == Status::INVALID_MDATA_ENTRY),
            Ok(entry) => {
                prop_assert!(!both);
                bytes[0x20] &= 0x1f;
                bytes[0x21] &= 0xf0;
                bytes[0x30..].fill(0);
                prop_assert_eq!(entry.to_bytes(), bytes);
            }
        }
    }
}
