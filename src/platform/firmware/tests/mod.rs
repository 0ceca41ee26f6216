//! Commands on a machine: known answers, every refusal, the order of checks.

mod guest;
pub(super) mod lab;
mod launch;
mod outputs;
mod platform;
mod random;
mod saved;
mod support;
