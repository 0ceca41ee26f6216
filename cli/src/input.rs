//! Values and files that come in.

use std::borrow::Cow;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use base64ct::{Base64Unpadded, Encoding};
use sevcrypt::{Guid, PhysAddr};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// `--address`: a system physical address, `0x...` or decimal.
pub(crate) fn address(text: &str) -> Result<PhysAddr, String> {
    let number = number(text)
        .ok_or("not a number of at most 64 bits: 0x and hexadecimal digits, or decimal ones")?;
    if !number.is_multiple_of(16) {
        return Err("not a multiple of 16".to_owned());
    }
    PhysAddr::new(number).map_err(|error| error.to_string())
}

/// A number: `0x` and hexadecimal digits, or decimal ones.
pub(crate) fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match after_0x(text) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))
}

/// A number of `T`'s size in hexadecimal digits, with or without `0x`.
pub(crate) fn hexadecimal<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let digits = after_0x(text).unwrap_or(text);
    let number = u64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'));
    number
        .and_then(|number| number.try_into().ok())
        .ok_or_else(|| format!("expected at most {} hexadecimal digits", 2 * size_of::<T>()))
}

fn after_0x(text: &str) -> Option<&str> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
}

/// The bytes that an option stands for: those of its text, or with `@FILE` those of a file; `@-` is standard input. They
/// are wiped, and in no error.
pub(crate) struct Given {
    /// The option, and the file.
    name: String,
    is_file: bool,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

impl Given {
    /// Hexadecimal digits (with or without `0x`), or a file's bytes as they are.
    pub(crate) fn read(option: &str, text: &str) -> Result<Self, Failure> {
        if let Some(file) = Self::file(option, text)? {
            return Ok(file);
        }
        let digits = after_0x(text).unwrap_or(text);
        let bytes = base16ct::mixed::decode_vec(digits).map(Zeroizing::new).map_err(|_| {
            Failure::usage(format_args!(
                "{option}: {} characters that are not pairs of hexadecimal digits; expected those, or @FILE",
                digits.chars().count()
            ))
        })?;
        Ok(Self { name: option.to_owned(), is_file: false, bytes })
    }

    /// The text itself, or a file's bytes as they are.
    pub(crate) fn read_text(option: &str, text: &str) -> Result<Self, Failure> {
        let itself = || {
            let bytes = Zeroizing::new(text.as_bytes().to_vec());
            Self { name: option.to_owned(), is_file: false, bytes }
        };
        Ok(Self::file(option, text)?.unwrap_or_else(itself))
    }

    /// Hexadecimal digits or base64, or a file with those or binary. Nothing secret: a copy stays behind.
    pub(crate) fn read_encoded(option: &str, text: &str) -> Result<Self, Failure> {
        let mut given = Self::read_text(option, text)?;
        let content = Content { name: given.name.clone(), bytes: given.bytes.to_vec() };
        given.bytes = match content.binary() {
            // What stands in an option is no file's content.
            Err(Failure::Malformed(why)) if !given.is_file => return Err(Failure::Usage(why)),
            bytes => Zeroizing::new(bytes?.into_owned()),
        };
        Ok(given)
    }

    /// The file that a text names, if it does.
    fn file(option: &str, text: &str) -> Result<Option<Self>, Failure> {
        // Keys and seeds are short; a device without an end must not fill memory.
        const LONGEST: usize = 1 << 20;
        let Some(path) = text.strip_prefix('@') else { return Ok(None) };
        let of_option = |failure| match failure {
            Failure::Usage(why) => Failure::Usage(format!("{option}: {why}")),
            failure => failure,
        };
        let input = Input::open(path.as_ref()).map_err(of_option)?;
        let name = format!("{option}: {}", input.name);
        let bytes = input.read_secret(LONGEST).map_err(of_option)?;
        let given = Self { name, is_file: true, bytes };
        match given.bytes.len() > LONGEST {
            true => Err(given.wrong(format_args!("longer than {LONGEST} bytes"))),
            false => Ok(Some(given)),
        }
    }

    /// So many bytes.
    pub(crate) fn fixed<const N: usize>(&self) -> Result<Zeroizing<[u8; N]>, Failure> {
        let fixed = self.bytes.first_chunk::<N>().filter(|_| self.bytes.len() == N);
        fixed
            .map(|bytes| Zeroizing::new(*bytes))
            .ok_or_else(|| self.wrong(format_args!("{} bytes, expected {N}", self.bytes.len())))
    }

    /// What is wrong with them: a file is malformed, an option is used in a wrong way.
    pub(crate) fn wrong(&self, why: impl Display) -> Failure {
        let why = format!("{}: {why}", self.name);
        if self.is_file { Failure::Malformed(why) } else { Failure::Usage(why) }
    }
}

/// Bytes of a fixed length: hexadecimal digits, or `@FILE`.
pub(crate) fn fixed<const N: usize>(
    option: &str,
    text: &str,
) -> Result<Zeroizing<[u8; N]>, Failure> {
    Given::read(option, text)?.fixed()
}

/// Bytes of a fixed length; zeros without the option.
pub(crate) fn optional<const N: usize>(
    option: &str,
    text: Option<&str>,
) -> Result<Zeroizing<[u8; N]>, Failure> {
    text.map_or_else(|| Ok(Zeroizing::new([0; N])), |text| fixed(option, text))
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

/// The file to read, opened.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) reader: Box<dyn Read + Send>,
    /// The length, where it is known before the end.
    pub(crate) len: Option<u64>,
}

impl Input {
    /// Opens a file; `-` is standard input, which there is once.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        static IS_TAKEN: AtomicBool = AtomicBool::new(false);
        if path == Path::new("-") {
            if IS_TAKEN.swap(true, Ordering::Relaxed) {
                return Err(Failure::usage("-: standard input can be read once only"));
            }
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
            return Err(Failure::malformed(format_args!("{name}: longer than {LONGEST} bytes")));
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
