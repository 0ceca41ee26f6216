//! `sevcrypt_fuzz::ovmf`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(ovmf);
