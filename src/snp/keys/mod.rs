//! Keys of a platform and its guests: from a chip's secret to the keys that sign reports, and to those that guests derive.
//!
//! | you have | you get |
//! |---|---|
//! | a chip's secret ([`ChipSecret`]) and a TCB version | the [`HashSticks`] at that version, and at every older one |
//! | stick_7 of a chip, or of loaded sticks | the [`PrivateKey`] of its VCEK or VLEK |
//! | a provider's sticks ([`VlekSticks`]) | the blob for SNP_VLEK_LOAD of one chip, and the sticks again ([`VlekLoad`] is the command) |
//! | a guest's [`KeyRequest`], and what the firmware knows ([`GuestFacts`], [`PlatformFacts`]) | the [`DerivedKey`] or the status ([`derive_guest_key`]) |
//! | a root key, and what is to be mixed in ([`GuestIdentity`]) | the same key without the firmware's checks ([`MixData`]) |
//!
//! Everything follows AMD's published firmware for Genoa and AMD 56860. What is not published is the caller's: a chip's
//! secret has no default. Where this library has a rule of its own, the item says MODEL.
//!
//! ```
//! use sevcrypt::snp::keys::{ChipSecret, HashSticks, PrivateKey};
//! use sevcrypt::snp::tcb::TcbVersion;
//!
//! # let secret = [7; 48];
//! let chip = ChipSecret::new(&secret);
//! let sticks = HashSticks::new(&chip, TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]));
//! let vcek = PrivateKey::vcek(sticks.stick_7());
//! println!("{:?}", vcek.signing_key().verifying_key());
//! ```

mod guest;
mod private;
mod request;
mod sticks;
mod vlek;

pub use guest::{
    GuestFacts, GuestIdentity, IdBlockKey, MixData, PlatformFacts, RootKey, Vmrk, derive_guest_key,
};
pub use private::PrivateKey;
pub use request::{DerivedKey, GuestFieldSelect, KeyRequest, KeySelect, RootKeySelect};
pub use sticks::{ChipSecret, HashStick, HashSticks, StickError};
pub use vlek::{VlekLoad, VlekSticks};

#[cfg(test)]
mod tests;
