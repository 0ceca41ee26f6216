//! Versions of the firmware.

/// API_MAJOR and API_MINOR. The order is that of the versions: first by major, then by minor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    /// API_MAJOR.
    pub major: u8,
    /// API_MINOR.
    pub minor: u8,
}

/// What PLATFORM_STATUS says of the firmware: API version and BUILD_ID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FirmwareVersion {
    /// API_MAJOR and API_MINOR.
    pub api: ApiVersion,
    /// BUILD_ID.
    pub build: u8,
}
