//! The server: the firmware that a guest comes to.

use core::fmt;

use super::{SessionBuffer, Tek, Tik, TransportKeys, WrapKeys, is_mac};
use crate::ecdh;
use crate::sev::cert::{Certificate, CertificateError, PdhKey};
use crate::sev::{ApiVersion, GuestPolicy, PolicyError};
use crate::status::Status;
use crate::wipe::Wiped;
use crate::wire::field;

/// A session whose keys were unwrapped and whose policy was not looked at yet.
#[derive(Debug)]
pub struct Unwrapped {
    keys: TransportKeys,
    policy_mac: [u8; 32],
}

impl Unwrapped {
    /// Opens a session by the platform's own PDH, in the firmware's order: the peer's certificate
    /// ([`PdhKey::unauthenticated`]), then WRAP_MAC in constant time, then TEK and TIK are deciphered.
    ///
    /// # Errors
    /// [`SessionError::Certificate`], [`SessionError::WrapMac`]; nothing was deciphered.
    pub fn open(
        pdh: &ecdh::PrivateKey,
        peer: &Certificate,
        buffer: &SessionBuffer,
    ) -> Result<Self, SessionError> {
        let peer = PdhKey::unauthenticated(peer).map_err(SessionError::Certificate)?;
        Self::with_z(pdh.agree(peer.key()).as_bytes(), buffer)
    }

    pub(in crate::sev) fn with_z(z: &[u8], buffer: &SessionBuffer) -> Result<Self, SessionError> {
        let wrapping = WrapKeys::derive(z, &buffer.nonce);
        if !is_mac(wrapping.wrap_mac(&buffer.wrap_tk), &buffer.wrap_mac) {
            return Err(SessionError::WrapMac);
        }
        let mut plain = Wiped::new(buffer.wrap_tk);
        wrapping.apply(&buffer.wrap_iv, &mut plain);
        let keys = TransportKeys {
            tek: Tek::new(field::<0, 16, _>(&plain)),
            tik: Tik::new(field::<16, 16, _>(&plain)),
        };
        Ok(Self { keys, policy_mac: buffer.policy_mac })
    }

    /// POLICY_MAC in constant time, then [`GuestPolicy::check`]: the firmware's version, the reserved bits.
    ///
    /// # Errors
    /// [`SessionError::PolicyMac`], [`SessionError::Policy`]; the keys are erased.
    pub fn check_policy(
        self,
        policy: GuestPolicy,
        firmware: ApiVersion,
    ) -> Result<Channel, SessionError> {
        if !is_mac(self.keys.tik.policy_mac(policy), &self.policy_mac) {
            return Err(SessionError::PolicyMac);
        }
        policy.check(firmware).map_err(SessionError::Policy)?;
        Ok(Channel { keys: self.keys, policy })
    }
}

/// An open channel, bound to a policy.
#[derive(Debug)]
pub struct Channel {
    keys: TransportKeys,
    policy: GuestPolicy,
}

impl Channel {
    /// Opens a session from what the commands give, in the firmware's order: the session's length, the certificate's, then
    /// [`Unwrapped::open`] and [`Unwrapped::check_policy`] (AMD's published firmware, LAUNCH_START and RECEIVE_START).
    ///
    /// See [the module](super) for an example.
    ///
    /// # Errors
    /// [`SessionError`], with the firmware's status.
    pub fn open(
        pdh: &ecdh::PrivateKey,
        peer_certificate: &[u8],
        session: &[u8],
        policy: GuestPolicy,
        firmware: ApiVersion,
    ) -> Result<Self, SessionError> {
        let found = session.len();
        let buffer = session.try_into().map_err(|_| SessionError::Length { found })?;
        let peer = Certificate::parse(peer_certificate).map_err(SessionError::Certificate)?;
        let session = Unwrapped::open(pdh, &peer, &SessionBuffer::from_bytes(buffer))?;
        session.check_policy(policy, firmware)
    }

    /// LAUNCH_START without a session: keys of zeros, and any policy. RECEIVE_START has no such form.
    pub(in crate::sev) fn without_session(policy: GuestPolicy) -> Self {
        Self { keys: TransportKeys::zero(), policy }
    }

    /// One that was open when its machine was saved.
    #[cfg(feature = "platform")]
    pub(crate) fn resume(keys: TransportKeys, policy: GuestPolicy) -> Self {
        Self { keys, policy }
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
    /// The session buffer has another length than [`SessionBuffer::LEN`].
    Length {
        /// The bytes that were given.
        found: usize,
    },
    /// The peer's certificate.
    Certificate(CertificateError),
    /// WRAP_MAC is another one: NONCE or WRAP_TK was changed, or the session is with another key.
    WrapMac,
    /// POLICY_MAC is another one: the policy or WRAP_IV was changed.
    PolicyMac,
    /// The policy.
    Policy(PolicyError),
}

impl SessionError {
    /// What the firmware answers.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Length { .. } => Status::INVALID_LENGTH,
            Self::Certificate(error) => error.status(),
            Self::WrapMac | Self::PolicyMac => Status::BAD_MEASUREMENT,
            Self::Policy(error) => error.status(),
        }
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { found } => {
                write!(f, "the session buffer has {found} bytes, expected {}", SessionBuffer::LEN)
            }
            Self::Certificate(error) => write!(f, "the peer's certificate: {error}"),
            Self::WrapMac => f.write_str("WRAP_MAC is not that of WRAP_TK in this session"),
            Self::PolicyMac => f.write_str("POLICY_MAC is not that of the policy in this session"),
            Self::Policy(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl core::error::Error for SessionError {}
