//! The platform that sends a guest.

use core::fmt;

use super::{
    Receiver, Running, SendStartError, Sender, TransportError, VmsaContext, check_lengths,
};
use crate::addr::Page;
use crate::cpu::Backend;
use crate::ecdsa::SignerSha256;
use crate::hash::Sha256Digest;
use crate::sev::GuestPolicy;
use crate::sev::packet::{Context, PacketHeader, PacketIv, PacketKeys, is_valid_len};
use crate::sev::report::AttestationReport;
#[cfg(feature = "platform")]
use crate::sev::session::TransportKeys;
use crate::sev::session::{ClientSession, SessionBuffer, SessionRandom};
use crate::vmsa::{CheckBlock, Vmsa};
use crate::wipe::Wiped;

impl Running {
    /// SEND_START: makes a session with the platform that shall get the guest, if the policy allows it. The session's buffer,
    /// the policy and the certificate of the sender's PDH go to RECEIVE_START there. `random` must be fresh.
    ///
    /// (The length of the buffer's place, 128, is for who has it: the firmware looks at it first.)
    ///
    /// # Errors
    /// [`SendRefused`], which gives the guest back: it still runs. See [`Receiver::check`].
    pub fn send_start(
        self,
        receiver: &Receiver<'_>,
        sender: &Sender<'_>,
        random: &SessionRandom,
        backend: Backend,
    ) -> Result<(Sending, SessionBuffer), SendRefused> {
        let pdh = match receiver.check(self.policy(), sender.oca, &sender.trust) {
            Ok(pdh) => pdh,
            Err(error) => return Err(SendRefused { guest: self, error }),
        };
        let session = ClientSession::new(sender.pdh, &pdh, self.policy(), random);
        let keys = PacketKeys::new(session.keys(), backend);
        Ok((Sending::new(keys, self), *session.buffer()))
    }
}

/// SUPDATE: a guest that is being sent. The session's keys are wiped on drop.
///
/// See [the module](super) for an example.
pub struct Sending(Wiped<Session>);

/// Wiped as a whole: the moves that fill it also copy its padding, which may hold old stack bytes.
struct Session {
    keys: PacketKeys,
    vmsa_context: VmsaContext,
    guest: Running,
}

impl Sending {
    pub(super) fn new(keys: PacketKeys, guest: Running) -> Self {
        Self(Wiped::new(Session { keys, vmsa_context: VmsaContext::default(), guest }))
    }

    /// The same with another context byte for save areas.
    #[must_use]
    pub fn with_vmsa_context(mut self, vmsa_context: VmsaContext) -> Self {
        self.0.vmsa_context = vmsa_context;
        self
    }

    /// POLICY.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        self.0.guest.policy()
    }

    /// LD. All zero for a guest that came from another platform.
    #[must_use]
    pub fn digest(&self) -> &Sha256Digest {
        self.0.guest.digest()
    }

    /// ATTESTATION: a report with the caller's MNONCE.
    ///
    /// # Errors
    /// The signer's.
    pub fn attest<S: SignerSha256>(
        &self,
        mnonce: &[u8; 16],
        pek: &S,
    ) -> Result<AttestationReport, S::Error> {
        self.0.guest.attest(mnonce, pek)
    }

    /// SEND_UPDATE_DATA: enciphers plaintext of the guest in place. MODEL: also [16 and 32 bytes](crate::sev::packet).
    ///
    /// # Errors
    /// [`TransportError::Lengths`]; nothing was enciphered.
    pub fn data(&self, iv: PacketIv, data: &mut [u8]) -> Result<PacketHeader, TransportError> {
        check_lengths(data.len(), data.len())?;
        Ok(self.0.keys.seal(Context::Data, iv, data))
    }

    /// SEND_UPDATE_DATA to another place, which may be longer than the plaintext: as many bytes of it are written.
    ///
    /// # Errors
    /// [`TransportError::Lengths`]; nothing was written.
    ///
    /// ```
    /// # use sevcrypt::sev::{packet::PacketIv, transport::{Sending, TransportError}};
    /// fn send(guest: &Sending, page: &[u8; 4096], random: [u8; 16]) -> Result<(), TransportError> {
    ///     let mut packet = [0; 4096];
    ///     let header = guest.data_to(PacketIv::from_random(random), page, &mut packet)?;
    ///     println!("{:02x?} {:02x?}", header.to_bytes(), packet);
    ///     Ok(())
    /// }
    /// ```
    pub fn data_to(
        &self,
        iv: PacketIv,
        data: &[u8],
        packet: &mut [u8],
    ) -> Result<PacketHeader, TransportError> {
        self.seal_to(Context::Data, iv, data, packet)
    }

    /// SEND_UPDATE_VMSA: enciphers a save area, the firmware's words included, if it is one of the guest's, whose check
    /// blocks `blocks` are.
    ///
    /// # Errors
    /// [`TransportError::NotEs`], [`TransportError::Integrity`], in this order; nothing was written.
    pub fn vmsa(
        &self,
        iv: PacketIv,
        vmsa: &Vmsa,
        blocks: &[CheckBlock],
        packet: &mut Page,
    ) -> Result<PacketHeader, TransportError> {
        if !self.policy().es() {
            return Err(TransportError::NotEs);
        }
        vmsa.check_integrity(blocks).map_err(TransportError::Integrity)?;
        self.seal_to(self.0.vmsa_context.of_packet(), iv, vmsa.as_bytes(), packet)
    }

    fn seal_to(
        &self,
        context: Context<'_>,
        iv: PacketIv,
        data: &[u8],
        packet: &mut [u8],
    ) -> Result<PacketHeader, TransportError> {
        let lengths = TransportError::Lengths { guest: data.len(), trans: packet.len() };
        let Some((packet, _)) = packet.split_at_mut_checked(data.len()) else {
            return Err(lengths);
        };
        if !is_valid_len(data.len()) {
            return Err(lengths);
        }
        Ok(self.0.keys.seal_to(context, iv, data, packet))
    }

    /// SEND_FINISH: the keys are erased, and the guest does not run here any more.
    pub fn finish(self) -> Sent {
        Sent { guest: self.cancel() }
    }

    /// SEND_CANCEL: the keys are erased, and the guest runs on. (Packets that were made stay good for the receiver.)
    #[must_use]
    pub fn cancel(self) -> Running {
        let Running { policy, digest } = self.0.guest;
        Running { policy, digest }
    }
}

/// For a machine that is saved.
#[cfg(feature = "platform")]
impl Sending {
    /// TEK and TIK, the context byte of save areas, and the guest.
    pub(crate) fn parts(&self) -> (&TransportKeys, VmsaContext, &Running) {
        let Session { keys, vmsa_context, guest } = &*self.0;
        (keys.transport(), *vmsa_context, guest)
    }

    pub(crate) fn resume(keys: &TransportKeys, guest: Running, backend: Backend) -> Self {
        Self::new(PacketKeys::new(keys, backend), guest)
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("guest", &self.0.guest).finish_non_exhaustive()
    }
}

/// SENT: a guest that is gone. What is left is to take its memory back (DECOMMISSION).
#[derive(Debug)]
pub struct Sent {
    guest: Running,
}

impl Sent {
    /// One that was gone when its machine was saved.
    #[cfg(feature = "platform")]
    pub(crate) const fn resume(guest: Running) -> Self {
        Self { guest }
    }

    /// POLICY.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        self.guest.policy()
    }

    /// LD. All zero for a guest that had come from another platform.
    #[must_use]
    pub fn digest(&self) -> &Sha256Digest {
        self.guest.digest()
    }

    /// ATTESTATION: a report with the caller's MNONCE. It says what was launched here, not that it still runs anywhere.
    ///
    /// # Errors
    /// The signer's.
    pub fn attest<S: SignerSha256>(
        &self,
        mnonce: &[u8; 16],
        pek: &S,
    ) -> Result<AttestationReport, S::Error> {
        self.guest.attest(mnonce, pek)
    }
}

/// A guest that may not go there. It still runs.
#[derive(Debug)]
pub struct SendRefused {
    /// The guest.
    pub guest: Running,
    /// Why.
    pub error: SendStartError,
}

impl fmt::Display for SendRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the guest is not sent: {}", self.error)
    }
}

impl core::error::Error for SendRefused {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}
