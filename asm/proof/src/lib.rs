//! Proves the linked bytes of sevcrypt's kernels: see `README.md`.

pub mod aes;
pub mod contract;
pub mod cpu;
pub mod kernels;
pub mod machine;
pub mod mutants;
pub mod word;
