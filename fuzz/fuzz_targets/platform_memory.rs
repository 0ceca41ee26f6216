//! `sevcrypt_fuzz::platform_memory`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(platform_memory);
