//! SEV and SEV-ES from outside: certificates, sessions, launches, migration, whole lives; known answers, every bad input with its
//! status, what other tools have published.

#![allow(missing_docs, reason = "tests")]

mod certs;
mod chain;
#[path = "../support/dropped.rs"]
mod dropped;
#[path = "../support/real.rs"]
mod folder;
mod keys;
mod launch;
mod life_cycle;
mod platforms;
mod real;
mod rsa;
mod session;
mod support;
mod transport;

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    base16ct::lower::decode_vec(hex).expect("digits").try_into().expect("the length")
}

/// 16 bytes that count up, as the worked example has them.
fn counting(first: u8) -> [u8; 16] {
    std::array::from_fn(|i| first + i as u8)
}
