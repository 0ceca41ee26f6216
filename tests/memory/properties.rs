//! Relations that hold for every key, address and length.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering};

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256};
use proptest::prelude::*;
use sevcrypt::mem::{self, GuestBytes, MemoryCipher, Mode, Run, Tweak};
use sevcrypt::{Backend, Block, PhysAddr};

use crate::{at, backends, every_mode, painted};

/// A run: which bytes, where, under which of the keys.
#[derive(Clone, Debug)]
struct Case {
    seed: u8,
    addr: PhysAddr,
    bytes: Vec<u8>,
    /// How far the host memory is from an alignment of 64 bytes.
    skew: usize,
}

/// The longest run: it has whole pages between two partial ones.
const LONGEST: usize = 3 * 4096 + 2048;

prop_compose! {
    fn cases()(
        seed in any::<u8>(),
        place in prop_oneof![
            // Anywhere; shortly before a page ends; ending with the address space.
            (0u64..1 << 48).prop_map(|block| 16 * block),
            (1u64..1 << 40, 1u64..8).prop_map(|(page, blocks)| 4096 * page - 16 * blocks),
            Just(u64::MAX),
        ],
        blocks in prop_oneof![
            // Shorter than, equal to and longer than the kernels' groups of 1, 4 and 8 blocks.
            0usize..=17, 17..=LONGEST / 16, Just(256), Just(512),
        ],
        skew in 0usize..64,
    )(
        bytes in prop::collection::vec(any::<u8>(), 16 * blocks),
        (seed, place, skew) in Just((seed, place, skew)),
    ) -> Case {
        let addr = at(place.min((1 << 52) - bytes.len() as u64).min((1 << 52) - 16));
        Case { seed, addr, bytes, skew }
    }
}

impl Case {
    /// Runs `work` on the bytes in place, at the case's alignment. Checks that nothing beside them changes.
    fn in_place(&self, work: impl FnOnce(&mut [u8])) -> Vec<u8> {
        const GUARD: usize = 128;
        let mut memory = vec![0xa5; 3 * GUARD + self.bytes.len()];
        let start = GUARD + (64 - memory.as_ptr() as usize % 64) % 64 + self.skew % 64;
        let range = start..start + self.bytes.len();
        memory[range.clone()].copy_from_slice(&self.bytes);
        work(&mut memory[range.clone()]);
        assert!(memory[..range.start].iter().all(|byte| *byte == 0xa5), "before the range");
        assert!(memory[range.end..].iter().all(|byte| *byte == 0xa5), "behind the range");
        memory[range].to_vec()
    }

    fn encrypted(&self, cipher: &MemoryCipher) -> Vec<u8> {
        self.in_place(|memory| cipher.encrypt(self.addr, memory).unwrap())
    }

    fn blocks(&self) -> impl Iterator<Item = (PhysAddr, Block)> {
        let blocks = self.bytes.as_chunks::<16>().0.iter().copied();
        (0..).map(|i| at(self.addr.get() + 16 * i)).zip(blocks)
    }
}

fn xor(a: Block, b: Block) -> Block {
    std::array::from_fn(|i| a[i] ^ b[i])
}

/// The formula of each mode, on a block cipher that the engine's kernels have no part in.
fn by_definition(case: &Case, cipher: &MemoryCipher, aes: impl Fn(Block) -> Block) -> Vec<u8> {
    case.blocks()
        .flat_map(|(addr, plain)| {
            let tweak = cipher.tweak().value(addr).expect("in range");
            let block = aes(xor(plain, tweak));
            if cipher.mode() == Mode::Xe { block } else { xor(block, tweak) }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn every_backend_computes_the_definition(case in cases()) {
        let (short, long) = ([case.seed; 16], [case.seed.wrapping_add(1); 32]);
        let (short, long) = (Aes128::new(&short.into()), Aes256::new(&long.into()));
        let portable = every_mode(case.seed, Backend::portable());
        let wanted: Vec<_> = portable
            .iter()
            .enumerate()
            .map(|(i, cipher)| {
                by_definition(&case, cipher, |block| {
                    let mut block = block.into();
                    if i % 2 == 0 { short.encrypt_block(&mut block) } else { long.encrypt_block(&mut block) }
                    block.into()
                })
            })
            .collect();
        for backend in Backend::available() {
            for (cipher, wanted) in every_mode(case.seed, backend).iter().zip(&wanted) {
                prop_assert_eq!(&case.encrypted(cipher), wanted, "{:?} encrypts", cipher);
                let cipher_text = Case { bytes: wanted.clone(), ..case.clone() };
                let plain = cipher_text.in_place(|memory| cipher.decrypt(case.addr, memory).unwrap());
                prop_assert_eq!(&plain, &case.bytes, "{:?} decrypts", cipher);
            }
        }
    }

    #[test]
    fn a_run_is_its_parts(case in cases(), part in prop::sample::select(vec![16u64, 64, 4096])) {
        for cipher in Backend::available().flat_map(|backend| every_mode(case.seed, backend)) {
            let whole = case.encrypted(&cipher);
            let parts = case.in_place(|mut memory| {
                let mut addr = case.addr;
                while !memory.is_empty() {
                    let room = (part - addr.get() % part) as usize;
                    let (now, rest) = memory.split_at_mut(room.min(memory.len()));
                    cipher.encrypt(addr, &mut *now).unwrap();
                    // At the very end the sum is no address, and there is nothing left.
                    addr = addr.checked_add(now.len() as u64).unwrap_or(addr);
                    memory = rest;
                }
            });
            prop_assert_eq!(whole, parts, "{:?} in parts of {}", cipher, part);
        }
    }

    #[test]
    fn every_kind_of_memory_is_the_same(case in cases()) {
        for cipher in Backend::available().flat_map(|backend| every_mode(case.seed, backend)) {
            let exclusive = case.encrypted(&cipher);
            let mut copy = vec![0; case.bytes.len()];
            cipher.encrypt_to(case.addr, &case.bytes[..], &mut copy[..]).unwrap();
            prop_assert_eq!(&copy, &exclusive, "{:?} to another buffer", cipher);

            let cells: Vec<_> = case.bytes.iter().map(|byte| Cell::new(*byte)).collect();
            cipher.encrypt(case.addr, &cells[..]).unwrap();
            let cells: Vec<_> = cells.into_iter().map(Cell::into_inner).collect();
            prop_assert_eq!(&cells, &exclusive, "{:?} in cells", cipher);

            let shared: Vec<_> = case.bytes.iter().map(|byte| AtomicU8::new(*byte)).collect();
            cipher.encrypt(case.addr, &shared[..]).unwrap();
            let bytes: Vec<_> = shared.iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
            prop_assert_eq!(&bytes, &exclusive, "{:?} in atomics", cipher);
            cipher.decrypt_to(case.addr, &shared[..], &mut copy[..]).unwrap();
            prop_assert_eq!(&copy, &case.bytes, "{:?} from atomics", cipher);
        }
    }

    #[test]
    fn a_list_is_its_entries(case in cases(), order in prop::sample::subsequence((0..40u64).collect::<Vec<_>>(), 1..=40).prop_shuffle()) {
        // Scattered pieces of different lengths: more than one batch of the kernels.
        let pieces: Vec<_> = order
            .iter()
            .map(|i| {
                let len = (16 * (1 + i * 7 % 37) as usize).min(case.bytes.len());
                let addr = case.addr.get() ^ (i << 13 & ((1 << 52) - 1));
                (at(addr.min((1 << 52) - len as u64)), &case.bytes[..len])
            })
            .collect();
        for cipher in Backend::available().flat_map(|backend| every_mode(case.seed, backend)) {
            let mut alone: Vec<_> = pieces.iter().map(|(_, bytes)| vec![0; bytes.len()]).collect();
            let mut listed = alone.clone();
            for ((addr, bytes), out) in pieces.iter().zip(&mut alone) {
                cipher.encrypt_to(*addr, *bytes, &mut out[..]).unwrap();
            }
            let runs: Vec<_> = pieces
                .iter()
                .zip(&mut listed)
                .map(|((addr, bytes), out)| Run::new(*addr, *bytes, &mut out[..]))
                .collect();
            cipher.encrypt_runs(&runs).unwrap();
            prop_assert_eq!(&listed, &alone, "{:?}", cipher);
            let back: Vec<_> = pieces
                .iter()
                .zip(&mut listed)
                .map(|((addr, _), out)| Run::in_place(*addr, &mut out[..]))
                .collect();
            cipher.decrypt_runs(&back).unwrap();
            prop_assert!(listed.iter().zip(&pieces).all(|(out, (_, bytes))| out == bytes));
        }
    }

    #[test]
    fn a_kept_page_tweak_changes_nothing(case in cases()) {
        let len = case.bytes.len().min(4096 - case.addr.page_offset());
        let case = Case { bytes: case.bytes[..len].to_vec(), ..case };
        for cipher in Backend::available().flat_map(|backend| every_mode(case.seed, backend)) {
            let kept = cipher.tweak().page_tweak(case.addr).unwrap();
            let encrypted = case.in_place(|memory| cipher.encrypt_in_page(&kept, case.addr, memory).unwrap());
            prop_assert_eq!(&encrypted, &case.encrypted(&cipher), "{:?}", cipher);
            let back = Case { bytes: encrypted, ..case.clone() }
                .in_place(|memory| cipher.decrypt_in_page(&kept, case.addr, memory).unwrap());
            prop_assert_eq!(&back, &case.bytes, "{:?}", cipher);
        }
    }

    #[test]
    fn moving_is_decrypting_and_encrypting(case in cases(), other in cases()) {
        let new = at(other.addr.get().min((1 << 52) - case.bytes.len() as u64));
        for backend in Backend::available() {
            let (from, to) = (every_mode(case.seed, backend), every_mode(other.seed, backend));
            for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (from, to))) {
                let moved = case.in_place(|memory| {
                    let memory = GuestBytes::from(memory);
                    mem::move_page((from, case.addr), (to, new), memory, memory).unwrap();
                });
                let in_steps = case.in_place(|memory| {
                    from.decrypt(case.addr, &mut *memory).unwrap();
                    to.encrypt(new, memory).unwrap();
                });
                prop_assert_eq!(moved, in_steps, "{:?} to {:?}", from, to);
            }
        }
    }

    /// Du et al. 2017: under XE, ciphertext read at another address is the plaintext with a known change.
    #[test]
    fn xe_moved_ciphertext(case in cases(), other in cases()) {
        let (p, q) = (case.addr, other.addr);
        for backend in Backend::available() {
            let cipher = MemoryCipher::xe(&[case.seed; 16], Tweak::from_seed(&[case.seed]), backend).unwrap();
            let tweak = |addr| cipher.tweak().value(addr).unwrap();
            for plain in case.bytes.as_chunks::<16>().0.iter().take(4) {
                let mut block = *plain;
                cipher.encrypt(p, &mut block).unwrap();
                cipher.decrypt(q, &mut block).unwrap();
                prop_assert_eq!(block, xor(*plain, xor(tweak(p), tweak(q))));
            }
        }
    }

    /// SEVurity 2020: under XEX the same holds once the ciphertext is changed by d = T(p) ^ T(q) = T(p ^ q).
    #[test]
    fn xex_moved_ciphertext(case in cases(), other in cases()) {
        let (p, q) = (case.addr, other.addr);
        for backend in Backend::available() {
            let cipher = MemoryCipher::xex(&[case.seed; 16], Tweak::from_seed(&[case.seed]), backend).unwrap();
            let tweak = |addr| cipher.tweak().value(addr).unwrap();
            let d = xor(tweak(p), tweak(q));
            prop_assert_eq!(d, tweak(at(p.get() ^ q.get())));
            for plain in case.bytes.as_chunks::<16>().0.iter().take(4) {
                let mut block = *plain;
                cipher.encrypt(p, &mut block).unwrap();
                block = xor(block, d);
                cipher.decrypt(q, &mut block).unwrap();
                prop_assert_eq!(block, xor(*plain, d));
            }
        }
    }
}

/// Li et al. 2019, CipherLeaks, and the bus attacks of 2024-25: a block written again at its address has its
/// old ciphertext, and old ciphertext put back is accepted.
#[test]
fn same_block_same_address_same_ciphertext() {
    for cipher in backends().into_iter().flat_map(|backend| every_mode(9, backend)) {
        let written = |text: &Block| {
            let mut block = *text;
            cipher.encrypt(at(0x7650), &mut block).unwrap();
            block
        };
        let (old, new) = (written(b"balance: 1000000"), written(b"balance: 0000000"));
        assert_ne!(old, new);
        assert_eq!(old, written(b"balance: 1000000"), "{cipher:?}");
        let mut replayed = old;
        cipher.decrypt(at(0x7650), &mut replayed).unwrap();
        assert_eq!(&replayed, b"balance: 1000000");
    }
}

/// A run may read what one before it has written: lines alone, lines in a row, pieces of lines.
#[test]
fn a_list_is_done_in_its_order() {
    let chain =
        [(0, 64, 64), (64, 384, 320), (384, 768, 64), (400, 1040, 304), (768, 0, 16), (0, 16, 16)];
    for backend in backends() {
        for cipher in every_mode(9, backend) {
            let fresh = || (0..2048).map(|i| Cell::new(i as u8)).collect::<Vec<_>>();
            let (together, alone) = (fresh(), fresh());
            fn runs(cells: &[Cell<u8>], chain: [(usize, usize, usize); 6]) -> [Run<'_>; 6] {
                chain.map(|(src, dst, len)| {
                    let (src, addr) = (&cells[src..src + len], at(0x4000 + dst as u64));
                    Run::new(addr, src, &cells[dst..dst + len])
                })
            }
            cipher.encrypt_runs(&runs(&together, chain)).unwrap();
            for run in runs(&alone, chain) {
                cipher.encrypt_runs(&[run]).unwrap();
            }
            assert_eq!(together, alone, "{cipher:?}");
        }
    }
}

/// A block and a line alone have kernels of their own: every place in a page, the tweak kept or not, both ways.
#[test]
fn blocks_and_lines_in_a_page() {
    for backend in backends() {
        for cipher in every_mode(11, backend) {
            let page = at(0x1234_5000);
            let (plain, mut encrypted) = (painted(4096), painted(4096));
            cipher.encrypt(page, &mut encrypted[..]).unwrap();
            let kept = cipher.tweak().page_tweak(page).unwrap();
            for len in [16, 32, 48, 64] {
                for start in (0..=4096 - len).step_by(16) {
                    let (range, addr) = (start..start + len, at(page.get() + start as u64));
                    let mut out = vec![0; len];
                    let source = &plain[range.clone()];
                    cipher.encrypt_in_page_to(&kept, addr, source, &mut out[..]).unwrap();
                    assert_eq!(out, encrypted[range.clone()], "{cipher:?} {addr} {len}");
                    cipher.decrypt_to(addr, &encrypted[range.clone()], &mut out[..]).unwrap();
                    assert_eq!(out, plain[range.clone()], "{cipher:?} {addr} {len}, nothing kept");
                    cipher.encrypt(addr, &mut out[..]).unwrap();
                    assert_eq!(
                        out,
                        encrypted[range.clone()],
                        "{cipher:?} {addr} {len}, nothing kept"
                    );
                    cipher.decrypt_in_page(&kept, addr, &mut out[..]).unwrap();
                    assert_eq!(out, plain[range], "{cipher:?} {addr} {len}");
                }
            }
        }
    }
}
