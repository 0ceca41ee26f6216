//! Proves the linked bytes of sevcrypt's kernels: see `README.md`. On x86-64 Linux only; elsewhere there is nothing
//! to prove, and a test says so.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

pub mod aes;
pub mod contract;
pub mod cpu;
pub mod fips197;
pub mod forms;
pub mod integers;
pub mod kernels;
pub mod machine;
pub mod mutants;
pub mod sums;
pub mod word;
