//! Many threads: one cipher for all, and memory that changes meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;

use sevcrypt::mem::{MemoryCipher, Tweak};

use crate::{at, backends, every_mode, painted};

#[test]
fn one_cipher_serves_many_threads() {
    fn shareable<T: Send + Sync>() {}
    shareable::<MemoryCipher>();
    shareable::<MemoryCipher<Arc<Tweak>>>();
    for cipher in backends().into_iter().flat_map(|backend| every_mode(5, backend)) {
        let mut memory = painted(16 * 4096);
        let mut alone = memory.clone();
        cipher.encrypt(at(0x3000), &mut alone[..]).unwrap();
        thread::scope(|scope| {
            for (page, part) in memory.chunks_mut(4096).enumerate() {
                let cipher = &cipher;
                scope.spawn(move || cipher.encrypt(at(0x3000 + 4096 * page as u64), part).unwrap());
            }
        });
        assert_eq!(memory, alone, "{cipher:?}");
    }
}

/// A guest that writes while the engine encrypts: what nobody writes comes out right, and nothing faults.
#[test]
fn a_guest_writes_meanwhile() {
    for cipher in backends().into_iter().flat_map(|backend| every_mode(5, backend)) {
        let plain = painted(2 * 4096);
        let memory: Vec<_> = plain.iter().map(|byte| AtomicU8::new(*byte)).collect();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let guest = scope.spawn(|| {
                let mut writes = 0u32;
                while !done.load(Ordering::Relaxed) {
                    memory[4096 + writes as usize % 4096].store(writes as u8, Ordering::Relaxed);
                    writes += 1;
                }
                writes
            });
            for _ in 0..20 {
                cipher.encrypt(at(0x8000), &memory[..]).unwrap();
                cipher.decrypt(at(0x8000), &memory[..]).unwrap();
            }
            done.store(true, Ordering::Relaxed);
            guest.join().unwrap();
        });
        let first: Vec<_> =
            memory[..4096].iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
        assert_eq!(first, plain[..4096], "{cipher:?}: the page that nobody wrote");
    }
}
