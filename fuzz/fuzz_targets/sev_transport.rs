//! `sevcrypt_fuzz::sev_transport`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(sev_transport);
