//! Measuring a whole launch.
use crate::cpu::Backend;
use crate::hash::Sha384Digest;
use crate::image::{Launch, LaunchError, Step};

/// The launch digest of a guest; every step is shown.
pub fn measure(
    launch: &Launch<'_>,
    backend: Backend,
    visit: &mut dyn FnMut(&Step),
) -> Result<Sha384Digest, LaunchError> {
    todo!()
}
