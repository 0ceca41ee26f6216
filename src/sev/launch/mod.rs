//! Launches of SEV and SEV-ES: the digest, the measurement that a guest's owner checks, the secrets that it then sends
//! (AMD 55766, LAUNCH_START to LAUNCH_FINISH). Both ends: the owner ([`Attested`]), and the firmware, whose guest is
//! [`Loading`], [`Measured`], [`Running`].
//!
//! ```
//! use sevcrypt::Backend;
//! use sevcrypt::ecdh::PrivateKey;
//! use sevcrypt::sev::cert::{Certificate, PdhKey};
//! use sevcrypt::sev::launch::{Attested, LaunchDigest, Loading, SecretTable};
//! use sevcrypt::sev::packet::PacketIv;
//! use sevcrypt::sev::session::{Channel, ClientSession, SessionRandom};
//! use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
//!
//! let firmware = FirmwareVersion { api: ApiVersion { major: 1, minor: 55 }, build: 25 };
//! let policy = GuestPolicy(0x3701_0001);
//! # let pdh = PrivateKey::from_random(&[7; 56]);
//! # let own = PrivateKey::from_random(&[8; 56]);
//! # let certificate = Certificate::of_ecdh_key(&own.public_key(), firmware.api);
//! # let platform = PdhKey::unauthenticated(&Certificate::of_ecdh_key(&pdh.public_key(), firmware.api))?;
//! // The owner: a session with the platform, as in `sev::session`.
//! let session = ClientSession::new(&own, &platform, policy, &SessionRandom::new(&[9; 64]));
//!
//! // The firmware: the guest is loaded and measured.
//! let buffer = session.buffer().to_bytes();
//! let channel = Channel::open(&pdh, certificate.as_bytes(), &buffer, policy, firmware.api)?;
//! let mut guest = Loading::start(channel);
//! guest.update_data(&[0xcc; 4096])?;
//! let mnonce = [3; 16]; // fresh random bytes
//! let (measurement, guest) = guest.measure(firmware, &mnonce, Backend::best());
//!
//! // The owner: the measurement is that of what should run; then the guest may have its secrets.
//! let mut digest = LaunchDigest::new();
//! digest.update_data(&[0xcc; 4096])?;
//! let digest = digest.digest();
//! let attested = Attested::check(session, firmware, &digest, &measurement, Backend::best())?;
//! let mut packet = [0; 64];
//! SecretTable::write(&[(SecretTable::DISK_PASSPHRASE, b"correct horse")], &mut packet)?;
//! let header = attested.seal_secret(PacketIv::from_random([4; 16]), &mut packet)?;
//!
//! // The firmware: opens it, and puts it into the guest's memory.
//! guest.open_secret(&header, &mut packet)?;
//! let table = SecretTable::parse(&packet)?;
//! assert_eq!(table.get(SecretTable::DISK_PASSPHRASE), Some(&b"correct horse"[..]));
//! let guest = guest.finish();
//! assert_eq!(guest.digest(), &digest);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What comes too early does not compile
//! An owner has no secrets for a guest before it has checked the measurement:
//! ```compile_fail,E0599
//! # use sevcrypt::sev::{packet::PacketIv, session::ClientSession};
//! fn early(session: ClientSession, secret: &mut [u8]) {
//!     let _ = session.seal_secret(PacketIv::from_random([4; 16]), secret);
//! }
//! ```
//! The firmware takes none before it has measured, loads nothing afterwards, and measures once:
//! ```compile_fail,E0599
//! # use sevcrypt::sev::{launch::Loading, packet::PacketHeader};
//! fn early(guest: Loading, header: &PacketHeader, secret: &mut [u8]) {
//!     let _ = guest.open_secret(header, secret);
//! }
//! ```
//! ```compile_fail,E0599
//! # use sevcrypt::sev::launch::Measured;
//! fn late(guest: &mut Measured) {
//!     let _ = guest.update_data(&[0; 16]);
//! }
//! ```
//! ```compile_fail,E0382
//! # use sevcrypt::{Backend, sev::{FirmwareVersion, launch::Loading}};
//! fn twice(guest: Loading, firmware: FirmwareVersion) {
//!     let _ = guest.measure(firmware, &[1; 16], Backend::best());
//!     let _ = guest.measure(firmware, &[2; 16], Backend::best());
//! }
//! ```

mod digest;
mod firmware;
mod measurement;
mod owner;
mod secret;

#[cfg(feature = "platform")]
pub(crate) use digest::STATE_LEN;
pub use digest::{DataLengthError, LaunchDigest, measure};
pub use firmware::{LaunchError, Loading, Measured, Running};
pub use measurement::{Measurement, MeasurementInput};
pub use owner::{Attested, MeasurementError};
pub use secret::{SecretTable, SecretTableError};

#[cfg(test)]
mod tests;
