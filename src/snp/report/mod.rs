//! The attestation report: what the firmware says of a guest and of its platform, signed.
//!
//! A [`Report`] is a view: the bytes stay as they came, since they are what is signed. It is decoded, not judged:
//! [`verify`](super::verify) does that.

use core::fmt;
use core::ops::Range;

use super::guest_policy::GuestPolicy;
use super::tcb::{CpuModel, Product, TcbVersion};
use crate::ecdsa::{Signature, SignatureFormError, Signer};
use crate::flags::flags;
use crate::{Hex, Vmpl};

/// The length of a report in bytes (AMD 56860, ATTESTATION_REPORT).
pub const REPORT_LEN: usize = 0x4a0;
/// What is signed: everything before the signature.
const SIGNED: Range<usize> = 0..0x2a0;

/// Offsets of AMD 56860, ATTESTATION_REPORT.
mod at {
    pub(super) const VERSION: usize = 0x000;
    pub(super) const GUEST_SVN: usize = 0x004;
    pub(super) const POLICY: usize = 0x008;
    pub(super) const FAMILY_ID: usize = 0x010;
    pub(super) const IMAGE_ID: usize = 0x020;
    pub(super) const VMPL: usize = 0x030;
    pub(super) const SIGNATURE_ALGO: usize = 0x034;
    pub(super) const CURRENT_TCB: usize = 0x038;
    pub(super) const PLATFORM_INFO: usize = 0x040;
    pub(super) const KEY_INFO: usize = 0x048;
    pub(super) const REPORT_DATA: usize = 0x050;
    pub(super) const MEASUREMENT: usize = 0x090;
    pub(super) const HOST_DATA: usize = 0x0c0;
    pub(super) const ID_KEY_DIGEST: usize = 0x0e0;
    pub(super) const AUTHOR_KEY_DIGEST: usize = 0x110;
    pub(super) const REPORT_ID: usize = 0x140;
    pub(super) const REPORT_ID_MA: usize = 0x160;
    pub(super) const REPORTED_TCB: usize = 0x180;
    pub(super) const CPUID_FAM_ID: usize = 0x188;
    pub(super) const CHIP_ID: usize = 0x1a0;
    pub(super) const COMMITTED_TCB: usize = 0x1e0;
    pub(super) const CURRENT_BUILD: usize = 0x1e8;
    pub(super) const COMMITTED_BUILD: usize = 0x1ec;
    pub(super) const LAUNCH_TCB: usize = 0x1f0;
    pub(super) const LAUNCH_MIT_VECTOR: usize = 0x1f8;
    pub(super) const CURRENT_MIT_VECTOR: usize = 0x200;
    pub(super) const CURRENT_ETCB: usize = 0x220;
    pub(super) const LAUNCH_ETCB: usize = 0x240;
    pub(super) const COMMITTED_ETCB: usize = 0x260;
    pub(super) const SIGNATURE: usize = 0x2a0;
}

const _: () = assert!(at::SIGNATURE + Signature::LEN == REPORT_LEN);
const _: () = assert!(at::COMMITTED_ETCB + 0x20 == 0x280);

flags! {
    /// PLATFORM_INFO: how the platform is set up (AMD 56860, ATTESTATION_REPORT).
    ///
    /// ```
    /// use sevcrypt::snp::report::PlatformInfo;
    ///
    /// let info = PlatformInfo(0x123);
    /// assert!(info.smt_en() && info.tsme_en() && info.alias_check_complete());
    /// assert_eq!(info.unknown_bits(), 0x100);
    /// ```
    PlatformInfo(u64), "PLATFORM_INFO", reserved !0, {
        0 => smt_en "SMT_EN", "simultaneous multithreading is enabled";
        1 => tsme_en "TSME_EN", "all memory is encrypted, the host's too";
        2 => ecc_en "ECC_EN", "memory has error correction";
        3 => rapl_dis "RAPL_DIS", "running average power limit readings are disabled";
        4 => ciphertext_hiding_dram_en "CIPHERTEXT_HIDING_DRAM_EN", "the host does not see guests' ciphertext";
        5 => alias_check_complete "ALIAS_CHECK_COMPLETE", "no two addresses name the same memory, checked since the last reset";
        6 => iommu_write_safe "IOMMU_WRITE_SAFE", "a mitigation is in the hardware; name and meaning come from third parties";
        7 => tio_en "TIO_EN", "SEV-TIO is enabled";
    }
}

impl fmt::Display for PlatformInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}:", self.0)?;
        self.fmt_names(f)
    }
}

/// Which key signed a report (KEY_INFO, bits 4:2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReportKey {
    /// The versioned chip endorsement key.
    Vcek,
    /// The versioned loaded endorsement key, of a cloud.
    Vlek,
    /// None: the signature is zero and the report is worth nothing.
    None,
    /// A value without a meaning.
    Reserved(u8),
}

impl fmt::Display for ReportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vcek => f.write_str("VCEK"),
            Self::Vlek => f.write_str("VLEK"),
            Self::None => f.write_str("none"),
            Self::Reserved(value) => write!(f, "reserved ({value})"),
        }
    }
}

/// KEY_INFO: which keys had a part in a report.
///
/// ```
/// use sevcrypt::snp::report::{KeyInfo, ReportKey};
///
/// let info = KeyInfo(0b0_0101); // an author's key, and a VLEK
/// assert_eq!((info.author_key_en(), info.signing_key()), (true, ReportKey::Vlek));
/// assert!(!info.mask_chip_key() && info.reserved_bits() == 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct KeyInfo(pub u32);

impl KeyInfo {
    /// AUTHOR_KEY_EN, bit 0: AUTHOR_KEY_DIGEST is that of a key.
    #[must_use]
    pub const fn author_key_en(self) -> bool {
        self.0 & 1 == 1
    }

    /// MASK_CHIP_KEY, bit 1: the host has asked that the VCEK sign nothing.
    #[must_use]
    pub const fn mask_chip_key(self) -> bool {
        self.0 >> 1 & 1 == 1
    }

    /// SIGNING_KEY, bits 4:2.
    #[must_use]
    pub const fn signing_key(self) -> ReportKey {
        match self.0.to_le_bytes()[0] >> 2 & 7 {
            0 => ReportKey::Vcek,
            1 => ReportKey::Vlek,
            7 => ReportKey::None,
            other => ReportKey::Reserved(other),
        }
    }

    /// Bits 31:5, which are zero.
    #[must_use]
    pub const fn reserved_bits(self) -> u32 {
        self.0 & !0x1f
    }
}

/// Who asked for a report (field VMPL).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Requester {
    /// The guest, at this privilege level or for this less privileged one.
    Guest(Vmpl),
    /// The host (0xFFFFFFFF): no guest took part, and REPORT_DATA proves nothing.
    Host,
    /// A number that is neither.
    Other(u32),
}

impl fmt::Display for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guest(vmpl) => vmpl.fmt(f),
            Self::Host => f.write_str("the host (0xffffffff)"),
            Self::Other(vmpl) => write!(f, "{vmpl:#x}, which is no VMPL"),
        }
    }
}

/// The version of the SEV-SNP firmware: ABI major and minor, and build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FirmwareVersion {
    /// ABI major version.
    pub major: u8,
    /// ABI minor version.
    pub minor: u8,
    /// Build number; each product counts its own.
    pub build: u8,
}

impl fmt::Display for FirmwareVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.build)
    }
}

/// Bytes that are no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportError {
    /// Not 1184 bytes.
    Length {
        /// How many there are.
        len: usize,
    },
    /// A version that this library does not know: its fields may mean something else.
    /// [`Report::of_unknown_version`] reads it all the same.
    Version {
        /// The version that the report has.
        version: u32,
    },
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { len } => write!(f, "a report has {REPORT_LEN} bytes, here are {len}"),
            Self::Version { version } => {
                write!(f, "report version {version} at offset 0 is not known; known are 2 to 6")
            }
        }
    }
}

impl core::error::Error for ReportError {}

/// Reserved bytes that are not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedByte {
    /// The offset of the first one in the report.
    pub offset: usize,
}

impl fmt::Display for ReservedByte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {:#x} of the report is reserved and not zero", self.offset)
    }
}

impl core::error::Error for ReservedByte {}

/// An attestation report as it was received: a view of 1184 bytes.
///
/// Versions 2 to 6. Version 4 was never published and is read as version 3 with the mitigation vectors as they stand;
/// of version 6 the extended TCBs are known to be there and not what they mean, so that a policy refuses it unless told
/// otherwise.
///
/// ```
/// use sevcrypt::snp::report::{Draft, Report, ReportError};
///
/// let bytes = Draft::new(3).guest_svn(5).unsigned();
/// let report = Report::from_bytes(&bytes)?;
/// assert_eq!(report.guest_svn(), 5);
/// assert_eq!(Report::from_bytes(&bytes[1..]), Err(ReportError::Length { len: 1183 }));
/// # Ok::<(), ReportError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Report<'a> {
    bytes: &'a [u8; REPORT_LEN],
    /// The caller's word, for a report that does not tell.
    stated: Option<Product>,
}

impl<'a> Report<'a> {
    /// A report from its bytes.
    ///
    /// # Errors
    /// [`ReportError`]: not 1184 bytes, or a version other than 2 to 6.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, ReportError> {
        let report = Self::of_unknown_version(bytes)?;
        match report.version() {
            2..=6 => Ok(report),
            version => Err(ReportError::Version { version }),
        }
    }

    /// A report of any version: before 2 its fields are read as those of version 2, after 6 as those of version 6, whatever they
    /// are. The signature of such a report can be checked; no policy accepts it.
    ///
    /// # Errors
    /// [`ReportError::Length`].
    pub fn of_unknown_version(bytes: &'a [u8]) -> Result<Self, ReportError> {
        match bytes.try_into() {
            Ok(bytes) => Ok(Self { bytes, stated: None }),
            Err(_) => Err(ReportError::Length { len: bytes.len() }),
        }
    }

    /// The same report with the product that its caller knows, for a report that does not tell: what its TCBs' components
    /// are called when it is printed or serialised. It proves nothing; [`Trust::with_product`] demands a product.
    ///
    /// [`Trust::with_product`]: super::verify::Trust::with_product
    #[must_use]
    pub const fn with_product(self, product: Product) -> Self {
        Self { stated: Some(product), ..self }
    }

    /// The bytes as they were received.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8; REPORT_LEN] {
        self.bytes
    }

    /// The bytes that are signed: 0 to 29Fh.
    #[must_use]
    pub fn signed_bytes(&self) -> &'a [u8] {
        &self.bytes[SIGNED]
    }

    fn array<const N: usize>(&self, at: usize) -> &'a [u8; N] {
        const { assert!(N <= 0x40, "no field but the signature is longer") };
        self.bytes[at..].first_chunk().expect("fields end before the report does")
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(*self.array(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(*self.array(at))
    }

    fn tcb(&self, at: usize) -> TcbVersion {
        TcbVersion::new(*self.array(at))
    }

    fn firmware(&self, at: usize) -> FirmwareVersion {
        let [build, minor, major] = *self.array(at);
        FirmwareVersion { major, minor, build }
    }

    /// VERSION of the report's format. It says nothing about the firmware's version.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.u32(at::VERSION)
    }

    /// GUEST_SVN: the guest's security version number, from its ID block; 0 without one.
    #[must_use]
    pub fn guest_svn(&self) -> u32 {
        self.u32(at::GUEST_SVN)
    }

    /// POLICY: what the guest's owner allowed at launch.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        GuestPolicy(self.u64(at::POLICY))
    }

    /// FAMILY_ID, from the ID block; zero without one.
    #[must_use]
    pub fn family_id(&self) -> &'a [u8; 16] {
        self.array(at::FAMILY_ID)
    }

    /// IMAGE_ID, from the ID block; zero without one.
    #[must_use]
    pub fn image_id(&self) -> &'a [u8; 16] {
        self.array(at::IMAGE_ID)
    }

    /// VMPL: who asked for the report.
    #[must_use]
    pub fn vmpl(&self) -> Requester {
        match (self.u32(at::VMPL), Vmpl::new(self.u32(at::VMPL))) {
            (_, Some(vmpl)) => Requester::Guest(vmpl),
            (u32::MAX, _) => Requester::Host,
            (other, _) => Requester::Other(other),
        }
    }

    /// SIGNATURE_ALGO: 1 is ECDSA on P-384 with SHA-384, the only one.
    #[must_use]
    pub fn signature_algo(&self) -> u32 {
        self.u32(at::SIGNATURE_ALGO)
    }

    /// CURRENT_TCB: the firmware that runs.
    #[must_use]
    pub fn current_tcb(&self) -> TcbVersion {
        self.tcb(at::CURRENT_TCB)
    }

    /// PLATFORM_INFO.
    #[must_use]
    pub fn platform_info(&self) -> PlatformInfo {
        PlatformInfo(self.u64(at::PLATFORM_INFO))
    }

    /// KEY_INFO.
    #[must_use]
    pub fn key_info(&self) -> KeyInfo {
        KeyInfo(self.u32(at::KEY_INFO))
    }

    /// REPORT_DATA: what the guest gave to be signed.
    #[must_use]
    pub fn report_data(&self) -> &'a [u8; 64] {
        self.array(at::REPORT_DATA)
    }

    /// MEASUREMENT: the launch digest.
    #[must_use]
    pub fn measurement(&self) -> &'a [u8; 48] {
        self.array(at::MEASUREMENT)
    }

    /// HOST_DATA: what the host gave at launch.
    #[must_use]
    pub fn host_data(&self) -> &'a [u8; 32] {
        self.array(at::HOST_DATA)
    }

    /// ID_KEY_DIGEST: SHA-384 of the key that signed the ID block; zero without one.
    #[must_use]
    pub fn id_key_digest(&self) -> &'a [u8; 48] {
        self.array(at::ID_KEY_DIGEST)
    }

    /// AUTHOR_KEY_DIGEST: SHA-384 of the key that signed the ID key; zero without one.
    #[must_use]
    pub fn author_key_digest(&self) -> &'a [u8; 48] {
        self.array(at::AUTHOR_KEY_DIGEST)
    }

    /// REPORT_ID: random, one per guest.
    #[must_use]
    pub fn report_id(&self) -> &'a [u8; 32] {
        self.array(at::REPORT_ID)
    }

    /// REPORT_ID_MA: the REPORT_ID of the migration agent; all ones without one.
    #[must_use]
    pub fn report_id_ma(&self) -> &'a [u8; 32] {
        self.array(at::REPORT_ID_MA)
    }

    /// REPORTED_TCB: the TCB whose key signed the report.
    #[must_use]
    pub fn reported_tcb(&self) -> TcbVersion {
        self.tcb(at::REPORTED_TCB)
    }

    /// Family, model and stepping; `None` before version 3.
    #[must_use]
    pub fn cpu(&self) -> Option<CpuModel> {
        let [family, model, stepping] = *self.array(at::CPUID_FAM_ID);
        (self.version() >= 3).then_some(CpuModel { family, model, stepping })
    }

    /// CHIP_ID: 64 bytes, or 8 and zeros since Turin; all zero where the host masks it.
    #[must_use]
    pub fn chip_id(&self) -> &'a [u8; 64] {
        self.array(at::CHIP_ID)
    }

    /// Whether CHIP_ID is all zero: masked by the host, as is usual under a VLEK.
    #[must_use]
    pub fn chip_id_is_masked(&self) -> bool {
        *self.chip_id() == [0; 64]
    }

    /// COMMITTED_TCB: what the platform cannot go back below.
    #[must_use]
    pub fn committed_tcb(&self) -> TcbVersion {
        self.tcb(at::COMMITTED_TCB)
    }

    /// CURRENT_MAJOR, CURRENT_MINOR, CURRENT_BUILD: the firmware that runs.
    #[must_use]
    pub fn current_version(&self) -> FirmwareVersion {
        self.firmware(at::CURRENT_BUILD)
    }

    /// COMMITTED_MAJOR, COMMITTED_MINOR, COMMITTED_BUILD: the firmware that is committed.
    #[must_use]
    pub fn committed_version(&self) -> FirmwareVersion {
        self.firmware(at::COMMITTED_BUILD)
    }

    /// LAUNCH_TCB: the TCB when the guest was launched or imported.
    #[must_use]
    pub fn launch_tcb(&self) -> TcbVersion {
        self.tcb(at::LAUNCH_TCB)
    }

    fn since<T>(&self, version: u32, value: T) -> Option<T> {
        (self.version() >= version).then_some(value)
    }

    /// LAUNCH_MIT_VECTOR: the mitigations at launch; `None` before version 4. The bits are per product.
    #[must_use]
    pub fn launch_mit_vector(&self) -> Option<u64> {
        self.since(4, self.u64(at::LAUNCH_MIT_VECTOR))
    }

    /// CURRENT_MIT_VECTOR: the mitigations now; `None` before version 4. The bits are per product.
    #[must_use]
    pub fn current_mit_vector(&self) -> Option<u64> {
        self.since(4, self.u64(at::CURRENT_MIT_VECTOR))
    }

    /// CURRENT_ETCB, LAUNCH_ETCB, COMMITTED_ETCB: extended TCBs; `None` before version 6. What their bytes mean is
    /// UNKNOWN.
    #[must_use]
    pub fn extended_tcbs(&self) -> Option<[&'a [u8; 32]; 3]> {
        let places = [at::CURRENT_ETCB, at::LAUNCH_ETCB, at::COMMITTED_ETCB];
        self.since(6, places.map(|place| self.array(place)))
    }

    /// The 512 bytes of the signature field.
    #[must_use]
    pub fn signature_field(&self) -> &'a [u8; Signature::LEN] {
        self.bytes[at::SIGNATURE..].first_chunk().expect("the report ends with the signature")
    }

    /// The signature.
    ///
    /// # Errors
    /// [`SignatureFormError`]: a number out of its range, or a byte that is not zero where it must be.
    pub fn signature(&self) -> Result<Signature, SignatureFormError> {
        Signature::from_amd(self.signature_field())
    }

    /// The product by family and model, since version 3; for version 2 and for processors that are not known, what
    /// [`with_product`](Self::with_product) was told, or `None`.
    #[must_use]
    pub fn product(&self) -> Option<Product> {
        self.cpu().and_then(CpuModel::product).or(self.stated)
    }

    /// The first reserved byte that is not zero, by the ranges of the report's version. The signature's own zeros belong
    /// to [`signature`](Self::signature), and the reserved bits of POLICY and PLATFORM_INFO are counted as unknown there.
    ///
    /// # Errors
    /// [`ReservedByte`] with its offset.
    pub fn check_reserved(&self) -> Result<(), ReservedByte> {
        let version = self.version();
        let ranges: [Option<Range<usize>>; 7] = [
            Some(0x04c..0x050),
            Some(0x1eb..0x1ec),
            Some(0x1ef..0x1f0),
            Some(0x208..0x220),
            Some(if version >= 6 { 0x280 } else { 0x220 }..0x2a0),
            Some(if version >= 3 { 0x18b } else { 0x188 }..0x1a0),
            (version <= 3).then_some(0x1f8..0x208),
        ];
        for range in ranges.into_iter().flatten() {
            let start = range.start;
            let bytes = self.bytes.get(range).ok_or(ReservedByte { offset: start })?;
            if let Some(at) = bytes.iter().position(|byte| *byte != 0) {
                return Err(ReservedByte { offset: start + at });
            }
        }
        match self.key_info().reserved_bits() {
            0 => Ok(()),
            _ => Err(ReservedByte { offset: at::KEY_INFO }),
        }
    }

    /// The claims that key brokers' policies use, flat. Components of the TCB need the product, which a version 2 report
    /// does not tell.
    #[must_use]
    pub fn claims(&self, product: Product) -> Claims<'a> {
        let (policy, platform) = (self.policy(), self.platform_info());
        let tcb = self.reported_tcb().parts(product);
        Claims {
            policy_abi_major: policy.abi_major(),
            policy_abi_minor: policy.abi_minor(),
            policy_smt_allowed: policy.smt(),
            policy_migrate_ma: policy.migrate_ma(),
            policy_debug_allowed: policy.debug(),
            policy_single_socket: policy.single_socket(),
            reported_tcb_bootloader: tcb.boot_loader,
            reported_tcb_tee: tcb.tee,
            reported_tcb_snp: tcb.snp,
            reported_tcb_microcode: tcb.microcode,
            reported_tcb_fmc: tcb.fmc,
            platform_tsme_enabled: platform.tsme_en(),
            platform_smt_enabled: platform.smt_en(),
            measurement: Hex(self.measurement()),
            report_data: Hex(self.report_data()),
            init_data: Hex(self.host_data()),
            chip_id: Hex(self.chip_id()),
        }
    }

    /// Every field with AMD's name, in order, for printing and for serialisation.
    fn fields<E>(
        &self,
        mut each: impl FnMut(&'static str, Value<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        use Value::{Number, Text};
        let hex = |bytes: &'a [u8]| Hex(bytes);
        let tcb = |tcb| Value::Tcb(tcb, self.product());
        let key_info = self.key_info();
        each("version", Number(self.version().into()))?;
        each("guest_svn", Number(self.guest_svn().into()))?;
        each("policy", Value::Policy(self.policy()))?;
        each("family_id", Text(&hex(self.family_id())))?;
        each("image_id", Text(&hex(self.image_id())))?;
        each("vmpl", Text(&self.vmpl()))?;
        each("signature_algo", Number(self.signature_algo().into()))?;
        each("current_tcb", tcb(self.current_tcb()))?;
        each("platform_info", Value::Platform(self.platform_info()))?;
        each("author_key_en", Number(key_info.author_key_en().into()))?;
        each("mask_chip_key", Number(key_info.mask_chip_key().into()))?;
        each("signing_key", Text(&key_info.signing_key()))?;
        each("report_data", Text(&hex(self.report_data())))?;
        each("measurement", Text(&hex(self.measurement())))?;
        each("host_data", Text(&hex(self.host_data())))?;
        each("id_key_digest", Text(&hex(self.id_key_digest())))?;
        each("author_key_digest", Text(&hex(self.author_key_digest())))?;
        each("report_id", Text(&hex(self.report_id())))?;
        each("report_id_ma", Text(&hex(self.report_id_ma())))?;
        each("reported_tcb", tcb(self.reported_tcb()))?;
        if let Some(cpu) = self.cpu() {
            each("cpuid", Text(&cpu))?;
        }
        each("chip_id", Text(&hex(self.chip_id())))?;
        each("committed_tcb", tcb(self.committed_tcb()))?;
        each("current_version", Text(&self.current_version()))?;
        each("committed_version", Text(&self.committed_version()))?;
        each("launch_tcb", tcb(self.launch_tcb()))?;
        let vectors = [self.launch_mit_vector(), self.current_mit_vector()];
        for (name, vector) in ["launch_mit_vector", "current_mit_vector"].into_iter().zip(vectors) {
            if let Some(vector) = vector {
                each(name, Text(&format_args!("{vector:#x}")))?;
            }
        }
        for etcb in self.extended_tcbs().iter() {
            for (name, etcb) in
                ["current_etcb", "launch_etcb", "committed_etcb"].into_iter().zip(etcb)
            {
                each(name, Text(&hex(etcb.as_slice())))?;
            }
        }
        Ok(())
    }
}

/// A field of a report as it is printed or serialised.
enum Value<'v> {
    Number(u64),
    Text(&'v dyn fmt::Display),
    Policy(GuestPolicy),
    Platform(PlatformInfo),
    Tcb(TcbVersion, Option<Product>),
}

/// A line for each field: AMD's name, the value.
impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields(|name, value| {
            write!(f, "{name:<20} ")?;
            match value {
                Value::Number(number) => writeln!(f, "{number}"),
                Value::Text(text) => writeln!(f, "{text}"),
                Value::Policy(policy) => writeln!(f, "{policy}"),
                Value::Platform(info) => writeln!(f, "{info}"),
                Value::Tcb(tcb, Some(product)) => writeln!(f, "{tcb}: {}", tcb.parts(product)),
                Value::Tcb(tcb, None) => writeln!(f, "{tcb}"),
            }
        })
    }
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Report(version {}, measurement {})", self.version(), Hex(self.measurement()))
    }
}

#[cfg(feature = "serde")]
mod serialize {
    use serde::ser::{Serialize, SerializeMap, Serializer};

    use super::{FirmwareVersion, Hex, Product, Report, TcbVersion, Value};

    /// A map of all fields with AMD's names in lower case: numbers as numbers, bytes in hexadecimal digits, TCBs and
    /// words of bits as maps.
    impl Serialize for Report<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            self.fields(|name, value| match value {
                Value::Number(number) => map.serialize_entry(name, &number),
                Value::Text(text) => map.serialize_entry(name, &Text(text)),
                Value::Policy(policy) => map.serialize_entry(name, &policy),
                Value::Platform(info) => map.serialize_entry(name, &info),
                Value::Tcb(tcb, product) => map.serialize_entry(name, &Tcb(tcb, product)),
            })?;
            map.end()
        }
    }

    struct Text<'v>(&'v dyn core::fmt::Display);

    impl Serialize for Text<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self.0)
        }
    }

    struct Tcb(TcbVersion, Option<Product>);

    impl Serialize for Tcb {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            map.serialize_entry("raw", &Hex(&self.0.bytes()))?;
            if let Some(product) = self.1 {
                for (component, value) in self.0.parts(product).iter() {
                    map.serialize_entry(component.name(), &value)?;
                }
            }
            map.end()
        }
    }

    impl Serialize for FirmwareVersion {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }
}

/// What key brokers' policies ask of a report, by the names that they use. Bytes print in lower-case hexadecimal.
///
/// A component that the product's TCB does not have is `None`.
///
/// ```
/// use sevcrypt::snp::GuestPolicy;
/// use sevcrypt::snp::report::{Draft, FirmwareVersion, Report, Requester};
/// use sevcrypt::snp::tcb::{CpuModel, Product, TcbVersion};
///
/// let bytes = Draft::new(3)
///     .policy(GuestPolicy(0x3_0000))
///     .measurement(&[0xab; 48])
///     .current_version(FirmwareVersion { major: 1, minor: 55, build: 29 })
///     .reported_tcb(TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]))
///     .cpu(CpuModel { family: 0x19, model: 0x11, stepping: 1 })
///     .unsigned();
/// let report = Report::from_bytes(&bytes)?;
/// assert_eq!(report.current_version().to_string(), "1.55.29");
/// assert!(matches!(report.vmpl(), Requester::Guest(_)));
/// report.check_reserved()?;
///
/// let claims = report.claims(Product::Genoa);
/// assert_eq!((claims.reported_tcb_microcode, claims.reported_tcb_fmc), (Some(0x73), None));
/// assert!(claims.policy_smt_allowed && !claims.policy_debug_allowed);
///
/// // A version that is not known yet is refused, unless it is asked for.
/// let newer = Draft::new(99).unsigned();
/// assert!(Report::from_bytes(&newer).is_err());
/// assert_eq!(Report::of_unknown_version(&newer)?.version(), 99);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs, reason = "each name is that of the report's field")]
pub struct Claims<'a> {
    pub policy_abi_major: u8,
    pub policy_abi_minor: u8,
    pub policy_smt_allowed: bool,
    pub policy_migrate_ma: bool,
    pub policy_debug_allowed: bool,
    pub policy_single_socket: bool,
    pub reported_tcb_bootloader: Option<u8>,
    pub reported_tcb_tee: Option<u8>,
    pub reported_tcb_snp: Option<u8>,
    pub reported_tcb_microcode: Option<u8>,
    pub reported_tcb_fmc: Option<u8>,
    pub platform_tsme_enabled: bool,
    pub platform_smt_enabled: bool,
    pub measurement: Hex<'a>,
    pub report_data: Hex<'a>,
    /// HOST_DATA.
    pub init_data: Hex<'a>,
    pub chip_id: Hex<'a>,
}

/// A report to be filled in and signed: what a platform's firmware does.
///
/// Fields that are not set are zero, but for REPORT_ID_MA (all ones: no migration agent), POLICY's bit that is always one,
/// and SIGNATURE_ALGO.
///
/// ```
/// use sevcrypt::ecdsa::SigningKey;
/// use sevcrypt::snp::report::{Draft, Report};
///
/// let key = SigningKey::from_scalar(&[7; 48]).ok_or("out of range")?;
/// let bytes = Draft::new(3).measurement(&[0xab; 48]).report_data(&[1; 64]).sign(&key)?;
/// let report = Report::from_bytes(&bytes)?;
/// assert!(key.verifying_key().verify_vartime(report.signed_bytes(), &report.signature()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Draft([u8; REPORT_LEN]);

/// Declares a setter for each field.
macro_rules! setters {
    ($($name:ident: $type:ty, $at:expr, $value:ident => $bytes:expr, $doc:literal;)+) => {
        impl Draft {
            $(
                #[doc = concat!("Sets ", $doc, ".")]
                #[must_use]
                pub fn $name(self, $value: $type) -> Self {
                    self.put($at, &$bytes)
                }
            )+
        }
    };
}

setters! {
    guest_svn: u32, at::GUEST_SVN, svn => svn.to_le_bytes(), "GUEST_SVN";
    policy: GuestPolicy, at::POLICY, policy => policy.0.to_le_bytes(), "POLICY";
    family_id: &[u8; 16], at::FAMILY_ID, id => *id, "FAMILY_ID";
    image_id: &[u8; 16], at::IMAGE_ID, id => *id, "IMAGE_ID";
    vmpl: Vmpl, at::VMPL, vmpl => u32::from(vmpl.get()).to_le_bytes(), "VMPL";
    current_tcb: TcbVersion, at::CURRENT_TCB, tcb => tcb.bytes(), "CURRENT_TCB";
    platform_info: PlatformInfo, at::PLATFORM_INFO, info => info.0.to_le_bytes(), "PLATFORM_INFO";
    key_info: KeyInfo, at::KEY_INFO, info => info.0.to_le_bytes(), "KEY_INFO";
    report_data: &[u8; 64], at::REPORT_DATA, data => *data, "REPORT_DATA";
    measurement: &[u8; 48], at::MEASUREMENT, digest => *digest, "MEASUREMENT";
    host_data: &[u8; 32], at::HOST_DATA, data => *data, "HOST_DATA";
    id_key_digest: &[u8; 48], at::ID_KEY_DIGEST, digest => *digest, "ID_KEY_DIGEST";
    author_key_digest: &[u8; 48], at::AUTHOR_KEY_DIGEST, digest => *digest, "AUTHOR_KEY_DIGEST";
    report_id: &[u8; 32], at::REPORT_ID, id => *id, "REPORT_ID";
    report_id_ma: &[u8; 32], at::REPORT_ID_MA, id => *id, "REPORT_ID_MA";
    reported_tcb: TcbVersion, at::REPORTED_TCB, tcb => tcb.bytes(), "REPORTED_TCB";
    cpu: CpuModel, at::CPUID_FAM_ID, cpu => [cpu.family, cpu.model, cpu.stepping], "CPUID_FAM_ID, CPUID_MOD_ID and CPUID_STEP (version 3 and later)";
    chip_id: &[u8; 64], at::CHIP_ID, id => *id, "CHIP_ID";
    committed_tcb: TcbVersion, at::COMMITTED_TCB, tcb => tcb.bytes(), "COMMITTED_TCB";
    current_version: FirmwareVersion, at::CURRENT_BUILD, version => [version.build, version.minor, version.major], "CURRENT_MAJOR, CURRENT_MINOR and CURRENT_BUILD";
    committed_version: FirmwareVersion, at::COMMITTED_BUILD, version => [version.build, version.minor, version.major], "COMMITTED_MAJOR, COMMITTED_MINOR and COMMITTED_BUILD";
    launch_tcb: TcbVersion, at::LAUNCH_TCB, tcb => tcb.bytes(), "LAUNCH_TCB";
    launch_mit_vector: u64, at::LAUNCH_MIT_VECTOR, vector => vector.to_le_bytes(), "LAUNCH_MIT_VECTOR (version 5 and later; version 4 was never published)";
    current_mit_vector: u64, at::CURRENT_MIT_VECTOR, vector => vector.to_le_bytes(), "CURRENT_MIT_VECTOR (version 5 and later; version 4 was never published)";
}

impl Draft {
    /// A report of a version with nothing in it.
    #[must_use]
    pub fn new(version: u32) -> Self {
        Self([0; REPORT_LEN])
            .put(at::VERSION, &version.to_le_bytes())
            .put(at::POLICY, &GuestPolicy::RESERVED_ONE.to_le_bytes())
            .put(at::SIGNATURE_ALGO, &1u32.to_le_bytes())
            .put(at::REPORT_ID_MA, &[0xff; 32])
    }

    fn put(mut self, at: usize, bytes: &[u8]) -> Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// The report with its signature.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign<S: Signer>(self, signer: &S) -> Result<[u8; REPORT_LEN], S::Error> {
        let signature = signer.sign_sha384(&self.0[SIGNED])?;
        Ok(self.put(at::SIGNATURE, &signature.to_amd()).0)
    }

    /// The report with a signature of zeros, as the firmware makes it with SIGNING_KEY 7.
    #[must_use]
    pub fn unsigned(self) -> [u8; REPORT_LEN] {
        self.0
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Draft(..)")
    }
}

#[cfg(test)]
mod tests;
