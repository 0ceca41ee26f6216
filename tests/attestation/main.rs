//! Verification of reports from outside: made cases with their verdicts, real evidence, single changed bits.

#![allow(missing_docs, reason = "tests")]

mod cases;
mod evidence;
mod flips;
mod interface;
#[cfg(feature = "std")]
mod kept;
mod real;
