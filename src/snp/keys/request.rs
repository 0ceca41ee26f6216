//! What a guest asks for and what it gets: MSG_KEY_REQ's payload and the derived key.

use core::fmt;

use crate::addr::Vmpl;
use crate::flags::flags;
use crate::secret::secret;
use crate::snp::tcb::TcbVersion;
use crate::status::Status;

/// KEY_SEL: which key of the platform signs a report, or is the root of a derived key (AMD 56860, MSG_REPORT_REQ and
/// MSG_KEY_REQ). Its fourth value is reserved.
///
/// ```
/// use sevcrypt::snp::keys::KeySelect;
///
/// assert_eq!(KeySelect::from_bits(2), Some(KeySelect::Vlek));
/// assert_eq!(KeySelect::from_bits(3), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum KeySelect {
    /// The VLEK if one is installed, else the VCEK.
    #[default]
    VlekOrVcek = 0,
    /// The VCEK.
    Vcek = 1,
    /// The VLEK.
    Vlek = 2,
}

impl KeySelect {
    /// From its two bits; `None` for 3, which is reserved, and above.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            0 => Some(Self::VlekOrVcek),
            1 => Some(Self::Vcek),
            2 => Some(Self::Vlek),
            _ => None,
        }
    }

    /// Its two bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self as u32
    }
}

/// The root of a derived key: the first word of MSG_KEY_REQ, ROOT_KEY_SELECT (bit 0) with KEY_SEL (bits 2:1)
/// (AMD 56860, MSG_KEY_REQ).
///
/// ```
/// use sevcrypt::snp::keys::{KeySelect, RootKeySelect};
///
/// let root = RootKeySelect::from(KeySelect::Vlek);
/// assert_eq!((root.bits(), root.is_vmrk(), root.key_select()), (0b100, false, Some(KeySelect::Vlek)));
/// assert!(RootKeySelect::VMRK.is_vmrk());
/// assert_eq!(RootKeySelect::from_bits(0b1000), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RootKeySelect(u32);

impl RootKeySelect {
    /// The guest's VMRK, which its migration agent brings along.
    pub const VMRK: Self = Self(1);

    /// From the word; `None` if a reserved bit is set. KEY_SEL may be 3: the firmware refuses it later, and not at all
    /// with the VMRK, for which KEY_SEL means nothing.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        if bits & !0b111 == 0 { Some(Self(bits)) } else { None }
    }

    /// The word.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether the root is the VMRK: KEY_SEL then means nothing.
    #[must_use]
    pub const fn is_vmrk(self) -> bool {
        self.0 & 1 == 1
    }

    /// KEY_SEL; `None` for its reserved value 3.
    #[must_use]
    pub const fn key_select(self) -> Option<KeySelect> {
        KeySelect::from_bits(self.0 >> 1)
    }
}

impl From<KeySelect> for RootKeySelect {
    fn from(select: KeySelect) -> Self {
        Self(select.bits() << 1)
    }
}

flags! {
    /// GUEST_FIELD_SELECT: what of the guest goes into its derived key (AMD 56860, MSG_KEY_REQ).
    ///
    /// ```
    /// use sevcrypt::snp::keys::GuestFieldSelect;
    ///
    /// let fields = GuestFieldSelect::POLICY | GuestFieldSelect::MEASUREMENT;
    /// assert!(fields.policy() && fields.measurement() && !fields.image_id());
    /// assert_eq!(fields.to_string(), "0x9: POLICY MEASUREMENT");
    /// ```
    GuestFieldSelect(u64), "GUEST_FIELD_SELECT", reserved !0, {
        0 => policy "POLICY", "the guest's policy is mixed in";
        1 => image_id "IMAGE_ID", "the ID block's image is mixed in";
        2 => family_id "FAMILY_ID", "the ID block's family is mixed in";
        3 => measurement "MEASUREMENT", "the launch measurement is mixed in";
        4 => guest_svn "GUEST_SVN", "the request's security version of the guest is mixed in";
        5 => tcb_version "TCB_VERSION", "the request's TCB version is mixed in, and the VCEK is that of this version";
        6 => launch_mit_vector "LAUNCH_MIT_VECTOR", "the request's mitigation vector is mixed in (version 2)";
    }
}

impl GuestFieldSelect {
    /// The guest's policy.
    pub const POLICY: Self = Self(1 << 0);
    /// The image that the ID block names.
    pub const IMAGE_ID: Self = Self(1 << 1);
    /// The family that the ID block names.
    pub const FAMILY_ID: Self = Self(1 << 2);
    /// The launch measurement.
    pub const MEASUREMENT: Self = Self(1 << 3);
    /// The security version of the guest.
    pub const GUEST_SVN: Self = Self(1 << 4);
    /// The TCB version.
    pub const TCB_VERSION: Self = Self(1 << 5);
    /// The mitigation vector, in messages of version 2.
    pub const LAUNCH_MIT_VECTOR: Self = Self(1 << 6);
}

impl core::ops::BitOr for GuestFieldSelect {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for GuestFieldSelect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}:", self.0)?;
        self.fmt_names(f)
    }
}

/// MSG_KEY_REQ: a guest asks for a key that only it, or a guest like it, can get again (AMD 56860, MSG_KEY_REQ).
///
/// It is a message of version 1 unless it has a `launch_mit_vector`. MODEL: of version 2, the place of the vector (0x20)
/// and the length of the payload (0x30, the last eight bytes zero) are inferred from public guest code and the
/// firmware's rules for lengths.
///
/// ```
/// use sevcrypt::snp::keys::{GuestFieldSelect, KeyRequest, KeySelect};
/// use sevcrypt::snp::tcb::TcbVersion;
///
/// let request = KeyRequest::new(KeySelect::Vcek)
///     .with_fields(GuestFieldSelect::MEASUREMENT | GuestFieldSelect::POLICY)
///     .with_tcb_version(TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]));
/// let mut buffer = [0; KeyRequest::MAX_LEN];
/// let payload = request.encode(&mut buffer);
/// assert_eq!((payload.len(), payload[8]), (0x20, 0x29));
/// assert_eq!(KeyRequest::parse(request.version(), payload), Ok(request));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyRequest {
    /// The root of the key.
    pub root_key_select: RootKeySelect,
    /// What is mixed in.
    pub guest_field_select: GuestFieldSelect,
    /// The level that is mixed in, 0 to 3; not below the number of the VMPCK that the message is sent with. (The
    /// published firmware does not check that it is at most 3.)
    pub vmpl: u32,
    /// The security version that is mixed in if it is selected: at most that of the ID block.
    pub guest_svn: u32,
    /// The TCB version that is mixed in if it is selected: no component above the committed TCB version's.
    pub tcb_version: TcbVersion,
    /// LAUNCH_MIT_VECTOR, mixed in if it is selected. `Some`: the message is of version 2 (MODEL).
    pub launch_mit_vector: Option<u64>,
}

impl KeyRequest {
    /// The length of version 1's payload.
    pub const LEN: usize = 0x20;
    /// The length of the longest payload: version 2's (MODEL).
    pub const MAX_LEN: usize = 0x30;

    /// A request for VMPL0 that mixes in no selectable field.
    #[must_use]
    pub fn new(root: impl Into<RootKeySelect>) -> Self {
        Self {
            root_key_select: root.into(),
            guest_field_select: GuestFieldSelect::default(),
            vmpl: 0,
            guest_svn: 0,
            tcb_version: TcbVersion::default(),
            launch_mit_vector: None,
        }
    }

    /// The same with these fields mixed in besides those that are already.
    #[must_use]
    pub fn with_fields(mut self, fields: GuestFieldSelect) -> Self {
        self.guest_field_select = self.guest_field_select | fields;
        self
    }

    /// The same for a level.
    #[must_use]
    pub fn with_vmpl(mut self, vmpl: Vmpl) -> Self {
        self.vmpl = vmpl.get().into();
        self
    }

    /// The same with a security version of the guest mixed in.
    #[must_use]
    pub fn with_guest_svn(mut self, guest_svn: u32) -> Self {
        self.guest_svn = guest_svn;
        self.with_fields(GuestFieldSelect::GUEST_SVN)
    }

    /// The same with a TCB version mixed in.
    #[must_use]
    pub fn with_tcb_version(mut self, tcb_version: TcbVersion) -> Self {
        self.tcb_version = tcb_version;
        self.with_fields(GuestFieldSelect::TCB_VERSION)
    }

    /// The same with a mitigation vector mixed in, as a message of version 2 (MODEL).
    ///
    /// Firmware that does not know version 2 refuses the message itself: there is no response, and a guest's channel stops.
    #[must_use]
    pub fn with_launch_mit_vector(mut self, launch_mit_vector: u64) -> Self {
        self.launch_mit_vector = Some(launch_mit_vector);
        self.with_fields(GuestFieldSelect::LAUNCH_MIT_VECTOR)
    }

    /// MSG_VERSION of the message: 1 or 2.
    #[must_use]
    pub const fn version(&self) -> u8 {
        match self.launch_mit_vector {
            None => 1,
            Some(_) => 2,
        }
    }

    /// Writes the payload, and returns the part of the buffer that it is.
    #[must_use]
    pub fn encode<'b>(&self, buffer: &'b mut [u8; Self::MAX_LEN]) -> &'b [u8] {
        let words = [
            u64::from(self.root_key_select.bits()),
            self.guest_field_select.0,
            u64::from(self.guest_svn) << 32 | u64::from(self.vmpl),
            u64::from_le_bytes(self.tcb_version.bytes()),
            self.launch_mit_vector.unwrap_or_default(),
            0,
        ];
        for (bytes, word) in buffer.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        match self.launch_mit_vector {
            None => buffer.first_chunk::<{ Self::LEN }>().map_or(&[], |payload| payload),
            Some(_) => buffer,
        }
    }

    /// Reads the payload of a message of a version. Only what the firmware checks first is
    /// checked here; the rest is [`derive_guest_key`](super::derive_guest_key)'s.
    ///
    /// MODEL: a payload of version 2 may also have version 1's length: the vector is 0, because Linux's ioctl has no place
    /// for it.
    ///
    /// # Errors
    /// [`Status::INVALID_PARAM`]: a version other than 1 and 2, a length that is not the version's, or a reserved bit or
    /// byte that is not zero. (The published firmware does not look at the length: what is missing is whatever its buffer
    /// held.)
    pub fn parse(version: u8, payload: &[u8]) -> Result<Self, Status> {
        let invalid = Status::INVALID_PARAM;
        let (words, []) = payload.as_chunks::<8>() else { return Err(invalid) };
        let (&[root, fields, numbers, tcb_version], rest) =
            words.split_first_chunk().ok_or(invalid)?;
        let launch_mit_vector = match (version, rest) {
            (1, []) => None,
            (2, []) => Some(0),
            (2, [vector, [0, 0, 0, 0, 0, 0, 0, 0]]) => Some(u64::from_le_bytes(*vector)),
            _ => return Err(invalid),
        };
        let root_key_select = u32::try_from(u64::from_le_bytes(root));
        let [v0, v1, v2, v3, s0, s1, s2, s3] = numbers;
        Ok(Self {
            root_key_select: root_key_select
                .ok()
                .and_then(RootKeySelect::from_bits)
                .ok_or(invalid)?,
            guest_field_select: GuestFieldSelect(u64::from_le_bytes(fields)),
            vmpl: u32::from_le_bytes([v0, v1, v2, v3]),
            guest_svn: u32::from_le_bytes([s0, s1, s2, s3]),
            tcb_version: TcbVersion::new(tcb_version),
            launch_mit_vector,
        })
    }
}

secret! {
    /// A key that the firmware derived for a guest: the answer to [`KeyRequest`]. Wiped on drop, not printed, and not to be
    /// cloned:
    ///
    /// ```compile_fail,E0599
    /// # let key = sevcrypt::snp::keys::DerivedKey::new(&[7; 32]);
    /// let copy = key.clone();
    /// ```
    DerivedKey, 32
}

impl DerivedKey {
    /// Its bytes, to be filled in.
    pub(super) fn as_mut_bytes(&mut self) -> &mut [u8; 32] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn encoded(request: &KeyRequest) -> Vec<u8> {
        request.encode(&mut [0xff; KeyRequest::MAX_LEN]).to_vec()
    }

    fn with_every_field() -> KeyRequest {
        let mut request = KeyRequest::new(KeySelect::VlekOrVcek)
            .with_fields(GuestFieldSelect(0x0f))
            .with_guest_svn(5)
            .with_tcb_version(TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]));
        request.vmpl = 1;
        request
    }

    #[test]
    fn version_1() {
        let payload: [u8; 32] = [
            0, 0, 0, 0, 0, 0, 0, 0, 0x3f, 0, 0, 0, 0, 0, 0, 0, // root, fields
            1, 0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 0, 0, 8, 0x73, // VMPL, SVN, TCB
        ];
        assert_eq!(encoded(&with_every_field()), payload);
        assert_eq!(KeyRequest::parse(1, &payload), Ok(with_every_field()));
    }

    #[test]
    fn version_2() {
        let request = with_every_field().with_launch_mit_vector(0x0102_0304_0506_0708);
        let payload = encoded(&request);
        assert_eq!((payload.len(), payload[8]), (0x30, 0x7f));
        assert_eq!(payload[0x20..], [8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(KeyRequest::parse(2, &payload), Ok(request));

        let short = KeyRequest::parse(2, &payload[..0x20]);
        assert_eq!(short, Ok(KeyRequest { launch_mit_vector: Some(0), ..request }));
    }

    #[test]
    fn versions_and_lengths() {
        let payload = [0; 0x40];
        for version in 0..=255 {
            for len in 0..=payload.len() {
                let accepted = matches!((version, len), (1 | 2, 0x20) | (2, 0x30));
                let parsed = KeyRequest::parse(version, &payload[..len]);
                assert_eq!(parsed.is_ok(), accepted, "version {version}, {len} bytes");
                assert_eq!(parsed.err().unwrap_or(Status::INVALID_PARAM), Status::INVALID_PARAM);
            }
        }
    }

    /// Every single bit: reserved ones are refused, the others come back.
    #[test]
    fn every_bit() {
        for (version, len) in [(1, 0x20), (2, 0x30)] {
            for bit in 0..len * 8 {
                let mut payload = std::vec![0; len];
                payload[bit / 8] = 1 << (bit % 8);
                let is_reserved = (3..64).contains(&bit) || bit >= 0x28 * 8;
                match KeyRequest::parse(version, &payload) {
                    Ok(request) => {
                        assert!(!is_reserved, "bit {bit}");
                        assert_eq!((encoded(&request), request.version()), (payload, version));
                    }
                    Err(status) => {
                        assert!(is_reserved, "bit {bit}");
                        assert_eq!(status, Status::INVALID_PARAM);
                    }
                }
            }
        }
    }

    /// The firmware looks at KEY_SEL later, and only where it means something.
    #[test]
    fn the_reserved_key_select_is_kept() {
        for bits in [0b110, 0b111] {
            let mut payload = [0; KeyRequest::LEN];
            payload[0] = bits;
            let root = KeyRequest::parse(1, &payload).unwrap().root_key_select;
            assert_eq!((root.bits(), root.key_select()), (bits.into(), None));
            assert_eq!(root.is_vmrk(), bits == 0b111);
        }
    }

    #[test]
    fn names_of_fields() {
        let all = GuestFieldSelect::POLICY
            | GuestFieldSelect::IMAGE_ID
            | GuestFieldSelect::FAMILY_ID
            | GuestFieldSelect::MEASUREMENT
            | GuestFieldSelect::GUEST_SVN
            | GuestFieldSelect::TCB_VERSION
            | GuestFieldSelect::LAUNCH_MIT_VECTOR;
        assert_eq!((all.0, all.unknown_bits()), (0x7f, 0));
        for (bit, label) in GuestFieldSelect::NAMED {
            let text = std::format!("{}", GuestFieldSelect(1 << bit));
            assert_eq!(text, std::format!("{:#x}: {label}", 1u64 << bit));
        }
        assert!(GuestFieldSelect::LAUNCH_MIT_VECTOR.launch_mit_vector());
        assert_eq!(std::format!("{}", GuestFieldSelect(0x81)), "0x81: POLICY unknown=0x80");
    }

    #[test]
    fn a_derived_key_is_not_printed() {
        assert_eq!(std::format!("{:?}", DerivedKey::new(&[0xab; 32])), "DerivedKey(..)");
    }
}
