//! `sevcrypt_fuzz::response`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(response);
