//! `sevcrypt_fuzz::ecdsa`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(ecdsa);
