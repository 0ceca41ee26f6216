//! Keys of a platform and its guests.

mod guest;
mod private;
mod request;
mod secret;
mod sticks;
mod vlek;

pub use guest::{
    GuestFacts, GuestIdentity, IdBlockKey, MixData, PlatformFacts, RootKey, Vmrk, derive,
};
pub use private::PrivateKey;
pub use request::{DerivedKey, GuestFieldSelect, KeyRequest, KeySelect, RootKeySelect};
pub use sticks::{ChipSecret, HashStick, HashSticks, StickError};
pub use vlek::{VlekLoad, VlekSticks};

#[cfg(test)]
mod tests;
