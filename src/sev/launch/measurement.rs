//! LAUNCH_MEASURE.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::hash::Sha256Digest;
use crate::sev::session::Tik;
use crate::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
use crate::wire::{field, field_mut};

/// What LAUNCH_MEASURE gives: MEASURE and MNONCE, 48 bytes (AMD 55766, LAUNCH_MEASURE). Hosts pass it on in Base64.
///
/// Who checks it is [`Attested::check`](super::Attested::check).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// MEASURE: the HMAC.
    pub measure: [u8; 32],
    /// MNONCE: random bytes of the firmware.
    pub mnonce: [u8; 16],
}

impl Measurement {
    /// The length in bytes.
    pub const LEN: usize = 48;

    /// From its bytes; nothing is checked.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self { measure: *field::<0, 32, _>(bytes), mnonce: *field::<32, 16, _>(bytes) }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        *field_mut::<0, 32, _>(&mut bytes) = self.measure;
        *field_mut::<32, 16, _>(&mut bytes) = self.mnonce;
        bytes
    }
}

/// What is measured (AMD 55766, LAUNCH_MEASURE).
///
/// ```
/// use sevcrypt::Hex;
/// use sevcrypt::sev::launch::MeasurementInput;
/// use sevcrypt::sev::session::Tik;
/// use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
///
/// let input = MeasurementInput {
///     firmware: FirmwareVersion { api: ApiVersion { major: 1, minor: 55 }, build: 25 },
///     policy: GuestPolicy(5),
///     digest: [0xab; 32], // of sev::launch::measure
///     mnonce: [0xcd; 16],
/// };
/// let measurement = input.measure(&Tik::new(&[7; 16]));
/// assert_eq!(measurement.mnonce, input.mnonce);
/// assert_eq!(
///     Hex(&measurement.measure).to_string(),
///     "31483ae66e375054cc6f8beb91d2d110eab0a1f7a9f0b60f9ef808f7a2aec3fc"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasurementInput {
    /// The firmware. Up to API 0.16 it is not measured: each of the 17 versions with each of the 256 BUILD_IDs gives the same
    /// measurement.
    pub firmware: FirmwareVersion,
    /// POLICY.
    pub policy: GuestPolicy,
    /// LD: the launch digest.
    pub digest: Sha256Digest,
    /// MNONCE.
    pub mnonce: [u8; 16],
}

impl MeasurementInput {
    /// The last API whose firmware does not measure itself. MODEL: this is what AMD's `sev-tool` takes it for; the published
    /// firmware is newer.
    const LAST_WITHOUT_FIRMWARE: ApiVersion = ApiVersion { major: 0, minor: 16 };

    /// The measurement under a session's TIK.
    #[must_use]
    pub fn measure(&self, tik: &Tik) -> Measurement {
        let measure = self.hmac(tik).finalize().into_bytes().into();
        Measurement { measure, mnonce: self.mnonce }
    }

    /// The HMAC of what is measured.
    pub(super) fn hmac(&self, tik: &Tik) -> Hmac<Sha256> {
        let mut mac = tik.hmac();
        if self.firmware.api > Self::LAST_WITHOUT_FIRMWARE {
            let FirmwareVersion { api, build } = self.firmware;
            mac.update(&[4, api.major, api.minor, build]);
        }
        mac.chain_update(self.policy.0.to_le_bytes())
            .chain_update(self.digest)
            .chain_update(self.mnonce)
    }
}
