//! The secrets page: what the firmware gives a guest at launch, and what the guest's stages hand on in it.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::tcb::CpuModel;
use crate::addr::{Page, Vmpck, Vmpl};
use crate::secret::tell;
use crate::wire::{field, field_mut, get_u32, get_u64};

/// Where things stand (AMD 56860, "Secrets Page"; the guest's areas: AMD 56421 and AMD 58019).
mod at {
    pub(super) const VERSION: usize = 0x000;
    pub(super) const IMI_EN: usize = 0x004;
    pub(super) const FMS: usize = 0x008;
    pub(super) const GOSVW: usize = 0x010;
    pub(super) const VMPCK: [usize; 4] = [0x020, 0x040, 0x060, 0x080];
    pub(super) const COUNT_LOW: [usize; 4] = [0x0a0, 0x0a4, 0x0a8, 0x0ac];
    pub(super) const AP_JUMP_TABLE: usize = 0x0b0;
    pub(super) const COUNT_HIGH: [usize; 4] = [0x0b8, 0x0bc, 0x0c0, 0x0c4];
    pub(super) const AREA_VERSION: usize = 0x0de;
    pub(super) const VMSA_TWEAK_BITMAP: usize = 0x100;
    pub(super) const SVSM_BASE: usize = 0x140;
    pub(super) const SVSM_SIZE: usize = 0x148;
    pub(super) const SVSM_CAA: usize = 0x150;
    pub(super) const SVSM_MAX_VERSION: usize = 0x158;
    pub(super) const SVSM_GUEST_VMPL: usize = 0x15c;
    pub(super) const TSC_FACTOR: usize = 0x160;
    pub(super) const LAUNCH_MIT_VECTOR: usize = 0x168;
}

/// A secrets page in a guest's private memory, or in a platform's.
///
/// The memory is the caller's, and what it holds are keys: the caller wipes it, but for the VMPCKs that a
/// [`GuestChannel`](super::message::GuestChannel) takes.
///
/// ```
/// use sevcrypt::snp::message::Vmpck;
/// use sevcrypt::snp::secrets::{SecretsPage, UnknownPage};
///
/// let mut memory = [0; 4096];
/// assert_eq!(SecretsPage::open(&mut memory).unwrap_err(), UnknownPage { version: 0 });
///
/// let mut page = SecretsPage::create(&mut memory);
/// page.set_vmpck(Vmpck::VMPCK0, &[7; 32]);
/// page.set_tsc_factor(200);
///
/// let page = SecretsPage::open(&mut memory)?;
/// assert_eq!((page.version(), page.tsc_factor()), (3, 200));
/// assert!(page.has_vmpck(Vmpck::VMPCK0) && !page.has_vmpck(Vmpck::VMPCK1));
/// # Ok::<(), UnknownPage>(())
/// ```
pub struct SecretsPage<'a> {
    bytes: &'a mut Page,
}

/// The four places of something that each VMPCK has.
macro_rules! of_vmpck {
    ($place:ident, $len:literal, $bytes:expr, $vmpck:expr, $field:ident) => {
        match $vmpck.get() {
            0 => $field::<{ at::$place[0] }, $len, _>($bytes),
            1 => $field::<{ at::$place[1] }, $len, _>($bytes),
            2 => $field::<{ at::$place[2] }, $len, _>($bytes),
            _ => $field::<{ at::$place[3] }, $len, _>($bytes),
        }
    };
}

/// Declares numbers: a getter and a setter for each.
macro_rules! numbers {
    ($($place:ident: $type:ty, $get:ident $set:ident $doc:literal;)+) => {
        impl SecretsPage<'_> {
            $(
                #[doc = $doc]
                #[must_use]
                pub fn $get(&self) -> $type {
                    <$type>::from_le_bytes(
                        *field::<{ at::$place }, { size_of::<$type>() }, _>(self.bytes),
                    )
                }

                #[doc = concat!("Sets what [`", stringify!($get), "`](Self::", stringify!($get), ") gives.")]
                pub fn $set(&mut self, number: $type) {
                    *field_mut::<{ at::$place }, { size_of::<$type>() }, _>(self.bytes) =
                        number.to_le_bytes();
                }
            )+
        }
    };
}

impl<'a> SecretsPage<'a> {
    /// The version whose layout this is.
    pub const VERSION: u32 = 3;

    /// A page that the firmware has filled.
    ///
    /// MODEL: pages of versions above 3 are taken as having this layout, as guests do.
    ///
    /// # Errors
    /// [`UnknownPage`]: a version below 2.
    pub fn open(bytes: &'a mut Page) -> Result<Self, UnknownPage> {
        let page = Self { bytes };
        match page.version() {
            version @ (0 | 1) => Err(UnknownPage { version }),
            _ => Ok(page),
        }
    }

    /// A page to fill, as a platform does: version 3, everything else zero.
    #[must_use]
    pub fn create(bytes: &'a mut Page) -> Self {
        bytes.fill(0);
        *field_mut::<{ at::VERSION }, 4, _>(bytes) = Self::VERSION.to_le_bytes();
        Self { bytes }
    }

    /// VERSION.
    #[must_use]
    pub fn version(&self) -> u32 {
        get_u32::<{ at::VERSION }, _>(self.bytes)
    }

    /// IMI_EN: the guest was launched as a migration image.
    #[must_use]
    pub fn imi_en(&self) -> bool {
        get_u32::<{ at::IMI_EN }, _>(self.bytes) & 1 == 1
    }

    /// Sets IMI_EN.
    pub fn set_imi_en(&mut self, imi_en: bool) {
        *field_mut::<{ at::IMI_EN }, 4, _>(self.bytes) = u32::from(imi_en).to_le_bytes();
    }

    /// FMS: the processor.
    #[must_use]
    pub fn cpu(&self) -> CpuModel {
        CpuModel::from_eax(self.fms())
    }

    /// GOSVW: the guest's OS-visible workarounds.
    #[must_use]
    pub fn gosvw(&self) -> &[u8; 16] {
        field::<{ at::GOSVW }, 16, _>(self.bytes)
    }

    /// Sets GOSVW.
    pub fn set_gosvw(&mut self, gosvw: &[u8; 16]) {
        *field_mut::<{ at::GOSVW }, 16, _>(self.bytes) = *gosvw;
    }

    /// A VMPCK. All zero: it was taken or wiped, and no key. Not to be printed.
    #[must_use]
    pub fn vmpck(&self, vmpck: Vmpck) -> &[u8; 32] {
        of_vmpck!(VMPCK, 32, self.bytes, vmpck, field)
    }

    /// Whether a VMPCK is there.
    #[must_use]
    pub fn has_vmpck(&self, vmpck: Vmpck) -> bool {
        tell(!self.vmpck(vmpck).ct_eq(&[0; 32]))
    }

    /// Sets a VMPCK.
    pub fn set_vmpck(&mut self, vmpck: Vmpck, key: &[u8; 32]) {
        *of_vmpck!(VMPCK, 32, self.bytes, vmpck, field_mut) = *key;
    }

    /// Wipes a VMPCK.
    pub fn wipe_vmpck(&mut self, vmpck: Vmpck) {
        of_vmpck!(VMPCK, 32, self.bytes, vmpck, field_mut)[..].zeroize();
    }

    /// Whether the guest's area has the upper halves of the message counts: since its version 1 (GHCB 2.01).
    #[must_use]
    pub fn has_high_words(&self) -> bool {
        self.area_version() != 0
    }

    /// How many messages have been sent and received with a VMPCK: 64 bits of it where the page has them.
    #[must_use]
    pub fn message_count(&self, vmpck: Vmpck) -> u64 {
        let low = u32::from_le_bytes(*of_vmpck!(COUNT_LOW, 4, self.bytes, vmpck, field));
        let high = u32::from_le_bytes(*of_vmpck!(COUNT_HIGH, 4, self.bytes, vmpck, field));
        let high = if self.has_high_words() { high } else { 0 };
        u64::from(high) << 32 | u64::from(low)
    }

    /// Sets how many messages have been sent and received with a VMPCK: both halves where the page has them, else the
    /// lower.
    pub(super) fn set_message_count(&mut self, vmpck: Vmpck, count: u64) {
        let [a, b, c, d, high @ ..] = count.to_le_bytes();
        *of_vmpck!(COUNT_LOW, 4, self.bytes, vmpck, field_mut) = [a, b, c, d];
        if self.has_high_words() {
            *of_vmpck!(COUNT_HIGH, 4, self.bytes, vmpck, field_mut) = high;
        }
    }

    /// VMSA_TWEAK_BITMAP: bit n, from the lowest of the first byte, says that quadword n of a save area is changed by
    /// the nonce of register protection.
    #[must_use]
    pub fn vmsa_tweak_bitmap(&self) -> &[u8; 64] {
        field::<{ at::VMSA_TWEAK_BITMAP }, 64, _>(self.bytes)
    }

    /// Sets VMSA_TWEAK_BITMAP.
    pub fn set_vmsa_tweak_bitmap(&mut self, bitmap: &[u8; 64]) {
        *field_mut::<{ at::VMSA_TWEAK_BITMAP }, 64, _>(self.bytes) = *bitmap;
    }

    /// What an SVSM tells the guest of itself; `None` if it says nothing: SVSM_SIZE is zero.
    #[must_use]
    pub fn svsm(&self) -> Option<Svsm> {
        let size = get_u64::<{ at::SVSM_SIZE }, _>(self.bytes);
        let [guest_vmpl] = *field::<{ at::SVSM_GUEST_VMPL }, 1, _>(self.bytes);
        (size != 0).then_some(Svsm {
            base: get_u64::<{ at::SVSM_BASE }, _>(self.bytes),
            size,
            caa: get_u64::<{ at::SVSM_CAA }, _>(self.bytes),
            max_version: get_u32::<{ at::SVSM_MAX_VERSION }, _>(self.bytes),
            guest_vmpl: Vmpl::new(guest_vmpl.into()),
        })
    }

    /// Sets what an SVSM tells the guest of itself.
    pub fn set_svsm(&mut self, svsm: &Svsm) {
        *field_mut::<{ at::SVSM_BASE }, 8, _>(self.bytes) = svsm.base.to_le_bytes();
        *field_mut::<{ at::SVSM_SIZE }, 8, _>(self.bytes) = svsm.size.to_le_bytes();
        *field_mut::<{ at::SVSM_CAA }, 8, _>(self.bytes) = svsm.caa.to_le_bytes();
        *field_mut::<{ at::SVSM_MAX_VERSION }, 4, _>(self.bytes) = svsm.max_version.to_le_bytes();
        let vmpl = svsm.guest_vmpl.map_or(u8::MAX, Vmpl::get);
        *field_mut::<{ at::SVSM_GUEST_VMPL }, 1, _>(self.bytes) = [vmpl];
    }
}

numbers! {
    FMS: u32, fms set_fms "FMS: EAX of CPUID Fn0000_0001.";
    AP_JUMP_TABLE: u64, ap_jump_table set_ap_jump_table "The address of the AP jump table, in the guest's area.";
    AREA_VERSION: u16, area_version set_area_version "The version of the guest's area: 0, or 1 since GHCB 2.01.";
    TSC_FACTOR: u32, tsc_factor set_tsc_factor "TSC_FACTOR in units of 0.00001; 200 in the published firmware.";
    LAUNCH_MIT_VECTOR: u64, launch_mit_vector set_launch_mit_vector "LAUNCH_MIT_VECTOR of newer firmware. MODEL: its place is known from third parties only, and from which version of the page on is not known at all.";
}

impl fmt::Debug for SecretsPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsPage").field("version", &self.version()).finish_non_exhaustive()
    }
}

/// What an SVSM writes into the secrets page for its guest (AMD 58019, "Secrets Page").
///
/// ```
/// use sevcrypt::Vmpl;
/// use sevcrypt::snp::message::Vmpck;
/// use sevcrypt::snp::secrets::{SecretsPage, Svsm};
///
/// let mut memory = [0; 4096];
/// let mut page = SecretsPage::create(&mut memory);
/// page.set_vmpck(Vmpck::VMPCK0, &[7; 32]);
/// page.wipe_vmpck(Vmpck::VMPCK0); // what an SVSM keeps for itself
/// assert!(!page.has_vmpck(Vmpck::VMPCK0) && page.message_count(Vmpck::VMPCK0) == 0);
///
/// let svsm = Svsm { base: 0x80_0000, size: 0x10_0000, caa: 0x90_0000, max_version: 1, guest_vmpl: Some(Vmpl::VMPL2) };
/// page.set_svsm(&svsm);
/// assert_eq!(page.svsm(), Some(svsm));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Svsm {
    /// SVSM_BASE: its guest physical address.
    pub base: u64,
    /// SVSM_SIZE in bytes.
    pub size: u64,
    /// SVSM_CAA: the guest physical address of the boot CPU's calling area.
    pub caa: u64,
    /// SVSM_MAX_VERSION of its core protocol.
    pub max_version: u32,
    /// SVSM_GUEST_VMPL: the level that the guest runs at; `None` for a number above 3.
    pub guest_vmpl: Option<Vmpl>,
}

/// A page that no firmware has filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPage {
    /// Its version.
    pub version: u32,
}

impl fmt::Display for UnknownPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a secrets page of version {}: expected 2 or above", self.version)
    }
}

impl core::error::Error for UnknownPage {}
