//! `sevcrypt_fuzz::hcl`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(hcl);
