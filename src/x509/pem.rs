//! Splits a file into the DER of its certificates and CRLs.

use alloc::vec::Vec;

use super::der::{Reader, tag, whole};
use super::error::{CertificateError, CertificateErrorKind as Kind, Field, PemLabel};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// Longer than every certificate and CRL that is read; those have their own limits.
const MAX_DER: usize = 16 << 20;

/// More than a bundle of all of AMD's certificates has.
const MAX_BLOCKS: usize = 256;

/// The DER of one certificate or CRL. It is not parsed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Blob {
    /// For [`Certificate::from_der`](super::Certificate::from_der).
    Certificate(Vec<u8>),
    /// For [`Crl::from_der`](super::Crl::from_der).
    Crl(Vec<u8>),
}

/// Splits an input into certificates and CRLs. It is the DER of one of them, or text with PEM blocks (RFC 7468)
/// `CERTIFICATE` and `X509 CRL` and anything between them, with lines that end in LF or CRLF.
///
/// ```
/// use sevcrypt::x509::{Blob, split};
///
/// let text = b"the ARK\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
/// assert_eq!(split(text)?, [Blob::Certificate(vec![0x30, 0x00])]);
/// # Ok::<(), sevcrypt::x509::CertificateError>(())
/// ```
///
/// # Errors
/// [`CertificateError`] if the input is neither, holds no PEM block, or a block of another kind, which it names, or
/// one that is damaged, or more than 256 blocks or 16 MiB in one.
pub fn split(input: &[u8]) -> Result<Vec<Blob>, CertificateError> {
    // The first byte of a SEQUENCE is also the digit 0; but the length of one that long is no character.
    match *input {
        [tag::SEQUENCE, 0x80..=0xFF, ..] => Ok(alloc::vec![from_der(input)?]),
        _ => from_text(input),
    }
}

/// Tells a certificate from a CRL by the first field of its signed part: `[0]` for the version of a certificate,
/// an INTEGER for that of a CRL.
fn from_der(input: &[u8]) -> Result<Blob, CertificateError> {
    let outer = whole(input, MAX_DER, Field::Certificate)?;
    let fields = outer.reader().read(tag::SEQUENCE, Field::Tbs)?.reader();
    match fields.peek() {
        Some(tag::CONTEXT_0) => Ok(Blob::Certificate(input.to_vec())),
        Some(tag::INTEGER) => Ok(Blob::Crl(input.to_vec())),
        _ => Err(fields.error(Field::Version, Kind::Unrecognized)),
    }
}

fn from_text(input: &[u8]) -> Result<Vec<Blob>, CertificateError> {
    let mut blobs = Vec::new();
    let mut from = 0;
    while let Some(begin) = find(input, BEGIN, from) {
        let error = |kind| CertificateError { field: Field::Pem, offset: begin, kind };
        let label_begin = begin + BEGIN.len();
        let label_end = find(input, DASHES, label_begin).ok_or(error(Kind::PemBoundary))?;
        let label = &input[label_begin..label_end];
        let blob = match label {
            b"CERTIFICATE" => Blob::Certificate,
            b"X509 CRL" => Blob::Crl,
            _ => return Err(error(Kind::PemLabel(PemLabel::new(label)))),
        };
        let end = find(input, END, label_end).ok_or(error(Kind::PemBoundary))?;
        let end = end + END.len() + label.len() + DASHES.len();
        let block = input.get(begin..end).ok_or(error(Kind::PemBoundary))?;
        // Four characters for three bytes, and what a line ends with.
        if block.len() / 3 * 2 > MAX_DER {
            return Err(error(Kind::TooLong { len: block.len() / 3 * 2, max: MAX_DER }));
        }
        if blobs.len() == MAX_BLOCKS {
            return Err(error(Kind::TooManyBlocks { max: MAX_BLOCKS }));
        }
        blobs.push(blob(decode(block).map_err(error)?));
        from = end;
    }
    if blobs.is_empty() {
        return Err(Reader::new(input).error(Field::Pem, Kind::Unrecognized));
    }
    Ok(blobs)
}

/// Decodes one block, from BEGIN to the dashes of END.
fn decode(block: &[u8]) -> Result<Vec<u8>, Kind> {
    let mut decoder =
        pem_rfc7468::Decoder::new_detect_wrap(block).map_err(|error| match error {
            pem_rfc7468::Error::Base64(_) | pem_rfc7468::Error::Length => Kind::Base64,
            _ => Kind::PemBoundary,
        })?;
    let mut der = Vec::new();
    decoder.decode_to_end(&mut der).map_err(|_| Kind::Base64)?;
    Ok(der)
}

/// Where `wanted` begins, at or after `from`.
fn find(input: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let at = input.get(from..)?.windows(wanted.len()).position(|window| window == wanted)?;
    Some(from + at)
}
