//! Every refusal: its value, its sentence, and that no byte was written before it.

use sevcrypt::mem::{self, GuestBytes, GuestSource, MemoryCipher, Run, Tweak, XtsUnit};
use sevcrypt::{
    AddressError, Backend, BackendKind, KeyError, KeySize, MemoryError, PhysAddr, RunError,
    TweakTableError,
};

use crate::{at, backends, every_mode, painted};

/// Runs `work` on painted memory; checks that it fails as wanted, says so, and changes nothing.
fn refused(
    wanted: MemoryError,
    sentence: &str,
    len: usize,
    work: impl Fn(&mut [u8]) -> Result<(), MemoryError>,
) {
    let mut memory = painted(len);
    assert_eq!(work(&mut memory), Err(wanted));
    assert_eq!(memory, painted(len), "nothing was written");
    assert_eq!(wanted.to_string(), sentence);
}

#[test]
fn addresses_and_lengths() {
    for cipher in backends().into_iter().flat_map(|backend| every_mode(3, backend)) {
        let wanted = MemoryError::UnalignedAddress { addr: 0x1008 };
        refused(wanted, "address 0x1008 is not a multiple of 16", 64, |memory| {
            cipher.encrypt(at(0x1008), memory)
        });
        let wanted = MemoryError::UnalignedLength { len: 4095 };
        refused(wanted, "a length of 4095 bytes is not a multiple of 16", 4095, |memory| {
            cipher.decrypt(at(0x1000), memory)
        });
        let wanted = MemoryError::BeyondTweak { addr: (1 << 52) - 16, len: 32, bits: 52 };
        let sentence = "32 bytes at 0xffffffffffff0 go beyond the tweak: it has 52 address bits, so addresses must be below 0x10000000000000";
        refused(wanted, sentence, 32, |memory| cipher.encrypt(at((1 << 52) - 16), memory));
    }
}

#[test]
fn addresses_beyond_a_table() {
    for backend in backends() {
        let cipher = MemoryCipher::xe(&[1; 16], Tweak::zen1(), backend).unwrap();
        let mut last = [0; 16];
        cipher.encrypt(at(0xffff_fff0), &mut last).expect("the last block of the table");
        let wanted = MemoryError::BeyondTweak { addr: 0xffff_fff0, len: 32, bits: 32 };
        let sentence = "32 bytes at 0xfffffff0 go beyond the tweak: it has 32 address bits, so addresses must be below 0x100000000";
        refused(wanted, sentence, 32, |memory| cipher.encrypt(at(0xffff_fff0), memory));
        assert_eq!(cipher.tweak().value(at(1 << 32)), None);
        assert!(cipher.tweak().page_tweak(at(1 << 32)).is_err());
    }
}

#[test]
fn a_tweak_of_few_constants() {
    let cipher = MemoryCipher::xex(&[1; 16], Tweak::linear(&[]).unwrap(), Backend::best()).unwrap();
    cipher.encrypt(at(0), &mut [0; 16]).expect("one block, at address 0");
    assert!(cipher.encrypt(at(16), &mut [0; 16]).is_err());

    // A table that ends inside a page.
    let tweak = Tweak::linear(&[[7; 16]; 3]).unwrap();
    assert_eq!(tweak.address_bits(), 7);
    let cipher = MemoryCipher::xex(&[1; 16], tweak, Backend::best()).unwrap();
    let mut memory = [0; 128];
    cipher.encrypt(at(0), &mut memory).expect("the eight blocks that the table has");
    assert!(cipher.encrypt(at(0), &mut [0; 144]).is_err());

    assert_eq!(Tweak::linear(&[[0; 16]; 49]).err(), Some(TweakTableError { constants: 49 }));
    assert_eq!(
        TweakTableError { constants: 49 }.to_string(),
        "49 tweak constants: at most 48 are used, one per address bit from 4 to 51"
    );
}

#[test]
fn two_buffers() {
    for cipher in backends().into_iter().flat_map(|backend| every_mode(3, backend)) {
        let wanted = MemoryError::Lengths { src: 32, dst: 48 };
        let sentence = "the source has 32 bytes and the destination 48: they must be equal";
        refused(wanted, sentence, 48, |memory| cipher.encrypt_to(at(0), &[0; 32], memory));

        for (src, dst, distance) in [(0, 16, 16), (16, 0, -16)] {
            let wanted = MemoryError::Overlap { distance, len: 32 };
            let sentence = format!(
                "source and destination of 32 bytes overlap, {distance} bytes apart: they must be the same or disjoint"
            );
            refused(wanted, &sentence, 64, |memory| {
                let bytes = GuestBytes::from(memory);
                let (src, dst) =
                    (bytes.subrange(src, 32).unwrap(), bytes.subrange(dst, 32).unwrap());
                cipher.encrypt_to(at(0), src, dst)
            });
        }
        let mut memory = painted(64);
        let bytes = GuestBytes::from(&mut memory[..]);
        let (low, high) = (bytes.subrange(0, 32).unwrap(), bytes.subrange(32, 32).unwrap());
        cipher.encrypt_to(at(0), low, high).expect("neighbours do not overlap");
        cipher.encrypt_to(at(0), low, low).expect("the same memory is in place");
    }
}

#[test]
fn lists() {
    for cipher in backends().into_iter().flat_map(|backend| every_mode(3, backend)) {
        let (mut good, mut bad) = (painted(64), painted(24));
        let runs = [Run::in_place(at(0), &mut good[..]), Run::in_place(at(0x1000), &mut bad[..])];
        let wanted = RunError { index: 1, error: MemoryError::UnalignedLength { len: 24 } };
        assert_eq!(cipher.encrypt_runs(&runs), Err(wanted));
        assert_eq!(cipher.decrypt_runs(&runs), Err(wanted));
        assert_eq!((good, bad), (painted(64), painted(24)), "no entry was written");
        assert_eq!(wanted.to_string(), "entry 1: a length of 24 bytes is not a multiple of 16");
        cipher.encrypt_runs(&[]).expect("nothing to do");
    }
}

#[test]
fn kept_page_tweaks() {
    for cipher in backends().into_iter().flat_map(|backend| every_mode(3, backend)) {
        let kept = cipher.tweak().page_tweak(at(0x5123)).unwrap();
        assert_eq!(kept.page(), at(0x5000));
        for (addr, len) in [(0x4ff0, 16), (0x6000, 16), (0x5ff0, 32)] {
            let wanted = MemoryError::OtherPage { page: 0x5000, addr, len };
            let sentence = format!("{len} bytes at {addr:#x} are not inside the page at 0x5000");
            refused(wanted, &sentence, len, |memory| {
                cipher.encrypt_in_page(&kept, at(addr), memory)
            });
        }
    }
    let linear = Tweak::zen1();
    let xts = Tweak::xts(&[1; 16], XtsUnit::Page, Backend::best());
    let kept = xts.page_tweak(at(0)).unwrap();
    let cipher = MemoryCipher::xe(&[2; 16], &linear, Backend::best()).unwrap();
    let sentence = "the kept page tweak was made by another kind of tweak than the cipher's";
    refused(MemoryError::OtherTweak, sentence, 16, |memory| {
        cipher.encrypt_in_page(&kept, at(0), memory)
    });
}

#[test]
fn moves() {
    for cipher in backends().into_iter().flat_map(|backend| every_mode(3, backend)) {
        let wanted = MemoryError::UnalignedAddress { addr: 0x18 };
        let sentence = "address 0x18 is not a multiple of 16";
        refused(wanted, sentence, 2048, |memory| {
            let memory = GuestBytes::from(memory);
            mem::move_page((&cipher, at(0)), (&cipher, at(0x18)), memory, memory)
        });
        refused(wanted, sentence, 2048, |memory| {
            let memory = GuestBytes::from(memory);
            mem::move_page((&cipher, at(0x18)), (&cipher, at(0)), memory, memory)
        });
    }
}

#[test]
fn keys_and_tweaks() {
    let backend = Backend::best();
    let tweak = Tweak::xts(&[1; 32], XtsUnit::Page, backend);
    let equal = MemoryCipher::xts(&[1; 32], &tweak, backend).err();
    assert_eq!(equal, Some(KeyError::EqualKeys));
    assert!(KeyError::EqualKeys.to_string().contains("differs from the data key"));

    let sizes = MemoryCipher::xts(&[2; 16], &tweak, backend).err();
    let wanted = KeyError::KeySizes { data: KeySize::Aes128, tweak: KeySize::Aes256 };
    assert_eq!(sizes, Some(wanted));
    assert_eq!(
        wanted.to_string(),
        "XTS needs two keys of one size, but the data key is 16 bytes (AES-128) and the tweak key 32 bytes (AES-256)"
    );
    // Equal first halves are not equal keys, and neither is a short key that begins a long one.
    let mut half = [1; 32];
    half[31] = 2;
    MemoryCipher::xts(&half, &tweak, backend).expect("the last byte differs");

    let linear = MemoryCipher::xts(&[2; 32], &Tweak::zen1(), backend).err();
    assert_eq!(linear, Some(KeyError::XtsTweakNeeded));
    assert_eq!(
        MemoryCipher::xe(&[2; 16], &tweak, backend).err(),
        Some(KeyError::LinearTweakNeeded)
    );
    assert_eq!(
        MemoryCipher::xex(&[2; 16], &tweak, backend).err(),
        Some(KeyError::LinearTweakNeeded)
    );
}

#[test]
fn numbers_that_are_no_address() {
    for addr in [1 << 52, u64::MAX] {
        assert_eq!(PhysAddr::new(addr), Err(AddressError { addr }));
    }
    assert_eq!(
        AddressError { addr: 1 << 52 }.to_string(),
        "0x10000000000000 is not a physical address: it must be below 2^52"
    );
    assert_eq!(at((1 << 52) - 16).checked_add(u64::MAX), None);
}

#[test]
fn parts_of_memory() {
    let mut memory = [0; 64];
    let bytes = GuestBytes::from(&mut memory);
    for (offset, len) in [(0, 65), (64, 1), (65, 0), (usize::MAX, 1), (1, usize::MAX)] {
        assert!(bytes.subrange(offset, len).is_none());
        assert!(GuestSource::from(bytes).subrange(offset, len).is_none());
    }
    assert!(bytes.subrange(64, 0).expect("the end").is_empty());
}

#[test]
fn names_of_backends() {
    for kind in BackendKind::ALL {
        assert_eq!(kind.name().parse(), Ok(*kind));
    }
    let unknown = "sse9".parse::<BackendKind>().unwrap_err();
    assert!(unknown.to_string().contains("portable, aesni"), "{unknown}");
    for &kind in BackendKind::ALL {
        match Backend::new(kind) {
            Ok(backend) => assert_eq!((backend.kind(), kind.missing().count()), (kind, 0)),
            Err(why) => assert!(why.to_string().contains(kind.name()), "{why}"),
        }
    }
}
