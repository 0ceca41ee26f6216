//! What to ask AMD's Key Distribution Service (KDS): addresses of certificates and CRLs (AMD 57230, section 4.1).
//!
//! This module builds and reads addresses; it opens no connection. The service limits the rate of requests, so keep
//! what it answers: the path of a [`Request`] is the key of a cache. It is the same for every spelling of a request
//! that [`Request::parse`] takes, and no two requests share one.

use core::fmt;

use super::tcb::{Component, Product, TcbParts, TcbVersion};
use crate::Hex;

/// The address of the Key Distribution Service: a [`Request`]'s path follows.
pub const BASE: &str = "https://kdsintf.amd.com";

/// The host of [`BASE`].
const HOST: &str = "kdsintf.amd.com";

/// The key that signs reports: its certificate is the leaf of the chain.
///
/// ```
/// use sevcrypt::snp::kds::Endorser;
///
/// assert_eq!(Endorser::Vlek.to_string(), "VLEK");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endorser {
    /// Versioned Chip Endorsement Key: of one chip at one TCB version, signed by the ASK.
    Vcek,
    /// Versioned Loaded Endorsement Key: of one cloud provider at one TCB version, signed by the ASVK.
    Vlek,
}

impl Endorser {
    /// The begin of a path.
    const fn path(self) -> &'static str {
        match self {
            Self::Vcek => "/vcek/v1/",
            Self::Vlek => "/vlek/v1/",
        }
    }
}

impl fmt::Display for Endorser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vcek => "VCEK",
            Self::Vlek => "VLEK",
        })
    }
}

/// hwID: the bytes of CHIP_ID that name a chip, 64, or 8 since Turin (AMD 57230, section 3.1).
///
/// ```
/// use sevcrypt::snp::kds::{HwId, KdsError};
/// use sevcrypt::snp::tcb::Product;
///
/// let mut chip_id = [0; 64];
/// assert_eq!(HwId::from_chip_id(Product::Turin, &chip_id), Err(KdsError::MaskedChipId));
///
/// chip_id[..8].copy_from_slice(&[0xa1, 2, 3, 4, 5, 6, 7, 8]);
/// let hw_id = HwId::from_chip_id(Product::Turin, &chip_id)?;
/// assert_eq!(hw_id.to_string(), "a102030405060708");
/// # Ok::<(), KdsError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HwId {
    bytes: [u8; 64],
    len: usize,
}

impl HwId {
    /// From a report's CHIP_ID.
    ///
    /// # Errors
    /// [`KdsError::MaskedChipId`] if it is all zero (the host masked it, or a VLEK signs), [`KdsError::ChipIdTail`] if
    /// the product's chips have an ID of 8 bytes and the others are not zero.
    pub fn from_chip_id(product: Product, chip_id: &[u8; 64]) -> Result<Self, KdsError> {
        if *chip_id == [0; 64] {
            return Err(KdsError::MaskedChipId);
        }
        let len = product.hw_id_len();
        match chip_id.iter().enumerate().skip(len).find(|(_, byte)| **byte != 0) {
            Some((index, _)) => Err(KdsError::ChipIdTail { product, index }),
            None => Ok(Self { bytes: *chip_id, len }),
        }
    }

    /// The 8 or 64 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl fmt::Display for HwId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(self.as_bytes()).fmt(f)
    }
}

impl fmt::Debug for HwId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HwId({self})")
    }
}

/// One thing to ask for. It prints as the path with its query: what follows [`BASE`], and the key of a cache.
///
/// The answer to `CertChain` is PEM (ASK or ASVK, then ARK); the answers to the others are DER. The service gives a
/// VLEK's certificate to cloud providers only.
///
/// ```
/// use sevcrypt::snp::kds::{Endorser, HwId, Request};
/// use sevcrypt::snp::tcb::{Product, TcbVersion};
///
/// let hw_id = HwId::from_chip_id(Product::Milan, &[0xab; 64])?;
/// let reported_tcb = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]);
/// let request = Request::vcek(Product::Milan, hw_id, reported_tcb)?;
/// let query = "blSPL=3&teeSPL=0&snpSPL=8&ucodeSPL=115";
/// assert_eq!(request.to_string(), format!("/vcek/v1/Milan/{hw_id}?{query}"));
///
/// let chain = Request::CertChain { endorser: Endorser::Vcek, product: Product::Milan };
/// assert_eq!(chain.url().to_string(), "https://kdsintf.amd.com/vcek/v1/Milan/cert_chain");
/// # Ok::<(), sevcrypt::snp::kds::KdsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// The certificate of a chip's VCEK: made by [`Request::vcek`].
    #[non_exhaustive]
    Vcek {
        /// The chip's product.
        product: Product,
        /// The chip.
        hw_id: HwId,
        /// REPORTED_TCB.
        tcb: TcbVersion,
    },
    /// The certificate of a VLEK: made by [`Request::vlek`].
    #[non_exhaustive]
    Vlek {
        /// The product.
        product: Product,
        /// REPORTED_TCB.
        tcb: TcbVersion,
    },
    /// The certificates above a leaf: ASK and ARK of a VCEK, ASVK and ARK of a VLEK.
    CertChain {
        /// The kind of leaf.
        endorser: Endorser,
        /// The product.
        product: Product,
    },
    /// The ARK's certificate revocation list.
    Crl {
        /// The kind of leaf.
        endorser: Endorser,
        /// The product.
        product: Product,
    },
}

impl Request {
    /// Asks for the VCEK certificate of a chip at a TCB version: take the report's REPORTED_TCB, not another.
    ///
    /// # Errors
    /// [`KdsError::HwIdLength`] if the hwID is another product's, and those of [`Request::vlek`].
    pub fn vcek(product: Product, hw_id: HwId, tcb: TcbVersion) -> Result<Self, KdsError> {
        let expected = product.hw_id_len();
        if hw_id.len != expected {
            return Err(KdsError::HwIdLength { found: hw_id.len, expected });
        }
        check_tcb(product, tcb)?;
        Ok(Self::Vcek { product, hw_id, tcb })
    }

    /// Asks for the VLEK certificate of a TCB version.
    ///
    /// # Errors
    /// [`KdsError::UnknownForm`] for Venice: how the service names the parts of its TCB is not published.
    /// [`KdsError::ReservedTcb`] and [`KdsError::AboveLimit`] for a TCB version that the service cannot know.
    ///
    /// ```
    /// use sevcrypt::snp::kds::{KdsError, Request};
    /// use sevcrypt::snp::tcb::{Product, TcbVersion};
    ///
    /// let tcb = TcbVersion::new([1, 1, 1, 4, 0, 0, 0, 81]);
    /// assert_eq!(
    ///     Request::vlek(Product::Turin, tcb)?.to_string(),
    ///     "/vlek/v1/Turin/cert?fmcSPL=1&blSPL=1&teeSPL=1&snpSPL=4&ucodeSPL=81"
    /// );
    /// assert!(matches!(Request::vlek(Product::Venice, tcb), Err(KdsError::UnknownForm { .. })));
    /// # Ok::<(), KdsError>(())
    /// ```
    pub fn vlek(product: Product, tcb: TcbVersion) -> Result<Self, KdsError> {
        check_tcb(product, tcb)?;
        Ok(Self::Vlek { product, tcb })
    }

    /// The whole address: [`BASE`], then the path.
    pub fn url(self) -> impl fmt::Display {
        Url(self)
    }

    /// Reads a path, or a whole address at [`BASE`]'s host (`http` or `https`).
    ///
    /// Parameters may stand in any order, numbers may begin with zeros (three digits at most), hexadecimal digits may
    /// be of either case. Nothing else varies: each parameter of the product stands there once, no other does.
    ///
    /// # Errors
    /// What is wrong and the offset in bytes where, or an error of [`HwId::from_chip_id`] or [`Request::vcek`].
    ///
    /// ```
    /// use sevcrypt::snp::kds::{KdsError, Request};
    /// use sevcrypt::snp::tcb::Component;
    ///
    /// let path = "/vlek/v1/Milan/cert?ucodeSPL=217&snpSPL=24&blSPL=04&teeSPL=00";
    /// let request = Request::parse(path)?;
    /// assert_eq!(
    ///     request.to_string(),
    ///     "/vlek/v1/Milan/cert?blSPL=4&teeSPL=0&snpSPL=24&ucodeSPL=217"
    /// );
    ///
    /// assert_eq!(
    ///     Request::parse("/vlek/v1/Milan/cert?blSPL=128&teeSPL=0&snpSPL=24&ucodeSPL=217"),
    ///     Err(KdsError::Value { offset: 26, component: Component::BootLoader, max: 127 })
    /// );
    /// # Ok::<(), KdsError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, KdsError> {
        // Everything that is cut off below is cut off in front: what is left is an end of `text`.
        let offset = |rest: &str| text.len().saturating_sub(rest.len());

        let path = path_of(text)?;
        let (endorser, rest) = [Endorser::Vcek, Endorser::Vlek]
            .into_iter()
            .find_map(|endorser| Some((endorser, path.strip_prefix(endorser.path())?)))
            .ok_or(KdsError::Path { offset: offset(path) })?;
        let unknown_product = KdsError::UnknownProduct { offset: offset(rest) };
        let (name, rest) = rest.split_once('/').ok_or(unknown_product)?;
        let mut products = Product::ALL.iter();
        let product = *products.find(|product| product.name() == name).ok_or(unknown_product)?;

        let resource_offset = offset(rest);
        let (resource, query) = match rest.split_once('?') {
            Some((resource, query)) => (resource, Some(query)),
            None => (rest, None),
        };
        let tcb = || parse_tcb(product, query.unwrap_or_default(), text.len());
        let request = match (endorser, resource) {
            (_, "cert_chain") => Self::CertChain { endorser, product },
            (_, "crl") => Self::Crl { endorser, product },
            (Endorser::Vlek, "cert") => return Self::vlek(product, tcb()?),
            (Endorser::Vcek, digits) => {
                let hw_id = parse_hw_id(product, digits, resource_offset)?;
                return Self::vcek(product, hw_id, tcb()?);
            }
            (Endorser::Vlek, _) => return Err(KdsError::Path { offset: resource_offset }),
        };
        match query {
            Some(query) => Err(KdsError::UnknownParameter { offset: offset(query) }),
            None => Ok(request),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (product, tcb) = match self {
            Self::Vcek { product, hw_id, tcb } => {
                write!(f, "{}{product}/{hw_id}", Endorser::Vcek.path())?;
                (product, tcb)
            }
            Self::Vlek { product, tcb } => {
                write!(f, "{}{product}/cert", Endorser::Vlek.path())?;
                (product, tcb)
            }
            Self::CertChain { endorser, product } => {
                return write!(f, "{}{product}/cert_chain", endorser.path());
            }
            Self::Crl { endorser, product } => {
                return write!(f, "{}{product}/crl", endorser.path());
            }
        };
        let mut separator = '?';
        for (component, value) in tcb.parts(*product).iter() {
            write!(f, "{separator}{}={value}", parameter(component))?;
            separator = '&';
        }
        Ok(())
    }
}

struct Url(Request);

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BASE}{}", self.0)
    }
}

/// The parameter of a component (AMD 57230, section 4.1). The order in a path is that of [`TcbParts::iter`].
const fn parameter(component: Component) -> &'static str {
    match component {
        Component::Fmc => "fmcSPL",
        Component::BootLoader => "blSPL",
        Component::Tee => "teeSPL",
        Component::Snp => "snpSPL",
        Component::Microcode => "ucodeSPL",
        Component::Reserved => "reserved",
    }
}

/// The largest value that the service takes (AMD 57230, section 4.1).
const fn limit(component: Component) -> u8 {
    match component {
        Component::Microcode => 255,
        _ => 127,
    }
}

/// Whether the service can have a certificate for this TCB version, and we know how to ask for it.
fn check_tcb(product: Product, tcb: TcbVersion) -> Result<(), KdsError> {
    if product == Product::Venice {
        return Err(KdsError::UnknownForm { product });
    }
    if !tcb.reserved_is_zero(product) {
        return Err(KdsError::ReservedTcb { product, tcb });
    }
    match tcb.parts(product).iter().find(|(component, value)| *value > limit(*component)) {
        Some((component, value)) => {
            Err(KdsError::AboveLimit { component, value, max: limit(component) })
        }
        None => Ok(()),
    }
}

/// What follows scheme and host.
fn path_of(text: &str) -> Result<&str, KdsError> {
    if text.starts_with('/') {
        return Ok(text);
    }
    let (scheme, rest) = text.split_once("://").ok_or(KdsError::Scheme)?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err(KdsError::Scheme);
    }
    let host_offset = text.len().saturating_sub(rest.len());
    let (host, path) =
        rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, ""));
    if host.eq_ignore_ascii_case(HOST) {
        Ok(path)
    } else {
        Err(KdsError::Host { offset: host_offset })
    }
}

/// hwID from hexadecimal digits at an offset.
fn parse_hw_id(product: Product, digits: &str, offset: usize) -> Result<HwId, KdsError> {
    let expected = 2 * product.hw_id_len();
    if digits.len() != expected {
        return Err(KdsError::HwIdDigits { offset, found: digits.len(), expected });
    }
    let mut chip_id = [0u8; 64];
    for (index, digit) in digits.bytes().enumerate() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => return Err(KdsError::HexDigit { offset: offset + index }),
        };
        if let Some(byte) = chip_id.get_mut(index / 2) {
            *byte = (*byte << 4) | value;
        }
    }
    HwId::from_chip_id(product, &chip_id)
}

/// The TCB version of a query that ends at the offset `end`.
fn parse_tcb(product: Product, query: &str, end: usize) -> Result<TcbVersion, KdsError> {
    check_tcb(product, TcbVersion::default())?;
    let wanted = TcbVersion::default().parts(product);
    let mut parts = TcbParts::default();

    let mut left = Some(query).filter(|query| !query.is_empty());
    while let Some(rest) = left {
        let offset = end.saturating_sub(rest.len());
        let pair = match rest.split_once('&') {
            Some((pair, rest)) => {
                left = Some(rest);
                pair
            }
            None => {
                left = None;
                rest
            }
        };
        let (name, digits) = pair.split_once('=').unwrap_or((pair, ""));
        let (component, _) = wanted
            .iter()
            .find(|(component, _)| parameter(*component) == name)
            .ok_or(KdsError::UnknownParameter { offset })?;
        let Some(place) = parts.place(component).filter(|place| place.is_none()) else {
            return Err(KdsError::Repeated { offset, component });
        };
        let max = limit(component);
        let value = decimal(digits).filter(|value| *value <= max);
        let offset = offset + name.len() + 1;
        *place = Some(value.ok_or(KdsError::Value { offset, component, max })?);
    }

    match wanted.iter().find(|(component, _)| parts.place(*component) == Some(&mut None)) {
        Some((component, _)) => Err(KdsError::Missing { component }),
        None => TcbVersion::from_parts(product, parts).ok_or(KdsError::UnknownForm { product }),
    }
}

/// A number of one to three decimal digits, below 256.
fn decimal(digits: &str) -> Option<u8> {
    let plain = matches!(digits.len(), 1..=3) && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// A request that cannot be made, or a text that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KdsError {
    /// CHIP_ID is all zero: the host masked it, and the chip's certificate must come from elsewhere.
    MaskedChipId,
    /// CHIP_ID has bytes that are not zero after the product's hwID.
    ChipIdTail {
        /// The product.
        product: Product,
        /// Index of the first such byte in CHIP_ID.
        index: usize,
    },
    /// The hwID has another length than the product's.
    HwIdLength {
        /// Its bytes.
        found: usize,
        /// The product's.
        expected: usize,
    },
    /// The form of the query is not published for this product.
    UnknownForm {
        /// The product.
        product: Product,
    },
    /// A byte of the TCB version that has no meaning for the product is not zero.
    ReservedTcb {
        /// The product.
        product: Product,
        /// The TCB version.
        tcb: TcbVersion,
    },
    /// A component of the TCB version is above what the service takes.
    AboveLimit {
        /// Which one.
        component: Component,
        /// Its value.
        value: u8,
        /// The largest possible.
        max: u8,
    },
    /// The text begins neither with `/` nor with `http://` or `https://`.
    Scheme,
    /// The host is not the service's.
    Host {
        /// Where it begins.
        offset: usize,
    },
    /// A path that the service does not have.
    Path {
        /// Where it, or the part that does not fit, begins.
        offset: usize,
    },
    /// No product has this name.
    UnknownProduct {
        /// Where it begins.
        offset: usize,
    },
    /// The hwID has too few or too many digits.
    HwIdDigits {
        /// Where it begins.
        offset: usize,
        /// How many bytes of text there are.
        found: usize,
        /// How many digits the product has.
        expected: usize,
    },
    /// Not a hexadecimal digit.
    HexDigit {
        /// Where.
        offset: usize,
    },
    /// A parameter that does not belong there.
    UnknownParameter {
        /// Where it begins.
        offset: usize,
    },
    /// A parameter for the second time.
    Repeated {
        /// Where it begins.
        offset: usize,
        /// Its component.
        component: Component,
    },
    /// A parameter's value is no decimal number of one to three digits, or too large.
    Value {
        /// Where it begins.
        offset: usize,
        /// The parameter's component.
        component: Component,
        /// The largest possible.
        max: u8,
    },
    /// A parameter is missing.
    Missing {
        /// Its component.
        component: Component,
    },
}

impl fmt::Display for KdsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MaskedChipId => {
                f.write_str("CHIP_ID is all zero (masked): it names no chip to ask for")
            }
            Self::ChipIdTail { product, index } => write!(
                f,
                "byte {index} of CHIP_ID is not zero: {product} has {} bytes and then zeros",
                product.hw_id_len()
            ),
            Self::HwIdLength { found, expected } => {
                write!(f, "a hwID of {found} bytes: the product's have {expected}")
            }
            Self::UnknownForm { product } => write!(
                f,
                "how the Key Distribution Service is asked for a TCB version of {product} is not published"
            ),
            Self::ReservedTcb { product, tcb } => {
                write!(f, "TCB version {tcb} has reserved bytes that are not zero on {product}")
            }
            Self::AboveLimit { component, value, max } => write!(
                f,
                "the TCB version's {component} is {value}: the Key Distribution Service takes 0 to {max}"
            ),
            Self::Scheme => {
                write!(f, "at offset 0: expected a path, or an address that begins with {BASE}")
            }
            Self::Host { offset } => write!(f, "at offset {offset}: expected the host {HOST}"),
            Self::Path { offset } => write!(
                f,
                "at offset {offset}: expected /vcek/v1/<product>/ and a hwID, cert_chain or crl, or /vlek/v1/<product>/ and cert, cert_chain or crl"
            ),
            Self::UnknownProduct { offset } => {
                write!(
                    f,
                    "at offset {offset}: expected Milan, Genoa, Turin or Venice, then a slash"
                )
            }
            Self::HwIdDigits { offset, found, expected } => write!(
                f,
                "at offset {offset}: {found} bytes of text, expected {expected} hexadecimal digits of a hwID"
            ),
            Self::HexDigit { offset } => {
                write!(f, "at offset {offset}: expected a hexadecimal digit")
            }
            Self::UnknownParameter { offset } => {
                write!(f, "at offset {offset}: a parameter that does not belong there")
            }
            Self::Repeated { offset, component } => {
                write!(f, "at offset {offset}: {} for the second time", parameter(component))
            }
            Self::Value { offset, component, max } => write!(
                f,
                "at offset {offset}: {} must be a decimal number from 0 to {max}",
                parameter(component)
            ),
            Self::Missing { component } => write!(f, "{} is missing", parameter(component)),
        }
    }
}

impl core::error::Error for KdsError {}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const MILAN_TCB: TcbVersion = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]);
    const TURIN_TCB: TcbVersion = TcbVersion::new([1, 1, 1, 4, 0, 0, 0, 0x51]);
    const MILAN_QUERY: &str = "blSPL=3&teeSPL=0&snpSPL=8&ucodeSPL=115";

    fn turin_chip() -> [u8; 64] {
        core::array::from_fn(|i| if i < 8 { 0xf0 } else { 0 })
    }

    #[test]
    fn paths() {
        let hw_id = HwId::from_chip_id(Product::Milan, &[0xab; 64]).unwrap();
        let milan = Request::vcek(Product::Milan, hw_id, MILAN_TCB).unwrap();
        assert_eq!(milan.to_string(), format!("/vcek/v1/Milan/{}?{MILAN_QUERY}", "ab".repeat(64)));
        assert_eq!(milan.url().to_string(), format!("https://kdsintf.amd.com{milan}"));

        let hw_id = HwId::from_chip_id(Product::Turin, &turin_chip()).unwrap();
        let turin = Request::vcek(Product::Turin, hw_id, TURIN_TCB).unwrap();
        assert_eq!(
            turin.to_string(),
            "/vcek/v1/Turin/f0f0f0f0f0f0f0f0?fmcSPL=1&blSPL=1&teeSPL=1&snpSPL=4&ucodeSPL=81"
        );

        assert_eq!([Endorser::Vcek, Endorser::Vlek].map(|it| it.to_string()), ["VCEK", "VLEK"]);
        let (endorser, product) = (Endorser::Vlek, Product::Genoa);
        assert_eq!(
            Request::CertChain { endorser, product }.to_string(),
            "/vlek/v1/Genoa/cert_chain"
        );
        assert_eq!(Request::Crl { endorser, product }.to_string(), "/vlek/v1/Genoa/crl");
        // What Venice has for certain.
        let chain = Request::CertChain { endorser: Endorser::Vcek, product: Product::Venice };
        assert_eq!(Request::parse("/vcek/v1/Venice/cert_chain"), Ok(chain));
    }

    #[test]
    fn requests_that_cannot_be_made() {
        assert_eq!(HwId::from_chip_id(Product::Milan, &[0; 64]), Err(KdsError::MaskedChipId));
        for index in 8..64 {
            let mut tail = turin_chip();
            tail[index] = 1;
            let error = KdsError::ChipIdTail { product: Product::Turin, index };
            assert_eq!(HwId::from_chip_id(Product::Turin, &tail), Err(error));
        }
        let turin = HwId::from_chip_id(Product::Turin, &turin_chip()).unwrap();
        assert_eq!(format!("{turin:?}"), format!("HwId({turin})"));
        assert_eq!(
            Request::vcek(Product::Milan, turin, MILAN_TCB),
            Err(KdsError::HwIdLength { found: 8, expected: 64 })
        );
        assert_eq!(
            Request::vcek(Product::Venice, turin, TcbVersion::default()),
            Err(KdsError::UnknownForm { product: Product::Venice })
        );
        assert_eq!(
            Request::vlek(Product::Milan, TURIN_TCB),
            Err(KdsError::ReservedTcb { product: Product::Milan, tcb: TURIN_TCB })
        );
        let high = TcbVersion::new([3, 0, 0, 0, 0, 0, 128, 255]);
        assert_eq!(
            Request::vlek(Product::Milan, high),
            Err(KdsError::AboveLimit { component: Component::Snp, value: 128, max: 127 })
        );
    }

    #[test]
    fn texts_that_are_no_request() {
        let hex = "0f".repeat(64);
        let parse = |text: &str| Request::parse(text).unwrap_err();
        assert_eq!(parse(""), KdsError::Scheme);
        assert!(parse("").to_string().starts_with("at offset 0: "));
        assert_eq!(parse("ftp://kdsintf.amd.com/vcek/v1/Milan/crl"), KdsError::Scheme);
        for host in
            ["example.com", "kdsintf.amd.com@example.com", "kdsintf.amd.com.example.com", ""]
        {
            let url = format!("https://{host}/vcek/v1/Milan/crl");
            assert_eq!(parse(&url), KdsError::Host { offset: 8 }, "{url}");
        }
        assert_eq!(parse("https://kdsintf.amd.com"), KdsError::Path { offset: 23 });
        assert_eq!(parse("/vcek/v2/Milan/crl"), KdsError::Path { offset: 0 });
        assert_eq!(parse("/vlek/v1/Milan/crl/"), KdsError::Path { offset: 15 });
        assert_eq!(parse("/vcek/v1/Milan"), KdsError::UnknownProduct { offset: 9 });
        assert_eq!(parse("/vcek/v1/Bergamo/crl"), KdsError::UnknownProduct { offset: 9 });
        assert_eq!(parse("/vcek/v1/milan/crl"), KdsError::UnknownProduct { offset: 9 });
        assert_eq!(parse("/vcek/v1/Milan/crl?x"), KdsError::UnknownParameter { offset: 19 });
        assert_eq!(parse("/vcek/v1/Milan/crl?"), KdsError::UnknownParameter { offset: 19 });
        // 128 digits are refused for Turin: the service answers 404.
        for (product, found, expected) in
            [("Turin", 128, 16), ("Milan", 127, 128), ("Milan", 0, 128)]
        {
            let path = format!("/vcek/v1/{product}/{}?{MILAN_QUERY}", &hex[..found]);
            assert_eq!(parse(&path), KdsError::HwIdDigits { offset: 15, found, expected });
        }
        let wrong_digit = format!("{}g", &hex[..127]);
        assert_eq!(
            parse(&format!("/vcek/v1/Milan/{wrong_digit}?{MILAN_QUERY}")),
            KdsError::HexDigit { offset: 142 }
        );
        assert_eq!(
            parse(&format!("/vcek/v1/Milan/{}?{MILAN_QUERY}", "0".repeat(128))),
            KdsError::MaskedChipId
        );

        let vlek = |query: &str| parse(&format!("/vlek/v1/Milan/cert?{query}"));
        let (bl, ucode) = (Component::BootLoader, Component::Microcode);
        assert_eq!(parse("/vlek/v1/Milan/cert"), KdsError::Missing { component: bl });
        assert_eq!(vlek("blSPL=3&teeSPL=0&snpSPL=8"), KdsError::Missing { component: ucode });
        assert_eq!(vlek("blSPL=3&blSPL=3"), KdsError::Repeated { offset: 28, component: bl });
        // Milan has no FMC; a name differs in case; a query ends with a separator.
        assert_eq!(vlek("blSPL=3&fmcSPL=0"), KdsError::UnknownParameter { offset: 28 });
        assert_eq!(vlek("blspl=3"), KdsError::UnknownParameter { offset: 20 });
        assert_eq!(vlek("blSPL=3&"), KdsError::UnknownParameter { offset: 28 });
        for value in ["", "+3", "-1", "3 ", "0x3", "0003", "128", "99999999999", "3#", "%33"] {
            let wrong = KdsError::Value { offset: 26, component: bl, max: 127 };
            assert_eq!(vlek(&format!("blSPL={value}&{MILAN_QUERY}")), wrong, "{value}");
        }
        let wrong = KdsError::Value { offset: 29, component: ucode, max: 255 };
        assert_eq!(vlek("ucodeSPL=256"), wrong);
        assert_eq!(
            parse("/vlek/v1/Venice/cert?fmcSPL=0&teeSPL=0&snpSPL=0"),
            KdsError::UnknownForm { product: Product::Venice }
        );
    }

    #[test]
    fn every_spelling_has_one_path() {
        let hex = "a0".repeat(64);
        let path = format!("/vcek/v1/Genoa/{hex}?{MILAN_QUERY}");
        let upper = hex.to_uppercase();
        for other in [
            format!("/vcek/v1/Genoa/{upper}?ucodeSPL=115&snpSPL=08&teeSPL=000&blSPL=03"),
            format!("https://kdsintf.amd.com{path}"),
            format!("HTTP://KDSINTF.amd.com{path}"),
        ] {
            assert_eq!(Request::parse(&other).unwrap().to_string(), path);
        }
    }

    /// Every request that can be made.
    fn requests() -> impl Strategy<Value = Request> {
        let product = prop_oneof![Just(Product::Milan), Just(Product::Genoa), Just(Product::Turin)];
        let endorser = prop_oneof![Just(Endorser::Vcek), Just(Endorser::Vlek)];
        let spl = proptest::array::uniform4(0..=127u8);
        let chip = proptest::collection::vec(any::<u8>(), 63);
        (0..4, product, endorser, spl, any::<u8>(), chip).prop_map(
            |(which, product, endorser, [fmc, bl, tee, snp], ucode, chip): (
                _,
                _,
                _,
                _,
                _,
                Vec<u8>,
            )| {
                let tcb = match product {
                    Product::Turin => TcbVersion::new([fmc, bl, tee, snp, 0, 0, 0, ucode]),
                    _ => TcbVersion::new([bl, tee, 0, 0, 0, 0, snp, ucode]),
                };
                let len = product.hw_id_len();
                let mut chip_id = [0; 64];
                chip_id[0] = 1;
                chip_id[1..len].copy_from_slice(&chip[..len - 1]);
                let hw_id = HwId::from_chip_id(product, &chip_id).unwrap();
                match which {
                    0 => Request::vcek(product, hw_id, tcb).unwrap(),
                    1 => Request::vlek(product, tcb).unwrap(),
                    2 => Request::CertChain { endorser, product },
                    _ => Request::Crl { endorser, product },
                }
            },
        )
    }

    proptest! {
        #[test]
        fn there_and_back(request in requests()) {
            prop_assert_eq!(Request::parse(&request.to_string()), Ok(request));
            prop_assert_eq!(Request::parse(&request.url().to_string()), Ok(request));
        }

        #[test]
        fn any_text(text in "(https?://)?(kdsintf.amd.com)?(/v[cl]ek/v1/)?(Milan/|Turin/)?\\PC*") {
            if let Ok(request) = Request::parse(&text) {
                prop_assert_eq!(Request::parse(&request.to_string()), Ok(request));
            }
        }

        /// One byte of a path is another: an error, the same request, or one with a path of its own.
        #[test]
        fn changed_text(request in requests(), at in any::<prop::sample::Index>(), to in 0x20..0x7fu8) {
            let path = request.to_string();
            let mut bytes = path.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = to;
            if let Ok(other) = Request::parse(&String::from_utf8(bytes).unwrap()) {
                prop_assert_eq!(other == request, other.to_string() == path);
            }
        }
    }
}
