//! Launch digests of SEV and SEV-ES: one SHA-256 over everything that is loaded (AMD 55766, LAUNCH_UPDATE_DATA and
//! LAUNCH_UPDATE_VMSA).
//!
//! Neither addresses nor lengths are measured: the digest is that of the bytes one behind the other, in the
//! order of the commands.

use core::fmt;

#[cfg(feature = "platform")]
use sha2::digest::{common::hazmat::SerializableState, typenum::Unsigned};
use sha2::{Digest as _, Sha256};

use crate::addr::Page;
use crate::hash::Sha256Digest;
use crate::image::{Contents, Digest, Generation, Launch, LaunchError, Step};
use crate::status::Status;
#[cfg(feature = "platform")]
use crate::wipe::Wiped;

/// Bytes of [`LaunchDigest`]'s state: eight words, how many blocks, and the block that is not full.
#[cfg(feature = "platform")]
pub(crate) const STATE_LEN: usize =
    <<Sha256 as SerializableState>::SerializedStateSize as Unsigned>::USIZE;

/// The launch digest of a guest while it is loaded: LD of AMD 55766.
///
/// ```
/// use sevcrypt::sev::launch::LaunchDigest;
///
/// let mut digest = LaunchDigest::new();
/// digest.update_data(&[0xcc; 4096])?;
/// digest.update_vmsa(&[0; 4096]);
/// let mut other = LaunchDigest::new();
/// other.update_data(&[[0xcc; 4096], [0; 4096]].concat())?;
/// assert_eq!(digest.digest(), other.digest());
///
/// let error = other.update_data(&[0; 24]).unwrap_err();
/// assert_eq!(error.to_string(), "24 bytes of data: expected a multiple of 16 above 0");
/// # Ok::<(), sevcrypt::sev::launch::DataLengthError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct LaunchDigest(Sha256);

impl LaunchDigest {
    /// Nothing is loaded yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// LAUNCH_UPDATE_DATA: plaintext as the VMM gives it.
    ///
    /// # Errors
    /// [`DataLengthError`] if its length is 0 or no multiple of 16; the digest stays as it is.
    pub fn update_data(&mut self, data: &[u8]) -> Result<(), DataLengthError> {
        if data.is_empty() || !data.len().is_multiple_of(16) {
            return Err(DataLengthError { len: data.len() });
        }
        self.0.update(data);
        Ok(())
    }

    /// LAUNCH_UPDATE_VMSA (SEV-ES): a save area as the VMM gives it, without the integrity value that the
    /// firmware puts in.
    pub fn update_vmsa(&mut self, vmsa: &Page) {
        self.0.update(vmsa);
    }

    /// All of its state, for a machine that is saved: the last bytes that were loaded are in it.
    #[cfg(feature = "platform")]
    pub(crate) fn to_state(&self) -> Wiped<[u8; STATE_LEN]> {
        Wiped::new(self.0.serialize().into())
    }

    /// What [`to_state`](Self::to_state) has made; `None`: it is no such state.
    #[cfg(feature = "platform")]
    pub(crate) fn from_state(state: &[u8; STATE_LEN]) -> Option<Self> {
        Sha256::deserialize(&(*state).into()).ok().map(Self)
    }

    /// The digest of what is loaded.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        self.0.clone().finalize().into()
    }
}

/// Data of a length that LAUNCH_UPDATE_DATA refuses: 0, or no multiple of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataLengthError {
    /// The bytes that were given.
    pub len: usize,
}

impl DataLengthError {
    /// What the firmware answers.
    #[must_use]
    pub const fn status(self) -> Status {
        Status::INVALID_LENGTH
    }
}

impl fmt::Display for DataLengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of data: expected a multiple of 16 above 0", self.len)
    }
}

impl core::error::Error for DataLengthError {}

/// The launch digest of a guest of `generation`, SEV or SEV-ES; every step is shown, one for each piece.
///
/// ```
/// use sevcrypt::image::{Generation, Launch, Ovmf, Profile, VcpuType};
/// use sevcrypt::{Hex, sev};
/// # let footer = [0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d];
/// # let mut file = vec![0; 4096];
/// # file[4096 - 32 - 18..4096 - 32].copy_from_slice(&[&[18, 0][..], &footer].concat());
///
/// // `file`: the bytes of a firmware image.
/// let cpu = VcpuType::by_name("EPYC-Milan")?.signature();
/// let launch = Launch::new(Ovmf::parse(&file)?, cpu, &Profile::QEMU_LEGACY_VM_TYPE);
/// let mut steps = vec![];
/// let digest = sev::launch::measure(&launch, Generation::SevEs, &mut |step| steps.push(*step))?;
/// assert_eq!(steps.len(), 2);
/// assert_eq!(steps[1].after.to_string(), Hex(&digest).to_string());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`LaunchError::OtherGeneration`] for SEV-SNP; otherwise what [`Launch::updates`] says. Nothing is shown then.
pub fn measure(
    launch: &Launch<'_>,
    generation: Generation,
    visit: &mut dyn FnMut(&Step),
) -> Result<Sha256Digest, LaunchError> {
    if generation == Generation::Snp {
        return Err(LaunchError::OtherGeneration { found: generation });
    }
    let mut digest = LaunchDigest::new();
    let mut is_first = true;
    launch.updates(generation, &mut |update| {
        // Without SEV-SNP all pieces have bytes, the firmware's pages too.
        let Contents::Bytes(bytes) = update.contents else { return };
        // Whole pages and the hash table: all are multiples of 16.
        digest.0.update(bytes);
        let after = digest.digest();
        // The firmware is long, and hashing it twice is not needed: behind the first piece both are the same.
        let contents = if is_first { after } else { Sha256::digest(bytes).into() };
        is_first = false;
        visit(&Step::new(
            update.gpa,
            bytes.len() as u64,
            update.page_type,
            Digest::Sha256(contents),
            Digest::Sha256(after),
            update.origin,
        ));
    })?;
    Ok(digest.digest())
}
