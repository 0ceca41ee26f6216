//! `sevcrypt_fuzz::message_request`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(message_request);
