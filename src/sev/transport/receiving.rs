//! The platform that receives a guest.

use core::fmt;

use super::{Running, TransportError, VmsaContext, check_lengths};
use crate::addr::{Page, PhysAddr};
use crate::cpu::Backend;
use crate::sev::GuestPolicy;
use crate::sev::packet::{Context, PacketHeader, PacketKeys};
use crate::sev::session::Channel;
#[cfg(feature = "platform")]
use crate::sev::session::TransportKeys;
use crate::vmsa::{CheckBlock, Vmsa};
use crate::wipe::Wiped;

/// RUPDATE: a guest that is being received. The session's keys are wiped on drop.
///
/// See [the module](super) for an example.
pub struct Receiving(Wiped<Session>);

/// Wiped as a whole: the moves that fill it also copy its padding, which may hold old stack bytes.
struct Session {
    keys: PacketKeys,
    vmsa_context: VmsaContext,
    policy: GuestPolicy,
}

impl Receiving {
    /// RECEIVE_START, when the session is open ([`Channel::open`]). The command has no form without a session. Who shares
    /// another guest's key checks [`GuestPolicy::check_sharing`] then.
    #[must_use]
    pub fn start(channel: Channel, backend: Backend) -> Self {
        Self::new(PacketKeys::new(channel.keys(), backend), channel.policy())
    }

    pub(super) fn new(keys: PacketKeys, policy: GuestPolicy) -> Self {
        Self(Wiped::new(Session { keys, vmsa_context: VmsaContext::default(), policy }))
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
        self.0.policy
    }

    /// RECEIVE_UPDATE_DATA: checks a packet's MAC in constant time and deciphers it in place.
    ///
    /// The same packet is taken again, and where its plaintext goes is the host's choice. MODEL: also
    /// [16 and 32 bytes](crate::sev::packet).
    ///
    /// # Errors
    /// [`TransportError::Lengths`], [`TransportError::Compressed`], [`TransportError::Mac`], in this order; nothing was
    /// deciphered.
    pub fn data(&self, header: &PacketHeader, data: &mut [u8]) -> Result<(), TransportError> {
        check_lengths(data.len(), data.len())?;
        self.check(Context::Data, header, data)?;
        self.0.keys.decipher(header, data);
        Ok(())
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
        self.0.keys.decipher_to(header, packet, data);
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
        if !self.policy().es() {
            return Err(TransportError::NotEs);
        }
        self.check(self.0.vmsa_context.of_packet(), header, packet)?;
        self.0.keys.decipher_to(header, packet, vmsa.as_bytes_mut());
        Ok(vmsa.prepare(block))
    }

    /// The checks of a packet whose lengths are valid. The firmware takes no compressed one, and says so before it looks at the
    /// MAC.
    fn check(
        &self,
        context: Context<'_>,
        header: &PacketHeader,
        packet: &[u8],
    ) -> Result<(), TransportError> {
        if header.is_compressed() {
            return Err(TransportError::Compressed);
        }
        if !self.0.keys.is_authentic(context, header, packet) {
            return Err(TransportError::Mac);
        }
        Ok(())
    }

    /// RECEIVE_FINISH: the keys are erased, and the guest runs. Whether all of it came, nobody has checked.
    #[must_use]
    pub fn finish(self) -> Running {
        Running::received(self.policy())
    }
}

/// For a machine that is saved.
#[cfg(feature = "platform")]
impl Receiving {
    /// TEK and TIK, the context byte of save areas, and the policy.
    pub(crate) fn parts(&self) -> (&TransportKeys, VmsaContext, GuestPolicy) {
        let Session { keys, vmsa_context, policy } = &*self.0;
        (keys.transport(), *vmsa_context, *policy)
    }

    pub(crate) fn resume(keys: &TransportKeys, policy: GuestPolicy, backend: Backend) -> Self {
        Self::new(PacketKeys::new(keys, backend), policy)
    }
}

impl fmt::Debug for Receiving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").field("policy", &self.0.policy).finish_non_exhaustive()
    }
}
