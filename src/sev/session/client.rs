//! The client: who makes the session's keys.

use core::fmt;

use hmac::Mac;

use super::{SessionBuffer, Tek, Tik, TransportKeys, WrapKeys, is_mac};
use crate::ecdh;
use crate::secret::secret;
use crate::sev::GuestPolicy;
use crate::sev::cert::PdhKey;
use crate::wipe::Wiped;
use crate::wire::field;

secret! {
    /// The random bytes of one session, all of which must be fresh: NONCE, TEK, TIK, WRAP_IV, 16 bytes each.
    SessionRandom, 64
}

/// A session as its client has it: a guest's owner, or a platform that sends a guest. See [the module](super).
#[derive(Debug)]
pub struct ClientSession {
    buffer: SessionBuffer,
    keys: TransportKeys,
    policy: GuestPolicy,
}

impl ClientSession {
    /// Makes a session with the owner of a Diffie-Hellman key, in constant time. A guest's owner makes a key of its own for each session;
    /// a platform has its PDH.
    #[must_use]
    pub fn new(
        own: &ecdh::PrivateKey,
        peer: &PdhKey,
        policy: GuestPolicy,
        random: &SessionRandom,
    ) -> Self {
        Self::with_z(own.agree(peer.key()).as_bytes(), policy, random)
    }

    pub(in crate::sev) fn with_z(z: &[u8], policy: GuestPolicy, random: &SessionRandom) -> Self {
        let random = random.as_bytes();
        let nonce = *field::<0, 16, _>(random);
        let keys = TransportKeys {
            tek: Tek::new(field::<16, 16, _>(random)),
            tik: Tik::new(field::<32, 16, _>(random)),
        };
        let wrap_iv = *field::<48, 16, _>(random);
        let wrapping = WrapKeys::derive(z, &nonce);
        let mut wrap_tk = Wiped::new(*field::<16, 32, _>(random));
        wrapping.apply(&wrap_iv, &mut wrap_tk);
        let wrap_mac = wrapping.wrap_mac(&wrap_tk).finalize().into_bytes().into();
        let policy_mac = keys.tik.policy_mac(policy).finalize().into_bytes().into();
        let buffer = SessionBuffer { nonce, wrap_tk: *wrap_tk, wrap_iv, wrap_mac, policy_mac };
        Self { buffer, keys, policy }
    }

    /// A session that was kept: its buffer, its keys and its policy, which belong together by POLICY_MAC.
    ///
    /// ```
    /// use sevcrypt::ecdh::PrivateKey;
    /// use sevcrypt::sev::cert::{Certificate, PdhKey};
    /// use sevcrypt::sev::session::{ClientSession, OtherSession, SessionBuffer, SessionRandom, Tek, Tik, TransportKeys, Unwrapped};
    /// use sevcrypt::sev::{ApiVersion, GuestPolicy};
    ///
    /// let (api, policy) = (ApiVersion { major: 1, minor: 55 }, GuestPolicy(0x3701_0005));
    /// let [pdh, own] = [[7; 56], [8; 56]].map(|random| PrivateKey::from_random(&random));
    /// let [pdh_certificate, certificate] = [&pdh, &own].map(|key| Certificate::of_ecdh_key(&key.public_key(), api));
    /// let platform = PdhKey::unauthenticated(&pdh_certificate)?;
    /// let session = ClientSession::new(&own, &platform, policy, &SessionRandom::new(&[9; 64]));
    ///
    /// // The owner keeps it, and goes on later.
    /// let buffer = SessionBuffer::from_bytes(&session.buffer().to_bytes());
    /// let keys = |from: &TransportKeys| TransportKeys { tek: Tek::new(from.tek.as_bytes()), tik: Tik::new(from.tik.as_bytes()) };
    /// let other = ClientSession::restore(buffer, keys(session.keys()), GuestPolicy(0));
    /// assert_eq!(other.err(), Some(OtherSession));
    /// let session = ClientSession::restore(buffer, keys(session.keys()), policy)?;
    ///
    /// // The firmware, in two steps: the keys, then the policy.
    /// let unwrapped = Unwrapped::open(&pdh, &certificate, session.buffer())?;
    /// let channel = unwrapped.check_policy(policy, api)?;
    /// assert_eq!(channel.keys().tik.as_bytes(), session.keys().tik.as_bytes());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`OtherSession`]: POLICY_MAC is that of another policy or TIK. (Of TEK it says nothing.)
    pub fn restore(
        buffer: SessionBuffer,
        keys: TransportKeys,
        policy: GuestPolicy,
    ) -> Result<Self, OtherSession> {
        match is_mac(keys.tik.policy_mac(policy), &buffer.policy_mac) {
            true => Ok(Self { buffer, keys, policy }),
            false => Err(OtherSession),
        }
    }

    /// What goes to the server, with the policy and the client's certificate.
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

/// Keys, policy and buffer are not of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherSession;

impl fmt::Display for OtherSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session buffer's POLICY_MAC is not that of this policy and TIK")
    }
}

impl core::error::Error for OtherSession {}
