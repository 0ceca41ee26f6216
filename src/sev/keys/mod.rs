//! The keys of a platform: from the chip's secret to the certificates that it exports.
//!
//! | you have | you get |
//! |---|---|
//! | a chip's secret ([`ChipUniqueKey`]) | its CEK, and what GET_ID says ([`get_id`]) |
//! | that, and random bytes | a platform's OCA, PEK and PDH with their certificates ([`PlatformKeys`]) |
//! | what was kept of such a platform ([`PlatformParts`]) | the same platform again, with the same firmware or a later one |
//! | an owner's key, and a platform's CSR | an OCA, and the PEK's certificate by it ([`Oca`]) |
//!
//! Everything follows AMD's published firmware for Genoa and AMD 55766. UNKNOWN: how fuses encode the chip's secret;
//! which keys the persistent store is under. A chip's secret has no default, and nothing is stored here: [`PlatformKeys::to_parts`] gives what is to be kept.
//!
//! ```
//! use sevcrypt::ecdsa::SigningKey;
//! use sevcrypt::sev::ApiVersion;
//! use sevcrypt::sev::keys::{ChipUniqueKey, Oca, PlatformKeys, PlatformRandom};
//!
//! let chip = ChipUniqueKey::new(&[7; 32]);
//! let random = PlatformRandom::new(&[9; 168]); // all of it fresh
//! let mut platform = PlatformKeys::generate(&chip, ApiVersion { major: 1, minor: 55 }, &random)?;
//!
//! // An owner takes the platform over.
//! let oca = Oca::new(SigningKey::from_random(&[3; 56]))?;
//! let pek = oca.sign_csr(&platform.pek_csr())?;
//! platform.pek_cert_import(pek.as_bytes(), oca.certificate().as_bytes(), &[4; 56])?;
//! assert!(platform.is_externally_owned());
//! assert_eq!(&platform.certificates().oca, oca.certificate());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod oca;
mod platform;

pub use oca::{CsrError, Oca};
pub use platform::{
    ExportError, ImportError, PartsError, PlatformKeys, PlatformParts, PlatformRandom,
};

use core::fmt;

use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::point::AffineCoordinates;
use sha2::{Digest, Sha256};

use crate::ecdsa::SigningKey;
use crate::kdf;
use crate::secret::secret;
use crate::status::Status;
use crate::wipe::Wiped;
use crate::wire::field_mut;

secret! {
    /// CUK: the chip's unique key, from its fuses. Wiped on drop, not printed, not to be cloned.
    ///
    /// ```
    /// use sevcrypt::sev::cert::CekUrl;
    /// use sevcrypt::sev::keys::ChipUniqueKey;
    ///
    /// let chip = ChipUniqueKey::new(&[7; 32]);
    /// println!("{:?}", chip.cek().verifying_key());
    /// println!("{}", CekUrl(chip.chip_id())); // where AMD has its certificate
    /// ```
    ChipUniqueKey, 32
}

impl ChipUniqueKey {
    /// The chip endorsement key: the [`kdf`] of SHA-256 of the chip's key, with the label `sev-chip-endorsement-key`,
    /// gives 56 bytes, from which the private key is made as [`SigningKey::from_random`] does (AMD's published
    /// firmware, `sev_plat.c`). The firmware derives it at every start and stores it nowhere.
    #[must_use]
    pub fn cek(&self) -> SigningKey {
        let seed = Wiped::new(Sha256::digest(self.as_bytes()));
        let mut random = Wiped::new([0; 56]);
        kdf::derive_array(seed.as_slice(), b"sev-chip-endorsement-key", b"", &mut random);
        SigningKey::from_random(&random)
    }

    /// What GET_ID says of this chip: the chip's key, as a big-endian number, times the generator of secp256k1; x and
    /// y, big-endian (AMD's published firmware, `sev_mcmd.c`). In constant time.
    ///
    /// Documents and tools call the firmware's curve 1 P-256; the firmware's table has secp256k1 there. MODEL: the
    /// number counts modulo the order of the curve, and where nothing is left of it the answer is all zero.
    #[must_use]
    pub fn chip_id(&self) -> [u8; 64] {
        let number = Wiped::new(k256::FieldBytes::from(*self.as_bytes()));
        let scalar = Wiped::new(<k256::Scalar as Reduce<k256::FieldBytes>>::reduce(&number));
        // Both coordinates of infinity are zero here: nothing asks whether it is that.
        let point = (k256::ProjectivePoint::GENERATOR * *scalar).to_affine();
        let mut id = [0; 64];
        *field_mut::<0, 32, _>(&mut id) = point.x().into();
        *field_mut::<32, 32, _>(&mut id) = point.y().into();
        id
    }
}

/// GET_ID: writes the IDs of a system's chips, 64 bytes each, that of socket 0 first, and answers how many bytes they
/// are (AMD's published firmware, `sev_mcmd.c`). The second one is written if the buffer has exactly 128 bytes; a
/// longer one gets the first only.
///
/// # Errors
/// [`GetIdError`]: the buffer has less than 64 bytes; nothing was written.
///
/// ```
/// use sevcrypt::Status;
/// use sevcrypt::sev::keys::{ChipUniqueKey, get_id};
///
/// let chips = [ChipUniqueKey::new(&[7; 32]), ChipUniqueKey::new(&[8; 32])];
/// let mut ids = [0; 128];
/// assert_eq!(get_id(&chips[0], Some(&chips[1]), &mut ids)?, 128);
/// assert_eq!(ids[64..], chips[1].chip_id());
///
/// let error = get_id(&chips[0], None, &mut ids[..63]).unwrap_err();
/// assert_eq!((error.status(), error.needed), (Status::INVALID_LENGTH, 64));
/// # Ok::<(), sevcrypt::sev::keys::GetIdError>(())
/// ```
pub fn get_id(
    socket_0: &ChipUniqueKey,
    socket_1: Option<&ChipUniqueKey>,
    buffer: &mut [u8],
) -> Result<usize, GetIdError> {
    let found = buffer.len();
    let Some((first, second)) = buffer.split_first_chunk_mut() else {
        return Err(GetIdError { found, needed: 64 });
    };
    *first = socket_0.chip_id();
    match (socket_1, <&mut [u8; 64]>::try_from(second)) {
        (Some(socket_1), Ok(second)) => {
            *second = socket_1.chip_id();
            Ok(128)
        }
        _ => Ok(64),
    }
}

/// A buffer that is too short for a chip's ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GetIdError {
    /// Its bytes.
    pub found: usize,
    /// The length that the firmware writes back.
    pub needed: usize,
}

impl GetIdError {
    /// What the firmware answers: `INVALID_LENGTH`.
    #[must_use]
    pub const fn status(self) -> Status {
        Status::INVALID_LENGTH
    }
}

impl fmt::Display for GetIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a buffer of {} bytes, a chip's ID has {}", self.found, self.needed)
    }
}

impl core::error::Error for GetIdError {}
