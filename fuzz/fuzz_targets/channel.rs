//! `sevcrypt_fuzz::channel`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(channel);
