//! `sevcrypt_fuzz::policy`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(policy);
