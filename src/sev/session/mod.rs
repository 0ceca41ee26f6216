//! Sessions: the secret channel between a guest's owner, or a platform that sends a guest, and the platform that gets
//! it (AMD 55766, LAUNCH_START, SEND_START, RECEIVE_START).

mod client;
mod server;

pub use client::{ClientSession, SessionRandom};
pub use server::{Channel, SessionError, Unwrapped};

use crate::addr::Block;
use crate::secret::secret;

secret! {
    /// TEK: the transport encryption key.
    Tek, 16
}
secret! {
    /// TIK: the transport integrity key.
    Tik, 16
}

/// TEK and TIK, which both ends of a session have.
#[derive(Debug)]
pub struct TransportKeys {
    /// The key that enciphers.
    pub tek: Tek,
    /// The key that authenticates.
    pub tik: Tik,
}

/// A session buffer: what a client hands to the server, past the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionBuffer {
    /// NONCE.
    pub nonce: [u8; 16],
    /// WRAP_TK: TEK and TIK, enciphered.
    pub wrap_tk: [u8; 32],
    /// WRAP_IV.
    pub wrap_iv: Block,
    /// WRAP_MAC.
    pub wrap_mac: [u8; 32],
    /// POLICY_MAC.
    pub policy_mac: [u8; 32],
}

impl SessionBuffer {
    /// The length in bytes.
    pub const LEN: usize = 128;

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
