//! The memory-encryption engine through its public interface, on every backend that this CPU has.

#![allow(missing_docs, reason = "tests")]

#[path = "../support/dropped.rs"]
mod dropped;
mod errors;
mod known_answers;
mod properties;
mod secrets;
mod threads;
#[cfg(feature = "vm-memory-018")]
mod vm_memory;

use std::io::Write;
use std::sync::Once;

use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::{Backend, BackendKind, PhysAddr};

/// The backends to test. Says once which those are and which are skipped, past the capture of a test's output.
fn backends() -> Vec<Backend> {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let lines = BackendKind::ALL.iter().map(|&kind| match Backend::new(kind) {
            Ok(backend) => format!("backend {backend}: tested\n"),
            Err(why) => format!("backend {kind}: SKIPPED, {why}\n"),
        });
        let text: String = lines.collect();
        std::io::stderr().write_all(text.as_bytes()).expect("standard error");
    });
    Backend::available().collect()
}

fn hex(digits: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(digits).expect("hexadecimal digits")
}

fn at(addr: u64) -> PhysAddr {
    PhysAddr::new(addr).expect("below 2^52")
}

/// One cipher of each mode and key size, keys and constants from `seed`.
fn every_mode(seed: u8, backend: Backend) -> Vec<MemoryCipher> {
    let (short, long) = ([seed; 16], [seed.wrapping_add(1); 32]);
    let (short_tweak, long_tweak) = ([seed.wrapping_add(2); 16], [seed.wrapping_add(3); 32]);
    let linear = || Tweak::from_seed(&[seed]);
    let unit =
        |unit| (Tweak::xts(&short_tweak, unit, backend), Tweak::xts(&long_tweak, unit, backend));
    let ((page128, page256), (line128, line256)) = (unit(XtsUnit::Page), unit(XtsUnit::Line));
    [
        MemoryCipher::xe(&short, linear(), backend),
        MemoryCipher::xe(&long, linear(), backend),
        MemoryCipher::xex(&short, linear(), backend),
        MemoryCipher::xex(&long, linear(), backend),
        MemoryCipher::xts(&short, page128, backend),
        MemoryCipher::xts(&long, page256, backend),
        MemoryCipher::xts(&short, line128, backend),
        MemoryCipher::xts(&long, line256, backend),
    ]
    .into_iter()
    .map(|cipher| cipher.expect("keys and tweak fit"))
    .collect()
}

/// Bytes that show swapped blocks.
fn painted(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}
