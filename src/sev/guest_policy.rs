//! The guest policy of SEV and SEV-ES.

use core::fmt;

use super::ApiVersion;
use crate::flags::flags;
use crate::status::Status;

flags! {
    /// POLICY: what a guest's owner allows, fixed at launch (AMD 55766, "Guest Policy").
    GuestPolicy(u32), "POLICY", reserved 0xffc0, {
        0 => nodbg "NODBG", "the host may not read or write the guest's memory through the firmware";
        1 => noks "NOKS", "no other guest may share the guest's key";
        2 => es "ES", "SEV-ES is required";
        3 => nosend "NOSEND", "the guest may not be sent to another platform";
        4 => domain "DOMAIN", "it may only be sent to a platform of the same owner";
        5 => sev "SEV", "it may only be sent to an authentic platform";
    }
}

impl GuestPolicy {
    /// API_MAJOR and API_MINOR: the least version of the firmware.
    #[must_use]
    pub const fn api(self) -> ApiVersion {
        todo!()
    }

    /// What the firmware checks of a policy when a session is opened.
    ///
    /// # Errors
    /// [`PolicyError`]
    pub fn check(self, _firmware: ApiVersion) -> Result<(), PolicyError> {
        todo!()
    }
}

/// Why a firmware does not run a guest of this policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// The firmware is older than the policy asks for.
    Api {
        /// The firmware's version.
        found: ApiVersion,
        /// The least that the policy allows.
        expected: ApiVersion,
    },
    /// Reserved bits are set.
    Reserved {
        /// These bits.
        bits: u32,
    },
}

impl PolicyError {
    /// What the firmware answers: POLICY_FAILURE.
    #[must_use]
    pub const fn status(self) -> Status {
        Status::POLICY_FAILURE
    }
}

impl fmt::Display for GuestPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_names(f)
    }
}
