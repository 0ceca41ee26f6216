//! The controller against slow models of it, its known answers, and threads.

use core::ops::Range;
use std::boxed::Box;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use std::vec::Vec;
use std::{format, thread};

use super::slots::channel_key;
use super::*;
use crate::addr::{Block, GuestPhysAddr};
use crate::snp::tcb::Product;

const GUEST: DramKey = DramKey::Slot(Asid::new(1));
const SEED: [u8; 32] = [3; 32];
const TWEAK: [u8; 32] = [1; 32];

/// Every cipher that there is.
const CIPHERS: [(Generation, Encryption); 5] = [
    (Generation::NaplesXe, Encryption::Aes128),
    (Generation::Naples, Encryption::Aes128),
    (Generation::Milan, Encryption::Aes128),
    (Generation::Turin, Encryption::Aes128),
    (Generation::Genoa, Encryption::Aes256Xts),
];

fn at(addr: u64) -> PhysAddr {
    PhysAddr::new(addr).unwrap()
}

fn config((generation, encryption): (Generation, Encryption)) -> ControllerConfig<'static> {
    ControllerConfig { encryption, ..ControllerConfig::new(generation, &TWEAK, &[2; 32]) }
}

/// Sixteen pages, and a guest's key in slot 1.
fn controller(config: ControllerConfig<'_>) -> MemoryController {
    let memory = MemoryController::new(HeapDram::new(16 << 12).unwrap(), config).unwrap();
    memory.install_key(Asid::new(1), &SEED).unwrap();
    memory
}

fn milan() -> MemoryController {
    controller(config((Generation::Milan, Encryption::Aes128)))
}

fn read(memory: &MemoryController<impl Dram>, key: DramKey, addr: u64, len: usize) -> Vec<u8> {
    let mut out = std::vec![0xa5; len];
    memory.read(key, at(addr), &mut out).unwrap();
    out
}

fn block(memory: &MemoryController, key: DramKey, addr: u64) -> Block {
    read(memory, key, addr, 16).try_into().unwrap()
}

fn painted(len: usize, salt: usize) -> Vec<u8> {
    (0..len).map(|i| ((i + salt) % 251) as u8).collect()
}

fn hex(digits: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(digits).expect("hexadecimal digits")
}

/// One page of DRAM, anywhere.
struct OnePage(PhysAddr, Box<[AtomicU8]>);

impl OnePage {
    fn new(addr: PhysAddr) -> Self {
        Self(addr.page(), (0..PAGE).map(|_| AtomicU8::new(0)).collect())
    }
}

impl Dram for OnePage {
    fn ranges(&self) -> Vec<Range<u64>> {
        let start = self.0.get();
        std::vec![start..start + PAGE as u64]
    }

    fn holds(&self, addr: PhysAddr, len: u64) -> bool {
        addr.page() == self.0 && addr.page_offset() as u64 + len <= PAGE as u64
    }

    fn with<R>(
        &self,
        addr: PhysAddr,
        len: usize,
        work: impl FnOnce(GuestBytes<'_>) -> R,
    ) -> Option<R> {
        self.holds(addr, len as u64)
            .then(|| work(GuestBytes::from(&self.1[addr.page_offset()..][..len])))
    }
}

/// The blocks of `vectors/memory` for the profiles that a controller has as they are.
#[test]
fn known_answers() {
    let key: [u8; 32] = core::array::from_fn(|i| i as u8);
    let tweak: [u8; 32] = core::array::from_fn(|i| 0x80 + i as u8);
    let plain: Vec<u8> = (0..16).map(|i| 7 * i).collect();
    let zen1 = |generation| (generation, Encryption::Aes128);
    let xts = (Generation::Genoa, Encryption::Aes256Xts);
    for (what, addr, answer) in [
        (zen1(Generation::NaplesXe), 0x0, "dee1f2b1545b5cc3b88189b4d54ec0c9"),
        (zen1(Generation::NaplesXe), 0x1234_5670, "1dcc90f56ee0e1300f1426f11548280d"),
        (zen1(Generation::NaplesXe), 0xffff_f030, "f0b000192e5a4588f6e56369715504d7"),
        (zen1(Generation::Naples), 0x1234_5670, "f98af1208aa680e5eb524724f10e49d8"),
        (zen1(Generation::Naples), 0xffff_f030, "5cae691082442c815afb0a60dd4b6dde"),
        (xts, 0x0, "6d77943b5b5a2fefa53fc5165b5a5649"),
        (xts, 0x1234_5670, "5a2c7eb4a37878992d9dd61b76ed4747"),
        (xts, 0x100_0000_0000, "8b92a0cb1d8c9c2a5bd4a1c0aa356557"),
        (xts, 0x123_4567_8fc0, "3d58234e22143f8dfe61732d00fc73ab"),
        (xts, 0x7_ffff_ffff_f010, "e0442a416e95bca3f5a6c3b7dd46b30f"),
    ] {
        for backend in Backend::available() {
            let config = ControllerConfig { tweak_seed: &tweak, backend, ..config(what) };
            let memory = MemoryController::new(OnePage::new(at(addr)), config).unwrap();
            memory.slots.install_raw(Asid::new(1), &key);
            memory.write(GUEST, at(addr), &plain).unwrap();
            assert_eq!(read(&memory, DramKey::None, addr, 16), hex(answer), "{what:?} {addr:#x}");
            // Byte by byte, each time with what is there already.
            memory.write(DramKey::None, at(addr), &[0; 16]).unwrap();
            for (i, byte) in plain.iter().enumerate() {
                memory.write(GUEST, at(addr + i as u64), &[*byte]).unwrap();
            }
            assert_eq!(read(&memory, DramKey::None, addr, 16), hex(answer), "{what:?} {addr:#x}");
            assert_eq!(read(&memory, GUEST, addr, 16), plain);
        }
    }
}

/// Computed by another implementation, in Python.
#[test]
fn keys_of_channels() {
    let seed = core::array::from_fn(|i| i as u8);
    let first = "56cf6eb7e76b8dacd67c747bfad45e8057e83258fc2e3b07d7090b6140d20697";
    let last = "de5ca94a9940527ffba21ae8a5b4d271522306af4bb962407cc09c8e4cb7391d";
    assert_eq!(channel_key(&seed, 0)[..], hex(first));
    assert_eq!(channel_key(&seed, 11)[..], hex(last));
}

/// DRAM against ciphers made by hand, for every slot state: AES-128 takes the first half of a key.
#[test]
fn a_slot_is_a_cipher_of_the_engine() {
    let linear = Tweak::from_seed(&TWEAK);
    let xts = Tweak::xts(&TWEAK, XtsUnit::Page, Backend::best());
    for encryption in [Encryption::Aes128, Encryption::Aes256Xts] {
        let memory = controller(config((Generation::Genoa, encryption)));
        for (asid, seed) in [(0, [2; 32]), (1, SEED), (2, [0; 32]), (1006, [0; 32])] {
            let key = channel_key(&seed, 0);
            let cipher = match encryption {
                Encryption::Aes128 => {
                    MemoryCipher::xex(key.first_chunk::<16>().unwrap(), &linear, Backend::best())
                }
                Encryption::Aes256Xts => MemoryCipher::xts(&*key, &xts, Backend::best()),
            }
            .unwrap();
            let mut page = painted(PAGE, 7);
            memory.write(DramKey::Slot(Asid::new(asid)), at(0x3000), &page).unwrap();
            cipher.encrypt(at(0x3000), &mut page[..]).unwrap();
            assert_eq!(read(&memory, DramKey::None, 0x3000, PAGE), page, "{encryption:?} {asid}");
        }
    }
}

/// A model: the bytes themselves, enciphered as a whole.
struct Model {
    memory: MemoryController,
    plain: Vec<u8>,
}

impl Model {
    fn new(config: ControllerConfig<'_>) -> Self {
        let memory = controller(config);
        let plain = painted(16 << 12, 3);
        memory.write(GUEST, at(0), &plain).unwrap();
        Self { memory, plain }
    }

    fn write(&mut self, addr: usize, bytes: &[u8]) {
        self.memory.write(GUEST, at(addr as u64), bytes).unwrap();
        self.plain[addr..addr + bytes.len()].copy_from_slice(bytes);
    }

    /// `len` bytes around an address, and DRAM there.
    #[track_caller]
    fn check(&self, addr: usize, len: usize) {
        assert_eq!(read(&self.memory, GUEST, addr as u64, len), self.plain[addr..addr + len]);
    }

    #[track_caller]
    fn check_dram(&self) {
        let fresh = controller(ControllerConfig {
            interleave: Box::new(Same(
                self.memory.interleave.channels(),
                self.memory.interleave.granule(),
            )),
            ..config((self.memory.generation(), self.memory.encryption()))
        });
        for (n, block) in self.plain.chunks(16).enumerate() {
            fresh.write(GUEST, at(n as u64 * 16), block).unwrap();
        }
        let all = self.plain.len();
        assert!(
            read(&fresh, DramKey::None, 0, all) == read(&self.memory, DramKey::None, 0, all),
            "the same ciphertext block by block"
        );
    }
}

/// Round robin, in other words.
struct Same(u32, u64);

impl Interleave for Same {
    fn channels(&self) -> u32 {
        self.0
    }

    fn channel(&self, addr: PhysAddr) -> u32 {
        (addr.get() / self.1 % u64::from(self.0)) as u32
    }

    fn granule(&self) -> u64 {
        self.1
    }
}

#[test]
fn every_alignment_and_length() {
    let maps: [fn() -> Box<dyn Interleave>; 4] = [
        || Box::new(OneChannel),
        || Box::new(RoundRobin { channels: 3, granule: 64 }),
        || Box::new(RoundRobin { channels: 2, granule: 256 }),
        || Box::new(RoundRobin { channels: 5, granule: 8192 }),
    ];
    for (n, map) in maps.into_iter().enumerate() {
        for cipher in CIPHERS {
            let mut model = Model::new(ControllerConfig { interleave: map(), ..config(cipher) });
            // Inside a page, and over the border of two.
            for base in [0x2000, 0x5000 - 64] {
                for offset in 0..33 {
                    for len in (0..100).chain([127, 128, 129, 4096, 4097]) {
                        // All of them with the cipher that is hardest, a sample with the others.
                        if n > 0 && (offset * 7 + len) % 5 != 0 {
                            continue;
                        }
                        model.write(base + offset, &painted(len, offset * 31 + len));
                        model.check(base + offset - 20, len + 40);
                        model.check(base + offset, len);
                    }
                }
            }
            model.check(0, 16 << 12);
            model.check_dram();
        }
    }
}

#[test]
fn plain_accesses_are_bytes_of_dram() {
    let memory = milan();
    for (addr, len) in [(0x0fff, 2), (0x1003, 5), (0x1ff0, 4200), (0x4000, 0)] {
        let bytes = painted(len, addr as usize);
        memory.write(DramKey::None, at(addr), &bytes).unwrap();
        assert_eq!(read(&memory, DramKey::None, addr, len), bytes);
        let dram = &memory.dram().bytes()[addr as usize..][..len];
        assert!(dram.iter().zip(&bytes).all(|(cell, byte)| cell.load(Ordering::Relaxed) == *byte));
    }
}

/// Ciphertext from `from`, put at `to` with a change, as the guest reads it there.
fn replayed(memory: &MemoryController, from: u64, to: u64, change: Block) -> Block {
    let cipher = block(memory, DramKey::None, from);
    let changed: Block = core::array::from_fn(|i| cipher[i] ^ change[i]);
    memory.write(DramKey::None, at(to), &changed).unwrap();
    block(memory, GUEST, to)
}

/// What was published of the modes' weaknesses is there: Du et al. 2017 (XE), SEVurity 2020 (XEX), replay (all).
#[test]
fn published_attacks_work() {
    let message = *b"sixteen bytes 16";
    let (p, q) = (0x3450, 0x9a20);
    for cipher in CIPHERS {
        let memory = controller(config(cipher));
        let tweak = |addr| memory.slots.tweak().value(at(addr)).unwrap();
        let difference: Block = core::array::from_fn(|i| tweak(p)[i] ^ tweak(q)[i]);
        let with = |m: Block| -> Block { core::array::from_fn(|i| m[i] ^ difference[i]) };

        memory.write(GUEST, at(p), &message).unwrap();
        let old = block(&memory, DramKey::None, p);
        match cipher.0 {
            Generation::NaplesXe => {
                assert_eq!(replayed(&memory, p, q, [0; 16]), with(message), "Du et al.");
            }
            _ => assert_eq!(replayed(&memory, p, q, difference), with(message), "SEVurity"),
        }
        if cipher.0 != Generation::NaplesXe {
            assert_ne!(replayed(&memory, p, q, [0; 16]), message, "moved ciphertext");
        }

        // At its own address, old ciphertext is as good as new; and equal plaintext is seen.
        memory.write(GUEST, at(p), &[0; 16]).unwrap();
        assert_ne!(block(&memory, DramKey::None, p), old);
        memory.write(DramKey::None, at(p), &old).unwrap();
        assert_eq!(block(&memory, GUEST, p), message, "replay");
        memory.write(GUEST, at(p), &[0; 16]).unwrap();
        memory.write(GUEST, at(p), &message).unwrap();
        assert_eq!(block(&memory, DramKey::None, p), old, "deterministic");
    }
}

#[test]
fn two_channels_have_two_keys() {
    for encryption in [Encryption::Aes128, Encryption::Aes256Xts] {
        let in_channel = |channel: u32| {
            /// Everything in one of two channels.
            struct All(u32);
            impl Interleave for All {
                fn channels(&self) -> u32 {
                    2
                }
                fn channel(&self, _: PhysAddr) -> u32 {
                    self.0
                }
                fn granule(&self) -> u64 {
                    4096
                }
            }
            let config = config((Generation::Genoa, encryption));
            let memory =
                controller(ControllerConfig { interleave: Box::new(All(channel)), ..config });
            memory.write(GUEST, at(0x1230), &[7; 16]).unwrap();
            block(&memory, DramKey::None, 0x1230)
        };
        assert_ne!(in_channel(0), in_channel(1));
        assert_eq!(in_channel(2), in_channel(0), "a map that is wrong does no harm");
    }
}

#[test]
fn two_guests_have_two_keys() {
    let memory = milan();
    memory.install_key(Asid::new(2), &[4; 32]).unwrap();
    memory.write(GUEST, at(0x1230), &[7; 16]).unwrap();
    let other = DramKey::Slot(Asid::new(2));
    assert_ne!(block(&memory, other, 0x1230), [7; 16]);
    let first = block(&memory, DramKey::None, 0x1230);
    memory.write(other, at(0x1230), &[7; 16]).unwrap();
    assert_ne!(block(&memory, DramKey::None, 0x1230), first);
}

#[test]
fn refused_accesses_change_nothing() {
    let memory = milan();
    let end = 16 << 12;
    memory.write(DramKey::None, at(0), &painted(end as usize, 1)).unwrap();
    let no_dram = |addr, len| Err(AccessError::NoDram { addr, len });
    let no_slot = Err(AccessError::NoSlot { asid: Asid::new(510), slots: 510 });
    for key in [DramKey::None, GUEST] {
        for (addr, len) in [(end - 8, 9), (end, 1), (end - 8000, 8001), ((1 << 52) - 1, 64)] {
            let (addr, bytes) = (at(addr), std::vec![0; len]);
            assert_eq!(memory.write(key, addr, &bytes), no_dram(addr, len as u64));
            assert_eq!(memory.read(key, addr, &mut bytes.clone()), no_dram(addr, len as u64));
            let hidden = memory.read_hiding(key, addr, &mut bytes.clone(), |_| true);
            assert_eq!(hidden, no_dram(addr, len as u64));
        }
        let not_pages = |addr, len| Err(AccessError::NotPages { addr: at(addr), len });
        assert_eq!(memory.rekey(key, GUEST, at(0x10), 4096), not_pages(0x10, 4096));
        assert_eq!(memory.rekey(key, GUEST, at(0x1000), 4097), not_pages(0x1000, 4097));
        assert_eq!(memory.rekey(key, GUEST, at(0), end + 4096), no_dram(at(0), end + 4096));
        assert_eq!(memory.rekey(key, GUEST, at(0x1000), !0xfff), no_dram(at(0x1000), !0xfff));
        let list = [at(0x1000), at(0x2010)];
        assert_eq!(memory.rekey_pages(key, GUEST, &list), not_pages(0x2010, 4096));
        let list = [at(0x1000), at(end)];
        assert_eq!(memory.rekey_pages(key, GUEST, &list), no_dram(at(end), 4096));
        let (here, there) = ((key, at(0x1000)), (GUEST, at(end)));
        assert_eq!(memory.move_page(here, there), no_dram(at(end), 4096));
        assert_eq!(memory.move_page(there, here), no_dram(at(end), 4096));
        assert_eq!(memory.move_page((key, at(1)), here), not_pages(1, 4096));
        let write = |pages: &[PhysAddr], len| memory.write_pages(key, pages, &std::vec![0; len]);
        assert_eq!(write(&[at(0x1000), at(0x2010)], 8192), not_pages(0x2010, 4096));
        assert_eq!(write(&[at(0x1000), at(end)], 8192), no_dram(at(end), 4096));
        assert_eq!(write(&[at(0x1000), at(0x2000)], 4096), not_pages(0x1000, 4096));
    }
    let nobody = DramKey::Slot(Asid::new(510));
    assert_eq!(memory.write(nobody, at(0), &[0; 8]), no_slot);
    assert_eq!(memory.read(nobody, at(0), &mut [0; 8]), no_slot);
    assert_eq!(memory.rekey(DramKey::None, nobody, at(0), 8192), no_slot);
    assert_eq!(memory.rekey_pages(nobody, DramKey::None, &[at(0)]), no_slot);
    assert_eq!(memory.move_page((GUEST, at(0)), (nobody, at(0))), no_slot);
    assert_eq!(memory.write_pages(nobody, &[at(0)], &[0; PAGE]), no_slot);
    assert_eq!(memory.install_key(Asid::new(510), &[0; 32]), no_slot);
    assert!(memory.install_key(Asid::new(509), &[1; 32]).is_ok());
    assert_eq!(read(&memory, DramKey::None, 0, end as usize), painted(end as usize, 1));
    // Nothing at the end is no access.
    assert_eq!(memory.write(GUEST, at(end), &[]), Ok(()));
}

#[test]
fn beyond_the_tweak() {
    let config = config((Generation::Naples, Encryption::Aes128));
    let memory = MemoryController::new(OnePage::new(at(1 << 32)), config).unwrap();
    let beyond = |len| Err(AccessError::BeyondTweak { addr: at(1 << 32), len, bits: 32 });
    assert_eq!(memory.write(GUEST, at(1 << 32), &[0]), beyond(1));
    assert_eq!(memory.rekey(DramKey::None, GUEST, at(1 << 32), 4096), beyond(4096));
    assert_eq!(memory.write(DramKey::None, at(1 << 32), &[0]), Ok(()));
}

#[test]
fn configurations_that_are_refused() {
    let made = |config| MemoryController::new(HeapDram::new(4096).unwrap(), config).map(|_| ());
    let genoa = (Generation::Genoa, Encryption::Aes256Xts);
    for generation in
        [Generation::NaplesXe, Generation::Naples, Generation::Rome, Generation::Milan]
    {
        let refused = made(config((generation, Encryption::Aes256Xts)));
        assert_eq!(refused, Err(ControllerError::NoXts { generation }));
    }
    let mapped = |channels, granule| {
        let interleave = Box::new(RoundRobin { channels, granule });
        made(ControllerConfig { interleave, ..config(genoa) })
    };
    for channels in [0, 257] {
        assert_eq!(mapped(channels, 64), Err(ControllerError::Channels { channels }));
    }
    for granule in [0, 32, 96, u64::MAX] {
        assert_eq!(mapped(2, granule), Err(ControllerError::Granule { granule }));
    }
    assert_eq!(mapped(256, 1 << 63), Ok(()));
    // A tweak key that is also a data key.
    let equal = ControllerConfig { tweak_seed: &channel_key(&[0; 32], 0), ..config(genoa) };
    assert_eq!(made(equal), Err(ControllerError::Key(KeyError::EqualKeys)));
    let tweak_seed = channel_key(&[9; 32], 0);
    let memory = controller(ControllerConfig { tweak_seed: &tweak_seed, ..config(genoa) });
    let equal = Err(AccessError::Key(KeyError::EqualKeys));
    assert_eq!(memory.install_key(Asid::new(1), &[9; 32]), equal);

    assert_eq!(HeapDram::new(4095).err(), Some(HeapDramError::NotPages { size: 4095 }));
    let size = 1 << 63;
    assert_eq!(HeapDram::new(size).err(), Some(HeapDramError::NoMemory { size }));
}

#[test]
fn memory_that_nobody_touches_costs_nothing() {
    // With 32 bits nothing is larger than 2 GiB.
    let size = if usize::BITS == 32 { 1 << 30 } else { 3 << 30 };
    let memory = MemoryController::new(
        HeapDram::new(size).unwrap(),
        config((Generation::Milan, Encryption::Aes128)),
    )
    .unwrap();
    memory.write(GUEST, at(size - 3), &[1, 2, 3]).unwrap();
    assert_eq!(read(&memory, GUEST, size - 3, 3), [1, 2, 3]);
    assert_eq!(read(&memory, DramKey::None, size / 2, 64), [0; 64]);
}

#[test]
fn hiding() {
    let memory = milan();
    memory.write(GUEST, at(0x1ff0), &painted(0x1020, 5)).unwrap();
    let mut out = std::vec![0; 0x1020];
    memory.read_hiding(DramKey::None, at(0x1ff0), &mut out, |page| page == at(0x2000)).unwrap();
    let mut wanted = read(&memory, DramKey::None, 0x1ff0, 0x1020);
    wanted[0x10..0x1010].fill(0xff);
    assert_eq!(out, wanted);
    memory.read_hiding(GUEST, at(0x1ff0), &mut out, |_| false).unwrap();
    assert_eq!(out, painted(0x1020, 5));
}

/// Every pair of keys, in place, in a list, and from page to page.
#[test]
fn pages_change_their_key_and_place() {
    for granule in [4096, 256, 64] {
        for cipher in CIPHERS {
            let interleave = Box::new(RoundRobin { channels: 3, granule });
            let memory = controller(ControllerConfig { interleave, ..config(cipher) });
            memory.install_key(Asid::new(2), &[4; 32]).unwrap();
            let other = DramKey::Slot(Asid::new(2));
            for (from, to) in [
                (DramKey::None, GUEST),
                (GUEST, DramKey::None),
                (GUEST, GUEST),
                (GUEST, other),
                (DramKey::None, DramKey::None),
            ] {
                let three = painted(3 << 12, 11);
                memory.write(from, at(0x2000), &three).unwrap();
                memory.rekey(from, to, at(0x2000), 3 << 12).unwrap();
                assert_eq!(read(&memory, to, 0x2000, 3 << 12), three, "{cipher:?} {from:?} {to:?}");

                memory.write(from, at(0x2000), &three).unwrap();
                memory.rekey_pages(from, to, &[at(0x4000), at(0x2000)]).unwrap();
                for (page, key) in [(0, to), (1, from), (2, to)] {
                    let wanted = &three[page << 12..][..PAGE];
                    assert_eq!(read(&memory, key, 0x2000 + ((page as u64) << 12), PAGE), wanted);
                }

                memory.write(from, at(0x3000), &three[..PAGE]).unwrap();
                memory.move_page((from, at(0x3000)), (to, at(0x8000))).unwrap();
                assert_eq!(read(&memory, to, 0x8000, PAGE), three[..PAGE]);
                assert_eq!(read(&memory, from, 0x3000, PAGE), three[..PAGE], "the source stays");
                assert_eq!(read(&memory, DramKey::None, 0x9000, PAGE), [0; PAGE]);
            }
        }
    }
}

/// DRAM with one lock of its own for all of it.
struct OneLock {
    dram: HeapDram,
    lock: Mutex<()>,
    /// Whether somebody has the lock.
    is_locked: AtomicBool,
}

impl OneLock {
    fn controller() -> MemoryController<Self> {
        let dram = HeapDram::new(16 << 12).unwrap();
        let dram = Self { dram, lock: Mutex::new(()), is_locked: AtomicBool::new(false) };
        let memory =
            MemoryController::new(dram, config((Generation::Milan, Encryption::Aes128))).unwrap();
        memory.install_key(Asid::new(1), &SEED).unwrap();
        memory
    }
}

impl Dram for OneLock {
    fn ranges(&self) -> Vec<Range<u64>> {
        self.dram.ranges()
    }

    fn holds(&self, addr: PhysAddr, len: u64) -> bool {
        self.dram.holds(addr, len)
    }

    fn with<R>(
        &self,
        addr: PhysAddr,
        len: usize,
        work: impl FnOnce(GuestBytes<'_>) -> R,
    ) -> Option<R> {
        // A writer comes late: a reader has the time to be ahead of it, if it can be.
        if thread::current().name() == Some("writer") {
            for _ in 0..100 {
                if self.is_locked.load(Ordering::SeqCst) {
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
        let _held = self.lock.lock().unwrap();
        self.is_locked.store(true, Ordering::SeqCst);
        let result = self.dram.with(addr, len, work);
        self.is_locked.store(false, Ordering::SeqCst);
        result
    }
}

/// Runs threads that are to come to an end.
type Work = Box<dyn FnOnce() + Send>;

fn all_end(threads: Vec<(&str, Work)>) {
    let (done, wait) = mpsc::channel();
    let count = threads.len();
    for (name, work) in threads {
        let done = done.clone();
        let work = move || {
            work();
            done.send(()).unwrap();
        };
        thread::Builder::new().name(name.into()).spawn(work).unwrap();
    }
    for _ in 0..count {
        wait.recv_timeout(Duration::from_secs(20)).expect("nobody waits for ever");
    }
}

/// The controller's locks come first, DRAM's own after them, for reads as for writes.
#[test]
fn dram_may_have_a_lock() {
    for key in [GUEST, DramKey::None] {
        let memory = Arc::new(OneLock::controller());
        let reader = Arc::clone(&memory);
        let writer = Arc::clone(&memory);
        all_end(std::vec![
            ("writer", Box::new(move || writer.write(key, at(0x1003), &[1; 40]).unwrap()) as _),
            (
                "reader",
                Box::new(move || {
                    // After the writer has begun.
                    thread::sleep(Duration::from_millis(50));
                    assert_eq!(read(&reader, key, 0x1003, 40), [1; 40]);
                }),
            ),
        ]);
    }
}

/// Lists of pages are written as each of them would be: runs that are longer than is done at a time, pages out of order, and one
/// twice, of which the later text stays.
#[test]
fn lists_of_pages() {
    let lists: [&[u64]; 6] = [
        &[],
        &[5],
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        &[3, 4, 9, 10, 11, 2, 1, 0, 15],
        &[7, 8, 8, 9, 7, 8],
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1],
    ];
    for channels in [1, 3] {
        for cipher in CIPHERS {
            for key in [GUEST, DramKey::None] {
                for list in lists {
                    let [one, other] = [(); 2].map(|()| {
                        let interleave = Box::new(RoundRobin { channels, granule: 256 });
                        controller(ControllerConfig { interleave, ..config(cipher) })
                    });
                    let pages: Vec<_> = list.iter().map(|page| at(page << 12)).collect();
                    let text = painted(pages.len() << 12, 7);
                    one.write_pages(key, &pages, &text).unwrap();
                    for (page, text) in pages.iter().zip(text.chunks(PAGE)) {
                        other.write(key, *page, text).unwrap();
                    }
                    let [one, other] =
                        [&one, &other].map(|it| read(it, DramKey::None, 0, 16 << 12));
                    assert!(one == other, "{channels} channels, {cipher:?} {key:?} {list:?}");
                }
            }
        }
    }
    let locked = OneLock::controller();
    locked.write_pages(GUEST, &[at(0x1000), at(0x2000)], &painted(2 << 12, 3)).unwrap();
    assert_eq!(read(&locked, GUEST, 0x1000, 2 << 12), painted(2 << 12, 3));
}

/// Lists that lie over one another, moves and single writes at the same time: nobody waits for ever, and every page is in the end
/// as one of them wrote it.
#[test]
fn lists_over_one_another() {
    let memory = Arc::new(milan());
    let work = |first: u64| {
        let memory = Arc::clone(&memory);
        move || {
            let pages: Vec<_> = (first..first + 12).map(|page| at(page << 12)).collect();
            for round in 0..200 {
                let text = std::vec![round as u8; pages.len() << 12];
                memory.write_pages(GUEST, &pages, &text).unwrap();
                memory.move_page((GUEST, pages[round % 12]), (GUEST, pages[11])).unwrap();
                memory.write(GUEST, at((first + 3) << 12), &[round as u8; PAGE]).unwrap();
            }
        }
    };
    all_end(std::vec![
        ("low", Box::new(work(0)) as _),
        ("middle", Box::new(work(2)) as _),
        ("high", Box::new(work(4)) as _),
    ]);
    for page in 0..16 {
        let text = read(&memory, GUEST, page << 12, PAGE);
        assert!(text.iter().all(|byte| *byte == text[0]), "page {page} is of two writers");
    }
}

/// No access to DRAM is done in another one.
#[test]
fn moves_touch_one_page_at_a_time() {
    for (from, to) in [(GUEST, DramKey::Slot(Asid::new(2))), (DramKey::None, DramKey::None)] {
        let memory = Arc::new(OneLock::controller());
        memory.write(from, at(0x3000), &painted(PAGE, 5)).unwrap();
        let mover = Arc::clone(&memory);
        let work = move || {
            mover.move_page((from, at(0x3000)), (to, at(0x5000))).unwrap();
            mover.rekey(from, to, at(0x3000), 1 << 12).unwrap();
        };
        all_end(std::vec![("mover", Box::new(work) as _)]);
        for page in [0x3000, 0x5000] {
            assert_eq!(read(&memory, to, page, PAGE), painted(PAGE, 5));
        }
    }
}

#[test]
fn cursors_see_new_keys_and_know_their_controller() {
    let (one, other) = (milan(), controller(config((Generation::Genoa, Encryption::Aes256Xts))));
    let mut cursor = one.cursor();
    let mut read = |memory: &MemoryController, key| {
        let mut out = [0; 16];
        memory.read_with(&mut cursor, key, at(0x1000), &mut out).unwrap();
        assert_eq!(out, block(memory, key, 0x1000), "as without it");
        out
    };
    one.write(GUEST, at(0x1000), &[1; 16]).unwrap();
    other.write(GUEST, at(0x1000), &[2; 16]).unwrap();
    assert_eq!(read(&one, GUEST), [1; 16]);
    assert_eq!(read(&other, GUEST), [2; 16]);
    assert_eq!(read(&one, GUEST), [1; 16]);
    assert_ne!(read(&one, DramKey::Slot(Asid::HOST)), [1; 16]);
    one.install_key(Asid::new(1), &[9; 32]).unwrap();
    assert_ne!(read(&one, GUEST), [1; 16]);
    one.install_key(Asid::new(1), &SEED).unwrap();
    assert_eq!(read(&one, GUEST), [1; 16]);
    one.reset_keys();
    assert_ne!(read(&one, GUEST), [1; 16]);
    assert_eq!(read(&one, GUEST), read(&one, DramKey::Slot(Asid::new(2))), "the seed of zeroes");
}

/// More pages than a cursor keeps, in an order without pattern.
#[test]
fn cursors_with_many_pages() {
    for cipher in CIPHERS {
        let memory = controller(config(cipher));
        let (mut small, mut large) = (PageCursor::<2>::new(), memory.cursor());
        let mut plain = std::vec![0; 16 << 12];
        memory.write(GUEST, at(0), &plain).unwrap();
        for n in 0..500_usize {
            let addr = n * 7919 % (plain.len() - 24);
            let bytes = painted(n % 24, n);
            memory.write_with(&mut small, GUEST, at(addr as u64), &bytes).unwrap();
            plain[addr..addr + bytes.len()].copy_from_slice(&bytes);
            let mut seen = [0; 24];
            memory.read_with(&mut large, GUEST, at(addr as u64), &mut seen).unwrap();
            assert_eq!(seen, plain[addr..addr + 24]);
        }
        assert_eq!(read(&memory, GUEST, 0, plain.len()), plain);
    }
}

#[test]
fn seeds_make_the_same_machine() {
    let memory = milan();
    memory.install_key(Asid::new(509), &[8; 32]).unwrap();
    let seeds: Vec<_> = memory.seeds().map(|(asid, seed)| (asid.get(), *seed)).collect();
    assert_eq!(seeds, [(0, [2; 32]), (1, SEED), (509, [8; 32])]);
    assert_eq!(memory.tweak_seed(), &TWEAK);
    memory.write(GUEST, at(0x1000), &painted(64, 0)).unwrap();

    let config = ControllerConfig::new(Generation::Milan, memory.tweak_seed(), &[0; 32]);
    let restored = MemoryController::new(HeapDram::new(16 << 12).unwrap(), config).unwrap();
    for (asid, seed) in memory.seeds() {
        restored.install_key(asid, &seed).unwrap();
    }
    let dram = read(&memory, DramKey::None, 0x1000, 64);
    restored.write(DramKey::None, at(0x1000), &dram).unwrap();
    assert_eq!(read(&restored, GUEST, 0x1000, 64), painted(64, 0));

    memory.reset_keys();
    assert_eq!(memory.seeds().count(), 1, "the host's stays");
}

#[test]
fn nothing_prints_a_key() {
    let memory = milan();
    let texts = [
        format!("{memory:?}"),
        format!("{:?}", config((Generation::Genoa, Encryption::Aes256Xts))),
        format!("{:?}", memory.cursor()),
    ];
    let wanted = [
        "MemoryController(Milan, Aes128, ..)",
        "ControllerConfig(Genoa, Aes256Xts, ..)",
        "PageCursor(..)",
    ];
    assert_eq!(texts, wanted);
}

#[test]
fn generations() {
    let facts = |generation: Generation| {
        (generation.guest_keys(), generation.c_bit(), generation.has_xts())
    };
    assert_eq!(facts(Generation::NaplesXe), (15, 47, false));
    assert_eq!(facts(Generation::Naples), (15, 47, false));
    assert_eq!(facts(Generation::Rome), (509, 47, false));
    assert_eq!(facts(Generation::Milan), (509, 51, false));
    for product in [Product::Genoa, Product::Turin, Product::Venice] {
        assert_eq!(facts(product.into()), (1006, 51, true));
    }
    assert_eq!(Generation::from(Product::Milan), Generation::Milan);

    let decoded = |generation: Generation, raw| {
        generation
            .decode(raw)
            .map(|SystemAddress { addr, is_encrypted }| (addr.get(), is_encrypted))
    };
    assert_eq!(decoded(Generation::Milan, 1 << 51 | 0x1234), Ok((0x1234, true)));
    assert_eq!(decoded(Generation::Milan, 1 << 47 | 0x1234), Ok((1 << 47 | 0x1234, false)));
    assert_eq!(decoded(Generation::Naples, 1 << 47 | 0x1234), Ok((0x1234, true)));
    assert_eq!(decoded(Generation::Naples, 1 << 51), Ok((1 << 51, false)));
    let raw = 1 << 52 | 1 << 51;
    assert_eq!(decoded(Generation::Milan, raw), Err(crate::AddressError { addr: raw }));
}

#[test]
fn who_decides_what_is_private() {
    let gpa = |addr| GuestPhysAddr::new(addr).unwrap();
    let vtom = Some(gpa(0x40_0000));
    for access in [GuestAccess::Fetch, GuestAccess::PageTable] {
        for (c_bit, vtom) in [(false, None), (true, None), (false, vtom)] {
            assert_eq!(is_private(access, gpa(0x40_0000), c_bit, vtom), Some(true));
        }
        assert_eq!(is_private(access, gpa(0), true, vtom), None);
    }
    let data = |addr, c_bit, vtom| is_private(GuestAccess::Data, gpa(addr), c_bit, vtom);
    assert_eq!(data(0x40_0000, false, None), Some(false));
    assert_eq!(data(0x40_0000, true, None), Some(true));
    assert_eq!(data(0x3f_ffff, false, vtom), Some(true));
    assert_eq!(data(0x40_0000, false, vtom), Some(false));
    assert_eq!(data(0x3f_ffff, true, vtom), None);
}

#[cfg(feature = "vm-memory-018")]
mod of_a_vmm {
    use ::vm_memory::bitmap::{AtomicBitmap, Bitmap};
    use ::vm_memory::{
        Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion,
    };

    use super::super::vm_memory::{RegionError, VmMemory};
    use super::*;

    type Ram = GuestMemoryMmap<AtomicBitmap>;

    fn ram(ranges: &[(u64, usize)]) -> Ram {
        let ranges: Vec<_> = ranges.iter().map(|(at, len)| (GuestAddress(*at), *len)).collect();
        Ram::from_ranges(&ranges).unwrap()
    }

    fn dirty(ram: &Ram, addr: u64) -> bool {
        let region = ram.find_region(GuestAddress(addr)).unwrap();
        region.bitmap().dirty_at((addr - region.start_addr().0) as usize)
    }

    #[test]
    fn its_memory_is_dram() {
        // Two regions that touch, a hole, a third.
        let ram = ram(&[(0, 0x3000), (0x3000, 0x3000), (0x10000, 0x4000)]);
        let config = || config((Generation::Milan, Encryption::Aes128));
        let memory = MemoryController::new(VmMemory::new(ram.clone()).unwrap(), config()).unwrap();
        let heap = controller(config());
        memory.install_key(Asid::new(1), &SEED).unwrap();
        let bytes = painted(0x1803, 9);
        memory.write(GUEST, at(0x2fff), &bytes).unwrap();
        heap.write(GUEST, at(0x2fff), &bytes).unwrap();
        assert_eq!(read(&memory, GUEST, 0x2fff, 0x1803), bytes);
        let mut seen = std::vec![0; 0x1803];
        ram.read_slice(&mut seen, GuestAddress(0x2fff)).unwrap();
        assert_eq!(seen[1..], read(&heap, DramKey::None, 0x2fff, 0x1803)[1..], "ciphertext");

        let pages: Vec<_> = (0..6).map(|page| dirty(&ram, page << 12)).collect();
        assert_eq!(pages, [false, false, true, true, true, false]);
        memory.write(DramKey::None, at(0x10007), &[1]).unwrap();
        memory.rekey(DramKey::None, GUEST, at(0x12000), 0x1000).unwrap();
        let pages: Vec<_> = (0x10..0x14).map(|page| dirty(&ram, page << 12)).collect();
        assert_eq!(pages, [true, false, true, false]);

        assert_eq!(memory.dram().ranges(), [0..0x3000, 0x3000..0x6000, 0x10000..0x14000]);
        for (addr, len) in [(0x5fff, 2), (0x6000, 1), (0xffff, 2), (0x13fff, 2)] {
            let refused = memory.write(GUEST, at(addr), &std::vec![0; len]);
            assert_eq!(refused, Err(AccessError::NoDram { addr: at(addr), len: len as u64 }));
        }
        assert!(!dirty(&ram, 0x5000), "nothing was written");
    }

    #[test]
    fn regions_are_whole_pages() {
        for (start, len) in [(0x1000, 0x1800), (0x1800, 0x1000)] {
            let refused = VmMemory::new(ram(&[(start, len)])).err();
            assert_eq!(refused, Some(RegionError { start, len: len as u64 }));
        }
    }
}
