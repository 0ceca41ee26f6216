//! Sessions: the secret channel between a guest's owner, or a platform that sends a guest, and the platform that gets
//! it (AMD 55766, LAUNCH_START, SEND_START, RECEIVE_START).
//!
//! The *client* makes the keys: a guest's owner, or the platform that sends. The *server* is the firmware that the guest
//! comes to; it has the private key of a PDH. Both find a secret Z by ECDH, which the host between them does not have. From
//! it come a key that wraps the transport keys (TEK, TIK), and one that authenticates the wrapped ones.
//!
//! ```
//! use sevcrypt::ecdh::PrivateKey;
//! use sevcrypt::sev::cert::{Certificate, PdhKey};
//! use sevcrypt::sev::session::{Channel, ClientSession, SessionRandom};
//! use sevcrypt::sev::{ApiVersion, GuestPolicy};
//!
//! let api = ApiVersion { major: 1, minor: 55 };
//! let policy = GuestPolicy(0x3701_0005);
//!
//! // The platform; an owner verifies its chain before anything else.
//! let pdh = PrivateKey::from_random(&[7; 56]); // fresh random bytes, as everywhere here
//! let pdh_certificate = Certificate::of_ecdh_key(&pdh.public_key(), api);
//!
//! // The owner: a key for this session, its certificate, the session.
//! let own = PrivateKey::from_random(&[8; 56]);
//! let certificate = Certificate::of_ecdh_key(&own.public_key(), api);
//! let platform = PdhKey::unauthenticated(&pdh_certificate)?;
//! let client = ClientSession::new(&own, &platform, policy, &SessionRandom::new(&[9; 64]));
//!
//! // Certificate, buffer and policy go past the host to the firmware.
//! let buffer = client.buffer().to_bytes();
//! let channel = Channel::open(&pdh, certificate.as_bytes(), &buffer, policy, api)?;
//! assert_eq!(channel.keys().tek.as_bytes(), client.keys().tek.as_bytes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What comes too early does not compile
//! Before WRAP_MAC and POLICY_MAC were checked there are no keys:
//! ```compile_fail,E0616
//! # use sevcrypt::sev::session::Unwrapped;
//! fn early(session: Unwrapped) -> sevcrypt::sev::session::TransportKeys {
//!     session.keys
//! }
//! ```
//! ```compile_fail,E0451
//! # use sevcrypt::sev::session::{TransportKeys, Unwrapped};
//! fn forged(keys: TransportKeys) -> Unwrapped {
//!     Unwrapped { keys, policy_mac: [0; 32] }
//! }
//! ```
//! and before the policy was checked there is no guest to load:
//! ```compile_fail,E0308
//! # use sevcrypt::sev::{launch::Loading, session::Unwrapped};
//! fn early(session: Unwrapped) -> Loading {
//!     Loading::start(session)
//! }
//! ```
//!
//! # Who is at the other end
//! Whoever has the platform's public key can open a session with it: nothing says to the firmware who its client is. The
//! client knows that the platform is authentic if it verified its certificates, and that the guest is its own by the
//! measurement ([`launch`](super::launch)), which is made with the TIK that it chose.

mod client;
mod server;

pub use client::{ClientSession, OtherSession, SessionRandom};
pub use server::{Channel, SessionError, Unwrapped};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::GuestPolicy;
use crate::addr::Block;
use crate::cpu::Backend;
use crate::ctr::CtrKey;
use crate::kdf::derive_array;
use crate::secret::{secret, tell};
use crate::wipe::Wiped;
use crate::wire::{field, field_mut};

secret! {
    /// TEK: the transport encryption key, AES-128.
    Tek, 16
}
secret! {
    /// TIK: the transport integrity key, for HMAC-SHA-256.
    ///
    /// ```compile_fail,E0599
    /// # let key = sevcrypt::sev::session::Tik::new(&[7; 16]);
    /// let copy = key.clone();
    /// ```
    Tik, 16
}

impl Tik {
    /// HMAC-SHA-256 under this key.
    pub(in crate::sev) fn hmac(&self) -> Hmac<Sha256> {
        hmac(self.as_bytes())
    }

    /// POLICY_MAC.
    fn policy_mac(&self, policy: GuestPolicy) -> Hmac<Sha256> {
        self.hmac().chain_update(policy.0.to_le_bytes())
    }
}

fn hmac(key: &[u8; 16]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// Whether this is the MAC that was computed, in constant time.
pub(in crate::sev) fn is_mac(computed: Hmac<Sha256>, found: &[u8; 32]) -> bool {
    // The right MAC of something wrong is a forgery's half.
    let computed: Wiped<[u8; 32]> = Wiped::new(computed.finalize().into_bytes().into());
    tell(computed.ct_eq(found))
}

/// TEK and TIK, which both ends of a session have. Whoever knows them can read the guest's secrets, and forge its measurement.
#[derive(Debug)]
pub struct TransportKeys {
    /// The key that enciphers.
    pub tek: Tek,
    /// The key that authenticates.
    pub tik: Tik,
}

impl TransportKeys {
    /// The keys of a launch without a session (AMD's published firmware, LAUNCH_START).
    fn zero() -> Self {
        Self { tek: Tek::new(&[0; 16]), tik: Tik::new(&[0; 16]) }
    }

    /// TEK, then TIK.
    #[cfg(feature = "platform")]
    pub(crate) fn to_bytes(&self) -> Wiped<[u8; 32]> {
        let mut bytes = Wiped::new([0; 32]);
        *field_mut::<0, 16, _>(&mut bytes) = *self.tek.as_bytes();
        *field_mut::<16, 16, _>(&mut bytes) = *self.tik.as_bytes();
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) has made.
    #[cfg(feature = "platform")]
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self { tek: Tek::new(field::<0, 16, _>(bytes)), tik: Tik::new(field::<16, 16, _>(bytes)) }
    }
}

/// A session buffer: what a client hands to the server, past the host (AMD 55766, LAUNCH_START). All of it may be public.
///
/// WRAP_MAC does not cover WRAP_IV: who changes that also changes TEK and TIK, and POLICY_MAC is then another one.
///
/// ```
/// use sevcrypt::sev::session::SessionBuffer;
///
/// let bytes = core::array::from_fn(|i| i as u8);
/// let buffer = SessionBuffer::from_bytes(&bytes);
/// assert_eq!(buffer.nonce[0], 0x00);
/// assert_eq!(buffer.wrap_mac[0], 0x40);
/// assert_eq!(buffer.to_bytes(), bytes);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionBuffer {
    /// NONCE: makes the session's MASTER another one each time.
    pub nonce: [u8; 16],
    /// WRAP_TK: TEK and TIK, enciphered.
    pub wrap_tk: [u8; 32],
    /// WRAP_IV: the first counter block of WRAP_TK.
    pub wrap_iv: Block,
    /// WRAP_MAC: over WRAP_TK.
    pub wrap_mac: [u8; 32],
    /// POLICY_MAC: over the policy, under TIK.
    pub policy_mac: [u8; 32],
}

impl SessionBuffer {
    /// The length in bytes.
    pub const LEN: usize = 128;

    /// From its bytes; nothing is checked.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self {
            nonce: *field::<0x00, 16, _>(bytes),
            wrap_tk: *field::<0x10, 32, _>(bytes),
            wrap_iv: *field::<0x30, 16, _>(bytes),
            wrap_mac: *field::<0x40, 32, _>(bytes),
            policy_mac: *field::<0x60, 32, _>(bytes),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        *field_mut::<0x00, 16, _>(&mut bytes) = self.nonce;
        *field_mut::<0x10, 32, _>(&mut bytes) = self.wrap_tk;
        *field_mut::<0x30, 16, _>(&mut bytes) = self.wrap_iv;
        *field_mut::<0x40, 32, _>(&mut bytes) = self.wrap_mac;
        *field_mut::<0x60, 32, _>(&mut bytes) = self.policy_mac;
        bytes
    }
}

/// KEK and KIK: what wraps the transport keys, and what authenticates the wrapped ones.
struct WrapKeys {
    kek: Wiped<[u8; 16]>,
    kik: Wiped<[u8; 16]>,
}

impl WrapKeys {
    /// From Z, by way of MASTER.
    fn derive(z: &[u8], nonce: &[u8; 16]) -> Self {
        let mut master = Wiped::new([0; 16]);
        derive_array(z, b"sev-master-secret", nonce, &mut master);
        let mut keys = Self { kek: Wiped::new([0; 16]), kik: Wiped::new([0; 16]) };
        derive_array(&*master, b"sev-kek", b"", &mut keys.kek);
        derive_array(&*master, b"sev-kik", b"", &mut keys.kik);
        keys
    }

    /// Enciphers or deciphers TEK and TIK in their place. Two blocks are not worth a choice of backend.
    fn apply(&self, wrap_iv: &Block, keys: &mut [u8; 32]) {
        CtrKey::new(&*self.kek, Backend::portable()).apply(wrap_iv, keys);
    }

    /// WRAP_MAC.
    fn wrap_mac(&self, wrap_tk: &[u8; 32]) -> Hmac<Sha256> {
        hmac(&self.kik).chain_update(wrap_tk)
    }
}

#[cfg(test)]
mod tests;
