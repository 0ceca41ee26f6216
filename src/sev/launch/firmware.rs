//! The firmware's end of a launch: a guest in each of its states, as a type.

use super::Measurement;
use crate::addr::Page;
use crate::cpu::Backend;
use crate::hash::Sha256Digest;
use crate::sev::packet::PacketHeader;
use crate::sev::session::Channel;
use crate::sev::{FirmwareVersion, GuestPolicy};
use crate::status::Status;

/// LUPDATE: a guest that is being loaded.
pub struct Loading {
    // channel, digest
}

impl Loading {
    /// LAUNCH_START, when the session is open.
    #[must_use]
    pub fn start(_channel: Channel) -> Self {
        todo!()
    }

    /// LAUNCH_UPDATE_DATA.
    ///
    /// # Errors
    /// The length.
    pub fn update_data(&mut self, _data: &[u8]) -> Result<(), LaunchError> {
        todo!()
    }

    /// LAUNCH_UPDATE_VMSA.
    ///
    /// # Errors
    /// The guest is no SEV-ES guest.
    pub fn update_vmsa(&mut self, _vmsa: &Page) -> Result<(), LaunchError> {
        todo!()
    }

    /// LAUNCH_MEASURE, with 16 fresh random bytes.
    #[must_use]
    pub fn measure(
        self,
        _firmware: FirmwareVersion,
        _mnonce: &[u8; 16],
        _backend: Backend,
    ) -> (Measurement, Measured) {
        todo!()
    }
}

/// LSECRET: a guest that was measured, and takes secrets.
pub struct Measured {
    // packet keys, measure, running
}

impl Measured {
    /// LAUNCH_SECRET: checks and deciphers a secret in place.
    ///
    /// # Errors
    /// [`LaunchError`]; nothing was deciphered.
    pub fn open_secret(
        &self,
        _header: &PacketHeader,
        _secret: &mut [u8],
    ) -> Result<(), LaunchError> {
        todo!()
    }

    /// LAUNCH_FINISH: the keys are erased.
    #[must_use]
    pub fn finish(self) -> Running {
        todo!()
    }
}

/// RUNNING: a guest that runs.
#[derive(Debug)]
pub struct Running {
    pub(in crate::sev) policy: GuestPolicy,
    pub(in crate::sev) digest: Sha256Digest,
}

impl Running {
    /// POLICY.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        self.policy
    }

    /// LD. All zero for a guest that came from another platform.
    #[must_use]
    pub fn digest(&self) -> &Sha256Digest {
        &self.digest
    }
}

/// Why a launch command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LaunchError {}

impl LaunchError {
    /// What the firmware answers.
    #[must_use]
    pub const fn status(self) -> Status {
        todo!()
    }
}
