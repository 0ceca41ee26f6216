//! `sevcrypt_fuzz::platform_kds`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(platform_kds);
