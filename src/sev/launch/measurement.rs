//! LAUNCH_MEASURE.

use crate::hash::Sha256Digest;
use crate::sev::session::Tik;
use crate::sev::{FirmwareVersion, GuestPolicy};

/// What LAUNCH_MEASURE gives: MEASURE and MNONCE, 48 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// MEASURE: the HMAC.
    pub measure: [u8; 32],
    /// MNONCE.
    pub mnonce: [u8; 16],
}

impl Measurement {
    /// The length in bytes.
    pub const LEN: usize = 48;

    /// From its bytes.
    #[must_use]
    pub fn from_bytes(_bytes: &[u8; Self::LEN]) -> Self {
        todo!()
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        todo!()
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasurementInput {
    /// The firmware. Up to API 0.16 it is not measured.
    pub firmware: FirmwareVersion,
    /// POLICY.
    pub policy: GuestPolicy,
    /// LD: the launch digest.
    pub digest: Sha256Digest,
    /// MNONCE.
    pub mnonce: [u8; 16],
}

impl MeasurementInput {
    /// The measurement under a session's TIK.
    #[must_use]
    pub fn measure(&self, _tik: &Tik) -> Measurement {
        todo!()
    }
}
