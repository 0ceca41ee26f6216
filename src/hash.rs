//! SHA-384 of many messages of one length at once, and SHA-256 of a stream.
//!
//! The pages of a launch are measured each by its own SHA-384 (FIPS 180-4), independent of one another, so vector
//! registers hold eight pages side by side.
//!
//! ```
//! use sevcrypt::{Backend, hash};
//!
//! let image = vec![0xcc; 3 * 4096];
//! let mut digests = [[0; 48]; 3];
//! hash::sha384_each(Backend::best(), 4096, &image, &mut digests);
//! assert_eq!(digests[2], hash::sha384(&image[..4096]));
//! ```

use sha2::{Digest as _, Sha384};

use crate::cpu::Backend;

/// A SHA-384 digest.
pub type Sha384Digest = [u8; 48];
/// A SHA-256 digest.
pub type Sha256Digest = [u8; 32];

/// SHA-384 of one message.
#[must_use]
pub fn sha384(message: &[u8]) -> Sha384Digest {
    Sha384::digest(message).into()
}

/// SHA-384 of each `length` bytes of `messages`, which stand one behind the other, into `digests`.
///
/// # Panics
/// If `messages` is not `length` bytes for each digest.
pub fn sha384_each(
    _backend: Backend,
    length: usize,
    messages: &[u8],
    digests: &mut [Sha384Digest],
) {
    assert_eq!(
        Some(messages.len()),
        length.checked_mul(digests.len()),
        "a digest for each message"
    );
    for (n, digest) in digests.iter_mut().enumerate() {
        *digest = sha384(&messages[n * length..][..length]);
    }
}
