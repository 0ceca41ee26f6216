//! `sevcrypt_fuzz::verify`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(verify);
