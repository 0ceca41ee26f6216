//! `sevcrypt_fuzz::device`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(device);
