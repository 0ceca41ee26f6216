//! `sevcrypt_fuzz::sev_certificate`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(sev_certificate);
