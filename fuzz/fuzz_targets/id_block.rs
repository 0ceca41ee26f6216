//! `sevcrypt_fuzz::id_block`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(id_block);
