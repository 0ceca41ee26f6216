//! `sevcrypt_fuzz::bundle`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(bundle);
