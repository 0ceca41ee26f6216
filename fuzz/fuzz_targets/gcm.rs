//! `sevcrypt_fuzz::gcm`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(gcm);
