//! What one vCPU keeps between its accesses: [`PageCursor`].

use core::fmt;
use std::sync::Arc;

use super::slots::{KeySlots, SlotKeys};
use super::{AccessError, MemoryController};
use crate::addr::{Asid, PAGE, PhysAddr};
use crate::mem::{PageTweak, Tweak};

/// What a vCPU keeps of a controller, so that many accesses to the same pages are cheap: the keys of its guest, and what the
/// tweak has to compute for the last pages.
///
/// It is an optimisation only: with a new one, and with one of another controller, the result is the same. Keys that are
/// replaced are seen at the next access; the old ones are wiped when no cursor has them any more.
///
/// ```
/// # use sevcrypt::{Asid, PhysAddr};
/// # use sevcrypt::platform::memory::{ControllerConfig, DramKey, Generation, HeapDram, MemoryController};
/// # let config = ControllerConfig::new(Generation::Milan, &[1; 32], &[2; 32]);
/// # let memory = MemoryController::new(HeapDram::new(1 << 20)?, config)?;
/// let mut vcpu = memory.cursor();
/// let key = DramKey::Slot(Asid::new(1));
/// for word in (0..4096).step_by(8) {
///     memory.write_with(&mut vcpu, key, PhysAddr::new(0x4000 + word)?, &word.to_le_bytes())?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PageCursor<const PAGES: usize = 16> {
    /// Whose pages and keys these are.
    tweak: Option<Arc<Tweak>>,
    keys: Option<Kept>,
    pages: [Option<PageTweak>; PAGES],
}

struct Kept {
    asid: Asid,
    version: u64,
    keys: Arc<SlotKeys>,
}

impl<const PAGES: usize> PageCursor<PAGES> {
    /// One that has nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(PAGES > 0, "room for a page") };
        Self { tweak: None, keys: None, pages: [const { None }; PAGES] }
    }

    /// Keys and page tweak for an access.
    #[inline]
    pub(super) fn at(
        &mut self,
        slots: &KeySlots,
        asid: Asid,
        addr: PhysAddr,
    ) -> Result<(&SlotKeys, &PageTweak), AccessError> {
        let tweak = &slots.maker().tweak;
        if self.tweak.as_ref().is_none_or(|own| !Arc::ptr_eq(own, tweak)) {
            *self = Self { tweak: Some(Arc::clone(tweak)), ..Self::new() };
        }
        let version = slots.version(asid)?;
        if self.keys.as_ref().is_none_or(|kept| kept.asid != asid || kept.version != version) {
            let (keys, version) = slots.get(asid)?;
            self.keys = Some(Kept { asid, version, keys });
        }
        let Some(Kept { keys, .. }) = &self.keys else { unreachable!("set above") };
        let place = &mut self.pages[(addr.get() / PAGE as u64) as usize % PAGES];
        if place.as_ref().is_none_or(|kept| kept.page() != addr.page()) {
            *place = Some(slots.page_tweak(addr)?);
        }
        let Some(page) = place else { unreachable!("set above") };
        Ok((keys, page))
    }
}

impl<const PAGES: usize> Default for PageCursor<PAGES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const PAGES: usize> fmt::Debug for PageCursor<PAGES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageCursor(..)")
    }
}

impl<D> MemoryController<D> {
    /// A cursor for one vCPU.
    #[must_use]
    pub const fn cursor(&self) -> PageCursor {
        PageCursor::new()
    }
}
