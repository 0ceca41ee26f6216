//! `sevcrypt_fuzz::platform_saved`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(platform_saved);
