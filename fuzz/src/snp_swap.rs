//! Pages that the host keeps: what SWAP_OUT made comes back, once by each entry, and nothing else does.

use sevcrypt::snp::swap::{Contents, MdataEntry, PageState, PageType, SwapKey};
use sevcrypt::{Backend, PageSize, Status};

/// A page that is out. The entry stands where the host cannot write.
struct Out {
    entry: MdataEntry,
    ciphertext: Vec<u8>,
    plain: Vec<u8>,
}

/// Commands of four bytes: what to do, with which page, two bytes for a type or a bit. Contents and entries that nobody has
/// made are the bytes behind the command, which stay.
pub fn snp_swap(data: &[u8]) {
    let mut key = SwapKey::new(&[0x80; 32], 7, Backend::best());
    let mut out: Vec<Out> = Vec::new();
    let mut rest = data;
    for _ in 0..32 {
        let Some(([command, which, low, high], behind)) = rest.split_first_chunk() else { return };
        rest = behind;
        let number = u16::from_le_bytes([*low, *high]);
        let which = usize::from(*which) % out.len().max(1);
        match (command % 4, out.get_mut(which)) {
            (1, Some(page)) => back(&key, page),
            (2, Some(page)) => changed(&key, page, number.into()),
            (3, page) => forged(&key, rest, page.as_deref()),
            _ => out.extend(swapped_out(&mut key, rest, number)),
        }
    }
}

fn page_type(number: u16) -> Option<PageType> {
    PageType::from_bits(number as u8 % 4).ok()
}

fn swapped_out(key: &mut SwapKey, bytes: &[u8], number: u16) -> Option<Out> {
    let state = PageState {
        gpa: u64::from(number) << 12,
        page_validated: number & 16 != 0,
        vmpl_perms: number.into(),
    };
    let contents = match page_type(number)? {
        PageType::Data => Contents::Data(state),
        PageType::Metadata => Contents::Metadata,
        PageType::Vmsa => Contents::Vmsa(state),
    };
    let len = if number & 0xe00 == 0xe00 { 4080 } else { 4096 };
    let plain: Vec<u8> = bytes.iter().chain(&[7]).copied().cycle().take(len).collect();
    let mut ciphertext = vec![0xee; 4096];
    let count = key.iv_count();
    match key.swap_out(contents, 3, &plain, &mut ciphertext) {
        Ok(entry) => {
            assert_eq!((len, entry.iv(), key.iv_count()), (4096, count, count + 1));
            assert_eq!((entry.page_type(), entry.valid()), (contents.page_type(), true));
            if !matches!(contents, Contents::Metadata) {
                assert_eq!(entry.state(), state);
            }
            assert_eq!(MdataEntry::from_bytes(&entry.to_bytes()).as_ref(), Ok(&entry));
            Some(Out { entry, ciphertext, plain })
        }
        Err(status) => {
            assert_eq!((len, status), (4080, Status::INVALID_PAGE_SIZE));
            assert!(ciphertext == [0xee; 4096], "nothing was written");
            None
        }
    }
}

/// The page is back, if its entry was not used before.
fn back(key: &SwapKey, out: &mut Out) {
    let page_type = out.entry.page_type();
    for other in [PageType::Data, PageType::Metadata, PageType::Vmsa] {
        let mut page = out.ciphertext.clone();
        if other != page_type {
            let refused = key.swap_in_place(other, &mut out.entry, &mut page);
            assert_eq!(refused, Err(Status::INVALID_MDATA_ENTRY));
            assert_eq!(page, out.ciphertext);
        }
    }
    let was_valid = out.entry.valid();
    let mut page = out.ciphertext.clone();
    let done = key.swap_in_place(page_type, &mut out.entry, &mut page);
    assert!(!out.entry.valid());
    assert_eq!(done, if was_valid { Ok(()) } else { Err(Status::INVALID_MDATA_ENTRY) });
    assert_eq!(page, if was_valid { &out.plain } else { &out.ciphertext }[..]);
}

/// A bit of the page, or of the count or the tag in an entry: the page is not the entry's.
fn changed(key: &SwapKey, out: &Out, bit: usize) {
    let mut entry = out.entry.to_bytes();
    entry[0x20] |= 1;
    let mut ciphertext = out.ciphertext.clone();
    match bit / 8 {
        at @ 8..0x20 => entry[at] ^= 1 << (bit % 8),
        at => ciphertext[at % 4096] ^= 1 << (bit % 8),
    }
    let mut entry = MdataEntry::from_bytes(&entry).expect("its type is as it was");
    let mut page = vec![0xee; 4096];
    let refused = key.swap_in(out.entry.page_type(), &mut entry, &ciphertext, &mut page);
    assert_eq!(refused, Err(Status::BAD_MEASUREMENT));
    assert!(entry.valid() && page == [0; 4096]);
}

/// An entry of any bytes.
fn forged(key: &SwapKey, bytes: &[u8], out: Option<&Out>) {
    let Some(bytes) = bytes.first_chunk() else { return };
    let both = bytes[0x20] & 0xc == 0xc;
    let mut entry = match MdataEntry::from_bytes(bytes) {
        Ok(entry) => entry,
        Err(status) => return assert!(both && status == Status::INVALID_MDATA_ENTRY),
    };
    assert!(!both);
    let again = MdataEntry::from_bytes(&entry.to_bytes()).expect("what is written is read");
    assert_eq!(again, entry);
    let ciphertext = out.map_or_else(|| vec![7; 4096], |out| out.ciphertext.clone());
    let mut page = vec![0xee; 4096];
    let page_type = entry.page_type();
    let (valid, page_size) = (entry.valid(), entry.page_size());
    let refused = key.swap_in(page_type, &mut entry, &ciphertext, &mut page);
    let is_own = out.is_some_and(|out| {
        (out.entry.iv(), out.entry.auth_tag()) == (entry.iv(), entry.auth_tag())
    });
    let expected = match (valid, page_size) {
        (false, _) => Err(Status::INVALID_MDATA_ENTRY),
        (true, PageSize::Size2M) => Err(Status::INVALID_PAGE_SIZE),
        (true, PageSize::Size4K) if is_own => Ok(()),
        (true, PageSize::Size4K) => Err(Status::BAD_MEASUREMENT),
    };
    assert_eq!(refused, expected);
}
