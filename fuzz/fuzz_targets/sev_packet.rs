//! `sevcrypt_fuzz::sev_packet`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(sev_packet);
