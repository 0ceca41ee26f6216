//! Certificates and revocation lists as callers have them: who is who, and how they come in.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
#[cfg(feature = "alloc")]
use core::fmt;

#[cfg(feature = "alloc")]
use super::cert_table::{CertTable, CertTableError, EntryKind};
pub use crate::anchors::Role;
#[cfg(feature = "alloc")]
use crate::x509::{Blob, CertificateError};
use crate::x509::{Certificate, Crl};

/// What the names of a certificate say: its role, and the product of its chain.
///
/// A certificate's role comes from what it says, never from where it was found. Nothing is verified yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity<'a> {
    /// What it is for.
    pub role: Role,
    /// The product as the subject (of a CA) or the issuer (of a leaf) writes it.
    pub product: &'a str,
}

impl<'a> Identity<'a> {
    /// Reads the names of a certificate; `None` if they are not those of AMD's hierarchy (AMD 57230, section 3.1).
    #[must_use]
    pub fn of(certificate: &Certificate<'a>) -> Option<Self> {
        let role = role_of(certificate)?;
        let named = match role {
            Role::Vcek | Role::Vlek => certificate.issuer(),
            Role::Ark | Role::Ask | Role::Asvk => certificate.subject(),
        };
        Some(Self { role, product: product_of(named.common_name()?)? })
    }
}

/// What a certificate wants to be. A leaf is known by AMD's extensions as well: one with another name is a leaf that does
/// not fit, and not one that is missing.
pub(super) fn role_of(certificate: &Certificate<'_>) -> Option<Role> {
    let amd = certificate.amd();
    match certificate.subject().common_name() {
        Some(LEAF_NAME_VCEK) => Some(Role::Vcek),
        Some(LEAF_NAME_VLEK) => Some(Role::Vlek),
        _ if amd.csp_id.is_some() => Some(Role::Vlek),
        _ if amd.product_name.is_some() => Some(Role::Vcek),
        name => name.and_then(ca_role),
    }
}

/// The common name of every VCEK (AMD 57230, section 3.1).
pub(super) const LEAF_NAME_VCEK: &str = "SEV-VCEK";
/// The common name of every VLEK (AMD 58369).
pub(super) const LEAF_NAME_VLEK: &str = "SEV-VLEK";

/// The role of a CA by its common name.
pub(super) fn ca_role(common_name: &str) -> Option<Role> {
    if common_name.starts_with("ARK-") {
        Some(Role::Ark)
    } else if common_name.starts_with("SEV-VLEK-") {
        Some(Role::Asvk)
    } else if common_name.starts_with("SEV-") {
        Some(Role::Ask)
    } else {
        None
    }
}

/// The product in the common name of a CA.
pub(super) fn product_of(common_name: &str) -> Option<&str> {
    let prefixes = ["ARK-", "SEV-VLEK-", "SEV-"];
    let product = prefixes.into_iter().find_map(|prefix| common_name.strip_prefix(prefix))?;
    (!product.is_empty()).then_some(product)
}

/// The certificates and revocation lists that a caller has, in any order.
///
/// A certificate that stands here for a role replaces AMD's built-in key of that role, and is itself checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Collateral<'a> {
    /// Certificates of any role. Of several for one role, the first one that fits by its names is taken; one that has no
    /// role in AMD's hierarchy makes a report not authentic.
    pub certificates: &'a [Certificate<'a>],
    /// Revocation lists. Those of other ARKs than the chain's say nothing of it.
    pub crls: &'a [Crl<'a>],
}

impl<'a> From<&'a [Certificate<'a>]> for Collateral<'a> {
    fn from(certificates: &'a [Certificate<'a>]) -> Self {
        Self { certificates, crls: &[] }
    }
}

impl<'a, const N: usize> From<&'a [Certificate<'a>; N]> for Collateral<'a> {
    fn from(certificates: &'a [Certificate<'a>; N]) -> Self {
        Self { certificates, crls: &[] }
    }
}

impl<'a> Collateral<'a> {
    /// The index of the first certificate that has no role in AMD's hierarchy.
    pub(super) fn first_without_role(self) -> Option<usize> {
        self.certificates.iter().position(|certificate| role_of(certificate).is_none())
    }

    /// The certificates of a role.
    pub(super) fn of_role(self, role: Role) -> impl Iterator<Item = &'a Certificate<'a>> {
        self.certificates.iter().filter(move |certificate| role_of(certificate) == Some(role))
    }
}

/// Certificates and revocation lists in the forms in which hosts and servers deliver them: DER, PEM, bundles of PEM
/// (`cert_chain` of AMD's Key Distribution Service), GHCB certificate tables. Add them in any order, then
/// [`parse`](Self::parse).
///
/// ```
/// use sevcrypt::snp::certs::Bundle;
///
/// let mut bundle = Bundle::default();
/// bundle.add(&[])?; // an empty certificate table: the host has no certificates
/// assert!(bundle.add(b"not a certificate").is_err());
/// assert!(bundle.parse()?.certificates.is_empty());
/// # Ok::<(), sevcrypt::snp::certs::BundleError>(())
/// ```
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    blobs: Vec<Blob>,
    /// The length of everything that was added.
    bytes: usize,
}

#[cfg(feature = "alloc")]
impl Bundle {
    /// How many certificates and revocation lists a bundle holds at the most.
    pub const CAPACITY: usize = 256;
    /// How many bytes of input they may have in all: 32 MiB.
    pub const MAX_BYTES: usize = 32 << 20;

    /// Adds what a file, a table or an answer holds. Entries of a table that are no certificate are passed over.
    ///
    /// # Errors
    /// [`BundleError`]; nothing has been added.
    pub fn add(&mut self, input: &[u8]) -> Result<(), BundleError> {
        let mut added = Self { blobs: Vec::new(), bytes: self.bytes };
        if is_table(input) {
            let table = CertTable::parse(input).map_err(BundleError::Table)?;
            for entry in table.entries().filter(|entry| entry.kind.is_asn1()) {
                added.split(entry.data, self.blobs.len())?;
            }
        } else {
            added.split(input, self.blobs.len())?;
        }
        self.blobs.append(&mut added.blobs);
        self.bytes = added.bytes;
        Ok(())
    }

    /// Adds the blobs of one input behind so many that are there already.
    fn split(&mut self, input: &[u8], before: usize) -> Result<(), BundleError> {
        // Several entries of a table may name the same bytes: count before copying.
        self.bytes = self.bytes.saturating_add(input.len());
        if self.bytes > Self::MAX_BYTES {
            return Err(BundleError::TooLong);
        }
        let index = before + self.blobs.len();
        let found = crate::x509::split(input);
        self.blobs.extend(found.map_err(|error| BundleError::Certificate { index, error })?);
        if before + self.blobs.len() > Self::CAPACITY {
            return Err(BundleError::TooMany);
        }
        Ok(())
    }

    /// The parsed certificates and revocation lists.
    ///
    /// # Errors
    /// [`BundleError::Certificate`]: one of them is malformed.
    pub fn parse(&self) -> Result<Parsed<'_>, BundleError> {
        let mut parsed = Parsed { certificates: Vec::new(), crls: Vec::new() };
        for (index, blob) in self.blobs.iter().enumerate() {
            let failed = |error| BundleError::Certificate { index, error };
            match blob {
                Blob::Certificate(der) => {
                    parsed.certificates.push(Certificate::from_der(der).map_err(failed)?);
                }
                Blob::Crl(der) => parsed.crls.push(Crl::from_der(der).map_err(failed)?),
            }
        }
        Ok(parsed)
    }
}

/// Whether input can only be a certificate table: its first 16 bytes are zero (or it is empty), or a GUID of a
/// certificate.
#[cfg(feature = "alloc")]
fn is_table(input: &[u8]) -> bool {
    match input.first_chunk() {
        Some(guid) => *guid == [0; 16] || EntryKind::of(*guid).0 != EntryKind::Unknown,
        None => input.is_empty(),
    }
}

/// A parsed [`Bundle`].
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct Parsed<'a> {
    /// The certificates in the order in which they were added.
    pub certificates: Vec<Certificate<'a>>,
    /// The revocation lists in the order in which they were added.
    pub crls: Vec<Crl<'a>>,
}

#[cfg(feature = "alloc")]
impl Parsed<'_> {
    /// For [`verify`](super::verify::verify).
    #[must_use]
    pub fn collateral(&self) -> Collateral<'_> {
        Collateral { certificates: &self.certificates, crls: &self.crls }
    }
}

/// Input that is no certificate, revocation list or certificate table.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BundleError {
    /// A certificate or a revocation list is malformed.
    Certificate {
        /// Which of those in the bundle, counted from 0 in the order of adding.
        index: usize,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// A certificate table is malformed.
    Table(CertTableError),
    /// More than 256 certificates and revocation lists.
    TooMany,
    /// More than 32 MiB in all.
    TooLong,
}

#[cfg(feature = "alloc")]
impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate { index, error } => {
                write!(f, "certificate or revocation list {}: {error}", index + 1)
            }
            Self::Table(error) => write!(f, "certificate table: {error}"),
            Self::TooMany => f.write_str("more than 256 certificates and revocation lists"),
            Self::TooLong => f.write_str("certificates and revocation lists of more than 32 MiB"),
        }
    }
}

#[cfg(feature = "alloc")]
impl core::error::Error for BundleError {}
