//! Commands on a machine: known answers, every refusal, the order of checks.

mod guest;
mod launch;
mod platform;
mod support;
