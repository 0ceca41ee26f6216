//! Guest derived keys, as the firmware answers MSG_KEY_REQ.

use core::fmt;

use super::{DerivedKey, HashStick, HashSticks, KeyRequest, KeySelect, VlekSticks};
use crate::Hex;
use crate::kdf;
use crate::secret::secret;
use crate::snp::guest_policy::GuestPolicy;
use crate::snp::tcb::{Product, TcbVersion};
use crate::status::Status;

secret! {
    /// The VM root key: 32 random bytes that a guest gets at launch or from its migration agent, so that derived keys of
    /// that root move with it.
    Vmrk, 32
}

/// What a key is derived from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum RootKey<'a> {
    /// stick_7 of the VCEK or VLEK.
    Stick(&'a HashStick),
    /// The VMRK.
    Vmrk(&'a Vmrk),
}

impl<'a> RootKey<'a> {
    fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Stick(stick) => stick.as_bytes(),
            Self::Vmrk(vmrk) => vmrk.as_bytes(),
        }
    }
}

/// Whose digest goes into a guest's keys: the author key's where the ID block has one, else the ID key's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum IdBlockKey {
    /// The guest was launched without an ID block.
    #[default]
    None,
    /// ID_KEY_DIGEST: SHA-384 of the key that signed the ID block.
    Id([u8; 48]),
    /// AUTHOR_KEY_DIGEST: SHA-384 of the key that signed the ID key.
    Author([u8; 48]),
}

/// What can be mixed into a guest's keys, as the guest context has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestIdentity {
    /// The guest's policy.
    pub policy: GuestPolicy,
    /// IMAGE_ID of the ID block; zero without one.
    pub image_id: [u8; 16],
    /// FAMILY_ID of the ID block; zero without one.
    pub family_id: [u8; 16],
    /// The launch measurement; its first 32 bytes are mixed in.
    pub measurement: [u8; 48],
    /// HOST_DATA, which is always mixed in.
    pub host_data: [u8; 32],
    /// The key of the ID block, which is always mixed in: the first 32 bytes of its digest.
    pub id_block_key: IdBlockKey,
}

impl GuestIdentity {
    /// What the guest's key for a request is derived from, besides the root.
    #[must_use]
    pub fn mix_data(&self, request: &KeyRequest) -> MixData {
        let fields = request.guest_field_select;
        let (key_kind, key_digest) = match &self.id_block_key {
            IdBlockKey::None => (0, &[0; 48]),
            IdBlockKey::Id(digest) => (1, digest),
            IdBlockKey::Author(digest) => (2, digest),
        };
        let root = u64::from(request.root_key_select.is_vmrk()) | key_kind << 1;
        let guest_svn = if fields.guest_svn() { request.guest_svn } else { 0 };
        let numbers = u64::from(guest_svn) << 32 | u64::from(request.vmpl);
        let vector = request.launch_mit_vector.unwrap_or_default();

        let mut data = MixData { bytes: [0; MixData::MAX_LEN], version: request.version() };
        // Each field, how many bytes of it go in, and whether they do or as many zeros.
        let layout: [(&[u8], usize, bool); 11] = [
            (&root.to_le_bytes(), 8, true),
            (&fields.0.to_le_bytes(), 8, true),
            (&numbers.to_le_bytes(), 8, true),
            (&request.tcb_version.bytes(), 8, fields.tcb_version()),
            (&self.policy.0.to_le_bytes(), 8, fields.policy()),
            (&self.image_id, 16, fields.image_id()),
            (&self.family_id, 16, fields.family_id()),
            (&self.measurement, 32, fields.measurement()),
            (&self.host_data, 32, true),
            (key_digest, 32, true),
            (&vector.to_le_bytes(), 8, fields.launch_mit_vector()),
        ];
        let bytes = layout.into_iter().flat_map(|(field, len, is_selected)| {
            field.iter().take(len).map(move |byte| if is_selected { *byte } else { 0 })
        });
        data.bytes.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        data
    }
}

/// What a guest's key is derived from besides its root: the context of the key derivation (AMD's published firmware,
/// MSG_KEY_REQ; the sizes of digests are those of its structure, 32 of their 48 bytes).
///
/// MODEL: a request of version 2 appends the mitigation vector, or zero if it is not selected. What the firmware does is
/// not published.
///
/// ```
/// use sevcrypt::snp::GuestPolicy;
/// use sevcrypt::snp::keys::{GuestIdentity, HashStick, IdBlockKey, KeyRequest, KeySelect, RootKey};
///
/// let guest = GuestIdentity {
///     policy: GuestPolicy(0x3_0000),
///     image_id: [0; 16],
///     family_id: [0; 16],
///     measurement: [0xab; 48],
///     host_data: [0; 32],
///     id_block_key: IdBlockKey::None,
/// };
/// # let stick_7 = HashStick::new(&[7; 48]);
/// let key = guest.mix_data(&KeyRequest::new(KeySelect::Vcek)).derive(RootKey::Stick(&stick_7));
/// assert_ne!(key.as_bytes(), &[0; 32]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MixData {
    bytes: [u8; Self::MAX_LEN],
    version: u8,
}

impl MixData {
    /// The length for requests of version 1.
    pub const LEN: usize = 0xa8;
    /// The length for requests of version 2 (MODEL).
    pub const MAX_LEN: usize = 0xb0;

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match (self.version, self.bytes.first_chunk::<{ Self::LEN }>()) {
            (1, Some(bytes)) => bytes,
            _ => &self.bytes,
        }
    }

    /// The key: `gmsg-keyreq` is its label.
    #[must_use]
    pub fn derive(&self, root: RootKey<'_>) -> DerivedKey {
        let mut key = DerivedKey::new(&[0; 32]);
        kdf::derive_array(root.as_bytes(), b"gmsg-keyreq", self.as_bytes(), key.as_mut_bytes());
        key
    }
}

impl fmt::Debug for MixData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MixData({})", Hex(self.as_bytes()))
    }
}

/// What the firmware knows of the guest that asks for a key.
#[derive(Clone, Copy, Debug)]
pub struct GuestFacts<'a> {
    /// What can be mixed in.
    pub identity: GuestIdentity,
    /// GUEST_SVN of the ID block; 0 without one.
    pub guest_svn: u32,
    /// VCEK_DIS: the ID block's authentication forbids the VCEK.
    pub vcek_dis: bool,
    /// The guest's VMRK; `None` if it is not available.
    pub vmrk: Option<&'a Vmrk>,
}

/// What the firmware knows of the platform that a guest asks for a key.
#[derive(Clone, Copy, Debug)]
pub struct PlatformFacts<'a> {
    /// Which bytes of a TCB version are reserved. (MODEL where it is not Milan or Genoa: the published firmware is for
    /// them.)
    pub product: Product,
    /// MASK_CHIP_KEY of SNP_CONFIG.
    pub mask_chip_key: bool,
    /// COMMITTED_TCB.
    pub committed_tcb: TcbVersion,
    /// The chip's sticks, at COMMITTED_TCB or what runs now.
    pub sticks: &'a HashSticks,
    /// stick_7 at REPORTED_TCB, which the firmware keeps as the VCEK's secret; `None` if deriving it has failed.
    pub vcek: Option<&'a HashStick>,
    /// The sticks that SNP_VLEK_LOAD has loaded.
    pub vlek: Option<&'a VlekSticks>,
}

/// Derives the key that a guest asks for with VMPCK number `vmpck`, as the firmware does: with its checks in their order
/// (AMD 56860, MSG_KEY_REQ; AMD's published firmware, `sev_guest.c`). What [`KeyRequest::parse`] refuses comes first.
///
/// With the VCEK as the root, a TCB version that is mixed in also chooses the VCEK: the key can be had again after an
/// update. VLEK and VMRK are as they are. The request's TCB version and security version are not looked at if they are not
/// selected. MODEL: the mitigation vector of a request of version 2 is not checked.
///
/// ```
/// use sevcrypt::snp::GuestPolicy;
/// use sevcrypt::snp::keys::{
///     ChipSecret, DerivedKey, GuestFacts, GuestFieldSelect, GuestIdentity, HashSticks, IdBlockKey, KeyRequest, KeySelect, PlatformFacts,
///     RootKey, RootKeySelect, Vmrk, derive_guest_key,
/// };
/// use sevcrypt::snp::tcb::{Product, TcbVersion};
/// use sevcrypt::{Status, Vmpl};
///
/// let tcb = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]);
/// let sticks = HashSticks::new(&ChipSecret::new(&[7; 48]), tcb);
/// let platform = PlatformFacts {
///     product: Product::Milan,
///     mask_chip_key: false,
///     committed_tcb: tcb,
///     sticks: &sticks,
///     vcek: Some(sticks.stick_7()),
///     vlek: None,
/// };
/// let identity = GuestIdentity {
///     policy: GuestPolicy(0x3_0000),
///     image_id: [0; 16],
///     family_id: [0; 16],
///     measurement: [0xab; 48],
///     host_data: [0; 32],
///     id_block_key: IdBlockKey::None,
/// };
/// let vmrk = Vmrk::new(&[9; 32]);
/// let guest = GuestFacts { identity, guest_svn: 2, vcek_dis: false, vmrk: Some(&vmrk) };
///
/// // A key of the chip and the guest's measurement, for VMPL1 and what is below it.
/// let fields = GuestFieldSelect::MEASUREMENT | GuestFieldSelect::GUEST_SVN;
/// let request = KeyRequest::new(KeySelect::Vcek).with_fields(fields).with_guest_svn(1).with_vmpl(Vmpl::VMPL1);
/// let key = derive_guest_key(&request, 0, &guest, &platform)?;
/// let other = GuestFacts { identity: GuestIdentity { measurement: [0xac; 48], ..identity }, ..guest };
/// assert_ne!(key.as_bytes(), derive_guest_key(&request, 0, &other, &platform)?.as_bytes());
/// let newer = request.with_guest_svn(3);
/// assert_eq!(derive_guest_key(&newer, 0, &guest, &platform).unwrap_err(), Status::INVALID_PARAM);
///
/// // A key that moves with the guest, without the firmware's checks.
/// let request = KeyRequest::new(RootKeySelect::VMRK).with_launch_mit_vector(1);
/// let key = identity.mix_data(&request).derive(RootKey::Vmrk(&vmrk));
/// let kept = DerivedKey::new(key.as_bytes()); // what was kept of it
/// assert_eq!(kept.as_bytes(), key.as_bytes());
/// # Ok::<(), Status>(())
/// ```
///
/// # Errors
/// What goes into the status of MSG_KEY_RSP, whose key is then zero:
///
/// | check | status |
/// |---|---|
/// | VCEK or VLEK, and MASK_CHIP_KEY | [`Status::INVALID_KEY`] |
/// | KEY_SEL 3; VLEK without one; VCEK with VCEK_DIS; either, with neither | [`Status::INVALID_KEY`] |
/// | VMPL below `vmpck` | [`Status::INVALID_PARAM`] |
/// | an unknown field is selected | [`Status::INVALID_PARAM`] |
/// | TCB_VERSION: a component above COMMITTED_TCB's, a reserved byte | [`Status::INVALID_PARAM`] |
/// | GUEST_SVN above the ID block's | [`Status::INVALID_PARAM`] |
/// | the root is not available | [`Status::INVALID_KEY`] |
pub fn derive_guest_key(
    request: &KeyRequest,
    vmpck: u8,
    guest: &GuestFacts<'_>,
    platform: &PlatformFacts<'_>,
) -> Result<DerivedKey, Status> {
    let fields = request.guest_field_select;
    let root = choose(request, guest, platform)?;
    if request.vmpl < u32::from(vmpck) {
        return Err(Status::INVALID_PARAM);
    }
    if fields.unknown_bits() != 0 || (request.version() == 1 && fields.launch_mit_vector()) {
        return Err(Status::INVALID_PARAM);
    }
    if fields.tcb_version() {
        let tcb = request.tcb_version;
        if !(tcb <= platform.committed_tcb && tcb.reserved_is_zero(platform.product)) {
            return Err(Status::INVALID_PARAM);
        }
    }
    if fields.guest_svn() && request.guest_svn > guest.guest_svn {
        return Err(Status::INVALID_PARAM);
    }

    let mix_data = guest.identity.mix_data(request);
    match root {
        Root::Vmrk => {
            let vmrk = guest.vmrk.ok_or(Status::INVALID_KEY)?;
            Ok(mix_data.derive(RootKey::Vmrk(vmrk)))
        }
        Root::Vlek(vlek) => Ok(mix_data.derive(RootKey::Stick(vlek.stick_7()))),
        Root::Vcek if fields.tcb_version() => {
            let sticks = platform.sticks.at(request.tcb_version);
            let sticks = sticks.map_err(|_| Status::INVALID_KEY)?;
            Ok(mix_data.derive(RootKey::Stick(sticks.stick_7())))
        }
        Root::Vcek => {
            let stick_7 = platform.vcek.ok_or(Status::INVALID_KEY)?;
            Ok(mix_data.derive(RootKey::Stick(stick_7)))
        }
    }
}

/// The root that a request chooses.
enum Root<'a> {
    Vcek,
    Vlek(&'a VlekSticks),
    Vmrk,
}

/// Chooses the root, if the guest may have it.
fn choose<'a>(
    request: &KeyRequest,
    guest: &GuestFacts<'_>,
    platform: &PlatformFacts<'a>,
) -> Result<Root<'a>, Status> {
    if request.root_key_select.is_vmrk() {
        return Ok(Root::Vmrk);
    }
    // Also if it would be the VLEK, which is no key of the chip.
    if platform.mask_chip_key {
        return Err(Status::INVALID_KEY);
    }
    let vlek = platform.vlek.filter(|vlek| vlek.is_installed());
    match (request.root_key_select.key_select(), vlek) {
        (Some(KeySelect::VlekOrVcek | KeySelect::Vlek), Some(vlek)) => Ok(Root::Vlek(vlek)),
        (Some(KeySelect::VlekOrVcek | KeySelect::Vcek), _) if !guest.vcek_dis => Ok(Root::Vcek),
        _ => Err(Status::INVALID_KEY),
    }
}
