//! `sevcrypt_fuzz::igvm`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(igvm);
