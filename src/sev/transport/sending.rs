//! The platform that sends a guest.

use core::fmt;

use super::{
    PacketIv, Receiver, Running, SendStartError, Sender, TransportError, VmsaContext, check_lengths,
};
use crate::addr::Page;
use crate::cpu::Backend;
use crate::sev::GuestPolicy;
use crate::sev::packet::{Context, PacketHeader, PacketKeys, is_valid_len};
use crate::sev::session::{ClientSession, SessionBuffer, SessionRandom};
use crate::vmsa::{CheckBlock, Vmsa};

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
        let vmsa_context = VmsaContext::default();
        Ok((Sending { keys, vmsa_context, guest: self }, *session.buffer()))
    }
}

/// SUPDATE: a guest that is being sent. The session's keys are wiped on drop.
///
/// See [the module](super) for an example.
pub struct Sending {
    pub(super) keys: PacketKeys,
    pub(super) vmsa_context: VmsaContext,
    pub(super) guest: Running,
}

impl Sending {
    /// The same with another context byte for save areas.
    #[must_use]
    pub fn with_vmsa_context(self, vmsa_context: VmsaContext) -> Self {
        Self { vmsa_context, ..self }
    }

    /// POLICY.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        self.guest.policy()
    }

    /// SEND_UPDATE_DATA: enciphers plaintext of the guest in place.
    ///
    /// # Errors
    /// [`TransportError::Lengths`]; nothing was enciphered.
    pub fn data(&self, iv: PacketIv, data: &mut [u8]) -> Result<PacketHeader, TransportError> {
        check_lengths(data.len(), data.len())?;
        Ok(self.keys.seal(Context::Data, &iv.0, data))
    }

    /// SEND_UPDATE_DATA to another place, which may be longer than the plaintext: as many bytes of it are written.
    ///
    /// # Errors
    /// [`TransportError::Lengths`]; nothing was written.
    ///
    /// ```
    /// # use sevcrypt::sev::transport::{PacketIv, Sending, TransportError};
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
        self.seal_to(Context::Data, &iv, data, packet)
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
        self.seal_to(self.vmsa_context.of_packet(), &iv, vmsa.as_bytes(), packet)
    }

    fn seal_to(
        &self,
        context: Context<'_>,
        iv: &PacketIv,
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
        packet.copy_from_slice(data);
        Ok(self.keys.seal(context, &iv.0, packet))
    }

    /// SEND_FINISH: the keys are erased, and the guest does not run here any more.
    pub fn finish(self) -> Sent {
        Sent { policy: self.policy() }
    }

    /// SEND_CANCEL: the keys are erased, and the guest runs on. (Packets that were made stay good for the receiver.)
    #[must_use]
    pub fn cancel(self) -> Running {
        self.guest
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("guest", &self.guest).finish_non_exhaustive()
    }
}

/// SENT: a guest that is gone. What is left is to take its memory back (DECOMMISSION).
#[derive(Debug)]
pub struct Sent {
    policy: GuestPolicy,
}

impl Sent {
    /// POLICY.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        self.policy
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
