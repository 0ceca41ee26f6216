//! `sevcrypt idblock`: what a guest's owner signs about its launch.

mod key_file;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use clap::{Args, Subcommand};
use serde_json::Value;
use sevcrypt::ecdsa::{Signature, SignatureFormError};
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::id_block::{IdAuth, IdBlock, LaunchFinish, LaunchFinishError, PublicKey};
use sevcrypt::{Hex, Page, Status};

use self::key_file::KeyFile;
use crate::failure::Failure;
use crate::input::{Content, fixed, optional};
use crate::keys::policy;
use crate::output::{self, Fields, Piece, Readers};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// An ID block, signed, and the page with its signatures and keys
    Create(Box<CreateOptions>),
    /// What an ID block or its page says. Nothing is verified
    Show(ShowOptions),
    /// Whether the firmware takes an ID block and its page
    Verify(VerifyOptions),
    /// The digest of a key, as reports tell it of the ID key and the author key
    KeyDigest(KeyDigestOptions),
}

#[derive(Args)]
pub(crate) struct CreateOptions {
    /// The launch digest: 48 bytes
    #[arg(long, value_name = "HEX")]
    digest: String,
    /// The ID key, which signs the ID block: a private key on P-384, PEM or DER
    #[arg(long, value_name = "PEM")]
    id_key: PathBuf,
    /// The author key, which signs the ID key: a private key on P-384, PEM or DER
    #[arg(long, value_name = "PEM")]
    author_key: Option<PathBuf>,
    /// The guest's policy: a hexadecimal number
    #[arg(long, value_name = "HEX", value_parser = policy, default_value = "0x30000")]
    policy: GuestPolicy,
    /// FAMILY_ID: 16 bytes [default: zeros]
    #[arg(long, value_name = "HEX")]
    family_id: Option<String>,
    /// IMAGE_ID: 16 bytes [default: zeros]
    #[arg(long, value_name = "HEX")]
    image_id: Option<String>,
    /// The security version of the guest
    #[arg(long, value_name = "N", default_value = "0")]
    guest_svn: u32,
    /// The version of the ID block
    #[arg(long, value_name = "N", default_value = "1")]
    version: u32,
    /// The file for the ID block, 96 bytes; - is standard output
    #[arg(long, value_name = "OUT")]
    id_block: PathBuf,
    /// The file for the page with signatures and keys, 4096 bytes; - is standard output
    #[arg(long, value_name = "OUT")]
    id_auth: PathBuf,
    /// Write lines of base64, as QEMU takes them for id-block= and id-auth=
    #[arg(long)]
    base64: bool,
}

#[derive(Args)]
pub(crate) struct ShowOptions {
    /// An ID block or its page: a file, binary or as hexadecimal digits or base64, or the text itself; - is standard input
    #[arg(value_name = "FILE|BASE64")]
    source: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct VerifyOptions {
    /// The ID block, binary or as hexadecimal digits or base64; - is standard input
    #[arg(long, value_name = "FILE")]
    id_block: PathBuf,
    /// The page with signatures and keys, binary or as hexadecimal digits or base64; - is standard input
    #[arg(long, value_name = "FILE")]
    id_auth: PathBuf,
    /// The launch digest that the ID block must expect: 48 bytes
    #[arg(long, value_name = "HEX")]
    digest: Option<String>,
    /// The policy that the ID block must expect: a hexadecimal number
    #[arg(long, value_name = "HEX", value_parser = policy)]
    policy: Option<GuestPolicy>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct KeyDigestOptions {
    /// A private or public key on P-384, PEM or DER; - is standard input
    #[arg(value_name = "PEM")]
    key: PathBuf,
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Create(options) => create(options),
        Command::Show(options) => show(options),
        Command::Verify(options) => verify(options),
        Command::KeyDigest(options) => {
            let key = KeyFile::read(&options.key)?;
            let digest = PublicKey::from(&key.public()).digest();
            Ok(writeln!(io::stdout().lock(), "{}", Hex(&digest))?)
        }
    }
}

fn create(options: &CreateOptions) -> Result<(), Failure> {
    let id_block = IdBlock {
        launch_digest: *fixed("--digest", &options.digest)?,
        family_id: *optional("--family-id", options.family_id.as_deref())?,
        image_id: *optional("--image-id", options.image_id.as_deref())?,
        version: options.version,
        guest_svn: options.guest_svn,
        policy: options.policy,
    };
    let id_key = KeyFile::read(&options.id_key)?;
    let author_key = options.author_key.as_deref().map(KeyFile::read).transpose()?;
    let id = id_block.sign(&id_key.public(), id_key.private()?).map_err(Failure::usage)?;
    let author = match &author_key {
        Some(key) => Some(id.key.sign(&key.public(), key.private()?).map_err(Failure::usage)?),
        None => None,
    };
    let mut page = [0; 4096];
    IdAuth::write(&mut page, &id, author.as_ref());

    let written = |bytes: &[u8]| match options.base64 {
        true => format!("{}\n", Base64::encode_string(bytes)).into_bytes(),
        false => bytes.to_vec(),
    };
    let (block, auth) = (written(&id_block.to_bytes()), written(&page));
    let paths = [&options.id_block, &options.id_auth];
    if options.base64 && paths.iter().all(|path| **path == Path::new("-")) {
        // Lines of text can follow each other.
        return output::write_file(paths[0], &[block, auth].concat());
    }
    let piece =
        |path: &PathBuf, bytes| Piece { path: path.clone(), bytes, readers: Readers::Anyone };
    output::write_files(&[piece(paths[0], &block), piece(paths[1], &auth)])
}

/// Either structure, told apart by its size.
enum Structure {
    IdBlock(IdBlock),
    IdAuth(Box<Page>),
}

impl Structure {
    fn of_size(bytes: &[u8]) -> Option<Self> {
        if let Ok(bytes) = <&[u8; IdBlock::LEN]>::try_from(bytes) {
            return Some(Self::IdBlock(IdBlock::from_bytes(bytes)));
        }
        <&Page>::try_from(bytes).ok().map(|page| Self::IdAuth(Box::new(*page)))
    }

    /// What has the size as it is, is not text.
    fn parse(content: &Content) -> Result<Self, Failure> {
        if let Some(structure) = Self::of_size(&content.bytes) {
            return Ok(structure);
        }
        let bytes = content.binary()?;
        Self::of_size(&bytes).ok_or_else(|| {
            content.malformed(format_args!(
                "{} bytes, expected {} (an ID block) or {} (its page of signatures and keys)",
                bytes.len(),
                IdBlock::LEN,
                size_of::<Page>()
            ))
        })
    }

    fn id_block(content: &Content) -> Result<IdBlock, Failure> {
        match Self::parse(content)? {
            Self::IdBlock(id_block) => Ok(id_block),
            Self::IdAuth(_) => {
                Err(content.malformed("a page of signatures and keys, expected an ID block"))
            }
        }
    }

    fn id_auth(content: &Content) -> Result<Box<Page>, Failure> {
        match Self::parse(content)? {
            Self::IdAuth(page) => Ok(page),
            Self::IdBlock(_) => {
                Err(content.malformed("an ID block, expected its page of signatures and keys"))
            }
        }
    }
}

/// The file of this name, or the text itself where there is none.
fn source(text: &str) -> Result<Content, Failure> {
    let path = Path::new(text);
    if text == "-" || fs::exists(path).unwrap_or(false) {
        return Content::read(path);
    }
    let name = "the argument, which is no file".to_owned();
    Ok(Content { name, bytes: text.as_bytes().to_vec() })
}

fn show(options: &ShowOptions) -> Result<(), Failure> {
    let content = source(&options.source)?;
    let fields = match Structure::parse(&content)? {
        Structure::IdBlock(id_block) => id_block_fields(&id_block, options.json)?,
        Structure::IdAuth(page) => id_auth_fields(IdAuth::from_bytes(&page)),
    };
    print(&fields, options.json)
}

fn print(fields: &Fields, json: bool) -> Result<(), Failure> {
    if json { output::json(fields) } else { fields.print(&mut io::stdout().lock()) }
}

fn id_block_fields(id_block: &IdBlock, json: bool) -> Result<Fields, Failure> {
    let policy = match json {
        true => serde_json::to_value(id_block.policy)
            .map_err(|error| Failure::usage(format_args!("the policy: {error}")))?,
        false => id_block.policy.to_string().into(),
    };
    let mut fields = Fields::default();
    fields.add("launch_digest", Hex(&id_block.launch_digest).to_string());
    fields.add("family_id", Hex(&id_block.family_id).to_string());
    fields.add("image_id", Hex(&id_block.image_id).to_string());
    fields.add("version", id_block.version);
    fields.add("guest_svn", id_block.guest_svn);
    fields.add("policy", policy);
    Ok(fields)
}

/// Keys as SEC 1 writes points, signatures as r and s; `faults` has the place and the reason of what is none.
fn id_auth_fields(id_auth: IdAuth<'_>) -> Fields {
    let (mut fields, mut faults) = (Fields::default(), Vec::new());
    let mut key = |name: &str, key: &PublicKey| match key.verifying_key() {
        Ok(key) => Hex(&key.to_sec1()).to_string().into(),
        Err(why) => {
            faults.push(format!("{name}: {why}"));
            Value::Null
        }
    };
    let id_key = key("ID_KEY", &id_auth.id_key());
    let author_key = match id_auth.has_author() {
        true => key("AUTHOR_KEY", &id_auth.author_key()),
        false => Value::Null,
    };
    let mut signature =
        |name: &str, signature: Result<Signature, SignatureFormError>| match signature {
            Ok(signature) => format!("{}{}", Hex(signature.r()), Hex(signature.s())).into(),
            Err(why) => {
                faults.push(format!("{name}: {why}"));
                Value::Null
            }
        };
    fields.add("id_key_algo", id_auth.id_key_algo());
    fields.add("auth_key_algo", id_auth.auth_key_algo());
    fields.add("id_key", id_key);
    fields.add("id_key_digest", digest(&id_auth.id_key()));
    fields.add("id_block_sig", signature("ID_BLOCK_SIG", id_auth.id_block_signature()));
    fields.add("author_key", author_key);
    fields.add("author_key_digest", author_digest(id_auth));
    let id_key_signature = match id_auth.has_author() {
        true => signature("ID_KEY_SIG", id_auth.id_key_signature()),
        false => Value::Null,
    };
    fields.add("id_key_sig", id_key_signature);
    if let Err(why) = id_auth.check_reserved() {
        faults.push(why.to_string());
    }
    fields.add("faults", faults);
    fields
}

fn digest(key: &PublicKey) -> Value {
    Hex(&key.digest()).to_string().into()
}

fn author_digest(id_auth: IdAuth<'_>) -> Value {
    id_auth.has_author().then(|| digest(&id_auth.author_key())).into()
}

fn verify(options: &VerifyOptions) -> Result<(), Failure> {
    let digest = options.digest.as_deref().map(|text| fixed("--digest", text)).transpose()?;
    let [id_block, id_auth] = [Content::read(&options.id_block)?, Content::read(&options.id_auth)?];
    let parsed = Structure::id_block(&id_block)
        .and_then(|id_block| Ok((id_block, Structure::id_auth(&id_auth)?)));
    let mut fields = Fields::default();
    let (id_block, page) = match parsed {
        Ok(parsed) => parsed,
        Err(Failure::Malformed(why)) => {
            fields.add("verdict", "malformed");
            fields.add("why", why.clone());
            let printed = if options.json { output::json(&fields) } else { Ok(()) };
            return Err::<(), _>(Failure::Malformed(why)).and(printed);
        }
        Err(failure) => return Err(failure),
    };
    let id_auth = IdAuth::from_bytes(&page);
    // Signatures first: who did not sign has nothing to say about digests and policies.
    let as_signed = LaunchFinish {
        launch_digest: &id_block.launch_digest,
        policy: id_block.policy,
        id_block: Some((id_block, id_auth)),
        auth_key_en: id_auth.has_author(),
    };
    let as_asked = LaunchFinish {
        launch_digest: digest.as_deref().unwrap_or(&id_block.launch_digest),
        policy: options.policy.unwrap_or(id_block.policy),
        ..as_signed
    };
    let status = as_asked.check().map_or_else(|why| why.status(), |_| Status::SUCCESS);
    let (verdict, end) = verdict(as_signed.check().and_then(|_| as_asked.check()).err());
    fields.add("verdict", verdict);
    fields.add("status", status.to_string());
    if let Err(Failure::Malformed(why) | Failure::NotAuthentic(why) | Failure::Refused(why)) = &end
    {
        fields.add("why", why.clone());
    }
    fields.add("id_key_digest", self::digest(&id_auth.id_key()));
    fields.add("author_key_digest", author_digest(id_auth));
    fields.add("reserved", id_auth.check_reserved().err().map(|why| why.to_string()));
    // Whoever does not read to the end has the verdict in the exit code all the same.
    end.and(print(&fields, options.json))
}

/// The word for what came out, and the end of the run.
fn verdict(error: Option<LaunchFinishError>) -> (&'static str, Result<(), Failure>) {
    let Some(error) = error else { return ("accepted", Ok(())) };
    let why = error.to_string();
    match error.status() {
        Status::BAD_MEASUREMENT | Status::POLICY_FAILURE => ("refused", Err(Failure::Refused(why))),
        Status::INVALID_PARAM => ("malformed", Err(Failure::Malformed(why))),
        _ => ("not-authentic", Err(Failure::NotAuthentic(why))),
    }
}
