//! `sevcrypt_fuzz::sev_session`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(sev_session);
