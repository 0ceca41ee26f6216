//! What the status commands write.

use crate::Asid;
use crate::platform::GuestState;
use crate::snp::GuestPolicy;
use crate::snp::report::FirmwareVersion;
use crate::snp::tcb::TcbVersion;
use crate::wire::{field, field_mut, get_u32, get_u64};

/// What SNP_PLATFORM_STATUS writes, 32 bytes (AMD 56860, SNP_PLATFORM_STATUS).
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 2 | ABI_MAJOR, ABI_MINOR |
/// | 2 | 1 | STATE: 0 is UNINIT, 1 INIT |
/// | 3 | 1 | bit 0: IS_RMP_INIT, 1: ALIAS_CHECK, 3: IS_TIO_EN |
/// | 4 | 4 | BUILD |
/// | 8 | 4 | bit 0: MASK_CHIP_ID, 1: MASK_CHIP_KEY, 2: VLEK_EN, 3: FEATURE_INFO, 4: RAPL_DIS, 5: CIPHERTEXT_HIDING_CAP, 6: CIPHERTEXT_HIDING_EN, 7: IS_TIO_EN |
/// | 0Ch | 4 | GUEST_COUNT |
/// | 10h | 8 | CURRENT_TCB |
/// | 18h | 8 | REPORTED_TCB |
///
/// The model has no TIO, and writes zero for its bits.
///
/// ```
/// use sevcrypt::platform::PlatformStatus;
///
/// let mut bytes = [0; PlatformStatus::LEN];
/// (bytes[0], bytes[1], bytes[2], bytes[8]) = (1, 55, 1, 0b100);
/// let status = PlatformStatus::from_bytes(&bytes);
/// assert!(status.is_init && status.vlek_en);
/// assert_eq!((status.version.major, status.version.minor), (1, 55));
/// assert_eq!(status.to_bytes(), bytes);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlatformStatus {
    /// ABI_MAJOR, ABI_MINOR and BUILD, of which the firmware has a byte.
    pub version: FirmwareVersion,
    /// STATE is INIT: SNP is initialised.
    pub is_init: bool,
    /// IS_RMP_INIT: the RMP is.
    pub is_rmp_init: bool,
    /// ALIAS_CHECK: no two addresses name the same memory.
    pub alias_check: bool,
    /// MASK_CHIP_ID of SNP_CONFIG.
    pub mask_chip_id: bool,
    /// MASK_CHIP_KEY of SNP_CONFIG.
    pub mask_chip_key: bool,
    /// VLEK_EN: a VLEK is loaded.
    pub vlek_en: bool,
    /// FEATURE_INFO: there is SNP_FEATURE_INFO.
    pub feature_info: bool,
    /// RAPL_DIS of SNP_INIT_EX.
    pub rapl_dis: bool,
    /// CIPHERTEXT_HIDING_CAP: SNP_INIT_EX can have it.
    pub ciphertext_hiding_cap: bool,
    /// CIPHERTEXT_HIDING_EN: it has.
    pub ciphertext_hiding_en: bool,
    /// GUEST_COUNT.
    pub guest_count: u32,
    /// CURRENT_TCB.
    pub current_tcb: TcbVersion,
    /// REPORTED_TCB.
    pub reported_tcb: TcbVersion,
}

impl PlatformStatus {
    /// Its length in bytes.
    pub const LEN: usize = 0x20;

    /// From what the firmware has written. Bits without a meaning here are not looked at.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let [major, minor, state, rmp] = *field::<0, 4, _>(bytes);
        let [build] = *field::<4, 1, _>(bytes);
        let flags = get_u32::<8, _>(bytes);
        let has = |bit: u32| flags >> bit & 1 == 1;
        Self {
            version: FirmwareVersion { major, minor, build },
            is_init: state == 1,
            is_rmp_init: rmp & 1 == 1,
            alias_check: rmp >> 1 & 1 == 1,
            mask_chip_id: has(0),
            mask_chip_key: has(1),
            vlek_en: has(2),
            feature_info: has(3),
            rapl_dis: has(4),
            ciphertext_hiding_cap: has(5),
            ciphertext_hiding_en: has(6),
            guest_count: get_u32::<0xc, _>(bytes),
            current_tcb: TcbVersion::new(*field::<0x10, 8, _>(bytes)),
            reported_tcb: TcbVersion::new(*field::<0x18, 8, _>(bytes)),
        }
    }

    /// As the firmware writes it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let FirmwareVersion { major, minor, build } = self.version;
        let rmp = u8::from(self.is_rmp_init) | u8::from(self.alias_check) << 1;
        let flags = [
            self.mask_chip_id,
            self.mask_chip_key,
            self.vlek_en,
            self.feature_info,
            self.rapl_dis,
            self.ciphertext_hiding_cap,
            self.ciphertext_hiding_en,
        ];
        let flags = (0..).zip(flags).fold(0, |word, (bit, flag)| word | u32::from(flag) << bit);
        let mut bytes = [0; Self::LEN];
        *field_mut::<0, 5, _>(&mut bytes) = [major, minor, self.is_init.into(), rmp, build];
        *field_mut::<8, 4, _>(&mut bytes) = flags.to_le_bytes();
        *field_mut::<0xc, 4, _>(&mut bytes) = self.guest_count.to_le_bytes();
        *field_mut::<0x10, 8, _>(&mut bytes) = self.current_tcb.bytes();
        *field_mut::<0x18, 8, _>(&mut bytes) = self.reported_tcb.bytes();
        bytes
    }
}

/// What SNP_GUEST_STATUS writes, 32 bytes (AMD 56860, SNP_GUEST_STATUS).
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 8 | POLICY |
/// | 8 | 4 | ASID; 0 if it has none |
/// | 0Ch | 1 | STATE |
/// | 10h | 4 | bit 0: VCEK_DIS |
///
/// ```
/// use sevcrypt::platform::{GuestState, GuestStatus};
///
/// let mut bytes = [0; GuestStatus::LEN];
/// (bytes[2], bytes[8], bytes[0xc]) = (3, 7, 2);
/// let status = GuestStatus::from_bytes(&bytes).ok_or("no state")?;
/// assert_eq!((status.policy.0, status.state), (0x3_0000, GuestState::Running));
/// assert_eq!(status.to_bytes(), bytes);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuestStatus {
    /// POLICY.
    pub policy: GuestPolicy,
    /// ASID.
    pub asid: Option<Asid>,
    /// STATE.
    pub state: GuestState,
    /// VCEK_DIS: reports are not signed with the VCEK.
    pub vcek_dis: bool,
}

impl GuestStatus {
    /// Its length in bytes.
    pub const LEN: usize = 0x20;

    /// From what the firmware has written; `None` if STATE is none of a guest's.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let [state] = *field::<0xc, 1, _>(bytes);
        let state = match state {
            0 => GuestState::Init,
            1 => GuestState::Launch,
            2 => GuestState::Running,
            _ => return None,
        };
        Some(Self {
            policy: GuestPolicy(get_u64::<0, _>(bytes)),
            asid: Some(get_u32::<8, _>(bytes)).filter(|asid| *asid != 0).map(Asid::new),
            state,
            vcek_dis: get_u32::<0x10, _>(bytes) & 1 == 1,
        })
    }

    /// As the firmware writes it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        *field_mut::<0, 8, _>(&mut bytes) = self.policy.0.to_le_bytes();
        *field_mut::<8, 4, _>(&mut bytes) = self.asid.map_or(0, Asid::get).to_le_bytes();
        *field_mut::<0xc, 1, _>(&mut bytes) = [self.state as u8];
        *field_mut::<0x10, 1, _>(&mut bytes) = [self.vcek_dis.into()];
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every bit has its place, and nothing else is written.
    #[test]
    fn places() {
        let none = PlatformStatus::from_bytes(&[0; 32]);
        for (at, bits) in [(0, 8), (1, 8), (2, 1), (3, 2), (4, 8), (8, 7), (0xc, 8), (0x1f, 8)] {
            for bit in 0..bits {
                let mut bytes = [0; 32];
                bytes[at] = 1 << bit;
                let status = PlatformStatus::from_bytes(&bytes);
                assert_ne!(status, none, "byte {at:#x}, bit {bit}");
                assert_eq!(status.to_bytes(), bytes);
            }
        }
        let mut bytes = [0; 32];
        for at in [0, 7, 8, 0xb, 0x10] {
            bytes[at] = 1;
        }
        let status = GuestStatus::from_bytes(&bytes).unwrap();
        assert_eq!(status.policy, GuestPolicy(1 << 56 | 1));
        assert_eq!(status.asid, Some(Asid::new(1 << 24 | 1)));
        assert!(status.vcek_dis && status.to_bytes() == bytes);
        bytes[0xc] = 3;
        assert_eq!(GuestStatus::from_bytes(&bytes), None);
    }
}
