//! The owner's end of a launch.

use super::Measurement;
use crate::addr::Block;
use crate::cpu::Backend;
use crate::hash::Sha256Digest;
use crate::sev::packet::PacketHeader;
use crate::sev::session::{ClientSession, TransportKeys};
use crate::sev::{FirmwareVersion, GuestPolicy};

/// A guest whose measurement its owner checked: it may have secrets.
pub struct Attested {
    // packet keys, measure
}

impl Attested {
    /// Checks the measurement of a guest that was launched in this session.
    ///
    /// # Errors
    /// [`MeasurementError`]: it is not that of this digest, firmware, policy and session.
    pub fn check(
        _session: ClientSession,
        _firmware: FirmwareVersion,
        _digest: &Sha256Digest,
        _measurement: &Measurement,
        _backend: Backend,
    ) -> Result<Self, MeasurementError> {
        todo!()
    }

    /// A guest whose measurement was checked elsewhere; **nothing is checked here**.
    #[must_use]
    pub fn assume(_keys: &TransportKeys, _measurement: &Measurement, _backend: Backend) -> Self {
        todo!()
    }

    /// Seals a secret in place, under an IV that must be fresh. Its length is a multiple of 16.
    ///
    /// # Errors
    /// The length.
    pub fn seal_secret(
        &self,
        _iv: &Block,
        _secret: &mut [u8],
    ) -> Result<PacketHeader, super::LaunchError> {
        todo!()
    }
}

/// The measurement is that of another launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasurementError;

const _: Option<GuestPolicy> = None;
