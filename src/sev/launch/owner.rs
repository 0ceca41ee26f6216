//! The owner's end of a launch.

use core::fmt;

use super::{LaunchError, Measurement, MeasurementInput};
use crate::cpu::Backend;
use crate::hash::Sha256Digest;
use crate::sev::FirmwareVersion;
use crate::sev::packet::{self, Context, PacketHeader, PacketIv, PacketKeys};
use crate::sev::session::{ClientSession, TransportKeys, is_mac};
use crate::wipe::Wiped;

/// A guest whose measurement its owner checked: it may have secrets. See [the module](super) for an example.
///
/// Keys are wiped on drop.
pub struct Attested(Wiped<Session>);

/// Wiped as a whole: the moves that fill it also copy its padding, which may hold old stack bytes.
struct Session {
    keys: PacketKeys,
    measure: [u8; 32],
}

impl Attested {
    /// Checks the measurement of a guest that was launched in this session, in constant time. `digest` is what the guest should
    /// have been loaded with ([`measure`](super::measure), [`LaunchDigest`](super::LaunchDigest)), `firmware` what the
    /// platform says of itself.
    ///
    /// From API 0.17 on the measurement is made with the firmware's version and BUILD_ID: if it is right, so is `firmware`. Up to
    /// API 0.16 neither is measured (MODEL, see [`MeasurementInput`]): all 4352 pairs of such a version and a BUILD_ID pass
    /// alike, and **nothing says which firmware measured**. An owner who asks for a version refuses `firmware` that is older
    /// before this check.
    ///
    /// # Errors
    /// [`MeasurementError`]: it is not that of this digest, firmware, policy and session. The session is gone.
    pub fn check(
        session: ClientSession,
        firmware: FirmwareVersion,
        digest: &Sha256Digest,
        measurement: &Measurement,
        backend: Backend,
    ) -> Result<Self, MeasurementError> {
        let input = MeasurementInput {
            firmware,
            policy: session.policy(),
            digest: *digest,
            mnonce: measurement.mnonce,
        };
        match is_mac(input.hmac(&session.keys().tik), &measurement.measure) {
            true => Ok(Self::assume(session.keys(), measurement, backend)),
            false => Err(MeasurementError),
        }
    }

    /// A guest whose measurement was checked elsewhere; **nothing is checked here**.
    ///
    /// ```
    /// use sevcrypt::Backend;
    /// use sevcrypt::sev::launch::{Attested, Measurement};
    /// use sevcrypt::sev::packet::PacketIv;
    /// use sevcrypt::sev::session::{Tek, Tik, TransportKeys};
    ///
    /// // A second program of the owner's: the first one has checked the measurement.
    /// let keys = TransportKeys { tek: Tek::new(&[1; 16]), tik: Tik::new(&[2; 16]) };
    /// let measurement = Measurement { measure: [0xab; 32], mnonce: [3; 16] };
    /// let attested = Attested::assume(&keys, &measurement, Backend::best());
    /// let mut secret = *b"sixteen letters!";
    /// let header = attested.seal_secret(PacketIv::from_random([4; 16]), &mut secret)?;
    /// assert!(!header.is_compressed() && &secret != b"sixteen letters!");
    /// # Ok::<(), sevcrypt::sev::launch::LaunchError>(())
    /// ```
    #[must_use]
    pub fn assume(keys: &TransportKeys, measurement: &Measurement, backend: Backend) -> Self {
        let keys = PacketKeys::new(keys, backend);
        Self(Wiped::new(Session { keys, measure: measurement.measure }))
    }

    /// Seals a secret in place, for LAUNCH_SECRET (AMD 55766, LAUNCH_SECRET). Its length is a multiple of 16, not 0 and at most
    /// [`packet::MAX_LEN`]. Guest firmware that OVMF is looks for a [`SecretTable`](super::SecretTable).
    ///
    /// # Errors
    /// [`LaunchError::SecretLengths`]; nothing was written.
    pub fn seal_secret(
        &self,
        iv: PacketIv,
        secret: &mut [u8],
    ) -> Result<PacketHeader, LaunchError> {
        let len = secret.len();
        if !packet::is_valid_len(len) {
            let header = PacketHeader::LEN;
            return Err(LaunchError::SecretLengths { header, guest: len, trans: len });
        }
        let Session { keys, measure } = &*self.0;
        Ok(keys.seal(Context::Secret(measure), iv, secret))
    }
}

impl fmt::Debug for Attested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attested(..)")
    }
}

/// The measurement is that of another launch: of another digest, firmware, policy or session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasurementError;

impl fmt::Display for MeasurementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the measurement is not that of this launch digest, firmware, policy and session",
        )
    }
}

impl core::error::Error for MeasurementError {}
