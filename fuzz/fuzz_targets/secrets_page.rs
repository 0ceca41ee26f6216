//! `sevcrypt_fuzz::secrets_page`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(secrets_page);
