//! Launches of SEV and SEV-ES: the digest, the measurement that a guest's owner checks, the secrets that it then sends
//! (AMD 55766, LAUNCH_START to LAUNCH_FINISH).

mod digest;
mod firmware;
mod measurement;
mod owner;
mod secret;

pub use digest::{DataLengthError, LaunchDigest, measure};
pub use firmware::{LaunchError, Loading, Measured, Running};
pub use measurement::{Measurement, MeasurementInput};
pub use owner::{Attested, MeasurementError};
pub use secret::{SecretTable, SecretTableError};
