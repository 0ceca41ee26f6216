//! `sevcrypt_fuzz::snp_swap`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(snp_swap);
