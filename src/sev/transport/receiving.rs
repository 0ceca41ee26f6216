//! The platform that receives a guest.

use core::fmt;

use super::{Running, TransportError, VmsaContext, check_lengths};
use crate::addr::{Page, PhysAddr};
use crate::cpu::Backend;
use crate::sev::GuestPolicy;
use crate::sev::packet::{Context, PacketHeader, PacketKeys};
use crate::sev::session::Channel;
use crate::vmsa::{CheckBlock, Vmsa};

/// RUPDATE: a guest that is being received. The session's keys are wiped on drop.
///
/// See [the module](super) for an example.
pub struct Receiving {
    pub(super) keys: PacketKeys,
    pub(super) vmsa_context: VmsaContext,
    pub(super) policy: GuestPolicy,
}

impl Receiving {
    /// RECEIVE_START, when the session is open ([`Channel::open`]). The command has no form without a session.
    #[must_use]
    pub fn start(channel: Channel, backend: Backend) -> Self {
        Self {
            keys: PacketKeys::new(channel.keys(), backend),
            vmsa_context: VmsaContext::default(),
            policy: channel.policy(),
        }
    }

    /// The same with another context byte for save areas.
    #[must_use]
    pub fn with_vmsa_context(self, vmsa_context: VmsaContext) -> Self {
        Self { vmsa_context, ..self }
    }

    /// POLICY.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        self.policy
    }

    /// RECEIVE_UPDATE_DATA: checks a packet's MAC in constant time and deciphers it in place.
    ///
    /// The same packet is taken again, and where its plaintext goes is the host's choice.
    ///
    /// # Errors
    /// [`TransportError::Lengths`], [`TransportError::Compressed`], [`TransportError::Mac`], in this order; nothing was
    /// deciphered.
    pub fn data(&self, header: &PacketHeader, data: &mut [u8]) -> Result<(), TransportError> {
        check_lengths(data.len(), data.len())?;
        check_flags(header)?;
        self.keys.open(Context::Data, header, data).ok_or(TransportError::Mac)
    }

    /// RECEIVE_UPDATE_DATA to another place of the same length.
    ///
    /// # Errors
    /// As [`data`](Self::data); nothing was written.
    pub fn data_to(
        &self,
        header: &PacketHeader,
        packet: &[u8],
        data: &mut [u8],
    ) -> Result<(), TransportError> {
        check_lengths(data.len(), packet.len())?;
        self.check(Context::Data, header, packet)?;
        data.copy_from_slice(packet);
        self.keys.decipher(header, data);
        Ok(())
    }

    /// RECEIVE_UPDATE_VMSA: deciphers a save area to `vmsa`, and gives it a check block at `block`: the one that the sender
    /// had is another platform's.
    ///
    /// # Errors
    /// [`TransportError::NotEs`], [`TransportError::Compressed`], [`TransportError::Mac`], in this order; nothing was
    /// written.
    pub fn vmsa(
        &self,
        header: &PacketHeader,
        packet: &Page,
        block: PhysAddr,
        vmsa: &mut Vmsa,
    ) -> Result<CheckBlock, TransportError> {
        if !self.policy.es() {
            return Err(TransportError::NotEs);
        }
        self.check(self.vmsa_context.of_packet(), header, packet)?;
        *vmsa.as_bytes_mut() = *packet;
        self.keys.decipher(header, vmsa.as_bytes_mut());
        Ok(vmsa.prepare(block))
    }

    /// The checks of a packet whose lengths are valid.
    fn check(
        &self,
        context: Context<'_>,
        header: &PacketHeader,
        packet: &[u8],
    ) -> Result<(), TransportError> {
        check_flags(header)?;
        let is_authentic = self.keys.is_authentic(context, header, packet);
        if is_authentic { Ok(()) } else { Err(TransportError::Mac) }
    }

    /// RECEIVE_FINISH: the keys are erased, and the guest runs. Whether all of it came, nobody has checked.
    #[must_use]
    pub fn finish(self) -> Running {
        Running::received(self.policy)
    }
}

/// The firmware takes no compressed packet, and says so before it looks at the MAC.
fn check_flags(header: &PacketHeader) -> Result<(), TransportError> {
    if header.is_compressed() { Err(TransportError::Compressed) } else { Ok(()) }
}

impl fmt::Debug for Receiving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").field("policy", &self.policy).finish_non_exhaustive()
    }
}
