//! Values and files that come in.

use std::borrow::Cow;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64ct::{Base64Unpadded, Encoding};
use sevcrypt::{Guid, PhysAddr};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// `--address`: a system physical address, `0x...` or decimal.
pub(crate) fn address(text: &str) -> Result<PhysAddr, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let number = match digits {
        Some(digits) if digits.starts_with('+') => None,
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let number = number
        .ok_or("not a number of at most 64 bits: 0x and hexadecimal digits, or decimal ones")?;
    if !number.is_multiple_of(16) {
        return Err("not a multiple of 16".to_owned());
    }
    PhysAddr::new(number).map_err(|error| error.to_string())
}

/// Bytes given as hexadecimal digits (with or without `0x`) or as `@FILE`. The text is never repeated in an error.
pub(crate) fn bytes(option: &str, text: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if let Some(path) = text.strip_prefix('@') {
        // Keys and seeds are short; a device without an end must not fill memory.
        const LONGEST: u64 = 1 << 20;
        let mut bytes = Zeroizing::new(Vec::new());
        let read = File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
        read.map_err(|error| Failure::usage(format_args!("{option}: {path}: {error}")))?;
        if bytes.len() as u64 > LONGEST {
            return Err(Failure::usage(format_args!(
                "{option}: {path}: longer than {LONGEST} bytes"
            )));
        }
        return Ok(bytes);
    }
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    base16ct::mixed::decode_vec(digits).map(Zeroizing::new).map_err(|_| {
        Failure::usage(format_args!(
            "{option}: {} characters that are not pairs of hexadecimal digits; expected those, or @FILE",
            digits.chars().count()
        ))
    })
}

/// A GUID as it is written: 8, 4, 4, 4 and 12 hexadecimal digits.
pub(crate) fn guid(text: &str) -> Option<Guid> {
    let lengths = text.split('-').map(str::len);
    if !lengths.eq([8, 4, 4, 4, 12]) {
        return None;
    }
    let bytes = base16ct::mixed::decode_vec(text.replace('-', "")).ok()?;
    bytes.try_into().ok().map(Guid::new)
}

/// Whether standard input is read once only.
pub(crate) fn check_standard_input<'p>(
    paths: impl IntoIterator<Item = &'p PathBuf>,
) -> Result<(), Failure> {
    match paths.into_iter().filter(|path| **path == Path::new("-")).count() {
        0 | 1 => Ok(()),
        _ => Err(Failure::usage("-: standard input can be read once only")),
    }
}

/// The file to read, opened.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) reader: Box<dyn Read + Send>,
    /// The length, where it is known before the end.
    pub(crate) len: Option<u64>,
}

impl Input {
    /// Opens a file; `-` is standard input.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            let (name, reader) = ("standard input".to_owned(), Box::new(io::stdin()));
            return Ok(Self { name, reader, len: None });
        }
        let name = path.display().to_string();
        let failed = |error| Failure::usage(format_args!("{name}: {error}"));
        // Asked before opening: opening a pipe without a writer would wait.
        let metadata = fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            return Err(Failure::usage(format_args!("{name}: is a directory, expected a file")));
        }
        let file = File::open(path).map_err(failed)?;
        let len = metadata.is_file().then_some(metadata.len());
        Ok(Self { name, reader: Box::new(file), len })
    }

    /// Reads a secret, and wipes what was read. Of what is longer than `longest` bytes there is one byte more.
    pub(crate) fn read_secret(self, longest: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
        // As large as it may get, so that it never moves and leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * longest));
        let read = self.reader.take(longest as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| Failure::usage(format_args!("{}: {error}", self.name)))?;
        Ok(bytes)
    }
}

/// Bytes of an option that are public: hexadecimal digits or base64, or `@FILE` with those or binary. With them comes
/// the name for errors.
pub(crate) fn encoded(option: &str, text: &str) -> Result<(String, Vec<u8>), Failure> {
    let content = match text.strip_prefix('@') {
        Some(path) => Content::read(path.as_ref())?,
        None => Content { name: option.to_owned(), bytes: text.as_bytes().to_vec() },
    };
    match content.binary() {
        // What stands in an option is no file's content.
        Err(Failure::Malformed(why)) if !text.starts_with('@') => Err(Failure::Usage(why)),
        bytes => {
            let bytes = bytes?.into_owned();
            Ok((content.name, bytes))
        }
    }
}

/// A file that is held as a whole.
pub(crate) struct Content {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Content {
    /// Reads a file; `-` is standard input.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        // What is read whole is a few KiB long, but for a revocation list, whose limit this is.
        const LONGEST: u64 = 16 << 20;
        let Input { name, reader, .. } = Input::open(path)?;
        let mut bytes = Vec::new();
        let read = reader.take(LONGEST + 1).read_to_end(&mut bytes);
        read.map_err(|error| Failure::usage(format_args!("{name}: {error}")))?;
        if bytes.len() as u64 > LONGEST {
            return Err(Failure::usage(format_args!("{name}: longer than {LONGEST} bytes")));
        }
        Ok(Self { name, bytes })
    }

    /// What is wrong with it.
    pub(crate) fn malformed(&self, why: impl Display) -> Failure {
        Failure::malformed(format_args!("{}: {why}", self.name))
    }

    /// The bytes, decoded if they are text: hexadecimal digits (with or without `0x`) or base64 (of either alphabet, with
    /// or without padding), with white space anywhere.
    ///
    /// No report and no table is text by itself: they have zero bytes. And no text is both in practice: the base64 of a
    /// report has letters behind F.
    pub(crate) fn binary(&self) -> Result<Cow<'_, [u8]>, Failure> {
        let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        if self.bytes.is_empty() || !self.bytes.iter().all(is_text) {
            return Ok(Cow::Borrowed(&self.bytes));
        }
        let compact = self.bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
        let compact: String = compact.copied().map(char::from).collect();
        let digits = compact.strip_prefix("0x").unwrap_or(&compact);
        if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            let bytes = base16ct::mixed::decode_vec(digits);
            let odd = |_| self.malformed("an odd number of hexadecimal digits");
            return bytes.map(Cow::Owned).map_err(odd);
        }
        let standard = compact.trim_end_matches('=').replace('-', "+").replace('_', "/");
        Base64Unpadded::decode_vec(&standard).map(Cow::Owned).map_err(|_| {
            self.malformed(
                "text that is neither hexadecimal digits nor base64; expected those, or binary",
            )
        })
    }
}
