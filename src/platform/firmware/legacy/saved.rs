//! SEV and SEV-ES of a machine that is saved, and goes on later.

use std::boxed::Box;
use std::collections::{BTreeMap, BTreeSet};
use std::vec::Vec;

use super::platform::{TMR_LEN, TMR_LEN_WITH_RMP};
use super::{
    Guest, GuestAsid, LAST_HANDLE, Legacy, Platform, Stage, TrustedRegion, overlap, store,
};
use crate::addr::{Asid, PAGE, PhysAddr};
use crate::cpu::Backend;
use crate::platform::Chip;
use crate::platform::firmware::Secret;
use crate::platform::firmware::state::AsidOwner;
use crate::platform::save::{Reader, RestoreError, Writer};
use crate::sev::keys::PlatformKeys;
use crate::sev::launch::{LaunchDigest, Loading, Measured, Running, STATE_LEN};
use crate::sev::session::{Channel, TransportKeys};
use crate::sev::transport::{Receiving, Sending, Sent, VmsaContext};
use crate::sev::{ApiVersion, GuestPolicy};
use crate::vmsa::{CheckBlock, IntegrityValue};

/// What restored guests need beside the bytes.
pub(crate) struct Around<'a> {
    pub(crate) chip: &'a Chip,
    pub(crate) api: ApiVersion,
    pub(crate) backend: Backend,
    /// Whether memory has the bytes from an address on.
    pub(crate) holds: &'a dyn Fn(u64, u64) -> bool,
}

impl Legacy {
    /// What it has with and without power: the flash memory and the fuses.
    pub(crate) fn save_identity(&self, out: &mut Writer) {
        let Self { platform: _, flash, root } = self;
        out.option(flash.as_ref(), |out, parts| out.bytes(&store::encode(parts)[..]));
        out.option(root.as_deref(), Writer::counted);
    }

    /// What [`save_identity`](Self::save_identity) has written.
    pub(crate) fn read_identity(from: &mut Reader<'_>) -> Result<Self, RestoreError> {
        let flash = from.option(|from| Ok(store::decode(from.array()?)))?;
        let root = from.option(Reader::counted)?.map(Box::from);
        Ok(Self { platform: None, flash, root })
    }

    /// What is gone without power.
    pub(crate) fn save_running(&self, out: &mut Writer) {
        let Self { platform, flash: _, root: _ } = self;
        out.option(platform.as_ref(), |out, platform| platform.save(out));
    }

    /// What [`save_running`](Self::save_running) has written.
    pub(crate) fn restore_running(
        &mut self,
        from: &mut Reader<'_>,
        around: &Around<'_>,
    ) -> Result<(), RestoreError> {
        self.platform = from.option(|from| Platform::restore(from, around))?;
        Ok(())
    }

    /// The ASIDs that its guests have, and whose they are.
    pub(crate) fn owners(&self) -> impl Iterator<Item = (Asid, AsidOwner)> {
        let guests = self.platform.iter().flat_map(|platform| &platform.guests);
        guests.filter_map(|(handle, guest)| Some((guest.asid?.asid, AsidOwner::Legacy(*handle))))
    }
}

impl Platform {
    fn save(&self, out: &mut Writer) {
        let Self { keys, nv_paddr, tmr, guests } = self;
        out.bytes(&store::encode(&keys.to_parts())[..]);
        out.option(*nv_paddr, Writer::u64);
        out.option(tmr.as_ref(), |out, TrustedRegion { first, len, taken: _ }| {
            out.u64(*first);
            out.u32(*len);
        });
        out.u64(guests.len() as u64);
        for (handle, guest) in guests {
            out.u32(*handle);
            guest.save(out);
        }
    }

    fn restore(from: &mut Reader<'_>, around: &Around<'_>) -> Result<Self, RestoreError> {
        let parts = store::decode(from.array()?);
        let keys = PlatformKeys::from_parts(around.chip.unique_key(), around.api, &parts);
        let keys = keys.map_err(|_| RestoreError::Malformed)?;
        let nv_paddr = from.option(Reader::u64)?;
        let nv_len = store::NV_LEN as u64;
        let is_nv = |nv: u64| nv.is_multiple_of(PAGE as u64) && (around.holds)(nv, nv_len);
        let mut tmr = from.option(|from| {
            Ok(TrustedRegion { first: from.u64()?, len: from.u32()?, taken: BTreeSet::new() })
        })?;
        let is_tmr = |TrustedRegion { first, len, .. }: &TrustedRegion| {
            matches!(*len, TMR_LEN | TMR_LEN_WITH_RMP)
                && first.is_multiple_of((*len).into())
                && (around.holds)(*first, (*len).into())
                && nv_paddr.is_none_or(|nv| !overlap((*first, (*len).into()), (nv, nv_len)))
        };
        if !nv_paddr.is_none_or(is_nv) || !tmr.as_ref().is_none_or(is_tmr) {
            return Err(RestoreError::Malformed);
        }
        let mut guests = BTreeMap::new();
        for _ in 0..from.u64()? {
            let handle = from.u32()?;
            let guest = Guest::restore(from, tmr.as_mut(), around.backend)?;
            let is_new = guests.insert(handle, guest).is_none();
            if !(1..=LAST_HANDLE).contains(&handle) || !is_new {
                return Err(RestoreError::Malformed);
            }
        }
        Ok(Self { keys, nv_paddr, tmr, guests })
    }
}

impl TrustedRegion {
    /// Takes a block that is free: its address.
    fn take(&mut self, number: u32) -> Result<PhysAddr, RestoreError> {
        let half = self.len / 2;
        if number >= half / 8 || !self.taken.insert(number) {
            return Err(RestoreError::Malformed);
        }
        let address = PhysAddr::new(self.first + u64::from(half) + u64::from(number) * 8);
        address.map_err(|_| RestoreError::Malformed)
    }
}

impl Guest {
    fn save(&self, out: &mut Writer) {
        let Self { stage, vek_seed, oek, oek_count, asid, blocks } = self;
        out.u8(stage.number());
        stage.save(out);
        out.bytes(&**vek_seed);
        out.bytes(&**oek);
        out.u64(*oek_count);
        out.option(*asid, |out, GuestAsid { asid, is_pending }| {
            out.u32(asid.get());
            out.bool(is_pending);
        });
        out.u64(blocks.len() as u64);
        // The address of a block follows from its number.
        for (number, CheckBlock { address: _, value }) in blocks {
            out.u32(*number);
            out.u64(value.0);
        }
    }

    fn restore(
        from: &mut Reader<'_>,
        mut tmr: Option<&mut TrustedRegion>,
        backend: Backend,
    ) -> Result<Self, RestoreError> {
        let mut guest = Self {
            stage: Stage::restore(from, backend)?,
            vek_seed: Secret::new(*from.array()?),
            oek: Secret::new(*from.array()?),
            oek_count: from.u64()?,
            asid: from.option(|from| {
                Ok(GuestAsid { asid: Asid::new(from.u32()?), is_pending: from.bool()? })
            })?,
            blocks: Vec::new(),
        };
        if guest.policy().es() && tmr.is_none() {
            return Err(RestoreError::Malformed);
        }
        for _ in 0..from.u64()? {
            let (number, value) = (from.u32()?, IntegrityValue(from.u64()?));
            let address = tmr.as_mut().ok_or(RestoreError::Malformed)?.take(number)?;
            guest.blocks.push((number, CheckBlock { address, value }));
        }
        Ok(guest)
    }
}

impl Stage {
    fn save(&self, out: &mut Writer) {
        match self {
            Self::LaunchUpdate(guest) => {
                let (channel, digest) = guest.parts();
                out.bytes(&channel.keys().to_bytes()[..]);
                out.u32(channel.policy().0);
                out.bytes(&digest.to_state()[..]);
            }
            Self::LaunchSecret(guest) => {
                let (keys, measure, guest) = guest.parts();
                out.bytes(&keys.to_bytes()[..]);
                out.bytes(measure);
                save_running(guest, out);
            }
            Self::Running(guest) => save_running(guest, out),
            Self::SendUpdate(guest) => {
                let (keys, context, guest) = guest.parts();
                out.bytes(&keys.to_bytes()[..]);
                save_context(context, out);
                save_running(guest, out);
            }
            Self::ReceiveUpdate(guest) => {
                let (keys, context, policy) = guest.parts();
                out.bytes(&keys.to_bytes()[..]);
                save_context(context, out);
                out.u32(policy.0);
            }
            Self::Sent(guest) => {
                out.u32(guest.policy().0);
                out.bytes(guest.digest());
            }
        }
    }

    fn restore(from: &mut Reader<'_>, backend: Backend) -> Result<Self, RestoreError> {
        Ok(match from.u8()? {
            1 => {
                let channel = Channel::resume(keys(from)?, policy(from)?);
                let digest = LaunchDigest::from_state(from.array::<STATE_LEN>()?);
                let digest = digest.ok_or(RestoreError::Malformed)?;
                Self::LaunchUpdate(Loading::resume(channel, digest))
            }
            2 => {
                let (keys, measure) = (keys(from)?, *from.array()?);
                Self::LaunchSecret(Measured::resume(&keys, measure, running(from)?, backend))
            }
            3 => Self::Running(running(from)?),
            4 => {
                let (keys, context) = (keys(from)?, context(from)?);
                let sending = Sending::resume(&keys, running(from)?, backend);
                Self::SendUpdate(sending.with_vmsa_context(context))
            }
            5 => {
                let (keys, context) = (keys(from)?, context(from)?);
                let receiving = Receiving::resume(&keys, policy(from)?, backend);
                Self::ReceiveUpdate(receiving.with_vmsa_context(context))
            }
            6 => Self::Sent(Sent::resume(running(from)?)),
            _ => return Err(RestoreError::Malformed),
        })
    }
}

fn save_running(guest: &Running, out: &mut Writer) {
    out.u32(guest.policy().0);
    out.bytes(guest.digest());
}

fn running(from: &mut Reader<'_>) -> Result<Running, RestoreError> {
    Ok(Running::resume(policy(from)?, *from.array()?))
}

fn save_context(context: VmsaContext, out: &mut Writer) {
    out.bool(context == VmsaContext::Vmsa);
}

fn context(from: &mut Reader<'_>) -> Result<VmsaContext, RestoreError> {
    Ok(if from.bool()? { VmsaContext::Vmsa } else { VmsaContext::Data })
}

fn keys(from: &mut Reader<'_>) -> Result<TransportKeys, RestoreError> {
    from.array().map(TransportKeys::from_bytes)
}

fn policy(from: &mut Reader<'_>) -> Result<GuestPolicy, RestoreError> {
    from.u32().map(GuestPolicy)
}
