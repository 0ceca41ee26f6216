//! Operations on secrets under valgrind's memcheck.
//!
//! Secrets are marked as memory that was never written. Memcheck follows such bits through every computation and reports a
//! branch or an address that depends on one. What an operation gives to everyone (ciphertext, tag, signature) is marked
//! as written afterwards. What is told of a secret on purpose, such as whether a tag is right, stands in `suppressions`, each
//! with its reason.
//!
//! ```sh
//! .ci/constant-time
//! ```

#![allow(unsafe_code, reason = "tests/constant_time/src/main.rs is a listed unsafe file")]

mod legacy;

use std::hint::black_box;

use sevcrypt::Backend;
use sevcrypt::ecdsa::{Signer, SigningKey};
use sevcrypt::gcm::{GcmKey, MessageKey, PageKey, Tag};
use sevcrypt::kdf;
use sevcrypt::snp::keys::{ChipSecret, HashSticks, PrivateKey, VlekSticks};
use sevcrypt::snp::swap::{Contents, PageType, SwapKey};
use sevcrypt::snp::tcb::TcbVersion;

/// A request to valgrind; 0 where valgrind does not run (`valgrind.h`: the sequence of instructions that does nothing).
fn request(number: usize, start: *const u8, len: usize) -> usize {
    let arguments = [number, start.expose_provenance(), len, 0, 0, 0];
    let mut result = 0;
    // SAFETY: valgrind reads six words at rax and writes rdx; a CPU turns rdi by 128 bits in all and swaps rbx with itself.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inlateout("rdx") result,
        );
    }
    result
}

const RUNNING_ON_VALGRIND: usize = 0x1001;
/// `memcheck.h`: the requests of the tool `MC`.
const MAKE_MEM_UNDEFINED: usize = 0x4d43_0001;
const MAKE_MEM_DEFINED: usize = 0x4d43_0002;

/// The bytes, as a secret.
fn secret<const N: usize>(bytes: [u8; N]) -> [u8; N] {
    let bytes = black_box(bytes);
    request(MAKE_MEM_UNDEFINED, bytes.as_ptr(), N);
    bytes
}

/// What everyone may know from here on.
fn public(bytes: &[u8]) {
    request(MAKE_MEM_DEFINED, bytes.as_ptr(), bytes.len());
}

/// Key, text, and the tag that is computed when a text is opened, are secrets; ciphertext and tag are not.
fn gcm<const POWERS: usize>(key: &GcmKey<POWERS>) {
    for len in [0, 5, 16, 96, 300, 1200] {
        let mut memory = secret([0x5a; 1200]);
        let text = &mut memory[..len];
        let tag = key.seal_in_place(&[1; 12], &[2; 21], text).expect("a short text");
        public(text);
        public(&tag);
        opened(key, text, &tag, true);
        let mut wrong = tag;
        wrong[15] ^= 1;
        opened(key, text, &wrong, false);
    }
}

fn opened<const POWERS: usize>(key: &GcmKey<POWERS>, ciphertext: &[u8], tag: &Tag, right: bool) {
    let mut text = ciphertext.to_vec();
    let opened = key.open_in_place(&[1; 12], &[2; 21], &mut text, tag);
    assert_eq!(opened.is_ok(), right);
    black_box(text);
}

fn swap(backend: Backend) {
    let mut key = SwapKey::new(&secret([0x5c; 32]), 0, backend);
    let mut page = secret([7; 4096]);
    let entry = key.swap_out_in_place(Contents::Metadata, 0, &mut page);
    let mut entry = entry.expect("a page");
    public(&page);
    public(entry.auth_tag());
    key.swap_in_place(PageType::Metadata, &mut entry, &mut page).expect("the same page");
}

fn derivation() {
    let mut out = [0; 56];
    kdf::derive(&secret([3; 48]), b"label", &secret([4; 168]), &mut out).expect("a short key");
    black_box(out);
}

/// From a chip's secret to the signature of a report, over wrapped sticks.
fn endorsement() {
    let tcb_version = TcbVersion::new([250, 255, 255, 255, 255, 255, 251, 249]);
    let sticks = HashSticks::new(&ChipSecret::new(&secret([6; 48])), tcb_version);
    let older = TcbVersion::new([248, 255, 255, 255, 255, 255, 251, 249]);
    let sticks = sticks.at(older).expect("an older version");
    let key = PrivateKey::vcek(sticks.stick_7()).signing_key();
    sign(&key);
    black_box(&sticks);
    black_box(VlekSticks::WRAPPED_LEN);
}

fn sign(key: &SigningKey) {
    let signature = key.sign_sha384(b"what is signed is public").expect("a signature");
    public(signature.r());
    public(signature.s());
}

/// What memcheck must find: a comparison that ends at the first difference, and a table that a secret looks into.
fn leaks() {
    static TABLE: [u8; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            table[i] = (i * i) as u8;
            i += 1;
        }
        table
    };
    let key = secret([9; 32]);
    let equal = key.iter().zip(black_box(&[9; 32])).position(|(a, b)| a != b).is_none();
    println!("leak: {equal}");
    println!("leak: {}", black_box(&TABLE)[usize::from(key[3])]);
}

fn main() {
    let operation = std::env::args().nth(1).unwrap_or_default();
    assert!(
        request(RUNNING_ON_VALGRIND, std::ptr::null(), 0) > 0,
        "this says nothing without valgrind"
    );
    match operation.as_str() {
        "leaks" => leaks(),
        "all" => {
            for backend in Backend::available() {
                println!("constant time: GCM and swap on {backend}");
                gcm(&MessageKey::new(&secret([0x5b; 32]), backend));
                gcm(&MessageKey::new(&secret([0x5b; 16]), backend));
                gcm(&PageKey::new(&secret([0x5b; 32]), backend));
                swap(backend);
                println!("constant time: legacy sessions and secrets on {backend}");
                legacy::session(backend);
            }
            println!("constant time: derivation, keys, signatures");
            derivation();
            endorsement();
            legacy::chip();
            let scalar = SigningKey::from_scalar(&secret([0x11; 48])).expect("a scalar");
            sign(&scalar);
        }
        other => panic!("{other:?}: expected all or leaks"),
    }
}
