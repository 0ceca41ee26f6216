//! `sevcrypt_fuzz::report`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(report);
