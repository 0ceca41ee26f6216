//! SEV-SNP: what the Secure Processor signs, and who vouches for its key.
//!
//! | you have | begin with |
//! |---|---|
//! | a report and its certificates, and want to know whether to trust the guest | [`verify::verify`] |
//! | bytes from a guest's device, and want the report in them | [`response::find`] |
//! | a report, and want its fields | [`report::Report`] |
//! | a report without its certificate | [`kds::Request`] |
//! | a chip's secret, and want its VCEK or a guest's key | [`keys`] |
//! | a guest that asks its firmware for a report or a key, or a model of that firmware | [`message`] |
//! | a secrets page | [`secrets::SecretsPage`] |

pub mod azure;
pub mod cert_table;
pub mod certs;
mod checks;
mod guest_policy;
pub mod id_block;
pub mod kds;
pub mod keys;
pub mod launch;
pub mod message;
pub mod policy;
pub mod report;
pub mod response;
pub mod secrets;
pub mod swap;
pub mod tcb;
pub mod verify;

pub use guest_policy::GuestPolicy;
