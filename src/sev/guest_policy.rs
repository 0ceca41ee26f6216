//! The guest policy of SEV and SEV-ES.

use core::fmt;

use super::ApiVersion;
use crate::flags::flags;
use crate::status::Status;

flags! {
    /// POLICY: what a guest's owner allows, fixed at launch (AMD 55766, "Guest Policy").
    ///
    /// ```
    /// use sevcrypt::sev::{ApiVersion, GuestPolicy};
    ///
    /// let policy = GuestPolicy(0x3701_0005);
    /// assert!(policy.nodbg() && policy.es() && !policy.nosend());
    /// assert_eq!(policy.to_string(), "0x37010005: API 1.55 or later, NODBG ES");
    ///
    /// let error = policy.check(ApiVersion { major: 1, minor: 54 }).unwrap_err();
    /// assert_eq!(error.to_string(), "the firmware's API is 1.54, the policy asks for 1.55 or later");
    /// ```
    GuestPolicy(u32), "POLICY", reserved 0xffc0, {
        0 => nodbg "NODBG", "the host may not read or write the guest's memory through the firmware";
        1 => noks "NOKS", "no other guest may share the guest's key";
        2 => es "ES", "SEV-ES is required";
        3 => nosend "NOSEND", "the guest may not be sent to another platform";
        4 => domain "DOMAIN", "it may only be sent to a platform of the same owner: one whose OCA certificate is the same";
        5 => sev "SEV", "it may only be sent to a platform whose certificates lead to AMD's root key";
    }
}

impl GuestPolicy {
    /// API_MAJOR (bits 16 to 23) and API_MINOR (bits 24 to 31): the least version of the firmware.
    #[must_use]
    pub const fn api(self) -> ApiVersion {
        let [_, _, major, minor] = self.0.to_le_bytes();
        ApiVersion { major, minor }
    }

    /// What the firmware checks of a policy when a session is opened, in its order: the version, then bits 6 to 15. (AMD's
    /// published firmware, LAUNCH_START and RECEIVE_START. Where there is no session, it checks neither.)
    ///
    /// # Errors
    /// [`PolicyError`]
    pub fn check(self, firmware: ApiVersion) -> Result<(), PolicyError> {
        if firmware < self.api() {
            return Err(PolicyError::Api { found: firmware, expected: self.api() });
        }
        match self.unknown_bits() {
            0 => Ok(()),
            bits => Err(PolicyError::Reserved { bits }),
        }
    }

    /// Whether a new guest of this policy may have the memory encryption key of another one, whose policy `other` is: what
    /// LAUNCH_START and RECEIVE_START check where HANDLE names that guest, after the session was opened (AMD's published
    /// firmware). That the handle is a guest's is for who has a platform.
    ///
    /// Guests that share a key can read each other's memory if the host lets them: who does not want that sets NOKS.
    ///
    /// # Errors
    /// [`PolicyError::Sharing`], [`PolicyError::Noks`]. Both have one status: the order is a MODEL.
    ///
    /// ```
    /// use sevcrypt::sev::{GuestPolicy, PolicyError};
    ///
    /// assert_eq!(GuestPolicy(4).check_sharing(GuestPolicy(4)), Ok(()));
    /// assert_eq!(GuestPolicy(6).check_sharing(GuestPolicy(6)), Err(PolicyError::Noks));
    /// ```
    pub fn check_sharing(self, other: Self) -> Result<(), PolicyError> {
        if other != self {
            return Err(PolicyError::Sharing { found: other, expected: self });
        }
        if other.noks() { Err(PolicyError::Noks) } else { Ok(()) }
    }
}

/// Why a firmware does not run a guest of this policy, or not with another guest's key.
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
    /// The guest whose key should be shared has another policy.
    Sharing {
        /// That guest's policy.
        found: GuestPolicy,
        /// The new guest's.
        expected: GuestPolicy,
    },
    /// The guest whose key should be shared does not allow it.
    Noks,
}

impl PolicyError {
    /// What the firmware answers: POLICY_FAILURE.
    #[must_use]
    pub const fn status(self) -> Status {
        Status::POLICY_FAILURE
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api { found, expected } => {
                write!(f, "the firmware's API is {found}, the policy asks for {expected} or later")
            }
            Self::Reserved { bits } => {
                write!(f, "reserved bits {bits:#x} of the policy are set, expected 0")
            }
            Self::Sharing { found, expected } => write!(
                f,
                "the guest whose key is to be shared has policy {:#x}, expected {:#x}",
                found.0, expected.0
            ),
            Self::Noks => f.write_str("the policy forbids to share the guest's key (NOKS)"),
        }
    }
}

impl core::error::Error for PolicyError {}

impl fmt::Display for GuestPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}: API {} or later,", self.0, self.api())?;
        match self.0 as u16 {
            0 => f.write_str(" no bits"),
            _ => self.fmt_names(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    const API_1_55: ApiVersion = ApiVersion { major: 1, minor: 55 };

    /// Each bit at its place, which this test knows on its own.
    #[test]
    fn bits() {
        type Bit = fn(GuestPolicy) -> bool;
        let all: [(u32, Bit, &str); 6] = [
            (0x01, GuestPolicy::nodbg, "NODBG"),
            (0x02, GuestPolicy::noks, "NOKS"),
            (0x04, GuestPolicy::es, "ES"),
            (0x08, GuestPolicy::nosend, "NOSEND"),
            (0x10, GuestPolicy::domain, "DOMAIN"),
            (0x20, GuestPolicy::sev, "SEV"),
        ];
        for (word, bit, name) in all {
            assert!(bit(GuestPolicy(word)) && !bit(GuestPolicy(!word)), "{name}");
            assert_eq!(
                GuestPolicy(word).to_string(),
                std::format!("{word:#x}: API 0.0 or later, {name}")
            );
        }
        let text = GuestPolicy(0xff11_8001).to_string();
        assert_eq!(text, "0xff118001: API 17.255 or later, NODBG unknown=0x8000");
        assert_eq!(GuestPolicy(0x1_0000).to_string(), "0x10000: API 1.0 or later, no bits");
    }

    #[test]
    fn versions() {
        let version = |major, minor| ApiVersion { major, minor };
        let policy = GuestPolicy(0x3701_003f);
        assert_eq!(policy.api(), API_1_55);
        for found in [version(1, 54), version(0, 255), version(0, 0)] {
            let error = policy.check(found).unwrap_err();
            assert_eq!(error, PolicyError::Api { found, expected: API_1_55 });
            assert_eq!(error.status(), Status::POLICY_FAILURE);
        }
        for found in [API_1_55, version(1, 56), version(2, 0)] {
            assert_eq!(policy.check(found), Ok(()));
        }
    }

    #[test]
    fn reserved_bits() {
        for bit in 0..32 {
            let policy = GuestPolicy(1 << bit);
            let found = policy.check(ApiVersion { major: 255, minor: 255 });
            let reserved = (6..16).contains(&bit);
            let error = PolicyError::Reserved { bits: policy.0 };
            assert_eq!(found, if reserved { Err(error) } else { Ok(()) }, "bit {bit}");
        }
        // The version is looked at first.
        let (found, expected) = (ApiVersion { major: 0, minor: 17 }, API_1_55);
        let error = GuestPolicy(0x3701_ffc0).check(found).unwrap_err();
        assert_eq!(error, PolicyError::Api { found, expected });
        let error = GuestPolicy(0x3701_ffc0).check(expected).unwrap_err();
        assert_eq!(error.to_string(), "reserved bits 0xffc0 of the policy are set, expected 0");
        assert_eq!(error.status(), Status::POLICY_FAILURE);
    }

    /// Every bit has to be the other guest's, and NOKS clear.
    #[test]
    fn shared_keys() {
        let noks = GuestPolicy(2);
        for word in [0, 0x3701_0005, 0xffff_fffd] {
            let policy = GuestPolicy(word);
            assert_eq!(policy.check_sharing(policy), Ok(()));
            for bit in 0..32 {
                let other = GuestPolicy(word ^ 1 << bit);
                let error = policy.check_sharing(other).unwrap_err();
                assert_eq!(error, PolicyError::Sharing { found: other, expected: policy });
                assert_eq!(error.status(), Status::POLICY_FAILURE);
            }
            let policy = GuestPolicy(word | noks.0);
            assert_eq!(policy.check_sharing(policy), Err(PolicyError::Noks));
        }
        assert_eq!(PolicyError::Noks.status(), Status::POLICY_FAILURE);
        assert_eq!(
            noks.check_sharing(noks).unwrap_err().to_string(),
            "the policy forbids to share the guest's key (NOKS)"
        );
        assert_eq!(
            noks.check_sharing(GuestPolicy(6)).unwrap_err().to_string(),
            "the guest whose key is to be shared has policy 0x6, expected 0x2"
        );
    }
}
