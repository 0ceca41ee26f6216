//! The memory controller on many threads: no byte is lost, nothing is seen in part, nobody waits for ever.

#![cfg(feature = "platform")]
#![allow(missing_docs, reason = "tests")]

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sevcrypt::platform::memory::{
    ControllerConfig, DramKey, Encryption, Generation, HeapDram, MemoryController,
};
use sevcrypt::{Asid, Backend, PhysAddr};

const GUEST: DramKey = DramKey::Slot(Asid::new(1));
const PAGE: usize = 4096;

fn at(addr: u64) -> PhysAddr {
    PhysAddr::new(addr).unwrap()
}

fn controller(encryption: Encryption, backend: Backend) -> MemoryController {
    let mut config = ControllerConfig::new(Generation::Genoa, &[1; 32], &[2; 32]);
    config.encryption = encryption;
    config.backend = backend;
    let memory = MemoryController::new(HeapDram::new(16 << 12).unwrap(), config).unwrap();
    memory.install_key(Asid::new(1), &[3; 32]).unwrap();
    memory
}

fn read(memory: &MemoryController, addr: u64, len: usize) -> Vec<u8> {
    let mut out = vec![0xa5; len];
    memory.read(GUEST, at(addr), &mut out).unwrap();
    out
}

/// Two threads, each with its bytes of one block; what each has written it finds again, always.
#[test]
fn writers_of_one_block_lose_nothing() {
    const WRITES: u32 = 100_000;
    for encryption in [Encryption::Aes128, Encryption::Aes256Xts] {
        let memory = controller(encryption, Backend::best());
        memory.write(GUEST, at(0x1000), &[0; 16]).unwrap();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            for place in [0x1003, 0x1007] {
                let (memory, start) = (&memory, &start);
                scope.spawn(move || {
                    let mut cursor = memory.cursor();
                    start.wait();
                    for n in 0..WRITES {
                        let mut seen = [0; 4];
                        memory.read_with(&mut cursor, GUEST, at(place), &mut seen).unwrap();
                        assert_eq!(u32::from_le_bytes(seen), n, "{place:#x}");
                        let next = (n + 1).to_le_bytes();
                        memory.write_with(&mut cursor, GUEST, at(place), &next).unwrap();
                    }
                });
            }
        });
        let wanted = [[0; 3].as_slice(), &WRITES.to_le_bytes(), &WRITES.to_le_bytes(), &[0; 5]];
        assert_eq!(read(&memory, 0x1000, 16), wanted.concat());
    }
}

/// Writers fill a range with one value after another; a reader sees one value only.
#[test]
fn readers_see_all_of_a_write_or_nothing() {
    for backend in [Backend::portable(), Backend::best()] {
        for key in [GUEST, DramKey::None] {
            for (addr, len) in [(0x1000, 16), (0x1040, 64), (0x1063, 77), (0x2000, 4096)] {
                let memory = controller(Encryption::Aes128, backend);
                memory.write(key, at(addr), &vec![0; len]).unwrap();
                let stop = AtomicBool::new(false);
                thread::scope(|scope| {
                    for first in [1, 2] {
                        let (memory, stop) = (&memory, &stop);
                        scope.spawn(move || {
                            for n in (first..=255).step_by(2).cycle() {
                                memory.write(key, at(addr), &vec![n; len]).unwrap();
                                if stop.load(Ordering::Relaxed) {
                                    break;
                                }
                            }
                        });
                    }
                    let mut cursor = memory.cursor();
                    let mut changes = 0_u32;
                    let mut last = 0;
                    let mut out = vec![0; len];
                    let mut reads = 0;
                    // Until there have been writes meanwhile, however busy the machine is.
                    while changes < 8 || reads < 3000 {
                        reads += 1;
                        if reads % 256 == 0 {
                            thread::yield_now();
                        }
                        memory.read_with(&mut cursor, key, at(addr), &mut out).unwrap();
                        changes += u32::from(out[0] != last);
                        last = out[0];
                        if !out.iter().all(|byte| *byte == last) {
                            stop.store(true, Ordering::Relaxed);
                            panic!("torn: {addr:#x} {len} {key:?} {backend}");
                        }
                    }
                    stop.store(true, Ordering::Relaxed);
                });
            }
        }
    }
}

/// Pages go to and fro between two places while both are read: no one waits for ever, no page is seen in part.
#[test]
fn movers_do_not_wait_for_each_other() {
    let memory = controller(Encryption::Aes128, Backend::best());
    for (addr, value) in [(0x1000, 1), (0x2000, 2)] {
        memory.write(GUEST, at(addr), &[value; PAGE]).unwrap();
    }
    thread::scope(|scope| {
        for (from, to) in [(0x1000, 0x2000), (0x2000, 0x1000)] {
            let memory = &memory;
            scope.spawn(move || {
                for _ in 0..2000 {
                    memory.move_page((GUEST, at(from)), (GUEST, at(to))).unwrap();
                    let seen = read(memory, to, PAGE);
                    assert!(seen.iter().all(|byte| *byte == seen[0]) && [1, 2].contains(&seen[0]));
                }
            });
        }
    });
}
