//! A freestanding program: every operation that the crate offers without an operating system.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::sync::atomic::AtomicU8;

use sevcrypt::gcm::{MessageKey, PageKey};
use sevcrypt::mem::{self, GuestBytes, MemoryCipher, Run, Tweak, XtsUnit};
use sevcrypt::snp::certs::Collateral;
use sevcrypt::snp::policy::Policy;
use sevcrypt::snp::swap::{Contents, PageState, PageType, SwapKey};
use sevcrypt::snp::verify::{Time, Trust, verify};
use sevcrypt::x509::{Certificate, Crl};
use sevcrypt::{Backend, PhysAddr};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Aligns the stack and goes on in Rust.
#[unsafe(no_mangle)]
#[unsafe(naked)]
extern "sysv64" fn _start() -> ! {
    core::arch::naked_asm!("and rsp, -16", "call {run}", "2: jmp 2b", run = sym run)
}

extern "sysv64" fn run() {
    static REPORT: [u8; 1184] = [2; 1184];
    let _ = black_box(engine(black_box(&[0x5a; 32]), black_box(0x1_0000_0040)));
    let _ = black_box(messages(black_box(&[0x5b; 32]), black_box(96)));
    let _ = black_box(swap(black_box(&[0x5c; 32])));
    let _ =
        black_box(attestation(black_box(&REPORT), black_box(&[0x30; 64]), black_box(&[0x30; 64])));
}

/// Calls the memory engine in all its modes and forms.
fn engine(key: &[u8; 32], addr: u64) -> Option<u8> {
    static SHARED: [AtomicU8; 4096] = [const { AtomicU8::new(0) }; 4096];
    let backend = Backend::best();
    let addr = PhysAddr::new(addr).ok()?;
    let (linear, zen1) = (Tweak::from_seed(key), Tweak::zen1());
    let page_unit = Tweak::xts(&[1; 32], XtsUnit::Page, backend);
    let line_unit = Tweak::xts(&[2; 16], XtsUnit::Line, backend);
    let short: &[u8; 16] = key.first_chunk()?;
    let mut memory = [0; 256];
    let ciphers = [
        MemoryCipher::xe(short, &zen1, backend).ok()?,
        MemoryCipher::xex(key, &linear, backend).ok()?,
        MemoryCipher::xts(key, &page_unit, backend).ok()?,
        MemoryCipher::xts(short, &line_unit, backend).ok()?,
    ];
    for cipher in &ciphers {
        let addr = PhysAddr::new(addr.get() % (1 << 31)).ok()?;
        cipher.encrypt(addr, &mut memory).ok()?;
        cipher.decrypt(addr, GuestBytes::from(&SHARED[..])).ok()?;
        cipher.encrypt_runs(&[Run::in_place(addr, &mut memory)]).ok()?;
        let kept = cipher.tweak().page_tweak(addr).ok()?;
        cipher.decrypt_in_page(&kept, addr, &mut memory).ok()?;
        mem::move_page((cipher, addr), (&ciphers[1], addr), key, &mut memory[..32]).ok()?;
    }
    memory.first().copied()
}

/// Seals and opens texts.
fn messages(key: &[u8; 32], len: usize) -> Option<[u8; 128]> {
    let backend = Backend::best();
    let short: &[u8; 16] = key.first_chunk()?;
    let (mut text, mut other) = ([1; 128], [0; 128]);
    let page_key = PageKey::new(key, backend);
    for message_key in [MessageKey::new(key, backend), MessageKey::new(short, backend)] {
        let text = text.get_mut(..len)?;
        let tag = message_key.seal_in_place(&[2; 12], key, text).ok()?;
        message_key.open_in_place(&[2; 12], key, text, &tag).ok()?;
        let other = other.get_mut(..len)?;
        let tag = page_key.seal(&[2; 12], key, text, other).ok()?;
        page_key.open(&[2; 12], key, other, text, &tag).ok()?;
    }
    Some(text)
}

/// Swaps a page out and in.
fn swap(oek: &[u8; 32]) -> Option<[u8; 64]> {
    let mut page = [3; 4096];
    let mut key = SwapKey::new(oek, 0, Backend::best());
    let state = PageState { gpa: 0x1000, page_validated: true, vmpl_perms: 1 };
    let mut entry = key.swap_out_in_place(Contents::Data(state), 0, &mut page).ok()?;
    key.swap_in_place(PageType::Data, &mut entry, &mut page).ok()?;
    Some(entry.to_bytes())
}

/// Verifies a report with a certificate and a revocation list.
fn attestation(report: &[u8], certificate: &[u8], crl: &[u8]) -> Option<()> {
    let certificates = [Certificate::from_der(certificate).ok()?];
    let crls = [Crl::from_der(crl).ok()?];
    let collateral = Collateral { certificates: &certificates, crls: &crls };
    verify(report, collateral, &Trust::amd(Time::Unchecked), &Policy::default()).ok().map(drop)
}
