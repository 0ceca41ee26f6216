//! The firmware's rules for certificates.

use crate::status::Status;

/// Why a certificate is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// The bytes have another length.
    Length {
        /// The bytes that were given.
        found: usize,
        /// Those of the format.
        expected: usize,
    },
}

impl CertificateError {
    /// What the firmware answers.
    #[must_use]
    pub const fn status(self) -> Status {
        todo!()
    }
}
