//! SEV and SEV-ES, the generations before SEV-SNP: certificates, sessions, launches, secrets, migration. Both ends of each: the
//! guest's owner, and the firmware.

pub mod cert;
pub mod debug;
mod guest_policy;
pub mod keys;
pub mod launch;
pub mod packet;
pub mod report;
pub mod session;
pub mod swap;
pub mod transport;
mod version;

pub use guest_policy::{GuestPolicy, PolicyError};
pub use version::{ApiVersion, FirmwareVersion};
