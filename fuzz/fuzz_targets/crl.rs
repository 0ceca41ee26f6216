//! `sevcrypt_fuzz::crl`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(crl);
