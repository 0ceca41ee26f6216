//! Guest memory of the `vm-memory` crate.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sevcrypt::MemoryError;
use sevcrypt::mem::vm_memory::{GuestMemoryError, Mapping};
use vm_memory::bitmap::{AtomicBitmap, Bitmap};
use vm_memory::{
    Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion, VolatileSlice,
};

use crate::{at, backends, every_mode, painted};

type Dram = GuestMemoryMmap<AtomicBitmap>;

/// Two regions that touch, a hole, one more.
fn dram() -> Dram {
    let dram = Dram::from_ranges(&[
        (GuestAddress(0x1000), 0x2000),
        (GuestAddress(0x3000), 0x3000),
        (GuestAddress(0x8000), 0x1000),
    ])
    .unwrap();
    dram.write_slice(&painted(0x5000), GuestAddress(0x1000)).unwrap();
    for region in dram.iter() {
        (**region).bitmap().reset();
    }
    dram
}

fn contents(dram: &Dram) -> Vec<u8> {
    let mut bytes = vec![0; 0x5000];
    dram.read_slice(&mut bytes, GuestAddress(0x1000)).unwrap();
    bytes
}

/// The guest pages that the dirty bitmaps name.
fn dirty(dram: &Dram) -> Vec<u64> {
    let pages = dram.iter().flat_map(|region| {
        let start = region.start_addr().0;
        (0..region.len())
            .step_by(4096)
            .filter(move |offset| region.bitmap().dirty_at(*offset as usize))
            .map(move |offset| start + offset)
    });
    pages.collect()
}

#[test]
fn a_run_over_two_regions() {
    for cipher in backends().into_iter().flat_map(|backend| every_mode(7, backend)) {
        let dram = dram();
        // From inside the first region into the second: guest 0x2800 to 0x4010, system 0x9_0000_0800.
        let (guest, system, len) = (GuestAddress(0x2800), at(0x9_0000_0800), 0x1810);
        let mut wanted = painted(0x5000);
        cipher.encrypt(system, &mut wanted[0x1800..0x1800 + len]).unwrap();

        cipher.encrypt_guest_memory(&dram, guest, len, system).unwrap();
        assert_eq!(contents(&dram), wanted, "{cipher:?}");
        assert_eq!(dirty(&dram), [0x2000, 0x3000, 0x4000], "{cipher:?}");

        cipher.decrypt_guest_memory(&dram, guest, len, system).unwrap();
        assert_eq!(contents(&dram), painted(0x5000), "{cipher:?}");
    }
}

#[test]
fn one_slice_through_a_mapping() {
    for cipher in backends().into_iter().flat_map(|backend| every_mode(7, backend)) {
        let dram = dram();
        let slice = dram.get_slice(GuestAddress(0x3000), 0x2000).unwrap();
        let mapping = Mapping::new(&slice);
        let line = mapping.bytes().subrange(0x1040, 64).unwrap();
        cipher.encrypt(at(0x40), line).unwrap();
        assert_eq!(dirty(&dram), [0x4000], "only the page that was written");
        cipher.decrypt(at(0x40), line).unwrap();
        assert_eq!(contents(&dram), painted(0x5000));
    }
}

#[test]
fn refusals_write_nothing() {
    let cipher = every_mode(7, sevcrypt::Backend::best()).remove(2);
    let dram = dram();
    let hole = cipher.encrypt_guest_memory(&dram, GuestAddress(0x5000), 0x2000, at(0)).unwrap_err();
    assert!(matches!(hole, GuestMemoryError::Unmapped { .. }), "{hole:?}");
    assert!(hole.to_string().starts_with("no guest memory to read and write at 0x6000"), "{hole}");

    let odd = cipher.encrypt_guest_memory(&dram, GuestAddress(0x2008), 0x18, at(0)).unwrap_err();
    assert!(
        matches!(odd, GuestMemoryError::Range(MemoryError::UnalignedLength { len: 0x18 })),
        "{odd:?}"
    );

    let split = cipher.encrypt_guest_memory(&dram, GuestAddress(0x2ff8), 0x20, at(0)).unwrap_err();
    assert!(
        matches!(split, GuestMemoryError::SplitBlock { at: GuestAddress(0x3000) }),
        "{split:?}"
    );

    let beyond =
        cipher.encrypt_guest_memory(&dram, GuestAddress(0x2000), 0x2000, at((1 << 52) - 0x1000));
    assert!(matches!(
        beyond.unwrap_err(),
        GuestMemoryError::Range(MemoryError::BeyondTweak { .. })
    ));

    cipher.encrypt_guest_memory(&dram, GuestAddress(0x2000), 0, at(0)).expect("nothing to do");
    assert_eq!((contents(&dram), dirty(&dram)), (painted(0x5000), vec![]));
}

/// A vCPU that writes while the host encrypts its neighbour page.
#[test]
fn a_vcpu_writes_meanwhile() {
    for cipher in backends().into_iter().flat_map(|backend| every_mode(7, backend)) {
        let dram = dram();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut value = 0u64;
                while !done.load(Ordering::Relaxed) {
                    dram.write_obj(value, GuestAddress(0x2000 + value % 0x200 * 8)).unwrap();
                    value += 1;
                }
            });
            for _ in 0..20 {
                cipher.encrypt_guest_memory(&dram, GuestAddress(0x1000), 0x3000, at(0)).unwrap();
                cipher.decrypt_guest_memory(&dram, GuestAddress(0x1000), 0x3000, at(0)).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        let (now, before) = (contents(&dram), painted(0x5000));
        assert_eq!(now[..0x1000], before[..0x1000], "{cipher:?}");
        assert_eq!(now[0x2000..], before[0x2000..], "{cipher:?}");
    }
}

/// A slice that does not come from a `GuestMemory`.
#[test]
fn a_plain_slice() {
    let cipher = every_mode(7, sevcrypt::Backend::best()).remove(4);
    let (mut memory, mut wanted) = (painted(4096), painted(4096));
    cipher.encrypt(at(0x1000), &mut wanted[..]).unwrap();
    let slice = VolatileSlice::from(&mut memory[..]);
    cipher.encrypt(at(0x1000), Mapping::new(&slice).bytes()).unwrap();
    assert_eq!(memory, wanted);
}
