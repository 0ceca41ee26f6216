//! `sevcrypt_fuzz::structures`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(structures);
