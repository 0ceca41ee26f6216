//! `sevcrypt_fuzz::verify_kept`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(verify_kept);
