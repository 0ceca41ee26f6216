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

mod gcm;
mod keys;
mod legacy;
mod memory;
mod messages;

use std::hint::black_box;

use sevcrypt::Backend;

/// An operation is done on each backend if its time is in what a backend does, and once if it is not.
enum Operation {
    OnEach(fn(Backend)),
    Once(fn()),
}

use Operation::{OnEach, Once};

/// Every operation that takes or makes a secret, by its name in README.md.
const OPERATIONS: &[(&str, Operation)] = &[
    ("memory keys", OnEach(memory::keys)),
    ("memory", OnEach(memory::runs)),
    ("kept tweaks", OnEach(memory::kept_tweaks)),
    ("moved pages", OnEach(memory::moved_pages)),
    ("shared memory", OnEach(memory::shared_memory)),
    ("counter mode", OnEach(memory::counter_mode)),
    ("GCM", OnEach(gcm::gcm)),
    ("SNP swap", OnEach(gcm::swap)),
    ("guest messages", OnEach(messages::requests)),
    ("guest contexts", OnEach(messages::contexts)),
    ("secrets page", OnEach(messages::secrets_page)),
    ("own messages", OnEach(messages::own_messages)),
    ("VLEK sticks", OnEach(keys::vlek_sticks)),
    ("SEV launch and transport", OnEach(legacy::life)),
    ("SEV swap", OnEach(legacy::swap)),
    ("SEV debugging", OnEach(memory::debugging)),
    ("key derivation", Once(keys::derivation)),
    ("hash sticks", Once(keys::hash_sticks)),
    ("VCEK and VLEK", Once(keys::endorsement)),
    ("guest keys", Once(keys::guest_keys)),
    ("signatures", Once(keys::signing)),
    ("Diffie-Hellman", Once(keys::agreement)),
    ("ID blocks", Once(keys::id_blocks)),
    ("CEK and chip ID", Once(legacy::chip)),
    ("platform keys", Once(legacy::platform_keys)),
    ("owner's key", Once(legacy::owner_key)),
    ("SEV sessions", Once(legacy::session)),
    ("save areas", Once(legacy::save_areas)),
    ("secret tables", Once(legacy::secret_table)),
];

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

/// Does an operation, and says so.
fn operate(name: &str, operation: &Operation) {
    match operation {
        OnEach(operation) => {
            for backend in Backend::available() {
                operation(backend);
                println!("operation: {name}: {backend}");
            }
        }
        Once(operation) => {
            operation();
            println!("operation: {name}: any backend");
        }
    }
}

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    assert!(
        request(RUNNING_ON_VALGRIND, std::ptr::null(), 0) > 0,
        "this says nothing without valgrind"
    );
    match wanted.as_str() {
        "leaks" => leaks(),
        "all" => OPERATIONS.iter().for_each(|(name, operation)| operate(name, operation)),
        name => match OPERATIONS.iter().find(|(other, _)| *other == name) {
            Some((name, operation)) => operate(name, operation),
            None => panic!("{name:?}: expected leaks, all or the name of an operation"),
        },
    }
}
