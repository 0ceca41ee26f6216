//! Certificates out of files.

use core::fmt;

use super::{
    AmdCertificate, AmdCertificates, Certificate, CertificateError, PlatformCertificates, Usage,
};

/// Certificates of a platform, in any of the forms in which hosts and AMD give them: single certificates; PEK, OCA and
/// CEK as PDH_CERT_EXPORT has them; with the PDH before them, and with ASK and ARK behind them; ASK and ARK. Each is
/// known by its usage, so that any number of them in any order is read.
///
/// ```
/// use sevcrypt::ecdh::PrivateKey;
/// use sevcrypt::sev::ApiVersion;
/// use sevcrypt::sev::cert::{Bundle, BundleError, Certificate, Usage};
///
/// let key = PrivateKey::from_scalar(&[7; 48]).ok_or("out of range")?.public_key();
/// let pdh = Certificate::of_ecdh_key(&key, ApiVersion::default());
/// let mut bundle = Bundle::default();
/// bundle.add(pdh.as_bytes())?;
/// assert_eq!(bundle.pdh(), Some(&pdh));
/// assert_eq!(bundle.platform().unwrap_err(), BundleError::Missing { usage: Usage::PEK });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle<'a> {
    /// In the order of a whole file.
    sev: [Option<Certificate>; 4],
    amd: AmdCertificates<'a>,
}

/// The order of SEV certificates in a whole file.
const ORDER: [Usage; 4] = [Usage::PDH, Usage::PEK, Usage::OCA, Usage::CEK];

impl<'a> Bundle<'a> {
    /// Adds the certificates of a file.
    ///
    /// Certificates of one usage must have one key (AMD's: one signed part). They may differ in their API version and
    /// their signatures, as the CEK does that a platform exports, with its firmware's API and without signatures, from
    /// AMD's. Of such two, the one with a signature stays, and **of two with signatures the one that was added later**.
    /// So add a host's files first and your own ones behind them, and no signature that a host has made up takes the
    /// place of AMD's.
    ///
    /// Nothing is verified here: [`verify`](super::verify) does that with what has stayed.
    ///
    /// # Errors
    /// [`BundleError`]; nothing was added.
    pub fn add(&mut self, bytes: &'a [u8]) -> Result<(), BundleError> {
        let mut all = self.clone();
        let mut rest = bytes;
        while !rest.is_empty() {
            let offset = bytes.len() - rest.len();
            rest = all.add_first(rest, offset)?;
        }
        *self = all;
        Ok(())
    }

    /// Adds the certificate that some bytes begin with.
    fn add_first(&mut self, bytes: &'a [u8], offset: usize) -> Result<&'a [u8], BundleError> {
        let word = |at: usize| {
            let word = bytes.get(at..)?.first_chunk()?;
            Some(Usage(u32::from_le_bytes(*word)))
        };
        // A SEV certificate has its usage where an AMD certificate has random bytes, and the other way round.
        let sev = ORDER.iter().zip(&mut self.sev).find(|(usage, _)| word(0x08) == Some(**usage));
        if let Some((usage, place)) = sev {
            let Some((first, rest)) = bytes.split_first_chunk() else {
                let (found, expected) = (bytes.len(), Certificate::LEN);
                let error = CertificateError::Length { found, expected };
                return Err(BundleError::Certificate { offset, error });
            };
            let new = Certificate::from_bytes(first);
            match place {
                Some(old) if !old.has_key_of(&new) => {
                    return Err(BundleError::Duplicate { usage: *usage, offset });
                }
                Some(old) if !old.is_unsigned() && new.is_unsigned() => {}
                _ => *place = Some(new),
            }
            return Ok(rest);
        }
        let usage = word(0x24).ok_or(BundleError::Unrecognized { offset })?;
        let place = match usage {
            Usage::ASK => &mut self.amd.ask,
            Usage::ARK => &mut self.amd.ark,
            _ => return Err(BundleError::Unrecognized { offset }),
        };
        let (new, rest) = AmdCertificate::parse(bytes)
            .map_err(|error| BundleError::Certificate { offset, error })?;
        match place {
            Some(old) if old.signed_bytes() != new.signed_bytes() => {
                return Err(BundleError::Duplicate { usage, offset });
            }
            Some(old) if old.signature().is_some() && new.signature().is_none() => {}
            _ => *place = Some(new),
        }
        Ok(rest)
    }

    fn get(&self, usage: Usage) -> Option<&Certificate> {
        let mut all = ORDER.iter().zip(&self.sev);
        all.find(|(of, _)| **of == usage).and_then(|(_, certificate)| certificate.as_ref())
    }

    /// The PDH.
    #[must_use]
    pub fn pdh(&self) -> Option<&Certificate> {
        self.get(Usage::PDH)
    }

    /// The PEK.
    #[must_use]
    pub fn pek(&self) -> Option<&Certificate> {
        self.get(Usage::PEK)
    }

    /// The OCA.
    #[must_use]
    pub fn oca(&self) -> Option<&Certificate> {
        self.get(Usage::OCA)
    }

    /// The CEK.
    #[must_use]
    pub fn cek(&self) -> Option<&Certificate> {
        self.get(Usage::CEK)
    }

    /// ASK and ARK, where they were added.
    #[must_use]
    pub const fn amd(&self) -> AmdCertificates<'a> {
        self.amd
    }

    /// The platform's four.
    ///
    /// # Errors
    /// [`BundleError::Missing`]: the first that was not added.
    pub fn platform(&self) -> Result<PlatformCertificates, BundleError> {
        let get = |usage| self.get(usage).cloned().ok_or(BundleError::Missing { usage });
        Ok(PlatformCertificates {
            pdh: get(Usage::PDH)?,
            pek: get(Usage::PEK)?,
            oca: get(Usage::OCA)?,
            cek: get(Usage::CEK)?,
        })
    }

    /// The certificates in the order of a whole file: PDH, PEK, OCA, CEK, ASK, ARK, without those that were not added.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let amd = [self.amd.ask, self.amd.ark].into_iter().flatten();
        let sev = self.sev.iter().flatten().map(|sev| &sev.as_bytes()[..]);
        sev.chain(amd.map(|amd| amd.as_bytes()))
    }

    /// Writes the [`pieces`](Self::pieces) one behind the other; answers how many bytes they are.
    ///
    /// ```
    /// use sevcrypt::sev::ApiVersion;
    /// use sevcrypt::sev::cert::{Bundle, PlatformCertificates};
    /// use sevcrypt::sev::keys::{ChipUniqueKey, PlatformKeys, PlatformRandom};
    ///
    /// let (chip, random) = (ChipUniqueKey::new(&[7; 32]), PlatformRandom::new(&[9; 168]));
    /// let keys = PlatformKeys::generate(&chip, ApiVersion { major: 1, minor: 55 }, &random)?;
    /// let exported = keys.certificates().to_bytes();
    /// let mut bundle = Bundle::default();
    /// bundle.add(&exported)?;
    /// let mut file = [0; PlatformCertificates::LEN];
    /// assert_eq!(bundle.write(&mut file)?, file.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`BundleError::BufferTooSmall`]; nothing was written.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, BundleError> {
        let (needed, found) = (self.pieces().map(<[u8]>::len).sum(), out.len());
        if found < needed {
            return Err(BundleError::BufferTooSmall { needed, found });
        }
        let bytes = self.pieces().flatten();
        out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Ok(needed)
    }
}

/// What is wrong with a file of certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BundleError {
    /// No certificate begins here.
    Unrecognized {
        /// Where in the file.
        offset: usize,
    },
    /// A certificate that cannot be read.
    Certificate {
        /// Where in the file it begins.
        offset: usize,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// A certificate of the same usage and another key was there before: they are of two platforms (ASK, ARK: of two
    /// products), or of one platform before and after it got new keys.
    Duplicate {
        /// The usage of both.
        usage: Usage,
        /// Where in the file it begins.
        offset: usize,
    },
    /// A certificate that is needed was not added.
    Missing {
        /// Its usage.
        usage: Usage,
    },
    /// The buffer is shorter than the certificates.
    BufferTooSmall {
        /// The bytes of the certificates.
        needed: usize,
        /// Those of the buffer.
        found: usize,
    },
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unrecognized { offset } => {
                write!(f, "no SEV or AMD certificate begins at offset {offset:#x}")
            }
            Self::Certificate { offset, error } => {
                write!(f, "the certificate at offset {offset:#x}: {error}")
            }
            Self::Duplicate { usage, offset } => {
                write!(
                    f,
                    "the certificate at offset {offset:#x} has usage {usage} and another key than the "
                )?;
                write!(f, "certificate of usage {usage} before it: they are not of one platform")
            }
            Self::Missing { usage } => write!(f, "a certificate of usage {usage} is missing"),
            Self::BufferTooSmall { needed, found } => {
                write!(f, "a buffer of {found} bytes for {needed} bytes of certificates")
            }
        }
    }
}

impl core::error::Error for BundleError {}
