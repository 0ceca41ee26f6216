//! The versioned hash chain: a secret for each TCB version, from which those of older ones follow and those of newer ones
//! do not.
//!
//! Byte i of TCB_VERSION is the version v_i of component i. From a secret base_i, H = SHA-384 (AMD's published firmware,
//! `secure_ops.c`):
//!
//! ```text
//! d_i        = H applied 255 - v_i times to base_i
//! stick_i    = H(d_i)
//! base_{i+1} = H(eight zero bytes || d_i)
//! ```
//!
//! base_0 is the chip's secret and stick_7 what the VCEK is made of. Who has stick_i, and not d_i, can go on to older
//! versions of component i, and from there to all that follows.

use core::cmp::Ordering;
use core::fmt;

use sha2::{Digest, Sha384};

use crate::secret::secret;
use crate::snp::tcb::TcbVersion;
use crate::wipe::Wiped;

/// The bytes of every secret of the chain.
type Bytes = [u8; 48];

/// How many components a TCB version has.
const COMPONENTS: usize = 8;

secret! {
    /// base_0: the secret that a chip's boot ROM makes of its fuses; how is not published. A software model takes any 48
    /// bytes that nobody else knows.
    ChipSecret, 48
}

secret! {
    /// A secret of one component at a version. stick_7 is what a [`PrivateKey`](super::PrivateKey) is made of.
    HashStick, 48
}

/// The sticks of all components at a TCB version, and base_7: what a boot loader hands to the firmware, with stick_7, which
/// the firmware makes of base_7 and the microcode's version.
///
/// MODEL: on Turin, whose order of sticks is not published, the components are the bytes of TCB_VERSION in memory order, as
/// on Milan and Genoa.
///
/// ```
/// use sevcrypt::snp::keys::{ChipSecret, HashSticks};
/// use sevcrypt::snp::tcb::TcbVersion;
///
/// # let seed = [7; 48];
/// let chip = ChipSecret::new(&seed);
/// let sticks = HashSticks::new(&chip, TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]));
/// let older = TcbVersion::new([3, 0, 0, 0, 0, 0, 5, 0x73]);
/// assert_eq!(sticks.at(older)?.stick_7().as_bytes(), HashSticks::new(&chip, older).stick_7().as_bytes());
///
/// let newer = TcbVersion::new([3, 0, 0, 0, 0, 0, 9, 0x73]);
/// let error = sticks.at(newer).unwrap_err();
/// assert_eq!(error.to_string(), "byte 6 of the TCB version is 9, above 8: its stick does not follow from an older one");
/// # Ok::<(), sevcrypt::snp::keys::StickError>(())
/// ```
pub struct HashSticks {
    tcb_version: TcbVersion,
    sticks: [HashStick; COMPONENTS],
    base_7: Wiped<Bytes>,
}

impl HashSticks {
    /// Of a chip at a TCB version.
    #[must_use]
    pub fn new(chip: &ChipSecret, tcb_version: TcbVersion) -> Self {
        let mut sticks = Self::of([&[0; 48]; COMPONENTS], tcb_version);
        let [version, ..] = tcb_version.bytes();
        sticks.derive(0, chip.as_bytes(), u8::MAX - version);
        sticks
    }

    /// As a boot loader hands them over: stick_0 to stick_6 and base_7.
    ///
    /// ```
    /// use sevcrypt::snp::keys::{ChipSecret, HashStick, HashSticks, PrivateKey, VlekSticks};
    /// use sevcrypt::snp::tcb::TcbVersion;
    ///
    /// let tcb = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]);
    /// let sticks = HashSticks::new(&ChipSecret::new(&[7; 48]), tcb);
    /// let first = core::array::from_fn(|at| *sticks.sticks()[at].as_bytes());
    /// let kept = HashSticks::from_parts(tcb, &first, sticks.base_7());
    /// assert_eq!(kept.stick_7().as_bytes(), sticks.stick_7().as_bytes());
    ///
    /// // A provider's sticks, from elsewhere, and the key that they give.
    /// let provider = VlekSticks::new(core::array::from_fn(|at| HashStick::new(sticks.sticks()[at].as_bytes())));
    /// println!("{:?}", PrivateKey::vlek(provider.stick_7()).signing_key().verifying_key());
    /// ```
    #[must_use]
    pub fn from_parts(
        tcb_version: TcbVersion,
        [s0, s1, s2, s3, s4, s5, s6]: &[Bytes; 7],
        base_7: &Bytes,
    ) -> Self {
        let mut sticks = Self::of([s0, s1, s2, s3, s4, s5, s6, &[0; 48]], tcb_version);
        sticks.derive_last(base_7);
        sticks
    }

    /// The TCB version that they are for.
    #[must_use]
    pub fn tcb_version(&self) -> TcbVersion {
        self.tcb_version
    }

    /// stick_0 to stick_7.
    #[must_use]
    pub fn sticks(&self) -> &[HashStick; COMPONENTS] {
        &self.sticks
    }

    /// The last stick: the secret of the VCEK.
    #[must_use]
    pub fn stick_7(&self) -> &HashStick {
        let [.., last] = &self.sticks;
        last
    }

    /// base_7: stick_7 of any microcode version follows from it.
    #[must_use]
    pub fn base_7(&self) -> &[u8; 48] {
        &self.base_7
    }

    /// The sticks at another TCB version, as the firmware derives them for SNP_CONFIG and for a guest's key with a TCB
    /// version: from the stick of the first component that is older, or from base_7 where none of the first seven is. What
    /// comes behind that component may be newer, and so may microcode.
    ///
    /// # Errors
    /// [`StickError::Newer`]: a component other than microcode is newer, and none before it is older. (The published
    /// firmware has no such error: it checks versions before, and compares bytes 0, 1 and 6 only.)
    pub fn at(&self, tcb_version: TcbVersion) -> Result<Self, StickError> {
        let mut other = Self::of(self.sticks.each_ref().map(HashStick::as_bytes), tcb_version);
        let versions = self.tcb_version.bytes().into_iter().zip(tcb_version.bytes());
        let components = self.sticks.iter().zip(versions).enumerate();
        for (index, (stick, (own, version))) in components.take(COMPONENTS - 1) {
            match version.cmp(&own) {
                Ordering::Equal => {}
                Ordering::Greater => return Err(StickError::Newer { index, version, own }),
                // The stick itself is one hash on from d at the own version.
                Ordering::Less => {
                    other.derive(index, stick.as_bytes(), own - version - 1);
                    return Ok(other);
                }
            }
        }
        other.derive_last(&self.base_7);
        Ok(other)
    }

    /// These sticks, and no base_7 yet.
    fn of(sticks: [&Bytes; COMPONENTS], tcb_version: TcbVersion) -> Self {
        let base_7 = Wiped::new([0; 48]);
        Self { tcb_version, sticks: sticks.map(HashStick::new), base_7 }
    }

    /// Derives the sticks from the component `first` on; its d is what `hashes` hashes make of `secret`.
    fn derive(&mut self, first: usize, secret: &Bytes, hashes: u8) {
        let mut secret = Wiped::new(*secret);
        let components = self.sticks.iter_mut().zip(self.tcb_version.bytes()).enumerate();
        for (index, (stick, version)) in components.skip(first) {
            if index == COMPONENTS - 1 {
                *self.base_7 = *secret;
            }
            for _ in 0..if index == first { hashes } else { u8::MAX - version } {
                hash(&[], &mut secret);
            }
            *stick.0 = *secret;
            hash(&[], &mut stick.0);
            hash(&[0; 8], &mut secret);
        }
    }

    /// Derives stick_7.
    fn derive_last(&mut self, base_7: &Bytes) {
        let [.., version] = self.tcb_version.bytes();
        self.derive(COMPONENTS - 1, base_7, u8::MAX - version);
    }
}

impl fmt::Debug for HashSticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashSticks({}, ..)", self.tcb_version)
    }
}

/// H(prefix || secret), in the secret's place.
fn hash(prefix: &[u8], secret: &mut Bytes) {
    let mut hasher = Sha384::new();
    hasher.update(prefix);
    hasher.update(&secret[..]);
    hasher.finalize_into_reset(secret.into());
}

/// Why sticks do not follow from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StickError {
    /// A component is newer than the one that the sticks are for.
    Newer {
        /// Its byte of the TCB version.
        index: usize,
        /// The version that was asked for.
        version: u8,
        /// The version that the sticks are for.
        own: u8,
    },
}

impl fmt::Display for StickError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { index, version, own } => write!(
                f,
                "byte {index} of the TCB version is {version}, above {own}: its stick does not follow from an older one"
            ),
        }
    }
}

impl core::error::Error for StickError {}
