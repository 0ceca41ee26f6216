//! Keys of a platform and its guests.

mod request;

pub use request::{DerivedKey, GuestFieldSelect, KeyRequest, KeySelect, RootKeySelect};
