//! The keys of a controller, by ASID.

use core::borrow::Borrow;
use std::boxed::Box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::vec::Vec;

use super::{AccessError, Encryption, Generation};
use crate::addr::{Asid, PAGE, PhysAddr};
use crate::cpu::Backend;
use crate::error::KeyError;
use crate::kdf;
use crate::mem::{MemoryCipher, PageTweak, Tweak};
use crate::wipe::Wiped;

/// The label under which a guest's seed gives the keys of the channels, its zero included (AMD's published firmware).
const LABEL: &[u8; 24] = b"sev-vm-encryption-key-0\0";

/// What a seed becomes: one cipher for each memory channel.
pub(super) struct SlotKeys {
    seed: Wiped<[u8; 32]>,
    channels: Box<[MemoryCipher<Arc<Tweak>>]>,
}

impl SlotKeys {
    /// The cipher of a channel; there is at least one, and numbers beyond the last begin anew.
    pub(super) fn channel(&self, channel: u32) -> &MemoryCipher<Arc<Tweak>> {
        &self.channels[channel as usize % self.channels.len()]
    }

    /// The only cipher.
    #[inline]
    pub(super) fn only(&self) -> Option<&MemoryCipher<Arc<Tweak>>> {
        match &*self.channels {
            [only] => Some(only),
            _ => None,
        }
    }
}

/// How keys are made: what all slots share.
pub(super) struct Maker {
    pub(super) generation: Generation,
    pub(super) encryption: Encryption,
    pub(super) tweak: Arc<Tweak>,
    pub(super) channels: u32,
    pub(super) backend: Backend,
}

impl Maker {
    fn keys(&self, seed: &[u8; 32]) -> Result<Arc<SlotKeys>, KeyError> {
        let channels: Result<Vec<_>, _> =
            (0..self.channels).map(|channel| self.cipher(&channel_key(seed, channel))).collect();
        let channels = channels?.into_boxed_slice();
        Ok(Arc::new(SlotKeys { seed: Wiped::new(*seed), channels }))
    }

    fn cipher(&self, key: &[u8; 32]) -> Result<MemoryCipher<Arc<Tweak>>, KeyError> {
        let tweak = Arc::clone(&self.tweak);
        let (short, _) = key.split_first_chunk::<16>().expect("32 bytes have 16");
        match (self.encryption, self.generation) {
            (Encryption::Aes256Xts, _) => MemoryCipher::xts(key, tweak, self.backend),
            (Encryption::Aes128, Generation::NaplesXe) => {
                MemoryCipher::xe(short, tweak, self.backend)
            }
            (Encryption::Aes128, _) => MemoryCipher::xex(short, tweak, self.backend),
        }
    }
}

/// The key of one channel.
pub(super) fn channel_key(seed: &[u8; 32], channel: u32) -> Wiped<[u8; 32]> {
    let mut key = Wiped::new([0; 32]);
    kdf::derive_array(seed, LABEL, &channel.to_le_bytes(), &mut key);
    key
}

/// The slots: one for the host, one for each guest that the generation has keys for.
pub(super) struct KeySlots {
    maker: Maker,
    /// Keys of the seed of zeroes.
    empty: Arc<SlotKeys>,
    slots: Box<[Slot]>,
}

struct Slot {
    keys: RwLock<Arc<SlotKeys>>,
    /// How often the keys have been replaced: what copies of the [`Arc`] are compared by.
    version: AtomicU64,
}

impl Slot {
    fn new(keys: Arc<SlotKeys>) -> Self {
        Self { keys: RwLock::new(keys), version: AtomicU64::new(0) }
    }

    fn replace(&self, keys: Arc<SlotKeys>) {
        // Nothing panics while it is held.
        let mut place = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        *place = keys;
        self.version.fetch_add(1, Ordering::Release);
    }
}

impl KeySlots {
    pub(super) fn new(maker: Maker, host_seed: &[u8; 32]) -> Result<Self, KeyError> {
        let empty = maker.keys(&[0; 32])?;
        let host = Slot::new(maker.keys(host_seed)?);
        let guests = (0..maker.generation.guest_keys()).map(|_| Slot::new(Arc::clone(&empty)));
        let slots = core::iter::once(host).chain(guests).collect();
        Ok(Self { maker, empty, slots })
    }

    pub(super) fn maker(&self) -> &Maker {
        &self.maker
    }

    pub(super) fn tweak(&self) -> &Tweak {
        self.maker.tweak.borrow()
    }

    /// What the tweak has to compute for the page of an address.
    pub(super) fn page_tweak(&self, addr: PhysAddr) -> Result<PageTweak, AccessError> {
        self.tweak().page_tweak(addr).map_err(|_| AccessError::BeyondTweak {
            addr,
            len: PAGE as u64,
            bits: self.tweak().address_bits(),
        })
    }

    fn slot(&self, asid: Asid) -> Result<&Slot, AccessError> {
        let slot = usize::try_from(asid.get()).ok().and_then(|asid| self.slots.get(asid));
        slot.ok_or(AccessError::NoSlot { asid, slots: self.maker.generation.guest_keys() + 1 })
    }

    /// A slot's keys, with their version.
    pub(super) fn get(&self, asid: Asid) -> Result<(Arc<SlotKeys>, u64), AccessError> {
        let slot = self.slot(asid)?;
        let keys = slot.keys.read().unwrap_or_else(PoisonError::into_inner);
        Ok((Arc::clone(&keys), slot.version.load(Ordering::Relaxed)))
    }

    /// The version of a slot's keys.
    #[inline]
    pub(super) fn version(&self, asid: Asid) -> Result<u64, AccessError> {
        Ok(self.slot(asid)?.version.load(Ordering::Acquire))
    }

    pub(super) fn install(&self, asid: Asid, seed: &[u8; 32]) -> Result<(), AccessError> {
        let slot = self.slot(asid)?;
        slot.replace(self.maker.keys(seed).map_err(AccessError::Key)?);
        Ok(())
    }

    /// Installs a key itself, of one channel, for published answers.
    #[cfg(test)]
    pub(super) fn install_raw(&self, asid: Asid, key: &[u8; 32]) {
        let channels = Box::new([self.maker.cipher(key).unwrap()]);
        self.slot(asid)
            .unwrap()
            .replace(Arc::new(SlotKeys { seed: Wiped::new([0; 32]), channels }));
    }

    /// Puts the seed of zeroes into every guest's slot.
    pub(super) fn reset(&self) {
        self.slots.iter().skip(1).for_each(|slot| slot.replace(Arc::clone(&self.empty)));
    }

    /// What has been installed and not been reset.
    pub(super) fn seeds(&self) -> impl Iterator<Item = (Asid, Wiped<[u8; 32]>)> {
        (0..).map(Asid::new).zip(&self.slots).filter_map(|(asid, slot)| {
            let keys = slot.keys.read().unwrap_or_else(PoisonError::into_inner);
            (!Arc::ptr_eq(&keys, &self.empty)).then(|| (asid, Wiped::new(*keys.seed)))
        })
    }
}
