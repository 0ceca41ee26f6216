//! `sevcrypt_fuzz::linux`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(linux);
