//! Versions of the firmware.

use core::fmt;

/// API_MAJOR and API_MINOR of the firmware, or the least ones that a policy asks for. The order is that of the versions:
/// first by major, then by minor (AMD 55766, PLATFORM_STATUS).
///
/// ```
/// use sevcrypt::sev::ApiVersion;
///
/// let milan = ApiVersion { major: 1, minor: 55 };
/// assert!(ApiVersion { major: 0, minor: 255 } < milan);
/// assert_eq!(milan.to_string(), "1.55");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    /// API_MAJOR.
    pub major: u8,
    /// API_MINOR.
    pub minor: u8,
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What PLATFORM_STATUS says of the firmware: API version and BUILD_ID (AMD 55766, PLATFORM_STATUS). All of it is measured
/// by LAUNCH_MEASURE from API 0.17 on, and nothing of it before ([`MeasurementInput`](super::launch::MeasurementInput)).
///
/// ```
/// use sevcrypt::sev::{ApiVersion, FirmwareVersion};
///
/// let firmware = FirmwareVersion { api: ApiVersion { major: 1, minor: 55 }, build: 25 };
/// assert_eq!(firmware.to_string(), "1.55 build 25");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FirmwareVersion {
    /// API_MAJOR and API_MINOR.
    pub api: ApiVersion,
    /// BUILD_ID.
    pub build: u8,
}

impl fmt::Display for FirmwareVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} build {}", self.api, self.build)
    }
}
