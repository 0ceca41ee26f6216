//! SEV and SEV-ES from outside.

#![allow(missing_docs, reason = "tests")]

mod life_cycle;
mod platforms;
mod transport;
