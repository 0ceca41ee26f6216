//! `sevcrypt_fuzz::vmsa`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(vmsa);
