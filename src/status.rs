//! The firmware's status codes.

use core::fmt;

/// Declares the codes that have a name.
macro_rules! statuses {
    ($($code:literal $name:ident)*) => {
        impl Status {
            $(
                #[doc = concat!("`", stringify!($name), "`, ", stringify!($code), ".")]
                pub const $name: Self = Self($code);
            )*

            /// The name that AMD's documents have for it.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

/// What the Secure Processor's firmware says of a command or a guest's message (AMD 56860, "Status Codes"; AMD's
/// published firmware, `sev_errors.h`). Any number can occur: newer firmware has codes that have no name here.
///
/// ```
/// use sevcrypt::Status;
///
/// assert!(!Status::INVALID_KEY.is_success());
/// assert_eq!(Status::INVALID_KEY.to_string(), "0x27 (INVALID_KEY)");
/// assert_eq!(Status(0x1234).to_string(), "0x1234");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Status(pub u32);

statuses! {
    0x00 SUCCESS
    0x01 INVALID_PLATFORM_STATE
    0x02 INVALID_GUEST_STATE
    0x03 INVALID_CONFIG
    0x04 INVALID_LENGTH
    0x05 ALREADY_OWNED
    0x06 INVALID_CERTIFICATE
    0x07 POLICY_FAILURE
    0x08 INACTIVE
    0x09 INVALID_ADDRESS
    0x0a BAD_SIGNATURE
    0x0b BAD_MEASUREMENT
    0x0c ASID_OWNED
    0x0d INVALID_ASID
    0x0e WBINVD_REQUIRED
    0x0f DFFLUSH_REQUIRED
    0x10 INVALID_GUEST
    0x11 INVALID_COMMAND
    0x12 ACTIVE
    0x13 HWERROR_PLATFORM
    0x14 HWERROR_UNSAFE
    0x15 UNSUPPORTED
    0x16 INVALID_PARAM
    0x17 RESOURCE_LIMIT
    0x18 SECURE_DATA_INVALID
    0x19 INVALID_PAGE_SIZE
    0x1a INVALID_PAGE_STATE
    0x1b INVALID_MDATA_ENTRY
    0x1c INVALID_PAGE_OWNER
    0x1d AEAD_OFLOW
    0x1f RB_MODE_EXITED
    0x20 RMP_INIT_REQUIRED
    0x21 BAD_SVN
    0x22 BAD_VERSION
    0x23 SHUTDOWN_REQUIRED
    0x24 UPDATE_FAILED
    0x25 RESTORE_REQUIRED
    0x26 RMP_INIT_FAILED
    0x27 INVALID_KEY
    0x28 SHUTDOWN_INCOMPLETE
    0x30 INCORRECT_BUFFER_LENGTH
    0x31 EXPAND_BUFFER_LENGTH_REQUEST
    0x32 SPDM_REQUEST
    0x33 SPDM_ERROR
    0x35 ERR_IN_DEV_CONN
    0x36 INVALID_DEV_CTX
    0x37 INVALID_TDI_CTX
    0x38 INVALID_TDI
    0x39 RECLAIM_REQUIRED
    0x3a IN_USE
    0x3b INVALID_DEV_STATE
    0x3c INVALID_TDI_STATE
    0x3d DEV_CERT_CHANGED
    0x3e RESYNC_REQ
    0x3f RESPONSE_TOO_LARGE
}

impl Status {
    /// Whether it is `SUCCESS`.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 == 0
    }

    /// `Ok` if it is `SUCCESS`.
    ///
    /// # Errors
    /// The status, if it is another.
    pub const fn ok(self) -> Result<(), Self> {
        if self.is_success() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)?;
        self.name().map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Status({self})")
    }
}

impl core::error::Error for Status {}
