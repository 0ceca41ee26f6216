//! The guest context as it is exported.

use core::fmt;

use zeroize::Zeroize;

use crate::addr::Vmpck;
use crate::snp::GuestPolicy;
use crate::snp::tcb::TcbVersion;
use crate::wire::{field, field_mut, get_u64};

/// Declares the fields: a getter of the view and a setter of the draft for each.
macro_rules! fields {
    ($($at:literal $len:literal $name:ident $set:ident $doc:literal;)+) => {
        impl<'a> ExportedContext<'a> {
            $(
                #[doc = $doc]
                #[must_use]
                pub fn $name(&self) -> &'a [u8; $len] {
                    field::<$at, $len, _>(self.bytes)
                }
            )+
        }

        impl ContextDraft {
            $(
                #[doc = concat!("Sets: ", $doc)]
                pub fn $set(&mut self, bytes: &[u8; $len]) -> &mut Self {
                    *field_mut::<$at, $len, _>(&mut self.bytes) = *bytes;
                    self
                }
            )+
        }
    };
}

/// Declares the numbers.
macro_rules! numbers {
    ($($at:literal $type:ty, $name:ident $set:ident $doc:literal;)+) => {
        impl ExportedContext<'_> {
            $(
                #[doc = $doc]
                #[must_use]
                pub fn $name(&self) -> $type {
                    <$type>::from_le_bytes(*field::<$at, { size_of::<$type>() }, _>(self.bytes))
                }
            )+
        }

        impl ContextDraft {
            $(
                #[doc = concat!("Sets: ", $doc)]
                pub fn $set(&mut self, number: $type) -> &mut Self {
                    *field_mut::<$at, { size_of::<$type>() }, _>(&mut self.bytes) =
                        number.to_le_bytes();
                    self
                }
            )+
        }
    };
}

/// The type's, where its generic name may not stand.
const LEN: usize = 0x300;

/// A guest's context as MSG_EXPORT_RSP has it and MSG_IMPORT_REQ and its sisters take it (AMD 56860, "GCTX export"):
/// all of a guest's keys. The bytes are the caller's, who wipes them; neither they nor this are to be printed.
///
/// ```
/// use sevcrypt::snp::message::{ContextDraft, Vmpck};
///
/// let mut draft = ContextDraft::new();
/// draft.set_oek(&[7; 32]).set_vmpck(Vmpck::VMPCK1, &[8; 32]).set_message_count(Vmpck::VMPCK1, 4);
///
/// let context = draft.context();
/// assert_eq!(context.vmpck(Vmpck::VMPCK1), &[8; 32]);
/// assert_eq!(context.bytes()[0x1c8], 4);
/// assert_eq!(format!("{context:?}"), "ExportedContext(..)");
/// ```
#[derive(Clone, Copy)]
pub struct ExportedContext<'a> {
    bytes: &'a [u8; LEN],
}

impl<'a> ExportedContext<'a> {
    /// Bytes of the structure.
    pub const LEN: usize = LEN;
    /// Its version.
    pub const VERSION: u32 = 3;

    /// A context from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: &'a [u8; LEN]) -> Self {
        Self { bytes }
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8; LEN] {
        self.bytes
    }

    /// VMPCK0 to VMPCK3: one of them.
    #[must_use]
    pub fn vmpck(&self, vmpck: Vmpck) -> &'a [u8; 32] {
        match vmpck.get() {
            0 => field::<0x050, 32, _>(self.bytes),
            1 => field::<0x070, 32, _>(self.bytes),
            2 => field::<0x090, 32, _>(self.bytes),
            _ => field::<0x0b0, 32, _>(self.bytes),
        }
    }

    /// MSG_COUNT0 to MSG_COUNT3: one of them.
    #[must_use]
    pub fn message_count(&self, vmpck: Vmpck) -> u64 {
        match vmpck.get() {
            0 => get_u64::<0x1c0, _>(self.bytes),
            1 => get_u64::<0x1c8, _>(self.bytes),
            2 => get_u64::<0x1d0, _>(self.bytes),
            _ => get_u64::<0x1d8, _>(self.bytes),
        }
    }

    /// POLICY.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        GuestPolicy(get_u64::<0x228, _>(self.bytes))
    }

    /// LAUNCH_TCB.
    #[must_use]
    pub fn launch_tcb(&self) -> TcbVersion {
        TcbVersion::new(*field::<0x2c0, 8, _>(self.bytes))
    }
}

impl fmt::Debug for ExportedContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExportedContext(..)")
    }
}

/// A guest's context to fill in, for a platform that exports one. Wiped on drop; cannot be printed or copied.
///
/// ```
/// use sevcrypt::Backend;
/// use sevcrypt::snp::GuestPolicy;
/// use sevcrypt::snp::message::{ContextDraft, ExportedContext, FirmwareChannels, IncomingContext, MessageType, Vmpck};
///
/// let mut draft = ContextDraft::new();
/// draft.set_policy(GuestPolicy(0x3_0000)).set_measurement(&[0xab; 48]);
/// draft.set_vmpck(Vmpck::VMPCK0, &[1; 32]).set_message_count(Vmpck::VMPCK0, 6);
/// let bytes = *draft.context().bytes();
///
/// // On the platform that takes the guest: its messages go on where they were.
/// let context = ExportedContext::from_bytes(&bytes);
/// assert_eq!((context.measurement(), context.message_count(Vmpck::VMPCK0)), (&[0xab; 48], 6));
/// IncomingContext::new(context).check_version()?;
/// let channels = FirmwareChannels::from_context(context, Backend::best()).with_max_version(MessageType::KEY_REQ, 2);
/// assert_eq!(channels.count(Vmpck::VMPCK0), 6);
/// # Ok::<(), sevcrypt::Status>(())
/// ```
pub struct ContextDraft {
    bytes: [u8; LEN],
}

impl ContextDraft {
    /// A context of zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; LEN] }
    }

    /// What has been filled in.
    #[must_use]
    pub const fn context(&self) -> ExportedContext<'_> {
        ExportedContext::from_bytes(&self.bytes)
    }

    /// Sets one of VMPCK0 to VMPCK3.
    pub fn set_vmpck(&mut self, vmpck: Vmpck, key: &[u8; 32]) -> &mut Self {
        *match vmpck.get() {
            0 => field_mut::<0x050, 32, _>(&mut self.bytes),
            1 => field_mut::<0x070, 32, _>(&mut self.bytes),
            2 => field_mut::<0x090, 32, _>(&mut self.bytes),
            _ => field_mut::<0x0b0, 32, _>(&mut self.bytes),
        } = *key;
        self
    }

    /// Sets one of MSG_COUNT0 to MSG_COUNT3.
    pub fn set_message_count(&mut self, vmpck: Vmpck, count: u64) -> &mut Self {
        *match vmpck.get() {
            0 => field_mut::<0x1c0, 8, _>(&mut self.bytes),
            1 => field_mut::<0x1c8, 8, _>(&mut self.bytes),
            2 => field_mut::<0x1d0, 8, _>(&mut self.bytes),
            _ => field_mut::<0x1d8, 8, _>(&mut self.bytes),
        } = count.to_le_bytes();
        self
    }

    /// Sets POLICY.
    pub fn set_policy(&mut self, policy: GuestPolicy) -> &mut Self {
        *field_mut::<0x228, 8, _>(&mut self.bytes) = policy.0.to_le_bytes();
        self
    }

    /// Sets LAUNCH_TCB.
    pub fn set_launch_tcb(&mut self, tcb: TcbVersion) -> &mut Self {
        *field_mut::<0x2c0, 8, _>(&mut self.bytes) = tcb.bytes();
        self
    }
}

impl Default for ContextDraft {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ContextDraft {
    fn drop(&mut self) {
        self.bytes[..].zeroize();
    }
}

impl fmt::Debug for ContextDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContextDraft(..)")
    }
}

fields! {
    0x000 48 measurement set_measurement "LD: the launch digest.";
    0x030 32 oek set_oek "OEK: the key under which pages are swapped out and migrated.";
    0x0d0 32 vmrk set_vmrk "VMRK: the root key that a migration agent gives.";
    0x0f0 32 host_data set_host_data "HOST_DATA.";
    0x110 48 id_key_digest set_id_key_digest "ID_KEY_DIGEST.";
    0x140 48 author_key_digest set_author_key_digest "AUTHOR_KEY_DIGEST.";
    0x170 32 report_id set_report_id "REPORT_ID. An import does not take it.";
    0x190 48 imd set_imd "IMD: the digest of the initial migration image.";
    0x1e0 64 root_md_entry set_root_md_entry "ROOT_MD_ENTRY: the metadata entry of the root page; zero where the guest runs on.";
    0x240 96 id_block set_id_block "ID_BLOCK.";
    0x2a0 16 gosvw set_gosvw "GOSVW: the guest's OS-visible workarounds.";
}

numbers! {
    0x220 u64, flags set_flags "Bit 0: AUTHOR_KEY_EN; 1: ID_BLOCK_EN; 2: VCEK_DIS.";
    0x230 u8, state set_state "STATE of the exported guest.";
    0x238 u64, oek_iv_count set_oek_iv_count "OEK_IV_COUNT: pages sealed with the OEK so far.";
    0x2b0 u32, desired_tsc_freq set_desired_tsc_freq "DESIRED_TSC_FREQ in kHz.";
    0x2b8 u64, psp_tsc_offset set_psp_tsc_offset "PSP_TSC_OFFSET.";
}
