//! AMD's certificates of SEV: ARK and ASK.

use super::CertificateError;

/// An AMD certificate, version 1: an RSA key of 2048 or 4096 bits with its signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AmdCertificate<'a>(&'a [u8]);

impl<'a> AmdCertificate<'a> {
    /// Reads a certificate from the begin of some bytes; gives the rest.
    ///
    /// # Errors
    /// [`CertificateError`]
    pub fn parse(_bytes: &'a [u8]) -> Result<(Self, &'a [u8]), CertificateError> {
        todo!()
    }
}
