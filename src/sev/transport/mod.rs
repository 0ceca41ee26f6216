//! Migration: guests that are sent and received (AMD 55766, SEND_START to RECEIVE_FINISH; AMD's published firmware 1.55.25,
//! `sev_mcmd.c`).
//!
//! The platform that sends makes a session with the Diffie-Hellman key of the one that receives, which the guest's policy has
//! to allow ([`Receiver::check`]). Pages and save areas go as packets: the host carries them, and cannot read or change them.
//!
//! | state | type | what it does |
//! |---|---|---|
//! | RUNNING | [`Running`] | [`send_start`](Running::send_start) |
//! | SUPDATE | [`Sending`] | [`data`](Sending::data), [`vmsa`](Sending::vmsa), [`attest`](Sending::attest), then [`finish`](Sending::finish) or [`cancel`](Sending::cancel) |
//! | SENT | [`Sent`] | [`attest`](Sent::attest) |
//! | RUPDATE | [`Receiving`] | [`data`](Receiving::data), [`vmsa`](Receiving::vmsa), then [`finish`](Receiving::finish) |
//!
//! States of the platform, handles, ASIDs and addresses are for who has a platform: the firmware looks at them before what is
//! here, and at the address of guest memory after the lengths.
//!
//! # What the packets do not protect
//! A packet has no number and no address. The host can leave packets out, **repeat them within the session**, and put a page
//! where it likes; no measurement tells the guest's owner of it. A packet of another session is refused. The receiver does
//! not know who sent: nobody vouches for the sender's key, and only the policy is bound to the session.
//!
//! Packets of 16 and 32 bytes are taken here and not by the published firmware: see [`packet`](super::packet).
//!
//! ```
//! use sevcrypt::Backend;
//! use sevcrypt::ecdh::PrivateKey;
//! use sevcrypt::sev::cert::{Certificate, Trust};
//! use sevcrypt::sev::launch::Loading;
//! use sevcrypt::sev::packet::PacketIv;
//! use sevcrypt::sev::session::{Channel, SessionRandom};
//! use sevcrypt::sev::transport::{Receiver, Receiving, Sender};
//! use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
//!
//! let backend = Backend::best();
//! let firmware = FirmwareVersion { api: ApiVersion { major: 1, minor: 55 }, build: 1 };
//! let [old, new] = [1, 2].map(|seed| PrivateKey::from_random(&[seed; 56])); // two platforms' PDHs
//! let certificate = |key: &PrivateKey| Certificate::of_ecdh_key(&key.public_key(), firmware.api);
//!
//! // A guest that runs on the old platform. Its policy allows any platform to get it.
//! let policy = GuestPolicy(0);
//! let mut loading = Loading::start_without_session(policy);
//! loading.update_data(&[7; 4096])?;
//! let guest = loading.measure(firmware, &[3; 16], backend).1.finish();
//!
//! // All random bytes must be fresh.
//! let receiver = certificate(&new);
//! let receiver = Receiver { pdh: receiver.as_bytes(), platform: &[], amd: &[] };
//! let oca = certificate(&old); // no owner counts for this policy
//! let sender = Sender { pdh: &old, oca: &oca, trust: Trust::amd() };
//! let random = SessionRandom::new(&[4; 64]);
//! let (sending, session) = guest.send_start(&receiver, &sender, &random, backend)?;
//! let mut page = [7; 4096];
//! let header = sending.data(PacketIv::from_random([5; 16]), &mut page)?;
//! sending.finish();
//!
//! // On the new platform.
//! let (session, peer) = (session.to_bytes(), certificate(&old));
//! let channel = Channel::open(&new, peer.as_bytes(), &session, policy, firmware.api)?;
//! let receiving = Receiving::start(channel, backend);
//! let mut received = [0; 4096];
//! receiving.data_to(&header, &page, &mut received)?;
//! receiving.data(&header, &mut page)?; // or in place
//! assert_eq!((page, received), ([7; 4096], [7; 4096]));
//! let guest = receiving.finish();
//! assert_eq!((guest.policy(), guest.digest()), (policy, &[0; 32]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What comes too early or too late does not compile. A guest that runs sends no page:
//! ```compile_fail,E0599
//! # use sevcrypt::sev::{launch::Running, packet::PacketIv};
//! fn early(guest: Running, page: &mut [u8]) {
//!     guest.data(PacketIv::from_random([5; 16]), page);
//! }
//! ```
//! One that was sent sends no more:
//! ```compile_fail,E0382
//! # use sevcrypt::sev::{packet::PacketIv, transport::Sending};
//! fn late(guest: Sending, page: &mut [u8]) {
//!     guest.finish();
//!     guest.data(PacketIv::from_random([5; 16]), page);
//! }
//! ```
//! An IV serves once:
//! ```compile_fail,E0382
//! # use sevcrypt::sev::{packet::PacketIv, transport::Sending};
//! fn twice(guest: &Sending, iv: PacketIv, pages: &mut [[u8; 4096]; 2]) {
//!     guest.data(iv, &mut pages[0]);
//!     guest.data(iv, &mut pages[1]);
//! }
//! ```
//! A guest is received in a session only:
//! ```compile_fail,E0624
//! # use sevcrypt::{Backend, sev::{GuestPolicy, session::Channel, transport::Receiving}};
//! fn without(policy: GuestPolicy) -> Receiving {
//!     Receiving::start(Channel::without_session(policy), Backend::best())
//! }
//! ```
//! A guest that is being received does not run yet, and attests nothing:
//! ```compile_fail,E0599
//! # use sevcrypt::{ecdsa::SigningKey, sev::transport::Receiving};
//! fn early(guest: Receiving, pek: &SigningKey) {
//!     guest.attest(&[0; 16], pek);
//! }
//! ```

mod receiving;
mod rules;
mod sending;

pub use receiving::Receiving;
pub use rules::{Link, Receiver, SendStartError, Sender};
pub use sending::{SendRefused, Sending, Sent};

use core::fmt;

use crate::sev::launch::Running;
use crate::sev::packet::{Context, MAX_LEN, is_valid_len};
use crate::status::Status;
use crate::vmsa::IntegrityError;

/// The byte of a save area's packet under the MAC. Both ends must have the same.
///
/// ```
/// use sevcrypt::ecdh::PrivateKey;
/// use sevcrypt::ecdsa::SigningKey;
/// use sevcrypt::sev::cert::{Certificate, Trust};
/// use sevcrypt::sev::launch::Loading;
/// use sevcrypt::sev::packet::PacketIv;
/// use sevcrypt::sev::session::{Channel, SessionRandom};
/// use sevcrypt::sev::transport::{Link, Receiver, Receiving, SendRefused, SendStartError, Sender, VmsaContext};
/// use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
/// use sevcrypt::vmsa::Vmsa;
/// use sevcrypt::{Backend, PhysAddr};
///
/// let (backend, policy) = (Backend::best(), GuestPolicy(0x4)); // SEV-ES
/// let firmware = FirmwareVersion { api: ApiVersion { major: 1, minor: 55 }, build: 25 };
/// let [old, new] = [1, 2].map(|seed| PrivateKey::from_random(&[seed; 56]));
/// let certificate = |key: &PrivateKey| Certificate::of_ecdh_key(&key.public_key(), firmware.api);
/// let guest = Loading::start_without_session(policy).measure(firmware, &[3; 16], backend).1.finish();
///
/// // The host brings no certificate: the guest stays, and runs on.
/// let (random, oca, pdh) = (SessionRandom::new(&[4; 64]), certificate(&old), certificate(&new));
/// let sender = Sender { pdh: &old, oca: &oca, trust: Trust::amd() };
/// let none = Receiver { pdh: &[], platform: &[], amd: &[] };
/// let Err(SendRefused { guest, error }) = guest.send_start(&none, &sender, &random, backend) else { panic!("it has no PDH") };
/// assert!(matches!(error, SendStartError::Certificate { link: Link::Pdh, .. }));
///
/// // A save area, on its way.
/// let receiver = Receiver { pdh: pdh.as_bytes(), ..none };
/// let random = SessionRandom::new(&[5; 64]);
/// let (sending, session) = guest.send_start(&receiver, &sender, &random, backend)?;
/// let sending = sending.with_vmsa_context(VmsaContext::Data);
/// let (mut vmsa, mut packet) = (Vmsa::default(), [0; 4096]);
/// vmsa.set_rip(0xfff0);
/// let block = vmsa.prepare(PhysAddr::new(0x7000)?);
/// let header = sending.vmsa(PacketIv::from_random([6; 16]), &vmsa, &[block], &mut packet)?;
/// let sent = sending.finish();
/// println!("{:?}", sent.attest(b"a verifier's own", &SigningKey::from_random(&[7; 56]))?);
///
/// let channel = Channel::open(&new, certificate(&old).as_bytes(), &session.to_bytes(), policy, firmware.api)?;
/// let receiving = Receiving::start(channel, backend).with_vmsa_context(VmsaContext::Data);
/// let mut received = Vmsa::default();
/// receiving.vmsa(&header, &packet, PhysAddr::new(0x9000)?, &mut received)?;
/// assert_eq!(received.rip(), 0xfff0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VmsaContext {
    /// 2, as packets of data have: so the published firmware, Genoa's, makes and takes them.
    #[default]
    Data,
    /// 3, which that firmware's list has for save areas. UNKNOWN: whether that of Naples and Rome uses it.
    Vmsa,
}

impl VmsaContext {
    const fn of_packet(self) -> Context<'static> {
        match self {
            Self::Data => Context::Data,
            Self::Vmsa => Context::Vmsa,
        }
    }
}

/// The lengths of a packet's plaintext and ciphertext.
fn check_lengths(guest: usize, trans: usize) -> Result<(), TransportError> {
    if is_valid_len(guest) && guest == trans {
        Ok(())
    } else {
        Err(TransportError::Lengths { guest, trans })
    }
}

/// Why a packet is not made or not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportError {
    /// A save area of a guest whose policy does not ask for SEV-ES.
    NotEs,
    /// The lengths are not the same multiple of 16 bytes, above 0 and at most
    /// [`MAX_LEN`].
    Lengths {
        /// GUEST_LENGTH: the bytes of the plaintext's place.
        guest: usize,
        /// TRANS_LENGTH: those of the ciphertext's.
        trans: usize,
    },
    /// The save area that should be sent is none of this guest's, or was changed.
    Integrity(IntegrityError),
    /// The packet that came is compressed. (The firmware says so before it looks at the MAC. UNKNOWN: the compression.)
    Compressed,
    /// The MAC of the packet that came is another one: it was changed, is of another session, or is no such packet.
    Mac,
}

impl TransportError {
    /// What the firmware answers.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::NotEs | Self::Compressed => Status::UNSUPPORTED,
            Self::Lengths { .. } => Status::INVALID_LENGTH,
            Self::Integrity(_) => Status::INVALID_PARAM,
            Self::Mac => Status::BAD_MEASUREMENT,
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEs => f.write_str("a save area for a guest whose policy does not have ES"),
            Self::Lengths { guest, trans } if guest != trans => {
                write!(f, "{guest} bytes of a guest and {trans} of a packet: expected as many")
            }
            Self::Lengths { guest, .. } => write!(
                f,
                "a packet of {guest} bytes: expected a multiple of 16 from 16 to {MAX_LEN}"
            ),
            Self::Integrity(error) => error.fmt(f),
            Self::Compressed => f.write_str("the packet is compressed, which is not supported"),
            Self::Mac => f.write_str("the packet's MAC is not that of a packet of this session"),
        }
    }
}

impl core::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Integrity(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
