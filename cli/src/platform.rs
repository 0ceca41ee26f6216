//! `sevcrypt platform`: a machine in software.

pub mod device;
pub mod run;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod supervisor;
