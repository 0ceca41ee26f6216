//! Launch digests of SEV and SEV-ES: one SHA-256 over everything that is loaded.
use crate::hash::Sha256Digest;
use crate::image::{Generation, Launch, LaunchError, Step};

/// The launch digest (LD); every step is shown.
pub fn measure(
    launch: &Launch<'_>,
    generation: Generation,
    visit: &mut dyn FnMut(&Step),
) -> Result<Sha256Digest, LaunchError> {
    todo!()
}
