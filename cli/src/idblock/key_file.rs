//! Files with keys on P-384.

use std::path::Path;

use p384::SecretKey;
use p384::pkcs8::DecodePublicKey;
use sevcrypt::ecdsa::{SigningKey, VerifyingKey};
use zeroize::{Zeroize, Zeroizing};

use crate::failure::Failure;
use crate::input::Input;

/// What is read, for people.
const EXPECTED: &str = "expected a key on P-384, PEM or DER: PRIVATE KEY (PKCS#8), EC PRIVATE KEY (SEC 1), and for \
    key-digest PUBLIC KEY";

/// A key of a file, and the file's name.
pub(super) struct KeyFile {
    name: String,
    key: AnyKey,
}

enum AnyKey {
    Private(SigningKey),
    Public(VerifyingKey),
}

impl KeyFile {
    /// Reads a file; `-` is standard input. What it held is wiped.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        const LONGEST: usize = 1 << 16;
        let input = Input::open(path)?;
        let name = input.name.clone();
        let bytes = input.read_secret(LONGEST)?;
        let parsed = match bytes.len() > LONGEST {
            true => Err(format!("longer than {LONGEST} bytes, {EXPECTED}")),
            false => AnyKey::parse(&bytes),
        };
        match parsed {
            Ok(key) => Ok(Self { name, key }),
            Err(why) => Err(Failure::malformed(format_args!("{name}: {why}"))),
        }
    }

    /// The private key.
    pub(super) fn private(&self) -> Result<&SigningKey, Failure> {
        match &self.key {
            AnyKey::Private(key) => Ok(key),
            AnyKey::Public(_) => {
                let name = &self.name;
                Err(Failure::malformed(format_args!(
                    "{name}: a public key, expected a private one"
                )))
            }
        }
    }

    /// The public key, of a private one too.
    pub(super) fn public(&self) -> VerifyingKey {
        match &self.key {
            AnyKey::Private(key) => key.verifying_key(),
            AnyKey::Public(key) => *key,
        }
    }
}

impl AnyKey {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        match str::from_utf8(bytes) {
            Ok(text) if text.contains(BEGIN) => from_text(text),
            _ => private(bytes).map(Self::Private).or_else(|why| {
                // A public key says that it is one by its structure only.
                public(bytes).map(Self::Public).map_err(|_| why)
            }),
        }
    }
}

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// The first block that is a key. OpenSSL writes the parameters of a SEC 1 key into a block before it.
fn from_text(text: &str) -> Result<AnyKey, String> {
    let mut others = Vec::new();
    for (at, _) in text.match_indices(BEGIN) {
        let block = &text[at..];
        let label = block[BEGIN.len()..].split(DASHES).next().unwrap_or_default();
        let parse: fn(&[u8]) -> Result<AnyKey, String> = match label {
            "PRIVATE KEY" | "EC PRIVATE KEY" => |der| private(der).map(AnyKey::Private),
            "PUBLIC KEY" => |der| public(der).map(AnyKey::Public),
            other => {
                others.push(other.escape_debug().to_string());
                continue;
            }
        };
        let end = format!("{DASHES}END {label}{DASHES}");
        let len = block.find(&end).map_or(block.len(), |at| at + end.len());
        let decoded = pem_rfc7468::decode_vec(&block.as_bytes()[..len]);
        let (_, der) = decoded.map_err(|why| format!("the block {label}: {why}"))?;
        return parse(&Zeroizing::new(der));
    }
    Err(format!("it has the PEM block {}, {EXPECTED}", others.join(" and ")))
}

fn private(der: &[u8]) -> Result<SigningKey, String> {
    let key = SecretKey::from_der(der).map_err(|_| EXPECTED)?;
    let mut scalar = key.to_bytes();
    let key = SigningKey::from_scalar(scalar.as_ref());
    scalar.as_mut_slice().zeroize();
    Ok(key.ok_or(EXPECTED)?)
}

fn public(der: &[u8]) -> Result<VerifyingKey, String> {
    let key = p384::PublicKey::from_public_key_der(der).map_err(|_| EXPECTED)?;
    let point = key.to_sec1_bytes();
    let point = point.as_ref().try_into().map_err(|_| EXPECTED)?;
    Ok(VerifyingKey::from_sec1(point).ok_or(EXPECTED)?)
}
