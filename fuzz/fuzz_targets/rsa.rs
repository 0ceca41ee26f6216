//! `sevcrypt_fuzz::rsa`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(rsa);
