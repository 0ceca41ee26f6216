//! The client: who makes the session's keys.

use super::{SessionBuffer, TransportKeys};
use crate::ecdh;
use crate::secret::secret;
use crate::sev::GuestPolicy;
use crate::sev::cert::PdhKey;

secret! {
    /// The random bytes of one session, all of which must be fresh: nonce, TEK, TIK, WRAP_IV.
    SessionRandom, 64
}

/// A session as its client has it.
#[derive(Debug)]
pub struct ClientSession {
    buffer: SessionBuffer,
    keys: TransportKeys,
    policy: GuestPolicy,
}

impl ClientSession {
    /// Makes a session with the owner of a Diffie-Hellman key.
    #[must_use]
    pub fn new(
        _own: &ecdh::PrivateKey,
        _peer: &PdhKey,
        _policy: GuestPolicy,
        _random: &SessionRandom,
    ) -> Self {
        todo!()
    }

    /// What goes to the server.
    #[must_use]
    pub fn buffer(&self) -> &SessionBuffer {
        &self.buffer
    }

    /// The policy that the session is bound to.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        self.policy
    }

    /// Its keys.
    #[must_use]
    pub fn keys(&self) -> &TransportKeys {
        &self.keys
    }

    /// Its keys, and nothing else of it.
    #[must_use]
    pub fn into_keys(self) -> TransportKeys {
        self.keys
    }
}
