//! `sevcrypt_fuzz::rmp`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(rmp);
