//! The server: the firmware that a guest comes to.

use super::{SessionBuffer, TransportKeys};
use crate::ecdh;
use crate::sev::cert::{Certificate, CertificateError};
use crate::sev::{ApiVersion, GuestPolicy, PolicyError};
use crate::status::Status;

/// A session whose keys were unwrapped and whose policy was not looked at yet.
#[derive(Debug)]
pub struct Unwrapped {
    keys: TransportKeys,
    policy_mac: [u8; 32],
}

impl Unwrapped {
    /// Opens a session by the platform's own PDH: the checks of the peer's certificate, then WRAP_MAC, then the keys.
    ///
    /// # Errors
    /// [`SessionError`]; nothing was deciphered.
    pub fn open(
        _pdh: &ecdh::PrivateKey,
        _peer: &Certificate,
        _buffer: &SessionBuffer,
    ) -> Result<Self, SessionError> {
        todo!()
    }

    /// POLICY_MAC, the firmware's version, the reserved bits.
    ///
    /// # Errors
    /// [`SessionError`]
    pub fn check_policy(
        self,
        _policy: GuestPolicy,
        _firmware: ApiVersion,
    ) -> Result<Channel, SessionError> {
        todo!()
    }
}

/// An open channel, bound to a policy.
#[derive(Debug)]
pub struct Channel {
    keys: TransportKeys,
    policy: GuestPolicy,
}

impl Channel {
    /// LAUNCH_START without a session: keys of zeros, and any policy.
    #[must_use]
    pub fn without_session(_policy: GuestPolicy) -> Self {
        todo!()
    }

    /// Its keys.
    #[must_use]
    pub fn keys(&self) -> &TransportKeys {
        &self.keys
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        self.policy
    }
}

/// Why a session is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// The peer's certificate.
    Certificate(CertificateError),
    /// WRAP_MAC is another one.
    WrapMac,
    /// POLICY_MAC is another one.
    PolicyMac,
    /// The policy.
    Policy(PolicyError),
}

impl SessionError {
    /// What the firmware answers.
    #[must_use]
    pub const fn status(self) -> Status {
        todo!()
    }
}
