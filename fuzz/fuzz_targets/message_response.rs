//! `sevcrypt_fuzz::message_response`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(message_response);
