//! `sevcrypt_fuzz::platform_mailbox`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(platform_mailbox);
