//! Which memory channel an address belongs to: [`Interleave`].

use crate::addr::PhysAddr;

/// How addresses are spread over the memory channels, each of which has a controller with keys of its own.
///
/// AMD has not published the maps. A channel's number is `die * channels of a die + channel of the die`, which is what keys are
/// derived with (AMD's published firmware).
pub trait Interleave: Send + Sync {
    /// How many channels there are, on all dies.
    fn channels(&self) -> u32;

    /// The channel of an address, below [`channels`](Self::channels).
    fn channel(&self, addr: PhysAddr) -> u32;

    /// Bytes that lie in one channel, from a multiple of this number on: a power of two, 64 or more.
    fn granule(&self) -> u64;
}

/// All memory behind one controller: MODEL, and the fastest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OneChannel;

impl Interleave for OneChannel {
    fn channels(&self) -> u32 {
        1
    }

    fn channel(&self, _: PhysAddr) -> u32 {
        0
    }

    fn granule(&self) -> u64 {
        1 << PhysAddr::BITS
    }
}

/// MODEL: granules go to the channels in turn.
///
/// ```
/// use sevcrypt::PhysAddr;
/// use sevcrypt::platform::memory::{Interleave, RoundRobin};
///
/// let map = RoundRobin { channels: 12, granule: 256 };
/// assert_eq!(map.channel(PhysAddr::new(256 * 13)?), 1);
/// # Ok::<(), sevcrypt::AddressError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundRobin {
    /// How many channels there are, at least 1.
    pub channels: u32,
    /// The bytes of a granule.
    pub granule: u64,
}

impl Interleave for RoundRobin {
    fn channels(&self) -> u32 {
        self.channels
    }

    fn channel(&self, addr: PhysAddr) -> u32 {
        let granule = addr.get().checked_div(self.granule).unwrap_or(0);
        granule.checked_rem(u64::from(self.channels)).unwrap_or(0) as u32
    }

    fn granule(&self) -> u64 {
        self.granule
    }
}
