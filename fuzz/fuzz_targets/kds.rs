//! `sevcrypt_fuzz::kds`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(kds);
