//! `sevcrypt_fuzz::cpuid_page`

#![cfg_attr(fuzzing, no_main)]

sevcrypt_fuzz::main!(cpuid_page);
