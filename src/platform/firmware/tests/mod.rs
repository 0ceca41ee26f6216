//! Commands on a machine: known answers, every refusal, the order of checks.

pub(super) mod lab;
mod launch;
mod support;
