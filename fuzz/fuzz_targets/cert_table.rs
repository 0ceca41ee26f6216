//! `sevcrypt_fuzz::cert_table`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(cert_table);
