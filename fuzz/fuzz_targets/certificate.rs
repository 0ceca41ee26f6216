//! `sevcrypt_fuzz::certificate`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(certificate);
