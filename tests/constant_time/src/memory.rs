//! The memory engine: keys, tweak values and contents are secrets; addresses, lengths, mode, and the constants of a linear tweak
//! are not.

use std::array::from_fn;
use std::hint::black_box;
use std::sync::atomic::{AtomicU8, Ordering};

use sevcrypt::ctr::CtrKey;
use sevcrypt::mem::{self, MemoryCipher, Run, Tweak, XtsUnit};
use sevcrypt::sev::{GuestPolicy, debug};
use sevcrypt::{Backend, Key, KeyError, PhysAddr};

use crate::{public, secret};

/// What is longer than two pages, for runs that begin and end inside of one.
const LONG: usize = 2 * 4096 + 96;

fn at(addr: u64) -> PhysAddr {
    PhysAddr::new(addr).expect("an address")
}

fn contents<const N: usize>() -> [u8; N] {
    from_fn(|i| (i % 251) as u8)
}

fn xts_tweak(size: usize, unit: XtsUnit, backend: Backend) -> Tweak {
    let raw = secret([0x42; 32]);
    match raw.first_chunk() {
        Some(short) if size == 16 => Tweak::xts(Key::Aes128(short), unit, backend),
        _ => Tweak::xts(&raw, unit, backend),
    }
}

/// Every mode with each size of key.
fn ciphers(backend: Backend) -> Vec<MemoryCipher> {
    let raw = secret([0x41; 32]);
    let short = raw.first_chunk().expect("16 of 32 bytes");
    let mut ciphers = Vec::new();
    for (key, size) in [(Key::Aes128(short), 16), (Key::Aes256(&raw), 32)] {
        let constants = Tweak::from_seed(b"constants are public");
        ciphers.push(MemoryCipher::xe(key, Tweak::zen1(), backend).expect("a linear tweak"));
        ciphers.push(MemoryCipher::xex(key, constants, backend).expect("a linear tweak"));
        for unit in [XtsUnit::Page, XtsUnit::Line] {
            let tweak = xts_tweak(size, unit, backend);
            ciphers.push(MemoryCipher::xts(key, tweak, backend).expect("another key"));
        }
    }
    ciphers
}

/// Setting keys up, and what is said of equal ones.
pub(crate) fn keys(backend: Backend) {
    let same = secret([0x42; 32]);
    for unit in [XtsUnit::Page, XtsUnit::Line] {
        let tweak = xts_tweak(32, unit, backend);
        let refused = MemoryCipher::xts(&same, &tweak, backend).err();
        assert_eq!(refused, Some(KeyError::EqualKeys));
        let value = tweak.value(at(0x1230)).expect("an address below 2^52");
        public(&value);
        assert_ne!(value, [0; 16]);
    }
    black_box(ciphers(backend));
}

/// Blocks, lines, pages, runs over several pages, and lists of them: in their place and to another.
pub(crate) fn runs(backend: Backend) {
    let plain = contents::<LONG>();
    for cipher in ciphers(backend) {
        for (addr, len) in [(0x10, 16), (0x40, 64), (0x4000, 4096), (0x2fd0, LONG)] {
            let mut memory = secret(plain);
            let source = memory;
            let mut other = [0; LONG];
            cipher.encrypt(at(addr), &mut memory[..len]).expect("an address");
            cipher.encrypt_to(at(addr), &source[..len], &mut other[..len]).expect("an address");
            public(&memory[..len]);
            public(&other[..len]);
            assert_eq!(memory[..len], other[..len]);

            cipher.decrypt_to(at(addr), &memory[..len], &mut other[..len]).expect("an address");
            cipher.decrypt(at(addr), &mut memory[..len]).expect("an address");
            public(&memory[..len]);
            public(&other[..len]);
            assert!(memory[..len] == plain[..len] && other[..len] == plain[..len]);
        }
        lists(&cipher, &plain);
    }
}

fn lists(cipher: &MemoryCipher, plain: &[u8; LONG]) {
    let source = secret(*plain);
    let (mut memory, mut other) = (source, [0; LONG]);
    let (line, page) = memory.split_at_mut(64);
    let page = &mut page[..4096];
    cipher
        .encrypt_runs(&[
            Run::in_place(at(0x7040), &mut *line),
            Run::in_place(at(0x3000), &mut *page),
            Run::new(at(0x9fe0), &source[..4160], &mut other[..4160]),
        ])
        .expect("addresses");
    cipher
        .decrypt_runs(&[
            Run::in_place(at(0x7040), line),
            Run::in_place(at(0x3000), page),
            Run::in_place(at(0x9fe0), &mut other[..4160]),
        ])
        .expect("addresses");
    public(&memory);
    public(&other);
    assert!(memory == *plain && other[..4160] == plain[..4160]);
}

/// Accesses to one page whose tweak is kept.
pub(crate) fn kept_tweaks(backend: Backend) {
    let plain = contents::<4096>();
    for cipher in ciphers(backend) {
        let kept = cipher.tweak().page_tweak(at(0x8000)).expect("an address below 2^32");
        for (addr, len) in [(0x8010, 16), (0x8fc0, 64), (0x8000, 4096)] {
            let source = secret(plain);
            let (mut memory, mut other, mut back) = (source, [0; 4096], [0; 4096]);
            let expect = "a range inside the page";
            cipher.encrypt_in_page(&kept, at(addr), &mut memory[..len]).expect(expect);
            let to = &mut other[..len];
            cipher.encrypt_in_page_to(&kept, at(addr), &source[..len], &mut *to).expect(expect);
            cipher.decrypt_in_page(&kept, at(addr), to).expect(expect);
            let to = &mut back[..len];
            cipher.decrypt_in_page_to(&kept, at(addr), &memory[..len], &mut *to).expect(expect);
            public(to);
            public(&other[..len]);
            assert!(*to == plain[..len] && other[..len] == plain[..len]);
        }
    }
}

/// A page under one key goes under another.
pub(crate) fn moved_pages(backend: Backend) {
    let plain = contents::<4096>();
    let ciphers = ciphers(backend);
    for (from, to) in ciphers.iter().zip(ciphers.iter().rev()) {
        let mut old = secret(plain);
        let mut new = [0; 4096];
        from.encrypt(at(0x8000), &mut old).expect("an address");
        mem::move_page((from, at(0x8000)), (to, at(0x1_5000)), &old, &mut new).expect("addresses");
        to.decrypt(at(0x1_5000), &mut new).expect("an address");
        public(&new);
        assert_eq!(new, plain);
    }
}

/// Memory that others may write to meanwhile.
pub(crate) fn shared_memory(backend: Backend) {
    let plain = contents::<{ 4096 + 80 }>();
    for cipher in ciphers(backend) {
        let memory = secret(plain).map(AtomicU8::new);
        for len in [16, 64, plain.len()] {
            cipher.encrypt(at(0x2fb0), &memory[..len]).expect("an address");
            cipher.decrypt(at(0x2fb0), &memory[..len]).expect("an address");
        }
        let memory = memory.map(|byte| byte.load(Ordering::Relaxed));
        public(&memory);
        assert_eq!(memory, plain);
    }
}

/// A debugger's way into a legacy guest's memory, and COPY.
pub(crate) fn debugging(backend: Backend) {
    let plain = contents::<4096>();
    for cipher in ciphers(backend) {
        let seen = secret(plain);
        let (mut dram, mut copy, mut back) = ([0; 4096], [0; 4096], [0; 4096]);
        let policy = GuestPolicy(0);
        debug::encrypt(policy, &cipher, (at(0x1000), &seen), (at(0x4000), &mut dram))
            .expect("no NODBG");
        debug::copy(&cipher, (at(0x4000), &dram), (at(0x9000), &mut copy)).expect("pages");
        debug::decrypt(policy, &cipher, (at(0x9000), &copy), (at(0x1000), &mut back))
            .expect("no NODBG");
        public(&back);
        assert_eq!(back, plain);
    }
}

/// AES-CTR: key and text are secrets, the first counter block is not.
pub(crate) fn counter_mode(backend: Backend) {
    let raw = secret([0x43; 32]);
    let short = raw.first_chunk().expect("16 of 32 bytes");
    for key in [Key::Aes128(short), Key::Aes256(&raw)] {
        let key = CtrKey::new(key, backend);
        for (len, first) in [(0, [1; 16]), (5, [2; 16]), (96, [0xff; 16]), (1200, [3; 16])] {
            let mut text = secret(contents::<1200>());
            key.apply(&first, &mut text[..len]);
            key.apply(&first, &mut text[..len]);
            public(&text);
            assert_eq!(text, contents());
        }
    }
}
