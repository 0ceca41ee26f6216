//! The memory controller against a model of it that does one block after the other.

use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::platform::memory::{
    ControllerConfig, DramKey, Encryption, Generation, HeapDram, MemoryController, RoundRobin,
};
use sevcrypt::{Asid, Backend, PhysAddr, kdf};

const PAGE: usize = 4096;
const SIZE: usize = 4 * PAGE;
const TWEAK: [u8; 32] = [1; 32];
/// The seeds of key slots 0 and 1.
const SEEDS: [[u8; 32]; 2] = [[2; 32], [3; 32]];

/// A byte for generation and channels, then operations of eight bytes: which, keys, page, offset, length, pattern.
///
/// What is read, what is refused, and the whole of DRAM must be as in the model.
pub fn platform_memory(data: &[u8]) {
    let Some((kind, operations)) = data.split_first() else { return };
    let (generation, encryption) = match kind % 4 {
        0 => (Generation::NaplesXe, Encryption::Aes128),
        1 => (Generation::Naples, Encryption::Aes128),
        2 => (Generation::Milan, Encryption::Aes128),
        _ => (Generation::Turin, Encryption::Aes256Xts),
    };
    let channels = 1 + u32::from(kind >> 2 & 3);
    let granule = 64_usize << (kind >> 4);
    let mut config = ControllerConfig::new(generation, &TWEAK, &SEEDS[0]);
    config.encryption = encryption;
    config.interleave = Box::new(RoundRobin { channels, granule: granule as u64 });
    let dram = HeapDram::new(SIZE as u64).expect("four pages");
    let memory = MemoryController::new(dram, config).expect("a granule of 64 bytes or more");
    memory.install_key(Asid::new(1), &SEEDS[1]).expect("a slot");

    let cipher = |seed, channel| cipher(generation, encryption, seed, channel);
    let keys =
        SEEDS.each_ref().map(|seed| (0..channels).map(|channel| cipher(seed, channel)).collect());
    let mut both = Both { memory, model: Model { dram: vec![0; SIZE], keys, granule } };
    for operation in operations.as_chunks::<8>().0.iter().take(100) {
        both.step(*operation);
    }
    let mut all = vec![0; SIZE];
    both.memory.read(DramKey::None, at(0), &mut all).expect("all of DRAM");
    assert!(all == both.model.dram, "DRAM as in the model");
}

fn at(addr: usize) -> PhysAddr {
    PhysAddr::new(addr as u64).expect("small")
}

/// The key of a channel, as AMD's published firmware derives it.
fn cipher(
    generation: Generation,
    encryption: Encryption,
    seed: &[u8; 32],
    channel: u32,
) -> MemoryCipher {
    let mut key = [0; 32];
    kdf::derive(seed, b"sev-vm-encryption-key-0\0", &channel.to_le_bytes(), &mut key)
        .expect("a short output");
    let short = key.first_chunk::<16>().expect("32 bytes have 16");
    let backend = Backend::portable();
    match (generation, encryption) {
        (_, Encryption::Aes256Xts) => {
            MemoryCipher::xts(&key, Tweak::xts(&TWEAK, XtsUnit::Page, backend), backend)
        }
        (Generation::NaplesXe, _) => MemoryCipher::xe(short, Tweak::zen1(), backend),
        (Generation::Naples, _) => MemoryCipher::xex(short, Tweak::zen1(), backend),
        _ => MemoryCipher::xex(short, Tweak::from_seed(&TWEAK), backend),
    }
    .expect("keys and tweak fit")
}

/// DRAM, and a cipher for each slot and channel.
struct Model {
    dram: Vec<u8>,
    keys: [Vec<MemoryCipher>; 2],
    granule: usize,
}

impl Model {
    /// The cipher for an address; none for a plain access.
    fn cipher(&self, key: u8, addr: usize) -> Option<&MemoryCipher> {
        let channels = self.keys.get(usize::from(key).checked_sub(1)?)?;
        channels.get(addr / self.granule % channels.len())
    }

    fn read_block(&self, key: u8, addr: usize) -> [u8; 16] {
        let mut block: [u8; 16] = self.dram[addr..addr + 16].try_into().expect("16 bytes");
        if let Some(cipher) = self.cipher(key, addr) {
            cipher.decrypt(at(addr), &mut block).expect("a block");
        }
        block
    }

    fn write_block(&mut self, key: u8, addr: usize, mut block: [u8; 16]) {
        if let Some(cipher) = self.cipher(key, addr) {
            cipher.encrypt(at(addr), &mut block).expect("a block");
        }
        self.dram[addr..addr + 16].copy_from_slice(&block);
    }

    fn read(&self, key: u8, addr: usize, len: usize) -> Vec<u8> {
        (addr..addr + len).map(|at| self.read_block(key, at / 16 * 16)[at % 16]).collect()
    }

    fn write(&mut self, key: u8, addr: usize, bytes: &[u8]) {
        for start in (addr / 16 * 16..addr + bytes.len()).step_by(16) {
            let mut block = self.read_block(key, start);
            for (byte, place) in block.iter_mut().zip(start..) {
                if let Some(new) = place.checked_sub(addr).and_then(|n| bytes.get(n)) {
                    *byte = *new;
                }
            }
            self.write_block(key, start, block);
        }
    }

    fn convert(&mut self, (from, source): (u8, usize), (to, target): (u8, usize), len: usize) {
        for offset in (0..len).step_by(16) {
            let block = self.read_block(from, source + offset);
            self.write_block(to, target + offset, block);
        }
    }
}

struct Both {
    memory: MemoryController,
    model: Model,
}

impl Both {
    fn step(&mut self, [what, keys, page, low, high, short, long, paint]: [u8; 8]) {
        let (from, to) = (keys & 3, keys >> 2 & 3);
        // The last one has no slot.
        let key = |number: u8| match number {
            0 => DramKey::None,
            3 => DramKey::Slot(Asid::new(1007)),
            number => DramKey::Slot(Asid::new(u32::from(number) - 1)),
        };
        let place = |number: u8| usize::from(number) % 5 * PAGE;
        let offset = place(page) + usize::from(u16::from_le_bytes([low, high])) % PAGE;
        let len = usize::from(short) + usize::from(long & 15) * 512;
        let allowed = from < 3 && offset + len <= SIZE;
        match what % 5 {
            0 => {
                let bytes: Vec<u8> = (0..len).map(|i| paint.wrapping_add(i as u8)).collect();
                let written = self.memory.write(key(from), at(offset), &bytes);
                assert_eq!(written.is_ok(), allowed);
                if allowed {
                    self.model.write(from, offset, &bytes);
                }
            }
            1 => {
                let mut bytes = vec![0; len];
                let read = self.memory.read(key(from), at(offset), &mut bytes);
                assert_eq!(read.is_ok(), allowed);
                assert!(!allowed || bytes == self.model.read(from, offset, len));
            }
            2 => {
                let ends = [(from, place(page)), (to, place(low))];
                let [old, new] = ends.map(|(number, addr)| (key(number), at(addr)));
                let moved = self.memory.move_page(old, new);
                let allowed = ends.iter().all(|(number, addr)| *number < 3 && *addr < SIZE);
                assert_eq!(moved.is_ok(), allowed);
                if allowed {
                    self.model.convert(ends[0], ends[1], PAGE);
                }
            }
            3 => {
                let (start, len) = (place(page), place(low));
                let changed = self.memory.rekey(key(from), key(to), at(start), len as u64);
                let allowed = from < 3 && to < 3 && start + len <= SIZE;
                assert_eq!(changed.is_ok(), allowed);
                if allowed {
                    self.model.convert((from, start), (to, start), len);
                }
            }
            _ => {
                let hides = |addr: PhysAddr| (addr.get() >> 12 ^ u64::from(paint)) & 1 == 0;
                let mut bytes = vec![0; len];
                let read = self.memory.read_hiding(key(from), at(offset), &mut bytes, hides);
                assert_eq!(read.is_ok(), allowed);
                if allowed {
                    let seen = self.model.read(from, offset, len);
                    for ((byte, seen), place) in bytes.iter().zip(seen).zip(offset..) {
                        assert_eq!(*byte, if hides(at(place).page()) { 0xff } else { seen });
                    }
                }
            }
        }
    }
}
