//! `sevcrypt_fuzz::platform_ca`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(platform_ca);
