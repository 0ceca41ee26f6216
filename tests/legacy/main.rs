//! SEV and SEV-ES from outside: known answers, every bad input with its status, real certificates.

#![allow(missing_docs, reason = "tests")]

mod certs;
mod chain;
mod keys;
mod real;
mod rsa;
mod support;
