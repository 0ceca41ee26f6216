//! Launches of SEV-SNP guests from outside: why a digest is another one than expected, IGVM files. Digests of real
//! images: `tests/launch_real`.

#![cfg(feature = "alloc")]
#![allow(missing_docs, reason = "tests")]

#[path = "../launch/builder.rs"]
#[allow(dead_code, reason = "shared with the tests of images")]
mod builder;
#[cfg(feature = "igvm-05")]
mod igvm_05;
mod suspects;
